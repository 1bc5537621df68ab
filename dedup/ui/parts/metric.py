"""The bar above the pictures: the metric, one-click selections, the distribution, and the range that is chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dedup.dataset import Dataset
from dedup.images import metrics
from dedup.images.metrics import METRICS, Metric
from dedup.images.metrics.annotation import OBJECTS
from dedup.model import NEAR_SINGULARITY, Kind
from dedup.query.selection import OPEN, STAYS, Selection
from dedup.ui.browser import palette
from dedup.ui.parts import charts
from dedup.ui.parts.scale import ABOVE_ZERO, Scale, scale_of
from dedup.ui.shell import session
from dedup.ui.shell.current import decisions
from dedup.ui.shell.library import NEAR_KEEPERS, Opened, asks_for_tags
from dedup.ui.shell.literal import literal
from dedup.ui.shell.view import ASCENDING, DESCENDING, DIFFERENT, LONGEST_WORDS, MATCHING, ORDERS, View
from dedup.vectors.of_dataset import MOST_ORDERED, steps
from dedup.words import noun_of, plural, quote

BY_NAME: dict[str, Metric] = {metric.name: metric for metric in METRICS}
ALL, ONE_OF_EACH, REMAINING = "All", "One per group", "Without what I decided to remove"
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

PRESET_HELP = (
    "**Exact duplicates** are the redundant copies; the one of each group that stays is not counted among them. "
    "**Near duplicates** are all copies that look the same, the one that stays included. "
    f"**{ONE_OF_EACH}** is every image that stays, and those without a copy: what is left when all redundant ones go."
)
"""Who is counted where."""

ORDER_LABELS = {
    ASCENDING: ":material/north: Ascending",
    DESCENDING: ":material/south: Descending",
    DIFFERENT: "Diverse",
    MATCHING: "Best match",
}
DIFFERENT_HELP = (
    "**Diverse** puts the most different images first, which show the most of the selection in the fewest: to label "
    "first, or to look at. What is like others before it comes last."
)
EPOCH, UNFOLDED, BESIDE, PAINTED = "chart epoch", "bar unfolded", "beside", "pictures painted"
BOXES = "boxes on cards"
UNSEARCHED = "why no words are searched"
"""Why the images of a dataset could not be searched by words, with both."""
PICTURES_SECONDS = 0.5
"""From the first pictures' way to the browser until the chart's."""
PANELS = {"filters": ":material/filter_alt: Filters", "tagging": ":material/label: Bulk tagging"}
"""What may be opened beside the pictures."""


@dataclass(frozen=True)
class Bar:
    """What the bar leaves to the page: which of `PANELS` is open, "" for none, and where the chart comes, None where
    it is folded away."""

    panel: str
    chart: DeltaGenerator | None


def bar(opened: Opened, view: View) -> Bar:
    """The bar, which stays in sight while the pictures scroll. The chart is left for last, see `chart`."""
    chart = None
    with st.container(key="bar", gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
            with st.container(width=190):
                metric_choice(opened, view)
            _order(opened, view)
            with st.popover(
                "", icon=":material/help:", type="tertiary", key="metric help", help="What is measured and counted?"
            ):
                st.markdown(f"**{BY_NAME[view.metric].title}**  \n{BY_NAME[view.metric].help}")
                st.markdown(PRESET_HELP)
                st.markdown(DIFFERENT_HELP)
            st.space("stretch")
            with st.container(width="content", key="holds"):
                holds(opened, view)
            panel = _panel_choice()
            unfolded = _fold()
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key="preset row"):
            preset_choice(opened, view, list(PRESETS))
            _company(opened, view)
            _threshold(opened)
            _boxes_choice(opened)
        _words(opened, view)
        if unfolded:
            with st.container(horizontal=True, gap="small", key="distribution and range"):
                with st.container(width="stretch", gap=None, key="chart and slider"):
                    chart = st.container(key="chart")
                    _slider(opened, view)
                with st.container(width=140, gap="xsmall", key="ends"):
                    _ends(opened, view)
    return Bar(panel, chart)


def holds(opened: Opened, view: View) -> None:
    """How much of the dataset is selected."""
    selected = int(opened.mask(view.selection).sum())
    st.markdown(f"selection holds **{selected:,}** of **{opened.counts()['']:,}**", width="content")


def _order(opened: Opened, view: View) -> None:
    can_match = view.order == MATCHING or (view.words and opened.vectors().text_side)
    st.segmented_control(
        "Order",
        [order for order in ORDERS if order != MATCHING or can_match],
        format_func=ORDER_LABELS.__getitem__,
        label_visibility="collapsed",
        required=True,
        wrap=True,
        **session.held("order", view.order, _arrange),
    )


def _search(words: str | None) -> None:
    told = (words or "").strip()[:LONGEST_WORDS].strip()
    order = MATCHING if told else ASCENDING if session.view().order == MATCHING else session.view().order
    session.update(words=told, order=order)


def order_words(view: View) -> str:
    """By what the images are ordered."""
    if view.order == MATCHING:
        return f"the best match for {quote(view.words)} first"
    return "the most different first" if view.order == DIFFERENT else f"by {BY_NAME[view.metric].title.lower()}"


def _arrange(order: str) -> None:
    st.session_state.pop(UNSEARCHED, None)
    session.update(order=order)


def _words(opened: Opened, view: View) -> None:
    """The field to search by words, where the vectors are those of a model with a text side, and what an order means
    that is not the metric's."""
    vectors = opened.vectors()
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="words row"):
        if vectors.text_side:
            with st.container(width=300):
                st.text_input(
                    "Search by words",
                    placeholder="Search by words",
                    label_visibility="collapsed",
                    icon=":material/image_search:",
                    **session.held("words", view.words, _search),
                )
        if view.order == MATCHING:
            st.caption(literal(f"Best match first, by {vectors.source}: the cosine is on each card."), width="content")
        if view.order == DIFFERENT:
            st.caption(literal(f"{_different_words(opened, view)}."), width="content")


