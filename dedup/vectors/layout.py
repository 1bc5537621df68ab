"""The map: pictures as points on a plane, alike ones together, copies beside what they are copies of.

Places are those of UMAP (McInnes, Healy & Melville 2018, by umap-learn), computed from the nearest neighbours. What the
matching found similar is first drawn together, whatever the vectors say (a mirrored scene, say). Copies get no place of
their own: they lie around the one that stays, as seeds in a sunflower. The same vectors and pairs give the same map.
"""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from dedup.vectors.nearest import Nearest
from dedup.vectors.signatures import unit

NEIGHBOURS = 15
"""UMAP's usual number, a compromise of local and global."""
FEWEST = 2 * NEIGHBOURS
"""Of fewer pictures there is no neighbourhood to speak of: they lie along their two principal axes."""
GOLDEN = np.pi * (3 - np.sqrt(5))
SPACING = 0.004
"""Between copies, in parts of half the map's width: beside each other when looked at closely."""
SEED = 0

Points = NDArray[np.float32]


def points(vectors: NDArray[np.float32], near: Nearest) -> Points:
    """(n, 2) places within -1..1 of unit vectors (n, d) with their neighbours."""
    if len(vectors) < FEWEST:
        return _fitted(_principal(vectors))
    from umap import UMAP

    own = np.arange(len(vectors))
    rows = np.column_stack([own, near.rows])
    distance = np.column_stack([np.zeros(len(own), np.float32), np.maximum(0, 1 - near.similarity)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a seed means one thread; that equal vectors are equal
        made = UMAP(
            n_neighbors=rows.shape[1],
            metric="cosine",
            random_state=SEED,
            precomputed_knn=(rows, distance, None),
        ).fit_transform(vectors)
    return _fitted(np.asarray(made))


def together(vectors: NDArray[np.float32], similar: NDArray[np.int64]) -> NDArray[np.float32]:
    """Unit vectors (n, d), those of `similar` rows (m, 2) drawn to each other: of a pair to the very same."""
    from scipy import sparse  # which a scan has no use for

    own, other = np.concatenate([similar, similar[:, ::-1]]).T
    links = sparse.csr_array((np.ones(len(own), np.float32), (own, other)), shape=(len(vectors),) * 2)
    return unit(vectors + links @ vectors)


def _principal(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n, 2) along the two axes of the largest spread."""
    centred = vectors.astype(np.float64) - vectors.mean(axis=0) if len(vectors) else vectors.astype(np.float64)
    left, size, _ = np.linalg.svd(centred, full_matrices=False)
    made = np.zeros((len(vectors), 2))
    made[:, : min(2, len(size))] = (left * size)[:, :2]
    return made


def _fitted(made: NDArray[np.floating]) -> Points:
    """Moved and scaled into -1..1, shapes kept."""
    if not len(made):
        return np.zeros((0, 2), np.float32)
    low, high = made.min(axis=0), made.max(axis=0)
    half = float((high - low).max()) / 2 or 1.0
    fitted: Points = np.round((made - (low + high) / 2) / half, 5).astype(np.float32)
    return fitted


def beside(places: Points, copy_of: NDArray[np.int64]) -> Points:
    """(m, 2) places of copies, each around the place of the one that stays, whose number `copy_of` (m,) tells."""
    order = np.argsort(copy_of, kind="stable")
    number = np.empty(len(copy_of), np.int64)
    number[order] = np.arange(len(order)) - np.searchsorted(copy_of[order], copy_of[order]) + 1
    return around(places[copy_of], number)


def around(places: NDArray[np.floating], number: NDArray[np.int64]) -> Points:
    """Places (n, 2) moved aside by their `number` (n,), as seeds lie in a sunflower; 0 stays."""
    turn = number * GOLDEN
    aside = SPACING * np.sqrt(number)[:, None] * np.column_stack([np.cos(turn), np.sin(turn)])
    moved: Points = np.round(places + aside, 5).astype(np.float32)
    return moved
