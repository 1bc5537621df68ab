"""What was done to one image to get the other: typed parameters of a pair, their names, and one readable sentence.

A row of a pairs table says what the RIGHT image is relative to the LEFT one. The geometry is one affine map from left
to right in normalised coordinates: a picture is the unit square, x to the right and y down. Orientation, rotation,
crop and scale are all read off that map (`geometry.read_off`), so they cannot contradict each other.

Angles are in degrees, counter-clockwise as seen (Pillow's way). Crops are fractions of the area.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dedup.matching import geometry
from dedup.model import Kind

PAIR_COLUMNS: dict[str, str] = {
    "left": "int32",
    "right": "int32",
    "kind": "str",  # exact, near or similar
    "distance": "float32",  # 0 exact, up to 0.5 near by default, up to 1 similar
    "relations": "str",  # names from NAMES, joined by |
    "bits": "int16",  # Hamming distance of the hashes, 0..256, the least over eight orientations
    "correlation": "float32",  # of the aligned pictures where they agree, -1..1
    "derived": "int8",  # which is likelier made from the other: -1 left, +1 right, 0 cannot say
    # geometry: (x, y) of left appears in right at (xx x + xy y + x0, yx x + yy y + y0)
    "xx": "float32",
    "xy": "float32",
    "x0": "float32",
    "yx": "float32",
    "yy": "float32",
    "y0": "float32",
    "left_width": "int32",
    "left_height": "int32",
    "right_width": "int32",
    "right_height": "int32",
    # what each side keeps: bits of a sample, frames or pages, transparency (a number of `ALPHA`, 0 for none)
    "left_bits": "int16",
    "right_bits": "int16",
    "left_frames": "int32",
    "right_frames": "int32",
    "left_alpha": "int8",
    "right_alpha": "int8",
    "orientation": "int8",  # EXIF's eight: 1 upright, 2 mirrored, 3 turned 180, 4 flipped, 6 and 8 turned ...
    "rotation": "float32",  # degrees beyond the orientation, -45..45
    "scale": "float32",  # right pixels per left pixel
    "stretch": "float32",  # change of aspect: horizontal over vertical scale, before any quarter turn
    "seen_left": "float32",  # fraction of left's area that right shows
    "seen_right": "float32",  # fraction of right's area that left shows
    "cropped": "int8",  # which side is a crop of the other: -1 left, +1 right, 0 neither
    "bordered": "int8",  # which side has a uniform border around the other: -1, +1, 0
    "perspective": "float32",  # how far the perspective part moves a corner, in sides
    # tones: right = gain * left + bias in gray levels
    "gain": "float32",
    "bias": "float32",
    "lightness": "float32",  # mean gray level of right minus that of left, where both show the same
    "saturation": "float32",  # colourfulness of right over that of left
    "tint": "float32",  # how far colours moved beyond saturation, in chroma levels, 0 and up
    "gray": "int8",  # which side has lost its colour: -1, +1, 0
    "blur": "float32",  # fine detail of right over that of left, log2: below 0 right is softer
    "grain": "float32",  # noise of right minus noise of left, gray levels
    "recoded": "int8",  # 2 another format, 1 another quality of one format, 0 cannot say
    "earlier_left": "float32",  # JPEG quality at which left was compressed before it became this file, 1..100;
    "earlier_right": "float32",  # 0 shows no earlier compression, NaN was not looked at
    # the part that disagrees, a box in left's coordinates (NaN without any), and which side carries it: -2 left, +2
    # right; -1 and +1 there is one, but on which side cannot be told
    "overlaid": "int8",
    "box_left": "float32",
    "box_top": "float32",
    "box_right": "float32",
    "box_bottom": "float32",
    "unexplained": "float32",  # of the structure's energy at a second look, 0..1; NaN for pairs that had none
    "allowed": "int8",  # what the second look had to allow for, a place in `ALLOWED`
    "note": "str",  # why the two are alike and no copies, or could not be judged; '' for copies
}
"""Columns of a pairs table with their types."""

UNEVENLY_LIT, BENT = "unevenly lit", "bent"
ALLOWED = ("", UNEVENLY_LIT, BENT)
"""What lies between two copies beside a map and a change of tones: light that changed by place, a lens or a fold."""

AFFINE = ["xx", "xy", "x0", "yx", "yy", "y0"]
SIZES = ["left_width", "left_height", "right_width", "right_height"]
BOX = ["box_left", "box_top", "box_right", "box_bottom"]

NAMES: tuple[str, ...] = (
    "identical file",
    "identical pixels",
    "next to identical",
    "other depth",
    "flattened",
    "other frames",
    "mirrored",
    "flipped",
    "turned 90",
    "turned 180",
    "turned 270",
    "transposed",
    "transversed",
    "rotated",
    "cropped",
    "bordered",
    "shifted",
    "perspective",
    "stretched",
    BENT,
    "resized",
    UNEVENLY_LIT,
    "brighter",
    "darker",
    "more contrast",
    "less contrast",
    "gray",
    "colour changed",
    "blurred",
    "sharpened",
    "noisy",
    "overlaid",
    "recompressed",
    "other format",
)
"""Every relation name. A name says what kind of edit lies between the two, whichever of them was edited."""

IDENTICAL_FILE, IDENTICAL_PIXELS = NAMES[:2]

ALPHA = {"": 3, "white": 1, "black": 2}
"""What a transparent picture stands on when it is shown, as a number; '' where its colours are shown instead."""

ORIENTATION_NAMES = {
    2: "mirrored",
    3: "turned 180",
    4: "flipped",
    5: "transposed",
    6: "turned 270",
    7: "transversed",
    8: "turned 90",
}
_INVERSE_ORIENTATION = np.array([0, 1, 2, 3, 4, 5, 8, 7, 6], np.int8)

# Smallest changes that are named.
ROTATED_DEGREES = 0.6
CROPPED_AREA = 0.985
STRETCHED = 1.03
RESIZED = 1.02
PERSPECTIVE = 0.0075
PRECISE_SIDE, PRECISION = 48, 0.5
"""Under so many pixels a side a map is known no better than to this part of a pixel: what may be doubt is not named."""
LIGHTER = 6.0
BLURRED = 0.35
NOISY = 0.45


@dataclass(frozen=True, slots=True)
class Relation:
    """What the right image of a pair is relative to the left; every field is a column of `PAIR_COLUMNS`."""

    values: Mapping[str, Any]

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Relation:
        """From one row of a pairs table (a mapping of column names, as `frame.iloc[i]` is)."""
        return cls({column: row[column] for column in PAIR_COLUMNS})

    @property
    def names(self) -> tuple[str, ...]:
        """The relation's names, from `NAMES`."""
        return tuple(name for name in str(self.values["relations"]).split("|") if name)

    def sentence(self) -> str:
        """For people, such as "mirrored, cropped to 82 %, recompressed"."""
        if self.values["kind"] == Kind.UNJUDGED:
            return f"could not be judged ({self.values['note']})"
        if self.values["note"]:
            return str(self.values["note"])
        return ", ".join(_phrase(name, self.values) for name in self.names)

    def inverse(self) -> Relation:
        """The same pair with its sides exchanged."""
        frame = invert(pd.DataFrame([dict(self.values)]).astype(PAIR_COLUMNS))
        return Relation.from_row({str(name): value for name, value in frame.iloc[0].items()})

    def affine(self) -> NDArray[np.float64]:
        """The 2 x 3 map from left to right pixels, see `geometry.pixel_affine`."""
        return geometry.pixel_affine(self.values)


