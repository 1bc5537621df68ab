"""The list of datasets with the work under way, and what can be done with each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pandas as pd
import streamlit as st

from dedup.exports.csv import guard
from dedup.images import hashes
from dedup.model import Kind, Status
from dedup.query.selection import Selection
from dedup.store.home import DatasetInfo
from dedup.ui.datasets import opening
from dedup.ui.parts.metric import staying
from dedup.ui.shell import jobs, notices, session, views, working
from dedup.ui.shell.library import LIBRARY
from dedup.ui.shell.literal import literal
from dedup.ui.shell.navigation import explorer
from dedup.words import other_files, plural, size

COUNTED = 20_000
"""Datasets up to this size are opened to show their counts; larger ones only when a person opens them."""

ACTIONS = {
    "rescan": ":material/refresh: Scan again",
    "rename": ":material/edit: Rename",
    "failures": ":material/broken_image: Failures",
    "hashes": ":material/fingerprint: Hashes of imagehash",
    "remove": ":material/playlist_remove: Remove from this list",
}


def cards(infos: list[DatasetInfo]) -> None:
    """One card a dataset, what has just been scanned first."""
    for info in sorted(infos, key=lambda info: finished(info) is None):
        with st.container(border=True), notices.errors_shown():
            _card(info)


def _card(info: DatasetInfo) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.container(width="stretch", gap=None, key=f"about {info.key}"):
            st.markdown(f"## {literal(info.name)}")
            with notices.errors_shown():
                st.markdown(_counts(info))
            st.caption(_origin(info))
            if (done := finished(info)) is not None:
                told = [f":green[:material/check_circle:] {literal(done.title)}: done.", *working.notes(done.result)]
                st.markdown("  \n".join(told))
        if info.failed and st.button(
            f"{info.failed:,} failed", key=f"failed {info.key}", type="tertiary", icon=":material/broken_image:"
        ):
            _failures(info)
        if st.button("Explore", key=f"explore {info.key}", type="primary", icon=":material/bar_chart:"):
            if done is not None:
                jobs.REGISTRY.dismiss(done)
            session.update(dataset=info.key, selection=Selection())
            views.open_start(LIBRARY.open(info.key))
        choice = st.menu_button(
            f"What to do with {literal(info.name)}",
            list(ACTIONS),
            format_func=ACTIONS.__getitem__,
            key=f"menu {info.key}",
            type="tertiary",
            icon=":material/more_vert:",
        )
    if choice == "rescan":
        opening.start_scan(str(info.source), info.name)
        st.rerun()
    elif choice:
        _DIALOGS[choice](info)


def _counts(info: DatasetInfo) -> str:
    told = [plural(info.images, "image")]
    if info.images <= COUNTED:
        opened = LIBRARY.open(info.key)
        counts, frame = opened.counts(), opened.dataset.frame
        told.append(plural(counts[Kind.EXACT], "exact duplicate"))
        told.append(plural(counts[Kind.NEAR], "near duplicate") + staying(counts))
        told.append(working.labels(int(frame["annotations"].sum()), int((frame["annotations"] > 0).sum())))
    return " · ".join(told)


def _origin(info: DatasetInfo) -> str:
    scanned = datetime.fromisoformat(info.scanned_at).astimezone()
    told = [literal(info.root), f"scanned {scanned:%Y-%m-%d %H:%M}"]
    return " · ".join([*told, *([f"passed over {literal(other_files(info.passed_over))}"] if info.passed_over else [])])


def finished(info: DatasetInfo) -> jobs.Job | None:
    """The job that ended with this dataset brought up to date, until somebody has looked at the dataset."""
    return next((job for job in jobs.REGISTRY.jobs() if _scanned(job) == info.name), None)


def _scanned(job: jobs.Job) -> str:
    """The name of the dataset that a job scanned, "" when it has not, or did something else."""
    return str(job.result.get("name", "")) if isinstance(job.result, dict) else ""


def work_under_way() -> None:
    """Every job with its progress, and those that failed or were stopped until dismissed.

    What ended well is told where it belongs: by the card of its dataset, or by the page it was begun on.
    """
    told = [job for job in jobs.REGISTRY.jobs() if job.state is not jobs.State.DONE]
    if told:
        working.follow([job for job in told if job.running], lambda: _jobs(told))


def _jobs(known: list[jobs.Job]) -> None:
    for job in known:
        with st.container(border=True):
            working.row(job)


@st.dialog("Rename the dataset")
def _rename(info: DatasetInfo) -> None:
    name = st.text_input("Name", info.name).strip()
    with notices.errors_shown():
        if st.button("Rename", type="primary", disabled=not name or name == info.name):
            LIBRARY.rename(info, name)
            st.rerun()


@st.dialog("Files that could not be read", width="large")
def _failures(info: DatasetInfo) -> None:
    with notices.errors_shown():
        table = failures(LIBRARY.open(info.key).dataset.frame)
        if table.empty:
            st.success("Every file could be read.", icon=":material/check_circle:")
            return
        st.markdown(by_reason(table))
        st.caption(f"All of them lie in {literal(info.root)}:")
        titles = {"path": "Path", "reason": "Reason", "bytes": "Size"}
        shown = table.assign(bytes=table["bytes"].map(size)).rename(columns=titles)
        st.dataframe(shown, hide_index=True, width="stretch")
        if st.button("Look at them in the Explorer", icon=":material/broken_image:"):
            session.update(dataset=info.key, selection=Selection(kinds=(Kind.FAILED,)))
            st.switch_page(explorer())
        st.download_button(
            "Download as CSV",
            table.to_csv(index=False).encode("utf-8"),
            f"{info.name} failures.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
        )


def by_reason(table: pd.DataFrame) -> str:
    """How many files failed for which reason, as a list, the most frequent first; what is told in parentheses differs
    from file to file and is left out."""
    reasons = table["reason"].str.replace(r"\s*\(.*\)$", "", regex=True)
    counts = reasons.value_counts(sort=False).sort_index().sort_values(ascending=False, kind="stable")
    return "\n".join(f"- **{count:,}** × {literal(str(reason))}" for reason, count in counts.items())


def failures(frame: pd.DataFrame) -> pd.DataFrame:
    """Path, reason and size of every file that could not be read, safe to open in a spreadsheet."""
    table: pd.DataFrame = frame.loc[frame["status"] == Status.FAILED, ["path", "error", "bytes"]]
    paths = [guard(path, path=True) for path in table["path"]]
    return table.assign(path=paths).rename(columns={"error": "reason"}).reset_index(drop=True)


@st.dialog("Remove from the list?")
def _remove(info: DatasetInfo) -> None:
    st.markdown(
        f"**{literal(info.name)}** goes from this list, with its scores, tags and thumbnails. "
        f"The images in {literal(info.root)} are not touched."
    )
    with notices.errors_shown():
        if st.button("Remove from the list", type="primary", key="take from list"):
            LIBRARY.remove(info)
            st.rerun()


@st.dialog("Hashes of imagehash")
def _hashes(info: DatasetInfo) -> None:
    with notices.errors_shown():
        dataset = LIBRARY.open(info.key).dataset
        held = [kind for kind in hashes.KINDS if hashes.COLUMN + kind in dataset.frame]
        st.markdown(
            "Hashes as the library imagehash makes them, bit for bit: columns of exports, beside the groups that "
            "the command line lists, and an order of similar images. They are kept."
        )
        if held:
            st.caption(f"Made already: {', '.join(held)}.")
        left = [kind for kind in hashes.KINDS if kind not in held]
        wanted = st.pills("Kinds", left, selection_mode="multi", key=f"hash kinds {info.key}")
        if st.button("Make them", type="primary", disabled=not wanted):
            start_hashing(info, wanted)
            st.rerun()


def start_hashing(info: DatasetInfo, kinds: Sequence[str]) -> jobs.Job:
    """Hash every image by these kinds, on a thread."""
    dataset = LIBRARY.open(info.key).dataset
    return jobs.REGISTRY.start(
        f"{info.key} hashes", f"Hashes of {info.name}", lambda job: dataset.compute_hashes(kinds, job.report)
    )


_DIALOGS = {"rename": _rename, "failures": _failures, "hashes": _hashes, "remove": _remove}
