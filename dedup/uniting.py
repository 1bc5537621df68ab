"""What a copy that leaves hands on to the one that stays: its tags and, on request, its annotations.

Annotations are carried over by the relation's geometry (a mirrored copy's boxes mirror, a crop's shift and are cut).
They are kept as decisions, never in the user's annotation files:

    kind         subject            object              value
    annotations  keeper's sha256    leaving sha256      JSON list of {category, annotation, document}

so they survive the removal itself, a rescan, a rename and a move, are undone like any decision, and are in every COCO
export from then on (`dedup.labels`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from dedup import removal, resolutions
from dedup.dataset import Dataset
from dedup.decisions import ANNOTATIONS
from dedup.model import Change
from dedup.removal import Plan
from dedup.resolutions import Carried
from dedup.words import plural


@dataclass(frozen=True)
class Heritage:
    """What keepers lack and the images that leave for them have: `tags` name to rows of keepers, `annotations`
    (row that leaves, keeper's row) to what is carried over, `notes` on what cannot be."""

    tags: Mapping[str, list[int]]
    annotations: Mapping[tuple[int, int], list[Carried]]
    notes: tuple[str, ...] = ()

    def sentence(self) -> str:
        """For people; "" where there is nothing to hand on."""
        tags = sum(map(len, self.tags.values()))
        annotations = sum(map(len, self.annotations.values()))
        parts = [plural(tags, "tag")] * bool(tags) + [plural(annotations, "annotation")] * bool(annotations)
        return " and ".join(parts)


def heritage(dataset: Dataset, plan: Plan, *, tags: bool = True, annotations: bool = False) -> Heritage:
    """What the images of a plan would hand on. Raises `AnnotationError` where annotations are asked for."""
    carried: Mapping[tuple[int, int], list[Carried]] = {}
    notes: tuple[str, ...] = ()
    if annotations:
        row_of = {path: row for row, path in enumerate(dataset.frame["path"])}
        couples = [(row_of.get(entry.path, -1), row_of.get(entry.keeper_path, -1)) for entry in plan.entries]
        known = [(row, keeper) for row, keeper in couples if row >= 0 and keeper >= 0]
        carried, notes = resolutions.carry(dataset.frame, dataset.pairs, dataset.resolved_sources, known)
    return Heritage(removal.keeper_tags(dataset, plan) if tags else {}, carried, notes)


def unite(dataset: Dataset, left: Heritage) -> None:
    """Hand it on: an undoable step for each tag, and one for the annotations. Do so before the images leave."""
    for name, rows in left.tags.items():
        dataset.tag(rows, name)
    hashes = dataset.frame["sha256"].tolist()
    changes: list[Change] = [
        (ANNOTATIONS, hashes[keeper], hashes[row], json.dumps([asdict(each) for each in given]))
        for (row, keeper), given in left.annotations.items()
    ]
    if changes:
        count = sum(map(len, left.annotations.values()))
        dataset.decisions.decide(changes, f"Gave {plural(count, 'annotation')} to copies that stay")
