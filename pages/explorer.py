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
    st.html(metric.counts_html(opened), width="content")
bar = metric.bar(opened, view)
page = grid.page_of(opened, view)
filters.chips(opened, view)
with st.container(horizontal=True, gap="medium", key="beside pictures"):
    with st.container(width="stretch"):
        grid.show(opened, view, page)
    if bar.panel:
        with st.container(width=300, border=True, key="side panel"):
            if bar.panel == "filters":
                filters.panel(opened, view)
            else:
                tagging.panel(opened, view, page)
if bar.chart:
    metric.chart(opened, view, bar.chart)
grid.compare(opened)
