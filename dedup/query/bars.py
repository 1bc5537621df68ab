"""How values spread between their ends, in equal steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def bars(values: NDArray[np.float64], count: int) -> tuple[float, float, NDArray[np.int64]]:
    """The ends of finite `values` (n,), of which there is one at least, and how many lie in each of so many equal steps
    between, (count,). Values that differ by no more than what numbers of their size can tell lie in the first."""
    low, high = float(values.min()), float(values.max())
    if high - low <= count * np.spacing(max(abs(low), abs(high))):
        return low, high, np.bincount([0], [len(values)], count).astype(np.int64)
    return low, high, np.histogram(values, count, (low, high))[0].astype(np.int64)
