"""What a typed path means before anything is scanned: does it exist, and how many images are there."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from dedup.errors import SourceError
from dedup.files import expanded
from dedup.images.formats import SUFFIXES
from dedup.machine import within
from dedup.sources import address_of
from dedup.sources.archives import suffix_of
from dedup.sources.blobs import is_address, is_pattern
from dedup.sources.lists import LIST_SUFFIXES
from dedup.words import plural

PATIENCE_SECONDS = 0.4
"""A live check looks no longer than this; a scan will see the rest."""

PATIENT_SECONDS = 5.0
"""A disk that takes longer for any answer hangs; the page does not wait for it."""
SUGGESTED = 8


@dataclass(frozen=True, slots=True)
class FolderCheck:
    """What was seen at a path or address. `complete` is False when the look was cut short: there are more images."""

    address: str
    usable: bool
    words: str
    images: int = 0
    complete: bool = True
    inside: tuple[str, ...] = ()


def typed_place(text: str) -> Path | str:
    """The absolute path a person means, also when it was pasted with quotes or with `~`; an address as it is."""
    given = _unquoted(text)
    return given if is_address(given) else expanded(given).absolute()


def _unquoted(text: str) -> str:
    return text.strip().strip("\"'").strip()


def check(text: str, *, patience: float = PATIENCE_SECONDS) -> FolderCheck:
    """Look at what a typed path or address means for at most `patience` seconds; never raises."""
    try:
        address = address_of(_unquoted(text))
    except SourceError as error:
        return FolderCheck(_unquoted(text), False, str(error))
    try:
        return within(PATIENT_SECONDS, lambda: _check(address, patience))
    except TimeoutError:
        return FolderCheck(address, False, "This disk does not answer. Check that it is connected.")
    except OSError as error:
        return FolderCheck(address, False, f"This cannot be read: {error.strerror or error}. Check its permissions.")


def _check(address: str, patience: float) -> FolderCheck:
    path = Path(address)
    if is_address(address):
        return FolderCheck(address, True, "Looked up when it is scanned.")
    if not path.is_dir() and suffix_of(address) and (path.exists() or is_pattern(address)):
        return FolderCheck(address, True, "Images in an archive." if path.exists() else "Images in several archives.")
    if path.is_file():
        usable = path.suffix.lower() in LIST_SUFFIXES
        words = "A list of files." if usable else "This is a file; give a folder, a .zip or .tar, or a list of files."
        return FolderCheck(address, usable, words)
    if not path.is_dir():
        return FolderCheck(address, False, "There is no such folder.", inside=_neighbours(path))
    inside = _subfolders(path)
    images, complete = _count(path, time.monotonic() + patience)
    if images == 0 and complete:
        return FolderCheck(address, False, "There are no images in this folder.", inside=inside)
    about = "" if complete else "more than "
    return FolderCheck(address, True, about + plural(images, "image"), images, complete, inside)


def _count(folder: Path, deadline: float) -> tuple[int, bool]:
    """Image files by name below `folder`, hidden folders left out, and whether all of it was seen in time."""
    count = 0
    for _, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        count += sum(os.path.splitext(name)[1].lower() in SUFFIXES for name in files)
        if time.monotonic() > deadline:
            return count, False
    return count, True


def _subfolders(folder: Path) -> tuple[str, ...]:
    names = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir() and not entry.name.startswith("."))
    return tuple(str(folder / name) for name in names[:SUGGESTED])


def _neighbours(path: Path) -> tuple[str, ...]:
    """Folders that a half-typed path may become."""
    if not path.parent.is_dir():
        return ()
    start = path.name.casefold()
    return tuple(name for name in _subfolders(path.parent) if Path(name).name.casefold().startswith(start))
