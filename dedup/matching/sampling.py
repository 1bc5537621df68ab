"""What pictures show where a map carries the cells of another one."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from dedup.machine_code import larger, lesser, machine_code
from dedup.matching.candidates import as_matrices

Doubles = NDArray[np.float64]


def sample(pictures: Doubles, maps: Doubles) -> Doubles:
    """Pictures (m, side, side, channels) where maps (m, 6) carry their grid; NaN outside; (m, points, c)."""
    return values(pictures, carried(maps, pictures.shape[1]))


def carried(maps: Doubles, side: int) -> Doubles:
    """Where maps (m, 6) carry the middles of side x side cells: x and y (m, 2, points)."""
    return np.asarray(as_matrices(maps)[:, :2] @ _grid(side))


@cache
def _grid(side: int) -> Doubles:
    """Homogeneous coordinates (3, points) of the middles of side x side cells."""
    y, x = (np.mgrid[:side, :side] + 0.5) / side
    return np.stack([x.ravel(), y.ravel(), np.ones(side * side)])


def values(pictures: Doubles, places: Doubles) -> Doubles:
    """Pictures (m, side, side, channels) at places (m, 2, points), x and y in 0..1, between cells in proportion; NaN
    outside; (m, points, channels)."""
    out = np.full((len(places), places.shape[2], pictures.shape[3]), np.nan)
    _fill(np.ascontiguousarray(pictures), places, out)
    return out


@machine_code()
def _fill(pictures: Doubles, places: Doubles, out: Doubles) -> None:
    """Fill `out` with `values`, but for what is outside."""
    side = pictures.shape[1]
    last = side - 1.001
    for k in range(out.shape[0]):
        for i in range(out.shape[1]):
            x, y = places[k, 0, i], places[k, 1, i]
            if not (0.0 <= x <= 1.0 and 0.0 <= y <= 1.0):
                continue
            x, y = lesser(larger(x * side - 0.5, 0.0), last), lesser(larger(y * side - 0.5, 0.0), last)
            left, top = np.intp(x), np.intp(y)
            fx, fy = x - left, y - top
            for c in range(out.shape[2]):
                above = pictures[k, top, left, c] * (1 - fx) + pictures[k, top, left + 1, c] * fx
                below = pictures[k, top + 1, left, c] * (1 - fx) + pictures[k, top + 1, left + 1, c] * fx
                out[k, i, c] = above * (1 - fy) + below * fy


FEWEST_OUTSIDE = 8
"""Cells that must lie outside for their tone to say anything."""
MOSTLY = 0.75
"""The part of them that has one tone."""


def one_tone_outside(pictures: NDArray[np.uint8], maps: Doubles, within: float) -> NDArray[np.bool_]:
    """Whether what maps (m, 6) carry outside of another picture is there to be seen, in pictures (m, side, side), and
    most of it within so many gray levels of its median."""
    tones = _tones_outside(pictures, carried(maps, pictures.shape[1]))
    before = tones.cumsum(axis=1)
    count = before[:, -1]
    low, high = ((2 * before < count[:, None]).sum(axis=1), (2 * before <= count[:, None]).sum(axis=1))
    median = (low + high) / 2  # the mean of the middle two
    close = (tones * (np.abs(np.arange(256) - median[:, None]) < within)).sum(axis=1)
    return np.asarray((count >= FEWEST_OUTSIDE) & (close > MOSTLY * count))


def _tones_outside(pictures: NDArray[np.uint8], places: Doubles) -> NDArray[np.intp]:
    """How many of the cells with places (m, 2, cells) outside have each gray level, (m, 256)."""
    outside = ((places < 0) | (places > 1)).any(axis=1)
    row, cell = np.nonzero(outside)
    tones = row * 256 + pictures.reshape(len(pictures), outside.shape[1])[row, cell]
    return np.bincount(tones, minlength=len(pictures) * 256).reshape(-1, 256)
