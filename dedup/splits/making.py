"""Splits that cannot leak: whole groups, similar scenes and bursts on one side, classes in equal shares.

Images that belong together are a **unit** and never divided. How far "together" reaches is a choice, each including
those before: `exact` copies, `near` duplicates, the same `scene` (similar pictures, and pictures of one folder taken
within `BURST_SECONDS` of each other); and whatever shares a folder or a value of a column (patient, camera, ...).

**Objective**, minimised: with n the images of a split and t what was asked for, the sum over splits of `(n - t)² / N`
and, for every class, of `(n_class - t_class)² / N_class` (chi-square distances; N, N_class are of all). Units are
placed one after the other, largest first, each where the objective grows least, then moved and moved again while that
lowers it. This is iterative stratification (Sechidis, Tsoumakas, Vlahavas 2011, "On the stratification of multi-label
data") for units in place of single images.

Nothing hangs on the order of files or on their names: units are told apart by content and seed. Images that have a
split keep it, and those that join a unit follow it; what joins two splits stays out of both, and is
told. So adding images moves none.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from dedup.errors import UsageError
from dedup.exports.csv import encode, guarded
from dedup.files import write_chunks
from dedup.groups.runs import bursts
from dedup.model import REACHES, SPLITS, TAG_PREFIX, Kind, Reach, Status
from dedup.query.classes import counted
from dedup.query.selection import GOES
from dedup.splits import linked
from dedup.splits.given import changes, check_name
from dedup.store.decisions import Decisions
from dedup.words import plural

PASSES = 20
"""Over all units at most; in tries with up to 100,000 images the third or fourth changed nothing any more."""
FEW_NAMED = 3
"""Parts without an image that are told by name."""
CLOSE = 1e-12
"""Of the objective: less is no gain but rounding."""


@dataclass(frozen=True)
class Asked:
    """What is wanted: the `shares` of splits, which add up to 1; `together` how far units reach, and `by` further
    values that hold images together, as (path, value), of which an image may have several. `keep` leaves splits as they
    are where there are some; `stratify` by class."""

    shares: Mapping[str, float]
    seed: int = 0
    together: Reach = "scene"
    by: Sequence[Sequence[tuple[str, str]]] = ()
    keep: bool = True
    stratify: bool = True

    def __post_init__(self) -> None:
        for name in self.shares:
            check_name(name)
        if len({name.casefold() for name in self.shares}) < len(self.shares):
            raise UsageError(f"Names of splits differ by more than capitals: {', '.join(self.shares)}.")
        if any(share < 0 for share in self.shares.values()) or not 0.999 <= sum(self.shares.values()) <= 1.001:
            told = ", ".join(f"{name} {share:g}" for name, share in self.shares.items())
            raise UsageError(f"The shares of splits are numbers from 0 that add up to 1, and these do not: {told}.")
        if sum(share > 0 for share in self.shares.values()) < 2:
            raise UsageError("A split needs at least two parts. Give two shares above 0.")


FOLD = re.compile(r"fold \d+")


def folds(count: int) -> dict[str, float]:
    """The shares of so many folds. Raises `UsageError` for fewer than two."""
    if count < 2:
        raise UsageError("There are two folds at least.")
    return {f"fold {number}": 1 / count for number in range(1, count + 1)}


FAR = 0.02
"""Shares further from what was asked for than a unit or two explain, in all but the smallest sets."""


@dataclass(frozen=True)
class Made:
    """The result. `of` is path to split of every image that has one now, `new` of those that change theirs. `units` is
    how many there are and `largest` the images of the largest. `torn` are paths of images that would join two splits
    and are in neither, `divided` how many units are divided by the splits that there were; `passed_over` counts files
    that cannot be read. `counts` are images by split, `classes` by class (rows) and split (columns)."""

    asked: Asked
    of: Mapping[str, str]
    new: Mapping[str, str]
    units: int
    largest: int
    torn: tuple[str, ...] = ()
    divided: int = 0
    passed_over: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    classes: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)

    @property
    def deviation(self) -> float:
        """The greatest distance of a split's share of all images from what was asked for, 0..1."""
        total = sum(self.counts.values()) or 1
        return max(abs(self.counts.get(name, 0) / total - share) for name, share in self.asked.shares.items())

    @property
    def worst_class(self) -> tuple[str, str, float]:
        """The class, the split and the distance in which a class's share of a split is farthest from its share of all
        images, 0..1; ("", "", 0.0) where there is no class."""
        table = self.classes
        total, sizes = sum(self.counts.values()), pd.Series(self.counts, dtype=float)
        if not len(table) or not total:
            return "", "", 0.0
        sizes = sizes.reindex(table.columns, fill_value=0.0)
        apart = (table / sizes.clip(lower=1)).sub(table.sum(axis=1) / total, axis=0).abs().loc[:, sizes > 0]
        values = apart.to_numpy()
        row, column = np.unravel_index(int(np.argmax(values)), values.shape)
        return str(list(apart.index)[row]), str(list(apart.columns)[column]), float(values[row, column])

    def sentence(self) -> str:
        """For people: what came out, and how near it is to what was asked for."""
        counts = ", ".join(f"{self.counts.get(name, 0):,} in {name}" for name in self.asked.shares)
        name, split, apart = self.worst_class
        told = f"{counts}; at most {100 * self.deviation:.1f} points from what was asked for"
        return told + (f", classes at most {100 * apart:.1f} ({name} in {split})" if name else "")

    def units_told(self) -> str:
        """For people: what was kept together."""
        reach = REACHES[self.asked.together]
        return f"{plural(self.units, 'unit')} of {reach}, the largest of {plural(self.largest, 'image')}"

    def kept_told(self) -> str:
        """One sentence on images that keep their split, where that is why shares are far from what was asked for."""
        kept = len(self.of) - len(self.new)
        if not (self.asked.keep and kept and self.deviation > FAR):
            return ""
        keep = "keeps its" if kept == 1 else "keep their"
        return f"{plural(kept, 'image')} {keep} split: make all splits anew to come nearer to what was asked for."

    def empty_told(self) -> str:
        """One sentence on what was asked for and has no image; '' where all have some, or nothing is divided."""
        empty = [name for name, share in self.asked.shares.items() if share and not self.counts.get(name)]
        if not empty or not self.of:
            return ""
        named = ", ".join(empty[:FEW_NAMED]) + (", …" if len(empty) > FEW_NAMED else "")
        advice = "" if self.kept_told() else ": give larger shares or fewer parts, or hold less together"
        return f"No image is in {named}{advice}."

    def divided_told(self) -> str:
        """One sentence on units that splits divide already; '' where there are none."""
        if not self.divided:
            return ""
        return (
            f"{plural(self.divided, 'unit')} divided by the splits that there were stay divided: repair the leaks "
            "(`dedup leaks`), or make all splits anew."
        )

    def torn_told(self) -> str:
        """One sentence on images that would join two splits; '' where there are none."""
        if not self.torn:
            return ""
        return (
            f"{plural(len(self.torn), 'image')} would join images of two splits, such as {self.torn[0]}, and stay out "
            "of both: repair the leaks first (`dedup leaks`), or make all splits anew."
        )

    def table(self) -> pd.DataFrame:
        """Images by split and class, for people."""
        names = [*self.asked.shares]
        top = pd.DataFrame([{name: self.counts.get(name, 0) for name in names}], index=["all images"])
        return pd.concat([top, self.classes.reindex(columns=names, fill_value=0)])


