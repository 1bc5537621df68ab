"""JPEG's own ways: decoding at a fraction of the size, and what its quantisation tables tell of its quality."""

from __future__ import annotations

import io
import math
from typing import BinaryIO

import numpy as np
import simplejpeg
from PIL import Image

STANDARD_LUMINANCE = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)
"""Quantisation of luminance at quality 50 (ITU-T T.81, table K.1), which libjpeg scales to other qualities."""

SMALLEST_SCALE = 8
"""JPEG transforms blocks of 8 x 8 samples: fewer than one a block cannot be decoded."""

_SPACES = {"RGB": "RGB", "L": "GRAY"}

_FRAMES = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
_LOSSLESS = {0xC3, 0xC7, 0xCB, 0xCF}
JPEG_LS = 0xF7
"""Markers that begin a frame (ITU-T T.81, table B.1; T.87), those of frames without a transform, and another JPEG's."""


def frame(stream: BinaryIO) -> tuple[int, int]:
    """The marker that begins the first frame of a JPEG, and the bits of its samples; zeros where there is none. The
    place in the stream stays."""
    place = stream.tell()
    try:
        stream.seek(2)
        while len(head := stream.read(4)) == 4 and head[0] == 0xFF:
            if head[1] in _FRAMES:
                return head[1], int.from_bytes(stream.read(1))
            # a marker may have bytes of filling ahead, and then begins with the next one
            stream.seek(-3 if head[1] == 0xFF else int.from_bytes(head[2:]) - 2, io.SEEK_CUR)
        return 0, 0
    finally:
        stream.seek(place)


def has_fractions(stream: BinaryIO) -> bool:
    """Whether a JPEG can be decoded at a fraction of its size. Of lossless ones decoders promise it, and write beyond
    the room that the fraction takes."""
    return frame(stream)[0] not in _LOSSLESS


def decode(data: bytes, image: Image.Image, reduction: int) -> tuple[Image.Image, int]:
    """The picture in `data`, reduced to ceil(side / n), and n: the largest of 1, 2, 4 and 8 up to `reduction`, or less.

    `image` is the same file opened by Pillow, not loaded: it decodes what libjpeg's quick interface does not take,
    and says what is wrong with damaged data. Both give the same samples.
    """
    if not has_fractions(io.BytesIO(data)):
        image.load()
        return image, 1
    reduction = 1 << (min(reduction, SMALLEST_SCALE).bit_length() - 1)
    space = _SPACES.get(image.mode)
    if space is not None:
        height, width = (-(-side // reduction) for side in (image.height, image.width))
        try:
            samples = simplejpeg.decode_jpeg(data, space, min_height=height, min_width=width)
        except (ValueError, RuntimeError):  # damaged, or of a kind that only Pillow reads
            samples = None
        if samples is not None and samples.shape[:2] == (height, width):
            return Image.fromarray(samples if space == "RGB" else samples[..., 0]), reduction
    full = image.size
    image.draft(None, (max(1, full[0] // reduction), max(1, full[1] // reduction)))
    image.load()
    scales = (each for each in (8, 4, 2, 1) if each <= reduction)
    return image, next(each for each in scales if image.size == tuple(-(-side // each) for side in full))


def quality(tables: dict[int, list[int]] | None) -> float:
    """The IJG quality (1..100) whose luminance table sums to the first of `tables`; NaN without any."""
    if not tables:
        return math.nan
    scale = 100 * sum(tables[min(tables)]) / STANDARD_LUMINANCE.sum()
    found = (200 - scale) / 2 if scale <= 100 else 5000 / scale
    return float(min(100.0, max(1.0, found)))
