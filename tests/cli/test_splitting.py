"""Splits and leaks on the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import dedup
from dedup.cli import main
from dedup.review import acts
from dedup.store.decisions import SPLIT
from tests.pictures import folder_of_photos, photo, save


def fill(folder: Path) -> None:
    """Three photographs and a copy of the first, in no split."""
    folder_of_photos(folder, 3)
    shutil.copy(folder / "0000.jpg", folder / "copy.jpg")


def splits_now() -> list[str]:
    return dedup.open("set").frame["split"].tolist()


def test_splits_come_from_a_csv_in_one_step_and_go_again(folder, tmp_path, capsys):
    file = tmp_path / "splits.csv"
    file.write_text("path,split\n0000.jpg,train\n0001.jpg,train\ncopy.jpg,test\nnone.jpg,val\n")
    capsys.readouterr()
    assert main(["splits", "set", "--csv", str(file)]) == 0
    answer = capsys.readouterr()
    lines = ["train: 2 images, before 0", "test: 1 image, before 0", "no split: 1 image, before 4"]
    assert answer.out.splitlines() == lines
    assert "1 name of no image of this dataset, such as none.jpg" in answer.err
    assert main(["check", "set", "--max-leaks", "0"]) == 1
    assert main(["undo", "set"]) == 0 and splits_now() == [""] * 4
    assert main(["redo", "set"]) == 0 and splits_now() == ["train", "train", "", "test"]
    capsys.readouterr()
    assert main(["splits", "set", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["after"] == {"train": 2, "test": 1, "": 1}
    assert main(["splits", "set", "--clear"]) == 0 and splits_now() == [""] * 4


def test_a_name_of_several_images_is_not_said_to_be_in_several_splits(home, tmp_path, capsys):
    for folder in ("a", "b"):
        save(photo(1), tmp_path / "photos" / folder / "1.png")
        save(photo(2), tmp_path / "photos" / folder / f"{folder}.png")
    dedup.scan(tmp_path / "photos", name="set", workers=1)
    (tmp_path / "splits.csv").write_text("path,split\n1.png,train\na.png,train\nb.png,val\nb.png,test\n")
    capsys.readouterr()
    assert main(["splits", "set", "--csv", str(tmp_path / "splits.csv")]) == 0
    assert capsys.readouterr().err.splitlines() == [
        "1 name that several images may have, such as 1.png; left alone.",
        "1 image in several splits, such as b/b.png; left alone.",
    ]


def test_splits_come_from_the_names_of_annotation_files(folder, tmp_path, capsys):
    files = {"train": ["0000.jpg", "0001.jpg"], "val": ["0002.jpg", "copy.jpg"]}
    options = []
    for split, names in files.items():
        images = [{"id": number, "file_name": name} for number, name in enumerate(names)]
        (tmp_path / f"{split}.json").write_text(json.dumps({"images": images, "annotations": [], "categories": []}))
        options += ["--annotations", str(tmp_path / f"{split}.json")]
    assert main(["splits", "set", "--from-annotations"]) == 2
    assert main(["scan", str(folder), "--name", "set", *options]) == 0
    assert main(["splits", "set", "--from-annotations"]) == 0
    assert splits_now() == ["train", "train", "val", "val"]
    assert len(dedup.open("set").decisions.values(SPLIT)) == 4


def test_one_source_of_splits_at_a_time_and_none_that_says_nothing(folder, tmp_path, capsys):
    assert main(["splits", "set", "--clear", "--from-annotations"]) == 2
    (tmp_path / "splits.csv").write_text("path,split\nelsewhere.jpg,train\n")
    capsys.readouterr()
    assert main(["splits", "set", "--csv", str(tmp_path / "splits.csv")]) == 2
    assert "puts no image of set into a split" in capsys.readouterr().err


def test_a_split_that_cannot_name_a_file_is_refused_when_it_is_set(folder, tmp_path, capsys):
    (tmp_path / "splits.csv").write_text("path,split\n0000.jpg,train\ncopy.jpg,../evil\n")
    capsys.readouterr()
    assert main(["splits", "set", "--csv", str(tmp_path / "splits.csv")]) == 2
    assert "'../evil' cannot name a split. Use letters" in capsys.readouterr().err
    assert splits_now() == [""] * 4


def test_a_repair_says_what_it_wrote_and_what_it_could_not(folder, tmp_path, capsys):
    file = tmp_path / "splits.csv"
    file.write_text("path,split\n0000.jpg,train\n0001.jpg,train\ncopy.jpg,test\n")
    assert main(["splits", "set", "--csv", str(file)]) == 0
    capsys.readouterr()
    assert main(["leaks", "set", "--csv", str(tmp_path / "moves.csv"), "--coco", str(tmp_path)]) == 1
    answer = capsys.readouterr()
    assert f"Wrote 1 move to {tmp_path / 'moves.csv'}." in answer.out
    assert "No COCO file was written" in answer.err
    images = [{"id": 1, "file_name": "0000.jpg"}, {"id": 2, "file_name": "0001.jpg"}]
    (tmp_path / "a.json").write_text(json.dumps({"images": images, "annotations": [], "categories": []}))
    assert main(["scan", str(folder), "--name", "set", "--annotations", str(tmp_path / "a.json")]) == 0
    capsys.readouterr()
    assert main(["leaks", "set", "--coco", str(tmp_path)]) == 1
    assert f"Wrote 2 COCO files to {tmp_path}: test.json, train.json." in capsys.readouterr().out
    assert main(["leaks", "set", "--coco", str(tmp_path), "--overwrite", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["written"] == [
        str(tmp_path / f"{name}.json") for name in ("test", "train")
    ]


def test_a_repair_leaves_out_what_is_decided_to_go(folder, tmp_path, capsys):
    (tmp_path / "splits.csv").write_text("path,split\n0000.jpg,train\n0001.jpg,train\ncopy.jpg,test\n")
    assert main(["splits", "set", "--csv", str(tmp_path / "splits.csv")]) == 0
    dataset = dedup.open("set")
    now = acts.state(dataset)
    step = acts.let_go(now, acts.outside_evaluation(now))
    dataset.decisions.decide(step.changes, step.label)
    capsys.readouterr()
    assert main(["leaks", "set", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["moves"] == []


def test_leaks_without_splits_say_how_to_get_them(folder, capsys):
    capsys.readouterr()
    assert main(["leaks", "set"]) == 0
    assert "No image has a split: name folders train, val, test, or set splits" in capsys.readouterr().out


def test_split_divides_keeps_together_by_a_column_and_adds_to_what_is_there(home, tmp_path, capsys):
    folder_of_photos(tmp_path / "in", 20)
    assert main(["scan", str(tmp_path / "in")]) == 0
    rows = "".join(f"{place:04}.jpg,patient {place // 5}\n" for place in range(20))
    (tmp_path / "who.csv").write_text("path,patient\n" + rows)
    capsys.readouterr()
    command = ["split", "in", "--train", "0.5", "--test", "0.5", "--by", f"{tmp_path / 'who.csv'}:patient"]
    assert main([*command, "--preview", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["counts"] == {"train": 10, "test": 10} and (told["units"], told["written"]) == (4, False)
    assert set(dedup.open("in").frame["split"]) == {""}
    assert main([*command, "--csv", str(tmp_path / "splits.csv")]) == 0
    said = capsys.readouterr().out
    assert "10 in train, 10 in test; at most 0.0 points" in said and "4 units of" in said
    frame = dedup.open("in").frame
    for patient in range(4):
        assert frame["split"].iloc[5 * patient : 5 * patient + 5].nunique() == 1
    assert main(["undo", "in"]) == 0 and main(["splits", "in", "--csv", str(tmp_path / "splits.csv")]) == 0
    assert dedup.open("in").frame["split"].tolist() == frame["split"].tolist()
    assert main(["split", "in", "--folds", "4"]) == 0
    assert {tag.count for tag in dedup.open("in").tags.values()} == {5}
    assert main(["split", "in", "--share", "holdout"]) == 2 and main(["split", "in", "--by", "x"]) == 2


def test_names_that_several_images_may_have_are_refused(home, tmp_path, capsys):
    folder_of_photos(tmp_path / "in/a", 2)
    folder_of_photos(tmp_path / "in/b", 2, start=1)
    assert main(["scan", str(tmp_path / "in")]) == 0
    (tmp_path / "who.csv").write_text("path,patient\n0001.jpg,p1\n")
    assert main(["split", "in", "--by", f"{tmp_path / 'who.csv'}:patient"]) == 2
    assert "which several images may be" in capsys.readouterr().err
    (tmp_path / "who.csv").write_text("path,patient\na/0000.jpg,p1\nnobody.jpg,p1\n")
    assert main(["split", "in", "--by", f"{tmp_path / 'who.csv'}:patient", "--preview"]) == 0
    assert "1 name in" in capsys.readouterr().err


@pytest.mark.parametrize("labels", ["yolo", "voc", "coco", "imagefolder", "csv", "parquet"])
def test_a_repaired_folder_has_no_leak_and_its_labels_in_the_format_asked_for(home, tmp_path, capsys, labels):
    """A copy of a test image lies in train: it goes where its original is, with its labels, and says so when read."""
    source = tmp_path / "in"
    for number, name in enumerate(("train/a", "train/b", "test/c")):
        save(photo(number).resize((160, 120)), source / "images" / f"{name}.png")
    save(photo(2).resize((160, 120)), source / "images/train/copy.png")
    for name in ("train/a", "train/b", "test/c", "train/copy"):
        (source / "labels" / name).parent.mkdir(parents=True, exist_ok=True)
        (source / "labels" / f"{name}.txt").write_text("0 0.5 0.5 0.5 0.5\n")
    (source / "data.yaml").write_text("train: images/train\nval: images/test\nnames: [cat]\n")
    assert main(["scan", str(source), "--name", "leaky"]) == 0
    out = tmp_path / "out"
    assert main(["leaks", "leaky", "--folder", str(out), "--labels", labels]) == 1
    assert f"Wrote 4 files to {out}." in capsys.readouterr().out
    assert main(["scan", str(out), "--name", "repaired"]) == 0
    dataset = dedup.open("repaired")
    assert main(["leaks", "repaired"]) == 0
    splits = dict(zip(dataset.frame["name"], dataset.frame["split"], strict=True))
    assert splits == {"a.png": "train", "b.png": "train", "c.png": "test", "copy.png": "test"}
    assert dataset.frame["annotations"].tolist() == [1, 1, 1, 1]
    assert {path.name: path.read_bytes() for path in out.rglob("*.png")} == {
        path.name: path.read_bytes() for path in source.rglob("*.png")
    }


def test_a_repaired_folder_says_what_it_leaves_out_and_needs_a_folder_for_labels(home, tmp_path, capsys):
    folder_of_photos(tmp_path / "in/train", 1)
    (tmp_path / "in/train/broken.jpg").write_bytes(b"no picture")
    assert main(["scan", str(tmp_path / "in")]) == 1
    capsys.readouterr()
    assert main(["leaks", "in", "--folder", str(tmp_path / "out")]) == 0
    assert "Left out 1 file that cannot be read." in capsys.readouterr().out
    assert main(["leaks", "in", "--labels", "yolo"]) == 2
    assert "--folder" in capsys.readouterr().err


def test_units_that_are_divided_already_are_told(home, tmp_path, capsys):
    for name in ("train/a.png", "val/a.png"):
        save(photo(1), tmp_path / "in" / name)
    for number in range(4):
        save(photo(number + 2), tmp_path / f"in/{number}.png")
    assert main(["scan", str(tmp_path / "in")]) == 0
    capsys.readouterr()
    assert main(["split", "in", "--train", "0.8", "--val", "0.2"]) == 1
    told = capsys.readouterr()
    assert "none is divided" not in told.out and "1 unit divided by the splits that there were" in told.err
    assert main(["split", "in", "--train", "0.8", "--val", "0.2", "--anew"]) == 0
    assert "none is divided" in capsys.readouterr().out
    assert main(["split", "in", "--share", "Train=0.5", "--share", "train=0.5"]) == 2


def test_an_image_that_labels_put_into_two_splits_is_a_leak(home, tmp_path, capsys):
    root = tmp_path / "in"
    for number in range(3):
        save(photo(number), root / f"images/{number}.png")
        (root / "labels").mkdir(exist_ok=True)
        (root / f"labels/{number}.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    (root / "data.yaml").write_text("train: train.txt\nval: val.txt\nnames: [cat]\n")
    (root / "train.txt").write_text("images/0.png\nimages/1.png\n")
    (root / "val.txt").write_text("images/1.png\nimages/2.png\n")
    assert main(["scan", str(root)]) == 0
    assert "1 image in several splits by the labels, such as images/1.png (train, val)" in capsys.readouterr().out
    assert main(["check", str(root), "--max-leaks", "0"]) == 1
    assert "images/1.png is in several splits by its labels (train, val)" in capsys.readouterr().out
    (root / "val.txt").write_text("images/0.png\nimages/1.png\n")
    assert main(["check", str(root), "--max-leaks", "0", "--home", str(tmp_path / "other")]) == 1


def test_labels_that_come_after_the_first_scan_are_seen(home, tmp_path, capsys):
    root = tmp_path / "in"
    for number, split in enumerate(("train", "train", "val")):
        save(photo(number % 2), root / split / f"{number}.png")
    (root / "train/labels.csv").write_text("filename,class\n0.png,cat\n1.png,dog\n")
    assert main(["scan", str(root)]) == 0
    (root / "val/labels.csv").write_text("filename,class\n2.png,dog\n")
    capsys.readouterr()
    assert main(["check", str(root), "--max-clashes", "0"]) == 1
    assert "cat" in capsys.readouterr().out
    dataset = dedup.open("in")
    assert len(dataset.info.annotations) == 2
    assert main(["scan", str(root), "--no-labels"]) == 0
    (root / "val/more.csv").write_text("filename,class\n2.png,dog\n")
    assert main(["scan", str(root)]) == 0 and dedup.open("in").info.annotations == ()
