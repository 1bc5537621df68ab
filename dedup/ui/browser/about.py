"""Everything that is known of one image, for the panel beside its large view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray

from dedup.dataset import Dataset
from dedup.errors import UnknownDataset, UnreadableImage
from dedup.images import metrics
from dedup.images.decode import camera_facts
from dedup.images.metrics import Metric
from dedup.labels.clashes import rectangle_of
from dedup.matching.relations import IDENTICAL_FILE, IDENTICAL_PIXELS, told_and_back
from dedup.model import TAG_PREFIX, Kind, Role, Status
from dedup.query.bars import bars
from dedup.sources.listing import address_in_words
from dedup.ui.browser import annotated
from dedup.ui.browser.shapes import MOST as MOST_SHAPES
from dedup.ui.browser.shapes import Shape
from dedup.ui.browser.sides import Side, records, sides
from dedup.ui.browser.similar import others_of, related_to
from dedup.ui.shell.library import LIBRARY, Opened
from dedup.words import encodable, plural, size, visible

MOST = 24
"""Copies and related images, and annotations, that are listed."""

BARS = 24
"""Of the small distribution beside each metric."""


class Measure(TypedDict):
    """One metric: its value in words, the share of images with a smaller one in 0..1, where it lies between the
    smallest and the largest (0..1), and the heights of a small distribution (0..1)."""

    title: str
    help: str
    value: str
    below: float
    place: float
    bars: Sequence[float]


class Linked(TypedDict):
    """Another image, and what it has to do with this one; `fate` says whether it stays."""

    side: Side
    words: str
    fate: str


class Annotation(TypedDict):
    """What an annotation says: its class, and its box where it has one: x, y, width, height as parts of the picture."""

    category: str
    box: NotRequired[Sequence[float]]


class About(TypedDict):
    """`facts` are pairs of a word and what it is; `path` is the file's whole path to be shown, `copied` as it is."""

    id: str
    path: str
    copied: str
    tags: list[str]
    facts: list[tuple[str, str]]
    hashes: list[tuple[str, str]]
    metrics: list[Measure]
    group: list[Linked]
    related: list[Linked]
    annotations: list[Annotation]
    more_annotations: int
    size: tuple[int, int]
    shapes: list[Shape]


def answer(dataset_key: str, image_id: str) -> About | None:
    """Everything about an image of the library; None for one that no dataset has."""
    try:
        opened = LIBRARY.open(dataset_key)
        return about(opened, opened.dataset.row(image_id))
    except (KeyError, UnknownDataset):
        return None


def about(opened: Opened, row: int) -> About:
    """Everything about the image of a row, as it stands now."""
    dataset = opened.dataset
    (record,) = records(dataset.frame, [row])
    group, related = others_of(dataset.frame, row), related_to(dataset.pairs, row)
    apart = [each for each in related if each not in group]
    address = address_in_words(dataset.where(row))
    entries = annotated.entries(opened, row) if record["annotations"] else []
    annotations = [_annotation(entry, category, record) for entry, category in entries[:MOST]]
    size = (int(record["width"]), int(record["height"]))
    return {
        "id": record["id"],
        "path": visible(address),
        "copied": encodable(address),
        "tags": [tag for tag in dataset.tags if record.get(TAG_PREFIX + tag)],
        "facts": _facts(record, _camera(dataset, row) if record["camera"] else []),
        "hashes": [
            ("SHA-256 of the file", record["sha256"]),
            ("Content", record["content"]),
            ("Perceptual, 256 bits", dataset.hashes[row].tobytes().hex() if record["status"] == Status.OK else ""),
        ],
        "metrics": [_measure(opened, metric, row) for metric in opened.metrics()],
        "group": _linked(opened, row, group[:MOST], related),
        "related": _linked(opened, row, apart[:MOST], related),
        "annotations": annotations,
        "more_annotations": max(0, len(entries) - MOST),
        "size": size,
        "shapes": annotated.shapes(opened, entries, size, MOST_SHAPES),
    }


def _camera(dataset: Dataset, row: int) -> list[tuple[str, str]]:
    """What a camera wrote into a file; nothing where it cannot be had."""
    try:
        with dataset.at_hand(row) as file:
            return camera_facts(file)
    except UnreadableImage:
        return []


