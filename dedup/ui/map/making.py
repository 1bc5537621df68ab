"""Having the map drawn, in the background, and what is to be known of the one there is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import streamlit as st

from dedup.files import expanded
from dedup.model import MAP_X, Status
from dedup.store import vectors as kept
from dedup.ui.map.atlas import placed
from dedup.ui.shell import jobs, working
from dedup.ui.shell.library import Opened
from dedup.ui.shell.literal import literal
from dedup.words import plural

NOTES_SHOWN = 8


def start(opened: Opened, vectors: str = "", text_model: str = "") -> jobs.Job:
    """Draw the map in a process of its own; with the `vectors` of a file, a model's or made before, first have these
    given to the images, with the model's text side where it is told."""
    info = opened.dataset.info
    commands = [jobs.command("map", info.name, home=info.directory.parent)]
    if vectors:
        option = "--model" if Path(vectors).suffix.lower() == ".onnx" else "--vectors"
        options = (option, vectors, *(("--text-model", text_model) if text_model else ()))
        commands.insert(0, jobs.command("embed", info.name, options=options, home=info.directory.parent))

    def work(job: jobs.Job) -> list[str]:
        return [note for command in commands for note in jobs.run_process(command, job).get("notes", ())]

    return jobs.REGISTRY.start(_key(opened), f"Map of {info.name}", work)


def _key(opened: Opened) -> str:
    return f"{opened.dataset.info.key} map"


def under_way(opened: Opened) -> jobs.Job | None:
    """The job that draws it, or that could not."""
    job = jobs.REGISTRY.get(_key(opened))
    if job is not None and job.state is jobs.State.DONE and not job.result:
        jobs.REGISTRY.dismiss(job)
        return None
    return job


def follow(job: jobs.Job) -> None:
    """How far it is, or why it failed; of one that is done, which images were left out."""
    if job.state is jobs.State.DONE:
        more = len(job.result) - NOTES_SHOWN
        told = [*job.result[:NOTES_SHOWN], *([f"and {more:,} more"] if more > 0 else [])]
        st.warning("  \n".join(["Not all have a vector:", *map(literal, told)]), icon=":material/info:")
        st.button("Dismiss", on_click=jobs.REGISTRY.dismiss, args=(job,), key="dismiss map")
        return
    kept_words = "What was finished is kept for the next time."
    working.follow([job] if job.running else [], lambda: working.row(job, kept_words))


def exists(opened: Opened) -> bool:
    """Whether a map was drawn of these images."""
    return MAP_X in opened.dataset.frame and bool(len(placed(opened)))


def invitation(opened: Opened) -> None:
    """What the map is, and the button that has it drawn."""
    st.info(
        "The map places every image so that alike ones lie together: see what the dataset is made of, draw around a "
        "part of it and tag it. Copies lie beside the one that stays. It is computed once, in the background: seconds "
        "for a few thousand images, minutes for a hundred thousand; the first map on a machine takes half a minute "
        "more.",
        icon=":material/scatter_plot:",
    )
    if st.button("Draw the map", type="primary", icon=":material/draw:"):
        start(opened)
        st.rerun()
    _vectors(opened)


def _vectors(opened: Opened) -> None:
    """The field for a model or a file of vectors."""
    with st.popover("By a model", icon=":material/psychology:", type="tertiary"):
        st.markdown(
            "Without a model the map knows tones and colours, not what pictures show. Give a model in ONNX format, or "
            "vectors that you have (.parquet, .npz); they also tell the semantic singularity and order similar images."
        )
        file = st.text_input("File on this machine", placeholder="/models/clip/vision_model.onnx", key="vectors file")
        text = st.text_input(
            "Its text side, to search by words",
            placeholder="text_model.onnx beside it, if any",
            help="The model of texts that belongs to it, as CLIP and SigLIP have one, with its tokenizer.json beside "
            "it. Where it lies beside vision_model.onnx as text_model.onnx it is found.",
            key="text model file",
        )
        if st.button("Embed and draw", type="primary", disabled=not file.strip()):
            start(opened, *(str(expanded(each.strip())) if each.strip() else "" for each in (file, text)))
            st.rerun()


def state(opened: Opened) -> None:
    """What it was made of, who has no place, and the button that has it drawn anew."""
    told: kept.Told | None = opened.kept("map told", lambda: kept.told_of_map(opened.dataset.directory))
    if told is None:
        return
    frame = opened.dataset.frame
    readable = int((frame["status"] == Status.OK).sum())
    without = readable - int(np.isfinite(frame[MAP_X].to_numpy(np.float64)).sum())
    words = [f"Alike by {literal(told.source)}" if told.source else "Alike in tones and colours (no model was given)"]
    if told.left_out:
        words.append(f"a fair sample: {plural(told.left_out, 'image')} of {readable:,} were left out, being too many")
    new = without - told.left_out
    if new > 0:
        words.append(f"**{plural(new, 'image')}** without a place: come since, or without a vector")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(" · ".join(words), width="content")
        if st.button(
            "Draw it anew", type="primary" if new > 0 else "tertiary", icon=":material/refresh:", key="map anew"
        ):
            start(opened)
            st.rerun()
        _vectors(opened)
