"""What a file tells beside its picture: when and with what it was taken, what it is about, and what else it carries."""

from __future__ import annotations

import io
import math
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any

from PIL import ExifTags, Image, IptcImagePlugin

_CAPTIONS = (ExifTags.Base.ImageDescription, ExifTags.Base.XPTitle, ExifTags.Base.XPComment, ExifTags.Base.XPSubject)
_KEYWORDS = (ExifTags.Base.XPKeywords,)
_IPTC_KEYWORDS, _IPTC_CAPTIONS = ((2, 25),), ((2, 120), (2, 5))
"""Records of IPTC's application record: keywords, caption and object name."""
_TEXT_CAPTIONS, _TEXT_KEYWORDS = ("Description", "Title", "Comment"), ("Keywords",)
"""Keywords of PNG's text chunks (PNG specification, 11.3.4.2) and the one that programs add."""
_XMP_CAPTIONS = ("dc:description", "dc:title", "photoshop:Headline")
_XMP_KEYWORDS = ("dc:subject", "lr:hierarchicalSubject", "xmp:Rating", "mwg-rs:Name")
_XMP_PLACES = ("exif:GPSLatitude", "photoshop:City", "Iptc4xmpCore:Location")
"""Names of XMP (ISO 16684-1, and IPTC's, Adobe's and the Metadata Working Group's), as elements or as attributes: who
is seen and how a picture was rated is as good as a keyword."""
_GEOREFERENCE = (33922, 34264)
"""ModelTiepoint and ModelTransformation (OGC GeoTIFF 1.1, 7.2): where on Earth the pixels of a TIFF lie."""
_OF_CAMERAS = re.compile(rb"(?i)\s*((olympus|minolta|konica minolta|sony|samsung|kodak|pentax|nikon|casio)?[\s_]*"
                         rb"(digital camera|dsc\w*|exif jpeg|picture)|dcim\S*|\{\"shape\": \[.*\})\s*")  # fmt: skip
"""What cameras, and tifffile, write into every picture as its caption."""
_COMMENT_CODES = (b"ASCII\0\0\0", b"UNICODE\0", b"JIS\0\0\0\0\0", b"\0" * 8)
"""How a user's comment begins (EXIF 2.32, UserComment)."""
_XMP_EXTRAS = (b"MotionPhoto", b"MicroVideo", b"hdrgm:Version", b"hdrgainmap")
"""What the XMP of phones says of a film behind the picture (Google's Motion Photo) or of a gain map for bright screens
(Ultra HDR, Apple's HDR)."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """`captured_at` is ISO 8601 or ''. `camera`: the file names one. `described` counts what of place, caption and
    keywords it tells, 0..3. `extras`: it carries a film or a gain map that no other file of the same samples has."""

    captured_at: str
    camera: bool
    described: int
    extras: bool


NOTHING = Metadata("", False, 0, False)
_TELLING = {"exif", "xmp", "photoshop", "comment"}
"""What Pillow calls the parts of a JPEG that tell anything."""


def read(image: Image.Image) -> Metadata:
    """The metadata of an opened image; what is malformed counts as missing."""
    if image.format == "JPEG" and not image.info.keys() & _TELLING:
        return NOTHING if not _has_film_behind(image) else Metadata("", False, 0, True)
    exif = _exif(image)
    xmp = _xmp(image)
    iptc = _iptc(image)
    text = {**image.info, **getattr(image, "text", {})} if image.format == "PNG" else {}
    place = _told(exif.get_ifd(ExifTags.IFD.GPSInfo), (ExifTags.GPS.GPSLatitude,)) if exif else False
    place = place or (image.format == "TIFF" and _told(exif, _GEOREFERENCE))
    caption = _told(exif, _CAPTIONS) or _told(iptc, _IPTC_CAPTIONS) or _told(text, _TEXT_CAPTIONS)
    caption = caption or _commented(image, exif)
    keywords = _told(exif, _KEYWORDS) or _told(iptc, _IPTC_KEYWORDS) or _told(text, _TEXT_KEYWORDS)
    told = (
        place or _says(xmp, _XMP_PLACES),
        caption or _says(xmp, _XMP_CAPTIONS),
        keywords or _says(xmp, _XMP_KEYWORDS),
    )
    return Metadata(
        captured_at=_captured_at(exif),
        camera=bool(exif.get(ExifTags.Base.Make) or exif.get(ExifTags.Base.Model)),
        described=sum(told),
        extras=_named(xmp, _XMP_EXTRAS) or bool(image.info.get("aux")) or _has_film_behind(image),
    )


def camera_facts(image: Image.Image) -> list[tuple[str, str]]:
    """What the camera wrote of itself and of the shot, as words and values for people; what is missing or malformed is
    left out."""
    exif = _exif(image)
    if not exif:
        return []
    try:
        detail = exif.get_ifd(ExifTags.IFD.Exif)
    except (SyntaxError, ValueError, TypeError, KeyError, IndexError, EOFError, struct.error):
        detail = {}
    maker, model = _text(exif.get(ExifTags.Base.Make)), _text(exif.get(ExifTags.Base.Model))
    seconds, aperture = _number(detail.get(ExifTags.Base.ExposureTime)), _number(detail.get(ExifTags.Base.FNumber))
    length, sensitivity = _number(detail.get(ExifTags.Base.FocalLength)), detail.get(ExifTags.Base.ISOSpeedRatings)
    told = {
        "Camera": model if model.startswith(maker) else f"{maker} {model}".strip(),
        "Lens": _text(detail.get(ExifTags.Base.LensModel)),
        "Exposure": "" if not seconds else f"1/{1 / seconds:.0f} s" if seconds < LONG_SECONDS else f"{seconds:g} s",
        "Aperture": f"f/{aperture:.3g}" if aperture else "",
        "ISO": str(sensitivity) if isinstance(sensitivity, int) else "",
        "Focal length": f"{length:.4g} mm" if length else "",
        "Software": _text(exif.get(ExifTags.Base.Software)),
    }
    return [(word, value) for word, value in told.items() if value]


LONG_SECONDS = 0.3
"""Shorter exposures are told as fractions, as cameras do."""
MOST_LETTERS = 80
"""Of one text: a file may hold any."""


def _text(value: object) -> str:
    return value.strip("\0 ")[:MOST_LETTERS] if isinstance(value, str) else ""


def _number(value: object) -> float:
    """A positive finite number, 0.0 for anything else."""
    try:
        number = float(value)  # type: ignore[arg-type]  # whatever is none
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return 0.0
    return number if 0 < number < math.inf else 0.0


def orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1..8."""
    value = _exif(image).get(ExifTags.Base.Orientation, 1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _exif(image: Image.Image) -> Image.Exif:
    try:
        return image.getexif()
    except (SyntaxError, ValueError, TypeError, KeyError, IndexError, EOFError, struct.error):
        return Image.Exif()


def _captured_at(exif: Image.Exif) -> str:
    if not exif:
        return ""
    detail = exif.get_ifd(ExifTags.IFD.Exif)
    text = detail.get(ExifTags.Base.DateTimeOriginal) or exif.get(ExifTags.Base.DateTime) or ""
    try:
        return datetime.strptime(str(text).strip("\0 "), "%Y:%m:%d %H:%M:%S").isoformat()
    except ValueError:
        return ""


def _xmp(image: Image.Image) -> bytes:
    found = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    return found.encode("utf-8", "replace") if isinstance(found, str) else bytes(found)


def _iptc(image: Image.Image) -> dict[Any, Any]:
    if "photoshop" not in image.info and image.format != "TIFF":
        return {}
    try:
        return dict(IptcImagePlugin.getiptcinfo(image) or {})  # type: ignore[arg-type]  # an image file
    except Exception:  # a malformed block tells nothing; Pillow lets all kinds of errors out of it
        return {}


def _told(values: Any, keys: Iterable[Any]) -> bool:
    """Whether any of the keys has a text, or anything else, that is not blank."""
    found = (values.get(key) for key in keys)
    texts = ((each if isinstance(each, bytes) else str(each).encode()).strip(b"\0 ") for each in found if each)
    return any(text and not _OF_CAMERAS.fullmatch(text.replace(b"\0", b"")) for text in texts)


def _commented(image: Image.Image, exif: Image.Exif) -> bool:
    """Whether a person wrote a comment: that of EXIF, or that of JPEG and GIF, where programs name themselves."""
    comment = image.info.get("comment")
    if isinstance(comment, bytes) and comment.strip(b"\0 ") and not _PROGRAMS.search(comment):
        return True
    try:
        told = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.UserComment) if exif else None
    except (SyntaxError, ValueError, TypeError, KeyError, IndexError, EOFError, struct.error):
        return False
    said = told.encode("utf-8", "replace") if isinstance(told, str) else bytes(told or b"")
    code = next((code for code in _COMMENT_CODES if said.startswith(code)), b"")
    return bool(said[len(code) :].strip(b"\0 "))


