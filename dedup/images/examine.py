"""The work on one file, whole: decode once, measure, sign. Pure and picklable, the unit that engines distribute."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dedup.errors import UnreadableImage
from dedup.images import decode, metrics, signature
from dedup.model import Status

VERSIONS = {"metrics": str(metrics.VERSION), "signature": str(signature.VERSION)}
"""What a stored result depends on: results of other versions are computed again."""

FACTS: dict[str, type] = {
    "sha256": str, "pixels": str, "bytes": int, "mtime_ns": int, "format": str, "width": int, "height": int,
    "orientation": int, "captured_at": str, "camera": bool, "alpha": bool, "jpeg_quality": float, "lossless": bool,
    "status": str, "error": str, "transient": bool,
}  # fmt: skip
"""Column to type of what is kept of every file beside its metrics."""

FAILED_FACTS: dict[str, Any] = {name: kind() for name, kind in FACTS.items()} | {
    "orientation": 1,
    "jpeg_quality": math.nan,
    "status": Status.FAILED.value,
}
FAILED_METRICS = {metric.name: math.nan for metric in metrics.MEASURED}


@dataclass(frozen=True, slots=True)
class Examined:
    """One file's row (FACTS and measured metrics) and, when readable, its `signature.SIGNATURE` record as bytes."""

    row: dict[str, Any]
    signature: bytes | None


def examine(path: Path, *, max_pixels: int = decode.MAX_PIXELS) -> Examined:
    """Decode, measure and sign one file. Never raises: what cannot be read is a row with its reason."""
    try:
        return _examine(path, max_pixels)
    except UnreadableImage as error:
        return failure(path, str(error), transient=error.transient)


def failure(path: Path, reason: str, *, transient: bool = False) -> Examined:
    """The row of a file that could not be read."""
    try:
        stat = path.stat()
        known = {"bytes": stat.st_size, "mtime_ns": stat.st_mtime_ns}
    except OSError:
        known = {}
    return Examined(FAILED_FACTS | FAILED_METRICS | known | {"error": reason, "transient": transient}, None)


def _examine(path: Path, max_pixels: int) -> Examined:
    decoded = decode.read(path, max_pixels=max_pixels)
    small = decode.small_copy(decoded.picture)
    width, height = decoded.picture.size
    facts = {
        "sha256": decoded.sha256,
        "pixels": decoded.pixels,
        "bytes": decoded.bytes,
        "mtime_ns": decoded.mtime_ns,
        "format": decoded.format,
        "width": width,
        "height": height,
        "orientation": decoded.orientation,
        "captured_at": decoded.captured_at,
        "camera": decoded.camera,
        "alpha": decoded.alpha,
        "jpeg_quality": decoded.jpeg_quality,
        "lossless": decoded.lossless,
        "status": Status.OK.value,
        "error": "",
        "transient": False,
    }
    sample = metrics.Sample(small, width, height, decoded.bytes)
    record = signature.extract(small, sample.luma_image)
    return Examined(facts | metrics.measure(sample), record.tobytes())
