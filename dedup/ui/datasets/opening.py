"""Opening a folder: the path with its live check, a name, an annotation file; or the sample, made on the spot."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from dedup import sample
from dedup.labels import formats
from dedup.machine import within
from dedup.sources import folder_of, name_of
from dedup.store.directory import same_source
from dedup.store.home import DatasetInfo, home_directory, name_after
from dedup.ui.datasets.folders import PATIENT_SECONDS, FolderCheck, check
from dedup.ui.shell import jobs, recent
from dedup.ui.shell.literal import literal
from dedup.ui.shell.notices import guarded

PATH, NAME, LABELS, FOUND, THOROUGH = "open path", "open name", "open labels", "labels found", "open thorough"
SAMPLE = sample.DATASET_NAME
MOST_UNREAD = 3
"""Sentences on labels that cannot be read that are shown; the scan tells all."""
READ = ", ".join(each.title for each in formats.FORMATS)


def welcome() -> None:
    """The first thing a person ever sees."""
    st.title("See every duplicate. Keep the best. Export clean.")
    st.markdown(
        "Open a folder of images: exact and near duplicates are found and explained, every image gets an "
        "**image singularity** score, and you look, tag, decide and export a cleaned CSV or COCO dataset. "
        "Everything stays on this computer, and no image is ever changed."
    )


def open_folder(infos: list[DatasetInfo]) -> None:
    """The path field and what follows from it."""
    st.markdown("## :material/folder_open: Open a folder of images")
    text = st.text_input(
        "Folder",
        placeholder=str(Path.home() / "Pictures"),
        key=PATH,
        live="300ms",
        label_visibility="collapsed",
    )
    if not text.strip():
        _suggest("Recent", recent.folders())
        st.caption(
            "Type or paste a path: a folder, a .zip, .tar, .parquet or .lmdb with images, a .txt or .csv list of files, s3://…"
        )
        return
    seen = _checked(text)
    _tell(seen)
    _suggest("Folders", list(seen.inside))
    if seen.usable:
        _start_form(seen, infos)


def _checked(text: str) -> FolderCheck:
    known: tuple[str, FolderCheck] | None = st.session_state.get("checked")
    if known is None or known[0] != text:
        known = st.session_state["checked"] = (text, check(text))
    return known[1]


def _tell(seen: FolderCheck) -> None:
    if seen.usable:
        st.markdown(f":green[:material/check_circle:] **{literal(seen.words)}**")
    else:
        st.markdown(f":orange[:material/info:] {literal(seen.words)}")


def _suggest(label: str, paths: list[str]) -> None:
    """Paths to choose by a click."""
    if not paths:
        return
    with st.container(horizontal=True, gap="xsmall"):
        for path in paths:
            st.button(
                literal(Path(path).name or path),
                key=f"suggest {label} {path}",
                icon=":material/history:" if label == "Recent" else ":material/folder:",
                help=literal(path),
                type="tertiary",
                on_click=_use,
                args=(path,),
            )


def _labels(folder: Path) -> formats.Seen:
    """Labels in and beside a folder, as far as its disk tells of them in time; looked for once for each folder."""
    known: tuple[Path, formats.Seen] | None = st.session_state.get(FOUND)
    if known is None or known[0] != folder:
        try:
            known = folder, within(PATIENT_SECONDS, lambda: formats.see(folder))
        except (TimeoutError, OSError):
            known = folder, formats.Seen([], ())
        st.session_state[FOUND] = known
    return known[1]


def _use(path: str) -> None:
    st.session_state[PATH] = path


def _start_form(seen: FolderCheck, infos: list[DatasetInfo]) -> None:
    known = next((info for info in infos if same_source(info.source, seen.address)), None)
    if known is not None:
        st.caption(f"This is already the dataset **{literal(known.name)}**: scanning it again reads only what changed.")
    left, right = st.columns([1, 2])
    name = left.text_input(
        "Name", known.name if known else free_name(seen.address, infos), key=f"{NAME} {seen.address}"
    )
    folder = folder_of(seen.address)
    labels = _labels(folder) if folder is not None else formats.Seen([], ())
    found = {str(each.path): each for each in labels.found}
    before = list(known.annotations) if known else []
    said = bool(known and (known.labels_said or before))
    inside = folder is None and not said  # what lies in an archive or bucket is looked up by the scan
    files = right.multiselect(
        "Labels (optional)",
        list(dict.fromkeys([*before, *found])),
        default=before if said else [str(each.path) for each in formats.chosen(list(found.values()))],
        format_func=lambda file: (
            found[file].sentence(folder) if file in found and folder else shown_from(file, Path(seen.address), known)
        ),
        placeholder=_placeholder(before, len(found), inside),
        accept_new_options=True,
        wrap=True,
        key=f"{LABELS} {seen.address}",
        help=f"The labels of copies are compared, and exports carry them. Read are: {READ}. Several that tell of the "
        "same images are one choice: take the one that you train with.",
    )
    for sentence in (*labels.unread, *labels.strange)[:MOST_UNREAD]:
        st.caption(f":orange[:material/warning:] {literal(sentence)}")
    thorough = st.toggle(
        "Also find parts of pictures",
        bool(known and known.thorough),
        key=f"{THOROUGH} {seen.address}",
        help="Crops to a fifth, rotations by any angle, pictures set into others, collages, screenshots, stickers. "
        "Takes some three times as long and 16 kB an image. What contains another image is shown, and never removed by "
        "a rule.",
    )
    st.button(
        "Scan again" if known else "Scan",
        type="primary",
        icon=":material/search:",
        on_click=guarded(_start),
        args=(seen.address, name, None if inside and not files else files, thorough),
    )


def _placeholder(before: Sequence[str], found: int, inside: bool) -> str:
    """What no choice of labels means."""
    if before:
        return "none"
    return "those beside the images, if any" if inside else f"none of the {found} found" if found else "none"


def shown_from(file: str, folder: Path, known: DatasetInfo | None = None) -> str:
    """The path of a file as seen from a folder, where it lies in it or in the one around, or beside images in no
    folder, which the dataset keeps."""
    path = Path(file)
    if known is not None and path.is_relative_to(known.directory):
        return f"{path.relative_to(known.directory).as_posix()}, found beside the images"
    near = folder.absolute().parent in path.parents
    return os.path.relpath(path, folder.absolute()) if near else file


def _start(folder: str, name: str, annotation_files: Sequence[str] | None, thorough: bool) -> None:
    start_scan(folder, name, annotation_files, thorough)
    st.session_state[PATH] = ""


def free_name(address: str, infos: list[DatasetInfo]) -> str:
    """A name made from the source's that no dataset has."""
    base, taken = name_after(name_of(address)), {info.name for info in infos}
    return next(
        name
        for number in range(1, len(taken) + 2)
        if (name := base if number == 1 else f"{base}-{number}") not in taken
    )


def start_scan(
    folder: str, name: str, annotation_files: Sequence[str] | None = None, thorough: bool | None = None
) -> jobs.Job:
    """`jobs.start_scan` of a folder that is offered first from now on."""
    recent.remember(folder)
    return jobs.start_scan(folder, name, annotation_files, thorough)


def try_sample() -> None:
    """The sample: a few hundred pictures made by code, with planted duplicates, then scanned like any folder."""
    st.markdown("## :material/auto_awesome: Or try the sample")
    st.markdown("A few hundred pictures made on the spot, with duplicates of every kind planted among them.")
    st.button("Try the sample", icon=":material/play_arrow:", on_click=guarded(start_sample))


def start_sample() -> jobs.Job:
    """Make the sample's images below the home where they are missing, and scan them."""
    folder = home_directory() / sample.FOLDER_NAME

    def work(job: jobs.Job) -> dict[str, Any]:
        sample.make(folder, on_progress=job.report)
        files = list(map(str, sample.annotation_files(folder)))
        return jobs.run_process(jobs.scan_command(str(folder), name=SAMPLE, annotations=files), job)

    return jobs.REGISTRY.start(SAMPLE, f"Making and scanning the {SAMPLE.lower()}", work)
