"""The nearest other picture by perceptual hash, over the eight orientations: the raw number behind uniqueness.

Up to `BRUTE` pictures every pair is compared. Above, each picture is compared with its neighbours in several sorted
orders of the hashes (a forest of prefix trees: Bawa, Condie & Ganesan 2005), which finds what is near almost surely
and, among what is far, something about as near as the nearest.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor

import numpy as np
from numpy.typing import NDArray

from dedup.images.signature import HASH_SIDE as SIDE
from dedup.machine_code import larger, lesser, machine_code
from dedup.matching.candidates import popcount

BITS = SIDE * SIDE
BLOCK = 256
BRUTE = 50_000
"""Most pictures that are all compared with each other."""
ORDERS = 8
NEIGHBOURS = 8
"""Sorted orders, and neighbours looked at before and after a picture's place in each."""

Keys = NDArray[np.uint64]
Nearest = tuple[NDArray[np.int32], NDArray[np.int16]]

_ODD = np.arange(SIDE) % 2 == 1


def oriented_hashes(hashes: NDArray[np.uint8]) -> Keys:
    """Perceptual hashes (n, 32) carried through EXIF's eight orientations, as words (n, 8, 4).

    Mirroring negates the odd frequencies; the median a hash compares with is taken for zero, which it nearly is.
    """
    bits = np.unpackbits(hashes, axis=-1).reshape(-1, SIDE, SIDE).astype(bool)
    across, down = np.broadcast_to(_ODD, (SIDE, SIDE)), np.broadcast_to(_ODD[:, None], (SIDE, SIDE))
    flips = (np.zeros_like(across), across, across ^ down, down)
    carried = [picture ^ flip for picture in (bits, bits.swapaxes(1, 2)) for flip in flips]
    packed = np.packbits(np.stack(carried, axis=1).reshape(-1, 8, BITS), axis=-1)
    return packed.view(np.uint64)


def bits_between(hashes: NDArray[np.uint8], left: NDArray[np.integer], right: NDArray[np.integer]) -> NDArray[np.int16]:
    """Hamming distances (m,) of pairs of hashes, the least over eight orientations of the left."""
    there = np.ascontiguousarray(hashes[right]).view(np.uint64)[:, None]
    apart = np.bitwise_count(oriented_hashes(hashes[left]) ^ there).sum(axis=2)
    return np.asarray(apart.min(axis=1, initial=BITS), np.int16)


def most_alike(hashes: NDArray[np.uint8], usable: NDArray[np.bool_], row: int, count: int) -> list[tuple[int, int]]:
    """Up to `count` usable rows nearest to `row` by Hamming distance of hashes (n, 32), as (row, bits of 256), nearest
    first; far ones too, for a person who asks.

    Only the upright orientation counts: turned and mirrored copies are pairs and found as such. 100,000 images take
    some 20 ms.
    """
    bits = np.bitwise_count(hashes ^ hashes[row]).sum(axis=1, dtype=np.int64)
    bits = np.where(usable, bits, BITS + 1)
    bits[row] = BITS + 1
    order = np.argsort(bits, kind="stable")[:count]
    return [(int(each), int(bits[each])) for each in order if bits[each] <= BITS]


def nearest(hashes: NDArray[np.uint8], pool: Executor) -> Nearest:
    """For each picture the nearest other row by hash (n, 32), and the bits between.

    The lowest row wins a tie; -1 and -1 where there is no other.
    """
    words = np.ascontiguousarray(hashes).view(np.uint64)
    if len(words) > BRUTE:
        return _joined(pool, _Forest(words, hashes).nearest, len(words))
    columns, everything = words.T.copy(), np.arange(len(words))
    return _joined(pool, lambda part: compare(oriented_hashes(hashes[part]), columns, part, everything), len(words))


def nearest_with_known(hashes: NDArray[np.uint8], known: Nearest, fresh: NDArray[np.bool_], pool: Executor) -> Nearest:
    """As `nearest`, given the answer without the fresh rows: these are compared with all, the others with these.

    A row whose known nearest is -1 is compared with all, too.
    """
    if len(hashes) > BRUTE:
        return nearest(hashes, pool)
    columns = np.ascontiguousarray(hashes).view(np.uint64).T.copy()
    rows, bits = known[0].copy(), known[1].copy()
    everything, new, whole = np.arange(len(hashes)), np.flatnonzero(fresh), np.flatnonzero(fresh | (rows < 0))
    added = np.ascontiguousarray(columns[:, new])
    closer, by = _joined(pool, lambda part: compare(oriented_hashes(hashes[part]), added, part, new), len(hashes))
    better = (closer >= 0) & ((by < bits) | ((by == bits) & (closer < rows)))
    rows[better], bits[better] = closer[better], by[better]
    rows[whole], bits[whole] = _joined(
        pool, lambda part: compare(oriented_hashes(hashes[whole[part]]), columns, whole[part], everything), len(whole)
    )
    return rows, bits


