"""Annotations of the sample, as COCO: boxes around what pictures show, and two labels that clash with their copy's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

OBJECTS = ("flowers", "fruit", "clocks")
"""Classes of things before a plain ground, which a box can be drawn around."""

SIDE = 64
"""Pixels a side in which things are looked for."""
STANDS_OUT = 48
"""Of 255, in the most different colour: more than the shading of a ground, less than any thing's difference from it."""
STRAY = 1.0
"""Percent of the pixels that stand out that may lie beyond a side of the box: sparkles, shadows."""

WRONG_CLASSES = {"flowers": "fruit", "fruit": "flowers", "clocks": "flowers"}
"""What a hurried person takes a thing for."""


def box_of(picture: Image.Image) -> tuple[int, int, int, int] | None:
    """x, y, width and height in pixels of what stands out from the ground left and right of it; None for nothing."""
    small = np.asarray(picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX), np.int16)
    ground = (small[:, :2].mean(axis=1) + small[:, -2:].mean(axis=1)) / 2
    rows, columns = np.nonzero(np.abs(small - ground[:, None]).max(axis=2) > STANDS_OUT)
    if rows.size < SIDE:
        return None
    left, right = _spread(columns, picture.width)
    top, bottom = _spread(rows, picture.height)
    return left, top, right - left, bottom - top


def _spread(places: NDArray[np.int64], length: int) -> tuple[int, int]:
    low, high = np.percentile(places, (STRAY, 100 - STRAY))
    return int(low * length / SIDE), int(np.ceil((high + 1) * length / SIDE))


def coco(pictures: Mapping[str, Image.Image], copies: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """A COCO document of the `pictures` of things by path, and of their identical `copies` (path, original): the first
    copy's class is wrong, the second's box is elsewhere, the others agree."""
    categories = {name: number for number, name in enumerate(OBJECTS, start=1)}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []

    def add(path: str, size: tuple[int, int], category: str, box: Sequence[int]) -> None:
        images.append({"id": len(images) + 1, "file_name": path, "width": size[0], "height": size[1]})
        annotations.append(
            {
                "id": len(annotations) + 1,
                "image_id": len(images),
                "category_id": categories[category],
                "bbox": list(box),
                "area": box[2] * box[3],
                "iscrowd": 0,
            }
        )

    boxes = {path: box for path, picture in pictures.items() if (box := box_of(picture)) is not None}
    for path, box in boxes.items():
        add(path, pictures[path].size, path.split("/")[1], box)
    for number, (path, original) in enumerate((path, original) for path, original in copies if original in boxes):
        category, box = original.split("/")[1], boxes[original]
        if number == 0:
            category = WRONG_CLASSES[category]
        if number == 1:
            box = (0, 0, max(8, box[2] // 3), max(8, box[3] // 3))
        add(path, pictures[original].size, category, box)
    return {
        "info": {"description": "Boxes of the sample"},
        "images": images,
        "annotations": annotations,
        "categories": [{"id": number, "name": name} for name, number in categories.items()],
    }
