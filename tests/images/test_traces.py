"""What pixels tell of a picture's past: an earlier JPEG, an enlargement; and nothing where nothing was."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from dedup.images import traces
from dedup.images.traces import Bands
from tests.pictures import detailed, photo, save

SIZE = (203, 155)
"""No multiple of a block, so that a mirrored picture's blocks begin inside one."""


def jpeg(picture: Image.Image, quality: int) -> Image.Image:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=quality)
    return Image.open(stream).convert("RGB")


@settings(max_examples=15)
@given(st.integers(0, 1000), st.integers(40, 94), st.sampled_from([None, *Image.Transpose]))
def test_an_earlier_compression_is_found_however_the_picture_was_turned(seed, quality, way):
    picture = jpeg(detailed(seed, SIZE), quality)
    turned = picture if way is None else picture.transpose(way)
    assert traces.earlier_quality(Bands(turned), math.nan) == pytest.approx(quality, abs=2)


@pytest.mark.parametrize("quality", [50, 70, 85])
def test_it_outlives_a_finer_compression(quality):
    again = jpeg(jpeg(detailed(1, SIZE), quality), 98)
    assert traces.earlier_quality(Bands(again), 98.0) == pytest.approx(quality, abs=2)


@settings(max_examples=15)
@given(st.integers(0, 1000), st.integers(30, 97))
def test_a_file_compressed_once_was_not_compressed_before(seed, quality):
    assert math.isnan(traces.earlier_quality(Bands(jpeg(detailed(seed, SIZE), quality)), float(quality)))


@pytest.mark.parametrize(
    "picture",
    [
        detailed(2, SIZE),
        photo(2, SIZE),
        Image.new("RGB", SIZE, "white"),
        Image.effect_noise(SIZE, 60).convert("RGB"),
        jpeg(detailed(2, SIZE), 60).resize((240, 180)),
        detailed(2, (31, 31)),
        Image.new("RGB", (1, 1)),
    ],
)
def test_what_was_never_compressed_says_so(picture):
    assert math.isnan(traces.earlier_quality(Bands(picture), math.nan))


def is_enlarged(small: Image.Image, large: Image.Image) -> bool:
    powers = [traces.power(Bands(each).tiles())[None] for each in (small, large)]
    return bool(traces.enlarged(*powers, np.array([large.width / small.width]))[0])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("scale", [1.5, 2, 3])
@pytest.mark.parametrize("kernel", [Image.Resampling.BICUBIC, Image.Resampling.LANCZOS])
def test_an_enlarged_picture_is_told_from_a_reduced_one(seed, scale, kernel):
    picture = detailed(seed, (360, 270))
    larger = picture.resize((round(360 * scale), round(270 * scale)), kernel)
    smaller = picture.resize((round(360 / scale), round(270 / scale)), kernel)
    assert is_enlarged(picture, jpeg(larger, 90)) and not is_enlarged(jpeg(smaller, 90), picture)


def test_of_soft_and_flat_and_tiny_pictures_nothing_is_told():
    soft = detailed(5, (600, 450)).filter(ImageFilter.GaussianBlur(2))
    assert not is_enlarged(soft.resize((300, 225)), soft)
    flat = Image.new("RGB", (300, 225), "gray")
    assert not is_enlarged(flat, flat.resize((600, 450)))
    tiny = detailed(5, (20, 20))
    assert not is_enlarged(tiny, tiny.resize((80, 80)))


# --- exposure ---------------------------------------------------------------------------------------------------------


def exposed(seed: int, levels: float = 4.0) -> Image.Image:
    """One of many exposures of a wall with a few things on it."""
    picture = Image.new("L", (320, 256), 130)
    picture.paste(90, (40, 60, 120, 200))
    noise = np.random.default_rng(seed).normal(0, levels, (256, 320))
    return Image.fromarray(np.clip(np.rint(np.asarray(picture) + noise), 0, 255).astype(np.uint8))


def patches(picture: Image.Image) -> np.ndarray:
    return Bands(picture).tiles().astype(np.uint8)


