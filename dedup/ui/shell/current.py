"""The dataset that the page is about."""

from __future__ import annotations

import uuid

import streamlit as st

from dedup.errors import UnknownDataset
from dedup.query.selection import Selection
from dedup.store.decisions import Decisions
from dedup.ui.shell import navigation, session
from dedup.ui.shell.library import LIBRARY, Opened
from dedup.ui.shell.literal import literal

WHO = "who"
OFFERED = 6
"""Other datasets that are offered where the one of a link is gone; the page of all is one click further."""


def decisions(opened: Opened) -> Decisions:
    """The decisions of the dataset, signed by this browser tab in the history."""
    who = st.session_state.setdefault(WHO, f"tab {uuid.uuid4().hex[:4]}")
    return Decisions(opened.dataset.decisions.path, who)


def opened_dataset() -> Opened:
    """The dataset of the view, the first of the list where the view names none.

    Ends the page where there is none, or where the view names one that is gone. Raises `DatasetError` when it cannot
    be read.
    """
    key = session.view().dataset
    if not key:
        infos = LIBRARY.infos()
        if not infos:
            st.info("There is no dataset yet. Open a folder of images first.", icon=":material/photo_library:")
            st.stop()
        key = infos[0].key
        session.update(dataset=key, page=session.view().page)
        session.synchronise()
    try:
        return LIBRARY.open(key)
    except UnknownDataset:
        _gone()
        st.stop()


def _gone() -> None:
    """What a page says of a dataset that is not in the list, and the ways on: what ends here draws no sidebar."""
    st.title("Gone")
    st.warning("This dataset is no longer in the list.", icon=":material/playlist_remove:")
    with st.container(horizontal=True):
        for info in LIBRARY.infos()[:OFFERED]:
            wanted = {"dataset": info.key, "selection": Selection()}
            st.button(literal(info.name), key=f"instead {info.key}", on_click=session.update, kwargs=wanted)
        if st.button("To the datasets", icon=":material/photo_library:", type="tertiary"):
            st.switch_page(navigation.datasets())
