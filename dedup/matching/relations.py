"""What was done to one image to get the other: the names of a pair's parameters (`columns`), and one readable sentence.

A name says what kind of edit lies between the two, whichever of them was edited. One table, `NAMED`, holds what each
is said of, how it is said of the right image, and what it becomes when the sides are exchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dedup.matching import geometry
from dedup.matching.columns import AFFINE, BOX, COLUMNS, PAIR_COLUMNS, SIZES, Back, other_side
from dedup.matching.parameters import value
from dedup.model import Kind

Mask = NDArray[np.bool_]
Row = Mapping[str, Any]

UNEVENLY_LIT, BENT = "unevenly lit", "bent"
EXCHANGED, TURNED, SOLARISED = "channels exchanged", "hue turned", "solarised"
ALLOWED = ("", UNEVENLY_LIT, BENT, EXCHANGED, TURNED, SOLARISED)
"""What lies between two copies beside a map and a change of tones: light that changed by place, a lens or a fold, or a
change of all colours that none of tones explains."""

A_PART = "one shows a part of the other"
"""The note of pairs of which one is a part of the other: a picture of a collage, of a screenshot, or a small crop."""

IDENTICAL_FILE, IDENTICAL_PIXELS, NEXT_TO_IDENTICAL = "identical file", "identical pixels", "next to identical"
OTHERWISE = "otherwise changed"
"""Of copies that were found by their details: what is left over says that something changed which has no name here."""
OF_FILES = ("resized", "recompressed", "other format")
"""What changes the file and leaves its picture as it was."""

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


@dataclass(frozen=True, slots=True)
class Relation:
    """What the right image of a pair is relative to the left; every field is a column of `columns.COLUMNS`."""

    values: Mapping[str, Any]

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Relation:
        """From one row of a pairs table (a mapping of column names, as `frame.iloc[i]` is)."""
        return cls({column: row[column] for column in PAIR_COLUMNS})

    @property
    def names(self) -> tuple[str, ...]:
        """The relation's names, from `NAMES`."""
        return split_names(str(self.values["relations"]))

    def sentence(self) -> str:
        """For people, such as "mirrored, cropped to 82 %, recompressed"."""
        if self.values["kind"] == Kind.UNJUDGED:
            return f"could not be judged ({self.values['note']})"
        if self.values["note"] not in ("", A_PART):
            return str(self.values["note"])
        return ", ".join(_phrase(name, self.values) for name in self.names)

    def inverse(self) -> Relation:
        """The same pair with its sides exchanged."""
        frame = invert(pd.DataFrame([dict(self.values)]).astype(PAIR_COLUMNS))
        return Relation.from_row({str(name): value for name, value in frame.iloc[0].items()})

    def affine(self) -> NDArray[np.float64]:
        """The 2 x 3 map from left to right pixels, see `geometry.pixel_affine`."""
        return geometry.pixel_affine(self.values)


@lru_cache(maxsize=4096)
def split_names(joined: str) -> tuple[str, ...]:
    """The names of the column `relations`."""
    return tuple(name for name in joined.split("|") if name)


def told_and_back(pair: Row, row: int) -> tuple[Relation, Relation]:
    """What the other image of a pair is to that of `row`, and the way back."""
    relation = Relation.from_row(pair)
    return (relation, relation.inverse()) if pair["left"] == row else (relation.inverse(), relation)


def _phrase(word: str, row: Row) -> str:
    phrase = NAMED[word].phrase
    return phrase(row) if phrase else word


def describe(pairs: pd.DataFrame) -> list[str]:
    """One sentence a row: what the right image is relative to the left."""
    return [Relation(row).sentence() for row in records(pairs)]


def records(frame: pd.DataFrame) -> Iterator[Row]:
    """The rows as mappings of plain values. pandas' own way asks each value what it is, at five times the cost."""
    columns = _Columns(frame)
    return (_Record(columns, place) for place in range(len(frame)))


