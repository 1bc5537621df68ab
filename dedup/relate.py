"""Between-image work: from signatures to verified pairs and nearest neighbours.

Candidates (`candidates`) are aligned (`alignment`), judged, and described (`relations`). Images are worked on in the
order of their content hash, so that the result depends neither on file names nor on the order of the rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numba
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dedup import alignment, candidates, relations, signature
from dedup.model import OnProgress, Progress

Number = TypeVar("Number", bound=np.generic)

EMPTY_PAIRS = pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in relations.PAIR_COLUMNS.items()})


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
    n = len(facts)
    if workers:
        numba.set_num_threads(max(1, min(workers, numba.config.NUMBA_NUM_THREADS)))
    order = np.argsort(facts["sha256"].to_numpy(), kind="stable")
    facts, signatures = facts.iloc[order].reset_index(drop=True), signatures[order]
    tiny = np.ascontiguousarray(signatures["tiny"])
    keys = candidates.pack(signature.spectrum(tiny) > 0) if n else np.zeros((0, 4), np.uint64)
    oriented = candidates.orient(keys)
    near, bits = candidates.nearest(oriented, keys)
    found = candidates.within(oriented.reshape(-1, 4), keys, np.full(8 * n, 70, np.uint16))
    a, o, b = found[:, 0] // 8, found[:, 0] % 8, found[:, 1]
    keep = a < b
    a, o, b, raw = a[keep], o[keep], b[keep], found[keep, 2]
    best = np.lexsort((o, raw, b, a))
    _, first = np.unique((a * n + b)[best], return_index=True)
    chosen = best[first]
    a, o, b, raw = a[chosen], o[chosen], b[chosen], raw[chosen]
    start = _orientation_maps()[o]
    maps, measures = alignment.align(tiny, b.astype(np.int32), a.astype(np.int32), start, 0.6)
    good = (measures[:, 0] > 0.93) & (measures[:, 1] > 0.6) & (measures[:, 6] > 4)
    pairs = _describe(facts, a[good], b[good], raw[good], maps[good], measures[good])
    if on_progress:
        on_progress(Progress("pairs", n, n))
    return Related(_to_rows(pairs, order), _rows(near, order), _in_order(bits, order))


def _orientation_maps() -> NDArray[np.float64]:
    """The eight orientations as maps (8, 6) of the unit square onto itself."""
    maps = np.zeros((8, 6))
    maps[:, [0, 1, 3, 4]] = relations.ORIENTATIONS.reshape(8, 4)
    maps[:, 2] = (1 - relations.ORIENTATIONS[:, 0].sum(axis=1)) / 2
    maps[:, 5] = (1 - relations.ORIENTATIONS[:, 1].sum(axis=1)) / 2
    return maps


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


def _describe(
    facts: pd.DataFrame,
    a: NDArray[np.intp],
    b: NDArray[np.intp],
    raw: NDArray[np.int64],
    maps: NDArray[np.float64],
    measures: NDArray[np.float64],
) -> pd.DataFrame:
    frame = pd.DataFrame(index=range(len(a)))
    width, height = facts["width"].to_numpy(), facts["height"].to_numpy()
    sizes = np.stack([width[a], height[a], width[b], height[b]], axis=1)
    values = dict.fromkeys(relations.PAIR_COLUMNS, 0)
    values |= relations.geometry(maps, sizes)
    values |= {"left": a, "right": b, "kind": "near", "bits": raw, "correlation": measures[:, 0]}
    values["distance"] = np.clip(2 * (1 - measures[:, 0]), 1e-3, 1)
    values |= {name: maps[:, i] for i, name in enumerate(relations.AFFINE)}
    for i, name in enumerate(("left_width", "left_height", "right_width", "right_height")):
        values[name] = sizes[:, i]
    values |= {"gain": 1 / measures[:, 3], "bias": -measures[:, 4] / measures[:, 3], "saturation": 1.0}
    values |= dict.fromkeys(relations.BOX, np.nan)
    for name, value in values.items():
        frame[name] = value
    frame["relations"] = [relations.ORIENTATION_NAMES.get(o, "recompressed") for o in frame["orientation"]]
    return frame.astype(relations.PAIR_COLUMNS)
