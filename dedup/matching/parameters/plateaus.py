"""Between which values of a parameter nothing gets worse, as `benchmarks.calibrate --plateaus` prints it."""

from __future__ import annotations

PLATEAUS: dict[str, tuple[float, float]] = {}
