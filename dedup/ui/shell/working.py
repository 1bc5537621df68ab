"""Work under way as a page shows it: how much is done, how long still, and looking again until it ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from dedup.model import Progress
from dedup.ui.shell import jobs
from dedup.ui.shell.jobs import Job, State
from dedup.ui.shell.literal import literal
from dedup.words import plural

NOTES_SHOWN = 8
_FOUND = {"images": "images", "exact": "exact duplicates", "near": "near duplicates", "failed": "failed"}


def follow(running: Sequence[Job], draw: Callable[[], object], seconds: float = 0.5) -> None:
    """Draw, and again every `seconds` while jobs run; rerun the page when one of them ends."""

    @st.fragment(run_every=seconds if running else None)
    def body() -> None:
        draw()
        if not all(job.running for job in running):
            st.rerun()

    body()


def bar(job: Job) -> None:
    """A running job with its progress in words."""
    st.progress(share(job.progress), text=f"**{literal(job.title)}** — {words(job.progress)}")


def row(job: Job, kept: str = "What was finished is kept for the next scan.") -> None:
    """A job that runs, was stopped or failed, with the button that stops it or takes it off the page; `kept` says what
    of a stopped one is not lost."""
    left, right = st.columns([6, 1.4], vertical_alignment="center")
    with left:
        if job.running:
            bar(job)
        elif job.state is State.CANCELLED:
            st.markdown(f":material/stop_circle: **{literal(job.title)}**: stopped. {kept}")
        else:
            st.error(literal(f"{job.title}: {job.error}"), icon=":material/error:")
    if job.running:
        right.button(
            "Stopping…" if job.stop.is_set() else "Cancel",
            key=f"cancel {job.key}",
            on_click=job.cancel,
            disabled=job.stop.is_set(),
            width="stretch",
        )
    elif right.button("Dismiss", key=f"dismiss {job.key}", type="tertiary", width="stretch"):
        jobs.REGISTRY.dismiss(job)
        st.rerun()


def share(progress: Progress | None) -> float:
    """How much is done, 0 to 1."""
    return min(1.0, progress.done / progress.total) if progress and progress.total else 0.0


def words(progress: Progress | None) -> str:
    """Progress as a person reads it: how many of how many, how fast, how long still."""
    if progress is None:
        return "starting"
    told = [f"{progress.stage}: {progress.done:,} of {progress.total:,}"]
    if progress.rate:
        told.append(f"{progress.rate:,.0f} a second")
    left = progress.seconds_left
    if left is not None and progress.done < progress.total:
        told.append(f"{duration(left)} left")
    return " · ".join(told)


def outcome(result: Mapping[str, Any]) -> str:
    """What a scan found, in words, with what is to be known of it, as Markdown."""
    told = [f"{result[kind]:,} {words}" for kind, words in _FOUND.items() if result.get(kind)]
    told.append(labels(result.get("annotations", 0), result.get("annotated", 0)))
    return "  \n".join([" · ".join(told), *notes(result)])


def notes(result: Mapping[str, Any]) -> list[str]:
    """What is to be known of a scan beside its counts, a sentence each, as Markdown."""
    return [literal(note) for note in (*result.get("annotation_notes", ()), *result.get("notes", ()))][:NOTES_SHOWN]


def labels(annotations: int, images: int) -> str:
    """How much was read from annotation files."""
    return f"{plural(annotations, 'annotation')} in {plural(images, 'image')}" if annotations else "no annotation files"


def duration(seconds: float) -> str:
    """Seconds as a person says them."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
