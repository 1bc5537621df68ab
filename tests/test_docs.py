"""The documents say what is there: commands, links, requirements."""

from __future__ import annotations

import io
import re
import shlex
import shutil
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from PIL import Image

from dedup.cli import FAMILIES, VERBS, main
from dedup.images.metrics import METRICS
from tests.pictures import folder_of_photos, save

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("verb", [*VERBS, *FAMILIES])
def test_every_verb_is_in_the_readme(verb):
    assert re.search(rf"dedup {verb}\b", README), f"README.md does not show `dedup {verb}`"


FAILING = {"check", "leaks"}
"""Verbs that find something in the folder below, and so exit with 1."""


def test_the_commands_of_the_readme_work_one_after_the_other(home, tmp_path, monkeypatch, capsys):
    folder_of_photos(tmp_path / "photos/train", 3)
    folder_of_photos(tmp_path / "photos/test", 2, start=50)
    shutil.copy(tmp_path / "photos/train/0000.jpg", tmp_path / "photos/test/leak.jpg")
    save(Image.new("RGB", (64, 64), "gray"), tmp_path / "photos/train/flat.png")
    monkeypatch.chdir(tmp_path)
    for line in re.findall(r"^dedup (?!(?:sample|app)\b).+", README, re.MULTILINE):
        monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
        command = shlex.split(line, comments=True)[1:]
        code = main(command)
        said = capsys.readouterr()
        assert code == 0 or (code == 1 and command[0] in FAILING), (line, said.err)
        assert "nothing was done" not in said.out, line
    assert len(list((tmp_path / "photos").rglob("*.*"))) == 7


def test_the_python_of_the_readme_works(home, tmp_path, monkeypatch):
    folder_of_photos(tmp_path / "photos", 2)
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"^```python\n(.+?)^```", README, re.MULTILINE | re.DOTALL)
    exec(block, {})
    assert (tmp_path / "unique.csv").is_file()


def test_every_verb_in_the_readme_exists():
    shown = set(re.findall(r"^(?:python -m )?dedup ([a-z]+)", README, re.MULTILINE))
    assert shown and shown <= {*VERBS, *FAMILIES}


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_every_metric_is_in_the_readme(metric):
    assert f"`{metric.name}`" in README


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_and_pictures_exist(document):
    for target in re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (document.parent / target).exists(), target


def test_the_test_command_is_marked_for_the_gate():
    marked = re.search(r"<!-- test command -->\s*```[a-z]*\n(python3 .+)\n```", README)
    assert marked and marked[1].endswith("-m tests")


def test_the_versions_the_tests_run_with_are_within_what_an_installation_takes():
    tested = [line.split("#")[0] for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()]
    bounds = {each.name.lower(): each.specifier for line in tested if line.strip() for each in [Requirement(line)]}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {each.name: each.specifier for each in map(Requirement, project["dependencies"])}
    installed = {name: version(name) for name in wanted}
    assert [name for name in wanted if not (wanted[name].contains(installed[name]) and bounds[name])] == []
    assert [name for name in wanted if not bounds[name].contains(installed[name])] == []


def test_every_requirement_says_what_it_is_for():
    for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines():
        assert not line or line.startswith("#") or "  # " in line or " # " in line, line
