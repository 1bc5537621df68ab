"""All but one of each group: the right one is spared, one of each always is, and the choice is the same every time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup.groups.selecting import SPARED, all_but


def frame(rows) -> pd.DataFrame:
    columns = ["path", "group", "role", "width", "height", "bytes", "mtime_ns"]
    return pd.DataFrame(rows, columns=columns)


FRAME = frame(
    [
        ("a/1.jpg", 0, "duplicate", 100, 100, 10, 3),
        ("a/2.jpg", 0, "keeper", 50, 50, 99, 2),
        ("b/3.jpg", 0, "duplicate", 100, 100, 20, 1),
        ("b/4.jpg", -1, "", 10, 10, 5, 9),
        ("c/5.jpg", 1, "duplicate", 10, 10, 5, 5),
        ("c/6.jpg", 1, "keeper", 10, 10, 5, 5),
    ]
)


@pytest.mark.parametrize(
    ("name", "spared"),
    [("best", [1, 5]), ("largest", [2, 4]), ("newest", [0, 4]), ("oldest", [2, 4]), ("folder", [0, 4])],
)
def test_the_one_that_is_named_is_spared(name, spared):
    chosen = np.flatnonzero(all_but(FRAME, name)).tolist()
    assert chosen == [row for row in (0, 1, 2, 4, 5) if row not in spared]


rows = st.lists(
    st.tuples(st.integers(-1, 3), st.integers(1, 3), st.integers(1, 3), st.integers(0, 2), st.integers(0, 2)),
    max_size=20,
)


@given(rows, st.sampled_from([name for name in SPARED if name != "best"]))
def test_one_of_each_group_is_spared_and_no_image_outside_of_groups_is_chosen(drawn, name):
    table = frame([(f"{n:02}.jpg", g, "", w, h, b, t) for n, (g, w, h, b, t) in enumerate(drawn)])
    chosen = all_but(table, name)
    for group, part in table.groupby("group"):
        assert (~chosen[part.index]).sum() == (len(part) if group < 0 else 1)
