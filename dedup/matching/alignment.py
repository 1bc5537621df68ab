"""Lay one tiny picture over another: the map under which they agree, the gain and bias, and how well they do.

Gauss-Newton over a map, gain and bias (Lucas & Kanade 1981) with Geman-McClure weights, so that a caption or a logo on
one of the two does not pull the rest. First an affine map on pictures of half the side, which widens what can be
reached; then on the whole; last with two numbers more, a perspective.

How well they agree is judged locally: the correlation inside each of 36 blocks, because two different pictures with
the same layout correlate as a whole but not in their details.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dedup.images.signature import TINY
from dedup.machine_code import larger, lesser, machine_code
from dedup.matching import geometry

MARGIN = 1.2 / TINY
"""Left out along every edge: there a tiny pixel may hold some of what was outside."""
BLOCK = 8
BLOCKS = TINY // BLOCK
FITS = np.array([[8, 5, 1], [8, 4, 2], [10, 3, 2], [0, 0, 1]])
"""The fits in their order: unknowns (of the map, gain and bias; with two more for a perspective), steps, and every how
many pixels are looked at; last that of measuring. An array, for numba compiles anew for every number it can foresee."""
COARSELY, FINELY, WITH_PERSPECTIVE, MEASURING = range(4)
STEADY = 0.003
"""Once weights have settled, a fit is done when nothing moves by more than this part of a pixel."""
EVERYTHING = 1e6
"""A scale, in gray levels, at which every point counts."""
CLOSE = 0.01
"""Of two that leave less unexplained (1 - correlation) simpler maps are tried."""
AS_IT_IS = np.array([1.0, 0, 0, 0, 1, 0])
STAYS = 1.2, 1e-4
"""What two that did not move may leave unexplained, as so many times what is left at best, and so much more. A shift
by a tenth of a tiny pixel leaves three times as much of a photograph."""
FEWEST_POINTS = 48
"""With fewer points in common nothing is fitted."""
SMALLEST_CONTENT = 0.25
"""What lies inside a border is aligned without it, unless it is a smaller part of the picture than this: then too few
points are left, and the place of the rest on the border is all there is to hold on to."""
ENOUGH = 20
"""Points a block must share to be judged, of 64."""
CONTRAST = 6.0
"""Standard deviation in gray levels from which a block has something to agree on."""
AGREES = 0.7
"""Correlation from which a block agrees."""
MOST_CONTRAST = 32.0
"""More of it does not make a block count for more."""
GRAIN = 4.0
"""Variance in square gray levels that noise and rounding add: it keeps flat blocks from correlating by chance."""

MEASURES: tuple[str, ...] = (
    "coarse",  # correlation after the coarse steps; the only measure of a pair that was given up there
    "inside",  # fraction of the finer grid that both pictures cover
    "correlation",  # of all they share
    "agreement",  # correlation inside blocks, weighted by their contrast, over the blocks that agree
    "disagreeing",  # fraction of the contrast in blocks that do not agree
    "blocks",  # number of blocks with contrast
    "residual",  # standard deviation of what is left where they agree, in gray levels
    "gain",  # template = gain * source + bias
    "bias",
    "core",  # standard deviation of the residual among the points that agree best, in gray levels
    "inliers",  # fraction of points that belong to them
    "perspective",  # the furthest a corner is moved by the perspective part, in sides
    "box_left",  # the box around the disagreeing blocks, in template coordinates; NaN without any
    "box_top",
    "box_right",
    "box_bottom",
)
COARSE, INSIDE, CORRELATION, AGREEMENT, DISAGREEING, BLOCKS_SEEN, RESIDUAL, GAIN = range(8)
BIAS, CORE, INLIERS, PERSPECTIVE, LEFT, TOP, RIGHT, BOTTOM = range(8, len(MEASURES))

UNKNOWNS = 10
"""Most unknowns of a fit."""
ROWS = UNKNOWNS + 2
"""A row for each unknown, one for the residual, and one to work in."""

GIVEN_UP, AS_THEY_ARE, EXCHANGED = range(3)
"""How a pair was measured."""

NOTHING = np.empty((0, len(MEASURES)))
"""The measures of no pairs."""

Floats = NDArray[np.float32]
Weights = tuple[np.float32, np.float32, np.float32, np.float32]
Doubles = NDArray[np.float64]


class Room(NamedTuple):
    """Arrays that a fit works in: see `_warp`, `_weigh`, `_jacobian`, and the normal equations, the right side last."""

    points: Floats
    weights: Floats
    rows: Floats
    equations: Doubles


@machine_code(fast=True, inner=True)
def _warp(source: Floats, template: Floats, p: Doubles, boxes: Doubles, step: int, out: Floats) -> int:
    """Sample `source` and its slopes where the template's pixels fall, every `step`-th pixel in a checkered way.

    `p` (8,): six of the affine map, two of the perspective about the middle. `boxes` (2, 4): the parts of source and
    template that count. `out` (9, points): x and y from the template's middle, value, slopes (a unit is a side), the
    template's value, where the point falls, and the template's flat index. Returns the number of points.
    """
    side = source.shape[0]
    count = 0
    limit = side - 1.001
    for row in range(0, side, step):
        y = (row + 0.5) / side
        if y < boxes[1, 1] or y > boxes[1, 3]:
            continue
        for column in range((row // step) % step, side, step):
            x = (column + 0.5) / side
            if x < boxes[1, 0] or x > boxes[1, 2]:
                continue
            depth = 1.0 / (1.0 + p[6] * (x - 0.5) + p[7] * (y - 0.5))
            u = (p[0] * x + p[1] * y + p[2]) * depth
            v = (p[3] * x + p[4] * y + p[5]) * depth
            if u < boxes[0, 0] or u > boxes[0, 2] or v < boxes[0, 1] or v > boxes[0, 3]:
                continue
            sx = lesser(larger(u * side - 0.5, 0.0), limit)
            sy = lesser(larger(v * side - 0.5, 0.0), limit)
            ix, iy = np.intp(sx), np.intp(sy)
            fx, fy = np.float32(sx - ix), np.float32(sy - iy)
            v00, v01 = source[iy, ix], source[iy, ix + 1]
            v10, v11 = source[iy + 1, ix], source[iy + 1, ix + 1]
            top = v00 + fx * (v01 - v00)
            bottom = v10 + fx * (v11 - v10)
            out[0, count] = x - 0.5
            out[1, count] = y - 0.5
            out[2, count] = top + fy * (bottom - top)
            out[3, count] = ((v01 - v00) + fy * ((v11 - v10) - (v01 - v00))) * side
            out[4, count] = (bottom - top) * side
            out[5, count] = template[row, column]
            out[6, count] = u
            out[7, count] = v
            out[8, count] = row * side + column
            count += 1
    return count


@machine_code(fast=True, inner=True)
def _smooth_sample(source: Floats, points: Floats, count: int) -> None:
    """Replace the values of points by a finer interpolation (Catmull-Rom), which loses less detail."""
    side = source.shape[0]
    for i in range(count):
        sx = points[6, i] * side - np.float32(0.5)
        sy = points[7, i] * side - np.float32(0.5)
        ix, iy = np.intp(np.floor(sx)), np.intp(np.floor(sy))
        points[2, i] = _weighted(source, ix, iy, cubic(sx - ix), cubic(sy - iy))


@machine_code(fast=True, inner=True)
def _weighted(source: Floats, ix: np.intp, iy: np.intp, wx: Weights, wy: Weights) -> np.float32:
    """The sum of 4 x 4 pixels, from one before (ix, iy) on, under weights of columns and of rows."""
    last = source.shape[0] - 1
    value = np.float32(0)
    for dy in range(4):
        y = lesser(larger(iy + dy - 1, 0), last)
        line = np.float32(0)
        for dx in range(4):
            line += wx[dx] * source[y, lesser(larger(ix + dx - 1, 0), last)]
        value += wy[dy] * line
    return value


@machine_code(fast=True, inner=True)
def cubic(t: np.float32) -> Weights:
    """The weights of four pixels in a row at the place `t`, 0..1, between the middle two (Keys 1981)."""
    half, one = np.float32(0.5), np.float32(1)
    more, most = np.float32(1.5), np.float32(2.5)
    return (
        ((one - half * t) * t - half) * t,
        (more * t - most) * t * t + one,
        ((one + one - more * t) * t + half) * t,
        (t - one) * half * t * t,
    )


@machine_code(fast=True, inner=True)
def _solve(equations: Doubles, n: int) -> bool:
    """Cholesky solution of the leading n equations, left in the last row; False where the matrix is not positive."""
    matrix, vector = equations, equations[UNKNOWNS]
    for i in range(n):
        for j in range(i + 1):
            total = matrix[i, j]
            for k in range(j):
                total -= matrix[i, k] * matrix[j, k]
            if i == j:
                if total <= 1e-12:
                    return False
                matrix[i, i] = np.sqrt(total)
            else:
                matrix[i, j] = total / matrix[j, j]
    for i in range(n):
        total = vector[i]
        for k in range(i):
            total -= matrix[i, k] * vector[k]
        vector[i] = total / matrix[i, i]
    for i in range(n - 1, -1, -1):
        total = vector[i]
        for k in range(i + 1, n):
            total -= matrix[k, i] * vector[k]
        vector[i] = total / matrix[i, i]
    return True


@machine_code(inner=True)
def _start(tone: Doubles, scale: float) -> None:
    """Begin with the same tones: gain, bias, and the scale of residuals that count."""
    tone[0], tone[1], tone[2] = 1.0, 0.0, scale


@machine_code(fast=True, inner=True)
def _fit_tone(points: Floats, count: int, weights: Floats, tone: Doubles) -> float:
    """Fit tone = (gain, bias) in template = gain * source + bias under `weights`; the weighted correlation."""
    sw = st = ss = stt = sss = sst = 0.0
    for i in range(count):
        w = weights[i]
        t = points[5, i]
        s = points[2, i]
        sw += w
        st += w * t
        ss += w * s
        stt += w * t * t
        sss += w * s * s
        sst += w * s * t
    if sw < 1e-6:
        return 0.0
    vt = stt / sw - (st / sw) ** 2
    vs = sss / sw - (ss / sw) ** 2
    covariance = sst / sw - st * ss / (sw * sw)
    tone[0] = covariance / larger(vs, 1e-3)
    tone[1] = st / sw - tone[0] * ss / sw
    return float(covariance / np.sqrt(larger(vt, 1e-3) * larger(vs, 1e-3)))


@machine_code(fast=True, inner=True)
def _weigh(points: Floats, count: int, tone: Doubles, weights: Floats) -> None:
    """Geman-McClure weights of the residuals under tone = (gain, bias, scale), at a scale that is updated first.

    The scale is 2 gray levels and 2.5 mean absolute residuals of the points that agreed at the scale before.
    """
    total = absolute = np.float32(0)
    gain, bias, inverse = np.float32(tone[0]), np.float32(tone[1]), np.float32(1.0 / tone[2])
    for i in range(count):
        r = points[5, i] - gain * points[2, i] - bias
        u = r * inverse
        u = np.float32(1.0) + u * u
        w = np.float32(1.0) / (u * u)
        weights[i] = r
        total += w
        absolute += w * abs(r)
    tone[2] = 2.5 * absolute / larger(total, np.float32(1e-6)) + 2.0
    inverse = np.float32(1.0 / tone[2])
    for i in range(count):
        u = weights[i] * inverse
        u = np.float32(1.0) + u * u
        weights[i] = np.float32(1.0) / (u * u)


@machine_code(fast=True, inner=True)
def _jacobian(points: Floats, count: int, tone: Doubles, unknowns: int, rows: Floats) -> None:
    """Fill `rows` (`ROWS`, points): the residual's slopes by each unknown, then the residual itself."""
    gain, bias = np.float32(tone[0]), np.float32(tone[1])
    for i in range(count):
        x, y = points[0, i], points[1, i]
        gx, gy = gain * points[3, i], gain * points[4, i]
        rows[0, i] = gx * x
        rows[1, i] = gx * y
        rows[2, i] = gx
        rows[3, i] = gy * x
        rows[4, i] = gy * y
        rows[5, i] = gy
        rows[6, i] = points[2, i]
        rows[7, i] = 1.0
        if unknowns > 8:
            slope = -(gx * points[6, i] + gy * points[7, i])
            rows[8, i] = slope * x
            rows[9, i] = slope * y
    for i in range(count):
        rows[UNKNOWNS, i] = points[5, i] - gain * points[2, i] - bias


