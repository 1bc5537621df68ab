"""YOLO: a text file for each image, a row `class x y width height` for each box, in fractions of the sides.

Rows may also hold a polygon (`class x1 y1 x2 y2 …`), the four corners of a turned box, or keypoints (`class x y width
height` and as many `x y` or `x y visible` as `kpt_shape` says, or as all rows of the latter kind have). The layouts of
ultralytics (`images/train` beside `labels/train`), Roboflow (`train/images` beside `train/labels`) and Darknet (text
beside the image) are read. Classes are named by `names` in a data.yaml, or by a `classes.txt` or `*.names`. An image
without a file, or with an empty one, has no objects. Sizes are those of the upright pictures, as ultralytics reads
them.

Format: https://docs.ultralytics.com/datasets/
"""

from __future__ import annotations

import math
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from dedup.errors import AnnotationError
from dedup.images.companions import labels_folders
from dedup.labels.coco import NAMESPACE, Coco
from dedup.labels.formats.base import (
    MANY,
    Builder,
    Format,
    Pictures,
    Size,
    Tree,
    below,
    box,
    content_of,
    contradict,
    head_of,
    lines_of,
    outline,
    refuse_hollow,
    text_of,
    together,
)
from dedup.sources.split_names import split_from_path
from dedup.words import plural

SPLITS = ("train", "val", "test", "minival")
CLASS_LISTS = ("classes.txt", "obj.names", "_darknet.labels", "labels.txt", "class_names.txt")
"""Files that name the classes, one a line, where no data.yaml does."""
OUTSIDE = 1.01
"""Fractions above this are no rounding: ultralytics takes an image with one for corrupt."""
BESIDE_BOX = 0.02
"""Keypoints may lie so far outside their box, in fractions of the sides: boxes are drawn by hand."""
MOST_CLASSES = 10_000
LARGEST_YAML = 1 << 20


@dataclass(frozen=True, slots=True)
class Settings:
    """What a data.yaml says: the classes by number, and how many it says there are, where the images of each split lie
    (split, folder or list as it may be meant), (count, dimensions) of keypoints, and which is which in a mirror
    (`flip_idx`)."""

    names: dict[int, str]
    count: int | None = None
    places: tuple[tuple[str, tuple[str, ...]], ...] = ()
    keypoints: tuple[int, int] | None = None
    keypoint_names: dict[int, list[str]] | None = None
    mirrored: tuple[int, ...] = ()


def recognises(path: Path) -> bool:
    """A data.yaml, or a folder with texts of rows below."""
    if path.is_dir():
        return any(_looks_like_rows(file) for file in _texts(path)[:MANY])
    return path.suffix.lower() in (".yaml", ".yml") and _is_settings(path)


def find(tree: Tree) -> Iterator[Path]:
    """Every data.yaml, and the folder of the texts that none of them stands above."""
    told = [file for file in tree.files(".yaml", ".yml") if _tells_names(file)]
    sound = [file for file in told if _is_settings(file)]
    yield from (file for file in told if file not in sound)  # to be told of: classes without their names are lost
    used = [file for file in sound if _texts(file)]
    yield from used
    homes = {file.parent for file in used}
    rest = [
        folder
        for folder in tree.folders_with(".txt", _looks_like_rows)
        if not homes & {folder, *folder.parents}
    ]  # fmt: skip
    yield from together(rest, ".txt", tree.pictures)


def files(path: Path) -> list[Path]:
    """What a source is made of: its texts, and what names its classes."""
    texts = _texts(path)
    return [*texts, *(dict.fromkeys(_lists_of(path, texts).values()) if path.is_dir() else [path])]


def _texts(path: Path) -> list[Path]:
    """The texts of a source: those in folders `labels` where there are any, else those that look like rows."""
    home = path if path.is_dir() else path.parent
    found = _texts_below(home)
    if not found and not path.is_dir():  # a data.yaml that tells of folders elsewhere
        found = [file for folder in _named_folders(path) for file in _texts_below(folder)]
    return found


