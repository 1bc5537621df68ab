"""What it makes of two pictures that a part of them is the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from dedup.matching import parts
from dedup.matching.leftover import NOTHING
from dedup.matching.parts import Part
from dedup.matching.relations import ALLOWED
from dedup.model import Kind
from tests.pictures import detailed, font

SIZE = (480, 360)
WHOLE = np.array([0.0, 0.0, 1.0, 1.0])
AS_IT_IS = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
MANY = 200
Edit = Callable[[Image.Image], Image.Image]


def judge(
    left: Image.Image, right: Image.Image, affine=AS_IT_IS, agreeing: int = MANY, box=WHOLE, negative: bool = False
) -> Part:
    pictures = (np.asarray(each.convert("RGB")) for each in (left, right))
    affine, box = np.array(affine, np.float64), np.array(box, np.float64)
    return parts.judge(*pictures, affine, agreeing, box, negative=negative)


def crop(picture: Image.Image, part: float) -> tuple[Image.Image, tuple[float, ...]]:
    """The middle of a picture, that part of its area, and the map to it."""
    width, height = (round(side * part**0.5) for side in picture.size)
    x, y = (picture.width - width) // 2, (picture.height - height) // 2
    small = picture.crop((x, y, x + width, y + height))
    affine = (picture.width / width, 0.0, -x / width, 0.0, picture.height / height, -y / height)
    return small, affine


@pytest.mark.parametrize(
    ("part", "kind"), [(0.8, Kind.NEAR), (0.6, Kind.NEAR), (0.4, Kind.CONTAINS), (0.2, Kind.CONTAINS)]
)
def test_a_crop_of_less_than_half_is_a_part(part, kind):
    picture = detailed(1, SIZE)
    small, affine = crop(picture, part)
    told = judge(picture, small, affine)
    assert told.kind == kind
    assert told.values["cropped"] == 1, "right is the crop"
    assert told.values["seen_left"] == pytest.approx(part, abs=0.02) and told.values["seen_right"] > 0.98
    assert (told.values.get("note", "") != "") == (kind == Kind.CONTAINS), "with a note no threshold makes it a copy"


def test_a_negative_is_a_copy_as_its_original_is():
    picture = detailed(1, SIZE)
    told = judge(picture, ImageOps.invert(picture), negative=True)
    assert told.kind == Kind.NEAR
    assert told.values["gain"] == pytest.approx(-1, abs=0.02) and told.values["bias"] == pytest.approx(255, abs=4)
    small, affine = crop(ImageOps.invert(picture), 0.3)
    assert judge(picture, small, affine, negative=True).kind == Kind.CONTAINS
    assert judge(picture, ImageOps.invert(picture)).kind == Kind.UNIQUE, "who is not told does not believe it"
    assert judge(picture, ImageOps.invert(detailed(2, SIZE)), negative=True).kind == Kind.UNIQUE


def many_hued(seed: int) -> Image.Image:
    """Colours that reach far in every direction, as of a photograph of many things."""
    picture = np.asarray(detailed(seed, SIZE), np.float64)
    gray = picture.mean(axis=2, keepdims=True)
    return Image.fromarray(np.clip(gray + 1.5 * (picture - gray), 0, 255).astype(np.uint8))


RECOLOURED = {
    "solarised": lambda picture: ImageOps.solarize(picture, 128),
    "channels exchanged": lambda picture: Image.merge("RGB", picture.split()[1:] + picture.split()[:1]),
    "hue turned": lambda picture: turned_hue(picture, 64),
}


def turned_hue(picture: Image.Image, by: int) -> Image.Image:
    hue, saturation, lightness = picture.convert("HSV").split()
    return Image.merge("HSV", (hue.point([(each + by) % 256 for each in range(256)]), saturation, lightness)).convert(
        "RGB"
    )


@pytest.mark.parametrize("name", RECOLOURED)
def test_a_change_that_explains_every_colour_makes_a_copy_and_is_named(name):
    picture, edit = many_hued(1), RECOLOURED[name]
    for sides, derived in (((picture, edit(picture)), 1), ((edit(picture), picture), -1)):
        told = judge(*sides)
        assert told.kind == Kind.NEAR
        assert ALLOWED[told.values["allowed"]] == name
        assert told.values["derived"] == (derived if name == "solarised" else 0)
    small, affine = crop(edit(picture), 0.3)
    told = judge(picture, small, affine)
    assert (told.kind, ALLOWED[told.values["allowed"]]) == (Kind.CONTAINS, name)
    assert judge(picture, edit(many_hued(2))).kind == Kind.UNIQUE


def test_a_thing_in_another_colour_is_no_picture_of_which_channels_were_exchanged():
    picture = coloured(1, (200, 40, 40))
    small, affine = crop(Image.merge("RGB", picture.split()[::-1]), 0.3)
    assert judge(picture, small, affine).kind == Kind.UNIQUE


def test_one_exposure_with_other_figures_on_it_is_no_copy():
    """As the second look says of the two as wholes, however many keypoints agree."""
    noise = np.random.default_rng(3).normal(0, 6, (450, 800, 3))
    scene = Image.fromarray((np.asarray(detailed(1, (800, 450))) + noise).clip(0, 255).astype(np.uint8))
    shown = []
    for score in ("1:3", "2:1"):
        shown.append(scene.copy())
        pen = ImageDraw.Draw(shown[-1])
        pen.rectangle((20, 20, 320, 80), fill=(20, 20, 80))
        pen.text((30, 30), f"HOME {score} AWAY", fill="white", font=font(34))
    assert judge(*shown).kind == Kind.UNIQUE


def test_a_sign_in_other_tones_is_no_negative():
    """Black on white, and white on a colour."""
    black, white = Image.new("RGB", SIZE, "white"), Image.new("RGB", SIZE, (40, 90, 160))
    for sign, ink in ((black, "black"), (white, "white")):
        pen = ImageDraw.Draw(sign)
        pen.ellipse((120, 60, 360, 300), fill=ink)
        pen.polygon([(60, 300), (240, 20), (420, 300), (240, 200)], fill=ink)
        pen.rectangle((200, 200, 280, 340), fill=ink)
    assert judge(black, white, negative=True).kind == Kind.UNIQUE
    assert judge(black, ImageOps.invert(black), negative=True).kind == Kind.NEAR


def beside(*pictures: Image.Image) -> Image.Image:
    sheet = Image.new("RGB", (sum(each.width for each in pictures), max(each.height for each in pictures)))
    x = 0
    for each in pictures:
        sheet.paste(each, (x, 0))
        x += each.width
    return sheet


def test_a_collage_contains_its_pictures():
    picture, other = detailed(1, SIZE), detailed(2, SIZE)
    told = judge(picture, beside(other, picture), (0.5, 0, 0.5, 0, 1, 0))
    assert told.kind == Kind.CONTAINS and told.values["cropped"] == -1
    assert told.values["seen_right"] == pytest.approx(0.5, abs=0.01)


def test_a_picture_that_was_cut_to_its_place_in_a_collage_is_found_there():
    """The map goes on beyond the place, where its neighbour lies."""
    picture, other = detailed(1, SIZE), detailed(2, SIZE)
    cut = picture.crop((60, 0, 420, 360))  # three quarters of it
    sheet = beside(cut, other, other)
    affine = (480 / sheet.width, 0, -60 / sheet.width, 0, 1, 0)
    told = judge(picture, sheet, affine, box=np.array([0.3, 0.2, 0.7, 0.8]))
    assert told.kind == Kind.CONTAINS
    assert told.values["seen_left"] == pytest.approx(0.75, abs=0.06)
    assert judge(picture, sheet, affine, agreeing=9).kind == Kind.UNIQUE, "nine keypoints are not enough to look there"


def test_a_few_keypoints_off_by_some_pixels_do_not_tell_how_a_part_lies():
    picture, page = detailed(1, SIZE), detailed(9, SIZE)
    page.paste(picture.resize((160, 120), Image.Resampling.LANCZOS), (200, 100))
    turn, wider = np.radians(3), 1.05
    c, s = np.cos(turn) / 3, np.sin(turn) / 3
    affine = (wider * c, -s, 200 / 480, s, c, 100 / 360)
    told = judge(picture, page, affine, agreeing=20)
    assert told.kind == Kind.CONTAINS
    found = [told.values[name] for name in ("xx", "xy", "x0", "yx", "yy", "y0")]
    assert found == pytest.approx([1 / 3, 0, 200 / 480, 0, 1 / 3, 100 / 360], abs=0.003)
    assert told.values["seen_right"] == pytest.approx(1 / 9, abs=0.003)


def test_two_collages_that_share_one_picture_do_not_contain_each_other():
    shared = detailed(1, SIZE)
    left, right = beside(shared, detailed(2, SIZE)), beside(shared, detailed(3, SIZE))
    box = np.array([0.02, 0.02, 0.48, 0.98])
    assert judge(left, right, box=box).kind == Kind.UNIQUE


def test_a_border_of_one_tone_makes_no_part_of_a_picture():
    picture = detailed(1, SIZE)
    framed = ImageOps.expand(picture, 150, (240, 240, 240))
    affine = (480 / 780, 0, 150 / 780, 0, 360 / 660, 150 / 660)
    told = judge(picture, framed, affine)
    assert told.kind == Kind.NEAR and told.values["bordered"] == 1 and told.values["cropped"] == 0


def test_a_picture_on_a_page_with_words_is_a_part_of_it():
    picture = detailed(1, SIZE)
    page = Image.new("RGB", (780, 660), (240, 240, 240))
    page.paste(picture, (150, 150))
    draw = ImageDraw.Draw(page)
    for row in (10, 50, 90, 540, 590):
        draw.text((20, row), "words around the picture, and many of them", fill=(20, 20, 20), font_size=30)
    assert judge(picture, page, (480 / 780, 0, 150 / 780, 0, 360 / 660, 150 / 660)).kind == Kind.CONTAINS


def sticker(picture: Image.Image, tone=(255, 205, 40)) -> Image.Image:
    covered = picture.copy()
    ImageDraw.Draw(covered).ellipse((100, 40, 360, 300), fill=tone, outline=(120, 80, 0), width=6)
    return covered


def captions(picture: Image.Image, words: str) -> Image.Image:
    told = picture.copy()
    for row in (10, 290):
        ImageDraw.Draw(told).text((10, row), words, fill="white", font_size=52, stroke_width=4, stroke_fill="black")
    return told


@pytest.mark.parametrize("edit", [sticker, lambda p: captions(p, "WHEN YOU SEE IT")])
def test_a_copy_that_is_covered_in_part_is_a_copy(edit):
    picture = detailed(1, SIZE)
    told = judge(picture, edit(picture))
    assert told.kind == Kind.NEAR and told.values["overlaid"] == 1


def test_where_most_differs_nothing_was_covered():
    """What stands out from the rest is little then: two pictures on screens of one telephone."""
    covered = replace(NOTHING, windows=900, seen=1600, grain=3.0, grain_ratio=1.1, exposure=0.9, ground=0.2,
                      settled=0.02, unexplained=0.4, differing=0.03, one_sided=0.9, usual=6.0)  # fmt: skip
    assert parts._is_covered(covered) and not parts._is_covered(replace(covered, usual=25.0))


def test_other_captions_on_one_picture_are_no_copy():
    picture = detailed(1, SIZE)
    one, other = captions(picture, "WHEN YOU SEE IT"), captions(picture, "ME BEFORE LUNCH")
    assert judge(one, other).kind == Kind.UNIQUE


def test_a_light_that_was_clipped_does_not_hide_a_copy():
    picture = detailed(1, SIZE)
    assert judge(picture, ImageEnhance.Brightness(picture).enhance(1.8)).kind == Kind.NEAR


def test_different_pictures_have_nothing_in_common():
    assert judge(detailed(1, SIZE), detailed(2, SIZE)).kind == Kind.UNIQUE
    assert judge(detailed(1, SIZE), detailed(2, SIZE), agreeing=9).kind == Kind.UNIQUE


def coloured(seed: int, tone: tuple[int, int, int]) -> Image.Image:
    """A thing of one colour, with the same folds whatever it is."""
    light = ImageOps.autocontrast(detailed(seed, SIZE).convert("L"))
    return ImageOps.colorize(light, tuple(each // 4 for each in tone), tone)


def test_a_part_in_another_colour_is_another_thing():
    green, blue = coloured(1, (40, 200, 90)), coloured(1, (60, 80, 230))
    small, affine = crop(blue, 0.3)
    assert judge(green, small, affine).kind == Kind.UNIQUE
    small, affine = crop(green, 0.3)
    assert judge(green, small, affine).kind == Kind.CONTAINS


@pytest.mark.parametrize("affine", [
    (1, 0, 5, 0, 1, 5),  # beside each other
    (0, 0, 0, 0, 0, 0),
    (np.nan, 0, 0, 0, 1, 0),
    (100, 0, -50, 0, 100, -50),  # a hundredth of a hundredth
])  # fmt: skip
def test_maps_that_show_nothing_tell_nothing(affine):
    picture = detailed(1, SIZE)
    assert judge(picture, picture, affine).kind == Kind.UNIQUE


def test_a_box_grows_to_where_agreement_ends():
    agree = np.zeros((20, 20), bool)
    agree[3:17, 5:12] = True
    corners = np.array([(8, 8), (10, 8), (10, 10), (8, 10)]) / 21
    grown = parts._grown(agree, corners) * 21
    assert grown.tolist() == [5, 3, 13, 18]
