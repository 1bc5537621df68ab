"""The filters beside the range: tags, kinds, relations, classes, folders, splits, text and an expression."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import streamlit as st

from dedup.errors import DedupError, WhereError
from dedup.model import MAP_X, Kind
from dedup.query.region import Region
from dedup.query.selection import GOES, OPEN, STAYS, Range, Selection
from dedup.ui.parts.metric import BESIDE, BY_NAME, UNSEARCHED
from dedup.ui.shell import session
from dedup.ui.shell.library import Opened
from dedup.ui.shell.literal import literal
from dedup.ui.shell.view import ASCENDING, MATCHING, View
from dedup.words import plural

DRAFT = "where draft"
MANY = 500
"""Choices offered in one list, the most frequent ones; beyond that, path text finds the rest."""

CHOICES = {
    "kinds": {
        str(Kind.EXACT): "Exact duplicate",
        str(Kind.NEAR): "Near duplicate",
        str(Kind.UNIQUE): "Unique",
        str(Kind.FAILED): "Failed",
    },
    "roles": {"keeper": "Keeper", "duplicate": "Duplicate", "single": "Without a copy"},
    "decided": {GOES: "Goes", STAYS: "Stays", OPEN: "Open"},
}
"""What few things a part of a selection can be, in words."""


def panel(opened: Opened, view: View) -> None:
    """All filters, below each other; every change takes effect at once."""
    tags = list(opened.dataset.tags)
    for field, label in _TAG_FILTERS.items():
        _several(label, field, _offered(tags, getattr(view.selection, field)), view)
    for field, words in CHOICES.items():
        st.pills(
            _LABELS[field],
            list(words),
            format_func=words.__getitem__,
            selection_mode="multi",
            wrap=True,
            **_bound(field, view, default=[]),
        )
    for field, column in _COLUMNS.items():
        offer, chosen = choices(opened, column), getattr(view.selection, field)
        if offer or chosen:
            _several(_LABELS[field], field, _offered(offer, chosen), view)
    st.text_input("Path contains", **_bound("text", view), type="search", live=True)
    _expression(opened, view)


def chips(opened: Opened, view: View, *, all_ranges: bool = False) -> None:
    """What the selection is made of, each part to be taken away by a click.

    The range of the shown metric has its own control in the Explorer; it is a chip only with `all_ranges`, or when it
    leaves nothing. Where nothing is left, each chip says how many images there are without it.
    """
    empty = bool(view.selection) and not opened.mask(view.selection).any()
    parts = _parts(view, all_ranges=all_ranges or empty)
    # The container is there even when it is empty: what follows keeps its place and is not drawn twice meanwhile.
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="chips"):
        if empty:
            st.markdown("Nothing is left. Take away:", width="content")
        for name, without in parts.items():
            left = int(opened.mask(without).sum()) if empty else 0
            st.button(
                literal(f"{name} → {plural(left, 'image')}" if empty else name),
                key=f"chip {name}",
                icon=":material/close:",
                icon_position="right",
                type="primary" if left else "secondary",
                help=f"Without this filter the selection holds {plural(left, 'image')}"
                if empty
                else "Take this filter away",
                on_click=_take_away,
                args=(name,),
            )
        if len(parts) > 1:
            st.button("Clear all", type="tertiary", on_click=session.update, kwargs={"selection": Selection()})
        wanted = (*view.selection.tags_any, *view.selection.tags_all)
        if gone := [tag for tag in dict.fromkeys(wanted) if tag not in opened.dataset.tags]:
            st.caption(f"There is no tag {', '.join(map(literal, gone))} any more.")


def _take_away(name: str) -> None:
    view = session.view()
    session.update(selection=_parts(view, all_ranges=True).get(name, view.selection))


def choices(opened: Opened, column: str) -> list[str]:
    """The values of a column of words or of tuples of words, the most frequent first."""

    def compute() -> list[str]:
        values = opened.dataset.frame[column]
        if column in ("classes", "relations"):
            values = values.explode()
        counted = values[values.notna() & (values != "")].astype(str).value_counts()
        return [str(value) for value in counted.index[:MANY]]

    offered: list[str] = opened.remembered(("choices", column), compute)
    return offered


_TAG_FILTERS = {
    "tags_any": "With any of the tags",
    "tags_all": "With all of the tags",
    "tags_none": "With none of the tags",
}
_COLUMNS = {"relations": "relations", "classes": "classes", "folders": "folder", "splits": "split"}
_LABELS = {"kinds": "Kind", "roles": "Part in its group", "decided": "Decided"}
_LABELS |= {"relations": "Relation", "classes": "Class", "folders": "Folder", "splits": "Split"}


def _several(label: str, field: str, options: list[str], view: View) -> None:
    st.multiselect(label, options, placeholder="any", **_bound(field, view, default=[]))


def _offered(options: list[str], chosen: tuple[str, ...]) -> list[str]:
    return [*options, *(value for value in chosen if value not in options)]


def _bound(field: str, view: View, default: Any = "") -> dict[str, Any]:
    value = getattr(view.selection, field)
    return session.held(f"filter {field}", default if not value else _as_widget(value), _apply(field))


def _as_widget(value: Any) -> Any:
    return [str(each) for each in value] if isinstance(value, tuple) else value


def _apply(field: str) -> Callable[[Any], None]:
    def apply(value: Any) -> None:
        told: Any = tuple(value) if isinstance(value, list) else (value or "").strip()
        change: dict[str, Any] = {field: told}
        session.update(selection=replace(session.view().selection, **change))

    return apply


def _expression(opened: Opened, view: View) -> None:
    """The expression takes effect when it can be understood; until then it stays beside the reason why not."""
    draft, reason = st.session_state.get(DRAFT, ("", ""))
    st.text_input(
        "Expression",
        placeholder='brightness < 0.2 and not tag == "keep"',
        help='Compare columns and combine with and, or, not and parentheses: `width >= 640 and kind == "near"`',
        **session.held(
            "filter where", draft if reason else view.selection.where, lambda text: _apply_expression(opened, text)
        ),
    )
    if reason:
        st.error(reason, icon=":material/error:")


def _apply_expression(opened: Opened, text: str) -> None:
    session.update(selection=replace(session.view().selection, where=(text or "").strip()))
    understood(opened)


def understood(opened: Opened) -> View:
    """The view, without an expression that makes no sense here; that one waits in its field with the reason. Where the
    images cannot be searched by words, it says why and orders them by the metric."""
    view = _searchable(opened, session.view())
    try:
        opened.mask(Selection(where=view.selection.where))
        if view.selection.where:
            st.session_state.pop(DRAFT, None)
    except WhereError as error:
        st.session_state[DRAFT] = (view.selection.where, str(error))
        st.session_state[BESIDE] = "filters"  # where it waits
        session.update(selection=replace(view.selection, where=""))
    return session.view()


def _searchable(opened: Opened, view: View) -> View:
    """The view, by the metric where the images cannot be searched by its words. The reason stays as long as the words
    do, or until a person chooses an order: the page may be drawn again at once."""
    if view.order == MATCHING:
        st.session_state.pop(UNSEARCHED, None)
        try:
            opened.cosines(view.words)
        except DedupError as error:
            st.session_state[UNSEARCHED] = (view.dataset, view.words, str(error))
            session.update(order=ASCENDING, page=view.page)
            session.synchronise()  # the script has begun: the address would ask for these words once more
    *where, reason = st.session_state.get(UNSEARCHED, ("", "", ""))
    if reason and where == [view.dataset, view.words]:
        st.error(literal(reason), icon=":material/error:")
    return session.view()


def _parts(view: View, *, all_ranges: bool) -> dict[str, Selection]:
    """For every filter its words, and the selection without it."""
    selection = view.selection
    parts = {
        _range_words(each): selection.with_range(each.metric, None, None)
        for each in selection.ranges
        if all_ranges or each.metric != view.metric
    }
    for place, region in enumerate(selection.regions):
        others = selection.regions[:place] + selection.regions[place + 1 :]
        parts[_region_words(region)] = replace(selection, regions=others)
    for field, words in _PART_WORDS.items():
        value = getattr(selection, field)
        if value:
            known = CHOICES.get(field, {})
            told = value if isinstance(value, str) else ", ".join(known.get(str(each), str(each)) for each in value)
            parts[f"{words}: {told}"] = replace(selection, **{field: type(value)()})
    return parts


def _range_words(each: Range) -> str:
    """A range in words, whole numbers with their units; a column that is no metric, which only a link can name, by its
    name."""
    metric = BY_NAME.get(each.metric)
    return each.describe(metric.title, metric.text if metric.whole else None) if metric else each.describe()


def _region_words(region: Region) -> str:
    """A part that was drawn, in words."""
    if region.x == MAP_X:
        return "drawn on the map"
    x, y = (BY_NAME[name].title.lower() if name in BY_NAME else name for name in (region.x, region.y))
    return f"drawn on the chart of {x} and {y}"


_PART_WORDS = {
    "tags_any": "any tag",
    "tags_all": "all tags",
    "tags_none": "no tag",
    "kinds": "kind",
    "roles": "part",
    "decided": "decided",
    "relations": "relation",
    "classes": "class",
    "folders": "folder",
    "splits": "split",
    "text": "path contains",
    "where": "where",
}
