"""The second look through a whole scan: what shares a template or a scene is similar and stays, what was edited is a
copy, and one pair that fails costs nothing else."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageColor, ImageDraw, ImageEnhance, ImageFilter, ImageOps

import dedup
from dedup.matching import second_look, third_look
from dedup.matching.columns import NEUTRAL, PAIR_COLUMNS
from dedup.matching.laying import Lies
from dedup.sample import edits
from dedup.scanning import closely, verify
from tests.pictures import detailed, font, save

Pictures = list[Image.Image]
SIZE = (320, 240)


def word(text: str) -> Image.Image:
    picture = Image.new("L", (160, 60), 255)
    ImageDraw.Draw(picture).text((10, 5), text, fill=0, font=font(44))
    return picture


def form(name: str, number: str) -> Image.Image:
    picture = Image.new("L", (420, 560), 255)
    draw = ImageDraw.Draw(picture)
    for row in range(10):
        draw.text((20, 20 + 52 * row), f"Field {row + 1} of the form", fill=0, font=font(16))
        draw.rectangle((20, 42 + 52 * row, 400, 66 + 52 * row), outline=0)
    for row, text in ((1, name), (3, number), (6, name[::-1])):
        draw.text((30, 44 + 52 * row), text, fill=0, font=font(18))
    return picture


def board(*figures: tuple[int, int]) -> Image.Image:
    picture = Image.new("RGB", (256, 256), (238, 216, 181))
    draw = ImageDraw.Draw(picture)
    for row in range(8):
        for column in range(8):
            if (row + column) % 2:
                draw.rectangle((32 * column, 32 * row, 32 * column + 31, 32 * row + 31), fill=(178, 134, 98))
    for column, row in figures:
        draw.ellipse((32 * column + 7, 32 * row + 5, 32 * column + 25, 32 * row + 27), fill=(20, 20, 20))
    return picture


def screen(rows: list[str]) -> Image.Image:
    picture = Image.new("RGB", (270, 480), (245, 245, 247))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, 270, 44), fill=(32, 96, 192))
    draw.text((14, 12), "Messages", fill="white", font=font(18))
    for place, text in enumerate(rows):
        draw.rounded_rectangle((10, 54 + 52 * place, 260, 98 + 52 * place), 8, fill="white")
        draw.text((20, 66 + 52 * place), text, fill=(40, 40, 40), font=font(15))
    return picture


def captioned(picture: Image.Image, text: str) -> Image.Image:
    out = picture.convert("RGB")
    width, height = out.size
    draw = ImageDraw.Draw(out)
    for y, line in ((6, text[:14]), (height - 46, text[14:])):
        draw.text((width / 2, y), line, fill="white", font=font(34), anchor="ma", stroke_width=3, stroke_fill="black")
    return out


def grained(picture: Image.Image, seed: int, levels: float = 6.0) -> Image.Image:
    """Another exposure of the same: grain of its own."""
    values = np.asarray(picture, np.float64)
    noise = np.random.default_rng(seed).normal(0, levels, values.shape[:2])
    return Image.fromarray(np.clip(values + (noise if values.ndim == 2 else noise[..., None]), 0, 255).astype(np.uint8))


def room() -> Image.Image:
    """A scene with things in it and flat walls."""
    rng = np.random.default_rng(5)
    picture = Image.new("L", SIZE, 150)
    draw = ImageDraw.Draw(picture)
    for _ in range(40):
        x, y, w, h = (int(value) for value in rng.uniform((0, 60, 8, 8), (300, 220, 50, 40)))
        draw.rectangle((x, y, x + w, y + h), fill=int(rng.integers(30, 220)), outline=int(rng.integers(0, 255)))
    return picture.filter(ImageFilter.GaussianBlur(0.7))


def with_visitor(picture: Image.Image, x: int) -> Image.Image:
    out = picture.copy()
    out.paste(detailed(77, (40, 60)).convert(out.mode), (x, 150))
    return out


def letters() -> Pictures:
    found = []
    for letter in "bdpq":
        picture = Image.new("L", (64, 64), 255)
        ImageDraw.Draw(picture).text((32, 32), letter, fill=0, font=font(48), anchor="mm")
        found.append(picture)
    return found


def figures(seed: int) -> Pictures:
    """Rings of 28 pixels, none a copy of another, though a turn and a stretch make many next to equal."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(24):
        big = Image.new("L", (112, 112), 0)
        left, top, right, bottom = rng.uniform((22, 12, 74, 84), (38, 30, 92, 104))
        ImageDraw.Draw(big).ellipse((left, top, right, bottom), outline=255, width=int(rng.integers(9, 15)))
        found.append(big.rotate(float(rng.uniform(-25, 25))).resize((28, 28), Image.Resampling.BOX))
    return found


def slices() -> Pictures:
    """Two neighbouring slices of one body: the same shapes, a little further on, and grain of their own."""
    found = []
    for step in range(2):
        picture = Image.new("L", (256, 256), 30)
        draw = ImageDraw.Draw(picture)
        draw.ellipse((30, 40, 226, 216), fill=120)
        draw.ellipse((70 + step, 80, 120 + step, 150), fill=70)
        draw.ellipse((140 - step, 80, 190 - step, 150), fill=75)
        draw.ellipse((115, 150 + step, 145, 185 + step), fill=190)
        found.append(grained(picture.filter(ImageFilter.GaussianBlur(1.5)), step, 8))
    return found


