"""COCO in: documents read whole, and matched to the images of a dataset.

A COCO document is kept whole, as it was read, so that an export can give back every field it does not understand.
"""

from __future__ import annotations

import math
import posixpath
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dedup.images.formats import SUFFIXES
from dedup.labels import coco_sound
from dedup.labels.coco_sound import Unsound, is_box, name_in_url
from dedup.labels.entries import Entries
from dedup.labels.turn import Turn
from dedup.sources.split_names import split_from_path, splits_in
from dedup.words import plural

ImageId = int | str
"""COCO says integers; some tools write texts. Both are kept as they are."""

TOLD = 1_000
"""Entries that could not be taken and are told one by one; more are counted."""
NAMESPACE = "dedup"
"""The one key under which our exports add to a COCO document."""


SMALL, LARGE = 32**2, 96**2
"""Pixels of a box from which an object is no longer small, and from which it is large: COCO's own bounds
(https://cocodataset.org/#detection-eval)."""


@dataclass(frozen=True)
class Objects:
    """The annotations of one class on a dataset's images: how many, and how many have boxes that are `small`, `medium`
    and `large`."""

    count: int = 0
    small: int = 0
    medium: int = 0
    large: int = 0

    def __add__(self, other: Objects) -> Objects:
        return Objects(*(one + two for one, two in zip(astuple(self), astuple(other), strict=True)))


@dataclass(frozen=True)
class Attachment:
    """How a COCO document meets the images of a dataset; all keys are dataset paths.

    image_ids    path → the ids of the document's image entries for it (nearly always one)
    classes      path → names of the categories annotated on it, sorted, each once
    counts       path → number of annotations
    sizes        path → pixels of its smallest and its largest box (None without any), and how many are crowds
    objects      name of a category → what there is of it
    missing      file names in the document for which the dataset has no image
    ambiguous    file names that several images could be; they are attached to none
    unannotated  paths the document does not name
    notes        one sentence for each oddity, for a person to read
    unread       how many entries of it could not be taken
    unread_told  the first of them, in words
    """

    image_ids: Mapping[str, tuple[ImageId, ...]]
    classes: Mapping[str, tuple[str, ...]]
    counts: Mapping[str, int]
    sizes: Mapping[str, tuple[float | None, float | None, int]]
    objects: Mapping[str, Objects]
    missing: tuple[str, ...]
    ambiguous: tuple[str, ...]
    unannotated: tuple[str, ...]
    notes: tuple[str, ...]
    unread: int = 0
    unread_told: tuple[str, ...] = ()


