"""Decoding: every format to one upright picture, every failure to one reason."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
import tifffile
from PIL import Image

from dedup.errors import UnreadableImage
from dedup.images import decode, examine, samples, signature
from tests.images.files import AVIF_RGB_10, J2K_RGB_16, chunk, exif_of, png, stored, tiff
from tests.pictures import photo, save

LOSSLESS = {"a.png": {}, "a.bmp": {}, "a.tif": {}, "a.ppm": {}, "a.webp": {"lossless": True}}
LOSSY = {"a.jpg": {}, "b.webp": {}, "a.avif": {}, "a.heic": {}, "a.jp2": {}}


def array(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture).astype(np.int16)


@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_formats_give_the_very_pixels(name, tmp_path):
    decoded = decode.read(save(photo(1), tmp_path / name, **LOSSLESS[name]))
    assert np.array_equal(array(decoded.small), array(photo(1)))
    assert (decoded.width, decoded.height) == photo(1).size and decoded.exact
    assert decoded.lossless
    reference = save(photo(1), tmp_path / "reference.png")
    assert samples.digest(tmp_path / name) == samples.digest(reference) != ""


@pytest.mark.parametrize("name", LOSSY)
def test_lossy_formats_are_close_and_known_by_content(name, tmp_path):
    path = save(photo(1), tmp_path / name)
    renamed = path.rename(tmp_path / "no-suffix-at-all")
    decoded = decode.read(renamed)
    assert decoded.small.mode == "RGB" and decoded.small.size == (96, 72)
    assert np.abs(array(decoded.small) - array(photo(1))).mean() < 12


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.webp", "pages.tif"])
def test_exif_orientation_is_applied_once(orientation, name, tmp_path):
    pages = [Image.fromarray(stored(np.asarray(photo(seed)), orientation)) for seed in (2, 3)]
    options = {"lossless": True} if name == "a.webp" else {}
    more = {"save_all": True, "append_images": pages[1:]} if name == "pages.tif" else {}
    decoded = decode.read(save(pages[0], tmp_path / name, exif=exif_of(orientation), **options, **more))
    assert decoded.orientation == orientation and decoded.exact == (orientation == 1)
    assert (decoded.width, decoded.height) == photo(2).size
    assert np.array_equal(array(decoded.small), array(photo(2)))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_reduced_jpeg_is_turned_upright(orientation, tmp_path):
    upright = photo(2, (600, 400))
    picture = Image.fromarray(stored(np.asarray(upright), orientation))
    decoded = decode.read(save(picture, tmp_path / "a.jpg", exif=exif_of(orientation)))
    assert (decoded.width, decoded.height) == (600, 400)
    assert np.abs(array(decoded.small) - array(decode.small_copy(upright))).mean() < 4


def test_a_jpeg_and_its_png_copy_have_equal_samples(tmp_path):
    jpeg = save(photo(3), tmp_path / "a.jpg")
    with Image.open(jpeg) as opened:
        png_copy = save(opened.convert("RGB"), tmp_path / "a.png")
    first, second = decode.read(jpeg), decode.read(png_copy)
    assert np.array_equal(array(first.small), array(second.small)) and first.sha256 != second.sha256
    assert samples.digest(jpeg) == samples.digest(png_copy) != ""


@pytest.mark.parametrize(
    ("low", "high", "kind", "expected"),
    [
        (0, 65535, np.uint16, [0, 255]),
        (0, 4095, np.uint16, [0, 255]),
        (0, 255, np.uint16, [0, 255]),
        (0, 1, np.float32, [0, 255]),
        (0, 200, np.float32, [0, 200]),
        (0, 40_000, np.uint16, [0, 156]),
        (-5, 5, np.float32, [0, 255]),
        (900_000, 900_001, np.float64, None),
    ],
)
def test_deep_gray_values_keep_their_range(low, high, kind, expected, tmp_path):
    path = tiff(tmp_path / "deep.tif", np.linspace(low, high, 5000).reshape(50, 100).astype(kind))
    if expected is None:
        assert _reason(path) == "not supported: samples of float64"
    else:
        levels = array(decode.read(path).small)[..., 0]
        assert [levels[0, 0], levels[-1, -1]] == pytest.approx(expected, abs=1)


def test_cmyk_lab_palette_and_gray_become_rgb(tmp_path):
    for name, mode in (("a.jpg", "CMYK"), ("b.tif", "LAB"), ("c.png", "P"), ("d.png", "L"), ("e.png", "1")):
        picture = Image.new("LAB", (20, 20), (128, 0, 0)) if mode == "LAB" else photo(5).convert(mode)
        path = save(picture, tmp_path / name)
        assert decode.read(path).small.mode == decode.open_picture(path).mode == "RGB"


# --- frames -----------------------------------------------------------------------------------------------------------

FILMS = {"a.gif": 1, "a.png": 0, "a.tif": 0, "a.webp": 0, "a.mpo": 12, "a.avif": 12}
"""Name of a film to how far its frames may be from what they were made of."""


def film(path: Path, count: int, size: tuple[int, int] = (24, 18)) -> list[Image.Image]:
    """Write a file of so many frames and return them."""
    frames = [photo(seed, size) for seed in range(count)]
    if path.suffix == ".gif":
        frames = [frame.quantize(16).convert("RGB") for frame in frames]
    options = {"lossless": True} if path.suffix == ".webp" else {"quality": 95} if FILMS[path.name] == 12 else {}
    save(frames[0], path, save_all=True, append_images=frames[1:], **options)
    return frames


@pytest.mark.parametrize("name", FILMS)
@pytest.mark.parametrize("count", [2, 3])
def test_the_first_frame_is_the_picture_and_later_ones_are_known(name, count, tmp_path):
    frames = film(tmp_path / name, count)
    decoded = decode.read(tmp_path / name)
    assert decoded.frames == count and len(decoded.later) == count - 1
    for found, frame in zip((decoded.small, *decoded.later), frames, strict=True):
        assert np.abs(array(found) - array(frame)).mean() <= FILMS[name]


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.webp"])
def test_of_a_long_film_frames_are_looked_at_that_lie_evenly(name, tmp_path):
    frames = film(tmp_path / name, 10)
    decoded = decode.read(tmp_path / name)
    assert [array(each).tolist() for each in decoded.later] == [array(frames[place]).tolist() for place in (3, 6, 9)]


def test_pages_of_a_large_document_are_small_too(tmp_path):
    frames = film(tmp_path / "a.tif", 3, (600, 400))
    decoded = decode.read(tmp_path / "a.tif")
    for found, frame in zip((decoded.small, *decoded.later), frames, strict=True):
        assert np.array_equal(array(found), array(decode.small_copy(frame)))


def test_a_single_picture_has_no_later_frames(tmp_path):
    decoded = decode.read(save(photo(1), tmp_path / "a.png"))
    assert decoded.frames == 1 and decoded.later == ()


# --- transparency -----------------------------------------------------------------------------------------------------


def icon(tone: tuple[int, int, int], *, side: int = 40) -> Image.Image:
    """A disc on nothing."""
    distance = np.hypot(*(np.indices((side, side)) - (side - 1) / 2))
    alpha = np.clip((side / 3 - distance) * 128 + 128, 0, 255).astype(np.uint8)
    return Image.fromarray(np.dstack([np.full((side, side, 3), tone, np.uint8), alpha]))


@pytest.mark.parametrize("tone", [0, 64, 128, 160, 180, 220, 255])
@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_an_icon_is_seen_on_its_paper(tone, mode, tmp_path):
    picture = icon((tone, tone, tone))
    picture = picture.quantize(8, Image.Quantize.FASTOCTREE) if mode == "P" else picture.convert(mode)
    decoded = decode.read(save(picture, tmp_path / "a.png"))
    assert decoded.alpha and decoded.shown_on == ("black" if tone >= decode.BRIGHT else "white")
    assert array(decoded.small).std() > 30


def test_a_transparent_picture_is_the_copy_that_programs_flatten_on_white(tmp_path):
    clear = photo(4).convert("RGBA")
    clear.putalpha(photo(5).convert("L"))
    flat = Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear).convert("RGB")
    first = decode.read(save(clear, tmp_path / "a.png"))
    second = decode.read(save(flat, tmp_path / "b.png"))
    assert (first.alpha, first.shown_on, second.alpha, second.shown_on) == (True, "white", False, "")
    assert np.array_equal(array(first.small), array(second.small))
    assert samples.digest(tmp_path / "a.png") != samples.digest(tmp_path / "b.png")


@pytest.mark.parametrize("highest", [0, decode.FAINT - 1])
def test_where_nothing_is_to_be_seen_the_colours_are_shown(highest, tmp_path):
    clear = photo(4).convert("RGBA")
    clear.putalpha(Image.new("L", clear.size, highest))
    decoded = decode.read(save(clear, tmp_path / "a.png"))
    assert decoded.alpha and decoded.shown_on == ""
    assert np.array_equal(array(decoded.small), array(photo(4)))


def test_a_single_visible_pixel_makes_no_mask(tmp_path):
    clear = Image.new("RGBA", (10, 10), (255, 0, 0, 0))
    clear.putpixel((0, 0), (255, 0, 0, 255))
    decoded = decode.read(save(clear, tmp_path / "a.png"))
    assert decoded.alpha and decoded.shown_on == "white"
    assert decoded.small.getpixel((5, 5)) == (255, 255, 255) and decoded.small.getpixel((0, 0)) == (255, 0, 0)


def test_an_opaque_alpha_channel_changes_nothing(tmp_path):
    opaque = decode.read(save(photo(4).convert("RGBA"), tmp_path / "a.png"))
    plain = decode.read(save(photo(4), tmp_path / "b.png"))
    assert not opaque.alpha and opaque.shown_on == ""
    assert np.array_equal(array(opaque.small), array(plain.small))
    assert samples.digest(tmp_path / "a.png") == samples.digest(tmp_path / "b.png") != ""


# --- large pictures ---------------------------------------------------------------------------------------------------


def of_mode(mode: str, size: tuple[int, int]) -> Image.Image:
    """A picture of any mode, with transparency where it has any."""
    gray = photo(7, size).convert("L")
    match mode:
        case "RGBA" | "LA":
            picture = photo(6, size).convert(mode)
            picture.putalpha(gray)
            return picture
        case "I;16":
            return Image.fromarray(np.asarray(gray).astype(np.uint16) * 200)
        case "F":
            return Image.fromarray(np.asarray(gray).astype(np.float32) / 255)
    return photo(6, size).convert(mode)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGBA", "P", "CMYK", "I;16", "F"])
@pytest.mark.parametrize("size", [(700, 530), (260, 1100), (1100, 3)])
def test_a_picture_made_in_strips_is_that_made_at_once(mode, size, tmp_path, monkeypatch):
    path = save(of_mode(mode, size), tmp_path / ("a.tif" if mode in ("CMYK", "F") else "a.png"))
    whole, full = decode.read(path), decode.open_picture(path)
    monkeypatch.setattr(decode, "STRIP_PIXELS", 5000)
    strips, assembled = decode.read(path), decode.open_picture(path)
    assert whole.small.size == tuple(-(-side // decode.reduction(*size)) for side in size)
    assert np.array_equal(array(whole.small), array(strips.small))
    assert np.array_equal(array(full), array(assembled))
    assert (whole.alpha, whole.shown_on, whole.values) == (strips.alpha, strips.shown_on, strips.values)
    assert np.array_equal(array(whole.small), array(decode.small_copy(full)))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", [(259, 515), (1025, 701), (200, 100)])
@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_the_extent_of_the_small_picture_is_what_the_file_fills(orientation, size, name, tmp_path):
    upright = photo(7, size)
    picture = Image.fromarray(stored(np.asarray(upright), orientation))
    decoded = decode.read(save(picture, tmp_path / name, exif=exif_of(orientation)))
    left, top, right, bottom = decoded.extent
    assert 0 <= left < right <= decoded.small.width and 0 <= top < bottom <= decoded.small.height
    assert (right - left) * size[1] == pytest.approx((bottom - top) * size[0])
    filled, whole = (
        each.resize((16, 4), Image.Resampling.BOX, box=box)
        for each, box in ((decoded.small, decoded.extent), (upright, None))
    )
    assert np.abs(array(filled) - array(whole)).mean() < 1


MEASURE = """
import sys
from pathlib import Path
from dedup.images import decode
for name in sys.argv[1:]:
    assert max(decode.read(Path(name)).small.size) <= 256
    print(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs a kernel that tells the peak of a process")
def test_forty_megapixels_need_little_more_than_they_are_decoded_to(tmp_path):
    width, height = 8000, 5000
    rows = {
        bands: (np.arange(width * bands) // 100 % 199).astype(np.uint8).reshape(width, bands) for bands in (1, 3, 4)
    }
    deep = (np.arange(width) // 3).astype(np.uint16)
    palette = Image.fromarray(np.broadcast_to(rows[1][:, 0] // 20, (height, width)))
    palette.putpalette(range(60))
    paths = [
        save(palette, tmp_path / "palette.png", compress_level=1),
        png(tmp_path / "deep.png", np.broadcast_to(deep, (height, width)), level=1),
        tiff(
            tmp_path / "float.tif",
            np.broadcast_to(deep.astype(np.float32), (height, width)),
            compression="deflate",
            compressionargs={"level": 1},
        ),
    ]
    for bands, row in rows.items():
        paths.append(png(tmp_path / f"{bands}.png", np.broadcast_to(row, (height, *row.shape)), level=1))
    run = subprocess.run([sys.executable, "-c", MEASURE, *paths], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    peaks = [1024 * int(line) for line in run.stdout.split()]
    assert len(peaks) == len(paths)
    assert [path.name for path, peak in zip(paths, peaks, strict=True) if peak > 6 * width * height + 200e6] == []


HOST = """
import warnings
from PIL import Image
limit = Image.MAX_IMAGE_PIXELS
import dedup, dedup.catalogue, dedup.images.examine, dedup.images.samples, dedup.images.thumbnails
from dedup.images import decode
silenced = [each for each in warnings.filters if each[2] is Image.DecompressionBombWarning]
assert Image.MAX_IMAGE_PIXELS == limit and not silenced
decode.own_process(1000)
silenced = [each for each in warnings.filters if each[2] is Image.DecompressionBombWarning]
assert Image.MAX_IMAGE_PIXELS == 500 and silenced
"""


def test_pillow_is_told_of_limits_in_processes_of_our_own_only():
    run = subprocess.run([sys.executable, "-W", "default", "-c", HOST], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


# --- facts ------------------------------------------------------------------------------------------------------------


def of(bits: int, bands: int = 1) -> np.ndarray:
    shape = (9, 12) if bands == 1 else (9, 12, bands)
    return np.random.default_rng(0).integers(0, 1 << bits, shape, np.uint8 if bits == 8 else np.uint16)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("bands", [1, 2, 3, 4])
def test_bits_and_bands_of_a_png_are_those_of_its_header(bits, bands, tmp_path):
    decoded = decode.read(png(tmp_path / "a.png", of(bits, bands)))
    assert (decoded.bits, decoded.bands, decoded.frames) == (bits, bands, 1)


@pytest.mark.parametrize(
    ("content", "photometric", "bits", "bands"),
    [
        (of(8), "minisblack", 8, 1),
        (of(16), "minisblack", 16, 1),
        (of(16).astype(np.int32), "minisblack", 32, 1),
        (of(16).astype(np.float32), "minisblack", 32, 1),
        (of(8) > 99, "minisblack", 1, 1),
        (of(8, 3), "rgb", 8, 3),
        (of(16, 3), "rgb", 16, 3),
        (of(16, 4), "rgb", 16, 4),
        (of(8, 5), "rgb", 8, 5),
        (of(8, 4), "separated", 8, 4),
    ],
)
def test_bits_and_bands_of_a_tiff_are_those_of_its_header(content, photometric, bits, bands, tmp_path):
    extra = {"extrasamples": [0] * (bands - 3)} if bands > 3 and photometric == "rgb" else {}
    decoded = decode.read(tiff(tmp_path / "a.tif", content, photometric=photometric, **extra))
    assert (decoded.bits, decoded.bands, decoded.frames) == (bits, bands, 1)


@pytest.mark.parametrize(
    ("mode", "name", "bits", "bands"),
    [
        ("1", "a.png", 1, 1), ("P", "a.gif", 8, 1), ("L", "a.jpg", 8, 1), ("RGB", "a.jpg", 8, 3),
        ("CMYK", "a.jpg", 8, 4), ("RGB", "a.webp", 8, 3), ("RGBA", "a.webp", 8, 4), ("RGB", "a.heic", 8, 3),
        ("RGB", "a.avif", 8, 3), ("RGB", "a.jp2", 8, 3), ("RGB", "a.bmp", 8, 3), ("L", "a.pgm", 8, 1),
        ("1", "a.pbm", 1, 1), ("I;16", "a.jp2", 16, 1),
    ],
)  # fmt: skip
def test_bits_and_bands_of_other_formats(mode, name, bits, bands, tmp_path):
    decoded = decode.read(save(of_mode(mode, (40, 30)), tmp_path / name))
    assert (decoded.bits, decoded.bands, decoded.frames) == (bits, bands, 1)


def test_a_palette_has_the_bits_of_its_numbers(tmp_path):
    assert decode.read(save(photo(1).quantize(4), tmp_path / "a.png")).bits == 2
    assert decode.read(save(photo(1).quantize(256), tmp_path / "a.png")).bits == 8


def test_a_dark_deep_photograph_of_a_phone_is_read(tmp_path):
    deep = pillow_heif.from_bytes("RGB;16", (32, 32), np.full((32, 32, 3), 4000, np.uint16).tobytes())
    deep.save(tmp_path / "a.heic", quality=-1)
    assert array(decode.read(tmp_path / "a.heic").small).max() < 64


def test_bits_of_deep_pictures_of_other_formats(tmp_path):
    (tmp_path / "a.j2k").write_bytes(J2K_RGB_16)
    (tmp_path / "a.avif").write_bytes(AVIF_RGB_10)
    (tmp_path / "a.ppm").write_bytes(b"P6\n12 9\n65535\n" + of(16, 3).astype(">u2").tobytes())
    (tmp_path / "a.pgm").write_bytes(b"P5\n12 9\n4095\n" + (of(16) >> 4).astype(">u2").tobytes())
    deep = pillow_heif.from_bytes("RGB;16", (32, 32), np.full((32, 32, 3), 40_000, np.uint16).tobytes())
    deep.save(tmp_path / "a.heic", quality=-1)
    found = {path.name: decode.read(path) for path in tmp_path.iterdir()}
    assert {name: each.bits > 8 for name, each in found.items()} == dict.fromkeys(found, True)
    assert {name: each.bands for name, each in found.items()} == {name: 1 if name == "a.pgm" else 3 for name in found}


def label_map(numbers: list[int]) -> np.ndarray:
    """Three areas of different sizes with a number each."""
    areas = np.repeat([0, 1, 2], [10, 20, 78]).reshape(9, 12)
    return np.array(numbers)[areas]


def values_of(path: Path) -> str:
    return decode.read(path).values


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int32, np.float32])
def test_the_numbers_of_labels_are_told(kind, tmp_path):
    maps = [label_map(numbers).astype(kind) for numbers in ([3, 7, 9], [7, 3, 9], [4, 8, 10])]
    first, permuted, other = (values_of(tiff(tmp_path / f"{name}.tif", each)) for name, each in enumerate(maps))
    assert len({first, permuted, other}) == 3 and all(len(each) == 16 for each in (first, permuted, other))
    assert values_of(tiff(tmp_path / "copy.tif", maps[0], compression="deflate")) == first
    turned = np.rot90(maps[0]).copy()
    assert values_of(tiff(tmp_path / "turned.tif", turned)) == first
    if kind in (np.uint8, np.uint16):
        assert values_of(png(tmp_path / "a.png", maps[0])) == first


def test_the_numbers_of_labels_are_the_same_however_they_are_stored(tmp_path):
    gray = Image.fromarray(label_map([3, 7, 9]).astype(np.uint8))
    palette = gray.copy()
    palette.putpalette([level for tone in range(256) for level in (tone,) * 3])
    every = (gray, palette, *(gray.convert(mode) for mode in ("LA", "RGB", "RGBA")))
    assert len({values_of(save(each, tmp_path / f"{each.mode}.png")) for each in every} - {""}) == 1


def test_labels_in_colours_are_told_by_their_colours(tmp_path):
    colours = Image.fromarray(label_map([0, 1, 2]).astype(np.uint8))
    colours.putpalette([10, 20, 30, 200, 0, 0, 0, 0, 200])
    turned = colours.remap_palette([2, 0, 1])
    paths = [
        save(each, tmp_path / f"{name}.png") for name, each in enumerate((colours, turned, colours.convert("RGB")))
    ]
    assert len({values_of(path) for path in paths} - {""}) == 1


def test_of_photographs_and_lossy_files_no_values_are_told(tmp_path):
    flat = Image.new("RGB", (40, 30), "red")
    assert (
        values_of(save(photo(1), tmp_path / "a.png"))
        == values_of(save(photo(1).convert("L"), tmp_path / "b.png"))
        == ""
    )
    assert values_of(save(flat, tmp_path / "a.jpg")) == values_of(save(flat, tmp_path / "a.webp")) == ""
    assert values_of(save(flat, tmp_path / "c.png")) != ""
    assert values_of(png(tmp_path / "deep.png", of(16))) == values_of(tiff(tmp_path / "deep.tif", of(16))) == ""


@pytest.mark.parametrize("bands", [3, 4])
def test_of_deep_colours_no_values_are_told(bands, tmp_path):
    dark = of(8, bands).astype(np.uint16)
    extra = {"extrasamples": [0]} if bands == 4 else {}
    assert values_of(png(tmp_path / "a.png", dark)) == ""
    assert values_of(tiff(tmp_path / "a.tif", dark, photometric="rgb", **extra)) == ""


def test_at_most_sixty_four_values_are_told(tmp_path):
    for kind in (np.uint8, np.uint16):
        few, many = (
            np.arange(number, dtype=kind).repeat(3).reshape(-1, 3) for number in (decode.LABELS, decode.LABELS + 1)
        )
        assert values_of(png(tmp_path / "a.png", few)) != "" and values_of(png(tmp_path / "b.png", many)) == ""


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


@pytest.mark.parametrize("bits", [10, 14])
def test_samples_packed_closely_are_not_damaged(bits, tmp_path):
    path = tiff(tmp_path / "a.tif", np.zeros((60, 100 * bits // 8), np.uint8))
    data = path.read_bytes()
    for tag, value, other in ((256, 100 * bits // 8, 100), (258, 8, bits)):  # width, bits of a sample
        at = data.index(struct.pack("<H", tag), 8)
        assert int.from_bytes(data[at + 8 : at + 10], "little") == value
        data = data[: at + 8] + struct.pack("<H", other) + data[at + 10 :]
    path.write_bytes(data)
    assert _reason(path) == f"not supported: samples of {bits} bits"
    path.write_bytes(data[:-100])
    assert _reason(path) == "damaged: its TIFF header cannot be read"


def test_a_pam_is_not_damaged(tmp_path):
    head = b"P7\nWIDTH 2\nHEIGHT 1\nDEPTH 3\nMAXVAL 255\nTUPLTYPE RGB\nENDHDR\n"
    (tmp_path / "a.ppm").write_bytes(head + bytes(6))
    assert _reason(tmp_path / "a.ppm") == "PAM files are not supported"


def test_a_png_bomb_is_refused_before_it_is_unpacked(tmp_path):
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

    monkeypatch.setattr(decode, "open_regular", refuse)
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
            assert decode.read(path).small.mode == "RGB"
        except UnreadableImage as error:
            reasons.append(str(error))
    assert len(files) > 200 and 60 < len(reasons) < len(files)
    assert all(reason and "\n" not in reason and len(reason) < 200 for reason in reasons)


@pytest.mark.shared
def test_exif_turned_photographs_are_upright(shared_data):
    sizes = {decode.read(path).small.size for path in (shared_data / "B-exif-orientation").rglob("*.jpg")}
    assert len(sizes) == 1


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_a_gray_that_stands_for_nothing_is_scaled_as_samples_are(tmp_path, bits):
    """Pillow spreads samples of 2 and 4 bits to 8, and leaves that gray as the file has it."""
    most = 2**bits - 1
    picture = Image.fromarray(np.uint8(np.tile(np.arange(64) % (most + 1), (48, 1)) * (255 // most)))
    picture.save(tmp_path / "a.png", bits=bits)
    data = (tmp_path / "a.png").read_bytes()
    gray = struct.pack(">H", 1)
    chunk = struct.pack(">I", 2) + b"tRNS" + gray + struct.pack(">I", zlib.crc32(b"tRNS" + gray))
    at = data.index(b"IDAT") - 4
    (tmp_path / "b.png").write_bytes(data[:at] + chunk + data[at:])
    assert not decode.read(tmp_path / "a.png").alpha and decode.read(tmp_path / "b.png").alpha
    one, other = (samples.digest(tmp_path / name) for name in ("a.png", "b.png"))
    assert one and other and one != other


def test_a_page_that_cannot_be_read_is_like_no_other(tmp_path):
    """Two documents of one cover: what lies behind it is not the same for being out of reach."""
    for name, seed in (("a.tif", 1), ("b.tif", 2)):
        tifffile.imwrite(tmp_path / name, np.asarray(photo(9, (64, 48))), photometric="rgb")
        noise = np.random.default_rng(seed).random((48, 64))
        tifffile.imwrite(tmp_path / name, noise, append=True)  # 64 bits a sample are not read
    one, other = (examine.examine(tmp_path / name) for name in ("a.tif", "b.tif"))
    records = [np.frombuffer(each.signature, signature.SIGNATURE)[0]["later"] for each in (one, other)]
    assert one.row["status"] == other.row["status"] == "ok" and (records[0] != records[1]).any()
