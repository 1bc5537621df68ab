"""What a person makes of a label clash, reflected in COCO documents.

pick    one image is right where the two differ: its annotations replace the other's, carried over by the pair's map
merge   each image gets, carried over, what only the other has; where one box has two classes both are kept
drop    neither can be trusted: both images leave the document
leave   both stay as they are

What both agree on, as `clashes` judges it, stays on either side as it is there, and so does what lies outside the other
picture (which may be a crop). Of an object that a crop cuts off the fuller picture keeps its outline; only the class
follows. Carried boxes and polygons are cut at the picture's edge. What cannot be carried is left out and counted in a
note: of a mask as run lengths only the box is left, of a crowd nothing; keypoints survive only without mirroring (left
and right would change places). Between identical pictures everything is carried as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dedup.labels.clashes import (
    Box,
    Clash,
    Meeting,
    Rectangle,
    area,
    boxes_of,
    cut,
    meet,
    names_among,
    record,
    rectangle_of,
    shared_names,
    shared_region,
)
from dedup.labels.coco import Attachment, Coco, FileNames, ImageId, names_of
from dedup.labels.coco_join import class_of, next_id
from dedup.labels.coco_sound import are_finite
from dedup.matching.columns import AFFINE
from dedup.matching.geometry import clip, invert_affine, map_box, pixel_affine

Sources = Sequence[tuple[Coco, Attachment]]
Annotation = dict[str, Any]


class Choice(StrEnum):
    """How a clash is resolved. LEFT and RIGHT pick that image's annotations."""

    LEFT = "left"
    RIGHT = "right"
    MERGE = "merge"
    DROP = "drop"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class Carried:
    """An annotation in the pixels of another image than its own: without ids, beside the record of its category
    (without an id) and the file name of the document it is from."""

    category: Mapping[str, Any]
    annotation: Annotation
    document: str


@dataclass(frozen=True, slots=True)
class Resolved:
    """New documents, in the order of the sources, notes on what could not be carried, and the classes that the boxes of
    rows have whose clashes were resolved."""

    documents: tuple[Coco, ...]
    notes: tuple[str, ...]
    classes: Mapping[int, tuple[str, ...]]


def resolve(
    frame: pd.DataFrame, pairs: pd.DataFrame, sources: Sources, choices: Iterable[tuple[Clash, Choice]]
) -> Resolved:
    """The documents of `sources` after every choice, in order; the sources stay as they are.

    Choices on clashes of classes change no document, except `DROP`.
    """
    choices = list(choices)
    work = _Work(frame, sources, {row for clash, _ in choices for row in (clash.left, clash.right)})
    for clash, choice in choices:
        forth = _Way.along(record(pairs, clash.pair))
        if choice == Choice.DROP:
            work.drop(clash.left)
            work.drop(clash.right)
        elif clash.what == "boxes" and choice != Choice.LEAVE:
            work.agree(clash, choice, forth, forth.back())
    return work.result()


def relabel(frame: pd.DataFrame, sources: Sources, annotations: Mapping[int, Iterable[Carried]]) -> tuple[Coco, ...]:
    """The documents with other annotations for some rows, instead of those they had. A row that no document names
    enters the one that the annotation is from."""
    work = _Work(frame, sources, annotations)
    for row, given in annotations.items():
        work.clear(row)
        for each in given:
            work.put(row, each)
    return work.result().documents


@dataclass(frozen=True)
class Inherited:
    """All annotations of rows after others left for them, how many of these each was given, and notes on what could
    not be carried over."""

    annotations: Mapping[int, list[Carried]]
    given: Mapping[int, int]
    notes: tuple[str, ...]


def inherit(
    frame: pd.DataFrame,
    pairs: pd.DataFrame,
    sources: Sources,
    leaving: Iterable[tuple[int, int]],
    staying: Iterable[int] = (),
) -> Inherited:
    """What rows are annotated with when images that leave have given what they have to those that stay for them.

    `leaving` are (row that leaves, row that stays); what the one that stays has already, or was given by an earlier
    one, is not given again. Exact copies share their pixels; other couples need a pair that links them directly.
    Further rows of interest are `staying`.
    """
    leaving, staying = list(leaving), list(staying)
    work = _Work(frame, sources, {*staying, *(row for couple in leaving for row in couple)})
    ways = _Ways(frame, pairs)
    given: Counter[int] = Counter()
    for row, keeper in leaving:
        if not work.boxes.get(row):
            continue
        way = ways.between(row, keeper)
        if way is None:
            work.notes.append("annotations of images that are not directly related to the copy that stays")
        else:
            given[keeper] += work.give(row, keeper, way, work.said(row, keeper))
    return Inherited({row: work.all_of(row) for row in {*given, *staying}}, +given, work.told())


