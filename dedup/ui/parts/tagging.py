"""Tagging many images at once, with the exact number of changes before, and undo after."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dedup.groups import runs
from dedup.groups.selecting import SPARED, all_but
from dedup.model import TAG_PREFIX, Status
from dedup.ui.parts.grid import Page, rows_of
from dedup.ui.shell import session
from dedup.ui.shell.current import decisions
from dedup.ui.shell.library import Opened
from dedup.ui.shell.literal import literal
from dedup.ui.shell.notices import guarded, say
from dedup.ui.shell.view import View
from dedup.words import plural

SCOPES = {
    "range": "Whole selection",
    "page": "This page",
    "cards": "Selected cards",
    "duplicates": "Duplicates, not keepers",
    **{name: f"All but the {title}" for name, (title, _) in SPARED.items() if name != "best"},
    "every": "Runs, thinned evenly",
    "unchanged": "Runs, where nothing changes",
}
"""What may be tagged. Those but one of each group are “duplicates” by another choice of the one; the last two are the
images that leave when the frames and bursts of the selection are thinned."""
THINNED = ("every", "unchanged")
STEP, STEP_KEY = 5, "bulk step"
"""Of a run one in so many is left, unless told."""

KNOWN = "bulk tags known"
"""The tags that there were when the panel was drawn last."""
MOST_CARDS = 10_000
"""More cards are not selected one by one: the whole selection is what is meant then."""
TOLD_HEIGHT = 80
"""CSS pixels: three lines, so that the button stays where it is whatever is told."""
ACTIONS = ("Add", "Remove")


def panel(opened: Opened, view: View, page: Page) -> None:
    """Tags x scope x add or remove, the number of images that will change, and the button that says so.

    The list of tags opens downwards, or upwards where the window ends: the count stands above it, and on the button
    below it.
    """
    dataset, scopes = opened.dataset, _scopes(opened, view, page)
    _forget_gone(dataset.tags)
    action = st.segmented_control(
        "Add or remove", ACTIONS, default="Add", required=True, key="bulk action", persist_state="session"
    )
    chosen = st.session_state.get("bulk scope")
    st.session_state["bulk scope"] = chosen if chosen in scopes else "range"  # set anew: the labels have their counts
    scope = st.radio(
        "Images",
        list(scopes),
        format_func=lambda name: f"{SCOPES[name]} ({int(scopes[name].sum()):,})",
        key="bulk scope",
        persist_state="session",
    )
    if scope == "every":
        st.number_input("Of each run keep one in", 2, 1000, value=STEP, key=STEP_KEY, persist_state="session")
    remove, mask, tags = action == "Remove", scopes[str(scope)], list(st.session_state.get(session.BULK_TAGS, []))
    changing = changes(dataset.frame, mask, tags, remove=remove)
    unreadable = int(opened.mask(view.selection).sum() - mask.sum()) if scope == "range" else 0
    with st.container(height=TOLD_HEIGHT, border=False, key="bulk told"):
        st.markdown(explain(int(changing.sum()), int(mask.sum()), tags, remove=remove, unreadable=unreadable))
    st.multiselect(
        "Tags",
        list(dataset.tags),
        key=session.BULK_TAGS,
        placeholder="choose or name tags",
        accept_new_options=True,
        persist_state="session",
    )
    st.button(
        deed(int(changing.sum()), tags, remove=remove),
        type="primary",
        key="bulk submit",
        width="stretch",
        disabled=not changing.any(),
        on_click=guarded(submit),
        args=(opened, changing, tags, remove),
    )
    many = int(mask.sum())
    st.button(
        f"Select {plural(many, 'card')}",
        type="tertiary",
        key="bulk select",
        icon=":material/check_box:",
        help="Makes them the selected cards, to be compared, tagged or looked at on their pages",
        disabled=not 0 < many <= MOST_CARDS,
        on_click=session.choose,
        args=(dataset.frame["id"].iloc[np.flatnonzero(mask)].tolist() if many <= MOST_CARDS else [],),
    )


def _forget_gone(tags: Collection[str]) -> None:
    """A tag that was deleted, or is another dataset's, is chosen no longer: giving it would create it anew."""
    gone = set(st.session_state.get(KNOWN, ())) - set(tags)
    st.session_state[KNOWN] = list(tags)
    chosen = st.session_state.get(session.BULK_TAGS) or []
    if gone & set(chosen):
        st.session_state[session.BULK_TAGS] = [name for name in chosen if name not in gone]


def deed(count: int, tags: Sequence[str], *, remove: bool) -> str:
    """What the button does: 'Add keep to 1,000 images'."""
    verb, joint = ("Remove", "from") if remove else ("Add", "to")
    if not tags:
        return f"{verb} tags"
    return f"{verb} {literal(tags[0]) if len(tags) == 1 else f'{len(tags)} tags'} {joint} {plural(count, 'image')}"


def _scopes(opened: Opened, view: View, page: Page) -> dict[str, NDArray[np.bool_]]:
    names = [name for name in SCOPES if name not in THINNED or opened.dataset.runs]
    return {name: scope_mask(opened, view, page, name) for name in names}


def scope_mask(opened: Opened, view: View, page: Page, scope: str) -> NDArray[np.bool_]:
    """(n,) bool: the images meant; files that could not be read are never meant by a whole selection, and those that
    are shown for company never by the page."""
    frame = opened.dataset.frame
    if scope == "page":
        return np.asarray(_mask_of(page.rows, len(frame)) & opened.mask(view.selection))
    if scope == "cards":
        return _mask_of(rows_of(opened.dataset, session.chosen()), len(frame))
    readable = opened.mask(view.selection) & (frame["status"] == Status.OK).to_numpy()
    if scope in THINNED:
        dataset, step = opened.dataset, int(st.session_state.get(STEP_KEY, STEP))
        selected = runs.within(dataset.runs, np.asarray(readable))
        if scope == "every":
            return runs.every(selected, step, len(frame))
        still: NDArray[np.bool_] = opened.remembered(
            ("unchanged", view.selection), lambda: runs.unchanged(selected, frame, dataset.pairs), tags=True
        )
        return still
    if scope == "duplicates":
        scope = "best"
    if scope in SPARED:
        spared: NDArray[np.bool_] = opened.remembered(("all but", scope), lambda: all_but(frame, scope))
        return np.asarray(readable & spared)
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
    session.tagged(tags[-1])
    say(f"{plural(len(paths), 'image')} {'lost' if remove else 'gained'} {', '.join(tags)}. Undo is in the sidebar.")


def _mask_of(rows: NDArray[np.int64], total: int) -> NDArray[np.bool_]:
    mask = np.zeros(total, bool)
    mask[rows] = True
    return mask
