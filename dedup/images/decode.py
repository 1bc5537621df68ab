"""Bytes of a file to an upright 8-bit RGB picture and the facts about it; the only place that knows Pillow's errors.

One door: `read(path)` returns a `Decoded` or raises `UnreadableImage` with a reason a person understands. What a scan
keeps of a picture is made of its small copy, so that is all `read` decodes: JPEG at a fraction of its size, the rest
in strips. Colour profiles are not applied: copies of a picture carry the same profile or lost it; the numbers are
compared as they are.
"""

from __future__ import annotations

import errno
import hashlib
import io
import math
import os
import re
import struct
import time
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from stat import S_ISREG
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, UnidentifiedImageError

from dedup.errors import UnreadableImage
from dedup.files import head_of, open_regular
from dedup.images import deep, jpeg, metadata
from dedup.images.formats import FORMATS, HEAD_BYTES, LOSSLESS, MAX_PIXELS, UNSUPPORTED_SUFFIXES, sniff

SMALL_SIDE = 256
STRIP_PIXELS = 1 << 22
"""Pixels worked on at a time where a whole picture would be copied."""
READ_ATTEMPTS = 3
READ_PAUSE_SECONDS = 0.2

LOSSY_TIFF_COMPRESSION = {"jpeg", "tiff_jpeg", "webp"}

PAPER = {"white": (255, 255, 255), "black": (0, 0, 0)}
BRIGHT = 170
"""What is visible of a transparent picture stands on white, as programs flatten it, unless it is as light as this."""
FAINT = 8
"""Alpha that stays under so many levels everywhere is no transparency but a mask: the colours are shown."""

LABELS = 64
"""A lossless picture of at most so many different values may be a map of labels, whose very numbers count."""
LATER_FRAMES = 3
"""So many frames, evenly spread after the first, tell animations and documents apart that begin alike ..."""
LATER_PIXELS = 500_000_000
"""... looked for no further than so many pixels into the file."""

SMALL_RANGE = 64
"""Colours of 16 bits whose highest byte stays under this are shown in their own range."""


