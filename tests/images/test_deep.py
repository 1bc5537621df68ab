"""Samples of more than 8 bits as pictures: no single sample decides how the rest is seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from dedup.images import decode, deep
from dedup.images.samples import digest
from tests.images.files import chunk, exif_of, png, stored, tiff
from tests.pictures import photo

CORNER = np.s_[:20, :30]


def light(top: float = 1.0) -> NDArray[np.float64]:
    """A gray picture that uses all of 0..top, finely."""
    values = np.asarray(photo(1).convert("L"), np.float64) + np.random.default_rng(0).random((72, 96))
    return (values - values.min()) / np.ptp(values) * top


def shown(path: Path) -> NDArray[np.int16]:
    """The gray levels of a small picture as it is seen."""
    return np.asarray(decode.read(path).small.convert("L")).astype(np.int16)


def seen(folder: Path, samples: NDArray[np.generic], **options: object) -> NDArray[np.int16]:
    return shown(tiff(folder / "a.tif", samples, **options))


@pytest.mark.parametrize(
    ("kind", "top"),
    [(np.uint16, 4095), (np.uint16, 65535), (np.uint16, 150), (np.float32, 1), (np.float32, 255), (np.float32, 4095)],
)
def test_every_depth_and_unit_shows_the_same_picture(kind, top, tmp_path):
    reference = np.asarray(photo(1).convert("L"), np.float64)
    levels = seen(tmp_path, light(top).astype(kind))
    assert np.corrcoef(levels.ravel(), reference.ravel())[0, 1] > 0.999
    assert levels.min() <= 5 and levels.max() >= (140 if top == 150 else 250)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_whole_numbers_keep_their_place_in_a_depth_they_use(bits):
    top = (1 << bits) - 1
    found = deep.range_of(np.linspace(0, 0.9 * top, 5000).astype(np.uint16))
    assert found == deep.Range(0.0, top)


def test_who_uses_little_of_a_depth_is_stretched():
    found = deep.range_of(np.linspace(30_000, 31_000, 5000).astype(np.uint16))
    assert 30_000 <= found.low < 30_010 and 30_990 < found.high <= 31_000


@pytest.mark.parametrize(("top", "expected"), [(0.9, 1), (200, 255)])
def test_floats_of_a_usual_unit_keep_their_place_in_it(top, expected):
    assert deep.range_of(np.linspace(0, top, 5000, dtype=np.float32)) == deep.Range(0.0, expected)


NOTHING = [np.nan, np.inf, -np.inf, *deep.NO_DATA, *(-each for each in deep.NO_DATA)]


@pytest.mark.parametrize("nothing", NOTHING)
@pytest.mark.parametrize("top", [1, 4095])
def test_what_stands_for_no_data_leaves_the_rest_as_it_is(nothing, top, tmp_path):
    samples = np.random.default_rng(1).permutation(light(top).astype(np.float32).ravel()).reshape(72, 96)
    before = seen(tmp_path, samples)
    samples[CORNER] = nothing
    difference = np.abs(seen(tmp_path, samples) - before)
    difference[CORNER] = 0
    assert difference.max() <= 2


@pytest.mark.parametrize("nothing", [-32768, -9999])
def test_signed_numbers_for_no_data_leave_the_rest_as_it_is(nothing, tmp_path):
    samples = np.random.default_rng(1).permutation(light(3000).astype(np.int16).ravel()).reshape(72, 96)
    before = seen(tmp_path, samples)
    samples[CORNER] = nothing
    levels = seen(tmp_path, samples)
    assert (levels[CORNER] == 0).all()
    levels[CORNER] = before[CORNER]
    assert np.abs(levels - before).max() <= 2


def test_the_number_for_no_data_is_the_one_that_the_file_names(tmp_path):
    samples = light(4095).astype(np.float32)
    samples[CORNER] = -1234.5
    named = seen(tmp_path, samples, extratags=[(42113, "s", 0, "-1234.5", True)])
    samples[CORNER] = np.nan
    assert np.array_equal(named, seen(tmp_path, samples))


@pytest.mark.parametrize(
    ("kind", "top", "hot"),
    [(np.uint16, 4095, 65535), (np.uint16, 1000, 65535), (np.float32, 1, 1e6), (np.float32, 4095, -1e6)],
)
@pytest.mark.parametrize("place", [(0, 0), (35, 40), (71, 95)])
def test_one_hot_or_dead_pixel_leaves_the_rest_as_it_is(kind, top, hot, place, tmp_path):
    samples = light(top).astype(kind)
    before = seen(tmp_path, samples)
    samples[place] = hot
    levels = seen(tmp_path, samples)
    assert levels[place] == (255 if hot > 0 else 0)
    levels[place] = before[place]
    assert np.abs(levels - before).max() <= 1


def test_hot_pixels_of_many_values_leave_the_rest_as_it_is(tmp_path):
    samples = light(4095).astype(np.float32)
    before = seen(tmp_path, samples)
    samples[30, :6] = [1e5, 2e5, 3e5, 1e6, 2e6, 3e6]
    levels = seen(tmp_path, samples)
    levels[30, :6] = before[30, :6]
    assert np.abs(levels - before).max() <= 3


@pytest.mark.parametrize("labels", [[0, 1], [0, 1, 2, 3, 250], [7, 8, 9, 40_000, 65_535], list(range(0, 16_000, 1000))])
@pytest.mark.parametrize("kind", [np.uint16, np.float32])
def test_a_few_labels_get_a_tone_each_in_their_order(labels, kind, tmp_path):
    samples = np.repeat(np.array(labels, kind), 20).reshape(len(labels), 20)
    tones = seen(tmp_path, samples)[:, 0]
    assert tones[0] == 0 and tones[-1] == 255
    assert (np.diff(tones) >= 255 // len(labels)).all()


@pytest.mark.parametrize(("values", "expected"), [([np.nan, 1, 2, 3], [0, 0, 127, 255]), ([np.nan, 1], [0, 255])])
def test_what_is_no_number_is_black_and_no_label(values, expected, tmp_path):
    levels = seen(tmp_path, np.array([values], np.float32))
    assert levels[0].tolist() == expected


@pytest.mark.parametrize(("kind", "level", "expected"), [
    (np.uint16, 65535, 255), (np.uint16, 32768, 128), (np.uint16, 0, 0), (np.int16, 32767, 128), (np.float32, 0.5, 128),
])  # fmt: skip
def test_a_flat_picture_is_as_light_as_its_only_sample(kind, level, expected, tmp_path):
    assert abs(seen(tmp_path, np.full((40, 50), level, kind)) - expected).max() <= 1


def test_a_flat_or_empty_picture_is_shown(tmp_path):
    for samples in (np.full((9, 9), 500, np.uint16), np.full((9, 9), np.nan, np.float32), np.zeros((1, 1), np.uint16)):
        assert np.ptp(seen(tmp_path, samples)) == 0
    assert deep.range_of(np.full(9, np.nan)) == deep.Range(0.0, 1.0)


@pytest.mark.parametrize("shape", [(1, 300_000), (300_000, 1)])
def test_a_deep_ribbon_is_not_black(shape, tmp_path):
    ramp = np.linspace(0, 60_000, shape[0] * shape[1]).astype(np.uint16).reshape(shape)
    assert np.ptp(seen(tmp_path, ramp)) > 200


@given(st.tuples(st.integers(1, 900), st.integers(1, 900)), st.sampled_from([(), (3,)]))
def test_a_grid_is_small_and_never_empty(shape, bands):
    grid = deep.thinned(np.zeros(shape + bands, np.uint8))
    assert 0 < grid.size <= deep.LOOKED_AT * 3


@given(
    arrays.arrays(
        np.float32, st.integers(1, 60), elements=st.floats(width=32, allow_nan=True, allow_infinity=True)
    ).map(lambda values: values[None])
)
def test_any_samples_have_a_scale_that_keeps_their_order(samples):
    levels = deep.scale_of(samples).to_8_bit(samples)
    assert levels.shape == samples.shape and levels.dtype == np.uint8
    numbers = np.isfinite(samples[0])
    in_order = levels[0][numbers][np.argsort(samples[0][numbers], kind="stable")].astype(int)
    assert (np.diff(in_order) >= 0).all()


# --- colours ----------------------------------------------------------------------------------------------------------


def colours(top: int) -> NDArray[np.uint16]:
    return (np.asarray(photo(1), np.float64) / 255 * top).astype(np.uint16)


def rgb(path: Path, samples: NDArray[np.uint16], way: str) -> Path:
    """Colours of 16 bits in one of the ways that files store them."""
    opaque = np.dstack([samples, np.full(samples.shape[:2], 65535, np.uint16)])
    match way:
        case "png":
            return png(path, samples)
        case "transparent png":
            return png(path, opaque)
        case "planes":
            return tiff(path, np.moveaxis(samples, 2, 0).copy(), photometric="rgb", planarconfig="separate")
        case "deflated planes":
            planes = np.moveaxis(samples, 2, 0).copy()
            return tiff(path, planes, photometric="rgb", planarconfig="separate", compression="deflate")
        case "four bands":
            return tiff(path, opaque, photometric="rgb", extrasamples=[0])
        case "transparent tiff":
            return tiff(path, opaque, photometric="rgb", extrasamples=[2])
        case "infrared":
            return tiff(path, np.dstack([samples, samples[..., 0]]), photometric="rgb", extrasamples=[0])
    return tiff(path, samples, photometric="rgb")


WAYS = ["png", "transparent png", "tiff", "planes", "deflated planes", "four bands", "transparent tiff", "infrared"]


@pytest.mark.parametrize("way", WAYS)
def test_colours_of_sixteen_bits_are_shown_by_their_highest_eight(way, tmp_path):
    picture = decode.read(rgb(tmp_path / "a", colours(65535), way)).small
    assert np.array_equal(np.asarray(picture), colours(65535) >> 8)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("top", [250, 1023, 4095, 10_000])
def test_dark_colours_of_sixteen_bits_are_not_black(way, top, tmp_path):
    picture = np.asarray(decode.read(rgb(tmp_path / "a", colours(top), way)).small, np.float64)
    reference = np.asarray(photo(1), np.float64)
    assert picture.max() > 150
    assert np.corrcoef(picture.ravel(), reference.ravel())[0, 1] > 0.99


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_dark_colours_are_turned_upright(orientation, name, tmp_path):
    turned = stored(colours(250), orientation)
    if name == "a.png":
        exif = exif_of(orientation).tobytes().removeprefix(b"Exif\0\0")
        path = png(tmp_path / name, turned, chunks=chunk(b"eXIf", exif))
    else:
        path = tiff(tmp_path / name, turned, photometric="rgb", extratags=[(274, "H", 1, orientation, True)])
    upright = decode.read(png(tmp_path / "upright.png", colours(250))).small
    assert np.array_equal(np.asarray(decode.read(path).small), np.asarray(upright))
    assert np.array_equal(np.asarray(decode.open_picture(path)), np.asarray(upright))


def test_a_hot_pixel_leaves_dark_colours_as_they_are(tmp_path):
    samples = colours(250)
    before = np.asarray(decode.read(rgb(tmp_path / "a", samples, "png")).small, np.int16)
    samples[30, 40] = 16_000
    after = np.asarray(decode.read(rgb(tmp_path / "a", samples, "png")).small, np.int16)
    rest = np.ones((72, 96), bool)
    rest[30, 40] = False
    assert np.abs(after - before)[rest].max() <= 1


def test_the_small_and_the_full_picture_show_the_same(tmp_path):
    for number, path in enumerate(
        (png(tmp_path / "a.png", colours(250)), tiff(tmp_path / "b.tif", colours(900)[..., 0]))
    ):
        assert np.array_equal(np.asarray(decode.read(path).small), np.asarray(decode.open_picture(path))), number


def test_white_is_0_is_shown_so(tmp_path):
    samples = light(65535).astype(np.uint16)
    inverted = seen(tmp_path, samples, photometric="miniswhite")
    assert np.abs(255 - inverted - seen(tmp_path, samples)).max() <= 1


def test_a_deep_gray_png_with_a_transparent_number_is_shown(tmp_path):
    samples = light(65535).astype(np.uint16)
    plain = shown(png(tmp_path / "a.png", samples))
    keyed = shown(png(tmp_path / "b.png", samples, chunks=chunk(b"tRNS", b"\0\0")))
    assert np.abs(plain - keyed)[samples > 0].max() <= 1


def test_large_numbers_without_sign_stay_in_their_order(tmp_path):
    ramp = np.linspace(0, 2**32 - 1, 600).reshape(20, 30).astype(np.uint32)
    assert (np.diff(seen(tmp_path, ramp).ravel()) >= 0).all()


@pytest.mark.parametrize("kind", [np.uint16, np.int16, np.int32, np.float32])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_the_order_of_bytes_changes_nothing(kind, compression, tmp_path):
    values = light(30_000).astype(kind)
    little, big = (
        tiff(tmp_path / f"{order}.tif", values, values[::-1], byteorder=mark, compression=compression)
        for order, mark in (("little", "<"), ("big", ">"))
    )
    assert np.array_equal(shown(little), shown(big)) and np.ptp(shown(big)) > 100
    assert digest(little) == digest(big)
    assert [np.asarray(page).tolist() for page in decode.open_further(little, 1)] == [
        np.asarray(page).tolist() for page in decode.open_further(big, 1)
    ]
