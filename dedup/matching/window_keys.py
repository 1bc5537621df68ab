"""Keys of the windows of pictures that were searched for: kept, the next search computes those of new pictures only.

A window is a part of a view and its key a perceptual hash (see `candidates`). They follow from a picture's signature
alone, so they are kept by content.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class WindowKeys:
    """Of m views: the `sha256` (m,) of their files, which view of the picture each is (`kind`, (m,) uint8: 0 the whole,
    1 inside its border, 2 more on a transparent picture's other tone) and the `keys` (m, windows, 2) uint64."""

    sha256: NDArray[np.object_]
    kind: NDArray[np.uint8]
    keys: NDArray[np.uint64]


class Kept(Protocol):
    """Where they are kept."""

    def __iter__(self) -> Iterator[WindowKeys]:
        """All that is kept, some thousand views at a time."""

    def add(self, found: WindowKeys) -> None:
        """Keep some more."""

    def clear(self) -> None:
        """Forget all."""