@dataclass(frozen=True)
class Coco:
    """A COCO document. `document` is what the file holds, but for entries that are `unsound`, and is never changed.

    `turns` are the images whose entries were in stored pixels and are upright here (`dedup.labels.turned`).
    """

    path: Path
    document: Mapping[str, Any] = field(repr=False)
    unsound: tuple[Unsound, ...] = field(default=(), repr=False)
    turns: Mapping[ImageId, Turn] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, path: Path) -> Coco:
        """Read a COCO file. Raises `AnnotationError` that says why it is none."""
        document, unsound = coco_sound.read(path)
        return cls(path, document, tuple(unsound))

    @property
    def images(self) -> list[dict[str, Any]]:
        """The document's image entries."""
        return self.document["images"]  # type: ignore[no-any-return]

    @cached_property
    def annotations(self) -> Entries:
        """The document's annotations; empty where it has none."""
        return Entries.of(self.document.get("annotations") or ())

    @cached_property
    def category_names(self) -> dict[Any, str]:
        """Category id → what it is called: see `names_of`."""
        return names_of(self.document.get("categories") or [], set(self.annotations.column("category_id")))

    @cached_property
    def _of_image(self) -> dict[ImageId, Counter[Any]]:
        """Image id → how many annotations of each category id it has."""
        counted: dict[ImageId, Counter[Any]] = defaultdict(Counter)
        columns = (self.annotations.column(key) for key in ("image_id", "category_id"))
        for image_id, category_id in zip(*columns, strict=True):
            counted[image_id][category_id] += 1
        return counted

    @cached_property
    def _measured(self) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Of each annotation the pixels of its box, NaN without one, and whether it is a crowd."""
        dtype = np.dtype([("area", np.float64), ("crowd", np.bool_)])
        told = ((_area(each.bbox), each.iscrowd in (1, True)) for each in self.annotations.sized())
        measured = np.fromiter(told, dtype, len(self.annotations))  # as objects they would be larger than the document
        return measured["area"], measured["crowd"]

    @cached_property
    def orphans(self) -> int:
        """How many annotations are of an image that the document does not list, by an id of the same type."""
        known = {image["id"] for image in self.images}
        return sum(held.total() for id_, held in self._of_image.items() if id_ not in known)

    def _of_orphans(self) -> str:
        belong = "belongs" if self.orphans == 1 else "belong"
        return f"{plural(self.orphans, 'annotation')} in {self.path.name} {belong} to no image of it."

    def _untaken(self) -> Iterator[str]:
        """What could not be taken, in words."""
        if self.orphans:
            yield self._of_orphans()
        yield from (each.sentence() for each in self.unsound if not each.kept)

    def _sizes(self, ids: Mapping[str, Sequence[ImageId]]) -> dict[str, tuple[float, float, int]]:
        areas, crowds = self._measured
        place = {id_: number for number, held in enumerate(ids.values()) for id_ in held}
        of = np.array([place.get(id_, -1) for id_ in self.annotations.column("image_id")], np.int64)
        here = of >= 0
        least, most = np.full(len(ids), np.nan), np.full(len(ids), np.nan)
        np.fmin.at(least, of[here], areas[here])
        np.fmax.at(most, of[here], areas[here])
        many = np.bincount(of[here & crowds], minlength=len(ids))
        told = set(of[here].tolist())
        sizes = zip(least.tolist(), most.tolist(), many.tolist(), strict=True)
        return {path: each for number, (path, each) in enumerate(zip(ids, sizes, strict=True)) if number in told}

    def _objects(self, ids: Mapping[str, Sequence[ImageId]]) -> dict[str, Objects]:
        here = {id_ for held in ids.values() for id_ in held}
        areas: dict[str, list[float]] = defaultdict(list)
        columns = (self.annotations.column(key) for key in ("image_id", "category_id"))
        for image, category, area in zip(*columns, self._measured[0].tolist(), strict=True):
            if image in here and category in self.category_names:
                areas[self.category_names[category]].append(area)
        return {name: _objects_of(np.array(held)) for name, held in areas.items()}

    def attach(self, paths: Sequence[str], *, root: Path | None = None) -> Attachment:
        """Match the document's file names to dataset `paths` (relative, with `/`).

        In this order: the same relative path; the one image whose path ends with the file name, or with which the file
        name ends; the one image of the same base name, if the document has that base name once and neither folder
        contradicts the other about the split. Several images to choose from: with `root` (the dataset's folder) those
        beside or below the annotation file, then those of the split its name speaks of; else ambiguous.
        """
        found = self.meant(paths, root=root)
        ids: dict[str, list[ImageId]] = defaultdict(list)
        missing: list[str] = []
        ambiguous: list[str] = []
        for image, path in zip(self.images, found, strict=True):
            if path:
                ids[path].append(image["id"])
            else:
                (missing if path is None else ambiguous).append(str(image["file_name"]))
        counted = {path: [self._of_image[id_] for id_ in held if id_ in self._of_image] for path, held in ids.items()}
        attachment = Attachment(
            image_ids={path: tuple(held) for path, held in ids.items()},
            classes={path: self._classes(held) for path, held in counted.items()},
            counts={path: sum(each.total() for each in held) for path, held in counted.items()},
            sizes=self._sizes(ids),
            objects=self._objects(ids),
            missing=tuple(missing),
            ambiguous=tuple(ambiguous),
            unannotated=tuple(path for path in paths if path not in ids),
            notes=(),
            unread=sum(not each.kept for each in self.unsound) + self.orphans,
            unread_told=tuple(self._untaken())[:TOLD],
        )
        return Attachment(**{**vars(attachment), "notes": tuple(self._notes(attachment))})

    def meant(self, paths: Sequence[str], *, root: Path | None = None) -> list[str | None]:
        """For each image entry the path that `attach` matches it to, None where there is none, "" where several could
        be meant."""
        return match_names(
            [str(image["file_name"]) for image in self.images], paths, hints(self.path, root), elsewhere=True
        )

    def _classes(self, counted: Iterable[Counter[Any]]) -> tuple[str, ...]:
        ids = {id_ for each in counted for id_ in each}
        return tuple(sorted({self.category_names[id_] for id_ in ids if id_ in self.category_names}))

    def _notes(self, attachment: Attachment) -> Iterable[str]:
        twice = sum(len(held) > 1 for held in attachment.image_ids.values())
        name = self.path.name
        for kept in (False, True):
            odd = [each for each in self.unsound if each.kept == kept]
            what = "as they are" if kept else "left out"
            if odd:
                yield f"{plural(len(odd), 'unsound entry')} of {name} {what}, such as {odd[0].sentence()}."
        if attachment.missing:
            yield f"{_images(attachment.missing)} named in {name} {_are(attachment.missing)} not in the dataset."
        if attachment.ambiguous:
            yield f"{_images(attachment.ambiguous)} named in {name} could be several files of the dataset."
        if attachment.unannotated:
            yield _unnamed(attachment.unannotated, name)
        if self.orphans:
            yield self._of_orphans()
        if twice:
            yield f"{plural(twice, 'image')} {'is' if twice == 1 else 'are'} listed more than once in {name}."


def notes_of(attachments: Mapping[Path, Attachment]) -> list[str]:
    """What there is to say of all sources of a dataset: an image that one of them names is missed in no other, such as
    those of the splits."""
    named = {path for met in attachments.values() for path in met.image_ids}
    notes: list[str] = []
    for source, met in attachments.items():
        missed = _unnamed(met.unannotated, source.name) if named.issuperset(met.unannotated) else ""
        notes += [note for note in met.notes if note != missed]
    return notes


def _unnamed(paths: Sequence[str], name: str) -> str:
    return f"{_images(paths)} of the dataset {_are(paths)} not named in {name}."


def _area(box: Any) -> float:
    """Pixels of a box [x, y, width, height], NaN where it is none."""
    if is_box(box):
        area = abs(float(box[2]) * float(box[3]))
        return area if math.isfinite(area) else math.nan
    return math.nan


def _objects_of(areas: NDArray[np.float64]) -> Objects:
    small, large = int((areas < SMALL).sum()), int((areas >= LARGE).sum())
    return Objects(len(areas), small, int(np.isfinite(areas).sum()) - small - large, large)


def hints(file: Path, root: Path | None) -> tuple[Callable[[str], bool], ...]:
    """Tests a path passes when it is likelier than others to be meant by a file of labels: it lies beside or below it
    in `root`, or below the nearest folder that the file lies in; is of the split that the file's name, or else its
    folder's, speaks of; or lies in a folder called like the file."""
    found: list[Callable[[str], bool]] = []
    below = _relative(file.parent, root) if root is not None else ""
    while below:
        found.append(partial(_lies_in, folder=below))
        below = posixpath.dirname(below)
    splits = splits_in(file.stem) or splits_in(file.parent.name)
    if len(splits) == 1:
        found.append(lambda path: split_from_path(path) in splits)
    return (*found, lambda path: file.stem.casefold() in path.casefold().split("/")[:-1])


def _lies_in(path: str, folder: str) -> bool:
    return path.startswith(f"{folder}/")


def names_of(categories: Sequence[Mapping[str, Any]], used: Collection[Any]) -> dict[Any, str]:
    """Category id → its name; of those `used` that share one, with what tells them apart: "mouse (animal)" and "mouse
    (device)", or else their ids. A class is its id in its document."""
    alike: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for category in categories:
        if category["id"] in used:
            alike[category["name"]].append(category)
    names = {category["id"]: category["name"] for category in categories}
    for name, held in alike.items():
        above = [category.get("supercategory") for category in held]
        for category, supercategory in zip(held, above, strict=True) if len(held) > 1 else ():
            told = supercategory if supercategory and above.count(supercategory) == 1 else f"id {category['id']}"
            names[category["id"]] = f"{name} ({told})"
    return names


class FileNames:
    """File names as documents write them: their own where they have one, else the path below the same folder."""

    def __init__(self, paths: Sequence[str], of_row: Mapping[int, str]) -> None:
        """`paths` of all rows; `of_row` the file names of the rows that the documents name."""
        self.paths = list(paths)
        self.of_row = of_row
        bases = {self.paths[row].removesuffix(name) for row, name in of_row.items() if self.paths[row].endswith(name)}
        self.base = bases.pop() if len(bases) == 1 else ""

    def of(self, row: int) -> str:
        """The file name of a row."""
        return self.of_row.get(row) or self.paths[row].removeprefix(self.base)


def tags_from_coco(coco: Coco, attachment: Attachment) -> dict[str, list[str]]:
    """Tags that an export of ours wrote into the document: tag name → dataset paths, in the document's order."""
    path_of = {id_: path for path, ids in attachment.image_ids.items() for id_ in ids}
    tags: dict[str, list[str]] = {}
    for image in coco.images:
        ours = image.get(NAMESPACE)
        names = ours.get("tags") if isinstance(ours, dict) else None
        if image["id"] in path_of and isinstance(names, list):
            for name in names:
                if isinstance(name, str):
                    tags.setdefault(name, []).append(path_of[image["id"]])
    return tags


# --- file names to paths --------------------------------------------------------------------------------------------


Named = tuple[tuple[str, ...], str]
"""The parts of a path as they are compared, and the path."""


def _stem(path: str) -> str:
    return posixpath.splitext(path.casefold())[0]


def _without_suffix(name: str) -> str:
    """The path in a name that has no suffix of a picture's; '' where it has one, for then it means that file."""
    path = name_in_url(name).casefold()
    return "" if posixpath.splitext(path)[1] in SUFFIXES else path


MANNERS: tuple[tuple[Callable[[str], str], Callable[[str], str]], ...] = (
    (str, str),
    (name_in_url, str),
    (lambda name: name_in_url(name).casefold(), str.casefold),
    (_without_suffix, _stem),
)
"""How names and paths are compared, one after the other: as they are written, as or in URLs, in any case, without a
suffix."""


def match_names(
    file_names: Sequence[str],
    paths: Sequence[str],
    hints: Sequence[Callable[[str], bool]] = (),
    *,
    elsewhere: bool = False,
) -> list[str | None]:
    """For each file name its path, None when there is none, or "" when several could be meant.

    A name means a path that ends as it does, or that it ends as; with `elsewhere` also the only one of its last part,
    in another folder. `hints` choose among several.
    """
    exact = set(paths)
    matched: list[str | None] = [name if name in exact else None for name in file_names]
    for of_name, of_path in MANNERS:
        left = [place for place, path in enumerate(matched) if path is None]
        if not left:
            break
        by_parts: dict[tuple[str, ...], list[str]] = defaultdict(list)
        by_base: dict[str, list[Named]] = defaultdict(list)
        for path in paths:
            parts = _parts(of_path(path))
            by_parts[parts].append(path)
            by_base[parts[-1]].append((parts, path))
        names = [_parts(of_name(file_names[place].replace("\\", "/"))) for place in left]
        bases = Counter(parts[-1] for parts in names)
        for place, parts in zip(left, names, strict=True):
            same = by_parts.get(parts, [])
            if same:
                matched[place] = same[0] if len(same) == 1 else ""
            else:
                matched[place] = _closest(parts, by_base.get(parts[-1], []), elsewhere and bases[parts[-1]] == 1, hints)
    return matched


def _closest(
    name: tuple[str, ...],
    candidates: Sequence[Named],
    only_one_of_its_base: bool,
    hints: Sequence[Callable[[str], bool]],
) -> str | None:
    nested = [path for parts, path in candidates if _ends_with(parts, name) or _ends_with(name, parts)]
    if not nested and only_one_of_its_base:
        nested = [path for parts, path in candidates if not _splits_differ(name, parts)]
    for hint in hints:
        if len(nested) > 1:
            nested = [path for path in nested if hint(path)] or nested
    return None if not nested else nested[0] if len(nested) == 1 else ""


def _parts(path: str) -> tuple[str, ...]:
    """Parts of a path in one Unicode form (macOS decomposes names), without "." and a leading "/"."""
    text = path if path.isascii() else unicodedata.normalize("NFC", path)
    return tuple(part for part in text.split("/") if part not in ("", ".")) or ("",)


def _ends_with(longer: tuple[str, ...], shorter: tuple[str, ...]) -> bool:
    return len(longer) >= len(shorter) and longer[-len(shorter) :] == shorter


def _splits_differ(left: tuple[str, ...], right: tuple[str, ...]) -> bool:
    splits = {split_from_path("/".join(left)), split_from_path("/".join(right))} - {""}
    return len(splits) == 2


def _relative(folder: Path, root: Path) -> str:
    try:
        return folder.resolve().relative_to(root.resolve()).as_posix().removeprefix(".")
    except ValueError:
        return ""


def _images(things: Sequence[object]) -> str:
    return plural(len(things), "image")


def _are(things: Sequence[object]) -> str:
    return "is" if len(things) == 1 else "are"
