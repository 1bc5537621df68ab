"""A look at what lies behind the first frames or pages of near duplicates that have several: documents of one cover,
and films of one title, are no copies of each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from dedup.images.detail import Detail
from dedup.matching import notes, second_look
from dedup.matching.columns import AFFINE
from dedup.matching.second_look import Verdict
from dedup.scanning.portions import portions

Frames = Callable[[Sequence[int]], Iterable[tuple[int, list[Detail]]]]
"""Reads the files of rows and gives (row, their frames after the first), as many of files with as many frames."""

FOLD = 2.0
"""What later frames leave unexplained is no other content up to so many times what the first ones do: they are made
smaller, or saved in fewer colours, all alike."""
FILES = 32
"""Held at a time: up to 3 MB each."""


def ask(
    pairs: pd.DataFrame, verdicts: Sequence[Verdict], images: pd.DataFrame, frames: Frames, executor: Executor
) -> list[Verdict]:
    """The verdicts on pairs, one each, where those on their first frames have to be taken back."""
    told = list(verdicts)
    counts = images["frames"].to_numpy()
    sides = pairs[["left", "right"]].to_numpy()
    alike = (counts[sides[:, 0]] == counts[sides[:, 1]]) & (counts[sides[:, 0]] > 1)
    places = np.flatnonzero(alike & np.array([verdict.lies is not None for verdict in verdicts], np.bool_))
    rows = pairs.iloc[places][[*AFFINE, *second_look.FIRST_LOOK]].to_dict("records")
    for part in portions(sides[places], FILES):
        held = dict(frames(np.unique(sides[places[part]]).tolist()))
        before = [told[place] for place in places[part].tolist()]
        looks = executor.map(partial(_look, held), sides[places[part]].tolist(), rows[part], before)
        for place, found in zip(places[part].tolist(), looks, strict=True):
            told[place] = found or told[place]
    return told


def _look(held: dict[int, list[Detail]], sides: Sequence[int], pair: dict[str, Any], before: Verdict) -> Verdict | None:
    """The verdict on a pair where it is another than `before`; None also where it could not be looked at. Whatever
    happens inside costs this pair only."""
    left, right = (held.get(side) for side in sides)
    if left is None or right is None:
        return None
    most = FOLD * before.unexplained
    try:
        for one, other in zip(left, right, strict=False):
            found = second_look.judge(one, other, pair, colourful=False)
            plain = found.difference in ("", notes.TOO_PLAIN)  # a blank page tells nothing
            if not plain and found.unexplained > most:
                return Verdict(notes.OTHER_FRAMES, found.unexplained)
    except Exception as error:
        return Verdict(f"{type(error).__name__}: {error}", judged=False)
    return None
