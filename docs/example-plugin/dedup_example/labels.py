"""A format of labels: how many stars each image has."""

from __future__ import annotations

from pathlib import Path

from dedup.labels.coco import Coco
from dedup.labels.formats.base import Builder, Format, Pictures, Tree, the_file

NAME = "stars.txt"


def _rows(path: Path) -> list[list[str]]:
    return [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]


def _find(tree: Tree) -> list[Path]:
    return [path for path in tree.files(".txt") if path.name == NAME]


def _labelled(path: Path, pictures: Pictures) -> set[str]:
    return pictures.of_names((row[0] for row in _rows(path)), path)


def _read(path: Path, pictures: Pictures) -> Coco:
    made = Builder(path)
    for line, row in enumerate(_rows(path), start=1):
        if len(row) == 2:
            made.annotate(made.image(row[0]), f"{row[1]} stars", {})
        else:
            made.odd(path, line, "has no stars")
    return made.done()


STARS = Format(
    name="stars",
    title="Stars",
    holds="the number of stars of each image",
    recognises=lambda path: path.name == NAME,
    find=_find,
    files=the_file,
    labelled=_labelled,
    read=_read,
)
