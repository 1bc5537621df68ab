"""Proof that nothing was lost: every removed image is whole and every keeper has its bytes."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dedup.files import walk
from dedup.images.formats import SUFFIXES
from dedup.removal.images import Images, ground_of
from dedup.removal.journal import BACK, QUARANTINE, REMOVED, UNDER_WAY, Removal, State, holding_tree, read, unreachable
from dedup.removal.keeping import Absent, Contents, absent
from dedup.removal.objects import tree_at
from dedup.removal.orphans import orphans
from dedup.removal.tree import Tree
from dedup.words import displayable, plural


@dataclass(frozen=True, slots=True)
class Verification:
    """`checked` removed images; one sentence for each problem, none when all is well."""

    checked: int
    problems: tuple[str, ...]


def verify(images: Images) -> Verification:
    """Check by SHA-256 that every quarantined file is intact and every removed image's keeper is there, and that the
    journal tells of every image in the quarantine.

    A keeper that was renamed counts when the dataset knows a file with its bytes; one that left itself counts when its
    own keeper is there. Reads only. Raises `RemovalError` for a damaged journal.
    """
    own = _verify(images, images.directory)
    lost = [(directory, _verify(images, directory)) for directory in orphans(images)]
    problems = [
        f"{plural(found.checked, 'removed image')} of this folder lie in {directory}, of a dataset that is no more; "
        "restore brings them back."
        for directory, found in lost
        if found.checked
    ]
    every = [own, *(found for _, found in lost)]
    return Verification(
        sum(found.checked for found in every), (*problems, *(one for found in every for one in found.problems))
    )


def _verify(images: Images, directory: Path) -> Verification:
    """What the journal in one directory tells of."""
    files = _images_below(directory / QUARANTINE)  # before the journal, which tells of a file before it is moved
    removals = read(directory)
    current = {removal.path: removal for removal in removals.values() if removal.state in REMOVED}
    checker = _Checker(images, directory, removals.values())
    problems = [problem for removal in current.values() for problem in checker.problems(removal)]
    if current and (problem := unreachable(directory / QUARANTINE)):
        problems.insert(0, problem)
    told = {removal.stored for removal in removals.values() if removal.state not in BACK}
    if unknown := sorted(files - told):
        problems.append(
            f"{plural(len(unknown), 'image')} in {directory / QUARANTINE} that no removal tells of, such as "
            f"{displayable(unknown[0])}; restore leaves them there. Move them back by hand."
        )
    interrupted = sum(removal.state in UNDER_WAY for removal in removals.values())
    if interrupted:
        problems.append(
            f"{plural(interrupted, 'step')} under way when the work was interrupted; run it again to finish."
        )
    return Verification(sum(not removal.of for removal in current.values()), tuple(problems))


def _images_below(quarantine: Path) -> set[str]:
    """The files that are called like images, as they are named from there; no part of one that is put together."""
    return {
        (Path(folder) / name).relative_to(quarantine).as_posix()
        for folder, _, names in walk(quarantine)
        for name in names
        if os.path.splitext(name)[1].lower() in SUFFIXES
    }


class _Checker:
    def __init__(self, images: Images, directory: Path, removals: Iterable[Removal]) -> None:
        self.images, self.contents = images, Contents(images)
        self.quarantine, self.tree = Tree(directory / QUARANTINE), tree_at(ground_of(images))
        self.later: dict[str, list[Absent]] = {}
        for each in absent(images, removals):
            self.later.setdefault(each.removal.sha256, []).append(each)

    def problems(self, removal: Removal) -> list[str]:
        """What is wrong with one removed image: one sentence each."""
        found = []
        if removal.state != State.DELETED and self._sha256(removal) != removal.sha256:
            place = "the quarantine" if removal.state == State.QUARANTINED else "its place"
            found.append(f"{removal.path} is missing from {place} or its bytes changed.")
        if removal.keeper_path and not self._kept(Absent(removal, ground_of(self.images))):
            found.append(f"{removal.keeper_path}, kept for {removal.path}, is missing or its bytes changed; restore.")
        return found

    def _sha256(self, removal: Removal) -> str:
        """Of the file where it lies now; a link on the way leads to none."""
        if removal.state == State.QUARANTINED:
            return holding_tree(removal, self.quarantine).sha256(removal.stored)
        return self.tree.sha256(removal.file)

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
