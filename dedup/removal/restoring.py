"""Bringing removed images back, byte for byte, with their times."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np

from dedup.errors import RemovalError
from dedup.model import OnProgress
from dedup.removal.applying import Outcome, Report, run
from dedup.removal.images import Images, ground_of, require_leaving
from dedup.removal.journal import Journal, Removal, State, locked
from dedup.removal.keeping import Contents
from dedup.removal.moves import copy, duplicate, inode_of, part_name, place, withdraw
from dedup.removal.objects import AnySpot, Place, tree_at
from dedup.removal.orphans import orphans
from dedup.removal.recovery import is_link_to, reach, recover, settle
from dedup.removal.refusal import RefusalError, attempt
from dedup.removal.tree import Spot

RESTORABLE = {State.QUARANTINED, State.LINKED}


def restore(images: Images, paths: Collection[str] | None = None, *, on_progress: OnProgress | None = None) -> Report:
    """Bring back the removed images at `paths` (as they were in the frame) and what belongs to them, by default all.

    Never over an existing file, nor through a link that took the place of a folder: such a file is refused, with its
    reason, and stays in the quarantine. A link made by `how="hardlink"` becomes a file of its own again, also when it
    was deleted since; a name that was one of several of a file (hard links) becomes that again. What lies in the
    quarantine of a dataset of this folder that was lost comes back, too. Interrupted and run again, it finishes.
    Raises `RemovalError` when another removal runs, the disk is full or the folder itself is away.
    """
    require_leaving(images)
    if images.in_files and not images.root.is_dir():
        raise RemovalError(f"The folder {images.root} is away. Bring it back first, then restore.")
    with locked(images.directory, images.key) as own:
        journals = [own, *map(Journal, orphans(images))]
        workers = [_Worker(images, journal) for journal in journals]
        chosen = [(worker, removal) for worker in workers for removal in worker.chosen(paths)]
        unknown = sorted(set(paths or ()) - {removal.path for _, removal in chosen})
        report = run(chosen, lambda each: [each[0].outcome(each[1])], "restore", on_progress)
        for worker in workers:
            worker.tidy()
        missing = (Outcome(path, -1, "refused", 0, "it is not among the removed images") for path in unknown)
        return Report((*report.outcomes, *missing))


class _Worker:
    """Brings back what one journal tells of."""

    def __init__(self, images: Images, journal: Journal) -> None:
        self.images, self.journal, self.tree = images, journal, tree_at(ground_of(images))
        self.linked: set[int] = set()  # of removals that brought back but a further name of a file
        recover(journal, self.tree)

    def chosen(self, paths: Collection[str] | None) -> list[Removal]:
        """The removals that can be taken back and are asked for, the newest first."""
        newest_first = sorted(self.journal.removals.values(), key=lambda removal: -removal.id)
        return [
            each
            for each in newest_first
            if each.state in RESTORABLE and (paths is None or each.path in paths or each.of in paths)
        ]

    def outcome(self, removal: Removal) -> Outcome:
        """Bring one file back and say what became of it."""
        back = self._from_quarantine if removal.state == State.QUARANTINED else self._from_link
        reason = attempt(lambda: back(removal))
        result, size = ("refused", 0) if reason else ("done", 0 if removal.id in self.linked else removal.bytes)
        return Outcome(removal.path, -1, result, size, reason, of=removal.of)

    def tidy(self) -> None:
        """Give the space back that was held for the way back, once all are back."""
        if not any(removal.state in RESTORABLE for removal in self.journal.removals.values()):
            self.journal.release()

    def _from_quarantine(self, removal: Removal) -> None:
        with reach(self.tree, removal.file) as target:
            if target is not None and target.exists():
                raise RefusalError("another file lies in its place; move that one first")
        with reach(self.journal.tree_of(removal), removal.stored) as stored:
            if stored is None or not stored.is_file():
                quarantine = removal.stored if removal.is_object else self.journal.quarantine
                raise RefusalError(f"it is missing from the quarantine {quarantine}")
            if stored.sha256() != removal.sha256:
                raise RefusalError("its bytes in the quarantine changed, so it is left there")
            # It may have left as a link, which had the time of its keeper.
            if isinstance(stored, Spot) and stored.stat().st_mtime_ns != removal.mtime_ns:
                stored.dress(removal.mode, removal.mtime_ns)
            self._step(removal, State.RESTORING, lambda target: self._take_out(removal, stored, target))
        if not removal.is_object:
            _drop_empty_folders((self.journal.quarantine / removal.stored).parent, self.journal.quarantine)

    def _take_out(self, removal: Removal, stored: AnySpot, target: AnySpot) -> None:
        stat = stored.stat()
        if isinstance(target, Spot) and self._linked_again(removal, lambda other: other.link(target)):
            target.sync()
            self.linked.add(removal.id)
        else:
            duplicate(stored, target, part_name(removal.id), removal.sha256)
        withdraw(stored, stat)

    def _linked_again(self, removal: Removal, link: Callable[[Spot], object]) -> bool:
        """Make the name one of a file's several again by a `link` to another, where that has the bytes that it had."""
        if not removal.inode:
            return False
        for file in self._other_names(removal):
            with reach(self.tree, file) as other:
                if not isinstance(other, Spot) or other.sha256() != removal.sha256:
                    continue
                with suppress(OSError):  # a disk that makes no links gets a file of its own
                    link(other)
                    return True
        return False

    def _other_names(self, removal: Removal) -> Iterator[str]:
        """Names that the file had, too: of images there that are the very file, and of those that came back. What has
        left since, or came back as another file, is none: a link that was made of it, or a number used again."""
        last = {each.file: each for each in self.journal.removals.values() if each.state != State.ABORTED}
        frame = self.images.frame
        for row in np.flatnonzero(frame["sha256"].to_numpy() == removal.sha256):
            file = self.images.file(int(row))
            with suppress(OSError):
                if inode_of(file.lstat()) == removal.inode and file.is_relative_to(self.images.root):
                    name = file.relative_to(self.images.root).as_posix()
                    if name not in last:
                        yield name
        for each in last.values():
            if each.inode == removal.inode and each.state == State.RESTORED and each.sha256 == removal.sha256:
                yield each.file

    def _from_link(self, removal: Removal) -> None:
        keeper = self.images.root / removal.keeper_file
        with reach(self.tree, removal.file) as target:
            there = target is not None and target.exists()
            if there and target is not None and target.sha256() != removal.sha256:
                if is_link_to(target, keeper):
                    raise RefusalError("its bytes changed since it became a link, so it is left as it is")
                raise RefusalError("another file lies in its place; move that one first")
        source = None if there else Contents(self.images).find(keeper, removal.sha256)
        if not there and source is None:
            raise RefusalError(f"it is gone from its place, and so is {removal.keeper_path}, which it was linked to")
        self._step(removal, State.UNLINKING, lambda target: self._unlink(removal, source, target))

    def _unlink(self, removal: Removal, source: Place | None, target: AnySpot) -> None:
        """Make a link what it was, one of a file's several names or a file of its own."""
        assert isinstance(target, Spot) and not isinstance(source, str)  # objects become no links
        part = target.beside(part_name(removal.id))

        def instead(other: Spot) -> None:
            other.link(part)
            part.rename(target)

        if source is not None or not self._linked_again(removal, instead):
            _rebuild(source, target, removal)
        target.sync()

    def _step(self, removal: Removal, state: State, step: Callable[[AnySpot], object]) -> None:
        """Take a step at the file's place, with its record before and after; folders on the way are made anew."""
        begun = self.journal.mark(removal, state)
        try:
            with self.tree.spot(removal.file, make=True) as target:
                step(target)
        except BaseException as error:
            if settle(self.journal, self.tree, begun).state != State.RESTORED or not isinstance(error, Exception):
                raise
        else:
            self.journal.mark(begun, State.RESTORED)


def _rebuild(source: Path | None, target: Spot, removal: Removal) -> None:
    """Make a hard link a file of its own, or one that is gone anew from `source`, with the time and mode it had."""
    part = target.beside(part_name(removal.id))
    with target.open() if source is None else source.open("rb") as reader:
        copy(reader, part)
    if part.sha256() != removal.sha256:
        raise RefusalError("its bytes changed since it became a link, so it is left as it is")
    part.dress(removal.mode, removal.mtime_ns)
    if source is None:
        part.rename(target)
    else:
        place(part, target)


def _drop_empty_folders(folder: Path, quarantine: Path) -> None:
    while folder.is_relative_to(quarantine):
        try:
            folder.rmdir()
        except OSError:  # it holds other files; to look first would take long in a big folder
            return
        folder = folder.parent
