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
        0.03, "fraction of the frequencies",
        "Two with equal grain, of which nothing but compression is told, are two exposures where more is further apart "
        "than compression explains ...",
        "Copies 0, but for those that were saved as WebP or HEIF between (0.11 to 0.48) or made noisier unseen (0.04 "
        "to 0.22); frames of a fixed camera before a fine texture, with noise of 2 to 5 levels, 0.04 to 0.48.",
    ),
    "either_brings": Parameter(
        0.09, "fraction of what is",
        "... and of that either brought a half, give or take this: compression takes from the copy, noise is added to "
        "it.",
        "Frames saved alike 0.43 to 0.56; copies saved as WebP or HEIF between 0.6 and more, but for one in twenty, "
        "noisier ones 0.2 and less.",
    ),
}  # fmt: skip
