"""Pictures that share a part: which keypoints of all pictures look alike, and for which pairs of pictures they agree on
how one lies on the other.

Each keypoint is given the few others, of other pictures, whose bits differ least (upright, mirrored top to bottom, or
as a negative).
They are found in tables: keypoints sorted by some of their bits, of which those that share the first stand next to each
other (locality-sensitive hashing: Indyk & Motwani 1998). A table is sorted once and read once, so the work grows as
n log n; of a crowd that shares all of those bits (a watermark, the frame of a browser) each is compared with its
neighbours only.

One keypoint that is found again tells where, how large and how turned one picture lies on the other, for it has a
place, a size and a direction. So every two alike keypoints of a pair are a proposal, and the others of the pair vote on
it. What most agree on is refined with all keypoints of both pictures to an affine map.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from dedup.images import keypoints
from dedup.images.keypoints import ANGLES, STEP, UNIT, Keypoints
from dedup.machine_code import machine_code
from dedup.matching.candidates import popcount

TABLES = 8
"""More find a little more (16: one pair in 300 of a hard suite) for twice the work."""
NEIGHBOURS = 48
"""Keypoints next to each other in a table that are compared."""
BLOCK = 4096
"""Of a table so many are laid side by side at a time: 200 kB, which a processor holds."""
LIKELIEST = 5
"""Of each keypoint so many alike ones are kept. A picture with more copies than that is found by some of them."""
ALIKE = 64
"""Bits of 256 that may differ: of two keypoints at random one pair in 500 does (mean 124, standard deviation 22) ..."""
FOUND_AGAIN = 85
"""... and where two pictures are known to lie on each other, so that chance has a few keypoints to choose from only."""
VOTES = 3
"""Keypoints that must agree on how two pictures lie on each other to look at them closer ..."""
AGREEING = 8
"""... and then. Of 475 edited copies three have fewer, and so have a fifth of the pairs of different pictures."""
CLOSER_LOOKS, PICTURES = 12, 6
"""So many pictures that come before and after each by content are looked at closer, those of which most keypoints
agree, and so many are told: look-alikes must not cost the square of their number."""
OFF, OFF_BY_DISTANCE = 6.0, 0.12
"""A vote may be off by so many pixels, at the size of the keypoint, and by this part of the distance between the two
keypoints, for sizes and directions are known in steps."""
CLOSER = (10.0, 6.0, 4.0, 2.5)
"""The same while the map is refined, from step to step."""
TURNED = 0.8
"""Cosine of the angle by which directions may be off."""
RESIZED = 2.1
"""Factor by which sizes may be off."""
LEAST_SCALE = 0.01
"""What is reduced by more was fitted to keypoints that lie on one line, or in one point."""
AFFINE_FROM = 6
"""Keypoints from which on a map may stretch and shear; fewer tell a scale and a turn."""
TABLE_BITS = 64
SEED = 20_261_128
"""Which bits the tables are sorted by; any will do, but the same ones every time."""

Bits = NDArray[np.uint64]
Doubles = NDArray[np.float64]
Places = NDArray[np.int64]

UPRIGHT, MIRRORED, NEGATIVE = range(3)
FORMS: tuple[Callable[[Bits], Bits], ...] = (lambda bits: bits, keypoints.mirrored, keypoints.negative)
"""What the bits of the second of two alike keypoints are in each form in which its picture may show the first. A
mirrored negative is not looked for: a table more for what hardly anybody makes."""


@dataclass(frozen=True, slots=True)
class Shared:
    """Pairs of pictures that may share a part: `left` < `right` (m,), the `affine` maps (m, 6) between them as in
    `columns.AFFINE`, how many keypoints agree (m,), and the `box` (m, 4) around these, left, top, right, bottom in
    parts of the left picture's sides; whether one is a `negative` of the other (m,)."""

    left: Places
    right: Places
    affine: Doubles
    agreeing: NDArray[np.int64]
    box: Doubles
    negative: NDArray[np.bool_]

    def joined(self, more: Shared) -> Shared:
        """The pairs of both in order; where both have one, as most of its keypoints agree, else as it is here."""
        both = {
            each.name: np.concatenate([getattr(self, each.name), getattr(more, each.name)]) for each in fields(Shared)
        }
        order = np.lexsort((-both["agreeing"], both["right"], both["left"]))
        left, right = both["left"][order], both["right"][order]
        first = (np.diff(left, prepend=-1) != 0) | (np.diff(right, prepend=-1) != 0)
        return Shared(**{name: values[order[first]] for name, values in both.items()})