def own_process(max_pixels: int = MAX_PIXELS) -> None:
    """For a process that is all ours: Pillow refuses what we refuse, in every frame and tile that a header may hide,
    and does not warn of less. Elsewhere Pillow's own limit stays in force beside ours."""
    Image.MAX_IMAGE_PIXELS = max(1, max_pixels // 2)  # Pillow refuses above twice this number
    warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


@dataclass(frozen=True, slots=True)
class Decoded:
    """A readable image file.

    `small` is the picture, RGB, 8 bits a channel, EXIF-upright, reduced by a whole number so that its longer side is at
    most 256 (see `reduction`), `other` the same on the other tone where it is transparent and stands on one,
    and `extent` (left, top, right, bottom) the part of it that the picture fills; `later`
    are up to 3 further frames or pages, as small, None where these cannot be read. `width` and `height` are upright
    pixels. `sha256` is the hex digest of the file's bytes. `orientation` is the EXIF value 1..8; `captured_at` ISO 8601
    or ''; `described` 0..3 (see `metadata`); `jpeg_quality` 1..100 or NaN. `alpha`: some pixel is not opaque; the
    picture then stands on `shown_on`, 'white' or 'black', or '' where its colours are shown as if it were. `bits` and
    `bands` are those of the file's samples, alpha included; `frames` counts frames or pages, 0 where that cannot be
    told. `values` are 16 hex digits of the different values and their numbers where these are 64 at most and
    exact, else ''.
    `exact`: `small` was made from the very samples in the file's own order, so equal files have equal ones, whatever
    their format.
    """

    small: Image.Image
    other: Image.Image | None
    extent: tuple[float, float, float, float]
    later: tuple[Image.Image, ...] | None
    width: int
    height: int
    sha256: str
    bytes: int
    mtime_ns: int
    format: str
    orientation: int
    captured_at: str
    camera: bool
    described: int
    extras: bool
    alpha: bool
    shown_on: str
    bits: int
    bands: int
    frames: int
    values: str
    jpeg_quality: float
    lossless: bool
    exact: bool


def read(path: Path, *, max_pixels: int = MAX_PIXELS) -> Decoded:
    """Decode one file.

    Raises `UnreadableImage`; its `transient` says whether another try may succeed (being written, no permission).
    """
    for _ in range(READ_ATTEMPTS):
        with reasons():
            before = path.stat()
            decoded = _read_once(path, before, max_pixels)
            after = path.stat()
        if (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns):
            return decoded
        time.sleep(READ_PAUSE_SECONDS)
    raise UnreadableImage("still being written; scan again when it is complete", transient=True)


def open_picture(
    path: Path, *, max_pixels: int = MAX_PIXELS, reduce_to: int | None = None, longer: bool = False
) -> Image.Image:
    """Just the upright RGB picture, for showing. With `reduce_to`, decoding may already shrink towards that side, the
    shorter one or the `longer`.

    Raises `UnreadableImage`.
    """
    with _opened(path, max_pixels, reduce_to, longer) as (seen, shown, turn, _):
        return upright(shown.whole(seen), turn)


def open_renditions(
    path: Path, *, max_pixels: int = MAX_PIXELS, reduce_to: int | None = None
) -> tuple[Image.Image, Image.Image | None]:
    """As `open_picture`, and the same on the other tone where the picture is transparent. Raises `UnreadableImage`."""
    with _opened(path, max_pixels, reduce_to) as (seen, shown, turn, _):
        other = shown.other
        return upright(shown.whole(seen), turn), upright(other.whole(seen), turn) if other else None


def open_with_quality(
    path: Path, *, max_pixels: int = MAX_PIXELS, reduce_to: int | None = None
) -> tuple[Image.Image, float]:
    """As `open_picture`, and the file's own JPEG quality, NaN for other files. Raises `UnreadableImage`."""
    with _opened(path, max_pixels, reduce_to) as (seen, shown, turn, quality):
        return upright(shown.whole(seen), turn), quality


def open_further(path: Path, most: int, *, max_pixels: int = MAX_PIXELS) -> Iterator[Image.Image]:
    """The frames or pages of a file after the first, RGB; of more than `most` so many, evenly spread. They may be of
    any size. Raises `UnreadableImage`."""
    with reasons(), open_regular(path) as stream:
        image = open_image(stream, max_pixels)
        pages = pages_of(image)
        for place in np.unique(np.linspace(1, len(pages) - 1, min(most, len(pages) - 1)).round().astype(int)).tolist():
            to_page(image, pages[place])
            header = Header.of(image, stream.name)
            image.load()
            seen = _at_depth(image, header) if image.format == "TIFF" else image
            yield upright(_shown(seen, header).whole(seen), metadata.orientation(image))


@contextmanager
def _opened(
    path: Path, max_pixels: int, reduce_to: int | None, longer: bool = False
) -> Iterator[tuple[Image.Image, _Shown, int, float]]:
    """A picture that is loaded, how it is shown, its EXIF orientation, and its own JPEG quality."""
    with reasons(), open_regular(path) as stream:
        image = open_image(stream, max_pixels)
        if reduce_to is not None:
            part = reduce_to / max(1, *image.size)
            least = [math.ceil(side * part) if longer else reduce_to for side in image.size]
            _draft(image, (least[0], least[1]))
        header, quality = Header.of(image, stream.name), jpeg.quality(getattr(image, "quantization", None))
        image.load()
        seen = _at_depth(image, header)
        yield seen, _shown(seen, header), metadata.orientation(image), quality


def _draft(image: Image.Image, least: tuple[int, int]) -> None:
    """Let an image be decoded at a fraction of its size, no smaller than `least`, where its format can."""
    if image.format not in ("JPEG", "MPO") or jpeg.has_fractions(image.fp):  # type: ignore[attr-defined]
        image.draft("RGB", least)


def camera_facts(path: Path) -> list[tuple[str, str]]:
    """What the camera wrote into a file, see `metadata.camera_facts`; nothing for a file that cannot be opened now."""
    try:
        with reasons(), open_regular(path) as stream, open_image(stream, MAX_PIXELS) as image:
            return metadata.camera_facts(image)
    except UnreadableImage:
        return []


def reduction(width: int, height: int) -> int:
    """The whole number by which a picture is reduced so that its longer side is at most 256 pixels."""
    return math.ceil(max(width, height) / SMALL_SIDE)


def small_copy(picture: Image.Image) -> Image.Image:
    """`picture` box-reduced by `reduction` (unchanged when it is small already)."""
    factor = reduction(*picture.size)
    return picture.reduce((min(factor, picture.width), min(factor, picture.height))) if factor > 1 else picture


def _shrunk(picture: Image.Image, size: tuple[int, int], by: int) -> tuple[Image.Image, tuple[float, float]]:
    """The small copy of an image of `size` of which `picture` is a copy reduced by a whole number, and how much of it,
    across and down, the image fills: a last row or column may stand for less than the others."""
    factor = reduction(*size)
    if factor % by == 0:
        rest = factor // by
        small = picture.reduce((min(rest, picture.width), min(rest, picture.height))) if rest > 1 else picture
        return small, (size[0] / factor, size[1] / factor)
    target = -(-size[0] // factor), -(-size[1] // factor)
    box = 0, 0, min(size[0] / by, picture.width), min(size[1] / by, picture.height)
    return picture.resize(target, Image.Resampling.BOX, box=box), target


def _turned_extent(filled: tuple[float, float], small: tuple[int, int], turn: int) -> tuple[float, float, float, float]:
    """The box of `Decoded.extent` once an EXIF orientation was applied, from what was filled before."""
    width, height = small
    across, down = width - filled[0], height - filled[1]  # what is not filled, at the right and below
    if turn >= 5:
        width, height, across, down = height, width, down, across
    left, top = across if turn in (2, 3, 6, 7) else 0.0, down if turn in (3, 4, 7, 8) else 0.0
    return left, top, width - across + left, height - down + top


def _read_once(path: Path, stat: os.stat_result, max_pixels: int) -> Decoded:
    if not S_ISREG(stat.st_mode):
        raise UnreadableImage("no file, but a pipe, a socket or a device")
    if stat.st_size == 0:
        raise UnreadableImage("empty file")
    with open_regular(path) as stream:
        head = stream.read(HEAD_BYTES)
        stream.seek(0)
        if sniff(head) != "JPEG":
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
            stream.seek(0)
            return _described(open_image(stream, max_pixels), path, None, sha256, stat)
        data = stream.read()
        image = open_image(_Named(data, stream.name), max_pixels)
        return _described(image, path, data, hashlib.sha256(data).hexdigest(), stat)


class _Named(io.BytesIO):
    """Bytes of a file in memory, with its name."""

    def __init__(self, data: bytes, name: str) -> None:
        super().__init__(data)
        self.name = name


def _described(image: Image.Image, path: Path, data: bytes | None, sha256: str, stat: os.stat_result) -> Decoded:
    header = Header.of(image, os.fspath(path))
    told = metadata.read(image)
    lossless = _is_lossless(image, os.fspath(path))
    orientation = metadata.orientation(image)
    if data is None:
        image.load()
        size, turn = image.size, metadata.orientation(image)  # asked again: loading a TIFF already turns it
        seen = _at_depth(image, header)
        shown = _shown(seen, header)
        small, exact = _small(seen, shown), orientation == 1
        other = _small(seen, shown.other) if shown.other else None
        filled = size[0] / reduction(*size), size[1] / reduction(*size)
        values = _values(image, header) if lossless else ""
    else:
        size, turn = image.size, orientation
        decoded, reduced = jpeg.decode(data, image, reduction(*size))
        small, filled = _shrunk(decoded.convert("RGB"), size, reduced)
        exact = orientation == reduced == 1
        shown, values, other = _Shown(_to_rgb), "", None
    pages = _pages(image)
    width, height = size[::-1] if turn >= 5 else size
    return Decoded(
        small=upright(small, turn),
        other=upright(other, turn) if other else None,
        extent=_turned_extent(filled, small.size, turn),
        later=() if len(pages) == 1 else _later(image, header, pages) if pages else None,
        width=width,
        height=height,
        sha256=sha256,
        bytes=stat.st_size,
        mtime_ns=stat.st_mtime_ns,
        format=image.format or "",
        orientation=orientation,
        captured_at=told.captured_at,
        camera=told.camera,
        described=told.described,
        extras=told.extras,
        alpha=shown.alpha,
        shown_on=shown.on,
        bits=header.bits,
        bands=header.bands,
        frames=len(pages),
        values=values,
        jpeg_quality=jpeg.quality(getattr(image, "quantization", None)),
        lossless=lossless,
        exact=exact,
    )


# --- opening ----------------------------------------------------------------------------------------------------------

_READY = {"JPEG", "PNG", "GIF", "BMP", "PPM"}
"""Formats whose plugins Pillow loads by itself."""
_BOXES = ("HEIF", "AVIF")


def open_image(stream: BinaryIO, max_pixels: int) -> Image.Image:
    """Open, but do not load, an image. Raises `UnreadableImage`, and whatever `reasons` translates."""
    announced = sniff(stream.read(HEAD_BYTES))
    stream.seek(0)
    suffix = Path(os.fsdecode(stream.name)).suffix.lower()
    if suffix in UNSUPPORTED_SUFFIXES and announced == "TIFF":
        raise UnreadableImage(f"{suffix[1:].upper()} files are not supported")  # raw files hold a preview as a TIFF
    try:
        image = Image.open(stream, formats=_plugins(announced))
    except UnidentifiedImageError as error:
        raise UnreadableImage(_unidentified(announced, suffix, stream)) from error
    if image.format == "TIFF" and len(image.getbands()) == 1 < (bands := _bands(image)) and _has_planes(image):
        raise UnreadableImage(f"not supported: {bands} bands")  # of which Pillow would show the first
    if image.width * image.height > max_pixels:
        raise UnreadableImage(TOO_MANY.format(image.width * image.height))
    _scale_transparency(image)
    _in_own_order(image)
    return image


_OWN_ORDER = {"I;16BS": "I;16S", "I;32BS": "I;32S", "F;32BF": "F;32F"}
"""What Pillow takes libtiff to give of big-endian samples, and what it gives: it has put their bytes in order."""


def to_page(image: Image.Image, place: int) -> None:
    """Go to a frame or page, to be loaded next."""
    image.seek(place)
    _in_own_order(image)


def _in_own_order(image: Image.Image) -> None:
    """Let the page of a compressed TIFF that is to be loaded next not be turned around a second time."""
    if image.format == "TIFF":
        image.tile = [  # type: ignore[attr-defined]
            part._replace(args=(_OWN_ORDER.get(part.args[0], part.args[0]), *part.args[1:]))
            if part.codec_name == "libtiff"
            else part
            for part in image.tile  # type: ignore[attr-defined]
        ]


_SPREAD = {"L;2": 85, "L;4": 17}
"""What Pillow multiplies the samples of gray PNG files of so many bits by."""


def _scale_transparency(image: Image.Image) -> None:
    """Let the gray or colour that stands for nothing be scaled as its samples are: Pillow leaves it as the file has
    it. Of 16 bits of colour it keeps the highest 8, and so must that."""
    through = image.info.get("transparency")
    if image.format != "PNG" or not image.tile:  # type: ignore[attr-defined]
        return
    stored = str(image.tile[0].args)  # type: ignore[attr-defined]
    if image.mode == "L" and isinstance(through, int):
        image.info["transparency"] = through * _SPREAD.get(stored, 1)
    elif stored == "RGB;16B" and isinstance(through, tuple):
        image.info["transparency"] = tuple(each >> 8 for each in through)


TOO_MANY = "too many pixels: {:,}, more than the limit"


def pixels_refused(reason: str) -> int:
    """The pixels of a picture that failed for having too many, 0 of one that failed for another reason."""
    found = re.fullmatch(re.escape(TOO_MANY).replace(r"\{:,\}", "([0-9,]+)"), reason)
    return int(found[1].replace(",", "")) if found else 0


def _plugins(announced: str | None) -> tuple[str, ...]:
    """The formats to try, with their plugins loaded."""
    if announced in _BOXES:
        _load_heif()
    if announced not in _READY:
        Image.init()
    if announced is None:
        return tuple(each.name for each in FORMATS if each.name not in ("MPO", *_BOXES))
    return _BOXES if announced in _BOXES else (announced,)


@cache
def _load_heif() -> None:
    import pillow_heif  # a tenth of a second that most folders do not need

    pillow_heif.register_heif_opener()


def _unidentified(announced: str | None, suffix: str, stream: BinaryIO) -> str:
    if announced == "JPEG" and (kind := _other_jpeg(stream)):
        return f"not supported: {kind}"
    if announced == "TIFF" and (header := deep.tiff_header(stream.name)) is not None:
        if header.bands not in (1, 3, 4):
            return f"not supported: {header.bands} bands"
        if header.packed:
            return f"not supported: samples of {header.packed} bits"
        if header.dtype in ("uint8", "uint16"):
            return "not supported: this kind of TIFF"
        return f"not supported: samples of {header.dtype or 'its kind'}"
    if announced == "PPM" and head_of(Path(stream.name), 2) == b"P7":
        return "PAM files are not supported"
    if announced:
        return f"damaged: its {announced} header cannot be read"
    if suffix in UNSUPPORTED_SUFFIXES:
        return f"{suffix[1:].upper()} files are not supported"
    return "not an image we can read"


def _other_jpeg(stream: BinaryIO) -> str:
    """What kind of JPEG it is that we do not read, '' where it is none."""
    marker, bits = jpeg.frame(stream)
    if marker == jpeg.JPEG_LS:
        return "JPEG-LS"
    return f"JPEG of {bits} bits" if bits > 8 else ""


def upright(picture: Image.Image, orientation: int) -> Image.Image:
    """A stored picture as EXIF says it is to be seen."""
    return picture if orientation == 1 else picture.transpose(TRANSPOSES[orientation])


TRANSPOSES = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes a stored picture of an EXIF orientation upright."""


# --- how samples are shown --------------------------------------------------------------------------------------------

Render = Callable[[Image.Image], Image.Image]


@dataclass(frozen=True, slots=True)
class _Shown:
    """How an image's samples become RGB: `render` does it for any part of the image. `alpha`: some pixel is not
    opaque, and is shown on the tone `on`, or where that is '' as if it were opaque; `otherwise` shows it on the other
    tone."""

    render: Render
    alpha: bool = False
    on: str = ""
    otherwise: Render | None = None

    @property
    def other(self) -> _Shown | None:
        """The same on the other tone, where it stands on one."""
        return self.otherwise and _Shown(self.otherwise)

    def whole(self, image: Image.Image) -> Image.Image:
        """All of a loaded image, made a strip at a time where it is large."""
        rows = _strip_rows(image, 1)
        if image.height <= rows or image.mode == "RGB":
            return self.render(image)
        canvas = Image.new("RGB", image.size)
        for top, strip in deep.strips(image, rows):
            canvas.paste(self.render(strip), (0, top))
        return canvas


def _shown(image: Image.Image, header: Header) -> _Shown:
    """How a loaded image is shown; what that depends on is asked of the whole image, once."""
    if image.mode == "RGB" and "transparency" not in image.info:
        return _Shown(_unchanged)
    if image.mode.startswith(("I", "F")):
        return _shown_deep(image, header)
    if image.has_transparency_data:
        return _shown_transparent(image)
    if image.mode == "LAB":
        return _Shown(_lab_to_rgb)
    return _Shown(_to_rgb)


def _unchanged(image: Image.Image) -> Image.Image:
    return image


def _to_rgb(image: Image.Image) -> Image.Image:
    return image.convert("RGB")


def _lab_to_rgb(image: Image.Image) -> Image.Image:
    lab, rgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.applyTransform(image, ImageCms.buildTransform(lab, rgb, "LAB", "RGB"))
    assert converted is not None  # only in-place transforms return nothing
    return converted


def _shown_transparent(image: Image.Image) -> _Shown:
    lowest, highest = 255, 0
    for _, strip in deep.strips(image, _strip_rows(image, 1)):
        low, high = np.asarray(strip.convert("RGBA").getchannel("A").getextrema()).tolist()
        lowest, highest = min(lowest, low), max(highest, high)
    if lowest == 255:
        return _Shown(_to_rgb)
    if highest < FAINT:
        return _Shown(lambda part: part.convert("RGBA").convert("RGB"), alpha=True)
    on, other = ("black", "white") if _visible_light(image) >= BRIGHT else ("white", "black")
    return _Shown(partial(_composite, on), alpha=True, on=on, otherwise=partial(_composite, other))


def _composite(on: str, part: Image.Image) -> Image.Image:
    rgba = part.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", rgba.size, (*PAPER[on], 255)), rgba).convert("RGB")


def _visible_light(image: Image.Image) -> float:
    """Mean luma, 0..255, of what is seen of a transparent picture, on a grid."""
    side = SMALL_SIDE
    grid = image.resize((min(image.width, side), min(image.height, side)), Image.Resampling.NEAREST).convert("RGBA")
    alpha = np.asarray(grid.getchannel("A"), np.float64)
    luma = np.asarray(grid.convert("RGB").convert("L"), np.float64)
    return float((alpha * luma).sum() / max(alpha.sum(), 1.0))


def _shown_deep(image: Image.Image, header: Header) -> _Shown:
    """Gray samples of more than 8 bits."""
    step = max(1, math.isqrt(image.width * image.height // deep.LOOKED_AT))
    down, across = min(step, image.height), min(step, image.width)
    grid = [
        header.numbers(strip)[_first(top, down) :: down, across // 2 :: across].ravel()
        for top, strip in deep.strips(image, _strip_rows(image, 1))
    ]
    numbers = np.concatenate(grid)
    seen = deep.scale_of(numbers, header.no_data)
    white = 255 if header.white_is_0 else 0
    through = bool(np.any(numbers == image.info["transparency"])) if "transparency" in image.info else False

    def shown(part: Image.Image) -> Image.Image:
        return Image.fromarray(seen.to_8_bit(header.numbers(part)) ^ np.uint8(white)).convert("RGB")

    return _Shown(shown, alpha=through)


def _first(top: int, step: int) -> int:
    """The first row of a strip that begins at `top` which lies on a grid of every `step`-th row."""
    return -(top - step // 2) % step


def _at_depth(image: Image.Image, header: Header) -> Image.Image:
    """A loaded image; colours of 16 bits of which Pillow's highest 8 hold little or nothing in their own range, and
    gray that was multiplied by its alpha divided by it, as Pillow does with colours."""
    if image.mode == "La":
        return image.convert("LA")
    if header.bits <= 8 or image.format not in ("PNG", "TIFF") or image.mode not in ("RGB", "RGBA"):
        return image
    if not header.planes and np.asarray(image.getextrema())[:3].max() >= SMALL_RANGE:
        return image
    try:
        samples = deep.read_png(header.path) if image.format == "PNG" else deep.read_tiff(header.path, image.tell())
    except deep.OutOfReach as error:
        raise UnreadableImage(f"not supported: {header.bits} bits of colour, {_short(error)}") from error
    colours = samples[..., :3] if samples.shape[2] >= 3 else samples[..., :1].repeat(3, axis=2)
    dark = colours.max() < SMALL_RANGE << 8
    seen = deep.range_of(deep.thinned(colours)) if dark else deep.Range(0.0, 65535.0)
    picture = Image.fromarray(seen.to_8_bit(colours))
    if image.mode == "RGBA":
        picture.putalpha(Image.fromarray((samples[..., -1].astype(np.uint16) >> 8).astype(np.uint8)))
    picture = upright(picture, header.turned)
    return picture if picture.size == image.size else image


def _small(image: Image.Image, shown: _Shown) -> Image.Image:
    """A loaded image as RGB and reduced, a strip at a time where it is large: the whole is never copied."""
    factor = reduction(*image.size)
    rows = _strip_rows(image, factor)
    if image.height <= rows or image.mode == "RGB":
        small = small_copy(shown.render(image))
        return small.copy() if small is image else small  # the image itself may go on to its next frame
    small = Image.new("RGB", (-(-image.width // factor), -(-image.height // factor)))
    for top, strip in deep.strips(image, rows):
        part = shown.render(strip)
        small.paste(part.reduce((factor, min(factor, part.height))), (0, top // factor))
    return small


def _strip_rows(image: Image.Image, multiple: int) -> int:
    """Rows of a strip of some `STRIP_PIXELS` pixels, a whole multiple."""
    return max(1, STRIP_PIXELS // image.width // multiple) * multiple


# --- facts ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Header:
    """What an image's header says before it is loaded: bits of a sample and bands, alpha included.

    Of a TIFF alone: `no_data` is the number that it names for nothing, `unsigned` says that its 32 bits have no sign
    and `signed` that its 8 have one, `white_is_0` that its deep gray begins with white, `alpha` that its last band is
    that and nothing else, `premultiplied` that its colours were multiplied by their alpha; bands lie in `planes`;
    Pillow turns it upright by `turned`.
    """

    path: str
    bits: int
    bands: int
    no_data: float | None = None
    unsigned: bool = False
    white_is_0: bool = False
    planes: bool = False
    signed: bool = False
    alpha: bool = False
    premultiplied: bool = False
    turned: int = 1

    @classmethod
    def of(cls, image: Image.Image, path: str) -> Header:
        """The header of an opened image."""
        bands = len(image.getbands())
        if image.format == "PNG":
            return cls(path, *_png_bits_and_bands(path))
        if image.format == "TIFF":
            return cls._of_tiff(image, path)
        if image.format == "HEIF":
            return cls(path, int(image.info.get("bit_depth", 8)), bands)
        if image.format in _BITS_BEHIND:
            return cls(path, _bits_behind(path, image.format), bands)
        if image.format == "PPM" and _ppm_maximum(image) > 255:
            return cls(path, 16, bands)
        return cls(path, 16 if image.mode[0] == "I" else BITS.get(image.mode, 8), bands)

    @classmethod
    def _of_tiff(cls, image: Image.Image, path: str) -> Header:
        tags = image.tag_v2  # type: ignore[attr-defined]
        deep_gray = len(image.getbands()) == 1 and image.mode[0] in "IF"
        found = deep.tiff_header(path, image.tell()) if deep_gray else None
        return cls(
            path,
            max(tags.get(BITS_PER_SAMPLE, (1,))),
            _bands(image),
            no_data=None if found is None else found.no_data,
            unsigned=found is not None and found.dtype == "uint32",
            white_is_0=deep_gray and tags.get(PHOTOMETRIC) == 0,
            planes=_has_planes(image),
            signed=bool(image.mode == "L" and max(tags.get(SAMPLE_FORMAT, (1,))) == 2),
            alpha=tags.get(EXTRA_SAMPLES) == (2,),
            premultiplied=tags.get(EXTRA_SAMPLES, ())[:1] == (1,),
            turned=metadata.orientation(image),
        )

    def numbers(self, part: Image.Image) -> NDArray[np.generic]:
        """The samples of a part of the image."""
        samples = np.asarray(part)
        return samples.view(np.uint32) if self.unsigned else samples


BITS_PER_SAMPLE, PHOTOMETRIC, SAMPLES_PER_PIXEL, PLANAR_CONFIGURATION = 258, 262, 277, 284
EXTRA_SAMPLES, SAMPLE_FORMAT = 338, 339
"""Tags of TIFF."""
BITS = {"1": 1, "F": 32}
"""Bits of a sample in Pillow's modes that have not 8; only PPM and JPEG 2000 bring I, with up to 16."""
_PNG_BANDS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def _ppm_maximum(image: Image.Image) -> int:
    """The highest number in the header, where Pillow scales by it."""
    args = image.tile[0].args  # type: ignore[attr-defined]
    return int(args[1]) if isinstance(args, tuple) else 255


def _bands(image: Image.Image) -> int:
    return int(image.tag_v2.get(SAMPLES_PER_PIXEL, 1))  # type: ignore[attr-defined]


def _has_planes(image: Image.Image) -> bool:
    return bool(image.tag_v2.get(PLANAR_CONFIGURATION) == 2)  # type: ignore[attr-defined]


def _png_bits_and_bands(path: str) -> tuple[int, int]:
    """The bit depth in the header, the 25th byte of the file, and what the next says (PNG specification, 11.2.2)."""
    with open_regular(Path(path)) as stream:
        depth, colour = stream.read(26)[24:]
    return depth, _PNG_BANDS[colour]


_BITS_BEHIND: dict[str, tuple[bytes, int, Callable[[int], int]]] = {
    "JPEG2000": (b"\xff\x4f\xff\x51", 42, lambda byte: (byte & 0x7F) + 1),  # SIZ, Ssiz (ISO 15444-1, A.5.1)
    "AVIF": (b"av1C", 6, lambda byte: (8, 8, 10, 12)[byte >> 5 & 3]),  # high_bitdepth, twelve_bit (AV1 in ISO-BMFF)
}
"""Where the bits of a sample stand that Pillow does not tell: so many bytes from the beginning of a mark."""


def _bits_behind(path: str, name: str) -> int:
    mark, ahead, told = _BITS_BEHIND[name]
    with open_regular(Path(path)) as stream:
        head = stream.read(1 << 16)
    at = head.find(mark)
    return told(head[at + ahead]) if 0 <= at < len(head) - ahead else 8


REDUCED = 254, 1
"""TIFF's NewSubfileType, and its bit for a page that is a smaller copy of another: a thumbnail, a step of a pyramid."""


def pages_of(image: Image.Image) -> list[int]:
    """Where `seek` finds the frames or pages of an image: all but smaller copies of others."""
    count = int(getattr(image, "n_frames", 1))
    if image.format != "TIFF" or count == 1:
        return list(range(count))
    tag, bit = REDUCED
    found = [0]
    for place in range(1, count):
        image.seek(place)
        if not int(image.tag_v2.get(tag) or 0) & bit:  # type: ignore[attr-defined]
            found.append(place)
    return found


def _pages(image: Image.Image) -> list[int]:
    """The same, none where that cannot be told."""
    try:
        return pages_of(image)
    except (OSError, Image.DecompressionBombError, *_DAMAGED):
        return []


def _later(image: Image.Image, header: Header, pages: Sequence[int]) -> tuple[Image.Image, ...] | None:
    """Small copies of some frames after the first; None where they cannot be read."""
    reach = min(len(pages), max(2, LATER_PIXELS // (image.width * image.height)))
    places = sorted({max(1, (reach - 1) * part // LATER_FRAMES) for part in range(1, LATER_FRAMES + 1)})
    found = []
    try:
        for place in places:
            to_page(image, pages[place])
            _draft(image, (SMALL_SIDE, SMALL_SIDE))
            page = Header.of(image, header.path) if image.format == "TIFF" else header
            image.load()
            seen = _at_depth(image, page) if image.format == "TIFF" else image
            found.append(_small(seen, _shown(seen, page)))
    except (OSError, Image.DecompressionBombError, *_DAMAGED):
        return None
    return tuple(found)


def _values(image: Image.Image, header: Header) -> str:
    """See `Decoded.values`: of a loaded image."""
    if header.bits > 8 and header.bands > 1:
        return ""  # Pillow keeps the highest 8
    if image.mode.startswith(("I", "F")):
        return _numbers(image)
    if image.mode == "P" and image.getcolors(LABELS):
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    colours = image.getcolors(LABELS)
    return _digest([f"{_plain(colour, image.mode)} {count}" for count, colour in colours]) if colours else ""


def _plain(colour: Any, mode: str) -> Any:
    """A colour without opaque alpha, and as one number where it is gray: the same however it is stored."""
    if mode in ("LA", "RGBA") and colour[-1] == 255:
        colour = colour[:-1]
    elif mode == "LA":
        colour = (colour[0],) * 3 + colour[1:]
    gray = mode in ("LA", "RGB", "RGBA") and len(colour) in (1, 3) and len(set(colour)) == 1
    return colour[0] if gray else colour


def _numbers(image: Image.Image) -> str:
    """The same for deep samples, given up with the first strip that holds too many."""
    found: Counter[float] = Counter()
    for _, strip in deep.strips(image, max(1, (1 << 16) // image.width)):
        values, counts = np.unique(np.asarray(strip), return_counts=True)
        found.update(dict(zip(values.tolist(), counts.tolist(), strict=True)))
        if len(found) > LABELS:
            return ""
    return _digest([f"{value!r} {count}" for value, count in found.items()])


def _digest(values: list[str]) -> str:
    return hashlib.blake2b("|".join(sorted(values)).encode(), digest_size=8).hexdigest()


def _is_lossless(image: Image.Image, path: str) -> bool:
    if image.format == "TIFF":
        return image.info.get("compression") not in LOSSY_TIFF_COMPRESSION
    if image.format == "JPEG":
        return not jpeg.has_fractions(image.fp)  # type: ignore[attr-defined]  # open, for it is not loaded
    return image.format in LOSSLESS or (image.format == "WEBP" and _is_lossless_webp(path))


def _is_lossless_webp(path: str) -> bool:
    """Whether the first picture is a lossless bitstream (RFC 9649, 2.6); what stands ahead of it is of the whole
    file. JPEG 2000 that is cut off says that it is lossless as well, and nothing in it tells."""
    with open_regular(Path(path)) as stream:
        head = stream.read(1 << 16)
    lossless, lossy = head.find(b"VP8L", 12), head.find(b"VP8 ", 12)
    return lossless >= 0 and not 0 <= lossy < lossless


# --- errors -----------------------------------------------------------------------------------------------------------

_DAMAGED = (SyntaxError, ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, ZeroDivisionError,
            AssertionError, EOFError, RuntimeError, NotImplementedError, struct.error, zlib.error,
            ImageCms.PyCMSError)  # fmt: skip
"""What decoders raise on damaged files."""


@contextmanager
def reasons() -> Iterator[None]:
    """Translate whatever decoding may raise into one reason for people: `UnreadableImage`."""
    try:
        yield
    except UnreadableImage:
        raise
    except FileNotFoundError as error:
        raise UnreadableImage("there is no such file", transient=True) from error
    except PermissionError as error:
        raise UnreadableImage("permission denied", transient=True) from error
    except Image.DecompressionBombError as error:
        count = re.search(r"\d+", str(error))
        raise UnreadableImage(TOO_MANY.format(int(count[0]) if count else 0)) from error
    except MemoryError as error:
        raise UnreadableImage("needs more memory than there is") from error
    except OSError as error:
        raise UnreadableImage(_os_reason(error), transient=error.errno in _TRANSIENT_ERRORS) from error
    except _DAMAGED as error:
        raise UnreadableImage(f"damaged: {_short(error)}") from error


_TRANSIENT_ERRORS = {errno.EIO, errno.EACCES, errno.EMFILE, errno.ENFILE, errno.EINTR, errno.ESTALE}


def _os_reason(error: OSError) -> str:
    if error.errno is not None:
        return f"cannot be read: {error.strerror}"
    text = _short(error)
    return f"truncated: {text}" if "truncated" in text.lower() else f"damaged: {text}"


def _short(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:120]
