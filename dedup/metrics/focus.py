"""Focus: fine detail and its loss. Both are measured on the small picture, so resolutions compare."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import ImageFilter

from dedup.metrics.sample import Metric, Sample

# The largest Laplacian of values in 0..255: one extreme pixel among four opposite ones.
LAPLACIAN_RANGE = 4 * 255
REBLUR_RADIUS = 4


def sharpness(sample: Sample) -> float:
    """Root mean square of the 4-neighbour Laplacian of luma, divided by its largest value (1,020).

    0 is flat, photographs lie around 0.01 to 0.1, one-pixel checkerboards reach 1. The variance of the Laplacian is
    the focus measure of Pech-Pacheco et al., 2000.
    """
    luma = sample.luma
    if min(luma.shape) < 3:
        return 0.0
    laplacian = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:]
    laplacian -= 4 * luma[1:-1, 1:-1]
    flat = laplacian.ravel()
    return math.sqrt(float(flat @ flat) / flat.size) / LAPLACIAN_RANGE


def blur(sample: Sample) -> float:
    """How little variation a 9-pixel box blur takes away: 0 sharp, 1 blurred (or flat).

    The no-reference perceptual blur metric of Crété-Roffet et al., 2007, with one square box instead of two strips.
    """
    luma = sample.luma
    if min(luma.shape) < 3:
        return 1.0
    blurred = np.asarray(sample.luma_image.filter(ImageFilter.BoxBlur(REBLUR_RADIUS)), np.float32)
    down = _kept_variation(luma[1:] - luma[:-1], blurred[1:] - blurred[:-1])
    across = _kept_variation(luma[:, 1:] - luma[:, :-1], blurred[:, 1:] - blurred[:, :-1])
    return max(down, across)


def _kept_variation(before: NDArray[np.float32], after: NDArray[np.float32]) -> float:
    """Share of the variation `before` that is still there `after`; steps that grew count as kept."""
    np.abs(before, out=before)
    np.abs(after, out=after)
    total = float(before.sum())
    np.minimum(before, after, out=after)
    return float(after.sum()) / total if total else 1.0


SHARPNESS = Metric(
    "sharpness",
    "Sharpness",
    "RMS of the Laplacian of luma at 256 px ÷ 1,020: 0 flat, photographs 0.01-0.1 (Pech-Pacheco et al., 2000).",
    sharpness,
)
BLUR = Metric(
    "blur",
    "Blur",
    "Share of pixel-to-pixel variation that another blur would not take away: 0 sharp, 1 blurred or flat "
    "(after Crété-Roffet et al., 2007).",
    blur,
)
