"""Labels beside a folder of images: others read them, they come back as they were, and what is lost is counted."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from datasets import load_dataset
from labelformat.formats import PascalVOCObjectDetectionInput, YOLOv8ObjectDetectionInput
from PIL import Image
from pycocotools import coco as pycoco

import dedup
from dedup.errors import UsageError
from dedup.exports.labels import LABEL_FORMATS, as_read
from dedup.labels import formats
from dedup.splits import given
from tests.building import picture
from tests.pictures import photo, save

SIZE = (160, 120)
POLYGON = [10.0, 10.0, 90.0, 10.0, 90.0, 70.0]
ENTRIES = {
    "boxes": [{"bbox": [10, 20, 80, 50]}, {"bbox": [0, 0, 30, 30], "category_id": 2}],
    "polygons": [{"bbox": [10, 10, 80, 60], "segmentation": [POLYGON]}],
    "turned": [
        {"bbox": [10, 10, 80, 60], "segmentation": [[10, 40, 50, 10, 90, 40, 50, 70]], "dedup": {"turned": True}}
    ],
    "keypoints": [{"bbox": [10, 20, 80, 50], "keypoints": [20, 30, 2, 0, 0, 0], "num_keypoints": 1}],
    "mixed": [
        {"bbox": [10, 20, 80, 50], "attributes": {"difficult": 1, "colour": "red"}},
        {"bbox": [10, 10, 80, 60], "segmentation": [POLYGON, POLYGON]},
        {"bbox": [0, 0, 9, 9], "iscrowd": 1, "segmentation": {"counts": "a", "size": [120, 160]}},
        {},
        {"bbox": [150, 100, 40, 40]},
    ],
}  # fmt: skip


@pytest.fixture
def made(tmp_path, home):
    """Makes a dataset of a picture in train and one in val with the entries on the first, one box on the second."""

    def make(entries: list[dict[str, object]], names: tuple[str, str] = ("train/a.png", "val/b.png")) -> dedup.Dataset:
        for number, name in enumerate(names):
            save(photo(number).resize(SIZE), tmp_path / "in" / name)
        annotations = [{"id": n, "image_id": 1, "category_id": 1, **each} for n, each in enumerate(entries, start=2)]
        document = {
            "images": [{"id": n, "file_name": name} for n, name in enumerate(names, start=1)],
            "annotations": [*annotations, {"id": 1, "image_id": 2, "category_id": 2, "bbox": [5, 5, 50, 50]}],
            "categories": [
                {"id": 1, "name": "dog", "keypoints": ["nose", "tail"]},
                {"id": 2, "name": "cat: a ‘b’"},
            ],
        }
        if any("keypoints" in each for each in entries):
            document["annotations"].pop()
        (tmp_path / "coco.json").write_text(json.dumps(document))
        return dedup.scan(tmp_path / "in", annotations=tmp_path / "coco.json", workers=1)

    return make


def said(dataset: dedup.Dataset) -> dict[str, list[tuple[object, ...]]]:
    """By image name without folders: class, box, outline, keypoints of each object, sorted."""
    found: dict[str, list[tuple[object, ...]]] = {}
    for coco, met in dataset.sources:
        path_of = {id_: path for path, ids in met.image_ids.items() for id_ in ids}
        for entry in coco.annotations:
            outline = (entry["segmentation"] or [[]])[0] if isinstance(entry.get("segmentation"), list) else []
            told = coco.category_names[entry["category_id"]], entry.get("bbox", []), outline, entry.get("keypoints", [])
            found.setdefault(path_of[entry["image_id"]].rpartition("/")[2], []).append(told)
    return {name: sorted(told, key=str) for name, told in found.items()}


def near(one: object, other: object, within: float) -> bool:
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(near(a, b, within) for a, b in zip(one, other, strict=True))
    return abs(one - other) <= within if isinstance(one, float | int) else one == other  # type: ignore[operator]


def back(dataset: dedup.Dataset, name: str, output: Path) -> tuple[dedup.Dataset, tuple[str, ...]]:
    report = dataset.export("folder", output, labels=name)
    form = next(each for each in LABEL_FORMATS if each.name == name)
    return dedup.scan(output, annotations=form.sources(output), name=f"back {name}", workers=1), report.notes


HOLDS = {
    "coco": ("boxes", "polygons", "turned", "keypoints"),
    "yolo": ("boxes", "polygons", "turned", "keypoints"),
    "voc": ("boxes", "polygons"),
    "imagefolder": ("boxes",),
    "csv": ("boxes",),
    "parquet": ("boxes",),
}


@pytest.mark.parametrize(("name", "kind"), [(name, kind) for name, kinds in HOLDS.items() for kind in kinds])
def test_labels_come_back_as_they_were(made, tmp_path, name, kind):
    entries = ENTRIES[kind]
    dataset = made(entries)
    there, notes = back(dataset, name, tmp_path / "out")
    if name == "yolo" and kind in ("polygons", "turned"):
        assert notes  # the box of the other picture makes rows of boxes; see the test of rows of one kind
        return
    assert not notes
    one, other = said(dataset), said(there)
    assert one.keys() == other.keys()
    for image in one:
        assert [each[0] for each in one[image]] == [each[0] for each in other[image]]
        for here, told in zip(one[image], other[image], strict=True):
            assert near(list(here[1:]), list(told[1:]), 0.01), (here, told)
    assert sorted(there.frame["split"]) == ["train", "val"]


@pytest.mark.parametrize("kind", ["polygons", "turned", "keypoints"])
def test_rows_of_one_kind_where_all_objects_have_it(made, tmp_path, kind):
    dataset = made(ENTRIES[kind])
    first = np.array([True, False])
    report = dataset.export("folder", tmp_path / "out", first, labels="yolo")
    assert not [note for note in report.notes if "cannot hold" in note]
    (row,) = (tmp_path / "out/labels/train/a.txt").read_text().splitlines()
    assert len(row.split()) == {"polygons": 7, "turned": 9, "keypoints": 11}[kind]
    settings = yaml.safe_load((tmp_path / "out/data.yaml").read_text())
    assert settings["names"] == {0: "dog", 1: "cat: a ‘b’"}
    assert settings.get("kpt_shape") == ([2, 3] if kind == "keypoints" else None)
    there = dedup.scan(tmp_path / "out", annotations=tmp_path / "out/data.yaml", name="back", workers=1)
    (here,), (told,) = said(dataset)["a.png"], said(there)["a.png"]
    assert near(list(here[1:]), list(told[1:]), 0.01)


@pytest.mark.parametrize("name", [each.name for each in LABEL_FORMATS])
def test_an_image_that_is_listed_twice_keeps_all_that_is_said_of_it(home, tmp_path, name):
    """Formats of a file for each image have one place for both."""
    picture(tmp_path / "in/a.png", 1, (100, 80))
    document = {
        "images": [{"id": id_, "file_name": "a.png", "width": 100, "height": 80} for id_ in (1, 2)],
        "annotations": [
            {"id": id_, "image_id": id_, "category_id": id_, "bbox": [10 * id_, 10, 20, 20], "area": 400, "iscrowd": 0}
            for id_ in (1, 2)
        ],
        "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
    }
    (tmp_path / "coco.json").write_text(json.dumps(document))
    dataset = dedup.scan(tmp_path / "in", annotations=tmp_path / "coco.json", workers=1)
    there, _ = back(dataset, name, tmp_path / "out")
    assert [[each[:2] for each in told] for told in said(there).values()] == [
        [("cat", [10, 10, 20, 20]), ("dog", [20, 10, 20, 20])]
    ]


def test_what_a_format_cannot_hold_is_counted(made, tmp_path):
    dataset = made(ENTRIES["mixed"])
    lost = {name: " ".join(back(dataset, name, tmp_path / name)[1]) for name in HOLDS}
    assert "cannot hold" not in lost["coco"]
    assert "1 whole-image class" in lost["yolo"] and "1 crowd" in lost["yolo"] and "1 outline" in lost["yolo"]
    assert "1 attribute" in lost["voc"] and "1 further polygon" in lost["voc"]
    assert "2 outlines" in lost["csv"] and "2 outlines" not in lost["imagefolder"]
    (_, left, top, right, bottom) = (tmp_path / "yolo/labels/train/a.txt").read_text().splitlines()[-1].split()
    assert max(float(left) + float(right) / 2, float(top) + float(bottom) / 2) <= 1.000001  # cut at the edge


def test_yolo_and_voc_load_with_labelformat_and_coco_with_pycocotools(made, tmp_path):
    dataset = made(ENTRIES["boxes"])
    for name in ("yolo", "voc", "coco"):
        dataset.export("folder", tmp_path / name, labels=name)
    for split, expected in (("train", [("cat: a ‘b’", 0, 0, 30, 30), ("dog", 10, 20, 90, 70)]),
                            ("val", [("cat: a ‘b’", 5, 5, 55, 55)])):  # fmt: skip
        yolo = YOLOv8ObjectDetectionInput(input_file=tmp_path / "yolo/data.yaml", input_split=split)
        voc = PascalVOCObjectDetectionInput(
            input_folder=tmp_path / "voc/Annotations" / split, category_names="dog,cat: a ‘b’"
        )
        for source in (yolo, voc):
            (label,) = source.get_labels()
            told = sorted((o.category.name, o.box.xmin, o.box.ymin, o.box.xmax, o.box.ymax) for o in label.objects)
            assert all(near(list(one), list(other), 0.01) for one, other in zip(told, expected, strict=True)), told
    assert (tmp_path / "voc/ImageSets/Main/train.txt").read_text() == "train/a\n"
    loaded = pycoco.COCO(str(tmp_path / "coco/annotations.json"))
    assert all((tmp_path / "coco" / image["file_name"]).exists() for image in loaded.loadImgs(loaded.getImgIds()))


def test_imagefolders_load_with_datasets_of_hugging_face(made, home, tmp_path):
    """Boxes by metadata and classes by folders, each image with its own, in every split."""
    dataset = made([{"bbox": [10, 20, 80, 50]}, {"bbox": [100.5, 40.25, 30, 20], "category_id": 2}])
    for labels in ("imagefolder", "parquet"):
        dataset.export("folder", tmp_path / labels, labels=labels)
        loaded = load_dataset("imagefolder", data_dir=str(tmp_path / labels), cache_dir=str(tmp_path / "cache"))
        assert {split: len(rows) for split, rows in loaded.items()} == {"train": 1, "validation": 1}
        for split, name in (("train", "a.png"), ("validation", "b.png")):
            (row,) = loaded[split]
            assert row["image"].size == SIZE
            told = sorted(zip(row["objects"]["category"], row["objects"]["bbox"], strict=True), key=str)
            assert told == [(label, box) for label, box, *_ in said(dataset)[name]]

    for number, name in enumerate(("train/cat/a.png", "train/dog/a.png", "test/cat/a.png", "test/dog/b.png")):
        picture(tmp_path / "classes" / name, number, SIZE)
    dedup.scan(tmp_path / "classes", workers=1).export("folder", tmp_path / "folders", labels="imagefolder")
    loaded = load_dataset("imagefolder", data_dir=str(tmp_path / "folders"), cache_dir=str(tmp_path / "cache"))
    assert loaded["train"].features["label"].names == ["cat", "dog"]
    assert {split: sorted(rows["label"]) for split, rows in loaded.items()} == {"train": [0, 1], "test": [0, 1]}


def test_every_format_of_the_shared_set_goes_through_every_writer(shared_data, home, tmp_path):
    """273 boxes of five formats through all writers: the same boxes, to two pixels."""
    root = shared_data / "C-voc-multiformat" / "data" / "database"
    gts = {"yolo": "yolo_format/obj_train_data", "voc": "pascalvoc_format", "cvat": "cvat_format/annotations.xml",
           "openimages": "openimages_format/all_bounding_boxes.csv"}  # fmt: skip
    first = dedup.scan(root / "images", annotations=root / "gts/coco_format_v1/instances_default.json")
    expected = said(first)
    assert sum(map(len, expected.values())) == 273
    for place, (name, source) in enumerate(gts.items()):
        dataset = dedup.scan(root / "images", annotations=root / "gts" / source)
        there, _ = back(dataset, list(HOLDS)[place + 1], tmp_path / name)
        told = said(there)
        assert told.keys() == expected.keys()
        for image, boxes in expected.items():
            left = list(told[image])
            for box in boxes:
                same = next(each for each in left if each[0] == box[0] and near(each[1], box[1], 2))
                left.remove(same)
            assert not left, (name, image)


def test_classes_of_folders_become_folders_of_classes(home, tmp_path):
    for number, name in enumerate(("train/cat/a.png", "train/dog/a.png", "test/cat/a.png", "more/a.png")):
        picture(tmp_path / "in" / name, number, SIZE)
    dataset = dedup.scan(tmp_path / "in", workers=1)
    dataset.export("folder", tmp_path / "out", labels="imagefolder")
    names = sorted(file.relative_to(tmp_path / "out").as_posix() for file in (tmp_path / "out").rglob("*.png"))
    assert names == ["more/a.png", "test/cat/a.png", "train/cat/a.png", "train/dog/a.png"]
    report = dataset.export("folder", tmp_path / "yolo", labels="yolo")
    assert "YOLO cannot hold 4 whole-image classes; left out." in report.notes
    assert not any("dedup.classes" in note for note in report.notes), "that is COCO's"
    assert "dedup.classes" in dataset.export("folder", tmp_path / "coco", labels="coco").notes[0]
    dataset.export("folder", tmp_path / "csv", labels="csv")
    assert "train/cat/a.png,train,cat,,,,,0\n" in (tmp_path / "csv/labels.csv").read_text()


@pytest.mark.parametrize("name", ["yolo", "voc"])
def test_images_of_one_name_do_not_share_labels(made, tmp_path, name):
    dataset = made([{"bbox": [10, 20, 80, 50]}], ("x/a.png", "x/a.bmp"))
    there, _ = back(dataset, name, tmp_path / "out")
    told = {image.rpartition("-")[2]: boxes for image, boxes in said(there).items()}
    expected = {image.rpartition(".")[2]: boxes for image, boxes in said(dataset).items()}
    assert told.keys() == {f"{kind}.{kind}" for kind in expected}
    for kind, ((label, box, *_),) in expected.items():
        assert told[f"{kind}.{kind}"][0][0] == label and near(told[f"{kind}.{kind}"][0][1], box, 0.01)


def test_images_of_several_classes_get_metadata(made, tmp_path):
    dataset = made([{}, {"category_id": 2}, {"bbox": [1, 2, 3, 4]}])
    dataset.export("folder", tmp_path / "out", labels="imagefolder")
    line = pd.read_parquet(tmp_path / "out/train/metadata.parquet").iloc[0].to_dict()
    assert line["file_name"] == "a.png" and line["labels"].tolist() == ["dog", "cat: a ‘b’"]
    objects = line["objects"]
    assert [*objects["bbox"][0]] == [1, 2, 3, 4] and objects["category"].tolist() == ["dog"]
    assert (tmp_path / "out/train" / line["file_name"]).exists()


def test_a_turned_picture_has_its_boxes_upright(home, tmp_path):
    """Boxes of a COCO file in stored pixels; YOLO's and VOC's readers show pictures upright."""
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "in").mkdir()
    Image.effect_noise(SIZE, 60).save(tmp_path / "in/a.jpg", exif=exif)
    document = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 160, "height": 120}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 40, 30]}],
        "categories": [{"id": 1, "name": "x"}],
    }
    (tmp_path / "coco.json").write_text(json.dumps(document))
    dataset = dedup.scan(tmp_path / "in", annotations=tmp_path / "coco.json", workers=1)
    dataset.export("folder", tmp_path / "out", labels="csv")
    (_, row) = csv.reader((tmp_path / "out/labels.csv").read_text().splitlines())
    assert row == ["a.jpg", "", "x", "90", "0", "120", "40", "0"]
    dataset.export("folder", tmp_path / "coco", labels="coco")
    (entry,) = json.loads((tmp_path / "coco/annotations.json").read_text())["annotations"]
    assert entry["bbox"] == [0, 0, 40, 30]


def test_labels_are_written_as_they_were_read_unless_told(tmp_path):
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels/a.txt").write_text("0 0.5 0.5 0.1 0.1")
    (tmp_path / "coco.json").write_text('{"images": []}')
    (tmp_path / "cvat.xml").write_text("<annotations></annotations>")
    assert as_read([tmp_path / "labels"]) == "yolo" and as_read([]) == ""
    assert as_read([tmp_path / "cvat.xml"]) == "coco" == as_read([tmp_path / "labels", tmp_path / "coco.json"])


def test_texts_of_the_source_are_not_copied_beside_new_ones(home, tmp_path):
    for number, name in enumerate(("images/a.png", "images/b.png")):
        picture(tmp_path / "in" / name, number, SIZE)
        (tmp_path / "in/labels").mkdir(exist_ok=True)
        (tmp_path / "in/labels" / f"{name[7]}.txt").write_text("0 0.5 0.5 0.25 0.25\n")
    dataset = dedup.scan(tmp_path / "in", use_found=True, workers=1)
    report = dataset.export("folder", tmp_path / "voc", labels="voc")
    assert not (tmp_path / "voc/labels").exists() and (tmp_path / "voc/Annotations/a.xml").exists()
    assert not any("left behind" in note.lower() for note in report.notes)
    dataset.export("folder", tmp_path / "yolo", labels=as_read(dataset.attachments))
    assert (tmp_path / "yolo/labels/a.txt").read_text() == "0 0.500000 0.500000 0.250000 0.250000\n"
    with pytest.raises(UsageError, match="is no format of labels to write"):
        dataset.export("folder", tmp_path / "no", labels="word")
    assert not (tmp_path / "no").exists()


def test_labels_go_with_their_copies_and_come_back(home, tmp_path):
    save(photo(1), tmp_path / "in/images/a.png")
    save(photo(1), tmp_path / "in/images/b (1).png")
    for name in ("a", "b (1)"):
        (tmp_path / "in/labels").mkdir(exist_ok=True)
        (tmp_path / "in/labels" / f"{name}.txt").write_text("0 0.5 0.5 0.25 0.25\n")
    dataset = dedup.scan(tmp_path / "in", use_found=True, workers=1)
    from dedup import removal

    plan = removal.plan(dataset)
    assert [entry.companions for entry in plan.entries] == [("labels/b (1).txt",)]
    removal.apply(dataset, plan)
    assert not (tmp_path / "in/labels/b (1).txt").exists() and (tmp_path / "in/labels/a.txt").exists()
    removal.restore(dedup.open("in"))
    assert (tmp_path / "in/labels/b (1).txt").read_text() == "0 0.5 0.5 0.25 0.25\n"
    assert len(formats.files_of(tmp_path / "in/labels")) >= 2


def test_an_imagefolder_of_boxes_takes_unlabelled_images_along(made, tmp_path):
    """One class at most an image, and one with none: metadata for all, no folder for the unlabelled."""
    dataset = made([], ("train/a.png", "train/b.png"))
    dataset.export("folder", tmp_path / "out", labels="imagefolder")
    lines = [json.loads(line) for line in (tmp_path / "out/train/metadata.jsonl").read_text().splitlines()]
    assert [line["file_name"] for line in lines] == ["a.png", "b.png"] and lines[0]["objects"]["bbox"] == []


def test_names_that_no_folder_can_have_are_written_as_metadata(made, tmp_path):
    for place, names in enumerate((("a/b", "a_b"), ("CON", "x"), ("..", "x"), (" a", "x"))):
        dataset = made([{}])
        document = json.loads((tmp_path / "coco.json").read_text())
        for category, name in zip(document["categories"], names, strict=True):
            category["name"] = name
        document["annotations"] = [{"id": n, "image_id": n, "category_id": n} for n in (1, 2)]
        (tmp_path / "coco.json").write_text(json.dumps(document))
        dataset = dedup.open(dataset.name)
        dataset.export("folder", tmp_path / f"out{place}", labels="imagefolder")
        line, *_ = map(json.loads, (tmp_path / f"out{place}/train/metadata.jsonl").read_text().splitlines())
        assert line["labels"] == [names[0]] and (tmp_path / f"out{place}/train/a.png").exists()


def test_names_come_back_from_voc_and_csv_letter_by_letter(made, tmp_path):
    for place, name in enumerate(("猫\u3000犬", "-1", "=1+1", "'quoted", "a\u202fb", "x & <y>")):
        dataset = made([{"bbox": [1, 2, 30, 40]}])
        document = json.loads((tmp_path / "coco.json").read_text())
        document["categories"][0]["name"] = name
        (tmp_path / "coco.json").write_text(json.dumps(document))
        for form in ("voc", "csv", "yolo"):
            there, _ = back(dedup.open(dataset.name), form, tmp_path / f"{form}{place}")
            assert said(there)["a.png"][0][0] == name, (form, name)
            dedup.forget(there.name)


def test_boxes_beyond_the_edge_are_dropped_or_cut_and_counted(made, tmp_path):
    odd = [{"bbox": [170, 0, 20, 20]}, {"bbox": [100, 0, 100, 20]}, {"bbox": [1, 1, 9, 9], "keypoints": [None, 2, 2]},
           {"bbox": [1, 1, 9, 9], "keypoints": [1, 2, 2, 5]}]  # fmt: skip
    dataset = made(odd)
    (note,) = [n for n in dataset.export("folder", tmp_path / "out", labels="yolo").notes if "cannot hold" in n]
    assert "1 box beyond the edge" in note and "1 part beyond the edge" in note
    rows = (tmp_path / "out/labels/train/a.txt").read_text().splitlines()
    assert len(rows) == 3 and all(0 <= float(number) <= 1 for row in rows for number in row.split()[1:])


def test_a_polygon_is_cut_at_the_edge_and_not_bent(made, tmp_path):
    corners = [100.0, 10.0, 260.0, 10.0, 100.0, 50.0]
    dataset = made([{"bbox": [100, 10, 160, 40], "segmentation": [corners]}])
    width, height = (int(dataset.frame[side].iloc[0]) for side in ("width", "height"))
    report = dataset.export("folder", tmp_path / "out", np.array([True, False]), labels="yolo")
    assert any("1 part beyond the edge" in note for note in report.notes)
    (row,) = (tmp_path / "out/labels/train/a.txt").read_text().splitlines()
    numbers = [float(number) for number in row.split()[1:]]
    points = [(x * width, y * height) for x, y in zip(numbers[::2], numbers[1::2], strict=True)]
    there = 10 + 40 * (260 - width) / 160  # where the slanting side leaves the picture
    assert max(abs(x - width) + abs(y - there) for x, y in points if x > width - 0.1 and y > 11) < 0.1


def test_companions_follow_images_that_are_called_differently(home, tmp_path):
    for folder in ("a", "b"):
        picture(tmp_path / "in" / folder / "cat" / "1.png", ord(folder), SIZE)
        (tmp_path / "in" / folder / "cat" / "1.caption").write_text(f"caption {folder}")
    dataset = dedup.scan(tmp_path / "in", workers=1)
    dataset.export("folder", tmp_path / "out", labels="imagefolder")
    found = {file: file.read_text() for file in (tmp_path / "out").rglob("*.caption")}
    assert sorted(found.values()) == ["caption a", "caption b"]
    assert all(file.with_suffix(".png").exists() for file in found)


def test_companions_in_folders_of_labels_however_capitalised(tmp_path):
    from dedup.images.companions import Companions

    for folder, labels in (("Images", "Labels"), ("JPEGImages", "Annotations"), ("images", "labels")):
        picture(tmp_path / folder / folder / "1.png", 1, SIZE)
        (tmp_path / folder / labels).mkdir()
        (tmp_path / folder / labels / "1.txt").write_text("0 0.5 0.5 0.1 0.1")
        (found,) = Companions().of(tmp_path / folder / folder / "1.png")
        assert found.file == tmp_path / folder / labels / "1.txt"


@pytest.mark.parametrize("name", ["coco", "yolo", "voc", "imagefolder", "csv", "parquet"])
def test_a_name_that_is_no_text_stops_no_export(name, tmp_path, home):
    strange = os.fsdecode(b"bad\xff.png")
    for number, each in enumerate((strange, "good.png")):
        save(photo(number).resize(SIZE), tmp_path / "in/train/dog" / each)
    dataset = dedup.scan(tmp_path / "in", workers=1)
    report = dataset.export("folder", tmp_path / "out", labels=name)
    assert report.rows == 2 and len([*(tmp_path / "out").rglob("*.png")]) == 2
    assert any("no text" in note for note in report.notes) == (name != "coco")


def test_images_without_a_class_keep_their_split(tmp_path, home):
    for number, name in enumerate(("train/cat/a.png", "train/dog/b.png", "test/c.png")):
        save(photo(number).resize(SIZE), tmp_path / "in" / name)
    dataset = dedup.scan(tmp_path / "in", workers=1)
    dataset.export("folder", tmp_path / "out", labels="imagefolder")
    again = dedup.scan(tmp_path / "out", name="again", workers=1)
    assert dict(zip(again.frame["name"], again.frame["split"], strict=True)) == {
        "a.png": "train", "b.png": "train", "c.png": "test",
    }  # fmt: skip


def test_lists_of_splits_name_files_in_folders(tmp_path, home):
    """As our own export writes them, as others do, with suffixes and numbers."""
    for number, name in enumerate(("a.png", "b.png")):
        save(photo(number).resize(SIZE), tmp_path / "in/pool" / name)
    boxes = [{"id": n, "image_id": n, "category_id": 1, "bbox": [5, 5, 50, 50]} for n in (1, 2)]
    images = [{"id": 1, "file_name": "pool/a.png"}, {"id": 2, "file_name": "pool/b.png"}]
    document = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "dog"}]}
    (tmp_path / "coco.json").write_text(json.dumps(document))
    dataset = dedup.scan(tmp_path / "in", annotations=tmp_path / "coco.json", workers=1)
    dataset.decisions.decide(given.changes({"pool/a.png": "train", "pool/b.png": "val"}), "Set")
    dataset.export("folder", tmp_path / "out", labels="voc")
    lists = tmp_path / "out/ImageSets/Main"
    for texts in ({}, {"train.txt": "pool/a.png\n", "val.txt": "pool/b  1\n"}):
        for name, text in texts.items():
            (lists / name).write_text(text)
        again = dedup.scan(tmp_path / "out", name=f"again {len(texts)}", use_found=True, workers=1)
        found = dict(zip(again.frame["name"], again.frame["split"], strict=True))
        assert found == {"a.png": "train", "b.png": "val"}


@pytest.mark.parametrize("name", ["yolo", "voc", "imagefolder", "csv", "parquet"])
def test_fields_that_have_no_place_are_counted(made, tmp_path, name):
    dataset = made([{"bbox": [10, 20, 80, 50], "score": 0.5, "track": 3}])
    (note,) = (each for each in dataset.export("folder", tmp_path / "out", labels=name).notes if "cannot hold" in each)
    assert "1 score" in note and "1 further field" in note


def test_an_imagefolder_says_the_same_of_every_split(home, tmp_path):
    """One with whole numbers, one with fractions and one with none, of which JSON does not tell what it has none of."""
    document = {
        "images": [{"id": n, "file_name": f"{split}/{n}.png"} for n, split in enumerate(("train", "val", "test"))],
        "annotations": [
            {"id": 1, "image_id": 0, "category_id": 1, "bbox": [1.5, 2, 3, 4]},
            {"id": 2, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]},
        ],
        "categories": [{"id": 1, "name": "cat"}],
    }
    for number, split in enumerate(("train", "val", "test")):
        picture(tmp_path / f"in/{split}/{number}.png", number)
    (tmp_path / "in/labels.json").write_text(json.dumps(document))
    dedup.scan(tmp_path / "in", use_found=True).export("folder", tmp_path / "out", labels="imagefolder")
    tables = [pd.read_parquet(tmp_path / "out" / split / "metadata.parquet") for split in ("train", "val", "test")]
    assert [len(table["objects"][0]["bbox"]) for table in tables] == [1, 1, 0]
    assert len({tuple(table.columns) for table in tables}) == 1
    again = dedup.scan(tmp_path / "out", use_found=True)
    assert again.frame["annotations"].tolist() == [0, 1, 1] and set(again.frame["split"]) == {"train", "val", "test"}


def test_classes_called_like_splits_are_no_folders(home, tmp_path):
    """Other readers take such folders for splits: an image of val would be in train as well."""
    for name in ("train/a.png", "val/c.png"):
        picture(tmp_path / "in" / name, len(name) + ord(name[-5]))
    rows = "filename,class\ntrain/a.png,cat\nval/c.png,train\n"
    (tmp_path / "in/labels.csv").write_text(rows)
    dedup.scan(tmp_path / "in", use_found=True).export("folder", tmp_path / "out", labels="imagefolder")
    assert (tmp_path / "out/val/c.png").exists() and (tmp_path / "out/val/metadata.jsonl").exists()


def test_what_is_which_in_a_mirror_stays_with_keypoints(home, tmp_path):
    picture(tmp_path / "in/images/a.png", 1)
    settings = {"train": "images", "val": "images", "names": {0: "cat"}, "kpt_shape": [2, 3], "flip_idx": [1, 0]}
    (tmp_path / "in/data.yaml").write_text(yaml.safe_dump(settings))
    (tmp_path / "in/labels").mkdir()
    (tmp_path / "in/labels/a.txt").write_text("0 0.5 0.5 0.4 0.4 0.4 0.4 2 0.6 0.6 2\n")
    dedup.scan(tmp_path / "in", use_found=True).export("folder", tmp_path / "out", labels="yolo")
    assert yaml.safe_load((tmp_path / "out/data.yaml").read_text())["flip_idx"] == [1, 0]


def test_ids_that_nobody_wrote_are_not_told_of(home, tmp_path):
    """Two tables of classes, in which rows have no numbers."""
    for number, split in enumerate(("train", "test")):
        picture(tmp_path / f"in/{split}/{split}.png", number)
        (tmp_path / f"in/{split}.csv").write_text(f"image_id,label\n{split},cat\n")
    dataset = dedup.scan(tmp_path / "in", use_found=True, workers=1)
    report = dataset.export("coco", tmp_path / "both.json")
    assert len(json.loads((tmp_path / "both.json").read_text())["annotations"]) == 2
    assert not any("given anew" in note for note in report.notes)


def test_images_that_training_may_not_read_are_counted(home, tmp_path):
    for name in ("a.heic", "b.gif", "c.png"):
        save(photo(3), tmp_path / "in/images" / name)
    dataset = dedup.scan(tmp_path / "in", workers=1)
    notes = dataset.export("folder", tmp_path / "out", labels="yolo").notes
    told = "2 images in a format that ultralytics does not read everywhere (.gif, .heic)"
    assert any(note.startswith(told) for note in notes), notes
    first = dataset.frame["name"].to_numpy() == "c.png"
    alone = dataset.export("folder", tmp_path / "png", first, labels="yolo").notes
    assert not any("ultralytics" in note for note in alone)
