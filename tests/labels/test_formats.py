"""Labels in every format: what is read of each, where it is found, which of several is taken, and what is told of bad
files."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from pycocotools import mask as rle

import dedup
from benchmarks import fuzz
from dedup.checks import gate
from dedup.errors import AnnotationError
from dedup.labels import formats
from dedup.labels.coco import Coco
from dedup.labels.formats.columns import CLASS_COLUMNS
from tests.building import picture
from tests.pictures import photo, save

SIZE = (200, 100)
BOX = [40.0, 20.0, 80.0, 50.0]


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def pictures(folder: Path, *paths: str, size: tuple[int, int] = SIZE) -> formats.Pictures:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size).save(folder / path)
    return formats.Pictures(folder, paths, dict.fromkeys(paths, (*size, 1)))


def told(coco: Coco, known: formats.Pictures) -> dict[str, list[tuple[str, list[float]]]]:
    """Every image's classes with their boxes, rounded."""
    met = coco.attach(known.paths, root=known.root)
    path_of = {id_: path for path, ids in met.image_ids.items() for id_ in ids}
    found: dict[str, list[tuple[str, list[float]]]] = {path: [] for path in met.image_ids}
    for entry in coco.annotations:
        name = coco.category_names[entry["category_id"]]
        found[path_of[entry["image_id"]]].append((name, [round(number, 2) for number in entry.get("bbox", [])]))
    return found


def problems(coco: Coco) -> list[str]:
    return [each.sentence() for each in coco.unsound]


VOC_FILE = """<annotation><filename>a.png</filename><size><width>200</width><height>100</height><depth>3</depth></size>
<object><name>dog</name><difficult>1</difficult><bndbox><xmin>40</xmin><ymin>20</ymin><xmax>120</xmax><ymax>70</ymax>
</bndbox></object></annotation>"""
CVAT_FILE = """<?xml version="1.0"?><annotations><meta><labels><label><name>cat</name></label></labels></meta>
<image id="0" name="a.png" width="200" height="100"><box label="dog" occluded="1" xtl="40" ytl="20" xbr="120" ybr="70">
<attribute name="age">3</attribute></box></image></annotations>"""
HEADER = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax"
LABELME_FILE = {
    "imagePath": "a.png", "imageWidth": 200, "imageHeight": 100, "imageData": None,
    "shapes": [{"label": "dog", "shape_type": "rectangle", "points": [[120, 70], [40, 20]], "group_id": 7}],
}  # fmt: skip
ROW = '{"file_name": "a.png", "objects": {"bbox": [[40, 20, 80, 50]], "category": ["dog"]}}\n'
SOURCES = {
    "yolo": ("data.yaml", {"data.yaml": "names: [cat, dog]\n", "labels/a.txt": "1 0.4 0.45 0.4 0.5\n"}, "images/a.png"),
    "voc": ("Annotations", {"Annotations/a.xml": VOC_FILE}, "JPEGImages/a.png"),
    "cvat": ("annotations.xml", {"annotations.xml": CVAT_FILE}, "a.png"),
    "labelme": ("", {"a.json": json.dumps(LABELME_FILE)}, "a.png"),
    "openimages": (
        "boxes.csv",
        {
            "boxes.csv": f'{HEADER}\na,x,/m/1,1,"0,2","0,6","0,2","0,7"\n',
            "class-descriptions-boxable.csv": "/m/1,dog\n",
        },
        "a.png",
    ),
    "imagefolder": ("metadata.jsonl", {"metadata.jsonl": ROW}, "a.png"),
    "samples": ("samples.jsonl", {"samples.jsonl": ROW}, "a.png"),
    "csv": ("x.csv", {"x.csv": "filename,class,xmin,ymin,xmax,ymax\na.png,dog,40,20,120,70\n"}, "a.png"),
    "retinanet": ("x.csv", {"x.csv": "a.png,40,20,120,70,dog\n"}, "a.png"),
    "coco": (
        "coco.json",
        {
            "coco.json": json.dumps(
                {
                    "images": [{"id": 1, "file_name": "a.png"}],
                    "annotations": [{"id": 1, "image_id": 1, "category_id": 2, "bbox": BOX}],
                    "categories": [{"id": 2, "name": "dog"}],
                }
            )
        },
        "a.png",
    ),
}


@pytest.mark.parametrize("name", SOURCES)
def test_every_format_tells_the_same_box_and_is_found(tmp_path, name):
    source, files, image = SOURCES[name]
    known = pictures(write(tmp_path, files), image)
    (found,) = formats.find(tmp_path)
    assert (found.format.name, found.path, len(found.images)) == (name, tmp_path / source, 1)
    assert told(formats.read(found.path, known), known) == {image: [("dog", BOX)]}
    assert set(map(Path, files)) >= {path.relative_to(tmp_path) for path in formats.files_of(found.path)} - {
        Path("classes.txt")
    }


def test_every_format_is_tried():
    """That of columns has no boxes: `test_columns`."""
    assert SOURCES.keys() == {form.name for form in formats.FORMATS} - {CLASS_COLUMNS.name}


def test_nine_formats_of_one_set_agree(shared_data):
    """273 boxes, told by COCO twice, YOLO, VOC twice, CVAT, OpenImages and (of five images) LabelMe."""
    root = shared_data / "C-voc-multiformat" / "data" / "database"
    paths = [f"images/{file.name}" for file in sorted((root / "images").iterdir())]
    known = formats.Pictures(root, paths, {path: (*Image.open(root / path).size, 1) for path in paths})
    found = formats.find(root)
    assert [each.format.name for each in found] == ["coco"] * 2 + [
        "yolo",
        "voc",
        "voc",
        "cvat",
        "labelme",
        "openimages",
    ]
    assert [each.path.name for each in formats.chosen(found)] == ["instances_default.json"]
    every = [told(formats.read(each.path, known), known) for each in found]
    assert sum(map(len, every[0].values())) == 273
    for each, said in zip(found, every, strict=True):
        assert len(said) == (5 if each.format.name == "labelme" else 100)
        for path, boxes in said.items():
            there = sorted(every[0][path])
            assert [name for name, _ in there] == [name for name, _ in sorted(boxes)]
            for (_, one), (_, other) in zip(there, sorted(boxes), strict=True):
                assert max(abs(a - b) for a, b in zip(one, other, strict=True)) <= 2


@pytest.mark.parametrize(
    ("texts", "images"),
    [
        (["labels/train/a.txt", "labels/val/a.txt"], ["images/train/a.png", "images/val/a.png"]),
        (["train/labels/a.txt", "valid/labels/a.txt"], ["train/images/a.png", "valid/images/a.png"]),
        (["obj_train_data/a.txt", "obj_train_data/b.txt"], ["obj_train_data/a.png", "obj_train_data/b.png"]),
        (
            ["set/labels/train/x/a.txt", "set/labels/val/x/a.txt"],
            ["set/images/train/x/a.png", "set/images/val/x/a.png"],
        ),
    ],
)
@pytest.mark.parametrize("named", [True, False])
def test_layouts_of_yolo(tmp_path, texts, images, named):
    write(tmp_path, {texts[0]: "0 0.4 0.45 0.4 0.5\n", texts[1]: "1 0.4 0.45 0.4 0.5\n"})
    write(tmp_path, {"data.yaml": "names:\n  0: cat\n  1: dog\n"} if named else {"classes.txt": "cat\ndog\n"})
    known = pictures(tmp_path, *images, images[0].replace("a.png", "empty.png"))
    (found,) = formats.find(tmp_path)
    said = told(formats.read(found.path, known), known)
    assert said == {images[0]: [("cat", BOX)], images[1]: [("dog", BOX)], known.paths[2]: []}


