"""The fast index: only keys that share a band of bits in one of several tables are compared.

Locality-sensitive hashing (Indyk & Motwani 1998) with query-directed probes (Lv et al. 2007): the bits nearest to
their threshold are the ones an edit changes, so these are also tried the other way. The width of a band grows with
the logarithm of the number of pictures, so that the number of comparisons for each stays about the same.
"""

from __future__ import annotations

import threading

import numpy as np
from numpy.typing import NDArray

from dedup.machine_code import larger, lesser, machine_code
from dedup.matching.candidates import SIGN, SOURCE, Keys, Plan, Spectra, correlate, orient, pack, popcount

TABLES = 6
BAND_BITS = 96
"""Bits of a key, the lowest frequencies, that the tables choose from."""
PROBES = 4
"""Places looked at in a table for a whole picture: its own bits, and with the two least certain of them changed."""
INVERSE = np.array([0, 1, 2, 3, 4, 7, 6, 5])
"""The orientation that undoes each."""
STRIDE = 8192
CROWD = 512
"""Of a band that more views share, so many are compared, whose keys lie around the one that is looked up."""


class _Scratch(threading.local):
    """What each thread needs for itself, and none gets from another process."""

    best: Spectra

    def __reduce__(self) -> tuple[type, tuple[()]]:
        return type(self), ()


class Banded:
    """A target like `candidates.Brute`, for many views."""

    def __init__(self, frequencies: Spectra, members: NDArray[np.intp], plan: Plan) -> None:
        self._frequencies, self._members, self._plan = frequencies, members, plan
        parts = [pack(frequencies[start : start + STRIDE]) for start in range(0, max(len(frequencies), 1), STRIDE)]
        self._keys = np.concatenate(parts)
        generator = np.random.default_rng(7)
        self._chosen = np.stack([generator.permutation(BAND_BITS)[: plan.band] for _ in range(TABLES)])
        self._orders = np.empty((TABLES, len(self._keys)), np.int32)
        self._offsets = np.zeros((TABLES, (1 << plan.band) + 1), np.int32)
        for table, chosen in enumerate(self._chosen):
            values = _band_values(self._keys, chosen)
            self._orders[table] = np.lexsort((self._keys[:, 0], values))  # like keys lie together within a band
            self._offsets[table, 1:] = np.cumsum(np.bincount(values, minlength=1 << plan.band))
        self._scratch = _Scratch()

    def search(self, keys: Keys, windows: Spectra) -> NDArray[np.float64]:
        """Rows (member, bits, window, orientation, correlation) of the candidates of one view's windows."""
        if not hasattr(self._scratch, "best"):
            self._scratch.best = np.full((len(self._keys), 4), -1, np.float32)
        plan = self._plan
        turned = pack(orient(windows, plan.orientations)[:, INVERSE[: plan.orientations]])
        whole = pack(orient(windows[0])[INVERSE])
        found, best = scan_tables(
            whole, turned, windows, self._keys, self._frequencies, self._orders, self._offsets, self._chosen,
            plan.sure, plan.likely, plan.correlation, plan.first, SOURCE, SIGN, self._scratch.best,
        )  # fmt: skip
        return np.column_stack([self._members[found], best])


@machine_code()
def _band_values(keys: Keys, chosen: NDArray[np.intp]) -> NDArray[np.int32]:
    out = np.empty(len(keys), np.int32)
    for i in range(len(keys)):
        out[i] = _band_value(keys[i], chosen)
    return out


@machine_code(inner=True)
def _band_value(key: Keys, chosen: NDArray[np.intp]) -> int:
    """The chosen frequencies' bits of a key as a number, the first chosen highest (bytes hold the lowest bit first)."""
    value = 0
    for frequency in chosen:
        place = np.uint64((frequency % 64) // 8 * 8 + 7 - frequency % 8)
        value = (value << 1) | int((key[frequency // 64] >> place) & np.uint64(1))
    return value


@machine_code()
def scan_tables(
    whole: Keys,
    turned: Keys,
    windows: Spectra,
    keys: Keys,
    frequencies: Spectra,
    orders: NDArray[np.int32],
    offsets: NDArray[np.int32],
    chosen: NDArray[np.intp],
    sure: int,
    likely: int,
    least: float,
    limit: int,
    source: NDArray[np.intp],
    sign: NDArray[np.float32],
    best: Spectra,
) -> tuple[NDArray[np.int32], Spectra]:
    """Look up the windows of one view; returns the rows found and their (bits, window, orientation, correlation).

    `whole` (8, 2) are the keys of the view, `turned` (V, orientations, 2) those of its windows, both turned back by
    each orientation. `best` (n, 4) is scratch, its first column -1 before and after.
    """
    touched = np.empty(64, np.int32)
    count = 0
    band = chosen.shape[1]
    flips = np.zeros(2, np.int64)
    for w in range(turned.shape[0]):
        for o in range(8 if w == 0 else turned.shape[1]):
            key = whole[o] if w == 0 else turned[w, o]
            for t in range(orders.shape[0]):
                value = _band_value(key, chosen[t])
                probes = 1
                if w == 0:
                    probes = PROBES
                    _least_certain(windows[0], source[o], chosen[t], flips)
                for probe in range(probes):
                    place = value
                    if probe & 1:
                        place ^= 1 << (band - 1 - flips[0])
                    if probe & 2:
                        place ^= 1 << (band - 1 - flips[1])
                    start, stop = offsets[t, place], offsets[t, place + 1]
                    if stop - start > CROWD:
                        middle = _place_of(key[0], keys, orders[t], start, stop)
                        start, stop = larger(start, middle - CROWD // 2), lesser(stop, middle + CROWD // 2)
                    for k in range(start, stop):
                        j = orders[t, k]
                        bits = np.int64(popcount(key[0] ^ keys[j, 0]))
                        if bits > limit:
                            continue
                        bits = 2 * bits + np.int64(popcount(key[1] ^ keys[j, 1]))
                        if bits > likely or 0 <= best[j, 0] < bits:
                            continue
                        c = correlate(windows[w], frequencies[j], source[o], sign[o])
                        if (bits > sure and c < least) or (bits == best[j, 0] and c <= best[j, 3]):
                            continue
                        if best[j, 0] < 0:
                            if count == len(touched):
                                touched = np.concatenate((touched, np.empty_like(touched)))
                            touched[count] = j
                            count += 1
                        best[j, 0] = bits
                        best[j, 1] = w
                        best[j, 2] = o
                        best[j, 3] = c
    rows = np.sort(touched[:count])
    found = best[rows].copy()
    for j in rows:
        best[j, 0] = -1
    return rows, found


@machine_code(inner=True)
def _place_of(word: np.uint64, keys: Keys, order: NDArray[np.int32], start: int, stop: int) -> int:
    """The first place in order[start:stop], which is sorted by first words, whose word is not below `word`."""
    while start < stop:
        middle = (start + stop) // 2
        if keys[order[middle], 0] < word:
            start = middle + 1
        else:
            stop = middle
    return start


@machine_code(inner=True)
def _least_certain(
    frequencies: NDArray[np.float32], source: NDArray[np.intp], chosen: NDArray[np.intp], flips: NDArray[np.int64]
) -> None:
    """The places in `chosen` of the two smallest frequencies; `source` says where an oriented frequency comes from."""
    low = second = np.float32(np.inf)
    for b in range(len(chosen)):
        size = abs(frequencies[source[chosen[b]]])
        if size < low:
            second, flips[1] = low, flips[0]
            low, flips[0] = size, b
        elif size < second:
            second, flips[1] = size, b
