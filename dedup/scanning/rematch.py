"""Which pictures of a scan are related: what the scan before knows is kept, the rest is looked for."""

from __future__ import annotations

from concurrent.futures import Executor
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dedup.matching import relations
from dedup.matching.columns import ANEW, BY_THE_WHOLE, PAIR_COLUMNS
from dedup.model import Kind, OnProgress, Status
from dedup.store.directory import Results
from dedup.store.windows import KeptWindows

if TYPE_CHECKING:
    from dedup.matching import engine


def match(
    images: pd.DataFrame,
    signatures: np.ndarray,
    previous: Results | None,
    windows: KeptWindows,
    executor: Executor,
    report: OnProgress,
) -> Results:
    """Find related pictures: one picture of each set of exact copies (see `proofs`) is matched with the others.

    `images` and `signatures` are those of a scan in the order of its files; of `previous`, the scan before, pairs of
    pictures that are still there are kept and only new ones are looked for, with what `windows` keeps of the others.
    """
    chosen = representatives(images)
    facts = images.iloc[chosen].reset_index(drop=True)
    if len(chosen) < 2:
        return _alone(images, signatures)
    from dedup.matching import engine  # loads the compiled code

    known, fresh = (None, None)
    if previous is not None and _looked_for_alike(previous, chosen):
        known, fresh = _carry_over(previous, images, chosen)
    related = engine.relate(
        facts, signatures[chosen], known=known, fresh=fresh, windows=windows, executor=executor, on_progress=report
    )
    windows.finish(facts["sha256"].tolist())
    pairs = related.pairs.assign(
        left=chosen[related.pairs["left"].to_numpy()].astype(np.int32),
        right=chosen[related.pairs["right"].to_numpy()].astype(np.int32),
    )
    nearest = np.full(len(images), -1, np.int32)
    bits = np.full(len(images), -1, np.int16)
    members, classes = _members(images, chosen)
    there = related.nearest[classes]
    nearest[members] = np.where(there < 0, -1, chosen[there] if len(chosen) else -1)
    bits[members] = related.nearest_bits[classes]
    alike = np.full(len(images), -1, np.int32)
    alike[chosen] = related.alike
    images = images.assign(nearest=nearest, nearest_bits=bits, alike=alike)
    return Results(images, signatures, pairs)


def _alone(images: pd.DataFrame, signatures: np.ndarray) -> Results:
    """A scan with no two different pictures in it."""
    count = len(images)
    images = images.assign(
        nearest=np.full(count, -1, np.int32),
        nearest_bits=np.full(count, -1, np.int16),
        alike=np.zeros(count, np.int32),
    )
    pairs = pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in PAIR_COLUMNS.items()})
    return Results(images, signatures, pairs)


def representatives(images: pd.DataFrame) -> np.ndarray:
    """Rows of the first readable image of each set of exact copies, ascending. int64 (m,)."""
    readable = images.index[images["status"] == Status.OK]
    first = ~images.loc[readable, "content"].duplicated()
    return np.asarray(readable[first.to_numpy()], np.int64)


def _members(images: pd.DataFrame, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of all readable images, and for each the place in `chosen` of the picture equal to it."""
    rows = np.flatnonzero((images["status"] == Status.OK).to_numpy())
    classes = pd.Index(images["content"].iloc[chosen]).get_indexer(pd.Index(images["content"].iloc[rows]))
    return rows, classes


def _looked_for_alike(previous: Results, chosen: np.ndarray) -> bool:
    """Whether the scan before looked as hard as so many pictures are looked for today: among more, less is found."""
    from dedup.matching.candidates import plan_for

    return plan_for(len(representatives(previous.images))) == plan_for(len(chosen))


def _carry_over(previous: Results, images: pd.DataFrame, chosen: np.ndarray) -> tuple[engine.Related, np.ndarray]:
    """What the previous scan knows of today's pictures, in places of `chosen`, and which pictures are new (bool)."""
    from dedup.matching import candidates, engine

    before = representatives(previous.images)
    today = pd.MultiIndex.from_frame(images.iloc[chosen][["content", "sha256"]])
    then = pd.MultiIndex.from_frame(previous.images.iloc[before][["content", "sha256"]])
    moved = np.full(len(previous.images), -1, np.int64)  # previous row -> place today
    moved[before] = today.get_indexer(then)
    origin = np.full(len(chosen), -1, np.int64)  # place today -> previous row
    kept = before[moved[before] >= 0]
    origin[moved[kept]] = kept

    pairs = previous.pairs
    whole = pairs.loc[pairs["details"] == ANEW, "left"].to_numpy()  # of which a look at the whole is known no more
    of_whole = pairs["details"].isin([0, BY_THE_WHOLE])  # what parts tell is told anew (`parts`)
    pairs = pairs[(pairs["kind"] != Kind.EXACT) & of_whole]
    left, right = moved[pairs["left"].to_numpy()], moved[pairs["right"].to_numpy()]
    alive = (left >= 0) & (right >= 0)
    pairs = pairs[alive].assign(left=left[alive].astype(np.int32), right=right[alive].astype(np.int32))
    pairs = relations.turned(pairs, (pairs["left"] > pairs["right"]).to_numpy()).reset_index(drop=True)

    nearest = np.full(len(chosen), -1, np.int32)
    bits = np.full(len(chosen), -1, np.int16)
    kept_today = moved[kept]
    there = previous.images["nearest"].to_numpy()[kept]
    nearest[kept_today] = np.where(there >= 0, moved[there], -1)
    bits[kept_today] = previous.images["nearest_bits"].to_numpy()[kept]
    alike = np.zeros(len(chosen), np.int32)
    alike[kept_today] = previous.images["alike"].to_numpy()[kept]
    fresh = (origin < 0) | (nearest < 0)  # whose nearest image has gone must look again
    fresh |= np.isin(origin, whole)
    if len(kept) < len(before):
        fresh |= alike > sum(candidates.MOST_SMALL)  # somebody may have gone in whose place another one comes
        fresh |= alike < 0  # nor were flat pictures to any but the first of them
    return engine.Related(pairs.reset_index(drop=True), nearest, bits, alike), fresh
