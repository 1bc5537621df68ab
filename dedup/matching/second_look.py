"""A second look at a pair, five times as fine as the first: do the two really agree, and in what do they not?

The first look compares 48 x 48 gray levels, in which whatever shares a template looks alike. Here the map between the
two is refined on up to 256 x 256, one picture is laid over the other, and what is left over is measured: how much of
the structure stays unexplained, where it disagrees, which of the two brings something of its own there, and whether
the grain of flat places is the same, which a copy shares with its original and another exposure does not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dedup.images.detail import Detail
from dedup.matching import relations
from dedup.matching.alignment import FAST, _cubic, _fit_tone, _refine, _warp, _weigh, _weighted
from dedup.matching.parameters import value
from dedup.model import NEAR_DISTANCE

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Mask = NDArray[np.bool_]

COARSEST = 32
"""The map is refined from a quarter of the detail on, but not on less than this side."""
SIDE_OF_POINTS = 64
"""A fit looks at about so many pixels squared, evenly spread: more do not move the map."""
FITS = np.array([[[unknowns, 7, step] for unknowns in (8, 10)] for step in (1, 3, 4)])
"""The fits, as in `alignment`, of an affine map and of one with perspective, for sides of up to 1, 2 and 4 times
`SIDE_OF_POINTS`. The first look has brought the map within a pixel or two of the coarsest side."""
MISFIT = 12.0
"""Gray levels from which a pixel misses altogether: so a fit that serves an overlay gains nothing."""
NOTHING_LEFT, LITTLE_LEFT = 0.02, 0.15
"""Where no more misses than noise makes, perspective is not looked for; where little does, at the full side only."""
LARGEST_CHANGE = 1.6
"""The area may change by this factor at most while the map is refined."""
THROUGH = 247
"""Levels between a picture on white and on black where next to nothing of it is opaque."""
BENT, BENDS, MOST_BENT = 5, 3, 1.5
"""A smooth displacement is told from windows of this part of the side, in so many steps of so many pixels at most."""
EVENED, EVEN_CONTRAST = 6, 40.0
"""A picture is evened out over windows of this part of its side, to a contrast (standard deviation) of so many levels.
What is smoother than that is light, not structure."""
LENSES = (-0.08, 0.08), (-0.12, -0.04, 0.04, 0.12)
"""Distortions that are tried, those in the middle first: how far the middle of an edge moves out, in half sides. Where
none of the first helps at all, none of the others will."""
LENS_SIDE = 64
"""The side at which they are."""
SOFT = 64
"""The side at which a picture is compared with a much softer one."""
MARGIN = 1.5
"""Pixels along the edges that are left out: interpolation makes them up."""


@numba.njit(cache=True, fastmath=FAST, nogil=True)
def refine(source: Floats, template: Floats, p: Doubles, fineness: int, perspective: int) -> float:
    """Refine the map `p` (8,) of template to source, of one side, in place by one of `FITS`, where that leaves less.
    Returns what is left: see `_misfit`."""
    boxes = np.empty((2, 4))
    boxes[:, :2] = MARGIN / template.shape[0]
    boxes[:, 2:] = 1.0 - MARGIN / template.shape[0]
    points = np.empty((8, template.size), np.float32)
    weights = np.empty(template.size, np.float32)
    tone = np.array([1.0, 0.0, 1e6])
    fit = FITS[fineness, perspective]
    step = fit[2]
    tried = p.copy()
    before = _misfit(source, template, p, boxes, step, points, weights)
    _refine(source, template, tried, tone, boxes, fit, points, weights)
    area, then = abs(tried[0] * tried[4] - tried[1] * tried[3]), abs(p[0] * p[4] - p[1] * p[3])
    if not (area < LARGEST_CHANGE * then and then < LARGEST_CHANGE * area):
        return before
    after = _misfit(source, template, tried, boxes, step, points, weights)
    if after > before:
        return before
    p[:] = tried
    return after


@numba.njit(cache=True, fastmath=FAST)
def _misfit(
    source: Floats, template: Floats, p: Doubles, boxes: Doubles, step: int, points: Floats, weights: Floats
) -> float:
    """The mean part, 0..1, by which the pixels that both show miss each other under the best tone, be it found from all
    or from those that agree as they are."""
    count = _warp(source, p, boxes, step, points)
    if count < 32:
        return 2.0
    flat = template.reshape(-1)
    least = 2.0
    for settled in (False, True):  # a caption on a fifth of a picture pulls the best tone of all too far off
        tone = np.array([1.0, 0.0, 1e6])
        weights[:count] = 1.0
        if settled:
            tone[2] = MISFIT
            _weigh(template, points, count, tone, weights)
        for _ in range(4):
            _fit_tone(template, points, count, weights, tone)
            _weigh(template, points, count, tone, weights)
        total = 0.0
        for i in range(count):
            total += min(1.0, abs(flat[int(points[5, i])] - tone[0] * points[2, i] - tone[1]) / MISFIT)
        least = min(least, total / count)
    return least


@numba.njit(cache=True, fastmath=FAST, nogil=True)
def lay_over(source: Floats, p: Doubles, out: Floats, inside: Mask) -> None:
    """Fill `out` (side, side) with `source` where the map carries its pixels, `inside` with whether both show it."""
    side, own = out.shape[0], source.shape[0]
    wx, wy = np.empty(4, np.float32), np.empty(4, np.float32)
    margin, own_margin = MARGIN / side, MARGIN / own
    for row in range(side):
        y = (row + 0.5) / side
        for column in range(side):
            x = (column + 0.5) / side
            depth = 1.0 / (1.0 + p[6] * (x - 0.5) + p[7] * (y - 0.5))
            u = (p[0] * x + p[1] * y + p[2]) * depth
            v = (p[3] * x + p[4] * y + p[5]) * depth
            inside[row, column] = (
                own_margin < u < 1 - own_margin
                and own_margin < v < 1 - own_margin
                and margin < x < 1 - margin
                and margin < y < 1 - margin
            )
            sx = min(max(u * own - 0.5, 0.0), own - 1.001)
            sy = min(max(v * own - 0.5, 0.0), own - 1.001)
            ix, iy = int(sx), int(sy)
            _cubic(sx - ix, wx)
            _cubic(sy - iy, wy)
            out[row, column] = _weighted(source, ix, iy, wx, wy)


@dataclass(frozen=True, slots=True)
class Measured:
    """What a second look at a pair measured; fractions are 0..1."""

    windows: int  # with structure, of about 1,700 overlapping ones
    unexplained: float  # of the structure's energy
    uneven: float  # the same, wherever tones changed by place: from correlations alone
    settled: float  # the same as unexplained, of the windows that agree, as all around them do
    disagreeing: float  # of the contrast of windows with structure: those that do not agree
    differing: float  # of the area: pixels in such windows that clearly differ
    one_sided: float  # 0.5..1: of the structure that differs, what the one that brings more of it brings
    opaque: float  # by how much more of what clearly differs is of one tone in one of them
    exposure: float  # correlation of grain in flat places, -1..1; NaN where there are none
    grain: float  # standard deviation of that grain in the smoother of the two, gray levels ...
    grain_ratio: float  # ... and of the other, over it
    ground: float  # of the area: pixels of the commonest tone, give or take


NOTHING = Measured(0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.0, math.nan, 0.0, 1.0, 0.0)
"""Of two pictures that have next to nothing in common once they were laid over each other."""


@dataclass(frozen=True, slots=True)
class Laid:
    """The coarser of two pictures (`one`), the finer as it lies on it under the map (`other`), and where both show the
    same (`inside`), all of one side; and what they were made from: `p` (8,) carries places of `template` to `source`,
    which is the left picture where `turned`."""

    one: Floats
    other: Floats
    inside: Mask
    source: NDArray[np.uint8]
    template: NDArray[np.uint8]
    p: Doubles
    turned: bool

    def measured(self) -> Measured:
        return measure(self.one, self.other, self.inside)

    def bent(self) -> Laid:
        """The same with what is left of a smooth displacement made good."""
        return replace(self, other=_bent(self.one, self.other, self.inside))

    def affine(self) -> Doubles:
        """The map (6,) of left to right, its perspective left out."""
        return relations.invert_affine(self.p[None, :6])[0] if self.turned else self.p[:6].copy()

    def tones(self) -> tuple[float, float]:
        """Gain and bias that carry the tones of left to those of right, in gray levels."""
        pictures = (self.other, self.one) if self.turned else (self.one, self.other)
        left, right = (each[self.inside] for each in pictures)
        gain = float(right.std()) / max(float(left.std()), 1e-3)
        return gain, float(right.mean()) - gain * float(left.mean())


def look(left: Detail, right: Detail, affine: Doubles, *, refined: bool = True) -> Measured:
    """Measure a pair; `affine` (6,) carries places of left to right (`relations.AFFINE`), next to right or, unless
    `refined`, exactly."""
    return lay(left, right, affine, refined=refined).measured()


def lay(left: Detail, right: Detail, affine: Doubles, *, refined: bool = True, evened: bool = False) -> Laid:
    """Lay one of two pictures over the other. With `evened`, the map is refined whatever the light on either, which a
    vignette or an equalisation by place has changed."""
    source, template, p, turned = _roles(*_on_one_ground(left, right, affine), affine)
    sides = [side for side in (len(template) // 4, len(template) // 2, len(template)) if side >= COARSEST]
    sides = sides[:-1] if evened and len(sides) > 1 else sides  # light is smooth, and so is its evening out
    for side in (sides or [len(template)]) if refined else ():
        pictures = [_at_side(each, side) for each in (source, template)]
        if evened:
            pictures = [_evened(each) for each in pictures]
        fineness = max(0, (side // SIDE_OF_POINTS).bit_length() - 1)
        left_over = refine(pictures[0], pictures[1], p, fineness, 0)
        if side > COARSEST and left_over > (NOTHING_LEFT if side == len(template) else LITTLE_LEFT):
            refine(pictures[0], pictures[1], p, fineness, 1)
    full = template.astype(np.float32)
    over, inside = np.empty_like(full), np.empty(full.shape, np.bool_)
    lay_over(_as_fine(source, len(template), p), p, over, inside)
    return Laid(full, over, inside, source, template, p, turned)


def _evened(picture: Floats) -> Floats:
    """A picture with the same mean and contrast all over."""
    reach = max(3, len(picture) // EVENED // 2)
    whole = picture.astype(np.float64)
    area = _box(np.ones(whole.shape), reach)
    mean = _box(whole, reach) / area
    variance = np.maximum(_box(whole * whole, reach) / area - mean * mean, 0)
    even = 128 + EVEN_CONTRAST * (whole - mean) / np.sqrt(variance + STRUCTURE)
    return np.ascontiguousarray(np.clip(even, 0, 255), np.float32)


def through_a_lens(left: Detail, right: Detail, affine: Doubles) -> tuple[Detail, Detail] | None:
    """Both pictures, one of them seen through the lens under which they lie on each other far better than without:
    barrel or pincushion distortion, x (1 + k r^2) (Brown 1966). None where no lens does."""
    if min(len(left.gray), len(right.gray)) < LENS_SIDE:
        return None
    one, other = (_reduced(each.gray, LENS_SIDE) for each in (left, right))
    none = _misfit_after(one, other, affine)
    tried: list[tuple[float, int, float]] = []
    for some in LENSES:
        tried += [(_misfit_after(_lensed(one, k), other, affine), 0, k) for k in some]
        tried += [(_misfit_after(one, _lensed(other, k), affine), 1, k) for k in some]
        if min(tried)[0] > value("lens_helps") * none:
            return None
    least, side, k = min(tried)
    if least > value("lens") * none:
        return None
    pictures = [left, right]
    seen = np.clip(np.rint(_lensed(pictures[side].gray.astype(np.float32), k)), 0, 255)
    pictures[side] = Detail(seen.astype(np.uint8), None)
    return pictures[0], pictures[1]


def _misfit_after(left: Floats, right: Floats, affine: Doubles) -> float:
    """What is left between two small pictures of one side after the map was refined."""
    p = np.zeros(8)
    p[:6] = affine
    return float(refine(_smooth(right), _smooth(left), p, 0, 0))


def _lensed(picture: Floats, k: float) -> Floats:
    """A picture as a lens of distortion `k` shows it, as large in the middle of its edges as before."""
    side = len(picture)
    y, x = (np.mgrid[:side, :side] + 0.5) / side * 2 - 1
    reach = (1 + k * (x * x + y * y)) / (1 + k / 2)
    places = [(each * reach + 1) / 2 * side - 0.5 for each in (y, x)]
    return np.asarray(ndimage.map_coordinates(picture, places, order=3, mode="nearest"), np.float32)


def _bent(one: Floats, other: Floats, inside: Mask) -> Floats:
    """`other` displaced smoothly, by a few pixels, so that it lies on `one`: what a lens or a curved page does.

    The method of Lucas & Kanade 1981 over wide windows, in which an object that has moved counts for little.
    """
    if len(one) >= FINE:  # what is smooth shows on half the side as well
        coarse = 2 * _shift(_halved(one), _halved(other), inside[::2, ::2] & inside[1::2, 1::2])
        shift = ndimage.zoom(coarse, (1, 2, 2), order=1, grid_mode=True, mode="nearest")
    else:
        shift = _shift(one, other, inside)
    y, x = np.mgrid[: len(one), : len(one)].astype(np.float64)
    return np.asarray(ndimage.map_coordinates(other, [y + shift[1], x + shift[0]], order=3, mode="nearest"), np.float32)


def _shift(one: Floats, other: Floats, inside: Mask) -> Doubles:
    """By how many pixels (2, side, side), across and down, `other` is to be displaced."""
    y, x = np.mgrid[: len(one), : len(one)].astype(np.float64)
    reach = max(4, len(one) // BENT // 2)
    target, moved, shift = _smooth(one, 2), other, np.zeros((2, *one.shape))
    area = _box(np.ones(one.shape), reach // 2)
    for _ in range(BENDS):
        d, toned = _apart(target, _smooth(moved, 2), inside)
        slope_y, slope_x = np.gradient(toned)
        usual = USUALLY * float(np.median(np.abs(d[inside]))) + 1.0
        weight = inside / (1 + (d / usual) ** 2) ** 2
        xx, xy, yy, dx, dy = (
            _box(weight * each, reach) for each in (slope_x**2, slope_x * slope_y, slope_y**2, slope_x * d, slope_y * d)
        )
        xx, yy = xx + reach**2 / 2, yy + reach**2 / 2  # where there is nothing to go by, nothing moves
        scale = 1 / (xx * yy - xy**2)
        step = np.clip([(yy * dx - xy * dy) * scale, (xx * dy - xy * dx) * scale], -MOST_BENT, MOST_BENT)
        shift += np.stack([_box(each, reach // 2) / area for each in step])
        moved = ndimage.map_coordinates(other, [y + shift[1], x + shift[0]], order=1, mode="nearest")
    return shift


def _on_one_ground(left: Detail, right: Detail, affine: Doubles) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Both pictures: a transparent one on the tone that the other shows where it is transparent, two on one tone."""
    if left.otherwise is not None and right.otherwise is not None:
        white = float(left.gray.mean()) > float(left.otherwise.mean())
        return _on(left, 255.0 * white), _on(right, 255.0 * white)
    if left.otherwise is not None:
        return _on(left, _ground_of(right.gray, left, relations.invert_affine(affine[None])[0])), right.gray
    if right.otherwise is not None:
        return left.gray, _on(right, _ground_of(left.gray, right, affine))
    return left.gray, right.gray


