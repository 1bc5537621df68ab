"""What is in the dataset in a few numbers, each a way to the very images it counts, and what to look at first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import streamlit as st

from dedup.errors import AnnotationError
from dedup.labels.clashes import Clash
from dedup.model import Kind, Status
from dedup.query.issues import ISSUES, Issue
from dedup.query.outliers import FEWEST, Outliers, any_of, outliers
from dedup.query.selection import PARTS, Selection
from dedup.splits import leaks
from dedup.ui.parts.metric import staying
from dedup.ui.shell import navigation, session
from dedup.ui.shell.library import Opened
from dedup.ui.shell.view import ASCENDING, DESCENDING
from dedup.words import plural, size

ARROW = ":material/arrow_forward:"
A_ROW = 4
"""Tiles side by side."""
UNREADABLE = f'status == "{Status.FAILED}"'
"""Those that are exact copies of another by their bytes, too."""
FIRST = 10
"""Findings listed before the rest is asked for."""


@dataclass(frozen=True)
class Way:
    """A way to images: the address of a page, and for the Explorer what is selected and by which metric ordered."""

    page: str
    selection: Selection = field(default_factory=Selection)
    metric: str = "singularity"
    ascending: bool = True


@dataclass(frozen=True)
class Tile:
    """A number with its name, a word more, and the way to what it counts."""

    name: str
    number: str
    more: str
    way: Way | None
    further: Way | None = None
    """Where what `more` says leads."""


@dataclass(frozen=True)
class Finding:
    """Something to look at: how grave it is (0 first), of how many images, a sentence, and the way there."""

    grave: int
    count: int
    sentence: str
    way: Way


def explorer(where: str = "", *, metric: str = "singularity", ascending: bool = True, kind: str = "") -> Way:
    """The way to images in the Explorer."""
    return Way("explorer", Selection(where=where, kinds=(kind,) if kind else ()), metric, ascending)


def to_issue(kind: Issue, where: str) -> Way:
    """The way to the images that have an issue, the worst first."""
    metric = {"": "singularity", "size": "area"}.get(kind.column, kind.column)
    return explorer(where, metric=metric, ascending=kind.low is not None or not kind.column)


def go(way: Way) -> None:
    """Take a person there."""
    order = ASCENDING if way.ascending else DESCENDING
    session.update(selection=way.selection, metric=way.metric, order=order)
    st.switch_page(navigation.at(way.page))


def far(opened: Opened) -> list[Outliers]:
    """The outliers of every metric; no decision changes them."""
    found: list[Outliers] = opened.kept("outliers", lambda: outliers(opened.dataset.frame))
    return found


def tiles(opened: Opened) -> None:
    """A number each, with a way to what it counts."""
    told = list(_tiles(opened))
    for start in range(0, len(told), A_ROW):
        with st.container(key=f"tiles-{start}"):
            row = st.columns(A_ROW)
        for column, tile in zip(row, told[start : start + A_ROW], strict=False):
            with column.container(border=True, height="stretch", gap=None, key=f"tile-{tile.name}"):
                st.caption(tile.name)
                st.markdown(f"**{tile.number}**")
                if tile.more and tile.further is None:
                    st.caption(tile.more)
                for name, words, way in (("tile", "Look", tile.way), ("more", tile.more, tile.further)):
                    if way and st.button(words, key=f"{name} {tile.name}", type="tertiary", icon=ARROW):
                        go(way)


def _tiles(opened: Opened) -> Iterator[Tile]:
    dataset, counts = opened.dataset, opened.counts()
    frame = dataset.frame
    saved = opened.remembered("bytes saved", lambda: int(dataset.groups.table["bytes_saved"].sum()))
    similar = int((frame["similar"] > 0).sum())
    crossing, clashes = _crossing(opened), _clashes(opened)
    severe, every = (any_of(far(opened), severe=only) for only in (True, False))
    yield Tile("Images", f"{counts['']:,}", size(int(frame["bytes"].sum())), explorer())
    yield Tile(
        "Exact copies",
        f"{counts[Kind.EXACT]:,}",
        f"{size(saved)} with near ones" if saved else "",
        _if(counts[Kind.EXACT], kind=Kind.EXACT),
        Way("duplicates") if saved else None,
    )
    yield Tile(
        "Near duplicates",
        f"{counts[Kind.NEAR]:,}",
        staying(counts).strip(" ()"),
        _if(counts[Kind.NEAR], kind=Kind.NEAR),
    )
    yield Tile("Similar scenes", f"{similar:,}", "alike, and no copies", _if(similar, where="similar > 0"))
    if dataset.knows_parts:
        parts = int((frame["part_of"] > 0).sum())
        yield Tile("Parts of others", f"{parts:,}", "in crops, collages, screenshots", _if(parts, where=PARTS))
    splits = bool((frame["split"] != "").any())
    yield _decided_elsewhere(
        opened,
        "Groups across splits",
        f"{len(crossing):,}" if splits else "no splits",
        np.flatnonzero(frame["group"].isin(crossing)).tolist() if crossing else [],
        "leaks",
    )
    yield _decided_elsewhere(
        opened,
        "Label clashes",
        "not known" if clashes is None else f"{len(clashes):,}",
        [row for clash in clashes or () for row in (clash.left, clash.right)],
        "clashes",
    )
    extreme, outlying = (_selected(opened, where) for where in (severe, every))
    yield Tile(
        "Severe outliers",
        f"{extreme:,}",
        f"{outlying:,} with moderate ones",
        _if(extreme, where=severe),
        _if(outlying, where=every),
    )
    unreadable = _selected(opened, UNREADABLE)
    yield Tile("Unreadable", f"{unreadable:,}", "", _if(unreadable, where=UNREADABLE))


def _decided_elsewhere(opened: Opened, name: str, number: str, rows: list[int], page: str) -> Tile:
    """A tile of images that a page of its own decides about; it is the only way where they are too many to name."""
    where = opened.only(rows) if rows else ""
    if not where:
        return Tile(name, number, "", Way(page) if rows else None)
    return Tile(name, number, "Decide", explorer(where), Way(page))


def _if(count: int, *, where: str = "", kind: str = "") -> Way | None:
    return explorer(where, kind=kind) if count else None


def _selected(opened: Opened, where: str) -> int:
    return int(opened.mask(Selection(where=where)).sum()) if where else 0


def _crossing(opened: Opened) -> list[int]:
    found: list[int] = opened.remembered("crossing", lambda: leaks.crossing_groups(leaks.staying(opened.dataset.frame)))
    return found


def _clashes(opened: Opened) -> list[Clash] | None:
    """Open ones; None where a file of labels cannot be read."""
    try:
        return opened.dataset.open_clashes
    except AnnotationError:
        return None


def first(opened: Opened) -> None:
    """What to look at first, the gravest before the rest."""
    found = sorted(_findings(opened), key=lambda each: (each.grave, -each.count))
    st.markdown("## Look at these first")
    if not found:
        told = "no outliers" if far(opened) else f"and fewer than {FEWEST} images tell no outliers"
        st.success(f"Nothing stands out: no copies, no leaks, no clashes, {told}.", icon=":material/check_circle:")
        return
    wanted = len(found) if st.session_state.get("all findings") else FIRST
    with st.container(border=True, gap="xxsmall"):
        for place, each in enumerate(found[:wanted]):
            words, button = st.columns([8, 1], vertical_alignment="center")
            words.markdown(each.sentence)
            if button.button("Look", key=f"finding {place}", type="tertiary", icon=":material/arrow_forward:"):
                go(each.way)
        if len(found) > FIRST:
            st.toggle(f"All {len(found)}", key="all findings")


def _findings(opened: Opened) -> Iterator[Finding]:
    counts = opened.counts()
    total = max(1, counts[""])
    if crossing := len(_crossing(opened)):
        yield Finding(0, crossing, f"**{plural(crossing, 'group')}** of copies in more than one split: what is "
                      "measured with them is memory.", Way("leaks"))  # fmt: skip
    if clashes := len(_clashes(opened) or ()):
        yield Finding(0, clashes, f"**{plural(clashes, 'pair')}** of copies whose labels differ: one of them is wrong.",
                      Way("clashes"))  # fmt: skip
    if failed := _selected(opened, UNREADABLE):
        yield Finding(1, failed, f"**{plural(failed, 'file')}** that cannot be read.", explorer(UNREADABLE))
    if exact := counts[Kind.EXACT]:
        yield Finding(1, exact, f"**{plural(exact, 'exact copy')}**, {exact / total:.1%} of all: they say nothing new.",
                      Way("duplicates"))  # fmt: skip
    if near := counts[Kind.NEAR]:
        yield Finding(2, near, f"**{plural(near, 'near duplicate')}**, {near / total:.1%} of all.", Way("duplicates"))
    frame = opened.dataset.frame
    for kind in opened.dataset.issues:
        if not kind.column:
            continue
        where = opened.remembered(("issue", kind.name), partial(kind.where, frame))
        if count := _selected(opened, where):
            says = f": {kind.says}" if kind in ISSUES else ""  # which is meant at the usual threshold
            yield Finding(3, count, f"**{plural(count, 'image')}** {'is' if count == 1 else 'are'} {kind.kind}"
                          f"{says} ({kind.column.replace('_', ' ')} {kind.limits()}).",
                          to_issue(kind, where))  # fmt: skip
    for each in far(opened):
        if each.severe:
            yield Finding(
                4,
                each.severe,
                _far_words(each),
                explorer(each.fences.where(severe=True), metric=each.fences.metric.name),
            )


def _far_words(found: Outliers) -> str:
    ends, metric = found.fences, found.fences.metric
    middle = f"half of all lie between {metric.text(ends.low)} and {metric.text(ends.high)}"
    if ends.low == ends.high:
        middle = f"nearly all others have {metric.text(ends.low)}"
    return f"**{plural(found.severe, 'image')}** far from the others in {metric.title.lower()}: {middle}."