@machine_code(fast=True, inner=True)
def _normal_equations(rows: Floats, weights: Floats, count: int, unknowns: int, equations: Doubles) -> None:
    """The weighted normal equations of the rows; plain loops over points, which the compiler turns into vectors."""
    matrix, vector, weighted = equations, equations[UNKNOWNS], rows[ROWS - 1]
    for a in range(unknowns):
        row = rows[a]
        for i in range(count):
            weighted[i] = weights[i] * row[i]
        for b in range(a + 1):
            other = rows[b]
            total = np.float32(0)
            for i in range(count):
                total += weighted[i] * other[i]
            matrix[a, b] = total
        other = rows[UNKNOWNS]
        total = np.float32(0)
        for i in range(count):
            total += weighted[i] * other[i]
        vector[a] = total
        matrix[a, a] = matrix[a, a] * 1.001 + (1e-6 if a == 6 or a == 7 else 1e-2)


@machine_code(fast=True, inner=True)
def _refine(
    source: Floats,
    template: Floats,
    p: Doubles,
    tone: Doubles,
    boxes: Doubles,
    fit: NDArray[np.int64],
    points: Floats,
    weights: Floats,
    rows: Floats,
    equations: Doubles,
) -> None:
    """Gauss-Newton steps on `p` and `tone` in place; `fit` is a row of `FITS`. The rest is room: see `room_for`."""
    unknowns, steps, step = fit[0], fit[1], fit[2]  # to unpack an array takes code for iterating over it
    vector = equations[UNKNOWNS]
    for iteration in range(steps):
        count = _warp(source, template, p, boxes, step, points)
        if count < FEWEST_POINTS:
            return
        if iteration == 0:
            for i in range(count):
                weights[i] = 1.0
            _fit_tone(points, count, weights, tone)
            tone[2] = EVERYTHING
        _weigh(points, count, tone, weights)
        _jacobian(points, count, tone, unknowns, rows)
        _normal_equations(rows, weights, count, unknowns, equations)
        if not _solve(equations, unknowns):
            return
        across = abs(vector[2]) + 0.5 * (abs(vector[0]) + abs(vector[1]))
        down = abs(vector[5]) + 0.5 * (abs(vector[3]) + abs(vector[4]))
        part = lesser(1.0, 0.2 / larger(larger(across, down), 1e-9))  # a step is trusted for a fifth of a side
        steady = iteration >= 2 and larger(across, down) * source.shape[0] < STEADY
        for row in range(0, 6, 3):  # the unknowns turn about the template's middle
            p[row] += part * vector[row]
            p[row + 1] += part * vector[row + 1]
            p[row + 2] += part * (vector[row + 2] - 0.5 * (vector[row] + vector[row + 1]))
        tone[0] += part * vector[6]
        tone[1] += part * vector[7]
        if unknowns > 8:
            p[6] = lesser(larger(p[6] + part * vector[8], -0.5), 0.5)
            p[7] = lesser(larger(p[7] + part * vector[9], -0.5), 0.5)
        if steady:
            return


