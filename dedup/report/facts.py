"""The facts of a report, for people and machines: counts, distributions, issues, groups, leaks, clashes, the plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from dedup.dataset import Dataset
from dedup.exports.montage import captions
from dedup.groups.frame import whole_and_part
from dedup.images import metrics
from dedup.images.metrics import said
from dedup.matching.relations import records, told_and_back
from dedup.model import SCORE_VERSION, SOFTWARE_VERSION, Kind, Status
from dedup.query.bars import bars
from dedup.query.issues import Issue as Kinds
from dedup.review import acts
from dedup.splits import leaks

BARS = 24
WORST, CLASHES, FAILURES, PARTS = 6, 40, 40, 12
"""Images shown of each issue, clashes and failures that are listed, parts that are shown; all are counted."""


@dataclass(frozen=True)
class Issue:
    """A kind of issue: how many images have it, by which limit, and the rows of the worst."""

    name: str
    count: int
    limits: str
    rows: tuple[int, ...]


@dataclass(frozen=True)
class Part:
    """An image of which another one, `whole`, shows something in a part of itself, both as rows; what it is to that in
    words; whether the two are in two splits."""

    whole: int
    part: int
    says: str
    crosses: bool


@dataclass(frozen=True)
class Distribution:
    """A metric: its ends as text and how many images lie in each of `BARS` equal steps between."""

    title: str
    low: str
    high: str
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Facts:
    """Everything that a report says. `groups` are rows, the one that stays first, most bytes to save first; `plan` is
    before and after `dedup remove`: what people decided, or, where they never decided anything, exact copies that
    nothing holds back; of `parts`, those across splits come first; so many images contain one of another split
    (`parts_crossing`)."""

    dataset: Dataset
    made: str
    counts: dict[str, int]
    bytes: int
    saved: int
    similar: int
    distributions: tuple[Distribution, ...]
    issues: tuple[Issue, ...]
    groups: tuple[tuple[int, ...], ...]
    splits: pd.DataFrame
    crossing: int
    moves: int
    remark: str
    parts: tuple[Part, ...]
    part_count: int
    parts_crossing: int
    clashes: tuple[tuple[str, str, str], ...]
    clash_count: int
    failures: tuple[tuple[str, str], ...]
    plan: pd.DataFrame
    plan_words: str

    def to_dict(self) -> dict[str, Any]:
        """The same for machines."""
        paths = self.dataset.frame["path"].tolist()
        return {
            "dataset": self.dataset.name,
            "root": self.dataset.address,
            "made": self.made,
            "software": SOFTWARE_VERSION,
            "score_version": SCORE_VERSION,
            "counts": self.counts,
            "bytes": self.bytes,
            "bytes_saved": self.saved,
            "similar_pairs": self.similar,
            "distributions": {
                each.title: {"low": each.low, "high": each.high, "counts": list(each.counts)}
                for each in self.distributions
            },
            "issues": {
                each.name: {"count": each.count, "limits": each.limits, "worst": [paths[row] for row in each.rows]}
                for each in self.issues
            },
            "groups": [[self._member(row) for row in rows] for rows in self.groups],
            "leaks": {
                "matrix": self.splits.to_dict(),
                "groups": self.crossing,
                "moves": self.moves,
                "parts": self.parts_crossing,
            },
            "parts": {
                "count": self.part_count,
                "shown": [
                    {"whole": paths[each.whole], "part": paths[each.part], "relation": each.says} for each in self.parts
                ],
            },
            "clashes": {
                "count": self.clash_count,
                "shown": [{"left": left, "right": right, "says": says} for left, right, says in self.clashes],
            },
            "failures": [{"path": path, "reason": reason} for path, reason in self.failures],
            "plan": {"what": self.plan_words, **self.plan.to_dict()},
        }

    def _member(self, row: int) -> dict[str, Any]:
        """One image of a group: whether it stays, and what is said of it, its relation and the reason among it."""
        path, *says = captions(self.dataset.frame, row)
        role = str(self.dataset.frame["role"].iat[row])
        return {"path": path, "role": role, "says": [line for line in says if line]}


def gather(dataset: Dataset) -> Facts:
    """The facts of a dataset as it stands. Raises `AnnotationError` where its labels cannot be read."""
    frame, groups = dataset.frame, dataset.groups.table
    kinds = frame["kind"].astype(str).value_counts()
    failed = frame[frame["status"] == Status.FAILED]
    clashes = dataset.open_clashes
    paths = frame["path"].to_numpy(object)
    repair = leaks.repair(leaks.staying(frame), dataset.pairs)
    goes, words = _going(dataset)
    parts = dataset.pairs[dataset.pairs["kind"] == Kind.CONTAINS]
    across = leaks.parts_across(frame, parts)
    return Facts(
        dataset=dataset,
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        counts={"images": len(frame), **{str(kind): int(kinds.get(kind, 0)) for kind in _COUNTED}},
        bytes=int(frame["bytes"].sum()),
        saved=int(groups["bytes_saved"].sum()),
        similar=int((dataset.pairs["kind"] == Kind.SIMILAR).sum()),
        distributions=tuple(_distributions(frame)),
        issues=tuple(_issues(frame, dataset.issues)),
        groups=tuple(group.rows for group in dataset.groups),
        splits=leaks.matrix(frame),
        crossing=len(leaks.crossing_groups(frame)),
        moves=len(repair.moves),
        remark=leaks.out_of_sight(frame),
        parts=tuple(_parts(parts, set(across))),
        part_count=len(parts),
        parts_crossing=leaks.holders(across),
        clashes=tuple((paths[each.left], paths[each.right], each.sentence()) for each in clashes[:CLASHES]),
        clash_count=len(clashes),
        failures=tuple(zip(failed["path"], failed["error"], strict=True))[:FAILURES],
        plan=_before_and_after(frame, goes),
        plan_words=words,
    )


_COUNTED = (Kind.EXACT, Kind.NEAR, Kind.UNIQUE, Kind.FAILED)


def _parts(pairs: pd.DataFrame, across: set[tuple[int, int]]) -> list[Part]:
    """The first of these pairs, those `across` splits before the others."""
    both = list(zip(*(rows.tolist() for rows in whole_and_part(pairs)), strict=True))
    order = sorted(range(len(both)), key=lambda place: both[place] not in across)[:PARTS]
    found = []
    for place, pair in zip(order, records(pairs.iloc[order]), strict=True):
        whole, part = both[place]
        told, _ = told_and_back(pair, whole)
        found.append(Part(whole, part, told.sentence(), both[place] in across))
    return found


def _distributions(frame: pd.DataFrame) -> list[Distribution]:
    found = []
    for metric in said(frame):
        values = metrics.values(frame, metric.name)
        values = values[np.isfinite(values)]
        if metric.name == "random" or not len(values):
            continue
        low, high, counts = bars(values, BARS)
        found.append(Distribution(metric.title, metric.text(low), metric.text(high), tuple(counts.tolist())))
    return found


def _issues(frame: pd.DataFrame, kinds: Iterable[Kinds]) -> list[Issue]:
    found = []
    for each in kinds:
        rows = np.flatnonzero(each.mask(frame))
        if each.column in frame:
            values = frame[each.column].to_numpy(np.float64)[rows]
            rows = rows[np.argsort(values if each.low is not None else -values, kind="stable")]
        found.append(Issue(each.name, len(rows), each.limits() or each.says, tuple(rows[:WORST].tolist())))
    return found


def _going(dataset: Dataset) -> tuple[np.ndarray, str]:
    """What `dedup remove` would take, and by whose word."""
    frame = dataset.frame
    by_people = acts.ever_decided(dataset)
    words = "what was decided in the review" if by_people else UNDECIDED
    if dataset.outdated:  # no removal is planned then
        return np.zeros(len(frame), bool), words
    plan = acts.due(dataset, acts.state(dataset, acts.clashing(dataset)), companions=False)
    return frame["path"].isin([entry.path for entry in plan.entries]).to_numpy(), words


UNDECIDED = "the redundant exact copies, for nothing was decided yet"


def _before_and_after(frame: pd.DataFrame, goes: np.ndarray) -> pd.DataFrame:
    """Images, bytes, and images of each split and class, before and after."""
    rows: dict[str, tuple[int, int]] = {
        "images": _both(np.ones(len(frame)), goes),
        "bytes": _both(frame["bytes"], goes),
    }
    for name in leaks.splits_of(frame):
        rows[f"split {name}"] = _both(frame["split"] == name, goes)
    before = Counter(name for classes in frame["classes"] for name in classes)
    after = Counter(name for classes in frame["classes"][~goes] for name in classes)
    rows |= {f"class {name}": (count, after[name]) for name, count in before.most_common(MOST_CLASSES)}
    return pd.DataFrame(rows, index=["before", "after"]).T


MOST_CLASSES = 30


def _both(values: Sequence[Any] | pd.Series | np.ndarray, goes: np.ndarray) -> tuple[int, int]:
    counted = np.asarray(values).astype(np.int64)
    return int(counted.sum()), int(counted[~goes].sum())
