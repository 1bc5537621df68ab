"""What an export of files writes, and where: images at their relative paths, or where the readers of their labels and
their split ask for them, and what belongs to them by name. Which files these are is known before the first is written.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np

from dedup.errors import ExportError, UsageError
from dedup.exports import csv
from dedup.exports.base import Exportable
from dedup.exports.labels import LABEL_FORMATS, LabelFormat, Wanted
from dedup.exports.labels.base import places_of
from dedup.exports.labels.coco import NAME as COCO_NAME
from dedup.exports.labels.coco import check as check_splits
from dedup.exports.splits_of_paths import in_their_splits
from dedup.images.companions import Companions, labels_folders
from dedup.labels import formats
from dedup.model import OnProgress
from dedup.query.where import Mask
from dedup.sources import Namesakes, Stored
from dedup.sources.beside import SAMPLES
from dedup.sources.listing import OF_SAMPLES, below
from dedup.words import plural, size

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


class Order:
    """What is asked for and known before the first file is written: the images in `mask` as `items`; `with_csv` the
    selection's `images.csv`, `labels` in one of the `LABEL_FORMATS`, with `per_split` in one file for each split where
    it can be; with `companions`, files that belong to an image by its name, but for labels that are written anew."""

    def __init__(
        self,
        dataset: Exportable,
        mask: Mask,
        on_progress: OnProgress | None = None,
        *,
        with_csv: bool = False,
        labels: str = "",
        per_split: bool = False,
        companions: bool = True,
    ) -> None:
        """Raises `UsageError` for a format that is not written, `ExportError` for names that collide or leave the
        target and for splits that cannot be told apart."""
        self.form = label_format(labels) if labels else None
        wanted = mask
        if self.form and (dropped := dataset.labels.dropped):  # an image without its labels says that nothing is on it
            mask = mask.copy()
            mask[list(dropped)] = False
        self._dropped = int((wanted & ~mask).sum())
        self.dataset, self.mask, self.on_progress = dataset, mask, on_progress
        self._with_csv, self._per_split, self._companions = with_csv, per_split, companions
        if self.form and per_split:
            check_splits(dataset, mask)
        self.items = plan(dataset, mask, self.form)
        self._anew = read_labels(dataset) if self.form else set()

    def marker(self, mode: str) -> bytes:
        """What the file `MARKER` holds while this very order is carried out in this way, and no other."""
        options = [mode, self.form.name if self.form else "", *(["per split"] if self._per_split else [])]
        listed = [[str(item.relative).encode("utf-8", "surrogateescape").hex(), item.sha256] for item in self.items]
        return json.dumps({"export": hashlib.sha256(json.dumps([*options, listed]).encode()).hexdigest()}).encode()

    def require_space(self, folder: Path) -> None:
        """Raises `ExportError` where copies do not fit on the folder's disk."""
        needed, free = sum(item.size for item in self.items), shutil.disk_usage(folder).free
        if needed > free:
            raise ExportError(f"{folder} has {size(free)} free, but the copies need {size(needed)}.")

    def companions(self, there: list[Item]) -> dict[Item, list[Item]]:
        """What belongs to the images that were written."""
        return companions_of(self.dataset, there, self.form, self._anew) if self._companions else {}

    def write_beside(self, there: Collection[Item], output: Path) -> list[str]:
        """Write into a folder what is said of the images: the CSV of all that were asked for, labels of those that are
        `there`. Returns notes."""
        notes: list[str] = []
        if self._dropped:
            notes.append(f"{plural(self._dropped, 'image')} left out: dropped because of clashing labels.")
        if self._with_csv:
            file = output / CSV_NAME
            notes += csv.CSV.write(self.dataset, self.mask, file, self.on_progress, overwrite=True).notes
        if self.form:
            rows, here = np.flatnonzero(self.mask).tolist(), {item.relative for item in there}
            written = zip(rows, self.items, strict=True)
            names = {row: item.relative.as_posix() for row, item in written if item.relative in here}
            mask = np.zeros_like(self.mask)
            mask[list(names)] = True
            wanted = Wanted(self.dataset, mask, output, names, self._per_split, self.on_progress)
            notes += self.form.write(wanted).notes
        return notes

    def left_behind(self, along: Iterable[Item]) -> Iterator[str]:
        """Notes on labels that do not come `along`."""
        return left_behind(self.items, {each.source for each in along} | self._anew)


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


def check_target(dataset: Exportable, output: Path) -> None:
    """Raises `ExportError` for a folder or archive that lies within the dataset's own folder."""
    target, root = output.resolve(), dataset.root.resolve()
    if target == root or root in target.parents:
        raise ExportError(
            f"{output} lies in the dataset's own folder and would be scanned again. Choose another place."
        )


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
CHANGED = "the file has changed since the scan"


def beside_images(count: int) -> list[str]:
    """A note on files that were written beside the images they belong to."""
    return [f"Beside them: {plural(count, 'file')} of the same names (films, captions, labels)."] if count else []


def companions_of(
    dataset: Exportable, items: list[Item], form: LabelFormat | None, anew: Collection[Path]
) -> dict[Item, list[Item]]:
    """Files that belong to the images by name, once each; none that has a name which the export itself uses, nor labels
    that are written `anew`."""
    taken = {_folded(item.relative) for item in items} | RESERVED
    along: dict[Item, list[Item]] = {}
    for item, found in _belonging(dataset, items, anew):
        name = _folded(found.relative)
        if name not in taken and not (form and form.owns(found.relative)):
            taken.add(name)
            along.setdefault(item, []).append(found)
    return along


def _belonging(dataset: Exportable, items: list[Item], anew: Collection[Path]) -> Iterator[tuple[Item, Item]]:
    """Each image with what belongs to it, but for labels that are written `anew`."""
    in_folders, elsewhere = Companions(), Namesakes()
    root, samples = dataset.labels_root, any(file.name == SAMPLES for file in anew)
    for item in items:
        if item.stored is None:
            files = [each.file for each in in_folders.of(item.source)]
            yield from ((item, Item(_beside(item, file), file, "", 0)) for file in files if file not in anew)
            continue
        for stored in elsewhere.of(item.stored):
            file = Path(PurePosixPath(below(stored.key)))
            read_of_samples = samples and file.suffix.lower() in OF_SAMPLES
            if root / file not in anew and not read_of_samples:
                place = _beside_stored(item, Path(PurePosixPath(below(item.stored.key))), file)
                yield item, Item(place, file, "", stored.entry.size, stored)


def _beside_stored(item: Item, image: Path, companion: Path) -> PurePosixPath:
    """`_beside` for an image in an archive or bucket, where a sample may share the beginning of its name alone."""
    if item.relative.name == image.name and companion.parent == image.parent:
        return item.relative.with_name(companion.name)
    key, new = image.name.partition(".")[0], item.relative.name.partition(".")[0]
    if companion.name.startswith(image.stem) or not companion.name.startswith(key):
        return _beside(replace(item, source=image), companion)
    return item.relative.with_name(new + companion.name.removeprefix(key))


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
        if item.stored is None
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
