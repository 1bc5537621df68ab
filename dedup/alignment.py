"""Lay one tiny picture over another: the affine map and the gain and bias under which they agree, and how well.

Gauss-Newton over eight numbers (six of an affine map, gain, bias; Lucas & Kanade 1981, photometric part as in
Bartoli 2008) with Geman-McClure weights, so that a caption or a logo on one of the two does not pull the rest. First
on pictures of half the side, which widens what it can reach, then on the whole.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from dedup.signature import TINY

HALF = TINY // 2
STEPS = (5, 4)
"""Gauss-Newton steps on half and on full pictures."""

Floats = NDArray[np.float32]


@numba.njit(cache=True, fastmath=True)
def _halve(picture: NDArray[np.uint8], out: Floats) -> None:
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            total = (
                float(picture[2 * y, 2 * x])
                + float(picture[2 * y, 2 * x + 1])
                + float(picture[2 * y + 1, 2 * x])
                + float(picture[2 * y + 1, 2 * x + 1])
            )
            out[y, x] = np.float32(total * 0.25)


@numba.njit(cache=True, fastmath=True)
def _warp(source: Floats, p: NDArray[np.float64], step: int, out: Floats) -> int:
    """Sample `source` and its slopes at every `step`-th template pixel.

    `out` (6, points): x and y of the template in [-0.5, 0.5], value, slopes along x and y (a unit is a side), and the
    template's flat index (as float). Points that fall outside the source are left out. Returns their number.
    """
    side = source.shape[0]
    count = 0
    limit = side - 1.0
    for row in range(0, side, step):
        y = (row + 0.5) / side
        shift = (row // step) % step
        for column in range(shift, side, step):
            x = (column + 0.5) / side
            sx = (p[0] * x + p[1] * y + p[2]) * side - 0.5
            sy = (p[3] * x + p[4] * y + p[5]) * side - 0.5
            if sx < -0.5 or sy < -0.5 or sx > limit + 0.5 or sy > limit + 0.5:
                continue
            sx = min(max(sx, 0.0), limit - 1e-3)
            sy = min(max(sy, 0.0), limit - 1e-3)
            ix = int(sx)
            iy = int(sy)
            fx = np.float32(sx - ix)
            fy = np.float32(sy - iy)
            v00 = source[iy, ix]
            v01 = source[iy, ix + 1]
            v10 = source[iy + 1, ix]
            v11 = source[iy + 1, ix + 1]
            top = v00 + fx * (v01 - v00)
            bottom = v10 + fx * (v11 - v10)
            out[0, count] = x - 0.5
            out[1, count] = y - 0.5
            out[2, count] = top + fy * (bottom - top)
            out[3, count] = ((v01 - v00) + fy * ((v11 - v10) - (v01 - v00))) * side
            out[4, count] = (bottom - top) * side
            out[5, count] = row * side + column
            count += 1
    return count


@numba.njit(cache=True, fastmath=True)
def _solve(matrix: NDArray[np.float64], vector: NDArray[np.float64]) -> bool:
    """Cholesky solution of matrix @ x = vector, left in `vector`; False where the matrix is not positive."""
    n = vector.shape[0]
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


@numba.njit(cache=True, fastmath=True)
def _gain(template: Floats, points: Floats, count: int, weights: Floats, tone: NDArray[np.float64]) -> float:
    """Fit tone = (gain, bias): template = gain * source + bias under `weights`; the weighted correlation."""
    flat = template.reshape(-1)
    sw = st = ss = stt = sss = sst = 0.0
    for i in range(count):
        w = float(weights[i])
        t = float(flat[int(points[5, i])])
        s = float(points[2, i])
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
    cov = sst / sw - st * ss / (sw * sw)
    tone[0] = cov / max(vs, 1e-3)
    tone[1] = st / sw - tone[0] * ss / sw
    return cov / np.sqrt(max(vt, 1e-3) * max(vs, 1e-3))


@numba.njit(cache=True, fastmath=True)
def _weigh(
    template: Floats, points: Floats, count: int, tone: NDArray[np.float64], scale: float, weights: Floats
) -> float:
    """Geman-McClure weights of the residuals at `scale`; the mean absolute residual under them."""
    flat = template.reshape(-1)
    total = 0.0
    absolute = 0.0
    for i in range(count):
        r = float(flat[int(points[5, i])]) - tone[0] * float(points[2, i]) - tone[1]
        u = 1.0 + (r / scale) ** 2
        w = 1.0 / (u * u)
        weights[i] = w
        total += w
        absolute += w * abs(r)
    return absolute / max(total, 1e-6)


@numba.njit(cache=True, fastmath=True)
def _refine(
    source: Floats,
    template: Floats,
    p: NDArray[np.float64],
    tone: NDArray[np.float64],
    steps: int,
    step: int,
    points: Floats,
    weights: Floats,
) -> None:
    """Gauss-Newton steps on `p` and `tone` in place."""
    flat = template.reshape(-1)
    matrix = np.empty((8, 8))
    vector = np.empty(8)
    j = np.empty(8)
    for iteration in range(steps):
        count = _warp(source, p, step, points)
        if count < 48:
            return
        if iteration == 0:
            weights[:count] = 1.0
            _gain(template, points, count, weights, tone)
            mean = _weigh(template, points, count, tone, 1e6, weights)
        else:
            mean = _weigh(template, points, count, tone, 1e6, weights)
        _weigh(template, points, count, tone, 2.5 * mean + 2.0, weights)
        matrix[:] = 0.0
        vector[:] = 0.0
        for i in range(count):
            x = float(points[0, i])
            y = float(points[1, i])
            s = float(points[2, i])
            gx = tone[0] * float(points[3, i])
            gy = tone[0] * float(points[4, i])
            w = float(weights[i])
            r = float(flat[int(points[5, i])]) - tone[0] * s - tone[1]
            j[0] = gx * x
            j[1] = gx * y
            j[2] = gx
            j[3] = gy * x
            j[4] = gy * y
            j[5] = gy
            j[6] = s
            j[7] = 1.0
            for a in range(8):
                wa = w * j[a]
                vector[a] += wa * r
                for b in range(a + 1):
                    matrix[a, b] += wa * j[b]
        for a in range(6):
            matrix[a, a] = matrix[a, a] * 1.001 + 1e-3
        matrix[6, 6] += 1e-6
        matrix[7, 7] += 1e-6
        if not _solve(matrix, vector):
            return
        # a step is trusted for a fifth of a side
        reach = max(
            abs(vector[2]) + 0.5 * (abs(vector[0]) + abs(vector[1])),
            abs(vector[5]) + 0.5 * (abs(vector[3]) + abs(vector[4])),
        )
        part = min(1.0, 0.2 / max(reach, 1e-9))
        # the step is about the middle of the template
        p[0] += part * vector[0]
        p[1] += part * vector[1]
        p[2] += part * (vector[2] - 0.5 * (vector[0] + vector[1]))
        p[3] += part * vector[3]
        p[4] += part * vector[4]
        p[5] += part * (vector[5] - 0.5 * (vector[3] + vector[4]))
        tone[0] += part * vector[6]
        tone[1] += part * vector[7]


RESULT = ("correlation", "agreeing", "inside", "gain", "bias", "residual", "texture", "plain", "coarse")
"""Columns of the second array `align` returns; see there."""


@numba.njit(cache=True, fastmath=True, parallel=True)
def align(
    pictures: NDArray[np.uint8],
    sources: NDArray[np.int32],
    templates: NDArray[np.int32],
    start: NDArray[np.float64],
    early: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Align picture pairs, from `start` (m, 6): affine maps of normalised template to source coordinates.

    `pictures` (n, 48, 48) uint8; `sources` and `templates` (m,) index it. A pair whose correlation is under `early`
    after the coarse steps is given up. Returns the refined maps (m, 6) and measures (m, len(RESULT)).
    """
    m = sources.shape[0]
    maps = start.copy()
    results = np.zeros((m, 9))
    for k in numba.prange(m):
        p = maps[k]
        tone = np.zeros(2)
        points = np.empty((6, TINY * TINY), np.float32)
        weights = np.empty(TINY * TINY, np.float32)
        s = np.empty((HALF, HALF), np.float32)
        t = np.empty((HALF, HALF), np.float32)
        _halve(pictures[sources[k]], s)
        _halve(pictures[templates[k]], t)
        _refine(s, t, p, tone, 5, 1, points, weights)
        count = _warp(s, p, 1, points)
        weights[:count] = 1.0
        mean = _weigh(t, points, count, tone, 1e6, weights)
        _weigh(t, points, count, tone, 2.5 * mean + 2.0, weights)
        coarse = _gain(t, points, count, weights, tone)
        results[k, 8] = coarse
        if coarse < early or count < 64:
            results[k, 0] = coarse
            continue
        full_s = pictures[sources[k]].astype(np.float32)
        full_t = pictures[templates[k]].astype(np.float32)
        _refine(full_s, full_t, p, tone, 4, 2, points, weights)
        _measure(full_s, full_t, p, points, weights, results[k])
    return maps, results


