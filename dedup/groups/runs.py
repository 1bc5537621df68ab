"""Runs: frames of a film and shots of a burst, one after the other in a folder, and how to thin them.

Two images follow each other when they lie in one folder and either were taken within `BURST_SECONDS` or have names that
differ in the last number alone, by the usual step of the folder, and the matching found them alike: numbers alone make
no run, for cameras and exports number everything, nor does one and the same second, which scanners give to a whole
folder. Thinning decides nothing: it names images, to be tagged.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from operator import itemgetter

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dedup.matching.notes import ANOTHER_MOMENT
from dedup.matching.parameters import value
from dedup.model import Kind, Role, Status

BURST_SECONDS = 2.0
"""Between pictures of one folder: a burst, or a second try. Cameras write whole seconds into EXIF."""
SECONDS = 19
"""Letters of a time in ISO 8601 up to its seconds."""
SHORTEST = 3
"""Two alike pictures are a pair, no run."""
_NUMBER = re.compile(r"([0-9]{1,18})([^0-9]*)$")
"""The last number of a name, as far as it fits 64 bits, and what follows it."""

_NUMBERS = re.compile(r"([0-9]{1,18})")
"""All of them, to part a name by."""


def runs(frame: pd.DataFrame, pairs: pd.DataFrame) -> list[list[int]]:
    """Rows of every run of `SHORTEST` images or more, in their order, the longest first. Exact copies of another image
    are in none, for they are redundant anyway, and break none, as where a film stands still. Nor do two files of one
    name follow each other, as a camera's JPEG its raw."""
    stems = [name.rpartition(".")[0] or name for name in frame["name"].tolist()]
    readable = frame["status"] == Status.OK
    usable = readable.tolist()
    again = ((frame["kind"] == Kind.EXACT) & (frame["role"] == Role.DUPLICATE)).tolist()
    follows: dict[int, int] = {}
    led: set[int] = set()
    alike = _Alike(frame, pairs[pairs["kind"] != Kind.UNJUDGED])
    shots = bursts(frame.loc[readable, ["folder", "name", "captured_at"]])
    taken = frame["captured_at"].str[:SECONDS].to_numpy(object)
    burst = ((one, other) for one, other in shots if taken[one] != taken[other] or alike(one, other))
    for one, other in itertools.chain(_numbered(frame["folder"].tolist(), stems, alike), burst):
        if usable[one] and usable[other] and stems[one] != stems[other] and one not in follows and other not in led:
            follows[one] = other
            led.add(other)
    bridged = ([row for row in chain if not again[row]] for chain in _chains(follows, led))
    found = [run for run in bridged if len(run) >= SHORTEST]
    return sorted(found, key=lambda run: (-len(run), run[0]))


def _chains(follows: dict[int, int], led: set[int]) -> Iterator[list[int]]:
    """Rows one after the other; a ring, which times and numbers that contradict each other can make, begins with its
    first row."""
    seen: set[int] = set()
    for start in [*sorted(follows.keys() - led), *sorted(led)]:
        run = []
        row: int | None = start
        while row is not None and row not in seen:
            run.append(row)
            seen.add(row)
            row = follows.get(row)
        yield run


def bursts(frame: pd.DataFrame) -> Iterator[tuple[int, int]]:
    """Rows (the index of the frame) of pictures of one folder that were taken one right after the other. Those of the
    same second, as cameras write it, follow each other as people count: 9 before 10."""
    taken: dict[str, list[tuple[datetime, int, str]]] = defaultdict(list)
    columns = (each.tolist() for each in (frame.index, frame["folder"], frame["name"], frame["captured_at"]))
    for row, folder, name, told in zip(*columns, strict=True):
        if not told:
            continue
        try:
            taken[folder].append((datetime.fromisoformat(told).replace(tzinfo=None), row, name))
        except (ValueError, TypeError):
            continue  # not known
    for times in taken.values():
        for (earlier, one), (later, other) in itertools.pairwise(_one_by_one(times)):
            if (later - earlier).total_seconds() <= BURST_SECONDS:
                yield one, other


