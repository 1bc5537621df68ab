"""The images of a folder, walked.

Links: one to a file that is listed anyway is left out, for it would look like a copy of itself. Where the files are
but the contents of a store (git-annex, DVC, the cache of a hub, a pool that other folders point into), their own names
say nothing: there the links are the images and the store is left out, so that one content under two names is two
images.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from dedup.errors import SourceError
from dedup.files import open_regular
from dedup.images.formats import HEAD_BYTES, SUFFIXES, UNSUPPORTED_SUFFIXES, sniff
from dedup.sources.listing import TRASH_FOLDERS, Listing, source_files
from dedup.sources.masks import masks_among

OWN_FILES = {"dataset.json", "decisions.db"}
"""A folder with these is a dataset's own: its thumbnails and quarantine are nobody's images."""
DIGEST = re.compile(r"(?:[A-Z0-9_]+(?:-[smSC]\d+)*--)?[0-9a-fA-F]{16,}(?:\.\w{1,8}){0,2}")
"""Names that content stores give: hexadecimal digits of a hash, after a key's kind and size in git-annex."""
MASKS = "mask of an image beside"
STORED = "content store"
"""What pictures that are labels, and the files of a store, are counted as."""


def list_folder(root: Path) -> Listing:
    """Walk a folder at any depth; hidden and trash folders are skipped, links to folders elsewhere are followed once.

    Raises `SourceError` when the folder itself cannot be read.
    """
    try:
        os.scandir(root).close()
    except OSError as error:
        reason = error.strerror or str(error)
        raise SourceError(f"Cannot read the folder {root}: {reason}. Check its permissions.") from error
    walk = _Walk(root)
    walk.run()
    dropped = walk.dropped()
    listed = [relative for relative in walk.images if relative not in dropped]
    masks = masks_among(root, listed)
    if masks:
        walk.passed_over[MASKS] = len(masks)
    relatives = [relative for relative in listed if relative not in masks]
    return Listing(os.fspath(root), source_files(relatives, walk.problems), walk.passed_over)


class _Walk:
    """One walk of a folder: what it holds, and where its links lead."""

    def __init__(self, root: Path) -> None:
        self.root, self.real_root = os.fspath(root), os.path.realpath(root)
        self.images: list[str] = []
        self.problems: dict[str, str] = {}
        self.passed_over: Counter[str] = Counter()
        self._files: dict[str, str] = {}
        """Real path of the listed files that are no links to `relative`."""
        self._links: dict[str, str] = {}
        """`relative` of links to files within the root to the real path of what they lead to."""
        self._visited: set[tuple[int, int]] = set()

    def run(self) -> None:
        """List every file below the root. Without recursion: folders may be thousands deep."""
        pending = [(self.root, self.real_root)]
        while pending:
            folder, real = pending.pop()
            inner = [entry for entry in self._entries(folder, real) if self._is_folder_to_enter(entry)]
            pending += [(entry.path, _real_path(entry, real)) for entry in reversed(inner)]

    def dropped(self) -> set[str]:
        """Listed names that are left out: links to images that are listed, and the contents of stores."""
        targets = {target for target in self._links.values() if target in self._files}
        digests = {target for target in targets if _is_digest(target)}
        stored = digests | _pointed_into(targets - digests, self._files)
        below = _below(digests, self.real_root)
        contents = stored | {file for file in self._files if _is_digest(file) and file.startswith(below)}
        if contents:
            self.passed_over[STORED] = len(contents)
        links = {link for link, target in self._links.items() if target in targets - stored}
        return links | {self._files[file] for file in contents}

    def _entries(self, folder: str, real: str) -> list[os.DirEntry[str]]:
        """What to look at in a folder, whose real path is given; its images are listed on the way."""
        try:
            status = os.stat(folder)
            with os.scandir(folder) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            self.problems[self._relative(folder)] = f"folder cannot be read: {error.strerror or error}"
            return []
        identity = (status.st_dev, status.st_ino)
        if identity in self._visited or {entry.name for entry in entries} >= OWN_FILES:
            return []
        self._visited.add(identity)
        shown = [entry for entry in entries if not entry.name.startswith(".")]
        for entry in shown:
            if not _is_folder(entry) and _looks_like_image(entry, self.passed_over):
                self._list(entry, real)
        return shown

    def _list(self, entry: os.DirEntry[str], folder: str) -> None:
        """List an image in the folder whose real path is given."""
        relative = self._relative(entry.path)
        target = _real_path(entry, folder)
        inside = target.startswith(self.real_root + os.sep)
        if entry.is_symlink():
            if inside and os.path.exists(target):
                if _in_own_folder(target, self.real_root):
                    return  # in a dataset's quarantine lies no copy to count on
                self._links[relative] = target
        elif inside:
            self._files[target] = relative
        self.images.append(relative)

    def _is_folder_to_enter(self, entry: os.DirEntry[str]) -> bool:
        """Links to folders elsewhere are followed, once; those to folders that are walked anyway are not."""
        if not _is_folder(entry) or entry.name.lower() in TRASH_FOLDERS:
            return False
        if not entry.is_symlink():
            return True
        target = os.path.realpath(entry.path)
        if target == self.real_root:
            return False
        if not target.startswith(self.real_root + os.sep):
            return True
        return any(part.startswith(".") for part in os.path.relpath(target, self.real_root).split(os.sep))

    def _relative(self, path: str) -> str:
        return path[len(self.root) :].lstrip(os.sep).replace(os.sep, "/")


def _real_path(entry: os.DirEntry[str], folder: str) -> str:
    """The real path of an entry of the folder whose real path is given: the system is asked about links only, for it
    looks at every folder on the way."""
    return os.path.realpath(entry.path) if entry.is_symlink() else os.path.join(folder, entry.name)


def _is_digest(path: str) -> bool:
    return DIGEST.fullmatch(os.path.basename(path)) is not None


def _pointed_into(targets: set[str], files: Iterable[str]) -> set[str]:
    """The targets in folders of which every image, and more than one, is pointed at: pools, whatever the names."""
    held, pointed = (Counter(os.path.dirname(path) for path in paths) for paths in (files, targets))
    return {target for target in targets if pointed[folder := os.path.dirname(target)] == held[folder] > 1}


def _below(stored: set[str], root: str) -> str:
    """The beginning of the paths of one store's files: of the innermost folder that holds those known, not the root."""
    if not stored:
        return root + os.sep + os.sep  # of none
    common = os.path.commonpath([os.path.dirname(path) for path in stored])
    return (common if common != root else root + os.sep) + os.sep


def _in_own_folder(file: str, root: str) -> bool:
    """Whether a file lies in the directory of a dataset."""
    folder = os.path.dirname(file)
    while len(folder) > len(root):
        if all(os.path.exists(os.path.join(folder, name)) for name in OWN_FILES):
            return True
        folder = os.path.dirname(folder)
    return False


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
        with open_regular(Path(entry.path)) as stream:
            return sniff(stream.read(HEAD_BYTES)) is not None
    except OSError:
        return False
