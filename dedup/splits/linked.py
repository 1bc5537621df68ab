"""What belongs together and is never divided among splits: images that links join, directly or through others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Links = Iterable[tuple[int, int]]


def joined(count: int, links: Links) -> NDArray[np.int64]:
    """(count,): for each row the first that links lead to."""
    from scipy import sparse  # a quarter of a second that nothing else here needs

    ends = np.array(list(links), np.int64).reshape(-1, 2)
    graph = sparse.coo_array((np.ones(len(ends), np.int8), ends.T), (count, count))
    _, number = sparse.csgraph.connected_components(graph, directed=False)
    _, first = np.unique(number, return_index=True)
    return np.asarray(first[number], np.int64)


def of_one_value(values: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Links between the rows of one of the `values` (n,) that several have."""
    code = pd.factorize(np.asarray(values, object), use_na_sentinel=False)[0]
    rows = np.flatnonzero(np.bincount(code)[code] > 1)
    return alike((row, values[row]) for row in rows.tolist())


def alike(values: Iterable[tuple[int, object]]) -> Iterator[tuple[int, int]]:
    """Links between rows of one value; "" is none."""
    first: dict[object, int] = {}
    for row, value in values:
        if value != "":
            yield first.setdefault(value, row), row


def of_groups(group: NDArray[np.integer]) -> Iterator[tuple[int, int]]:
    """Links between the members of each group, by their numbers (n,); below 0 is none."""
    rows = np.flatnonzero(group >= 0)
    return alike(zip(rows.tolist(), group[rows].tolist(), strict=True))
