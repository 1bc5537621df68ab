"""The work on one file, whole: decode once, measure, sign. Pure and picklable, the unit that engines distribute."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from dedup.errors import UnreadableImage
from dedup.files import open_regular
from dedup.images import decode, metrics, signature
from dedup.images.formats import MAX_PIXELS
from dedup.model import Status

VERSIONS = {"metrics": str(metrics.VERSION), "signature": str(signature.VERSION)}
"""What a stored result depends on: results of other versions are computed again."""

FACTS: dict[str, type] = {
    "sha256": str, "bytes": int, "mtime_ns": int, "format": str, "width": int, "height": int, "orientation": int,
    "version": str, "captured_at": str, "camera": bool, "described": int, "extras": bool, "alpha": bool,
    "shown_on": str, "bits": int, "bands": int, "frames": int, "values": str, "jpeg_quality": float, "lossless": bool,
    "exact": bool, "status": str, "error": str, "transient": bool,
}  # fmt: skip
"""Column to type of what is kept of every file beside its metrics; see `decode.Decoded`. `version` is that of
`dedup.sources.Entry`, filled by who read it, "" for files in folders."""

_DECODED = tuple(each.name for each in fields(decode.Decoded) if each.name in FACTS)

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


def examine(path: Path, *, max_pixels: int = MAX_PIXELS) -> Examined:
    """Decode, measure and sign one file. Never raises: what cannot be read is a row with its reason."""
    try:
        return _examine(path, max_pixels)
    except UnreadableImage as error:
        return failure(path, str(error), transient=error.transient)


def failure(path: Path, reason: str, *, transient: bool = False) -> Examined:
    """The row of a file that could not be read as a picture; its bytes still tell whether another file has the same."""
    known: dict[str, Any] = {}
    try:
        stat = path.stat()
        known = {"bytes": stat.st_size, "mtime_ns": stat.st_mtime_ns}
        if stat.st_size and not transient:
            with open_regular(path) as stream:
                known["sha256"] = hashlib.file_digest(stream, "sha256").hexdigest()
    except (OSError, ValueError):
        pass  # what can be known of it is
    return Examined(FAILED_FACTS | FAILED_METRICS | known | {"error": reason, "transient": transient}, None)


def unreadable(reason: str, *, size: int = 0, mtime_ns: int = 0, transient: bool = True) -> Examined:
    """The row of what is no file at all, or none that can be had; unless told otherwise the next scan looks again."""
    known = {"bytes": size, "mtime_ns": mtime_ns, "error": reason, "transient": transient}
    return Examined(FAILED_FACTS | FAILED_METRICS | known, None)


def _examine(path: Path, max_pixels: int) -> Examined:
    decoded = decode.read(path, max_pixels=max_pixels)
    facts = {name: getattr(decoded, name) for name in _DECODED}
    facts |= {"version": "", "status": Status.OK.value, "error": "", "transient": False}
    sample = metrics.Sample(decoded.small, decoded.width, decoded.height, decoded.bytes, decoded.extent)
    record = signature.extract(sample, decoded.later or (), decoded.other)
    if decoded.later is None:
        record["later"] = signature.like_no_other(decoded.sha256)
    return Examined(facts | metrics.measure(sample), record.tobytes())
