"""COCO in: what is read, what is refused, and which images of a dataset are meant."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dedup
from dedup.errors import AnnotationError
from dedup.labels.coco import Coco, find_annotations, tags_from_coco
from tests.building import picture


def document(*file_names, annotations=(), categories=({"id": 1, "name": "cat"}, {"id": 7, "name": "dog"})):
    return {
        "images": [{"id": place + 10, "file_name": name} for place, name in enumerate(file_names)],
        "annotations": list(annotations),
        "categories": list(categories),
    }


def coco(tmp_path, content, name="coco.json"):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return Coco.read(path)


def found(tmp_path, file_name, paths, **options):
    attachment = coco(tmp_path, document(file_name), **options).attach(paths)
    return next(iter(attachment.image_ids), "ambiguous" if attachment.ambiguous else None)


def test_reads_classes_counts_and_ids(tmp_path):
    annotations = [
        {"id": 1, "image_id": 10, "category_id": 7},
        {"id": 2, "image_id": 10, "category_id": 1},
        {"id": 3, "image_id": 10, "category_id": 7},
        {"id": 4, "image_id": 10, "caption": "no category"},
        {"id": 5, "image_id": 99, "category_id": 1},
    ]
    source = coco(tmp_path, document("a.jpg", "gone.jpg", annotations=annotations))
    attachment = source.attach(["a.jpg", "b.jpg"])
    assert attachment.image_ids == {"a.jpg": (10,)}
    assert attachment.classes == {"a.jpg": ("cat", "dog")}
    assert attachment.counts == {"a.jpg": 4}
    assert attachment.missing == ("gone.jpg",)
    assert attachment.unannotated == ("b.jpg",)
    assert attachment.notes == (
        "1 image named in coco.json is not in the dataset.",
        "1 image of the dataset is not named in coco.json.",
        "1 annotations in coco.json belong to no image of it.",
    )


@pytest.mark.parametrize(
    ("file_name", "paths", "answer"),
    [
        ("a.jpg", ["a.jpg", "x/a.jpg"], "a.jpg"),
        ("a.jpg", ["x/a.jpg", "b.jpg"], "x/a.jpg"),
        ("a.jpg", ["x/a.jpg", "y/a.jpg"], "ambiguous"),
        ("y/a.jpg", ["x/a.jpg", "z/y/a.jpg"], "z/y/a.jpg"),
        ("x\\y\\a.jpg", ["x/y/a.jpg"], "x/y/a.jpg"),
        ("odd\\x41.jpg", ["odd\\x41.jpg"], "odd\\x41.jpg"),
        ("./a.jpg", ["a.jpg"], "a.jpg"),
        ("/home/me/data/x/a.jpg", ["x/a.jpg"], "x/a.jpg"),
        ("C:\\data\\a.jpg", ["a.jpg"], "a.jpg"),
        ("photos/a.jpg", ["pictures/a.jpg"], "pictures/a.jpg"),
        ("train/a.jpg", ["val/a.jpg"], None),
        ("a.jpg", ["ba.jpg"], None),
        ("u\u0308.jpg", ["ü.jpg"], "ü.jpg"),
        ("b.jpg", [], None),
    ],
)
def test_matches_file_names(tmp_path, file_name, paths, answer):
    assert found(tmp_path, file_name, paths) == answer


def test_the_annotation_file_itself_tells_images_of_one_name_apart(tmp_path):
    paths = ["train/1.jpg", "val/1.jpg"]
    assert found(tmp_path, "1.jpg", paths, name="annotations/instances_val2017.json") == "val/1.jpg"
    beside = coco(tmp_path, document("1.jpg"), name="val/_annotations.coco.json")
    assert list(beside.attach(paths, root=tmp_path).image_ids) == ["val/1.jpg"]


def test_one_file_listed_twice_keeps_both_ids(tmp_path):
    attachment = coco(tmp_path, document("a.jpg", "./a.jpg")).attach(["a.jpg"])
    assert attachment.image_ids == {"a.jpg": (10, 11)}
    assert "more than once" in attachment.notes[0]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no JSON"),
        (b'{"images": [', "no JSON (Expecting value at line 1"),
        (b"\xff\xfe\x00", "no UTF-8 text"),
        (b"[" * 100_000, "nested too deep"),
        (b"[]", "no object"),
        (b'"x"', "no object"),
        (b"{}", 'no list "images"'),
        (b'{"images": {}}', '"images" is no list'),
        (b'{"images": null}', '"images" is no list'),
        (b'{"images": [3]}', 'entry 0 of "images" is no object'),
        (b'{"images": [{"id": 1}]}', "has no file_name"),
        (b'{"images": [{"id": 1, "file_name": 3}]}', "has no file_name"),
        (b'{"images": [{"id": true, "file_name": "a"}]}', "has no id"),
        (b'{"images": [{"id": [1], "file_name": "a"}]}', "has no id"),
        (b'{"images": [{"id": 1, "file_name": "a"}, {"id": 1, "file_name": "b"}]}', "image id 1 is used 2 times"),
        (b'{"images": [], "annotations": 3}', '"annotations" is no list'),
        (b'{"images": [], "annotations": [{"image_id": {}}]}', "has no image_id"),
        (b'{"images": [], "annotations": [{"image_id": 1, "category_id": []}]}', "category_id"),
        *(
            (
                b'{"images": [], "annotations": [{"image_id": 1}, {"image_id": 1, %s}]}' % held,
                f'entry 1 of "annotations" has a value in {held.decode().split(":")[0][1:-1]} that is no finite number',
            )
            for held in (
                b'"bbox": [null, 1, 2, 3]',
                b'"bbox": ["10", 1, 2, 3]',
                b'"bbox": [[1], 2, 3, 4]',
                b'"bbox": [true, 2, 3, 4]',
                b'"bbox": [NaN, 2, 3, 4]',
                b'"bbox": [1, 2, 3, -Infinity]',
                b'"bbox": [1, 2, 3, 1e999]',
                b'"bbox": [1, 2, 3, 1%s]' % (b"0" * 400),
                b'"segmentation": [["x", 1]]',
                b'"segmentation": [[1, 2, 3, 4, 5, 6], {"x": 1}]',
                b'"segmentation": [[1, 2, NaN, 4, 5, 6]]',
                b'"keypoints": [1, 2, "v"]',
            )
        ),
        (b'{"images": [], "categories": [{"id": 1}]}', "has no name"),
    ],
)
def test_what_is_not_coco_is_a_clear_sentence(tmp_path, content, says):
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(AnnotationError) as caught:
        Coco.read(path)
    assert says in str(caught.value) and str(path) in str(caught.value)


def test_a_file_with_a_value_that_is_no_number_makes_no_dataset_and_breaks_none(tmp_path, home):
    picture(tmp_path / "in" / "a.png", 1, (160, 120))
    labels = document("a.jpg") | {"images": [{"id": 1, "file_name": "a.png"}], "annotations": []}
    bad = labels | {"annotations": [{"image_id": 1, "bbox": [None, 1, 2, 3]}]}
    file = tmp_path / "labels.json"
    file.write_text(json.dumps(bad))
    with pytest.raises(AnnotationError, match="no finite number"):
        dedup.scan(tmp_path / "in", annotations=file, workers=1)
    assert not dedup.datasets()
    file.write_text(json.dumps(labels))
    name = dedup.scan(tmp_path / "in", annotations=file, workers=1).name
    file.write_text(json.dumps(bad))
    broken = dedup.open(name)
    assert len(broken.frame) == 1 and broken.clashes == []
    assert [error for error in broken.annotation_errors if "no finite number" in error]


def test_a_missing_file_is_a_clear_sentence(tmp_path):
    with pytest.raises(AnnotationError, match="Cannot read the annotation file"):
        Coco.read(tmp_path / "no.json")
    with pytest.raises(AnnotationError, match="Cannot read the annotation file"):
        Coco.read(tmp_path)


def test_a_byte_order_mark_and_missing_lists_are_fine(tmp_path):
    path = tmp_path / "x.json"
    path.write_bytes(b'\xef\xbb\xbf{"images": [{"id": "t1", "file_name": "a.jpg"}]}')
    assert Coco.read(path).attach(["a.jpg"]).image_ids == {"a.jpg": ("t1",)}


def test_finds_annotation_files_within_and_beside(tmp_path):
    root = tmp_path / "images" / "val2017"
    text = json.dumps(document("a.jpg"))
    inside, beside = root / "sub" / "_annotations.coco.json", tmp_path / "annotations" / "instances.json"
    for path in (inside, beside, root / ".hidden" / "x.json"):
        path.parent.mkdir(parents=True)
        path.write_text(text)
    (root / "other.json").write_text('{"images": 1}')
    (root / "empty.json").write_text("")
    assert find_annotations(root) == sorted([beside, inside])


def test_shared_documents(shared_data):
    tiny = shared_data / "C-tinycoco" / "tinycoco"
    assert find_annotations(tiny) == find_annotations(tiny / "images" / "val2017")
    source = Coco.read(find_annotations(tiny)[0])
    attachment = source.attach([f"images/val2017/{file.name}" for file in (tiny / "images/val2017").iterdir()])
    assert len(attachment.image_ids) == 6 and not attachment.missing and not attachment.unannotated
    assert sum(attachment.counts.values()) == 136
    voc = shared_data / "C-voc-multiformat" / "data" / "database"
    paths = [file.name for file in (voc / "images").iterdir()]
    for path in find_annotations(voc):
        attachment = Coco.read(path).attach(paths)
        assert len(attachment.image_ids) == 100 and not attachment.notes
    assert len(find_annotations(voc)) == 2


def test_tags_come_back_from_an_export_of_ours(tmp_path):
    content = document("a.jpg", "b.jpg", "c.jpg", "d.jpg", "gone.jpg")
    for image, ours in zip(
        content["images"], [{"tags": ["x", "y"]}, {"tags": ["x"]}, {"tags": 3}, [], {"tags": ["x"]}], strict=True
    ):
        image["dedup"] = ours
    source = coco(tmp_path, content)
    attachment = source.attach(["a.jpg", "b.jpg", "c.jpg", "d.jpg"])
    assert tags_from_coco(source, attachment) == {"x": ["a.jpg", "b.jpg"], "y": ["a.jpg"]}


@given(st.text(), st.lists(st.text()))
def test_any_names_are_survived(name, paths):
    source = Coco(path=Path("x.json"), document=document(name or "x"))
    attachment = source.attach(paths)
    assert set(attachment.image_ids) <= set(paths)
