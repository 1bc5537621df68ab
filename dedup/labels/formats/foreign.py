"""Labels that are not read, so that nobody takes silence for "no labels": of other formats, known by their first bytes,
files that tell of the images of a folder by their names, whatever they are, and files called as labels are in which
there is nothing to read.

What a file of each begins with is as its tool documents it: VGG Image Annotator 2 and 3, Apple's CreateML, Label
Studio's exports, Supervisely, SuperAnnotate, Datumaro, Labelbox, Ground Truth, Cityscapes, KITTI's object benchmark,
DOTA, the MOT Challenge, and WIDER FACE with what RetinaFace made of it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from dedup.files import open_regular
from dedup.labels.formats.base import Tree, coding_of, first_line, head_of, whole_lines, why_hollow
from dedup.labels.formats.markup import finite
from dedup.labels.formats.tables import OURS, SPLIT, is_submission
from dedup.sources.lists import separator_of
from dedup.sources.split_names import split_name


@dataclass(frozen=True, slots=True)
class Foreign:
    """One such format: how its files end, and whether the first `HEAD` bytes of one are of it."""

    title: str
    suffixes: tuple[str, ...]
    begins: Callable[[bytes], bool]


def _with_keys(opening: bytes, *keys: bytes) -> Callable[[bytes], bool]:
    """Whether JSON opens with one of these brackets and has all of these keys near its beginning."""
    quoted = [b'"%s"' % key for key in keys]
    return lambda head: head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in opening and all(key in head for key in quoted)


def _with_rows(row: bytes) -> Callable[[bytes], bool]:
    """Whether the first line, but for a heading such as DOTA's, is such a row."""
    pattern = re.compile(rb"\A(?:(?:imagesource|gsd):.*\r?\n)*" + row + rb"[ \t]*(?:\r?\n|\Z)")
    return lambda head: pattern.match(head) is not None


NUMBER = rb"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"
FOREIGN = (
    Foreign("VGG Image Annotator", (".json",), _with_keys(b"{", b"regions", b"shape_attributes")),
    Foreign("VGG Image Annotator", (".json",), _with_keys(b"{", b"_via_settings")),
    Foreign("VGG Image Annotator", (".json",), _with_keys(b"{", b"project", b"data_format_version", b"config")),
    Foreign("VGG Image Annotator", (".csv",), lambda head: b"region_shape_attributes" in head.partition(b"\n")[0]),
    Foreign("CreateML", (".json",), _with_keys(b"[", b"annotations", b"label", b"coordinates")),
    Foreign("Label Studio", (".json",), _with_keys(b"[{", b"from_name", b"to_name")),
    Foreign("Label Studio", (".json",), _with_keys(b"[", b"image", b"original_width", b"rotation")),
    Foreign("Label Studio", (".json",), _with_keys(b"[", b"annotator", b"annotation_id")),
    Foreign("Label Studio", (".csv",), lambda head: b"annotation_id" in head.partition(b"\n")[0]),
    Foreign("Supervisely", (".json",), _with_keys(b"{", b"classTitle", b"objects")),
    Foreign("Supervisely", (".json",), _with_keys(b"{", b"description", b"tags", b"size", b"objects")),
    Foreign("SuperAnnotate", (".json",), _with_keys(b"{", b"metadata", b"instances", b"className")),
    Foreign("Cityscapes", (".json",), _with_keys(b"{", b"imgHeight", b"imgWidth", b"objects")),
    Foreign("Datumaro", (".json",), _with_keys(b"{", b"dm_format_version")),
    Foreign("Labelbox", (".json", ".ndjson"), _with_keys(b"[{", b"data_row", b"projects")),
    Foreign("Ground Truth", (".manifest", ".jsonl"), _with_keys(b"{", b"source-ref")),
    Foreign("KITTI", (".txt",), _with_rows(rb"[A-Za-z_]\w*(?:[ \t]+" + NUMBER + rb"){14,15}")),
    Foreign("DOTA", (".txt",), _with_rows(NUMBER + rb"(?:[ \t]+" + NUMBER + rb"){7}[ \t]+[A-Za-z][\w-]*[ \t]+\d")),
    Foreign("the MOT Challenge", ("gt.txt",), _with_rows(rb"\d+, ?-?\d+(?:, ?" + NUMBER + rb"){5,8}")),
    Foreign(
        "WIDER FACE",
        (".txt",),
        _with_rows(rb"(?:# )?\S+\.jpg\r?\n(?:\d+ *\r?\n)?" + NUMBER + rb"(?: " + NUMBER + rb"){3,}"),
    ),
)
"""Formats that are recognised and not read."""
SUFFIXES = tuple({suffix: None for form in FOREIGN for suffix in form.suffixes})


