"""What every way to write labels beside a folder of images shares: where an image lies, and what is written of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from dedup.exports import coco
from dedup.exports.base import Exportable, Report, classed
from dedup.files import make_folders, write_chunks
from dedup.labels.coco import NAMESPACE, names_of
from dedup.labels.coco_sound import are_finite, is_box
from dedup.labels.entries import Entries
from dedup.labels.folder_names import GENERIC_FOLDERS
from dedup.model import OnProgress
from dedup.query.where import Mask
from dedup.sources.split_names import split_name
from dedup.words import plural

Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """One image of the folder: its path in the dataset, its split and its classes; `boxed` where the labels of the
    dataset have boxes."""

    path: PurePosixPath
    split: str
    classes: tuple[str, ...]
    boxed: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: the images in `mask`, which lie at `names` (by row) in `output`; `per_split` one file of
    labels for each split, where a format can do both."""

    dataset: Exportable
    mask: Mask
    output: Path
    names: Mapping[int, str]
    per_split: bool = False
    on_progress: OnProgress | None = None


@dataclass(frozen=True, slots=True)
class LabelFormat:
    """One way to write labels beside images.

    `place` says where in the folder images lie, for readers that ask for an order of folders. `write` writes the files
    and reports what could not be held; `sources` are what of them is read back (`dedup.labels.formats`). `owns` tells
    whether a path in the folder is one that `write` may write to, so that no other file is put there.
    """

    name: str
    title: str
    holds: str
    place: Callable[[Sequence[Place]], list[PurePosixPath]]
    write: Callable[[Wanted], Report]
    sources: Callable[[Path], list[Path]]
    owns: Callable[[PurePosixPath], bool]


def places_of(dataset: Exportable, paths: Mapping[int, PurePosixPath]) -> list[Place]:
    """The images of these rows, at these paths."""
    frame = classed(dataset)
    splits, classes = frame["split"].to_numpy(object), frame["classes"].to_numpy(object)
    boxed = any(box_of(entry) for document in dataset.labels.documents for entry in document.annotations)
    return [Place(path, str(splits[row]), tuple(classes[row]), boxed) for row, path in paths.items()]


def as_they_are(places: Sequence[Place]) -> list[PurePosixPath]:
    """Images at their paths in the dataset."""
    return [each.path for each in places]


def below(folder: str, places: Sequence[Place], known: str) -> list[PurePosixPath]:
    """Images below `folder`, at their paths but for what says where pictures lie; as they are where all of them lie in
    a folder that is called so (`known`) already. Those that would share a file of labels, as `a.jpg` and `a.png` do,
    are called differently."""
    if all(known in each.path.parts[:-1] for each in places):
        return _with_stems_apart(as_they_are(places))
    short = [PurePosixPath(folder, *_telling(each.path)) for each in places]
    return _with_stems_apart(short if _all_differ(short) else [PurePosixPath(folder, each.path) for each in places])


def by_split(places: Sequence[Place]) -> list[PurePosixPath]:
    """Images below a folder named after their split, those of none as they are."""
    short = [PurePosixPath(each.split, *_telling(each.path, splits=True)) for each in places]
    return short if _all_differ(short) else [PurePosixPath(each.split, each.path) for each in places]


def _telling(path: PurePosixPath, *, splits: bool = False) -> tuple[str, ...]:
    """The parts of a path without folders that say where pictures lie, or which split they are of."""
    folders = [
        part
        for part in path.parts[:-1]
        if part.casefold() not in GENERIC_FOLDERS and not (splits and split_name(part))
    ]  # fmt: skip
    return *folders, path.name


def _with_stems_apart(paths: list[PurePosixPath]) -> list[PurePosixPath]:
    stems = Counter(str(path.with_suffix("")).casefold() for path in paths)
    return [
        path.with_stem(f"{path.stem}-{path.suffix[1:]}") if stems[str(path.with_suffix("")).casefold()] > 1 else path
        for path in paths
    ]


def _all_differ(paths: Sequence[PurePosixPath]) -> bool:
    return len({str(path).casefold() for path in paths}) == len(paths)


@dataclass(slots=True)
class Labelled:
    """One image and its annotations, in pixels of its `size`."""

    row: int
    name: str
    split: str
    size: tuple[int, int]
    annotations: list[dict[str, Any]] = field(default_factory=list)


