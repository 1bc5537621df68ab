"""The documents say what is there: commands, links, requirements."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement
from PIL import Image

from dedup.cli import FAMILIES, VERBS, main
from dedup.images.metrics import METRICS
from dedup.launch import Launch
from tests.packed import batched, mapped, sharded, tabled, zipped
from tests.pictures import folder_of_photos, save
from tests.scanning.buckets import Server
from tests.test_architecture import GROUND
from tests.vectors.models import colour_model, text_model

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def document_id(path: Path) -> str:
    """Names a document among the cases."""
    return path.name


CLI, PYTHON, SCORE, BENCHMARKS, SCALE, CONTRIBUTING = (
    (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    for name in ("cli", "python", "score", "benchmarks", "scale", "CONTRIBUTING")
)
TOOLS = os.pathsep.join((str(Path(sys.executable).parent), str(ROOT), os.environ["PATH"]))
"""Where programs are that the docs name, those of this environment and of the project's folder first."""


@pytest.mark.parametrize("verb", [*VERBS, *FAMILIES])
def test_every_verb_is_in_the_docs(verb):
    assert re.search(rf"^dedup {verb}\b", CLI, re.MULTILINE), f"docs/cli.md does not show `dedup {verb}`"


FAILING = {"check", "diff", "leaks", "remove"}
"""Verbs that find something in the folder below, and so exit with 1."""


def commands(text: str) -> list[str]:
    """The commands of ours in the blocks of a document, and those within its lines that name all they need."""
    blocks = "\n".join(re.findall(r"^```sh\n(.+?)^```", text, re.MULTILINE | re.DOTALL))
    return re.findall(r"^(?:ssh .+? )?(dedup .+)", blocks, re.MULTILINE)


