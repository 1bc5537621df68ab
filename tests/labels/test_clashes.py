"""Label clashes: boxes compared under every geometry, and choices that documents reflect."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps
from pycocotools.coco import COCO

import dedup
from dedup.labels import clashes, resolve
from dedup.labels.coco import Coco
from dedup.labels.entries import chunks
from dedup.labels.resolve import Choice
from tests.frames import make_frame, make_pairs

SIZE = {"left_width": 100, "left_height": 80, "right_width": 100, "right_height": 80}
SAME = SIZE | {"left": 0, "right": 1}
MIRRORED = SAME | {"xx": -1, "x0": 1, "orientation": 2}
# right shows the left half of left
CROPPED = SAME | {"xx": 2, "right_width": 50, "cropped": 1}
# right is left turned by a quarter: (x, y) goes to (1 - y, x)
TURNED = SAME | {"xx": 0, "xy": -1, "x0": 1, "yx": 1, "yy": 0, "y0": 0, "right_width": 80, "right_height": 100}
# right is left rotated by 20 degrees
ROTATED = SAME | {"xx": 0.94, "xy": -0.274, "x0": 0.1, "yx": 0.4275, "yy": 0.94, "y0": -0.1}
HALVED = SAME | {"right_width": 50, "right_height": 40, "scale": 0.5}

Label = tuple[str, list[float]]


def sources(tmp_path: Path, left: list[Label], right: list[Label], **extra) -> list:
    """One document of a.jpg and b.jpg with the boxes given as (category, [x, y, width, height])."""
    names = sorted({name for name, _ in [*left, *right]})
    labels = [(1, *label) for label in left] + [(2, *label) for label in right]
    document = {
        "info": {"kept": True},
        "images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}, {"id": 3, "file_name": "c.jpg"}],
        "categories": [{"id": 10 + place, "name": name} for place, name in enumerate(names)],
        "annotations": [
            {"id": 100 + n, "image_id": image, "category_id": 10 + names.index(name), "bbox": box, "iscrowd": 0,
             "area": box[2] * box[3] if box else 0, "note": f"annotation {n}"} | extra
            for n, (image, name, box) in enumerate(labels)
        ],
    }  # fmt: skip
    (tmp_path / "coco.json").write_text(json.dumps(document))
    coco = Coco.read(tmp_path / "coco.json")
    return [(coco, coco.attach(["a.jpg", "b.jpg", "c.jpg"]))]


@pytest.fixture
def frame() -> pd.DataFrame:
    return three_images()


def three_images() -> pd.DataFrame:
    made = make_frame(["a.jpg", "b.jpg", "c.jpg"], tags=())
    return made.assign(classes=pd.Series([(), (), ()], dtype=object), pixels=["a", "b", "c"])


def found(frame, pair, given_sources) -> list[str]:
    return [clash.sentence() for clash in clashes.find(frame, make_pairs([pair]), given_sources)]


@pytest.mark.parametrize(
    ("pair", "there"),
    [
        (SAME, [10, 20, 30, 40]),
        (MIRRORED, [60, 20, 30, 40]),
        (CROPPED, [10, 20, 30, 40]),
        (TURNED, [20, 10, 40, 30]),
        (HALVED, [5, 10, 15, 20]),
    ],
    ids=["same", "mirrored", "cropped", "turned", "halved"],
)
def test_boxes_that_agree_after_the_geometry_do_not_clash(tmp_path, frame, pair, there):
    box = [10, 20, 30, 40]
    assert found(frame, pair, sources(tmp_path, [("cat", box)], [("cat", there)])) == []
    said = ["cat on the left, dog on the right"]
    assert found(frame, pair, sources(tmp_path, [("cat", box)], [("dog", there)])) == said
    elsewhere = [1, 1, 5, 5]
    assert found(frame, pair, sources(tmp_path, [("cat", box)], [("cat", elsewhere)])) == ["cat in another place"]


def test_a_mirrored_copy_whose_boxes_were_not_mirrored_clashes(tmp_path, frame):
    box = [10, 20, 30, 40]
    assert found(frame, MIRRORED, sources(tmp_path, [("cat", box)], [("cat", box)])) != []


def test_a_crop_need_not_show_what_it_cuts_off(tmp_path, frame):
    inside, outside, edge = [5, 5, 20, 20], [60, 5, 20, 20], [42, 40, 20, 20]
    given_sources = sources(tmp_path, [("cat", inside), ("dog", outside), ("cow", edge)], [("cat", inside)])
    assert found(frame, CROPPED, given_sources) == []
    cut = sources(tmp_path, [("cat", inside), ("cow", [30, 40, 30, 20])], [("cat", inside), ("cow", [30, 40, 20, 20])])
    assert found(frame, CROPPED, cut) == []
    assert found(frame, CROPPED, sources(tmp_path, [("cat", inside)], [])) == ["cat only on the left"]


def test_an_image_named_without_annotations_says_that_there_is_nothing(tmp_path, frame):
    assert found(frame, SAME, sources(tmp_path, [("cat", [1, 1, 9, 9])], [])) == ["cat only on the left"]
    unnamed = make_frame(["a.jpg", "x.jpg"], tags=()).assign(classes=pd.Series([("cat",), ()], dtype=object))
    coco = sources(tmp_path, [("cat", [1, 1, 9, 9])], [])[0][0]
    assert found(unnamed, SAME, [(coco, coco.attach(["a.jpg", "x.jpg"]))]) == []


def test_crowds_are_never_missed_and_labels_without_boxes_count(tmp_path, frame):
    assert found(frame, SAME, sources(tmp_path, [("cat", [1, 1, 9, 9])], [], iscrowd=1)) == []
    assert found(frame, SAME, sources(tmp_path, [("cat", [])], [("dog", [])])) == [
        "cat only on the left; dog only on the right"
    ]
    assert found(frame, SAME, sources(tmp_path, [("cat", [])], [("cat", [])])) == []


def test_classes_of_folders_clash_without_annotations(frame):
    frame["classes"] = pd.Series([("cat",), ("dog",), ()], dtype=object)
    pairs = make_pairs([SAME, SAME | {"right": 2}, SAME | {"kind": "similar"}, SAME | {"kind": "exact", "distance": 0}])
    all_found = clashes.find(frame, pairs)
    assert [(clash.pair, clash.what, clash.sentence()) for clash in all_found] == [
        (0, "class", "cat on the left, dog on the right"),
        (3, "class", "cat on the left, dog on the right"),
    ]


def test_a_sentence_counts_what_only_one_side_has(tmp_path, frame):
    birds = [("bird", [0, y, 9, 9]) for y in (0, 20, 40)]
    left = [("cat", [50, 0, 9, 9]), ("cat", [50, 20, 9, 9]), *birds]
    right = [("dog", [50, 0, 9, 9]), ("dog", [50, 20, 9, 9]), ("cow", [70, 50, 9, 9])]
    (clash,) = clashes.find(frame, make_pairs([SAME]), sources(tmp_path, left, right))
    assert clash.sentence() == (
        "2 × cat on the left, dog on the right; 3 × bird only on the left; cow only on the right"
    )
    assert clash.sentence("in a.jpg", "in b.jpg").startswith("2 × cat in a.jpg, dog in b.jpg; 3 × bird only in a.jpg")


# --- resolutions ------------------------------------------------------------------------------------------------------


def written(document) -> bytes:
    return b"".join(chunks(document))


def after(frame, pair, given_sources, choice: Choice):
    pairs = make_pairs([pair])
    every = clashes.find(frame, pairs, given_sources)
    before = written(given_sources[0][0].document)
    resolved = resolve.resolve(frame, pairs, given_sources, [(clash, choice) for clash in every])
    assert written(given_sources[0][0].document) == before
    coco = resolved.documents[0]
    again = clashes.find(frame, pairs, [(coco, coco.attach(["a.jpg", "b.jpg", "c.jpg"]))])
    return coco, again


def labels(coco: Coco, image: int) -> list[tuple[str, list[float]]]:
    entries = [each for each in coco.annotations if each["image_id"] == image]
    return sorted((coco.category_names[each["category_id"]], each["bbox"]) for each in entries)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(*[st.integers(0, 60)] * 2, *[st.integers(4, 30)] * 2), max_size=6),
    st.sampled_from([SAME, MIRRORED, TURNED, HALVED]),
)
def test_carried_boxes_never_clash_with_their_originals(tmp_path_factory, boxes, pair):
    inside = [("cat", list(box)) for box in boxes if box[1] + box[3] <= 80]
    given_sources = sources(tmp_path_factory.mktemp("carried"), inside, [])
    coco, again = after(three_images(), pair, given_sources, Choice.LEFT)
    assert again == []
    assert len(labels(coco, 2)) == len(inside)


def test_pick_carries_the_picked_boxes_through_the_mirror(tmp_path, frame):
    given_sources = sources(tmp_path, [("cat", [10, 20, 30, 40])], [("dog", [60, 20, 30, 40]), ("dog", [0, 0, 9, 9])])
    coco, again = after(frame, MIRRORED, given_sources, Choice.LEFT)
    assert again == []
    assert labels(coco, 1) == [("cat", [10, 20, 30, 40])]
    assert labels(coco, 2) == [("cat", [60, 20, 30, 40])]
    new = next(each for each in coco.annotations if each["image_id"] == 2)
    assert new["id"] == 103
    assert new["note"] == "annotation 0"
    coco, again = after(frame, MIRRORED, given_sources, Choice.RIGHT)
    assert again == []
    assert labels(coco, 1) == [("dog", [10, 20, 30, 40]), ("dog", [91, 0, 9, 9])]


def test_picking_a_crop_keeps_what_lies_outside_of_it(tmp_path, frame):
    given_sources = sources(
        tmp_path, [("cat", [10, 10, 20, 20]), ("cow", [70, 10, 20, 20])], [("dog", [10, 10, 20, 20])]
    )
    coco, again = after(frame, CROPPED, given_sources, Choice.RIGHT)
    assert again == []
    assert labels(coco, 1) == [("cow", [70, 10, 20, 20]), ("dog", [10, 10, 20, 20])]


# a car of which the crop shows less than half, as the whole picture and as the crop have it
WHOLE, CUT = [30, 10, 50, 20], [30, 10, 20, 20]


@pytest.mark.parametrize("choice", [Choice.LEFT, Choice.RIGHT, Choice.MERGE])
@pytest.mark.parametrize("crop", ["left", "right"])
def test_what_both_agree_on_stays_as_each_has_it_though_a_crop_cuts_it(tmp_path, frame, choice, crop):
    whole, cropped = [("car", WHOLE)], [("car", CUT), ("cat", [5, 40, 20, 20])]
    if crop == "left":
        # left is the left half of right
        pair = SAME | {"xx": 0.5, "left_width": 50}
        coco, again = after(frame, pair, sources(tmp_path, cropped, whole), choice)
        of_crop, of_whole = labels(coco, 1), labels(coco, 2)
    else:
        coco, again = after(frame, CROPPED, sources(tmp_path, whole, cropped), choice)
        of_crop, of_whole = labels(coco, 2), labels(coco, 1)
    cat = [] if choice not in (Choice.MERGE, crop) else [("cat", [5, 40, 20, 20])]
    assert again == []
    assert of_whole == [("car", WHOLE), *cat]
    assert of_crop == [("car", CUT), *cat]


@pytest.mark.parametrize(
    ("choice", "whole", "cropped"),
    [
        (Choice.LEFT, [("car", WHOLE)], [("car", CUT)]),
        (Choice.RIGHT, [("bus", WHOLE)], [("bus", CUT)]),
        (Choice.MERGE, [("bus", WHOLE), ("car", WHOLE)], [("bus", CUT), ("car", CUT)]),
    ],
)
def test_the_fuller_picture_keeps_the_outline_of_what_the_crop_names_otherwise(tmp_path, frame, choice, whole, cropped):
    coco, again = after(frame, CROPPED, sources(tmp_path, [("car", WHOLE)], [("bus", CUT)]), choice)
    assert again == []
    assert (labels(coco, 1), labels(coco, 2)) == (whole, cropped)


@settings(max_examples=60)
@given(
    *[st.lists(st.tuples(*[st.integers(0, 60)] * 2, *[st.integers(4, 40)] * 2), max_size=4)] * 2,
    st.sampled_from([SAME, MIRRORED, CROPPED, TURNED, HALVED, ROTATED]),
    st.booleans(),
)
def test_handed_on_is_what_the_two_differ_in(tmp_path_factory, here, there, pair, forth):
    both = [[("cat", list(box)) for box in boxes] for boxes in (here, there)]
    given_sources = sources(tmp_path_factory.mktemp("differ"), *both)
    boxes = clashes.boxes_of(three_images(), given_sources)
    pairs = make_pairs([pair])
    found = clashes.differences(boxes[0], boxes[1], clashes.record(pairs, 0))
    leaving = (0, 1) if forth else (1, 0)
    inherited = resolve.inherit(three_images(), pairs, given_sources, [leaving])
    only = [each.left if forth else each.right for each in found]
    assert inherited.given.get(leaving[1], 0) == sum(box is not None for box in only)


@pytest.mark.parametrize(
    ("pair", "there"),
    [
        (SAME, [5, 5, 20, 20]),
        (MIRRORED, [75, 5, 20, 20]),
        (CROPPED, [5, 5, 20, 20]),
        (TURNED, [55, 5, 20, 20]),
        (HALVED, [2.5, 2.5, 10, 10]),
    ],
    ids=["same", "mirrored", "cropped", "turned", "halved"],
)
def test_merge_gives_each_what_only_the_other_has(tmp_path, frame, pair, there):
    given_sources = sources(tmp_path, [("cat", [5, 5, 20, 20]), ("cow", [10, 50, 20, 20])], [("dog", there)])
    coco, again = after(frame, pair, given_sources, Choice.MERGE)
    assert again == []
    assert [name for name, _ in labels(coco, 1)] == [name for name, _ in labels(coco, 2)] == ["cat", "cow", "dog"]


def test_drop_takes_both_images_out(tmp_path, frame):
    coco, _ = after(frame, SAME, sources(tmp_path, [("cat", [1, 1, 9, 9])], []), Choice.DROP)
    assert [image["id"] for image in coco.images] == [3]
    assert coco.annotations == []
    assert coco.document["info"] == {"kept": True}


def test_the_result_is_coco_with_areas_polygons_and_keypoints(tmp_path, frame):
    extra = {"segmentation": [[10, 20, 40, 20, 40, 60, 10, 60]], "keypoints": [20, 30, 2, 0, 0, 0], "num_keypoints": 1}
    given_sources = sources(tmp_path, [("cat", [10, 20, 30, 40])], [], **extra)
    coco, again = after(frame, HALVED, given_sources, Choice.LEFT)
    assert again == []
    (tmp_path / "new.json").write_bytes(written(coco.document))
    new = COCO(str(tmp_path / "new.json")).imgToAnns[2][0]
    assert new["bbox"] == [5, 10, 15, 20]
    assert new["area"] == 300
    assert new["segmentation"] == [[5, 10, 20, 10, 20, 30, 5, 30]]
    assert new["keypoints"] == [10, 15, 2, 0, 0, 0]


def test_what_cannot_be_carried_is_counted(tmp_path, frame):
    extra = {"segmentation": {"counts": "x", "size": [80, 100]}, "keypoints": [20, 30, 2], "num_keypoints": 1}
    given_sources = sources(tmp_path, [("cat", [10, 20, 30, 40])], [], **extra)
    pairs = make_pairs([MIRRORED])
    every = [(clash, Choice.LEFT) for clash in clashes.find(frame, pairs, given_sources)]
    resolved = resolve.resolve(frame, pairs, given_sources, every)
    assert resolved.notes == (
        "Not carried over: masks as run lengths (1).",
        "Not carried over: sets of keypoints in mirrored copies (1).",
    )
    new = next(each for each in resolved.documents[0].annotations if each["image_id"] == 2)
    assert "segmentation" not in new and (new["keypoints"], new["num_keypoints"]) == ([0, 0, 0], 0)


@pytest.mark.parametrize(
    ("held", "carried"),
    [
        ({"segmentation": [[10, 20, 40, 20, 40, 60, 7]]}, {"segmentation": [[5, 10, 20, 10, 20, 30]]}),
        ({"segmentation": [10, 20, 40, 20, 40, 60]}, {"segmentation": []}),
        ({"segmentation": "rle"}, {}),
        ({"keypoints": [20, 30, 2, 5]}, {"keypoints": [10, 15, 2]}),
        ({"keypoints": None}, {"keypoints": None}),
        ({"keypoints": "no"}, {"keypoints": "no"}),
    ],
)
def test_outlines_that_are_not_as_coco_says_stop_nothing(tmp_path, frame, held, carried):
    given_sources = sources(tmp_path, [("cat", [10, 20, 30, 40])], [], **held)
    coco, again = after(frame, HALVED, given_sources, Choice.LEFT)
    (new,) = (each for each in coco.annotations if each["image_id"] == 2)
    assert again == [] and new["bbox"] == [5, 10, 15, 20]
    assert {key: new[key] for key in ("segmentation", "keypoints") if key in new} == carried


def test_polygons_are_cut_at_the_edge(tmp_path, frame):
    polygons = [[40, 10, 56, 10, 56, 30, 40, 30], [52, 10, 56, 10, 56, 30]]  # the second lies outside the crop
    given_sources = sources(tmp_path, [("cat", [40, 10, 16, 20])], [], segmentation=polygons)
    coco, _ = after(frame, CROPPED, given_sources, Choice.LEFT)
    (new,) = (each for each in coco.annotations if each["image_id"] == 2)
    assert new["segmentation"] == [[40, 10, 50, 10, 50, 30, 40, 30]]
    assert (new["bbox"], new["area"]) == ([40, 10, 10, 20], 200)


def test_carry_gives_the_keeper_what_it_lacks(tmp_path, frame):
    given_sources = sources(
        tmp_path, [("cat", [10, 20, 30, 40])], [("cat", [60, 20, 30, 40]), ("dog", [0, 50, 20, 20])]
    )
    pairs = make_pairs([MIRRORED])
    inherited = resolve.inherit(frame, pairs, given_sources, [(1, 0), (2, 0)])
    (united,) = resolve.relabel(frame, given_sources, inherited.annotations)
    assert labels(united, 1) == [("cat", [10, 20, 30, 40]), ("dog", [80, 50, 20, 20])]
    assert labels(united, 2) == labels(given_sources[0][0], 2)
    assert inherited.given == {0: 1} and not inherited.notes  # the third image has no annotations to hand on


def test_what_no_pair_links_is_counted(tmp_path, frame):
    given_sources = sources(tmp_path, [("cat", [10, 20, 30, 40])], [])
    inherited = resolve.inherit(frame, make_pairs([SAME]), given_sources, [(0, 2)])
    assert not inherited.given and inherited.notes[0].endswith("(1).") and len(inherited.notes) == 1


def test_between_identical_pixels_a_crowd_keeps_its_mask_and_elsewhere_it_is_left_out(tmp_path, frame):
    mask = {"counts": [10, 5, 7985], "size": [80, 100]}
    extra = {"segmentation": mask, "iscrowd": 1}
    given_sources = sources(tmp_path, [("cat", [10, 20, 30, 40])], [], **extra)
    twins = frame.assign(content=["a", "a", "c"], width=100, height=80)
    inherited = resolve.inherit(twins, make_pairs([SAME]), given_sources, [(0, 1)])
    (same,) = inherited.annotations[1]
    assert (same.annotation["segmentation"], same.annotation["iscrowd"]) == (mask, 1)
    halved = resolve.inherit(frame, make_pairs([HALVED]), given_sources, [(0, 1)])
    assert not halved.given and halved.notes == ("Not carried over: masks as run lengths (1).",)


def test_a_copy_with_labels_speaks_for_the_one_without(tmp_path, frame):
    """The copy that stays has no class; its copies say cat and dog, and so does a near one say bird."""
    twins = frame.assign(content=["a", "a", "a"], classes=pd.Series([(), ("cat",), ("dog",)], dtype=object))
    exact = [SAME | {"right": row, "kind": "exact"} for row in (1, 2)]
    assert [(each.left, each.right) for each in clashes.find(twins, make_pairs(exact))] == [(1, 2)]
    near = frame.assign(content=["a", "a", "c"], classes=pd.Series([(), ("cat",), ("bird",)], dtype=object))
    found = clashes.find(near, make_pairs([exact[0], SAME | {"right": 2}]))
    assert [(each.left, each.right) for each in found] == [(1, 2)]


def test_images_of_two_documents_with_other_category_ids(tmp_path, frame):
    """The copy's annotations go to the document of the image that gets them, under its category ids."""
    first = {"images": [{"id": 1, "file_name": "a.jpg"}], "categories": [{"id": 1, "name": "cat"}], "annotations": []}
    second = {
        "images": [{"id": 1, "file_name": "b.jpg"}],
        "categories": [{"id": 1, "name": "dog", "supercategory": "animal"}, {"id": 2, "name": "cat"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 9, 9]},
            {"id": 2, "image_id": 1, "category_id": 2, "bbox": [30, 30, 9, 9]},
        ],
    }
    given_sources = []
    for name, document in (("one", first), ("two", second)):
        (tmp_path / f"{name}.json").write_text(json.dumps(document))
        coco = Coco.read(tmp_path / f"{name}.json")
        given_sources.append((coco, coco.attach(["a.jpg", "b.jpg", "c.jpg"])))
    pairs = make_pairs([SAME])
    every = [(clash, Choice.RIGHT) for clash in clashes.find(frame, pairs, given_sources)]
    resolved = resolve.resolve(frame, pairs, given_sources, every)
    assert labels(resolved.documents[0], 1) == [("cat", [30, 30, 9, 9]), ("dog", [1, 1, 9, 9])]
    assert resolved.documents[0].document["categories"] == [
        {"id": 1, "name": "cat"},
        {"id": 2, "name": "dog", "supercategory": "animal"},
    ]
    assert resolved.documents[1].document == second