def _texts_below(home: Path) -> list[Path]:
    every = [file for file in below(home, ".txt") if not _is_note(file)]
    inner = [file for file in every if "labels" in file.parent.parts[len(home.parts) - 1 :]]
    return inner or [file for file in every if _looks_like_rows(file) or not head_of(file).strip()]


def labelled(path: Path, pictures: Pictures) -> set[str]:
    """The images that have a text. Raises `AnnotationError` for what is no data.yaml."""
    if not path.is_dir():
        _settings(path)
    return {image for file in _texts(path) for image in pictures.of_file(file)}


def read(path: Path, pictures: Pictures) -> Coco:
    """The document. Raises `AnnotationError`."""
    texts = _texts(path)
    if not texts:
        raise AnnotationError(f"{path} holds no YOLO labels: no .txt file with rows lies below it.")
    builder = Builder(path)
    lists = _lists_of(path, texts) if path.is_dir() else {file.parent: path for file in texts}
    said = {file: _said_by(file, builder) for file in dict.fromkeys(lists.values())}
    classes = next(iter(said))
    settings = said[classes]
    parsed = {text: list(_rows(text, builder)) for text in texts}
    lengths = Counter(len(numbers) for rows in parsed.values() for _, numbers in rows)
    if not settings.keypoints:
        found = _untold_keypoints(lengths, (row for rows in parsed.values() for _, row in rows))
        if found:
            words = f"no kpt_shape says that rows hold {plural(found[0], 'keypoint')} each, as these do"
            builder.odd(classes, 0, words, kept=True)
        settings = replace(settings, keypoints=found)
    reader = _Reader(builder, settings.keypoints, oriented=_are_turned(lengths))
    seen: set[str] = set()
    here = split_from_path(f"{pictures.root.as_posix()}/")
    own = pictures.own_of(texts)
    for text, rows in parsed.items():
        images = pictures.of_file(text)
        if not images and contradict(split_from_path(text.as_posix()), here):
            continue  # of another split than the one that was asked for
        for image in images or [builder.orphan(text)]:
            if builder.is_second(text, image, own):
                continue
            seen.add(image)
            size = pictures.size(image) if images else None
            id_ = builder.image(image, size)
            if images and size is None and rows:
                builder.odd(text, 0, "its image cannot be read, and without its size nor can its rows")
            names = said[lists[text.parent]].names
            for line, numbers in rows if size else ():
                reader.annotate(id_, size, names, text, line, numbers)  # type: ignore[arg-type]
    for image in pictures.beside({text.parent for text in texts}):
        if image not in seen:
            builder.image(image, pictures.size(image))
    _name_keypoints(builder, settings)
    return builder.done()


def _said_by(file: Path, builder: Builder) -> Settings:
    """What a data.yaml or a list of classes says, with the classes put into the document and what is odd told."""
    try:
        settings = _settings(file) if _is_yaml(file) else Settings(_listed(file))
    except AnnotationError as error:
        if _is_yaml(file):
            raise
        builder.odd(file, 0, str(error).rpartition(": ")[2].removesuffix("."))
        return Settings({})
    named = len(settings.names)
    for number in _numbers(settings):
        builder.category(settings.names[number])
    if settings.count not in (None, named):
        builder.odd(file, 0, f"nc says {settings.count} classes, and {named} have a name", kept=True)
    for name, held in _shared_names(settings.names).items():
        builder.odd(file, 0, f"the classes {held} are all called {name}: they are one class here", kept=True)
    return settings


def _is_yaml(file: Path) -> bool:
    return file.suffix.lower() in (".yaml", ".yml")


def _numbers(settings: Settings) -> list[int]:
    """The numbers of the classes; gaps between them are classes without a name as long as they are few."""
    last = max(settings.names, default=-1)
    if last >= MOST_CLASSES:
        return sorted(settings.names)
    for number in range(last):
        settings.names.setdefault(number, f"class {number}")
    return list(range(last + 1))


def _shared_names(names: Mapping[int, str]) -> dict[str, str]:
    """Names that several classes have, each with their numbers in words."""
    numbers = defaultdict(list)
    for number, name in names.items():
        numbers[name].append(str(number))
    return {name: " and ".join(held) for name, held in numbers.items() if len(held) > 1}