@machine_code(fast=True, inner=True)
def _invert(p: Doubles) -> None:
    """Replace the affine part of a map by its inverse."""
    scale = 1.0 / (p[0] * p[4] - p[1] * p[3])
    a, b, c, d, e, f = p[0], p[1], p[2], p[3], p[4], p[5]
    p[0] = e * scale
    p[1] = -b * scale
    p[2] = (b * f - e * c) * scale
    p[3] = -d * scale
    p[4] = a * scale
    p[5] = (d * c - a * f) * scale


def room_for(points: int) -> Room:
    """Where a fit over so many points works: made by numpy, for numba takes half a second to compile how."""
    return Room(
        np.empty((9, points), np.float32),
        np.empty(points, np.float32),
        np.empty((ROWS, points), np.float32),
        np.empty((UNKNOWNS + 1, UNKNOWNS)),
    )


def align(
    pictures: NDArray[np.uint8],
    sources: NDArray[np.int32],
    templates: NDArray[np.int32],
    start: Doubles,
    trims: Floats,
    early: float,
) -> tuple[Doubles, Doubles]:
    """Align picture pairs from `start` (m, 6), affine maps of template to source in normalised coordinates.

    `pictures` (n, 48, 48) uint8; `sources` and `templates` (m,) index it and `trims` (n, 4), the box inside each
    picture's border (left, top, right, bottom). A pair whose correlation is under `early` after the coarse steps is
    given up; one that lies as well as it is, or where it begins, is left there: along a stripe any place is as good as
    another. Returns the refined maps (m, 6) and their measures (m, len(MEASURES)).
    """
    both = np.stack([sources, templates], axis=1)
    large, boxes = pictures[both].astype(np.float32), _parts(trims)[both]
    maps, measures = _fitted(large, boxes, start, early, FITS)
    left = 1 - measures[:, CORRELATION]
    close, elsewhere = left <= CLOSE, (start != AS_IT_IS).any(axis=1)
    for rows, simple in ((close, start), (close & elsewhere, np.broadcast_to(AS_IT_IS, start.shape))):
        some = np.flatnonzero(rows)
        unmoved = _fitted(large[some], boxes[some], simple[some], early, FITS * [1, 0, 1])
        stays = 1 - unmoved[1][:, CORRELATION] <= STAYS[0] * left[some] + STAYS[1]
        maps[some[stays]], measures[some[stays]] = unmoved[0][stays], unmoved[1][stays]
    return maps, measures


