"""What of a COCO file is sound: one bad entry costs that entry, not the file.

Files come from many tools: ids are written as 1.0, one box is null, a category has no name, two files were
concatenated. What is right but for its manner of writing is put right (whole numbers are whole, an entry that is there
twice is there once, the name in a URL is a name). An entry that no reader could make sense of is left out; a part that
only its own readers need, such as a mask, stays as it is. Either is listed, with its place in the file.
"""

from __future__ import annotations

import codecs
import gc
import json
import math
import os
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard, TypeVar
from urllib.parse import unquote, urlsplit

import msgspec
import numpy as np

from dedup.errors import AnnotationError
from dedup.images.formats import SUFFIXES
from dedup.labels.entries import Entries, Entry, Held, packed, unpacked

LISTS = ("images", "annotations", "categories")
T = TypeVar("T")


class Unsound(NamedTuple):
    """An entry that cannot be taken as it is: the list of a document it is in and its place there, from 0, or a file
    and its line, from 1 (0 for all of it); what is wrong with it; and whether it is `kept` all the same."""

    key: str
    place: int
    problem: str
    kept: bool = False

    def sentence(self) -> str:
        """For people: "entry 3 of "annotations": its bbox is no four numbers", "labels/a.txt, line 2: it is no row"."""
        if self.key in LISTS:
            return f'entry {self.place} of "{self.key}": {self.problem}'
        return f"{self.key}, line {self.place}: {self.problem}" if self.place else f"{self.key}: {self.problem}"


def read(path: Path) -> tuple[Entry, list[Unsound]]:
    """A COCO file with its sound entries only, annotations as `Entries`, and what is not sound. Raises
    `AnnotationError` for what is no COCO file at all."""
    with _no_collection():
        return _looked_at(
            path, lambda document, strange, guessed: _sound(document, path, strange=strange, guessed=guessed)
        )


def check(path: Path) -> None:
    """Raises the `AnnotationError` that `read` would raise, without a look at every annotation."""
    _looked_at(path, lambda document, _strange, _guessed: _check_shape(document, path))


def _looked_at(path: Path, look: Callable[[Any, bool, bool], T]) -> T:
    """What `look` makes of a document, of whether there may be numbers in it that are none in JSON, and of whether its
    coding was guessed. What the faster reader refuses, then or while `look` decodes its annotations, is read as a
    whole, or explained."""
    content = _content(path)
    if _depth(content) < DEEP:
        with suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return look(_parts(content), False, False)
    return look(*_whole(content, path))


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise AnnotationError(f"Cannot read the annotation file {path}: {error.strerror or error}.") from error


def _check_shape(document: Any, path: Path) -> None:
    if not isinstance(document, dict):
        raise _unusable(path, "it holds no object with images, annotations and categories")
    if "images" not in document:
        raise _unusable(path, 'it has no list "images"')
    for key in LISTS:
        held = document.get(key)
        if not isinstance(held, list) and (held is not None or key == "images"):
            raise _unusable(path, f'"{key}" is no list')


def _sound(document: Any, path: Path, *, strange: bool, guessed: bool) -> tuple[Entry, list[Unsound]]:
    """What `read` returns; `strange` where there may be numbers that are none in JSON."""
    _check_shape(document, path)
    unsound: list[Unsound] = []
    if guessed:
        unsound.append(Unsound(path.name, 0, "it is no UTF-8 text; taken for Windows-1252", kept=True))
    if strange:
        document = _without_strange_numbers(document, unsound)
    images, contested = _once(_checked(document["images"], "images", _sound_image, unsound), unsound)
    document["images"] = list(images.values())
    document |= {key: [] for key in LISTS if key in document and document[key] is None}  # readers walk through them
    classes: set[int | str] | None = None
    if document.get("categories"):
        categories, unclear = _once(_checked(document["categories"], "categories", _sound_category, unsound), unsound)
        document["categories"] = [entry for id_, entry in categories.items() if id_ not in unclear]
        classes = {entry["id"] for entry in document["categories"]}
    if document.get("annotations") is not None:
        document["annotations"] = Entries(_sound_annotations(document["annotations"], contested, classes, unsound))
    return document, unsound


