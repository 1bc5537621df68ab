"""Pairs in portions, so that no more than so many of their pictures are held at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


def portions(sides: NDArray[np.integer], pictures: int) -> Iterator[slice]:
    """Pairs (m, 2) of rows in portions about no more than so many pictures each."""
    start, involved = 0, set[int]()
    for place, (left, right) in enumerate(sides.tolist()):
        involved |= {left, right}
        if len(involved) > pictures:
            yield slice(start, place)
            start, involved = place, {left, right}
    if len(sides):
        yield slice(start, len(sides))
