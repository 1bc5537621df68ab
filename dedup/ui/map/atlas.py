"""The map itself: its points, what they are coloured by, and the selection that is drawn on it."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dedup.errors import UnknownDataset, UsageError
from dedup.model import CLUSTER, MAP_X, MAP_Y
from dedup.query.region import Region
from dedup.query.selection import Selection
from dedup.store import vectors as kept
from dedup.ui.browser import gallery
from dedup.ui.browser.sides import Side, sides
from dedup.ui.map.colours import Coloured, coloured, offered
from dedup.ui.shell import session
from dedup.ui.shell.library import LIBRARY, Opened
from dedup.ui.shell.routes import pointed_url, points_url

HEIGHT = 560
"""In CSS pixels."""
UNCHOSEN = 0x80
"""Set in the byte of a point outside of the selection."""
RANGE = 1.1
"""Places are sent as 16 bits between this and its negative."""
COLOUR = "map colour"


def apply_events(opened: Opened) -> None:
    """Carry out what was drawn or clicked on the map."""

    def each(event: gallery.Event) -> Callable[[], None] | None:
        if event["type"] == "similar":
            return partial(st.session_state.__setitem__, session.COMPARING, event["id"])
        if event["type"] == "action" and event["action"] == "region":
            return partial(_draw_around, event["ids"])
        return None

    gallery.carry_out(key_of(opened), each)


def key_of(opened: Opened) -> str:
    """The component's key: one per dataset."""
    return f"map {opened.dataset.info.key}"


def _draw_around(corners: Sequence[str]) -> None:
    """Select what lies within the corners, all of the map where there are none. What is no part of it, such as a line,
    changes nothing."""
    selection = session.view().selection
    others = tuple(region for region in selection.regions if (region.x, region.y) != (MAP_X, MAP_Y))
    try:
        pairs = [corner.split(",") for corner in corners]
        own = (Region(MAP_X, MAP_Y, tuple((float(x), float(y)) for x, y in pairs)),) if corners else ()
    except (UsageError, ValueError):
        return
    session.update(selection=replace(selection, regions=(*others, *own)))
    session.synchronise()  # the script has begun: the next run would be late for whoever copies the address


def placed(opened: Opened) -> NDArray[np.int64]:
    """Rows of the images that have a place."""
    rows: NDArray[np.int64] = opened.kept(
        "placed", lambda: np.flatnonzero(np.isfinite(opened.dataset.frame[MAP_X].to_numpy(np.float64)))
    )
    return rows


def colour_choice(opened: Opened) -> str:
    """What the points are coloured by."""
    names: dict[str, str] = opened.remembered(
        "map colours offered", lambda: offered(opened.dataset.frame, opened.metrics()), tags=True
    )
    if st.session_state.get(COLOUR) not in names:
        st.session_state[COLOUR] = CLUSTER
    return str(
        st.selectbox(
            "Colour", list(names), format_func=names.__getitem__, key=COLOUR, persist_state="session",
            label_visibility="collapsed",
        )
    )  # fmt: skip


def atlas(opened: Opened, selection: Selection, by: str) -> None:
    """The map, with the selection in its colours and the rest faint."""
    frame, rows = opened.dataset.frame, placed(opened)
    told: Coloured = opened.remembered(
        ("map colours", by),
        lambda: coloured(frame.iloc[rows], by, opened.dataset.tags, frame["classes"]),
        tags=True,
    )
    inked = opened.remembered(
        ("map inked", by, selection), lambda: _packed(told.ink, opened.mask(selection)[rows]), tags=True
    )
    key = opened.dataset.info.key
    region = next((each for each in selection.regions if (each.x, each.y) == (MAP_X, MAP_Y)), None)
    data: dict[str, Any] = {
        "key": key_of(opened),
        "count": len(rows),
        "points": points_url(key, version(opened)),
        "pointed": pointed_url(key),
        "inked": inked,
        "inks": [list(ink) for ink in told.inks],
        "title": told.title,
        "legend": [{"ink": each.ink, "label": each.label, "count": each.count} for each in told.legend],
        "ramp": told.ends and {"low": told.ends[0], "high": told.ends[1], "inks": list(range(1, len(told.inks)))},
        "region": [list(corner) for corner in region.corners] if region else [],
        "height": HEIGHT,
    }
    gallery.mount(_component, data["key"], data)


def _packed(ink: NDArray[np.uint8], chosen: NDArray[np.bool_]) -> str:
    """A byte a point, small: browsers unpack zlib by themselves."""
    return base64.b64encode(zlib.compress((ink | np.where(chosen, 0, UNCHOSEN).astype(np.uint8)).tobytes(), 6)).decode()


def version(opened: Opened) -> str:
    """Hexadecimal; changes with the places of the points."""
    stamp = kept.stamp(opened.dataset.directory)
    return f"{zlib.crc32(repr((stamp, opened.dataset.scan_id)).encode()):08x}"


def points(dataset_key: str, _version: str) -> bytes | None:
    """What the browser draws: how many, the row of each (32 bits), x and y of each (16 bits each), the lowest byte
    first. None where there is no such dataset, or no map."""
    try:
        opened = LIBRARY.open(dataset_key)
    except UnknownDataset:
        return None
    frame = opened.dataset.frame
    if MAP_X not in frame:
        return None
    rows = placed(opened)
    places = np.column_stack([frame[name].to_numpy(np.float64)[rows] for name in (MAP_X, MAP_Y)])
    bits = np.round(np.clip((places + RANGE) / (2 * RANGE), 0, 1) * 65535).astype("<u2")
    return struct.pack("<I", len(rows)) + rows.astype("<u4").tobytes() + bits.tobytes()


def pointed(dataset_key: str, row: str) -> Side | None:
    """The image of a row of the dataset; None for none."""
    try:
        dataset = LIBRARY.open(dataset_key).dataset
    except UnknownDataset:
        return None
    return sides(dataset, [int(row)])[0] if row.isdecimal() and int(row) < len(dataset.frame) else None


_component = st.components.v2.component(
    "dedup_map",
    html='<div class="dedup"></div>\n',
    css=gallery.asset("compare.css", "map.css"),
    js=gallery.asset("dom.js", "queue.js", "map.js"),
)
