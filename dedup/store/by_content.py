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
"""Files of fewer rows that are wanted are joined once there are so many."""


class ByContent:
    """Rows with a column `sha256`, of one `version`; those of others are no more. `noise` says that they do not get
    smaller by compressing them."""

    def __init__(self, folder: Path, version: Mapping[str, str], *, noise: bool = False) -> None:
        self.folder, self.version, self._noise = folder, dict(version), noise

    def tables(self) -> Iterator[pa.Table]:
        """File by file, in the order of their names. Damaged ones are left out."""
        for path in self._paths():
            if (table := self._read(path)) is not None:
                yield table

    def add(self, table: pa.Table) -> None:
        """Keep some more. Raises `DatasetError`."""
        tables.make_folder(self.folder)
        tables.write_table(self.folder / f"{uuid.uuid4().hex}.parquet", table, self.version, noise=self._noise)

    def clear(self) -> None:
        """Forget all."""
        for path in self._paths():
            path.unlink(missing_ok=True)

    def join(self, wanted: Collection[str]) -> None:
        """Make one file of many that hold little of the files `wanted` (SHA-256), or are damaged; of these alone."""
        with suppress(DatasetError):  # as they are, they are kept, too
            there = pa.array(wanted, pa.string())
            small = [path for path in self._paths() if self._rows(path, there) < SMALL]
            if len(small) < SMALL_JOINED:
                return
            found = [table for path in small if (table := self._read(path)) is not None]
            if found:
                table = pa.concat_tables(found)
                self.add(table.filter(pc.is_in(table["sha256"], there)))
            for path in small:
                path.unlink(missing_ok=True)

    def _read(self, path: Path) -> pa.Table | None:
        """None for a damaged file and for one of another version, which is taken away."""
        with suppress(DatasetError):
            table = tables.read_table(path)
            if self.version.items() <= tables.metadata(table).items():
                return table
            path.unlink(missing_ok=True)
        return None

    @staticmethod
    def _rows(path: Path, wanted: pa.Array) -> int:
        """How many rows of a file are wanted."""
        with suppress(DatasetError):
            there = tables.read_table(path, ["sha256"])["sha256"]
            return len(there.filter(pc.is_in(there, wanted)))
        return 0

    def _paths(self) -> list[Path]:
        return sorted(self.folder.glob("*.parquet"))
