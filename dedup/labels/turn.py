"""How the pixels that a file stores are shown, where EXIF turns a picture on its side."""

from __future__ import annotations

from dataclasses import dataclass

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Turn:
    """How the stored pixels of an image become upright: its EXIF orientation, 5 to 8, and its stored size."""

    orientation: int
    width: float
    height: float

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
