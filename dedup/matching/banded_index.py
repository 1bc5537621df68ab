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
from dedup.matching.candidates import SIGN, SOURCE, Keys, Plan, Spectra, correlate, oriented_keys, pack, popcount

TABLES = 6
BAND_BITS = 96
"""Bits of a key, the lowest frequencies, that the tables choose from."""
PROBES = 4
"""Places looked at in a table for a whole picture: its own bits, and with the two least certain of them changed."""
INVERSE = np.array([0, 1, 2, 3, 4, 7, 6, 5])
"""The orientation that undoes each."""
TURNED = 4
"""The first orientation that exchanges rows and columns; those before change the signs of frequencies alone."""
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
        self._shares = np.stack([_shares(chosen) for chosen in self._chosen])
        self._orders = np.empty((TABLES, len(self._keys)), np.int32)
        self._offsets = np.zeros((TABLES, (1 << plan.band) + 1), np.int32)
        for table in range(TABLES):
            values = _band_values(self._keys, self._shares, table)
            self._orders[table] = np.lexsort((self._keys[:, 0], values))  # like keys lie together within a band
            self._offsets[table, 1:] = np.cumsum(np.bincount(values, minlength=1 << plan.band))
        self._source, self._sign = SOURCE[INVERSE], SIGN[INVERSE]
        assert plan.orientations <= TURNED, "keys alone tell those of windows that are not turned"
        self._mirrors = np.packbits(self._sign[: plan.orientations] < 0, axis=-1).view(np.uint64)
        self._mirrored = np.stack([_band_values(self._mirrors, self._shares, table) for table in range(TABLES)])
        self._filled = np.packbits(np.diff(self._offsets, axis=1) > 0, axis=1, bitorder="little").view(np.uint64)
        self._scratch = _Scratch()

    def search(self, keys: Keys, windows: Spectra) -> NDArray[np.float64]:
        """Rows (member, bits, window, orientation, correlation) of the candidates of one view's windows."""
        if not hasattr(self._scratch, "best"):
            self._scratch.best = np.full((len(self._keys), 4), -1, np.float32)
        plan = self._plan
        turned = keys[:, None] ^ self._mirrors
        whole = oriented_keys(windows[0], self._source, self._sign)
        found, best = scan_tables(
            whole, turned, windows, self._keys, self._frequencies, self._orders, self._offsets, self._chosen,
            self._shares, plan.sure, plan.likely, plan.correlation, plan.first, SOURCE, SIGN, self._scratch.best,
        )  # fmt: skip
        return np.column_stack([self._members[found], best])

    def may_match(self, keys: Keys, frequencies: Spectra) -> NDArray[np.bool_]:
        """As `candidates.Brute.may_match`."""
        may, plan = np.zeros(len(keys), bool), self._plan
        whole = oriented_keys(frequencies, self._source, self._sign)
        any_in_tables(
            keys, self._mirrors, self._mirrored, whole, frequencies, self._keys, self._orders, self._offsets,
            self._chosen, self._shares, self._filled, plan.likely, plan.first, self._source, may,
        )  # fmt: skip
        return may


