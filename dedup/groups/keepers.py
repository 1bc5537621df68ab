"""Which copy should stay: rules in order, each a number per image (lower stays) and a reason in words.

A new rule is one `Rule` and its place in KEEPER_RULES.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dedup import plugins
from dedup.images import formats
from dedup.model import EVALUATION_SPLITS
from dedup.words import plural

_COPIES = "copy|copie|kopie|kopia|copia|cópia|duplicate|duplikat|edited|bearbeitet"
COPY_NAME = re.compile(rf"(?<![^\W\d_])(?:{_COPIES})(?![^\W\d_])|副本|拷贝|コピー|\(\d+\)|~\d*$", re.IGNORECASE)
"""What the name of a copy or of an edited picture holds, without its suffix: words of several languages, numbers in
brackets, and the tilde of backups."""

EQUAL = "the copies are equal; the first by content and path stays"

REASON_COLUMNS = [
    *("name", "split", "annotations", "width", "height", "format", "lossless", "jpeg_quality", "camera", "captured_at"),
    *("classes", "edits", "earlier_quality", "bits", "bands", "saturation", "frames"),
]
"""What the reasons of rules are made of."""

WORST = float(np.finfo(np.float64).max)
"""What a rule of another package knows nothing of comes last; finite, for what is not counts as no score."""
GRAY = 0.02
"""Saturation up to which an image has no colours, however many bands it has."""
USUAL_QUALITY = 75.0
"""What a lossy file of unknown quality counts as: the usual default."""
LOSSLESS, HEIF, WEB = -101.0, -100.5, -50.0
"""Scores of compression around those of JPEG (-quality): cameras write HEIF, and JPEG is what it is converted to; they
hardly write WebP and AVIF, to which JPEG is converted, if it is no worse than half of what it could be."""
FEW_BITS = 0.5
"""A pixel of HEIF: cameras spend 0.7 to 1.3, and what has fewer is converted for the web like WebP."""
SPREAD = 0.4
"""Of a format that tells no quality, by so much at most more bits a pixel count as less compressed."""
JUST_AFTER, AFTER_EARLIER = 0.25, 2.0
"""What a file that was saved from a lossy one scores more than that one, where qualities are whole numbers, and where
an earlier quality is known to within two."""

Scores = NDArray[np.float64]
Rows = NDArray[np.int64]
Image = Mapping[str, Any]
"""One row of the frame."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`score(frame)` gives float64 (n,), lower is better; `reason(keeper, other)` one phrase from two rows."""

    name: str
    title: str
    score: Callable[[pd.DataFrame], Scores]
    reason: Callable[[Image, Image], str]


def _flag(column: str) -> Callable[[pd.DataFrame], Scores]:
    """Images for which `column` is true stay."""
    return lambda frame: np.asarray(~frame[column].to_numpy(bool), np.float64)


def _unflagged(column: str) -> Callable[[pd.DataFrame], Scores]:
    """Images for which `column` is true go."""
    return lambda frame: frame[column].to_numpy(np.float64)


def _most(column: str) -> Callable[[pd.DataFrame], Scores]:
    return lambda frame: -frame[column].to_numpy(np.float64)


def _says(text: str) -> Callable[[Image, Image], str]:
    return lambda keeper, other: text


def _split_score(frame: pd.DataFrame) -> Scores:
    return np.asarray(~frame["split"].isin(EVALUATION_SPLITS).to_numpy(bool), np.float64)


def _edited(frame: pd.DataFrame) -> Scores:
    """Images that nothing was done to, as far as the pairs tell, stay."""
    return np.asarray(frame["edits"] != "", np.float64)


def _depth(frame: pd.DataFrame) -> Scores:
    """By bits a pixel; exact copies hold the same, in however many bits and bands a file stores it."""
    bits = pd.Series(-frame["bits"].to_numpy(np.float64) * np.where(_in_colour(frame), _bands(frame), 1))
    content = frame["content"].reset_index(drop=True)
    return np.where(content != "", bits.groupby(content).transform("min"), bits)


