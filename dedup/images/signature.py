"""What is kept of a picture for comparing: a perceptual hash, a tiny gray picture, a colour picture, some numbers.

A signature is one record of `SIGNATURE`, 3 KB of fixed-width fields, made once per picture by `extract`. Everything
the matching does later (orientations, crops, rotations, alignment) is computed from these, never from the file.

The hash is pHash (Klinger & Starkweather): the signs, against their median, of the 16 x 16 lowest frequencies of a
discrete cosine transform of the picture shrunk to 64 x 64. It equals `imagehash.phash(picture, hash_size=16)` of the
sample's reduced picture, whose longer side is 65 to 128 pixels unless the file's is shorter.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dedup.images.metrics.sample import Sample

VERSION = 6
"""Changes when the meaning of a field changes, so that stored signatures of an older version are computed again."""

HASH_SIDE = 16
HASH_INPUT = 64
TINY = 48
CHROMA = 16
LATER = 3

SIGNATURE = np.dtype(
    [
        ("hash", "u1", (HASH_SIDE * HASH_SIDE // 8,)),  # 256 bits, row by row, most significant first
        ("tiny", "u1", (TINY, TINY)),  # gray, the whole picture squeezed to a square
        ("chroma", "u1", (CHROMA, CHROMA, 2)),  # Cb and Cr, 128 is neutral
        ("paper", "f4"),  # fraction of pixels that are blank paper: within `TONE` levels of a commonest, light tone
        ("trim", "f4", (4,)),  # left, top, right, bottom: the box inside uniform borders, in fractions of the sides
        ("detail", "f4"),  # mean absolute second difference of the reduced gray picture, in gray levels
        ("noise", "f4"),  # standard deviation of fine grain, in gray levels (Immerkaer 1996)
        ("clear", "u1", (TINY * TINY // 8,)),  # which pixels of `tiny` the picture is transparent at, as packed bits
        ("later", "u1", (LATER, HASH_SIDE * HASH_SIDE // 8)),  # hashes of frames or pages after the first, else zeros
    ]
)
"""One signature."""

UNIFORM = 6.0
"""A border line is uniform when its gray levels stay within this many levels (standard deviation) ..."""
SAME_TONE = 10.0
"""... and is part of the same border when its mean is within this many levels of the outermost line's."""
CLEAR = 127
"""Levels between the renditions on white and on black of a pixel that is rather transparent than not."""
GRAIN_SIDE = 160
TONE = 12
LIGHT = 192
LARGEST_BORDER = 0.45
"""No more than this fraction of a side is ever taken for a border."""

Gray = NDArray[np.uint8]


def cosines(rows: int, columns: int) -> NDArray[np.float64]:
    """The first `rows` rows of the unnormalised type-II cosine transform of `columns` samples, as scipy scales it."""
    frequency = np.arange(rows)[:, None]
    place = np.arange(columns)[None, :] + 0.5
    return 2 * np.cos(np.pi * frequency * place / columns)


_HASH_COSINES = cosines(HASH_SIDE, HASH_INPUT)


def spectrum(pictures: NDArray[np.generic]) -> NDArray[np.float64]:
    """The 16 x 16 lowest cosine frequencies of square pictures, (..., side, side) to (..., 16, 16).

    Rounded to a millionth, so that what is zero on paper is zero here and equal numbers compare equal.
    """
    side = pictures.shape[-1]
    matrix = _HASH_COSINES if side == HASH_INPUT else cosines(HASH_SIDE, side)
    return np.round(matrix @ pictures.astype(np.float64) @ matrix.T, 6)