def test_classes_of_one_name_in_two_documents_are_told_apart_by_what_they_are_below(tmp_path, frame):
    given_sources = []
    for name, above in (("a", "animal"), ("b", "device")):
        document = {
            "images": [{"id": 1, "file_name": f"{name}.jpg"}],
            "categories": [{"id": 1, "name": "mouse", "supercategory": above}],
            "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 9, 9]}],
        }
        (tmp_path / f"{name}.json").write_text(json.dumps(document))
        coco = Coco.read(tmp_path / f"{name}.json")
        given_sources.append((coco, coco.attach(["a.jpg", "b.jpg", "c.jpg"])))
    assert found(frame, SAME, given_sources) == ["mouse (animal) on the left, mouse (device) on the right"]
    pairs = make_pairs([SAME])
    every = [(clash, Choice.RIGHT) for clash in clashes.find(frame, pairs, given_sources)]
    documents = resolve.resolve(frame, pairs, given_sources, every).documents
    above = {each["id"]: each["supercategory"] for each in documents[0].document["categories"]}
    assert [above[each["category_id"]] for each in documents[0].annotations] == ["device"]
    assert clashes.find(frame, pairs, [(each, each.attach(["a.jpg", "b.jpg", "c.jpg"])) for each in documents]) == []


def test_iou_of_known_rectangles():
    assert clashes.overlap((0, 0, 2, 2), (1, 0, 3, 2)) == pytest.approx(1 / 3)
    assert clashes.overlap((0, 0, 1, 1), (2, 2, 3, 3)) == 0
    assert clashes.overlap((0, 0, 0, 0), (0, 0, 0, 0)) == 0
    assert np.isclose(clashes.overlap((0, 0, 5, 5), (0, 0, 5, 5)), 1)


