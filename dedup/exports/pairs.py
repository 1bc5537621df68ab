"""CSV of pairs: one row per two related images, the likelier original on the left."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from dedup.exports.base import Export, Exportable, Meter, Report
from dedup.exports.csv import ROWS_A_CHUNK, encode, guarded
from dedup.files import write_chunks
from dedup.matching import relations
from dedup.matching.columns import PAIR_COLUMNS
from dedup.model import Kind, OnProgress, Role
from dedup.query.where import Mask

KINDS = (Kind.EXACT, Kind.NEAR, Kind.CONTAINS)
COLUMNS = ("left", "right", "kind", "distance", "relation", "relations")
"""The columns before the relation's parameters, which are those of `dedup.matching.PAIR_COLUMNS`."""


def table(dataset: Exportable, mask: Mask, *, similar: bool = False) -> pd.DataFrame:
    """Pairs with both images in `mask`, left and right as paths; `similar` adds pairs that are only similar.

    The left image is the keeper of its group, else the likelier original, else the first by path. `relation` says in
    words what the right image is relative to the left one, and so do the parameters.
    """
    pairs, frame = dataset.pairs, dataset.frame
    kept = mask[pairs["left"].to_numpy()] & mask[pairs["right"].to_numpy()]
    kept &= pairs["kind"].isin((*KINDS, Kind.SIMILAR) if similar else KINDS).to_numpy(dtype=bool)
    pairs = _originals_left(pairs.loc[kept, list(PAIR_COLUMNS)].reset_index(drop=True), frame)
    paths = frame["path"].to_numpy(dtype=object)
    pairs = pairs.assign(relation=np.array(relations.describe(pairs), dtype=object))
    for side in ("left", "right"):
        pairs[side] = paths[pairs[side].to_numpy()]
    return pairs[[*COLUMNS, *(name for name in pairs if name not in COLUMNS)]]


def write(
    dataset: Exportable,
    mask: Mask,
    output: Path,
    on_progress: OnProgress | None = None,
    *,
    overwrite: bool = False,
    similar: bool = False,
) -> Report:
    """Write the pairs within `mask` to the CSV file `output`. Raises `ExportError`."""
    rows = table(dataset, mask, similar=similar)
    write_chunks(output, _chunks(rows, on_progress), overwrite)
    return Report(len(rows), output)


def _originals_left(pairs: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    role = frame["role"].to_numpy(dtype=object)
    left, right = role[pairs["left"].to_numpy()], role[pairs["right"].to_numpy()]
    rank = np.where(left == Role.KEEPER, 1, 0) - np.where(right == Role.KEEPER, 1, 0)
    return relations.turned(pairs, (rank < 0) | ((rank == 0) & (pairs["derived"].to_numpy() < 0)))


def _chunks(rows: pd.DataFrame, on_progress: OnProgress | None) -> Iterator[bytes]:
    meter = Meter(on_progress, "Writing pairs", len(rows))
    for start in range(0, max(len(rows), 1), ROWS_A_CHUNK):
        part = rows.iloc[start : start + ROWS_A_CHUNK]
        yield encode(guarded(part, ("left", "right")), header=start == 0)
        meter.advance(len(part))


PAIRS = Export("pairs", "CSV, one row per pair", ".csv", write)
