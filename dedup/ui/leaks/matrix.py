"""The leak page: which groups of copies lie in several splits, as a matrix to click and as cards."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dedup.model import EVALUATION_SPLITS, Role, Tag
from dedup.query.ordering import Rows
from dedup.query.selection import PARTS, Selection
from dedup.splits import leaks
from dedup.store.decisions import Decisions
from dedup.ui.browser import gallery, palette
from dedup.ui.leaks import repairing, splitting
from dedup.ui.parts import grid
from dedup.ui.parts.metric import BY_NAME
from dedup.ui.shell import navigation, session
from dedup.ui.shell.current import decisions
from dedup.ui.shell.library import Opened
from dedup.ui.shell.literal import literal
from dedup.ui.shell.view import View
from dedup.words import plural

CELL, PAGE = "leak cell", "leak page"
GROUPS_A_PAGE = 20
HEAT = "#d9541e"


def has_splits(opened: Opened) -> bool:
    """Whether any image has a split."""
    return bool(leaks.splits_of(opened.dataset.frame))


def explain_none() -> None:
    """How to get splits."""
    st.info(
        "No image has a split yet. Name folders train, val and test, or say below which image is in which split.",
        icon=":material/call_split:",
    )


def sizes(opened: Opened) -> None:
    """How many images each split has."""
    names, counts = leaks.splits_of(opened.dataset.frame), opened.dataset.frame["split"].value_counts()
    unsplit = int(counts.get("", 0))
    held = " · ".join(f"**{literal(name)}** {int(counts[name]):,}" for name in names)
    if names:
        st.markdown(held + (f" · without a split {unsplit:,}" if unsplit else ""), width="content")


def summary(opened: Opened) -> None:
    """How many groups cross splits."""
    frame = opened.dataset.frame
    _parts(opened)
    crossing = leaks.crossing_groups(frame)
    if not crossing:
        st.success("No group of copies lies in more than one split.", icon=":material/check_circle:")
        return
    evaluated = _evaluation_images(frame, crossing)
    st.warning(
        f"**{len(crossing):,} {'group lies' if len(crossing) == 1 else 'groups lie'} in more than one split**; "
        f"{plural(evaluated, 'evaluation image')} {'has' if evaluated == 1 else 'have'} a copy in another split, so "
        "scores on them look better than they are.",
        icon=":material/warning:",
    )
    _left_by_decisions(opened, len(crossing))


def _parts(opened: Opened) -> None:
    """How many images contain one of another split, which are shown by a click."""
    across = opened.remembered("parts across", lambda: leaks.parts_across(opened.dataset.frame, opened.dataset.pairs))
    if not across:
        return
    count = leaks.holders(across)
    with st.container(horizontal=True, vertical_alignment="center"):
        told = f"**{leaks.containing(count)}**, whole or in part: a crop, a collage, a screenshot."
        st.warning(told, icon=":material/picture_in_picture:")
        if st.button("Look at them", icon=":material/arrow_forward:", type="tertiary"):
            those = opened.only(row for pair in across for row in pair)
            session.update(selection=Selection(where=those or PARTS))
            st.switch_page(navigation.explorer())


def _left_by_decisions(opened: Opened, crossing: int) -> None:
    """How many of the groups that cross no longer do when what is decided to go has left."""
    left = len(leaks.crossing_groups(repairing.staying(opened)))
    if left == crossing:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"Once the images decided to go have left, {plural(left, 'group') if left else 'no group'} will.")
        if st.button("Removal plan", icon=":material/delete_sweep:", type="tertiary"):
            session.update(panel="plan")
            st.switch_page(navigation.duplicates())


def _evaluation_images(frame: pd.DataFrame, crossing: Sequence[int]) -> int:
    return int((frame["group"].isin(crossing) & frame["split"].isin(EVALUATION_SPLITS)).sum())


def matrix(opened: Opened) -> None:
    """Splits by splits as a table of buttons; a click shows the groups of that pair."""
    table = opened.remembered("leak matrix", lambda: leaks.matrix(opened.dataset.frame))
    names = [str(name) for name in table]
    chosen = _cell(opened)
    st.html(_heat(table))
    with st.container(key="leak matrix"):
        for cell, name in zip(_cells(names)[1:], names, strict=True):
            cell.markdown(f"**{literal(name)}**", text_alignment="center")
        for row, one in enumerate(names):
            cells = _cells(names)
            cells[0].markdown(f"**{literal(one)}**")
            for column, other in enumerate(names[row:], start=row):
                count = int(table.to_numpy()[row, column])
                cells[column + 1].button(
                    f"{count:,}",
                    key=f"cell {row} {column}",
                    type="primary" if chosen == (one, other) else "secondary",
                    disabled=count == 0,
                    width="stretch",
                    help=literal(_cell_words(one, other, count)),
                    on_click=_choose,
                    args=(opened, one, other),
                )
    st.caption(
        "Groups of copies by pair of splits: click a number to see them. "
        "On the diagonal, copies stay inside one split: no leak."
    )


def _cells(names: Sequence[str]) -> list[DeltaGenerator]:
    return st.columns([1.1] + [1] * len(names), vertical_alignment="center", gap="xsmall")


def _cell_words(one: str, other: str, count: int) -> str:
    groups = f"{count:,} {'group' if count == 1 else 'groups'}"
    return f"{groups} inside {one}" if one == other else f"{groups} with images in {one} and in {other}"


def _heat(table: pd.DataFrame) -> str:
    """Style of the matrix: the more groups cross, the stronger the colour."""
    values = table.to_numpy()
    above = list(zip(*np.triu_indices(len(values), 1), strict=True))
    most = max((int(values[cell]) for cell in above), default=0)
    rules = [
        f".st-key-cell-{row}-{column} button[kind=secondary] "
        f"{{ background: color-mix(in srgb, {HEAT} {18 + 62 * values[row, column] / most:.0f}%, transparent); }}"
        for row, column in above
        if values[row, column]
    ]
    return f"<style>{' '.join(rules)}</style>"


def _cell(opened: Opened) -> tuple[str, str] | None:
    found: tuple[str, str] | None = st.session_state.get(f"{CELL} {opened.dataset.info.key}")
    return found


def _choose(opened: Opened, one: str, other: str) -> None:
    key = f"{CELL} {opened.dataset.info.key}"
    st.session_state[key] = None if _cell(opened) == (one, other) else (one, other)
    st.session_state.pop(PAGE, None)


def key_of(opened: Opened) -> str:
    """The gallery's key: one per dataset, for its queue of events belongs to it."""
    return f"leaks {opened.dataset.info.key}"


