"""What lies beside the images of a place that is no folder and may be labels, brought here: their readers read files.

Files keep their names and folders, so that they tell of the images as if all was unpacked. What WebDataset says of an
image in a file of the image's own name, and what columns of a table say of the image in its row, becomes a line of one
file, `SAMPLES`, in the form of Hugging Face's `metadata.jsonl`.
https://github.com/webdataset/webdataset
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import uuid
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import msgspec

from dedup.errors import DatasetError, UnreadableImage
from dedup.files import PRIVATE, make_folders, make_private, write_text
from dedup.model import OnProgress, Progress
from dedup.sources import archives, blobs
from dedup.sources.label_columns import LABELS, OBJECTS
from dedup.sources.listing import OF_SAMPLES, Listing, Stored, below
from dedup.sources.namesakes import sample_of
from dedup.sources.reading import Held, fetched, read

SAMPLES = "samples.jsonl"
STATE = ".state.json"
"""What was brought, and what of it could not be."""
STAGE = "reading labels beside images"
VERSION = 1
"""Grows when other files are brought."""
OF_OTHERS = ("shapes", "images")
"""What JSON files of LabelMe and COCO have, which may be called as an image is."""


def bring(listing: Listing, folder: Path, on_progress: OnProgress | None = None) -> None:
    """Make `folder` hold the files of labels that lie beside the images of a listing; nothing is read where they are
    those of the last time. Raises `DatasetError` where they cannot be written."""
    tables = _tables(listing)
    state = {"version": VERSION, "of": _digest(listing, tables)}
    if _state(folder).items() >= state.items():
        return
    unfinished = folder.with_name(f".{folder.name}-{uuid.uuid4().hex}")
    try:
        make_private(unfinished)
        brought = _Brought(unfinished, _by_key(listing))
        brought.files(listing, on_progress)
        brought.rows(tables)
        brought.finish()
        told = msgspec.json.encode(state | {"unread": brought.unread}).decode()
        write_text(unfinished / STATE, told, PRIVATE)
        shutil.rmtree(folder, ignore_errors=True)
        unfinished.rename(folder)
    except OSError as error:
        raise DatasetError(f"Cannot write labels to {folder}: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def unread(folder: Path) -> dict[str, str]:
    """What could not be brought, by its name, and why."""
    return dict(_state(folder).get("unread", {}))


def _state(folder: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError, msgspec.DecodeError):
        held = msgspec.json.decode((folder / STATE).read_bytes())
        return held if isinstance(held, dict) else {}
    return {}


def _tables(listing: Listing) -> dict[str, dict[int, str]]:
    """The tables among the archives of a listing: their address, and the paths of images by their rows."""
    found: dict[str, dict[int, str]] = defaultdict(dict)
    for file in listing.files:
        if file.entry is None or not archives.suffix_of(listing.root):
            continue
        archive, name = archives.archive_of(Stored(listing.root, file.relative, file.entry))
        if issubclass(archives.CONTAINERS[archives.suffix_of(archive)], archives.Parquet):
            found[archive][archives.row_of(name)] = file.path
    return dict(found)


def _digest(listing: Listing, tables: Mapping[str, object]) -> str:
    """Stands for all that is brought, as far as it can be told without reading it. What nobody tells the version of is
    another one every time."""
    digest = hashlib.blake2b(digest_size=16)
    for name, entry in sorted(listing.beside.items()):
        version = uuid.uuid4().hex if entry.version.startswith(blobs.UNKNOWN) else entry.version
        digest.update(f"{name}\0{version}\0".encode("utf-8", "surrogateescape"))
    for address in tables:
        with suppress(OSError):
            digest.update(f"{address}\0{blobs.stat(address).version}\0".encode("utf-8", "surrogateescape"))
    if listing.beside:  # lines are called after the images
        digest.update("\0".join(file.path for file in listing.files).encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _by_key(listing: Listing) -> dict[str, list[str]]:
    """The paths of images by what WebDataset calls their sample."""
    found: dict[str, list[str]] = defaultdict(list)
    for file in listing.files:
        found[sample_of(file.relative)].append(file.path)
    return found


@dataclass
class _Brought:
    """Files under construction in a folder; `images` are the paths of images by sample."""

    folder: Path
    images: Mapping[str, list[str]]
    unread: dict[str, str] = field(default_factory=dict)
    _lines: dict[str, dict[str, Any]] = field(default_factory=lambda: defaultdict(dict))

    def files(self, listing: Listing, on_progress: OnProgress | None) -> None:
        """Those that lie beside."""
        names = list(listing.beside)
        places = [Stored(listing.root, name, listing.beside[name]) for name in names]
        for done, (name, held) in enumerate(zip(names, fetched(places), strict=True)):
            if on_progress is not None and done % 100 == 0:
                on_progress(Progress(STAGE, done, len(names)))
            try:
                self._file(below(name), _bytes(held))
            except (UnreadableImage, OSError) as error:
                self.unread[below(name)] = str(error) if isinstance(error, UnreadableImage) else blobs.reason(error)

    def rows(self, tables: Mapping[str, Mapping[int, str]]) -> None:
        """What the columns of tables say."""
        for address, paths in tables.items():
            try:
                with archives.opened(address) as table:
                    for row, told in table.labels():
                        if row in paths:
                            self._lines[paths[row]].update(told)
            except Exception as error:  # each library has errors of its own for what is damaged
                self.unread[os.path.basename(address)] = blobs.reason(error)

    def finish(self) -> None:
        """Write the lines."""
        if not self._lines:
            return
        with (self.folder / SAMPLES).open("wb") as stream:
            for path, told in sorted(self._lines.items()):
                stream.write(msgspec.json.encode({"file_name": path, **told}) + b"\n")

    def _file(self, name: str, content: bytes) -> None:
        suffix, images = PurePosixPath(name).suffix.lower(), self.images.get(sample_of(name), [])
        told = _of_sample(suffix, content) if images else None
        if told is None and suffix not in OF_SAMPLES:
            file = _inside(self.folder, name)
            make_folders(file.parent)
            file.write_bytes(content)
        for image in images if told else ():
            self._lines[image].update(told or {})


def _bytes(held: object) -> bytes:
    """What was fetched. Raises `UnreadableImage`."""
    if isinstance(held, Held):
        return held.data
    if isinstance(held, UnreadableImage):
        raise held
    assert isinstance(held, Stored), held
    return read(held)


ROW_OF_NUMBERS = re.compile(rb"\s*\d+(?:[ \t]+[-+.\deE]+){4,}[ \t]*(?:[\r\n]|$)")
"""How labels in YOLO's way begin, and no caption: a class and the numbers of a box."""


