"""Whether the names of folders are labels: asked where the folders alone do not tell, and switched."""

from __future__ import annotations

from functools import partial

import streamlit as st

from dedup.review import acts
from dedup.ui.shell import session
from dedup.ui.shell.current import decisions
from dedup.ui.shell.library import Opened
from dedup.ui.shell.notices import guarded
from dedup.words import plural


def ask(opened: Opened) -> None:
    """The question, where copies lie in folders of several names and nobody answered it yet."""
    dataset = opened.dataset
    if not opened.remembered("asks about folders", lambda: dataset.asks_about_folders):
        return
    seen = dataset.folder_layout
    meanwhile = "until then their labels clash and they are held back" if seen.classes else "they are not taken so"
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(
            ":material/help: **Do the names of the folders say what the images show?** "
            f"{seen.across:,} of {plural(seen.named, 'image')} have a copy in a folder of another name; {meanwhile}.",
            width="stretch",
        )
        with st.container(horizontal=True, width="content"):  # side by side, however long the question is
            st.button("They are labels", on_click=guarded(partial(answer, opened, True)))
            st.button("Just folders", type="primary", on_click=guarded(partial(answer, opened, False)))


def switch(opened: Opened) -> None:
    """The answer, or what the folders look like, to be changed; where there are such folders."""
    dataset = opened.dataset
    if not opened.remembered("named folders", lambda: dataset.folder_layout.named):
        return
    st.toggle(
        "The names of folders are class labels",
        help="While they are, copies in differently named folders clash: no rule decides about them, for the choice "
        "of the copy is a choice of the label. Switch it off for photographs in folders of any names.",
        **session.held("folders are classes", dataset.folders_are_classes, partial(answer, opened)),
    )


def answer(opened: Opened, are_classes: bool) -> None:
    """Write down what a person says, as one undoable step."""
    step = acts.folder_classes_step(are_classes)
    decisions(opened).decide(step.changes, step.label)
