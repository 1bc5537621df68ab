"""Masks of COCO: run lengths over the whole image, column by column, as numbers or packed into a text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    if sum(runs) != height * width:
        raise ValueError("its runs do not fill it")
    return pixels(runs, height * width).reshape(width, height).T


def pixels(runs: Sequence[int], count: int) -> NDArray[np.bool_]:
    """(count,) which are set by runs of unset and set ones in turn; unset behind the last. Raises ValueError for runs
    below 0 and for more than `count`."""
    if any(run < 0 for run in runs) or sum(runs) > count:  # before they are an array, in which sums overflow
        raise ValueError("its runs do not fit")
    found = np.zeros(count, np.bool_)
    found[: sum(runs)] = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return found


def encode(inside: NDArray[np.bool_], left: int, top: int, size: tuple[int, int]) -> dict[str, Any]:
    """Pixels (h, w) that lie at a place of an image of a size (width, height), as COCO has them: runs as numbers.
    Raises ValueError where they reach beyond it."""
    (high, wide), (width, height) = inside.shape, size
    if left < 0 or top < 0 or left + wide > width or top + high > height:
        raise ValueError("it reaches beyond its image")
    x, y = np.nonzero(inside.T)
    at = (left + x) * height + top + y
    starts, ends = at[np.diff(at, prepend=-2) != 1], at[np.diff(at, append=width * height + 1) != 1] + 1
    edges = np.concatenate([[0], np.ravel(np.column_stack([starts, ends]))])
    edges = edges if edges[-1] == width * height else np.append(edges, width * height)
    return {"counts": np.diff(edges).tolist(), "size": [height, width]}


def remade(segmentation: Mapping[str, Any], change: Callable[[NDArray[np.bool_]], NDArray[np.bool_]]) -> dict[str, Any]:
    """A mask of which the pixels (height, width) were changed, as numbers or packed as it was. Raises ValueError for
    what is no mask."""
    inside = change(decode(segmentation))
    made = encode(inside, 0, 0, inside.shape[::-1])
    packed = isinstance(segmentation["counts"], str | bytes)
    return {**segmentation, **made, "counts": _packed(made["counts"]) if packed else made["counts"]}


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


def _packed(runs: Sequence[int]) -> str:
    """The text of runs, see `_unpacked`."""
    letters = []
    for place, run in enumerate(runs):
        value, more = run - (runs[place - 2] if place > 2 else 0), True
        while more:
            code, value = value & 31, value >> 5
            more = value != (-1 if code & 16 else 0)
            letters.append(chr(48 + (code | 32 if more else code)))
    return "".join(letters)
