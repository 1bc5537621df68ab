"""The annotations of one image, found among all of a dataset's documents without looking through them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dedup.ui.browser import palette
from dedup.ui.browser.shapes import Shape, shape_of
from dedup.ui.shell.library import Opened
from dedup.words import visible


def entries(opened: Opened, row: int) -> list[tuple[Mapping[str, Any], str]]:
    """The annotations of an image, as its documents hold them, each with the name of its class."""
    sources = opened.dataset.labelled_sources
    documents = [coco for coco, _ in sources]
    key = ("places of annotations", tuple(map(id, documents)))
    order, starts, _ = opened.kept(key, lambda: (*_places(opened), documents))  # which keeps their ids from others
    ends = np.cumsum([0, *(len(coco.annotations) for coco in documents)])
    found = []
    for place in order[starts[row] : starts[row + 1]].tolist():
        number = int(np.searchsorted(ends, place, side="right")) - 1
        entry = documents[number].annotations[place - int(ends[number])]
        found.append((entry, visible(documents[number].category_names.get(entry.get("category_id"), "no class"))))
    return found


def shapes(opened: Opened, told: list[tuple[Mapping[str, Any], str]], size: tuple[int, int], most: int) -> list[Shape]:
    """Up to `most` of the `entries` of an image of a `size` (width, height) that have a shape, as they are drawn: a
    class in the same colour on every picture."""
    inks = opened.remembered("inks of classes", lambda: _inks(opened.dataset.frame["classes"]))
    drawn = (shape_of(entry, category, inks.get(category, palette.NO_CLASS), size) for entry, category in told)
    return list(islice((shape for shape in drawn if shape is not None), most))


def _inks(classes: pd.Series) -> dict[str, str]:
    return {visible(name): ink for name, ink in palette.of_classes(classes).items()}


def _places(opened: Opened) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places of all documents' annotations, one document after the other, by row; and where each row begins."""
    frame = opened.dataset.frame
    row_of = {path: row for row, path in enumerate(frame["path"])}
    rows: list[int] = []
    for coco, attachment in opened.dataset.labelled_sources:
        row_of_id = {id_: row_of[path] for path, ids in attachment.image_ids.items() for id_ in ids if path in row_of}
        rows += [row_of_id.get(image_id, -1) for image_id in coco.annotations.column("image_id")]
    held = np.array(rows, np.int64)
    order = np.argsort(held, kind="stable")
    return order, np.searchsorted(held[order], np.arange(len(frame) + 1))
