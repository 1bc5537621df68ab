"""What images are labelled: their annotation files or folders, what people decided about clashes, what copies left.

    kind     subject   object    value
    labels   mark      ''        JSON: what an image is labelled since copies of it left (`dedup.review.handover`):
                                 {"annotations": [...]}, {"classes": [...]} or {"dropped": true}
    clash    mark      mark      'pick MARK' (that side is right), 'merge', 'drop' or 'leave'

A mark is the content of one side, `SHA256:LABELS`, where LABELS is a digest of what its labels say; of a clash the
smaller mark is the subject. So a decision survives a rescan, a rename and a move, tells two identical files apart whose
labels differ, and lapses when the labels themselves are changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from dedup.labels import clashes
from dedup.labels.clashes import Box, Clash
from dedup.labels.coco import Coco
from dedup.labels.resolve import Carried, Choice, Sources, relabel, resolve
from dedup.model import Change
from dedup.store.decisions import CLASH

PICK = "pick "

Decided = Mapping[tuple[str, str], str]
"""The decisions of kind `CLASH`: (subject, object) to value."""


@dataclass(frozen=True, slots=True)
class Case:
    """A clash whose sides are also known by content: the marks `left` and `right`. The boxes are all those of the two
    images, those that agree included; none where classes of folders clash."""

    clash: Clash
    left: str
    right: str
    left_boxes: tuple[Box, ...] = ()
    right_boxes: tuple[Box, ...] = ()

    def change(self, choice: Choice | None) -> Change:
        """The decision on this clash; None opens it again."""
        subject, target = sorted((self.left, self.right))
        picked = {Choice.LEFT: PICK + self.left, Choice.RIGHT: PICK + self.right}
        return CLASH, subject, target, None if choice is None else picked.get(choice, str(choice))

    def choice(self, decided: Decided) -> Choice | None:
        """What was decided; None while it is open."""
        _, subject, target, _ = self.change(None)
        value = decided.get((subject, target), "")
        return next((choice for choice in Choice if self.change(choice)[3] == value), None)


@dataclass(frozen=True)
class Labels:
    """What the images are labelled once the decisions on clashes are followed.

    `documents` are the COCO documents in the order of the sources, with `notes` on what could not be carried over;
    `classes` maps rows whose clashes were resolved to what they are then: the classes chosen where folders give them,
    those of the boxes elsewhere; `dropped` are rows whose labels cannot be trusted: the documents still name them,
    exports of COCO leave them out.
    """

    documents: tuple[Coco, ...] = ()
    notes: tuple[str, ...] = ()
    classes: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    dropped: frozenset[int] = frozenset()


@dataclass(frozen=True, eq=False)
class Kept:
    """The labels before any clash is decided: those of files and folders, but of images whose copies left what was
    kept for them then. `files` are described with them; `dropped` rows had labels that cannot be trusted."""

    files: pd.DataFrame
    sources: Sources
    dropped: frozenset[int] = frozenset()


def keep(files: pd.DataFrame, sources: Sources, root: Path, stored: Mapping[tuple[str, str], str]) -> Kept:
    """Follow the decisions of kind `LABELS`. `files` are described by `sources`."""
    held = {mark for mark, _ in stored}
    contents = {mark.partition(":")[0] for mark in held}
    rows = np.flatnonzero(files["sha256"].isin(contents).to_numpy()).tolist()
    if not rows:
        return Kept(files, sources)
    of_row = {row: json.loads(stored[mark, ""]) for row, mark in marks(files, sources, rows).items() if mark in held}
    if not of_row:
        return Kept(files, sources)
    annotated = {
        row: [Carried(**each) for each in value["annotations"]]
        for row, value in of_row.items()
        if "annotations" in value
    }
    paths = files["path"].tolist()
    documents = relabel(files, sources, annotated)
    sources = [(coco, coco.attach(paths, root=root)) for coco in documents]
    classes, counts = files["classes"].tolist(), files["annotations"].tolist()
    for row, value in of_row.items():
        if "classes" in value:
            classes[row] = tuple(value["classes"])
        elif "annotations" in value:
            classes[row] = tuple(sorted({each["category"]["name"] for each in value["annotations"]}))
            counts[row] = len(value["annotations"])
    files = files.assign(classes=pd.Series(classes, dtype=object), annotations=np.array(counts, np.int32))
    return Kept(files, sources, frozenset(row for row, value in of_row.items() if value.get("dropped")))


def marks(files: pd.DataFrame, sources: Sources, rows: Iterable[int]) -> dict[int, str]:
    """The mark of each row: by its annotations where there are annotation files, else by its classes."""
    rows = list(rows)
    boxes = clashes.boxes_of(files, sources, set(rows)) if sources and rows else {}
    hashes, classes = files["sha256"].tolist(), files["classes"].tolist()
    return {row: _mark(hashes[row], _said(boxes.get(row, ())) if sources else sorted(classes[row])) for row in rows}


def cases(frame: pd.DataFrame, pairs: pd.DataFrame, sources: Sources) -> list[Case]:
    """All label clashes, in the order of `pairs`."""
    found = clashes.find(frame, pairs, sources)
    sides = {row for clash in found if clash.what == "boxes" for row in (clash.left, clash.right)}
    boxes = clashes.boxes_of(frame, sources, sides) if sides else {}
    hashes = frame["sha256"].tolist()
    return [_case(clash, hashes[clash.left], hashes[clash.right], boxes) for clash in found]


def _case(clash: Clash, left: str, right: str, boxes: Mapping[int, Sequence[Box]]) -> Case:
    if clash.what == "class":
        return Case(clash, _mark(left, sorted(clash.left_classes)), _mark(right, sorted(clash.right_classes)))
    here, there = tuple(boxes[clash.left]), tuple(boxes[clash.right])
    return Case(clash, _mark(left, _said(here)), _mark(right, _said(there)), here, there)


def follow_decisions(
    frame: pd.DataFrame, pairs: pd.DataFrame, kept: Kept, every: Iterable[Case], decided: Decided
) -> Labels:
    """The labels after every decision on clashes, in the order of the cases. What is open or left stays as it was."""
    choices = [(case.clash, choice) for case in every if (choice := case.choice(decided))]
    if not choices:
        return Labels(tuple(coco for coco, _ in kept.sources), dropped=kept.dropped)
    dropped = {row for clash, choice in choices if choice == Choice.DROP for row in (clash.left, clash.right)}
    resolved = resolve(frame, pairs, kept.sources, [each for each in choices if each[1] != Choice.DROP])
    classes = {**_classes(choices), **resolved.classes}
    return Labels(resolved.documents, resolved.notes, classes, kept.dropped | dropped)


def _classes(choices: Iterable[tuple[Clash, Choice]]) -> dict[int, tuple[str, ...]]:
    chosen: dict[int, tuple[str, ...]] = {}
    for clash, choice in choices:
        offered = {
            Choice.LEFT: clash.left_classes,
            Choice.RIGHT: clash.right_classes,
            Choice.MERGE: tuple(sorted({*clash.left_classes, *clash.right_classes})),
        }
        if clash.what == "class" and choice in offered:
            chosen |= dict.fromkeys((clash.left, clash.right), offered[choice])
    return chosen


def _said(boxes: Iterable[Box]) -> list[str]:
    return sorted(json.dumps([box.category, box.rectangle, box.crowd]) for box in boxes)


def _mark(sha256: str, says: Sequence[str]) -> str:
    return f"{sha256}:{hashlib.sha256(json.dumps(says).encode()).hexdigest()[:16]}"
