"""The page of cards: what the gallery shows, and what a person's clicks in it mean."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dedup.dataset import Dataset
from dedup.errors import UsageError
from dedup.groups.frame import describe
from dedup.images import metrics
from dedup.images.metrics import Metric
from dedup.model import TAG_PREFIX
from dedup.query.ordering import Rows
from dedup.review import acts
from dedup.store.decisions import Decisions
from dedup.ui.browser import annotated, gallery
from dedup.ui.browser.shapes import Shape
from dedup.ui.browser.sides import maps_to, records, sides
from dedup.ui.browser.similar import OURS, candidates, orders
from dedup.ui.parts.metric import BOXES, BY_NAME
from dedup.ui.shell import desktop, session
from dedup.ui.shell.current import decisions
from dedup.ui.shell.library import LIBRARY, Opened
from dedup.ui.shell.notices import say
from dedup.ui.shell.view import DIFFERENT, MATCHING, PAGE_SIZES, View

SHAPES = 60
"""Annotations drawn on a card: of more nothing would be seen."""
ORDER = "order of similar images"
COLUMNS = ("group", "decided", "error", "distance", "relation", "nearest")
"""Of the frame, what a card shows beside its side."""
ALONE: set[gallery.EventType] = {"select", "view"}
"""Events that change nothing beside the cards."""
VIEW_PARTS = ("page", "size", "columns")
"""What of the view is changed in the gallery's own toolbar."""


@dataclass(frozen=True)
class Page:
    """One page of the selection: its row numbers in grid order, its number from 1, how many there are, how many images
    the selection holds, and the row numbers of the page after it."""

    rows: Rows
    number: int
    of: int
    total: int
    following: Rows


@dataclass(frozen=True)
class Choice:
    """What hangs on the chosen cards and on the page: what draws it, and whether more hangs on them `everywhere`."""

    draw: Callable[[], None]
    everywhere: bool


def page_of(opened: Opened, view: View) -> Page:
    """The page that the view shows; the last one where the view asks for one beyond."""
    with st.spinner("Putting the most different ones first …") if view.order == DIFFERENT else nullcontext():
        order = opened.order(view)
    starts = opened.starts(view)
    number = min(view.page, len(starts) - 1)
    following = order[starts[number] : starts[min(number + 1, len(starts) - 1)]]
    return Page(order[starts[number - 1] : starts[number]], number, len(starts) - 1, order.size, following)


def key_of(opened: Opened) -> str:
    """The gallery's key: one per dataset, for its queue of events belongs to it."""
    return f"grid {opened.dataset.info.key}"


def apply_events(opened: Opened) -> set[gallery.EventType]:
    """Carry out what was clicked in the gallery, before anything is drawn, so that everything shows it; returns which
    types of events there were."""
    mine = decisions(opened)
    types: set[gallery.EventType] = set()

    def each(event: gallery.Event) -> Callable[[], None] | None:
        types.add(event["type"])
        return apply(opened, mine, event)

    gallery.carry_out(key_of(opened), each)
    return types


def apply(opened: Opened, mine: Decisions, event: gallery.Event) -> Callable[[], None] | None:
    """Carry out one event of the gallery; returns what is left to do to the session."""
    dataset = opened.dataset
    if event["type"] == "select":
        return partial(session.choose, event["ids"])
    if event["type"] == "similar":
        return partial(st.session_state.__setitem__, session.COMPARING, event["id"])
    if event["type"] == "reveal":
        return partial(_reveal, dataset, event["id"])
    if event["type"] == "view":
        return partial(_change_view, event["action"], event["tag"])
    if event["type"] == "decide":
        return _decide(opened, mine, event)
    if event["type"] == "tag":
        paths = dataset.frame["path"].iloc[rows_of(dataset, event["ids"])].tolist()
        mine.tag(paths, event["tag"], remove=event["remove"])
        return partial(session.tagged, event["tag"])
    return None


