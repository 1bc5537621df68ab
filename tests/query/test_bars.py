"""How values spread between their ends."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup.query.bars import bars

VALUES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50)


@given(VALUES, st.integers(1, 30))
def test_every_value_lies_in_one_step(values, count):
    low, high, counts = bars(np.array(values), count)
    assert (low, high) == (min(values), max(values)) and counts.sum() == len(values) and len(counts) == count


@pytest.mark.parametrize("values", [[0.04, 0.039999999999999994], [1e300, 1e300], [0.0]])
def test_values_that_differ_by_rounding_lie_in_the_first(values):
    assert bars(np.array(values), 24)[2][0] == len(values)
