"""Labels that cannot be read are told, and no gate passes for want of them."""

from __future__ import annotations

import json

import pandas as pd
import pytest

import dedup
from dedup.checks import fingerprint
from dedup.checks.gate import Limits, check
from dedup.cli import main
from dedup.labels import formats
from dedup.labels.formats.foreign import FOREIGN
from tests.building import picture

BOX = {"shape_attributes": {"name": "rect", "x": 1, "y": 2, "width": 3, "height": 4}, "region_attributes": {}}
VIA = {"a.png123": {"filename": "a.png", "size": 123, "regions": [BOX], "file_attributes": {}}}
SAMPLES = {
    "via.json": ("VGG Image Annotator", json.dumps({"_via_settings": {"ui": {}}, "_via_img_metadata": VIA})),
    "regions.json": ("VGG Image Annotator", json.dumps(VIA)),
    "via.csv": (
        "VGG Image Annotator",
        "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes\n",
    ),
    "createml.json": (
        "CreateML",
        json.dumps(
            [{"image": "a.png", "annotations": [{"label": "dog", "coordinates": {"x": 1, "y": 2, "width": 3}}]}]
        ),
    ),
    "studio.json": (
        "Label Studio",
        json.dumps([{"id": 1, "annotations": [{"result": [{"from_name": "label", "to_name": "image"}]}]}]),
    ),
    "a.png.json": (
        "Supervisely",
        json.dumps({"size": {"height": 9, "width": 9}, "objects": [{"id": 1, "classTitle": "dog"}]}),
    ),
    "project.json": (
        "VGG Image Annotator",
        json.dumps({"_via_settings": {"ui": "x" * 9000}, "_via_img_metadata": VIA}),
    ),
    "via3.json": (
        "VGG Image Annotator",
        json.dumps({"project": {"data_format_version": "3.1.1"}, "config": {}, "file": {"1": {"fname": "a.png"}}}),
    ),
    "min.json": (
        "Label Studio",
        json.dumps([{"image": "/data/upload/1/12-a.png", "label": [{"x": 1, "rotation": 0, "original_width": 80}]}]),
    ),
    "choices.json": (
        "Label Studio",
        json.dumps([{"image": "/data/upload/1/12-a.png", "choice": "cat", "annotator": 1, "annotation_id": 1}]),
    ),
    "tags/a.png.json": (
        "Supervisely",
        json.dumps({"description": "", "tags": [{"name": "cat"}], "size": {"height": 9, "width": 9}, "objects": []}),
    ),
    "anno/a.png.json": (
        "SuperAnnotate",
        json.dumps({"metadata": {"name": "a.png"}, "instances": [{"type": "bbox", "className": "cat"}]}),
    ),
    "a_gtFine_polygons.json": (
        "Cityscapes",
        json.dumps({"imgHeight": 9, "imgWidth": 9, "objects": [{"label": "car", "polygon": [[1, 2]]}]}),
    ),
    "export.ndjson": ("Labelbox", json.dumps([{"data_row": {"external_id": "a.png"}, "projects": {}}])[1:-1]),
    "output.manifest": ("Ground Truth", '{"source-ref": "s3://bucket/a.png", "class": 3}\n'),
    "gt/gt.txt": ("the MOT Challenge", "1,1,10,20,30,40,1,1,0.5\n2,1,10,20,30,40,1,1,0.5\n"),
    "wider_face_train_bbx_gt.txt": ("WIDER FACE", "0--Parade/a.jpg\n1\n449 330 122 149 0 0 0 0 0 0\n"),
    "label.txt": ("WIDER FACE", "# a.jpg\n449 330 122 149 488.9 373.6 0.0\n"),
    "datumaro.json": ("Datumaro", json.dumps({"dm_format_version": "1.0", "items": []})),
    "labelbox.json": ("Labelbox", json.dumps([{"data_row": {"external_id": "a.png"}, "projects": {}}])),
    "label_2/a.txt": ("KITTI", "Car 0.00 0 -1.58 587.01 173.33 614.12 200.12 1.65 1.67 3.64 -0.65 1.71 46.70 -1.59\n"),
    "labelTxt/a.txt": ("DOTA", "imagesource:GoogleEarth\ngsd:0.14\n10.0 10.0 20.0 10.0 20.0 30.0 10.0 30.0 plane 0\n"),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_labels_of_a_format_that_is_not_read_are_told(name, tmp_path, home):
    title, text = SAMPLES[name]
    picture(tmp_path / "in" / "a.png", 1)
    (tmp_path / "in" / name).parent.mkdir(exist_ok=True)
    (tmp_path / "in" / name).write_text(text)
    seen = formats.see(tmp_path / "in")
    assert seen.found == []
    (sentence,) = seen.unread
    assert sentence.startswith(f"{name} holds labels of {title}, which is not read")


@pytest.mark.parametrize("inside", [True, False])
def test_labels_that_are_not_read_are_told_beside_others_where_these_tell_nothing(inside, tmp_path, home):
    """Of the same folder they are what the others were made from, of another one they are lost."""
    folder = tmp_path / "in"
    for place, image in enumerate(("one/images/a.png", "one/images/b.png", "two/image_2/c.png")):
        picture(folder / image, place)
    (folder / "one/labels").mkdir()
    (folder / "one/labels/a.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    place, name = ("one", "b") if inside else ("two", "c")
    (folder / place / "label_2").mkdir()
    (folder / place / "label_2" / f"{name}.txt").write_text(SAMPLES["label_2/a.txt"][1])
    (folder / place / "via.json").write_text(json.dumps({"x": BOX | {"filename": f"{name}.png", "regions": []}}))
    seen = formats.see(folder)
    assert [each.format.name for each in seen.found] == ["yolo"]
    told = [] if inside else ["two/label_2/c.txt holds labels of KITTI", "two/via.json holds labels of VGG"]
    assert sorted(sentence.partition(", which")[0].partition(" Image")[0] for sentence in seen.unread) == told


CUT = '<annotations><image id="0" name="a.png" width="4" height="5"><box label="cat"'


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"annotations.xml": CUT}, "annotations.xml looks like CVAT XML and cannot be read: it is cut off"),
        ({"a.xml": "not xml"}, "a.xml tells of images here"),
        ({"labels/a.txt": "0,0.5,0.5,0.2,0.2\n"}, "a.txt tells of images here"),
        ({"labels/a.txt": "cat 0.5 0.5 0.2 0.2\n"}, "a.txt tells of images here"),
        ({"b.xml": "<annotation><object/></annotation>"}, "looks like Pascal VOC and tells of no image here"),
        ({"studio.csv": 'annotation_id,id,image,label\n1,2,a.png,"[{}]"\n'}, "labels of Label Studio"),
        (
            {"data.yaml": "train: x\nnames: [cat, dog\n"},
            "data.yaml looks like YOLO and cannot be read: it is no YAML (line 3)",
        ),
        ({"data.yaml": "train: x\nnames: cat dog\n"}, "data.yaml looks like YOLO and cannot be read"),
        ({"data.yaml": "x: &n [cat]\ntrain: x\nnames: *n\n", "labels/a.txt": "0 .5 .5 .2 .2\n"}, "looks like YOLO"),
        ({"data.yaml": "train: x\nnames: [caf\xe9]\n", "labels/a.txt": "0 .5 .5 .2 .2\n"}, "looks like YOLO"),
    ],
)
def test_no_gate_passes_what_tells_of_its_images_and_cannot_be_read(files, words, tmp_path, home):
    picture(tmp_path / "in" / "images" / "a.png", 1)
    for name, text in files.items():
        (tmp_path / "in" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "in" / name).write_text(text, "latin-1")
    dataset = dedup.scan(tmp_path / "in", use_found=True, workers=1)
    told = [*dataset.labels_unread, *dataset.annotation_errors]
    assert any(words in sentence for sentence in told), told
    assert not check(dataset, Limits()).passed


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("table.csv", "pic,breed\na.png,pug\n"),
        ("rows.csv", "a.png,cat,1,2,3,4\na.png,dog,1,2,3,4\n"),
        ("one.csv", "x/a.png,cat\n"),
        ("labels.json", '{"classes": ["x"], "labels": {"a.png": 0}}'),
        ("val.txt", "train/a.png 3\n"),
        ("ImageSets/Segmentation/val.txt", "a\n"),
        ("boxes.txt", "C:\\images\\a.png 50,100,150,200,0 30,50,200,120,3\n"),
        ("min.json", '[{"image": "/data/a.png", "kind": [{"x": 1}]}]'),
    ],
)
def test_what_may_hold_labels_is_told_and_stops_no_gate(name, text, tmp_path, home, capsys):
    picture(tmp_path / "in" / "a.png", 1)
    (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "in" / name).write_text(text)
    assert main(["check", str(tmp_path / "in"), "--max-exact", "0"]) == 0
    capsys.readouterr()
    assert main(["scan", str(tmp_path / "in")]) == 0
    assert f"{name} tells of images here, in no format that is read" in capsys.readouterr().out


