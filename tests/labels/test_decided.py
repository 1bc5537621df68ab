"""Decided clashes: keyed by content, undone with the history, and what exports give out afterwards."""

from __future__ import annotations

import io
import json
import shutil

import numpy as np
import pandas as pd
import pytest

import dedup
from dedup.exports import coco, csv
from dedup.labels.resolve import Choice
from tests.building import picture
from tests.frames import written
from tests.labelled import clashing


@pytest.fixture
def dataset(shared_data, tmp_path, home):
    return clashing(shared_data, tmp_path, name="voc")


def exported(dataset) -> dict:
    return json.loads(written(coco.write, dataset))


def labels_of(document: dict, name: str) -> list:
    ids = {image["id"] for image in document["images"] if image["file_name"] == name}
    names = {category["id"]: category["name"] for category in document["categories"]}
    return sorted(
        (names[a["category_id"]], [round(value) for value in a["bbox"]])
        for a in document["annotations"]
        if a["image_id"] in ids
    )


def case_of(dataset, name: str):
    paths = dataset.frame["path"]
    return next(each for each in dataset.clashes if name in (paths[each.clash.left], paths[each.clash.right]))


def side(dataset, case, name: str) -> Choice:
    return Choice.LEFT if dataset.frame["path"][case.clash.left] == name else Choice.RIGHT


def decide(dataset, case, choice) -> None:
    assert dataset.decisions.decide([case.change(choice)], "Decide a label clash") == 1


def test_an_export_tells_of_clashes_in_it_that_nobody_decided(dataset, tmp_path):
    def told(mask=None) -> list[str]:
        notes = dataset.export("coco", tmp_path / "out.json", mask, overwrite=True).notes
        return [note for note in notes if "nobody decided" in note]

    (note,) = told()
    assert note.startswith("3 pairs of copies in it whose labels differ, which nobody decided about")
    assert "1 pair of copies" in told(dataset.frame["path"] == "1 class.png")[0]
    for case in dataset.clashes:
        decide(dataset, case, Choice.LEAVE)
    assert told() == []


def test_the_planted_clashes_are_found_and_nothing_changes_before_a_decision(dataset):
    paths = dataset.frame["path"]
    found = {paths[row] for each in dataset.clashes for row in (each.clash.left, each.clash.right)} - {
        f"{number}.jpg" for number in range(8)
    }
    assert found == {"1 class.png", "2 unmirrored.jpg", "3 bare.jpg"}
    assert all(each.choice(dataset.decisions.values("clash")) is None for each in dataset.clashes)
    assert dataset.labels.documents == dataset.annotations


@pytest.mark.parametrize("choice", list(Choice))
def test_every_choice_is_remembered_and_undone(dataset, choice):
    case = dataset.clashes[0]
    decide(dataset, case, choice)
    assert case.choice(dataset.decisions.values("clash")) is choice
    again = dedup.open("voc")
    assert again.clashes[0].choice(again.decisions.values("clash")) is choice
    dataset.decisions.undo()
    assert case.choice(dataset.decisions.values("clash")) is None
    assert dataset.labels.documents == dataset.annotations


def test_the_export_follows_a_pick(dataset):
    before = exported(dataset)
    case = case_of(dataset, "3 bare.jpg")
    decide(dataset, case, side(dataset, case, "3.jpg"))
    after = exported(dataset)
    assert labels_of(before, "3 bare.jpg") == []
    assert labels_of(after, "3 bare.jpg") == labels_of(before, "3.jpg") == labels_of(after, "3.jpg")
    decide(dataset, case, side(dataset, case, "3 bare.jpg"))
    assert labels_of(exported(dataset), "3.jpg") == []


def test_classes_in_a_csv_follow_the_boxes(dataset):
    def classes() -> dict[str, str]:
        return csv.read(io.BytesIO(written(csv.write, dataset))).set_index("path")["class"].to_dict()

    before = classes()
    case = case_of(dataset, "1 class.png")
    assert before["1.jpg"] != before["1 class.png"]
    decide(dataset, case, Choice.LEAVE)
    assert classes() == before
    decide(dataset, case, side(dataset, case, "1.jpg"))
    bare = case_of(dataset, "3 bare.jpg")
    decide(dataset, bare, side(dataset, bare, "3 bare.jpg"))
    assert classes() == before | {"1 class.png": before["1.jpg"], "3.jpg": ""}
    decide(dataset, case, Choice.MERGE)
    both = {*before["1.jpg"].split(csv.CLASS_SEPARATOR), *before["1 class.png"].split(csv.CLASS_SEPARATOR)}
    merged = csv.CLASS_SEPARATOR.join(sorted(both))
    assert classes() == before | {"1.jpg": merged, "1 class.png": merged, "3.jpg": ""}


