"""Look at the images by a metric, choose a range of it, compare, tag."""

from __future__ import annotations

import streamlit as st

from dedup.ui.parts import filters, grid, metric, tagging
from dedup.ui.shell.current import opened_dataset

opened = opened_dataset()
grid.apply_events(opened)
view = filters.understood(opened)
left, right = st.columns([1, 3], vertical_alignment="bottom")
left.title("Explorer")
right.html(metric.counts_html(opened))
metric.metric_row(view)
metric.distribution(opened, view)
metric.choose_quality(opened, view)
metric.presets(opened, view)
page = grid.page_of(opened, view)
filters.chips(view)
with st.expander("Filters", icon=":material/filter_alt:", key="filters open"):
    filters.panel(opened, view)
with st.expander("Bulk tagging", icon=":material/label:", key="bulk open"):
    tagging.panel(opened, view, page)
grid.controls(page, view, key="top")
grid.show(opened, view, page)
if page.of > 1:
    grid.controls(page, view, key="bottom")
grid.compare(opened)
