"""Groups are stars: every member is directly near its keeper, whatever the pairs."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from dedup.groups import stars


@st.composite
def worlds(draw):
    count = draw(st.integers(1, 14))
    pixels = draw(st.lists(st.sampled_from(["", "a", "b", "c", "d", "e", "f"]), min_size=count, max_size=count))
    rank = np.array(draw(st.permutations(range(count))), np.int64)
    classes = stars.exact_classes(pd.Series(pixels))
    firsts = [int(np.flatnonzero(classes == each)[0]) for each in range(classes.max(initial=-1) + 1)]
    possible = [(a, b) for a in firsts for b in firsts if a < b]
    pairs = draw(st.lists(st.sampled_from(possible), unique=True)) if possible else []
    left, right = (np.array([pair[side] for pair in pairs], np.int64) for side in (0, 1))
    return classes, rank, left, right


@given(worlds())
def test_every_member_is_an_exact_copy_of_or_directly_near_its_keeper(world):
    classes, rank, left, right = world
    groups = stars.group(classes, rank, left, right)
    near = {frozenset(pair) for pair in zip(classes[left].tolist(), classes[right].tolist(), strict=True)}
    for row in np.flatnonzero(groups.group >= 0):
        keeper = groups.keeper[row]
        assert groups.group[keeper] == groups.group[row]
        same = classes[row] == classes[keeper]
        assert same or frozenset((int(classes[row]), int(classes[keeper]))) in near
        assert rank[keeper] <= rank[row] or not same


@given(worlds())
def test_exact_copies_are_together_and_exactly_one_of_them_stays(world):
    classes, rank, left, right = world
    groups = stars.group(classes, rank, left, right)
    for each in range(classes.max(initial=-1) + 1):
        rows = np.flatnonzero(classes == each)
        assert len(set(groups.group[rows])) == 1 and len(set(groups.stays[rows])) == 1
        assert groups.stays[rows[0]] == rows[np.argmin(rank[rows])]
        assert len(rows) == 1 or groups.group[rows[0]] >= 0
    assert (groups.stays[classes < 0] == -1).all() and (groups.group[classes < 0] == -1).all()


@given(worlds(), st.randoms())
def test_the_outcome_does_not_depend_on_the_order_of_pairs(world, random):
    classes, rank, left, right = world
    order = list(range(len(left)))
    random.shuffle(order)
    first = stars.group(classes, rank, left, right)
    second = stars.group(classes, rank, right[order], left[order])
    assert np.array_equal(first.keeper, second.keeper) and np.array_equal(first.group, second.group)


def test_a_chain_is_cut():
    classes = np.arange(3)
    groups = stars.group(classes, np.array([0, 1, 2]), np.array([0, 1]), np.array([1, 2]))
    assert groups.keeper.tolist() == [0, 0, -1]
