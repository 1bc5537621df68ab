"""A folder of the selected files, by copy, hard link or symbolic link, at the same relative paths, but for images that
lie in a folder of another split than their own: they are written into that of their split.

The target must be new or empty. Nothing is ever overwritten, in the target or elsewhere, and no source is changed (a
hard link shares its bytes with the source: editing one edits both). A file appears under its name only when it is
whole and, for copies, verified: its sha256 is that of the scan. While the export runs the target holds the hidden file
`.dedup-export.json`; if it was cancelled or killed, the same export to the same target goes on where it stopped.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from dedup.errors import ExportError, UnreadableImage
from dedup.exports import packed
from dedup.exports.base import Export, Exportable, Meter, Report
from dedup.exports.items import (
    CHANGED,
    LEFT_OUT,
    MARKER,
    Item,
    Order,
    beside_images,
    check_target,
    label_format,
)
from dedup.exports.labels import as_read
from dedup.files import UNFINISHED, is_unfinished, make_folders, sha256_of, walk, write_chunks
from dedup.labels import formats
from dedup.model import OnProgress
from dedup.query.where import Mask
from dedup.sources import at_hand, blobs
from dedup.sources.archives import COMPRESSED

Mode = Literal["copy", "hardlink", "symlink"]
MODES: tuple[Mode, ...] = ("copy", "hardlink", "symlink")

BLOCK = 1 << 20


def write(
    dataset: Exportable,
    mask: Mask,
    output: Path | str,
    on_progress: OnProgress | None = None,
    *,
    overwrite: bool = False,
    mode: Mode = "copy",
    with_csv: bool = False,
    labels: str | None = None,
    per_split: bool = False,
    companions: bool = True,
) -> Report:
    """Write the files in `mask` below the new or empty folder `output`, or into what `dedup.exports.packed` writes: an
    archive, a bucket. `overwrite` applies to none of them.

    `with_csv` adds the selection's `images.csv`, `labels` what images are labelled in one of the `LABEL_FORMATS` (""
    none, None as they were read), whose readers may ask for another order of folders, with `per_split` in one file for
    each split where it can be; with `companions`, files that belong to an image by its name (`dedup.images.companions`)
    are written beside it, but for labels that are written anew. Files that vanished, cannot be read or have changed
    since the scan are left out and listed in the report's notes.
    Raises `ExportError` for a target that is not empty or lies in the dataset's folder, for names that collide or leave
    the target, for too little space, and for links the file system refuses.
    """
    if mode not in MODES:
        raise ExportError(f"There is no mode {mode!r}; choose {', '.join(MODES)}.")
    labels = unsaid(dataset, output) if labels is None else labels
    options: dict[str, Any] = {"with_csv": with_csv, "labels": labels, "per_split": per_split, "companions": companions}
    order = Order(dataset, mask, on_progress, **options)
    if packed.is_packed(output):
        if mode != "copy":
            raise ExportError(f"{output} is no folder, which alone can have links. Choose copy.")
        return packed.write(order, os.fspath(output))
    output, items = Path(output), order.items
    if mode != "copy" and any(item.stored for item in items):
        raise ExportError(f"The images lie in {dataset.address}, which no file can be a link to. Choose copy.")
    check_target(dataset, output)
    if output.name.lower().endswith(COMPRESSED) and not output.is_dir():
        raise ExportError(f"{output} would be compressed as a whole. Give a .zip or .tar, or the name of a folder.")
    if output.exists() and not output.is_dir():
        raise ExportError(f"{output} is a file. Choose a new or empty folder.")
    _prepare(output, order, mode)
    notes = list(_place_all(items, output, mode, on_progress))
    there = [item for item in items if os.path.lexists(output / item.relative)]
    along = [each for those in order.companions(there).values() for each in those]
    notes += _place_companions(along, output, mode)
    notes += order.write_beside(there, output)
    notes += order.left_behind(along)
    (output / MARKER).unlink()
    return Report(len(items) - sum(note.startswith(LEFT_OUT) for note in notes), output, tuple(notes))


def unsaid(dataset: Exportable, output: Path | str) -> str:
    """The format of labels that `write` writes unless told otherwise: as they were read, "" where they come along."""
    sources = [source.path for source in dataset.labels.documents]
    return "" if packed.carries_labels(sources, dataset.address, output) else as_read(sources)


def labels_written(output: Path | str, labels: str) -> list[Path] | None:
    """What of the labels that `write` has written is read back, nothing where there was none to write; None where they
    lie within an archive or bucket, for a scan to find."""
    if packed.is_packed(output):
        here = labels and packed.is_each(output) and not blobs.is_address(os.fspath(output))
        return label_sources(Path(output).parent, labels) if here else None
    return label_sources(Path(output), labels) if labels else []


def label_sources(output: Path, labels: str) -> list[Path]:
    """What of the labels that `write` has written into a folder is read back; nothing where there was none to write."""
    return [path for path in label_format(labels).sources(output) if formats.holds_labels(path)]


def _prepare(output: Path, order: Order, mode: Mode) -> None:
    """Make the target, or recognise this very export in it, unfinished; leave its marker."""
    marker = order.marker(mode)
    if output.is_dir() and not all(is_unfinished(each.name) for each in output.iterdir()):
        if not (output / MARKER).is_file():
            raise ExportError(f"{output} is not empty. Choose a new or empty folder.")
        if (output / MARKER).read_bytes() != marker:
            raise ExportError(f"{output} holds an unfinished export of another selection. Choose another folder.")
        _remove_unfinished(output)
        return
    with _clear_errors(output):
        output.mkdir(parents=True, exist_ok=True)
        if mode == "copy":
            order.require_space(output)
        write_chunks(output / MARKER, [marker], overwrite=False)


def _remove_unfinished(output: Path) -> None:
    for folder, _, names in walk(output):
        for name in names:
            if name.startswith(UNFINISHED) and name.endswith(".part"):
                Path(folder, name).unlink()


def _place_all(items: list[Item], output: Path, mode: Mode, on_progress: OnProgress | None) -> Iterator[str]:
    """Write every item; yields one note for each that is left out."""
    meter = Meter(on_progress, "Writing files", len(items))
    for item in items:
        try:
            with at_hand(item.stored or item.source) as file:
                problem = _place(replace(item, source=file), output / item.relative, mode)
        except UnreadableImage as error:
            problem = str(error)
        if problem:
            yield f"{LEFT_OUT}{item.relative}: {problem}."
        meter.advance()


def _place_companions(along: list[Item], output: Path, mode: Mode) -> Iterator[str]:
    """Write files that belong to the images; yields notes on how many, and on each that could not be read."""
    written = 0
    for item in along:
        try:
            with at_hand(item.stored or item.source) as file:
                problem = _place(replace(item, source=file, sha256=sha256_of(file)), output / item.relative, mode)
        except UnreadableImage as error:
            problem = str(error)
        except OSError as error:
            problem = f"the file cannot be read ({error.strerror})"
        if problem:
            yield f"Left behind {item.relative}: {problem}."
        written += not problem
    yield from beside_images(written)


def _place(item: Item, target: Path, mode: Mode) -> str:
    """Write one file; '' when it is there and whole, else why it is left out."""
    problem = _source_problem(item, read=mode != "copy")
    if problem:
        return problem
    with _clear_errors(target):
        if os.path.lexists(target):
            return _check_existing(item, target)
        make_folders(target.parent)
        unfinished = target.parent / f"{UNFINISHED}{uuid.uuid4().hex}.part"
        try:
            problem = _MAKERS[mode](item, unfinished)
            if not problem:
                unfinished.rename(target)
        finally:
            unfinished.unlink(missing_ok=True)
    return problem


def _source_problem(item: Item, *, read: bool) -> str:
    """Why the source cannot be exported, as far as is known before copying; `read` compares its content too."""
    if not item.source.is_file():
        return "it is no file" if item.source.exists() else "the file has vanished"
    if not item.sha256:
        return "the file cannot be read"
    try:
        item.source.open("rb").close()
        return CHANGED if read and sha256_of(item.source) != item.sha256 else ""
    except OSError as error:
        return f"the file cannot be read ({error.strerror})"


def _check_existing(item: Item, target: Path) -> str:
    """A file of an earlier, interrupted run is kept if it is right; anything else stops the export."""
    if sha256_of(target) != item.sha256:
        raise ExportError(f"{target} is there already with other content. Choose a new or empty folder.")
    return ""


def _copy(item: Item, unfinished: Path) -> str:
    digest = hashlib.sha256()
    with item.source.open("rb") as source, unfinished.open("xb") as target:
        while block := source.read(BLOCK):
            digest.update(block)
            target.write(block)
    if digest.hexdigest() != item.sha256:
        return CHANGED
    shutil.copystat(item.source, unfinished)
    if sha256_of(unfinished) != item.sha256:
        raise ExportError(f"The copy of {item.relative} does not read back as written. Check the target disk.")
    return ""


def _hard_link(item: Item, unfinished: Path) -> str:
    os.link(item.source.resolve(), unfinished)
    return ""


def _symbolic_link(item: Item, unfinished: Path) -> str:
    unfinished.symlink_to(Path(os.path.abspath(item.source)))
    return ""


_MAKERS: dict[Mode, Callable[[Item, Path], str]] = {"copy": _copy, "hardlink": _hard_link, "symlink": _symbolic_link}


@contextmanager
def _clear_errors(place: Path) -> Iterator[None]:
    """Translate what the file system says into one sentence."""
    try:
        yield
    except OSError as error:
        raise ExportError(
            f"Cannot write {place}: {_ADVICE.get(error.errno or 0, error.strerror or str(error))}."
        ) from error


_ADVICE = {
    errno.ENOSPC: "the disk is full; free some space, then run the same export again and it goes on",
    errno.EXDEV: "hard links cannot cross disks; choose copy or a folder on the dataset's disk",
    errno.EPERM: "the file system does not allow it; choose copy, or another folder",
    errno.EACCES: "permission denied; choose another folder",
    errno.EROFS: "the disk is read-only; choose another folder",
    errno.ENAMETOOLONG: "the name is too long there; choose a folder with a shorter path",
}

FOLDER = Export("folder", "New folder of the files", "", write)