def _different_words(opened: Opened, view: View) -> str:
    mask, vectors = opened.mask(view.selection), opened.vectors()
    known = int((mask & vectors.known).sum())
    count = min(known, MOST_ORDERED)
    chosen = steps(count)
    by = f"by {vectors.source}" if vectors.source else "in tones and colours (no model was given)"
    told = f"Each as far as can be from all before it, {by}"
    if chosen < count:
        told = f"The first {chosen:,} are each as far as can be from all before them, {by}; then the least like these"
    lacking = "without a vector" if vectors.source else "that cannot be read"
    last = {lacking: int(mask.sum()) - known, f"beyond a fair sample of {MOST_ORDERED:,}": known - count}
    left_out = " and ".join(f"{plural(number, 'image')} {why}" for why, number in last.items() if number)
    return f"{told}; last {left_out}" if left_out else told


def _company(opened: Opened, view: View) -> None:
    """The switch that shows copies beside those they are copies of, where that makes a difference."""
    more = int(opened.shown(view.selection, company=True).sum() - opened.mask(view.selection).sum())
    with st.container(width="content", key="company row"):
        if more:
            st.toggle(
                f"with the rest of their group (+{more:,})",
                help="Shows beside each image those of its group that the selection leaves out. They are marked; "
                "the selection, bulk tagging and exports go without them.",
                **session.held(
                    "company", view.with_company, lambda wanted: session.update(company="on" if wanted else "off")
                ),
            )


def _boxes_choice(opened: Opened) -> None:
    """Whether annotations are drawn on cards, where there are any."""
    if OBJECTS in opened.metrics():
        with st.container(width="content", key="boxes row"):
            st.toggle(
                "Annotations",
                key=BOXES,
                persist_state="session",
                help="Draws boxes, outlines and keypoints on the cards; the large view has their classes, too.",
            )


def _panel_choice() -> str:
    chosen = st.pills(
        "Beside the pictures",
        list(PANELS),
        format_func=PANELS.__getitem__,
        label_visibility="collapsed",
        key=BESIDE,
        persist_state="session",
        width="content",
    )
    return str(chosen or "")


def _fold() -> bool:
    """Whether chart and range are shown, with the button that folds them away."""
    unfolded: bool = st.session_state.setdefault(UNFOLDED, True)
    st.button(
        "",
        icon=":material/expand_less:" if unfolded else ":material/bar_chart:",
        type="tertiary",
        key="fold",
        help="Hide chart and range" if unfolded else "Show chart and range",
        on_click=lambda: st.session_state.__setitem__(UNFOLDED, not unfolded),
    )
    return unfolded


