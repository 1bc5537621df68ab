"""The page of cards: what the gallery shows, and what a person's clicks in it mean."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import streamlit as st

from dedup.dataset import Dataset
from dedup.groups.frame import describe
from dedup.images.metrics import Metric
from dedup.model import TAG_PREFIX
from dedup.query.ordering import Rows
from dedup.store.decisions import Decisions
from dedup.ui.browser import gallery
from dedup.ui.browser.similar import candidates, records, sides
from dedup.ui.parts.metric import BY_NAME
from dedup.ui.shell import session
from dedup.ui.shell.current import decisions
from dedup.ui.shell.library import Opened
from dedup.ui.shell.notices import say
from dedup.ui.shell.view import MAX_COLUMNS, MIN_COLUMNS, PAGE_SIZES, View
from dedup.words import size

COMPARING = "comparing"


@dataclass(frozen=True)
class Page:
    """One page of the selection: its row numbers in grid order, its number from 1, and how many there are."""

    rows: Rows
    number: int
    of: int


def page_of(opened: Opened, view: View) -> Page:
    """The page that the view shows; the last one where the view asks for one beyond."""
    order = opened.order(view.selection, view.metric, ascending=view.ascending)
    starts = opened.starts(view.selection, view.metric, view.size, ascending=view.ascending)
    number = min(view.page, len(starts) - 1)
    return Page(order[starts[number - 1] : starts[number]], number, len(starts) - 1)


def key_of(opened: Opened) -> str:
    """The gallery's key: one per dataset, for its queue of events belongs to it."""
    return f"grid {opened.dataset.info.key}"


def apply_events(opened: Opened) -> None:
    """Carry out what was clicked in the gallery, before anything is drawn, so that everything shows it."""
    mine = decisions(opened)
    gallery.carry_out(key_of(opened), lambda event: apply(opened.dataset, mine, event))


def apply(dataset: Dataset, mine: Decisions, event: gallery.Event) -> Callable[[], None] | None:
    """Carry out one event of the gallery; returns what is left to do to the session."""
    if event["type"] == "select":
        return partial(session.choose, event["ids"])
    if event["type"] == "similar":
        return partial(st.session_state.__setitem__, COMPARING, event["id"])
    if event["type"] == "tag":
        paths = dataset.frame["path"].iloc[rows_of(dataset, event["ids"])].tolist()
        mine.tag(paths, event["tag"], remove=event["remove"])
    return None


def rows_of(dataset: Dataset, ids: Sequence[str]) -> Rows:
    """Row numbers of the ids that the dataset still has."""
    rows = []
    for each in ids:
        try:
            rows.append(dataset.row(each))
        except KeyError:
            continue
    return np.array(rows, dtype=np.int64)


def controls(page: Page, view: View, *, key: str) -> None:
    """Which page of how many, and how the cards are laid out."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
        with st.container(width=300):  # a pagination that is as wide as it must folds most pages away
            st.pagination(
                page.of,
                max_visible_pages=5,
                **session.held(f"page {key}", page.number, lambda number: session.update(page=number)),
            )
        with st.container(horizontal=True, width=280):
            st.selectbox(
                "Images on a page",
                PAGE_SIZES,
                label_visibility="collapsed",
                width=132,
                format_func=lambda number: f"{number} a page",
                **session.held(f"size {key}", view.size, lambda number: session.update(size=number)),
            )
            st.selectbox(
                "Columns, fewer where cards would be too narrow",
                range(MIN_COLUMNS, MAX_COLUMNS + 1),
                label_visibility="collapsed",
                width=132,
                format_func=lambda columns: f"≤ {columns} columns",
                **session.held(f"columns {key}", view.columns, lambda columns: session.update(columns=columns)),
            )


def show(opened: Opened, view: View, page: Page) -> None:
    """The cards of the page."""
    if not page.rows.size:
        st.info("No image is in this selection. Widen the range or take a filter away.", icon=":material/search_off:")
        return
    dataset = opened.dataset
    gallery.gallery(
        items(dataset, page.rows, BY_NAME[view.metric]),
        key=key_of(opened),
        columns=view.columns,
        selected=session.chosen(),
        tags=dataset.tags.values(),
        brackets=view.metric == "singularity",
    )


def items(dataset: Dataset, rows: Rows, metric: Metric) -> list[gallery.Item]:
    """The cards of these images; looks at nothing but their own rows and those of their nearest images."""
    page = records(dataset.frame, rows.tolist())
    nearest = [int(record["nearest"]) for record in page]
    matches = dict(zip(nearest, sides(dataset, nearest), strict=True))
    described = describe(dataset.frame, rows.tolist())
    tags = list(dataset.tags)
    return [
        {
            **shown,
            "row": row,
            "group": int(record["group"]),
            "tags": [tag for tag in tags if record.get(TAG_PREFIX + tag)],
            "value": value_text(float(record[metric.name]), metric),
            "description": words,
            "error": str(record["error"]),
            "distance": float(record["distance"]),
            "relation": str(record["relation"]),
            "match": matches[int(record["nearest"])] if record["nearest"] >= 0 else None,
        }
        for row, shown, record, words in zip(rows.tolist(), sides(dataset, rows.tolist()), page, described, strict=True)
    ]


def value_text(number: float, metric: Metric) -> str:
    """A metric as a card shows it: sizes with a unit, whole numbers grouped, others with four significant digits."""
    if math.isnan(number):
        return "unknown"
    if metric.name == "bytes":
        return size(number)
    if metric.whole:
        return f"{number:,.0f}"
    return f"{number:.4f}" if abs(number) < 1 else f"{number:,.4g}"


def compare(opened: Opened) -> None:
    """The image that was asked about beside those like it, until the person closes the view."""
    asked = st.session_state.get(COMPARING)
    if asked is None:
        return
    dataset = opened.dataset
    rows = rows_of(dataset, [asked])
    found = candidates(opened, int(rows[0])) if rows.size else []
    if not found:
        st.session_state[COMPARING] = None
        say("No image like this one was found.", icon=":material/search_off:")
        st.rerun()
    left = sides(dataset, [int(rows[0])])[0]
    key = f"compare {dataset.info.key}"
    if any(event["type"] == "close" for event in gallery.events(key)):
        st.session_state[COMPARING] = None
        st.rerun()
    gallery.compare(left, found, key=key)
