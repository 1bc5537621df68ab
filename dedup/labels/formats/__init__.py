"""Labels in any format that is read: a new one is one file and one name in FORMATS."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from dedup import plugins
from dedup.errors import AnnotationError
from dedup.labels import coco_sound
from dedup.labels.coco import Coco
from dedup.labels.formats import coco, foreign
from dedup.labels.formats.base import CONTAINERS, Format, Pictures, Tree, guarded, same_images
from dedup.labels.formats.coco import COCO
from dedup.labels.formats.columns import CLASS_COLUMNS
from dedup.labels.formats.cvat import CVAT
from dedup.labels.formats.labelme import LABELME
from dedup.labels.formats.retinanet import RETINANET
from dedup.labels.formats.tables import HUGGING_FACE, OPENIMAGES, SAMPLES, TABLE, holds_boxes
from dedup.labels.formats.voc import VOC
from dedup.labels.formats.yolo import YOLO
from dedup.sources.split_names import split_name
from dedup.words import plural

_OURS = (COCO, YOLO, VOC, CVAT, LABELME, OPENIMAGES, HUGGING_FACE, SAMPLES, TABLE, RETINANET, CLASS_COLUMNS)
_ADDED = plugins.added(plugins.LABELS, Format, {each.name for each in _OURS})
FORMATS = (*_OURS, *map(guarded, _ADDED))
"""In the order in which one is chosen where several tell of the same images: what holds more first, and those of other
packages last."""

__all__ = [
    "FORMATS",
    "Format",
    "Found",
    "Pictures",
    "Seen",
    "check",
    "chosen",
    "files_of",
    "find",
    "format_of",
    "left_by",
    "lie_beside",
    "read",
    "see",
    "see_in_list",
    "see_of",
    "splits_of",
    "used_from_now_on",
]


@dataclass(frozen=True, slots=True)
class Found:
    """Labels that were found: what and where, and the images they tell of."""

    path: Path
    format: Format
    images: frozenset[str]

    def sentence(self, folder: Path) -> str:
        """For people, seen from a folder."""
        return f"{self.format.title} of {plural(len(self.images), 'image')} in {_seen_from(folder, self.path)}"


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of labels in and beside a folder: those that can be read, and sentences on files that hold some,
    by the look of them, and cannot (`unread`), or that tell of images and may hold some (`strange`)."""

    found: list[Found]
    unread: tuple[str, ...]
    strange: tuple[str, ...] = ()


def find(root: Path) -> list[Found]:
    """Labels in `root` and beside it that can be read, see `see`."""
    return see(root).found


def see(root: Path) -> Seen:
    """Labels in `root` and beside it, in the order of `FORMATS`, of sources that tell of an image in `root`. Hidden
    folders are passed over."""
    root = Path(os.path.abspath(root))  # not resolve(): keep a link's own place
    return _seen_in(Tree(root, *_beside(root), flat=_lists_beside(root)))


def see_of(pictures: Pictures) -> Seen:
    """The same in the folder of pictures that do not lie there themselves."""
    return _seen_in(Tree(pictures.root, pictures=pictures))


def see_in_list(file: Path, pictures: Pictures) -> Seen:
    """The same in the list that names the pictures, whose other columns may tell of them."""
    form = next((each for each in FORMATS[1:] if each.recognises(file)), None)
    if form is None:
        return Seen([], ())
    try:
        images = form.labelled(file, pictures)
    except (AnnotationError, OSError, RecursionError) as error:
        return Seen([], (f"{file.name} looks like {form.title} and cannot be read: {error}",))
    return Seen([Found(file, form, frozenset(images))] if images else [], ())


def _seen_in(tree: Tree) -> Seen:
    found: dict[Path, Found] = {}
    damaged: dict[Path, str] = {}
    of_others: dict[Path, str] = {}
    where = partial(_seen_from, tree.pictures.root)
    for form in FORMATS:
        for path in form.find(tree):
            if path in found:
                continue
            try:
                images = form.labelled(path, tree.pictures)
            except (AnnotationError, OSError, RecursionError) as error:
                words = f"{where(path)} looks like {form.title} and cannot be read"
                reason = str(error).rpartition(": ")[2].removesuffix(".") if isinstance(error, AnnotationError) else ""
                damaged.setdefault(path, f"{words}: {reason}." if reason else f"{words}.")
                continue
            if images:
                found[path] = Found(path, form, frozenset(images))
            elif path.is_relative_to(tree.pictures.root):  # what lies beside may be of other folders
                words = f"{where(path)} looks like {form.title} and tells of no image here"
                of_others.setdefault(path, f"{words}: names are compared.")
    for path, why in foreign.hollow(tree):
        damaged.setdefault(path, f"{where(path)} is called as labels are and cannot be read: {why}.")
    unread = {path: words for path, words in damaged.items() if path not in found}
    strange: dict[Path, str] = {}
    advice = "which is not read: have its tool write COCO, for one"
    others = foreign.find(tree, frozenset().union(*(each.images for each in found.values())))
    unread |= {path: f"{where(path)} holds labels of {title}, {advice}." for path, title in others if path not in found}
    if found:
        strange = of_others
    else:  # what is not read may be what others were made from
        unread = of_others | unread
        strays = [path for path in foreign.strays(tree) if path not in unread]
        told = {path: f"{where(path)} tells of images here, in no format that is read." for path in strays}
        strange = {path: words for path, words in told.items() if not foreign.is_for_labels(path, tree)}
        unread |= {path: words for path, words in told.items() if path not in strange}
    return Seen(list(found.values()), tuple(unread.values()), tuple(strange.values()))


