"""CSV: one row per image, for a spreadsheet and for pandas.

Safe in a spreadsheet: a text that a spreadsheet would run as a formula (its first character that is not a space is
`= + - @` or a full-width form of them, or it begins with a tab or line break) is written so that it is shown and not
run. A path gets `./` in front, which names the same file: opening it works unchanged. Any other text gets the
spreadsheets' own sign for text, an apostrophe. Numbers, dates, yes/no values and all other texts are as they are.

No CSV can both disarm such a text and have `pandas.read_csv` return it unchanged, for both see the same characters.
So `read` of this module is the exact inverse, with the right types (whole numbers stay whole where some are unknown,
a class named "None" or "NA" stays a text); plain `pandas.read_csv` differs from it only in those few texts and types.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.csv

from dedup.exports.base import Export, Exportable, Meter, Report, classed
from dedup.files import write_chunks
from dedup.images.hashes import COLUMN
from dedup.images.metrics import said
from dedup.model import SCORE_VERSION, TAG_PREFIX, OnProgress, Status
from dedup.query.where import Mask

ROWS_A_CHUNK = 5_000

PATHS = ("path", "keeper", "nearest")
TEXTS = (
    "sha256",
    "format",
    "captured_at",
    "status",
    "error",
    "split",
    "class",
    "kind",
    "role",
    "keeper_reason",
    "relation",
    "decided",
)
INTEGERS = (
    *("bytes", "width", "height", "group", "nearest_bits", "annotations", "crowds", "contains", "part_of"),
    "score_version",
)
COLUMNS = (
    *("path", "sha256", "bytes", "width", "height", "format", "captured_at", "status", "error", "split", "class"),
    *("kind", "singularity", "group", "role", "keeper", "keeper_reason", "nearest", "distance", "nearest_bits"),
    *("relation", "decided"),
)
"""The columns before the other metrics, the tags and the score's version."""
PARTS = ("contains", "part_of")
"""Those that follow where any image is known to contain another one."""

CLASS_SEPARATOR = " | "

_FORMULA = re.compile(r"[\t\r\n]|\s*[=+\-@＝＋－＠]")
_APOSTROPHE = "'"


def guard(text: str, *, path: bool = False) -> str:
    """`text` so that no spreadsheet runs it; `unguard` is the inverse. `path` must not begin with `./`."""
    if text[:1].isalnum():
        return text
    if path:
        return f"./{text}" if _FORMULA.match(text) else text
    return f"{_APOSTROPHE}{text}" if _FORMULA.match(text) or text.startswith(_APOSTROPHE) else text


def unguard(text: str, *, path: bool = False) -> str:
    """The text that `guard` was given."""
    return text.removeprefix("./" if path else _APOSTROPHE)


def table(frame: pd.DataFrame, mask: Mask) -> pd.DataFrame:
    """The images in `mask` with the export's columns and their true values, before any guarding."""
    chosen = frame[mask]
    paths = frame["path"].to_numpy(dtype=object)
    columns: dict[str, object] = {name: chosen[name] for name in COLUMNS if name in chosen}
    columns["class"] = [CLASS_SEPARATOR.join(names) for names in chosen["classes"]]
    for name in ("keeper", "nearest"):
        rows = chosen[name].to_numpy()
        columns[name] = np.where(rows >= 0, paths[rows], "")
    for name in ("width", "height"):
        columns[name] = chosen[name].astype("Int64").where(chosen["status"] == Status.OK)
    for name in ("group", "nearest_bits"):
        columns[name] = chosen[name].astype("Int64").where(chosen[name] >= 0)
    metrics = [metric.name for metric in said(frame) if metric.name not in COLUMNS]
    tags = [name for name in frame.columns if name.startswith(TAG_PREFIX)]
    result = pd.DataFrame({name: columns[name] for name in COLUMNS}, index=chosen.index)
    kinds = [name for name in frame.columns if name.startswith(COLUMN)]
    result = pd.concat(
        [result, chosen[parts_told(frame)], chosen[metrics], chosen[kinds], chosen[tags].astype(bool)], axis=1
    )
    return result.assign(score_version=SCORE_VERSION).reset_index(drop=True)


def parts_told(frame: pd.DataFrame) -> list[str]:
    """Those of `PARTS` that tell anything."""
    return [name for name in PARTS if name in frame and frame[name].any()]


def write(
    dataset: Exportable, mask: Mask, output: Path, on_progress: OnProgress | None = None, *, overwrite: bool = False
) -> Report:
    """Write the images in `mask` to the CSV file `output`. Raises `ExportError`."""
    rows = table(classed(dataset), mask)
    write_chunks(output, _chunks(rows, on_progress), overwrite)
    return Report(len(rows), output)


def read(source: Path | io.BytesIO) -> pd.DataFrame:
    """An export as a frame with the original texts and right types: Int64 for whole numbers, bool for tags.

    Also reads an export of pairs.
    """
    frame = pd.read_csv(source, dtype=str, keep_default_na=False, encoding="utf-8")
    for name in frame.columns:
        if name in (*PATHS, "left", "right"):
            frame[name] = [unguard(text, path=True) for text in frame[name]]
        elif name in (*TEXTS, "relations") or name.startswith(COLUMN):
            frame[name] = [unguard(text) for text in frame[name]]
        elif name.startswith(TAG_PREFIX):
            frame[name] = frame[name] == "true"
        else:
            numbers = frame[name].replace("", None)
            frame[name] = numbers.astype("Int64") if name in INTEGERS else numbers.astype("float64")
    return frame


def guarded(rows: pd.DataFrame, paths: tuple[str, ...]) -> pyarrow.Table:
    """`rows` with texts guarded (those of the columns `paths` as paths) and truth values as true and false."""
    return pyarrow.table({name: _guarded(rows[name], path=name in paths) for name in rows.columns})


def _guarded(column: pd.Series, *, path: bool) -> pyarrow.Array:
    if column.dtype == bool:
        return pyarrow.array(np.where(column, "true", "false"))
    if pd.api.types.is_numeric_dtype(column.dtype):
        return pyarrow.array(column, from_pandas=True)
    texts = column.astype(str).tolist()
    known = {each: _encodable(guard(each, path=path)) for each in set(texts)}  # most columns have a few words
    return pyarrow.array([known[text] for text in texts])


def _encodable(text: str) -> str:
    """The text, with what UTF-8 cannot hold written out."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def encode(rows: pyarrow.Table, *, header: bool) -> bytes:
    """Rows as CSV bytes: UTF-8, LF, every text in quotes, unknown values empty."""
    written = io.BytesIO()
    options = pyarrow.csv.WriteOptions(include_header=header)
    pyarrow.csv.write_csv(rows, written, options)
    return written.getvalue()


def _chunks(rows: pd.DataFrame, on_progress: OnProgress | None) -> Iterator[bytes]:
    meter = Meter(on_progress, "Writing rows", len(rows))
    for start in range(0, max(len(rows), 1), ROWS_A_CHUNK):
        part = rows.iloc[start : start + ROWS_A_CHUNK]
        yield encode(guarded(part, PATHS), header=start == 0)
        meter.advance(len(part))


CSV = Export("csv", "CSV, one row per image", ".csv", write)
