"""Pascal VOC: an XML file for each image, with a box for each object.

Edges are taken as they are written, as LabelImg, CVAT and Roboflow write them; the devkit of the challenge counts
pixels from 1, which is half a pixel's difference. `pose`, `truncated`, `difficult` and `occluded` are kept as
attributes. The split of an image is told by the lists in `ImageSets`, or by folders.

Format: http://host.robots.ox.ac.uk/pascal/VOC/voc2012/devkit_doc.pdf
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from dedup.errors import AnnotationError
from dedup.labels.coco import Coco
from dedup.labels.folder_names import split_name
from dedup.labels.formats.base import Builder, FilePerImage, Format, Pictures, below, box, head_of, outline, text_of
from dedup.labels.formats.markup import number_of, text_in, xml_of

ATTRIBUTES = ("pose", "truncated", "difficult", "occluded")


def read(path: Path, pictures: Pictures) -> Coco:
    """The document. Raises `AnnotationError`."""
    builder = Builder(path)
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
            id_ = builder.image(image, known)
            for place, thing in enumerate(root.iterfind("object"), start=1):
                _annotate(builder, id_, thing, file, place)
    return builder.done()


def _annotate(builder: Builder, image: int, thing: Element, file: Path, place: int) -> None:
    name = text_in(thing, "name")
    if not name:
        return builder.odd(file, 0, f"object {place} has no name")
    attributes = {key: _value(text) for key in ATTRIBUTES if (text := text_in(thing, key))}
    fields: dict[str, Any] = {}
    if thing.find("bndbox") is not None:
        edges = [number_of(thing, f"bndbox/{edge}") for edge in ("xmin", "ymin", "xmax", "ymax")]
        known = [edge for edge in edges if edge is not None]
        if len(known) < 4:
            return builder.odd(file, 0, f"the box of object {place} has no four finite numbers")
        left, top, right, bottom = known
        fields = box(left, top, right - left, bottom - top)
    fields |= _polygon(thing)
    builder.annotate(image, name, fields, attributes)
    for part in thing.iterfind("part"):
        builder.odd(file, 0, f"part {text_in(part, 'name')} of object {place} left out")
    return None


def _polygon(thing: Element) -> dict[str, Any]:
    """The polygon that Roboflow and labelme write beside the box: x1, y1, x2, y2, …"""
    drawn = thing.find("polygon")
    points: list[tuple[float, float]] = []
    while drawn is not None:
        x, y = (number_of(drawn, f"{axis}{len(points) + 1}") for axis in "xy")
        if x is None or y is None:
            break
        points.append((x, y))
    return {"segmentation": outline(points)["segmentation"]} if len(points) > 2 else {}


def _value(text: str) -> int | str:
    return int(text) if text.isdecimal() and len(text) < 10 else text


def splits(path: Path, pictures: Pictures) -> Iterator[tuple[str, str]]:
    """What the lists in `ImageSets` say, beside the annotations or above them, of each year where there are several:
    one name a line, without a suffix. Lists of one class (`dog_train.txt`) and of several splits (`trainval.txt`) say
    nothing more."""
    files = FILES.files(path)
    for home, folder in sorted({(home, file.parent) for file in files for home in (file.parent, file.parent.parent)}):
        for file in below(home / "ImageSets", ".txt"):
            if split := split_name(file.stem):
                for line in text_of(file).splitlines():
                    named = line.strip().replace("\\", "/").rpartition("/")[2]
                    yield from ((split, image) for image in pictures.of_file(folder / f"{named}.xml") if named)


def _looks_right(file: Path) -> bool:
    return b"<annotation>" in head_of(file) or b"<annotation " in head_of(file)


FILES = FilePerImage(".xml", _looks_right)
VOC = Format(
    "voc",
    "Pascal VOC",
    "boxes, polygons, pose, truncated, difficult",
    FILES.recognises,
    FILES.find,
    FILES.files,
    FILES.labelled,
    read,
    splits,
)