def apply_events(opened: Opened) -> None:
    """Carry out what was clicked in the gallery; here a split is given like a tag."""
    mine = decisions(opened)
    gallery.carry_out(key_of(opened), lambda event: apply(opened, mine, event))


def apply(opened: Opened, mine: Decisions, event: gallery.Event) -> Callable[[], None] | None:
    """Carry out one event of the gallery; returns what is left to do to the session."""
    if event["type"] != "tag":
        return grid.apply(opened, mine, event)
    rows = grid.rows_of(opened.dataset, event["ids"])
    splitting.set_by_hand(opened.dataset, mine, rows, None if event["remove"] else event["tag"])
    return None


def groups(opened: Opened, view: View) -> None:
    """The groups of the chosen cell, members side by side under the badges of their splits."""
    cell = _cell(opened)
    if cell is None:
        return
    dataset = opened.dataset
    numbers = leaks.groups_across(dataset.frame, *cell)
    st.header(literal(f"Inside {cell[0]}" if cell[0] == cell[1] else f"In {cell[0]} and in {cell[1]}"))
    if not numbers:
        st.success("No group is left here.", icon=":material/check_circle:")
        return
    pages = -(-len(numbers) // GROUPS_A_PAGE)
    number = min(pages, st.pagination(pages, key=PAGE)) if pages > 1 else 1
    shown = numbers[(number - 1) * GROUPS_A_PAGE : number * GROUPS_A_PAGE]
    rows = _members(dataset.frame, shown)
    colours = palette.of_splits(leaks.splits_of(dataset.frame))
    held = dataset.frame["split"].to_numpy(object)
    cards = grid.items(dataset, rows, BY_NAME["singularity"])
    for card in cards:
        split = held[card["row"]]
        card["tags"] = [split] if split else []
    gallery.gallery(
        cards,
        key=key_of(opened),
        columns=view.columns,
        selected=session.chosen(),
        tags=[Tag(name, colour, 0) for name, colour in colours.items()],
    )
    st.caption("The badge is the split. T gives the chosen cards another split by hand, S shows similar images.")


def _members(frame: pd.DataFrame, numbers: Sequence[int]) -> Rows:
    """Rows of the groups, one group after the other, each keeper first."""
    rows = np.flatnonzero(frame["group"].isin(numbers).to_numpy())
    part = frame.iloc[rows]
    order = np.lexsort((rows, part["split"], (part["role"] != Role.KEEPER).to_numpy(), part["group"]))
    found: Rows = rows[order]
    return found
