"""The removal plan: what goes, what stays for it, and why, as a readable file keyed by content hash."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dedup.errors import RemovalError, UnknownTag, UsageError
from dedup.files import write_text
from dedup.model import TAG_PREFIX, Kind, Role, Status
from dedup.removal.journal import bound_by, kept_for, removed
from dedup.removal.journal import read as journal

FORMAT = "dedup removal plan"
VERSION = 1
SHA256 = re.compile(r"[0-9a-f]{64}")
IDENTICAL = ("file", "pixels", "")

Rows = NDArray[np.int64]
Chosen = str | Sequence[int] | NDArray[np.generic] | None


class Images(Protocol):
    """What a removal needs of a `dedup.dataset.Dataset`."""

    @property
    def name(self) -> str:
        """The dataset's name."""

    @property
    def directory(self) -> Path:
        """The dataset's own directory, home of its quarantine."""

    @property
    def root(self) -> Path:
        """The scanned folder."""

    @property
    def frame(self) -> pd.DataFrame:
        """One row per image."""

    def file(self, row: int, /) -> Path:
        """Absolute path of an image."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One image that goes.

    `identical` says how its keeper equals it: "file" (same bytes), "pixels" (same decoded pixels) or "" (a near
    duplicate, or no keeper). `keeper_path` and `keeper_sha256` are "" for an image that is in no group. `decided` is
    True when a person decided this very image. Raises `RemovalError` when a field is not what it should be.
    """

    path: str
    sha256: str
    bytes: int
    keeper_path: str
    keeper_sha256: str
    identical: str
    reason: str
    decided: bool = False

    def __post_init__(self) -> None:
        keeper = bool(self.keeper_path)
        sound = (
            bool(self.path)
            and self.path != self.keeper_path
            and SHA256.fullmatch(self.sha256) is not None
            and (SHA256.fullmatch(self.keeper_sha256) is not None if keeper else self.keeper_sha256 == "")
            and self.identical in IDENTICAL
            and (self.identical != "file" or self.sha256 == self.keeper_sha256)
            and (keeper or self.identical == "")
        )
        if not sound:
            raise RemovalError(f"The plan's entry for {self.path or 'an unnamed file'} contradicts itself; plan anew.")


