"""The gate on the command line: it answers about the folder as it is now, and about all that is asked."""

from __future__ import annotations

import json
import shutil

import pytest

import dedup
from dedup.cli import main
from tests.pictures import detailed, folder_of_photos, photo, save


def said(capsys) -> str:
    return capsys.readouterr().out


def test_a_folder_is_itself_and_no_dataset_of_its_name(home, tmp_path, monkeypatch, capsys):
    folder_of_photos(tmp_path / "one/batch", 2)
    folder_of_photos(tmp_path / "two/batch", 2)
    shutil.copy(tmp_path / "two/batch/0000.jpg", tmp_path / "two/batch/copy.jpg")
    for place, code in (("one", 0), ("two", 1)):
        monkeypatch.chdir(tmp_path / place)
        assert main(["check", "batch", "--max-exact", "0"]) == code


def test_of_several_datasets_on_a_folder_the_one_to_check_is_named(home, tmp_path, capsys):
    folder_of_photos(tmp_path / "in", 2)
    (tmp_path / "splits.csv").write_text("path,split\n0000.jpg,train\ncopy.jpg,test\n")
    shutil.copy(tmp_path / "in/0000.jpg", tmp_path / "in/copy.jpg")
    check = ["check", str(tmp_path / "in"), "--max-leaks", "0"]
    assert main(check) == 0
    assert said(capsys).startswith(f"in: 3 images of {tmp_path / 'in'}\n")
    assert main(["scan", str(tmp_path / "in"), "--name", "a split one"]) == 0
    assert main(["splits", "a split one", "--csv", str(tmp_path / "splits.csv")]) == 0
    capsys.readouterr()
    for verb in (check, ["scan", str(tmp_path / "in")]):
        assert main(verb) == 2
        assert "belongs to the datasets a split one, in. Say which with --name" in capsys.readouterr().err
    for name, code in (("in", 0), ("a split one", 1)):
        assert main([*check, "--name", name, "--json"]) == code
        assert json.loads(said(capsys))["dataset"] == name
    assert main(["check", "in", "--max-leaks", "0"]) == 0


def test_what_was_scanned_before_is_looked_at_again(home, tmp_path, monkeypatch, capsys):
    folder_of_photos(tmp_path / "batch", 2)
    assert main(["scan", str(tmp_path / "batch")]) == 0
    shutil.copy(tmp_path / "batch/0000.jpg", tmp_path / "batch/copy.jpg")
    monkeypatch.chdir(tmp_path / "batch")  # nothing is called `batch` here but the dataset
    assert main(["check", "batch", "--max-exact", "0"]) == 1
    (tmp_path / "batch").rename(tmp_path / "away")
    capsys.readouterr()
    assert main(["check", "batch", "--max-exact", "0"]) == 1
    assert "cannot be checked as it is now" in capsys.readouterr().err
    assert main(["check", "nowhere", "--max-exact", "0"]) == 2
    assert "no folder or list nowhere" in capsys.readouterr().err


def test_a_list_of_files_is_checked_too(home, tmp_path, capsys):
    folder_of_photos(tmp_path / "in", 2)
    shutil.copy(tmp_path / "in/0000.jpg", tmp_path / "in/copy.jpg")
    (tmp_path / "list.txt").write_text("in/0000.jpg\nin/copy.jpg\n")
    assert main(["check", str(tmp_path / "list.txt"), "--max-exact", "0"]) == 1


@pytest.fixture
def base(home, tmp_path):
    """A dataset `base` of three photographs, the name of which is no folder here."""
    folder_of_photos(tmp_path / "base", 3)
    assert main(["scan", str(tmp_path / "base")]) == 0
    return tmp_path


def test_limits_hold_beside_a_comparison(base, capsys):
    folder_of_photos(base / "new", 2, start=50)
    check = ["check", str(base / "new"), "--against", "base"]
    assert main([*check, "--max-exact", "0"]) == 0
    shutil.copy(base / "new/0050.jpg", base / "new/copy.jpg")
    assert main(check) == 0
    said(capsys)
    assert main([*check, "--max-exact", "0"]) == 1
    told = said(capsys)
    assert "exact duplicates: 1, more than the 0 allowed." in told and "0 images of 3 known already." in told
    assert told.endswith("\nFailed: too many exact duplicates.\n")
    assert main([*check, "--max-exact", "1", "--json"]) == 0
    shutil.copy(base / "base/0000.jpg", base / "new/known.jpg")
    said(capsys)
    assert main([*check, "--max-exact", "0"]) == 1
    assert said(capsys).endswith("\nFailed: too many exact duplicates, 1 image known already.\n")
    assert main([*check, "--max-exact", "1"]) == 1
    assert said(capsys).endswith("\nFailed: 1 image known already.\n")
    assert main([*check, "--max-exact", "1", "--json"]) == 1
    answer = json.loads(said(capsys))
    assert not answer["passed"] and [each["path"] for each in answer["known"]] == ["known.jpg"]
    assert answer["findings"]["exact duplicates"] == {"count": 1, "limit": 1}


