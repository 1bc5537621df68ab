"""COCO: one JSON file, kept whole as it was read (`dedup.labels.coco`)."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path

import msgspec

from dedup.errors import AnnotationError
from dedup.files import open_regular
from dedup.labels.coco import Coco
from dedup.labels.coco_sound import name_in_url
from dedup.labels.formats.base import Format, Pictures, Tree, the_file


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


def labelled(path: Path, pictures: Pictures) -> set[str]:
    """The images that are listed. Raises `AnnotationError` for what is unusual, which is read when it is chosen."""
    try:
        with open_regular(path) as stream:
            images = msgspec.json.decode(stream.read(), type=_Document).images
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise AnnotationError(f"{path} holds no labels that can be told at a glance: {error}.") from error
    names = [image.file_name or name_in_url(image.coco_url or "") for image in images]
    return pictures.of_names((name for name in names if name), path)


def read(path: Path, _pictures: Pictures) -> Coco:
    """The document. Raises `AnnotationError`."""
    return Coco.read(path)


COCO = Format("coco", "COCO", "everything, as it is", recognises, find, the_file, labelled, read)
