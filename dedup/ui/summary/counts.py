"""What the images are: formats, depths, splits, classes, and when they were taken."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dedup.model import Status
from dedup.ui.browser import palette
from dedup.ui.shell.library import Opened

MOST = 200
"""Rows of a table: of more classes the most frequent are shown."""
DEPTHS = {1: "gray", 3: "colour", 4: "colour, transparent or CMYK"}
TIMELINE = 180
"""Height of the line of capture times, in CSS pixels."""


def counts(opened: Opened) -> None:
    """Tables of what images are."""
    tables: dict[str, pd.DataFrame] = opened.remembered("what images are", lambda: tabulate(opened.dataset.frame))
    st.markdown("## What they are")
    columns = st.columns(3)
    for place, (title, table) in enumerate(tables.items()):
        if len(table):
            with columns[place % 3]:
                st.markdown(f"**{title}**")
                height = min(320, 38 + 35 * len(table))
                st.dataframe(table, width="stretch", height=height, hide_index=True)


def tabulate(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """A table by title: how many images are so, most frequent first; classes by split."""
    ok = frame[frame["status"] == Status.OK]
    depth = ok["bits"].astype(str) + " bits, " + ok["bands"].map(DEPTHS).fillna(ok["bands"].astype(str) + " bands")
    splits = frame["split"].replace("", "none")
    return {
        "Formats": _counted(ok["format"], "format"),
        "Depth": _counted(depth, "depth"),
        "Splits": _counted(splits, "split") if (frame["split"] != "").any() else pd.DataFrame(),
        "Classes by split": classes_by_split(frame),
    }


def _counted(column: pd.Series, name: str) -> pd.DataFrame:
    return column.value_counts().rename("images").rename_axis(name).reset_index()


def classes_by_split(frame: pd.DataFrame) -> pd.DataFrame:
    """Images of each class (rows, most frequent first) in each split (columns) and in all."""
    told = Counter(
        (name, split or "none") for names, split in zip(frame["classes"], frame["split"], strict=True) for name in names
    )
    if not told:
        return pd.DataFrame()
    table = pd.Series(told).unstack(fill_value=0).astype(int)
    table.insert(0, "all", table.sum(axis=1))
    table = table.sort_values("all", ascending=False, kind="stable").head(MOST)
    return table.rename_axis("class").reset_index()  # every column has a name, for who hears the table


def timeline(opened: Opened) -> None:
    """How many images were taken when, where their files say it."""
    dark = st.context.theme.type == "dark"
    figure = opened.kept(("timeline", dark), lambda: _timeline(opened.dataset.frame["captured_at"], dark=dark))
    if figure is not None:
        st.markdown("## When they were taken")
        st.plotly_chart(figure, key="timeline", config={"displayModeBar": False}, width="stretch")


def by_time(captured: pd.Series) -> pd.Series:
    """How many images each month has, or each day where all are of few months; empty where no file says it."""
    known = captured[captured != ""]
    months = known.str[:7]
    return (known.str[:10] if months.nunique() < FEW_MONTHS else months).value_counts().sort_index()


FEW_MONTHS = 4


def _timeline(captured: pd.Series, *, dark: bool) -> go.Figure | None:
    told = by_time(captured)
    if not len(told):
        return None
    missing = int((captured == "").sum())
    figure = go.Figure(
        go.Bar(
            x=told.index.tolist(),
            y=np.asarray(told),
            marker={"color": palette.colour("unique", dark=dark), "line": {"width": 0}},
            hovertemplate="%{x}<br><b>%{y:,}</b> images<extra></extra>",
        )
    )
    title = "Time of capture" + (f" · of {missing:,} images it is not known" if missing else "")
    figure.update_layout(
        height=TIMELINE,
        margin={"l": 44, "r": 10, "t": 10, "b": 44},
        xaxis={"title": {"text": title}, "type": "date", "fixedrange": True},
        yaxis={"title": {"text": "Images"}, "fixedrange": True, "rangemode": "tozero"},
        bargap=0.1,
    )
    return figure
