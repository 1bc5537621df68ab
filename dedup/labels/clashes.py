"""Label clashes: the same picture, or nearly, with another class or other boxes.

Boxes are compared in one place: those of a pair's left image are carried by the pair's map into the right one (a
mirrored copy's boxes mirror, a crop's shift and are cut), and both sides are cut to what both pictures show. A box of
which less than half is left there may be missing on either side. Boxes belong together when their IoU is at least 0.5,
those of one class first, the greatest IoU first. Crowds are never missed.

Boxes are taken in upright pixels, as viewers and pycocotools' users draw them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dedup.labels.coco import Attachment, Coco
from dedup.labels.coco_sound import is_box
from dedup.matching.columns import AFFINE, SIZES
from dedup.matching.geometry import map_box, pixel_affine
from dedup.model import Kind

MATCHING_IOU = 0.5
LEAST_SEEN = 0.5
GEOMETRY = [*AFFINE, *SIZES]
ON_THE_LEFT, ON_THE_RIGHT = "on the left", "on the right"

Rectangle = tuple[float, float, float, float]
"""left, top, right, bottom in pixels."""


@dataclass(frozen=True, slots=True)
class Box:
    """One annotation: its category's name, its rectangle (None for a label of the whole image) and where it is from:
    the place of its document among the dataset's, and its place among that document's annotations."""

    category: str
    rectangle: Rectangle | None
    crowd: bool
    document: int
    place: int


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing two images disagree on: another class of one box, or a box (or label) that only one side has."""

    left: Box | None
    right: Box | None
    iou: float = 0.0

    def sentence(self, left: str = ON_THE_LEFT, right: str = ON_THE_RIGHT) -> str:
        """For people; `left` and `right` are how the sides are called."""
        if self.left and self.right:
            return f"{self.left.category} {left}, {self.right.category} {right}"
        one, side = (self.left, left) if self.left else (self.right, right)
        return f"{one.category if one else ''} only {side}"


@dataclass(frozen=True, slots=True)
class Clash:
    """Two copies whose labels disagree. `left` and `right` are rows, `pair` the row of the pairs table; `what` is
    "class" (classes of whole images) or "boxes", whose `differences` are listed."""

    left: int
    right: int
    pair: int
    what: str
    left_classes: tuple[str, ...]
    right_classes: tuple[str, ...]
    differences: tuple[Difference, ...] = ()

    def sentence(self, left: str = ON_THE_LEFT, right: str = ON_THE_RIGHT) -> str:
        """For people: "cat on the left, dog on the right; cow in another place; 2 × bird only on the left". `left` and
        `right` are how the sides are called."""
        if self.what == "class":
            return f"{', '.join(self.left_classes)} {left}, {', '.join(self.right_classes)} {right}"
        both = [each.sentence(left, right) for each in self.differences if each.left and each.right]
        only_left = Counter(each.left.category for each in self.differences if each.left and not each.right)
        only_right = Counter(each.right.category for each in self.differences if each.right and not each.left)
        moved = only_left & only_right
        places = ((only_left - moved, f"only {left}"), (only_right - moved, f"only {right}"))
        parts = [
            f"{', '.join(_counted(those))} {where}" for those, where in ((moved, "in another place"), *places) if those
        ]
        return "; ".join([*_counted(both), *parts])


def find(frame: pd.DataFrame, pairs: pd.DataFrame, sources: Sequence[tuple[Coco, Attachment]] = ()) -> list[Clash]:
    """All clashes among exact and near pairs, in the order of `pairs`.

    Images that both are named in `sources` are compared by their annotations (none is a statement too: nothing to see);
    others by the frame's classes, where both have some. Of exact copies only the one that stays is paired with others;
    where nothing is said of it, the first copy of which something is speaks for it.
    """
    classes = frame["classes"].tolist()
    related = np.flatnonzero(pairs["kind"].isin([Kind.EXACT, Kind.NEAR]).to_numpy())
    if not len(related) or not (sources or any(classes)):
        return []  # documents need not be read
    boxes = boxes_of(frame, sources, _concerned(frame, pairs.iloc[related])) if sources else {}
    exact = (pairs["kind"].iloc[related] == Kind.EXACT).tolist()
    left, right = (pairs[side].to_numpy()[related].tolist() for side in ("left", "right"))
    told = pairs[GEOMETRY].iloc[related].to_dict("records") if boxes else [{}] * len(related)
    geometries = cast("list[dict[str, Any]]", told)
    speaker = _speakers(frame["content"].tolist(), [bool(names) or row in boxes for row, names in enumerate(classes)])
    clashes = []
    for pair, same, one, other, geometry in zip(related.tolist(), exact, left, right, geometries, strict=True):
        one, other = speaker(one), other if same else speaker(other)
        if one in boxes and other in boxes:
            found = differences(boxes[one], boxes[other], geometry) if boxes[one] or boxes[other] else ()
            if found:
                clashes.append(Clash(one, other, pair, "boxes", classes[one], classes[other], found))
        elif classes[one] and classes[other] and set(classes[one]) != set(classes[other]):
            clashes.append(Clash(one, other, pair, "class", classes[one], classes[other]))
    return clashes


