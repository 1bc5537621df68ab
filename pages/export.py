"""Narrow the images down, see what is left, and take it out as a file or as a new dataset."""

from __future__ import annotations

import streamlit as st

from dedup.ui import exporting, filters, grid, quality
from dedup.ui.current import opened_dataset

opened = opened_dataset()
grid.apply_events(opened)
view = filters.understood(opened)
st.title("Filter & Export")
quality.preset_choice(opened, view, (quality.ALL, quality.ONE_OF_EACH, quality.REMAINING), counted=True)
filters.chips(view, all_ranges=True)
with st.container(border=True):
    filters.panel(opened, view)
    with st.expander("Range of a metric", icon=":material/tune:", key="range open"):
        quality.metric_choice(view)
        quality.choose_quality(opened, view)
exporting.counter(opened, view)
exporting.preview(opened, view)
st.subheader("Take them with you")
exporting.downloads(opened, view)
exporting.new_dataset(opened, view)
grid.compare(opened)
