"""What annotation files say of a dataset's images, kept beside the dataset so that most work need not read them again.

A file of hundreds of megabytes takes a minute and gigabytes to read; which classes and how many annotations each image
has is a few megabytes. What is kept holds for the files as they are, by size and time, and for one scan.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, overload

import msgspec

from dedup.errors import DatasetError
from dedup.files import PRIVATE, as_it_is, atomic_write
from dedup.labels import formats
from dedup.labels.coco import Attachment, Coco

VERSION = 7
"""Grows when attaching gives other results."""

Source = tuple[Coco, Attachment]
Key = list[Any] | None


class _Held(msgspec.Struct):
    """What is kept of one file, and what it holds for."""

    key: Key
    attachment: Attachment


class Sources(Sequence[Source]):
    """Documents with how they meet the images, read when one is asked for; how many there are is known before."""

    def __init__(self, count: int, read: Callable[[], list[Source]]) -> None:
        self._count, self._read = count, read

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, place: int) -> Source: ...
    @overload
    def __getitem__(self, place: slice) -> list[Source]: ...
    def __getitem__(self, place: int | slice) -> Source | list[Source]:
        return self._read()[place]

    def __iter__(self) -> Iterator[Source]:
        return iter(self._read())


def key_of(source: Path, scan_id: str) -> Key:
    """What is kept holds for: taken before a source is read, so that what it said is never taken for what it says."""
    digest = hashlib.blake2b(digest_size=16)
    if not source.exists():
        return None
    try:
        for file in formats.files_of(source):
            digest.update(as_it_is(file))
    except OSError:
        return None
    return [VERSION, scan_id, digest.hexdigest()]


def keys_of(sources: Iterable[Path], scan_id: str) -> dict[Path, Key]:
    """The keys of several sources: what is kept of one holds for those before it as well (`dedup.labels.told_once`)."""
    found: dict[Path, Key] = {}
    digest = hashlib.blake2b(digest_size=16)
    for source in sources:
        own = key_of(source, scan_id)
        digest.update(msgspec.json.encode([os.fsencode(source), own]))
        found[source] = own and [*own[:-1], digest.hexdigest()]
    return found


def recall(directory: Path, file: Path, key: Key) -> Attachment | None:
    """How a file meets the images of a scan, if it was kept and the file is as it was; else None."""
    with suppress(OSError, ValueError):
        held = msgspec.json.decode(_place(directory, file).read_bytes(), type=_Held)
        if key is not None and held.key == key:
            return held.attachment
    return None


def keep(directory: Path, file: Path, key: Key, met: Attachment) -> None:
    """Keep it for the next time; a disk that is full or read-only goes without."""
    with suppress(OSError, DatasetError, ValueError):  # half a character is no text
        told = msgspec.json.encode(_Held(key, met))
        with atomic_write(_place(directory, file), PRIVATE) as stream:
            stream.write(told)


def _place(directory: Path, file: Path) -> Path:
    return directory / f"labels-{hashlib.blake2b(os.fsencode(file), digest_size=8).hexdigest()}.json"