def _on(picture: Detail, tone: float) -> NDArray[np.uint8]:
    """A transparent picture on a gray level."""
    assert picture.otherwise is not None
    dark, light = np.sort([picture.gray, picture.otherwise], axis=0)
    return np.asarray(np.rint(dark + (light - dark.astype(np.float32)) * (tone / 255)), np.uint8)


def _ground_of(opaque: NDArray[np.uint8], clear: Detail, affine: Doubles) -> float:
    """The usual tone of an opaque picture where a transparent one, to which `affine` carries its places, shows nothing
    of its own."""
    assert clear.otherwise is not None
    through = np.abs(clear.gray.astype(np.int16) - clear.otherwise) > THROUGH
    y, x = (np.mgrid[: len(opaque), : len(opaque)] + 0.5) / len(opaque)
    u, v = (affine[row] * x + affine[row + 1] * y + affine[row + 2] for row in (0, 3))
    seen = (u >= 0) & (u < 1) & (v >= 0) & (v < 1)
    column, row = ((np.clip(each, 0, 0.999) * len(through)).astype(np.intp) for each in (u, v))
    ground = opaque[seen & through[row, column]]
    return float(np.median(ground)) if len(ground) else 255.0


def softened(detail: Detail) -> Detail:
    """A picture with no more detail than a copy keeps that was blurred by a pixel in a hundred."""
    side = min(SOFT, len(detail.gray))
    own, other = (
        None if each is None else np.rint(_reduced(each, side)).astype(np.uint8)
        for each in (detail.gray, detail.otherwise)
    )
    assert own is not None
    return Detail(own, other)