class _Columns(dict[str, list[Any]]):
    """The columns of a frame as lists of plain values, each made when it is first asked for."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame

    def __missing__(self, name: str) -> list[Any]:
        values: list[Any] = self.frame[name].tolist()
        self[name] = values
        return values


class _Record(Mapping[str, Any]):
    """One row of them: of a million, few columns of each are looked at."""

    __slots__ = ("columns", "place")

    def __init__(self, columns: _Columns, place: int) -> None:
        self.columns, self.place = columns, place

    def __getitem__(self, name: str) -> Any:
        return self.columns[name][self.place]

    def __iter__(self) -> Iterator[str]:
        return map(str, self.columns.frame.columns)

    def __len__(self) -> int:
        return len(self.columns.frame.columns)


def doubt(sizes: NDArray[np.integer]) -> NDArray[np.float64]:
    """By how much, in sides of the picture, maps between pictures of `sizes` (n, 4) may be wrong for want of pixels."""
    sides = np.sqrt(sizes.astype(np.float64).reshape(-1, 2, 2).prod(axis=2).min(axis=1))
    return np.asarray(
        np.maximum(value("precision") / np.maximum(sides, 1) - value("precision") / value("precise_side"), 0)
    )


# --- in words --------------------------------------------------------------------------------------------------------


def _percent(fraction: float) -> str:
    return f"{100 * float(fraction):.0f} %"


def _cropped(row: Row) -> str:
    if row["cropped"] > 0:
        return f"cropped to {_percent(row['seen_left'])}"
    if row["cropped"] < 0:
        return f"uncropped (the other shows {_percent(row['seen_right'])} of it)"
    return f"cropped differently ({_percent(row['seen_right'])} in common)"


def _part(row: Row) -> str:
    whole = "" if row["seen_right"] >= value("part_whole") else f" (of which {_percent(row['seen_right'])} are there)"
    return f"part of the other: {_percent(row['seen_left'])} of it{_where(row, into_right=False)}{whole}"


def _contains(row: Row) -> str:
    shown = "the other" if row["seen_left"] >= value("part_whole") else f"{_percent(row['seen_left'])} of the other"
    return f"contains {shown} on {_percent(row['seen_right'])} of its area{_where(row, into_right=True)}"


def _where(row: Row, *, into_right: bool) -> str:
    """Where the middle of the part lies on the side that contains it."""
    affine = np.array([row[name] for name in AFFINE], np.float64)
    there = affine if into_right else geometry.invert_affine(affine[None])[0]
    return _in_words(*geometry.carried([(0.5, 0.5)], there)[0])


def _resized(row: Row) -> str:
    sizes = (row["left_width"], row["left_height"], row["right_width"], row["right_height"])
    return "resized from {}x{} to {}x{}".format(*(int(side) for side in sizes))


def _place(row: Row) -> str:
    """Where the overlay lies: "at the bottom right", from the middle of its box."""
    return _in_words((row["box_left"] + row["box_right"]) / 2, (row["box_top"] + row["box_bottom"]) / 2)


def _in_words(x: float, y: float) -> str:
    if not np.isfinite(x + y):
        return ""
    words = [word for word in (_third(y, "top", "bottom"), _third(x, "left", "right")) if word]
    return " at the " + " ".join(words) if words else " in the middle"


def _third(value: float, low: str, high: str) -> str:
    return low if value < 1 / 3 else high if value > 2 / 3 else ""


def _either(column: str, right: str, left: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda row: left if row[column] < 0 else right


_PAPER = {number: f" on {name}" if name else "" for name, number in ALPHA.items()}


def _flattened(row: Row) -> str:
    if row["left_alpha"]:
        return f"transparency flattened{_PAPER[int(row['left_alpha'])]}"
    return f"transparent (the other is flattened{_PAPER[int(row['right_alpha'])]})"


def _frames(row: Row) -> str:
    left, right = int(row["left_frames"]), int(row["right_frames"])
    if right == 1:
        return f"first frame of {left}"
    return f"{right} frames (the other is the first of them)" if left == 1 else f"{left} frames to {right}"


# --- the table of names -----------------------------------------------------------------------------------------------


class Facts:
    """Columns of pairs, and what follows from several of them."""

    def __init__(self, columns: Mapping[str, Any]) -> None:
        self._columns = columns

    def __getitem__(self, column: str) -> NDArray[Any]:
        return np.asarray(self._columns[column])

    @cached_property
    def common(self) -> NDArray[np.float64]:
        """The part of either picture that both show, the lesser."""
        return np.asarray(np.minimum(self["seen_left"], self["seen_right"]))

    @cached_property
    def part(self) -> Mask:
        """Whether one is a part of the other."""
        return np.asarray(self["note"] == A_PART)

    @cached_property
    def unsure(self) -> NDArray[np.float64]:
        """See `doubt`."""
        return doubt(np.stack([self[size] for size in SIZES], axis=1))

    @cached_property
    def contrast(self) -> NDArray[np.float64]:
        """Of right over that of left, log2, where a factor does not explain it; else 0."""
        return np.where(self.multiplied, 0.0, np.log2(np.clip(np.abs(self["gain"]), 0.05, 20)))

    @cached_property
    def multiplied(self) -> Mask:
        """Whether tones changed by a factor."""
        return np.asarray(np.abs(self["bias"]) < value("factor"))

    @cached_property
    def coloured(self) -> Mask:
        """Whether colours changed in strength, and otherwise than the factor does that made all brighter or darker."""
        strength = np.log2(self["saturation"])
        named = np.abs(self["lightness"]) > value("lighter")
        factor = np.where(named, np.log2(np.clip(np.abs(self["gain"]), 0.05, 20)), 0.0)
        return np.asarray(np.minimum(np.abs(strength), np.abs(strength - factor)) > value("coloured"))

    @cached_property
    def shifted(self) -> Mask:
        """Whether a picture was moved on its canvas, whatever the size of that: what went out on one side is a border
        on the other."""
        moved = (self["cropped"] == self["bordered"]) & (self["bordered"] != 0)
        xx, xy, yx, yy = (self[name] for name in ("xx", "xy", "yx", "yy"))
        scale = np.sqrt(np.maximum(np.abs(xx * yy - xy * yx), 1e-9))
        return np.asarray(moved & (np.abs(np.log2(scale)) < value("unmoved")))

    @cached_property
    def slack(self) -> NDArray[np.float64]:
        """How much more detail and noise must differ where less is in common."""
        return value("detail_slack") * (1 - self.common)

    def least(self, name: str) -> NDArray[np.float64]:
        """What is `rotated`, `stretched` or of another `perspective` is so by more: keypoints tell a map no better than
        a first look does."""
        return np.where(self["details"] > 0, value(f"free_{name}"), value(name))

    def log2(self, column: str) -> NDArray[np.float64]:
        """How far a ratio is from 1, either way, as a power of two."""
        return np.asarray(np.abs(np.log2(self[column])))

    def differ(self, what: str) -> Mask:
        """Whether the two sides differ in `what`."""
        return np.asarray(self[f"left_{what}"] != self[f"right_{what}"])


@dataclass(frozen=True, slots=True)
class Named:
    """What stands behind a name: the pairs it is `said` of (None: not by their parameters), the `phrase` for people
    (None: the name itself), and its `opposite`, which is said with the sides exchanged ('': the same)."""

    said: Callable[[Facts], Mask] | None
    phrase: Callable[[Row], str] | None = None
    opposite: str = ""


def _oriented(word: str) -> Callable[[Facts], Mask]:
    orientation = next(number for number, name in ORIENTATION_NAMES.items() if name == word)
    return lambda pair: np.asarray(pair["orientation"] == orientation)


def _allowed(what: str) -> Callable[[Facts], Mask]:
    return lambda pair: np.asarray(pair["allowed"] == ALLOWED.index(what))


def _nonzero(column: str) -> Callable[[Facts], Mask]:
    return lambda pair: np.asarray(pair[column] != 0)


def _turned(degrees: int) -> Callable[[Row], str]:
    return lambda row: f"turned {degrees}°"


NAMED: dict[str, Named] = {
    "identical file": Named(None),
    "identical pixels": Named(None),
    "next to identical": Named(None),
    "part of the other": Named(lambda pair: pair.part & (pair["cropped"] > 0), _part, "contains the other"),
    "contains the other": Named(lambda pair: pair.part & (pair["cropped"] < 0), _contains, "part of the other"),
    "other depth": Named(
        lambda pair: pair.differ("bits"), lambda row: f"{int(row['left_bits'])} bits to {int(row['right_bits'])}"
    ),
    "flattened": Named(lambda pair: np.asarray((pair["left_alpha"] == 0) != (pair["right_alpha"] == 0)), _flattened),
    "other frames": Named(lambda pair: pair.differ("frames"), _frames),
    "mirrored": Named(_oriented("mirrored")),
    "flipped": Named(_oriented("flipped")),
    "turned 90": Named(_oriented("turned 90"), _turned(90), opposite="turned 270"),
    "turned 180": Named(_oriented("turned 180"), _turned(180)),
    "turned 270": Named(_oriented("turned 270"), _turned(270), opposite="turned 90"),
    "transposed": Named(_oriented("transposed")),
    "transversed": Named(_oriented("transversed")),
    "rotated": Named(
        lambda pair: np.asarray(np.abs(pair["rotation"]) > pair.least("rotated") + np.degrees(2 * pair.unsure)),
        lambda row: f"rotated by {float(row['rotation']):.1f}°",
    ),
    "cropped": Named(lambda pair: np.asarray((pair["cropped"] != 0) & ~pair.shifted & ~pair.part), _cropped),
    "bordered": Named(
        lambda pair: np.asarray((pair["bordered"] != 0) & ~pair.shifted),
        _either("bordered", "bordered", "without the border"),
    ),
    "shifted": Named(lambda pair: pair.shifted),
    "perspective": Named(
        lambda pair: np.asarray(
            (pair["perspective"] > pair.least("perspective") + pair.unsure) & (pair.common < value("all_seen"))
        )
    ),
    "stretched": Named(
        lambda pair: np.asarray(pair.log2("stretch") > np.log2(pair.least("stretched") + 2 * pair.unsure))
    ),
    BENT: Named(_allowed(BENT)),
    "resized": Named(
        lambda pair: (pair.differ("width") | pair.differ("height")) & (pair.log2("scale") > np.log2(value("resized"))),
        _resized,
    ),
    UNEVENLY_LIT: Named(_allowed(UNEVENLY_LIT)),
    "brighter": Named(lambda pair: np.asarray(pair["lightness"] > value("lighter")), opposite="darker"),
    "darker": Named(lambda pair: np.asarray(pair["lightness"] < -value("lighter")), opposite="brighter"),
    "more contrast": Named(lambda pair: np.asarray(pair.contrast > value("contrasted")), opposite="less contrast"),
    "less contrast": Named(lambda pair: np.asarray(pair.contrast < -value("contrasted")), opposite="more contrast"),
    "negative": Named(lambda pair: np.asarray((pair["gain"] < 0) & (pair["details"] > 0))),
    "gray": Named(_nonzero("gray"), _either("gray", "gray", "in colour")),
    EXCHANGED: Named(_allowed(EXCHANGED)),
    TURNED: Named(_allowed(TURNED)),
    SOLARISED: Named(_allowed(SOLARISED)),
    "colour changed": Named(
        lambda pair: np.asarray(
            (pair["gray"] == 0) & ((pair.coloured & pair.multiplied) | (pair["tint"] > value("tinted")))
        )
    ),
    "blurred": Named(lambda pair: np.asarray(pair["blur"] < -value("blurred") - pair.slack), opposite="sharpened"),
    "sharpened": Named(lambda pair: np.asarray(pair["blur"] > value("blurred") + pair.slack), opposite="blurred"),
    "noisy": Named(
        lambda pair: np.asarray(np.abs(pair["grain"]) > value("noisy") + pair.slack),
        _either("grain", "noisy", "less noisy"),
    ),
    "overlaid": Named(
        _nonzero("overlaid"),
        lambda row: ("without the overlay" if row["overlaid"] == -2 else "overlaid") + _place(row),
    ),
    OTHERWISE: Named(None),
    "recompressed": Named(lambda pair: np.asarray(pair["recoded"] == 1)),
    "other format": Named(lambda pair: np.asarray(pair["recoded"] == 2)),
}
"""Every relation's name, in the order in which they are said."""