# --- real pictures, from scan to document -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def planted(tmp_path_factory, shared_data):
    """The COCO images and edited copies, scanned; each copy's boxes carried as the edit did, of every second one
    shifted so that they are wrong. Returns the dataset, its sources and the copies whose boxes are wrong."""
    folder = tmp_path_factory.mktemp("planted")
    coco = json.loads((shared_data / "C-tinycoco/tinycoco/annotations/instances_val2017.json").read_text())
    boxes: dict[int, list[dict]] = {}
    for annotation in coco["annotations"]:
        boxes.setdefault(annotation["image_id"], []).append(annotation)
    chosen = [image for image in coco["images"] if image["id"] in boxes]
    images, annotations, wrong = [], [], set()
    (folder / "images").mkdir()
    for place, image in enumerate(chosen):
        with Image.open(shared_data / "C-tinycoco/tinycoco/images/val2017" / image["file_name"]) as opened:
            picture = opened.convert("RGB")
        edit, way = EDITS[place % len(EDITS)]
        copy = edit(picture)
        names = (f"{place}.jpg", f"{place} copy.jpg")
        for name, each in zip(names, (picture, copy), strict=True):
            each.save(folder / "images" / name, quality=90)
            images.append({"id": len(images) + 1, "file_name": name, "width": each.width, "height": each.height})
        shift = 0.0
        if place % 2:
            shift = 0.4 * max(box["bbox"][2] for box in boxes[image["id"]]) + 40
            wrong.add(names[1])
        for box in boxes[image["id"]]:
            plain = {"category_id": box["category_id"], "iscrowd": 0, "area": box["area"]}
            annotations.append(plain | {"image_id": images[-2]["id"], "bbox": box["bbox"]})
            carried = clashes.map_box(clashes.rectangle_of(box), np.array(way(*picture.size)))
            cut = clashes.cut(carried, (0.0, 0.0, float(copy.width), float(copy.height)))
            if clashes.area(cut) > 0.5 * clashes.area(carried):
                there = [cut[0] + shift, cut[1], cut[2] - cut[0], cut[3] - cut[1]]
                annotations.append(plain | {"image_id": images[-1]["id"], "bbox": there})
    for number, annotation in enumerate(annotations, start=1):
        annotation["id"] = number
    document = {"images": images, "annotations": annotations, "categories": coco["categories"]}
    (folder / "coco.json").write_text(json.dumps(document))
    dataset = dedup.scan(folder / "images", home=folder / "home", annotations=folder / "coco.json", workers=1)
    return dataset, list(zip(dataset.annotations, dataset.attachments.values(), strict=True)), wrong