def find(tree: Tree, labelled: Set[str] = frozenset()) -> Iterator[tuple[Path, str]]:
    """The files in a tree that are of such a format, each with its title; of many in one folder the first. Where other
    labels are read, of the images `labelled`, those that tell of an image in a folder of which these tell nothing: of
    the others they were made."""
    known = {path.rpartition("/")[0] for path in labelled}
    unknown = {path for path in tree.pictures.paths if path.rpartition("/")[0] not in known}
    if not unknown:
        return
    names = {name for path in unknown for name in _names_of(path)}
    names -= {name for path in labelled for name in _names_of(path)}
    told: set[tuple[Path, str]] = set()
    for path in tree.files(*SUFFIXES):
        if labelled and not _tells_of(path, unknown, names, tree):
            continue
        head = head_of(path)
        for form in FOREIGN:
            new = (path.parent, form.title) not in told
            if new and path.name.lower().endswith(form.suffixes) and form.begins(head):
                told.add((path.parent, form.title))
                yield path, form.title


def _tells_of(path: Path, images: Set[str], names: Set[str], tree: Tree) -> bool:
    """Whether a file is called after one of these images, of these names, or names one near its beginning."""
    own = tree.pictures.of_file(path)
    if own:
        return not images.isdisjoint(own)
    return path.stem in names or _names_images(head_of(path), names)


CALLED_AS_LABELS = re.compile(
    r"(?:.*[^a-z])?(?:annotations?|instances|labels?|bbox(?:es)?|classes)(?:[^a-z].*)?\.(?:json|xml|csv|tsv)"
    r"|metadata\.(?:csv|jsonl)|(?:data|dataset)\.ya?ml"
)
"""How files are called, in small letters, that tools write labels into. Those damaged in other ways, Parquet tables and
lists of classes are told by their readers."""


def hollow(tree: Tree) -> Iterator[tuple[Path, str]]:
    """The files in a tree that are called as labels of many images are and hold none by their first bytes, each with
    why."""
    for path in tree.files(".json", ".jsonl", ".xml", ".csv", ".tsv", ".yaml", ".yml"):
        called = CALLED_AS_LABELS.fullmatch(path.name.lower()) and not tree.pictures.of_file(path)
        if called and path.is_file() and (why := why_hollow(path)):
            yield path, why


def strays(tree: Tree) -> Iterator[Path]:
    """Files that tell of images of the tree, by the look of them: an XML file called like one, a text so called in a
    folder for labels, a table, list or JSON that names some. Of many in one folder the first."""
    names = {name for path in tree.pictures.paths for name in _names_of(path)}
    told: set[tuple[Path, str]] = set()
    for path in tree.files(".xml", ".txt", ".csv", ".tsv", ".parquet", ".json", ".jsonl"):
        suffix = path.suffix.lower()
        if (path.parent, suffix) not in told and not is_submission(path) and _is_stray(path, suffix, names, tree):
            told.add((path.parent, suffix))
            yield path


def _names_of(path: str) -> tuple[str, str]:
    """What a table may call an image: with its suffix, and without."""
    name = path.rpartition("/")[2]
    return name, PurePosixPath(name).stem


def _is_stray(path: Path, suffix: str, names: Set[str], tree: Tree) -> bool:
    if images := tree.pictures.of_file(path):  # what a tool says of one image may lie beside it: its JSON, its caption
        beside = any((tree.pictures.root / image).parent == path.parent for image in images)
        told = (".txt",) if beside else (".txt", ".json")
        return suffix == ".xml" or (suffix in told and any(part.casefold() in LABELS for part in path.parts))
    if suffix == ".xml":
        return False
    if suffix == ".parquet":
        return _tell_of_images(*_text_columns(path), names)
    head = head_of(path)
    if suffix in (".csv", ".json") and _is_written_here(head):
        return False
    if suffix == ".txt" and "ImageSets" in path.parts and split_name(path.stem):  # read where `Annotations` lie beside
        return not names.isdisjoint(head.decode("utf-8", "replace").split())
    looks_at = {".txt": _names_images_in_rows, ".csv": _names_images_in_a_column, ".tsv": _names_images_in_a_column}
    return looks_at.get(suffix, _names_images)(head, names)


