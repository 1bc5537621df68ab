"""Rows that people give in Python mean the images that they see them of, or nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dedup.errors import UsageError
from dedup.query.rows import rows_meant

FRAME = pd.DataFrame({"score": [0.5, 0.0, 0.9, 0.0, 0.2]})


def test_a_mask_of_pandas_means_the_rows_of_its_index():
    wanted = [1, 3]
    assert rows_meant(FRAME["score"] == 0, 5).tolist() == wanted
    some = FRAME[FRAME["score"] < 0.5]
    assert sorted(rows_meant(some["score"] == 0, 5).tolist()) == wanted
    ordered = FRAME.sort_values("score", ascending=False)
    assert sorted(rows_meant(ordered["score"] == 0, 5).tolist()) == wanted
    assert rows_meant((FRAME["score"] == 0).astype("boolean").mask([True, *[False] * 4]), 5).tolist() == wanted


@pytest.mark.parametrize("rows", [[1, 3], (1, 3), np.array([1, 3]), pd.Series([1, 3]), FRAME.index[[1, 3]]])
def test_numbers_mean_themselves(rows):
    assert rows_meant(rows, 5).tolist() == [1, 3]
    assert rows_meant(np.isin(np.arange(5), rows), 5).tolist() == [1, 3]
    assert not len(rows_meant([], 5))


@pytest.mark.parametrize(
    "rows",
    [np.ones(3, bool), np.ones(6, bool), [True], np.ones((5, 1), bool), "score == 0", [0.5], [-1], [5], [[1, 3]],
     ["a.jpg"], FRAME["score"]],
)  # fmt: skip
def test_what_may_mean_other_images_is_refused(rows):
    with pytest.raises(UsageError):
        rows_meant(rows, 5)