def test_the_folder_of_images_alone_finds_the_labels_beside_it(tmp_path):
    write(tmp_path, {"labels/train/a.txt": "0 0.4 0.45 0.4 0.5\n", "labels/classes.txt": "cat\n"})
    pictures(tmp_path, "images/train/a.png")
    (found,) = formats.find(tmp_path / "images" / "train")
    known = formats.Pictures(tmp_path / "images" / "train", ["a.png"], {"a.png": (*SIZE, 1)})
    assert told(formats.read(found.path, known), known) == {"a.png": [("cat", BOX)]}


def test_a_yaml_may_tell_of_folders_elsewhere(tmp_path):
    write(tmp_path, {"sets/images/train/labels.md": "", "sets/labels/train/a.txt": "0 0.4 0.45 0.4 0.5\n"})
    write(tmp_path, {"yaml/data.yaml": "path: ../sets\ntrain: images/train\nnames: {0: cat}\n"})
    known = pictures(tmp_path, "sets/images/train/a.png")
    assert told(formats.read(tmp_path / "yaml/data.yaml", known), known) == {known.paths[0]: [("cat", BOX)]}


def test_polygons_turned_boxes_keypoints_and_scores_of_yolo(tmp_path):
    write(tmp_path / "s", {"labels/a.txt": "0 0 0 0.5 0 0.5 1\n", "data.yaml": "names: [x]\n"})
    write(tmp_path / "o", {"labels/a.txt": "0 0.1 0.2 0.3 0.2 0.3 0.6 0.1 0.6\n", "data.yaml": "names: [x]\n"})
    pose = "names: [x]\nkpt_shape: [2, 3]\nkpt_names:\n  0: [nose, tail]\n"
    write(tmp_path / "p", {"labels/a.txt": "0 0.4 0.45 0.4 0.5 0.5 0.5 2 0 0 0\n", "data.yaml": pose})
    write(tmp_path / "d", {"labels/a.txt": "0 0.4 0.45 0.4 0.5 0.87\n", "data.yaml": "names: [x]\n"})

    def only(name: str) -> tuple[Coco, dict[str, object]]:
        coco = formats.read(tmp_path / name / "data.yaml", pictures(tmp_path / name, "images/a.png"))
        (entry,) = coco.annotations
        return coco, entry

    _, outline = only("s")
    assert outline["segmentation"] == [[0, 0, 100, 0, 100, 100]] and outline["area"] == 5000
    assert outline["bbox"] == [0, 0, 100, 100] and "dedup" not in outline
    _, turned = only("o")
    assert turned["bbox"] == [20, 20, 40, 40] and turned["dedup"] == {"turned": True}
    posed, person = only("p")
    assert person["keypoints"] == [100, 50, 2, 0, 0, 0] and person["num_keypoints"] == 1 and person["bbox"] == BOX
    assert posed.document["categories"][0]["keypoints"] == ["nose", "tail"]
    assert only("d")[1]["score"] == 0.87
    write(tmp_path / "u", {"labels/a.txt": "0 0.4 0.45 0.4 0.5 0.5 0.5 2 0 0 0\n", "data.yaml": "names: [x]\n"})
    untold, person = only("u")  # by a data.yaml of no kpt_shape
    assert person["keypoints"] == [100, 50, 2, 0, 0, 0] and "segmentation" not in person
    assert [each.problem for each in untold.unsound] == [
        "no kpt_shape says that rows hold 2 keypoints each, as these do"
    ]
    for row in (
        "0 0 0 1 0 1 1 0 1 0 0\n",
        "0 0.4 0.45 0.4 0.5 0.9 0.5 1 0 0 0\n",
        "0 0.4 0.4 0.6 0.4 0.6 0.6 0.4 0.6 1 1\n",
    ):
        write(tmp_path / "v", {"labels/a.txt": row, "data.yaml": "names: [x]\n"})
        assert "segmentation" in only("v")[1]
    write(tmp_path / "q", {"labels/a.txt": "0 0.4 0.45 0.4 0.5 0.5 0.5 0.97 0.2 0.2 0.1 0.87\n", "data.yaml": pose})
    predicted = only("q")[1]
    assert predicted["keypoints"] == [100, 50, 2, 40, 20, 0] and predicted["score"] == 0.87


def test_bad_rows_of_yolo_cost_themselves_and_are_told_with_file_and_line(tmp_path):
    rows = """0 0.4 0.45 0.4 0.5

0 0.4 0.45
cat 1 2 3 4
0 nan 0 0 0
-1 0.4 0.45 0.4 0.5
0 40 20 80 50
7 0.4 0.45 0.4 0.5
0 0.1 0.2 0.3 0.4 0.5 0.6 0.7"""
    texts = {"labels/a.txt": rows, "labels/gone.txt": "0 0.1 0.1 0.1 0.1", "data.yaml": "names: [x]"}
    write(tmp_path, texts)
    (tmp_path / "labels/b.txt").write_bytes(b"\xff\xfa\xfb")
    known = pictures(tmp_path, "images/a.png", "images/b.png")
    coco = formats.read(tmp_path / "data.yaml", known)
    assert told(coco, known) == {"images/a.png": [("x", BOX), ("class 7", BOX)], "images/b.png": []}
    assert problems(coco) == [
        "labels/a.txt, line 3: it has 3 numbers, a box has 5",
        "labels/a.txt, line 4: it is no row of numbers",
        "labels/a.txt, line 5: a number in it is not finite",
        "labels/b.txt: it is no UTF-8 text",
        "labels/a.txt, line 6: its class -1 is no whole number from 0",
        "labels/a.txt, line 7: a coordinate is not between 0 and 1",
        "labels/a.txt, line 8: its class 7 has no name",
        "labels/a.txt, line 9: it has 8 numbers: neither a box nor a polygon",
    ]
    met = coco.attach(known.paths)
    assert met.missing == ("labels/gone.txt",) and met.unread == 7


def test_upright_sizes_count_for_fractions(tmp_path, home):
    """A picture that EXIF turns: ultralytics reads it upright, and so do its fractions."""
    (tmp_path / "in/images").mkdir(parents=True)
    Image.effect_noise((120, 80), 50).convert("RGB").save(tmp_path / "in/images/a.jpg", exif=exif(6))
    write(tmp_path / "in", {"labels/a.txt": "0 0.5 0.5 0.5 0.5\n", "data.yaml": "names: [x]"})
    dataset = dedup.scan(tmp_path / "in", use_found=True, workers=1)
    ((coco, _),) = dataset.sources
    assert coco.annotations[0]["bbox"] == [20, 30, 40, 60] and not coco.turns


def exif(orientation: int) -> Image.Exif:
    found = Image.Exif()
    found[0x0112] = orientation
    return found


def test_attributes_flags_and_labels_of_whole_images(tmp_path):
    known = pictures(write(tmp_path / "v", {"Annotations/a.xml": VOC_FILE}), "JPEGImages/a.png")
    assert formats.read(tmp_path / "v/Annotations", known).annotations[0]["attributes"] == {"difficult": 1}
    known = pictures(write(tmp_path / "c", {"x.xml": CVAT_FILE}), "a.png")
    assert formats.read(tmp_path / "c/x.xml", known).annotations[0]["attributes"] == {"age": "3", "occluded": True}
    flagged = LABELME_FILE | {"shapes": [], "flags": {"blurred": True, "dark": False}}
    known = pictures(write(tmp_path / "l", {"a.json": json.dumps(flagged)}), "a.png")
    assert told(formats.read(tmp_path / "l", known), known) == {"a.png": [("blurred", [])]}
    known = pictures(write(tmp_path / "h", {"metadata.csv": "file_name,label\na.png,cat\n"}), "a.png")
    assert told(formats.read(tmp_path / "h/metadata.csv", known), known) == {"a.png": [("cat", [])]}
    pd.DataFrame({"file_name": ["a.png"], "label": [3]}).to_parquet(tmp_path / "h" / "metadata.parquet")
    assert told(formats.read(tmp_path / "h/metadata.parquet", known), known) == {"a.png": [("3", [])]}
    known = pictures(write(tmp_path / "t", {"x.csv": "image;label\na.png;cat\nb.png;\n"}), "a.png", "b.png")
    assert told(formats.read(tmp_path / "t/x.csv", known), known) == {"a.png": [("cat", [])], "b.png": []}


