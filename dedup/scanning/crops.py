"""Copies of which one shows less: cut to size, or a part of something else.

A look at the whole knows scenes. It takes the page, the screen or the collage that a picture was set into for more of
its scene, so that the picture would be a crop and go for a screenshot of itself. The files of such pairs are read once
more: a scene goes on where a crop ends, a picture that was set in ends with an edge. Of a crop that keeps too little
most is lost, however it was made; it is a part as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dedup.matching import parts, relations
from dedup.matching.columns import AFFINE, BY_THE_WHOLE, PAIR_COLUMNS
from dedup.matching.parameters import value
from dedup.matching.verdict import BEYOND, unjudged
from dedup.model import Kind
from dedup.scanning.portions import portions

Pictures = Callable[[Sequence[int]], Iterable[tuple[int, NDArray[np.uint8]]]]
"""Reads the files of rows and gives (row, picture (height, width, 3) of up to `detail.WHOLE_SIDE` pixels a side)."""

PICTURES = 96
"""Held at a time: 2 MB each."""
GONE = "a file could not be read again"


def are_crops(pairs: pd.DataFrame) -> pd.Series[bool]:
    """Which pairs are copies of which a look at the whole says that one is a crop of the other."""
    return (pairs["kind"] == Kind.NEAR) & (pairs["cropped"] != 0)


def apart(pairs: pd.DataFrame, asked: NDArray[np.intp], pictures: Pictures, executor: Executor) -> pd.DataFrame:
    """`pairs` of which those `asked` about that are crops are parts, where that is what they are."""
    crops = asked[are_crops(pairs).to_numpy()[asked]]
    small = pairs[["seen_left", "seen_right"]].min(axis=1).to_numpy()[crops] < value("part_of_copy")
    looked = crops[~small]
    found = np.array(_looks(pairs.iloc[looked], pictures, executor), object)
    failed = np.array([isinstance(each, str) for each in found], np.bool_)
    is_part = np.array([each is True for each in found], np.bool_)
    pairs = _as_parts(pairs, np.concatenate([crops[small], looked[is_part]]))
    for place, reason in zip(looked[failed].tolist(), found[failed].tolist(), strict=True):
        told = unjudged(reason)
        pairs.loc[pairs.index[place], list(told)] = list(told.values())
    return pairs.astype(PAIR_COLUMNS)


def _looks(pairs: pd.DataFrame, pictures: Pictures, executor: Executor) -> list[bool | str]:
    """Whether one of each pair was set into the other, or why that cannot be told."""
    sides, maps = pairs[["left", "right"]].to_numpy(np.int64), pairs[AFFINE].to_numpy(np.float64)
    told: list[bool | str] = []
    for some in portions(sides, PICTURES):
        held = dict(pictures(np.unique(sides[some]).tolist()))
        told += executor.map(partial(_look, held), sides[some].tolist(), maps[some])
    return told


def _look(held: Mapping[int, NDArray[np.uint8]], sides: Sequence[int], affine: NDArray[np.float64]) -> bool | str:
    """Whatever happens inside costs this pair only."""
    left, right = sides
    if left not in held or right not in held:
        return GONE
    try:
        return parts.is_set_in(held[left], held[right], affine)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def _as_parts(pairs: pd.DataFrame, places: NDArray[np.intp]) -> pd.DataFrame:
    """`pairs` of which those at `places` are parts of each other."""
    if not len(places):
        return pairs
    rows = pairs.index[places]
    some = pairs.loc[rows].assign(
        kind=Kind.CONTAINS.value, note=relations.A_PART, distance=BEYOND, derived=0, overlaid=0
    )
    some = some.assign(details=BY_THE_WHOLE).astype(PAIR_COLUMNS)
    some["relations"] = relations.name({str(name): some[name].to_numpy() for name in some})
    return pd.concat([pairs.drop(rows), some]).loc[pairs.index]
