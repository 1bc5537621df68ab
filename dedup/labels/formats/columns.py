"""Tables with a column for each class: 1 where an image is of it, 0 where it is not; one class an image, as ISIC's, or
several."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath

from dedup.errors import AnnotationError
from dedup.images.formats import SUFFIXES as IMAGE_SUFFIXES
from dedup.labels.coco import Coco
from dedup.labels.formats.base import (
    Builder,
    Format,
    Pictures,
    Tree,
    coding_of,
    head_of,
    text_of,
    the_file,
    whole_lines,
)
from dedup.labels.formats.tables import COLUMNS, SPLIT, csv_reader, is_csv, is_submission, too_short

Rows = Iterator[tuple[int, list[str]]]
"""Lines and cells; the first is the header."""

IS_OF_IT = {"0": False, "0.0": False, "1": True, "1.0": True}
FEWEST, MOST = 2, 256
"""Columns of classes: one alone may be any flag, and of more nobody writes a table by hand."""


def _rows(text: str) -> Rows:
    """Raises `csv.Error`."""
    reader = csv_reader(text)
    yield from ((reader.line_num, row) for row in reader if row)


def _split_column(header: Sequence[str]) -> int:
    """The column that tells splits, 0 for none: there the image is named."""
    return next((place for place, name in enumerate(header) if place and name.strip().casefold() in SPLIT), 0)


def _recognises(path: Path) -> bool:
    """Whether the first column names images and all others, but for one of splits, say 0 or 1."""
    if not is_csv(path):
        return False
    whole = whole_lines(head_of(path))
    try:
        (_, header), *rows = _rows(whole.decode(coding_of(whole)))
    except (ValueError, csv.Error):
        return False
    split = _split_column(header)
    told = {each.strip() for _, row in rows for place, each in enumerate(row) if place not in (0, split)}
    classes = len(header) - 1 - bool(split)
    if not rows or not FEWEST <= classes <= MOST or not told <= IS_OF_IT.keys():
        return False
    named = header[0].strip().casefold() in COLUMNS["file"]
    return named or all(PurePath(row[0]).suffix.lower() in IMAGE_SUFFIXES for _, row in rows)


def _table(path: Path) -> tuple[list[str], Rows]:
    """Header and rows. Raises `AnnotationError`."""

    def rows() -> Rows:
        try:
            yield from _rows(text_of(path))
        except csv.Error as error:
            raise AnnotationError(f"{path} holds no labels that can be read: {error}.") from error

    found = rows()
    return next(found, (0, [""]))[1], found


def _labelled(path: Path, pictures: Pictures) -> set[str]:
    return pictures.of_names((row[0] for _, row in _table(path)[1] if row[0]), path)


def _read(path: Path, pictures: Pictures) -> Coco:
    """The document. Raises `AnnotationError`."""
    builder, (header, rows) = Builder(path), _table(path)
    split, ids = _split_column(header), dict[str, int]()
    for line, row in rows:
        if problem := too_short(row, header):
            builder.odd(path, line, problem)  # what it says up to there holds: a cell is 0 or 1
        if not row[0]:
            builder.odd(path, line, "it names no image")
            continue
        if row[0] not in ids:
            ids[row[0]] = builder.image(row[0], None)
        for place, (name, told) in enumerate(zip(header, row, strict=False)):
            if place in (0, split):
                continue
            is_of_it = IS_OF_IT.get(told.strip())
            if is_of_it is None:
                builder.odd(path, line, f"its column {name.strip()} is neither 0 nor 1")
            elif is_of_it:
                builder.annotate(ids[row[0]], name.strip(), {})
    return builder.done()


def _splits(path: Path, pictures: Pictures) -> Iterator[tuple[str, str]]:
    header, rows = _table(path)
    split = _split_column(header)
    if split:
        yield from pictures.in_splits(((row[0], row[split]) for _, row in rows if len(row) > split), path)


def _found(tree: Tree) -> Iterator[Path]:
    return (file for file in tree.files(".csv", ".tsv") if _recognises(file) and not is_submission(file))


CLASS_COLUMNS = Format(
    "columns",
    "CSV with a column for each class",
    "classes of whole images, 1 where one is of it",
    _recognises,
    _found,
    the_file,
    _labelled,
    _read,
    _splits,
)
