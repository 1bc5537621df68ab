"""Which pairs of images are worth a closer look: nearest hashes over variants of each image.

A *view* is a picture as a whole, or the part of it inside its uniform border, as 24 x 24 gray levels. The *key* of a
view is the signs of its 128 lowest cosine frequencies, lowest first: a perceptual hash whose first word survives a
misplacement of a few percent. A *window* is a part of a view (cropped, shifted, stretched, slightly rotated) squeezed
to a square again; its frequencies are a linear map of the view's pixels, so one matrix product yields those of all
windows. A mirrored or turned picture has the same key with some bits negated or transposed, so that eight
orientations cost nothing more.

Two images are candidates when, in some orientation, a window of one and the whole view of the other have keys within
the bits of the `Plan` and frequencies that correlate. That is decided by the two images alone, whatever else is there.

The matrix holds small whole numbers, so that every product is exact in single precision and no batch size, thread
count or processor can change a bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dedup.images.signature import TINY, cosines
from dedup.machine_code import larger, lesser, machine_code
from dedup.matching.geometry import ORIENTATIONS

VIEW = TINY // 2
FREQUENCIES = 128
WORDS = FREQUENCIES // 64
LEVELS = 127
"""Entries of the matrix lie in -127..127: 576 pixels of 255 at the mean cosine stay below 2^24, exact in float32."""

Keys = NDArray[np.uint64]
Views = NDArray[np.uint8]
Spectra = NDArray[np.float32]


def _lowest_frequencies() -> NDArray[np.intp]:
    """(128, 2) row and column of the lowest frequencies, by their sum; the constant is left out."""
    rows, columns = np.mgrid[:VIEW, :VIEW]
    order = np.lexsort((rows.ravel(), np.abs(rows - columns).ravel(), (rows + columns).ravel()))[1 : FREQUENCIES + 1]
    return np.stack([rows.ravel()[order], columns.ravel()[order]], axis=1)


FREQUENCY = _lowest_frequencies()


def _orientations() -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """For EXIF's eight orientations, where each frequency of the carried picture comes from, and its sign: (8, 128)."""
    row, column = FREQUENCY.T
    place = {(int(r), int(c)): i for i, (r, c) in enumerate(FREQUENCY)}
    # a frequency whose transpose is not among the lowest stands for itself: a wrong bit in the last, finest diagonal
    turned = np.array([place.get((int(c), int(r)), i) for i, (r, c) in enumerate(FREQUENCY)])
    across, down = (-1.0) ** column, (-1.0) ** row
    upright = np.arange(FREQUENCIES)
    flips = (np.ones(FREQUENCIES), across, across * down, down)
    source = np.stack([upright] * 4 + [turned] * 4)
    return source, np.stack(flips + flips).astype(np.float32)


SOURCE, SIGN = _orientations()
ORIENTATION_MAPS = np.column_stack(
    [
        ORIENTATIONS[:, 0],
        (1 - ORIENTATIONS[:, 0].sum(axis=1)) / 2,
        ORIENTATIONS[:, 1],
        (1 - ORIENTATIONS[:, 1].sum(axis=1)) / 2,
    ]
)
"""The eight orientations as maps (8, 6) of the unit square onto itself."""


def crop_windows(kept: float, places: int) -> list[tuple[float, ...]]:
    """Maps (6 numbers) of windows with sides `kept`, on a grid of `places` x `places` positions."""
    offsets = np.linspace(0, 1 - kept, places)
    return [(kept, 0, x, 0, kept, y) for x in offsets for y in offsets]


def strip_windows(kept: float, places: int) -> list[tuple[float, ...]]:
    """Maps of windows cut along one side only."""
    offsets = np.linspace(0, 1 - kept, places)
    return [(kept, 0, x, 0, 1, 0) for x in offsets] + [(1, 0, 0, 0, kept, y) for y in offsets]


def turned_window(degrees: float, kept: float) -> tuple[float, ...]:
    """Map of a centred window with sides `kept`, rotated."""
    cosine, sine = kept * np.cos(np.radians(degrees)), kept * np.sin(np.radians(degrees))
    return (cosine, sine, 0.5 - (cosine + sine) / 2, -sine, cosine, 0.5 - (cosine - sine) / 2)


