"""Pictures made by code, one function a subject: a random generator and a size in, an RGB picture out."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from scipy.spatial import cKDTree

Rng = np.random.Generator
Size = tuple[int, int]
Colour = tuple[int, int, int]
Scene = Callable[[Rng, Size], Image.Image]
Field = NDArray[np.floating[Any]]

SMOOTH = 2
"""Shapes are drawn this many times larger and reduced, for smooth edges."""


# --- primitives -----------------------------------------------------------------------------------------------------


def rgb(text: str) -> Colour:
    """`"e76f51"` as three levels."""
    return int(text[:2], 16), int(text[2:4], 16), int(text[4:], 16)


def colours(text: str) -> list[Colour]:
    """Several colours in one text, separated by spaces."""
    return [rgb(word) for word in text.split()]


def pick(rng: Rng, options: Sequence[str]) -> list[Colour]:
    """One of several palettes."""
    return colours(options[int(rng.integers(len(options)))])


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """A colour between two; `share` 0 is the first, 1 the second."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def hue(value: float, saturation: float, brightness: float) -> Colour:
    """A colour by hue (turns), saturation and brightness (0 to 1)."""
    red, green, blue = colorsys.hsv_to_rgb(value % 1, saturation, brightness)
    return round(255 * red), round(255 * green), round(255 * blue)


def ramp(values: Field, stops: Sequence[Colour]) -> Image.Image:
    """A field in [0, 1] of shape (height, width) coloured along evenly spaced `stops`."""
    table = np.empty((256, 3), np.uint8)
    places = np.linspace(0, 1, len(stops))
    for channel in range(3):
        table[:, channel] = np.interp(np.linspace(0, 1, 256), places, [stop[channel] for stop in stops])
    return Image.fromarray(table[(np.clip(values, 0, 1) * 255).astype(np.uint8)])


def gradient(size: Size, stops: Sequence[Colour], angle: float = 90) -> Image.Image:
    """A straight gradient; 90 degrees runs downwards, 0 to the right."""
    x, y = grid(size)
    radians = math.radians(angle)
    along = x * math.cos(radians) + y * math.sin(radians)
    low, high = float(along.min()), float(along.max())
    return ramp((along - low) / (high - low), stops)


def grid(size: Size) -> tuple[Field, Field]:
    """x and y of each pixel, 0 to 1 of the width and height, of shapes (1, width) and (height, 1)."""
    width, height = size
    x = np.linspace(0, 1, width, dtype=np.float32)[None, :]
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    return x, y


def clouds(rng: Rng, size: Size, cells: int, octaves: int = 4) -> Field:
    """Smooth noise in [0, 1], shape (height, width); `cells` bumps across at the coarsest octave."""
    width, height = size
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        across = cells * 2**octave
        shape = (max(2, round(across * height / width)) + 2, across + 2)
        lattice = Image.fromarray(rng.random(shape, dtype=np.float32))
        total += np.asarray(lattice.resize(size, Image.Resampling.BICUBIC)) / 2**octave
    low, high = float(total.min()), float(total.max())
    return (total - low) / (high - low)


class Sketch:
    """Smooth vector drawing over a background, in coordinates of the final picture."""

    def __init__(self, background: Image.Image) -> None:
        self.size = background.size
        self.image = background.resize((self.size[0] * SMOOTH, self.size[1] * SMOOTH))
        self.draw = ImageDraw.Draw(self.image)

    def polygon(self, points: Sequence[tuple[float, float]], fill: Colour) -> None:
        """A filled polygon."""
        self.draw.polygon([(x * SMOOTH, y * SMOOTH) for x, y in points], fill=fill)

    def disc(self, x: float, y: float, radius: float, fill: Colour, height: float | None = None) -> None:
        """A filled circle, or an ellipse with another half `height`."""
        tall = radius if height is None else height
        self.draw.ellipse(_box(x - radius, y - tall, x + radius, y + tall), fill=fill)

    def ring(self, x: float, y: float, radius: float, colour: Colour, width: float) -> None:
        """A circle's outline."""
        self.draw.ellipse(
            _box(x - radius, y - radius, x + radius, y + radius), outline=colour, width=round(width * SMOOTH)
        )

    def pie(self, x: float, y: float, radius: float, start: float, end: float, fill: Colour) -> None:
        """A slice between two angles in degrees, clockwise from the right."""
        self.draw.pieslice(_box(x - radius, y - radius, x + radius, y + radius), start, end, fill=fill)

    def box(self, left: float, top: float, right: float, bottom: float, fill: Colour, corner: float = 0) -> None:
        """A filled rectangle with rounded corners."""
        if right > left and bottom > top:
            self.draw.rounded_rectangle(_box(left, top, right, bottom), round(corner * SMOOTH), fill=fill)

    def line(self, points: Sequence[tuple[float, float]], colour: Colour, width: float) -> None:
        """Joined lines."""
        scaled = [(x * SMOOTH, y * SMOOTH) for x, y in points]
        self.draw.line(scaled, fill=colour, width=max(1, round(width * SMOOTH)), joint="curve")

    def text(self, x: float, y: float, words: str, colour: Colour, points: float, anchor: str = "la") -> None:
        """Words in Pillow's own typeface."""
        font = ImageFont.load_default(points * SMOOTH)
        self.draw.text((x * SMOOTH, y * SMOOTH), words, fill=colour, font=font, anchor=anchor)

    def done(self) -> Image.Image:
        """The picture."""
        return self.image.reduce(SMOOTH)


