"""The numbers of the second look: each says what it is, is used, and stands in the documentation as it is in force."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dedup.matching import parameters
from dedup.matching.parameters import PARAMETERS, PLATEAUS, value

ROOT = Path(__file__).parent.parent.parent
DOCUMENT = ROOT / "docs" / "matching.md"


def table() -> str:
    """The parameters as a table, to be pasted into the document when one has changed."""
    rows = [
        f"| `{name}` | {each.value:g} | {_plateau(name)} | {each.unit} | {each.meaning} | {each.chosen} |"
        for name, each in PARAMETERS.items()
    ]
    head = ["| parameter | value | plateau | unit | meaning | how it was chosen |", "|---|---|---|---|---|---|"]
    return "\n".join([*head, *rows])


def _plateau(name: str) -> str:
    return "{:g} to {:g}".format(*PLATEAUS[name]) if name in PLATEAUS else ""


def test_a_plateau_is_around_the_value_in_force_and_of_a_parameter_there_is():
    for name, (low, high) in PLATEAUS.items():
        assert low <= value(name) <= high


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_parameter_says_what_it_means_and_how_it_was_chosen(name):
    each = PARAMETERS[name]
    assert each.unit and each.meaning.endswith((".", "...")) and each.chosen.endswith(".")
    assert value(name) == each.value > 0


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_parameter_decides_something(name):
    code = "\n".join(path.read_text() for path in (ROOT / "dedup").rglob("*.py") if path.parent.name != "parameters")
    spoken = name.removesuffix("_colour") if name.endswith("_colour") else name
    assert f'"{spoken}"' in code


def test_the_document_has_the_numbers_in_force():
    inside = re.search(r"<!-- parameters -->\n(.*)\n<!-- /parameters -->", DOCUMENT.read_text(), re.DOTALL)
    assert inside and inside[1] == table()


def test_a_number_is_looked_up_when_it_is_needed(monkeypatch):
    """So that `benchmarks.calibrate` may try others."""
    monkeypatch.setitem(PARAMETERS, "grain", parameters.Parameter(9.0, "x", "y.", "z."))
    assert value("grain") == 9.0
