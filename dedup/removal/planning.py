"""Deciding what a removal takes away, what it leaves, and why."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from stat import S_ISLNK

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dedup.model import TAG_PREFIX, Kind
from dedup.query.rows import rows_meant
from dedup.query.where import check_tags
from dedup.removal.company import Company
from dedup.removal.images import Columns, Images, can_leave, is_there, place_of, require_current
from dedup.removal.journal import read as journal
from dedup.removal.journal import removed
from dedup.removal.keeping import Keeping
from dedup.removal.moves import A_LINK, outside
from dedup.removal.planfile import Entry, Plan, Stay

Chosen = str | Sequence[int] | NDArray[np.generic] | None


def plan(
    images: Images,
    chosen: Chosen = None,
    *,
    hold: Mapping[int, str] | None = None,
    decided: bool = False,
    companions: bool = True,
) -> Plan:
    """The removal of `chosen`: a tag's name, row numbers or a boolean mask; None means the redundant exact copies.

    `hold` maps rows that must stay to the reason (protected folder, label clash). `decided` marks rows that a person
    decided one by one. With `companions`, files that belong to images by name go along. Nothing on disk is touched.
    Raises `UnknownTag`, for rows out of range `UsageError`, and `RemovalError` where another version of dedup found the
    pairs: it may have taken for a copy what this one does not. The plan for an archive or a bucket, which are only
    ever read, says what would go.
    """
    require_current(images)
    columns = Columns(images.frame)
    gone = _gone_rows(images)
    members = _members(columns, gone)
    asked = _asked(images.frame, chosen) - gone
    in_files, leave = images.in_files, can_leave(images)
    stays = _held(columns, asked, hold or {}) | (_outside(images, columns, asked) if in_files else {})
    stays |= _last_copies(columns, members, asked - stays.keys())
    going = asked - stays.keys()
    left = {
        number: _Left.of(columns, members.get(number, ()), going) for number in {columns.group[row] for row in going}
    }
    keepers = {row: left[columns.group[row]].for_row(columns, row) for row in sorted(going)}
    stays |= _bound(images, columns, keepers) if leave else {}
    why = f"Tagged {chosen!r}" if isinstance(chosen, str) else "Chosen"
    leaving = [row for row in keepers if row not in stays]
    disk = _Disk(images, columns.bytes, leaving if in_files else [])
    along = _companions(images, leaving) if companions and leave else {}
    return Plan(
        dataset=images.name,
        root=images.address,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        entries=tuple(_entry(columns, row, keepers[row], why, decided, disk, along.get(row, ())) for row in leaving),
        stays=tuple(Stay(columns.path[row], columns.sha256[row], stays[row]) for row in sorted(stays)),
        tag=chosen if isinstance(chosen, str) else "",
    )


def _asked(frame: pd.DataFrame, chosen: Chosen) -> set[int]:
    if chosen is None:
        return set(np.flatnonzero(frame["kind"].to_numpy() == Kind.EXACT).tolist())
    if isinstance(chosen, str):
        check_tags(frame, [chosen])
        return set(np.flatnonzero(frame[TAG_PREFIX + chosen].to_numpy(dtype=bool)).tolist())
    return set(rows_meant(chosen, len(frame)).tolist())


def _held(columns: Columns, asked: set[int], hold: Mapping[int, str]) -> dict[int, str]:
    """Rows that stay for a reason that has nothing to do with the other copies."""
    unreadable = "its bytes could not be read, so its removal could not be verified"
    held = {row: hold[row] for row in asked & hold.keys()}
    return {row: unreadable for row in asked if not columns.sha256[row]} | held


def _outside(images: Images, columns: Columns, asked: set[int]) -> dict[int, str]:
    """Rows that a link brings in, to their file or, from outside the root, to their folder, with the reason they stay;
    looks at each folder once."""
    folder = {row: columns.path[row].rpartition("/")[0] for row in asked}
    one_of = {name: row for row, name in folder.items()}
    reason = {name: outside(images.file(row).parent, images.root) for name, row in one_of.items()}
    links = {row: A_LINK for row in asked if images.file(row).is_symlink()}
    return links | {row: reason[name] for row, name in folder.items() if reason[name]}


def _gone_rows(images: Images) -> set[int]:
    """Rows of a frame from before an earlier removal whose files left with it."""
    paths = removed(images.directory)
    if not paths:
        return set()
    listed = np.flatnonzero(images.frame["path"].isin(paths).to_numpy())
    return {int(row) for row in listed if not is_there(place_of(images, int(row)))}


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
            reasons[row] = keeping.bound(path, sha256, place_of(images, row), keeper >= 0, same)
    return {row: reason for row, reason in reasons.items() if reason}


def freed(images: Images, rows: Sequence[int]) -> NDArray[np.int64]:
    """(n,) bytes that the leaving of each image frees when all of `rows` leave: their sizes, but of names of one file
    (hard links) the last has it, if no other name of the file stays, and links to files have nothing."""
    sizes = images.frame["bytes"].to_numpy(np.int64, copy=True)
    if not images.in_files:
        return sizes
    often = images.frame["sha256"].duplicated(keep=False).to_numpy()  # names of one file have one content
    disk = _Disk(images, sizes.tolist(), [row for row in rows if often[row]])
    for row in (*disk.linked, *disk.links):
        sizes[row] = disk.freed(row)
    return sizes


class _Disk:
    """What leaving frees, where one file has several names (hard links) or is but a link."""

    def __init__(self, images: Images, sizes: Sequence[int], leaving: Sequence[int]) -> None:
        self._images, self._sizes = images, sizes
        self.linked: dict[int, os.stat_result] = {}
        self.links: set[int] = set()
        for row in leaving:
            with suppress(OSError):  # of a file that is gone nothing is known; it will be refused
                stat = images.file(row).lstat()
                if S_ISLNK(stat.st_mode):
                    self.links.add(row)
                elif stat.st_nlink > 1:
                    self.linked[row] = stat
        self._going = Counter((stat.st_dev, stat.st_ino) for stat in self.linked.values())
        self._last = {(stat.st_dev, stat.st_ino): row for row, stat in self.linked.items()}

    def names(self, row: int) -> int:
        """How many names the file has."""
        return self.linked[row].st_nlink if row in self.linked else 1

    def freed(self, row: int) -> int:
        """Bytes; the last of a file's names has them, when all go."""
        stat = self.linked.get(row)
        if stat is None:
            return 0 if row in self.links else self._sizes[row]
        file = (stat.st_dev, stat.st_ino)
        return self._sizes[row] if self._going[file] == stat.st_nlink and self._last[file] == row else 0

    def one_file(self, row: int, keeper: int) -> bool:
        """Whether an image and its keeper are one file."""
        if row not in self.linked:
            return False
        with suppress(OSError):
            return os.path.samestat(self.linked[row], self._images.file(keeper).stat())
        return False


