"""Colours that mean the same everywhere: charts, badges, brackets and legends.

The hues are those of Okabe and Ito (2008, "Color Universal Design"), told apart with every common colour vision; each
has a shade for light pages and one for dark pages with a contrast of at least 3:1 to the page (WCAG 2.2, 1.4.11).
A colour never stands alone: a word or a symbol says the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from dedup.model import TAG_COLOURS, Kind, Role


@dataclass(frozen=True, slots=True)
class Colour:
    """One meaning as `#rrggbb` on light and on dark pages."""

    light: str
    dark: str


COLOURS: dict[str, Colour] = {
    Kind.EXACT: Colour("#c2410c", "#f2793a"),
    Kind.NEAR: Colour("#a86500", "#f0b323"),
    Kind.CONTAINS: Colour("#0f766e", "#5eead4"),
    Kind.SIMILAR: Colour("#2b8cc4", "#6cc4f5"),
    Kind.UNIQUE: Colour("#2f6690", "#7ea8cf"),
    Kind.FAILED: Colour("#6b7280", "#9aa3b0"),
    Kind.UNJUDGED: Colour("#6b7280", "#9aa3b0"),  # it failed, too
    Role.KEEPER: Colour("#00805e", "#2cc295"),
    "severe": Colour("#a3326b", "#ee93bd"),
    "moderate": Colour("#7b5ea7", "#b9a3e3"),
    "one": Colour("#3b5b8c", "#8fb3ea"),
    "other": Colour("#8a6d1f", "#d9b95c"),
}
"""By the value of `Kind`, `Role.KEEPER`, how far an outlier lies from the others, and which of two is compared."""
CLASSES, SEVERAL, NO_CLASS = TAG_COLOURS[:6], TAG_COLOURS[6], TAG_COLOURS[7]
"""Of classes, of what is of several, and of what has none; on light and dark pages and on pictures alike."""
SPLITS = {"train": "#0072b2", "val": "#e69f00", "test": "#cc79a7"}
"""On light and dark pages alike; other splits take the colours of tags in turn."""


def of_splits(names: Iterable[str]) -> dict[str, str]:
    """Split to its `#rrggbb`."""
    others = sorted({name for name in names if name and name not in SPLITS})
    free = [colour for colour in TAG_COLOURS if colour not in SPLITS.values()]
    return SPLITS | {name: free[place % len(free)] for place, name in enumerate(others)}


def of_classes(classes: pd.Series) -> dict[str, str]:
    """Class to its `#rrggbb`, the most frequent first, of the classes (tuples) of images; hues come again, for there
    are more classes than hues."""
    counts: Counter[str] = Counter()
    for names, images in Counter(classes).items():
        counts.update(dict.fromkeys(names, images))
    ranked = sorted(counts, key=lambda name: (-counts[name], name))
    return {name: CLASSES[place % len(CLASSES)] for place, name in enumerate(ranked)}


def colour(meaning: str, *, dark: bool = False) -> str:
    """The `#rrggbb` of a `Kind` or of `Role.KEEPER`. Raises `KeyError` for another word."""
    pair = COLOURS[meaning]
    return pair.dark if dark else pair.light