def _box(left: float, top: float, right: float, bottom: float) -> tuple[float, float, float, float]:
    return left * SMOOTH, top * SMOOTH, right * SMOOTH, bottom * SMOOTH


def ridge(rng: Rng, size: Size, base: float, rough: float, bumps: int) -> list[tuple[float, float]]:
    """A horizon as a closed polygon: heights about `base` of the picture, wandering by `rough`."""
    width, height = size
    knots = rng.normal(0, 1, bumps + 3)
    fine = rng.normal(0, 0.18, 8 * bumps + 3)
    x = np.linspace(0, 1, 120)
    y = np.interp(x, np.linspace(0, 1, len(knots)), knots) + np.interp(x, np.linspace(0, 1, len(fine)), fine)
    points = [(float(a) * width, (base + rough * float(b)) * height) for a, b in zip(x, y, strict=True)]
    return [(0, height), *points, (width, height)]


# --- outdoors -------------------------------------------------------------------------------------------------------

SKIES = (
    "22335c 6b5b95 f2a07b ffe1a8",
    "0b1d3a 274b74 7aa5c9 f6e7cb",
    "3c1a4a a6325c f26b4e ffd27a",
    "8ec9e8 bfe3f2 f4f1de f9dcc4",
    "10243f 1f5673 58a4b0 d8f3dc",
    "fbc687 f4886c c94277 5a1f5c",
)


def mountains(rng: Rng, size: Size) -> Image.Image:
    """Ridges that fade with distance, a sun or moon."""
    width, height = size
    sky = pick(rng, SKIES)
    sketch = Sketch(gradient(size, sky, 90))
    x, y, radius = rng.uniform(0.1, 0.9) * width, rng.uniform(0.08, 0.4) * height, rng.uniform(0.05, 0.13) * height
    sketch.disc(x, y, radius * 1.5, mix((255, 247, 224), sky[1], 0.55))
    sketch.disc(x, y, radius, (255, 247, 224))
    near = mix(sky[0], (8, 14, 20), 0.75)
    layers = int(rng.integers(3, 6))
    start = rng.uniform(0.3, 0.55)
    for layer in range(layers):
        share = (layer + 0.4) / layers
        base = start + (0.95 - start) * layer / layers
        sketch.polygon(
            ridge(rng, size, base, rng.uniform(0.05, 0.14), int(rng.integers(2, 7))), mix(sky[2], near, share)
        )
    return sketch.done()


def sea(rng: Rng, size: Size) -> Image.Image:
    """The sun's glitter on water, and a boat."""
    width, height = size
    sky = pick(rng, SKIES)
    horizon = int(height * rng.uniform(0.3, 0.65))
    sun_x, sun_y = rng.uniform(0.15, 0.85) * width, horizon - rng.uniform(0, 0.25) * height
    picture = Image.new("RGB", size)
    picture.paste(gradient((width, horizon), sky, 90))
    picture.paste(
        gradient((width, height - horizon), [mix(sky[3], sky[1], 0.3), sky[1], mix(sky[0], (0, 10, 30), 0.5)]),
        (0, horizon),
    )
    sketch = Sketch(picture)
    radius = rng.uniform(0.06, 0.15) * height
    sketch.pie(sun_x, min(sun_y, horizon), radius, 0 if sun_y < horizon - radius else 180, 360, (255, 244, 214))
    for _ in range(170):
        depth = rng.random() ** 1.6
        y = horizon + 2 + depth * (height - horizon)
        spread = (0.03 + 0.2 * depth) * width
        x, long = sun_x + rng.normal(0, spread), (4 + 22 * depth) * rng.uniform(0.5, 1.3)
        sketch.line([(x - long, y), (x + long, y)], mix(sky[3], (255, 250, 230), rng.random()), 0.8 + 1.6 * depth)
    _boat(sketch, rng, float(rng.uniform(0.1, 0.9)) * width, horizon, float(rng.uniform(0.1, 0.34)) * height)
    return sketch.done()


def _boat(sketch: Sketch, rng: Rng, x: float, y: float, tall: float) -> None:
    y += tall * 0.25
    dark, sail = (30, 28, 40), mix((250, 246, 238), hue(float(rng.random()), 0.6, 0.9), float(rng.choice([0.0, 0.7])))
    sketch.polygon(
        [
            (x - tall * 0.45, y),
            (x + tall * 0.5, y),
            (x + tall * 0.3, y + tall * 0.16),
            (x - tall * 0.32, y + tall * 0.16),
        ],
        dark,
    )
    sketch.polygon([(x - 2, y - tall), (x - 2, y - tall * 0.06), (x - tall * 0.4, y - tall * 0.06)], sail)
    sketch.polygon(
        [(x + 2, y - tall * 0.85), (x + 2, y - tall * 0.06), (x + tall * 0.42, y - tall * 0.06)], mix(sail, dark, 0.18)
    )


