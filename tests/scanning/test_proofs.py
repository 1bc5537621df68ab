"""Exact copies are proven by their samples: who is read for that, that nobody is read twice, and that what comes out is
what reading every file would say."""

from __future__ import annotations

import hashlib
import shutil
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageOps

import dedup
from dedup.errors import UnreadableImage
from dedup.images import samples
from dedup.images.examine import FACTS, examine
from dedup.images.signature import SIGNATURE
from dedup.scanning import proofs
from dedup.scanning.engines.local import Local
from dedup.store import directory
from tests.images.files import exif_of, png, stored, tiff
from tests.pictures import folder_of_photos, photo, save

LIMIT = 360_000
"""Pixels; a JPEG of 700x500 is under it."""
DEEP = np.random.default_rng(0).integers(0, 65536, (48, 64), np.uint16)


@dataclass(frozen=True)
class Examined:
    """Files as a scan knows them before it proves anything."""

    paths: list[Path]
    images: pd.DataFrame
    signatures: np.ndarray

    @classmethod
    def of(cls, *paths: Path) -> Examined:
        found = [examine(path, max_pixels=LIMIT) for path in paths]
        empty = bytes(SIGNATURE.itemsize)
        records = np.frombuffer(b"".join(each.signature or empty for each in found), SIGNATURE)
        facts = pd.DataFrame.from_records([each.row for each in found], columns=list(FACTS)).astype(FACTS)
        return cls(list(paths), facts, records)

    def part(self, rows: Sequence[int]) -> Examined:
        chosen = list(rows)
        images = self.images.iloc[chosen].reset_index(drop=True)
        return Examined([self.paths[row] for row in chosen], images, self.signatures[chosen])

    def doubtful(self) -> set[str]:
        return {self.paths[row].name for row in proofs.doubtful(self.images, self.signatures)}


def digest(path: Path) -> str:
    """The digest of a file's samples, '' where there is none."""
    try:
        return samples.digest(path, max_pixels=LIMIT)
    except UnreadableImage:
        return ""


def page(seed: int, size: tuple[int, int] = (700, 500)) -> Image.Image:
    """A page of black bars on white, like a text."""
    rng, picture = np.random.default_rng(seed), Image.new("RGB", size, "white")
    for top in range(20, size[1] - 20, 16):
        left = 20
        while left < size[0] - 80:
            right = left + int(rng.integers(5, 60))
            ImageDraw.Draw(picture).rectangle((left, top, right, top + 8), fill="black")
            left = right + int(rng.integers(4, 20))
    return picture


# --- who is read ------------------------------------------------------------------------------------------------------


def test_equal_signatures_of_one_shape_are_doubtful_and_nothing_else_is(tmp_path):
    shown = Image.fromarray(np.full((72, 96, 3), 200, np.uint8))
    found = Examined.of(
        save(photo(1), tmp_path / "a.png"),
        save(photo(1), tmp_path / "a.bmp"),
        save(photo(2), tmp_path / "other.png"),
        save(shown, tmp_path / "flat.png"),
        save(shown.resize((96, 73)), tmp_path / "flat of another shape.png"),
        save(shown, tmp_path / "flat of two.tif", save_all=True, append_images=[shown]),
    )
    assert found.doubtful() == {"a.png", "a.bmp"}
    assert found.images["width"].nunique() == 1 and not found.images["alpha"].any()


def test_equal_bytes_need_no_proof(tmp_path):
    paths = [save(photo(1), tmp_path / "a.png")]
    paths += [Path(shutil.copy(paths[0], tmp_path / name)) for name in ("b.png", "c.png")]
    assert Examined.of(*paths).doubtful() == set()
    both = Examined.of(*paths, save(photo(1), tmp_path / "d.tif"))
    assert both.doubtful() == {"a.png", "d.tif"}


def test_what_cannot_be_read_proves_nothing(tmp_path):
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"\x89PNG junk of " + name.encode())
    assert Examined.of(tmp_path / "a.png", tmp_path / "b.png").doubtful() == set()


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("size", [(700, 500), (640, 400), (1100, 320)], ids=str)
@pytest.mark.parametrize("show", [photo, page], ids=["photograph", "page"])
def test_a_jpeg_that_is_decoded_at_a_fraction_of_its_size_is_doubtful_with_its_png(show, size, orientation, tmp_path):
    shown = show(3, size)
    jpeg = save(
        shown if orientation == 1 else shown.transpose(Image.Transpose.ROTATE_90),
        tmp_path / "a.jpg",
        quality=80,
        exif=exif_of(orientation),
    )
    with Image.open(jpeg) as opened:
        lossless = save(ImageOps.exif_transpose(opened), tmp_path / "a.png", compress_level=1)
    other = save(photo(4, size), tmp_path / "b.png", compress_level=1)
    assert digest(jpeg) == digest(lossless) != ""
    assert Examined.of(jpeg, lossless, other).doubtful() == {"a.jpg", "a.png"}


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("size", [(96, 72), (301, 203)], ids=str)
def test_a_turned_file_is_doubtful_with_its_upright_lossless_copy(size, orientation, tmp_path):
    upright = np.asarray(photo(3, size))
    turned = Image.fromarray(stored(upright, orientation))
    found = Examined.of(
        save(Image.fromarray(upright), tmp_path / "upright.bmp"),
        save(turned, tmp_path / "turned.png", exif=exif_of(orientation)),
        save(photo(4, size), tmp_path / "other.bmp"),
    )
    assert found.doubtful() == {"upright.bmp", "turned.png"}


