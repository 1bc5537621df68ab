"""Each keeper rule decides when those above it tie, and says why."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup import keepers

BASE = {
    "path": "a.jpg",
    "name": "a.jpg",
    "sha256": "00",
    "split": "",
    "captured_at": "",
    "format": "JPEG",
    "chosen": False,
    "protected": False,
    "incoming": False,
    "lossless": False,
    "camera": False,
    "annotations": 0,
    "edited": 0,
    "derived": 0,
    "area": 100.0,
    "width": 10,
    "height": 10,
    "jpeg_quality": 90.0,
}

CASES = [
    ({"chosen": True}, {"protected": True}, "chosen by a person"),
    ({"protected": True}, {"split": "test"}, "is in a protected folder"),
    ({}, {"incoming": True, "split": "test"}, "the other is in an incoming folder"),
    ({"split": "test"}, {"split": "train", "annotations": 9}, "is in the test split"),
    ({"annotations": 7}, {"area": 1e6}, "has 7 annotations, the other 0"),
    ({"edited": 0}, {"edited": 1, "area": 1e6}, "the other is cropped, bordered or gray"),
    ({"derived": 0}, {"derived": 1, "lossless": True}, "the other looks edited"),
    (
        {"area": 12e6, "width": 4000, "height": 3000},
        {"area": 1.92e6, "width": 1600, "height": 1200, "lossless": True},
        "4000x3000 beats 1600x1200",
    ),
    ({"lossless": True, "format": "PNG"}, {"jpeg_quality": 100.0}, "lossless PNG beats JPEG"),
    ({"jpeg_quality": 95.0}, {"jpeg_quality": 60.0, "camera": True}, "JPEG quality 95 beats 60"),
    ({"camera": True}, {"captured_at": "2001-01-01T00:00:00"}, "has camera metadata"),
    (
        {"camera": True, "captured_at": "2001-01-01T00:00:00"},
        {"camera": True, "captured_at": "2002-01-01T00:00:00"},
        "was captured earlier",
    ),
    ({"name": "cat.jpg", "path": "far/away/cat.jpg"}, {"name": "cat (1).jpg", "path": "cat (1).jpg"}, "cat (1).jpg is"),
    ({"path": "a.jpg"}, {"path": "much/longer/a.jpg"}, "has the shorter path"),
    ({"sha256": "00"}, {"sha256": "01"}, keepers.EQUAL),
]


@pytest.mark.parametrize(("better", "worse", "words"), CASES, ids=lambda value: str(value)[:30])
@pytest.mark.parametrize("turned", [False, True])
def test_rules_decide_in_order_with_a_reason(better, worse, words, turned):
    rows = [BASE | better, BASE | worse]
    frame = pd.DataFrame(rows[::-1] if turned else rows)
    scores = keepers.score(frame)
    best = int(np.argmin(keepers.rank(frame, scores)))
    assert best == int(turned)
    order = [best, 1 - best]
    (rule,), (rival,) = keepers.deciding(scores[order], np.array([0]))
    images = [frame.iloc[row].to_dict() for row in order]
    assert words in keepers.reason(images[0], images[1] if rival == 1 else None, rule)


def plainly_deciding(scores) -> tuple[int, int]:
    """The slow and obvious way, for one group."""
    rivals = list(range(1, len(scores)))
    for rule in range(scores.shape[1]):
        best = min(rivals, key=lambda row: scores[row, rule])
        if scores[0, rule] < scores[best, rule]:
            return rule, best
        rivals = [row for row in rivals if scores[row, rule] == scores[0, rule]]
    return -1, -1


@given(st.lists(st.lists(st.tuples(*[st.integers(0, 2)] * 4), min_size=2, max_size=5), min_size=1, max_size=6))
def test_all_groups_at_once_are_decided_like_one_by_one(groups):
    groups = [np.array(sorted(group), float) for group in groups]
    starts = np.cumsum([0, *map(len, groups[:-1])])
    rule, rival = keepers.deciding(np.concatenate(groups), starts)
    plain = [plainly_deciding(group) for group in groups]
    assert rule.tolist() == [rule for rule, _ in plain]
    assert rival.tolist() == [start + row if row >= 0 else -1 for start, (_, row) in zip(starts, plain, strict=True)]


def test_ranks_are_a_permutation_whatever_the_order():
    rows = [BASE | {"path": f"{n}.jpg", "sha256": f"{n % 3}"} for n in range(9)]
    frame = pd.DataFrame(rows)
    shuffled = frame.sample(frac=1, random_state=1)
    ranks = dict(zip(frame["path"], keepers.rank(frame, keepers.score(frame)), strict=True))
    again = dict(zip(shuffled["path"], keepers.rank(shuffled, keepers.score(shuffled)), strict=True))
    assert ranks == again and sorted(ranks.values()) == list(range(9))
