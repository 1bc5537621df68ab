"""The review of groups: which are listed, how each is shown, and what a person's keys in it decide."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypedDict

import streamlit as st

from dedup import removal
from dedup.errors import UsageError
from dedup.matching import geometry, relations
from dedup.model import TAG_PREFIX, Kind, Role
from dedup.query.selection import Selection
from dedup.review import acts
from dedup.review.acts import Fate, Order, State, Step
from dedup.store.decisions import Decisions
from dedup.ui.browser import gallery
from dedup.ui.browser.sides import Side, finite, records, sides
from dedup.ui.clashes import inbox
from dedup.ui.parts import grid
from dedup.ui.shell import navigation, session
from dedup.ui.shell.current import decisions
from dedup.ui.shell.library import LIBRARY, Opened, asks_for_tags
from dedup.ui.shell.view import PANELS, View
from dedup.words import plural, size

SHEET = 20
"""Groups on one page."""
SHOWN_COPIES = 24
"""Copies of one group that are shown; an act means the others as well."""
POLL_SECONDS = 2.0
TOLD_AGAIN = 20
"""Tellings that go to the browser with every run, for it may miss those between two runs."""

WORKLIST, TOLD = "worklist", "review told"
ORDERS = {
    Order.SAVED: "Most space saved first",
    Order.SIZE: "Largest groups first",
    Order.CLOSEST: "Closest copies first",
    Order.FARTHEST: "Most doubtful first",
    Order.KIND: "Exact duplicates first",
}
PANEL_WORDS = dict(
    zip(
        PANELS,
        (
            ":material/keyboard: Review",
            ":material/rule: Decide by rule",
            ":material/quiz: Threshold by example",
            ":material/delete_sweep: Removal plan",
            ":material/history: History",
        ),
        strict=True,
    )
)
ACTS = {"accept": acts.accept, "keep": acts.keep, "drop": acts.drop, "apart": acts.apart}

Worklist = tuple[tuple[str, ...], ...]
"""Ids of the members of every listed group, as they were when the list was made."""


class Member(Side):
    """One copy in a strip. `fate` is a `dedup.review.acts.Fate`; distance, relation and affine lead to the keeper.
    Exact copies have one `content`."""

    fate: str
    content: str
    protected: bool
    split: str
    classes: list[str]
    tags: list[str]


class Strip(TypedDict):
    """One group. `keeper` is the id of who stays, `heir` of who stays when that one is dropped; `hidden` copies are
    not shown; `clash` is what the labels disagree on, "" when they agree or a person chose the keeper."""

    members: list[Member]
    keeper: str
    heir: str
    open: bool
    reason: str
    saved: int
    hidden: int
    clash: str


class Telling(TypedDict):
    """What a person is told, numbered; `refused` are the ids of a decision that was not made."""

    number: int
    words: str
    refused: list[str]


@dataclass(frozen=True)
class Sheet:
    """One page of the list: its groups' ids, its number from 1, how many there are, the groups before it and in all,
    and the ids of the first group after it."""

    groups: Worklist
    number: int
    of: int
    before: int
    total: int
    next_group: tuple[str, ...]


state = grid.decided
"""What stands decided now; its frame has the tags as they are now."""


def decide(opened: Opened, step: Step) -> int:
    """Make a step's changes as one undoable operation; returns how many there were."""
    return decisions(opened).decide(step.changes, step.label)


# --- events -----------------------------------------------------------------------------------------------------------


def key_of(opened: Opened) -> str:
    """The component's key: one per dataset, for its queue of events belongs to it."""
    return f"review {opened.dataset.info.key}"


def apply_events(opened: Opened) -> None:
    """Carry out what was decided in the strips, before anything is drawn."""
    mine = decisions(opened)
    gallery.carry_out(key_of(opened), lambda event: apply(opened, mine, event))


def apply(opened: Opened, mine: Decisions, event: gallery.Event) -> Callable[[], None] | None:
    """Carry out one event; returns what is left to do to the session: turn the page, leave for a clash, or
    tell what happened."""
    if event["action"] == "turn":
        return partial(_turn, int(event["tag"]))
    if event["action"] == "clash":
        return partial(inbox.ask, opened.dataset, event["ids"])
    try:
        told = _act(opened, mine, event["action"], event["ids"])
    except UsageError as error:
        return partial(_tell, str(error), event["ids"])
    return partial(_tell, told) if told else None