def decided(opened: Opened) -> acts.State:
    """What stands decided now; its frame has the tags as they are now."""
    found: acts.State = opened.remembered(
        "review", lambda: acts.state(opened.dataset, acts.clashing(opened.dataset)), tags=True
    )
    return found


def _decide(opened: Opened, mine: Decisions, event: gallery.Event) -> Callable[[], None] | None:
    """Keep one copy, or let it go; returns what to tell."""
    dataset = opened.dataset
    rows = rows_of(dataset, event["ids"][:1]).tolist()
    act = {"keep": acts.keep, "drop": acts.drop}.get(event["action"])
    if not rows or act is None or dataset.frame["group"].to_numpy()[rows[0]] < 0:
        return None
    try:
        step = act(decided(opened), rows[0])
    except UsageError as error:
        return partial(say, str(error), icon=":material/error:")
    mine.decide(step.changes, step.label)
    return partial(say, f"{step.label}. Undo is in the sidebar; the removal plan carries it out.")


def _reveal(dataset: Dataset, image_id: str) -> None:
    """Show an image's folder on the desktop, where the app runs on it."""
    rows = rows_of(dataset, [image_id])
    if not rows.size or not desktop.is_here():
        return
    try:
        desktop.show(dataset.file(int(rows[0])))
    except UsageError as error:
        say(str(error), icon=":material/error:")


def _change_view(part: str, value: str) -> None:
    """Another page, page size or number of columns."""
    if part in VIEW_PARTS and value.isdecimal():
        changes: dict[str, Any] = {part: int(value)}
        session.update(**changes)
        session.synchronise()  # the script has begun: the next run would be late for whoever copies the address


def rows_of(dataset: Dataset, ids: Sequence[str]) -> Rows:
    """Row numbers of the ids that the dataset still has."""
    rows = []
    for each in ids:
        try:
            rows.append(dataset.row(each))
        except KeyError:
            continue
    return np.array(rows, dtype=np.int64)


def show(opened: Opened, view: View, page: Page) -> None:
    """The cards of a page, with no way to another one."""
    _redrawn(opened, lambda: _cards(opened, view, page, paged=False), everywhere=False)


def pages(opened: Opened, view: View, choice: Choice) -> None:
    """The cards of the page that the view shows, with the ways to the other pages."""

    def draw() -> None:
        choice.draw()
        now = session.view()
        turned = replace(view, page=now.page, size=now.size, columns=now.columns)
        _cards(opened, turned, page_of(opened, turned), paged=True)

    _redrawn(opened, draw, everywhere=choice.everywhere)


def _redrawn(opened: Opened, draw: Callable[[], None], *, everywhere: bool) -> None:
    """Draw the cards so that choosing some and turning a page draws nothing else, unless it changes what stands
    `everywhere`. All else that is done in the cards draws the whole page."""

    drawn = opened.dataset.revision

    @st.fragment
    def cards() -> None:
        if not LIBRARY.is_current(opened) or opened.dataset.revision != drawn:  # by another tab or program
            st.rerun()
        types = apply_events(opened)
        if types - ALONE or (types and everywhere):
            st.rerun()
        draw()

    cards()


def _cards(opened: Opened, view: View, page: Page, *, paged: bool) -> None:
    if not page.rows.size:
        st.info("No image is in this selection. Widen the range or take a filter away.", icon=":material/search_off:")
        return
    dataset = opened.dataset
    shown = opened.remembered(
        ("cards", view.selection, view.metric, page.rows.tobytes()),
        lambda: items(dataset, page.rows, BY_NAME[view.metric], opened.mask(view.selection)),
        tags=True,
    )
    if view.order == MATCHING:
        fits = opened.cosines(view.words)
        shown = [{**item, "value": _cosine(float(fits[item["row"]]))} for item in shown]
    if st.session_state.get(BOXES):
        shown = [_with_shapes(opened, item) for item in shown]
    gallery.gallery(
        shown,
        key=key_of(opened),
        columns=view.columns,
        selected=session.chosen(),
        tags=dataset.tags.values(),
        brackets=view.together,
        decides=True,
        reveals=desktop.is_here() and opened.dataset.in_files,
        paging=_paging(opened, view, page) if paged else None,
        preload=[side["thumb"] for side in sides(dataset, page.following.tolist())] if paged else (),
    )


