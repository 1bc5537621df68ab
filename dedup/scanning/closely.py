"""A third look at near duplicates that are drawn, and at photographs that lie on each other as they stand and whose
grain leaves a doubt: their files are read in full, to tell a copy from what has other figures in small print
(`matching.third_look`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dedup.matching import notes, second_look, third_look
from dedup.matching.parameters import value
from dedup.matching.second_look import Verdict
from dedup.scanning.portions import portions

Pixels = Callable[[Sequence[int]], Iterable[tuple[int, NDArray[np.uint8]]]]
"""Reads the files of rows and gives (row, picture (height, width, 3))."""

PICTURES = 32
"""Held at a time: up to 8 MB each."""
ROUNDED = 0.01
"""Sides in proportion but for this (log2): those of a smaller picture are whole numbers."""
UPRIGHT = 0.01
"""Sides by which a turn, a shear or a perspective of a map may move a corner: what was turned lost its finest lines."""
LOSSLESS = ("PNG", "BMP", "TIFF")
"""Formats of drawings that keep every value, as a rule."""
FEW_COLOURS = "GIF"
"""A format in which a patch may have to make do with another colour."""


def ask(
    pairs: pd.DataFrame, verdicts: Sequence[Verdict], images: pd.DataFrame, pixels: Pixels, executor: Executor
) -> list[Verdict]:
    """The verdicts on pairs, one each, where those of a second look have to be taken back."""
    told = list(verdicts)
    asked = [place for place, each in enumerate(verdicts) if (each.drawn or each.doubtful) and each.lies]
    if not asked:
        return told
    some = pairs.iloc[asked]
    still = np.array([_lies_still(verdicts[place]) for place in asked]) & _of_one_shape(some)
    carried = ~still & np.array([_may_be_carried(verdicts[place]) for place in asked]) & _of_one_ground(some)
    looked = still | carried
    places, some, still = np.array(asked)[looked], some[looked], still[looked]
    drawn = np.array([told[place].drawn for place in places.tolist()], np.bool_)
    patches = drawn & still
    sides, most = some[["left", "right"]].to_numpy(), np.where(patches, _most_in_a_patch(some, images), np.inf)
    strokes = np.where(still, np.where(drawn, value("stroke"), value("stroke_photograph")), value("stroke_carried"))
    for part in portions(sides, PICTURES):
        held = dict(pixels(np.unique(sides[part]).tolist()))
        before = [told[place] for place in places[part].tolist()]
        asked_of = still[part].tolist(), strokes[part].tolist(), most[part].tolist()
        looks = executor.map(partial(_look, held), sides[part].tolist(), *asked_of, before)
        for place, found in zip(places[part].tolist(), looks, strict=True):
            told[place] = found or told[place]
    return told


def _lies_still(verdict: Verdict) -> bool:
    return verdict.lies is not None and second_look.stands_still(verdict.lies.affine)


def _may_be_carried(verdict: Verdict) -> bool:
    """Whether a drawing lies on another cropped, bordered, stretched or mirrored alone, so that it can be carried
    there."""
    if verdict.lies is None or not verdict.drawn or verdict.allowed:
        return False
    return bool(max(*np.abs(verdict.lies.affine[[1, 3]]), verdict.lies.perspective) < UPRIGHT)


def _of_one_ground(pairs: pd.DataFrame) -> NDArray[np.bool_]:
    return np.asarray(pairs["left_alpha"] == pairs["right_alpha"])


def _of_one_shape(pairs: pd.DataFrame) -> NDArray[np.bool_]:
    """Pairs of which one has the pixels of the other, or so many of them to a pixel, and neither shows what is behind
    it."""
    one = pairs["left_width"].to_numpy(np.float64) * pairs["right_height"]
    other = pairs["right_width"].to_numpy(np.float64) * pairs["left_height"]
    return np.asarray((np.abs(np.log2(one / other)) < ROUNDED) & _of_one_ground(pairs))


def _most_in_a_patch(pairs: pd.DataFrame, images: pd.DataFrame) -> NDArray[np.float64]:
    """By how many gray levels a patch of copies may differ, (m,)."""
    changed = (pairs["gray"] != 0) | (pairs["tint"] > value("tinted"))
    changed |= np.abs(np.log2(pairs["saturation"])) > value("coloured")
    free, lossless = changed.to_numpy(np.bool_), np.ones(len(pairs), np.bool_)
    for side in ("left", "right"):
        rows = images.iloc[pairs[side]]
        poor = (rows["format"] == FEW_COLOURS) | (rows["jpeg_quality"] < value("clean_quality"))
        free = free | poor.to_numpy(np.bool_)
        lossless &= rows["format"].isin(LOSSLESS).to_numpy(np.bool_)
    return np.where(free, np.inf, np.where(lossless, value("patch_lossless"), value("patch")))


def _look(
    held: dict[int, NDArray[np.uint8]], sides: Sequence[int], still: bool, stroke: float, most: float, before: Verdict
) -> Verdict | None:
    """The verdict on a pair where it is another than `before`; None also where it could not be looked at. What does not
    lie `still` is carried there first. Whatever happens inside costs this pair only."""
    left, right = (held.get(side) for side in sides)
    if left is None or right is None:
        return None
    try:
        if before.lies is not None and not still:
            left, right = third_look.carried(left, right, before.lies.affine)
            if not left.size:
                return None
        other = third_look.is_other(left, right, stroke, most)
    except Exception as error:
        return Verdict(f"{type(error).__name__}: {error}", judged=False)
    return Verdict(notes.SAME_TEMPLATE, before.unexplained) if other else None