def _companions(images: Images, leaving: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """Row to the files that go with it; what several images share goes with the last, when all of them go."""
    company, going = Company(images), set(leaving)
    along: dict[int, tuple[str, ...]] = {}
    for file, owners in company.shared_by(leaving).items():
        if going.issuperset(owners) and not company.is_document(file):
            along[max(owners)] = (*along.get(max(owners), ()), file)
    return along


def _entry(
    columns: Columns, row: int, keeper: int, why: str, decided: bool, disk: _Disk, companions: tuple[str, ...]
) -> Entry:
    same = columns.identity(row, keeper)
    if keeper >= 0 and disk.one_file(row, keeper):
        reason = f"One file under {disk.names(row)} names, {columns.path[keeper]} is another"
    else:
        reason = _reason(columns, row, keeper, same, why)
    return Entry(
        path=columns.path[row],
        sha256=columns.sha256[row],
        bytes=disk.freed(row),
        keeper_path=columns.path[keeper] if keeper >= 0 else "",
        keeper_sha256=columns.sha256[keeper] if keeper >= 0 else "",
        identical=same,
        reason=reason,
        decided=decided,
        names=disk.names(row),
        companions=companions,
    )


def _reason(columns: Columns, row: int, keeper: int, same: str, why: str) -> str:
    if keeper < 0:
        return f"{why}; in no group"
    if same:
        return f"Duplicate of {columns.path[keeper]}: identical {same}"
    relation = columns.relation[row] if columns.keeper[row] == keeper else ""
    return f"Near duplicate of {columns.path[keeper]}" + (f": {relation}" if relation else "")