def test_a_turned_picture_of_sharp_dots_is_doubtful_with_its_upright_copy(tmp_path):
    dots = np.asarray(photo(1, (301, 203)).convert("1").convert("L"))
    turned = save(Image.fromarray(stored(dots, 6)), tmp_path / "turned.png", exif=exif_of(6))
    assert len(Examined.of(save(Image.fromarray(dots), tmp_path / "upright.png"), turned).doubtful()) == 2


def test_planes_of_sixteen_bits_are_doubtful_with_the_same_samples_in_another_file(tmp_path):
    colours = np.dstack([DEEP, DEEP[::-1], DEEP[:, ::-1]])
    planes = tiff(tmp_path / "planes.tif", np.moveaxis(colours, -1, 0), photometric="rgb", planarconfig="separate")
    assert len(Examined.of(planes, png(tmp_path / "a.png", colours)).doubtful()) == 2


# --- what comes out ---------------------------------------------------------------------------------------------------


def sets(values: Iterable[str]) -> set[frozenset[int]]:
    """Which places have one value: what is compared, for the values themselves mean nothing."""
    places = defaultdict(list)
    for place, value in enumerate(values):
        places[value].append(place)
    return {frozenset(each) for each in places.values()}


def _animation(path: Path, frames: list[Image.Image], **options) -> Path:
    return save(frames[0], path, save_all=True, append_images=frames[1:], **options)


def _lossless(folder: Path) -> None:
    """One picture in every lossless format, gray in one band and in three, upright and turned, opaque and not."""
    upright = photo(1)
    for name, options in (("a.png", {}), ("a.bmp", {}), ("a.tif", {}), ("a.webp", {"lossless": True})):
        save(upright, folder / name, **options)
    save(upright, folder / "lzw.tif", compression="tiff_lzw")
    for orientation in (3, 6):
        turned = Image.fromarray(stored(np.asarray(upright), orientation))
        save(turned, folder / f"turned-{orientation}.png", exif=exif_of(orientation))
    gray = photo(2).convert("L")
    save(gray, folder / "gray.png")
    save(gray.convert("RGB"), folder / "gray in three.png")
    for alpha in (255, 254, 0):
        upright.putalpha(alpha)
        save(upright, folder / f"alpha-{alpha}.png")


def _jpegs(folder: Path) -> None:
    large = save(photo(3, (700, 500)), folder / "large.jpg", quality=85)
    with Image.open(large) as opened:
        save(opened, folder / "large.png", compress_level=1)
    save(photo(3, (700, 500)), folder / "large of another quality.jpg", quality=60)


def _deep(folder: Path) -> None:
    """16 bits, in two formats, and with the lowest bit of one sample changed."""
    almost = DEEP.copy()
    almost[20, 30] ^= 1
    colours = np.dstack([DEEP, DEEP[::-1], DEEP[:, ::-1]])
    almost_colours = colours.copy()
    almost_colours[20, 30, 2] ^= 1
    for name, content in (("deep", DEEP), ("almost", almost), ("colours", colours), ("almost-colours", almost_colours)):
        png(folder / f"{name}.png", content)
        tiff(folder / f"{name}.tif", content, photometric="rgb" if content.ndim == 3 else "minisblack")
    png(folder / "bytes.png", (DEEP >> 8).astype(np.uint8))


def _frames(folder: Path) -> None:
    frames = [photo(seed, (64, 48)).quantize(16).convert("RGB") for seed in range(4, 7)]
    for name, options in (("moving.png", {}), ("moving.webp", {"lossless": True})):
        _animation(folder / name, frames, duration=100, **options)
    _animation(folder / "slower.png", frames, duration=200)
    _animation(folder / "shorter.png", frames[:2], duration=100)
    _animation(folder / "document.tif", frames)
    _animation(folder / "another document.tif", [frames[0], frames[2], frames[1]])
    save(frames[0], folder / "still.png")
    save(frames[0], folder / "still.tif")


