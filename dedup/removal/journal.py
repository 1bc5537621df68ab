"""The write-ahead journal of removals: every step is on the disk before it is done.

One JSON line per step in `<dataset directory>/quarantine.jsonl`, flushed to the disk before the step is done. The
first line of a removal holds everything about it, later lines only its new state. Killed at any moment, the journal's
last states and a look at the files tell what was finished (`dedup.removal.recovery`). A torn last line is a step that
never began.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from dedup.errors import DatasetError, DedupError, RemovalError
from dedup.files import PRIVATE, PRIVATE_FOLDER, content_of, walk
from dedup.removal.objects import AnyTree, Prefix
from dedup.removal.refusal import DISK_FULL
from dedup.removal.tree import Tree
from dedup.sources import blobs
from dedup.store.home import read_info

JOURNAL = "quarantine.jsonl"
QUARANTINE = "quarantine"
LOCK = ".removal.lock"
LOCK_SECONDS = 5.0
RESERVE = "quarantine.reserve"
RESERVED_BYTES, RESERVED_FOR_EACH = 1 << 16, 512
"""Space held for the lines that bringing images back writes, so that it works on a full disk, too: two lines of under
200 bytes an image, and whole blocks."""


class State(StrEnum):
    """Where one removal stands. Those of `UNDER_WAY` are settled by the next to hold the lock."""

    MOVING = "moving"
    LINKING = "linking"
    DELETING = "deleting"
    RESTORING = "restoring"
    UNLINKING = "unlinking"
    QUARANTINED = "quarantined"
    LINKED = "linked"
    DELETED = "deleted"
    RESTORED = "restored"
    ABORTED = "aborted"


GONE = {State.QUARANTINED, State.DELETED}
REMOVED = GONE | {State.LINKED}
BACK = {State.RESTORED, State.ABORTED}
UNDER_WAY = {State.MOVING, State.LINKING, State.DELETING, State.RESTORING, State.UNLINKING}


@dataclass(frozen=True, slots=True)
class Removal:
    """One image that left, or was about to.

    `path` is the path shown in the frame, `file` the real one below the root (undecodable bytes as surrogates) and
    `stored` the one below the quarantine, of an object its whole address there. `mtime_ns` and `mode` are what the file
    had; `time` is when, UTC. `inode` ("device:number") is told of a file that had other names (hard links). `of` is the
    path of the image that a file which is no image went with, "" for an image. `root` is the folder that it left, or
    the address.
    """

    id: int
    state: State
    path: str
    file: str
    stored: str
    sha256: str
    bytes: int
    mtime_ns: int
    mode: int
    keeper_path: str
    keeper_file: str
    keeper_sha256: str
    identical: str
    reason: str
    time: str
    inode: str = ""
    of: str = ""
    root: str = ""

    @property
    def is_object(self) -> bool:
        """Whether it left a bucket."""
        return blobs.is_address(self.root)


class Journal:
    """The journal while its lock is held; make one with `locked`. `tree` is the quarantine, to write below it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.file = directory / JOURNAL
        self.tree = Tree(self.quarantine)
        self._cut_torn_line()
        self.removals = read(directory)
        self.links = {each.file: each for each in self.removals.values() if each.state == State.LINKED}

    @property
    def quarantine(self) -> Path:
        """Folder of the removed files."""
        return self.directory / QUARANTINE

    def tree_of(self, removal: Removal) -> AnyTree:
        """What a removal's `stored` is below."""
        return holding_tree(removal, self.tree)

    def prepare(self) -> None:
        """Make the quarantine and hold space for the way back. Raises `RemovalError`; never makes the dataset anew."""
        try:
            self.quarantine.mkdir(PRIVATE_FOLDER, exist_ok=True)
        except OSError as error:
            raise RemovalError(f"Cannot make {self.quarantine}: {error.strerror}; nothing was touched.") from error
        needed = RESERVED_BYTES + RESERVED_FOR_EACH * len(self.removals)
        reserve = self.directory / RESERVE
        with suppress(OSError):  # a disk that is full already goes without
            if not reserve.exists() or reserve.stat().st_size < needed:
                with open(reserve, "wb", opener=_private) as stream:
                    stream.write(os.urandom(2 * needed))  # nothing that a file system could keep in less space

    def release(self) -> bool:
        """Give the held space back; whether there was any."""
        try:
            (self.directory / RESERVE).unlink()
        except OSError:
            return False
        return True

    def next_id(self) -> int:
        """Number of the next removal."""
        return max(self.removals, default=0) + 1

    def begin(self, removal: Removal) -> Removal:
        """Write a new removal down before anything is touched."""
        self._append(asdict(removal))
        self.removals[removal.id] = removal
        return removal

    def mark(self, removal: Removal, state: State) -> Removal:
        """Write a removal's new state down. A link that leaves itself is one no more."""
        self._append({"id": removal.id, "state": state, "time": now()}, flush=state in UNDER_WAY)
        marked = self.removals[removal.id] = replace(removal, state=state)
        if state in REMOVED:
            link = self.links.pop(removal.file, removal)
            if link.id != removal.id:
                self.mark(link, State.RESTORED)
        if state == State.LINKED:
            self.links[removal.file] = marked
        return marked

    def _append(self, record: dict[str, Any], *, flush: bool = True) -> None:
        """Write one line. An end need not be flushed: without it the files tell the same after a crash."""
        line = json.dumps(record, ensure_ascii=True).encode() + b"\n"
        try:
            self._write(line, flush)
        except OSError as error:
            self._cut_torn_line()
            if error.errno in DISK_FULL and self.release():
                self._append(record, flush=flush)
                return
            raise RemovalError(f"Cannot write {self.file}: {error.strerror}; nothing further was touched.") from error

    def _write(self, line: bytes, flush: bool) -> None:
        with open(self.file, "ab", opener=_private) as stream:
            stream.write(line)
            stream.flush()
            if flush:
                os.fsync(stream.fileno())

    def _cut_torn_line(self) -> None:
        content = _content(self.file)
        if content and not content.endswith(b"\n"):
            os.truncate(self.file, content.rfind(b"\n") + 1)


