"""Leaks: groups whose copies lie in more than one split, images in one that show a part of an image in another, and
the moves that repair them.

**Objective** of `repair`, minimised in this order: first `evaluation moves`, the images that leave an evaluation split
(so that evaluation data stays and the training copy comes to it); then `moves + imbalance`. `moves` counts images that
change their split; `imbalance` is the chi-square distance of every split's class counts from what they were, the sum
over splits and classes of `(n_after - n_before)**2 / max(n_before, 1)`: small while moves are spread, large where one
class drains out of one split. Whole groups move, and what holds a part of another moves with it, so after a repair
nothing crosses. Groups are placed one after the other, largest first, each where the objective grows least, and then
moved again while that lowers it: a local minimum, found the same way each time, and the least there is in evaluation
moves.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dedup.exports.base import Exportable
from dedup.exports.csv import encode, guarded
from dedup.files import require_free, write_chunks
from dedup.groups.frame import whole_and_part
from dedup.labels.clashes import Clash
from dedup.labels.coco import Attachment, Coco, ImageId
from dedup.labels.coco_join import NAMED_APART, Document, Part, told_apart
from dedup.labels.decided import Labels
from dedup.labels.entries import chunks
from dedup.model import EVALUATION_SPLITS, SPLITS, Status
from dedup.query.selection import GOES
from dedup.sources import Where
from dedup.splits import linked
from dedup.splits.given import check_name
from dedup.words import plural

PASSES = 20
SAY_SPLITS = "name folders train, val, test, or set splits with `dedup splits`"

Counts = dict[tuple[str, str], int]
"""Images by (split, class); class "" stands for images without one."""


@dataclass(frozen=True, slots=True)
class Move:
    """One image that changes its split; `group` is the number of its group, below 0 for one that has no copies and
    moves for the sake of a part."""

    row: int
    path: str
    group: int
    before: str
    after: str


@dataclass(frozen=True)
class Repair:
    """A proposal: `moves`, the matrix `before` and `after` them, how many images contained one of another split, and
    the objective's parts."""

    moves: tuple[Move, ...]
    before: pd.DataFrame = field(repr=False)
    after: pd.DataFrame = field(repr=False)
    containing: int
    evaluation_moves: int
    imbalance: float

    @property
    def cost(self) -> tuple[int, float]:
        """The module's objective: evaluation moves, then moves and imbalance."""
        return self.evaluation_moves, len(self.moves) + self.imbalance

    def splits(self) -> dict[str, str]:
        """Path to new split of every image that moves."""
        return {move.path: move.after for move in self.moves}


def splits_of(frame: pd.DataFrame) -> list[str]:
    """The splits that images are in, train, val and test first; images without a split count for none."""
    present = set(frame["split"].unique()) - {""}
    return [*(name for name in SPLITS if name in present), *sorted(present - set(SPLITS))]


def out_of_sight(frame: pd.DataFrame) -> str:
    """Why leaks may be there that no count shows, and what to do: too few splits, or images without one; else ''."""
    names, without = splits_of(frame), frame["path"][frame["split"] == ""]
    if not names:
        return f"no image has a split: {SAY_SPLITS}"
    if len(without):
        return f"{plural(len(without), 'image')} without a split, such as {without.iat[0]}: {SAY_SPLITS}"
    return "" if len(names) > 1 else f"every image is in {names[0]}: {SAY_SPLITS}"


def matrix(frame: pd.DataFrame) -> pd.DataFrame:
    """Splits x splits, int64, symmetric: the number of groups with images in both; on the diagonal the number of
    groups with two or more images in that split alone."""
    names = splits_of(frame)
    table = _members(frame, names)
    counts = table.to_numpy(np.int64)
    held = (counts > 0).astype(np.int64)
    values = held.T @ held
    np.fill_diagonal(values, ((counts > 1) & (held.sum(axis=1, keepdims=True) == 1)).sum(axis=0))
    return pd.DataFrame(values, index=names, columns=names)


