"""Images within one file: members of a ZIP or TAR archive (WebDataset's shards are such), rows of a Parquet table
(Hugging Face's datasets are such), records of an LMDB (LSUN's are such). Read here and there, on this machine or
elsewhere, and never unpacked.

A container is one class, and its suffix in CONTAINERS. All raise OSError or what its library raises for damaged files.
"""

from __future__ import annotations

import json
import os
import re
import stat
import tarfile
import threading
import zipfile
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any, BinaryIO, Protocol

from dedup.errors import SourceError, UnreadableImage
from dedup.images.formats import FORMATS, HEAD_BYTES, SUFFIXES, sniff
from dedup.sources import blobs
from dedup.sources.label_columns import LabelColumns, Told
from dedup.sources.listing import Entry, Stored, nanoseconds

MOST_SIZE = 1 << 62
"""Sizes above are no sizes, and more than the tables of a dataset can hold."""
UNPACKED_BYTES, MOST_TIMES = 64 << 20, 100
"""A member that unpacks to more than both so many bytes and so many times what it takes is made to fill the memory:
even a blank picture is compressed in its own format before it comes into an archive."""
AFTER_END = 1 << 20
"""Zeros after the end of a TAR archive that are looked through: programs fill up so many at most."""
MOST_OPEN = 8
"""Archives that a process keeps open: the workers of a scan go through them one after the other."""
COMPRESSED = (".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst", ".gz", ".7z", ".rar")
"""Archives of which single files cannot be read ..."""
COMPRESSED_BEGIN = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd")
"""... and how they begin, when called otherwise: gzip, bzip2, xz, Zstandard."""


class Container(Protocol):
    """One open archive or table; `version` is the word for its content as a whole. In one of `images_only` every entry
    is meant to be an image."""

    images_only: bool
    left_out: Counter[str]
    """What is in it and is no file that could be read, by what it is; known after all `entries`."""

    def __init__(self, stream: BinaryIO, version: str) -> None: ...

    def entries(self) -> Iterator[tuple[str, Entry]]:
        """Name and entry of every file in it. Raises `Damaged` where it cannot be followed to its end."""

    def labels(self) -> Iterator[tuple[int, Told]]:
        """The number of every row of a table, and what its other columns say of its image. Raises `Damaged` for a part
        that cannot be read, after all others."""

    def starts(self, name: str, entry: Entry) -> bytes:
        """The first bytes of one of them."""

    def read(self, name: str, entry: Entry) -> bytes:
        """All bytes of one of them. Raises `UnreadableImage` where it is not what it was when it was listed."""


class Changed(UnreadableImage):
    """What is in an archive is not what was listed."""

    def __init__(self) -> None:
        super().__init__("its archive has changed since the scan; scan again", transient=True)


class Damaged(Exception):
    """An archive ends before its end; what came before was listed."""


class Zip:
    """A ZIP archive. What it says of a member, its checksum and length, stands for the content. Names whose folders all
    end with a backslash, as old programs for Windows write them, are given with slashes."""

    images_only = False

    def __init__(self, stream: BinaryIO, version: str) -> None:
        self._file = zipfile.ZipFile(stream)
        names = self._file.namelist()
        self._turned = any("\\" in name for name in names) and not any("/" in name for name in names)
        self.left_out: Counter[str] = Counter()

    def entries(self) -> Iterator[tuple[str, Entry]]:
        self.left_out.clear()
        for info in self._file.infolist():
            if stat.S_ISLNK(info.external_attr >> 16):
                self.left_out["link or device"] += 1
            elif not info.is_dir():
                yield info.filename.replace("\\", "/") if self._turned else info.filename, self._entry(info)

    def _member(self, name: str) -> zipfile.ZipInfo | None:
        return self._file.NameToInfo.get(name.replace("/", "\\") if self._turned else name)

    @staticmethod
    def _entry(info: zipfile.ZipInfo) -> Entry:
        try:
            moment = datetime(*info.date_time, tzinfo=UTC).timestamp()
        except ValueError:  # programs that know no time write zeros
            moment = 0
        return Entry(info.file_size, nanoseconds(moment), f"{info.CRC:08x}-{info.file_size:x}")

    def labels(self) -> Iterator[tuple[int, Told]]:
        return iter(())

    def starts(self, name: str, entry: Entry) -> bytes:
        info = self._member(name)
        if info is None:
            raise Changed
        with self._file.open(info) as member:
            return member.read(HEAD_BYTES)

    def read(self, name: str, entry: Entry) -> bytes:
        info = self._member(name)
        if info is None or self._entry(info).version != entry.version:
            raise Changed
        if info.flag_bits & 1:
            raise UnreadableImage("it is encrypted in its archive")
        if info.file_size > max(UNPACKED_BYTES, MOST_TIMES * info.compress_size):
            raise UnreadableImage(
                f"unpacks to {info.file_size:,} bytes from {info.compress_size:,}, as no picture does"
            )
        return self._file.read(info)