def shared(pictures: Sequence[Keypoints], pool: Executor, named: Places | None = None) -> Shared:
    """The pairs of pictures that may share a part: those whose keypoints are found in the tables, and of the pairs
    (m, 2) that somebody `named` those whose keypoints are alike when each is compared with each.

    The number of threads changes nothing; of keypoints that are as alike the first counts, so who wants the same
    whatever the files are called gives pictures in an order of their contents.
    """
    owner = np.repeat(np.arange(len(pictures)), [len(each.points) for each in pictures])
    if not len(owner):
        nothing = np.empty(0, np.int64)
        return Shared(nothing, nothing, np.empty((0, 6)), nothing, np.empty((0, 4)), nothing.astype(bool))
    points = np.concatenate([each.points for each in pictures])
    bits, seen = np.ascontiguousarray(points["bits"]), _seen(points)
    found = _Proposals.of(*_alike(bits, owner, pool), owner, len(pictures), seen).agreed(pictures, pool)
    if named is None or not len(named):
        return found
    alike = _alike_in_pairs(bits, owner, named, pool)
    return found.joined(_Proposals.of(*alike, owner, len(pictures), seen).agreed(pictures, pool))


# --- keypoints that look alike ----------------------------------------------------------------------------------------


def _alike(bits: Bits, owner: Places, pool: Executor) -> tuple[Places, NDArray[np.int32]]:
    """Keypoints (m,), and for each one of the likeliest others (m,): n times one of the `FORMS`, and k, stand for the
    k-th of n in that form."""
    every = np.concatenate([bits, *(of_form(bits) for of_form in FORMS[1:])])
    owners = np.tile(owner, len(FORMS)).astype(np.int32)
    shared_bits = max(1, int(math.log2(len(bits))) - 2)  # some eight keypoints share them, were they independent
    random = np.random.default_rng(SEED)
    chosen = [random.permutation(256)[:TABLE_BITS].astype(np.int64) for _ in range(TABLES)]

    def table(sorted_by: Places) -> tuple[NDArray[np.int32], NDArray[np.int16]]:
        key = np.empty(len(every), np.uint64)
        _keys(every, sorted_by, key)
        order = np.argsort(key, kind="stable").astype(np.int32)
        found = _nobody(len(bits))
        _read_table(every, owners, key, order, TABLE_BITS - shared_bits, *found)
        return found

    likeliest = _nobody(len(bits))
    for found in pool.map(table, chosen):
        _join(*found, *likeliest)
    i, place = np.nonzero(likeliest[0] >= 0)
    return i, likeliest[0][i, place]


def _nobody(count: int, likeliest: int = LIKELIEST) -> tuple[NDArray[np.int32], NDArray[np.int16]]:
    """Room for the likeliest of each of so many keypoints, and by how many bits they differ."""
    return np.full((count, likeliest), -1, np.int32), np.full((count, likeliest), ALIKE + 1, np.int16)


@machine_code()
def _keys(bits: Bits, sorted_by: Places, key: NDArray[np.uint64]) -> None:
    """Fill `key` with some of the bits of each keypoint."""
    for i in range(len(bits)):
        told = np.uint64(0)
        for bit in sorted_by:
            told = (told << np.uint64(1)) | ((bits[i, bit >> 6] >> np.uint64(bit & 63)) & np.uint64(1))
        key[i] = told


@machine_code(inner=True)
def _apart(one: Bits, i: int, other: Bits, j: int) -> int:
    """By how many bits two keypoints differ."""
    total = 0
    for word in range(4):
        total += int(np.int64(popcount(one[i, word] ^ other[j, word])))
    return total


@machine_code(inner=True)
def _put(likeliest: NDArray[np.int32], by: NDArray[np.int16], i: int, other: int, apart: int) -> None:
    """Let `other` be one of the likeliest of `i`, if it is; of two that differ by as much the first stays."""
    last = likeliest.shape[1] - 1
    if apart > by[i, last] or (apart == by[i, last] and other > likeliest[i, last]):
        return
    for k in range(last + 1):
        if likeliest[i, k] == other:
            return
    while last > 0 and (by[i, last - 1] > apart or (by[i, last - 1] == apart and likeliest[i, last - 1] > other)):
        by[i, last], likeliest[i, last] = by[i, last - 1], likeliest[i, last - 1]
        last -= 1
    by[i, last], likeliest[i, last] = apart, other