def test_what_is_said_of_images_beside_them_is_no_label(tmp_path, home):
    """Captions, sidecars, lists of splits and of hashes, and our own exports."""
    picture(tmp_path / "in" / "a.png", 1)
    dataset = dedup.scan(tmp_path / "in", workers=1)
    dataset.export("csv", tmp_path / "in" / "ours.csv")
    dataset.to_parquet(tmp_path / "in" / "ours.parquet")
    fingerprint.write(fingerprint.of(dataset, names=True), tmp_path / "in" / "print.parquet")
    pd.DataFrame({"file": ["a.png"], "width": [20]}).to_parquet(tmp_path / "in" / "sizes.parquet")
    texts = {
        "train.txt": "in/a.png\n",
        "sums.txt": "d41d8cd98f00b204e9800998ecf8427e  a.png\n",
        "a.txt": "a photo of a dog",
        "a.png.json": '{"title": "a.png", "camera": {}}',
        "splits.csv": "path,split\na.png,train\n",
        "sizes.csv": "path,width,url\na.png,20,http://example.org/a\n",
    }
    for name, text in texts.items():
        (tmp_path / "in" / name).write_text(text)
    seen = formats.see(tmp_path / "in")
    assert seen.unread == () == seen.strange


@pytest.mark.parametrize("kind", ["string", "category"])
def test_a_parquet_table_that_tells_of_images_is_told(kind, tmp_path):
    picture(tmp_path / "a.png", 1)
    pd.DataFrame({"pic": ["x/a.png"], "breed": ["pug"]}).astype(kind).to_parquet(tmp_path / "breeds.parquet")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and no more")
    assert formats.see(tmp_path).strange == ("breeds.parquet tells of images here, in no format that is read.",)


