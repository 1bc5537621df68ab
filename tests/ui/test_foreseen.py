"""What the browser paints of an act before Python answers is what Python then decides; its code's own tests."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import dedup
from dedup.dataset import Dataset
from dedup.errors import UsageError
from dedup.review import acts
from dedup.store.decisions import PROTECTED
from dedup.ui.duplicates import review
from dedup.ui.shell.library import LIBRARY
from tests.conftest import ROOT
from tests.pictures import photo, save

JS = ROOT / "tests" / "js"
ACTIONS = ("accept", "keep", "drop", "apart", "reopen")


@pytest.fixture(scope="module")
def node() -> str:
    """Node.js, which runs the browser's code without a browser."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("there is no Node.js")
    return found


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Dataset:
    """A group of an original, its twin and three near copies, one of them in a protected folder, and a group of two."""
    folder = tmp_path_factory.mktemp("foreseen")
    image = photo(0)
    save(image, folder / "in/a.jpg", quality=92)
    shutil.copy(folder / "in/a.jpg", folder / "in/a twin.jpg")
    save(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT), folder / "in/b.jpg", quality=90)
    save(image.resize((64, 48)), folder / "in/kept/c.jpg", quality=90)
    save(image, folder / "in/d.jpg", quality=60)
    save(photo(1), folder / "in/e.jpg", quality=92)
    save(photo(1).transpose(Image.Transpose.ROTATE_90), folder / "in/f.jpg", quality=90)
    made = dedup.scan(folder / "in", name="foreseen", home=folder / "home", workers=1)
    made.decisions.decide(acts.folder_step("kept", PROTECTED).changes, "protect")
    return made


def foreseen(node: str, asked: Sequence[Mapping[str, Any]]) -> list[dict[str, Any] | None]:
    """What `foresee` of the browser makes of acts on strips; None where it refuses one."""
    done = subprocess.run(
        [node, JS / "foresee.js"], input=json.dumps(asked), capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def told(strip: Mapping[str, Any]) -> dict[str, Any]:
    """What of a strip a person sees decided."""
    return {"keeper": strip["keeper"], "open": strip["open"],
            "fates": {each["name"]: each["fate"] for each in strip["members"]}}  # fmt: skip


def going(strip: Mapping[str, Any]) -> set[str]:
    """What a strip says will go."""
    return {each["name"] for each in strip["members"] if each["fate"] == "drop"}


def regroups(strip: Mapping[str, Any], action: str, copy: str) -> bool:
    """Whether an act makes Python group the copies anew, so that another may stay: only it can know which."""
    chosen = strip["reason"].startswith("chosen")
    parted = copy == strip["keeper"] or "apart" in told(strip)["fates"].values()
    return (action in ("apart", "reopen") and chosen) or (action == "apart" and parted)


@pytest.fixture
def opened(dataset, tmp_path, monkeypatch):
    """The dataset as the app has it, with decisions of its own."""
    shutil.copytree(dataset.directory, tmp_path / "home" / "foreseen")
    monkeypatch.setenv("DEDUP_HOME", str(tmp_path / "home"))
    return LIBRARY.open(dataset.info.key)


def test_what_is_foreseen_is_what_is_decided(node, opened):
    """Every act on every copy, at first and after an act that leaves the group open."""
    made = opened.dataset
    ids = made.frame["id"].to_numpy(object)
    groups = tuple(tuple(ids[rows]) for rows in acts.state(made).members.values())
    asked, after = [], []
    for number, group in enumerate(groups):
        keeper, other = group[0], group[-1]
        for first in (None, ("apart", [other]), ("drop", [keeper])):
            if _acted(opened, first) != (first is not None):
                continue
            before = review.strips(opened, groups)[number]
            for action in ACTIONS:
                for each in group:
                    asked.append({"strip": before, "action": action, "id": each})
                    done = _acted(opened, _event(action, each, before))
                    after.append(review.strips(opened, groups)[number])
                    if done:
                        made.decisions.undo()
            if first is not None:
                made.decisions.undo()
    assert len(asked) > 50
    wrong = []
    for case, seen, truth in zip(asked, foreseen(node, asked), after, strict=True):
        if seen is None:
            continue
        same = told(seen) == told(truth) or regroups(case["strip"], case["action"], case["id"])
        if not same or going(seen) != going(truth):
            wrong.append((case["action"], case["id"], told(case["strip"]), told(seen), told(truth)))
    assert wrong == []


def _event(action: str, copy: str, strip: Mapping[str, Any]) -> tuple[str, list[str]]:
    """The ids that the browser sends with an act on a copy."""
    everyone = [each["id"] for each in strip["members"]]
    return action, {"accept": [strip["keeper"]], "reopen": everyone}.get(action, [copy])


def _acted(opened, event: tuple[str, list[str]] | None) -> int:
    """Decides; returns how many operations that made: none where it is refused, or changes nothing."""
    if event is None:
        return 0
    before = opened.dataset.decisions.revisions()
    try:
        review._act(opened, opened.dataset.decisions, *event)
    except UsageError:
        return 0
    return int(opened.dataset.decisions.revisions() != before)


def test_the_code_of_the_browser_is_sound(packages):
    """Linter, types and unit tests, by the tools that tests/js/package.json names."""
    done = subprocess.run(["npm", "test"], cwd=packages, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_tools_are_pinned():
    assert (Path(JS) / "package-lock.json").is_file()
