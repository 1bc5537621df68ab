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
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from dedup.errors import RemovalError

JOURNAL = "quarantine.jsonl"
QUARANTINE = "quarantine"
LOCK = ".removal.lock"
LOCK_SECONDS = 5.0


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
    `stored` the one below the quarantine. `mtime_ns` and `mode` are what the file had; `time` is when, UTC.
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


class Journal:
    """The journal while its lock is held; make one with `locked`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.file = directory / JOURNAL
        self._cut_torn_line()
        self.removals = read(directory)
        self.links = {each.file: each for each in self.removals.values() if each.state == State.LINKED}

    @property
    def quarantine(self) -> Path:
        """Folder of the removed files."""
        return self.directory / QUARANTINE

    @property
    def part(self) -> Path:
        """Where a file is put together before it takes its place in the quarantine."""
        return self.directory / f"{QUARANTINE}.part"

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
        try:
            with self.file.open("ab") as stream:
                stream.write(json.dumps(record, ensure_ascii=True).encode() + b"\n")
                stream.flush()
                if flush:
                    os.fsync(stream.fileno())
        except OSError as error:
            self._cut_torn_line()
            raise RemovalError(f"Cannot write {self.file}: {error.strerror}; nothing further was touched.") from error

    def _cut_torn_line(self) -> None:
        if not self.file.exists():
            return
        content = self.file.read_bytes()
        if content and not content.endswith(b"\n"):
            os.truncate(self.file, content.rfind(b"\n") + 1)


@contextmanager
def locked(directory: Path) -> Iterator[Journal]:
    """The journal of a dataset, held by this process alone.

    The lock covers all datasets of a home, because two of them may hold the same folder and each would count on the
    copy that the other removes. Raises `RemovalError` when another removal keeps running.
    """
    try:
        lock = FileLock(directory.parent / LOCK)
        lock.acquire(timeout=LOCK_SECONDS)
    except Timeout as error:
        raise RemovalError("Another removal or restore is running; try again when it has finished.") from error
    except PermissionError as error:
        raise RemovalError(f"Cannot write in {directory.parent}: {error.strerror}; nothing was touched.") from error
    try:
        yield Journal(directory)
    finally:
        lock.release()


def read(directory: Path) -> dict[int, Removal]:
    """All removals of a dataset by number, in the order they began. Raises `RemovalError` for a damaged journal."""
    path = directory / JOURNAL
    if not path.exists():
        return {}
    removals: dict[int, Removal] = {}
    lines = path.read_bytes().split(b"\n")[:-1]
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line)
            state = State(record.pop("state"))
            known = removals.get(record["id"])
            removals[record["id"]] = replace(known, state=state) if known else Removal(state=state, **record)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise RemovalError(f"{path} is damaged at line {number}; the removed files lie safe beside it.") from error
    return removals


def in_quarantine(folder: Path, directory: Path) -> bool:
    """Whether a folder is in the quarantine of a dataset of the same home: no copies to count on, nor to remove."""
    home, folder = directory.parent.resolve(), folder.resolve()
    return folder.is_relative_to(home) and folder.relative_to(home).parts[1:2] == (QUARANTINE,)


def removed(directory: Path) -> set[str]:
    """Paths (as in the frame) of the images that are out of the folder now: in quarantine, or deleted on request."""
    return set(contents_removed(directory))


def contents_removed(directory: Path) -> dict[str, str]:
    """Path (as in the frame) to the SHA-256 of the images that are out of the folder now."""
    return {removal.path: removal.sha256 for removal in read(directory).values() if removal.state in GONE}


def standing(directory: Path) -> list[Removal]:
    """The removals that hold now: in quarantine, replaced by a link, or deleted; by path."""
    return sorted((each for each in read(directory).values() if each.state in REMOVED), key=lambda each: each.path)


def now() -> str:
    """This moment as ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")
