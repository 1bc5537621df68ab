"""Pictures as a browser can show them: small ones for the grid, kept on disk, and full-size ones for a closer look."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from dedup.errors import DatasetError
from dedup.files import PRIVATE, atomic_write, make_private, open_regular
from dedup.images import decode
from dedup.images.formats import MAX_PIXELS, sniff

SIDE = 400
"""Longer side of a thumbnail in pixels: sharp in six columns on a dense screen, some 20 kB each."""

QUALITY = 82
"""JPEG quality of a thumbnail."""

PNG_EFFORT = 1
"""Compression of converted full-size pictures: little, because they travel over loopback."""

_HEAD_BYTES = 64
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_WITHOUT_LENGTH = frozenset(range(0xD0, 0xD8)) | {0x01}
_WEBP_HAS_EXIF = 0x08


def thumbnail(
    image: Path | AbstractContextManager[Path], folder: Path, name: str, *, max_pixels: int = MAX_PIXELS
) -> Path:
    """The JPEG file `folder/name.jpg` with `image` upright in at most 400x400 pixels, made on the first request; only
    then is an image that is no file of its own fetched.

    `name` must change with the content of `image`. The folder is a cache: it may be deleted at any time, and two
    makers of the same file do no harm. Raises `UnreadableImage`, and `DatasetError` when it cannot be written.
    """
    # Two characters of the name make a folder, so that no folder holds a million files.
    target = folder / name[:2] / f"{name}.jpg"
    if not target.is_file():
        with nullcontext(image) if isinstance(image, Path) else image as file:
            data = shrink(file, max_pixels=max_pixels)
        try:
            make_private(target.parent)
        except OSError as error:
            raise DatasetError(f"Cannot make the folder {target.parent}: {error.strerror or error}.") from error
        with atomic_write(target, PRIVATE) as stream:
            stream.write(data)
    return target


def version(sha256: str, mtime_ns: int) -> str:
    """Hexadecimal digits that change with the content of a file, to name its thumbnail by."""
    return sha256[:16] or f"{mtime_ns:x}"


def shrink(image: Path, side: int = SIDE, *, max_pixels: int = MAX_PIXELS) -> bytes:
    """`image` upright as bytes of a JPEG within `side` x `side` pixels, never enlarged. Raises `UnreadableImage`."""
    picture = decode.open_picture(image, max_pixels=max_pixels, reduce_to=2 * side)
    picture.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=QUALITY)
    return stream.getvalue()


def convert(image: Path, *, max_pixels: int = MAX_PIXELS) -> bytes:
    """`image` upright at full size as the bytes of an 8-bit RGB PNG: no pixel differs from what was compared.

    Raises `UnreadableImage`.
    """
    stream = io.BytesIO()
    decode.open_picture(image, max_pixels=max_pixels).save(stream, "PNG", compress_level=PNG_EFFORT)
    return stream.getvalue()


def media_type(image: Path) -> str | None:
    """The media type of a file that every browser shows upright by itself, None when it must be converted.

    That is: JPEG in gray or three colours at 8 bits (browsers apply its EXIF orientation), PNG of at most 8 bits and
    WebP without EXIF, and GIF. Decided from the header's bytes; a damaged file gives None. Raises `OSError`.
    """
    with open_regular(image) as stream:
        head = stream.read(_HEAD_BYTES)
        stream.seek(0)
        match sniff(head):
            case "JPEG" if _is_plain_jpeg(stream):
                return "image/jpeg"
            case "PNG" if _is_plain_png(stream):
                return "image/png"
            case "WEBP" if len(head) == _HEAD_BYTES and not (head[12:16] == b"VP8X" and head[20] & _WEBP_HAS_EXIF):
                return "image/webp"
            case "GIF":
                return "image/gif"
    return None


def _is_plain_jpeg(stream: BinaryIO) -> bool:
    """Whether the frame header (ITU-T T.81, B.2.2) says 8 bits and one or three components."""
    stream.seek(2)
    while marker := stream.read(2):
        if len(marker) < 2 or marker[0] != 0xFF:
            return False
        if marker[1] == 0xFF:  # a fill byte before the marker
            stream.seek(-1, io.SEEK_CUR)
        elif marker[1] in _JPEG_FRAMES:
            frame = stream.read(8)
            return len(frame) == 8 and frame[2] == 8 and frame[7] in (1, 3)
        elif marker[1] not in _JPEG_WITHOUT_LENGTH:
            length = int.from_bytes(stream.read(2), "big")
            if length < 2:
                return False
            stream.seek(length - 2, io.SEEK_CUR)
    return False


def _is_plain_png(stream: BinaryIO) -> bool:
    """Whether channels have at most 8 bits and no EXIF chunk, which browsers treat differently, turns the picture."""
    for kind, body in _png_chunks(stream):
        if kind == b"IHDR" and not b"\x01" <= body[8:9] <= b"\x08":
            return False
        if kind == b"eXIf":
            return False
        if kind == b"IEND":
            return True
    return False


def _png_chunks(stream: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Name and first bytes of each chunk (PNG specification, 5.3), without reading the pixels."""
    stream.seek(8)
    while len(head := stream.read(8)) == 8:
        length = int.from_bytes(head[:4], "big")
        body = stream.read(min(length, _HEAD_BYTES))
        yield head[4:], body
        stream.seek(length - len(body) + 4, io.SEEK_CUR)
