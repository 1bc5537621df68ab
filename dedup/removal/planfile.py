"""The removal plan as records, and as a readable file keyed by content hash: what goes, what stays for it, and why."""

from __future__ import annotations

import reprlib
from dataclasses import MISSING, asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from dedup.errors import PlanError
from dedup.files import SHA256, Document, write_chunks
from dedup.words import plural

FILE = Document("dedup removal plan", 2, "removal plan", "make one with `plan`", PlanError, older=(1,))
IDENTICAL = ("file", "pixels", "")


@dataclass(frozen=True, slots=True)
class Entry:
    """One image that goes.

    `identical` says how its keeper equals it: "file" (same bytes), "pixels" (same decoded pixels) or "" (a near
    duplicate, or no keeper). `keeper_path` and `keeper_sha256` are "" for an image that is in no group. `decided` is
    True when a person decided this very image. `bytes` is what its leaving frees: nothing as long as the file keeps
    another of its `names` (hard links). `companions` are the files that go with it (`dedup.images.companions`), by
    their paths below the root. Raises `PlanError` when a field is not what it should be.
    """

    path: str
    sha256: str
    bytes: int
    keeper_path: str
    keeper_sha256: str
    identical: str
    reason: str
    decided: bool = False
    names: int = 1
    companions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        keeper = bool(self.keeper_path)
        sound = (
            bool(self.path)
            and self.path != self.keeper_path
            and self.bytes >= 0
            and self.names >= 1
            and SHA256.fullmatch(self.sha256) is not None
            and (SHA256.fullmatch(self.keeper_sha256) is not None if keeper else self.keeper_sha256 == "")
            and self.identical in IDENTICAL
            and (self.identical != "file" or self.sha256 == self.keeper_sha256)
            and (keeper or self.identical == "")
        )
        if not sound:
            raise PlanError(f"The plan's entry for {self.path or 'an unnamed file'} contradicts itself; plan anew.")


@dataclass(frozen=True, slots=True)
class Stay:
    """One image that was asked for and stays, with the reason."""

    path: str
    sha256: str
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything one removal would do. `tag` is the one whose images were asked for, "" when none was.

    Raises `PlanError` when an image that goes is the keeper of another.
    """

    dataset: str
    root: str
    created: str
    entries: tuple[Entry, ...]
    stays: tuple[Stay, ...] = ()
    tag: str = ""

    def __post_init__(self) -> None:
        going = [entry.path for entry in self.entries]
        if len(set(going)) < len(going):
            raise PlanError("The plan names a file twice; plan anew.")
        both = sorted(set(going) & {entry.keeper_path for entry in self.entries})
        if both:
            raise PlanError(f"The plan removes {both[0]}, which it also keeps for another image; plan anew.")

    @property
    def bytes(self) -> int:
        """What the leaving of all of them frees."""
        return sum(entry.bytes for entry in self.entries)

    @property
    def companions(self) -> int:
        """How many files go with the images."""
        return sum(len(entry.companions) for entry in self.entries)

    def alone(self) -> Plan:
        """The same plan, in which no files go with the images."""
        return replace(self, entries=tuple(replace(entry, companions=()) for entry in self.entries))

    @property
    def told(self) -> list[str]:
        """What a person should know besides, in sentences."""
        told = []
        if self.companions:
            files = plural(self.companions, "file")
            told.append(f"{files} of the same names (films, captions, labels) would go with them.")
        if linked := sum(entry.names > 1 for entry in self.entries):
            told.append(
                f"{plural(linked, 'name')} of files that have others, too (hard links): the last name frees the space."
            )
        return told


def to_bytes(removal: Plan) -> bytes:
    """The plan as a JSON file."""
    return FILE.encode(asdict(removal))


def write(removal: Plan, path: Path, *, overwrite: bool = False) -> None:
    """Write `to_bytes` as a file. Raises `ExportError` when it exists (unless `overwrite`) or cannot be written."""
    write_chunks(path, [to_bytes(removal)], overwrite)


def read(path: Path) -> Plan:
    """The plan in a file. Raises `PlanError` when it is not one, is of another version or was damaged."""
    return FILE.read(path, _parse)


def _parse(document: dict[str, Any]) -> Plan:
    return Plan(
        dataset=_typed(document["dataset"], str),
        root=_typed(document["root"], str),
        created=_typed(document["created"], str),
        entries=tuple(_record(Entry, item) for item in _typed(document["entries"], list)),
        stays=tuple(_record(Stay, item) for item in _typed(document["stays"], list)),
        tag=_typed(document.get("tag", ""), str),
    )


FIELD_TYPES = {"bytes": int, "decided": bool, "names": int, "companions": list}


KINDS: dict[type[Any], str] = {
    str: "a text", int: "a whole number", bool: "true or false", list: "a list", dict: "a record",
}  # fmt: skip


def _record(kind: type[Any], item: Any) -> Any:
    known = {each.name: each.default is MISSING for each in fields(kind)}
    for name, value in _typed(item, dict).items():
        if name not in known:
            raise ValueError(f"{name!r} in it means nothing")
        _typed(value, FIELD_TYPES.get(name, str))
    if missing := [name for name, needed in known.items() if needed and name not in item]:
        raise ValueError(f"an entry has no {missing[0]!r}")
    if "companions" in item:
        item["companions"] = tuple(_typed(file, str) for file in item["companions"])
    return kind(**item)


def _typed(value: Any, kind: type[Any]) -> Any:
    if type(value) is not kind:
        raise TypeError(f"{reprlib.repr(value)} is not {KINDS[kind]}")
    return value
