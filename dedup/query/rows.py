"""Rows as people give them in Python: by their numbers, or by a mask."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dedup.errors import UsageError
from dedup.words import plural


def rows_meant(rows: Any, count: int) -> NDArray[np.int64]:
    """The numbers of the rows of `count` images that are meant by numbers, or by bool values of all of them.

    A mask that pandas made tells by its index which image each value is of: it may be of a part of the frame, or in
    another order; unknown values mean no. Raises `UsageError` for all else: what is taken for another image may be
    removed.
    """
    if isinstance(rows, str):
        raise UsageError(f"Rows are numbers or a mask. For those of an expression give select({rows!r}).")
    if isinstance(rows, pd.Series) and pd.api.types.is_bool_dtype(rows.dtype):
        values: NDArray[Any] = rows.index.to_numpy()[rows.fillna(False).to_numpy(bool)]
    else:
        values = np.asarray(rows)
        if values.dtype == bool and values.shape == (count,):
            return np.flatnonzero(values)
    if not values.size:
        return np.empty(0, np.int64)
    if values.dtype == bool or values.dtype.kind not in "iu" or values.ndim != 1:
        raise UsageError(f"Rows are numbers, or a mask of one yes or no for each of {plural(count, 'image')}.")
    if values.min() < 0 or values.max() >= count:
        wrong = values[(values < 0) | (values >= count)][0]
        raise UsageError(f"There is no row {wrong}: {plural(count, 'image')} have the numbers 0 to {count - 1:,}.")
    return values.astype(np.int64)
