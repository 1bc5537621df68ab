#!/usr/bin/env python3
"""Recall per edit family and wrong pairs: ours and whichever of its peers are installed, as a table and a picture.

    python -m benchmarks.robustness FOLDER [--picture docs/robustness.png]

FOLDER holds images/ and truth.csv (copy, base, edit), as `benchmarks.copies` writes them. Each tool runs with its
default settings over images/ and reports pairs; a copy is found when the pair of it and its base is reported. Prints a
Markdown table.
"""

from __future__ import annotations

import argparse
import csv
import re
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import partial
from itertools import combinations
from pathlib import Path

from PIL import Image, ImageDraw

import dedup

Pairs = set[frozenset[str]]


def ours(images: Path, *, thorough: bool = False) -> Pairs:
    """Exact and near pairs of a scan into a temporary home, and those of which one contains the other."""
    with tempfile.TemporaryDirectory() as home:
        dataset = dedup.scan(images, home=home, thorough=thorough)
        names, pairs = dataset.frame["path"].to_numpy(), dataset.pairs
        pairs = pairs[pairs["kind"] != "similar"]
        return {frozenset((names[a], names[b])) for a, b in zip(pairs["left"], pairs["right"], strict=True)}


def named(groups: Iterable[Iterable[str]]) -> Pairs:
    """Every pair within groups of paths, by file name."""
    return {frozenset(pair) for group in groups for pair in combinations({Path(path).name for path in group}, 2)}


def imagededup(method: str) -> Callable[[Path], Pairs]:
    def run(images: Path) -> Pairs:
        from imagededup import methods

        found = getattr(methods, method)().find_duplicates(image_dir=str(images), max_distance_threshold=10)
        return {frozenset((name, other)) for name, others in found.items() for other in others}

    return run


def cleanvision(images: Path) -> Pairs:
    from cleanvision import Imagelab

    lab = Imagelab(data_path=str(images))
    lab.find_issues({"exact_duplicates": {}, "near_duplicates": {}})
    return named(group for kind in ("exact_duplicates", "near_duplicates") for group in lab.info[kind]["sets"])


def fastdup(images: Path) -> Pairs:
    import fastdup as tool

    with tempfile.TemporaryDirectory() as work:
        run = tool.create(work_dir=work, input_dir=str(images))
        run.run(threshold=0.9, print_summary=False)
        found = run.similarity()
        found = found[found["distance"] >= 0.9]
        return named(zip(found["filename_from"], found["filename_to"], strict=True))


def difpy(images: Path) -> Pairs:
    import difPy

    found = difPy.search(difPy.build(str(images), show_progress=False), similarity="similar", show_progress=False)
    return named([path, *(match[0] for match in matches)] for path, matches in found.result.items())


TOOLS: dict[str, Callable[[Path], Pairs]] = {
    "dedup": ours,
    "dedup, thorough": partial(ours, thorough=True),
    "imagededup pHash": imagededup("PHash"),
    "imagededup dHash": imagededup("DHash"),
    "CleanVision": cleanvision,
    "fastdup 0.9": fastdup,
    "difPy similar": difpy,
}


def score(found: Pairs, truth: dict[str, tuple[str, str]]) -> tuple[dict[str, float], int]:
    """Recall by family ("ALL" is everything) and the number of wrong pairs."""
    hits = defaultdict(list)
    for copy, (base, edit) in truth.items():
        for key in (re.split(r"[.\d]", edit)[0].strip(), "ALL"):
            hits[key].append(frozenset((copy, base)) in found)
    origin = {copy: base for copy, (base, _) in truth.items()}
    wrong = sum(len({origin.get(name, name) for name in pair}) == 2 for pair in found)
    return {key: sum(values) / len(values) for key, values in hits.items()}, wrong


def draw(table: dict[str, dict[str, float]], families: list[str], path: Path) -> None:
    """A grid of recalls: families down, tools across; the darker the more is found."""
    cell, left, top = (110, 22), 110, 30
    picture = Image.new("RGB", (left + cell[0] * len(table), top + cell[1] * len(families)), "white")
    pen = ImageDraw.Draw(picture)
    for column, (tool, recalls) in enumerate(table.items()):
        pen.text((left + column * cell[0] + 6, 8), tool, fill="black")
        for row, family in enumerate(families):
            x, y, value = left + column * cell[0], top + row * cell[1], recalls[family]
            shade = tuple(round(255 + value * (dark - 255)) for dark in (0, 90, 140))
            pen.rectangle((x, y, x + cell[0] - 2, y + cell[1] - 2), fill=shade)
            pen.text((x + 40, y + 5), f"{value:.2f}", fill="white" if value > 0.5 else "black")
    for row, family in enumerate(families):
        pen.text((6, top + row * cell[1] + 5), family, fill="black")
    picture.save(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--picture", type=Path)
    args = parser.parse_args()
    with open(args.folder / "truth.csv", newline="") as stream:
        truth = {row["copy"]: (row["base"], row["edit"]) for row in csv.DictReader(stream)}
    table, wrongs = {}, {}
    for tool, run in TOOLS.items():
        try:
            table[tool], wrongs[tool] = score(run(args.folder / "images"), truth)
        except ImportError as error:
            print(f"{tool} is not installed: {error.name}")
    count = sum(1 for _ in (args.folder / "images").iterdir())
    families = [*sorted(set(table["dedup"]) - {"ALL"}), "ALL"]
    print("| edit | " + " | ".join(table) + " |\n|---|" + "---|" * len(table))
    for family in families:
        print(f"| {family} | " + " | ".join(f"{recalls[family]:.2f}" for recalls in table.values()) + " |")
    million = count * (count - 1) / 2e6
    print("| wrong pairs per million | " + " | ".join(f"{wrong / million:.1f}" for wrong in wrongs.values()) + " |")
    if args.picture:
        draw(table, families, args.picture)


if __name__ == "__main__":
    main()
