"""Copies whose labels disagree: look at both, say which is correct, and exports follow."""

from __future__ import annotations

import streamlit as st

from dedup.ui import clashes, deciding
from dedup.ui.current import opened_dataset

opened = opened_dataset()
clashes.apply_events(opened)
left, right = st.columns([3, 2], vertical_alignment="bottom")
left.title("Label clashes")
if opened.dataset.clashes:
    with right.container(horizontal=True, horizontal_alignment="right"):
        clashes.summary(opened)
    clashes.inbox(opened)
    clashes.consequences(opened)
else:
    clashes.explain_none(opened)
deciding.folder_classes(opened)
