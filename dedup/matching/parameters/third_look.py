"""What a third look at drawn pictures, at their own pixels, needs to call them two.

Read off 14 kinds of drawings (screens of figures, tables, circuits, matrices, maps, notes, letters; November 2026): of
each 16 edits of 3 pictures, and 16 pairs of different ones.
"""

from __future__ import annotations

from dedup.matching.parameters.base import Parameter

THIRD_LOOK: dict[str, Parameter] = {
    "stands_still": Parameter(
        0.002, "sides",
        "Drawings of one size whose maps move nothing by more lie pixel on pixel.",
        "Half of one of 256 pixels: what a second look tells of copies that were not moved.",
    ),
    "sharpness": Parameter(
        1.25, "times",
        "Where the squares of all steps differ by more, one was blurred, or made smaller and larger again.",
        "JPEG at quality 10, noise and tones change them by less.",
    ),
    "stroke": Parameter(
        75.0, "gray levels",
        "A stroke that differs by more is another figure.",
        "Copies at JPEG quality 75 leave 23 at most, at 30 42, at 10 64, softened and reduced ones 57, in 16 colours "
        "87; other figures in small print 114 and more, another word 90.",
    ),
    "stroke_carried": Parameter(
        120.0, "gray levels",
        "The same of drawings of which one was cropped, bordered, mirrored or lies otherwise than it stands, once it "
        "is carried there.",
        "Of 1,500 copies of 40 kinds 7 leave more (lines of a pixel or two in borders); confusion matrices and tickets "
        "with other figures 140 and more, unless one is at half its size.",
    ),
    "stroke_photograph": Parameter(
        105.0, "gray levels",
        "The same in a photograph whose grain leaves a doubt.",
        "Copies at JPEG quality 10 leave 76 at most, watermarked ones 98; another size on the same pack 112 and more.",
    ),
    "patch_lossless": Parameter(
        12.0, "gray levels",
        "The same where both are saved without loss.",
        "Of such copies only those that were a JPEG before leave more than 4, up to 11 at quality 75; cells of "
        "matrices and maps are as little as 16 apart.",
    ),
    "clean_quality": Parameter(
        30, "JPEG quality",
        "Of a JPEG of less patches are not compared.",
        "At quality 10 what was saved leaves 25 gray levels in a patch, at 30 16.",
    ),
    "patch": Parameter(
        18.0, "gray levels",
        "A patch of which any colour channel differs by more is a cell with another value, unless the colours of the "
        "whole were changed.",
        "Copies at JPEG quality 75 leave 11 at most, at 30 16, toned ones 14; matrices and maps with other values 20 "
        "and more.",
    ),
}  # fmt: skip
