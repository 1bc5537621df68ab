"""Lists of files or addresses, in a text or CSV file."""

from __future__ import annotations

import codecs
import csv
import io
import os
import re
import sys
from pathlib import Path

from dedup.errors import SourceError
from dedup.sources import blobs
from dedup.sources.listing import Listing, source_files
from dedup.sources.stored import list_addresses

FILE = re.compile(r"\s*file://(?=/)", re.IGNORECASE)
"""Ahead of a path, as browsers write it."""
LIST_SUFFIXES = frozenset({".txt", ".csv", ".tsv", ".lst"})
PATH_COLUMNS = (
    *("path", "file_name", "filename", "file", "image", "filepath", "image_path", "file_path", "img_path"),
    *("url", "image_url", "uri"),
)
"""What the column of files or addresses may be called, in any case; the first that is there counts."""
csv.field_size_limit(min(sys.maxsize, 2**31 - 1))  # a column beside the path may be long; the limit is a C long


def list_file(address: str) -> Listing:
    """Files named in a text file (one a line) or a CSV column (path, file_name, ...), relative to the list's folder; or
    addresses, then all of one protocol. The list itself may lie elsewhere, too.

    Raises `SourceError` when the list is empty or is not text.
    """
    try:
        text = _text(blobs.read(address))
    except OSError as error:
        raise SourceError(f"Cannot read the list {address}: {blobs.reason(error)}.") from error
    path = Path(address)
    found = _csv_paths(text, path) if path.suffix.lower() in {".csv", ".tsv"} else _lines(text, path.parent)
    names = [FILE.sub("", name) for name in found if name.strip()]
    if not names:
        raise SourceError(f"The list {address} names no files. Put one path a line, or a CSV column called path.")
    if blobs.is_address(address) or any(blobs.is_address(name.strip()) for name in names):
        return list_addresses(_addressed(address, names))
    absolute = sorted({os.path.abspath(_named(path.parent, name)) for name in names})
    try:
        root = Path(os.path.commonpath([os.path.dirname(name) for name in absolute]))
    except ValueError as error:  # on two drives
        raise SourceError(f"The files of {path} have no folder in common ({error}). Make one list a drive.") from error
    relatives = [os.path.relpath(name, root).replace(os.sep, "/") for name in absolute]
    return Listing(os.fspath(root), source_files(relatives))


def _text(content: bytes) -> str:
    """What a list holds: UTF-16, as Windows' shells write it, by its first bytes, else UTF-8, and bytes that are none
    as names may hold them."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", "replace")
    return content.decode("utf-8-sig", "surrogateescape")


def _addressed(address: str, names: list[str]) -> list[str]:
    """Names in a list of addresses: those that are none are relative to a list that lies elsewhere itself."""
    missing = next((name for name in names if not blobs.is_address(name.strip())), None)
    if missing is not None and not blobs.is_address(address):
        raise SourceError(f"The list {address} has both addresses and paths, such as {missing}. Make one list of each.")
    written = (name.strip() if blobs.is_address(name.strip()) else _beside(address, name.strip()) for name in names)
    return [protocol.lower() + "://" + rest for protocol, _, rest in (each.partition("://") for each in written)]


def _beside(address: str, name: str) -> str:
    """The address of a name in a list at an address; what `..` means there no storage knows."""
    protocol, _, place = address.rpartition("/")[0].partition("://")
    parts, rest = place.split("/"), name
    while step := re.match(r"\.\.?/+", rest):
        rest = rest[step.end() :]
        if step[0].startswith("..") and len(parts) > 1:  # nothing is above a bucket or a host
            parts.pop()
    return f"{protocol}://{'/'.join(parts)}/{rest}"


def _named(folder: Path, name: str) -> Path:
    """The file of a name in a list: spaces around it count where there is such a file."""
    exact = folder / name
    return exact if name == name.strip() or os.path.lexists(exact) else folder / name.strip()


def _lines(text: str, folder: Path) -> list[str]:
    """Only a line feed ends a line: every other character can be in a name. What begins with # is a comment, unless a
    file is called so."""
    lines = (line.removesuffix("\r") for line in text.split("\n"))
    return [line for line in lines if not line.startswith("#") or os.path.lexists(folder / line)]


SEPARATORS = ",;\t|"


def separator_of(first_line: str) -> str:
    """What stands between the fields of a CSV, by its first line."""
    return max(SEPARATORS, key=first_line.count)


def _csv_paths(text: str, path: Path) -> list[str]:
    delimiter = separator_of(text.partition("\n")[0])
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    columns = {name.strip().lower(): name for name in reader.fieldnames or () if name}
    column = next((columns[name] for name in PATH_COLUMNS if name in columns), None)
    if column is None:
        raise SourceError(f"The list {path} has no column called path. Name the column of file paths `path`.")
    try:
        return [row[column] or "" for row in reader]
    except csv.Error as error:
        raise SourceError(f"The list {path} cannot be read at line {reader.line_num:,}: {error}.") from error