class _Reader:
    """Rows as annotations."""

    def __init__(self, builder: Builder, keypoints: tuple[int, int] | None, *, oriented: bool) -> None:
        self.builder, self.keypoints, self.oriented = builder, keypoints, oriented

    def annotate(
        self, image: int, size: Size, names: Mapping[int, str], text: Path, line: int, numbers: list[float]
    ) -> None:
        """One row, by the names of its classes; what cannot be taken is listed."""
        number, values = numbers[0], numbers[1:]
        if number < 0 or number != int(number):
            return self.builder.odd(text, line, f"its class {number:g} is no whole number from 0")
        fields, problem = self._fields(size, values)
        if problem:
            return self.builder.odd(text, line, problem)
        if names and int(number) not in names:
            self.builder.odd(text, line, f"its class {number:g} has no name", kept=True)
        self.builder.annotate(image, names.get(int(number), f"class {number:g}"), fields)
        return None

    def _fields(self, size: Size, values: list[float]) -> tuple[dict[str, Any], str]:
        width, height = size
        shape = self.keypoints
        count = shape[0] * shape[1] if shape else 0
        points = values[4 : 4 + count] if count and len(values) in (4 + count, 5 + count) else []
        scored = len(values) == 5 + len(points)  # a score behind the box and its points, as predictions have
        places = values[: 4 if points or scored else len(values)]
        if points and shape:
            places = [*places, *(number for place, number in enumerate(points) if place % shape[1] < 2)]
        if any(not -0.01 <= number <= OUTSIDE for number in places):
            return {}, "a coordinate is not between 0 and 1"
        if len(values) in (4, 5) or points:
            x, y, wide, high = values[:4]
            found = box((x - wide / 2) * width, (y - high / 2) * height, wide * width, high * height)
            if scored:
                found["score"] = values[-1]
            return found | (_keypoints(points, shape[1], size) if points and shape else {}), ""
        if len(values) < 6 or len(values) % 2:
            return {}, f"it has {len(values) + 1} numbers: neither a box nor a polygon"
        corners = [(x * width, y * height) for x, y in zip(values[::2], values[1::2], strict=True)]
        return outline(corners) | ({NAMESPACE: {"turned": True}} if self.oriented else {}), ""


def _keypoints(points: list[float], dimensions: int, size: Size) -> dict[str, Any]:
    found: list[float] = []
    for start in range(0, len(points), dimensions):
        x, y, *seen = points[start : start + dimensions]
        visible = _visible(seen[0]) if seen else 2 * bool(x or y)
        found += [round(x * size[0], 5), round(y * size[1], 5), visible]
    return {"keypoints": found, "num_keypoints": sum(number > 0 for number in found[2::3])}


def _visible(told: float) -> int:
    """COCO's word for it: 0, 1 and 2 as they are, and the confidence that a prediction has by whether it is likely."""
    return int(told) if told.is_integer() else 2 * (told >= 0.5)


def _name_keypoints(builder: Builder, settings: Settings) -> None:
    """Keypoints' names into their classes, as COCO has them."""
    if settings.keypoints:
        for number, category in enumerate(builder.categories):
            names = (settings.keypoint_names or {}).get(number, [])
            category["keypoints"] = [
                names[place] if place < len(names) else f"point {place + 1}" for place in range(settings.keypoints[0])
            ]
            if settings.mirrored:
                category["flip_idx"] = list(settings.mirrored)


def _untold_keypoints(lengths: Counter[int], rows: Iterable[list[float]]) -> tuple[int, int] | None:
    """The `kpt_shape` of rows without one: all as long, each a box and points `x y visible`, which lie in it where they
    are seen. Polygons touch edges, but not with every third number."""
    points, rest = divmod(max(lengths, default=0) - 5, 3)
    if len(lengths) != 1 or rest or points < 1:
        return None
    return (points, 3) if all(_holds_points(row) for row in rows) else None


