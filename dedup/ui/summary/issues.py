"""Kinds of issues: how many images have each, by a threshold that a person may move, and the way to them."""

from __future__ import annotations

from functools import partial

import streamlit as st

from dedup.dataset import ISSUE_THRESHOLD
from dedup.errors import UsageError
from dedup.query.issues import ISSUES, MOST, Issue
from dedup.query.selection import Selection
from dedup.store.decisions import SETTING
from dedup.ui.shell import session
from dedup.ui.shell.current import decisions
from dedup.ui.shell.library import Opened
from dedup.ui.summary.tiles import go, to_issue
from dedup.words import plural


def issues(opened: Opened) -> None:
    """A row a kind."""
    st.markdown("## Issues")
    st.caption(
        "By what the scan measured; nothing is read again. A threshold that is moved holds for this dataset, in "
        "reports and `dedup issues`, and is undone like any decision. A gate says its own: `--max-issue dark@0.2=0`."
    )
    frame = opened.dataset.frame
    with st.container(border=True, gap="xxsmall"):
        for kind, usual in zip(opened.dataset.issues, ISSUES, strict=True):
            where = opened.remembered(("issue", kind.name), partial(kind.where, frame))
            count = int(opened.mask(Selection(where=where)).sum())
            words, number, button = st.columns([5, 2, 2], vertical_alignment="center")
            says = f" · {kind.says}" if kind == usual else ""  # which is meant at the usual threshold
            words.markdown(f"**{kind.kind}**{says}  \n{_measured(kind)}")
            if kind.threshold is not None:
                with number:
                    _threshold(opened, kind, usual)
            with button:
                if st.button(
                    plural(count, "image"),
                    key=f"issue {kind.kind}",
                    type="tertiary",
                    icon=":material/arrow_forward:",
                    disabled=not count,
                ):
                    go(to_issue(kind, where))


def _measured(kind: Issue) -> str:
    return f":small[{kind.column.replace('_', ' ')} {kind.limits()}]" if kind.limits() else ""


def _threshold(opened: Opened, kind: Issue, usual: Issue) -> None:
    st.number_input(
        f"Threshold of {kind.kind}",
        min_value=0.0,
        max_value=MOST,
        step=_step(usual),
        format="%.4g",
        label_visibility="collapsed",
        help=f"Usually {usual.threshold:g}",
        **session.held(f"threshold {kind.kind}", kind.threshold, partial(_set, opened, usual)),
    )


def _step(usual: Issue) -> float:
    """A twentieth of the usual threshold and some more, in round numbers."""
    return float(f"{(usual.threshold or 1) / 10:.1g}")


def _set(opened: Opened, usual: Issue, value: float) -> None:
    """Signed by this tab, as all decisions are. Raises `UsageError` for what is no threshold."""
    if value is None:
        raise UsageError(f"{usual.kind}: give a number.")
    told = None if value == usual.threshold else repr(usual.at(float(value)).threshold)
    label = f"Set the threshold of {usual.kind} to {value:g}"
    decisions(opened).decide([(SETTING, ISSUE_THRESHOLD + usual.kind, "", told)], label)
