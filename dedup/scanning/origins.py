"""Which of two near duplicates was made from the other, where only the files' own pixels can tell.

Signatures are too small to show an enlargement or an earlier compression (`traces`), so the files of such pairs, and
of these only, are read once more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dedup.errors import UnreadableImage
from dedup.images import traces
from dedup.images.decode import open_picture
from dedup.machine import default_workers
from dedup.matching.relations import PAIR_COLUMNS, STRETCHED
from dedup.model import Kind
from dedup.store.directory import Results

WHOLE = 0.97
"""Both pictures show at least this part of each other where their fine detail is compared."""
LEVEL_DEGREES = 1.0
"""A rotation by more has been interpolated, whatever else was done."""


@dataclass(frozen=True, slots=True)
class _Look:
    """What one file's pixels tell: the earlier quality, 0 for none, and the power (32,)."""

    earlier: float
    power: NDArray[np.float16]


def tell(
    results: Results, path_of: Callable[[int], Path], max_pixels: int, workers: int | None, tick: Callable[[int], None]
) -> Results:
    """`results` with what the files of its near pairs tell that have not been looked at.

    `path_of` gives the file of a row; `tick` hears how many files have been read. A file that cannot be read any more
    tells nothing.
    """
    pairs = results.pairs.copy()
    asked = np.flatnonzero(_open(pairs))
    rows, places = np.unique(pairs[["left", "right"]].to_numpy()[asked], return_inverse=True)
    quality = results.images["jpeg_quality"].to_numpy(np.float64)

    def look(row: int) -> _Look:
        return _look(path_of(row), quality[row], max_pixels)

    with ThreadPoolExecutor(workers or default_workers()) as pool:
        try:
            looks = list(_counted(pool.map(look, rows.tolist()), tick))
        except BaseException:  # who stops the work does not wait for all that was planned
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    if not looks:
        return results
    left, right = places.reshape(-1, 2).T
    earlier, power = np.array([each.earlier for each in looks]), np.stack([each.power for each in looks])
    told = pairs.iloc[asked]
    side = _enlarged(told, power[left], power[right])
    pairs.loc[told.index, "derived"] = np.where(side != 0, side, told["derived"])
    pairs.loc[told.index, "earlier_left"], pairs.loc[told.index, "earlier_right"] = earlier[left], earlier[right]
    return replace(results, pairs=pairs.astype(PAIR_COLUMNS))


def count(results: Results) -> int:
    """How many files `tell` would read."""
    pairs = results.pairs
    return len(np.unique(pairs.loc[_open(pairs), ["left", "right"]].to_numpy()))


def _counted(looks: Iterable[_Look], tick: Callable[[int], None]) -> Iterable[_Look]:
    for done, each in enumerate(looks, 1):
        tick(done)
        yield each


def _open(pairs: pd.DataFrame) -> NDArray[np.bool_]:
    """Near pairs that have not been looked at, and of which nothing else tells what was made from what."""
    edited = (pairs["overlaid"].abs() == 2) | (pairs[["cropped", "bordered", "gray"]] != 0).any(axis=1)
    unseen = pairs[["earlier_left", "earlier_right"]].isna().any(axis=1)
    return np.asarray((pairs["kind"] == Kind.NEAR) & ~edited & unseen, bool)


def _look(path: Path, quality: float, max_pixels: int) -> _Look:
    try:
        picture = open_picture(path, max_pixels=max_pixels)
    except UnreadableImage:
        return _Look(0.0, traces.power(traces.NO_TILES))
    earlier = traces.earlier_quality(picture, quality)
    return _Look(float(np.nan_to_num(earlier)), traces.power(traces.tiles(picture)))


def _enlarged(pairs: pd.DataFrame, left: NDArray[np.float16], right: NDArray[np.float16]) -> NDArray[np.int8]:
    """Which side of each pair was enlarged from the other: -1 left, +1 right, 0 neither."""
    scale, stretch = pairs["scale"].to_numpy(np.float64), pairs["stretch"].to_numpy(np.float64)
    alike = (pairs[["seen_left", "seen_right"]] >= WHOLE).all(axis=1) & (pairs["rotation"].abs() <= LEVEL_DEGREES)
    alike &= np.maximum(stretch, 1 / stretch) <= STRETCHED
    grown = scale > 1
    small, large = (np.where(grown[:, None], *sides) for sides in ((left, right), (right, left)))
    made = traces.enlarged(small, large, np.where(grown, scale, 1 / scale)) & alike.to_numpy()
    return np.where(made, np.where(grown, 1, -1), 0).astype(np.int8)