WINDOWS: NDArray[np.float64] = np.array(
    [
        (1, 0, 0, 0, 1, 0),
        *crop_windows(0.9, 3),
        *crop_windows(0.8, 4),
        *crop_windows(0.7, 5),
        *strip_windows(0.9, 3),
        *strip_windows(0.8, 3),
        *(turned_window(degrees, kept) for angle, kept in ((6, 0.9), (11, 0.82)) for degrees in (angle, -angle)),
    ]
)
"""Maps (V, 6) from the unit square to the part of a view each window shows; the first is the whole."""


def sampler(window: NDArray[np.float64]) -> NDArray[np.float64]:
    """The matrix (576, 576) that samples a window of a flattened view, bilinearly, repeating the edge."""
    y, x = (np.mgrid[:VIEW, :VIEW] + 0.5) / VIEW
    sx = np.clip((window[0] * x + window[1] * y + window[2]) * VIEW - 0.5, 0, VIEW - 1.0001).ravel()
    sy = np.clip((window[3] * x + window[4] * y + window[5]) * VIEW - 0.5, 0, VIEW - 1.0001).ravel()
    ix, iy = sx.astype(int), sy.astype(int)
    fx, fy = sx - ix, sy - iy
    matrix = np.zeros((VIEW * VIEW, VIEW * VIEW))
    rows = np.arange(VIEW * VIEW)
    for dy, wy in ((0, 1 - fy), (1, fy)):
        for dx, wx in ((0, 1 - fx), (1, fx)):
            matrix[rows, (iy + dy) * VIEW + ix + dx] += wy * wx
    return matrix


def line_sampler(scale: float, offset: float) -> NDArray[np.float64]:
    """The matrix (24, 24) that does the same along one axis: of a window that is not rotated, both axes part."""
    place = np.clip((scale * (np.arange(VIEW) + 0.5) / VIEW + offset) * VIEW - 0.5, 0, VIEW - 1.0001)
    low = place.astype(int)
    matrix = np.zeros((VIEW, VIEW))
    rows = np.arange(VIEW)
    matrix[rows, low] += 1 - (place - low)
    matrix[rows, low + 1] += place - low
    return matrix


def waves_of(window: NDArray[np.float64]) -> NDArray[np.float64]:
    """What the pixels of a flattened view are multiplied by for the frequencies of a window, (128, 576)."""
    cosine = cosines(VIEW, VIEW) / 2
    row, column = FREQUENCY.T
    if window[1] or window[3]:
        waves = np.einsum("fy,fx->fyx", cosine[row], cosine[column]).reshape(FREQUENCIES, -1)
        return np.asarray(waves @ sampler(window))
    across = cosine @ line_sampler(window[0], window[2])
    down = cosine @ line_sampler(window[4], window[5])
    return np.asarray(np.einsum("fy,fx->fyx", down[row], across[column]).reshape(FREQUENCIES, -1))


@cache
def basis() -> Spectra:
    """The matrix (576, V * 128) from a view's pixels to the frequencies of all its windows, in whole numbers."""
    matrix = np.empty((VIEW * VIEW, len(WINDOWS), FREQUENCIES), np.float32)
    for place, window in enumerate(WINDOWS):
        waves = waves_of(window)
        waves *= LEVELS / np.abs(waves).max()
        matrix[:, place] = np.rint(waves, out=waves).T
    return matrix.reshape(VIEW * VIEW, -1)


def spectra(views: Views, windows: int) -> Spectra:
    """Frequencies (n, windows, 128) of the first `windows` windows of views (n, 24, 24), exact whole numbers."""
    pixels = views.reshape(len(views), VIEW * VIEW).astype(np.float32)
    return (pixels @ basis()[:, : windows * FREQUENCIES]).reshape(len(views), windows, FREQUENCIES)