def _facts(record: Mapping[str, Any], camera: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """What is known, without what is not; of the `camera` what it wrote into the file."""
    group = "" if record["group"] < 0 else f"{record['group']} ({'stays' if record['role'] == Role.KEEPER else 'copy'})"
    depth = f", {record['bits']} bits × {record['bands']}" if record["bits"] else ""
    told = {
        "Error": record["error"],
        "Folder": visible(record["folder"]),
        "Class": ", ".join(record["classes"]),
        "Split": record["split"],
        "Group": group,
        "Why": record["keeper_reason"],
        "Decided": "" if record["decided"] == "open" else record["decided"],
        "Picture": f"{record['width']:,} × {record['height']:,} px" if record["width"] else "",
        "Format": f"{record['format']}{depth}" if record["format"] else "",
        "Frames": str(record["frames"]) if record["frames"] > 1 else "",
        "JPEG quality": f"{record['jpeg_quality']:.0f}" if record["jpeg_quality"] > 0 else "",
        "File": size(record["bytes"]),
        "Taken": record["captured_at"].replace("T", " "),
        **{word: visible(value) for word, value in camera},
        "Orientation": f"EXIF {record['orientation']}, shown upright" if record["orientation"] > 1 else "",
        "Transparency": "yes" if record["alpha"] else "",
        "Described": f"{plural(int(record['described']), 'fact')} of place, caption, keywords"
        if record["described"]
        else "",
        "Annotations": f"{record['annotations']:,}" if record["annotations"] else "",
    }
    return [(word, encodable(str(what))) for word, what in told.items() if what]


def _measure(opened: Opened, metric: Metric, row: int) -> Measure:
    column = metrics.values(opened.dataset.frame, metric.name)
    value = float(column[row])
    low, high, bars = opened.kept(("bars", metric.name), lambda: _bars(column))
    known = int(np.isfinite(column).sum())
    return {
        "title": metric.title,
        "help": metric.help,
        "value": metric.text(value),
        "below": float((column < value).sum() / known) if known else 0.0,
        "place": float((value - low) / (high - low)) if np.isfinite(value) and high > low else 0.0,
        "bars": bars,
    }


def _bars(column: NDArray[np.float64]) -> tuple[float, float, list[float]]:
    """Ends of the known values, and a small histogram between them with square-root heights."""
    known = column[np.isfinite(column)]
    if not known.size:
        return 0.0, 0.0, []
    low, high, counts = bars(known, BARS)
    return low, high, np.sqrt(counts / counts.max()).round(3).tolist()


def _linked(opened: Opened, row: int, others: Sequence[int], related: Mapping[int, Mapping[str, Any]]) -> list[Linked]:
    """These images with what each is to this one; `related` has the pairs that are listed."""
    dataset = opened.dataset
    own, file = (dataset.frame[name].iat[row] for name in ("content", "sha256"))
    linked = []
    shown = records(dataset.frame, others, ("role", "decided", "content", "sha256"))
    for other, record, side in zip(others, shown, sides(dataset, others), strict=True):
        fate = "stays" if record["role"] == Role.KEEPER else record["decided"] if record["decided"] != "open" else ""
        same = IDENTICAL_FILE if record["sha256"] == file else IDENTICAL_PIXELS
        words = same if own and record["content"] == own else "copy of the same picture"
        if other in related and related[other]["kind"] != Kind.EXACT:
            told, _ = told_and_back(related[other], row)
            apart = "" if related[other]["kind"] == Kind.CONTAINS else f" · distance {related[other]['distance']:.3f}"
            words = told.sentence() + apart
        linked.append(Linked(side=side, words=words, fate=fate))
    return linked


def _annotation(entry: Mapping[str, Any], category: str, record: Mapping[str, Any]) -> Annotation:
    told, box = Annotation(category=category), rectangle_of(entry)
    if box is not None and record["width"]:
        left, top, right, bottom = box
        width, height = record["width"], record["height"]
        told["box"] = [left / width, top / height, (right - left) / width, (bottom - top) / height]
    return told