def describe(pairs: pd.DataFrame) -> list[str]:
    """One sentence a row: what the right image is relative to the left."""
    return [Relation(cast("Mapping[str, Any]", row)).sentence() for row in pairs.to_dict("records")]


# --- the other side ---------------------------------------------------------------------------------------------------

_SWAPPED = {
    "left": "right",
    "left_width": "right_width",
    "left_height": "right_height",
    "left_bits": "right_bits",
    "left_frames": "right_frames",
    "left_alpha": "right_alpha",
    "seen_left": "seen_right",
    "earlier_left": "earlier_right",
}
_NEGATED = ("derived", "cropped", "bordered", "gray", "blur", "grain", "overlaid", "lightness")
_SWAPPED_NAMES = {
    "brighter": "darker",
    "more contrast": "less contrast",
    "blurred": "sharpened",
    "turned 90": "turned 270",
}
_OTHER_NAME = _SWAPPED_NAMES | {there: here for here, there in _SWAPPED_NAMES.items()}


def invert(pairs: pd.DataFrame) -> pd.DataFrame:
    """The same pairs with left and right exchanged (so left may then be the greater row number)."""
    back = pairs.copy()
    for here, there in _SWAPPED.items():
        back[here], back[there] = pairs[there], pairs[here]
    for column in _NEGATED:
        back[column] = -pairs[column]
    affine = geometry.invert_affine(pairs[AFFINE].to_numpy())
    back[AFFINE] = affine.astype(np.float32)
    back[BOX] = geometry.carry_boxes(pairs[BOX].to_numpy(np.float64), pairs[AFFINE].to_numpy(np.float64)).astype(
        np.float32
    )
    gain = pairs["gain"].to_numpy(np.float64)
    back["gain"] = 1 / gain
    back["bias"] = -pairs["bias"] / gain
    back["saturation"] = 1 / pairs["saturation"]
    back["scale"] = 1 / pairs["scale"]
    orientation = pairs["orientation"].to_numpy()
    back["orientation"] = _INVERSE_ORIENTATION[orientation]
    mirrored = np.isin(orientation, (2, 4, 5, 7))
    back["rotation"] = np.where(mirrored, pairs["rotation"], -pairs["rotation"])
    quarter = orientation >= 5
    back["stretch"] = np.where(quarter, pairs["stretch"], 1 / pairs["stretch"])
    back["relations"] = [
        "|".join(_OTHER_NAME.get(name, name) for name in str(names).split("|")) for names in pairs["relations"]
    ]
    return back.astype(PAIR_COLUMNS)


