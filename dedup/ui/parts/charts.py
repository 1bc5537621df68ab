"""The distribution of a metric as a Plotly figure; knows nothing of pages."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dedup.images.metrics import Metric
from dedup.model import NEAR_SINGULARITY
from dedup.ui.parts.scale import ABOVE_ZERO, ZERO, ZERO_BAR, Scale

HEIGHT = 132
"""CSS pixels of the whole figure: pictures are what the page is about."""

MARGINS = {"l": 44, "r": 10, "t": 20, "b": 38}
"""CSS pixels around the bars. Fixed, for the slider stands below the axis: style.css repeats them for it."""

PADDING = (0.035 / 1.04, 0.005 / 1.04)
"""How far the axis goes beyond the slider's ends, in parts of what lies between; repeated there as well."""

FADED = 0.22
"""Opacity of the images outside the range."""

COUNT_TICKS = tuple(step * 10**power for power in range(8) for step in (1, 2, 5))
"""What may be written beside the bars."""

MOST_TICKS = 3
"""More of them would not fit beside bars this low."""

LOWEST_TICK = 0.15
"""In parts of the highest bar: below, a number would lie on the 0."""


def histogram(
    values: NDArray[np.float64], inside: NDArray[np.bool_], scale: Scale, colours: Mapping[str, str], metric: Metric
) -> go.Figure:
    """Bars of `values` (n,), solid for those `inside` the chosen range (n,) and faded for the rest.

    `colours` maps kinds to colours. On the broken scale exact zeros are one bar apart and the near band is tinted.
    """
    figure = go.Figure()
    for chosen, opacity in ((None, FADED), (inside, 1.0)):
        figure.add_bar(**_bars(values if chosen is None else values[chosen], scale, colours, metric), opacity=opacity)
    figure.update_layout(
        height=HEIGHT,
        margin=MARGINS,
        barmode="overlay",
        bargap=0,
        showlegend=False,
        dragmode="select",
        selectdirection="h",
        hoverlabel={"align": "left"},
        xaxis=_axis(scale, metric),
        yaxis=_counts_axis(figure),
        newselection={"line": {"width": 1}},
    )
    if scale.zero_apart:
        _mark_bands(figure, values, colours)
    return figure


def _counts_axis(figure: go.Figure) -> dict[str, Any]:
    """Counts are drawn as their square roots, so that seven duplicates are seen beside a thousand others."""
    most = int(max((max(bar.customdata[:, 1], default=0) for bar in figure.data), default=0))
    steps = [step for step in COUNT_TICKS if step <= most]
    ticks = [0, *(step for step in steps[-1 : -2 * MOST_TICKS : -2] if step >= LOWEST_TICK**2 * most)]
    return {
        "title": None,
        "fixedrange": True,
        "automargin": False,
        "tickvals": np.sqrt(ticks),
        "ticktext": [f"{tick:,}" if tick < 10_000 else f"{tick // 1000:,}k" for tick in ticks],
        "range": [0, np.sqrt(max(1, most)) * 1.04],
    }


def _bars(values: NDArray[np.float64], scale: Scale, colours: Mapping[str, str], metric: Metric) -> dict[str, Any]:
    edges = scale.edges()
    known = values[np.isfinite(values)]
    counts = _count(known[known > 0] if scale.zero_apart else known, edges)
    left, right = scale.position(edges[:-1]), scale.position(edges[1:])
    x, width = (left + right) / 2, (right - left) * 0.92
    text = [f"{metric.text(low)} to {metric.text(high)}" for low, high in pairwise(edges)]
    colour = [_colour(high, scale, colours) for high in edges[1:]]
    if scale.zero_apart:
        x, width = np.append(ZERO, x), np.append(ZERO_BAR[1] - ZERO_BAR[0], width)
        counts = np.append((known == 0).sum(), counts)
        text, colour = ["exactly 0", *text], [colours["exact"], *colour]
    return {
        "x": x,
        "y": np.sqrt(counts),
        "width": width,
        "marker": {"color": colour, "line": {"width": 0}},
        "customdata": np.array([text, counts], dtype=object).T,
        "hovertemplate": "%{customdata[0]}<br><b>%{customdata[1]:,}</b> images<extra></extra>",
    }


def _count(values: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.int64]:
    """Values in each bin; a bin holds its right edge, as the near band does."""
    places = np.searchsorted(edges, values, side="left") - 1
    return np.bincount(np.clip(places, 0, len(edges) - 2), minlength=len(edges) - 1)


