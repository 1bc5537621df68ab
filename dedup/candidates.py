"""Which pairs of images are worth a closer look: nearest hashes over variants of each image.

The key of an image is the signs of its 16 x 16 lowest cosine frequencies: nearly its perceptual hash (which compares
with the median instead of zero), but then a mirrored or turned picture has the same bits, some of them negated or
transposed, so that eight orientations cost one transform.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from dedup import signature

SIDE = signature.HASH_SIDE
BITS = SIDE * SIDE
WORDS = BITS // 64

Keys = NDArray[np.uint64]


def pack(signs: NDArray[np.bool_]) -> Keys:
    """Sign pictures (..., 16, 16) to keys (..., 4)."""
    flat = np.packbits(signs.reshape(*signs.shape[:-2], BITS), axis=-1)
    return np.ascontiguousarray(flat).view(np.uint64)


def unpack(keys: Keys) -> NDArray[np.bool_]:
    """Keys (..., 4) to sign pictures (..., 16, 16)."""
    bits = np.unpackbits(np.ascontiguousarray(keys).view(np.uint8), axis=-1)
    return bits.reshape(*keys.shape[:-1], SIDE, SIDE).astype(bool)


_ODD = np.arange(SIDE) % 2 == 1
_ODD_COLUMNS = np.broadcast_to(_ODD[None, :], (SIDE, SIDE))
_ODD_ROWS = np.broadcast_to(_ODD[:, None], (SIDE, SIDE))


def orient(keys: Keys) -> Keys:
    """The keys (n, 8, 4) of pictures carried through EXIF's eight orientations, from their keys (n, 4)."""
    across, down, both = (pack(mask) for mask in (_ODD_COLUMNS, _ODD_ROWS, _ODD_COLUMNS ^ _ODD_ROWS))
    turned = pack(np.swapaxes(unpack(keys), -1, -2))
    none = np.zeros_like(across)
    # 1 upright, 2 mirrored, 3 turned 180, 4 flipped; then transposed and 6 turned 270, 7 transversed, 8 turned 90
    upright = [keys ^ mask for mask in (none, across, both, down)]
    quarter = [turned ^ mask for mask in (none, across, both, down)]
    return np.ascontiguousarray(np.stack(upright + quarter, axis=1))


@numba.njit(cache=True, inline="always")
def popcount(word: np.uint64) -> np.uint64:
    """Ones in a 64-bit word."""
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (word * np.uint64(0x0101010101010101)) >> np.uint64(56)


@numba.njit(cache=True, inline="always")
def hamming(a: Keys, b: Keys) -> int:
    """Bits in which two keys (4,) differ."""
    return popcount(a[0] ^ b[0]) + popcount(a[1] ^ b[1]) + popcount(a[2] ^ b[2]) + popcount(a[3] ^ b[3])


@numba.njit(cache=True, parallel=True)
def within(queries: Keys, keys: Keys, limits: NDArray[np.uint16]) -> NDArray[np.int64]:
    """All (query, row, bits) with Hamming distance at most limits[query], by brute force; (found, 3), in order."""
    m, n = queries.shape[0], keys.shape[0]
    counts = np.zeros(m + 1, np.int64)
    for i in numba.prange(m):
        found = 0
        for j in range(n):
            if hamming(queries[i], keys[j]) <= limits[i]:
                found += 1
        counts[i + 1] = found
    ends = np.cumsum(counts)
    out = np.empty((ends[m], 3), np.int64)
    for i in numba.prange(m):
        place = ends[i]
        if counts[i + 1] > 0:
            for j in range(n):
                bits = hamming(queries[i], keys[j])
                if bits <= limits[i]:
                    out[place, 0] = i
                    out[place, 1] = j
                    out[place, 2] = bits
                    place += 1
    return out


@numba.njit(cache=True, parallel=True)
def nearest(oriented: Keys, keys: Keys) -> tuple[NDArray[np.int32], NDArray[np.int16]]:
    """For each row the nearest other row over its eight orientations (n, 8, 4), by brute force, and the bits between.

    The lowest row wins a tie; -1 and -1 where there is no other row.
    """
    n = keys.shape[0]
    rows = np.full(n, -1, np.int32)
    bits = np.full(n, -1, np.int16)
    for i in numba.prange(n):
        best = np.uint64(BITS + 1)
        for j in range(n):
            if j != i:
                for o in range(8):
                    d = hamming(oriented[i, o], keys[j])
                    if d < best:
                        best = d
                        rows[i] = j
                        bits[i] = d
    return rows, bits
