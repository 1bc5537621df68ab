"""Whether two files hold the same samples: a digest of all that decoding gives, at its full depth.

Equal digests are the proof of an exact copy: the same upright size, every band, alpha, bit, frame and page with its
duration. Neither the format, nor how a sample is stored, nor what colour profile a file names enters into it: gray in
three equal channels is gray, alpha that is opaque everywhere is none, a palette is the colours it stands for. Whatever
cannot be decoded at the depth of the file has no digest, so it is the exact copy of nothing but the same bytes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray
from PIL import Image

from dedup.files import open_regular
from dedup.images import deep, metadata
from dedup.images.decode import STRIP_PIXELS, Header, open_image, pages_of, reasons, to_page, upright
from dedup.images.formats import MAX_PIXELS

VERSION = 5
"""Changes with the meaning of a digest."""

_SEVERAL_PICTURES = {"ICO"}
"""Formats that hold the same picture in several sizes, of which one is decoded."""
_PILLOW_KEEPS = {"TIFF", "PNG", "PPM"}
"""Formats of which Pillow keeps all bits of a single band."""
_ALPHA = {"LA", "La", "RGBA"}
_GRAY_OR_RGB = {"L", "RGB", *_ALPHA}
"""Modes of 8 bits in which the same values mean the same; numbers in any other mode mean something else."""

Samples = NDArray[np.generic]


def digest(path: Path, *, max_pixels: int = MAX_PIXELS) -> str:
    """32 hex digits of the samples of a file, '' where they cannot be decoded whole. Raises `UnreadableImage`."""
    with reasons(), open_regular(path) as stream:
        image = open_image(stream, max_pixels)
        found = xxhash.xxh3_128()
        try:
            frames = _frames(image, os.fspath(path))
            if frames is None:
                return ""
            for duration, frame in frames:
                found.update(f"{duration:.1f};{_digest(frame)}|".encode())
        except deep.OutOfReach:
            return ""
        return found.hexdigest()


@dataclass(frozen=True)
class _Frame:
    """One upright picture: `strips` gives its samples (rows, width, bands) from top to bottom, as often as asked; the
    last band is alpha where `alpha`. Equal numbers of equal `kind` mean the same."""

    size: tuple[int, int]
    kind: str
    alpha: bool
    strips: Callable[[], Iterator[Samples]]


def _frames(image: Image.Image, path: str) -> Iterator[tuple[float, _Frame]] | None:
    """Every frame or page with its duration in milliseconds; None where the format's depth is out of reach."""
    if image.format == "TIFF":
        return _pages(image, path)
    header = Header.of(image, path)
    colours_are_deep = header.bits > 8 and header.bands > 1
    if image.format == "PNG" and colours_are_deep and getattr(image, "n_frames", 1) == 1:
        turn = metadata.orientation(image)
        colours = deep.read_png(path)  # with alpha, too, where one colour stands for nothing
        return iter([(0.0, _of_array(colours, turn, "", alpha=colours.shape[2] in (2, 4)))])
    if image.format in _SEVERAL_PICTURES or colours_are_deep or (header.bits > 8 and image.format not in _PILLOW_KEEPS):
        return None
    return _loaded(image, header)


def _loaded(image: Image.Image, header: Header) -> Iterator[tuple[float, _Frame]]:
    """The frames that Pillow decodes."""
    count = int(getattr(image, "n_frames", 1))
    for number in range(count):
        if count > 1:
            image.seek(number)
        image.load()
        yield float(image.info.get("duration", 0) or 0) if count > 1 else 0.0, _of_image(image, header)


def _pages(image: Image.Image, path: str) -> Iterator[tuple[float, _Frame]]:
    """The pages of a TIFF, each at its own depth."""
    for number in pages_of(image):
        to_page(image, number)
        header = Header.of(image, path)
        if header.bands != len(image.getbands()) or (header.bits > 8 and header.bands > 1):
            samples = deep.read_tiff(path, number)
            alpha = image.mode == "RGBA" and header.bands == 4 and header.alpha
            mode = "" if alpha or (image.mode == "RGB" and header.bands == 3) else f"{image.mode} {header.bands}"
            yield 0.0, _of_array(samples, header.turned, mode, alpha=alpha)
        else:
            _keep_premultiplied(image)
            image.load()
            yield 0.0, _of_image(image, header)


def _keep_premultiplied(image: Image.Image) -> None:
    """Let the page of a TIFF whose colours were multiplied by their alpha be loaded as it is stored: divided by it, all
    that shine through nothing are equal."""
    image.tile = [  # type: ignore[attr-defined]
        part._replace(args=("RGBA", *part.args[1:])) if part.args[0] == "RGBa" else part
        for part in image.tile  # type: ignore[attr-defined]
    ]


_ONE_NUMBER = ("I;16", "I", "F")
"""Modes of deep gray, of which one number may stand for transparent."""