def _bands(frame: pd.DataFrame) -> NDArray[np.int64]:
    """Of an image in colour: three, but what a TIFF has beyond them that is no transparency is data of its own."""
    further = np.where(frame["format"] == "TIFF", frame["bands"] - frame["alpha"].astype(np.int64), 3)
    return np.maximum(further, 3)


def _in_colour(frame: pd.DataFrame) -> NDArray[np.bool_]:
    """Which images have colours: three bands that say the same are no more than one, and transparency is no colour."""
    return np.asarray((frame["bands"] >= 3) & (frame["saturation"] > GRAY), bool)


def _compression(frame: pd.DataFrame) -> Scores:
    """Lossless files first, then HEIF, then JPEG by quality, then WebP and AVIF. A lossless file with the pixels of a
    lossy one comes just after that, for it was saved from it; what shows an earlier compression counts as that."""
    lossless = frame["lossless"].to_numpy(bool)
    quality = -np.round(frame["jpeg_quality"].fillna(USUAL_QUALITY).to_numpy(np.float64))
    bits = 8 * frame["bytes"].to_numpy(np.float64) / np.maximum(frame["area"].to_numpy(np.float64), 1)
    by_bits = SPREAD * (1 - 2 * bits / (1 + bits))
    heif, web = frame["format"] == "HEIF", frame["format"].isin(formats.WEB)
    kinds = [heif & (bits >= FEW_BITS), heif | web, frame["jpeg_quality"].isna()]
    lossy = np.select(kinds, [HEIF + by_bits, WEB + by_bits, quality + by_bits], quality)
    content = frame["content"]
    doubtful = ~lossless & (content != "").to_numpy() & content.isin(content[lossless]).to_numpy(bool)
    doubtful &= (frame["format"] != "JPEG2000").to_numpy()  # which may be lossless, and does not tell
    sources = pd.Series(lossy[doubtful]).groupby(content[doubtful].to_numpy()).min()
    saved_from = content.map(sources).to_numpy(np.float64) + JUST_AFTER
    claimed = np.where(lossless, np.where(np.isnan(saved_from), LOSSLESS, saved_from), lossy)
    return np.fmax(claimed, AFTER_EARLIER - frame["earlier_quality"].to_numpy(np.float64))


def _capture(frame: pd.DataFrame) -> Scores:
    """Camera pictures first, the earlier the better; then those with only a time; then the rest."""
    captured = pd.to_datetime(frame["captured_at"].where(frame["captured_at"] != ""), errors="coerce", format="ISO8601")
    seconds = captured.astype("datetime64[s]").astype("int64").to_numpy(np.float64)
    seconds = np.where(captured.isna().to_numpy(), 1e12, seconds)
    return np.where(frame["camera"].to_numpy(bool), seconds, 2e12 + seconds)


def _name_score(frame: pd.DataFrame) -> Scores:
    looks_copied = np.array([_is_named_like_a_copy(name) for name in frame["name"].tolist()], bool)
    return 10_000.0 * looks_copied + frame["path"].str.len().to_numpy(np.float64)


def _is_named_like_a_copy(name: str) -> bool:
    return COPY_NAME.search(os.path.splitext(name)[0]) is not None


def _resolution_reason(keeper: Image, other: Image) -> str:
    return f"{keeper['width']}x{keeper['height']} beats {other['width']}x{other['height']}"


def _enlarged_reason(keeper: Image, other: Image) -> str:
    return f"the other was enlarged to {other['width']}x{other['height']}, without more detail"


def _frames_reason(keeper: Image, other: Image) -> str:
    return f"has {plural(keeper['frames'], 'frame')}, the other {other['frames']}"


def _depth_reason(keeper: Image, other: Image) -> str:
    if keeper["bits"] > other["bits"]:
        return f"has {keeper['bits']} bits a sample, the other {other['bits']}"
    if other["saturation"] <= GRAY:
        return "is in colour, the other gray"
    if other["bands"] < 3:
        return "has all colours, the other those of a palette"
    return f"has {keeper['bands']} bands, the other {other['bands']}"


