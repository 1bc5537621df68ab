"""What the metrics of one image are computed from, each intermediate at most once."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dedup.words import size

REDUCED_SIDE, SWATCH_SIDE = 128, 64

Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


@dataclass(frozen=True)
class Sample:
    """One image as metrics see it.

    `small` is the upright RGB picture reduced to at most 256 pixels a side, so that numbers mean the same at every
    resolution; `width`, `height` (pixels) and `bytes` are those of the file itself. `extent` (left, top, right, bottom)
    is the part of `small` that the picture fills: the last pixels of a reduced one may stand for less than the others.
    """

    small: Image.Image
    width: int
    height: int
    bytes: int
    extent: Box

    @classmethod
    def of(cls, small: Image.Image) -> Sample:
        """The sample of a small RGB picture that is no file."""
        return cls(small, small.width, small.height, 0, (0, 0, small.width, small.height))

    @cached_property
    def luma_image(self) -> Image.Image:
        """ITU-R 601 luma, mode L."""
        return self.small.convert("L")

    @cached_property
    def luma(self) -> NDArray[np.int16]:
        """ITU-R 601 luma, int16 (h, w), 0..255: wide enough for differences."""
        return np.asarray(self.luma_image).astype(np.int16)

    @cached_property
    def luma_histogram(self) -> NDArray[np.float64]:
        """Share of pixels at each of the 256 luma values."""
        counts = np.array(self.luma_image.histogram(), np.float64)
        return counts / float(counts.sum())

    @cached_property
    def reduced(self) -> Image.Image:
        """RGB at most 128 pixels a side: a hash needs no detail."""
        return _halved(self.small, REDUCED_SIDE)

    @cached_property
    def reduced_extent(self) -> Box:
        """`extent` in pixels of `reduced`."""
        if self.reduced is self.small:
            return self.extent
        left, top, right, bottom = self.extent
        across, down = (min(2, side) for side in self.small.size)
        return left / across, top / down, right / across, bottom / down

    @cached_property
    def reduced_luma(self) -> Image.Image:
        """ITU-R 601 luma of `reduced`, mode L."""
        return self.reduced.convert("L")

    @cached_property
    def channels(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
        """Red, green and blue, uint8 (h, w) each, of a copy of at most 64 pixels a side."""
        swatch = _halved(self.reduced, SWATCH_SIDE)
        red, green, blue = (np.asarray(band) for band in swatch.split())
        return red, green, blue

    @cached_property
    def highest(self) -> NDArray[np.uint8]:
        """Largest of the three channels, uint8 (h, w)."""
        red, green, blue = self.channels
        return np.maximum(np.maximum(red, green), blue)

    @cached_property
    def chroma(self) -> NDArray[np.uint8]:
        """Largest minus smallest channel, uint8 (h, w): 0 where the pixel is gray."""
        red, green, blue = self.channels
        return self.highest - np.minimum(np.minimum(red, green), blue)


def _halved(picture: Image.Image, side: int) -> Image.Image:
    """`picture`, box-reduced to half where it is longer than `side`."""
    width, height = picture.size
    return picture.reduce((min(2, width), min(2, height))) if max(width, height) > side else picture


@dataclass(frozen=True, slots=True)
class Metric:
    """One number per image.

    `name` is the frame's column; `title` and `help` are for people: `help` gives formula, range and source. `measure`
    computes it from a Sample; None when it comes from elsewhere (the file's facts or the whole dataset).
    `whole` says that values are whole numbers, `unit` what they count (B for bytes), `long_tailed` that few values may
    be many times the usual ones, so that a chart needs a logarithmic axis, `optional` that it is of no use where every
    image has 0 or nothing, as counts of annotations where there are none.
    """

    name: str
    title: str
    help: str
    measure: Callable[[Sample], float] | None = None
    whole: bool = False
    unit: str = ""
    long_tailed: bool = False
    optional: bool = False

    def text(self, value: float) -> str:
        """A value for people, the same on cards, axes, sliders and chips: bytes as kB and MB, whole numbers grouped and
        with their unit, others with four significant digits; "unknown" for NaN."""
        if math.isnan(value):
            return "unknown"
        if self.unit == "B":
            return size(value)
        if self.whole:
            return f"{value:,.0f} {self.unit}".rstrip()
        return f"{value:.4f}" if 0 < abs(value) < 1 else f"{value:,.4g}"