class Tar:
    """A TAR archive that is not compressed. Its members have no checksum: where one begins stands for the content, as
    long as the archive is the same."""

    images_only = False

    def __init__(self, stream: BinaryIO, version: str) -> None:
        self._stream, self._version = stream, version
        self.left_out: Counter[str] = Counter()

    def entries(self) -> Iterator[tuple[str, Entry]]:
        self._stream.seek(0)
        self.left_out.clear()
        places: dict[str, tuple[int, int]] = {}
        try:
            archive = tarfile.open(fileobj=self._stream, mode="r:")  # noqa: SIM115 - closing it would close the stream
            for member in archive:
                archive.members = []  # type: ignore[attr-defined]  # which it would keep all
                if member.isreg() and not member.issparse():
                    places[member.name] = member.offset_data, member.size if 0 <= member.size <= MOST_SIZE else -1
                elif member.islnk() and member.linkname in places:  # another name of one that came before
                    places[member.name] = places[member.linkname]
                else:
                    if not member.isdir():
                        self.left_out["sparse file" if member.issparse() else "link or device"] += 1
                    continue
                offset, size = places[member.name]
                yield member.name, Entry(size, nanoseconds(member.mtime), f"{self._version}@{offset:x}")
            self._stream.seek(archive.offset)
            rest = self._stream.read(AFTER_END)  # where one archive was put behind another, that is
        except (tarfile.TarError, ValueError, OverflowError) as error:
            self._stream.seek(0)
            if not places and self._stream.read(6).startswith(COMPRESSED_BEGIN):
                raise Damaged(
                    "it is compressed as a whole, whatever it is called; unpack it, or pack it as .zip or .tar"
                ) from error
            raise Damaged(str(error)) from error
        if rest.strip(b"\0"):
            raise Damaged("what follows is no member")

    def labels(self) -> Iterator[tuple[int, Told]]:
        return iter(())

    def starts(self, name: str, entry: Entry) -> bytes:
        return self._bytes(entry, max(0, min(HEAD_BYTES, entry.size)))

    def read(self, name: str, entry: Entry) -> bytes:
        if entry.size < 0:
            raise UnreadableImage("damaged: its archive tells an impossible size")
        data = self._bytes(entry, entry.size)
        if len(data) < entry.size:
            raise UnreadableImage("damaged: its archive ends before it does")
        return data

    def _bytes(self, entry: Entry, count: int) -> bytes:
        version, _, offset = entry.version.rpartition("@")
        if version != self._version:
            raise Changed
        self._stream.seek(int(offset, 16))
        return self._stream.read(count)


