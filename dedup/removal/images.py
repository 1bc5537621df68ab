"""What a removal needs of a dataset: where it is, and its frame's columns."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pandas as pd

from dedup.errors import RemovalError
from dedup.model import TAG_PREFIX, Role, Status
from dedup.removal import objects
from dedup.removal.journal import QUARANTINE
from dedup.removal.objects import Object, Place
from dedup.removal.refusal import RefusalError
from dedup.sources import Where, blobs
from dedup.sources.listing import address_in_words
from dedup.words import command_line

if TYPE_CHECKING:
    from dedup.removal.planfile import Entry


class Images(Protocol):
    """What a removal needs of a `dedup.dataset.Dataset`."""

    @property
    def name(self) -> str:
        """The dataset's name."""

    @property
    def key(self) -> str:
        """What tells the dataset from one that has its name by now."""

    @property
    def outdated(self) -> str:
        """What to do before anything is removed, where another version found the pairs; '' where this one did."""

    @property
    def scan_id(self) -> str:
        """The scan that its frame is of."""

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
        """Absolute path of an image that is a file."""

    def where(self, row: int, /) -> Where:
        """Where any image is."""


def can_leave(images: Images) -> bool:
    """Whether images can be taken out of where they lie: files and objects of buckets, nothing in archives, tables or
    on web servers, which are only ever read."""
    return images.in_files or blobs.can_change(images.address)


def require_leaving(images: Images, entries: Sequence[Entry] = ()) -> None:
    """Raises `RemovalError` where they cannot, which says how all but the `entries` of a plan can be had."""
    if not can_leave(images):
        raise RemovalError(only_read(images, entries))


def require_current(images: Images) -> None:
    """Raises `RemovalError` where another version of dedup found the pairs: it may have taken for a copy what this one
    does not."""
    if images.outdated:
        raise RemovalError(images.outdated)


def quarantine_of(images: Images) -> str:
    """Where what leaves goes: a folder in the dataset's own directory, or beside the prefix in the same bucket."""
    own = images.directory / QUARANTINE
    return str(own) if images.in_files else objects.quarantine_of(images.address, images.key)


def ground_of(images: Images) -> Place:
    """What the images lie below: a folder, or the address of a prefix."""
    return images.root if images.in_files else images.address


def place_of(images: Images, row: int) -> Place:
    """Where an image is."""
    return images.file(row) if images.in_files else address_in_words(images.where(row))


def at(ground: Place, file: str) -> Place:
    """The place of a file below."""
    return f"{ground}{file}" if isinstance(ground, str) else ground / file


def below(ground: Place, place: Place) -> str:
    """How a place is called from the ground, with `/`. Raises `RefusalError` where it lies elsewhere."""
    if isinstance(ground, str) and isinstance(place, str) and place.startswith(ground):
        return place.removeprefix(ground)
    if isinstance(ground, Path) and isinstance(place, Path) and place.is_relative_to(ground):
        return place.relative_to(ground).as_posix()
    raise RefusalError(f"it lies outside the dataset's folder {ground}")


def is_there(place: Place) -> bool:
    """Whether anything is at a place, a link that leads nowhere included. OSError where its storage does not answer."""
    return Object(place).exists() if isinstance(place, str) else os.path.lexists(place)


def only_read(images: Images, entries: Sequence[Entry] = ()) -> str:
    """What to do instead where images cannot leave, in words: export all but the `entries` of a plan."""
    where = _all_but(images, entries)
    where = f'"{where}"' if "'" in where else shlex.quote(where)
    command = command_line("export", images.name, "--to", "folder", "--output", "clean.zip")
    return (
        f"The images of {images.name} lie in {images.address}, which is only read. "
        f"Export those that stay instead: {command} --where {where}."
    )


def _all_but(images: Images, entries: Sequence[Entry]) -> str:
    """The expression for the images that a plan leaves where they are."""
    frame, copies = images.frame, "role != 'duplicate'"
    if not entries:
        return copies
    goes = frame["path"].isin([each.path for each in entries])
    for tag in (str(name) for name in frame if str(name).startswith(TAG_PREFIX)):
        if goes.equals(frame[tag].astype(bool)) and not re.search("[\"'\\\\]", tag):
            return f'not ("{tag.removeprefix(TAG_PREFIX)}" in tags)'
    if all(each.decided for each in entries):
        return "decided != 'goes'"
    return "kind != 'exact'" if all(each.identical for each in entries) else copies


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
