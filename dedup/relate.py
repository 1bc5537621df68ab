"""Between-image work: from signatures to verified pairs and nearest neighbours.

Candidates (`candidates`) are aligned (`alignment`), judged, and described (`relations`). Images are worked on in the
order of their content hash, so that the result depends neither on file names nor on the order of the rows.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dedup import alignment, candidates, relations, verdict
from dedup.model import OnProgress, Progress

Number = TypeVar("Number", bound=np.generic)

EARLY = 0.9
"""A pair that correlates less than this after the coarse alignment is given up."""
CHUNK = 256
"""Pictures, or pairs, worked on at a time by one thread."""


@dataclass(frozen=True, slots=True)
class Related:
    """What `relate` found.

    `pairs` has the columns of `relations.PAIR_COLUMNS`, left < right, ordered by (left, right). `nearest` (n,) int32
    is each row's nearest other row by hash over eight orientations (-1: none) and `nearest_bits` (n,) int16 the
    Hamming distance to it, 0..256 (-1: none).
    """

    pairs: pd.DataFrame
    nearest: NDArray[np.int32]
    nearest_bits: NDArray[np.int16]


def relate(
    facts: pd.DataFrame,
    signatures: NDArray[np.void],
    *,
    known: Related | None = None,
    fresh: NDArray[np.bool_] | None = None,
    workers: int | None = None,
    on_progress: OnProgress | None = None,
) -> Related:
    """Find and describe all near-duplicate and similar pairs among distinct pictures."""
    order = np.argsort(facts["sha256"].to_numpy(), kind="stable")
    facts, signatures = facts.iloc[order].reset_index(drop=True), signatures[order]
    clock = _Clock(on_progress)
    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        near, bits = candidates.nearest(signatures["hash"], pool)
        pairs = _pairs(facts, signatures, pool, clock)
    return Related(_to_rows(pairs, order), _rows(near, order), _in_order(bits, order))


@dataclass(frozen=True, slots=True)
class _Clock:
    """Tells how far the work is."""

    on_progress: OnProgress | None
    start: float = field(default_factory=time.monotonic)

    def tell(self, stage: str, done: int, total: int) -> None:
        if self.on_progress:
            self.on_progress(Progress(stage, done, total, time.monotonic() - self.start))


def _pairs(facts: pd.DataFrame, signatures: NDArray[np.void], pool: Executor, clock: _Clock) -> pd.DataFrame:
    """The pairs table of pictures in their order, left < right."""
    tiny = np.ascontiguousarray(signatures["tiny"])
    index = candidates.Index(tiny, signatures["trim"])
    matches = [np.empty((0, 6))]
    parts = np.array_split(np.arange(len(index)), max(1, len(index) // CHUNK))
    for done, found in enumerate(pool.map(index.search, parts), 1):
        matches.append(found)
        clock.tell("candidates", done, len(parts))
    found = index.candidates(np.concatenate(matches))
    maps, measures = _align(tiny, index, found, pool, clock)
    return verdict.judge(facts, signatures, found, maps, measures)


def _align(
    tiny: NDArray[np.uint8], index: candidates.Index, pairs: candidates.Candidates, pool: Executor, clock: _Clock
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    def work(part: NDArray[np.intp]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return alignment.align(tiny, pairs.source[part], pairs.template[part], pairs.start[part], index.content, EARLY)

    parts = np.array_split(np.arange(len(pairs)), max(1, len(pairs) // CHUNK))
    maps, measures = [], []
    for done, (found, measured) in enumerate(pool.map(work, parts), 1):
        maps.append(found)
        measures.append(measured)
        clock.tell("pairs", done, len(parts))
    return np.concatenate(maps), np.concatenate(measures)


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
    turned = (pairs["left"] > pairs["right"]).to_numpy()
    pairs = pd.concat([pairs[~turned], relations.invert(pairs[turned])]) if turned.any() else pairs
    return pairs.sort_values(["left", "right"]).reset_index(drop=True).astype(relations.PAIR_COLUMNS)
