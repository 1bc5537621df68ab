"""Narrow the images down, see what is left, and take it out as a file or as a new dataset."""

from __future__ import annotations

import streamlit as st

from dedup.ui.export import downloads
from dedup.ui.parts import filters, grid, metric
from dedup.ui.shell.current import opened_dataset
from dedup.ui.shell.heading import heading

opened = opened_dataset()
grid.apply_events(opened)
downloads.start_from_fresh_tag(opened)
view = filters.understood(opened)
with heading("Filter & Export"):
    metric.holds(opened, view)
metric.preset_choice(opened, view, (metric.ALL, metric.ONE_OF_EACH, metric.REMAINING))
downloads.offer_way_back(opened)
filters.chips(opened, view, all_ranges=True)
with st.container(horizontal=True, gap="medium", key="export row"):
    with st.container(width=290, border=True, key="filter panel"):
        filters.panel(opened, view)
        with st.expander("Range of a metric", icon=":material/tune:", key="range open"):
            metric.metric_choice(opened, view)
            metric.choose_quality(opened, view)
    with st.container(width="stretch", key="taking out"):
        downloads.counter(opened, view)
        st.header("Take them with you")
        downloads.downloads(opened, view)
        downloads.preview(opened, view)
        downloads.new_dataset(opened, view)
        downloads.report(opened)
grid.compare(opened)
