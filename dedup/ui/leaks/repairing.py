"""The repair of leaks: the proposed moves and what they do, the copies that may go instead, and files to take out."""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from collections.abc import Sequence
from html import escape

import pandas as pd
import streamlit as st

from dedup.dataset import Dataset
from dedup.labels.entries import chunks
from dedup.model import EVALUATION_SPLITS
from dedup.query.classes import counted
from dedup.query.selection import GOES, Selection
from dedup.review import acts
from dedup.review.acts import State
from dedup.splits import given, leaks
from dedup.splits.leaks import Repair
from dedup.ui.browser.sides import sides
from dedup.ui.duplicates.review import decide, state
from dedup.ui.shell import navigation, session
from dedup.ui.shell.current import decisions
from dedup.ui.shell.library import Opened
from dedup.ui.shell.literal import literal
from dedup.ui.shell.notices import guarded, overtaken, say
from dedup.words import plural, quote


def proposal(opened: Opened) -> Repair:
    """The repair of the dataset without the images that are decided to go."""
    found: Repair = opened.remembered("repair", lambda: leaks.repair(staying(opened), opened.dataset.pairs))
    return found


def staying(opened: Opened) -> pd.DataFrame:
    """The frame, in which the images that are decided to go are in no split."""
    found: pd.DataFrame = opened.remembered("staying", lambda: leaks.staying(opened.dataset.frame))
    return found


def repair(opened: Opened) -> None:
    """Both ways to end the leaks, and what the proposed moves do to the matrix and the classes."""
    found = proposal(opened)
    if not found.moves:
        return
    st.header("Proposed repair")
    st.markdown(literal(repair_words(found)))
    _offer(opened, found)
    _instead(opened)
    _matrices(found)
    _balance(opened.remembered("class balance", lambda: balance(staying(opened), found)))
    _moves(opened.remembered("moves", lambda: moves_table(opened.dataset, found)))


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
    st.caption(
        "Accepting changes splits in this dataset only, in one step that Undo takes back; no file is moved. "
        + decided_words(state(opened), found)
    )


def decided_words(now: State, found: Repair) -> str:
    """What becomes of the decisions about copies in the groups that move."""
    touched = [now.members[number] for number in {move.group for move in found.moves if move.group >= 0}]
    clashing = [rows for rows in touched if now.clash_of(rows) and not now.is_chosen(rows[0])]
    decided, doubtful = (sum(row in now.fates for rows in groups for row in rows) for groups in (touched, clashing))
    if doubtful:
        return (
            f"{plural(doubtful, 'decision')} may change, for labels clash in these groups: decide those clashes first."
        )
    return (
        f"What is decided in these groups ({plural(decided, 'decision')}) holds: their keepers stay." if decided else ""
    )


def _instead(opened: Opened) -> None:
    """The other way: copies outside evaluation data go, as when a person decides so in the review."""
    rows = acts.outside_evaluation(state(opened))
    with st.container(horizontal=True):
        if rows:
            st.button(
                f"Or let {plural(len(rows), 'copy')} go",
                icon=":material/delete_sweep:",
                on_click=guarded(let_go),
                args=(opened, len(rows)),
            )
        if st.button("See these groups in Duplicates", icon=":material/content_copy:", type="tertiary"):
            session.update(selection=across(opened.dataset.frame), panel="review", undecided=False)
            st.switch_page(navigation.duplicates())
    if rows:
        st.caption(let_go_words(staying(opened), rows, opened.dataset.pairs))


def across(frame: pd.DataFrame) -> Selection:
    """Selects, in the review, the groups with images inside and outside evaluation data."""
    outside = [name for name in leaks.splits_of(frame) if name not in EVALUATION_SPLITS]
    inside = ", ".join(map(quote, EVALUATION_SPLITS))
    return Selection(splits=tuple(outside), where=f"split in ({inside})")


def let_go_words(frame: pd.DataFrame, rows: list[int], pairs: pd.DataFrame) -> str:
    """What it means that the copies of `rows` go instead; `frame` is that of `staying`."""
    split = frame["split"].copy()
    split.iloc[rows] = ""
    left = frame.assign(split=split)
    still, containing = len(leaks.crossing_groups(left)), leaks.holders(leaks.parts_across(left, pairs))
    told = (
        "Evaluation data keeps its size, and copies of it outside are decided to go: the Removal plan of Duplicates "
        "carries that out, and Undo takes it back. "
    )
    told += f"{leaks.containing(containing)} even then. " if containing else ""
    if not still:
        return told + "After that no group crosses."
    return told + (
        f"{plural(still, 'group')} would still cross: copies that are protected, whose labels clash or whose keeper is "
        "outside evaluation data are yours to decide."
    )


def let_go(opened: Opened, count: int) -> None:
    """Decide that the copies outside evaluation data go; says so when they are not those that were shown."""
    now = state(opened)
    rows = acts.outside_evaluation(now)
    if len(rows) != count:
        say(f"It is {plural(len(rows), 'copy')} now, for another tab decided meanwhile. Look again.")
        return
    decide(opened, acts.let_go(now, rows))
    say(f"{plural(count, 'copy')} decided to go. The Removal plan carries it out, Undo takes it back.")


def _matrices(found: Repair) -> None:
    left, right = st.columns(2, gap="large")
    for column, title, table in ((left, "Before", found.before), (right, "After", found.after)):
        column.markdown(f"**{title}**: groups by pair of splits")
        column.html(matrix_html(table))


