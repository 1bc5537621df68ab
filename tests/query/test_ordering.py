"""The order of the grid: every image once, groups whole, keepers first, pages that cut nothing."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup.query.ordering import arrange, page_of, pages


def frame_of(groups: list[int], values: list[float]) -> pd.DataFrame:
    """A frame whose keepers are the last member of each group, so that row order alone cannot put them first."""
    keeper = [-1 if g < 0 else max(i for i, other in enumerate(groups) if other == g) for g in groups]
    return pd.DataFrame(
        {"group": np.array(groups, "int32"), "keeper": np.array(keeper, "int32"), "singularity": values, "area": values}
    )


@st.composite
def frames(draw: st.DrawFn) -> tuple[pd.DataFrame, np.ndarray]:
    n = draw(st.integers(0, 40))
    groups = draw(st.lists(st.integers(-1, 6), min_size=n, max_size=n))
    values = draw(
        st.lists(st.one_of(st.sampled_from([0.0, 0.05, 1.0, np.nan]), st.floats(0, 1)), min_size=n, max_size=n)
    )
    mask = draw(st.lists(st.booleans(), min_size=n, max_size=n))
    return frame_of(groups, values), np.array(mask, bool)


@given(frames(), st.booleans(), st.sampled_from(["singularity", "area"]))
def test_every_selected_image_appears_once(case, ascending, metric):
    frame, mask = case
    order = arrange(frame, mask, metric, ascending=ascending)
    assert sorted(order) == list(np.flatnonzero(mask))


@given(frames(), st.booleans())
def test_another_metric_sorts_strictly_with_missing_values_last(case, ascending):
    frame, mask = case
    values = frame["area"].to_numpy()[arrange(frame, mask, "area", ascending=ascending)]
    known = values[~np.isnan(values)]
    assert np.isnan(values[len(known) :]).all()
    assert (np.diff(known if ascending else -known) >= 0).all()


@given(frames(), st.booleans())
def test_groups_stand_side_by_side_keeper_first(case, ascending):
    frame, mask = case
    order = arrange(frame, mask, "singularity", ascending=ascending)
    for group in set(frame["group"][order]) - {-1}:
        places = np.flatnonzero(frame["group"].to_numpy()[order] == group)
        assert (np.diff(places) == 1).all()
        keeper = frame["keeper"][order[places[0]]]
        assert keeper not in order or order[places[0]] == keeper


@given(frames(), st.booleans(), st.integers(1, 12))
def test_pages_hold_everything_and_split_only_groups_larger_than_a_page(case, ascending, size):
    frame, mask = case
    order = arrange(frame, mask, "singularity", ascending=ascending)
    starts = pages(frame, order, size, together=True)
    assert starts[0] == 0
    assert starts[-1] == len(order)
    assert (np.diff(starts) <= size).all()
    assert len(starts) == 2 or (np.diff(starts) > 0).all()
    group = frame["group"].to_numpy()[order]
    for start in starts[1:-1]:
        if group[start] >= 0 and group[start] == group[start - 1]:
            assert (group == group[start]).sum() > size
    for position in range(len(order)):
        page = page_of(starts, position)
        assert starts[page - 1] <= position < starts[page]


def test_exact_duplicates_come_first_and_their_keeper_beside_them():
    frame = frame_of([-1, 0, -1, 0], [0.9, 0.0, 0.2, 0.5])
    assert list(arrange(frame, np.ones(4, bool), "singularity")) == [3, 1, 2, 0]
    assert list(arrange(frame, np.ones(4, bool), "singularity", ascending=False)) == [0, 3, 1, 2]


@pytest.mark.parametrize("together", [True, False])
def test_an_empty_selection_is_one_empty_page(together):
    frame = frame_of([], [])
    assert list(pages(frame, np.array([], np.int64), 60, together=together)) == [0, 0]


def test_a_hundred_thousand_images_are_ordered_and_cut_in_well_under_a_second():
    random = np.random.default_rng(0)
    n = 100_000
    group = np.where(random.random(n) < 0.3, random.integers(0, 10_000, n), -1).astype("int32")
    keepers = np.full(10_000, -1, "int32")
    keepers[group[group >= 0]] = np.flatnonzero(group >= 0)
    keeper = np.where(group >= 0, keepers[group], -1)
    frame = pd.DataFrame({"group": group, "keeper": keeper, "singularity": random.random(n)})
    start = time.process_time()
    order = arrange(frame, np.ones(n, bool), "singularity")
    starts = pages(frame, order, 60, together=True)
    assert time.process_time() - start < 0.5
    assert starts[-1] == n


def test_pages_of_single_images_are_full():
    frame = pd.DataFrame({"group": np.full(130, -1, np.int32)})
    for together in (True, False):
        assert pages(frame, np.arange(130), 60, together=together).tolist() == [0, 60, 120, 130]
