"""Limits that a team writes beside its data, what it accepts, and the forms in which pipelines get what was found."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
import yaml

from dedup.checks import formats, settings
from dedup.checks.formats import Checked
from dedup.checks.gate import CheckReport, Detail, Finding
from dedup.cli import main
from dedup.errors import UsageError
from dedup.query.issues import ISSUES, issue
from dedup.query.selection import Selection
from tests.frames import make_frame
from tests.pictures import folder_of_photos, photo, save

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(home, tmp_path):
    """Three photographs, and copies of two of them."""
    folder_of_photos(tmp_path / "in/new", 3)
    shutil.copy(tmp_path / "in/new/0000.jpg", tmp_path / "in/new/copy a.jpg")
    (tmp_path / "in/raw").mkdir()
    shutil.copy(tmp_path / "in/new/0001.jpg", tmp_path / "in/raw/0001.jpg")
    return tmp_path / "in"


def write(folder: Path, text: str, name: str = "dedup.toml") -> None:
    (folder / name).write_text(text)


def told(capsys, *arguments: object) -> tuple[int, dict[str, dict[str, object]]]:
    capsys.readouterr()
    code = main(["check", *map(str, arguments), "--json"])
    return code, json.loads(capsys.readouterr().out)["findings"]


def test_what_is_accepted_of_several_is_accepted_of_each_and_names_of_nothing_are_told(folder, capsys):
    write(
        folder,
        """[check]
