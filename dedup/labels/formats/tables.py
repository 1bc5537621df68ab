"""Tables: OpenImages' CSV, CSV with a row for each box or image, and the metadata files of Hugging Face's imagefolder.

OpenImages has fractions of the sides, with the decimal commas of some tools; its label codes (`/m/01g317`) are named
where a `class-descriptions` file lies beside. In other CSV the columns are found by their names (`COLUMNS`, `SPLIT`).
Hugging Face's `metadata.csv`, `.jsonl` or `.parquet` name files from their own folder, with a `label` of the whole
image or `objects` with `bbox` (x, y, width, height) and `category`.

Formats: https://storage.googleapis.com/openimages/web/download_v7.html and
https://huggingface.co/docs/datasets/image_dataset
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from dedup.errors import AnnotationError
from dedup.files import open_regular
from dedup.labels.coco import Coco, match_names
from dedup.labels.coco_sound import are_finite
from dedup.labels.formats.base import (
    LARGEST,
    Builder,
    Format,
    Pictures,
    Tree,
    box,
    coding_of,
    first_line,
    head_of,
    is_said,
    lines_of,
    refuse_hollow,
    text_of,
    the_file,
)
from dedup.sources import beside
from dedup.sources.lists import separator_of

Row = Mapping[str, Any]

COLUMNS = {
    "file": (
        "file_name",
        "imagepath",
        "filename",
        "image",
        "image_path",
        "path",
        "file",
        "img",
        "image_id",
        "imageid",
        "image_name",
        "imagename",
        "filepath",
        "file_path",
        "filepaths",
        "img_path",
        "fname",
        "url",
        "image_url",
        "uri",
        "id",
    ),
    "label": (
        "label",
        "class",
        "class_name",
        "category",
        "labelname",
        "category_name",
        "label_name",
        "classname",
        "labels",
        "classid",
        "class_id",
        "target",
        "name",
    ),
    "xmin": ("xmin", "x_min", "x1", "left", "bbox_x1", "roi.x1"),
    "ymin": ("ymin", "y_min", "y1", "top", "bbox_y1", "roi.y1"),
    "xmax": ("xmax", "x_max", "x2", "right", "bbox_x2", "roi.x2"),
    "ymax": ("ymax", "y_max", "y2", "bottom", "bbox_y2", "roi.y2"),
    "x": ("x", "bbox_x"),
    "y": ("y", "bbox_y"),
    "w": ("w", "width", "bbox_width"),
    "h": ("h", "height", "bbox_height"),
    "middle x": ("x_center", "xcenter", "center_x", "cx", "xc"),
    "middle y": ("y_center", "ycenter", "center_y", "cy", "yc"),
    "box": ("bbox", "bounding_box", "box"),
}
"""What the columns of a CSV may be called, in any case; the first that is there counts."""
SPLIT = ("split", "subset", "set", "partition")
"""What the column of splits may be called, of any table."""
SCORES = ("score", "confidence", "conf")
EDGES = ("xmin", "ymin", "xmax", "ymax")
WAYS = {
    "edges": tuple((edge,) for edge in EDGES),
    "corner": (("x", "xmin"), ("y", "ymin"), ("w",), ("h",)),
    "middle": (("middle x",), ("middle y",), ("w",), ("h",)),
    "box": (("box",),),
}
"""What columns tell a box; edges of the left and the top are as good a corner."""
SIZES = (("width", "height"), ("image_width", "image_height"), ("img_width", "img_height"), ("w", "h"))
"""What the columns of an image's size may be called; the first are a box's in some tables."""
HALVES = (*EDGES, "x", "y", "middle x", "middle y")
NOT_READ = ("segmentation", "encodedpixels", "rle", "polygon", "mask", "keypoints")
"""What a column of shapes may be called; in a table they are written in too many ways."""
OF_CLASSES = ("id", "name")
"""What the columns of a list of classes, or of products, are called: no table of images has but these two."""
CLASS = ("label", "labels", "class", "class_name", "category", "category_name")
"""What the column of an image's class is called in Hugging Face's metadata; the first that says something counts."""
SAY_LABELS = frozenset({*CLASS, "objects", *SPLIT})
"""Columns of Hugging Face's metadata that say what images show, or their split."""
OPEN_IMAGES = ("imageid", "labelname")
NO_ATTRIBUTES = frozenset({"bbox", "bboxes", "category", "categories", "label", "labels", "id", "image_id", "area",
                           "iscrowd", *SCORES})  # fmt: skip
