"""The removal plan in the app: what would go and why, the move to the quarantine, the way back, and the proof."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dedup import removal
from dedup.dataset import Dataset
from dedup.errors import DedupError
from dedup.removal import Plan, Report, State
from dedup.review import acts, handover
from dedup.store.decisions import Decisions
from dedup.ui.browser.sides import sides
from dedup.ui.clashes import folder_names
from dedup.ui.duplicates.review import state
from dedup.ui.parts.metric import PRESETS, REMAINING
from dedup.ui.shell import jobs, session, working
from dedup.ui.shell.current import decisions
from dedup.ui.shell.library import LIBRARY, Opened
from dedup.ui.shell.literal import literal
from dedup.ui.shell.navigation import export
from dedup.ui.shell.notices import guarded, overtaken
from dedup.words import displayable, middle, plural, size

LISTED = 500
"""Rows of the preview; the downloaded file holds all."""
PATH_LETTERS = 28
"""Of a path in the preview, as many as its column shows: what a column cuts is the end, where copies differ. The
downloaded file has all of it."""
UNITE_TAGS, UNITE_ANNOTATIONS, HOW = "unite tags", "unite annotations", "how copies leave"
COMPANIONS = "companions go along"
REOPEN = "restored files are open again"


UNITE_HELP = "Undo takes it back."


@dataclass(frozen=True)
class Way:
    """How copies can leave, in words: in the list, on the button before their number, in the question (`told`) and once
    they have."""

    title: str
    button: str
    done: str
    told: Callable[[Opened, Plan], str]


WAYS = {
    "quarantine": Way(
        "Into the quarantine: Restore brings every file back, byte for byte",
        "Move",
        "moved to the quarantine",
        lambda opened, _: (
            f"leave for the quarantine in {literal(removal.quarantine_of(opened.dataset))}. "
            "Nothing is deleted: Restore brings every file back, byte for byte."
        ),
    ),
    "hardlink": Way(
        "Become hard links to the copies that stay: no name is lost, the space is saved",
        "Link",
        "became links to the copies that stay",
        lambda _, plan: (
            f"are looked at: the {_same_bytes(plan):,} with the very "
            "bytes of the copy that stays become hard links to it, under their own names. The others stay as they are."
        ),
    ),
    "delete": Way(
        "Deleted for good: nothing brings them back",
        "Delete",
        "deleted",
        lambda *_: "are deleted. **This cannot be undone.**",
    ),
}
"""The ways of `dedup.removal.HOW`."""


def panel(opened: Opened) -> None:
    """The plan, then what left before."""
    _work_under_way(opened)
    _preview(opened, _planned(opened))
    _removed(opened)


def _planned(opened: Opened) -> Plan:
    plan: Plan = opened.remembered("plan", lambda: acts.plan(opened.dataset, state(opened)))
    return plan


def job_key(opened: Opened) -> str:
    """One removal or restore of a dataset at a time."""
    return f"{opened.dataset.info.key} removal"


def _preview(opened: Opened, plan: Plan) -> None:
    st.markdown("## What would go")
    if not plan.entries:
        held = "All that is decided to go is held back: below is why." if plan.stays else "Nothing is decided to go."
        st.info(f"{held} Review groups, or decide by rule.", icon=":material/info:")
        with st.container(horizontal=True):
            for name, words in (("review", "Review groups"), ("rules", "Decide by rule")):
                st.button(words, key=f"lead to {name}", on_click=session.update, kwargs={"panel": name})
        _staying(opened, plan)
        return
    still = len(state(opened).open)
    goes = "would move to the quarantine" if removal.can_leave(opened.dataset) else "would go"
    told = f"**{plural(len(plan.entries), 'file')}** {goes}, **{size(plan.bytes)}** in all."
    st.markdown(told + (f" :gray[{still:,} groups are still open and not in this plan.]" if still else ""))
    for more in plan.told:
        st.caption(more)
    st.dataframe(
        table(opened, plan),
        hide_index=True,
        width="stretch",
        height="content" if len(plan.entries) <= 8 else 380,
        row_height=56,
        column_config={
            "picture": st.column_config.ImageColumn("Picture", width="small"),
            "keeper": st.column_config.ImageColumn("Keeper", width="small"),
            "size": st.column_config.TextColumn("Frees", alignment="right"),
            "goes": st.column_config.TextColumn("Goes", width="medium"),
            "along": st.column_config.TextColumn("With it", width="small"),
            "stays": st.column_config.TextColumn("Stays for it", width="medium"),
            "why": st.column_config.TextColumn("Why", width="large"),
        },
    )
    if len(plan.entries) > LISTED:
        st.caption(f"The first {LISTED:,} of {len(plan.entries):,}; the downloaded plan lists all.")
    _staying(opened, plan)
    _apply(opened, plan)


def table(opened: Opened, plan: Plan) -> pd.DataFrame:
    """The first entries of a plan: picture, path, size, what stays and why; the widest last, where it may be cut."""
    entries = plan.entries[:LISTED]
    row_of = {path: row for row, path in enumerate(opened.dataset.frame["path"])}
    keepers = [row_of.get(entry.keeper_path, row_of[entry.path]) for entry in entries]
    thumbs = [
        [side["thumb"] for side in sides(opened.dataset, rows)]
        for rows in ([row_of[entry.path] for entry in entries], keepers)
    ]
    return pd.DataFrame(
        {
            "picture": thumbs[0],
            "goes": [middle(entry.path, PATH_LETTERS) for entry in entries],
            "size": [size(entry.bytes) for entry in entries],
            "keeper": thumbs[1],
            "stays": [middle(entry.keeper_path, PATH_LETTERS) for entry in entries],
        }
        | ({"along": [_names(entry.companions) for entry in entries]} if plan.companions else {})
        | {"why": [entry.reason for entry in entries]}
    )


def _names(files: Sequence[str]) -> str:
    return ", ".join(displayable(PurePosixPath(file).name) for file in files)


def _staying(opened: Opened, plan: Plan) -> None:
    """Images that were decided to go and are held back, with the reason, and the switch where folders are it."""
    if any(stay.reason.startswith(acts.LABELS_CLASH) for stay in plan.stays):
        folder_names.switch(opened)
    if plan.stays:
        with st.expander(f"{plural(len(plan.stays), 'file')} held back", icon=":material/shield:"):
            st.dataframe(
                pd.DataFrame(
                    {"stays": [stay.path for stay in plan.stays], "why": [stay.reason for stay in plan.stays]}
                ),
                hide_index=True,
                width="stretch",
            )


def _apply(opened: Opened, plan: Plan) -> None:
    running, can_leave = _running(opened), removal.can_leave(opened.dataset)
    if not can_leave:
        st.info(
            "These images lie in an archive, a table or on a web server, which is only read. Export those that stay, "
            "or download the plan and carry it out where they are.",
            icon=":material/lock:",
        )
    with st.container(horizontal=True, vertical_alignment="center"):
        if can_leave and st.button(
            f"Move {plural(len(plan.entries), 'file')} to the quarantine",
            type="primary",
            icon=":material/delete_sweep:",
            key="take out",
            disabled=running,
        ):
            _confirm(opened, plan)
        st.download_button(
            "Download the plan",
            lambda: removal.to_bytes(plan),
            f"{opened.dataset.name} removal plan.json",
            "application/json",
            icon=":material/download:",
            on_click="ignore",
        )
        if st.button("Export without them", icon=":material/ios_share:", help="Your files stay as they are"):
            session.fresh_tag()  # what they go on with is this selection
            session.update(selection=PRESETS[REMAINING])
            st.switch_page(export())


@st.dialog("Move these files?")
def _confirm(opened: Opened, plan: Plan) -> None:
    how = st.session_state.get(HOW) or "quarantine"
    way = WAYS[how]
    files = f"**{plural(len(plan.entries), 'file')}** ({size(plan.bytes)}) of {literal(opened.dataset.address)}"
    st.markdown(
        f"{files} {way.told(opened, plan)} "
        "Right before each file goes, it and the copy that stays are checked by SHA-256."
    )
    tags = st.checkbox("Give their tags to the copies that stay", value=True, key=UNITE_TAGS, help=UNITE_HELP)
    labelled = bool(opened.dataset.info.annotations) or bool(opened.dataset.frame["classes"].map(bool).any())
    annotations = labelled and st.checkbox(
        "Give annotations and classes that only they have to the copies that stay",
        key=UNITE_ANNOTATIONS,
        help=f"Boxes are mirrored, cut or turned as the copies are. Exports have them from then on. {UNITE_HELP}",
    )
    if not (
        plan.companions
        and st.checkbox(
            f"Let {plural(plan.companions, 'file')} of the same names go along",
            value=True,
            key=COMPANIONS,
            help="Films of live photos, captions, edits and labels beside the images. They come back with them.",
        )
    ):
        plan = plan.alone()
    with st.expander("Other ways to leave", icon=":material/alt_route:"):
        ways = [name for name in WAYS if name != "hardlink" or opened.dataset.in_files]
        st.radio("How copies leave", ways, format_func=lambda name: WAYS[name].title, key=HOW)
    allowed = how != "delete" or _typed(len(plan.entries))
    deed = f"{way.button} {plural(len(plan.entries), 'file')}"
    if st.button(deed, type="primary", key="take out now", disabled=not allowed):
        shown, due = ({(each.path, each.keeper_path) for each in of.entries} for of in (plan, _planned(opened)))
        if shown == due:
            start_apply(opened, plan, tags=tags, annotations=annotations, how=how)
        else:
            overtaken("plan")
        st.rerun()


def _same_bytes(plan: Plan) -> int:
    return sum(entry.identical == "file" for entry in plan.entries)


def _typed(count: int) -> bool:
    """Whether the person typed how many files are to be deleted."""
    return st.text_input(f"Type {count} to delete {plural(count, 'file')} for good") == str(count)


def start_apply(
    opened: Opened, plan: Plan, *, tags: bool = True, annotations: bool = False, how: str = "quarantine"
) -> jobs.Job:
    """Carry the plan out as a job, then bring the dataset up to date."""
    dataset = opened.dataset

    def work(job: jobs.Job) -> dict[str, Any]:
        done = handover.leave(
            dataset, plan, how=how, allow_delete=how == "delete", tags=tags, annotations=annotations,
            on_progress=job.report,
        )  # fmt: skip
        handed_on = [f"{told} given to copies that stay."] if (told := done.left.sentence()) else []
        return _told(WAYS[how].done, done.report, *handed_on, *done.left.notes, _rescan(opened, job))

    return jobs.REGISTRY.start(job_key(opened), f"Removing copies from {dataset.name}", work)


def start_restore(opened: Opened, *, reopen: bool = False) -> jobs.Job:
    """Bring everything back as a job, then bring the dataset up to date; with `reopen`, also take back what was decided
    about what came back."""
    dataset, mine = opened.dataset, decisions(opened)

    def work(job: jobs.Job) -> dict[str, Any]:
        report = removal.restore(dataset, on_progress=job.report)
        problem = _rescan(opened, job)
        if reopen:
            _reopen(LIBRARY.open(dataset.info.key).dataset, mine, [outcome.path for outcome in report.done])
        return _told("brought back", report, problem)

    return jobs.REGISTRY.start(job_key(opened), f"Restoring images of {dataset.name}", work)


def _reopen(dataset: Dataset, mine: Decisions, paths: list[str]) -> None:
    rows = np.flatnonzero(dataset.frame["path"].isin(paths)).tolist()
    if rows:
        step = acts.reopen(acts.state(dataset), rows)
        mine.decide(step.changes, f"Open again: {plural(len(rows), 'restored image')}")


def _rescan(opened: Opened, job: jobs.Job) -> str:
    """Let the dataset know which files are there now; returns what went wrong, which undoes nothing."""
    info = opened.dataset.info
    try:
        home = opened.dataset.directory.parent
        jobs.run_process(jobs.scan_command(str(info.source), name=opened.dataset.name, home=home), job)
    except DedupError as error:
        return f"The dataset was not brought up to date: {error}"
    return ""


def _told(verb: str, report: Report, *more: str) -> dict[str, Any]:
    along = report.companions and f"{plural(len(report.companions), 'file')} of the same names {verb} with them."
    notes = [*report.refusals(), *filter(None, [along, *more])]
    return {"outcome": f"{plural(len(report.done), 'file')} ({size(report.bytes)}) {verb}", "notes": notes}


def _work_under_way(opened: Opened) -> None:
    """The progress of a removal or restore, and how the last one ended."""
    job = jobs.REGISTRY.get(job_key(opened))
    if job is None:
        return
    if job.running:
        working.follow([job], lambda: working.bar(job))
    else:
        _ended(job)


def _ended(job: jobs.Job) -> None:
    left, right = st.columns([6, 1], vertical_alignment="center")
    if job.state is jobs.State.DONE:
        left.success(
            "  \n".join(map(literal, [f"{job.result['outcome']}.", *job.result["notes"]])),
            icon=":material/check_circle:",
        )
    else:
        left.error(literal(f"{job.title}: {job.error or 'stopped'}"), icon=":material/error:")
    if right.button("Dismiss", type="tertiary", key="dismiss removal"):
        jobs.REGISTRY.dismiss(job)
        st.rerun()


STATES = {
    State.QUARANTINED: "in the quarantine",
    State.LINKED: "links to the copies that stay",
    State.DELETED: "deleted for good",
}


def _removed(opened: Opened) -> None:
    """What left and where it is, the way back, and the check that nothing is lost."""
    gone = removal.standing(opened.dataset.directory)
    st.markdown("## Removed before")
    if not gone:
        st.caption("Nothing is in the quarantine.")
        return
    counts = Counter(each.state for each in gone)
    st.markdown(
        " · ".join(f"**{plural(counts[state], 'file')}** {words}" for state, words in STATES.items() if counts[state])
    )
    restorable = len(gone) - counts[State.DELETED]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            f"Restore {plural(restorable, 'file')}",
            icon=":material/restore_page:",
            disabled=not restorable or _running(opened),
            on_click=guarded(_restore),
            args=(opened,),
        )
        checked = st.button("Verify", icon=":material/verified:", help="Check every file and its keeper by SHA-256")
    if restorable:
        st.checkbox(
            "Restore also takes back that they go; otherwise that stays decided, and the plan offers them again",
            key=REOPEN,
        )
    with st.expander("Their paths", icon=":material/list:"):
        listed = {"path": [each.path for each in gone], "now": [STATES[each.state] for each in gone]}
        st.dataframe(pd.DataFrame(listed), hide_index=True, width="stretch")
    if checked:
        _verify(opened)


def _restore(opened: Opened) -> None:
    start_restore(opened, reopen=bool(st.session_state.get(REOPEN)))


def _verify(opened: Opened) -> None:
    found = removal.verify(opened.dataset)
    if found.problems:
        st.error("  \n".join(map(literal, found.problems[:20])), icon=":material/error:")
    else:
        st.success(
            f"{plural(found.checked, 'file')} checked: each is in its place, "
            "and every copy that stays has the right bytes.",
            icon=":material/verified:",
        )


def _running(opened: Opened) -> bool:
    job = jobs.REGISTRY.get(job_key(opened))
    return job is not None and job.running