max-exact = 0
accept = [["./new/0000.jpg", "new/copy a.jpg", "gone.jpg"], ["new\\\\0001.jpg", "raw/0001.jpg"]]
ignore = ["thumbs/*"]
""",
    )
    assert main(["check", str(folder)]) == 0
    told = capsys.readouterr().err
    assert "'gone.jpg', which no image is called" in told and "'thumbs/*'" in told and "0000" not in told


@pytest.mark.parametrize("name", ["dedup.toml", "pyproject.toml"])
def test_a_pipe_called_like_settings_is_not_waited_for(name, folder, capsys):
    os.mkfifo(folder / name)
    assert main(["check", str(folder), "--max-exact", "2"]) == (0 if name == "pyproject.toml" else 2)


def test_a_baseline_of_no_end_of_brackets_is_one_sentence(folder, capsys):
    (folder / "deep.json").write_text("[" * 100_000)
    assert main(["check", str(folder), "--max-exact", "2", "--baseline", str(folder / "deep.json")]) == 2
    assert "is no baseline" in capsys.readouterr().err


def test_limits_stand_beside_the_data_and_the_command_line_goes_before(folder, capsys):
    assert main(["check", str(folder)]) == 2
    write(folder, "[check]\nmax-exact = 2\n[check.issues]\ndark = 0\n'odd-size' = 0\n")
    code, found = told(capsys, folder)
    assert code == 0 and found["exact duplicates"] == {"count": 2, "limit": 2}
    assert found["dark"]["limit"] == 0 == found["odd size"]["count"]
    assert told(capsys, folder, "--max-exact", 1)[0] == 1
    assert told(capsys, folder, "--max-issue", "light=3")[1]["light"]["limit"] == 3
    (folder / "dedup.toml").unlink()
    write(folder.parent, "[tool.other]\n[tool.dedup.check]\nmax-exact = 0\n", "pyproject.toml")
    assert told(capsys, folder)[0] == 1


def test_settings_beside_the_data_hold_for_the_name_of_its_dataset(folder, tmp_path, monkeypatch, capsys):
    write(folder, "[check]\nmax-exact = 0\n")
    assert main(["scan", str(folder), "--name", "called"]) == 0
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    assert told(capsys, "called")[1]["exact duplicates"]["count"] == 2
    assert told(capsys, "called", "--max-near", 9)[0] == 1


def test_ignored_paths_and_accepted_pairs_count_for_nothing(folder, capsys):
    write(folder, '[check]\nmax-exact = 0\naccept = [["new/copy a.jpg", "new/0000.jpg"]]\n')
    code, found = told(capsys, folder)
    assert code == 1 and found["exact duplicates"] == {"count": 1, "limit": 0, "remark": "1 known or accepted"}
    write(folder, '[check]\nmax-exact = 0\nignore = ["new/copy*", "*/0*"]\n')
    assert told(capsys, folder)[1]["exact duplicates"]["count"] == 1  # of the first both must be ignored
    write(folder, '[check]\nmax-exact = 0\nignore = ["*"]\n')
    assert told(capsys, folder)[0] == 0


def test_with_a_baseline_only_what_is_new_counts(folder, tmp_path, capsys):
    file = tmp_path / "base.json"
    assert told(capsys, folder, "--max-exact", 0, "--write-baseline", file)[0] == 1
    assert told(capsys, folder, "--max-exact", 0, "--baseline", file)[0] == 0
    shutil.copy(folder / "new/0002.jpg", folder / "new/another.jpg")
    code, found = told(capsys, folder, "--max-exact", 0, "--baseline", file)
    assert code == 1 and found["exact duplicates"]["count"] == 1
    assert main(["check", str(folder), "--max-exact", "0", "--baseline", str(folder / "new/0000.jpg")]) == 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[check", "cannot be read"),
        ("[check]\nmax-exakt = 0\n", "says 'max-exakt'"),
        ("[chek]\nmax-exact = 0\n", "says 'chek', which means nothing. Settings stand in"),
        ("check = 3\n", "is a table of settings"),
        ("[check]\nmax-exact = -1\n", "a whole number from 0"),
        ("[check]\nmax-exact = true\n", "a whole number from 0"),
        ("[check.issues]\nugly = 0\n", "is no kind of issue"),
        ("[check]\nissues = 3\n", "is a table of kinds"),
        ("[check]\naccept = ['a']\n", "accept a list of lists"),
        ("[check]\nignore = 'a'\n", "ignore is a list"),
        ("[check]\nallow-unlabelled = 'no'\n", "it is true or false"),
    ],
)
def test_nonsense_beside_the_data_is_told(tmp_path, text, says):
    write(tmp_path, text)
    with pytest.raises(UsageError, match=says):
        settings.find(tmp_path / "below")


def test_a_damaged_project_file_that_speaks_of_us_is_told(tmp_path):
    write(tmp_path, "[tool.other\n", "pyproject.toml")
    assert settings.find(tmp_path) == settings.Settings()
    write(tmp_path, "[tool.dedup.check]\nmax-exact = \n", "pyproject.toml")
    with pytest.raises(UsageError, match="cannot be read"):
        settings.find(tmp_path)


def test_what_is_known_and_became_less_is_no_new_finding(folder, tmp_path, capsys):
    """Of three copies another one stays once the one that stayed is gone."""
    shutil.copy(folder / "new/0000.jpg", folder / "raw/third.jpg")
    file = tmp_path / "base.json"
    assert told(capsys, folder, "--max-exact", 0, "--write-baseline", file)[0] == 1
    (folder / "new/0000.jpg").unlink()
    assert told(capsys, folder, "--max-exact", 0, "--baseline", file)[0] == 0
    shutil.copy(folder / "new/0002.jpg", folder / "raw/new one.jpg")
    assert told(capsys, folder, "--max-exact", 0, "--baseline", file)[1]["exact duplicates"]["count"] == 1


def test_a_baseline_written_over_the_one_that_is_read_passes_nothing_new(folder, tmp_path, capsys):
    file = tmp_path / "base.json"
    assert told(capsys, folder, "--max-exact", 0, "--write-baseline", file)[0] == 1
    shutil.copy(folder / "new/0002.jpg", folder / "new/another.jpg")
    both = ["--baseline", file, "--write-baseline", file]
    assert told(capsys, folder, "--max-exact", 0, *both)[0] == 1
    assert told(capsys, folder, "--max-exact", 0, *both)[0] == 0


def test_json_goes_where_it_is_asked_for(folder, tmp_path, capsys):
    capsys.readouterr()
    output = ["--format", "json", "--output", str(tmp_path / "found.json")]
    assert main(["check", str(folder), "--max-exact", "0", *output]) == 1
    assert json.loads((tmp_path / "found.json").read_text())["passed"] is False
    assert "exact duplicates: 2, more than the 0 allowed." in capsys.readouterr().out


HOSTILE = "train/` | <script>alert(1)</script>\n# a \x07 é.jpg"
CHECKED = Checked(
    CheckReport(
        (
            Finding("exact duplicates", 2, 0, (Detail(f"{HOSTILE} copies b 2%.jpg", (HOSTILE, "b 2%.jpg")),) * 2),
            Finding("leaks", 0, 0),
            Finding("label clashes", 0, 0, blind="no image has a label"),
        )
    ),
    "a <b>",
    "/data",
    10,
)


def test_sarif_names_both_files_of_every_finding():
    run = json.loads(formats.sarif(CHECKED))["runs"][0]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["exact-duplicates", "leaks", "label-clashes"]
    first, _, blind = run["results"]
    place = first["locations"][0]["physicalLocation"]["artifactLocation"]
    assert place["uriBaseId"] == "DATASET" and place["uri"].startswith("train/%60%20%7C%20%3Cscript")
    assert first["relatedLocations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "b%202%25.jpg"
    assert first["ruleIndex"] == 0 and len(first["partialFingerprints"]["paths/v1"]) == 64
    (whole,) = blind["locations"]  # code scanning takes nothing without a place
    assert whole["physicalLocation"]["artifactLocation"] == {"uri": ".", "uriBaseId": "DATASET"}
    assert "no image has a label" in blind["message"]["text"]
    assert run["originalUriBaseIds"]["DATASET"]["uri"] == "file:///data/"
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]


def test_sarif_names_files_from_the_top_of_the_repository_that_is_checked(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    assert main(["check", "in", "--max-exact", "0", "--format", "sarif"]) == 1
    results = json.loads(capsys.readouterr().out)["runs"][0]["results"]
    places = [each["locations"][0]["physicalLocation"]["artifactLocation"] for each in results]
    assert all((tmp_path / place["uri"].replace("%20", " ")).is_file() for place in places)
    assert not any("uriBaseId" in place for place in places)


def test_sarif_is_what_its_schema_allows(packages, folder, tmp_path):
    """By the schema of OASIS, which Microsoft's package for tests brings."""
    (schema,) = (packages / "node_modules/@microsoft/jest-sarif/lib/schemas").glob("sarif-2.1.0*.json")
    validator = jsonschema.validators.validator_for(told := json.loads(schema.read_text()))(told)
    assert not validator.is_valid({"version": "2.1.0", "runs": [{"results": []}]})
    assert main(["check", str(folder), "--max-exact", "0", "--format", "sarif", "--output", str(tmp_path / "out")]) == 1
    for written in (formats.sarif(CHECKED), (tmp_path / "out").read_text()):
        validator.validate(json.loads(written))