def _compression_reason(keeper: Image, other: Image) -> str:
    if other["earlier_quality"] > 0:
        was = f"was saved from a JPEG of quality about {other['earlier_quality']:.0f}"
        return f"the other, though {other['format'] if other['lossless'] else _quality(other)}, {was}"
    if other["lossless"]:
        return f"the other, though {other['format']}, has just the pixels of a lossy file"
    if keeper["lossless"]:
        return f"lossless {keeper['format']} beats {other['format']}"
    if keeper["format"] == other["format"] and np.isnan([keeper["jpeg_quality"], other["jpeg_quality"]]).all():
        return f"has more bits a pixel than the other {other['format']}"
    if keeper["format"] == "HEIF":
        return f"HEIF, which cameras write, beats {other['format']}"
    if other["format"] == "HEIF":
        return f"{keeper['format']} beats HEIF with few bits a pixel"
    if keeper["format"] in formats.WEB:
        return f"{keeper['format']} beats {_quality(other)}"
    if other["format"] in formats.WEB:
        return f"{keeper['format']} beats {other['format']}, which pictures are converted to for the web"
    if np.isnan(keeper["jpeg_quality"]) or np.isnan(other["jpeg_quality"]):
        return f"{_quality(keeper)} beats {_quality(other)}"
    return f"JPEG quality {keeper['jpeg_quality']:.0f} beats {other['jpeg_quality']:.0f}"


def _quality(image: Image) -> str:
    if np.isnan(image["jpeg_quality"]):
        return f"{image['format']} of unknown quality (taken for {USUAL_QUALITY:.0f})"
    return f"JPEG quality {image['jpeg_quality']:.0f}"


def _capture_reason(keeper: Image, other: Image) -> str:
    if keeper["camera"] and not other["camera"]:
        return "has camera metadata"
    return "was captured earlier" if other["captured_at"] else "says when it was captured"


def _name_reason(keeper: Image, other: Image) -> str:
    if _is_named_like_a_copy(other["name"]) and not _is_named_like_a_copy(keeper["name"]):
        return f"{other['name']} is named like a copy"
    return "has the shorter path"


def _annotations_score(frame: pd.DataFrame) -> Scores:
    """By number; of those with none, images with a class first."""
    classed = np.array([bool(names) for names in frame["classes"]], np.float64)
    return np.asarray(-frame["annotations"].to_numpy(np.float64) - 0.5 * classed)


def _annotations_reason(keeper: Image, other: Image) -> str:
    if keeper["annotations"] == other["annotations"]:
        return "has a class, the other none"
    return f"has {plural(keeper['annotations'], 'annotation')}, the other {other['annotations']}"


def guarded(rule: Rule) -> Rule:
    """A rule of another package. Where it fails, or gives something else than a number an image, it says nothing; what
    it does not know comes last."""

    def score(frame: pd.DataFrame) -> Scores:
        try:
            told = np.asarray(rule.score(frame), np.float64).reshape(len(frame))
        except Exception as error:
            plugins.failed(plugins.KEEPER_RULES, rule.name, error)
            return np.zeros(len(frame))
        return np.nan_to_num(told, nan=WORST, posinf=WORST, neginf=-WORST)

    def reason(keeper: Image, other: Image) -> str:
        try:
            return rule.reason(keeper, other)
        except Exception as error:
            plugins.failed(plugins.KEEPER_RULES, rule.name, error)
            return rule.title

    return replace(rule, score=score, reason=reason)