def make(frame: pd.DataFrame, pairs: pd.DataFrame, asked: Asked) -> Made:
    """Splits for the images of `frame`, which stand together as `pairs` says. Raises `UsageError`."""
    readable = (frame["status"] != Status.FAILED).to_numpy()
    unit_of = units(frame, pairs, asked)
    split = frame["split"].to_numpy(object)
    held = np.where([asked.keep and each in asked.shares for each in split], split, "")
    if asked.keep and (other := sorted(set(split[readable]) - set(asked.shares) - {""})):
        raise UsageError(
            f"Images are in {other[0]!r} already, and no share is given for it. Give one, or make all splits anew."
        )
    members = _members(unit_of, readable)
    placing = _Placing(frame, asked, members, held)
    placing.place()
    of, torn = placing.result()
    paths, before = frame["path"].tolist(), split.tolist()
    told = {paths[row]: name for row, name in of.items()}
    return Made(
        asked,
        told,
        {paths[row]: name for row, name in of.items() if before[row] != name},
        len(members),
        max(map(len, members), default=0),
        tuple(sorted(paths[row] for row in torn)),
        sum(len({of[row] for row in rows if row in of}) > 1 for rows in members if len(rows) > 1),
        int((~readable).sum()),
        Counter(told.values()),
        _by_class(frame, of, list(asked.shares)),
    )


