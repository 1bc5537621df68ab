"""Tagging many images at once, with the exact number of changes before, and undo after."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dedup.model import TAG_PREFIX, Role, Status
from dedup.ui.parts.grid import Page, rows_of
from dedup.ui.shell import session
from dedup.ui.shell.current import decisions
from dedup.ui.shell.library import Opened
from dedup.ui.shell.literal import literal
from dedup.ui.shell.notices import guarded, say
from dedup.ui.shell.view import View

SCOPES = {
    "range": "Whole selection",
    "page": "This page",
    "cards": "Selected cards",
    "duplicates": "Duplicates, not keepers",
}


def panel(opened: Opened, view: View, page: Page) -> None:
    """Tags x scope x add or remove, the number of images that will change, and Submit."""
    dataset = opened.dataset
    names = list(dataset.tags)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        action = st.segmented_control(
            "Action", ["Add", "Remove"], default="Add", required=True, key="bulk action", persist_state="session"
        )
        with st.container(width=260):
            tags = st.multiselect(
                "Tags",
                names,
                key="bulk tags",
                placeholder="choose or name tags",
                accept_new_options=True,
                persist_state="session",
            )
        scope = st.segmented_control(
            "Images",
            list(SCOPES),
            format_func=SCOPES.__getitem__,
            default="range",
            required=True,
            key="bulk scope",
            persist_state="session",
        )
        remove = action == "Remove"
        mask = scope_mask(opened, view, page, str(scope))
        changing = changes(dataset.frame, mask, tags, remove=remove)
        st.space("stretch")
        st.button(
            f"Submit: {int(changing.sum()):,} images" if tags else "Submit",
            type="primary",
            key="bulk submit",
            disabled=not changing.any(),
            on_click=guarded(submit),
            args=(opened, changing, tags, remove),
        )
    unreadable = int(opened.mask(view.selection).sum() - mask.sum()) if scope == "range" else 0
    st.caption(explain(int(changing.sum()), int(mask.sum()), tags, remove=remove, unreadable=unreadable))


def scope_mask(opened: Opened, view: View, page: Page, scope: str) -> NDArray[np.bool_]:
    """(n,) bool: the images meant; files that could not be read are never meant by a whole selection."""
    frame = opened.dataset.frame
    if scope == "page":
        return _mask_of(page.rows, len(frame))
    if scope == "cards":
        return _mask_of(rows_of(opened.dataset, session.chosen()), len(frame))
    readable = opened.mask(view.selection) & (frame["status"] == Status.OK).to_numpy()
    if scope == "duplicates":
        return np.asarray(readable & (frame["role"] == Role.DUPLICATE).to_numpy())
    return np.asarray(readable)


def changes(frame: pd.DataFrame, mask: NDArray[np.bool_], tags: Sequence[str], *, remove: bool) -> NDArray[np.bool_]:
    """(n,) bool: the images of `mask` that gain, or with `remove` lose, at least one of the tags."""
    changing = np.zeros(len(mask), bool)
    for tag in tags:
        column = TAG_PREFIX + tag
        has = frame[column].to_numpy(bool) if column in frame else np.zeros(len(mask), bool)
        changing |= mask & (has if remove else ~has)
    return changing


def explain(changing: int, meant: int, tags: Sequence[str], *, remove: bool, unreadable: int = 0) -> str:
    """One sentence on what Submit will do."""
    if not tags:
        return "Choose tags to see how many images will change."
    told = ", ".join(f"**{literal(tag)}**" for tag in tags)
    verb = "lose" if remove else "gain"
    same = meant - changing
    rest = f" The other {same:,} of {meant:,} stay as they are." if same else ""
    left_out = f" Left out: {unreadable:,} that cannot be read." if unreadable else ""
    return f"**{changing:,}** image{'s' if changing != 1 else ''} will {verb} {told}.{rest}{left_out}"


def submit(opened: Opened, mask: NDArray[np.bool_], tags: Sequence[str], remove: bool) -> None:
    """Tag the images of `mask` in one step, to be undone in one."""
    paths = opened.dataset.frame["path"].to_numpy()[mask].tolist()
    decisions(opened).tag_all(paths, tags, remove=remove)
    say(f"{len(paths):,} images {'lost' if remove else 'gained'} {', '.join(tags)}. Undo is in the sidebar.")


def _mask_of(rows: NDArray[np.int64], total: int) -> NDArray[np.bool_]:
    mask = np.zeros(total, bool)
    mask[rows] = True
    return mask
