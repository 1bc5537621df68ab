"""The selected rows of Parquet tables with all their columns, in one table or in one for each that they came from: what
Hugging Face's datasets are made of stays such, whatever else is in them.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dedup.errors import ExportError
from dedup.exports.base import Meter, Report
from dedup.exports.items import CHANGED, LEFT_OUT, Item, Order, check_target
from dedup.exports.places import EACH, atomic, named_after, require_new
from dedup.sources import archives, blobs

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

SUFFIX = ".parquet"
DAMAGED = "its part of the table cannot be read"


def write(order: Order, place: Path) -> Report:
    """Write the rows of what is asked for; no CSV beside them, for a table has columns of its own. Rows that cannot be
    read or have changed since the scan are left out and listed in the report's notes. Raises `ExportError` for images
    that are no rows, for labels or tables that do not fit into one, for a target that is there already, and for what
    its disk refuses."""
    tables = _by_table(order)
    target_of = {table: place.with_name(named_after(place.name, table)) for table in tables}
    check_target(order.dataset, place)
    require_new(set(target_of.values()))
    order.require_space(place.parent)
    meter = Meter(order.on_progress, "Writing rows", len(order.items))
    notes: list[str] = []
    made: list[Path] = []
    try:
        for target in dict.fromkeys(target_of.values()):
            with _table(target) as add:
                for table in (each for each in tables if target_of[each] == target):
                    notes += _copy_rows(table, tables[table], add, meter)
            made.append(target)
    except BaseException:
        for target in made:
            target.unlink(missing_ok=True)
        raise
    return Report(len(order.items) - len(notes), place, tuple(notes))


def _by_table(order: Order) -> dict[str, dict[int, Item]]:
    """The items by the address of their table and the number of their row, in the order of both."""
    if order.form is not None:
        raise ExportError(f"Rows of tables keep their own columns, and {order.form.title} none. Choose no labels.")
    found: dict[str, dict[int, Item]] = {}
    for item in order.items:
        archive, name = archives.archive_of(item.stored) if item.stored else ("", "")
        if archives.suffix_of(archive) != SUFFIX:
            raise ExportError(f"{item.relative} is no row of a table. Give a folder, or an archive (.zip, .tar).")
        if len(item.relative.parts) > 1 and item.relative.parts[0] != os.path.basename(archive):
            raise ExportError(
                f"{item.relative} was put into another split than its table tells, and rows stay in their tables. "
                "Give a folder, or an archive (.zip, .tar)."
            )
        found.setdefault(archive, {})[archives.row_of(name)] = item
    return {table: dict(sorted(found[table].items())) for table in sorted(found)}


class _Rows:
    """Writes tables one after the other into a file that is opened with the first, as that is written."""

    def __init__(self, stream: object, place: Path) -> None:
        self._stream, self._place = stream, place
        self._writer: pq.ParquetWriter | None = None
        self.digests: list[bytes] = []

    def __call__(self, table: pa.Table, images: list[bytes], like: pq.FileMetaData) -> None:
        import pyarrow.parquet as pq

        if self._writer is None:
            codec = like.row_group(0).column(0).compression.lower()
            compression = "none" if codec == "uncompressed" else codec
            self._writer = pq.ParquetWriter(self._stream, table.schema, compression=compression)
        if not table.schema.equals(self._writer.schema):
            raise ExportError(f"The tables differ in columns and cannot be one. Put {EACH} into the name to write.")
        self._writer.write_table(table)
        self.digests += [hashlib.sha256(image).digest() for image in images]

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


@contextmanager
def _table(place: Path) -> Iterator[_Rows]:
    """A table, which is there when the block has ended well and it reads back as written."""
    with atomic(place) as stream:
        rows = _Rows(stream, place)
        try:
            yield rows
        finally:  # its library would do so later, when there is no stream any more
            rows.close()
        stream.flush()
        with os.fdopen(os.dup(stream.fileno()), "rb") as back:
            written = archives.Parquet(back, "")
            groups = (written.group(group)[1] for group in range(len(written.firsts)))
            held = [hashlib.sha256(image).digest() for images in groups for image in images]
        if held != rows.digests:
            raise ExportError(f"{place} does not read back as written. Check the target disk.")


def _copy_rows(address: str, items: dict[int, Item], add: _Rows, meter: Meter) -> Iterator[str]:
    """Copy rows of one table; yields a note for each that is left out."""
    with archives.opened(address, anew=True) as table:
        assert isinstance(table, archives.Parquet), address
        for group, first in enumerate(table.firsts):
            end = table.firsts[group + 1] if group + 1 < len(table.firsts) else table.metadata.num_rows
            wanted = {row - first: item for row, item in items.items() if first <= row < end}
            if wanted:
                yield from _copy_group(table, group, wanted, add)
                meter.advance(len(wanted))
        for item in (item for row, item in items.items() if row >= table.metadata.num_rows):
            yield f"{LEFT_OUT}{item.relative}: {CHANGED}."


def _copy_group(table: archives.Parquet, group: int, wanted: dict[int, Item], add: _Rows) -> Iterator[str]:
    try:
        held, images = table.group(group)
    except Exception as error:  # Arrow's
        yield from (f"{LEFT_OUT}{item.relative}: {DAMAGED} ({blobs.reason(error)})." for item in wanted.values())
        return
    kept = []
    for row, item in wanted.items():
        if hashlib.sha256(images[row]).hexdigest() == item.sha256:
            kept.append(row)
        else:
            yield f"{LEFT_OUT}{item.relative}: {CHANGED if item.sha256 else 'the file cannot be read'}."
    if kept:
        add(held.take(np.array(kept)), [images[row] for row in kept], table.metadata)
