"""The smallest changes that are named."""

from __future__ import annotations

from dedup.matching.parameters.base import Parameter

ABOVE_CHANCE = "Above what resampling and another compression make of pictures that were not so edited."

NAMING: dict[str, Parameter] = {
    "rotated": Parameter(
        0.25, "degrees",
        "Rotated by more is named.",
        "Of 310 copies not so edited a second look tells one in a hundred to be by 0.09 degrees or more.",
    ),
    "cropped": Parameter(
        0.985, "fraction of the area",
        "Less seen is named cropped.",
        ABOVE_CHANCE,
    ),
    "stretched": Parameter(
        1.012, "times",
        "Another aspect by more is named.",
        "Of 310 copies not so edited a second look tells one in a hundred to be by 1.006 or more.",
    ),
    "resized": Parameter(
        1.02, "times",
        "Another size by more is named.",
        ABOVE_CHANCE,
    ),
    "perspective": Parameter(
        0.004, "sides",
        "A corner moved by more is named perspective ...",
        "Of 310 copies not so edited a second look tells one in a hundred to be by 0.0042 or more.",
    ),
    "all_seen": Parameter(
        0.99, "fraction of the area",
        "... where both see less of each other than this: else it is not told from a rotation.",
        ABOVE_CHANCE,
    ),
    "precise_side": Parameter(
        48, "pixels",
        "Under so many a side a map is known no better ...",
        ABOVE_CHANCE,
    ),
    "precision": Parameter(
        0.5, "pixels",
        "... than to this part of one, and what may be doubt is not named.",
        ABOVE_CHANCE,
    ),
    "lighter": Parameter(
        6.0, "gray levels",
        "Brighter or darker by more is named.",
        ABOVE_CHANCE,
    ),
    "contrasted": Parameter(
        0.12, "log2",
        "More or less contrast by more is named ...",
        ABOVE_CHANCE,
    ),
    "factor": Parameter(
        12.0, "gray levels",
        "... unless so little bias is left that a factor explains it: brightness multiplies, so it changes the "
        "contrast too.",
        ABOVE_CHANCE,
    ),
    "coloured": Parameter(
        0.4, "log2",
        "Colours changed in strength by more are named ...",
        ABOVE_CHANCE,
    ),
    "tinted": Parameter(
        12.0, "chroma levels",
        "... or moved by more.",
        ABOVE_CHANCE,
    ),
    "least_chroma": Parameter(
        1.0, "chroma levels",
        "Less chroma (root mean square) counts as so much where its strength is compared.",
        "Chroma is kept in whole levels: gray pictures with noise, or one level more of red, have up to 1.",
    ),
    "blurred": Parameter(
        0.35, "log2",
        "Fine detail that changed by more is named blurred or sharpened.",
        ABOVE_CHANCE,
    ),
    "noisy": Parameter(
        0.45, "gray levels",
        "Noise that changed by more is named.",
        ABOVE_CHANCE,
    ),
    "resampled": Parameter(
        1.8, "times",
        "Between two sizes noise that differs by less is what resampling makes of it.",
        "11 photographs at half and twice their size: 1.0 to 1.4 by averages, Lanczos and cubic kernels, 1.8 to 2.1 by "
        "linear ones, which soften as well.",
    ),
    "detail_slack": Parameter(
        3.0, "times",
        "Where less is in common, detail and noise must differ by so much more for all that is not: they differ for"
        " other reasons.",
        ABOVE_CHANCE,
    ),
    "unmoved": Parameter(
        0.03, "log2",
        "A picture whose part of its canvas changed by no more was not enlarged on it, but moved.",
        ABOVE_CHANCE,
    ),
}  # fmt: skip
