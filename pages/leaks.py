"""Copies of one picture in several splits: see them, and move whole groups into one split."""

from __future__ import annotations

import streamlit as st

from dedup.ui import grid, leaks, repairing, session, splitting
from dedup.ui.current import opened_dataset

opened = opened_dataset()
leaks.apply_events(opened)
st.title("Leaks")
if leaks.has_splits(opened):
    leaks.summary(opened)
    leaks.matrix(opened)
    leaks.groups(opened, session.view())
    repairing.repair(opened)
    repairing.take_out(opened)
else:
    leaks.explain_none()
splitting.set_splits(opened, session.view())
grid.compare(opened)
