"""The files of a folder as archives and tables."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import lmdb
import pyarrow as pa
import pyarrow.parquet as pq


def files_of(folder: Path) -> list[Path]:
    """All of them, in order."""
    return sorted(file for file in folder.rglob("*") if file.is_file())


def zipped(folder: Path, output: Path) -> Path:
    """A ZIP archive."""
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files_of(folder):
            archive.write(file, file.relative_to(folder).as_posix())
    return output


def tarred(folder: Path, output: Path) -> Path:
    """A TAR archive whose names all begin with `./`."""
    with tarfile.open(output, "w") as archive:
        archive.add(folder, ".")
    return output


def sharded(folder: Path, output: Path, name: str = "part-{:03d}.tar", count: int = 3) -> Path:
    """A folder of TAR archives that share the files."""
    output.mkdir()
    for number in range(count):
        with tarfile.open(output / name.format(number), "w") as archive:
            for file in files_of(folder)[number::count]:
                archive.add(file, file.relative_to(folder).as_posix())
    return output


def tabled(folder: Path, output: Path, rows_of_a_group: int = 5) -> Path:
    """A Parquet table as Hugging Face writes images."""
    images = [{"bytes": file.read_bytes(), "path": file.name} for file in files_of(folder)]
    pq.write_table(pa.table({"image": images, "label": [0] * len(images)}), output, row_group_size=rows_of_a_group)
    return output


def batched(folder: Path, output: Path, kind: Callable[..., Any] = pa.ipc.new_stream) -> Path:
    """The same table as its `save_to_disk` keeps it, with two classes."""
    images = [{"bytes": file.read_bytes(), "path": file.name} for file in files_of(folder)]
    table = pa.table({"image": images, "label": [row % 2 for row in range(len(images))]})
    output.parent.mkdir(parents=True, exist_ok=True)
    with kind(str(output), table.schema) as writer:
        writer.write_table(table, max_chunksize=5)
    return output


def mapped(folder: Path, target: Path) -> Path:
    """An LMDB of all files of a folder, by their paths, in a folder of its own."""
    return records(
        target, {file.relative_to(folder).as_posix().encode(): file.read_bytes() for file in files_of(folder)}
    )


def records(target: Path, values: Mapping[bytes, bytes]) -> Path:
    """An LMDB of some values by their keys, instead of one that is there: none is written that may be open."""
    made = target.with_name(f"{target.name} made")
    with lmdb.open(str(made), map_size=1 << 26) as file, file.begin(write=True) as writer:
        for key, value in values.items():
            writer.put(key, value)
    target.mkdir(exist_ok=True)
    (made / "data.mdb").replace(target / "data.mdb")
    return target