def test_all_that_is_said_of_an_object_is_kept(tmp_path):
    said = """<truncated>0</truncated><colour>red</colour><attributes><attribute><name>age</name><value>3</value>
    </attribute></attributes>"""
    text = VOC_FILE.replace("<difficult>1</difficult>", said)
    known = pictures(write(tmp_path / "v", {"Annotations/a.xml": text}), "JPEGImages/a.png")
    (entry,) = formats.read(tmp_path / "v/Annotations", known).annotations
    assert entry["attributes"] == {"truncated": 0, "colour": "red", "age": 3} and entry["bbox"] == BOX
    shape = {"flags": {"ripe": True, "cut": False}, "attributes": {"age": "3"}, "difficult": True, "group_id": 0}
    labelled = LABELME_FILE | {"shapes": [LABELME_FILE["shapes"][0] | shape]}
    known = pictures(write(tmp_path / "l", {"a.json": json.dumps(labelled)}), "a.png")
    (entry,) = formats.read(tmp_path / "l", known).annotations
    assert entry["attributes"] == {"ripe": True, "age": "3", "difficult": True, "group_id": 0}


def test_turned_boxes_and_polygons_alone_of_voc_are_no_labels_of_whole_images(tmp_path):
    turned = "<robndbox><cx>80</cx><cy>45</cy><w>50</w><h>80</h><angle>1.5707963</angle></robndbox>"
    drawn = "<polygon><x1>40</x1><y1>20</y1><x2>120</x2><y2>20</y2><x3>120</x3><y3>70</y3></polygon>"
    start, end = VOC_FILE.index("<bndbox>"), VOC_FILE.index("</bndbox>") + len("</bndbox>")
    known = pictures(tmp_path, *(f"JPEGImages/{name}.png" for name in "abc"))
    for name, place in (("a", turned), ("b", drawn), ("c", turned.replace("<h>80</h>", ""))):
        text = VOC_FILE[:start] + place + VOC_FILE[end:].replace("a.png", f"{name}.png")
        write(tmp_path, {f"Annotations/{name}.xml": text})
    coco = formats.read(tmp_path / "Annotations", known)
    first, second = coco.annotations
    assert first["bbox"] == BOX and first["dedup"] == {"turned": True}
    assert second["bbox"] == BOX and second["area"] == 2000
    assert problems(coco)[0].endswith("c.xml: the box of object 1 has no five finite numbers")


BAD = {
    "voc": {
        "Annotations/a.xml": VOC_FILE,
        "Annotations/b.xml": "<annotation><object>",
        "Annotations/c.xml": "<other/>",
    },
    "labelme": {"a.json": json.dumps(LABELME_FILE), "b.json": '{"shapes": [', "c.json": '{"imagePath": "c.png"}'},
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_among_many_costs_itself(tmp_path, name):
    source, _, image = SOURCES[name]
    known = pictures(write(tmp_path, BAD[name]), image)
    coco = formats.read(tmp_path / source, known)
    assert told(coco, known)[image] == [("dog", BOX)]
    assert len(coco.unsound) == 2 and all(f"/{each.key}".endswith((".xml", ".json")) for each in coco.unsound)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("data.yaml", "names: [a", "no labels in a format that is read"),
        ("data.yaml", "a: &a [x]\nnames: [*a]\n", "no labels in a format that is read"),
        ("x.xml", "<annotations><image", "it is no XML (line 1, column"),
        ("x.xml", '<!DOCTYPE a [<!ENTITY b "c">]><annotations></annotations>', "it declares entities"),
        ("x.json", '{"shapes": [', "holds no labels that can be read|is not a COCO file"),
        ("metadata.parquet", "no", "it is no Parquet file"),
        ("x.csv", "a,b\n1,2\n", "no labels in a format that is read"),
        ("x.txt", "hello", "no labels in a format that is read"),
    ],
)
def test_what_is_no_file_of_labels_is_a_sentence(tmp_path, name, text, says):
    write(tmp_path, {name: text})
    with pytest.raises(AnnotationError) as error:
        coco = formats.read(tmp_path / name, formats.Pictures(tmp_path, [], {}))
        raise AnnotationError("; ".join(problems(coco)) + " holds no labels that can be read")
    assert any(each in str(error.value) for each in says.split("|"))


def test_of_several_formats_of_one_set_one_is_taken_and_of_splits_all(tmp_path):
    pictures(tmp_path, "images/train/a.png", "images/val/a.png")
    coco = {"images": [{"id": 1, "file_name": "a.png"}], "annotations": [], "categories": []}
    write(tmp_path, {"instances_train.json": json.dumps(coco), "instances_val.json": json.dumps(coco)})
    write(tmp_path, {"captions_train.json": json.dumps(coco), "labels/train/a.txt": "0 0.4 0.4 0.2 0.2"})
    found = formats.find(tmp_path)
    assert len(found) == 4
    assert [each.path.name for each in formats.chosen(found)] == ["instances_train.json", "instances_val.json"]
    write(tmp_path, {f"more/labels/train/{number}.txt": "0 0.4 0.4 0.2 0.2" for number in "abcdefghij"})
    pictures(tmp_path, *(f"more/images/train/{number}.png" for number in "abcdefghij"))
    assert [each.path for each in formats.chosen(formats.find(tmp_path))] == [
        tmp_path / "instances_val.json", tmp_path,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("whole", "boxed"),
    [
        ("ImageID,LabelName,Confidence\na,/m/1,1\n", "ImageID,LabelName,XMin,XMax,YMin,YMax\na,/m/1,0.1,0.5,0.2,0.6\n"),
        ("filename,label\na.jpg,cat\n", "filename,label,xmin,ymin,xmax,ymax\na.jpg,cat,1,2,30,40\n"),
    ],
)
def test_of_tables_of_the_same_images_the_one_with_boxes_is_taken(tmp_path, whole, boxed):
    """As FiftyOne lays OpenImages out, and as its seventh version is called: labels of images come first by name."""
    pictures(tmp_path, "data/a.jpg")
    write(tmp_path / "labels", {"classifications.csv": whole, "detections.csv": boxed})
    found = formats.find(tmp_path)
    assert len(found) == 2
    assert [each.path.name for each in formats.chosen(found)] == ["detections.csv"]


def test_a_clash_in_a_yolo_folder_does_not_pass_the_gate(tmp_path, home):
    save(photo(1), tmp_path / "in/images/train/a.png")
    save(photo(1), tmp_path / "in/images/val/b.png")
    save(photo(2), tmp_path / "in/images/val/c.png")
    rows = {
        "labels/train/a.txt": "0 0.5 0.5 0.4 0.4",
        "labels/val/b.txt": "1 0.5 0.5 0.4 0.4",
        "data.yaml": "names: [a, b]",
    }
    write(tmp_path / "in", rows)
    dataset = dedup.scan(tmp_path / "in", use_found=True, workers=1)
    assert dataset.info.annotations == (str(tmp_path / "in/data.yaml"),)
    assert dataset.frame["classes"].tolist() == [("a",), ("b",), ()]
    report = gate.check(dataset, gate.Limits(exact=None, clashes=0))
    assert not report.passed and report.findings[0].count == 1
    write(tmp_path / "in", {"labels/val/c.txt": "what is this"})
    assert [each.name for each in gate.check(dedup.open("in"), gate.Limits(exact=None)).findings][-1] == "unread labels"


