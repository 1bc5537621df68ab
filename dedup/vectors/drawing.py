"""The map of a dataset: which pictures get a place of their own, which lie beside another, which are left out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dedup.model import Kind, OnProgress, Progress, Role, Status
from dedup.vectors import clusters, layout
from dedup.vectors.nearest import nearest

MOST = 100_000
"""Places of their own: more would take UMAP longer than a coffee (136 s for these, measured), and no screen has more
points to tell apart. Of more images a fair sample is drawn, by the metric `random`."""


def draw(
    frame: pd.DataFrame,
    pairs: pd.DataFrame,
    vectors: Callable[[NDArray[np.int64]], NDArray[np.float32]],
    known: NDArray[np.bool_],
    on_progress: OnProgress | None = None,
) -> pd.DataFrame:
    """Images with a place: row, x, y (-1..1) and cluster (1 the largest).

    `vectors` gives unit vectors (m, d) of rows, of those that are `known` (n,). Copies lie beside the one that stays.
    """
    own = places_of_their_own(frame, known)
    told = on_progress or (lambda progress: None)
    found = layout.together(vectors(own), _similar(pairs, own))
    near = nearest(found, layout.NEIGHBOURS, on_progress)
    told(Progress("drawing the map", 0, 1))
    places = layout.points(found, near)
    parts = clusters.clusters(found)
    copies, copy_of = _copies(frame, own)
    around = layout.beside(places, copy_of)
    told(Progress("drawing the map", 1, 1))
    return pd.DataFrame(
        {
            "row": np.concatenate([own, copies]),
            "x": np.concatenate([places[:, 0], around[:, 0]]),
            "y": np.concatenate([places[:, 1], around[:, 1]]),
            "cluster": clusters.from_the_largest(np.concatenate([parts, parts[copy_of]]) - 1),  # copies count, too
        }
    )


def places_of_their_own(frame: pd.DataFrame, known: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Rows of the images that a place is computed for, of more than `MOST` a fair sample; sorted."""
    usable = known & (frame["status"] == Status.OK).to_numpy()
    keeper = frame["keeper"].to_numpy()
    beside = (frame["role"] == Role.DUPLICATE).to_numpy() & (keeper >= 0)
    beside[beside] = usable[keeper[beside]]
    rows = np.flatnonzero(usable & ~beside)
    if len(rows) > MOST:
        rows = np.sort(rows[np.argsort(frame["random"].to_numpy()[rows], kind="stable")[:MOST]])
    return rows


def _copies(frame: pd.DataFrame, own: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of the readable copies of those with a place, and which of these (numbers) each is a copy of."""
    number = np.full(len(frame), -1)
    number[own] = np.arange(len(own))
    keeper = frame["keeper"].to_numpy()
    copies = (frame["role"] == Role.DUPLICATE).to_numpy() & (keeper >= 0) & (number < 0)
    rows = np.flatnonzero(copies & (frame["status"] == Status.OK).to_numpy())
    rows = rows[number[keeper[rows]] >= 0]
    return rows, number[keeper[rows]]


def _similar(pairs: pd.DataFrame, own: NDArray[np.int64]) -> NDArray[np.int64]:
    """(m, 2) numbers of those with a place that the matching found similar."""
    alike = pairs.loc[pairs["kind"].isin([Kind.SIMILAR, Kind.NEAR]), ["left", "right"]].to_numpy(np.int64)
    number = np.full(int(max(own.max(initial=-1), alike.max(initial=-1))) + 1, -1)
    number[own] = np.arange(len(own))
    both = number[alike]
    return np.asarray(both[(both >= 0).all(axis=1) & (both[:, 0] != both[:, 1])])
