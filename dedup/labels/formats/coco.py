"""COCO: one JSON file, kept whole as it was read (`dedup.labels.coco`)."""

from __future__ import annotations

import codecs
import mmap
from collections.abc import Iterator
from pathlib import Path

import msgspec

from dedup.files import open_regular
from dedup.labels.coco import Coco
from dedup.labels.coco_sound import name_in_url
from dedup.labels.formats.base import Format, Pictures, Tree, the_file

WIDE = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
"""What text that is not UTF-8 begins with."""
KEYS = ('"images"', '"file_name"', '"coco_url"')
"""What such a document has in it, wherever: the first, and one of the others, LVIS the last."""


def looks_right(path: Path) -> bool:
    """Whether a file has the keys of such a document."""
    try:
        with open_regular(path) as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as text:
            coded = next((name for mark, name in WIDE.items() if text[:2] == mark), "utf-8")
            begins = text[:64].decode(coded, "ignore").lstrip("\ufeff \t\r\n").startswith("{")
            has_images, *has_names = (text.find(key.encode(coded)) >= 0 for key in KEYS)
            return begins and has_images and any(has_names)
    except (OSError, ValueError):  # unreadable or empty
        return False


def recognises(path: Path) -> bool:
    """Every JSON file that is of no other format: what is wrong with it is said when it is read."""
    return path.is_file() and path.suffix.lower() not in (".yaml", ".yml", ".xml", ".csv", ".jsonl", ".parquet", ".txt")


def find(tree: Tree) -> Iterator[Path]:
    """Every file that has the keys of such a document."""
    yield from filter(looks_right, tree.files(".json"))


class _Image(msgspec.Struct):
    file_name: str | None = None
    coco_url: str | None = None


class _Document(msgspec.Struct):
    images: list[_Image] = []


def labelled(path: Path, pictures: Pictures) -> set[str]:
    """The images that are listed. Raises `AnnotationError` for what is no such document."""
    try:
        with open_regular(path) as stream:
            images = msgspec.json.decode(stream.read(), type=_Document).images
    except (msgspec.DecodeError, UnicodeDecodeError):  # numbers that are none, other text than UTF-8, an odd entry
        images = [_Image(each.get("file_name"), each.get("coco_url")) for each in Coco.read(path).document["images"]]
    names = [image.file_name or name_in_url(image.coco_url or "") for image in images]
    return pictures.of_names((name for name in names if name), path)


def read(path: Path, _pictures: Pictures) -> Coco:
    """The document. Raises `AnnotationError`."""
    return Coco.read(path)


COCO = Format("coco", "COCO", "everything, as it is", recognises, find, the_file, labelled, read)
