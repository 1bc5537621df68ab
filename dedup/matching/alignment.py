"""Lay one tiny picture over another: the map under which they agree, the gain and bias, and how well they do.

Gauss-Newton over a map, gain and bias (Lucas & Kanade 1981) with Geman-McClure weights, so that a caption or a logo on
one of the two does not pull the rest. First an affine map on pictures of half the side, which widens what can be
reached; then on the whole; last with two numbers more, a perspective.

How well they agree is judged locally: the correlation inside each of 36 blocks, because two different pictures with
the same layout correlate as a whole but not in their details.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dedup.images.signature import TINY
from dedup.machine_code import machine_code

HALF = TINY // 2
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

NOTHING = np.empty((0, len(MEASURES)))
"""The measures of no pairs."""

Floats = NDArray[np.float32]
Weights = tuple[np.float32, np.float32, np.float32, np.float32]
Doubles = NDArray[np.float64]


@machine_code(fast=True, inner=True)
def _halve(picture: Floats, out: Floats) -> None:
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            out[y, x] = np.float32(0.25) * (
                picture[2 * y, 2 * x]
                + picture[2 * y, 2 * x + 1]
                + picture[2 * y + 1, 2 * x]
                + picture[2 * y + 1, 2 * x + 1]
            )


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
            sx = min(max(u * side - 0.5, 0.0), limit)
            sy = min(max(v * side - 0.5, 0.0), limit)
            ix, iy = int(sx), int(sy)
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
        ix, iy = int(np.floor(sx)), int(np.floor(sy))
        points[2, i] = _weighted(source, ix, iy, cubic(sx - ix), cubic(sy - iy))


@machine_code(fast=True, inner=True)
def _weighted(source: Floats, ix: int, iy: int, wx: Weights, wy: Weights) -> np.float32:
    """The sum of 4 x 4 pixels, from one before (ix, iy) on, under weights of columns and of rows."""
    last = source.shape[0] - 1
    value = np.float32(0)
    for dy in range(4):
        y = min(max(iy + dy - 1, 0), last)
        line = np.float32(0)
        for dx in range(4):
            line += wx[dx] * source[y, min(max(ix + dx - 1, 0), last)]
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
def _solve(matrix: Doubles, vector: Doubles, n: int) -> bool:
    """Cholesky solution of the leading n equations, left in `vector`; False where the matrix is not positive."""
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
    tone[0] = covariance / max(vs, 1e-3)
    tone[1] = st / sw - tone[0] * ss / sw
    return float(covariance / np.sqrt(max(vt, 1e-3) * max(vs, 1e-3)))


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
    tone[2] = 2.5 * absolute / max(total, np.float32(1e-6)) + 2.0
    inverse = np.float32(1.0 / tone[2])
    for i in range(count):
        u = weights[i] * inverse
        u = np.float32(1.0) + u * u
        weights[i] = np.float32(1.0) / (u * u)


@machine_code(fast=True, inner=True)
def _jacobian(points: Floats, count: int, tone: Doubles, unknowns: int, rows: Floats) -> None:
    """Fill `rows` (11, points): the residual's slopes by each unknown, and last the residual itself."""
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
        rows[10, i] = points[5, i] - gain * points[2, i] - bias


@machine_code(fast=True, inner=True)
def _normal_equations(
    rows: Floats, weights: Floats, count: int, unknowns: int, matrix: Doubles, vector: Doubles
) -> None:
    """The weighted normal equations of the rows; plain loops over points, which the compiler turns into vectors."""
    weighted = np.empty(count, np.float32)
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
        other = rows[10]
        total = np.float32(0)
        for i in range(count):
            total += weighted[i] * other[i]
        vector[a] = total
        matrix[a, a] = matrix[a, a] * 1.001 + (1e-6 if a in (6, 7) else 1e-2)


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
) -> None:
    """Gauss-Newton steps on `p` and `tone` in place; `fit` is a row of `FITS`."""
    unknowns, steps, step = fit
    matrix = np.empty((10, 10))
    vector = np.empty(10)
    rows = np.empty((11, points.shape[1]), np.float32)
    for iteration in range(steps):
        count = _warp(source, template, p, boxes, step, points)
        if count < FEWEST_POINTS:
            return
        if iteration == 0:
            for i in range(count):
                weights[i] = 1.0
            _fit_tone(points, count, weights, tone)
            tone[2] = 1e6
        _weigh(points, count, tone, weights)
        _jacobian(points, count, tone, unknowns, rows)
        _normal_equations(rows, weights, count, unknowns, matrix, vector)
        if not _solve(matrix, vector, unknowns):
            return
        across = abs(vector[2]) + 0.5 * (abs(vector[0]) + abs(vector[1]))
        down = abs(vector[5]) + 0.5 * (abs(vector[3]) + abs(vector[4]))
        part = min(1.0, 0.2 / max(across, down, 1e-9))  # a step is trusted for a fifth of a side
        steady = iteration >= 2 and max(across, down) * source.shape[0] < STEADY
        for row in (0, 3):  # the unknowns turn about the template's middle
            p[row] += part * vector[row]
            p[row + 1] += part * vector[row + 1]
            p[row + 2] += part * (vector[row + 2] - 0.5 * (vector[row] + vector[row + 1]))
        tone[0] += part * vector[6]
        tone[1] += part * vector[7]
        if unknowns > 8:
            p[6] = min(max(p[6] + part * vector[8], -0.5), 0.5)
            p[7] = min(max(p[7] + part * vector[9], -0.5), 0.5)
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