def _of_sample(suffix: str, content: bytes) -> dict[str, Any] | None:
    """What a file says of the image of the same name in WebDataset's way: nothing where it says something else, None
    where it may be labels of another format, which lie beside images too."""
    if suffix in OF_SAMPLES:
        text = content.decode("utf-8", "replace").strip()
        return {"label": int(text) if text.isdecimal() else text} if text else {}
    if suffix == ".txt":
        return None if ROW_OF_NUMBERS.match(content) or not content.strip() else {}  # a caption
    if suffix != ".json":
        return None
    try:
        told = msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError):
        return None  # whoever reads it says so
    if not isinstance(told, dict) or any(isinstance(told.get(name), list) for name in OF_OTHERS):
        return None
    classes = [told[name] for name in LABELS if _is_class(told.get(name))]
    label = next(
        (each for each in classes if not isinstance(each, int)), next(iter(classes), None)
    )  # a name tells more
    objects = next((told[name] for name in OBJECTS if isinstance(told.get(name), dict | list)), None)
    return {key: value for key, value in (("label", label), ("objects", objects)) if value is not None}


def _is_class(value: Any) -> bool:
    """Whether a value is a class or several; numbers in a list may be anything."""
    return isinstance(value, str | int) or (isinstance(value, list) and all(isinstance(each, str) for each in value))


def _inside(folder: Path, name: str) -> Path:
    """Where a file of that name is written. Raises OSError for a name that leads elsewhere."""
    parts = PurePosixPath(name).parts
    if not parts or ".." in parts or "\0" in name or PurePosixPath(name).is_absolute() or PureWindowsPath(name).drive:
        raise OSError("its name leads out of the archive")
    return folder.joinpath(*parts)
