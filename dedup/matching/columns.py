"""The columns of a pairs table: one entry says of each what it is, what it is of two equal pictures, and what becomes
of it when the two sides are exchanged.

A row says what the RIGHT image is relative to the LEFT one. Crops are fractions of the area; angles are in degrees,
counter-clockwise as seen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum


class Back(StrEnum):
    """What becomes of a column when left and right are exchanged."""

    SAME = "the same"
    NEGATED = "its negative"
    RECIPROCAL = "its reciprocal"
    SWAPPED = "that of the other side"
    CARRIED = "follows from the map or the tones, see `relations.invert`"


@dataclass(frozen=True, slots=True)
class Column:
    """A column's type, its `neutral` value (of two equal pictures), what it is `back` to front, and its meaning."""

    dtype: str
    neutral: float | str
    back: Back
    meaning: str


SAME, NEGATED, RECIPROCAL, SWAPPED, CARRIED = Back

COLUMNS: dict[str, Column] = {
    "left": Column("int32", 0, SWAPPED, "Row of the left image."),
    "right": Column("int32", 0, SWAPPED, "Row of the right image."),
    "kind": Column("str", "near", SAME, "exact, near, contains, similar or unjudged."),
    "distance": Column("float32", 0.0, SAME, "0 exact, up to 0.5 near by default, up to 1 similar; NaN unjudged."),
    "relations": Column("str", "", CARRIED, "Names of what lies between the two, joined by a bar."),
    "bits": Column("int16", 0, SAME, "Hamming distance of the hashes, 0..256, the least over eight orientations."),
    "correlation": Column("float32", 1.0, SAME, "Of the aligned pictures where they agree, -1..1."),
    "derived": Column("int8", 0, NEGATED, "Which is likelier made from the other: -1 left, +1 right, 0 cannot say."),
    "xx": Column("float32", 1.0, CARRIED, "The map: (x, y) of left appears in right at (xx x + xy y + x0, ..."),
    "xy": Column("float32", 0.0, CARRIED, "... yx x + yy y + y0), both as parts of the sides."),
    "x0": Column("float32", 0.0, CARRIED, "See `xx`."),
    "yx": Column("float32", 0.0, CARRIED, "See `xx`."),
    "yy": Column("float32", 1.0, CARRIED, "See `xx`."),
    "y0": Column("float32", 0.0, CARRIED, "See `xx`."),
    "left_width": Column("int32", 0, SWAPPED, "Upright pixels."),
    "left_height": Column("int32", 0, SWAPPED, "Upright pixels."),
    "right_width": Column("int32", 0, SWAPPED, "Upright pixels."),
    "right_height": Column("int32", 0, SWAPPED, "Upright pixels."),
    "left_bits": Column("int16", 0, SWAPPED, "Bits of a sample."),
    "right_bits": Column("int16", 0, SWAPPED, "Bits of a sample."),
    "left_frames": Column("int32", 0, SWAPPED, "Frames or pages."),
    "right_frames": Column("int32", 0, SWAPPED, "Frames or pages."),
    "left_alpha": Column("int8", 0, SWAPPED, "Transparency: 0 none; on 1 white, 2 black; 3 its colours are shown."),
    "right_alpha": Column("int8", 0, SWAPPED, "See `left_alpha`."),
    "orientation": Column("int8", 1, CARRIED, "EXIF's eight: 1 upright, 2 mirrored, 3 turned by 180, 4 flipped, ..."),
    "rotation": Column("float32", 0.0, CARRIED, "Degrees beyond the orientation, -45..45."),
    "scale": Column("float32", 1.0, RECIPROCAL, "Right pixels per left pixel."),
    "stretch": Column("float32", 1.0, CARRIED, "Horizontal over vertical scale, before any quarter turn."),
    "seen_left": Column("float32", 1.0, SWAPPED, "Fraction of left's area that right shows."),
    "seen_right": Column("float32", 1.0, SWAPPED, "Fraction of right's area that left shows."),
    "cropped": Column("int8", 0, NEGATED, "Which side is a crop of the other: -1 left, +1 right, 0 neither."),
    "bordered": Column("int8", 0, NEGATED, "Which side has a uniform border around the other: -1, +1, 0."),
    "perspective": Column("float32", 0.0, SAME, "How far the perspective part moves a corner, in sides."),
    "gain": Column("float32", 1.0, RECIPROCAL, "Tones: right = gain x left + bias, in gray levels."),
    "bias": Column("float32", 0.0, CARRIED, "See `gain`."),
    "lightness": Column("float32", 0.0, NEGATED, "Mean gray level of right minus left's, where both show the same."),
    "saturation": Column("float32", 1.0, RECIPROCAL, "Colourfulness of right over that of left."),
    "tint": Column("float32", 0.0, SAME, "How far colours moved beyond saturation, in chroma levels, 0 and up."),
    "gray": Column("int8", 0, NEGATED, "Which side has lost its colour: -1, +1, 0."),
    "blur": Column("float32", 0.0, NEGATED, "Fine detail of right over that of left, log2: below 0 right is softer."),
    "grain": Column("float32", 0.0, NEGATED, "Noise of right minus noise of left, gray levels."),
    "recoded": Column("int8", 0, SAME, "2 another format, 1 another quality of one format, 0 cannot say."),
    "earlier_left": Column(
        "float32", 0.0, SWAPPED,
        "JPEG quality at which left was compressed before it became this file, 1..100; 0 none, NaN not looked at.",
    ),
    "earlier_right": Column("float32", 0.0, SWAPPED, "See `earlier_left`."),
    "overlaid": Column(
        "int8", 0, NEGATED,
        "Which side carries the part that disagrees: -2 left, +2 right; -1 and +1 there is one, on either side.",
    ),
    "box_left": Column("float32", math.nan, CARRIED, "That part, a box in left's coordinates; NaN without any."),
    "box_top": Column("float32", math.nan, CARRIED, "See `box_left`."),
    "box_right": Column("float32", math.nan, CARRIED, "See `box_left`."),
    "box_bottom": Column("float32", math.nan, CARRIED, "See `box_left`."),
    "unexplained": Column("float32", 0.0, SAME, "Of the structure's energy at a second look, 0..1; NaN without one."),
    "allowed": Column("int8", 0, SAME, "What the second look had to allow for, a place in `relations.ALLOWED`."),
    "details": Column(
        "int8", 0, SAME,
        "1 where keypoints tell that a part of either is the same, 2 where a look at the whole knew the pair, 3 where "
        "what is around a crop tells that it is a part, else 0.",
    ),
    "note": Column("str", "", SAME, "Why the two are alike and no copies, or could not be judged; empty for copies."),
}  # fmt: skip

PAIR_COLUMNS: dict[str, str] = {name: column.dtype for name, column in COLUMNS.items()}
"""Columns of a pairs table with their types."""

NEUTRAL: dict[str, float | str] = {name: column.neutral for name, column in COLUMNS.items()}
"""A row of two equal pictures, of which nothing is known but that."""

AFFINE = ["xx", "xy", "x0", "yx", "yy", "y0"]
SIZES = ["left_width", "left_height", "right_width", "right_height"]
BOX = ["box_left", "box_top", "box_right", "box_bottom"]


ANEW = 2
"""What `details` says of a pair that a look at the whole knew otherwise: a later scan looks at the whole again, for by
its parts it may not be found, or not the same."""
BY_THE_WHOLE = 3
"""What it says of one that a look at the whole knew for a crop, and what is around it for a part."""


def other_side(name: str) -> str:
    """The column that says of the other side what this one says of one."""
    return name.replace("left", "right") if "left" in name else name.replace("right", "left")
