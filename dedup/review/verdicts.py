"""Verdicts by content: what was judged stays judged, on this machine and on a colleague's.

A verdict "not a duplicate" is a pair of SHA-256 hashes, in no order. A group is settled when a person went through it
(its members' hashes are kept, each as often as it occurs) or when every copy was told apart from the keeper. It opens
again only when a member joins that was not there then, be it one more copy of the same bytes; members that leave
change nothing. A fate says that an image goes for another one, or stays beside it: (`DROP` or `KEEP`, its hash, that
of its keeper). Where the same content has both fates it stays.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from dedup.errors import UsageError
from dedup.files import SHA256, Document, write_chunks
from dedup.groups.members import members
from dedup.model import Change, Role
from dedup.store.decisions import DIFFERENT, DROP, KEEP, KEEPER, REVIEWED, VERDICT

FILE = Document("dedup verdicts", 2, "file of verdicts", "export one with `verdicts export`", UsageError, older=(1,))

Pair = frozenset[str]
Members = tuple[str, ...]
"""Hashes of a group's members, sorted, each as often as it occurs."""
Fate = tuple[str, str, str]
"""`DROP` or `KEEP`, the hash of an image and that of its keeper."""
Member = tuple[str, str]
"""Path and hash of an image."""


class Deciding(Protocol):
    """What is read and written of `dedup.store.decisions.Decisions`."""

    def values(self, kind: str) -> dict[tuple[str, str], str]:
        """All decisions of a kind."""

    def decide(self, changes: Iterable[Change], label: str) -> int:
        """Apply changes as one undoable step."""


@dataclass(frozen=True)
class Verdicts:
    """Pairs that are not duplicates, groups that were reviewed, and what became of their images."""

    different: frozenset[Pair] = frozenset()
    reviewed: frozenset[Members] = frozenset()
    fates: frozenset[Fate] = frozenset()

    def __len__(self) -> int:
        return len(self.different) + len(self.reviewed) + len(self.fates)


def of(decisions: Deciding) -> Verdicts:
    """The verdicts among a dataset's decisions."""
    pairs = decisions.values(VERDICT).items()
    reviewed = decisions.values(REVIEWED).values()
    return Verdicts(
        frozenset(frozenset(pair) for pair, value in pairs if value == DIFFERENT),
        frozenset(tuple(json.loads(members)) for members in reviewed),
        frozenset(fate for kind in (DROP, KEEP) for fate in _stored(decisions, kind)),
    )


def _stored(decisions: Deciding, kind: str) -> list[Fate]:
    return [(kind, sha256, keeper) for (_, sha256), keeper in decisions.values(kind).items()]


def merge(decisions: Deciding, frame: pd.DataFrame, verdicts: Verdicts, label: str = "Import verdicts") -> int:
    """Add verdicts to a dataset's decisions in one undoable step; returns how many were new.

    Fates are for all images of that content in a group with that keeper, except those decided here already. Where
    another image of the group is its keeper here, the one that they name is chosen, unless a person chose here.
    """
    before = len(of(decisions))
    changes = [change(*sorted(pair)) for pair in sorted(verdicts.different, key=sorted)]
    reviewed = map(review, sorted(verdicts.reviewed))
    decisions.decide([*changes, *reviewed, *_fated(decisions, frame, verdicts.fates)], label)
    return len(of(decisions)) - before


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


def _fated(decisions: Deciding, frame: pd.DataFrame, fates: Collection[Fate]) -> list[Change]:
    """What fates decide about the images of a frame, as changes."""
    of_image: dict[str, dict[str, str]] = {}
    for kind, sha256, keeper in sorted(fates):  # `KEEP` comes last and so prevails
        of_image.setdefault(sha256, {})[keeper] = kind
    decided = decisions.values(DROP).keys() | decisions.values(KEEP).keys()
    chosen = {path for path, _ in decisions.values(KEEPER)}
    found: list[Change] = []
    named = list(zip(frame["path"], frame["sha256"], strict=True)) if fates else []
    for rows in members(frame).values() if fates else ():
        group = [named[row] for row in rows]
        made = _fated_group(group, of_image)
        choose = [] if any(path in chosen for path, _ in group) else _choices(group, made)
        found += [*(each for each in made if each[1:3] not in decided), *choose]
    return found


def _fated_group(members: Sequence[Member], of_image: Mapping[str, Mapping[str, str]]) -> list[Change]:
    """The fates of a group's images, each with its keeper where that is named, else another member that is."""
    (kept_path, kept), hashes = members[0], {sha256 for _, sha256 in members}
    made: list[Change] = []
    for path, sha256 in members:
        named = {keeper: kind for keeper, kind in of_image.get(sha256, {}).items() if keeper in hashes}
        if path == kept_path:
            named.pop(kept, None)
        if named:
            keeper = kept if kept in named else min(named)
            made.append((named[keeper], path, sha256, keeper))
    return made


def _choices(members: Sequence[Member], made: Sequence[Change]) -> list[Change]:
    """The choice of the images that the fates of a group name as keepers, unless they name its own."""
    named = {keeper for _, _, _, keeper in made}
    going = {sha256 for kind, _, sha256, keeper in made if kind == DROP and sha256 != keeper}
    path_of = {sha256: path for path, sha256 in reversed(members)}
    if members[0][1] in named:
        return []
    return [(KEEPER, path, "", "1") for sha256, path in path_of.items() if sha256 in named - going]


def to_bytes(verdicts: Verdicts) -> bytes:
    """Verdicts as a JSON file that another machine can read."""
    return FILE.encode(
        {
            "different": sorted(sorted(pair) for pair in verdicts.different),
            "reviewed": sorted(verdicts.reviewed),
            **{kind: sorted(each[1:] for each in verdicts.fates if each[0] == kind) for kind in (DROP, KEEP)},
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
    for reviewed in verdicts.reviewed:
        for sha256 in set(reviewed):
            seen_with.setdefault(sha256, []).append(reviewed)
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
        frozenset(_fate(kind, values) for kind in (DROP, KEEP) for values in _listed(document, kind)),
    )


def _listed(document: dict[str, Any], kind: str) -> list[list[str]]:
    """The fates of a kind; version 1 had none."""
    pairs: list[list[str]] = [] if document["version"] == 1 else document[kind]
    return pairs


def _fate(kind: str, values: list[str]) -> Fate:
    sha256, keeper = _hashes(values)
    return kind, sha256, keeper


def _hashes(values: list[str], count: int | None = None) -> list[str]:
    wrong = [value for value in values if not isinstance(value, str) or not SHA256.fullmatch(value)]
    if wrong or not isinstance(values, list) or not values or (count and len(set(values)) != count):
        raise ValueError(f"{wrong[0] if wrong else values!r} is not as it should be")
    return values