"""Of what a dataset of Hugging Face says of objects, what has a place of its own, and what follows from it."""
ATTRIBUTES = {"isoccluded": "occluded", "istruncated": "truncated", "isdepiction": "depiction", "isinside": "inside"}
MOST = 2.0
"""Fractions beyond this are pixels: boxes reach out of their picture, but not so far."""
DESCRIPTIONS = "*class-descriptions*.csv"
CLASSES = "classes.csv"
METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
OURS = "score_version"
"""A column of our own CSV, whose classes came from elsewhere."""
ANNOTATOR = "annotation_id"
"""A column of Label Studio's CSV, whose labels are JSON."""
WRITTEN = ("file_name", "split", "class", "xmin", "ymin", "xmax", "ymax", "iscrowd")
"""The columns of the labels that we write, in which texts are guarded against spreadsheets."""
GUARD = "'"


def holds_boxes(path: Path) -> bool:
    """Whether a CSV has columns of boxes, by its header."""
    header = _header(path)
    return {*EDGES} <= {*header} if {*OPEN_IMAGES} <= {*header} else bool(_way(_columns(header))[0])


# --- OpenImages -------------------------------------------------------------------------------------------------------


def _is_openimages(path: Path) -> bool:
    return path.suffix.lower() == ".csv" and path.is_file() and set(OPEN_IMAGES) <= set(_header(path))


def _read_openimages(path: Path, pictures: Pictures) -> Coco:
    builder = Builder(path)
    names = _descriptions(path.parent, builder)
    rows = list(_csv_rows(path, builder))
    told = dict.fromkeys(str(row["imageid"]) for _, row in rows)
    meant = dict(zip(told, match_names(list(told), pictures.paths, elsewhere=True), strict=True))
    ids = {name: builder.image(name, pictures.size(meant[name] or "")) for name in told}
    for line, row in rows:
        name, code = str(row["imageid"]), str(row["labelname"])
        score = number_told(row.get("confidence"))
        if score == 0:
            continue  # a person said that this is not in the picture
        fields = _fractions(row, pictures.size(meant[name] or ""))
        if isinstance(fields, str):
            if fields != SIZE_UNKNOWN or meant[name]:  # one that is not here is counted, as in every format
                builder.odd(path, line, fields)
            continue
        if fields and row.get("isgroupof") == "1":
            fields["iscrowd"] = 1
        attributes = {ours: True for theirs, ours in ATTRIBUTES.items() if row.get(theirs) == "1"}
        builder.annotate(ids[name], names.get(code, code), fields, attributes)
    return builder.done()


SIZE_UNKNOWN = "its image cannot be read, and without its size nor can the box"


def _fractions(row: Row, size: tuple[int, int] | None) -> dict[str, Any] | str:
    """The fields of a box told in fractions of the sides, none of a label of the whole image, or why there are none."""
    if "xmin" not in row:
        return {}
    edges = [number_told(row.get(edge)) for edge in EDGES]
    known = [edge for edge in edges if edge is not None]
    if len(known) < 4:
        return "its box is no four finite numbers"
    if size is None:
        return SIZE_UNKNOWN
    left, top, right, bottom = known
    if max(map(abs, known)) > MOST:
        return "its box is in pixels; fractions of the image are read"
    return box(left * size[0], top * size[1], (right - left) * size[0], (bottom - top) * size[1])


