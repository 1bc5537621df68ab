"""Decide on groups of copies, one after the other or by rule; then plan the removal and carry it out."""

from __future__ import annotations

import streamlit as st

from dedup.ui.clashes import folder_names
from dedup.ui.duplicates import bulk, by_example, history, plan, review
from dedup.ui.parts import filters
from dedup.ui.shell.current import opened_dataset
from dedup.ui.shell.heading import heading

opened = opened_dataset()
review.apply_events(opened)
by_example.apply_events(opened)
drawn = opened.dataset.revision
view = filters.understood(opened)
with heading("Duplicates"), st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
    review.summary(opened)
    if view.panel == "review":
        bulk.accept_exact(opened)
with st.container(horizontal=True, vertical_alignment="center", gap="small", key="review row"):
    review.panels(view)
    if view.panel == "review":
        review.controls(opened, view)
        with st.popover("Filters", icon=":material/filter_alt:", key="review filters", width="content"):
            filters.panel(opened, view)
folder_names.ask(opened)
if view.panel == "rules":
    bulk.rules_for_all(opened)
    bulk.keeper_rules(opened)
    bulk.folders(opened)
elif view.panel == "examples":
    by_example.panel(opened)
elif view.panel == "plan":
    plan.panel(opened)
elif view.panel == "history":
    history.panel(opened)
    history.exchange(opened)
else:
    filters.chips(opened, view, all_ranges=True)
    sheet = review.sheet_of(opened, view)
    review.show(opened, view, sheet)
    review.pager(sheet, key="bottom")
review.watch(opened, drawn)