def _seen_from(folder: Path, path: Path) -> str:
    """For people: the path as seen from a folder that it is, or lies in or beside."""
    if path == folder:
        return "this folder"
    return os.path.relpath(path, folder) if folder.parent in path.parents else os.fspath(path)


BESIDE = ("labels", "annotations", "Annotations")
"""Folders of labels that lie beside a folder of images."""


def _beside(root: Path) -> list[Path]:
    """Where labels of a folder of images lie that is called so, or after a split, or lies in one that is: at its place
    in a folder of labels. Whatever else lies in such folders is of other images."""
    found = []
    for outer in root.parents[:2]:
        child, *rest = root.relative_to(outer).parts
        if child.casefold() in CONTAINERS or split_name(child):
            found += [outer / name / Path(*rest) for name in BESIDE]
    return [folder for folder in found if folder.is_dir()]


def _lists_beside(root: Path) -> list[Path]:
    """Where files lie that tell of images of several folders: right in `annotations` beside `images` or the splits, as
    COCO has them."""
    outer = root
    while outer.name.casefold() in CONTAINERS or split_name(outer.name):
        outer = outer.parent
    return [outer / "annotations"] if outer != root and (outer / "annotations").is_dir() else []


FEW = 0.5
"""Labels of less than this share of the images that another source tells of come after it: one that tells of all of
them is better than one of a part, though the part be in a format that holds more. The largest split has more."""


def chosen(found: Sequence[Found]) -> list[Found]:
    """Those to use unless told otherwise: of several that tell of the same images the first, but for one that tells of
    few of them; of COCO files instances before captions and keypoints, which tell of the same objects again; of tables
    those with boxes before those of whole images."""
    most = max((len(each.images) for each in found), default=0)
    taken: list[Found] = []

    def rank(one: Found) -> tuple[bool, int, bool]:
        return len(one.images) < FEW * most, FORMATS.index(one.format), _holds_less(one)

    for each in sorted(found, key=rank):
        if not any(same_images(each.images, other.images) for other in taken):
            taken.append(each)
    return sorted(taken, key=found.index)


def _holds_less(one: Found) -> bool:
    """Whether others of its format may hold more of the same images."""
    if one.format in (OPENIMAGES, TABLE):
        return not holds_boxes(one.path)
    return not one.path.name.startswith("instances")


def used_from_now_on(found: Sequence[Found], used: Sequence[str]) -> tuple[str, ...]:
    """What is `chosen`; where labels are `used` already, these and what came since and tells of other images."""
    if not used:
        return tuple(os.fspath(each.path) for each in chosen(found))
    held = [each for each in found if os.fspath(each.path) in used]
    if not held:
        return tuple(used)  # of what lies elsewhere nobody knows which images it tells of
    new = [each for each in chosen(found) if not any(same_images(each.images, other.images) for other in held)]
    return (*used, *(os.fspath(each.path) for each in new if each not in held))


def left_by(found: Sequence[Found], used: Sequence[str]) -> tuple[str, ...]:
    """The names of COCO files that are not `used` beside others that are: captions and keypoints, which say more."""
    own = [each for each in found if each.format is COCO]
    left = [each.path.name for each in own if os.fspath(each.path) not in used]
    return tuple(left) if len(left) < len(own) else ()


def lie_beside(address: str) -> bool:
    """Whether labels of a folder of images may lie in folders beside it."""
    return os.path.isdir(address) and bool(_beside(Path(address)) or _lists_beside(Path(address)))


def format_of(path: Path) -> Format:
    """The format of a source. Raises `AnnotationError` that says which are read."""
    if not path.exists():
        raise AnnotationError(f"Cannot read the annotation file {path}: no such file or folder.")
    for form in (*FORMATS[1:], COCO):  # which takes every JSON file that is of no other
        if form.recognises(path):
            return form
    offered = ", ".join(form.title for form in FORMATS)
    raise AnnotationError(f"{path} holds no labels in a format that is read. Read are: {offered}.")


def sources_in(path: Path) -> list[Path]:
    """The path itself; of a folder that is no source the files right in it that are some, if there are."""
    if not path.is_dir() or holds_labels(path):
        return [path]
    return [file for file in sorted(path.iterdir()) if file.is_file() and _is_document(file)] or [path]


def _is_document(file: Path) -> bool:
    """Whether a file is labels of many images, and no JSON of another sort."""
    return any(form.recognises(file) for form in FORMATS if form is not COCO) or coco.looks_right(file)


def holds_labels(path: Path) -> bool:
    """Whether a file or folder is there and of a format that is read."""
    try:
        return bool(format_of(path))
    except AnnotationError:
        return False


def read(path: Path, pictures: Pictures) -> Coco:
    """The labels of a source as a document. Raises `AnnotationError`."""
    return format_of(path).read(path, pictures)


def files_of(path: Path) -> list[Path]:
    """The files that a source is made of, as far as it can be told."""
    try:
        return format_of(path).files(path)
    except AnnotationError:
        return [path]


def splits_of(path: Path, pictures: Pictures) -> list[tuple[str, str]]:
    """(split, image) as a source tells them beside its labels. Raises `AnnotationError`."""
    return list(format_of(path).splits(path, pictures))


def check(path: Path) -> None:
    """Raises the `AnnotationError` of what holds no labels, without reading all of them."""
    form = format_of(path)
    if form is COCO:
        coco_sound.check(path)
