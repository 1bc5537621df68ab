"""The inbox of label clashes: both copies with the boxes of both, and what a person's keys decide."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypedDict

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dedup.dataset import Dataset
from dedup.errors import UsageError
from dedup.labels.clashes import Clash, Rectangle, record
from dedup.labels.coco import Coco
from dedup.labels.coco_sound import are_finite
from dedup.labels.decided import Case, Decided
from dedup.labels.resolve import Choice
from dedup.matching.geometry import map_box
from dedup.matching.relations import Relation
from dedup.query.selection import Selection
from dedup.store.decisions import CLASH, Decisions
from dedup.ui.browser import gallery
from dedup.ui.browser.sides import records, sides
from dedup.ui.shell import navigation, session
from dedup.ui.shell.current import decisions
from dedup.ui.shell.library import Opened
from dedup.ui.shell.literal import literal
from dedup.ui.shell.notices import overtaken, say
from dedup.words import quote

A_PAGE = 50
"""Clashes sent to the browser at once."""
SHOWN, PAGE, ASKED = "clashes shown", "clashes page", "clash asked for"
NOT_ASKED = (0, "")
"""A number that grows with every question, and the id of the clash that was asked for."""
FILTERS = {"open": "Open", "decided": "Decided", "all": "All"}

Part = tuple[float, float, float, float]
"""left, top, width, height as fractions of a picture; may reach beyond 0..1."""


class Drawn(TypedDict):
    """One box. `side` is whose it is, `left` and `right` where it lies in each picture (None: nowhere), `difference`
    the number of the difference it belongs to, -1 when both copies agree on it. `outlines` are its polygons in each
    picture, [x, y, ...] as fractions."""

    category: str
    side: str
    left: Part | None
    right: Part | None
    difference: int
    outlines: dict[str, list[list[float]]]


def apply_events(opened: Opened) -> None:
    """Carry out what was decided in the inbox, before anything is drawn."""
    mine = decisions(opened)
    gallery.carry_out(
        key_of(opened), lambda event: apply(opened.dataset, mine, event["action"], event["ids"], event["was"])
    )


def key_of(opened: Opened) -> str:
    """The component's key: one per dataset, for its queue of events belongs to it."""
    return f"clashes {opened.dataset.info.key}"


def apply(
    dataset: Dataset, mine: Decisions, action: str, ids: Sequence[str], was: str | None
) -> Callable[[], None] | None:
    """Decide the clash of two ids (left, right), take back the last decision of this tab ("undo") or go to the copies
    in the review ("group"); returns what is left to do to the session.

    `was` is the choice that a person had on screen, "" where it was open and None where that is not known: another
    tab's choice, which nobody here has seen, is not replaced."""
    if not action:
        return None
    if action == "undo":
        try:
            label = mine.undo(own=True)
        except UsageError as error:
            return partial(say, str(error), icon=":material/info:")
        return partial(say, f"Undo: {label}" if label else "There is nothing to undo.", icon=":material/history:")
    if action == "group":
        return partial(see_group, ids, dataset)
    case = next((case for case in dataset.clashes if list(ids) == ids_of(dataset, case)), None)
    if case is None:
        return partial(say, "This clash is gone: its images or labels have changed.", icon=":material/info:")
    if was is not None and was != (case.choice(dataset.decisions.values(CLASH)) or ""):
        return partial(overtaken, "choice")
    names = dataset.frame["name"]
    told = f"{names.iat[case.clash.left]} and {names.iat[case.clash.right]}"
    mine.decide([case.change(Choice(action))], f"Label clash of {told}: {action}")
    return None


def ask(dataset: Dataset, ids: Iterable[str]) -> None:
    """Go to the clash of one of these images that is not settled; nowhere when there is none."""
    decided, wanted = dataset.decisions.values(CLASH), set(ids)
    cases = [case for case in dataset.clashes if case.choice(decided) in (None, Choice.LEAVE)]
    case = next((case for case in cases if wanted.intersection(ids_of(dataset, case))), None)
    if case is None:
        return
    shown = "open" if case.choice(decided) is None else "all"
    number, _ = st.session_state.get(ASKED, NOT_ASKED)
    st.session_state[ASKED] = (number + 1, " ".join(ids_of(dataset, case)))
    st.session_state[SHOWN] = shown
    st.session_state[PAGE] = _listed(dataset, decided, shown).index(case) // A_PAGE + 1
    st.switch_page(navigation.clashes())


