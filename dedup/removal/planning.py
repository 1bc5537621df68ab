"""Deciding what a removal takes away, what it leaves, and why."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dedup.errors import UsageError
from dedup.model import TAG_PREFIX, Kind
from dedup.query.where import check_tags
from dedup.removal.images import Columns, Images
from dedup.removal.journal import read as journal
from dedup.removal.journal import removed
from dedup.removal.keeping import Keeping
from dedup.removal.moves import outside
from dedup.removal.planfile import Entry, Plan, Stay

Chosen = str | Sequence[int] | NDArray[np.generic] | None


def plan(
    images: Images, chosen: Chosen = None, *, hold: Mapping[int, str] | None = None, decided: bool = False
) -> Plan:
    """The removal of `chosen`: a tag's name, row numbers or a boolean mask; None means the redundant exact copies.

    `hold` maps rows that must stay to the reason (protected folder, label clash). `decided` marks rows that a person
    decided one by one. Nothing on disk is touched. Raises `UnknownTag` and, for rows out of range, `UsageError`.
    """
    columns = Columns(images.frame)
    gone = _gone_rows(images)
    members = _members(columns, gone)
    asked = _asked(images.frame, chosen) - gone
    stays = _held(columns, asked, hold or {}) | _outside(images, columns, asked)
    stays |= _last_copies(columns, members, asked - stays.keys())
    going = asked - stays.keys()
    left = {
        number: _Left.of(columns, members.get(number, ()), going) for number in {columns.group[row] for row in going}
    }
    keepers = {row: left[columns.group[row]].for_row(columns, row) for row in sorted(going)}
    stays |= _bound(images, columns, keepers)
    why = f"Tagged {chosen!r}" if isinstance(chosen, str) else "Chosen"
    return Plan(
        dataset=images.name,
        root=str(images.root),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        entries=tuple(_entry(columns, row, keepers[row], why, decided) for row in keepers if row not in stays),
        stays=tuple(Stay(columns.path[row], columns.sha256[row], stays[row]) for row in sorted(stays)),
        tag=chosen if isinstance(chosen, str) else "",
    )


def _asked(frame: pd.DataFrame, chosen: Chosen) -> set[int]:
    if chosen is None:
        return set(np.flatnonzero(frame["kind"].to_numpy() == Kind.EXACT).tolist())
    if isinstance(chosen, str):
        check_tags(frame, [chosen])
        return set(np.flatnonzero(frame[TAG_PREFIX + chosen].to_numpy(dtype=bool)).tolist())
    rows = np.asarray(chosen)
    if rows.dtype == bool and len(rows) == len(frame):
        return set(np.flatnonzero(rows).tolist())
    if len(rows) and (rows.dtype.kind not in "iu" or rows.min() < 0 or rows.max() >= len(frame)):
        raise UsageError(f"Rows to remove are numbers from 0 to {len(frame) - 1} or a mask of {len(frame)} booleans.")
    return set(rows.tolist())


def _held(columns: Columns, asked: set[int], hold: Mapping[int, str]) -> dict[int, str]:
    """Rows that stay for a reason that has nothing to do with the other copies."""
    unreadable = "its bytes could not be read, so its removal could not be verified"
    held = {row: hold[row] for row in asked & hold.keys()}
    return {row: unreadable for row in asked if not columns.sha256[row]} | held


def _outside(images: Images, columns: Columns, asked: set[int]) -> dict[int, str]:
    """Rows that a link to a folder brings in from outside the root, with the reason they stay; looks once a folder."""
    folder = {row: columns.path[row].rpartition("/")[0] for row in asked}
    one_of = {name: row for row, name in folder.items()}
    reason = {name: outside(images.file(row).parent, images.root) for name, row in one_of.items()}
    return {row: reason[name] for row, name in folder.items() if reason[name]}


def _gone_rows(images: Images) -> set[int]:
    """Rows of a frame from before an earlier removal whose files left with it."""
    paths = removed(images.directory)
    if not paths:
        return set()
    listed = np.flatnonzero(images.frame["path"].isin(paths).to_numpy())
    return {int(row) for row in listed if not os.path.lexists(images.file(int(row)))}


def _members(columns: Columns, gone: set[int]) -> dict[int, list[int]]:
    """Group number to the rows of its members that are still there and count as copies: the readable ones, or where
    none of them is, those whose bytes are known."""
    members: dict[int, list[int]] = {}
    for row, number in enumerate(columns.group):
        if number >= 0 and columns.sha256[row] and row not in gone:
            members.setdefault(number, []).append(row)
    return {number: [row for row in rows if columns.readable[row]] or rows for number, rows in members.items()}


def _last_copies(columns: Columns, members: Mapping[int, Sequence[int]], going: set[int]) -> dict[int, str]:
    """The best copy of every group that would lose its last one, with the reason it stays."""
    touched = {columns.group[row] for row in going} & members.keys()
    emptied = [members[number] for number in touched if going.issuperset(members[number])]
    return {columns.best(rows): "the last readable copy of its group" for rows in emptied}


@dataclass(frozen=True)
class _Left:
    """The members of a group that do not go: all, and by content."""

    rows: frozenset[int]
    best: int
    twins: Mapping[str, int]

    @classmethod
    def of(cls, columns: Columns, members: Sequence[int], going: set[int]) -> _Left:
        rows = [row for row in members if row not in going]
        twins: dict[str, int] = {}
        for row in sorted(rows, key=lambda row: (not columns.is_keeper[row], row), reverse=True):
            twins |= {columns.content[row]: row, columns.sha256[row]: row}
        return cls(frozenset(rows), columns.best(rows) if rows else -1, twins)

    def for_row(self, columns: Columns, row: int) -> int:
        """The image that stays for `row`: an identical one before its keeper before the best one left; -1 for none."""
        for content in (columns.content[row], columns.sha256[row]):
            if content and content in self.twins:
                return self.twins[content]
        return columns.keeper[row] if columns.keeper[row] in self.rows else self.best


def _bound(images: Images, columns: Columns, keepers: Mapping[int, int]) -> dict[int, str]:
    """Rows that must stay for images removed before, with the reason."""
    keeping = Keeping(images, journal(images.directory).values())
    reasons = {}
    for row, keeper in keepers.items():
        path, sha256, same = columns.path[row], columns.sha256[row], columns.identity(row, keeper)
        if keeping.concerns(path, sha256):
            reasons[row] = keeping.bound(path, sha256, images.file(row), keeper >= 0, same)
    return {row: reason for row, reason in reasons.items() if reason}


def _entry(columns: Columns, row: int, keeper: int, why: str, decided: bool) -> Entry:
    same = columns.identity(row, keeper)
    return Entry(
        path=columns.path[row],
        sha256=columns.sha256[row],
        bytes=columns.bytes[row],
        keeper_path=columns.path[keeper] if keeper >= 0 else "",
        keeper_sha256=columns.sha256[keeper] if keeper >= 0 else "",
        identical=same,
        reason=_reason(columns, row, keeper, same, why),
        decided=decided,
    )


def _reason(columns: Columns, row: int, keeper: int, same: str, why: str) -> str:
    if keeper < 0:
        return f"{why}; in no group"
    if same:
        return f"Duplicate of {columns.path[keeper]}: identical {same}"
    relation = columns.relation[row] if columns.nearest[row] == keeper else ""
    return f"Near duplicate of {columns.path[keeper]}" + (f": {relation}" if relation else "")