def _speakers(contents: Sequence[str], said: Sequence[bool]) -> Callable[[int], int]:
    """Row to the row that speaks for it: itself where something is said of it, else its first exact copy of which
    something is."""
    first: dict[str, int] = {}
    for row, content in enumerate(contents):
        if content and said[row]:
            first.setdefault(content, row)
    return lambda row: row if said[row] else first.get(contents[row], row)


def record(pairs: pd.DataFrame, pair: int) -> dict[str, Any]:
    """One row of a pairs table as a mapping of its column names."""
    return {str(name): value for name, value in pairs.iloc[pair].items()}


def _concerned(frame: pd.DataFrame, pairs: pd.DataFrame) -> set[int]:
    """The rows of pairs and all exact copies of them."""
    content = frame["content"]
    paired = np.unique(pairs[["left", "right"]].to_numpy(np.int64))
    copies = content.isin(set(content.iloc[paired]) - {""}).to_numpy()
    return {*paired.tolist(), *np.flatnonzero(copies).tolist()}


def boxes_of(
    frame: pd.DataFrame, sources: Sequence[tuple[Coco, Attachment]], rows: Collection[int] | None = None
) -> dict[int, list[Box]]:
    """Row to annotations, for every image that a document names; with `rows`, only theirs (the others have none).
    Annotations without a category are left out."""
    row_of = {path: row for row, path in enumerate(frame["path"])}
    found: dict[int, list[Box]] = {}
    shared = shared_names([coco for coco, _ in sources])
    for number, (coco, attachment) in enumerate(sources):
        names = names_among(shared, coco.document.get("categories") or [], coco.category_names)
        row_of_id = {id_: row_of[path] for path, ids in attachment.image_ids.items() for id_ in ids if path in row_of}
        for row in row_of_id.values():
            found.setdefault(row, [])
        columns = (coco.annotations.column(key) for key in ("image_id", "category_id"))
        for place, (image_id, category_id) in enumerate(zip(*columns, strict=True)):
            row, name = row_of_id.get(image_id, -1), names.get(category_id)
            if row >= 0 and name is not None and (rows is None or row in rows):
                annotation = coco.annotations[place]
                crowd = bool(annotation.get("iscrowd"))
                found[row].append(Box(name, rectangle_of(annotation), crowd, number, place))
    return found


def shared_names(documents: Sequence[Coco]) -> set[str]:
    """Names that documents give to several classes with annotations, one below another supercategory than the other."""
    above: dict[str, set[str]] = {}
    for coco in documents:
        used = set(coco.annotations.column("category_id"))
        for category in coco.document.get("categories") or []:
            if category["id"] in used and category.get("supercategory"):
                above.setdefault(category["name"], set()).add(str(category["supercategory"]))
    return {name for name, held in above.items() if len(held) > 1}


def names_among(
    shared: Collection[str], categories: Iterable[Mapping[str, Any]], names: Mapping[Any, str]
) -> dict[Any, str]:
    """What the classes of a document are called where the names in `shared` are several classes, by id: what it calls
    them (`names`), or that with the supercategory."""
    found = dict(names)
    for category in categories:
        name, above = names[category["id"]], category.get("supercategory")
        if name in shared and name == category["name"] and above:
            found[category["id"]] = f"{name} ({above})"
    return found


def rectangle_of(annotation: Mapping[str, Any]) -> Rectangle | None:
    """The rectangle of a COCO annotation's `bbox` [x, y, width, height]; None when it has none."""
    box = annotation.get("bbox")
    if not is_box(box):
        return None
    x, y, width, height = map(float, box)
    return x, y, x + width, y + height


