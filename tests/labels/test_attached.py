"""What annotation files say is kept beside the dataset: as if they were read, and read again when they changed."""

from __future__ import annotations

import json
import os

import pytest

import dedup
from dedup.errors import AnnotationError
from dedup.labels.coco import Coco
from tests.pictures import photo, save

LONG = 123456789012345678901234567890


@pytest.fixture
def labelled(tmp_path, home):
    """Three images, two of them alike, and their labels."""
    for name, seed in (("a.jpg", 1), ("b.jpg", 2), ("c.jpg", 3)):
        save(photo(seed), tmp_path / "in" / name)
    write(tmp_path / "labels.json", "cat")
    return tmp_path / "in", tmp_path / "labels.json"


def write(file, name: str, image_id: int = 1) -> None:
    document = {
        "images": [{"id": image_id, "file_name": "a.jpg"}, {"id": 2, "file_name": "gone.jpg"}],
        "annotations": [{"id": 1, "image_id": image_id, "category_id": 1, "bbox": [1, 2, 3, 4]}],
        "categories": [{"id": 1, "name": name}],
    }
    file.write_text(json.dumps(document))


@pytest.fixture
def reads(monkeypatch) -> list[str]:
    """The annotation files that were really read."""
    read, seen = Coco.read.__func__, []
    monkeypatch.setattr(Coco, "read", classmethod(lambda cls, path: seen.append(path.name) or read(cls, path)))
    return seen


def test_frame_tags_and_notes_need_no_annotation_file(labelled, reads):
    first = dedup.scan(labelled[0], annotations=labelled[1])
    reads.clear()
    again = dedup.open(first.name)
    assert again.frame.equals(first.frame) and again.frame["classes"].tolist() == [("cat",), (), ()]
    assert again.attachments == first.attachments and again.annotation_errors == []
    again.tag([0], "good")
    assert again.clashes == [] and reads == []
    assert [coco.path.name for coco, _ in again.sources] == ["labels.json"] == reads


@pytest.mark.parametrize("change", ["another", "damaged", "gone", "kept file damaged"])
def test_a_file_that_changed_is_read_again(labelled, reads, change):
    folder, labels = labelled
    dataset = dedup.scan(folder, annotations=labels)
    if change == "another":
        write(labels, "dog")
    elif change == "damaged":
        labels.write_text("{")
    elif change == "gone":
        labels.unlink()
    else:
        next(dataset.directory.glob("labels-*.json")).write_bytes(b'{"key": ')
    reads.clear()
    again = dedup.open(dataset.name)
    classes = {"another": ("dog",), "kept file damaged": ("cat",)}.get(change, ())
    assert again.frame["classes"][0] == classes and reads == ([] if change == "gone" else ["labels.json"])
    assert bool(again.annotation_errors) == (change in ("damaged", "gone"))
    if again.annotation_errors:
        with pytest.raises(AnnotationError):
            _ = again.annotations


def test_another_time_alone_is_another_file(labelled, reads):
    dataset = dedup.scan(labelled[0], annotations=labelled[1])
    os.utime(labelled[1], ns=(1, 1))
    reads.clear()
    assert dedup.open(dataset.name).attachments and reads == ["labels.json"]


@pytest.mark.parametrize("number", [LONG, 2**64, 10**18])
def test_ids_of_any_length_stay_what_they_are(labelled, tmp_path, number):
    write(labelled[1], "cat", number)
    dataset = dedup.scan(labelled[0], annotations=labelled[1])
    dataset.export("coco", tmp_path / "out.json")
    assert json.loads((tmp_path / "out.json").read_text())["annotations"][0]["image_id"] == number


@pytest.mark.parametrize("depth", [150, 400, 3000, 100_000])
def test_labels_nested_deep_are_read_or_refused_in_one_sentence(labelled, tmp_path, depth):
    folder, labels = labelled
    text = labels.read_text().replace('"bbox": [1, 2, 3, 4]', f'"bbox": [1, 2, 3, 4], "x": {"[" * depth}{"]" * depth}')
    labels.write_text(text)
    try:
        dataset = dedup.scan(folder, annotations=labels)
    except AnnotationError as error:
        assert depth > 400 and "nested too deep" in str(error)
        return
    dataset.export("coco", tmp_path / "out.json")
    assert "[" * depth in (tmp_path / "out.json").read_text()