def go_board(*stones: tuple[int, int]) -> Image.Image:
    """Wood with lines, whose pattern is on every picture of it."""
    picture = Image.new("L", (960, 960), 190)
    draw = ImageDraw.Draw(picture)
    for line in range(19):
        draw.line((48, 48 + 48 * line, 912, 48 + 48 * line), fill=40, width=3)
        draw.line((48 + 48 * line, 48, 48 + 48 * line, 912), fill=40, width=3)
    for place, (column, row) in enumerate(stones):
        x, y = 48 + 48 * column, 48 + 48 * row
        draw.ellipse((x - 22, y - 22, x + 22, y + 22), fill=20 if place % 2 else 240)
    return picture.resize((480, 480), Image.Resampling.LANCZOS)


def go_game() -> Pictures:
    moves = [(3, 3), (15, 3), (3, 15), (15, 15), (9, 9), (5, 2), (13, 2), (2, 5), (10, 4), (6, 12), (12, 12), (9, 16)]
    return [go_board(*moves[:count]) for count in (6, 9, 12)]


def stained(x: int, y: int) -> Image.Image:
    """A part seen by a camera that stands still, with a stain."""
    picture = Image.new("L", (480, 480), 120)
    draw = ImageDraw.Draw(picture)
    for ring, tone in ((220, 90), (180, 130), (90, 100), (50, 140)):
        draw.ellipse((240 - ring, 240 - ring, 240 + ring, 240 + ring), fill=tone)
    draw.ellipse((x - 11, y - 8, x + 11, y + 8), fill=50)
    return grained(picture.filter(ImageFilter.GaussianBlur(1)), 3 * x + y, 2)


