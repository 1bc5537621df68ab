"""The command line as a person uses it: the classic story, exit codes, one sentence for each error."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

import dedup
from dedup.cli import main
from dedup.exports import EXPORTS
from dedup.exports.folder import MODES
from dedup.removal import HOW
from tests.pictures import folder_of_photos, photo, save


def fill(folder: Path) -> None:
    """Four photographs, an exact and a near copy."""
    folder_of_photos(folder, 4)
    save(photo(0), folder / "copy.jpg", quality=92)
    save(photo(1).transpose(Image.Transpose.ROTATE_90), folder / "turned.jpg", quality=90)


def said(capsys) -> str:
    return capsys.readouterr().out


def test_scan_list_and_show(folder, capsys):
    assert main(["scan", str(folder), "--name", "set"]) == 0
    assert "6 images, 1 exact duplicate, 2 near duplicates" in said(capsys)
    assert main(["list", "--json"]) == 0
    (listed,) = json.loads(said(capsys))
    assert listed["name"] == "set" and listed["images"] == 6
    assert main(["show", "set"]) == 0
    assert "Biggest of 2 groups" in said(capsys)
    assert main(["show", "set", "--json"]) == 0
    assert json.loads(said(capsys))["exact"] == 1


def test_a_scan_with_failures_exits_with_one_and_lists_them(folder, capsys):
    (folder / "broken.jpg").touch()
    assert main(["scan", str(folder), "--name", "set"]) == 1
    assert main(["show", "set"]) == 0
    assert "broken.jpg: empty file" in said(capsys)


def test_progress_for_machines_is_json_lines(folder, capsys):
    folder_of_photos(folder, 9)
    said(capsys)
    assert main(["scan", str(folder), "--name", "set", "--progress-json"]) == 0
    lines = [json.loads(line) for line in said(capsys).splitlines()]
    assert lines and set(lines[0]) == {"stage", "done", "total", "seconds"}


def test_duplicates_with_hashes_and_montages(folder, capsys, tmp_path):
    said(capsys)
    assert main(["duplicates", "set", "--montage", str(tmp_path / "montages")]) == 0
    text = said(capsys)
    assert "exact copy.jpg  hash " in text and "turned" in text and "because" in text
    assert len(list((tmp_path / "montages").glob("*.png"))) == 2
    assert main(["duplicates", "set", "--json"]) == 0
    assert len(json.loads(said(capsys))) == 2


def test_tag_where_undo_redo_history(folder, capsys):
    assert main(["tag", "set", "keep", "--where", "singularity > 0"]) == 0
    assert main(["tag", "set", "keep", "--where", "kind == 'near'", "--remove"]) == 0
    assert main(["undo", "set"]) == 0
    assert main(["redo", "set"]) == 0
    assert main(["undo", "set"]) == 0
    said(capsys)
    assert main(["history", "set", "--json"]) == 0
    assert [each["state"] for each in json.loads(said(capsys))] == ["undone", "done"]


def test_a_tag_for_no_image_is_not_made(folder, capsys):
    said(capsys)
    assert main(["tag", "set", "blurry", "--where", "singularity > 2"]) == 0
    assert said(capsys) == "No image matches; nothing was done.\n"
    assert main(["tag", "set", "blurry", "--where", "singularity > 2", "--json"]) == 0
    assert json.loads(said(capsys)) == {"tag": "blurry", "selected": 0, "changed": 0}
    assert main(["history", "set"]) == 0
    assert said(capsys) == ""


@pytest.mark.parametrize("to", ["csv", "pairs", "coco"])
def test_exports_of_a_selection(to, folder, tmp_path, capsys):
    output = tmp_path / f"out.{to}"
    command = ["export", "set", "--to", to, "--output", str(output), "--where", "singularity > 0"]
    assert main(command) == 0
    assert main(command) == 1 and "replace it with --overwrite" in capsys.readouterr().err
    assert main([*command, "--overwrite"]) == 0
    if to == "csv":
        assert len(pd.read_csv(output)) == 5
    if to == "coco":
        assert len(json.loads(output.read_text())["images"]) == 5


def test_a_folder_export_becomes_a_dataset(folder, tmp_path, capsys):
    assert (
        main(["export", "set", "--to", "folder", "--output", str(tmp_path / "clean"), "--where", "kind != 'exact'"])
        == 0
    )
    said(capsys)
    assert main(["list"]) == 0
    assert "clean\t5 images" in said(capsys)


def test_an_exported_folder_has_its_annotations(folder, tmp_path, capsys):
    """Named by the paths in it, and the dataset that comes of it is annotated; unless they are not wanted."""
    labels = {"images": [{"id": 1, "file_name": "elsewhere/0000.jpg"}], "categories": [{"id": 1, "name": "cat"}],
              "annotations": [{"id": 1, "image_id": 1, "category_id": 1}]}  # fmt: skip
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    assert main(["scan", str(folder), "--name", "set", "--annotations", str(tmp_path / "labels.json")]) == 0
    assert main(["export", "set", "--to", "folder", "--output", str(tmp_path / "clean")]) == 0
    written = json.loads((tmp_path / "clean" / "annotations.json").read_text())
    assert all((tmp_path / "clean" / image["file_name"]).is_file() for image in written["images"])
    assert dedup.open("clean").frame["annotations"].sum() == 1
    (tmp_path / "splits.csv").write_text("path,split\n0000.jpg,val\n")
    bare = ["export", "set", "--to", "folder", "--output", str(tmp_path / "bare"), "--no-annotations"]
    assert main(bare) == 0 and not (tmp_path / "bare" / "annotations.json").exists()
    apart = ["export", "set", "--to", "folder", "--output", str(tmp_path / "apart"), "--per-split"]
    assert main(["splits", "set", "--csv", str(tmp_path / "splits.csv")]) == 0 and main(apart) == 0
    assert sorted(path.name for path in (tmp_path / "apart").glob("*.json")) == [
        "annotations.json",
        "annotations.val.json",
    ]
    assert dedup.open("apart").frame["annotations"].sum() == 1


def test_remove_is_a_preview_until_applied_and_restore_brings_back(folder, capsys):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert main(["remove", "set"]) == 0
    assert len(list(folder.iterdir())) == 6 and "copy.jpg  goes; 0000.jpg stays" in said(capsys)
    assert main(["remove", "set", "--apply"]) == 0
    assert sorted(path.name for path in folder.iterdir()) == sorted(set(before) - {"copy.jpg"})
    assert main(["verify", "set"]) == 0
    assert main(["restore", "set"]) == 0
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["show", "nothing"], 2, "no dataset 'nothing'"),
        (["show", "é" * 300], 2, "no dataset"),
        (["scan", "/no/such/folder"], 2, "no folder or list"),
        (["tag", "set", "x", "--where", "singularity ="], 2, "singularity ="),
        (["tag", "set", "x", "--where", "brightnes > 1"], 2, "did you mean"),
        (["tag", "set", "nothing", "--remove"], 2, "no tag"),
        (["export", "set", "--to", "pdf", "--output", "x"], 2, "Choose one of"),
        (["export", "set", "--to", "csv", "--output", "/no/such/folder/x.csv"], 1, "no folder"),
        (["scan", ".", "--annotations", "pyproject.toml"], 1, "COCO"),
        (["remove", "set", "--tag", "nothing"], 2, "nothing"),
        (["frobnicate"], 2, "frobnicate"),
        (["export", "set"], 2, "--help"),
        (["app", "--port", "99999999"], 2, "65535"),
        (["apply", "set", "pyproject.toml"], 2, "not a readable removal plan"),
        (["duplicates", "set", "--montage", "pyproject.toml"], 1, "pyproject.toml is a file. Give a folder"),
        (["threshold", "set", "7"], 2, "above 0"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else None,
)
def test_errors_are_one_sentence_with_an_exit_code(arguments, code, words, folder, capsys):
    said(capsys)
    assert main(arguments) == code
    complaint = capsys.readouterr().err
    assert words in complaint and len(complaint.strip().splitlines()) == 1 and "Traceback" not in complaint


def test_a_defect_is_one_sentence_too(folder, capsys, monkeypatch):
    monkeypatch.setattr("dedup.dataset.Dataset.groups", property(lambda self: 1 / 0))
    assert main(["show", "set", "--json"]) == 1
    assert "should not have" in capsys.readouterr().err


def test_the_module_runs_and_closed_pipes_are_quiet(folder):
    run = subprocess.run([sys.executable, "-m", "dedup", "--help"], capture_output=True, text=True, check=True)
    assert "scan" in run.stdout
    piped = subprocess.run(
        f"{sys.executable} -m dedup duplicates set | true", shell=True, capture_output=True, text=True
    )
    assert piped.stderr == ""


def test_asked_to_end_a_scan_keeps_what_is_finished(home, tmp_path):
    folder_of_photos(tmp_path / "in", 400)
    installed = tomllib.loads(Path("pyproject.toml").read_text())["project"]["scripts"]["dedup"]
    module, _, function = installed.partition(":")
    program = [sys.executable, "-c", f"from {module} import {function}; {function}()"]  # what an installation starts
    command = [*program, "scan", str(tmp_path / "in"), "--name", "set", "--workers", "1"]
    process = subprocess.Popen([*command, "--progress-json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    while json.loads(process.stdout.readline())["done"] < 20:
        continue
    process.terminate()
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 130 and "what was read is kept" in complaint and "Traceback" not in complaint
    assert list((home / "set" / "parts").glob("*.parquet"))


@pytest.mark.shared
@pytest.mark.parametrize(
    ("verb", "choices"),
    [("export", (*(export.name for export in EXPORTS), *MODES)), ("apply", HOW)],
)
def test_help_names_every_choice(verb, choices, capsys):
    """They are written out there, so that help need not load what they belong to."""
    main([verb, "--help"])
    told = said(capsys)
    assert all(choice in told for choice in choices)


def test_what_loads_no_tables_loads_none():
    code = "import sys; from dedup.cli import main; main(['list']); main(['--help']); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numpy", "pandas", "numba", "pyarrow", "plotly"} & set(loaded)


def test_show_tells_what_is_true_now(folder, capsys):
    assert main(["show", "set"]) == 0
    before = said(capsys)
    assert main(["show", "set"]) == 0 and said(capsys) == before
    assert main(["tag", "set", "fine"]) == 0
    said(capsys)
    assert main(["show", "set"]) == 0
    assert "tag fine" in said(capsys)
    assert main(["undo", "set"]) == 0


def test_terminals_are_shown_what_they_would_obey(tmp_path, home, capsys):
    """A name with colours, a cleared screen and a line break, in words and as JSON."""
    name = "a\x1b[31m\x1b[2J\nb\x9b0m\u202e.png"
    for number in (1, 2):
        save(photo(1), tmp_path / "in" / f"{number}{name}")
    assert main(["scan", str(tmp_path / "in"), "--name", "set"]) == 0
    for command in (["duplicates", "set"], ["remove", "set"], ["show", "set"], ["duplicates", "set", "--json"]):
        capsys.readouterr()
        assert main(command) == 0
        told = capsys.readouterr()
        assert set(told.out + told.err) & set("\x1b\x9b\u202e\x07") == set()
    assert json.loads(told.out)[0]["keeper"] == f"1{name}"


def test_the_version_is_told_by_the_command_and_the_package(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == f"dedup {dedup.__version__}"


def test_a_shell_completes_names_of_datasets(folder, tmp_path):
    """Also those of a home that is said before them."""
    (tmp_path / "other").mkdir()
    elsewhere = ["dedup", "show", "--home", str(tmp_path / "other")]
    for words, names in ((["dedup", "show"], ["set"]), (["dedup", "show", "s"], ["set"]), ([*elsewhere, "s"], [])):
        asked = {"COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - (words[-1] == "s"))}
        environment = os.environ | asked | {"_DEDUP_COMPLETE": "complete_bash"}
        command = [sys.executable, "-m", "dedup"]
        told = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert told.stdout.split() == names, (words, told)


def test_a_dash_is_standard_output_and_holds_nothing_else(folder, capsysbinary, tmp_path):
    commands = {
        "export set --to csv": b'"path"',
        "export set --to coco": b"{",
        "plan set": b"{",
        "verdicts export set": b"{",
        "fingerprint export set": b"PAR1",
    }
    for command, begins in commands.items():
        capsysbinary.readouterr()
        assert main([*command.split(), "--output", "-"]) == 0
        piped = capsysbinary.readouterr().out
        file = tmp_path / command.replace(" ", "_")
        assert main([*command.split(), "--output", str(file)]) == 0
        assert piped.startswith(begins)
        if command != "plan set":  # a plan tells when it was made
            assert piped == file.read_bytes(), command
    capsysbinary.readouterr()
    assert (
        main(["check", str(folder), "--name", "set", "--max-exact", "9", "--format", "markdown", "--output", "-"]) == 0
    )
    assert capsysbinary.readouterr().out.startswith(b"#")
    assert not (Path.cwd() / "-").exists()


def test_a_wrong_option_names_the_help_of_its_verb(capsys):
    assert main(["detect", "--dataset", "photos"]) == 2
    assert capsys.readouterr().err.endswith("See: dedup detect --help\n")
    assert main(["detct"]) == 2
    assert "Did you mean 'detect'? See: dedup --help" in capsys.readouterr().err


def test_no_folder_is_not_the_one_that_a_person_is_in(folder, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    for command in (["detect", "", "--remove"], ["scan", ""], ["check", "", "--max-exact", "0"]):
        assert main(command) in (1, 2)
        assert "No folder was given" in capsys.readouterr().err
    assert not list(folder.glob("*quarantine*")) and dedup.scan(".", name="here").root == folder


def test_commands_that_are_told_can_be_typed(tmp_path, home, capsys):
    place = tmp_path / "my photos; here"
    folder_of_photos(place, 2)
    shutil.copy(place / "0000.jpg", place / "copy.jpg")
    assert main(["scan", str(place)]) == 0
    assert capsys.readouterr().out.rstrip().endswith("dedup show 'my photos; here'")
    assert main(["plan", "my photos; here", "--output", str(tmp_path / "a plan.json")]) == 0
    assert f"dedup apply 'my photos; here' '{tmp_path}/a plan.json'" in capsys.readouterr().out


def test_an_output_that_is_full_or_closed_is_no_crash(folder, home):
    program = [sys.executable, "-m", "dedup", "show", "set"]
    with open("/dev/full", "wb") as full:
        told = subprocess.run(program, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert told.returncode == 1 and told.stderr.startswith("No space is left")
    closed = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *program], stderr=subprocess.PIPE, text=True, check=False
    )
    assert closed.returncode == 0 and not closed.stderr
    reader = subprocess.Popen([sys.executable, "-m", "dedup", "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    reader.stdout.close()
    assert reader.wait(timeout=60) == 0 and not reader.stderr.read()


def test_a_home_that_cannot_be_read_is_not_empty(home, capsys, monkeypatch):
    def refused(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("dedup.store.home.os.listdir", refused)
    assert main(["list"]) == 1
    assert "Cannot read the home" in capsys.readouterr().err


def test_a_folder_is_no_standard_output(folder, capsys):
    assert main(["export", "set", "--to", "folder", "--output", "-"]) == 2
    assert "one file" in capsys.readouterr().err


def test_what_takes_two_files_is_no_standard_output(folder, tmp_path, capsys):
    image = {"id": 1, "file_name": "0000.jpg", "width": 96, "height": 72}
    box = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 9, 9]}
    documents = {
        "boxes": {"images": [image], "annotations": [box], "categories": [{"id": 1, "name": "cat"}]},
        "captions": {"images": [image], "annotations": [{"id": 1, "image_id": 1, "caption": "a cat"}]},
    }
    given = []
    for name, document in documents.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(document))
        given += ["--annotations", str(tmp_path / f"{name}.json")]
    assert main(["scan", str(folder), "--name", "set", *given]) == 0
    capsys.readouterr()
    assert main(["export", "set", "--to", "coco", "--output", "-"]) == 2
    told = capsys.readouterr()
    assert told.out == "" and "More than one file" in told.err


def test_a_command_that_is_stopped_says_what_became_of_it(folder, capsys, monkeypatch):
    def stopped(*given, **named):
        raise KeyboardInterrupt

    monkeypatch.setattr(dedup, "scan", stopped)
    assert main(["scan", str(folder)]) == 130
    assert "What was done stays done" in capsys.readouterr().err


def test_an_export_stopped_in_its_scan_says_that_it_is_written(folder, tmp_path, capsys, monkeypatch):
    def stopped(*given, **named):
        raise KeyboardInterrupt

    monkeypatch.setattr(dedup, "scan", stopped)
    assert main(["export", "set", "--to", "folder", "--output", str(tmp_path / "clean")]) == 130
    assert "all is written" in capsys.readouterr().err and any((tmp_path / "clean").iterdir())
