"""How the pixels that a file stores are shown, where EXIF turns a picture on its side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Move:
    """How points and masks (height, width) get from one way to lay out an image's pixels to the other."""

    point: Callable[[float, float], Point]
    mask: Callable[[Mask], Mask]


def _transposed(mask: Mask) -> Mask:
    return mask.T


def _transversed(mask: Mask) -> Mask:
    return mask[::-1, ::-1].T


def _clockwise(mask: Mask) -> Mask:
    return np.rot90(mask, -1)


MASKS: dict[int, tuple[Callable[[Mask], Mask], Callable[[Mask], Mask]]] = {
    5: (_transposed, _transposed),
    6: (_clockwise, np.rot90),
    7: (_transversed, _transversed),
    8: (np.rot90, _clockwise),
}
"""By EXIF orientation, how a mask becomes upright, and how it is stored again."""


@dataclass(frozen=True, slots=True)
class Turn:
    """How the stored pixels of an image become upright: its EXIF orientation, 5 to 8, and its stored size."""

    orientation: int
    width: float
    height: float

    @property
    def up(self) -> Move:
        """From stored pixels to upright ones."""
        return Move(self.upright, MASKS[self.orientation][0])

    @property
    def back(self) -> Move:
        """From upright pixels to stored ones."""
        return Move(self.stored, MASKS[self.orientation][1])

    def upright(self, x: float, y: float) -> Point:
        """Where a stored point is shown (EXIF 2.32, Orientation)."""
        across = self.height - y if self.orientation in (6, 7) else y
        down = self.width - x if self.orientation in (7, 8) else x
        return across, down

    def stored(self, x: float, y: float) -> Point:
        """Where a point that is shown is stored."""
        across = self.width - y if self.orientation in (7, 8) else y
        down = self.height - x if self.orientation in (6, 7) else x
        return across, down
