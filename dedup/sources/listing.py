"""What a source holds: its images as they are shown and as they are found."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from dedup.images.formats import SUFFIXES, UNSUPPORTED_SUFFIXES
from dedup.words import displayable

TRASH_FOLDERS = frozenset({"$recycle.bin", "system volume information", "lost+found", "__macosx", "@eadir"})


REMOVED = "dedup-removed"
"""How the folders end to which removals take objects of a bucket: what lies there is in no dataset."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What a place that is no folder says of an image in it: bytes (-1 where it does not tell), the last change in
    nanoseconds (0 likewise), and its word for this very content, by which a scan knows it again; never empty. A word
    that is a digest of all bytes (`DIGEST`) tells so under any name."""

    size: int
    mtime_ns: int
    version: str


DIGEST = r"^([0-9a-f]{32})(?::[0-9a-f]*)?$"
"""Versions that are a digest of the content, and what else may stand behind it."""
LATEST_SECONDS = 1 << 33
"""The year 2242: what is told to be later, or before 1970, is no time that files can have everywhere."""


def nanoseconds(seconds: float) -> int:
    """A time of change in nanoseconds, within what files can have."""
    return int(min(max(seconds, 0), LATEST_SECONDS) * 1_000_000_000) if seconds == seconds else 0


@dataclass(frozen=True, slots=True)
class Stored:
    """An image that is no file here: `key` in `place`, the address of an archive or of a bucket's prefix."""

    place: str
    key: str
    entry: Entry


Where = Path | Stored
"""Where an image is: what `dedup.sources.at_hand` makes a file of."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One image of a source: `path` as shown (relative to the root, `/`), `relative` as the source itself names it.

    `problem` says why it is a folder that nothing could be listed of, "" for a file. `entry` is None for files in
    folders: the system is asked about them.
    """

    path: str
    relative: str
    problem: str = ""
    entry: Entry | None = None

    @property
    def id(self) -> str:
        """See `image_id`."""
        return image_id(self.path)


