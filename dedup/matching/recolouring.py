"""Changes of all colours that explain every pixel: channels exchanged, the hue turned by quarters, tones folded over.

No look at the structure alone knows such a copy again, for what was lighter may be darker. So the change is made, on
all of one picture, and then two pictures are compared as ever. A recoloured garment is explained by none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import permutations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dedup.matching.parameters import value
from dedup.matching.relations import EXCHANGED, SOLARISED, TURNED

Picture = NDArray[np.uint8]
"""RGB, (height, width, 3)."""
Change = Callable[[Picture], Picture]

WHITE = 255
HUES = 256
"""Steps of a turn."""
FOLDS = range(32, 232, 16)
"""Tones from which on a solarised picture may be a negative; one in between is explained as well."""
SIDE, CELLS = 96, 32
"""Pixels of a side on which changes are tried, and cells of a side in which they are compared: maps are a bit off."""


@dataclass(frozen=True, slots=True)
class Recolouring:
    """A `change` of the left picture, or of the `right` one, that makes both alike in colour, and its `name`."""

    name: str
    change: Change
    right: bool = False


def explaining(
    one: Image.Image, other: Image.Image, between: NDArray[np.float64], *, many_hues: bool
) -> Recolouring | None:
    """The change that explains the colours of next to all of two pictures; `between` (6,) carries places of one to the
    other, in parts of their sides. None where there is none such.

    What exchanges channels or turns the hue counts only where there are `many_hues`: it explains a red thing that is
    blue. What folds tones over recolours no thing.
    """
    left = np.asarray(one.resize((SIDE, SIDE), Image.Resampling.BOX))
    scale = np.array([other.width / SIDE, other.width / SIDE, other.width, *2 * [other.height / SIDE], other.height])
    moved = other.transform((SIDE, SIDE), Image.Transform.AFFINE, (between * scale).tolist(), Image.Resampling.BILINEAR)
    right = np.asarray(moved)
    if _explained(left, right) > value("recolouring_before"):
        return None
    tried = [each for each in RECOLOURINGS if many_hues or each.name == SOLARISED]
    explained = [_explained(*_changed(each, left, right)) for each in tried]
    best = tried[int(np.argmax(explained))]
    if max(explained) < value("recolouring_explains") or _leaves_little(best, left, right):
        return None
    return best


def _leaves_little(recolouring: Recolouring, left: Picture, right: Picture) -> bool:
    """Whether it changes next to all of a picture: who folds all tones over makes a negative, and that is told."""
    before = right if recolouring.right else left
    if recolouring.name != SOLARISED:
        return False
    return bool((recolouring.change(before) == before).mean() < value("recolouring_leaves"))


def _changed(recolouring: Recolouring, left: Picture, right: Picture) -> tuple[Picture, Picture]:
    return (left, recolouring.change(right)) if recolouring.right else (recolouring.change(left), right)


def _explained(one: Picture, other: Picture) -> float:
    """In what part of all cells two pictures have the same colour."""
    apart = np.abs(_cells(one) - _cells(other)).max(axis=2)
    return float((apart <= value("recolouring_levels")).mean())


def _cells(picture: Picture) -> NDArray[np.float64]:
    side = SIDE // CELLS
    return np.asarray(picture.reshape(CELLS, side, CELLS, side, 3).mean(axis=(1, 3)))


def _exchanged(order: tuple[int, ...], picture: Picture) -> Picture:
    return np.ascontiguousarray(picture[..., order])


def _hue_turned(by: int, picture: Picture) -> Picture:
    hue, saturation, lightness = Image.fromarray(picture).convert("HSV").split()
    turned = Image.fromarray(np.asarray(hue) + np.uint8(by))
    return np.asarray(Image.merge("HSV", (turned, saturation, lightness)).convert("RGB"))


def _solarised(start: int, picture: Picture) -> Picture:
    return np.where(picture < start, picture, WHITE - picture)


def _every() -> Iterator[Recolouring]:
    for order in permutations(range(3)):
        if order != (0, 1, 2):
            yield Recolouring(EXCHANGED, partial(_exchanged, order))
    for quarters in (1, 2, 3):
        yield Recolouring(TURNED, partial(_hue_turned, quarters * HUES // 4))
    for start in FOLDS:
        for right in (False, True):
            yield Recolouring(SOLARISED, partial(_solarised, start), right)


RECOLOURINGS = tuple(_every())
