"""Joined tables, kept beside a large dataset: it opens in the time that reading them takes, not joining them again.

They hold for what they were made from and for this code; of anything else they are made anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from dedup import plugins
from dedup.errors import DatasetError
from dedup.files import as_it_is
from dedup.groups.frame import Joined
from dedup.store import tables

MANY = 100_000
"""Fewer images are joined in two seconds: nothing is kept of them."""
FRAME, PAIRS = "joined.parquet", "joined-pairs.parquet"
MADE_FROM = "made from"
"""In the metadata of either file: the key of what it was made from."""
COLUMNS, RULES, TUPLES = "columns", "rules", "tuples"
OF_TUPLES = ("classes", "relations")
"""Columns of the frame that hold tuples of names: of few different ones, which are numbered."""


def key_of(directory: Path, told: Sequence[object]) -> str:
    """What joined tables hold for: the dataset's files but its decisions, by size and time, what is `told` beside, and
    the code, plug-ins included."""
    digest = hashlib.blake2b(_code(), digest_size=16)
    for file in sorted(directory.glob("*.parquet")):
        if file.name not in (FRAME, PAIRS):
            digest.update(as_it_is(file))
    digest.update(repr(_in_order(told)).encode(errors="surrogatepass"))
    return digest.hexdigest()


def _in_order(told: object) -> object:
    """The same for the same in every process, where sets have another order."""
    if is_dataclass(told):
        return [(field.name, _in_order(getattr(told, field.name))) for field in fields(told)]
    if isinstance(told, Mapping):
        return sorted((repr(key), repr(value)) for key, value in told.items())
    if isinstance(told, Set):
        return sorted(repr(_in_order(each)) for each in told)
    return [_in_order(each) for each in told] if isinstance(told, (list, tuple)) else told


@cache
def _code() -> bytes:
    own = map(as_it_is, sorted(Path(__file__).parents[1].rglob("*.py")))
    added = (plugins.versions(group) for group in (plugins.METRICS, plugins.KEEPER_RULES, plugins.LABELS))
    return b"".join([*own, ";".join(added).encode()])


def recall(directory: Path, key: str, images: Callable[[], pd.DataFrame]) -> Joined | None:
    """The tables that were kept for this key, if there are any. `images` reads those that they were made from."""
    with suppress(DatasetError, KeyError, ValueError):
        own, pairs = (tables.read_table(directory / name) for name in (FRAME, PAIRS))
        told = tables.metadata(own)
        if key == told[MADE_FROM] == tables.metadata(pairs)[MADE_FROM]:
            added = _with_tuples(own, json.loads(told[TUPLES]))
            frame = images().assign(**{str(name): column for name, column in added.items()})[json.loads(told[COLUMNS])]
            return Joined(frame, tables.frame_of(pairs), json.loads(told[RULES]))
    return None


def keep(directory: Path, key: str, joined: Joined, images: pd.DataFrame) -> None:
    """Keep tables, but for what is in `images` already, for the next time; a disk that is full or read-only goes
    without."""
    frame = joined.frame
    with suppress(DatasetError, OSError, ValueError):  # half a character is no text
        tuples = {name: _numbered(frame[name]) for name in OF_TUPLES}
        own = frame[[name for name in frame if name not in images or not frame[name].equals(images[name])]]
        numbers = own.assign(**{name: codes for name, (codes, _) in tuples.items()})
        told = {
            MADE_FROM: key,
            COLUMNS: json.dumps(list(frame)),
            RULES: json.dumps(joined.rules),
            TUPLES: json.dumps({name: distinct for name, (_, distinct) in tuples.items()}),
        }
        tables.write_table(directory / PAIRS, tables.table_of(joined.pairs), {MADE_FROM: key})
        tables.write_table(directory / FRAME, tables.table_of(numbers), told)


def _numbered(column: Iterable[tuple[str, ...]]) -> tuple[np.ndarray, list[tuple[str, ...]]]:
    number: dict[tuple[str, ...], int] = {}
    codes = np.array([number.setdefault(each, len(number)) for each in column], np.int32)
    return codes, list(number)


def _with_tuples(table: pa.Table, tuples: dict[str, list[list[str]]]) -> pd.DataFrame:
    frame = tables.frame_of(table)
    columns = {}
    for name, distinct in tuples.items():
        every = np.empty(len(distinct), object)
        every[:] = [tuple(each) for each in distinct]
        columns[name] = pd.Series(every[frame[name].to_numpy()], dtype=object)
    return frame.assign(**columns)
