"""Samples of more than 8 bits as 8-bit pictures, by a range that no single sample decides.

The range of a picture is taken from a grid of at most 65,536 of its samples: without NaN, infinities and the numbers
that stand for "no data", it reaches from their 0.2th to their 99.8th percentile. So one hot pixel, a burnt-in marker or
a corner without data leave the rest as it is. Whole numbers that use a quarter of a usual depth (8, 10, 12, 14 or 16
bits) or more keep their place in it, and so do floats in 0..1 and 0..255; anything else is stretched. Where there are
but a few different samples they are labels, whose order is shown and not their size; a single one is shown as it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

NO_DATA = (-9999.0, -99999.0, -32768.0, -32767.0, 1e20, 9.969209968386869e36, 3.4028234663852886e38)
"""What GIS and climate programs write where there is no measurement, and negative the large ones (NetCDF's and ESRI's
defaults, the least numbers of int16 and float32)."""
LOOKED_AT = 1 << 16
"""Samples that the range is taken from: enough for percentiles to a thousandth."""
TAILS = 0.2
"""Percent left out at either end: more than dead pixels take, less than anything worth seeing."""
VALUES_OF_A_PICTURE = 16
"""With fewer different samples beside it, an end of the range is a label among labels and not a number for no data."""
DEPTHS = (8, 10, 12, 14, 16)
MOST_BANDS = 4096
"""Of a TIFF: hyperspectral cameras have hundreds."""
LEAST_USE = 0.25
"""Who uses less of a depth is stretched."""

Samples = NDArray[np.generic]


class OutOfReach(Exception):
    """Samples cannot be read at their depth: damaged, or compressed by what needs a package that is absent."""


@dataclass(frozen=True, slots=True)
class Range:
    """`low` is shown as black, `high` as white; both are numbers of the samples."""

    low: float
    high: float

    def to_8_bit(self, samples: Samples) -> NDArray[np.uint8]:
        """Samples of any shape as uint8; what is no number or lies below the range is black."""
        with np.errstate(invalid="ignore", over="ignore"):
            scaled = (samples.astype(np.float32) - np.float32(self.low)) * np.float32(255.999 / (self.high - self.low))
        return np.asarray(np.clip(np.nan_to_num(scaled, nan=0.0), 0, 255), np.uint8)


@dataclass(frozen=True, slots=True)
class Ranks:
    """Labels, ascending, are shown as evenly spaced tones; what is no number is black."""

    labels: NDArray[np.generic]

    def to_8_bit(self, samples: Samples) -> NDArray[np.uint8]:
        """Samples of any shape as uint8; what lies between two labels is shown as the lower one."""
        ranks = (np.searchsorted(self.labels, samples, side="right") - 1) * (samples == samples)
        return np.asarray(np.clip(ranks, 0, None) * 255 // max(len(self.labels) - 1, 1), np.uint8)


def scale_of(samples: Samples, no_data: float | None = None) -> Range | Ranks:
    """How samples are shown: by `range_of`, or as labels where there are few; flat samples."""
    labels = np.unique(samples[samples == samples])
    if len(labels) == 1 and len(labels) < len(np.unique(samples)):
        labels = np.insert(labels, 0, -np.inf)  # something beside nothing
    if len(labels) == 1:
        return _as_it_is(labels)
    return Ranks(labels) if len(labels) <= VALUES_OF_A_PICTURE else range_of(samples, no_data)


def _as_it_is(only: Samples) -> Range:
    """One sample in the largest usual range, or up to itself: nothing tells of another one."""
    top = (1 << DEPTHS[-1]) - 1.0 if only.dtype.kind in "iu" else 1.0
    told = float(only.astype(np.float64)[0])
    return Range(0.0, max(top, told) if math.isfinite(told) else top)


def range_of(samples: Samples, no_data: float | None = None) -> Range:
    """The range in which samples are shown; `no_data` is the number that their file says stands for nothing."""
    whole = np.issubdtype(samples.dtype, np.integer)
    values = np.sort(_measured(samples, no_data))
    if not len(values):
        return Range(0.0, 1.0)
    low, high = (float(each) for each in np.percentile(values, (TAILS, 100 - TAILS)))
    for top in _tops(whole):
        if low >= 0 and high <= top and high - low >= LEAST_USE * top:
            return Range(0.0, top)
    return Range(low, high) if high > low else Range(low - 1, low + 1)


def thinned(samples: Samples) -> Samples:
    """A grid of at most `LOOKED_AT` of the samples (height, width, ...)."""
    step = max(1, int(np.ceil(np.sqrt(samples.shape[0] * samples.shape[1] / LOOKED_AT))))
    return samples[step // 2 :: step, step // 2 :: step] if min(samples.shape[:2]) > step else samples.ravel()[::step]


def _tops(whole: bool) -> Iterator[float]:
    """The upper ends of usual ranges from 0."""
    yield from ((1 << bits) - 1.0 for bits in DEPTHS) if whole else (1.0, 255.0)


def _measured(samples: Samples, no_data: float | None) -> NDArray[np.float64]:
    """The samples that stand for something, flat."""
    values = samples.astype(np.float64).ravel()
    values = values[np.isfinite(values)]
    constants = [*NO_DATA, *(-each for each in NO_DATA), *([] if no_data is None else [no_data])]
    nothing = np.isin(values.astype(np.float32), np.array(constants, np.float32))
    values = values[~nothing]
    for end in (np.min, np.max):
        values = _without_lone(values, end(values)) if len(values) else values
    return values


def _without_lone(values: NDArray[np.float64], end: float) -> NDArray[np.float64]:
    """`values` without their least or greatest number, where that lies further away than all others are apart."""
    rest = values[values != end]
    if not len(rest) or np.abs(rest - end).min() <= np.ptp(rest):
        return values
    return rest if len(np.unique(rest)) >= VALUES_OF_A_PICTURE else values


def read_png(path: str) -> Samples:
    """All samples of a PNG file at their depth, (height, width, bands) uint8 or uint16. Pillow keeps 8 bits of colours.

    Raises `OutOfReach`.
    """
    import png

    try:
        _, _, rows, info = png.Reader(filename=path).asDirect()
        kind = np.uint16 if info["bitdepth"] > 8 else np.uint8
        return np.vstack([np.asarray(row, kind) for row in rows]).reshape(info["size"][1], info["size"][0], -1)
    except (png.Error, ValueError, EOFError) as error:
        raise OutOfReach(str(error)) from error


@dataclass(frozen=True, slots=True)
class Tiff:
    """What the header of a TIFF page says: number of `bands` and their numpy `dtype`, `no_data` if it names one; of
    samples that stand closer than that type how many bits they are `packed` in, else 0."""

    bands: int
    dtype: str
    no_data: float | None
    packed: int = 0

    @property
    def bits(self) -> int:
        """Bits of a sample, 0 where the kind of samples is unknown."""
        return np.dtype(self.dtype).itemsize * 8 if self.dtype else 0


def tiff_header(path: str, number: int = 0) -> Tiff | None:
    """The header of a page of a TIFF; None where there is no sound one."""
    import tifffile

    try:
        with tifffile.TiffFile(path) as file:
            page = file.pages[number]
            assert isinstance(page, tifffile.TiffPage)
            ends = [start + count for start, count in zip(page.dataoffsets, page.databytecounts, strict=True)]
            plain = page.compression == tifffile.COMPRESSION.NONE
            too_many = page.samplesperpixel > MOST_BANDS
            row = -(-page.imagewidth * page.bitspersample // 8)  # of one band: samples may be packed
            too_few = plain and sum(page.databytecounts) < row * page.imagelength * page.samplesperpixel
            if too_many or too_few or not ends or max(ends) > file.filehandle.size:
                return None  # what it says of itself is not to be believed
            no_data = page.nodata if isinstance(page.nodata, int | float) and "GDAL_NODATA" in page.tags else None
            packed = page.bitspersample if page.bitspersample % 8 else 0
            return Tiff(page.samplesperpixel, str(page.dtype or ""), no_data, packed)
    except (tifffile.TiffFileError, ValueError, KeyError, IndexError, OSError, TypeError):
        return None


def read_tiff(path: str, number: int = 0) -> Samples:
    """All samples of a page at their depth, (height, width, bands).

    Raises `OutOfReach`, for LZW for example, which takes the package imagecodecs.
    """
    import tifffile

    try:
        with tifffile.TiffFile(path) as file:
            page = file.pages[number]
            assert isinstance(page, tifffile.TiffPage)
            samples = page.asarray()
            if page.samplesperpixel > 1 and page.planarconfig == tifffile.PLANARCONFIG.SEPARATE:
                samples = np.moveaxis(samples, 0, -1)
            return samples.reshape(*samples.shape[:2], -1)
    except (tifffile.TiffFileError, ValueError, KeyError, IndexError, OSError, TypeError, RuntimeError) as error:
        raise OutOfReach(str(error)) from error


def strips(image: Image.Image, rows: int) -> Iterator[tuple[int, Image.Image]]:
    """A loaded image in strips of so many rows, each with its first row: what is made of one at a time needs no room
    for the whole."""
    if image.height <= rows:
        yield 0, image
        return
    for top in range(0, image.height, rows):
        yield top, image.crop((0, top, image.width, min(image.height, top + rows)))
