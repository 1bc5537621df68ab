"""A part of a chart that a person drew: the images whose two metrics lie within a polygon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dedup.errors import UsageError
from dedup.images import metrics
from dedup.model import Status

MOST_CORNERS = 200
"""Corners kept of a lasso: more would make an address too long for a browser, and no difference to see."""


@dataclass(frozen=True, slots=True)
class Region:
    """Images whose columns `x` and `y` lie within the polygon `corners` (even-odd rule; NaN lies nowhere)."""

    x: str
    y: str
    corners: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        corners = [(float(x), float(y)) for x, y in self.corners]
        if len(corners) < 3 or not np.isfinite(corners).all():
            raise UsageError("A region needs three corners or more, each two finite numbers.")
        step = -(-len(corners) // MOST_CORNERS)
        object.__setattr__(self, "corners", tuple(corners[::step]))

    @classmethod
    def box(cls, x: str, y: str, xs: Sequence[float], ys: Sequence[float]) -> Region:
        """The rectangle between two values of each."""
        (left, right), (low, high) = sorted(xs), sorted(ys)
        return cls(x, y, ((left, low), (right, low), (right, high), (left, high)))

    def mask(self, frame: pd.DataFrame) -> NDArray[np.bool_]:
        """(n,) bool; none where the frame has no such numbers, and no file that could not be read: it is no image of
        size 0, and on no chart."""
        if not (is_number(frame, self.x) and is_number(frame, self.y)):
            return np.zeros(len(frame), bool)
        x, y = (metrics.values(frame, name) for name in (self.x, self.y))
        return inside(x, y, np.array(self.corners)) & (frame["status"] == Status.OK).to_numpy(bool)

    def text(self) -> str:
        """As a parameter of a URL; `parse` is the inverse."""
        return ":".join([self.x, self.y, *(f"{x!r},{y!r}" for x, y in self.corners)])

    @classmethod
    def parse(cls, text: str) -> Region:
        """Raises `UsageError` and ValueError for what is no region."""
        x, y, *corners = text.split(":")
        pairs = [corner.split(",") for corner in corners]
        return cls(x, y, tuple((float(one), float(other)) for one, other in pairs))


def is_number(frame: pd.DataFrame, name: str) -> bool:
    """Whether the frame has numbers of that name."""
    return name in frame and pd.api.types.is_numeric_dtype(frame[name].dtype) and frame[name].dtype != bool


def inside(x: NDArray[np.float64], y: NDArray[np.float64], corners: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(n,) which points lie within the polygon (m, 2), by counting the sides to the right of each (Shimrat 1962)."""
    found = np.zeros(len(x), bool)
    with np.errstate(invalid="ignore"):
        known = (x >= corners[:, 0].min()) & (x <= corners[:, 0].max())
        known &= (y >= corners[:, 1].min()) & (y <= corners[:, 1].max())
    px, py = x[known], y[known]
    odd = np.zeros(len(px), bool)
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y1 == y2:
            continue
        crosses = (y1 > py) != (y2 > py)
        odd ^= crosses & (px < (x2 - x1) * (py - y1) / (y2 - y1) + x1)
    found[known] = odd
    return found
