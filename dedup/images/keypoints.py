"""Keypoints: corners of a picture at several sizes, each with what its surroundings look like in 256 bits. They tell
where a part of one picture is found in another, whatever else is there: in a crop, a collage, a screenshot.

Corners are those of FAST (Rosten & Drummond 2006), the strongest by Harris and Stephens (1988) in each part of the
picture, as in ORB (Rublee et al. 2011); the direction of a corner is that of the intensity centroid of its patch. A bit
says which of two places of the patch is lighter (BRIEF, Calonder et al. 2010), with two things of our own:

- the slope of the patch along its direction is taken out first. Nearly every patch is lighter on one side, that is what
  gives it its direction, so without this most bits of most patches are the same;
- the 256 pairs of places are 64, and these mirrored, turned by 180 degrees, and both. So a mirrored picture has the
  same keypoints with the four words of their bits exchanged (`mirrored`), and is looked for without being read again;
  and so is a negative (`negative`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageStat

from dedup.images.decode import open_picture
from dedup.images.formats import MAX_PIXELS
from dedup.machine_code import machine_code

VERSION = 2
"""Changes when keypoints change, so that stored ones of an older version are taken again."""

SIDE = 640
"""Pixels of the longer side at which a picture is looked at: something set in at a third of it still has 200."""
STEP = math.sqrt(2)
"""A picture is looked at in sizes that are apart by this factor."""
COUNT = 400
"""Keypoints of a picture at most, 15 kB: a tile of a collage of nine has some 40, of which 15 are found again."""
MEASURED = 4
"""Of so many times the corners that are wanted, those that stand out most, it is measured how much of a corner they
are."""
PARTS = 8
"""They are spread over so many by so many parts, for a picture may be covered in part or lie in one."""
CONTRAST, LEAST_CONTRAST, MOST_CONTRAST = 0.25, 5, 20
"""The surroundings of a corner are lighter, or darker, by this part of the picture's contrast (standard deviation), so
that an edit of the tones leaves the corners where they are, but at least and at most by so many gray levels."""
RADIUS = 15
"""Of a patch, pixels."""
MARGIN = RADIUS + 2
"""No keypoint lies nearer to the edge: the places of a patch are means of 5 x 5 pixels."""
ANGLES = 64
"""Directions are told in so many steps of a turn."""
UNIT = 64
"""Places are kept in such parts of a pixel."""

POINT = np.dtype([("x", "<u2"), ("y", "<u2"), ("size", "u1"), ("angle", "u1"), ("bits", "<u8", (4,))])
"""A keypoint: its place in 64ths of a pixel of the picture as it was looked at, by how many steps that was reduced, its
direction in 64ths of a turn (y down), and what its patch looks like."""

PAIRS_OF_PLACES = """
    -1.7 13.7 4.5 -13.1; 2.4 -2.2 6.3 -4.3; -0.9 -11.8 4.2 -9.2; -9.1 -5.1 11.8 7.1;
    -0.2 -4.2 6.6 -11.6; 1.4 6.4 3.9 -9.3; -11.6 -1.3 8.5 -10.3; 9.8 -4.8 8.9 -9.8;
    9.5 -10.4 -6.6 -11.6; -4 -6.9 -6.3 4.3; 12.7 3.4 -0.8 3; 6.5 9.5 2.6 -11.3;
    8.5 6.2 -12.2 6.2; -4.5 -13.1 8.5 10.3; 8.6 -1.6 -13.5 -2.2; 11.3 -5.8 -6.6 11.6;
    6.7 5 3.9 9.3; 10.1 -3.4 10 6.5; 5.5 5.2 2.4 -2.6; 11.6 -1.3 -1.7 -13.7;
    10 -6.5 -11.6 1.3; -13.4 -3.5 2.7 6.7; 0.9 2.6 2.6 -11.3; 4.5 13.1 6.5 9.5;
    0.6 -9.9 -1.7 -13.7; -0.6 9.9 6.3 -11.4; 0.6 -9.9 7.3 -8.4; -9.5 10.4 8.8 -7.2;
    -3.3 0.9 -2.2 5.5; 1.7 13.7 -1.4 -6.4; 1.5 -1.5 0.8 3; 2.2 5.5 0.6 9.9;
    -2.2 5.5 9.5 -10.4; -3.7 6 -0.6 -9.9; -8.8 -7.2 -8.6 -1.6; -3.7 -4.2 11.7 -7.8;
    4.9 7.3 -1.4 6.4; 0.8 -3 -1.4 -6.4; -6.9 8.8 -3.8 -0.2; -8.8 7.2 4.2 -9.2;
    -12.7 -3.5 -13.7 3.2; -3.9 -9.3 -11.3 5.8; -0.2 4.2 -5.8 2.8; -6.3 4.3 -6.6 11.6;
    -6.3 -11.4 8 -2.1; 7.4 0.1 8.7 -4.1; -3.7 -6 -7.3 -8.4; -5.6 2.7 -8.6 -1.6;
    -11.3 5.8 7.4 -0.1; -5.8 2.8 2.6 -11.3; 1.6 0.8 -6.7 -8.4; -4.2 -9.2 4 6.9;
    10.7 8.2 13.7 0.2; -6.7 -5 -9.5 10.4; 11.6 1.3 -6.3 -4.3; -13.7 0.6 12.7 -3.4;
    9.8 4.8 5.5 5.2; -6.9 -8.8 8.7 4; -2.9 3.7 9.8 -4.8; 1.4 -0.5 -2.4 -2.2;
    12.7 3.4 4.5 -0.7; -12.2 6.2 -10.1 2.7; -6.7 5 5.8 -2.8; 9.1 -5.1 13.4 -3.5;
