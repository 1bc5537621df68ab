"""What annotation files say an image shows, as numbers: how many objects, how large the boxes around them are."""

from __future__ import annotations

from dedup.images.metrics.sample import Metric

OBJECTS = Metric(
    "annotations",
    "Objects",
    "Annotations of the image, those of the whole picture too.",
    whole=True,
    optional=True,
)
SMALLEST = Metric(
    "smallest_object",
    "Smallest object",
    "Area of the smallest box ÷ area of the picture: 0 a speck, 1 all of it. Unknown without a box.",
    long_tailed=True,
    optional=True,
)
LARGEST = Metric(
    "largest_object",
    "Largest object",
    "Area of the largest box ÷ area of the picture: 0 a speck, 1 all of it. Unknown without a box.",
    long_tailed=True,
    optional=True,
)
CROWDS = Metric(
    "crowds",
    "Crowds",
    "Annotations that stand for many objects at once (COCO's iscrowd).",
    whole=True,
    optional=True,
)
