"""Maps between two pictures: how they are inverted, what is read off them, and what they carry.

A map is affine, in normalised coordinates: a picture is the unit square, x to the right and y down. Orientation,
rotation, crop and scale are all read off one map, so they cannot contradict each other.

Angles are in degrees, counter-clockwise as seen (Pillow's way).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Point = Sequence[float]
"""x, y."""

UNIT = (0.0, 0.0, 1.0, 1.0)
"""A whole picture, as a box."""

# The linear parts (x right, y down) of EXIF's orientations 1..8: what carries the left picture to the right one.
ORIENTATIONS = np.array(
    [
        [[1, 0], [0, 1]],
        [[-1, 0], [0, 1]],
        [[-1, 0], [0, -1]],
        [[1, 0], [0, -1]],
        [[0, 1], [1, 0]],
        [[0, -1], [1, 0]],
        [[0, -1], [-1, 0]],
        [[0, 1], [-1, 0]],
    ],
    np.float64,
)


def invert_affine(affine: NDArray[np.floating]) -> NDArray[np.float64]:
    """The inverses of maps (n, 6); a map that cannot be inverted becomes NaN."""
    xx, xy, x0, yx, yy, y0 = affine.astype(np.float64).T
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = 1 / (xx * yy - xy * yx)
        back = np.array([yy, -xy, xy * y0 - yy * x0, -yx, xx, yx * x0 - xx * y0]) * scale
    return np.where(np.isfinite(back), back, np.nan).T


def read_off(affine: NDArray[np.floating], sizes: NDArray[np.integer]) -> dict[str, NDArray[Any]]:
    """Orientation, rotation, scale, stretch and what each side sees of the other, of maps (n, 6) between pictures.

    `sizes` (n, 4) are the widths and heights of left and right.
    """
    wl, hl, wr, hr = sizes.astype(np.float64).T
    linear = affine.astype(np.float64)[:, [0, 1, 3, 4]].reshape(-1, 2, 2).copy()
    linear[:, 0] *= wr[:, None]
    linear[:, 1] *= hr[:, None]
    linear[:, :, 0] /= wl[:, None]
    linear[:, :, 1] /= hl[:, None]
    size = np.sqrt(np.abs(np.linalg.det(linear)))
    # the orientation is the one whose matrix is nearest to the map without its anisotropic scaling
    left, _, right = np.linalg.svd(linear)
    orthogonal = left @ right
    score = np.einsum("nij,oij->no", orthogonal, ORIENTATIONS)
    orientation = score.argmax(axis=1)
    rest = np.einsum("nij,nkj->nik", orthogonal, ORIENTATIONS[orientation])
    rotation = -np.degrees(np.arctan2(rest[:, 1, 0] - rest[:, 0, 1], rest[:, 0, 0] + rest[:, 1, 1]))
    across = np.hypot(linear[:, 0, 0], linear[:, 1, 0])
    down = np.hypot(linear[:, 0, 1], linear[:, 1, 1])
    seen_left = overlap(invert_affine(affine))
    seen_right = overlap(affine.astype(np.float64))
    return {
        "orientation": (orientation + 1).astype(np.int8),
        "rotation": rotation,
        "scale": size,
        "stretch": across / down,
        "seen_left": seen_left,
        "seen_right": seen_right,
    }


def overlap(affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """What part of the unit square the unit square covers when carried there by maps (n, 6): Sutherland-Hodgman."""
    xx, xy, x0, yx, yy, y0 = affine.T
    quads = np.stack(
        [np.stack([xx * x + xy * y + x0, yx * x + yy * y + y0], axis=-1) for x, y in corners_of(UNIT)], axis=1
    )
    return np.array([_clipped_area(quad) if np.isfinite(quad).all() else np.nan for quad in quads])


def _clipped_area(quad: NDArray[np.float64]) -> float:
    return area(clip(quad.tolist(), UNIT))


def clip(points: Sequence[Point], box: Sequence[float]) -> list[Point]:
    """The part of a polygon inside a box (left, top, right, bottom), by Sutherland and Hodgman; [] if outside."""
    left, top, right, bottom = box
    kept = list(points)
    for axis, sign, bound in ((0, 1, left), (0, -1, right), (1, 1, top), (1, -1, bottom)):
        kept = _clip_side(kept, axis, sign, bound)
    return kept


def _clip_side(points: list[Point], axis: int, sign: int, bound: float) -> list[Point]:
    kept: list[Point] = []
    for here, there in zip(points, points[1:] + points[:1], strict=True):
        inside, next_inside = sign * (here[axis] - bound), sign * (there[axis] - bound)
        if inside >= 0:
            kept.append(here)
        if (inside >= 0) != (next_inside >= 0):
            t = inside / (inside - next_inside)
            kept.append((here[0] + t * (there[0] - here[0]), here[1] + t * (there[1] - here[1])))
    return kept


def corners_of(box: Sequence[float]) -> list[Point]:
    """The corners of a box (left, top, right, bottom), in turn."""
    left, top, right, bottom = box
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def compose(after: NDArray[np.floating], before: NDArray[np.floating]) -> NDArray[np.float64]:
    """The map (6,) that does what `before` does, and then what `after` does."""
    rows = [np.vstack([each.reshape(2, 3), [0, 0, 1]]) for each in (after, before)]
    return np.asarray((rows[0] @ rows[1])[:2].ravel())


def carried(points: Sequence[Point], affine: NDArray[np.floating]) -> list[Point]:
    """Points as a map (6,) carries them."""
    xx, xy, x0, yx, yy, y0 = affine.tolist()
    return [(xx * x + xy * y + x0, yx * x + yy * y + y0) for x, y in points]


def area(points: Sequence[Point]) -> float:
    """Of a polygon."""
    around = zip(points, [*points[1:], *points[:1]], strict=True)
    return abs(sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in around)) / 2


def carry_boxes(boxes: NDArray[np.float64], affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Boxes (n, 4) carried by maps (n, 6), cut off at the unit square."""
    x, y = boxes[:, [0, 2, 2, 0]], boxes[:, [1, 1, 3, 3]]
    xx, xy, x0, yx, yy, y0 = (affine[:, [i]] for i in range(6))
    there_x, there_y = xx * x + xy * y + x0, yx * x + yy * y + y0
    corners = np.array([there_x.min(axis=1), there_y.min(axis=1), there_x.max(axis=1), there_y.max(axis=1)])
    return np.asarray(np.clip(corners.T, 0, 1))


def pixel_affine(row: Mapping[str, Any]) -> NDArray[np.float64]:
    """The 2 x 3 map that carries continuous pixel coordinates of the left image to those of the right one."""
    affine = np.array([[row["xx"], row["xy"], row["x0"]], [row["yx"], row["yy"], row["y0"]]], np.float64)
    affine[:, :2] /= [row["left_width"], row["left_height"]]
    return affine * np.array([[row["right_width"]], [row["right_height"]]], np.float64)


def map_box(box: Sequence[float], affine: NDArray[np.float64]) -> tuple[float, float, float, float]:
    """The upright box around a box (left, top, right, bottom) carried by a 2 x 3 map."""
    left, top, right, bottom = box
    corners = affine @ np.array([[left, right, right, left], [top, top, bottom, bottom], [1, 1, 1, 1]], np.float64)
    (x0, y0), (x1, y1) = corners.min(axis=1), corners.max(axis=1)
    return float(x0), float(y0), float(x1), float(y1)