def whole_spectra(pixels: Views) -> Spectra:
    """Frequencies (n, 128) of whole views, a few thousand at a time."""
    out = np.empty((len(pixels), FREQUENCIES), np.float32)
    for start in range(0, len(pixels), 8192):
        out[start : start + 8192] = spectra(pixels[start : start + 8192], 1)[:, 0]
    return out


def pack(frequencies: Spectra) -> Keys:
    """Keys (..., 2) of frequencies (..., 128): bit set where positive, lowest frequency first."""
    return oriented_keys(frequencies, SOURCE[:1], SIGN[:1])[..., 0, :]


def oriented_keys(frequencies: Spectra, source: NDArray[np.intp], sign: NDArray[np.float32]) -> Keys:
    """Keys (..., o, 2) of pictures of frequencies (..., 128) that are carried through orientations; `source` and `sign`
    are the rows of `SOURCE` and `SIGN` of these."""
    out = np.empty((*frequencies.shape[:-1], len(source), WORDS), np.uint64)
    _fill_keys(frequencies.reshape(-1, FREQUENCIES), source, sign, out.reshape(-1, len(source), WORDS))
    return out


@machine_code()
def _fill_keys(frequencies: Spectra, source: NDArray[np.intp], sign: NDArray[np.float32], out: Keys) -> None:
    for i in range(out.shape[0]):
        for o in range(out.shape[1]):
            for word in range(WORDS):
                key = np.uint64(0)
                for place in range(64):
                    f = word * 64 + place // 8 * 8 + 7 - place % 8  # each byte holds its lowest frequency highest
                    if frequencies[i, source[o, f]] * sign[o, f] > 0:
                        key |= np.uint64(1) << np.uint64(place)
                out[i, o, word] = key


@dataclass(frozen=True, slots=True)
class Plan:
    """How hard to look, chosen by the number of pictures, so that the work for each stays about the same.

    `bits` counts a differing bit of the first word 2, of the second word 1. A pair is a candidate when at most `first`
    bits of the first word differ and bits <= `sure`, or bits <= `likely` and the 64 lowest frequencies correlate by
    at least `correlation`. The whole picture is looked for in all eight orientations, its windows in the first
    `orientations` of them. `band` is 0 to compare all pairs, else the number of bits two keys must share in one of
    the tables of `banded.Banded`.
    """

    sure: int
    likely: int
    correlation: float
    first: int
    orientations: int
    band: int = 0


def plan_for(count: int) -> Plan:
    """The plan for so many pictures."""
    if count <= 5_000:
        return Plan(sure=48, likely=60, correlation=0.7, first=16, orientations=8)
    if count <= 50_000:
        return Plan(sure=42, likely=54, correlation=0.8, first=14, orientations=2)
    return Plan(sure=24, likely=44, correlation=0.9, first=12, orientations=2, band=min(24, int(np.log2(count))))


def views(tiny: NDArray[np.uint8], owner: NDArray[np.intp], boxes: NDArray[np.float32]) -> Views:
    """Views (m, 24, 24) of the boxes (m, 4: left, top, right, bottom in fractions) of the pictures `owner` (m,)."""
    out = np.empty((len(owner), VIEW, VIEW), np.uint8)
    _fill_views(tiny, owner, boxes, out)
    return out


