"""Vectors from a file that somebody made: .parquet, .npz, or .npy with a list of paths."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dedup.errors import UsageError

PATH_COLUMNS = ("path", "filepath", "file_path", "filename", "file_name", "image", "image_path", "key")
VECTOR_COLUMNS = ("vector", "embedding", "embeddings", "features", "image_embeds")
KINDS = ".parquet (a column path, and a column vector or one column a number), .npz (arrays paths and vectors) or .npy"


@dataclass(frozen=True)
class Given:
    """`vectors` (n, d) float32 by row of the dataset, NaN where the file has none; `unknown` counts entries whose path
    no image has, `example` is one of them."""

    vectors: NDArray[np.float32]
    unknown: int
    example: str


def read(file: Path, rows: Mapping[str, int], count: int, root: Path, paths: Path | None = None) -> Given:
    """The vectors of a file for `count` images whose `rows` are told by path relative to `root`.

    Entries name images by that path or the whole one; `paths` is the list, a line each, of an .npy file. Raises
    `UsageError` for a file that is none of `KINDS`, or that names no image.
    """
    try:
        names, vectors = _entries(file, paths)
    except (OSError, ValueError, KeyError, pa.ArrowException, zipfile.BadZipFile) as error:
        raise UsageError(f"{file} cannot be read as vectors ({error}). Give {KINDS}.") from error
    if vectors.ndim != 2 or not np.issubdtype(vectors.dtype, np.number) or len(names) != len(vectors):
        raise UsageError(
            f"{file}: {len(names):,} paths and vectors of shape {vectors.shape}; one row of numbers for each path."
        )
    found = np.full((count, vectors.shape[1]), np.nan, np.float32)
    unknown = []
    for name, vector in zip(names, vectors, strict=True):
        row = rows.get(_relative(name, root))
        if row is None:
            unknown.append(name)
        else:
            found[row] = vector
    if len(unknown) == len(names):
        told = f", such as {unknown[0]!r}" if unknown else ""
        raise UsageError(f"{file} names no image of the dataset{told}. Paths are relative to {root}, or whole.")
    return Given(found, len(unknown), unknown[0] if unknown else "")


def _relative(name: str, root: Path) -> str:
    plain = name.replace("\\", "/").removeprefix("./")
    return plain.removeprefix(f"{root.as_posix()}/")


def _entries(file: Path, paths: Path | None) -> tuple[Sequence[str], NDArray[np.float32]]:
    kind = file.suffix.lower()
    if kind == ".parquet":
        return _of_table(pq.read_table(file))
    if kind == ".npz":
        with np.load(file, allow_pickle=False) as held:
            return [str(each) for each in held["paths"].tolist()], held["vectors"]
    if kind == ".npy":
        if paths is None:
            raise UsageError(f"{file} has no paths. Give them with --paths FILE, a line for each row.")
        return paths.read_text(encoding="utf-8").splitlines(), np.load(file, allow_pickle=False)
    raise ValueError("unknown suffix")


def _of_table(table: pa.Table) -> tuple[list[str], NDArray[np.float32]]:
    names = next((name for name in PATH_COLUMNS if name in table.column_names), None)
    if names is None:
        raise ValueError(f"no column {PATH_COLUMNS[0]}")
    paths = [str(each) for each in table.column(names).to_pylist()]
    held = next((name for name in VECTOR_COLUMNS if name in table.column_names), None)
    if held is not None:
        column = table.column(held).combine_chunks()
        values = column.flatten().to_numpy(zero_copy_only=False).astype(np.float32)
        if column.null_count or len(pc.unique(pc.list_value_length(column))) > 1:
            raise ValueError(f"the vectors of {held} are of several lengths")
        return paths, values.reshape(len(column), -1)
    numbers = [field.name for field in table.schema if pa.types.is_floating(field.type)]
    if not numbers:
        raise ValueError(f"no column {VECTOR_COLUMNS[0]}")
    return paths, np.column_stack([table.column(name).to_numpy().astype(np.float32) for name in numbers])
