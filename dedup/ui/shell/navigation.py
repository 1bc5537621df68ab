"""The pages of the app and their places in the navigation."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from dedup.launch import front

PAGES = front() / "pages"
SCRIPT = Path(__file__).with_name("main.py")
"""What runs for every page: its frame, and then the page."""


def datasets() -> StreamlitPage:
    """Open a folder, follow its scan, find datasets again."""
    return st.Page(PAGES / "datasets.py", title="Datasets", icon=":material/photo_library:", default=True)


def explorer() -> StreamlitPage:
    """Look, compare, tag."""
    return st.Page(PAGES / "explorer.py", title="Explorer", icon=":material/bar_chart:", url_path="explorer")


def summary() -> StreamlitPage:
    """What is in the dataset, and what is wrong with it."""
    return st.Page(PAGES / "summary.py", title="Summary", icon=":material/dashboard:", url_path="summary")


def atlas() -> StreamlitPage:
    """Every image as a point, alike ones together."""
    return st.Page(PAGES / "map.py", title="Map", icon=":material/scatter_plot:", url_path="map")


def duplicates() -> StreamlitPage:
    """Decide on groups of copies, plan and carry out their removal."""
    return st.Page(PAGES / "duplicates.py", title="Duplicates", icon=":material/content_copy:", url_path="duplicates")


def leaks() -> StreamlitPage:
    """See copies that lie in several splits, and repair them."""
    return st.Page(PAGES / "leaks.py", title="Leaks", icon=":material/call_split:", url_path="leaks")


def clashes() -> StreamlitPage:
    """Decide on copies whose labels disagree."""
    return st.Page(PAGES / "clashes.py", title="Label clashes", icon=":material/label:", url_path="clashes")


def splits() -> StreamlitPage:
    """Make splits that cannot leak."""
    return st.Page(PAGES / "splits.py", title="Splits", icon=":material/pie_chart:", url_path="splits")


def export() -> StreamlitPage:
    """Narrow down and take out."""
    return st.Page(PAGES / "export.py", title="Filter & Export", icon=":material/ios_share:", url_path="export")


QUALITY = (summary, explorer, atlas, duplicates, leaks, clashes)
ACTIONS = (splits, export)


def pages() -> list[StreamlitPage]:
    """The pages about one dataset, in their order."""
    return [page() for page in (*QUALITY, *ACTIONS)]


def at(address: str) -> StreamlitPage:
    """The page of that address (`leaks`)."""
    return next(page for page in pages() if page.url_path == address)


def navigation() -> StreamlitPage:
    """Draw the navigation; returns the page to run."""
    quality, actions = ([page() for page in those] for those in (QUALITY, ACTIONS))
    return st.navigation({"": [datasets()], "Data Quality": quality, "Actions": actions})
