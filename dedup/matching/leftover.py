"""What is left over between two pictures that lie on each other: how much of the structure stays unexplained, where it
disagrees, which of the two brings something of its own there, and whether the grain of flat places is the same, which a
copy shares with its original and another exposure does not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dedup.machine_code import larger, lesser, machine_code
from dedup.matching.parameters import value

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Gray = NDArray[np.uint8]
Mask = NDArray[np.bool_]

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
FEWEST_SOLID = 8
"""A piece of so many pixels, two wide at least, that clearly differs is a thing of its own, not noise."""
GATHERED = 0.5
"""Copies leave 0.13 to 0.4 of all in a twentieth of the windows, forms filled in otherwise 0.57 and more."""
FAINT_SLOPE, BENT_SHARE = 1.0, 0.1
"""Squared levels a pixel, and part of the steeper way, from which slopes of a window go another way as well."""
FEW_TONES = 4
"""Of what is drawn in flat colours most pixels have one of so many tones: the rest is the edges between them."""
TELLING, STEPS, LINED = 0.2, (8, 12), 0.65
"""Grain that agrees by no more is no evidence anyway. So many pixels on, of 256, grain does not agree any more: where
it does by this part of what it agreed by, it is no grain. Of photographs 0.05 to 0.3, of one in twenty (fabric, fences)
more; of grids, codes and boards 0.7 and more."""
HARDLY = 1e-4
"""The weight of a pixel that counts where no other does."""
FEWEST_CLEAR = 50
"""So many pixels must clearly differ for their tones to be counted."""
CLOSED, BOXED = 5, 0.7
"""Gaps of so many pixels are closed in what clearly differs, and of a box it fills so much at least."""
AT_EDGE, BESIDE, FURTHEST_BESIDE = 3, 6, 10
"""The edge of a box lies within so many pixels of what differs; so many further on, to so many, is beside it."""
AROUND = np.abs(np.arange(-FURTHEST_BESIDE, FURTHEST_BESIDE + 1))
LEAST_STEP = 0.3
"""Gray levels from pixel to pixel that noise makes anyway."""
STRONGEST = 0.9
"""Quantile of the changes whose strength is compared."""
GRAINY = 128
"""On a smaller side what agrees in flat places is structure, not grain: only where nothing does it tells anything."""
FLATTEST = 0.3
"""Part of the picture, where it changes least, whose grain is compared ..."""
DARKEST, LIGHTEST = 12, 243
"""... and whose tones are not clipped."""
SAME_TONE = 2
"""Levels within which tones are the same ground."""
SOFTENED = (0.4, 0.7, 1.0, 1.5, 2.2, 3.2)
"""Standard deviations, in pixels, of the Gaussian blurs that may make a picture as soft as another."""
FEWEST_FLAT, LEAST_FLAT = 200, 0.03
"""Fewer flat pixels, or a smaller part, tell nothing of grain: those between strokes are no flat place."""


class Agreement(NamedTuple):
    """How far two pictures agree in windows, the first fields of `Measured`."""

    windows: int
    seen: int
    unexplained: float
    uneven: float
    settled: float
    disagreeing: float


NO_AGREEMENT = Agreement(0, 0, 1.0, 1.0, 1.0, 1.0)
"""Where next to nothing is seen of both."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a second look at a pair measured; fractions are 0..1."""

    windows: int  # with structure, of about 1,700 overlapping ones; fewer under 128 pixels
    seen: int  # windows that both show, with structure or without
    unexplained: float  # of the structure's energy
    uneven: float  # the same, wherever tones changed by place: from correlations alone
    settled: float  # the same as unexplained, of the windows that agree, as all around them do
    disagreeing: float  # of the contrast of windows with structure: those that do not agree
    differing: float  # of the area: pixels in such windows that clearly differ
    one_way: float  # 0.5..1: of what clearly differs by the tones around that agree, what is lighter, or what is darker
    one_sided: float  # 0.5..1: of the structure that differs, what the one that brings more of it brings
    opaque: float  # by how much more of what clearly differs is of one tone in one of them
    framed: float  # where much differs: how many times as far tones step at the edge of its box as beside, on either
    set_in: float  # 1 where that box lies away from all edges of what both show, else 0
    strength: float  # gray levels of the richer in contrast: what the largest piece differs by at most; 0 without one
    usual: float  # gray levels of the same: by how much pixels differ that do not, the median of all
    exposure: float  # correlation of grain in flat places, -1..1; NaN where there are none
    grain: float  # standard deviation of that grain in the smoother of the two, gray levels ...
    grain_ratio: float  # ... and of the other, over it
    ground: float  # of the area: pixels of the commonest tone, give or take
    toned: float  # of the area: those of the `FEW_TONES` commonest tones
    directions: float  # of the structure of either, the lesser: 0 where all its slopes go one way, 1 both ways alike
    corners: int  # windows of either, the fewer, in which slopes go more than one way


