"""A decision about a copy holds for the very content it was made about."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dedup.groups.fates import holding, outcomes
from dedup.groups.frame import with_tags
from dedup.query.selection import GOES, OPEN, STAYS
from dedup.store.decisions import DROP, KEEP

FRAME = pd.DataFrame(
    {
        "path": ["a.jpg", "b.jpg"],
        "sha256": ["a" * 64, "b" * 64],
        "role": ["keeper", "duplicate"],
        "keeper": [0, 0],
    }
)


@pytest.mark.parametrize(
    ("sha256", "keeper", "fates", "lapsed"),
    [
        ("b" * 64, "a" * 64, {1: DROP}, set()),
        ("c" * 64, "a" * 64, {}, set()),  # another file has that path now
        ("a" * 64, "a" * 64, {}, set()),
        ("b" * 64, "c" * 64, {}, {1}),  # it was decided about another keeper
        ("b" * 64, "0" * 64, {}, {1}),
    ],
)
def test_who_is_to_go_has_the_content_that_was_decided_about(sha256, keeper, fates, lapsed):
    assert holding(FRAME, {DROP: {("b.jpg", sha256): keeper}}) == (fates, lapsed)


def test_a_decision_about_a_path_that_no_image_has_is_about_none():
    frame = FRAME.assign(role="duplicate", sha256="b" * 64)
    assert holding(frame, {DROP: {("gone.jpg", "b" * 64): "b" * 64}}) == ({}, set())
    assert holding(frame, {DROP: {("a.jpg", "b" * 64): "b" * 64}}) == ({0: DROP}, set())


def test_who_goes_and_what_it_goes_for_and_who_was_kept():
    """Of two groups one copy goes and one was kept; whoever was chosen stays, all others are open. Kinds come from
    disk: they are equal to ours, and other objects."""
    frame = pd.DataFrame(
        {
            "path": ["a", "b", "c", "d", "e", "f"],
            "sha256": [letter * 64 for letter in "abcdef"],
            "role": ["keeper", "duplicate", "keeper", "duplicate", "", ""],
            "keeper": [0, 0, 2, 2, -1, -1],
        }
    )
    drop, keep = (bytes(kind, "ascii").decode() for kind in (DROP, KEEP))
    decided = {drop: {("b", "b" * 64): "a" * 64}, keep: {("d", "d" * 64): "c" * 64}}
    assert outcomes(frame, decided, ["e"]).tolist() == [STAYS, GOES, OPEN, STAYS, STAYS, OPEN]
    assert outcomes(frame, {}, ["b"]).tolist() == [OPEN, STAYS, OPEN, OPEN, OPEN, OPEN]


@pytest.mark.filterwarnings("error")
def test_hundreds_of_tags_are_columns_without_a_warning():
    frame = pd.DataFrame({"path": ["a", "b", "c"], "bytes": [1, 2, 3]})
    tagged = {f"tag {number}": ["b", "gone"] for number in range(300)}
    found = with_tags(frame, pd.Index(frame["path"]), tagged)
    assert found.shape == (3, 302) and found["tag:tag 7"].tolist() == [False, True, False]
    assert np.shares_memory(found["bytes"].to_numpy(), frame["bytes"].to_numpy())
    assert with_tags(frame, pd.Index(frame["path"]), {}) is frame
