"""One metric against another: a part that a person draws around leads to its images."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from dedup.errors import UsageError
from dedup.images import metrics
from dedup.model import Status
from dedup.query.region import MOST_CORNERS, Region
from dedup.query.selection import Selection
from dedup.ui.browser import palette
from dedup.ui.parts import charts
from dedup.ui.parts.metric import BY_NAME
from dedup.ui.parts.scale import Scale, scale_of
from dedup.ui.shell.library import Opened
from dedup.ui.summary.distributions import readable
from dedup.ui.summary.tiles import Way
from dedup.ui.summary.tiles import go as take_there
from dedup.words import plural

CELLS = 90
"""Places along each axis: a chart of a million images has no more points than cells."""
HEIGHT = 420
X, Y = "scatter x", "scatter y"
LARGEST, SMALLEST = 13.0, 4.0
"""Diameters of points of the most images and of one, in CSS pixels; the area tells the count."""


def scatter(opened: Opened) -> None:
    """Two metrics to choose, their chart, and the way to what was drawn around on it."""
    st.markdown("## One metric against another")
    names = [metric.name for metric in opened.metrics()]
    with st.container(horizontal=True):
        x = st.selectbox("Across", names, names.index("width"), format_func=lambda name: BY_NAME[name].title, key=X)
        y = st.selectbox("Up", names, names.index("height"), format_func=lambda name: BY_NAME[name].title, key=Y)
    dark = st.context.theme.type == "dark"
    scales = _scale(opened, x), _scale(opened, y)
    figure = opened.remembered(("scatter", x, y, dark), lambda: _figure(opened, x, y, scales, dark=dark))
    event = st.plotly_chart(
        figure,
        key=f"scatter {opened.dataset.info.key} {x} {y}",
        on_select="rerun",
        selection_mode=("box", "lasso"),
        config={"displaylogo": False, "modeBarButtonsToRemove": ["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d"]},
        width="stretch",
    )
    region = drawn(event.selection, x, y, scales)
    if region is None:
        st.caption("Draw a box or, with the lasso above the chart, a line around images to look at them.")
        return
    wanted = Selection(regions=(region,))
    count = int(opened.mask(wanted).sum())
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{plural(count, 'image')}** in the part you drew.", width="content")
        if st.button("Look at them", type="primary", icon=":material/arrow_forward:", disabled=not count):
            take_there(Way("explorer", wanted, metric=x))


def drawn(selection: Any, x: str, y: str, scales: tuple[Scale, Scale]) -> Region | None:
    """The region of values that a box or lasso of a Plotly chart means; None for none."""
    shapes = [*(selection.get("lasso") or []), *(selection.get("box") or [])]
    if not shapes:
        return None
    places = [np.array(shapes[-1][axis], np.float64) for axis in "xy"]
    is_box = len(places[0]) == 2
    if len(places[0]) > 2 and any(scale.logarithmic for scale in scales):
        places = [_along_the_sides(each, MOST_CORNERS // len(each)) for each in places]
    across, up = ([_exact(scale, place) for place in each.tolist()] for scale, each in zip(scales, places, strict=True))
    try:
        return Region.box(x, y, across, up) if is_box else Region(x, y, tuple(zip(across, up, strict=True)))
    except UsageError:  # a line, and no part of the chart
        return None


def _along_the_sides(corners: NDArray[np.float64], parts: int) -> NDArray[np.float64]:
    """Coordinates of a polygon with so many along each side: what is straight on a chart is bent in its values."""
    steps = np.arange(max(1, parts)) / max(1, parts)
    return np.asarray((corners[:, None] + steps * (np.roll(corners, -1) - corners)[:, None]).ravel())


def _exact(scale: Scale, position: float) -> float:
    """The value at a position, not rounded: who draws around a point means it."""
    if scale.logarithmic:
        return float(10.0**position)
    beyond = position - float(np.clip(position, scale.positions[0], scale.positions[-1]))
    return float(np.interp(position, scale.positions, scale.values)) + beyond


def _scale(opened: Opened, name: str) -> Scale:
    scale: Scale = opened.remembered(
        ("scatter scale", name),
        lambda: _whole(scale_of(BY_NAME[name], readable(opened.dataset.frame, BY_NAME[name]))),
    )
    return scale


def _whole(scale: Scale) -> Scale:
    """A scale on which exact zeros have no place of their own: points lie where their values are."""
    if scale.logarithmic and not scale.low:
        return Scale(scale.values, scale.values, whole=scale.whole)
    return Scale(scale.values, scale.positions, whole=scale.whole, logarithmic=scale.logarithmic)


def _figure(opened: Opened, x: str, y: str, scales: tuple[Scale, Scale], *, dark: bool) -> go.Figure:
    frame = opened.dataset.frame
    columns = [metrics.values(frame, name) for name in (x, y)]
    known = np.isfinite(columns[0]) & np.isfinite(columns[1]) & (frame["status"] == Status.OK).to_numpy()
    places = [scale.position(column[known]) for scale, column in zip(scales, columns, strict=True)]
    across, up, counts = cells(*places)
    most = max(1, int(counts.max(initial=1)))
    figure = go.Figure(
        go.Scattergl(
            x=across,
            y=up,
            mode="markers",
            marker={
                "size": np.maximum(SMALLEST, LARGEST * np.sqrt(counts / most)),
                "color": palette.colour("unique", dark=dark),
                "opacity": 0.65,
                "line": {"width": 0},
            },
            customdata=counts,
            hovertemplate="<b>%{customdata:,}</b> images<extra></extra>",
        )
    )
    figure.update_layout(
        height=HEIGHT,
        margin={"l": 60, "r": 10, "t": 30, "b": 50},
        dragmode="select",
        showlegend=False,
        xaxis=_axis(scales[0], x),
        yaxis=_axis(scales[1], y),
        newselection={"line": {"width": 1}},
    )
    return figure


def cells(
    x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Points (n,) gathered: the mean place of those in each cell that has some, and how many they are."""
    if not len(x):
        return x, y, np.zeros(0, np.int64)
    number = np.zeros(len(x), np.int64)
    for values in (x, y):
        span = float(np.ptp(values)) or 1.0
        number = number * CELLS + np.minimum(((values - values.min()) / span * CELLS).astype(np.int64), CELLS - 1)
    counts = np.bincount(number)
    held = np.flatnonzero(counts)
    means = [np.bincount(number, values)[held] / counts[held] for values in (x, y)]
    return means[0], means[1], counts[held]


def _axis(scale: Scale, name: str) -> dict[str, Any]:
    metric = BY_NAME[name]
    unit = f", {metric.unit}" if metric.unit not in ("", "B") else ""
    left, right = scale.ends
    margin = 0.04 * (right - left)
    axis: dict[str, Any] = {
        "title": {"text": f"{metric.title}{unit}{' (logarithmic)' if scale.logarithmic else ''}"},
        "range": [left - margin, right + margin],
        "zeroline": False,
    }
    return axis | charts.ticks(scale, metric)
