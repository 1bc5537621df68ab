"""Nearest neighbours by cosine: exactly where that is quick, else by an index whose recall is measured and told."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dedup.model import OnProgress, Progress

EXACT = 50_000
"""Up to so many vectors every pair is compared: 50,000 of 512 numbers are 2.5e12 operations, a minute on two cores."""
BLOCK_BYTES = 64 << 20
"""Of similarities at a time."""
MEASURED = 500
"""Vectors whose neighbours are also found exactly, to measure the recall of an index."""
SEED = 0


@dataclass(frozen=True)
class Nearest:
    """For each of n vectors its k nearest others, nearest first.

    `rows` (n, k) int64, `similarity` (n, k) float32 cosines; `recall` is the share of the truly nearest that were
    found: 1 where all pairs were compared, else measured on a sample.
    """

    rows: NDArray[np.int64]
    similarity: NDArray[np.float32]
    recall: float


def nearest(vectors: NDArray[np.float32], k: int, on_progress: OnProgress | None = None) -> Nearest:
    """The `k` nearest others of unit vectors (n, d), fewer where there are fewer."""
    k = min(k, len(vectors) - 1)
    if k < 1:
        none = np.zeros((len(vectors), 0))
        return Nearest(none.astype(np.int64), none.astype(np.float32), 1.0)
    if len(vectors) <= EXACT:
        return _exact(vectors, np.arange(len(vectors)), k, on_progress)
    return _indexed(vectors, k)


def _exact(vectors: NDArray[np.float32], asked: NDArray[np.int64], k: int, told: OnProgress | None) -> Nearest:
    rows = np.empty((len(asked), k), np.int64)
    similarity = np.empty((len(asked), k), np.float32)
    step = max(1, BLOCK_BYTES // (4 * len(vectors)))
    for start in range(0, len(asked), step):
        own = asked[start : start + step]
        found = vectors[own] @ vectors.T
        found[np.arange(len(own)), own] = -np.inf
        best = np.argpartition(-found, k - 1, axis=1)[:, :k]
        best.sort(axis=1)  # equal ones by row number
        values = np.take_along_axis(found, best, axis=1)
        order = np.argsort(-values, axis=1, kind="stable")
        rows[start : start + step] = np.take_along_axis(best, order, axis=1)
        similarity[start : start + step] = np.take_along_axis(values, order, axis=1)
        if told:
            told(Progress("finding neighbours", min(start + step, len(asked)), len(asked), 0.0))
    return Nearest(rows, np.minimum(similarity, 1), 1.0)


def _indexed(vectors: NDArray[np.float32], k: int) -> Nearest:
    """By nearest-neighbour descent (Dong, Moses & Li 2011), as PyNNDescent has it; the same for the same vectors."""
    from pynndescent import NNDescent

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        index = NNDescent(vectors, n_neighbors=k + 1, metric="cosine", random_state=SEED)
    rows, distance = index.neighbor_graph
    own = rows == np.arange(len(vectors))[:, None]
    own[~own.any(axis=1), -1] = True  # of equal vectors it may not have found itself
    rows, distance = (each[~own].reshape(len(vectors), k) for each in (rows, distance))
    found = Nearest(rows.astype(np.int64), (1 - distance).astype(np.float32), 1.0)
    return Nearest(found.rows, found.similarity, _recall(found, vectors, k))


def _recall(found: Nearest, vectors: NDArray[np.float32], k: int) -> float:
    """How many of the k nearest of some vectors are at least as near as the k-th truly nearest, as a share."""
    some = np.sort(np.random.default_rng(SEED).choice(len(vectors), min(MEASURED, len(vectors)), replace=False))
    truth = _exact(vectors, some, k, None)
    return float((found.similarity[some] >= truth.similarity[:, -1:] - 1e-5).mean())
