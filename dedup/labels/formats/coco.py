"""COCO: one JSON file, kept whole as it was read (`dedup.labels.coco`)."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path

import msgspec

from dedup.files import open_regular
from dedup.labels.coco import Coco
from dedup.labels.coco_sound import name_in_url
from dedup.labels.formats.base import Format, Pictures, Tree, key_of, the_file


def looks_right(path: Path) -> bool:
    """Whether a file has the keys of such a document."""
    try:
        with open_regular(path) as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as text:
            begins = text[:64].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")
            return begins and text.find(b'"images"') >= 0 and text.find(b'"file_name"') >= 0
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


def labelled(path: Path) -> set[str]:
    """The images that are listed; a file that is unusual is read in full when it is used, and counts by its name."""
    try:
        with open_regular(path) as stream:
            images = msgspec.json.decode(stream.read(), type=_Document).images
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return {path.as_posix()}
    names = [image.file_name or name_in_url(image.coco_url or "") for image in images]
    return {key_of(name, path.stem) for name in names if name}


def read(path: Path, _pictures: Pictures) -> Coco:
    """The document. Raises `AnnotationError`."""
    return Coco.read(path)


COCO = Format("coco", "COCO", "everything, as it is", recognises, find, the_file, labelled, read)