def _descriptions(folder: Path, builder: Builder) -> dict[str, str]:
    """Names by code, of the files beside that give some."""
    found: dict[str, str] = {}
    for file in _described_in(folder):
        try:
            rows = list(csv.reader(io.StringIO(text_of(file), newline="")))
            refuse_hollow(file)
        except (AnnotationError, csv.Error) as error:
            builder.odd(file, 0, str(error).rpartition(": ")[2].removesuffix("."))
            continue
        found |= {row[0]: row[1] for row in rows if len(row) == 2}
    return found


# --- other CSV --------------------------------------------------------------------------------------------------------


def _is_table(path: Path) -> bool:
    header = _header(path) if is_csv(path) else []
    found = _columns(header)
    of_images = {"file", "label"} <= found.keys() and (found["file"], found["label"]) != OF_CLASSES
    return of_images and not {OURS, ANNOTATOR} & {*header} and not _is_openimages(path)


def _read_table(path: Path, pictures: Pictures) -> Coco:
    header = _header(path)
    builder, found, ours = Builder(path), _columns(header), header == list(WRITTEN)
    if not {"file", "label"} <= found.keys():
        raise AnnotationError(f"{path} has no column of file names and one of labels ({_offered()}).")
    way, columns = _way(found)
    for column in sorted({*NOT_READ} & {*header}):
        builder.odd(path, 1, f"its column {column} is not read")
    if not way and (half := [found[meaning] for meaning in HALVES if meaning in found]):
        builder.odd(path, 1, f"its columns of boxes are no whole box: {', '.join(dict.fromkeys(half))}")
    sizes = _sizes(path, found["file"], pictures) if way in ("box", "corner") else {}
    rows = list(_csv_rows(path, builder))
    shape = _Shape.of(rows, way, columns, {line: sizes.get(str(row[found["file"]])) for line, row in rows})
    wide, high = _size_columns(header, way)
    ids: dict[str, int] = {}
    for line, row in rows:
        name, label = str(row[found["file"]] or ""), str(row[found["label"]] or "")
        label = label.removeprefix(GUARD) if ours else label
        if not name:
            builder.odd(path, line, "it names no image")
            continue
        if name not in ids:
            size = _size_of(row, wide, high)
            ids[name] = builder.image(name, None if way == "edges" and size == _extent(row, columns) else size)
        id_ = ids[name]
        if not label:
            continue  # an image without objects, as many tools write it
        fields = "its label is JSON" if label.startswith(("[{", "{")) else _placed(row, shape, sizes.get(name))
        if isinstance(fields, str):
            builder.odd(path, line, fields)
        else:
            builder.annotate(id_, label, fields and fields | _more(row))
    return builder.done()


def _way(found: Mapping[str, str]) -> tuple[str, list[str]]:
    """How the columns that were found tell of boxes, and these: "" where they do not."""
    for way, meanings in WAYS.items():
        columns = [next((found[each] for each in either if each in found), "") for either in meanings]
        if all(columns):
            return way, columns
    return "", []


def _placed(row: Row, shape: _Shape, size: tuple[int, int] | None) -> dict[str, Any] | str:
    """The fields of a row's box, none of a class of the whole image, or why there are none."""
    told = _told_of_box(row, shape.way, shape.columns)
    if not any(told):
        return {}
    numbers = _four(told)
    if not numbers:
        return "its box is no four finite numbers"
    if shape.fractions and max(numbers) <= 1:
        return "its box is in fractions of the image; pixels are read"
    x, y, wide, high = numbers
    if shape.way == "edges" or shape.corners:
        return box(x, y, wide - x, high - y)
    if shape.way == "middle":
        return box(x - wide / 2, y - high / 2, wide, high)
    if shape.way == "corner" and size is not None and wide == size[0] and high == size[1] and (x > 0 or y > 0):
        return "its box is as large as its image: width and height are the image's, and a point is no box"
    if shape.way == "box" and _reaches_out(numbers, size):
        return "its box reaches out of its image: x, y, width and height are read"
    return box(x, y, wide, high)


