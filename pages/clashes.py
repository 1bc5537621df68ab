"""Copies whose labels disagree: look at both, say which is correct, and exports follow."""

from __future__ import annotations

import streamlit as st

from dedup.ui.clashes import folder_names, inbox
from dedup.ui.shell.current import opened_dataset

opened = opened_dataset()
inbox.apply_events(opened)
with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
    st.title("Label clashes", width="content")
    if opened.dataset.clashes:
        inbox.summary(opened)
folder_names.ask(opened)
if opened.dataset.clashes:
    inbox.inbox(opened)
    inbox.consequences(opened)
else:
    inbox.explain_none(opened)
folder_names.switch(opened)