NOTHING = Measured(*NO_AGREEMENT, 1.0, 0.5, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0, math.nan, 0.0, 1.0, 0.0, 0.0, 0.0, 0)
"""Of two pictures that have next to nothing in common once they were laid over each other."""


def measure(one: Floats, other: Floats, inside: Mask) -> Measured:
    """Compare two pictures (side, side) that lie on each other where `inside`."""
    if inside.sum() < FEWEST * FEWEST:
        return NOTHING
    a, b, weight = _structure(one, other, inside)
    agreed = _agree(a, b, weight)
    if agreed is None:
        return NOTHING
    agreement, gain, bad, left = agreed
    pixels_of = partial(_cells, cell=_cell(a), shape=a.shape)
    differing = _differing(a, b, weight > 0.99, pixels_of(bad), pixels_of(_gathered(left, agreement.windows)))
    grain = _grain(one, other, gain, inside)
    tones = _shares(one[inside], FEW_TONES)
    directions = min(_directions(a, weight), _directions(b, weight))
    corners = min(_corners(a, weight), _corners(b, weight))
    return Measured(*agreement, *differing, *grain, tones[0], sum(tones), directions, corners)


def agreement(one: Floats, other: Floats, inside: Mask) -> Agreement:
    """What `measure` tells of windows, which is the least of its work."""
    agreed = _agree(*_structure(one, other, inside))
    return agreed[0] if agreed else NO_AGREEMENT


def agreeing_windows(one: Floats, other: Floats, inside: Mask) -> Mask:
    """Which windows (n, n) both show and do not disagree in: of a side of n + 1 cells each covers two by two."""
    a, b, weight = _structure(one, other, inside)
    va, vb, covariance, seen = _windows(a, b, weight, _cell(a))
    textured = np.maximum(va, vb) > STRUCTURE
    return seen & ~(textured & (covariance < AGREES * np.sqrt((va + ROUNDING) * (vb + ROUNDING))))


def _agree(a: Floats, b: Floats, weight: Floats) -> tuple[Agreement, float, Mask, Doubles] | None:
    """How far windows agree, the contrast of `a` over that of `b`, which windows disagree, and the energy left over in
    each with structure; None where next to nothing is seen."""
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
        seen=int(seen.sum()),
        unexplained=float(left[textured].sum() / max(energy[textured].sum(), 1e-6)),
        uneven=float((amplitude * (1 - z))[textured].sum() / contrast),
        settled=float(left[good].sum() / max(energy[good].sum(), 1e-6)),
        disagreeing=float(amplitude[bad].sum() / contrast),
    )
    return agreement, gain, bad, np.where(textured, np.maximum(left, 0), 0)


