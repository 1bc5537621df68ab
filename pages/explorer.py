"""Look at the images by a metric, choose a range of it, compare, tag."""

from __future__ import annotations

import streamlit as st

from dedup.ui.parts import filters, grid, metric, tagging
from dedup.ui.shell.current import opened_dataset

opened = opened_dataset()
grid.apply_events(opened)
view = filters.understood(opened)
with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
    st.title("Explorer", width="content")
    st.html(metric.counts_html(opened), width="content")
panel = metric.bar(opened, view)
page = grid.page_of(opened, view)
filters.chips(opened, view)
with st.container(horizontal=True, gap="medium", key="beside pictures"):
    with st.container(width="stretch"):
        grid.show(opened, view, page)
    if panel:
        with st.container(width=300, border=True, key="side panel"):
            if panel == "filters":
                filters.panel(opened, view, narrow=True)
            else:
                tagging.panel(opened, view, page)
grid.compare(opened)
