"""The scale of the distribution chart and of the range slider: where a value is drawn.

Singularity is drawn on a broken scale, for the near-duplicate band is a twentieth of its range and holds what matters
most: exact zeros stand apart on the left, the band takes the next three tenths, unique images the rest. Metrics with a
long tail (sizes, aspect) are drawn by their logarithm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dedup.images.metrics import Metric
from dedup.images.metrics.information import SINGULARITY
from dedup.model import NEAR_SINGULARITY

ZERO_BAR = (-0.06, -0.02)
"""Where exact zeros are drawn on the broken scale."""

ZERO = sum(ZERO_BAR) / 2
"""Where the slider stands for exact zeros on the broken scale: below the middle of their bar."""

ABOVE_ZERO = 0.00001
"""The smallest singularity that a range can begin at to leave exact duplicates out."""

STEPS = 208
"""Places of the slider between its ends; on the broken scale a whole number of them lies between the bar of exact zeros
and the near band."""

TAIL = 20.0
"""Largest through smallest value from which on a linear axis would squeeze most images of a long-tailed metric into a
few bars."""

APART = 0.04
"""How far below the smallest value a logarithmic scale draws 0, in parts of what lies between its other ends: a bar of
its own. An empty file must not press all others into a few bars."""

ROUNDED = 1e-9
"""Beside 0 a value this small is 0 but for rounding."""


@dataclass(frozen=True)
class Scale:
    """A piecewise-linear map from values, or `whole` numbers, to positions; both sequences increase.

    With `logarithmic` the positions are decimal logarithms; where the lowest value is 0 it has a place of its own a
    little below the others.
    """

    values: tuple[float, ...]
    positions: tuple[float, ...]
    zero_apart: bool = False
    whole: bool = False
    logarithmic: bool = False

    @property
    def low(self) -> float:
        """The smallest value."""
        return self.values[0]

    @property
    def high(self) -> float:
        """The largest value."""
        return self.values[-1]

    @property
    def least(self) -> float:
        """What is drawn lowest on a logarithmic scale, which has no place for 0."""
        return self.low or float(10.0 ** self.positions[0])

    @property
    def ends(self) -> tuple[float, float]:
        """The positions of the slider's ends."""
        return ZERO if self.zero_apart else self.positions[0], self.positions[-1]

    def position(self, values: ArrayLike) -> NDArray[np.float64]:
        """Where values are drawn."""
        given = np.asarray(values, np.float64)
        if self.logarithmic:
            return np.asarray(np.log10(np.clip(given, self.least, self.high)))
        return np.asarray(np.interp(given, self.values, self.positions))

    def value(self, position: float) -> float:
        """The value drawn at a position, rounded to what a person can point at; the exact end outside the scale."""
        if position <= self.positions[0]:
            return self.low
        if position >= self.positions[-1]:
            return self.high
        return float(np.clip(self._rounded(self._exact(np.float64(position))), self.low, self.high))

    @property
    def decimals(self) -> int:
        """Decimals that tell neighbouring places apart; on a logarithmic scale those at its lower end."""
        if self.whole:
            return 0
        span = self.least if self.logarithmic else self.high - self.low
        return 4 if self.zero_apart else int(np.clip(np.ceil(3 - np.log10(span)), 0, 8)) if span > 0 else 4

    def edges(self, bins: int = 60) -> NDArray[np.float64]:
        """Bin edges, (about `bins` + 1,) values; every knot of the scale is an edge."""
        if self.logarithmic:
            between = self._exact(np.linspace(self.positions[0], self.positions[1], bins + 1)[1:-1])
            return np.concatenate([[self.low], between, [self.high]])
        if len(self.values) == 2:
            return np.linspace(self.low, self.high, bins + 1)
        shares = np.diff(self.positions) / (self.positions[-1] - self.positions[0])
        parts = [
            np.linspace(left, right, max(2, round(bins * share)) + 1)[:-1]
            for left, right, share in zip(self.values[:-1], self.values[1:], shares, strict=True)
        ]
        return np.append(np.concatenate(parts), self.high)

    def stops(self, *extra: float) -> list[float]:
        """The places of the slider, increasing: evenly spread positions, every knot exactly, and the `extra` values.

        On the broken scale the places between the bar of zeros and the near band stand for values just above 0.
        """
        places = np.linspace(*self.ends, STEPS + 1)
        gap = places[(places > ZERO) & (places < -1e-9)] if self.zero_apart else places[:0]
        fillers = ABOVE_ZERO * np.arange(1, len(gap) + 2) / (len(gap) + 1) if self.zero_apart else places[:0]
        rounded = self._rounded(self._exact(places[places > self.positions[0] + 1e-9]))
        between = [place for place in rounded.tolist() if self.low < place < self.high]
        return sorted({*between, *fillers.tolist(), *self.values, *extra})

    def range_of(self, low: float, high: float) -> tuple[float | None, float | None]:
        """What the ends of the slider mean: None for an end at the end of the scale, which leaves nothing out, not even
        the unknown; between the bar of zeros and the near band a range begins above the zeros or ends with them."""
        if self.zero_apart and 0 < low < ABOVE_ZERO:
            low = ABOVE_ZERO
        if self.zero_apart and 0 < high < ABOVE_ZERO:
            high = 0.0
        return None if low <= self.low else low, None if high >= self.high else high

    def _exact(self, positions: NDArray[np.float64] | np.float64) -> NDArray[np.float64]:
        if self.logarithmic:
            return np.asarray(10.0**positions)
        return np.asarray(np.interp(positions, self.positions, self.values))

    def _rounded(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """To the scale's decimals; on a logarithmic one to three digits, whole where values are."""
        if not self.logarithmic:
            return np.asarray(np.round(values, self.decimals))
        digits = 10.0 ** (np.floor(np.log10(values)) - 2)
        rounded = np.round(values / digits) * digits
        return np.asarray(np.round(rounded) if self.whole else rounded)


def scale_of(metric: Metric, values: NDArray[np.float64]) -> Scale:
    """The scale of a metric whose values, (n,) with NaN for none, are given."""
    if metric is SINGULARITY:
        return Scale((0.0, NEAR_SINGULARITY, 1.0), (0.0, 0.3, 1.0), zero_apart=True)
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    ends = (low, high if low < high else low + 1.0)
    least = float(known[known > 0].min(initial=high))
    above = 0.0 if low > 0 else ROUNDED
    if metric.long_tailed and low >= 0 and least > above and high >= TAIL * least:
        left, right = float(np.log10(least)), float(np.log10(high))
        apart = APART * (right - left) if low == 0 else 0.0
        return Scale(ends, (left - apart, right), whole=metric.whole, logarithmic=True)
    return Scale(ends, ends, whole=metric.whole)
