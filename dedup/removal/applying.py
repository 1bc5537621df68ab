"""Carrying a plan out, one proven step at a time."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from dedup.errors import RemovalError
from dedup.model import OnProgress, Progress
from dedup.removal.checking import Checks
from dedup.removal.company import Company
from dedup.removal.images import (
    Images,
    at,
    below,
    ground_of,
    is_there,
    place_of,
    quarantine_of,
    require_current,
    require_leaving,
)
from dedup.removal.journal import REMOVED, Journal, Removal, State, locked, now
from dedup.removal.moves import Hasher, Stat, duplicate, free_place, held, identity_of, inode_of, part_name, withdraw
from dedup.removal.objects import AnySpot, Place, free_address, tree_at
from dedup.removal.planfile import Entry, Plan
from dedup.removal.recovery import is_link_to, recover, settle
from dedup.removal.refusal import UNREADABLE_NOW, RefusalError, attempt
from dedup.removal.tree import Spot
from dedup.words import displayable

HOW = ("quarantine", "hardlink", "delete")
"""What can happen to a copy: moved to the quarantine (default), replaced by a link to its byte-identical keeper,
or deleted (only when asked for twice)."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file: `result` is "done", "already" (an earlier run did it) or "refused" with a reason.

    `row` is its row in the frame the job ran on, -1 when it had none. `of` is the image that a companion belongs to,
    "" for an image.
    """

    path: str
    row: int
    result: str
    bytes: int = 0
    reason: str = ""
    of: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What a removal or restore did, file by file."""

    outcomes: tuple[Outcome, ...]

    @property
    def done(self) -> tuple[Outcome, ...]:
        """Images that were moved, linked, deleted or brought back by this run."""
        return tuple(outcome for outcome in self.outcomes if outcome.result == "done" and not outcome.of)

    @property
    def companions(self) -> tuple[Outcome, ...]:
        """Files that went or came back with them (`dedup.images.companions`)."""
        return tuple(outcome for outcome in self.outcomes if outcome.result == "done" and outcome.of)

    @property
    def refused(self) -> tuple[Outcome, ...]:
        """Files that stay as they were, each with its reason."""
        return tuple(outcome for outcome in self.outcomes if outcome.result == "refused")

    @property
    def rows(self) -> list[int]:
        """Rows of the frame whose file this run took away or brought back, or an earlier run already had."""
        return [outcome.row for outcome in self.outcomes if outcome.result != "refused" and outcome.row >= 0]

    @property
    def bytes(self) -> int:
        """What the images of `done` freed, or took up again."""
        return sum(outcome.bytes for outcome in self.done)

    def refusals(self) -> list[str]:
        """One sentence for each reason, most frequent first."""
        first = {outcome.reason: outcome.path for outcome in reversed(self.refused)}
        counts = Counter(outcome.reason for outcome in self.refused)
        return [
            f"{first[reason]} stays: {reason}."
            if count == 1
            else f"{count:,} files stay ({first[reason]}, ...): {reason}."
            for reason, count in counts.most_common()
        ]


def apply(
    images: Images,
    plan: Plan,
    *,
    how: str = "quarantine",
    allow_delete: bool = False,
    hold: Mapping[int, str] | None = None,
    on_progress: OnProgress | None = None,
) -> Report:
    """Carry `plan` out. Interrupted at any moment and run again, it finishes; a file that was done stays done.

    Right before each file goes, its own bytes and its keeper's are proven by SHA-256 (a keeper is read again only when
    its size, time or inode changed during this run). A file that cannot go is refused with a reason and the others go
    on. `hold` maps rows that must stay, as people decided since the plan was made, to the reason.

    Raises `RemovalError` when nothing can: another removal runs, the disk is full, the plan is for another folder,
    another version of dedup found the pairs, or `how` is "delete" without `allow_delete`. An error raised by
    `on_progress` (a cancel) leaves finished files as they are.
    """
    require_way(how, allow_delete=allow_delete)
    require_leaving(images, plan.entries)
    require_current(images)
    with locked(images.directory, images.key) as journal:
        journal.prepare()
        recover(journal, tree_at(ground_of(images)))
        worker = _Worker(images, journal, how, hold)
        worker.require_own(plan)
        return run(plan.entries, worker.outcomes, "remove", on_progress)


def require_way(how: str, *, allow_delete: bool) -> None:
    """Raises `RemovalError` when copies cannot leave like that."""
    if how not in HOW:
        raise RemovalError(f"Copies can leave by {', '.join(HOW)}; {how!r} is none of them.")
    if how == "delete" and not allow_delete:
        raise RemovalError("Deleting cannot be undone. Say that you mean it with --allow-delete.")


Item = TypeVar("Item")