def test_labels_that_became_unreadable_stop_the_gate(tmp_path, home):
    picture(tmp_path / "in" / "a.png", 1)
    source = tmp_path / "in" / "labels.csv"
    source.write_text("filename,class\na.png,dog\n")
    dataset = dedup.scan(tmp_path / "in", use_found=True, workers=1)
    assert check(dataset, Limits()).passed
    source.write_bytes(b"filename,class\na.png,\xff\n")
    again = dedup.rescan(dataset)
    (finding,) = [each for each in check(again, Limits()).findings if each.name == "unread labels"]
    assert finding.exceeded and "labels.csv" in finding.examples[0]


def test_every_such_format_is_tried():
    assert {title for title, _ in SAMPLES.values()} == {each.title for each in FOREIGN}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("notes.txt", "Car 12 blue\n"),
        ("numbers.txt", "0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9\n"),
        ("settings.json", '{"regions": ["north"], "objects": []}'),
        ("offsets.csv", "file,x,y\na.png,0,1\nb.png,7,2\n"),
        ("counts.csv", "cat,dog,cow\n0,1,0\n"),
        ("empty.json", ""),
    ],
)
def test_other_files_are_no_labels(name, text, tmp_path):
    picture(tmp_path / "a.png", 1)
    (tmp_path / name).write_text(text)
    assert formats.see(tmp_path).unread == ()


def coco(path, *, cut=0):
    images = [{"id": 1, "file_name": "a.png", "width": 160, "height": 120}]
    box = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "area": 12, "iscrowd": 0}
    text = json.dumps({"images": images, "categories": [{"id": 1, "name": "dog"}], "annotations": [box]})
    path.write_text(text[: len(text) - cut])


