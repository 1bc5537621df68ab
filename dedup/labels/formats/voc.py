"""Pascal VOC: an XML file for each image, with a box for each object.

Edges are taken as they are written, as LabelImg, CVAT and Roboflow write them; the devkit of the challenge counts
pixels from 1, which is half a pixel's difference. Boxes may be turned (`robndbox`, as roLabelImg writes them). What
else is said of an object (`difficult`, `pose`, CVAT's `attributes`) is kept as attributes. The split of an image is
told by the lists in `ImageSets`, or by folders.

Format: http://host.robots.ox.ac.uk/pascal/VOC/voc2012/devkit_doc.pdf
"""

from __future__ import annotations

import html
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from dedup.errors import AnnotationError
from dedup.images.formats import SUFFIXES as IMAGE_SUFFIXES
from dedup.labels.coco import NAMESPACE, Coco
from dedup.labels.formats.base import (
    Builder,
    FilePerImage,
    Format,
    Pictures,
    below,
    box,
    head_of,
    lines_of,
    outline,
    turned,
    why_hollow,
)
from dedup.labels.formats.markup import number_of, text_in, xml_of
from dedup.sources.split_names import split_name
from dedup.words import plural

READ = frozenset({"bndbox", "robndbox", "polygon", "part", "attributes"})
"""What of an object that holds more than a text is read, or told otherwise."""
NO_ATTRIBUTES = frozenset({"name", "type", "bndbox", "robndbox", "polygon", "part"})
"""What an object holds beside attributes; `type` tells which of the boxes it has."""


def read(path: Path, pictures: Pictures) -> Coco:
    """The document. Raises `AnnotationError`."""
    builder = Builder(path)
    own = pictures.own_of(FILES.files(path))
    for file in FILES.files(path):
        try:
            root = xml_of(file)
            if root.tag != "annotation":
                raise AnnotationError(f"{file}: it is no annotation of one image")
        except AnnotationError as error:
            builder.odd(file, 0, str(error).partition(": ")[2].removesuffix("."))
            continue
        named = text_in(root, "filename")
        size = number_of(root, "size/width"), number_of(root, "size/height")
        known = (int(size[0]), int(size[1])) if size[0] and size[1] else None
        for image in pictures.of_file(file, named) or [builder.orphan(file)]:
            if builder.is_second(file, image, own):
                continue
            id_ = builder.image(image, known)
            for place, thing in enumerate(root.iterfind("object"), start=1):
                _annotate(builder, id_, thing, file, place)
    for listed, folder in _lists(path):
        _look_at_list(builder, listed, folder, pictures)
    return builder.done()


def _annotate(builder: Builder, image: int, thing: Element, file: Path, place: int) -> None:
    name = text_in(thing, "name")
    if not name:
        return builder.odd(file, 0, f"object {place} has no name")
    if unknown := [each.tag for each in thing if len(each) and each.tag not in READ]:
        builder.odd(file, 0, f"the {unknown[0]} of object {place} is not read", kept=True)
    try:
        fields = _place(thing)
    except ValueError as error:
        return builder.odd(file, 0, f"the box of object {place} has no {error}")
    builder.annotate(image, name, fields, _attributes(thing))
    for part in thing.iterfind("part"):
        builder.odd(file, 0, f"part {text_in(part, 'name')} of object {place} left out")
    return None


def _place(thing: Element) -> dict[str, Any]:
    """Where an object is. Raises ValueError with what its box lacks."""
    drawn = _polygon(thing)
    if thing.find("bndbox") is not None:
        left, top, right, bottom = _finite(thing, "bndbox", "xmin", "ymin", "xmax", "ymax")
        return box(left, top, right - left, bottom - top) | ({"segmentation": drawn["segmentation"]} if drawn else {})
    if thing.find("robndbox") is not None:
        x, y, width, height, angle = _finite(thing, "robndbox", "cx", "cy", "w", "h", "angle")
        edges = x - width / 2, y - height / 2, x + width / 2, y + height / 2
        return turned(*edges, angle) | {NAMESPACE: {"turned": True}}
    return drawn


def _finite(thing: Element, box: str, *names: str) -> list[float]:
    found = [number for name in names if (number := number_of(thing, f"{box}/{name}")) is not None]
    if len(found) < len(names):
        raise ValueError(f"{('four', 'five')[len(names) - 4]} finite numbers")
    return found


def _attributes(thing: Element) -> dict[str, int | str]:
    """What is said of an object beside what and where it is."""
    said = {each.tag: (each.text or "").strip() for each in thing if not len(each) and each.tag not in NO_ATTRIBUTES}
    said |= {text_in(each, "name"): text_in(each, "value") for each in thing.iterfind("attributes/attribute")}
    return {key: _value(text) for key, text in said.items() if key and text}


