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
    if not len(vectors):
        return np.zeros(0, np.int64)
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
    return np.array(taken, np.int64)


SAME = 1 - 1e-6
"""Cosine of equal vectors, as 32-bit numbers tell it."""
