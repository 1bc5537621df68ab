"""Several COCO documents as one: entries stay as they are, ids change only where they are taken already, and file names
only where they would be those of other images, too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dedup.labels.coco import Coco, ImageId

Document = dict[str, Any]

NAMED_APART = "named by the path in the dataset: the file name alone could be another image's, too."


@dataclass
class Part:
    """A document of selected images only, and a number for each of its images: the same image has the same in all."""

    document: Document
    rows: list[int]

    @classmethod
    def of(cls, source: Coco, rows: Mapping[ImageId, int]) -> Part:
        """The images of `source` whose ids have a row, with their annotations; the entries are the source's own."""
        images = [image for image in source.images if image["id"] in rows]
        document = dict(source.document) | {"images": images}
        if "annotations" in document:
            document["annotations"] = [entry for entry in source.annotations if entry["image_id"] in rows]
        return cls(document, [rows[image["id"]] for image in images])

    def take(self, other: Part) -> int:
        """Add the images and annotations of another document; returns how many ids had to change.

        An image that is here already (captions beside instances, say) is not added again: its annotations join those
        it has. A category of the same name and supercategory is the same one, unless ids say otherwise; what only the
        other says of it (the names of keypoints) it says from now on. Of other top-level keys the first one stays.
        """
        licenses = _Entries(_objects(self.document.get("licenses")))
        license_ids = licenses.unite(_objects(other.document.get("licenses")), ("name", "url"))
        categories = _Entries(self.document.get("categories"))
        category_ids = categories.unite(other.document.get("categories"), ("name", "supercategory"))
        images = _Entries(self.document["images"])
        image_ids = self._take_images(images, other, license_ids)
        annotations = _Entries(self.document.get("annotations"))
        for entry in other.document.get("annotations") or []:
            annotations.add(_with(entry, {"image_id": image_ids, "category_id": category_ids}))
        lists = {"licenses": licenses, "images": images, "annotations": annotations, "categories": categories}
        kept = {key: held.entries for key, held in lists.items() if held.entries or key in self.document}
        self.document = (
            self.document | kept | {k: v for k, v in other.document.items() if k not in self.document | kept}
        )
        return sum(held.changed for held in lists.values())

    def _take_images(self, images: _Entries, other: Part, license_ids: Mapping[Any, Any]) -> dict[Any, Any]:
        """Add the images whose rows are not here yet; returns the id each image of `other` has from now on."""
        id_of_row = {row: image["id"] for image, row in zip(self.document["images"], self.rows, strict=True)}
        new_ids = {}
        for image, row in zip(other.document["images"], other.rows, strict=True):
            if row in id_of_row:
                new_ids[image["id"]] = id_of_row[row]
            else:
                new_ids[image["id"]] = images.add(_with(image, {"license": license_ids}))
                self.rows.append(row)
        return new_ids


def told_apart(
    output: Path, images: list[Document], of: Sequence[str], paths: Sequence[str], root: Path | None = None
) -> list[Document]:
    """Images of a document to be written to `output`, and the path each is `of`, one of `paths`: those whose file name
    would not lead back to that path (of several documents two may have the same) are named by the path itself."""
    found = Coco(output, {"images": images}).meant(paths, root=root)
    return [
        image if path == own else {**image, "file_name": own}
        for image, path, own in zip(images, found, of, strict=True)
    ]


def class_of(category: Mapping[str, Any]) -> tuple[str, str]:
    """What makes two categories of different documents the same: name and supercategory."""
    return str(category.get("name")), str(category.get("supercategory") or "")


def next_id(ids: Iterable[Any]) -> int:
    """The first number after all `ids` that are numbers."""
    return max((id_ for id_ in ids if isinstance(id_, int)), default=0) + 1


class _Entries:
    """A list of entries with an id each, to which others are added under ids that are free."""

    def __init__(self, entries: Iterable[Document] | None) -> None:
        self.entries = list(entries or [])
        self.taken: set[ImageId | None] = {entry.get("id") for entry in self.entries}
        self.next = next_id(self.taken)
        self.changed = 0

    def add(self, entry: Document) -> ImageId | None:
        """Add `entry`, under a new id if its own is taken; returns the id it has."""
        if entry.get("id") is not None and entry["id"] in self.taken:
            entry = {**entry, "id": self.next}
            self.changed += 1
        self.entries.append(entry)
        self.taken.add(entry.get("id"))
        self.next = max(self.next, next_id([entry.get("id")]))
        return entry.get("id")

    def unite(self, others: Iterable[Document] | None, keys: tuple[str, ...]) -> dict[Any, ImageId | None]:
        """Add those of `others` that equal none here in `keys`; returns the id each of them has from now on."""

        def said(entry: Document) -> tuple[str, ...]:
            return tuple(str(entry.get(key) or "") for key in keys)

        others = list(others or [])
        place_of = {entry.get("id"): place for place, entry in enumerate(self.entries)}
        known: dict[tuple[str, ...], list[int]] = {}
        for place, entry in enumerate(self.entries):
            known.setdefault(said(entry), []).append(place)
        # what has the same id and says the same is the same, and no other entry of theirs is then
        own = [place_of.get(entry.get("id"), -1) for entry in others]
        own = [p if p >= 0 and said(self.entries[p]) == said(e) else -1 for p, e in zip(own, others, strict=True)]
        claimed = set(own)
        ids = {}
        for entry, place in zip(others, own, strict=True):
            free = [each for each in known.get(said(entry), ()) if each not in claimed]
            here = place if place >= 0 else free[0] if len(free) == 1 else -1
            if here >= 0:
                kept = self.entries[here]
                self.entries[here] = kept | {key: value for key, value in entry.items() if key not in kept}
                ids[entry.get("id")] = kept.get("id")
                claimed.add(here)
            else:
                ids[entry.get("id")] = self.add(entry)
        return ids


def _objects(entries: Any) -> list[Document]:
    """What of a list that `Coco.read` does not check is entries with an id."""
    return [entry for entry in entries or [] if isinstance(entry, dict) and isinstance(entry.get("id"), int | str)]


def _with(entry: Document, changes: Mapping[str, Mapping[Any, Any]]) -> Document:
    """`entry` with ids replaced where they changed; the same object if none did."""
    old = {key: entry.get(key) for key in changes if isinstance(entry.get(key), int | str)}
    new = {key: changes[key][id_] for key, id_ in old.items() if changes[key].get(id_, id_) != id_}
    return {**entry, **new} if new else entry