def skyline(rng: Rng, size: Size) -> Image.Image:
    """A city at night, windows lit."""
    width, height = size
    night = pick(rng, ("0a1128 1c2a56 5b3f78 c75b7a", "06121f 0f3347 2a6f7f a9d6c9", "160f29 3b1f50 8a3b5e f08a5d"))
    sketch = Sketch(gradient(size, night))
    for _ in range(40):
        sketch.disc(rng.uniform(0, width), rng.uniform(0, height * 0.5), rng.uniform(0.4, 1.2), (230, 230, 240))
    for layer, dim in ((0, 0.55), (1, 0.0)):
        x = -float(rng.uniform(0, 30))
        while x < width:
            wide = float(rng.uniform(0.05, 0.16)) * width
            top = height * float(rng.uniform(0.15, 0.7) if layer else rng.uniform(0.1, 0.6))
            wall = mix((14, 16, 30), night[2], dim + 0.12 * float(rng.random()))
            sketch.box(x, top, x + wide, height, wall)
            if rng.random() < 0.3:
                sketch.line([(x + wide / 2, top - 0.09 * height), (x + wide / 2, top)], wall, 2)
            if layer:
                _windows(sketch, rng, (x, top, x + wide, float(height)))
            x += wide + float(rng.choice([0, 0, 6, 14]))
    return sketch.done()


def _windows(sketch: Sketch, rng: Rng, wall: tuple[float, float, float, float]) -> None:
    left, top, right, bottom = wall
    step, lit = float(rng.uniform(8, 13)), float(rng.uniform(0.2, 0.7))
    light = mix((255, 214, 130), (190, 225, 255), float(rng.choice([0.0, 0.15, 0.8])))
    for y in np.arange(top + step * 0.7, bottom, step * 1.2):
        for x in np.arange(left + step * 0.5, right - step * 0.6, step):
            if rng.random() < lit:
                sketch.box(x, y, x + step * 0.5, y + step * 0.6, light)


def forest(rng: Rng, size: Size) -> Image.Image:
    """Firs in fog."""
    width, height = size
    fog = pick(rng, ("dfe8e6 a9c0bc 1d3b36", "f3e3d3 d3a588 3d2520", "e3e9f4 9db1d1 1b2a49", "f6efcf c2c67c 2e3d16"))
    sketch = Sketch(gradient(size, [fog[0], fog[1]], float(rng.uniform(70, 110))))
    if rng.random() < 0.6:
        sketch.disc(
            rng.uniform(0.1, 0.9) * width,
            rng.uniform(0.1, 0.4) * height,
            0.1 * height,
            mix(fog[0], (255, 255, 255), 0.6),
        )
    for layer in range(4):
        shade = mix(fog[1], fog[2], (layer + 0.6) / 4)
        ground = height * (0.55 + 0.13 * layer)
        sketch.polygon(ridge(rng, size, ground / height, 0.03, 3), shade)
        for _ in range(int(rng.integers(4, 13 - 2 * layer))):
            x, tall = rng.uniform(0, width), height * rng.uniform(0.14, 0.3) * (1 + 0.42 * layer)
            _fir(sketch, float(x), ground + 0.06 * height, float(tall), shade)
    return sketch.done()


def _fir(sketch: Sketch, x: float, ground: float, tall: float, shade: Colour) -> None:
    sketch.box(x - tall * 0.03, ground - tall * 0.2, x + tall * 0.03, ground, shade)
    for tier in range(4):
        top, half = ground - tall * (1 - 0.2 * tier), tall * (0.12 + 0.06 * tier)
        sketch.polygon([(x, top), (x - half, top + tall * 0.32), (x + half, top + tall * 0.32)], shade)


DAYS = (
    "6ec6e6 d9f0f7 8fbf7a 4c8c4a",
    "f7b267 fde2c4 b5838d 6d6875",
    "a0c4ff e8f0ff e9c46a b08938",
    "ff9aa2 ffe5d9 84a59d 4a6b64",
)


def balloons(rng: Rng, size: Size, weather: int | None = None) -> Image.Image:
    """Hot-air balloons over hills; `weather` chooses one of `DAYS`."""
    width, height = size
    day = pick(rng, DAYS) if weather is None else colours(DAYS[weather])
    sketch = Sketch(gradient(size, day[:2]))
    for _ in range(3):
        x, y = rng.uniform(0, width), rng.uniform(0.05, 0.5) * height
        for puff in range(4):
            sketch.disc(
                x + puff * 22, y + 5 * (puff % 2), 20 - 3 * abs(puff - 1.5), mix(day[1], (255, 255, 255), 0.7), 10
            )
    sketch.polygon(ridge(rng, size, 0.82, 0.04, 3), day[2])
    sketch.polygon(ridge(rng, size, 0.92, 0.03, 4), day[3])
    for _ in range(int(rng.integers(2, 6))):
        _balloon(
            sketch,
            rng,
            rng.uniform(0.1, 0.9) * width,
            rng.uniform(0.18, 0.6) * height,
            rng.uniform(0.09, 0.24) * height,
        )
    return sketch.done()


