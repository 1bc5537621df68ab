"""The grid of images and the compare view: two browser components, and the events that come back from them.

What a person does is painted by the browser at once and put into a numbered queue, which travels in the component's
state. Python takes each event once and answers with the last number taken; the browser shows the data from Python
plus whatever is still in its queue, so nothing flickers and nothing is lost in bursts, reruns and page changes.

    carry_out("grid", apply)                     # before the items are made, so that they show what was just decided
    gallery(items, key="grid", columns=6, selected=selected, tags=dataset.tags.values())

An event is taken just before it is applied: one that raises is not repeated, those after it come again in the next
run. The queue belongs to one browser tab and one `key`: use another key for another dataset.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict

import streamlit as st

from dedup.model import Tag
from dedup.ui.browser import palette
from dedup.ui.browser.shapes import Shape
from dedup.ui.browser.sides import Side
from dedup.ui.shell.view import MAX_COLUMNS, MIN_COLUMNS

ACKNOWLEDGED = "{key}:acknowledged"
"""Name of the session-state entry that remembers the last event taken from each browser tab."""

EventType = Literal["select", "tag", "similar", "view", "decide", "action", "order", "reveal", "close"]
Mode = Literal["side", "wipe", "blink", "difference"]


class Item(Side):
    """One card. `value` is the chosen metric as text, `group` -1 outside groups, `kind` a `Kind`, `role` a `Role`;
    `company` says that it is shown for its group and is not of the selection.

    `shapes` are annotations that are drawn over its picture. `match` is the image that the C key compares this one
    with (its keeper or nearest): the left side of the view; `distance`, `relation` and `affine` of the item are then
    relative to it. `error` is the reason of a failure.
    """

    row: NotRequired[int]
    company: NotRequired[bool]
    decided: NotRequired[str]
    group: int
    tags: Sequence[str]
    error: NotRequired[str]
    match: NotRequired[Side | None]
    shapes: NotRequired[Sequence[Shape]]


class Paging(TypedDict):
    """Which page of how many is shown, of `total` images in all and `company` more of their groups; `size` on a page
    out of the offered `sizes`."""

    number: int
    of: int
    total: int
    company: int
    size: int
    sizes: list[int]


class Action(TypedDict):
    """A decision offered in the compare view, by button and by `key` (one lower-case letter or digit)."""

    name: str
    label: str
    key: str


class Event(TypedDict):
    """What a person did. Every field is there whatever the type.

    select: `ids` is the whole selection, other pages included, in order of choice.
    tag: `tag` was added to `ids`, or taken away where `remove`.
    similar: images like `id` are asked for.
    decide: of the copies of `id` it is to stay alone (`action` keep) or it is to go (drop).
    view: `action` (page, size or columns) is to be the number in `tag`.
    action: `action` was chosen while `ids` (left, right) were on screen: the same pair twice when keys were faster.
    reveal: the folder of `id` is to be shown on the desktop.
    order: the candidates are wanted in the order `action`.
    close: the compare view was closed.

    `was` is what stood decided where the person decided, None where the component does not tell.
    """

    seq: int
    type: EventType
    id: str
    ids: list[str]
    tag: str
    remove: bool
    action: str
    was: str | None


def events(key: str) -> Iterator[Event]:
    """The events of the component `key` that were not taken yet, oldest first; see the module's description."""
    state = st.session_state.get(key) or {}
    acknowledged = st.session_state.setdefault(ACKNOWLEDGED.format(key=key), {})
    yield from take(state.get("events"), acknowledged)


_IN_ORDER = threading.Lock()
"""A newer run of a script does not wait for the older one to end: whoever carries out events holds this."""


def carry_out(key: str, apply: Callable[[Event], Callable[[], None] | None]) -> None:
    """Let `apply` carry out every event of `key` that was not taken yet, in order.

    Any look at the session may end the script in favour of a newer run, and an event that was taken must be carried
    out before that can happen. So `apply` looks at no session; what it returns is called after the last event.
    """
    later = []
    try:
        with _IN_ORDER:
            for event in events(key):
                if (rest := apply(event)) is not None:
                    later.append(rest)
    finally:
        _all(later)


def _all(acts: Sequence[Callable[[], None]]) -> None:
    """Do every one of them, whatever the others raise: what was taken is not taken again."""
    if acts:
        try:
            acts[0]()
        finally:
            _all(acts[1:])


def take(queue: object, acknowledged: MutableMapping[str, Any]) -> Iterator[Event]:
    """The events of `queue` (`{"session": str, "pending": [...]}`) beyond those `acknowledged`, which moves along.

    `acknowledged` holds the number of the last event taken from each session, and under "" the current session.
    """
    if not isinstance(queue, dict):
        return
    session = str(queue.get("session", ""))
    acknowledged[""] = session
    for raw in queue.get("pending") or []:
        event = _event(raw)
        if event["seq"] > acknowledged.get(session, 0):
            acknowledged[session] = event["seq"]
            yield event


