"""JPEG at a fraction of its size: as libjpeg makes it, whoever asks for it."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dedup.errors import UnreadableImage
from dedup.images import decode, jpeg, signature
from dedup.images.metrics import Sample
from tests.images.files import lossless_jpeg
from tests.pictures import detailed, photo, save

KINDS = {
    "colour": ("RGB", {}),
    "unthinned": ("RGB", {"subsampling": 0}),
    "thinned once": ("RGB", {"subsampling": 1}),
    "progressive": ("RGB", {"progressive": True}),
    "gray": ("L", {}),
    "progressive gray": ("L", {"progressive": True}),
    "inks": ("CMYK", {}),
    "restarting": ("RGB", {"restart_marker_blocks": 3}),
}
REDUCTIONS = (1, 2, 4, 8)
SOURCE = detailed(1, (330, 290))


def encoded(size: tuple[int, int], kind: str) -> bytes:
    mode, options = KINDS[kind]
    stream = io.BytesIO()
    SOURCE.crop((0, 0, *size)).convert(mode).save(stream, "JPEG", quality=90, **options)
    return stream.getvalue()


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def drafted(data: bytes, reduction: int) -> Image.Image:
    """What Pillow makes of it."""
    image = opened(data)
    image.draft(None, tuple(max(1, side // reduction) for side in image.size))
    image.load()
    return image


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("size", [(329, 287), (257, 130), (65, 31), (33, 64), (17, 300), (16, 16), (9, 8), (8, 15)])
def test_a_fraction_is_as_large_as_its_name_says_and_as_pillow_makes_it(kind, reduction, size):
    data = encoded(size, kind)
    picture, reduced = jpeg.decode(data, opened(data), reduction)
    assert reduced == reduction
    assert picture.size == tuple(-(-side // reduction) for side in size)
    assert np.array_equal(np.asarray(picture), np.asarray(drafted(data, reduction)))


@pytest.mark.parametrize(("reduction", "reduced"), [(3, 2), (5, 4), (7, 4), (9, 8), (100, 8)])
@pytest.mark.parametrize("kind", ["colour", "gray", "inks"])
def test_what_libjpeg_does_not_do_is_left_to_do(kind, reduction, reduced):
    image = opened(data := encoded((329, 287), kind))
    picture, by = jpeg.decode(data, image, reduction)
    assert by == reduced and picture.size == (-(-329 // reduced), -(-287 // reduced))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "inks"])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_usual_files_take_the_quick_way(kind, reduction):
    image = opened(data := encoded((257, 130), kind))
    assert jpeg.decode(data, image, reduction)[0] is not image


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", range(1, 10))
def test_tiny_pictures_are_whole(kind, width):
    for height in range(1, 10):
        data = encoded((width, height), kind)
        picture, reduced = jpeg.decode(data, opened(data), 1)
        assert reduced == 1
        assert np.array_equal(np.asarray(picture), np.asarray(opened(data)))


@settings(max_examples=60)
@given(st.integers(1, 330), st.integers(1, 290), st.sampled_from(REDUCTIONS), st.sampled_from([*KINDS]))
def test_a_fraction_is_never_smaller_than_asked_for(width, height, reduction, kind):
    data = encoded((width, height), kind)
    picture, reduced = jpeg.decode(data, opened(data), reduction)
    assert 1 <= reduced <= reduction
    assert picture.width >= -(-width // reduction) and picture.height >= -(-height // reduction)
    assert picture.mode == KINDS[kind][0]


@pytest.mark.parametrize("size", [(1, 700), (700, 1), (3, 1100), (1025, 5), (2049, 9), (257, 7), (4100, 2)])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_ribbons_are_as_small_as_their_lossless_copies(size, mode, tmp_path):
    path = save(photo(1, size).convert(mode), tmp_path / "a.jpg")
    with Image.open(path) as image:
        copy = save(image.convert("RGB"), tmp_path / "a.png")
    first, second = decode.read(path), decode.read(copy)
    assert first.small.size == second.small.size and (first.width, first.height) == size


@pytest.mark.parametrize("kind", ["colour", "progressive", "gray", "inks"])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.95])
def test_a_truncated_file_says_so(kind, part, tmp_path):
    data = encoded((330, 290), kind)
    (tmp_path / "a.jpg").write_bytes(data[: int(part * len(data))])
    with pytest.raises(UnreadableImage, match=r"^truncated"):
        decode.read(tmp_path / "a.jpg")


def test_a_file_without_its_end_marker_is_truncated(tmp_path):
    (tmp_path / "a.jpg").write_bytes(encoded((330, 290), "colour")[:-2])
    with pytest.raises(UnreadableImage, match=r"^truncated"):
        decode.read(tmp_path / "a.jpg")


@pytest.mark.parametrize("kind", ["colour", "unthinned", "gray", "inks"])
@pytest.mark.parametrize("size", [(300, 225), (640, 427), (257, 700), (1100, 600)])
def test_a_lossless_copy_has_next_to_the_same_signature(kind, size, tmp_path):
    mode, options = KINDS[kind]
    path = save(photo(3, size).convert(mode), tmp_path / "a.jpg", quality=88, **options)
    with Image.open(path) as image:
        copy = save(image.convert("RGB"), tmp_path / "a.png", compress_level=1)
    first, second = (signature.extract(Sample.of(decode.read(each).small)) for each in (path, copy))
    assert np.bitwise_count(first["hash"] ^ second["hash"]).sum() <= 12
    assert np.abs(first["tiny"].astype(int) - second["tiny"]).mean() <= 4
    assert np.abs(first["chroma"].astype(int) - second["chroma"]).mean() <= 4


def test_a_small_file_has_the_very_signature_of_its_lossless_copy(tmp_path):
    path = save(photo(3, (250, 180)), tmp_path / "a.jpg")
    with Image.open(path) as image:
        copy = save(image, tmp_path / "a.png")
    first, second = decode.read(path), decode.read(copy)
    assert first.exact and second.exact
    assert np.array_equal(np.asarray(first.small), np.asarray(second.small))


@pytest.mark.parametrize("kind", ["colour", "gray", "inks"])
def test_a_reduced_or_turned_picture_does_not_claim_to_be_exact(kind, tmp_path):
    mode, options = KINDS[kind]
    exif = Image.Exif()
    exif[0x0112] = 6
    assert not decode.read(save(photo(3, (300, 225)).convert(mode), tmp_path / "a.jpg", **options)).exact
    assert not decode.read(save(photo(3).convert(mode), tmp_path / "b.jpg", exif=exif, **options)).exact
    assert decode.read(save(photo(3).convert(mode), tmp_path / "c.jpg", **options)).exact


@pytest.mark.parametrize("quality", [30, 50, 75, 92, 100])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_the_quality_is_the_one_it_was_saved_with(quality, mode, tmp_path):
    path = save(photo(1).convert(mode), tmp_path / "a.jpg", quality=quality)
    assert decode.read(path).jpeg_quality == pytest.approx(quality, abs=1)


def test_without_tables_there_is_no_quality():
    assert math.isnan(jpeg.quality(None)) and math.isnan(jpeg.quality({}))


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_a_lossless_jpeg_is_decoded_whole(reduction):
    """Decoders promise a fraction of it, and write the whole into the room for that."""
    data = lossless_jpeg((330, 290))
    picture, reduced = jpeg.decode(data, opened(data), reduction)
    assert (picture.size, reduced, picture.getextrema()) == ((330, 290), 1, (128, 128))


def test_a_lossless_jpeg_is_shown_as_small_as_any(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(lossless_jpeg((330, 290)))
    found = decode.read(path)
    assert (found.small.size, found.lossless) == ((165, 145), True)
    assert not decode.read(save(photo(1), tmp_path / "b.jpg")).lossless
    assert decode.open_picture(path, reduce_to=50).getpixel((0, 0)) == (128, 128, 128)


@pytest.mark.parametrize(
    ("marker", "bits", "reason"),
    [(0xF7, 8, "JPEG-LS"), (0xC1, 12, "JPEG of 12 bits"), (0xC3, 16, "JPEG of 16 bits")],
)
@pytest.mark.parametrize("ahead", [b"", b"\xff", b"\xff\xfe\0\x05abc"], ids=["plain", "filled", "comment"])
def test_other_kinds_of_jpeg_are_not_damaged(marker, bits, reason, ahead, tmp_path):
    data = lossless_jpeg((60, 40), marker=marker, bits=bits)
    (tmp_path / "a.jpg").write_bytes(data[:2] + ahead + data[2:])
    with pytest.raises(UnreadableImage, match=f"^not supported: {reason}$"):
        decode.read(tmp_path / "a.jpg")