def _of_image(image: Image.Image, header: Header) -> _Frame:
    picture = upright(image, metadata.orientation(image))  # a TIFF that was loaded is upright already
    unpacked = _unpacked(picture)
    kind = "8" if unpacked in _GRAY_OR_RGB else _kind(header.numbers(picture.crop((0, 0, 1, 1))), unpacked)
    if unpacked == "P":
        kind += f" {_colours(picture)}"
    kind += " premultiplied" * (header.premultiplied and not _is_opaque(picture))
    kind += " of white" * header.white_is_0 + " signed" * header.signed
    if unpacked in _ONE_NUMBER and isinstance(through := picture.info.get("transparency"), int):
        kind += f" but {through}"  # stands for nothing there
    rows = max(1, STRIP_PIXELS // picture.width)

    def strips() -> Iterator[Samples]:
        for _, strip in deep.strips(picture, rows):
            samples = header.numbers(strip if strip.mode == unpacked else strip.convert(unpacked))
            yield samples if samples.ndim == 3 else samples[..., None]

    return _Frame(picture.size, kind, unpacked in _ALPHA, strips)


def _is_opaque(picture: Image.Image) -> bool:
    return bool(picture.getextrema()[-1][0] == 255)  # type: ignore[index]  # the last of several bands


def _unpacked(picture: Image.Image) -> str:
    """The mode in which a picture's samples are compared: a palette is looked up unless two of its entries in use are
    of one colour, for then their numbers mean something."""
    if picture.mode == "1":
        return "RGBA" if "transparency" in picture.info else "L"
    if picture.mode == "P":
        colours = [colour for _, colour in _colours(picture)]
        return ("RGBA" if picture.has_transparency_data else "RGB") if len(set(colours)) == len(colours) else "P"
    if picture.mode in _ONE_NUMBER:
        return picture.mode
    if picture.mode in ("LA", "PA", "RGBa") or "transparency" in picture.info:
        return "RGBA"
    return picture.mode


def _colours(picture: Image.Image) -> list[tuple[int, Any]]:
    """The entries of a palette that are in use, and their colours."""
    entries = picture.crop((0, 0, 256, 1))
    entries.putdata(range(256))
    colours = entries.convert("RGBA")
    return [(each, colours.getpixel((each, 0))) for each, used in enumerate(picture.histogram()) if used]


def _of_array(samples: Samples, orientation: int, mode: str, *, alpha: bool) -> _Frame:
    """Samples (height, width, bands) as they are stored; `mode` says what is neither gray nor RGB, with or without
    alpha."""
    if orientation >= 5:
        samples = samples.swapaxes(0, 1)
    down, across = orientation in (3, 4, 7, 8), orientation in (2, 3, 6, 7)
    turned = samples[:: -1 if down else 1, :: -1 if across else 1]
    size = turned.shape[1], turned.shape[0]
    rows = max(1, STRIP_PIXELS // size[0])

    def strips() -> Iterator[Samples]:
        for top in range(0, size[1], rows):
            yield turned[top : top + rows]

    return _Frame(size, f"{_kind(samples, 'deep')}{mode}", alpha, strips)


def _kind(samples: Samples, mode: str) -> str:
    """Whole numbers of more than 8 bits mean the same in whatever width; floats do not."""
    if samples.dtype == np.uint8:
        return f"8 {mode}"
    return "whole" if np.issubdtype(samples.dtype, np.integer) else str(samples.dtype.newbyteorder("="))


def _digest(frame: _Frame) -> str:
    """What a frame is, whoever stored it how: gray in three equal channels is gray, opaque alpha is none."""
    gray = opaque = True
    for strip in frame.strips():
        colours, alpha = _parts(strip, frame)
        gray = gray and colours.shape[-1] in (1, 3) and bool((colours == colours[..., :1]).all())
        opaque = opaque and (alpha is None or bool(np.all(alpha == _opaque(alpha))))
    found = xxhash.xxh3_128()
    for strip in frame.strips():
        colours, alpha = _parts(strip, frame)
        _feed(found, colours[..., :1] if gray else colours)
        if alpha is not None and not opaque:
            _feed(found, alpha)
    return f"{frame.size};{frame.kind};{gray};{opaque};{found.hexdigest()}"


def _opaque(alpha: Samples) -> int:
    return (1 << 8 * alpha.dtype.itemsize) - 1


def _parts(strip: Samples, frame: _Frame) -> tuple[Samples, Samples | None]:
    """Colours, and alpha where there is any."""
    return (strip[..., :-1], strip[..., -1:]) if frame.alpha else (strip, None)


def _feed(found: xxhash.xxh3_128, samples: Samples) -> None:
    if np.issubdtype(samples.dtype, np.integer) and samples.dtype != np.uint8:
        samples = samples.astype("<i8")
    found.update(np.ascontiguousarray(samples.astype(samples.dtype.newbyteorder("<"), copy=False)).data)