def _roles(
    left: NDArray[np.uint8], right: NDArray[np.uint8], affine: Doubles
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], Doubles, bool]:
    """Source, template, the map of template to source, and whether left is the source: the finer is sampled at the
    pixels of the coarser."""
    p = np.zeros(8)
    p[:6] = affine
    scale = math.sqrt(abs(affine[0] * affine[4] - affine[1] * affine[3]))
    if len(right) * scale >= len(left):
        return right, left, p, False
    p[:6] = relations.invert_affine(affine[None])[0]
    if not np.isfinite(p).all():
        raise ValueError("the map between the two cannot be inverted")
    return left, right, p, True


def _at_side(gray: NDArray[np.uint8], side: int) -> Floats:
    """A picture for the fits, which take two of one side, softened so that slopes reach beyond a pixel."""
    if len(gray) < side:
        factor = side // len(gray)
        return _smooth(gray.repeat(factor, axis=0).repeat(factor, axis=1).astype(np.float32), factor)
    return _smooth(_reduced(gray, side))


def _reduced(gray: NDArray[np.uint8], side: int) -> Floats:
    picture = gray.astype(np.float32)
    while len(picture) > side:
        picture = _halved(picture)
    return picture


def _as_fine(source: NDArray[np.uint8], side: int, p: Doubles) -> Floats:
    """`source` reduced so that it is next to as fine as a template of `side` under the map."""
    wanted = side / max(math.sqrt(abs(p[0] * p[4] - p[1] * p[3])), 1e-3)
    own = len(source)
    while own // 2 >= max(0.75 * wanted, 16):
        own //= 2
    return _reduced(source, own)