def _holds_points(row: list[float]) -> bool:
    _, x, y, width, height, *rest = row
    seen = rest[2::3]
    return (
        min(width, height) > 0
        and set(seen) <= {0, 1, 2}
        and all(
            abs(u - x) <= width / 2 + BESIDE_BOX and abs(v - y) <= height / 2 + BESIDE_BOX
            for u, v, visible in zip(rest[::3], rest[1::3], seen, strict=True)
            if visible
        )
    )


def _are_turned(lengths: Counter[int]) -> bool:
    """Whether all rows are four corners: turned boxes. Among polygons of other lengths they are polygons."""
    return set(lengths) == {9}


# --- texts ------------------------------------------------------------------------------------------------------------


def _rows(text: Path, builder: Builder) -> Iterator[tuple[int, list[float]]]:
    """The numbers of each row that has some, with its line from 1."""
    try:
        lines = lines_of(text)
    except AnnotationError as error:
        return builder.odd(text, 0, str(error).partition(": ")[2].removesuffix("."))
    for line, row in enumerate(lines, start=1):
        if not row.strip():
            continue
        try:
            numbers = [float(part) for part in row.split()]
        except ValueError:
            builder.odd(text, line, "it is no row of numbers")
            continue
        if not all(map(math.isfinite, numbers)):
            builder.odd(text, line, "a number in it is not finite")
        elif len(numbers) < 5:
            builder.odd(text, line, f"it has {len(numbers)} numbers, a box has 5")
        else:
            yield line, numbers


def _is_note(file: Path) -> bool:
    """Whether a text is a list of classes or a note."""
    name = file.name.casefold()
    return name in CLASS_LISTS or name.startswith("readme")


def _looks_like_rows(file: Path) -> bool:
    """Whether the first row of a text is numbers, five at least, the first of them a whole one."""
    first = next(iter(head_of(file).split(b"\n")), b"").split()
    try:
        numbers = [float(part) for part in first]
    except ValueError:
        return False
    return (
        len(numbers) >= 5
        and all(-1 <= number <= 2 for number in numbers[1:])
        and math.isfinite(numbers[0])
        and numbers[0].is_integer()
    )


# --- classes ----------------------------------------------------------------------------------------------------------


def _is_settings(path: Path) -> bool:
    try:
        return bool(_settings(path).names)
    except AnnotationError:
        return False


NAMES = re.compile(rb"^[ \t]*[\"']?names[\"']?[ \t]*:", re.MULTILINE)
PLACES = re.compile(rb"^[ \t]*[\"']?(?:train|val|nc|path)[\"']?[ \t]*:", re.MULTILINE)


def _tells_names(path: Path) -> bool:
    """Whether a file may be a data.yaml by its keys, though it may not be read."""
    try:
        content = content_of(path) if path.stat().st_size <= LARGEST_YAML else b""
    except (AnnotationError, OSError):
        return False
    return bool(NAMES.search(content)) and (bool(PLACES.search(content)) or _is_settings(path))


