"""Pictures of which a part is the same, for a thorough scan: keypoints of every picture say which pairs may be, and
their files are read once more to tell (`matching.points`, `matching.parts`).

What is taken of a file, and what is told of a pair, is kept by content: a later scan does it for what is new.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dedup.images.keypoints import POINT, Keypoints
from dedup.matching import geometry, notes, points, relations
from dedup.matching import parts as matching
from dedup.matching.columns import AFFINE, ANEW, BY_THE_WHOLE, NEUTRAL, PAIR_COLUMNS, SIZES
from dedup.matching.points import Shared
from dedup.matching.verdict import kept_of, recoded, unjudged
from dedup.model import Kind
from dedup.scanning.crops import GONE, PICTURES, are_crops
from dedup.scanning.portions import portions
from dedup.scanning.rematch import representatives
from dedup.store import vectors
from dedup.store.directory import Results, Store

Reading = Callable[[str, str], Callable[[Sequence[int]], Iterable[tuple[int, Any]]]]
"""Gives for a stage and a task what reads the files of rows and gives (row, what the task gives)."""

SAVED = 2048
"""Keypoints of so many files are kept at a time, that a killed scan need not take again: 30 MB."""
MAY_BE_PARTS = ("", notes.SAME_TEMPLATE, notes.ANOTHER_MOMENT, notes.TOO_PLAIN)
"""Notes of pairs that are alike as a whole and may still be parts of each other: not those that hold other data, have
other colours, or are two shots."""
NAMES = ("one", "other", "agreeing")
"""Columns that name a pair that was looked at: by SHA-256, and by how many keypoints agreed."""
NOTHING = Keypoints(0, 0, np.empty(0, POINT))


def tell(
    results: Results, store: Store, reading: Reading, still_holds: Callable[[int, str], bool], executor: Executor
) -> Results:
    """`results` with the pairs of which one is a copy, or a part, of the other by its details, where that was not
    known. `still_holds` tells whether the file of a row has the bytes of a SHA-256: what is kept by content is believed
    for ever. Raises `DatasetError` where what was taken cannot be kept."""
    rows = _candidates(results.images)
    sha256 = results.images["sha256"].iloc[rows].tolist()
    name_of = dict(zip(rows.tolist(), sha256, strict=True))

    def sound(stage: str, task: str) -> Callable[[Sequence[int]], Iterator[tuple[int, Any]]]:
        read = reading(stage, task)
        return lambda some: ((row, found) for row, found in read(some) if still_holds(row, name_of[row]))

    shared = points.shared(_keypoints(store, name_of, sound), executor, _nearest(store, sha256))
    asked = _open(results.pairs, rows[shared.left], rows[shared.right])
    looked = _look(store, rows, sha256, shared, asked, sound, executor)
    return replace(results, pairs=_joined(results, looked))


def _candidates(images: pd.DataFrame) -> NDArray[np.int64]:
    """Rows of the pictures whose parts are looked for, in the order of their contents: not labels, nor what has several
    frames or pages."""
    rows = representatives(images)
    some = images.iloc[rows]
    rows = rows[((some["frames"] == 1) & (some["values"] == "")).to_numpy()]
    return rows[np.argsort(images["sha256"].to_numpy(str)[rows], kind="stable")]


def _keypoints(store: Store, name_of: Mapping[int, str], reading: Reading) -> list[Keypoints]:
    """Of each row, whose SHA-256 `name_of` has; none where its file cannot be read any more."""
    known = store.read_keypoints()
    missing = [row for row, name in name_of.items() if name not in known]
    fresh: dict[str, Keypoints] = {}
    try:
        for row, found in reading("finding keypoints", "keypoints")(missing):
            known[name_of[row]] = fresh[name_of[row]] = found
            if len(fresh) >= SAVED:
                store.write_keypoints(fresh)
                fresh = {}
    finally:
        if fresh:
            store.write_keypoints(fresh)
            store.join_keypoints(name_of.values())
    return [known.get(name, NOTHING) for name in name_of.values()]


def _nearest(store: Store, sha256: Sequence[str]) -> NDArray[np.int64]:
    """Places (m, 2) in `sha256` of pictures that are nearest to each other by the vectors that a person gave."""
    found = vectors.read_nearest(store.directory)
    if found is None:
        return np.empty((0, 2), np.int64)
    names, others = found
    place = np.append(pd.Index(sha256).get_indexer(pd.Index(names)), -1)  # the last for those that have fewer
    pairs = np.stack([np.repeat(place[:-1], others.shape[1]), place[others.ravel()]], axis=1)
    pairs = pairs[(pairs >= 0).all(axis=1)]
    return np.unique(np.sort(pairs, axis=1), axis=0).astype(np.int64)


def _open(pairs: pd.DataFrame, left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which pairs of rows are not known to be copies of which either shows all of the other, nor known to be none
    whatever their parts."""
    crops = are_crops(pairs) | (pairs["details"] == BY_THE_WHOLE)
    settled = pairs[((pairs["kind"] != Kind.SIMILAR) | ~pairs["note"].isin(MAY_BE_PARTS)) & ~crops]
    known = set(zip(settled["left"].tolist(), settled["right"].tolist(), strict=True))
    sides = zip(np.minimum(left, right).tolist(), np.maximum(left, right).tolist(), strict=True)
    return np.array([pair not in known for pair in sides], bool)


