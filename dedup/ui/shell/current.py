"""The dataset that the page is about."""

from __future__ import annotations

import uuid

import streamlit as st

from dedup.errors import UnknownDataset
from dedup.store.decisions import Decisions
from dedup.ui.shell import session
from dedup.ui.shell.library import LIBRARY, Opened

WHO = "who"


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
        if LIBRARY.infos():
            st.warning("This link is to a dataset that is no longer in the list. Choose another one in the sidebar.")
        else:
            st.warning("This link is to a dataset that is no longer in the list. Open a folder of images first.")
        st.stop()
