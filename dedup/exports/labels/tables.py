"""Labels as tables: a CSV with a row for each box, and what Hugging Face and torchvision call an imagefolder.

An imagefolder of classes has a folder for each class below one for each split, as torchvision's `ImageFolder` and
Hugging Face's `imagefolder` read them. One of boxes has a metadata.jsonl in the folder of each split.

Formats: https://huggingface.co/docs/datasets/image_dataset and
https://docs.pytorch.org/vision/stable/generated/torchvision.datasets.ImageFolder.html
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
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
from dedup.words import plural

LABELS, METADATA, UNLABELLED = "labels.csv", "metadata.jsonl", "_unlabelled"
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
    return bool(name) and plain and name.split(".")[0].casefold() not in DEVICES and len(name.encode()) < 200


def write_imagefolder(wanted: Wanted) -> Report:
    """Raises `ExportError`."""
    contents = Contents(wanted)
    places = places_of(wanted.dataset, {row: PurePosixPath(name) for row, name in wanted.names.items()})
    if _are_classes(places):
        apart = sum(image.name.startswith(f"{UNLABELLED}/") for image in contents.images)
        told = [f"{plural(apart, 'image')} without a class lie in {UNLABELLED}."] if apart else []
        return contents.report("An imagefolder", *told)
    for split, images in contents.splits.items():
        lines = [json.dumps(_line(image, split, contents), ensure_ascii=False) for image in images]
        save(wanted.output / split / METADATA, "".join(f"{line}\n" for line in lines))
    return contents.report("An imagefolder")


def _line(image: Labelled, split: str, contents: Contents) -> dict[str, Any]:
    """One image: its path from the folder of its split, its objects and its classes as a whole."""
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
            boxes.append([round(number, 3) for number in box])
            names.append(name)
    told = PurePosixPath(image.name).relative_to(split) if split else PurePosixPath(image.name)
    line: dict[str, Any] = {"file_name": told.as_posix(), "objects": {"bbox": boxes, "category": names}}
    return line | ({"labels": whole} if whole else {})


def _metadata(output: Path) -> list[Path]:
    return sorted([*output.glob(METADATA), *output.glob(f"*/{METADATA}")])


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
    _metadata,
    lambda path: path.name == METADATA,
)