NAMES: tuple[str, ...] = tuple(NAMED)


def name(columns: Mapping[str, Any]) -> list[str]:
    """The names of what each row's parameters say, joined by |, in the order of `NAMES`."""
    facts = Facts(columns)
    said = {word: each.said(facts) for word, each in NAMED.items() if each.said}
    told = np.logical_or.reduce([those for word, those in said.items() if word not in OF_FILES])
    said[OTHERWISE] = (facts["details"] > 0) & (facts["unexplained"] > value("part_otherwise")) & ~told
    said[NEXT_TO_IDENTICAL] = ~np.logical_or.reduce(list(said.values()))
    words = [word for word in NAMES if word in said]
    table = np.stack([said[word] for word in words], axis=1).tolist()
    return ["|".join(word for word, is_said in zip(words, row, strict=True) if is_said) for row in table]


def _opposites(names: str) -> str:
    """Joined names as they are with the sides exchanged."""
    return "|".join(NAMED[word].opposite or word if word else "" for word in names.split("|"))


# --- the other side ---------------------------------------------------------------------------------------------------


def turned(pairs: pd.DataFrame, some: NDArray[np.bool_]) -> pd.DataFrame:
    """`pairs`, of which `some` have left and right exchanged, in their order."""
    if not some.any():
        return pairs
    place = np.argsort(some, kind="stable")  # of each row of the two parts one after the other
    both: pd.DataFrame = pd.concat([pairs[~some], invert(pairs[some])]).iloc[np.argsort(place)]
    return both


