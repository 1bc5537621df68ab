"""Light: how bright a picture is and how far its tones spread."""

from __future__ import annotations

import math

import numpy as np

from dedup.images.metrics.sample import Metric, Sample

LEVELS = np.arange(256, dtype=np.float64)


def brightness(sample: Sample) -> float:
    """Mean ITU-R 601 luma divided by 255: 0 black, 1 white."""
    return float(sample.luma_histogram @ LEVELS) / 255


def contrast(sample: Sample) -> float:
    """Standard deviation of luma divided by 127.5 (RMS contrast, Peli 1990): 0 flat, 1 half black and half white."""
    mean = sample.luma_histogram @ LEVELS
    variance = float(sample.luma_histogram @ (LEVELS - mean) ** 2)
    return math.sqrt(max(variance, 0.0)) / 127.5


BRIGHTNESS = Metric("brightness", "Brightness", "Mean luma (ITU-R 601) ÷ 255: 0 black, 1 white.", brightness)
CONTRAST = Metric(
    "contrast",
    "Contrast",
    "Standard deviation of luma ÷ 127.5 (RMS contrast, Peli 1990): 0 flat, 1 half black and half white.",
    contrast,
)