def doubt(sizes: NDArray[np.integer]) -> NDArray[np.float64]:
    """By how much, in sides of the picture, maps between pictures of `sizes` (n, 4) may be wrong for want of pixels."""
    sides = np.sqrt(sizes.astype(np.float64).reshape(-1, 2, 2).prod(axis=2).min(axis=1))
    return np.asarray(np.maximum(PRECISION / np.maximum(sides, 1) - PRECISION / PRECISE_SIDE, 0))


# --- names ---------------------------------------------------------------------------------------------------------


def name(columns: Mapping[str, NDArray[Any]]) -> list[str]:
    """The names of what each row's parameters say, joined by |, in the order of `NAMES`."""
    c = {column: np.asarray(values) for column, values in columns.items()}
    tests: dict[str, NDArray[np.bool_]] = {
        word: c["orientation"] == orientation for orientation, word in ORIENTATION_NAMES.items()
    }
    common = np.minimum(c["seen_left"], c["seen_right"])
    unsure = doubt(np.stack([c[size] for size in SIZES], axis=1))
    contrast = np.log2(np.clip(c["gain"], 0.05, 20))
    # brightness multiplies, so it changes the contrast too: that is only named when a factor does not explain it
    factor = np.abs(c["bias"]) < 12
    resized = (c["left_width"] != c["right_width"]) | (c["left_height"] != c["right_height"])
    # moved on its canvas: what went out on one side is a border on the other
    shifted = (c["cropped"] == c["bordered"]) & (c["bordered"] != 0) & (np.abs(np.log2(c["scale"])) < 0.03)
    # where less is in common, detail and noise differ for other reasons
    slack = 3 * (1 - common)
    tests |= {
        "other depth": c["left_bits"] != c["right_bits"],
        "flattened": (c["left_alpha"] == 0) != (c["right_alpha"] == 0),
        "other frames": c["left_frames"] != c["right_frames"],
        "rotated": np.abs(c["rotation"]) > ROTATED_DEGREES + np.degrees(2 * unsure),
        "cropped": (c["cropped"] != 0) & ~shifted,
        "bordered": (c["bordered"] != 0) & ~shifted,
        "perspective": (c["perspective"] > PERSPECTIVE + unsure) & (common < 0.99),
        "shifted": shifted,
        "stretched": np.abs(np.log2(c["stretch"])) > np.log2(STRETCHED + 2 * unsure),
        "resized": resized & (np.abs(np.log2(c["scale"])) > np.log2(RESIZED)),
        "brighter": c["lightness"] > LIGHTER,
        "darker": c["lightness"] < -LIGHTER,
        "more contrast": (contrast > 0.12) & ~factor,
        "less contrast": (contrast < -0.12) & ~factor,
        "gray": c["gray"] != 0,
        "colour changed": (c["gray"] == 0) & (np.abs(np.log2(c["saturation"])) > 0.4) & factor | (c["tint"] > 12),
        "blurred": c["blur"] < -BLURRED - slack,
        "sharpened": c["blur"] > BLURRED + slack,
        "noisy": np.abs(c["grain"]) > NOISY + slack,
        "overlaid": c["overlaid"] != 0,
        UNEVENLY_LIT: c["allowed"] == ALLOWED.index(UNEVENLY_LIT),
        BENT: c["allowed"] == ALLOWED.index(BENT),
        "other format": c["recoded"] == 2,
    }
    tests["recompressed"] = c["recoded"] == 1
    tests["next to identical"] = ~np.logical_or.reduce(list(tests.values()))
    table = np.stack([tests.get(word, np.zeros(len(common), bool)) for word in NAMES], axis=1)
    return ["|".join(word for word, said in zip(NAMES, row, strict=True) if said) for row in table.tolist()]


