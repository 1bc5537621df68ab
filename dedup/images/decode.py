"""Bytes of a file to an upright 8-bit RGB picture and the facts about it; the only place that knows Pillow's errors.

One door: `read(path)` returns a `Decoded` or raises `UnreadableImage` with a reason a person understands. Colour
profiles are not applied: copies of a picture carry the same profile or lost it; the numbers are compared as they are.
"""

from __future__ import annotations

import errno
import hashlib
import math
import os
import re
import struct
import time
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pillow_heif
import xxhash
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError

from dedup.errors import UnreadableImage

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "DIB", "HEIF", "AVIF", "PPM", "JPEG2000", "ICO")
"""Recognised by content; JPEG stands for MPO too. Formats that Pillow hands to other programs (EPS) are left out."""

UNSUPPORTED_SUFFIXES = frozenset({
    ".3fr", ".arw", ".blp", ".cr2", ".cr3", ".cur", ".dcm", ".dds", ".dng", ".emf", ".eps", ".exr", ".fits", ".flc",
    ".fli", ".hdr", ".jxl", ".nef", ".orf", ".pcx", ".psd", ".qoi", ".raf", ".raw", ".rw2", ".sgi", ".svg", ".tga",
    ".wmf", ".xcf",
})  # fmt: skip
"""Names of image formats that are not read: such files are listed as failures, never passed over in silence."""

MAX_PIXELS = 200_000_000
"""Default limit: a larger picture becomes a failure row instead of filling the memory."""

MID_GRAY = (128, 128, 128)
SMALL_SIDE = 256
READ_ATTEMPTS = 3
READ_PAUSE_SECONDS = 0.2

LOSSLESS_FORMATS = {"PNG", "GIF", "BMP", "DIB", "PPM", "ICO"}
LOSSY_TIFF_COMPRESSION = {"jpeg", "tiff_jpeg", "webp"}

STANDARD_LUMINANCE = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)
"""Quantisation of luminance at quality 50 (ITU-T T.81, table K.1), which libjpeg scales to other qualities."""

Image.init()  # a restricted list of formats needs its plugins loaded beforehand
pillow_heif.register_heif_opener()
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


SIGNATURES = (
    ("JPEG", b"\xff\xd8\xff"), ("PNG", b"\x89PNG"), ("GIF", b"GIF8"), ("BMP", b"BM"), ("TIFF", b"II*\0"),
    ("TIFF", b"MM\0*"), ("TIFF", b"II+\0"), ("TIFF", b"MM\0+"), ("JPEG2000", b"\xff\x4f\xff\x51"),
    ("JPEG2000", b"\0\0\0\x0cjP  "), ("ICO", b"\0\0\1\0"),
    *(("PPM", b"P%d" % digit) for digit in range(1, 8)),
)  # fmt: skip
HEIF_BRANDS = {b"heic": "HEIF", b"heix": "HEIF", b"heim": "HEIF", b"heis": "HEIF", b"hevc": "HEIF", b"hevx": "HEIF",
               b"mif1": "HEIF", b"msf1": "HEIF", b"avif": "AVIF", b"avis": "AVIF"}  # fmt: skip
HEAD_BYTES = 16


