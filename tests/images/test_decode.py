"""Decoding: every format to one upright picture, every failure to one reason."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dedup.errors import UnreadableImage
from dedup.images import decode
from tests.pictures import photo, save

LOSSLESS = {"a.png": {}, "a.bmp": {}, "a.tif": {}, "a.ppm": {}, "a.webp": {"lossless": True}}
LOSSY = {"a.jpg": {}, "b.webp": {}, "a.avif": {}, "a.heic": {}, "a.jp2": {}}


@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_formats_give_the_very_pixels(name, tmp_path):
    decoded = decode.read(save(photo(1), tmp_path / name, **LOSSLESS[name]))
    assert np.array_equal(np.asarray(decoded.picture), np.asarray(photo(1)))
    assert decoded.pixels == decode.read(save(photo(1), tmp_path / "reference.png")).pixels


@pytest.mark.parametrize("name", LOSSY)
def test_lossy_formats_are_close_and_known_by_content(name, tmp_path):
    path = save(photo(1), tmp_path / name)
    renamed = path.rename(tmp_path / "no-suffix-at-all")
    decoded = decode.read(renamed)
    difference = np.abs(np.asarray(decoded.picture, float) - np.asarray(photo(1), float)).mean()
    assert decoded.picture.mode == "RGB" and decoded.picture.size == (96, 72)
    assert difference < 12


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_once(orientation, tmp_path):
    upright = photo(2)
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's transposes that take an upright picture back
    stored = upright.transpose(Image.Transpose(undo[orientation])) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    decoded = decode.read(save(stored, tmp_path / "a.png", exif=exif))
    assert decoded.orientation == orientation
    assert np.array_equal(np.asarray(decoded.picture), np.asarray(upright))


def test_a_jpeg_and_its_png_copy_have_equal_pixels(tmp_path):
    jpeg = save(photo(3), tmp_path / "a.jpg")
    with Image.open(jpeg) as opened:
        png = save(opened.convert("RGB"), tmp_path / "a.png")
    first, second = decode.read(jpeg), decode.read(png)
    assert first.pixels == second.pixels and first.sha256 != second.sha256


def test_alpha_is_composited_on_mid_gray(tmp_path):
    clear = Image.new("RGBA", (10, 10), (255, 0, 0, 0))
    clear.putpixel((0, 0), (255, 0, 0, 255))
    decoded = decode.read(save(clear, tmp_path / "a.png"))
    assert decoded.alpha
    assert decoded.picture.getpixel((5, 5)) == (128, 128, 128) and decoded.picture.getpixel((0, 0)) == (255, 0, 0)


def test_an_opaque_alpha_channel_changes_nothing(tmp_path):
    opaque = photo(4).convert("RGBA")
    decoded = decode.read(save(opaque, tmp_path / "a.png"))
    assert not decoded.alpha
    assert decoded.pixels == decode.read(save(photo(4), tmp_path / "b.png")).pixels


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[0, 65535]], np.uint16), [0, 255]),
        (np.array([[0, 4095]], np.uint16), [0, 255]),
        (np.array([[0, 255]], np.uint16), [0, 255]),
        (np.array([[0.0, 1.0]], np.float32), [0, 255]),
        (np.array([[0.0, 200.0]], np.float32), [0, 200]),
        (np.array([[-5.0, 5.0]], np.float32), [0, 255]),
        (np.array([[np.nan, 1.0]], np.float32), [0, 255]),
    ],
)
def test_deep_gray_values_keep_their_range(values, expected, tmp_path):
    decoded = decode.read(save(Image.fromarray(values), tmp_path / "deep.tif"))
    assert [pixel[0] for pixel in np.asarray(decoded.picture)[0]] == expected


def test_cmyk_lab_palette_and_gray_become_rgb(tmp_path):
    for name, mode in (("a.jpg", "CMYK"), ("b.tif", "LAB"), ("c.png", "P"), ("d.png", "L"), ("e.png", "1")):
        picture = Image.new("LAB", (20, 20), (128, 0, 0)) if mode == "LAB" else photo(5).convert(mode)
        assert decode.read(save(picture, tmp_path / name)).picture.mode == "RGB"


def test_only_the_first_frame_counts(tmp_path):
    frames = [photo(seed) for seed in range(3)]
    for name in ("a.gif", "a.png", "a.tif", "a.webp"):
        options = {"lossless": True} if name.endswith("webp") else {}
        path = save(frames[0], tmp_path / name, save_all=True, append_images=frames[1:], **options)
        close = np.abs(np.asarray(decode.read(path).picture, float) - np.asarray(frames[0], float)).mean()
        assert close < 12


def test_facts_of_a_photograph(tmp_path):
    exif = Image.Exif()
    exif[0x010F] = "Camera"
    exif.get_ifd(0x8769)[0x9003] = "2021:02:03 04:05:06"
    path = save(photo(6), tmp_path / "a.jpg", quality=80, exif=exif)
    decoded = decode.read(path)
    assert decoded.camera and decoded.captured_at == "2021-02-03T04:05:06"
    assert decoded.jpeg_quality == pytest.approx(80, abs=1) and not decoded.lossless
    assert (decoded.bytes, decoded.mtime_ns) == (path.stat().st_size, path.stat().st_mtime_ns)


def _reason(path: Path, **options) -> str:
    with pytest.raises(UnreadableImage) as caught:
        decode.read(path, **options)
    return str(caught.value)


def test_reasons_that_people_understand(tmp_path):
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("these are words and no picture at all")
    (tmp_path / "header.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"garbage" * 5)
    whole = save(photo(7, (400, 300)), tmp_path / "whole.jpg").read_bytes()
    (tmp_path / "half.jpg").write_bytes(whole[: len(whole) // 2])
    assert _reason(tmp_path / "empty.jpg") == "empty file"
    (tmp_path / "layers.psd").write_bytes(b"8BPS")
    assert _reason(tmp_path / "layers.psd") == "PSD files are not supported"
    assert _reason(tmp_path / "text.jpg") == "not an image we can read"
    assert _reason(tmp_path / "header.png").startswith(("damaged", "truncated"))
    assert _reason(tmp_path / "half.jpg").startswith("truncated")
    assert _reason(tmp_path / "whole.jpg", max_pixels=1000) == "too many pixels: 120,000, more than the limit"
    assert _reason(tmp_path / "gone.jpg") == "there is no such file"


def test_a_png_bomb_is_refused_before_it_is_unpacked(tmp_path):
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    )
    (tmp_path / "bomb.png").write_bytes(bomb)
    assert _reason(tmp_path / "bomb.png").startswith("too many pixels: 3,600,000,000")


def test_no_permission_is_worth_another_try(tmp_path, monkeypatch):
    path = save(photo(8), tmp_path / "a.jpg")

    def refuse(*_args, **_kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(UnreadableImage, match="permission denied") as caught:
        decode.read(path)
    assert caught.value.transient


def test_a_file_that_keeps_changing_is_listed_as_being_written(tmp_path, monkeypatch):
    path = save(photo(9), tmp_path / "a.jpg")
    monkeypatch.setattr(decode, "READ_PAUSE_SECONDS", 0)
    original = decode._read_once

    def grow(*args):
        decoded = original(*args)
        with path.open("ab") as stream:
            stream.write(b"more")
        return decoded

    monkeypatch.setattr(decode, "_read_once", grow)
    assert _reason(path).startswith("still being written")


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 1), (257, 3), (1000, 700)])
def test_small_copies_are_small_at_any_shape(size):
    small = decode.small_copy(Image.new("RGB", size))
    assert max(small.size) <= 256 and min(small.size) >= 1


def test_sniffing_knows_what_pillow_opens(tmp_path):
    for name in ("a.jpg", "a.png", "a.gif", "a.bmp", "a.tif", "a.webp", "a.avif", "a.heic", "a.jp2", "a.ppm", "a.ico"):
        stream = io.BytesIO(save(photo(1, (64, 64)), tmp_path / name).read_bytes())
        assert decode.sniff(stream.read(decode.HEAD_BYTES)) is not None, name
    assert decode.sniff(b"PK\x03\x04zip") is None and decode.sniff(b"") is None


@pytest.mark.shared
def test_hostile_files_end_in_a_picture_or_a_reason(shared_data, capfd):
    files = [path for path in (shared_data / "D-nasty").rglob("*") if path.is_file()]
    reasons = []
    for path in files:
        try:
            assert decode.read(path).picture.mode == "RGB"
        except UnreadableImage as error:
            reasons.append(str(error))
    assert len(files) > 200 and 60 < len(reasons) < len(files)
    assert all(reason and "\n" not in reason and len(reason) < 200 for reason in reasons)


@pytest.mark.shared
def test_exif_turned_photographs_are_upright(shared_data):
    sizes = {decode.read(path).picture.size for path in (shared_data / "B-exif-orientation").rglob("*.jpg")}
    assert len(sizes) == 1
