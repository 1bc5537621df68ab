"""What folder names say of the images inside them: classes, and whether they are classes at all."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import median

import numpy as np
from numpy.typing import NDArray

from dedup.sources.split_names import ARCHIVE, split_name

GENERIC_FOLDERS = frozenset(
    {
        *("annotations", "archive", "color", "data", "dataset", "datasets", "dcim", "download", "downloads", "export"),
        *("files", "full", "gray", "image", "images", "img", "imgs", "input", "jpeg", "jpegimages", "jpg", "media"),
        *("original", "originals", "output", "photo", "photos", "picture", "pictures", "png", "raw", "rgb", "samples"),
        *("source", "src", "upload", "uploads"),
    }
)
"""Folder names that say where pictures lie, not what they show."""
NUMBERED = re.compile(
    r"(?:.*[-_ ])?(?:images?|imgs?|photos?|pictures?|part|batch|shard|chunk)[-_ ]?\d{1,5}", re.IGNORECASE
)
"""One of the parts that a large set comes in: `images_001`, `HAM10000_images_part_1`, `batch_3`."""


def classes_from_folder(path: str) -> tuple[str, ...]:
    """The class a path's folders name, or (): the innermost folder that is neither a split's name nor a generic one.

    `train/dog/images/1.jpg` → `("dog",)`; `images/train2017/1.jpg` → `()`. For a whole dataset use `folder_classes`.
    """
    return _class_of_folder(path.rpartition("/")[0])


@lru_cache(maxsize=65536)
def _class_of_folder(folder: str) -> tuple[str, ...]:
    parts = folder.split("/")
    place = _place_of_class(parts)
    return () if place is None else (_class_word(parts[place]),)


def _place_of_class(parts: Sequence[str]) -> int | None:
    """Which of a path's folders names the class."""
    return next((place for place in reversed(range(len(parts))) if _class_word(parts[place])), None)


def _class_word(part: str) -> str:
    """The class that a folder names, or an archive of which there is one for each class; "" for none."""
    packed = ARCHIVE.fullmatch(part)
    word = packed["name"] if packed else part
    numbered = (packed is not None and packed["number"]) or NUMBERED.fullmatch(word)
    return "" if numbered or split_name(part) or word.casefold() in GENERIC_FOLDERS else word


def folder_classes(paths: Sequence[str]) -> list[tuple[str, ...]]:
    """Classes by folder for each path of a dataset; none at all unless its folders name at least two classes."""
    folders = [path.rpartition("/")[0] for path in paths]
    said = {folder: _class_of_folder(folder) for folder in set(folders)}
    return [said[folder] for folder in folders] if len(set(said.values()) - {()}) > 1 else [()] * len(paths)


_MORE = r"(?:[-_ ]?(?:images?|photos?|pictures?|pics|folder|\d{1,4}))?"
STORAGE = re.compile(
    r"(?:my[-_ ]?)?(?:backups?|old|new|cop(?:y|ies)|duplicates?|dupes|misc|te?mp|todo|inbox|(?:un)?sorted|edited|"
    r"selected|fav(?:ou?rite)?s|albums?|screenshots?|camera[-_ ]?(?:roll|uploads?)|nas|usb|sd[-_ ]?card|hdd|ssd|"
    r"dropbox|google[-_ ]?photos|onedrive|icloud|whatsapp|telegram|messenger|instagram|desktop|documents?)"
    rf"{_MORE}|(?:19|20)\d\d(?:[-_. ]?\d\d){{0,2}}|\d{{3}}[a-z_]{{3,5}}",
    re.IGNORECASE,
)
"""Names that say where pictures are kept or since when, as people and cameras call folders: never what they show."""
OCCASIONS = re.compile(
    r"(?:my[-_ ]?)?(?:camera|(?:i|smart)?phones?|mobile|android|tablet|laptop|pc|disk|cloud|home|work|shared|scans?|"
    r"holidays?|vacations?|trips?|travel|summer|winter|christmas|wedding|birthday|family|friends)"
    rf"{_MORE}",
    re.IGNORECASE,
)
"""Names that people give to folders of photographs, and that could be classes as well."""
UNDER_SPLITS = 0.5
"""So much of the images in named folders below those of splits makes the names classes: nobody sorts holidays so."""
FEW_COPIES, MANY_COPIES = 0.1, 0.3
"""Of the images in named folders, how many have a copy under another name: labelled sets have under 0.06 (ImageNet's
validation set, CIFAR-100 and its test set; Barz and Denzler 2020, Northcutt et al. 2021), a phone and its backup, or
albums made of one another, mostly far more. Between the two a person is asked."""
MANY_FILES = 10
"""Images a folder, in the middle: with fewer, one copy is a large share and says little."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a dataset's folders look: `named` images lie in folders of at least two names, `across` of them have a copy
    under another name. `classes` says whether the names are taken for labels; `sure` is False where a person should
    say so."""

    named: int = 0
    across: int = 0
    classes: bool = True
    sure: bool = True


def layout(paths: Sequence[str], couples: NDArray[np.int64]) -> Layout:
    """Whether folder names look like classes. `couples` (m, 2) are the rows of copies, exact and near."""
    names = folder_classes(paths)
    rows = [row for row, name in enumerate(names) if name]
    if not rows:
        return Layout()
    number = {name: place for place, name in enumerate(dict.fromkeys([(), *names]))}
    of_row = np.array([number[name] for name in names])
    one, other = of_row[couples].T
    across = np.unique(couples[(one != other) & (one > 0) & (other > 0)]).tolist()
    counts = len(rows), len(across)
    if not across or sum(_is_below_split(paths[row]) for row in rows) >= UNDER_SPLITS * len(rows):
        return Layout(*counts)
    crossing = {name for row in across for name in names[row]}
    kept = {name for name in crossing if STORAGE.fullmatch(name)}
    if kept or all(OCCASIONS.fullmatch(name) for name in crossing):
        return Layout(*counts, classes=False)
    share = len(across) / len(rows)
    many = median(Counter(names[row] for row in rows).values()) >= MANY_FILES
    return Layout(*counts, classes=not (many and share >= MANY_COPIES), sure=many and share <= FEW_COPIES)


def _is_below_split(path: str) -> bool:
    """Whether the folder that names a path's class lies below one that names a split."""
    return _folder_is_below_split(path.rpartition("/")[0])


@lru_cache(maxsize=65536)
def _folder_is_below_split(folder: str) -> bool:
    folders = folder.split("/")
    return any(split_name(part) for part in folders[: _place_of_class(folders)])
