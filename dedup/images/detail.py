"""A picture at the detail that a second look at a pair needs: gray, up to 256 pixels a side, squeezed to a square."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dedup.images.decode import open_further, open_picture, open_renditions
from dedup.images.formats import MAX_PIXELS

SIDES = (256, 128, 64, 32, 16)
"""Detail is kept at the first of these that the picture's own pixels fill ..."""
WHOLE_SIDE = 800
"""Pixels of the longer side of a picture of which parts are looked at: a quarter of the side has 200, which is next to
the 256 at which whole ones are."""
PIXELS_SIDE = 1600
"""Small print of pages and screens can still be read at so many pixels of the longer side."""
FURTHER = 48
"""Frames or pages of a file that are looked at: all of most documents, of a film some that differ."""
FILLED = 0.7
"""... to this fraction: an enlarged picture has no more to tell."""


@dataclass(frozen=True, slots=True)
class Detail:
    """The `gray` picture, uint8 (side, side) with one of `SIDES`, its whole width and height on it; of a transparent
    one that stands on a tone also `otherwise`, the same on the other tone."""

    gray: NDArray[np.uint8]
    otherwise: NDArray[np.uint8] | None = None


def take(path: Path, *, max_pixels: int = MAX_PIXELS) -> Detail:
    """Read a file's detail. Raises `UnreadableImage`."""
    renditions = open_renditions(path, max_pixels=max_pixels, reduce_to=2 * SIDES[0])
    own, other = (each and _squeezed(each.convert("L"), side_of(*each.size)) for each in renditions)
    return Detail(np.asarray(own), None if other is None else np.asarray(other))


def further(path: Path, *, max_pixels: int = MAX_PIXELS) -> list[Detail]:
    """The detail of up to `FURTHER` frames or pages of a file after the first. Raises `UnreadableImage`."""
    return [of_picture(picture) for picture in open_further(path, FURTHER, max_pixels=max_pixels)]


def of_picture(picture: Image.Image) -> Detail:
    """The detail of an opaque picture."""
    return Detail(np.asarray(_squeezed(picture.convert("L"), side_of(*picture.size))))


def whole(path: Path, *, max_pixels: int = MAX_PIXELS) -> NDArray[np.uint8]:
    """A file's picture with up to `WHOLE_SIDE` pixels a side, in colour (height, width, 3): its parts are looked at.
    Raises `UnreadableImage`."""
    picture = open_picture(path, max_pixels=max_pixels, reduce_to=WHOLE_SIDE, longer=True)
    picture.thumbnail((WHOLE_SIDE, WHOLE_SIDE), Image.Resampling.BOX)
    return np.asarray(picture)


def pixels(path: Path, *, max_pixels: int = MAX_PIXELS) -> NDArray[np.uint8]:
    """A file's picture with its own pixels, up to `PIXELS_SIDE` a side, in colour (height, width, 3). Raises
    `UnreadableImage`."""
    picture = open_picture(path, max_pixels=max_pixels, reduce_to=PIXELS_SIDE, longer=True)
    picture.thumbnail((PIXELS_SIDE, PIXELS_SIDE), Image.Resampling.BOX)
    return np.asarray(picture.convert("RGB"))


def side_of(width: int, height: int) -> int:
    """The side at which a picture's detail is kept."""
    own = math.sqrt(width * height)
    return next((side for side in SIDES if own >= FILLED * side), SIDES[-1])


def _squeezed(picture: Image.Image, side: int) -> Image.Image:
    """`picture` as a square; reduced by area, for a filter that rings would draw edges that are not there."""
    filters = Image.Resampling.BOX, Image.Resampling.HAMMING, Image.Resampling.BICUBIC
    shortest, longest = sorted(picture.size)
    return picture.resize((side, side), filters[0 if shortest >= 2 * side else 1 if longest >= side else 2])
