"""What a copy that leaves hands on to the one that stays: its tags and, on request, its annotations or class.

Annotations are carried over by the relation's geometry (a mirrored copy's boxes mirror, a crop's shift and are cut).
What people decided about a clash of labels stays decided when one side of it leaves, asked for or not.

Both are kept as decisions (kind `labels`, see `dedup.labels.decided`), never in the user's annotation files: they
survive the removal itself, a rescan, a rename and a move, are undone like any decision, and are in every export from
then on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from dedup import removal
from dedup.dataset import Dataset
from dedup.errors import AnnotationError
from dedup.exports import base as exports
from dedup.labels import resolve
from dedup.labels.resolve import Choice
from dedup.model import OnProgress
from dedup.removal import Plan
from dedup.review import acts
from dedup.store.decisions import CLASH, LABELS
from dedup.words import plural


@dataclass(frozen=True)
class Heritage:
    """What keepers lack and the images that leave for them have: `tags` name to rows of keepers; `labels` row to what
    it is labelled from now on, as stored, of which `given` annotations (or classes: `noun`) come from images that
    leave. `notes` on what cannot be carried over."""

    tags: Mapping[str, list[int]]
    labels: Mapping[int, Mapping[str, Any]]
    given: int = 0
    noun: str = "annotation"
    notes: tuple[str, ...] = ()

    def sentence(self) -> str:
        """For people; "" where there is nothing to hand on."""
        tags = sum(map(len, self.tags.values()))
        parts = [plural(tags, "tag")] * bool(tags) + [plural(self.given, self.noun)] * bool(self.given)
        return " and ".join(parts)


@dataclass(frozen=True)
class Departure:
    """A plan carried out: the report, what was handed on, and what else could have been, in words ("" for nothing)."""

    report: removal.Report
    left: Heritage
    lost: str


def leave(
    dataset: Dataset,
    plan: Plan,
    *,
    how: str = "quarantine",
    allow_delete: bool = False,
    tags: bool = True,
    annotations: bool = False,
    on_progress: OnProgress | None = None,
) -> Departure:
    """Hand on what the images that will leave have, then carry the plan out as `dedup.removal.apply` does.

    What was protected or, unless a tag named it, chosen to stay since the plan was made is refused. Raises
    `AnnotationError` and what `apply` raises.
    """
    removal.require_way(how, allow_delete=allow_delete)
    now = acts.state(dataset)
    hold = dict(now.protected) if plan.tag else now.kept | dict(now.protected)
    leaving = replace(plan, entries=removal.likely(dataset, plan, how, hold=hold))
    left = heritage(dataset, leaving, tags=tags, annotations=annotations)
    lost = "" if annotations else what_is_lost(dataset, leaving)
    unite(dataset, left)
    report = removal.apply(dataset, plan, how=how, allow_delete=allow_delete, hold=hold, on_progress=on_progress)
    return Departure(report, left, lost)


def what_is_lost(dataset: Dataset, plan: Plan) -> str:
    """The labels that leave with the images of a plan unless they are asked for, in words, "" for none."""
    return "" if dataset.annotation_errors else heritage(dataset, plan, tags=False, annotations=True).sentence()


def heritage(dataset: Dataset, plan: Plan, *, tags: bool = True, annotations: bool = False) -> Heritage:
    """What the images of a plan would hand on. An annotation file that cannot be read is a note, for images may leave
    all the same; where its annotations are asked for it raises `AnnotationError`."""
    of_tags = removal.keeper_tags(dataset, plan) if tags else {}
    if dataset.annotation_errors:
        if annotations:
            raise AnnotationError(dataset.annotation_errors[0])
        return Heritage(of_tags, {}, notes=tuple(dataset.annotation_errors))
    row_of = {path: row for row, path in enumerate(dataset.frame["path"])}
    couples = [(row_of.get(entry.path, -1), row_of.get(entry.keeper_path, -1)) for entry in plan.entries]
    leaving = [(row, keeper) for row, keeper in couples if row >= 0 and keeper >= 0]
    settled = _settled(dataset, {row for row, _ in leaving})
    if not settled and not (annotations and leaving):
        return Heritage(of_tags, {})  # documents need not be read
    return (_of_boxes if dataset.sources else _of_classes)(dataset, leaving if annotations else [], settled, of_tags)


def unite(dataset: Dataset, left: Heritage) -> None:
    """Hand it on: an undoable step for each tag, and one for the labels. Do so before the images leave."""
    for name, rows in left.tags.items():
        dataset.tag(rows, name)
    mark_of = dataset.marks(left.labels)
    changes = [(LABELS, mark_of[row], "", json.dumps(value)) for row, value in left.labels.items()]
    if changes:
        dataset.decisions.decide(changes, f"Kept the labels of {plural(len(changes), 'image')} whose copies leave")


def _settled(dataset: Dataset, leaving: set[int]) -> set[int]:
    """Rows that stay and whose labels follow from a decision about a clash with one that leaves, and those that these
    are in decided clashes with."""
    decided = dataset.decisions.values(CLASH)
    couples = [
        {case.clash.left, case.clash.right}
        for case in (dataset.clashes if decided else ())
        if case.choice(decided) not in (None, Choice.LEAVE)
    ]
    found = {row for couple in couples if couple & leaving for row in couple} - leaving
    while more := {row for couple in couples if couple & found for row in couple} - leaving - found:
        found |= more
    return found


def _of_boxes(
    dataset: Dataset, leaving: list[tuple[int, int]], settled: set[int], tags: Mapping[str, list[int]]
) -> Heritage:
    inherited = resolve.inherit(dataset.frame, dataset.pairs, dataset.resolved_sources, leaving, settled)
    labels: dict[int, Mapping[str, Any]] = {
        row: {"annotations": [asdict(each) for each in annotations]}
        for row, annotations in inherited.annotations.items()
        if row in settled or inherited.given.get(row)
    }
    labels |= {row: {"dropped": True} for row in settled & dataset.labels.dropped}
    return Heritage(tags, labels, sum(inherited.given.values()), notes=inherited.notes)


def _of_classes(
    dataset: Dataset, leaving: list[tuple[int, int]], settled: set[int], tags: Mapping[str, list[int]]
) -> Heritage:
    classes = exports.classed(dataset)["classes"].tolist() if dataset.folders_are_classes else [()] * len(dataset.frame)
    given: dict[int, set[str]] = {}
    for row, keeper in leaving:
        if classes[row] and not classes[keeper]:
            given.setdefault(keeper, set()).update(classes[row])
    labels: dict[int, Mapping[str, Any]] = {row: {"classes": list(classes[row])} for row in sorted(settled)}
    labels |= {row: {"classes": sorted(names)} for row, names in given.items()}
    labels |= {row: {"dropped": True} for row in settled & dataset.labels.dropped}
    return Heritage(tags, labels, sum(map(len, given.values())), noun="class")
