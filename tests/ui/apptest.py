"""Running the pages without a browser: start one, read it, click, and send what its components would send."""

from __future__ import annotations

import functools
import json
import re
import time
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Any

from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button

from dedup.ui.shell.literal import JOINER
from tests.conftest import ROOT

SECONDS = 60
"""Patience with one run of a page."""

MAIN = ROOT / "dedup" / "ui" / "shell" / "main.py"
_NUMBERS = count(1)

# Streamlit reads the metadata of every installed package for each app under test; they stay the same.
manifest_scanner.scan_component_manifests = functools.cache(manifest_scanner.scan_component_manifests)


def page(name: str) -> Path:
    """The script of a page."""
    return ROOT / "pages" / f"{name}.py"


def start(script: Path, query: Mapping[str, str | list[str]] | None = None, **state: Any) -> AppTest:
    """A script with the parameters of its URL and its session state, not yet run."""
    at = AppTest.from_file(str(script), default_timeout=SECONDS)
    for name, told in (query or {}).items():
        at.query_params[name] = told
    for key, value in state.items():
        at.session_state[key] = value
    return at


def run_page(name: str, query: Mapping[str, str | list[str]] | None = None, **state: Any) -> AppTest:
    """A page after its first run, in which nothing went wrong."""
    return healthy(start(page(name), query, **state).run())


def healthy(at: AppTest) -> AppTest:
    """The same app, which shows no error."""
    assert [each.value for each in (*at.exception, *at.error)] == []
    return at


def texts(at: AppTest) -> str:
    """Everything the app says, headings and messages included, names as they are shown."""
    kinds = (at.title, at.header, at.subheader, at.markdown, at.caption, at.info, at.success, at.warning, at.error)
    return plain("\n".join(str(element.value) for elements in kinds for element in elements))


def plain(text: str) -> str:
    """What a person sees of the names in a text that is `dedup.ui.shell.literal.literal`."""
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", text).replace(JOINER, "").replace("\N{NO-BREAK SPACE}", " ")


def button(at: AppTest, start: str) -> Button:
    """The first button whose label starts like that."""
    return next(each for each in at.button if plain(each.label).startswith(start))


def mounted(at: AppTest) -> list[Any]:
    """The data of the components, as the browser gets them."""
    return [json.loads(each.proto.json) for each in at.get("bidi_component")]


def send(at: AppTest, key: str, *events: Mapping[str, object]) -> AppTest:
    """Run again with events of the component `key`, as its queue would send them."""
    pending = [{"seq": next(_NUMBERS), **event} for event in events]
    at.session_state[key] = {"events": {"session": "s", "pending": pending}}
    return healthy(at.run())


def wait_for(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Until it holds; fails where it does not in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