@dataclass(frozen=True, slots=True)
class _Way:
    """From one picture's pixels to the other's, whose size is `size`; of a way back, `forth` is the way there."""

    affine: NDArray[np.float64]
    size: tuple[int, int]
    from_size: tuple[int, int]
    forth: _Way | None = None

    @classmethod
    def along(cls, pair: Mapping[str, Any]) -> _Way:
        return cls(
            pixel_affine(pair),
            (int(pair["right_width"]), int(pair["right_height"])),
            (int(pair["left_width"]), int(pair["left_height"])),
        )

    def back(self) -> _Way:
        inverse = invert_affine(self.affine.reshape(1, len(AFFINE)))[0].reshape(2, 3)
        return _Way(inverse, self.from_size, self.size, forth=self)

    @property
    def edge(self) -> Rectangle:
        return 0.0, 0.0, float(self.size[0]), float(self.size[1])

    def meet(self, here: Sequence[Box], there: Sequence[Box]) -> Meeting:
        """How annotations here and there meet: judged along the pair, as where clashes are found, either way."""
        if self.forth is not None:
            return self.forth.meet(there, here).turned()
        return meet(here, there, self.affine, self._region)

    def goes_on(self, box: Box) -> bool:
        """Whether a box there goes on beyond what the picture here shows of it; by more than a pixel, for no map is
        exact."""
        if box.rectangle is None:
            return False
        whole, shared = cut(box.rectangle, self.edge), cut(box.rectangle, self._region)
        return any(abs(one - other) > 1 for one, other in zip(whole, shared, strict=True))

    @property
    def _region(self) -> Rectangle:
        return shared_region(self.affine, self.from_size, self.size)

    @property
    def keeps(self) -> bool:
        """Whether everything stays where it is."""
        return self.size == self.from_size and bool((self.affine == np.eye(2, 3)).all())

    @property
    def mirrors(self) -> bool:
        return bool(np.linalg.det(self.affine[:, :2]) < 0)