@machine_code()
def _face(
    one: Bits,
    other: Bits,
    first: int,
    start: int,
    form: int,
    there: NDArray[np.int32],
    there_by: NDArray[np.int16],
    back: NDArray[np.int32],
    back_by: NDArray[np.int16],
) -> None:
    """Compare each keypoint of one picture, numbered from `first`, with each of another, numbered from `start`; what
    tells the form of the other one is added to the numbers that are kept."""
    for i in range(len(one)):
        for j in range(len(other)):
            apart = _apart(one, i, other, j)
            if apart <= ALIKE:
                _put(there, there_by, i, form + start + j, apart)
                _put(back, back_by, j, form + first + i, apart)


@machine_code()
def _read_table(
    bits: Bits,
    owner: NDArray[np.int32],
    key: NDArray[np.uint64],
    order: NDArray[np.int32],
    rest: int,
    likeliest: NDArray[np.int32],
    by: NDArray[np.int16],
) -> None:
    """Compare keypoints that stand next to each other in a table and share all but the last `rest` bits of their
    keys."""
    count, shift = len(likeliest), np.uint64(rest)
    here = np.empty((BLOCK + NEIGHBOURS, 4), np.uint64)
    for start in range(0, len(order), BLOCK):
        some = order[start : start + BLOCK + NEIGHBOURS]
        keys, owners = key[some] >> shift, owner[some]
        for u in range(len(some)):  # side by side: most of the time would go on fetching them one by one
            for word in range(4):
                here[u, word] = bits[some[u], word]
        for u in range(min(BLOCK, len(some))):
            i = some[u]
            for v in range(u + 1, min(len(some), u + 1 + NEIGHBOURS)):
                if keys[v] != keys[u]:
                    break
                j = some[v]
                if owners[u] == owners[v] or (i >= count and j >= count):
                    continue
                apart = _apart(here, u, here, v)
                if apart <= ALIKE:
                    if i < count:
                        _put(likeliest, by, i, j, apart)
                    if j < count:
                        _put(likeliest, by, j, i, apart)


@machine_code()
def _join(
    found: NDArray[np.int32], found_by: NDArray[np.int16], likeliest: NDArray[np.int32], by: NDArray[np.int16]
) -> None:
    for i in range(len(found)):
        for k in range(found.shape[1]):
            if found[i, k] >= 0:
                _put(likeliest, by, i, found[i, k], found_by[i, k])


def _alike_in_pairs(bits: Bits, owner: Places, pairs: Places, pool: Executor) -> tuple[Places, NDArray[np.int32]]:
    """The same of some pairs (m, 2) of pictures: keypoints that are each other's likeliest, for where each is compared
    with each, chance has more to choose from."""
    starts = np.searchsorted(owner, np.arange(pairs.max() + 2)).astype(np.int64)

    def compare(pair: Places) -> tuple[Places, NDArray[np.int32]]:
        (first, last), (start, end) = ((starts[each], starts[each + 1]) for each in pair.tolist())
        there, back = _nobody(last - first, 1), _nobody(end - start, 1)
        for form, of_form in enumerate(FORMS):
            _face(bits[first:last], of_form(bits[start:end]), first, start, form * len(bits), *there, *back)
        i = np.flatnonzero(there[0] >= 0)
        form, j = np.divmod(there[0][i, 0], len(bits))
        mutual = back[0][j - start, 0] == form * len(bits) + first + i
        return first + i[mutual], there[0][i[mutual], 0]

    found = list(pool.map(compare, pairs))
    return np.concatenate([i for i, _ in found]).astype(np.int64), np.concatenate([j for _, j in found])


# --- how two pictures lie on each other -------------------------------------------------------------------------------


def _seen(points: keypoints.Points) -> NDArray[np.float32]:
    """x and y in pixels, size in pixels a pixel, direction in radians, (n, 4)."""
    columns = (points["x"] / UNIT, points["y"] / UNIT, STEP ** points["size"], points["angle"] * (2 * np.pi / ANGLES))
    return np.stack(columns, axis=1).astype(np.float32)


