"""What every export shares: its record, its report and what it reads of a dataset."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pandas as pd

from dedup.labels.clashes import Clash
from dedup.labels.decided import Labels
from dedup.model import OnProgress, Progress
from dedup.query.where import Mask
from dedup.sources import Where


class Exportable(Protocol):
    """The part of `dedup.dataset.Dataset` that exports read."""

    @property
    def frame(self) -> pd.DataFrame:
        """One row per image."""

    @property
    def pairs(self) -> pd.DataFrame:
        """One row per pair; left and right are row numbers."""

    @property
    def root(self) -> Path:
        """The folder that paths are relative to."""

    @property
    def labels_root(self) -> Path:
        """The folder in which files of labels lie as the images lie below the root."""

    @property
    def labels(self) -> Labels:
        """The COCO documents and classes, with label clashes resolved as people decided."""

    @property
    def labels_left(self) -> Sequence[str]:
        """Names of COCO files that were found and are not used, beside others that are."""

    @property
    def open_clashes(self) -> list[Clash]:
        """The label clashes that nobody decided."""

    @property
    def address(self) -> str:
        """What paths are relative to, as people read it."""

    def where(self, row: int) -> Where:
        """Where an image is."""

    def file(self, row: int) -> Path:
        """The absolute file of a row."""


def classed(dataset: Exportable) -> pd.DataFrame:
    """The dataset's frame with the classes that follow from what people decided about clashes of classes or boxes."""
    frame, chosen = dataset.frame, dataset.labels.classes
    if not chosen:
        return frame
    classes = [chosen.get(row, names) for row, names in enumerate(frame["classes"])]
    return frame.assign(classes=pd.Series(classes, index=frame.index, dtype=object))


@dataclass(frozen=True, slots=True)
class Report:
    """What an export wrote: `rows` images, pairs or files at `path`, an address where that is elsewhere; `notes` are
    sentences worth showing."""

    rows: int
    path: Path | str
    notes: tuple[str, ...] = ()


class Write(Protocol):
    """Writes the images in `mask` to `output`; never over an existing file unless `overwrite`.

    Raises `ExportError`, and passes on `Cancelled` raised by `on_progress`; nothing half written is left at `output`.
    """

    def __call__(
        self,
        dataset: Exportable,
        mask: Mask,
        output: Path,
        on_progress: OnProgress | None = None,
        *,
        overwrite: bool = False,
    ) -> Report: ...


@dataclass(frozen=True, slots=True)
class Export:
    """One way to take a selection out: a short name for the command line, a title for people, a file suffix."""

    name: str
    title: str
    suffix: str
    write: Write


class Meter:
    """Tells `on_progress` how far a stage is; `total` units."""

    def __init__(self, on_progress: OnProgress | None, stage: str, total: int) -> None:
        self.on_progress = on_progress
        self.stage = stage
        self.total = total
        self.done = 0
        self.start = time.perf_counter()

    def advance(self, units: int = 1) -> None:
        """`units` more are done."""
        self.done += units
        if self.on_progress is not None:
            self.on_progress(Progress(self.stage, self.done, self.total, time.perf_counter() - self.start))
