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
}  # fmt: skip
