"""Copies whose labels disagree: look at both, say which is correct, and exports follow."""

from __future__ import annotations

from dedup.ui.clashes import folder_names, inbox
from dedup.ui.shell.current import opened_dataset
from dedup.ui.shell.heading import heading

opened = opened_dataset()
inbox.apply_events(opened)
with heading("Label clashes"):
    if opened.dataset.clashes:
        inbox.summary(opened)
folder_names.ask(opened)
if opened.dataset.clashes:
    inbox.inbox(opened)
    inbox.consequences(opened)
else:
    inbox.explain_none(opened)
folder_names.switch(opened)
