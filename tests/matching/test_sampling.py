"""What is compiled gives, to the bit, what plain numpy gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup.matching import sampling

MAPS = np.array(
    [[1, 0, 0, 0, 1, 0], [0.5, 0, 0.25, 0, 0.5, 0.25], [0.9, 0.3, -0.2, -0.3, 0.9, 0.2], [-1, 0, 1, 0, 1, 0]], float
)


def values_slowly(pictures: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Bilinear interpolation, as `sampling.values` tells it."""
    side = pictures.shape[1]
    inside = ((places >= 0) & (places <= 1)).all(axis=1)
    at = np.clip(np.nan_to_num(places) * side - 0.5, 0, side - 1.001)
    low = at.astype(np.intp)
    fx, fy = (at - low)[:, 0, :, None], (at - low)[:, 1, :, None]
    row, x, y = np.arange(len(places))[:, None], low[:, 0], low[:, 1]
    above = pictures[row, y, x] * (1 - fx) + pictures[row, y, x + 1] * fx
    below = pictures[row, y + 1, x] * (1 - fx) + pictures[row, y + 1, x + 1] * fx
    return np.where(inside[..., None], above * (1 - fy) + below * fy, np.nan)


def one_tone_slowly(pictures: np.ndarray, maps: np.ndarray, within: float) -> list[bool]:
    told = []
    for picture, place in zip(pictures, sampling.carried(maps, pictures.shape[1]), strict=True):
        beyond = picture.ravel()[((place < 0) | (place > 1)).any(axis=0)].astype(float)
        close = np.abs(beyond - np.median(beyond)) < within if len(beyond) else beyond
        told.append(len(beyond) >= sampling.FEWEST_OUTSIDE and close.sum() > sampling.MOSTLY * len(beyond))
    return told


@given(st.integers(0, 10_000), st.sampled_from([2, 5, 16, 48]), st.integers(1, 3))
def test_values_between_cells_are_those_of_the_slow_reference(seed, side, channels):
    noise = np.random.default_rng(seed)
    pictures = noise.uniform(0, 255, (4, side, side, channels))
    places = noise.uniform(-0.3, 1.3, (4, 2, 40))
    places[:, :, :4] = [[0, 1, 0, 1], [0, 0, 1, 1]]
    places[:, 0, 4] = np.nan
    assert np.array_equal(sampling.values(pictures, places), values_slowly(pictures, places), equal_nan=True)


def test_where_nothing_is_carried_nothing_is_sampled():
    assert sampling.sample(np.zeros((0, 8, 8, 3)), np.zeros((0, 6))).shape == (0, 64, 3)
    assert sampling.one_tone_outside(np.zeros((0, 8, 8), np.uint8), np.zeros((0, 6)), 10.0).shape == (0,)


def test_a_picture_under_no_map_is_itself():
    picture = np.random.default_rng(0).uniform(0, 255, (1, 8, 8, 1))
    assert np.allclose(sampling.sample(picture, MAPS[:1]).reshape(8, 8), picture[0, ..., 0], atol=0.3)


@given(st.integers(0, 10_000), st.sampled_from([1, 3, 40, 256]), st.floats(0.5, 60))
def test_a_fill_is_told_as_the_median_tells_it(seed, tones, within):
    noise = np.random.default_rng(seed)
    pictures = (noise.integers(0, tones, (4, 48, 48)) % 256).astype(np.uint8)
    maps = MAPS + noise.normal(0, 0.1, MAPS.shape)
    assert sampling.one_tone_outside(pictures, maps, within).tolist() == one_tone_slowly(pictures, maps, within)


@pytest.mark.parametrize("tone", [0, 255])
def test_what_lies_outside_is_a_fill_where_it_has_one_tone(tone):
    pictures = np.random.default_rng(0).integers(0, 256, (1, 48, 48)).astype(np.uint8)
    half = np.array([[1, 0, 0.5, 0, 1, 0]])  # the right half lies beyond
    assert not sampling.one_tone_outside(pictures, half, 10.0)[0]
    pictures[:, :, 24:] = tone
    assert sampling.one_tone_outside(pictures, half, 10.0)[0]