def _upside_down(seen: NDArray[np.float32], height: float) -> NDArray[np.float32]:
    """The same keypoints in the picture mirrored top to bottom."""
    x, y, size, direction = seen.T
    return np.ascontiguousarray(np.stack([x, height - y, size, -direction], axis=1))


@dataclass(frozen=True)
class _Proposals:
    """Alike keypoints `i` of left and `j` of right pictures, by pair of pictures and form of the right one: the rows
    `starts` to `ends` are of `pairs` (left, right, form)."""

    i: Places
    j: Places
    starts: Places
    ends: Places
    pairs: NDArray[np.int64]
    seen: NDArray[np.float32]

    @classmethod
    def of(
        cls, i: Places, others: NDArray[np.int32], owner: Places, pictures: int, seen: NDArray[np.float32]
    ) -> _Proposals:
        """Those of enough keypoints to vote: `i` (k,) and the `others` (k,) they are like, as `_alike` names them."""
        form, j = np.divmod(others.astype(np.int64), len(owner))
        i, j = np.where(owner[i] > owner[j], j, i), np.where(owner[i] > owner[j], i, j)
        pair = (owner[i] * pictures + owner[j]) * len(FORMS) + form
        order = np.lexsort((j, i, pair))
        i, j, pair = i[order], j[order], pair[order]
        fresh = (np.diff(pair, prepend=-1) != 0) | (np.diff(i, prepend=-1) != 0) | (np.diff(j, prepend=-1) != 0)
        i, j, pair = i[fresh], j[fresh], pair[fresh]  # two that name each other are one
        starts = np.flatnonzero(np.diff(pair, prepend=-1))
        ends = np.append(starts[1:], len(pair))
        many = ends - starts >= VOTES
        starts, ends = starts[many], ends[many]
        both, form = np.divmod(pair[starts], len(FORMS))
        pairs = np.stack([*np.divmod(both, pictures), form], axis=1)
        return cls(i, j, starts, ends, pairs, seen)

    def agreed(self, pictures: Sequence[Keypoints], pool: Executor) -> Shared:
        """The pairs of which enough keypoints agree, in the form on which most do."""
        heights = np.array([each.height for each in pictures], np.float32)
        maps, votes = np.empty((len(self.starts), 6)), np.zeros(len(self.starts), np.int64)
        _vote(self.i, self.j, self.starts, self.ends, self.pairs, heights, self.seen, maps, votes)
        asked = np.flatnonzero((votes >= VOTES) & _among_the_most(self.pairs, votes, CLOSER_LOOKS))
        found = list(pool.map(lambda each: _refined(self.pairs[each], maps[each], pictures), asked.tolist()))
        best: dict[tuple[int, int], tuple[int, int]] = {}
        for place, (each, (_, agreeing, _)) in enumerate(zip(asked.tolist(), found, strict=True)):
            pair = (int(self.pairs[each, 0]), int(self.pairs[each, 1]))
            if agreeing >= AGREEING and agreeing > best.get(pair, (0, 0))[0]:
                best[pair] = agreeing, place
        counts = np.array([best[pair][0] for pair in best], np.int64)
        most = _among_the_most(np.array(list(best), np.int64).reshape(-1, 2), counts, PICTURES)
        chosen = sorted(pair for pair, wanted in zip(best, most.tolist(), strict=True) if wanted)
        affine = np.array([found[best[pair][1]][0] for pair in chosen], np.float64).reshape(-1, 6)
        left, right = np.array(chosen, np.int64).reshape(-1, 2).T
        boxes = np.array([found[best[pair][1]][2] for pair in chosen], np.float64).reshape(-1, 4)
        negative = np.array([self.pairs[asked[best[pair][1]], 2] == NEGATIVE for pair in chosen], bool)
        return Shared(left, right, affine, np.array([best[pair][0] for pair in chosen], np.int64), boxes, negative)


def _among_the_most(pairs: NDArray[np.int64], agreeing: NDArray[np.int64], most: int) -> NDArray[np.bool_]:
    """Which pairs (m, 2 or more) are among the first so many of one of their pictures, by how many keypoints agree."""
    chosen = np.zeros(len(pairs), bool)
    for side in (0, 1):
        order = np.lexsort((pairs[:, 1 - side], -agreeing, pairs[:, side]))
        chosen[order[keypoints.places_among_equals(pairs[order, side]) < most]] = True
    return chosen


