"""What people do to pictures before they save them again: one function an edit."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

from dedup.sample.scenes import Rng

Change = Callable[[Image.Image, Rng], Image.Image]
Turn = Image.Transpose


@dataclass(frozen=True, slots=True)
class Edit:
    """`relation` is the name a person reads; `quality` and `suffix` say how the result is saved."""

    relation: str
    change: Change
    quality: int = 90
    suffix: str = ".jpg"


def same(picture: Image.Image, rng: Rng) -> Image.Image:
    """Nothing: for edits that are only in how the picture is saved."""
    return picture


def scaled(picture: Image.Image, rng: Rng) -> Image.Image:
    """Another size, 35 to 160 %."""
    share = float(rng.choice([0.35, 0.5, 0.75, 1.6]))
    return picture.resize((round(picture.width * share), round(picture.height * share)), Image.Resampling.LANCZOS)


def stretched(picture: Image.Image, rng: Rng) -> Image.Image:
    """Wider or taller by 12 to 20 %."""
    share = float(rng.uniform(1.12, 1.2))
    size = (
        (round(picture.width * share), picture.height)
        if rng.random() < 0.5
        else (picture.width, round(picture.height * share))
    )
    return picture.resize(size, Image.Resampling.BICUBIC)


def toned(low: float, high: float, enhancer: Callable[[Image.Image], Any]) -> Change:
    """One of Pillow's enhancers by a factor between `low` and `high`."""

    def change(picture: Image.Image, rng: Rng) -> Image.Image:
        toned_picture: Image.Image = enhancer(picture).enhance(float(rng.uniform(low, high)))
        return toned_picture

    return change


def tinted(picture: Image.Image, rng: Rng) -> Image.Image:
    """A warm or cold cast and other saturation."""
    warm = float(rng.choice([0.82, 1.2]))
    red, green, blue = ImageEnhance.Color(picture).enhance(float(rng.choice([0.55, 1.5]))).split()
    return Image.merge("RGB", (red.point(lambda v: int(v * warm)), green, blue.point(lambda v: int(v / warm))))


def gray(picture: Image.Image, rng: Rng) -> Image.Image:
    """Without colour."""
    return picture.convert("L")


def blurred(picture: Image.Image, rng: Rng) -> Image.Image:
    """Out of focus by 1.5 to 3 pixels."""
    return picture.filter(ImageFilter.GaussianBlur(float(rng.uniform(1.5, 3))))


def sharpened(picture: Image.Image, rng: Rng) -> Image.Image:
    """Unsharp mask."""
    return picture.filter(ImageFilter.UnsharpMask(2, 220, 1))


def noisy(picture: Image.Image, rng: Rng) -> Image.Image:
    """Sensor noise of 10 to 18 levels."""
    shape = (picture.height, picture.width, 1)
    noise = rng.normal(0, float(rng.uniform(10, 18)), shape)
    return Image.fromarray(np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8))


def turned(how: Turn) -> Change:
    """Mirrored or turned without loss."""
    return lambda picture, rng: picture.transpose(how)


def rotated(picture: Image.Image, rng: Rng) -> Image.Image:
    """By 2 to 6 degrees, cut to the largest rectangle without corners."""
    degrees = float(rng.uniform(2, 6)) * float(rng.choice([-1, 1]))
    sine, cosine = abs(math.sin(math.radians(degrees))), abs(math.cos(math.radians(degrees)))
    width, height = picture.size
    share = min(width / (width * cosine + height * sine), height / (height * cosine + width * sine))
    turned_picture = picture.rotate(degrees, Image.Resampling.BICUBIC)
    return _centre(turned_picture, width * share, height * share, 0.5, 0.5)


def cropped(picture: Image.Image, rng: Rng) -> Image.Image:
    """To 64 to 81 % of the area, anywhere."""
    share = float(rng.uniform(0.8, 0.9))
    return _centre(picture, picture.width * share, picture.height * share, float(rng.random()), float(rng.random()))


def _centre(picture: Image.Image, width: float, height: float, across: float, down: float) -> Image.Image:
    left, top = (picture.width - width) * across, (picture.height - height) * down
    return picture.crop((math.ceil(left), math.ceil(top), math.floor(left + width), math.floor(top + height)))


