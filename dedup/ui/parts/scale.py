"""The scale of the distribution chart and of the range slider: where a value is drawn.

Singularity is drawn on a broken scale, for the near-duplicate band is a twentieth of its range and holds what matters
most: exact zeros stand apart on the left, the band takes the next three tenths, unique images the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dedup.images.metrics import METRICS
from dedup.model import NEAR_SINGULARITY

ZERO_BAR = (-0.06, -0.02)
"""Where exact zeros are drawn on the broken scale."""

ABOVE_ZERO = 0.00001
"""The smallest singularity that a range can begin at to leave exact duplicates out."""

STEPS = 200
"""Places of the slider between its ends."""

WHOLE = {metric.name for metric in METRICS if metric.whole}


@dataclass(frozen=True)
class Scale:
    """A piecewise-linear map from values, or `whole` numbers, to positions; both sequences increase."""

    values: tuple[float, ...]
    positions: tuple[float, ...]
    zero_apart: bool = False
    whole: bool = False

    @property
    def low(self) -> float:
        """The smallest value."""
        return self.values[0]

    @property
    def high(self) -> float:
        """The largest value."""
        return self.values[-1]

    def position(self, values: ArrayLike) -> NDArray[np.float64]:
        """Where values are drawn."""
        return np.asarray(np.interp(np.asarray(values, np.float64), self.values, self.positions))

    def value(self, position: float) -> float:
        """The value drawn at a position, rounded to what a person can point at; the exact end outside the scale."""
        if position <= self.positions[0]:
            return self.low
        if position >= self.positions[-1]:
            return self.high
        exact = float(np.interp(position, self.positions, self.values))
        return round(exact, self.decimals)

    @property
    def decimals(self) -> int:
        """Decimals that tell neighbouring places apart."""
        if self.whole:
            return 0
        span = self.high - self.low
        return 4 if self.zero_apart else int(np.clip(np.ceil(3 - np.log10(span)), 0, 8)) if span > 0 else 4

    def edges(self, bins: int = 60) -> NDArray[np.float64]:
        """Bin edges, (about `bins` + 1,) values; every knot of the scale is an edge."""
        if len(self.values) == 2:
            return np.linspace(self.low, self.high, bins + 1)
        shares = np.diff(self.positions) / (self.positions[-1] - self.positions[0])
        parts = [
            np.linspace(left, right, max(2, round(bins * share)) + 1)[:-1]
            for left, right, share in zip(self.values[:-1], self.values[1:], shares, strict=True)
        ]
        return np.append(np.concatenate(parts), self.high)

    def stops(self, *extra: float) -> list[float]:
        """The places of the slider, increasing: evenly spread positions, every knot exactly, and the `extra` values."""
        places = np.round(np.interp(np.linspace(0, 1, STEPS + 1), self._unit, self.values), self.decimals)
        between = [place for place in places.tolist() if self.low < place < self.high]
        return sorted({*between, *self.values, *extra})

    @property
    def _unit(self) -> NDArray[np.float64]:
        positions = np.array(self.positions)
        return np.asarray((positions - positions[0]) / (positions[-1] - positions[0]))


def scale_of(metric: str, values: NDArray[np.float64]) -> Scale:
    """The scale of a metric whose values, (n,) with NaN for none, are given."""
    if metric == "singularity":
        return Scale((0.0, NEAR_SINGULARITY, 1.0), (0.0, 0.3, 1.0), zero_apart=True)
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    ends = (low, high if low < high else low + 1.0)
    return Scale(ends, ends, whole=metric in WHOLE)
