"""What one browser tab looks at: its view, kept in the session and in the URL, and its chosen cards."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import streamlit as st

from dedup.model import called_otherwise
from dedup.ui.shell.notices import guarded
from dedup.ui.shell.view import Query, View

VIEW, WRITTEN, TOUCHED, CHOSEN, FRESH, PLACE = "view", "written", "touched", "chosen", "fresh tag", "place"
COMPARING = "comparing"
"""The image that is shown beside those like it, as long as the person stays on the page."""
BULK_TAGS = "bulk tags"
"""The key of the tags that are given or taken in bulk."""
ARRANGING = {"dataset", "metric", "order", "words", "size", "selection", "company"}
"""Parts of the view on which it hangs which images are on which page."""
SETTLING_SECONDS = 1.0
"""A click this soon after a change may still carry the URL from before it, which must not undo the change."""


def view() -> View:
    """The current view; at first the one the URL tells."""
    if VIEW not in st.session_state:
        st.session_state[VIEW] = View.from_query(_url())
    current: View = st.session_state[VIEW]
    return current


def update(**changes: Any) -> None:
    """Change the view; unless told, the first page (of images, of groups) is shown again."""
    if "sheet" not in changes and changes.keys() & {"dataset", "groups", "undecided", "selection"}:
        changes["sheet"] = 1
    if "page" not in changes and changes.keys() & ARRANGING:
        changes["page"] = 1
    if changes.get("dataset", view().dataset) != view().dataset:
        st.session_state.pop(CHOSEN, None)
    show(replace(view(), **changes))


def show(wanted: View) -> None:
    """Look at this view."""
    st.session_state[VIEW] = wanted
    st.session_state[TOUCHED] = True


def synchronise() -> None:
    """Follow the URL when the person changed it (a link, Back), else write the view into it."""
    address = _url()
    changed_at = time.monotonic()
    if not st.session_state.pop(TOUCHED, False) and _was_navigated(address):
        st.session_state[VIEW] = View.from_query(address)
        changed_at = 0.0
    told = _plain(view().to_query())
    if told != address:
        st.query_params.from_dict(told)
    if told != st.session_state.get(WRITTEN, (None, 0.0))[0]:
        st.session_state[WRITTEN] = (told, changed_at)


def _was_navigated(address: Query) -> bool:
    if "dataset" not in address or WRITTEN not in st.session_state:
        return "dataset" in address
    written, when = st.session_state[WRITTEN]
    return bool(address != written and time.monotonic() - when > SETTLING_SECONDS)


def _url() -> Query:
    return _plain({name: st.query_params.get_all(name) for name in st.query_params})


def _plain(query: Query) -> Query:
    """A parameter told once is a string, several times a list, never an empty one."""
    return {
        name: value[0] if isinstance(value, list) and len(value) == 1 else value
        for name, value in query.items()
        if value not in ([], "")
    }


def chosen() -> list[str]:
    """The ids of the chosen cards, in order of choice."""
    ids: list[str] = st.session_state.setdefault(CHOSEN, [])
    return ids


def choose(ids: list[str]) -> None:
    """Replace the chosen cards."""
    st.session_state[CHOSEN] = list(ids)


def be_at(page: str) -> None:
    """Remember which page is drawn, and whether the person has just come to it: then nothing of the page before lies
    over it, however that was left (by Back, no view is closed first)."""
    came = st.session_state.get(PLACE, ("", False))[0] != page
    st.session_state[PLACE] = (page, came)
    if came:
        st.session_state.pop(COMPARING, None)


def place() -> str:
    """The title of the page that is drawn; "" before the first."""
    return str(st.session_state.get(PLACE, ("", False))[0])


def arrived() -> bool:
    """Whether the person has just come to this page."""
    return bool(st.session_state.get(PLACE, ("", True))[1])


def tagged(name: str) -> None:
    """Remember the tag that a person gave or took last in this dataset, for it is what they go on with."""
    st.session_state[FRESH] = (view().dataset, name)


def fresh_tag() -> str:
    """The tag that was given or taken last in this dataset and not gone on with yet; "" for none. It is told once."""
    dataset, name = st.session_state.pop(FRESH, ("", ""))
    return str(name) if dataset == view().dataset else ""


def renamed(tag: str, new_name: str) -> None:
    """Go on with a tag under its new name, as saved views do: what the selection asks for, and what was used last."""
    now = view().selection
    fields: dict[str, Any] = {
        field: tuple(called_otherwise(getattr(now, field), {tag}, new_name))
        for field in ("tags_any", "tags_all", "tags_none")
    }
    if (wanted := replace(now, **fields)) != now:
        show(replace(view(), selection=wanted))
    if st.session_state.get(FRESH) == (view().dataset, tag):
        tagged(new_name)
    bulk = st.session_state.get(BULK_TAGS)
    if bulk and tag in bulk:
        st.session_state[BULK_TAGS] = called_otherwise(bulk, {tag}, new_name)


def held(key: str, value: Any, apply: Callable[[Any], None]) -> dict[str, Any]:
    """Arguments that make a widget show `value`, whatever it showed before, and `apply` what a person makes of it.

    The view stays the only truth: several widgets may show the same part of it, and none can disagree. A click soon
    after such a change still brings along what the widget showed before it; that is no wish of the person.
    """
    before = st.session_state.get(key)
    if before != value:
        st.session_state[f"{key} before"] = (before, time.monotonic())
    st.session_state[key] = value

    def changed() -> None:
        told = st.session_state[key]
        outdated, when = st.session_state.get(f"{key} before", (None, 0.0))
        if told != outdated or time.monotonic() - when > SETTLING_SECONDS:
            st.session_state.pop(f"{key} before", None)
            apply(told)

    return {"key": key, "on_change": guarded(changed)}