def _one_by_one(times: list[tuple[datetime, int, str]]) -> Iterator[tuple[datetime, int]]:
    """Pictures in the order in which they were taken."""
    for when, told in itertools.groupby(sorted(times), key=itemgetter(0)):
        same = list(told)
        if len(same) > 1:
            same.sort(key=lambda each: (_counted(each[2]), each[1]))
        yield from ((when, row) for _, row, _ in same)


def _counted(name: str) -> list[str | int]:
    """A name as people count: words and numbers in turn, a word first."""
    return [int(part) if place % 2 else part for place, part in enumerate(_NUMBERS.split(name))]


def _numbered(folders: Sequence[str], stems: Sequence[str], alike: _Alike) -> Iterator[tuple[int, int]]:
    """Rows of alike pictures whose names are one step of their folder apart."""
    series: dict[tuple[str, str, str], list[tuple[int, int]]] = defaultdict(list)
    for row, (folder, stem) in enumerate(zip(folders, stems, strict=True)):
        told = _NUMBER.search(stem)
        if told:
            series[folder, stem[: told.start()], told[2]].append((int(told[1]), row))
    for held in series.values():
        held.sort()
        steps = Counter(later - earlier for (earlier, _), (later, _) in itertools.pairwise(held))
        usual = steps.most_common(1)[0][0] if steps else 0
        for (earlier, one), (later, other) in itertools.pairwise(held):
            if later - earlier == usual > 0 and alike(one, other):
                yield one, other


class _Alike:
    """Whether two rows are copies or one of `pairs`; copies stand for each other."""

    def __init__(self, frame: pd.DataFrame, pairs: pd.DataFrame) -> None:
        grouped = frame["group"].to_numpy() >= 0
        self._stands = np.where(grouped, frame["keeper"].to_numpy(), np.arange(len(frame)))
        related = pairs[["left", "right"]].to_numpy(np.int64)
        self._couples = set(map(tuple, np.sort(self._stands[related], axis=1).tolist()))

    def __call__(self, one: int, other: int) -> bool:
        ends = int(self._stands[one]), int(self._stands[other])
        return ends[0] == ends[1] or (min(ends), max(ends)) in self._couples


def _shows_the_same(pairs: pd.DataFrame) -> NDArray[np.bool_]:
    """(m,) whether nothing but grain sets the two apart: two of one template have other content, and in what an object
    moved through more stays unexplained than in a copy."""
    copies = pairs["kind"].isin([Kind.EXACT, Kind.NEAR])
    still = (pairs["note"] == ANOTHER_MOMENT) & (pairs["unexplained"] <= value("unexplained"))
    return np.asarray(copies | still, np.bool_)


def within(found: Iterable[list[int]], mask: NDArray[np.bool_]) -> list[list[int]]:
    """The runs as far as their images are among those of a mask (n,)."""
    held = ([row for row in run if mask[row]] for run in found)
    return [run for run in held if run]


def every(found: Iterable[list[int]], step: int, count: int) -> NDArray[np.bool_]:
    """(count,) bool: of every run all but its first and each `step`-th after it."""
    mask = np.zeros(count, bool)
    for run in found:
        for place, row in enumerate(run):
            mask[row] = place % step != 0
    return mask


def unchanged(found: Iterable[list[int]], frame: pd.DataFrame, pairs: pd.DataFrame) -> NDArray[np.bool_]:
    """(n,) bool: of every run those that are copies of the last one that is left, or show the same at another moment:
    what stays is where something changes."""
    alike = _Alike(frame, pairs[_shows_the_same(pairs)])
    mask = np.zeros(len(frame), bool)
    for run in found:
        left = run[0]
        for row in run[1:]:
            if alike(left, row):
                mask[row] = True
            else:
                left = row
    return mask
