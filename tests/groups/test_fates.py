"""A decision about a copy holds for the very content it was made about."""

from __future__ import annotations

import pandas as pd
import pytest

from dedup.groups.fates import holding
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
