"""remove and apply on the command line: what goes, what stays and why, what is lost, and decisions made meanwhile."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import dedup
from dedup.cli import main
from dedup.review import acts
from dedup.store.decisions import PROTECTED
from tests.pictures import folder_of_photos


def fill(folder: Path) -> None:
    """Two photographs, each with a copy in the folder `b`."""
    folder_of_photos(folder, 2)
    (folder / "b").mkdir()
    for name in ("0000.jpg", "0001.jpg"):
        shutil.copy(folder / name, folder / "b" / name)


def decide(step: acts.Step) -> None:
    dedup.open("set").decisions.decide(step.changes, step.label)


def keep(path: str) -> None:
    now = acts.state(dedup.open("set"))
    decide(acts.keep(now, now.frame.index[now.frame["path"] == path][0]))


def planned(tmp_path) -> list[str]:
    """A plan in a file, and the command that carries it out."""
    assert main(["plan", "set", "--output", str(tmp_path / "plan.json"), "--overwrite"]) == 0
    return ["apply", "set", str(tmp_path / "plan.json")]


def test_what_is_held_back_is_said(folder, tmp_path, capsys):
    decide(acts.folder_step("", PROTECTED))
    capsys.readouterr()
    assert main(["remove", "set", "--json"]) == 0
    preview = json.loads(capsys.readouterr().out)
    assert preview["remove"] == [] and [each["path"] for each in preview["stay"]] == ["b/0000.jpg", "b/0001.jpg"]
    assert "protected" in preview["stay"][0]["reason"]
    apply = planned(tmp_path)
    assert "2 images stay (b/0000.jpg, ...): " in capsys.readouterr().out
    for command in (["remove", "set", "--apply"], apply):
        assert main(command) == 0
        told = capsys.readouterr().out
        assert "Removed 0 images" in told and "2 images stay (b/0000.jpg, ...): " in told


@pytest.mark.parametrize("way", ["remove", "apply"])
def test_what_goes_is_told_where_names_of_folders_are_no_labels(way, folder, tmp_path, capsys):
    assert main(["folders", "set", "--no-classes"]) == 0
    command = planned(tmp_path) if way == "apply" else ["remove", "set", "--apply"]
    assert main(command) == 0
    told = capsys.readouterr()
    assert "Removed 2 images" in told.out and not told.err
    assert not list(folder.glob("b/*")) and len(dedup.open("set").frame) == 2


def test_machines_are_told_everything(folder, tmp_path, capsys):
    entry = {
        "path": "b/0000.jpg",
        "bytes": (folder / "0000.jpg").stat().st_size,
        "keeper": "0000.jpg",
        "companions": [],
    }
    apply = [*planned(tmp_path), "--json"]
    for command, key in ((["remove", "set", "--json"], "remove"), (apply, "done")):
        capsys.readouterr()
        assert main(command) == 0
        first = json.loads(capsys.readouterr().out)[key][0]
        assert first == entry | {"reason": first["reason"]} and first["reason"]
    assert main(apply) == 0
    assert json.loads(capsys.readouterr().out) | {"lost": ""} == {
        "done": [],
        "already": ["b/0000.jpg", "b/0001.jpg"],
        "stay": [],
        "refused": [],
        "lost": "",
    }
    assert main(apply[:-1]) == 0
    assert "2 images left before" in capsys.readouterr().out


def test_what_was_deleted_cannot_be_restored_and_that_is_said(folder, tmp_path, capsys):
    assert main([*planned(tmp_path), "--how", "delete", "--allow-delete"]) == 0
    told = capsys.readouterr().out
    assert "Deleted 2 images" in told and "cannot bring back" in told
    assert main(["restore", "set"]) == 0
    assert "2 images deleted before cannot be brought back" in capsys.readouterr().out
    assert main(["restore", "set", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["deleted"] == ["b/0000.jpg", "b/0001.jpg"]


def test_labels_that_leave_are_said(folder, tmp_path, capsys):
    document = {
        "images": [{"id": 1, "file_name": "b/0000.jpg"}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [
            {"id": n, "image_id": 1, "category_id": 1, "bbox": [5, 5 + 30 * n, 20, 20], "area": 400, "iscrowd": 0}
            for n in range(2)
        ],
    }
    (tmp_path / "coco.json").write_text(json.dumps(document))
    assert main(["scan", str(folder), "--name", "set", "--annotations", str(tmp_path / "coco.json")]) == 0
    now = acts.state(dedup.open("set"))
    assert main(["tag", "set", "go", "--where", "'b/' in path"]) == 0 and len(now.members) == 2
    command = ["remove", "set", "--tag", "go", "--no-unite-tags"]
    for options in ([], ["--apply"]):
        capsys.readouterr()
        assert main([*command, *options]) == 0
        assert "--unite-annotations gives them to copies that stay" in capsys.readouterr().out
    assert main(["restore", "set"]) == 0
    assert main(["remove", "set", "--tag", "go", "--json"]) == 0
    capsys.readouterr()
    assert main([*command, "--unite-annotations"]) == 0
    assert "leave with their images" not in capsys.readouterr().out


def test_what_was_decided_after_the_plan_holds(folder, tmp_path, capsys):
    apply = planned(tmp_path)
    decide(acts.folder_step("b", PROTECTED))
    assert main(apply) == 1
    assert (folder / "b/0000.jpg").exists() and "protected" in capsys.readouterr().err
    assert main(["undo", "set"]) == 0
    keep("b/0000.jpg")
    assert main(apply) == 1
    assert (folder / "b/0000.jpg").exists() and not (folder / "b/0001.jpg").exists()
    assert "a person chose it to stay" in capsys.readouterr().err


def test_copies_that_a_person_keeps_beside_their_keeper_are_no_redundant_ones(folder, capsys):
    now = acts.state(dedup.open("set"))
    decide(acts.apart(now, now.frame.index[now.frame["path"] == "b/0000.jpg"][0]))
    assert main(["remove", "set", "--exact", "--apply"]) == 0
    assert (folder / "b/0000.jpg").exists() and not (folder / "b/0001.jpg").exists()
    assert "b/0000.jpg stays: a person chose it to stay." in capsys.readouterr().out


@pytest.mark.parametrize("command", [["remove", "set", "--apply"], None], ids=["remove", "plan and apply"])
def test_once_anything_was_decided_only_that_goes_until_more_is_asked_for(command, folder, tmp_path, capsys):
    keep("0000.jpg")
    for _ in range(2):
        assert main(command or planned(tmp_path)) == 0
        assert not (folder / "b/0000.jpg").exists() and (folder / "b/0001.jpg").exists()
        assert "Only what people decided goes; --exact" in capsys.readouterr().out
    assert main(["undo", "set"]) == 0  # the choice is taken back after its copy has left
    assert main(command or planned(tmp_path)) == 0
    assert (folder / "b/0001.jpg").exists()
    assert main(["remove", "set", "--exact", "--apply"]) == 0
    assert not (folder / "b/0001.jpg").exists() and (folder / "0001.jpg").exists()


def test_a_removal_says_what_it_is_made_of(folder, tmp_path, capsys):
    assert main(["tag", "set", "go", "--where", "path == 'b/0001.jpg'"]) == 0
    plan = ["plan", "set", "--overwrite", "--output", str(tmp_path / "plan.json")]

    def told(*options: str) -> list[str]:
        bases = []
        for command in (["remove", "set"], plan):
            capsys.readouterr()
            assert main([*command, *options, "--json"]) == 0
            bases.append(json.loads(capsys.readouterr().out)["basis"])
        return bases

    assert told() == ["exact copies, nothing decided"] * 2
    assert told("--tag", "go") == ["tag"] * 2
    keep("0000.jpg")
    assert told() == ["decisions"] * 2
    assert told("--exact") == ["exact copies"] * 2
    assert main([*plan, "--exact", "--tag", "go"]) == 2


def test_a_tag_says_more_than_an_earlier_choice(folder, tmp_path):
    keep("b/0000.jpg")
    assert main(["tag", "set", "go", "--where", "path == 'b/0000.jpg'"]) == 0
    plan = tmp_path / "plan.json"
    assert main(["plan", "set", "--tag", "go", "--output", str(plan)]) == 0
    assert main(["apply", "set", str(plan)]) == 0
    assert not (folder / "b/0000.jpg").exists() and (folder / "0000.jpg").exists()
