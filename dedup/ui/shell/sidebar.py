"""The sidebar: which dataset, its tags with live counts, and undo."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import streamlit as st

from dedup.model import Tag, next_colour
from dedup.query.selection import Selection
from dedup.store.decisions import Decisions
from dedup.store.home import DatasetInfo
from dedup.ui.shell import jobs, session, views, working
from dedup.ui.shell.current import decisions
from dedup.ui.shell.library import LIBRARY, Opened
from dedup.ui.shell.literal import literal
from dedup.ui.shell.notices import errors_shown, guarded, say
from dedup.words import plural

NEW_TAG, NEW_TAG_NAME = "new tag", "new tag name"
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
    outdated(opened)
    tags(opened)
    views.draw(opened)
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


def outdated(opened: Opened) -> None:
    """What to do where another version of dedup found the pairs."""
    if not opened.dataset.outdated:
        return
    st.warning(literal(opened.dataset.outdated), icon=":material/update:")
    info = opened.dataset.info
    st.button("Scan again", icon=":material/refresh:", on_click=guarded(jobs.start_scan), args=(info.source, info.name))


def tags(opened: Opened) -> None:
    """Every tag with its colour and count, and a menu of what can be done with it."""
    mine = decisions(opened)
    known = list(opened.dataset.tags.values())
    title, new = st.columns([3, 1.6], vertical_alignment="center")
    title.markdown("## Tags")
    with new.popover("New", icon=":material/add:", type="tertiary", key=NEW_TAG, on_change="rerun"):
        _new_tag(mine, known)
    if not known:
        st.caption("Tags are your own words for images: keep, blurry, check. Create one, then give it to images.")
    with st.container(gap=None):
        for tag in known:
            _tag_row(mine, tag)


def _new_tag(mine: Decisions, known: list[Tag]) -> None:
    colour = f"new tag colour {len(known)}"

    def create() -> None:
        name = st.session_state[NEW_TAG_NAME].strip()
        mine.create_tag(name, st.session_state[colour])
        st.session_state[NEW_TAG] = False
        say(f"Tag {name} created.", icon=":material/label:")

    with st.form("new tag form", border=False, clear_on_submit=True):
        st.text_input("Name", placeholder="keep", key=NEW_TAG_NAME)
        st.color_picker("Colour", next_colour([tag.colour for tag in known]), key=colour)
        st.form_submit_button("Create", type="primary", on_click=guarded(create))


def _tag_row(mine: Decisions, tag: Tag) -> None:
    left, right = st.columns([5, 1], vertical_alignment="center", gap="xxsmall")
    left.html(tag_html(tag))
    choice = right.menu_button(
        f"What to do with {literal(tag.name)}",
        list(ACTIONS),
        format_func=ACTIONS.__getitem__,
        key=f"menu of tag {tag.name}",
        type="tertiary",
        icon=":material/more_vert:",
    )
    if choice == "only":
        session.update(selection=Selection(tags_any=(tag.name,)))
        st.rerun()
    elif choice:
        _DIALOGS[choice](mine, tag)


def tag_html(tag: Tag) -> str:
    """The colour, the name and the count of a tag on one line."""
    return (
        f'<div class="dedup-tag"><i style="background:{escape(tag.colour)}"></i>'
        f"<span>{escape(tag.name)}</span><b>{tag.count:,}</b></div>"
    )


@st.dialog("Rename or recolour")
def _edit(mine: Decisions, tag: Tag) -> None:
    name = st.text_input("Name", tag.name).strip()
    colour = st.color_picker("Colour", tag.colour)
    with errors_shown():
        if st.button("Save", type="primary", disabled=not name):
            if name != tag.name:
                mine.rename_tag(tag.name, name)
                session.renamed(tag.name, name)
            if colour != tag.colour:
                mine.recolour_tag(name, colour)
            st.rerun()


@st.dialog("Merge into another tag")
def _merge(mine: Decisions, tag: Tag) -> None:
    others = [name for name in mine.tags() if name != tag.name]
    target = st.selectbox("Into", others, placeholder="There is no other tag yet")
    if target:
        name = literal(tag.name)
        st.markdown(
            f"What has **{name}** ({plural(tag.count, 'image')}) gets **{literal(target)}**, and **{name}** goes."
        )
    with errors_shown():
        if st.button("Merge", type="primary", disabled=not target):
            mine.merge_tags([tag.name], str(target))
            session.renamed(tag.name, str(target))
            st.rerun()


@st.dialog("Delete this tag?")
def _delete(mine: Decisions, tag: Tag) -> None:
    st.markdown(
        f"**{literal(tag.name)}** is taken from {plural(tag.count, 'image')}. "
        "The images stay, and Undo brings the tag back."
    )
    with errors_shown():
        if st.button("Delete the tag", type="primary"):
            mine.delete_tag(tag.name)
            st.rerun()


_DIALOGS = {"edit": _edit, "merge": _merge, "delete": _delete}


def undo(opened: Opened) -> None:
    """Undo and Redo of every decision on this dataset, also after a restart."""
    left, right = st.columns(2)
    mine = decisions(opened)
    back, again = mine.next_steps()
    for column, verb, icon, step, label in (
        (left, "Undo", ":material/undo:", mine.undo, back),
        (right, "Redo", ":material/redo:", mine.redo, again),
    ):
        column.button(
            verb,
            icon=icon,
            width="stretch",
            disabled=label is None,
            help=label and f"{verb}: {literal(label)}",
            on_click=guarded(_step),
            args=(verb, step),
        )


def _step(verb: str, step: Callable[[], str | None]) -> None:
    label = step()
    say(f"{verb}: {label}" if label else f"There is nothing to {verb.lower()}.", icon=":material/history:")


def running_jobs() -> None:
    """The work under way, on every page; looks again on its own while there is some."""
    running = [job for job in jobs.REGISTRY.jobs() if job.running]
    if running:
        working.follow(running, lambda: _bars(running), seconds=1.0)


def _bars(running: list[jobs.Job]) -> None:
    for job in running:
        st.progress(working.share(job.progress), text=literal(job.title))
