"""What FiftyOne is given. It is not installed here, for it brings a database: a stand-in keeps what it is told, and
`python -m benchmarks.readers` asks the real one."""

from __future__ import annotations

import json
import sys
from types import ModuleType, SimpleNamespace

import pytest

import dedup
from dedup.errors import UsageError
from tests.pictures import photo, save


class Held(SimpleNamespace):
    """Whatever is made, with the fields it was made of."""


class Dataset:
    def __init__(self, name: str | None) -> None:
        self.name, self.samples = name, []

    def add_samples(self, samples: list[Held]) -> None:
        self.samples += samples


@pytest.fixture
def stand_in(monkeypatch):
    module = ModuleType("fiftyone")
    module.Dataset = Dataset
    kinds = ("Sample", "ImageMetadata", "Classification", "Classifications", "Detection", "Detections", "Polyline",
             "Polylines", "Keypoint", "Keypoints")  # fmt: skip
    for kind in kinds:
        setattr(module, kind, type(kind, (Held,), {}))
    monkeypatch.setitem(sys.modules, "fiftyone", module)


@pytest.fixture
def dataset(home, tmp_path):
    for name in ("a.png", "b.png"):
        save(photo(0).resize((200, 100)), tmp_path / "in" / name)
    (tmp_path / "in/broken.png").write_bytes(b"no picture")
    entry = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [20, 10, 100, 50], "keypoints": [0, 0, 0, 50, 25, 2],
             "segmentation": [[20, 10, 120, 10, 120, 60]], "attributes": {"occluded": True, "bad key": 1}}  # fmt: skip
    document = {
        "images": [{"id": 1, "file_name": "a.png"}],
        "annotations": [entry],
        "categories": [{"id": 1, "name": "dog"}],
    }
    (tmp_path / "coco.json").write_text(json.dumps(document))
    made = dedup.scan(tmp_path / "in", annotations=tmp_path / "coco.json", workers=1)
    made.tag([0], "good")
    return made


def test_samples_have_tags_scores_groups_and_labels_in_fractions(dataset, stand_in):
    made = dataset.to_fiftyone(name="mine")
    assert made.name == "mine" and [sample.filepath for sample in made.samples] == [
        str(dataset.root / name) for name in ("a.png", "b.png")
    ]  # fmt: skip
    one, other = made.samples
    assert one.tags == ["good"] and other.tags == []
    assert (other.kind, one.group, one.role, other.role) == ("exact", 0, "keeper", "duplicate")
    assert other.keeper == "a.png" and other.singularity == 0 and one.split is None and type(one.group) is int
    assert (one.metadata.width, one.metadata.height) == (200, 100)
    (box,), (outline,), (points,) = one.objects.detections, one.outlines.polylines, one.points.keypoints
    assert box.label == "dog" and box.bounding_box == [0.1, 0.1, 0.5, 0.5] and box.attribute_occluded is True
    assert (
        outline.points == [[(0.1, 0.1), (0.6, 0.1), (0.6, 0.6)]]
        and outline.closed
        and points.points[1:] == [(0.25, 0.25)]
    )
    assert not hasattr(other, "objects") and len(dataset.to_fiftyone([1]).samples) == 1


def test_without_the_package_it_says_what_to_install(dataset, monkeypatch):
    monkeypatch.setitem(sys.modules, "fiftyone", None)
    with pytest.raises(UsageError, match="pip install fiftyone"):
        dataset.to_fiftyone()
