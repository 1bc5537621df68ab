"""Verdicts by content: what was judged stays judged, on this machine and on a colleague's.

A verdict "not a duplicate" is a pair of SHA-256 hashes, in no order. A group is settled when a person went through it
(its members' hashes are kept, each as often as it occurs) or when every copy was told apart from the keeper. It opens
again only when a member joins that was not there then, be it one more copy of the same bytes; members that leave
change nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from dedup.errors import UsageError
from dedup.files import SHA256, Document, write_chunks
from dedup.model import Role

FILE = Document("dedup verdicts", 1, "file of verdicts", "export one with `verdicts export`", UsageError)
VERDICT, REVIEWED, DIFFERENT = "verdict", "reviewed", "different"

Pair = frozenset[str]
Members = tuple[str, ...]
"""Hashes of a group's members, sorted, each as often as it occurs."""
Change = tuple[str, str, str, str | None]
"""As in `dedup.decisions`: kind, subject, object, value (None takes the decision away)."""


class Deciding(Protocol):
    """What is read and written of `dedup.decisions.Decisions`."""

    def values(self, kind: str) -> dict[tuple[str, str], str]:
        """All decisions of a kind."""

    def decide(self, changes: Iterable[Change], label: str) -> int:
        """Apply changes as one undoable step."""


@dataclass(frozen=True)
class Verdicts:
    """Pairs that are not duplicates, and groups that were reviewed."""

    different: frozenset[Pair] = frozenset()
    reviewed: frozenset[Members] = frozenset()

    def __len__(self) -> int:
        return len(self.different) + len(self.reviewed)


def of(decisions: Deciding) -> Verdicts:
    """The verdicts among a dataset's decisions."""
    pairs = decisions.values(VERDICT).items()
    reviewed = decisions.values(REVIEWED).values()
    return Verdicts(
        frozenset(frozenset(pair) for pair, value in pairs if value == DIFFERENT),
        frozenset(tuple(json.loads(members)) for members in reviewed),
    )


def merge(decisions: Deciding, verdicts: Verdicts, label: str = "Import verdicts") -> int:
    """Add verdicts to a dataset's decisions in one undoable step; returns how many were new."""
    changes = [change(*sorted(pair)) for pair in sorted(verdicts.different, key=sorted)]
    return decisions.decide([*changes, *map(review, sorted(verdicts.reviewed))], label)


def change(one: str, other: str, *, remove: bool = False) -> Change:
    """The decision that two hashes are no duplicates of each other (or its removal). Raises `UsageError`."""
    subject, target = sorted((one, other))
    if subject == target:
        raise UsageError("The two files are identical, so they cannot be told apart; tag one of them instead.")
    return VERDICT, subject, target, None if remove else DIFFERENT


def review(hashes: Iterable[str], *, remove: bool = False) -> Change:
    """The decision that a group of these members was reviewed (or its removal)."""
    members = json.dumps(sorted(hashes))
    return REVIEWED, hashlib.sha256(members.encode()).hexdigest(), "", None if remove else members


def to_bytes(verdicts: Verdicts) -> bytes:
    """Verdicts as a JSON file that another machine can read."""
    return FILE.encode(
        {
            "different": sorted(sorted(pair) for pair in verdicts.different),
            "reviewed": sorted(verdicts.reviewed),
        }
    )


def from_bytes(content: bytes, name: str = "The file") -> Verdicts:
    """The verdicts in a file's bytes. Raises `UsageError` when it holds none, is of another version or was damaged."""
    return FILE.decode(content, name, _parse)


def write(verdicts: Verdicts, path: Path, *, overwrite: bool = False) -> None:
    """Write `to_bytes` as a file. Raises `ExportError` when it exists (unless `overwrite`) or cannot be written."""
    write_chunks(path, [to_bytes(verdicts)], overwrite)


def read(path: Path) -> Verdicts:
    """The verdicts in a file. Raises `UsageError` like `from_bytes`."""
    return FILE.read(path, _parse)


def memberships(frame: pd.DataFrame) -> dict[int, Members]:
    """Group number to its members' hashes."""
    grouped = frame[frame["group"] >= 0]
    found: dict[int, list[str]] = {}
    for number, sha256 in zip(grouped["group"].tolist(), grouped["sha256"].tolist(), strict=True):
        found.setdefault(number, []).append(sha256)
    return {number: tuple(sorted(hashes)) for number, hashes in found.items()}


def keepers(frame: pd.DataFrame) -> dict[int, str]:
    """Group number to its keeper's hash."""
    kept = frame[frame["role"] == Role.KEEPER]
    return dict(zip(kept["group"].tolist(), kept["sha256"].tolist(), strict=True))


def settled(groups: Mapping[int, Members], keeper: Mapping[int, str], verdicts: Verdicts) -> set[int]:
    """Numbers of the groups that need no review. `groups` as from `memberships`, `keeper` as from `keepers`."""
    seen_with: dict[str, list[Members]] = {}
    for members in verdicts.reviewed:
        for sha256 in set(members):
            seen_with.setdefault(sha256, []).append(members)
    return {
        number
        for number, members in groups.items()
        if any(Counter(members) <= Counter(seen) for seen in seen_with.get(members[0], ()))
        or _told_apart(members, keeper.get(number, ""), verdicts.different)
    }


def _told_apart(members: Members, keeper: str, different: Collection[Pair]) -> bool:
    others = [sha256 for sha256 in members if sha256 != keeper]
    return len(others) == len(members) - 1 and all(frozenset((keeper, other)) in different for other in others)


def _parse(document: dict[str, Any]) -> Verdicts:
    return Verdicts(
        frozenset(frozenset(_hashes(pair, 2)) for pair in document["different"]),
        frozenset(tuple(sorted(_hashes(members))) for members in document["reviewed"]),
    )


def _hashes(values: list[str], count: int | None = None) -> list[str]:
    wrong = [value for value in values if not isinstance(value, str) or not SHA256.fullmatch(value)]
    if wrong or not isinstance(values, list) or not values or (count and len(set(values)) != count):
        raise ValueError(f"{wrong[0] if wrong else values!r} is not as it should be")
    return values