def _balloon(sketch: Sketch, rng: Rng, x: float, y: float, radius: float) -> None:
    first = float(rng.random())
    light, dark = hue(first, 0.65, 0.95), hue(first + float(rng.choice([0.08, 0.5])), 0.75, 0.7)
    sketch.polygon(
        [(x - radius * 0.8, y + radius * 0.5), (x + radius * 0.8, y + radius * 0.5), (x, y + radius * 1.7)],
        mix(light, dark, 0.6),
    )
    for place, wide in enumerate((1.0, 0.76, 0.5, 0.22)):
        sketch.disc(x, y, radius * wide, dark if place % 2 else light, radius)
    sketch.polygon(
        [(x - radius * 0.2, y + radius * 1.35), (x + radius * 0.2, y + radius * 1.35), (x, y + radius * 1.75)], dark
    )
    sketch.box(x - radius * 0.16, y + radius * 1.75, x + radius * 0.16, y + radius * 2, (92, 61, 40), 2)


def planets(rng: Rng, size: Size) -> Image.Image:
    """A lit globe with bands or continents among stars, sometimes a ring and moons."""
    width, height = size
    x, y = grid(size)
    x, y = x * width, y * height
    centre_x, centre_y = rng.uniform(0.25, 0.75) * width, rng.uniform(0.3, 0.7) * height
    radius = float(rng.uniform(0.2, 0.42)) * height
    u, v = (x - centre_x) / radius, (y - centre_y) / radius
    inside = u**2 + v**2 < 1
    tilt = float(rng.uniform(0, math.pi))
    surface = clouds(rng, size, 9)
    if rng.random() < 0.55:
        surface = 0.5 + 0.5 * np.sin(
            (u * math.sin(tilt) + v * math.cos(tilt)) * float(rng.uniform(7, 13)) + 3 * surface
        )
    light = float(rng.uniform(0, 2 * math.pi))
    bulge = np.sqrt(np.clip(1 - u**2 - v**2, 0, 1))
    shade = np.clip(0.65 * (u * math.cos(light) + v * math.sin(light)) + 0.75 * bulge, 0.04, 1)[..., None]
    skin = pick(
        rng,
        (
            "5b2a1d c8643c f2c48d fff1d6",
            "0c2d57 1f6fb2 7bc8a4 f4f9e9",
            "3b1c53 8f3b76 e68fac ffe5ec",
            "33413a 7d9b76 c9cba3 ffe1a8",
        ),
    )
    globe = np.asarray(ramp(surface, skin)) * shade
    space = np.asarray(
        gradient(
            size,
            pick(rng, ("05060f 0f1430 261447", "020409 0a2430 10393c", "0b0410 2a0e2e 41112c")),
            float(rng.uniform(0, 180)),
        )
    )
    sketch = Sketch(Image.fromarray(np.where(inside[..., None], globe, space).astype(np.uint8)))
    for _ in range(90):
        star_x, star_y = float(rng.uniform(0, width)), float(rng.uniform(0, height))
        if math.hypot(star_x - centre_x, star_y - centre_y) > radius * 1.02:
            sketch.disc(star_x, star_y, float(rng.uniform(0.4, 1.5)), (235, 235, 250))
    for _ in range(int(rng.integers(0, 3))):
        angle, far = float(rng.uniform(0, 2 * math.pi)), radius * float(rng.uniform(1.25, 1.7))
        sketch.disc(
            centre_x + far * math.cos(angle),
            centre_y + far * math.sin(angle),
            radius * float(rng.uniform(0.06, 0.16)),
            skin[3],
        )
    return sketch.done()


# --- things ---------------------------------------------------------------------------------------------------------


def flowers(rng: Rng, size: Size) -> Image.Image:
    """Layered petals, one large flower or several."""
    width, height = size
    first = float(rng.random())
    ground = [hue(first + 0.45, 0.35, 0.25), hue(first + 0.5, 0.3, float(rng.uniform(0.35, 0.9)))]
    sketch = Sketch(gradient(size, ground, float(rng.uniform(0, 180))))
    for _ in range(int(rng.integers(2, 6))):
        x, y = float(rng.uniform(0.08, 0.92)) * width, float(rng.uniform(0.1, 0.85)) * height
        sketch.line([(x, y), (x + float(rng.uniform(-40, 40)), height + 5)], hue(0.33, 0.5, 0.4), 4)
        _flower(sketch, rng, x, y, float(rng.uniform(0.13, 0.36)) * height, first + float(rng.normal(0, 0.07)))
    return sketch.done()


def _flower(sketch: Sketch, rng: Rng, x: float, y: float, radius: float, tone: float) -> None:
    petals, turn = int(rng.integers(5, 15)), float(rng.uniform(0, 6.3))
    for layer in range(3):
        long = radius * (1 - 0.27 * layer)
        for petal in range(petals):
            angle = turn + 2 * math.pi * (petal + layer / 2) / petals
            half = 1.25 * math.pi / petals
            points = [(x, y)]
            for step in np.linspace(-1, 1, 11):
                reach = long * (1 - 0.35 * step**2)
                points.append((x + reach * math.cos(angle + half * step), y + reach * math.sin(angle + half * step)))
            shade = 0.62 + 0.13 * layer + 0.1 * (petal % 2)
            sketch.polygon(points, hue(tone + 0.02 * layer, 0.78 - 0.18 * layer, shade))
    sketch.disc(x, y, radius * 0.2, hue(0.12, 0.8, 0.9))
    sketch.disc(x, y, radius * 0.12, hue(0.07, 0.8, 0.55))