def test_junit_is_xml_whatever_names_hold():
    suite = ElementTree.fromstring(formats.junit(CHECKED).split("\n", 1)[1])
    assert suite.attrib["tests"] == "3" and suite.attrib["failures"] == "2"
    failure = suite.find("testcase/failure")
    assert failure is not None and "<script>" in (failure.text or "") and "\x07" not in (failure.text or "")


def test_a_file_for_text_is_refused_instead_of_forgotten(folder, tmp_path, capsys):
    check = ["check", str(folder), "--max-exact", "2"]
    assert main([*check, "--output", str(tmp_path / "out.txt")]) == 2
    assert "--format" in capsys.readouterr().err
    assert main([*check, "--output", "-"]) == 0 and "Passed." in capsys.readouterr().out


def test_markdown_interprets_no_name():
    text = formats.markdown(CHECKED)
    assert "| ❌ | exact duplicates | 2 | 0 |" in text and "| ✅ | leaks | 0 | 0 |" in text and "not known" in text
    (line, _) = [line for line in text.splitlines() if "<script>" in line]
    assert line.startswith("- ``") and line.endswith("``") and "# a" in line
    assert "`a <b>`" in text


def test_the_page_has_what_the_check_said_and_interprets_no_name(folder, tmp_path, capsys):
    page = tmp_path / "check.html"
    assert main(["check", str(folder), "--max-exact", "0", "--format", "html", "--output", str(page)]) == 1
    assert "exact duplicates: 2, more than the 0 allowed." in capsys.readouterr().out
    text = page.read_text()
    assert text.startswith("<!doctype html>") and text.index("Check: failed") < text.index("Before and after")
    assert "<li>exact duplicates: 2, more than the 0 allowed<ul><li>new/" in text
    assert "data:image/jpeg" in text
    part = formats.verdict(CHECKED)
    assert "<script" not in part and "&lt;script" in part and "no image has a label" in part


