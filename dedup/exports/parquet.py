"""Parquet out: the rows of the CSV with their types, classes and tags as lists; for tables of millions."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dedup.errors import DatasetError, ExportError
from dedup.exports import csv
from dedup.exports.base import Export, Exportable, Meter, Report, classed
from dedup.files import atomic_write, require_free
from dedup.model import SCORE_VERSION, TAG_PREFIX, OnProgress
from dedup.query.where import Mask


def table(dataset: Exportable, mask: Mask) -> pa.Table:
    """The images in `mask`, a row each: the columns of the CSV, `classes` and `tags` as lists of texts."""
    frame = classed(dataset)
    rows = csv.table(frame, mask)
    tags = [name for name in rows.columns if name.startswith(TAG_PREFIX)]
    given = rows[tags].to_numpy(bool)
    names = [name.removeprefix(TAG_PREFIX) for name in tags]
    plain = rows.drop(columns=[*tags, "class", "score_version"])
    made = pa.Table.from_pandas(plain, preserve_index=False)
    texts = pa.list_(pa.string())
    classes = pa.array([list(each) for each in frame["classes"][mask]], texts)
    held = pa.array([[name for name, has in zip(names, row, strict=True) if has] for row in given], texts)
    made = made.append_column("classes", classes).append_column("tags", held)
    return made.replace_schema_metadata({"score_version": str(SCORE_VERSION)})


def write(
    dataset: Exportable, mask: Mask, output: Path, on_progress: OnProgress | None = None, *, overwrite: bool = False
) -> Report:
    """Write the images in `mask` to the Parquet file `output`. Raises `ExportError`."""
    made = table(dataset, mask)
    meter = Meter(on_progress, "Writing rows", len(made))
    require_free(output, overwrite)
    try:
        with atomic_write(output) as stream:
            pq.write_table(made, stream, compression="zstd")
    except DatasetError as error:
        raise ExportError(str(error)) from error
    meter.advance(len(made))
    return Report(len(made), output)


PARQUET = Export("parquet", "Parquet", ".parquet", write)
