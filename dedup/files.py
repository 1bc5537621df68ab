"""Writing files so that a crash leaves the old version or the new one, never half of either."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from dedup.errors import DatasetError


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """A binary stream that becomes `path` when the block ends well: written beside, flushed to disk, renamed.

    Raises `DatasetError` with the reason (disk full, no permission) when the file cannot be written; `path` is then
    what it was before.
    """
    temporary: str | None = None
    try:
        handle, temporary = tempfile.mkstemp(prefix=".dedup-", dir=path.parent)
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(0o666 & ~_umask())  # mkstemp's files are private; what is exported is as open as any file
        os.replace(temporary, path)
        temporary = None
    except OSError as error:
        reason = error.strerror or str(error)
        raise DatasetError(f"Cannot write {path}: {reason}. Free some space or choose another place.") from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)  # the only way to read it is to set it
    os.umask(mask)
    return mask


def write_text(path: Path, text: str) -> None:
    """Atomically write UTF-8 text. Raises `DatasetError`."""
    with atomic_write(path) as stream:
        stream.write(text.encode("utf-8"))