@pytest.mark.parametrize("form", formats.FORMATS)
def test_forms_on_the_command_line(folder, tmp_path, capsys, form):
    check = ["check", str(folder), "--max-exact", "0", "--format", form]
    assert main(check) == 1
    printed = capsys.readouterr().out
    assert main([*check, "--output", str(tmp_path / "out")]) == 1
    assert "exact duplicates: 2, more than the 0 allowed." in capsys.readouterr().out
    assert (tmp_path / "out").read_text() == printed


def test_the_steps_of_the_action_run(folder, tmp_path):
    """The action's shell, with its inputs as GitHub fills them in; installing is CI's own matter."""
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    inputs = {name: told["default"] for name, told in action["inputs"].items()} | {"path": str(folder)}
    step = next(step for step in action["runs"]["steps"] if step.get("name") == "Check")
    named: dict[str, str] = step["env"]
    inputs["arguments"] = "--max-leaks 0\n--max-exact 0 --max-issue 'low information=9'"  # as a block of YAML has them
    filled = {name: inputs[value.removeprefix("${{ inputs.").removesuffix(" }}")] for name, value in named.items()}
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "dedup"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m dedup "$@"\n')
    command.chmod(0o755)
    summary = tmp_path / "summary.md"
    environment = os.environ | filled | {
        "PATH": f"{command.parent}:{os.environ['PATH']}", "GITHUB_STEP_SUMMARY": str(summary), "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    done = subprocess.run(
        ["bash", "-e", "-c", step["run"]], env=environment, cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 1, done.stderr
    assert len(json.loads((tmp_path / "dedup.sarif").read_text())["runs"][0]["results"]) == 2
    assert "| ❌ | exact duplicates | 2 | 0 |" in summary.read_text()
    hook = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())[0]
    assert not {"types", "types_or", "files"} & hook.keys()  # a commit of labels alone may clash, too
    ran = subprocess.run([str(command), *hook["entry"].split()[1:], *hook["args"]], env=environment, cwd=folder)
    assert ran.returncode == 1


def test_the_action_and_the_hook_refuse_all_that_they_say(tmp_path, home, capsys):
    """Duplicates, leaks and clashes, by what they check unless told otherwise; images without labels pass."""
    action = yaml.safe_load((ROOT / "action.yml").read_text())["inputs"]["arguments"]["default"].split()
    path, *hook = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())[0]["args"]
    assert path == "." and hook == action
    picture = photo(1, (160, 120))
    save(picture, tmp_path / "bare" / "a.png")
    for place, image in {"train/a.png": picture, "val/b.jpg": picture.resize((120, 90))}.items():
        save(image, tmp_path / "clashing" / place)
    rows = "file_name,label\ntrain/a.png,cat\nval/b.jpg,dog\n"
    (tmp_path / "clashing" / "labels.csv").write_text(rows)
    assert main(["check", str(tmp_path / "bare"), *hook]) == 0
    assert main(["check", str(tmp_path / "clashing"), *hook]) == 1
    told = capsys.readouterr().out
    assert "leaks: 1, more than the 0" in told and "label clashes: 1, more than the 0" in told


def test_issues_are_told_from_what_was_measured():
    frame = make_frame([f"{number}.jpg" for number in range(9)]).assign(
        status=["ok"] * 8 + ["failed"],
        brightness=[0.05, 0.97, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, float("nan")],
        blur=[0.3, 0.3, 0.7, 0.3, 0.3, 0.3, 0.3, 0.3, float("nan")],
        entropy=[7, 7, 7, 0.5, 7, 7, 7, 7, float("nan")],
        area=[1e6, 1e6, 1e6, 1e6, 1e4, 9e7, 1e6, 1e6, float("nan")],
        aspect_ratio=[1, 1, 1, 1, 1, 1, 4, 0.2, float("nan")],
        saturation=[0.3] * 7 + [0.0, float("nan")],
        kind=["unique"] * 5 + ["exact", "near", "near", "failed"],
        role=["", "", "", "", "", "duplicate", "duplicate", "keeper", ""],
        alpha=False,
        shown_on="",
    )
    found = {each.name: each.mask(frame).nonzero()[0].tolist() for each in ISSUES}
    assert found == {
        "dark": [0], "light": [1], "blurry": [2], "low information": [3], "odd size": [4, 5], "odd aspect": [6, 7],
        "grayscale": [7], "exact duplicate": [5], "near duplicate": [6], "unreadable": [8],
    }  # fmt: skip
    all_gray = frame.assign(saturation=0.0)
    assert not issue("grayscale").mask(all_gray).any()  # where all are gray, no image is odd for it
    assert issue("dark@0.6").mask(frame).nonzero()[0].tolist() == [0, 2, 3, 4, 5, 6, 7]
    assert issue("odd-aspect@4.5").mask(frame).nonzero()[0].tolist() == [7] and issue("dark@0.6").name == "dark@0.6"
    assert issue(issue("dark@0.12345678").name).threshold == 0.12345678
    for bad in ("dark@", "dark@x", "dark@nan", "dark@-1", "odd size@0.5", "unreadable@1", "nothing"):
        with pytest.raises(UsageError):
            issue(bad)
    for each in ISSUES:
        assert (Selection(where=each.where(frame)).mask(frame) == each.mask(frame)).all()
    assert issue("low-information") is issue("low_information") is issue("low information")