def gauge(degrees: float) -> Image.Image:
    """A pointer drawn over one and the same photograph."""
    picture = grained(detailed(4, (480, 480)).convert("L").point(lambda value: 160 + value // 5), 1, 4)
    draw = ImageDraw.Draw(picture)
    turn = np.radians(degrees)
    tip = 240 + 190 * np.cos(turn), 240 + 190 * np.sin(turn)
    draw.line((240, 240, *tip), fill=15, width=9)
    return picture


def balls(*colours: str) -> Image.Image:
    """A rendered scene without any grain."""
    picture = Image.linear_gradient("L").resize((400, 400)).point(lambda value: 90 + value // 4).convert("RGB")
    draw = ImageDraw.Draw(picture)
    for place, colour in enumerate(colours):
        x, y = 90 + 110 * (place % 3), 130 + 130 * (place // 3)
        draw.ellipse((x - 42, y - 42, x + 42, y + 42), fill=colour)
        draw.ellipse((x - 24, y - 28, x - 8, y - 12), fill="white")
    return picture


def arrow_sign() -> Image.Image:
    picture = Image.new("RGB", (640, 640), (214, 216, 214))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((50, 50, 590, 590), fill=(20, 70, 160), outline="white", width=14)
    draw.polygon([(150, 320), (320, 190), (320, 275), (480, 275), (480, 460), (320, 365), (320, 450)], fill="white")
    return picture.resize((320, 320), Image.Resampling.LANCZOS)


def bottle(text: str) -> Image.Image:
    """A product in a studio, smooth as a rendering, with a word on its label."""
    picture = Image.radial_gradient("L").resize((360, 480)).point(lambda value: 235 - value // 6).convert("RGB")
    draw = ImageDraw.Draw(picture)
    draw.rounded_rectangle((110, 120, 250, 450), 30, fill=(40, 90, 50))
    draw.rectangle((155, 30, 205, 130), fill=(40, 90, 50))
    draw.rectangle((112, 220, 248, 380), fill=(240, 230, 205))
    draw.text((180, 250), "Haus & Hof", fill=(120, 30, 30), font=font(22), anchor="mm")
    draw.text((180, 300), text, fill=(60, 50, 40), font=font(20), anchor="mm")
    return picture.filter(ImageFilter.GaussianBlur(0.6))


def pack(size: str, seed: int) -> Image.Image:
    """A shot of a pack, of which only the small print tells its size; cardboard has a texture that every shot shows."""
    picture = Image.new("RGB", (340, 420), (250, 250, 250))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((70, 30, 270, 390), fill=(196, 46, 46))
    draw.text((170, 90), "ACME", fill="white", font=font(44), anchor="mm")
    draw.ellipse((110, 150, 230, 250), fill=(248, 240, 220))
    draw.text((170, 300), "Cherry", fill="white", font=font(26), anchor="mm")
    draw.text((170, 340), size, fill="white", font=font(17), anchor="mm")
    return grained(grained(picture, 1, 1.2), seed, 1.5)


def stripes(*colours: str, upright: bool = False) -> Image.Image:
    """A flag."""
    picture = Image.new("RGB", (len(colours), 1) if upright else (1, len(colours)))
    picture.putdata([ImageColor.getrgb(each) for each in colours])
    return picture.resize((450, 300), Image.Resampling.NEAREST)


def ramp(most: int) -> Image.Image:
    """Nothing but a slope of light."""
    return Image.fromarray(np.tile(np.linspace(60, most, 400), (300, 1)).round().astype(np.uint8))


SPOTS = ((100, 100), (128, 128), (100, 150), (150, 110), (128, 160))


def spot(middle: tuple[int, int], radius: float, *, sharp: bool = False) -> Image.Image:
    """A glow in the dark, as a lamp, a hill of a map or a heat map has it, or a ball in the light."""
    y, x = np.mgrid[:256, :256]
    away = np.hypot(y - middle[0], x - middle[1]) / radius
    shade = 200 * np.exp(-(away**2) / 2)
    if sharp:
        lit = np.sqrt(np.clip(1 - away**2, 0, 1)) + 0.4 * (y - middle[0]) / radius
        shade = np.where(away < 1, 90 + 90 * lit, 20)
    return Image.fromarray(np.uint8(np.clip(shade, 0, 255)))


APART: dict[str, Callable[[], Pictures]] = {
    "glows": lambda: [spot(middle, 20) for middle in SPOTS],
    "hills": lambda: [spot(middle, 45) for middle in SPOTS],
    "balls": lambda: [spot(middle, 40, sharp=True) for middle in SPOTS],
    "words": lambda: [word(text) for text in ("fable", "table", "cable")],
    "forms": lambda: [form("Ann Lee", "4711"), form("Bob Ray", "1893"), form("Eve Fox", "2506")],
    "boards": lambda: [board((1, 1), (4, 2), (6, 6)), board((1, 1), (4, 3), (6, 6)), board((1, 1), (5, 2), (6, 6))],
    "screens": lambda: [screen(["Ann: hello", "Bob: later"]), screen(["Carl: yes!", "Dora: never"])],
    "memes": lambda: [
        captioned(detailed(3, SIZE), text)
        for text in ("When you find  the same twice", "Nobody at all  and yet it runs", "One does not   simply scan")
    ],
    "another moment": lambda: [grained(room(), seed) for seed in range(3)],
    "a visitor": lambda: [grained(with_visitor(room(), x), x) for x in (30, 140, 250)],
    "positions of one game": go_game,
    "stains": lambda: [stained(130, 200), stained(300, 340), stained(330, 150)],
    "pointers": lambda: [gauge(degrees) for degrees in (200, 260, 330)],
    "things in another colour": lambda: [
        balls("red", "blue", "green", "gold"),
        balls("red", "purple", "green", "gold"),
        balls("red", "blue", "green", "teal"),
    ],
    "arrows": lambda: [arrow_sign(), ImageOps.mirror(arrow_sign())],
    "pack sizes": lambda: [pack(size, seed) for seed, size in enumerate(("100 ml", "125 ml", "275 ml"), 10)],
    "labels": lambda: [bottle(text) for text in ("Lemon", "Mint", "Honey")],
    "flags": lambda: [
        stripes("#ae1c28", "white", "#21468b"),
        stripes("#ed2939", "white", "#00a1de"),
        stripes("#169b62", "white", "#ff883e", upright=True),
        stripes("#ff8200", "white", "#009a44", upright=True),
    ],
    "slopes of light": lambda: [ramp(160), ramp(165), ramp(175)],
    "letters": letters,
    "figures": lambda: figures(0),
    "slices": slices,
}


@pytest.mark.parametrize("kind", APART)
def test_what_shares_a_template_or_a_scene_stays(kind, tmp_path, home):
    for place, picture in enumerate(APART[kind]()):
        save(picture, tmp_path / "in" / f"{place}.png")
    dataset = dedup.scan(tmp_path / "in")
    assert (dataset.frame["role"] != "duplicate").all()
    assert not (dataset.pairs["kind"] == "near").any()
    assert (dataset.pairs["note"] != "").all()


def page_of_text() -> Image.Image:
    picture = Image.new("L", (400, 520), 255)
    draw = ImageDraw.Draw(picture)
    rng = np.random.default_rng(8)
    for line in range(28):
        text = " ".join("".join(chr(97 + int(c)) for c in rng.integers(0, 26, rng.integers(2, 9))) for _ in range(8))
        draw.text((24, 16 + 18 * line), text[:52], fill=0, font=font(13))
    return picture


def chart() -> Image.Image:
    picture = Image.new("RGB", (480, 360), "white")
    draw = ImageDraw.Draw(picture)
    draw.line((40, 20, 40, 330, 460, 330), fill="black")
    rng = np.random.default_rng(4)
    for colour in ("steelblue", "darkorange"):
        heights = np.cumsum(rng.normal(0, 14, 30)) + 170
        draw.line([(40 + 14 * x, float(y)) for x, y in enumerate(heights)], fill=colour, width=2)
    return picture


def cut_out() -> Image.Image:
    picture = detailed(9, (200, 200)).convert("RGBA")
    mask = Image.new("L", picture.size, 0)
    ImageDraw.Draw(mask).ellipse((30, 50, 170, 160), fill=255)
    picture.putalpha(mask)
    return picture


def flattened(picture: Image.Image, tone: str) -> Image.Image:
    return Image.alpha_composite(Image.new("RGBA", picture.size, tone), picture).convert("RGB")


def cropped(picture: Image.Image, part: float) -> Image.Image:
    width, height = picture.size
    dx, dy = round(width * part / 2), round(height * part / 2)
    return picture.crop((dx, dy, width - dx, height - dy))


def bent(picture: Image.Image) -> Image.Image:
    """As through a lens that draws straight lines as barrels."""
    values = np.asarray(picture.convert("RGB"))
    height, width = values.shape[:2]
    y, x = np.mgrid[:height, :width]
    u, v = (x - width / 2) / (width / 2), (y - height / 2) / (height / 2)
    stretch = 1 - 0.03 * (u * u + v * v)
    rows = np.clip(np.rint(v * stretch * height / 2 + height / 2), 0, height - 1).astype(int)
    columns = np.clip(np.rint(u * stretch * width / 2 + width / 2), 0, width - 1).astype(int)
    return Image.fromarray(values[rows, columns])


def averaged() -> Pictures:
    """A noisy exposure and the average of many."""
    clean = detailed(12, SIZE).point(lambda value: 90 + value // 4)
    return [grained(clean, 1, 8), clean]


def lensed(picture: Image.Image) -> Image.Image:
    """Barrel distortion by some 6 %."""
    return edits.through_a_lens(picture, np.random.default_rng(0))


def sheared(picture: Image.Image) -> Image.Image:
    shear = (1, 0.03, -0.015 * picture.height, 0, 1, 0)
    return picture.transform(picture.size, Image.Transform.AFFINE, shear, Image.Resampling.BICUBIC)


def vignetted(picture: Image.Image) -> Image.Image:
    """With some 40 % less light in the corners."""
    return edits.vignetted(picture, np.random.default_rng(0))


def sepia(picture: Image.Image) -> Image.Image:
    return ImageOps.colorize(picture.convert("L"), (30, 15, 5), (255, 240, 200))


def hue_turned(picture: Image.Image, steps: int) -> Image.Image:
    """Hue turned by so many of 256 steps."""
    hue, saturation, value = picture.convert("HSV").split()
    return Image.merge("HSV", [hue.point(lambda h: (h + steps) % 256), saturation, value]).convert("RGB")


def with_logo(picture: Image.Image) -> Image.Image:
    out = picture.convert("RGB")
    draw = ImageDraw.Draw(out)
    draw.rounded_rectangle((240, 190, 305, 225), 6, fill=(200, 40, 30))
    draw.text((272, 207), "LOGO", fill="white", font=font(18), anchor="mm")
    return out


NEAR: dict[str, Callable[[], Pictures]] = {
    "a form made smaller": lambda: [form("Ann Lee", "4711"), form("Ann Lee", "4711").resize((252, 336))],
    "a flag": lambda: [stripes("gold", "darkorange", "crimson"), stripes("gold", "darkorange", "crimson")],
    "an upright flag made smaller": lambda: [
        stripes("skyblue", "crimson", upright=True),
        stripes("skyblue", "crimson", upright=True).resize((270, 180), Image.Resampling.LANCZOS),
    ],
    "a stripe between stripes": lambda: [
        stripes("navy", "crimson", "skyblue"),
        stripes("navy", "crimson", "skyblue").resize((270, 180), Image.Resampling.LANCZOS),
    ],
    "a slope of light": lambda: [ramp(160), ramp(160).resize((200, 150), Image.Resampling.LANCZOS)],
    "a form cropped": lambda: [form("Ann Lee", "4711"), cropped(form("Ann Lee", "4711"), 0.05)],
    "a page made darker": lambda: [page_of_text(), page_of_text().point(lambda value: value * 4 // 5)],
    "a page cropped": lambda: [page_of_text(), cropped(page_of_text(), 0.05)],
    "a chart made smaller": lambda: [chart(), chart().resize((288, 216), Image.Resampling.LANCZOS)],
    "a board of a game": lambda: [board((1, 1), (4, 2)), board((1, 1), (4, 2)).resize((200, 200))],
    "a position of a game": lambda: [go_game()[1], go_game()[1].resize((360, 360), Image.Resampling.LANCZOS)],
    "a part with a stain": lambda: [stained(130, 200), cropped(stained(130, 200), 0.05)],
    "a pointer": lambda: [gauge(200), gauge(200).resize((320, 320), Image.Resampling.LANCZOS)],
    "paler things": lambda: [
        balls("red", "blue", "green"),
        ImageEnhance.Color(balls("red", "blue", "green")).enhance(0.6),
    ],
    "a label": lambda: [bottle("Lemon"), bottle("Lemon").point(lambda value: value * 9 // 10)],
    "a logo": lambda: [detailed(3, SIZE), with_logo(detailed(3, SIZE))],
    "a caption": lambda: [detailed(3, SIZE), captioned(detailed(3, SIZE), "When you find  the same twice")],
    "a bent photograph": lambda: [detailed(3, SIZE), bent(detailed(3, SIZE))],
    "seen through a lens": lambda: [detailed(3, SIZE), lensed(detailed(3, SIZE))],
    "sheared on black": lambda: [detailed(3, SIZE), sheared(detailed(3, SIZE))],
    "a vignette": lambda: [detailed(3, SIZE), vignetted(detailed(3, SIZE))],
    "sepia": lambda: [detailed(3, SIZE), sepia(detailed(3, SIZE))],
    "equalised": lambda: [detailed(3, SIZE), ImageOps.equalize(detailed(3, SIZE))],
    "another hue": lambda: [detailed(3, SIZE), hue_turned(detailed(3, SIZE), 14)],
    "a blurred one": lambda: [detailed(3, SIZE), detailed(3, SIZE).filter(ImageFilter.GaussianBlur(3))],
    "an average": averaged,
    "a cut-out on white": lambda: [cut_out(), flattened(cut_out(), "white")],
    "a cut-out on black": lambda: [cut_out(), flattened(cut_out(), "black")],
}


@pytest.mark.parametrize("kind", NEAR)
def test_an_edited_copy_of_any_kind_of_picture_is_found(kind, tmp_path, home):
    one, other = NEAR[kind]()
    save(one, tmp_path / "in" / "one.png")
    if other.mode == "RGBA":
        save(other, tmp_path / "in" / "other.png")
    else:
        save(other, tmp_path / "in" / "other.jpg", quality=80)
    dataset = dedup.scan(tmp_path / "in")
    assert dataset.pairs["kind"].tolist() == ["near"], dataset.pairs[["kind", "distance", "note", "unexplained"]]
    assert dataset.frame["group"].tolist() == [0, 0]


def test_a_photograph_saved_again_is_no_other_exposure(tmp_path, home):
    exposure = grained(room(), 1)
    save(exposure, tmp_path / "in" / "a.png")
    for quality in (90, 60, 30):
        save(exposure, tmp_path / "in" / f"{quality}.jpg", quality=quality)
    frame = dedup.scan(tmp_path / "in").frame
    assert frame["group"].tolist() == [0, 0, 0, 0]


# --- one pair, one file -----------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path) -> Path:
    for seed in range(3):
        picture = detailed(seed, (160, 120))
        save(picture, tmp_path / "in" / f"{seed}.png")
        save(picture, tmp_path / "in" / f"{seed} again.jpg", quality=70)
    return tmp_path / "in"


def test_a_pair_whose_second_look_fails_is_listed_and_costs_no_other(folder, home, monkeypatch):
    judge, asked = second_look.judge, []

    def fault(left, right, pair, **seen):
        asked.append((pair["left"], pair["right"]))
        if asked[-1] == asked[0]:
            raise ZeroDivisionError("planted")
        return judge(left, right, pair, **seen)

    monkeypatch.setattr(second_look, "judge", fault)
    pairs = dedup.scan(folder, workers=1).pairs
    assert sorted(pairs["kind"]) == ["near", "near", "unjudged"]
    bad = pairs[pairs["kind"] == "unjudged"].iloc[0]
    assert bad["note"] == "ZeroDivisionError: planted" and np.isnan(bad["distance"])


def test_a_fault_on_one_picture_costs_its_pairs(folder, home, monkeypatch):
    is_plain, asked = second_look.is_plain, []

    def fault(picture):
        asked.append(picture.gray)
        if np.array_equal(picture.gray, asked[0]):
            raise ZeroDivisionError("planted")
        return is_plain(picture)

    monkeypatch.setattr(second_look, "is_plain", fault)
    pairs = dedup.scan(folder, workers=1).pairs
    assert sorted(pairs["kind"]) == ["near", "near", "unjudged"]
    assert pairs.loc[pairs["kind"] == "unjudged", "note"].tolist() == ["ZeroDivisionError: planted"]


def test_a_map_of_no_numbers_costs_its_pair(folder, home, monkeypatch):
    judge, asked = second_look.judge, []

    def astray(left, right, pair, **seen):
        asked.append((pair["left"], pair["right"]))
        told = judge(left, right, pair, **seen)
        if asked[-1] != asked[0]:
            return told
        return replace(told, lies=told.lies._replace(affine=np.full(6, np.nan)))

    monkeypatch.setattr(second_look, "judge", astray)
    pairs = dedup.scan(folder, workers=1).pairs
    assert sorted(pairs["kind"]) == ["near", "near", "unjudged"]
    assert "ArithmeticError: no map from one to the other" in pairs["note"].tolist()


def test_files_that_vanish_meanwhile_are_listed(folder, home, monkeypatch):
    tell = verify.tell

    def gone(results, details, *rest):
        return tell(results, lambda rows: [(row, each) for row, each in details(rows) if row], *rest)

    monkeypatch.setattr(verify, "tell", gone)
    pairs = dedup.scan(folder).pairs
    assert sorted(pairs["kind"]) == ["near", "near", "unjudged"]
    assert verify.GONE in pairs["note"].tolist()


def test_what_was_looked_at_is_not_read_again_for_another_picture(folder, home, asked):
    dedup.scan(folder)
    asked.clear()
    save(detailed(1, (160, 120)), folder / "1 once more.jpg", quality=60)
    dedup.scan(folder)
    assert sorted(set(asked["detail"])) == ["1 again.jpg", "1 once more.jpg", "1.png"]


def test_verdicts_hang_on_the_pair_alone(folder, home, tmp_path):
    """Neither on other pictures, nor on the number of workers, nor on what is held at a time."""
    for place, picture in enumerate([*APART["forms"](), *APART["another moment"]()]):
        save(picture, folder / f"template {place}.png")

    def told(dataset: dedup.Dataset) -> dict[frozenset[str], tuple]:
        paths, pairs = dataset.frame["path"], dataset.pairs
        return {
            frozenset((paths[row["left"]], paths[row["right"]])): (row["kind"], row["note"], row["unexplained"])
            for row in pairs.to_dict("records")
        }

    whole = told(dedup.scan(folder, name="whole", workers=2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verify, "PICTURES", 3)
        assert told(dedup.scan(folder, name="portions", workers=1)) == whole
    some = tmp_path / "some"
    shutil.copytree(folder, some)
    for path in some.glob("template *"):
        path.unlink()
    alone = told(dedup.scan(some, name="some"))
    assert alone.items() <= whole.items() and len(alone) == 3


def test_names_decide_nothing(tmp_path, home):
    """Whichever of two comes first: plain pictures are not quite the same from either side."""
    pictures = [spot(middle, 20) for middle in SPOTS] + [word(text) for text in ("fable", "table")]
    pictures += [detailed(5, SIZE), detailed(5, SIZE).resize((200, 150)), chart(), cropped(chart(), 0.03)]
    told = []
    for name in ("one way", "the other"):
        for place, picture in enumerate(pictures):
            number = place if name == "one way" else len(pictures) - place
            save(picture, tmp_path / name / f"{number:02d}.png")
        dataset = dedup.scan(tmp_path / name)
        content, pairs = dataset.frame["sha256"], dataset.pairs
        told.append(
            {
                frozenset((content[left], content[right])): (kind, note, round(float(unexplained), 6))
                for left, right, kind, note, unexplained in pairs[
                    ["left", "right", "kind", "note", "unexplained"]
                ].itertuples(index=False)
            }
        )
    assert told[0] == told[1] and {kind for kind, *_ in told[0].values()} == {"near", "similar"}


def test_no_threshold_makes_a_copy_of_what_was_told_apart(tmp_path, home):
    for place, picture in enumerate(APART["forms"]()):
        save(picture, tmp_path / "in" / f"{place}.png")
    dataset = dedup.scan(tmp_path / "in")
    dataset.near_threshold = 1.0
    assert (dataset.frame["role"] != "duplicate").all() and len(dataset.pairs)
    assert set(dataset.pairs["kind"]) == {"similar"}


def test_other_colours_are_said(tmp_path, home):
    shape = detailed(4, (160, 200)).convert("L").point(lambda value: 60 + value // 2)
    for name, tint in (("red", (255, 60, 60)), ("blue", (60, 90, 255))):
        garment = Image.new("RGB", SIZE, "white")
        dyed = Image.merge("RGB", [shape.point(lambda value, part=part: value * part // 255) for part in tint])
        garment.paste(dyed, (80, 20))
        save(garment, tmp_path / "in" / f"{name}.png")
    pairs = dedup.scan(tmp_path / "in").pairs
    assert set(zip(pairs["kind"], pairs["note"], strict=True)) == {("similar", "other colours")}


@pytest.mark.parametrize(("edit", "name"), [(lensed, "bent"), (vignetted, "unevenly lit")])
def test_what_was_allowed_for_is_named(edit, name, tmp_path, home):
    original = grained(detailed(16, SIZE), 3)
    save(original, tmp_path / "in" / "a.png")
    save(edit(original), tmp_path / "in" / "b.jpg", quality=95)
    pair = dedup.scan(tmp_path / "in").pairs.iloc[0]
    assert pair["kind"] == "near"
    names = pair["relations"].split("|")
    assert "overlaid" not in names and "rotated" not in names and "perspective" not in names, names
    assert not pair["derived"] and "cropped" not in names, names
    assert name in names or (name == "unevenly lit" and not pair["allowed"]), names


def test_colours_are_changed_throughout_or_of_a_thing(tmp_path, home):
    """One photograph with its hue turned is a copy, one with a thing in another colour is none."""
    scene = detailed(21, SIZE)
    save(scene, tmp_path / "in" / "a.png")
    thing = scene.copy()
    box = (60, 40, 60 + SIZE[0] // 2, 40 + SIZE[1] // 2)
    thing.paste(hue_turned(scene.crop(box), 110), box)
    save(thing, tmp_path / "in" / "thing.png")
    save(hue_turned(scene, 40), tmp_path / "in" / "turned.png")
    dataset = dedup.scan(tmp_path / "in")
    told = {
        frozenset(dataset.frame["path"].iloc[[left, right]]): (kind, note)
        for left, right, kind, note in dataset.pairs[["left", "right", "kind", "note"]].itertuples(index=False)
    }
    assert told[frozenset({"a.png", "turned.png"})] == ("near", "")
    assert told[frozenset({"a.png", "thing.png"})][0] == "similar"
    assert "colour changed" in dataset.pairs.loc[dataset.pairs["kind"] == "near", "relations"].iloc[0]


def test_pairs_too_far_apart_are_not_kept_whoever_told_them_apart(folder, home, monkeypatch):
    """Known to differ before anybody looked, at a distance that is of no interest."""
    tell = verify.tell

    def further(results, *rest):
        pairs = results.pairs.assign(note="other colours", kind="similar", distance=np.float32(2.0))
        return tell(dataclasses.replace(results, pairs=pairs), *rest)

    monkeypatch.setattr(verify, "tell", further)
    assert not len(dedup.scan(folder).pairs)


def told_of_a_copy(folder: Path, original: Image.Image, copy: Image.Image) -> dict[str, object]:
    """The one pair of a picture and its copy, whichever is left."""
    save(original, folder / "a.png")
    save(copy, folder / "b.jpg", quality=92)
    pairs = dedup.scan(folder).pairs
    assert pairs["kind"].tolist() == ["near"]
    return pairs.iloc[0].to_dict()


@pytest.mark.parametrize(("degrees", "kept"), [(0.5, 0.95), (2.0, 0.9), (7.0, 0.8)])
def test_a_rotation_and_its_crop_are_told_exactly(degrees, kept, tmp_path, home):
    original = detailed(31, SIZE)
    sides = [round(side * kept) for side in SIZE]
    box = [(side - inner) // 2 for side, inner in zip(SIZE, sides, strict=True)]
    turned = original.rotate(degrees, Image.Resampling.BICUBIC).crop((*box, box[0] + sides[0], box[1] + sides[1]))
    pair = told_of_a_copy(tmp_path, original, turned)
    assert abs(abs(pair["rotation"]) - degrees) < 0.05
    assert abs(min(pair["seen_left"], pair["seen_right"]) - sides[0] * sides[1] / (SIZE[0] * SIZE[1])) < 0.008
    assert {"rotated", "cropped"} <= set(pair["relations"].split("|")), pair["relations"]
    assert not {"perspective", "stretched", "bent"} & set(pair["relations"].split("|")), pair["relations"]


def test_a_copy_that_stands_is_neither_turned_nor_stretched(tmp_path, home):
    original = detailed(32, SIZE)
    pair = told_of_a_copy(tmp_path, original, original.filter(ImageFilter.GaussianBlur(1)))
    moved = {"rotated", "stretched", "perspective", "cropped", "shifted"}
    assert not moved & set(pair["relations"].split("|")), pair["relations"]


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_what_was_moved_on_its_canvas_is_shifted_whatever_the_size(scale, tmp_path, home):
    original = detailed(33, (640, 480))
    moved = Image.new("RGB", original.size, (0, 0, 0))
    moved.paste(original, (45, 30))
    copy = moved.resize([round(side * scale) for side in original.size], Image.Resampling.LANCZOS)
    names = told_of_a_copy(tmp_path, original, copy)["relations"].split("|")
    assert "shifted" in names and "cropped" not in names and ("resized" in names) == (scale != 1), names


def page_of_figures(number: int, size: tuple[int, int] = (560, 420)) -> Image.Image:
    """A page of small figures, the same ones but for `number`."""
    picture = Image.new("RGB", size, "white")
    draw, rng = ImageDraw.Draw(picture), np.random.default_rng(8)
    table = rng.integers(100, 999, (20, 9))
    table[7, 3] = number
    for row, line in enumerate(table.tolist()):
        for column, figure in enumerate(line):
            draw.text((15 + 60 * column, 10 + 20 * row), str(figure), fill="black", font=font(11))
    return picture


def test_one_figure_in_small_print_makes_another_page(tmp_path, home):
    save(page_of_figures(111), tmp_path / "in" / "a.png")
    save(page_of_figures(888), tmp_path / "in" / "b.png")
    save(page_of_figures(111), tmp_path / "in" / "a.jpg", quality=75)
    dataset = dedup.scan(tmp_path / "in")
    paths = dataset.frame["path"].to_numpy()
    told = {frozenset((paths[row.left], paths[row.right])): (row.kind, row.note) for row in dataset.pairs.itertuples()}
    assert told[frozenset({"a.png", "a.jpg"})] == ("near", "")
    assert told[frozenset({"a.png", "b.png"})] == ("similar", "same template, other content")
    assert told[frozenset({"a.jpg", "b.png"})] == ("similar", "same template, other content")


def test_a_fault_in_a_third_look_costs_its_pair(tmp_path, home, monkeypatch):
    compare = third_look.compare

    def failing(left, right, **named):
        if (left == np.asarray(page_of_figures(111))).all() or (right == np.asarray(page_of_figures(111))).all():
            raise ZeroDivisionError("planted")
        return compare(left, right, **named)

    monkeypatch.setattr(third_look, "compare", failing)
    for name, page in (("a", page_of_figures(111)), ("b", page_of_figures(888))):
        save(page, tmp_path / "in" / f"{name}.png")
        save(page, tmp_path / "in" / f"{name}.jpg", quality=95)
    dataset = dedup.scan(tmp_path / "in", workers=1)
    paths = dataset.frame["path"].to_numpy()
    told = {frozenset((paths[row.left], paths[row.right])): (row.kind, row.note) for row in dataset.pairs.itertuples()}
    assert told[frozenset({"a.png", "a.jpg"})] == ("unjudged", "ZeroDivisionError: planted")
    assert told[frozenset({"b.png", "b.jpg"})] == ("near", "")


def test_a_picture_that_is_gone_before_a_third_look_leaves_the_second(tmp_path, home, monkeypatch):
    ask = closely.ask
    monkeypatch.setattr(closely, "ask", lambda *given: ask(*given[:3], lambda rows: [], given[4]))
    save(page_of_figures(111), tmp_path / "in" / "a.png")
    save(page_of_figures(111), tmp_path / "in" / "a.jpg", quality=90)
    assert dedup.scan(tmp_path / "in").pairs["kind"].tolist() == ["near"]


def test_a_drawing_whose_whites_were_clipped_is_a_copy_and_another_one_is_none(tmp_path, home):
    def shaded(number: int) -> Image.Image:
        page = page_of_figures(number)
        draw = ImageDraw.Draw(page)
        for row, tone in enumerate((250, 235, 200, 160)):
            draw.rectangle((480, 30 + 80 * row, 550, 90 + 80 * row), fill=(tone, tone, tone))
        return page

    save(shaded(111), tmp_path / "in" / "a.png")
    save(ImageEnhance.Brightness(shaded(111)).enhance(1.2), tmp_path / "in" / "a bright.png")
    save(ImageEnhance.Brightness(shaded(888)).enhance(1.2), tmp_path / "in" / "b bright.png")
    dataset = dedup.scan(tmp_path / "in")
    paths = dataset.frame["path"].to_numpy()
    kinds = {frozenset((paths[row.left], paths[row.right])): row.kind for row in dataset.pairs.itertuples()}
    assert kinds.pop(frozenset({"a.png", "a bright.png"})) == "near"
    assert set(kinds.values()) <= {"similar"}


def test_a_crop_of_what_is_much_like_itself_in_a_mirror_is_told_upright(tmp_path, home):
    face = Image.new("RGB", (160, 160), "white")
    draw = ImageDraw.Draw(face)
    draw.ellipse((15, 15, 145, 145), fill=(255, 205, 60), outline="black", width=3)
    for left in (50, 90):
        draw.ellipse((left, 55, left + 18, 80), fill="black")
    draw.arc((45, 70, 115, 125), 20, 150, fill="black", width=5)
    save(face, tmp_path / "in" / "a.png")
    save(face.crop((4, 4, 156, 156)), tmp_path / "in" / "b.png")
    (pair,) = dedup.scan(tmp_path / "in").pairs.to_dict("records")
    assert pair["kind"] == "near" and pair["orientation"] == 1


@pytest.mark.parametrize(("tone", "words"), [("white", " on white"), ("black", " on black"), ("gray", "")])
def test_the_ground_is_told_that_transparency_was_flattened_on(tmp_path, home, tone, words):
    """That of the copy, and not the one that the original is shown on."""
    picture = cut_out()
    flat = Image.new("RGBA", picture.size, tone)
    flat.alpha_composite(picture)
    save(picture, tmp_path / "in/a.png")
    save(flat.convert("RGB"), tmp_path / "in/b.png")
    relations = dedup.scan(tmp_path / "in").frame["relation"].tolist()
    assert f"transparency flattened{words}" in relations[1].split(", ")


def test_a_crop_that_the_first_look_missed_by_a_little_is_named():
    def told(edge: float, **values: float) -> int:
        sizes = {"left_width": 500, "left_height": 400, "right_width": 500, "right_height": 400}
        pairs = pd.DataFrame([NEUTRAL | sizes | values], columns=list(PAIR_COLUMNS)).astype(PAIR_COLUMNS)
        scale = 1 / (1 - 2 * edge)
        lies = Lies(np.array([scale, 0, -edge * scale, 0, scale, -edge * scale]), 0.0, 1.0, 0.0)
        return int(verify._geometry(pairs, [lies], np.array([False]))["cropped"].iloc[0])

    assert told(0.01) == 1  # 96 % are left, of which the first look saw 99
    assert told(0.002) == 0
    assert told(0.002, cropped=1) == 0
    assert told(0.01, bordered=-1) == 0


@pytest.mark.parametrize("seed", [0, 2, 9])
def test_a_screen_made_smaller_or_saved_again_has_no_overlay(seed, tmp_path, home):
    draw_colour = np.random.default_rng(seed)
    picture = Image.new("RGB", (360, 640), "white")
    draw = ImageDraw.Draw(picture)
    for row in range(12):
        colour = tuple(draw_colour.integers(60, 220, 3).tolist())
        draw.rectangle((12, 20 + 50 * row, 44, 52 + 50 * row), fill=colour)
        words = "abcdefgh ijkl"[int(draw_colour.integers(0, 6)) :]
        draw.text((56, 24 + 50 * row), words, fill=(30, 30, 30), font=font(16))
    save(picture, tmp_path / "in" / "a.jpg", quality=85)
    save(picture.resize((252, 448), Image.Resampling.LANCZOS), tmp_path / "in" / "small.png")
    save(picture.crop((43, 0, 360, 640)), tmp_path / "in" / "crop.png")
    pairs = dedup.scan(tmp_path / "in").pairs
    assert (pairs["kind"] == "near").all() and len(pairs) >= 2
    assert not pairs["relations"].str.contains("overlaid").any(), pairs["relations"].tolist()


def test_what_a_thumbnail_has_lost_was_put_over_neither_and_tells_of_no_edit():
    """Else the original would go, for carrying an overlay that is not there."""
    sizes = {"left_width": 480, "left_height": 320, "right_width": 32, "right_height": 21, "scale": 1 / 15}
    overlay = {"overlaid": -2, "derived": -1, "box_left": 0.3, "box_top": 0.3, "box_right": 0.6, "box_bottom": 0.6}
    as_it_is = Lies(np.array([1.0, 0, 0, 0, 1, 0]), 0.0, 1.0, 0.0)

    def told(*, differs: bool, **more: object) -> pd.Series:
        pairs = pd.DataFrame([NEUTRAL | sizes | overlay | more], columns=list(PAIR_COLUMNS)).astype(PAIR_COLUMNS)
        copy = second_look.Verdict("", 0.03, lies=as_it_is, differs=differs)
        return verify.with_verdicts(pairs, np.array([0]), [copy]).iloc[0]

    thumbnail = told(differs=False)
    assert (thumbnail["relations"], thumbnail["derived"]) == ("resized", 1) and np.isnan(thumbnail["box_left"])
    assert (told(differs=False, gray=-1)["derived"], told(differs=False, gray=-1)["gray"]) == (-1, -1)
    stamped = told(differs=True)
    assert (stamped["relations"], stamped["derived"]) == ("resized|overlaid", -1)