def _fitted(
    large: NDArray[np.float32], boxes: Doubles, start: Doubles, early: float, fits: NDArray[np.int64]
) -> tuple[Doubles, Doubles]:
    """`align` of pictures (m, 2, side, side), source and template, and the boxes (m, 2, 4) of them that count, by fits
    such as `FITS`."""
    rows = large[..., ::2, :] + large[..., 1::2, :]
    small = np.float32(0.25) * (rows[..., ::2] + rows[..., 1::2])
    maps, measures, sums = start.copy(), np.zeros((len(start), len(MEASURES))), np.zeros((len(start), BLOCKS**2, 7))
    ways = np.full(len(start), GIVEN_UP)
    room = np.empty(8), np.empty(3), *room_for(TINY * TINY)
    _align(large, small, boxes.copy(), early, fits, maps, measures, sums, ways, *room)
    measured, exchanged = ways != GIVEN_UP, ways == EXCHANGED
    measures[measured] = _judged(sums[measured], measures[measured])
    maps[exchanged] = geometry.invert_affine(maps[exchanged])
    measures[exchanged] = _exchanged(maps[exchanged], measures[exchanged])
    return maps, measures


def _parts(trims: Floats) -> Doubles:
    """The part (n, 4) of each picture that counts: its content without a margin, or all of it where that is too small a
    part."""
    left, top, right, bottom = trims.T
    whole = (right - left) * (bottom - top) < SMALLEST_CONTENT
    inwards = np.array([MARGIN, MARGIN, -MARGIN, -MARGIN])
    return inwards + np.where(whole[:, None], np.array([0, 0, 1, 1], np.float32), trims)


