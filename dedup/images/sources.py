"""Which files make a dataset: a folder, walked, or a list in a text or CSV file.

Every file that looks like an image by its name or by its first bytes is listed, readable or not: whether it is a
picture is for `decode` to say. Other files are only counted.
"""

from __future__ import annotations

import csv
import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dedup.errors import SourceError
from dedup.images.formats import HEAD_BYTES, SUFFIXES, UNSUPPORTED_SUFFIXES, sniff

TRASH_FOLDERS = frozenset({"$recycle.bin", "system volume information", "lost+found", "__macosx", "@eadir"})
OWN_FILES = {"dataset.json", "decisions.db"}
"""A folder with these is a dataset's own: its thumbnails and quarantine are nobody's images."""
LIST_SUFFIXES = frozenset({".txt", ".csv", ".tsv", ".lst"})
PATH_COLUMNS = ("path", "file_name", "filename", "file", "image", "filepath", "image_path")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a dataset: `path` as shown (relative to the root, `/`), `relative` as the file system names it."""

    path: str
    relative: str

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


def list_source(source: Path) -> Listing:
    """List a folder, or the files that a .txt or .csv names. Raises `SourceError`."""
    if source.is_dir():
        return list_folder(source)
    if source.is_file() and source.suffix.lower() in LIST_SUFFIXES:
        return list_file(source)
    if not source.exists():
        raise SourceError(f"There is no folder or list {source}. Check the path and try again.")
    raise SourceError(f"{source} is not a folder. Give a folder of images, or a .txt or .csv list of files.")


def list_folder(root: Path) -> Listing:
    """Walk a folder at any depth; hidden and trash folders are skipped, links to folders elsewhere are followed once.

    Raises `SourceError` when the folder itself cannot be read.
    """
    try:
        os.scandir(root).close()
    except OSError as error:
        reason = error.strerror or str(error)
        raise SourceError(f"Cannot read the folder {root}: {reason}. Check its permissions.") from error
    passed_over: Counter[str] = Counter()
    relatives = [
        os.path.relpath(entry.path, root).replace(os.sep, "/")
        for entry in _walk(os.fspath(root), os.path.realpath(root), set())
        if _looks_like_image(entry, passed_over)
    ]
    return Listing(root, _source_files(relatives), passed_over)


def list_file(path: Path) -> Listing:
    """Files named in a text file (one a line) or a CSV column (path, file_name, ...), relative to the list's folder.

    Raises `SourceError` when the list is empty or is not text.
    """
    try:
        text = path.read_text(encoding="utf-8-sig", errors="surrogateescape")
    except OSError as error:
        raise SourceError(f"Cannot read the list {path}: {error.strerror}.") from error
    names = _csv_paths(text, path) if path.suffix.lower() in {".csv", ".tsv"} else _lines(text)
    targets = [path.parent / name.strip() for name in names if name.strip()]
    if not targets:
        raise SourceError(f"The list {path} names no files. Put one path a line, or a CSV column called path.")
    absolute = sorted({os.path.abspath(target) for target in targets})
    root = Path(os.path.commonpath([os.path.dirname(name) for name in absolute]))
    return Listing(root, _source_files([os.path.relpath(name, root).replace(os.sep, "/") for name in absolute]))


def displayable(relative: str) -> str:
    """A path as text that any file or database can hold: bytes that are not UTF-8 are shown as `\\xNN`."""
    return relative.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("#")]


def _csv_paths(text: str, path: Path) -> list[str]:
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    reader = csv.DictReader(text.splitlines(), delimiter=delimiter)
    columns = {name.strip().lower(): name for name in reader.fieldnames or () if name}
    column = next((columns[name] for name in PATH_COLUMNS if name in columns), None)
    if column is None:
        raise SourceError(f"The list {path} has no column called path. Name the column of file paths `path`.")
    return [row[column] or "" for row in reader]


def _source_files(relatives: list[str]) -> tuple[SourceFile, ...]:
    """Sorted by displayed path; names that would look alike once displayed are told apart by a suffix."""
    shown: Counter[str] = Counter()
    files = []
    for relative in sorted(relatives):
        path = displayable(relative)
        shown[path] += 1
        files.append(SourceFile(path if shown[path] == 1 else f"{path}~{shown[path]}", relative))
    return tuple(sorted(files, key=lambda file: file.path))


def _walk(folder: str, root: str, visited: set[tuple[int, int]]) -> Iterator[os.DirEntry[str]]:
    """Files below `folder`. Links into the root are left out: they name files that are listed anyway, and what looks
    like a copy there would be the same file. Links to elsewhere are followed once, so loops end."""
    try:
        stat = os.stat(folder)
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return  # a folder below that cannot be read holds nothing we could list
    identity = (stat.st_dev, stat.st_ino)
    if identity in visited or {entry.name for entry in entries} >= OWN_FILES:
        return
    visited.add(identity)
    for entry in entries:
        if entry.name.startswith(".") or (entry.is_symlink() and _leads_into(entry.path, root)):
            continue
        if not _is_folder(entry):
            yield entry
        elif entry.name.lower() not in TRASH_FOLDERS:
            yield from _walk(entry.path, root, visited)


def _leads_into(link: str, root: str) -> bool:
    """Whether a link's target exists and lies inside the root."""
    target = os.path.realpath(link)
    return os.path.exists(target) and (target == root or target.startswith(root + os.sep))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _looks_like_image(entry: os.DirEntry[str], passed_over: Counter[str]) -> bool:
    suffix = os.path.splitext(entry.name)[1].lower()
    if suffix in SUFFIXES or suffix in UNSUPPORTED_SUFFIXES or _announces_image(entry):
        return True
    passed_over[suffix] += 1
    return False


def _announces_image(entry: os.DirEntry[str]) -> bool:
    try:
        if not entry.is_file():  # sockets, pipes and devices would block
            return False
        with open(entry.path, "rb") as stream:
            return sniff(stream.read(HEAD_BYTES)) is not None
    except OSError:
        return False