def _colour(high: float, scale: Scale, colours: Mapping[str, str]) -> str:
    return colours["near"] if scale.zero_apart and high <= NEAR_SINGULARITY + 1e-9 else colours["unique"]


def _axis(scale: Scale, metric: Metric) -> dict[str, Any]:
    left, right = scale.ends
    before, after = (share * (right - left) for share in PADDING)
    axis = {
        "title": {"text": _axis_title(scale, metric), "standoff": 2, "font": {"size": 12}},
        "fixedrange": True,
        "automargin": False,
        "tickangle": 0,
        "range": [left - before, right + after],
        "zeroline": False,
        "showgrid": False,
    }
    return axis | ticks(scale, metric)


def ticks(scale: Scale, metric: Metric) -> dict[str, Any]:
    """Where the axis of a metric has numbers, and which."""
    if scale.zero_apart:
        named = [0.01, 0.03, NEAR_SINGULARITY, 0.2, 0.4, 0.6, 0.8, 1.0]
        return {
            "tickvals": [ZERO, *scale.position(named).tolist()],
            "ticktext": ["0", *(f"{tick:g}" for tick in named)],
        }
    if scale.logarithmic:
        named = _decades(scale)
        return {"tickvals": scale.position(named).tolist(), "ticktext": [_tick(each, metric) for each in named]}
    if metric.unit == "B":
        named = np.linspace(scale.low, scale.high, 5).tolist()
        return {"tickvals": named, "ticktext": [metric.text(each) for each in named]}
    return {"nticks": 8, "tickformat": ",~g"}


def _axis_title(scale: Scale, metric: Metric) -> str:
    """What is drawn, in which unit, and that neither axis need be linear."""
    unit = f", {metric.unit}" if metric.unit not in ("", "B") else ""
    own = " (logarithmic)" if scale.logarithmic else ""
    return f"{metric.title}{unit}{own} · height: images, square-root scale"


def _decades(scale: Scale) -> list[float]:
    """1, 2 and 5 of every power of ten between the ends; powers alone where these would be many; 0 where drawn."""
    powers = range(int(np.floor(scale.positions[0])), int(np.ceil(scale.positions[-1])) + 1)
    steps = (1, 2, 5) if len(powers) <= MOST_TICKS else (1,)
    found = [step * 10.0**power for power in powers for step in steps]
    return [*([] if scale.low else [0.0]), *(each for each in found if scale.least <= each <= scale.high)]


def _tick(value: float, metric: Metric) -> str:
    """A value beside the axis, whose title tells the unit: '200k', '5M', '48.0 kB'."""
    if metric.unit == "B":
        return metric.text(value).replace(".0 ", " ")
    for scale, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= scale:
            return f"{value / scale:g}{letter}"
    return f"{value:g}"


def _mark_bands(figure: go.Figure, values: NDArray[np.float64], colours: Mapping[str, str]) -> None:
    near = int(((values > 0) & (values <= NEAR_SINGULARITY)).sum())
    unique = int((values > NEAR_SINGULARITY).sum())
    exact = int((values == 0).sum())
    figure.add_vrect(0.0, 0.3, fillcolor=colours["near"], opacity=0.09, line_width=0, layer="below")
    copies = ((f"{exact:,} exact", "exact"), (f"{near:,} near", "near"))  # one text: side by side however narrow
    for x, side, words in ((ZERO_BAR[0], "left", copies), (1.0, "right", ((f"{unique:,} unique", "unique"),))):
        figure.add_annotation(
            x=x,
            y=1.0,
            yref="paper",
            yanchor="bottom",
            xanchor=side,
            text="\N{EM SPACE}".join(f'<b style="color:{colours[kind]}">{text}</b>' for text, kind in words),
            showarrow=False,
            font={"size": 13},
        )


def box_range(selection: Mapping[str, Any], scale: Scale) -> tuple[float | None, float | None] | None:
    """The range of values a box drawn on the chart means; None for an end past the scale, None at all for no box.

    A box over nothing but the bar of exact zeros is the range 0 to 0; one that leaves the bar out begins above 0.
    """
    boxes = selection.get("box") or []
    if not boxes:
        return None
    left, right = sorted(float(x) for x in boxes[-1]["x"])
    if scale.zero_apart and right <= 0:
        return None, 0.0
    low = scale.value(left)
    if scale.zero_apart and left > ZERO_BAR[1] and low == 0:
        low = ABOVE_ZERO
    high = scale.value(right)
    return (None if low <= scale.low else low), (None if high >= scale.high else high)
