"""Two versions of a dataset compared: what was added, lost, repeated, moved and labelled otherwise."""

from __future__ import annotations

import json
import shutil

import pytest
from PIL import Image

import dedup
from dedup.checks import fingerprint, versions
from dedup.cli import main
from tests.pictures import folder_of_photos, photo, save


@pytest.fixture
def two(home, tmp_path):
    """Six photographs; the new version has one under another name, one more often, one in another class, one smaller,
    one less and one new."""
    folder_of_photos(tmp_path / "old/train/cat", 5)
    (tmp_path / "old/train/dog").mkdir()
    save(photo(30), tmp_path / "old/train/dog/a.png")
    shutil.copytree(tmp_path / "old", tmp_path / "new")
    new = tmp_path / "new/train"
    (new / "cat/0000.jpg").rename(new / "cat/renamed.jpg")
    shutil.copy(new / "cat/0001.jpg", new / "cat/twice.jpg")
    (new / "cat/0002.jpg").rename(new / "dog/0002.jpg")
    with Image.open(new / "cat/0003.jpg") as picture:
        picture.resize((picture.width // 2, picture.height // 2)).save(new / "cat/0003.jpg")
    (new / "cat/0004.jpg").unlink()
    save(photo(77), new / "dog/fresh.png")
    old = dedup.scan(tmp_path / "old", workers=1)
    return old, dedup.scan(tmp_path / "new", workers=1)


def test_every_change_is_told(two):
    old, new = two
    found = versions.diff(old, new)
    assert found.added == ["train/dog/fresh.png"]
    assert [(each.path, each.known) for each in found.near] == [("train/cat/0003.jpg", "train/cat/0003.jpg")]
    assert sorted(found.lost) == ["train/cat/0003.jpg", "train/cat/0004.jpg"]
    assert sorted(found.moved) == [
        ("train/cat/0000.jpg", "train/cat/renamed.jpg"), ("train/cat/0002.jpg", "train/dog/0002.jpg"),
    ]  # fmt: skip
    assert found.repeated == [("train/cat/0001.jpg", 1, 2)]
    assert found.relabelled == [("train/dog/0002.jpg", ("cat",), ("dog",))]
    assert found.kept == 2 and not found.empty


def test_a_version_is_as_itself_and_a_fingerprint_does_too(two, tmp_path):
    old, new = two
    same = versions.diff(old, old)
    assert same.empty and same.kept == 6
    fingerprint.write(fingerprint.of(old), tmp_path / "old.parquet")
    found = versions.diff(fingerprint.read(tmp_path / "old.parquet"), new)
    assert found.added == ["train/dog/fresh.png"] and len(found.lost) == 2 and not found.relabelled
    assert found.lost[0] == old.frame["sha256"][3][:12] and found.repeated == [("train/cat/0001.jpg", 1, 2)]


def test_the_newer_version_may_be_a_fingerprint(two, tmp_path, capsys):
    old, new = two
    whole = versions.diff(old, new)
    for names in (True, False):
        for each, dataset in (("old", old), ("new", new)):
            made = fingerprint.of(dataset, names=names)
            fingerprint.write(made, tmp_path / f"{each}.parquet", overwrite=True)
        known = fingerprint.read(tmp_path / "new.parquet")
        for before in (old, fingerprint.read(tmp_path / "old.parquet")):
            found = versions.diff(before, known)
            assert found.unlabelled and not found.relabelled and not found.redrawn
            assert len(found.added) == len(found.near) == len(found.repeated) == 1 and len(found.lost) == 2
            if names:
                assert (found.added, found.moved, found.lost) == (whole.added, whole.moved, whole.lost)
            else:
                assert not found.moved
        assert versions.diff(new, known).empty and versions.diff(known, known).empty
    assert main(["diff", "old", str(tmp_path / "new.parquet")]) == 1
    assert "labels: not known" in capsys.readouterr().out
    fingerprint.write(fingerprint.of(new, hash_only=True), tmp_path / "hashes.parquet")
    assert main(["diff", "old", str(tmp_path / "hashes.parquet")]) == 2
    assert "hashes alone" in capsys.readouterr().err


def test_on_the_command_line(two, capsys):
    assert main(["diff", "old", "old"]) == 0
    assert "6 images as before.\n" in capsys.readouterr().out
    assert main(["diff", "old", "new"]) == 1
    said = capsys.readouterr().out
    assert "added: 1\n  train/dog/fresh.png\n" in said and "train/dog/0002.jpg: cat to dog" in said
    assert main(["diff", "old", "new", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["moved"][0] == ["train/cat/0000.jpg", "train/cat/renamed.jpg"]


def test_a_copy_less_is_a_difference(home, tmp_path):
    folder_of_photos(tmp_path / "v1", 2)
    shutil.copy(tmp_path / "v1/0000.jpg", tmp_path / "v1/copy.jpg")
    shutil.copytree(tmp_path / "v1", tmp_path / "v2")
    (tmp_path / "v2/copy.jpg").unlink()
    found = versions.diff(dedup.scan(tmp_path / "v1", workers=1), dedup.scan(tmp_path / "v2", workers=1))
    assert found.fewer == [("0000.jpg", 2, 1)] and not found.empty


def test_boxes_that_moved_are_told_and_labels_of_a_fingerprint_are_not_known(home, tmp_path, capsys):
    folder_of_photos(tmp_path / "v1/images", 2)
    (tmp_path / "v1/labels").mkdir()
    for name in ("0000", "0001"):
        (tmp_path / f"v1/labels/{name}.txt").write_text("0 0.5 0.5 0.2 0.2\n0 0.3 0.3 0.1 0.1\n")
    shutil.copytree(tmp_path / "v1", tmp_path / "v2")
    (tmp_path / "v2/labels/0000.txt").write_text("0 0.3 0.3 0.1 0.1\n0 0.6 0.5 0.2 0.2\n")
    (tmp_path / "v2/labels/0001.txt").write_text("0 0.3 0.3 0.1 0.1\n0 0.5 0.5 0.2 0.2\n")  # the same, otherwise told
    old, new = (dedup.scan(tmp_path / each, use_found=True, workers=1) for each in ("v1", "v2"))
    found = versions.diff(old, new)
    assert found.redrawn == ["images/0000.jpg"] and found.kept == 1 and not found.empty
    fingerprint.write(fingerprint.of(old), tmp_path / "old.parquet")
    found = versions.diff(fingerprint.read(tmp_path / "old.parquet"), old)
    assert found.empty and found.kept == 2 and found.unlabelled and not found.moved
    assert main(["diff", str(tmp_path / "old.parquet"), "v1"]) == 0
    assert "labels: not known" in capsys.readouterr().out


def test_labels_of_a_version_that_was_encoded_anew_are_compared(home, tmp_path):
    folder_of_photos(tmp_path / "old", 3)
    boxes = {"0000.jpg": ("cat", 10), "0001.jpg": ("cat", 20), "0002.jpg": ("dog", 30)}

    def labels(folder, boxes):
        rows = [f"{name},{label},{x},10,{x + 20},40" for name, (label, x) in boxes.items()]
        (folder / "labels.csv").write_text("filename,class,xmin,ymin,xmax,ymax\n" + "\n".join(rows) + "\n")

    labels(tmp_path / "old", boxes)
    (tmp_path / "new").mkdir()
    for file in (tmp_path / "old").glob("*.jpg"):
        with Image.open(file) as picture:
            picture.save(tmp_path / "new" / file.name, quality=60)
    labels(tmp_path / "new", boxes | {"0000.jpg": ("dog", 10), "0001.jpg": ("cat", 26)})
    old, new = (dedup.scan(tmp_path / name, use_found=True) for name in ("old", "new"))
    found = versions.diff(old, new)
    assert len(found.near) == 3 and found.relabelled == [("0000.jpg", ("cat",), ("dog",))]
    assert found.redrawn == ["0001.jpg"]