_PROGRAMS = re.compile(
    rb"(?i)gimp|photoshop|imagemagick|lavc|gd-jpeg|libjpeg|quality ?=|created (with|by)|optimized|jfif"
)
"""What programs write into every picture as its comment."""


def _says(xmp: bytes, names: Iterable[str]) -> bool:
    """Whether XMP has one of these properties, with something in it."""
    return any(
        re.search(rb"<%s(?:\s[^>]*)?>(?:\s|<[^>]*[^/>]>)*[^\s<]|\b%s\s*=\s*[\"'][^\"'\s]" % (2 * (name.encode(),)), xmp)
        for name in names
    )


def _has_film_behind(image: Image.Image) -> bool:
    """Whether a film lies behind a JPEG, or beside a picture in boxes, whatever else is said of it: an MP4 after the
    end, as phones append one, or Google's box `mpvd`."""
    stream = image.fp if image.format in ("JPEG", "MPO", "HEIF", "AVIF") else None  # type: ignore[attr-defined]
    if stream is None:
        return False
    place = stream.tell()
    try:
        return _mentions_a_film(stream, boxes=image.format in ("HEIF", "AVIF"))
    except (OSError, ValueError):
        return False
    finally:
        stream.seek(place)


def _mentions_a_film(stream: IO[bytes], *, boxes: bool) -> bool:
    end = stream.seek(0, io.SEEK_END)
    if not boxes:
        stream.seek(max(0, end - _TAIL))
        if stream.read().rstrip(b"\0").endswith(b"\xff\xd9"):
            return False  # ends as a JPEG does
        stream.seek(0)
        return _FILM.search(stream.read()) is not None
    at = 0
    for _ in range(_MOST_BOXES):
        stream.seek(at)
        head = stream.read(16)
        if len(head) < 16:
            return False
        size, kind = int.from_bytes(head[:4]), head[4:8]
        if kind == b"mpvd":
            return True
        size = int.from_bytes(head[8:]) if size == 1 else size
        if size < 8:
            return False
        at += size
    return False


_FILM = re.compile(rb"\xff\xd9.*?\0\0\0.ftyp(?:mp4|isom|iso\d|avc1|M4V|qt  )", re.DOTALL)
"""The first box of a film (ISO 14496-12, 4.3), somewhere after the end of a JPEG."""
_TAIL, _MOST_BOXES = 64, 64
"""Bytes at the end of a file that are looked at first, and boxes of one at most."""


def _named(xmp: bytes, words: Iterable[bytes]) -> bool:
    return any(word in xmp for word in words)
