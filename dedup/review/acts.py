"""Deciding what becomes of duplicates: what stands decided, what is open, and the changes that each act makes.

Everything is keyed by content, so that it survives a rescan, a rename and a move:

    kind      subject    object   value
    keeper    path       ''       '1': a person chose it to stay
    drop      path       sha256   sha256 of the image it goes for: holds while that one is its keeper
    keep      path       sha256   sha256 of its keeper: stays beside it although the two are the same
    verdict   sha256     sha256   'different' (`dedup.review.verdicts`)
    reviewed  ...                 the members a person went through (`dedup.review.verdicts`)
    folder    folder     ''       'protected' (never suggested for removal) or 'incoming' (suggested first)
    setting   keeper_rules        names of the keeper rules in force, in order
    setting   folder_classes      '0': folders are no classes, so copies in different ones do not clash; '1': they are

Acts are pure: they take a `State` and return a `Step`; `dedup.store.decisions.Decisions.decide` makes one undoable
operation of it. An act on a group that changed meanwhile, in another tab, raises instead of deciding something else.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dedup import removal
from dedup.dataset import FOLDER_CLASSES, KEEPER_RULES, Dataset
from dedup.errors import UsageError
from dedup.groups.fates import holding
from dedup.groups.members import members
from dedup.labels.resolve import Choice
from dedup.model import EVALUATION_SPLITS, Change, Kind
from dedup.query.selection import Selection
from dedup.review import bulk_rules, verdicts
from dedup.store.decisions import CLASH, DROP, FOLDER, KEEP, KEEPER, PROTECTED, REVIEWED, SETTING, VERDICT

CHANGED = "This group changed meanwhile. Look at it again, then decide."


class Fate(StrEnum):
    """What stands decided about one image of a group. DROP and KEEP are kinds of stored decisions."""

    OPEN = "open"
    KEEPER = "keeper"
    DROP = DROP
    KEEP = KEEP
    APART = "apart"


class Order(StrEnum):
    """In which order groups are reviewed."""

    SAVED = "saved"
    SIZE = "size"
    CLOSEST = "closest"
    FARTHEST = "farthest"
    KIND = "kind"


LABELS_CLASH = "labels clash"
"""Begins the reason why copies are held back whose labels disagree."""


@dataclass(frozen=True, slots=True)
class Step:
    """Changes that are made together, and what the history calls them."""

    label: str
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class State:
    """Everything that stands decided about the groups of a dataset at one moment.

    `members` group number to rows, keeper first, then by distance · `fates` DROP or KEEP of duplicates whose decision
    holds · `lapsed` rows whose decision was about another keeper · `protected` row to reason · `clashing` row to what
    its labels clash about · `chosen` paths a person chose to stay · `verdicts` pairs told apart and groups reviewed ·
    `away` how many images of a content were decided about and are no more where they were · `freed` (n,) bytes that
    the leaving of a copy frees.
    """

    frame: pd.DataFrame
    pairs: pd.DataFrame
    members: Mapping[int, list[int]]
    fates: Mapping[int, Fate]
    lapsed: frozenset[int]
    protected: Mapping[int, str]
    clashing: Mapping[int, str]
    chosen: frozenset[str]
    verdicts: verdicts.Verdicts
    away: Counter[str]
    freed: NDArray[np.int64]

    # --- looking --------------------------------------------------------------------------------------------------

    @cached_property
    def open(self) -> frozenset[int]:
        """Numbers of the groups with a copy that nobody decided about."""
        groups = {number: _with_away(each, self.away) for number, each in verdicts.memberships(self.frame).items()}
        settled = verdicts.settled(groups, verdicts.keepers(self.frame), self.verdicts)
        return frozenset(
            number
            for number, rows in self.members.items()
            if any(row not in self.fates for row in rows[1:])
            and (number not in settled or not self.lapsed.isdisjoint(rows))
        )

    @cached_property
    def hold(self) -> dict[int, str]:
        """Rows that no rule may suggest for removal, with the reason: in a protected folder, or in a group whose
        labels clash while no person chose its keeper."""
        held = {
            row: f"{LABELS_CLASH} in its group: {about}"
            for rows in self.members.values()
            if (about := self.clash_of(rows)) and not self.is_chosen(rows[0])
            for row in rows
        }
        return held | dict(self.protected)

    @cached_property
    def kept(self) -> dict[int, str]:
        """Rows that a person chose to stay, as keeper or beside one, with that as the reason."""
        keepers = [row for row, path in enumerate(self._paths) if path in self.chosen]
        beside = [row for row, fate in self.fates.items() if fate == Fate.KEEP]
        return {row: "a person chose it to stay" for row in (*keepers, *beside) if self.fates.get(row) != Fate.DROP}

    @cached_property
    def dropped(self) -> list[int]:
        """Rows decided to go."""
        return sorted(row for row, fate in self.fates.items() if fate == Fate.DROP)

    def clash_of(self, rows: Iterable[int]) -> str:
        """What the labels of a group clash about, "" when they agree."""
        return next((self.clashing[row] for row in rows if row in self.clashing), "")

    def is_chosen(self, row: int) -> bool:
        """Whether a person chose this image to stay."""
        return self.path(row) in self.chosen

    def path(self, row: int) -> str:
        """Path of an image."""
        return str(self._paths[row])

    def sha256(self, row: int) -> str:
        """Content of an image."""
        return str(self._hashes[row])

    def group_of(self, row: int) -> list[int]:
        """The rows of the group of an image, keeper first. Raises `UsageError` when it is in none any more."""
        number = int(self.group[row])
        if number < 0:
            raise UsageError(CHANGED)
        return self.members[number]

    def is_copy(self, one: int, other: int) -> bool:
        """Whether two images have the same pixels."""
        return bool(self._content[one] == self._content[other] and self._content[one])

    def related(self, row: int, rows: Sequence[int]) -> list[int]:
        """Those of `rows`, all of the group of `row`, that are verified duplicates of it itself."""
        own = self.stays(row)
        left, right, near = self._sides
        others = {*right[near & (left == own)].tolist(), *left[near & (right == own)].tolist(), own}
        return [each for each in rows if self.stays(each) in others]

    def stays(self, row: int) -> int:
        """The one of its exact copies that stands for an image in the pairs."""
        return int(self._nearest[row]) if self._exact[row] else row

    def pair_of(self, one: int, other: int) -> int:
        """Place in `pairs` of the pair that links two images or their exact copies, -1 when none does."""
        left, right, _ = self._sides
        here, there = self.stays(one), self.stays(other)
        found = np.flatnonzero(((left == here) & (right == there)) | ((left == there) & (right == here)))
        return int(found[0]) if len(found) else -1

    def heir(self, rows: Sequence[int]) -> int:
        """Who stays when the keeper of a group (the first of `rows`) is dropped: of the copies not dropped (of all,
        when every one is) the largest picture, then the largest file. Raises `UsageError` when it is alone."""
        rest = [row for row in rows[1:] if self.fates.get(row) != Fate.DROP] or rows[1:]
        if not rest:
            raise UsageError("The last copy of a group always stays.")
        area = self.frame["width"].to_numpy(np.int64) * self.frame["height"].to_numpy(np.int64)
        return max(rest, key=lambda row: (area[row], self.bytes[row], -row))

    def fate(self, row: int, keeper: int) -> Fate:
        """What stands decided about an image that is, or was, in the group of `keeper`."""
        if row in self.fates:
            return self.fates[row]
        if row == keeper and self.group[row] >= 0:
            return Fate.KEEPER
        told_apart = frozenset((self.sha256(row), self.sha256(keeper))) in self.verdicts.different
        return Fate.APART if told_apart and row != keeper else Fate.OPEN

    @cached_property
    def group(self) -> NDArray[np.int32]:
        """Group number of every image, -1 outside groups."""
        return self.frame["group"].to_numpy(np.int32)

    @cached_property
    def keeper(self) -> NDArray[np.int32]:
        """Row of every image's keeper, -1 outside groups."""
        return self.frame["keeper"].to_numpy(np.int32)

    @cached_property
    def bytes(self) -> NDArray[np.int64]:
        """Size of every file."""
        return self.frame["bytes"].to_numpy(np.int64)

    @cached_property
    def _paths(self) -> NDArray[np.object_]:
        return self.frame["path"].to_numpy(object)

    @cached_property
    def _hashes(self) -> NDArray[np.object_]:
        return self.frame["sha256"].to_numpy(object)

    @cached_property
    def _content(self) -> NDArray[np.object_]:
        return self.frame["content"].to_numpy(object)

    @cached_property
    def _exact(self) -> NDArray[np.bool_]:
        return (self.frame["kind"] == Kind.EXACT).to_numpy(np.bool_)

    @cached_property
    def _nearest(self) -> NDArray[np.int32]:
        return self.frame["nearest"].to_numpy(np.int32)

    @cached_property
    def _sides(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
        """Left and right rows of all pairs, and which are near."""
        left, right = (self.pairs[side].to_numpy(np.int64) for side in ("left", "right"))
        return left, right, (self.pairs["kind"] == Kind.NEAR).to_numpy(np.bool_)


def state(dataset: Dataset, about: Mapping[int, str] | None = None) -> State:
    """What stands decided now. `about` what labels clash about, as from `clashing`."""
    frame, decided = dataset.frame, dataset.decisions.values
    fates, lapsed = holding(frame, {kind: decided(kind) for kind in (DROP, KEEP)})
    return State(
        frame=frame,
        pairs=dataset.pairs,
        members=members(frame),
        fates={row: Fate(kind) for row, kind in fates.items()},
        lapsed=frozenset(lapsed),
        protected=bulk_rules.protected(frame, dataset.folders(PROTECTED)),
        clashing=about or {},
        chosen=frozenset(path for path, _ in decided(KEEPER)),
        verdicts=verdicts.of(dataset.decisions),
        away=_away(frame, decided(DROP).keys() | decided(KEEP).keys()),
        freed=dataset.freed,
    )


def _away(frame: pd.DataFrame, decided: Collection[tuple[str, str]]) -> Counter[str]:
    """How often each content is among `decided`, as path and hash, without an image there that has it."""
    here = set(zip(frame["path"], frame["sha256"], strict=True)) if decided else set()
    return Counter(sha256 for path, sha256 in decided if (path, sha256) not in here)


def _with_away(members: verdicts.Members, away: Counter[str]) -> verdicts.Members:
    """The hashes of a group with those of its decided copies that left: one that comes after them is another one."""
    return (*members, *(sha256 for sha256 in set(members) for _ in range(away[sha256])))


def clashing(dataset: Dataset) -> dict[int, str]:
    """Rows whose labels disagree as long as no person settled it, with what about."""
    decided, paths = dataset.decisions.values(CLASH), dataset.frame["path"].tolist()
    return {
        row: case.clash.sentence(f"in {paths[case.clash.left]}", f"in {paths[case.clash.right]}")
        for case in dataset.clashes
        if case.choice(decided) in (None, Choice.LEAVE)
        for row in (case.clash.left, case.clash.right)
    }


# --- which groups, in which order -------------------------------------------------------------------------------------


def listed(now: State, order: Order, selection: Selection | None = None, *, undecided: bool = False) -> list[int]:
    """Numbers of the groups to review, in order.

    A group is in the selection when for each of its conditions some member meets it; with `undecided`, only open ones.
    """
    numbers = [number for number in now.members if not undecided or number in now.open]
    if selection:
        fitting = [set(now.group[part.mask(now.frame)].tolist()) for part in _conditions(selection)]
        numbers = [number for number in numbers if all(number in each for each in fitting)]
    keys = _sort_keys(now, order)
    return sorted(numbers, key=lambda number: (*keys[number], number))


def _conditions(selection: Selection) -> list[Selection]:
    """Each condition of a selection as a selection of its own."""
    plain = Selection()
    named = [field.name for field in fields(Selection) if getattr(selection, field.name) != getattr(plain, field.name)]
    return [replace(plain, **{name: getattr(selection, name)}) for name in named]


def _sort_keys(now: State, order: Order) -> dict[int, tuple[float, ...]]:
    distance = now.frame["distance"].to_numpy(np.float64)
    exact = (now.frame["kind"] == Kind.EXACT).to_numpy()

    def key(rows: list[int]) -> tuple[float, ...]:
        saved = -float(now.freed[rows[1:]].sum())
        if order == Order.SIZE:
            return (-len(rows), saved)
        if order == Order.CLOSEST:
            return (float(np.nanmax(distance[rows[1:]])), saved)
        if order == Order.FARTHEST:
            return (-float(np.nanmax(distance[rows[1:]])), saved)
        if order == Order.KIND:
            return (-float(exact[rows[1:]].mean()), saved)
        return (saved,)

    return {number: key(rows) for number, rows in now.members.items()}


# --- acts -------------------------------------------------------------------------------------------------------------


def accept(now: State, keeper: int) -> Step:
    """Do as suggested: the keeper stays, its copies that are still open go, except those in protected folders.

    Raises `UsageError` when `keeper` is none any more, or when labels clash and no person chose it.
    """
    rows = now.group_of(keeper)
    if rows[0] != keeper:
        raise UsageError(CHANGED)
    if now.clash_of(rows) and not now.is_chosen(keeper):
        raise UsageError("The labels of these copies clash. Choose the one to keep yourself.")
    draft = _Draft(now)
    for row in rows[1:]:
        if row not in now.fates:
            draft.leave(row, keeper)
    return draft.step(f"Accept {now.path(keeper)}: {_images(draft.dropping)}")


def keep(now: State, row: int) -> Step:
    """This image stays as the keeper; the others that are duplicates of it go, except those in protected folders."""
    rows = now.group_of(row)
    draft = _Draft(now)
    draft.choose(row, rows)
    others = [each for each in rows if each != row]
    related = set(now.related(row, others))
    for other in others:
        if other in related:
            draft.leave(other, row)
        else:
            draft.clear(other)
    return draft.step(f"Keep {now.path(row)}: {_images(draft.dropping)}")


def drop(now: State, row: int) -> Step:
    """This image goes; where it was the keeper, `State.heir` takes its place. Raises `UsageError` when protected."""
    if row in now.protected:
        raise UsageError(f"{now.path(row)} stays: {now.protected[row]}.")
    rows = now.group_of(row)
    draft = _Draft(now)
    if row != rows[0]:
        draft.decide(Fate.DROP, row, rows[0])
        if now.clash_of(rows):
            draft.choose(rows[0], rows)
        return draft.step(f"Remove {now.path(row)}")
    heir = now.heir(rows)
    draft.choose(heir, rows)
    related = set(now.related(heir, rows))
    draft.decide(Fate.DROP, row, heir) if row in related else draft.clear(row)
    for other in rows[1:]:
        if other != heir and other in now.fates:
            draft.decide(now.fates[other], other, heir) if other in related else draft.clear(other)
    return draft.step(f"Remove {now.path(row)}, keep {now.path(heir)}")


def apart(now: State, row: int) -> Step:
    """This image is no duplicate of its keeper: both stay. For the keeper: of none of its copies that are open (of
    none at all, when none is open)."""
    rows = now.group_of(row)
    meant = [row] if row != rows[0] else [each for each in rows[1:] if each not in now.fates] or rows[1:]
    draft = _Draft(now)
    for each in meant:
        draft.part(each, rows[0])
    names = now.path(row) if row != rows[0] else f"{_images(meant)} of its group"
    return draft.step(f"Not a duplicate of {now.path(rows[0])}: {names}")


def reopen(now: State, rows: Sequence[int]) -> Step:
    """Take back every decision about these images and among them."""
    draft = _Draft(now)
    hashes = {now.sha256(row) for row in rows}
    for row in rows:
        draft.clear(row)
        if now.is_chosen(row):
            draft.add((KEEPER, now.path(row), "", None))
    for pair in now.verdicts.different:
        if pair <= hashes:
            draft.add(verdicts.change(*pair, remove=True))
    for reviewed in now.verdicts.reviewed:
        if not hashes.isdisjoint(reviewed):
            draft.add(verdicts.review(reviewed, remove=True))
    return Step(f"Open again: {now.path(rows[0])}", tuple(draft.changes))


def outside_evaluation(now: State) -> list[int]:
    """Rows of the open copies outside evaluation data whose keeper is in it, but for those in `State.hold`: what may
    go instead of moving there."""
    split = now.frame["split"]
    inside = split.isin(EVALUATION_SPLITS).to_numpy()
    outside = (split != "").to_numpy() & ~inside
    return [
        row
        for rows in now.members.values()
        if inside[rows[0]]
        for row in rows[1:]
        if outside[row] and row not in now.fates and row not in now.hold
    ]


def let_go(now: State, rows: Sequence[int]) -> Step:
    """These copies go."""
    draft = _Draft(now)
    for row in rows:
        draft.leave(row, now.group_of(row)[0])
    return draft.step(f"Let {_images(rows)} outside evaluation data go")


def fixed(now: State, rows: Iterable[int]) -> list[Change]:
    """Changes that choose the keepers of those images' groups in which copies are decided, so that these decisions
    hold whatever rule would choose another. Not where labels clash: there the choice is that of a label."""
    groups = {int(now.group[row]) for row in rows if now.group[row] >= 0}
    decided = [now.members[number] for number in sorted(groups) if not now.fates.keys().isdisjoint(now.members[number])]
    return [(KEEPER, now.path(members[0]), "", "1") for members in decided if not now.clash_of(members)]


def previews(now: State) -> list[bulk_rules.Preview]:
    """What each bulk rule would do to the copies that are still open."""
    return [_undecided(now, each) for each in bulk_rules.previews(now.frame, hold=now.hold)]


def preview(now: State, name: str) -> bulk_rules.Preview:
    """What the bulk rule of that name would do to the copies that are still open."""
    rule = next(each for each in bulk_rules.RULES if each.name == name)
    return _undecided(now, bulk_rules.preview(now.frame, rule, now.hold))


def by_rule(now: State, preview: bulk_rules.Preview) -> Step:
    """Everything that a bulk rule's preview says, as one step."""
    draft = _Draft(now)
    for row in preview.drop:
        draft.leave(row, now.group_of(row)[0])
    for row, _ in preview.apart:
        draft.part(row, now.group_of(row)[0])
    return draft.step(f"{preview.rule.title}: {_images(range(preview.count))}")


def _undecided(now: State, preview: bulk_rules.Preview) -> bulk_rules.Preview:
    drop_rows = tuple(row for row in preview.drop if row not in now.fates)
    size = int(now.freed[list(drop_rows)].sum())
    apart_rows = tuple(couple for couple in preview.apart if couple[0] not in now.fates)
    return replace(preview, drop=drop_rows, apart=apart_rows, bytes=size)


def plan(dataset: Dataset, now: State, *, companions: bool = True) -> removal.Plan:
    """The removal of every image decided to go; protected folders and undecided label clashes are held back."""
    return removal.plan(dataset, now.dropped, hold=now.hold, decided=True, companions=companions)


def due(dataset: Dataset, now: State, *, companions: bool = True) -> removal.Plan:
    """The removal that nobody needs to specify: of what people decided, and where they never decided anything of the
    redundant exact copies that nothing holds back."""
    if ever_decided(dataset):
        return plan(dataset, now, companions=companions)
    return removal.plan(dataset, hold=now.kept | now.hold, companions=companions)


def ever_decided(dataset: Dataset) -> bool:
    """Whether people ever decided about a copy of this dataset, also when they took it back or the copy has left."""
    return dataset.decisions.ever((DROP, KEEP, KEEPER, VERDICT, REVIEWED))


def folder_step(folder: str, role: str | None) -> Step:
    """Make a folder PROTECTED or INCOMING, or neither (None)."""
    label = f"Folder {folder}: {role}" if role else f"Folder {folder}: neither protected nor incoming"
    return Step(label, ((FOLDER, folder, "", role),))


def folder_classes_step(are_classes: bool) -> Step:
    """Say whether the names of folders are labels; until then it is told from how they look."""
    label = "Folders are classes" if are_classes else "Folders are not classes"
    return Step(label, ((SETTING, FOLDER_CLASSES, "", "1" if are_classes else "0"),))


def rules_step(names: Sequence[str]) -> Step:
    """Put keeper rules in force, in this order."""
    return Step("Change the keeper rules", ((SETTING, KEEPER_RULES, "", json.dumps(list(names))),))


class _Draft:
    """The changes of one act while they are put together, and what they mean for the groups they touch."""

    def __init__(self, now: State) -> None:
        self.now = now
        self.changes: list[Change] = []
        self.fates: dict[int, Fate] = {}
        self.keeper: dict[int, int] = {}

    @property
    def dropping(self) -> list[int]:
        """Rows that this act drops."""
        return [row for row, fate in self.fates.items() if fate == Fate.DROP]

    def add(self, change: Change) -> None:
        self.changes.append(change)

    def leave(self, row: int, keeper: int) -> None:
        """The suggestion for a duplicate of `keeper`: it goes, but from a protected folder it never does."""
        self.decide(Fate.KEEP if row in self.now.protected else Fate.DROP, row, keeper)

    def decide(self, fate: Fate, row: int, keeper: int) -> None:
        other = Fate.KEEP if fate == Fate.DROP else Fate.DROP
        path, sha256 = self.now.path(row), self.now.sha256(row)
        self.changes += [(fate, path, sha256, self.now.sha256(keeper)), (other, path, sha256, None)]
        self.fates[row] = fate

    def part(self, row: int, keeper: int) -> None:
        """Both stay: identical ones side by side, others told apart."""
        if self.now.is_copy(row, keeper):
            self.decide(Fate.KEEP, row, keeper)
            return
        self.clear(row)
        self.add(verdicts.change(self.now.sha256(row), self.now.sha256(keeper)))
        self.fates[row] = Fate.APART

    def clear(self, row: int) -> None:
        path, sha256 = self.now.path(row), self.now.sha256(row)
        self.changes += [(Fate.DROP, path, sha256, None), (Fate.KEEP, path, sha256, None)]
        self.fates[row] = Fate.OPEN

    def choose(self, row: int, rows: Sequence[int]) -> None:
        """`row` is the keeper of the group of `rows`."""
        self.clear(row)
        self.changes += [(KEEPER, self.now.path(each), "", None) for each in rows if each != row]
        self.add((KEEPER, self.now.path(row), "", "1"))
        self.fates[row] = Fate.KEEPER

    def step(self, label: str) -> Step:
        """The act with the record that the groups it leaves without an open copy were reviewed."""
        groups = {int(self.now.group[row]) for row in self.fates}
        reviewed = [self._reviewed(self.now.members[number]) for number in sorted(groups)]
        return Step(label, (*self.changes, *(verdicts.review(hashes) for hashes in reviewed if hashes)))

    def _reviewed(self, rows: list[int]) -> list[str]:
        """Hashes of the members that stay together when all of them are decided, else none."""
        fates = {row: self.fates.get(row, self.now.fates.get(row, Fate.OPEN)) for row in rows}
        if Fate.KEEPER not in fates.values():
            fates[rows[0]] = Fate.KEEPER
        told_apart = [row for row, fate in fates.items() if fate == Fate.APART]
        together = [row for row in rows if not any(self.now.is_copy(row, each) for each in told_apart)]
        if len(together) < 2 or any(fates[row] == Fate.OPEN for row in together):
            return []
        return [self.now.sha256(row) for row in together]


def _images(rows: Sequence[int]) -> str:
    return "1 image" if len(rows) == 1 else f"{len(rows):,} images"


def tally(now: State) -> Counter[str]:
    """Groups, open ones, and images decided to go, by the names "groups", "open" and "drop"."""
    return Counter(groups=len(now.members), open=len(now.open), drop=len(now.dropped))