def groups_across(frame: pd.DataFrame, one: str, other: str) -> list[int]:
    """Numbers of the groups in a cell of `matrix`, ascending."""
    names = splits_of(frame)
    if one not in names or other not in names:
        return []
    table = _members(frame, names)
    if one != other:
        return [int(number) for number in table.index[(table[one] > 0) & (table[other] > 0)]]
    return [int(number) for number in table.index[(table[one] > 1) & (table.gt(0).sum(axis=1) == 1)]]


def crossing_groups(frame: pd.DataFrame) -> list[int]:
    """Numbers of all groups with images in more than one split, ascending."""
    table = _members(frame, splits_of(frame))
    return [int(number) for number in table.index[table.gt(0).sum(axis=1) > 1]]


def parts_across(frame: pd.DataFrame, pairs: pd.DataFrame) -> list[tuple[int, int]]:
    """Rows of images that show another one, whole or in part, in a part of themselves, and of that one, in two splits:
    a collage in train that holds a test image. Known of datasets that were scanned thoroughly."""
    whole, part = whole_and_part(pairs)
    split = frame["split"].to_numpy(object)
    across = (split[whole] != split[part]) & (split[whole] != "") & (split[part] != "")
    return list(zip(whole[across].tolist(), part[across].tolist(), strict=True))


def holders(across: Iterable[tuple[int, int]]) -> int:
    """How many images contain one of another split, of what `parts_across` gave."""
    return len({whole for whole, _ in across})


def containing(count: int) -> str:
    """'2 images contain an image of another split'."""
    return f"{plural(count, 'image')} contain{'s' if count == 1 else ''} an image of another split"


