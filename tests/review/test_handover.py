"""What a copy that leaves hands on: tags, and boxes carried over by how the copies differ, through every later step."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from PIL import ImageOps

import dedup
from dedup import removal
from dedup.cli import main
from dedup.errors import AnnotationError
from dedup.exports import coco
from dedup.labels.resolve import Choice
from dedup.review import handover
from tests.building import picture
from tests.frames import written
from tests.labelled import Photos, clashing, mirrored

KEPT, GONE = 5, 7
"""Photographs, by number: one whose keeper has no labels, one where both have them."""


@pytest.fixture
def photos(shared_data, tmp_path, home):
    """`bare.jpg` without labels and a smaller mirrored copy with them; an unnamed file and its labelled twin."""
    made = Photos(shared_data, tmp_path)
    picture = made.open(KEPT)
    made.save("bare.jpg", picture, [])
    smaller = ImageOps.mirror(picture).resize((picture.width // 2, picture.height // 2))
    half = [(name, [value / 2 for value in box]) for name, box in mirrored(made.labels(KEPT), picture.width)]
    made.save("labelled.jpg", smaller, half)
    made.save("twin.jpg", made.open(GONE), made.labels(GONE))
    shutil.copy(tmp_path / "images/twin.jpg", tmp_path / "images/a unnamed.jpg")
    made.save("alone.jpg", made.open(16), made.labels(16))
    return made


def boxes(document: dict, name: str) -> list:
    names = {category["id"]: category["name"] for category in document["categories"]}
    (image_id,) = (image["id"] for image in document["images"] if image["file_name"] == name)
    mine = (each for each in document["annotations"] if each["image_id"] == image_id)
    return sorted((names[each["category_id"]], each["bbox"]) for each in mine)


def exported(dataset) -> dict:
    return json.loads(written(coco.write, dataset))


def same(found: list, expected: list, pixels: float) -> bool:
    expected = sorted((name, list(box)) for name, box in expected)
    return [name for name, _ in found] == [name for name, _ in expected] and all(
        np.allclose(one, other, atol=pixels) for (_, one), (_, other) in zip(found, expected, strict=True)
    )


def plan_of(dataset) -> removal.Plan:
    """Every copy without labels stays, whatever the rules say."""
    stays = {"bare.jpg", "a unnamed.jpg"}
    keepers = [("keeper", path, "", "1") for path in stays]
    dataset.decisions.decide(keepers, "Keep them")
    frame = dataset.frame
    return removal.plan(dataset, np.flatnonzero(frame["role"] == "duplicate"))


def remove(dataset, *names: str, keeping: str = "", annotations: bool = False):
    """Let named files leave, after a person chose who stays; returns the dataset after the removal."""
    if keeping:
        dataset.decisions.decide([("keeper", keeping, "", "1")], "Keep it")
    plan = removal.plan(dataset, [dataset.frame["path"].tolist().index(name) for name in names])
    handover.unite(dataset, handover.heritage(dataset, plan, annotations=annotations))
    assert len(removal.apply(dataset, plan).done) == len(names)
    return dedup.rescan(dataset, workers=1)


def test_annotations_follow_to_the_copy_that_stays_and_outlive_the_one_that_left(photos):
    dataset = photos.scan(name="voc")
    plan = plan_of(dataset)
    assert {entry.path for entry in plan.entries} == {"labelled.jpg", "twin.jpg"}
    left = handover.heritage(dataset, plan, annotations=True)
    count = len(photos.labels(KEPT)) + len(photos.labels(GONE))
    assert left.sentence() == f"{count} annotations" and not left.notes
    handover.unite(dataset, left)
    assert len(removal.apply(dataset, plan).done) == 2
    after = dedup.rescan(dataset, workers=1)
    document = exported(after)
    assert same(boxes(document, "bare.jpg"), photos.labels(KEPT), pixels=4)
    assert same(boxes(document, "a unnamed.jpg"), photos.labels(GONE), pixels=0.01)
    ids = [each["id"] for each in document["annotations"]]
    assert len(ids) == len(set(ids)) and len({image["id"] for image in document["images"]}) == 3
    bare = after.frame.set_index("path").loc["bare.jpg"]
    assert bare["classes"] == tuple(sorted({name for name, _ in photos.labels(KEPT)}))
    assert bare["annotations"] == len(photos.labels(KEPT))


def test_what_was_handed_on_is_not_doubled_and_is_undone(photos, tmp_path):
    dataset = photos.scan(name="voc")
    before = exported(dataset)
    plan = plan_of(dataset)
    handover.unite(dataset, handover.heritage(dataset, plan, annotations=True))
    united = exported(dataset)
    assert handover.heritage(dataset, plan, annotations=True).sentence() == ""  # the keepers have them now
    (tmp_path / "coco.json").write_text(json.dumps(united))  # the export becomes the annotation file
    again = exported(dedup.open("voc"))
    assert boxes(again, "bare.jpg") == boxes(united, "bare.jpg")
    photos.scan(name="voc")
    dataset = dedup.open("voc")
    assert dataset.decisions.undo() == "Kept the labels of 2 images whose copies leave"
    assert boxes(exported(dataset), "bare.jpg") == boxes(before, "bare.jpg") == []


def test_byte_identical_copies_hand_on_what_each_of_them_says(photos):
    """Three times the same bytes in three places, and the third labelled after the second left."""
    wanted = photos.labels(GONE)
    photos.save("copy/first.jpg", photos.open(GONE), wanted[:1])
    photos.save("copy/second.jpg", photos.open(GONE), wanted[1:])
    photos.document["images"] = [each for each in photos.document["images"] if each["file_name"] != "twin.jpg"]
    (photos.root / "images/twin.jpg").unlink()
    dataset = photos.scan(name="voc")
    dataset = remove(dataset, "copy/first.jpg", keeping="a unnamed.jpg", annotations=True)
    dataset = remove(dataset, "copy/second.jpg", annotations=True)
    assert same(boxes(exported(dataset), "a unnamed.jpg"), wanted, pixels=0.01)


@pytest.mark.parametrize("choice", [Choice.LEFT, Choice.RIGHT, Choice.MERGE, Choice.DROP])
def test_what_was_decided_about_a_clash_outlives_the_side_that_leaves(shared_data, tmp_path, home, choice):
    dataset = clashing(shared_data, tmp_path, name="voc")
    paths = dataset.frame["path"]
    case = next(each for each in dataset.clashes if "1.jpg" in (paths[each.clash.left], paths[each.clash.right]))
    dataset.decisions.decide([case.change(choice)], "Decide")
    decided = exported(dataset)
    after = remove(dataset, "1 class.png", keeping="1.jpg")
    document = exported(after)
    if choice == Choice.DROP:
        assert "1.jpg" not in {image["file_name"] for image in document["images"]}
    else:
        assert boxes(document, "1.jpg") == boxes(decided, "1.jpg")
    left = after.frame["path"]
    assert "1.jpg" not in {path for each in after.clashes for path in left[[each.clash.left, each.clash.right]]}


def test_classes_of_folders_stay_decided_and_are_handed_on(home, tmp_path):
    for name in ("cat/a.png", "dog/a copy.png"):
        picture(tmp_path / "in" / name, 1, (160, 120))
    picture(tmp_path / "in" / "b.png", 2, (160, 120))
    picture(tmp_path / "in" / "dog/b copy.png", 2, (160, 120))
    picture(tmp_path / "in" / "cat/c.png", 3, (160, 120))
    picture(tmp_path / "in" / "dog/d.png", 4, (160, 120))
    dataset = dedup.scan(tmp_path / "in", name="in", workers=1)
    (case,) = dataset.clashes
    dog = Choice.LEFT if case.clash.left_classes == ("dog",) else Choice.RIGHT
    dataset.decisions.decide([case.change(dog)], "It is a dog")
    dataset.decisions.decide([("keeper", "b.png", "", "1")], "Keep b")
    dataset = remove(dataset, "dog/a copy.png", "dog/b copy.png", keeping="cat/a.png", annotations=True)
    classes = dict(zip(dataset.frame["path"], dataset.frame["classes"], strict=True))
    assert classes == {"cat/a.png": ("dog",), "b.png": ("dog",), "cat/c.png": ("cat",), "dog/d.png": ("dog",)}


def test_a_copy_that_comes_later_meets_the_labels_that_were_handed_on(photos):
    dataset = remove(photos.scan(name="voc"), "twin.jpg", keeping="a unnamed.jpg", annotations=True)
    photos.save("later.png", photos.open(GONE), [("cat", [1, 1, 9, 9])])
    dataset = photos.scan(name="voc")
    names = dataset.frame["path"]
    assert {"a unnamed.jpg", "later.png"} in [
        {names[each.clash.left], names[each.clash.right]} for each in dataset.clashes
    ]


def test_the_commands_hand_on_tags_always_and_annotations_on_request(photos, tmp_path, capsys):
    dataset = photos.scan(name="voc")
    plan = plan_of(dataset)
    removal.write(plan, tmp_path / "plan.json")
    dataset.tag([dataset.frame["path"].tolist().index("labelled.jpg")], "night")
    assert main(["remove", "voc", "--exact", "--unite-annotations"]) == 0
    assert f"{len(photos.labels(GONE))} annotation" in capsys.readouterr().out
    assert main(["apply", "voc", str(tmp_path / "plan.json"), "--how", "delete", "--unite-annotations"]) == 1
    assert not dataset.decisions.values("labels")  # a preview and a refusal: nothing was handed on
    assert main(["apply", "voc", str(tmp_path / "plan.json"), "--unite-annotations"]) == 0
    told = capsys.readouterr().out
    assert "1 tag and " in told and "given to copies that stay" in told
    after = dedup.open("voc")
    assert after.frame.loc[after.frame["tag:night"], "path"].tolist() == ["bare.jpg"]
    assert same(boxes(exported(after), "bare.jpg"), photos.labels(KEPT), pixels=4)


def test_without_labels_only_tags_are_handed_on(photos, tmp_path):
    dataset = dedup.scan(tmp_path / "images", workers=1)
    left = handover.heritage(dataset, plan_of(dataset), annotations=True)
    assert (left.tags, left.labels, left.notes, left.sentence()) == ({}, {}, (), "")


def test_nothing_is_handed_on_for_an_image_that_is_refused(photos):
    dataset = photos.scan(name="voc")
    plan = plan_of(dataset)
    dataset.tag([dataset.frame["path"].tolist().index("labelled.jpg")], "night")
    photos.open(16).save(photos.root / "images/labelled.jpg")
    done = handover.leave(dataset, plan, annotations=True)
    assert [each.path for each in done.report.refused] == ["labelled.jpg"]
    assert done.left.tags == {} and done.left.given == len(photos.labels(GONE))
    assert same(boxes(exported(dataset), "a unnamed.jpg"), photos.labels(GONE), pixels=0.01)


def test_what_was_protected_or_chosen_since_the_plan_stays(photos):
    dataset = photos.scan(name="voc")
    plan = plan_of(dataset)
    dataset.decisions.decide([("keeper", "twin.jpg", "", "1")], "Keep this one after all")
    done = handover.leave(dataset, plan)
    assert [each.path for each in done.report.done] == ["labelled.jpg"]
    assert "twin.jpg stays: a person chose it to stay." in done.report.refusals()


def test_images_leave_though_an_annotation_file_is_gone_and_that_is_said(photos, tmp_path):
    photos.scan(name="voc")
    (tmp_path / "coco.json").unlink()
    dataset = dedup.open("voc")
    done = handover.leave(dataset, plan_of(dataset))
    assert len(done.report.done) == 2 and done.lost == ""
    assert any("coco.json" in note for note in done.left.notes)
    with pytest.raises(AnnotationError):
        handover.heritage(dataset, removal.plan(dataset), annotations=True)