class _Work:
    """Documents being changed: per document the places of annotations that were taken out, new ones after the others,
    and dropped images. Annotations of other `rows` stay as they are."""

    def __init__(self, frame: pd.DataFrame, sources: Sources, rows: Collection[int]) -> None:
        self.frame = frame
        self.sources = sources
        self.shared = shared_names([coco for coco, _ in sources])
        self.boxes = {row: dict.fromkeys(boxes) for row, boxes in boxes_of(frame, sources, rows).items()}
        self.images = [list(coco.images) for coco, _ in sources]
        self.out: list[set[int]] = [set() for _ in sources]
        self.new: list[list[Annotation]] = [[] for _ in sources]
        self.categories = [list(coco.document.get("categories") or []) for coco, _ in sources]
        self.used = [set(coco.annotations.column("category_id")) for coco, _ in sources]
        self.dropped: list[set[ImageId]] = [set() for _ in sources]
        self.next_id = [next_id(coco.annotations.column("id")) for coco, _ in sources]
        self.notes: list[str] = []
        self.agreed: set[int] = set()
        paths = frame["path"].tolist()
        self.homes = {
            row: [(number, attachment.image_ids[paths[row]]) for number, (_, attachment) in enumerate(sources)
                  if paths[row] in attachment.image_ids]
            for row in self.boxes
        }  # fmt: skip

    def agree(self, clash: Clash, choice: Choice, forth: _Way, back: _Way) -> None:
        """Make both images of a clash say the same."""
        self.agreed |= {clash.left, clash.right}
        said = self.said(clash.left, clash.right)
        if choice != Choice.RIGHT:
            self.give(clash.left, clash.right, forth, said, instead=choice == Choice.LEFT)
        if choice != Choice.LEFT:
            self.give(clash.right, clash.left, back, said, instead=choice == Choice.RIGHT)

    def said(self, *rows: int) -> dict[int, list[Box]]:
        """The annotations of images as they are now."""
        return {row: list(self.boxes.get(row, ())) for row in rows}

    def give(
        self, source: int, target: int, way: _Way, said: Mapping[int, Sequence[Box]], *, instead: bool = False
    ) -> int:
        """Carry to `target` what `source` says and `target` does not, of what they `said`: `instead` of what it says
        there, or beside it. Returns how many annotations there were."""
        offered, present = said[source], said[target]
        met = way.meet(offered, present)
        disputed = {a: present[b] for a, b, _ in met.matched if offered[a].category != present[b].category}
        for place in met.right if instead else ():
            self._take_out(target, present[place])
        given = 0
        for place in sorted({*met.left, *disputed}):
            carried, other = self._carried(offered[place]), disputed.get(place)
            if other is not None and way.goes_on(other):
                moved: Annotation | None = dict(self._carried(other).annotation)
            else:
                moved = _carry(carried.annotation, way, self.notes)
            if other is not None and instead:
                self._take_out(target, other)
            if moved is not None:
                self.put(target, replace(carried, annotation=moved))
                given += 1
        return given

    def _take_out(self, row: int, box: Box) -> None:
        self.out[box.document].add(box.place)
        del self.boxes[row][box]

    def all_of(self, row: int) -> list[Carried]:
        """Every annotation of an image, as they are now."""
        return [self._carried(box) for box in self.boxes.get(row, ())]

    def clear(self, row: int) -> None:
        """Take every annotation of an image away."""
        for box in self.boxes.get(row, ()):
            self.out[box.document].add(box.place)
        self.boxes[row] = {}

    def _carried(self, box: Box) -> Carried:
        given, new = self.sources[box.document][0].annotations, self.new[box.document]
        annotation = given[box.place] if box.place < len(given) else new[box.place - len(given)]
        category = next(e for e in self.categories[box.document] if e["id"] == annotation.get("category_id"))
        return Carried(_without_ids(category), _without_ids(annotation), self.sources[box.document][0].path.name)

    def drop(self, row: int) -> None:
        """Take an image and its annotations out of every document."""
        for number, ids in self.homes.get(row, ()):
            self.dropped[number].update(ids)

    def told(self) -> tuple[str, ...]:
        """What could not be carried over, a sentence for each kind."""
        return tuple(f"Not carried over: {note} ({self.notes.count(note):,})." for note in sorted(set(self.notes)))

    def result(self) -> Resolved:
        """The documents as they are now."""
        documents = [self._document(number, coco) for number, (coco, _) in enumerate(self.sources)]
        classes = {row: tuple(sorted({box.category for box in self.boxes[row]})) for row in self.agreed}
        return Resolved(tuple(documents), self.told(), classes)

    def _document(self, number: int, coco: Coco) -> Coco:
        gone = self.dropped[number]
        images = [image for image in self.images[number] if image["id"] not in gone]
        document = dict(coco.document) | {"images": images}
        if "annotations" in coco.document or self.new[number]:
            every = coco.annotations.with_more(self.new[number])
            of = enumerate(every.column("image_id"))
            document["annotations"] = every.where(
                place not in self.out[number] and image_id not in gone for place, image_id in of
            )
        if "categories" in coco.document or self.categories[number]:
            document["categories"] = self.categories[number]
        return replace(coco, document=document)

    def put(self, row: int, given: Carried) -> None:
        """Add an annotation to an image."""
        number, image_id = self._home(row, given.document)
        category_id = self._category(number, given.category)
        place = len(self.sources[number][0].annotations) + len(self.new[number])
        ids = {"id": self.next_id[number], "image_id": image_id, "category_id": category_id}
        self.new[number].append(dict(given.annotation) | ids)
        self.next_id[number] += 1
        crowd = bool(given.annotation.get("iscrowd"))
        self.used[number].add(category_id)
        categories = self.categories[number]
        name = names_among(self.shared, categories, names_of(categories, self.used[number]))[category_id]
        box = Box(name, rectangle_of(given.annotation), crowd, number, place)
        self.boxes.setdefault(row, {})[box] = None

    def _home(self, row: int, document: str) -> tuple[int, ImageId]:
        """The document that names an image, and its id there; where none does, it enters the one of that file name."""
        if not self.homes.get(row):
            number = next((n for n, (coco, _) in enumerate(self.sources) if coco.path.name == document), 0)
            image_id = next_id(image["id"] for image in self.images[number])
            width, height = (self.frame[name].tolist()[row] for name in ("width", "height"))
            name = self._name(number, row)
            self.images[number].append({"id": image_id, "file_name": name, "width": width, "height": height})
            self.homes[row] = [(number, (image_id,))]
        number, ids = self.homes[row][0]
        return number, ids[0]

    def _name(self, number: int, row: int) -> str:
        """What a document would call an image that it does not name."""
        known = {image["id"]: image["file_name"] for image in self.images[number]}
        rows = {each: known[ids[0]] for each, homes in self.homes.items() for n, ids in homes if n == number}
        return FileNames(self.frame["path"].tolist(), rows).of(row)

    def _category(self, number: int, category: Mapping[str, Any]) -> Any:
        same = [each["id"] for each in self.categories[number] if class_of(each) == class_of(category)]
        if same:
            return same[0]
        new = next_id(each["id"] for each in self.categories[number])
        self.categories[number].append(dict(category) | {"id": new})
        return new


