"""What is around a crop: a scene goes on there, or it begins with an edge, for the picture was set into something."""

from __future__ import annotations

import pandas as pd
import pytest
from PIL import Image, ImageDraw, ImageOps

import dedup
from dedup import removal
from dedup.dataset import Dataset
from dedup.matching import parts
from dedup.scanning import crops
from tests.pictures import detailed, font, save


def screen(picture: Image.Image) -> Image.Image:
    """A telephone's page with the picture across all of it, words above and below."""
    page = Image.new("RGB", (picture.width, int(1.5 * picture.height)), (250, 250, 250))
    draw = ImageDraw.Draw(page)
    draw.rectangle((0, 0, page.width, page.height // 12), fill=(40, 60, 120))
    for line in range(12):
        y = page.height // 6 + picture.height + 4 + 16 * line
        draw.text((8, y), "words that somebody wrote below it " * 2, fill=(20, 20, 20), font=font(13))
    page.paste(picture, (0, page.height // 6))
    return page


def of_two(tmp_path, original: Image.Image, made: Image.Image, **options) -> Dataset:
    save(original, tmp_path / "in" / "original.png")
    save(made, tmp_path / "in" / "made.jpg", quality=92)
    return dedup.scan(tmp_path / "in", workers=1, **options)


def told(dataset: Dataset) -> tuple[str, str, int]:
    (pair,) = dataset.pairs[["kind", "relations", "details"]].itertuples(index=False)
    return str(pair.kind), str(pair.relations), int(pair.details)


@pytest.mark.parametrize("size", [(320, 420), (360, 360)])
def test_a_screen_that_shows_a_picture_is_no_copy_of_it(tmp_path, home, size):
    original = detailed(3, size)
    dataset = of_two(tmp_path, original, screen(original))
    kind, _, details = told(dataset)
    assert (kind, details) == ("contains", crops.BY_THE_WHOLE)
    assert not list(dataset.groups) and not removal.plan(dataset).entries
    assert dataset.frame["contains"].sum() == 1 and dataset.frame["part_of"].sum() == 1


@pytest.mark.parametrize(
    ("kept", "kind", "name"),
    [
        ((0.65, 0.65), "contains", "contains the other"),
        ((0.72, 0.72), "contains", "contains the other"),
        ((0.8, 0.8), "near", "cropped"),
        ((1.0, 0.7), "near", "cropped"),
    ],
)
def test_a_crop_is_a_copy_where_it_keeps_more_than_half(tmp_path, home, kept, kind, name):
    original = detailed(5, (480, 360))
    width, height = (int(side * part) for side, part in zip(original.size, kept, strict=True))
    cut = original.crop((30, 20, 30 + width, 20 + height)) if kept[0] < 1 else original.crop((0, 60, 480, 60 + height))
    found = told(of_two(tmp_path, original, cut))
    assert found[0] == kind and name in found[1]


def test_a_border_of_one_tone_makes_no_part(tmp_path, home):
    original = detailed(6, (480, 360))
    kind, names, _ = told(of_two(tmp_path, original, ImageOps.expand(original, 40, "white")))
    assert kind == "near" and "bordered" in names


def test_what_was_shifted_on_black_is_no_part(tmp_path, home):
    original = detailed(6, (480, 360))
    shifted = Image.new("RGB", original.size)
    shifted.paste(original, (48, 36))
    assert told(of_two(tmp_path, original, shifted))[0] == "near"


def test_a_later_scan_keeps_what_was_told_and_reads_none_of_it_again(tmp_path, home, monkeypatch):
    original = detailed(3, (320, 420))
    first = told(of_two(tmp_path, original, screen(original)))
    asked: list[int] = []
    look = parts.is_set_in
    monkeypatch.setattr(parts, "is_set_in", lambda *given: (asked.append(1), look(*given))[1])
    save(detailed(9, (320, 420)), tmp_path / "in" / "another.png")
    again = dedup.scan(tmp_path / "in", workers=1)
    assert told(again) == first and not asked
    fresh = dedup.scan(tmp_path / "in", name="fresh", workers=1)
    pd.testing.assert_frame_equal(again.pairs, fresh.pairs)
    thorough = dedup.scan(tmp_path / "in", name="fresh", workers=1, thorough=True)
    assert thorough.pairs["kind"].tolist() == ["contains"]


def test_a_fault_costs_the_pair_it_is_in(tmp_path, home, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("a side of nothing")

    monkeypatch.setattr(parts, "is_set_in", broken)
    original = detailed(3, (320, 420))
    dataset = of_two(tmp_path, original, screen(original))
    assert dataset.pairs["kind"].tolist() == ["unjudged"] and "a side of nothing" in dataset.pairs["note"].iloc[0]


def test_a_file_that_is_gone_meanwhile_is_told(tmp_path, home, monkeypatch):
    apart = crops.apart
    monkeypatch.setattr(crops, "apart", lambda pairs, asked, pictures, pool: apart(pairs, asked, lambda rows: [], pool))
    original = detailed(3, (320, 420))
    dataset = of_two(tmp_path, original, screen(original))
    assert dataset.pairs["note"].tolist() == [crops.GONE]
