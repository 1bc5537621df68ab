"""Values far from the others of a dataset: Tukey's fences, as Encord Active draws them.

An image is a moderate outlier of a metric beyond 1.5 interquartile ranges from the quartiles and a severe one beyond
2.5 (Tukey 1977, "Exploratory Data Analysis"; the factors are Encord's). Metrics with a long tail are judged by their
logarithm: of sizes in pixels and bytes a twentieth would be outliers else. What a tenth of all images has is no
outlier: where the quartiles say so, because half of all values are nearly the same, a wider middle part tells the
spread; where half are the very same and few another, those are exceptions. A constant metric has no outlier.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dedup.images.metrics import METRICS, Metric
from dedup.images.metrics.information import RANDOM, SINGULARITY
from dedup.model import Status
from dedup.query.where import Mask, outside

MODERATE, SEVERE = 1.5, 2.5
"""Interquartile ranges beyond the quartiles."""
MIDDLES = ((0.25, 1.0), (0.1, 1.9), (0.05, 2.439), (0.01, 3.449))
"""A lower quantile and by how much the middle part between it and its upper twin is wider than the interquartile range
of the normal distribution."""
FEWEST = 8
"""Of fewer values no quartile says anything."""
RARE = 0.1
"""At most this share of all images can be outliers of a metric."""
JUDGED = tuple(metric for metric in METRICS if metric not in (SINGULARITY, RANDOM))
"""Metrics that have outliers: singularity is about copies and has its own bands, random means nothing."""


@dataclass(frozen=True, slots=True)
class Fences:
    """Where the usual values of a metric end; None where no value is an outlier. `low` and `high` are the quartiles."""

    metric: Metric
    low: float
    high: float
    severe_below: float | None
    moderate_below: float | None
    moderate_above: float | None
    severe_above: float | None

    def severe(self, values: NDArray[np.float64]) -> Mask:
        """(n,) which values are severe outliers."""
        return _beyond(values, self.severe_below, self.severe_above)

    def moderate(self, values: NDArray[np.float64]) -> Mask:
        """(n,) which values are outliers, but no severe ones."""
        return _beyond(values, self.moderate_below, self.moderate_above) & ~self.severe(values)

    def where(self, *, severe: bool) -> str:
        """The severe, or all outliers as an expression of `dedup.query.where`; "" where there can be none."""
        below, above = (self.severe_below, self.severe_above) if severe else (self.moderate_below, self.moderate_above)
        told = outside(self.metric.name, below, above)
        return f'status == "{Status.OK}" and ({told})' if told else ""  # what cannot be read is no image of size 0


def fences(metric: Metric, values: NDArray[np.float64]) -> Fences:
    """The fences of a metric whose values, (n,) with NaN for none, are given."""
    known = values[np.isfinite(values)]
    nothing = Fences(metric, math.nan, math.nan, None, None, None, None)
    if len(known) < FEWEST:
        return nothing
    logarithmic = metric.long_tailed and bool((known > 0).all())
    scaled = np.log(known) if logarithmic else known
    low, high = (float(each) for each in np.quantile(known, [0.25, 0.75]))
    for spread in _spreads(scaled):
        ends = _ends(scaled, spread)
        found = Fences(metric, low, high, *(np.exp(ends) if logarithmic else ends).tolist())
        if _beyond(known, found.moderate_below, found.moderate_above).mean() <= RARE:
            return found
    return nothing


def _spreads(values: NDArray[np.float64]) -> Iterable[float]:
    """Interquartile ranges, as ever wider middle parts tell them."""
    for share, width in MIDDLES:
        lower, upper = np.quantile(values, [share, 1 - share])
        yield float(upper - lower) / width


def _ends(values: NDArray[np.float64], spread: float) -> NDArray[np.float64]:
    """Where severe and moderate outliers begin, below and above."""
    lower, upper = np.quantile(values, [0.25, 0.75])
    return np.array(
        [lower - SEVERE * spread, lower - MODERATE * spread, upper + MODERATE * spread, upper + SEVERE * spread]
    )


def _beyond(values: NDArray[np.float64], below: float | None, above: float | None) -> Mask:
    with np.errstate(invalid="ignore"):  # NaN of failed files is neither
        under = values < below if below is not None else np.zeros(len(values), bool)
        over = values > above if above is not None else np.zeros(len(values), bool)
    return np.asarray(under | over)


@dataclass(frozen=True, slots=True)
class Outliers:
    """How many images of a dataset are outliers of a metric, severe and moderate, and its fences."""

    fences: Fences
    severe: int
    moderate: int


def outliers(frame: pd.DataFrame, metrics: Iterable[Metric] = JUDGED) -> list[Outliers]:
    """Of every metric that the frame has."""
    found = []
    for metric in metrics:
        if metric.name in frame:
            values = np.where(frame["status"] == Status.OK, frame[metric.name].to_numpy(np.float64), np.nan)
            ends = fences(metric, values)
            found.append(Outliers(ends, int(ends.severe(values).sum()), int(ends.moderate(values).sum())))
    return found


def any_of(found: Iterable[Outliers], *, severe: bool) -> str:
    """The severe, or all outliers of any metric, as one expression; "" for none."""
    return " or ".join(
        each.fences.where(severe=severe) for each in found if each.severe or (not severe and each.moderate)
    )
