"""What annotations look like: outlines as paths of SVG in pixels of the upright picture, made of numbers alone."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from dedup.labels.clashes import rectangle_of
from dedup.labels.coco_sound import are_finite
from dedup.labels.masks import decode

MOST = 400
"""Annotations that are drawn of one image: of more nothing would be seen."""
MASK_SIDE = 256
"""Longer side of a mask as it is drawn."""
SAME_SHAPE = 0.02
"""A mask whose sides are in the proportion of its image's, but for this (log2), is that of a smaller copy."""

Corner = tuple[int, int]


class Shape(TypedDict):
    """An annotation to draw in an `ink` (#rrggbb): `path` closes on itself, `points` are x, y and whether it is seen,
    of each keypoint."""

    category: str
    ink: str
    path: str
    points: list[list[float]]
    crowd: bool


def shape_of(entry: Mapping[str, Any], category: str, ink: str, size: tuple[int, int]) -> Shape | None:
    """How an annotation of an image of a `size` (width, height) is drawn: by its outline or mask, else by its box; None
    for one of the whole image."""
    outline = entry.get("segmentation")
    path = ""
    if isinstance(outline, list):
        path = "".join(_polygon(each) for each in outline if are_finite(each) and len(each) >= 6)
    elif isinstance(outline, Mapping):
        path = _mask(outline, size)
    box = rectangle_of(entry)
    if not path and box is not None:
        left, top, right, bottom = box
        path = _polygon([left, top, right, top, right, bottom, left, bottom])
    points = _points(entry.get("keypoints"))
    if not path and not points:
        return None
    return Shape(category=category, ink=ink, path=path, points=points, crowd=bool(entry.get("iscrowd")))


def _polygon(numbers: Sequence[float]) -> str:
    pairs = [f"{numbers[place]:.1f} {numbers[place + 1]:.1f}" for place in range(0, len(numbers) - 1, 2)]
    return f"M{'L'.join(pairs)}Z"


def _points(told: Any) -> list[list[float]]:
    if not are_finite(told) or len(told) % 3:
        return []
    found = [[round(float(told[place]), 1), round(float(told[place + 1]), 1), float(told[place + 2])]
             for place in range(0, len(told), 3)]  # fmt: skip
    return [point for point in found if point[2] > 0]


def _mask(told: Mapping[str, Any], size: tuple[int, int]) -> str:
    """A mask as the outlines of its cells, at most `MASK_SIDE` a side, of which a single pixel is enough: a crack is
    never drawn as its box. "" for what is none, or none of an image of this size."""
    try:
        mask = decode(told)
    except ValueError:
        return ""
    height, width = mask.shape
    if not all(size) or abs(math.log2(width * size[1] / (height * size[0]))) > SAME_SHAPE:
        return ""
    step = -(-max(mask.shape) // MASK_SIDE)
    across, down = size[0] / width * step, size[1] / height * step
    return "".join(
        f"M{'L'.join(f'{min(x * across, size[0]):.1f} {min(y * down, size[1]):.1f}' for x, y in outline)}Z"
        for outline in outlines(_cells(mask, step))
    )


def _cells(mask: NDArray[np.bool_], step: int) -> NDArray[np.bool_]:
    """Which squares of `step` pixels have any of a mask."""
    height, width = (-(-side // step) * step for side in mask.shape)
    whole = np.zeros((height, width), np.bool_)
    whole[: mask.shape[0], : mask.shape[1]] = mask
    return np.asarray(whole.reshape(height // step, step, width // step, step).any(axis=(1, 3)))


def outlines(cells: NDArray[np.bool_]) -> Iterator[list[Corner]]:
    """The corners (x, y) of what is around the cells (height, width), clockwise, and of what is around their holes, the
    other way: filled by either rule of SVG, both show the cells."""
    ends: dict[Corner, list[Corner]] = defaultdict(list)
    framed = np.pad(cells, 1)
    here = framed[1:-1, 1:-1]
    sides = (
        (framed[:-2, 1:-1], (0, 0), (1, 0)),
        (framed[1:-1, 2:], (1, 0), (1, 1)),
        (framed[2:, 1:-1], (1, 1), (0, 1)),
        (framed[1:-1, :-2], (0, 1), (0, 0)),
    )
    for beside, start, end in sides:
        for y, x in np.argwhere(here & ~beside).tolist():
            ends[x + start[0], y + start[1]].append((x + end[0], y + end[1]))
    while ends:
        first = place = next(iter(ends))
        line: list[Corner] = []
        while place != first or not line:
            line.append(place)
            place = ends[line[-1]].pop()
            if not ends[line[-1]]:
                del ends[line[-1]]
        yield [
            corner
            for before, corner, after in zip([line[-1], *line[:-1]], line, [*line[1:], line[0]], strict=True)
            if not (before[0] == corner[0] == after[0] or before[1] == corner[1] == after[1])
        ]
