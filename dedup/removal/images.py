"""What a removal needs of a dataset: where it is, and its frame's columns."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd

from dedup.errors import RemovalError
from dedup.model import Role, Status


class Images(Protocol):
    """What a removal needs of a `dedup.dataset.Dataset`."""

    @property
    def name(self) -> str:
        """The dataset's name."""

    @property
    def key(self) -> str:
        """What tells the dataset from one that has its name by now."""

    @property
    def directory(self) -> Path:
        """The dataset's own directory, home of its quarantine."""

    @property
    def root(self) -> Path:
        """The scanned folder."""

    @property
    def frame(self) -> pd.DataFrame:
        """One row per image."""

    @property
    def address(self) -> str:
        """That folder, or whatever else was scanned, as people read it."""

    @property
    def in_files(self) -> bool:
        """Whether its images are files of their own."""

    def file(self, row: int, /) -> Path:
        """Absolute path of an image."""


def require_files(images: Images) -> None:
    """Raises `RemovalError` where the images lie in an archive or a bucket: those are only ever read."""
    if not images.in_files:
        raise RemovalError(only_read(images))


def only_read(images: Images) -> str:
    """What to do instead where images cannot leave, in words."""
    return (
        f"The images of {images.name} lie in {images.address}, which is only read. "
        f"Export those that stay instead: dedup export {images.name} --to folder --where \"role != 'duplicate'\"."
    )


class Columns:
    """A frame's columns as plain lists: a plan asks for single values, and that of a frame is slow."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.path: list[str] = frame["path"].tolist()
        self.sha256: list[str] = frame["sha256"].tolist()
        self.content: list[str] = frame["content"].tolist()
        self.bytes: list[int] = frame["bytes"].tolist()
        self.mtime_ns: list[int] = frame["mtime_ns"].tolist()
        self.group: list[int] = frame["group"].tolist()
        self.keeper: list[int] = frame["keeper"].tolist()
        self.nearest: list[int] = frame["nearest"].tolist()
        self.relation: list[str] = frame["relation"].tolist()
        self.is_keeper: list[bool] = (frame["role"] == Role.KEEPER).tolist()
        self.readable: list[bool] = (frame["status"] == Status.OK).tolist()
        self.area: list[int] = (frame["width"].astype(np.int64) * frame["height"]).tolist()

    @cached_property
    def row(self) -> dict[str, int]:
        """Path to row."""
        return {path: row for row, path in enumerate(self.path)}

    def identity(self, left: int, right: int) -> str:
        """How two images are the same: "file", "pixels" or "" when they are not (or `right` is -1)."""
        if right < 0:
            return ""
        if self.sha256[left] and self.sha256[left] == self.sha256[right]:
            return "file"
        return "pixels" if self.content[left] and self.content[left] == self.content[right] else ""

    def best(self, rows: Iterable[int]) -> int:
        """The group's keeper among `rows`, or else the largest, first by path."""
        return min(rows, key=lambda row: (not self.is_keeper[row], -self.area[row], row))
