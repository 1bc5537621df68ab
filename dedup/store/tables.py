"""Parquet in and out: data frames, and structured arrays as one fixed-size binary column a field."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from dedup.errors import DatasetError
from dedup.files import PRIVATE, atomic_write, make_private


def make_folder(folder: Path) -> None:
    """Make a folder of ours. Raises `DatasetError` when it cannot be made."""
    try:
        make_private(folder)
    except OSError as error:
        raise DatasetError(f"Cannot make the folder {folder}: {error.strerror}. Choose another --home.") from error


def write_table(path: Path, table: pa.Table, metadata: dict[str, str], *, noise: bool = False) -> None:
    """Write a Parquet file atomically with `metadata` in its schema. What is `noise` to a compressor is written as it
    is, with sums, without which nothing would tell that it is damaged. Raises `DatasetError`."""
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), **metadata})
    with atomic_write(path, PRIVATE) as stream:
        if noise:
            pq.write_table(table, stream, compression="none", use_dictionary=False, write_page_checksum=True)
        else:
            pq.write_table(table, stream, compression="zstd", compression_level=1)


def read_table(path: Path, columns: list[str] | None = None) -> pa.Table:
    """Read a Parquet file, or only some of its columns. Raises `DatasetError` when it is missing or damaged."""
    try:
        # pyarrow's own `read_table` loads what reads tables of many files as well
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            return file.read(columns)
    except FileNotFoundError as error:
        raise DatasetError(f"{path.name} is missing from {path.parent}. Scan the folder again.") from error
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(f"{path} is damaged. Scan the folder again; no decision is lost.") from error


def columns_of(path: Path) -> list[str]:
    """The columns of a Parquet file, from its schema alone. Raises `DatasetError` for no such file."""
    try:
        names: list[str] = pq.read_schema(path).names
        return names
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(f"{path} is damaged. Scan the folder again; no decision is lost.") from error


def scan_of(path: Path) -> str:
    """The scan that a Parquet file says it is of, from its schema alone. Raises `DatasetError` for no such file."""
    try:
        stored: dict[bytes, bytes] = pq.read_schema(path).metadata or {}
        return stored[b"scan_id"].decode()
    except (OSError, pa.ArrowException, KeyError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path} is damaged. Scan the folder again; no decision is lost.") from error


def metadata(table: pa.Table) -> dict[str, str]:
    """The text metadata of a table's schema."""
    return {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}


def frame_of(table: pa.Table) -> pd.DataFrame:
    """A table as a data frame with a plain row index and NumPy-backed numbers."""
    frame: pd.DataFrame = table.to_pandas(ignore_metadata=True)
    return frame


def table_of(frame: pd.DataFrame) -> pa.Table:
    """A data frame as a table, without its index."""
    return pa.Table.from_pandas(frame, preserve_index=False)


def records_to_columns(records: np.ndarray) -> dict[str, pa.Array]:
    """A structured array (n,) as one column a field; an all-zero record stands for a missing one."""
    columns = {}
    for name in records.dtype.names or ():
        field = np.ascontiguousarray(records[name])
        width = field.dtype.itemsize * int(np.prod(field.shape[1:], dtype=np.int64))
        buffer = pa.py_buffer(field.tobytes())
        columns[name] = pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), len(records), [None, buffer])
    return columns


def records_from_table(table: pa.Table, dtype: np.dtype[np.void]) -> np.ndarray:
    """The inverse of `records_to_columns`. Raises `DatasetError` when a field is missing or of another width."""
    records = np.zeros(table.num_rows, dtype)
    for name in dtype.names or ():
        if name not in table.column_names or table.schema.field(name).type != pa.binary(dtype[name].itemsize):
            raise DatasetError("The signatures are of another version. Scan the folder again.")
        start = 0
        for chunk in table.column(name).chunks:
            values = np.frombuffer(chunk.buffers()[1], np.uint8)
            width = dtype[name].itemsize
            values = values[chunk.offset * width : (chunk.offset + len(chunk)) * width]
            records[name][start : start + len(chunk)] = values.view(dtype[name].base).reshape(
                len(chunk), *dtype[name].shape
            )
            start += len(chunk)
    return records
