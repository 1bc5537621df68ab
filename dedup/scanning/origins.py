"""What only the files' own pixels tell of near duplicates: which of two was made from the other, and whether two that
lie on each other as they stand are of one exposure at all.

Signatures are too small to show an enlargement, an earlier compression or grain (`traces`), so the files of such pairs,
and of these only, are read once more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dedup.images import traces
from dedup.images.traces import Look
from dedup.matching import alignment, notes, relations
from dedup.matching.columns import AFFINE, PAIR_COLUMNS, SIZES
from dedup.matching.parameters import value
from dedup.matching.verdict import BEYOND
from dedup.model import Kind
from dedup.store.directory import Results

Looks = Callable[[Sequence[int]], Iterable[tuple[int, Look]]]
"""Reads the files of rows and gives (row, what it tells)."""

STANDS = 0.004
"""The most by which a number of the map between two of one size differs from nothing done, so that their pixels lie on
each other."""
COMPRESSED = {relations.NEXT_TO_IDENTICAL, "recompressed", "other format", "overlaid"}
"""What may be said of two that nothing but compression sets apart, in most places."""
KNOWN = ("JPEG", "PNG", "BMP", "TIFF")
"""Formats whose loss is known, or that have none."""
RECOLOURED = [relations.ALLOWED.index(name) for name in (relations.EXCHANGED, relations.TURNED, relations.SOLARISED)]
"""What leaves no grain to compare: in places it is turned around."""
WHOLE = 0.97
"""Both pictures show at least this part of each other where their fine detail is compared."""
LEVEL_DEGREES = 1.0
"""A rotation by more has been interpolated, whatever else was done."""


def tell(results: Results, look: Looks) -> Results:
    """`results` with what the files of its near pairs tell that have not been looked at."""
    pairs = results.pairs.copy()
    asked = np.flatnonzero(_open(pairs))
    if not len(asked):
        return results
    rows, places = np.unique(pairs[["left", "right"]].to_numpy()[asked], return_inverse=True)
    told_of = dict(look(rows.tolist()))
    looks = [told_of.get(row, traces.NOTHING_TOLD) for row in rows.tolist()]
    left, right = places.reshape(-1, 2).T
    earlier, power = np.array([each.earlier for each in looks]), np.stack([each.power for each in looks])
    told = pairs.iloc[asked]
    side = _enlarged(told, power[left], power[right])
    pairs.loc[told.index, "derived"] = np.where(side != 0, side, told["derived"])
    pairs.loc[told.index, "earlier_left"], pairs.loc[told.index, "earlier_right"] = earlier[left], earlier[right]
    patches = [each.patches for each in looks]
    there = np.flatnonzero(_stand(told) & ~told["allowed"].isin(RECOLOURED))
    negative = (told["gain"] < 0).to_numpy()
    compressions = _compressions(results.images, told)
    apart = [
        _another_exposure(
            ~patches[left[place]] if negative[place] else patches[left[place]],
            patches[right[place]],
            compressions[place],
        )
        for place in there.tolist()
    ]
    moments = told.index[there[np.array(apart, bool)]]
    pairs.loc[moments, ["note", "kind"]] = notes.ANOTHER_MOMENT, Kind.SIMILAR.value
    pairs.loc[moments, "distance"] = np.maximum(pairs.loc[moments, "distance"], BEYOND)
    return replace(results, pairs=pairs.astype(PAIR_COLUMNS))


def _open(pairs: pd.DataFrame) -> NDArray[np.bool_]:
    """Near pairs that have not been looked at, and of which nothing else tells what was made from what, or of which
    grain can be compared."""
    edited = (pairs["overlaid"].abs() == 2) | (pairs[["cropped", "bordered", "gray"]] != 0).any(axis=1)
    unseen = pairs[["earlier_left", "earlier_right"]].isna().any(axis=1)
    return np.asarray((pairs["kind"] == Kind.NEAR) & (~edited | _stand(pairs)) & unseen, bool)


def _stand(pairs: pd.DataFrame) -> NDArray[np.bool_]:
    """Pairs of one size that lie on each other as they stand."""
    sizes = pairs[SIZES].to_numpy()
    moved = np.abs(pairs[AFFINE].to_numpy() - alignment.AS_IT_IS).max(axis=1, initial=0)
    return np.asarray((sizes[:, :2] == sizes[:, 2:]).all(axis=1) & (moved <= STANDS))


def _compressions(images: pd.DataFrame, pairs: pd.DataFrame) -> list[tuple[float, float] | None]:
    """The qualities of the JPEG compression of both sides, NaN without any; None where it is not known how both are
    compressed, on one grid of blocks, or where more was told of them."""
    known = (images["format"].isin(KNOWN) & (images["orientation"] == 1)).to_numpy(np.bool_)
    quality = images["jpeg_quality"].to_numpy(np.float64)
    left, right = pairs["left"].to_numpy(), pairs["right"].to_numpy()
    plain = [set(relations.split_names(str(names))) <= COMPRESSED for names in pairs["relations"]]
    both = zip(quality[left].tolist(), quality[right].tolist(), strict=True)
    told = (known[left] & known[right] & np.array(plain, bool)).tolist()
    return [each if is_told else None for each, is_told in zip(both, told, strict=True)]


def _another_exposure(one: NDArray[np.uint8], other: NDArray[np.uint8], qualities: tuple[float, float] | None) -> bool:
    """Whether both have grain, as much of it, and not the same; or, where nothing but compression at `qualities` was
    told of them, more is different than that explains, and either brought as much of it."""
    correlation, *grain = traces.exposure(one, other)
    low, high = min(grain), max(grain)
    if low < value("native_grain") or high > value("native_ratio") * low:
        return False
    if correlation < value("native_exposure"):
        return True
    if qualities is None:
        return False
    beyond, held = traces.beyond_compression(one, other, qualities)
    return beyond > value("beyond_compression") and abs(held - 0.5) <= value("either_brings")


def _enlarged(pairs: pd.DataFrame, left: NDArray[np.float16], right: NDArray[np.float16]) -> NDArray[np.int8]:
    """Which side of each pair was enlarged from the other: -1 left, +1 right, 0 neither."""
    scale, stretch = pairs["scale"].to_numpy(np.float64), pairs["stretch"].to_numpy(np.float64)
    alike = (pairs[["seen_left", "seen_right"]] >= WHOLE).all(axis=1) & (pairs["rotation"].abs() <= LEVEL_DEGREES)
    alike &= np.maximum(stretch, 1 / stretch) <= value("stretched")
    grown = scale > 1
    small, large = (np.where(grown[:, None], *sides) for sides in ((left, right), (right, left)))
    made = traces.enlarged(small, large, np.where(grown, scale, 1 / scale)) & alike.to_numpy()
    return np.where(made, np.where(grown, 1, -1), 0).astype(np.int8)
