"""The history of decisions, and verdicts as a file for another machine or a colleague."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import streamlit as st

from dedup.review import verdicts
from dedup.store.decisions import Operation
from dedup.ui.shell.current import decisions
from dedup.ui.shell.library import Opened
from dedup.ui.shell.literal import literal
from dedup.ui.shell.notices import guarded, say
from dedup.words import plural

SHOWN = 300
UPLOAD = "verdicts file"


def panel(opened: Opened) -> None:
    """The latest operations: when, who, what, and whether they stand."""
    st.markdown("## History")
    mine = decisions(opened)
    st.caption(
        f"Newest first. What is decided in this browser tab stands here as **{literal(mine.session)}**. "
        "Undo and Redo are in the sidebar."
    )
    operations = mine.history(SHOWN)
    if not operations:
        st.info("Nothing was decided yet.", icon=":material/info:")
        return
    st.dataframe(table(operations), hide_index=True, width="stretch", height="auto")


def table(operations: list[Operation]) -> pd.DataFrame:
    """Operations as a table, in local time."""
    return pd.DataFrame(
        {
            "When": [datetime.fromisoformat(each.at).astimezone().strftime("%Y-%m-%d %H:%M:%S") for each in operations],
            "Who": [each.session for each in operations],
            "What": [each.label for each in operations],
            "Changes": [each.changes for each in operations],
            "State": [each.state for each in operations],
        }
    )


def exchange(opened: Opened) -> None:
    """Verdicts out as a file and in again."""
    st.markdown("## Take what you decided to another machine")
    st.caption(
        "A verdict says of two images “not a duplicate”, “looked at”, or which goes for which. The file names images "
        "by their content: wherever the same pictures lie, in whatever folders, nobody has to decide again."
    )
    mine = decisions(opened)
    known = len(verdicts.of(mine))
    left, right = st.columns(2)
    left.download_button(
        f"Download {plural(known, 'verdict')}",
        lambda: verdicts.to_bytes(verdicts.of(mine)),
        f"{opened.dataset.name} verdicts.json",
        "application/json",
        icon=":material/download:",
        disabled=not known,
        on_click="ignore",
    )
    right.file_uploader(
        "Add verdicts from a file",
        "json",
        key=UPLOAD,
        on_change=guarded(_add),
        args=(opened,),
        max_upload_size=100,
    )


def _add(opened: Opened) -> None:
    uploaded = st.session_state[UPLOAD]
    if uploaded is not None:
        found = verdicts.from_bytes(uploaded.getvalue(), uploaded.name)
        added = verdicts.merge(decisions(opened), opened.dataset.frame, found)
        say(f"{plural(added, 'verdict')} added.")