def test_damaged_labels_stop_the_gate_until_they_are_mended_or_allowed(tmp_path, home):
    folder = tmp_path / "in"
    picture(folder / "a.png", 1, (160, 120))
    coco(folder / "instances_val.json", cut=40)
    dataset = dedup.scan(folder, use_found=True)
    told = (
        "instances_val.json looks like COCO and cannot be read: it is no JSON (Expecting value at line 1, column 186)."
    )
    assert list(dedup.open(dataset.name).labels_unread) == [told]
    report = check(dedup.open(dataset.name), Limits())
    (finding,) = [each for each in report.findings if each.name == "unread labels"]
    assert not report.passed and finding.count == 1 and finding.details[0].sentence == told
    assert check(dataset, Limits(unread=1)).passed

    coco(folder / "instances_val.json")
    again = dedup.scan(folder, use_found=True)
    assert again.labels_unread == () and again.frame["classes"].tolist() == [("dog",)]
    assert check(again, Limits()).passed


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


@pytest.mark.parametrize(
    "name",
    [
        "train/_annotations.coco.json",
        "instances_train2017.json",
        "job_1/annotations.xml",
        "train-annotations-bbox.csv",
        "_classes.csv",
        "train/metadata.jsonl",
        "metadata.csv",
        "data.yaml",
    ],
)
def test_labels_of_which_nothing_is_left_stop_the_gate_though_others_are_read(name, tmp_path, home):
    folder = tmp_path / "in"
    picture(folder / "a.png", 1, (160, 120))
    coco(folder / "instances_val.json")
    (folder / name).parent.mkdir(exist_ok=True)
    reasons = {
        POINTER: "it is a pointer of Git LFS",
        b"": "it is empty",
        bytes(90): "no text",
        b"\xff\x00\x81": "no text",
    }
    for content, why in reasons.items():
        (folder / name).write_bytes(content)
        (told,) = formats.see(folder).unread
        assert told.startswith(f"{name} is called as labels are and cannot be read: ") and why in told
    assert not check(dedup.scan(folder, use_found=True), Limits()).passed


def test_files_that_hold_text_or_are_called_like_no_labels_are_not_told(tmp_path):
    picture(tmp_path / "a.png", 1, (160, 120))
    picture(tmp_path / "label_1.png", 2, (160, 120))
    coco(tmp_path / "instances_val.json")
    (tmp_path / "annotations.xml").write_bytes('<?xml version="1.0" encoding="latin-1"?><x>\xe9</x>'.encode("latin-1"))
    (tmp_path / "labels.csv").write_bytes("näme".encode() * 1000 + b"\n")  # a letter is cut where its beginning ends
    (tmp_path / "dataset.yml").write_text("owner: me\n", "utf-16")
    for name in ("relabelled.json", "notes.csv", "label_1.json"):
        (tmp_path / name).write_bytes(b"")
    assert formats.see(tmp_path).unread == ()


def test_metadata_in_utf_16_are_found(tmp_path):
    picture(tmp_path / "a.png", 1, (160, 120))
    (tmp_path / "metadata.jsonl").write_text(json.dumps({"file_name": "a.png", "label": "cat"}), "utf-16")
    assert [each.images for each in formats.see(tmp_path).found] == [{"a.png"}]


@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_unusual_documents_are_found_as_well(coding, tmp_path):
    """What another reader stops at, or LVIS leaves out, is no reason to pass labels over."""
    picture(tmp_path / "a.png", 1, (160, 120))
    images = [{"id": 1, "coco_url": "http://images.example.org/val2017/a.png", "width": 160, "height": 120}]
    document = {"images": images, "annotations": [{"id": 1, "image_id": 1, "bbox": [1, 2, float("nan"), 4]}]}
    mark = "\ufeff" if coding == "utf-16-be" else ""
    (tmp_path / "lvis.json").write_text(mark + json.dumps(document), encoding=coding)
    seen = formats.see(tmp_path)
    assert [each.images for each in seen.found] == [{"a.png"}] and seen.unread == ()


def test_who_chooses_labels_has_seen_what_there_is(tmp_path, home):
    picture(tmp_path / "in" / "a.png", 1, (160, 120))
    coco(tmp_path / "in" / "broken.json", cut=40)
    coco(tmp_path / "good.json")
    assert dedup.scan(tmp_path / "in", use_found=True).labels_unread
    assert dedup.scan(tmp_path / "in", annotations=tmp_path / "good.json").labels_unread == ()
    assert dedup.scan(tmp_path / "in", use_found=True).labels_unread == ()


