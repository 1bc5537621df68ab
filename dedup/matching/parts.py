"""Whether two pictures share a part, and what that makes of them: one a copy of the other, one a part of the other, or
nothing.

What both show is cut out of either, and the two cuts are judged as pictures of their own, as finely as any pair
(`second_look`): so a picture set in at a quarter of the side is looked at as if it were whole. `points` says where.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from dedup.images import detail, signature
from dedup.images.detail import Detail
from dedup.images.signature import CHROMA
from dedup.matching import geometry, notes, recolouring, relations, second_look, verdict
from dedup.matching.columns import AFFINE, SIZES
from dedup.matching.geometry import UNIT
from dedup.matching.leftover import AGREES, ROUNDING, STRUCTURE, Measured, agreeing_windows
from dedup.matching.parameters import value
from dedup.model import NEAR_DISTANCE, Kind

Picture = NDArray[np.uint8]
"""RGB, (height, width, 3), up to `detail.WHOLE_SIDE` pixels a side."""
Doubles = NDArray[np.float64]
Box = tuple[int, int, int, int]
"""Left, top, right, bottom, in pixels."""

WHITE = 255
REST_SIDE = 128
"""Pixels of the longer side at which what is beyond the part is looked at."""
SEAM_STEPS, SEAM_POINTS = (-11, -4, 4, 11), 64
"""Tones are compared at so many pixels beyond the frame of a part, and within it, at so many places of a side: the map
may be off by three."""
CLOSE, OFF_BY = (0,), range(-12, 13, 4)
"""Pixels by which each side of a part may be off, that was laid on the other, and that grew window by window."""
SEAM = 5
"""Pixels of the line between the part and the rest, half of them beyond it, that are neither."""
GLANCED_AT = 0.3
"""The distance that a first look would give: second looks begin with a glance, for most pairs that share some keypoints
share nothing else."""


@dataclass(frozen=True, slots=True)
class Part:
    """What was found of two pictures: `kind` near, contains, or unique where they have nothing in common that counts;
    `values` are those of `columns.COLUMNS` that follow from what they show."""

    kind: Kind
    values: Mapping[str, Any]


NOTHING = Part(Kind.UNIQUE, {})


def judge(
    left: Picture, right: Picture, affine: Doubles, agreeing: int, box: Doubles, *, negative: bool = False
) -> Part:
    """What two pictures, one of them perhaps a `negative`, have in common where `affine` (6,), as in `columns.AFFINE`,
    carries left to right. So many keypoints agree on that, within a `box` of the left one.
    """
    left = ~left if negative else left
    told = _judge(left, right, affine, agreeing, box, negative=negative)
    if told is NOTHING and agreeing >= value("box_keypoints"):
        told = _judge_recoloured(left, right, affine, agreeing, box)
        return told if told is NOTHING else Part(told.kind, {**told.values, "lightness": 0.0})
    return _of_negative(told) if negative else told


def is_set_in(left: Picture, right: Picture, affine: Doubles) -> bool:
    """Whether one of two pictures, of which `affine` (6,) carries left to right, was set into the other: what is around
    it there is no border, and begins with an edge on each of its sides. One side alone tells nothing: a crop of a page
    may end between two columns."""
    seen = _Seen.of(affine)
    parts = (seen.part_left, seen.part_right)
    more = [part < value("part_whole") for part in parts]
    plain = [_plain(left, seen.on_left), _plain(right, seen.on_right)]
    return _is_framed(left, right, seen, [a and not b for a, b in zip(more, plain, strict=True)], CLOSE, each=2)


def _judge(
    left: Picture, right: Picture, affine: Doubles, agreeing: int, box: Doubles, *, negative: bool = False
) -> Part:
    """The same of two pictures as they are, or of which the left one is the `negative` of the one that is meant."""
    shown = _shown(left, right, affine, agreeing, box)
    if shown is None:
        return NOTHING
    seen, found, off_by = shown
    if negative and not found.is_negative():
        return NOTHING
    plain = _plain(left, seen.on_left), _plain(right, seen.on_right)
    goes_on = [not border for border in plain]
    return _told(seen, plain, _is_framed(left, right, seen, goes_on, off_by, each=int(len(off_by) > 1)), found)


def _judge_recoloured(left: Picture, right: Picture, affine: Doubles, agreeing: int, box: Doubles) -> Part:
    """The same of two photographs, once the one change of all colours is made that explains them."""
    found = _Common.of(left, right, _Seen.of(affine), affine)
    if found is None or second_look.is_drawn(found.looks.measured):
        return NOTHING
    many = bool(verdict.hues(found.records).max() >= value("many_hues"))
    change = recolouring.explaining(found.one.picture, found.other.picture, found.between, many_hues=many)
    if change is None:
        return NOTHING
    sides = (left, change.change(right)) if change.right else (change.change(left), right)
    told = _judge(*sides, affine, agreeing, box)
    if told is NOTHING:
        return NOTHING
    values = {**told.values, "allowed": relations.ALLOWED.index(change.name)}
    if told.kind == Kind.NEAR and change.name == relations.SOLARISED:  # what was folded over does not come back
        values["derived"] = values["derived"] or (-1 if change.right else 1)
    return Part(told.kind, values)


def _shown(
    left: Picture, right: Picture, affine: Doubles, agreeing: int, box: Doubles
) -> tuple[_Seen, _Common, Sequence[int]] | None:
    """What both show, and by how many pixels its frame may be off; None where nothing.

    Where all that both may show is not the same throughout, the `box` is looked at: a picture in a collage was cut to
    its place, and what lies beyond belongs to its neighbours. So it does where what is over a copy of a part ends along
    a frame: a screenshot shows the middle of a picture, and its own words where the rest would be.
    """
    seen = _Seen.of(affine)
    found = _Common.of(left, right, seen, affine)
    if found is None or found.is_hopeless(agreeing):
        return None
    copy = found.is_copy(agreeing, sure=False)
    differs = min(seen.part_left, seen.part_right) < value("box_within")
    if agreeing >= value("box_keypoints") and (found.is_covered_part() if copy else differs):
        place = found.agreeing_around(geometry.clip(geometry.corners_of(box.tolist()), UNIT))
        there = _Common.of(left, right, place, affine)
        if (
            there
            and there.is_copy(agreeing, sure=True)
            and (not copy or _is_framed(left, right, place, (True, True), OFF_BY, each=1))
        ):
            return place, there, OFF_BY
    return (_Seen.of(found.refined()), found, CLOSE) if copy else None


def _of_negative(told: Part) -> Part:
    """What was told of the negative of the left picture, of the picture: right = gain x (white - left) + bias."""
    if told is NOTHING:
        return NOTHING
    gain, bias = told.values["gain"], told.values["bias"]
    return Part(told.kind, {**told.values, "gain": -gain, "bias": bias + WHITE * gain, "lightness": 0.0})


@dataclass(frozen=True)
class _Common:
    """What both pictures show, cut out of either, where `between` carries one cut to the other."""

    one: _Cut
    other: _Cut
    between: Doubles
    is_part: bool

    @classmethod
    def of(cls, left: Picture, right: Picture, seen: _Seen, affine: Doubles) -> _Common | None:
        """None where that is too small."""
        if min(seen.part_left, seen.part_right) < value("least_part"):
            return None
        one, other = (_Cut.of(each, corners) for each, corners in ((left, seen.on_left), (right, seen.on_right)))
        if min(*one.size, *other.size) < value("least_part_side"):
            return None
        is_part = min(seen.part_left, seen.part_right) < value("part_whole")
        return cls(one, other, geometry.compose(other.into(), geometry.compose(affine, one.out_of())), is_part)

    @cached_property
    def details(self) -> tuple[Detail, Detail]:
        """Both as a second look needs them."""
        return self.one.detail, self.other.detail

    @cached_property
    def records(self) -> NDArray[np.void]:
        """Signatures of both, as far as colours go."""
        return np.concatenate([signature.colours(each.picture) for each in (self.one, self.other)])

    @cached_property
    def looks(self) -> second_look.Looks:
        """Looks at the two, for all who ask."""
        return second_look.Looks(*self.details, self.between)

    @cached_property
    def pair(self) -> dict[str, Any]:
        """Columns as a first look gives them to a second one."""
        sizes = [*self.one.size, *self.other.size]
        read = geometry.read_off(self.between[None], np.array([sizes]))
        columns: dict[str, Any] = {name: found[0] for name, found in read.items()}
        columns |= dict(zip(AFFINE, self.between.tolist(), strict=True)) | dict(zip(SIZES, sizes, strict=True))
        return columns | {"note": "", "distance": GLANCED_AT, "correlation": 1.0, "perspective": 0.0, "gain": 1.0,
                          "lightness": 0.0, "gray": 0}  # fmt: skip

    @cached_property
    def told(self) -> second_look.Verdict:
        """What a second look tells of them, whatever their colours."""
        return self._judge(self.pair, colourful=bool(verdict.colourful(self.records).all()))

    def _judge(self, pair: Mapping[str, Any], *, colourful: bool) -> second_look.Verdict:
        return second_look.judge(*self.details, pair, colourful=colourful, looks=self.looks)

    @cached_property
    def tones(self) -> dict[str, Any]:
        """How the colours changed, where both have the same structure: see `verdict.tones`."""
        columns = {"left": np.array([0]), "right": np.array([1])}
        columns |= {name: self.between[None, place] for place, name in enumerate(AFFINE)}
        found = verdict.tones(self.records, columns, self._other_structure()[None])
        return {name: values[0] for name, values in found.items()}

    def is_hopeless(self, agreeing: int) -> bool:
        """Whether a glance tells that they are no copies: most that share some keypoints share nothing else."""
        if agreeing >= value("many_keypoints"):
            return False
        return self.looks.agreement.disagreeing > value("part_hopeless")

    def is_copy(self, agreeing: int, *, sure: bool) -> bool:
        """Whether one is a copy of the other. So many keypoints tell more than a first look does: they count where
        grain says that both are of one exposure, and must where it has to be `sure`, for the place was chosen."""
        copy = not sure and not self.told.difference and self.told.unexplained <= value("part_unexplained")
        if copy:
            copy = self.looks.measured.differing <= value("part_differing") or _is_overlay(self.looks.measured)
        if not copy and agreeing >= value("box_keypoints" if sure else "many_keypoints"):
            copy = self.told.judged and _is_covered(self.looks.measured)
            copy = copy and (self.is_part or not second_look.is_another(self.looks.measured))
        return copy and self._in_its_colours()

    def is_covered_part(self) -> bool:
        """Whether something lies over the part of a picture that they are."""
        return self.is_part and bool(self.looks.measured.differing > value("part_differing"))

    def is_negative(self) -> bool:
        """Whether tones were turned around and nothing else, or grain tells: a sign in black on white and the same in
        white on black are two things."""
        gain, bias = self.looks.laid.tones()
        exact = abs(gain - 1) <= value("negative_gain") and abs(bias) <= value("negative_bias")
        return exact or second_look.of_one_exposure(self.looks.measured)

    def _in_its_colours(self) -> bool:
        """Whether one change of tones explains the colours, or a freer one in an exposure that is certain; of a part
        only where it has many hues: of the cloth of a garment alone it is another colour of the same thing."""
        few = self.is_part and verdict.hues(self.records).max() < value("part_hues")
        if self.tones["colour_missed"] <= value("colour_missed"):
            return not few or bool(self.tones["tint"] <= value("part_tint"))
        if self.tones["colour_missed_freely"] > value("colour_missed"):
            return False
        if few:
            return False
        pair = self.pair | {"note": notes.OTHER_COLOURS_THROUGHOUT}
        return not self._judge(pair, colourful=True).difference

    def refined(self) -> Doubles:
        """The map (6,) of left to right, as closely as the pictures tell it: a few keypoints that lie together tell no
        size, and no angle, of what they are part of."""
        lies = self.told.lies or self.looks.laid.lies()
        between = lies.affine if np.isfinite(lies.affine).all() else self.between
        return geometry.compose(self.other.out_of(), geometry.compose(between, self.one.into()))

    def agreeing_around(self, corners: list[geometry.Point]) -> _Seen:
        """The box that grows from some corners on the left picture as long as both agree along its sides."""
        laid = self.looks.laid
        windows = agreeing_windows(laid.one, laid.other, laid.inside)
        to_right = geometry.compose(self.other.out_of(), geometry.compose(self.between, self.one.into()))
        to_left = geometry.invert_affine(to_right[None])[0]
        cut = self.other if laid.turned else self.one
        there = geometry.carried(geometry.carried(corners, to_right) if laid.turned else corners, cut.into())
        grown = geometry.carried(geometry.corners_of(_grown(windows, np.array(there)).tolist()), cut.out_of())
        left = geometry.carried(grown, to_left) if laid.turned else grown
        left = geometry.clip(left, UNIT)
        right = geometry.clip(geometry.carried(left, to_right), UNIT)
        return _Seen(left, right, geometry.area(left), geometry.area(right))

    def _other_structure(self) -> NDArray[np.bool_]:
        """Which cells (256,) of the left cut have another structure in the right one, so that colours tell nothing."""
        laid = self.looks.laid
        one, other = (_cells(each) for each in (laid.one, laid.other))
        one, other = (each - each.mean(axis=2, keepdims=True) for each in (one, other))
        both = np.sqrt(((one**2).mean(axis=2) + ROUNDING) * ((other**2).mean(axis=2) + ROUNDING))
        differ = (one * other).mean(axis=2) < AGREES * both
        differ &= np.maximum((one**2).mean(axis=2), (other**2).mean(axis=2)) > STRUCTURE
        if laid.turned:  # these are cells of the right cut
            y, x = (np.mgrid[:CHROMA, :CHROMA].reshape(2, -1) + 0.5) / CHROMA
            there = np.array(geometry.carried(list(zip(x.tolist(), y.tolist(), strict=True)), self.between))
            column, row = np.clip(there * CHROMA, 0, CHROMA - 1).astype(np.intp).T
            return np.asarray(differ[row, column])
        return np.asarray(differ.ravel())


def _grown(agree: NDArray[np.bool_], corners: Doubles) -> Doubles:
    """The box around some corners (4, 2) in 0..1, grown while most windows (n, n) beyond a side `agree`."""
    last, cells = len(agree) - 1, len(agree) + 1
    low = np.clip(np.ceil(corners.min(axis=0) * cells), 0, last).astype(int)
    high = np.clip(np.floor(corners.max(axis=0) * cells) - 2, low, last).astype(int)
    growing = True
    while growing:
        growing = False
        for axis, step in ((0, -1), (0, 1), (1, -1), (1, 1)):
            edge = low if step < 0 else high
            place = edge[axis] + step
            if not 0 <= place <= last:
                continue
            across = slice(low[1 - axis], high[1 - axis] + 1)
            line = agree[across, place] if axis == 0 else agree[place, across]
            if line.mean() >= value("box_grows"):
                edge[axis] = place
                growing = True
    return np.asarray(np.array([*low, *(high + 2)]) / cells)


def _cells(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """The pixels of each of the cells in which colours are kept, (CHROMA, CHROMA, pixels)."""
    side = len(picture) // CHROMA
    return picture.reshape(CHROMA, side, CHROMA, side).swapaxes(1, 2).reshape(CHROMA, CHROMA, -1)


def _is_covered(m: Measured) -> bool:
    """Whether two photographs are of one exposure, one of them covered in part or its light clipped."""
    if m.grain < value("grain") or not m.exposure >= value("covered_exposure") or m.ground > value("blank"):
        return False
    if m.settled > value("covered_settled") or m.differing > value("covered") or m.usual > value("covered_usual"):
        return False
    clipped = m.differing <= value("hardly_covered") and m.settled >= value("spread") * m.unexplained
    return m.differing <= 0.5 * value("part_differing") or clipped or _is_overlay(m)


def _is_overlay(m: Measured) -> bool:
    """Whether what differs was put over one of the two: other captions on one picture bring as much on either side, and
    other tiles of a collage have an edge on both."""
    if m.framed >= value("framed"):
        return False
    return m.one_sided >= value("covered_one_sided") or m.opaque >= value("covered_opaque")


def _told(seen: _Seen, plain: tuple[bool, ...], set_in: bool, found: _Common) -> Part:
    """What it makes of two pictures that a part of them is the same. What is beyond it and of one tone is a border;
    what is beyond it and begins with an edge is another picture, a page, a screen, into which it was `set_in`."""
    parts, told = (seen.part_left, seen.part_right), found.told
    shown_left, shown_right = (1.0 if border else part for border, part in zip(plain, parts, strict=True))
    less, more = sorted((shown_left, shown_right))
    whole = value("part_whole")
    if more >= whole and less >= (whole if set_in else value("part_of_copy")):
        kind = Kind.NEAR
    elif more >= value("part_contained"):
        kind = Kind.CONTAINS
    else:
        return NOTHING
    cropped = 0 if less >= whole else 1 if shown_right > shown_left else -1
    left, right = (border and part < whole for border, part in zip(plain, parts, strict=True))
    bordered = right - left
    values: dict[str, Any] = dict(zip(AFFINE, found.refined().tolist(), strict=True))
    values |= {"seen_left": seen.part_left, "seen_right": seen.part_right}
    values |= {name: found.tones[name] for name in ("saturation", "lightness", "tint", "gray")}
    values["gain"], values["bias"] = found.looks.laid.tones()
    values |= {
        "kind": kind.value,
        "distance": min(NEAR_DISTANCE, value("part_distance") + told.unexplained),
        "unexplained": told.unexplained,
        "allowed": relations.ALLOWED.index(told.allowed),
        "correlation": 1.0 - told.unexplained,
        "cropped": cropped,
        "bordered": bordered,
        "derived": cropped or bordered,
        "details": 1,
        "overlaid": int(found.looks.measured.differing > value("part_overlaid")),
        "earlier_left": np.nan,
        "earlier_right": np.nan,
    }
    if kind == Kind.CONTAINS:
        values |= {"note": relations.A_PART, "distance": verdict.BEYOND, "derived": 0}
    return Part(kind, values)


@dataclass(frozen=True, slots=True)
class _Seen:
    """The corners of what both show, on either in parts of its sides, and what part of either that is."""

    on_left: list[geometry.Point]
    on_right: list[geometry.Point]
    part_left: float
    part_right: float

    @classmethod
    def of(cls, affine: Doubles) -> _Seen:
        back = geometry.invert_affine(affine[None])[0]
        if not np.isfinite(back).all():
            return cls([], [], 0.0, 0.0)
        left, right = (
            geometry.clip(geometry.carried(geometry.corners_of(UNIT), each), UNIT) for each in (back, affine)
        )
        return cls(left, right, geometry.area(left), geometry.area(right))


@dataclass(frozen=True, slots=True)
class _Cut:
    """A box cut out of a picture of a width and a height."""

    picture: Image.Image
    box: Box
    whole: tuple[int, int]

    @classmethod
    def of(cls, picture: Picture, corners: list[geometry.Point]) -> _Cut:
        """The box around some corners."""
        height, width = picture.shape[:2]
        points = np.array(corners)
        low, high = points.min(axis=0) * (width, height), points.max(axis=0) * (width, height)
        box = int(low[0]), int(low[1]), int(np.ceil(high[0])), int(np.ceil(high[1]))
        return cls(Image.fromarray(picture[box[1] : box[3], box[0] : box[2]]), box, (width, height))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.picture.size

    def out_of(self) -> Doubles:
        """The map (6,) of places in the cut to places in the picture."""
        (left, top, right, bottom), (width, height) = self.box, self.whole
        return np.array([(right - left) / width, 0, left / width, 0, (bottom - top) / height, top / height])

    def into(self) -> Doubles:
        """Its inverse."""
        back: Doubles = geometry.invert_affine(self.out_of()[None])[0]
        return back

    @property
    def detail(self) -> Detail:
        """As a second look needs it."""
        return detail.of_picture(self.picture)


def _is_framed(
    left: Picture, right: Picture, seen: _Seen, asked: Sequence[bool], off_by: Sequence[int], *, each: int
) -> bool:
    """Whether what both show was set into one of them, left and right as far as they are `asked` about: a border of one
    tone begins with an edge as well."""
    sides = ((left, seen.on_left), (right, seen.on_right))
    return any(_has_edge(*side, off_by, each=each) for side, one in zip(sides, asked, strict=True) if one)


def _has_edge(picture: Picture, corners: list[geometry.Point], off_by: Sequence[int], *, each: int) -> bool:
    """Whether tones have an edge along the frame of a part, or along one that each of its sides may be `off_by`, where
    that lies within a picture: a scene goes on there. At least `each` sides lie within, and all of these have one;
    of 0, all of them together."""
    gray = np.asarray(Image.fromarray(picture).convert("L"), np.float64)
    size = np.array(gray.shape[::-1])
    places = np.array(corners) * size
    middle = places.mean(axis=0)
    edges: list[float] = []
    beside: list[float] = []
    for one, other in zip(places, np.roll(places, -1, axis=0), strict=True):
        line = one + np.linspace(0.1, 0.9, SEAM_POINTS)[:, None] * (other - one)
        outward = np.array([other[1] - one[1], one[0] - other[0]])
        outward = outward / max(float(np.hypot(*outward)), 1e-9)
        outward = outward if outward @ (line.mean(axis=0) - middle) > 0 else -outward
        if not _steps(gray, line, outward):
            continue
        edge, step = max(_steps(gray, line + off * outward, outward) or (0.0, 0.0) for off in off_by)
        edges.append(edge)
        beside.append(step + 1)
    if each:  # a sticker has an edge as well, but on one side
        return len(edges) >= each and all(map(_is_edge, edges, beside))
    return bool(edges) and _is_edge(sum(edges), sum(beside))


def _is_edge(across: float, beside: float) -> bool:
    return across > value("set_in") * beside


def _steps(gray: Doubles, line: Doubles, outward: Doubles) -> tuple[float, float] | None:
    """By how much tones change from one side of a line (n, 2), in pixels, to the other, and on either side of it; None
    where it is the frame of the picture itself."""
    at = np.rint(line[None] + np.array(SEAM_STEPS)[:, None, None] * outward).astype(int)
    within = ((at >= 0) & (at < gray.shape[::-1])).all(axis=(0, 2))
    if within.mean() < 0.5:
        return None
    tones = gray[at[:, within, 1], at[:, within, 0]]
    steps = np.abs(np.diff(tones, axis=0)).mean(axis=1)
    return float(steps[1]), float(steps[[0, 2]].mean())


def _plain(picture: Picture, corners: list[geometry.Point]) -> bool:
    """Whether what a picture shows beyond some corners is of one tone, a border."""
    small = Image.fromarray(picture).convert("L")
    small.thumbnail((REST_SIDE, REST_SIDE), Image.Resampling.BOX)
    beyond = Image.new("L", small.size, 255)
    places = [(x * small.width - 0.5, y * small.height - 0.5) for x, y in corners]
    pen = ImageDraw.Draw(beyond)
    pen.polygon(places, fill=0)
    pen.line([*places, places[0]], fill=0, width=SEAM)  # a polygon's own outline lies within it
    rest = np.asarray(small)[np.asarray(beyond) > 0].astype(np.float64)
    if not len(rest):
        return False
    return float((np.abs(rest - np.median(rest)) < value("fill")).mean()) >= value("part_plain")
