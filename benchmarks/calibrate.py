#!/usr/bin/env python3
"""What one parameter of the matching does over a range: copies found, wrong pairs, and names of relations that are
right, on two halves.

    python -m benchmarks.calibrate FOLDER [FOLDER ...] --parameter NAME [--factors 0.5 0.7 1 1.4 2]
    python -m benchmarks.calibrate FOLDER [FOLDER ...] --plateaus [NAME ...]
    python -m benchmarks.calibrate

A FOLDER holds images/ and truth.csv (columns copy, base, edit: names in images/), as `benchmarks.copies` makes it. It
is scanned once, and every alignment of two of its pictures is stored; for each value of the parameter all of them are
judged anew, by the first look and by the second. The halves are told apart by the name of the original, so that a value
that was chosen on one is tried on what it was not chosen on. Without a folder the parameters are listed with their
values. `--plateaus` prints for each parameter the values between which no more is missed or wrong than `NOISE` says.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

import dedup
from benchmarks.relations import EXPECTED, family
from dedup.images import detail
from dedup.images.detail import Detail
from dedup.matching import notes, second_look
from dedup.matching import verdict as first_look
from dedup.matching.columns import AFFINE
from dedup.matching.laying import Laid
from dedup.matching.leftover import Doubles, Measured
from dedup.matching.parameters import PARAMETERS, SECOND_LOOK, THIRD_LOOK
from dedup.matching.second_look import Verdict
from dedup.model import NEAR_DISTANCE, Kind
from dedup.scanning import verify

NOISE = 0.002, 0, 0.005
"""Found (a part of the copies), wrong (pairs) and named right (a part) may be worse by so much on a plateau."""
STEPS = 0.5, 0.7, 1.0, 1.4, 2.0
"""Factors at which a plateau is looked for."""

Names = frozenset[str]


@dataclass(frozen=True, slots=True)
class Score:
    """What was found of some true copies, how many other pairs are near, and how many names of relations are right."""

    copies: int
    found: int
    wrong: int
    named: int
    right: int

    def rates(self) -> tuple[float, int, float]:
        """Found, wrong, named right."""
        return self.found / max(1, self.copies), self.wrong, self.right / max(1, self.named)


@dataclass
class Stored:
    """A folder that was scanned: its alignments, what a second look needs of its pictures, and the truth."""

    alignments: list[tuple[Any, ...]] = field(default_factory=list)
    details: dict[str, Detail] = field(default_factory=dict)
    colourful: dict[str, bool] = field(default_factory=dict)
    edits: dict[Names, str] = field(default_factory=dict)
    """Both names of each true copy and its base, and the edit."""
    base: dict[str, str] = field(default_factory=dict)
    """Of each copy."""
    looked: dict[tuple[Any, ...], Verdict] = field(default_factory=dict)
    """What the second look said, by all that it was asked."""

    @classmethod
    def of(cls, folder: Path) -> Stored:
        """Scan a folder."""
        self = cls()
        with (folder / "truth.csv").open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
        self.edits = {frozenset((row["copy"], row["base"])): row["edit"] for row in rows}
        self.base = {row["copy"]: row["base"] for row in rows}
        judge = first_look.judge

        def storing(*given: Any) -> Any:
            if "path" in given[0]:  # the pictures that warm the compiler up have none
                self.alignments.append(given)
            return judge(*given)

        with tempfile.TemporaryDirectory() as home:
            unlooked = patch.object(verify, "tell", lambda results, *_: results)
            with patch.object(first_look, "judge", storing), unlooked:
                dataset = dedup.scan(folder / "images", name="calibrate", home=Path(home))
            paths, both = dataset.frame["path"].tolist(), dataset.pairs[["left", "right"]].to_numpy()
            involved = np.unique(both).tolist()
            self.details = {paths[row]: detail.take(dataset.file(row)) for row in involved}
            colours = verify.colourful(dataset.signatures[involved])
            self.colourful = dict(zip((paths[row] for row in involved), colours.tolist(), strict=True))
        return self

    def near(self, *, remember: bool) -> dict[Names, Names]:
        """Both names of every pair that is near with the parameters in force, and what its relation is called. With
        `remember`, what the second look said before is believed: where its own parameters are as they were."""
        return dict(self._near(remember=remember))

    def _near(self, *, remember: bool) -> Iterator[tuple[Names, Names]]:
        for given in self.alignments:
            paths = given[0]["path"].tolist()
            pairs = first_look.judge(*given)
            looked = [self._look(paths, row, remember) for row in pairs.to_dict("records")]
            copies = np.array([place for place, told in enumerate(looked) if told and not told.difference], np.intp)
            verdicts = [told for told in looked if told and not told.difference]
            for row in verify.with_verdicts(pairs, copies, verdicts).iloc[copies].to_dict("records"):
                both = frozenset((paths[row["left"]], paths[row["right"]]))
                yield both, frozenset(str(row["relations"]).split("|"))

    def _look(self, paths: Sequence[str], row: Mapping[Any, Any], remember: bool) -> Verdict | None:
        """What the second look says of a pair; None where it is not asked."""
        left, right = paths[row["left"]], paths[row["right"]]
        if row["kind"] == Kind.UNJUDGED or row["note"] not in ("", notes.OTHER_COLOURS_THROUGHOUT):
            return None
        if left not in self.details or right not in self.details:
            return None
        distance = row["distance"]  # which of the second look's limits it is beyond is all that counts
        told = (row[name] for name in [*AFFINE, *second_look.FIRST_LOOK] if name != "distance")
        asked = left, right, distance > second_look.DOUBTED, distance > NEAR_DISTANCE, *told
        if not remember or asked not in self.looked:
            both = self.colourful[left] and self.colourful[right]
            self.looked[asked] = second_look.judge(self.details[left], self.details[right], row, colourful=both)
        return self.looked[asked]

    def score(self, *, remember: bool) -> tuple[Score, Score]:
        """The halves: one to choose on, one held out."""
        near = self.near(remember=remember)
        return self._half(near, 0), self._half(near, 1)

    def _half(self, near: Mapping[Names, Names], half: int) -> Score:
        edits = {both: edit for both, edit in self.edits.items() if self._half_of(both) == half}
        found = {both: edit for both, edit in edits.items() if both in near}
        told = {both: EXPECTED[family(edit)] for both, edit in found.items() if family(edit) in EXPECTED}
        return Score(
            copies=len(edits),
            found=len(found),
            wrong=sum(self._half_of(both) == half and not self._of_one(both) for both in near),
            named=len(told),
            right=sum(bool(near[both] & names) for both, names in told.items()),
        )

    def _half_of(self, names: Names) -> int:
        originals = sorted(self.base.get(name, name) for name in names)
        return hashlib.sha256(originals[0].encode()).digest()[0] % 2

    def _of_one(self, names: Names) -> bool:
        """Whether both are copies of one picture."""
        return len({self.base.get(name, name) for name in names}) == 1


def added(scores: Sequence[Score]) -> Score:
    """The sum over folders."""
    columns = (sum(getattr(score, name) for score in scores) for name in Score.__slots__)
    return Score(*columns)


def tried(stored: Sequence[Stored], name: str, value: float) -> tuple[Score, Score]:
    """The scores of both halves with another value of a parameter."""
    chosen = PARAMETERS[name]
    with patch.dict(PARAMETERS, {name: replace(chosen, value=value)}):
        halves = [each.score(remember=name not in SECOND_LOOK | THIRD_LOOK) for each in stored]
    first, second = zip(*halves, strict=True)
    return added(first), added(second)


def tell(stored: Sequence[Stored], name: str, factors: Sequence[float]) -> None:
    """Print what a parameter does over a range."""
    chosen = PARAMETERS[name]
    print(f"{name}, {chosen.unit}: {chosen.meaning} Chosen: {chosen.value:g}.")
    print("value       to choose on: found  wrong  named     held out: found  wrong  named")
    for factor in factors:
        cells = [score.rates() for score in tried(stored, name, chosen.value * factor)]
        told = "      ".join(f"{found:13.4f} {wrong:6d} {named:6.3f}" for found, wrong, named in cells)
        print(f"{chosen.value * factor:<10.4g} {told}", flush=True)


def plateau(stored: Sequence[Stored], usual: tuple[float, int, float], name: str) -> tuple[float, float]:
    """The least and the greatest of the values around the chosen one with which nothing is worse than `usual`, by more
    than `NOISE` says."""
    chosen = PARAMETERS[name].value
    ends = []
    for steps in (sorted((s for s in STEPS if s < 1), reverse=True), sorted(s for s in STEPS if s > 1)):
        end = 1.0
        for factor in steps:
            found, wrong, named = added(tried(stored, name, chosen * factor)).rates()
            if usual[0] - found > NOISE[0] or wrong - usual[1] > NOISE[1] or usual[2] - named > NOISE[2]:
                break
            end = factor
        ends.append(chosen * end)
    return ends[0], ends[1]


def remember_how_they_lie() -> None:
    """How two pictures lie on each other, and what is left over then, hangs on no parameter that is tried and takes
    most of the time: found once, whoever asks again. A pair takes a megabyte."""
    lay, measured = second_look.lay, Laid.measured
    laid: dict[tuple[Any, ...], Laid] = {}
    left_over: dict[int, Measured | None] = {}  # by identity, of those in `laid`

    def lay_once(left: Detail, right: Detail, affine: Doubles, **how: bool) -> Laid:
        key = hash(left.gray.tobytes()), hash(right.gray.tobytes()), affine.tobytes(), *how.items()
        if key not in laid:
            laid[key] = lay(left, right, affine, **how)
            left_over[id(laid[key])] = None
        return laid[key]

    def measured_once(self: Laid) -> Measured:
        known = left_over.get(id(self)) or measured(self)
        if id(self) in left_over:
            left_over[id(self)] = known
        return known

    second_look.lay, Laid.measured = lay_once, measured_once


class _Worker:
    """What a process that looks for plateaus holds: the folders, and their scores with the parameters in force."""

    stored: Sequence[Stored]
    usual: tuple[float, int, float]

    @classmethod
    def start(cls, folders: Sequence[Path]) -> None:
        remember_how_they_lie()
        cls.stored = [Stored.of(folder) for folder in folders]
        cls.usual = added([half for each in cls.stored for half in each.score(remember=True)]).rates()

    @classmethod
    def plateau(cls, name: str) -> tuple[str, tuple[float, float]]:
        return name, plateau(cls.stored, cls.usual, name)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--parameter", choices=PARAMETERS)
    parser.add_argument("--factors", nargs="+", type=float, default=list(STEPS))
    parser.add_argument("--plateaus", nargs="*", choices=PARAMETERS)
    args = parser.parse_args()
    if not args.folders:
        for name, each in PARAMETERS.items():
            print(f"{name:28} {each.value:<8g} {each.unit:12} {each.meaning}")
    elif args.parameter:
        tell([Stored.of(folder) for folder in args.folders], args.parameter, args.factors)
    elif args.plateaus is not None:
        with ProcessPoolExecutor(os.cpu_count(), initializer=_Worker.start, initargs=(args.folders,)) as pool:
            for name, (low, high) in pool.map(_Worker.plateau, args.plateaus or list(PARAMETERS)):
                print(f"{name} {low:.4g} {high:.4g}", flush=True)


if __name__ == "__main__":
    main()
