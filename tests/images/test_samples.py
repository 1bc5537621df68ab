"""The proof of an exact copy: equal digests for equal samples, whoever stored them how, and for nothing else."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from PIL import Image

from dedup.errors import UnreadableImage
from dedup.images import decode, samples
from tests.images.files import AVIF_RGB_10, J2K_RGB_16, apng, chunk, exif_of, png, stored, tiff
from tests.pictures import photo, save

Samples = NDArray[np.generic]
Write = Callable[[Path, Samples], Path]
SHAPE = (9, 12)

rgb_tiff = partial(tiff, photometric="rgb")
five_bands = partial(tiff, photometric="rgb", extrasamples=[0, 0])
four_bands = partial(tiff, photometric="rgb", extrasamples=[0])


def planes(path: Path, content: Samples) -> Path:
    return rgb_tiff(path, np.moveaxis(content, 2, 0).copy(), planarconfig="separate")


def pnm(path: Path, content: Samples) -> Path:
    """PPM or PGM of 8 or 16 bits."""
    height, width = content.shape[:2]
    highest = np.iinfo(content.dtype).max
    header = f"P{6 if content.ndim == 3 else 5}\n{width} {height}\n{highest}\n"
    path.write_bytes(header.encode() + content.astype(content.dtype.newbyteorder(">")).tobytes())
    return path


def keyed_png(path: Path, content: Samples) -> Path:
    """A PNG that names one of its numbers as transparent."""
    return png(path, content, chunks=chunk(b"tRNS", struct.pack(f">{content[0, 0].size}H", *content[0, 0].flat)))


def second_page(path: Path, content: Samples, **options: object) -> Path:
    """A TIFF that begins with a page of three bands and 8 bits."""
    with tifffile.TiffWriter(path) as writer:
        writer.write(noise(8, 3), photometric="rgb", metadata=None)
        writer.write(content, photometric="rgb", metadata=None, **options)
    return path


def noise(bits: int, bands: int = 1, seed: int = 0) -> Samples:
    shape = SHAPE if bands == 1 else (*SHAPE, bands)
    return np.random.default_rng(seed).integers(0, 1 << bits, shape, np.uint8 if bits == 8 else np.uint16)


def same(*paths: Path) -> bool:
    """Whether all files are proved to hold the same samples."""
    found = {samples.digest(path) for path in paths}
    return len(found) == 1 and "" not in found


# --- the same ---------------------------------------------------------------------------------------------------------


def test_gray_is_gray_however_it_is_stored(tmp_path):
    gray = photo(1).convert("L")
    palette = gray.copy()
    palette.putpalette([level for tone in range(256) for level in (tone,) * 3])
    pictures = {
        "l.png": gray, "rgb.png": gray.convert("RGB"), "la.png": gray.convert("LA"), "rgba.png": gray.convert("RGBA"),
        "p.png": palette, "p.gif": palette, "l.tif": gray, "rgb.bmp": gray.convert("RGB"), "l.pgm": gray,
        "rgba.tif": gray.convert("RGBA"),
    }  # fmt: skip
    paths = [save(picture, tmp_path / name) for name, picture in pictures.items()]
    assert same(*paths, save(gray.convert("RGB"), tmp_path / "a.webp", lossless=True))


def test_black_and_white_is_the_same_in_one_bit_and_in_eight(tmp_path):
    board = Image.fromarray((np.indices(SHAPE).sum(axis=0) % 2 * 255).astype(np.uint8))
    paths = [save(board.convert(mode), tmp_path / f"{mode}.png") for mode in ("1", "L", "P", "RGB")]
    assert same(*paths, *(save(board.convert("1"), tmp_path / name) for name in ("a.tif", "a.pbm", "a.bmp")))


def test_sixteen_bits_of_gray_are_the_same_in_every_format(tmp_path):
    gray = noise(16)
    opaque = np.full(SHAPE, 65535, np.uint16)
    assert same(
        png(tmp_path / "a.png", gray),
        png(tmp_path / "la.png", np.dstack([gray, opaque])),
        png(tmp_path / "rgb.png", np.dstack([gray] * 3)),
        tiff(tmp_path / "a.tif", gray),
        tiff(tmp_path / "big-endian.tif", gray, byteorder=">"),
        tiff(tmp_path / "deflate.tif", gray, compression="deflate"),
        rgb_tiff(tmp_path / "rgb.tif", np.dstack([gray] * 3)),
        pnm(tmp_path / "a.pgm", gray),
    )


def test_sixteen_bits_of_colour_are_the_same_in_every_format(tmp_path):
    colours = noise(16, 3)
    assert same(
        png(tmp_path / "a.png", colours),
        png(tmp_path / "opaque.png", np.dstack([colours, np.full(SHAPE, 65535, np.uint16)])),
        rgb_tiff(tmp_path / "a.tif", colours),
        rgb_tiff(tmp_path / "opaque.tif", np.dstack([colours, np.full(SHAPE, 65535, np.uint16)]), extrasamples=[2]),
        rgb_tiff(tmp_path / "big-endian.tif", colours, byteorder=">"),
        rgb_tiff(tmp_path / "deflate.tif", colours, compression="deflate", predictor=True),
        planes(tmp_path / "planes.tif", colours),
    )


def test_sixteen_bits_of_transparent_colours_are_the_same_in_every_format(tmp_path):
    colours = noise(16, 4)
    assert same(png(tmp_path / "a.png", colours), rgb_tiff(tmp_path / "a.tif", colours, extrasamples=[2]))


def test_a_colour_of_sixteen_bits_that_stands_for_nothing_is_transparent(tmp_path):
    colours = noise(16, 3)
    colours[2:5] = colours[0, 0] = (300, 2000, 40000)
    alpha = np.where((colours == colours[0, 0]).all(axis=2), 0, 65535).astype(np.uint16)
    keyed, plain = keyed_png(tmp_path / "keyed.png", colours), png(tmp_path / "plain.png", colours)
    shown = png(tmp_path / "alpha.png", np.dstack([colours, alpha]))
    assert same(keyed, shown) and not same(keyed, plain)
    assert [decode.read(path).alpha for path in (keyed, shown, plain)] == [True, True, False]


@pytest.mark.parametrize("through", [0, 1])
def test_of_one_bit_either_tone_may_stand_for_nothing(through, tmp_path):
    board = (np.indices(SHAPE).sum(axis=0) % 2 * 255).astype(np.uint8)
    alpha = np.where(board == 255 * through, 0, 255).astype(np.uint8)
    plain = save(Image.fromarray(board).convert("1"), tmp_path / "plain.png")
    data = plain.read_bytes()
    keyed, other = (tmp_path / name for name in ("keyed.png", "other.png"))
    for path, tone in ((keyed, through), (other, 1 - through)):
        path.write_bytes(data[:33] + chunk(b"tRNS", struct.pack(">H", tone)) + data[33:])  # behind the header
    assert same(keyed, png(tmp_path / "alpha.png", np.dstack([board, alpha])))
    assert not same(keyed, plain) and not same(keyed, other)


def test_a_palette_is_the_colours_it_stands_for(tmp_path):
    labels = Image.frombytes("P", (12, 9), bytes(np.random.default_rng(0).integers(0, 3, 108, np.uint8)))
    labels.putpalette([10, 20, 30, 200, 0, 0, 0, 0, 200])
    turned = labels.remap_palette([2, 0, 1])
    paths = [save(labels, tmp_path / "a.png"), save(turned, tmp_path / "b.png"), save(labels, tmp_path / "c.gif")]
    assert same(*paths, save(labels.convert("RGB"), tmp_path / "d.png"))


def test_a_transparent_palette_is_the_colours_it_stands_for(tmp_path):
    labels = Image.frombytes("P", (12, 9), bytes(np.random.default_rng(0).integers(0, 3, 108, np.uint8)))
    labels.putpalette([10, 20, 30, 200, 0, 0, 0, 0, 200])
    with Image.open(save(labels, tmp_path / "a.png", transparency=bytes([255, 0, 128]))) as opened:
        assert same(tmp_path / "a.png", save(opened.convert("RGBA"), tmp_path / "b.png"))


def test_what_a_file_says_beside_its_samples_does_not_count(tmp_path):
    exif = Image.Exif()
    exif[0x0132] = "2021:02:03 04:05:06"
    plain = save(photo(1), tmp_path / "a.png")
    assert same(plain, save(photo(1), tmp_path / "b.png", exif=exif, dpi=(300, 300), icc_profile=b"no profile at all"))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("bands", [1, 3])
def test_a_turned_file_is_the_same_as_its_upright_copy(orientation, bits, bands, tmp_path):
    upright = noise(bits, bands)
    turned = stored(upright, orientation)
    photometric = "rgb" if bands == 3 else "minisblack"
    exif = exif_of(orientation).tobytes().removeprefix(b"Exif\0\0")
    tags = [(274, "H", 1, orientation, True)]
    assert same(
        png(tmp_path / "upright.png", upright),
        png(tmp_path / "turned.png", turned, chunks=chunk(b"eXIf", exif)),
        tiff(tmp_path / "turned.tif", turned, photometric=photometric, extratags=tags),
        tiff(tmp_path / "deflate.tif", turned, photometric=photometric, extratags=tags, compression="deflate"),
    )


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_page_of_a_document_is_turned_once(orientation, tmp_path):
    pages = [noise(8, 3, seed) for seed in (1, 2)]
    turned = [stored(page, orientation) for page in pages]
    tags = [(274, "H", 1, orientation, True)]
    assert same(rgb_tiff(tmp_path / "a.tif", *pages), rgb_tiff(tmp_path / "b.tif", *turned, extratags=tags))


def test_an_animation_is_the_same_in_png_and_webp(tmp_path):
    frames = [photo(seed, (24, 18)) for seed in range(3)]
    paths = [animation(tmp_path / name, frames) for name in ("a.png", "a.webp")]
    assert same(*paths)


def _lossless(path: Path, content: Samples, level: int) -> list[Path]:
    """The same samples in other containers, and at a level of compression."""
    photometric = "rgb" if content.ndim == 3 else "minisblack"
    paths = [
        png(path / "level.png", content, level=level),
        tiff(path / "a.tif", content, photometric=photometric),
        tiff(path / "strips.tif", content, photometric=photometric, compression="deflate", rowsperstrip=2),
        tiff(path / "tiles.tif", content, photometric=photometric, tile=(16, 16)),
    ]
    if content.dtype == np.uint8:
        picture = Image.fromarray(content)
        paths += [save(picture, path / "a.bmp"), save(picture, path / "lzw.tif", compression="tiff_lzw")]
        paths += [save(picture.convert("RGB"), path / "a.webp", lossless=True, quality=10 * level)]
    return paths


pictures = st.tuples(st.sampled_from([np.uint8, np.uint16]), st.sampled_from([(), (3,)])).flatmap(
    lambda kind: arrays.arrays(
        kind[0], st.tuples(st.integers(1, 12), st.integers(1, 12)).map(lambda size: size + kind[1])
    )
)


@settings(max_examples=40)
@given(content=pictures, level=st.integers(0, 9))
def test_neither_container_nor_compression_matters(tmp_path_factory, content, level):
    folder = tmp_path_factory.getbasetemp()
    assert same(png(folder / "a.png", content), *_lossless(folder, content, level))


# --- another ----------------------------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(content=pictures, data=st.data())
def test_any_other_sample_makes_another_picture(tmp_path_factory, content, data):
    folder = tmp_path_factory.getbasetemp()
    other = content.copy()
    place = data.draw(st.integers(0, content.size - 1))
    other.flat[place] ^= 1 << data.draw(st.integers(0, 8 * content.itemsize - 1))
    first, second = png(folder / "a.png", content), png(folder / "b.png", other)
    assert same(first, first) and not same(first, second)


ALMOST = {
    "gray.png": (noise(8), png),
    "transparent-gray.png": (noise(8, 2), png),
    "transparent.png": (noise(8, 4), png),
    "gray-16.png": (noise(16), png),
    "transparent-gray-16.png": (noise(16, 2), png),
    "rgb-16.png": (noise(16, 3), png),
    "transparent-16.png": (noise(16, 4), png),
    "gray-16-with-a-transparent-number.png": (noise(16), keyed_png),
    "rgb-16-with-a-transparent-number.png": (noise(16, 3), keyed_png),
    "gray-16.tif": (noise(16), tiff),
    "signed.tif": (noise(16).view(np.int16), tiff),
    "float.tif": (noise(16).astype(np.float32), tiff),
    "rgb-16.tif": (noise(16, 3), rgb_tiff),
    "planes-16.tif": (noise(16, 3), planes),
    "four-bands.tif": (noise(8, 4), four_bands),
    "four-bands-16.tif": (noise(16, 4), four_bands),
    "five-bands.tif": (noise(8, 5), five_bands),
    "second-page.tif": (noise(8, 3), second_page),
    "second-page-of-16.tif": (noise(16, 3), second_page),
    "second-page-of-five-bands.tif": (noise(8, 5), partial(second_page, extrasamples=[0, 0])),
    "gray-16.pgm": (noise(16), pnm),
    "rgb-16.ppm": (noise(16, 3), pnm),
}
"""Files in which programs, or Pillow, keep less than they hold: content, and who writes it."""


@pytest.mark.parametrize("name", ALMOST)
def test_one_low_bit_of_the_last_band_makes_another_picture(name, tmp_path):
    content, write = ALMOST[name]
    other = content.copy()
    last = (4, 5) if content.ndim == 2 else (4, 5, -1)
    other.view(f"u{content.itemsize}")[last] ^= 1
    assert (content != other).sum() == 1
    assert not same(write(tmp_path / f"a-{name}", content), write(tmp_path / f"b-{name}", other))


@pytest.mark.parametrize("content", [noise(8), noise(8, 4), noise(16, 3)], ids=["gray", "transparent", "deep"])
def test_of_a_picture_looked_at_in_strips_every_row_counts(content, tmp_path, monkeypatch):
    monkeypatch.setattr(samples, "STRIP_PIXELS", 30)
    pictures = [content.copy() for _ in range(SHAPE[0] + 1)]
    for row, picture in enumerate(pictures[1:]):
        picture[row, 7] ^= 1
    assert len({samples.digest(png(tmp_path / "a.png", picture)) for picture in pictures}) == len(pictures)


def test_a_hot_pixel_makes_another_picture(tmp_path):
    hot = noise(8, 3)
    hot[2, 3] = 255
    assert not same(png(tmp_path / "a.png", noise(8, 3)), png(tmp_path / "b.png", hot))


def test_alpha_and_the_colours_it_hides_count(tmp_path):
    clear = noise(8, 4)
    clear[..., 3] = 0
    faint, other = clear.copy(), clear.copy()
    faint[2, 3, 3] = 1
    other[2, 3, 0] ^= 1
    paths = [png(tmp_path / f"{number}.png", each) for number, each in enumerate((clear, faint, other))]
    assert len({samples.digest(path) for path in paths}) == 3


@pytest.mark.parametrize("bands", [2, 4])
@pytest.mark.parametrize("compression", [None, "deflate"])
def test_premultiplied_colours_that_shine_through_nothing_count(bands, compression, tmp_path):
    content = noise(8, bands)
    content[..., -1] = 255
    clear = content.copy()
    clear[2:5, 2:5, -1] = 10
    brighter, other = clear.copy(), {"photometric": "minisblack" if bands == 2 else "rgb", "compression": compression}
    clear[2:5, 2:5, :-1], brighter[2:5, 2:5, :-1] = 60, 90  # both more than their alpha, so white when divided by it
    write = partial(tiff, extrasamples=[1], **other)
    paths = [write(tmp_path / f"{number}.tif", each) for number, each in enumerate((clear, brighter, content))]
    assert decode.read(paths[0]).alpha and decode.read(paths[1]).alpha and not decode.read(paths[2]).alpha
    assert not same(paths[0], paths[1])
    assert not same(paths[0], tiff(tmp_path / "straight.tif", clear, extrasamples=[2], **other))
    assert same(paths[0], write(tmp_path / "big-endian.tif", clear, byteorder=">"))
    assert same(paths[2], tiff(tmp_path / "opaque.tif", content, extrasamples=[2], **other))


def test_eight_bits_and_sixteen_of_one_picture_are_two(tmp_path):
    assert not same(png(tmp_path / "a.png", noise(8)), png(tmp_path / "b.png", noise(8).astype(np.uint16)))
    assert not same(png(tmp_path / "a.png", noise(8)), png(tmp_path / "b.png", noise(8).astype(np.uint16) * 257))


def test_the_same_bytes_in_another_shape_are_another_picture(tmp_path):
    assert not same(png(tmp_path / "a.png", noise(8)), png(tmp_path / "b.png", noise(8).reshape(12, 9)))


@pytest.mark.parametrize(
    ("content", "options", "other", "other_options"),
    [
        (noise(16), {}, noise(16).astype(np.float32), {}),
        (noise(16), {}, noise(16), {"photometric": "miniswhite"}),
        (noise(16), {}, np.dstack([noise(16)] * 4), {"photometric": "rgb", "extrasamples": [0]}),
        (noise(16), {}, np.dstack([noise(16)] * 4), {"photometric": "separated"}),
        (noise(16, 4), {"photometric": "rgb", "extrasamples": [0]}, noise(16, 4), {"photometric": "separated"}),
        (noise(8, 4), {"photometric": "rgb", "extrasamples": [0]}, noise(8, 4), {"photometric": "separated"}),
        (noise(8), {}, noise(8).view(np.int8), {}),
        (noise(8, 4).view(np.uint32)[..., 0], {}, noise(8, 4).view(np.int32)[..., 0], {}),
    ],
    ids=["float", "white-is-0", "four-bands", "cmyk-of-gray", "cmyk-16", "cmyk-8", "signed-8", "signed-32"],
)
def test_equal_numbers_that_mean_something_else_are_another_picture(content, options, other, other_options, tmp_path):
    assert not same(tiff(tmp_path / "a.tif", content, **options), tiff(tmp_path / "b.tif", other, **other_options))


def _labels(path: Path, palette: list[int]) -> Path:
    picture = Image.frombytes("P", (12, 9), bytes(np.random.default_rng(0).integers(0, 3, 108, np.uint8)))
    picture.putpalette(palette)
    return save(picture, path)


def test_entries_of_one_colour_in_use_are_different_labels(tmp_path):
    twice = _labels(tmp_path / "a.png", [0, 0, 0, 0, 0, 0, 255, 0, 0])
    with Image.open(twice) as opened:
        assert not same(twice, save(opened.convert("RGB"), tmp_path / "b.png"))
    assert same(twice, _labels(tmp_path / "c.gif", [0, 0, 0, 0, 0, 0, 255, 0, 0]))
    assert not same(twice, _labels(tmp_path / "d.png", [0, 0, 0, 0, 0, 0, 0, 0, 255]))


def test_the_same_numbers_under_another_palette_are_another_picture(tmp_path):
    first, second = ([10, 20, 30, 200, 0, 0, 0, 0, blue] for blue in (200, 201))
    assert not same(_labels(tmp_path / "a.png", first), _labels(tmp_path / "b.png", second))


def test_entries_of_one_colour_that_are_not_in_use_do_not_count(tmp_path):
    colours = [10, 20, 30, 200, 0, 0, 0, 0, 200]
    assert same(_labels(tmp_path / "a.png", colours), _labels(tmp_path / "b.png", colours * 2))


def animation(path: Path, frames: list[Image.Image], duration: int | list[int] = 100) -> Path:
    options = {"lossless": True} if path.suffix == ".webp" else {}
    return save(frames[0], path, save_all=True, append_images=frames[1:], duration=duration, **options)


@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.webp"])
def test_animations_differ_by_every_frame_and_by_how_long_it_is_seen(name, tmp_path):
    first, second, third, fourth = (photo(seed, (24, 18)).quantize(4).convert("RGB") for seed in range(4))
    paths = [
        animation(tmp_path / "a" / name, [first, second, third]),
        animation(tmp_path / "b" / name, [first, second, fourth]),
        animation(tmp_path / "c" / name, [first, second]),
        animation(tmp_path / "d" / name, [first, third, second]),
        animation(tmp_path / "e" / name, [first, second, third], 200),
        animation(tmp_path / "f" / name, [first, second, third], [100, 100, 200]),
        save(first, tmp_path / "g" / name, **({"lossless": True} if name == "a.webp" else {})),
    ]
    assert len({samples.digest(path) for path in paths} - {""}) == len(paths)
    assert same(paths[0], animation(tmp_path / "again" / name, [first, second, third]))


def test_documents_differ_by_their_second_page(tmp_path):
    first, second, third = (photo(seed) for seed in range(3))
    paths = [
        save(first, tmp_path / f"{number}.tif", save_all=True, append_images=more)
        for number, more in enumerate(([second], [third], [second, third], []))
    ]
    assert len({samples.digest(path) for path in paths} - {""}) == len(paths)


# --- no proof ---------------------------------------------------------------------------------------------------------


def test_what_cannot_be_decoded_at_its_depth_has_no_digest(tmp_path):
    (tmp_path / "a.j2k").write_bytes(J2K_RGB_16)
    (tmp_path / "a.avif").write_bytes(AVIF_RGB_10)
    deep = pillow_heif.from_bytes("RGB;16", (32, 32), np.zeros((32, 32, 3), np.uint16).tobytes())
    deep.save(tmp_path / "a.heic", quality=-1)
    save(Image.fromarray(noise(16)), tmp_path / "gray.jp2")
    apng(tmp_path / "moving.png", noise(16, 3))
    packed = rgb_tiff(tmp_path / "packed.tif", noise(16, 3))
    uncompressed, lzw = (struct.pack("<HHII", 259, 3, 1, way) for way in (1, 5))
    packed.write_bytes(packed.read_bytes().replace(uncompressed, lzw))
    assert {path.name: samples.digest(path) for path in tmp_path.iterdir()} == dict.fromkeys(
        ("a.j2k", "a.avif", "a.heic", "gray.jp2", "moving.png", "packed.tif"), ""
    )


def test_several_sizes_of_one_picture_have_no_digest(tmp_path):
    assert samples.digest(save(photo(1, (64, 64)), tmp_path / "a.ico")) == ""


@pytest.mark.parametrize("name", ["a.png", "deep.png", "a.jpg", "a.tif", "a.gif", "a.webp", "a.bmp", "a.jp2"])
def test_damaged_files_say_so(name, tmp_path):
    path = tmp_path / name
    if name == "deep.png":
        png(path, np.random.default_rng(0).integers(0, 65536, (90, 120, 3), np.uint16))
    else:
        save(Image.effect_noise((120, 90), 80), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UnreadableImage):
        samples.digest(path)


def test_a_damaged_deep_tiff_proves_nothing(tmp_path):
    path = rgb_tiff(tmp_path / "a.tif", noise(16, 3))
    path.write_bytes(path.read_bytes()[:-100])
    assert samples.digest(path) == ""


def test_too_many_pixels_are_refused(tmp_path):
    with pytest.raises(UnreadableImage, match="too many pixels"):
        samples.digest(save(photo(1), tmp_path / "a.png"), max_pixels=1000)


def test_a_smaller_copy_of_a_page_within_its_file_is_no_page(tmp_path):
    page, other = np.asarray(photo(3)), np.asarray(photo(4))
    plain = tiff(tmp_path / "plain.tif", page, other, photometric="rgb")
    with tifffile.TiffWriter(tmp_path / "thumb.tif") as writer:
        for each in (page, other):
            writer.write(each, photometric="rgb", metadata=None)
            writer.write(np.ascontiguousarray(each[::4, ::4]), photometric="rgb", subfiletype=1, metadata=None)
    thumb = tmp_path / "thumb.tif"
    assert decode.read(plain).frames == decode.read(thumb).frames == 2
    assert samples.digest(plain) == samples.digest(thumb)
    first, second = ([np.asarray(each) for each in decode.open_further(path, 9)] for path in (plain, thumb))
    assert len(first) == len(second) == 1 and (first[0] == second[0]).all()
    alone = tiff(tmp_path / "alone.tif", page, photometric="rgb")
    with tifffile.TiffWriter(tmp_path / "one.tif") as writer:
        writer.write(page, photometric="rgb", metadata=None)
        writer.write(np.ascontiguousarray(page[::4, ::4]), photometric="rgb", subfiletype=1, metadata=None)
    assert decode.read(tmp_path / "one.tif").frames == 1
    assert samples.digest(tmp_path / "one.tif") == samples.digest(alone)