@dataclass(frozen=True, slots=True)
class _Pair:
    """A pair to look at: its rows, how they lie on each other, so many keypoints of a box of the left one agree, and
    whether one is a negative."""

    left: int
    right: int
    affine: NDArray[np.float64]
    agreeing: int
    box: NDArray[np.float64]
    negative: bool


def _look(
    store: Store,
    rows: NDArray[np.int64],
    sha256: Sequence[str],
    shared: Shared,
    asked: NDArray[np.bool_],
    reading: Reading,
    executor: Executor,
) -> pd.DataFrame:
    """The pairs `asked` about that are related, columns of `PAIR_COLUMNS`, left and right as rows, not in order.

    What was told of a pair holds for as many agreeing keypoints: where others come to light it is looked at anew.
    """
    names = [
        (sha256[left], sha256[right], agreeing)
        for left, right, agreeing in zip(shared.left, shared.right, shared.agreeing.tolist(), strict=True)
    ]
    known = store.read_looked()
    before = set() if known is None else set(_names(known))
    fresh = [place for place in np.flatnonzero(asked).tolist() if names[place] not in before]
    pairs = [
        _Pair(
            int(rows[shared.left[place]]),
            int(rows[shared.right[place]]),
            shared.affine[place],
            int(shared.agreeing[place]),
            shared.box[place],
            bool(shared.negative[place]),
        )
        for place in fresh
    ]
    values: list[dict[str, Any]] = []
    try:
        for place, told in zip(fresh, _judged(pairs, reading, executor), strict=True):
            values.append(dict(zip(NAMES, names[place], strict=True)) | told)
    finally:  # who is stopped keeps what is done
        found = pd.DataFrame(values, columns=[*NAMES, *PAIR_COLUMNS]).drop(columns=["left", "right"])
        every = found if known is None else pd.concat([known, found], ignore_index=True) if len(found) else known
        if len(found):
            there = every["one"].isin(set(sha256)) & every["other"].isin(set(sha256))
            kept = every[there & (every["kind"] != Kind.UNJUDGED)]
            store.write_looked(kept.drop_duplicates(["one", "other"], keep="last"))
    row_of = dict(zip(sha256, rows.tolist(), strict=True))
    wanted = {names[place] for place in np.flatnonzero(asked).tolist()}
    chosen = [name in wanted for name in _names(every)]
    related = every[np.array(chosen, bool) & (every["kind"] != Kind.UNIQUE).to_numpy()]
    sides = {side: related[name].map(row_of) for side, name in (("left", "one"), ("right", "other"))}
    return related.assign(**sides)[list(PAIR_COLUMNS)].astype(PAIR_COLUMNS)