class Contents:
    """What the dataset says of images that are written, image by image, and what of it finds no place."""

    def __init__(self, wanted: Wanted, *, upright: bool = True) -> None:
        """Places are in upright pixels or, where a format says the size they are in and `upright` is false, in those
        that they came in. Raises `AnnotationError` where the labels cannot be read."""
        frame = wanted.dataset.frame
        document, notes = coco.build(wanted.dataset, wanted.mask, wanted.output, wanted.names, upright=upright)
        self._notes = [each for each in notes if each != coco.OF_FOLDERS]
        self._output = wanted.output
        row_of = {name: row for row, name in wanted.names.items()}
        rows = [row_of[image["file_name"]] for image in document["images"]]
        columns = (frame[name].to_numpy(object)[rows] for name in ("split", "width", "height"))
        self.categories: list[Entry] = list(document["categories"])
        self.images: list[Labelled] = []
        of_id: dict[Any, Labelled] = {}
        there: dict[int, Labelled] = {}
        for image, row, split, width, height in zip(document["images"], rows, *columns, strict=True):
            size = (int(width), int(height))
            if not upright and [image.get("width"), image.get("height")] == [*size[::-1]]:
                size = size[::-1]
            held = there.get(row)
            if held is None:  # an image that is listed twice has one place for all that is said of it
                held = there[row] = Labelled(row, image["file_name"], str(split), size)
                self.images.append(held)
                held.annotations += self._of_folders(image)
            of_id[image["id"]] = held
        for entry in Entries.of(document.get("annotations") or ()):
            if entry["image_id"] in of_id:
                of_id[entry["image_id"]].annotations.append(entry)
        self.lost: Counter[str] = Counter()

    def _of_folders(self, image: Entry) -> list[dict[str, Any]]:
        """The classes that folders give an image, as annotations of all of it."""
        told = image[NAMESPACE].get("classes") or ()
        return [{"category_id": each["id"]} for each in self.categories if each["name"] in told]

    @cached_property
    def names(self) -> dict[Any, str]:
        """Category id to its name, those of several classes of one name told apart."""
        return names_of(self.categories, {entry.get("category_id") for entry in self.annotations()})

    def annotations(self) -> Iterator[dict[str, Any]]:
        """Those of every image."""
        for image in self.images:
            yield from image.annotations

    @property
    def splits(self) -> dict[str, list[Labelled]]:
        """The images of each split, those of none under ''."""
        found: dict[str, list[Labelled]] = {}
        for image in self.images:
            found.setdefault(image.split, []).append(image)
        return found

    def drop(self, what: str, count: int = 1) -> None:
        """Count something that the format cannot hold."""
        self.lost[what] += count

    def drop_entry(self, entry: Entry, what: str) -> None:
        """Count an annotation that finds no place at all, as `what` unless it is a caption."""
        self.drop("caption" if "caption" in entry else what)

    def drop_fields(self, entry: Entry) -> None:
        """Count what an annotation says that no format but COCO has a place for."""
        for key in entry.keys() - PLACED:
            self.drop(key if key in ("score", "caption") else "further field")

    def report(self, title: str, *more: str) -> Report:
        """How many images were written, with one sentence on what the format cannot hold, if there is anything."""
        told = ", ".join(plural(count, what) for what, count in sorted(self.lost.items()))
        lost = [f"{title} cannot hold {told}; left out."] if told else []
        if strange := sum(is_no_text(image.name) for image in self.images):
            lost.append(f"{plural(strange, 'image')} with names that are no text: labels cannot name them as they are.")
        return Report(len(self.images), self._output, (*self._notes, *lost, *more))


PLACED = frozenset({"id", "image_id", "category_id", "bbox", "area", "iscrowd", "segmentation", "keypoints",
                    "num_keypoints", "attributes", NAMESPACE})  # fmt: skip
"""Fields of an annotation that formats hold, or count by themselves, and those that follow from others."""


def is_no_text(name: str) -> bool:
    """Whether a name of a file holds bytes that are no text."""
    return any("\ud800" <= character <= "\udfff" for character in name)


def box_of(entry: Entry) -> tuple[float, float, float, float] | None:
    """left, top, width, height; None for what has no box."""
    box = entry.get("bbox")
    return (box[0], box[1], box[2], box[3]) if is_box(box) else None


def keypoints_of(entry: Entry) -> list[float]:
    """x, y, visible, …; none where there are none, or what is there is none."""
    points = entry.get("keypoints")
    return points if are_finite(points) and len(points) % 3 == 0 else []


def polygons_of(entry: Entry) -> list[list[float]]:
    """The polygons of an annotation, each x, y, x, y, …; none where it has no outline or one as a mask."""
    outlines = entry.get("segmentation")
    return [each for each in outlines if are_finite(each) and len(each) >= 6] if isinstance(outlines, list) else []


def save(file: Path, text: str) -> None:
    """Write a text of ours; what is there is from an unfinished run. Raises `ExportError`."""
    make_folders(file.parent)
    write_chunks(file, [text.encode("utf-8", "replace")], overwrite=True)  # of names that are no text
