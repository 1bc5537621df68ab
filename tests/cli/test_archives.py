"""Verbs about images that lie in an archive: what would go is told, and nothing leaves."""

from __future__ import annotations

import hashlib
import shlex
import shutil
import zipfile
from pathlib import Path

import pytest

from dedup.cli import main
from tests.packed import zipped
from tests.pictures import folder_of_photos, photo, save


@pytest.fixture
def archive(tmp_path, home):
    """Three photographs and a copy of one, scanned as `packed`."""
    folder_of_photos(tmp_path / "in", 3)
    shutil.copy(tmp_path / "in/0001.jpg", tmp_path / "in/copy.jpg")
    packed = zipped(tmp_path / "in", tmp_path / "packed.zip")
    assert main(["scan", str(packed)]) == 0
    before = hashlib.sha256(packed.read_bytes()).digest()
    yield packed
    assert hashlib.sha256(packed.read_bytes()).digest() == before


def test_removals_are_planned_and_told_but_never_carried_out(archive, tmp_path, capsys):
    plan = str(tmp_path / "plan.json")
    for command, code in (
        (["remove", "packed"], 0),
        (["remove", "packed", "--apply"], 1),
        (["plan", "packed", "--output", plan], 0),
        (["apply", "packed", plan], 1),
        (["restore", "packed"], 1),
        (["detect", str(archive), "--remove"], 1),
    ):
        capsys.readouterr()
        assert main(command) == code, command
        said = capsys.readouterr()
        assert "packed.zip, which is only read. Export those that stay instead" in said.out + said.err, command


def test_nothing_is_written_over_the_archive_whatever_is_asked_for(archive, tmp_path, capsys):
    splits = tmp_path / "splits.csv"
    splits.write_text("path,split\n0000.jpg,train\n0001.jpg,train\n0002.jpg,test\ncopy.jpg,test\n")
    assert main(["splits", "packed", "--csv", str(splits)]) == 0
    for verb, option in (
        (["export", "packed", "--to", "csv", "--overwrite"], "--output"),
        (["export", "packed", "--to", "parquet", "--overwrite"], "--output"),
        (["report", "packed", "--overwrite"], "--output"),
        (["plan", "packed", "--overwrite"], "--output"),
        (["check", "packed", "--max-leaks", "9", "--format", "json"], "--output"),
        (["check", "packed", "--max-leaks", "9"], "--write-baseline"),
        (["fingerprint", "export", "packed", "--overwrite"], "--output"),
        (["verdicts", "export", "packed", "--overwrite"], "--output"),
        (["leaks", "packed", "--overwrite"], "--csv"),
        (["split", "packed", "--train", "0.5", "--test", "0.5", "--overwrite"], "--csv"),
    ):
        capsys.readouterr()
        assert main([*verb, option, str(archive)]) == 1, verb
        assert "images are read from" in capsys.readouterr().err, verb
        if option != "--output":
            assert main([*verb, option, "-"]) == 1, verb
            assert "goes with --output alone" in capsys.readouterr().err, verb


def test_the_command_that_is_said_instead_leaves_out_what_would_go_and_no_more(tmp_path, home, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as packed:
        for number, name in ((0, "a"), (0, "b"), (1, "c")):
            packed.write(save(photo(number), tmp_path / f"{number}.png"), f"{name}.png")
        packed.write(save(photo(1).resize((48, 36)), tmp_path / "small.jpg"), "small of c.jpg")
    assert main(["scan", "packed.zip"]) == 0
    assert main(["tag", "packed", "bad", "--where", "path == 'c.png'"]) == 0
    for options, left in (
        (["remove", "packed"], 3),
        (["detect", "packed.zip", "--remove"], 3),
        (["detect", "packed.zip", "--remove", "--near"], 2),
        (["remove", "packed", "--tag", "bad"], 3),
    ):
        capsys.readouterr()
        main(options)
        said = "".join(capsys.readouterr())
        command = shlex.split(said[said.index("dedup export") :].splitlines()[0].removesuffix("."))
        assert main(command[1:]) == 0, command
        with zipfile.ZipFile("clean.zip") as clean:
            assert len(clean.namelist()) == left, command
        Path("clean.zip").unlink()


def test_what_is_said_instead_can_be_done(archive, tmp_path, capsys):
    command = ["export", "packed", "--to", "folder", "--output", str(tmp_path / "clean")]
    assert main([*command, "--where", "role != 'duplicate'"]) == 0
    assert len(list((tmp_path / "clean").glob("*.jpg"))) == 3
    for verb in (["show"], ["leaks"], ["splits"], ["issues"], ["verify"], ["hash", "--kind", "phash"]):
        assert main([verb[0], "packed", *verb[1:]]) == 0, verb
    assert main(["report", "packed", "--output", str(tmp_path / "report.html")]) == 0


def test_nothing_is_written_where_it_ends_with_the_command(archive, tmp_path, capsys):
    parts = ["scan", str(archive), "--shard", "1/2", "--parts", "memory://parts"]
    for command in (["export", "packed", "--to", "csv", "--output", "memory://images.csv"], parts):
        assert main(command) == 2
        assert "memory://" in (said := capsys.readouterr().err) and "gone when this command ends" in said


def test_no_folder_on_this_machine_is_called_by_an_address(archive, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for command in (
        ["duplicates", "packed", "--montage", "s3://bucket/groups"],
        ["leaks", "packed", "--folder", "s3://bucket/repaired"],
    ):
        assert main(command) == 1, command
        assert "is written on this machine only, and s3:// is elsewhere" in capsys.readouterr().err
    assert not (tmp_path / "s3:").exists()


@pytest.mark.parametrize("output", ["out", "out.zip"])
def test_an_export_of_less_than_was_asked_for_is_no_success(tmp_path, home, capsys, output):
    folder_of_photos(tmp_path / "in", 3)
    assert main(["scan", str(tmp_path / "in")]) == 0
    (tmp_path / "in/0001.jpg").unlink()
    assert main(["export", "in", "--to", "folder", "--output", str(tmp_path / output)]) == 1
    said = capsys.readouterr().out
    assert "Wrote 2 files" in said and "Left out 0001.jpg" in said
