"""Making splits that cannot leak: what is asked for, what would come out, and the step that sets it."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Hashable
from pathlib import Path

import streamlit as st

from dedup.errors import DedupError
from dedup.groups.runs import BURST_SECONDS
from dedup.model import REACHES, SPLITS, Reach
from dedup.splits import leaks, making
from dedup.splits.making import Asked, Made
from dedup.ui.shell import navigation
from dedup.ui.shell.current import decisions
from dedup.ui.shell.library import Opened
from dedup.ui.shell.literal import literal
from dedup.ui.shell.notices import errors_shown, guarded, overtaken, say
from dedup.words import plural

DEFAULT = {"train": 80, "val": 10, "test": 10}
"""Percent, as most papers and tools begin with."""
IN_SPLITS, IN_FOLDS = "Splits", "Folds"
FEWEST, MOST_FOLDS = 2, 20
AT_ONCE = 50_000
"""More images are divided when they are asked for: 100,000 take more than a second, a million fifteen."""
WANTED = "division asked for"


def sizes(opened: Opened) -> str:
    """How many images each split has now."""
    counts = opened.dataset.frame["split"].value_counts()
    told = [f"**{int(counts[name]):,}** {literal(name)}" for name in leaks.splits_of(opened.dataset.frame)]
    without = int(counts.get("", 0))
    return " · ".join([*told, *([f"**{without:,}** in none"] if without else [])])


def make(opened: Opened) -> None:
    """What is asked for on the left, what would come of it on the right."""
    left, right = st.columns([1, 1.4], gap="large")
    with left:
        asked, as_tags = _asked(opened)
    with right, errors_shown():
        if asked is not None and _is_due(opened, asked, as_tags=as_tags):
            with st.spinner("Dividing…"):
                made = _made(opened, asked, as_tags=as_tags)
            _offer(opened, asked, made, as_tags=as_tags)


def _asked(opened: Opened) -> tuple[Asked | None, bool]:
    """The form, and whether tags are to be set; None where the shares do not add up."""
    what = st.segmented_control("Divide into", [IN_SPLITS, IN_FOLDS], default=IN_SPLITS, required=True, key="parts")
    shares = _folds() if what == IN_FOLDS else _shares(opened)
    reach: Reach = st.radio(
        "Keep on one side",
        list(REACHES),
        index=list(REACHES).index("scene"),
        format_func=lambda each: REACHES[each][0].upper() + REACHES[each][1:],
        key="reach",
        help="Similar scenes are the same place, template or object at another moment. A burst is a run of pictures of "
        f"one folder within {BURST_SECONDS:g} seconds of each other.",
    )
    by_folder = st.checkbox(
        "And whole folders", key="by folder", help="Where a folder is a patient, a camera, a video."
    )
    keep = st.checkbox(
        "Leave images that have a split where they are",
        value=True,
        key="keep splits",
        help="New images join what is there; nothing that was trained on moves into the test set.",
    )
    stratify = st.checkbox("Classes in equal shares", value=True, key="stratify")
    seed = st.number_input("Seed", 0, 2**31 - 1, 0, key="seed", help="Another number, another division; else the same.")
    if shares is None:
        return None, False
    held = (making.by_folder(opened.dataset.frame),) if by_folder else ()
    try:
        return Asked(shares, int(seed), reach, held, keep=keep, stratify=stratify), what == IN_FOLDS
    except DedupError as error:
        st.error(literal(str(error)), icon=":material/error:")
        return None, False


def _shares(opened: Opened) -> dict[str, float] | None:
    """Percent of each split; None where they are not 100 together."""
    names = [*SPLITS, *(name for name in leaks.splits_of(opened.dataset.frame) if name not in SPLITS)]
    percent = {}
    for start in range(0, len(names), len(SPLITS)):
        row = names[start : start + len(SPLITS)]
        for column, name in zip(st.columns(len(SPLITS)), row, strict=False):
            percent[name] = column.number_input(
                f"{literal(name)} %", 0.0, 100.0, float(DEFAULT.get(name, 0)), 5.0, format="%g", key=f"share {name}"
            )
    total = sum(percent.values())
    if abs(total - 100) > 0.1:
        st.warning(f"The shares add up to {total:g} %. Make it 100.", icon=":material/warning:")
        return None
    return {name: value / total for name, value in percent.items() if value}


def _folds() -> dict[str, float]:
    count = st.number_input("How many", FEWEST, MOST_FOLDS, 5, key="folds")
    st.caption("Each becomes a tag; train on all but one, evaluate on that.")
    return making.folds(int(count))


def _is_due(opened: Opened, asked: Asked, *, as_tags: bool) -> bool:
    """Whether to divide the images now: many only once a person has asked for just that."""
    count, wanted = len(opened.dataset.frame), (opened.dataset.info.key, *_options(asked, as_tags=as_tags))
    if count <= AT_ONCE or st.session_state.get(WANTED) == wanted:
        return True
    st.caption("Nothing is set by that: first you see what would come out.")
    st.button(
        f"Divide {count:,} images",
        type="primary",
        icon=":material/call_split:",
        on_click=st.session_state.update,
        args=({WANTED: wanted},),
    )
    return False


def _options(asked: Asked, *, as_tags: bool) -> tuple[Hashable, ...]:
    options = bool(asked.by), asked.keep, asked.stratify, as_tags
    return tuple(asked.shares.items()), asked.seed, asked.together, *options


def _made(opened: Opened, asked: Asked, *, as_tags: bool) -> Made:
    """What would come out; remembered, for a hundred thousand images take some seconds."""

    def compute() -> Made:
        frame = opened.dataset.frame
        return making.make(making.split_by_tags(frame, asked.shares) if as_tags else frame, opened.dataset.pairs, asked)

    found: Made = opened.remembered(("made", *_options(asked, as_tags=as_tags)), compute, tags=as_tags)
    return found


def _offer(opened: Opened, asked: Asked, made: Made, *, as_tags: bool) -> None:
    name, split, apart = made.worst_class
    units = "Units" if made.divided else "Units, none divided"
    told = {
        units: (f"{made.units:,}", f"largest {plural(made.largest, 'image')}"),
        "Sizes off, points": (f"{100 * made.deviation:.1f}", "at most"),
        "Classes off, points": (f"{100 * apart:.1f}", literal(f"{name} in {split}")) if name else ("–", "no classes"),
    }
    for column, (title, (value, more)) in zip(st.columns(len(told)), told.items(), strict=True):
        column.metric(title, value, more, delta_color="off", delta_arrow="off", border=True, height="stretch")
    table = made.table().rename_axis("images of").reset_index()  # a name over every column, for screen readers
    st.dataframe(table, hide_index=True, width="stretch", height="content" if len(made.classes) < 12 else 430)
    if made.passed_over:
        st.caption(f"In no split, for they cannot be read: {plural(made.passed_over, 'file')}.")
    if empty := made.empty_told():
        st.warning(literal(empty), icon=":material/warning:")
    if made.new and (kept := made.kept_told()):  # where nobody moves, that is said below
        st.caption(kept)
    if divided := made.divided_told():
        st.warning(divided, icon=":material/warning:")
    if torn := made.torn_told():
        st.warning(literal(torn), icon=":material/warning:")
    noun = "tag" if as_tags else "split"
    with st.container(horizontal=True):
        st.button(
            f"Set the {noun} of {plural(len(made.new), 'image')}",
            type="primary",
            icon=":material/call_split:",
            disabled=not made.new,
            on_click=guarded(_follow),
            args=(opened, made, as_tags),
        )
        st.download_button(
            "Download path and split (CSV)",
            lambda: _csv(made),
            f"{opened.dataset.name} splits.csv",
            icon=":material/download:",
            on_click="ignore",
        )
    st.caption(
        "Set in this dataset only, in one step that Undo takes back; no file is moved. Filter & Export then writes a "
        "folder with its labels, one file for each split."
    )
    if not made.new and asked.keep and made.of:
        st.caption("Every image has its split already: to divide them anew, do not leave them where they are.")
    if not made.new and st.button("On to Filter & Export", icon=":material/ios_share:", type="tertiary"):
        st.switch_page(navigation.export())


def _follow(opened: Opened, made: Made, as_tags: bool) -> None:
    now = _made(opened, made.asked, as_tags=as_tags)
    if (now.of, now.new) != (made.of, made.new):
        overtaken("division")
        return
    making.follow(decisions(opened), made, tags=as_tags)
    say(f"{plural(len(made.new), 'image')}: {made.sentence()}.")


def _csv(made: Made) -> io.BytesIO:
    with tempfile.TemporaryDirectory(prefix="dedup-") as scratch:
        output = Path(scratch) / "splits.csv"
        making.write_csv(made, output)
        return io.BytesIO(output.read_bytes())
