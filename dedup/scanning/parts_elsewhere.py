"""Folders of parts in a bucket, where the machines that read shards share nothing else.

A shard is read on its machine, and brought there when all of it is read: last its `shard.json`, without which it is
none.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from dedup.errors import DatasetError, UsageError
from dedup.scanning.shards import SHARD_FILE, source_of
from dedup.sources import blobs


@contextmanager
def fetched(address: str) -> Iterator[Path]:
    """A folder of this machine with the shards below an address that ends with `/`, until the block ends. Raises
    `UsageError` where there are none, `SourceError`, `DatasetError`."""
    with tempfile.TemporaryDirectory(prefix="dedup-parts-") as folder:
        if not _fetch(address, Path(folder)):
            raise UsageError(f"There is no finished shard in {address}. Give what `dedup scan --shard` wrote to.")
        yield Path(folder)


@contextmanager
def replaced(address: str, shard: str, source: str) -> Iterator[Path]:
    """The folder that a `shard` of a source is read in, with what is there of it; what it holds when the block has
    ended well is put there. Raises `UsageError` where it is of another source, `SourceError`, `DatasetError`."""
    there = f"{address}{shard}/"
    blobs.writable(address)
    with tempfile.TemporaryDirectory(prefix="dedup-parts-") as folder:
        here = Path(folder, shard)
        before = _fetch(there, here)
        if before and source_of(here) not in ("", source):
            raise UsageError(
                f"{address} holds shards of {source_of(here)}. Choose another place for those of {source}."
            )
        yield Path(folder)
        made = [*(f"parts/{file.name}" for file in (here / "parts").glob("*.parquet")), SHARD_FILE]
        try:
            for name in made:
                blobs.put(there + name, here / name)
            for name in before - set(made):  # rows would be there twice
                blobs.remove(there + name)
        except OSError as error:
            raise DatasetError(f"Cannot write to {there}: {blobs.reason(error)}. Run this shard again.") from error


def _fetch(address: str, folder: Path) -> set[str]:
    """Bring the files of shards below an address; their names."""
    try:
        found = {name for name in blobs.find(address) if name.endswith((SHARD_FILE, ".parquet"))}
        names = {name for name in found if ".." not in PurePosixPath(name).parts}
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(blobs.read(address + name))
    except FileNotFoundError:
        return set()
    except OSError as error:
        raise DatasetError(f"Cannot read {address}: {blobs.reason(error)}.") from error
    return names