def test_a_pick_mirrors_the_boxes_of_a_mirrored_copy(dataset):
    before = exported(dataset)
    case = case_of(dataset, "2 unmirrored.jpg")
    decide(dataset, case, side(dataset, case, "2.jpg"))
    width = next(image["width"] for image in before["images"] if image["file_name"] == "2.jpg")
    expected = [(name, [width - x - w, y, w, h]) for name, (x, y, w, h) in labels_of(before, "2.jpg")]
    after = labels_of(exported(dataset), "2 unmirrored.jpg")
    assert [name for name, _ in after] == sorted(name for name, _ in expected)
    assert np.allclose(sorted(box for _, box in after), sorted(box for _, box in expected), atol=6)


def test_dropped_images_leave_the_coco_export_and_left_ones_stay(dataset, tmp_path):
    every = {image["file_name"] for image in exported(dataset)["images"]}
    case = case_of(dataset, "1 class.png")
    decide(dataset, case, Choice.DROP)
    decide(dataset, case_of(dataset, "3 bare.jpg"), Choice.LEAVE)
    document, notes = coco.build(dataset, np.ones(len(dataset.frame), bool), tmp_path / "out.json")
    assert every - {image["file_name"] for image in document["images"]} == {"1.jpg", "1 class.png"}
    assert any("2 images left out" in note for note in notes)
    assert labels_of(document, "3 bare.jpg") == []


@pytest.mark.parametrize("labels", ["yolo", "coco", "voc", "imagefolder"])
def test_dropped_images_leave_folders_with_labels_too(dataset, tmp_path, labels):
    """Without its labels an image would say that there is nothing on it."""
    case = dataset.clashes[0]
    names = {dataset.frame["path"][row].rpartition("/")[2] for row in (case.clash.left, case.clash.right)}
    decide(dataset, case, Choice.DROP)
    report = dataset.export("folder", tmp_path / "out", labels=labels)
    assert not names & {file.name for file in (tmp_path / "out").rglob("*")}
    assert report.rows == len(dataset.frame) - 2
    assert report.notes.count("2 images left out: dropped because of clashing labels.") == 1
    dataset.export("folder", tmp_path / "bare", labels="")
    assert names <= {file.name for file in (tmp_path / "bare").rglob("*")}


def test_a_decision_outlives_a_rename_and_lapses_with_other_labels(dataset, tmp_path):
    case = case_of(dataset, "1 class.png")
    decide(dataset, case, Choice.DROP)
    (dataset.root / "1 class.png").rename(dataset.root / "moved.png")
    document = json.loads((tmp_path / "coco.json").read_text())
    image = next(image for image in document["images"] if image["file_name"] == "1 class.png")
    image["file_name"] = "moved.png"
    (tmp_path / "coco.json").write_text(json.dumps(document))
    moved = dedup.rescan(dataset, workers=1)
    assert case_of(moved, "moved.png").choice(moved.decisions.values("clash")) is Choice.DROP
    for annotation in document["annotations"]:
        if annotation["image_id"] == image["id"]:
            annotation["bbox"] = [0, 0, 20, 20]
    (tmp_path / "coco.json").write_text(json.dumps(document))
    changed = dedup.open("voc")
    assert case_of(changed, "moved.png").choice(changed.decisions.values("clash")) is None


def test_an_annotation_file_that_is_gone_is_no_export_without_labels(dataset, tmp_path):
    (tmp_path / "coco.json").unlink()
    with pytest.raises(dedup.DedupError, match="Cannot read"):
        exported(dedup.open("voc"))


@pytest.fixture
def folders(tmp_path, home):
    """The same file as a cat, twice as a dog, and a bird of its own."""
    root = tmp_path / "classes"
    picture(root / "cat" / "a.png", 1, (160, 120))
    (root / "dog").mkdir()
    for name in ("a.png", "b.png"):
        shutil.copy(root / "cat" / "a.png", root / "dog" / name)
    picture(root / "bird" / "c.png", 2, (160, 120))
    return dedup.scan(root, name="folders", workers=1)


def test_identical_files_in_two_class_folders_are_told_apart(folders):
    found = folders.clashes
    assert {each.clash.what for each in found} == {"class"}
    paths = folders.frame["path"].tolist()
    cat = paths.index("cat/a.png")
    case = next(each for each in found if cat in (each.clash.left, each.clash.right))
    decide(folders, case, side(folders, case, "cat/a.png"))
    other = case.clash.right if case.clash.left == cat else case.clash.left
    assert folders.labels.classes == dict.fromkeys({cat, other} | _same(folders, case), ("cat",))
    classes = pd.read_csv(io.BytesIO(written(csv.write, folders))).set_index("path")["class"]
    assert classes[paths[other]] == "cat"
    document = exported(folders)
    assert next(i for i in document["images"] if i["file_name"] == paths[other])["dedup"]["classes"] == ["cat"]
    assert folders.frame["classes"][other] == ("dog",)
    decide(folders, case, Choice.MERGE)
    assert folders.labels.classes[other] == ("cat", "dog")


def _same(dataset, case) -> set[int]:
    """Rows of clashes with the same two contents, which one decision settles together."""
    marks = {case.left, case.right}
    alike = [each.clash for each in dataset.clashes if {each.left, each.right} == marks]
    return {row for clash in alike for row in (clash.left, clash.right)}