def metric_choice(opened: Opened, view: View) -> None:
    """Which metric is shown."""
    names = [metric.name for metric in opened.metrics()]
    st.selectbox(
        "Metric",
        names if view.metric in names else [*names, view.metric],
        format_func=lambda name: BY_NAME[name].title,
        label_visibility="collapsed",
        **session.held("metric", view.metric, lambda name: session.update(metric=name)),
    )


def counts(opened: Opened, place: DeltaGenerator) -> None:
    """The counts of the dataset, each with its colour and its word, and of the cards a person has selected."""
    counts = opened.counts()
    dark = st.context.theme.type == "dark"
    told = [
        ("", counts[""], noun_of(counts[""], "image")),
        (Kind.EXACT, counts[Kind.EXACT], noun_of(counts[Kind.EXACT], "exact duplicate")),
        (Kind.NEAR, counts[Kind.NEAR], noun_of(counts[Kind.NEAR], "near duplicate") + staying(counts)),
        (Kind.FAILED, counts[Kind.FAILED], "failed"),
        ("", len(session.chosen()), "selected"),
    ]
    place.html(f'<div class="dedup-counts">{"".join(_count_html(*each, dark=dark) for each in told)}</div>')


def staying(counts: Mapping[str, int]) -> str:
    """How many of the near duplicates are those that stay; exact ones never are."""
    return f" ({counts[NEAR_KEEPERS]:,} stay)" if counts[NEAR_KEEPERS] else ""


def _count_html(kind: str, count: int, word: str, *, dark: bool) -> str:
    dot = f'<i style="background:{palette.colour(kind, dark=dark)}"></i>' if kind else ""
    return f"<span>{dot}<b>{count:,}</b> {word}</span>"


def chart(opened: Opened, view: View, place: DeltaGenerator) -> None:
    """The distribution in its place; in a session's first view a moment after the pictures.

    What draws it is five megabytes of code, which keep a browser from all else for one or two seconds (measured: the
    first pictures come at 2.6 s instead of 4.8). Where no browser asks, nothing waits for anything.
    """
    if st.session_state.get(PAINTED) or not st.context.headers.to_dict():
        with place:
            distribution(opened, view)
        return

    @st.fragment(run_every=PICTURES_SECONDS)
    def later() -> None:
        if PAINTED in st.session_state:
            st.session_state[PAINTED] = True
            st.rerun()
        st.session_state[PAINTED] = False

    with place:
        later()


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
    column = metrics.values(opened.dataset.frame, view.metric)
    others = opened.mask(view.selection.with_range(view.metric, None, None))
    inside = opened.mask(view.selection)[others]
    scale = _scale(opened, view)
    colours = {str(kind): palette.colour(kind, dark=dark) for kind in (Kind.EXACT, Kind.NEAR, Kind.UNIQUE)}
    return charts.histogram(column[others], inside, scale, colours, BY_NAME[view.metric]), scale


def _scale(opened: Opened, view: View) -> Scale:
    scale: Scale = opened.kept(  # no decision changes it: singularity's is always the same
        ("scale", view.metric),
        lambda: scale_of(BY_NAME[view.metric], metrics.values(opened.dataset.frame, view.metric)),
    )
    return scale


def choose_quality(opened: Opened, view: View) -> None:
    """The range of the metric: a slider and its two ends as exact numbers."""
    _slider(opened, view)
    with st.container(horizontal=True):
        _ends(opened, view)


def _now(scale: Scale, view: View) -> tuple[float, float]:
    chosen = view.selection.range_of(view.metric)
    low = scale.low if chosen.low is None else chosen.low
    high = scale.high if chosen.high is None else chosen.high
    return float(low), float(high)


def _slider(opened: Opened, view: View) -> None:
    scale, metric = _scale(opened, view), BY_NAME[view.metric]
    low, high = _now(scale, view)
    with st.container(key="slider"):
        st.select_slider(
            f"Choose quality: {metric.title.lower()}",
            scale.stops(low, high),
            value=(low, high),
            format_func=lambda value: _stop_text(value, scale, metric),
            label_visibility="collapsed",
            **session.held("range", (low, high), lambda ends: _set(scale, *ends)),
        )


