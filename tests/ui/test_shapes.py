"""How annotations are drawn: as paths in pixels of the upright picture."""

from __future__ import annotations

import numpy as np

from dedup.ui.browser.shapes import MASK_SIDE, shape_of


def test_a_box_a_polygon_and_keypoints():
    box = shape_of({"bbox": [10, 20, 30, 40]}, "cat")
    assert box == {"category": "cat", "path": "M10.0 20.0L40.0 20.0L40.0 60.0L10.0 60.0Z", "points": [], "crowd": False}
    drawn = shape_of({"bbox": [0, 0, 9, 9], "segmentation": [[1, 2, 3, 4, 5, 6], [7, 8]], "iscrowd": 1}, "dog")
    assert drawn["path"] == "M1.0 2.0L3.0 4.0L5.0 6.0Z" and drawn["crowd"]
    posed = shape_of({"keypoints": [1, 2, 2, 0, 0, 0, 5.55, 6, 1]}, "person")
    assert posed["path"] == "" and posed["points"] == [[1.0, 2.0, 2.0], [5.5, 6.0, 1.0]]


def test_a_mask_is_drawn_run_by_run():
    mask = {"size": [4, 5], "counts": [5, 2, 2, 2, 9]}
    assert shape_of({"bbox": [0, 0, 5, 4], "segmentation": mask}, "x")["path"] == "M1 1h2v1h-2ZM1 2h2v1h-2Z"
    side = 4 * MASK_SIDE
    large = shape_of({"segmentation": {"size": [side, side], "counts": [0, side * side]}}, "x")
    assert large["path"].count("M") == MASK_SIDE and f"h{side}v4h-{side}Z" in large["path"]


def test_what_cannot_be_drawn_is_drawn_as_its_box_or_not_at_all():
    broken = {"size": [4, 5], "counts": [1]}
    assert shape_of({"bbox": [0, 0, 5, 4], "segmentation": broken}, "x")["path"].startswith("M0.0 0.0")
    assert shape_of({}, "x") is None and shape_of({"segmentation": broken}, "x") is None
    assert shape_of({"bbox": [0, np.nan, 5, 4], "segmentation": [["a"]]}, "x") is None
