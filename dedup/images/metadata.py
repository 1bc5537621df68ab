"""What a file tells beside its picture: when and with what it was taken, what it is about, and what else it carries."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from PIL import ExifTags, Image, IptcImagePlugin

_CAPTIONS = (ExifTags.Base.ImageDescription, ExifTags.Base.XPTitle, ExifTags.Base.XPComment, ExifTags.Base.XPSubject)
_KEYWORDS = (ExifTags.Base.XPKeywords,)
_IPTC_KEYWORDS, _IPTC_CAPTIONS = ((2, 25),), ((2, 120), (2, 5))
"""Records of IPTC's application record: keywords, caption and object name."""
_TEXT_CAPTIONS, _TEXT_KEYWORDS = ("Description", "Title", "Comment"), ("Keywords",)
"""Keywords of PNG's text chunks (PNG specification, 11.3.4.2) and the one that programs add."""
_XMP_CAPTIONS, _XMP_KEYWORDS = (b"<dc:description", b"<dc:title"), (b"<dc:subject",)
_XMP_PLACES = (b"exif:GPSLatitude",)
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
_TELLING = {"exif", "xmp", "photoshop"}
"""What Pillow calls the parts of a JPEG that tell anything."""


def read(image: Image.Image) -> Metadata:
    """The metadata of an opened image; what is malformed counts as missing."""
    if image.format == "JPEG" and not image.info.keys() & _TELLING:
        return NOTHING
    exif = _exif(image)
    xmp = _xmp(image)
    iptc = _iptc(image)
    text = {**image.info, **getattr(image, "text", {})} if image.format == "PNG" else {}
    place = _told(exif.get_ifd(ExifTags.IFD.GPSInfo), (ExifTags.GPS.GPSLatitude,)) if exif else False
    caption = _told(exif, _CAPTIONS) or _told(iptc, _IPTC_CAPTIONS) or _told(text, _TEXT_CAPTIONS)
    keywords = _told(exif, _KEYWORDS) or _told(iptc, _IPTC_KEYWORDS) or _told(text, _TEXT_KEYWORDS)
    told = (
        place or _named(xmp, _XMP_PLACES),
        caption or _named(xmp, _XMP_CAPTIONS),
        keywords or _named(xmp, _XMP_KEYWORDS),
    )
    return Metadata(
        captured_at=_captured_at(exif),
        camera=bool(exif.get(ExifTags.Base.Make) or exif.get(ExifTags.Base.Model)),
        described=sum(told),
        extras=_named(xmp, _XMP_EXTRAS) or bool(image.info.get("aux")),
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
    return any((each if isinstance(each, bytes) else str(each).encode()).strip(b"\0 ") for each in found if each)


def _named(xmp: bytes, words: Iterable[bytes]) -> bool:
    return any(word in xmp for word in words)