def fruit(rng: Rng, size: Size) -> Image.Image:
    """A still life: shaded fruit on a table."""
    width, height = size[0] // 2, size[1] // 2  # soft shading needs no more
    wall, table = pick(
        rng, ("e8d5c4 7b4b2a", "c9d6df 52616b", "f3d9dc 8d5a6c", "d7e4c0 5d6b3b", "3d405b c08552", "264653 b98b5e")
    )
    edge = height * float(rng.uniform(0.45, 0.7))
    picture = gradient((width, height), [mix(wall, (255, 255, 255), 0.25), wall], float(rng.uniform(20, 160)))
    picture.paste(gradient((width, height - int(edge)), [mix(table, (255, 255, 255), 0.2), table]), (0, int(edge)))
    pixels = np.asarray(picture).astype(np.float32)
    x, y = grid((width, height))
    x, y = x * width, y * height
    places = sorted(rng.uniform(edge, height * 0.88, int(rng.integers(3, 7))))
    for ground in places:
        radius = float(rng.uniform(0.11, 0.2)) * height
        _ball(
            pixels,
            x,
            y,
            float(rng.uniform(0.1, 0.9)) * width,
            float(ground),
            radius,
            float(rng.choice([0.99, 0.03, 0.08, 0.13, 0.22, 0.3, 0.8])),
        )
    return Image.fromarray(pixels.astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)


def _ball(pixels: Field, x: Field, y: Field, centre_x: float, ground: float, radius: float, tone: float) -> None:
    """Shade a ball and its shadow into `pixels` (height, width, 3) in place."""
    shadow = np.exp(
        -(((x - centre_x - radius * 0.5) / (1.2 * radius)) ** 2 + ((y - ground) / (0.28 * radius)) ** 2) * 1.4
    )
    pixels *= 1 - 0.55 * shadow[..., None]
    u, v = (x - centre_x) / radius, (y - ground + radius * 0.92) / radius
    inside = (u**2 + v**2 < 1)[..., None]
    light = np.clip(0.3 + 0.7 * (np.sqrt(np.clip(1 - u**2 - v**2, 0, 1)) * 0.7 - 0.45 * u - 0.55 * v), 0.16, 1)[
        ..., None
    ]
    shine = np.exp(-((u + 0.35) ** 2 + (v + 0.42) ** 2) * 26)[..., None]
    colour = np.array(hue(tone, 0.82, 0.95), np.float32) * light + 200 * shine
    pixels[:] = np.where(inside, np.clip(colour, 0, 255), pixels)


def clocks(rng: Rng, size: Size) -> Image.Image:
    """One to three clocks of different makes on a papered wall, at some time of the day."""
    width, height = size
    wall = pick(rng, CLOCKS)[0]
    sketch = Sketch(Image.new("RGB", size, wall))
    _paper(sketch, rng, mix(wall, (255, 255, 255), 0.12))
    makes = rng.permutation(len(CLOCK_BODIES))[: int(rng.choice([1, 2, 2, 3]))]
    column = width / len(makes)
    for place, make in enumerate(makes):
        radius = min(height, column) * float(rng.uniform(0.2, 0.31))
        x = column * place + float(rng.uniform(1.3 * radius, column - 1.3 * radius))
        y = float(rng.uniform(1.45 * radius, height - 1.6 * radius))
        rim, face, hand = pick(rng, CLOCKS)[1:]
        CLOCK_BODIES[make](sketch, x, y, radius, rim, mix(wall, (0, 0, 0), 0.45))
        sketch.disc(x, y, radius * 0.88, face)
        _dial(sketch, rng, x, y, radius * 0.88, mix(face, rim, 0.28), hand)
    return sketch.done()


CLOCKS = (
    "e9c46a 264653 fdfaf1 1b1b1e",
    "84a98c 2f3e46 f1f5ee 2f3e46",
    "cdb4db 5e548e fff8fb 3d348b",
    "b23a48 f4d8cd 2b2024 fcb9b2",
    "457b9d f1faee 1d3557 f1faee",
    "d6ccc2 9c6644 fffdf8 432818",
    "1b4332 d8f3dc 40916c f1faee",
    "ffb4a2 6d6875 fff1e6 b5838d",
    "22223b f2e9e4 9a8c98 22223b",
)
"""Wall, rim, face, hands."""


def _paper(sketch: Sketch, rng: Rng, light: Colour) -> None:
    """Wallpaper: stripes, dots or lozenges of its own pitch."""
    width, height = sketch.size
    pitch, kind, slope = float(rng.uniform(26, 80)), int(rng.integers(3)), float(rng.choice([0, height, -height]))
    if kind == 0:
        for x in np.arange(-height, width + height, 2 * pitch):
            sketch.polygon([(x, 0), (x + pitch, 0), (x + pitch + slope, height), (x + slope, height)], light)
        return
    for row, y in enumerate(np.arange(0, height + pitch, pitch)):
        for x in np.arange(-pitch * (row % 2) / 2, width + pitch, pitch):
            if kind == 1:
                sketch.disc(x, y, pitch * 0.22, light)
            else:
                half = pitch * 0.3
                sketch.polygon([(x - half, y), (x, y - half), (x + half, y), (x, y + half)], light)


def _round_body(sketch: Sketch, x: float, y: float, radius: float, rim: Colour, shade: Colour) -> None:
    sketch.disc(x + 6, y + 8, radius, shade)
    sketch.disc(x, y, radius, rim)


