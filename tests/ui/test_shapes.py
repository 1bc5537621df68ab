"""How annotations are drawn: as paths in pixels of the upright picture."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dedup.labels import masks
from dedup.ui.browser.shapes import MASK_SIDE, outlines, shape_of

SIZE = (5, 4)
INK = "#0072b2"


def test_a_box_a_polygon_and_keypoints():
    box = shape_of({"bbox": [10, 20, 30, 40]}, "cat", INK, SIZE)
    assert box == {
        "category": "cat",
        "ink": INK,
        "path": "M10.0 20.0L40.0 20.0L40.0 60.0L10.0 60.0Z",
        "points": [],
        "crowd": False,
    }
    drawn = shape_of(
        {"bbox": [0, 0, 9, 9], "segmentation": [[1, 2, 3, 4, 5, 6], [7, 8]], "iscrowd": 1}, "dog", INK, SIZE
    )
    assert drawn["path"] == "M1.0 2.0L3.0 4.0L5.0 6.0Z" and drawn["crowd"]
    posed = shape_of({"keypoints": [1, 2, 2, 0, 0, 0, 5.55, 6, 1]}, "person", INK, SIZE)
    assert posed["path"] == "" and posed["points"] == [[1.0, 2.0, 2.0], [5.5, 6.0, 1.0]]


def test_a_mask_is_drawn_by_its_outline():
    mask = {"size": [4, 5], "counts": [5, 2, 2, 2, 9]}
    drawn = shape_of({"bbox": [0, 0, 5, 4], "segmentation": mask}, "x", INK, SIZE)
    assert drawn["path"] == "M1.0 1.0L3.0 1.0L3.0 3.0L1.0 3.0Z"
    side = 4 * MASK_SIDE
    large = shape_of({"segmentation": {"size": [side, side], "counts": [0, side * side]}}, "x", INK, (side, side))
    assert large["path"] == f"M0.0 0.0L{side}.0 0.0L{side}.0 {side}.0L0.0 {side}.0Z"


def test_a_crack_in_a_large_picture_is_drawn_and_not_its_box():
    crack = np.zeros((3000, 4000), bool)
    for step in range(2900):
        crack[step + 50, step + 50 : step + 53] = True
    told = masks.encode(crack, 0, 0, (4000, 3000))
    path = shape_of({"bbox": [50, 50, 2903, 2900], "segmentation": told}, "crack", INK, (4000, 3000))["path"]
    assert path.count("L") > 100
    assert shoelace(path) < 0.02 * 4000 * 3000


def shoelace(path: str) -> float:
    """The area of all outlines of a path, holes taken off."""
    area = 0.0
    for part in path.removesuffix("Z").split("Z"):
        corners = np.array([each.split() for each in part.removeprefix("M").split("L")], float)
        following = np.roll(corners, -1, axis=0)
        area += (corners[:, 0] * following[:, 1] - corners[:, 1] * following[:, 0]).sum() / 2
    return area


@given(arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_outlines_hold_the_cells_and_nothing_else(cells):
    path = "".join("M" + "L".join(f"{x} {y}" for x, y in line) + "Z" for line in outlines(cells))
    assert shoelace(path) == cells.sum() if path else not cells.any()
    assert path.count("Z") >= bool(cells.any())


def test_a_mask_of_a_smaller_copy_is_drawn_where_it_lies_and_one_of_another_shape_as_its_box():
    half = masks.encode(np.ones((50, 50), bool), 100, 50, (200, 150))
    assert shape_of({"segmentation": half}, "x", INK, (400, 300))["path"] == (
        "M200.0 100.0L300.0 100.0L300.0 200.0L200.0 200.0Z"
    )
    assert shape_of({"segmentation": half, "bbox": [1, 2, 3, 4]}, "x", INK, (300, 400))["path"].startswith("M1.0 2.0")


def test_what_cannot_be_drawn_is_drawn_as_its_box_or_not_at_all():
    broken = {"size": [4, 5], "counts": [1]}
    assert shape_of({"bbox": [0, 0, 5, 4], "segmentation": broken}, "x", INK, SIZE)["path"].startswith("M0.0 0.0")
    assert shape_of({}, "x", INK, SIZE) is None and shape_of({"segmentation": broken}, "x", INK, SIZE) is None
    assert shape_of({"bbox": [0, np.nan, 5, 4], "segmentation": [["a"]]}, "x", INK, SIZE) is None
