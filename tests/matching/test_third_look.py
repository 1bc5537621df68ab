"""Small print and patches at a picture's own pixels: what an edit leaves, and what another figure or value leaves."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

from dedup.matching import third_look
from dedup.matching.leftover import toned
from dedup.matching.parameters import value

Edit = Callable[[Image.Image], Image.Image]
STROKE = value("stroke")


def sheet(number: int) -> Image.Image:
    """A page of small figures, the last of which is `number`."""
    picture = Image.new("RGB", (560, 420), "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(11)
    rng = np.random.default_rng(5)
    figures = rng.integers(100, 999, (20, 9))
    figures[12, 4] = number
    for row, line in enumerate(figures.tolist()):
        for column, figure in enumerate(line):
            draw.text((15 + 60 * column, 10 + 20 * row), str(figure), fill="black", font=font)
    return picture


def matrix(level: int) -> Image.Image:
    """Cells of colours, one of which is as light as `level`."""
    rng = np.random.default_rng(6)
    cells = rng.integers(60, 200, (8, 8, 3), np.uint8)
    cells[3, 5] = level, 90, 140
    return Image.fromarray(cells).resize((400, 400), Image.Resampling.NEAREST)


def saved(picture: Image.Image, quality: int) -> Image.Image:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=quality)
    return Image.open(stream).convert("RGB")


EDITS: dict[str, Edit] = {
    "quality 75": lambda picture: saved(picture, 75),
    "quality 30": lambda picture: saved(picture, 30),
    "brighter": lambda picture: saved(ImageEnhance.Brightness(picture).enhance(1.15), 92),
    "darker": lambda picture: ImageEnhance.Brightness(picture).enhance(0.6),
    "gamma": lambda picture: picture.point(lambda tone: round(255 * (tone / 255) ** 0.6)),
    "negative": lambda picture: ImageEnhance.Contrast(picture).enhance(0.5),
    "blurred": lambda picture: picture.filter(ImageFilter.GaussianBlur(1.2)),
    "enlarged again": lambda picture: picture.resize((280, 210), Image.Resampling.LANCZOS).resize(picture.size),
    "smaller": lambda picture: picture.resize((picture.width // 2, picture.height // 2), Image.Resampling.LANCZOS),
}


def pixels(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.convert("RGB"))


@pytest.mark.parametrize("edit", EDITS)
def test_what_an_edit_leaves_of_small_print_is_little(edit):
    original = sheet(123)
    for sides in ((original, EDITS[edit](original)), (EDITS[edit](original), original)):
        assert not third_look.is_other(*map(pixels, sides), STROKE)


@pytest.mark.parametrize("edit", [name for name in EDITS if name not in ("smaller", "blurred", "enlarged again")])
def test_another_figure_in_small_print_is_another_sheet_whatever_was_done_to_it(edit):
    assert third_look.is_other(pixels(sheet(123)), pixels(EDITS[edit](sheet(789))), STROKE)


def test_another_value_of_a_cell_is_told_where_colours_count():
    one, other = pixels(matrix(100)), pixels(matrix(135))
    found = third_look.compare(one, other)
    assert found.stroke < value("stroke") < 255 and found.patch > 12
    assert third_look.is_other(one, other, STROKE, 12.0) and not third_look.is_other(one, other, STROKE)
    assert not third_look.is_other(one, pixels(saved(matrix(100), 75)), STROKE, value("patch"))


def test_what_is_smaller_tells_of_strokes_alone():
    small = matrix(135).resize((200, 200), Image.Resampling.BOX)
    assert not third_look.is_other(pixels(matrix(100)), pixels(small), STROKE, 12.0)


def test_pictures_next_to_nothing_in_size_and_of_one_tone_are_compared():
    for size in ((1, 1), (3, 2), (12, 12)):
        plain = pixels(Image.new("RGB", size, "gray"))
        assert third_look.compare(plain, plain) == third_look.Found(0.0, 0.0, False)


def test_tones_are_carried_by_the_best_monotone_curve():
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (40, 40), np.uint8)
    assert np.abs(toned(picture, np.uint8(picture // 2 + 30)) - (picture // 2 + 30)).max() < 1e-3
    assert len(np.unique(toned(picture, np.uint8(255 - picture)))) == 1  # no rising curve does it


def ticket(seat: str) -> Image.Image:
    """A ticket for a seat."""
    picture = Image.new("RGB", (560, 420), (250, 244, 225))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, 560, 80), fill=(30, 60, 120))
    for top, words in ((25, "CITY THEATRE"), (130, f"Row 7  Seat {seat}"), (230, "12.5.2026  20:00")):
        draw.text((30, top), words, fill="white" if top < 80 else "black", font=ImageFont.load_default(28))
    return picture


CARRIED: dict[str, tuple[Edit, list[float]]] = {
    "mirrored": (ImageOps.mirror, [-1, 0, 1, 0, 1, 0]),
    "cropped": (lambda picture: picture.crop((28, 21, 532, 399)), [1 / 0.9, 0, -0.05 / 0.9, 0, 1 / 0.9, -0.05 / 0.9]),
    "larger": (lambda picture: picture.resize((840, 630), Image.Resampling.BICUBIC), [1, 0, 0, 0, 1, 0]),
    "bordered": (lambda picture: ImageOps.expand(picture, (56, 42)), [1 / 1.2, 0, 0.1 / 1.2, 0, 1 / 1.2, 0.1 / 1.2]),
}


@pytest.mark.parametrize("edit", CARRIED)
@pytest.mark.parametrize("off", [0.0, 0.002])
def test_a_drawing_that_lies_otherwise_is_carried_there(edit, off):
    made, numbers = CARRIED[edit]
    affine = np.add(numbers, [0, 0, off / 2, 0, 0, 0])
    most = value("stroke_carried")
    assert not third_look.is_other(*third_look.carried(pixels(ticket("11")), pixels(made(ticket("11"))), affine), most)
    assert third_look.is_other(*third_look.carried(pixels(ticket("11")), pixels(made(ticket("27"))), affine), most)


def test_of_two_that_show_nothing_in_common_nothing_is_carried():
    left, right = third_look.carried(pixels(ticket("1")), pixels(ticket("2")), np.array([1.0, 0, 2, 0, 1, 0]))
    assert left.size == right.size == 0