EDITS = (
    (ImageOps.mirror, lambda w, h: [[-1, 0, w], [0, 1, 0]]),
    (
        lambda picture: picture.resize((picture.width // 2, picture.height // 2)),
        lambda w, h: [[0.5, 0, 0], [0, 0.5, 0]],
    ),
    (
        lambda picture: picture.crop((w := picture.width // 10, 0, picture.width - w, picture.height)),
        lambda w, h: [[1, 0, -(w // 10)], [0, 1, 0]],
    ),
    (lambda picture: picture.transpose(Image.Transpose.ROTATE_90), lambda w, h: [[0, 1, 0], [-1, 0, w]]),
    (lambda picture: picture, lambda w, h: [[1, 0, 0], [0, 1, 0]]),
)


def test_only_wrong_boxes_of_real_edited_copies_clash(planted):
    dataset, given_sources, wrong = planted
    paths = dataset.frame["path"]
    near = dataset.pairs[dataset.pairs["kind"] != "similar"]
    assert len(near) == len(dataset.frame) // 2
    assert len(wrong) >= 3
    every = clashes.find(dataset.frame, dataset.pairs, given_sources)
    assert {paths[row] for clash in every for row in (clash.left, clash.right) if "copy" in paths[row]} == wrong


def test_picking_the_original_repairs_real_copies(planted):
    dataset, given_sources, _ = planted
    paths = dataset.frame["path"]
    every = clashes.find(dataset.frame, dataset.pairs, given_sources)
    picks = [(clash, Choice.RIGHT if "copy" in paths[clash.left] else Choice.LEFT) for clash in every]
    resolved = resolve.resolve(dataset.frame, dataset.pairs, given_sources, picks)
    repaired = [(resolved.documents[0], given_sources[0][1])]
    assert clashes.find(dataset.frame, dataset.pairs, repaired) == []


@pytest.mark.parametrize(("height", "matched"), [(16, True), (19, True), (21, False), (25, False)])
def test_boxes_belong_together_from_half_their_union_on(height, matched):
    one, other = (clashes.Box("cat", (0, 0, 10, tall), False, 0, 0) for tall in (10, height))
    assert bool(clashes.match([one], [other])) == matched