# --- words ------------------------------------------------------------------------------------------------------------


def _percent(fraction: float) -> str:
    return f"{100 * float(fraction):.0f} %"


def _cropped(row: Mapping[str, Any]) -> str:
    if row["cropped"] > 0:
        return f"cropped to {_percent(row['seen_left'])}"
    if row["cropped"] < 0:
        return f"uncropped (the other shows {_percent(row['seen_right'])} of it)"
    return f"cropped differently ({_percent(row['seen_right'])} in common)"


def _resized(row: Mapping[str, Any]) -> str:
    sizes = (row["left_width"], row["left_height"], row["right_width"], row["right_height"])
    return "resized from {}x{} to {}x{}".format(*(int(side) for side in sizes))


def _place(row: Mapping[str, Any]) -> str:
    """Where the overlay lies: "at the bottom right", from the middle of its box."""
    x, y = (row["box_left"] + row["box_right"]) / 2, (row["box_top"] + row["box_bottom"]) / 2
    if not np.isfinite(x + y):
        return ""
    words = [word for word in (_third(y, "top", "bottom"), _third(x, "left", "right")) if word]
    return " at the " + " ".join(words) if words else " in the middle"


def _third(value: float, low: str, high: str) -> str:
    return low if value < 1 / 3 else high if value > 2 / 3 else ""


def _either(column: str, right: str, left: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda row: left if row[column] < 0 else right


_PAPER = {number: f" on {name}" if name else "" for name, number in ALPHA.items()}


def _flattened(row: Mapping[str, Any]) -> str:
    if row["left_alpha"]:
        return f"transparency flattened{_PAPER[int(row['left_alpha'])]}"
    return f"transparent (the other is flattened{_PAPER[int(row['right_alpha'])]})"


def _frames(row: Mapping[str, Any]) -> str:
    left, right = int(row["left_frames"]), int(row["right_frames"])
    if right == 1:
        return f"first frame of {left}"
    return f"{right} frames (the other is the first of them)" if left == 1 else f"{left} frames to {right}"


_PHRASES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "other depth": lambda row: f"{int(row['left_bits'])} bits to {int(row['right_bits'])}",
    "flattened": _flattened,
    "other frames": _frames,
    "turned 90": lambda row: "turned 90°",
    "turned 180": lambda row: "turned 180°",
    "turned 270": lambda row: "turned 270°",
    "rotated": lambda row: f"rotated by {float(row['rotation']):.1f}°",
    "cropped": _cropped,
    "bordered": _either("bordered", "bordered", "without the border"),
    "resized": _resized,
    "gray": _either("gray", "gray", "in colour"),
    "noisy": _either("grain", "noisy", "less noisy"),
    "overlaid": lambda row: ("without the overlay" if row["overlaid"] == -2 else "overlaid") + _place(row),
}


def _phrase(name: str, row: Mapping[str, Any]) -> str:
    phrase = _PHRASES.get(name)
    return phrase(row) if phrase else name
