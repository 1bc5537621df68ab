"""What a typed path means before anything is scanned: does it exist, and how many images are there."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from dedup.images.formats import SUFFIXES
from dedup.machine import within
from dedup.sources.lists import LIST_SUFFIXES
from dedup.words import plural

PATIENCE_SECONDS = 0.4
"""A live check looks no longer than this; a scan will see the rest."""

PATIENT_SECONDS = 5.0
"""A disk that takes longer for any answer hangs; the page does not wait for it."""
SUGGESTED = 8


@dataclass(frozen=True, slots=True)
class FolderCheck:
    """What was seen at a path. `complete` is False when the look was cut short, so that there are more images."""

    path: Path
    usable: bool
    words: str
    images: int = 0
    complete: bool = True
    inside: tuple[str, ...] = ()


def typed_path(text: str) -> Path:
    """The path a person means, also when it was pasted with quotes or with `~`."""
    return Path(text.strip().strip("\"'").strip()).expanduser()


def check(text: str, *, patience: float = PATIENCE_SECONDS) -> FolderCheck:
    """Look at the folder or list at a typed path for at most `patience` seconds; never raises."""
    path = typed_path(text)
    try:
        return within(PATIENT_SECONDS, lambda: _check(path, patience))
    except TimeoutError:
        return FolderCheck(path, False, "This disk does not answer. Check that it is connected.")
    except OSError as error:
        return FolderCheck(path, False, f"This cannot be read: {error.strerror or error}. Check its permissions.")


def _check(path: Path, patience: float) -> FolderCheck:
    if path.is_file():
        usable = path.suffix.lower() in LIST_SUFFIXES
        words = "A list of files." if usable else "This is a file; give a folder, or a .txt or .csv list of files."
        return FolderCheck(path, usable, words)
    if not path.is_dir():
        return FolderCheck(path, False, "There is no such folder.", inside=_neighbours(path))
    inside = _subfolders(path)
    images, complete = _count(path, time.monotonic() + patience)
    if images == 0 and complete:
        return FolderCheck(path, False, "There are no images in this folder.", inside=inside)
    about = "" if complete else "more than "
    return FolderCheck(path, True, about + plural(images, "image"), images, complete, inside)


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