class Parquet:
    """A Parquet table with a column of images: Hugging Face's (a struct of `bytes` and `path`) or plain bytes.

    Rows are called by their number and the name that the table has for the image, else by the format it announces. The
    table is read once to list it, a few rows at a time: nothing in it says how long a row's bytes are or whether they
    are the same.
    """

    images_only = True
    PLAIN = ("image", "img", "picture", "bytes", "image_bytes", "jpg", "png", "jpeg")
    """What columns of plain bytes are called that hold images, the likelier first."""

    def __init__(self, stream: BinaryIO, version: str) -> None:
        self._table = self._opened(stream)
        self.left_out: Counter[str] = Counter()
        self._column, self._in_struct = self._chosen()
        self.metadata = self._table.metadata
        counts = [self.metadata.row_group(each).num_rows for each in range(self.metadata.num_row_groups)]
        self.firsts = [sum(counts[:place]) for place in range(len(counts))]
        self._group: tuple[int, Any] = (-1, None)

    @staticmethod
    def _opened(stream: BinaryIO) -> Any:
        import pyarrow.parquet as pq

        return pq.ParquetFile(stream)

    def _chosen(self) -> tuple[str, bool]:
        """The column of images, and whether it is a struct. Raises `SourceError`."""
        import pyarrow as pa

        def holds_bytes(kind: Any) -> bool:
            kind = kind.value_type if pa.types.is_dictionary(kind) else kind
            return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))

        def has_bytes(kind: Any) -> bool:
            at = kind.get_field_index("bytes") if pa.types.is_struct(kind) else -1
            return at >= 0 and holds_bytes(kind.field(at).type)

        schema = self._table.schema_arrow
        said = _features(schema.metadata)
        structs = [each.name for each in schema if has_bytes(each.type) and said.get(each.name, IMAGE) == IMAGE]
        binary = [each.name for each in schema if holds_bytes(each.type)]
        named = [name for name in self.PLAIN if name in binary] or (binary if len(binary) == 1 else [])
        found = sorted(structs, key=lambda name: (name not in said, name not in self.PLAIN)) or named
        if not found:
            raise SourceError("has no column of images: a struct of bytes and path, or a column `image` of bytes")
        for other in dict.fromkeys([*structs, *binary]):
            if other != found[0] and (other in said or other in (*self.PLAIN, *OTHER_IMAGES)):
                self.left_out[f"image of the column {other}"] += self._table.metadata.num_rows
        return found[0], bool(structs)

    def entries(self) -> Iterator[tuple[str, Entry]]:
        import xxhash

        damaged = []
        for group, first in enumerate(self.firsts):
            try:
                rows = enumerate(self._rows_of(group), first)
                for row, (data, told) in rows:
                    name = PurePosixPath(told.partition("?")[0]).name
                    ending = f"-{name}" if name else _ending(data)
                    yield f"{row:08d}{ending}", Entry(len(data), 0, xxhash.xxh3_128_hexdigest(data))
            except Exception as error:  # Arrow's; groups are apart: one that is damaged costs its own rows
                damaged.append(f"group {group + 1}: {blobs.reason(error)}")
        if damaged:
            raise Damaged("; ".join(damaged[:3]))

    def group(self, group: int) -> tuple[Any, list[bytes]]:
        """A group of rows with all columns, as a `pyarrow.Table`, and the bytes of the image of each."""
        table = self._table.read_row_group(group)
        return table, [self._value(each) for each in table.column(self._column)]

    def _rows_of(self, group: int) -> Iterator[tuple[bytes, str]]:
        """Bytes and name of each row of a group, a few at a time."""
        for batch in self._table.iter_batches(ROWS_AT_ONCE, row_groups=[group], columns=[self._column]):
            column = batch.column(self._column)
            images = column.field("bytes") if self._in_struct else column
            named = self._in_struct and column.type.get_field_index("path") >= 0
            names = column.field("path") if named else [None] * len(images)
            for data, name in zip(images, names, strict=True):
                yield data.as_py() or b"", _text(name)

    def labels(self) -> Iterator[tuple[int, Told]]:
        columns = LabelColumns.of(self._table.schema_arrow)
        damaged = []
        for group, first in enumerate(self.firsts if columns.names else []):
            try:
                told = columns.told(self._table.read_row_group(group, columns=columns.names))
            except Exception as error:  # Arrow's, as above
                damaged.append(f"group {group + 1}: {blobs.reason(error)}")
            else:
                yield from enumerate(told, first)
        if damaged:
            raise Damaged("; ".join(damaged[:3]))

    def starts(self, name: str, entry: Entry) -> bytes:
        return self._bytes(name)[:HEAD_BYTES]

    def read(self, name: str, entry: Entry) -> bytes:
        import xxhash

        data = self._bytes(name)
        if xxhash.xxh3_128_hexdigest(data) != entry.version:
            raise Changed
        return data

    def _bytes(self, name: str) -> bytes:
        row = row_of(name)
        group = next((each for each in reversed(range(len(self.firsts))) if self.firsts[each] <= row), -1)
        if group < 0:
            raise Changed
        if self._group[0] != group:
            column = self._table.read_row_group(group, columns=[self._column]).column(self._column)
            self._group = group, column
        place, column = row - self.firsts[group], self._group[1]
        if place >= len(column):
            raise Changed
        return self._value(column[place])

    def _value(self, value: Any) -> bytes:
        value = value["bytes"] if self._in_struct and value.is_valid else value
        return (value.as_py() or b"") if value.is_valid else b""


