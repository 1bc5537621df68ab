"""Proof that nothing was lost: every removed image is whole and every keeper has its bytes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dedup.removal.images import Images
from dedup.removal.journal import QUARANTINE, REMOVED, UNDER_WAY, Removal, State, read
from dedup.removal.keeping import Absent, Contents, absent
from dedup.words import plural


@dataclass(frozen=True, slots=True)
class Verification:
    """`checked` removed images; one sentence for each problem, none when all is well."""

    checked: int
    problems: tuple[str, ...]


def verify(images: Images) -> Verification:
    """Check by SHA-256 that every quarantined file is intact and every removed image's keeper is there.

    A keeper that was renamed counts when the dataset knows a file with its bytes; one that left itself counts when its
    own keeper is there. Reads only. Raises `RemovalError` for a damaged journal.
    """
    removals = read(images.directory)
    current = {removal.path: removal for removal in removals.values() if removal.state in REMOVED}
    checker = _Checker(images, removals.values())
    problems = [problem for removal in current.values() for problem in checker.problems(removal)]
    interrupted = sum(removal.state in UNDER_WAY for removal in removals.values())
    if interrupted:
        problems.append(
            f"{plural(interrupted, 'step')} under way when the work was interrupted; run it again to finish."
        )
    return Verification(len(current), tuple(problems))


class _Checker:
    def __init__(self, images: Images, removals: Iterable[Removal]) -> None:
        self.images, self.contents = images, Contents(images)
        self.later: dict[str, list[Absent]] = {}
        for each in absent(images, removals):
            self.later.setdefault(each.removal.sha256, []).append(each)

    def problems(self, removal: Removal) -> list[str]:
        """What is wrong with one removed image: one sentence each."""
        found = []
        if removal.state != State.DELETED and self.contents.sha256(self._place(removal)) != removal.sha256:
            place = "the quarantine" if removal.state == State.QUARANTINED else "its place"
            found.append(f"{removal.path} is missing from {place} or its bytes changed.")
        if removal.keeper_path and not self._kept(Absent(removal, self.images.root)):
            found.append(f"{removal.keeper_path}, kept for {removal.path}, is missing or its bytes changed; restore.")
        return found

    def _place(self, removal: Removal) -> Path:
        if removal.state == State.QUARANTINED:
            return self.images.directory / QUARANTINE / removal.stored
        return self.images.root / removal.file

    def _kept(self, each: Absent, seen: frozenset[Absent] = frozenset()) -> bool:
        """Whether its keeper is there, or the keeper of that one, which left itself later, and so on."""
        if self.contents.find(each.keeper, each.removal.keeper_sha256):
            return True
        seen |= {each}
        heirs = (heir for heir in self.later.get(each.removal.keeper_sha256, ()) if heir not in seen)
        return any(heir.removal.keeper_path and _after(heir, each) and self._kept(heir, seen) for heir in heirs)


def _after(one: Absent, other: Absent) -> bool:
    """Whether one left after the other; of different datasets only seconds are known."""
    if one.dataset == other.dataset:
        return one.removal.id > other.removal.id
    return one.removal.time >= other.removal.time
