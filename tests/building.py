"""Small datasets made by hand: real files in a folder and the frame that a scan would give, without a scan."""

from __future__ import annotations

import hashlib
import shutil
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from dedup.dataset import Dataset
from dedup.sources import at_hand


@dataclass
class Images:
    """Stands in for `dedup.dataset.Dataset` where only files and a frame matter."""

    directory: Path
    root: Path
    frame: pd.DataFrame = field(repr=False)
    name: str = "made"
    in_files: bool = True
    key: str = "made"
    scan_id: str = "made"
    outdated: str = ""

    @property
    def address(self) -> str:
        return str(self.root)

    def where(self, row: int) -> Path:
        return self.file(row)

    def at_hand(self, row: int) -> AbstractContextManager[Path]:
        return at_hand(self.file(row))

    def file(self, row: int) -> Path:
        return self.root / self.frame["path"].iat[row]


def picture(path: Path, seed: int, size: tuple[int, int] = (32, 24)) -> Path:
    """A real image file of blotches, the same for the same seed and size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    blotches = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    Image.fromarray(blotches).resize(size, Image.Resampling.BICUBIC).save(path)
    return path


def frame_of(root: Path, groups: dict[str, list[str]] | None = None, **columns: list) -> pd.DataFrame:
    """The frame of the files below `root`. `groups` maps a keeper's path to its duplicates' paths; a duplicate with
    the keeper's bytes is exact, others are near. `columns` replace or add columns, in path order."""
    paths = sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
    count, number = len(paths), {path: row for row, path in enumerate(paths)}
    hashes = [hashlib.sha256((root / path).read_bytes()).hexdigest() for path in paths]
    stats = [(root / path).stat() for path in paths]
    frame = pd.DataFrame(
        {
            "id": [hashlib.blake2b(path.encode(), digest_size=8).hexdigest() for path in paths],
            "path": paths,
            "folder": [str(Path(path).parent).replace(".", "") for path in paths],
            "name": [Path(path).name for path in paths],
            "sha256": hashes,
            "content": [digest[:32] for digest in hashes],
            "bytes": np.array([stat.st_size for stat in stats], np.int64),
            "mtime_ns": np.array([stat.st_mtime_ns for stat in stats], np.int64),
            "width": np.full(count, 32, np.int32),
            "height": np.full(count, 24, np.int32),
            "split": [""] * count,
            "classes": [()] * count,
            "status": ["ok"] * count,
            "kind": ["unique"] * count,
            "group": np.full(count, -1, np.int32),
            "role": [""] * count,
            "keeper": np.full(count, -1, np.int32),
            "keeper_reason": [""] * count,
            "nearest": np.full(count, -1, np.int32),
            "distance": np.full(count, np.nan, np.float32),
            "relation": [""] * count,
            "singularity": np.full(count, 0.5),
        }
    )
    for group, (keeper, copies) in enumerate((groups or {}).items()):
        rows = [number[path] for path in [keeper, *copies]]
        frame.loc[rows, "group"] = group
        frame.loc[rows, "keeper"] = rows[0]
        frame.loc[rows, "nearest"] = rows[0]
        frame.loc[rows, "role"] = "duplicate"
        frame.loc[rows[0], "role"] = "keeper"
        same = [row for row in rows[1:] if hashes[row] == hashes[rows[0]]]
        frame.loc[rows, "kind"] = "near"
        frame.loc[rows, "relation"] = "resized"
        frame.loc[same, "kind"] = "exact"
        frame.loc[same, "relation"] = "identical file"
    for name, values in columns.items():
        frame[name.replace("tag_", "tag:")] = values
    return frame


def make_images(tmp_path: Path, groups: dict[str, list[str]] | None = None, **columns: list) -> Images:
    """The dataset of the files already below `tmp_path / "photos"`."""
    root, directory = tmp_path / "photos", tmp_path / "home" / "made"
    root.mkdir(exist_ok=True)
    directory.mkdir(parents=True, exist_ok=True)
    return Images(directory, root, frame_of(root, groups, **columns))


def copied(scanned: Dataset, folder: Path, home: Path) -> Path:
    """A copy of a scanned dataset and of its files in `folder`, as if they had been scanned there: a test may change
    either. Returns the folder."""
    shutil.copytree(scanned.root, folder)
    shutil.copytree(scanned.directory, home / scanned.name)
    info = home / scanned.name / "dataset.json"
    info.write_text(info.read_text().replace(str(scanned.root), str(folder)))
    return folder
