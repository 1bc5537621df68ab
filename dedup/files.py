"""Writing files so that a crash leaves the old version or the new one, and reading only those that are meant."""

from __future__ import annotations

import errno
import hashlib
import io
import itertools
import json
import os
import re
import stat
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from dedup.errors import DatasetError, DedupError, ExportError

try:
    import fcntl

    ADVISORY_LOCKS = True
except ImportError:  # Windows
    ADVISORY_LOCKS = False

SHA256 = re.compile(r"[0-9a-f]{64}")
"""What `sha256_of` returns."""


UNFINISHED = ".dedup-"
"""How the names of files begin that are not whole yet."""
_TEMPORARY = ".tmp"
PRIVATE, PRIVATE_FOLDER, OPEN = 0o600, 0o700, 0o666
"""Modes of new files and folders: ours are for their owner alone, what a person exports is as open as any file."""


@contextmanager
def atomic_write(path: Path, mode: int = OPEN) -> Iterator[BinaryIO]:
    """A binary stream that becomes `path` when the block ends well: written beside, flushed to disk, renamed.

    What a writer that was killed left unfinished beside it is cleared away. Raises `DatasetError` with the reason (disk
    full, no permission) when the file cannot be written; `path` is then what it was before.
    """
    temporary: Path | None = None
    try:
        clear_unfinished(path.parent)
        handle, temporary = _temporary(path.parent, mode)
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
            if ADVISORY_LOCKS:  # the name changes hands while the lock is held
                temporary.replace(path)
                temporary = None
        if temporary is not None:  # Windows renames no file that is open
            temporary.replace(path)
            temporary = None
    except OSError as error:
        reason = error.strerror or str(error)
        raise DatasetError(f"Cannot write {path}: {reason}. Free some space or choose another place.") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def clear_unfinished(folder: Path) -> None:
    """Take away what writers that were killed left in a folder; the files of those that still write are locked."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if is_unfinished(entry.name):
                _clear(Path(entry.path))


def is_unfinished(name: str) -> bool:
    """Whether a file of this name is one that a writer which was killed may have left."""
    return name.startswith(UNFINISHED) and name.endswith(_TEMPORARY)


def _clear(file: Path) -> None:
    with suppress(OSError):
        handle = os.open(file, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | NO_WAITING)
        try:
            if take(handle):
                file.unlink()
        finally:
            os.close(handle)


def _temporary(folder: Path, mode: int) -> tuple[int, Path]:
    """A new file in a folder, open and locked, and its path."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    while True:
        path = folder / f"{UNFINISHED}{uuid.uuid4().hex}{_TEMPORARY}"
        handle = os.open(path, flags, mode)
        if take(handle) and path.exists():
            return handle, path
        os.close(handle)  # somebody cleared it away in the moment before it was locked


def take(handle: int, *, shared: bool = False) -> bool:
    """Whether no other process holds the file: this one does from now on, `shared` with those that want no more."""
    if not ADVISORY_LOCKS:
        return True  # there, open files cannot be deleted anyway
    try:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a disk that knows no locks
    return True


