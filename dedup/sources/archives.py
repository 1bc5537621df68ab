"""Images within one file: members of a ZIP or TAR archive (WebDataset's shards are such), rows of a Parquet table
(Hugging Face's datasets are such). Read here and there, on this machine or elsewhere, and never unpacked.

A container is one class, and its suffix in CONTAINERS. All raise OSError or what its library raises for damaged files.
"""

from __future__ import annotations

import os
import re
import struct
import tarfile
import threading
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any, BinaryIO, Protocol

from dedup.errors import SourceError, UnreadableImage
from dedup.images.formats import FORMATS, HEAD_BYTES, sniff
from dedup.sources import blobs
from dedup.sources.listing import Entry, Stored, nanoseconds

MOST_OPEN = 8
"""Archives that a process keeps open: the workers of a scan go through them one after the other."""
COMPRESSED = (".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst", ".gz", ".7z", ".rar")
"""Archives of which single files cannot be read."""
CHANGED = "its archive has changed since the scan; scan again"


class Container(Protocol):
    """One open archive or table; `version` is the word for its content as a whole. In one of `images_only` every entry
    is meant to be an image."""

    images_only: bool

    def __init__(self, stream: BinaryIO, version: str) -> None: ...

    def entries(self) -> Iterator[tuple[str, Entry]]:
        """Name and entry of every file in it. Raises `Damaged` where it cannot be followed to its end."""

    def starts(self, name: str, entry: Entry) -> bytes:
        """The first bytes of one of them."""

    def read(self, name: str, entry: Entry) -> bytes:
        """All bytes of one of them. Raises `UnreadableImage` where it is not what it was when it was listed."""


class Damaged(Exception):
    """An archive ends before its end; what came before was listed."""


class Zip:
    """A ZIP archive. What it says of a member, its checksum and length, stands for the content."""

    images_only = False

    def __init__(self, stream: BinaryIO, version: str) -> None:
        self._file = zipfile.ZipFile(stream)

    def entries(self) -> Iterator[tuple[str, Entry]]:
        for name, info in self._file.NameToInfo.items():
            if not info.is_dir():
                yield name, self._entry(info)

    @staticmethod
    def _entry(info: zipfile.ZipInfo) -> Entry:
        try:
            moment = datetime(*info.date_time, tzinfo=UTC).timestamp()
        except ValueError:  # programs that know no time write zeros
            moment = 0
        return Entry(info.file_size, nanoseconds(moment), f"{info.CRC:08x}-{info.file_size:x}")

    def starts(self, name: str, entry: Entry) -> bytes:
        with self._file.open(name) as member:
            return member.read(HEAD_BYTES)

    def read(self, name: str, entry: Entry) -> bytes:
        info = self._file.NameToInfo.get(name)
        if info is None or self._entry(info).version != entry.version:
            raise UnreadableImage(CHANGED, transient=True)
        if info.flag_bits & 1:
            raise UnreadableImage("it is encrypted in its archive")
        try:
            return self._file.read(info)
        except NotImplementedError as error:
            raise UnreadableImage(f"its archive cannot be read here: {blobs.reason(error)}") from error
        except (zipfile.BadZipFile, zlib.error, EOFError, struct.error) as error:
            raise UnreadableImage("damaged in its archive") from error


class Tar:
    """A TAR archive that is not compressed. Its members have no checksum: where one begins stands for the content, as
    long as the archive is the same."""

    images_only = False

    def __init__(self, stream: BinaryIO, version: str) -> None:
        self._stream, self._version = stream, version

    def entries(self) -> Iterator[tuple[str, Entry]]:
        self._stream.seek(0)
        archive = tarfile.open(fileobj=self._stream, mode="r:")  # noqa: SIM115 - closing it would close the stream
        try:
            for member in archive:
                archive.members = []  # type: ignore[attr-defined]  # which it would keep all
                if member.isreg() and not member.issparse():
                    version = f"{self._version}@{member.offset_data:x}"
                    yield member.name, Entry(member.size, nanoseconds(member.mtime), version)
            self._stream.seek(archive.offset)
            rest = self._stream.read(tarfile.BLOCKSIZE)
        except tarfile.ReadError as error:
            raise Damaged(str(error)) from error
        if rest.strip(b"\0"):
            raise Damaged("what follows is no member")

    def starts(self, name: str, entry: Entry) -> bytes:
        return self._bytes(entry, min(HEAD_BYTES, entry.size))

    def read(self, name: str, entry: Entry) -> bytes:
        data = self._bytes(entry, entry.size)
        if len(data) < entry.size:
            raise UnreadableImage("damaged: its archive ends before it does")
        return data

    def _bytes(self, entry: Entry, count: int) -> bytes:
        version, _, offset = entry.version.rpartition("@")
        if version != self._version:
            raise UnreadableImage(CHANGED, transient=True)
        self._stream.seek(int(offset, 16))
        return self._stream.read(count)


