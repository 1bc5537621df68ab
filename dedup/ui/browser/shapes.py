"""What annotations look like: outlines as paths of SVG in pixels of the upright picture, made of numbers alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


class Shape(TypedDict):
    """An annotation to draw: `path` closes on itself, `points` are x, y and whether it is seen, of each keypoint."""

    category: str
    path: str
    points: list[list[float]]
    crowd: bool


def shape_of(entry: Mapping[str, Any], category: str) -> Shape | None:
    """How an annotation is drawn: by its outline or mask, else by its box; None for one of the whole image."""
    outline = entry.get("segmentation")
    path = ""
    if isinstance(outline, list):
        path = "".join(_polygon(each) for each in outline if are_finite(each) and len(each) >= 6)
    elif isinstance(outline, Mapping):
        path = _mask(outline)
    box = rectangle_of(entry)
    if not path and box is not None:
        left, top, right, bottom = box
        path = _polygon([left, top, right, top, right, bottom, left, bottom])
    points = _points(entry.get("keypoints"))
    if not path and not points:
        return None
    return Shape(category=category, path=path, points=points, crowd=bool(entry.get("iscrowd")))


def _polygon(numbers: Sequence[float]) -> str:
    pairs = [f"{numbers[place]:.1f} {numbers[place + 1]:.1f}" for place in range(0, len(numbers) - 1, 2)]
    return f"M{'L'.join(pairs)}Z"


def _points(told: Any) -> list[list[float]]:
    if not are_finite(told) or len(told) % 3:
        return []
    found = [[round(float(told[place]), 1), round(float(told[place + 1]), 1), float(told[place + 2])]
             for place in range(0, len(told), 3)]  # fmt: skip
    return [point for point in found if point[2] > 0]


def _mask(told: Mapping[str, Any]) -> str:
    """A mask as a strip for each run of its rows, at most `MASK_SIDE` rows high."""
    try:
        mask = decode(told)
    except ValueError:
        return ""
    step = -(-max(mask.shape) // MASK_SIDE)
    return "".join(
        f"M{start * step} {row * step}h{(end - start) * step}v{step}h{-(end - start) * step}Z"
        for row, line in enumerate(mask[::step, ::step])
        for start, end in _runs(line)
    )


def _runs(line: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(line, prepend=False, append=False)).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))