def _cosine(value: float) -> str:
    return "no vector" if math.isnan(value) else f"{value:.3f}"


def _with_shapes(opened: Opened, item: gallery.Item) -> gallery.Item:
    """A card with the annotations of its image."""
    row = item["row"]
    if not opened.dataset.frame["annotations"].iat[row]:
        return item
    size = item["width"], item["height"]
    shapes: list[Shape] = opened.remembered(
        ("shapes", row), lambda: annotated.shapes(opened, annotated.entries(opened, row), size, SHAPES)
    )
    return {**item, "shapes": shapes}


def _paging(opened: Opened, view: View, page: Page) -> gallery.Paging:
    selected = int(opened.mask(view.selection).sum())
    return {
        "number": page.number,
        "of": page.of,
        "total": selected,
        "company": page.total - selected,
        "size": view.size,
        "sizes": list(PAGE_SIZES),
    }


def items(
    dataset: Dataset, rows: Rows, metric: Metric, selected: NDArray[np.bool_] | None = None
) -> list[gallery.Item]:
    """The cards of these images; looks at nothing but their own rows, those of their nearest images and the pairs of
    the two. Those outside of the selection, an (n,) mask, say that they are there for company."""
    frame, tags = dataset.frame, list(dataset.tags)
    columns = dict.fromkeys([*COLUMNS, metric.name, *(TAG_PREFIX + tag for tag in tags)])
    page = records(frame, rows.tolist(), [name for name in columns if name in frame])
    nearest = [int(record["nearest"]) for record in page]
    matches = dict(zip(nearest, sides(dataset, nearest), strict=True))
    described = describe(frame, rows.tolist())
    maps = maps_to(dataset.pairs, rows.tolist(), nearest)
    values = metrics.values(frame[[metric.name]].iloc[rows], metric.name).tolist()
    texts = dict(zip(rows.tolist(), map(metric.text, values), strict=True))
    return [
        {
            **shown,
            "row": row,
            "group": int(record["group"]),
            "decided": str(record["decided"]),
            "company": selected is not None and not selected[row],
            "tags": [tag for tag in tags if record.get(TAG_PREFIX + tag)],
            "value": texts[row],
            "description": words,
            "error": str(record["error"]),
            "distance": float(record["distance"]),
            "relation": str(record["relation"]),
            "affine": affine,
            "shapes": [],
            "match": matches[int(record["nearest"])] if record["nearest"] >= 0 else None,
        }
        for row, shown, record, words, affine in zip(
            rows.tolist(), sides(dataset, rows.tolist()), page, described, maps, strict=True
        )
    ]


def compare(opened: Opened) -> None:
    """The image that was asked about beside those like it, until the person closes the view."""
    asked = st.session_state.get(session.COMPARING)
    if asked is None:
        return
    dataset = opened.dataset
    rows = rows_of(dataset, [asked])
    key = f"compare {dataset.info.key}"
    for event in gallery.events(key):
        if event["type"] == "close":
            st.session_state[session.COMPARING] = None
            st.rerun()
        if event["type"] == "order":
            st.session_state[ORDER] = event["action"]
    offered = orders(opened)
    order = st.session_state.get(ORDER, OURS)
    order = order if order in offered else OURS
    found = (candidates(opened, int(rows[0]), order) or candidates(opened, int(rows[0]))) if rows.size else []
    if not found:
        st.session_state[session.COMPARING] = None
        say("No image like this one was found.", icon=":material/search_off:")
        st.rerun()
    left = sides(dataset, [int(rows[0])])[0]
    gallery.compare(left, found, key=key, orders=offered, order=order)