def _settings(path: Path) -> Settings:
    try:
        if path.stat().st_size > LARGEST_YAML:
            raise AnnotationError(f"{path} is no YOLO data.yaml: it is larger than a megabyte.")
        held = yaml.load(text_of(path), Loader=_Loader)
    except (yaml.YAMLError, RecursionError, ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        place = getattr(error, "problem_mark", None)
        told = f" (line {place.line + 1})" if place else ""
        raise AnnotationError(f"{path} is no YOLO data.yaml: it is no YAML{told}.") from error
    if not isinstance(held, dict) or not isinstance(held.get("names"), dict | list):
        raise AnnotationError(f'{path} is no YOLO data.yaml: it has no list "names" of classes.')
    listed = held["names"]
    pairs = listed.items() if isinstance(listed, dict) else enumerate(listed)
    names = {int(number): str(name) for number, name in pairs if str(number).isdecimal()}
    count = held.get("nc")
    shape, named = held.get("kpt_shape"), held.get("kpt_names")
    return Settings(
        names,
        count if isinstance(count, int) else None,
        tuple(_places(held)),
        _shape(shape),
        {
            int(number): [str(point) for point in each]
            for number, each in named.items()
            if str(number).isdecimal() and isinstance(each, list)
        }
        if isinstance(named, dict)
        else None,
        tuple(flip) if isinstance(flip := held.get("flip_idx"), list) and all(map(_is_place, flip)) else (),
    )


def _is_place(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _shape(told: Any) -> tuple[int, int] | None:
    """How many keypoints there are, and of how many numbers; None where it says no such thing."""
    if not isinstance(told, list) or len(told) != 2 or not all(isinstance(each, int) for each in told):
        return None
    count, numbers = told
    return (count, numbers) if 0 < count <= MOST_CLASSES and numbers in (2, 3) else None


class _Loader(yaml.SafeLoader):
    """Safe, and without references, by which a few lines could tell of billions."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.YAMLError("references are not read")
        return super().compose_node(parent, index)


def _places(held: dict[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each place as it may be meant: `path` is often that of the machine that wrote the file, and `..` that of its
    tool."""
    top = str(held.get("path") or "")
    for split in SPLITS:
        told = held.get(split)
        for each in told if isinstance(told, list) else [told] if told else []:
            meant = [f"{top}/{each}", str(each)] if top else [str(each)]
            slashed = [place.replace("\\", "/") for place in meant]
            yield split, tuple(dict.fromkeys([*slashed, *(place.removeprefix("../") for place in slashed)]))


def _named_folders(path: Path) -> Iterator[Path]:
    """The folders of labels for those of images that a data.yaml names."""
    try:
        places = _settings(path).places
    except AnnotationError:
        return
    for _, told in places:
        for place in (path.parent / each for each in told):
            there = next((folder for folder in labels_folders(place) or [place] if os.path.isdir(folder)), None)
            if there is not None:
                yield there
                break


def splits(path: Path, pictures: Pictures) -> Iterator[tuple[str, str]]:
    """What a data.yaml says: for each split folders of images, or lists of them (`train.txt`)."""
    if path.is_dir():
        return
    for split, told in _settings(path).places:
        for place in (path.parent / each for each in told):
            if os.path.isfile(place):  # False also of a name that is too long
                named = (line.strip() for line in lines_of(place))
                yield from ((split, image) for image in sorted(pictures.of_names(filter(None, named), place)))
                break
            if os.path.isdir(place):
                inside = Path(os.path.abspath(place))
                yield from (
                    (split, image) for image in pictures.paths if (pictures.root / image).is_relative_to(inside)
                )
                break


def _listed(file: Path) -> dict[int, str]:
    """The classes that a list names, one a line, none where there is no list. Raises `AnnotationError`."""
    if not file.is_file():
        return {}
    lines = list(map(str.strip, lines_of(file)))
    refuse_hollow(file)
    return {number: name for number, name in enumerate(lines) if name}


def _lists_of(folder: Path, texts: Sequence[Path]) -> dict[Path, Path]:
    """For each folder of texts the list of their classes: the nearest at or above it, in that of other texts, else a
    data.yaml in the folder or above; where the list would be if there is none."""
    homes, above = sorted({file.parent for file in texts}), [folder, *folder.parents[:2]]
    settings = (file for place in above for file in sorted(place.glob("*.y*ml")) if _is_settings(file))
    others = [file for home in homes for file in _lists_in(home)]
    last = next(iter(others), None) or next(settings, folder / CLASS_LISTS[0])
    return {
        home: next((file for place in [home, *_up_to(folder, home), *above] for file in _lists_in(place)), last)
        for home in homes
    }


def _up_to(folder: Path, home: Path) -> Iterator[Path]:
    yield from (place for place in home.parents if place != folder and place.is_relative_to(folder))


def _lists_in(place: Path) -> list[Path]:
    files = dict.fromkeys([*(place / name for name in CLASS_LISTS), *sorted(place.glob("*.names"))])
    return [file for file in files if file.is_file() and not _looks_like_rows(file)]


YOLO = Format(
    "yolo",
    "YOLO",
    "boxes, polygons, turned boxes, keypoints; data.yaml, classes.txt",
    recognises,
    find,
    files,
    labelled,
    read,
    splits,
)
