"""What is, and what is not, an exact copy, from files to the CSV and to what a removal takes; and who stays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import ExifTags, Image, PngImagePlugin

from dedup.cli import main
from dedup.exports import csv
from tests.images.files import png, tiff
from tests.pictures import photo, save
from tests.scenes import scene

Samples = np.ndarray


def table(folder: Path, place: Path) -> pd.DataFrame:
    """Scan a folder, which must have no failure, and export it to a CSV; by path."""
    home = ["--home", str(place / "home")]
    assert main(["scan", str(folder), "--name", "set", "--workers", "1", *home]) == 0
    output = place / "out.csv"
    assert main(["export", "set", "--to", "csv", "--output", str(output), *home]) == 0
    return csv.read(output).set_index("path")


def smooth(seed: int, size: tuple[int, int] = (64, 48)) -> Samples:
    """A field in 0..1, different for every seed."""
    return np.asarray(photo(seed, size).convert("L"), np.float64) / 255


def animated(path: Path, frames: list[Image.Image]) -> None:
    options = {"lossless": True} if path.suffix == ".webp" else {}
    save(frames[0], path, save_all=True, append_images=frames[1:], duration=100, **options)


# --- all different ----------------------------------------------------------------------------------------------------


def hot_fields(folder: Path) -> None:
    """Six fields of 16 bits in a small range, with one hot pixel each."""
    for number in range(6):
        field = (1000 + 400 * smooth(10 + number)).astype(np.uint16)
        field[5, 7] = 65535
        png(folder / f"{number}.png", field)


def elevations(folder: Path) -> None:
    """Metres as floats, with corners without data; two of them differ by a millimetre in one place."""
    for number in range(5):
        metres = (800 + 900 * smooth(20 + number % 4)).astype(np.float32)
        metres[:12, :12] = metres[-12:, -12:] = -9999
        metres[30, 30] += 0.001 * (number == 4)
        tiff(folder / f"{number}.tif", metres)


def depths(folder: Path) -> None:
    """Millimetres, 0 where nothing was measured; two of them differ by one."""
    for number in range(5):
        millimetres = (600 + 3000 * smooth(30 + number % 4)).astype(np.uint16)
        millimetres[10:14, 20:50] = 0
        millimetres[30, 30] += number == 4
        png(folder / f"{number}.png", millimetres)


def masks(folder: Path) -> None:
    """Instances with permuted numbers, in 8 and in 16 bits, and in a palette of one colour for all."""
    instances = (smooth(40) * 5.99).astype(np.uint8)
    orders = [[0, 1, 2, 3, 4, 5], [0, 2, 1, 3, 4, 5], [0, 5, 4, 3, 2, 1], [0, 1, 2, 3, 5, 4]]
    for number, order in enumerate(orders):
        numbers = np.array(order)[instances]
        png(folder / f"{number}.png", numbers.astype(np.uint8))
        png(folder / f"{number}-16.png", (numbers * 300).astype(np.uint16))
        paletted = Image.fromarray(numbers.astype(np.uint8), "P")
        paletted.putpalette([0, 0, 0] + [255, 255, 255] * 5)
        save(paletted, folder / f"{number}-palette.png")


def icons(folder: Path) -> None:
    """One shape on transparency, in black, in gray and in white."""
    shape = Image.fromarray(np.where(smooth(50) > 0.5, 255, 0).astype(np.uint8))
    for tone in (0, 1, 127, 128, 254, 255):
        icon = Image.new("RGBA", shape.size, (tone, tone, tone, 0))
        icon.putalpha(shape)
        save(icon, folder / f"{tone}.png")


def textures(folder: Path) -> None:
    """Colours whose alpha is 0 throughout, as games store them, one of them twice but for one sample."""
    for number in range(5):
        colours = np.dstack([np.asarray(photo(60 + number % 4, (64, 48))), np.zeros((48, 64), np.uint8)])
        colours[30, 30, 2] ^= number == 4
        png(folder / f"{number}.png", colours)


def cutouts(folder: Path) -> None:
    """One picture of which another white pixel is a little transparent in each, which nobody sees on white."""
    for number in range(3):
        samples = np.dstack([np.asarray(photo(65, (64, 48))), np.full((48, 64), 255, np.uint8)])
        samples[20, 10:41:15, :3] = 255
        samples[20, 10 + 15 * number, 3] = 254
        png(folder / f"{number}.png", samples)


def animations(folder: Path) -> None:
    """A title frame, and then something else in each; or eight frames of which one, that is not looked at for likeness,
    is another."""
    title = photo(70, (64, 48)).quantize(32).convert("RGB")
    for number, name in enumerate(f"{number}.{suffix}" for suffix in ("gif", "png", "webp") for number in range(3)):
        rest = [photo(200 + 3 * number + k, (64, 48)).quantize(32).convert("RGB") for k in range(3)]
        animated(folder / name, [title, *rest])
        animated(folder / f"long-{name}", _eight(title, number))


def _eight(first: Image.Image, number: int) -> list[Image.Image]:
    """Eight frames; only the fourth depends on the number."""
    frames = [photo(seed, first.size).quantize(32).convert("RGB") for seed in (*range(300, 307), 310 + number)]
    return [first, *frames[:2], frames[7], *frames[3:7]]


def documents(folder: Path) -> None:
    """One cover sheet, and then other pages; the last one has an extra page. Or eight pages of which one differs."""
    cover = photo(80, (64, 48))
    for number in range(4):
        pages = [photo(81 + number % 3, (64, 48))] * (1 + number // 3)
        save(cover, folder / f"{number}.tif", save_all=True, append_images=pages)
        first, *rest = _eight(cover, number)
        save(first, folder / f"long-{number}.tif", save_all=True, append_images=rest)


def bands(folder: Path) -> None:
    """The same colours with another near infrared, and without any."""
    colours = np.asarray(photo(90, (64, 48)))
    for number in range(3):
        infrared = (255 * smooth(91 + number)).astype(np.uint8)
        stacked = np.dstack([colours, infrared])
        tiff(folder / f"{number}.tif", stacked, photometric="rgb", extrasamples=[0])
        tiff(folder / f"{number}-16.tif", stacked * np.uint16(257), photometric="rgb", extrasamples=[0])
    tiff(folder / "colours.tif", colours, photometric="rgb")


DIFFERENT = (hot_fields, elevations, depths, masks, icons, textures, cutouts, animations, documents, bands)


@pytest.fixture(scope="module")
def different(tmp_path_factory) -> tuple[Path, Path, pd.DataFrame]:
    """A folder of files none of which is an exact copy, where its dataset is, and its CSV."""
    place = tmp_path_factory.mktemp("different")
    for write in DIFFERENT:
        (place / "in" / write.__name__).mkdir(parents=True)
        write(place / "in" / write.__name__)
    return place / "in", place, table(place / "in", place)


@pytest.mark.parametrize("write", DIFFERENT, ids=lambda write: write.__name__)
def test_files_that_differ_in_any_sample_are_no_exact_copies(write, different):
    folder, _, found = different
    own = found[found.index.str.startswith(f"{write.__name__}/")]
    assert len(own) == len(list((folder / write.__name__).iterdir()))
    assert (own["status"] == "ok").all()
    assert "exact" not in set(own["kind"]) and (own["singularity"] > 0).all()


@pytest.mark.parametrize("write", [hot_fields, elevations, depths, textures, animations, documents])
def test_fields_and_series_that_show_something_else_are_not_even_near(write, different):
    *_, found = different
    twins = {elevations: {"0.tif", "4.tif"}, depths: {"0.png", "4.png"}, textures: {"0.png", "4.png"}}
    near = {path for path, role in found["role"].items() if path.startswith(f"{write.__name__}/") and role}
    names = {Path(path).name for path in near if "long-" not in path}
    assert names <= twins.get(write, set())


@pytest.mark.parametrize("write", [masks, icons])
def test_what_means_or_shows_something_else_is_not_near_either(write, different):
    *_, found = different
    own = found[found.index.str.startswith(f"{write.__name__}/")]
    tone = own.index.str.extract(r"/(\d+)", expand=False)
    for _, group in own.assign(tone=tone.astype(int))[own["role"] != ""].groupby("group"):
        assert np.ptp(group["tone"]) <= (1 if write is icons else 0)


def test_a_removal_takes_none_of_them(different):
    folder, place, _ = different
    before = {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    assert main(["remove", "set", "--apply", "--home", str(place / "home")]) == 0
    assert {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()} == before


# --- who stays --------------------------------------------------------------------------------------------------------


def stills(folder: Path) -> None:
    """Animations and documents, and their first frame as a file of its own that has much to be said for it."""
    exif = Image.Exif()
    exif[ExifTags.Base.Make], exif[ExifTags.Base.ImageDescription] = "Camera", "A caption"
    for number, suffix in enumerate(("gif", "png", "webp", "tif")):
        shown = [photo(100 + 3 * number + k, (64, 48)).quantize(32).convert("RGB") for k in range(3)]
        where = folder / suffix
        where.mkdir()
        if suffix == "tif":
            save(shown[0], where / f"moving (copy).{suffix}", save_all=True, append_images=shown[1:])
        else:
            animated(where / f"moving (copy).{suffix}", shown)
        save(shown[0], where / "s.png", exif=exif)
        save(shown[0], where / "s.bmp")


def small_things(folder: Path) -> None:
    """A small object on white, and both at half the size."""
    whole = Image.new("RGB", (400, 300), "white")
    whole.paste(scene(5, 40, 30), (180, 140))
    save(whole, folder / "whole.png")
    save(whole.resize((200, 150), Image.Resampling.BICUBIC), folder / "half.png")


def described(folder: Path) -> None:
    """Pairs of equal pixels, one of which says where it was taken, what it shows, or what it is about."""
    place, caption, keywords = (Image.Exif() for _ in range(3))
    place.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (47.0, 22.0, 12.0)
    caption[ExifTags.Base.ImageDescription] = "Our garden"
    keywords[ExifTags.Base.XPKeywords] = "garden;summer".encode("utf-16-le")
    for number, (name, exif) in enumerate({"place": place, "caption": caption, "keywords": keywords}.items()):
        save(photo(10 + number), folder / f"{name} told.jpg", exif=exif, quality=90)
        save(photo(10 + number), folder / f"{name}.jpg", quality=90)
    text = PngImagePlugin.PngInfo()
    text.add_text("Description", "Our garden")
    save(photo(13), folder / "text told.png", pnginfo=text)
    save(photo(13), folder / "text.png")


def depth(folder: Path) -> None:
    """16 bits and the 8 bits that a program exported of them, of gray and of colours."""
    rng = np.random.default_rng(1)
    for name, picture in (("gray", scene(20).convert("L")), ("colours", scene(21))):
        shown = np.asarray(picture)
        deep = shown.astype(np.uint16) * 256 + rng.integers(0, 256, shown.shape, np.uint16)
        png(folder / f"a much longer name of {name}.png", deep)
        save(picture, folder / f"{name}.png")


def flattened(folder: Path) -> None:
    """A transparent picture and what is seen of it on white."""
    cut = scene(22, 240, 240).convert("RGBA")
    y, x = np.mgrid[:240, :240]
    cut.putalpha(Image.fromarray(np.where(np.hypot(x - 120, y - 120) < 100, 255, 0).astype(np.uint8)))
    save(cut, folder / "a much longer name.png")
    white = Image.new("RGBA", cut.size, "white")
    save(Image.alpha_composite(white, cut).convert("RGB"), folder / "flat.png")


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """Where a folder of copies is that are worth something different each."""
    place = tmp_path_factory.mktemp("kept")
    for write in (stills, small_things, described, depth, flattened):
        (place / "in" / write.__name__).mkdir(parents=True)
        write(place / "in" / write.__name__)
    return place


@pytest.fixture(scope="module")
def kept(place) -> pd.DataFrame:
    """The CSV of that folder."""
    return table(place / "in", place)


@pytest.mark.parametrize("suffix", ["gif", "png", "webp", "tif"])
def test_a_still_of_the_first_frame_never_stays_for_its_animation(suffix, kept):
    own = kept[kept.index.str.startswith(f"stills/{suffix}/")]
    moving = own.loc[f"stills/{suffix}/moving (copy).{suffix}"]
    assert (own["group"] == moving["group"]).all()
    assert moving["role"] == "keeper" and moving["keeper_reason"] == "has 3 frames, the other 1"
    rest = own.drop(moving.name)
    assert (rest["keeper"] == moving.name).all() and rest["kind"].tolist().count("near") >= 1
    assert rest["relation"].str.contains("first frame of 3").any()


def test_a_small_object_on_white_and_its_smaller_copy_are_one_group(kept):
    whole, half = (kept.loc[f"small_things/{name}.png"] for name in ("whole", "half"))
    assert half["kind"] == "near" and half["keeper"] == whole.name and whole["role"] == "keeper"
    assert "resized from 400x300 to 200x150" in half["relation"]


@pytest.mark.parametrize("name", ["place", "caption", "keywords", "text"])
def test_of_equal_pixels_the_file_that_tells_more_stays_and_says_so(name, kept):
    suffix = "png" if name == "text" else "jpg"
    told, silent = (kept.loc[f"described/{each}.{suffix}"] for each in (f"{name} told", name))
    assert silent["kind"] == "exact" and silent["keeper"] == told.name and silent["relation"] == "identical pixels"
    assert told["role"] == "keeper" and told["keeper_reason"] == "tells more of place and subject"


@pytest.mark.parametrize("name", ["gray", "colours"])
def test_of_sixteen_bits_and_their_export_the_sixteen_stay(name, kept):
    deep, shallow = kept.loc[f"depth/a much longer name of {name}.png"], kept.loc[f"depth/{name}.png"]
    assert shallow["kind"] == "near" and shallow["keeper"] == deep.name
    assert "16 bits to 8" in shallow["relation"]
    assert deep["role"] == "keeper" and deep["keeper_reason"] == "has 16 bits a sample, the other 8"


def test_of_a_transparent_picture_and_its_flat_copy_the_transparent_one_stays(kept):
    cut, flat = kept.loc["flattened/a much longer name.png"], kept.loc["flattened/flat.png"]
    assert flat["kind"] == "near" and flat["keeper"] == cut.name
    assert "transparency flattened on white" in flat["relation"]
    assert cut["role"] == "keeper" and cut["keeper_reason"] in ("keeps its transparency", "has 4 bands, the other 3")


def test_a_removal_takes_the_copies_that_say_less_and_nothing_that_is_not_the_same(kept, place):
    assert main(["remove", "set", "--apply", "--home", str(place / "home")]) == 0
    left = {str(path.relative_to(place / "in")) for path in (place / "in").rglob("*") if path.is_file()}
    silent = {f"described/{name}" for name in ("place.jpg", "caption.jpg", "keywords.jpg", "text.png")}
    assert set(kept.index) - left == silent | {f"stills/{suffix}/s.bmp" for suffix in ("gif", "png", "webp", "tif")}
