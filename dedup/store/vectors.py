"""vectors.parquet and map.parquet of a dataset's directory, both by content of files, so that they outlive scans.

A damaged one, or one of another version, is none: it is computed again when it is asked for.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from dedup.errors import DatasetError
from dedup.store import tables

Number = TypeVar("Number", bound=np.generic)

VECTORS, MAP = "vectors.parquet", "map.parquet"
UNFINISHED = "vectors-unfinished.parquet"
"""What a model gave before it was stopped."""
VERSION = "1"
"""Grows when a vector, a score or a place of today is not one of then."""


@dataclass(frozen=True)
class Told:
    """What is known beside the rows. `source` names the model or the file that vectors come from, "" stands for
    signatures; `recall` is the share of nearest neighbours found, 0..1; `left_out` counts images that could have had a
    place but were too many; `text_side` is the file of the model's text side, "" where none is known."""

    source: str
    recall: float = 1.0
    left_out: int = 0
    text_side: str = ""


@dataclass(frozen=True)
class KeptVectors:
    """Vectors by SHA-256: unit `vectors` (m, d) float32 and `singularity` (m,), 1 minus the cosine to the nearest
    other picture, NaN where it is the only one; `nearest` (m, k) int32 are the places of the nearest others, -1 where
    there are fewer."""

    told: Told
    sha256: list[str]
    singularity: NDArray[np.float32]
    vectors: NDArray[np.float32]
    nearest: NDArray[np.int32] | None = None


def write_vectors(directory: Path, kept: KeptVectors, name: str = VECTORS) -> None:
    """Raises `DatasetError`."""
    columns = {
        "sha256": kept.sha256,
        "singularity": kept.singularity,
        "vector": _lists(np.asarray(kept.vectors, np.float32)),
    }
    if kept.nearest is not None and kept.nearest.size:
        columns["nearest"] = _lists(kept.nearest)
    tables.write_table(directory / name, pa.table(columns), _metadata(kept.told))


def read_vectors(directory: Path, name: str = VECTORS) -> KeptVectors | None:
    """The vectors of a dataset, None where it has none."""
    found = _read(directory / name, ["sha256", "singularity", "vector"])
    if found is None:
        return None
    told, table = found
    return KeptVectors(
        told,
        table.column("sha256").to_pylist(),
        table.column("singularity").to_numpy(),
        _of_lists(table, "vector").astype(np.float32, copy=False),
    )


def read_nearest(directory: Path) -> tuple[list[str], NDArray[np.int32]] | None:
    """SHA-256 (m,) and the places (m, k) of the nearest others by the vectors, -1 for none; None where nobody gave any,
    or somebody did before they were kept."""
    found = _read(directory / VECTORS, ["sha256", "nearest"])
    if found is None:
        return None
    return found[1].column("sha256").to_pylist(), _of_lists(found[1], "nearest").astype(np.int32, copy=False)


def _lists(rows: NDArray[Number]) -> pa.Array:
    """Rows (m, k) as a column."""
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(rows).ravel()), rows.shape[1])


def _of_lists(table: pa.Table, name: str) -> NDArray[np.generic]:
    column = table.column(name).combine_chunks()
    values = column.flatten().to_numpy(zero_copy_only=False)
    return np.asarray(values.reshape(len(table), column.type.list_size))


def read_singularity(directory: Path) -> tuple[Told, pd.DataFrame] | None:
    """sha256 and singularity of the vectors, without these."""
    found = _read(directory / VECTORS, ["sha256", "singularity"])
    return None if found is None else (found[0], tables.frame_of(found[1]))


def write_map(directory: Path, told: Told, places: pd.DataFrame) -> None:
    """Keep sha256, x, y and cluster of the images that have a place. Raises `DatasetError`."""
    tables.write_table(directory / MAP, tables.table_of(places), _metadata(told))


def read_map(directory: Path) -> tuple[Told, pd.DataFrame] | None:
    """sha256, x, y and cluster of the images on the map."""
    found = _read(directory / MAP, ["sha256", "x", "y", "cluster"])
    return None if found is None else (found[0], tables.frame_of(found[1]))


def told_of_map(directory: Path) -> Told | None:
    """What is known of the map beside its places."""
    found = _read(directory / MAP, [])
    return None if found is None else found[0]


def stamp_of_vectors(directory: Path) -> str:
    """Names the vectors by size and time of their file, "" where there are none."""
    try:
        stat = (directory / VECTORS).stat()
    except OSError:
        return ""
    return f"{stat.st_size}-{stat.st_mtime_ns}"


def stamp(directory: Path) -> tuple[int, ...]:
    """Changes when either file does."""
    times = [0, 0]
    for place, name in enumerate((VECTORS, MAP)):
        with suppress(OSError):
            times[place] = (directory / name).stat().st_mtime_ns
    return tuple(times)


def _metadata(told: Told) -> dict[str, str]:
    return {"version": VERSION, "told": json.dumps([told.source, told.recall, told.left_out, told.text_side])}


def _read(path: Path, columns: list[str]) -> tuple[Told, pa.Table] | None:
    try:
        table = tables.read_table(path, columns)
        metadata = tables.metadata(table)
        if metadata.get("version") != VERSION:
            return None
        return Told(*json.loads(metadata["told"])), table
    except (DatasetError, ValueError, KeyError, TypeError):
        return None
