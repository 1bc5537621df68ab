"""The distribution: nothing is lost in bins, zeros stand apart, and a box means the values under it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup.images.metrics import METRICS
from dedup.model import NEAR_SINGULARITY
from dedup.ui.parts.charts import box_range, histogram
from dedup.ui.parts.scale import ABOVE_ZERO, scale_of

BY_NAME = {metric.name: metric for metric in METRICS}
SINGULARITY = BY_NAME["singularity"]
COLOURS = {"exact": "#111111", "near": "#222222", "unique": "#333333"}


def counts(bar) -> np.ndarray:
    """What a bar says on hovering."""
    return np.array([each[1] for each in bar.customdata], int)


scores = st.lists(st.one_of(st.sampled_from([0.0, NEAR_SINGULARITY, 1.0, np.nan]), st.floats(0, 1)), max_size=60)


@given(scores, st.sampled_from(["singularity", "brightness", "aspect_ratio"]))
def test_every_known_value_is_in_one_bar(values, metric):
    array = np.array(values, float)
    figure = histogram(array, ~np.isnan(array), scale_of(BY_NAME[metric], array), COLOURS, BY_NAME[metric])
    known = int(np.isfinite(array).sum())
    assert [counts(bar).sum() for bar in figure.data] == [known, known]
    for bar in figure.data:
        assert np.allclose(np.square(bar.y), counts(bar))


def test_exact_zeros_are_a_bar_of_their_own():
    values = np.array([0, 0, 0, 0.01, NEAR_SINGULARITY, 0.0501, 1])
    bar = histogram(values, values >= 0, scale_of(SINGULARITY, values), COLOURS, SINGULARITY).data[0]
    colours = np.array(bar.marker.color)
    assert bar.customdata[0].tolist() == ["exactly 0", 3]
    assert {name: counts(bar)[colours == colour].sum() for name, colour in COLOURS.items()} == {
        "exact": 3,
        "near": 2,
        "unique": 2,
    }


@given(st.floats(0, 1))
def test_a_position_on_the_broken_scale_is_its_value(value):
    scale = scale_of(SINGULARITY, np.array([]))
    assert scale.value(float(scale.position(value))) == pytest.approx(value, abs=6e-5)


@given(st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), max_size=30))
def test_the_slider_reaches_both_ends_exactly(values):
    scale = scale_of(BY_NAME["area"], np.array(values, float))
    stops = scale.stops()
    assert (stops[0], stops[-1]) == (scale.low, scale.high)
    assert stops == sorted(set(stops))


def test_the_slider_reaches_the_ends_of_the_near_band_exactly_and_has_many_places_in_it():
    stops = scale_of(SINGULARITY, np.array([])).stops(0.01234)
    assert {0.0, NEAR_SINGULARITY, 1.0, 0.01234} <= set(stops)
    assert sum(0 < stop < NEAR_SINGULARITY for stop in stops) > 50


def test_the_slider_stops_at_whole_numbers_where_values_are_whole():
    assert all(stop == int(stop) for stop in scale_of(BY_NAME["width"], np.array([7.0, 19.0])).stops())


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
    scale = scale_of(SINGULARITY, np.array([]))
    assert box_range({"box": [{"x": box, "y": [0, 1]}]}, scale) == expected


def test_no_box_is_no_range():
    assert box_range({"box": []}, scale_of(BY_NAME["area"], np.array([1.0, 2.0]))) is None


tails = st.lists(st.floats(0.01, 1e6), min_size=2, max_size=40).filter(lambda each: max(each) >= 20 * min(each))


@given(tails, st.sampled_from(["bytes", "aspect_ratio"]))
def test_a_long_tail_is_drawn_by_its_logarithm_and_nothing_is_lost(values, name):
    array = np.array(values)
    scale = scale_of(BY_NAME[name], array)
    assert scale.logarithmic
    assert (scale.edges()[0], scale.edges()[-1]) == (array.min(), array.max())
    bar = histogram(array, array > 0, scale, COLOURS, BY_NAME[name]).data[0]
    assert counts(bar).sum() == len(values)
    stops = scale.stops()
    assert (stops[0], stops[-1]) == (scale.low, scale.high)
    assert stops == sorted(set(stops))
    assert all(scale.low <= scale.value(float(place)) <= scale.high for place in np.linspace(*scale.positions, 50))


def test_few_values_many_times_the_others_are_what_makes_an_axis_logarithmic():
    sizes = BY_NAME["bytes"]
    assert not scale_of(sizes, np.array([1000.0, 5000.0])).logarithmic
    assert not scale_of(sizes, np.array([0.0, 5000.0])).logarithmic  # 0 has no logarithm
    assert not scale_of(BY_NAME["brightness"], np.array([0.001, 1.0])).logarithmic


def test_an_empty_file_leaves_the_others_on_a_logarithmic_axis_and_can_be_left_out():
    sizes, values = BY_NAME["bytes"], np.array([0.0, *np.geomspace(1e3, 3e6, 30)])
    scale = scale_of(sizes, values)
    assert scale.logarithmic and scale.low == 0
    figure = histogram(values, values >= 0, scale, COLOURS, sizes)
    bars = counts(figure.data[0])
    assert bars.sum() == len(values) and bars[0] == 1 and bars[1:].max() < 5, "spread, as they would be without it"
    assert figure.layout.xaxis.ticktext == ("0 B", "1 kB", "10 kB", "100 kB", "1 MB")
    assert np.all(np.diff(figure.layout.xaxis.tickvals) > 0)
    stops = scale.stops()
    assert (stops[0], stops[-1]) == (0, 3e6) and stops == sorted(set(stops))
    assert (scale.range_of(0, 3e6), scale.range_of(1, 3e6)) == ((None, None), (1, None))
    assert box_range({"box": [{"x": [scale.ends[0] - 0.05, scale.ends[0] + 0.05]}]}, scale)[1] < 1e3


def test_the_slider_stands_below_the_axis():
    """As many places before the near band as the gap is wide, each of which means just above 0."""
    scale = scale_of(SINGULARITY, np.array([]))
    stops = scale.stops()
    left, right = scale.ends
    for place, value in enumerate(stops):
        drawn = left if value == 0 else max(0.0, float(scale.position(value)))
        if value == 0 or value > ABOVE_ZERO:
            assert drawn == pytest.approx(left + (right - left) * place / (len(stops) - 1), abs=0.006)


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ((0.0, 1.0), (None, None)),
        ((0.000002, 1.0), (ABOVE_ZERO, None)),
        ((0.0, 0.000007), (None, 0.0)),
        ((0.01, NEAR_SINGULARITY), (0.01, NEAR_SINGULARITY)),
    ],
)
def test_a_range_of_the_broken_scale_begins_above_the_zeros_or_ends_with_them(ends, expected):
    assert scale_of(SINGULARITY, np.array([])).range_of(*ends) == expected


def test_the_axis_tells_what_it_shows():
    sizes = np.geomspace(1e3, 3e6, 30)
    axis = histogram(sizes, sizes > 0, scale_of(BY_NAME["bytes"], sizes), COLOURS, BY_NAME["bytes"]).layout.xaxis
    assert axis.title.text == "File size (logarithmic) · height: images, square-root scale"
    assert axis.ticktext == ("1 kB", "10 kB", "100 kB", "1 MB")
    widths = np.array([100.0, 640.0])
    axis = histogram(widths, widths > 0, scale_of(BY_NAME["width"], widths), COLOURS, BY_NAME["width"]).layout.xaxis
    assert axis.title.text.startswith("Width, px ·")
