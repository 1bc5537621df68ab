#!/usr/bin/env python3
"""What one parameter of the second look does over a range: recall, wrong pairs and copies per kind, on two halves.

    python -m benchmarks.calibrate FOLDER [FOLDER ...] --parameter NAME [--factors 0.5 0.7 1 1.4 2]

A FOLDER holds images/ and truth.csv (columns copy, base, edit: names in images/), as `benchmarks.copies` makes it. It
is scanned, all pairs that are near or similar are measured once more, and judged anew for each value of the parameter;
without --parameter all are listed with their values. The halves are told apart by the name of the original, so that a
value that was chosen on one is tried on what it was not chosen on.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch

import dedup
from dedup.images import detail
from dedup.images.detail import Detail
from dedup.matching import second_look
from dedup.matching.parameters import PARAMETERS
from dedup.scanning import verify


@dataclass(frozen=True, slots=True)
class Pair:
    """What the first look said of two pictures, how fine they are, and whether one is truly a copy of the other."""

    left: Detail
    right: Detail
    row: dict[str, float]
    colourful: bool
    copy: bool
    held_out: bool


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--parameter", choices=PARAMETERS)
    parser.add_argument("--factors", nargs="+", type=float, default=[0.5, 0.7, 0.85, 1, 1.2, 1.4, 2])
    args = parser.parse_args()
    if not args.parameter:
        for name, each in PARAMETERS.items():
            print(f"{name:28} {each.value:<8g} {each.unit:12} {each.meaning}")
        return
    pairs = [pair for folder in args.folders for pair in _pairs(folder)]
    chosen = PARAMETERS[args.parameter]
    print(f"{args.parameter}, {chosen.unit}: {chosen.meaning}")
    print(f"{len(pairs):,} pairs, {sum(pair.copy for pair in pairs):,} of them copies; chosen: {chosen.value:g}")
    print("value      calibration: found  wrong     held out: found  wrong")
    for factor in args.factors:
        value = replace(chosen, value=chosen.value * factor)
        with patch.dict(PARAMETERS, {args.parameter: value}):
            near = [not _why(pair) for pair in pairs]
        cells = []
        for held_out in (False, True):
            half = [(pair.copy, told) for pair, told in zip(pairs, near, strict=True) if pair.held_out == held_out]
            copies = [told for copy, told in half if copy]
            cells.append(f"{sum(copies) / max(1, len(copies)):18.4f} {sum(t for c, t in half if not c):6d}")
        print(f"{value.value:<9.4g} {cells[0]}   {cells[1]}")


def _why(pair: Pair) -> str:
    return second_look.judge(pair.left, pair.right, pair.row, colourful=pair.colourful).difference


def _pairs(folder: Path) -> Iterator[Pair]:
    """All pairs of a folder that the first look found alike, and of which nothing else tells that they differ."""
    with (folder / "truth.csv").open(newline="", encoding="utf-8") as stream:
        base = {row["copy"]: row["base"] for row in csv.DictReader(stream)}
    with tempfile.TemporaryDirectory() as home:
        with patch.object(verify, "tell", lambda results, details, executor: results):
            dataset = dedup.scan(folder / "images", name="calibrate", home=Path(home))
        signatures = dataset.signatures
        names, pairs = dataset.frame["name"].tolist(), dataset.pairs
        colourful = verify.colourful(signatures)
        held: dict[int, Detail] = {}
        for row in pairs[(pairs["note"] == "") & pairs["kind"].isin(["near", "similar"])].to_dict("records"):
            left, right = int(row["left"]), int(row["right"])
            for each in (left, right):
                held.setdefault(each, detail.take(folder / "images" / str(dataset.frame["path"].iat[each])))
            one, other = (base.get(names[each], names[each]) for each in (left, right))
            half = hashlib.sha256(one.encode()).digest()[0] % 2 == 1
            numbers = {str(name): value for name, value in row.items()}
            both = bool(colourful[left] and colourful[right])
            yield Pair(held[left], held[right], numbers, both, one == other, half)


if __name__ == "__main__":
    main()
