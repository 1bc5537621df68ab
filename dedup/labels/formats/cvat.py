"""CVAT for images 1.1: one XML file with every image, its boxes, polygons, masks, points and tags.

Attributes of objects are kept; tracks of videos, lines, ellipses, cuboids and skeletons are counted as left out.

Format: https://docs.cvat.ai/docs/manual/advanced/formats/format-cvat/
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from dedup.errors import AnnotationError
from dedup.labels import masks
from dedup.labels.coco import Coco
from dedup.labels.formats.base import (
    Builder,
    Format,
    Pictures,
    Size,
    Tree,
    box,
    content_of,
    head_of,
    outline,
    rounded,
    searchable,
    the_file,
    turned,
)
from dedup.labels.formats.markup import finite, text_in, xml_of

LARGEST_MASK = 50_000_000
"""Pixels of a mask's box: what tells of more is damaged, and would take all memory."""


def recognises(path: Path) -> bool:
    """Whether the root is `annotations`."""
    return (
        path.suffix.lower() == ".xml" and path.is_file() and re.search(rb"<annotations[\s>]", head_of(path)) is not None
    )


def find(tree: Tree) -> Iterator[Path]:
    """Every such file."""
    yield from filter(recognises, tree.files(".xml"))


def labelled(path: Path, pictures: Pictures) -> set[str]:
    """The images that are named. Raises `AnnotationError` for a file that is cut off."""
    content = searchable(content_of(path))
    if not content.rstrip().endswith((b"</annotations>", b"/>", b"-->")):
        raise AnnotationError(f"{path}: it is cut off")
    if b"<image " not in content and b"<track " in content:
        raise AnnotationError(f"{path}: it holds tracks of a video; have CVAT write it as images")
    told = map(_attributes, re.findall(rb"""<image\s(?:[^>"']|"[^"]*"|'[^']*')*>""", content))
    names = _Names(pictures)
    return pictures.of_names((names.of(image) for image in told if image.get("name")), path)


def _attributes(tag: bytes) -> dict[str, str]:
    """What a tag says, as XML has it."""
    said = re.findall(rb"""\s([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""", tag)
    return {key.decode(): html.unescape((one or other).decode("utf-8", "replace")) for key, one, other in said}


class _Names:
    """What images are called. A project with subsets names them from the folder of their subset, so that those of
    several subsets may be called alike."""

    def __init__(self, pictures: Pictures) -> None:
        parts = (path.split("/") for path in pictures.paths)
        self._ends = {"/".join(each[start:]) for each in parts for start in range(len(each))}

    def of(self, image: Mapping[str, str]) -> str:
        """The name of one, with the folder of its subset where it lies in one."""
        name, subset = image.get("name", ""), image.get("subset", "")
        inside = f"{subset}/{name}"
        return inside if subset and inside in self._ends else name


def read(path: Path, pictures: Pictures) -> Coco:
    """The document. Raises `AnnotationError`."""
    try:
        root = xml_of(path)
    except AnnotationError as error:
        raise AnnotationError(f"{error}.") from error
    builder = Builder(path, [name for label in root.iter("label") if (name := text_in(label, "name"))])
    names = _Names(pictures)
    for place, image in enumerate(root.iterfind("image"), start=1):
        if not image.get("name"):
            builder.odd(path, 0, f"image {place} has no name")
            continue
        name = names.of(image.attrib)
        width, height = finite(image.get("width")), finite(image.get("height"))
        size = (int(width), int(height)) if width and height else None
        id_ = builder.image(name, size)
        for shape in image:
            _annotate(builder, id_, shape, name, size)
    tracks = len(root.findall("track"))
    if tracks:
        builder.odd(path, 0, f"{tracks} tracks of a video left out")
    return builder.done()


def splits(path: Path, pictures: Pictures) -> Iterator[tuple[str, str]]:
    """What is said of images as `subset`, where a project has several."""
    images, names = xml_of(path).iterfind("image"), _Names(pictures)
    yield from pictures.in_splits(((names.of(image.attrib), image.get("subset", "")) for image in images), path)


def _annotate(builder: Builder, image: int, shape: Element, name: str, size: Size | None) -> None:
    label = shape.get("label")
    try:
        fields = None if label is None else _fields(shape, size)
    except (ValueError, TypeError):
        return builder.odd(builder.path, 0, f"a {shape.tag} of {name} has no finite numbers where it needs them")
    if label is None or fields is None:
        return builder.odd(builder.path, 0, f"a {shape.tag} of {name} left out")
    attributes: dict[str, Any] = {
        each.get("name", ""): (each.text or "").strip() for each in shape.iterfind("attribute")
    }  # fmt: skip
    if shape.get("occluded") == "1":
        attributes["occluded"] = True
    builder.annotate(image, label, fields, attributes)
    return None


def _fields(shape: Element, size: Size | None) -> dict[str, Any] | None:
    """None for a shape that is not read. Raises ValueError and TypeError."""
    if shape.tag == "tag":
        return {}
    if shape.tag == "box":
        left, top, right, bottom = _numbers(shape, "xtl", "ytl", "xbr", "ybr")
        turn = math.radians(finite(shape.get("rotation")) or 0.0)
        return turned(left, top, right, bottom, turn) if turn else box(left, top, right - left, bottom - top)
    if shape.tag in ("polygon", "points"):
        points = [tuple(map(float, point.split(","))) for point in (shape.get("points") or "").split(";")]
        pairs = [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]
        if shape.tag == "polygon" and len(pairs) > 2:
            return outline(pairs)
        if shape.tag == "points" and pairs:
            frame = {key: value for key, value in outline(pairs).items() if key != "segmentation"}
            told = [number for x, y in pairs for number in (*rounded((x, y)), 2)]
            return frame | {"keypoints": told, "num_keypoints": len(pairs)}
    if shape.tag == "mask":
        return _mask(shape, size)
    return None


def _mask(shape: Element, size: Size | None) -> dict[str, Any]:
    """A mask: its pixels as run lengths over the whole image, column by column, as COCO has them. Raises ValueError
    where it does not fit into its box or its image."""
    left, top, width, height = (int(number) for number in _numbers(shape, "left", "top", "width", "height"))
    runs = [int(run) for run in (shape.get("rle") or "").split(",")]
    if not (width > 0 and height > 0 and width * height <= LARGEST_MASK):
        raise ValueError
    inside = masks.pixels(runs, width * height).reshape(height, width)
    fields = box(left, top, width, height) | {"area": sum(runs[1::2])}
    return fields | ({"segmentation": masks.encode(inside, left, top, size)} if size else {})


def _numbers(shape: Element, *names: str) -> Sequence[float]:
    found = [finite(shape.get(name)) for name in names]
    if None in found:
        raise ValueError
    return [number for number in found if number is not None]


CVAT = Format(
    "cvat",
    "CVAT XML",
    "boxes, turned boxes, polygons, masks, points, tags, attributes",
    recognises,
    find,
    the_file,
    labelled,
    read,
    splits,
)
