"""The images of a folder, walked.

Links: one to a file that is listed anyway is left out, for it would look like a copy of itself, unless it puts it into
another split. Where the files are but the contents of a store (git-annex, DVC, the cache of a hub, a pool that other
folders point into), their own names say nothing: there the links are the images and the store is left out, so that one
content under two names is two images.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from dedup.errors import SourceError
from dedup.files import as_it_is, is_folder, never_written_over, open_regular
from dedup.images.formats import HEAD_BYTES, SUFFIXES, UNSUPPORTED_SUFFIXES, sniff
from dedup.sources.listing import LABEL_SUFFIXES, TRASH_FOLDERS, Listing, source_files
from dedup.sources.masks import masks_among
from dedup.sources.split_names import split_from_path

OWN_FILES = {"dataset.json", "decisions.db"}
"""A folder with these is a dataset's own: its thumbnails and quarantine are nobody's images."""
DIGEST = re.compile(r"(?:[A-Z0-9_]+(?:-[smSC]\d+)*--)?[0-9a-fA-F]{16,}(?:\.\w{1,8}){0,2}")
"""Names that content stores give: hexadecimal digits of a hash, after a key's kind and size in git-annex."""
MASKS = "mask of an image beside"
STORED = "content store"
ALIAS = "link to an image listed"
"""What pictures that are labels, the files of a store, and links that say nothing new are counted as."""
SHARD = re.compile(r"[0-9a-zA-Z]{1,3}")
"""Folders among which stores divide their files."""
POOL = 0.5
"""A folder is a pool where so much of it is pointed at from splits, or all of it from anywhere: what nothing points at
is an image of its own."""


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
    files = source_files(relatives, walk.problems)
    return Listing(os.fspath(root), files, walk.passed_over, labels=walk.labels.hexdigest())


class _Walk:
    """One walk of a folder: what it holds, and where its links lead."""

    def __init__(self, root: Path) -> None:
        self.root, self.real_root = os.fspath(root), os.path.realpath(root)
        self.images: list[str] = []
        self.problems: dict[str, str] = {}
        self.passed_over: Counter[str] = Counter()
        self.labels = hashlib.blake2b(digest_size=16)
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
        links = {link: target for link, target in self._links.items() if target in self._files}
        digests = {target for target in links.values() if _is_digest(target)}
        stores = {_store_of(target) for target in digests} - {self.real_root}
        unnamed = {file for file in self._files if _is_digest(file) and _store_of(file) in stores}
        pooled = self._pooled({link: target for link, target in links.items() if target not in digests})
        contents = digests | unnamed | pooled
        aliases = {
            link for link, target in links.items() if target not in contents and not self._says_more(link, target)
        }
        for what, left_out in ((STORED, contents), (ALIAS, aliases)):
            if left_out:
                self.passed_over[what] = len(left_out)
        return aliases | {self._files[file] for file in contents}

    def _pooled(self, links: Mapping[str, str]) -> set[str]:
        """The targets that lie in pools: folders of no split to which several links lead from elsewhere."""
        held = Counter(map(_top, self._files.values()))
        leading: dict[str, dict[str, str]] = defaultdict(dict)
        for link, target in links.items():
            top = _top(self._files[target])
            if _top(link) != top and not split_from_path(self._files[target]):
                leading[top][link] = target
        pooled: set[str] = set()
        for top, those in leading.items():
            targets = set(those.values())
            in_splits = len(those) > 1 and all(map(split_from_path, those))
            if len(targets) == held[top] > 1 or (in_splits and len(targets) >= POOL * held[top]):
                pooled |= targets
        return pooled

    def _says_more(self, link: str, target: str) -> bool:
        """Whether a link puts an image into another split than it is in."""
        return split_from_path(link) not in ("", split_from_path(self._files[target]))

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
            if is_folder(entry):
                continue
            if _looks_like_image(entry, self.passed_over):
                self._list(entry, real)
            elif os.path.splitext(entry.name)[1].lower() in LABEL_SUFFIXES:
                with suppress(OSError):  # one that nobody may look at tells nothing
                    self.labels.update(as_it_is(Path(entry.path)))
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
        if not is_folder(entry) or entry.name.lower() in TRASH_FOLDERS:
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


def _store_of(file: str) -> str:
    """The folder of a store that a file called after its content lies in, above those that divide it."""
    folder = os.path.dirname(file)
    while SHARD.fullmatch(os.path.basename(folder)) or _is_digest(folder):
        folder = os.path.dirname(folder)
    return folder


def _top(relative: str) -> str:
    """The outermost folder of a listed image, "" of one right in the root."""
    return relative.partition("/")[0] if "/" in relative else ""


def _in_own_folder(file: str, root: str) -> bool:
    """Whether a file lies in the directory of a dataset."""
    folder = os.path.dirname(file)
    while len(folder) > len(root):
        if all(os.path.exists(os.path.join(folder, name)) for name in OWN_FILES):
            return True
        folder = os.path.dirname(folder)
    return False


def _told_as_own(file: Path) -> str:
    there = file.resolve()
    return "a file of a dataset" if there.is_file() and _in_own_folder(os.fspath(there), there.anchor) else ""


never_written_over.append(_told_as_own)


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
