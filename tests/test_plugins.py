"""What other packages add, as they are installed: by their entry points, in processes of their own."""

from __future__ import annotations

import configparser
import json
import os
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import pytest

from dedup import exports, plugins
from dedup.errors import ExportError
from dedup.exports.base import Export
from tests.conftest import ROOT
from tests.pictures import folder_of_photos, photo, save

EXAMPLE = ROOT / "docs" / "example-plugin"


class Machine:
    """Runs Python with packages beside ours."""

    def __init__(self, place: Path, home: Path) -> None:
        self.place, self.home = place, home
        self.paths = [ROOT, place]

    def installed(self, name: str, points: dict[str, dict[str, str]], version: str = "1.0") -> None:
        """Write what an installation does of a package beside its code."""
        folder = self.place / f"{name.replace('-', '_')}-{version}.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        told = configparser.ConfigParser(delimiters="=")
        told.read_dict(points)
        with (folder / "entry_points.txt").open("w") as stream:
            told.write(stream)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, self.paths)), "DEDUP_HOME": str(self.home)}
        return subprocess.run([sys.executable, *command], env=environment, capture_output=True, text=True, check=False)

    def dedup(self, *arguments: object, code: int = 0) -> str:
        done = self.run("-m", "dedup", *map(str, arguments))
        assert done.returncode == code, done.stdout + done.stderr
        self.complaints = done.stderr
        return done.stdout

    def python(self, script: str) -> str:
        done = self.run("-c", textwrap.dedent(script))
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path / "site-packages", tmp_path / "home")


@pytest.fixture
def folder(tmp_path):
    """Four photographs; a gray copy of one; stars for two."""
    where = tmp_path / "photos"
    folder_of_photos(where, 4)
    save(photo(0).convert("L").convert("RGB"), where / "gray.png")
    (where / "stars.txt").write_text("0000.jpg\t5\n0001.jpg\t3\nno tab\n")
    return where


def test_one_of_each_is_used_where_it_belongs(machine, folder, tmp_path):
    told = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    assert "labels" not in machine.dedup("scan", folder, "--name", "photos")
    machine.installed(told["name"], told["entry-points"], told["version"])
    machine.paths.append(EXAMPLE)
    listed = json.loads(machine.dedup("plugins", "--json"))
    assert listed["problems"] == [] and {each["package"] for each in listed["plugins"]} == {"dedup-example 1.0"}
    assert [each["name"] for each in listed["plugins"]] == ["list", "colourful", "stars", "colourfulness"]

    rated = ["export", "photos", "--to", "list", "--output", "-", "--where", "colourfulness > 0.05"]
    assert machine.dedup(*rated) == ""  # measured by a scan without it: unknown until the next
    assert "labels: Stars of 2 images in stars.txt" in machine.dedup("scan", folder, "--name", "photos")
    assert sorted(Path(line).name for line in machine.dedup(*rated).split()) == [f"000{each}.jpg" for each in range(4)]
    machine.dedup("export", "photos", "--to", "csv", "--output", tmp_path / "all.csv")
    assert '"colourfulness"' in (tmp_path / "all.csv").read_text().splitlines()[0]

    shown = machine.python("""
        import dedup
        from dedup.groups import keepers
        photos = dedup.open("photos")
        print(*photos.frame.set_index("path").loc[["0000.jpg", "0002.jpg"], "classes"])
        print("colourful" in photos.keeper_rules, keepers.KEEPER_RULES[-1].name)
        photos.decisions.decide([("setting", "keeper_rules", "", '["chosen", "colourful"]')], "rules")
        print(photos.groups[0].reason, photos.keeper_rules["colourful"])
    """)
    assert shown.splitlines() == ["('5 stars',) ()", "False colourful", "has more colour 1"]


FAIL = """
def fail(*arguments, **options):
    raise ZeroDivisionError("on purpose")
"""
BROKEN = {
    "metrics": """
from dedup.images.metrics import Metric
BAD = Metric("bad_metric", "Bad", "", fail)
TEXT = "no metric"
TAKEN = Metric("width", "Width", "", fail)
ODD = Metric("not a name", "", "", fail)
""",
    "names": """
from dedup.images.metrics import Metric
NUMBER = Metric(5, "Five", "", fail)
WORD = Metric("not", "Not", "", fail)
""",
    "rules": """
from dedup.groups.keepers import Rule
BAD = Rule("bad_rule", "Bad rule", fail, fail)
""",
    "exports": """
from dedup.exports.base import Export
from dedup.groups.keepers import Rule
BAD = Export("bad_export", "Bad export", ".bad", fail)
RULE = Rule("misplaced", "Misplaced", fail, fail)
""",
    "labels": """
from dedup.labels.formats.base import Format
BAD = Format("bad_format", "Bad", "", fail, fail, fail, fail, fail)
""",
}


