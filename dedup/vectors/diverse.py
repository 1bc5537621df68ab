"""The most different pictures: each next one is the one furthest from all those taken (k-centre, Gonzalez 1985).

No set of as many leaves a picture more than half as far from its nearest taken one as this one does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dedup.model import OnProgress, Progress


def most_different(
    vectors: NDArray[np.float32], count: int, on_progress: OnProgress | None = None
) -> NDArray[np.int64]:
    """Places of up to `count` of the unit vectors (n, d), in the order they are taken; the first is the one nearest to
    the mean. None is taken that equals one taken before; of vectors of zeros, which point nowhere, one."""
    return _taken(vectors, count, on_progress)[0]


def by_difference(vectors: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Places of all unit vectors (n, d): first the `count` most different ones, then the rest, what is least like any
    of these first."""
    taken, nearest = _taken(vectors, count)
    rest = np.setdiff1d(np.arange(len(vectors)), taken)
    return np.concatenate([taken, rest[np.argsort(nearest[rest], kind="stable")]])


def _taken(
    vectors: NDArray[np.float32], count: int, on_progress: OnProgress | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The places that are taken, and of every vector (n,) the cosine to the nearest one taken."""
    if not len(vectors):
        return np.zeros(0, np.int64), np.zeros(0, np.float32)
    blank = np.asarray(~vectors.any(axis=1))
    taken: list[int] = []
    nearest = np.full(len(vectors), -np.inf, np.float32)  # cosine to the nearest one taken
    while len(taken) < min(count, len(vectors)):
        furthest = int(np.argmin(nearest)) if taken else int(np.argmax(vectors @ vectors.mean(axis=0)))
        if nearest[furthest] >= SAME:
            break
        taken.append(furthest)
        np.maximum(nearest, vectors @ vectors[furthest], out=nearest)
        nearest[blank if blank[furthest] else furthest] = 1
        if on_progress:
            on_progress(Progress("choosing", len(taken), count, 0.0))
    return np.array(taken, np.int64), nearest


SAME = 1 - 1e-6
"""Cosine of equal vectors, as 32-bit numbers tell it."""