class Parquet:
    """A Parquet table with a column of images: Hugging Face's (a struct of `bytes` and `path`) or plain bytes.

    Rows are called by their number and the name that the table has for the image, else by the format it announces. The
    table is read once to list it: nothing in it says how long a row's bytes are or whether they are the same.
    """

    images_only = True
    PLAIN = ("image", "img", "picture", "bytes", "image_bytes", "jpg", "png", "jpeg")
    """What columns of plain bytes are called that hold images, the likelier first."""

    def __init__(self, stream: BinaryIO, version: str) -> None:
        import pyarrow.parquet as pq

        self._table = pq.ParquetFile(stream)
        self._column, self._names = self._columns()
        counts = [self._table.metadata.row_group(each).num_rows for each in range(self._table.metadata.num_row_groups)]
        self._firsts = [sum(counts[:place]) for place in range(len(counts))]
        self._group: tuple[int, list[bytes | None]] = (-1, [])

    def _columns(self) -> tuple[str, str]:
        """The column of bytes and that of names, "" for none. Raises `SourceError`."""
        import pyarrow as pa

        schema = self._table.schema_arrow
        for each in schema:
            if pa.types.is_struct(each.type) and each.type.get_field_index("bytes") >= 0:
                return f"{each.name}.bytes", f"{each.name}.path" if each.type.get_field_index("path") >= 0 else ""
        binary = {each.name for each in schema if pa.types.is_binary(each.type) or pa.types.is_large_binary(each.type)}
        only = next(iter(binary)) if len(binary) == 1 else ""
        found = next((name for name in self.PLAIN if name in binary), only)
        if not found:
            raise SourceError("has no column of images: a struct of bytes and path, or a column `image` of bytes")
        return found, ""

    def entries(self) -> Iterator[tuple[str, Entry]]:
        import xxhash

        for group, first in enumerate(self._firsts):
            names = self._column_of(group, self._names) if self._names else []
            for place, data in enumerate(self._column_of(group, self._column)):
                data = data or b""
                told = PurePosixPath(str(names[place] or "")).name if names else ""
                ending = (told and f"-{told}") or _ending(data)
                yield f"{first + place:08d}{ending}", Entry(len(data), 0, xxhash.xxh3_128_hexdigest(data))

    def _column_of(self, group: int, column: str) -> list[Any]:
        held = self._table.read_row_group(group, columns=[column]).column(0)
        values = held.combine_chunks()
        while values.type.num_fields:  # the struct that the leaf is in
            values = values.field(0)
        return values.to_pylist()  # type: ignore[no-any-return]

    def starts(self, name: str, entry: Entry) -> bytes:
        return self._bytes(name)[:HEAD_BYTES]

    def read(self, name: str, entry: Entry) -> bytes:
        import xxhash

        data = self._bytes(name)
        if xxhash.xxh3_128_hexdigest(data) != entry.version:
            raise UnreadableImage(CHANGED, transient=True)
        return data

    def _bytes(self, name: str) -> bytes:
        row = int(re.match(r"\d+", name)[0])  # type: ignore[index]
        group = next((each for each in reversed(range(len(self._firsts))) if self._firsts[each] <= row), -1)
        if group < 0:
            raise UnreadableImage(CHANGED, transient=True)
        if self._group[0] != group:
            self._group = group, self._column_of(group, self._column)
        place = row - self._firsts[group]
        return (self._group[1][place] or b"") if place < len(self._group[1]) else b""


def _ending(data: bytes) -> str:
    """The suffix of what some bytes announce to be, "" for nothing that is known."""
    name = sniff(data[:HEAD_BYTES])
    return next((each.suffixes[0] for each in FORMATS if each.name == name), "")


CONTAINERS: dict[str, type[Container]] = {".zip": Zip, ".tar": Tar, ".parquet": Parquet}


def suffix_of(place: str) -> str:
    """The suffix of a path or address that means containers, else ""."""
    ending = os.path.splitext(place)[1].lower()
    return ending if ending in CONTAINERS else ""


def archive_of(stored: Stored) -> tuple[str, str]:
    """The archive of an image and its name in there: a pattern's images are called by their archive first."""
    if not blobs.is_pattern(stored.place):
        return stored.place, stored.key
    archive, _, name = stored.key.partition("/")
    return os.path.join(os.path.dirname(stored.place), archive), name


def read(stored: Stored) -> bytes:
    """The bytes of an image in an archive. Raises `UnreadableImage`."""
    archive, name = archive_of(stored)
    try:
        with opened(archive) as container:
            return container.read(name, stored.entry)
    except (OSError, SourceError) as error:
        raise blobs.unreadable(error) from error
    except (zipfile.BadZipFile, tarfile.TarError) as error:
        raise UnreadableImage(f"its archive is damaged: {blobs.reason(error)}", transient=True) from error


@dataclass
class _Slot:
    """The place of one archive: read under its lock, for one stream has one position, and open while that pays."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    container: Container | None = None
    stream: BinaryIO | None = None
    version: str = ""

    def open(self, address: str) -> Container:
        """The container, opened anew where the archive changed; one that lies elsewhere says so when it is read."""
        if self.container is None or not (blobs.is_address(address) or blobs.stat(address).version == self.version):
            self.close()
            self.version = blobs.stat(address).version
            self.stream = blobs.open_at(address)
            try:
                self.container = CONTAINERS[suffix_of(address)](self.stream, self.version)
            except BaseException:
                self.close()
                raise
        return self.container

    def close(self) -> None:
        """Forget the archive until it is asked for again."""
        if self.stream is not None:
            self.stream.close()
        self.container = self.stream = None


_slots: OrderedDict[str, _Slot] = OrderedDict()
_choosing = threading.Lock()


@contextmanager
def opened(address: str) -> Iterator[Container]:
    """An archive to read from, for one thread at a time. It stays open for the next."""
    with _choosing:
        slot = _slots.setdefault(address, _Slot())
        _slots.move_to_end(address)
        unused = [(name, each) for name, each in list(_slots.items())[:-MOST_OPEN] if each.lock.acquire(blocking=False)]
        for name, each in unused:
            del _slots[name]
            each.close()
            each.lock.release()
    with slot.lock:
        try:
            yield slot.open(address)
        except OSError:  # it may have been replaced where it lies
            slot.close()
            raise
