"""Frames and datasets made by code, in the shape `dedup.dataset` documents, for tests that need no scan."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from dedup.exports.base import Exportable, Write
from dedup.labels.clashes import Clash
from dedup.labels.decided import Labels
from dedup.matching.columns import NEUTRAL, PAIR_COLUMNS
from dedup.query.where import Mask

if TYPE_CHECKING:
    from dedup.labels.coco import Coco

METRICS = (
    *("area", "aspect_ratio", "bits_per_pixel", "brightness", "contrast", "sharpness", "blur"),
    *("saturation", "red", "green", "blue", "entropy", "random"),
)
TAGS = ("keep", "blurry", "a b", 'quo"te', "=cmd")
PATHS = ("cat/a.jpg", "cat/Beach 1.png", "dog/b.jpg", "dog/sub/c.jpg", "top.webp", "train/dog/d.jpg", "é/ü.jpg")


def make_frame(paths: Sequence[str] = PATHS, *, seed: int = 0, tags: Sequence[str] = TAGS) -> pd.DataFrame:
    """A frame with every column of the contract; every seventh image failed; values drawn from `seed`."""
    rng = np.random.default_rng(seed)
    paths = sorted(paths)
    n = len(paths)
    failed = np.arange(n) % 7 == 6
    singularity = rng.choice([0.0, 0.01, 0.05, 0.3, 1.0], n)
    kind = np.where(singularity == 0, "exact", np.where(singularity <= 0.05, "near", "unique"))
    return pd.DataFrame(
        {
            "id": [hashlib.blake2b(p.encode(), digest_size=8).hexdigest() for p in paths],
            "path": paths,
            "folder": [p.rpartition("/")[0] for p in paths],
            "name": [p.rpartition("/")[2] for p in paths],
            "sha256": [hashlib.sha256(p.encode()).hexdigest() for p in paths],
            "content": [
                "" if fails else hashlib.md5(p.encode()).hexdigest() for p, fails in zip(paths, failed, strict=True)
            ],
            "bytes": rng.integers(1, 10**7, n),
            "width": np.where(failed, 0, rng.integers(1, 4000, n)).astype(np.int32),
            "height": np.where(failed, 0, rng.integers(1, 4000, n)).astype(np.int32),
            "format": rng.choice(["JPEG", "PNG"], n),
            "captured_at": rng.choice(["", "2020-01-02T03:04:05", "2021-06-07T08:09:10"], n),
            "camera": rng.random(n) < 0.5,
            "jpeg_quality": np.where(rng.random(n) < 0.5, np.nan, 90).astype(np.float32),
            "split": rng.choice(["", "train", "val", "test"], n),
            "classes": _tuples([("cat",), ("dog",), ("cat", "dog"), ()], n, rng),
            "annotations": rng.integers(0, 5, n).astype(np.int32),
            "status": np.where(failed, "failed", "ok"),
            "error": np.where(failed, "The file is empty.", ""),
            "singularity": np.where(failed, np.nan, singularity),
            **{name: np.where(failed, np.nan, rng.random(n).round(2)) for name in METRICS},
            "kind": np.where(failed, "failed", kind),
            "group": rng.integers(-1, 3, n).astype(np.int32),
            "role": rng.choice(["keeper", "duplicate", ""], n),
            "keeper": rng.integers(-1, n, n).astype(np.int32),
            "keeper_reason": rng.choice(["", "higher resolution"], n),
            "nearest": rng.integers(-1, n, n).astype(np.int32),
            "distance": np.where(rng.random(n) < 0.5, np.nan, 0.1).astype(np.float32),
            "nearest_bits": rng.integers(-1, 256, n).astype(np.int16),
            "relation": rng.choice(["", "mirrored", "mirrored, cropped to 85 %"], n),
            "relations": _tuples([(), ("mirrored",), ("mirrored", "cropped")], n, rng),
            "decided": rng.choice(["goes", "stays", "open"], n),
            **{f"tag:{name}": rng.random(n) < 0.5 for name in tags},
        }
    )


def _tuples(choices: list[tuple[str, ...]], n: int, rng: np.random.Generator) -> pd.Series:
    return pd.Series([choices[i] for i in rng.integers(0, len(choices), n)], dtype=object)


@dataclass
class FakeDataset:
    """What exports read of a dataset."""

    frame: pd.DataFrame
    root: Path = Path("/nowhere")
    pairs: pd.DataFrame = field(default_factory=lambda: make_pairs([]))
    coco: Coco | None = None
    name: str = "test"
    open_clashes: list[Clash] = field(default_factory=list)
    labels_left: tuple[str, ...] = ()

    @property
    def annotations(self) -> tuple[Coco, ...]:
        """The documents it was opened with."""
        return (self.coco,) if self.coco else ()

    @property
    def labels(self) -> Labels:
        """Its documents as they are: no clash was decided."""
        return Labels(self.annotations)

    @property
    def labels_root(self) -> Path:
        """Its labels lie as its images."""
        return self.root

    @property
    def address(self) -> str:
        """The root as text."""
        return str(self.root)

    def where(self, row: int) -> Path:
        """Its files lie in a folder."""
        return self.file(row)

    def file(self, row: int) -> Path:
        """The absolute file of `row`."""
        return self.root / str(self.frame["path"].iloc[row])

    def everything(self) -> np.ndarray:
        """A mask of all images."""
        return np.ones(len(self.frame), dtype=bool)


def make_pairs(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """A pairs table of `rows`, each with left, right and whatever differs from an unedited near duplicate."""
    full = [NEUTRAL | {"distance": 0.2} | dict(row) for row in rows]
    return pd.DataFrame(full, columns=list(PAIR_COLUMNS)).astype(PAIR_COLUMNS)


def write_files(root: Path, frame: pd.DataFrame) -> None:
    """Write a small file for each path; its content is the path, so that its sha256 is the frame's."""
    for path in frame["path"]:
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(path.encode())


def written(write: Write, dataset: Exportable, mask: Mask | None = None) -> bytes:
    """The file that an export writes of the images in `mask`, by default all."""
    with tempfile.TemporaryDirectory() as folder:
        write(dataset, np.ones(len(dataset.frame), bool) if mask is None else mask, Path(folder) / "file")
        return (Path(folder) / "file").read_bytes()
