"""What was computed of files and holds as long as their content does: a folder of Parquet files, to which each scan
that finds something new adds one. All of it is made again where it is gone or damaged."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from dedup.errors import DatasetError
from dedup.store import tables

SMALL, SMALL_JOINED = 2048, 8
"""Files of fewer rows are joined once there are so many."""


class ByContent:
    """Rows with a column `sha256`, of one `version`; those of others are no more. `noise` says that they do not get
    smaller by compressing them."""

    def __init__(self, folder: Path, version: Mapping[str, str], *, noise: bool = False) -> None:
        self.folder, self.version, self._noise = folder, dict(version), noise

    def tables(self) -> Iterator[pa.Table]:
        """File by file, in the order of their names. Damaged ones are left out."""
        for path in self._paths():
            with suppress(DatasetError):
                table = tables.read_table(path)
                if self.version.items() <= tables.metadata(table).items():
                    yield table
                else:
                    path.unlink(missing_ok=True)

    def add(self, table: pa.Table) -> None:
        """Keep some more. Raises `DatasetError`."""
        tables.make_folder(self.folder)
        tables.write_table(self.folder / f"{uuid.uuid4().hex}.parquet", table, self.version, noise=self._noise)

    def clear(self) -> None:
        """Forget all."""
        for path in self._paths():
            path.unlink(missing_ok=True)

    def join(self, wanted: Collection[str]) -> None:
        """Make one file of many small ones, of the files `wanted` (SHA-256) alone."""
        with suppress(DatasetError):  # as they are, they are kept, too
            small = [path for path in self._paths() if tables.rows_of(path) < SMALL]
            if len(small) < SMALL_JOINED:
                return
            table = pa.concat_tables([tables.read_table(path) for path in small])
            self.add(table.filter(pc.is_in(table["sha256"], pa.array(wanted, pa.string()))))
            for path in small:
                path.unlink()

    def _paths(self) -> list[Path]:
        return sorted(self.folder.glob("*.parquet"))