def in_order(pairs: pd.DataFrame) -> pd.DataFrame:
    """`pairs` with left below right, in order."""
    pairs = turned(pairs, (pairs["left"] > pairs["right"]).to_numpy())
    sorted_ones: pd.DataFrame = pairs.sort_values(["left", "right"]).reset_index(drop=True).astype(PAIR_COLUMNS)
    return sorted_ones


def invert(pairs: pd.DataFrame) -> pd.DataFrame:
    """The same pairs with left and right exchanged (so left may then be the greater row number)."""
    back = pairs.copy()
    for column, each in COLUMNS.items():
        if each.back == Back.SWAPPED:
            back[column] = pairs[other_side(column)]
        elif each.back == Back.NEGATED:
            back[column] = -pairs[column]
        elif each.back == Back.RECIPROCAL:
            back[column] = 1 / pairs[column]
    affine = pairs[AFFINE].to_numpy(np.float64)
    back[AFFINE] = geometry.invert_affine(affine)
    back[BOX] = geometry.carry_boxes(pairs[BOX].to_numpy(np.float64), affine)
    back["bias"] = -pairs["bias"] / pairs["gain"]
    orientation = pairs["orientation"].to_numpy()
    back["orientation"] = _INVERSE_ORIENTATION[orientation]
    mirrored = np.isin(orientation, (2, 4, 5, 7))
    back["rotation"] = np.where(mirrored, pairs["rotation"], -pairs["rotation"])
    quarter = orientation >= 5
    back["stretch"] = np.where(quarter, pairs["stretch"], 1 / pairs["stretch"])
    back["relations"] = [_opposites(str(names)) for names in pairs["relations"]]
    return back.astype(PAIR_COLUMNS)