@pytest.fixture
def photos(home, tmp_path, monkeypatch):
    """Photographs in train and test, a leak among them and a flat picture; the folder is `photos` here."""
    folder_of_photos(tmp_path / "photos/train", 3)
    folder_of_photos(tmp_path / "photos/test", 2, start=50)
    shutil.copy(tmp_path / "photos/train/0000.jpg", tmp_path / "photos/test/leak.jpg")
    save(Image.new("RGB", (64, 64), "gray"), tmp_path / "photos/train/flat.png")
    colour_model(tmp_path / "vision_model.onnx")
    text_model(tmp_path, width=7)  # as many numbers as the vectors below have
    paths = [path.relative_to(tmp_path / "photos").as_posix() for path in (tmp_path / "photos").glob("*/*")]
    np.savez(tmp_path / "vectors.npz", paths=paths, vectors=np.eye(len(paths)))
    packed(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "photos"


def packed(place: Path) -> None:
    """The photographs as an archive, as shards, as a table and as a list."""
    zipped(place / "photos", place / "photos.zip")
    sharded(place / "photos", place / "shards", "{:03d}.tar", 2)
    tabled(place / "photos", place / "table.parquet")
    batched(place / "photos", place / "saved/train/data-00000-of-00001.arrow")
    mapped(place / "photos", place / "train_lmdb")
    (place / "photos.txt").write_text("\n".join(str(file) for file in sorted((place / "photos").glob("*/*"))))


@pytest.fixture
def bucket(photos, monkeypatch) -> Iterator[None]:
    """An S3 server that has them, too."""
    server = Server()
    server.put_folder(photos, "photos/")
    server.put("photos.zip", (photos.parent / "photos.zip").read_bytes())
    server.become_default(monkeypatch)
    yield
    server.close()


@pytest.mark.parametrize("document", [each for each in DOCUMENTS if commands(each.read_text("utf-8"))], ids=document_id)
def test_the_commands_of_a_document_work_one_after_the_other(document, photos, request, monkeypatch, capsys):
    if "s3://" in document.read_text("utf-8"):
        request.getfixturevalue("bucket")
    served: list[Launch] = []
    monkeypatch.setattr(Launch, "run", lambda launch: served.append(launch) or 0)
    for line in commands(document.read_text("utf-8")):
        command = shlex.split(line, comments=True)[1:]
        if command[0] == "sample":
            continue
        monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
        code = main(command)
        said = capsys.readouterr()
        assert code == 0 or (code == 1 and command[0] in FAILING), (line, said.err)
        assert "nothing was done" not in said.out, line
    left = len(list(photos.rglob("*.*")))
    if "remove photos --apply" in document.read_text("utf-8"):
        assert left == 6 and main(["restore", "photos"]) == 0
    assert document.name == "deploy.md" or len(list(photos.rglob("*.*"))) == 7
    assert all(launch.command() for launch in served)


@pytest.mark.parametrize("line", re.findall(r"^.*\bdedup scan /data/photos .*$", SCALE, re.MULTILINE))
def test_what_clusters_are_given_scans_a_share(line, photos):
    """Their schedulers name the share and run it; the rest of the line is ours."""
    shell = line[line.index("dedup ") :].split(" :::")[0].removesuffix("'")
    for number in ("$((JOB_COMPLETION_INDEX + 1))", "$SLURM_ARRAY_TASK_ID", "{}"):
        shell = shell.replace(number, "1")
    assert main(shlex.split(shell.replace("/data/", ""))[1:]) == 0
    assert list((photos.parent / "parts").iterdir())


def test_the_settings_of_the_gate_are_taken(photos, capsys):
    (settings,) = re.findall(r"^```toml\n(.+?)^```", CLI, re.MULTILINE | re.DOTALL)
    assert main(["check", "photos", "--max-leaks", "0"]) == 1
    (photos / "dedup.toml").write_text(settings.replace("a.jpg", "0000.jpg").replace("b.jpg", "leak.jpg"))
    capsys.readouterr()
    assert main(["check", "photos"]) == 0
    told = capsys.readouterr().out
    assert "leaks: 0, of 0 allowed (1 known or accepted)" in told and "dark: 0, of 10 allowed" in told


@pytest.mark.parametrize("line", re.findall(r"^((?:\S+ )+?\S+|\S+) {2,}\S", CONTRIBUTING, re.MULTILINE))
def test_what_contributors_run_is_there(line):
    words = [word for word in shlex.split(line.split("&&")[0]) if "=" not in word]
    if words[0] == "npm":
        assert words[3] in json.loads((ROOT / words[2] / "package.json").read_text("utf-8"))["scripts"]
    elif words[:2] == ["python", "-m"]:
        assert importlib.util.find_spec(words[2]), line
        places = [ROOT / word for word in words[3:] if word.startswith("tests")]
        assert [place for place in places if not place.exists()] == []
    else:
        assert words[1] in VERBS if words[0] == "dedup" else shutil.which(words[0], path=TOOLS), line


@pytest.mark.parametrize(
    "document", [each for each in DOCUMENTS if "```python" in each.read_text("utf-8")], ids=document_id
)
def test_the_python_of_a_document_works(document, photos):
    shutil.copy(photos / "train/0001.jpg", photos / "train/again.jpg")
    blocks = re.findall(r"^```python\n(.+?)^```", document.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    for block in blocks:
        exec(block, {})
    assert "unique.csv" not in blocks[-1] or (photos.parent / "unique.csv").is_file()


@pytest.mark.parametrize("document", DOCUMENTS, ids=document_id)
def test_every_verb_that_is_named_exists(document):
    shown = set(re.findall(r"^dedup ([a-z]+)|`dedup ([a-z]+)", document.read_text("utf-8"), re.MULTILINE))
    assert {verb for pair in shown for verb in pair if verb} <= {*VERBS, *FAMILIES}


@pytest.mark.parametrize("document", DOCUMENTS, ids=document_id)
def test_every_option_that_is_named_is_one_of_its_verb(document, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")  # narrow help cuts names
    prose = re.sub(r"^```.+?^```", "", document.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    for verb, rest in re.findall(r"`dedup ([a-z]+) ([^`]*--[^`]*)`", prose):
        main([verb, "--help"])
        known = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
        assert set(re.findall(r"--[a-z-]+", rest)) <= known, (verb, rest)


@pytest.mark.parametrize("name", re.findall(r"^python -m benchmarks\.([a-z]+)", BENCHMARKS, re.MULTILINE))
def test_every_benchmark_that_is_named_can_be_started(name):
    command = [sys.executable, "-m", f"benchmarks.{name}", "--help"]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 0


def test_the_readme_tells_what_the_benchmarks_measured():
    rows = re.findall(r"^\| .+ \| .+ \| .+ \| .+ \|$", README, re.MULTILINE)
    assert len(rows) > 5 and [row for row in rows if row not in BENCHMARKS] == []


def test_the_readme_is_short():
    assert len(README.splitlines()) <= 115


def test_the_docs_build_without_a_warning(tmp_path):
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-q",
        "-W",
        "--keep-going",
        "-n",
        "-b",
        "html",
        "docs",
        str(tmp_path / "built"),
    ]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    assert (tmp_path / "built/cli.html").is_file()


def test_the_tables_of_formats_are_what_the_code_reads_and_writes():
    written = runpy.run_path(str(ROOT / "docs" / "formats.py"))
    for document in written["DOCUMENTS"]:
        assert written["renewed"](document) == document.read_text("utf-8"), "write them anew: python docs/formats.py"


def test_the_picture_of_the_packages_is_what_the_code_imports():
    drawn = runpy.run_path(str(ROOT / "docs" / "picture.py"))
    assert drawn["draw"]() == drawn["PICTURE"].read_text("utf-8"), "draw it anew: python docs/picture.py"
    told = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    assert [name for name in drawn["packages"]() if name != drawn["GROUND"] and f"`{name}`" not in told] == []
    assert drawn["GROUND_MODULES"] == GROUND


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_every_metric_is_in_the_docs(metric):
    assert f"`{metric.name}`" in SCORE


@pytest.mark.parametrize("document", DOCUMENTS, ids=document_id)
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
