"""One number per image. A new metric is one function in a family's file and one name in METRICS."""

from __future__ import annotations

from dedup.images.metrics.colour import BLUE, GREEN, RED, SATURATION
from dedup.images.metrics.focus import BLUR, SHARPNESS
from dedup.images.metrics.geometry import AREA, ASPECT_RATIO, BITS_PER_PIXEL, BYTES, HEIGHT, WIDTH
from dedup.images.metrics.information import ENTROPY, RANDOM, SINGULARITY
from dedup.images.metrics.light import BRIGHTNESS, CONTRAST
from dedup.images.metrics.sample import Metric, Sample

METRICS = (
    SINGULARITY,
    AREA,
    WIDTH,
    HEIGHT,
    ASPECT_RATIO,
    BYTES,
    BITS_PER_PIXEL,
    BRIGHTNESS,
    CONTRAST,
    SHARPNESS,
    BLUR,
    SATURATION,
    RED,
    GREEN,
    BLUE,
    ENTROPY,
    RANDOM,
)

MEASURED = tuple(metric for metric in METRICS if metric.measure is not None)
"""Those computed from the picture while it is decoded."""

VERSION = 2
"""Changes with the meaning of any measured metric, so that a rescan measures again."""


def measure(sample: Sample) -> dict[str, float]:
    """Every measured metric of one image, by name."""
    return {metric.name: metric.measure(sample) for metric in MEASURED if metric.measure is not None}


__all__ = ["MEASURED", "METRICS", "VERSION", "Metric", "Sample", "measure"]