@dataclass(frozen=True, slots=True)
class Stay:
    """One image that was asked for and stays, with the reason."""

    path: str
    sha256: str
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything one removal would do. Raises `RemovalError` when an image that goes is the keeper of another."""

    dataset: str
    root: str
    created: str
    entries: tuple[Entry, ...]
    stays: tuple[Stay, ...] = ()

    def __post_init__(self) -> None:
        going = [entry.path for entry in self.entries]
        if len(set(going)) < len(going):
            raise RemovalError("The plan names a file twice; plan anew.")
        both = sorted(set(going) & {entry.keeper_path for entry in self.entries})
        if both:
            raise RemovalError(f"The plan removes {both[0]}, which it also keeps for another image; plan anew.")

    @property
    def bytes(self) -> int:
        """Size of all files that go."""
        return sum(entry.bytes for entry in self.entries)


def plan(
    images: Images, chosen: Chosen = None, *, hold: Mapping[int, str] | None = None, decided: bool = False
) -> Plan:
    """The removal of `chosen`: a tag's name, row numbers or a boolean mask; None means the redundant exact copies.

    `hold` maps rows that must stay to the reason (protected folder, label clash). `decided` marks rows that a person
    decided one by one. Nothing on disk is touched. Raises `UnknownTag` and, for rows out of range, `UsageError`.
    """
    frame = images.frame
    gone = _gone_rows(images)
    members = _readable_members(frame, gone)
    asked = _asked(frame, chosen) - gone
    stays = _held(frame, asked, hold or {})
    stays |= _last_copies(frame, members, asked - stays.keys())
    going = asked - stays.keys()
    keepers = {row: _stand_in(frame, members, going, row) for row in sorted(going)}
    stays |= _bound(images, keepers)
    why = f"Tagged {chosen!r}" if isinstance(chosen, str) else "Chosen"
    return Plan(
        dataset=images.name,
        root=str(images.root),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        entries=tuple(_entry(frame, row, keepers[row], why, decided) for row in keepers if row not in stays),
        stays=tuple(_stays(frame, row, stays[row]) for row in sorted(stays)),
    )


def keeper_tags(images: Images, removal: Plan) -> dict[str, list[int]]:
    """Tags that a keeper lacks and an image leaving for it carries, as tag name to keeper rows: give them before
    applying, so that no tag is lost with the copy."""
    frame = images.frame
    rows = {path: row for row, path in enumerate(frame["path"])}
    pairs = [
        (rows[entry.path], rows[entry.keeper_path])
        for entry in removal.entries
        if entry.keeper_path in rows and entry.path in rows
    ]
    wanted: dict[str, list[int]] = {}
    for column in frame.columns:
        if column.startswith(TAG_PREFIX):
            tagged = frame[column].to_numpy(dtype=bool)
            gaining = sorted({keeper for leaving, keeper in pairs if tagged[leaving] and not tagged[keeper]})
            if gaining:
                wanted[column.removeprefix(TAG_PREFIX)] = gaining
    return wanted


def write(removal: Plan, path: Path) -> None:
    """Write the plan as JSON, atomically. Raises `DatasetError` when the disk refuses."""
    document = {"format": FORMAT, "version": VERSION, **asdict(removal)}
    write_text(path, json.dumps(document, indent=1, ensure_ascii=True) + "\n")


def read(path: Path) -> Plan:
    """The plan in a file. Raises `RemovalError` when it is not one, is of a newer version or was damaged."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RemovalError(f"{path} is not a readable removal plan: {error}.") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise RemovalError(f"{path} is not a removal plan; make one with `plan`.")
    if document.get("version") != VERSION:
        raise RemovalError(f"{path} is a plan of version {document.get('version')}; this program reads {VERSION}.")
    try:
        return Plan(
            dataset=_typed(document["dataset"], str),
            root=_typed(document["root"], str),
            created=_typed(document["created"], str),
            entries=tuple(_record(Entry, item) for item in document["entries"]),
            stays=tuple(_record(Stay, item) for item in document["stays"]),
        )
    except (KeyError, TypeError) as error:
        raise RemovalError(f"{path} is a damaged removal plan ({error}); plan anew.") from error


FIELD_TYPES = {"bytes": int, "decided": bool}


def _record(kind: type[Any], item: dict[str, Any]) -> Any:
    for name, value in item.items():
        _typed(value, FIELD_TYPES.get(name, str))
    return kind(**item)


def _typed(value: Any, kind: type[Any]) -> Any:
    if type(value) is not kind:
        raise TypeError(f"{value!r} is not {kind.__name__}")
    return value


def _asked(frame: pd.DataFrame, chosen: Chosen) -> set[int]:
    if chosen is None:
        return set(np.flatnonzero(frame["kind"].to_numpy() == Kind.EXACT).tolist())
    if isinstance(chosen, str):
        if TAG_PREFIX + chosen not in frame:
            raise UnknownTag(f"There is no tag {chosen!r} in this dataset; `tag` makes one.")
        return set(np.flatnonzero(frame[TAG_PREFIX + chosen].to_numpy(dtype=bool)).tolist())
    rows = np.asarray(chosen)
    if rows.dtype == bool and len(rows) == len(frame):
        return set(np.flatnonzero(rows).tolist())
    if len(rows) and (rows.dtype.kind not in "iu" or rows.min() < 0 or rows.max() >= len(frame)):
        raise UsageError(f"Rows to remove are numbers from 0 to {len(frame) - 1} or a mask of {len(frame)} booleans.")
    return set(rows.tolist())


def _held(frame: pd.DataFrame, asked: set[int], hold: Mapping[int, str]) -> dict[int, str]:
    """Rows that stay for a reason that has nothing to do with the other copies."""
    hashes = frame["sha256"].to_numpy()
    unreadable = "its bytes could not be read, so its removal could not be verified"
    return {row: unreadable for row in asked if not hashes[row]} | {row: hold[row] for row in asked & hold.keys()}


def _gone_rows(images: Images) -> set[int]:
    """Rows of a frame from before an earlier removal whose files left with it."""
    paths = removed(images.directory)
    if not paths:
        return set()
    listed = np.flatnonzero(images.frame["path"].isin(paths).to_numpy())
    return {int(row) for row in listed if not os.path.lexists(images.file(int(row)))}


