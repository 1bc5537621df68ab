"""Masks as run lengths: the very pixels that pycocotools decodes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pycocotools import mask as rle

from dedup.labels.masks import decode

PIXELS = arrays.arrays(bool, st.tuples(st.integers(1, 40), st.integers(1, 40)))


@given(PIXELS)
def test_packed_and_plain_runs_are_what_pycocotools_decodes(pixels):
    packed = rle.encode(np.asfortranarray(pixels, np.uint8))
    flat = pixels.T.ravel()
    plain = np.diff([0, *np.flatnonzero(np.diff(flat, prepend=False)), flat.size]).tolist()
    height, width = pixels.shape
    assert (decode({"size": [height, width], "counts": packed["counts"]}) == pixels).all()
    assert (decode({"size": [height, width], "counts": packed["counts"].decode()}) == pixels).all()
    assert (decode({"size": [height, width], "counts": plain}) == pixels).all()


@pytest.mark.parametrize("told", [
    {}, {"size": [2, 2]}, {"size": [2, 2], "counts": [1, 2]}, {"size": [2, 2], "counts": [-1, 5]},
    {"size": 4, "counts": [4]},
    {"size": [2.0, 2], "counts": [4]}, {"size": [2, 2], "counts": "\x00"}, {"size": [2, 2], "counts": "p"},
    {"size": [2, 2], "counts": "ooooooooooooooooo1"}, {"size": [10**6, 10**6], "counts": [10**12]},
    {"size": [0, 2], "counts": []}, {"size": [2, 2], "counts": [2**62] * 4 + [4]},
    {"size": [2, 2], "counts": [2**70]}, {"size": [2, 2], "counts": [1.5, 2.5]}, {"size": [2, 2], "counts": None},
])  # fmt: skip
def test_what_is_no_mask_is_told(told):
    with pytest.raises(ValueError, match="its "):
        decode(told)
