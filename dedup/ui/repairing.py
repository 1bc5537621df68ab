"""The repair of leaks: the proposed moves, what they do, the button that accepts them, and files to take out."""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from html import escape

import pandas as pd
import streamlit as st

from dedup import leaks, splits
from dedup.dataset import Dataset
from dedup.leaks import Repair
from dedup.ui.current import decisions
from dedup.ui.library import Opened
from dedup.ui.notices import guarded, say
from dedup.ui.similar import sides
from dedup.words import plural


def proposal(opened: Opened) -> Repair:
    """The repair of the dataset as it is."""
    found: Repair = opened.remembered("repair", lambda: leaks.repair(opened.dataset.frame))
    return found


def repair(opened: Opened) -> None:
    """The proposed moves, what they do to the matrix and the classes, and the button that accepts them."""
    found = proposal(opened)
    if not found.moves:
        return
    st.subheader("Proposed repair")
    st.markdown(repair_words(found))
    _offer(opened, found)
    _matrices(found)
    _balance(opened.dataset.frame, found)
    _moves(opened.dataset, found)


def _offer(opened: Opened, found: Repair) -> None:
    with st.container(horizontal=True):
        st.button(
            f"Accept: move {plural(len(found.moves), 'image')}",
            type="primary",
            icon=":material/done_all:",
            on_click=guarded(accept),
            args=(opened, found),
        )
        st.download_button(
            "Download the moves (CSV)",
            lambda: leaks.moves_csv(found),
            f"{opened.dataset.name} moves.csv",
            icon=":material/download:",
            on_click="ignore",
        )
    st.caption("Accepting changes splits in this dataset only, in one step that Undo takes back; no file is moved.")


def _matrices(found: Repair) -> None:
    left, right = st.columns(2, gap="large")
    for column, title, table in ((left, "Before", found.before), (right, "After", found.after)):
        column.markdown(f"**{title}**: groups by pair of splits")
        column.html(matrix_html(table))


def _balance(frame: pd.DataFrame, found: Repair) -> None:
    table = balance(frame, found)
    changed = table[table.apply(lambda line: line.str.contains("→").any(), axis=1)]
    kept = len(table) - len(changed)
    st.markdown("**Class balance**: images of a class in each split, before → after")
    st.dataframe(changed)
    if kept:
        st.caption(f"{kept:,} other {'class keeps its' if kept == 1 else 'classes keep their'} counts.")


def _moves(dataset: Dataset, found: Repair) -> None:
    st.markdown(f"**{plural(len(found.moves), 'image')}** would move")
    st.dataframe(
        moves_table(dataset, found),
        hide_index=True,
        height=min(420, 38 + 46 * len(found.moves)),
        row_height=46,
        column_config={"Image": st.column_config.ImageColumn(width="small")},
    )


def repair_words(found: Repair) -> str:
    """The proposal in a few sentences, with the objective it is the best for."""
    flows = Counter((move.before, move.after) for move in found.moves)
    told = ", ".join(f"{count:,} from {one} to {other}" for (one, other), count in sorted(flows.items()))
    evaluation = (
        f"{plural(found.evaluation_moves, 'image')} must leave their evaluation split"
        if found.evaluation_moves
        else "every evaluation image stays where it is"
    )
    return (
        f"Move {plural(len(found.moves), 'image')} to their copies: {told}. "
        f"After that no group crosses, and {evaluation}. "
        f"The proposal keeps evaluation images in place first, then weighs few moves against the class balance "
        f"(imbalance {found.imbalance:.2f}, 0 keeps every count)."
    )


def accept(opened: Opened, found: Repair) -> None:
    """Set the splits of all moves in one undoable step."""
    label = f"Repair leaks: move {plural(len(found.moves), 'image')}"
    moved = decisions(opened).decide(splits.changes(found.splits()), label)
    say(f"{plural(moved, 'image')} moved to the split of their copies. Undo takes it back.")


def moves_table(dataset: Dataset, found: Repair) -> pd.DataFrame:
    """The moves as people read them, with a thumbnail each."""
    shown = sides(dataset, [move.row for move in found.moves])
    return pd.DataFrame(
        {
            "Image": [side["thumb"] for side in shown],
            "Path": [move.path for move in found.moves],
            "From": [move.before for move in found.moves],
            "To": [move.after for move in found.moves],
            "Group": [move.group for move in found.moves],
        }
    )


def balance(frame: pd.DataFrame, found: Repair) -> pd.DataFrame:
    """Classes by splits: the number of images before and after, the classes that change most first."""
    moved = found.splits()
    after = frame["path"].map(lambda path: moved.get(path, "")).where(frame["path"].isin(moved), frame["split"])
    names = [str(name) for name in found.before]
    before, then = (_class_counts(frame, split, names) for split in (frame["split"], after))
    change = (then - before).abs().sum(axis=1).sort_values(ascending=False, kind="stable")
    text = {
        name: [
            f"{one:,} → {other:,}" if one != other else f"{one:,}"
            for one, other in zip(before[name].loc[change.index], then[name].loc[change.index], strict=True)
        ]
        for name in names
    }
    return pd.DataFrame(text, index=pd.Index(change.index, name="Class"))


def _class_counts(frame: pd.DataFrame, split: pd.Series, names: list[str]) -> pd.DataFrame:
    labelled = pd.DataFrame(
        {"class": [tuple(each) or ("(no class)",) for each in frame["classes"]], "split": split.astype(str).to_numpy()}
    ).explode("class")
    counts = labelled.groupby(["class", "split"]).size().unstack(fill_value=0)
    return counts.reindex(columns=names, fill_value=0)


def matrix_html(table: pd.DataFrame) -> str:
    """A matrix as a small table; pairs that leak stand out."""
    names = [escape(str(name)) for name in table]
    head = "".join(f"<th>{name}</th>" for name in names)
    rows = []
    for place, line in enumerate(table.to_numpy().tolist()):
        cells = "".join(_cell_html(count, column - place) for column, count in enumerate(line))
        rows.append(f"<tr><th>{names[place]}</th>{cells}</tr>")
    return f'<table class="dedup-matrix"><tr><th></th>{head}</tr>{"".join(rows)}</table>'


def _cell_html(count: int, beside_diagonal: int) -> str:
    if beside_diagonal < 0:
        return "<td></td>"
    return f'<td class="{"leak" if count and beside_diagonal else "quiet"}">{count:,}</td>'


def take_out(opened: Opened) -> None:
    """One COCO file per split, as the splits stand."""
    dataset = opened.dataset
    if not dataset.annotations:
        return
    found = proposal(opened)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            "Download one COCO file per split (ZIP)",
            lambda: coco_zip(dataset, found),
            f"{dataset.name} splits.zip",
            icon=":material/folder_zip:",
            on_click="ignore",
        )
        st.caption(
            "With the proposed moves; every annotation as it was."
            if found.moves
            else "With the splits as they are now; every annotation as it was."
        )


def coco_zip(dataset: Dataset, found: Repair) -> bytes:
    """`<split>.json` for every split after the moves, label clashes resolved as decided."""
    of = leaks.splits_after(dataset.frame, found, dataset.labels.dropped)
    made = leaks.documents(dataset.resolved_sources, of)
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, document in made.items():
            archive.writestr(f"{name}.json", json.dumps(document))
    return held.getvalue()
