"""Look at the images by a metric, choose a range of it, compare, tag."""

from __future__ import annotations

import streamlit as st

from dedup.ui.parts import filters, grid, metric, tagging
from dedup.ui.shell.current import opened_dataset
from dedup.ui.shell.heading import heading

opened = opened_dataset()
grid.apply_events(opened)
view = filters.understood(opened)
with heading("Explorer"):
    counts = st.container(width="content")
bar = metric.bar(opened, view)
filters.chips(opened, view)
with st.container(horizontal=True, gap="medium", key="beside pictures"):
    with st.container(width="stretch"):
        choice = grid.Choice(lambda: metric.counts(opened, counts), everywhere=bar.panel == "tagging")
        grid.pages(opened, view, choice)
    if bar.panel:
        with st.container(width=300, border=True, gap="xsmall", key="side panel"):
            if bar.panel == "filters":
                filters.panel(opened, view)
            else:
                tagging.panel(opened, view, grid.page_of(opened, view))
if bar.chart:
    metric.chart(opened, view, bar.chart)
grid.compare(opened)
