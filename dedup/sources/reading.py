"""An image as a file, wherever it is: what reads pictures knows nothing of places."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from dedup.errors import SourceError, UnreadableImage
from dedup.sources import archives, blobs
from dedup.sources.listing import Stored, Where

SUFFIX = re.compile(r"\.\w{1,15}")
"""Ends of names that files can have anywhere."""
LARGEST_BYTES = 1 << 30
"""What is larger and no file of its own is not read into memory: no picture of the pixels that are decoded is."""
FETCHED_AT_ONCE = 4
"""Requests of one worker under way at a time: with so many, decoding rarely waits for a bucket tens of milliseconds
away, and as many encoded pictures at most are in memory as a batch has."""


@dataclass(frozen=True, slots=True)
class Held:
    """An image whose bytes are here already, with its name and time of change."""

    name: str
    mtime_ns: int
    data: bytes


Image = Where | Held | UnreadableImage
"""An image, wherever it is, or why its bytes could not be had."""


@contextmanager
def at_hand(where: Image) -> Iterator[Path]:
    """A file with the bytes of an image: its own, or one of its name and time that lasts as long as it is needed.

    Raises `UnreadableImage` where they cannot be had; a file of its own is not looked at.
    """
    if isinstance(where, Path):
        yield where
        return
    if isinstance(where, UnreadableImage):
        raise where
    held = hold(where) if isinstance(where, Stored) else where
    with tempfile.TemporaryDirectory(prefix="dedup-") as folder:  # for its owner alone
        suffix = PurePosixPath(held.name).suffix
        file = Path(folder, "image" + (suffix if SUFFIX.fullmatch(suffix) else ""))
        file.write_bytes(held.data)
        with suppress(OSError):  # a disk that knows no such time
            os.utime(file, ns=(held.mtime_ns, held.mtime_ns))
        yield file


def hold(stored: Stored) -> Held:
    """The image with its bytes. Raises `UnreadableImage`."""
    return Held(stored.key, stored.entry.mtime_ns, read(stored))


def fetched(images: Sequence[Image]) -> Iterator[Image]:
    """The images in their order, those that lie on other machines fetched several at once and ahead of their turn:
    nearly all of the time that takes is waiting."""
    if not any(isinstance(each, Stored) and blobs.is_address(each.place) for each in images):
        yield from images
        return
    with ThreadPoolExecutor(FETCHED_AT_ONCE) as threads:
        yield from threads.map(_fetched, images)


def _fetched(image: Image) -> Image:
    try:
        return hold(image) if isinstance(image, Stored) else image
    except UnreadableImage as error:
        return error


def portable(where: Image) -> Image:
    """The image as another process can have it at hand: what lies in this one's memory goes along with its bytes."""
    if isinstance(where, Stored) and where.place.startswith("memory://"):
        with suppress(UnreadableImage):  # the other process will say so
            return hold(where)
    return where


def read(stored: Stored) -> bytes:
    """The bytes of an image. Raises `UnreadableImage`."""
    if stored.entry.size > LARGEST_BYTES:
        raise UnreadableImage(f"too large to be read where it is: {stored.entry.size:,} bytes")
    if archives.suffix_of(stored.place):
        return archives.read(stored)
    try:
        return blobs.read(stored.place + stored.key)
    except (OSError, SourceError) as error:
        raise blobs.unreadable(error) from error
