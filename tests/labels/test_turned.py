"""Boxes in stored pixels: turned where the sizes show it, given back as they came."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps
from pycocotools import mask as rle

import dedup
from dedup.labels import masks
from dedup.labels.turn import Turn
from dedup.labels.turned import moved
from tests.pictures import photo

numbers = st.decimals(0, 300, places=4).map(float)


@given(st.integers(1, 8), numbers, numbers)
def test_what_is_turned_comes_back(orientation, x, y):
    turn = Turn(orientation, 320, 240)
    assert tuple(round(number, 10) for number in turn.stored(*turn.upright(x, y))) == (x, y)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_point_is_turned_as_pillow_turns_the_picture(orientation):
    picture = Image.new("L", (9, 6))
    picture.putpixel((2, 1), 255)
    picture.getexif()[0x0112] = orientation
    shown = ImageOps.exif_transpose(picture)
    turn = Turn(orientation, 9, 6)
    x, y = turn.upright(2.5, 1.5)
    assert shown.size == ((6, 9) if turn.swaps else (9, 6)) and shown.getpixel((int(x), int(y))) == 255


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_mask_is_turned_as_pillow_turns_the_picture_and_comes_back(orientation, packed):
    pixels = np.random.default_rng(orientation).random((6, 9)) > 0.6
    picture = Image.fromarray(np.uint8(255 * pixels))
    picture.getexif()[0x0112] = orientation
    shown = np.asarray(ImageOps.exif_transpose(picture)) > 0
    mask = masks.encode(pixels, 0, 0, (9, 6))
    mask |= {"counts": rle.encode(np.asfortranarray(pixels, np.uint8))["counts"].decode()} if packed else {}
    turn = Turn(orientation, 9, 6)
    upright = moved({"segmentation": mask}, turn.up)["segmentation"]
    assert upright["size"] == [*shown.shape] and isinstance(upright["counts"], str) == packed
    assert np.array_equal(masks.decode(upright), shown)
    assert moved({"segmentation": upright}, turn.back)["segmentation"] == mask


def test_a_damaged_mask_stays_as_it_is():
    mask = {"size": [6, 9], "counts": [7]}
    assert moved({"segmentation": mask}, Turn(6, 9, 6).up)["segmentation"] == mask


ANNOTATION = {
    "bbox": [20.5, 30, 100.25, 50],
    "segmentation": [[20.5, 30, 120.75, 30, 120.75, 80]],
    "keypoints": [30, 40, 2, 0, 0, 0],
    "num_keypoints": 1,
    "area": 5012.5,
    "iscrowd": 0,
}


@pytest.fixture
def annotated(tmp_path, home):
    """a.jpg is stored 320 x 240 and shown turned; b.jpg is its upright copy; boxes of a are in stored pixels."""
    root = tmp_path / "in"
    root.mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = photo(1, (320, 240))
    picture.save(root / "a.jpg", exif=exif, quality=95)
    picture.transpose(Image.Transpose.ROTATE_270).save(root / "b.jpg", quality=95)
    turned = {
        "bbox": [160, 20.5, 50, 100.25],
        "segmentation": [[210, 20.5, 210, 120.75, 160, 120.75]],
        "keypoints": [200, 30, 2, 0, 0, 0],
    }
    return root, ANNOTATION, ANNOTATION | turned


def scanned(root, first, second, size=(320, 240)):
    document = {
        "images": [
            {"id": 1, "file_name": "a.jpg", "width": size[0], "height": size[1]},
            {"id": 2, "file_name": "b.jpg", "width": 240, "height": 320},
        ],
        "annotations": [first | {"id": 1, "image_id": 1, "category_id": 1}]
        + ([second | {"id": 2, "image_id": 2, "category_id": 1}] if second else []),
        "categories": [{"id": 1, "name": "cat", "keypoints": ["nose", "tail"], "skeleton": []}],
    }
    (root / "labels.json").write_text(json.dumps(document))
    return dedup.scan(root, annotations=root / "labels.json"), document


def test_boxes_in_stored_pixels_do_not_clash_and_leave_as_they_came(annotated, tmp_path):
    root, first, second = annotated
    dataset, document = scanned(root, first, second)
    assert dataset.frame["kind"].tolist() == ["near", "near"] and dataset.clashes == []
    dataset.export("coco", tmp_path / "out.json")
    written = json.loads((tmp_path / "out.json").read_text())
    assert written["annotations"] == document["annotations"]
    assert [{k: image[k] for k in ("id", "file_name", "width", "height")} for image in written["images"]] == document[
        "images"
    ]


def test_boxes_are_carried_into_upright_pixels_and_into_stored_ones(annotated, tmp_path):
    root, first, second = annotated
    dataset, _ = scanned(root, first, None)
    (case,) = dataset.clashes
    dataset.decisions.decide([case.change("merge")], "Merge")
    dataset.export("coco", tmp_path / "out.json")
    boxes = {each["image_id"]: each["bbox"] for each in json.loads((tmp_path / "out.json").read_text())["annotations"]}
    assert boxes[1] == first["bbox"] and boxes[2] == pytest.approx(second["bbox"], abs=1)


def test_sizes_that_fit_neither_way_are_said_and_scale_nothing(annotated, tmp_path):
    root, first, second = annotated
    dataset, document = scanned(root, first, second, size=(640, 480))
    notes = [note for each in dataset.attachments.values() for note in each.notes]
    assert any("a.jpg (640 x 480, the file 240 x 320)" in note for note in notes)
    dataset.export("coco", tmp_path / "out.json")
    assert json.loads((tmp_path / "out.json").read_text())["annotations"] == document["annotations"]


def test_a_mask_given_to_the_copy_that_stays_lies_in_its_pixels(annotated, tmp_path):
    """Whichever of a turned file and its upright copy it was told of."""
    root, first, _ = annotated
    pixels = np.zeros((240, 320), np.bool_)
    pixels[30:80, 20:120] = True
    mask = masks.encode(pixels, 0, 0, (320, 240))
    picture = photo(1, (320, 240))
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(root / "a.png", exif=exif)
    picture.transpose(Image.Transpose.ROTATE_270).save(root / "b.png")
    for name in ("a.jpg", "b.jpg"):
        (root / name).unlink()
    document = {
        "images": [
            {"id": 1, "file_name": "a.png", "width": 320, "height": 240},
            {"id": 2, "file_name": "b.png", "width": 240, "height": 320},
        ],
        "annotations": [first | {"segmentation": mask, "id": 1, "image_id": 1, "category_id": 1}],
        "categories": [{"id": 1, "name": "cat"}],
    }
    (root / "labels.json").write_text(json.dumps(document))
    dataset = dedup.scan(root, annotations=root / "labels.json")
    (case,) = dataset.clashes
    dataset.decisions.decide([case.change("merge")], "Merge")
    dataset.export("coco", tmp_path / "out.json")
    found = {each["image_id"]: each for each in json.loads((tmp_path / "out.json").read_text())["annotations"]}
    assert found[1]["segmentation"] == mask
    assert found[2]["segmentation"]["size"] == [320, 240]
    assert np.array_equal(masks.decode(found[2]["segmentation"]), np.rot90(pixels, -1))


def stored_as(folder, **orientations):
    """Pictures 80 x 40 as stored, or square, by name and EXIF orientation."""
    folder.mkdir()
    for name, (orientation, size) in orientations.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        photo(len(name), size).save(folder / f"{name}.jpg", exif=exif)
    return folder


def boxes_of(dataset):
    documents = [coco for coco, _ in dataset.sources]
    return [entry["bbox"] for coco in documents for entry in coco.annotations]


@pytest.mark.parametrize("witness", ["stored", "shown", None])
def test_what_sizes_cannot_tell_is_as_with_the_others_of_its_document(tmp_path, home, witness):
    """A half turn, a mirrored picture and a square have the same size both ways."""
    root = stored_as(tmp_path / "in", a=(6, (80, 40)), half=(3, (80, 40)), mirrored=(2, (80, 40)), sq=(6, (50, 50)))
    size = (80, 40) if witness == "stored" else (40, 80)
    rows = [f"a.jpg,{size[0]},{size[1]},dog,1,2,11,7"] if witness else []
    rows += [f"{name},{w},{h},dog,1,2,11,7" for name, w, h in
             [("half.jpg", 80, 40), ("mirrored.jpg", 80, 40), ("sq.jpg", 50, 50)]]  # fmt: skip
    (root / "x.csv").write_text("filename,width,height,class,xmin,ymin,xmax,ymax\n" + "\n".join(rows) + "\n")
    dataset = dedup.scan(root, annotations=root / "x.csv")
    notes = " ".join(note for met in dataset.attachments.values() for note in met.notes)
    assert ("3 images that EXIF turns or mirrors, such as half.jpg" in notes) == (witness is None)
    if witness == "stored":
        assert boxes_of(dataset) == [[33, 1, 5, 10], [69, 33, 10, 5], [69, 2, 10, 5], [43, 1, 5, 10]]
    else:
        assert set(map(tuple, boxes_of(dataset))) == {(1, 2, 10, 5)}


@pytest.mark.parametrize("name", ["metadata.csv", "metadata.jsonl"])
def test_sizes_in_tables_tell_which_way_boxes_are(tmp_path, home, name):
    root = stored_as(tmp_path / "in", a=(6, (80, 40)))
    objects = {"bbox": [[1, 2, 10, 5]], "category": ["dog"]}
    row = {"file_name": "a.jpg", "width": 80, "height": 40, "objects": objects}
    quoted = json.dumps(objects).replace('"', '""')
    text = f'file_name,width,height,objects\na.jpg,80,40,"{quoted}"\n' if name.endswith("csv") else json.dumps(row)
    (root / name).write_text(text + "\n")
    assert boxes_of(dedup.scan(root, annotations=root / name)) == [[33, 1, 5, 10]]


def test_sides_of_boxes_in_a_table_are_no_sizes_of_images(tmp_path, home):
    root = stored_as(tmp_path / "in", a=(1, (80, 40)))
    (root / "x.csv").write_text("filename,class,xmin,ymin,xmax,ymax,width,height\na.jpg,dog,1,2,11,7,10,5\n")
    dataset = dedup.scan(root, annotations=root / "x.csv")
    assert boxes_of(dataset) == [[1, 2, 10, 5]]
    assert not any("other sizes" in note for met in dataset.attachments.values() for note in met.notes)


def test_pascal_voc_leaves_in_the_pixels_it_came_in(tmp_path, home):
    root = stored_as(tmp_path / "in", a=(6, (80, 40)))
    (root / "a.xml").write_text(
        "<annotation><filename>a.jpg</filename><size><width>80</width><height>40</height><depth>3</depth></size>"
        "<object><name>dog</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>11</xmax><ymax>7</ymax></bndbox></object>"
        "</annotation>"
    )
    dataset = dedup.scan(root, annotations=root)
    assert boxes_of(dataset) == [[33, 1, 5, 10]]
    dataset.export("folder", tmp_path / "out", labels="voc")
    (text,) = [file.read_text() for file in (tmp_path / "out").rglob("*.xml")]
    assert "<width>80</width>" in text and "<xmax>11</xmax>" in text and "<ymax>7</ymax>" in text
