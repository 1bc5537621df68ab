"""Files below a folder, reached without following a link on the way.

Each folder on the way is opened in the one before it, and no link is followed (openat(2) with O_NOFOLLOW): a folder
that is swapped for a link, before a check or between the check and the act, leads nowhere. Where the system cannot do
that (Windows), the way is looked at right before each act.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from dedup.files import NO_WAITING, make_folders, regular
from dedup.removal.refusal import RefusalError

ANCHORED = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")
"""Whether this system opens a name in a folder that is open already."""
FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)
NO_LINK = getattr(os, "O_NOFOLLOW", 0)
READ = os.O_RDONLY | NO_LINK | NO_WAITING | getattr(os, "O_BINARY", 0)
CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_LINK | getattr(os, "O_BINARY", 0)


@dataclass(frozen=True, slots=True)
class Spot:
    """One name in a folder that is held open, whether or not a file has it. Made by `Tree.spot`.

    Every act is on the name itself, never on what a link of that name leads to. All raise OSError, with the whole path
    in it.
    """

    path: Path
    folder: int | None

    @property
    def _name(self) -> str:
        return self.path.name if self.folder is not None else os.fspath(self.path)

    def beside(self, name: str) -> Spot:
        """Another name in the same folder."""
        return Spot(self.path.with_name(name), self.folder)

    def stat(self) -> os.stat_result:
        """Of the name itself. FileNotFoundError when nothing has it."""
        with self._named():
            return os.stat(self._name, dir_fd=self.folder, follow_symlinks=False)

    def exists(self) -> bool:
        """Whether anything has the name, a link that leads nowhere included."""
        try:
            self.stat()
        except FileNotFoundError:
            return False
        return True

    def is_file(self) -> bool:
        """Whether a file has the name, and no link to one."""
        return self.exists() and stat.S_ISREG(self.stat().st_mode)

    def open(self) -> io.BufferedReader:
        """The file, to read. OSError for anything but a file."""
        with self._named():
            return os.fdopen(regular(os.open(self._name, READ, dir_fd=self.folder), self._name), "rb")

    def create(self) -> BinaryIO:
        """A new file, to write; for nobody else until it has its mode. FileExistsError."""
        with self._named():
            return os.fdopen(os.open(self._name, CREATE, 0o600, dir_fd=self.folder), "wb")

    def sha256(self) -> str:
        """Hex SHA-256 of the file; "" when there is none that can be read."""
        try:
            with self.open() as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError:
            return ""

    def link(self, target: Spot) -> None:
        """Give the file the name `target`, too. FileExistsError."""
        options = {} if os.link not in os.supports_follow_symlinks else {"follow_symlinks": False}
        with self._named():
            os.link(self._name, target._name, src_dir_fd=self.folder, dst_dir_fd=target.folder, **options)

    def rename(self, target: Spot) -> None:
        """Give the file the name `target` instead, in the place of whatever has it."""
        with self._named():
            os.replace(self._name, target._name, src_dir_fd=self.folder, dst_dir_fd=target.folder)
        with suppress(FileNotFoundError):  # two names of one file a rename leaves as they are
            if os.path.samestat(self.stat(), target.stat()):
                self.unlink()

    def unlink(self) -> None:
        """Take the name away."""
        with self._named():
            os.unlink(self._name, dir_fd=self.folder)

    def dress(self, mode: int, mtime_ns: int) -> None:
        """Set mode and modification time of the file."""
        with self.open() as stream, self._named():
            file = stream.fileno() if ANCHORED else self.path
            os.chmod(file, mode)
            os.utime(file, ns=(mtime_ns, mtime_ns))

    def sync(self) -> None:
        """Flush the folder's names to the disk, where the system can."""
        if self.folder is None:  # Windows opens no folders and needs no flush of them
            return
        try:
            os.fsync(self.folder)
        except OSError as error:
            if error.errno not in {errno.EINVAL, errno.ENOTSUP, errno.EBADF}:
                raise

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Let errors name the whole path, not just the name in the folder."""
        try:
            yield
        except OSError as error:
            error.filename = os.fspath(self.path)
            raise


class Tree:
    """A folder and what is below it. The folder itself may be reached by links: it is the one that a person named, and
    stays the one that it was when it was first opened."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self._identity: tuple[int, int] | None = None

    @contextmanager
    def spot(self, file: str, *, make: bool = False) -> Iterator[Spot]:
        """The place of `file`, relative to the top, `/`; `make` makes the folders on the way that are missing.

        Raises `RefusalError` where a link is on the way, the way leads up or the top is another one now, OSError where
        a folder cannot be opened, FileNotFoundError when one is missing.
        """
        path = self.top / file
        *folders, _ = parts = Path(file).parts
        if ".." in parts or Path(file).is_absolute():
            raise RefusalError(f"{file} does not lie in {self.top}")
        if not ANCHORED:
            self._look(path.parent, make)
            yield Spot(path, None)
            return
        handle = self._open_top()
        try:
            for depth, folder in enumerate(folders, 1):
                inner = self._enter(handle, folder, self.top.joinpath(*folders[:depth]), make)
                os.close(handle)
                handle = inner
            yield Spot(path, handle)
        finally:
            os.close(handle)

    def sha256(self, file: str) -> str:
        """Hex SHA-256 of a file below, "" when there is none that can be read without following a link."""
        try:
            with self.spot(file) as spot:
                return spot.sha256()
        except (OSError, RefusalError):
            return ""

    def _open_top(self) -> int:
        handle = os.open(self.top, FOLDER)
        found = os.fstat(handle)
        identity = found.st_dev, found.st_ino
        if self._identity is not None and identity != self._identity:
            os.close(handle)
            raise RefusalError(f"{self.top} is another folder now than when this began; put the folder back")
        self._identity = identity
        return handle

    def _enter(self, handle: int, folder: str, path: Path, make: bool) -> int:
        if make:
            try:
                os.mkdir(folder, dir_fd=handle)
            except FileExistsError:
                pass
            except OSError as error:
                error.filename = os.fspath(path)
                raise
        try:
            return os.open(folder, FOLDER | NO_LINK, dir_fd=handle)
        except OSError as error:
            if error.errno in {errno.ELOOP, errno.ENOTDIR} and stat.S_ISLNK(
                os.stat(folder, dir_fd=handle, follow_symlinks=False).st_mode
            ):
                raise RefusalError(link_on_the_way(path)) from error
            error.filename = os.fspath(path)
            raise

    def _look(self, folder: Path, make: bool) -> None:
        for each in (folder, *folder.parents):
            if each == self.top:
                break
            if each.is_symlink() or (hasattr(each, "is_junction") and each.is_junction()):
                raise RefusalError(link_on_the_way(each))
        if make:
            make_folders(folder)


def link_on_the_way(folder: Path) -> str:
    """Why nothing below a folder that is a link is written."""
    return f"{folder} is a link to another folder now, which nothing is written through; put the folder back"
