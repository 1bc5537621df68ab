"""Files that an export makes whole or not at all, and over nothing; with `EACH` in a name one for every archive or
table that images came from."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from dedup.errors import DatasetError, ExportError
from dedup.files import atomic_write

EACH = "*"
"""What stands in a name for those of the archives that images came from."""


def named_after(name: str, archive: str) -> str:
    """The name with `EACH` for an archive of the source, by its path or address."""
    return name.replace(EACH, os.path.splitext(os.path.basename(archive))[0])


def require_new(files: Iterable[Path]) -> None:
    """Make the folders of new files. Raises `ExportError` for one that is there already."""
    for file in files:
        if os.path.lexists(file):
            raise ExportError(f"{file} is there already. Choose another name.")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ExportError(f"Cannot write {file}: {error.strerror or error}.") from error


@contextmanager
def atomic(file: Path) -> Iterator[BinaryIO]:
    """`files.atomic_write` with what an export raises: `ExportError`."""
    try:
        with atomic_write(file) as stream:
            yield stream
    except DatasetError as error:
        raise ExportError(str(error)) from error
