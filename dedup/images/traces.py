"""What a picture's pixels tell of its past, at the file's own resolution: an earlier compression, an enlargement, and
whether two of one size are of one exposure.

Both are read from at most 64 tiles of 32 x 32 pixels, spread over the picture, so that a large one costs no more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dedup.images.decode import open_with_quality
from dedup.images.formats import MAX_PIXELS
from dedup.images.jpeg import STANDARD_LUMINANCE
from dedup.images.signature import cosines

TILE = 32
BANDS = 8
"""So many rows of so many tiles, evenly spread."""
BLOCK = 8
"""JPEG compresses blocks of 8 x 8 pixels."""

Tiles = NDArray[np.float32]
Doubles = NDArray[np.float64]
NO_TILES: Tiles = np.empty((0, TILE, TILE), np.float32)


@dataclass(frozen=True, slots=True)
class Look:
    """What one file's pixels tell: the `earlier` JPEG quality, 0 for none, their `power` (32,) in decibels, and some of
    them as they are, `patches` (n, 32, 32)."""

    earlier: float
    power: NDArray[np.float16]
    patches: NDArray[np.uint8]


def look(path: Path, *, max_pixels: int = MAX_PIXELS) -> Look:
    """Read a file for its traces. Raises `UnreadableImage`."""
    picture, quality = open_with_quality(path, max_pixels=max_pixels)
    bands = Bands(picture)
    earlier = earlier_quality(bands, quality)
    some = bands.tiles()
    return Look(float(np.nan_to_num(earlier)), power(some), some.astype(np.uint8))


NOTHING_TOLD = Look(0.0, np.full(TILE, np.nan, np.float16), NO_TILES.astype(np.uint8))
"""Of a file that cannot be read any more."""


class Bands:
    """The rows of a picture's tiles, taken out of it when somebody asks for them: a large one is never copied whole."""

    def __init__(self, picture: Image.Image) -> None:
        self.width, self.height = picture.size
        self._picture = picture
        self._taken: dict[int, NDArray[np.uint8]] = {}

    def tiles(self, left: int = 0, top: int = 0) -> Tiles:
        """Luma (n, 32, 32), 0..255, of up to 64 tiles on the grid of JPEG's blocks that starts at `left`, `top`."""
        across, down = (self.width - left) // TILE, (self.height - top) // TILE
        if not across or not down:
            return NO_TILES
        if top not in self._taken:
            self._taken[top] = np.stack([self._band(top + row * TILE) for row in _spread(down)])
        lying = self._taken[top][:, :, left : left + across * TILE].reshape(-1, TILE, across, TILE)
        return lying[:, :, _spread(across)].swapaxes(1, 2).reshape(-1, TILE, TILE).astype(np.float32)

    def _band(self, y: int) -> NDArray[np.uint8]:
        return np.asarray(self._picture.crop((0, y, self.width, y + TILE)).convert("L"))


def _spread(count: int) -> list[int]:
    """Up to `BANDS` of so many places, evenly spread."""
    return sorted(set(np.linspace(0, count - 1, min(count, BANDS)).astype(int).tolist()))


def _cosines(side: int) -> NDArray[np.float32]:
    """The orthonormal type-II cosine transform of `side` samples."""
    matrix = cosines(side, side) / np.sqrt(2 * side)
    matrix[0] /= np.sqrt(2)
    return np.asarray(matrix, np.float32)


_WAVES_OF_BLOCKS = _cosines(BLOCK)

# --- exposure ---------------------------------------------------------------------------------------------------------

QUARTER = TILE // 2
FLATTEST = 0.4
"""The part of the quarters of tiles, those with the least contrast, in which grain is compared."""
DARKEST, LIGHTEST = 20, 235
"""Luma that is not clipped: of quarters the mean, of blocks every pixel."""
FEWEST_QUARTERS = 12


