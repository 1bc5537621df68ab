"""Bulk decisions by rule: what each would do, counted before anything happens.

A rule looks at the duplicates of a frame and says which of them to drop, or which to tell apart from their keeper. It
decides nothing itself: the caller shows the counts and then makes one undoable step of it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dedup.groups.frame import below
from dedup.matching.relations import NEXT_TO_IDENTICAL, OF_FILES, ORIENTATION_NAMES
from dedup.model import Kind, Role

Mask = NDArray[np.bool_]

SAME_CONTENT = frozenset({NEXT_TO_IDENTICAL, *OF_FILES})
"""Relations that leave the picture's content as it was."""

MIRRORING = frozenset({"mirrored", "flipped", "transposed", "transversed"})


@dataclass(frozen=True, slots=True)
class Rule:
    """`keep` False: the duplicates it names are dropped; True: they are told apart from their keeper and stay.

    `relations` are the only ones a near duplicate may show to be dropped, or those of which it must show one to stay.
    """

    name: str
    title: str
    kind: Kind
    relations: frozenset[str]
    keep: bool = False


RULES = (
    Rule("exact", "Accept all suggestions for exact duplicates", Kind.EXACT, frozenset()),
    Rule("recompressed", "Accept all suggestions for recompressed and resized", Kind.NEAR, SAME_CONTENT),
    Rule("mirrored", "Keep mirrored copies", Kind.NEAR, MIRRORING, keep=True),
    Rule("turned", "Keep turned copies", Kind.NEAR, frozenset(ORIENTATION_NAMES.values()) - MIRRORING, keep=True),
)


@dataclass(frozen=True)
class Preview:
    """What a rule would do: rows to drop, couples (row, keeper's row) to tell apart, bytes saved, and how many rows
    it would have named but for the ones held back."""

    rule: Rule
    drop: tuple[int, ...]
    apart: tuple[tuple[int, int], ...]
    bytes: int
    held: int

    @property
    def count(self) -> int:
        """Images it decides."""
        return len(self.drop) + len(self.apart)


def previews(frame: pd.DataFrame, rules: Sequence[Rule] = RULES, hold: Collection[int] = ()) -> list[Preview]:
    """What each rule would do; rows of `hold` (protected folders, label clashes) are never named."""
    return [preview(frame, rule, hold) for rule in rules]


def preview(frame: pd.DataFrame, rule: Rule, hold: Collection[int] = ()) -> Preview:
    """What one rule would do. Keepers and images outside groups are never named."""
    named = np.flatnonzero(_named(frame, rule)).tolist()
    rows = [row for row in named if row not in hold]
    keeper = frame["nearest"].to_numpy()
    return Preview(
        rule=rule,
        drop=() if rule.keep else tuple(rows),
        apart=tuple((row, int(keeper[row])) for row in rows) if rule.keep else (),
        bytes=0 if rule.keep else int(frame["bytes"].to_numpy(np.int64)[rows].sum()),
        held=len(named) - len(rows),
    )


def protected(frame: pd.DataFrame, folders: Collection[str]) -> dict[int, str]:
    """Rows below protected folders with the reason: never suggested for removal."""
    return dict.fromkeys(np.flatnonzero(below(frame["path"], folders)).tolist(), "its folder is protected")


def _named(frame: pd.DataFrame, rule: Rule) -> Mask:
    duplicates = ((frame["role"] == Role.DUPLICATE) & (frame["kind"] == rule.kind)).to_numpy(np.bool_)
    if rule.kind == Kind.EXACT:
        return np.asarray(duplicates)
    shown = [frozenset(names) for names in frame["relations"]]
    if rule.keep:
        fits = [bool(names & rule.relations) for names in shown]
    else:
        fits = [bool(names) and names <= rule.relations for names in shown]
    return np.asarray(duplicates & np.array(fits, np.bool_))