def _judged(sums: Doubles, measures: Doubles) -> Doubles:
    """Measures (n, `MEASURES`) with what is told by blocks, see `_sum_blocks`: how they agree, and the box around those
    that do not."""
    out = measures.copy()
    n = sums[..., 0]
    judged = n >= ENOUGH
    means = sums / np.maximum(n, 1)[..., None]
    _, mt, ms, tt, ss, st, _ = np.moveaxis(means, -1, 0)
    vt, vs = np.maximum(tt - mt**2, 0), np.maximum(ss - ms**2, 0)
    z = (st - mt * ms) / np.sqrt((vt + GRAIN) * (vs + GRAIN))
    contrast = np.where(judged, np.minimum(np.sqrt(np.maximum(vt, vs)), MOST_CONTRAST), 0)
    seen = contrast > CONTRAST
    bad = seen & (z < AGREES)
    good = judged & ~bad
    agreeing, disagreeing = (contrast * good).sum(axis=1), (contrast * bad).sum(axis=1)
    out[:, BLOCKS_SEEN] = seen.sum(axis=1)
    out[:, AGREEMENT] = (contrast * z * good).sum(axis=1) / np.maximum(agreeing, 1e-9)
    out[:, DISAGREEING] = disagreeing / np.maximum(agreeing + disagreeing, 1e-9)
    out[:, RESIDUAL] = np.sqrt((sums[..., 6] * good).sum(axis=1) / np.maximum((n * good).sum(axis=1), 1))
    y, x = np.divmod(np.arange(BLOCKS * BLOCKS), BLOCKS)
    for begin, end, edges in ((LEFT, RIGHT, x), (TOP, BOTTOM, y)):
        out[:, begin] = np.fmin.reduce(np.where(bad, edges / BLOCKS, np.nan), axis=1)
        out[:, end] = np.fmax.reduce(np.where(bad, (edges + 1) / BLOCKS, np.nan), axis=1)
    return out