def gallery(
    items: Sequence[Item],
    *,
    key: str,
    columns: int = 6,
    selected: Sequence[str] | None = None,
    tags: Iterable[Tag] = (),
    brackets: bool = True,
    paging: Paging | None = None,
    preload: Sequence[str] = (),
    decides: bool = False,
    reveals: bool = False,
    height: int | None = None,
) -> None:
    """A page of cards in at most `columns` (2 to 10) columns.

    `selected` are the chosen ids, None leaves the choice to the browser. `tags` are those that may be given. With
    `brackets`, neighbours of one group share a band. With `paging` other pages are asked for by "view" events;
    `preload` are the thumbnails of the next one. With `decides` the menu of a card offers to keep it or to let it go,
    with `reveals` to show its folder on the desktop. `height` in CSS pixels makes the grid scroll inside itself.
    """
    data = {
        "key": key,
        "items": [_without_nan(item) for item in items],
        "columns": min(MAX_COLUMNS, max(MIN_COLUMNS, columns)),
        "selected": None if selected is None else list(selected),
        "tags": [{"name": tag.name, "colour": tag.colour} for tag in tags],
        "brackets": brackets,
        "paging": paging,
        "preload": list(preload),
        "decides": decides,
        "reveals": reveals,
        "height": height,
    }
    mount(_gallery, key, data)


def compare(
    left: Side,
    candidates: Sequence[Side],
    *,
    key: str,
    index: int = 0,
    mode: Mode = "side",
    actions: Sequence[Action] = (),
    preload: Sequence[str] = (),
    orders: Mapping[str, str] | None = None,
    order: str = "",
) -> None:
    """A dialog over the app that shows `left` beside `candidates[index]` at full resolution.

    It opens when mounted and when `left` changes, and sends "close" when the person leaves it; do not mount it in the
    next run then. `relation`, `distance` and `affine` of each candidate are relative to `left`. With another `left`
    in the next run it stays open and keeps the person's `mode`; `preload` names the full-size images of that pair.
    Where there are several `orders` (name to title) of the candidates, another is asked for by the event "order".
    """
    data = {
        "key": key,
        "left": _without_nan(left),
        "candidates": [_without_nan(side) for side in candidates],
        "index": index,
        "mode": mode,
        "actions": list(actions),
        "preload": list(preload),
        "orders": [{"name": name, "title": title} for name, title in (orders or {}).items()],
        "order": order,
    }
    mount(_compare, key, data)


def mount(component: Any, key: str, data: dict[str, Any]) -> None:
    """Show a component with `data`, what was taken of its events and the palette. It takes none: what came while a
    script was drawing belongs to the run that follows, which carries it out."""
    acknowledged = st.session_state.get(ACKNOWLEDGED.format(key=key), {})
    session = acknowledged.get("", "")
    data["ack"] = {"session": session, "seq": acknowledged.get(session, 0)}
    data["palette"] = {meaning: [pair.light, pair.dark] for meaning, pair in palette.COLOURS.items()}
    component(key=key, data=data, on_events_change=_changed)


def _changed() -> None:
    """Streamlit keeps only the state that has a callback; the events are taken by the run that follows."""


def _event(raw: dict[str, Any]) -> Event:
    ids = [str(each) for each in raw.get("ids") or []]
    return {
        "seq": int(raw["seq"]),
        "type": raw["type"],
        "id": ids[0] if ids else "",
        "ids": ids,
        "tag": str(raw.get("tag", "")),
        "remove": bool(raw.get("remove", False)),
        "action": str(raw.get("action", "")),
        "was": None if raw.get("was") is None else str(raw["was"]),
    }


def _without_nan(side: Any) -> dict[str, Any]:
    """JSON knows no NaN, and frames are full of it: an unknown distance goes out as null."""
    distance = side.get("distance")
    match = side.get("match")
    return {
        **side,
        "distance": None if distance is None or math.isnan(distance) else float(distance),
        **({"match": _without_nan(match)} if match else {}),
    }


def asset(*names: str) -> str:
    """The text of browser files beside this one, one after the other."""
    folder = Path(__file__).parent
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in names)


COMMON_JS = ("dom.js", "queue.js", "about.js", "shapes.js", "compare.js")
_gallery = st.components.v2.component(
    "dedup_gallery",
    html=asset("gallery.html"),
    css=asset("compare.css", "gallery.css"),
    js=asset(*COMMON_JS, "tagmenu.js", "cardmenu.js", "gallery.js"),
)
_compare = st.components.v2.component(
    "dedup_compare",
    html='<div class="dedup"></div>\n',
    css=asset("compare.css"),
    js=asset(*COMMON_JS, "compare_host.js"),
)
