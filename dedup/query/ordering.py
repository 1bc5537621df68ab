"""The order of images in the grid, and its pages: pure functions over arrays.

Sorted by singularity, the images of a group stand side by side, keeper first, and no page cuts a group in two.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dedup.images import metrics

Rows = NDArray[np.int64]


def arrange(
    frame: pd.DataFrame,
    mask: NDArray[np.bool_],
    metric: str | NDArray[np.floating],
    *,
    ascending: bool = True,
    together: bool | None = None,
) -> Rows:
    """Row numbers of the images in `mask`, sorted by `metric`, its name or values (n,) of any; equal values by row
    number, images without one last.

    `frame` needs the columns `metric`, `group` (int, -1 none) and `keeper` (row number); `mask` is (n,) bool. With
    `together` (by default, when sorting by singularity) a group takes the place of its first member and its keeper
    leads it. O(n log n); 100,000 images take some 30 ms.
    """
    rows = np.flatnonzero(mask)
    values = (metrics.values(frame, metric) if isinstance(metric, str) else metric)[rows]
    keys = np.where(np.isnan(values), np.inf, values if ascending else -values)
    if together is None:
        together = isinstance(metric, str) and metric == "singularity"
    if not together:
        return rows[np.lexsort((rows, keys))]
    group = frame["group"].to_numpy()[rows].astype(np.int64)
    keeper = frame["keeper"].to_numpy()[rows].astype(np.int64)
    grouped = group >= 0
    leader = np.where(grouped & (keeper >= 0), keeper, rows)
    return rows[np.lexsort((rows, keys, rows != leader, leader, _first_of_group(keys, group)))]


def _first_of_group(keys: NDArray[np.float64], group: NDArray[np.int64]) -> NDArray[np.float64]:
    """For every image the smallest key of its group; its own where it has no group."""
    first = keys.copy()
    members = np.flatnonzero(group >= 0)
    if members.size:
        smallest = np.full(int(group.max()) + 1, np.inf)
        np.minimum.at(smallest, group[members], keys[members])
        first[members] = smallest[group[members]]
    return first


def pages(frame: pd.DataFrame, order: Rows, size: int, *, together: bool) -> Rows:
    """Where each page begins: increasing positions in `order`, the first 0, and a last one of `len(order)`.

    A page holds at most `size` images. With `together` a group that does not fit moves to the next page whole; only a
    group larger than a page runs on over several, and it begins one. An empty `order` is one empty page.
    """
    if not order.size:
        return np.array([0, 0])
    if not together:
        return np.append(np.arange(0, order.size, size), order.size)
    ends = _unit_ends(frame["group"].to_numpy()[order])
    starts = [0]
    while starts[-1] < order.size:
        starts.append(_page_end(ends, starts[-1], size))
    return np.array(starts)


def _unit_ends(group: NDArray[np.int32]) -> Rows:
    """Positions after which a page may end: after each ungrouped image and each run of one group."""
    same = (group[1:] == group[:-1]) & (group[1:] >= 0)
    return np.append(np.flatnonzero(~same) + 1, group.size)


def _page_end(ends: Rows, start: int, size: int) -> int:
    """The furthest allowed end within `size` of `start`; `size` further when one group fills more than a page."""
    last = int(np.searchsorted(ends, start + size, side="right")) - 1
    if last >= 0 and ends[last] > start:
        return int(ends[last])
    return start + size


def page_of(starts: Rows, position: int) -> int:
    """The page, from 1, that shows the image at `position` of the order."""
    return min(int(np.searchsorted(starts, position, side="right")), len(starts) - 1)