def _members(unit_of: np.ndarray, readable: np.ndarray) -> list[list[int]]:
    """The readable rows of each unit, units by the first of theirs."""
    rows = np.flatnonzero(readable)
    rows = rows[np.argsort(unit_of[rows], kind="stable")]
    ends = np.append(np.flatnonzero(np.diff(unit_of[rows])) + 1, len(rows)).tolist()
    every = rows.tolist()
    return sorted(every[start:end] for start, end in itertools.pairwise([0, *ends]) if end > start)


def units(frame: pd.DataFrame, pairs: pd.DataFrame, asked: Asked) -> np.ndarray:
    """(n,) int64: the number of each image's unit, that of its first row."""
    paths = frame["path"].tolist()
    links: list[linked.Links] = [linked.of_one_value(frame[name].tolist()) for name in ("content", "sha256")]
    if asked.together != "exact":
        links.append(linked.of_groups(frame["group"].to_numpy()))
        kinds = {Kind.EXACT, Kind.NEAR, Kind.CONTAINS}
        kinds |= {Kind.SIMILAR, Kind.UNJUDGED} if asked.together == "scene" else set()
        chosen = pairs[pairs["kind"].isin(kinds)]
        links.append(zip(chosen["left"].tolist(), chosen["right"].tolist(), strict=True))
    if asked.together == "scene":
        links.append(bursts(frame))
    row_of = {path: row for row, path in enumerate(paths)}
    links += [linked.alike((row_of[path], value) for path, value in held if path in row_of) for held in asked.by]
    return linked.joined(len(paths), itertools.chain.from_iterable(links))


def by_folder(frame: pd.DataFrame) -> list[tuple[str, str]]:
    """What holds images of one folder together; those at the top are in none."""
    return list(zip(frame["path"], frame["folder"], strict=True))


class _Placing:
    """Units on their way into splits."""

    def __init__(self, frame: pd.DataFrame, asked: Asked, members: list[list[int]], held: np.ndarray) -> None:
        self.members, self.held = members, held
        self.names = [name for name, share in asked.shares.items() if share > 0]
        shares = np.array([asked.shares[name] for name in self.names])
        counted = (frame["decided"] != GOES).to_numpy()
        labels = frame["classes"].tolist() if asked.stratify else [()] * len(frame)
        number: dict[str, int] = {}

        @cache
        def held_by(of: tuple[tuple[str, ...], ...]) -> dict[int, int]:
            """Images, in column 0, and those of each class, in the others, where they have these classes."""
            held_here = Counter({0: len(of)} if of else {})
            for names in of:
                held_here.update(number.setdefault(name, len(number) + 1) for name in dict.fromkeys(names))
            return dict(held_here)

        self.content = [held_by(tuple(labels[row] for row in rows if counted[row])) for rows in members]
        totals = np.zeros(len(number) + 1)
        for content in self.content:
            for column, count in content.items():
                totals[column] += count
        # plain numbers: of a few splits an array costs more than it holds
        self.totals: list[float] = np.maximum(totals, 1.0).tolist()
        self.excess: list[list[float]] = (-np.outer(totals, shares)).tolist()
        self.at = [-1] * len(members)
        hashes = frame["sha256"].tolist()
        self.order = sorted(range(len(members)), key=lambda unit: self._rank(unit, hashes, asked.seed))

    def _rank(self, unit: int, hashes: list[str], seed: int) -> tuple[int, bytes]:
        """Largest first, then by content and seed, whatever files are called."""
        least = min(hashes[row] for row in self.members[unit])
        return -len(self.members[unit]), hashlib.blake2b(f"{seed} {least}".encode(), digest_size=8).digest()

    def place(self) -> None:
        """Every unit that has no split yet."""
        number = {name: place for place, name in enumerate(self.names)}
        free = []
        for unit in self.order:
            there = {self.held[row] for row in self.members[unit]} - {""}
            if there:
                for name in there & number.keys():
                    self._take(unit, number[name], self._kept(unit, name))
            else:
                free.append(unit)
        for unit in free:
            self._put(unit, _least(self._growth(unit)))
        for _ in range(PASSES):
            if not self._improve(free):
                break

    def _kept(self, unit: int, name: str) -> dict[int, int]:
        """What of a unit counts for a split that it is in already: all of it, where it is in no other."""
        rows = self.members[unit]
        if {self.held[row] for row in rows} <= {name, ""}:
            return self.content[unit]
        mine = sum(self.held[row] == name for row in rows) / len(rows)
        return {column: round(count * mine) for column, count in self.content[unit].items()}

    def _growth(self, unit: int) -> list[float]:
        """By how much the objective grows where the unit is put, for each split."""
        growth = [0.0] * len(self.names)
        for column, count in self.content[unit].items():
            total = self.totals[column]
            for place, over in enumerate(self.excess[column]):
                growth[place] += (2 * count * over + count * count) / total
        return growth

    def _put(self, unit: int, place: int) -> None:
        self.at[unit] = place
        self._take(unit, place, self.content[unit])

    def _take(self, unit: int, place: int, content: Mapping[int, int], sign: int = 1) -> None:
        for column, count in content.items():
            self.excess[column][place] += sign * count

    def _improve(self, units: Iterable[int]) -> bool:
        """Move units to where the objective is lower; whether any moved. Where one stays, so do all of its content that
        are in the same split, until another one moves."""
        moved = False
        staying: set[tuple[int, int]] = set()
        for unit in units:
            before, content = self.at[unit], self.content[unit]
            if (id(content), before) in staying:
                continue
            self._take(unit, before, content, -1)
            growth = self._growth(unit)
            place = _least(growth)
            if growth[place] < growth[before] - CLOSE:
                self._put(unit, place)
                moved = True
                staying.clear()
            else:
                self._put(unit, before)
                staying.add((id(content), before))
        return moved

    def result(self) -> tuple[dict[int, str], list[int]]:
        """Row to split, and the rows that would join two splits."""
        of: dict[int, str] = {}
        torn: list[int] = []
        for unit, rows in enumerate(self.members):
            there = {self.held[row] for row in rows} - {""}
            for row in rows:
                if self.held[row]:
                    of[row] = str(self.held[row])
                elif not there:
                    of[row] = self.names[self.at[unit]]
                elif len(there) == 1:
                    of[row] = str(next(iter(there)))
                else:
                    torn.append(row)
        return of, torn


