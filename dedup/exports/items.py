"""What an export of files writes, and where: images at their relative paths, or where the readers of their labels and
their split ask for them, and what belongs to them by name. Which files these are is known before the first is written.
"""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np

from dedup.errors import ExportError, UsageError
from dedup.exports.base import Exportable
from dedup.exports.labels import LABEL_FORMATS, LabelFormat
from dedup.exports.labels.base import places_of
from dedup.exports.labels.coco import NAME as COCO_NAME
from dedup.exports.splits_of_paths import in_their_splits
from dedup.images.companions import Companions, labels_folders
from dedup.labels import formats
from dedup.query.where import Mask
from dedup.sources import Stored
from dedup.words import plural

MARKER = ".dedup-export.json"
CSV_NAME = "images.csv"


@dataclass(frozen=True, slots=True)
class Item:
    """One file to write: `relative` to the target, from `source`, whose bytes have this sha256 and number.

    What is `stored` elsewhere has no file of its own: `source` is but its name until it is at hand.
    """

    relative: PurePosixPath
    source: Path
    sha256: str
    size: int
    stored: Stored | None = None


def plan(dataset: Exportable, mask: Mask, form: LabelFormat | None = None) -> list[Item]:
    """What `write` would write, in the order of folders that the format of labels asks for. Raises `ExportError` for
    names that collide or would leave the target."""
    rows = np.flatnonzero(mask).tolist()
    columns = dataset.frame[["path", "sha256", "bytes", "split"]].iloc[rows]
    places = {row: dataset.where(row) for row in rows}
    stored = {row: place for row, place in places.items() if isinstance(place, Stored)}
    sources = {
        row: Path(PurePosixPath(place.key).name) if isinstance(place, Stored) else place
        for row, place in places.items()
    }
    paths = {row: _relative(dataset.root, sources[row], path) for row, path in zip(rows, columns["path"], strict=True)}
    paths = in_their_splits(paths, dict(zip(rows, columns["split"].tolist(), strict=True)))
    placed = form.place(places_of(dataset, paths)) if form else list(paths.values())
    items = [
        Item(relative, sources[row], sha256, int(size), stored.get(row))
        for row, relative, sha256, size in zip(rows, placed, columns["sha256"], columns["bytes"], strict=True)
    ]
    _check_collisions(items)
    return items


def _relative(root: Path, source: Path, path: str) -> PurePosixPath:
    """The file's own path below the root (a displayed path may have replaced bytes), checked to stay below a target."""
    try:
        relative = PurePosixPath(source.relative_to(root).as_posix())
    except ValueError:
        relative = PurePosixPath(path)
    outside = relative.is_absolute() or not relative.parts or ".." in relative.parts
    if outside or (os.name == "nt" and PureWindowsPath(relative).drive):
        raise ExportError(f"{path} would be written outside the target folder. Leave it out of the selection.")
    return relative


def _check_collisions(items: list[Item]) -> None:
    """Names that are one and the same on a file system that ignores case or Unicode forms, and files inside files."""
    seen: dict[str, Item] = {}
    for item in items:
        other = seen.setdefault(_folded(item.relative), item)
        if other is not item:
            raise ExportError(f"{item.relative} and {other.relative} would be one file on some systems. Rename one.")
    for item in items:
        if _folded(item.relative) in RESERVED:
            raise ExportError(f"{item.relative} is a name the export itself uses. Leave it out of the selection.")
        for parent in item.relative.parents:
            if _folded(parent) in seen:
                raise ExportError(f"{seen[_folded(parent)].relative} is both a file and a folder of {item.relative}.")


def _folded(path: PurePosixPath) -> str:
    return unicodedata.normalize("NFC", str(path)).casefold()


RESERVED = frozenset(_folded(PurePosixPath(name)) for name in (MARKER, CSV_NAME, COCO_NAME))
"""Names that the export itself uses."""


def label_format(name: str) -> LabelFormat:
    """The way to write labels of that name. Raises `UsageError`."""
    found = next((each for each in LABEL_FORMATS if each.name == name), None)
    if found is None:
        offered = ", ".join(each.name for each in LABEL_FORMATS)
        raise UsageError(f"{name!r} is no format of labels to write. Choose one of: {offered}.")
    return found


LEFT_OUT = "Left out "


def companions_of(items: list[Item], form: LabelFormat | None, anew: Collection[Path]) -> list[Item]:
    """Files that belong to the images by name, once each; none that has a name which the export itself uses, nor labels
    that are written `anew`."""
    finder = Companions()
    taken = {_folded(item.relative) for item in items} | RESERVED
    along: dict[str, Item] = {}
    for item in items:
        for each in finder.of(item.source):
            relative = _beside(item, each.file)
            if each.file in anew or (form and form.owns(relative)) or _folded(relative) in taken:
                continue
            along.setdefault(_folded(relative), Item(relative, each.file, "", 0))
    return list(along.values())


def _beside(item: Item, companion: Path) -> PurePosixPath:
    """Where a companion is written: as it lies to its image, in the same folder or in one of labels beside it, and
    called as the image is called now."""
    own = companion.name.startswith(item.source.name)  # IMG_1.HEIC.json
    stem = item.source.name if own else item.source.stem
    name = (item.relative.name if own else item.relative.stem) + companion.name.removeprefix(stem)
    if companion.parent == item.source.parent:
        return item.relative.with_name(name)
    return PurePosixPath(*labels_folders(item.relative.parent)[:1] or [item.relative.parent]) / name


def read_labels(dataset: Exportable) -> set[Path]:
    """The files that the labels of the dataset were read from."""
    return {file for source in dataset.labels.documents for file in formats.files_of(source.path)}


LABELS_BESIDE = (".txt", ".xml", ".json")
"""How files of labels end that lie beside an image of the same name, or in `labels` beside `images`."""


def left_behind(items: list[Item], along: Collection[Path]) -> Iterator[str]:
    """A note on files of labels in formats that are not read and that do not come `along`: they stay where they are."""
    names_in = cache(_names_in)  # a look at every folder once, not at every image's six possible files
    found = Counter(
        suffix
        for item in items
        for suffix in LABELS_BESIDE
        if any(
            each not in along and each.name in names_in(each.parent)
            for each in _labels_of(item.source.with_suffix(suffix))
        )
    )
    for suffix, count in sorted(found.items()):
        yield f"Files of labels left behind, in a format that is not read: {plural(count, f'{suffix} file')}."


def _labels_of(beside: Path) -> Iterator[Path]:
    """Where labels of an image may lie: beside it, and in a folder of their own."""
    yield beside
    yield from (folder / beside.name for folder in labels_folders(beside.parent))


def _names_in(folder: Path) -> frozenset[str]:
    try:
        return frozenset(os.listdir(folder))
    except OSError:
        return frozenset()
