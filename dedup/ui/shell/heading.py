"""The first line of every page: its title, and what is told beside it. One place, so that titles do not jump."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st


@contextmanager
def heading(title: str) -> Iterator[None]:
    """The title on the left; what is drawn within stands on the right, or below it where the window is narrow."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key="heading"):
        st.title(title, width="content")
        yield