def test_files_that_cannot_be_read_do_not_pass(base, capsys):
    folder_of_photos(base / "new", 1, start=50)
    for name in ("x.jpg", "y.jpg"):
        (base / "new" / name).write_text(f"broken {name}")
    for options in (["--max-exact", "0"], ["--against", "base"], ["--max-failed", "1"]):
        said(capsys)
        assert main(["check", str(base / "new"), *options]) == 1
        assert "unreadable files: 2, more than the" in said(capsys)
    assert main(["check", str(base / "new"), "--against", "base", "--json"]) == 1
    assert json.loads(said(capsys))["findings"]["unreadable files"] == {"count": 2, "limit": 0}
    assert main(["check", str(base / "new"), "--max-exact", "0", "--max-failed", "2"]) == 0


def test_leaks_without_splits_are_remarked_upon(base, capsys):
    said(capsys)
    assert main(["check", "base", "--max-leaks", "0"]) == 0
    told = said(capsys)
    assert "leaks: 0, of 0 allowed (no image has a split" in told and told.endswith("\nPassed.\n")
    assert main(["check", "base", "--max-leaks", "0", "--json"]) == 0
    finding = json.loads(said(capsys))["findings"]["leaks"]
    assert finding["count"] == 0 and "dedup splits" in finding["remark"]


def test_a_thorough_gate_finds_a_test_image_in_a_crop_of_the_training_set(home, tmp_path, capsys):
    scene = detailed(1, (400, 300))
    save(scene, tmp_path / "in/test/scene.png")
    save(scene.crop((100, 60, 300, 210)), tmp_path / "in/train/cut.png")
    folder, name = str(tmp_path / "in"), "in"
    assert main(["check", folder, "--max-leaks", "0"]) == 0
    assert main(["check", name, "--max-leaks", "0", "--thorough"]) == 1
    assert "leaks: 1, more than the 0 allowed" in said(capsys) and dedup.open(name).info.thorough
    assert main(["check", folder, "--max-leaks", "0"]) == 1, "a dataset keeps what it was told"
    assert main(["check", folder, "--max-leaks", "0", "--not-thorough"]) == 0


def test_a_development_set_leaks_like_any_other(home, tmp_path, capsys):
    folder_of_photos(tmp_path / "in/train", 2)
    folder_of_photos(tmp_path / "in/more", 2, start=10)
    check = ["check", str(tmp_path / "in"), "--max-leaks", "0"]
    assert main(check) == 0
    assert "2 images without a split, such as more/0010.jpg" in said(capsys)
    shutil.copytree(tmp_path / "in/train", tmp_path / "in/dev")
    assert main(check) == 1
    assert "leaks: 2, more than the 0 allowed" in said(capsys)
    frame = dedup.open("in").frame
    assert frame["keeper_reason"][frame["role"] == "keeper"].tolist() == ["is in the dev split"] * 2


def test_a_check_of_nothing_is_a_mistake(base, capsys):
    for options in ([], ["--json"]):
        capsys.readouterr()
        assert main(["check", "base", *options]) == 2
        answer = capsys.readouterr()
        assert "Nothing was checked" in answer.err and answer.out == ""


def test_nothing_is_compared_with_itself(base, capsys):
    for folder in ("base", str(base / "base")):
        capsys.readouterr()
        assert main(["check", folder, "--against", "base"]) == 2
        assert "one and the same folder" in capsys.readouterr().err


def test_what_hashes_alone_cannot_find_is_said(base, capsys):
    folder_of_photos(base / "new", 1, start=50)
    for options, expected in (([], False), (["--hash-only"], True)):
        file = str(base / f"{expected}.parquet")
        assert main(["fingerprint", "export", "base", "--output", file, *options]) == 0
        said(capsys)
        assert main(["check", str(base / "new"), "--against", file]) == 0
        assert ("holds hashes alone" in said(capsys)) == expected
        assert main(["check", str(base / "new"), "--against", file, "--json"]) == 0
        assert json.loads(said(capsys))["hash_only"] == expected


def test_a_scan_counts_near_duplicates_as_the_gate_does(home, tmp_path, capsys):
    folder_of_photos(tmp_path / "in", 2)
    save(photo(0).resize((80, 60)), tmp_path / "in/small.jpg", quality=90)
    assert main(["scan", str(tmp_path / "in")]) == 0
    assert "2 near duplicates (1 except keepers)" in said(capsys)
    assert main(["check", "in", "--max-near", "0"]) == 1
    assert "near duplicates except keepers: 1, more than the 0 allowed" in said(capsys)
    assert main(["threshold", "in"]) == 0
    assert "2 near duplicates (1 except keepers)" in said(capsys)
    assert len(dedup.datasets()) == 1