def _turn(sheet: int) -> None:
    session.update(sheet=sheet)
    session.synchronise()  # the script has begun: the next run would be late for whoever copies the address


def _act(opened: Opened, mine: Decisions, act: str, ids: Sequence[str]) -> str:
    """Decide as one key asks; returns what to tell.

    Raises `UsageError` when the group changed meanwhile or may not be decided like that.
    """
    if act in ("undo", "redo"):
        label = mine.undo(own=True) if act == "undo" else mine.redo()
        return f"{act.capitalize()}: {label}" if label else f"There is nothing to {act}."
    rows = grid.rows_of(opened.dataset, ids).tolist()
    if not rows:
        raise UsageError(acts.CHANGED)
    now = state(opened)
    step = acts.reopen(now, rows) if act == "reopen" else ACTS[act](now, rows[0])
    mine.decide(step.changes, step.label)
    return ""


def _tell(words: str, refused: Sequence[str] = ()) -> None:
    before = _told()
    number = before[-1]["number"] + 1 if before else 1
    st.session_state[TOLD] = [*before, Telling(number=number, words=words, refused=list(refused))][-TOLD_AGAIN:]


def _told() -> list[Telling]:
    told: list[Telling] = st.session_state.get(TOLD, [])
    return told


# --- the list ---------------------------------------------------------------------------------------------------------


def summary(opened: Opened) -> None:
    """How many groups there are, how many are open, and what leaves."""
    now = state(opened)
    told = acts.tally(now)
    parts = [
        plural(told["groups"], "group"),
        f"**{told['open']:,}** open",
        f"{plural(told['drop'], 'image')} go ({size(now.freed[now.dropped].sum())})",
    ]
    st.markdown(" · ".join(parts), width="content")


def panels(view: View) -> None:
    """What of the page is open."""
    st.segmented_control(
        "What to do",
        list(PANEL_WORDS),
        format_func=PANEL_WORDS.__getitem__,
        label_visibility="collapsed",
        required=True,
        **session.held("panel", view.panel, lambda panel: session.update(panel=panel or PANELS[0])),
    )


def controls(opened: Opened, view: View) -> None:
    """Order, which groups are listed, and a fresh list."""
    with st.container(width=215):
        st.selectbox(
            "Order",
            list(ORDERS),
            label_visibility="collapsed",
            format_func=ORDERS.__getitem__,
            **session.held("order of groups", view.groups, lambda order: session.update(groups=order)),
        )
    st.toggle(
        "Open only",
        help="Only groups that are not decided yet",
        **session.held("undecided", view.undecided, lambda only: session.update(undecided=only)),
    )
    st.button(
        "Refresh",
        icon=":material/refresh:",
        type="tertiary",
        help="Groups decided here stay in their place until the list is made anew",
        on_click=lambda: st.session_state.pop(WORKLIST, None),
    )


