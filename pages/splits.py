"""Divide the images into splits that cannot leak into each other."""

from __future__ import annotations

import streamlit as st

from dedup.ui.partition import making
from dedup.ui.shell.current import opened_dataset
from dedup.ui.shell.heading import heading

opened = opened_dataset()
with heading("Splits"):
    st.markdown(making.sizes(opened), width="content")
making.make(opened)