def test_grain_is_shared_by_what_was_saved_from_one_exposure_only(tmp_path):
    one = exposed(1)
    again = Image.open(save(one, tmp_path / "a.jpg", quality=97))
    correlation, *grain = traces.exposure(patches(one), patches(again))
    assert correlation > 0.6 and min(grain) > 1
    correlation, *grain = traces.exposure(patches(one), patches(exposed(2)))
    assert abs(correlation) < 0.05 and min(grain) > 1


def test_where_nothing_is_flat_or_sizes_differ_grain_tells_nothing():
    white = Image.new("L", (320, 256), 255)
    for one, other in ((exposed(1), exposed(1).crop((0, 0, 320, 128))), (white, white)):
        correlation, *grain = traces.exposure(patches(one), patches(other))
        assert np.isnan(correlation) and grain == [0, 0]


def textured(seed: int, levels: float) -> Image.Image:
    """An exposure of a scene with a texture as fine as its noise, which every frame shares."""
    texture = np.random.default_rng(99).normal(0, 8, (256, 320))
    noise = np.random.default_rng(seed).normal(0, levels, (256, 320))
    return Image.fromarray(np.clip(np.rint(130 + texture + noise), 0, 255).astype(np.uint8))


@pytest.mark.parametrize("qualities", [(75, 92), (90, 90), (95, 60), (None, 80), (None, None)])
def test_noise_of_their_own_is_beyond_what_compression_explains_and_compression_is_not(qualities, tmp_path):
    def saved(picture: Image.Image, quality: int | None, name: str) -> tuple[np.ndarray, float]:
        if quality is None:
            return patches(picture), math.nan
        return patches(Image.open(save(picture, tmp_path / name, quality=quality))), float(quality)

    one, first = saved(textured(1, 4.0), qualities[0], "a.jpg")
    copy, second = saved(textured(1, 4.0), qualities[1], "b.jpg")
    frame, third = saved(textured(2, 4.0), qualities[1], "c.jpg")
    if qualities[0] == qualities[1]:
        assert traces.exposure(one, frame)[0] > 0.5  # of the texture, not of the noise
    assert traces.beyond_compression(one, copy, (first, second))[0] <= 0.01
    beyond, held = traces.beyond_compression(one, frame, (first, third))
    assert (beyond > 0.1 and abs(held - 0.5) < 0.15) or 60 in qualities
    if qualities[0] == qualities[1]:  # as one camera saves its frames; who saves one worse takes from it
        assert abs(held - 0.5) < 0.06


@pytest.mark.parametrize(("quality", "least"), [(30, 0.1), (50, 0.1)])
def test_what_a_copy_lost_on_the_way_is_held_by_its_original_and_not_by_either(quality, least, tmp_path):
    original = patches(Image.open(save(textured(1, 4.0), tmp_path / "a.jpg", quality=92)))
    between = Image.open(save(Image.open(tmp_path / "a.jpg"), tmp_path / "b.webp", quality=quality))
    copy = patches(Image.open(save(between, tmp_path / "c.jpg", quality=92)))
    beyond, held = traces.beyond_compression(original, copy, (92.0, 92.0))
    assert beyond > least and held > 0.6
    assert traces.beyond_compression(copy, original, (92.0, 92.0)) == pytest.approx((beyond, 1 - held), abs=0.01)


def test_what_was_added_to_a_copy_is_held_by_it_and_not_by_either(tmp_path):
    original = textured(1, 4.0)
    noise = np.random.default_rng(5).normal(0, 8, (256, 320))
    noisy = Image.fromarray(np.clip(np.asarray(original) + noise, 0, 255).astype(np.uint8))
    beyond, held = traces.beyond_compression(patches(original), patches(noisy), (math.nan, math.nan))
    assert beyond > 0.5 and held < 0.2


def test_where_next_to_nothing_can_be_compared_compression_explains_all():
    grains = patches(textured(1, 4.0))
    for one, other, qualities in (
        (grains, grains[:3], (90.0, 90.0)),
        (grains, grains, (5.0, 5.0)),
        (grains[:0], grains[:0], (90.0, 90.0)),
    ):
        assert np.isnan(traces.beyond_compression(one, other, qualities)).all()
