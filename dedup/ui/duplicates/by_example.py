"""The threshold by example: pairs to be called copies or not, one after the other, and what follows from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from dedup.matching.relations import told_and_back
from dedup.review import examples
from dedup.store.decisions import EXAMPLE, VERDICT
from dedup.ui.browser import gallery
from dedup.ui.browser.sides import finite, records, sides
from dedup.ui.parts.metric import set_threshold
from dedup.ui.shell.current import decisions
from dedup.ui.shell.library import Opened
from dedup.ui.shell.notices import say
from dedup.words import plural

ASKING, SKIPPED = "asking for examples", "examples skipped"
ACTIONS: list[gallery.Action] = [
    {"name": "copy", "label": "A copy", "key": "y"},
    {"name": "different", "label": "Not a copy", "key": "n"},
    {"name": "skip", "label": "Skip", "key": "k"},
]


def apply_events(opened: Opened) -> None:
    """Carry out what was answered, before anything is drawn."""
    gallery.carry_out(key_of(opened), partial(_apply, opened))


def key_of(opened: Opened) -> str:
    """The component's key: one per dataset."""
    return f"examples {opened.dataset.info.key}"


def _apply(opened: Opened, event: gallery.Event) -> Callable[[], None] | None:
    if event["type"] == "close":
        return partial(st.session_state.__setitem__, ASKING, False)
    if event["type"] != "action" or len(event["ids"]) < 2:
        return None
    frame = opened.dataset.frame
    try:
        rows = [opened.dataset.row(each) for each in event["ids"][:2]]
    except KeyError:
        return partial(say, "This pair is gone: its images have changed.", icon=":material/info:")
    pair = frozenset(frame["sha256"].iloc[rows])
    if event["action"] == "skip":
        return partial(_skip, pair)
    copy = event["action"] == examples.COPY
    names = " and ".join(frame["name"].iloc[rows])
    decisions(opened).decide([examples.change(pair, copy=copy)], f"{names}: {'a copy' if copy else 'not a copy'}")
    return None


def _skip(pair: examples.Pair) -> None:
    st.session_state.setdefault(SKIPPED, set()).add(pair)


def panel(opened: Opened) -> None:
    """What is asked, how far it is, and the threshold that follows."""
    st.markdown("## The threshold by example")
    table, contents = _judged(opened)
    if len(table) < examples.FEWEST:
        st.info(
            "There are too few pairs near the threshold to ask about: set it by hand, in the Explorer.",
            icon=":material/info:",
        )
        return
    said, threshold = _said(opened), opened.dataset.near_threshold
    asked = opened.remembered(("questions", threshold), lambda: examples.questions(table, threshold))
    left = [place for place in asked if contents[place] not in said]
    st.markdown(
        "What is a copy for you? Some pairs near the threshold are shown; say of each whether one of the two could go. "
        f"From {examples.FEWEST} answers on a threshold is suggested, with what it is expected to get wrong. Answers "
        "are kept like any decision; they change no group."
    )
    if not (table["distance"] > threshold).any():
        st.caption(
            "No pair lies beyond the threshold: those that are alike and no copies were told apart by other things "
            "than their distance, which no threshold changes. It can only be made stricter."
        )
    count, done = sum(pair in said for pair in contents), len(asked) - len(left)
    st.progress(done / len(asked), text=f"**{done}** of {len(asked)} pairs answered")
    if st.button("Go on" if count else "Start", type="primary", disabled=not left, icon=":material/play_arrow:"):
        st.session_state[ASKING], st.session_state[SKIPPED] = True, set()
        st.rerun()
    _suggestion(opened, examples.suggest(table, [said.get(pair) for pair in contents], threshold), count)
    _ask(opened, table, left, contents)


def _judged(opened: Opened) -> tuple[pd.DataFrame, list[examples.Pair]]:
    def compute() -> tuple[pd.DataFrame, list[examples.Pair]]:
        dataset = opened.dataset
        table = examples.judged(dataset.pairs)
        return table, examples.contents(dataset.frame, table)

    found: tuple[pd.DataFrame, list[examples.Pair]] = opened.remembered("judged", compute)
    return found


def _said(opened: Opened) -> Mapping[examples.Pair, bool]:
    values = opened.dataset.decisions.values
    return examples.answers({kind: values(kind) for kind in (VERDICT, EXAMPLE)})


def _suggestion(opened: Opened, found: examples.Suggestion | None, count: int) -> None:
    if found is None:
        more = max(0, examples.FEWEST - count)
        missing = f"{plural(more, 'more answer')}" if more else "answers of both kinds"
        st.caption(f"For a suggestion there must be {missing}.")
        return
    now, best = found.now, found.best
    st.markdown(f"By **{plural(found.answers, 'answer')}**, of all pairs in this dataset:")
    st.dataframe(
        pd.DataFrame(
            {
                "threshold": [f"{now.threshold:g} (now)", f"{best.threshold:g} (suggested)"],
                "wrongly called copies": [f"{each.wrong:.1f}" for each in (now, best)],
                "copies missed": [f"{each.missed:.1f}" for each in (now, best)],
            }
        ),
        hide_index=True,
        width="content",
    )
    st.caption(
        f"Expected numbers. A wrong copy counts as {examples.WRONG} missed ones. Nothing is suggested beyond the pairs "
        "that were answered: set it, and others are asked about."
    )
    st.button(
        f"Set the threshold to {best.threshold:g}",
        disabled=best.threshold == now.threshold,
        on_click=_set,
        args=(opened, best.threshold),
        type="primary",
    )


def _set(opened: Opened, threshold: float) -> None:
    set_threshold(opened, threshold)
    say(f"The near-duplicate threshold is {threshold:g} now. Undo is in the sidebar.")


def _ask(opened: Opened, table: pd.DataFrame, left: list[int], contents: list[examples.Pair]) -> None:
    skipped = st.session_state.get(SKIPPED, set())
    open_ = [place for place in left if contents[place] not in skipped]
    if not st.session_state.get(ASKING):
        return
    if not open_:
        st.session_state[ASKING] = False
        say("That was the last pair.", icon=":material/check:")
        return
    pair = records(table, open_[:1])[0]
    one, other = sides(opened.dataset, [int(pair["left"]), int(pair["right"])])
    told, back = told_and_back(pair, int(pair["left"]))
    candidate: Any = {**other, "relation": told.sentence(), "affine": finite(back.affine()), "note": ""}
    coming = [row for after in records(table, open_[1:2]) for row in (int(after["left"]), int(after["right"]))]
    preload = [side["full"] for side in sides(opened.dataset, coming)]
    gallery.compare(one, [candidate], key=key_of(opened), actions=ACTIONS, preload=preload)