def _shares(chosen: NDArray[np.intp]) -> NDArray[np.int32]:
    """What each byte of a key adds to its band, (bytes, 256): the bits of the chosen frequencies as one number, the
    first chosen highest. A byte holds the lowest of its frequencies highest."""
    shares = np.zeros((BAND_BITS // 8, 256), np.int32)
    for worth, frequency in enumerate(chosen[::-1]):
        shares[frequency // 8] |= ((np.arange(256) >> (7 - frequency % 8)) & 1).astype(np.int32) << worth
    return shares


@machine_code()
def _band_values(keys: Keys, shares: NDArray[np.int32], table: int) -> NDArray[np.int32]:
    out = np.empty(len(keys), np.int32)
    for i in range(len(keys)):
        out[i] = _band_of(keys[i, 0], keys[i, 1], shares, table)
    return out


@machine_code(inner=True)
def _band_of(first: np.uint64, second: np.uint64, shares: NDArray[np.int32], table: int) -> np.int32:
    """The band of a key."""
    value = np.int32(0)
    for byte in range(8):
        value |= shares[table, byte, (first >> np.uint64(8 * byte)) & np.uint64(255)]
    for byte in range(8, BAND_BITS // 8):
        value |= shares[table, byte, (second >> np.uint64(8 * byte - 64)) & np.uint64(255)]
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
    shares: NDArray[np.int32],
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
            key0 = whole[o, 0] if w == 0 else turned[w, o, 0]
            key1 = whole[o, 1] if w == 0 else turned[w, o, 1]
            for t in range(orders.shape[0]):
                value = _band_of(key0, key1, shares, t)
                probes = 1
                if w == 0:
                    probes = PROBES
                    _least_certain(windows, 0, source, o, chosen, t, flips)
                for probe in range(probes):
                    place = _probed(value, probe, flips, band)
                    start, stop = _shelf(t, place, key0, keys, orders, offsets)
                    for k in range(start, stop):
                        j = orders[t, k]
                        bits = np.int64(popcount(key0 ^ keys[j, 0]))
                        if bits > limit:
                            continue
                        bits = 2 * bits + np.int64(popcount(key1 ^ keys[j, 1]))
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


@machine_code()
def any_in_tables(
    windows: Keys,
    mirrors: Keys,
    mirrored: NDArray[np.int32],
    whole: Keys,
    frequencies: Spectra,
    keys: Keys,
    orders: NDArray[np.int32],
    offsets: NDArray[np.int32],
    chosen: NDArray[np.intp],
    shares: NDArray[np.int32],
    filled: NDArray[np.uint64],
    likely: int,
    limit: int,
    source: NDArray[np.intp],
    out: NDArray[np.bool_],
) -> None:
    """Sets `out` (m,) for views of which a lookup as in `scan_tables` would come upon anything within the bits.

    `windows` (m, V, 2) are the keys of their windows, `mirrors` (orientations, 2) what changes in one that is turned
    back and `mirrored` (tables, orientations) what in its bands; `whole` (m, 8, 2) are the keys of the whole, turned
    back, and `frequencies` (m, 128) its frequencies. `filled` has a bit for each band that any view has: most have
    none, and this much stays near the processor."""
    band = chosen.shape[1]
    flips = np.zeros(2, np.int64)
    for t in range(orders.shape[0]):  # one table after the other, for each alone stays near the processor
        for i in range(windows.shape[0]):
            for w in range(windows.shape[1]):
                upright = _band_of(windows[i, w, 0], windows[i, w, 1], shares, t)
                for o in range(8 if w == 0 else mirrors.shape[0]):
                    if w == 0:
                        key0, key1 = whole[i, o, 0], whole[i, o, 1]
                        value = _band_of(key0, key1, shares, t)
                        _least_certain(frequencies, i, source, o, chosen, t, flips)
                    else:
                        key0, key1 = windows[i, w, 0] ^ mirrors[o, 0], windows[i, w, 1] ^ mirrors[o, 1]
                        value = upright ^ mirrored[t, o]
                    for probe in range(PROBES if w == 0 else 1):
                        place = _probed(value, probe, flips, band)
                        if not (filled[t, place >> 6] >> np.uint64(place & 63)) & np.uint64(1):
                            continue
                        start, stop = _shelf(t, place, key0, keys, orders, offsets)
                        for k in range(start, stop):
                            j = orders[t, k]
                            bits = np.int64(popcount(key0 ^ keys[j, 0]))
                            if bits <= limit and 2 * bits + np.int64(popcount(key1 ^ keys[j, 1])) <= likely:
                                out[i] = True
                if out[i]:
                    break


@machine_code(inner=True)
def _probed(value: int | np.int32, probe: int, flips: NDArray[np.int64], band: int) -> int:
    """A band with those of its two least certain bits changed that the bits of `probe` tell."""
    if probe & 1:
        value ^= 1 << (band - 1 - flips[0])
    if probe & 2:
        value ^= 1 << (band - 1 - flips[1])
    return int(value)


@machine_code(inner=True)
def _shelf(
    table: int, place: int, word: np.uint64, keys: Keys, orders: NDArray[np.int32], offsets: NDArray[np.int32]
) -> tuple[int, int]:
    """Where in `orders[table]` those of one band stand; of a crowd, those around `word`."""
    start, stop = offsets[table, place], offsets[table, place + 1]
    if stop - start > CROWD:
        middle = _place_of(word, keys, orders, table, start, stop)
        start, stop = larger(start, middle - CROWD // 2), lesser(stop, middle + CROWD // 2)
    return start, stop


@machine_code(inner=True)
def _place_of(word: np.uint64, keys: Keys, orders: NDArray[np.int32], table: int, start: int, stop: int) -> int:
    """The first place in orders[table, start:stop], which is sorted by first words, whose word is not below `word`."""
    while start < stop:
        middle = (start + stop) // 2
        if keys[orders[table, middle], 0] < word:
            start = middle + 1
        else:
            stop = middle
    return start


@machine_code(inner=True)
def _least_certain(
    frequencies: Spectra,
    row: int,
    source: NDArray[np.intp],
    orientation: int,
    chosen: NDArray[np.intp],
    table: int,
    flips: NDArray[np.int64],
) -> None:
    """The places in `chosen[table]` of the two smallest of the frequencies of a `row`; `source` says where an oriented
    frequency comes from."""
    low = second = np.float32(np.inf)
    for b in range(chosen.shape[1]):
        size = abs(frequencies[row, source[orientation, chosen[table, b]]])
        if size < low:
            second, flips[1] = low, flips[0]
            low, flips[0] = size, b
        elif size < second:
            second, flips[1] = size, b