class Arrow(Parquet):
    """An Arrow file, as Hugging Face's `save_to_disk` and its cache keep a table: batches of rows, one after the other,
    with the columns of its Parquet tables."""

    @staticmethod
    def _opened(stream: BinaryIO) -> Any:
        if not isinstance(getattr(stream, "name", None), str):  # it is mapped into memory, not read to its end
            raise SourceError("is an Arrow file, which can be read on a disk of this machine only; copy it here")
        return _Batches(stream.name)

    def entries(self) -> Iterator[tuple[str, Entry]]:
        yield from super().entries()
        if self._table.problem:
            raise Damaged(self._table.problem)


class _Batches:
    """The batches of an Arrow file as the groups of a Parquet table; it is its own `metadata`. `problem` is what comes
    after the last that can be read, "" for the end."""

    def __init__(self, path: str) -> None:
        import pyarrow as pa

        self.problem = ""
        self._batches: list[Any] = []
        file = pa.memory_map(path)
        try:
            reader = pa.ipc.open_stream(file)
            batches = iter(reader)
        except pa.ArrowInvalid:  # the other way to write one, with a directory at its end
            file.seek(0)
            reader = pa.ipc.open_file(file)
            batches = (reader.get_batch(each) for each in range(reader.num_record_batches))
        self.schema_arrow = reader.schema
        try:
            for batch in batches:
                batch.validate(full=True)  # else it is believed where values end, and reading beyond crashes
                self._batches.append(batch)
        except (pa.ArrowException, OSError) as error:
            self.problem = blobs.reason(error)
        self.num_row_groups = len(self._batches)
        self.num_rows = sum(each.num_rows for each in self._batches)

    @property
    def metadata(self) -> _Batches:
        return self

    def row_group(self, group: int) -> Any:
        """One batch."""
        return self._batches[group]

    def read_row_group(self, group: int, columns: list[str] | None = None) -> Any:
        """One batch as a table, or some columns of it."""
        import pyarrow as pa

        table = pa.Table.from_batches([self._batches[group]])
        return table if columns is None else table.select(columns)

    def iter_batches(self, size: int, row_groups: list[int], columns: list[str]) -> Iterator[Any]:
        """Some columns of some batches, a few rows at a time."""
        for group in row_groups:
            batch = self._batches[group].select(columns)
            yield from (batch.slice(first, size) for first in range(0, batch.num_rows, size))


class Lmdb:
    """An LMDB, a file of keys and values of which those are images that begin as images do.

    Images are called by their key, in hexadecimal digits where it is no text, with a suffix where it has none. All
    values are read once to list it, as a table's are: nothing says whether one is the same. Who writes to it meanwhile
    is not waited for.
    """

    images_only = True

    def __init__(self, stream: BinaryIO, version: str) -> None:
        if not isinstance(getattr(stream, "name", None), str):  # the library maps the file into memory
            raise SourceError("is an LMDB, which can be read on a disk of this machine only; copy it here")
        try:
            import lmdb
        except ImportError as error:
            raise SourceError('needs another package: pip install "dedup-images[lmdb]"') from error
        self.left_out: Counter[str] = Counter()
        try:
            self._file = lmdb.open(stream.name, subdir=False, readonly=True, lock=False, readahead=False)
        except lmdb.Error as error:
            raise Damaged("it is no LMDB, or it is damaged at its beginning") from error
        with self._file.begin() as reader:
            needed = (self._file.info()["last_pgno"] + 1) * reader.stat()["psize"]
        if os.fstat(stream.fileno()).st_size < needed:  # reading beyond the end of a mapped file ends the process
            raise Damaged("the file ends before its last page")

    def entries(self) -> Iterator[tuple[str, Entry]]:
        import xxhash

        self.left_out.clear()
        with self._file.begin(buffers=True) as reader:
            for key, value in reader.cursor():
                ending = _ending(bytes(value[:HEAD_BYTES]))
                if ending:
                    version = f"{xxhash.xxh3_128_hexdigest(value)}:{bytes(key).hex()}"
                    yield _record_name(bytes(key), ending), Entry(len(value), 0, version)
                else:
                    self.left_out["record that is no image"] += 1

    def labels(self) -> Iterator[tuple[int, Told]]:
        return iter(())

    def starts(self, name: str, entry: Entry) -> bytes:
        return self._value(entry)[:HEAD_BYTES]

    def read(self, name: str, entry: Entry) -> bytes:
        import xxhash

        data = self._value(entry)
        if xxhash.xxh3_128_hexdigest(data) != entry.version.partition(":")[0]:
            raise Changed
        return data

    def _value(self, entry: Entry) -> bytes:
        with self._file.begin() as reader:
            value = reader.get(bytes.fromhex(entry.version.partition(":")[2]))
        if value is None:
            raise Changed
        return bytes(value)


