"""Labels as tables: a CSV with a row for each box, and what Hugging Face and torchvision call an imagefolder.

An imagefolder of classes has a folder for each class below one for each split, as torchvision's `ImageFolder` and
Hugging Face's `imagefolder` read them. One of boxes has one metadata.jsonl at its top, so that the columns of all
splits are alike, without which Hugging Face's datasets load nothing.

Formats: https://huggingface.co/docs/datasets/image_dataset and
https://docs.pytorch.org/vision/stable/generated/torchvision.datasets.ImageFolder.html
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from dedup.exports.base import Report
from dedup.exports.csv import guard
from dedup.exports.labels.base import (
    Contents,
    LabelFormat,
    Labelled,
    Place,
    Wanted,
    as_they_are,
    box_of,
    by_split,
    places_of,
    save,
)
from dedup.labels.formats.tables import WRITTEN
from dedup.sources.split_names import split_name
from dedup.words import plural

LABELS, METADATA, UNLABELLED = "labels.csv", "metadata.jsonl", "__unlabelled"
"""The last one is passed over by Hugging Face's datasets, as what begins with two lines is: it is no class."""
HEADER = WRITTEN


def write_csv(wanted: Wanted) -> Report:
    """Raises `ExportError`."""
    contents = Contents(wanted)
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(HEADER)
    for image in contents.images:
        head = (guard(image.name, path=True), guard(image.split))
        table.writerows((*head, *row) for row in _rows(image, contents) or [("", "", "", "", "", "")])
    save(wanted.output / LABELS, text.getvalue())
    return contents.report("CSV")


def _rows(image: Labelled, contents: Contents) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    for entry in image.annotations:
        name, box = contents.names.get(entry.get("category_id")), box_of(entry)
        if name is None:
            contents.drop_entry(entry, "unclassed object")
            continue
        _count_what_is_more(entry, contents)
        edges = (box[0], box[1], box[0] + box[2], box[1] + box[3]) if box else ("", "", "", "")
        rows.append((guard(name), *(round(edge, 3) if box else "" for edge in edges), int(bool(entry.get("iscrowd")))))  # type: ignore[arg-type]
    return rows


def _count_what_is_more(entry: dict[str, Any], contents: Contents) -> None:
    contents.drop_fields(entry)
    for key, what in (("segmentation", "outline"), ("keypoints", "skeleton"), ("attributes", "attribute")):
        if entry.get(key):
            contents.drop(what, len(entry[key]) if what == "attribute" else 1)


def place(places: Sequence[Place]) -> list[PurePosixPath]:
    """Below folders of splits, and where every image has one class at most, below folders of classes in these."""
    if not _are_classes(places):
        return by_split(places)
    folders = [
        PurePosixPath(each.split, each.classes[0]) if each.classes else PurePosixPath(UNLABELLED, each.split)
        for each in places
    ]
    short = [folder / each.path.name for folder, each in zip(folders, places, strict=True)]
    if len({str(path).casefold() for path in short}) == len(short):
        return short
    return [folder / "__".join(each.path.parts) for folder, each in zip(folders, places, strict=True)]


def _are_classes(places: Sequence[Place]) -> bool:
    """Whether images have one class each and no boxes; a name that no folder can have is written into metadata."""
    names = {name for each in places for name in each.classes}
    return (
        bool(names)
        and not any(each.boxed for each in places)
        and all(len(each.classes) <= 1 for each in places)
        and all(_can_be_a_folder(name) for name in names)
        and len({name.casefold() for name in names}) == len(names)
    )


FORBIDDEN = frozenset('/\\:*?"<>|')
"""In names of folders, on one system or another."""
DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))})


def _can_be_a_folder(name: str) -> bool:
    """Whether every system takes the name for a folder and gives it back."""
    plain = name.isprintable() and name == name.strip(" .") and name != UNLABELLED and not FORBIDDEN & set(name)
    free = name.split(".")[0].casefold() not in DEVICES and not split_name(name)  # readers take those for splits
    return bool(name) and plain and free and len(name.encode()) < 200


def write_imagefolder(wanted: Wanted) -> Report:
    """Raises `ExportError`."""
    contents = Contents(wanted)
    places = places_of(wanted.dataset, {row: PurePosixPath(name) for row, name in wanted.names.items()})
    if _are_classes(places):
        apart = sum(image.name.startswith(f"{UNLABELLED}/") for image in contents.images)
        told = [f"{plural(apart, 'image')} without a class lie in {UNLABELLED}."] if apart else []
        return contents.report("An imagefolder", *told)
    lines = [json.dumps(_line(image, contents), ensure_ascii=False) for image in contents.images]
    save(wanted.output / METADATA, "".join(f"{line}\n" for line in lines))
    return contents.report("An imagefolder")


def _line(image: Labelled, contents: Contents) -> dict[str, Any]:
    """One image: its path, its objects and its classes as a whole. All lines have all fields, and numbers are no whole
    ones, so that readers which go by the first line go by any."""
    boxes, names, whole = [], [], []
    for entry in image.annotations:
        name, box = contents.names.get(entry.get("category_id")), box_of(entry)
        if name is None:
            contents.drop_entry(entry, "unclassed object")
            continue
        if entry.get("iscrowd"):
            contents.drop("crowd")
            continue
        _count_what_is_more(entry, contents)
        if box is None:
            whole.append(name)
        else:
            boxes.append([round(float(number), 3) for number in box])
            names.append(name)
    return {"file_name": image.name, "objects": {"bbox": boxes, "category": names}, "labels": whole}


CSV = LabelFormat(
    "csv",
    "CSV of labels",
    "boxes and classes of whole images",
    as_they_are,
    write_csv,
    lambda output: [output / LABELS],
    lambda path: str(path) == LABELS,
)
IMAGEFOLDER = LabelFormat(
    "imagefolder",
    "imagefolder",
    "one class an image as folders, else boxes and classes in metadata.jsonl",
    place,
    write_imagefolder,
    lambda output: [output / METADATA],
    lambda path: path.name == METADATA,
)