def see_group(ids: Sequence[str], dataset: Dataset) -> None:
    """Go to the groups of these images in the review."""
    paths = ", ".join(quote(path) for path in dataset.frame["path"][dataset.frame["id"].isin(ids)])
    session.update(selection=Selection(where=f"path in ({paths})"), panel="review", undecided=False)
    st.switch_page(navigation.duplicates())


def ids_of(dataset: Dataset, case: Case) -> list[str]:
    """The ids of a clash's images."""
    ids = dataset.frame["id"]
    return [str(ids.iat[case.clash.left]), str(ids.iat[case.clash.right])]


def summary(opened: Opened) -> None:
    """How many clashes there are, and which of them to show."""
    every, decided = opened.dataset.clashes, opened.dataset.decisions.values(CLASH)
    still_open = sum(case.choice(decided) is None for case in every)
    counts = {"open": still_open, "decided": len(every) - still_open, "all": len(every)}
    st.session_state.setdefault(SHOWN, "open")
    st.segmented_control(
        "Show",
        list(FILTERS),
        format_func=lambda name: f"{FILTERS[name]} {counts[name]:,}",
        key=SHOWN,
        required=True,
        label_visibility="collapsed",
    )


def explain_none(opened: Opened) -> None:
    """Why there is no clash to decide."""
    dataset = opened.dataset
    if dataset.folder_layout.named and not dataset.folders_are_classes:
        st.info("The names of the folders are not taken for labels, so nothing can clash.", icon=":material/label_off:")
    elif dataset.frame["classes"].map(len).eq(0).all():
        st.info(
            "No image has a label yet. Scan the folder with a COCO file, or keep one folder for each class, "
            "and copies whose labels disagree appear here.",
            icon=":material/label_off:",
        )
        if st.button("To the datasets", icon=":material/photo_library:"):
            st.switch_page(navigation.datasets())
    else:
        st.success("No labels clash: copies of one picture all say the same.", icon=":material/check_circle:")
        if st.button("Review duplicates", icon=":material/content_copy:"):
            st.switch_page(navigation.duplicates())


def inbox(opened: Opened) -> None:
    """The clashes that are asked for, one at a time."""
    dataset = opened.dataset
    decided = dataset.decisions.values(CLASH)
    shown = st.session_state.get(SHOWN) or "all"
    wanted = _listed(dataset, decided, shown)
    if not wanted and shown == "open":
        _all_decided()
        return
    if not wanted:
        st.info("Nothing is decided yet.", icon=":material/inbox:")
        return
    pages = math.ceil(len(wanted) / A_PAGE)
    number = min(pages, st.pagination(pages, key=PAGE)) if pages > 1 else 1
    items = [item(dataset, case, decided) for case in wanted[(number - 1) * A_PAGE : number * A_PAGE]]
    data = {"key": key_of(opened), "items": items, "open": shown == "open"}
    gallery.mount(_inbox, key_of(opened), data | {"asked": st.session_state.get(ASKED, NOT_ASKED)})


def _listed(dataset: Dataset, decided: Decided, shown: str) -> list[Case]:
    return [case for case in dataset.clashes if shown == "all" or (case.choice(decided) is None) == (shown == "open")]


def _all_decided() -> None:
    st.success(
        "Every clash is decided. Exports follow; the copies themselves still stay.", icon=":material/check_circle:"
    )
    with st.container(horizontal=True):
        if st.button("Filter & Export", icon=":material/ios_share:"):
            st.switch_page(navigation.export())
        if st.button("Review the copies in Duplicates", icon=":material/content_copy:"):
            st.switch_page(navigation.duplicates())


def consequences(opened: Opened) -> None:
    """What the decisions made so far do to the exports."""
    labels = opened.dataset.labels
    st.caption(
        "No file is touched or moved: decisions change what the COCO and CSV exports say. Merge gives each copy what "
        "only the other has; Drop takes both out of COCO and of folders with labels, where neither can be trusted."
    )
    for note in labels.notes:
        st.caption(f":material/info: {literal(note)}")


def item(dataset: Dataset, case: Case, decided: Decided) -> dict[str, Any]:
    """One clash as the browser draws it."""
    clash = case.clash
    rows = [clash.left, clash.right]
    pair = record(dataset.pairs, clash.pair)
    left, right = (
        {**side, "folder": told["folder"], "split": told["split"], "classes": list(told["classes"])}
        for side, told in zip(sides(dataset, rows), records(dataset.frame, rows), strict=True)
    )
    ids = ids_of(dataset, case)
    relation = Relation.from_row(pair)
    return {
        "id": " ".join(ids),
        "ids": ids,
        "left": left,
        "right": right,
        "relation": f"right copy: {told}" if (told := relation.sentence()) else "",
        "sentence": clash.sentence(),
        "differences": [each.sentence() for each in clash.differences],
        "boxes": drawn(case, relation, [coco for coco, _ in dataset.labelled_sources]),
        "choices": choices(clash),
        "choice": str(case.choice(decided) or ""),
    }