def sniff(head: bytes) -> str | None:
    """The format that a file's first 16 bytes announce, or None. A promise, not a proof."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp":
        return HEIF_BRANDS.get(head[8:12])
    found = next((name for name, start in SIGNATURES if head.startswith(start)), None)
    if found == "PPM" and not head[2:3].isspace():
        return None
    return found


@dataclass(frozen=True, slots=True)
class Decoded:
    """A readable image file.

    `picture` is RGB, 8 bits a channel, EXIF-upright, alpha composited on mid-gray. `sha256` is the hex digest of the
    file's bytes, `pixels` 32 hex digits over the size and pixels of `picture` (equal for exact copies in whatever
    format). `orientation` is the EXIF value 1..8; `captured_at` ISO 8601 or ''; `jpeg_quality` 1..100 or NaN.
    """

    picture: Image.Image
    sha256: str
    pixels: str
    bytes: int
    mtime_ns: int
    format: str
    orientation: int
    captured_at: str
    camera: bool
    alpha: bool
    jpeg_quality: float
    lossless: bool


def read(path: Path, *, max_pixels: int = MAX_PIXELS) -> Decoded:
    """Decode one file.

    Raises `UnreadableImage`; its `transient` says whether another try may succeed (being written, no permission).
    """
    for _ in range(READ_ATTEMPTS):
        with _reasons():
            before = path.stat()
            decoded = _read_once(path, before, max_pixels)
            after = path.stat()
        if (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns):
            return decoded
        time.sleep(READ_PAUSE_SECONDS)
    raise UnreadableImage("still being written; scan again when it is complete", transient=True)


def open_picture(path: Path, *, max_pixels: int = MAX_PIXELS, reduce_to: int | None = None) -> Image.Image:
    """Just the upright RGB picture, for showing. With `reduce_to`, decoding may already shrink towards that side."""
    with _reasons(), path.open("rb") as stream:
        image = _open(stream, max_pixels)
        if reduce_to is not None:
            image.draft("RGB", (reduce_to, reduce_to))
        return _upright(_to_rgb(image)[0], _orientation(image))


def small_copy(picture: Image.Image) -> Image.Image:
    """`picture` box-reduced by a whole factor so that its longer side is at most 256 (unchanged when it is already)."""
    factor = math.ceil(max(picture.size) / SMALL_SIDE)
    if factor == 1:
        return picture
    return picture.reduce((min(factor, picture.width), min(factor, picture.height)))


def _read_once(path: Path, stat: os.stat_result, max_pixels: int) -> Decoded:
    if stat.st_size == 0:
        raise UnreadableImage("empty file")
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        stream.seek(0)
        image = _open(stream, max_pixels)
        exif = image.getexif()
        orientation = _orientation(image)
        rgb, alpha = _to_rgb(image)
        picture = _upright(rgb, _orientation(image))  # asked again: loading a TIFF already turns it
        return Decoded(
            picture=picture,
            sha256=sha256,
            pixels=_pixels_hash(picture),
            bytes=stat.st_size,
            mtime_ns=stat.st_mtime_ns,
            format=image.format or "",
            orientation=orientation,
            captured_at=_captured_at(exif),
            camera=bool(exif.get(ExifTags.Base.Make) or exif.get(ExifTags.Base.Model)),
            alpha=alpha,
            jpeg_quality=_jpeg_quality(image),
            lossless=_is_lossless(image),
        )


def _open(stream: BinaryIO, max_pixels: int) -> Image.Image:
    # Pillow refuses above twice this number, in every frame and tile that a header may hide.
    Image.MAX_IMAGE_PIXELS = max(1, max_pixels // 2)
    announced = sniff(stream.read(HEAD_BYTES))
    stream.seek(0)
    try:
        image = Image.open(stream, formats=FORMATS)
    except UnidentifiedImageError as error:
        raise UnreadableImage(_unidentified(announced, Path(str(stream.name)).suffix.lower())) from error
    if image.width * image.height > max_pixels:
        raise UnreadableImage(f"too many pixels: {image.width * image.height:,}, more than the limit")
    return image


def _unidentified(announced: str | None, suffix: str) -> str:
    if announced:
        return f"damaged: its {announced} header cannot be read"
    if suffix in UNSUPPORTED_SUFFIXES:
        return f"{suffix[1:].upper()} files are not supported"
    return "not an image we can read"


def _orientation(image: Image.Image) -> int:
    value = image.getexif().get(ExifTags.Base.Orientation, 1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _upright(picture: Image.Image, orientation: int) -> Image.Image:
    return picture if orientation == 1 else picture.transpose(_TRANSPOSES[orientation])


_TRANSPOSES = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _to_rgb(image: Image.Image) -> tuple[Image.Image, bool]:
    """The decoded pixels as RGB, and whether any pixel was not opaque."""
    if image.mode == "RGB" and "transparency" not in image.info:
        image.load()
        return image, False
    if image.has_transparency_data:
        return _composite(image.convert("RGBA"))
    if image.mode.startswith(("I", "F")):
        return Image.fromarray(_to_8_bit(np.asarray(image))).convert("RGB"), False
    if image.mode == "LAB":
        lab_to_rgb = ImageCms.buildTransform(
            ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB"
        )
        converted = ImageCms.applyTransform(image, lab_to_rgb)
        assert converted is not None  # only in-place transforms return nothing
        return converted, False
    return image.convert("RGB"), False


def _composite(image: Image.Image) -> tuple[Image.Image, bool]:
    lowest, _ = image.getchannel("A").getextrema()
    if lowest == 255:
        return image.convert("RGB"), False
    canvas = Image.new("RGBA", image.size, (*MID_GRAY, 255))
    return Image.alpha_composite(canvas, image).convert("RGB"), True


def _to_8_bit(values: np.ndarray) -> np.ndarray:
    """Deep gray values as uint8, by a rule that depends on the values alone.

    Whole numbers are shifted down from the smallest usual depth (8, 10, 12, 14, 16 bits) that holds the largest;
    floats in [0, 1] or [0, 255] keep their meaning; anything else is stretched from its minimum to its maximum.
    """
    finite = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(finite.min()), float(finite.max())
    whole = np.issubdtype(values.dtype, np.integer)
    if whole and low >= 0 and high < 1 << 16:
        depth = next(bits for bits in (8, 10, 12, 14, 16) if high < 1 << bits)
        return (finite / (1 << (depth - 8))).astype(np.uint8)
    if not whole and low >= 0 and high <= 1:
        return np.round(finite * 255).astype(np.uint8)
    if not whole and low >= 0 and high <= 255:
        return np.round(finite).astype(np.uint8)
    span = high - low or 1.0
    return np.round((finite - low) * (255 / span)).astype(np.uint8)


def _pixels_hash(picture: Image.Image) -> str:
    digest = xxhash.xxh3_128(struct.pack("<II", *picture.size))
    digest.update(np.asarray(picture).data)
    return digest.hexdigest()


def _captured_at(exif: Image.Exif) -> str:
    if not exif:
        return ""
    detail = exif.get_ifd(ExifTags.IFD.Exif)
    text = detail.get(ExifTags.Base.DateTimeOriginal) or exif.get(ExifTags.Base.DateTime) or ""
    try:
        return datetime.strptime(str(text).strip("\0 "), "%Y:%m:%d %H:%M:%S").isoformat()
    except ValueError:
        return ""


def _jpeg_quality(image: Image.Image) -> float:
    """The IJG quality (1..100) whose luminance table sums to that of this file; NaN when it is no JPEG."""
    tables = getattr(image, "quantization", None)
    if not tables:
        return math.nan
    scale = 100 * sum(tables[min(tables)]) / STANDARD_LUMINANCE.sum()
    quality = (200 - scale) / 2 if scale <= 100 else 5000 / scale
    return float(min(100.0, max(1.0, quality)))


def _is_lossless(image: Image.Image) -> bool:
    if image.format == "TIFF":
        return image.info.get("compression") not in LOSSY_TIFF_COMPRESSION
    return image.format in LOSSLESS_FORMATS


@contextmanager
def _reasons() -> Iterator[None]:
    """Translate whatever decoding may raise into one reason for people."""
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
        raise UnreadableImage(f"too many pixels: {int(count[0]) if count else 0:,}, more than the limit") from error
    except MemoryError as error:
        raise UnreadableImage("needs more memory than there is") from error
    except OSError as error:
        raise UnreadableImage(_os_reason(error), transient=error.errno in _TRANSIENT_ERRORS) from error
    except (SyntaxError, ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, ZeroDivisionError,
            AssertionError, EOFError, RuntimeError, NotImplementedError, struct.error, zlib.error,
            ImageCms.PyCMSError) as error:  # fmt: skip  # what decoders raise on damaged files
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