@dataclass(frozen=True, slots=True)
class _Shape:
    """How the boxes of a table are told: by which columns, whether some are in fractions of the image, and whether four
    numbers in one column are two corners: then those that would be too large as a corner and sides all are."""

    way: str
    columns: Sequence[str]
    fractions: bool
    corners: bool

    @classmethod
    def of(
        cls,
        rows: Sequence[tuple[int, Row]],
        way: str,
        columns: Sequence[str],
        sizes: Mapping[int, tuple[int, int] | None],
    ) -> _Shape:
        told = {line: numbers for line, row in rows if way and (numbers := _four(_told_of_box(row, way, columns)))}
        fractions = any(max(each) <= 1 and not all(map(float.is_integer, each)) for each in told.values())
        out = way == "box" and any(_reaches_out(each, sizes[line]) for line, each in told.items())
        corners = out and all(_are_corners(each, sizes[line]) for line, each in told.items())
        return cls(way, columns, fractions, corners)


def _told_of_box(row: Row, way: str, columns: Sequence[str]) -> list[str]:
    told = [str(row[column] or "") for column in columns]
    return _numbers_in(told[0]) if way == "box" else told


def _four(told: Sequence[str]) -> list[float]:
    """Four finite numbers, or none."""
    numbers = [number for each in told if (number := number_told(each)) is not None]
    return numbers if len(numbers) == len(told) == 4 else []


def _reaches_out(numbers: Sequence[float], size: tuple[int, int] | None) -> bool:
    """Whether x, y, width and height reach out of an image by more than what rounding does."""
    x, y, wide, high = numbers
    return size is not None and (x + wide > size[0] + 1 or y + high > size[1] + 1)


def _are_corners(numbers: Sequence[float], size: tuple[int, int] | None) -> bool:
    """Whether left, top, right and bottom may be a box of an image."""
    left, top, right, bottom = numbers
    return left < right and top < bottom and size is not None and right <= size[0] + 1 and bottom <= size[1] + 1


def _sizes(path: Path, column: str, pictures: Pictures) -> dict[str, tuple[int, int] | None]:
    """The sizes of the images that a table names."""
    names = list(dict.fromkeys(str(row[column]) for _, row in _csv_rows(path)))
    meant = match_names(names, pictures.paths, elsewhere=True)
    return {name: pictures.size(path or "") for name, path in zip(names, meant, strict=True)}


def _size_columns(header: Sequence[str], way: str) -> tuple[str, str]:
    """The columns that tell how large an image is: width and height are a box's where its corner or middle is told."""
    offered = SIZES[1:] if way in ("corner", "middle") else SIZES
    return next((columns for columns in offered if {*columns} <= {*header}), ("", ""))


def _size_of(row: Row, wide: str, high: str) -> tuple[int, int] | None:
    """How large a row says its image is."""
    width, height = number_told(row.get(wide)) or 0, number_told(row.get(high)) or 0
    return (int(width), int(height)) if width >= 1 and height >= 1 else None


def _extent(row: Row, edges: Sequence[str]) -> tuple[int, int]:
    """How large a row's box is: what some tables tell in columns width and height."""
    left, top, right, bottom = (number_told(row.get(name)) or 0 for name in edges)
    return int(right - left), int(bottom - top)


def _numbers_in(text: str) -> list[str]:
    """The numbers of a box in one column: `[x, y, width, height]` or `x y width height`; what is none is kept, to be
    told."""
    return re.split(r"[\s,;]+", text.strip().strip("[]()").strip()) if text.strip() else []


