"""Each metric as a small distribution, with its outliers in colours of their own and ways to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dedup.images.metrics import Metric
from dedup.images.metrics.information import RANDOM
from dedup.model import Status
from dedup.query.outliers import Outliers
from dedup.ui.browser import palette
from dedup.ui.parts.scale import Scale, scale_of
from dedup.ui.shell.library import Opened
from dedup.ui.summary.tiles import explorer, far, go
from dedup.words import plural

A_ROW = 4
BARS = 48
LEAST = 0.05
"""Height of the bar of a single image, in parts of the highest."""


@dataclass(frozen=True)
class Drawn:
    """Heights of bars 0..1, which of them hold nothing but outliers, severe (2) or moderate (1) at least, or usual
    values as well (0), and both ends in words."""

    heights: NDArray[np.float64]
    outlying: NDArray[np.int64]
    low: str
    high: str


def distributions(opened: Opened) -> None:
    """A card a metric."""
    st.markdown("## Metrics")
    st.caption(
        "Heights are square roots of counts. An outlier is moderate beyond 1.5 and severe beyond 2.5 interquartile "
        "ranges from the quartiles; sizes and other metrics with a long tail by their logarithm. What over a tenth "
        "of all images would have is no outlier: then a wider middle part tells how far values spread."
    )
    found = {each.fences.metric.name: each for each in far(opened)}
    shown = [metric for metric in opened.metrics() if metric is not RANDOM]
    for start in range(0, len(shown), A_ROW):
        for column, metric in zip(st.columns(A_ROW), shown[start : start + A_ROW], strict=False):
            with column.container(border=True, height="stretch", gap="xxsmall"):
                _card(opened, metric, found.get(metric.name))


def _card(opened: Opened, metric: Metric, found: Outliers | None) -> None:
    drawn: Drawn = opened.remembered(
        ("small distribution", metric.name),
        lambda: draw(readable(opened.dataset.frame, metric), metric, found),
    )
    st.markdown(f"**{metric.title}**", help=metric.help)
    st.html(bars(drawn, metric.title, dark=st.context.theme.type == "dark"))
    with st.container(horizontal=True, gap="small"):
        if st.button("All", key=f"metric {metric.name}", type="tertiary"):
            go(explorer(metric=metric.name))
        for severe in (True, False):
            count = (found.severe if severe else found.severe + found.moderate) if found else 0
            if found and count and (severe or found.moderate):
                words = f"{count:,} severe" if severe else plural(count, "outlier")
                if st.button(words, key=f"{metric.name} {severe}", type="tertiary"):
                    go(explorer(found.fences.where(severe=severe), metric=metric.name))


def readable(frame: pd.DataFrame, metric: Metric) -> NDArray[np.float64]:
    """Values of what can be read."""
    return frame.loc[frame["status"] == Status.OK, metric.name].to_numpy(np.float64)


def draw(values: NDArray[np.float64], metric: Metric, found: Outliers | None) -> Drawn:
    """The bars of a metric's values (n,)."""
    scale: Scale = scale_of(metric, values)
    known = values[np.isfinite(values)]
    left, right = scale.ends
    edges = np.linspace(left, right, BARS + 1)
    counts, _ = np.histogram(scale.position(known), edges)
    outlying = np.zeros(BARS, np.int64)
    if found:  # of the values, for a bar that holds usual ones may reach beyond a fence
        severe, moderate = found.fences.severe(known), found.fences.moderate(known)
        for level, those in ((2, severe), (1, moderate), (0, ~(severe | moderate))):
            held, _ = np.histogram(scale.position(known[those]), edges)
            outlying[held > 0] = level
    most = max(1, int(counts.max(initial=0)))
    return Drawn(np.sqrt(counts / most), outlying, metric.text(scale.low), metric.text(scale.high))


def bars(drawn: Drawn, title: str, *, dark: bool) -> str:
    """The bars as HTML."""
    colours = [palette.colour(meaning, dark=dark) for meaning in ("unique", "moderate", "severe")]
    heights = np.where(drawn.heights > 0, np.maximum(drawn.heights, LEAST), 0)
    return picture(
        f"Distribution of {title}",
        bar_row(heights, [colours[each] for each in drawn.outlying]),
        (drawn.low, drawn.high),
    )


def bar_row(heights: NDArray[np.float64], colours: Sequence[str], side: str = "") -> str:
    """Bars of these heights, 0..1, beside each other, as HTML; `side` up or down is that of a row of two."""
    told = "".join(
        f'<i style="height:{tall:.1%};background:{colour}"></i>'
        for tall, colour in zip(heights.tolist(), colours, strict=True)
    )
    return f'<div class="dedup-bars {side}">{told}</div>'


def picture(title: str, rows: str, ends: tuple[str, str]) -> str:
    """Rows of bars with what both ends are below them, as HTML; who sees none hears the title."""
    told = "".join(f"<span>{escape(end)}</span>" for end in ends)
    return f'<div role="img" aria-label="{escape(title)}">{rows}</div><div class="dedup-ends">{told}</div>'
