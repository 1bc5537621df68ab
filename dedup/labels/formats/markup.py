"""XML, read without what could be used against us."""

from __future__ import annotations

import math
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError, fromstring

from dedup.errors import AnnotationError
from dedup.labels.formats.base import LARGEST, content_of


def xml_of(path: Path) -> Element:
    """The root of an XML file. Raises `AnnotationError` with the place. Files that declare entities are refused, for a
    few lines of them can tell of billions."""
    content = content_of(path)
    if b"<!ENTITY" in content or "<!ENTITY".encode("utf-16-le") in content:
        raise AnnotationError(f"{path}: it declares entities, which labels have no need of")
    try:
        return fromstring(content)
    except ParseError as error:
        line, column = error.position
        raise AnnotationError(f"{path}: it is no XML (line {line}, column {column + 1})") from error
    except (ValueError, LookupError, RecursionError) as error:  # an encoding that nobody knows
        raise AnnotationError(f"{path}: it is no XML ({error})") from error


def text_in(element: Element, path: str) -> str:
    """The text of a child, without spaces around; '' where there is none."""
    return (element.findtext(path) or "").strip()


def number_of(element: Element, path: str) -> float | None:
    """The finite number in a child; None where there is none."""
    return finite(text_in(element, path))


def finite(text: str | None) -> float | None:
    """The finite number that a text is."""
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) and abs(number) <= LARGEST else None