def _stop_text(value: float, scale: Scale, metric: Metric) -> str:
    if scale.zero_apart and 0 < value <= ABOVE_ZERO:
        return "above 0"
    if scale.whole or scale.logarithmic:
        return metric.text(value)
    return np.format_float_positional(value, scale.decimals + 1, trim="-")


def _ends(opened: Opened, view: View) -> None:
    scale = _scale(opened, view)
    low, high = _now(scale, view)
    decimals = 0 if scale.whole else scale.decimals + 1
    number: dict[str, Any] = {"step": 1.0 if scale.whole else 10.0 ** (1 - scale.decimals), "format": f"%.{decimals}f"}
    unit = BY_NAME[view.metric].unit
    told = f", {unit}" if unit else ""
    st.number_input(f"From{told}", **number, **session.held("low", low, lambda value: _set(scale, low=value)))
    st.number_input(f"To{told}", **number, **session.held("high", high, lambda value: _set(scale, high=value)))


def preset_choice(opened: Opened, view: View, names: Sequence[str]) -> None:
    """The presets of these names that make a difference here, each with how many images it leaves beside what else is
    asked for."""
    whole = {name: int(opened.mask(PRESETS[name]).sum()) for name in OCCASIONAL}
    held = {name: int(opened.mask(preset_of(view.selection, name)).sum()) for name in names}
    chosen = view.selection.range_of("singularity")
    now = view.selection.with_range("singularity", chosen.low, chosen.high)  # last of the ranges, as after a preset
    active = next((name for name in names if preset_of(now, name) == now), None)
    st.pills(
        "Presets",
        [name for name in names if name not in OCCASIONAL or name == active or 0 < whole[name] < opened.counts()[""]],
        format_func=lambda name: f"{name} ({held[name]:,})",
        label_visibility="collapsed",
        wrap=True,
        width="content",
        **session.held("preset", active, lambda name: _preset(name or ALL)),
    )


def preset_of(selection: Selection, name: str) -> Selection:
    """The selection with what a preset is about set as it says, and all else as it is."""
    preset = PRESETS[name]
    ends = preset.range_of("singularity")
    wanted = replace(selection, kinds=preset.kinds, roles=preset.roles, decided=preset.decided)
    return wanted.with_range("singularity", ends.low, ends.high)


def _threshold(opened: Opened) -> None:
    threshold = opened.dataset.near_threshold
    with st.popover(
        f"Near up to distance {threshold:g}", type="tertiary", icon=":material/tune:", key="threshold open"
    ):
        _threshold_panel(opened, threshold)


def _threshold_panel(opened: Opened, threshold: float) -> None:
    st.slider(
        "Near-duplicate threshold",
        0.02,
        1.0,
        step=0.01,
        help="Verified pairs up to this distance are near duplicates. 0 is an exact copy; nothing is scanned again.",
        **session.held("threshold", threshold, lambda value: set_threshold(opened, value)),
    )
    counts = opened.counts()
    st.markdown(f"**{counts[Kind.NEAR]:,}** near duplicates, **{counts[Kind.UNIQUE]:,}** unique images")
    st.caption(
        "**Distance** says how far two pictures are apart: 0 the same picture, 1 nothing in common. Pairs up to this "
        "one count as near duplicates.  \n"
        f"**Singularity** is one score per image: whatever this limit is, near duplicates lie above 0 and up to "
        f"{NEAR_SINGULARITY:g}, the closest ones lowest.  \nThe change applies at once and can be undone."
    )


def set_threshold(opened: Opened, threshold: float) -> None:
    """Set the near-duplicate threshold: signed by this tab, and so not through the dataset that all tabs share."""
    Dataset(opened.dataset.directory, session=decisions(opened).session).near_threshold = threshold


def _preset(name: str) -> None:
    _redraw()
    shown = {"metric": "singularity"} if PRESETS[name].ranges else {}
    session.update(**shown, company="auto", selection=preset_of(session.view().selection, name))


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
    ends = scale.range_of(scale.low if low is None else low, scale.high if high is None else high)
    _redraw()
    session.update(selection=view.selection.with_range(view.metric, *ends))


def _redraw() -> None:
    """Forget the box that was drawn on the chart: the range now comes from elsewhere."""
    st.session_state[EPOCH] = st.session_state.get(EPOCH, 0) + 1
