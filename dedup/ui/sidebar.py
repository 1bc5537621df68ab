"""The sidebar: which dataset, its tags with live counts, and undo."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import streamlit as st

from dedup.dataset import Dataset, DatasetInfo
from dedup.model import Tag
from dedup.selection import Selection
from dedup.ui import jobs, palette, session
from dedup.ui.library import LIBRARY, Opened
from dedup.ui.notices import guarded, say

ACTIONS = {
    "only": ":material/filter_alt: Show only these",
    "edit": ":material/edit: Rename or recolour",
    "merge": ":material/merge: Merge into another tag",
    "delete": ":material/delete: Delete",
}


def draw() -> None:
    """The whole sidebar below the navigation."""
    running_jobs()
    infos = LIBRARY.infos()
    if not infos:
        return
    current = session.view().dataset
    if current not in {info.key for info in infos}:
        return
    dataset_choice(infos, current)
    opened = LIBRARY.open(current)
    tags(opened)
    undo(opened)


def dataset_choice(infos: list[DatasetInfo], current: str) -> None:
    """Which dataset is shown."""
    names = {info.key: info.name for info in infos}
    st.selectbox(
        "Dataset",
        list(names),
        format_func=lambda key: names.get(key, key),
        **session.held("dataset", current, lambda key: session.update(dataset=key, selection=Selection())),
    )


def tags(opened: Opened) -> None:
    """Every tag with its colour and count, and a menu of what can be done with it."""
    dataset = opened.dataset
    known = list(dataset.tags.values())
    title, new = st.columns([3, 1.6], vertical_alignment="center")
    title.markdown("##### Tags")
    with new.popover("New", icon=":material/add:", type="tertiary", key="new tag"):
        _new_tag(dataset, known)
    if not known:
        st.caption("Tags are your own words for images: keep, blurry, check. Create one, then give it to images.")
    with st.container(gap=None):
        for tag in known:
            _tag_row(dataset, tag)


def _new_tag(dataset: Dataset, known: list[Tag]) -> None:
    with st.form("new tag form", border=False, clear_on_submit=True):
        name = st.text_input("Name", placeholder="keep", key="new tag name")
        colour = st.color_picker("Colour", next_colour(known), key=f"new tag colour {len(known)}")
        if st.form_submit_button("Create", type="primary"):
            dataset.decisions.create_tag(name.strip(), colour)
            say(f"Tag {name.strip()} created.", icon=":material/label:")
            st.rerun()


def next_colour(known: list[Tag]) -> str:
    """The first colour that no tag has yet."""
    taken = {tag.colour for tag in known}
    free = [colour for colour in palette.TAG_COLOURS if colour not in taken]
    return free[0] if free else palette.TAG_COLOURS[len(known) % len(palette.TAG_COLOURS)]


def _tag_row(dataset: Dataset, tag: Tag) -> None:
    left, right = st.columns([5, 1], vertical_alignment="center", gap="xxsmall")
    left.html(tag_html(tag))
    choice = right.menu_button(
        ":material/more_vert:",
        list(ACTIONS),
        format_func=ACTIONS.__getitem__,
        key=f"tag menu {tag.name}",
        type="tertiary",
        help=f"What to do with {tag.name}",
    )
    if choice == "only":
        session.update(selection=Selection(tags_any=(tag.name,)))
        st.rerun()
    elif choice:
        _DIALOGS[choice](dataset, tag)


def tag_html(tag: Tag) -> str:
    """The colour, the name and the count of a tag on one line."""
    return (
        f'<div class="dedup-tag"><i style="background:{escape(tag.colour)}"></i>'
        f"<span>{escape(tag.name)}</span><b>{tag.count:,}</b></div>"
    )


@st.dialog("Rename or recolour")
def _edit(dataset: Dataset, tag: Tag) -> None:
    name = st.text_input("Name", tag.name).strip()
    colour = st.color_picker("Colour", tag.colour)
    if st.button("Save", type="primary", disabled=not name):
        if colour != tag.colour:
            dataset.decisions.recolour_tag(tag.name, colour)
        if name != tag.name:
            dataset.decisions.rename_tag(tag.name, name)
        st.rerun()


@st.dialog("Merge into another tag")
def _merge(dataset: Dataset, tag: Tag) -> None:
    others = [name for name in dataset.tags if name != tag.name]
    target = st.selectbox("Into", others, placeholder="There is no other tag yet")
    if target:
        st.markdown(f"The {tag.count:,} images of **{tag.name}** get **{target}**, and **{tag.name}** goes.")
    if st.button("Merge", type="primary", disabled=not target):
        dataset.decisions.merge_tags([tag.name], str(target))
        st.rerun()


@st.dialog("Delete this tag?")
def _delete(dataset: Dataset, tag: Tag) -> None:
    st.markdown(f"**{tag.name}** is taken from {tag.count:,} images. The images stay, and Undo brings the tag back.")
    if st.button("Delete the tag", type="primary"):
        dataset.decisions.delete_tag(tag.name)
        st.rerun()


_DIALOGS = {"edit": _edit, "merge": _merge, "delete": _delete}


def undo(opened: Opened) -> None:
    """Undo and Redo of every decision on this dataset, also after a restart."""
    left, right = st.columns(2)
    decisions = opened.dataset.decisions
    for column, verb, icon, step in (
        (left, "Undo", ":material/undo:", decisions.undo),
        (right, "Redo", ":material/redo:", decisions.redo),
    ):
        column.button(verb, icon=icon, width="stretch", on_click=guarded(_step), args=(verb, step))


def _step(verb: str, step: Callable[[], str | None]) -> None:
    label = step()
    say(f"{verb}: {label}" if label else f"There is nothing to {verb.lower()}.", icon=":material/history:")


def running_jobs() -> None:
    """The work under way, on every page; looks again on its own while there is some."""
    running = [job for job in jobs.REGISTRY.jobs() if job.running]
    if not running:
        return

    @st.fragment(run_every=1.0)
    def body() -> None:
        for job in running:
            progress = job.progress
            share = progress.done / progress.total if progress and progress.total else 0.0
            st.progress(min(1.0, share), text=job.title)
        if not all(job.running for job in running):
            st.rerun()

    body()
