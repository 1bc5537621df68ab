"""See, understand and remove duplicate images.

import dedup

dogs = dedup.scan("photos/dogs")
dogs.frame[["path", "singularity", "kind"]]
dogs.tag(dogs.frame["singularity"] == 0, "redundant")
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from dedup.errors import DedupError
from dedup.model import SOFTWARE_VERSION, Kind, Progress

if TYPE_CHECKING:
    from dedup.catalogue import find_labels, forget, merge, open, rename, rescan, scan, scan_shard
    from dedup.dataset import Dataset
    from dedup.query.selection import Range, Selection
    from dedup.store.home import DatasetInfo, datasets

_HOMES = {
    "Dataset": "dedup.dataset",
    "DatasetInfo": "dedup.store.home",
    "Range": "dedup.query.selection",
    "Selection": "dedup.query.selection",
    "datasets": "dedup.store.home",
    "find_labels": "dedup.catalogue",
    "forget": "dedup.catalogue",
    "merge": "dedup.catalogue",
    "open": "dedup.catalogue",
    "rename": "dedup.catalogue",
    "rescan": "dedup.catalogue",
    "scan": "dedup.catalogue",
    "scan_shard": "dedup.catalogue",
}
"""These names are loaded when they are first used: a worker, or `--help`, needs none of the tables behind them."""

__version__ = SOFTWARE_VERSION


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'dedup' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)


__all__ = [
    "Dataset",
    "DatasetInfo",
    "DedupError",
    "Kind",
    "Progress",
    "Range",
    "Selection",
    "__version__",
    "datasets",
    "find_labels",
    "forget",
    "merge",
    "open",
    "rename",
    "rescan",
    "scan",
    "scan_shard",
]