def _names(looked: pd.DataFrame) -> Iterator[tuple[str, str, int]]:
    """What names each pair that was looked at."""
    return zip(*(looked[name] for name in NAMES), strict=True)


def _judged(pairs: Sequence[_Pair], reading: Reading, executor: Executor) -> Iterator[dict[str, Any]]:
    """What is told of each pair, in order, columns of `PAIR_COLUMNS` but left and right; kind "unique" for nothing."""
    sides = np.array([(pair.left, pair.right) for pair in pairs], np.int64).reshape(-1, 2)
    read = reading("looking at parts", "whole")
    held: dict[int, NDArray[np.uint8]] = {}
    for some in portions(sides, PICTURES):
        involved = np.unique(sides[some]).tolist()
        held = {row: held[row] for row in involved if row in held}
        held |= dict(read([row for row in involved if row not in held]))
        yield from executor.map(partial(_judge, held), pairs[some])


def _judge(held: dict[int, NDArray[np.uint8]], pair: _Pair) -> dict[str, Any]:
    """Whatever happens inside costs this pair only."""
    nothing = dict(NEUTRAL) | {"kind": Kind.UNIQUE.value, "details": 1}
    if pair.left not in held or pair.right not in held:
        return unjudged(GONE) | {"details": 1}
    one, other = held[pair.left], held[pair.right]
    try:
        part = matching.judge(one, other, pair.affine, pair.agreeing, pair.box, negative=pair.negative)
        return nothing | dict(part.values)
    except Exception as error:
        return unjudged(f"{type(error).__name__}: {error}") | {"details": 1}


def _joined(results: Results, found: pd.DataFrame) -> pd.DataFrame:
    """All pairs in order; those found by parts take the place of those that were only alike, and of crops where what is
    around one is another picture, a page, a screen, or a border."""
    if found.empty:
        return results.pairs
    found = relations.in_order(_described(found, results.images))
    known = pd.MultiIndex.from_frame(results.pairs[["left", "right"]])
    copies = known[(results.pairs["kind"] == Kind.NEAR).to_numpy()]
    told_more = (found["kind"] == Kind.CONTAINS) | (found["bordered"] != 0)
    found = found[told_more | ~pd.MultiIndex.from_frame(found[["left", "right"]]).isin(copies)]
    anew = pd.MultiIndex.from_frame(found[["left", "right"]])
    before = results.pairs[~known.isin(anew)]
    found = found.assign(details=np.where(anew.isin(known), ANEW, found["details"]).astype(np.int8))
    pairs = pd.concat([before[list(PAIR_COLUMNS)], found]) if len(before) else found
    return relations.in_order(pairs)


def _described(pairs: pd.DataFrame, images: pd.DataFrame) -> pd.DataFrame:
    """Pairs with what their files say of themselves, and the names of what lies between them."""
    columns: dict[str, NDArray[Any]] = {str(name): pairs[name].to_numpy() for name in pairs}
    width, height = (images[name].to_numpy(np.int64) for name in ("width", "height"))
    left, right = columns["left"], columns["right"]
    columns |= dict(zip(SIZES, (width[left], height[left], width[right], height[right]), strict=True))
    affine, sizes = (np.stack([columns[name] for name in names], axis=1) for names in (AFFINE, SIZES))
    read = geometry.read_off(affine, sizes)
    columns |= {name: read[name] for name in ("orientation", "rotation", "scale", "stretch")}
    columns |= kept_of(images, columns) | {"recoded": recoded(images, columns)}
    columns["relations"] = np.array(relations.name(columns), object)
    return pd.DataFrame(columns).astype(PAIR_COLUMNS)