def test_what_labels_were_made_from_is_not_told_beside_them(tmp_path):
    picture(tmp_path / "a.png", 1, (160, 120))
    coco(tmp_path / "coco.json")
    (tmp_path / "via.json").write_text(SAMPLES["via.json"][1])
    seen = formats.see(tmp_path)
    assert len(seen.found) == 1 and seen.unread == ()


@pytest.mark.parametrize("two", [True, False])
def test_splits_that_only_labels_tell_are_seen_by_the_gate(two, tmp_path, home, capsys):
    """A leak between them is one; labels of a single split, be they called so by chance, set none."""
    for name in ("a.png", "b.png"):
        picture(tmp_path / "in" / "images" / name, 1)
    picture(tmp_path / "in" / "images" / "c.png", 2)
    for split, names in (("train", ["a.png", "c.png"]), ("val", ["b.png"])) if two else (("test", ["a.png"]),):
        images = [{"id": n, "file_name": name, "width": 32, "height": 24} for n, name in enumerate(names)]
        box = {"id": 1, "image_id": 0, "category_id": 1, "bbox": [1, 2, 3, 4], "area": 12, "iscrowd": 0}
        document = {"images": images, "categories": [{"id": 1, "name": "dog"}], "annotations": [box]}
        (tmp_path / "in" / f"instances_{split}.json").write_text(json.dumps(document))
    code = main(["check", str(tmp_path / "in"), "--max-leaks", "0"])
    assert code == (1 if two else 0)
    capsys.readouterr()
    assert main(["scan", str(tmp_path / "in"), "--name", "again"]) == 0
    assert ("splits told by the labels: train 2, val 1" in capsys.readouterr().out) == two
    again = dedup.open("again")
    assert set(again.frame["split"]) == ({"train", "val"} if two else {""})
    again.decisions.undo()
    assert set(dedup.rescan(again).frame["split"]) == {""}


def test_a_gate_on_names_of_folders_tells_of_a_table_that_it_did_not_read(tmp_path, home):
    for number in range(4):
        picture(tmp_path / f"in/{'cat' if number % 2 else 'dog'}/{number}.png", number, (160, 120))
    (tmp_path / "in/meta.csv").write_text(
        "image_id,dx\n" + "".join(f"{number},nv{number % 2}\n" for number in range(4))
    )
    dataset = dedup.scan(tmp_path / "in", use_found=True)
    (clashes,) = check(dataset, Limits(exact=None, failed=None, clashes=0)).findings
    assert clashes.remark == "meta.csv tells of images here, in no format that is read"


def test_json_of_one_image_in_a_folder_for_labels_stops_the_gate(tmp_path, home):
    """As BDD100K has them; beside the images such a file is what a tool says of one."""
    picture(tmp_path / "in/images/train/a.png", 1, (160, 120))
    for folder in ("images", "labels"):
        (tmp_path / "in" / folder / "train").mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / folder / "train/a.json").write_text('{"name": "a", "frames": [{"objects": []}]}')
    dataset = dedup.scan(tmp_path / "in", use_found=True)
    assert dataset.labels_unread == ("labels/train/a.json tells of images here, in no format that is read.",)
    (tmp_path / "in/labels/train/a.json").unlink()
    assert not dedup.scan(tmp_path / "in", use_found=True).labels_unread


