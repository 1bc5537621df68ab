"""Between which values of a parameter nothing gets worse, as `benchmarks.calibrate --plateaus` prints it."""

from __future__ import annotations

PLATEAUS: dict[str, tuple[float, float]] = {
    "agreement_at_limit": (0.445, 0.89),
    "overlay_cost": (0.025, 0.1),
    "change_cost": (0.2, 0.8),
    "many_blocks": (12.5, 50),
    "shot_cost": (0.35, 1.4),
    "most_disagreeing": (0.6, 1.2),
    "fewest_blocks": (4, 8),
    "flat_residual": (1.5, 3),
    "colour_miss": (10, 20),
    "colour_missed": (0.119, 0.34),
    "paper": (0.425, 1.7),
    "paper_cost": (1.5, 6),
}
"""Taken in November 2026, at 0.5, 0.7, 1.4 and 2 times the value in force, on 350 copies of photographs among 1,100 (by
the public edits, and by others of light and shape) and on 396 graphics of 14 kinds. The others were not taken.
"""