def test_labels_once_said_are_not_looked_for_again(tmp_path, home):
    picture(tmp_path / "in/images/a.png", 1)
    write(tmp_path / "in", {"labels/a.txt": "0 0.5 0.5 0.4 0.4"})
    assert dedup.scan(tmp_path / "in", workers=1).info.annotations == ()
    assert dedup.scan(tmp_path / "in", use_found=True, workers=1).info.annotations == (str(tmp_path / "in/labels"),)
    assert dedup.scan(tmp_path / "in", annotations=[], workers=1).info.annotations == ()
    assert dedup.scan(tmp_path / "in", use_found=True, workers=1).info.annotations == ()


def test_labels_are_looked_for_again_where_another_file_took_the_place_of_one(tmp_path, home):
    """As many files of a kind as before, and one of them another; also where the app scanned meanwhile."""
    for place, image in enumerate(("a.png", "b.png")):
        picture(tmp_path / "in" / image, place)
    row = "ImageID,LabelName\n{},cat\n"
    write(tmp_path / "in", {"one.csv": row.format("a"), "notes.csv": "who,when\nann,today\n"})
    scan = partial(dedup.scan, tmp_path / "in", use_found=True, workers=1)
    assert scan().frame["classes"].tolist() == [("cat",), ()]
    (tmp_path / "in/notes.csv").unlink()
    write(tmp_path / "in", {"two.csv": row.format("b")})
    dedup.catalogue.rescan(dedup.open("in"), workers=1)
    assert scan().frame["classes"].tolist() == [("cat",), ("cat",)]
    write(tmp_path / "in", {"two.csv": 'ImageID,LabelName\nb,"cat\n'})
    assert scan().annotation_errors


def test_labels_are_never_of_an_image_in_another_folder(tmp_path, home):
    """Videos repeat their names: the label of an image that is gone is nobody's, the first folder's are not all."""
    write(tmp_path / "gone", {"seq1/labels/1.txt": "0 0.4 0.4 0.2 0.2", "data.yaml": "names: [x]"})
    known = pictures(tmp_path / "gone", "seq2/images/1.png")
    coco = formats.read(tmp_path / "gone/data.yaml", known)
    assert told(coco, known) == {} and coco.attach(known.paths).missing == ("seq1/labels/1.txt",)
    rows = {f"{video}/labels/{number}.txt": "0 0.4 0.4 0.2 0.2" for video in ("seq1", "seq2") for number in "123"}
    known = pictures(write(tmp_path / "all", rows), *(path.replace("labels", "images")[:-3] + "png" for path in rows))
    (found,) = formats.find(tmp_path / "all")
    assert found.path == tmp_path / "all" and len(found.images) == 6
    said = told(formats.read(found.path, known), known)
    assert len(said) == 6 and all(each == [("class 0", [60, 30, 40, 20])] for each in said.values())


@pytest.mark.parametrize(
    ("home", "name", "ours", "theirs"),
    [
        ("labels", "a.txt", "0 0.4 0.45 0.4 0.5", "1 0.2 0.2 0.1 0.1"),
        ("Annotations", "a.xml", VOC_FILE, VOC_FILE.replace("dog", "cat")),
    ],
)
def test_a_backup_of_labels_adds_nothing_to_those_in_their_place(tmp_path, home, name, ours, theirs):
    write(tmp_path, {f"{home}/{name}": ours, f"{home}/backup/{name}": theirs, "classes.txt": "dog\ncat\n"})
    known = pictures(tmp_path, "images/a.png")
    coco = formats.read(tmp_path / home, known)
    assert told(coco, known) == {"images/a.png": [("dog", BOX)]}
    assert problems(coco) == [f"backup/{name}: its image has labels in {name} already"]


def test_flat_labels_of_images_in_folders_are_told_by_their_names(tmp_path):
    known = pictures(write(tmp_path, {"Annotations/a.xml": VOC_FILE}), "JPEGImages/train/a.png", "JPEGImages/val/b.png")
    assert told(formats.read(tmp_path / "Annotations", known), known) == {"JPEGImages/train/a.png": [("dog", BOX)]}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("depth.txt", b"nan 0 0 0 0"), ("pose.txt", b"inf 1 1 1 1"), ("cr.csv", b"a,b\r1,2\r"),
        ("data.yaml", b"names: [x]\nkpt_names: {person: [nose]}"), ("x.yaml", b"names: !!bool foo"),
        ("metadata.parquet", b"no"), ("deep.json", b'{"images": "file_name", "x": ' + b"[" * 200_000),
        ("x.CSV", b"filename,label\n"), ("latin.csv", "filename,label\n\xe9.png,caf\xe9\n".encode("latin-1")),
    ],
)  # fmt: skip
def test_a_bad_file_beside_the_images_stops_no_search(tmp_path, name, content):
    write(tmp_path, {"labels/a.txt": "0 0.4 0.45 0.4 0.5"})
    pictures(tmp_path, "images/a.png")
    (tmp_path / name).write_bytes(content)
    assert "yolo" in [each.format.name for each in formats.find(tmp_path)]


def test_predictions_of_a_trainer_and_labels_of_other_splits_are_left_alone(tmp_path):
    box = "0.4 0.45 0.4 0.5"
    write(tmp_path, {"labels/train/a.txt": f"0 {box}", "labels/val/b.txt": f"0 {box}"})
    write(tmp_path, {"runs/detect/predict/labels/a.txt": f"1 {box}"})
    write(tmp_path, {"data.yaml": "names: [cat, dog]"})
    known = pictures(tmp_path, "images/train/a.png", "images/val/b.png")
    assert told(formats.read(tmp_path / "data.yaml", known), known)["images/train/a.png"] == [("cat", BOX)]
    part = formats.Pictures(tmp_path / "images/train", ["a.png"], {"a.png": (*SIZE, 1)})
    (found,) = formats.find(tmp_path / "images/train")
    coco = formats.read(found.path, part)
    assert told(coco, part) == {"a.png": [("cat", BOX)]} and problems(coco) == []  # and the yaml above names it


@pytest.mark.parametrize("columns", ["left,top,width,height", "xmin,ymin,width,height", "x,y,w,h"])
def test_corners_with_sides_are_boxes_and_half_boxes_are_told(tmp_path, columns):
    known = pictures(write(tmp_path, {"x.csv": f"filename,{columns},label\na.png,40,20,80,50,dog\n"}), "a.png")
    assert told(formats.read(tmp_path / "x.csv", known), known) == {"a.png": [("dog", BOX)]}
    write(tmp_path, {"y.csv": "filename,xmin,ymax,label\na.png,40,20,dog\n"})
    assert "no whole box: xmin, ymax" in problems(formats.read(tmp_path / "y.csv", known))[0]


def test_odd_values_of_metadata_cost_themselves(tmp_path):
    lines = [
        {"file_name": "a.png", "label": 1.0},
        {"file_name": "b.png", "objects": {"bbox": 5, "category": [1]}},
        {"file_name": "c.png", "objects": {"bbox": [[1, 2, 3, 1e300]], "category": [True]}},
    ]
    write(tmp_path, {"metadata.jsonl": "\n".join(map(json.dumps, lines))})
    known = pictures(tmp_path, "a.png", "b.png", "c.png")
    coco = formats.read(tmp_path / "metadata.jsonl", known)
    assert told(coco, known) == {"a.png": [("1", [])], "b.png": [], "c.png": []} and len(coco.unsound) == 2


def test_class_numbers_far_apart_cost_nothing(tmp_path):
    write(tmp_path, {"labels/a.txt": "3000000 0.4 0.45 0.4 0.5", "data.yaml": "names: {0: a, 3000000: b}"})
    known = pictures(tmp_path, "images/a.png")
    coco = formats.read(tmp_path / "data.yaml", known)
    assert told(coco, known) == {"images/a.png": [("b", BOX)]} and len(coco.document["categories"]) == 2


