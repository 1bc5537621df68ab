"""The words of the product as constants and frozen records; imports nothing of ours.

Column names of the frame are documented in `dedup.dataset.Dataset.frame`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

SOFTWARE_VERSION = "0.2.0"

NEAR_DISTANCE = 0.5
"""Default decision threshold: verified distances up to this one are near duplicates."""

NEAR_SINGULARITY = 0.05
"""Upper end of the near-duplicate band of the singularity score."""

SCORE_VERSION = 1
"""Changes with the curve of `dedup.groups.singularity`; written into every export."""

MATCHING_VERSION = 18
"""Changes with what is found between images, so that a rescan matches all of them again without decoding any."""

FACTS = (
    *("id", "path", "folder", "name", "sha256", "content", "bytes", "mtime_ns", "format", "width", "height"),
    *("orientation", "captured_at", "camera", "described", "extras", "alpha", "shown_on"),
    *("bits", "bands", "frames", "values"),
    *("jpeg_quality", "lossless", "split", "classes", "annotations", "status", "error"),
)
FOUND = (
    *("kind", "group", "role", "keeper", "keeper_reason", "nearest", "distance", "nearest_bits", "similar"),
    *("contains", "part_of"),
    *("relation", "relations"),
)
"""Columns of the frame: what is known of each file, and what was found between images. Metrics stand between them."""

MAP_X, MAP_Y, CLUSTER = PLACE = ("map_x", "map_y", "cluster")
"""Columns of the frame of a dataset whose map was drawn."""

TAG_PREFIX = "tag:"
"""A tag named `keep` is the boolean column `tag:keep` of the frame."""

SPLITS = ("train", "val", "test")
"""The usual splits, in their order; a dataset may have others."""

Reach = Literal["exact", "near", "scene"]
REACHES: dict[Reach, str] = {
    "exact": "exact copies",
    "near": "exact copies and near duplicates",
    "scene": "copies, similar scenes and bursts",
}
"""How far images that belong on one side of a split reach, each with those before, in words."""

EVALUATION_SPLITS = ("val", "test", "dev", "eval", "holdout")
"""Splits whose images measure a model: they stay where they are when a copy has to go."""


TAG_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5195", "#6b7280")
"""Offered one after the other to new tags; told apart with every common colour vision (Okabe and Ito, 2008) and
readable with dark or white ink on light and dark pages alike."""

Change = tuple[str, str, str, str | None]
"""One decision to store: kind, subject, object and new value (None takes it away); see `dedup.store.decisions`."""


def called_otherwise(tags: Iterable[str], names: Collection[str], new_name: str) -> list[str]:
    """Tags, of which those with one of the `names` have a new one; each once."""
    return list(dict.fromkeys(new_name if tag in names else tag for tag in tags))


def next_colour(taken: Collection[str]) -> str:
    """The first of `TAG_COLOURS` that no tag has; when all are taken, they start again."""
    return next((colour for colour in TAG_COLOURS if colour not in taken), TAG_COLOURS[len(taken) % len(TAG_COLOURS)])


class Kind(StrEnum):
    """What an image is to its dataset, or what a pair is."""

    EXACT = "exact"
    NEAR = "near"
    CONTAINS = "contains"
    SIMILAR = "similar"
    UNJUDGED = "unjudged"
    UNIQUE = "unique"
    FAILED = "failed"


class Role(StrEnum):
    """The part an image plays in its group."""

    KEEPER = "keeper"
    DUPLICATE = "duplicate"
    NONE = ""


class Status(StrEnum):
    """Whether a file could be read."""

    OK = "ok"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a long job is. `done` and `total` count units of `stage` (files, pairs, ...); seconds are wall time."""

    stage: str
    done: int
    total: int
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Units a second, 0.0 before the first."""
        return self.done / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Estimated from the rate so far; None before the first unit."""
        return (self.total - self.done) / self.rate if self.rate > 0 else None


OnProgress = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Tag:
    """A name a person gives to images. `colour` is `#rrggbb`; `count` the images that carry it now."""

    name: str
    colour: str
    count: int