def _square_body(sketch: Sketch, x: float, y: float, radius: float, rim: Colour, shade: Colour) -> None:
    side = radius * 1.04
    sketch.box(x - side + 6, y - side + 8, x + side + 6, y + side + 8, shade, radius * 0.2)
    sketch.box(x - side, y - side, x + side, y + side, rim, radius * 0.2)


def _gem_body(sketch: Sketch, x: float, y: float, radius: float, rim: Colour, shade: Colour) -> None:
    for move, colour in ((7, shade), (0, rim)):
        angles = np.arange(8) * math.pi / 4 + math.pi / 8
        sketch.polygon(
            [(x + move + 1.16 * radius * math.cos(a), y + move + 1.16 * radius * math.sin(a)) for a in angles], colour
        )


def _sun_body(sketch: Sketch, x: float, y: float, radius: float, rim: Colour, shade: Colour) -> None:
    for ray in range(24):
        angle, far = ray * math.pi / 12, radius * (1.5 if ray % 2 else 1.28)
        sketch.line([(x, y), (x + far * math.cos(angle), y + far * math.sin(angle))], rim if ray % 2 else shade, 5)
        sketch.disc(x + far * math.cos(angle), y + far * math.sin(angle), 5, rim if ray % 2 else shade)
    sketch.disc(x, y, radius * 0.96, rim)


def _alarm_body(sketch: Sketch, x: float, y: float, radius: float, rim: Colour, shade: Colour) -> None:
    for side in (-1, 1):
        sketch.line([(x, y), (x + side * radius * 0.85, y + radius * 1.25)], shade, radius * 0.14)
        sketch.disc(x + side * radius * 0.62, y - radius * 0.9, radius * 0.4, mix(rim, shade, 0.4))
    sketch.box(x - radius * 0.08, y - radius * 1.35, x + radius * 0.08, y - radius * 0.9, shade)
    sketch.disc(x, y, radius, rim)


def _case_body(sketch: Sketch, x: float, y: float, radius: float, rim: Colour, shade: Colour) -> None:
    sketch.polygon(
        [(x - 1.25 * radius, y - radius * 0.75), (x, y - 1.42 * radius), (x + 1.25 * radius, y - radius * 0.75)], shade
    )
    sketch.box(x - 1.08 * radius, y - radius * 0.8, x + 1.08 * radius, y + radius * 1.15, rim, 6)
    sketch.line([(x, y), (x + radius * 0.25, y + radius * 1.45)], shade, 4)
    sketch.disc(x + radius * 0.25, y + radius * 1.4, radius * 0.17, shade)


CLOCK_BODIES = (_round_body, _square_body, _gem_body, _sun_body, _alarm_body, _case_body)


def _dial(sketch: Sketch, rng: Rng, x: float, y: float, radius: float, tint: Colour, ink: Colour) -> None:
    kind = int(rng.integers(4))
    for sector in range(int(rng.choice([2, 3, 4, 6])) if kind == 1 else 0):
        sketch.pie(x, y, radius, 60 * sector, 60 * sector + 30, tint)
    for inner in (0.7, 0.35) if kind == 2 else ():
        sketch.disc(x, y, radius * inner, tint if inner > 0.5 else mix(tint, ink, 0.25))
    marks = int(rng.integers(3))
    for hour in range(1, 13):
        angle = math.radians(30 * hour - 90)
        across, down = radius * math.cos(angle), radius * math.sin(angle)
        if marks == 0:
            sketch.text(x + 0.8 * across, y + 0.8 * down, str(hour), ink, radius * 0.22, "mm")
        elif marks == 1:
            inner = 0.7 if hour % 3 == 0 else 0.84
            sketch.line([(x + inner * across, y + inner * down), (x + 0.95 * across, y + 0.95 * down)], ink, 3)
        else:
            sketch.disc(x + 0.82 * across, y + 0.82 * down, radius * (0.09 if hour % 3 == 0 else 0.045), ink)
    minutes = float(rng.uniform(0, 720))
    for turn, long, wide in ((minutes / 720, 0.52, 0.1), (minutes / 60, 0.78, 0.065)):
        angle = 2 * math.pi * turn - math.pi / 2
        sketch.line(
            [(x, y), (x + radius * long * math.cos(angle), y + radius * long * math.sin(angle))], ink, radius * wide
        )
    sketch.disc(x, y, radius * 0.08, (214, 72, 58))


# --- patterns -------------------------------------------------------------------------------------------------------

PALETTES = (
    "264653 2a9d8f e9c46a f4a261 e76f51",
    "f4f1de e07a5f 3d405b 81b29a f2cc8f",
    "1d3557 457b9d a8dadc f1faee e63946",
    "0b132b 3a506b 5bc0be fdfcdc f25f5c",
    "ffcdb2 ffb4a2 e5989b b5838d 6d6875",
    "fefae0 dda15e bc6c25 606c38 283618",
    "10002b 5a189a c77dff ffd6ff ff9e00",
)


