"""Bringing removed images back, byte for byte, with their times."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from dedup.files import sha256_of
from dedup.model import OnProgress
from dedup.removal.applying import Outcome, Report, run
from dedup.removal.journal import Journal, Removal, State, locked
from dedup.removal.moves import (
    RefusalError,
    attempt,
    copy,
    duplicate,
    is_same_file,
    sync_folder,
    withdraw,
)
from dedup.removal.planning import Images
from dedup.removal.recovery import part_beside, recover, settle

RESTORABLE = {State.QUARANTINED, State.LINKED}


def restore(images: Images, paths: Collection[str] | None = None, *, on_progress: OnProgress | None = None) -> Report:
    """Bring back the removed images at `paths` (as they were in the frame), by default all of them.

    Never over an existing file: that one is refused, with its reason, and the removed image stays in the quarantine.
    A link made by `how="hardlink"` becomes a file of its own again. Interrupted and run again, it finishes.
    Raises `RemovalError` when another removal runs or the disk is full.
    """
    with locked(images.directory) as journal:
        recover(journal, images.root)
        newest_first = sorted(journal.removals.values(), key=lambda removal: -removal.id)
        chosen = [r for r in newest_first if r.state in RESTORABLE and (paths is None or r.path in paths)]
        unknown = sorted(set(paths or ()) - {removal.path for removal in chosen})
        report = run(chosen, lambda removal: _outcome(images, journal, removal), "restore", on_progress)
        missing = (Outcome(path, -1, "refused", 0, "it is not among the removed images") for path in unknown)
        return Report((*report.outcomes, *missing))


def _outcome(images: Images, journal: Journal, removal: Removal) -> Outcome:
    back = _from_quarantine if removal.state == State.QUARANTINED else _from_link
    reason = attempt(lambda: back(images.root, journal, removal))
    return Outcome(removal.path, -1, "refused" if reason else "done", 0 if reason else removal.bytes, reason)


def _from_quarantine(root: Path, journal: Journal, removal: Removal) -> None:
    stored, target = journal.quarantine / removal.stored, root / removal.file
    if os.path.lexists(target):
        raise RefusalError("another file lies in its place; move that one first")
    if not stored.is_file():
        raise RefusalError(f"it is missing from the quarantine {journal.quarantine}")
    stat = stored.stat()
    if sha256_of(stored) != removal.sha256:
        raise RefusalError("its bytes in the quarantine changed, so it is left there")
    begun = journal.mark(removal, State.RESTORING)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        duplicate(stored, target, part_beside(target, removal.id), removal.sha256)
        withdraw(stored, stat)
    except BaseException as error:
        if settle(journal, root, begun).state != State.RESTORED or not isinstance(error, Exception):
            raise
    else:
        journal.mark(begun, State.RESTORED)
    _drop_empty_folders(stored.parent, journal.quarantine)


def _from_link(root: Path, journal: Journal, removal: Removal) -> None:
    target, keeper = root / removal.file, root / removal.keeper_file
    begun = journal.mark(removal, State.UNLINKING)
    try:
        if is_same_file(target, keeper):
            _split(target, part_beside(target, removal.id), removal)
    except BaseException as error:
        if settle(journal, root, begun).state != State.RESTORED or not isinstance(error, Exception):
            raise
    else:
        journal.mark(begun, State.RESTORED)


def _split(target: Path, part: Path, removal: Removal) -> None:
    """Make a hard link a file of its own, with the time and mode that it had."""
    copy(target, part)
    if sha256_of(part) != removal.sha256:
        raise RefusalError("its bytes changed since it became a link, so it is left as it is")
    part.chmod(removal.mode)
    os.utime(part, ns=(removal.mtime_ns, removal.mtime_ns))
    part.replace(target)
    sync_folder(target.parent)


def _drop_empty_folders(folder: Path, quarantine: Path) -> None:
    while folder.is_relative_to(quarantine):
        try:
            folder.rmdir()
        except OSError:  # it holds other files; to look first would take long in a big folder
            return
        folder = folder.parent
