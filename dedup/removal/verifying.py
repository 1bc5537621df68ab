"""Proof that nothing was lost: every removed image is whole and every keeper has its bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dedup.removal.journal import QUARANTINE, REMOVED, UNDER_WAY, Removal, State, read
from dedup.removal.moves import Hasher
from dedup.removal.planning import Images
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
    checker = _Checker(images, current)
    problems = [problem for removal in current.values() for problem in checker.problems(removal)]
    interrupted = sum(removal.state in UNDER_WAY for removal in removals.values())
    if interrupted:
        problems.append(
            f"{plural(interrupted, 'step')} under way when the work was interrupted; run it again to finish."
        )
    return Verification(len(current), tuple(problems))


class _Checker:
    def __init__(self, images: Images, current: Mapping[str, Removal]) -> None:
        self.images, self.current = images, current
        self.sha256 = Hasher()
        self.rows = images.frame["sha256"].reset_index(drop=True).groupby(images.frame["sha256"].to_numpy()).indices

    def problems(self, removal: Removal) -> list[str]:
        """What is wrong with one removed image: one sentence each."""
        found = []
        if removal.state != State.DELETED and self.sha256(self._place(removal)) != removal.sha256:
            place = "the quarantine" if removal.state == State.QUARANTINED else "its place"
            found.append(f"{removal.path} is missing from {place} or its bytes changed.")
        if removal.keeper_path and not self._kept(removal):
            found.append(f"{removal.keeper_path}, kept for {removal.path}, is missing or its bytes changed; restore.")
        return found

    def _place(self, removal: Removal) -> Path:
        if removal.state == State.QUARANTINED:
            return self.images.directory / QUARANTINE / removal.stored
        return self.images.root / removal.file

    def _kept(self, removal: Removal) -> bool:
        """Follows keepers that left themselves; each link is later than the one before, so this ends."""
        if self._present(removal.keeper_file, removal.keeper_sha256):
            return True
        heir = self.current.get(removal.keeper_path)
        later = heir is not None and heir.id > removal.id and heir.sha256 == removal.keeper_sha256
        return later and heir is not None and self._kept(heir)

    def _present(self, file: str, sha256: str) -> bool:
        if self.sha256(self.images.root / file) == sha256:
            return True
        return any(self.sha256(self.images.file(int(row))) == sha256 for row in self.rows.get(sha256, ()))