def test_names_of_codes_that_change_are_read_again(tmp_path, home):
    _, files, image = SOURCES["openimages"]
    pictures(write(tmp_path / "in", files), image)
    dataset = dedup.scan(tmp_path / "in", use_found=True, workers=1)
    assert dataset.frame["classes"][0] == ("dog",)
    write(tmp_path / "in", {"class-descriptions-boxable.csv": "/m/1,hound\n"})
    assert dedup.open("in").frame["classes"][0] == ("hound",)


def test_a_renamed_file_is_of_the_image_that_it_names(tmp_path):
    known = pictures(write(tmp_path, {"Annotations/0001.xml": VOC_FILE}), "JPEGImages/a.png", "JPEGImages/b.png")
    assert told(formats.read(tmp_path / "Annotations", known), known) == {"JPEGImages/a.png": [("dog", BOX)]}


def test_labels_of_other_images_that_lie_near_are_not_taken(tmp_path):
    """`cases/labels` beside `cases/images/mine` is not of `mine`; a list right in `annotations` may be."""
    coco = {"images": [{"id": 1, "file_name": "a.png"}], "annotations": [], "categories": []}
    write(tmp_path, {"cases/labels/other/coco.json": json.dumps(coco), "labels/x/coco.json": json.dumps(coco)})
    write(tmp_path, {"cases/annotations/deep/coco.json": json.dumps(coco), "annotations/coco.json": json.dumps(coco)})
    pictures(tmp_path, "cases/images/mine/a.png", "holiday/a.png", "set/images/train/a.png")
    assert formats.find(tmp_path / "cases/images/mine") == [] == formats.find(tmp_path / "holiday")
    write(tmp_path, {"set/annotations/instances_train.json": json.dumps(coco)})
    assert [each.path.name for each in formats.find(tmp_path / "set/images/train")] == ["instances_train.json"]
    assert [each.path.name for each in formats.find(tmp_path / "set/images")] == ["instances_train.json"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels.csv", "filename,class,Split\na.png,cat,Train\na.png,dog,train\nb.png,cat,VAL\nc.png,cat,fold 3\n"),
        ("labels.csv", "image_id;label;subset\na;cat;training\nb;cat;validation\nc;cat;\ngone;cat;test\n"),
        ("labels.csv", "image_id|label|subset\na|cat|training\nb|cat|validation\nc|cat|\ngone|cat|test\n"),
        ("openimages.csv", "ImageID,LabelName,Confidence,Subset\na,/m/1,1,train\nb,/m/1,1,validation\n"),
        ("images/metadata.csv", "file_name,label,split\na.png,cat,train\nb.png,cat,val\n"),
        ("images/metadata.jsonl", '{"file_name": "a.png", "set": "train"}\n{"file_name": "b.png", "set": "valid"}\n'),
        (
            "annotations.xml",
            (
                '<annotations><image name="a.png" subset="Train"/><image name="b.png" subset="Validation"/>'
                '<image name="c.png"/></annotations>'
            ),
        ),
    ],
)
def test_columns_and_subsets_tell_splits(name, text, tmp_path):
    known = pictures(tmp_path, "images/a.png", "images/b.png", "images/c.png")
    write(tmp_path, {name: text})
    told = formats.splits_of(tmp_path / name, known)
    assert sorted(told) == [("train", "images/a.png"), ("val", "images/b.png")]


@pytest.mark.parametrize(
    ("text", "box"),
    [
        ("filename,label,x_center,y_center,width,height\na.png,cat,80,45,80,50\n", [40, 20, 80, 50]),
        ("filename\tlabel\tcx\tcy\tw\th\na.png\tcat\t80\t45\t80\t50\n", [40, 20, 80, 50]),
        ('image_id,width,height,label,bbox\na,200,100,cat,"[40.0, 20, 80, 50]"\n', [40, 20, 80, 50]),
        ("fname,bbox_x1,bbox_y1,bbox_x2,bbox_y2,class\na.png,40,20,120,70,cat\n", [40, 20, 80, 50]),
    ],
)
def test_boxes_of_tables_in_other_words(text, box, tmp_path):
    known = pictures(tmp_path, "a.png")
    write(tmp_path, {"labels.tsv": text})
    (found,) = formats.find(tmp_path)
    coco = formats.read(found.path, known)
    assert told(coco, known) == {"a.png": [("cat", box)]} and problems(coco) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('filename,label,bbox\na.png,cat,"[40, 20, 190, 10]"\n', "reaches out of its image"),
        ('filename,label,bbox\na.png,cat,"[40, 20, 190]"\n', "is no four finite numbers"),
        ("filename,label,segmentation\na.png,cat,1 2 3 4\n", "its column segmentation is not read"),
        ('filename,label\na.png,"[{""x"": 1}]"\n', "its label is JSON"),
    ],
)
def test_what_is_no_box_that_is_read_is_told(text, problem, tmp_path):
    known = pictures(tmp_path, "a.png")
    write(tmp_path, {"labels.csv": text})
    (words,) = problems(formats.read(tmp_path / "labels.csv", known))
    assert problem in words


def test_each_folder_of_yolo_goes_by_its_own_list_of_classes(tmp_path):
    write(tmp_path, {"train/a.txt": "0 0.4 0.45 0.4 0.5", "train/classes.txt": "cat\ndog\n"})
    write(tmp_path, {"val/b.txt": "0 0.4 0.45 0.4 0.5", "val/classes.txt": "dog\ncat\n"})
    known = pictures(tmp_path, "train/a.png", "val/b.png")
    (found,) = formats.find(tmp_path)
    coco = formats.read(found.path, known)
    assert told(coco, known) == {"train/a.png": [("cat", BOX)], "val/b.png": [("dog", BOX)]}
    assert {file.name for file in formats.files_of(found.path)} == {"a.txt", "b.txt", "classes.txt"}
    (tmp_path / "val/classes.txt").write_bytes(b"caf\xe9\n")
    coco = formats.read(found.path, known)
    assert told(coco, known)["val/b.png"] == [("class 0", BOX)]
    assert problems(coco) == ["val/classes.txt: it is no UTF-8 text"]


def test_a_data_yaml_that_tells_another_number_of_classes_is_told(tmp_path):
    write(
        tmp_path,
        {"data.yaml": "# " + "long " * 1000 + "\nnc: 80\nnames: [cat, dog]\n", "labels/a.txt": "0 .4 .45 .4 .5"},
    )
    known = pictures(tmp_path, "images/a.png")
    (found,) = formats.find(tmp_path)
    assert "nc says 80 classes, and 2 have a name" in problems(formats.read(found.path, known))[0]


@pytest.mark.parametrize("name", ["a.png.xml", "a.jpg.xml"])
def test_a_file_called_after_the_whole_name_of_its_image_is_of_it(name, tmp_path):
    known = pictures(tmp_path, "images/a.png")
    write(tmp_path, {f"ann/{name}": VOC_FILE})
    (found,) = formats.find(tmp_path)
    assert told(formats.read(found.path, known), known) == {"images/a.png": [("dog", BOX)]}


def test_names_in_metadata_and_quotes_of_cvat_are_taken_as_they_may_be(tmp_path):
    known = pictures(tmp_path, "train/a.png")
    write(tmp_path, {"metadata.csv": "file_name,label\ntrain\\a.png,cat\n"})
    write(
        tmp_path, {"cvat/annotations.xml": "<annotations><image name='a.png' width='200' height='100'/></annotations>"}
    )
    assert {each.path.name: each.images for each in formats.find(tmp_path)} == {
        "metadata.csv": {"train/a.png"}, "annotations.xml": {"train/a.png"},
    }  # fmt: skip
    assert told(formats.read(tmp_path / "metadata.csv", known), known) == {"train/a.png": [("cat", [])]}


