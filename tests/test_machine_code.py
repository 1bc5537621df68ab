from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from dedup.machine_code import larger, lesser, machine_code

NUMBERS = [-2.5, -1.0, -0.0, 0.0, 1.0, 7.25, math.inf, -math.inf, math.nan]


@machine_code()
def both(one, other):
    return lesser(one, other), larger(one, other)


@pytest.mark.parametrize(("one", "other"), list(itertools.product(NUMBERS, NUMBERS)))
def test_the_lesser_and_the_larger_are_pythons_own(one, other):
    assert np.array_equal(both(one, other), (min(one, other), max(one, other)), equal_nan=True)


def test_a_number_wins_over_none_as_second():
    assert both(2.0, math.nan) == (2.0, 2.0)


def test_numbers_of_two_kinds_are_compared_as_one():
    found = both(np.float32(0.5), 1e-3), both(3, 2.5), both(np.uint64(7), np.uint64(5))
    assert found == ((1e-3, 0.5), (2.5, 3.0), (5, 7))
