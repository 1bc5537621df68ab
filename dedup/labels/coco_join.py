"""Several COCO documents as one: entries stay as they are, ids change only where they are taken already, and file names
only where they would be those of other images, too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dedup.labels.coco import Coco, ImageId
from dedup.labels.entries import Entries

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
            chosen = (image_id in rows for image_id in source.annotations.column("image_id"))
            document["annotations"] = source.annotations.where(chosen)
        return cls(document, [rows[image["id"]] for image in images])

    def take(self, other: Part) -> int:
        """Add the images and annotations of another document; returns how many ids had to change.

        An image that is here already (captions beside instances, say) is not added again: its annotations join those
        it has. A category of the same name and supercategory is the same one, unless ids say otherwise; what only the
        other says of it (the names of keypoints) it says from now on. Of other top-level keys the first one stays.
        """
        licenses = _Joined(_objects(self.document.get("licenses")))
        license_ids = licenses.unite(_objects(other.document.get("licenses")), ("name", "url"))
        categories = _Joined(self.document.get("categories"))
        category_ids = categories.unite(other.document.get("categories"), ("name", "supercategory"))
        images = _Joined(self.document["images"])
        image_ids = self._take_images(images, other, license_ids)
        annotations, renumbered = _with_more(
            Entries.of(self.document.get("annotations") or ()),
            Entries.of(other.document.get("annotations") or ()),
            {"image_id": image_ids, "category_id": category_ids},
        )
        lists = {
            "licenses": licenses.entries,
            "images": images.entries,
            "annotations": annotations,
            "categories": categories.entries,
        }
        kept = {key: entries for key, entries in lists.items() if entries or key in self.document}
        self.document = (
            self.document | kept | {k: v for k, v in other.document.items() if k not in self.document | kept}
        )
        return renumbered + sum(held.ids.changed for held in (licenses, images, categories))

    def _take_images(self, images: _Joined, other: Part, license_ids: Mapping[Any, Any]) -> dict[Any, Any]:
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


def _with_more(entries: Entries, others: Entries, new: Mapping[str, Mapping[Any, Any]]) -> tuple[Entries, int]:
    """Annotations and `others` after them, under ids that are free and with the `new` ids of what they belong to; and
    how many others have another id than before."""
    ids = _Ids(entries.column("id"))
    changes = {}
    for place, (id_, *of) in enumerate(zip(others.column("id"), *map(others.column, new), strict=True)):
        now = {key: new[key][was] for key, was in zip(new, of, strict=True) if new[key].get(was, was) != was}
        given = ids.give(id_)
        if now or given != id_:
            changes[place] = now if id_ is None else now | {"id": given}
    return entries.with_more(others.with_fields(changes)), ids.changed


class _Ids:
    """Ids that are taken, and new ones after the greatest."""

    def __init__(self, taken: Iterable[ImageId | None]) -> None:
        self.taken = set(taken)
        self.next = next_id(self.taken)
        self.changed = 0

    def give(self, id_: ImageId | None) -> ImageId | None:
        """The id that an entry has among the others: its own, or a new one if that is taken."""
        if id_ is not None and id_ in self.taken:
            id_ = self.next
            self.changed += 1
        self.taken.add(id_)
        self.next = max(self.next, next_id([id_]))
        return id_


class _Joined:
    """A list of entries with an id each, to which others are added under ids that are free."""

    def __init__(self, entries: Iterable[Document] | None) -> None:
        self.entries = list(entries or [])
        self.ids = _Ids(entry.get("id") for entry in self.entries)

    def add(self, entry: Document) -> ImageId | None:
        """Add `entry`, under a new id if its own is taken; returns the id it has."""
        given = self.ids.give(entry.get("id"))
        self.entries.append(entry if given == entry.get("id") else {**entry, "id": given})
        return given

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