# --- what is left over ------------------------------------------------------------------------------------------------

FINE = 256
"""At this side structure is looked at on half of it: what is finer hangs on how either was resampled."""
SMOOTHED = 64
"""From this side on structure is smoothed, for the same reason."""
WINDOW = 42
"""Windows are a twenty-first of the side, and overlap by half."""
FEWEST = 4
"""Fewer windows in common are nothing to judge by."""
SEEN = 0.8
"""Of a window, to count."""
STRUCTURE = 9.0
"""Variance in square gray levels from which a window has something to agree on."""
ROUNDING = 2.0
"""Variance that rounding and weak noise add: it keeps flat windows from correlating by chance."""
AGREES = 0.7
"""Correlation from which a window agrees."""
NEIGHBOURHOOD = 4
"""Tones are compared with those around, within this part of the side."""
CLEARLY, USUALLY = 12.0, 4.0
"""A pixel clearly differs by so many levels, and by so many times the usual difference."""
FEWEST_CLEAR = 50
"""So many pixels must clearly differ for their tones to be counted."""
STRONGEST = 0.9
"""Quantile of the changes whose strength is compared."""
FLATTEST = 0.3
"""Part of the picture, where it changes least, whose grain is compared ..."""
DARKEST, LIGHTEST = 12, 243
"""... and whose tones are not clipped."""
SAME_TONE = 2
"""Levels within which tones are the same ground."""
FEWEST_FLAT, LEAST_FLAT = 200, 0.03
"""Fewer flat pixels, or a smaller part, tell nothing of grain: those between strokes are no flat place."""


def measure(one: Floats, other: Floats, inside: Mask) -> Measured:
    """Compare two pictures (side, side) that lie on each other where `inside`."""
    if inside.sum() < FEWEST * FEWEST:
        return NOTHING
    a, b, weight = _structure(one, other, inside)
    agreed = _agreement(a, b, weight)
    if agreed is None:
        return NOTHING
    agreement, gain, bad = agreed
    differing, one_sided, opaque = _differing(a, b, weight > 0.99, _cells(bad, _cell(a), a.shape))
    exposure, grain, ratio = _grain(one, other, gain, inside)
    return Measured(
        windows=agreement.windows,
        unexplained=agreement.unexplained,
        uneven=agreement.uneven,
        settled=agreement.settled,
        disagreeing=agreement.disagreeing,
        differing=differing,
        one_sided=one_sided,
        opaque=opaque,
        exposure=exposure,
        grain=grain,
        grain_ratio=ratio,
        ground=_ground(one[inside]),
    )


class Agreement(NamedTuple):
    """What `Measured` says of windows alone."""

    windows: int
    unexplained: float
    uneven: float
    settled: float
    disagreeing: float


NO_AGREEMENT = Agreement(0, 1.0, 1.0, 1.0, 1.0)
"""Where next to nothing is seen of both."""


def _agreement(a: Floats, b: Floats, weight: Floats) -> tuple[Agreement, float, Mask] | None:
    """How far windows agree, the contrast of `a` over that of `b`, and which windows disagree; None where next to
    nothing is seen."""
    va, vb, covariance, seen = _windows(a, b, weight, _cell(a))
    if seen.sum() < FEWEST:
        return None
    gain = math.sqrt((va[seen].sum() + 1) / (vb[seen].sum() + 1))
    vb, covariance = vb * gain**2, covariance * gain
    strong = np.maximum(va, vb)
    textured = seen & (strong > STRUCTURE)
    z = covariance / np.sqrt((va + ROUNDING) * (vb + ROUNDING))
    bad = textured & (z < AGREES)
    amplitude, energy, left = np.sqrt(strong), va + vb, va + vb - 2 * covariance
    contrast = max(amplitude[textured].sum(), 1e-6)
    good = textured & ~_grown(bad)
    agreement = Agreement(
        windows=int(textured.sum()),
        unexplained=float(left[textured].sum() / max(energy[textured].sum(), 1e-6)),
        uneven=float((amplitude * (1 - z))[textured].sum() / contrast),
        settled=float(left[good].sum() / max(energy[good].sum(), 1e-6)),
        disagreeing=float(amplitude[bad].sum() / contrast),
    )
    return agreement, gain, bad


