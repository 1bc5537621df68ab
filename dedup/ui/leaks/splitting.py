"""Where splits come from: files that say them, or a person's hand. Each act is one undoable step."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import streamlit as st

from dedup.dataset import Dataset
from dedup.errors import AnnotationError, DedupError, UsageError
from dedup.groups.frame import below
from dedup.labels.coco import Coco
from dedup.model import SPLITS
from dedup.query.ordering import Rows
from dedup.sources.split_names import split_name
from dedup.splits import given, leaks
from dedup.splits.given import Splits
from dedup.store.decisions import SPLIT, Decisions
from dedup.ui.parts import filters, grid
from dedup.ui.shell import session
from dedup.ui.shell.current import decisions
from dedup.ui.shell.library import Opened
from dedup.ui.shell.literal import literal
from dedup.ui.shell.notices import errors_shown, guarded, say
from dedup.ui.shell.view import View
from dedup.words import plural

AS_FOLDER = "as the folder says"


def set_splits(opened: Opened, view: View) -> None:
    """Splits from files, or by hand."""
    dataset = opened.dataset
    set_before = dataset.decisions.values(SPLIT)
    with st.expander(
        "Set splits", icon=":material/edit:", expanded=not leaks.splits_of(dataset.frame), key="set splits"
    ):
        from_files, by_hand = st.tabs(["From files", "By hand"])
        with from_files, errors_shown():
            _from_files(opened)
        with by_hand:
            _by_hand(opened, view)
        if set_before:
            st.button(
                f"Forget the {plural(len(set_before), 'image')} set here, and go by folder names again",
                icon=":material/restart_alt:",
                type="tertiary",
                on_click=guarded(given.forget),
                args=(decisions(opened),),
            )


def _from_files(opened: Opened) -> None:
    dataset = opened.dataset
    files = st.file_uploader(
        "A CSV with the columns path and split, or one COCO file per split (train.json, val.json)",
        type=["csv", "json"],
        accept_multiple_files=True,
        key="split files",
    )
    told = [("the annotation files of this dataset", _own(opened))]
    if files:
        uploaded = {file.name: file.getvalue() for file in files}
        told = [(", ".join(uploaded), read_splits(uploaded, dataset))]
    for source, found in told:
        _offer(opened, source, found, always=bool(files))


def _own(opened: Opened) -> Splits:
    """What the dataset's own labels say."""
    dataset = opened.dataset

    def read() -> Splits:
        try:
            return given.from_labels(dataset.attachments, dataset.pictures)
        except AnnotationError:  # offered where it can be read; `dedup splits --from-annotations` says why not
            return Splits({})

    found: Splits = opened.remembered("own splits", read)
    return found


def read_splits(files: Mapping[str, bytes], dataset: Dataset) -> Splits:
    """What files (name to content) say about the dataset's images. Raises `UsageError`."""
    paths = dataset.frame["path"].tolist()
    with tempfile.TemporaryDirectory(prefix="dedup-") as scratch:
        written = [Path(scratch) / Path(name).name for name in files]
        for file, content in zip(written, files.values(), strict=True):
            file.write_bytes(content)
        try:
            said = _said(written, paths)
        except DedupError as error:  # a person knows the file by its name, not by where it lay for a moment
            raise UsageError(str(error).replace(f"{scratch}{os.sep}", "")) from error
    if not any(each.of for each in said):
        raise UsageError(
            "These files put no image of this dataset into a split. A CSV needs paths as in the dataset; "
            "a COCO file needs a name that says its split, such as train.json."
        )
    every = {path: split for each in said for path, split in each.of.items()}
    return Splits(
        every,
        tuple(name for each in said for name in each.missing),
        tuple(name for each in said for name in each.ambiguous),
    )


def _said(files: Sequence[Path], paths: Sequence[str]) -> list[Splits]:
    tables = [given.from_csv(file, paths) for file in files if file.suffix.lower() == ".csv"]
    read = [Coco.read(file) for file in files if file.suffix.lower() != ".csv"]
    met = {coco.path: coco.attach(paths) for coco in read}
    missing = tuple(name for each in met.values() for name in each.missing)
    return [*tables, given.from_labels(met), Splits({}, missing)]


def _offer(opened: Opened, source: str, found: Splits, *, always: bool) -> None:
    """What a source says, and the button that follows it."""
    new = found.new(opened.dataset.frame)
    if not always and not new:
        return
    counts = Counter(found.of.values())
    told = ", ".join(f"{count:,} in {name}" for name, count in counts.most_common())
    st.markdown(literal(f"By {source}: {told}. {plural(len(new), 'image')} would change."))
    if found.missing:
        st.caption(
            f"No image of this dataset: {plural(len(found.missing), 'name')}, such as {literal(found.missing[0])}."
        )
    if found.unclear:
        st.caption(
            f"Names that several images may have, and left alone: {plural(len(found.unclear), 'name')}, "
            f"such as {literal(found.unclear[0])}."
        )
    if found.several:
        st.caption(
            f"In several splits and left alone: {plural(len(found.several), 'image')}, "
            f"such as {literal(next(iter(found.several)))}."
        )
    st.button(
        f"Set the split of {plural(len(new), 'image')}",
        key=f"follow {source}",
        type="primary",
        disabled=not new,
        on_click=guarded(_follow),
        args=(decisions(opened), new, source),
    )


def _follow(mine: Decisions, new: Mapping[str, str], source: str) -> None:
    changed = given.follow(mine, new, source)
    say(f"{plural(changed, 'image')} changed their split.")


def _by_hand(opened: Opened, view: View) -> None:
    dataset = opened.dataset
    chosen = grid.rows_of(dataset, session.chosen())
    held = int(opened.mask(view.selection).sum())
    scopes = {
        "folder": "a folder",
        "chosen": f"the chosen ones: {plural(len(chosen), 'image')}",
        "selection": f"what the filters of the Explorer hold: {plural(held, 'image')}",
    }
    scope = st.radio("Which images", list(scopes), format_func=scopes.__getitem__, horizontal=True, key="split scope")
    left, middle, right = st.columns([3, 2, 2], vertical_alignment="bottom")
    if scope == "folder":
        folder = left.selectbox("Folder, with those inside it", filters.choices(opened, "folder"), key="split folder")
        rows = np.flatnonzero(below(dataset.frame["path"], [folder])) if folder else np.zeros(0, np.int64)
    else:
        rows = chosen if scope == "chosen" else np.flatnonzero(opened.mask(view.selection))
    names = [*SPLITS, *(name for name in leaks.splits_of(dataset.frame) if name not in SPLITS), AS_FOLDER]
    split = middle.selectbox("Split", names, accept_new_options=True, key="split name")
    right.button(
        f"Set the split of {plural(len(rows), 'image')}",
        key="set by hand",
        disabled=not len(rows) or not split,
        width="stretch",
        on_click=guarded(set_by_hand),
        args=(dataset, decisions(opened), rows, None if split == AS_FOLDER else split),
    )


def set_by_hand(dataset: Dataset, mine: Decisions, rows: Rows, split: str | None) -> None:
    """Put images into a split, or (None) back into the one their folder says, in one undoable step."""
    paths = dataset.frame["path"].to_numpy(object)[rows].tolist()
    typed = split.strip() if split else ""
    named = split_name(typed) or typed
    label = f"Put {plural(len(paths), 'image')} {f'into {named}' if named else 'back by folder'}"
    changed = mine.decide(given.changes(dict.fromkeys(paths, named)), label)
    say(f"{plural(changed, 'image')} changed their split.")
