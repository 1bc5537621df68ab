"""Copies whose labels disagree: look at both, say which is correct, and exports follow."""

from __future__ import annotations

import streamlit as st

from dedup.ui import clashes, deciding
from dedup.ui.current import opened_dataset

opened = opened_dataset()
clashes.apply_events(opened)
with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
    st.title("Label clashes", width="content")
    if opened.dataset.clashes:
        clashes.summary(opened)
if opened.dataset.clashes:
    clashes.inbox(opened)
    clashes.consequences(opened)
else:
    clashes.explain_none(opened)
deciding.folder_classes(opened)
