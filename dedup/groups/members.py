"""Who is in which group: rows of the frame, in the order in which people are shown them."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dedup.errors import UsageError
from dedup.model import Kind, Role


def members(frame: pd.DataFrame, numbers: Collection[int] | None = None) -> dict[int, list[int]]:
    """Rows of every group, or of those in `numbers`: the keeper, then exact copies, then near ones by distance."""
    group = frame["group"].to_numpy()
    rows = np.flatnonzero(group >= 0 if numbers is None else np.isin(group, list(numbers)) & (group >= 0))
    part = frame[["group", "role", "kind", "distance"]].iloc[rows]
    last_key_first = (
        rows,  # as paths are sorted
        part["distance"].fillna(1.0).to_numpy(),
        (part["kind"] != Kind.EXACT).to_numpy(),
        (part["role"] != Role.KEEPER).to_numpy(),
        part["group"].to_numpy(),
    )
    order = np.lexsort(last_key_first)
    found: dict[int, list[int]] = {}
    for row, number in zip(rows[order].tolist(), group[rows[order]].tolist(), strict=True):
        found.setdefault(number, []).append(row)
    return found


def members_of(frame: pd.DataFrame, number: int) -> list[int]:
    """Rows of one group, as `members` has them. Raises `UsageError` where there is none of this number."""
    found = members(frame, [number])
    if not found:
        raise UsageError(f"There is no group {number}; `duplicates` lists them.")
    return found[number]


def table(frame: pd.DataFrame, freed: NDArray[np.int64]) -> pd.DataFrame:
    """One row per group, most bytes to save first: group (its number), keeper (row), path, reason, images, exact, near
    (counts of its duplicates by kind) and bytes_saved when all duplicates go. `freed` (n,): bytes by row."""
    rows = np.flatnonzero(frame["group"].to_numpy() >= 0)
    grouped = frame[["group", "role", "kind", "path", "keeper_reason"]].iloc[rows].assign(row=rows, freed=freed[rows])
    kind = grouped["kind"].astype(object)
    grouped = grouped.assign(exact=(kind == Kind.EXACT).astype(int), near=(kind == Kind.NEAR).astype(int))
    duplicates = grouped[grouped["role"] == Role.DUPLICATE].groupby("group")
    kept = grouped[grouped["role"] == Role.KEEPER].set_index("group")
    told = pd.DataFrame(
        {
            "keeper": kept["row"],
            "path": kept["path"],
            "reason": kept["keeper_reason"],
            "images": grouped.groupby("group").size(),
            "exact": duplicates["exact"].sum(),
            "near": duplicates["near"].sum(),
            "bytes_saved": duplicates["freed"].sum(),
        }
    )
    return told.sort_values(["bytes_saved", "path"], ascending=[False, True]).reset_index(names="group")
