"""Vectors of pictures from their signatures, where no model gave any: tones and colours, roughly, and no meaning."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dedup.images.signature import CHROMA, TINY, cosines

GRAY_SIDE, COLOUR_SIDE = 12, 4
"""Lowest cosine frequencies taken of the gray and of each colour picture, across and down: what is where, roughly."""
COLOUR_WEIGHT = 1.5
"""So that a red and a blue shirt of one cut lie apart, and a shirt does not lie with a sunset for its red."""

ROUNDED = 2e-6
"""By how much the square of a length of 1 may be another number, as 32-bit numbers round it."""


def of_signatures(signatures: NDArray[np.void]) -> NDArray[np.float32]:
    """Signatures (n,) of dtype `SIGNATURE` to unit vectors (n, 176); a blank gray picture has all zeros."""
    gray = _frequencies(signatures["tiny"].astype(np.float32), GRAY_SIDE) / TINY
    colour = [_frequencies(signatures["chroma"][..., band] - np.float32(128), COLOUR_SIDE) / CHROMA for band in (0, 1)]
    gray[:, 0] = 0  # how light it is as a whole says little
    return unit(np.hstack([gray, *(COLOUR_WEIGHT * each for each in colour)]))


def unit(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    """Finite vectors (n, d) of length 1, however long or short they are; zeros stay zeros, and what has that length
    already stays bit for bit: of vectors that are given once more the map is the same."""
    vectors = vectors.astype(np.result_type(vectors, np.float32), copy=False)  # of 16 bits no length is told well
    largest = np.abs(vectors).max(axis=1, keepdims=True, initial=0)
    scaled = vectors / np.where(largest > 0, largest, 1)  # so that no square leaves what numbers can hold
    length = np.linalg.norm(scaled, axis=1, keepdims=True)
    made = (scaled / np.where(length > 0, length, 1)).astype(np.float32)
    with np.errstate(over="ignore"):
        squares = np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64)
    already = np.abs(squares - 1) < ROUNDED
    made[already] = vectors[already]
    return made


def _frequencies(pictures: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Square pictures (n, p, p) to their lowest cosine frequencies (n, side * side), orthonormal."""
    size = pictures.shape[-1]
    matrix = cosines(side, size) / np.sqrt(2 * size)
    matrix[0] /= np.sqrt(2)
    found: NDArray[np.float32] = (matrix.astype(np.float32) @ pictures @ matrix.T.astype(np.float32)).reshape(
        len(pictures), side * side
    )
    return found
