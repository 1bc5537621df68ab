"""A dataset opened: its frame, pairs, groups, tags and files. Exports, the CLI and the app share this one object."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dedup import decode, keepers
from dedup.annotations import Attachment, Coco, tags_from_coco
from dedup.clashes import Clash
from dedup.decisions import (
    CLASH,
    DIFFERENT,
    DROP,
    FOLDER,
    INCOMING,
    KEEP,
    KEEPER,
    LABELS,
    PROTECTED,
    SETTING,
    SPLIT,
    VERDICT,
    Decisions,
)
from dedup.errors import AnnotationError, DatasetError, DedupError, UsageError
from dedup.exports import EXPORTS, Report
from dedup.fates import outcomes
from dedup.frame import Joined, Review, describe, describe_files, join, with_tags
from dedup.labels import Case, Kept, Labels, cases, follow_decisions, keep, marks
from dedup.model import NEAR_DISTANCE, OnProgress, Role, Status, Tag
from dedup.removal.journal import QUARANTINE, contents_removed
from dedup.scanning import scan_into
from dedup.selection import Selection
from dedup.sources import Listing, list_source
from dedup.storage import Info, Store, check_name, find_store, home_directory, name_for, stores

Rows = NDArray[np.int64]
NEAR_THRESHOLD, KEEPER_RULES, FOLDER_CLASSES = "near_threshold", "keeper_rules", "folder_classes"


@dataclass(frozen=True)
class DatasetInfo(Info):
    """What dataset.json says, and where it is."""

    directory: Path = field(default_factory=Path)


class Dataset:
    """One scanned folder with its results and decisions.

    Row numbers (0..n-1, in path order) stand for images within one scan; ids stand for them in URLs and across scans.
    Reads see decisions of other processes; a new scan is seen after opening again.
    """

    def __init__(self, directory: Path, *, session: str = "python") -> None:
        """Raises `DatasetError` when the directory is damaged."""
        self._store = Store(directory)
        self._info = self._store.read_info()
        self.decisions = Decisions(self._store.decisions, session)
        self._lock = threading.RLock()
        self._joined: tuple[int, tuple[Review, Kept], Joined] | None = None
        self._decided: tuple[int, pd.DataFrame] | None = None
        self._tagged: tuple[tuple[int, int], pd.DataFrame] | None = None
        self._cases: tuple[pd.DataFrame, list[Case]] | None = None
        self._kept_for: tuple[dict[tuple[str, str], str], Kept] | None = None
        self._labels: tuple[int, Labels] | None = None

    def __repr__(self) -> str:
        return f"Dataset({self.name!r}, {self._info.images:,} images of {self.root})"

    # --- what it is ---------------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """Its name, which is that of its directory."""
        return self.directory.name

    @property
    def directory(self) -> Path:
        """Where its results and decisions live."""
        return self._store.directory

    @property
    def root(self) -> Path:
        """The folder its paths are relative to."""
        return Path(self._info.root)

    @property
    def info(self) -> DatasetInfo:
        """What dataset.json says, and where it is."""
        return _with_directory(self._store, self._info)

    @property
    def scan_id(self) -> str:
        """Changes with every scan that found a change."""
        return self._info.scan_id

    @property
    def revision(self) -> int:
        """Grows with every decision, whichever process made it."""
        return sum(self.decisions.revisions())

    # --- tables -------------------------------------------------------------------------------------------------------

    @property
    def frame(self) -> pd.DataFrame:
        """One row per image file, failures included, sorted by path; do not write into it.

        id 16 hex digits · path, folder, name · sha256, pixels (hex; equal pixels are exact copies) · bytes, mtime_ns ·
        format · width, height (upright pixels, 0 when failed) · orientation (EXIF 1..8) · captured_at (ISO or '') ·
        camera, alpha, lossless (bool) · jpeg_quality (1..100 or NaN) · split ('train', 'val', 'test', '') · classes
        (tuple of names) · annotations (count) · status ('ok', 'failed') · error · the metrics of `dedup.metrics`
        (NaN when failed) · kind ('exact', 'near', 'unique', 'failed') · group (-1 none) · role ('keeper', 'duplicate',
        '') · keeper (row, -1) · keeper_reason · nearest (row, -1) · distance (verified, 0..1, NaN when only the hash is
        near) · nearest_bits (of 256, -1 none) · relation (sentence) · relations (tuple of names) · decided ('goes' when
        it is to be removed, 'stays' when a person chose it or lets copies of it go, else 'open') · tag:NAME (bool).
        """
        with self._lock:
            revisions = self.decisions.revisions()
            if self._tagged is None or self._tagged[0] != revisions:
                if self._decided is None or self._decided[0] != revisions[1]:
                    joined = self._joined_at(revisions[1]).frame
                    self._decided = (revisions[1], joined.assign(decided=self._outcomes(joined)))
                self._tagged = (revisions, with_tags(self._decided[1], self.decisions.tagged()))
            images: pd.DataFrame = self._tagged[1]
            return images

    @property
    def pairs(self) -> pd.DataFrame:
        """Related images: left, right (rows), kind ('exact', 'near', 'similar'), distance and the parameters of the
        relation of right to left, the columns of `dedup.relations.PAIR_COLUMNS`. Of exact copies only the pairs with
        the one that stays are listed, and only that one is paired with other images."""
        with self._lock:
            return self._joined_at(self.decisions.revisions()[1]).pairs

    @property
    def groups(self) -> pd.DataFrame:
        """One row per group, most bytes to save first: group, keeper (row), path, reason, images, exact, near (counts
        of its duplicates by kind) and bytes_saved when all duplicates go."""
        images = self.frame
        grouped = images[images["group"] >= 0]
        duplicates = grouped[grouped["role"] == Role.DUPLICATE].groupby("group")
        kept = grouped[grouped["role"] == Role.KEEPER].reset_index(names="row").set_index("group")
        table = pd.DataFrame(
            {
                "keeper": kept["row"],
                "path": kept["path"],
                "reason": kept["keeper_reason"],
                "images": grouped.groupby("group").size(),
                "exact": duplicates["kind"].agg(lambda kinds: int((kinds == "exact").sum())),
                "near": duplicates["kind"].agg(lambda kinds: int((kinds == "near").sum())),
                "bytes_saved": duplicates["bytes"].sum(),
            }
        )
        return table.sort_values(["bytes_saved", "path"], ascending=[False, True]).reset_index(names="group")

    @property
    def keeper_rules(self) -> dict[str, int]:
        """The keeper rules in force by name, in order, and of how many groups each decides who stays; under "" the
        groups of equal copies."""
        with self._lock:
            return self._joined_at(self.decisions.revisions()[1]).rules

    @cached_property
    def signatures(self) -> np.ndarray:
        """Structured array of dtype `dedup.signature.SIGNATURE`, one per row; zeros where the file failed."""
        return self._store.read_signatures(self._info)

    @cached_property
    def hashes(self) -> np.ndarray:
        """The 256-bit perceptual hashes, uint8 (n, 32), one per row; zeros where the file failed."""
        return self._store.read_hashes(self._info)

    def _outcomes(self, frame: pd.DataFrame) -> NDArray[np.object_]:
        values = self.decisions.values
        return outcomes(frame, {kind: values(kind) for kind in (DROP, KEEP)}, [path for path, _ in values(KEEPER)])

    def _joined_at(self, review_revision: int) -> Joined:
        """The tables at that revision; decisions that shape no group, such as what is to be removed, change nothing."""
        if self._joined is None or self._joined[0] != review_revision:
            shape = self._review(), self._kept
            if self._joined is None or self._joined[1] != shape:
                joined = join(self._kept.files, self._store.read_pairs(self._info), shape[0])
            else:
                joined = self._joined[2]
            self._joined = (review_revision, shape, joined)
        return self._joined[2]

    @property
    def _kept(self) -> Kept:
        """The files with their labels, before any clash is decided."""
        with self._lock:
            stored = self.decisions.values(LABELS)
            if self._kept_for is None or self._kept_for[0] != stored:
                self._kept_for = (stored, keep(self._files, self.sources, self.root, stored))
            return self._kept_for[1]

    @cached_property
    def _files(self) -> pd.DataFrame:
        return describe_files(self._images, [met for _, met in self.sources])

    @cached_property
    def _images(self) -> pd.DataFrame:
        return self._store.read_images(self._info)

    def folders(self, role: str) -> tuple[str, ...]:
        """Folders that a person made "protected" (never suggested for removal) or "incoming" (suggested first)."""
        return tuple(sorted(path for (path, _), value in self.decisions.values(FOLDER).items() if value == role))

    def _review(self) -> Review:
        values = self.decisions.values
        rules = self.decisions.setting(KEEPER_RULES)
        return Review(
            threshold=self.near_threshold,
            chosen=frozenset(path for path, _ in values(KEEPER)),
            protected=self.folders(PROTECTED),
            incoming=self.folders(INCOMING),
            different=frozenset(frozenset(pair) for pair, value in values(VERDICT).items() if value == DIFFERENT),
            splits={path: split for (path, _), split in values(SPLIT).items()},
            rules=tuple(json.loads(rules)) if rules else keepers.RULE_NAMES,
        )

    # --- images -------------------------------------------------------------------------------------------------------

    def row(self, image_id: str) -> int:
        """The row of an id. Raises `KeyError`."""
        return int(self._row_of_id[image_id])

    def file(self, row: int) -> Path:
        """Where the image of a row lies, or lay."""
        raw = self._images["raw"].iat[row]
        return self.root / (os.fsdecode(raw) if isinstance(raw, bytes) else str(self._images["path"].iat[row]))

    @cached_property
    def _row_of_id(self) -> dict[str, int]:
        return {image_id: row for row, image_id in enumerate(self._files["id"])}

    # --- annotations --------------------------------------------------------------------------------------------------

    @property
    def annotations(self) -> tuple[Coco, ...]:
        """The COCO documents the dataset was opened with, in order. Raises `AnnotationError`."""
        self._require_annotations()
        return tuple(coco for coco, _ in self.sources)

    @property
    def coco(self) -> Coco | None:
        """The first COCO document the dataset was opened with."""
        return self.annotations[0] if self.annotations else None

    @property
    def attachments(self) -> Mapping[Path, Attachment]:
        """How each annotation file meets the images. A file that can no longer be read is in `annotation_errors`."""
        return {coco.path: met for coco, met in self.sources}

    @property
    def sources(self) -> list[tuple[Coco, Attachment]]:
        """The COCO documents that can be read, each with how it meets the images."""
        return self._annotations[0]

    @property
    def annotation_errors(self) -> list[str]:
        """One sentence for each annotation file that cannot be read."""
        return self._annotations[1]

    @cached_property
    def _annotations(self) -> tuple[list[tuple[Coco, Attachment]], list[str]]:
        paths = self._images["path"].tolist()
        found, errors = [], []
        for path in map(Path, self._info.annotations):
            try:
                coco = Coco.read(path)
                found.append((coco, coco.attach(paths, root=self.root)))
            except AnnotationError as error:
                errors.append(str(error))
        return found, errors

    @property
    def labelled_sources(self) -> list[tuple[Coco, Attachment]]:
        """`sources` with the labels that were kept when copies left: what `clashes` are found in, and their boxes count
        the places of."""
        return list(self._kept.sources)

    @property
    def clashes(self) -> list[Case]:
        """The label clashes among exact and near copies, in the order of `pairs`, decided ones included."""
        with self._lock:
            if self._cases is None or self._cases[0] is not self.pairs:
                self._cases = (self.pairs, cases(self.frame, self.pairs, self._kept.sources))
            by_folder = self.folders_are_classes
            return [case for case in self._cases[1] if by_folder or case.clash.what != "class"]

    @property
    def open_clashes(self) -> list[Clash]:
        """The label clashes that nobody decided yet. Raises `AnnotationError` where a file of labels is missing."""
        self._require_annotations()
        decided = self.decisions.values(CLASH)
        return [case.clash for case in self.clashes if case.choice(decided) is None]

    @property
    def folders_are_classes(self) -> bool:
        """Whether the names of folders are labels, as they are unless a person said otherwise."""
        return self.decisions.setting(FOLDER_CLASSES) != "0"

    @property
    def labels(self) -> Labels:
        """The COCO documents and the classes of folders, with label clashes resolved as people decided and what copies
        that left handed on; what exports give out. Raises `AnnotationError`."""
        with self._lock:
            revision = self.decisions.revisions()[1]
            if self._labels is None or self._labels[0] != revision:
                self._labels = (revision, self._resolved())
            return self._labels[1]

    @property
    def resolved_sources(self) -> list[tuple[Coco, Attachment]]:
        """The documents of `labels`, each with how it meets the images. Raises `AnnotationError`."""
        paths = self._images["path"].tolist()
        return [
            (now, met if now is coco else now.attach(paths, root=self.root))
            for now, (coco, met) in zip(self.labels.documents, self._kept.sources, strict=True)
        ]

    def _resolved(self) -> Labels:
        self._require_annotations()
        decided = self.decisions.values(CLASH)
        every = self.clashes if decided else []
        return follow_decisions(self.frame, self.pairs, self._kept, every, decided)

    def marks(self, rows: Iterable[int]) -> dict[int, str]:
        """What decisions on the labels of rows are keyed by: content, and what files or folders say of it."""
        return marks(self._files, self.sources, rows)

    def _require_annotations(self) -> None:
        if self.annotation_errors:
            raise AnnotationError(self.annotation_errors[0])

    # --- tags and settings --------------------------------------------------------------------------------------------

    @property
    def tags(self) -> dict[str, Tag]:
        """Name to tag; counts are of images in the folder now."""
        images = self.frame
        return {
            name: replace(tag, count=int(images[f"tag:{name}"].sum())) if f"tag:{name}" in images else tag
            for name, tag in self.decisions.tags().items()
        }

    def tag(self, rows: Sequence[int] | NDArray[np.generic], name: str, *, remove: bool = False) -> int:
        """Put a tag on rows (numbers, or a bool mask), or take it off, in one undoable step.

        Returns how many images changed. Raises `UnknownTag` when removing a tag that does not exist.
        """
        return self.decisions.tag(self._paths(rows), name, remove=remove)

    def would_tag(self, rows: Sequence[int] | NDArray[np.generic], name: str, *, remove: bool = False) -> int:
        """How many images `tag` would change."""
        return self.decisions.would_change(self._paths(rows), name, remove=remove)

    def select(self, where: str) -> NDArray[np.bool_]:
        """The images that an expression of `dedup.where` selects, bool (n,). Raises `WhereError` and `UnknownTag`."""
        return Selection(where=where).mask(self.frame, strict=True)

    def export(
        self,
        to: str,
        output: Path | str,
        rows: Sequence[int] | NDArray[np.generic] | None = None,
        *,
        overwrite: bool = False,
        on_progress: OnProgress | None = None,
        **options: Any,
    ) -> Report:
        """Write images as "csv", "pairs", "coco" or "folder" to a file or, for the last, a new folder.

        `rows` are numbers or a bool mask, all images by default. Further `options` are those of the export's `write`,
        such as `mode="symlink"` for a folder. Raises `UsageError` for an unknown format and `ExportError`.
        """
        chosen = next((export for export in EXPORTS if export.name == to), None)
        if chosen is None:
            raise UsageError(f"{to!r} is no export format. Choose one of: {', '.join(each.name for each in EXPORTS)}.")
        mask = np.ones(len(self._images), bool)
        if rows is not None:
            mask[:] = False
            mask[np.asarray(rows)] = True
        write: Callable[..., Report] = chosen.write
        return write(self, mask, Path(output).expanduser().absolute(), on_progress, overwrite=overwrite, **options)

    def _paths(self, rows: Sequence[int] | NDArray[np.generic]) -> list[str]:
        chosen = np.asarray(rows)
        if chosen.dtype == bool:
            chosen = np.flatnonzero(chosen)
        paths: list[str] = self._images["path"].iloc[chosen.astype(np.int64)].tolist()
        return paths

    @property
    def near_threshold(self) -> float:
        """Verified distances up to this are near duplicates, 0..1; a stored decision."""
        stored = self.decisions.setting(NEAR_THRESHOLD)
        return float(stored) if stored else NEAR_DISTANCE

    @near_threshold.setter
    def near_threshold(self, threshold: float) -> None:
        if not 0 < threshold <= 1:
            raise UsageError("The near-duplicate threshold is a distance above 0 and up to 1.")
        change = (SETTING, NEAR_THRESHOLD, "", repr(float(threshold)))
        self.decisions.decide([change], f"Set the near-duplicate threshold to {threshold:g}")

    # --- upkeep -------------------------------------------------------------------------------------------------------

    def rescan(self, *, workers: int | None = None, on_progress: OnProgress | None = None) -> Dataset:
        """Scan the source again and return the dataset as it is then. Raises what `dedup.scan` raises."""
        return scan(
            self._info.source, name=self.name, home=self.directory.parent, workers=workers, on_progress=on_progress
        )


# --- the ways to a dataset --------------------------------------------------------------------------------------------


def scan(
    source: Path | str,
    *,
    name: str | None = None,
    home: Path | str | None = None,
    annotations: Path | str | Sequence[Path | str] | None = None,
    workers: int | None = None,
    max_pixels: int | None = None,
    on_progress: OnProgress | None = None,
) -> Dataset:
    """Scan a folder of images (or a .txt or .csv list of them) and return its dataset.

    The same folder keeps its dataset, and only what changed is read. `annotations` are COCO files; `workers` processes
    (all processors by default); `max_pixels` the largest picture that is decoded. Raises `SourceError`, `UsageError`,
    `AnnotationError`, `ScanRunning`, `DatasetError`; `Cancelled` from Ctrl-C keeps what was finished.
    """
    origin = Path(source).expanduser().absolute()
    listing = list_source(origin)
    place = home_directory(home)
    chosen = check_name(name) if name else name_for(place, origin, listing.root)
    store = Store(place / chosen)
    info = _info_for(store, chosen, origin, listing, max_pixels)
    if annotations is not None:
        info = replace(info, annotations=_checked_annotations(annotations))
    store.make_directory(store.directory)
    decisions = Decisions(store.decisions, "scan")
    changed = scan_into(store, info, listing, workers=workers, on_progress=on_progress)
    if changed == info and info != store.known_info():
        store.write_info(info)
    dataset = Dataset(store.directory)
    _adopt(dataset, decisions)
    return dataset


def open(name: str, *, home: Path | str | None = None, session: str = "python") -> Dataset:
    """The dataset of that name. Raises `UnknownDataset` with the names there are, or `DatasetError`."""
    return Dataset(find_store(home_directory(home), name).directory, session=session)


def datasets(home: Path | str | None = None) -> list[DatasetInfo]:
    """All datasets, by name; damaged ones are left out."""
    found = []
    for store in stores(home_directory(home)):
        try:
            found.append(_with_directory(store, store.read_info()))
        except DatasetError:
            continue
    return found


def moved_from(dataset: Dataset) -> DatasetInfo | None:
    """The dataset whose folder is gone and most of whose images lie here as they lay there, None when there is none:
    scanned under its name, this folder goes on with its tags and decisions."""
    here = set(_contents(dataset._images))
    for info in datasets(dataset.directory.parent):
        if Path(info.source).exists():
            continue
        try:
            there = _contents(Store(info.directory).read_images(info))
        except DatasetError:
            continue
        if 2 * sum(each in here for each in there) > len(there):
            return info
    return None


def _contents(images: pd.DataFrame) -> list[tuple[str, str]]:
    """Path and SHA-256 of every readable image."""
    readable = images[images["status"] == Status.OK]
    return list(zip(readable["path"], readable["sha256"], strict=True))


def rename(name: str, new_name: str, *, home: Path | str | None = None) -> None:
    """Give a dataset another name. Raises `UnknownDataset`, or `UsageError` when the new one is taken or unusable."""
    place = home_directory(home)
    store = find_store(place, name)
    target = place / check_name(new_name)
    if target.exists():
        raise UsageError(f"There is a dataset {new_name!r} already. Choose another name.")
    with store.scanning():
        store.write_info(replace(store.read_info(), name=new_name))
        store.directory.rename(target)


def forget(name: str, *, home: Path | str | None = None) -> None:
    """Take a dataset off the list with its results, tags and decisions. Images are never touched.

    Raises `UnknownDataset`, or `DatasetError` while removed images wait in its quarantine.
    """
    store = find_store(home_directory(home), name)
    quarantine = store.directory / QUARANTINE
    if quarantine.is_dir() and any(path.is_file() for path in quarantine.rglob("*")):
        raise DatasetError(f"{name} holds removed images in {quarantine}. Restore them first, or take them elsewhere.")
    with store.scanning():
        pass  # refuses while a scan runs; held no longer, for the lock lies in the folder that goes
    shutil.rmtree(store.directory)


def _info_for(store: Store, name: str, source: Path, listing: Listing, max_pixels: int | None) -> Info:
    """The stored info of a dataset that is scanned again, or a new one. Raises `UsageError` for another folder's."""
    fresh = Info(
        name=name, root=os.fspath(listing.root), source=os.fspath(source), max_pixels=max_pixels or decode.MAX_PIXELS
    )
    stored = store.known_info()
    if stored is None:
        return fresh
    if stored.source != fresh.source and Path(stored.source).exists():
        raise UsageError(f"{name!r} is the dataset of {stored.source}. Choose another name for {source}.")
    annotations = tuple(_moved_along(path, stored.root, fresh.root) for path in stored.annotations)
    moved = replace(stored, name=name, root=fresh.root, source=fresh.source, annotations=annotations)
    return replace(moved, max_pixels=max_pixels) if max_pixels else moved


