"""Vectors from a file that somebody made: .parquet, .npz, or .npy with a list of paths."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dedup.errors import UsageError
from dedup.files import content_of, open_regular
from dedup.words import plural

PATH_COLUMNS = ("path", "filepath", "file_path", "filename", "file_name", "image", "image_path", "key")
VECTOR_COLUMNS = ("vector", "embedding", "embeddings", "features", "image_embeds")
_COLUMN = re.compile(r"(.*?)([0-9]{1,9})")
"""One of many: v0, v1, or plain numbers."""
KINDS = ".parquet (a column path, and a column vector or columns v0, v1, …), .npz (arrays paths and vectors) or .npy"


@dataclass(frozen=True)
class Given:
    """`vectors` (n, d) by row of the dataset, NaN where the file has none; `notes` say in sentences which entries name
    no image, which an image that another one names as well, and which hold no vector that tells anything."""

    vectors: NDArray[np.floating]
    notes: tuple[str, ...] = ()


def read(file: Path, rows: Mapping[str, int], count: int, root: Path, paths: Path | None = None) -> Given:
    """The vectors of a file for `count` images whose `rows` are told by path relative to `root`.

    Entries name images by that path or the whole one; `paths` is the list, a line each, of an .npy file. Raises
    `UsageError` for a file that is none of `KINDS`, or that names no image.
    """
    names, vectors = _read(file, paths)
    if vectors.ndim != 2 or vectors.dtype.kind not in "fiu" or len(names) != len(vectors) or not vectors.size:
        raise UsageError(
            f"{file}: {len(names):,} paths and {vectors.dtype} of shape {vectors.shape}; one row of numbers for each "
            "path is needed."
        )
    found = np.full((count, vectors.shape[1]), np.nan, np.float64 if vectors.dtype == np.float64 else np.float32)
    unknown, again, empty = [], [], []
    known: set[int] = set()
    for name, vector in zip(names, vectors, strict=True):
        row = rows.get(_relative(name, root))
        if row is None:
            unknown.append(name)
            continue
        if row in known:
            again.append(name)
        known.add(row)
        found[row] = vector
        if not np.isfinite(found[row]).all() or not found[row].any():
            empty.append(name)
    if not known:
        raise UsageError(
            f"{file} names no image of the dataset, such as {unknown[0]!r}. Paths are relative to {root}, or whole."
        )
    odd = {
        ("names no image here", "name no image here"): unknown,
        ("names an image once more, and counts", "name images once more, and the last counts"): again,
        (
            "holds numbers that are not finite, or nothing but zeros, and is left out",
            "hold numbers that are not finite, or nothing but zeros, and are left out",
        ): empty,
    }
    notes = (
        f"{plural(len(names), 'entry')} of {file.name} {one if len(names) == 1 else many}, such as {names[0]!r}."
        for (one, many), names in odd.items()
        if names
    )
    return Given(found, tuple(notes))


def _read(file: Path, paths: Path | None) -> tuple[Sequence[str], NDArray[Any]]:
    listed = None if paths is None else _lines(paths)
    try:
        with open_regular(file):  # a pipe would be waited for
            pass
        return _entries(file, listed)
    except UsageError:
        raise
    except MemoryError as error:
        raise UsageError(f"{file} says that it holds more than there is memory for.") from error
    except Exception as error:  # NumPy and Arrow raise nearly anything of a file that is none of theirs
        raise UsageError(f"{file} cannot be read as vectors ({_short(error)}). Give {KINDS}.") from error


def _lines(paths: Path) -> list[str]:
    try:
        return content_of(paths).decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{paths} cannot be read as a list of paths ({_short(error)}).") from error


def _short(error: Exception) -> str:
    return (str(error) or type(error).__name__)[:200]


def _relative(name: str, root: Path) -> str:
    plain = name.replace("\\", "/").removeprefix("./")
    return plain.removeprefix(f"{root.as_posix()}/")


def _entries(file: Path, paths: Sequence[str] | None) -> tuple[Sequence[str], NDArray[Any]]:
    kind = file.suffix.lower()
    if kind == ".parquet":
        return _of_table(pq.read_table(file))
    if kind == ".npz":
        held = np.load(file, allow_pickle=False)
        if not isinstance(held, np.lib.npyio.NpzFile):
            raise ValueError("it is an .npy under another name")
        with held:
            return [str(each) for each in held["paths"].tolist()], held["vectors"]
    if kind == ".npy":
        if paths is None:
            raise UsageError(f"{file} has no paths. Give them with --paths FILE, a line for each row.")
        return paths, np.load(file, allow_pickle=False)
    raise ValueError("unknown suffix")


def _of_table(table: pa.Table) -> tuple[list[str], NDArray[Any]]:
    names = next((name for name in PATH_COLUMNS if name in table.column_names), None)
    if names is None:
        raise ValueError(f"no column {PATH_COLUMNS[0]}")
    paths = [str(each) for each in table.column(names).to_pylist()]
    held = next((name for name in VECTOR_COLUMNS if name in table.column_names), None)
    if held is not None:
        return paths, _of_lists(table.column(held).combine_chunks(), held)
    numbers = _numbered(table)
    if not numbers:
        raise ValueError(f"no column {VECTOR_COLUMNS[0]}, nor columns of numbers called v0, v1 and so on")
    return paths, np.column_stack([table.column(name).to_numpy() for name in numbers])


def _of_lists(column: pa.Array, name: str) -> NDArray[Any]:
    kind = column.type
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)):
        raise ValueError(f"{name} holds {kind}, not lists of numbers")
    if not (pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type)):
        raise ValueError(f"{name} holds lists of {kind.value_type}, not of numbers")
    if column.null_count:
        raise ValueError(f"{column.null_count:,} of {name} are missing")
    if len(pc.unique(pc.list_value_length(column))) > 1:
        raise ValueError(f"the vectors of {name} are of several lengths")
    return np.asarray(column.flatten().to_numpy(zero_copy_only=False)).reshape(len(column), -1)


def _numbered(table: pa.Table) -> list[str]:
    """The columns of numbers whose names are one word and a number each, in order; of several words, the most."""
    families: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for field in table.schema:
        told = _COLUMN.fullmatch(field.name)
        if told and (pa.types.is_floating(field.type) or pa.types.is_integer(field.type)):
            families[told[1]].append((int(told[2]), field.name))
    largest = max(families.values(), key=len, default=[])
    return [name for _, name in sorted(largest)]
