"""Bringing removed images back, byte for byte, with their times."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from dedup.errors import RemovalError
from dedup.files import sha256_of
from dedup.model import OnProgress
from dedup.removal.applying import Outcome, Report, run
from dedup.removal.images import Images
from dedup.removal.journal import Journal, Removal, State, locked
from dedup.removal.keeping import Contents
from dedup.removal.moves import (
    Hasher,
    RefusalError,
    attempt,
    copy,
    duplicate,
    is_same_file,
    place,
    sync_folder,
    withdraw,
)
from dedup.removal.recovery import part_beside, recover, settle

RESTORABLE = {State.QUARANTINED, State.LINKED}


def restore(images: Images, paths: Collection[str] | None = None, *, on_progress: OnProgress | None = None) -> Report:
    """Bring back the removed images at `paths` (as they were in the frame), by default all of them.

    Never over an existing file: that one is refused, with its reason, and the removed image stays in the quarantine.
    A link made by `how="hardlink"` becomes a file of its own again, also when it was deleted since. Interrupted and
    run again, it finishes.
    Raises `RemovalError` when another removal runs, the disk is full or the folder itself is away.
    """
    if not images.root.is_dir():
        raise RemovalError(f"The folder {images.root} is away. Bring it back first, then restore.")
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
    reason = attempt(lambda: back(images, journal, removal))
    return Outcome(removal.path, -1, "refused" if reason else "done", 0 if reason else removal.bytes, reason)


def _from_quarantine(images: Images, journal: Journal, removal: Removal) -> None:
    root = images.root
    stored, target = journal.quarantine / removal.stored, root / removal.file
    if os.path.lexists(target):
        raise RefusalError("another file lies in its place; move that one first")
    if not stored.is_file():
        raise RefusalError(f"it is missing from the quarantine {journal.quarantine}")
    if sha256_of(stored) != removal.sha256:
        raise RefusalError("its bytes in the quarantine changed, so it is left there")
    if stored.stat().st_mtime_ns != removal.mtime_ns:  # it left as a link, which had the time of its keeper
        _dress(stored, removal)
    stat = stored.stat()
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


def _from_link(images: Images, journal: Journal, removal: Removal) -> None:
    target, keeper = images.root / removal.file, images.root / removal.keeper_file
    source: Path | None = target
    if not os.path.lexists(target):
        source = Contents(images).find(keeper, removal.sha256)
    elif target.is_symlink() or Hasher()(target) != removal.sha256:
        if is_same_file(target, keeper):
            raise RefusalError("its bytes changed since it became a link, so it is left as it is")
        raise RefusalError("another file lies in its place; move that one first")
    if source is None:
        raise RefusalError(f"it is gone from its place, and so is {removal.keeper_path}, which it was linked to")
    begun = journal.mark(removal, State.UNLINKING)
    try:
        _rebuild(source, target, part_beside(target, removal.id), removal)
    except BaseException as error:
        if settle(journal, images.root, begun).state != State.RESTORED or not isinstance(error, Exception):
            raise
    else:
        journal.mark(begun, State.RESTORED)


def _rebuild(source: Path, target: Path, part: Path, removal: Removal) -> None:
    """Make a hard link, or one that is gone, a file of its own, with the time and mode that it had."""
    target.parent.mkdir(parents=True, exist_ok=True)
    copy(source, part)
    if sha256_of(part) != removal.sha256:
        raise RefusalError("its bytes changed since it became a link, so it is left as it is")
    _dress(part, removal)
    if source == target:
        part.replace(target)
    else:
        place(part, target)
    sync_folder(target.parent)


def _dress(file: Path, removal: Removal) -> None:
    """Give a file the time and mode that the removed one had."""
    file.chmod(removal.mode)
    os.utime(file, ns=(removal.mtime_ns, removal.mtime_ns))


def _drop_empty_folders(folder: Path, quarantine: Path) -> None:
    while folder.is_relative_to(quarantine):
        try:
            folder.rmdir()
        except OSError:  # it holds other files; to look first would take long in a big folder
            return
        folder = folder.parent
