"""The selected files in an archive, in one for each that they came from, or below a prefix of a bucket; rows of tables
in tables (`dedup.exports.rows`).

`clean.zip` and `clean.tar` are one archive; of `clean/*.tar` every archive of the source has its own, called as it is,
so that shards stay shards. What belongs to an image by its name follows right after it, as WebDataset has samples. An
archive appears under its name when it is whole and reads back as written; until then nothing is there.

`s3://bucket/clean/` must be empty. It holds the object `.dedup-export.json` while the export runs: cut off, the same
export goes on where it stopped. Nothing is ever overwritten, and no source is changed.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import tempfile
import time
import zipfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Protocol

from dedup.errors import ExportError, SourceError, UnreadableImage
from dedup.exports import rows
from dedup.exports.base import Meter, Report
from dedup.exports.items import CHANGED, LEFT_OUT, MARKER, Item, Order, beside_images, check_target
from dedup.exports.labels.base import as_they_are
from dedup.exports.places import EACH, atomic, named_after, require_new
from dedup.sources import Stored, archives, blobs
from dedup.sources.beside import SAMPLES
from dedup.sources.listing import LATEST_SECONDS
from dedup.sources.reading import Held, Image, fetched, read

AT_ONCE = 8
"""Files on their way to a bucket at a time: most of the time of one is waiting."""
EARLIEST, LATEST = (1980, 1, 1, 0, 0, 0), (2107, 12, 31, 23, 59, 58)
"""Before and after these no file in a ZIP can be."""

Put = Callable[[PurePosixPath, bytes, float], None]
"""Writes a file: its path, its bytes, its time of change in seconds. Raises `ExportError`."""


def is_packed(output: Path | str) -> bool:
    """Whether it is written as this module does: an address, or the name of an archive that is no folder."""
    text = os.fspath(output)
    return blobs.is_address(text) or (_is_file(text) and not os.path.isdir(text))


def _is_file(text: str) -> bool:
    return archives.suffix_of(text) in (*_WRITERS, rows.SUFFIX)


def is_each(output: Path | str) -> bool:
    """Whether every archive of the source has its own: labels lie beside them then, else within."""
    return is_packed(output) and EACH in os.path.basename(output)


def beside(address: str) -> str:
    """A new place for what is taken from there, of the same sort: `photos cleaned`, `photos cleaned.zip`, and of
    several archives `shards cleaned/*.tar`."""
    address = address.rstrip("/")
    if blobs.is_pattern(address):
        return f"{os.path.dirname(address)} cleaned/{EACH}{archives.suffix_of(address)}"
    stem, suffix = os.path.splitext(address) if _is_file(address) else (address, "")
    return f"{stem} cleaned{suffix}"


def carries_labels(sources: Iterable[Path], address: str, output: Path | str) -> bool:
    """Whether labels that were read from these `sources` of a dataset at this address lie in what is written with the
    images anyway: samples of WebDataset, rows of tables."""
    kinds = {archives.suffix_of(os.fspath(output)), archives.suffix_of(address)}
    return kinds in ({".tar"}, {rows.SUFFIX}) and all(source.name == SAMPLES for source in sources)


def write(order: Order, output: str) -> Report:
    """Write what is asked for. Files that vanished, cannot be read or have changed since the scan are left out and
    listed in the report's notes. Raises `ExportError` for a target that is there already or lies in the dataset's
    own place, and for what its disk or server refuses."""
    if not blobs.is_address(output):
        return _as_file(order, Path(output))
    if _is_file(output):
        with written_elsewhere(output) as file:
            report = _as_file(order, file)
        return replace(report, path=output)
    _require_writable(output)
    try:
        return _written(order, _Bucket(f"{output.rstrip('/')}/", order))
    except (SourceError, OSError) as error:
        raise ExportError(f"Cannot write to {output}: {blobs.reason(error)}") from error


def _as_file(order: Order, place: Path) -> Report:
    if place.suffix.lower() == rows.SUFFIX:
        return rows.write(order, place)
    return _written(order, _Archives(place, order))


class _Target(Protocol):
    @property
    def place(self) -> Path | str: ...

    def opened(self) -> AbstractContextManager[Put]: ...


def _written(order: Order, target: _Target) -> Report:
    items = sorted(order.items, key=lambda item: item.relative.parts[0])  # those of one archive after each other
    companions = order.companions(items)
    meter = Meter(order.on_progress, "Writing files", len(items))
    there: list[Item] = []
    along: list[Item] = []
    notes: list[str] = []
    with tempfile.TemporaryDirectory(prefix="dedup-") as folder, target.opened() as put:
        for item, held in zip(items, fetched([item.stored or item.source for item in items]), strict=True):
            problem = _put(put, item, held, verified=True)
            if problem:
                notes.append(f"{LEFT_OUT}{item.relative}: {problem}.")
            else:
                there.append(item)
                for each in companions.get(item, ()):
                    missing = _put(put, each, each.stored or each.source, verified=False)
                    if missing:
                        notes.append(f"Left behind {each.relative}: {missing}.")
                    else:
                        along.append(each)
            meter.advance()
        notes += beside_images(len(along))
        notes += order.write_beside(there, Path(folder))
        for file in sorted(each for each in Path(folder).rglob("*") if each.is_file()):
            put(PurePosixPath(file.relative_to(folder).as_posix()), file.read_bytes(), time.time())
    return Report(len(there), target.place, (*notes, *order.left_behind(along)))


@contextmanager
def written_elsewhere(address: str, *, overwrite: bool = False) -> Iterator[Path]:
    """A file to write here that is brought to an address when the block has ended well, with all that was written
    beside it. Raises `ExportError` where there is one already, or nothing can be written."""
    _require_writable(address)
    parent, _, name = address.rpartition("/")
    try:
        if not overwrite:
            _require_absent(address)
        with tempfile.TemporaryDirectory(prefix="dedup-") as folder:
            yield Path(folder, name)
            files = sorted(file for file in Path(folder).rglob("*") if file.is_file())
            made = {f"{parent}/{file.relative_to(folder).as_posix()}": file for file in files}
            for place in made if not overwrite else ():
                _require_absent(place)
            for place, file in made.items():
                blobs.put(place, file)
    except (SourceError, OSError) as error:
        raise ExportError(f"Cannot write to {address}: {blobs.reason(error)}") from error


def _require_writable(address: str) -> None:
    """Raises `ExportError`, which does not repeat an address that may hold a password."""
    try:
        blobs.writable(blobs.check(address))
    except SourceError as error:
        raise ExportError(str(error)) from error


def _require_absent(address: str) -> None:
    with suppress(FileNotFoundError):
        blobs.stat(address)
        raise ExportError(f"{address} is there already. Choose another name, or say that it may be overwritten.")


def _put(put: Put, item: Item, held: Image, *, verified: bool) -> str:
    """Write one file; '' when it is there, else why it is not. What is `verified` has the bytes of the scan."""
    if verified and not item.sha256:
        return "the file cannot be read"
    try:
        content, seconds = _content(held)
        if verified and hashlib.sha256(content).hexdigest() != item.sha256:
            return CHANGED
        put(item.relative, content, seconds)
    except UnreadableImage as error:
        return str(error)
    return ""


def _content(held: Image) -> tuple[bytes, float]:
    """The bytes of a file and its time of change. Raises `UnreadableImage`."""
    if isinstance(held, UnreadableImage):
        raise held
    if isinstance(held, Held):
        return held.data, held.mtime_ns / 1e9
    if isinstance(held, Stored):
        return read(held), held.entry.mtime_ns / 1e9
    if not held.is_file():
        raise UnreadableImage("it is no file" if held.exists() else "the file has vanished")
    try:
        return held.read_bytes(), held.stat().st_mtime
    except OSError as error:
        raise UnreadableImage(f"the file cannot be read ({error.strerror})") from error


# --- archives ---------------------------------------------------------------------------------------------------------


class _Archives:
    """One archive, or with `EACH` in its name one for each of the source."""

    def __init__(self, place: Path, order: Order) -> None:
        self.place = place
        check_target(order.dataset, place)
        self._each = EACH in place.name
        if self._each:
            self._check_each(order)
        require_new({self._where(item.relative)[0] for item in order.items})
        order.require_space(place.parent)

    def _check_each(self, order: Order) -> None:
        """Raises `ExportError` where the archives cannot be told."""
        if order.form and order.form.place is not as_they_are:
            raise ExportError(
                f"{order.form.title} asks for an order of folders that archives of their own cannot have. Give one "
                f"name without {EACH}, or labels as coco, csv or none."
            )
        lost = next((item.relative for item in order.items if not self._of(item.relative)), None)
        if lost is not None:
            raise ExportError(f"{lost} comes from none of several archives. Give one name without {EACH}.")

    @staticmethod
    def _of(relative: PurePosixPath) -> str:
        """The archive of the source that a path begins with."""
        return relative.parts[0] if len(relative.parts) > 1 and archives.suffix_of(relative.parts[0]) else ""

    def _where(self, relative: PurePosixPath) -> tuple[Path, str]:
        """The archive that a file goes into, and its name there; a file of its own where it is of no archive."""
        if not self._each:
            return self.place, str(relative)
        archive = self._of(relative)
        if not archive:
            return self.place.parent / relative, ""
        return self.place.with_name(named_after(self.place.name, archive)), str(PurePosixPath(*relative.parts[1:]))

    @contextmanager
    def opened(self) -> Iterator[Put]:
        """Files may be put, those of one archive after each other, until the block ends; ends it with an error, there
        is none of the archives."""
        made: list[Path] = []
        try:
            add: Add = _nowhere
            with ExitStack() as current:

                def put(relative: PurePosixPath, content: bytes, seconds: float) -> None:
                    nonlocal add
                    place, name = self._where(relative)
                    if place not in made:
                        current.close()  # the archive before is whole
                        require_new([place])  # labels beside archives are named only now
                        add = current.enter_context(_archive(place) if name else _file(place))
                        made.append(place)
                    add(name, content, seconds)

                yield put
        except BaseException:
            for place in made:
                place.unlink(missing_ok=True)
            raise


Add = Callable[[str, bytes, float], None]


def _nowhere(name: str, content: bytes, seconds: float) -> None:
    raise AssertionError("no archive is open")


@contextmanager
def _file(place: Path) -> Iterator[Add]:
    """A file of its own."""
    with atomic(place) as stream:

        def add(name: str, content: bytes, seconds: float) -> None:
            stream.write(content)

        yield add


@contextmanager
def _archive(place: Path) -> Iterator[Add]:
    """An archive, which is there when the block has ended well."""
    digests: dict[str, bytes] = {}
    kind = archives.suffix_of(os.fspath(place))
    with atomic(place) as stream:
        writer = _WRITERS[kind](stream)

        def add(name: str, content: bytes, seconds: float) -> None:
            writer.add(name, content, seconds)
            digests[name] = hashlib.sha256(content).digest()

        yield add
        writer.close()
        stream.flush()
        with os.fdopen(os.dup(stream.fileno()), "rb") as back:
            written = archives.CONTAINERS[kind](back, "")
            held = {name: hashlib.sha256(written.read(name, entry)).digest() for name, entry in written.entries()}
        if held != digests:
            raise ExportError(f"{place} does not read back as written. Check the target disk.")


class _Writer(Protocol):
    def __init__(self, stream: BinaryIO) -> None: ...

    def add(self, name: str, content: bytes, seconds: float) -> None:
        """Raises `UnreadableImage` for a name that cannot be in it."""

    def close(self) -> None: ...


class _Zip:
    """Pictures are compressed already and are stored as they are."""

    def __init__(self, stream: BinaryIO) -> None:
        self._file = zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED)

    def add(self, name: str, content: bytes, seconds: float) -> None:
        require_text(name)
        moment = time.gmtime(min(max(seconds, 0), LATEST_SECONDS))[:6]
        info = zipfile.ZipInfo(name, min(max(moment, EARLIEST), LATEST))
        info.external_attr = 0o644 << 16
        self._file.writestr(info, content)

    def close(self) -> None:
        self._file.close()


class _Tar:
    def __init__(self, stream: BinaryIO) -> None:
        self._file = tarfile.TarFile(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT)

    def add(self, name: str, content: bytes, seconds: float) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mtime = len(content), int(seconds)
        self._file.addfile(member, io.BytesIO(content))

    def close(self) -> None:
        self._file.close()


_WRITERS: dict[str, type[_Writer]] = {".zip": _Zip, ".tar": _Tar}


def require_text(name: str) -> None:
    """Raises `UnreadableImage` for a name of bytes that are no text."""
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise UnreadableImage("its name is no text, as it must be there") from error


# --- buckets ----------------------------------------------------------------------------------------------------------


class _Bucket:
    """What lies below a prefix, which ends with `/`. Raises OSError."""

    def __init__(self, prefix: str, order: Order) -> None:
        self.place = prefix
        self._marker = order.marker("bucket")
        self._images = {str(item.relative) for item in order.items}
        if prefix.startswith(order.dataset.address) and blobs.is_address(order.dataset.address):
            raise ExportError(f"{prefix} lies in the dataset's own place and would be scanned again. Choose another.")
        try:
            self._held = blobs.find(prefix)
        except FileNotFoundError:
            self._held = {}
        if self._held and MARKER not in self._held:
            raise ExportError(f"{prefix} is not empty. Choose a new or empty place.")
        if self._held and blobs.read(prefix + MARKER) != self._marker:
            raise ExportError(f"{prefix} holds an unfinished export of another selection. Choose another place.")

    @contextmanager
    def opened(self) -> Iterator[Put]:
        """Files may be put until the block ends; ends it with an error, the same export may go on."""
        blobs.write(self.place + MARKER, self._marker)
        under_way: deque[Future[None]] = deque()
        with ThreadPoolExecutor(AT_ONCE) as threads:

            def put(relative: PurePosixPath, content: bytes, seconds: float) -> None:
                require_text(str(relative))
                there = self._held.get(str(relative)) if str(relative) in self._images else None
                if there is not None and there.size == len(content):
                    return  # objects are there as a whole or not at all, and this is the image of this very export
                if len(under_way) >= AT_ONCE:
                    under_way.popleft().result()
                under_way.append(threads.submit(blobs.write, f"{self.place}{relative}", content))

            yield put
            while under_way:
                under_way.popleft().result()
        blobs.remove(self.place + MARKER)