def make_private(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for its owner alone. OSError."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(PRIVATE_FOLDER, exist_ok=True)
    folder.mkdir(exist_ok=True)  # says so when a file has the name


def write_text(path: Path, text: str, mode: int = OPEN) -> None:
    """Atomically write UTF-8 text. Raises `DatasetError`."""
    with atomic_write(path, mode) as stream:
        stream.write(text.encode("utf-8"))


STREAMS = tuple(map(Path, ("/dev", "/dev/fd", "/proc/self/fd")))
"""Folders whose files are pipes, devices and links to open files, which nothing is to be put in the place of."""


def expanded(path: Path | str) -> Path:
    """A path with the home in the place of its ~; a folder may be called ~old, as no user is."""
    return Path(os.path.expanduser(path))


def require_free(output: Path, overwrite: bool) -> None:
    """Raises `ExportError` where no file can be written: something lies there (unless `overwrite`, and never a picture,
    what pictures are read from, a pipe or a device), or no folder."""
    try:
        os.lstat(output)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:  # a name too long, a folder that may not be looked into
        raise ExportError(f"{output} cannot be written: {error.strerror}. Choose another name.") from error
    if output.name == "-":  # it is not meant where it is not offered
        raise ExportError("- is standard output, which goes with --output alone. Give the name of a file to write.")
    if output.is_dir():
        raise ExportError(f"{output} is a folder. Give the name of a file to write.")
    if (output.exists() and not output.is_file()) or output.absolute().parent in STREAMS:
        raise ExportError(f"{output} is no file but a pipe or a device. Give the name of a file.")
    if what := next(filter(None, (told(output) for told in never_written_over)), ""):
        raise ExportError(f"{output} is {what}, which nothing is written over. Choose another name.")
    if output.exists() and not overwrite:
        raise ExportError(f"{output} exists already. Choose another name, or replace it with --overwrite.")
    if not output.parent.is_dir():
        require_here(output)
        raise ExportError(f"There is no folder {output.parent} to write {output.name} into. Make it first.")


def require_here(output: Path) -> None:
    """Raises `ExportError` for an address that was taken for a path."""
    there = ELSEWHERE.match(os.fspath(output))
    if there and not os.path.isdir(there[1]):
        raise ExportError(
            f"{output.name} is written on this machine only, and {there[1]}// is elsewhere. Give a path here, and "
            "copy it there."
        )


ELSEWHERE = re.compile(r"([a-z][a-z0-9+]+:)/(?!/)")
"""How an address begins that was taken for a path, of which one slash is left. Two letters at least: C:/ is a disk."""
never_written_over: list[Callable[[Path], str]] = []
"""Each tells what a file is that people cannot make again, "" for any other: those know that stand on this ground."""


def write_chunks(output: Path, chunks: Iterable[bytes], overwrite: bool) -> None:
    """Write `chunks` to `output` atomically. Raises `ExportError` if it exists (unless `overwrite`) or cannot be."""
    require_free(output, overwrite)
    try:
        with atomic_write(output) as stream:
            for chunk in chunks:
                stream.write(chunk)
    except DatasetError as error:
        raise ExportError(str(error)) from error


def open_regular(path: Path) -> io.BufferedReader:
    """A file to read. OSError for anything else: what is a pipe, a socket or a device is never waited for."""
    return open(path, "rb", opener=lambda name, flags: regular(os.open(name, flags | NO_WAITING), name))


def content_of(path: Path) -> bytes:
    """All bytes of a file. Raises OSError, as `open_regular` does."""
    with open_regular(path) as stream:
        return stream.read()


def as_it_is(path: Path) -> bytes:
    """A file by its path, size and time, or that there is none: changes when it does. Raises OSError."""
    try:
        stat = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return os.fsencode(path) + b";"
    return os.fsencode(path) + b"%d %d;" % (stat.st_size, stat.st_mtime_ns)


def head_of(path: Path, count: int) -> bytes:
    """The first bytes of a file; none of one that cannot be read."""
    try:
        with open_regular(path) as stream:
            return stream.read(count)
    except OSError:
        return b""


def walk(top: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """`os.walk`, from above, without recursion: folders may be thousands deep."""
    waiting = [os.fspath(top)]
    while waiting:
        folder = waiting.pop()
        folders: list[str] = []
        names: list[str] = []
        with suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                (folders if is_folder(entry) else names).append(entry.name)
        yield folder, folders, names
        below = (os.path.join(folder, name) for name in reversed(folders))
        waiting += [each for each in below if not os.path.islink(each)]


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder, or a link to one; not where that cannot be told."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def make_folders(folder: Path) -> None:
    """The folder and those above it that are not there, without recursion. Raises OSError."""
    missing = itertools.takewhile(lambda each: not each.exists(), (folder, *folder.parents))
    for each in reversed([*missing]):
        each.mkdir(exist_ok=True)


NO_WAITING = getattr(os, "O_NONBLOCK", 0)
"""What is a pipe now may have been a file when it was looked at."""


def regular(handle: int, path: str) -> int:
    """An open handle, if it is of a file; else it is closed, and OSError raised."""
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "not a file", path)
    return handle


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file's bytes. Raises OSError."""
    with open_regular(path) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


Parsed = TypeVar("Parsed")


def no_json(error: ValueError | RecursionError) -> str:
    """Why a text is no JSON, in words."""
    if isinstance(error, json.JSONDecodeError):
        return f"it is no JSON (line {error.lineno}, column {error.colno})"
    return "it is no UTF-8 text" if isinstance(error, UnicodeDecodeError) else "it is nested too deeply"


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
        except (ValueError, RecursionError) as error:
            raise self.error(f"{name} is not a readable {self.noun}: {no_json(error)}.") from error
        if not isinstance(document, dict) or document.get("format") != self.format:
            raise self.error(f"{name} is not a {self.noun}; {self.remedy}.")
        if document.get("version") not in (self.version, *self.older):
            raise self.error(
                f"{name} is a {self.noun} of version {document.get('version')}; this program reads {self.version}."
            )
        try:
            return parse(document)
        except (KeyError, TypeError, ValueError) as error:
            reason = f"it has no {error.args[0]!r}" if isinstance(error, KeyError) else error
            raise self.error(f"{name} is a damaged {self.noun} ({reason}); {self.remedy}.") from error

    def read(self, path: Path, parse: Callable[[dict[str, Any]], Parsed]) -> Parsed:
        """`decode` of a file."""
        try:
            content = content_of(path)
        except OSError as error:
            raise self.error(f"{path} is not a readable {self.noun}: {error.strerror or error}.") from error
        return self.decode(content, str(path), parse)