@machine_code()
def _vote(
    i: Places,
    j: Places,
    starts: Places,
    ends: Places,
    pairs: Places,
    heights: NDArray[np.float32],
    seen: NDArray[np.float32],
    maps: Doubles,
    votes: Places,
) -> None:
    """Fill `votes` with how many keypoints of each pair agree on a map in pixels, and `maps` with that."""
    for pair in range(len(starts)):
        start, count = starts[pair], ends[pair] - starts[pair]
        a, b = np.empty((count, 4)), np.empty((count, 4))
        for k in range(count):
            for number in range(4):
                a[k, number], b[k, number] = seen[i[start + k], number], seen[j[start + k], number]
            if pairs[pair, 2] == NEGATIVE:
                b[k, 3] += math.pi
            if pairs[pair, 2] == MIRRORED:
                b[k, 1], b[k, 3] = heights[pairs[pair, 1]] - b[k, 1], -b[k, 3]
        for k in range(count):
            agreeing = _agreeing(a, b, k)
            if agreeing > votes[pair]:
                votes[pair] = agreeing
                scale, turn = b[k, 2] / a[k, 2], b[k, 3] - a[k, 3]
                c, s = scale * math.cos(turn), scale * math.sin(turn)
                maps[pair, 0], maps[pair, 1], maps[pair, 2] = c, -s, b[k, 0] - c * a[k, 0] + s * a[k, 1]
                maps[pair, 3], maps[pair, 4], maps[pair, 5] = s, c, b[k, 1] - s * a[k, 0] - c * a[k, 1]


@machine_code(inner=True)
def _agreeing(a: Doubles, b: Doubles, k: int) -> int:
    """How many keypoints `a` lie on `b` as the k-th proposes; one that is like several counts once (all of it stand
    together)."""
    scale, turn = b[k, 2] / a[k, 2], b[k, 3] - a[k, 3]
    c, s = scale * math.cos(turn), scale * math.sin(turn)
    total, last = 0, -1
    for m in range(len(a)):
        if last >= 0 and a[m, 0] == a[last, 0] and a[m, 1] == a[last, 1]:
            continue
        dx, dy = a[m, 0] - a[k, 0], a[m, 1] - a[k, 1]
        ex, ey = b[m, 0] - b[k, 0] - (c * dx - s * dy), b[m, 1] - b[k, 1] - (s * dx + c * dy)
        if ex * ex + ey * ey > (OFF * b[m, 2] + OFF_BY_DISTANCE * scale * math.sqrt(dx * dx + dy * dy)) ** 2:
            continue
        size = b[m, 2] / a[m, 2] / scale
        if max(size, 1 / size) < RESIZED and math.cos(b[m, 3] - a[m, 3] - turn) > TURNED:
            total += 1
            last = m
    return total


def _refined(pair: NDArray[np.int64], proposed: Doubles, pictures: Sequence[Keypoints]) -> tuple[Doubles, int, Doubles]:
    """The affine map (6,) in parts of the sides of a pair (left, right, form), how many keypoints agree on it, and
    the box around these."""
    left, right, form = pair.tolist()
    one, other = pictures[left], pictures[right]
    a, b = _seen(one.points), _seen(other.points)
    bits = [np.ascontiguousarray(each.points["bits"]) for each in (one, other)]
    bits[1] = FORMS[form](bits[1])
    if form == NEGATIVE:
        b[:, 3] += np.pi
    if form == MIRRORED:
        b = _upside_down(b, other.height)
    order = np.argsort(b[:, 0], kind="stable")
    b, bits[1] = b[order], bits[1][order]
    affine = proposed.copy()
    found = np.empty((min(len(a), len(b)), 4))
    agreeing = _refine(a, bits[0], b, bits[1], affine, np.array(CLOSER), found)
    if form == MIRRORED:
        affine[3:] *= -1
        affine[5] += other.height
    carried = affine.reshape(2, 3) * [one.width, one.height, 1] / np.array([[other.width], [other.height]])
    places = found[:agreeing, :2] / (one.width, one.height)
    box = np.append(places.min(axis=0), places.max(axis=0)) if agreeing else np.zeros(4)
    return carried.ravel(), int(agreeing), box


