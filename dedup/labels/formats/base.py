"""What every format of labels shares: its record, the images that it tells of, and the document that it becomes.

Whatever a format writes is read into one form, the `Coco` document: boxes `[x, y, width, height]` in upright pixels,
polygons, keypoints, classes of whole images as annotations without a box. What COCO has no field for (occluded,
difficult, ...) is in the annotation's `attributes`, as CVAT writes it into COCO.
"""

from __future__ import annotations

import codecs
import io
import math
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from dedup import files, plugins
from dedup.errors import AnnotationError
from dedup.files import walk
from dedup.images.formats import SUFFIXES as IMAGE_SUFFIXES
from dedup.labels.coco import Coco, hints, match_names
from dedup.labels.coco_sound import Unsound
from dedup.labels.entries import Entries, Entry, Held, packed
from dedup.labels.folder_names import GENERIC_FOLDERS
from dedup.sources.listing import LABEL_SUFFIXES
from dedup.sources.split_names import split_from_path, split_name

LARGEST = 1e9
"""No coordinate is larger: what is, is damaged, and its area would be no number."""
DECIMALS = 5
"""Of a pixel. Fractions of an image's side, which YOLO and OpenImages write with 6 to 10 digits, come back as they were
up to sides of 10,000 pixels."""
HEAD = 4096
"""So many first bytes of a file tell what it is."""

Size = tuple[int, int]
EMPTY: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Format:
    """One format of labels.

    `title` is what people call it, `holds` what of it is read, for the table of formats. `recognises` tells whether a
    file or folder is of it, `find` lists what of it lies in a tree, `files` all files that a source is made of.
    `labelled` are the images that a source tells of. `read` makes the document; it raises `AnnotationError` for what is
    none. `splits` are (split, image) as a source tells them beside its labels.
    """

    name: str
    title: str
    holds: str
    recognises: Callable[[Path], bool]
    find: Callable[[Tree], Iterable[Path]]
    files: Callable[[Path], list[Path]]
    labelled: Callable[[Path, Pictures], set[str]]
    read: Callable[[Path, Pictures], Coco]
    splits: Callable[[Path, Pictures], Iterable[tuple[str, str]]] = lambda path, pictures: ()


def guarded(form: Format) -> Format:
    """A format of another package, whose errors of any kind are those that we expect: an `AnnotationError` where labels
    are read, else as if it were no file of it."""

    def told(work: Callable[..., Any]) -> Callable[..., Any]:
        def asked(path: Path, pictures: Pictures) -> Any:
            try:
                return work(path, pictures)
            except AnnotationError:
                raise
            except (Exception, SystemExit) as error:
                plugins.failed(plugins.LABELS, form.name, error)
                raise AnnotationError(f"{path} cannot be read as {form.title}: {error}") from error

        return asked

    def quiet(work: Callable[..., Any], otherwise: Callable[[Path | Tree], Any]) -> Callable[..., Any]:
        def asked(place: Path | Tree) -> Any:
            try:
                return work(place)
            except (Exception, SystemExit) as error:
                plugins.failed(plugins.LABELS, form.name, error)
                return otherwise(place)

        return asked

    return replace(
        form,
        recognises=quiet(form.recognises, lambda path: False),
        find=quiet(lambda tree: [path for path in form.find(tree) if form.recognises(path)], lambda tree: []),
        files=quiet(form.files, lambda path: [path]),
        labelled=told(form.labelled),
        read=told(form.read),
        splits=told(lambda path, pictures: list(form.splits(path, pictures))),
    )


def the_file(path: Path) -> list[Path]:
    """The files of a source that is one file."""
    return [path]


def stem(name: str) -> str:
    """A name without its suffix, however it is capitalised."""
    return os.path.splitext(name)[0].casefold()


SKIPPED = frozenset({"runs"})
"""Folders that trainers write their own predictions into, as texts like labels."""