def sheet_of(opened: Opened, view: View) -> Sheet:
    """The page of the list that the view shows; the last one where the view asks for one beyond."""
    groups = worklist(opened, view)
    pages = max(1, -(-len(groups) // SHEET))
    number = min(view.sheet, pages)
    start = (number - 1) * SHEET
    after = groups[start + SHEET] if number < pages else ()
    return Sheet(groups[start : start + SHEET], number, pages, start, len(groups), after)


def worklist(opened: Opened, view: View) -> Worklist:
    """The listed groups. The list stands still while a person works through it: it is made anew for another order or
    filter, when a tag was given that the filter asks for, and when asked; after a scan the order stays."""
    tagged = opened.dataset.decisions.revisions()[0] if asks_for_tags(view.selection) else None
    key = (view.dataset, view.groups, view.undecided, view.selection, tagged)
    scan = opened.dataset.scan_id
    known: tuple[object, str, Worklist] | None = st.session_state.get(WORKLIST)
    if known is None or known[:2] != (key, scan):
        now = state(opened)
        ids = now.frame["id"].to_numpy(object)
        numbers = acts.listed(now, view.groups, view.selection, undecided=view.undecided)
        groups = tuple(tuple(ids[now.members[number]]) for number in numbers)
        known = (key, scan, _in_place(groups, known[2]) if known and known[0] == key else groups)
        st.session_state[WORKLIST] = known
    return known[2]


def _in_place(groups: Worklist, before: Worklist) -> Worklist:
    """Groups in the order that their images had before, new ones last."""
    place = {each: number for number, ids in enumerate(before) for each in ids}
    return tuple(sorted(groups, key=lambda ids: min(place.get(each, len(before)) for each in ids)))


def pager(sheet: Sheet, *, key: str) -> None:
    """Which page of the list."""
    if sheet.of > 1:
        st.pagination(
            sheet.of,
            max_visible_pages=7,
            **session.held(f"sheet {key}", sheet.number, lambda number: session.update(sheet=number)),
        )


def watch(opened: Opened, drawn: int) -> None:
    """See what other tabs and programs decide, within seconds. `drawn` is the revision before anything was drawn: one
    read later would hide what was decided meanwhile."""

    @st.fragment(run_every=POLL_SECONDS)
    def body() -> None:
        if not LIBRARY.is_current(opened) or opened.dataset.revision != drawn:
            st.rerun()

    body()


# --- the strips -------------------------------------------------------------------------------------------------------


def show(opened: Opened, view: View, sheet: Sheet) -> None:
    """The strips of one page, with the keyboard."""
    if not sheet.total:
        _nothing(opened, view)
        return
    gallery.mount(
        _component,
        key_of(opened),
        {
            "key": key_of(opened),
            "strips": strips(opened, sheet.groups),
            "sheet": {"number": sheet.number, "of": sheet.of, "before": sheet.before, "total": sheet.total},
            "preload": [url for side in _next_sides(opened, sheet) for url in (side["thumb"], side["full"])],
            "told": _told(),
            "tags": {tag.name: tag.colour for tag in opened.dataset.tags.values()},
        },
    )


def _next_sides(opened: Opened, sheet: Sheet) -> list[Side]:
    """The first group of the next page."""
    return sides(opened.dataset, grid.rows_of(opened.dataset, sheet.next_group[:4]).tolist())


def _nothing(opened: Opened, view: View) -> None:
    now = state(opened)
    if not now.members:
        _no_duplicate(opened)
    elif view.undecided and not now.open:
        st.success("Every group is decided. The removal plan shows what would go.", icon=":material/check_circle:")
        st.button("Removal plan", icon=":material/arrow_forward:", on_click=session.update, kwargs={"panel": "plan"})
    else:
        st.info("No group is in this selection. Take a filter away, or show decided groups.", icon=":material/info:")


def _no_duplicate(opened: Opened) -> None:
    """Why there is no group at all, and the ways on."""
    counts = opened.counts()
    gone = len(removal.standing(opened.dataset.directory))
    if counts[""] == counts[Kind.FAILED]:
        st.warning("No image of this dataset could be read, so none was compared.", icon=":material/broken_image:")
    else:
        left = f" {plural(gone, 'file')} left before: the removal plan brings them back." if gone else ""
        st.success(f"No image of this dataset has a duplicate.{left}", icon=":material/check_circle:")
    with st.container(horizontal=True):
        if gone:
            st.button("Removal plan", icon=":material/undo:", on_click=session.update, kwargs={"panel": "plan"})
        if st.button("Look at the images", icon=":material/bar_chart:", type="tertiary"):
            session.update(selection=Selection())
            st.switch_page(navigation.explorer())


def strips(opened: Opened, groups: Worklist) -> list[Strip]:
    """The strips of listed groups as they stand now; who joined a group since it was listed follows in its strip."""
    now = state(opened)
    found = (grid.rows_of(opened.dataset, ids).tolist() for ids in groups)
    drafts = [_Draft.of(now, rows) for rows in found if len(rows) > 1]
    needed = sorted({row for draft in drafts for row in (*draft.shown, draft.keeper, draft.heir)})
    links = _links(now, [(row, draft.keeper) for draft in drafts for row in draft.shown if row != draft.keeper])
    record_of = dict(zip(needed, records(now.frame, needed), strict=True))
    side_of = dict(zip(needed, sides(opened.dataset, needed), strict=True))
    tags = [name.removeprefix(TAG_PREFIX) for name in map(str, now.frame) if name.startswith(TAG_PREFIX)]
    return [
        {
            "members": [
                side_of[row] | _about(now, row, record_of[row], tags) | _beside(now, row, draft.keeper, links)
                for row in draft.shown
            ],
            "keeper": record_of[draft.keeper]["id"],
            "heir": record_of[draft.heir]["id"],
            "open": int(now.group[draft.keeper]) in now.open,
            "reason": record_of[draft.keeper]["keeper_reason"],
            "saved": int(now.freed[[row for row in draft.rows if row != draft.keeper]].sum()),
            "hidden": len(draft.rows) - len(draft.shown),
            "clash": "" if now.is_chosen(draft.keeper) else now.clash_of(draft.rows),
        }
        for draft in drafts
    ]


@dataclass(frozen=True)
class _Draft:
    """Which rows a strip is about."""

    rows: list[int]
    shown: list[int]
    keeper: int
    heir: int

    @classmethod
    def of(cls, now: State, rows: list[int]) -> _Draft:
        keeper = keeper_of(now, rows)
        group = now.members.get(int(now.group[keeper]), [])
        listed = set(rows)
        rows = [*rows, *(row for row in group if row not in listed)]
        return cls(rows, rows[:SHOWN_COPIES], keeper, now.heir(group) if len(group) > 1 else keeper)


def keeper_of(now: State, rows: Sequence[int]) -> int:
    """Who stays of the images that were a group: the keeper that most of them have, the first when they have none."""
    listed = set(rows)
    counted = Counter(keeper for row in rows if (keeper := int(now.keeper[row])) in listed)
    return max(counted, key=lambda row: (counted[row], -rows.index(row))) if counted else rows[0]


def _about(now: State, row: int, record: dict[str, Any], tags: Sequence[str]) -> Any:
    return {
        "content": record["content"] or record["id"],
        "protected": row in now.protected,
        "split": record["split"],
        "classes": list(record["classes"]),
        "tags": [tag for tag in tags if record[TAG_PREFIX + tag]],
    }


def _beside(now: State, row: int, keeper: int, links: Mapping[tuple[int, int], Any]) -> Any:
    """Fate, distance, relation, kind and map of a copy relative to the keeper, null where no verified pair links it."""
    if row == keeper:
        return {"fate": Fate.KEEPER, "role": Role.KEEPER}
    told = {"fate": now.fate(row, keeper), "role": Role.DUPLICATE}
    if now.is_copy(row, keeper):
        same_file = now.sha256(row) == now.sha256(keeper)
        words = relations.IDENTICAL_FILE if same_file else relations.IDENTICAL_PIXELS
        return told | {"relation": words, "kind": Kind.EXACT, "distance": 0.0, "affine": None}
    return told | links[row, keeper]


UNLINKED = {"relation": "no verified pair with the keeper", "kind": "", "distance": None, "affine": None}


def _links(now: State, couples: Sequence[tuple[int, int]]) -> dict[tuple[int, int], Any]:
    """What the stored pairs say of copies relative to their keepers; all at once, for one at a time is slow."""
    places = {couple: now.pair_of(*couple) for couple in couples}
    linked = [couple for couple, place in places.items() if place >= 0]
    found: dict[tuple[int, int], Any] = dict.fromkeys(places, UNLINKED)
    if not linked:
        return found
    pairs = now.pairs.iloc[[places[couple] for couple in linked]]
    turned = relations.invert(pairs)
    on_left = [left == now.stays(keeper) for left, (_, keeper) in zip(pairs["left"], linked, strict=True)]
    words = zip(relations.describe(pairs), relations.describe(turned), strict=True)
    maps = zip(*(records(table, range(len(linked))) for table in (pairs, turned)), strict=True)
    for couple, left, told, (forth, back) in zip(linked, on_left, words, maps, strict=True):
        found[couple] = {
            "relation": told[0] if left else told[1],
            "distance": float(forth["distance"]),
            "kind": Kind.NEAR,
            "affine": finite(geometry.pixel_affine(back if left else forth)),
        }
    return found


_component = st.components.v2.component(
    "dedup_review",
    html=gallery.asset("review.html"),
    css=gallery.asset("compare.css", "review.css"),
    js=gallery.asset(*gallery.COMMON_JS, "review.js"),
)