def staying(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with the images that are decided to go in no split: what a repair is about."""
    return frame.assign(split=frame["split"].mask(frame["decided"] == GOES, ""))


def repair(frame: pd.DataFrame, pairs: pd.DataFrame) -> Repair:
    """Propose a split for every group that crosses, and for what holds a part of an image elsewhere, by the module's
    objective. Images without a split stay without."""
    split = frame["split"].to_numpy(object)
    group = frame["group"].to_numpy()
    rows = _crossing_units(frame, pairs)
    crossing = list(rows)
    plan = _Placement(split, [tuple(names) or ("",) for names in frame["classes"]])
    order = sorted(crossing, key=lambda number: (-len(rows[number]), number))
    targets = {number: sorted({split[row] for row in rows[number]}, key=_evaluation_first) for number in crossing}
    for _ in range(PASSES):
        if sum(plan.improve(number, rows[number], targets[number]) for number in order) == 0:
            break
    after = plan.result(rows)
    paths = frame["path"].to_numpy(object)
    moves = tuple(
        Move(row, paths[row], int(group[row]), split[row], after[row])
        for row in np.flatnonzero(after != split).tolist()
    )
    return Repair(
        moves=moves,
        before=matrix(frame),
        after=matrix(frame.assign(split=after)),
        containing=holders(parts_across(frame, pairs)),
        evaluation_moves=sum(move.before in EVALUATION_SPLITS for move in moves),
        imbalance=plan.imbalance(),
    )


def splits_after(frame: pd.DataFrame, proposal: Repair, dropped: Iterable[int] = ()) -> dict[str, str]:
    """Path to split, after the moves, of every image that has one; the rows `dropped` are left out."""
    moved, without = proposal.splits(), set(dropped)
    return {
        path: moved.get(path, split)
        for row, (path, split) in enumerate(zip(frame["path"], frame["split"], strict=True))
        if split and row not in without
    }


@dataclass(frozen=True)
class Repaired:
    """A dataset as it is after a repair, for exports to read: `splits` is what `splits_after` gave."""

    dataset: Exportable
    splits: Mapping[str, str]

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row per image, with its split after the moves."""
        frame = self.dataset.frame
        return frame.assign(split=[self.splits.get(path, "") for path in frame["path"]])

    @property
    def mask(self) -> NDArray[np.bool_]:
        """(n,) which readable images have a split then."""
        return np.asarray((self.frame["split"] != "") & (self.frame["status"] == Status.OK), bool)

    @property
    def pairs(self) -> pd.DataFrame:
        """One row per pair."""
        return self.dataset.pairs

    @property
    def root(self) -> Path:
        """The folder that paths are relative to."""
        return self.dataset.root

    @property
    def labels_root(self) -> Path:
        """The folder in which files of labels lie as the images lie below the root."""
        return self.dataset.labels_root

    @property
    def labels(self) -> Labels:
        """What images are labelled."""
        return self.dataset.labels

    @property
    def labels_left(self) -> Sequence[str]:
        """See `Exportable`."""
        return self.dataset.labels_left

    @property
    def open_clashes(self) -> list[Clash]:
        """The label clashes that nobody decided."""
        return self.dataset.open_clashes

    @property
    def address(self) -> str:
        """That folder, or other place, as people read it."""
        return self.dataset.address

    def where(self, row: int) -> Where:
        """Where the image of a row is."""
        return self.dataset.where(row)

    def file(self, row: int) -> Path:
        """The absolute file of a row."""
        return self.dataset.file(row)


class _Placement:
    """Where groups are placed so far, and how far that moves the class counts."""

    def __init__(self, split: NDArray[np.object_], classes: Sequence[tuple[str, ...]]) -> None:
        self.split, self.classes = split, classes
        self.before: Counts = Counter(
            (name, each) for name, names in zip(split, classes, strict=True) if name for each in names
        )
        self.change: Counts = Counter()
        self.target: dict[int, str] = {}

    def improve(self, number: int, rows: Sequence[int], targets: Sequence[str]) -> bool:
        """Place a group where the objective is least, its present place winning ties; True when it was placed anew."""
        present = self.target.get(number)
        if present is not None:
            self._shift(rows, present, -1)
        best = min(targets, key=lambda target: (*self._cost(rows, target), target != present))
        self._shift(rows, best, 1)
        self.target[number] = best
        return best != present

    def result(self, rows: Mapping[int, Sequence[int]]) -> NDArray[np.object_]:
        """The split of every image after the moves."""
        after = self.split.copy()
        for number, target in self.target.items():
            after[list(rows[number])] = target
        return after

    def imbalance(self) -> float:
        """The chi-square distance of the class counts from what they were."""
        return float(sum(change**2 / max(self.before[key], 1) for key, change in self.change.items()))

    def _cost(self, rows: Sequence[int], target: str) -> tuple[int, float]:
        moved = [row for row in rows if self.split[row] != target]
        leaving = sum(self.split[row] in EVALUATION_SPLITS for row in moved)
        shift = self._shifts(rows, target)
        imbalance = sum(
            ((self.change[key] + by) ** 2 - self.change[key] ** 2) / max(self.before[key], 1)
            for key, by in shift.items()
        )
        return leaving, round(len(moved) + imbalance, 9)

    def _shifts(self, rows: Sequence[int], target: str) -> Counts:
        shift: Counts = Counter()
        for row in rows:
            if self.split[row] != target:
                for each in self.classes[row]:
                    shift[self.split[row], each] -= 1
                    shift[target, each] += 1
        return shift

    def _shift(self, rows: Sequence[int], target: str, sign: int) -> None:
        for key, by in self._shifts(rows, target).items():
            self.change[key] += sign * by


def _evaluation_first(split: str) -> tuple[bool, str]:
    return split not in EVALUATION_SPLITS, split


def _crossing_units(frame: pd.DataFrame, pairs: pd.DataFrame) -> dict[int, list[int]]:
    """The rows, in a split each, of groups and what shares parts with them, where they lie in more than one; by the
    first row of all that belong together."""
    split = frame["split"].to_numpy(object)
    whole, part = whole_and_part(pairs)
    both = (split[whole] != "") & (split[part] != "")
    shared = zip(whole[both].tolist(), part[both].tolist(), strict=True)
    unit = linked.joined(len(frame), chain(linked.of_groups(frame["group"].to_numpy()), shared))
    code, names = pd.factorize(split)
    held = np.flatnonzero((names != "")[code])
    least, most = np.full(len(frame), len(names)), np.full(len(frame), -1)
    np.minimum.at(least, unit[held], code[held])
    np.maximum.at(most, unit[held], code[held])
    rows: dict[int, list[int]] = defaultdict(list)
    for row in held[(least < most)[unit[held]]].tolist():
        rows[int(unit[row])].append(row)
    return dict(rows)


def _members(frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Groups x splits: how many images of the group the split holds."""
    codes, present = pd.factorize(frame["split"])
    place_of = {name: place for place, name in enumerate(names)}
    split = np.array([place_of.get(each, -1) for each in present], np.int64)[codes]
    group = frame["group"].to_numpy()
    held = (group >= 0) & (split >= 0)
    numbers, place = np.unique(group[held], return_inverse=True)
    counts = np.bincount(place * len(names) + split[held], minlength=len(numbers) * len(names))
    return pd.DataFrame(counts.reshape(len(numbers), len(names)), index=numbers, columns=list(names))


# --- a repair as files ------------------------------------------------------------------------------------------------


def moves_csv(proposal: Repair) -> bytes:
    """The moves as CSV: path, group, before, after."""
    columns = ["path", "group", "before", "after"]
    rows = pd.DataFrame([[getattr(move, name) for name in columns] for move in proposal.moves], columns=columns)
    rows["group"] = rows["group"].astype("Int64").where(rows["group"] >= 0)
    return encode(guarded(rows, ("path",)), header=True)


def write_csv(proposal: Repair, output: Path, *, overwrite: bool = False) -> None:
    """Write `moves_csv` to a file. Raises `ExportError`."""
    write_chunks(output, [moves_csv(proposal)], overwrite)


def documents(
    sources: Sequence[tuple[Coco, Attachment]], splits: Mapping[str, str]
) -> tuple[dict[str, Document], tuple[str, ...]]:
    """One COCO document per split out of any number of them, to be written to files called `<split>.json`, and notes
    for a person; `splits` maps dataset paths to splits.

    Images that `sources` name and whose path has a split go there with their annotations, everything as it was. The
    first source that has an image of a split gives that document its other fields; what further sources add is joined
    to it as in `dedup.labels.coco_join`.
    """
    number = {path: place for place, path in enumerate(splits)}
    made: dict[str, Part] = {}
    for coco, attachment in sources:
        rows: dict[str, dict[ImageId, int]] = defaultdict(dict)
        for path, ids in attachment.image_ids.items():
            if split := splits.get(path):
                rows[split] |= dict.fromkeys(ids, number[path])
        for split in sorted(rows):
            part = Part.of(coco, rows[split])
            if split in made:
                made[split].take(part)
            else:
                made[split] = part
    paths, notes = list(splits), []
    every = [path for _, attachment in sources[:1] for path in (*attachment.image_ids, *attachment.unannotated)]
    for split, part in made.items():
        images = part.document["images"]
        apart = told_apart(Path(f"{split}.json"), images, [paths[row] for row in part.rows], every)
        renamed = sum(now is not was for was, now in zip(images, apart, strict=True))
        if renamed:
            part.document = part.document | {"images": apart}
            notes.append(f"{split}.json: {plural(renamed, 'image')} {NAMED_APART}")
    return {split: part.document for split, part in made.items()}, tuple(notes)


def write_coco(made: Mapping[str, Mapping[str, Any]], folder: Path, *, overwrite: bool = False) -> list[Path]:
    """Write documents as `<split>.json` into an existing folder and return their paths.

    Raises `UsageError` when a split cannot name a file, and `ExportError`; nothing was written then, save when the disk
    refuses.
    """
    files = {folder / f"{name}.json": document for name, document in made.items()}
    for name, output in zip(made, files, strict=True):
        check_name(name)
        require_free(output, overwrite)
    for output, document in files.items():
        write_chunks(output, chunks(document), overwrite)
    return list(files)
