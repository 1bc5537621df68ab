"""Two selections side by side: in which metrics they differ, the most different first."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dedup.images import metrics
from dedup.images.metrics import Metric
from dedup.images.metrics.information import RANDOM
from dedup.model import Status
from dedup.query.selection import Selection
from dedup.ui.browser import palette
from dedup.ui.parts.filters import choices
from dedup.ui.parts.scale import scale_of
from dedup.ui.shell import session, views
from dedup.ui.shell.library import Opened
from dedup.ui.shell.literal import literal
from dedup.ui.summary.distributions import bar_row, picture
from dedup.words import plural

A_ROW = 3
BARS = 32
FEWEST = 5
"""Of fewer images no distribution is told."""
ALL, NOW = "All images", "What the Explorer shows"
FIRST, SECOND = "one", "other"
"""Of the palette, what the two are drawn in."""


@dataclass(frozen=True)
class Compared:
    """A metric of two selections: how far apart (0 the same distribution, 1 no value in common), both medians, the
    heights of the bars (2, n) in 0..1, and the ends in words."""

    metric: Metric
    apart: float
    medians: tuple[float, float]
    heights: NDArray[np.float64]
    ends: tuple[str, str]


def comparing(opened: Opened) -> None:
    """Two selections to choose, and their metrics."""
    offered = selections(opened)
    st.markdown("## Compare two selections")
    names = list(offered)
    with st.container(horizontal=True):
        one = st.selectbox("One", names, min(1, len(names) - 1), key="compared one", format_func=literal)
        other = st.selectbox("Other", names, 0, key="compared other", format_func=literal)
    parts = [offered[str(name)] for name in (one, other)]
    readable = (opened.dataset.frame["status"] == Status.OK).to_numpy()
    masks = [opened.mask(part) for part in parts]
    counts = [int((mask & readable).sum()) for mask in masks]
    if np.array_equal(masks[0], masks[1]) or min(counts) < FEWEST:
        st.caption("Choose two selections of five images or more, such as a tag and all images.")
        return
    found = opened.remembered(("compared", *parts), lambda: compared(opened, masks[0], masks[1]), tags=True)
    dark = st.context.theme.type == "dark"
    dots = [f'<i style="background:{palette.colour(each, dark=dark)}"></i>' for each in (FIRST, SECOND)]
    told = [
        f"<span>{dot} {escape(str(name))}: <b>{plural(count, 'image')}</b></span>"
        for dot, name, count in zip(dots, (one, other), counts, strict=True)
    ]
    st.html(f'<div class="dedup-counts dedup-left">{"".join(told)}</div>')
    for start in range(0, len(found), A_ROW):
        for column, each in zip(st.columns(A_ROW), found[start : start + A_ROW], strict=False):
            with column.container(border=True, height="stretch", gap="xxsmall"):
                st.markdown(f"**{each.metric.title}**", help=each.metric.help)
                st.html(drawn(each, dark=dark))
                median = " against ".join(each.metric.text(value) for value in each.medians)
                st.caption(f"{each.apart:.0%} apart · median {median}")


def selections(opened: Opened) -> dict[str, Selection]:
    """What can be compared, by name."""
    dataset = opened.dataset
    found = {ALL: Selection()}
    found |= {f"Tagged {tag}": Selection(tags_any=(tag,)) for tag in dataset.tags}
    found |= {f"Split {split}": Selection(splits=(split,)) for split in choices(opened, "split")}
    found |= {f"View {name}": view.selection for name, view in views.saved(opened).items()}
    found |= {f"Class {name}": Selection(classes=(name,)) for name in choices(opened, "classes")}
    now = session.view().selection
    return found | ({NOW: now} if now else {})


def compared(opened: Opened, one: NDArray[np.bool_], other: NDArray[np.bool_]) -> list[Compared]:
    """The metrics of two selections, the most different first."""
    frame = opened.dataset.frame
    readable = (frame["status"] == Status.OK).to_numpy()
    found = []
    for metric in opened.metrics():
        values = metrics.values(frame, metric.name)
        parts = [values[mask & readable & np.isfinite(values)] for mask in (one, other)]
        if metric is not RANDOM and min(map(len, parts)) >= FEWEST:
            found.append(_compare(metric, parts[0], parts[1]))
    return sorted(found, key=lambda each: -each.apart)


def _compare(metric: Metric, one: NDArray[np.float64], other: NDArray[np.float64]) -> Compared:
    scale = scale_of(metric, np.concatenate([one, other]))
    edges = np.linspace(*scale.ends, BARS + 1)
    shares = np.array([np.histogram(scale.position(each), edges)[0] / len(each) for each in (one, other)])
    medians = float(np.median(one)), float(np.median(other))
    ends = metric.text(scale.low), metric.text(scale.high)
    return Compared(metric, apart(one, other), medians, np.sqrt(shares / shares.max()), ends)


def apart(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """The largest difference of the shares of values up to any value: the statistic of Kolmogorov and Smirnov, 0..1."""
    parts = [np.sort(each) for each in (one, other)]
    every = np.concatenate(parts)  # sorted values are looked up in a fraction of the time
    shares = [np.searchsorted(each, every, side="right") / len(each) for each in parts]
    return float(np.abs(shares[0] - shares[1]).max())


def drawn(each: Compared, *, dark: bool) -> str:
    """The first selection's bars upwards, the second's downwards, as HTML."""
    sides = zip((FIRST, SECOND), ("up", "down"), each.heights, strict=True)
    rows = [bar_row(heights, [palette.colour(meaning, dark=dark)] * BARS, side) for meaning, side, heights in sides]
    return picture(f"Distributions of {each.metric.title}", "".join(rows), each.ends)