def _gathered(left: Doubles, windows: int) -> Mask:
    """The twentieth of the `windows` with structure in which most is left over, if that is `GATHERED` of all; else
    none. An edit of the whole leaves something everywhere, another word in fine print nothing but there."""
    few = np.partition(left.ravel(), -max(1, windows // 20))[-max(1, windows // 20)]
    most = (left >= few) & (left > 0)
    return most if left[most].sum() >= GATHERED * left.sum() else np.zeros_like(most)


def _cell(structure: Floats) -> int:
    """The side of the cells of which windows are made."""
    return max(3, round(len(structure) / WINDOW))


def _structure(one: Floats, other: Floats, inside: Mask) -> tuple[Floats, Floats, Floats]:
    """Both pictures as their structure is compared, and how much of each pixel both show."""
    weight = inside.astype(np.float32)
    pictures = [one * weight, other * weight, weight]
    if len(one) >= FINE:
        pictures = [halved(each) for each in pictures]
    if len(one) >= SMOOTHED:
        pictures = [smooth(each) for each in pictures]
    a, b, weight = pictures
    return a / np.maximum(weight, 1e-3), b / np.maximum(weight, 1e-3), weight


def smooth(picture: Floats, times: int = 1) -> Floats:
    """Binomial weights 1 2 1 along both axes, which add half a square pixel of variance each time."""
    out = np.array(picture, np.float32)
    _soften(out, np.empty_like(out), times)
    return out


@machine_code(fast=True)
def _soften(picture: Floats, room: Floats, times: int) -> None:
    """`smooth` in place; `room` has the picture's shape."""
    last, end = picture.shape[0] - 1, picture.shape[1] - 1
    quarter, half = np.float32(0.25), np.float32(0.5)
    for _ in range(times):
        for y in range(last + 1):
            above, below = larger(y - 1, 0), lesser(y + 1, last)
            for x in range(end + 1):
                room[y, x] = half * picture[y, x] + quarter * (picture[above, x] + picture[below, x])
        for y in range(last + 1):
            picture[y, 0] = half * room[y, 0] + quarter * (room[y, 0] + room[y, lesser(1, end)])
            picture[y, end] = half * room[y, end] + quarter * (room[y, larger(end - 1, 0)] + room[y, end])
            for x in range(1, end):
                picture[y, x] = half * room[y, x] + quarter * (room[y, x - 1] + room[y, x + 1])


@machine_code(fast=True)
def _steepest(one: Floats, other: Floats, out: Floats) -> None:
    """Fill `out`, but for its edges, with the squared slope (levels a pixel) of whichever picture is steeper."""
    for y in range(1, one.shape[0] - 1):
        for x in range(1, one.shape[1] - 1):
            a = (one[y + 1, x] - one[y - 1, x]) ** 2 + (one[y, x + 1] - one[y, x - 1]) ** 2
            b = (other[y + 1, x] - other[y - 1, x]) ** 2 + (other[y, x + 1] - other[y, x - 1]) ** 2
            out[y, x] = larger(a, b) / 4


@machine_code(fast=True)
def _directions(picture: Floats, weight: Floats) -> float:
    """`directions` of one picture, where it is seen: the smaller over the larger eigenvalue of the structure tensor
    (Foerstner & Guelch 1987), in which steep slopes count most, so that noise counts for nothing."""
    xx = yy = xy = 0.0
    for y in range(1, picture.shape[0] - 1):
        for x in range(1, picture.shape[1] - 1):
            if weight[y, x] > 0.99:
                across, down = picture[y, x + 1] - picture[y, x - 1], picture[y + 1, x] - picture[y - 1, x]
                steep = across * across + down * down
                xx += steep * across * across
                yy += steep * down * down
                xy += steep * across * down
    middle, apart = 0.5 * (xx + yy), math.sqrt((0.5 * (xx - yy)) ** 2 + xy * xy)
    return float((middle - apart) / larger(middle + apart, 1e-9))


def lacks_corners(picture: Floats, share: float) -> bool:
    """Whether `corners` of a picture (side, side) are less than this share of all windows."""
    structure, _, weight = _structure(picture, picture, np.ones(picture.shape, np.bool_))
    windows = (len(structure) // _cell(structure) - 1) ** 2
    return _corners(structure, weight) < share * windows


def _corners(picture: Floats, weight: Floats) -> int:
    """`corners` of one picture: both eigenvalues of a window's structure tensor (see `_directions`) are of some size,
    as they are where a line bends, ends or crosses another, and nowhere on what is smooth or round."""
    cell = _cell(picture)
    sums = np.zeros((4, len(picture) // cell, len(picture) // cell))
    _sum_slopes(picture, weight, sums)
    n, xx, yy, xy = sums[:, :-1, :-1] + sums[:, 1:, :-1] + sums[:, :-1, 1:] + sums[:, 1:, 1:]
    middle, apart = 0.5 * (xx + yy), np.sqrt((0.5 * (xx - yy)) ** 2 + xy**2)
    lesser_slope = (middle - apart) / np.maximum(n, 1)
    bends = (lesser_slope > FAINT_SLOPE) & (middle - apart > BENT_SHARE * (middle + apart))
    return int((bends & (n >= SEEN * (2 * cell) ** 2)).sum())


@machine_code(fast=True)
def _sum_slopes(picture: Floats, weight: Floats, sums: Doubles) -> None:
    """Add up, in the cells of `sums` (4, count, count), how many pixels are seen and the products of their slopes."""
    count = sums.shape[1]
    cell = picture.shape[0] // count
    end = picture.shape[0] - 1
    for y in range(count * cell):
        for x in range(count * cell):
            if weight[y, x] <= 0.99:
                continue
            at = sums[:, y // cell, x // cell]
            at[0] += 1
            if not (0 < y < end and 0 < x < end):
                continue
            across = np.float64(picture[y, x + 1] - picture[y, x - 1]) / 2
            down = np.float64(picture[y + 1, x] - picture[y - 1, x]) / 2
            at[1] += across * across
            at[2] += down * down
            at[3] += across * down


def halved(picture: Floats) -> Floats:
    """A picture at half its side by means of four pixels; the last of an odd number is left out."""
    even = picture[: len(picture) // 2 * 2, : picture.shape[1] // 2 * 2]
    rows = even[:, ::2] + even[:, 1::2]
    return np.float32(0.25) * (rows[::2] + rows[1::2])


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


@machine_code(fast=True)
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


def _differing(
    a: Floats, b: Floats, inside: Mask, where: Mask, most: Mask
) -> tuple[float, float, float, float, float, float, float, float]:
    """`differing` to `usual` of `Measured`, in the pixels `where` windows disagree; pieces also where `most` is
    left."""
    where, looked_at = where & inside, (where | most) & inside
    if looked_at.sum() < FEWEST:
        return 0.0, 0.5, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0
    d, toned, clear, pieces = _pieces_apart(a, b, inside, looked_at)
    clear &= where
    one_way = _one_way(a, b, inside, looked_at)
    if where.sum() < FEWEST:
        return 0.0, one_way, 1.0, 0.0, 0.0, 0.0, *pieces
    slopes = [np.asarray(np.gradient(each)) for each in (d, a, toned)]
    own, theirs = (
        np.maximum(sign * (slopes[0] * each).sum(axis=0), 0)[where] for sign, each in ((1, slopes[1]), (-1, slopes[2]))
    )
    if own.sum() > theirs.sum():  # tones are carried from what was put over a picture to it, not the other way
        pieces = _pieces_apart(b, a, inside, looked_at)[3]
    steep = np.hypot(*slopes[0])[where]
    top = steep >= np.quantile(steep, STRONGEST)
    shares = [max(x.sum(), y.sum()) / max(x.sum() + y.sum(), 1e-9) for x, y in ((own, theirs), (own[top], theirs[top]))]
    plain = abs(ground_share(a[clear]) - ground_share(b[clear])) if clear.sum() >= FEWEST_CLEAR else 0.0
    differing = float(clear.sum() / inside.sum())
    framed, set_in = _framed(a, b, inside, clear) if differing > value("large_overlay") else (0.0, 0.0)
    return differing, one_way, float(max(shares)), plain, framed, set_in, *pieces


def _framed(a: Floats, b: Floats, inside: Mask, clear: Mask) -> tuple[float, float]:
    """`framed` and `set_in` of `Measured`: what is put over a picture has an edge of its own, and the scene below it
    goes on there; where both have that edge, each has something else in the same frame. 0 for what fills no box."""
    from scipy import ndimage  # few pairs need it

    solid = ndimage.binary_fill_holes(ndimage.binary_closing(clear, np.ones((CLOSED, CLOSED))))
    labels, _ = ndimage.label(solid, np.ones((3, 3)))
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    (box,) = ndimage.find_objects((labels == sizes.argmax()).astype(int))
    if sizes.max() < BOXED * labels[box].size:
        return 0.0, 0.0
    around = (slice(max(each.start - BESIDE, 0), each.stop + BESIDE) for each in box)
    seen = inside[tuple(around)]
    set_in = seen.shape == tuple(each.stop - each.start + 2 * BESIDE for each in box) and bool(seen.all())
    return min(_steps_at(each, inside, *box) for each in (a, b)), float(set_in)


def _steps_at(picture: Floats, inside: Mask, rows: slice, columns: slice) -> float:
    """How many times as far tones step at the edges of a box as along lines beside them; 0 where fewer than three edges
    lie within."""
    at, beside = [], []
    for tones, seen, across, along in ((picture, inside, rows, columns), (picture.T, inside.T, columns, rows)):
        both = seen[1:, along] & seen[:-1, along]
        count = both.sum(axis=1)
        steps = (np.abs(np.diff(tones[:, along], axis=0)) * both).sum(axis=1) / np.maximum(count, 1)
        steps[count < FEWEST] = np.nan
        padded = np.pad(steps, FURTHEST_BESIDE + 1, constant_values=np.nan)
        for edge in (across.start, across.stop):  # before the first pixel, and before the one after the last
            around = padded[edge : edge + len(AROUND)]
            near, far = around[AROUND <= AT_EDGE], around[AROUND >= BESIDE]
            if np.isfinite(near).any() and np.isfinite(far).any():
                at.append(float(np.nanmax(near)))
                beside.append(float(np.nanmean(far)))
    return sum(at) / max(sum(beside), LEAST_STEP * len(at)) if len(at) >= 3 else 0.0


def _one_way(a: Floats, b: Floats, inside: Mask, where: Mask) -> float:
    """`one_way` of `Measured`: words and marks in one ink make what they are put over lighter throughout, or darker,
    and of two items each is lighter somewhere. What is put there must not tell the tones that it is measured by."""
    d, _ = apart(a, b, inside, inside & ~where)
    differing = d[_is_clear(d, float(np.median(np.abs(d[inside])))) & where]
    lighter, darker = float(differing[differing > 0].sum()), float(-differing[differing < 0].sum())
    return max(lighter, darker) / (lighter + darker) if lighter + darker else 0.5


def _is_clear(d: Floats, usual: float) -> Mask:
    return np.asarray(np.abs(d) > max(CLEARLY, USUALLY * usual))


def _pieces_apart(
    a: Floats, b: Floats, inside: Mask, looked_at: Mask
) -> tuple[Floats, Floats, Mask, tuple[float, float]]:
    """What `apart` gives, where it is clear, and `strength` and `usual` of `Measured`, seen from `a`."""
    d, toned = apart(a, b, inside)
    usual = float(np.median(np.abs(d[inside])))
    richer = max(1.0, float(b[inside].std()) / max(float(a[inside].std()), 1.0))
    clear = _is_clear(d, usual) & looked_at
    return d, toned, clear, (richer * _strength(d, clear), richer * usual)


def _strength(d: Floats, clear: Mask) -> float:
    """`strength` of `Measured`. What is thinner than two pixels is no piece: an edge that does not lie quite right."""
    from scipy import ndimage  # few pairs need it

    largest, strength = FEWEST_SOLID - 1, 0.0
    for one_sign in (clear & (d > 0), clear & (d <= 0)):
        labels, count = ndimage.label(one_sign, np.ones((3, 3)))
        solid = np.bincount(labels[ndimage.binary_opening(one_sign, np.ones((2, 2)))], minlength=count + 1)
        solid[0] = 0
        if solid.max() > largest:
            largest, strength = int(solid.max()), float(np.abs(d[labels == solid.argmax()]).max())
    return strength


def apart(a: Floats, b: Floats, inside: Mask, telling: Mask | None = None) -> tuple[Floats, Floats]:
    """By how much `a` is lighter than `b` would be with its tones, (side, side), and that `b`. Tones are those of the
    pixels that are `telling`, wherever there are any around."""
    reach = max(4, len(a) // NEIGHBOURHOOD // 2)
    weight = inside.astype(np.float64) if telling is None else telling + HARDLY * inside
    (ma, va), (mb, vb) = (tones_around(each, weight, reach) for each in (a, b))
    toned = ma + np.sqrt((va + 4) / (vb + 4)) * (b - mb)
    return np.where(inside, a - toned, 0).astype(np.float32), toned.astype(np.float32)


def tones_around(picture: Floats, weight: Doubles, reach: int) -> tuple[Doubles, Doubles]:
    """Mean and variance of the pixels within `reach` of each, both ways, each counting by its weight."""
    area = np.maximum(box_sums(weight, reach), 1e-6)
    mean = box_sums(weight * picture, reach) / area
    return mean, np.maximum(box_sums(weight * picture * picture, reach) / area - mean**2, 0)


def box_sums(values: Doubles, reach: int) -> Doubles:
    """Sums over (2 reach + 1) squared pixels, less at the edges."""
    out = np.empty_like(values, np.float64)
    _sum_boxes(np.ascontiguousarray(values, np.float64), reach, np.zeros(len(values)), out)
    return out


@machine_code(fast=True)
def _sum_boxes(values: Doubles, reach: int, column: Doubles, out: Doubles) -> None:
    """Fill `out` with `box_sums`, by sums that slide down the rows, in `column`, and then along them."""
    side = values.shape[0]
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
                out[y, x] = total


def toned(picture: Gray, like: Gray) -> Floats:
    """A picture of one channel, or some of its pixels, with the tones of those of another, by the monotone curve that
    fits best (isotonic regression, by pooling adjacent violators; Ayer et al. 1955)."""
    from scipy.optimize import isotonic_regression  # few pairs need it

    count = np.bincount(picture.ravel(), minlength=256)
    total = np.bincount(picture.ravel(), weights=like.ravel(), minlength=256)
    there = np.flatnonzero(count)
    curve = isotonic_regression(total[there] / count[there], weights=count[there]).x
    return np.asarray(np.interp(np.arange(256), there, curve).astype(np.float32)[picture])


def equally_sharp(one: Gray, other: Gray) -> tuple[Gray, Gray, bool]:
    """Both pictures, the sharper one softened until it is as sharp as the other; whether it had to be."""
    from scipy import ndimage  # few pairs need it

    sharpness = [_sharpness(each) for each in (one, other)]
    least, most = sorted(sharpness)
    if most <= value("sharpness") * least:
        return one, other, False
    sharp = one if sharpness[0] > sharpness[1] else other
    tried = (ndimage.gaussian_filter(sharp, sigma) for sigma in SOFTENED)
    softened = min(tried, key=lambda each: abs(_sharpness(each) - least))
    return (softened, other, True) if sharp is one else (one, softened, True)


def _sharpness(picture: Gray) -> float:
    """The mean square of steps from pixel to pixel, over the variance: whatever the contrast."""
    tones = picture.astype(np.float32)
    steps = sum(float((np.diff(tones, axis=axis) ** 2).sum()) for axis in (0, 1))
    return steps / tones.size / max(float(tones.var()), 1.0)


def ground_share(tones: Floats) -> float:
    """The part of some tones within `SAME_TONE` levels of the commonest."""
    return _shares(tones, 1)[0]


def _shares(tones: Floats, most: int) -> list[float]:
    """The parts of some tones within `SAME_TONE` levels of the `most` commonest, each without those before."""
    counts = np.bincount(np.clip(np.rint(tones), 0, 255).astype(np.intp), minlength=256)
    around, shares = np.ones(2 * SAME_TONE + 1), []
    for _ in range(most):
        near = np.convolve(counts, around, "same")
        middle = int(near.argmax())
        shares.append(float(near[middle] / len(tones)))
        counts[max(0, middle - SAME_TONE) : middle + SAME_TONE + 1] = 0
    return shares


def _grain(one: Floats, other: Floats, gain: float, inside: Mask) -> tuple[float, float, float]:
    """`exposure`, `grain` and `grain_ratio` of `Measured`; no grain where it goes on along lines, as a grid's does."""
    inner = inside.copy()
    for lines, whole in ((inner, inside), (inner.T, inside.T)):  # what was made up beyond the edges is not grain
        lines[3:] &= whole[:-3]
        lines[:-3] &= whole[3:]
    area = int(inner.sum())
    if area < FEWEST_FLAT:
        return math.nan, 0.0, 1.0
    softer = [smooth(each, 4) for each in (one, other)]
    slope = np.zeros_like(softer[0])
    _steepest(softer[0], softer[1], slope)
    flattest = np.partition(slope[inner], int(FLATTEST * (area - 1)))[int(FLATTEST * (area - 1))]
    flat = inner & (slope <= flattest)
    for each in softer:
        flat &= (each > DARKEST) & (each < LIGHTEST)
    if flat.sum() < max(FEWEST_FLAT, LEAST_FLAT * area):
        return math.nan, 0.0, 1.0
    x, y = ((each - each[flat].mean()) * flat for each in (one - softer[0], gain * (other - softer[1])))
    count = float(flat.sum())
    sx, sy = math.sqrt((x * x).sum() / count), math.sqrt((y * y).sum() / count)
    low, high = min(sx, sy), max(sx, sy)
    exposure = float((x * y).sum() / count / max(sx * sy, 1e-9))
    if exposure > TELLING and _along_lines(x, y, flat) > LINED * exposure:
        return math.nan, 0.0, 1.0
    if exposure >= value("other_exposure") and len(one) < GRAINY:
        return math.nan, 0.0, 1.0
    return exposure, low, high / max(low, 1e-3)


def _along_lines(one: Floats, other: Floats, flat: Mask) -> float:
    """The highest correlation, -1..1, of one picture's grain with the other's some pixels on, across or down: next to
    none of noise, whatever it is of, and nearly as much as with what lies on it where the grain is a pattern of lines.
    Grain is 0 where it is not `flat`."""
    there_is, highest = flat.astype(np.float32), -1.0
    for step in STEPS:
        for here, there in ((np.s_[:, :-step], np.s_[:, step:]), (np.s_[:-step], np.s_[step:])):
            both = np.einsum("yx,yx", there_is[here], there_is[there])
            if both >= FEWEST_FLAT:
                agreeing = np.einsum("yx,yx", one[here], other[there])
                own = np.einsum("yx,yx,yx", one[here], one[here], there_is[there])
                theirs = np.einsum("yx,yx,yx", other[there], other[there], there_is[here])
                highest = max(highest, float(agreeing / max(math.sqrt(own * theirs), 1e-9)))
    return highest
