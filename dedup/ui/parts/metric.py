"""The top of the Explorer: the metric, its distribution over the selection, and the range of it that is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from dedup.dataset import Dataset
from dedup.images.metrics import METRICS, Metric
from dedup.model import NEAR_SINGULARITY, Kind
from dedup.query.selection import OPEN, STAYS, Selection
from dedup.ui.browser import palette
from dedup.ui.parts import charts
from dedup.ui.parts.scale import ABOVE_ZERO, Scale, scale_of
from dedup.ui.shell import session
from dedup.ui.shell.current import decisions
from dedup.ui.shell.library import Opened, asks_for_tags
from dedup.ui.shell.view import View
from dedup.words import size

BY_NAME: dict[str, Metric] = {metric.name: metric for metric in METRICS}
ALL, ONE_OF_EACH, REMAINING = "All", "One of each", "Without what I decided to remove"
PRESETS = {
    "Exact duplicates": Selection().with_range("singularity", None, 0.0),
    "Near duplicates": Selection().with_range("singularity", ABOVE_ZERO, NEAR_SINGULARITY),
    "Unique": Selection().with_range("singularity", NEAR_SINGULARITY + ABOVE_ZERO, None),
    "Failed": Selection(kinds=(Kind.FAILED,)),
    ONE_OF_EACH: Selection(roles=("keeper", "single")),
    REMAINING: Selection(decided=(STAYS, OPEN)),
    ALL: Selection(),
}
"""Selections at one click: each replaces the range of singularity, the kinds, the roles and what was decided."""

OCCASIONAL = ("Failed", REMAINING)
"""Presets that are offered where they select something, but not everything."""

EPOCH = "chart epoch"


def metric_row(view: View) -> None:
    """The metric and the direction."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        with st.container(width=260):
            metric_choice(view)
        st.segmented_control(
            "Order",
            [True, False],
            format_func=lambda ascending: ":material/north: Ascending" if ascending else ":material/south: Descending",
            label_visibility="collapsed",
            required=True,
            **session.held("ascending", view.ascending, lambda value: session.update(ascending=value)),
        )


def metric_choice(view: View) -> None:
    """Which metric is shown, with its formula and source at hand."""
    st.selectbox(
        "Metric",
        list(BY_NAME),
        format_func=lambda name: BY_NAME[name].title,
        help=BY_NAME[view.metric].help,
        **session.held("metric", view.metric, lambda name: session.update(metric=name)),
    )


def counts_html(opened: Opened) -> str:
    """The counts of the dataset, each with its colour and its word, and of the cards a person has selected."""
    counts = opened.counts()
    dark = st.context.theme.type == "dark"
    told = [
        ("", counts[""], "images"),
        (Kind.EXACT, counts[Kind.EXACT], "exact duplicates"),
        (Kind.NEAR, counts[Kind.NEAR], "near duplicates"),
        (Kind.FAILED, counts[Kind.FAILED], "failed"),
        ("", len(session.chosen()), "selected"),
    ]
    return f'<div class="dedup-counts">{"".join(_count_html(*each, dark=dark) for each in told)}</div>'


def _count_html(kind: str, count: int, word: str, *, dark: bool) -> str:
    dot = f'<i style="background:{palette.colour(kind, dark=dark)}"></i>' if kind else ""
    return f"<span>{dot}<b>{count:,}</b> {word}</span>"


def distribution(opened: Opened, view: View) -> None:
    """The histogram of the metric over everything the other filters let through; a box drawn on it sets the range."""
    dark = st.context.theme.type == "dark"
    figure, scale = opened.remembered(
        ("figure", view.selection, view.metric, dark),
        lambda: _figure(opened, view, dark=dark),
        tags=asks_for_tags(view.selection),
    )
    key = f"distribution {view.metric} {st.session_state.get(EPOCH, 0)}"

    def chosen() -> None:
        drawn = charts.box_range(st.session_state[key]["selection"], scale)
        if drawn is not None:
            session.update(selection=session.view().selection.with_range(view.metric, *drawn))

    st.plotly_chart(
        figure, key=key, on_select=chosen, selection_mode="box", config={"displayModeBar": False}, width="stretch"
    )


def _figure(opened: Opened, view: View, *, dark: bool) -> tuple[go.Figure, Scale]:
    column = opened.dataset.frame[view.metric].to_numpy(np.float64)
    others = opened.mask(view.selection.with_range(view.metric, None, None))
    inside = opened.mask(view.selection)[others]
    scale = scale_of(view.metric, column)
    colours = {str(kind): palette.colour(kind, dark=dark) for kind in (Kind.EXACT, Kind.NEAR, Kind.UNIQUE)}
    return charts.histogram(column[others], inside, scale, colours, BY_NAME[view.metric].title), scale


