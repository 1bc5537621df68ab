"""A metric: one number per image."""

from __future__ import annotations

import numpy as np

from dedup.images.metrics import Metric, Sample


def colourfulness(sample: Sample) -> float:
    """Hasler & Süsstrunk 2003: spread and mean of the opponent colours, 0 gray, about 1 a rainbow."""
    red, green, blue = (band.astype(np.float64) for band in sample.channels)
    across, along = red - green, (red + green) / 2 - blue
    spread, mean = np.hypot(across.std(), along.std()), np.hypot(across.mean(), along.mean())
    return float(spread + 0.3 * mean) / 255


COLOURFULNESS = Metric(
    "colourfulness",
    "Colourfulness",
    "Spread and mean of opponent colours ÷ 255 (Hasler & Süsstrunk 2003): 0 gray, about 1 a rainbow.",
    colourfulness,
)
