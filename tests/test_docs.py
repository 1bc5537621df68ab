"""The documents say what is there: commands, links, requirements."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dedup.cli import FAMILIES, VERBS
from dedup.metrics import METRICS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("verb", [*VERBS, *FAMILIES])
def test_every_verb_is_in_the_readme(verb):
    assert re.search(rf"dedup {verb}\b", README), f"README.md does not show `dedup {verb}`"


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


def test_every_requirement_says_what_it_is_for():
    for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines():
        assert not line or line.startswith("#") or "  # " in line or " # " in line, line
