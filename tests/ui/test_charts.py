"""The distribution: nothing is lost in bins, zeros stand apart, and a box means the values under it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup.model import NEAR_SINGULARITY
from dedup.ui.parts.charts import box_range, histogram
from dedup.ui.parts.scale import ABOVE_ZERO, scale_of

COLOURS = {"exact": "#111111", "near": "#222222", "unique": "#333333"}


def counts(bar) -> np.ndarray:
    """What a bar says on hovering."""
    return np.array([each[1] for each in bar.customdata], int)


scores = st.lists(st.one_of(st.sampled_from([0.0, NEAR_SINGULARITY, 1.0, np.nan]), st.floats(0, 1)), max_size=60)


@given(scores, st.sampled_from(["singularity", "brightness"]))
def test_every_known_value_is_in_one_bar(values, metric):
    array = np.array(values, float)
    figure = histogram(array, ~np.isnan(array), scale_of(metric, array), COLOURS, metric)
    known = int(np.isfinite(array).sum())
    assert [counts(bar).sum() for bar in figure.data] == [known, known]
    for bar in figure.data:
        assert np.allclose(np.square(bar.y), counts(bar))


def test_exact_zeros_are_a_bar_of_their_own():
    values = np.array([0, 0, 0, 0.01, NEAR_SINGULARITY, 0.0501, 1])
    bar = histogram(values, values >= 0, scale_of("singularity", values), COLOURS, "s").data[0]
    colours = np.array(bar.marker.color)
    assert bar.customdata[0].tolist() == ["exactly 0", 3]
    assert {name: counts(bar)[colours == colour].sum() for name, colour in COLOURS.items()} == {
        "exact": 3,
        "near": 2,
        "unique": 2,
    }


@given(st.floats(0, 1))
def test_a_position_on_the_broken_scale_is_its_value(value):
    scale = scale_of("singularity", np.array([]))
    assert scale.value(float(scale.position(value))) == pytest.approx(value, abs=6e-5)


@given(st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), max_size=30))
def test_the_slider_reaches_both_ends_exactly(values):
    scale = scale_of("area", np.array(values, float))
    stops = scale.stops()
    assert (stops[0], stops[-1]) == (scale.low, scale.high)
    assert stops == sorted(set(stops))


def test_the_slider_reaches_the_ends_of_the_near_band_exactly_and_has_many_places_in_it():
    stops = scale_of("singularity", np.array([])).stops(0.01234)
    assert {0.0, NEAR_SINGULARITY, 1.0, 0.01234} <= set(stops)
    assert sum(0 < stop < NEAR_SINGULARITY for stop in stops) > 50


def test_the_slider_stops_at_whole_numbers_where_values_are_whole():
    assert all(stop == int(stop) for stop in scale_of("width", np.array([7.0, 19.0])).stops())


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ([-0.08, -0.01], (None, 0.0)),
        ([-0.08, 0.3], (None, NEAR_SINGULARITY)),
        ([-0.01, 0.3], (ABOVE_ZERO, NEAR_SINGULARITY)),
        ([0.3, 1.2], (NEAR_SINGULARITY, None)),
        ([1.2, -0.2], (None, None)),
    ],
)
def test_a_box_on_the_broken_scale(box, expected):
    scale = scale_of("singularity", np.array([]))
    assert box_range({"box": [{"x": box, "y": [0, 1]}]}, scale) == expected


def test_no_box_is_no_range():
    assert box_range({"box": []}, scale_of("area", np.array([1.0, 2.0]))) is None
