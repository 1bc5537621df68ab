"""What the files' own pixels need to tell that two of one size are of two exposures."""

from __future__ import annotations

from dedup.matching.parameters.base import Parameter

PIXELS: dict[str, Parameter] = {
    "native_grain": Parameter(
        0.8, "gray levels",
        "The same as grain, of pixels as they are in the files, inside JPEG's blocks.",
        "Rounding leaves 0.3.",
    ),
    "native_ratio": Parameter(
        1.25, "times",
        "Two exposures have equally much grain at the files' own pixels.",
        "Frames of a fixed camera differ by 1.08 at most.",
    ),
    "native_exposure": Parameter(
        0.06, "correlation",
        "Grain of the files' own pixels that agrees less than this is that of another exposure.",
        "Frames of a fixed camera 0.02 at most.",
    ),
    "beyond_compression": Parameter(
        0.1, "fraction of the frequencies",
        "Two with equal grain, of which nothing but compression is told, are two exposures where more is further apart "
        "than compression explains.",
        "Copies 0, but for those that were saved as WebP between (0.22) or made noisier unseen (0.17); frames of a "
        "fixed camera before a fine texture, with noise of 3 to 5 levels, 0.11 to 0.48.",
    ),
}  # fmt: skip
