"""The classic script in one command."""

from __future__ import annotations

import json
import shlex
import shutil

import pytest
from PIL import Image

from dedup.cli import main
from tests.pictures import folder_of_photos, photo, save


def said(capsys) -> str:
    return capsys.readouterr().out


@pytest.fixture
def folder(tmp_path, home):
    """Three photographs; of the second an exact and two equal near copies, of the first a near one."""
    folder_of_photos(tmp_path / "in", 3)
    shutil.copy(tmp_path / "in/0001.jpg", tmp_path / "in/copy of 0001.jpg")
    save(photo(1).transpose(Image.Transpose.ROTATE_90), tmp_path / "in/turned.jpg", quality=90)
    shutil.copy(tmp_path / "in/turned.jpg", tmp_path / "in/turned again.jpg")
    save(photo(0).transpose(Image.Transpose.FLIP_LEFT_RIGHT), tmp_path / "in/mirrored.jpg", quality=90)
    return tmp_path / "in"


def test_exact_copies_are_listed_with_their_hashes_and_nothing_is_touched(folder, tmp_path, capsys):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert main(["detect", str(folder), "--montage", str(tmp_path / "montages")]) == 0
    told = said(capsys)
    assert "7 images in" in told and "2 copies more than needed in 2 groups of exact copies" in told
    assert told.count("  hash ") == 4 and "mirrored" not in told
    assert "copy of 0001.jpg" in told and "turned again.jpg" in told
    assert len(list((tmp_path / "montages").glob("*.png"))) == 2
    assert f"dedup detect {folder} --remove" in told
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_near_copies_when_asked_for(folder, capsys):
    assert main(["detect", str(folder), "--near", "--json"]) == 0
    found = json.loads(said(capsys))
    assert found["images"] == 7 and found["copies"] == 4 and len(found["groups"]) == 2
    assert {len(group["images"]) for group in found["groups"]} == {2, 4}
    assert all(image["hash"] and image["sha256"] for group in found["groups"] for image in group["images"])


def test_hashes_of_imagehash_beside_the_groups(folder, capsys):
    assert main(["detect", str(folder), "--hash", "dhash", "--json"]) == 0
    images = [image for group in json.loads(said(capsys))["groups"] for image in group["images"]]
    assert all(len(image["hash:dhash"]) == 16 for image in images)
    assert main(["detect", str(folder), "--hash", "dhash"]) == 0
    assert f"  dhash {images[0]['hash:dhash']}" in said(capsys)
    assert main(["detect", str(folder), "--hash", "nohash"]) == 2


@pytest.mark.parametrize(("near", "left"), [([], 5), (["--near"], 3)])
def test_all_but_one_of_each_leave_when_asked_and_come_back(folder, capsys, near, left):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert main(["detect", str(folder), "--remove", *near]) == 0
    told = said(capsys)
    assert f"7 images before, {left} after." in told and "dedup restore in" in told
    assert len(list(folder.iterdir())) == left
    assert main(["detect", str(folder), "--remove", *near]) == 0
    assert f"{left} images before, {left} after." in said(capsys)
    assert main(["restore", "in"]) == 0
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_the_next_command_means_the_same_dataset(tmp_path, capsys, monkeypatch):
    folder, elsewhere = tmp_path / "my pictures", tmp_path / "other home"
    folder_of_photos(folder, 2)
    shutil.copy(folder / "0001.jpg", folder / "copy.jpg")
    assert main(["detect", str(folder), "--home", str(elsewhere), "--name", "two"]) == 0
    command = next(line for line in said(capsys).splitlines() if "dedup detect" in line).partition(": dedup ")[2]
    assert main(shlex.split(command)) == 0 and len(list(folder.iterdir())) == 2
    back = next(line for line in said(capsys).splitlines() if "dedup restore" in line).partition(": dedup ")[2]
    assert main(shlex.split(back)) == 0 and len(list(folder.iterdir())) == 3


def test_what_a_person_keeps_stays(folder, capsys):
    import dedup
    from dedup.review import acts

    made = dedup.scan(folder)
    now = acts.state(made)
    row = made.frame.index[made.frame["name"] == "mirrored.jpg"][0]
    step = acts.keep(now, int(row))
    made.decisions.decide(step.changes, step.label)
    assert main(["detect", str(folder), "--near", "--remove"]) == 0
    assert (folder / "mirrored.jpg").exists()


def test_a_folder_without_copies(tmp_path, home, capsys):
    folder_of_photos(tmp_path / "in", 2)
    assert main(["detect", str(tmp_path / "in"), "--remove"]) == 0
    told = said(capsys)
    assert "2 images in" in told and "no exact copies" in told and "2 images before, 2 after." in told


def test_the_classic_story_on_a_thousand_dogs(shared_data, home, tmp_path, capsys):
    source = shared_data / "B-dogs-7dups" / "dataset"
    dogs = shutil.copytree(source, tmp_path / "dogs")
    assert main(["detect", str(dogs), "--montage", str(tmp_path / "montages"), "--remove"]) == 0
    told = said(capsys)
    assert "1,000 images in" in told and "7 copies more than needed in 3 groups" in told
    assert "1,000 images before, 993 after." in told
    assert len(list((tmp_path / "montages").glob("*.png"))) == 3 and len(list(dogs.iterdir())) == 993
    assert main(["restore", "dogs"]) == 0
    originals = {path.name: path.read_bytes() for path in source.iterdir()}
    assert {path.name: path.read_bytes() for path in dogs.iterdir()} == originals and len(originals) == 1000
