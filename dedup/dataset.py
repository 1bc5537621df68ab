"""A dataset opened: its frame, pairs, groups, tags and files. Exports, the CLI and the app share this one object."""

from __future__ import annotations

import importlib
import inspect
import json
import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dedup import display
from dedup.display import Group, Groups, Pair
from dedup.errors import AnnotationError, UsageError
from dedup.files import expanded
from dedup.groups import joined_before, keepers, members, runs
from dedup.groups.fates import outcomes
from dedup.groups.frame import Joined, Review, describe_files, join, with_tags, with_tags_changed, without_classes
from dedup.groups.stars import exact_classes
from dedup.images import hashes
from dedup.images.formats import MAX_PIXELS
from dedup.labels import attached, formats
from dedup.labels.attached import Sources
from dedup.labels.clashes import Clash
from dedup.labels.coco import Attachment, Coco, Objects
from dedup.labels.coco_sound import Unsound
from dedup.labels.decided import Case, Kept, Labels, cases, follow_decisions, keep, marks
from dedup.labels.folder_names import Layout, layout
from dedup.labels.formats import Found
from dedup.labels.told_once import Told
from dedup.labels.turned import upright
from dedup.matching import relations
from dedup.model import MATCHING_VERSION, NEAR_DISTANCE, TAG_PREFIX, OnProgress, Role, Status, Tag
from dedup.query.issues import ISSUES, Issue, adjusted
from dedup.query.rows import rows_meant
from dedup.query.selection import Selection
from dedup.sources import Entry, Where, at_hand, beside, blobs, is_folder, keep_source, where
from dedup.store.decisions import (
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
from dedup.store.directory import Store
from dedup.store.home import DatasetInfo
from dedup.vectors import of_dataset
from dedup.vectors.diverse import most_different
from dedup.words import command_line, displayable, plural

if TYPE_CHECKING:
    from imagehash import ImageHash, ImageMultiHash

    from dedup.exports import Report
    from dedup.served import Served
    from dedup.vectors.model import Model

Rows = NDArray[np.int64]
NEAR_THRESHOLD, KEEPER_RULES, FOLDER_CLASSES = "near_threshold", "keeper_rules", "folder_classes"
PAGES = ("summary", "explorer", "map", "duplicates", "leaks", "clashes", "splits", "export")
"""Of the app, by their addresses."""
ISSUE_THRESHOLD = "issue "
"""Before the kind of an issue: the setting of its threshold."""


class Dataset:
    """One scanned folder with its results and decisions.

    Row numbers (0..n-1, in path order) stand for images within one scan; ids stand for them in URLs and across scans.
    Reads see decisions of other processes; a new scan is seen after opening again.
    """

    def __init__(self, directory: Path, *, session: str = "python") -> None:
        """Raises `DatasetError` when the directory is damaged."""
        self._store = Store(directory)
        self._info = self._store.read_info()
        keep_source(self._info.root, self._info.source, self._info.annotations)
        self.decisions = Decisions(self._store.decisions, session)
        self._lock = threading.RLock()
        self._joined: tuple[int, tuple[object, ...], Joined] | None = None
        self._decided: tuple[int, pd.DataFrame] | None = None
        self._tagged: tuple[tuple[int, int], pd.DataFrame] | None = None
        self._cases: tuple[pd.DataFrame, list[Case]] | None = None
        self._kept_for: tuple[tuple[dict[tuple[str, str], str], bool], Kept] | None = None
        self._labels: tuple[int, Labels] | None = None
        self._hashed: set[str] = set()
        self.labels_found: Sequence[Found] = ()
        self.labels_strange: Sequence[str] = ()
        """What the scan that gave this object found, where it looked for labels because nobody had said which, and
        sentences on files that may hold some."""
        self.splits_told: Mapping[str, str] = {}
        """Path to split as that scan took it from the labels, where folders and people told none."""
        self.splits_several: Mapping[str, tuple[str, ...]] = {}
        """Path to splits of the images that these labels put into several."""
        self._runs: tuple[pd.DataFrame, list[list[int]]] | None = None
        self._freed: tuple[pd.DataFrame, NDArray[np.int64]] | None = None

    def __repr__(self) -> str:
        return f"Dataset({self.name!r}, {plural(self._info.images, 'image')} of {self.address})"

    def _repr_html_(self) -> str:
        """For notebooks: counts and the biggest groups, with pictures."""
        kinds = self.frame["kind"].value_counts()
        counts = {"images": int(kinds.sum())} | {str(kind): int(count) for kind, count in kinds.items() if count}
        groups = self.groups
        saved = int(groups.table["bytes_saved"].sum())
        return display.overview(self.name, self.address, counts, saved, groups[: display.BIGGEST])

    def show(self, page: str = "explorer") -> Served:
        """Open the app on this dataset in a browser; it ends with this process, or by `stop` of what is returned.

        `page` is one of `PAGES`. Raises `UsageError` for another, and where the app cannot be started.
        """
        from dedup.served import serve

        if page not in PAGES:
            raise UsageError(f"{page!r} is no page. Choose one of: {', '.join(PAGES)}.")
        return serve(self.directory.parent).opened(f"{page}?dataset={self.key}")

    # --- what it is ---------------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """Its name, which is that of its directory."""
        return self.directory.name

    @property
    def key(self) -> str:
        """What stands for it in addresses, whatever it is called; another dataset of its name has another."""
        return self._info.key

    @property
    def directory(self) -> Path:
        """Where its results and decisions live."""
        return self._store.directory

    @property
    def root(self) -> Path:
        """The folder its paths are relative to; `address` as a path where that is no folder."""
        return Path(self._info.root)

    @property
    def labels_root(self) -> Path:
        """The folder in which files of labels lie as the images lie at the root; of images in no folder that of the
        labels that were found beside them."""
        return self.root if is_folder(self._info.root) else self._store.labels

    @property
    def address(self) -> str:
        """What its paths are relative to, as people read it: a folder, an archive, `s3://bucket/prefix/`."""
        return self._info.root

    @property
    def info(self) -> DatasetInfo:
        """What dataset.json says, and where it is."""
        return DatasetInfo.of(self.directory, self._info)

    @property
    def scan_id(self) -> str:
        """Changes with every scan that found a change."""
        return self._info.scan_id

    @cached_property
    def outdated(self) -> str:
        """What to do where an earlier version of dedup found the pairs, in words; '' where this one did. They can be
        looked at, and nothing is removed by them."""
        if self._store.matched_by(self._info) == str(MATCHING_VERSION):
            return ""
        return (
            f"The pairs of {self.name} were found by another version of dedup. Scan the folder again to compare its "
            "images anew; what is unchanged is not read again, and no decision is lost."
        )

    @property
    def revision(self) -> int:
        """Grows with every decision, whichever process made it."""
        return sum(self.decisions.revisions())

    # --- tables -------------------------------------------------------------------------------------------------------

    @property
    def frame(self) -> pd.DataFrame:
        """One row per image file, failures included, sorted by path; do not write into it.

        id 16 hex digits · path, folder, name · sha256, content (hex; equal contents are exact copies) · bytes,
        mtime_ns · format · width, height (upright pixels, 0 when failed) · orientation (EXIF 1..8) · captured_at (ISO
        or '') · camera (bool) · described (0..3: place, caption, keywords) · extras (bool: a film or gain map) · alpha
        (bool) · shown_on ('white', 'black', '') · bits, bands, frames (counts) · values (hex, of few different ones,
        or '') · jpeg_quality (1..100 or NaN) · lossless (bool) · split ('train', 'val', 'test', '') · classes (tuple of
        names) · annotations (count) · status ('ok', 'failed') · error · the metrics of `dedup.images.metrics`
        (NaN when failed) · kind ('exact', 'near', 'unique', 'failed') · group (-1 none) · role ('keeper', 'duplicate',
        '') · keeper (row, -1) · keeper_reason · nearest (row, -1) · distance (verified, 0..1, NaN when only the hash is
        near) · nearest_bits (of 256, -1 none) · similar (count of images that look alike and are no copies) · contains,
        part_of (counts of images, of datasets that were scanned thoroughly) · relation (sentence) · relations (tuple of
        names) · decided ('goes' when it is to be removed, 'stays' when a person chose it or lets copies of it go, else
        'open') · map_x, map_y (-1..1, NaN without a place) and cluster (1 the largest, 0 without one), once the map was
        drawn · hash:KIND (hex, of the kinds that were computed) · tag:NAME
        (bool).
        """
        with self._lock:
            revisions = self.decisions.revisions()
            if self._tagged is None or self._tagged[0] != revisions:
                self._tagged = (revisions, self._frame_at(revisions))
            images: pd.DataFrame = self._tagged[1]
            return images

    def _frame_at(self, revisions: tuple[int, int]) -> pd.DataFrame:
        if self._decided is None or self._decided[0] != revisions[1]:
            joined = self._joined_at(revisions[1]).frame
            self._decided = (revisions[1], joined.assign(decided=self._outcomes(joined)))
        elif self._tagged is not None and self._tagged[0][1] == revisions[1]:
            before, changed = self._tagged[1], self.decisions.retagged(self._tagged[0][0], revisions[0])
            if changed is not None and all(TAG_PREFIX + name in before for name in changed):  # not renamed meanwhile
                return with_tags_changed(before, self._places, changed)
        return with_tags(self._decided[1], self._places, self.decisions.tagged())

    @cached_property
    def _places(self) -> pd.Index:
        """The paths of the rows: an index that can be looked up in at once."""
        images = self._joined_at(self.decisions.revisions()[1]).frame
        paths: pd.Index = pd.Index(images["path"])
        return paths

    @property
    def pairs(self) -> pd.DataFrame:
        """Related images: left, right (rows), kind ('exact', 'near', 'contains', 'similar'), distance and what
        the relation of right to left is, the columns of `dedup.matching.PAIR_COLUMNS`. Of exact copies only the pairs
        with the one that stays are listed, and only that one is paired with other images."""
        with self._lock:
            return self._joined_at(self.decisions.revisions()[1]).pairs

    @property
    def groups(self) -> Groups:
        """The groups of copies, most bytes to save first, as objects; `groups.table` has a row for each."""
        return Groups(self, members.table(self.frame, self.freed))

    def group(self, number: int) -> Group:
        """The group of this number (column `group` of the frame). Raises `UsageError`."""
        frame = self.frame
        rows = members.members_of(frame, number)
        return Group(number, tuple(rows), frame.iloc[rows], self)

    def pair(self, row: int) -> Pair:
        """One row of `pairs`; shows both pictures in a notebook. Raises `UsageError`."""
        pairs = self.pairs
        if not 0 <= row < len(pairs):
            raise UsageError(f"There is no pair {row}; `pairs` has {len(pairs):,} rows.")
        one = pairs.iloc[row]
        (how,) = relations.describe(pairs.iloc[[row]])
        return Pair(int(one["left"]), int(one["right"]), str(one["kind"]), float(one["distance"]), how, self)

    @property
    def runs(self) -> list[list[int]]:
        """Rows of bursts and frames that follow each other, the longest run first; see `dedup.groups.runs`."""
        with self._lock:
            if self._runs is None or self._runs[0] is not self.pairs:
                self._runs = (self.pairs, runs.runs(self.frame, self.pairs))
            return self._runs[1]

    @property
    def freed(self) -> NDArray[np.int64]:
        """(n,) bytes that an image's leaving frees when all duplicates leave; fewer than its size for hard links."""
        from dedup.removal.planning import freed

        images = self._joined_at(self.decisions.revisions()[1]).frame
        with self._lock:
            if self._freed is None or self._freed[0] is not images:
                self._freed = (images, freed(self, np.flatnonzero(images["role"] == Role.DUPLICATE).tolist()))
            return self._freed[1]

    @property
    def keeper_rules(self) -> dict[str, int]:
        """The keeper rules in force by name, in order, and of how many groups each decides who stays; under "" the
        groups of equal copies."""
        with self._lock:
            return self._joined_at(self.decisions.revisions()[1]).rules

    @cached_property
    def signatures(self) -> np.ndarray:
        """Structured array of dtype `dedup.images.signature.SIGNATURE`, one per row; zeros where the file failed."""
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
            review = self._review()
            shape = review, self.decisions.values(LABELS), self.decisions.setting(FOLDER_CLASSES)
            if self._joined is None:
                joined = self._opened(shape, review)
            elif self._joined[1] != shape:
                joined = self._join(review)
            else:
                joined = self._joined[2]
            self._joined = (review_revision, shape, joined)
        return self._joined[2]

    def _join(self, review: Review) -> Joined:
        return join(self._kept.files, self._store.read_pairs(self._info), review)

    def _opened(self, shape: Sequence[object], review: Review) -> Joined:
        """As they were kept by who opened the dataset before, where all that shapes them is as it was then."""
        if self._info.images < joined_before.MANY:
            return self._join(review)
        labels = [attached.key_of(file, self.scan_id) for file in map(Path, self._info.annotations)]
        key = joined_before.key_of(self.directory, [self.scan_id, *shape, labels])
        known = joined_before.recall(self.directory, key, lambda: self._images)
        if known is None:
            known = self._join(review)
            if not self.annotation_errors:
                joined_before.keep(self.directory, key, known, self._images)
        return known

    @property
    def _kept(self) -> Kept:
        """The files with their labels, before any clash is decided."""
        with self._lock:
            on = self.decisions.values(LABELS), self.folders_are_classes
            if self._kept_for is None or self._kept_for[0] != on:
                files = self._files if on[1] or self.sources else without_classes(self._files)
                self._kept_for = (on, keep(files, self.sources, self.labels_root, on[0]))
            return self._kept_for[1]

    @cached_property
    def _files(self) -> pd.DataFrame:
        described = describe_files(self._images, list(self.attachments.values()))
        return described.assign(**self._hash_columns(), **of_dataset.columns(self._images, self.directory))

    def _hash_columns(self) -> dict[str, list[str]]:
        held = self._store.read_imagehashes()
        kinds = sorted({kind for each in held.values() for kind in each} | self._hashed)
        contents = self._images["sha256"].tolist()
        return {hashes.COLUMN + kind: [held.get(each, {}).get(kind, "") for each in contents] for kind in kinds}

    def compute_hashes(self, kinds: Sequence[str], on_progress: OnProgress | None = None) -> None:
        """Hash every readable image by kinds of `dedup.images.hashes.KINDS`, as columns `hash:KIND` of the frame.

        They are kept: what was hashed before is not read again. Raises `UsageError` for an unknown kind.
        """
        from dedup.scanning import hashing

        for kind in kinds:
            hashes.check(kind)
        ok = np.flatnonzero((self._images["status"] == Status.OK).to_numpy()).tolist()
        files = {str(self._images["sha256"].iat[row]): self.where(row) for row in reversed(ok)}
        limit = self._info.max_pixels or MAX_PIXELS
        hashing.compute(self._store, files, kinds, max_pixels=limit, on_progress=on_progress)
        self._hashed |= set(kinds)
        self._forget()

    def _forget(self) -> None:
        """What was computed has changed: the frame is made anew when it is asked for."""
        with self._lock:
            self.__dict__.pop("_files", None)
            self._kept_for = self._joined = self._decided = self._tagged = None

    # --- vectors and map ----------------------------------------------------------------------------------------------

    @property
    def vectors(self) -> of_dataset.Vectors:
        """Those that were given (`give_vectors`, `embed`), else those of the signatures."""
        given = of_dataset.given_to(self._images, self.directory)
        return given or of_dataset.of_signatures_of(self._images, lambda: self.signatures)

    def give_vectors(
        self,
        vectors: NDArray[np.floating],
        source: str,
        on_progress: OnProgress | None = None,
        *,
        text_model: Path | str | None = None,
    ) -> float:
        """Keep a vector per image, (n, d) by row of the frame, not finite where there is none: the metric
        semantic_singularity, the map and `most_different` are of them from now on. `source` says where they come from,
        `text_model` is the ONNX file of the text side of what made them, by which the app searches.

        Returns the share of nearest neighbours that were found, 1 where all pairs were compared. Raises `UsageError`.
        """
        side = str(Path(text_model).absolute()) if text_model else ""
        numbers = _numbers(vectors, len(self.frame))
        told = of_dataset.give(self.directory, self.frame, numbers, source, on_progress, text_side=side)
        self._forget()
        return told.recall

    def embed(
        self, model: Model, on_progress: OnProgress | None = None, *, text_model: Path | str | None = None
    ) -> tuple[float, dict[str, str]]:
        """Vectors of a `dedup.vectors.model.Model` for all readable images; those that it gave before are kept.
        `text_model` is its text side, the one beside it unless told.

        Returns as `give_vectors`, and why some images (paths) have none.
        """
        limit = self._info.max_pixels or MAX_PIXELS
        made, failed = of_dataset.embed(
            self.directory, self.frame, self.where, model, max_pixels=limit, on_progress=on_progress
        )
        side = text_model or model.text_side
        return self.give_vectors(made, model.source, on_progress, text_model=side), failed

    def search(self, vector: NDArray[np.floating], count: int) -> list[tuple[int, float]]:
        """Rows of up to `count` images whose vectors are nearest to one of the same space, each with its cosine, the
        nearest first. Raises `UsageError` where it has another length, or holds what is no number."""
        return of_dataset.search(self.vectors, np.asarray(vector, np.float32), count)

    def draw_map(self, on_progress: OnProgress | None = None) -> int:
        """Compute the places of all images, columns map_x, map_y and cluster of the frame; returns how many have one.

        Copies lie beside the one that stays. Minutes for 100,000 images; of more a fair sample gets places.
        """
        placed = of_dataset.draw(self.directory, self.frame, self.pairs, self.vectors, on_progress)
        self._forget()
        return placed

    def most_different(
        self, count: int, rows: Sequence[int] | NDArray[np.generic] | None = None, on_progress: OnProgress | None = None
    ) -> NDArray[np.int64]:
        """Rows of up to `count` images, out of `rows` (numbers or a bool mask), each as far as can be from those
        before. Images without a vector are left out."""
        held = self.vectors
        among = np.flatnonzero(self._mask(rows) & held.known)
        return among[most_different(held.of(among), count, on_progress)]

    def imagehash(self, row: int, kind: str = "phash") -> ImageHash | ImageMultiHash:
        """The hash of an image as the library imagehash has it: `dataset.imagehash(0) - dataset.imagehash(1)` is how
        many bits differ. Kept if it was computed, else computed now. Raises `UsageError` and `UnreadableImage`."""
        self._require_row(row)
        column = hashes.COLUMN + hashes.check(kind)
        text = str(self._files[column].iat[row]) if column in self._files else ""
        limit = self._info.max_pixels or MAX_PIXELS
        if not text:
            with self.at_hand(row) as file:
                text = hashes.take(file, kinds=[kind], max_pixels=limit)[kind]
        return hashes.parse(kind, text)

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
        """The file of a row's image, where it lies or lay. Raises `UsageError` where it is none of its own: `at_hand`
        has one for images in archives and buckets, too."""
        place = self.where(row)
        if isinstance(place, Path):
            return place
        path = self._images["path"].iat[row]
        raise UsageError(
            f"{path} is no file of its own: it lies in {self.address}. Export the images to a folder first "
            f"({command_line('export', self.name)} --to folder), and scan that."
        )

    def where(self, row: int) -> Where:
        """Where the image of a row lies, or lay. Raises `UsageError` where there is no such row."""
        self._require_row(row)
        paths, raws, versions = self._whereabouts
        relative = os.fsdecode(raw) if isinstance(raw := raws[row], bytes) else str(paths[row])
        if self.in_files:
            return where(self._info.root, relative, None)
        size, mtime_ns = (self._images[name].to_numpy()[row].item() for name in ("bytes", "mtime_ns"))
        return where(self._info.root, relative, Entry(size, mtime_ns, str(versions[row])))

    def _require_row(self, row: int) -> None:
        if not 0 <= row < len(self._images):
            raise UsageError(f"There is no row {row}: the images are the rows 0 to {len(self._images) - 1:,}.")

    @cached_property
    def _whereabouts(self) -> tuple[Any, Any, Any]:
        """The columns path, raw and version: looking one up in a frame takes longer than what is done with it."""
        return self._images["path"].array, self._images["raw"].to_numpy(object), self._images["version"].array

    def at_hand(self, row: int) -> AbstractContextManager[Path]:
        """`with dataset.at_hand(row) as file:` has the image of a row as a file, wherever it lies. Raises
        `UnreadableImage`."""
        return at_hand(self.where(row))

    @cached_property
    def in_files(self) -> bool:
        """Whether its images are files of their own, which can be linked, moved and opened by other programs."""
        return bool((self._images["version"] == "").all())

    def samples(self, rows: Sequence[int], on_progress: OnProgress | None = None, /) -> list[str]:
        """Digests of all samples of images at full depth, equal for exact copies whatever their format; '' where they
        cannot be taken. Files that were never compared are read, and what they gave is kept."""
        from dedup.scanning.scan import digests

        sha256: list[str] = self._images["sha256"].iloc[list(rows)].tolist()
        known = digests(
            self._store,
            {each: self.where(row) for each, row in zip(sha256, rows, strict=True) if each},
            max_pixels=self._info.max_pixels or MAX_PIXELS,
            on_progress=on_progress,
        )
        return [known.get(each, "") for each in sha256]

    def contents(self) -> list[tuple[str, str]]:
        """Path and SHA-256 of every image whose bytes are known."""
        return contents(self._images)

    def unread(self) -> list[str]:
        """Paths of the images whose bytes could not be read."""
        paths: list[str] = self._images["path"][self._images["sha256"] == ""].tolist()
        return paths

    @cached_property
    def _row_of_id(self) -> dict[str, int]:
        return {image_id: row for row, image_id in enumerate(self.frame["id"])}

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
        return self._attached[0]

    @property
    def sources(self) -> Sequence[tuple[Coco, Attachment]]:
        """The COCO documents that can be read, each with how it meets the images; read when one is asked for."""
        return Sources(len(self.attachments), lambda: list(self._documents[0].values()))

    @property
    def objects(self) -> dict[str, Objects]:
        """What annotation files tell of each class on the images: how many objects, and of which sizes."""
        found: dict[str, Objects] = {}
        for each in self.attachments.values():
            for name, told in each.objects.items():
                found[name] = found.get(name, Objects()) + told
        return found

    @property
    def labels_unread(self) -> Sequence[str]:
        """Sentences on files that hold labels, by the look of them, and were not read."""
        return self._info.labels_unread

    @property
    def labels_left(self) -> Sequence[str]:
        """Names of COCO files that were found and are not used, beside others that are."""
        return self._info.labels_left

    @property
    def annotation_errors(self) -> list[str]:
        """One sentence for each annotation file that cannot be read."""
        return self._attached[1]

    @cached_property
    def _attached(self) -> tuple[dict[Path, Attachment], list[str]]:
        """As it was kept, where every file is as it was then; else the files are read."""
        keys = attached.keys_of(map(Path, self._info.annotations), self.scan_id)
        kept = {file: attached.recall(self.directory, file, key) for file, key in keys.items()}
        if all(kept.values()):
            return {file: met for file, met in kept.items() if met is not None}, []
        found, errors = self._documents
        for file, (_, met) in found.items():
            attached.keep(self.directory, file, keys[file], met)
        return {file: met for file, (_, met) in found.items()}, errors

    @cached_property
    def pictures(self) -> formats.Pictures:
        """The images as readers of labels meet them."""
        paths = self._images["path"].tolist()
        facts = (self._images[name].tolist() for name in ("width", "height", "orientation"))
        return formats.Pictures(self.labels_root, paths, dict(zip(paths, zip(*facts, strict=True), strict=True)))

    @cached_property
    def _documents(self) -> tuple[dict[Path, tuple[Coco, Attachment]], list[str]]:
        pictures = self.pictures
        found: dict[Path, tuple[Coco, Attachment]] = {}
        errors = []
        told = Told()
        attach = partial(Coco.attach, paths=pictures.paths, root=pictures.root)
        unread = tuple(Unsound(name, 0, problem) for name, problem in beside.unread(self._store.labels).items())
        for path in map(Path, self._info.annotations):
            try:
                coco = formats.read(path, pictures)
                if path.is_relative_to(self._store.labels):
                    coco, unread = replace(coco, unsound=(*coco.unsound, *unread)), ()
                found[path] = upright(*told.once(coco, attach), pictures.sizes)
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
            return self._cases[1]

    @property
    def open_clashes(self) -> list[Clash]:
        """The label clashes that nobody decided yet. Raises `AnnotationError` where a file of labels is missing."""
        self._require_annotations()
        decided = self.decisions.values(CLASH)
        return [case.clash for case in self.clashes if case.choice(decided) is None]

    @property
    def knows_parts(self) -> bool:
        """Whether there is something to say of parts of pictures: some are known, or a scan looked for them."""
        return self.info.thorough or bool((self.frame["part_of"] > 0).any())

    @property
    def folders_are_classes(self) -> bool:
        """Whether the names of folders are labels: as a person said, else as the folders look."""
        said = self.decisions.setting(FOLDER_CLASSES)
        return said != "0" if said else self.folder_layout.classes

    @property
    def asks_about_folders(self) -> bool:
        """Whether a person should say if the names of folders are labels: copies under several names are held back or
        not for it, and the folders alone do not tell."""
        return self.decisions.setting(FOLDER_CLASSES) is None and not self.folder_layout.sure

    @cached_property
    def folder_layout(self) -> Layout:
        """How the folders look, where no annotation file says what the images show."""
        if self._info.annotations:
            return Layout()
        return layout(self._images["path"].tolist(), self._couples())

    def _couples(self) -> NDArray[np.int64]:
        """(m, 2) rows of copies, exact and near, as they were stored."""
        pairs = self._store.read_pairs(self._info, ["left", "right", "distance", "note"])
        near = pairs[(pairs["distance"] <= NEAR_DISTANCE) & (pairs["note"] == "")]
        content = exact_classes(self._images["content"])
        rows = np.argsort(content, kind="stable")
        copies = (content[rows[1:]] == content[rows[:-1]]) & (content[rows[1:]] >= 0)
        exact = np.stack([rows[:-1][copies], rows[1:][copies]], axis=1)
        return np.concatenate([near[["left", "right"]].to_numpy(np.int64), exact])

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
            (now, met if now is coco else now.attach(paths, root=self.labels_root))
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
        """The images that an expression of `dedup.query.where` selects, bool (n,).

        Raises `WhereError` and `UnknownTag`.
        """
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
        """Write images as "csv", "parquet", "pairs", "coco", "folder" or as what a plug-in is called, to a file here or
        at an address (`s3://bucket/images.csv`), or for "folder" into a new folder, an archive or below a prefix.

        `rows` are numbers or a bool mask, all images by default. Further `options` are those of the export's `write`,
        such as `mode="symlink"` for a folder. Raises `UsageError` for an unknown format and `ExportError`.
        """
        from dedup.exports import EXPORTS, FOLDER  # formats that a scan has no use for
        from dedup.exports.packed import written_elsewhere

        chosen = next((export for export in EXPORTS if export.name == to), None)
        if chosen is None:
            raise UsageError(f"{to!r} is no export format. Choose one of: {', '.join(each.name for each in EXPORTS)}.")
        if strange := options.keys() - inspect.signature(chosen.write).parameters.keys():
            raise UsageError(f"The export {to} has no option {', '.join(sorted(strange))}.")
        mask = self._mask(rows)
        write: Callable[..., Report] = chosen.write
        if not blobs.is_address(os.fspath(output)):
            return write(self, mask, expanded(output).absolute(), on_progress, overwrite=overwrite, **options)
        if to == FOLDER.name:
            return write(self, mask, os.fspath(output), on_progress, **options)
        with written_elsewhere(os.fspath(output), overwrite=overwrite) as file:
            report = write(self, mask, file, on_progress, **options)
        return replace(report, path=os.fspath(output))

    def to_pandas(self, rows: Sequence[int] | NDArray[np.generic] | None = None) -> pd.DataFrame:
        """Images as a frame of its own to work on: the columns of the CSV, with `classes` and `tags` as lists. Its
        index tells their rows here."""
        import pyarrow as pa

        from dedup.exports.parquet import table

        mask = self._mask(rows)
        found = table(self, mask)
        made: pd.DataFrame = found.to_pandas().set_index(np.flatnonzero(mask))
        for name in (each.name for each in found.schema if pa.types.is_list(each.type)):
            made[name] = [list(each) for each in made[name]]
        return made

    def to_parquet(self, output: Path | str, rows: Sequence[int] | NDArray[np.generic] | None = None) -> Path:
        """Write `to_pandas` to a file. Raises `ExportError` where there is one."""
        return Path(self.export("parquet", Path(output), rows).path)

    def to_datasets(self, rows: Sequence[int] | NDArray[np.generic] | None = None) -> Any:
        """Images as a `datasets.Dataset` of Hugging Face: `image` (decoded when it is asked for) and the columns of
        `to_pandas`. Unreadable files are left out. Raises `UsageError` where the package is not installed."""
        try:
            datasets = importlib.import_module("datasets")
        except ImportError as error:
            raise UsageError("This needs Hugging Face's package: pip install datasets.") from error
        from dedup.exports.parquet import table

        mask = self._mask(rows) & (self._images["status"] == Status.OK).to_numpy()
        files = [str(self.file(row)) for row in np.flatnonzero(mask).tolist()]
        if strange := next((file for file in files if displayable(file) != file), ""):
            raise UsageError(
                f"The name {displayable(strange)} is no text, which `datasets` asks for. Rename that file."
            )
        made = datasets.Dataset(table(self, mask).append_column("image", [files]))
        return made.cast_column("image", datasets.Image())

    def to_fiftyone(self, rows: Sequence[int] | NDArray[np.generic] | None = None, name: str | None = None) -> Any:
        """Images as a `fiftyone.Dataset` with scores, groups, tags, classes, boxes, outlines and keypoints; see
        `dedup.exports.fiftyone`. Raises `UsageError` where the package is not installed."""
        from dedup.exports.fiftyone import to_fiftyone

        return to_fiftyone(self, self._mask(rows), name)

    def _mask(self, rows: Sequence[int] | NDArray[np.generic] | None) -> NDArray[np.bool_]:
        """(n,) bool of rows as numbers or a mask; all for None."""
        mask = np.full(len(self._images), rows is None)
        if rows is not None:
            mask[rows_meant(rows, len(mask))] = True
        return mask

    def _paths(self, rows: Sequence[int] | NDArray[np.generic]) -> list[str]:
        paths: list[str] = self._images["path"].iloc[rows_meant(rows, len(self._images))].tolist()
        return paths

    @property
    def issues(self) -> tuple[Issue, ...]:
        """The kinds of issues, with the thresholds that people set for this dataset."""
        stored = {name: value for (name, _), value in self.decisions.values(SETTING).items()}
        told = {each.name: stored.get(ISSUE_THRESHOLD + each.name) for each in ISSUES}
        return adjusted({name: float(value) for name, value in told.items() if value})

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


def _numbers(vectors: NDArray[np.floating], count: int) -> NDArray[np.floating]:
    """Vectors as an array (count, d). Raises `UsageError` where they are none."""
    try:
        held = np.asarray(vectors)
    except ValueError as error:  # rows of several lengths
        raise UsageError(f"The vectors are no array of numbers: {error}.") from error
    if held.ndim != 2 or held.dtype.kind not in "fiu" or len(held) != count:
        raise UsageError(
            f"Give a row of numbers for each of the {count:,} images, NaN where there is none; this is {held.dtype} of "
            f"shape {held.shape}."
        )
    return held


def contents(images: pd.DataFrame) -> list[tuple[str, str]]:
    """Path and SHA-256 of every image whose bytes are known, be it that they are no picture."""
    known = images[images["sha256"] != ""]
    return list(zip(known["path"], known["sha256"], strict=True))
