"""Thumbnails and full-size pictures as a browser gets them."""

from __future__ import annotations

import io
import os
import struct
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dedup.errors import DatasetError, UnreadableImage
from dedup.images import decode, thumbnails

LEFT_RED = Image.fromarray(
    np.concatenate([np.full((60, 40, 3), (220, 20, 20)), np.full((60, 40, 3), (20, 20, 220))], 1).astype(np.uint8)
)


def saved(path: Path, picture: Image.Image = LEFT_RED, **options: object) -> Path:
    picture.save(path, **options)
    return path


def turned(path: Path, orientation: int, **options: object) -> Path:
    """A file whose stored pixels are those of LEFT_RED, to be shown turned."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(path, exif=exif, **options)


@given(width=st.integers(1, 900), height=st.integers(1, 900))
def test_a_thumbnail_keeps_the_shape_and_is_never_enlarged(tmp_path_factory, width, height):
    image = saved(tmp_path_factory.getbasetemp() / "any.png", Image.new("RGB", (width, height), (10, 200, 90)))
    small = Image.open(io.BytesIO(thumbnails.shrink(image)))
    scale = min(1, thumbnails.SIDE / max(width, height))
    assert abs(small.width - max(1, width * scale)) <= 1
    assert abs(small.height - max(1, height * scale)) <= 1
    assert np.abs(np.asarray(small).astype(int) - (10, 200, 90)).max() <= 6


def test_a_thumbnail_is_upright(tmp_path):
    small = Image.open(io.BytesIO(thumbnails.shrink(turned(tmp_path / "turned.jpg", 6))))
    red, _, blue = small.getpixel((small.width // 2, 5))
    assert small.height > small.width and red > 150 > blue  # turned clockwise, left is up


def test_a_cache_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "cache").write_text("a file is in the way")
    with pytest.raises(DatasetError, match="Cannot make the folder"):
        thumbnails.thumbnail(saved(tmp_path / "a.png"), tmp_path / "cache", "abcd")


def test_a_thumbnail_is_made_once_and_found_again(tmp_path):
    image, cache = saved(tmp_path / "a.png"), tmp_path / "cache"
    first = thumbnails.thumbnail(image, cache, "abcd")
    written = first.stat().st_mtime_ns
    time.sleep(0.01)
    assert thumbnails.thumbnail(image, cache, "abcd") == first
    assert first.stat().st_mtime_ns == written
    assert [path.name for path in cache.rglob("*") if path.is_file()] == ["abcd.jpg"]


def test_the_cache_may_be_deleted_and_serves_on_without_the_image(tmp_path):
    image, cache = saved(tmp_path / "a.png"), tmp_path / "cache"
    before = thumbnails.thumbnail(image, cache, "abcd").read_bytes()
    image.rename(tmp_path / "b.png")
    assert thumbnails.thumbnail(image, cache, "abcd").read_bytes() == before
    (cache / "ab" / "abcd.jpg").unlink()
    with pytest.raises(UnreadableImage):
        thumbnails.thumbnail(image, cache, "abcd")


@pytest.mark.parametrize(
    "content", [b"", b"not an image", b"\xff\xd8\xff\xe0 cut short", b"\x89PNG\r\n\x1a\n" + b"\0" * 30]
)
def test_an_unreadable_file_raises_and_leaves_nothing_behind(tmp_path, content):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(content)
    with pytest.raises(UnreadableImage):
        thumbnails.thumbnail(broken, tmp_path / "cache", "abcd")
    assert not (tmp_path / "cache").exists()
    assert thumbnails.media_type(broken) is None


def test_browsers_get_the_file_of_formats_they_show_upright(tmp_path):
    assert thumbnails.media_type(saved(tmp_path / "a.jpg")) == "image/jpeg"
    assert thumbnails.media_type(saved(tmp_path / "b.jpg", LEFT_RED.convert("L"))) == "image/jpeg"
    assert thumbnails.media_type(saved(tmp_path / "c.jpg", progressive=True)) == "image/jpeg"
    assert thumbnails.media_type(turned(tmp_path / "d.jpg", 6)) == "image/jpeg"
    assert thumbnails.media_type(saved(tmp_path / "e.png")) == "image/png"
    assert thumbnails.media_type(saved(tmp_path / "f.png", LEFT_RED.convert("P"))) == "image/png"
    assert thumbnails.media_type(saved(tmp_path / "g.webp")) == "image/webp"
    assert thumbnails.media_type(saved(tmp_path / "h.gif")) == "image/gif"


def test_a_name_says_nothing_about_the_content(tmp_path):
    assert thumbnails.media_type(saved(tmp_path / "really.jpg", format="PNG")) == "image/png"


def test_everything_else_is_converted(tmp_path):
    deep = Image.fromarray(np.linspace(0, 65535, 4800).reshape(60, 80).astype(np.uint16))
    assert thumbnails.media_type(saved(tmp_path / "a.tif")) is None
    assert thumbnails.media_type(saved(tmp_path / "b.jpg", LEFT_RED.convert("CMYK"))) is None
    assert thumbnails.media_type(saved(tmp_path / "c.png", deep)) is None
    assert thumbnails.media_type(turned(tmp_path / "d.png", 6)) is None
    assert thumbnails.media_type(turned(tmp_path / "e.webp", 6)) is None
    assert thumbnails.media_type(saved(tmp_path / "f.bmp")) is None


def test_a_png_cut_short_is_converted_and_so_refused_with_a_reason(tmp_path):
    whole = saved(tmp_path / "a.png", Image.effect_noise((300, 300), 60)).read_bytes()
    cut = tmp_path / "cut.png"
    cut.write_bytes(whole[: len(whole) // 2])
    assert thumbnails.media_type(cut) is None
    with pytest.raises(UnreadableImage):
        thumbnails.convert(cut)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.tif", "a.png", "a.webp"])
def test_conversion_keeps_every_compared_pixel(tmp_path, name, orientation):
    image = (
        turned(tmp_path / name, orientation, lossless=True)
        if name == "a.webp"
        else turned(tmp_path / name, orientation)
    )
    converted = Image.open(io.BytesIO(thumbnails.convert(image)))
    assert converted.format == "PNG"
    assert np.array_equal(np.asarray(converted), np.asarray(decode.read(image).small))


@given(
    st.binary(max_size=400), st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF0000WEBPVP8X", b"GIF8", b""])
)
def test_any_bytes_have_a_media_type_or_none(tmp_path_factory, content, start):
    path = tmp_path_factory.getbasetemp() / "bytes"
    path.write_bytes(start + content)
    assert thumbnails.media_type(path) in {None, "image/jpeg", "image/png", "image/webp", "image/gif"}


def test_a_chunk_that_claims_four_gigabytes_costs_nothing(tmp_path):
    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", len(header)) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    path = tmp_path / "huge.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 0xFFFFFFFF) + b"IDAT")
    assert thumbnails.media_type(path) is None


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX permissions")
def test_real_photos_of_every_format(shared_data):
    for path in sorted((shared_data / "B-exif-orientation").rglob("*.jpg"))[:16]:
        small = Image.open(io.BytesIO(thumbnails.shrink(path)))
        upright = decode.read(path)
        assert abs(small.width / small.height - upright.width / upright.height) < 0.05
