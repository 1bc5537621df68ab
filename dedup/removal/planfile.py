"""The removal plan as records, and as a readable file keyed by content hash: what goes, what stays for it, and why."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dedup.errors import RemovalError
from dedup.files import write_text

FORMAT = "dedup removal plan"
VERSION = 1
SHA256 = re.compile(r"[0-9a-f]{64}")
IDENTICAL = ("file", "pixels", "")


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
