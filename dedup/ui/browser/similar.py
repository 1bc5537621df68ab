"""Images like one image, for the compare view: each with its distance, its relation and its place over the first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from dedup.groups.members import members_of
from dedup.images import hashes
from dedup.matching import relations
from dedup.matching.nearest_hash import most_alike
from dedup.model import Kind, Status
from dedup.ui.browser.sides import Side, finite, records, sides
from dedup.ui.shell.library import Opened
from dedup.vectors import of_dataset

MOST = 24
"""Images offered beside the first."""

FEW = 12
"""Fewer related images than this are followed by the most alike of the rest."""


OURS = ""
"""The order of our own matching."""
VECTORS = "vectors"
"""The order of the vectors that a model or a person gave."""
SEGMENTED = 2_000
"""Crop-resistant hashes are lists of hashes, compared one by one: of more images that would take too long."""


def orders(opened: Opened) -> dict[str, str]:
    """By what similar images can be ordered: our matching, and the hashes of imagehash that were computed."""
    frame = opened.dataset.frame
    kinds = [kind for kind in hashes.KINDS if hashes.COLUMN + kind in frame]
    if len(frame) > SEGMENTED:
        kinds = [kind for kind in kinds if kind != hashes.CROP_RESISTANT]
    meant = {VECTORS: "by vectors"} if opened.vectors().source else {}
    return {OURS: "by relation"} | meant | {kind: f"by {kind}" for kind in kinds}


def candidates(opened: Opened, row: int, order: str = OURS) -> list[Side]:
    """The others of the image's group, then those related to it, nearest first, then those most alike by hash; or the
    nearest by a hash of imagehash."""
    dataset = opened.dataset
    if order == VECTORS:
        return _by_vectors(opened, row)
    if order != OURS:
        return _by_hash(opened, row, order)
    group = others_of(dataset.frame, row)
    related = related_to(dataset.pairs, row)
    first = [*group, *(each for each in related if each not in group)][:MOST]
    shown = dict(zip(first, sides(dataset, first), strict=True))
    content = dataset.frame["content"].iloc[[row, *first]].tolist()
    equal = {each for each, told in zip(first, content[1:], strict=True) if told and told == content[0]}
    found = [
        _candidate(shown[each], related[each], row) if each in related else _member(shown[each], exact=each in equal)
        for each in first
    ]
    for each, side in zip(first, found, strict=True):
        side["heading"] = "its group" if each in group else "related, no duplicates"
    return found + _alike(opened, row, first)


def others_of(frame: pd.DataFrame, row: int) -> list[int]:
    """The other images of the group of `row`, the one that stays first."""
    group = int(frame["group"].to_numpy()[row])
    return [each for each in members_of(frame, group) if each != row] if group >= 0 else []


def _member(shown: Side, *, exact: bool) -> Side:
    """A copy with which no pair of its own is listed: both are copies of the one that stays."""
    words = relations.IDENTICAL_PIXELS if exact else "in the same group: both are copies of the one that stays"
    more: Any = {"distance": 0.0} if exact else {}
    return {**shown, **more, "relation": words, "note": "exact copy" if exact else "same group"}


def _alike(opened: Opened, row: int, listed: Sequence[int]) -> list[Side]:
    """The most alike of the rest by hash, where few images are related."""
    dataset = opened.dataset
    usable = (dataset.frame["status"] == Status.OK).to_numpy()
    alike = [(each, bits) for each, bits in most_alike(dataset.hashes, usable, row, MOST) if each not in listed]
    alike = alike[: max(0, FEW - len(listed))]
    shown = sides(dataset, [each for each, _ in alike])
    return [
        {
            **side,
            "relation": f"most alike of the rest: {bits} of 256 bits differ",
            "note": f"{bits} of 256 bits",
            "heading": "not duplicates, merely most alike",
        }
        for side, (_, bits) in zip(shown, alike, strict=True)
    ]


def _by_hash(opened: Opened, row: int, kind: str) -> list[Side]:
    """The nearest images by a hash of imagehash, those that are related as they are."""
    dataset = opened.dataset
    texts = dataset.frame[hashes.COLUMN + kind].tolist()
    hashed: hashes.Hashed = opened.kept(("hashed", kind, sum(map(bool, texts))), lambda: hashes.Hashed(kind, texts))
    apart = hashed.distances(row)
    apart[row] = np.nan
    nearest = np.argsort(apart, kind="stable")[:MOST]  # NaN comes last
    rows = nearest[np.isfinite(apart[nearest])].tolist()
    return _told(opened, row, {each: f"{apart[each]:g} by {kind}" for each in rows}, f"nearest by {kind}")


def _by_vectors(opened: Opened, row: int) -> list[Side]:
    """The nearest by the vectors that were given: what a model finds alike, copies or not."""
    held = opened.vectors()
    if not held.known[row]:
        return []
    found = of_dataset.search(held, held.of(np.array([row]))[0], MOST + 1)  # itself among them
    notes = {other: f"cosine {cosine:.3f}" for other, cosine in [each for each in found if each[0] != row][:MOST]}
    return _told(opened, row, notes, f"nearest by {held.source}")


def _told(opened: Opened, row: int, notes: Mapping[int, str], heading: str) -> list[Side]:
    """Images with what each is to the first, where that is known, and a note."""
    related = related_to(opened.dataset.pairs, row)
    return [
        {
            **(
                _candidate(shown, related[each], row) if each in related else {**shown, "relation": "no relation found"}
            ),
            "note": note,
            "heading": heading,
        }
        for (each, note), shown in zip(notes.items(), sides(opened.dataset, list(notes)), strict=True)
    ]


def related_to(pairs: pd.DataFrame, row: int) -> dict[int, dict[str, Any]]:
    """The images with which a pair of `row` is listed, each with that pair, by distance."""
    held = (pairs["left"].to_numpy() == row) | (pairs["right"].to_numpy() == row)
    found = pairs[held].sort_values(["distance", "left", "right"], kind="stable")
    others = np.where(found["left"] == row, found["right"], found["left"]).astype(int).tolist()
    return dict(zip(others, records(found, range(len(found))), strict=True))


NOTES = {str(Kind.EXACT): "exact copy", str(Kind.CONTAINS): "a part"}
"""What is said of kinds of pairs for which a distance means nothing."""


def _candidate(shown: Side, pair: Mapping[str, Any], row: int) -> Side:
    told, back = relations.told_and_back(pair, row)
    return {
        **shown,
        "distance": None if pair["kind"] == Kind.CONTAINS else float(pair["distance"]),
        "relation": told.sentence(),
        "note": NOTES.get(pair["kind"]) or f"{pair['kind']} {pair['distance']:.3f}",
        "affine": finite(back.affine()),
    }