def test_lists_beside_labels_tell_splits(tmp_path):
    """ImageSets of Pascal VOC; folders and lists of a data.yaml; neither lists of one class nor of several splits."""
    known = pictures(tmp_path / "voc/JPEGImages", "a.jpg", "b.jpg", "c.jpg")
    sets = {"Main/train.txt": "a\n", "Main/val.txt": "b 1\nb\n", "Main/trainval.txt": "a\nb\nc\n",
            "Main/dog_train.txt": "c -1\n", "Segmentation/train.txt": "a\n"}  # fmt: skip
    write(tmp_path / "voc", {f"ImageSets/{name}": text for name, text in sets.items()})
    write(tmp_path / "voc/Annotations", {f"{name}.xml": VOC_FILE for name in "abc"})
    told = formats.splits_of(tmp_path / "voc/Annotations", known)
    assert set(told) == {("train", "a.jpg"), ("val", "b.jpg")}

    years = tmp_path / "VOCdevkit"
    known = pictures(years, "VOC2007/JPEGImages/a.jpg", "VOC2012/JPEGImages/a.jpg", "VOC2012/JPEGImages/b.jpg")
    for year, names, lists in (("VOC2007", "a", {"train": "a"}), ("VOC2012", "ab", {"val": "a\nb"})):
        write(years / year, {f"Annotations/{name}.xml": VOC_FILE for name in names})
        write(years / year, {f"ImageSets/Main/{name}.txt": text for name, text in lists.items()})
    assert set(formats.splits_of(years, known)) == {
        ("train", "VOC2007/JPEGImages/a.jpg"), ("val", "VOC2012/JPEGImages/a.jpg"), ("val", "VOC2012/JPEGImages/b.jpg"),
    }  # fmt: skip

    write(tmp_path / "long", {"data.yaml": f"val: {'x' * 300}\nnames: [cat]\n", "labels/a.txt": "0 .5 .5 .2 .2\n"})
    assert formats.splits_of(tmp_path / "long/data.yaml", known) == []
    known = pictures(tmp_path / "yolo", "images/a.png", "images/b.png", "other/c.png")
    write(tmp_path / "yolo", {
        "data.yaml": "train: lists/train.txt\nval: [other]\nnames: [cat]\n", "labels/a.txt": "0 .5 .5 .2 .2\n",
        "lists/train.txt": "../images/a.png\nimages/b.png\n",
    })  # fmt: skip
    told = formats.splits_of(tmp_path / "yolo/data.yaml", known)
    assert set(told) == {("train", "images/a.png"), ("train", "images/b.png"), ("val", "other/c.png")}
    assert formats.splits_of(tmp_path / "yolo/labels", known) == []


@pytest.mark.parametrize("place", [(0, 0), (3, 2), (7, 5)])
def test_masks_of_cvat_cover_the_same_pixels_as_pycocotools_decodes(tmp_path, place):
    left, top = place
    inner = np.random.default_rng(0).integers(0, 2, (5, 3)).astype(bool)
    inner[:, 1] = True
    flat = inner.ravel()
    edges = np.flatnonzero(np.diff(flat, prepend=False)).tolist()
    runs = np.diff([0, *edges, flat.size]).tolist()
    mask = f'<mask label="dog" left="{left}" top="{top}" width="3" height="5" rle="{{}}"/>'
    text = '<annotations><image id="0" name="a.png" width="10" height="10">' + mask.format(", ".join(map(str, runs)))
    for bad in ("-1, 3", "4, 99", "", "x", ", ".join(["4611686018427387904"] * 4 + ["6"])):
        text += mask.format(bad)
    known = pictures(tmp_path, "a.png", size=(10, 10))
    write(tmp_path, {"a.xml": f"{text}</image></annotations>"})
    coco = formats.read(tmp_path / "a.xml", known)
    (entry,) = coco.annotations
    whole = np.zeros((10, 10), bool)
    whole[top : top + 5, left : left + 3] = inner
    assert sum(entry["segmentation"]["counts"]) == 100 and entry["area"] == inner.sum()
    decoded = rle.decode(rle.frPyObjects(entry["segmentation"], 10, 10))
    assert (decoded == whole).all()
    assert len(coco.unsound) == 5 and all("a mask of a.png" in each for each in problems(coco))


def test_damaged_files_of_every_format_are_told_and_nothing_else_happens(monkeypatch, capsys):
    """The first rounds of the campaign; `python -m benchmarks.fuzz 50000` has more."""
    assert fuzz.SAMPLES.keys() == {form.name for form in formats.FORMATS}
    monkeypatch.setattr("sys.argv", ["fuzz", "600", "--seed", "4"])
    assert fuzz.main() == 0, capsys.readouterr().out


@pytest.mark.parametrize("mark", ["\u2028", "\x85", "\x0b"])
def test_names_may_hold_what_unicode_calls_a_lines_end(tmp_path, mark):
    name = f"a{mark}b.png"
    known = pictures(tmp_path, name)
    lines = json.dumps({"file_name": name, "label": f"x{mark}y"}, ensure_ascii=False)
    write(tmp_path, {"metadata.jsonl": lines, "own/labels.csv": f"file_name,label\r\n{name},x{mark}y\r\n"})
    write(tmp_path, {f"yolo/labels/a{mark}b.txt": "0 0.4 0.45 0.4 0.5", "yolo/labels/classes.txt": f"x{mark}y\n"})
    for place, boxes in (("metadata.jsonl", []), ("own/labels.csv", []), ("yolo/labels", BOX)):
        coco = formats.read(tmp_path / place, known)
        assert told(coco, known) == {name: [(f"x{mark}y", boxes)]} and not problems(coco)


def test_capitals_tell_files_apart_where_there_are_both(tmp_path):
    write(tmp_path, {"labels/IMG.txt": "0 0.4 0.45 0.4 0.5", "labels/img.txt": "1 0.4 0.45 0.4 0.5"})
    write(tmp_path, {"data.yaml": "names: [x, y]"})
    known = pictures(tmp_path, "images/IMG.png", "images/img.png")
    coco = formats.read(tmp_path / "data.yaml", known)
    assert told(coco, known) == {"images/IMG.png": [("x", BOX)], "images/img.png": [("y", BOX)]}
    known = pictures(tmp_path / "one", "images/Img.png")
    write(tmp_path / "one", {"labels/IMG.txt": "0 0.4 0.45 0.4 0.5", "data.yaml": "names: [x]"})
    assert told(formats.read(tmp_path / "one/data.yaml", known), known) == {"images/Img.png": [("x", BOX)]}


def test_classes_are_named_by_whatever_list_darknet_was_given(tmp_path):
    known = pictures(tmp_path, "data/obj/a.png")
    write(tmp_path, {"data/coco.names": "cat\ndog\n", "data/obj/a.txt": "1 0.4 0.45 0.4 0.5\n"})
    (found,) = formats.find(tmp_path)
    assert told(formats.read(found.path, known), known) == {"data/obj/a.png": [("dog", BOX)]}


def test_an_empty_line_among_the_classes_is_a_class_without_a_name(tmp_path):
    write(tmp_path, {"labels/a.txt": "2 0.4 0.45 0.4 0.5", "labels/classes.txt": "cat\n\ndog\n\n"})
    known = pictures(tmp_path, "images/a.png")
    coco = formats.read(tmp_path / "labels", known)
    assert told(coco, known) == {"images/a.png": [("dog", BOX)]}
    assert list(coco.category_names.values()) == ["cat", "class 1", "dog"]


def test_classes_of_one_name_are_told(tmp_path):
    write(tmp_path, {"labels/a.txt": "1 0.4 0.45 0.4 0.5", "data.yaml": "names: [cat, cat, dog]"})
    known = pictures(tmp_path, "images/a.png")
    coco = formats.read(tmp_path / "data.yaml", known)
    assert told(coco, known) == {"images/a.png": [("cat", BOX)]}
    assert problems(coco) == ["data.yaml: the classes 0 and 1 are all called cat: they are one class here"]