def run(
    items: Iterable[Item], work: Callable[[Item], Iterable[Outcome]], stage: str, on_progress: OnProgress | None
) -> Report:
    """`work` on every item, with progress."""
    items, started, outcomes = list(items), time.monotonic(), list[Outcome]()
    for done, item in enumerate(items, 1):
        outcomes += work(item)
        if on_progress is not None:
            on_progress(Progress(stage, done, len(items), time.monotonic() - started))
    return Report(tuple(outcomes))


class _Worker:
    """Removes one entry after the other for one `apply`."""

    def __init__(self, images: Images, journal: Journal, how: str, hold: Mapping[int, str] | None) -> None:
        self.images, self.journal, self.how = images, journal, how
        self.checks = Checks(images, journal.removals.values(), how, hold)
        self.rows = self.checks.rows
        self.ground = ground_of(images)
        self.tree = tree_at(self.ground)
        self.inodes = {removal.inode for removal in journal.removals.values()} - {""}
        self.sha256, self.company = Hasher(), Company(images)

    def require_own(self, plan: Plan) -> None:
        """Raises `RemovalError` for a plan of another folder."""
        known = any(entry.path in self.rows or self.checks.already(entry) for entry in plan.entries)
        if plan.entries and not known and plan.root != self.images.address:
            raise RemovalError(
                f"This plan is for {plan.root} (dataset {plan.dataset}), and nothing of it is in {self.images.address} "
                f"(dataset {self.images.name}). Apply it to its own dataset, or make a new plan."
            )

    def outcomes(self, entry: Entry) -> Iterator[Outcome]:
        """Remove one entry, then what belongs to it, and say what became of each."""
        outcome = self._outcome(entry)
        yield outcome
        if outcome.result != "refused" and self.how != "hardlink":  # a link has the name that they go by
            for file in entry.companions:
                if is_there(at(self.ground, file)):
                    yield self._companion(entry, file)

    def _outcome(self, entry: Entry) -> Outcome:
        row = self.rows.get(entry.path, -1)
        if self.checks.already(entry):
            return Outcome(entry.path, row, "already")
        reason = attempt(lambda: self._remove(entry, row))
        return Outcome(entry.path, row, "refused" if reason else "done", 0 if reason else entry.bytes, reason)

    def _companion(self, entry: Entry, file: str) -> Outcome:
        path = displayable(file)
        reason = attempt(lambda: self._move_companion(entry, file, path))
        return Outcome(path, -1, "refused" if reason else "done", 0, reason, of=entry.path)

    def _remove(self, entry: Entry, row: int) -> None:
        self.checks.rule(entry)
        place = place_of(self.images, row)
        self.checks.place(place)
        file = below(self.ground, place)
        kept = place_of(self.images, self.rows[entry.keeper_path]) if entry.keeper_path else None
        with held(place, kept), self.tree.spot(file) as source:
            keeper = self._proven_keeper(place, entry)
            stat = self._proven(source, entry.sha256)
            if self.how == "hardlink" and keeper is not None and is_link_to(source, keeper):
                raise RefusalError("it is another name of its keeper's file already, and nothing would be freed")
            removal = self._carry_out(self._removal(entry, row, file, source, keeper, stat), source, keeper, stat)
        self.checks.keeping.add(removal)

    def _move_companion(self, entry: Entry, file: str, path: str) -> None:
        """A companion always goes to the quarantine: nothing else has its bytes."""
        if path in self.rows:
            raise RefusalError("it is an image of the dataset")
        if other := self.company.still_with(file, entry.path):
            raise RefusalError(f"it belongs to {other}, too, which is there")
        with self.tree.spot(file) as source:
            sha256 = source.sha256()
            if not sha256:
                raise RefusalError("it cannot be read")
            stat = self._proven(source, sha256)
            number = self.journal.next_id()
            stored = self._free_place(file, number)
            removal = Removal(
                id=number,
                state=State.MOVING,
                path=path,
                file=file,
                stored=stored,
                sha256=sha256,
                bytes=stat.st_size,
                mtime_ns=stat.st_mtime_ns,
                mode=stat.st_mode & 0o7777,
                keeper_path="",
                keeper_file="",
                keeper_sha256="",
                identical="",
                reason=f"Belongs to {entry.path}",
                time=now(),
                inode=self._inode(stat),
                of=entry.path,
                root=self.images.address,
            )
            self._carry_out(removal, source, None, stat)

    def _free_place(self, file: str, number: int) -> str:
        if isinstance(self.ground, str):
            return free_address(quarantine_of(self.images), file, number)
        return free_place(self.journal.quarantine, file, number)

    def _carry_out(self, removal: Removal, source: AnySpot, keeper: Place | None, stat: Stat) -> Removal:
        """Take the step that a removal is about to, with its record before and after."""
        self.journal.begin(removal)
        try:
            STEPS[removal.state](self, removal, source, keeper, stat)
        except BaseException as error:
            # The files decide what was finished, here as after a crash; an interrupt goes on upwards all the same.
            settled = settle(self.journal, self.tree, removal)
            if settled.state not in REMOVED or not isinstance(error, Exception):
                raise
        else:
            self.journal.mark(removal, FINISHED[removal.state])
        return removal

    def _proven(self, source: AnySpot, sha256: str) -> Stat:
        stat = source.stat()
        digest = source.sha256()
        if not digest:
            raise RefusalError(UNREADABLE_NOW)
        if digest != sha256 or identity_of(source.stat()) != identity_of(stat):
            raise RefusalError("it changed since the scan; scan again")
        return stat

    def _proven_keeper(self, source: Place, entry: Entry) -> Place | None:
        if not entry.keeper_path:
            return None
        keeper = place_of(self.images, self.rows[entry.keeper_path])
        if self.sha256(keeper) != entry.keeper_sha256:
            raise RefusalError(f"its keeper {entry.keeper_path} is gone or changed since the scan; scan again")
        self.checks.keeper_place(entry, source, keeper)
        return keeper

    def _removal(self, entry: Entry, row: int, file: str, source: AnySpot, keeper: Place | None, stat: Stat) -> Removal:
        number = self.journal.next_id()
        quarantined = self.how == "quarantine"
        link = self._own_link(source, file)
        return Removal(
            id=number,
            state=STARTED[self.how],
            path=entry.path,
            file=file,
            stored=self._free_place(file, number) if quarantined else "",
            sha256=entry.sha256,
            bytes=stat.st_size,
            mtime_ns=link.mtime_ns if link else stat.st_mtime_ns,
            mode=link.mode if link else stat.st_mode & 0o7777,
            keeper_path=entry.keeper_path,
            keeper_file=below(self.ground, keeper) if keeper else "",
            keeper_sha256=entry.keeper_sha256,
            identical=self.checks.columns.identity(row, self.rows[entry.keeper_path]) if keeper else "",
            reason=entry.reason,
            time=now(),
            inode="" if link else self._inode(stat),
            root=self.images.address,
        )

    def _own_link(self, source: AnySpot, file: str) -> Removal | None:
        """The removal that made a link of a file, which comes back as the file of its own that it was before."""
        link = self.journal.links.get(file)
        return link if link and is_link_to(source, at(self.ground, link.keeper_file)) else None

    def _inode(self, stat: Stat) -> str:
        """Which file it is, where it has other names, or had some that left."""
        if not isinstance(stat, os.stat_result):
            return ""
        inode = inode_of(stat)
        if stat.st_nlink > 1:
            self.inodes.add(inode)
        return inode if inode in self.inodes else ""

    def quarantine(self, removal: Removal, source: AnySpot, keeper: Place | None, stat: Stat) -> None:
        """Move the file below the quarantine; put it back should its keeper have gone with it."""
        with self.journal.tree_of(removal).spot(removal.stored, make=True) as stored:
            duplicate(source, stored, part_name(removal.id), removal.sha256)
            withdraw(source, stat)
            if keeper is not None and not (keeper.is_file() if isinstance(keeper, Path) else is_there(keeper)):
                duplicate(stored, source, part_name(removal.id), removal.sha256)
                raise RefusalError(f"its keeper {removal.keeper_path} vanished at the same moment")

    def hardlink(self, removal: Removal, source: AnySpot, keeper: Place | None, stat: Stat) -> None:
        """Replace the file by a hard link to its keeper, in one rename."""
        assert isinstance(source, Spot) and isinstance(keeper, Path)  # `Checks.rule` lets nothing else become a link
        part = source.beside(part_name(removal.id))
        Spot(keeper.resolve(), None).link(part)
        if part.sha256() != removal.keeper_sha256:
            raise RefusalError(f"its keeper {removal.keeper_path} changed while it was linked; scan again")
        if identity_of(source.stat()) != identity_of(stat):
            raise RefusalError("it changed while it was linked; scan again")
        part.rename(source)
        source.sync()

    def delete(self, _removal: Removal, source: AnySpot, _keeper: Place | None, stat: Stat) -> None:
        """Delete the file; its keeper was proven a moment ago."""
        withdraw(source, stat)


STEPS = {State.MOVING: _Worker.quarantine, State.LINKING: _Worker.hardlink, State.DELETING: _Worker.delete}
STARTED = {"quarantine": State.MOVING, "hardlink": State.LINKING, "delete": State.DELETING}
FINISHED = {State.MOVING: State.QUARANTINED, State.LINKING: State.LINKED, State.DELETING: State.DELETED}
