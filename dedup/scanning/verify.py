"""A second look at the pairs that a scan found alike: their files are read once more, to tell copies from pictures that
share a template or a scene (`matching.second_look`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dedup.images.detail import Detail
from dedup.matching import geometry, notes, relations, second_look
from dedup.matching.columns import AFFINE, BOX, NEUTRAL, PAIR_COLUMNS, SIZES
from dedup.matching.laying import Lies
from dedup.matching.parameters import value
from dedup.matching.second_look import Verdict
from dedup.matching.verdict import BEYOND, colourful, recoloured
from dedup.model import NEAR_DISTANCE, Kind
from dedup.scanning import closely, crops, frames
from dedup.scanning.crops import GONE
from dedup.scanning.portions import portions
from dedup.store.directory import Results

Details = Callable[[Sequence[int]], Iterable[tuple[int, Detail]]]
"""Reads the files of rows and gives (row, what a second look needs)."""

PICTURES = 1024
"""Held at a time: 64 kB each."""
PAIRS = 64
"""Looked at by one thread at a time."""
FURTHEST = 1.0
"""Pairs at a greater distance that are no copies are of interest to nobody."""
BRIGHT = 200
"""Gray level from which a ground is white, and black as far from the other end."""


def tell(
    results: Results,
    details: Details,
    pixels: closely.Pixels,
    further: frames.Frames,
    whole: crops.Pictures,
    executor: Executor,
) -> Results:
    """`results` with a second look at each near or similar pair that had none and is not known to differ, a third at
    those that need it, one at all frames of those that have several, and one at what is around crops."""
    pairs = _facing(results.pairs, _open(results.pairs), results.images)
    asked = np.flatnonzero(_open(pairs))
    held: dict[int, Detail] = {}
    plain: dict[int, bool | None] = {}
    verdicts: list[Verdict] = []
    for part in portions(pairs[["left", "right"]].to_numpy()[asked], PICTURES):
        some = asked[part]
        involved = np.unique(pairs[["left", "right"]].to_numpy()[some])
        rows = involved.tolist()
        in_colour = dict(zip(rows, colourful(results.signatures[involved]).tolist(), strict=True))
        held = {row: held[row] for row in rows if row in held}
        new = dict(details([row for row in rows if row not in held]))
        held |= new
        plain |= dict(zip(new, executor.map(_plain, new.values()), strict=True))
        parts = [some[start : start + PAIRS] for start in range(0, len(some), PAIRS)]
        for told in executor.map(partial(_look_at, pairs, held, results.signatures, in_colour, plain), parts):
            verdicts += told
    verdicts = closely.ask(pairs.iloc[asked], verdicts, results.images, pixels, executor)
    verdicts = frames.ask(pairs.iloc[asked], verdicts, results.images, further, executor)
    pairs = crops.apart(with_verdicts(pairs, asked, verdicts), asked, whole, executor)
    return replace(results, pairs=relations.in_order(_of_interest(pairs)))


def _of_interest(pairs: pd.DataFrame) -> pd.DataFrame:
    """`pairs` without those that are too far apart. The next shot of a scene never is, however far the camera moved on:
    what either shows more is all that sets it apart, and a film that pans is made of nothing else."""
    distance = pairs["distance"].mask(pairs["note"] == notes.ANOTHER_SHOT, pairs["distance"].clip(upper=FURTHEST))
    return pairs.assign(distance=distance.astype(pairs["distance"].dtype))[~(distance > FURTHEST)]


def _facing(pairs: pd.DataFrame, some: NDArray[np.bool_], images: pd.DataFrame) -> pd.DataFrame:
    """`pairs`, of which `some` are turned so that the larger picture is left, of equal ones the first by its content:
    names must not decide what a look sees, and it does not see quite the same from either side."""
    area = images["width"].to_numpy(np.int64) * images["height"].to_numpy(np.int64)
    sha256 = images["sha256"].to_numpy(object)
    left, right = pairs["left"].to_numpy(), pairs["right"].to_numpy()
    other_way = some & np.where(area[left] == area[right], sha256[left] > sha256[right], area[left] < area[right])
    return relations.turned(pairs, other_way).copy()


def _open(pairs: pd.DataFrame) -> NDArray[np.bool_]:
    """Pairs that are alike, have not been looked at, and of which nothing else tells that they are no copies."""
    alike = pairs["kind"].isin([Kind.NEAR, Kind.SIMILAR]).to_numpy(np.bool_)
    possible = pairs["note"].isin(["", notes.OTHER_COLOURS_THROUGHOUT]).to_numpy(np.bool_)
    return np.asarray(alike & possible & pairs["unexplained"].isna().to_numpy())


def _look_at(
    pairs: pd.DataFrame,
    held: dict[int, Detail],
    signatures: NDArray[np.void],
    in_colour: dict[int, bool],
    plain: dict[int, bool | None],
    places: NDArray[np.intp],
) -> list[Verdict]:
    return [_look(pair, held, signatures, in_colour, plain) for pair in _rows(pairs, places)]


def _rows(pairs: pd.DataFrame, places: NDArray[np.intp]) -> list[dict[str, Any]]:
    columns = ["left", "right", *AFFINE, *second_look.FIRST_LOOK]
    return [{str(name): value for name, value in row.items()} for row in pairs.iloc[places][columns].to_dict("records")]


def _look(
    pair: dict[str, Any],
    held: dict[int, Detail],
    signatures: NDArray[np.void],
    in_colour: dict[int, bool],
    plain: dict[int, bool | None],
) -> Verdict:
    """The verdict on one pair. Whatever happens inside costs this pair only."""
    left, right = int(pair["left"]), int(pair["right"])
    if left not in held or right not in held:
        return Verdict(GONE, judged=False)
    try:
        in_both = in_colour[left] and in_colour[right]
        other = partial(recoloured, signatures[[left]], signatures[[right]], pair)
        each = [_plainly(plain[side], held[side]) for side in (left, right)]
        told = second_look.judge(held[left], held[right], pair, colourful=in_both, recoloured=other, plain=all(each))
        if told.lies is not None and not np.isfinite(told.lies.affine).all():
            raise ArithmeticError("no map from one to the other")
        return told
    except Exception as error:
        return Verdict(f"{type(error).__name__}: {error}", judged=False)


def _plain(picture: Detail) -> bool | None:
    """Whether a picture is plain; None where that fails."""
    try:
        return second_look.is_plain(picture)
    except Exception:
        return None


def _plainly(known: bool | None, picture: Detail) -> bool:
    """The same, known or asked again, so that a fault is told of the pair that needs it."""
    return second_look.is_plain(picture) if known is None else known


def with_verdicts(pairs: pd.DataFrame, asked: NDArray[np.intp], verdicts: Sequence[Verdict]) -> pd.DataFrame:
    """`pairs` with what was found of those `asked` about."""
    differences = np.array([each.difference for each in verdicts], object)
    judged = np.array([each.judged for each in verdicts])
    distance = pairs["distance"].to_numpy(np.float64)[asked]
    far = np.where(differences == "", np.minimum(distance, NEAR_DISTANCE), np.maximum(distance, BEYOND))
    kinds = np.where(differences == "", Kind.NEAR.value, Kind.SIMILAR.value)
    told = {
        "note": differences,
        "distance": np.where(judged, far, np.nan),
        "kind": np.where(judged, kinds, Kind.UNJUDGED.value),
        "unexplained": [each.unexplained for each in verdicts],
    }
    for name, values in told.items():
        column = pairs[name].to_numpy(copy=True)
        column[asked] = values
        pairs[name] = column
    return _as_they_lie(pairs.astype(PAIR_COLUMNS), asked, verdicts)


def _as_they_lie(pairs: pd.DataFrame, asked: NDArray[np.intp], verdicts: Sequence[Verdict]) -> pd.DataFrame:
    """`pairs` of which copies say what had to be allowed for and how they lie on each other, which a second look sees
    five times as fine as the first."""
    copies = [(place, each, each.lies) for place, each in zip(asked.tolist(), verdicts, strict=True) if each.lies]
    if not copies:
        return pairs
    rows = pairs.index[[place for place, _, _ in copies]]
    pairs.loc[rows, "allowed"] = np.array([relations.ALLOWED.index(each.allowed) for _, each, _ in copies], np.int8)
    _withdraw_overlays(pairs, rows[[not each.differs for _, each, _ in copies]])
    anew = np.array([each.anew for _, each, _ in copies])
    found = _geometry(pairs.loc[rows], [lies for _, _, lies in copies], anew)
    pairs.loc[rows, found.columns] = found.astype({name: PAIR_COLUMNS[name] for name in found.columns})
    _tell_grounds(pairs, rows, np.array([each.ground for _, each, _ in copies]))
    pairs.loc[rows, "relations"] = relations.name({name: pairs.loc[rows, name].to_numpy() for name in PAIR_COLUMNS})
    return pairs


def _withdraw_overlays(pairs: pd.DataFrame, rows: pd.Index) -> None:
    """Let no side of the pairs at `rows` carry an overlay, nor count as made from the other because it does: 48 x 48
    gray levels take a thumbnail's lost strokes for one."""
    some = pairs.loc[rows]
    by_overlay = (some["overlaid"].abs() == 2) & (some[["cropped", "bordered", "gray"]] == 0).all(axis=1)
    left, right = (some[f"{side}_width"].astype(np.int64) * some[f"{side}_height"] for side in ("left", "right"))
    smaller = np.sign(left - right).astype(np.int8)
    pairs.loc[rows, "derived"] = some["derived"].mask(by_overlay, smaller)
    for name in ("overlaid", *BOX):
        pairs.loc[rows, name] = NEUTRAL[name]


