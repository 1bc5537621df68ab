"""A third look at drawn pictures that lie on each other as they stand, or were carried there: at their own pixels,
where small print is.

A second look at 256 pixels a side makes blots of small figures, and tones that are evened out by place hide a patch in
another one. Here the tones of one picture are carried to the other's by the monotone curve that fits best (isotonic
regression, by pooling adjacent violators; Ayer et al. 1955), the sharper of the two is softened until it is as soft as
the other, and what is left over anywhere counts: a copy that was compressed or toned leaves little at its worst place.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dedup.matching.leftover import equally_sharp, toned

Picture = NDArray[np.uint8]
Floats = NDArray[np.float32]

NEIGHBOURS = 3
"""A pixel may be like any of so many pixels squared around its place: saving moves edges by a part of one."""
SPECK = 2
"""What differs is averaged over so many pixels squared: noise of single ones is none of the drawing's."""
PATCH = 11
"""A patch has so many pixels squared at least."""


@dataclass(frozen=True, slots=True)
class Found:
    """What differs most at any place, in gray levels: by a `stroke`, whatever neighbours could explain taken off, and,
    of any colour channel, by a `patch`. `soft` where one of the two had to be softened."""

    stroke: float
    patch: float
    soft: bool


def is_other(left: Picture, right: Picture, stroke: float, most: float = math.inf) -> bool:
    """Whether two pictures (height, width, 3) of one shape hold other things somewhere. A stroke of copies differs by
    `stroke` gray levels at most, and a patch by `most`: infinitely where the colours of the whole were changed, or one
    was made softer or smaller."""
    found = compare(left, right, patches=left.shape == right.shape and math.isfinite(most))
    return found.stroke > stroke or (not found.soft and found.patch > most)


RIM = 4
"""Pixels along the edge of what both show that are left out of a carried picture: there it is half its ground."""


def carried(left: Picture, right: Picture, affine: NDArray[np.float64]) -> tuple[Picture, Picture]:
    """What both show of two pictures, of one shape and at the pixels of the coarser: `affine` (6,) carries places of
    `left` (sides) to `right`."""
    map_ = np.vstack([affine.reshape(2, 3), (0.0, 0.0, 1.0)])
    steps = np.diag([right.shape[1], right.shape[0]]) @ map_[:2, :2] @ np.diag([1 / left.shape[1], 1 / left.shape[0]])
    finer = math.sqrt(abs(float(np.linalg.det(steps))))  # pixels of the right one to a pixel of the left one
    left, right = _at(_shrunk(left, min(finer, 1.0)), left), _at(_shrunk(right, min(1 / finer, 1.0)), right)
    (height, width), (rows, columns) = left.shape[:2], right.shape[:2]
    to_right = np.diag([columns, rows, 1.0]) @ map_ @ np.diag([1 / width, 1 / height, 1.0])
    how = (width, height), Image.Transform.AFFINE, tuple(to_right[:2].ravel().tolist())
    laid = np.asarray(Image.fromarray(right).transform(*how, Image.Resampling.BICUBIC))
    seen = np.asarray(Image.new("L", (columns, rows), 255).transform(*how, Image.Resampling.NEAREST)) > 0
    inside = tuple(_middle(seen.mean(axis=axis)) for axis in (1, 0))
    return left[inside], laid[inside]


def _shrunk(picture: Picture, scale: float) -> tuple[int, int]:
    """The height and width of a picture at a part of its size."""
    return max(1, round(picture.shape[0] * scale)), max(1, round(picture.shape[1] * scale))


def _middle(seen: NDArray[np.float64]) -> slice:
    """Where half of each line is seen, without its rim."""
    lines = np.flatnonzero(seen > 0.5)
    return slice(lines[0] + RIM, lines[-1] + 1 - RIM) if len(lines) > 2 * RIM else slice(0, 0)


def compare(left: Picture, right: Picture, *, patches: bool = True) -> Found:
    """Compare pictures (height, width, 3) at the size of the smaller, each carried to the other's tones: what differs
    may be lost in the tones of one of them. Without `patches` none is looked for, and 0 is told."""
    height, width = min(left.shape[:2], right.shape[:2])
    left, right = (_at((height, width), each) for each in (left, right))
    one, other, soft = equally_sharp(_gray(left), _gray(right))
    channels = range(3) if patches else ()
    patch = max((_patch(left[..., channel], right[..., channel]) for channel in channels), default=0.0)
    return Found(max(_stroke(one, other), _stroke(other, one)), patch, soft)


def _at(size: tuple[int, int], picture: Picture) -> Picture:
    """A picture at a height and width that are no larger than its own, by area."""
    if picture.shape[:2] == size:
        return picture
    return np.asarray(Image.fromarray(picture).resize(size[::-1], Image.Resampling.BOX))


def _gray(picture: Picture) -> Picture:
    return np.asarray(Image.fromarray(picture).convert("L"))


def _stroke(one: Picture, other: Picture) -> float:
    """`stroke` of `Found`, `other` carried to the tones of `one`."""
    from scipy import ndimage

    a, b = one.astype(np.float32), toned(other, one)
    apart = ndimage.uniform_filter(np.maximum(np.maximum(_beyond(a, b), _beyond(b, a)), 0), SPECK)
    return float(apart[NEIGHBOURS:-NEIGHBOURS, NEIGHBOURS:-NEIGHBOURS].max(initial=0))


def _beyond(a: Floats, b: Floats) -> Floats:
    """How far each pixel of `a` is from the tones around its place in `b`; below 0 within them."""
    from scipy import ndimage

    return np.asarray(np.maximum(a - ndimage.maximum_filter(b, NEIGHBOURS), ndimage.minimum_filter(b, NEIGHBOURS) - a))


def _patch(one: Picture, other: Picture) -> float:
    """`patch` of `Found` in one channel, under the curve of tones, either way, that leaves less."""
    from scipy import ndimage

    edge = PATCH // 2 + 1
    left = [
        ndimage.uniform_filter(a - toned(b, a), PATCH)[edge:-edge, edge:-edge] for a, b in ((one, other), (other, one))
    ]
    return min(float(np.abs(each).max(initial=0)) for each in left)
