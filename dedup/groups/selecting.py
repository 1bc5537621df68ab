"""All but one of every group by one plain property, as people of duplicate finders are used to select copies."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dedup.model import Role

Order = Callable[[pd.DataFrame], list[NDArray[np.generic]]]

SPARED: dict[str, tuple[str, Order]] = {
    "best": ("best by keeper rules", lambda part: [(part["role"] != Role.KEEPER).to_numpy()]),
    "largest": (
        "largest",
        lambda part: [
            -(part["width"].to_numpy(np.int64) * part["height"]).to_numpy(),
            -part["bytes"].to_numpy(np.int64),
        ],
    ),
    "newest": ("newest", lambda part: [-part["mtime_ns"].to_numpy(np.int64)]),
    "oldest": ("oldest", lambda part: [part["mtime_ns"].to_numpy(np.int64)]),
    "folder": ("first by folder and name", lambda part: []),
}
"""By name which one of a group is spared: its title, and what is compared, the most telling first, the smallest wins.
Equal ones are told apart by their path, so that the choice is always the same."""


def all_but(frame: pd.DataFrame, name: str) -> NDArray[np.bool_]:
    """(n,) bool: the images of every group but the one that `SPARED[name]` names. `frame` needs group, role, width,
    height, bytes and mtime_ns, sorted by path. Raises `KeyError` for another name."""
    _, order = SPARED[name]
    rows = np.flatnonzero(frame["group"].to_numpy() >= 0)
    part = frame.iloc[rows]
    # lexsort takes the most telling key last; frames are sorted by path, so row numbers stand for it.
    ranked = np.lexsort((rows, *reversed(order(part)), part["group"].to_numpy()))
    groups = part["group"].to_numpy()[ranked]
    mask = np.zeros(len(frame), np.bool_)
    mask[rows[ranked[1:][groups[1:] == groups[:-1]]]] = True
    return mask
