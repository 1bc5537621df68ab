"""Scanning in shards: many processes, on whatever machines, read a share of the files each; one merges what they kept.

<parts>/shard-03-of-64/
  parts/         what was read, as a scan that goes on keeps it (see `dedup.store.directory`); one when all of it is
  shard.json     `Shard`

A file belongs to a shard by its path alone, so shards that start at different times agree. No shard knows of another:
a lost one is run again, goes on where it was, and nothing else is. Merging is a scan that finds its files read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from dedup.errors import UsageError
from dedup.files import PRIVATE, write_text
from dedup.model import OnProgress
from dedup.scanning.engines import HERE, Choice
from dedup.sources import Listing, SourceFile, address_of
from dedup.store.directory import Part, Store

SHARD_FILE = "shard.json"
MOST_NAMED = 8
"""Shards that a sentence names one by one."""


@dataclass(frozen=True, slots=True)
class Shard:
    """One shard: the `number`th (from 1) of `of` shards of `source`, read by code of these `versions`, no picture of
    more than `max_pixels`. `away` are folders of the source that cannot be read from where it ran. Once it is
    `finished` it has read `images` files, `failed` of them without a picture."""

    number: int
    of: int
    source: str
    max_pixels: int
    versions: dict[str, str]
    away: tuple[str, ...] = ()
    finished: bool = False
    images: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Merged:
    """All shards of a source, and what they read: blocks of rows with their signatures."""

    source: str
    max_pixels: int
    parts: list[Part]


def parse(text: str) -> tuple[int, int]:
    """Number and count of "3/64". Raises `UsageError`."""
    found = re.fullmatch(r"\s*([0-9]{1,9})\s*/\s*([0-9]{1,9})\s*", text)
    number, of = map(int, found.groups()) if found else (0, 0)
    if not 1 <= number <= of:
        raise UsageError(f"{text!r} is no shard. Give its number, from 1, and how many there are: --shard 3/64.")
    return number, of


def share(listing: Listing, number: int, of: int) -> Listing:
    """The files of one shard."""
    files = tuple(file for file in listing.files if not file.problem and _shard_of(file, of) == number)
    return Listing(listing.root, files, listing.passed_over)


def _shard_of(file: SourceFile, of: int) -> int:
    return int(file.id, 16) % of + 1


def read(
    source: str,
    listing: Listing,
    number: int,
    of: int,
    parts: Path,
    *,
    max_pixels: int,
    choice: Choice = HERE,
    on_progress: OnProgress | None = None,
) -> Shard:
    """Read the files of one shard of `listing` into a folder below `parts`; what was read there before is not read
    again. Raises `ScanRunning`, `DatasetError`, `Cancelled`."""
    from dedup.images.examine import VERSIONS
    from dedup.scanning.scan import read_into

    store = Store(parts / folder_name(number, of))
    told = store.directory / SHARD_FILE
    before = _told(store.directory)
    if before is not None and before.source != source:
        raise UsageError(f"{parts} holds shards of {before.source}. Choose another folder for those of {source}.")
    mine = share(listing, number, of)
    with store.scanning(None):
        shard = Shard(number, of, source, max_pixels, VERSIONS, listing.away)
        _tell(told, shard)
        images, signatures = read_into(store, mine, max_pixels=max_pixels, choice=choice, on_progress=on_progress)
        store.replace_parts(images, signatures)
        failed = int((images["status"] == "failed").sum())
        shard = replace(shard, finished=True, images=len(images), failed=failed)
        _tell(told, shard)
    return shard


def _tell(file: Path, shard: Shard) -> None:
    write_text(file, json.dumps(asdict(shard), indent=2) + "\n", PRIVATE)


def folder_name(number: int, of: int) -> str:
    """What the folder of a shard is called."""
    return f"shard-{number:0{len(str(of))}}-of-{of}"


def gather(folders: Sequence[Path], *, one_source: bool = True) -> Merged:
    """What all shards below `folders` read, where their source may have `one_source` name only. Raises `UsageError`
    where one is missing, unfinished, damaged, or of another source, limit or version: whatever would be read anew in
    silence, or not be what the others are. Of one that is there twice, the first that is whole counts."""
    from dedup.images.examine import VERSIONS

    places = dict.fromkeys(place for folder in folders for place in _places(folder))
    found = [(place, shard) for place in places if (shard := _finished(place)) is not None]
    if not found:
        names = ", ".join(map(str, folders))
        raise UsageError(f"There is no finished shard in {names}. Give the folders that `dedup scan --shard` wrote.")
    for each, what in (("of", "numbers of shards"), ("source", "sources"), ("max_pixels", "limits of pixels")):
        if each == "source" and not one_source:
            continue
        values = sorted({str(getattr(shard, each)) for _, shard in found})
        if len(values) > 1:
            hint = ", or name the one folder they all are with --source" if each == "source" else ""
            raise UsageError(
                f"These shards are of different {what}: {', '.join(values)}. Merge those of one scan{hint}."
            )
    one = found[0][1]
    parts: dict[int, list[Part]] = {}
    old, damaged = set[int](), set[int]()
    for place, shard in found:
        if shard.number in parts:
            continue
        held = Store(place).read_parts() if shard.versions == VERSIONS else []
        if shard.versions != VERSIONS:
            old.add(shard.number)
        elif sum(len(part.images) for part in held) != shard.images:
            damaged.add(shard.number)
        else:
            parts[shard.number] = held
    missing = set(range(1, one.of + 1)) - {shard.number for _, shard in found}
    for numbers, what in ((missing, "not finished"), (old, "of another version"), (damaged, "damaged")):
        if numbers - parts.keys():
            raise UsageError(_again(sorted(numbers - parts.keys()), what, one))
    return Merged(one.source, one.max_pixels, [part for number in sorted(parts) for part in parts[number]])


def _places(folder: Path) -> list[Path]:
    return [folder] if (folder / SHARD_FILE).exists() else sorted(folder.glob("shard-*-of-*"))


def _finished(place: Path) -> Shard | None:
    """What a shard tells of itself, None where it is not finished or damaged."""
    shard = _told(place)
    return shard if shard is not None and shard.finished else None


def _told(place: Path) -> Shard | None:
    try:
        told = json.loads((place / SHARD_FILE).read_text("utf-8"))
        shard = Shard(**{each.name: told[each.name] for each in fields(Shard)})
        return shard if 1 <= shard.number <= shard.of and shard.source == address_of(shard.source) else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def source_of(place: Path) -> str:
    """The source that a shard's folder is of, "" where it tells none."""
    shard = _told(place)
    return shard.source if shard is not None else ""


def _again(numbers: Sequence[int], what: str, one: Shard) -> str:
    named = ", ".join(map(str, numbers[:MOST_NAMED])) + (", …" if len(numbers) > MOST_NAMED else "")
    many = f"{len(numbers)} of {one.of} shards ({named}) are"
    subject = f"Shard {named} of {one.of} is" if len(numbers) == 1 else many
    return f"{subject} {what}. Run it again: dedup scan SOURCE --shard {numbers[0]}/{one.of} --parts DIR"