def test_what_was_written_here_is_no_strange_label(tmp_path, home):
    """Baselines, plans, verdicts, lists and pairs of an earlier run, beside the images that they name."""
    for number in (0, 0, 1, 2):
        picture(tmp_path / f"in/{len([*tmp_path.glob('in/*')])}.png", number, (160, 120))
    dataset = dedup.scan(tmp_path / "in")
    dataset.export("csv", tmp_path / "in/images.csv")
    dataset.export("pairs", tmp_path / "in/pairs.csv")
    for told in (["check", "in", "--max-exact", "9", "--write-baseline"], ["plan", "in", "--output"]):
        assert main([*told, str(tmp_path / "in" / f"{told[0]}.json")]) == 0
    assert main(["verdicts", "export", "in", "--output", str(tmp_path / "in/verdicts.json")]) == 0
    assert dedup.scan(tmp_path / "in", use_found=True).labels_strange == ()
    (tmp_path / "in/other.json").write_text('[{"file": "0.png", "kind": "dog"}]')
    assert "other.json" in dedup.scan(tmp_path / "in", use_found=True).labels_strange[0]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is empty"),
        (b"\n \n", "it is empty"),
        (b"\0" * 64, "it is no text"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
    ],
)
@pytest.mark.parametrize("name", ["obj.names", "class-descriptions-boxable.csv"])
def test_no_gate_passes_where_the_names_of_classes_are_lost(name, content, why, tmp_path, home):
    """Rows and codes are read, and nobody knows of what they are."""
    picture(tmp_path / "in" / "a.png", 1)
    rows = {"a.txt": "0 0.5 0.5 0.2 0.2\n"} if name == "obj.names" else {"x.csv": "ImageID,LabelName\na,/m/1\n"}
    for label, text in rows.items():
        (tmp_path / "in" / label).write_text(text)
    (tmp_path / "in" / name).write_bytes(content)
    dataset = dedup.scan(tmp_path / "in", use_found=True, workers=1)
    report = check(dataset, Limits(clashes=0))
    assert not report.passed
    assert any(name in told and why in told for each in report.findings for told in each.examples), report


CUT_TABLES = {
    "boxes.csv": "ImageID,LabelName,Confidence\na,/m/1,1\nb,/m/2,1\nc,/m",
    "table.csv": "filename,class,width\na.png,cat,9\nb.png,dog,9\nc.png,co",
    "metadata.csv": "file_name,label\na.png,cat\nb.png,dog\nc.pn",
    "multi.csv": "image_id,cat,dog\na,1,0\nb,0,1\nc,1",
}


@pytest.mark.parametrize("name", CUT_TABLES)
def test_a_row_that_is_cut_off_is_told(name, tmp_path, home):
    for place, image in enumerate("abc"):
        picture(tmp_path / "in" / f"{image}.png", place)
    (tmp_path / "in" / name).write_text(CUT_TABLES[name])
    dataset = dedup.scan(tmp_path / "in", use_found=True, workers=1)
    told = [sentence for met in dataset.attachments.values() for sentence in met.unread_told]
    assert len(told) == 1 and f"{name}, line 4: it has" in told[0] and "columns" in told[0]
    assert dataset.frame["classes"].map(len).tolist() == [1, 1, name == "multi.csv"]
    assert not check(dataset, Limits(clashes=0)).passed


VOC = "<annotation><filename>{}.png</filename><object><name>cat</name></object></annotation>"


@pytest.mark.parametrize(
    ("content", "passes", "says"),
    [(b"", False, "it is empty"), (b"\0" * 9, False, "it is no text"), (b"b\nc\n", True, "1 of its 2 names")],
)
def test_a_list_of_a_split_in_which_nothing_is_read_is_told(content, passes, says, tmp_path, home):
    """Also in a home in which it was sound before."""
    for place, image in enumerate("ab"):
        picture(tmp_path / "in/JPEGImages" / f"{image}.png", place)
        (tmp_path / "in/Annotations").mkdir(exist_ok=True)
        (tmp_path / "in/Annotations" / f"{image}.xml").write_text(VOC.format(image))
    (tmp_path / "in/ImageSets/Main").mkdir(parents=True)
    (tmp_path / "in/ImageSets/Main/train.txt").write_text("a\n")
    (tmp_path / "in/ImageSets/Main/val.txt").write_text("b\n")
    dataset = dedup.scan(tmp_path / "in", use_found=True, workers=1)
    assert check(dataset, Limits(clashes=0)).passed and dataset.frame["split"].tolist() == ["train", "val"]
    (tmp_path / "in/ImageSets/Main/val.txt").write_bytes(content)
    dataset = dedup.scan(tmp_path / "in", use_found=True, workers=1)
    assert check(dataset, Limits(clashes=0)).passed == passes
    ((coco, _),) = dataset.sources
    assert [each.problem for each in coco.unsound if says in each.problem], coco.unsound