def image_id(path: str) -> str:
    """16 hex digits that stand for the path in URLs, the same in every scan."""
    return hashlib.blake2b(path.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class Listing:
    """The images of a source in path order, and how many other files were passed over, by suffix. `root` is what the
    paths are relative to: a folder, or an address. Of a place that is no folder `beside` are those of the other files
    that may hold labels, as it names them: in a folder they are found where they lie, and `labels` stands for them."""

    root: str
    files: tuple[SourceFile, ...]
    passed_over: Counter[str] = field(default_factory=Counter)
    beside: Mapping[str, Entry] = field(default_factory=dict)
    labels: str = ""

    @property
    def may_hold_labels(self) -> str:
        """A text that changes whenever one of the files that may hold labels comes, goes or changes."""
        said = (f"{name}\0{entry.version}\0".encode("utf-8", "replace") for name, entry in sorted(self.beside.items()))
        return self.labels or hashlib.blake2b(b"".join(said), digest_size=16).hexdigest()

    @property
    def away(self) -> tuple[str, ...]:
        """Folders, as shown, that could not be read: what they hold is not gone."""
        return tuple(file.path for file in self.files if file.problem)

    def where(self, row: int) -> Where:
        """Where the image of a row is."""
        return where(self.root, self.files[row].relative, self.files[row].entry)

    def seen_from(self, root: str) -> Listing:
        """The same images with paths relative to a folder or address that holds the own root; as they are where it does
        not. A list may name a part of what it did, and decisions hang on paths."""
        ahead = self.root.removeprefix(root).lstrip("/\\")
        if not ahead or not self.root.startswith(root if root.endswith(("/", "\\")) else root + os.sep):
            return self
        ahead = ahead.replace(os.sep, "/").rstrip("/") + "/"
        entries = {ahead + each.relative: each.entry for each in self.files if each.entry is not None}
        problems = {ahead + each.relative: each.problem for each in self.files if each.problem}
        relatives = [ahead + each.relative for each in self.files if not each.problem]
        return replace(self, root=root, files=source_files(relatives, problems, entries))


def where(root: str, relative: str, entry: Entry | None) -> Where:
    """Where an image of a source is."""
    return Path(root) / relative if entry is None else Stored(root, relative, entry)


def address_in_words(image: Where) -> str:
    """Where an image is, as people read and copy it."""
    if isinstance(image, Path):
        return str(image)
    return image.place + image.key if image.place.endswith("/") else f"{image.place}/{image.key}"


def source_files(
    relatives: Iterable[str], problems: Mapping[str, str] | None = None, entries: Mapping[str, Entry] | None = None
) -> tuple[SourceFile, ...]:
    """Sorted by displayed path; names that would look alike once displayed are told apart by a suffix. `problems` are
    folders with the reason that nothing of them is listed, `entries` what a place says of its images."""
    problems, entries = problems or {}, entries or {}
    shown: Counter[str] = Counter()
    files = []
    for relative in sorted([*relatives, *problems]):
        path = displayable(relative if relative not in entries else below(relative))
        shown[path] += 1
        path = path if shown[path] == 1 else f"{path}~{shown[path]}"
        files.append(SourceFile(path, relative, problems.get(relative, ""), entries.get(relative)))
    return tuple(sorted(files, key=lambda file: file.path))


def below(name: str) -> str:
    """The name of an entry as a path below its place: some archives begin every name with `./` or `/`."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    return "/".join(parts) or name


LABEL_SUFFIXES = frozenset(
    {
        *(".txt", ".json", ".xml", ".csv", ".tsv", ".jsonl", ".parquet", ".yaml", ".yml", ".names", ".data"),
        *(".ndjson", ".manifest"),
    }
)
"""How files end that may hold labels."""
OF_SAMPLES = frozenset({".cls"})
"""How those of WebDataset end beside: a class in a file of its own, for the image of the same name."""


def labels_among(entries: Mapping[str, Entry], images: Iterable[str]) -> dict[str, Entry]:
    """Of what a place that is no folder holds what may be labels of its images. Hidden files are passed over."""
    taken = set(images)
    return {
        name: entry
        for name, entry in entries.items()
        if name not in taken
        and PurePosixPath(name).suffix.lower() in LABEL_SUFFIXES | OF_SAMPLES
        and not _is_hidden(PurePosixPath(below(name)))
    }


def _is_hidden(path: PurePosixPath) -> bool:
    """Whether it is meant for no person, or thrown away."""
    left = any(part.endswith(f".{REMOVED}") for part in path.parts[:-1])
    return left or any(part.startswith(".") or part.lower() in TRASH_FOLDERS for part in path.parts if part != "..")


_OTHERS = frozenset({
    ".7z", ".aac", ".avi", ".bat", ".c", ".cfg", ".css", ".doc", ".docx", ".eot", ".flac", ".gz", ".h5", ".hdf5",
    ".htm", ".html", ".ini", ".ipynb", ".jar", ".js", ".log", ".m4a", ".m4v", ".md", ".mid", ".mkv", ".mov", ".mp3",
    ".mp4", ".mpeg", ".mpg", ".npy", ".npz", ".ogg", ".otf", ".pdf", ".pickle", ".pkl", ".ppt", ".pptx", ".pt",
    ".pth", ".py", ".rar", ".rst", ".rtf", ".sh", ".so", ".sql", ".tar", ".tfrecord", ".toml", ".ttf", ".wav",
    ".webm", ".woff", ".woff2", ".xls", ".xlsx", ".xmp", ".zip",
})  # fmt: skip
"""Of files that hold no image whose format is read, as their names say; a table of our own, for that of a machine is
its own, and everybody finds the same images."""
_TOLD = SUFFIXES | UNSUPPORTED_SUFFIXES | LABEL_SUFFIXES | OF_SAMPLES | _OTHERS


def tells_nothing(name: str) -> bool:
    """Whether a name leaves open what a file holds, so that its first bytes have to be asked: folders are asked about
    every file, but elsewhere each answer is a request, or a member to unpack."""
    return PurePosixPath(below(name)).suffix.lower() not in _TOLD


def images_among(names: Iterable[str], announces: Callable[[str], bool]) -> tuple[list[str], Counter[str]]:
    """Of the names in a place that is no folder those of images, and the others by suffix: by their suffix, or where
    that tells nothing, by whether their first bytes announce one. Hidden ones and those in folders of trash are
    neither, as in folders."""
    images, others = [], Counter[str]()
    for name in names:
        path = PurePosixPath(below(name))
        if not name.strip("./"):
            others["without a name"] += 1
            continue
        if _is_hidden(path):
            continue
        suffix = path.suffix.lower()
        if suffix in SUFFIXES or suffix in UNSUPPORTED_SUFFIXES or (tells_nothing(name) and announces(name)):
            images.append(name)
        else:
            others[suffix] += 1
    return images, others
