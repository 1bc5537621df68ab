"""The script behind every page: its frame, the navigation, the sidebar."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dedup.scanning.warmup import warm_up_elsewhere
from dedup.ui.shell import navigation, notices, session, sidebar

HERE = Path(__file__).parent

st.set_page_config(page_title="dedup", page_icon=str(HERE / "icon.svg"), layout="wide")
st.html(HERE / "style.css")
st.logo(str(HERE / "logo.svg"), icon_image=str(HERE / "icon.svg"), size="large")
warm_up_elsewhere()  # once per server, so that a first scan need not wait for the compiler
page = navigation.navigation()
session.synchronise()
session.be_at(page.title)
notices.show()
with notices.errors_shown():
    page.run()
with st.sidebar, notices.errors_shown():
    sidebar.draw()
