"""Whether the packages that people train with read what is exported: boxes and classes as the dataset has them.

    python -m benchmarks.readers NAME [--home DIR]

Exports a dataset with boxes in every format to a temporary folder and reads it back with whichever of these packages
are installed: pycocotools, torchvision (CocoDetection), ultralytics (its check of a dataset, and its loader) and
Hugging Face datasets; also what `to_fiftyone` makes. Exit 1 where one reads something else. PyTorch takes gigabytes
and FiftyOne a database, which is why the tests have only pycocotools and datasets; run it after changing a writer.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import dedup

Boxes = Counter[tuple[str, str, tuple[int, ...]]]
"""File name, class, and the box (left, top, width, height) in whole pixels, as often as they occur."""


def expected(dataset: dedup.Dataset) -> Boxes:
    """The boxes that the dataset has."""
    found: Boxes = Counter()
    for coco, met in dataset.resolved_sources:
        name_of = {number: Path(path).name for path, numbers in met.image_ids.items() for number in numbers}
        for entry in coco.annotations:
            if entry["image_id"] in name_of:
                name = coco.category_names[entry["category_id"]]
                found[(name_of[entry["image_id"]], name, _whole(entry["bbox"]))] += 1
    return found


def _whole(box: Iterable[float]) -> tuple[int, ...]:
    return tuple(round(float(number)) for number in box)


def pycocotools(folder: Path) -> Boxes:
    """COCO by its own API."""
    from pycocotools.coco import COCO

    found: Boxes = Counter()
    for file in folder.glob("*.json"):
        coco = COCO(file)
        for entry in coco.loadAnns(coco.getAnnIds()):
            image, category = coco.loadImgs(entry["image_id"])[0], coco.loadCats(entry["category_id"])[0]
            found[(Path(image["file_name"]).name, category["name"], _whole(entry["bbox"]))] += 1
    return found


def torchvision_coco(folder: Path) -> Boxes:
    """COCO by torchvision.datasets.CocoDetection, which opens every image."""
    from torchvision.datasets import CocoDetection

    found: Boxes = Counter()
    for file in folder.glob("*.json"):
        told = json.loads(file.read_text())
        names = {each["id"]: each["name"] for each in told["categories"]}
        read = CocoDetection(str(folder), str(file))
        for number, (image, entries) in zip(read.ids, read, strict=False):
            name = Path(read.coco.loadImgs(number)[0]["file_name"]).name
            assert image.size > (0, 0)
            for entry in entries:
                found[(name, names[entry["category_id"]], _whole(entry["bbox"]))] += 1
    return found


def ultralytics(folder: Path) -> Boxes:
    """YOLO by ultralytics: its check of a dataset, then every label as its loader gives it."""
    from ultralytics.data.dataset import YOLODataset
    from ultralytics.data.utils import check_det_dataset

    data = check_det_dataset(str(folder / "data.yaml"), autodownload=False)
    found: Boxes = Counter()
    for split in ("train", "val", "test"):
        if not data.get(split):
            continue
        for label in YOLODataset(img_path=data[split], data=data, augment=False, task="detect").labels:
            high, wide = label["shape"]
            for number, (x, y, w, h) in zip(label["cls"].ravel(), label["bboxes"], strict=True):
                box = ((x - w / 2) * wide, (y - h / 2) * high, w * wide, h * high)
                found[(Path(label["im_file"]).name, data["names"][int(number)], _whole(box))] += 1
    return found


def hugging_face(folder: Path) -> Boxes:
    """An imagefolder by datasets.load_dataset."""
    from datasets import Image, load_dataset

    found: Boxes = Counter()
    for split in load_dataset("imagefolder", data_dir=str(folder)).values():
        for each in split.cast_column("image", Image(decode=False)):
            for name, box in zip(each["objects"]["category"], each["objects"]["bbox"], strict=True):
                found[(Path(each["image"]["path"]).name, name, _whole(box))] += 1
    return found


def fiftyone(dataset: dedup.Dataset) -> Boxes:
    """A dataset of FiftyOne, as `to_fiftyone` makes it: fractions of the sides, which come back as pixels."""
    found: Boxes = Counter()
    for sample in dataset.to_fiftyone():
        sides = (sample.metadata.width, sample.metadata.height) * 2
        for each in sample.objects.detections if sample.objects else ():
            box = (number * side for number, side in zip(each.bounding_box, sides, strict=True))
            found[(Path(sample.filepath).name, each.label, _whole(box))] += 1
    return found


READERS: dict[str, tuple[str, str, Callable[[Path], Boxes]]] = {
    "pycocotools": ("pycocotools", "coco", pycocotools),
    "torchvision CocoDetection": ("torchvision", "coco", torchvision_coco),
    "ultralytics": ("ultralytics", "yolo", ultralytics),
    "datasets": ("datasets", "imagefolder", hugging_face),
}
"""By title: the package, the format, and what reads it."""


def main() -> int:
    """Print a line for every reader."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("--home", type=Path)
    asked = parser.parse_args()
    dataset = dedup.open(asked.name, home=asked.home)
    truth, wrong = expected(dataset), 0
    with tempfile.TemporaryDirectory() as room:
        for title, (package, form, read) in READERS.items():
            if importlib.util.find_spec(package) is None:
                print(f"{title:28} not installed")
                continue
            folder = Path(room) / form
            if not folder.exists():
                dataset.export("folder", folder, labels=form)
            found = read(folder)
            wrong += _told(title, truth, found)
        if importlib.util.find_spec("fiftyone") is not None:
            wrong += _told("fiftyone", truth, fiftyone(dataset))
    return 1 if wrong else 0


def _told(title: str, truth: Boxes, found: Boxes) -> bool:
    """Print how a reader fared; whether it read something else."""
    apart = sum((truth - found).values()) + sum((found - truth).values())
    print(f"{title:28} {sum(found.values()):,} of {sum(truth.values()):,} boxes, {apart} not alike to the pixel")
    return bool(apart)


if __name__ == "__main__":
    sys.exit(main())