def _labels_and_pages(folder: Path) -> None:
    labels = np.random.default_rng(1).integers(0, 6, (48, 64)).astype(np.uint8)
    orders = {"labels": [0, 1, 2, 3, 4, 5], "permuted": [1, 2, 3, 4, 5, 0], "exchanged": [0, 2, 1, 3, 4, 5]}
    for name, order in orders.items():
        save(Image.fromarray(np.array(order, np.uint8)[labels]), folder / f"{name}.png")
    save(Image.fromarray(labels), folder / "labels.bmp")
    for number in range(12):
        blank = Image.new("L", (300, 220), 255)
        if number % 3:
            blank.putpixel((150 + number // 6, 110), 254)
        save(blank, folder / f"page-{number}.png", compress_level=number % 4)


BROKEN = ("junk.psd", "truncated.png", "enormous.jpg")


def _unreadable(folder: Path) -> None:
    """Bytes that no decoder takes, each twice, and once almost."""
    truncated = save(photo(7), folder / "whole.png").read_bytes()[:2000]
    enormous = save(photo(8, (700, 600)), folder / "enormous.jpg").read_bytes()
    for name, content in zip(BROKEN, (b"8BPS junk", truncated, enormous), strict=True):
        (folder / name).write_bytes(content)
        (folder / f"again {name}").write_bytes(content)
        (folder / f"other {name}").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


@pytest.fixture(scope="module")
def mixed(tmp_path_factory) -> Path:
    """A folder of everything that may, or may not, be taken for exact copies."""
    folder = tmp_path_factory.mktemp("mixed") / "in"
    folder.mkdir()
    for write in (_lossless, _jpegs, _deep, _frames, _labels_and_pages, _unreadable):
        write(folder)
    for name in ("a.png", "large.jpg", "deep.tif", "moving.png", "page-1.png"):
        shutil.copy(folder / name, folder / f"again {name}")
    return folder


@pytest.fixture(scope="module")
def examined(mixed) -> Examined:
    return Examined.of(*sorted(mixed.iterdir()))


@pytest.fixture(scope="module")
def slow(examined) -> list[str]:
    """The reference: every file is read, and stands for its samples or, where these cannot be had, for its bytes."""
    return [digest(path) or hashlib.sha256(path.read_bytes()).hexdigest() for path in examined.paths]


def fast(of: Examined, digests: Sequence[str]) -> list[str]:
    """What the product says; `digests` are those of the rows."""
    found = proofs.contents(of.images, of.signatures, {}, lambda rows: [(row, digests[row]) for row in rows])
    return found.tolist()


def test_the_mix_is_what_it_says(examined, slow):
    status = dict(zip((path.name for path in examined.paths), examined.images["status"], strict=True))
    failed = {name for name, said in status.items() if said == "failed"}
    assert failed == {f"{way}{name}" for way in ("", "again ", "other ") for name in BROKEN}
    names = [path.name for path in examined.paths]
    together = {frozenset(names[place] for place in each) for each in sets(slow) if len(each) > 1}
    assert frozenset({"large.jpg", "large.png", "again large.jpg"}) in together
    assert frozenset({"deep.png", "deep.tif", "again deep.tif"}) in together
    assert frozenset({"moving.png", "moving.webp", "again moving.png"}) in together
    assert frozenset({f"page-{number}.png" for number in (0, 3, 6, 9)}) in together
    assert len(next(each for each in together if "a.png" in each)) == 9


def test_contents_are_what_reading_every_file_says(examined, slow):
    assert sets(fast(examined, slow)) == sets(slow)


@settings(max_examples=60)
@given(st.data())
def test_contents_depend_neither_on_the_order_of_the_rows_nor_on_what_else_is_there(examined, slow, data):
    rows = data.draw(st.lists(st.integers(0, len(slow) - 1), min_size=1, unique=True))
    some = [slow[row] for row in rows]
    assert sets(fast(examined.part(rows), some)) == sets(some)


@settings(max_examples=12)
@given(st.randoms(use_true_random=False))
def test_any_order_of_all_rows_gives_every_file_the_same_content(examined, slow, random):
    rows = random.sample(range(len(slow)), len(slow))
    found = fast(examined.part(rows), [slow[row] for row in rows])
    assert dict(zip(rows, found, strict=True)) == dict(enumerate(fast(examined, slow)))


@pytest.fixture(scope="module")
def scanned(mixed) -> pd.DataFrame:
    return dedup.scan(mixed, home=mixed.parent / "home", workers=1, max_pixels=LIMIT).frame


def test_a_scan_says_what_reading_every_file_says(scanned, examined, slow):
    assert scanned["status"].tolist() == examined.images["status"].tolist()
    assert sets(scanned["content"]) == sets(slow)
    assert scanned["content"].str.fullmatch("[0-9a-f]{32}").all()


def test_a_scan_calls_all_but_one_of_each_set_exact_copies(scanned, slow):
    readable = (scanned["status"] == "ok").to_numpy()
    told = set(scanned.index[(scanned["kind"] == "exact") & readable])
    for each in sets(slow):
        assert len(told & each) == (len(each) - 1 if readable[list(each)].all() else 0)


def test_the_number_of_workers_changes_no_content(mixed, scanned):
    again = dedup.scan(mixed, home=mixed.parent / "another home", workers=2, max_pixels=LIMIT).frame
    assert again["content"].equals(scanned["content"])


# --- what is kept -----------------------------------------------------------------------------------------------------


@pytest.fixture
def alike(tmp_path, home) -> Path:
    """Three files of one picture, two of them of the same bytes, and others."""
    folder = tmp_path / "in"
    save(photo(90), folder / "a.png")
    save(photo(90), folder / "b.bmp")
    shutil.copy(folder / "a.png", folder / "c.png")
    folder_of_photos(folder, 2)
    return folder


def contents(folder: Path) -> dict[str, str]:
    frame = dedup.scan(folder, workers=1).frame
    return dict(zip(frame["path"], frame["content"], strict=True))


def test_files_that_look_alike_are_read_once_for_each_content_and_never_again(alike, asked):
    first = contents(alike)
    assert sorted(asked["samples"]) == ["a.png", "b.bmp"]
    assert first["a.png"] == first["b.bmp"] == first["c.png"] and len(set(first.values())) == 3
    asked["samples"].clear()
    save(photo(90), alike / "d.tif")
    folder_of_photos(alike, 1, start=5)
    shutil.copy(alike / "b.bmp", alike / "e.bmp")
    (alike / "a.png").rename(alike / "renamed.png")
    later = contents(alike)
    assert asked["samples"] == ["d.tif"]
    assert {later[name] for name in ("b.bmp", "c.png", "d.tif", "e.bmp", "renamed.png")} == {first["a.png"]}
    asked["samples"].clear()
    assert contents(alike) == later and not asked["samples"]


@pytest.mark.parametrize("damage", ["gone", "garbage", "of another version"])
def test_proofs_that_are_lost_are_taken_again(damage, alike, home, asked, monkeypatch):
    first = contents(alike)
    kept = home / "in" / directory.PROOFS
    if damage == "gone":
        kept.unlink()
    elif damage == "garbage":
        kept.write_bytes(b"PAR1 no table")
    else:
        monkeypatch.setattr(directory, "_proof_version", lambda: {"samples": "another"})
    asked["samples"].clear()
    folder_of_photos(alike, 1, start=5)
    assert first.items() <= contents(alike).items()
    assert sorted(asked["samples"]) == ["a.png", "b.bmp"] and len(directory.Store(home / "in").read_proofs()) == 2


def test_what_has_no_digest_is_not_read_again_either(tmp_path, home, asked):
    for name, quality in (("a.ico", "png"), ("b.ico", "bmp")):
        save(photo(1, (64, 64)), tmp_path / "in" / name, bitmap_format=quality)
    found = contents(tmp_path / "in")
    assert len(set(found.values())) == 2 and sorted(asked["samples"]) == ["a.ico", "b.ico"]
    asked["samples"].clear()
    folder_of_photos(tmp_path / "in", 1)
    assert found.items() <= contents(tmp_path / "in").items() and not asked["samples"]


def test_a_file_that_changes_while_it_is_proven_proves_nothing_of_what_it_was(tmp_path, home, monkeypatch):
    folder = tmp_path / "in"
    folder.mkdir()
    other = DEEP.copy()
    other[20, 30] ^= 1
    first, second = png(folder / "a.png", DEEP), png(folder / "b.png", other)
    before, run = second.read_bytes(), Local.run

    def changed(self, task, paths, options):
        if task == "samples":
            shutil.copy(first, second)
        return run(self, task, paths, options)

    with monkeypatch.context() as patch:
        patch.setattr(Local, "run", changed)
        contents(folder)
    second.write_bytes(before)
    assert len(set(contents(folder).values())) == 2


def test_a_worker_that_dies_proving_costs_no_scan(alike, monkeypatch):
    monkeypatch.setattr("dedup.scanning.engines.local.WORKER_MODULE", "tests.scanning.hostile_worker")
    (alike / "b.bmp").rename(alike / "crash on samples.bmp")
    found = contents(alike)
    assert len(found) == 5 and found["a.png"] == found["c.png"] != found["crash on samples.bmp"]