def _polygon(thing: Element) -> dict[str, Any]:
    """The polygon that Roboflow and labelme write beside the box: x1, y1, x2, y2, …, or as the first LabelMe did, a
    `pt` with x and y for each corner. Raises ValueError for one whose corners are no numbers."""
    drawn = thing.find("polygon")
    points: list[tuple[float, float]] = []
    if drawn is not None and drawn.find("pt") is not None:
        pairs = [(number_of(each, "x"), number_of(each, "y")) for each in drawn.iterfind("pt")]
        points = [(x, y) for x, y in pairs if x is not None and y is not None]
        if len(points) < len(pairs):
            raise ValueError("finite corners")
        drawn = None
    while drawn is not None:
        x, y = (number_of(drawn, f"{axis}{len(points) + 1}") for axis in "xy")
        if x is None or y is None:
            break
        points.append((x, y))
    return outline(points) if len(points) > 2 else {}


def _value(text: str) -> int | str:
    return int(text) if text.isdecimal() and len(text) < 10 else text


def files(path: Path) -> list[Path]:
    """The files of images, and the lists of splits."""
    return [*FILES.files(path), *dict.fromkeys(file for file, _ in _lists(path))]


ANNOTATIONS = ("Annotations", "annotations")


def splits(path: Path, pictures: Pictures) -> Iterator[tuple[str, str]]:
    """What the lists in `ImageSets` say, beside the annotations or above them, of each year where there are several:
    one name a line, with its folder below that of the annotations, and maybe a suffix or a number. Lists of one class
    (`dog_train.txt`) and of several splits (`trainval.txt`) say nothing more."""
    for file, folder in _lists(path):
        for line in lines_of(file):
            yield from ((split_name(file.stem), image) for image in _named(line, folder, pictures))


def _lists(path: Path) -> Iterator[tuple[Path, Path]]:
    """The lists of splits, each with the folder of annotations that its names are seen from."""
    home = path if path.is_dir() else path.parent
    top = next((each for each in (home, *home.parents) if each.name in ANNOTATIONS), home).parent
    places = {file.parent for file in FILES.files(path)}
    for home, folder in sorted({each for place in places for each in _homes(place, top)}):
        yield from ((file, folder) for file in below(home / "ImageSets", ".txt") if split_name(file.stem))


def _look_at_list(builder: Builder, listed: Path, folder: Path, pictures: Pictures) -> None:
    """What is odd about a list of a split: there is nothing in it, or it names what is not here."""
    if why := why_hollow(listed):
        return builder.odd(listed, 0, f"{why}, so that nobody knows what is in {split_name(listed.stem)}")
    try:
        names = [line for line in lines_of(listed) if line.strip()]
    except AnnotationError as error:
        return builder.odd(listed, 0, str(error).rpartition(": ")[2].removesuffix("."))
    missing = sum(not _named(line, folder, pictures) for line in names)
    if missing:
        builder.odd(listed, 0, f"{missing:,} of its {plural(len(names), 'name')} are of no image here", kept=True)
    return None


def _homes(place: Path, top: Path) -> Iterator[tuple[Path, Path]]:
    """Folders in which `ImageSets` may lie for annotations in `place`, and from where it names these."""
    folder = place
    yield place, place
    for home in place.parents:
        if not home.is_relative_to(top):
            return
        yield home, folder
        if folder.name in ANNOTATIONS:
            return
        folder = home


def _named(line: str, folder: Path, pictures: Pictures) -> list[str]:
    """The images that a line of a list means."""
    name = line.strip().replace("\\", "/")
    without = (name, name.rsplit(maxsplit=1)[0]) if name else ()
    tried = (each for name in without for each in (name, _without_suffix(name)))
    return next((found for each in tried if (found := pictures.of_file(folder / f"{each}.xml"))), [])


def _without_suffix(name: str) -> str:
    stem, suffix = os.path.splitext(name)
    return stem if suffix.lower() in IMAGE_SUFFIXES else name


def _looks_right(file: Path) -> bool:
    return b"<annotation>" in head_of(file) or b"<annotation " in head_of(file)


def _named_in(file: Path) -> str:
    """What a file calls its image."""
    found = re.search(rb"<filename>([^<]*)</filename>", head_of(file))
    return html.unescape(found[1].decode("utf-8", "replace")).strip() if found else ""


FILES = FilePerImage(".xml", _looks_right, _named_in)
VOC = Format(
    "voc",
    "Pascal VOC",
    "boxes, turned boxes, polygons, attributes",
    FILES.recognises,
    FILES.find,
    files,
    FILES.labelled,
    read,
    splits,
)
