"""Objects that several sources tell of one image: overlapping jobs of one CVAT task, an image in two COCO files. What a
later one says in the very words of an earlier one is the same object, and is taken once."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from dedup.labels.coco import Attachment, Coco, ImageId
from dedup.labels.entries import Entry
from dedup.words import plural

IDS = ("id", "image_id", "category_id")
"""What of an entry is about its file, and not about the object."""
UNTELLABLE = ""
"""The words of an entry that has none to compare."""


class Told:
    """What sources said so far."""

    def __init__(self) -> None:
        self._earlier: list[tuple[Coco, Attachment]] = []
        self._paths: set[str] = set()

    def once(self, coco: Coco, attach: Callable[[Coco], Attachment]) -> tuple[Coco, Attachment]:
        """The next source without what was told of the same images already, and how it meets the images."""
        met = attach(coco)
        both = self._paths & met.image_ids.keys()
        known = {told for source in self._earlier if both for told in _said(*source, both).values()}
        self._earlier.append((coco, met))
        self._paths |= met.image_ids.keys()
        again = {place for place, told in _said(coco, met, both).items() if told in known and told[1] != UNTELLABLE}
        if not again:
            return coco, met
        kept = coco.annotations.where(place not in again for place in range(len(coco.annotations)))
        taken = replace(coco, document={**coco.document, "annotations": kept})
        note = f"{plural(len(again), 'object')} of {coco.path.name} told by other labels already; taken once."
        met = attach(taken)
        return taken, replace(met, notes=(*met.notes, note))


def _said(coco: Coco, met: Attachment, paths: Collection[str]) -> dict[int, tuple[str, str]]:
    """For each place among the annotations that is of one of these images: which, and what is said."""
    path_of: dict[ImageId, str] = {id_: path for path in met.image_ids if path in paths for id_ in met.image_ids[path]}
    if not path_of:
        return {}
    places = [place for place, id_ in enumerate(coco.annotations.column("image_id")) if id_ in path_of]
    entries = ((place, coco.annotations[place]) for place in places)
    return {place: (path_of[entry["image_id"]], _words(entry, coco.category_names)) for place, entry in entries}


def _words(entry: Entry, names: Mapping[Any, str]) -> str:
    said = {key: value for key, value in entry.items() if key not in IDS}
    try:
        return json.dumps([names.get(entry.get("category_id")), said], sort_keys=True)
    except RecursionError:  # lists in lists, thousands deep
        return UNTELLABLE
