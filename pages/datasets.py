"""Open a folder of images, follow its scan, and find the datasets again."""

from __future__ import annotations

import streamlit as st

from dedup import plugins
from dedup.ui.datasets import cards, opening
from dedup.ui.shell.heading import heading
from dedup.ui.shell.library import LIBRARY
from dedup.ui.shell.literal import literal

infos = LIBRARY.infos()
if infos:
    with heading("Datasets"):
        pass
else:
    opening.welcome()
for problem in plugins.problems():
    st.warning(literal(problem), icon=":material/extension_off:")
left, right = st.columns([3, 2], gap="medium")
with left, st.container(border=True, height="stretch"):
    opening.open_folder(infos)
with right, st.container(border=True, height="stretch"):
    opening.try_sample()
with st.container():
    cards.work_under_way()
with st.container():
    cards.cards(infos)
