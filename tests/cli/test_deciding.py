"""Plans, gates, fingerprints, leaks, clashes and verdicts on the command line."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image

import dedup
from dedup.cli import main
from dedup.labels.resolve import Choice
from dedup.review import acts, verdicts
from tests.pictures import folder_of_photos, photo, save


def fill(folder: Path) -> None:
    """A train and a test folder of two classes: an exact copy leaks, a mirrored copy is labelled differently."""
    folder_of_photos(folder / "train/cat", 3)
    folder_of_photos(folder / "train/dog", 2, start=10)
    save(photo(0), folder / "test/cat/leak.jpg", quality=92)
    save(photo(1).transpose(Image.Transpose.FLIP_LEFT_RIGHT), folder / "train/dog/mirror.jpg", quality=90)


def test_a_plan_is_a_file_that_apply_carries_out_and_restore_undoes(folder, tmp_path, capsys):
    plan = tmp_path / "plan.json"
    assert main(["plan", "set", "--output", str(plan)]) == 0
    (entry,) = json.loads(plan.read_text())["entries"]
    assert entry["path"] == "train/cat/0000.jpg" and entry["keeper_path"] == "test/cat/leak.jpg"
    assert (folder / entry["path"]).exists()
    assert main(["plan", "set", "--output", str(plan)]) == 1
    assert "exists already" in capsys.readouterr().err
    assert main(["plan", "set", "--output", str(plan), "--overwrite"]) == 0
    assert main(["apply", "set", str(plan)]) == 0
    assert not (folder / entry["path"]).exists() and len(dedup.open("set").frame) == 6
    assert main(["apply", "set", str(plan)]) == 0  # again: nothing is left to do
    assert main(["verify", "set"]) == 0
    assert main(["restore", "set"]) == 0 and (folder / entry["path"]).exists()


def test_deleting_must_be_allowed(folder, tmp_path, capsys):
    plan = tmp_path / "plan.json"
    assert main(["plan", "set", "--output", str(plan)]) == 0
    assert main(["apply", "set", str(plan), "--how", "delete"]) == 1
    complaint = capsys.readouterr().err
    assert "cannot be undone" in complaint and "--allow-delete" in complaint
    assert main(["apply", "set", str(tmp_path / "nothing.json")]) == 2


def test_check_is_a_gate(folder, capsys):
    assert main(["check", "set", "--max-exact", "1", "--max-near", "1", "--max-leaks", "1", "--max-clashes", "1"]) == 0
    for option in ("--max-exact", "--max-near", "--max-leaks", "--max-clashes"):
        assert main(["check", str(folder), option, "0"]) == 1, option
    capsys.readouterr()
    assert main(["check", "set", "--max-exact", "0", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["findings"]["exact duplicates"] == {"count": 1, "limit": 0}
    assert main(["check", "set", "--max-exact", "0"]) == 1
    assert "exact duplicates: 1, more than the 0 allowed" in capsys.readouterr().out


def test_a_new_batch_is_checked_against_a_dataset_and_a_fingerprint(folder, tmp_path, capsys):
    save(photo(2).resize((60, 45)), tmp_path / "new/small.jpg", quality=90)
    save(photo(77), tmp_path / "new/unknown.jpg")
    fingerprint = tmp_path / "known.parquet"
    assert main(["fingerprint", "export", "set", "--output", str(fingerprint), "--names"]) == 0
    for known in ("set", str(fingerprint)):
        capsys.readouterr()
        assert main(["check", str(tmp_path / "new"), "--against", known, "--json"]) == 1
        (match,) = json.loads(capsys.readouterr().out)["known"]
        assert (match["path"], match["known"]) == ("small.jpg", "train/cat/0002.jpg")


def test_leaks_are_shown_with_their_repair(folder, tmp_path, capsys):
    capsys.readouterr()
    assert main(["leaks", "set", "--csv", str(tmp_path / "moves.csv")]) == 1
    assert "train/cat/0000.jpg: train to test" in capsys.readouterr().out
    assert "train/cat/0000.jpg" in (tmp_path / "moves.csv").read_text()


def test_clashes_are_shown(folder, capsys):
    capsys.readouterr()
    assert main(["clashes", "set"]) == 1
    assert "1 label clash." in capsys.readouterr().out


def test_decided_clashes_pass_and_are_exported(folder, tmp_path, capsys):
    dataset = dedup.open("set")
    (case,) = dataset.clashes
    dataset.decisions.decide([case.change(Choice.MERGE)], "Decide a label clash")
    capsys.readouterr()
    assert main(["clashes", "set"]) == 0
    assert "(decided: merge)" in capsys.readouterr().out
    assert main(["export", "set", "--to", "coco", "--output", str(tmp_path / "out.json")]) == 0
    images = json.loads((tmp_path / "out.json").read_text())["images"]
    classes = {image["file_name"]: image["dedup"]["classes"] for image in images}
    assert classes["train/dog/mirror.jpg"] == classes["train/cat/0001.jpg"] == ["cat", "dog"]


def test_verdicts_travel_between_machines(folder, tmp_path):
    dataset = dedup.open("set")
    near = dataset.pairs[dataset.pairs["kind"] == "near"].iloc[0]
    one, other = (dataset.frame["sha256"][int(near[side])] for side in ("left", "right"))
    dataset.decisions.decide([verdicts.change(one, other)], "Not a duplicate")
    file = tmp_path / "verdicts.json"
    assert main(["verdicts", "export", "set", "--output", str(file)]) == 0
    assert main(["verdicts", "export", "set", "--output", str(file)]) == 1
    assert main(["verdicts", "export", "set", "--output", str(file), "--overwrite"]) == 0
    elsewhere = ["--home", str(tmp_path / "elsewhere")]
    assert main(["scan", str(folder), "--name", "set", *elsewhere]) == 0
    assert main(["verdicts", "import", "set", str(file), *elsewhere]) == 0
    assert (dedup.open("set", home=tmp_path / "elsewhere").frame["kind"] == "near").sum() == 0


def test_what_is_to_leave_travels_with_the_verdicts(folder, tmp_path, capsys):
    dataset = dedup.open("set")
    images = dataset.frame
    (near,) = images.index[(images["kind"] == "near") & (images["role"] == "duplicate")]
    kept, goes = images["path"][near], images["path"][images["keeper"][near]]
    step = acts.keep(acts.state(dataset), near)  # which is not the one that the rules keep
    dataset.decisions.decide(step.changes, step.label)
    file, elsewhere = tmp_path / "verdicts.json", ["--home", str(tmp_path / "elsewhere")]
    assert main(["verdicts", "export", "set", "--output", str(file)]) == 0
    assert main(["scan", str(folder.rename(tmp_path / "theirs")), "--name", "set", *elsewhere]) == 0
    assert main(["verdicts", "import", "set", str(file), *elsewhere]) == 0
    assert main(["plan", "set", "--output", str(tmp_path / "plan.json"), *elsewhere]) == 0
    (entry,) = json.loads((tmp_path / "plan.json").read_text())["entries"]
    assert (entry["path"], entry["keeper_path"]) == (goes, kept)
    assert main(["undo", "set", *elsewhere]) == 0
    there = acts.state(dedup.open("set", home=tmp_path / "elsewhere"))
    assert not there.dropped and len(there.open) == 2