def is_for_labels(stray: Path, tree: Tree) -> bool:
    """Whether a stray is labels by its place, called like an image, and not only something that is told of images: a
    table, list or JSON may say anything."""
    return bool(tree.pictures.of_file(stray))


WRITTEN_HERE = (b'"dedup baseline"', b'"dedup removal plan"', b'"dedup verdicts"', b'"left","right","kind","distance"')
"""How files of our own begin that tell of images: baselines, plans, verdicts, pairs. Lists of images have `OURS`."""


FIRST_BYTES = 256
"""Within which they say so."""


def _is_written_here(head: bytes) -> bool:
    return any(each in head[:FIRST_BYTES] for each in WRITTEN_HERE)


LABELS = ("labels", "label", "annotations", "labeltxt", "bboxes")
"""Folders in which texts are labels, and not captions."""
MANY_NAMED = 0.5
"""Of the rows of a table that name an image of the folder, for it to be about them."""
FIRST_ROWS = 500
"""Of a Parquet file, which has no first bytes to go by."""


def _names_images_in_a_column(head: bytes, names: Set[str]) -> bool:
    whole = whole_lines(head)
    try:
        text = whole.decode(coding_of(whole))
        header, *rows = csv.reader(text.splitlines(), delimiter=separator_of(first_line(text)))
    except (UnicodeDecodeError, ValueError, csv.Error):
        return False
    if any(re.split(r"[/\\]", cell)[-1] in names and PurePosixPath(cell).suffix for cell in header):  # it is none
        header, rows = list(map(str, range(len(header)))), [header, *rows]
    return _tell_of_images(header, rows, names)


def _text_columns(path: Path) -> tuple[list[str], list[list[str]]]:
    """Header and first rows of the columns of text in a Parquet file; none where it is another, damaged or ours."""
    import pyarrow.parquet  # most trees hold no such file

    try:
        with open_regular(path) as stream:
            file = pyarrow.parquet.ParquetFile(stream)
            kinds = {each.name: getattr(each.type, "value_type", each.type) for each in file.schema_arrow}
            if OURS.encode() in (file.schema_arrow.metadata or {}):
                return [], []
            texts = [name for name, kind in kinds.items() if str(kind) in ("string", "large_string")]
            first = next(file.iter_batches(FIRST_ROWS, columns=texts), None) if texts else None
    except (OSError, pyarrow.ArrowException):
        return [], []
    rows = first.to_pylist() if first is not None else []
    return texts, [[str(row[name] or "") for name in texts] for row in rows]


def _names_images_in_rows(head: bytes, names: Set[str]) -> bool:
    """Whether a text lists images by their whole names, each with more behind it: a class, as Caffe has them, boxes."""
    whole = whole_lines(head)
    try:
        lines = whole.decode(coding_of(whole)).splitlines()
    except ValueError:
        return False
    rows = [re.split(r"[\s,;]+", line.strip(), maxsplit=1) for line in lines if line.strip()]
    files = [re.split(r"[/\\]", row[0])[-1] for row in rows if len(row) == 2]
    named = [name for name in files if name in names and PurePosixPath(name).suffix]
    return bool(named) and len(named) >= MANY_NAMED * len(rows)


def _tell_of_images(header: Sequence[str], rows: Sequence[Sequence[str]], names: Set[str]) -> bool:
    """Whether a table tells more of images than how they are called, their split, and numbers."""
    columns = [{re.split(r"[/\\]", row[place])[-1] for row in rows if place < len(row)} for place in range(len(header))]
    named = [bool(held) and len(held & names) >= MANY_NAMED * len(held) for held in columns]
    others = {
        name.strip().casefold(): held
        for name, is_name, held in zip(header, named, columns, strict=True)
        if not is_name and any(value and finite(value) is None for value in held)
    }
    return any(named) and bool(others.keys() - SAYS_NO_LABEL) and OURS not in header


SAYS_NO_LABEL = frozenset({*SPLIT, "", "bytes", "size", "width", "height", "sha256", "md5", "url", "after", "fold"})
"""Columns that say nothing of what images show."""


def _names_images(head: bytes, names: Set[str]) -> bool:
    """Whether JSON begins with texts that name images: one by its whole name, or several without their suffix."""
    texts = {re.split(r"[/\\]", text.decode("utf-8", "replace"))[-1] for text in re.findall(rb'"([^"]+)"', head)}
    met = texts & names
    return len(met) > 1 or any(PurePosixPath(name).suffix for name in met)
