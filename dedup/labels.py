"""Label clashes with what people decided about them, and the labels that follow from it and from united copies.

    kind         subject   object    value
    clash        mark      mark      'pick MARK' (that side is right), 'merge', 'drop' or 'leave'
    annotations  sha256    sha256    what the first image was given when the second left for it (`dedup.uniting`)

A mark is the content of one side, `SHA256:LABELS`, where LABELS is a digest of what its labels say; the smaller mark
is the subject. So a decision survives a rescan, a rename and a move, tells two identical files apart whose labels
differ, and lapses when the labels themselves are changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from dedup import clashes
from dedup.annotations import Coco
from dedup.clashes import Box, Clash
from dedup.decisions import CLASH
from dedup.model import Change
from dedup.resolutions import Carried, Choice, Sources, resolve

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
    `classes` maps rows to the classes chosen for them where folders give them, and to those with what they were given
    when copies left; `dropped` are rows whose labels cannot be trusted: the documents still name them, exports of COCO
    leave them out.
    """

    documents: tuple[Coco, ...] = ()
    notes: tuple[str, ...] = ()
    classes: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    dropped: frozenset[int] = frozenset()


def cases(frame: pd.DataFrame, pairs: pd.DataFrame, sources: Sources) -> list[Case]:
    """All label clashes, in the order of `pairs`."""
    found = clashes.find(frame, pairs, sources)
    boxes = clashes.boxes_of(frame, sources) if any(clash.what == "boxes" for clash in found) else {}
    hashes = frame["sha256"].tolist()
    return [_case(clash, hashes[clash.left], hashes[clash.right], boxes) for clash in found]


def _case(clash: Clash, left: str, right: str, boxes: Mapping[int, Sequence[Box]]) -> Case:
    if clash.what == "class":
        return Case(clash, _mark(left, sorted(clash.left_classes)), _mark(right, sorted(clash.right_classes)))
    here, there = tuple(boxes[clash.left]), tuple(boxes[clash.right])
    return Case(clash, _mark(left, _said(here)), _mark(right, _said(there)), here, there)


def _mark(sha256: str, says: Sequence[str]) -> str:
    return f"{sha256}:{hashlib.sha256(json.dumps(says).encode()).hexdigest()[:16]}"


def follow_decisions(
    frame: pd.DataFrame,
    pairs: pd.DataFrame,
    sources: Sources,
    every: Iterable[Case],
    decided: Decided,
    united: Mapping[tuple[str, str], str],
) -> Labels:
    """The labels after every decision, in the order of the cases, and with what copies that left handed on: `united`
    are the decisions of kind `ANNOTATIONS`. What is open or left stays as it was."""
    choices = [(case.clash, choice) for case in every if (choice := case.choice(decided))]
    given = _given(frame, united)
    if not choices and not given:
        return Labels(tuple(coco for coco, _ in sources))
    dropped = {row for clash, choice in choices if choice == Choice.DROP for row in (clash.left, clash.right)}
    resolved = resolve(frame, pairs, sources, [each for each in choices if each[1] != Choice.DROP], given)
    classes, known = _classes(choices), frame["classes"].tolist()
    for row, each in given:
        classes[row] = tuple(sorted({*classes.get(row, known[row]), each.category["name"]}))
    return Labels(resolved.documents, resolved.notes, classes, frozenset(dropped))


def _given(frame: pd.DataFrame, united: Mapping[tuple[str, str], str]) -> list[tuple[int, Carried]]:
    """Rows and the annotations that were handed on to them."""
    handed_on: dict[str, list[Carried]] = {}
    for (keeper, _), value in sorted(united.items()):
        handed_on.setdefault(keeper, []).extend(Carried(**each) for each in json.loads(value))
    hashes = frame["sha256"].tolist() if handed_on else ()
    return [(row, each) for row, sha256 in enumerate(hashes) for each in handed_on.get(sha256, ())]


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
