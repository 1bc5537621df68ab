"""Between-image work: from signatures to verified pairs and nearest neighbours.

Candidates (`candidates`) are aligned (`alignment`), judged, and described (`relations`). Images are worked on in the
order of their content hash, so that the result depends neither on file names nor on the order of the rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dedup.images import signature
from dedup.machine import default_workers
from dedup.matching import alignment, candidates, nearest_hash, relations, verdict
from dedup.matching.banded_index import Banded
from dedup.matching.candidates import plan_for
from dedup.matching.columns import PAIR_COLUMNS
from dedup.matching.window_keys import Kept, WindowKeys
from dedup.model import OnProgress, Progress

Number = TypeVar("Number", bound=np.generic)
Outcome = TypeVar("Outcome")
Places = NDArray[np.intp]

EARLY = 0.9
"""A pair that correlates less than this after the coarse alignment is given up."""
JUDGED = 8192
"""Pairs judged at a time."""
CHUNK = 256
"""Pictures, or pairs, worked on at a time by one thread."""
WORTH_KEEPING = 5_000
"""Of more pictures the keys of windows are kept: of fewer, some seconds at most would be saved."""


@dataclass(frozen=True, slots=True)
class Related:
    """What `relate` found.

    `pairs` has the columns of `columns.PAIR_COLUMNS`, left < right, ordered by (left, right). `nearest` (n,) int32
    is each row's nearest other row by hash over eight orientations (-1: none) and `nearest_bits` (n,) int16 the
    Hamming distance to it, 0..256 (-1: none). `alike` (n,) int32 counts the candidates of each row, -1 for a flat one:
    where they were too many for all to be compared, the next run must look again.
    """

    pairs: pd.DataFrame
    nearest: NDArray[np.int32]
    nearest_bits: NDArray[np.int16]
    alike: NDArray[np.int32]


def relate(
    facts: pd.DataFrame,
    signatures: NDArray[np.void],
    *,
    known: Related | None = None,
    fresh: NDArray[np.bool_] | None = None,
    windows: Kept | None = None,
    executor: Executor | None = None,
    workers: int | None = None,
    on_progress: OnProgress | None = None,
) -> Related:
    """Find and describe all near-duplicate and similar pairs among distinct pictures.

    `facts` has one row per picture (the columns `verdict.FACTS` and sha256 are used), `signatures` the same rows. The
    work is done on `executor`, or on so many threads of its own. With `known`, the result for the rows that are not
    `fresh` (in present row numbers, pairs and nearest of vanished rows left out), only pairs with a fresh row are
    looked for; the result is that of a whole run. What `windows` keeps of known pictures is not computed again.
    """
    order = _order(facts)
    facts = facts.iloc[order].reset_index(drop=True)
    if known is None or fresh is None or plan_for(len(fresh)) != plan_for(int((~fresh).sum())):
        known = new = None
    else:
        new = fresh[order]
    clock = _Clock(on_progress)
    with nullcontext(executor) if executor else ThreadPoolExecutor(workers or default_workers()) as pool:
        near, bits = _nearest(signatures["hash"][order], known, new, order, pool)
        search = _Search(facts, signatures, order, pool, clock, windows if len(facts) > WORTH_KEEPING else None)
        found = search.run(new, None if known is None else known.alike[order])
    pairs = _to_rows(found.pairs, order)
    if known is not None:
        again = _in_order(found.looked, order)
        kept = known.pairs[~again[known.pairs["left"].to_numpy()] & ~again[known.pairs["right"].to_numpy()]]
        pairs = _merged(kept, pairs)
    return Related(pairs, _rows(near, order), _in_order(bits, order), _in_order(found.alike, order))


def _order(facts: pd.DataFrame) -> NDArray[np.intp]:
    """Rows in an order that depends on contents alone: what is likelier to stay for its copies comes first."""
    area = facts["width"].to_numpy(np.int64) * facts["height"].to_numpy(np.int64)
    quality = facts["jpeg_quality"].fillna(np.inf).to_numpy(np.float64)
    sha256 = pd.factorize(facts["sha256"], sort=True)[0]
    return np.lexsort((sha256, -quality, -facts["bits"].to_numpy(np.int64), -area))


def _nearest(
    hashes: NDArray[np.uint8],
    known: Related | None,
    fresh: NDArray[np.bool_] | None,
    order: NDArray[np.intp],
    pool: Executor,
) -> tuple[NDArray[np.int32], NDArray[np.int16]]:
    """Each sorted row's nearest other sorted row, and the bits between."""
    if known is None or fresh is None:
        return nearest_hash.nearest(hashes, pool)
    place = _in_order(np.arange(len(order), dtype=np.int32), order)
    rows = known.nearest[order]
    rows = np.where(rows >= 0, place[rows], -1).astype(np.int32)
    return nearest_hash.nearest_with_known(hashes, (rows, known.nearest_bits[order]), fresh, pool)


