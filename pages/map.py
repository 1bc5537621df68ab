"""Every image as a point, alike ones together: draw around a part to look at it, and tag it."""

from __future__ import annotations

import streamlit as st

from dedup.ui.map import atlas, making
from dedup.ui.parts import filters, grid, metric, tagging
from dedup.ui.shell.current import opened_dataset
from dedup.ui.shell.heading import heading

opened = opened_dataset()
grid.apply_events(opened)
atlas.apply_events(opened)
view = filters.understood(opened)
with heading("Map"):
    if making.exists(opened):
        with st.container(horizontal=True, vertical_alignment="center", width="content", key="map bar"):
            metric.holds(opened, view)
            with st.container(width=230):
                colour = atlas.colour_choice(opened)
job = making.under_way(opened)
if job is not None:
    making.follow(job)
if making.exists(opened):
    atlas.atlas(opened, view.selection, colour)
    making.state(opened)
    filters.chips(opened, view, all_ranges=True)
    with st.container(horizontal=True, gap="medium", key="beside pictures"):
        with st.container(width="stretch"):
            grid.pages(opened, view, grid.Choice(lambda: None, everywhere=True))
        with st.container(width=300, border=True, gap="xsmall", key="side panel"):
            tagging.panel(opened, view, grid.page_of(opened, view))
    grid.compare(opened)
elif job is None or not job.running:
    making.invitation(opened)