def _exchanged(maps: Doubles, measures: Doubles) -> Doubles:
    """Measures (n, `MEASURES`) taken with source and template exchanged, told the right way round; `maps` carry
    templates to sources."""
    out = measures.copy()
    gain = np.maximum(measures[:, GAIN], 1e-3)
    out[:, BIAS], out[:, GAIN] = -measures[:, BIAS] / gain, 1 / gain
    forth = geometry.invert_affine(maps)
    x, y = measures[:, [LEFT, LEFT, RIGHT, RIGHT]], measures[:, [TOP, BOTTOM, TOP, BOTTOM]]
    u, v = (np.clip(row[:, :1] * x + row[:, 1:2] * y + row[:, 2:], 0, 1) for row in (forth[:, :3], forth[:, 3:6]))
    out[:, [LEFT, TOP]] = np.stack([u.min(axis=1), v.min(axis=1)], axis=1)  # NaN, where there is no box
    out[:, [RIGHT, BOTTOM]] = np.stack([u.max(axis=1), v.max(axis=1)], axis=1)
    return out


@machine_code(fast=True)
def _align(
    large: NDArray[np.float32],
    small: NDArray[np.float32],
    boxes: Doubles,
    early: float,
    fits: NDArray[np.int64],
    maps: Doubles,
    measures: Doubles,
    sums: Doubles,
    ways: NDArray[np.int64],
    p: Doubles,
    tone: Doubles,
    points: Floats,
    weights: Floats,
    rows: Floats,
    equations: Doubles,
) -> None:
    """`align`, in place: `large` and `small` (m, 2, side, side) hold source and template, `boxes` (m, 2, 4) what counts
    of them; `sums` (m, 36, 7) is for `_sum_blocks` and `ways` (m,) to say how each was measured. The rest is room."""
    for k in range(maps.shape[0]):
        for i in range(6):
            p[i] = maps[k, i]
        p[6] = p[7] = 0.0
        _start(tone, EVERYTHING)
        box, source, template = boxes[k], small[k, 0], small[k, 1]
        for how in (COARSELY, FINELY, WITH_PERSPECTIVE):
            _refine(source, template, p, tone, box, fits[how], points, weights, rows, equations)
            if how == FINELY:
                for i in range(6):
                    maps[k, i] = p[i]
            if how != COARSELY:
                continue
            count = _warp(source, template, p, box, FITS[MEASURING, 2], points)
            if count < FEWEST_POINTS:
                break
            _weigh(points, count, tone, weights)
            measures[k, COARSE] = _fit_tone(points, count, weights, tone)
            area = abs(p[0] * p[4] - p[1] * p[3])
            if measures[k, COARSE] < early or area < 1e-3:
                break
            ways[k] = AS_THEY_ARE
            source, template = large[k, 0], large[k, 1]
            if area < 0.95:  # the finer of the two is sampled at the pixels of the coarser
                ways[k] = EXCHANGED
                source, template = template, source
                for i in range(4):
                    box[0, i], box[1, i] = box[1, i], box[0, i]
                _invert(p)
        if ways[k]:
            _measure(source, template, p, tone, box, points, weights, sums[k], measures[k])


