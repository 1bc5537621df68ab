"""How many objects images have and how large: by hand, kept and read again, of several files, in the frame."""

from __future__ import annotations

import json

import numpy as np
import pytest

import dedup
from dedup.images.metrics import said
from dedup.labels.coco import Objects
from tests.pictures import photo, save

NAMES = ("annotations", "smallest_object", "largest_object", "crowds")


@pytest.fixture
def folder(tmp_path, home):
    """Pictures of 100 x 80, one of them unreadable."""
    for number, name in enumerate(("a", "b", "c", "d")):
        save(photo(number).resize((100, 80)), tmp_path / f"in/{name}.png")
    (tmp_path / "in/x.png").write_bytes(b"\x89PNG")
    return tmp_path / "in"


def write(file, **boxes) -> str:
    """A COCO file of images by name, each with (category, box, crowd) for each annotation."""
    images = [{"id": number, "file_name": f"{name}.png"} for number, name in enumerate(boxes)]
    told = [(number, *each) for number, held in enumerate(boxes.values()) for each in held]
    annotations = [
        {"id": place, "image_id": number, "category_id": category, "iscrowd": crowd} | ({"bbox": box} if box else {})
        for place, (number, category, box, crowd) in enumerate(told)
    ]
    categories = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}, {"id": 3, "name": "none"}]
    file.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    return str(file)


def test_objects_are_counted_and_measured(folder, tmp_path):
    one = write(
        tmp_path / "one.json",
        a=[(1, [0, 0, 40, 20], 0), (2, [10, 10, 10, 8], 0), (2, [0, 0, 96, 80], 1)],
        b=[(1, None, 0)],
        x=[(1, [0, 0, 5, 5], 0)],
        gone=[(1, [0, 0, 1, 1], 0)],
    )
    two = write(tmp_path / "two.json", a=[(1, [0, 0, 4, 2], 1)], c=[(2, [0, 0, 200, 100], 0)])
    dataset = dedup.scan(folder, annotations=[one, two], workers=1)
    for opened in (dataset, dedup.open("in")):  # as they were read, and as they were kept
        frame = opened.frame.set_index("name")[list(NAMES)]
        assert frame.loc["a.png"].tolist() == [4, 8 / 8000, 96 * 80 / 8000, 2]
        assert frame.loc["b.png", ["annotations", "crowds"]].tolist() == [1, 0]
        assert frame.loc["b.png", ["smallest_object", "largest_object"]].isna().all()
        assert frame.loc["c.png"].tolist() == [1, 1, 1, 0], "no more than the whole picture"
        assert frame.loc["d.png", ["annotations", "crowds"]].tolist() == [0, 0]
        assert np.isnan(frame.loc["x.png", "largest_object"])
        assert opened.objects == {"cat": Objects(4, 3, 0, 0), "dog": Objects(3, 1, 1, 1)}
        assert {metric.name for metric in said(opened.frame)} >= set(NAMES)
    assert opened.select("largest_object > 0.5 and crowds > 0").tolist() == [True, False, False, False, False]


def test_without_labels_nothing_is_said_of_objects(folder):
    dataset = dedup.scan(folder, annotations=[], workers=1)
    assert not {metric.name for metric in said(dataset.frame)} & set(NAMES)
    assert dataset.objects == {}
    assert "crowds" not in dataset.to_pandas().columns and "smallest_object" not in dataset.to_pandas().columns


def test_a_turned_picture_is_measured_as_it_is_shown(tmp_path, home):
    picture = photo(1).resize((100, 80))
    exif = picture.getexif()
    exif[0x0112] = 6
    (tmp_path / "in").mkdir()
    picture.save(tmp_path / "in/a.jpg", exif=exif)
    document = {"images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 80}],
                "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 50, 80]}],
                "categories": [{"id": 1, "name": "cat"}]}  # fmt: skip
    (tmp_path / "l.json").write_text(json.dumps(document))
    frame = dedup.scan(tmp_path / "in", annotations=tmp_path / "l.json", workers=1).frame
    assert (frame["width"][0], frame["largest_object"][0]) == (80, 0.5)


def test_odd_classes_and_boxes_cost_no_more_than_themselves(folder, tmp_path):
    file = tmp_path / "odd.json"
    boxes = [[0, 0, 1e200, 1e200], [0, 0, 10, 10], [0, 0, "5", 5], [True, 0, 5], None, [[1]], {"x": 1}]
    document = {
        "images": [{"id": 1, "file_name": "a.png"}],
        "annotations": [
            {"id": place, "image_id": 1, "category_id": 1} | ({"bbox": box} if box is not None else {})
            for place, box in enumerate(boxes)
        ],
        "categories": [{"id": 1, "name": "half \ud800"}],
    }
    file.write_text(json.dumps(document))
    dataset = dedup.scan(folder, annotations=str(file), workers=1)
    for opened in (dataset, dedup.open("in")):
        frame = opened.frame.set_index("name")
        assert frame.loc["a.png", ["smallest_object", "largest_object"]].tolist() == [100 / 8000] * 2
        assert sum(each.small for each in opened.objects.values()) == 1
