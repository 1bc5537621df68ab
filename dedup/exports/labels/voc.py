"""Pascal VOC beside the images: `JPEGImages`, `Annotations` and lists of each split in `ImageSets/Main`.

Format: http://host.robots.ox.ac.uk/pascal/VOC/voc2012/devkit_doc.pdf; polygons as Roboflow and labelme write them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from dedup.exports.base import Report
from dedup.exports.labels.base import (
    Contents,
    Entry,
    LabelFormat,
    Labelled,
    Place,
    Wanted,
    below,
    box_of,
    keypoints_of,
    polygons_of,
    save,
)

IMAGES, LABELS, LISTS = "JPEGImages", "Annotations", "ImageSets/Main"
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML has no way to write."""
ATTRIBUTES = {"pose": "Unspecified", "truncated": 0, "difficult": 0, "occluded": 0}
"""What is written of each object, and what where nothing is known."""


def place(places: Sequence[Place]) -> list[PurePosixPath]:
    """Below `JPEGImages`."""
    return below(IMAGES, places, IMAGES)


def label_of(image: PurePosixPath) -> PurePosixPath:
    """Where the file of an image lies."""
    parts = list(image.parts)
    at = parts.index(IMAGES)
    return PurePosixPath(*parts[:at], LABELS, *parts[at + 1 :]).with_suffix(".xml")


def write(wanted: Wanted) -> Report:
    """Raises `ExportError`."""
    contents = Contents(wanted, upright=False)
    for image in contents.images:
        save(wanted.output / label_of(PurePosixPath(image.name)), _text(image, contents))
    for split, images in contents.splits.items():
        told = [PurePosixPath(image.name).with_suffix("").as_posix().partition(f"{IMAGES}/")[2] for image in images]
        save(wanted.output / LISTS / f"{split or 'default'}.txt", "".join(f"{name}\n" for name in told))
    return contents.report("Pascal VOC")


def _text(image: Labelled, contents: Contents) -> str:
    path = PurePosixPath(image.name)
    root = Element("annotation")
    _add(root, "folder", path.parent.name)
    _add(root, "filename", path.name)
    size = SubElement(root, "size")
    for name, number in zip(("width", "height", "depth"), (*image.size, 3), strict=True):
        _add(size, name, number)
    _add(root, "segmented", int(any(map(polygons_of, image.annotations))))
    for entry in image.annotations:
        _object(root, entry, contents)
    indent(root)
    return tostring(root, encoding="unicode") + "\n"


def _object(root: Element, entry: Entry, contents: Contents) -> None:
    box, name = box_of(entry), contents.names.get(entry.get("category_id"))
    if box is None:
        return contents.drop_entry(entry, "whole-image class")
    if entry.get("iscrowd"):
        return contents.drop("crowd")
    if name is None:
        return contents.drop("unclassed object")
    said = entry.get("attributes")
    said = said if isinstance(said, dict) else {}
    thing = SubElement(root, "object")
    _add(thing, "name", name)
    for key, unknown in ATTRIBUTES.items():
        value = said.get(key, unknown)
        _add(thing, key, int(value) if isinstance(value, bool) else value)
    edges = (box[0], box[1], box[0] + box[2], box[1] + box[3])
    _numbers(SubElement(thing, "bndbox"), dict(zip(("xmin", "ymin", "xmax", "ymax"), edges, strict=True)))
    _outline(thing, entry, contents)
    if more := said.keys() - ATTRIBUTES:
        contents.drop("attribute", len(more))
    if any(keypoints_of(entry)):
        contents.drop("skeleton")
    contents.drop_fields(entry)
    return None


def _outline(thing: Element, entry: Entry, contents: Contents) -> None:
    polygons = sorted(polygons_of(entry), key=len)
    if not polygons:
        return contents.drop("mask") if entry.get("segmentation") else None
    if len(polygons) > 1:
        contents.drop("further polygon", len(polygons) - 1)
    points = polygons[-1]
    numbers = {f"{'xy'[place % 2]}{place // 2 + 1}": number for place, number in enumerate(points)}
    return _numbers(SubElement(thing, "polygon"), numbers)


def _numbers(element: Element, numbers: dict[str, float]) -> None:
    for name, number in numbers.items():
        _add(element, name, int(number) if float(number).is_integer() else round(number, 3))


def _add(parent: Element, name: str, value: Any) -> None:
    SubElement(parent, name).text = NOT_XML.sub("\N{REPLACEMENT CHARACTER}", str(value))


def _owns(path: PurePosixPath) -> bool:
    return path.parts[0] == "ImageSets" or (LABELS in path.parts[:-1] and path.suffix == ".xml")


VOC = LabelFormat(
    "voc",
    "Pascal VOC",
    "boxes, one polygon an object; pose, truncated, difficult, occluded",
    place,
    write,
    lambda output: [output / LABELS],
    _owns,
)