def test_crowds_scores_and_attributes_of_tables_are_kept(tmp_path):
    known = pictures(tmp_path, "a.png")
    write(tmp_path, {"x.csv": "filename,xmin,ymin,xmax,ymax,label,confidence,iscrowd\na.png,40,20,120,70,dog,0.5,1\n"})
    (entry,) = formats.read(tmp_path / "x.csv", known).annotations
    assert entry["score"] == 0.5 and entry["iscrowd"] == 1 and entry["bbox"] == BOX
    objects = {"bbox": [BOX], "category": ["dog"], "score": [0.5], "iscrowd": [1], "area": [4000], "colour": ["red"]}
    for place, held in (("l", objects), ("d", [{key: each[0] for key, each in objects.items()}])):
        write(tmp_path / place, {"metadata.jsonl": json.dumps({"file_name": "a.png", "objects": held})})
        (entry,) = formats.read(tmp_path / place / "metadata.jsonl", pictures(tmp_path / place, "a.png")).annotations
        assert entry["score"] == 0.5 and entry["iscrowd"] == 1 and entry["attributes"] == {"colour": "red"}


def test_fractions_in_a_csv_are_told_and_not_taken_for_pixels(tmp_path):
    rows = "filename,xmin,ymin,xmax,ymax,label\na.png,0.2,0.2,0.6,0.7,dog\na.png,0,0,1,1,dot\n"
    known = pictures(write(tmp_path, {"x.csv": rows}), "a.png")
    coco = formats.read(tmp_path / "x.csv", known)
    assert told(coco, known) == {"a.png": []}
    fractions = "its box is in fractions of the image; pixels are read"
    assert problems(coco) == [f"x.csv, line {line}: {fractions}" for line in (2, 3)]
    known = pictures(write(tmp_path / "px", {"x.csv": rows.replace("0.2,0.2,0.6,0.7", "2,2,6,7")}), "a.png")
    assert told(formats.read(tmp_path / "px/x.csv", known), known) == {
        "a.png": [("dog", [2, 2, 4, 5]), ("dot", [0, 0, 1, 1])]
    }


def test_labels_of_openimages_are_named_as_fiftyone_lays_them_out(tmp_path):
    known = pictures(tmp_path, "data/a.png")
    write(tmp_path, {"labels/detections.csv": f"{HEADER}\na,x,/m/1,1,0.2,0.6,0.2,0.7\na,x,/m/1,1,10,20,30,40\n"})
    write(tmp_path, {"metadata/classes.csv": "/m/1,hound\n"})
    (source,) = formats.sources_in(tmp_path / "labels")  # a folder that holds one
    coco = formats.read(source, known)
    assert told(coco, known) == {"data/a.png": [("hound", BOX)]}
    assert problems(coco) == ["detections.csv, line 3: its box is in pixels; fractions of the image are read"]


def test_boxes_of_openimages_whose_image_is_not_here_are_nothing_unread(home, tmp_path):
    """A part of a large set, or one that copies left: the images are counted as missing, and the gate passes."""
    Image.new("RGB", SIZE).save(tmp_path / "a.png")
    (tmp_path / "broken.png").write_bytes(b"none")
    rows = ("a,x,/m/1,1,0.2,0.6,0.2,0.7", "gone,x,/m/1,1,0.2,0.6,0.2,0.7")
    write(tmp_path, {"boxes.csv": "\n".join((HEADER, *rows))})
    dataset = dedup.scan(tmp_path, use_found=True, workers=1)
    assert not dataset.annotation_errors and gate.check(dataset, gate.Limits(failed=None)).passed
    assert dataset.frame["classes"].tolist() == [("/m/1",), ()]

    write(tmp_path, {"boxes.csv": "\n".join((HEADER, *rows, "broken,x,/m/1,1,0,1,0,1", "gone,x,/m/1,1,0,,0,1"))})
    (source,) = dedup.scan(tmp_path, use_found=True, workers=1).sources
    assert problems(source[0]) == [
        "boxes.csv, line 4: its image cannot be read, and without its size nor can the box",
        "boxes.csv, line 5: its box is no four finite numbers",
    ]


def test_metadata_that_say_no_labels_leave_the_folders_theirs(home, tmp_path):
    for name in ("cat/a.png", "cat/b.png", "dog/c.png", "dog/d.png"):
        save(photo(ord(name[-5])), tmp_path / "in" / name)
    (tmp_path / "in/metadata.csv").write_text("file_name,photographer\ncat/a.png,Ann\ncat/b.png,Bob\n")
    dataset = dedup.scan(tmp_path / "in", use_found=True)
    assert dataset.frame["classes"].tolist() == [("cat",)] * 2 + [("dog",)] * 2 and not dataset.info.annotations


@pytest.mark.parametrize("column", ["class", "category", "class_name"])
@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_classes_in_metadata_are_read_by_whatever_their_column_is_called(kind, column, tmp_path):
    known = pictures(tmp_path, "a.png", "b.png")
    table = pd.DataFrame({"file_name": ["a.png", "b.png"], "split": ["train", "train"], column: ["dog", "cat"]})
    save_as = {"csv": table.to_csv, "parquet": table.to_parquet}.get(kind, partial(table.to_json, orient="records"))
    save_as(tmp_path / f"metadata.{kind}", **({"lines": True} if kind == "jsonl" else {"index": False}))
    (found,) = formats.find(tmp_path)
    assert found.format.name == "imagefolder"
    assert told(formats.read(found.path, known), known) == {"a.png": [("dog", [])], "b.png": [("cat", [])]}


def test_a_list_of_classes_is_no_table_of_images(tmp_path):
    pictures(tmp_path, "train/0.png", "test/1.png")
    write(tmp_path, {"classes.csv": "id,name\n0,cat\n1,dog\n2,bird\n"})
    seen = formats.see(tmp_path)
    assert not seen.found and not seen.unread  # and no gate fails for it


def test_a_source_of_no_image_here_is_told_beside_others(tmp_path):
    pictures(tmp_path, "train/a.png", "val/b.png")
    write(tmp_path, {"train/x.csv": "filename,class\na.png,cat\n", "val/x.csv": "filename,class\nIMG_1.png,cat\n"})
    seen = formats.see(tmp_path)
    assert [each.path.parent.name for each in seen.found] == ["train"] and not seen.unread
    assert seen.strange == ("val/x.csv looks like CSV of labels and tells of no image here: names are compared.",)


def test_a_quote_that_never_ends_is_told(tmp_path):
    pictures(tmp_path, "a.png", "b.png")
    write(tmp_path, {"x.csv": 'filename,class\na.png,"cat\nb.png,dog\n'})
    (told_of,) = formats.see(tmp_path).unread
    assert "cannot be read" in told_of


@pytest.mark.parametrize(
    ("rows", "boxes"),
    [
        (['"[10,20,100,90]"', '"[100,50,190,90]"'], [[10, 20, 90, 70], [100, 50, 90, 40]]),
        (['"[10,20,100,70]"', '"[100,50,90,40]"'], [[10, 20, 100, 70], [100, 50, 90, 40]]),
    ],
)
def test_four_numbers_in_a_column_are_corners_where_they_can_be_nothing_else(tmp_path, rows, boxes):
    known = pictures(tmp_path, "a.png")
    write(tmp_path, {"x.csv": "filename,label,bbox\n" + "".join(f"a.png,cat,{row}\n" for row in rows)})
    coco = formats.read(tmp_path / "x.csv", known)
    assert [box for _, box in told(coco, known)["a.png"]] == boxes and problems(coco) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("filename,width,height,x,y,label\na.png,200,100,5,6,cat\n", "a point is no box"),
        ('filename,xmin,ymin,xmax,ymax,label\na.png,10,20,"1,200",40,cat\n', "no four finite numbers"),
    ],
)
def test_what_may_mean_anything_is_told(tmp_path, text, says):
    known = pictures(tmp_path, "a.png")
    write(tmp_path, {"x.csv": text})
    coco = formats.read(tmp_path / "x.csv", known)
    assert told(coco, known) == {"a.png": []} and says in problems(coco)[0]


