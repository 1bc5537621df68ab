"""A decision about a copy holds for the very content it was made about."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dedup.groups.fates import holding
from dedup.groups.frame import with_tags
from dedup.store.decisions import DROP

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
        ("b" * 64, "c" * 64, {}, {1}),  # it was decided about another keeper
    ],
)
def test_who_is_to_go_has_the_content_that_was_decided_about(sha256, keeper, fates, lapsed):
    assert holding(FRAME, {DROP: {("b.jpg", sha256): keeper}}) == (fates, lapsed)


@pytest.mark.filterwarnings("error")
def test_hundreds_of_tags_are_columns_without_a_warning():
    frame = pd.DataFrame({"path": ["a", "b", "c"], "bytes": [1, 2, 3]})
    tagged = {f"tag {number}": ["b", "gone"] for number in range(300)}
    found = with_tags(frame, pd.Index(frame["path"]), tagged)
    assert found.shape == (3, 302) and found["tag:tag 7"].tolist() == [False, True, False]
    assert np.shares_memory(found["bytes"].to_numpy(), frame["bytes"].to_numpy())
    assert with_tags(frame, pd.Index(frame["path"]), {}) is frame
