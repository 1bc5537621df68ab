"""The formats of image files: what they are called, how they begin, what they keep. One table, read by everybody."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from dedup.files import head_of, never_written_over

HEAD_BYTES = 16
"""So many first bytes of a file are enough to tell its format."""
MAX_PIXELS = 200_000_000
"""Default limit: a larger picture becomes a failure row instead of filling the memory."""


@dataclass(frozen=True, slots=True)
class Format:
    """One format that is read.

    `name` is Pillow's; `suffixes` of files; `starts` first bytes that announce it; `brands` the same for files of
    ISO boxes, at byte 8; `lossless` whether it keeps every sample (None: it depends on the file); `web` whether it is
    what pictures are converted to for the web rather than what a camera or a program writes.
    """

    name: str
    suffixes: tuple[str, ...]
    starts: tuple[bytes, ...] = ()
    brands: tuple[bytes, ...] = ()
    lossless: bool | None = False
    web: bool = False


FORMATS = (
    Format("JPEG", (".jpg", ".jpeg", ".jpe", ".jfif"), (b"\xff\xd8\xff",)),
    Format("MPO", (".mpo",)),  # begins like JPEG, which it is with further pictures behind the first
    Format("PNG", (".png", ".apng"), (b"\x89PNG",), lossless=True),
    Format("WEBP", (".webp",), web=True),
    Format("GIF", (".gif",), (b"GIF8",), lossless=True),
    Format("TIFF", (".tif", ".tiff"), (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), lossless=None),
    Format("BMP", (".bmp",), (b"BM",), lossless=True),
    Format("DIB", (".dib",), lossless=True),
    Format(
        "HEIF",
        (".heic", ".heif", ".hif"),
        brands=(b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"),
    ),
    Format("AVIF", (".avif", ".avifs"), brands=(b"avif", b"avis"), web=True),
    Format("PPM", (".ppm", ".pgm", ".pbm", ".pnm"), tuple(b"P%d" % digit for digit in range(1, 8)), lossless=True),
    Format("JPEG2000", (".jp2", ".j2k", ".jpx"), (b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  ")),
    Format("ICO", (".ico",), (b"\0\0\1\0",), lossless=True),
)
"""Recognised by content. Formats that Pillow hands to other programs (EPS) are left out."""

UNSUPPORTED_SUFFIXES = frozenset({
    ".3fr", ".arw", ".blp", ".cr2", ".cr3", ".cur", ".dcm", ".dds", ".dng", ".emf", ".eps", ".exr", ".fits", ".flc",
    ".fli", ".hdr", ".jxl", ".nef", ".orf", ".pcx", ".psd", ".qoi", ".raf", ".raw", ".rw2", ".sgi", ".svg", ".tga",
    ".wmf", ".xcf",
})  # fmt: skip
"""Names of image formats that are not read: such files are listed as failures, never passed over in silence."""

SUFFIXES = frozenset(suffix for each in FORMATS for suffix in each.suffixes)
"""Names of files that are read."""

LOSSLESS = frozenset(each.name for each in FORMATS if each.lossless)
WEB = frozenset(each.name for each in FORMATS if each.web)


def sniff(head: bytes) -> str | None:
    """The name of the format that a file's first 16 bytes announce, or None. A promise, not a proof."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp":
        return _of_brand().get(head[8:12])
    found = next((name for start, name in _starts() if head.startswith(start)), None)
    if found == "PPM" and not head[2:3].isspace():
        return None
    return found


@cache
def _of_brand() -> dict[bytes, str]:
    return {brand: each.name for each in FORMATS for brand in each.brands}


@cache
def _starts() -> tuple[tuple[bytes, str], ...]:
    return tuple((start, each.name) for each in FORMATS for start in each.starts)


never_written_over.append(lambda file: "a picture" if sniff(head_of(file, HEAD_BYTES)) else "")
