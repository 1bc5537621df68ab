"""Saved views: a name for what is on the screen, kept with the dataset; one click brings it back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from dedup.errors import UsageError
from dedup.store.decisions import SETTING, VIEW, Decisions
from dedup.ui.shell import navigation, session
from dedup.ui.shell.current import decisions
from dedup.ui.shell.library import Opened
from dedup.ui.shell.literal import literal
from dedup.ui.shell.notices import guarded, say
from dedup.ui.shell.view import View

SAVE, NAME = "save view", "name of the view"
START = "start view"
"""The setting that names the view with which a dataset opens."""
LONGEST = 80
"""Letters of a name."""


def draw(opened: Opened) -> None:
    """The saved views of a dataset, and the way to save the one on the screen."""
    mine = decisions(opened)
    known = {name: value for (name, _), value in sorted(mine.values(VIEW).items())}
    title, save = st.columns([3, 1.6], vertical_alignment="center")
    title.markdown("## Views")
    popover = save.popover("Save", icon=":material/add:", type="tertiary", key=SAVE, on_change="rerun")
    with popover, st.form("save view form", border=False, clear_on_submit=True):
        st.text_input("Name of what is on the screen", placeholder="dark and blurry", key=NAME)
        st.form_submit_button("Save", type="primary", on_click=guarded(_save), args=(mine,))
    if not known:
        st.caption("Save what is on the screen, filters and order included, to come back to it.")
    start = mine.values(SETTING).get((START, ""))
    for name, told in known.items():
        left, home, right = st.columns([5, 1, 1], vertical_alignment="center", gap="xxsmall")
        if left.button(literal(name), key=f"view {name}", type="tertiary", icon=":material/bookmark:"):
            _open(told)
        is_start = name == start
        home.button(
            "",
            key=f"start with view {name}",
            icon=":material/home:",
            type="primary" if is_start else "tertiary",
            help="The dataset opens with this view; click to take that back"
            if is_start
            else "Open the dataset with it",
            on_click=guarded(_start_with),
            args=(mine, "" if is_start else name),
        )
        right.button(
            "",
            key=f"forget view {name}",
            icon=":material/close:",
            type="tertiary",
            help="Forget this view; Undo brings it back",
            on_click=guarded(_forget),
            args=(mine, name),
        )


def saved(opened: Opened) -> dict[str, View]:
    """The saved views of a dataset, by name."""
    held = decisions(opened).values(VIEW)
    return {name: View.from_query(json.loads(value).get("query", {})) for (name, _), value in sorted(held.items())}


def _save(mine: Decisions) -> None:
    """Raises `UsageError` for a name that is none."""
    name = " ".join(st.session_state[NAME].split())
    if not 0 < len(name) <= LONGEST:
        raise UsageError(f"Give the view a name of up to {LONGEST} letters.")
    told = session.view().to_query()
    told.pop("dataset", None)
    is_there = (name, "") in mine.values(VIEW)
    mine.decide([(VIEW, name, "", json.dumps({"page": session.place(), "query": told}))], f"Save the view {name}")
    st.session_state[SAVE] = False
    instead = "saved, in place of the one of that name; Undo brings that back" if is_there else "saved"
    say(f"View {name} {instead}.", icon=":material/bookmark:")


def _start_with(mine: Decisions, name: str) -> None:
    label = f"Open with the view {name}" if name else "Open as usual"
    mine.decide([(SETTING, START, "", name or None)], label)


def open_start(opened: Opened) -> None:
    """Go to the view that a dataset opens with; to the Explorer where there is none."""
    mine = decisions(opened)
    name = mine.values(SETTING).get((START, ""), "")
    told = mine.values(VIEW).get((name, ""))
    if told is None:
        st.switch_page(navigation.explorer())
    else:
        _open(told)


def _forget(mine: Decisions, name: str) -> None:
    mine.decide([(VIEW, name, "", None)], f"Forget the view {name}")


def _open(told: str) -> None:
    """Go there; what a newer version has saved and this one does not know is as usual."""
    saved = json.loads(told)
    query: Mapping[str, Any] = saved.get("query", {})
    session.show(replace(View.from_query(query), dataset=session.view().dataset))
    pages = {page.title: page for page in navigation.pages()}
    st.switch_page(pages.get(saved.get("page", ""), navigation.explorer()))
