"""Where images lie: a folder, walked; an archive or table, read in place; a bucket; or what a list names.

Every file that looks like an image by its name or by its first bytes is listed, readable or not: whether it is a
picture is for `dedup.images.decode` to say. Other files are only counted. A folder that cannot be read is listed with
the reason.

A source is known by its address: the absolute path of a folder, list or archive, `s3://bucket/prefix/` and the like,
or a pattern of archives such as `shards/{000..127}.tar`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from dedup.errors import SourceError
from dedup.files import expanded, never_written_over
from dedup.sources import archives, blobs
from dedup.sources.folder import list_folder
from dedup.sources.listing import Entry, Listing, SourceFile, Stored, Where, where
from dedup.sources.lists import LIST_SUFFIXES, list_file
from dedup.sources.namesakes import Namesakes
from dedup.sources.reading import at_hand
from dedup.sources.stored import list_archives, list_prefix

_WITHIN = ("zip://", "tar://", "parquet://", "lmdb://")
"""Ahead of the path or address of a container, as fsspec has it."""


def address_of(given: Path | str) -> str:
    """The address by which a source is known, of what a person gave. Raises `SourceError`."""
    text = os.fspath(given)
    if not text:
        raise SourceError('No folder was given. Give one with images; that which you are in is called ".".')
    if text.lower().startswith(_WITHIN):
        inner, _, text = text.partition("://")[2].rpartition("::")
        if inner or not archives.suffix_of(_file_within(text)):
            raise SourceError("Give the archive alone, as zip://photos.zip: all images in it are read.")
    if blobs.is_address(text):
        return _checked(text)
    path = expanded(_file_within(text))
    return os.fspath(path.resolve() if ".." in path.parts else path.absolute())  # links on the way stay as named


def _file_within(text: str) -> str:
    """The file of an LMDB, which is told by its folder; anything else as it is."""
    file = os.path.join(text, archives.IN_FOLDER)
    return file if os.path.isfile(os.path.expanduser(file)) else text


def _checked(address: str) -> str:
    protocol, _, rest = blobs.check(address).partition("://")
    protocol = protocol.lower()
    if protocol == "file":
        return address_of(rest)
    if archives.suffix_of(address) or _suffix(address) in LIST_SUFFIXES:
        return f"{protocol}://{rest}"
    if protocol in ("http", "https"):
        raise SourceError(
            f"{address} is no list or archive, and web servers do not list. Give a .txt file of addresses."
        )
    return f"{protocol}://{rest.rstrip('/')}/"


def list_source(source: Path | str) -> Listing:
    """List the images of a source, by its address. Raises `SourceError`."""
    address = os.fspath(source)
    if blobs.is_address(address):
        if archives.suffix_of(address):
            return list_archives(address)
        return list_file(address) if _suffix(address) in LIST_SUFFIXES else list_prefix(address)
    path = Path(address)
    if os.path.isdir(path):
        return list_folder(path)
    if archives.suffix_of(address) and (os.path.isfile(path) or blobs.is_pattern(address)):
        return list_archives(address)
    if os.path.isfile(path) and _suffix(address) in LIST_SUFFIXES:
        return list_file(address)
    if not os.path.exists(path):
        raise SourceError(f"There is no folder or list {path}. Check the path and try again.")
    if path.name.lower().endswith(archives.COMPRESSED):
        raise SourceError(f"{path} is compressed as a whole. Unpack it, or pack it as .zip or .tar, and scan that.")
    raise SourceError(
        f"{path} is not a folder. Give a folder of images, a .zip, .tar, .parquet or .lmdb with them, or a .txt or "
        ".csv list."
    )


def nothing_in(listing: Listing) -> str:
    """What to say of a source without images: archives in a folder are read where they are named themselves."""
    said = f"There are no images in {listing.root}"
    packed = {suffix: count for suffix, count in listing.passed_over.items() if suffix in archives.CONTAINERS}
    if not packed:
        return f"{said}. Choose a place with pictures in it."
    suffix = max(packed, key=packed.__getitem__)
    walk = os.walk(listing.root)  # where they are in buckets is not known any more: there the prefix is named
    within = next((folder for folder, _, names in walk if suffix in map(archives.suffix_of, names)), listing.root)
    pattern = f"{within.rstrip('/')}/*{suffix}"
    return f'{said} but {packed[suffix]:,} {suffix}. Archives are read where they are named, as "{pattern}".'


def folder_of(address: str) -> Path | None:
    """The folder that an address is of, in which labels and settings may lie; None for any other source."""
    return Path(address) if not blobs.is_address(address) and os.path.isdir(address) else None


def is_folder(root: str) -> bool:
    """Whether the root of paths is a folder, there or gone, and no archive or address."""
    return not blobs.is_address(root) and (archives.suffix_of(root) == "" or os.path.isdir(root))


def is_list(address: str) -> bool:
    """Whether a source is a list on this machine."""
    return not blobs.is_address(address) and _suffix(address) in LIST_SUFFIXES


def on_disk(root: str) -> str:
    """The path that a machine must see to read images relative to `root`; "" for what lies elsewhere."""
    if blobs.is_address(root):
        return ""
    return os.path.dirname(root) if blobs.is_pattern(root) else root


_kept: set[Path] = set()
"""Files that images are read from, and folders of archives that they are read from."""
_labels: set[Path] = set()
"""Files that labels are read from."""


def keep_source(root: str, source: str, annotations: Iterable[str]) -> None:
    """From now on nothing of this process is written over the archives, the table or the list of a dataset, nor over
    its labels."""
    _labels.update(Path(each).resolve() for each in annotations)
    if is_list(source):
        _kept.add(Path(source).resolve())
    if not is_folder(root) and (place := on_disk(root)):
        _kept.add(Path(place).resolve())


def _told_as_kept(file: Path) -> str:
    there = file.resolve()
    in_folder = archives.suffix_of(there.name) != "" and there.parent in _kept
    if not there.is_file():
        return ""
    if in_folder or there in _kept:
        return "what images are read from"
    return "what labels are read from" if there in _labels else ""


never_written_over.append(_told_as_kept)


def is_source(text: str) -> bool:
    """Whether a text that a person gave means a source that can be scanned, as far as this machine can tell; else it
    may be the name of a dataset."""
    if blobs.is_address(text):
        return True
    path = expanded(text)
    if archives.suffix_of(text) and blobs.is_pattern(os.fspath(path)):
        return True
    known = _suffix(text) in LIST_SUFFIXES or archives.suffix_of(text) != ""
    return os.path.isdir(path) or (known and os.path.isfile(path))


def is_there(address: str) -> bool:
    """Whether a source is where it was, as far as this machine can tell without asking another."""
    place = os.path.dirname(address) if blobs.is_pattern(address) else address
    return blobs.is_address(address) or os.path.exists(place)


def name_of(address: str) -> str:
    """What a dataset of a source is called unless a person says so."""
    if os.path.isdir(address):
        return Path(address).name
    if os.path.basename(address) == archives.IN_FOLDER:
        return os.path.basename(os.path.dirname(address))
    name = address.rstrip("/").rpartition("/")[2] if blobs.is_address(address) else os.path.basename(address)
    if _suffix(address) in LIST_SUFFIXES or archives.suffix_of(address):
        stem = os.path.splitext(name)[0]
        return os.path.basename(os.path.dirname(address)) if blobs.is_pattern(address) else stem
    return name


def _suffix(address: str) -> str:
    return os.path.splitext(address)[1].lower()


__all__ = [
    "Entry",
    "Listing",
    "Namesakes",
    "SourceFile",
    "Stored",
    "Where",
    "address_of",
    "at_hand",
    "folder_of",
    "is_folder",
    "is_list",
    "is_source",
    "is_there",
    "list_source",
    "name_of",
    "nothing_in",
    "on_disk",
    "where",
]