class Tree:
    """The files that may hold labels in and beside a folder, by folder, and the `pictures` in it. Hidden folders are
    passed over."""

    def __init__(self, root: Path, *beside: Path, flat: Sequence[Path] = (), pictures: Pictures | None = None) -> None:
        """Of images that do not lie in `root` themselves `pictures` are given."""
        self.folders: dict[Path, list[str]] = {}
        images: list[str] = []
        for top in (root, *beside, *flat):
            for folder, folders, names in walk(top):
                folders[:] = [] if top in flat else _visited(folders)
                held = [name for name in names if os.path.splitext(name)[1].lower() in LABEL_SUFFIXES]
                if held:
                    self.folders.setdefault(Path(folder), sorted(held))
                if top is root:
                    below_root = os.path.relpath(folder, root)
                    inside = "" if below_root == os.curdir else f"{Path(below_root).as_posix()}/"
                    images += [inside + name for name in names if os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES]
        self.pictures = pictures or Pictures(root, sorted(images), {})

    def files(self, *suffixes: str) -> Iterator[Path]:
        """All files of these suffixes, in order of their folders."""
        for folder, names in sorted(self.folders.items()):
            yield from (folder / name for name in names if name.lower().endswith(suffixes))

    def folders_with(self, suffix: str, looks_right: Callable[[Path], bool]) -> list[Path]:
        """Folders with a file of that suffix that looks right; of each folder the first few are looked at."""
        found = []
        for folder, names in sorted(self.folders.items()):
            named = [name for name in names if name.lower().endswith(suffix)]
            if any(looks_right(folder / name) for name in named[:LOOKED_AT]):
                found.append(folder)
        return found


LOOKED_AT = 5
"""So many files of a folder are looked at to tell what it holds: the first may be a list or a note."""


def images_of(files: Iterable[Path], pictures: Pictures, named: Callable[[Path], str]) -> set[str]:
    """The images that files of labels are called after, or that they name."""
    return {image for file in files for image in pictures.of_file(file) or pictures.of_file(file, named(file))}


def together(
    folders: Sequence[Path], suffix: str, pictures: Pictures, named: Callable[[Path], str] = lambda file: ""
) -> list[Path]:
    """The folders that hold these folders of labels, one where they tell of different images. Those that tell of the
    same ones again, as two exports of one dataset do, stay apart. `named`: see `FilePerImage`."""
    groups: list[tuple[list[Path], set[str]]] = []
    for folder in folders:
        files = (folder / name for name in os.listdir(folder) if name.lower().endswith(suffix))
        images = images_of(files, pictures, named)
        group = next((group for group in groups if not same_images(group[1], images)), None)
        if group is None:
            groups.append(([folder], images))
        else:
            group[0].append(folder)
            group[1].update(images)
    found = []
    for held, _ in groups:
        over = Path(os.path.commonpath(held))
        alone = all(folder in held or not folder.is_relative_to(over) for folder in folders)
        found += [over] if alone else held
    return found


@dataclass(frozen=True, slots=True)
class FilePerImage:
    """What formats share that have a file of labels for each image: its suffix, whether a file is one, and what one
    that is called otherwise than its image calls it, where that is cheap to tell."""

    suffix: str
    looks_right: Callable[[Path], bool]
    named: Callable[[Path], str] = lambda file: ""

    def recognises(self, path: Path) -> bool:
        """A folder with such files below, or one of them."""
        return any(map(self.looks_right, self.files(path)[:MANY])) if path.is_dir() else self.looks_right(path)

    def find(self, tree: Tree) -> Iterator[Path]:
        """The folders of all such files."""
        folders = tree.folders_with(self.suffix, self.looks_right)
        yield from together(folders, self.suffix, tree.pictures, self.named)

    def files(self, path: Path) -> list[Path]:
        """The files of that suffix below."""
        return list(below(path, self.suffix)) if path.is_dir() else [path]

    def labelled(self, path: Path, pictures: Pictures) -> set[str]:
        """The images that have a file."""
        return images_of(self.files(path), pictures, self.named)


MANY = 50
"""So many files of a folder that a person names are looked at: among them is one that it was named for."""

SAME_IMAGES = 0.5
"""Two sources that have this share of the smaller one's images in common tell of the same ones: splits of one dataset
have few in common, two formats of one nearly all."""


def same_images(one: Set[str], other: Set[str]) -> bool:
    """Whether two sources tell of the same images."""
    return len(one & other) > SAME_IMAGES * min(len(one), len(other))


