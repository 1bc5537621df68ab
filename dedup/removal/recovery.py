"""Settling removals that were interrupted: whatever the moment of the crash, each file ends in one of two places."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from dedup.errors import RemovalError
from dedup.removal.journal import UNDER_WAY, Journal, Removal, State
from dedup.removal.moves import Hasher, attempt, is_same_file, same_entry


def recover(journal: Journal, root: Path) -> None:
    """Settle every removal and restore that a crash left under way. Raises `RemovalError` when the disk refuses."""
    for removal in list(journal.removals.values()):
        if removal.state in UNDER_WAY:
            reason = attempt(partial(settle, journal, root, removal))
            if reason:
                raise RemovalError(f"The interrupted removal of {removal.path} cannot be settled: {reason}.")


def settle(journal: Journal, root: Path, removal: Removal) -> Removal:
    """Bring one removal that is under way to its end or back to its start, by what lies on the disk."""
    for part in (journal.part, part_beside(root / removal.file, removal.id)):
        if os.path.lexists(part):  # asked first: a read-only disk refuses even to unlink nothing
            part.unlink()
    return journal.mark(removal, SETTLERS[removal.state](journal, root, removal))


def part_beside(file: Path, number: int) -> Path:
    """Where a file is put together before it takes its place in a user's folder: same disk, short name."""
    return file.with_name(f".dedup-{number}.part")


def _moving(journal: Journal, root: Path, removal: Removal) -> State:
    source, stored = root / removal.file, journal.quarantine / removal.stored
    if Hasher()(source) == removal.sha256:
        _discard(stored, source)
        return State.ABORTED
    return State.QUARANTINED if Hasher()(stored) == removal.sha256 else State.ABORTED


def _linking(_journal: Journal, root: Path, removal: Removal) -> State:
    return State.LINKED if is_same_file(root / removal.file, root / removal.keeper_file) else State.ABORTED


def _deleting(_journal: Journal, root: Path, removal: Removal) -> State:
    return State.ABORTED if (root / removal.file).exists() else State.DELETED


def _restoring(journal: Journal, root: Path, removal: Removal) -> State:
    target, stored = root / removal.file, journal.quarantine / removal.stored
    if Hasher()(target) != removal.sha256 or target.is_symlink():
        return State.QUARANTINED
    _discard(stored, target)
    return State.RESTORED


def _unlinking(_journal: Journal, root: Path, removal: Removal) -> State:
    target = root / removal.file
    own = Hasher()(target) == removal.sha256 and not is_same_file(target, root / removal.keeper_file)
    return State.RESTORED if own else State.LINKED


def _discard(spare: Path, original: Path) -> None:
    """Drop one of two files with the same bytes, unless the other is but a link to it."""
    if os.path.lexists(spare) and not same_entry(spare, original):
        spare.unlink()


SETTLERS = {
    State.MOVING: _moving,
    State.LINKING: _linking,
    State.DELETING: _deleting,
    State.RESTORING: _restoring,
    State.UNLINKING: _unlinking,
}
