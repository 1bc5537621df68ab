"""Focus: fine detail and its loss. Both are measured on the small picture, so resolutions compare."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from dedup.images.metrics.sample import Metric, Sample

# The largest Laplacian of values in 0..255: one extreme pixel among four opposite ones.
LAPLACIAN_RANGE = 4 * 255
REBLUR = 9
"""Length in pixels of the strip that the blur metric blurs with, as in the paper."""
NARROWEST = 3
"""One of a single pixel blurs nothing."""
EVERY_LINE = 4
"""The blur metric looks at every fourth line: neighbouring ones say the same."""

Luma = NDArray[np.int16]


def sharpness(sample: Sample) -> float:
    """Root mean square of the 4-neighbour Laplacian of luma, divided by its largest value (1,020).

    0 is flat, photographs lie around 0.01 to 0.1, one-pixel checkerboards reach 1. The variance of the Laplacian is
    the focus measure of Pech-Pacheco et al., 2000.
    """
    luma = sample.luma
    if min(luma.shape) < 3:
        return 0.0
    middle = luma[1:-1:2]  # every second line: neighbouring ones say the same
    laplacian = luma[:-2:2, 1:-1] + luma[2::2, 1:-1] + middle[:, :-2] + middle[:, 2:]
    laplacian -= 4 * middle[:, 1:-1]
    flat = laplacian.ravel().astype(np.float32)
    return math.sqrt(float(flat @ flat) / flat.size) / LAPLACIAN_RANGE


def blur(sample: Sample) -> float:
    """How little pixel-to-pixel variation another blur takes away: 0 sharp, 1 blurred or flat.

    The no-reference perceptual blur metric of Crété-Roffet et al., 2007: the worse of the two directions. Along a side
    under 11 pixels nothing is told, and of a picture with no longer one the blur is as much narrower.
    """
    luma = sample.luma
    ways = [luma[::EVERY_LINE], np.ascontiguousarray(luma[:, ::EVERY_LINE].T)]
    longest = max(each.shape[1] for each in ways)
    width = min(REBLUR, (longest - 3) // 2 * 2 + 1)
    if width < NARROWEST:
        return 0.0 if np.ptp(luma) else 1.0
    return max(_kept_variation(each, width) for each in ways if each.shape[1] >= width + 2)


def _kept_variation(lines: Luma, width: int) -> float:
    """Share of the variation along lines that is left after a blur of `width`, odd; steps that grow count as kept.

    A box blur need not be carried out: its neighbouring values differ by what enters the box less what leaves it.
    """
    reach = width // 2
    before = np.abs(lines[:, reach + 1 : -reach] - lines[:, reach : -reach - 1])
    after = np.abs(lines[:, width:] - lines[:, :-width])
    total = int(before.sum(dtype=np.int64))
    kept = int(np.minimum(width * before, after).sum(dtype=np.int64))
    return kept / (width * total) if total else 1.0


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
