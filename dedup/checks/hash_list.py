"""A team's own list of hashes, as a CSV: which images does it hold already?

The column of hashes is the one whose name tells a kind (`phash`, `dhash`, `average_hash`, `hash:phash-16`, ...), or the
one that is named; hashes are the hex texts of imagehash. Their size is told by their length. A list whose first row
holds a hash has no header.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dedup.checks.gate import Match
from dedup.errors import UsageError
from dedup.exports.csv import unguard
from dedup.files import content_of
from dedup.images import hashes
from dedup.labels.formats.base import coding_of
from dedup.model import Kind, Status
from dedup.sources.lists import PATH_COLUMNS, separator_of

WITHIN = 4
"""Of 64 bits, unless told: a re-save differs in 0 to 2, other pictures in 20 and more. Of 256 four times as many."""
BLOCK = 512
HASH = "hash"
"""What a column may be called that does not tell the kind."""


@dataclass(frozen=True)
class HashList:
    """Hashes of one kind, one at least; `names` are what the list calls their images, '' where it does not. `unread`
    are texts that are no hashes of the kind."""

    kind: str
    texts: tuple[str, ...]
    names: tuple[str, ...]
    unread: tuple[str, ...] = ()

    @cached_property
    def bits(self) -> NDArray[np.uint8]:
        """(n, bytes) uint8, one row for each hash; crop-resistant ones have `hashes.segments` instead."""
        return hashes.bits(self.kind, self.texts)


def is_list(file: Path) -> bool:
    """Whether a file is a CSV and no fingerprint of ours."""
    return file.is_file() and file.suffix.lower() in (".csv", ".txt", ".tsv")


def read(file: Path, kind: str | None = None) -> HashList:
    """Read a list; `kind` where its header does not tell one. Raises `UsageError`."""
    try:
        content = content_of(file)
        text = content.decode(coding_of(content))
    except (OSError, UnicodeError) as error:
        raise UsageError(f"Cannot read hashes from {file}: {error}.") from error
    separator = separator_of(text.split("\n", 1)[0])
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator)
    first = [name for name in reader.fieldnames or () if name]
    if any(map(_is_hash, first)):
        reader = csv.DictReader(io.StringIO(text, newline=""), _names_for(first), delimiter=separator)
        if kind is None:
            raise UsageError(f"{file} has no header that tells the kind of its hashes. Say it with --hash-kind.")
    columns = [name for name in reader.fieldnames or () if name]
    column = _column(file, columns, kind)
    named = next((name for name in columns if name.strip().lower() in PATH_COLUMNS), None)
    rows = [(row[column] or "", row.get(named or "") or "") for row in reader]
    held = [(unguard(value).strip(), unguard(name, path=True)) for value, name in rows if value.strip()]
    if not held:
        raise UsageError(f"{file} holds no hash in its column {column!r}.")
    told = hashes.of_length(hashes.check(kind) if kind else hashes.kind_of(column), held[0][0])
    read_as = hashes.segments if told == hashes.CROP_RESISTANT else partial(hashes.bits, told)
    good: list[tuple[str, str]] = []
    bad: list[str] = []
    for value, name in held:
        try:
            read_as([value, *(first for first, _ in good[:1])])  # all of one length
            good.append((value, name))
        except UsageError:
            bad.append(value)
    if not good:
        raise UsageError(f"{file} holds no {told} in its column {column!r}, which says such as {bad[0][:70]!r}.")
    texts = tuple(value for value, _ in good)
    return HashList(told, texts, tuple(name for _, name in good), tuple(bad))


def _is_hash(text: str) -> bool:
    """Whether a text may be a hash of imagehash, of which the shortest, of colours, has eleven digits."""
    return re.fullmatch(r"[0-9a-fA-F]{11,}", text.strip()) is not None


def _names_for(first: Sequence[str]) -> list[str]:
    """Names of columns where there is no header: the longest that may be a hash, and the first other names the image,
    be it a number."""
    held = max(
        (place for place, text in enumerate(first) if _is_hash(text)), key=lambda place: len(first[place].strip())
    )
    named = next((place for place in range(len(first)) if place != held), None)
    return [
        HASH if place == held else "path" if place == named else f"column {place + 1}" for place in range(len(first))
    ]


def _column(file: Path, columns: Sequence[str], kind: str | None) -> str:
    """The column of hashes: the one whose name tells a kind; where several do the one of the kind, else the first of
    `KINDS`."""
    found = {}
    for name in columns:
        try:
            found[name] = hashes.kind_of(name)
        except UsageError:
            continue
    of_kind = [name for name, told in found.items() if told == kind]
    alike = [name for name, told in found.items() if kind and told.split("-")[0] == kind.split("-")[0]]
    if kind and found and not alike:
        told = ", ".join(found.values())
        raise UsageError(f"{file} says in its header that it holds {told}, and --hash-kind says {kind}.")
    rest = [name for name in columns if name.strip().lower() not in PATH_COLUMNS]
    called_so = [name for name in rest if name.strip().lower() == HASH]
    finest = sorted(found, key=lambda name: hashes.KINDS.index(found[name]))  # those of colours tell least: last
    chosen = of_kind or alike or (called_so if kind else []) or finest
    if chosen := chosen or (rest if kind and len(rest) == 1 else []):
        return chosen[0]
    raise UsageError(
        f"{file} has no column that tells the kind of its hashes: call it {', '.join(hashes.KINDS[:3])}, or the like, "
        "or say it with --hash-kind."
    )


def unknown(frame: pd.DataFrame, theirs: HashList) -> list[str]:
    """Readable images of which no hash could be taken, and hashes of the list that are none: nothing can be said of
    them."""
    bare = (frame["status"] == Status.OK) & (frame[hashes.COLUMN + theirs.kind] == "")
    return [*frame["path"][bare], *theirs.unread]


def known(frame: pd.DataFrame, theirs: HashList, within: int | None = None) -> list[Match]:
    """Images of a frame with the column of that kind which the list holds within so many bits, each with the nearest.

    By default `WITHIN` for 64 bits, in proportion for others. Of crop-resistant hashes one segment that agrees so far
    is enough, as it is for imagehash, and the nearest is that of which the most do.
    """
    if theirs.kind == hashes.CROP_RESISTANT:
        return _known_segments(frame, theirs, WITHIN if within is None else within)
    ours = hashes.bits(theirs.kind, frame[hashes.COLUMN + theirs.kind].tolist())
    count = 8 * theirs.bits.shape[1]
    allowed = round(WITHIN * count / 64) if within is None else within
    rows = np.flatnonzero((frame[hashes.COLUMN + theirs.kind] != "").to_numpy())
    paths = frame["path"].tolist()
    found = []
    for start in range(0, len(rows), BLOCK):
        part = rows[start : start + BLOCK]
        apart = np.bitwise_count(ours[part][:, None] ^ theirs.bits).sum(axis=2)
        nearest = apart.argmin(axis=1)
        for row, place, bits in zip(part.tolist(), nearest.tolist(), apart.min(axis=1).tolist(), strict=True):
            if bits <= allowed:
                name = theirs.names[place] or theirs.texts[place]
                words = f"{bits} bits of its {theirs.kind} differ" if bits else f"the same {theirs.kind}"
                found.append(Match(row, paths[row], Kind.NEAR, name, place, float(bits), words))
    return found


def _known_segments(frame: pd.DataFrame, theirs: HashList, within: int) -> list[Match]:
    texts, paths = frame[hashes.COLUMN + theirs.kind].tolist(), frame["path"].tolist()
    ours, counts = hashes.segments(texts)
    stops = np.cumsum(counts)
    known_ones, lengths = hashes.segments(theirs.texts)
    starts = np.cumsum([0, *lengths[:-1]])
    flat = ~_telling(known_ones)
    found = []
    for row, (start, stop) in enumerate(zip((stops - counts).tolist(), stops.tolist(), strict=True)):
        mine = ours[start:stop][_telling(ours[start:stop])]
        apart = np.bitwise_count(mine[:, None] ^ known_ones).sum(axis=2, dtype=np.int64)
        apart[:, flat] = 8 * known_ones.shape[1] + 1
        nearest = np.minimum.reduceat(apart, starts, axis=1)
        agree = nearest <= within
        place = int(np.lexsort(((nearest * agree).sum(axis=0), -agree.sum(axis=0)))[0])
        if agree[:, place].any():
            words = f"{agree[:, place].sum()} of {stop - start} segments of its {theirs.kind} hash agree"
            least = float(nearest[:, place].min())
            found.append(
                Match(row, paths[row], Kind.NEAR, theirs.names[place] or theirs.texts[place], place, least, words)
            )
    return found


def _telling(segments: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which segments show anything: those of flat places have one bit throughout, in every picture."""
    return np.asarray((segments != segments[:, :1]).any(axis=1) | ~np.isin(segments[:, 0], (0, 255)))
