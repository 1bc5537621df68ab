"""How the pixels that a file stores are shown, where EXIF turns or mirrors a picture (EXIF 2.32, Orientation)."""

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


STEPS: dict[int, tuple[bool, bool, bool]] = {
    1: (False, False, False),
    2: (False, True, False),
    3: (False, True, True),
    4: (False, False, True),
    5: (True, False, False),
    6: (True, True, False),
    7: (True, True, True),
    8: (True, False, True),
}
"""By EXIF orientation, how a stored picture becomes upright: whether rows and columns change places, and whether then
left and right, and top and bottom, do."""


@dataclass(frozen=True, slots=True)
class Turn:
    """How the stored pixels of an image become upright: its EXIF orientation, 1 to 8, and its stored size."""

    orientation: int
    width: float
    height: float

    @property
    def up(self) -> Move:
        """From stored pixels to upright ones."""
        return Move(self.upright, self._mask_upright)

    @property
    def back(self) -> Move:
        """From upright pixels to stored ones."""
        return Move(self.stored, self._mask_stored)

    @property
    def swaps(self) -> bool:
        """Whether width and height change places."""
        return STEPS[self.orientation][0]

    def upright(self, x: float, y: float) -> Point:
        """Where a stored point is shown."""
        swapped, mirrored, flipped = STEPS[self.orientation]
        x, y, width, height = (y, x, self.height, self.width) if swapped else (x, y, self.width, self.height)
        return width - x if mirrored else x, height - y if flipped else y

    def stored(self, x: float, y: float) -> Point:
        """Where a point that is shown is stored."""
        swapped, mirrored, flipped = STEPS[self.orientation]
        width, height = (self.height, self.width) if swapped else (self.width, self.height)
        x, y = width - x if mirrored else x, height - y if flipped else y
        return (y, x) if swapped else (x, y)

    def _mask_upright(self, mask: Mask) -> Mask:
        swapped, mirrored, flipped = STEPS[self.orientation]
        return _flipped(mask.T if swapped else mask, mirrored, flipped)

    def _mask_stored(self, mask: Mask) -> Mask:
        swapped, mirrored, flipped = STEPS[self.orientation]
        mask = _flipped(mask, mirrored, flipped)
        return mask.T if swapped else mask


def _flipped(mask: Mask, mirrored: bool, flipped: bool) -> Mask:
    return mask[:: -1 if flipped else 1, :: -1 if mirrored else 1]
