"""Every page of the app and what can be open on it, as addresses and acts: for pictures and for tests of all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page


def _nothing(page: Page) -> None:
    return None


@dataclass(frozen=True)
class State:
    """One state of the app: where it is, what to wait for, and what to do there."""

    name: str
    path: str
    wait: str = ".stMainBlockContainer h1"
    act: Callable[[Page], Any] = _nothing


def _side_panel(name: str) -> Callable[[Page], Any]:
    return lambda page: page.locator(".st-key-beside").get_by_text(name).click()


def _card(key: str) -> Callable[[Page], Any]:
    def act(page: Page) -> None:
        page.locator(".cell").nth(1).click()
        page.keyboard.press(key)
        page.locator("dialog.compare[open]").wait_for()

    return act


def _opened(name: str) -> Callable[[Page], Any]:
    return lambda page: page.get_by_role("button", name=name).click()


def _card_menu(page: Page) -> None:
    page.locator(".cell").nth(1).click(button="right")
    page.locator(".card-menu:popover-open").wait_for()


STATES = (
    State("datasets", "/"),
    State("summary", "/summary", ".js-plotly-plot"),
    State("explorer", "/explorer", ".cell"),
    State("explorer-exact", "/explorer?range=singularity::0", ".cell"),
    State("explorer-near", "/explorer?range=singularity:0.00001:0.05", ".cell"),
    State("explorer-bytes", "/explorer?metric=bytes", ".cell"),
    State("explorer-filters", "/explorer", ".cell", _side_panel("Filters")),
    State("explorer-tagging", "/explorer", ".cell", _side_panel("Bulk tagging")),
    State("explorer-empty", "/explorer?kind=exact&split=none", ".st-key-chips"),
    State("explorer-threshold", "/explorer", ".cell", _opened("Near up to distance")),
    State("new-tag", "/explorer", ".cell", _opened("New")),
    State("card-menu", "/explorer", ".cell", _card_menu),
    State("large", "/explorer", ".cell", _card("Enter")),
    State("compare", "/explorer", ".cell", _card("c")),
    State("similar", "/explorer", ".cell", _card("s")),
    State("map", "/map", ".plane"),
    State("examples", "/duplicates?panel=examples"),
    State("review", "/duplicates", ".strip-row"),
    State("review-doubtful", "/duplicates?groups=farthest", ".difference .told"),
    State("review-keys", "/duplicates", ".strip-row", lambda page: page.keyboard.press("?")),
    State("rules", "/duplicates?panel=rules"),
    State("plan", "/duplicates?panel=plan"),
    State("history", "/duplicates?panel=history"),
    State("leaks", "/leaks"),
    State("splits", "/splits"),
    State("clashes", "/clashes"),
    State("export", "/export"),
)