@machine_code()
def _fill_views(tiny: NDArray[np.uint8], owner: NDArray[np.intp], boxes: NDArray[np.float32], out: Views) -> None:
    for i in range(owner.shape[0]):
        picture = tiny[owner[i]]
        left, top, right, bottom = boxes[i]
        whole = left == 0 and top == 0 and right == 1 and bottom == 1
        for row in range(VIEW):
            for column in range(VIEW):
                if whole and row < VIEW - 1 and column < VIEW - 1:  # the same as below, where nothing is between pixels
                    y, x = 2 * row, 2 * column
                    four = np.int64(picture[y, x]) + picture[y, x + 1] + picture[y + 1, x] + picture[y + 1, x + 1]
                    out[i, row, column] = np.uint8((four + 2) // 4)
                    continue
                total = np.float64(0.0)
                for dy in range(2):
                    for dx in range(2):
                        x = (left + (right - left) * (2 * column + dx + 0.5) / TINY) * TINY - 0.5
                        y = (top + (bottom - top) * (2 * row + dy + 0.5) / TINY) * TINY - 0.5
                        x = lesser(larger(x, 0.0), TINY - 1.0001)
                        y = lesser(larger(y, 0.0), TINY - 1.0001)
                        ix, iy = np.intp(x), np.intp(y)
                        fx, fy = x - ix, y - iy
                        above = picture[iy, ix] * (1 - fx) + picture[iy, ix + 1] * fx
                        below = picture[iy + 1, ix] * (1 - fx) + picture[iy + 1, ix + 1] * fx
                        total += above * (1 - fy) + below * fy
                out[i, row, column] = np.uint8(total * 0.25 + 0.5)


def tone_and_contrast(pixels: Views) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation (n,) of each of views (n, height, width)."""
    count = pixels[0].size if len(pixels) else 1
    sums = np.empty((len(pixels), 2), np.int64)
    for start in range(0, len(pixels), 8192):
        some = pixels[start : start + 8192].reshape(-1, count).astype(np.int32)
        sums[start : start + 8192] = np.stack([some.sum(axis=1), np.einsum("ij,ij->i", some, some)], axis=1)
    tone = sums[:, 0] / count
    return tone, np.sqrt(sums[:, 1] * count - sums[:, 0] ** 2) / count


@machine_code(inner=True)
def popcount(word: np.uint64) -> np.uint64:
    """Ones in a 64-bit word; LLVM knows the idiom and uses the processor's own count, also on vectors."""
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (word * np.uint64(0x0101010101010101)) >> np.uint64(56)


@machine_code(inner=True)
def correlate(window: Spectra, whole: Spectra, source: NDArray[np.intp], sign: NDArray[np.float32]) -> float:
    """Correlation of the 64 lowest frequencies of a window with those of an oriented whole view."""
    across = own = other = np.float32(0)
    for f in range(64):
        a = window[f]
        b = whole[source[f]] * sign[f]
        across += a * b
        own += a * a
        other += b * b
    return float(across / np.sqrt(own * other + 1.0))


BLOCK = 256


@machine_code()
def scan(
    keys: Keys,
    frequencies: Spectra,
    first: NDArray[np.uint64],
    second: NDArray[np.uint64],
    whole: Spectra,
    orientations: int,
    sure: int,
    likely: int,
    least: float,
    limit: int,
    source: NDArray[np.intp],
    sign: NDArray[np.float32],
    out: NDArray[np.float64],
) -> None:
    """Brute force: compare the windows of one view with all whole views in all orientations.

    `keys` (V, 2) and `frequencies` (V, 128) of the view's windows; `first` and `second` (m * 8,) the words of the
    oriented whole views, `whole` (m, 128) their upright frequencies. `out` (m, 4) holds the best bits, window,
    orientation and correlation of each view so far, bits < 0 where it is no candidate.
    """
    total = first.shape[0]
    for start in range(0, total, BLOCK):
        stop = lesser(total, start + BLOCK)
        for w in range(0, keys.shape[0], 4):
            if _least(keys, w, first[start:stop]) > limit:
                continue
            for v in range(w, lesser(w + 4, keys.shape[0])):
                for j in range(start, stop):
                    bits = np.int64(popcount(keys[v, 0] ^ first[j]))
                    if bits > limit:
                        continue
                    bits = 2 * bits + np.int64(popcount(keys[v, 1] ^ second[j]))
                    row, o = j // orientations, j % orientations
                    if bits > likely or 0 <= out[row, 0] < bits:
                        continue
                    c = correlate(frequencies[v], whole[row], source[o], sign[o])
                    if (bits > sure and c < least) or (bits == out[row, 0] and c <= out[row, 3]):
                        continue
                    out[row, 0] = bits
                    out[row, 1] = v
                    out[row, 2] = o
                    out[row, 3] = c


@machine_code()
def any_near(
    keys: Keys, first: NDArray[np.uint64], second: NDArray[np.uint64], likely: int, limit: int, out: NDArray[np.bool_]
) -> None:
    """Sets `out` (m,) where a window of `keys` (m, V, 2) is within the bits of one of the words; see `scan`."""
    total = first.shape[0]
    for i in range(keys.shape[0]):
        for start in range(0, total, BLOCK):
            stop = lesser(total, start + BLOCK)
            for w in range(0, keys.shape[1], 4):
                if out[i] or _least(keys[i], w, first[start:stop]) > limit:
                    continue
                for v in range(w, lesser(w + 4, keys.shape[1])):
                    for j in range(start, stop):
                        bits = np.int64(popcount(keys[i, v, 0] ^ first[j]))
                        if bits <= limit and 2 * bits + np.int64(popcount(keys[i, v, 1] ^ second[j])) <= likely:
                            out[i] = True


@machine_code(inner=True)
def _least(keys: Keys, w: int, words: NDArray[np.uint64]) -> np.intp:
    """The least bits between the first words of the windows w to w + 3 and any of `words`; four share each load."""
    last = keys.shape[0] - 1
    a, b = keys[w, 0], keys[lesser(w + 1, last), 0]
    c, d = keys[lesser(w + 2, last), 0], keys[lesser(w + 3, last), 0]
    least = np.uint64(64)
    for j in range(words.shape[0]):
        x = words[j]
        two = lesser(popcount(a ^ x), popcount(b ^ x))
        least = lesser(least, lesser(two, lesser(popcount(c ^ x), popcount(d ^ x))))
    return np.intp(least)


@dataclass(frozen=True, slots=True)
class Candidates:
    """Pairs worth aligning, one row each; the window of `source` was found in the whole `template`."""

    source: NDArray[np.int32]
    template: NDArray[np.int32]
    start: NDArray[np.float64]  # (m, 6) maps of template to source coordinates
    otherwise: NDArray[np.bool_]  # (m, 2) whether source and template were found as they stand on their other tone

    def __len__(self) -> int:
        return len(self.source)

    def part(self, rows: slice | NDArray[np.bool_] | NDArray[np.integer]) -> Candidates:
        """Some of them."""
        return Candidates(self.source[rows], self.template[rows], self.start[rows], self.otherwise[rows])


LEAST_BORDER = 0.97
"""A picture has a second view, inside its border, when that holds less than this part of its area ..."""
LEAST_SIDE = 0.15
"""... and each of its sides is longer than this part of the picture's."""


WINDOWED_SIDE = 64
"""Pictures whose longer side is shorter in pixels are looked for whole only: a part of so little may be of anything."""
FLAT = 1.5
"""Views of a smaller standard deviation, in gray levels, have no frequencies worth comparing ..."""
FAINT = 0.25
"""... and of one that is smaller yet show nothing: noise of a blank page leaves as much."""
NEAREST_FAINT = 8
"""Those that show something are compared with so many of the nearest: copies of one that are all nearest to each other
would fall apart in twos and threes."""
EDGE = 2
"""Pixels along the edges of a view inside a border that may show some of it."""
MOST, MOST_SMALL = (24, 8), (8, 4)
"""A picture that is like more others is compared with so many of the closest and of those likeliest to stay: so a
cluster of n look-alikes costs no more than a multiple of n, and a keeper is still compared with all of it. Small
pictures have fewer ways to differ and are like many others."""
SHAPES = 32
"""Flat pictures are compared where their sides are in the same proportion, to within so many parts of an octave."""

KINDS = 4
"""A picture has up to so many views: the whole and what is inside its border, both also on its other tone."""

WHOLE = np.array([0, 0, 1, 1], np.float32)
NOBODY = np.empty(0, np.intp)


def content_boxes(trims: NDArray[np.float32]) -> NDArray[np.float32]:
    """The boxes (n, 4) inside the borders of pictures, where these are worth a view; else the whole."""
    sides = trims[:, 2:] - trims[:, :2]
    inner = (sides.prod(axis=1) < LEAST_BORDER) & (sides > LEAST_SIDE).all(axis=1)
    return np.where(inner[:, None], trims, WHOLE)


class Brute:
    """All pairs: the reference, and the fastest for few pictures."""

    def __init__(self, frequencies: Spectra, members: NDArray[np.intp], plan: Plan) -> None:
        self._frequencies, self._members, self._plan = frequencies, members, plan
        self._whole = _words(frequencies, len(SOURCE))
        self._parts = _words(frequencies, plan.orientations)

    def search(self, keys: Keys, windows: Spectra) -> NDArray[np.float64]:
        """Rows (member, bits, window, orientation, correlation) of the candidates of one view's windows."""
        best = np.empty((len(self._members), 4))
        best[:, 0] = -1
        plan = self._plan
        limits = (plan.sure, plan.likely, plan.correlation, plan.first, SOURCE, SIGN)
        look: Callable[..., None] = scan
        if plan.orientations < len(SOURCE):
            look(keys[:1], windows[:1], *self._whole, self._frequencies, len(SOURCE), *limits, best)
        look(keys, windows, *self._parts, self._frequencies, plan.orientations, *limits, best)
        found = np.flatnonzero(best[:, 0] >= 0)
        return np.column_stack([self._members[found], best[found]])

    def may_match(self, keys: Keys, frequencies: Spectra) -> NDArray[np.bool_]:
        """Whether a search would look closer at anything, by the signs alone, for views (m,) of which the `keys`
        (m, V, 2) of all windows are known, and the `frequencies` (m, 128) of the whole."""
        may = np.zeros(len(keys), bool)
        any_near(np.ascontiguousarray(keys[:, :1]), *self._whole, self._plan.likely, self._plan.first, may)
        any_near(keys, *self._parts, self._plan.likely, self._plan.first, may)
        return may


def _words(frequencies: Spectra, orientations: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """First and second words (n * orientations,) of the keys of oriented views."""
    keys = oriented_keys(frequencies, SOURCE[:orientations], SIGN[:orientations]).reshape(-1, WORDS)
    return np.ascontiguousarray(keys[:, 0]), np.ascontiguousarray(keys[:, 1])


class Target(Protocol):
    """What the windows of a view are looked for in."""

    def search(self, keys: Keys, windows: Spectra) -> NDArray[np.float64]: ...

    def may_match(self, keys: Keys, frequencies: Spectra) -> NDArray[np.bool_]: ...


class Index:
    """The views of all pictures, and the search for the windows of one among the others.

    `tiny` (n, 48, 48) uint8 and `trims` (n, 4) float32 as in `signature.SIGNATURE`; pictures are numbered by `order`
    (n,), which says where in these each is, the likeliest to stay first. `sizes` (n, 2) are the widths and heights of
    their files in pixels. Those `clear` (k,) are transparent: `otherwise` (k, 48, 48) shows them on their other
    tone. `target` makes what is searched from frequencies, their views' numbers and the plan. With
    `fresh` (n,) bool, only pairs with a fresh picture are looked for.
    """

    def __init__(
        self,
        tiny: NDArray[np.uint8],
        trims: NDArray[np.float32],
        order: NDArray[np.intp],
        sizes: NDArray[np.integer],
        plan: Plan,
        target: Callable[[Spectra, NDArray[np.intp], Plan], Target],
        fresh: NDArray[np.bool_] | None = None,
        clear: NDArray[np.intp] = NOBODY,
        otherwise: NDArray[np.uint8] | None = None,
    ) -> None:
        self.content = content_boxes(trims[order])
        inner = np.flatnonzero((self.content != WHOLE).any(axis=1))
        owner = np.concatenate([np.arange(len(tiny)), inner])
        boxes = np.concatenate([np.tile(WHOLE, (len(tiny), 1)), self.content[inner]])
        self._pixels = views(tiny, order[owner], boxes)
        if otherwise is not None:  # the views of transparent pictures on their other tone come last
            again = np.flatnonzero(np.isin(owner, clear))
            shown = np.searchsorted(clear, owner[again])
            self._pixels = np.concatenate([self._pixels, views(otherwise, shown, boxes[again])])
            owner, boxes = np.concatenate([owner, owner[again]]), np.concatenate([boxes, boxes[again]])
        self._own_views = len(tiny) + len(inner)
        self.kind = ((boxes != WHOLE).any(axis=1) + 2 * (np.arange(len(owner)) >= self._own_views)).astype(np.uint8)
        self.owner, self.boxes = owner.astype(np.int32), boxes
        self._tone, contrast = tone_and_contrast(self._pixels)
        self.flat = np.asarray(contrast < FLAT)
        whole = (self.boxes[: self._own_views] == WHOLE).all(axis=1)
        self._flat = np.flatnonzero(self.flat[: self._own_views] & whole)
        self.faint = self._flat[contrast[self._flat] >= FAINT]
        within = self._pixels[len(tiny) : self._own_views, EDGE:-EDGE, EDGE:-EDGE]
        stripes = tone_and_contrast(within)[1] < FLAT  # between stripes, which are no picture in a frame
        self.content[inner[stripes]] = WHOLE
        self._shape = np.round(SHAPES * np.log2(sizes[:, 0] / np.maximum(sizes[:, 1], 1))).astype(np.int64)
        self._small = np.asarray(sizes.max(axis=1)[self.owner] < WINDOWED_SIDE)
        self.most = np.where(self._small[: len(tiny)], sum(MOST_SMALL), sum(MOST))
        self._fresh = np.ones(len(self), bool) if fresh is None else fresh[self.owner]
        frequencies = whole_spectra(self._pixels)
        rich = np.flatnonzero(~self.flat)
        self._all = target(frequencies[rich], rich, plan)
        new = rich[self._fresh[rich]]
        self._new = self._all if len(new) == len(rich) else target(frequencies[new], new, plan)

    def __len__(self) -> int:
        return len(self.owner)

    def search(self, queries: NDArray[np.intp]) -> Matches:
        """Matches of the windows of some views with all whole views; of a view that is not fresh, with the fresh ones.

        A view's own picture is left out, and so are flat ones. Of a picture that is like very many, `MOST` or
        `MOST_SMALL` are given; how many there were is counted.
        """
        rows, counts = [np.empty((0, 6))], np.zeros(len(queries), np.int64)
        keyed, keys = NOBODY, np.empty((0, len(WINDOWS), WORDS), np.uint64)
        small = self._small[queries]
        for some, count, most in ((small, 1, MOST_SMALL), (~small, len(WINDOWS), MOST)):
            places = np.flatnonzero(some & ~self.flat[queries])
            windows = spectra(self._pixels[queries[places]], count)
            packed = pack(windows)
            if count == len(WINDOWS):
                keyed, keys = queries[places], packed
            for place, key, frequencies in zip(places, packed, windows, strict=True):
                view = queries[place]
                found = (self._all if self._fresh[view] else self._new).search(key, frequencies)
                found = found[self.owner[found[:, 0].astype(np.intp)] != self.owner[view]]
                counts[place] = len(found)
                found = limited(found, *most)
                rows.append(np.column_stack([np.full(len(found), view), found]))
        return Matches(np.concatenate(rows), queries, counts, keyed, keys)

    def views_of(self, pictures: NDArray[np.intp], kind: NDArray[np.uint8]) -> NDArray[np.intp]:
        """The numbers (m,) of the views of that `kind` of `pictures` (m,); -1 where there is none, and for -1."""
        return np.where(pictures < 0, -1, self._numbers[pictures, kind])

    @cached_property
    def _numbers(self) -> NDArray[np.int32]:
        numbers = np.full((len(self.content), KINDS), -1, np.int32)
        numbers[self.owner, self.kind] = np.arange(len(self))
        return numbers

    def may_match(self, known: NDArray[np.intp], keys: Keys) -> NDArray[np.bool_]:
        """Of views whose windows have these `keys` (m, V, 2): whether a search may find anything. Where not, none need
        be done; of a fresh view nobody can say."""
        may = self._fresh[known]
        old = np.flatnonzero(~may)
        may[old] = self._new.may_match(keys[old], whole_spectra(self._pixels[known[old]]))
        return may

    def flat_matches(self, nearest: NDArray[np.integer]) -> NDArray[np.float64]:
        """Matches, as rows of `Matches`, of flat pictures: each with the first of its shape and tone, and of its shape
        and the tone above; and those that are `faint` with the `nearest` of them, views (m, k), -1 for none.

        None where some are not fresh: who is the first, or nearest, may change with every one that comes.
        """
        flat = self._flat
        if not self._fresh[flat].all():
            return np.empty((0, 6))
        keys = list(zip(self._shape[flat].tolist(), np.floor(self._tone[flat]).astype(int).tolist(), strict=True))
        first = {key: int(flat[place]) for place, key in reversed(list(enumerate(keys)))}
        matches = [
            (view, first[near], 0, 0, 0, 1)
            for view, (shape, tone) in zip(flat.tolist(), keys, strict=True)
            for near in ((shape, tone), (shape, tone + 1))
            if near in first and first[near] != view
        ]
        matches += [
            (view, other, 0, 0, 0, 1)
            for view, others in zip(self.faint, nearest, strict=True)
            for other in others[others >= 0]
        ]
        return np.array(matches, np.float64).reshape(-1, 6)

    def candidates(self, matches: NDArray[np.float64]) -> Candidates:
        """The best match of each pair of pictures, by bits, then correlation, then the lower source."""
        view, found, bits, window, orientation, correlation = matches.T
        view, found = view.astype(np.intp), found.astype(np.intp)
        source, template = self.owner[view], self.owner[found]
        pair = np.minimum(source, template) * np.int64(len(self)) + np.maximum(source, template)
        order = np.lexsort((orientation, window, found, view, -correlation, bits, pair))
        _, first = np.unique(pair[order], return_index=True)
        best = order[first]
        maps = [
            box_matrices(self.boxes[view[best]]),
            as_matrices(WINDOWS[window[best].astype(np.intp)]),
            as_matrices(ORIENTATION_MAPS[orientation[best].astype(np.intp)]),
            np.linalg.inv(box_matrices(self.boxes[found[best]])) if len(best) else np.empty((0, 3, 3)),
        ]
        start = maps[0] @ maps[1] @ maps[2] @ maps[3]
        otherwise = np.stack([view[best], found[best]], axis=1) >= self._own_views
        return Candidates(source[best], template[best], start[:, :2].reshape(-1, 6), otherwise)


@dataclass(frozen=True, slots=True)
class Matches:
    """`rows` (m, 6): query view, found view, bits, window, orientation, correlation. `counts` (q,): how many were found
    for each of the views `queries`, before the list was cut. `keys` (k, V, 2) are those of the windows of the views
    `keyed` (k,) among them, which are not small."""

    rows: NDArray[np.float64]
    queries: NDArray[np.intp]
    counts: NDArray[np.int64]
    keyed: NDArray[np.intp]
    keys: Keys


def limited(found: NDArray[np.float64], closest: int, earliest: int) -> NDArray[np.float64]:
    """Of matches (member, bits, window, orientation, correlation) so many of the closest and of the first members, in
    order."""
    if len(found) <= closest + earliest:
        return found
    order = np.lexsort((found[:, 0], found[:, 1], -found[:, 4]))  # frequencies tell more than their signs
    kept = np.union1d(order[:closest], np.argsort(found[:, 0], kind="stable")[:earliest])
    return np.asarray(found[kept])


def as_matrices(maps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Affine maps (m, 6) as matrices (m, 3, 3)."""
    last = np.broadcast_to([0.0, 0.0, 1.0], (len(maps), 1, 3))
    return np.concatenate([maps.reshape(-1, 2, 3), last], axis=1)


def box_matrices(boxes: NDArray[np.float32]) -> NDArray[np.float64]:
    """Matrices (m, 3, 3) from the unit square to boxes (m, 4)."""
    left, top, right, bottom = boxes.astype(np.float64).T
    zero = np.zeros_like(left)
    return as_matrices(np.stack([right - left, zero, left, zero, bottom - top, top], axis=1))
