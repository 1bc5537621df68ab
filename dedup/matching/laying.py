"""Laying one of two pictures over the other: the map between them is refined on up to 256 x 256, and uneven light, a
lens and a smooth displacement are allowed for where that is asked.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dedup.images.detail import Detail
from dedup.machine_code import larger, lesser, machine_code
from dedup.matching import geometry
from dedup.matching.alignment import EVERYTHING, _fit_tone, _refine, _start, _warp, _weigh, cubic, room_for
from dedup.matching.leftover import (
    FINE,
    STRUCTURE,
    USUALLY,
    Doubles,
    Floats,
    Mask,
    Measured,
    apart,
    box_sums,
    equally_sharp,
    halved,
    measure,
    smooth,
    toned,
    tones_around,
)
from dedup.matching.parameters import value

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
ONE, TWO, THREE = np.uint64(1), np.uint64(2), np.uint64(3)
"""Steps of an unsigned index: of one that may be negative the compiler would make sure each time."""


def refine(source: Floats, template: Floats, p: Doubles, fineness: int, perspective: int) -> float:
    """Refine the map `p` (8,) of template to source, of one side, in place by one of `FITS`, where that leaves less.
    Returns what is left: see `_misfit`."""
    edge = MARGIN / len(template)
    boxes = np.tile([edge, edge, 1 - edge, 1 - edge], (2, 1))
    fit = FITS[fineness, perspective]
    room = room_for((len(template) // fit[2] + 1) ** 2)
    return float(_fitted(source, template, p, p.copy(), np.empty(3), boxes, fit, *room))


@machine_code(fast=True)
def _fitted(
    source: Floats,
    template: Floats,
    p: Doubles,
    tried: Doubles,
    tone: Doubles,
    boxes: Doubles,
    fit: NDArray[np.int64],
    points: Floats,
    weights: Floats,
    rows: Floats,
    equations: Doubles,
) -> float:
    """`refine`; `tried` is `p` once more, `boxes` what counts of either, and the rest as `alignment._refine` has it."""
    before = after = 0.0
    for refined in (False, True):
        if refined:
            before = after
            _start(tone, EVERYTHING)
            _refine(source, template, tried, tone, boxes, fit, points, weights, rows, equations)
            area, then = abs(tried[0] * tried[4] - tried[1] * tried[3]), abs(p[0] * p[4] - p[1] * p[3])
            if not (area < LARGEST_CHANGE * then and then < LARGEST_CHANGE * area):
                return before
        after = _misfit(source, template, tried, tone, boxes, fit[2], points, weights)
    if after > before:
        return before
    for i in range(8):  # of a slice numba would compile what to say were the shapes to differ, for seconds
        p[i] = tried[i]
    return after


@machine_code(fast=True, inner=True)
def _misfit(
    source: Floats,
    template: Floats,
    p: Doubles,
    tone: Doubles,
    boxes: Doubles,
    step: int,
    points: Floats,
    weights: Floats,
) -> float:
    """The mean part, 0..1, by which the pixels that both show miss each other under the best tone, be it found from all
    or from those that agree as they are."""
    count = _warp(source, template, p, boxes, step, points)
    if count < 32:
        return 2.0
    least = 2.0
    for settled in (False, True):  # a caption on a fifth of a picture pulls the best tone of all too far off
        _start(tone, MISFIT if settled else EVERYTHING)
        for i in range(count):
            weights[i] = 1.0
        for fits in range(0 if settled else 1, 5):
            if fits:
                _fit_tone(points, count, weights, tone)
            _weigh(points, count, tone, weights)
        total = 0.0
        for i in range(count):
            total += lesser(1.0, abs(points[5, i] - tone[0] * points[2, i] - tone[1]) / MISFIT)
        least = lesser(least, total / count)
    return least


def lay_over(source: Floats, p: Doubles, out: Floats, inside: Mask) -> None:
    """Fill `out` (side, side) with `source` where the map carries its pixels, `inside` with whether both show it."""
    padded = np.pad(source, (1, 2), mode="edge")  # what cubic weights reach
    _lay_over(padded.reshape(-1), len(source), p, out, inside)


@machine_code(fast=True)
def _lay_over(flat: Floats, own: int, p: Doubles, out: Floats, inside: Mask) -> None:
    """`lay_over` of a picture of the side `own` with its first pixels once more, its last ones twice, in one row."""
    side, wide = out.shape[0], own + 3
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
            sx = lesser(larger(u * own - 0.5, 0.0), own - 1.001)
            sy = lesser(larger(v * own - 0.5, 0.0), own - 1.001)
            ix, iy = np.intp(sx), np.intp(sy)
            a, b, c, d = cubic(np.float32(sx - ix))
            weights = cubic(np.float32(sy - iy))
            at = np.uint64(iy * wide + ix)
            total = np.float32(0)
            for down in range(4):
                line = a * flat[at] + b * flat[at + ONE] + c * flat[at + TWO] + d * flat[at + THREE]
                total += weights[down] * line
                at += np.uint64(wide)
            out[row, column] = total


class Lies(NamedTuple):
    """How right lies on left: the map (6,), how far its perspective moves a corner (sides), and the tones."""

    affine: Doubles
    perspective: float
    gain: float
    bias: float


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
        """What is left over."""
        return measure(self.one, self.other, self.inside)

    def bent(self) -> Laid:
        """The same with what is left of a smooth displacement made good."""
        return replace(self, other=_bent(self.one, self.other, self.inside))

    def as_a_quadrilateral(self) -> Laid:
        """The same with `other` drawn as another quadrilateral, whose sides are divided evenly: what many programs mean
        by perspective, and what no map of a plane is."""
        return replace(self, other=_as_a_quadrilateral(self.one, self.other, self.inside))

    def toned(self) -> Iterator[Laid]:
        """The same with the tones of the one picture carried to those of the other, and back: in either they may have
        been clipped."""
        one, other = self._grays()
        for picture, like in ((one, other), (other, one)):
            carried = picture.astype(np.float32)
            carried[self.inside] = toned(picture[self.inside], like[self.inside])
            yield replace(self, one=carried) if picture is one else replace(self, other=carried)

    def equally_sharp(self) -> Laid:
        """The same with the sharper picture as soft as the other one."""
        one, other, _ = equally_sharp(*self._grays())
        return replace(self, one=one.astype(np.float32), other=other.astype(np.float32))

    def _grays(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        one, other = (np.rint(np.clip(each, 0, 255)).astype(np.uint8) for each in (self.one, self.other))
        return one, other

    def affine(self) -> Doubles:
        """The map (6,) of left to right, its perspective left out."""
        return geometry.invert_affine(self.p[None, :6])[0] if self.turned else self.p[:6].copy()

    def tones(self) -> tuple[float, float]:
        """Gain and bias that carry the tones of left to those of right, in gray levels."""
        pictures = (self.other, self.one) if self.turned else (self.one, self.other)
        left, right = (each[self.inside] for each in pictures)
        gain = float(right.std()) / max(float(left.std()), 1e-3)
        return gain, float(right.mean()) - gain * float(left.mean())

    def lies(self) -> Lies:
        """What to keep of it: the pictures take a megabyte."""
        return Lies(self.affine(), 0.5 * float(np.abs(self.p[6:]).sum()), *self.tones())


def look(left: Detail, right: Detail, affine: Doubles, *, refined: bool = True) -> Measured:
    """Measure a pair; `affine` (6,) carries places of left to right (`columns.AFFINE`), next to right or, unless
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
            pictures = [evened_out(each) for each in pictures]
        fineness = max(0, (side // SIDE_OF_POINTS).bit_length() - 1)
        left_over = refine(pictures[0], pictures[1], p, fineness, 0)
        if side > COARSEST and left_over > (NOTHING_LEFT if side == len(template) else LITTLE_LEFT):
            refine(pictures[0], pictures[1], p, fineness, 1)
    full = template.astype(np.float32)
    over, inside = np.empty_like(full), np.empty(full.shape, np.bool_)
    lay_over(_as_fine(source, len(template), p), p, over, inside)
    return Laid(full, over, inside, source, template, p, turned)


def evened_out(picture: Floats) -> Floats:
    """A picture with the same mean and contrast all over."""
    mean, variance = tones_around(picture, np.ones(picture.shape), max(3, len(picture) // EVENED // 2))
    even = 128 + EVEN_CONTRAST * (picture - mean) / np.sqrt(variance + STRUCTURE)
    return np.ascontiguousarray(np.clip(even, 0, 255), np.float32)


def through_a_lens(left: Detail, right: Detail, affine: Doubles) -> tuple[Detail, Detail] | None:
    """Both pictures, one of them seen through the lens under which they lie on each other far better than without:
    barrel or pincushion distortion, x (1 + k r^2) (Brown 1966). None where no lens does."""
    if min(len(left.gray), len(right.gray)) < LENS_SIDE:
        return None
    one, other = (reduced(each.gray, LENS_SIDE) for each in (left, right))
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
    return float(refine(smooth(right), smooth(left), p, 0, 0))


def _lensed(picture: Floats, k: float) -> Floats:
    """A picture as a lens of distortion `k` shows it, as large in the middle of its edges as before."""
    side = len(picture)
    y, x = (np.mgrid[:side, :side] + 0.5) / side * 2 - 1
    reach = (1 + k * (x * x + y * y)) / (1 + k / 2)
    places = [(each * reach + 1) / 2 * side - 0.5 for each in (y, x)]
    return _sampled(picture, places, CUBIC)


def _bent(one: Floats, other: Floats, inside: Mask) -> Floats:
    """`other` displaced smoothly, by a few pixels, so that it lies on `one`: what a lens or a curved page does.

    The method of Lucas & Kanade 1981 over wide windows, in which an object that has moved counts for little.
    """
    across, down = _shift(one, other, inside)
    y, x = np.mgrid[: len(one), : len(one)].astype(np.float64)
    return _sampled(other, [y + down, x + across], CUBIC)


def _as_a_quadrilateral(one: Floats, other: Floats, inside: Mask) -> Floats:
    """`other` displaced by a sum of 1, x, y and xy either way, so that it lies on `one`: fitted to what `_shift` tells,
    the more where more there is to go by, until it tells no more."""
    y, x = np.mgrid[: len(one), : len(one)].astype(np.float64)
    right, below = x / len(one) - 0.5, y / len(one) - 0.5
    terms = np.stack([np.ones_like(x), right, below, right * below], axis=-1)
    slopes = np.gradient(smooth(one, 2))
    firm = np.sqrt(box_sums((slopes[0] ** 2 + slopes[1] ** 2) * inside, max(4, len(one) // BENT // 2))) * inside
    weight, some = firm[::SPARSE, ::SPARSE].reshape(-1, 1), terms[::SPARSE, ::SPARSE].reshape(-1, 4)
    by, moved = np.zeros((4, 2)), other
    for _ in range(QUADRILATERALS):
        told = _shift(one, moved, inside)[:, ::SPARSE, ::SPARSE].reshape(2, -1).T
        further = np.linalg.lstsq(some * weight, told * weight, rcond=None)[0]
        by += further
        across, down = np.moveaxis(terms @ by, -1, 0)
        moved = _sampled(other, [y + down, x + across], CUBIC)
        if np.abs(some @ further).max() < SETTLED:
            break
    return moved


def _shift(one: Floats, other: Floats, inside: Mask) -> Doubles:
    """By how many pixels (2, side, side), across and down, `other` is to be displaced. What is smooth shows on half the
    side as well."""
    if len(one) < FINE:
        return _shift_at(one, other, inside)
    coarse = 2 * _shift_at(halved(one), halved(other), inside[::2, ::2] & inside[1::2, 1::2])
    between = (np.mgrid[: len(one), : len(one)] + 0.5) / 2 - 0.5
    return np.stack([_sampled(each, between, LINEAR) for each in coarse]).astype(np.float64)


def _shift_at(one: Floats, other: Floats, inside: Mask) -> Doubles:
    """The same, at the side that there is."""
    y, x = np.mgrid[: len(one), : len(one)].astype(np.float64)
    reach = max(4, len(one) // BENT // 2)
    target, moved, shift = smooth(one, 2), other, np.zeros((2, *one.shape))
    area = box_sums(np.ones(one.shape), reach // 2)
    for _ in range(BENDS):
        d, toned = apart(target, smooth(moved, 2), inside)
        slope_y, slope_x = np.gradient(toned)
        usual = USUALLY * float(np.median(np.abs(d[inside]))) + 1.0
        weight = inside / (1 + (d / usual) ** 2) ** 2
        xx, xy, yy, dx, dy = (
            box_sums(weight * each, reach)
            for each in (slope_x**2, slope_x * slope_y, slope_y**2, slope_x * d, slope_y * d)
        )
        xx, yy = xx + reach**2 / 2, yy + reach**2 / 2  # where there is nothing to go by, nothing moves
        scale = 1 / (xx * yy - xy**2)
        step = np.clip([(yy * dx - xy * dy) * scale, (xx * dy - xy * dx) * scale], -MOST_BENT, MOST_BENT)
        shift += np.stack([box_sums(each, reach // 2) / area for each in step])
        moved = _sampled(other, [y + shift[1], x + shift[0]], LINEAR)
    return shift


QUADRILATERALS, SETTLED = 8, 0.2
"""Times that one is fitted at most, and pixels of a last step that is not worth another."""
SPARSE = 8
"""One pixel of so many, either way, is fitted to: what is smooth needs no more."""
LINEAR, CUBIC = 1, 3
"""Orders of splines."""


def _sampled(picture: Floats, places: Sequence[Doubles] | Doubles, order: int) -> Floats:
    """A picture at places, rows and columns in pixels, by a spline; beyond the edges it goes on as it ends."""
    from scipy import ndimage  # a third of a second, for what few pairs need

    return np.asarray(ndimage.map_coordinates(picture, places, order=order, mode="nearest"), np.float32)


def _on_one_ground(left: Detail, right: Detail, affine: Doubles) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Both pictures: a transparent one on the tone that the other shows where it is transparent, two on one tone."""
    if left.otherwise is not None and right.otherwise is not None:
        white = float(left.gray.mean()) > float(left.otherwise.mean())
        return _on(left, 255.0 * white), _on(right, 255.0 * white)
    if left.otherwise is not None:
        return _on(left, _ground_of(right.gray, left, geometry.invert_affine(affine[None])[0])), right.gray
    if right.otherwise is not None:
        return left.gray, _on(right, _ground_of(left.gray, right, affine))
    return left.gray, right.gray


def ground_shown(left: Detail, right: Detail, affine: Doubles) -> float:
    """The gray level that a transparent picture stands on in the other, an opaque one; NaN of any other two."""
    if (left.otherwise is None) == (right.otherwise is None):
        return math.nan
    if left.otherwise is not None:
        return _ground_of(right.gray, left, geometry.invert_affine(affine[None])[0])
    return _ground_of(left.gray, right, affine)


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
        None if each is None else np.rint(reduced(each, side)).astype(np.uint8)
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
    p[:6] = geometry.invert_affine(affine[None])[0]
    if not np.isfinite(p).all():
        raise ValueError("the map between the two cannot be inverted")
    return left, right, p, True


def _at_side(gray: NDArray[np.uint8], side: int) -> Floats:
    """A picture for the fits, which take two of one side, softened so that slopes reach beyond a pixel."""
    if len(gray) < side:
        factor = side // len(gray)
        return smooth(gray.repeat(factor, axis=0).repeat(factor, axis=1).astype(np.float32), factor)
    return smooth(reduced(gray, side))


def reduced(gray: NDArray[np.uint8], side: int) -> Floats:
    picture = gray.astype(np.float32)
    while len(picture) > side:
        picture = halved(picture)
    return picture


def _as_fine(source: NDArray[np.uint8], side: int, p: Doubles) -> Floats:
    """`source` reduced so that it is next to as fine as a template of `side` under the map."""
    wanted = side / max(math.sqrt(abs(p[0] * p[4] - p[1] * p[3])), 1e-3)
    own = len(source)
    while own // 2 >= max(0.75 * wanted, 16):
        own //= 2
    return reduced(source, own)
