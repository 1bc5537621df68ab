"""Size and shape: what the file says of itself."""

from __future__ import annotations

from dedup.images.metrics.sample import Metric, Sample


def area(sample: Sample) -> float:
    """Width times height in pixels, 1 and up."""
    return float(sample.width * sample.height)


def aspect_ratio(sample: Sample) -> float:
    """Upright width divided by height: 1 is square, above 1 landscape."""
    return sample.width / sample.height


def bits_per_pixel(sample: Sample) -> float:
    """File size in bits divided by area: how much the picture is compressed. Above 0; 24 is raw RGB."""
    return 8 * sample.bytes / (sample.width * sample.height)


WIDTH = Metric("width", "Width", "Upright width in pixels.", whole=True, unit="px")
HEIGHT = Metric("height", "Height", "Upright height in pixels.", whole=True, unit="px")
BYTES = Metric("bytes", "File size", "Size of the file in bytes.", whole=True, unit="B", long_tailed=True)
AREA = Metric("area", "Area", "Width × height in pixels.", area, whole=True, unit="px", long_tailed=True)
ASPECT_RATIO = Metric(
    "aspect_ratio", "Aspect ratio", "Upright width ÷ height; 1 is square.", aspect_ratio, long_tailed=True
)
BITS_PER_PIXEL = Metric(
    "bits_per_pixel",
    "Bits per pixel",
    "File size in bits ÷ area: low means strongly compressed or plain, 24 is raw RGB.",
    bits_per_pixel,
    long_tailed=True,
)
