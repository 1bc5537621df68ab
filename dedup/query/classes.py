"""How many images have each class, split by another column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

Labels = tuple[str, ...]


def counted(classes: Iterable[Labels], others: Iterable[str], none: Labels = ()) -> Counter[tuple[str, str]]:
    """Images by class and what stands beside it; `none` stands for the classes of those without any. What is the same
    of many images is looked at once."""
    counts: Counter[tuple[str, str]] = Counter()
    for (names, other), images in Counter(zip(classes, others, strict=True)).items():
        counts.update({(name, other): images for name in names or none})
    return counts