_OURS = (
    Rule("chosen", "A person's choice", _flag("chosen"), _says("chosen by a person")),
    Rule("protected", "Protected folders", _flag("protected"), _says("is in a protected folder")),
    Rule(
        "incoming", "Incoming folders leave first", _unflagged("incoming"), _says("the other is in an incoming folder")
    ),
    Rule("split", "Evaluation data stays", _split_score, lambda keeper, other: f"is in the {keeper['split']} split"),
    Rule("annotations", "More annotations, or a class", _annotations_score, _annotations_reason),
    Rule(
        "original",
        "Not cropped, bordered, gray or overlaid",
        _edited,
        lambda keeper, other: f"the other {other['edits']}",
    ),
    Rule("frames", "More frames or pages", _most("frames"), _frames_reason),
    Rule("enlarged", "Not enlarged", _unflagged("enlarged"), _enlarged_reason),
    Rule("resolution", "Higher resolution", _most("area"), _resolution_reason),
    Rule("depth", "More bits or bands", _depth, _depth_reason),
    Rule("transparency", "Keeps its transparency", _flag("alpha"), _says("keeps its transparency")),
    Rule("extras", "Carries a film or a gain map", _flag("extras"), _says("carries a film or a gain map")),
    Rule("described", "Place, caption, keywords", _most("described"), _says("tells more of place and subject")),
    Rule("camera", "Camera metadata", _flag("camera"), _says("has camera metadata, the other has none")),
    Rule("look", "Not softer", _unflagged("softer"), _says("the other is softer")),
    Rule("compression", "Less compressed", _compression, _compression_reason),
    Rule("capture", "Earlier capture", _capture, _capture_reason),
    Rule("name", "Name without “copy”, shorter path", _name_score, _name_reason),
)

KEEPER_RULES = (*_OURS, *map(guarded, plugins.added(plugins.KEEPER_RULES, Rule, {rule.name for rule in _OURS})))
"""Ours, and those of other packages."""
RULE_NAMES = tuple(rule.name for rule in _OURS)
"""Those in force, in order, unless a person chose: nothing that another package brings decides before that."""


def score(frame: pd.DataFrame, rules: Sequence[Rule] = KEEPER_RULES) -> Scores:
    """What each rule says of each image, float64 (n, rules), lower is better.

    `frame` has the frame's columns of one dataset and the columns `chosen`, `protected`, `incoming`, `enlarged`,
    `softer` (bool), `edits` (str: in words, '' for none) and `earlier_quality` (1..100 or NaN).
    """
    return np.column_stack([rule.score(frame) for rule in rules]) if rules else np.zeros((len(frame), 0))


def rank(frame: pd.DataFrame, scores: Scores) -> NDArray[np.int64]:
    """Place of every image (n,) in the order of who stays, 0 first; ties are decided by sha256, then path."""
    ties = [pd.factorize(frame[column], sort=True)[0] for column in ("path", "sha256")]
    order = np.lexsort([*ties, *scores.T[::-1]])
    places = np.empty(len(frame), np.int64)
    places[order] = np.arange(len(frame))
    return places


def deciding(scores: Scores, starts: Rows) -> tuple[Rows, Rows]:
    """For each group the place of the first rule that sets its keeper apart from the best of the rest, and the row of
    that one, int64 (k,); both -1 where no rule does.

    `scores` (n, rules) are those of k groups one after the other, each with its keeper first and somebody after it;
    `starts` (k,) are the rows of the keepers.
    """
    number = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(scores)))
    rule, rival = np.full((2, len(starts)), -1)
    even = np.ones(len(scores), bool)  # rivals that no rule has set apart yet
    even[starts] = False
    for place in range(scores.shape[1]):
        own = scores[starts, place]
        theirs = np.where(even, scores[:, place], np.inf)
        best = np.minimum.reduceat(theirs, starts)
        found = (rule < 0) & (own < best) & np.isfinite(best)
        first = np.flatnonzero(found[number] & (theirs == best[number]))[::-1]
        rival[number[first]] = first  # backwards, so that the first of a group is the last to be written
        rule[found] = place
        even &= theirs == own[number]
    return rule, rival


def reason(keeper: Image, rival: Image | None, rule: int, rules: Sequence[Rule] = KEEPER_RULES) -> str:
    """Why `keeper` stays, in words: what `deciding` found, and the rows of the frame (at least `REASON_COLUMNS`)."""
    return EQUAL if rival is None else rules[rule].reason(keeper, rival)
