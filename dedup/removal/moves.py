"""Moving one file so that it exists somewhere at every moment, and never over another."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from dedup.errors import RemovalError
from dedup.files import sha256_of

LINK_REFUSED = {errno.EXDEV, errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS}
DISK_FULL = {errno.ENOSPC, errno.EDQUOT}


class RefusalError(RemovalError):
    """One file stays where it is; `str(error)` says why. The others go on."""


class Hasher:
    """`sha256_of` that reads a file again only when its identity, size or time changed since it was read."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int, int, int], str] = {}

    def __call__(self, path: Path) -> str:
        """Hex SHA-256; "" when there is no readable file."""
        try:
            mark = identity_of(path.stat())
            if mark not in self._known:
                self._known[mark] = sha256_of(path)
        except OSError:
            return ""
        return self._known[mark]


def identity_of(stat: os.stat_result) -> tuple[int, int, int, int]:
    """What changes when a file is replaced or written: device, inode, size, modification time."""
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns


def same_entry(path: Path, other: Path) -> bool:
    """True when removing the name `path` would also take `other` away (a link to it, or the same file by another
    way). Two hard links are two entries."""
    return path.parent.resolve() / path.name == other.resolve()


def is_one_entry(path: Path, other: Path) -> bool:
    """`same_entry`, and also when one file of a single name is seen in two places (a folder mounted twice)."""
    return same_entry(path, other) or (is_same_file(path, other) and path.stat().st_nlink < 2)


def outside(folder: Path, root: Path) -> str:
    """Why the files of a folder below `root` are left alone, "" when it really lies there and is no link elsewhere."""
    if folder.resolve().is_relative_to(root.resolve()):
        return ""
    return f"it lies outside the dataset's folder {root}, where a link leads"


def is_same_file(path: Path, other: Path) -> bool:
    """True when both exist and are one file (hard links, or links)."""
    return path.exists() and other.exists() and path.samefile(other)


def duplicate(source: Path, target: Path, part: Path, sha256: str) -> None:
    """Let `target` hold the bytes of `source`, time and mode included; `source` stays.

    A hard link where the disk allows it, else a copy made in `part`, flushed and renamed. A file with other hard links
    is copied, so that a write through one of them cannot reach `target`. Raises FileExistsError when `target` exists,
    `RefusalError` when the bytes that arrived are not `sha256`, and OSError; `part` may then be left over.
    """
    if source.stat().st_nlink > 1 or not _linked(source, target):
        copy(source, part)
        place(part, target)
    if sha256_of(target) != sha256:
        target.unlink()
        raise RefusalError("it changed while it was moved; scan again")
    sync_folder(target.parent)


def copy(source: Path, target: Path) -> None:
    """A new file with the bytes, times and mode of `source`, flushed to the disk. FileExistsError, OSError."""
    stat = source.stat()
    with source.open("rb") as reader, target.open("xb") as writer:
        shutil.copyfileobj(reader, writer, 1 << 20)
        writer.flush()
        os.utime(target, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        target.chmod(stat.st_mode & 0o7777)
        os.fsync(writer.fileno())


def withdraw(source: Path, as_hashed: os.stat_result) -> None:
    """Take the name `source` away if it is still the file that was hashed; `RefusalError` when it is not, OSError."""
    if identity_of(source.lstat()) != identity_of(as_hashed):
        raise RefusalError("it changed while it was moved; scan again")
    source.unlink()
    sync_folder(source.parent)


def sync_folder(folder: Path) -> None:
    """Flush a folder's names to the disk where the system can."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens no folders and needs no flush of them
        return
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.ENOTSUP, errno.EBADF}:
            raise
    finally:
        os.close(handle)


def free_place(folder: Path, file: str, number: int) -> str:
    """`file`, or `~number/file` (more `~` if need be) when something lies at that place below `folder`."""
    prefix = ""
    while _occupied(folder, Path(prefix + file)):
        prefix = f"~{prefix}" if prefix else f"~{number}/"
    return prefix + file


def attempt(step: Callable[[], object]) -> str:
    """Run one file's step; "" when it went well, else the reason that the file stays.

    Raises `RemovalError` when no further file can go either: the disk is full.
    """
    try:
        step()
    except RefusalError as refusal:
        return str(refusal)
    except OSError as error:
        if error.errno in DISK_FULL:
            raise RemovalError(
                f"The disk is full ({error.filename or 'quarantine'}): free some space and run the same again, "
                "it goes on where it stopped."
            ) from error
        return f"{error.filename or 'it'} could not be changed: {error.strerror or error}"
    return ""


def _linked(source: Path, target: Path) -> bool:
    try:
        target.hardlink_to(source)
    except OSError as error:
        if error.errno in LINK_REFUSED:
            return False
        raise
    return True


def place(part: Path, target: Path) -> None:
    """Rename that never replaces; where the disk knows no hard links, a file that appears in between is not seen."""
    if _linked(part, target):
        part.unlink()
        return
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    part.rename(target)


def _occupied(folder: Path, file: Path) -> bool:
    blocked = any(os.path.lexists(folder / parent) and not (folder / parent).is_dir() for parent in file.parents)
    return blocked or os.path.lexists(folder / file)