def _readable_members(frame: pd.DataFrame, gone: set[int]) -> dict[int, Rows]:
    """Group number to the rows of its readable members that are still there."""
    there = (frame["group"].to_numpy() >= 0) & (frame["status"].to_numpy() == Status.OK)
    there[sorted(gone)] = False
    grouped = np.flatnonzero(there)
    numbers = frame["group"].to_numpy()[grouped]
    order = np.argsort(numbers, kind="stable")
    found, starts = np.unique(numbers[order], return_index=True)
    return dict(zip(found.tolist(), np.split(grouped[order], starts[1:]), strict=True)) if len(found) else {}


def _last_copies(frame: pd.DataFrame, members: Mapping[int, Rows], going: set[int]) -> dict[int, str]:
    """The best copy of every group that would lose its last readable one, with the reason it stays."""
    touched = {int(number) for number in frame["group"].to_numpy()[sorted(going)]}
    emptied = [members[number] for number in touched & members.keys() if going.issuperset(members[number].tolist())]
    return {_best(frame, rows): "the last readable copy of its group" for rows in emptied}


def _best(frame: pd.DataFrame, members: Rows) -> int:
    """The group's keeper, or else its largest image, first by path."""
    keepers = members[frame["role"].to_numpy()[members] == Role.KEEPER]
    if len(keepers):
        return int(keepers[0])
    area = frame["width"].to_numpy(np.int64)[members] * frame["height"].to_numpy(np.int64)[members]
    return int(members[np.argmax(area)])


def _stand_in(frame: pd.DataFrame, members: Mapping[int, Rows], going: set[int], row: int) -> int:
    """The image that stays for `row`: an identical one before its group's keeper before the best one left; -1 when the
    image is in no group or is not readable and alone."""
    rest = [int(other) for other in members.get(int(_cell(frame, "group", row)), ()) if other not in going]
    twins = [other for other in rest if identity(frame, row, other)]
    keeper = int(_cell(frame, "keeper", row))
    if keeper in (twins or rest):
        return keeper
    return _best(frame, np.array(twins or rest)) if rest else -1


def identity(frame: pd.DataFrame, left: int, right: int) -> str:
    """How two images are the same: "file", "pixels" or "" when they are not."""
    for column, name in (("sha256", "file"), ("pixels", "pixels")):
        if _cell(frame, column, left) and _cell(frame, column, left) == _cell(frame, column, right):
            return name
    return ""


def _bound(images: Images, keepers: Mapping[int, int]) -> dict[int, str]:
    """Rows that must stay for images removed before, with the reason."""
    stands_for = kept_for(journal(images.directory).values())
    paths = images.frame["path"].to_numpy()
    reasons = {
        row: bound_by(stands_for[paths[row]], keeper >= 0, identity(images.frame, row, keeper) if keeper >= 0 else "")
        for row, keeper in keepers.items()
        if paths[row] in stands_for
    }
    return {row: reason for row, reason in reasons.items() if reason}


def _stays(frame: pd.DataFrame, row: int, reason: str) -> Stay:
    return Stay(_cell(frame, "path", row), _cell(frame, "sha256", row), reason)


def _entry(frame: pd.DataFrame, row: int, keeper: int, why: str, decided: bool) -> Entry:
    same = identity(frame, row, keeper) if keeper >= 0 else ""
    return Entry(
        path=_cell(frame, "path", row),
        sha256=_cell(frame, "sha256", row),
        bytes=int(_cell(frame, "bytes", row)),
        keeper_path=_cell(frame, "path", keeper) if keeper >= 0 else "",
        keeper_sha256=_cell(frame, "sha256", keeper) if keeper >= 0 else "",
        identical=same,
        reason=_reason(frame, row, keeper, same, why),
        decided=decided,
    )


def _reason(frame: pd.DataFrame, row: int, keeper: int, same: str, why: str) -> str:
    if keeper < 0:
        return f"{why}; in no group"
    name = _cell(frame, "path", keeper)
    if same:
        return f"Duplicate of {name}: identical {same}"
    relation = _cell(frame, "relation", row) if _cell(frame, "nearest", row) == keeper else ""
    return f"Near duplicate of {name}" + (f": {relation}" if relation else "")


def _cell(frame: pd.DataFrame, column: str, row: int) -> Any:
    return frame[column].iat[row]