def below(folder: Path, suffix: str) -> Iterator[Path]:
    """The files of a suffix below a folder, in order; hidden folders are passed over."""
    for inner, folders, names in walk(folder):
        folders[:] = _visited(folders)
        yield from (Path(inner, name) for name in sorted(names) if name.lower().endswith(suffix))


def _visited(folders: list[str]) -> list[str]:
    return sorted(name for name in folders if not name.startswith(".") and name.casefold() not in SKIPPED)


def head_of(path: Path) -> bytes:
    """The first `HEAD` bytes of a file, of a text in UTF-8; none of one that cannot be read."""
    return searchable(files.head_of(path, 2 * HEAD))[:HEAD]  # UTF-16 has two for what is one in UTF-8


def whole_lines(head: bytes) -> bytes:
    """The first bytes of a file without a line that was cut."""
    return head if len(head) < HEAD else head[: head.rfind(b"\n") + 1]


def content_of(path: Path) -> bytes:
    """A file's bytes. Raises `AnnotationError`."""
    try:
        return files.content_of(path)
    except OSError as error:
        raise AnnotationError(f"Cannot read the annotation file {path}: {error.strerror or error}.") from error


def coding_of(content: bytes) -> str:
    """How a text is encoded, by its first bytes: UTF-16 tells so, all else is UTF-8."""
    return "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"


def searchable(content: bytes) -> bytes:
    """A text's bytes as those in UTF-8, as what is searched for in them is written."""
    coding = coding_of(content)
    return content.decode(coding, "replace").encode() if coding == "utf-16" else content


POINTER = b"version https://git-lfs.github.com/"


def why_hollow(path: Path) -> str:
    """Why there is nothing to read in a file, by its first bytes; "" where there may be."""
    head = head_of(path)
    if not head.strip():
        return "it is empty"
    if head.startswith(POINTER):
        return "it is a pointer of Git LFS, fetch the file itself with `git lfs pull`"
    return "" if _may_be_text(head) else "it is no text"


def _may_be_text(head: bytes) -> bool:
    """Whether bytes are the beginning of a text. XML says itself in which of many codes it is."""
    if b"\0" in head:
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # the last character may be cut
    except UnicodeDecodeError:
        return head.lstrip().startswith(b"<")
    return True


def refuse_hollow(path: Path) -> None:
    """Raises the `AnnotationError` of a file in which there is nothing to read."""
    if why := why_hollow(path):
        raise AnnotationError(f"{path}: {why}.")


def text_of(path: Path) -> str:
    """A file's text, in whatever of UTF-8 and UTF-16 it is. Raises `AnnotationError`."""
    content = content_of(path)
    try:
        return content.decode(coding_of(content))
    except UnicodeDecodeError as error:
        raise AnnotationError(f"{path} holds no labels that can be read: it is no UTF-8 text.") from error


def first_line(text: str) -> str:
    """Up to where the first line ends, and with its end."""
    return io.StringIO(text, newline=None).readline()


def lines_of(path: Path) -> list[str]:
    """The lines of a file's text without their ends. Only line feeds and carriage returns end one: names may hold
    what else Unicode calls a line's end. Raises `AnnotationError`."""
    return [line.removesuffix("\n") for line in io.StringIO(text_of(path), newline=None)]


CONTAINERS = GENERIC_FOLDERS | {
    *("labels", "label", "annotation", "annotated", "bboxes", "boxes", "json", "labels_yolo", "txt", "xml", "yolo"),
    *("obj_train_data", "obj_valid_data", "obj_test_data"),
}
"""Folders that say where pictures or labels lie, which is what tells their paths apart."""