@machine_code(fast=True, inner=True)
def _measure(
    source: Floats,
    template: Floats,
    p: Doubles,
    tone: Doubles,
    boxes: Doubles,
    points: Floats,
    weights: Floats,
    sums: Doubles,
    out: Doubles,
) -> None:
    """Fill a row of `MEASURES` at the final map, but for what blocks tell, and these."""
    count = _warp(source, template, p, boxes, FITS[MEASURING, 2], points)
    out[INSIDE] = count / (TINY * TINY)
    if count < FEWEST_POINTS:
        return
    _smooth_sample(source, points, count)
    for i in range(count):
        weights[i] = 1.0
    for again in range(5):
        if again:
            _weigh(points, count, tone, weights)
        correlation = _fit_tone(points, count, weights, tone)
        if not again:
            out[CORRELATION], tone[2] = correlation, EVERYTHING
    out[GAIN], out[BIAS] = tone[0], tone[1]
    _judge_core(points, count, tone, weights, out)
    out[PERSPECTIVE] = 0.5 * (abs(p[6]) + abs(p[7]))
    _sum_blocks(points, count, tone, sums)


@machine_code(fast=True, inner=True)
def _judge_core(points: Floats, count: int, tone: Doubles, weights: Floats, out: Doubles) -> None:
    total = square = inliers = 0.0
    for i in range(count):
        r = float(points[5, i]) - tone[0] * float(points[2, i]) - tone[1]
        total += weights[i]
        square += weights[i] * r * r
        inliers += weights[i] > 0.25
    out[CORE] = np.sqrt(square / total)
    out[INLIERS] = inliers / count


@machine_code(fast=True, inner=True)
def _sum_blocks(points: Floats, count: int, tone: Doubles, sums: Doubles) -> None:
    """Add up, in each of the blocks of `sums` (36, 7), which is 0: points, their values in template and source, their
    squares and product, and the squares of what is left."""
    for i in range(count):
        k = np.intp(points[8, i])
        b = (k // TINY // BLOCK) * BLOCKS + (k % TINY) // BLOCK
        t = float(points[5, i])
        s = float(points[2, i])
        r = t - tone[0] * s - tone[1]
        block = sums[b]
        block[0] += 1
        block[1] += t
        block[2] += s
        block[3] += t * t
        block[4] += s * s
        block[5] += s * t
        block[6] += r * r
