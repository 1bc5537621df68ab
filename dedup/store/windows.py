"""Keys of windows on disk: what the next search among many pictures need not compute again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import numpy as np
import pyarrow as pa

from dedup.errors import DatasetError
from dedup.matching.window_keys import WindowKeys
from dedup.store.by_content import ByContent

AT_ONCE = 16384
"""Views in one file: 14 MB."""


class KeptWindows:
    """See `dedup.matching.window_keys.Kept`. What cannot be written is not kept: it is computed again."""

    def __init__(self, files: ByContent) -> None:
        self._files = files
        self._waiting: list[WindowKeys] = []

    def __iter__(self) -> Iterator[WindowKeys]:
        for table in self._files.tables():
            with suppress(KeyError, ValueError):
                yield _from_table(table)
        yield from [*self._waiting]

    def add(self, found: WindowKeys) -> None:
        """Keep some more, once there are enough of them."""
        self._waiting.append(found)
        if sum(len(each.kind) for each in self._waiting) >= AT_ONCE:
            self._write()

    def clear(self) -> None:
        """Forget all."""
        self._waiting.clear()
        with suppress(OSError):
            self._files.clear()

    def finish(self, wanted: list[str]) -> None:
        """Write what still waits, and tidy up: `wanted` are the files (SHA-256) that are there."""
        self._write()
        self._files.join(wanted)

    def _write(self) -> None:
        if self._waiting:
            with suppress(DatasetError):
                self._files.add(_to_table(self._waiting))
            self._waiting = []


def _to_table(found: list[WindowKeys]) -> pa.Table:
    keys = np.concatenate([each.keys for each in found])
    one = pa.binary(keys[0].nbytes)
    return pa.table(
        {
            "sha256": pa.array(np.concatenate([each.sha256 for each in found]), pa.string()),
            "kind": pa.array(np.concatenate([each.kind for each in found])),
            "keys": pa.Array.from_buffers(one, len(keys), [None, pa.py_buffer(np.ascontiguousarray(keys))]),
        }
    )


def _from_table(table: pa.Table) -> WindowKeys:
    column = table["keys"].combine_chunks()
    column = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
    words = np.frombuffer(column.buffers()[1], np.uint64)[: len(column) * column.type.byte_width // 8]
    sha256 = np.array(table["sha256"].to_pylist(), object)
    return WindowKeys(sha256, table["kind"].to_numpy().astype(np.uint8), words.reshape(len(column), -1, 2))