def test_what_fails_is_told_and_stops_nothing(machine, folder, tmp_path):
    machine.installed(
        "bad-package",
        {
            "dedup.metrics": {
                "gone": "bad.metrics:GONE", "text": "bad.metrics:TEXT", "taken": "bad.metrics:TAKEN",
                "odd": "bad.metrics:ODD", "bad": "bad.metrics:BAD",
                "five": "bad.names:NUMBER",
                "not": "bad.names:WORD", "missing": "no_such_package:METRIC",
            },
            "dedup.keeper_rules": {"bad": "bad.rules:BAD", "misplaced": "bad.exports:RULE"},
            "dedup.exports": {"bad": "bad.exports:BAD"},
            "dedup.label_formats": {"bad": "bad.labels:BAD"},
        },
    )  # fmt: skip
    (machine.place / "bad").mkdir()
    for name, code in BROKEN.items():
        (machine.place / "bad" / f"{name}.py").write_text(FAIL + code)
    listed = json.loads(machine.dedup("plugins", "--json", code=1))
    used = ["bad_export", "bad_rule", "bad_format", "bad_metric"]
    assert [each["name"] for each in listed["plugins"]] == used
    told = "\n".join(listed["problems"])
    assert len(listed["problems"]) == 8 and "bad-package 1.0" in told
    reasons = (
        "no_such_package",
        "GONE",
        "is no dedup.images",
        "as another is",
        "words of letters",
        "module of its own",
    )
    assert all(reason in told for reason in reasons)

    assert "5 images, 0 exact duplicates, 2 near" in machine.dedup("scan", folder, "--name", "photos")
    assert "'bad_format' of bad-package 1.0 failed: ZeroDivisionError" in machine.complaints
    assert (
        "'bad_metric' of bad-package 1.0 failed: ValueError: it gave no number for 5 images of 5" in machine.complaints
    )
    machine.dedup("export", "photos", "--to", "bad_export", "--output", tmp_path / "out.csv", code=1)
    assert "could not be written: on purpose" in machine.complaints and not (tmp_path / "out.csv").exists()
    shown = machine.python("""
        import dedup
        from dedup import plugins
        photos = dedup.open("photos")
        print(photos.frame["bad_metric"].isna().all(), set(photos.frame["status"]))
        photos.decisions.decide([("setting", "keeper_rules", "", '["chosen", "bad_rule", "name"]')], "rules")
        print(len(photos.groups), photos.keeper_rules)
        print([each for each in plugins.problems() if "'bad_rule'" in each])
    """)
    metric, rules, problems = shown.splitlines()
    assert metric == "True {'ok'}" and rules == "1 {'chosen': 0, 'bad_rule': 0, 'name': 0, '': 1}"
    assert "failed: ZeroDivisionError: on purpose" in problems


class Point:
    """Stands in for an entry point of another package."""

    name, value, module, dist, group = "odd", "odd:ODD", "odd", None, plugins.EXPORTS

    def __init__(self, load):
        self.load = load


def test_a_plug_in_that_ends_the_program_ends_itself(monkeypatch):
    def leave():
        raise SystemExit(3)

    monkeypatch.setattr(plugins, "_points", lambda group: [Point(leave)])
    monkeypatch.setattr(plugins, "_PROBLEMS", {})
    assert plugins.added(plugins.EXPORTS, Export, ()) == ()
    assert "cannot be loaded: SystemExit" in plugins.problems()[0]


def test_an_export_that_reports_nothing_is_told(monkeypatch):
    odd = Export("odd", "Odd", ".odd", lambda *arguments, **options: None)
    monkeypatch.setattr(plugins, "failed", lambda *told: None)
    with pytest.raises(ExportError, match=r"it gave NoneType for a dedup\.exports\.base\.Report"):
        exports._guarded(odd).write()