@numba.njit(cache=True, fastmath=True)
def _measure(
    source: Floats,
    template: Floats,
    p: NDArray[np.float64],
    points: Floats,
    weights: Floats,
    result: NDArray[np.float64],
) -> None:
    """Fill a row of `RESULT` at the final map."""
    flat = template.reshape(-1)
    tone = np.zeros(2)
    count = _warp(source, p, 1, points)
    result[2] = count / flat.shape[0]
    if count < 64:
        return
    weights[:count] = 1.0
    result[7] = _gain(template, points, count, weights, tone)
    mean = _weigh(template, points, count, tone, 1e6, weights)
    for _ in range(3):
        scale = 2.0 * mean + 2.0
        mean = _weigh(template, points, count, tone, scale, weights)
        result[0] = _gain(template, points, count, weights, tone)
    agree = 0
    sw = st = stt = sr = 0.0
    for i in range(count):
        t = float(flat[int(points[5, i])])
        r = t - tone[0] * float(points[2, i]) - tone[1]
        w = float(weights[i])
        if w > 0.25:
            agree += 1
        sw += w
        st += w * t
        stt += w * t * t
        sr += w * r * r
    result[1] = agree / count
    result[3] = tone[0]
    result[4] = tone[1]
    result[5] = np.sqrt(sr / sw)
    result[6] = np.sqrt(max(stt / sw - (st / sw) ** 2, 0.0))
