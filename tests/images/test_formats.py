"""What files are called, how they begin, and what is said of those that are not read."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from dedup.errors import UnreadableImage
from dedup.images import decode, formats, samples
from tests.images.files import J2K_RGB_16, tiff
from tests.pictures import photo, save

SQUARE = photo(1, (64, 64))
ANNOUNCED = {each.name for each in formats.FORMATS if each.starts or each.brands} | {"WEBP"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.jpg", "JPEG"), ("a.mpo", "JPEG"), ("a.png", "PNG"), ("a.webp", "WEBP"), ("a.gif", "GIF"), ("a.tif", "TIFF"),
        ("a.bmp", "BMP"), ("a.heic", "HEIF"), ("a.avif", "AVIF"), ("a.ppm", "PPM"), ("a.pgm", "PPM"), ("a.pbm", "PPM"),
        ("a.jp2", "JPEG2000"), ("a.j2k", "JPEG2000"), ("a.ico", "ICO"),
    ],
)  # fmt: skip
def test_every_format_is_known_by_its_content_and_read(name, expected, tmp_path):
    picture = SQUARE.convert({"a.pgm": "L", "a.pbm": "1"}.get(name, "RGB"))
    path = save(picture, tmp_path / name).rename(tmp_path / "no-suffix-at-all")
    assert formats.sniff(path.read_bytes()[: formats.HEAD_BYTES]) == expected
    assert decode.read(path).small.size == (64, 64)


@pytest.mark.parametrize("options", [{"byteorder": "<"}, {"byteorder": ">"}, {"byteorder": "<", "bigtiff": True}])
def test_every_kind_of_tiff_is_known(options, tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((9, 9), np.uint8), **options)
    assert formats.sniff((tmp_path / "a.tif").read_bytes()[: formats.HEAD_BYTES]) == "TIFF"
    assert decode.read(tmp_path / "a.tif").format == "TIFF"


def test_every_format_that_announces_itself_is_sniffed():
    for each in formats.FORMATS:
        for start in each.starts:
            head = start + (b"\n" if each.name == "PPM" else b"\0") * formats.HEAD_BYTES
            assert formats.sniff(head) == each.name
        for brand in each.brands:
            assert formats.sniff(b"\0\0\0\x18ftyp" + brand + bytes(4)) == each.name
    assert formats.sniff(b"RIFF\0\0\0\0WEBPVP8 ") == "WEBP"
    assert {"JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "HEIF", "AVIF", "PPM", "JPEG2000", "ICO"} == ANNOUNCED


def test_no_beginning_announces_two_formats():
    starts = [(start, each.name) for each in formats.FORMATS for start in each.starts]
    brands = [brand for each in formats.FORMATS for brand in each.brands]
    assert not [pair for pair in itertools.permutations(starts, 2) if pair[0][0].startswith(pair[1][0])]
    assert len(brands) == len(set(brands))
    assert max(len(start) for start, _ in starts) <= formats.HEAD_BYTES


@given(st.binary(max_size=formats.HEAD_BYTES))
def test_any_beginning_announces_a_format_or_none(head):
    assert formats.sniff(head) in ANNOUNCED | {None}


@pytest.mark.parametrize(
    "head", [b"", b"P", b"P5", b"Paint me", b"PK\x03\x04zip", b"RIFF\0\0\0\0WAVEfmt ", b"\0\0\0\x18ftypmp42", b"%PDF"]
)
def test_what_is_no_picture_announces_nothing(head):
    assert formats.sniff(head) is None


def test_every_suffix_belongs_to_one_format_or_to_none_that_is_read():
    suffixes = [suffix for each in formats.FORMATS for suffix in each.suffixes]
    assert len(suffixes) == len(set(suffixes)) == len(formats.SUFFIXES)
    assert not formats.SUFFIXES & formats.UNSUPPORTED_SUFFIXES
    every = formats.SUFFIXES | formats.UNSUPPORTED_SUFFIXES
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in every)


def reason(path) -> str:
    with pytest.raises(UnreadableImage) as caught:
        decode.read(path)
    with pytest.raises(UnreadableImage, match=re.escape(str(caught.value))):
        samples.digest(path)
    return str(caught.value)


@pytest.mark.parametrize("suffix", [".nef", ".dng", ".NEF"])
def test_a_raw_file_is_no_tiff_of_its_preview(suffix, tmp_path):
    path = save(photo(1), tmp_path / "a.tif").rename(tmp_path / f"a{suffix}")
    assert reason(path) == f"{suffix[1:].upper()} files are not supported"


@pytest.mark.parametrize("suffix", [".psd", ".svg", ".exr"])
def test_an_unsupported_format_is_named(suffix, tmp_path):
    (tmp_path / f"a{suffix}").write_bytes(b"whatever it holds")
    assert reason(tmp_path / f"a{suffix}") == f"{suffix[1:].upper()} files are not supported"


def test_a_picture_under_an_unsupported_name_is_read(tmp_path):
    assert decode.read(save(photo(1), tmp_path / "a.png").rename(tmp_path / "a.tga")).format == "PNG"


def of_bands(bands: int, kind: type) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 200, (9, 12, bands)).astype(kind)


@pytest.mark.parametrize(
    ("bands", "kind"),
    [(2, np.uint16), (2, np.float32), (5, np.uint16), (13, np.uint8), (13, np.uint16), (13, np.float32)],
)
@pytest.mark.parametrize("planes", ["contig", "separate"])
@pytest.mark.parametrize("compression", [None, "deflate"])
def test_a_number_of_bands_that_no_picture_has_is_said(bands, kind, planes, compression, tmp_path):
    content = of_bands(bands, kind)
    content = np.moveaxis(content, 2, 0).copy() if planes == "separate" else content
    path = tiff(tmp_path / "a.tif", content, planarconfig=planes, compression=compression)
    assert reason(path) == f"not supported: {bands} bands"


def test_gray_beside_a_band_of_something_is_shown(tmp_path):
    decoded = decode.read(tiff(tmp_path / "a.tif", of_bands(2, np.uint8)))
    assert decoded.bands == 2
    assert np.array_equal(np.asarray(decoded.small)[..., 0], of_bands(2, np.uint8)[..., 0])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (of_bands(1, np.float64)[..., 0], "not supported: samples of float64"),
        (of_bands(1, np.float16)[..., 0], "not supported: samples of float16"),
        (of_bands(3, np.float32), "not supported: samples of float32"),
        (of_bands(3, np.int16), "not supported: samples of int16"),
    ],
)
def test_samples_that_are_not_read_are_named(content, expected, tmp_path):
    photometric = "rgb" if content.ndim == 3 else "minisblack"
    assert reason(tiff(tmp_path / "a.tif", content, photometric=photometric)) == expected


def test_a_kind_of_samples_that_is_read_is_not_blamed(tmp_path):
    tifffile.imwrite(tmp_path / "big.tif", np.zeros((9, 9), np.uint8), bigtiff=True, byteorder=">")
    for kind in (np.uint8, np.uint16):
        tiff(tmp_path / f"{kind.__name__}.tif", of_bands(3, kind))
    assert [path.name for path in tmp_path.iterdir() if "samples of" in reason(path)] == []


def test_a_damaged_tiff_is_not_said_to_be_unsupported(tmp_path):
    (tmp_path / "a.tif").write_bytes(b"II*\0\xff\xff\xff\x7f")
    assert reason(tmp_path / "a.tif").startswith("damaged")


def test_a_codestream_without_boxes_is_a_jpeg_2000():
    assert formats.sniff(J2K_RGB_16[: formats.HEAD_BYTES]) == "JPEG2000"
