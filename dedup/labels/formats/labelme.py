"""LabelMe: a JSON file for each image, with its shapes.

Rectangles, polygons, circles (as polygons) and points are read, and `flags` that are set as classes of the whole image;
lines and masks are counted as left out. What else is said of a shape (`group_id`, `description`, its `flags` that are
set, what AnyLabeling has in `attributes`) is kept as attributes.

Format: https://github.com/wkentaro/labelme
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dedup.errors import AnnotationError
from dedup.labels.coco import Coco
from dedup.labels.coco_sound import are_finite
from dedup.labels.formats.base import (
    LARGEST,
    Builder,
    FilePerImage,
    Format,
    Pictures,
    box,
    head_of,
    is_said,
    json_of,
    outline,
    rounded,
)

CIRCLE_CORNERS = 32
"""Of the polygon that a circle becomes: within half a percent of its radius."""
NO_ATTRIBUTES = frozenset({"label", "points", "shape_type", "mask", "line_color", "fill_color"})
"""What a shape is made of, and how it is drawn."""


def read(path: Path, pictures: Pictures) -> Coco:
    """The document. Raises `AnnotationError`."""
    builder = Builder(path)
    own = pictures.own_of(FILES.files(path))
    for file in FILES.files(path):
        try:
            held = json_of(file)
        except AnnotationError as error:
            builder.odd(file, 0, str(error).partition(": ")[2].removesuffix("."))
            continue
        if not isinstance(held, dict) or not isinstance(held.get("shapes"), list):
            builder.odd(file, 0, 'it has no list "shapes"')
            continue
        size = [held.get("imageWidth"), held.get("imageHeight")]
        known = (int(size[0]), int(size[1])) if are_finite(size) and min(size) > 0 else None
        named = str(held.get("imagePath") or "")
        for image in pictures.of_file(file, named) or [builder.orphan(file)]:
            if builder.is_second(file, image, own):
                continue
            id_ = builder.image(image, known)
            for flag, is_set in held["flags"].items() if isinstance(held.get("flags"), dict) else ():
                if is_set is True:
                    builder.annotate(id_, flag, {})
            for place, shape in enumerate(held["shapes"], start=1):
                _annotate(builder, id_, shape, file, place)
    return builder.done()


def _annotate(builder: Builder, image: int, shape: Any, file: Path, place: int) -> None:
    if not isinstance(shape, dict) or not isinstance(shape.get("label"), str):
        return builder.odd(file, 0, f"shape {place} has no label")
    points = shape.get("points")
    if (
        not isinstance(points, list)
        or not all(are_finite(each) and len(each) == 2 for each in points)
        or any(abs(number) > LARGEST for point in points for number in point)
    ):
        return builder.odd(file, 0, f"the points of shape {place} are no pairs of finite numbers")
    fields = _fields(shape, [(x, y) for x, y in points])
    if fields is None:
        return builder.odd(file, 0, f"shape {place}, a {shape.get('shape_type')} of {len(points)} points, left out")
    builder.annotate(image, shape["label"], fields, _attributes(shape))
    return None


def _attributes(shape: Mapping[str, Any]) -> dict[str, Any]:
    """What is said of a shape beside what and where it is."""
    flags, more = (each if isinstance(each := shape.get(key), dict) else {} for key in ("flags", "attributes"))
    said = {key: value for key, value in shape.items() if key not in NO_ATTRIBUTES}
    said |= more | {flag: True for flag, is_set in flags.items() if is_set is True}
    return {key: value for key, value in said.items() if is_said(value)}


def _fields(shape: Mapping[str, Any], points: list[tuple[float, float]]) -> dict[str, Any] | None:
    kind = shape.get("shape_type") or "polygon"  # files of old have none
    if kind == "rectangle" and len(points) == 2:
        (left, top), (right, bottom) = points
        return box(left, top, right - left, bottom - top)
    if kind in ("polygon", "rectangle", "oriented_rectangle") and len(points) > 2:
        return outline(points)
    if kind == "circle" and len(points) == 2:
        (x, y), rim = points
        radius = math.dist((x, y), rim)
        turns = (2 * math.pi * corner / CIRCLE_CORNERS for corner in range(CIRCLE_CORNERS))
        return outline([(x + radius * math.cos(turn), y + radius * math.sin(turn)) for turn in turns])
    if kind == "point" and len(points) == 1:
        ((x, y),) = points
        return box(x, y, 0, 0) | {"keypoints": [*rounded((x, y)), 2], "num_keypoints": 1}
    return None


def _looks_right(file: Path) -> bool:
    """Whether it names an image and shapes; a picture inside may stand before what is looked for."""
    if file.suffix.lower() != ".json":
        return False
    head = head_of(file)
    return any(key in head for key in (b'"imagePath"', b'"shapes"', b'"imageData"')) and b'"images"' not in head


def _named_in(file: Path) -> str:
    """What a file calls its image, behind its shapes and maybe before the picture itself."""
    try:
        held = json_of(file) if _looks_right(file) else None
    except AnnotationError:
        return ""
    return str(held.get("imagePath") or "") if isinstance(held, dict) else ""


FILES = FilePerImage(".json", _looks_right, _named_in)
LABELME = Format(
    "labelme",
    "LabelMe",
    "rectangles, polygons, circles, points, flags",
    FILES.recognises,
    FILES.find,
    FILES.files,
    FILES.labelled,
    read,
)
