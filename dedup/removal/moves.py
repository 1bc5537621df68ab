"""Moving one file so that it exists somewhere at every moment, and never over another."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from dedup.files import ADVISORY_LOCKS, NO_WAITING, sha256_of, take
from dedup.removal.objects import AnySpot, Object, Place, Seen
from dedup.removal.refusal import RefusalError
from dedup.removal.tree import Spot, link_on_the_way

Stat = os.stat_result | Seen

LINK_REFUSED = {errno.EXDEV, errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS}


class Hasher:
    """`sha256_of` that reads a file again only when its identity, size or time changed since it was read."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int, int, int], str] = {}

    def __call__(self, place: Place) -> str:
        """Hex SHA-256; "" when there is no readable file."""
        try:
            mark = identity_of(Object(place).stat() if isinstance(place, str) else place.stat())
            if mark not in self._known:
                self._known[mark] = Object(place).sha256() if isinstance(place, str) else sha256_of(place)
        except OSError:
            return ""
        return self._known[mark]


def identity_of(stat: Stat) -> tuple[int, int, int, int]:
    """What changes when a file is replaced or written: device, inode, size, modification time."""
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns


def inode_of(stat: os.stat_result) -> str:
    """Which file a name is one of, as it is written down: "device:number"."""
    return f"{stat.st_dev}:{stat.st_ino}"


def same_entry(path: Path, other: Path) -> bool:
    """True when removing the name `path` would also take `other` away (a link to it, or the same file by another
    way). Two hard links are two entries."""
    return path.parent.resolve() / path.name == other.resolve()


def is_one_entry(path: Place, other: Place) -> bool:
    """`same_entry`, and also when one file of a single name is seen in two places (a folder mounted twice)."""
    if isinstance(path, str) or isinstance(other, str):
        return path == other
    return same_entry(path, other) or (is_same_file(path, other) and path.stat().st_nlink < 2)


A_LINK = "it is a link to another file, not a file"
"""Why a name that leads elsewhere stays: its content is not here to be kept."""


def outside(folder: Path, root: Path) -> str:
    """Why the files of a folder below `root` are left alone, "" when it really lies there and no link is on the way."""
    if not folder.resolve().is_relative_to(root.resolve()):
        return f"it lies outside the dataset's folder {root}, where a link leads"
    below = folder.relative_to(root).parts if folder.is_relative_to(root) else ()
    ways = (root.joinpath(*below[:depth]) for depth in range(1, len(below) + 1))
    return next((link_on_the_way(way) for way in ways if way.is_symlink()), "")


def is_same_file(path: Place, other: Place) -> bool:
    """True when both exist and are one file (hard links, or links)."""
    if isinstance(path, str) or isinstance(other, str):
        return path == other
    return path.exists() and other.exists() and path.samefile(other)


@contextmanager
def held(source: Place, keeper: Place | None) -> Iterator[None]:
    """Keep the removals of other homes from a file that goes and from the one that stays for it, so that no two take
    away each other's keeper. Raises `RefusalError` where one has either; disks that know no locks go without."""
    with ExitStack() as stack:
        if ADVISORY_LOCKS and isinstance(source, Path):
            mine = _lock(stack, source, shared=False)
            if isinstance(keeper, Path) and not (mine and is_same_file(source, keeper)):  # of names of one file, one
                _lock(stack, keeper, shared=True)
        yield


def _lock(stack: ExitStack, file: Path, *, shared: bool) -> bool:
    """Lock a file until the stack ends; False where it cannot be opened, which the proof of it tells of."""
    with suppress(OSError):
        handle = os.open(file, os.O_RDONLY | NO_WAITING)
        stack.callback(os.close, handle)
        if not take(handle, shared=shared):
            raise RefusalError(f"another removal works on {file} at this moment; try again")
        return True
    return False


def part_name(number: int) -> str:
    """What a file is called that the removal of that number puts together, before it takes its place beside."""
    return f".dedup-{number}.part"


def duplicate(source: AnySpot, target: AnySpot, part: str, sha256: str) -> None:
    """Let `target` hold the bytes of `source`, time and mode included; `source` stays.

    Objects are copied by their storage. Of files it is a hard link where the disk allows it, else a copy made beside
    the target under the name `part`, flushed and renamed. A file with other hard links is copied, so that a write
    through one of them cannot reach `target`. Raises FileExistsError when `target` exists, `RefusalError` when the
    bytes that arrived are not `sha256`, and OSError; the part may then be left over.
    """
    if isinstance(source, Object) and isinstance(target, Object):
        source.copy_to(target)
    elif isinstance(source, Spot) and isinstance(target, Spot):
        _take(source, target, part)
    else:
        raise TypeError("a file and an object")
    if target.sha256() != sha256:
        target.unlink()
        raise RefusalError("it changed while it was moved; scan again")
    target.sync()


def _take(source: Spot, target: Spot, part: str) -> None:
    if source.stat().st_nlink > 1 or not _linked(source, target):
        unfinished = target.beside(part)
        with source.open() as reader:
            copy(reader, unfinished)
        place(unfinished, target)


def copy(reader: BinaryIO, target: Spot) -> None:
    """A new file with the bytes, time and mode of an open one, flushed to the disk. FileExistsError, OSError."""
    stat = os.fstat(reader.fileno())
    with target.create() as writer:
        shutil.copyfileobj(reader, writer, 1 << 20)
        writer.flush()
        target.dress(stat.st_mode & 0o7777, stat.st_mtime_ns)
        os.fsync(writer.fileno())


def withdraw(source: AnySpot, as_hashed: Stat) -> None:
    """Take the name `source` away if it is still the file that was hashed; `RefusalError` when it is not, OSError."""
    if not source.exists() or identity_of(source.stat()) != identity_of(as_hashed):
        raise RefusalError("it changed while it was moved; scan again")
    if isinstance(source, Object) and isinstance(as_hashed, Seen):
        source.unlink(as_hashed)
    else:
        source.unlink()
    source.sync()


def free_place(folder: Path, file: str, number: int) -> str:
    """`file`, or `~number/file` (more `~` if need be) when something lies at that place below `folder`."""
    prefix = ""
    while _occupied(folder, Path(prefix + file)):
        prefix = f"~{prefix}" if prefix else f"~{number}/"
    return prefix + file


def place(part: Spot, target: Spot) -> None:
    """Rename that never replaces; where the disk knows no hard links, a file that appears in between is not seen."""
    if _linked(part, target):
        part.unlink()
        return
    if target.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target.path))
    part.rename(target)


def _linked(source: Spot, target: Spot) -> bool:
    try:
        source.link(target)
    except OSError as error:
        if error.errno in LINK_REFUSED:
            return False
        raise
    return True


def _occupied(folder: Path, file: Path) -> bool:
    ways = [folder / parent for parent in file.parents if parent.parts]
    blocked = any(os.path.lexists(way) and (way.is_symlink() or not way.is_dir()) for way in ways)
    return blocked or os.path.lexists(folder / file)