def _moved_along(path: str, root: str, new_root: str) -> str:
    """Where a file is now that the folder `root` is `new_root`: there too, when it lay in it and moved with it."""
    file = Path(path)
    if file.is_relative_to(root) and not file.exists():
        moved = Path(new_root) / file.relative_to(root)
        return os.fspath(moved) if moved.exists() else path
    return path


def _checked_annotations(annotations: Path | str | Sequence[Path | str]) -> tuple[str, ...]:
    """Absolute paths of readable COCO files. Raises `AnnotationError`."""
    given = [annotations] if isinstance(annotations, Path | str) else list(annotations)
    paths = [Path(path).expanduser().absolute() for path in given]
    return tuple(os.fspath(Coco.read(path).path) for path in paths)


def _adopt(dataset: Dataset, decisions: Decisions) -> None:
    """After a scan: decisions follow renamed images, and tags that an exported COCO file carries come in once."""
    decisions.follow(_contents(dataset._images), contents_removed(dataset.directory))
    if decisions.tags():
        return
    for coco, attachment in dataset.sources:
        for name, paths in tags_from_coco(coco, attachment).items():
            decisions.tag(paths, name)


def _with_directory(store: Store, info: Info) -> DatasetInfo:
    return DatasetInfo(**asdict(info) | {"annotations": info.annotations}, directory=store.directory)


__all__ = ["Dataset", "DatasetInfo", "DedupError", "datasets", "describe", "forget", "open", "rename", "scan"]
