"""Voxel51's FiftyOne: the images with their scores, groups, tags and labels as a dataset there.

FiftyOne is loaded only when it is asked for: it brings a database server.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from dedup.errors import UsageError
from dedup.exports.base import Exportable, classed
from dedup.exports.labels.base import Contents, Entry, Labelled, Wanted, box_of, keypoints_of, polygons_of
from dedup.images.metrics import said
from dedup.labels.masks import decode
from dedup.model import TAG_PREFIX, Status
from dedup.query.where import Mask

FIELDS = ("kind", "group", "role", "keeper_reason", "relation", "distance", "split")
"""Columns of the frame that samples carry beside the metrics; `keeper` and `nearest` carry paths."""


def to_fiftyone(dataset: Exportable, mask: Mask, name: str | None = None) -> Any:
    """A `fiftyone.Dataset` of the readable images in `mask`, new and not persistent.

    Samples have the dataset's tags; fields `kind`, `group`, `role`, `keeper`, `nearest`, `relation`, `distance`,
    `split` and each metric; `classes` (Classifications), `objects` (Detections), `outlines` (Polylines) and `points`
    (Keypoints) where there are any, in fractions of the upright picture. Raises `UsageError` where FiftyOne is not
    installed and `AnnotationError`.
    """
    try:
        fiftyone = importlib.import_module("fiftyone")
    except ImportError as error:
        raise UsageError("This needs FiftyOne: pip install fiftyone.") from error
    frame = classed(dataset)
    rows = np.flatnonzero(np.asarray(mask) & (frame["status"] == Status.OK).to_numpy())
    labels = _labels(fiftyone, dataset, rows)
    metrics = [metric.name for metric in said(frame)]
    tags = [column for column in frame.columns if column.startswith(TAG_PREFIX)]
    wanted = ["bytes", "width", "height", "keeper", "nearest", "classes", *FIELDS, *metrics, *tags]
    paths = frame["path"].tolist()
    samples = []
    for row, told in zip(rows.tolist(), frame[list(dict.fromkeys(wanted))].iloc[rows].to_dict("records"), strict=True):
        fields = {column: _plain(told[column]) for column in (*FIELDS, *metrics)}
        for column in ("keeper", "nearest"):
            fields[column] = paths[told[column]] if told[column] >= 0 else None
        if told["classes"]:
            several = [fiftyone.Classification(label=each) for each in told["classes"]]
            fields["classes"] = fiftyone.Classifications(classifications=several)
        samples.append(
            fiftyone.Sample(
                filepath=str(dataset.file(row)),
                tags=[column.removeprefix(TAG_PREFIX) for column in tags if told[column]],
                metadata=fiftyone.ImageMetadata(
                    size_bytes=int(told["bytes"]), width=int(told["width"]), height=int(told["height"])
                ),
                **fields,
                **labels.get(row, {}),
            )
        )
    made = fiftyone.Dataset(name)
    made.add_samples(samples)
    return made


def _plain(value: Any) -> Any:
    """A value as FiftyOne stores it: nothing for what is not known."""
    plain = value.item() if isinstance(value, np.generic) else value
    return None if plain == "" or (isinstance(plain, float) and math.isnan(plain)) else plain


def _labels(fiftyone: Any, dataset: Exportable, rows: Any) -> dict[int, dict[str, Any]]:
    """Objects, outlines and points of each row that has some."""
    if not dataset.labels.documents:
        return {}
    mask = np.zeros(len(dataset.frame), bool)
    mask[rows] = True
    names = {row: str(row) for row in rows.tolist()}
    contents = Contents(Wanted(dataset, mask, dataset.root, names))
    return {image.row: dict(_of_image(fiftyone, image, contents.names)) for image in contents.images}


def _of_image(fiftyone: Any, image: Labelled, names: dict[Any, str]) -> Iterator[tuple[str, Any]]:
    if not all(image.size):
        return
    objects, outlines, points = [], [], []
    for entry in image.annotations:
        told = {"label": names.get(entry.get("category_id"), ""), **_attributes(entry)}
        if box := box_of(entry):
            objects.append(fiftyone.Detection(bounding_box=_fractions(box, image.size), **_mask(entry, box), **told))
        if polygons := polygons_of(entry):
            drawn = [_places(polygon, image.size, 2) for polygon in polygons]
            outlines.append(fiftyone.Polyline(points=drawn, closed=True, filled=True, **told))
        if keypoints := keypoints_of(entry):
            places = _places(keypoints, image.size, 3)
            seen = [place if sight else NOWHERE for place, sight in zip(places, keypoints[2::3], strict=True)]
            points.append(fiftyone.Keypoint(points=seen, **told))
    if objects:
        yield "objects", fiftyone.Detections(detections=objects)
    if outlines:
        yield "outlines", fiftyone.Polylines(polylines=outlines)
    if points:
        yield "points", fiftyone.Keypoints(keypoints=points)


NOWHERE = (math.nan, math.nan)
"""FiftyOne's place of a keypoint that is not labelled."""


def _mask(entry: Entry, box: tuple[float, float, float, float]) -> dict[str, Any]:
    """The pixels of a mask within its box, where an object has one that can be read."""
    try:
        pixels = decode(entry["segmentation"]) if isinstance(entry.get("segmentation"), Mapping) else None
    except ValueError:
        return {}
    left, top, width, height = (max(0, round(number)) for number in box)
    return {} if pixels is None else {"mask": pixels[top : top + max(1, height), left : left + max(1, width)]}


def _attributes(entry: Entry) -> dict[str, Any]:
    """What else is said of an object, under names that FiftyOne takes for fields of its own kind."""
    told, plain = entry.get("attributes"), (str, int, float, bool)
    named = told.items() if isinstance(told, Mapping) else ()
    return {f"attribute_{key}": each for key, each in named if str(key).isidentifier() and isinstance(each, plain)}


def _fractions(numbers: tuple[float, ...], size: tuple[int, int]) -> list[float]:
    return [number / size[place % 2] for place, number in enumerate(numbers)]


def _places(numbers: list[float], size: tuple[int, int], step: int) -> list[tuple[float, float]]:
    """x, y of every `step` numbers, as fractions."""
    return [(numbers[start] / size[0], numbers[start + 1] / size[1]) for start in range(0, len(numbers) - 1, step)]
