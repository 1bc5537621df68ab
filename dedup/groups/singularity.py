"""The image singularity score: how unlike every other image an image is, in [0, 1].

    0                redundant: an exact copy that is not the one to keep
    (0, 0.05]        near duplicate: 0.05 * distance / threshold, the verified distance to the nearest image
    (0.05, 1]        unique: 0.05 + 0.95 * (1 - exp(-(bits / 56)^2)), bits of 256 that differ from the nearest hash
    1                there is no other image

The curve is fixed (`model.SCORE_VERSION`), so scores mean the same in every dataset. 56 bits puts half an octave of
hash distance, where unrelated photographs begin, in the middle of the scale: 20 bits 0.16, 56 bits 0.65, 85 bits 0.91.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dedup.model import NEAR_SINGULARITY

CURVE_BITS = 56.0
SMALLEST_DISTANCE = 1e-4
"""A near duplicate is never 0, whatever its measured distance: 0 is for exact copies."""


def unique(bits: NDArray[np.integer]) -> NDArray[np.float64]:
    """Scores of unique images from Hamming bits (n,), 0..256; negative bits (no other image) score 1."""
    differing = np.maximum(bits.astype(np.float64), 1.0)  # above the near band even where the hashes agree
    score = NEAR_SINGULARITY + (1 - NEAR_SINGULARITY) * -np.expm1(-((differing / CURVE_BITS) ** 2))
    return np.where(bits < 0, 1.0, score)


def near(distance: NDArray[np.floating], threshold: float) -> NDArray[np.float64]:
    """Scores of near duplicates from verified distances (n,) in (0, threshold]."""
    return NEAR_SINGULARITY * np.maximum(distance.astype(np.float64), SMALLEST_DISTANCE) / threshold