class _Ways:
    """The ways between couples of images."""

    def __init__(self, frame: pd.DataFrame, pairs: pd.DataFrame) -> None:
        self.content = frame["content"].tolist()
        self.sizes = list(zip(frame["width"].tolist(), frame["height"].tolist(), strict=True))
        self.pairs = pairs
        self.places = {
            (self.content[left], self.content[right]): place
            for place, (left, right) in enumerate(zip(pairs["left"].tolist(), pairs["right"].tolist(), strict=True))
        }

    def between(self, source: int, target: int) -> _Way | None:
        """From one image to another; None where no pair links their pixels."""
        couple = self.content[source], self.content[target]
        if couple[0] == couple[1]:
            return _Way(np.eye(2, 3), self.sizes[target], self.sizes[source])
        if couple in self.places:
            return _Way.along(record(self.pairs, self.places[couple]))
        if couple[::-1] in self.places:
            return _Way.along(record(self.pairs, self.places[couple[::-1]])).back()
        return None


def _without_ids(record: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key not in ("id", "image_id", "category_id")}


def _carry(annotation: Annotation, way: _Way, notes: list[str]) -> Annotation | None:
    """A copy of an annotation, without ids, with its geometry in the other picture's pixels; None for a crowd whose
    mask cannot be carried, for its box alone would pass for one object."""
    moved = _without_ids(annotation)
    if way.keeps:
        return moved
    rectangle = rectangle_of(annotation)
    if rectangle is not None:
        whole = map_box(rectangle, way.affine)
        inside = cut(whole, way.edge)
        moved["bbox"] = [
            _round(value) for value in (inside[0], inside[1], inside[2] - inside[0], inside[3] - inside[1])
        ]
        if isinstance(annotation.get("area"), int | float):
            scale = abs(float(np.linalg.det(way.affine[:, :2]))) * area(inside) / max(area(whole), 1e-9)
            moved["area"] = _round(annotation["area"] * scale)
    if isinstance(annotation.get("segmentation"), list):
        corners = [points for points in annotation["segmentation"] if are_finite(points)]
        if len(corners) < len(annotation["segmentation"]):
            notes.append("outlines that are no polygons")
        polygons = (_polygon(points, way) for points in corners)
        moved["segmentation"] = [points for points in polygons if points]
    elif "segmentation" in annotation:
        notes.append("masks as run lengths")
        if annotation.get("iscrowd"):
            return None
        del moved["segmentation"]
    if are_finite(annotation.get("keypoints")):
        _carry_keypoints(moved, way, notes)
    elif isinstance(annotation.get("keypoints"), list):
        notes.append("keypoints that are no numbers")
        del moved["keypoints"]
    return moved


def _carry_keypoints(moved: Annotation, way: _Way, notes: list[str]) -> None:
    points = np.array(_whole(moved["keypoints"], 3), np.float64).reshape(-1, 3)
    if way.mirrors:
        notes.append("sets of keypoints in mirrored copies")
        points[:] = 0
    there = points[:, :2] @ way.affine[:, :2].T + way.affine[:, 2]
    inside = (points[:, 2] > 0) & (there >= 0).all(axis=1) & (there < way.size).all(axis=1)
    kept = np.where(inside[:, None], np.column_stack([there, points[:, 2]]), 0)
    moved["keypoints"] = [int(value) if place % 3 == 2 else _round(value) for place, value in enumerate(kept.ravel())]
    moved["num_keypoints"] = int(inside.sum())


def _polygon(flat: Sequence[float], way: _Way) -> list[float]:
    """A polygon [x, y, ...] carried and cut at the edges of the picture; [] if outside."""
    points = np.array(_whole(flat, 2), np.float64).reshape(-1, 2) @ way.affine[:, :2].T + way.affine[:, 2]
    inside = clip(points.tolist(), way.edge)
    return [_round(value) for point in inside for value in point] if len(inside) > 2 else []


def _whole(flat: Sequence[float], size: int) -> Sequence[float]:
    """`flat` without an incomplete point at its end; a point has `size` numbers."""
    return flat[: len(flat) // size * size]


def _round(value: float) -> float:
    return round(float(value), 2)