class Pictures:
    """The images of a dataset as readers of labels meet them.

    `sizes` are (upright width, upright height, EXIF orientation) by path, zeros where a file cannot be read.
    """

    def __init__(self, root: Path, paths: Sequence[str], sizes: Mapping[str, tuple[int, int, int]]) -> None:
        self.root = Path(os.path.abspath(root))
        self.paths = paths
        self.sizes = sizes

    def size(self, path: str) -> Size | None:
        """Upright width and height; None where they are not known."""
        width, height, _ = self.sizes.get(path, (0, 0, 1))
        return (width, height) if width and height else None

    @cached_property
    def _by_stem(self) -> dict[str, list[tuple[tuple[str, ...], tuple[str, ...], str]]]:
        """Images by stem, each with what its folder tells, and what that tells below the root."""
        held: dict[str, list[tuple[tuple[str, ...], tuple[str, ...], str]]] = defaultdict(list)
        for path in self.paths:
            folder, _, name = path.rpartition("/")
            held[stem(name)].append((_told(self.root / folder), _told(Path(folder)), path))
        return held

    def of_file(self, file: Path, named: str = "") -> list[str]:
        """The images that a file of labels is of, by its own name: in the same folder or one that differs only by words
        such as `images` and `labels`; else the only ones of that name whose folders do not contradict its own.
        Capitals count where several are called so. `named` is what the file itself calls its image, which chooses
        among several."""
        base = named.replace("\\", "/").rpartition("/")[2]
        found = self._of_stem(stem(file.name), file.parent)
        if not found and os.path.splitext(stem(file.name))[1] in IMAGE_SUFFIXES:  # a.jpg.xml
            found = self._of_stem(stem(stem(file.name)), file.parent)
        if not found and base and stem(base) != stem(file.name):
            found = self._of_stem(stem(base), file.parent)
        own = os.path.splitext(file.name)[0]
        found = [path for path in found if os.path.splitext(path.rpartition("/")[2])[0] == own] or found
        return [path for path in found if base and path.rpartition("/")[2] == base] or found

    def _of_stem(self, name: str, folder: Path) -> list[str]:
        held, told = self._by_stem.get(name, []), _told(folder)
        split = split_from_path(f"{folder.as_posix()}/")
        if same := [path for parts, _, path in held if parts == told]:
            return same
        near = [
            path
            for parts, own, path in held
            if (_ends(told, own) or parts[: len(told)] == told) and not contradict(split, split_from_path(path))
        ]
        return near if len({path.rpartition("/")[0] for path in near}) == 1 else []

    def own_of(self, files: Iterable[Path]) -> dict[str, Path]:
        """The file of labels of each image that has one in its own place. What is called like it and lies elsewhere, as
        a backup or predictions below `labels` do, is of it only where there is none."""
        own: dict[str, Path] = {}
        for file in files:
            told = _told(file.parent)
            for image in self.of_file(file):
                if _told((self.root / image).parent) == told:
                    own.setdefault(image, file)
        return own

    def of_names(self, names: Iterable[str], source: Path) -> set[str]:
        """The images that a file of labels calls by these names."""
        return set(self._named(names, source).values())

    def in_splits(self, told: Iterable[tuple[str, str]], source: Path) -> Iterator[tuple[str, str]]:
        """(split, image) of (name, split in its own words) as a file of labels tells them."""
        named = dict.fromkeys((name, split) for name, words in told if (split := split_name(words)))
        paths = self._named((name for name, _ in named), source)
        yield from ((split, paths[name]) for name, split in named if name in paths)

    def _named(self, names: Iterable[str], source: Path) -> dict[str, str]:
        asked = list(dict.fromkeys(names))
        meant = match_names(asked, self.paths, hints(source, self.root), elsewhere=True)
        return {name: path for name, path in zip(asked, meant, strict=True) if path}

    def beside(self, folders: Iterable[Path]) -> list[str]:
        """The images in the folders that belong to these folders of labels."""
        told = {_told(folder) for folder in folders}
        return [path for held in self._by_stem.values() for parts, _, path in held if parts in told]


def _told(folder: Path) -> tuple[str, ...]:
    return tuple(part for part in folder.parts if part.casefold() not in CONTAINERS)


def contradict(one: str, other: str) -> bool:
    """Whether two names of splits are two splits."""
    return bool(one and other and one != other)


def _ends(told: tuple[str, ...], own: tuple[str, ...]) -> bool:
    return not own or told[-len(own) :] == own