def _merged(known: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """Known pairs and those with a fresh row, in order."""
    pairs = pd.concat([known[list(PAIR_COLUMNS)], found])
    return pairs.sort_values(["left", "right"]).reset_index(drop=True).astype(PAIR_COLUMNS)


@dataclass(frozen=True, slots=True)
class _Clock:
    """Tells how far the work is."""

    on_progress: OnProgress | None
    start: float = field(default_factory=time.monotonic)

    def tell(self, stage: str, done: int, total: int) -> None:
        if self.on_progress:
            self.on_progress(Progress(stage, done, total, time.monotonic() - self.start))


@dataclass(frozen=True, slots=True)
class _Found:
    """`pairs` of sorted pictures, left < right, `alike` as in `Related`, and which were looked at anew: all their pairs
    are there."""

    pairs: pd.DataFrame
    alike: NDArray[np.int32]
    looked: NDArray[np.bool_]


@dataclass(frozen=True)
class _Search:
    """The search for pairs among sorted pictures.

    `signatures` stay in the caller's order, in which `order` finds the sorted ones: a million of them fill gigabytes.
    """

    facts: pd.DataFrame
    signatures: NDArray[np.void]
    order: NDArray[np.intp]
    pool: Executor
    clock: _Clock
    kept: Kept | None

    def run(self, fresh: NDArray[np.bool_] | None, before: NDArray[np.int32] | None) -> _Found:
        """All pairs, or those with a fresh picture; `before` is `alike` of the run before, where there was one.

        What is like so many others that not all were compared is looked at anew when another one comes or goes.
        """
        index, matches, counts = self._matches(fresh)
        if fresh is None or before is None:
            looked = np.ones(len(self.order), bool)
            alike = counts
        else:
            alike = np.where(fresh, counts, np.maximum(before, 0) + counts)
            flats = index.flat[: len(self.order)]
            crowded = (alike > index.most) & (counts > 0)
            looked = fresh | crowded | (flats & (flats & fresh).any())
            if (looked & ~fresh).any():
                index, matches, counts = self._matches(looked)
                alike = np.where(looked, counts, alike)
        told = np.where(index.flat[: len(self.order)], -1, alike).astype(np.int32)
        return _Found(self._pairs(index, matches), told, looked)

    def _matches(
        self, fresh: NDArray[np.bool_] | None
    ) -> tuple[candidates.Index, NDArray[np.float64], NDArray[np.int64]]:
        """The index, matches (see `candidates.Matches`), and how many were found for each picture."""
        plan = plan_for(len(self.facts))
        target = Banded if plan.band else candidates.Brute
        sizes = self.facts[["width", "height"]].to_numpy(np.int64)
        tiny, trims = self.signatures["tiny"], self.signatures["trim"]
        clear = np.flatnonzero(np.asarray(self.signatures["clear"].any(axis=1))[self.order])
        there = signature.otherwise(self.signatures[self.order[clear]])["tiny"] if len(clear) else None
        index = candidates.Index(tiny, trims, self.order, sizes, plan, target, fresh, clear, there)
        worth, held = self._worth_searching(index, fresh)
        some = np.flatnonzero(worth)
        parts = np.array_split(some, max(1, len(some) // CHUNK))
        rows, counts = [index.flat_matches(self._nearest_of(index.faint))], np.zeros(len(self.order), np.int64)
        for done, found in enumerate(self.pool.map(index.search, parts), 1):
            rows.append(found.rows)
            np.maximum.at(counts, index.owner[found.queries], found.counts)
            self._keep(index, found, held)
            self.clock.tell("candidates", done, len(parts))
        return index, np.concatenate(rows), counts

    def _worth_searching(
        self, index: candidates.Index, fresh: NDArray[np.bool_] | None
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which views may match anything that is looked for, and of which the keys of the windows are kept."""
        worth, held = np.ones(len(index), bool), np.zeros(len(index), bool)
        if self.kept is None:
            return worth, held
        if fresh is None:
            self.kept.clear()
            return worth, held
        pictures = pd.Index(self.facts["sha256"])
        for some in self.kept:
            views = index.views_of(pictures.get_indexer(pd.Index(some.sha256)), some.kind)
            there = views >= 0
            views = views[there]
            held[views] = True
            worth[views] = index.may_match(views, some.keys[there])
        return worth, held

    def _keep(self, index: candidates.Index, found: candidates.Matches, held: NDArray[np.bool_]) -> None:
        new = ~held[found.keyed]
        if self.kept is not None and new.any():
            views = found.keyed[new]
            sha256 = self.facts["sha256"].to_numpy(object)[index.owner[views]]
            self.kept.add(WindowKeys(sha256, index.kind[views], found.keys[new]))

    def _nearest_of(self, some: NDArray[np.intp]) -> NDArray[np.integer]:
        """For each of some pictures the nearest by hash among them (m, k), -1 for none."""
        if not len(some):  # nor is what compares them compiled
            return np.empty((0, candidates.NEAREST_FAINT), np.intp)
        near = nearest_hash.several(self.signatures["hash"][self.order[some]], candidates.NEAREST_FAINT, self.pool)
        return np.where(near >= 0, some[near], -1)

    def _pairs(self, index: candidates.Index, matches: NDArray[np.float64]) -> pd.DataFrame:
        found = index.candidates(matches)
        nothing = verdict.judge(
            self.facts[:0], self.signatures[:0], found.part(slice(0)), np.empty((0, 6)), alignment.NOTHING
        )
        frames = [nothing]
        blocks = [slice(start, start + JUDGED) for start in range(0, len(found), JUDGED)]
        for done, block in enumerate(blocks, 1):
            frames.append(_judge(self.facts, self.signatures, self.order, index, found.part(block), self.pool))
            self.clock.tell("pairs", done, len(blocks))
        return pd.concat(frames, ignore_index=True)


def _judge(
    facts: pd.DataFrame,
    signatures: NDArray[np.void],
    order: NDArray[np.intp],
    index: candidates.Index,
    pairs: candidates.Candidates,
    pool: Executor,
) -> pd.DataFrame:
    """Align and judge some pairs, on a copy of just the pictures they are about."""
    involved, places = np.unique(np.concatenate([pairs.source, pairs.template]), return_inverse=True)
    source, template = places.reshape(2, -1).astype(np.int32)
    chosen = signatures[order[involved]]
    if pairs.otherwise.any():  # those that stand on their other tone come after all that stand on their own
        source, template = (np.stack([source, template]) + len(involved) * pairs.otherwise.T).astype(np.int32)
        involved, chosen = np.tile(involved, 2), np.concatenate([chosen, signature.otherwise(chosen)])
    local = candidates.Candidates(source, template, pairs.start, pairs.otherwise)
    tiny, content = np.ascontiguousarray(chosen["tiny"]), index.content[involved]
    some_facts = facts.iloc[involved].reset_index(drop=True)

    def align(rows: Places) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        some = local.part(rows)
        return alignment.align(tiny, some.source, some.template, some.start, content, EARLY)

    parts = np.array_split(np.arange(len(local)), -(-len(local) // CHUNK))
    aligned = [each for part in pool.map(partial(sparing, align), parts) for each in part]
    failed = [(rows, outcome) for rows, outcome in aligned if isinstance(outcome, Exception)]
    sound = [(rows, outcome) for rows, outcome in aligned if not isinstance(outcome, Exception)]
    frames: list[pd.DataFrame] = []
    if sound:
        good = np.concatenate([rows for rows, _ in sound])
        maps, measures = (np.concatenate([outcome[i] for _, outcome in sound]) for i in range(2))

        def judge(rows: Places) -> pd.DataFrame:
            return verdict.judge(some_facts, chosen, local.part(good[rows]), maps[rows], measures[rows])

        for rows, told in sparing(judge, np.arange(len(good))):
            if isinstance(told, Exception):
                failed.append((good[rows], told))
            else:
                frames.append(told)
    for rows, outcome in failed:
        assert isinstance(outcome, Exception)
        frames.append(verdict.not_judged(some_facts, local.part(rows), outcome))
    frame = pd.concat(frames, ignore_index=True)
    return frame.assign(left=involved[frame["left"]], right=involved[frame["right"]])


def sparing(work: Callable[[Places], Outcome], rows: Places) -> list[tuple[Places, Outcome | Exception]]:
    """What `work` gives for `rows`; where it raises, what it gives for halves of them, down to the rows it fails for:
    whatever happens inside one pair costs that pair only."""
    try:
        return [(rows, work(rows))]
    except Exception as error:
        if len(rows) == 1:
            return [(rows, error)]
        middle = len(rows) // 2
        return sparing(work, rows[:middle]) + sparing(work, rows[middle:])


def _rows(near: NDArray[np.int32], order: NDArray[np.intp]) -> NDArray[np.int32]:
    named = np.where(near >= 0, order[near], -1).astype(np.int32)
    return _in_order(named, order)


def _in_order(values: NDArray[Number], order: NDArray[np.intp]) -> NDArray[Number]:
    """Undo the sorting: values of sorted rows back to the caller's rows."""
    back = np.empty_like(values)
    back[order] = values
    return back


def _to_rows(pairs: pd.DataFrame, order: NDArray[np.intp]) -> pd.DataFrame:
    """Replace sorted rows by the caller's, left below right, in order."""
    pairs["left"], pairs["right"] = order[pairs["left"]], order[pairs["right"]]
    return relations.in_order(pairs)