@machine_code(fast=True)
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
    given up. Returns the refined maps (m, 6) and their measures (m, len(MEASURES)).
    """
    m, side = sources.shape[0], pictures.shape[1]  # not TINY: see `FITS`
    maps = start.copy()
    measures = np.zeros((m, len(MEASURES)))
    points = np.empty((9, side * side), np.float32)
    weights = np.empty(side * side, np.float32)
    one = np.empty((side, side), np.float32)
    other = np.empty((side, side), np.float32)
    small_s = np.empty((side // 2, side // 2), np.float32)
    small_t = np.empty((side // 2, side // 2), np.float32)
    p = np.empty(8)
    tone = np.zeros(3)
    boxes = np.empty((2, 4))
    for k in range(m):
        for i in range(8):
            p[i] = maps[k, i] if i < 6 else 0.0
        tone[0], tone[1], tone[2] = 1.0, 0.0, 1e6  # gain, bias, and a scale at which every point counts
        _take(pictures[sources[k]], one)
        _take(pictures[templates[k]], other)
        _take_box(trims[sources[k]], boxes[0])
        _take_box(trims[templates[k]], boxes[1])
        _halve(one, small_s)
        _halve(other, small_t)
        _refine(small_s, small_t, p, tone, boxes, FITS[COARSELY], points, weights)
        count = _warp(small_s, small_t, p, boxes, FITS[MEASURING, 2], points)
        if count < FEWEST_POINTS:
            continue
        _weigh(points, count, tone, weights)
        measures[k, COARSE] = _fit_tone(points, count, weights, tone)
        area = abs(p[0] * p[4] - p[1] * p[3])
        if measures[k, COARSE] < early or area < 1e-3:
            continue
        swapped = area < 0.95  # the finer of the two is sampled at the pixels of the coarser
        if swapped:
            for i in range(4):
                boxes[0, i], boxes[1, i] = boxes[1, i], boxes[0, i]
            _invert(p)
        source, template = (other, one) if swapped else (one, other)
        _refine(source, template, p, tone, boxes, FITS[FINELY], points, weights)
        for i in range(6):
            maps[k, i] = p[i]
        if swapped:
            _invert(maps[k])
        _refine(source, template, p, tone, boxes, FITS[WITH_PERSPECTIVE], points, weights)
        _measure(source, template, p, tone, boxes, points, weights, measures[k])
        if swapped:
            _swap_measures(maps[k], measures[k])
    return maps, measures


@machine_code(inner=True)
def _take(picture: NDArray[np.uint8], out: Floats) -> None:
    for y in range(TINY):
        for x in range(TINY):
            out[y, x] = picture[y, x]


@machine_code(inner=True)
def _take_box(content: Floats, box: Doubles) -> None:
    """The part of a picture that counts: its content without a margin, or all of it where that is too small a part."""
    whole = (content[2] - content[0]) * (content[3] - content[1]) < SMALLEST_CONTENT
    for i in range(4):
        end = 0.0 if i < 2 else 1.0
        box[i] = (end if whole else content[i]) + (MARGIN if i < 2 else -MARGIN)


@machine_code(fast=True, inner=True)
def _measure(
    source: Floats,
    template: Floats,
    p: Doubles,
    tone: Doubles,
    boxes: Doubles,
    points: Floats,
    weights: Floats,
    out: Doubles,
) -> None:
    """Fill a row of `MEASURES` at the final map."""
    count = _warp(source, template, p, boxes, FITS[MEASURING, 2], points)
    out[INSIDE] = count / (TINY * TINY)
    for side in (LEFT, TOP, RIGHT, BOTTOM):
        out[side] = np.nan
    if count < FEWEST_POINTS:
        return
    _smooth_sample(source, points, count)
    for i in range(count):
        weights[i] = 1.0
    out[CORRELATION] = _fit_tone(points, count, weights, tone)
    tone[2] = 1e6
    for _ in range(4):
        _weigh(points, count, tone, weights)
        _fit_tone(points, count, weights, tone)
    out[GAIN], out[BIAS] = tone[0], tone[1]
    _judge_core(points, count, tone, weights, out)
    out[PERSPECTIVE] = 0.5 * (abs(p[6]) + abs(p[7]))
    _judge_blocks(points, count, tone, out)


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
def _judge_blocks(points: Floats, count: int, tone: Doubles, out: Doubles) -> None:
    """Correlate inside blocks; fill agreement, disagreeing, blocks, residual and the box of `MEASURES`."""
    sums = np.zeros((BLOCKS * BLOCKS, 7))
    for i in range(count):
        k = int(points[8, i])
        b = (k // TINY // BLOCK) * BLOCKS + (k % TINY) // BLOCK
        t = float(points[5, i])
        s = float(points[2, i])
        sums[b, 0] += 1
        sums[b, 1] += t
        sums[b, 2] += s
        sums[b, 3] += t * t
        sums[b, 4] += s * s
        sums[b, 5] += s * t
        r = t - tone[0] * s - tone[1]
        sums[b, 6] += r * r
    agreeing = good = bad = residual = points_good = 0.0
    for b in range(BLOCKS * BLOCKS):
        n = sums[b, 0]
        if n < ENOUGH:
            continue
        vt = max(sums[b, 3] / n - (sums[b, 1] / n) ** 2, 0.0)
        vs = max(sums[b, 4] / n - (sums[b, 2] / n) ** 2, 0.0)
        covariance = sums[b, 5] / n - sums[b, 1] * sums[b, 2] / (n * n)
        z = covariance / np.sqrt((vt + GRAIN) * (vs + GRAIN))
        contrast = min(np.sqrt(max(vt, vs)), 32.0)
        out[BLOCKS_SEEN] += contrast > CONTRAST
        if z < AGREES and contrast > CONTRAST:
            bad += contrast
            x, y = b % BLOCKS, b // BLOCKS
            out[LEFT] = np.fmin(out[LEFT], x / BLOCKS)
            out[TOP] = np.fmin(out[TOP], y / BLOCKS)
            out[RIGHT] = np.fmax(out[RIGHT], (x + 1) / BLOCKS)
            out[BOTTOM] = np.fmax(out[BOTTOM], (y + 1) / BLOCKS)
        else:
            agreeing += contrast * z
            good += contrast
            residual += sums[b, 6]
            points_good += n
    out[AGREEMENT] = agreeing / max(good, 1e-9)
    out[DISAGREEING] = bad / max(good + bad, 1e-9)
    out[RESIDUAL] = np.sqrt(residual / max(points_good, 1.0))


@machine_code(fast=True, inner=True)
def _swap_measures(back: Doubles, out: Doubles) -> None:
    """Measures taken with source and template exchanged, told the right way round; `back` maps template to source."""
    gain = max(out[GAIN], 1e-3)
    out[BIAS] = -out[BIAS] / gain
    out[GAIN] = 1.0 / gain
    if np.isnan(out[LEFT]):
        return
    left, top, right, bottom = out[LEFT], out[TOP], out[RIGHT], out[BOTTOM]
    forth = back.copy()
    _invert(forth)
    out[LEFT] = out[TOP] = 1.0
    out[RIGHT] = out[BOTTOM] = 0.0
    for x in (left, right):
        for y in (top, bottom):
            u = min(max(forth[0] * x + forth[1] * y + forth[2], 0.0), 1.0)
            v = min(max(forth[3] * x + forth[4] * y + forth[5], 0.0), 1.0)
            out[LEFT], out[RIGHT] = min(out[LEFT], u), max(out[RIGHT], u)
            out[TOP], out[BOTTOM] = min(out[TOP], v), max(out[BOTTOM], v)
