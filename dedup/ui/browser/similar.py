"""Images like one image, for the compare view: each with its distance, its relation and its place over the first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dedup.dataset import Dataset
from dedup.images import thumbnails
from dedup.matching import relations
from dedup.matching.nearest_hash import most_alike
from dedup.model import Kind, Status
from dedup.ui.browser.gallery import Affine, Side
from dedup.ui.shell.library import Opened
from dedup.ui.shell.routes import image_url, thumbnail_url

MOST = 24
"""Images offered beside the first."""

FEW = 12
"""Fewer related images than this are followed by the most alike of the rest."""


def sides(dataset: Dataset, rows: Sequence[int]) -> list[Side]:
    """Images as the gallery and the compare view need them; looks at nothing but their own rows."""
    key = dataset.info.key
    return [_side(key, record) for record in records(dataset.frame, rows)]


def records(table: pd.DataFrame, places: Sequence[int]) -> list[dict[str, Any]]:
    """Rows of a table by column; taken first and converted then, for columns are long and pages short."""
    part = table.iloc[list(places)]
    return [{str(name): value for name, value in record.items()} for record in part.to_dict("records")]


def _side(key: str, record: Mapping[str, Any]) -> Side:
    address = key, record["id"], thumbnails.version(record["sha256"], record["mtime_ns"])
    return {
        "id": record["id"],
        "name": record["name"],
        "path": record["path"],
        "thumb": thumbnail_url(*address),
        "full": image_url(*address),
        "width": int(record["width"]),
        "height": int(record["height"]),
        "format": record["format"],
        "bytes": int(record["bytes"]),
        "kind": str(record["kind"]),
        "role": str(record["role"]),
    }


def candidates(opened: Opened, row: int) -> list[Side]:
    """The images related to that of `row`, nearest first, then those most alike by hash."""
    dataset = opened.dataset
    pairs = pairs_of(dataset.pairs, row).head(MOST)
    others = np.where(pairs["left"] == row, pairs["right"], pairs["left"]).astype(int).tolist()
    related = records(pairs, range(len(pairs)))
    found = [_candidate(shown, pair, row) for shown, pair in zip(sides(dataset, others), related, strict=True)]
    usable = (dataset.frame["status"] == Status.OK).to_numpy()
    alike = [(each, bits) for each, bits in most_alike(dataset.hashes, usable, row, MOST) if each not in others]
    alike = alike[: max(0, FEW - len(found))]
    shown_alike = sides(dataset, [each for each, _ in alike])
    return found + [
        {
            **shown,
            "relation": f"most alike of the rest: {bits} of 256 bits differ",
            "note": f"{bits} of 256 bits",
            "unrelated": True,
        }
        for shown, (_, bits) in zip(shown_alike, alike, strict=True)
    ]


def pairs_of(pairs: pd.DataFrame, row: int) -> pd.DataFrame:
    """The pairs that hold `row`, by distance."""
    held = (pairs["left"].to_numpy() == row) | (pairs["right"].to_numpy() == row)
    found: pd.DataFrame = pairs[held]
    return found.sort_values(["distance", "left", "right"], kind="stable")


def _candidate(shown: Side, pair: Mapping[str, Any], row: int) -> Side:
    relation = relations.Relation.from_row(pair)
    told, back = (relation, relation.inverse()) if pair["left"] == row else (relation.inverse(), relation)
    return {
        **shown,
        "distance": float(pair["distance"]),
        "relation": told.sentence(),
        "note": "exact copy" if pair["kind"] == Kind.EXACT else f"{pair['kind']} {pair['distance']:.3f}",
        "affine": finite(back.affine()),
    }


def finite(affine: NDArray[np.float64]) -> Affine | None:
    """A map between pixel coordinates as the browser gets it; None where it could not be inverted."""
    found: list[list[float]] = affine.tolist()
    return found if np.isfinite(affine).all() else None