def _least(growth: Sequence[float]) -> int:
    """Where it grows least, the first of several."""
    return growth.index(min(growth))


def _by_class(frame: pd.DataFrame, of: Mapping[int, str], names: list[str]) -> pd.DataFrame:
    classes = frame["classes"].tolist()
    counts = counted((classes[row] for row in of), of.values())
    rows = sorted({name for name, _ in counts})
    return pd.DataFrame(
        [[counts[row, name] for name in names] for row in rows], index=rows, columns=names, dtype=np.int64
    )


def split_by_tags(frame: pd.DataFrame, names: Iterable[str]) -> pd.DataFrame:
    """The frame with tags of these names in place of splits; the first counts where there are several."""
    split = np.full(len(frame), "", object)
    for name in reversed(list(names)):
        if TAG_PREFIX + name in frame:
            split[frame[TAG_PREFIX + name].to_numpy(bool)] = name
    return frame.assign(split=split)


def follow(decisions: Decisions, made: Made, *, tags: bool = False) -> int:
    """Set the splits, or tags of their names, in one undoable step; returns how many decisions that were. No image has
    a tag of another fold or split after it, be it of earlier ones."""
    label = f"Split by {', '.join(f'{name} {share:.3g}' for name, share in made.asked.shares.items())}"
    if not tags:
        return decisions.decide(changes(made.new), label)
    shares = made.asked.shares
    like = FOLD.fullmatch if all(map(FOLD.fullmatch, shares)) else SPLITS.__contains__
    earlier = [name for name in decisions.tags() if like(name) and name not in shares]
    paths_of = {name: [path for path, own in made.of.items() if own == name] for name in (*shares, *earlier)}
    return decisions.sort_into(paths_of, label)


def write_csv(made: Made, output: Path, *, overwrite: bool = False) -> None:
    """Path and split of every image that has one. Raises `ExportError`."""
    rows = pd.DataFrame(sorted(made.of.items()), columns=["path", "split"])
    write_chunks(output, [encode(guarded(rows, ("path",)), header=True)], overwrite)