def _cell(structure: Floats) -> int:
    """The side of the cells of which windows are made."""
    return max(3, round(len(structure) / WINDOW))


def _structure(one: Floats, other: Floats, inside: Mask) -> tuple[Floats, Floats, Floats]:
    """Both pictures as their structure is compared, and how much of each pixel both show."""
    weight = inside.astype(np.float32)
    pictures = [one * weight, other * weight, weight]
    if len(one) >= FINE:
        pictures = [_halved(each) for each in pictures]
    if len(one) >= SMOOTHED:
        pictures = [_smooth(each) for each in pictures]
    a, b, weight = pictures
    return a / np.maximum(weight, 1e-3), b / np.maximum(weight, 1e-3), weight


def _smooth(picture: Floats, times: int = 1) -> Floats:
    """Binomial weights 1 2 1 along both axes, which add half a square pixel of variance each time."""
    out = np.array(picture, np.float32)
    _soften(out, np.empty_like(out), times)
    return out


@numba.njit(cache=True, fastmath=FAST, nogil=True)
def _soften(picture: Floats, room: Floats, times: int) -> None:
    """`_smooth` in place; `room` has the picture's shape."""
    last, end = picture.shape[0] - 1, picture.shape[1] - 1
    quarter, half = np.float32(0.25), np.float32(0.5)
    for _ in range(times):
        for y in range(last + 1):
            above, below = max(y - 1, 0), min(y + 1, last)
            for x in range(end + 1):
                room[y, x] = half * picture[y, x] + quarter * (picture[above, x] + picture[below, x])
        for y in range(last + 1):
            picture[y, 0] = half * room[y, 0] + quarter * (room[y, 0] + room[y, min(1, end)])
            picture[y, end] = half * room[y, end] + quarter * (room[y, max(end - 1, 0)] + room[y, end])
            for x in range(1, end):
                picture[y, x] = half * room[y, x] + quarter * (room[y, x - 1] + room[y, x + 1])


@numba.njit(cache=True, fastmath=FAST, nogil=True)
def _steepest(one: Floats, other: Floats, out: Floats) -> None:
    """Fill `out` with the squared slope (levels a pixel) of whichever picture is steeper; 0 along the edges."""
    out[:] = 0
    for y in range(1, one.shape[0] - 1):
        for x in range(1, one.shape[1] - 1):
            a = (one[y + 1, x] - one[y - 1, x]) ** 2 + (one[y, x + 1] - one[y, x - 1]) ** 2
            b = (other[y + 1, x] - other[y - 1, x]) ** 2 + (other[y, x + 1] - other[y, x - 1]) ** 2
            out[y, x] = max(a, b) / 4


def _halved(picture: Floats) -> Floats:
    return np.float32(0.25) * (picture[::2, ::2] + picture[1::2, ::2] + picture[::2, 1::2] + picture[1::2, 1::2])


