"""Writing files so that a crash leaves the old version or the new one, and reading only those that are meant."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from dedup.errors import DatasetError, DedupError, ExportError

SHA256 = re.compile(r"[0-9a-f]{64}")
"""What `sha256_of` returns."""


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


def require_free(output: Path, overwrite: bool) -> None:
    """Raises `ExportError` where no file can be written: something lies there (unless `overwrite`), or no folder."""
    if output.is_dir():
        raise ExportError(f"{output} is a folder. Give the name of a file to write.")
    if output.exists() and not overwrite:
        raise ExportError(f"{output} exists already. Choose another name, or replace it with --overwrite.")
    if not output.parent.is_dir():
        raise ExportError(f"There is no folder {output.parent} to write {output.name} into. Make it first.")


def write_chunks(output: Path, chunks: Iterable[bytes], overwrite: bool) -> None:
    """Write `chunks` to `output` atomically. Raises `ExportError` if it exists (unless `overwrite`) or cannot be."""
    require_free(output, overwrite)
    try:
        with atomic_write(output) as stream:
            for chunk in chunks:
                stream.write(chunk)
    except DatasetError as error:
        raise ExportError(str(error)) from error


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file's bytes. Raises OSError."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


Parsed = TypeVar("Parsed")


@dataclass(frozen=True, slots=True)
class Document:
    """A sort of JSON file that says what it is: its format and version stand in it, so that no other is read for it.

    People read it as `noun`; `remedy` says how to come by a good one; `error` is raised for any other. Files of the
    `older` versions are read too.
    """

    format: str
    version: int
    noun: str
    remedy: str
    error: type[DedupError]
    older: tuple[int, ...] = ()

    def encode(self, fields: Mapping[str, Any]) -> bytes:
        """The file's bytes, with `fields` beside format and version."""
        document = {"format": self.format, "version": self.version, **fields}
        return f"{json.dumps(document, indent=1)}\n".encode()

    def decode(self, content: bytes, name: str, parse: Callable[[dict[str, Any]], Parsed]) -> Parsed:
        """What `parse` makes of the fields; it raises KeyError, TypeError or ValueError for wrong ones.

        Raises `error`, with the file's `name`, for no such file, one of another version and one that was damaged.
        """
        try:
            document = json.loads(content)
        except ValueError as error:
            raise self.error(f"{name} is not a readable {self.noun}: {error}.") from error
        if not isinstance(document, dict) or document.get("format") != self.format:
            raise self.error(f"{name} is not a {self.noun}; {self.remedy}.")
        if document.get("version") not in (self.version, *self.older):
            raise self.error(
                f"{name} is a {self.noun} of version {document.get('version')}; this program reads {self.version}."
            )
        try:
            return parse(document)
        except (KeyError, TypeError, ValueError) as error:
            raise self.error(f"{name} is a damaged {self.noun} ({error}); {self.remedy}.") from error

    def read(self, path: Path, parse: Callable[[dict[str, Any]], Parsed]) -> Parsed:
        """`decode` of a file."""
        try:
            content = path.read_bytes()
        except OSError as error:
            raise self.error(f"{path} is not a readable {self.noun}: {error.strerror or error}.") from error
        return self.decode(content, str(path), parse)
