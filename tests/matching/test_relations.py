from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup.matching import geometry, relations
from dedup.matching.columns import AFFINE, BOX, COLUMNS, NEUTRAL, PAIR_COLUMNS, SIZES, Back, other_side
from dedup.matching.relations import Relation

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "matching.md"


def row(**values) -> dict:
    """A pair of two equal pictures, with some parameters replaced."""
    sizes = {"left_width": 400, "left_height": 300, "right_width": 400, "right_height": 300}
    return NEUTRAL | {"right": 1, "relations": "recompressed"} | sizes | values


def table(*rows: dict) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(PAIR_COLUMNS)).astype(PAIR_COLUMNS)


def affine(degrees: float, scale: float, orientation: int, x: float, y: float) -> np.ndarray:
    """A map between square pictures: oriented, then rotated counter-clockwise and scaled, then moved."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    linear = scale * np.array([[c, s], [-s, c]]) @ geometry.ORIENTATIONS[orientation - 1]
    return np.array([[linear[0, 0], linear[0, 1], x, linear[1, 0], linear[1, 1], y]])


relaxed = settings(max_examples=50)
degrees = st.floats(-40, 40)
orientations = st.integers(1, 8)


@relaxed
@given(degrees, st.floats(0.5, 2), orientations)
def test_geometry_reads_back_what_was_done(angle: float, scale: float, orientation: int) -> None:
    found = geometry.read_off(affine(angle, scale, orientation, 0.1, 0.2), np.array([[300, 300, 300, 300]]))
    assert found["orientation"][0] == orientation
    assert found["rotation"][0] == pytest.approx(angle, abs=1e-6)
    assert found["scale"][0] == pytest.approx(scale)
    assert found["stretch"][0] == pytest.approx(1)


@relaxed
@given(degrees, st.floats(0.5, 2), orientations, st.floats(-0.3, 0.3))
def test_inverting_geometry_is_the_geometry_of_the_inverse(angle: float, scale: float, way: int, move: float) -> None:
    there = affine(angle, scale, way, move, 0.1)
    sizes = np.array([[300, 300, 300, 300]])
    pair = row(**dict(zip(AFFINE, there[0], strict=True)))
    pair |= {name: values[0] for name, values in geometry.read_off(there, sizes).items()}
    back = relations.invert(table(pair)).iloc[0]
    expected = geometry.read_off(geometry.invert_affine(there), sizes)
    for name, values in expected.items():
        assert back[name] == pytest.approx(values[0], rel=1e-3, abs=1e-3)


@relaxed
@given(degrees, st.floats(0.5, 2), orientations)
def test_inverting_twice_changes_nothing(angle: float, scale: float, way: int) -> None:
    pair = row(**dict(zip(AFFINE, affine(angle, scale, way, 0.1, 0.05)[0], strict=True)))
    pair |= {
        "orientation": way,
        "rotation": angle,
        "scale": scale,
        "gain": 1.3,
        "bias": -4.0,
        "cropped": 1,
        "blur": 0.7,
    }
    pair |= {"relations": "turned 90|rotated|cropped|brighter|blurred", "tint": 2.0, "lightness": 5.0}
    pairs = table(pair)
    twice = relations.invert(relations.invert(pairs))
    pd.testing.assert_frame_equal(pairs, twice, rtol=1e-3, atol=1e-4)


def test_crop_window_area() -> None:
    # right shows the middle: left's 0.1..0.9 fill it
    there = np.array([[1.25, 0, -0.125, 0, 1.25, -0.125]])
    found = geometry.read_off(there, np.array([[400, 300, 320, 240]]))
    assert found["seen_left"][0] == pytest.approx(0.64)
    assert found["seen_right"][0] == pytest.approx(1)
    assert found["scale"][0] == pytest.approx(1)


def test_sentences() -> None:
    cropped = row(relations="mirrored|cropped|recompressed", cropped=1, seen_left=0.82, orientation=2)
    assert Relation(cropped).sentence() == "mirrored, cropped to 82 %, recompressed"
    assert Relation.from_row(cropped).inverse().sentence().startswith("mirrored, uncropped")
    assert Relation(row(relations="identical file")).sentence() == "identical file"
    assert Relation(row(relations="identical pixels")).inverse().sentence() == "identical pixels"
    half = row(relations="resized", right_width=200, right_height=150, scale=0.5)
    assert Relation(half).sentence() == "resized from 400x300 to 200x150"
    assert Relation(half).inverse().sentence() == "resized from 200x150 to 400x300"
    corner = dict(zip(BOX, (0.7, 0.7, 1.0, 1.0), strict=True))
    assert Relation(row(relations="overlaid", overlaid=1, **corner)).sentence() == "overlaid at the bottom right"
    assert Relation(row(relations="turned 90")).inverse().names == ("turned 270",)
    assert relations.describe(table(half, cropped)) == [Relation(half).sentence(), Relation(cropped).sentence()]


def test_an_opposite_has_the_name_as_its_own() -> None:
    for word, each in relations.NAMED.items():
        assert not each.opposite or relations.NAMED[each.opposite].opposite == word


def test_boxes_follow_the_map() -> None:
    half = row(xx=1, yy=1, right_width=200, right_height=150)
    matrix = geometry.pixel_affine(half)
    assert geometry.map_box((40, 30, 80, 60), matrix) == pytest.approx((20, 15, 40, 30))
    mirrored = row(xx=-1, x0=1)
    assert geometry.map_box((0, 0, 100, 50), geometry.pixel_affine(mirrored)) == pytest.approx((300, 0, 400, 50))


def test_an_empty_table_keeps_its_columns() -> None:
    empty = table()
    assert relations.invert(empty).dtypes.equals(empty.dtypes)
    assert relations.describe(empty) == []


@pytest.mark.parametrize(
    ("polygon", "inside"),
    [
        ([(1, 1), (3, 1), (3, 3), (1, 3)], [(1, 1), (3, 1), (3, 3), (1, 3)]),
        ([(2, 1), (6, 1), (6, 3), (2, 3)], [(2, 1), (4, 1), (4, 3), (2, 3)]),
        ([(-4, -4), (8, -4), (8, 8), (-4, 8)], [(4, 0), (4, 4), (0, 4), (0, 0)]),
        ([(5, 5), (6, 5), (6, 6)], []),
        ([], []),
    ],
    ids=["inside", "across", "around", "outside", "empty"],
)
def test_polygons_are_clipped_at_a_box(polygon, inside) -> None:
    clipped = geometry.clip(polygon, (0, 0, 4, 4))
    assert sorted(map(tuple, clipped)) == sorted(inside)


def test_tones_are_inverted_as_a_line_is() -> None:
    back = relations.invert(table(row(gain=2.0, bias=10.0)))
    assert (back["gain"][0], back["bias"][0]) == (0.5, -5.0)


def test_recompressed_is_said_of_other_qualities_only_and_never_for_want_of_a_word():
    named = {recoded: relations.name(table(row(recoded=recoded)).to_dict("series"))[0] for recoded in (0, 1, 2)}
    assert named == {0: "next to identical", 1: "recompressed", 2: "other format"}


def test_the_shift_of_the_colours_has_no_direction_to_turn():
    pairs = table(row(tint=14.0))
    assert relations.invert(pairs)["tint"].tolist() == [14.0]


def test_a_factor_that_darkens_all_samples_changes_no_colour_beside_and_gray_says_that_colours_are_gone():
    def named(**values: float) -> str:
        return relations.name(table(row(**values)).to_dict("series"))[0]

    assert named(gain=0.6, saturation=0.6, lightness=-36) == "darker"
    assert named(gain=1.48, bias=7, saturation=1.35, lightness=52) == "brighter"
    assert named(gain=0.6, saturation=0.6, lightness=-3) == "colour changed"  # or nothing would be said
    assert named(gain=0.6, saturation=0.3, lightness=-36) == "darker|colour changed"
    assert named(saturation=0.6) == "colour changed"
    assert named(gray=1, saturation=0.02, tint=56) == "gray"
    assert named(tint=14) == "colour changed"


def test_what_a_pixel_of_a_tiny_picture_may_explain_is_not_named():
    def named(side: int) -> set[str]:
        sizes = dict.fromkeys(SIZES, side)
        moved = row(**sizes, rotation=1.2, stretch=1.04, seen_left=0.96, perspective=0.012, recoded=1)
        return set(relations.name(table(moved).to_dict("series"))[0].split("|"))

    assert named(16) == {"recompressed"}
    assert {"rotated", "stretched", "perspective"} <= named(64)


def test_two_equal_pictures_are_so_either_way_round_and_nothing_is_named_of_them():
    pairs = table(NEUTRAL)
    pd.testing.assert_frame_equal(relations.invert(pairs), pairs)
    assert relations.name(pairs.to_dict("series")) == ["next to identical"]


@pytest.mark.parametrize("column", [name for name, each in COLUMNS.items() if each.back == Back.SWAPPED])
def test_what_is_said_of_a_side_is_said_of_the_other_when_they_are_exchanged(column):
    assert COLUMNS[other_side(column)].back == Back.SWAPPED and other_side(other_side(column)) == column
    assert relations.invert(table(row(**{column: 7})))[other_side(column)].tolist() == [7]


def test_the_document_has_the_columns_as_they_are():
    inside = re.search(r"<!-- columns -->\n(.*)\n<!-- /columns -->", DOCUMENT.read_text(), re.DOTALL)
    assert inside and inside[1] == document_table()


def document_table() -> str:
    """The columns as a table, to be pasted into the document when one has changed."""
    rows = [f"| `{name}` | {each.dtype} | {each.back} | {each.meaning} |" for name, each in COLUMNS.items()]
    return "\n".join(["| column | type | with the sides exchanged | meaning |", "|---|---|---|---|", *rows])


def test_turning_some_pairs_keeps_their_order_and_turning_them_again_gives_them_back():
    pairs = table(*(row(left=n, right=n + 10, gain=1 + n / 8) for n in range(6)))
    some = np.array([True, False, True, True, False, False])
    once = relations.turned(pairs, some)
    assert once["left"].tolist() == [10, 1, 12, 13, 4, 5] and once.index.tolist() == pairs.index.tolist()
    pd.testing.assert_frame_equal(once[~some], pairs[~some])
    twice = relations.turned(once, some)
    assert twice["left"].tolist() == pairs["left"].tolist() and np.allclose(twice["gain"], pairs["gain"])
    assert relations.in_order(once)["left"].tolist() == pairs["left"].tolist()