def exposure(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> tuple[float, float, float]:
    """How far the grain of two pictures of one size correlates, -1..1, and how much each has, in gray levels.

    `one` and `other` (n, 32, 32) are their tiles. Grain is what is left of flat places by the noise filter of Immerkaer
    1996, inside JPEG's blocks only, for compression makes edges between them. NaN and zeros where nothing is flat.
    """
    if one.shape != other.shape or not len(one):
        return math.nan, 0.0, 0.0
    quarters = [_cut(each.astype(np.float32), QUARTER) for each in (one, other)]
    contrast = np.maximum(*(each.std(axis=(1, 2)) for each in quarters))
    light = np.stack([each.mean(axis=(1, 2)) for each in quarters])
    usable = ((light > DARKEST) & (light < LIGHTEST)).all(axis=0)
    if usable.sum() < FEWEST_QUARTERS:
        return math.nan, 0.0, 0.0
    flat = usable & (contrast <= np.quantile(contrast[usable], FLATTEST))
    x, y = (_grain(each[flat]) for each in quarters)
    sx, sy = float(np.sqrt((x * x).mean())), float(np.sqrt((y * y).mean()))
    return float((x * y).mean() / max(sx * sy, 1e-9)), sx, sy


TELLING = 8.0
"""Frequencies are compared which compression leaves as near as this to what they were, in gray levels ..."""
FEWEST_TELLING = 6
"""... if there are so many of them."""
ROUNDED = 2.0
"""Rounding of samples and of colours moves a frequency by no more: three standard deviations of both."""


def beyond_compression(
    one: NDArray[np.uint8], other: NDArray[np.uint8], qualities: tuple[float, float]
) -> tuple[float, float]:
    """How much sets two pictures of one size apart that their compression does not explain, and whose it is.

    First the part, 0..1, of the frequencies of a block in which they are further apart than half a step of the
    quantisation of either; copies that nothing else sets apart are at 0, whatever they show. Then which part of what
    sets them apart `one` holds: 1 where the other has lost it, as copies compressed in between have, 0 where the other
    has added it, and a half where either brought as much, as two exposures do with noise of their own. Both are medians
    of the flatter blocks, so that what lies over some does not count. NaN where nothing tells.

    `one` and `other` (n, 32, 32) are their tiles, `qualities` those of their JPEG compression, NaN without any.
    """
    if one.shape != other.shape or not len(one):
        return math.nan, math.nan
    blocks = [_cut(each.astype(np.float32), BLOCK) for each in (one, other)]
    contrast = np.maximum(*(each.std(axis=(1, 2)) for each in blocks))
    darkest, lightest = np.minimum(*blocks), np.maximum(*blocks)
    usable = (darkest > DARKEST).all(axis=(1, 2)) & (lightest < LIGHTEST).all(axis=(1, 2))
    known = np.array([each for each in qualities if not math.isnan(each)])
    steps = quantisation(known).sum(axis=0)
    telling = steps / 2 <= TELLING
    telling[0, 0] = False  # the mean, which the slightest change of tones moves
    if usable.sum() < FEWEST_QUARTERS or telling.sum() < FEWEST_TELLING:
        return math.nan, math.nan
    flat = usable & (contrast <= np.quantile(contrast[usable], FLATTEST))
    first, second = ((_WAVES_OF_BLOCKS @ each[flat] @ _WAVES_OF_BLOCKS.T)[:, telling] for each in blocks)
    apart = first - second
    held = (apart * first).sum(axis=1) / np.maximum(np.square(apart).sum(axis=1), 1e-6)
    beyond = (np.abs(apart) > steps[telling] / 2 + ROUNDED).mean(axis=1)
    return float(np.median(beyond)), float(np.median(held))


def _cut(some: Tiles, side: int) -> Tiles:
    """Tiles cut into squares of a side that fits, (m, side, side)."""
    fit = TILE // side
    return some.reshape(-1, fit, side, fit, side).swapaxes(2, 3).reshape(-1, side, side)


def _grain(some: Tiles) -> Tiles:
    """The noise filter at the inner pixels of the blocks of quarters, (n, pixels)."""
    both = np.diff(np.diff(some, 2, axis=1), 2, axis=2) / 6
    inner = np.isin((np.arange(QUARTER - 2) + 1) % BLOCK, (0, BLOCK - 1), invert=True)
    return np.asarray(both[:, inner][:, :, inner].reshape(len(some), -1))


# --- enlargement ------------------------------------------------------------------------------------------------------

_WAVES = _cosines(TILE)

SMALLEST_SCALE = 1.4
"""Enlargements by less leave too little of the picture's own frequencies free to tell by."""
LOST, CLIFF, SOFT = 1.5, 10.0, 12.0
"""Decibels by which an enlarged picture has lost what the small one holds near its own limit, by which its power drops
beyond that limit, and by which it may drop, at most, before: a soft picture drops by more, enlarged or not."""


def power(some: Tiles) -> NDArray[np.float16]:
    """Power in decibels (32,) at frequencies 0, 1/32 ... 31/32 of the finest that the pixels can hold, along rows and
    columns alike; NaN without any tile."""
    if not len(some):
        return np.full(TILE, np.nan, np.float16)
    lines = (some.reshape(-1, TILE), some.swapaxes(1, 2).reshape(-1, TILE))
    decibels = [10 * np.log10(np.square(each @ _WAVES.T).mean(axis=0) + 1e-3) for each in lines]
    return np.asarray(np.mean(decibels, axis=0), np.float16)


def enlarged(small: NDArray[np.float16], large: NDArray[np.float16], scale: Doubles) -> NDArray[np.bool_]:
    """Whether the larger of two pictures of the same was made from the smaller one, by their `power` (m, 32).

    `scale` (m,) is pixels of the larger per pixel of the smaller. An enlarged picture holds next to nothing above the
    finest frequency of what it was made from, and interpolation weakens what lies just below; a picture that was
    reduced has lost rather more than its original there. Where the larger picture is soft, nothing is told.
    """
    lost = (_mean(small, 0.7, 0.95) - _mean(small, 0.2, 0.5)) - (
        _mean(large, 0.7 / scale, 0.95 / scale) - _mean(large, 0.2 / scale, 0.5 / scale)
    )
    middle, near = _mean(large, 0.3 / scale, 0.45 / scale), _mean(large, 0.6 / scale, 0.9 / scale)
    beyond = _mean(large, 1.25 / scale, np.minimum(1.8 / scale, 1.0))
    told = (scale >= SMALLEST_SCALE) & (lost >= LOST) & (near - beyond >= CLIFF) & (middle - near <= SOFT)
    return np.asarray(told)


def _mean(powers: NDArray[np.float16], low: Doubles | float, high: Doubles | float) -> Doubles:
    """Mean decibels (m,) of powers (m, 32) between two fractions, 0..1, of the finest frequency."""
    fractions = np.linspace(np.broadcast_to(low, len(powers)), np.broadcast_to(high, len(powers)), 8, axis=1)
    places = np.clip(fractions * TILE, 1, TILE - 1.001)
    below = places.astype(np.intp)
    row = np.arange(len(powers))[:, None]
    values = powers.astype(np.float64)
    part = places - below
    return np.asarray((values[row, below] * (1 - part) + values[row, below + 1] * part).mean(axis=1))


# --- earlier compression ----------------------------------------------------------------------------------------------

QUALITIES = np.arange(30, 98)
"""What is looked for: stronger compression shows by itself, weaker leaves steps as small as rounding."""
STEPS = np.arange(4, 64)
RANGE, BINS = 128, 4
"""Coefficients within -128..128 are counted, in quarters, whatever their sign."""
CLOSE_TO_STEPS = 0.43
"""The mean cosine of coefficients, one step a turn, that tells of steps: what was never compressed has 0 ..."""
FEWEST_COEFFICIENTS, FEWEST_FREQUENCIES, FEWEST_EACH = 1500, 10, 20
"""... give or take what chance does to fewer than so many in all, and patterns to fewer than so many frequencies with
so many each. The middle frequency counts."""
COARSER, WORSE = 3.0, 3.0
"""On the grid of a file's own blocks, steps under so many times its own are hidden by these; and anywhere a quality
that is not worse by so much says nothing, for a file that was turned has its own blocks elsewhere."""

_LOWEST = [(row, column) for row, column in product(range(BLOCK), repeat=2) if 0 < row + column < 11]
"""Frequencies of a block that pictures use, all but its mean; the fine ones have steps even at high qualities."""


def _block_waves() -> NDArray[np.float32]:
    """(64, frequencies): what a block's pixels are multiplied by."""
    waves = _cosines(BLOCK)
    return np.stack([np.outer(waves[row], waves[column]).ravel() for row, column in _LOWEST], axis=1)


def _closeness() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Of a coefficient in each bin: its cosine at each step, and whether it counts there, (bins, steps) each.

    What is nearer to zero than to the first step says nothing: every smooth picture has most coefficients there.
    """
    middle = (np.arange(RANGE * BINS) + 0.5) / BINS
    counts = middle[:, None] > STEPS / 2
    counts[-1] = False  # where all beyond the range is counted
    return (np.cos(2 * np.pi * middle[:, None] / STEPS) * counts).astype(np.float32), counts.astype(np.float32)


def quantisation(qualities: NDArray[np.integer]) -> Doubles:
    """libjpeg's steps of luminance at some qualities, (m, 8, 8)."""
    scale = np.where(qualities < 50, 5000 / qualities, 200 - 2 * qualities)[:, None, None]
    return np.asarray(np.clip((STANDARD_LUMINANCE * scale + 50) // 100, 1, 255), np.float64)


def _at_lowest(steps: Doubles) -> Doubles:
    """Steps (m, 8, 8) at the frequencies that are looked at, (m, frequencies)."""
    return steps[:, [row for row, _ in _LOWEST], [column for _, column in _LOWEST]]


_BLOCK_WAVES = _block_waves()
_COSINE, _COUNTS = _closeness()
_TABLES = np.concatenate(
    [_at_lowest(quantisation(QUALITIES)), _at_lowest(quantisation(QUALITIES).swapaxes(1, 2))]
).astype(np.intp)
"""Steps (2 x qualities, frequencies) of upright pictures and of those turned by a quarter."""
_SOUGHT = np.isin(_TABLES, STEPS)
_STEP = np.where(_SOUGHT, _TABLES - STEPS[0], 0)


def earlier_quality(bands: Bands, own: float) -> float:
    """The JPEG quality (30..97) at which an upright picture was compressed before it became this file; NaN for none.

    `own` is the quality of the file itself, NaN if it is no JPEG. After JPEG the cosine coefficients of 8 x 8 blocks
    lie at multiples of the quantisation's steps, and a later, finer compression or a lossless copy leaves them near
    (Fan & de Queiroz 2003). The grid of blocks may start at the other side, where the picture was mirrored or turned.
    """
    worst = QUALITIES[-1] if math.isnan(own) else own - WORSE
    for left, top in product({0, bands.width % BLOCK}, {0, bands.height % BLOCK}):
        sought = _SOUGHT if left or top or math.isnan(own) else _unhidden(own, worst)
        quality = _quality_of(bands.tiles(left, top), sought)
        if quality <= worst:
            return quality
    return math.nan


def _unhidden(own: float, worst: float) -> NDArray[np.bool_]:
    """Steps that can be told among those of a file's own quality, as `_SOUGHT`."""
    coarser = COARSER * _at_lowest(quantisation(np.array([own]))) <= _TABLES
    return np.asarray(_SOUGHT & coarser & (np.tile(QUALITIES, 2) <= worst)[:, None])


def _quality_of(some: Tiles, sought: NDArray[np.bool_]) -> float:
    """The quality whose steps, where `sought`, the coefficients of the tiles' blocks are at; NaN for none."""
    blocks = _cut(some, BLOCK).reshape(-1, BLOCK * BLOCK)
    whole = (blocks.min(axis=1, initial=255) > 0) & (blocks.max(axis=1, initial=0) < 255)  # clipping moves coefficients
    coefficients = np.abs(blocks[whole] @ _BLOCK_WAVES)
    size = RANGE * BINS
    coefficients *= BINS
    bins = np.minimum(coefficients, size - 1, out=coefficients).astype(np.intp)
    frequency = np.arange(len(_LOWEST))
    bins += frequency * size
    counted = np.bincount(bins.ravel(), minlength=size * len(_LOWEST))
    counted = counted.reshape(len(_LOWEST), size).astype(np.float32)
    close, number = ((counted @ table)[frequency, _STEP] * sought for table in (_COSINE, _COUNTS))
    enough = number >= FEWEST_EACH
    many = (number.sum(axis=1) >= FEWEST_COEFFICIENTS) & (enough.sum(axis=1) >= FEWEST_FREQUENCIES)
    if not many.any():
        return math.nan
    told = np.where(enough, close / np.maximum(number, 1), np.inf)[many]
    usual = np.full(len(many), -1.0)
    usual[many] = _medians(np.sort(told, axis=1), enough[many].sum(axis=1))
    best = int(usual.argmax())
    return float(QUALITIES[best % len(QUALITIES)]) if usual[best] >= CLOSE_TO_STEPS else math.nan


def _medians(ordered: NDArray[np.float32], counts: NDArray[np.integer]) -> NDArray[np.float32]:
    """The median of the first `counts` (m,) numbers of each ascending row."""
    row = np.arange(len(ordered))
    return np.asarray((ordered[row, (counts - 1) // 2] + ordered[row, counts // 2]) / 2)
