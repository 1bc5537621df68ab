"""COCO out: the selection and nothing else, everything as it was, back in again."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import coco as pycoco

import dedup
from dedup.errors import ExportError
from dedup.exports import coco
from dedup.labels import entries
from dedup.labels.coco import Coco, tags_from_coco
from dedup.model import SCORE_VERSION
from tests.frames import TAGS, FakeDataset, make_frame, written
from tests.pictures import photo, save

SOURCE = {
    "info": {"year": 2017, "contributor": "é", "unknown": [1, 2.50, None]},
    "mystery": {"deep": [True, {"x": 1e-7}]},
    "licenses": [{"id": 3, "name": "L", "url": "u"}],
    "categories": [{"id": 18, "name": "dog", "supercategory": "animal", "keypoints": ["nose"], "skeleton": [[1, 1]]}],
    "images": [
        {"id": 42, "file_name": "b.jpg", "width": 10, "height": 20, "license": 3, "odd": {"a": 1}},
        {"id": 7, "file_name": "a.jpg", "width": 10, "height": 20, "date_captured": 0},
        {"id": 900, "file_name": "gone.jpg", "width": 1, "height": 1},
    ],
    "annotations": [
        {"id": 5, "image_id": 42, "category_id": 18, "iscrowd": 1, "area": 3, "bbox": [1, 2, 3.5, 4.0],
         "segmentation": {"counts": [10, 20, 170], "size": [20, 10]}},
        {"id": 1, "image_id": 7, "category_id": 18, "iscrowd": 0, "area": 3.0, "bbox": [0, 0, 1, 1],
         "segmentation": [[0, 0, 1, 0, 1, 1], [5, 5, 6, 5, 6, 6]], "keypoints": [1, 2, 2], "num_keypoints": 1},
        {"id": 2, "image_id": 42, "category_id": 18, "iscrowd": 1, "area": 9, "bbox": [0, 0, 1, 1],
         "segmentation": {"counts": "abc0", "size": [20, 10]}, "attributes": {"occluded": False}},
        {"id": 3, "image_id": 900, "category_id": 18, "bbox": [0, 0, 1, 1], "iscrowd": 0, "area": 1},
    ],
}  # fmt: skip


def dataset(tmp_path, source=SOURCE, paths=("x/a.jpg", "x/b.jpg", "x/new.jpg"), **columns):
    path = tmp_path / "source.json"
    path.write_text(json.dumps(source))
    return FakeDataset(make_frame(paths).assign(**columns), root=tmp_path, coco=Coco.read(path))


def exported(data, mask):
    return json.loads(written(coco.write, data, np.array(mask)))


def test_the_selection_and_nothing_else_with_everything_as_it_was(tmp_path):
    data = dataset(tmp_path, keeper=[1, 1, -1])
    before = copy.deepcopy(data.coco.document)
    document = exported(data, [False, True, False])
    ours = document["images"][0].pop("dedup")
    assert document.pop("dedup") == {"score_version": SCORE_VERSION}
    assert json.dumps(document) == json.dumps(
        SOURCE | {"images": SOURCE["images"][:1], "annotations": [SOURCE["annotations"][0], SOURCE["annotations"][2]]}
    )
    row = data.frame.iloc[1]
    assert ours == {
        "tags": [tag for tag in TAGS if row[f"tag:{tag}"]],
        "singularity": row["singularity"],
        "kind": row["kind"],
        "keeper": "b.jpg",
    }
    assert data.coco.document == before


def test_order_is_kept_and_images_the_document_does_not_name_are_added(tmp_path):
    data = dataset(tmp_path)
    document, notes = coco.build(data, data.everything(), tmp_path / "out.json")
    assert [(image["id"], image["file_name"]) for image in document["images"]] == [
        (42, "b.jpg"),
        (7, "a.jpg"),
        (901, "new.jpg"),
    ]
    assert [entry["id"] for entry in document["annotations"]] == [5, 1, 2]
    assert "1 selected image named in no annotation file" in notes[0]
    assert "1 image named in source.json left out" in notes[1]


def test_failed_images_are_counted(tmp_path):
    data = dataset(tmp_path, status=["ok", "failed", "ok"], singularity=[1.0, np.nan, 1.0])
    document, notes = coco.build(data, data.everything(), tmp_path / "out.json")
    assert document["images"][0]["dedup"]["singularity"] is None
    assert "1 image cannot be read" in notes[-1]


def test_without_annotations_folders_are_offered_as_categories(tmp_path):
    data = FakeDataset(make_frame())
    document = exported(data, data.everything())
    assert [image["file_name"] for image in document["images"]] == list(data.frame["path"])
    assert [image["id"] for image in document["images"]] == list(range(1, len(data.frame) + 1))
    assert document["annotations"] == []
    assert [category["name"] for category in document["categories"]] == sorted(
        {n for c in data.frame["classes"] for n in c}
    )
    assert [tuple(image["dedup"]["classes"]) for image in document["images"]] == list(data.frame["classes"])


def test_a_document_without_annotations_stays_one(tmp_path):
    source = {"images": [{"id": "text", "file_name": "a.jpg"}]}
    document = exported(dataset(tmp_path, source), [True, True, False])
    assert [image["id"] for image in document["images"]] == ["text", 1]
    assert set(document) == {"images", "dedup"}


def test_written_files_load_in_pycocotools_and_come_back(tmp_path, capsys):
    data = dataset(tmp_path)
    output = tmp_path / "out.json"
    assert coco.write(data, data.everything(), output).rows == 3
    loaded = pycoco.COCO(str(output))
    assert sorted(loaded.getImgIds()) == [7, 42, 901] and sorted(loaded.getAnnIds()) == [1, 2, 5]
    assert loaded.annToMask(loaded.loadAnns([5])[0]).sum() == 20
    with pytest.raises(ExportError, match="exists already"):
        coco.write(data, data.everything(), output)
    again = FakeDataset(data.frame, root=tmp_path, coco=Coco.read(output))
    assert written(coco.write, again) == output.read_bytes()


@settings(max_examples=30)
@given(st.lists(st.booleans(), min_size=7, max_size=7), st.integers(0, 100))
def test_importing_the_export_gives_the_same_selection_and_tags(tmp_path_factory, chosen, seed):
    folder = tmp_path_factory.mktemp("coco")
    data = FakeDataset(make_frame(seed=seed))
    mask = np.array(chosen)
    coco.write(data, mask, folder / "out.json")
    source = Coco.read(folder / "out.json")
    attachment = source.attach(list(data.frame["path"]))
    assert list(attachment.image_ids) == list(data.frame["path"][mask]) and not attachment.missing
    tags = tags_from_coco(source, attachment)
    for tag in TAGS:
        assert tags.get(tag, []) == list(data.frame["path"][mask & data.frame[f"tag:{tag}"].to_numpy()])


def test_progress_covers_everything_and_big_lists_are_joined(tmp_path, monkeypatch):
    monkeypatch.setattr(entries, "ENTRIES_A_CHUNK", 2)
    seen = []
    data = FakeDataset(make_frame())
    coco.write(data, data.everything(), tmp_path / "o.json", seen.append)
    assert seen[-1].done == seen[-1].total
    assert len(json.loads((tmp_path / "o.json").read_text())["images"]) == 7


@pytest.mark.shared
@pytest.mark.parametrize(
    ("annotations", "images"),
    [
        ("C-tinycoco/tinycoco/annotations/instances_val2017.json", "C-tinycoco/tinycoco"),
        (
            "C-voc-multiformat/data/database/gts/coco_format_v1/instances_default.json",
            "C-voc-multiformat/data/database",
        ),
        ("C-voc-multiformat/data/database/gts/coco_format_v2/instances_v2.json", "C-voc-multiformat/data/database"),
    ],
)
def test_real_documents(shared_data, tmp_path, capsys, annotations, images):
    root = shared_data / images
    paths = [file.relative_to(root).as_posix() for file in root.rglob("*.jpg")]
    source = Coco.read(shared_data / annotations)
    data = FakeDataset(make_frame(paths), root=root, coco=source)
    mask = np.arange(len(data.frame)) % 2 == 0
    output = tmp_path / "out.json"
    report = coco.write(data, mask, output)
    document = json.loads(output.read_text())
    assert report.rows == mask.sum() == len(document["images"])
    assert not [note for note in report.notes if "cannot be read" not in note]
    ids = {image["id"] for image in document["images"]}
    for image in document["images"]:
        del image["dedup"]
    assert document.pop("dedup")
    expected = dict(source.document)
    expected["images"] = [image for image in source.images if image["id"] in ids]
    expected["annotations"] = [entry for entry in source.annotations if entry["image_id"] in ids]
    assert json.dumps(document) == json.dumps(expected)
    loaded = pycoco.COCO(str(output))
    assert len(loaded.getImgIds()) == mask.sum()
    again = Coco.read(output).attach(list(data.frame["path"]))
    assert set(again.image_ids) == set(data.frame["path"][mask])


@dataclass
class Several(FakeDataset):
    """A dataset of several documents."""

    annotations: tuple[Coco, ...] = ()


def several(tmp_path, *documents, paths=("a.jpg", "b.jpg", "c.jpg")):
    sources = []
    for number, document in enumerate(documents):
        (tmp_path / f"{number}.json").write_text(json.dumps(document))
        sources.append(Coco.read(tmp_path / f"{number}.json"))
    return Several(make_frame(paths), root=tmp_path, annotations=tuple(sources))


def plain(document):
    document = json.loads(b"".join(entries.chunks(document)))
    for image in document["images"]:
        image.pop("dedup")
    return document


def test_documents_of_different_ids_are_put_one_after_the_other(tmp_path):
    first = {"info": {"a": 1}, "categories": [{"id": 1, "name": "cat"}], "images": [{"id": 1, "file_name": "a.jpg"}],
             "annotations": [{"id": 1, "image_id": 1, "category_id": 1}]}  # fmt: skip
    second = {"extra": 5, "categories": [{"id": 1, "name": "cat"}], "images": [{"id": 2, "file_name": "b.jpg"}],
              "annotations": [{"id": 2, "image_id": 2, "category_id": 1}]}  # fmt: skip
    data = several(tmp_path, first, second)
    document, notes = coco.build(data, np.array([True, True, False]), tmp_path / "out.json")
    document = plain(document)
    assert document["images"] == first["images"] + second["images"]
    assert document["annotations"] == first["annotations"] + second["annotations"]
    assert document["categories"] == first["categories"]
    assert (document["info"], document["extra"]) == ({"a": 1}, 5) and not [n for n in notes if "ids" in n]


def test_ids_that_are_taken_change_and_nothing_else(tmp_path):
    first = {"licenses": [{"id": 0, "name": "x"}], "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
             "images": [{"id": 0, "file_name": "a.jpg", "license": 0}],
             "annotations": [{"id": 0, "image_id": 0, "category_id": 2}]}  # fmt: skip
    second = {"licenses": [{"id": 0, "name": "y"}], "categories": [{"id": 1, "name": "dog"}, {"id": 2, "name": "cow"}],
              "images": [{"id": 0, "file_name": "b.jpg", "license": 0}, {"id": 1, "file_name": "c.jpg"}],
              "annotations": [{"id": 0, "image_id": 0, "category_id": 1, "odd": 1},
                              {"id": 1, "image_id": 1, "category_id": 2}]}  # fmt: skip
    data = several(tmp_path, first, second)
    document, notes = coco.build(data, data.everything(), tmp_path / "out.json")
    document = plain(document)
    assert document["categories"] == [*first["categories"], {"id": 3, "name": "cow"}]
    assert document["licenses"] == [{"id": 0, "name": "x"}, {"id": 1, "name": "y"}]
    names = {image["id"]: image["file_name"] for image in document["images"]}
    assert len(names) == 3 and document["images"][1]["license"] == 1
    told = {
        (names[a["image_id"]], {c["id"]: c["name"] for c in document["categories"]}[a["category_id"]])
        for a in document["annotations"]
    }
    assert told == {("a.jpg", "dog"), ("b.jpg", "dog"), ("c.jpg", "cow")}
    assert len({a["id"] for a in document["annotations"]}) == 3 and document["annotations"][1]["odd"] == 1
    assert "ids of 1.json given anew" in notes[0]


def test_captions_join_the_images_of_the_instances(tmp_path):
    images = [{"id": 0, "file_name": "a.jpg"}, {"id": 8, "file_name": "b.jpg"}]
    first = {"images": images, "annotations": [{"id": 1, "image_id": 0}]}
    second = {"images": images[::-1], "annotations": [{"id": 2, "image_id": 8, "caption": "x"}]}
    data = several(tmp_path, first, second)
    document = plain(coco.build(data, np.array([True, True, False]), tmp_path / "out.json")[0])
    assert document["images"] == images
    assert document["annotations"] == first["annotations"] + second["annotations"]


def test_pictures_of_one_name_are_told_apart_and_found_again(tmp_path):
    """Two documents call their first images alike; the file leads back to each, whatever it is called."""
    cat, dog = ({"categories": [{"id": 1, "name": name}], "images": [{"id": 1, "file_name": "1.jpg"}],
                 "annotations": [{"id": 1, "image_id": 1, "category_id": 1}]} for name in ("cat", "dog"))  # fmt: skip
    paths = ("train/1.jpg", "val/1.jpg", "val/2.jpg")
    data = several(tmp_path, cat, dog, paths=paths)
    for source, split in zip(data.annotations, ("train", "val"), strict=True):
        source.path.rename(tmp_path / f"{split}.json")
    data.annotations = tuple(Coco.read(tmp_path / f"{split}.json") for split in ("train", "val"))
    data.frame["keeper"] = [1, 0, -1]
    output = tmp_path / "all.json"
    report = coco.write(data, data.everything(), output)
    assert any(note.startswith("2 images named by the path in the dataset") for note in report.notes)
    document = json.loads(output.read_text())
    assert [image["file_name"] for image in document["images"]] == list(paths)
    assert [image["dedup"]["keeper"] for image in document["images"]] == ["val/1.jpg", "train/1.jpg", None]
    met = Coco.read(output).attach(paths, root=tmp_path)
    assert met.classes == {"train/1.jpg": ("cat",), "val/1.jpg": ("dog",), "val/2.jpg": ()}
    document, notes = coco.build(data, np.array([True, False, False]), tmp_path / "train.json")
    assert [image["file_name"] for image in document["images"]] == ["1.jpg"]
    assert not any("named by" in note for note in notes)


def mice(supercategories, ids=None, **held):
    """Categories called mouse, and an image with a box of each, in a document of its own."""
    ids = ids or range(1, len(supercategories) + 1)
    categories = [
        {"id": id_, "name": "mouse", "supercategory": above} for id_, above in zip(ids, supercategories, strict=True)
    ]
    boxes = [{"id": i, "image_id": 1, "category_id": each["id"]} for i, each in enumerate(categories, 1)]
    return {"categories": categories, "images": [{"id": 1, "file_name": held["name"]}], "annotations": boxes}


@pytest.mark.parametrize(
    ("first", "second", "classes"),
    [
        ((["animal"], [1]), (["device"], [1]), 2),  # one number, two classes
        ((["animal"], [1]), (["animal"], [7]), 1),  # two numbers, one class
        ((["none", "animal"], [0, 1]), (["none", "animal"], [0, 1]), 2),  # a project's own category beside its class
        ((["animal", "animal"], [1, 2]), (["animal", "animal"], [1, 2]), 2),  # told apart by nothing but their numbers
        ((["animal"], [1]), (["animal", "animal"], [1, 2]), 2),  # the second is not the first under another number
        ((["animal", "animal"], [1, 2]), (["animal"], [5]), 3),  # it could be either
    ],
)
def test_a_class_is_its_id_in_its_document(tmp_path, first, second, classes):
    data = several(tmp_path, mice(*first, name="a.jpg"), mice(*second, name="b.jpg"))
    document, _ = coco.build(data, np.array([True, True, False]), tmp_path / "out.json")
    assert len(document["categories"]) == len({each["id"] for each in document["categories"]}) == classes
    above = {each["id"]: each["supercategory"] for each in document["categories"]}
    told = [above[each["category_id"]] for each in document["annotations"]]
    assert told == [*first[0], *second[0]]


def test_tasks_of_one_image_set_are_read_by_others(tmp_path):
    image, person = {"id": 1, "file_name": "a.jpg"}, {"id": 1, "name": "person", "supercategory": "person"}
    box = {"id": 7, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "area": 12, "iscrowd": 0}
    instances = {"images": [image], "annotations": [box], "categories": [person]}
    points = {"images": [image], "annotations": [{**box, "keypoints": [1, 2, 2], "num_keypoints": 1}],
              "categories": [{**person, "keypoints": ["nose"], "skeleton": []}]}  # fmt: skip
    captions = {"images": [image], "annotations": [{"id": 7, "image_id": 1, "caption": "one"}]}
    data = several(tmp_path, instances, points, captions)
    report = coco.write(data, np.array([True, False, False]), tmp_path / "out.json")
    loaded = pycoco.COCO(str(tmp_path / "out.json"))
    assert [each["keypoints"] for each in loaded.loadCats([1])] == [["nose"]]
    assert [each.get("keypoints") for each in loaded.loadAnns(loaded.getAnnIds())] == [None, [1, 2, 2]]
    beside = json.loads((tmp_path / "out.2.json").read_text())
    assert beside["annotations"] == captions["annotations"] and any("out.2.json" in note for note in report.notes)


def captioned(folder, name):
    """A document without classes of one image, in a folder of its own."""
    folder.mkdir()
    document = {"images": [{"id": 1, "file_name": name}], "annotations": [{"id": 1, "image_id": 1, "caption": name}]}
    (folder / "captions.json").write_text(json.dumps(document))
    return Coco.read(folder / "captions.json")


def test_captions_of_several_files_of_one_name_are_all_written(tmp_path):
    boxes = {"images": [{"id": 1, "file_name": "c.jpg"}], "annotations": [], "categories": [{"id": 1, "name": "cat"}]}
    data = several(tmp_path, boxes)
    more = (captioned(tmp_path / "train", "a.jpg"), captioned(tmp_path / "val", "b.jpg"))
    data = replace(data, annotations=(*data.annotations, *more))
    report = coco.write(data, np.array([True, True, True]), tmp_path / "out.json")
    beside = [json.loads((tmp_path / f"out.{stem}.json").read_text()) for stem in ("captions", "captions-2")]
    assert [[each["caption"] for each in document["annotations"]] for document in beside] == [["a.jpg"], ["b.jpg"]]
    assert sum("was written to" in note for note in report.notes) == 2


def test_where_a_file_beside_cannot_be_written_none_is(tmp_path):
    boxes = {"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [], "categories": [{"id": 1, "name": "cat"}]}
    captions = {"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": []}
    (tmp_path / "out.1.json").write_text("mine")
    with pytest.raises(ExportError, match=r"out\.1\.json exists already"):
        coco.write(several(tmp_path, boxes, captions), np.array([True, False, False]), tmp_path / "out.json")
    assert not (tmp_path / "out.json").exists() and (tmp_path / "out.1.json").read_text() == "mine"


def test_annotations_without_an_id_get_none_that_another_document_was_given(tmp_path):
    image, cat = {"id": 1, "file_name": "a.jpg"}, {"id": 1, "name": "cat"}
    box = {"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}
    without, *others = (
        {"images": [image], "categories": [cat], "annotations": held} for held in ([box], *([{"id": 1, **box}],) * 2)
    )
    document = coco.build(several(tmp_path, without, *others), np.array([True, False, False]), tmp_path / "out.json")[0]
    assert sorted(each["id"] for each in document["annotations"]) == [1, 2, 3]


def test_what_is_told_of_segments_keeps_its_classes(tmp_path):
    sky = {"id": 3, "name": "sky", "supercategory": "stuff", "isthing": 0}
    segments = [{"id": 5, "category_id": 3, "bbox": [1, 2, 3, 4], "area": 12, "iscrowd": 0}]
    panoptic = {"images": [{"id": 1, "file_name": "a.jpg"}], "categories": [sky],
                "annotations": [{"image_id": 1, "file_name": "a.png", "segments_info": segments}]}  # fmt: skip
    coco.write(several(tmp_path, panoptic), np.array([True, False, False]), tmp_path / "out.json")
    beside = json.loads((tmp_path / "out.0.json").read_text())
    assert beside["categories"] == [sky] and beside["annotations"][0]["segments_info"] == segments


def test_a_caption_among_boxes_is_written_apart_and_stops_no_reader(tmp_path):
    box = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "area": 12, "iscrowd": 0}
    caption = {"id": 2, "image_id": 1, "caption": "a dog"}
    given = {"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [box, caption]}
    data = several(tmp_path, given | {"categories": [{"id": 1, "name": "x"}]})
    report = coco.write(data, np.array([True, False, False]), tmp_path / "out.json")
    assert pycoco.COCO(str(tmp_path / "out.json")).getAnnIds() == [1]
    beside = json.loads((tmp_path / "out.0.json").read_text())
    assert beside["annotations"] == [caption] and any("out.0.json" in note for note in report.notes)


def test_lists_that_are_null_are_written_as_empty_ones(tmp_path):
    (tmp_path / "null.json").write_text(
        '{"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": null, "categories": null}'
    )
    document = Coco.read(tmp_path / "null.json").document
    assert document["categories"] == [] == list(document["annotations"])


def test_every_annotation_has_an_id(tmp_path):
    boxes = [{"image_id": 1, "category_id": 1}, {"id": 4, "image_id": 1, "category_id": 1}]
    given = {"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": boxes, "categories": [{"id": 1, "name": "x"}]}
    document, _ = coco.build(several(tmp_path, given), np.array([True, False, False]), tmp_path / "out.json")
    assert [each["id"] for each in document["annotations"]] == [5, 4]
    boxes[0]["id"] = 4  # two of one id: readers would know but one of them
    document, _ = coco.build(several(tmp_path, given), np.array([True, False, False]), tmp_path / "out.json")
    assert [each["id"] for each in document["annotations"]] == [4, 5]


def test_captions_that_were_found_and_are_not_used_are_told(tmp_path, home):
    """Also by a home in which the dataset is opened later; not where a person named all files."""
    save(photo(1), tmp_path / "in/a.png")
    one = {"images": [{"id": 1, "file_name": "a.png"}], "categories": [{"id": 1, "name": "dog"}]}
    box = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}
    files = [tmp_path / "in" / name for name in ("captions.json", "instances.json")]
    for file, entry in zip(files, ({"id": 1, "image_id": 1, "caption": "a dog"}, box), strict=True):
        file.write_text(json.dumps(one | {"annotations": [entry]}))
    dedup.scan(tmp_path / "in", use_found=True, workers=1)
    told = "Found, not used, and so not written: captions.json. Scan with --labels for each to have them too."
    assert told in dedup.open("in").export("coco", tmp_path / "out.json").notes
    assert told in dedup.open("in").export("folder", tmp_path / "out", labels="yolo").notes
    dataset = dedup.scan(tmp_path / "in", annotations=files, workers=1)
    assert told not in dataset.export("coco", tmp_path / "all.json").notes