def _sound_annotations(
    annotations: Iterable[Any],
    contested: Collection[int | str],
    classes: Collection[int | str] | None,
    unsound: list[Unsound],
) -> Iterator[Held]:
    sound = partial(_sound_annotation, contested=contested, classes=classes)
    for place, held in enumerate(annotations):
        # decoded whole though `_is_ordinary` decodes what it looks at: what it passes over must be readable, too
        read = unpacked(held) if isinstance(held, msgspec.Raw) else held
        if isinstance(held, msgspec.Raw) and _is_ordinary(held, contested, classes):
            yield held
            continue
        for _, _, entry in _checked([read], "annotations", sound, unsound, first=place):
            yield held if entry is read and isinstance(held, msgspec.Raw) else packed(entry)


def are_finite(values: Any) -> TypeGuard[list[float]]:
    """Whether `values` is a list of finite numbers; fast, for there are millions of them in a file."""
    try:
        return isinstance(values, list) and set(map(type, values)) <= {int, float} and math.isfinite(sum(values))
    except OverflowError:  # a whole number of hundreds of digits
        return False


def is_box(value: Any) -> TypeGuard[list[float]]:
    """Whether a value is x, y, width and height, all finite."""
    return are_finite(value) and len(value) == 4


def name_in_url(url: str) -> str:
    """The path that a URL names, without a leading slash: its own, or, where that is no image's, of its query's `d`, as
    Label Studio writes it."""
    try:
        parts = urlsplit(url)
    except ValueError:  # such as a bracket that is not closed
        return url
    named = next(
        (value for key, _, value in (each.partition("=") for each in parts.query.split("&")) if key == "d"), ""
    )
    path = unquote(parts.path)
    if named and os.path.splitext(path)[1].lower() not in SUFFIXES:
        path = unquote(named)
    return path.replace("\\", "/").lstrip("/")


HUGE = re.compile(r"[eE]\+?\d{3}")
"""In a number, an exponent with which it may be infinite."""


# --- the file ---------------------------------------------------------------------------------------------------------


def _unusable(path: Path, problem: str) -> AnnotationError:
    return AnnotationError(f"{path} is not a usable COCO file: {problem}.")


def _parts(content: bytes) -> Entry:
    """A document decoded, but for each of its annotations. Raises what `msgspec` does, also for what is no object, and
    UnicodeDecodeError."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(content), BLOCK):  # texts that are passed over are not looked at
        decoder.decode(content[start : start + BLOCK], final=start + BLOCK >= len(content))
    parts = msgspec.json.decode(content.removeprefix(codecs.BOM_UTF8), type=dict[str, msgspec.Raw])
    document = {key: msgspec.json.decode(part) for key, part in parts.items() if key != "annotations"}
    if "annotations" in parts:
        listed = memoryview(parts["annotations"])[0] == ord("[")
        document["annotations"] = msgspec.json.decode(parts["annotations"], type=list[msgspec.Raw] if listed else Any)
    return {key: document[key] for key in parts}


def _whole(content: bytes, path: Path) -> tuple[Any, bool, bool]:
    """What a file holds, whether there may be numbers in it that are none in JSON, and whether its coding was guessed:
    what is no UTF-8 is most often what older tools write on Windows."""
    constants: list[str] = []

    def constant(text: str) -> float:
        constants.append(text)
        return math.nan

    try:
        text, guessed = _text(content)
        return json.loads(text, parse_constant=constant), bool(constants) or bool(HUGE.search(text)), guessed
    except UnicodeDecodeError as error:
        raise AnnotationError(f"{path} is not a COCO file: it is no UTF-8 text.") from error
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise AnnotationError(f"{path} is not a COCO file: it is no JSON ({error.msg} at {place}).") from error
    except ValueError as error:  # a number of thousands of digits
        raise AnnotationError(f"{path} is not a COCO file: {error}.") from error
    except RecursionError as error:
        raise AnnotationError(f"{path} is not a COCO file: its JSON is nested too deep.") from error


def _text(content: bytes) -> tuple[str, bool]:
    coding = json.detect_encoding(content)
    try:
        return content.decode(coding), False
    except UnicodeDecodeError:
        if coding != "utf-8":
            raise
        return content.decode("cp1252"), True


BLOCK = 1 << 20
OPENING = list(b"[{")
OTHERS = bytes(set(range(256)) - set(b"[]{}"))

DEEP = 200
"""Nested deeper than any labels are, what the faster reader takes could not be written again."""


def _depth(content: bytes) -> int:
    """How deep brackets are nested at most; those in texts count as well, which makes it no less."""
    depth = deepest = 0
    for start in range(0, len(content), BLOCK):
        brackets = np.frombuffer(content[start : start + BLOCK].translate(None, OTHERS), np.uint8)
        reached = depth + np.cumsum(np.where(np.isin(brackets, OPENING), 1, -1))
        deepest = max(deepest, int(reached.max(initial=0)))
        depth = int(reached[-1]) if len(reached) else depth
    return deepest


@contextmanager
def _no_collection() -> Iterator[None]:
    """Millions of objects are made and none is garbage: to look for some three times over doubles the time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _without_strange_numbers(document: Entry, unsound: list[Unsound]) -> Entry:
    """The document without what is NaN or infinite, which JSON has no word for: fields of entries are left out."""
    clean: Entry = {}
    for key, held in document.items():
        if key in LISTS and isinstance(held, list):
            clean[key] = [_plain(entry, key, place, unsound) for place, entry in enumerate(held)]
        elif _is_plain(held):
            clean[key] = held
    return clean