def several(hashes: NDArray[np.uint8], count: int, pool: Executor) -> NDArray[np.int32]:
    """For each picture the `count` nearest other rows by hash (n, 32), nearest first, -1 where there are fewer; above
    `BRUTE` pictures the nearest only."""
    if len(hashes) > BRUTE:
        return nearest(hashes, pool)[0][:, None]
    words = np.ascontiguousarray(hashes).view(np.uint64)
    parts = np.array_split(np.arange(len(words)), max(1, len(words) // BLOCK))

    def look(part: NDArray[np.intp]) -> NDArray[np.int32]:
        rows, bits = np.full((len(part), count), -1, np.int32), np.full((len(part), count), BITS + 1, np.int16)
        _compare_several(oriented_hashes(hashes[part]), words, part, rows, bits)
        return rows

    return np.concatenate(list(pool.map(look, parts)))


def _joined(pool: Executor, work: Callable[[NDArray[np.intp]], Nearest], count: int) -> Nearest:
    parts = np.array_split(np.arange(count), max(1, count // BLOCK))
    found = list(pool.map(work, parts))
    return np.concatenate([rows for rows, _ in found]), np.concatenate([bits for _, bits in found])


def compare(oriented: Keys, words: Keys, queries: NDArray[np.intp], others: NDArray[np.intp]) -> Nearest:
    """Brute force: the nearest to each query but itself of the rows `others` (n,), whose hashes are `words` (4, n)."""
    rows, bits = np.full(len(oriented), -1, np.int32), np.full(len(oriented), -1, np.int16)
    _compare(oriented, words, queries, others, rows, bits)
    return rows, bits


@machine_code()
def _compare(
    oriented: Keys,
    words: Keys,
    queries: NDArray[np.intp],
    others: NDArray[np.intp],
    rows: NDArray[np.int32],
    bits: NDArray[np.int16],
) -> None:
    n = words.shape[1]
    for i in range(oriented.shape[0]):
        best = np.uint64(BITS + 1)
        for start in range(0, n, BLOCK):
            stop = lesser(n, start + BLOCK)
            for o in range(8):
                a, b, c, d = oriented[i, o, 0], oriented[i, o, 1], oriented[i, o, 2], oriented[i, o, 3]
                least = np.uint64(BITS + 1)
                for j in range(start, stop):
                    apart = popcount(a ^ words[0, j]) + popcount(b ^ words[1, j])
                    apart += popcount(c ^ words[2, j]) + popcount(d ^ words[3, j])
                    least = lesser(least, apart)
                if least > best:
                    continue
                for j in range(start, stop):
                    apart = popcount(a ^ words[0, j]) + popcount(b ^ words[1, j])
                    apart += popcount(c ^ words[2, j]) + popcount(d ^ words[3, j])
                    if others[j] != queries[i] and (apart < best or (apart == best and others[j] < rows[i])):
                        best = apart
                        rows[i] = others[j]
                        bits[i] = apart


@machine_code()
def _compare_several(
    oriented: Keys, words: Keys, queries: NDArray[np.intp], rows: NDArray[np.int32], bits: NDArray[np.int16]
) -> None:
    last = rows.shape[1] - 1
    for i in range(oriented.shape[0]):
        for j in range(words.shape[0]):
            least = np.uint64(BITS)
            for o in range(8):
                apart = popcount(oriented[i, o, 0] ^ words[j, 0]) + popcount(oriented[i, o, 1] ^ words[j, 1])
                apart += popcount(oriented[i, o, 2] ^ words[j, 2]) + popcount(oriented[i, o, 3] ^ words[j, 3])
                least = lesser(least, apart)
            if j == queries[i] or np.int64(least) >= bits[i, last]:
                continue
            place = last
            while place > 0 and np.int64(least) < bits[i, place - 1]:
                rows[i, place], bits[i, place] = rows[i, place - 1], bits[i, place - 1]
                place -= 1
            rows[i, place], bits[i, place] = j, least


class _Forest:
    """Hashes sorted by several choices of 64 of their bits."""

    def __init__(self, words: Keys, hashes: NDArray[np.uint8]) -> None:
        self._hashes, self._words = hashes, words
        generator = np.random.default_rng(20)
        self._chosen = np.stack([generator.permutation(BITS)[:64] for _ in range(ORDERS)])
        keys = [_pick(words, chosen) for chosen in self._chosen]
        self._orders = np.stack([np.argsort(key, kind="stable").astype(np.int32) for key in keys])
        self._keys = np.stack([key[order] for key, order in zip(keys, self._orders, strict=True)])

    def nearest(self, part: NDArray[np.intp]) -> Nearest:
        oriented = oriented_hashes(self._hashes[part])
        keys = [_pick(oriented.reshape(-1, 4), chosen).reshape(-1, 8) for chosen in self._chosen]
        places = np.stack([np.searchsorted(line, key) for line, key in zip(self._keys, keys, strict=True)])
        return _among_neighbours(oriented, self._words, self._orders, places, part)


@machine_code()
def _pick(words: Keys, chosen: NDArray[np.intp]) -> NDArray[np.uint64]:
    """The chosen bits of hashes (n, 4) as one word each, the first chosen highest."""
    out = np.zeros(len(words), np.uint64)
    for i in range(len(words)):
        word = np.uint64(0)
        for bit in chosen:
            word = (word << np.uint64(1)) | ((words[i, bit // 64] >> np.uint64(bit % 64)) & np.uint64(1))
        out[i] = word
    return out


@machine_code()
def _among_neighbours(
    oriented: Keys, words: Keys, orders: NDArray[np.int32], places: NDArray[np.intp], queries: NDArray[np.intp]
) -> Nearest:
    m, n = oriented.shape[0], words.shape[0]
    rows = np.empty(m, np.int32)
    bits = np.empty(m, np.int16)
    for i in range(m):
        rows[i] = bits[i] = -1
        best = np.uint64(BITS + 1)
        for t in range(orders.shape[0]):
            for o in range(8):
                place = places[t, i, o]
                for k in range(larger(0, place - NEIGHBOURS), lesser(n, place + NEIGHBOURS)):
                    j = orders[t, k]
                    apart = popcount(oriented[i, o, 0] ^ words[j, 0]) + popcount(oriented[i, o, 1] ^ words[j, 1])
                    apart += popcount(oriented[i, o, 2] ^ words[j, 2]) + popcount(oriented[i, o, 3] ^ words[j, 3])
                    if j != queries[i] and (apart < best or (apart == best and j < rows[i])):
                        best = apart
                        rows[i] = j
                        bits[i] = apart
    return rows, bits
