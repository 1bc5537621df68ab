"""Outliers on constructed values with known answers, and regions of charts."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dedup.errors import UnknownMetric, UsageError
from dedup.images.metrics.geometry import AREA
from dedup.images.metrics.light import BRIGHTNESS
from dedup.query.outliers import any_of, fences, outliers
from dedup.query.region import MOST_CORNERS, Region, inside
from dedup.query.selection import Selection
from tests.frames import make_frame


def test_tukeys_fences_are_those_of_the_quartiles():
    values = np.concatenate([np.linspace(0, 1, 101), [1.9, 3.0]])
    found = fences(BRIGHTNESS, values)
    low, high = np.quantile(values, [0.25, 0.75])
    assert found.moderate_above == pytest.approx(high + 1.5 * (high - low))
    assert found.severe_below == pytest.approx(low - 2.5 * (high - low))
    assert found.moderate(values).nonzero()[0].tolist() == [101] and found.severe(values).nonzero()[0].tolist() == [102]


def test_a_constant_has_no_outlier_and_a_nearly_constant_one_its_exceptions_only():
    constant = np.full(200, 0.5)
    assert not fences(BRIGHTNESS, constant).severe(constant).any()
    nearly = constant.copy()
    nearly[:3] = [0.5001, 0.9, 0.1]
    found = fences(BRIGHTNESS, nearly)
    assert found.severe(nearly).nonzero()[0].tolist() == [0, 1, 2] and not found.moderate(nearly).any()
    half = np.where(np.arange(200) % 2 == 0, 0.5, np.linspace(0.3, 0.7, 200))  # half the same, the rest spread
    assert not fences(BRIGHTNESS, half).severe(half).any()


def test_what_a_tenth_has_is_no_outlier():
    """A peak of one aspect ratio beside a broad rest: the quartiles alone would call nearly half of all outliers."""
    values = np.concatenate([np.full(60, 1.333), np.linspace(0.5, 2.2, 40)])
    found = fences(BRIGHTNESS, values)
    assert (found.severe(values) | found.moderate(values)).mean() <= 0.1


def test_long_tails_are_judged_by_their_logarithm_and_few_values_not_at_all():
    sizes = np.exp(np.random.default_rng(0).normal(12, 0.6, 2000))
    found = fences(AREA, sizes)
    assert 0.001 < (found.severe(sizes) | found.moderate(sizes)).mean() < 0.02
    assert fences(AREA, sizes[:7]).where(severe=True) == ""
    assert fences(AREA, np.full(50, np.nan)).where(severe=False) == ""


@given(st.lists(st.floats(-1e6, 1e6) | st.just(0.0), min_size=0, max_size=60))
def test_the_expression_selects_what_the_fences_tell(values):
    frame = make_frame([f"{place}.jpg" for place in range(len(values))]).assign(status="ok", brightness=values)
    (found,) = outliers(frame, [BRIGHTNESS])
    held = frame["brightness"].to_numpy(np.float64)
    for severe in (True, False):
        where = found.fences.where(severe=severe)
        told = found.fences.severe(held) | (np.zeros(len(held), bool) if severe else found.fences.moderate(held))
        assert (Selection(where=where).mask(frame) if where else np.zeros(len(held), bool)).tolist() == told.tolist()
    assert (found.severe + found.moderate) <= 0.1 * len(values) and bool(any_of([found], severe=False)) == bool(
        found.severe + found.moderate
    )


def test_failed_files_are_no_images_of_size_nought():
    frame = make_frame([f"{place}.jpg" for place in range(40)]).assign(
        status=["failed"] + ["ok"] * 39, width=[0] + [100] * 38 + [900], height=100
    )
    found = {each.fences.metric.name: each for each in outliers(frame)}["width"]
    assert found.severe == 1 and Selection(where=found.fences.where(severe=True)).mask(frame).nonzero()[0].tolist() == [
        39
    ]


TRIANGLE = Region("brightness", "contrast", ((0, 0), (1, 0), (0, 1)))


def test_a_region_holds_what_lies_within_it():
    frame = make_frame(["a.jpg", "b.jpg", "c.jpg"]).assign(
        status="ok", brightness=[0.2, 0.9, np.nan], contrast=[0.2, 0.9, 0.1]
    )  # fmt: skip
    assert TRIANGLE.mask(frame).tolist() == [True, False, False]
    selection = Selection(regions=(TRIANGLE,))
    assert selection.mask(frame).tolist() == [True, False, False]
    assert [selection.matches(row) for row in frame.to_dict("records")] == [True, False, False]
    assert Selection.from_query(selection.to_query()) == selection and "chart of brightness" in selection.describe()
    assert Selection.from_query({"region": ["x:y:1,2", "x:y:1,2:3,nan:4,5", "", "brightness"]}) == Selection()
    assert not Region("nothing", "width", TRIANGLE.corners).mask(frame).any()
    box = Region.box("brightness", "contrast", [1, 0.5], [0, 1])
    assert box.mask(frame).tolist() == [False, True, False]
    with pytest.raises(UsageError):
        Region("x", "y", ((0, 0), (1, 1)))
    assert not Region("path", "contrast", TRIANGLE.corners).mask(frame).any()
    with pytest.raises(UnknownMetric, match="path"):
        Selection(regions=(Region("path", "contrast", TRIANGLE.corners),)).mask(frame, strict=True)
    assert not TRIANGLE.mask(frame.assign(status="failed")).any()


def test_a_long_lasso_keeps_its_shape():
    angles = np.linspace(0, 2 * np.pi, 5000)
    region = Region("x", "y", tuple(zip(np.cos(angles).tolist(), np.sin(angles).tolist(), strict=True)))
    assert len(region.corners) <= MOST_CORNERS
    x, y = np.random.default_rng(1).uniform(-1, 1, (2, 4000))
    apart = inside(x, y, np.array(region.corners)) != (np.hypot(x, y) < 1)
    assert apart.mean() < 0.002


WHOLE = st.integers(-9, 9)


@given(st.lists(st.tuples(WHOLE, WHOLE), min_size=3, max_size=9), WHOLE, WHOLE)
def test_inside_is_what_counting_crossings_one_by_one_says(corners, x, y):
    """In exact numbers; what lies on a line may be on either side of it."""
    x, y, crossings = Fraction(x) + Fraction(1, 3), Fraction(y) + Fraction(1, 7), 0
    for (x1, y1), (x2, y2) in zip(corners, [*corners[1:], corners[0]], strict=True):
        if (y1 > y) != (y2 > y):
            crossed = (x2 - x1) * (y - y1) / (y2 - y1) + x1
            assume(crossed != x)
            crossings += x < crossed
    x, y = float(x), float(y)
    assert inside(np.array([x]), np.array([y]), np.array(corners))[0] == bool(crossings % 2)
