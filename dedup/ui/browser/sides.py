"""One image as the browser gets it: its names, its facts and the addresses of its pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dedup.dataset import Dataset
from dedup.images import thumbnails
from dedup.matching import geometry
from dedup.matching.columns import AFFINE, SIZES
from dedup.ui.shell.routes import about_url, image_url, thumbnail_url
from dedup.words import visible

Affine = Sequence[Sequence[float]]
"""Two rows of three numbers: upright pixel coordinates (x, y, 1) of a copy to those of the left image.

(0, 0) is the outer corner of the first pixel, so its centre is (0.5, 0.5).
"""


class Side(TypedDict):
    """One image of the compare view. `name` and `path` have their control characters escaped. `full` is the URL of the
    full-size image, `about` that of all that is known of it; sizes are upright pixels.

    `distance` in [0, 1], `relation` and `affine` are relative to the left image. The strip shows `thumb` and `note`, by
    default the distance, under the `heading` where it changes.
    """

    id: str
    name: str
    path: str
    full: str
    about: NotRequired[str]
    width: int
    height: int
    thumb: NotRequired[str]
    format: NotRequired[str]
    bytes: NotRequired[int]
    kind: NotRequired[str]
    role: NotRequired[str]
    value: NotRequired[str]
    description: NotRequired[str]
    distance: NotRequired[float | None]
    relation: NotRequired[str]
    affine: NotRequired[Affine | None]
    note: NotRequired[str]
    heading: NotRequired[str]


COLUMNS = ("id", "name", "path", "sha256", "mtime_ns", "width", "height", "format", "bytes", "kind", "role")
"""Of the frame, what a side is made of."""


def sides(dataset: Dataset, rows: Sequence[int]) -> list[Side]:
    """Images as the gallery and the compare view need them; looks at nothing but their own rows."""
    key = dataset.info.key
    return [_side(key, record) for record in records(dataset.frame, rows, COLUMNS)]


def records(table: pd.DataFrame, places: Sequence[int], columns: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Rows of a table by column, all columns or those named; taken first and converted then, for columns are long and
    pages short."""
    names = [str(name) for name in table] if columns is None else list(columns)
    where = list(places)
    taken = [table[name].iloc[where].tolist() for name in names]
    return [dict(zip(names, values, strict=True)) for values in zip(*taken, strict=True)]


def _side(key: str, record: Mapping[str, Any]) -> Side:
    address = key, record["id"], thumbnails.version(record["sha256"], record["mtime_ns"])
    return {
        "id": record["id"],
        "name": visible(record["name"]),
        "path": visible(record["path"]),
        "thumb": thumbnail_url(*address),
        "full": image_url(*address),
        "about": about_url(key, record["id"]),
        "width": int(record["width"]),
        "height": int(record["height"]),
        "format": record["format"],
        "bytes": int(record["bytes"]),
        "kind": str(record["kind"]),
        "role": str(record["role"]),
    }


def maps_to(pairs: pd.DataFrame, rows: Sequence[int], others: Sequence[int]) -> list[Affine | None]:
    """For images the map from their pixels to those of the other of a listed pair, None where none is."""
    wanted = dict(zip(rows, others, strict=True))
    left, right = pairs["left"].to_numpy(), pairs["right"].to_numpy()
    near = np.flatnonzero(np.isin(left, list(wanted)) | np.isin(right, list(wanted)))
    found: dict[int, Affine | None] = {}
    for pair in records(pairs, near.tolist(), ["left", "right", *AFFINE, *SIZES]):
        if not all(pair[name] for name in SIZES):
            continue  # copies of each other that cannot be read
        forth = geometry.pixel_affine(pair)
        if wanted.get(pair["left"]) == pair["right"]:
            found[pair["left"]] = finite(forth)
        if wanted.get(pair["right"]) == pair["left"]:
            found[pair["right"]] = finite(geometry.invert_affine(forth.reshape(1, 6)).reshape(2, 3))
    return [found.get(row) for row in rows]


def finite(affine: NDArray[np.float64]) -> Affine | None:
    """A map between pixel coordinates as the browser gets it; None where it could not be inverted."""
    found: list[list[float]] = affine.tolist()
    return found if np.isfinite(affine).all() else None
