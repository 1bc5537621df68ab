"""Files that belong to an image by their names: they go, come back and are copied with it.

A companion lies in the folder of its image and is called as it is, with another ending (`IMG_1.MOV`, `IMG_1.xmp` of
`IMG_1.HEIC`) or one more (`IMG_1.HEIC.json`). Labels may lie in a folder of their own as well: in `labels` beside
`images`, as YOLO has them, in `Annotations` beside `JPEGImages`, as Pascal VOC. What several images of a folder share
the name of (`IMG_1.jpg` and `IMG_1.png` with `IMG_1.txt`) belongs to all of them. Capitals count where images of a
folder differ by them alone. A document that tells of a whole dataset, as COCO's and CVAT's, belongs to no image,
whatever it is called.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePath
from typing import TypeVar

from dedup.files import head_of
from dedup.images.formats import SUFFIXES as IMAGE_SUFFIXES
from dedup.images.formats import UNSUPPORTED_SUFFIXES

SUFFIXES = {
    ".mov": "the film of a live photo",
    ".mp4": "the film of a motion photo",
    ".xmp": "edits and descriptions",
    ".aae": "edits of a phone",
    ".json": "a takeout's description, or labels",
    ".xml": "labels",
    ".txt": "a caption, or labels",
    ".caption": "a caption",
}
"""How companions end, and what they are."""
LABELS = (".txt", ".xml", ".json")
"""How labels in a folder of their own end."""
LABEL_FOLDERS = {
    "images": ("labels", "Labels", "Annotations", "annotations", "label", "ann", "xml"),
    "jpegimages": ("Annotations", "annotations"),
    "img": ("ann", "labels", "Annotations"),
}
"""Folders of images, however they are capitalised, and what that of their labels may be called instead."""

AnyPath = TypeVar("AnyPath", bound=PurePath)


def labels_folders(folder: AnyPath) -> list[AnyPath]:
    """Where the labels of the images of a folder may lie, if in one of their own, likeliest first."""
    parts = list(folder.parts)
    places = [place for place, part in enumerate(parts) if part.casefold() in LABEL_FOLDERS]
    if not places:
        return []
    names = LABEL_FOLDERS[parts[places[-1]].casefold()]
    return [type(folder)(*parts[: places[-1]], name, *parts[places[-1] + 1 :]) for name in names]


@dataclass(frozen=True, slots=True)
class Companion:
    """A file that belongs to an image, and the names of the other images of the folder that it belongs to, too."""

    file: Path
    shared: tuple[str, ...]


class Companions:
    """Finds companions, with one look into each folder."""

    def __init__(self) -> None:
        self._folder = cache(_Folder.of)

    def of(self, image: Path) -> Iterator[Companion]:
        """Those of one image, by name; none where its folder cannot be read."""
        folder = self._folder(image.parent)
        called = folder.called(image.name)
        others = tuple(other for other in folder.images[os.path.splitext(image.name)[0]] if other != image.name)
        for place in (image.parent, *labels_folders(image.parent)):
            for name in self._folder(place).companions_of(called):
                ends = place == image.parent or os.path.splitext(name)[1].lower() in LABELS
                if ends and name != image.name and not _is_document(place / name):
                    own = os.path.splitext(name)[0].casefold() == image.name.casefold()
                    yield Companion(place / name, () if own else others)


DOCUMENTS = {".json": (b'"images"', b'"_via_img_metadata"'), ".xml": (b"<annotations>",)}
"""What a document of many images has near its beginning, by its ending: COCO and VGG Image Annotator; CVAT."""
HEAD = 1 << 16
"""Bytes that are looked at."""


def _is_document(file: Path) -> bool:
    return is_document(file, lambda: head_of(file, HEAD))


def is_document(file: PurePath, head: Callable[[], bytes]) -> bool:
    """Whether a file tells of more than one image, by its name and its first `HEAD` bytes, which are asked for where it
    may be one."""
    keys = DOCUMENTS.get(file.suffix.lower(), ())
    first = head() if keys else b""
    return any(key in first for key in keys)


@dataclass(frozen=True, slots=True)
class _Folder:
    """Names in a folder by what they are called without their last ending; companions in small letters."""

    images: defaultdict[str, list[str]]
    companions: defaultdict[str, list[str]]
    stems: defaultdict[str, set[str]]

    @classmethod
    def of(cls, folder: Path) -> _Folder:
        found = cls(defaultdict(list), defaultdict(list), defaultdict(set))
        for name in _files(folder):
            stem, suffix = os.path.splitext(name)
            if suffix.lower() in SUFFIXES:
                found.companions[stem.casefold()].append(name)
            elif suffix.lower() in IMAGE_SUFFIXES or suffix.lower() in UNSUPPORTED_SUFFIXES:
                found.images[stem].append(name)
                for called in (stem, name):
                    found.stems[called.casefold()].add(called)
        return found

    def called(self, image: str) -> dict[str, bool]:
        """What companions of an image are called without their ending, each with whether capitals say nothing: no
        other image is called the same but for them."""
        names = (image, os.path.splitext(image)[0])
        return {name: len(self.stems[name.casefold()]) <= 1 for name in names}

    def companions_of(self, called: Mapping[str, bool]) -> list[str]:
        """The files here that are called so."""
        found = {
            name
            for stem, loosely in called.items()
            for name in self.companions[stem.casefold()]
            if loosely or os.path.splitext(name)[0] == stem
        }
        return sorted(found)


def _files(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
    except OSError:
        return []
