"""Metrics on constructed pictures whose numbers are known."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageFilter

from dedup.images.decode import small_copy
from dedup.images.metrics import MEASURED, METRICS, Sample, measure
from dedup.images.metrics.information import random
from tests.pictures import photo


def of(picture: Image.Image, bytes_: int = 1000) -> dict[str, float]:
    sample = Sample.of(small_copy(picture))
    return measure(replace(sample, width=picture.width, height=picture.height, bytes=bytes_))


def flat(colour: tuple[int, int, int], size: tuple[int, int] = (40, 30)) -> Image.Image:
    return Image.new("RGB", size, colour)


@pytest.mark.parametrize("level", [0, 77, 128, 255])
def test_flat_gray_has_no_colour_no_contrast_no_detail_no_information(level):
    values = of(flat((level, level, level)))
    zero = ("contrast", "sharpness", "saturation", "red", "green", "blue", "entropy")
    assert {name: values[name] for name in zero} == dict.fromkeys(zero, 0.0)
    assert values["brightness"] == pytest.approx(level / 255) and values["blur"] == 1


@pytest.mark.parametrize(("name", "colour"), [("red", (255, 0, 0)), ("green", (0, 255, 0)), ("blue", (0, 0, 255))])
def test_a_pure_colour_counts_for_itself_alone(name, colour):
    values = of(flat(colour))
    assert {each: values[each] for each in ("red", "green", "blue")} == {
        each: float(each == name) for each in ("red", "green", "blue")
    }
    assert values["saturation"] == 1


def test_half_black_half_white_has_full_contrast_and_one_bit():
    picture = flat((0, 0, 0), (40, 40))
    picture.paste((255, 255, 255), (0, 0, 20, 40))
    values = of(picture)
    assert values["contrast"] == pytest.approx(1) and values["entropy"] == pytest.approx(1)
    assert values["brightness"] == pytest.approx(0.5)


def test_entropy_of_all_levels_is_eight_bits():
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :], 20, axis=0)
    assert of(Image.fromarray(ramp).convert("RGB"))["entropy"] == pytest.approx(8)


def test_checkerboard_is_as_sharp_as_can_be():
    board = (np.indices((60, 60)).sum(axis=0) % 2 * 255).astype(np.uint8)
    assert of(Image.fromarray(board).convert("RGB"))["sharpness"] == pytest.approx(1)


@pytest.mark.parametrize("size", [(8, 8), (10, 10), (200, 8), (8, 200), (5, 5)])
def test_small_and_narrow_pictures_can_be_sharp(size):
    board = Image.fromarray((np.indices(size[::-1]).sum(axis=0) % 2 * 255).astype(np.uint8)).convert("RGB")
    assert of(board)["blur"] < 0.5
    soft = Image.linear_gradient("L").resize(size).convert("RGB")
    assert of(soft)["blur"] > 0.6


def test_blurring_lowers_sharpness_and_raises_blur():
    sharp = Image.fromarray(np.random.default_rng(1).integers(0, 256, (150, 200, 3), np.uint8))
    soft = [of(sharp.filter(ImageFilter.GaussianBlur(radius))) for radius in (0, 1, 2, 4)]
    assert [each["sharpness"] for each in soft] == sorted((each["sharpness"] for each in soft), reverse=True)
    assert [each["blur"] for each in soft] == sorted(each["blur"] for each in soft)


def test_sharpness_is_comparable_across_resolutions():
    base = photo(2, (250, 180)).filter(ImageFilter.GaussianBlur(1))
    large = base.resize((1000, 720), Image.Resampling.BICUBIC)
    assert of(large)["sharpness"] == pytest.approx(of(base)["sharpness"], rel=0.15)


def test_geometry():
    values = of(flat((1, 2, 3), (200, 100)), bytes_=2500)
    assert (values["area"], values["aspect_ratio"], values["bits_per_pixel"]) == (20_000, 2.0, 1.0)


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (1, 300), (2000, 2)])
def test_every_metric_is_a_number_at_any_shape(size):
    values = of(photo(3, (max(size[0], 4), max(size[1], 4))).resize(size))
    assert set(values) == {metric.name for metric in MEASURED}
    assert all(math.isfinite(value) for value in values.values())


@pytest.mark.parametrize("metric", MEASURED, ids=lambda metric: metric.name)
def test_metrics_survive_mirroring(metric):
    picture = photo(4, (300, 200))
    mirrored = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    assert of(mirrored)[metric.name] == pytest.approx(of(picture)[metric.name], rel=0.05, abs=0.005)


def test_random_is_fixed_by_the_path_and_evenly_spread():
    numbers = [random(f"{number}.jpg") for number in range(2000)]
    assert numbers == [random(f"{number}.jpg") for number in range(2000)]
    assert abs(np.mean(numbers) - 0.5) < 0.03 and min(numbers) >= 0 and max(numbers) < 1


def test_every_metric_explains_itself():
    assert len({metric.name for metric in METRICS}) == len(METRICS) == 22
    assert all(metric.title and metric.help.endswith((".", ")")) for metric in METRICS)