def _more(told: Row) -> dict[str, Any]:
    """What COCO has beside a box: whether it is of a crowd, and a prediction's score."""
    score = next((number for name in SCORES if (number := number_told(told.get(name))) is not None), None)
    crowd = {"iscrowd": 1} if str(told.get("iscrowd")).casefold() in ("1", "1.0", "true") else {}
    return crowd if score is None else crowd | {"score": score}


def _columns(header: Sequence[str]) -> dict[str, str]:
    """What is found of `COLUMNS`: the meaning to the column's name."""
    held = {meaning: next((name for name in names if name in header), "") for meaning, names in COLUMNS.items()}
    if held["xmax"] and held["ymax"]:
        held["w"] = held["h"] = ""  # beside edges these are the image's
    return {meaning: name for meaning, name in held.items() if name}


def _offered() -> str:
    return ", ".join(COLUMNS["file"][:4]) + "; " + ", ".join(COLUMNS["label"][:4])


# --- Hugging Face -----------------------------------------------------------------------------------------------------


def _is_metadata(path: Path) -> bool:
    """Metadata that say what images show, and not only who took them."""
    return path.name in METADATA and path.is_file() and _says_labels(path)


def _says_labels(path: Path) -> bool:
    if path.suffix == ".csv":
        return bool({*_header(path)} & SAY_LABELS)
    if path.suffix == ".jsonl":
        head = head_of(path)
        text = head.decode(coding_of(head), "replace")
        return any(f'"{name}"' in text for name in SAY_LABELS)
    import pyarrow.parquet

    try:
        with open_regular(path) as stream:
            return bool({*pyarrow.parquet.read_schema(stream).names} & SAY_LABELS)
    except (OSError, pyarrow.ArrowException):
        return True  # it is told that it cannot be read


def _is_samples(path: Path) -> bool:
    return path.name == beside.SAMPLES and path.is_file()


def _read_metadata(path: Path, pictures: Pictures) -> Coco:
    builder = Builder(path)
    for line, row in _metadata_rows(path, builder):
        name = row.get("file_name")
        if not isinstance(name, str) or not name:
            builder.odd(path, line, "it has no file_name")
            continue
        id_ = builder.image(_inside(path, name, pictures), _size_of(row, *SIZES[0]))
        for column in {*NOT_READ, "bbox"} & row.keys():
            builder.odd(path, line, f"its {column} is not read: boxes are read in objects")
        label = next((row[name] for name in CLASS if row.get(name) is not None), None)
        for each in label if isinstance(label, list) else [label]:
            if told := _told(each):
                builder.annotate(id_, told, {})
        _annotate_objects(builder, id_, row.get("objects"), line)
    return builder.done()


def _inside(path: Path, name: str, pictures: Pictures) -> str:
    """A file that metadata name, from their own folder, as seen from that of the images; its name where it lies
    elsewhere."""
    file = path.parent / name
    return file.relative_to(pictures.root).as_posix() if file.is_relative_to(pictures.root) else name


def _told(label: object) -> str:
    """A class as a text: whole numbers are whole, however a table has them; '' for none."""
    if isinstance(label, float):
        return (f"{label:g}" if not label.is_integer() else str(int(label))) if math.isfinite(label) else ""
    return str(label) if isinstance(label, str | int) else ""