def hash_bits(spectra: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Spectra (..., 16, 16) to packed hashes (..., 32): which frequencies lie above their median."""
    flat = spectra.reshape(*spectra.shape[:-2], HASH_SIDE * HASH_SIDE)
    middle = HASH_SIDE * HASH_SIDE // 2
    low, high = (np.partition(flat, (middle - 1, middle), axis=-1)[..., place, None] for place in (middle - 1, middle))
    return np.packbits(flat > (low + high) / 2, axis=-1)


def phash(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Hashes (..., 32) of gray pictures (..., 64, 64): the bits of `imagehash.phash(picture, hash_size=16)`."""
    return hash_bits(spectrum(pictures))


def border(gray: Gray) -> tuple[float, float, float, float]:
    """The box left, top, right, bottom inside uniform borders, in fractions; (0, 0, 1, 1) without any."""
    top, bottom = _border_of_rows(gray)
    left, right = _border_of_rows(gray.T)
    return left, top, right, bottom


def _border_of_rows(gray: Gray) -> tuple[float, float]:
    """First and last fraction of the height that is not border."""
    size = gray.shape[0]
    limit = int(size * LARGEST_BORDER)
    if size < 8:
        return 0.0, 1.0
    return _run(gray, limit) / size, 1 - _run(gray[::-1], limit) / size


def _run(gray: Gray, limit: int) -> int:
    """How many of the lines, counted from the first, are border; a border that never ends is none."""
    first, spread = _mean_and_spread(gray[0])
    if spread >= UNIFORM:
        return 0  # nearly always: the rest need not be looked at
    for line in range(1, limit):
        mean, spread = _mean_and_spread(gray[line])
        if spread >= UNIFORM or abs(mean - first) >= SAME_TONE:
            return line
    return 0


def _mean_and_spread(line: Gray) -> tuple[float, float]:
    """Mean and standard deviation, from whole sums."""
    values = line.astype(np.int64)
    mean = int(values.sum()) / len(values)
    return mean, math.sqrt(max(0.0, int(values @ values) / len(values) - mean * mean))


def grain(gray: Gray) -> tuple[float, float]:
    """Detail and noise of the middle of a gray picture, in gray levels; zeros under 3 pixels a side."""
    if min(gray.shape) < 3:
        return 0.0, 0.0
    top, left = (max(0, (side - GRAIN_SIDE) // 2) for side in gray.shape)
    values = gray[top : top + GRAIN_SIDE, left : left + GRAIN_SIDE].astype(np.int16)
    across = values[:, :-2] - 2 * values[:, 1:-1] + values[:, 2:]
    both = np.abs(across[:-2] - 2 * across[1:-1] + across[2:])
    return float(np.abs(across).mean()), float(np.sqrt(np.pi / 2) / 6 * both.mean())


def blank_paper(shares: NDArray[np.float64]) -> float:
    """The fraction of pixels whose tone is within `TONE` levels of the commonest, where that is light; else 0.

    `shares` (256,) are the shares of all tones.
    """
    mode = int(shares.argmax())
    return float(shares[mode - TONE : mode + TONE + 1].sum()) if mode >= LIGHT else 0.0


def like_no_other(sha256: str) -> NDArray[np.uint8]:
    """What stands for the hashes `later` (LATER, bytes) of a file whose further frames cannot be read: of no other."""
    drawn = hashlib.shake_256(sha256.encode()).digest(LATER * HASH_SIDE * HASH_SIDE // 8)
    return np.frombuffer(drawn, np.uint8).reshape(LATER, -1)


def extract(sample: Sample, later: Sequence[Image.Image] = (), other: Image.Image | None = None) -> np.void:
    """The signature of a picture, of up to 3 frames or pages after it (RGB, as small), and of the same on the `other`
    tone where it is transparent."""
    record: np.void = np.zeros(1, SIGNATURE)[0]
    light = sample.reduced_luma
    record["hash"] = _hash(light)
    whole = sample.luma_image.resize((TINY, TINY), Image.Resampling.HAMMING, box=sample.extent)
    record["tiny"] = np.asarray(whole)
    if other is not None:
        there = np.asarray(other.convert("L").resize((TINY, TINY), Image.Resampling.HAMMING, box=sample.extent))
        record["clear"] = np.packbits(np.abs(record["tiny"].astype(np.int16) - there) > CLEAR)
    colour = sample.reduced.resize((CHROMA, CHROMA), Image.Resampling.BOX).convert("YCbCr")
    record["chroma"] = np.asarray(colour)[:, :, 1:]
    record["paper"] = blank_paper(sample.luma_histogram)
    gray = np.asarray(sample.luma_image)
    record["trim"] = border(gray)
    record["detail"], record["noise"] = grain(gray)
    for place, frame in enumerate(later[:LATER]):
        record["later"][place] = _hash(frame.convert("L"))
    return record


def colours(picture: Image.Image) -> NDArray[np.void]:
    """A record (1,) that holds no more than `tiny` and `chroma` of a picture (RGB)."""
    record = np.zeros(1, SIGNATURE)
    record["tiny"] = np.asarray(picture.convert("L").resize((TINY, TINY), Image.Resampling.HAMMING))
    small = picture.resize((CHROMA, CHROMA), Image.Resampling.BOX).convert("YCbCr")
    record["chroma"] = np.asarray(small)[:, :, 1:]
    return record


def otherwise(records: NDArray[np.void]) -> NDArray[np.void]:
    """Signatures (n,) of transparent pictures as if they stood on the other tone, as far as `tiny` goes."""
    there = records.copy()
    clear = np.unpackbits(records["clear"], axis=-1).reshape(records["tiny"].shape).astype(bool)
    there["tiny"] = np.where(clear, 255 - records["tiny"], records["tiny"])
    return there


def _hash(light: Image.Image) -> NDArray[np.uint8]:
    return phash(np.asarray(light.resize((HASH_INPUT, HASH_INPUT), Image.Resampling.LANCZOS)))
