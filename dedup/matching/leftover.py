"""What is left over between two pictures that lie on each other: how much of the structure stays unexplained, where it
disagrees, which of the two brings something of its own there, and whether the grain of flat places is the same, which a
copy shares with its original and another exposure does not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dedup.machine_code import machine_code

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
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
    one_sided: float  # 0.5..1: of the structure that differs, what the one that brings more of it brings
    opaque: float  # by how much more of what clearly differs is of one tone in one of them
    exposure: float  # correlation of grain in flat places, -1..1; NaN where there are none
    grain: float  # standard deviation of that grain in the smoother of the two, gray levels ...
    grain_ratio: float  # ... and of the other, over it
    ground: float  # of the area: pixels of the commonest tone, give or take
    directions: float  # of the structure of either, the lesser: 0 where all its slopes go one way, 1 both ways alike


NOTHING = Measured(*NO_AGREEMENT, 1.0, 0.5, 0.0, math.nan, 0.0, 1.0, 0.0, 0.0)
"""Of two pictures that have next to nothing in common once they were laid over each other."""


def measure(one: Floats, other: Floats, inside: Mask) -> Measured:
    """Compare two pictures (side, side) that lie on each other where `inside`."""
    if inside.sum() < FEWEST * FEWEST:
        return NOTHING
    a, b, weight = _structure(one, other, inside)
    agreed = _agree(a, b, weight)
    if agreed is None:
        return NOTHING
    agreement, gain, bad = agreed
    differing = _differing(a, b, weight > 0.99, _cells(bad, _cell(a), a.shape))
    grain, ground = _grain(one, other, gain, inside), ground_share(one[inside])
    return Measured(*agreement, *differing, *grain, ground, min(_directions(a, weight), _directions(b, weight)))


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


def _agree(a: Floats, b: Floats, weight: Floats) -> tuple[Agreement, float, Mask] | None:
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
        seen=int(seen.sum()),
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
            above, below = max(y - 1, 0), min(y + 1, last)
            for x in range(end + 1):
                room[y, x] = half * picture[y, x] + quarter * (picture[above, x] + picture[below, x])
        for y in range(last + 1):
            picture[y, 0] = half * room[y, 0] + quarter * (room[y, 0] + room[y, min(1, end)])
            picture[y, end] = half * room[y, end] + quarter * (room[y, max(end - 1, 0)] + room[y, end])
            for x in range(1, end):
                picture[y, x] = half * room[y, x] + quarter * (room[y, x - 1] + room[y, x + 1])


@machine_code(fast=True)
def _steepest(one: Floats, other: Floats, out: Floats) -> None:
    """Fill `out` with the squared slope (levels a pixel) of whichever picture is steeper; 0 along the edges."""
    out[:] = 0
    for y in range(1, one.shape[0] - 1):
        for x in range(1, one.shape[1] - 1):
            a = (one[y + 1, x] - one[y - 1, x]) ** 2 + (one[y, x + 1] - one[y, x - 1]) ** 2
            b = (other[y + 1, x] - other[y - 1, x]) ** 2 + (other[y, x + 1] - other[y, x - 1]) ** 2
            out[y, x] = max(a, b) / 4


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
    return (middle - apart) / max(middle + apart, 1e-9)


@machine_code(fast=True)
def halved(picture: Floats) -> Floats:
    """A picture at half its side, which is even, by means of four pixels."""
    out = np.empty((picture.shape[0] // 2, picture.shape[1] // 2), np.float32)
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            upper = picture[2 * y, 2 * x] + picture[2 * y, 2 * x + 1]
            lower = picture[2 * y + 1, 2 * x] + picture[2 * y + 1, 2 * x + 1]
            out[y, x] = np.float32(0.25) * (upper + lower)
    return out


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


def _differing(a: Floats, b: Floats, inside: Mask, where: Mask) -> tuple[float, float, float]:
    """`differing`, `one_sided` and `opaque` of `Measured`, in the pixels `where` windows disagree."""
    where = where & inside
    if where.sum() < FEWEST:
        return 0.0, 1.0, 0.0
    d, toned = apart(a, b, inside)
    slopes = [np.asarray(np.gradient(each)) for each in (d, a, toned)]
    own, theirs = (
        np.maximum(sign * (slopes[0] * each).sum(axis=0), 0)[where] for sign, each in ((1, slopes[1]), (-1, slopes[2]))
    )
    strength = np.hypot(*slopes[0])[where]
    top = strength >= np.quantile(strength, STRONGEST)
    shares = [max(x.sum(), y.sum()) / max(x.sum() + y.sum(), 1e-9) for x, y in ((own, theirs), (own[top], theirs[top]))]
    clear = (np.abs(d) > max(CLEARLY, USUALLY * float(np.median(np.abs(d[inside]))))) & where
    plain = abs(ground_share(a[clear]) - ground_share(b[clear])) if clear.sum() >= FEWEST_CLEAR else 0.0
    return float(clear.sum() / inside.sum()), float(max(shares)), plain


def apart(a: Floats, b: Floats, inside: Mask) -> tuple[Floats, Floats]:
    """By how much `a` is lighter than `b` would be with its tones, (side, side), and that `b`."""
    reach = max(4, len(a) // NEIGHBOURHOOD // 2)
    (ma, va), (mb, vb) = (tones_around(each, inside.astype(np.float64), reach) for each in (a, b))
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
    _sum_boxes(np.ascontiguousarray(values, np.float64), reach, out)
    return out


@machine_code(fast=True)
def _sum_boxes(values: Doubles, reach: int, out: Doubles) -> None:
    """Fill `out` with `box_sums`, by sums that slide down the rows and then along them."""
    side = values.shape[0]
    column = np.zeros(side)
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


def ground_share(tones: Floats) -> float:
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
    softer = [smooth(each, 4) for each in (one, other)]
    slope = np.empty_like(softer[0])
    _steepest(softer[0], softer[1], slope)
    flattest = np.partition(slope[inner], int(FLATTEST * (area - 1)))[int(FLATTEST * (area - 1))]
    flat = inner & (slope <= flattest)
    for each in softer:
        flat &= (each > DARKEST) & (each < LIGHTEST)
    if flat.sum() < max(FEWEST_FLAT, LEAST_FLAT * area):
        return math.nan, 0.0, 1.0
    x, y = (one - softer[0])[flat], gain * (other - softer[1])[flat]
    x, y = x - x.mean(), y - y.mean()
    sx, sy = float(np.sqrt((x * x).mean())), float(np.sqrt((y * y).mean()))
    low, high = min(sx, sy), max(sx, sy)
    return float((x * y).mean() / max(sx * sy, 1e-9)), low, high / max(low, 1e-3)
