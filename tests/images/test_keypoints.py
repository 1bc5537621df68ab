"""Keypoints: where they are, what they say, and what edits leave of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageOps

from dedup.errors import UnreadableImage
from dedup.images import keypoints
from dedup.images.keypoints import COUNT, MARGIN, PATTERN, SIDE, SLOPES, STEP, UNIT, Keypoints
from tests.pictures import detailed, photo, save


def of(picture: Image.Image) -> Keypoints:
    return keypoints.of_picture(picture)


def bits(found: Keypoints) -> np.ndarray:
    return np.ascontiguousarray(found.points["bits"])


def again(one: Keypoints, other: Keypoints, carry, pixels: float = 3.0, mirrored: bool = False) -> float:
    """The part of the keypoints of `one` of which `other` has an alike one where `carry` says."""
    a, b = bits(one), bits(other)
    b = keypoints.mirrored(b) if mirrored else b
    apart = np.bitwise_count(a[:, None] ^ b[None]).sum(axis=2)
    x, y = (one.points[axis] / UNIT for axis in "xy")
    u, v = carry(x, y)
    off = np.hypot(u[:, None] - other.points["x"] / UNIT, v[:, None] - other.points["y"] / UNIT)
    near = off <= pixels * STEP ** other.points["size"].astype(float)
    return float((np.where(near, apart, 256).min(axis=1) <= 64).mean())


def test_a_negative_has_the_same_keypoints_turned_around_with_exchanged_bits():
    picture = detailed(3, (300, 200))
    one, other = keypoints.of_picture(picture).points, keypoints.of_picture(ImageOps.invert(picture)).points
    places = [list(zip(each["x"], each["y"], each["size"], strict=True)) for each in (one, other)]
    common = [(places[0].index(place), places[1].index(place)) for place in set(places[0]) & set(places[1])]
    assert len(common) > 0.8 * len(one)
    own, its = np.array(common).T
    apart = np.bitwise_count(keypoints.negative(other["bits"][its]) ^ one["bits"][own]).sum(axis=1)
    turned = (one["angle"][own].astype(int) - other["angle"][its]) % keypoints.ANGLES
    assert np.median(apart) < 12 and (np.abs(turned - keypoints.ANGLES // 2) <= 1).mean() > 0.9
    assert (keypoints.negative(keypoints.negative(one["bits"])) == one["bits"]).all()


def test_there_are_as_many_as_may_be_spread_over_the_picture():
    found = of(detailed(1, (640, 480)))
    assert (found.width, found.height) == (640, 480)
    assert 0.9 * COUNT <= len(found.points) <= COUNT
    parts = np.unique((found.points["x"] / UNIT // 160) * 10 + found.points["y"] / UNIT // 160)
    assert len(parts) == 12, "every twelfth of the picture has some"


def test_a_large_picture_is_looked_at_reduced():
    found = of(detailed(1, (1600, 1200)))
    assert max(found.width, found.height) == SIDE


@pytest.mark.parametrize("size", [(1, 1), (2 * MARGIN, 300), (37, 37)])
def test_a_picture_that_is_too_small_has_none(size):
    assert len(of(photo(1, size)).points) == 0


def test_a_blank_picture_has_none():
    assert len(of(Image.new("RGB", (300, 200), "white")).points) == 0


def test_equal_pictures_have_equal_ones():
    one, other = (of(detailed(3, (400, 300))) for _ in range(2))
    assert one.points.tobytes() == other.points.tobytes()


@pytest.mark.parametrize("edit", [
    lambda p: ImageEnhance.Brightness(p).enhance(0.6),
    lambda p: ImageEnhance.Contrast(p).enhance(0.4),
    lambda p: p.convert("L").convert("RGB"),
])  # fmt: skip
def test_most_are_found_again_whatever_the_tones(edit):
    picture = detailed(5, (480, 360))
    assert again(of(picture), of(edit(picture)), lambda x, y: (x, y)) > 0.6


@pytest.mark.parametrize("degrees", [15, 45, 90, 163])
def test_many_are_found_again_when_the_picture_is_turned(degrees):
    picture = detailed(5, (480, 360))
    turned = picture.rotate(degrees, Image.Resampling.BICUBIC, expand=True)
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))

    def carry(x, y):
        x, y = x - picture.width / 2, y - picture.height / 2
        return c * x + s * y + turned.width / 2, c * y - s * x + turned.height / 2

    one, other = of(picture), of(turned)
    if max(turned.size) > SIDE:
        pytest.skip("looked at reduced")
    assert again(one, other, carry) > 0.15


def test_many_are_found_again_in_a_smaller_copy():
    picture = detailed(5, (480, 360))
    small = picture.resize((240, 180), Image.Resampling.BOX)
    assert again(of(picture), of(small), lambda x, y: (x / 2, y / 2)) > 0.15


def test_next_to_none_are_found_in_another_picture():
    assert again(of(detailed(5, (480, 360))), of(detailed(6, (480, 360))), lambda x, y: (x, y)) < 0.02


def test_those_of_a_mirrored_picture_are_told_from_the_bits_alone():
    picture = detailed(5, (480, 360))
    flipped = of(ImageOps.flip(picture))
    there = lambda x, y: (x, 360 - y)  # noqa: E731
    assert again(of(picture), flipped, there, mirrored=True) > 0.7
    assert again(of(picture), flipped, there) < 0.1


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_mirrored_twice_is_as_before(a, b, c):
    some = np.array([[a, b, c, a ^ b]], np.uint64)
    assert (keypoints.mirrored(keypoints.mirrored(some)) == some).all()


def test_the_pattern_is_closed_under_what_mirrors_it():
    """The pattern of a direction, mirrored, is that of the mirrored direction with its words exchanged."""
    for angle in range(len(PATTERN)):
        there = PATTERN[-angle % len(PATTERN)].astype(int) * [1, -1, 1, -1]
        words = PATTERN[angle].astype(int).reshape(4, 64, 4)[[1, 0, 3, 2]].reshape(256, 4)
        assert (there == words).all() or angle == len(PATTERN) // 2
    assert SLOPES.reshape(4, 64)[0] == pytest.approx(SLOPES.reshape(4, 64)[1])
    assert np.abs(PATTERN).max() <= MARGIN - 2, "means of 5 x 5 pixels stay within the picture"


def test_bits_of_pictures_are_worth_their_place():
    """Each is set for about half of all keypoints, so that two at random differ in about half of them."""
    some = np.concatenate([bits(of(detailed(seed, (480, 360)))) for seed in range(4)])
    apart = np.bitwise_count(some[::2] ^ some[1::2][: len(some[::2])]).sum(axis=1)
    assert 100 < apart.mean() < 140


def test_a_file_is_read(tmp_path):
    path = save(detailed(2, (300, 200)), tmp_path / "a.jpg")
    assert len(keypoints.take(path).points) > 100


def test_what_is_no_picture_says_so(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    with pytest.raises(UnreadableImage):
        keypoints.take(tmp_path / "a.jpg")