def _balance(table: pd.DataFrame) -> None:
    changed = table[table.apply(lambda line: line.str.contains("→").any(), axis=1)]
    kept = len(table) - len(changed)
    st.markdown("**Class balance**: images of a class in each split, before → after")
    st.dataframe(changed)
    if kept:
        st.caption(f"{kept:,} other {'class keeps its' if kept == 1 else 'classes keep their'} counts.")


def _moves(table: pd.DataFrame) -> None:
    st.markdown(f"**{plural(len(table), 'image')}** would move")
    st.dataframe(
        table,
        hide_index=True,
        height=min(420, 38 + 46 * len(table)),
        row_height=46,
        column_config={"Image": st.column_config.ImageColumn(width="small")},
    )


def repair_words(found: Repair) -> str:
    """The proposal in a few sentences."""
    flows = Counter((move.before, move.after) for move in found.moves)
    told = ", ".join(f"{count:,} from {one} to {other}" for (one, other), count in sorted(flows.items()))
    evaluation = (
        f"{plural(found.evaluation_moves, 'image')} must leave their evaluation split"
        if found.evaluation_moves
        else "every evaluation image stays where it is"
    )
    return (
        f"Move {plural(len(found.moves), 'image')} to {'its' if len(found.moves) == 1 else 'their'} copies"
        f"{' or to what shows a part of the same' if found.containing else ''}: {told}. After that no group crosses"
        f"{', no image contains one of another split' if found.containing else ''}, and {evaluation}. "
        "Among the proposals that keep evaluation data in place, this one moves few images and keeps the classes of "
        "every split as even as it can: the table below has the numbers."
    )


def accept(opened: Opened, found: Repair) -> None:
    """Set the splits of all moves in one undoable step; says so when they are not those that are due now."""
    told = plural(len(found.moves), "image")
    if proposal(opened).moves != found.moves:
        overtaken("repair")
        return
    keepers = acts.fixed(state(opened), [move.row for move in found.moves])
    decisions(opened).decide([*given.changes(found.splits()), *keepers], f"Repair leaks: move {told}")
    say(f"{told} moved to the split of their copies. Undo takes it back.")


def moves_table(dataset: Dataset, found: Repair) -> pd.DataFrame:
    """The moves as people read them, with a thumbnail each."""
    shown = sides(dataset, [move.row for move in found.moves])
    return pd.DataFrame(
        {
            "Image": [side["thumb"] for side in shown],
            "Path": [move.path for move in found.moves],
            "From": [move.before for move in found.moves],
            "To": [move.after for move in found.moves],
            "Group": [move.group if move.group >= 0 else None for move in found.moves],
        }
    )


def balance(frame: pd.DataFrame, found: Repair) -> pd.DataFrame:
    """Classes by splits: the number of images before and after, the classes that change most first."""
    after = frame["split"].tolist()
    for move in found.moves:
        after[move.row] = move.after
    names = [str(name) for name in found.before]
    before, then = (_class_counts(frame["classes"], split, names) for split in (frame["split"].tolist(), after))
    change = (then - before).abs().sum(axis=1).sort_values(ascending=False, kind="stable")
    text = {
        name: [
            f"{one:,} → {other:,}" if one != other else f"{one:,}"
            for one, other in zip(before[name].loc[change.index], then[name].loc[change.index], strict=True)
        ]
        for name in names
    }
    return pd.DataFrame(text, index=pd.Index(change.index, name="Class"))


def _class_counts(classes: pd.Series, splits: Sequence[str], names: list[str]) -> pd.DataFrame:
    counts = counted(classes.tolist(), splits, none=("(no class)",))
    return pd.Series(counts).unstack(fill_value=0).reindex(columns=names, fill_value=0)


def matrix_html(table: pd.DataFrame) -> str:
    """A matrix as a small table; pairs that leak stand out."""
    names = [escape(str(name)) for name in table]
    head = "".join(f"<th>{name}</th>" for name in names)
    rows = []
    for place, line in enumerate(table.to_numpy().tolist()):
        cells = "".join(_cell_html(count, column - place) for column, count in enumerate(line))
        rows.append(f"<tr><th>{names[place]}</th>{cells}</tr>")
    return f'<table class="dedup-matrix"><tr><td></td>{head}</tr>{"".join(rows)}</table>'


def _cell_html(count: int, beside_diagonal: int) -> str:
    if beside_diagonal < 0:
        return "<td></td>"
    return f'<td class="{"leak" if count and beside_diagonal else "quiet"}">{count:,}</td>'


def take_out(opened: Opened) -> None:
    """One COCO file per split, as the splits stand."""
    dataset = opened.dataset
    if not dataset.annotations:
        return
    found, going = proposal(opened), int((dataset.frame["decided"] == GOES).sum())
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            "Download one COCO file per split (ZIP)",
            lambda: coco_zip(dataset, found),
            f"{dataset.name} splits.zip",
            icon=":material/folder_zip:",
            on_click="ignore",
        )
        st.caption(
            ("With the proposed moves" if found.moves else "With the splits as they are now")
            + (f" and without the {plural(going, 'image')} decided to go" if going else "")
            + "; every annotation as it was. Filter & Export writes images and labels together, in any format, each "
            "image in the folder of its split."
        )


def coco_zip(dataset: Dataset, found: Repair) -> bytes:
    """`<split>.json` for every split after the moves, without what is decided to go, label clashes resolved as
    decided."""
    of = leaks.splits_after(leaks.staying(dataset.frame), found, dataset.labels.dropped)
    made, _ = leaks.documents(dataset.resolved_sources, of)
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, document in made.items():
            with archive.open(f"{name}.json", "w", force_zip64=True) as stream:
                stream.writelines(chunks(document))
    return held.getvalue()
