#!/usr/bin/env python3
"""Score the relation names and parameters of a scan against the edits that made the copies.

    python -m benchmarks.relations FOLDER [--list N]

FOLDER holds images/ and truth.csv (copy, base, edit), as `benchmarks.copies` writes them or with edits of the families
below and their parameters (`rotate.5`, `crop.0.1`). The folder is scanned into a temporary home; for every copy whose
edit is a single one, the pair of copy and base must carry the edit's name. For rotations and crops with parameters
these are compared too: degrees, and the fraction of the area that is kept (in points of 100).
"""

from __future__ import annotations

import argparse
import csv
import re
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np

import dedup
from dedup.matching.relations import NAMES, describe

EXPECTED: dict[str, set[str]] = {
    "jpeg": {"recompressed"},
    "webp": {"recompressed"},
    "scale": {"resized"},
    "aspect": {"stretched"},
    "blur": {"blurred", "sharpened"},
    "noise": {"noisy"},
    "bright": {"brighter", "darker"},
    "contrast": {"more contrast", "less contrast"},
    "gamma": {"brighter", "darker"},
    "colour": {"colour changed"},
    "sharp": {"blurred", "sharpened"},
    "gray": {"gray"},
    "tint": {"colour changed"},
    "crop": {"cropped"},
    "cropany": {"cropped"},
    "cropside": {"cropped"},
    "shift": {"shifted"},
    "rotate": {"rotated"},
    "rotatefill": {"rotated"},
    "mirror": {"mirrored"},
    "flip": {"flipped"},
    "turn.90": {"turned 90", "turned 270"},
    "turn.180": {"turned 180"},
    "turn.270": {"turned 90", "turned 270"},
    "border": {"bordered"},
    "letterbox": {"bordered"},
    "caption": {"overlaid"},
    "watermark": {"overlaid"},
    "logo": {"overlaid"},
    "perspective": {"perspective"},
    "letterboxed": {"bordered"},
    "other format": {"other format", "recompressed"},
    "overlaid with a caption": {"overlaid"},
    "overlaid with a watermark": {"overlaid"},
    "overlaid with a logo": {"overlaid"},
}
"""For each family of single edits, the names that are right (a name and its inverse: either side may be the copy)."""
OPPOSITES = {"brighter": "darker", "more contrast": "less contrast", "blurred": "sharpened", "turned 90": "turned 270"}
OPPOSITES |= {there: here for here, there in OPPOSITES.items()}
EXPECTED = {name: {name, OPPOSITES.get(name, name)} for name in NAMES} | EXPECTED


def family(edit: str) -> str:
    """The key of EXPECTED for an edit."""
    return edit if edit in EXPECTED else re.split(r"[.\d]", edit)[0]


def kept_area(edit: str) -> float | None:
    """The fraction of the area that a crop keeps, from its name; None for other edits."""
    if found := re.fullmatch(r"crop(any)?\.(0\.\d+)", edit):
        return (1 - float(found[2])) ** 2
    if found := re.fullmatch(r"cropside\.\D+(\d+)", edit):
        return 1 - int(found[1]) / 100
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--list", type=int, default=20, help="how many wrong names to print")
    args = parser.parse_args()
    with open(args.folder / "truth.csv", newline="") as stream:
        truth = {frozenset((row["copy"], row["base"])): row["edit"] for row in csv.DictReader(stream)}
    with tempfile.TemporaryDirectory() as home:
        dataset = dedup.scan(args.folder / "images", home=home)
        names = dataset.frame["path"].to_numpy()
        pairs = dataset.pairs
    right, total, extra = defaultdict(int), defaultdict(int), defaultdict(int)
    wrong, degrees, points = [], [], []
    for row, sentence in zip(pairs.to_dict("records"), describe(pairs), strict=True):
        edit = truth.get(frozenset((names[row["left"]], names[row["right"]])))
        if edit is None or family(edit) not in EXPECTED or row["kind"] == "similar":
            continue
        said = set(row["relations"].split("|"))
        hit = bool(said & EXPECTED[family(edit)])
        total[family(edit)] += 1
        right[family(edit)] += hit
        extra[family(edit)] += len(said - EXPECTED[family(edit)])
        if not hit:
            wrong.append(f"{edit}: {sentence}")
        if edit.startswith("rotate") and "." in edit:
            degrees.append(abs(abs(row["rotation"]) - float(re.split(r"\.", edit, maxsplit=1)[1])))
        if (kept := kept_area(edit)) is not None:
            points.append(100 * abs(min(row["seen_left"], row["seen_right"]) - kept))
    for key in total:
        print(f"{key:12s} {right[key]:4d}/{total[key]:<4d} {right[key] / total[key]:.3f}  other names {extra[key]}")
    print(f"named rightly {sum(right.values()) / sum(total.values()):.4f} of {sum(total.values())} found single edits")
    for what, errors in (("rotation, degrees", degrees), ("crop, points", points)):
        if errors:
            print(f"error of {what}: median {np.median(errors):.2f}, largest {max(errors):.2f}")
    for line in wrong[: args.list]:
        print("wrong:", line)


if __name__ == "__main__":
    main()
