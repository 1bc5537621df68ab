"""CSV without a header, as keras-retinanet has it and Roboflow writes it: `path,x1,y1,x2,y2,class` for each box, and
`path,,,,,` for an image without objects. A list of the classes lies beside, which says nothing more.

Format: https://github.com/fizyr/keras-retinanet#csv-datasets
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path, PurePath

from dedup.errors import AnnotationError
from dedup.images.formats import SUFFIXES as IMAGE_SUFFIXES
from dedup.labels.coco import Coco
from dedup.labels.formats.base import (
    Builder,
    Format,
    Pictures,
    Tree,
    box,
    coding_of,
    head_of,
    text_of,
    the_file,
    whole_lines,
)
from dedup.labels.formats.tables import csv_reader, is_csv, number_told

COLUMNS = 6


def _recognises(path: Path) -> bool:
    """Whether the first row is such a one, and no header."""
    if not is_csv(path):
        return False
    whole = whole_lines(head_of(path))
    try:
        first: list[str] = next(csv_reader(whole.decode(coding_of(whole))), [])
    except (ValueError, csv.Error):
        return False
    return len(first) == COLUMNS and _names_image(first) and (_edges(first) is not None or not any(first[1:]))


def _names_image(row: list[str]) -> bool:
    return PurePath(row[0].strip()).suffix.lower() in IMAGE_SUFFIXES


def _edges(row: list[str]) -> list[float] | None:
    """Left, top, right and bottom; None where they are no four numbers with a class."""
    told = [edge for each in row[1:5] if (edge := number_told(each)) is not None]
    return told if len(told) == len(row[1:5]) == 4 and row[5].strip() else None


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Rows with their lines. Raises `AnnotationError`."""
    reader = csv_reader(text_of(path))
    try:
        yield from ((reader.line_num, row) for row in reader if row)
    except csv.Error as error:
        raise AnnotationError(f"{path} holds no labels that can be read: line {reader.line_num}: {error}.") from error


def _labelled(path: Path, pictures: Pictures) -> set[str]:
    return pictures.of_names((row[0].strip() for _, row in _rows(path) if row[0].strip()), path)


def _read(path: Path, pictures: Pictures) -> Coco:
    """The document. Raises `AnnotationError`."""
    builder, ids = Builder(path), dict[str, int]()
    for line, row in _rows(path):
        name = row[0].strip()
        if len(row) != COLUMNS or not name:
            builder.odd(path, line, f"it has {len(row)} columns of {COLUMNS}" if name else "it names no image")
            continue
        if name not in ids:
            ids[name] = builder.image(name)
        if problem := _annotate(builder, ids[name], row):
            builder.odd(path, line, problem)
    return builder.done()


def _annotate(builder: Builder, image: int, row: list[str]) -> str:
    """What keeps a row from being a box; "" where it is one, or says that there is none."""
    edges = _edges(row)
    if edges is None:
        return "its box is no four finite numbers with a class" if any(row[1:]) else ""
    left, top, right, bottom = edges
    if right < left or bottom < top:
        return "its second corner lies before its first: x1, y1, x2 and y2 are read"
    builder.annotate(image, row[5].strip(), box(left, top, right - left, bottom - top))
    return ""


def _found(tree: Tree) -> Iterator[Path]:
    return filter(_recognises, tree.files(".csv", ".tsv"))


RETINANET = Format(
    "retinanet",
    "CSV without a header (RetinaNet)",
    "a row `path,x1,y1,x2,y2,class` for each box",
    _recognises,
    _found,
    the_file,
    _labelled,
    _read,
)