def _windows(a: Floats, b: Floats, weight: Floats, cell: int) -> tuple[Doubles, Doubles, Doubles, Mask]:
    """Variances and covariance of windows of 2 x 2 cells, and which of them are seen."""
    sums = np.zeros((6, len(a) // cell, len(a) // cell))
    _sum_cells(a, b, weight, sums)
    n, sx, sy, sxx, syy, sxy = sums[:, :-1, :-1] + sums[:, 1:, :-1] + sums[:, :-1, 1:] + sums[:, 1:, 1:]
    seen = n >= SEEN * (2 * cell) ** 2
    n = np.maximum(n, 1e-6)
    return (
        np.maximum(sxx / n - (sx / n) ** 2, 0),
        np.maximum(syy / n - (sy / n) ** 2, 0),
        sxy / n - sx * sy / n**2,
        seen,
    )


@numba.njit(cache=True, fastmath=FAST, nogil=True)
def _sum_cells(a: Floats, b: Floats, weight: Floats, sums: Doubles) -> None:
    """Add up weights, values, squares and products of `a` and `b` in the cells of `sums` (6, count, count)."""
    count = sums.shape[1]
    cell = a.shape[0] // count
    for y in range(count * cell):
        for x in range(count * cell):
            w, u, v = np.float64(weight[y, x]), np.float64(a[y, x]), np.float64(b[y, x])
            at = sums[:, y // cell, x // cell]
            at[0] += w
            at[1] += w * u
            at[2] += w * v
            at[3] += w * u * u
            at[4] += w * v * v
            at[5] += w * u * v


def _grown(windows: Mask) -> Mask:
    """Windows and those beside them, with which they share half their pixels."""
    padded = np.pad(windows, 1)
    rows = padded[:-2] | padded[1:-1] | padded[2:]
    return np.asarray(rows[:, :-2] | rows[:, 1:-1] | rows[:, 2:])


def _cells(windows: Mask, cell: int, shape: tuple[int, ...]) -> Mask:
    """The pixels of windows."""
    count = len(windows) + 1
    cells = np.zeros((count, count), bool)
    for down in (0, 1):
        for across in (0, 1):
            cells[down : count - 1 + down, across : count - 1 + across] |= windows
    pixels = np.zeros(shape, bool)
    pixels[: count * cell, : count * cell] = cells.repeat(cell, axis=0).repeat(cell, axis=1)
    return pixels


def _differing(a: Floats, b: Floats, inside: Mask, where: Mask) -> tuple[float, float, float]:
    """`differing`, `one_sided` and `opaque` of `Measured`, in the pixels `where` windows disagree."""
    where = where & inside
    if where.sum() < FEWEST:
        return 0.0, 1.0, 0.0
    d, toned = _apart(a, b, inside)
    slopes = [np.asarray(np.gradient(each)) for each in (d, a, toned)]
    own, theirs = (
        np.maximum(sign * (slopes[0] * each).sum(axis=0), 0)[where] for sign, each in ((1, slopes[1]), (-1, slopes[2]))
    )
    strength = np.hypot(*slopes[0])[where]
    top = strength >= np.quantile(strength, STRONGEST)
    shares = [max(x.sum(), y.sum()) / max(x.sum() + y.sum(), 1e-9) for x, y in ((own, theirs), (own[top], theirs[top]))]
    clear = (np.abs(d) > max(CLEARLY, USUALLY * float(np.median(np.abs(d[inside]))))) & where
    plain = abs(_ground(a[clear]) - _ground(b[clear])) if clear.sum() >= FEWEST_CLEAR else 0.0
    return float(clear.sum() / inside.sum()), float(max(shares)), plain


def _apart(a: Floats, b: Floats, inside: Mask) -> tuple[Floats, Floats]:
    """By how much `a` is lighter than `b` would be with its tones, (side, side), and that `b`."""
    reach = max(4, len(a) // NEIGHBOURHOOD // 2)
    w = inside.astype(np.float64)
    n, sa, sb, saa, sbb = (_box(each, reach) for each in (w, w * a, w * b, w * a * a, w * b * b))
    n = np.maximum(n, 1e-6)
    ma, mb = sa / n, sb / n
    va, vb = np.maximum(saa / n - ma**2, 0), np.maximum(sbb / n - mb**2, 0)
    toned = ma + np.sqrt((va + 4) / (vb + 4)) * (b - mb)
    return np.where(inside, a - toned, 0).astype(np.float32), toned.astype(np.float32)


def _box(values: Doubles, reach: int) -> Doubles:
    """Sums over (2 reach + 1) squared pixels, less at the edges."""
    out = np.empty_like(values, np.float64)
    _sum_boxes(np.ascontiguousarray(values, np.float64), reach, out)
    return out


@numba.njit(cache=True, fastmath=FAST, nogil=True)
def _sum_boxes(values: Doubles, reach: int, out: Doubles) -> None:
    """Fill `out` with `_box`, by sums that slide down the rows and then along them."""
    side = values.shape[0]
    column = np.zeros(side)
    line = np.empty(side)
    for y in range(-reach, side):
        if y + reach < side:
            for x in range(side):
                column[x] += values[y + reach, x]
        if y - reach - 1 >= 0:
            for x in range(side):
                column[x] -= values[y - reach - 1, x]
        if y < 0:
            continue
        total = 0.0
        for x in range(-reach, side):
            if x + reach < side:
                total += column[x + reach]
            if x - reach - 1 >= 0:
                total -= column[x - reach - 1]
            if x >= 0:
                line[x] = total
        out[y] = line


def _ground(tones: Floats) -> float:
    """The part of some tones within `SAME_TONE` levels of the commonest."""
    counts = np.bincount(np.clip(np.rint(tones), 0, 255).astype(np.intp), minlength=256)
    width = 2 * SAME_TONE + 1
    return float(np.convolve(counts, np.ones(width), "same").max() / len(tones))


def _grain(one: Floats, other: Floats, gain: float, inside: Mask) -> tuple[float, float, float]:
    """`exposure`, `grain` and `grain_ratio` of `Measured`."""
    inner = inside.copy()
    for lines, whole in ((inner, inside), (inner.T, inside.T)):  # what was made up beyond the edges is not grain
        lines[3:] &= whole[:-3]
        lines[:-3] &= whole[3:]
    area = int(inner.sum())
    if area < FEWEST_FLAT:
        return math.nan, 0.0, 1.0
    smooth = [_smooth(each, 4) for each in (one, other)]
    slope = np.empty_like(smooth[0])
    _steepest(smooth[0], smooth[1], slope)
    flattest = np.partition(slope[inner], int(FLATTEST * (area - 1)))[int(FLATTEST * (area - 1))]
    flat = inner & (slope <= flattest)
    for each in smooth:
        flat &= (each > DARKEST) & (each < LIGHTEST)
    if flat.sum() < max(FEWEST_FLAT, LEAST_FLAT * area):
        return math.nan, 0.0, 1.0
    x, y = (one - smooth[0])[flat], gain * (other - smooth[1])[flat]
    x, y = x - x.mean(), y - y.mean()
    sx, sy = float(np.sqrt((x * x).mean())), float(np.sqrt((y * y).mean()))
    low, high = min(sx, sy), max(sx, sy)
    return float((x * y).mean() / max(sx * sy, 1e-9)), low, high / max(low, 1e-3)


# --- what it means ----------------------------------------------------------------------------------------------------

ANOTHER_MOMENT = "same scene, another moment"
SAME_TEMPLATE = "same template, other content"
TOO_PLAIN = "too plain to tell"
ANOTHER_SHOT = "same scene, each shows more on one side"


def difference(m: Measured, *, free: bool, turned: bool, stands: bool, colourful: bool) -> str:
    """Why two pictures are alike and no copies of each other, '' where they are copies.

    `free`: the map between them does more than to scale and to crop; `turned`: it turns by quarters or mirrors;
    `stands`: it does nothing; `colourful`: both have colours, which agree. Evidence must grow with freedom: a digit has
    few details, and needs all of them.
    """
    if m.windows < value("plain_windows"):
        return "" if stands else TOO_PLAIN
    drawn = m.ground > value("blank" if m.grain >= value("grain") else "ground")
    grainy = not drawn and m.grain >= value("grain") and m.grain_ratio <= value("grain_ratio")
    if grainy and m.exposure < value("other_exposure"):
        return ANOTHER_MOMENT
    few = m.windows < value("few_windows")
    turned = turned and (few or (drawn and m.windows < value("turned_windows")))
    limit = value(_limit(drawn=drawn, few=few, free=free, turned=turned, colourful=colourful))
    if drawn:
        much = 1.0 if few else min(1.0, m.windows / value("drawn_windows"))
        limit *= much
        agrees = m.disagreeing <= value("disagreeing_drawn") * much and m.differing <= value("differing_drawn")
    else:
        agrees = m.disagreeing <= value("disagreeing") or m.differing <= value("diffuse")
    if not drawn and _evenly(m):
        return ""
    if agrees:
        evenly = not drawn and not few and m.uneven <= value("uneven")
        return "" if m.unexplained <= limit or evenly else SAME_TEMPLATE
    same = not drawn and m.grain >= value("grain") and m.exposure >= value("same_exposure")
    if same and _is_overlay(m):
        return ""
    return ANOTHER_MOMENT if grainy and not same else SAME_TEMPLATE


def _limit(*, drawn: bool, few: bool, free: bool, turned: bool, colourful: bool) -> str:
    """The name of the parameter that limits what may stay unexplained."""
    if turned:
        return "unexplained_turned"
    if not few:
        return "unexplained_drawn" if drawn else "unexplained"
    name = "unexplained_few_free" if free else "unexplained_few"
    return f"{name}_colour" if colourful and not drawn else name


def _is_overlay(m: Measured) -> bool:
    """Whether what differs was put over one of two copies: an overlay brings structure of its own, two different items
    bring as much on either side."""
    if m.differing > value("overlay") or m.settled > value("settled"):
        return False
    telling = m.one_sided >= value("one_sided") or m.opaque >= value("opaque")
    return telling or (_certain(m) and m.differing <= value("small_overlay"))


def _certain(m: Measured) -> bool:
    """Whether grain leaves no doubt that two photographs are of one exposure."""
    return m.grain >= value("grain") and m.exposure >= value("certain_exposure")


def _evenly(m: Measured) -> bool:
    """Whether what stays unexplained lies everywhere, in an exposure that is certain: tones were changed by place."""
    spread = m.settled >= value("spread") * m.unexplained
    return _certain(m) and spread and m.unexplained <= value("spread_most") and m.differing <= value("small_overlay")


DOUBTED = 0.25
"""Pairs that the first look found further apart get a glance before a full second look: most of a crowd of pictures
that share a template need no more."""
GEOMETRY = [
    "distance",
    "correlation",
    "seen_left",
    "seen_right",
    *relations.SIZES,
    "orientation",
    "rotation",
    "stretch",
    "perspective",
    "gain",
    "lightness",
]
"""Columns of `relations.PAIR_COLUMNS` that tell, beside the map, how much freedom a pair was given."""
STANDS, NEXT_TO = 0.01, 0.12
"""The most by which a number of a map may differ from that of one that does nothing, and of one that may do nothing."""
TONES_STAND, LIGHT_STANDS = 0.1, 3.0
"""The same of gain, and of lightness in gray levels."""
AS_IT_IS = np.array([1.0, 0, 0, 0, 1, 0])


OTHER_COLOURS = "other colours"
"""Why two are no copies that have the same form, and for which no one change of tones explains the colours."""
OTHER_COLOURS_THROUGHOUT = "other colours throughout"
"""The same, where a freer change of colours explains them: an edit, if both are one exposure."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a pair is no copy, '' where it is one; where not `judged`, why it could not be. `unexplained`: see
    `Measured`. `allowed`: what had to be allowed for, one of `relations.ALLOWED`, and then `laid`, how."""

    difference: str
    unexplained: float = math.nan
    judged: bool = True
    allowed: str = ""
    laid: Laid | None = None


def judge(left: Detail, right: Detail, pair: Mapping[str, Any], *, colourful: bool) -> Verdict:
    """The verdict on a pair, of which `pair` holds `relations.AFFINE` and `GEOMETRY`; see `difference`."""
    affine = np.array([pair[name] for name in relations.AFFINE], np.float64)
    moved = float(np.abs(affine - AS_IT_IS).max())
    free, turned = _freedom(pair)
    stands = moved <= STANDS and abs(pair["gain"] - 1) <= TONES_STAND and abs(pair["lightness"]) <= LIGHT_STANDS
    told = partial(difference, stands=stands, colourful=colourful)
    small = max(pair[name] for name in relations.SIZES) < SOFT
    if small and pair["correlation"] < value("small_colourful" if colourful else "small"):
        return Verdict(SAME_TEMPLATE)
    glance = _Glance(left, right, affine)
    doubted = min(len(left.gray), len(right.gray)) > SOFT and pair["distance"] > DOUBTED
    if doubted and glance.hopeless(pair["distance"]):
        return Verdict(OTHER_COLOURS if pair["note"] else SAME_TEMPLATE, glance.agreement.unexplained)
    laid = lay(left, right, affine)
    measured = laid.measured()
    why = told(measured, free=free, turned=turned)
    if why == SAME_TEMPLATE and _blurred(measured):
        why = told(glance.laid.measured(), free=free, turned=turned)
    allowed = ""
    if why and _may_be_displaced(measured) and glance.agrees():
        allowed, again = _allowing(left, right, affine, laid, measured, glance, partial(told, free=free, turned=turned))
        if allowed:
            why, laid, measured = "", again, again.measured()
    if not why and pair["distance"] > NEAR_DISTANCE and _show_more(laid, measured):
        why = ANOTHER_SHOT
    few = measured.windows < value("few_windows")
    if why == SAME_TEMPLATE and moved <= NEXT_TO and (few or measured.unexplained <= value("nearly")):
        as_it_is = look(left, right, AS_IT_IS, refined=not few)
        why = told(as_it_is, free=False, turned=False)
        measured = measured if why else as_it_is
    if pair["note"] == OTHER_COLOURS_THROUGHOUT and (why or not _certain(measured)):
        why = OTHER_COLOURS
    return Verdict(why, measured.unexplained, allowed=allowed if not why else "", laid=laid if allowed else None)


def _allowing(
    left: Detail,
    right: Detail,
    affine: Doubles,
    laid: Laid,
    measured: Measured,
    glance: _Glance,
    told: Callable[[Measured], str],
) -> tuple[str, Laid]:
    """What has to be allowed for so that two photographs are copies (one of `relations.ALLOWED`, '' where nothing
    helps), and how they lie on each other then. In an exposure that is certain only: freedom fits a lot."""
    evened = lay(left, right, affine, evened=True)
    if _is_copy(evened, told):
        return relations.UNEVENLY_LIT, evened
    lensed = through_a_lens(left, right, affine)
    if lensed:
        seen = lay(*lensed, affine)
        for each in (seen, seen.bent()):
            if _is_copy(each, told):
                return relations.BENT, each
    if glance.agreement.disagreeing > value("bent_disagreeing"):
        return "", laid
    bent = laid.bent()
    slightly = measured.unexplained <= value("bent") and measured.exposure >= value("other_exposure")
    return (relations.BENT if _is_copy(bent, told, sure=not slightly) else ""), bent


def _is_copy(laid: Laid, told: Callable[[Measured], str], *, sure: bool = True) -> bool:
    measured = laid.measured()
    return (_certain(measured) or not sure) and not told(measured)


def _blurred(m: Measured) -> bool:
    """Whether one of two pictures has the grain of a photograph and the other much less."""
    return m.grain * m.grain_ratio >= value("grain") and m.grain_ratio >= value("softer")


def _show_more(laid: Laid, m: Measured) -> bool:
    """Whether each of two photographs shows something that the other does not: a copy lies within its original, but for
    what a shift or a rotation has filled with one tone."""
    if m.grain < value("grain") or m.ground > value("ground"):
        return False
    there = np.append(laid.p, 1 - 0.5 * (laid.p[6] + laid.p[7])).reshape(3, 3)  # perspective counts from the middle
    unseen = min(_unseen(laid.template, there), _unseen(laid.source, np.linalg.inv(there)))
    return unseen > value("shows_more")


def _unseen(picture: NDArray[np.uint8], there: Doubles) -> float:
    """The part of a picture that a map (3, 3) carries beyond the other; 0 where that is of one tone."""
    y, x = (np.mgrid[: len(picture), : len(picture)] + 0.5) / len(picture)
    u, v, depth = np.tensordot(there, np.stack([x, y, np.ones_like(x)]), 1)
    u, v = u / depth, v / depth
    beyond = picture[(u < 0) | (u > 1) | (v < 0) | (v > 1)].astype(np.float64)
    if not len(beyond):
        return 0.0
    filled = np.abs(beyond - np.median(beyond)) < value("fill")
    return 0.0 if filled.mean() > value("filled") else len(beyond) / picture.size


def _may_be_displaced(m: Measured) -> bool:
    """Whether light or a smooth displacement may be all that sets two photographs apart: something is left over
    everywhere, not only where an object has moved."""
    return (
        m.windows >= value("few_windows")
        and m.grain >= value("grain")
        and m.ground <= value("blank")
        and m.settled >= value("bent_settled")
    )


class _Glance:
    """Looks at little detail of a pair, taken when somebody asks for them: as it is, and whatever the light."""

    def __init__(self, left: Detail, right: Detail, affine: Doubles) -> None:
        self._pictures = softened(left), softened(right), affine

    @cached_property
    def laid(self) -> Laid:
        return lay(*self._pictures)

    @cached_property
    def agreement(self) -> Agreement:
        agreed = _agreement(*_structure(self.laid.one, self.laid.other, self.laid.inside))
        return agreed[0] if agreed else NO_AGREEMENT

    @cached_property
    def evened(self) -> Agreement:
        laid = lay(*self._pictures, evened=True)
        agreed = _agreement(*_structure(_evened(laid.one), _evened(laid.other), laid.inside))
        return agreed[0] if agreed else NO_AGREEMENT

    def agrees(self) -> bool:
        """Whether the two agree in most places, in the light there is or in even light."""
        return min(self.agreement.disagreeing, self.evened.disagreeing) <= value("displaced")

    def hopeless(self, distance: float) -> bool:
        """Whether it tells that more detail will not make copies of two pictures at a distance by the first look."""
        m = self.agreement
        if _ground(self.laid.one[self.laid.inside]) > value("ground"):
            other = m.unexplained > value("hopeless") or m.disagreeing > value("hopeless_disagreeing")
            return other or m.settled > value("hopeless_settled")
        if m.settled > value("hopeless_settled"):
            return self.evened.settled > value("hopeless_settled")
        most = value("hopeless_photograph")
        return distance > NEAR_DISTANCE and m.disagreeing > most and self.evened.disagreeing > most


def _freedom(relation: Mapping[str, float]) -> tuple[bool, bool]:
    """`free` and `turned` of `difference`, of a pair's geometry (columns of `relations.PAIR_COLUMNS`)."""
    turned = relation["orientation"] != 1
    unsure = float(relations.doubt(np.array([[relation[name] for name in relations.SIZES]]))[0])
    free = (
        abs(relation["rotation"]) > relations.ROTATED_DEGREES + math.degrees(2 * unsure)
        or abs(math.log2(relation["stretch"])) > math.log2(relations.STRETCHED + 2 * unsure)
        or relation["perspective"] > relations.PERSPECTIVE + unsure
    )
    return turned or free, turned