def choose_quality(opened: Opened, view: View) -> None:
    """The range of the metric: two exact numbers and a slider between them."""
    scale = scale_of(view.metric, opened.dataset.frame[view.metric].to_numpy(np.float64))
    chosen = view.selection.range_of(view.metric)
    low = scale.low if chosen.low is None else chosen.low
    high = scale.high if chosen.high is None else chosen.high
    left, middle, right = st.columns([1.6, 6, 1.6], vertical_alignment="bottom")
    decimals = 0 if scale.whole else scale.decimals + 1
    number: dict[str, Any] = {"step": 1.0 if scale.whole else 10.0 ** (1 - scale.decimals), "format": f"%.{decimals}f"}
    left.number_input("From", **number, **session.held("low", float(low), lambda value: _set(scale, low=value)))
    right.number_input("To", **number, **session.held("high", float(high), lambda value: _set(scale, high=value)))
    middle.select_slider(
        f"Choose quality: {BY_NAME[view.metric].title.lower()}",
        scale.stops(low, high),
        value=(low, high),
        format_func=lambda value: (
            size(value) if view.metric == "bytes" else np.format_float_positional(value, decimals, trim="-")
        ),
        **session.held("range", (low, high), lambda ends: _set(scale, *ends)),
    )


def presets(opened: Opened, view: View) -> None:
    """One-click selections, where near begins, and how much the selection holds."""
    selected, total = int(opened.mask(view.selection).sum()), opened.counts()[""]
    with st.container(horizontal=True, vertical_alignment="center"):
        preset_choice(opened, view, list(PRESETS))
        threshold = opened.dataset.near_threshold
        with st.popover(f"Near means ≤ {threshold:g}", type="tertiary", icon=":material/tune:", key="threshold open"):
            _threshold(opened, threshold)
        st.space("stretch")
        st.markdown(f"selection holds **{selected:,}** of **{total:,}**", width="content")


def preset_choice(opened: Opened, view: View, names: Sequence[str], *, counted: bool = False) -> None:
    """The presets of these names that make a difference here, if `counted` each with how many images it holds."""
    held = {name: int(opened.mask(PRESETS[name]).sum()) for name in names}
    chosen = view.selection.range_of("singularity")
    now = view.selection.with_range("singularity", chosen.low, chosen.high)  # last of the ranges, as after a preset
    active = next((name for name in names if preset_of(now, name) == now), None)
    st.pills(
        "Presets",
        [name for name in names if name not in OCCASIONAL or name == active or 0 < held[name] < opened.counts()[""]],
        format_func=lambda name: f"{name} ({held[name]:,})" if counted else name,
        label_visibility="collapsed",
        wrap=True,
        **session.held("preset", active, lambda name: _preset(name or ALL)),
    )


def preset_of(selection: Selection, name: str) -> Selection:
    """The selection with what a preset is about set as it says, and all else as it is."""
    preset = PRESETS[name]
    ends = preset.range_of("singularity")
    wanted = replace(selection, kinds=preset.kinds, roles=preset.roles, decided=preset.decided)
    return wanted.with_range("singularity", ends.low, ends.high)


def _threshold(opened: Opened, threshold: float) -> None:
    st.slider(
        "Near-duplicate threshold",
        0.02,
        1.0,
        step=0.01,
        help="Verified pairs up to this distance are near duplicates. 0 is an exact copy; nothing is scanned again.",
        **session.held("threshold", threshold, lambda value: _set_threshold(opened, value)),
    )
    counts = opened.counts()
    st.markdown(f"**{counts[Kind.NEAR]:,}** near duplicates, **{counts[Kind.UNIQUE]:,}** unique images")
    st.caption("Pairs up to this distance count as near duplicates. The change applies at once and can be undone.")


def _set_threshold(opened: Opened, threshold: float) -> None:
    """Signed by this tab, and so not through the dataset that all tabs share."""
    Dataset(opened.dataset.directory, session=decisions(opened).session).near_threshold = threshold


def _preset(name: str) -> None:
    _redraw()
    shown = {"metric": "singularity"} if PRESETS[name].ranges else {}
    session.update(**shown, selection=preset_of(session.view().selection, name))


def _set(scale: Scale, low: float | None = None, high: float | None = None) -> None:
    """Move one end of the range or both.

    The other end is the one of now, not of when the widget was drawn: two quick changes must not undo each other. An
    end at the end of the scale is open, so that it leaves nothing out, not even the unknown.
    """
    view = session.view()
    now = view.selection.range_of(view.metric)
    low = now.low if low is None else low
    high = now.high if high is None else high
    if low is not None and high is not None and low > high:
        low, high = high, low
    ends = (
        None if low is None or low <= scale.low else low,
        None if high is None or high >= scale.high else high,
    )
    _redraw()
    session.update(selection=view.selection.with_range(view.metric, *ends))


def _redraw() -> None:
    """Forget the box that was drawn on the chart: the range now comes from elsewhere."""
    st.session_state[EPOCH] = st.session_state.get(EPOCH, 0) + 1
