"""Pictures as models take them: upright RGB, the shorter side shrunk to a size, the middle cut out of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from dedup.images import decode
from dedup.images.formats import MAX_PIXELS


@dataclass(frozen=True, slots=True)
class Shape:
    """`width` and `height` of what a model takes, pixels. `shorter` is what the shorter side of the picture is shrunk
    or enlarged to before the middle is cut out; 0 squeezes the whole picture instead."""

    width: int
    height: int
    shorter: int
    resample: int = Image.Resampling.BICUBIC


def prepare(path: Path, *, shape: Shape, max_pixels: int = MAX_PIXELS) -> bytes:
    """The pixels of a file, (height, width, 3) uint8 row by row. Raises `UnreadableImage`."""
    goal = max(shape.shorter, shape.width, shape.height)
    return fitted(decode.open_picture(path, max_pixels=max_pixels, reduce_to=2 * goal), shape).tobytes()


def fitted(picture: Image.Image, shape: Shape) -> Image.Image:
    """A picture in that shape."""
    how = Image.Resampling(shape.resample)
    if not shape.shorter:
        return picture.resize((shape.width, shape.height), how)
    scale = shape.shorter / min(picture.size)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    left, top = (width - shape.width) / 2, (height - shape.height) / 2
    box = (left / scale, top / scale, (left + shape.width) / scale, (top + shape.height) / scale)
    if left < 0 or top < 0:  # a strip so thin that the middle is wider: black beside it
        whole = picture.resize((width, height), how)
        return whole.crop((round(left), round(top), round(left) + shape.width, round(top) + shape.height))
    within = tuple(min(max(0.0, each), float(end)) for each, end in zip(box, picture.size * 2, strict=True))
    return picture.resize((shape.width, shape.height), how, box=within)  # type: ignore[arg-type]
