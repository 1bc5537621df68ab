"""Colour: how much of it there is, and which."""

from __future__ import annotations

import numpy as np

from dedup.images.metrics.sample import Metric, Sample

MINIMUM_CHROMA = 26
"""A tenth of the range of a channel: pixels with less are gray to the eye and count for no colour."""


def saturation(sample: Sample) -> float:
    """Mean chroma over all pixels divided by 255: 0 gray, 1 pure colour everywhere.

    Chroma (largest minus smallest channel) instead of HSV saturation, so that nearly black pixels do not count as
    colourful.
    """
    return float(sample.chroma.mean()) / 255


def _share_led_by(sample: Sample, channel: int) -> float:
    leads = (sample.channels[channel] == sample.highest) & (sample.chroma >= MINIMUM_CHROMA)
    return float(np.count_nonzero(leads)) / float(leads.size)


def red(sample: Sample) -> float:
    """Share of pixels led by red with visible chroma: hue within 60° of red. 0 to 1; flat gray has none."""
    return _share_led_by(sample, 0)


def green(sample: Sample) -> float:
    """Share of pixels led by green with visible chroma: hue within 60° of green. 0 to 1; flat gray has none."""
    return _share_led_by(sample, 1)


def blue(sample: Sample) -> float:
    """Share of pixels led by blue with visible chroma: hue within 60° of blue. 0 to 1; flat gray has none."""
    return _share_led_by(sample, 2)


_SHARE_HELP = "Share of pixels whose strongest channel is {} and whose chroma is a tenth of the range or more: 0 to 1."

SATURATION = Metric(
    "saturation",
    "Saturation",
    "Mean chroma (largest − smallest channel) ÷ 255: 0 gray, 1 pure colour everywhere.",
    saturation,
)
RED = Metric("red", "Red values", _SHARE_HELP.format("red"), red)
GREEN = Metric("green", "Green values", _SHARE_HELP.format("green"), green)
BLUE = Metric("blue", "Blue values", _SHARE_HELP.format("blue"), blue)