def _record_name(key: bytes, ending: str) -> str:
    """What the image of a key is called."""
    try:
        name = key.decode()
    except UnicodeDecodeError:
        name = ""
    name = name if name.isprintable() and name.strip("./ ") else key.hex()
    return name if PurePosixPath(name).suffix.lower() in SUFFIXES else name + ending


IMAGE = "Image"
"""What Hugging Face calls the type of a column of images."""
OTHER_IMAGES = ("mask", "masks", "thumbnail", "label_image", "depth", "annotation")
"""What columns of plain bytes are called, beside, that hold pictures of another kind."""


def _features(metadata: Any) -> dict[str, str]:
    """The type of each column that a Hugging Face table tells in its schema; {} where it tells none."""
    try:
        told = json.loads((metadata or {})[b"huggingface"])["info"]["features"]
        return {name: str(each["_type"]) for name, each in told.items() if isinstance(each, dict) and "_type" in each}
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return {}


def row_of(name: str) -> int:
    """The number of a table's row, by what its image is called."""
    return int(re.match(r"\d+", name)[0])  # type: ignore[index]


ROWS_AT_ONCE = 64
"""Rows of a table that a listing holds at a time."""


def _text(value: Any) -> str:
    """A text of a table; "" for none and for one that is none."""
    try:
        return str(value.as_py() or "") if value is not None else ""
    except UnicodeDecodeError:
        return ""


def _ending(data: bytes) -> str:
    """The suffix of what some bytes announce to be, "" for nothing that is known."""
    name = sniff(data[:HEAD_BYTES])
    return next((each.suffixes[0] for each in FORMATS if each.name == name), "")


CONTAINERS: dict[str, type[Container]] = {
    ".zip": Zip,
    ".tar": Tar,
    ".parquet": Parquet,
    ".arrow": Arrow,
    ".lmdb": Lmdb,
    ".mdb": Lmdb,
}
IN_FOLDER = "data.mdb"
"""What an LMDB is called in a folder of its own."""


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
        try:
            with opened(archive) as container:
                return container.read(name, stored.entry)
        except Changed:  # since it was opened, maybe, and not since it was listed
            with opened(archive, anew=True) as container:
                return container.read(name, stored.entry)
    except UnreadableImage:
        raise
    except (OSError, SourceError) as error:
        raise blobs.unreadable(error) from error
    except Exception as error:  # each library has errors of its own for what is damaged
        raise UnreadableImage(f"damaged in its archive: {blobs.reason(error)}") from error


@dataclass
class _Slot:
    """The place of one archive: read under its lock, for one stream has one position, and open while that pays."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    container: Container | None = None
    stream: BinaryIO | None = None
    version: str = ""

    def open(self, address: str, *, ask: bool) -> Container:
        """The container, opened anew where the archive changed, as far as it is asked whether it did."""
        version = blobs.stat(address).version if ask or self.container is None else self.version
        if self.container is None or version != self.version:
            self.close()
            self.version = version
            self.stream = blobs.open_at(address)
            self.container = CONTAINERS[suffix_of(address)](self.stream, self.version)
        return self.container

    @property
    def problem(self) -> str:
        """Why bytes could not be had of it where it lies, "" where they could."""
        return self.stream.problem if isinstance(self.stream, blobs.Patient) else ""

    def close(self) -> None:
        """Forget the archive until it is asked for again."""
        if self.stream is not None:
            self.stream.close()
        self.container = self.stream = None


_slots: OrderedDict[str, _Slot] = OrderedDict()
_choosing = threading.Lock()


@contextmanager
def opened(address: str, *, anew: bool = False) -> Iterator[Container]:
    """An archive to read from, for one thread at a time. It stays open for the next.

    Of one that lies elsewhere only a listing asks `anew` whether it is the same; what is read of it then is refused by
    its server, or by what stands for the content, where it is another one.
    """
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
            yield slot.open(address, ask=anew or not blobs.is_address(address))
        except OSError:  # it may have been replaced where it lies
            slot.close()
            raise
        except Exception as error:  # a library may call damaged what its server did not give
            problem = slot.problem
            if problem or slot.container is None:
                slot.close()
            if problem:
                raise OSError(problem) from error
            raise