def test_polygons_of_points_in_xml_are_read_and_other_shapes_told(tmp_path):
    known = pictures(tmp_path, "a.png")
    corners = "".join(f"<pt><x>{x}</x><y>{y}</y></pt>" for x, y in ((10, 20), (50, 20), (50, 60)))
    things = f"<object><name>cat</name><polygon>{corners}</polygon></object>"
    things += "<object><name>dog</name><ellipse><cx>3</cx></ellipse></object>"
    write(tmp_path, {"a.xml": f"<annotation><filename>a.png</filename>{things}</annotation>"})
    coco = formats.read(tmp_path, known)
    assert told(coco, known) == {"a.png": [("cat", [10, 20, 40, 40]), ("dog", [])]}
    assert problems(coco) == ["a.xml: the ellipse of object 2 is not read"]


def test_names_of_cvat_are_taken_as_xml_means_them(tmp_path):
    known = pictures(tmp_path, 'a "b" é.png')
    box = '<box label="dog" xtl="1" ytl="2" xbr="11" ybr="12"/>'
    text = f'<annotations format="1.1"><image name="a &quot;b&quot; &#233;.png" width="200" height="100">{box}</image>'
    write(tmp_path, {"x.xml": f"{text}</annotations>"})
    (found,) = formats.find(tmp_path)
    assert told(formats.read(found.path, known), known) == {'a "b" é.png': [("dog", [1, 2, 10, 10])]}


def test_a_file_called_otherwise_than_its_image_is_found_by_what_it_says(tmp_path):
    known = pictures(tmp_path, "JPEGImages/a.png")
    write(tmp_path, {"Annotations/001.xml": VOC_FILE})
    (found,) = formats.find(tmp_path)
    assert found.images == {"JPEGImages/a.png"}
    assert told(formats.read(found.path, known), known) == {"JPEGImages/a.png": [("dog", BOX)]}


def test_tracks_alone_are_told_as_what_they_are(tmp_path):
    pictures(tmp_path, "a.png")
    write(tmp_path, {"x.xml": '<annotations><track id="0" label="cat"><box frame="0"/></track></annotations>'})
    (sentence,) = formats.see(tmp_path).unread
    assert "tracks of a video" in sentence


@pytest.mark.parametrize("name", ["sample_submission.csv", "sampleSubmission.csv"])
@pytest.mark.parametrize("truth", ["image_id,label\na,cat\n", "image_id,cat,dog\na,1,0\n"])
def test_what_is_to_be_handed_in_is_no_truth(name, truth, tmp_path):
    """As competitions hand it out: of each image of the test set a class that stands for nothing."""
    for image in ("train/a.png", "test/b.png"):
        picture(tmp_path / image, 1)
    handed = truth.replace("\na,", "\nb,")
    write(tmp_path, {name: handed})
    alone = formats.see(tmp_path)
    assert not alone.found and alone.unread == () == alone.strange
    write(tmp_path, {"train.csv": truth})
    (found,) = formats.find(tmp_path)
    assert found.path.name == "train.csv"
    coco = formats.read(tmp_path / name, pictures(tmp_path, "train/a.png", "test/b.png"))
    assert [each["file_name"] for each in coco.images] == ["b"]  # where somebody names it, it is read


@pytest.mark.parametrize("named", ["a.png", "/home/ann/set/a.png", "C:\\set\\a.png", "../images/a.png"])
def test_a_labelme_file_that_is_called_otherwise_is_found_by_what_it_calls_its_image(tmp_path, named):
    known = pictures(tmp_path, "images/a.png", "images/b.png")
    held = json.dumps(LABELME_FILE | {"imagePath": named})
    write(tmp_path, {"images/1_label.json": held, "images/b.json": json.dumps(LABELME_FILE | {"imagePath": "a.png"})})
    write(tmp_path, {"images/classes.json": '{"imagePath": "b.png"'})
    (found,) = formats.find(tmp_path)
    assert found.images == {"images/a.png", "images/b.png"}
    assert told(formats.read(found.path, known), known).keys() == found.images


def test_images_of_several_subsets_of_a_cvat_project_may_be_called_alike(tmp_path):
    known = pictures(tmp_path, "images/Train/0.png", "images/Test/0.png", "images/Test/1.png")
    shape = '<box label="{}" xtl="40" ytl="20" xbr="120" ybr="70"/>'
    image = '<image id="0" name="{}" subset="{}" task_id="1" width="200" height="100">{}</image>'
    told_of = (("0.png", "Train", "cat"), ("0.png", "Test", "dog"), ("1.png", "Test", "cow"))
    images = "".join(image.format(name, subset, shape.format(label)) for name, subset, label in told_of)
    write(tmp_path, {"annotations.xml": f"<annotations>{images}</annotations>"})
    (found,) = formats.find(tmp_path)
    assert found.images == set(known.paths)
    held = told(formats.read(found.path, known), known)
    expected = {"images/Train/0.png": "cat", "images/Test/0.png": "dog", "images/Test/1.png": "cow"}
    assert held == {path: [(label, BOX)] for path, label in expected.items()}
    assert dict(map(reversed, formats.splits_of(found.path, known))) == {
        "images/Train/0.png": "train", "images/Test/0.png": "test", "images/Test/1.png": "test",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["voc", "cvat", "labelme", "openimages", "csv", "yolo"])
def test_labels_in_utf_16_are_found_among_others(tmp_path, name):
    """One job of several whose tool wrote it so."""
    _, files, image = SOURCES[name]
    known = pictures(tmp_path, image, image.replace("a.png", "b.png"))
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-16")
    write(tmp_path, {"job 2.json": json.dumps({"images": [{"id": 1, "file_name": "b.png"}], "annotations": []})})
    found = {each.format.name: each for each in formats.find(tmp_path)}
    assert found[name].images == {image} and found.keys() >= {"coco", name}
    assert told(formats.read(found[name].path, known), known)[image] == [("dog", BOX)]


def test_rows_without_a_header_are_read_as_roboflow_writes_them(tmp_path, home):
    """With a list of classes beside; an image of no object, a row that is cut off, and a clash."""
    save(photo(1), tmp_path / "in/train/a_jpg.rf.1.png")
    save(photo(1), tmp_path / "in/train/b_jpg.rf.2.png")
    picture(tmp_path / "in/train/none_jpg.rf.3.png", 3)
    rows = ["a_jpg.rf.1.png,4,2,12,7,dog", "b_jpg.rf.2.png,4,2,12,7,cat", "none_jpg.rf.3.png,,,,,"]
    rows += ["a_jpg.rf.1.png,9,9,4,4,dog", "a_jpg.rf.1.png,1,2,3"]
    write(tmp_path / "in", {"train/_annotations.csv": "\n".join(rows), "train/_classes.csv": "dog,0\ncat,1\n"})
    dataset = dedup.scan(tmp_path / "in", use_found=True, workers=1)
    assert dataset.frame["classes"].tolist() == [("dog",), ("cat",), ()]
    report = gate.check(dataset, gate.Limits(exact=None, clashes=0))
    told = [each for finding in report.findings for each in finding.examples]
    assert report.findings[0].count == 1 and told[1:] == [
        "_annotations.csv, line 4: its second corner lies before its first: x1, y1, x2 and y2 are read",
        "_annotations.csv, line 5: it has 4 columns of 6",
    ]