class Builder:
    """A document under construction, from a source at `path`."""

    def __init__(self, path: Path, names: Iterable[str] = ()) -> None:
        self.path = path
        self.images: list[Entry] = []
        self.unsound: list[Unsound] = []
        self.categories: list[Entry] = []
        self._ids: dict[str, int] = {}
        self._annotations: list[Held] = []
        for name in names:
            self.category(name)

    def category(self, name: str) -> int:
        """The id of a class, from 1 in the order in which classes are told."""
        if name not in self._ids:
            self._ids[name] = len(self.categories) + 1
            self.categories.append({"id": self._ids[name], "name": name, "supercategory": ""})
        return self._ids[name]

    def image(self, file_name: str, size: Size | None = None, **more: Any) -> int:
        """The id of a new image entry, from 1."""
        known = {"width": size[0], "height": size[1]} if size else {}
        self.images.append({"id": len(self.images) + 1, "file_name": file_name, **known, **more})
        return len(self.images)

    def annotate(
        self, image: int, category: str, fields: Mapping[str, Any], attributes: Mapping[str, Any] = EMPTY
    ) -> None:
        """One annotation; without a `bbox` among its `fields` it is of the whole image."""
        entry: Entry = {
            "id": len(self._annotations) + 1, "image_id": image, "category_id": self.category(category), **fields,
        }  # fmt: skip
        if attributes:
            entry["attributes"] = dict(attributes)
        self._annotations.append(packed(entry))

    def orphan(self, file: Path) -> str:
        """What an image is called that a file of labels is of and that is not there: as the file is, so that no other
        image may be meant."""
        return self._inside(file)

    def is_second(self, file: Path, image: str, own: Mapping[str, Path]) -> bool:
        """Whether an image has labels in its own place (`Pictures.own_of`) and these are others, which is told."""
        first = own.get(image, file)
        if first != file:
            self.odd(file, 0, f"its image has labels in {self._inside(first)} already")
        return first != file

    def odd(self, file: Path, line: int, problem: str, *, kept: bool = False) -> None:
        """Something in a file that cannot be taken, or only as it is (`kept`); `line` is 0 where it is all of it."""
        self.unsound.append(Unsound(self._inside(file), line, problem, kept))

    def _inside(self, file: Path) -> str:
        inside = self.path if self.path.is_dir() else self.path.parent
        return file.relative_to(inside).as_posix() if file.is_relative_to(inside) else file.name

    def done(self) -> Coco:
        """The document."""
        document = {
            "images": self.images, "annotations": Entries(self._annotations), "categories": self.categories,
        }  # fmt: skip
        return Coco(self.path, document, tuple(self.unsound))


def box(left: float, top: float, width: float, height: float) -> dict[str, Any]:
    """The fields of a box in pixels; where `width` or `height` is negative, it reaches to the left or up."""
    x, y = min(left, left + width), min(top, top + height)
    wide, high = abs(width), abs(height)
    return {"bbox": rounded((x, y, wide, high)), "area": rounded((wide * high,))[0], "iscrowd": 0}


def outline(points: Sequence[tuple[float, float]]) -> dict[str, Any]:
    """The fields of a polygon of three points or more, or of the frame around fewer."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    turned = zip(points, [*points[1:], points[0]], strict=True)
    area = abs(sum(x * y2 - x2 * y for (x, y), (x2, y2) in turned)) / 2
    return {
        **box(min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)),
        "area": rounded((area,))[0],
        "segmentation": [rounded(number for point in points for number in point)],
    }


def is_said(value: object) -> bool:
    """Whether a value says something as an attribute: a text, a number (0 is one) or that something holds."""
    return isinstance(value, str | int | float) and value != "" and value is not False


def turned(left: float, top: float, right: float, bottom: float, angle: float) -> dict[str, Any]:
    """The fields of a box turned about its middle by radians, clockwise as people see it."""
    x, y, cosine, sine = (left + right) / 2, (top + bottom) / 2, math.cos(angle), math.sin(angle)
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    return outline([(x + (a - x) * cosine - (b - y) * sine, y + (a - x) * sine + (b - y) * cosine) for a, b in corners])


def rounded(numbers: Iterable[float]) -> list[float]:
    """Numbers of pixels as they are kept, whole ones as integers."""
    return [int(short) if (short := round(number, DECIMALS)).is_integer() else short for number in map(float, numbers)]


def json_of(path: Path) -> Any:
    """What a JSON file holds. Raises `AnnotationError` with the place."""
    try:
        return msgspec.json.decode(text_of(path))
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
        raise AnnotationError(f"{path} holds no labels that can be read: it is no JSON ({error}).") from error