def choices(clash: Clash) -> list[dict[str, str]]:
    """What may be decided: name of the `Choice`, label, key and explanation."""
    if clash.what == "class":
        left, right = ", ".join(clash.left_classes), ", ".join(clash.right_classes)
        words = {
            Choice.LEFT: (f"Both are {left}", "Exports say so of both; the files stay in their folders"),
            Choice.RIGHT: (f"Both are {right}", "Exports say so of both; the files stay in their folders"),
            Choice.MERGE: ("Both classes", "Exports give both images both classes"),
        }
    else:
        words = {
            Choice.LEFT: ("Left is correct", "Its boxes, carried over, replace those of the right one"),
            Choice.RIGHT: ("Right is correct", "Its boxes, carried over, replace those of the left one"),
            Choice.MERGE: ("Merge", "Each gets, carried over, what only the other has"),
        }
    words |= {
        Choice.DROP: (
            "Drop both",
            "Neither can be trusted: both leave exports of COCO and of folders with labels, no file is touched",
        ),
        Choice.LEAVE: ("Leave", "Both stay as they are, and this counts as decided"),
    }
    return [{"name": name, "label": words[name][0], "key": KEYS[name], "help": words[name][1]} for name in Choice]


KEYS = {Choice.LEFT: "1", Choice.RIGHT: "2", Choice.MERGE: "m", Choice.DROP: "d", Choice.LEAVE: "l"}


def drawn(case: Case, relation: Relation, documents: Sequence[Coco]) -> list[Drawn]:
    """All boxes of both images, each in both pictures: carried by the relation where it is not its own. `documents` are
    those the boxes are from."""
    number = {box: place for place, each in enumerate(case.clash.differences) for box in (each.left, each.right) if box}
    sides_of = ("left", "right", case.left_boxes, relation), ("right", "left", case.right_boxes, relation.inverse())
    found: list[Drawn] = []
    for side, other, boxes, way in sides_of:
        here, there = _size(way, "left"), _size(way, "right")
        for box in boxes:
            if box.rectangle is None:
                continue
            carried = map_box(box.rectangle, way.affine())
            polygons = _polygons(documents[box.document].annotations[box.place])
            drawing: Any = {"category": box.category, "side": side, "difference": number.get(box, -1)}
            drawing |= {side: _part(box.rectangle, here), other: _part(carried, there)}
            there_too = [points @ way.affine()[:, :2].T + way.affine()[:, 2] for points in polygons]
            drawing["outlines"] = {side: _outlines(polygons, here), other: _outlines(there_too, there)}
            found.append(drawing)
    return found


def _polygons(annotation: Mapping[str, Any]) -> list[NDArray[np.float64]]:
    """The polygons of an annotation, each (n, 2) in pixels; none where it has only a box or a mask as run lengths."""
    held = annotation.get("segmentation")
    flat = [points for points in held if are_finite(points) and len(points) >= 6] if isinstance(held, list) else []
    return [np.array(points[: len(points) // 2 * 2], np.float64).reshape(-1, 2) for points in flat]


def _outlines(polygons: Iterable[NDArray[np.float64]], size: tuple[float, float]) -> list[list[float]]:
    return [(points / size).round(5).ravel().tolist() for points in polygons if np.isfinite(points).all()]


def _size(relation: Relation, side: str) -> tuple[float, float]:
    return float(relation.values[f"{side}_width"]), float(relation.values[f"{side}_height"])


def _part(rectangle: Rectangle, size: tuple[float, float]) -> Part | None:
    """A rectangle as fractions of a picture; None where its map could not be inverted."""
    left, top, right, bottom = rectangle
    if not math.isfinite(left + top + right + bottom):
        return None
    return left / size[0], top / size[1], (right - left) / size[0], (bottom - top) / size[1]


_inbox = st.components.v2.component(
    "dedup_clashes",
    html='<div class="dedup"></div>\n',
    css=gallery.asset("compare.css", "clashes.css"),
    js=gallery.asset("dom.js", "queue.js", "clashes.js"),
)