def test_issues_on_the_command_line(folder, capsys):
    assert main(["scan", str(folder)]) == 0
    capsys.readouterr()
    assert main(["issues", "in"]) == 0
    assert "dark: 0 images (brightness below 0.1)\n" in capsys.readouterr().out
    assert main(["issues", "in", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["light"]["where"].startswith("(brightness > 0.95)") and told["light"]["images"] == []
    assert told["outliers"] == {}
    assert main(["issues", "in", "--kind", "dark@0.9"]) == 0
    assert "dark@0.9: 5 images (brightness below 0.9), such as " in capsys.readouterr().out
    assert main(["check", str(folder), "--max-issue", "dark@0.9=1"]) == 1
    out = capsys.readouterr().out
    assert "dark@0.9: 5, more than the 1 allowed." in out
    assert "nearly black" not in out and ": brightness below 0.9\n" in out


def test_a_baseline_of_unread_labels_holds(folder, tmp_path, capsys):
    for number in range(3):
        (folder / "new" / f"000{number}.txt").write_text("0 0.5 0.5 0.1 0.1\nx\n")
    check = [folder, "--max-unread", 0, "--max-exact", 9]
    assert told(capsys, *check, "--write-baseline", tmp_path / "b.json")[1]["unread labels"]["count"] == 3
    assert told(capsys, *check, "--baseline", tmp_path / "b.json")[0] == 0
    (folder / "new/0000.txt").write_text("0 0.5 0.5 0.1 0.1\nx\ny\n")
    assert told(capsys, *check, "--baseline", tmp_path / "b.json")[1]["unread labels"]["count"] == 1


def test_a_baseline_of_more_unread_labels_than_are_told_holds(folder, tmp_path, capsys):
    text = folder / "new/0000.txt"
    text.write_text("0 0.5 0.5 0.1 0.1\n" + "x\n" * 1_200)
    check = [folder, "--max-unread", 0, "--max-exact", 9]
    assert told(capsys, *check, "--write-baseline", tmp_path / "b.json")[1]["unread labels"]["count"] == 1_200
    assert told(capsys, *check, "--baseline", tmp_path / "b.json")[0] == 0
    text.write_text("0 0.5 0.5 0.1 0.1\n" * 11 + "x\n" * 1_190)  # some are mended, so that others are told
    assert told(capsys, *check, "--baseline", tmp_path / "b.json")[0] == 0
    text.write_text("0 0.5 0.5 0.1 0.1\n" + "x\n" * 1_203)
    assert told(capsys, *check, "--baseline", tmp_path / "b.json")[1]["unread labels"]["count"] == 3


def test_what_is_known_already_can_be_accepted_ignored_and_kept_in_a_baseline(folder, tmp_path, capsys):
    known = tmp_path / "known"
    known.mkdir()
    shutil.copy(folder / "new/0002.jpg", known / "old.jpg")
    assert main(["scan", str(known)]) == 0
    capsys.readouterr()

    def check(*more: object) -> tuple[int, list[str]]:
        code = main(["check", str(folder), "--against", "known", "--json", *map(str, more)])
        return code, [each["path"] for each in json.loads(capsys.readouterr().out)["known"]]

    assert check("--write-baseline", tmp_path / "base.json") == (1, ["new/0002.jpg"])
    assert check("--baseline", tmp_path / "base.json") == (0, [])
    write(folder, '[check]\naccept = [["new/0002.jpg"]]\n')
    assert check() == (0, [])
    write(folder, '[check]\nignore = ["new/0*"]\n')
    assert check() == (0, [])