def _tell_grounds(pairs: pd.DataFrame, rows: pd.Index, grounds: NDArray[np.float64]) -> None:
    """Let the transparent side of the pairs at `rows` say which ground it stands on in the other, if one is known."""
    tones = [grounds >= BRIGHT, grounds <= 255 - BRIGHT]
    paper = np.select(tones, [relations.ALPHA["white"], relations.ALPHA["black"]], relations.ALPHA[""])
    for side in ("left_alpha", "right_alpha"):
        known = ~np.isnan(grounds) & (pairs.loc[rows, side] != 0).to_numpy()
        pairs.loc[rows[known], side] = paper[known].astype(np.int8)


def _clearly_cut(read: Mapping[str, NDArray[np.float64]], pairs: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether less is seen of either than a pixel of the lesser picture explains."""
    whole = value("cropped") - 2 * relations.doubt(pairs[SIZES].to_numpy())
    return np.asarray(np.minimum(read["seen_left"], read["seen_right"]) < whole)


def _geometry(pairs: pd.DataFrame, lies: Sequence[Lies], anew: NDArray[np.bool_]) -> pd.DataFrame:
    """The columns of pairs that follow from how they lie on each other; where that was found `anew`, nothing is said
    of what was told from pixels that did not lie right."""
    affine = np.stack([each.affine for each in lies])
    read = geometry.read_off(affine, pairs[SIZES].to_numpy())
    # what a lens shows at the edges, or has made up there, is no crop: of which was made from which it tells nothing
    straight = (pairs["allowed"] != relations.ALLOWED.index(relations.BENT)).to_numpy()
    part_left, part_right = (straight & (read[f"seen_{side}"] < value("cropped")) for side in ("left", "right"))
    either = part_left | part_right
    parts = part_left.astype(np.int8) - part_right.astype(np.int8)
    # a first look may have missed a crop by a little; where it told of a border, what is not seen of both is that
    missed = (pairs["cropped"] == 0) & (pairs["bordered"] == 0) & _clearly_cut(read, pairs)
    cropped = np.where(anew | missed, parts, pairs["cropped"] * either)
    tones = {name: np.where(anew, [getattr(each, name) for each in lies], pairs[name]) for name in ("gain", "bias")}
    unsaid = {name: pairs[name].mask(anew, NEUTRAL[name]) for name in ("blur", "grain", "overlaid", *BOX)}
    return pd.DataFrame(read | dict(zip(AFFINE, affine.T, strict=True)) | tones | unsaid, index=pairs.index).assign(
        perspective=[each.perspective for each in lies],
        cropped=cropped,
        bordered=np.where(either, pairs["bordered"], 0),
        derived=np.where(anew, np.where(cropped != 0, cropped, pairs["gray"]), pairs["derived"]),
    )