@machine_code()
def _refine(
    a: NDArray[np.float32],
    a_bits: Bits,
    b: NDArray[np.float32],
    b_bits: Bits,
    p: Doubles,
    within: Doubles,
    found: Doubles,
) -> int:
    """Fit the map `p` (6,), in pixels, to the keypoints that it brings near alike ones; how many those are. Their
    places in both are left in `found`."""
    count = 0
    for off in within:
        count = _brought_near(a, a_bits, b, b_bits, p, off, found)
        if count < VOTES:
            return count
        _fit(found[:count], p)
    return count


@machine_code(inner=True)
def _brought_near(
    a: NDArray[np.float32], a_bits: Bits, b: NDArray[np.float32], b_bits: Bits, p: Doubles, off: float, found: Doubles
) -> int:
    """Fill `found` with the places in both of keypoints that a map brings within `off` pixels of an alike one, each
    used once; how many there are. `b` are in the order of x."""
    scale = math.sqrt(abs(p[0] * p[4] - p[1] * p[3]))
    if not scale > LEAST_SCALE:
        return 0
    across, largest = np.ascontiguousarray(b[:, 0]), b[:, 2].max()
    taken, by = np.full(len(b), -1, np.int64), np.full(len(b), FOUND_AGAIN + 1, np.int64)
    for i in range(len(a)):
        x, y = p[0] * a[i, 0] + p[1] * a[i, 1] + p[2], p[3] * a[i, 0] + p[4] * a[i, 1] + p[5]
        c, s = math.cos(a[i, 3]), math.sin(a[i, 3])
        u, v = p[0] * c + p[1] * s, p[3] * c + p[4] * s
        length = max(math.hypot(u, v), 1e-9)
        least, nearest = FOUND_AGAIN + 1, -1
        furthest = off * max(largest, a[i, 2] * scale)
        for j in range(np.searchsorted(across, x - furthest), np.searchsorted(across, x + furthest)):
            reach = off * max(b[j, 2], a[i, 2] * scale)
            if (b[j, 0] - x) ** 2 + (b[j, 1] - y) ** 2 > reach**2:
                continue
            size = b[j, 2] / (a[i, 2] * scale)
            if max(size, 1 / size) > RESIZED:
                continue
            if (u * math.cos(b[j, 3]) + v * math.sin(b[j, 3])) / length < TURNED:
                continue
            apart = _apart(a_bits, i, b_bits, j)
            if apart < least:
                least, nearest = apart, j
        if nearest >= 0 and least < by[nearest]:
            taken[nearest], by[nearest] = i, least
    count = 0
    for j in range(len(b)):
        if taken[j] >= 0 and count < len(found):
            found[count, 0], found[count, 1] = a[taken[j], 0], a[taken[j], 1]
            found[count, 2], found[count, 3] = b[j, 0], b[j, 1]
            count += 1
    return count


@machine_code(inner=True)
def _fit(found: Doubles, p: Doubles) -> None:
    """Least squares: the affine map, or the similarity where there are few, of places (n, 4) in one to the other."""
    ax, ay, bx, by = found[:, 0].mean(), found[:, 1].mean(), found[:, 2].mean(), found[:, 3].mean()
    xx = xy = yy = xu = yu = xv = yv = 0.0
    for k in range(len(found)):
        x, y, u, v = found[k, 0] - ax, found[k, 1] - ay, found[k, 2] - bx, found[k, 3] - by
        xx, xy, yy = xx + x * x, xy + x * y, yy + y * y
        xu, yu, xv, yv = xu + x * u, yu + y * u, xv + x * v, yv + y * v
    spread = xx * yy - xy * xy
    if len(found) >= AFFINE_FROM and spread > 1e-3 * (xx + yy) ** 2:
        p[0], p[1] = (xu * yy - yu * xy) / spread, (yu * xx - xu * xy) / spread
        p[3], p[4] = (xv * yy - yv * xy) / spread, (yv * xx - xv * xy) / spread
    else:
        c, s = (xu + yv) / max(xx + yy, 1e-9), (xv - yu) / max(xx + yy, 1e-9)
        p[0], p[1], p[3], p[4] = c, -s, s, c
    p[2], p[5] = bx - p[0] * ax - p[1] * ay, by - p[3] * ax - p[4] * ay