"""
"""x and y of two places each, from the middle of a patch that is turned so that its direction is along x. Of 6,000
pairs of random places the 64 that are next to even (either is lighter as often) and to independent, in all four forms,
over 30,000 patches of photographs of dogs and of things; see `benchmarks/keypoints.py`."""

Gray = NDArray[np.uint8]
Points = NDArray[np.void]


@dataclass(frozen=True, slots=True)
class Keypoints:
    """Those of one picture, (n,) of dtype `POINT`, and the width and height at which it was looked at."""

    width: int
    height: int
    points: Points


def take(path: Path, *, max_pixels: int = MAX_PIXELS) -> Keypoints:
    """Read a file's keypoints. Raises `UnreadableImage`."""
    return of_picture(open_picture(path, max_pixels=max_pixels, reduce_to=SIDE, longer=True))


def of_picture(picture: Image.Image) -> Keypoints:
    """The keypoints of a picture."""
    gray = picture.convert("L")
    reduced = max(gray.size) / SIDE
    if reduced > 1:
        gray = _resized(gray, reduced)
    found, left = [], COUNT
    contrast = round(min(max(CONTRAST * ImageStat.Stat(gray).stddev[0], LEAST_CONTRAST), MOST_CONTRAST))
    sizes = _sizes(gray)
    weights = [STEP**-place for place in range(len(sizes))]
    for place in reversed(range(len(sizes))):  # what a small size does not need is left to the larger ones
        wanted = round(left * weights[place] / sum(weights[: place + 1]))
        points = _of_one_size(sizes[place], gray.size, place, contrast, wanted)
        found.append(points)
        left -= len(points)
    return Keypoints(*gray.size, np.concatenate(found) if found else np.empty(0, POINT))


def _sizes(gray: Image.Image) -> list[Gray]:
    """A picture in the sizes in which it is looked at, the next always smaller by `STEP`: halves of halves, and what
    lies between two of them."""
    sizes: list[Gray] = []
    half = gray
    while min(gray.size) / STEP ** len(sizes) >= 2 * MARGIN + 4:
        between = len(sizes) % 2
        half = _resized(half, 2) if sizes and not between else half
        sizes.append(np.asarray(_resized(half, STEP) if between else half))
    return sizes