def _annotate_objects(builder: Builder, image: int, objects: Any, line: int) -> None:
    """Objects as a dictionary of lists, or as a list of dictionaries."""
    if isinstance(objects, str) and objects.startswith(("{", "[")):
        try:
            objects = msgspec.json.decode(objects)
        except msgspec.DecodeError:
            return builder.odd(builder.path, line, "its objects are no JSON")
    if isinstance(objects, list):
        each = [thing for thing in objects if isinstance(thing, dict)]
        objects = {
            key: [thing.get(key) for thing in each] for key in dict.fromkeys(key for thing in each for key in thing)
        }
        objects = {key: held for key, held in objects.items() if any(value is not None for value in held)}
    if not isinstance(objects, dict):
        return None if objects in (None, "") else builder.odd(builder.path, line, "its objects are no objects")
    boxes = objects.get("bbox") or objects.get("bboxes") or []
    names: Any = next((objects[key] for key in ("category", "categories", "label", "labels") if objects.get(key)), [])
    if not isinstance(boxes, list) or not isinstance(names, list):
        return builder.odd(builder.path, line, "its boxes and categories are no lists")
    if len(boxes) != len(names):
        return builder.odd(builder.path, line, f"it has {len(boxes)} boxes and {len(names)} categories")
    further = {key: held for key, held in objects.items() if isinstance(held, list) and len(held) == len(boxes)}
    for place, (corners, name) in enumerate(zip(boxes, names, strict=True)):
        told = _told(name)
        if are_finite(corners) and len(corners) == 4 and told and max(map(abs, corners)) <= LARGEST:
            said = {key: held[place] for key, held in further.items()}
            attributes = {key: value for key, value in said.items() if key not in NO_ATTRIBUTES and is_said(value)}
            builder.annotate(image, told, box(*corners) | _more(said), attributes)
        else:
            builder.odd(builder.path, line, "a box is no four finite numbers with a category")
    return None


def _metadata_rows(path: Path, builder: Builder) -> Iterator[tuple[int, Row]]:
    if path.suffix == ".csv":
        yield from _csv_rows(path, builder)
    elif path.suffix == ".jsonl":
        for line, text in enumerate(lines_of(path), start=1):
            try:
                row = msgspec.json.decode(text) if text.strip() else None
            except (msgspec.DecodeError, RecursionError):
                builder.odd(path, line, "it is no JSON")
                continue
            if isinstance(row, dict):
                yield line, row
            elif row is not None:
                builder.odd(path, line, "it is no object")
    else:
        import pyarrow.parquet  # most sources need none of it

        try:
            with open_regular(path) as stream:
                rows = pyarrow.parquet.read_table(stream).to_pylist()
        except (OSError, pyarrow.ArrowException) as error:
            raise AnnotationError(f"{path} holds no labels that can be read: it is no Parquet file.") from error
        yield from enumerate(rows, start=1)


# --- CSV --------------------------------------------------------------------------------------------------------------


def _header(path: Path) -> list[str]:
    """The column names, in small letters; none where the first line is no row."""
    head = head_of(path)
    first = first_line(head.decode(coding_of(head), "replace"))
    try:
        return [name.strip().casefold() for name in next(csv.reader([first], delimiter=separator_of(first)), [])]
    except csv.Error:
        return []


def is_csv(path: Path) -> bool:
    """Whether a file is a table in text, and none that Hugging Face's imagefolder means."""
    return path.suffix.lower() in (".csv", ".tsv") and path.is_file() and path.name not in METADATA


def csv_reader(text: str) -> Any:
    """A strict reader of a table, whichever separator its first line has; it raises `csv.Error`."""
    return csv.reader(io.StringIO(text, newline=""), delimiter=separator_of(first_line(text)), strict=True)


def _csv_rows(path: Path, builder: Builder | None = None) -> Iterator[tuple[int, Row]]:
    """Rows by column name in small letters, each with its line, but for those that end before their last column: a file
    that is cut off ends so, maybe within a number. The `builder` is told of them. Raises `AnnotationError`."""
    reader = csv_reader(text_of(path))
    try:
        header = [name.strip().casefold() for name in next(reader, [])]
        for row in reader:
            if not row:
                continue
            if problem := too_short(row, header):
                if builder is not None:
                    builder.odd(path, reader.line_num, problem)
                continue
            yield reader.line_num, dict.fromkeys(header, "") | dict(zip(header, row, strict=False))
    except csv.Error as error:
        raise AnnotationError(f"{path} holds no labels that can be read: line {reader.line_num}: {error}.") from error


