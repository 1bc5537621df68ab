"""Bulk rules name the rows that they say, and no other."""

from __future__ import annotations

import pandas as pd
import pytest

from dedup.review import bulk_rules
from tests.building import make_images, picture

RELATIONS = {
    "exact.png": ("identical file",),
    "j.png": ("recompressed",),
    "mirror.png": ("mirrored", "recompressed"),
    "small.png": ("resized", "recompressed"),
    "turn.png": ("turned 90", "cropped"),
    "crop.png": ("cropped", "recompressed"),
    "plain.png": (),
}


@pytest.fixture
def frame(tmp_path) -> pd.DataFrame:
    for number, name in enumerate(["keeper.png", "alone.png", *RELATIONS]):
        picture(tmp_path / "photos" / name, 0 if name == "exact.png" else number)
    made = make_images(tmp_path, {"keeper.png": list(RELATIONS)}).frame
    made["relations"] = pd.Series([RELATIONS.get(name, ("mirrored",)) for name in made["path"]], dtype=object)
    return made


def names(frame: pd.DataFrame, rows) -> set[str]:
    return {frame["path"][row] for row in rows}


def test_each_rule_names_its_duplicates(frame):
    exact, recompressed, mirrored, turned = bulk_rules.previews(frame)
    assert names(frame, exact.drop) == {"exact.png"}
    assert names(frame, recompressed.drop) == {"j.png", "small.png"}
    assert recompressed.bytes == frame["bytes"][list(recompressed.drop)].sum()
    assert names(frame, [row for row, _ in mirrored.apart]) == {"mirror.png"}
    assert names(frame, [keeper for _, keeper in mirrored.apart]) == {"keeper.png"}
    assert mirrored.drop == () and mirrored.bytes == 0
    assert names(frame, [row for row, _ in turned.apart]) == {"turn.png"}
    assert [each.count for each in (exact, recompressed, mirrored, turned)] == [1, 2, 1, 1]


def test_held_rows_are_counted_and_never_named(frame):
    row = int(frame.index[frame["path"] == "small.png"][0])
    preview = bulk_rules.preview(frame, bulk_rules.RULES[1], hold={row: "protected"})
    assert names(frame, preview.drop) == {"j.png"}
    assert preview.held == 1


def test_protected_folders(tmp_path):
    for name in ("in/a.png", "in/deep/b.png", "inside/c.png", "d.png"):
        picture(tmp_path / "photos" / name, 1)
    made = make_images(tmp_path).frame
    assert names(made, bulk_rules.protected(made, ["in/"])) == {"in/a.png", "in/deep/b.png"}
    assert bulk_rules.protected(made, []) == {}
    assert len(bulk_rules.protected(made, [""])) == 4


def test_rule_names_are_relations_of_the_engine():
    from dedup.matching.relations import NAMES

    assert all(rule.relations <= set(NAMES) for rule in bulk_rules.RULES)
