"""YOLO beside the images: `images/…`, `labels/…` and a data.yaml that ultralytics reads as it is.

Rows are keypoints where every class has some, turned boxes where all outlines are such, polygons where every object has
one, boxes else. Splits are folders where images of one split lie in one of their own, lists of images else.

Format: https://docs.ultralytics.com/datasets/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any

import yaml

from dedup.exports.base import Report
from dedup.exports.labels.base import (
    Contents,
    Entry,
    LabelFormat,
    Labelled,
    Place,
    Wanted,
    below,
    box_of,
    keypoints_of,
    polygons_of,
    save,
)
from dedup.labels.coco import NAMESPACE
from dedup.labels.coco_sound import are_finite
from dedup.matching import geometry
from dedup.words import plural

SETTINGS = "data.yaml"
KEYS = ("train", "val", "test")
"""What ultralytics asks for; a data.yaml needs the first two."""
READ = frozenset({".bmp", ".jpeg", ".jpg", ".mpo", ".png", ".tif", ".tiff", ".webp"})
"""What of the formats that we read every version of ultralytics takes for an image; HEIC needs a package more."""
CUT = 1.0
"""Pixels beyond the edge that are rounding; more that is cut is counted."""
DECIMALS = 6
"""Of a side, as the format's own tools write: a hundredth of a pixel of sides of 10,000."""


def place(places: Sequence[Place]) -> list[PurePosixPath]:
    """Below `images`, which readers replace by `labels` to find a text."""
    return below("images", places, "images")


def label_of(image: PurePosixPath) -> PurePosixPath:
    """Where ultralytics looks for the text of an image."""
    parts = list(image.parts)
    at = len(parts) - 1 - parts[::-1].index("images")
    return PurePosixPath(*parts[:at], "labels", *parts[at + 1 :]).with_suffix(".txt")


def write(wanted: Wanted) -> Report:
    """Raises `ExportError`."""
    contents = Contents(wanted)
    rows = _Rows.for_all(contents)
    for image in contents.images:
        text = "".join(f"{row}\n" for entry in image.annotations for row in rows.of(entry, image))
        save(wanted.output / label_of(PurePosixPath(image.name)), text)
    told = _settings(contents, rows, wanted)
    save(wanted.output / SETTINGS, yaml.safe_dump(told, allow_unicode=True, sort_keys=False))
    lacking = "val" not in contents.splits and "test" not in contents.splits
    without = ["No image is in val or test: data.yaml takes train for both. Split before training."] if lacking else []
    return contents.report("YOLO", *without, *_unread_formats(contents))


def _unread_formats(contents: Contents) -> list[str]:
    """A sentence on images that training would pass over: they are copied as they are."""
    suffixes = [PurePosixPath(image.name).suffix.lower() for image in contents.images]
    others = [suffix or "no suffix" for suffix in suffixes if suffix not in READ]
    if not others:
        return []
    told = f"{plural(len(others), 'image')} in a format that ultralytics does not read everywhere"
    return [f"{told} ({', '.join(sorted({*others}))}): convert before training, to JPEG for one."]


