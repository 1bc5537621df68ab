"""Taking the selection out: files to download, or a folder that becomes a dataset of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dedup.exports import ADDED, COCO, CSV, PAIRS, Export, folder, packed
from dedup.exports.labels import LABEL_FORMATS, as_read
from dedup.model import Kind, OnProgress, Status
from dedup.query.selection import Selection
from dedup.report import facts
from dedup.report.page import render
from dedup.ui.datasets.folders import typed_place
from dedup.ui.datasets.opening import free_name
from dedup.ui.parts import grid
from dedup.ui.parts.metric import order_words
from dedup.ui.shell import jobs, session, working
from dedup.ui.shell.library import LIBRARY, Opened
from dedup.ui.shell.literal import literal
from dedup.ui.shell.navigation import explorer
from dedup.ui.shell.notices import guarded
from dedup.ui.shell.view import View
from dedup.words import plural

COMPANIONS = "files of the same names are written too"
LABELS = "labels are written as"
PER_SPLIT = "one file of annotations for each split"
BEFORE = "selection before the tag"
AT_ONCE = 20_000
"""Up to so many images a file is made while the browser waits; above, by a job that shows its progress."""

PREVIEWED = 12
MODES: dict[folder.Mode, str] = {"copy": "Copy", "hardlink": "Hard link", "symlink": "Symbolic link"}


@dataclass(frozen=True)
class Offer:
    """A file to download: what it is called, what is in it, and how its name ends."""

    export: Export
    title: str
    words: str
    ending: str


OFFERS = (
    Offer(CSV, "CSV", "One row per image: path, hash, score, group, keeper, relation, every metric and tag.", ".csv"),
    Offer(
        COCO,
        "COCO",
        "These images with their annotations just as they were; tags and scores under the key “dedup”.",
        " coco.json",
    ),
    Offer(PAIRS, "Pairs", "CSV with one row per pair: left, right, kind, distance, relation.", " pairs.csv"),
    *(Offer(each, each.title, "By a plug-in.", f" {each.name}{each.suffix}") for each in ADDED),
)
A_ROW = 3
"""Offers side by side."""


def start_from_fresh_tag(opened: Opened) -> None:
    """Whoever comes here after tagging wants what carries the tag: the range of the Explorer, with which it was given,
    would leave half of it out. What was selected before is one click away. A tag that no image carries any more, for
    it was taken off all of them or undone, is nothing to start from."""
    tag, before = session.fresh_tag(), session.view().selection
    wanted = Selection(tags_any=(tag,))
    if session.arrived() and tag in opened.dataset.tags and before != wanted and opened.mask(wanted).any():
        st.session_state[BEFORE] = (opened.dataset.info.key, wanted, before)
        session.update(selection=wanted)
        st.rerun()  # an address that is written in the run that turns to a page may be taken for the page before


def offer_way_back(opened: Opened) -> None:
    """Says that the selection starts from a tag, and gives the earlier one back."""
    dataset, wanted, before = st.session_state.get(BEFORE, ("", None, Selection()))
    if dataset != opened.dataset.info.key or session.view().selection != wanted:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"Starting from the tag you used last, **{literal(wanted.tags_any[0])}**.", width="content")
        st.button(
            f"Back to the selection before ({plural(int(opened.mask(before).sum()), 'image')})",
            type="tertiary",
            icon=":material/undo:",
            on_click=session.update,
            kwargs={"selection": before},
        )


def counter(opened: Opened, view: View) -> None:
    """What the selection holds, against the whole dataset."""
    mask = opened.mask(view.selection)
    kinds = opened.dataset.frame["kind"].to_numpy()[mask].astype(str)
    total = opened.counts()
    told = {"Images": (len(kinds), total[""])} | {
        title: (int((kinds == kind).sum()), total[kind])
        for title, kind in (("Exact duplicates", Kind.EXACT), ("Near duplicates", Kind.NEAR), ("Failed", Kind.FAILED))
    }
    with st.container(key="counters"):
        columns = st.columns(len(told))
    for column, (title, (held, of)) in zip(columns, told.items(), strict=True):
        left_out = of - held
        column.metric(
            title,
            f"{held:,}",
            f"{left_out:,} left out" if left_out else "all of them" if of else None,
            delta_color="off",
            delta_arrow="off",
            border=True,
            height="stretch",
        )


def preview(opened: Opened, view: View) -> None:
    """The first images of the selection as cards."""
    view = replace(view, company="off")
    order = opened.order(view)
    rows = order[:PREVIEWED]
    if order.size > PREVIEWED:
        st.caption(literal(f"The first {PREVIEWED} of {order.size:,} images, {order_words(view)}:"))
    page = grid.Page(rows, 1, 1, order.size, rows[:0])
    grid.show(opened, replace(view, columns=PREVIEWED // 2), page)


def downloads(opened: Opened, view: View) -> None:
    """One button a file format."""
    mask = opened.mask(view.selection)
    for start in range(0, len(OFFERS), A_ROW):
        for column, offer in zip(st.columns(A_ROW), OFFERS[start : start + A_ROW], strict=False):
            with column.container(border=True, height="stretch"):
                st.markdown(f"**{literal(offer.title)}**")
                st.caption(offer.words)
                if offer.export is COCO and opened.kept("captions", partial(_has_captions, opened)):
                    st.caption("What has no classes (captions) is a file of its own: a folder of files has both.")
                st.space("stretch")
                if mask.sum() <= AT_ONCE:
                    _save(opened, offer, partial(made, opened, mask, offer.export), enabled=bool(mask.any()))
                else:
                    _prepare(opened, mask, offer)


def _has_captions(opened: Opened) -> bool:
    """Whether labels say something with a class and something without one, for which readers of COCO want two files."""
    told = {
        bool(met.classes.get(path))
        for met in opened.dataset.attachments.values()
        for path, count in met.counts.items()
        if count
    }
    return len(told) > 1


def _save(opened: Opened, offer: Offer, data: bytes | Callable[[], bytes], *, enabled: bool = True) -> None:
    st.download_button(
        f"Download {offer.title}",
        data,
        f"{opened.dataset.name}{offer.ending}",
        key=f"download {offer.title}",
        icon=":material/download:",
        type="primary",
        on_click="ignore",
        disabled=not enabled,
    )


def _prepare(opened: Opened, mask: NDArray[np.bool_], offer: Offer) -> None:
    """A big file is made by a job first; what it made is offered as long as the selection stays the same."""
    key = f"{opened.dataset.info.key} {offer.title} {hash(mask.tobytes())} {opened.dataset.revision}"
    job = jobs.REGISTRY.get(key)
    if job is not None and job.state is jobs.State.DONE:
        _save(opened, offer, job.result)
        return
    st.button(
        f"Prepare {offer.title}",
        key=f"prepare {offer.title}",
        icon=":material/hourglass_top:",
        disabled=job is not None and job.running,
        on_click=guarded(jobs.REGISTRY.start),
        args=(
            key,
            f"Preparing the {offer.title} of {opened.dataset.name}",
            lambda job: made(opened, mask, offer.export, job.report),
        ),
    )


def made(opened: Opened, mask: NDArray[np.bool_], export: Export, on_progress: OnProgress | None = None) -> bytes:
    """The bytes of the exported file. Raises `ExportError`."""
    with tempfile.TemporaryDirectory(prefix="dedup-") as scratch:
        output = Path(scratch) / f"export{export.suffix}"
        export.write(opened.dataset, mask, output, on_progress)
        return output.read_bytes()


def report(opened: Opened) -> None:
    """A page about the whole dataset, to keep and send; made by a job, for it has pictures."""
    key = f"{opened.dataset.info.key} report {opened.dataset.revision}"
    job = jobs.REGISTRY.get(key)
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        with st.container(width="stretch"):
            st.markdown("**Report**")
            st.caption("The whole dataset on one page to keep, send and print: counts, groups, leaks, clashes, issues.")
        if job is not None and job.state is jobs.State.DONE:
            st.download_button(
                "Download the report",
                job.result,
                f"{opened.dataset.name} report.html",
                icon=":material/download:",
                type="primary",
                on_click="ignore",
            )
            return
        st.button(
            "Prepare the report",
            icon=":material/description:",
            disabled=job is not None and job.running,
            on_click=guarded(jobs.REGISTRY.start),
            args=(key, f"Preparing the report of {opened.dataset.name}", lambda job: _report(opened, job)),
        )
    if job is not None and job.running:
        working.follow([job], lambda: working.bar(job))


def _report(opened: Opened, job: jobs.Job) -> bytes:
    return render(facts.gather(opened.dataset), job.report).encode("utf-8", "replace")


def new_dataset(opened: Opened, view: View) -> None:
    """Write the selected files into a folder, and scan it as a dataset of its own."""
    mask = opened.mask(view.selection) & (opened.dataset.frame["status"] == Status.OK).to_numpy()
    with st.container(border=True):
        st.markdown("**New dataset of the files**")
        st.caption(
            "The selected files go into a new folder under the same relative paths, or where readers of their labels "
            "and their split ask for them, with their CSV beside them; into an archive where the name ends with .zip "
            "or .tar, rows of tables into one that ends with .parquet, and into a bucket at an address. Nothing is "
            "ever overwritten. The result joins your datasets."
        )
        root, job = opened.dataset.root, jobs.REGISTRY.get(job_key(opened))
        with st.container(horizontal=True, vertical_alignment="bottom"):
            with st.container(width="stretch"):
                target = st.text_input("Folder", packed.beside(opened.dataset.address), key=f"target {root}")
            with st.container(width=160):
                mode = st.selectbox("How", list(MODES), format_func=MODES.__getitem__, key="mode of copying")
            st.button(
                f"Write {plural(int(mask.sum()), 'file')}",
                icon=":material/create_new_folder:",
                disabled=not mask.any() or not target.strip() or (job is not None and job.running),
                on_click=guarded(start_folder),
                args=(opened, mask, target, mode),
            )
        _choose_labels(opened)
        st.checkbox(
            "With files of the same names",
            value=True,
            key=COMPANIONS,
            help="Films of live photos, captions, edits and labels that lie beside the images.",
        )
        if opened.dataset.sources and opened.dataset.frame["split"].any():
            st.checkbox(
                "One file of annotations for each split",
                key=PER_SPLIT,
                help="annotations.train.json, annotations.val.json … instead of annotations.json.",
            )
        if job is not None and job.running:
            working.follow([job], lambda: working.bar(job))
        elif job is not None:
            _written(job)


def _choose_labels(opened: Opened) -> None:
    """In which format labels are written into the folder."""
    dataset = opened.dataset
    here = dataset.address
    carried = packed.carries_labels(dataset.attachments, here, packed.beside(here))
    titles = {"": "as they are" if carried else "without labels"}
    titles |= {each.name: f"{each.title} ({each.holds})" for each in LABEL_FORMATS}
    st.selectbox(
        "Labels",
        list(titles),
        0 if carried else list(titles).index(as_read(dataset.attachments)),
        format_func=titles.__getitem__,
        key=f"{LABELS} {dataset.info.key}",
        help="Readers of YOLO, Pascal VOC and imagefolder ask for an order of folders; the images are put into it.",
    )


def job_key(opened: Opened) -> str:
    """What the job that writes a dataset out is registered as; one runs at a time."""
    return f"{opened.dataset.info.key} folder"


def _written(job: jobs.Job) -> None:
    """How the writing of a new dataset ended, and the way to it."""
    left, right = st.columns([5, 2.4], vertical_alignment="center")
    if job.state is not jobs.State.DONE:
        left.error(literal(f"{job.title}: {job.error or 'stopped'}"), icon=":material/error:")
        return
    name = job.result["name"]
    left.success(f"**{literal(name)}**: {working.outcome(job.result)}", icon=":material/check_circle:")
    key = next((info.key for info in LIBRARY.infos() if info.name == name), "")
    if key and right.button(f"Open {literal(name)}", type="primary", icon=":material/bar_chart:", width="stretch"):
        jobs.REGISTRY.dismiss(job)
        session.update(dataset=key, selection=Selection())
        st.switch_page(explorer())


def start_folder(opened: Opened, mask: NDArray[np.bool_], target: str, mode: folder.Mode) -> jobs.Job:
    """Write the files of `mask` into `target`, then scan it under a name made from its own."""
    output = typed_place(target)
    name = free_name(str(output), LIBRARY.infos())
    options: dict[str, Any] = {
        "labels": str(st.session_state.get(f"{LABELS} {opened.dataset.info.key}", "")),
        "per_split": bool(st.session_state.get(PER_SPLIT)),
        "companions": bool(st.session_state.get(COMPANIONS, True)),
    }

    def work(job: jobs.Job) -> dict[str, Any]:
        report = folder.write(opened.dataset, mask, output, job.report, mode=mode, with_csv=True, **options)
        read_back = folder.labels_written(output, str(options["labels"]))
        annotations = None if read_back is None else list(map(str, read_back))
        told = jobs.run_process(jobs.scan_command(str(output), name=name, annotations=annotations), job)
        return told | {"notes": report.notes}

    return jobs.REGISTRY.start(job_key(opened), f"Writing {name}", work)
