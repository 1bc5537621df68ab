"""What a source holds: its files as they are shown and as they are found."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a dataset: `path` as shown (relative to the root, `/`), `relative` as the file system names it.

    `problem` says why it is a folder that nothing could be listed of, "" for a file.
    """

    path: str
    relative: str
    problem: str = ""

    @property
    def id(self) -> str:
        """16 hex digits that stand for the path in URLs, the same in every scan."""
        return hashlib.blake2b(self.path.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class Listing:
    """The files of a source in path order, and how many others were passed over, by suffix."""

    root: Path
    files: tuple[SourceFile, ...]
    passed_over: Counter[str] = field(default_factory=Counter)

    @property
    def away(self) -> tuple[str, ...]:
        """Folders, as shown, that could not be read: what they hold is not gone."""
        return tuple(file.path for file in self.files if file.problem)


def source_files(relatives: list[str], problems: dict[str, str] | None = None) -> tuple[SourceFile, ...]:
    """Sorted by displayed path; names that would look alike once displayed are told apart by a suffix. `problems` are
    folders with the reason that nothing of them is listed."""
    problems = problems or {}
    shown: Counter[str] = Counter()
    files = []
    for relative in sorted([*relatives, *problems]):
        path = displayable(relative)
        shown[path] += 1
        path = path if shown[path] == 1 else f"{path}~{shown[path]}"
        files.append(SourceFile(path, relative, problems.get(relative, "")))
    return tuple(sorted(files, key=lambda file: file.path))


def displayable(relative: str) -> str:
    """A path as text that any file or database can hold: bytes that are not UTF-8 are shown as `\\xNN`."""
    return relative.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
