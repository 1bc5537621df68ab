"""Groups: a keeper and the images within the near-duplicate threshold of it. A star, never a chain."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
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
    candidates = np.unique(classes[copied(classes, left, right)])
    candidates = candidates[np.argsort(rank[stays_of_class[candidates]])]
    keeper_of_class = np.full(len(stays_of_class) + 1, NONE, np.int64)  # the last one is that of failures, class -1
    for each, star in _stars(candidates.tolist(), _neighbours(classes, left, right)):
        keeper_of_class[star] = each
    rows_of_keeper = np.bincount(keeper_of_class[classes] + 1, minlength=len(keeper_of_class))
    alone = rows_of_keeper < 2  # others took all their neighbours
    keeper_of_class[alone[keeper_of_class + 1]] = NONE
    number = np.full(len(keeper_of_class), NONE, np.int32)
    keepers = candidates[keeper_of_class[candidates] == candidates]
    number[keepers] = np.arange(len(keepers))
    stays_of_class = np.append(stays_of_class, NONE)
    return Groups(
        group=number[keeper_of_class][classes],
        keeper=stays_of_class[keeper_of_class][classes].astype(np.int32),
        stays=stays_of_class[classes],
    )


def _stars(candidates: Sequence[int], neighbours: Mapping[int, Sequence[int]]) -> Iterator[tuple[int, list[int]]]:
    """Each candidate that is still free when its turn comes, and the star of it and its free neighbours."""
    taken: set[int] = set()
    for each in candidates:
        if each not in taken:
            star = [each, *(other for other in neighbours.get(each, ()) if other not in taken)]
            taken.update(star)
            yield each, star


def _stays(classes: Rows, rank: Rows) -> Rows:
    """The best-ranked row of each class."""
    order = np.argsort(rank)[::-1]
    order = order[classes[order] >= 0]
    stays = np.full(int(classes.max(initial=NONE)) + 1, NONE, np.int64)
    stays[classes[order]] = order  # later ones, of better rank, overwrite
    return stays


def _neighbours(classes: Rows, left: Rows, right: Rows) -> Mapping[int, Sequence[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    for one, other in zip(classes[left].tolist(), classes[right].tolist(), strict=True):
        found[one].append(other)
        found[other].append(one)
    return found
