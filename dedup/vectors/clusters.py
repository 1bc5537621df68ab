"""Clusters: pictures divided into so many parts of alike ones, by k-means."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MOST = 40
"""More would be more than a person looks through."""
BATCH = 4_096
TRIES = 3
SEED = 0


def how_many(count: int) -> int:
    """The square root of half of them, a rule of thumb (Mardia, Kent & Bibby 1979), within 1..`MOST`."""
    return int(np.clip(round(np.sqrt(count / 2)), 1, MOST))


def clusters(vectors: NDArray[np.float32]) -> NDArray[np.int32]:
    """(n,) number of the cluster of each unit vector (n, d), 1 the largest. The same for the same vectors."""
    count = how_many(len(vectors))
    if count < 2:
        return np.ones(len(vectors), np.int32)
    from sklearn.cluster import MiniBatchKMeans

    made = MiniBatchKMeans(count, batch_size=BATCH, n_init=TRIES, random_state=SEED).fit_predict(vectors)
    return from_the_largest(made)


def from_the_largest(parts: NDArray[np.int32]) -> NDArray[np.int32]:
    """(n,) the same parts, whose numbers are not negative, numbered by how many each has, 1 the largest."""
    count = int(parts.max(initial=0)) + 1
    rank = np.empty(count, np.int32)
    rank[np.argsort(-np.bincount(parts, minlength=count), kind="stable")] = np.arange(1, count + 1)
    return np.asarray(rank[parts])