def holding_tree(removal: Removal, quarantine: Tree) -> AnyTree:
    """What a removal's `stored` is below: the quarantine, or nothing, for of an object it is the whole address."""
    return Prefix("") if removal.is_object else quarantine


@contextmanager
def holding(home: Path, refused: type[DedupError] = RemovalError) -> Iterator[None]:
    """Hold all removals of a home's datasets. Whoever takes a scan's lock as well takes this one first.

    It covers all datasets of a home, because two of them may hold the same folder and each would count on the copy
    that the other removes, and because renaming one moves its quarantine. Raises `refused` when a removal keeps running
    or nothing can be written there.
    """
    lock = FileLock(home / LOCK, mode=PRIVATE)
    try:
        lock.acquire(timeout=LOCK_SECONDS)
    except Timeout as error:
        raise refused("Another removal or restore is running; try again when it has finished.") from error
    except OSError as error:
        raise refused(f"Cannot write in {home}: {error.strerror}; nothing was touched.") from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def locked(directory: Path, key: str) -> Iterator[Journal]:
    """The journal of a dataset, held by this process alone; `key` is the dataset's own, for another may have its name
    by now.

    Raises `RemovalError` when another removal keeps running, when the dataset is there no more and when its quarantine
    cannot be reached.
    """
    with holding(directory.parent):
        if not _is_still(directory, key):
            raise RemovalError(
                f"The dataset {directory.name} was renamed or forgotten meanwhile; nothing was touched. "
                "Open it under its new name and try again."
            )
        if problem := unreachable(directory / QUARANTINE):
            raise RemovalError(problem)
        yield Journal(directory)


def _is_still(directory: Path, key: str) -> bool:
    """Whether a directory is that of the dataset: one that lost its description is."""
    try:
        return read_info(directory).key == key
    except DatasetError:
        return directory.is_dir()


def unreachable(quarantine: Path) -> str:
    """Why nothing can be moved to or from a quarantine, "" when it is a folder, or none yet."""
    if quarantine.is_dir() or not os.path.lexists(quarantine):
        return ""
    if quarantine.is_symlink():
        target = os.readlink(quarantine)
        return f"{quarantine} leads to {target}, where there is no folder. Connect that disk, then try again."
    return f"{quarantine} is no folder. Move it elsewhere, then try again."


def read(directory: Path) -> dict[int, Removal]:
    """All removals of a dataset by number, in the order they began. Raises `RemovalError` for a damaged journal."""
    path = directory / JOURNAL
    removals: dict[int, Removal] = {}
    lines = _content(path).split(b"\n")[:-1]
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line)
            state = State(record.pop("state"))
            known = removals.get(record["id"])
            removals[record["id"]] = replace(known, state=state) if known else Removal(state=state, **record)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise RemovalError(f"{path} is damaged at line {number}; the removed files lie safe beside it.") from error
    return removals


def _content(path: Path) -> bytes:
    """What a journal holds, nothing where there is none. Raises `RemovalError` for what is no file."""
    if not os.path.lexists(path):
        return b""
    try:
        return content_of(path)
    except OSError as error:
        raise RemovalError(f"{path} cannot be read: {error.strerror}. Put a copy of the file back.") from error


def waiting(directory: Path) -> str:
    """Where removed files lie in a dataset's quarantine, or may: one that cannot be reached counts. "" for nowhere."""
    quarantine = directory / QUARANTINE
    if unreachable(quarantine) or any(names for _, _, names in walk(quarantine)):
        return str(quarantine)
    away = (each.stored for each in read(directory).values() if each.is_object and each.state not in BACK)
    return next((stored for stored in away if stored), "")


def in_quarantine(folder: Path, directory: Path) -> bool:
    """Whether a folder is in the quarantine of a dataset of the same home, which a link may have put anywhere: no
    copies to count on, nor to remove."""
    folder = folder.resolve()
    return any(folder.is_relative_to(each.resolve()) for each in directory.parent.glob(f"*/{QUARANTINE}"))


def removed(directory: Path) -> set[str]:
    """Paths (as in the frame) of the images that are out of the folder now: in quarantine, or deleted on request."""
    return set(contents_removed(directory))


def contents_removed(directory: Path) -> dict[str, str]:
    """Path (as in the frame) to the SHA-256 of the images that are out of the folder now."""
    return {each.path: each.sha256 for each in read(directory).values() if each.state in GONE and not each.of}


def standing(directory: Path) -> list[Removal]:
    """The removals of images that hold now: in quarantine, replaced by a link, or deleted; by path."""
    removals = (each for each in read(directory).values() if each.state in REMOVED and not each.of)
    return sorted(removals, key=lambda each: each.path)


def now() -> str:
    """This moment as ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, PRIVATE)