def tiles(rng: Rng, size: Size) -> Image.Image:
    """Quarter circles, discs and triangles on a chequered ground."""
    width, height = size
    palette = pick(rng, PALETTES)
    across = int(rng.integers(3, 7))
    side = width / across
    sketch = Sketch(Image.new("RGB", size, palette[0]))
    for row in range(math.ceil(height / side)):
        for column in range(across):
            x, y = column * side, row * side
            ground, shape, dot = (palette[int(place)] for place in rng.permutation(len(palette))[:3])
            sketch.box(x, y, x + side, y + side, ground)
            corner_x, corner_y = x + side * int(rng.integers(2)), y + side * int(rng.integers(2))
            kind = int(rng.integers(4))
            if kind == 0:
                start = (0 if corner_x == x else 90) if corner_y == y else (270 if corner_x == x else 180)
                sketch.pie(corner_x, corner_y, side, start, start + 90, shape)
            elif kind == 1:
                sketch.disc(x + side / 2, y + side / 2, side * 0.4, shape)
                sketch.disc(x + side / 2, y + side / 2, side * 0.18, dot)
            elif kind == 2:
                sketch.polygon([(x, y), (x + side, y + side), (corner_x, y + side if corner_x == x else y)], shape)
            else:
                sketch.pie(
                    x + side / 2, corner_y, side / 2, 0 if corner_y == y else 180, 180 if corner_y == y else 360, shape
                )
    return sketch.done()


def glass(rng: Rng, size: Size) -> Image.Image:
    """Stained glass: cells about random sites, leaded."""
    width, height = size
    palette = np.array(pick(rng, PALETTES), np.float32)
    half = (width // 2, height // 2)
    sites = rng.uniform((0, 0), half, (int(rng.integers(14, 46)), 2))
    y, x = np.mgrid[: half[1], : half[0]]
    far, near = cKDTree(sites).query(np.stack([x.ravel(), y.ravel()], axis=1), k=2)
    edge = (far[:, 1] - far[:, 0]).reshape(half[1], half[0])
    shade = palette[rng.integers(0, len(palette), len(sites))] * rng.uniform(0.75, 1.15, (len(sites), 1))
    glow = 0.8 + 0.35 * clouds(rng, half, 4, 2)[..., None]
    cells = shade[near[:, 0]].reshape(half[1], half[0], 3) * glow
    leaded = np.clip(cells, 0, 255) * np.clip((edge - 1.2) / 1.6, 0.08, 1)[..., None]
    return Image.fromarray(leaded.astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)


def marble(rng: Rng, size: Size) -> Image.Image:
    """Noise folded through noise, like polished stone or ink in water."""
    x, y = grid(size)
    first, second = clouds(rng, size, 3), clouds(rng, size, 4)
    turn = float(rng.uniform(0, math.pi))
    bands = (x * math.cos(turn) + y * math.sin(turn)) * float(rng.uniform(2, 7))
    folded = 0.5 + 0.5 * np.sin(2 * math.pi * (bands + float(rng.uniform(0.6, 2)) * first) + 4 * second)
    return ramp(0.75 * folded + 0.25 * second, pick(rng, PALETTES))


def maps(rng: Rng, size: Size) -> Image.Image:
    """A relief map: heights in colour, contour lines, light from the north-west."""
    height = clouds(rng, size, int(rng.integers(2, 5)), 5)
    level = float(rng.uniform(0.3, 0.55))
    land = pick(
        rng,
        (
            "16537e 4f9ac4 d9e8c5 9dbf7c c9a66b f5efe6",
            "0b3954 5fa8d3 f4e9cd 77a6b6 4d7298 fefefe",
            "2b2d42 6c757d edf2f4 e5b181 d08c60 fff3e4",
        ),
    )
    deep, shore, beach, meadow, rock, snow = land
    sea_part, land_part = (
        ramp(height / level, [deep, shore]),
        ramp((height - level) / (1 - level), [beach, meadow, rock, snow]),
    )
    pixels = np.where((height < level)[..., None], np.asarray(sea_part), np.asarray(land_part)).astype(np.float32)
    slope = np.gradient(height)
    relief = 1 + np.clip((slope[0] + slope[1]) * -22, -0.35, 0.35) * (height >= level)
    steps = np.floor(height * 18)
    contour = (steps != np.roll(steps, 1, 0)) | (steps != np.roll(steps, 1, 1))
    pixels *= relief[..., None] * np.where(contour & (height >= level), 0.82, 1)[..., None]
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).filter(ImageFilter.SMOOTH)


def charts(rng: Rng, size: Size) -> Image.Image:
    """A report's figure: bars, lines, dots or areas with axes and a title."""
    width, height = size
    palette = pick(rng, PALETTES)
    dark = rng.random() < 0.4
    paper, ink = ((24, 27, 38), (222, 226, 236)) if dark else ((252, 252, 250), (52, 58, 70))
    sketch = Sketch(Image.new("RGB", size, paper))
    left, top, right, bottom = width * 0.09, height * 0.17, width * 0.96, height * 0.89
    sketch.text(left, height * 0.05, str(rng.choice(TITLES)), ink, 17)
    for y in np.linspace(top, bottom, 6):
        sketch.line([(left, y), (right, y)], mix(paper, ink, 0.16), 1)
    draw = (_bars, _lines, _dots, _areas)[int(rng.integers(4))]
    draw(sketch, rng, palette[1:], (left, top, right, bottom))
    sketch.line([(left, top), (left, bottom), (right, bottom)], ink, 1.6)
    return sketch.done()


