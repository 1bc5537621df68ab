"""See, understand and remove duplicate images.

import dedup

dogs = dedup.scan("photos/dogs")
dogs.frame[["path", "singularity", "kind"]]
dogs.tag(dogs.frame["singularity"] == 0, "redundant")
"""

from __future__ import annotations

from dedup.dataset import Dataset, DatasetInfo
from dedup.datasets import datasets, forget, open, rename, rescan, scan
from dedup.errors import DedupError
from dedup.model import Kind, Progress
from dedup.query.selection import Range, Selection
from dedup.store.directory import SOFTWARE_VERSION

__version__ = SOFTWARE_VERSION

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
    "forget",
    "open",
    "rename",
    "rescan",
    "scan",
]
