"""Masks of COCO: run lengths over the whole image, column by column, as numbers or packed into a text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST = 100_000_000
"""Pixels of a mask that is decoded: what tells of more than any camera has is damaged, and would take all memory."""


def decode(segmentation: Mapping[str, Any]) -> NDArray[np.bool_]:
    """The pixels, bool (height, width). Raises ValueError for what is no mask."""
    size, counts = segmentation.get("size"), segmentation.get("counts")
    if not isinstance(size, list | tuple) or len(size) != 2 or not all(isinstance(side, int) for side in size):
        raise ValueError("its size is no two whole numbers")
    height, width = size
    if not (height > 0 and width > 0 and height * width <= LARGEST):
        raise ValueError(f"its size is {height} x {width}")
    runs = _unpacked(counts) if isinstance(counts, str | bytes) else _numbers(counts)
    if any(run < 0 for run in runs) or sum(runs) != height * width:  # before they are an array, in which sums overflow
        raise ValueError("its runs do not fill it")
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(width, height).T


def _numbers(counts: Any) -> list[int]:
    if not isinstance(counts, list | tuple) or not all(isinstance(run, int) for run in counts):
        raise ValueError("its runs are no whole numbers")
    return list(counts)


def _unpacked(text: str | bytes) -> list[int]:
    """Runs from their text: five bits a character from 48 on, the sixth for "more follows", least bits first; from the
    fourth run on the difference to the last but one (https://github.com/cocodataset/cocoapi, common/maskApi.c)."""
    letters = text.encode("ascii", "replace") if isinstance(text, str) else text
    runs: list[int] = []
    value = shift = 0
    for letter in letters:
        code = letter - 48
        if not 0 <= code < 64 or shift > 60:
            raise ValueError("its runs are no text of COCO")
        value |= (code & 31) << shift
        shift += 5
        if code & 32:
            continue
        if code & 16:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value = shift = 0
    if shift:
        raise ValueError("its runs end amid a number")
    return runs
