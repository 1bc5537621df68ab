"""Real photographs with their boxes, edited copies among them, and labels that agree or clash as planted."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

import dedup
from dedup.dataset import Dataset

VOC = Path("C-voc-multiformat/data/database")


@dataclass
class Photos:
    """A folder of VOC photographs below `root / "images"` and the one COCO document of all of them."""

    shared: Path
    root: Path
    document: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        source = json.loads((self.shared / VOC / "gts/coco_format_v1/instances_default.json").read_text())
        self.categories = {category["name"]: category["id"] for category in source["categories"]}
        named = {category["id"]: category["name"] for category in source["categories"]}
        self.files = {image["id"]: image["file_name"] for image in source["images"]}
        self.boxes: dict[int, list[tuple[str, list[float]]]] = {id_: [] for id_ in self.files}
        for each in source["annotations"]:
            self.boxes[each["image_id"]].append((named[each["category_id"]], each["bbox"]))
        self.ids = [id_ for id_ in sorted(self.files) if self.boxes[id_]]
        self.document = {"images": [], "annotations": [], "categories": source["categories"]}

    def open(self, number: int) -> Image.Image:
        """The photograph of that number, as RGB."""
        with Image.open(self.shared / VOC / "images" / self.files[self.ids[number]]) as opened:
            return opened.convert("RGB")

    def labels(self, number: int) -> list[tuple[str, list[float]]]:
        """Its (class, [x, y, width, height])."""
        return [(name, list(box)) for name, box in self.boxes[self.ids[number]]]

    def save(self, name: str, picture: Image.Image, labels: list[tuple[str, list[float]]]) -> None:
        """Write a picture below images/ and name it in the document."""
        file = self.root / "images" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        picture.save(file, quality=92)
        image_id = len(self.document["images"]) + 1
        self.document["images"].append(
            {"id": image_id, "file_name": name, "width": picture.width, "height": picture.height}
        )
        for category, box in labels:
            x, y, width, height = box
            middle = [x + width / 2, y + height / 2]
            diamond = [x, middle[1], middle[0], y, x + width, middle[1], middle[0], y + height]
            self.document["annotations"].append(
                {
                    "id": len(self.document["annotations"]) + 1,
                    "image_id": image_id,
                    "category_id": self.categories[category],
                    "bbox": box,
                    "area": box[2] * box[3],
                    "iscrowd": 0,
                    "segmentation": [diamond],
                }
            )

    def scan(self, **options: Any) -> Dataset:
        """The dataset of the folder with its document."""
        (self.root / "coco.json").write_text(json.dumps(self.document))
        return dedup.scan(self.root / "images", annotations=self.root / "coco.json", workers=1, **options)


def mirrored(labels: list[tuple[str, list[float]]], width: int) -> list[tuple[str, list[float]]]:
    """The boxes of the mirrored picture."""
    return [(name, [width - x - w, y, w, h]) for name, (x, y, w, h) in labels]


CHOSEN = (7, 16, 27, 19, 5, 14, 24, 25)
"""Photographs, by number, whose boxes lie so that a mirrored picture needs other boxes."""


def clashing(shared: Path, root: Path, **options: Any) -> Dataset:
    """Eight photographs and four copies: one agrees (mirrored with its boxes), one has another class, one has boxes
    that were not mirrored, one lacks its boxes."""
    photos = Photos(shared, root)
    for place, number in enumerate(CHOSEN):
        photos.save(f"{place}.jpg", photos.open(number), photos.labels(number))
    picture = photos.open(CHOSEN[0])
    photos.save("0 agrees.jpg", ImageOps.mirror(picture), mirrored(photos.labels(CHOSEN[0]), picture.width))
    relabelled = [("cat" if name == "dog" else name, box) for name, box in photos.labels(CHOSEN[1])]
    photos.save("1 class.png", photos.open(CHOSEN[1]), relabelled)
    photos.save("2 unmirrored.jpg", ImageOps.mirror(photos.open(CHOSEN[2])), photos.labels(CHOSEN[2]))
    photos.save("3 bare.jpg", photos.open(CHOSEN[3]), [])
    return photos.scan(**options)


def leaking(shared: Path, root: Path, **options: Any) -> Dataset:
    """Twenty-four photographs in train, val and test, and seven copies: two of train in val, three of train in test,
    one of val in test, one inside train."""
    photos = Photos(shared, root)
    splits = ["train"] * 14 + ["val"] * 5 + ["test"] * 5
    for number, split in enumerate(splits):
        photos.save(f"{split}/{number}.jpg", photos.open(number), photos.labels(number))
    copies = [(0, "val"), (1, "val"), (2, "test"), (3, "test"), (4, "test"), (14, "test"), (5, "train")]
    for number, split in copies:
        picture = photos.open(number)
        if number % 2:
            photos.save(
                f"{split}/{number} copy.jpg", ImageOps.mirror(picture), mirrored(photos.labels(number), picture.width)
            )
        else:
            photos.save(f"{split}/{number} copy.png", picture, photos.labels(number))
    return photos.scan(**options)