def _plain(entry: Any, key: str, place: int, unsound: list[Unsound]) -> Any:
    if not isinstance(entry, dict) or _is_plain(entry):
        return entry
    bad = [name for name, value in entry.items() if not _is_plain(value)]
    needed = {"bbox", "id", "image_id", "category_id"} & set(bad)
    if not needed:
        unsound.append(Unsound(key, place, f"{', '.join(bad)} left out, being no finite number", kept=True))
    return {name: value for name, value in entry.items() if name not in bad or name in needed}


def _is_plain(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    return all(map(_is_plain, value)) if isinstance(value, list) else True


# --- entries ----------------------------------------------------------------------------------------------------------

NO_ID = "it has no id that is a number or a text"
Sound = Callable[[Entry], tuple[Entry, str, str]]
"""An entry put right, why it cannot be taken ('' where it can), and what of it only some readers can take."""


def _checked(
    entries: Iterable[Any], key: str, sound: Sound, unsound: list[Unsound], first: int = 0
) -> Iterator[tuple[str, int, Entry]]:
    """Those of a list's entries that can be taken, put right, each with the list's key and its place there; the
    `first` of them has that one."""
    for place, held in enumerate(entries, first):
        entry, problem, oddity = sound(held) if isinstance(held, dict) else ({}, "it is no object", "")
        if problem or oddity:
            unsound.append(Unsound(key, place, problem or oddity, kept=not problem))
        if not problem:
            yield key, place, entry


def _once(
    entries: Iterable[tuple[str, int, Entry]], unsound: list[Unsound]
) -> tuple[dict[int | str, Entry], set[int | str]]:
    """Entries under their ids, what is there twice once, and the ids that several claim: of these the first stays, and
    all are listed. What only differs in what no box depends on is the same; the first says it."""
    held: dict[int | str, list[tuple[str, int, Entry]]] = defaultdict(list)
    for key, place, entry in entries:
        claims = held[entry["id"]]
        same = next((number for number, (_, _, other) in enumerate(claims) if _mean_the_same(entry, other)), None)
        if same is None:
            claims.append((key, place, entry))
        elif entry != claims[same][2]:
            first, at, other = claims[same]
            claims[same] = first, at, entry | other
            unsound.append(Unsound(key, place, f"its id {entry['id']!r} is there twice; taken as one", kept=True))
    contested = {id_: claims for id_, claims in held.items() if len(claims) > 1}
    for id_, claims in contested.items():
        unsound += [Unsound(key, place, f"its id {id_!r} is that of another entry") for key, place, _ in claims]
    return {id_: claims[0][2] for id_, claims in held.items()}, set(contested)


TELLING = ("file_name", "width", "height", "name", "supercategory")
"""Fields by which images and classes are told apart."""


def _mean_the_same(one: Entry, other: Entry) -> bool:
    return all(one[key] == other[key] for key in TELLING if one.get(key) and other.get(key))


def _with_whole(entry: Entry, *keys: str) -> Entry:
    """An entry with whole numbers whole: 1.0 is 1."""
    floats = {key: entry[key] for key in keys if type(entry.get(key)) is float}
    whole = {key: int(number) for key, number in floats.items() if number.is_integer()}
    return {**entry, **whole} if whole else entry


def _is_id(value: Any) -> TypeGuard[int | str]:
    return isinstance(value, int | str) and not isinstance(value, bool)


def _sound_image(held: Entry) -> tuple[Entry, str, str]:
    entry = _with_whole(_named(held), "id", "width", "height")
    if not _is_id(entry.get("id")):
        return entry, NO_ID, ""
    name = entry.get("file_name")
    return entry, "" if isinstance(name, str) and name.strip() else "it has no file_name", ""


def _named(image: Entry) -> Entry:
    """An image entry with a file name: where it only has a URL, as in LVIS, the path in it."""
    if image.get("file_name"):
        return image
    url = next((image[key] for key in ("coco_url", "flickr_url", "url") if isinstance(image.get(key), str)), "")
    return {**image, "file_name": name_in_url(url)}


def _sound_category(held: Entry) -> tuple[Entry, str, str]:
    entry = _with_whole(held, "id")
    if not _is_id(entry.get("id")):
        return entry, NO_ID, ""
    return entry, "" if isinstance(entry.get("name"), str) else "it has no name", ""


def _sound_annotation(
    held: Entry, *, contested: Collection[int | str], classes: Collection[int | str] | None
) -> tuple[Entry, str, str]:
    """`contested` are the ids of more than one image, `classes` those of categories, None where there are none."""
    entry = _with_whole(held, "id", "image_id", "category_id")
    nameless = entry.get("id") is not None and not _is_id(entry["id"])
    if nameless:
        entry = {key: value for key, value in entry.items() if key != "id"}
    image, category, box = entry.get("image_id"), entry.get("category_id"), entry.get("bbox")
    if not _is_id(image):
        return entry, "it has no image_id that is a number or a text", ""
    if image in contested:
        return entry, "its image_id is that of two images", ""
    if category is not None and not _is_id(category):
        return entry, "it has a category_id that is no number or text", ""
    if category is not None and classes is not None and category not in classes:
        return entry, f"its category {category!r} is not among the file's sound categories", ""
    if box and not is_box(box):
        return entry, "its bbox is no four finite numbers", ""
    return entry, "", "its id, being no number or text, left out" if nameless else _oddity(entry)


class _Ordinary(msgspec.Struct, gc=False):
    """An annotation as the format has it, checked at machine speed; what does not fit is looked at field by field."""

    image_id: int | float | str
    id: int | float | str | None = None
    category_id: int | float | str | None = None
    bbox: list[float] | msgspec.UnsetType = msgspec.UNSET
    segmentation: list[list[float] | float] | dict[str, Any] | None = None
    keypoints: list[float] | None = None


_decode_ordinary = msgspec.json.Decoder(_Ordinary).decode


def _is_ordinary(held: msgspec.Raw, contested: Collection[int | str], classes: Collection[int | str] | None) -> bool:
    """Whether `_sound_annotation` has nothing to say of an annotation; False where only that can tell."""
    try:
        entry = _decode_ordinary(held)
    except msgspec.ValidationError:
        return False
    outline, category = entry.segmentation, entry.category_id
    return (
        float not in (type(entry.id), type(entry.image_id), type(category))
        and entry.image_id not in contested
        and (category is None or classes is None or category in classes)
        and (entry.bbox is msgspec.UNSET or len(entry.bbox) == 4)
        and (not isinstance(outline, list) or len(set(map(type, outline))) < 2)
    )


def _oddity(entry: Mapping[str, Any]) -> str:
    """What of an annotation only some readers can take; '' where all can."""
    if "bbox" in entry and not entry["bbox"]:
        return "its bbox is empty"
    outline, points = entry.get("segmentation"), entry.get("keypoints")
    if isinstance(outline, list) and not all(map(are_finite, outline)) and not are_finite(outline):
        return "its segmentation is no list of polygons"
    return "its keypoints are no finite numbers" if isinstance(points, list) and not are_finite(points) else ""