TITLES = (
    "Rainfall by month",
    "Passengers a day",
    "Harvest 1990 to 2020",
    "Light and growth",
    "Length of the day",
    "Tides",
    "Visitors",
    "Wind speed",
)
Frame = tuple[float, float, float, float]


def _bars(sketch: Sketch, rng: Rng, palette: Sequence[Colour], frame: Frame) -> None:
    left, top, right, bottom = frame
    count = int(rng.integers(4, 13))
    step = (right - left) / count
    for place in range(count):
        value = float(rng.uniform(0.08, 0.98))
        x = left + step * (place + 0.18)
        sketch.box(
            x,
            bottom - value * (bottom - top),
            x + step * 0.66,
            bottom,
            palette[place % len(palette) if count < 7 else 0],
            3,
        )


def _walk(rng: Rng, count: int) -> NDArray[np.float64]:
    steps = np.cumsum(rng.normal(0, 1, count))
    return np.asarray(0.06 + 0.86 * (steps - steps.min()) / (np.ptp(steps) or 1))


def _lines(sketch: Sketch, rng: Rng, palette: Sequence[Colour], frame: Frame) -> None:
    left, top, right, bottom = frame
    for colour in palette[: int(rng.integers(2, 5))]:
        values = _walk(rng, int(rng.integers(6, 30)))
        xs = np.linspace(left + 4, right - 4, len(values))
        points = [(float(x), bottom - float(v) * (bottom - top)) for x, v in zip(xs, values, strict=True)]
        sketch.line(points, colour, 4)
        for x, y in points:
            sketch.disc(x, y, 4.5, colour)


def _dots(sketch: Sketch, rng: Rng, palette: Sequence[Colour], frame: Frame) -> None:
    left, top, right, bottom = frame
    for colour in palette[: int(rng.integers(2, 5))]:
        centre, spread = rng.uniform(0.15, 0.85, 2), rng.uniform(0.04, 0.13, 2)
        for x, y in np.clip(rng.normal(centre, spread, (int(rng.integers(25, 60)), 2)), 0.02, 0.98):
            sketch.disc(left + x * (right - left), bottom - y * (bottom - top), float(rng.uniform(4, 9)), colour)


def _areas(sketch: Sketch, rng: Rng, palette: Sequence[Colour], frame: Frame) -> None:
    left, top, right, bottom = frame
    count = int(rng.integers(2, 5))
    for place, colour in enumerate(palette[:count]):
        values = _walk(rng, 14) * (1 - place / count)
        xs = np.linspace(left, right, len(values))
        points = [(float(x), bottom - float(v) * (bottom - top)) for x, v in zip(xs, values, strict=True)]
        sketch.polygon([(left, bottom), *points, (right, bottom)], colour)


def pages(rng: Rng, size: Size) -> Image.Image:
    """A printed page in one or two columns, with a heading and a picture block."""
    width, height = size
    paper, ink, accent = pick(
        rng, ("fffdf6 2d2a26 b5442f", "f7f4ea 33384a 2c6e8f", "fbfbfb 222222 6a994e", "f5ebdd 4a3728 9c6644")
    )
    sketch = Sketch(Image.new("RGB", size, paper))
    margin = width * float(rng.uniform(0.05, 0.11))
    y = height * float(rng.uniform(0.05, 0.11))
    points = float(rng.uniform(20, 34))
    sketch.text(margin, y, str(rng.choice(HEADINGS)), accent if rng.random() < 0.5 else ink, points)
    y += points * 1.7
    columns = int(rng.integers(1, 4))
    wide = (width - 2 * margin - 18 * (columns - 1)) / columns
    figure, figure_at = int(rng.integers(columns)), float(rng.uniform(0, 0.5))
    for column in range(columns):
        x, row, placed = margin + column * (wide + 18), y, column != figure
        while row < height - margin * 0.7:
            if not placed and row > y + figure_at * (height - y):
                tall = height * float(rng.uniform(0.2, 0.4))
                sketch.box(
                    x, row, x + wide, min(row + tall, height - 12), mix(accent, paper, float(rng.uniform(0, 0.6))), 4
                )
                row, placed = row + tall + 10, True
                continue
            short = rng.random() < 0.14
            _words(sketch, rng, (x, row, x + wide * (float(rng.uniform(0.3, 0.8)) if short else 1), row + 5), ink)
            row += 20 if short else 10
    return sketch.done()


HEADINGS = (
    "On Tides",
    "A Walk in May",
    "Bread and Salt",
    "The Lighthouse",
    "Notes on Bees",
    "Letters Home",
    "Winter Garden",
    "Of Stars",
)


def _words(sketch: Sketch, rng: Rng, line: Frame, ink: Colour) -> None:
    left, top, right, bottom = line
    x = left
    while x < right - 4:
        long = float(rng.uniform(8, 38))
        sketch.box(x, top, min(x + long, right), bottom, mix(ink, (255, 255, 255), 0.25), 2)
        x += long + 5


SCENES: dict[str, Scene] = {
    scene.__name__: scene
    for scene in (
        *(mountains, sea, skyline, forest, balloons, planets, flowers, fruit),
        *(clocks, tiles, glass, marble, maps, charts, pages),
    )
}
"""Class name → how to draw one of it."""
