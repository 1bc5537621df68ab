"""Verdicts by content: what was judged stays judged, on this machine and on a colleague's.

A verdict "not a duplicate" is a pair of SHA-256 hashes, in no order. A group is settled when a person went through it
(its members' hashes are kept, each as often as it occurs) or when every copy was told apart from the keeper. It opens
again only when a member joins that was not there then, be it one more copy of the same bytes; members that leave
change nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pandas as pd

from dedup.errors import UsageError
from dedup.files import write_text

FORMAT = "dedup verdicts"
VERSION = 1
SHA256 = re.compile(r"[0-9a-f]{64}")
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


def write(verdicts: Verdicts, path: Path) -> None:
    """Write verdicts as a JSON file that another machine can read. Raises `DatasetError`."""
    document = {
        "format": FORMAT,
        "version": VERSION,
        "different": sorted(sorted(pair) for pair in verdicts.different),
        "reviewed": sorted(verdicts.reviewed),
    }
    write_text(path, json.dumps(document, indent=1) + "\n")


def read(path: Path) -> Verdicts:
    """The verdicts in a file. Raises `UsageError` when it holds none, is of another version or was damaged."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} is not a readable file of verdicts: {error}.") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise UsageError(f"{path} is not a file of verdicts; export one first.")
    if document.get("version") != VERSION:
        raise UsageError(f"{path} is of version {document.get('version')}; this program reads {VERSION}.")
    try:
        return Verdicts(
            frozenset(frozenset(_hashes(pair, 2)) for pair in document["different"]),
            frozenset(tuple(sorted(_hashes(members))) for members in document["reviewed"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{path} is a damaged file of verdicts ({error}); export it again.") from error


def memberships(frame: pd.DataFrame) -> dict[int, Members]:
    """Group number to its members' hashes."""
    grouped = frame[frame["group"] >= 0]
    found: dict[int, list[str]] = {}
    for number, sha256 in zip(grouped["group"].tolist(), grouped["sha256"].tolist(), strict=True):
        found.setdefault(number, []).append(sha256)
    return {number: tuple(sorted(hashes)) for number, hashes in found.items()}


def keepers(frame: pd.DataFrame) -> dict[int, str]:
    """Group number to its keeper's hash."""
    kept = frame[frame["role"] == "keeper"]
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


def _hashes(values: list[str], count: int | None = None) -> list[str]:
    wrong = [value for value in values if not isinstance(value, str) or not SHA256.fullmatch(value)]
    if wrong or not isinstance(values, list) or not values or (count and len(set(values)) != count):
        raise ValueError(f"{wrong[0] if wrong else values!r} is not as it should be")
    return values