@dataclass(frozen=True, slots=True)
class Meeting:
    """How the annotations of two images meet, by their places: `matched` belong together, as (place in left, place in
    right, IoU); `left` and `right` are those without a match although the other picture shows at least half of them,
    and labels of the whole image that the other side has not."""

    matched: tuple[tuple[int, int, float], ...]
    left: tuple[int, ...]
    right: tuple[int, ...]

    def turned(self) -> Meeting:
        """The same with the sides exchanged."""
        return Meeting(tuple((b, a, iou) for a, b, iou in self.matched), self.right, self.left)


def meet(left: Sequence[Box], right: Sequence[Box], affine: NDArray[np.float64], region: Rectangle) -> Meeting:
    """Compare the annotations of two images; `affine` is the map of pixels from left to right, `region` their
    `shared_region`. Whatever asks what two images agree on asks here, so that all judge alike."""
    here = [replace(box, rectangle=box.rectangle and map_box(box.rectangle, affine)) for box in left]
    matched = match([_cut(box, region) for box in here], [_cut(box, region) for box in right])
    return Meeting(
        tuple(matched),
        _alone(here, right, region, {a for a, _, _ in matched}),
        _alone(right, here, region, {b for _, b, _ in matched}),
    )


def differences(left: Sequence[Box], right: Sequence[Box], pair: Mapping[str, Any]) -> tuple[Difference, ...]:
    """What the annotations of a pair's images disagree on; `pair` is one row of the pairs table."""
    affine = pixel_affine(pair)
    sizes = [(int(pair[f"{side}_width"]), int(pair[f"{side}_height"])) for side in ("left", "right")]
    met = meet(left, right, affine, shared_region(affine, sizes[0], sizes[1]))
    return (
        *(Difference(left[a], right[b], iou) for a, b, iou in met.matched if left[a].category != right[b].category),
        *(Difference(left[place], None) for place in met.left if not left[place].crowd),
        *(Difference(None, right[place]) for place in met.right if not right[place].crowd),
    )


def shared_region(affine: NDArray[np.float64], left: tuple[int, int], right: tuple[int, int]) -> Rectangle:
    """What of the right picture the left one shows too, in right's pixels; `left` and `right` are (width, height)."""
    whole = map_box((0, 0, *left), affine)
    return cut(whole, (0.0, 0.0, float(right[0]), float(right[1])))


def match(left: Sequence[Box], right: Sequence[Box]) -> list[tuple[int, int, float]]:
    """Which boxes belong together, as (place in left, place in right, IoU): one class first, greatest IoU first."""
    candidates = [
        (one.category != other.category, -iou, a, b)
        for a, one in enumerate(left)
        for b, other in enumerate(right)
        if one.rectangle and other.rectangle and (iou := overlap(one.rectangle, other.rectangle)) >= MATCHING_IOU
    ]
    used_left: set[int] = set()
    used_right: set[int] = set()
    matched = []
    for _, negative, a, b in sorted(candidates):
        if a not in used_left and b not in used_right:
            used_left.add(a)
            used_right.add(b)
            matched.append((a, b, -negative))
    return matched


def overlap(one: Rectangle, other: Rectangle) -> float:
    """Intersection over union, 0..1."""
    common = area(cut(one, other))
    union = area(one) + area(other) - common
    return common / union if union > 0 else 0.0


def cut(one: Rectangle, other: Rectangle) -> Rectangle:
    """The part of `one` inside `other`; of no width or height when there is none."""
    left, top = max(one[0], other[0]), max(one[1], other[1])
    return left, top, max(left, min(one[2], other[2])), max(top, min(one[3], other[3]))


def area(rectangle: Rectangle) -> float:
    """Square pixels."""
    return (rectangle[2] - rectangle[0]) * (rectangle[3] - rectangle[1])


def _counted(words: Iterable[str] | Counter[str]) -> list[str]:
    return [word if count == 1 else f"{count} × {word}" for word, count in Counter(words).items()]


def _cut(box: Box, region: Rectangle) -> Box:
    return replace(box, rectangle=box.rectangle and cut(box.rectangle, region))


def _alone(boxes: Sequence[Box], others: Sequence[Box], region: Rectangle, matched: set[int]) -> tuple[int, ...]:
    """Places of the boxes that the other side should have and has not."""
    labels = {box.category for box in others if box.rectangle is None}
    return tuple(
        place
        for place, box in enumerate(boxes)
        if place not in matched and (_mostly_in(box.rectangle, region) if box.rectangle else box.category not in labels)
    )


def _mostly_in(rectangle: Rectangle, region: Rectangle) -> bool:
    return area(rectangle) > 0 and area(cut(rectangle, region)) >= LEAST_SEEN * area(rectangle)