def shifted(picture: Image.Image, rng: Rng) -> Image.Image:
    """By 4 to 8 % of the width, the gap filled with black."""
    by = round(picture.width * float(rng.uniform(0.04, 0.08)))
    moved = Image.new("RGB", picture.size)
    moved.paste(picture, (by, by // 2))
    return moved


def slanted(picture: Image.Image, rng: Rng) -> Image.Image:
    """As photographed from one side: the corners of the view lie 2 to 7 % inside the picture."""
    inset = rng.uniform(0.02, 0.07, (4, 2)) * picture.size
    corners = np.array([[0, 0], [0, picture.height], picture.size, [picture.width, 0]], np.float64)
    inward = np.array([[1, 1], [1, -1], [-1, -1], [-1, 1]])
    view = tuple(float(value) for value in (corners + inward * inset).ravel())
    return picture.transform(picture.size, Image.Transform.QUAD, view, Image.Resampling.BICUBIC)


def through_a_lens(picture: Image.Image, rng: Rng) -> Image.Image:
    """Barrel distortion by 4 to 8 % at the middle of the edges."""
    across, down = _from_the_middle(picture)
    reach = 1 + float(rng.uniform(0.04, 0.08)) * (across**2 + down**2)
    column = np.clip((across * reach + 1) / 2 * picture.width, 0, picture.width - 1).astype(int)
    row = np.clip((down * reach + 1) / 2 * picture.height, 0, picture.height - 1).astype(int)
    return Image.fromarray(np.asarray(picture)[row, column])


def vignetted(picture: Image.Image, rng: Rng) -> Image.Image:
    """Darker towards the corners, where 35 to 45 % of the light is missing."""
    across, down = _from_the_middle(picture)
    light = 1 - float(rng.uniform(0.35, 0.45)) * (across**2 + down**2) / 2
    return Image.fromarray(np.rint(np.asarray(picture) * light[..., None]).astype(np.uint8))


def _from_the_middle(picture: Image.Image) -> tuple[np.ndarray, np.ndarray]:
    """How far each pixel is across and down from the middle, -1..1 at the edges."""
    down, across = (np.mgrid[: picture.height, : picture.width] + 0.5) * 2
    return across / picture.width - 1, down / picture.height - 1


def bordered(picture: Image.Image, rng: Rng) -> Image.Image:
    """With a plain frame."""
    shade = tuple(int(level) for level in rng.choice([[255, 255, 255], [20, 20, 20], [214, 190, 150]]))
    return ImageOps.expand(picture, round(picture.width * float(rng.uniform(0.03, 0.06))), shade)


def letterboxed(picture: Image.Image, rng: Rng) -> Image.Image:
    """On a wider or taller black canvas."""
    width, height = picture.size
    size = (width, round(height * 1.25)) if rng.random() < 0.5 else (round(width * 1.25), height)
    canvas = Image.new("RGB", size)
    canvas.paste(picture, ((size[0] - width) // 2, (size[1] - height) // 2))
    return canvas


def captioned(picture: Image.Image, rng: Rng) -> Image.Image:
    """A line of text on a bar over the lower edge."""
    result = picture.copy()
    tall = picture.height // 9
    draw = ImageDraw.Draw(result)
    draw.rectangle((0, picture.height - tall, picture.width, picture.height), fill=(18, 18, 22))
    words = str(rng.choice(["Wish you were here", "Sunday morning", "Remember this day?", "Greetings to all"]))
    draw.text(
        (picture.width / 2, picture.height - tall / 2),
        words,
        fill="white",
        font=ImageFont.load_default(tall * 0.6),
        anchor="mm",
    )
    return result


def watermarked(picture: Image.Image, rng: Rng) -> Image.Image:
    """Half-transparent words across the middle."""
    layer = Image.new("L", picture.size)
    font = ImageFont.load_default(picture.height // 7)
    ImageDraw.Draw(layer).text((picture.width / 2, picture.height / 2), "© SAMPLE", fill=110, font=font, anchor="mm")
    return Image.composite(Image.new("RGB", picture.size, "white"), picture, layer.rotate(20))


def with_logo(picture: Image.Image, rng: Rng) -> Image.Image:
    """A small badge in a corner."""
    result = picture.copy()
    radius = picture.height // 11
    x = radius + 8 if rng.random() < 0.5 else picture.width - radius - 8
    y = picture.height - radius - 8
    draw = ImageDraw.Draw(result)
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(230, 57, 70), outline="white", width=3)
    draw.text((x, y), "TV", fill="white", font=ImageFont.load_default(radius), anchor="mm")
    return result


def both(*changes: Change) -> Change:
    """One edit after the other."""

    def change(picture: Image.Image, rng: Rng) -> Image.Image:
        for each in changes:
            picture = each(picture, rng)
        return picture

    return change


EDITS = (
    Edit("resized", scaled),
    Edit("recompressed", same, quality=25),
    Edit("brighter", toned(1.2, 1.4, ImageEnhance.Brightness)),
    Edit("darker", toned(0.55, 0.75, ImageEnhance.Brightness)),
    Edit("more contrast", toned(1.3, 1.6, ImageEnhance.Contrast)),
    Edit("less contrast", toned(0.5, 0.7, ImageEnhance.Contrast)),
    Edit("colour changed", tinted),
    Edit("gray", gray),
    Edit("blurred", blurred),
    Edit("sharpened", sharpened),
    Edit("noisy", noisy),
    Edit("mirrored", turned(Turn.FLIP_LEFT_RIGHT)),
    Edit("flipped", turned(Turn.FLIP_TOP_BOTTOM)),
    Edit("turned 90", turned(Turn.ROTATE_90)),
    Edit("turned 180", turned(Turn.ROTATE_180)),
    Edit("turned 270", turned(Turn.ROTATE_270)),
    Edit("transposed", turned(Turn.TRANSPOSE)),
    Edit("transversed", turned(Turn.TRANSVERSE)),
    Edit("rotated", rotated),
    Edit("cropped", cropped),
    Edit("shifted", shifted),
    Edit("perspective", slanted),
    Edit("stretched", stretched),
    Edit("bent", through_a_lens),
    Edit("unevenly lit", vignetted),
    Edit("bordered", bordered),
    Edit("letterboxed", letterboxed),
    Edit("overlaid with a caption", captioned),
    Edit("overlaid with a watermark", watermarked),
    Edit("overlaid with a logo", with_logo),
    Edit("other format", same, quality=80, suffix=".webp"),
    Edit("mirrored, cropped", both(turned(Turn.FLIP_LEFT_RIGHT), cropped)),
    Edit("cropped, brighter, recompressed", both(cropped, toned(1.15, 1.3, ImageEnhance.Brightness)), quality=45),
)
"""Every relation of near duplicates, each on its own, and two of them together as they are met."""
