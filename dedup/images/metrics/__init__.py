"""One number per image. A new metric is one function in a family's file and one name in METRICS."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dedup import plugins
from dedup.images.metrics.annotation import CROWDS, LARGEST, OBJECTS, SMALLEST
from dedup.images.metrics.colour import BLUE, GREEN, RED, SATURATION
from dedup.images.metrics.focus import BLUR, SHARPNESS
from dedup.images.metrics.geometry import AREA, ASPECT_RATIO, BITS_PER_PIXEL, BYTES, HEIGHT, WIDTH
from dedup.images.metrics.information import ENTROPY, RANDOM, SEMANTIC, SINGULARITY
from dedup.images.metrics.light import BRIGHTNESS, CONTRAST
from dedup.images.metrics.sample import Metric, Sample
from dedup.model import FACTS, FOUND

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


def _guarded(metric: Metric) -> Metric:
    """A metric of another package, which is unknown where it fails: the image is as good as before."""
    work = metric.measure
    if work is None:
        return metric

    def measure(sample: Sample) -> float:
        try:
            return float(work(sample))
        except Exception as error:
            plugins.failed(plugins.METRICS, metric.name, error)
            return math.nan

    return replace(metric, measure=measure)


_OURS = (
    SINGULARITY,
    SEMANTIC,
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
    OBJECTS,
    SMALLEST,
    LARGEST,
    CROWDS,
    RANDOM,
)

_ELSEWHERE = ("decided", "tag", "tags", "class")
"""Names that mean something else where images are selected."""
_TAKEN = {*FACTS, *FOUND, *_ELSEWHERE, *(metric.name for metric in _OURS)}
ADDED = tuple(map(_guarded, plugins.added(plugins.METRICS, Metric, _TAKEN)))
"""Those of other packages."""
METRICS = (*_OURS, *ADDED)
"""Ours, and those of other packages."""

MEASURED = tuple(metric for metric in METRICS if metric.measure is not None)
"""Those computed from the picture while it is decoded."""

VERSION = ";".join(filter(None, ("2", plugins.versions(plugins.METRICS))))
"""Changes with the meaning of any measured metric, so that a rescan measures again."""


def measure(sample: Sample) -> dict[str, float]:
    """Every measured metric of one image, by name. NaN where one of another package fails."""
    return {metric.name: metric.measure(sample) for metric in MEASURED if metric.measure is not None}


def said(frame: pd.DataFrame) -> list[Metric]:
    """The metrics that say something of the images of a frame: the optional ones where some image has more than 0."""
    held = [metric for metric in METRICS if metric.name in frame]
    return [metric for metric in held if not metric.optional or (frame[metric.name].to_numpy() > 0).any()]


SIZES = ("width", "height")
"""Columns in which a file that cannot be read has 0, and no image has."""


def values(frame: pd.DataFrame, name: str) -> NDArray[np.float64]:
    """(n,) a column of a frame as numbers, NaN where none is known."""
    told = frame[name].to_numpy(np.float64)
    return np.where(told > 0, told, np.nan) if name in SIZES else told


def value(row: Mapping[str, Any], name: str) -> float:
    """The same of one row."""
    told = float(row.get(name, math.nan))
    return math.nan if name in SIZES and not told > 0 else told


__all__ = ["ADDED", "MEASURED", "METRICS", "VERSION", "Metric", "Sample", "measure", "said", "value", "values"]
