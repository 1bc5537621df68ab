"""Labels as tables: a CSV with a row for each box, what Hugging Face and torchvision call an imagefolder, and Parquet,
which is one of these with a row for each image, whatever is told of them.

An imagefolder of classes has a folder for each class below one for each split, as torchvision's `ImageFolder` and
Hugging Face's `imagefolder` read them. One of boxes has a metadata.jsonl in the folder of each split, or, where a split
has no box or no class and JSON would not tell what there are none of, a metadata.parquet: Hugging Face's datasets load
nothing where columns of splits are not alike.

Formats: https://huggingface.co/docs/datasets/image_dataset and
https://docs.pytorch.org/vision/stable/generated/torchvision.datasets.ImageFolder.html
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Collection, Mapping, Sequence
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
from dedup.exports.places import atomic
from dedup.files import make_folders
from dedup.labels.formats.tables import WRITTEN
from dedup.sources.split_names import split_name
from dedup.words import plural

PARQUET = "metadata.parquet"
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
    lines = {split: [_line(image, split, contents) for image in images] for split, images in contents.splits.items()}
    said = {split: {key for line in held for key, says in SAID.items() if says(line)} for split, held in lines.items()}
    columns = set[str]().union(*said.values()) or {"objects"}
    for split, held in lines.items():
        rows = [{key: value for key, value in line.items() if key in columns | {"file_name"}} for line in held]
        if all(each == columns for each in said.values()):
            texts = (json.dumps(row, ensure_ascii=False) for row in rows)
            save(wanted.output / split / METADATA, "".join(f"{text}\n" for text in texts))
        else:
            _save_parquet(wanted.output / split / PARQUET, rows, columns)
    return contents.report("An imagefolder")


def write_parquet(wanted: Wanted) -> Report:
    """Raises `ExportError`."""
    contents = Contents(wanted)
    for split, images in contents.splits.items():
        _save_parquet(wanted.output / split / PARQUET, [_line(image, split, contents) for image in images], SAID)
    return contents.report("Parquet")


SAID: dict[str, Callable[[Mapping[str, Any]], bool]] = {
    "objects": lambda line: bool(line["objects"]["bbox"]),
    "labels": lambda line: bool(line["labels"]),
}
"""Whether a line has something of each kind."""


def _save_parquet(file: Path, rows: list[dict[str, Any]], columns: Collection[str]) -> None:
    """Raises `ExportError`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    objects = pa.struct({"bbox": pa.list_(pa.list_(pa.float64())), "category": pa.list_(pa.string())})
    kinds = {"file_name": pa.string(), "objects": objects, "labels": pa.list_(pa.string())}
    schema = pa.schema([(name, kind) for name, kind in kinds.items() if name in {"file_name", *columns}])
    make_folders(file.parent)
    with atomic(file) as stream:
        pq.write_table(pa.Table.from_pylist(rows, schema), stream)


def _line(image: Labelled, split: str, contents: Contents) -> dict[str, Any]:
    """One image: its path from the folder of its split, its objects and its classes as a whole; no number of a box is a
    whole one, which some readers take for another kind."""
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
    told = PurePosixPath(image.name).relative_to(split) if split else PurePosixPath(image.name)
    name = told.as_posix().encode("utf-8", "replace").decode()  # one that is no text is told of by the report
    return {"file_name": name, "objects": {"bbox": boxes, "category": names}, "labels": whole}


def _metadata(output: Path) -> list[Path]:
    names = (METADATA, PARQUET)
    return sorted(file for name in names for file in (*output.glob(name), *output.glob(f"*/{name}")))


CSV = LabelFormat(
    "csv",
    "CSV of labels",
    "boxes and classes of whole images",
    as_they_are,
    write_csv,
    lambda output: [output / LABELS],
    lambda path: str(path) == LABELS,
)
PARQUET_TABLE = LabelFormat(
    "parquet",
    "Parquet",
    "boxes and classes of whole images, an imagefolder with metadata.parquet",
    by_split,
    write_parquet,
    _metadata,
    lambda path: path.name == PARQUET,
)
IMAGEFOLDER = LabelFormat(
    "imagefolder",
    "imagefolder",
    "one class an image as folders, else boxes and classes in metadata.jsonl (.parquet)",
    place,
    write_imagefolder,
    _metadata,
    lambda path: path.name in (METADATA, PARQUET),
)