class _Rows:
    """Annotations as rows of one kind."""

    def __init__(self, contents: Contents, kind: str, points: int = 0) -> None:
        self.contents, self.kind, self.points = contents, kind, points
        self.number = {category["id"]: place for place, category in enumerate(contents.categories)}

    @classmethod
    def for_all(cls, contents: Contents) -> _Rows:
        """Rows of the kind that fits all annotations."""
        plain = [entry for entry in contents.annotations() if box_of(entry) and not entry.get("iscrowd")]
        counts = {len(keypoints_of(entry)) // 3 for entry in plain}
        if plain and len(counts) == 1 and counts != {0}:
            return cls(contents, "pose", counts.pop())
        if plain and all(_is_turned(entry) for entry in plain):
            return cls(contents, "obb")
        if plain and all(polygons_of(entry) for entry in plain):
            return cls(contents, "segment")
        return cls(contents, "detect")

    def of(self, entry: Entry, image: Labelled) -> Iterator[str]:
        """The row of an annotation; none for what has no place in it, which is counted."""
        box = box_of(entry)
        if box is None:
            return self.contents.drop_entry(entry, "whole-image class")
        if entry.get("iscrowd"):
            return self.contents.drop("crowd")
        if entry.get("category_id") not in self.number:
            return self.contents.drop("unclassed object")
        width, height = image.size
        if box[0] >= width > 0 or box[1] >= height > 0 or box[0] + box[2] <= 0 or box[1] + box[3] <= 0:
            return self.contents.drop("box beyond the edge")
        if not all(image.size):
            return self.contents.drop("unmeasured object")
        if entry.get("attributes"):
            self.contents.drop("attribute", len(entry["attributes"]))
        self.contents.drop_fields(entry)
        yield " ".join([str(self.number[entry["category_id"]]), *self._numbers(entry, box, image)])

    def _numbers(self, entry: Entry, box: tuple[float, ...], image: Labelled) -> Iterator[str]:
        width, height = image.size
        if self.kind in ("segment", "obb"):
            polygons = sorted(polygons_of(entry), key=len)
            if len(polygons) > 1:
                self.contents.drop("further polygon", len(polygons) - 1)
            whole = polygons[-1] if self.kind == "obb" else self._within(polygons[-1], image.size)
            yield from _fractions(whole, image.size)
            return
        if polygons_of(entry) or entry.get("segmentation"):
            self.contents.drop("outline")
        if min(box[0], box[1], width - box[0] - box[2], height - box[1] - box[3]) < -CUT:
            self.contents.drop("part beyond the edge")
        left, top = max(0.0, box[0] / width), max(0.0, box[1] / height)
        right, bottom = min(1.0, (box[0] + box[2]) / width), min(1.0, (box[1] + box[3]) / height)
        middle = ((left + right) / 2, (top + bottom) / 2, max(0.0, right - left), max(0.0, bottom - top))
        yield from (f"{number:.{DECIMALS}f}" for number in middle)
        if self.kind == "pose":
            points = keypoints_of(entry)
            for start in range(0, len(points), 3):
                yield from _fractions(points[start : start + 2], image.size)
                yield f"{points[start + 2]:g}"
        elif any(keypoints_of(entry)):
            self.contents.drop("skeleton")

    def _within(self, polygon: Sequence[float], size: tuple[int, int]) -> Sequence[float]:
        """A polygon cut at the edges: moving its corners there would bend what is within."""
        points = list(zip(polygon[::2], polygon[1::2], strict=True))
        inside = geometry.clip(points, (0, 0, *size))
        if inside == points or len(inside) < 3:
            return polygon
        self.contents.drop("part beyond the edge")
        return [number for point in inside for number in point]


def _fractions(points: Sequence[float], size: tuple[int, int]) -> Iterator[str]:
    """Coordinates x, y, x, y, … as fractions of the sides, cut at them."""
    for place, number in enumerate(points):
        yield f"{min(1.0, max(0.0, number / size[place % 2])):.{DECIMALS}f}"


def _is_turned(entry: Entry) -> bool:
    ours = entry.get(NAMESPACE)
    return isinstance(ours, dict) and ours.get("turned") is True and len(polygons_of(entry)) == 1


def _settings(contents: Contents, rows: _Rows, wanted: Wanted) -> dict[str, Any]:
    """What data.yaml says. No `path`: without one, readers take the folder that it lies in."""
    places = _splits(contents, wanted)
    everything = next(iter(places.values()), "images")
    told: dict[str, Any] = {key: places.get(key, places.get("test", everything)) for key in ("train", "val")}
    told |= {key: place for key, place in places.items() if key not in told}
    names = contents.names
    told["names"] = {number: names[id_] for id_, number in rows.number.items()}
    if rows.kind == "pose":
        told["kpt_shape"] = [rows.points, 3]
        named = {rows.number[each["id"]]: list(map(str, each.get("keypoints") or ())) for each in contents.categories}
        flips = {tuple(each["flip_idx"]) for each in contents.categories if are_finite(each.get("flip_idx"))}
        if len(flips) == 1 and len(flip := flips.pop()) == rows.points:
            told["flip_idx"] = list(flip)
        told["kpt_names"] = {number: points for number, points in named.items() if len(points) == rows.points}
    return told


def _splits(contents: Contents, wanted: Wanted) -> dict[str, str]:
    """Each split's folder where it has one of its own, else a list of its images; images of none are of train."""
    of: dict[str, list[str]] = {}
    for split, images in contents.splits.items():
        of.setdefault(split or "train", []).extend(image.name for image in images)
    everywhere = {name: split for split, names in of.items() for name in names}
    there = set(wanted.names.values())
    places = {}
    for split, names in sorted(of.items(), key=lambda each: (each[0] not in KEYS, each[0])):
        folder = PurePosixPath(names[0]).parent
        while not all(PurePosixPath(name).is_relative_to(folder) for name in names):
            folder = folder.parent
        inside = {name for name in there if PurePosixPath(name).is_relative_to(folder)}
        if folder.parts and all(everywhere.get(name) == split for name in inside):
            places[split] = folder.as_posix()
        else:
            places[split] = f"{split}.txt"
            save(wanted.output / places[split], "".join(f"./{name}\n" for name in names))
    return places


def _owns(path: PurePosixPath) -> bool:
    return str(path) == SETTINGS or (path.suffix == ".txt" and ("labels" in path.parts[:-1] or len(path.parts) == 1))


YOLO = LabelFormat(
    "yolo",
    "YOLO",
    "boxes, or polygons, turned boxes or keypoints where all objects have them",
    place,
    write,
    lambda output: [output / SETTINGS],
    _owns,
)
