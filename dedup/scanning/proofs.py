"""Exact copies: which images have the same samples, proven by reading the files that may have.

Equal bytes are known at once. Of the rest only images that look alike already can have the same samples: equal sizes,
counts of frames and transparency, and signatures that are equal, or next to equal where one of them was not made from
the very samples (`exact`). Those files are read once more, at full depth, and what that gave is kept by content.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dedup.model import Status

SAME_SHAPE = ["width", "height", "frames", "alpha"]
"""What exact copies share whatever their files are like."""
CELLS = 4
"""Signatures that are next to equal are looked for by the means of so many by so many parts of the tiny picture ..."""
PART_LEVELS = 8.0
"""... each within so many gray levels: decoding JPEG at a fraction of its size changes photographs by less than one and
fine patterns by more, and a picture that is turned as EXIF says has its last, partial row elsewhere ..."""
LEVELS = 24.0
"""... and then on average over all cells of it. What is read for nothing costs time; what is not is no exact copy."""

NEIGHBOURS = 16
"""So many nearest ones are looked at."""

Rows = NDArray[np.int64]
Prove = Callable[[Sequence[int]], Iterable[tuple[int, str]]]
"""Reads the files of rows and gives (row, digest of its samples, '' where they cannot be compared)."""


def contents(images: pd.DataFrame, signatures: NDArray[np.void], known: dict[str, str], prove: Prove) -> pd.Series[str]:
    """What each image holds, 32 hex digits: equal for exact copies and for nothing else; '' where a file's bytes are
    not known.

    `known` maps SHA-256 to digests of samples that were proven before; what `prove` gives is added to it.
    """
    sha256 = images["sha256"]
    asked = doubtful(images, signatures)
    missing = [row for row in _one_each(sha256, asked) if sha256.iat[row] not in known]
    for row, digest in prove(missing):
        known[str(sha256.iat[row])] = digest
    digests = [known.get(each, "") for each in sha256]
    return pd.Series([digest or each[:32] for digest, each in zip(digests, sha256, strict=True)], dtype=object)


def doubtful(images: pd.DataFrame, signatures: NDArray[np.void]) -> Rows:
    """Rows of readable images that may have the samples of another file with other bytes, ascending."""
    readable = np.flatnonzero((images["status"] == Status.OK).to_numpy())
    distinct = readable[~images["sha256"].iloc[readable].duplicated().to_numpy()]
    if len(distinct) < 2:
        return np.empty(0, np.int64)
    facts = images.iloc[distinct]
    shape = facts.groupby(SAME_SHAPE, sort=False).ngroup().to_numpy()
    marked = np.zeros(len(distinct), bool)
    turned = (facts["orientation"] != 1).to_numpy()
    exact = facts["exact"].to_numpy(bool)
    for places in _parts(shape):
        marked[places] = _look_alike(signatures[distinct[places]], exact[places], turned[places])
    return np.asarray(np.sort(distinct[marked]), np.int64)


def _one_each(sha256: pd.Series[str], rows: Rows) -> list[int]:
    """The first row of each content among `rows`."""
    return [int(row) for row in rows[~sha256.iloc[rows].duplicated().to_numpy()]]


def _parts(numbers: NDArray[np.integer]) -> list[Rows]:
    """Places of each number that stands more than once."""
    order = np.argsort(numbers, kind="stable")
    starts = np.flatnonzero(np.diff(numbers[order], prepend=-1))
    return [part for part in np.split(order, starts[1:]) if len(part) > 1]


def _look_alike(signatures: NDArray[np.void], exact: NDArray[np.bool_], turned: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which signatures of images of one shape have their like among the others, bool (n,).

    Made in the same way from the same samples, signatures are equal. In another way is: from a picture that is turned,
    or from JPEG at a fraction of its size where the other is whole.
    """
    _, number, count = np.unique(_bytes(signatures), return_inverse=True, return_counts=True)
    alike = np.asarray(count[number] > 1)
    everything = np.arange(len(signatures))
    for some, others in ((turned, everything), (~exact & ~turned, np.flatnonzero(exact))):
        alike |= _next_to_equal(signatures["tiny"], np.flatnonzero(some), others)
    return alike


def _bytes(signatures: NDArray[np.void]) -> NDArray[np.void]:
    """Records as plain bytes, which compare and sort."""
    packed = np.ascontiguousarray(signatures)
    return packed.view(np.dtype((np.void, packed.dtype.itemsize))).ravel()


def _next_to_equal(tiny: NDArray[np.uint8], some: Rows, others: Rows) -> NDArray[np.bool_]:
    """Which of the tiny pictures (n, side, side) named by `some` and `others` have one of the other sort next to them,
    bool (n,)."""
    found = np.zeros(len(tiny), bool)
    if not len(some) or not len(others):
        return found
    from scipy.spatial import cKDTree  # a quarter of a second that few folders need

    side = tiny.shape[1] // CELLS
    means = tiny.reshape(-1, CELLS, side, CELLS, side).mean(axis=(2, 4)).reshape(len(tiny), -1)
    count = min(NEIGHBOURS, len(others))
    tree = cKDTree(means[others])
    _, near = tree.query(means[some], k=[*range(1, count + 1)], p=np.inf, distance_upper_bound=PART_LEVELS)
    for row, places in zip(some.tolist(), near.tolist(), strict=True):
        for place in places:
            if place < len(others) and others[place] != row and _apart(tiny[row], tiny[others[place]]) <= LEVELS:
                found[[row, others[place]]] = True
    return found


def _apart(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    return float(np.abs(one.astype(np.int16) - other).mean())
