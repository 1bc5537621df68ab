"""scan on the command line: a folder that moved goes on with its dataset, and nothing is left half done."""

from __future__ import annotations

import json
import os

import pytest

import dedup
from dedup.cli import main
from dedup.review import acts
from tests.pictures import folder_of_photos


@pytest.fixture
def moved(tmp_path, home):
    """A folder of photographs with a copy, decided on, and an annotation file; it moved since it was scanned."""
    photos = folder_of_photos(tmp_path / "old/set", 3)
    (tmp_path / "old/set/copy.jpg").write_bytes(photos[0].read_bytes())
    document = {
        "images": [{"id": 1, "file_name": "0001.jpg"}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [5, 5, 20, 20], "area": 400, "iscrowd": 0}],
    }
    (tmp_path / "old/set/labels.json").write_text(json.dumps(document))
    assert main(["scan", str(tmp_path / "old/set"), "--annotations", str(tmp_path / "old/set/labels.json")]) == 0
    dataset = dedup.open("set")
    step = acts.accept(acts.state(dataset), 0)
    dataset.decisions.decide(step.changes, step.label)
    (tmp_path / "old").rename(tmp_path / "new")
    return tmp_path / "new/set"


def test_a_folder_that_moved_is_told_and_goes_on_with_its_decisions_and_labels(moved, capsys):
    def notes(*arguments: str) -> list[str]:
        capsys.readouterr()
        assert main(["scan", str(moved), *arguments, "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        return told["annotation_notes"] + told["notes"]

    (note,) = [note for note in notes() if "gone" in note]
    assert f"`dedup scan {moved} --name set`" in note and "`dedup forget set-2`" in note
    assert all("gone" not in note for note in notes("--name", "set"))
    dataset = dedup.open("set")
    assert dataset.root == moved and dataset.info.annotations == (str(moved / "labels.json"),)
    assert dataset.frame["annotations"].sum() == 1
    now = acts.state(dataset)
    assert [now.path(row) for row in now.dropped] == ["copy.jpg"]
    assert all("gone" not in note for note in notes("--name", "set-2"))


def test_other_images_are_not_taken_for_a_folder_that_moved(moved, tmp_path, capsys):
    folder_of_photos(tmp_path / "others", 3, start=2)  # one of the images of the other, at another path
    os.rename(tmp_path / "others/0002.jpg", tmp_path / "others/0000.jpg")
    capsys.readouterr()
    assert main(["scan", str(tmp_path / "others"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["notes"] == []


def test_an_annotation_file_that_is_gone_leaves_nothing_half_done(moved, capsys):
    (moved / "0001.jpg").rename(moved / "renamed.jpg")
    dedup.open("set").decisions.decide([("split", "0001.jpg", "", "test")], "Set a split")
    (moved / "labels.json").unlink()
    capsys.readouterr()
    assert main(["scan", str(moved), "--name", "set"]) == 1
    assert "Cannot read the annotation file" in capsys.readouterr().out
    frame = dedup.open("set").frame
    assert frame.loc[frame["split"] == "test", "path"].tolist() == ["renamed.jpg"]


def test_nothing_is_asked_of_a_dataset_that_is_not_there(home, capsys):
    assert main(["forget", "../elsewhere"]) == 2
    told = capsys.readouterr()
    assert "There is no dataset '../elsewhere'" in told.err and "Forget" not in told.out
