"""What the images are: formats, depths, splits, classes, and when they were taken."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dedup.labels.coco import Objects
from dedup.model import Status
from dedup.query.classes import counted
from dedup.query.issues import GRAY
from dedup.ui.browser import palette
from dedup.ui.parts.filters import choices
from dedup.ui.parts.metric import BY_NAME
from dedup.ui.shell.library import Opened
from dedup.words import plural

MOST = 200
"""Rows of a table: of more classes the most frequent are shown."""
MODES = {1: "gray", 2: "gray, transparent", 3: "colour", 4: "colour, transparent or CMYK"}
"""By the number of bands. Of four, some formats leave no choice."""
OF_FOUR = {"JPEG": "CMYK"} | dict.fromkeys(("PNG", "WEBP", "GIF", "BMP", "AVIF", "HEIF"), "colour, transparent")
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
    ok = frame.loc[frame["status"] == Status.OK, ["format", "bits", "bands", "saturation"]]
    kinds = ok[["format", "bits", "bands"]].assign(coloured=ok["saturation"] > GRAY).value_counts()
    depth = kinds.groupby(lambda kind: _depth(*kind)).sum().sort_values(ascending=False, kind="stable")
    splits = frame["split"].replace("", "none")
    return {
        "Formats": _counted(ok["format"], "format"),
        "Depth": pd.DataFrame({"depth": depth.index, "images": depth.to_numpy()}),
        "Splits": _counted(splits, "split") if (frame["split"] != "").any() else pd.DataFrame(),
        "Classes by split": classes_by_split(frame) if (frame["split"] != "").any() else pd.DataFrame(),
    }


def _depth(kind: str, bits: int, bands: int, coloured: bool) -> str:
    mode = OF_FOUR.get(kind, MODES[4]) if bands == 4 else MODES.get(bands, plural(bands, "band"))
    return f"{plural(bits, 'bit')}, {'colours of a palette' if bands == 1 and coloured else mode}"


def _counted(column: pd.Series, name: str) -> pd.DataFrame:
    return column.value_counts().rename("images").rename_axis(name).reset_index()


def classes_by_split(frame: pd.DataFrame) -> pd.DataFrame:
    """Images of each class (rows, most frequent first) in each split (columns) and in all."""
    told = counted(frame["classes"].tolist(), frame["split"].replace("", "none").tolist())
    if not told:
        return pd.DataFrame()
    table = pd.Series(told).unstack(fill_value=0).astype(int)
    for split in sorted(set(frame["split"].replace("", "none")) - set(table.columns)):
        table[split] = 0  # what has none of any class is what one looks for
    table.insert(0, "all", table.sum(axis=1))
    table = table.sort_values("all", ascending=False, kind="stable").head(MOST)
    return table.rename_axis("class").reset_index()  # every column has a name, for who hears the table


def classes(opened: Opened) -> None:
    """What there is of each class, and how its images differ from the others' in a metric to choose."""
    frame = opened.dataset.frame
    if not choices(opened, "classes"):
        return
    st.markdown("## Classes")
    objects, numbers = st.columns([3, 2])
    with objects:
        told: pd.DataFrame = opened.remembered("objects by class", lambda: by_class(frame, opened.dataset.objects))
        st.dataframe(told, width="stretch", height=min(MOST_HIGH, 38 + 35 * len(told)), hide_index=True)
        if "small" in told:
            st.caption("Small: boxes below 32 × 32 pixels; large: from 96 × 96 on, as COCO counts them.")
    with numbers:
        metrics = [metric.name for metric in opened.metrics()]
        usual = metrics.index("brightness")
        name = st.selectbox(
            "Metric of their images", metrics, usual, format_func=lambda name: BY_NAME[name].title, key="class metric"
        )
        spread: pd.DataFrame = opened.remembered(("metric by class", name), lambda: metric_by_class(frame, name))
        text = BY_NAME[name].text
        shown = spread.assign(**{column: spread[column].map(text) for column in QUARTILES.values()})
        st.dataframe(shown, width="stretch", height=min(MOST_HIGH, 38 + 35 * len(shown)), hide_index=True)


MOST_HIGH = 320
QUARTILES = {0.25: "a quarter below", 0.5: "median", 0.75: "a quarter above"}


def by_class(frame: pd.DataFrame, objects: Mapping[str, Objects]) -> pd.DataFrame:
    """Images and objects of each class, and how many of these are small, medium and large; most images first."""
    images = frame["classes"].explode().dropna().value_counts().head(MOST)
    table = images.rename("images").rename_axis("class").reset_index()
    if objects:
        held = [objects.get(name, Objects()) for name in table["class"]]
        table = table.assign(objects=[each.count for each in held], small=[each.small for each in held],
                             medium=[each.medium for each in held], large=[each.large for each in held])  # fmt: skip
    return table


def metric_by_class(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """The quartiles of a metric among the readable images of each class, the highest median first."""
    known = frame.loc[frame["status"] == Status.OK, ["classes", name]].explode("classes").dropna()
    common = known["classes"].value_counts().index[:MOST]
    grouped = known[known["classes"].isin(common)].groupby("classes")[name]
    told = grouped.quantile(np.array(list(QUARTILES))).unstack().rename(columns=QUARTILES)
    return told.sort_values("median", ascending=False, kind="stable").rename_axis("class").reset_index()


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
    title = "Time of capture" + (f" · of {plural(missing, 'image')} it is not known" if missing else "")
    figure.update_layout(
        height=TIMELINE,
        margin={"l": 44, "r": 10, "t": 10, "b": 44},
        xaxis={"title": {"text": title}, "type": "date", "fixedrange": True},
        yaxis={"title": {"text": "Images"}, "fixedrange": True, "rangemode": "tozero"},
        bargap=0.1,
    )
    return figure