def mirrored(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The bits (n, 4) of the same keypoints in the picture mirrored top to bottom."""
    return np.ascontiguousarray(bits[:, [1, 0, 3, 2]])


def negative(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The bits (n, 4) of the same keypoints in the negative of the picture: the direction of each is turned around, and
    what was the lighter of two places is the darker."""
    return np.ascontiguousarray(~bits[:, [2, 3, 0, 1]])


def _resized(gray: Image.Image, factor: float) -> Image.Image:
    width, height = (max(1, round(side / factor)) for side in gray.size)
    return gray.resize((width, height), Image.Resampling.HAMMING, reducing_gap=2.0)


def _of_one_size(gray: Gray, whole: tuple[int, int], size: int, contrast: int, count: int) -> Points:
    """At most `count` keypoints of a picture of a `whole` width and height that was reduced in `size` steps."""
    gray = np.ascontiguousarray(gray)
    places, stands_out = _corners(gray, contrast)
    places = places[_spread(places, stands_out, gray.shape, MEASURED * count)]
    places = places[_spread(places, _strengths(gray, places), gray.shape, count)]
    points = np.empty(len(places), POINT)
    angles, bits = np.empty(len(places), np.uint8), np.empty((len(places), 4), np.uint64)
    _describe(gray, _blurred(gray), places, PATTERN, SLOPES, angles, bits)
    reduced = np.array(whole) / gray.shape[::-1]  # by whole pixels, so not quite by `STEP`
    points["x"], points["y"] = np.rint((places + 0.5) * reduced * UNIT).T
    points["size"], points["angle"], points["bits"] = size, angles, bits
    return points


def _spread(
    places: NDArray[np.int32], strength: NDArray[np.number], shape: tuple[int, ...], count: int
) -> NDArray[np.intp]:
    """The strongest corner of each part of the picture, then the second of each, and so on, up to `count`."""
    if len(places) <= count:
        return np.arange(len(places))
    x, y = places.T
    order = np.argsort(-strength, kind="stable")
    part = ((y * PARTS // shape[0]) * PARTS + x * PARTS // shape[1])[order].astype(np.uint8)
    by_part = np.argsort(part, kind="stable")  # what has few values is sorted in one pass
    rank = np.empty(len(part), np.uint16)
    rank[by_part] = places_among_equals(part[by_part])
    return np.asarray(order[np.argsort(rank, kind="stable")[:count]])


def places_among_equals(ordered: NDArray[np.integer]) -> NDArray[np.intp]:
    """The place of each number (n,) among those equal to it, which stand together: 0, 1, ..."""
    places = np.arange(len(ordered))
    starts = np.diff(ordered, prepend=-1) != 0
    return np.asarray(places - np.maximum.accumulate(np.where(starts, places, 0)))


def _patterns() -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """For each direction the two places (x, y, x, y) of every pair, (ANGLES, 256, 4); and how much further along the
    direction the first place of each pair lies than the second, (256,)."""
    pairs = np.array([row.split() for row in PAIRS_OF_PLACES.replace("\n", "").split(";") if row.strip()], np.float64)
    forms = [[1, 1, 1, 1], [1, -1, 1, -1], [-1, -1, -1, -1], [-1, 1, -1, 1]]
    x0, y0, x1, y1 = np.concatenate([pairs * form for form in forms]).T
    half = ANGLES // 2
    turn = (
        np.pi * ((np.arange(ANGLES) + half) % ANGLES - half)[:, None] / half
    )  # so that a turn and its mirror are exact
    c, s = np.cos(turn), np.sin(turn)
    places = np.stack([c * x0 - s * y0, s * x0 + c * y0, c * x1 - s * y1, s * x1 + c * y1], axis=-1)
    return np.rint(places).astype(np.int8), (x0 - x1).astype(np.float32)


PATTERN, SLOPES = _patterns()
CIRCLE = np.array(
    [
        *[(0, -3), (1, -3), (2, -2), (3, -1), (3, 0), (3, 1), (2, 2), (1, 3)],
        *[(0, 3), (-1, 3), (-2, 2), (-3, 1), (-3, 0), (-3, -1), (-2, -2), (-1, -3)],
    ],
    np.int64,
)
"""x and y of the 16 pixels around a corner, in turn ..."""
ARC = 9
"""... of which so many in a row are lighter than it, or darker."""
_TWICE = np.arange(1 << 16) * ((1 << 16) + 1)
HAS_ARC = np.any([(_TWICE >> start) % (1 << ARC) == (1 << ARC) - 1 for start in range(16)], axis=0)
"""Whether the 16 bits of a number have such a row, the last followed by the first."""
HARRIS = 0.04
"""How much less an edge counts than a corner (the k of Harris and Stephens)."""
DISC = np.array([int(math.sqrt(RADIUS * RADIUS - y * y) + 0.5) for y in range(RADIUS + 1)], np.int64)
"""Half the width of a patch by the distance of a row from its middle."""
SPREAD = float(sum(x * x for y in range(-RADIUS, RADIUS + 1) for x in range(-DISC[abs(y)], DISC[abs(y)] + 1)))
"""Sum of the squared distances of a patch's pixels along any direction: a moment over it is a slope."""
AREA = 25.0
"""Pixels of which `_blurred` is the sum."""


@machine_code()
def _corners(gray: Gray, contrast: int) -> tuple[NDArray[np.int32], NDArray[np.int16]]:
    """x and y (n, 2) of the corners that stand out more than the eight pixels around them, and by how much (n,)."""
    height, width = gray.shape
    flat = gray.reshape(-1)
    around = CIRCLE[:, 1] * width + CIRCLE[:, 0]
    stands_out, found, count = np.zeros(height * width, np.int16), np.empty(height * width, np.int32), 0
    possible = np.empty(width - 2 * MARGIN, np.uint8)
    for y in range(MARGIN, height - MARGIN):
        _may_be_corners(gray, y, contrast, possible)
        for x in range(len(possible)):
            if possible[x]:
                at = y * width + x + MARGIN
                by = _stands_out(flat, at, around, contrast, possible[x])
                if by:
                    stands_out[at] = by
                    found[count] = at
                    count += 1
    kept, places, by_how_much = 0, np.empty((count, 2), np.int32), np.empty(count, np.int16)
    for i in range(count):
        at = found[i]
        if _is_peak(stands_out, at, width):
            places[kept, 0], places[kept, 1], by_how_much[kept] = at % width, at // width, stands_out[at]
            kept += 1
    return places[:kept], by_how_much[:kept]


@machine_code(inner=True)
def _may_be_corners(gray: Gray, y: int, contrast: int, possible: NDArray[np.uint8]) -> None:
    """Fill `possible` with what every other pixel around each of a row allows: 1 where four in turn are lighter by
    `contrast`, 2 where four are darker, 3 both, for an arc of nine of sixteen has four of the eight; else 0."""
    end = gray.shape[1] - MARGIN
    middle = gray[y, MARGIN:end]
    above, right = gray[y - 3, MARGIN:end], gray[y, MARGIN + 3 : end + 3]
    below, left = gray[y + 3, MARGIN:end], gray[y, MARGIN - 3 : end - 3]
    above_left, above_right = gray[y - 2, MARGIN - 2 : end - 2], gray[y - 2, MARGIN + 2 : end + 2]
    below_left, below_right = gray[y + 2, MARGIN - 2 : end - 2], gray[y + 2, MARGIN + 2 : end + 2]
    around = (above, above_right, right, below_right, below, below_left, left, above_left)
    for x in range(len(possible)):
        tone = np.int16(middle[x])
        light, dark = np.int16(tone + contrast), np.int16(tone - contrast)
        lighter = darker = np.uint8(0)
        for k in range(8):
            lighter |= np.uint8(around[k][x] > light) << np.uint8(k)
            darker |= np.uint8(around[k][x] < dark) << np.uint8(k)
        possible[x] = _four_in_turn(lighter) | (_four_in_turn(darker) << np.uint8(1))


@machine_code(inner=True)
def _four_in_turn(bits: np.uint8) -> np.uint8:
    """1 where four of eight bits in turn are set, the last followed by the first, else 0."""
    two = np.uint8(bits & ((bits << np.uint8(1)) | (bits >> np.uint8(7))))
    four = np.uint8(two & ((two << np.uint8(2)) | (two >> np.uint8(6))))
    return np.uint8(four != 0)


@machine_code(inner=True)
def _stands_out(flat: Gray, at: int, around: NDArray[np.int64], contrast: int, possible: int) -> np.int64:
    """By how many levels the pixels around one are lighter than it, or darker, taken together, where `ARC` in a row are
    by more than `contrast`; else 0. `possible` as in `_may_be_corners`."""
    middle = np.int64(flat[at])
    for way in (1, 2):
        if not possible & way:
            continue
        sign, told, total = np.int64(3 - 2 * way), np.int64(0), np.int64(0)
        for i in range(16):
            apart = sign * (np.int64(flat[at + around[i]]) - middle)
            differs = np.int64(apart > contrast)
            told |= differs << i
            total += differs * apart
        if HAS_ARC[told]:
            return total
    return np.int64(0)


@machine_code(inner=True)
def _is_peak(values: NDArray[np.int16], at: int, width: int) -> bool:
    """Whether none of the eight pixels around one has more; of two that are equal the first counts."""
    own = values[at]
    for down in (-width, 0, width):
        for across in (-1, 0, 1):
            step = down + across
            if values[at + step] > own or (step < 0 and values[at + step] == own):
                return False
    return True


@machine_code()
def _strengths(gray: Gray, places: NDArray[np.int32]) -> NDArray[np.float64]:
    """Harris and Stephens' measure of corners at places (n, 2)."""
    strengths, width, flat = np.empty(len(places)), gray.shape[1], gray.reshape(-1)
    for i in range(len(places)):
        strengths[i] = _strength(flat, np.int64(places[i, 1]) * width + np.int64(places[i, 0]), width)
    return strengths


@machine_code(inner=True)
def _strength(flat: Gray, at: int, width: int) -> float:
    """The same of one pixel, from Sobel slopes of the 7 x 7 pixels around it."""
    xx = yy = xy = np.int64(0)
    for down in range(-3, 4):
        for across in range(-3, 4):
            k = at + down * width + across
            a, b, c = np.int64(flat[k - width - 1]), np.int64(flat[k - width]), np.int64(flat[k - width + 1])
            d, f = np.int64(flat[k - 1]), np.int64(flat[k + 1])
            g, h, i = np.int64(flat[k + width - 1]), np.int64(flat[k + width]), np.int64(flat[k + width + 1])
            dx, dy = 2 * (f - d) + c - a + i - g, 2 * (h - b) + g - a + i - c
            xx += dx * dx
            yy += dy * dy
            xy += dx * dy
    p, q, r = float(xx), float(yy), float(xy)
    return p * q - r * r - HARRIS * (p + q) * (p + q)


@machine_code()
def _blurred(gray: Gray) -> NDArray[np.uint16]:
    """Sums of 5 x 5 pixels; the two outermost rows and columns are nothing."""
    height, width = gray.shape
    rows, out = np.zeros((height, width), np.uint16), np.zeros((height, width), np.uint16)
    for y in range(height):
        for x in range(2, width - 2):
            total = np.uint16(0)
            for k in range(-2, 3):
                total += np.uint16(gray[y, x + k])
            rows[y, x] = total
    for y in range(2, height - 2):
        for x in range(2, width - 2):
            total = np.uint16(0)
            for k in range(-2, 3):
                total += rows[y + k, x]
            out[y, x] = total
    return out


@machine_code()
def _describe(
    gray: Gray,
    blurred: NDArray[np.uint16],
    places: NDArray[np.int32],
    pattern: NDArray[np.int8],
    slopes: NDArray[np.float32],
    angles: NDArray[np.uint8],
    bits: NDArray[np.uint64],
) -> None:
    """Fill `angles` (n,) and `bits` (n, 4) for corners at `places` (n, 2)."""
    for i in range(len(places)):
        x, y = np.int64(places[i, 0]), np.int64(places[i, 1])
        across = down = np.int64(0)
        for dy in range(-RADIUS, RADIUS + 1):
            reach, row = DISC[abs(dy)], np.int64(0)
            for dx in range(-reach, reach + 1):
                tone = np.int64(gray[y + dy, x + dx])
                across += dx * tone
                row += tone
            down += dy * row
        turn = math.atan2(float(down), float(across)) / (2 * math.pi)
        angle = np.int64(np.rint(turn * ANGLES)) % ANGLES
        angles[i] = angle
        slope = AREA * math.hypot(float(across), float(down)) / SPREAD
        for word in range(4):
            told = np.uint64(0)
            for j in range(64):
                k = word * 64 + j
                x0, y0, x1, y1 = pattern[angle, k]
                apart = np.int64(blurred[y + y0, x + x0]) - np.int64(blurred[y + y1, x + x1])
                if float(apart) < slope * slopes[k]:
                    told |= np.uint64(1) << np.uint64(j)
            bits[i, word] = told