def too_short(row: Sequence[str], header: Sequence[str]) -> str:
    """What is wrong with a row that has fewer columns than the header names; "" for none."""
    named = max((place for place, name in enumerate(header, start=1) if name), default=0)
    return f"it has {len(row)} of {named} columns" if len(row) < named else ""


def number_told(value: object) -> float | None:
    """A finite number, with a decimal point or, as some tools write it, a comma."""
    text = str(value if value is not None else "").strip()
    if re.fullmatch(r"-?[1-9]\d{0,2}(,\d{3})+", text):  # thousands, or decimals: nobody can tell
        return None
    try:
        number = float(text.replace(",", ".") if re.fullmatch(r"-?\d*,\d+(e-?\d+)?", text) else text)
    except ValueError:
        return None
    return number if math.isfinite(number) and abs(number) <= LARGEST else None


def _labelled(path: Path, pictures: Pictures) -> set[str]:
    if path.name in (*METADATA, beside.SAMPLES):
        names = (str(row.get("file_name") or "") for _, row in _metadata_rows(path, Builder(path)))
        return pictures.of_names((_inside(path, name, pictures) for name in names if name), path)
    name = _columns(_header(path))["file"]
    return pictures.of_names((str(row[name]) for _, row in _csv_rows(path) if row[name]), path)


def _splits(path: Path, pictures: Pictures) -> Iterator[tuple[str, str]]:
    """What the column of splits says."""
    if path.name in METADATA:
        rows = _metadata_rows(path, Builder(path))
        said = (((path.parent / str(row.get("file_name") or "")).as_posix(), _split_of(row)) for _, row in rows)
    else:
        name = _columns(_header(path)).get("file", "")
        said = ((str(row.get(name) or ""), _split_of(row)) for _, row in _csv_rows(path))
    yield from pictures.in_splits(said, path)


def _split_of(row: Row) -> str:
    return next((str(row[name]) for name in SPLIT if row.get(name)), "")


def _with_descriptions(path: Path) -> list[Path]:
    return [path, *_described_in(path.parent)]


def _described_in(folder: Path) -> list[Path]:
    """The files that name labels of a table in that folder, also as FiftyOne lays them out."""
    beside = [folder / CLASSES, folder.parent / "metadata" / CLASSES]
    return [*sorted(folder.glob(DESCRIPTIONS)), *(file for file in beside if file.is_file())]


def is_submission(path: Path) -> bool:
    """Whether a table holds what somebody is to hand in, such as the `sample_submission.csv` of a competition: a class
    for every image of the test set, of which none is true."""
    return "submission" in path.name.casefold()


def _found(tree: Tree, suffixes: tuple[str, ...], looks_right: Any) -> Iterator[Path]:
    yield from (file for file in tree.files(*suffixes) if looks_right(file) and not is_submission(file))


OPENIMAGES = Format(
    "openimages",
    "OpenImages CSV",
    "boxes in fractions (decimal commas too), labels of images, groups",
    _is_openimages,
    lambda tree: _found(tree, (".csv",), _is_openimages),
    _with_descriptions,
    _labelled,
    _read_openimages,
    _splits,
)
HUGGING_FACE = Format(
    "imagefolder",
    "Hugging Face metadata",
    "metadata.csv, .jsonl or .parquet with label or objects",
    _is_metadata,
    lambda tree: _found(tree, METADATA, _is_metadata),
    the_file,
    _labelled,
    _read_metadata,
    _splits,
)
SAMPLES = Format(
    "samples",
    "Labels of samples in archives",
    "WebDataset's .cls and .json, columns label and objects of Parquet",
    _is_samples,
    lambda tree: _found(tree, (beside.SAMPLES,), _is_samples),
    the_file,
    _labelled,
    _read_metadata,
)
TABLE = Format(
    "csv",
    "CSV of labels",
    "a row for each box or image, columns by their names",
    _is_table,
    lambda tree: _found(tree, (".csv", ".tsv"), _is_table),
    the_file,
    _labelled,
    _read_table,
    _splits,
)
