"""Groups: a keeper and the images within the near-duplicate threshold of it. A star, never a chain."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

NONE = -1
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Groups:
    """`group` and `keeper` (row of the group's keeper), int32 (n,), -1 outside groups. `stays` (n,) int64: for every
    readable image the row of the exact copy that stays (itself when it stays), -1 for failures."""

    group: NDArray[np.int32]
    keeper: NDArray[np.int32]
    stays: Rows


def exact_classes(content: pd.Series) -> Rows:
    """Number of the set of exact copies each image is in, int64 (n,); -1 where `content` is '', which is not known."""
    codes, _ = pd.factorize(content.where(content != ""))
    return codes.astype(np.int64)


def copied(classes: Rows, left: Rows, right: Rows) -> NDArray[np.bool_]:
    """Which images have a copy, exact or near, bool (n,): of these alone somebody stays, and they are few.

    The arguments are those of `group`."""
    several = np.bincount(classes + 1, minlength=1) > 1  # the first are failures, class -1, that are nobody's copies
    several[0] = False
    several[classes[left] + 1] = several[classes[right] + 1] = True
    return np.asarray(several[classes + 1])


def group(classes: Rows, rank: Rows, left: Rows, right: Rows) -> Groups:
    """Form stars.

    `classes` (n,) from `exact_classes`; `rank` (n,) the order of who stays, all different; `left`, `right` (m,) rows
    of near pairs, whose exact copies are near as well. In the order of rank, an image that is in no group yet becomes
    the keeper of its exact copies and of the near images that are in no group yet: so every member is directly within
    the threshold of its keeper, and the outcome depends on nothing but rank and pairs.
    """
    stays_of_class = _stays(classes, rank)
    neighbours = _neighbours(classes, left, right)
    members = _members(classes, np.flatnonzero(copied(classes, left, right)))
    group_of_row = np.full(len(classes), NONE, np.int32)
    keeper_of_row = np.full(len(classes), NONE, np.int32)
    assigned: set[int] = set()
    candidates = sorted(
        set(neighbours) | {each for each, rows in members.items() if len(rows) > 1},
        key=lambda each: rank[stays_of_class[each]],
    )
    number = 0
    for each in candidates:
        if each in assigned:
            continue
        star = [each, *sorted(neighbours.get(each, set()) - assigned)]
        rows = np.concatenate([members[one] for one in star])
        assigned.update(star)
        if len(rows) > 1:
            group_of_row[rows] = number
            keeper_of_row[rows] = stays_of_class[each]
            number += 1
    stays = np.where(classes >= 0, stays_of_class[classes] if len(stays_of_class) else NONE, NONE)
    return Groups(group_of_row, keeper_of_row, stays)


def _stays(classes: Rows, rank: Rows) -> Rows:
    """The best-ranked row of each class."""
    order = np.argsort(rank)[::-1]
    order = order[classes[order] >= 0]
    stays = np.full(int(classes.max(initial=NONE)) + 1, NONE, np.int64)
    stays[classes[order]] = order  # later ones, of better rank, overwrite
    return stays


def _members(classes: Rows, rows: Rows) -> dict[int, Rows]:
    """Those of `rows` of each class."""
    order = rows[np.argsort(classes[rows], kind="stable")]
    starts = np.flatnonzero(np.diff(classes[order], prepend=NONE))
    return {int(classes[rows[0]]): rows for rows in np.split(order, starts[1:]) if len(rows)}


def _neighbours(classes: Rows, left: Rows, right: Rows) -> dict[int, set[int]]:
    found: dict[int, set[int]] = defaultdict(set)
    for one, other in zip(classes[left].tolist(), classes[right].tolist(), strict=True):
        found[one].add(other)
        found[other].add(one)
    return found
