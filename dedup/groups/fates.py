"""What becomes of copies: which of the decisions about them hold, and what they come to for every image."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dedup.model import Role
from dedup.query.selection import GOES, OPEN, STAYS
from dedup.store.decisions import DROP, KEEP

Stored = Mapping[tuple[str, str], str]
"""Path and sha256 of an image to the sha256 of the keeper it was decided about."""


def holding(frame: pd.DataFrame, decided: Mapping[str, Stored]) -> tuple[dict[int, str], set[int]]:
    """Row to `DROP` or `KEEP` of the duplicates decided about their present keeper, and rows decided about another one.

    `decided` holds the stored decisions of these kinds.
    """
    row_of = {path: row for row, path in enumerate(frame["path"])} if any(decided.values()) else {}
    hashes, role, keeper = (frame[name].to_numpy(object) for name in ("sha256", "role", "keeper"))
    fates, lapsed = {}, set()
    for kind, values in decided.items():
        for (path, sha256), keeper_hash in values.items():
            row = row_of.get(path, -1)
            if row < 0 or hashes[row] != sha256 or role[row] != Role.DUPLICATE:
                continue
            if hashes[keeper[row]] == keeper_hash:
                fates[row] = kind
            else:
                lapsed.add(row)
    return fates, lapsed


def outcomes(frame: pd.DataFrame, decided: Mapping[str, Stored], chosen: Collection[str]) -> NDArray[np.object_]:
    """`GOES`, `STAYS` or `OPEN` for every image, (n,). `chosen` are paths that a person chose to stay."""
    told = np.full(len(frame), OPEN, object)
    told[frame["path"].isin(chosen).to_numpy()] = STAYS
    fates, _ = holding(frame, decided)
    going = [row for row, kind in fates.items() if kind == DROP]
    told[frame["keeper"].to_numpy()[going]] = STAYS
    told[[row for row, kind in fates.items() if kind == KEEP]] = STAYS
    told[going] = GOES
    return told
