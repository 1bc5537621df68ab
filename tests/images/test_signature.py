from __future__ import annotations

import imagehash
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dedup.images import signature
from dedup.images.decode import small_copy
from dedup.images.metrics import Sample
from tests.scenes import scene


def reference(picture: Image.Image) -> np.ndarray:
    return np.packbits(imagehash.phash(picture, hash_size=16).hash)


@pytest.mark.parametrize("seed", range(8))
def test_hash_equals_imagehash(seed: int) -> None:
    sample = Sample.of(small_copy(scene(seed, 300 + 17 * seed, 200 + 31 * seed)))
    assert (signature.extract(sample)["hash"] == reference(sample.reduced)).all()


def test_batched_hash_equals_imagehash_bit_for_bit() -> None:
    generator = np.random.default_rng(0)
    pictures = generator.integers(0, 256, (50, 64, 64), np.uint8)
    expected = np.stack([reference(Image.fromarray(picture)) for picture in pictures])
    assert (signature.phash(pictures) == expected).all()


def test_hash_equals_imagehash_on_photographs(shared_data) -> None:
    for file in sorted((shared_data / "A-imagenet-sample").iterdir())[:40]:
        with Image.open(file) as opened:
            sample = Sample.of(small_copy(opened.convert("RGB")))
        assert (signature.extract(sample)["hash"] == reference(sample.reduced)).all()


@settings(max_examples=40)
@given(width=st.integers(1, 300), height=st.integers(1, 300), tone=st.integers(0, 255))
def test_any_size_has_a_signature(width: int, height: int, tone: int) -> None:
    picture = Image.new("RGB", (width, height), (tone, tone, tone))
    record = signature.extract(Sample.of(small_copy(picture)))
    assert (np.abs(record["tiny"].astype(int) - tone) <= 1).all()
    assert tuple(record["trim"]) == (0, 0, 1, 1)  # a border that never ends is none
    assert record["detail"] == 0


def test_later_frames_are_hashed_in_their_order() -> None:
    frames = [scene(seed, 120, 90) for seed in range(5)]
    record = signature.extract(Sample.of(frames[0]), frames[1:3])
    alone = [signature.extract(Sample.of(frame))["hash"] for frame in frames[1:3]]
    assert (record["later"][:2] == alone).all() and not record["later"][2].any()
    assert (signature.extract(Sample.of(frames[0]), frames[1:])["later"][:2] == alone).all()


def test_border_is_found_to_the_pixel() -> None:
    gray = np.full((100, 200), 255, np.uint8)
    gray[10:80, 30:190] = np.asarray(scene(1).convert("L"))[:70, :160]
    assert signature.border(gray) == pytest.approx((0.15, 0.1, 0.95, 0.8), abs=0.006)


def test_grain_tells_noise_from_blur() -> None:
    picture = np.asarray(scene(2).convert("L"))
    noisy = np.clip(picture + np.random.default_rng(0).normal(0, 10, picture.shape), 0, 255).astype(np.uint8)
    assert signature.grain(noisy)[1] == pytest.approx(10, rel=0.25)
    assert signature.grain(picture)[1] < 3


def test_record_is_small() -> None:
    assert signature.SIGNATURE.itemsize <= 3500
