"""The images most like one image by their perceptual hash, for a person who asks; far ones too."""

from __future__ import annotations

import numpy as np

from dedup.dataset import Dataset
from dedup.model import Status


def most_alike(dataset: Dataset, row: int, count: int) -> list[tuple[int, int]]:
    """Up to `count` readable rows nearest to `row` by Hamming distance, as (row, bits of 256), nearest first.

    Only the upright orientation counts: turned and mirrored copies are pairs and found as such. 100,000 images take
    some 20 ms.
    """
    known = dataset.hashes
    bits = np.bitwise_count(known ^ known[row]).sum(axis=1, dtype=np.int64)
    usable = (dataset.frame["status"] == Status.OK).to_numpy()
    bits = np.where(usable, bits, known.shape[1] * 8 + 1)
    bits[row] = known.shape[1] * 8 + 1
    order = np.argsort(bits, kind="stable")[:count]
    return [(int(each), int(bits[each])) for each in order if bits[each] <= known.shape[1] * 8]
