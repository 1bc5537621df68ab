"""A second look at a pair, five times as fine as the first: do the two really agree, and in what do they not?

The first look compares 48 x 48 gray levels, in which whatever shares a template looks alike. Here one picture is laid
over the other (`laying`), what is left over is measured (`leftover`), and what that means is told.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dedup.images.detail import Detail
from dedup.matching import geometry, relations
from dedup.matching.alignment import AS_IT_IS
from dedup.matching.candidates import ORIENTATION_MAPS
from dedup.matching.columns import AFFINE, SIZES
from dedup.matching.laying import SOFT, Laid, Lies, evened_out, ground_shown, lay, softened, through_a_lens
from dedup.matching.leftover import (
    NOTHING,
    Agreement,
    Doubles,
    Measured,
    agreement,
    ground_share,
    lacks_corners,
    measure,
)
from dedup.matching.notes import (
    ANOTHER_MOMENT,
    ANOTHER_SHOT,
    OTHER_COLOURS,
    OTHER_COLOURS_THROUGHOUT,
    SAME_TEMPLATE,
    TOO_PLAIN,
)
from dedup.matching.parameters import value
from dedup.model import NEAR_DISTANCE


def difference(m: Measured, *, free: bool, turned: bool, stands: bool, colourful: bool) -> str:
    """Why two pictures are alike and no copies of each other, '' where they are copies.

    `free`: the map between them does more than to scale and to crop; `turned`: it turns by quarters or mirrors;
    `stands`: it does nothing; `colourful`: both have colours, which agree. Evidence must grow with freedom: a digit has
    few details, and needs all of them.
    """
    if m.windows < value("plain_windows"):
        return "" if stands else TOO_PLAIN
    drawn = is_drawn(m)
    grainy = not drawn and m.grain >= value("grain") and m.grain_ratio <= value("grain_ratio")
    if grainy and m.exposure < value("other_exposure"):
        return ANOTHER_MOMENT
    few = m.windows < value("few_windows")
    if turned and drawn and not few and _is_a_sign(m):
        return SAME_TEMPLATE
    turned = turned and (few or (drawn and m.windows < value("turned_windows")))
    limit = value(_limit(drawn=drawn, few=few, free=free, turned=turned, colourful=colourful))
    if drawn:
        much = 1.0 if few else min(1.0, m.windows / value("drawn_windows"))
        limit *= much
        agrees = m.disagreeing <= value("disagreeing_drawn") * much and m.differing <= value("differing_drawn")
    else:
        agrees = _agrees(m)
    if not drawn and _evenly(m) and not _is_content(m):
        return ""
    if agrees and _is_content(m):
        return ANOTHER_MOMENT if grainy else SAME_TEMPLATE
    if agrees:
        evenly = not drawn and not few and m.uneven <= value("uneven")
        return "" if m.unexplained <= limit or evenly else SAME_TEMPLATE
    same = not drawn and of_one_exposure(m)
    if same and _is_overlay(m):
        return ""
    return ANOTHER_MOMENT if grainy and not same else SAME_TEMPLATE


def _agrees(m: Measured) -> bool:
    """Whether two photographs disagree nowhere, or in no more than noise and loss of detail do."""
    return m.disagreeing <= value("disagreeing") or m.differing <= value("diffuse")


def _limit(*, drawn: bool, few: bool, free: bool, turned: bool, colourful: bool) -> str:
    """The name of the parameter that limits what may stay unexplained."""
    if turned:
        return "unexplained_turned"
    if not few:
        return "unexplained_drawn" if drawn else "unexplained"
    name = "unexplained_few_free" if free else "unexplained_few"
    return f"{name}_colour" if colourful and not drawn else name


def is_drawn(m: Measured) -> bool:
    """Whether pictures are drawn, printed or written: much of them has one tone."""
    return m.ground > value("blank" if m.grain >= value("grain") else "ground")


def _fits_anywhere(m: Measured) -> bool:
    """Whether there is so little to lay on each other that a map with freedom does it with any two, and no grain to
    tell by: one edge goes on another wherever it lies, and a few with the help of perspective."""
    little = m.windows < value("structured") * m.seen or m.directions < value("directions")
    return little and not of_one_exposure(m)


def _lies_anywhere(m: Measured, affine: Doubles) -> bool:
    """Whether nothing tells where and how either lies, and under this map they do not lie alike: a spot, a ball or a
    hill looks the same wherever it is and however it is turned, and only grain, or how its corners lie, tells it from
    another."""
    return _is_displaced(affine) and _has_few_corners(m) and not of_one_exposure(m)


def _has_few_corners(m: Measured) -> bool:
    return m.corners * ALL_WINDOWS < value("cornered") * m.seen


def _is_displaced(affine: Doubles) -> bool:
    """Whether a map does more than to cut a twentieth off: it moves what both show by more, or beyond what a cut
    leaves."""
    cut = 1 - affine[[0, 4]]
    beyond = np.maximum(affine[[2, 5]] - np.maximum(cut, 0), np.minimum(cut, 0) - affine[[2, 5]])
    return _moved(affine) > LIES_ALIKE or bool(beyond.max() > STANDS)


def is_plain(picture: Detail) -> bool:
    """Whether nothing in a picture tells where it lies, neither corners nor grain: two such that do not lie alike need
    not be laid on each other."""
    gray = picture.gray.astype(np.float32)
    if not lacks_corners(gray, value("cornered") / ALL_WINDOWS):
        return False
    return measure(gray, gray, np.ones(gray.shape, np.bool_)).grain < value("grain")


def _moved(affine: Doubles) -> float:
    """The most by which a number of a map differs from that of one that does nothing."""
    return float(np.abs(affine - AS_IT_IS).max())


def of_one_exposure(m: Measured, sure: str = "same_exposure") -> bool:
    """Whether both have grain, and the same by the parameter `sure`."""
    return m.grain >= value("grain") and m.exposure >= value(sure)


def _is_overlay(m: Measured) -> bool:
    """Whether what differs was put over one of two copies: an overlay brings structure of its own, two different items
    bring as much on either side."""
    if m.differing > value("overlay") or m.settled > value("settled") or m.toned >= value("few_tones"):
        return False
    if m.differing > value("large_overlay"):
        if m.framed >= value("framed"):
            return False
        edged = m.set_in and m.framed >= value("edged")
        return m.one_sided >= value("one_sided") or m.opaque >= value("opaque_edged" if edged else "opaque")
    is_mark = m.one_way >= value("one_way") and m.one_sided >= value("one_sided_mark")
    return is_mark or (_certain(m) and (m.opaque >= value("opaque_mark") or _lies_askew(m)))


def _lies_askew(m: Measured) -> bool:
    """Whether the map may be why something differs: edges that do not quite meet differ here and there, and not by much
    more than all pixels do."""
    return m.differing <= value("small_overlay") and m.strength < value("askew") * m.usual


def _is_sharp(m: Measured) -> bool:
    """Whether a piece differs strongly where all else agrees to next to nothing: no edit of the whole did that."""
    return m.strength >= value("piece") and m.strength >= value("sharp") * m.usual


def _is_content(m: Measured) -> bool:
    """Whether a piece, however small, makes two that agree otherwise two items: one part, one word, one stain differs.
    Where the exposure is certain it may have been put there, in one ink, or its tones were clipped."""
    there = m.strength >= value("piece") and m.strength >= value("piece_alone") * m.usual
    return there and not (_certain(m) and (m.one_way >= value("one_way") or not _is_sharp(m)))


def is_another(m: Measured) -> bool:
    """Whether two photographs agree in all but a piece that makes two items of them."""
    return _agrees(m) and _is_content(m)


def _is_a_sign(m: Measured) -> bool:
    """Whether a drawing is of a few flat colours and not much: an arrow that points the other way is another sign."""
    return m.toned >= value("flat_colours") and m.windows < value("sign_windows")


def _certain(m: Measured) -> bool:
    """Whether grain leaves no doubt that two photographs are of one exposure."""
    return of_one_exposure(m, "certain_exposure")


def _evenly(m: Measured) -> bool:
    """Whether what stays unexplained lies everywhere, in an exposure that is certain: tones were changed by place."""
    spread = m.settled >= value("spread") * m.unexplained
    return _certain(m) and spread and m.unexplained <= value("spread_most") and m.differing <= value("small_overlay")


DOUBTED = 0.25
"""Pairs that the first look found further apart get a glance before a full second look: most of a crowd of pictures
that share a template need no more."""
FIRST_LOOK = [
    "note",
    "distance",
    "correlation",
    "seen_left",
    "seen_right",
    *SIZES,
    "orientation",
    "rotation",
    "stretch",
    "perspective",
    "gain",
    "lightness",
    "gray",
]
"""Columns of `columns.PAIR_COLUMNS` that tell, beside the map, what the first look found."""
STANDS, NEXT_TO = 0.01, 0.12
"""The most by which a number of a map may differ from that of one that does nothing, and of one that may do nothing."""
LIES_ALIKE = 0.06
"""The same of one that cuts a twentieth off at most."""
FAR = LIES_ALIKE + NEXT_TO
"""A finer look does not bring two to lie alike that the first laid so far apart."""
ALL_WINDOWS = 1700
"""With structure or without, of pictures that show the same."""
TONES_STAND, LIGHT_STANDS = 0.03, 2.0
"""The same of gain, and of lightness in gray levels."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a pair is no copy, '' where it is one; where not `judged`, why it could not be. `unexplained`: see
    `Measured`. `allowed`: what had to be allowed for, one of `relations.ALLOWED`; `lies`: how copies lie on each other;
    `anew`: where the first look had laid them otherwise, so that what it says of their pixels does not hold; `drawn`:
    whether they are no photographs; `doubtful`: whether they are, agree without any overlay, and not certainly of one
    exposure; `ground`: the gray level that the transparent one of two stands on in the other,
    NaN where there is none such."""

    difference: str
    unexplained: float = math.nan
    judged: bool = True
    allowed: str = ""
    lies: Lies | None = None
    anew: bool = False
    drawn: bool = False
    doubtful: bool = False
    ground: float = math.nan
    differs: bool = False


def judge(
    left: Detail,
    right: Detail,
    pair: Mapping[str, Any],
    *,
    colourful: bool,
    recoloured: Callable[[], int] = lambda: 0,
    looks: Looks | None = None,
    plain: bool = False,
) -> Verdict:
    """The verdict on a pair, of which `pair` holds `columns.AFFINE` and `FIRST_LOOK`; see `difference`, and
    `verdict.recoloured` for what is seen of colours. `plain`: both are (`is_plain`)."""
    affine = np.array([pair[name] for name in AFFINE], np.float64)
    if plain and min(_moved(affine), _moved(_upright(affine, pair["orientation"]))) > LIES_ALIKE + 2 * STANDS:
        return Verdict(TOO_PLAIN, NOTHING.unexplained)
    looks = looks or Looks(left, right, affine)
    if pair["note"] != OTHER_COLOURS_THROUGHOUT:
        verdict, measured = _judge_form(left, right, affine, looks, pair, colourful=colourful)
        doubtful = not verdict.difference and not _certain(measured) and measured.differing <= value("diffuse")
        of_other_colour = doubtful and (recoloured() >= value("recoloured") or _is_grayed_otherwise(measured, pair))
        return Verdict(OTHER_COLOURS, verdict.unexplained) if of_other_colour else verdict
    if looks.agreement.disagreeing > value("displaced"):  # who changes all colours leaves the form as it is
        return Verdict(OTHER_COLOURS, looks.agreement.unexplained)
    verdict, measured = _judge_form(left, right, affine, looks, pair, colourful=colourful)
    return Verdict(OTHER_COLOURS, verdict.unexplained) if verdict.difference or not _certain(measured) else verdict


def _is_grayed_otherwise(m: Measured, pair: Mapping[str, Any]) -> bool:
    """Whether a thing that stands for itself is gray, and in other tones than a copy of it without its colours."""
    toned = abs(pair["gain"] - 1) > value("grayed_gain") or abs(pair["lightness"]) > value("grayed_lightness")
    return bool(pair["gray"]) and is_drawn(m) and toned


def _judge_form(
    left: Detail, right: Detail, affine: Doubles, looks: Looks, pair: Mapping[str, Any], *, colourful: bool
) -> tuple[Verdict, Measured]:
    """The verdict on a pair whatever its colours, and what was measured for it."""
    moved = _moved(affine)
    free, turned = _freedom(pair)
    stands = moved <= STANDS and abs(pair["gain"] - 1) <= TONES_STAND and abs(pair["lightness"]) <= LIGHT_STANDS
    told = partial(difference, stands=stands, colourful=colourful)
    small = max(pair[name] for name in SIZES) < SOFT
    if small and pair["correlation"] < value("small_colourful" if colourful else "small"):
        return Verdict(SAME_TEMPLATE), NOTHING
    doubted = min(len(left.gray), len(right.gray)) > SOFT and pair["distance"] > DOUBTED
    if doubted and looks.hopeless(pair["distance"]):
        return Verdict(SAME_TEMPLATE, looks.agreement.unexplained), NOTHING
    laid, measured = looks.laid, looks.measured
    why = told(measured, free=free, turned=turned)
    if why == SAME_TEMPLATE and _blurred(measured) and not _is_sharp(measured):
        why = told(_with_grain_of(measured, looks.soft.equally_sharp().measured()), free=free, turned=turned)
    if not why and ((free and _fits_anywhere(measured)) or _lies_anywhere(measured, laid.lies().affine)):
        why = TOO_PLAIN
    allowed, anew = "", False
    if why and _may_be_displaced(measured) and looks.agrees():
        displaced = measured.exposure >= value("hint_of_exposure")
        ways = _allowances(left, right, affine, laid, looks, displaced=displaced)
        displaced_copy = _first_copy(ways, laid, measured, partial(told, free=free, turned=turned))
        if displaced_copy:
            allowed, again, measured = displaced_copy
            anew = again.p is not laid.p
            why, laid = "", again
    if not why and pair["distance"] > NEAR_DISTANCE and _show_more(laid, measured):
        why = ANOTHER_SHOT
    few = measured.windows < value("few_windows")
    if why in (SAME_TEMPLATE, TOO_PLAIN) and moved <= NEXT_TO and (few or measured.unexplained <= value("nearly")):
        as_it_is = lay(left, right, AS_IT_IS, refined=not few)
        found = as_it_is.measured()
        if _lies_anywhere(found, as_it_is.lies().affine):  # along a stripe nothing holds it
            as_it_is = lay(left, right, AS_IT_IS, refined=False)
            found = as_it_is.measured()
        why = told(found, free=False, turned=False)
        laid, measured = (laid, measured) if why else (as_it_is, found)
    as_upright = _upright(affine, pair["orientation"])
    hopeless = _moved(as_upright) > FAR and _has_few_corners(measured) and not of_one_exposure(measured)
    if why and turned and measured.unexplained <= value("nearly") and not hopeless:
        upright = lay(left, right, as_upright)  # a face is much like itself in a mirror
        found = upright.measured()
        plain = _lies_anywhere(found, upright.lies().affine) or (_moves_freely(pair) and _fits_anywhere(found))
        if not plain and not told(found, free=_moves_freely(pair), turned=False):
            why, laid, measured, anew = "", upright, found, True
    if why == SAME_TEMPLATE and is_drawn(measured) and _lies_pixel_on_pixel(laid, pair):  # then there is a third look
        toned = (again.measured() for again in laid.toned())
        copy = next((found for found in toned if not told(found, free=False, turned=False)), None)
        why, measured = (why, measured) if copy is None else ("", copy)
    if why:
        return Verdict(why, measured.unexplained), measured
    lies = laid.lies()
    ground = ground_shown(left, right, lies.affine)
    drawn = is_drawn(measured)
    doubtful = not drawn and not _certain(measured) and _agrees(measured)
    differs = not drawn and measured.differing > value("overlaid")
    return Verdict("", measured.unexplained, True, allowed, lies, anew, drawn, doubtful, ground, differs), measured


def _allowances(
    left: Detail, right: Detail, affine: Doubles, laid: Laid, looks: Looks, *, displaced: bool
) -> Iterator[Way]:
    """What may have to be allowed for so that two photographs are copies; a lens and the like only where they may be
    `displaced`."""
    if looks.evened.disagreeing <= value("displaced"):
        yield Way.of(relations.UNEVENLY_LIT, lay(left, right, affine, evened=True))
    if not displaced:
        return
    lensed = through_a_lens(left, right, affine)
    if lensed:
        seen = lay(*lensed, affine)
        yield Way.of(relations.BENT, seen)
        yield Way.of(relations.BENT, seen.bent())
    if looks.agreement.disagreeing <= value("bent_disagreeing"):
        bent = Way.of(relations.BENT, laid.bent())
        yield bent
        if _certain(bent.measured):  # a few pixels are not enough, and the grain says that it is worth more
            yield Way.of(relations.BENT, laid.as_a_quadrilateral().bent())


class Way(NamedTuple):
    """How two pictures lie on each other once something is `allowed` for, one of `relations.ALLOWED`, and what is left
    over then."""

    allowed: str
    laid: Laid
    measured: Measured

    @classmethod
    def of(cls, allowed: str, laid: Laid) -> Way:
        """The way, measured."""
        return cls(allowed, laid, laid.measured())


def _first_copy(ways: Iterable[Way], laid: Laid, measured: Measured, told: Callable[[Measured], str]) -> Way | None:
    """The first way to lie on each other in which two are copies; None where there is none. In an exposure that is
    certain, for freedom fits a lot, or where it is slight."""
    for way in ways:
        slight = way.laid.p is laid.p and _is_slight(measured)
        if (_certain(way.measured) or slight) and not told(way.measured):
            return way
    return None


def _is_slight(m: Measured) -> bool:
    """Whether so little is left over that a smooth displacement may explain it, though grain, resampled, is not
    certain."""
    return m.unexplained <= value("bent") and m.exposure >= value("other_exposure")


def _blurred(m: Measured) -> bool:
    """Whether one of two pictures has the grain of a photograph and the other much less."""
    return m.grain * m.grain_ratio >= value("grain") and m.grain_ratio >= value("softer")


def _with_grain_of(fine: Measured, soft: Measured) -> Measured:
    """What was measured of little detail, with the grain and the ground of all of it: softened, structure passes for
    grain, and a photograph for a drawing."""
    ground = min(soft.ground, fine.ground)
    return replace(soft, exposure=fine.exposure, grain=fine.grain, grain_ratio=fine.grain_ratio, ground=ground)


def _show_more(laid: Laid, m: Measured) -> bool:
    """Whether each of two photographs shows something that the other does not: a copy lies within its original, but for
    what a shift or a rotation has filled with one tone."""
    if m.grain < value("grain") or m.ground > value("ground"):
        return False
    there = np.append(laid.p, 1 - 0.5 * (laid.p[6] + laid.p[7])).reshape(3, 3)  # perspective counts from the middle
    unseen = min(_unseen(laid.template, there), _unseen(laid.source, np.linalg.inv(there)))
    return unseen > value("shows_more")


def _unseen(picture: NDArray[np.uint8], there: Doubles) -> float:
    """The part of a picture that a map (3, 3) carries beyond the other; 0 where that is of one tone."""
    y, x = (np.mgrid[: len(picture), : len(picture)] + 0.5) / len(picture)
    u, v, depth = np.tensordot(there, np.stack([x, y, np.ones_like(x)]), 1)
    u, v = u / depth, v / depth
    beyond = picture[(u < 0) | (u > 1) | (v < 0) | (v > 1)].astype(np.float64)
    if not len(beyond):
        return 0.0
    filled = np.abs(beyond - np.median(beyond)) < value("fill")
    return 0.0 if filled.mean() > value("filled") else len(beyond) / picture.size


def _may_be_displaced(m: Measured) -> bool:
    """Whether light or a smooth displacement may be all that sets two photographs apart: something is left over
    everywhere, not only where an object has moved."""
    return (
        m.windows >= value("few_windows")
        and m.grain >= value("grain")
        and m.ground <= value("blank")
        and m.settled >= value("bent_settled")
    )


class Looks:
    """Looks at a pair under a map, each taken once, when somebody asks for it: at all detail, and at little, as it is
    and whatever the light."""

    def __init__(self, left: Detail, right: Detail, affine: Doubles) -> None:
        self._given = left, right, affine

    @cached_property
    def laid(self) -> Laid:
        """One laid over the other."""
        return lay(*self._given)

    @cached_property
    def measured(self) -> Measured:
        """What is left over then."""
        return self.laid.measured()

    @cached_property
    def _pictures(self) -> tuple[Detail, Detail, Doubles]:
        left, right, affine = self._given
        return softened(left), softened(right), affine

    @cached_property
    def soft(self) -> Laid:
        """The same with little detail."""
        return lay(*self._pictures)

    @cached_property
    def agreement(self) -> Agreement:
        return agreement(self.soft.one, self.soft.other, self.soft.inside)

    @cached_property
    def evened(self) -> Agreement:
        laid = lay(*self._pictures, evened=True)
        return agreement(evened_out(laid.one), evened_out(laid.other), laid.inside)

    def agrees(self) -> bool:
        """Whether the two agree in most places, in the light there is or in even light."""
        most = value("displaced")
        return self.agreement.disagreeing <= most or self.evened.disagreeing <= most

    def hopeless(self, distance: float) -> bool:
        """Whether it tells that more detail will not make copies of two pictures at a distance by the first look."""
        m = self.agreement
        if ground_share(self.soft.one[self.soft.inside]) > value("ground"):
            other = m.unexplained > value("hopeless") or m.disagreeing > value("hopeless_disagreeing")
            return other or m.settled > value("hopeless_settled")
        if m.settled > value("hopeless_settled"):
            return self.evened.settled > value("hopeless_settled")
        most = value("hopeless_photograph")
        return distance > NEAR_DISTANCE and m.disagreeing > most and self.evened.disagreeing > most


def stands_still(affine: Doubles) -> bool:
    """Whether a map (6,) leaves every pixel where it is."""
    return bool(np.abs(affine - AS_IT_IS).max() <= value("stands_still"))


def _lies_pixel_on_pixel(laid: Laid, pair: Mapping[str, Any]) -> bool:
    one_size = pair["left_width"] == pair["right_width"] and pair["left_height"] == pair["right_height"]
    return bool(one_size and stands_still(laid.affine()))


def _upright(affine: Doubles, orientation: int) -> Doubles:
    """A map (6,) without the one of EXIF's orientations that it goes by."""
    turn = geometry.invert_affine(ORIENTATION_MAPS[orientation - 1][None])[0]
    return geometry.compose(affine, turn)


def _freedom(relation: Mapping[str, float]) -> tuple[bool, bool]:
    """`free` and `turned` of `difference`, of a pair's geometry (columns of `columns.PAIR_COLUMNS`)."""
    turned = relation["orientation"] != 1
    return turned or _moves_freely(relation), turned


def _moves_freely(relation: Mapping[str, float]) -> bool:
    """Whether a pair's map does more than to turn by quarters, to mirror, to scale and to crop."""
    unsure = float(relations.doubt(np.array([[relation[name] for name in SIZES]]))[0])
    return bool(
        abs(relation["rotation"]) > value("free_rotated") + math.degrees(2 * unsure)
        or abs(math.log2(relation["stretch"])) > math.log2(value("free_stretched") + 2 * unsure)
        or relation["perspective"] > value("free_perspective") + unsure
    )
