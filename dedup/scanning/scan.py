"""Scan a source into a store: list, examine what is new, relate, save. Killed at any moment, the next scan goes on."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dedup import plugins
from dedup.errors import Cancelled, DatasetError, SourceError, UnreadableImage
from dedup.files import sha256_of
from dedup.images import metrics
from dedup.images.decode import pixels_refused
from dedup.images.examine import FACTS, Examined, failure, unreadable
from dedup.images.formats import MAX_PIXELS
from dedup.images.metrics.information import random
from dedup.images.signature import SIGNATURE
from dedup.model import MATCHING_VERSION, OnProgress, Progress, Status
from dedup.scanning import proofs, rematch
from dedup.scanning.engines import HERE, Choice, Engine, Failed, engine
from dedup.scanning.warmup import prepare_parts, warm_up_beside
from dedup.sources import Listing, SourceFile, Stored, Where, at_hand, nothing_in, on_disk
from dedup.sources.blobs import UNKNOWN
from dedup.sources.listing import DIGEST
from dedup.store.directory import Part, Results, Store
from dedup.store.home import Info
from dedup.store.vectors import stamp_of_vectors
from dedup.words import plural

WORTH_WARMING = 32
"""With so many new files the matching is made ready while they are read."""
PART_FILES = 512
PART_SECONDS = 3.0
PARTS_JOINED = 32
"""So many parts become one: of a million files there are sixty and some, and a scan goes on within seconds."""
PROGRESS_SECONDS = 0.2

COLUMNS: dict[str, type] = FACTS | {metric.name: float for metric in metrics.MEASURED}
IDENTITY = ["path", "bytes", "mtime_ns", "version"]
"""A file whose path, size and modification time are unchanged is not decoded again; where a place names the version of
what it holds, that takes the place of both."""


def scan_into(
    store: Store,
    info: Info,
    listing: Listing,
    stored: Info | None = None,
    *,
    read: Sequence[Part] = (),
    choice: Choice = HERE,
    on_progress: OnProgress | None = None,
) -> Info:
    """Bring the store up to date with the listing and return its new info; `stored` is what it was so far, `read` are
    rows of files that were read elsewhere.

    Raises `SourceError` when there is no image, `ScanRunning`, `DatasetError`, or `Cancelled` (Ctrl-C, or raised by
    `on_progress`); finished files are kept in every case.
    """
    if not listing.files:
        raise SourceError(nothing_in(listing))
    report = on_progress or _ignore
    info = replace(info, vectors=stamp_of_vectors(store.directory) if info.thorough else "")
    with store.scanning(stored):
        previous = store.previous(info)
        found = _stats(listing)
        known = _Known.gather(previous, [*read, *store.read_parts()])
        places = known.places(found, info.max_pixels or MAX_PIXELS)
        same_matching = previous is not None and previous.matching == str(MATCHING_VERSION)
        same_reach = stored is not None and (stored.thorough, stored.vectors) == (info.thorough, info.vectors)
        if previous is not None and same_matching and same_reach and _unchanged(places, len(previous.images)):
            if info != stored:
                store.write_info(info)
            return info
        new = np.flatnonzero(places < 0)
        with closing(engine(choice)) as chosen:
            chosen.require(on_disk(listing.root))
            work = _Work(chosen, listing.where, info.max_pixels or MAX_PIXELS, report)
            warm = warm_up_beside() if len(new) >= WORTH_WARMING else None  # the workers have processes of their own
            examined = _examine_new(store, work, listing, found, new)
            images, signatures = _assemble(found, known, places, examined)
            images = _with_contents(store, work, images, signatures)
            if warm is not None and warm.is_alive():
                report(Progress("compiling the matching, once on this machine", 0, 1))
                warm.join()
            usable = previous if same_matching and (same_reach or info.thorough) else None
            results = rematch.match(images, signatures, usable, store.windows, chosen.executor, report)
            if len(results.pairs):
                from dedup.scanning import verify  # loads the compiled code, which a scan without pairs can do without

                again = work.reading("looking again at what is alike", "detail")
                closely = work.reading("looking at small print", "pixels")
                further = work.reading("looking at further pages", "frames")
                whole = work.reading("looking around crops", "whole")
                results = verify.tell(results, again, closely, further, whole, chosen.executor)
            if info.thorough:
                from dedup.scanning import parts

                prepare_parts(report)
                results = parts.tell(results, store, work.reading, work.still_holds, chosen.executor)
            if len(results.pairs):
                from dedup.scanning import origins

                results = origins.tell(results, work.reading("reading near duplicates", "traces"))
        _tell_unmeasured(images)
        info = store.write_results(replace(info, passed_over=dict(listing.passed_over)), results)
        known.keep_away(store, listing.away)
        return info


def read_into(
    store: Store,
    listing: Listing,
    *,
    max_pixels: int,
    choice: Choice = HERE,
    on_progress: OnProgress | None = None,
) -> tuple[pd.DataFrame, np.ndarray]:
    """Examine the files of a listing into the parts of a store, for another scan; returns the rows of all with their
    signatures. Those that parts of it hold are not read again. Raises `Cancelled` and `DatasetError`; finished files
    are kept in every case.
    """
    found = _stats(listing)
    known = _Known.gather(None, store.read_parts())
    places = known.places(found, max_pixels)
    with closing(engine(choice)) as chosen:
        chosen.require(on_disk(listing.root))
        work = _Work(chosen, listing.where, max_pixels, on_progress or _ignore)
        examined = _examine_new(store, work, listing, found, np.flatnonzero(places < 0))
    images, signatures = _assemble(found, known, places, examined)
    return images[["path", *COLUMNS]], signatures


def _tell_unmeasured(images: pd.DataFrame) -> None:
    """Metrics of other packages that gave no number: they were measured by processes that are gone."""
    readable = images["status"] == Status.OK
    for metric in metrics.ADDED:
        missing = int(images.loc[readable, metric.name].isna().sum()) if metric.measure else 0
        if missing:
            error = ValueError(f"it gave no number for {plural(missing, 'image')} of {readable.sum():,}")
            plugins.failed(plugins.METRICS, metric.name, error)


def digests(
    store: Store,
    files: Mapping[str, Where],
    *,
    max_pixels: int = MAX_PIXELS,
    on_progress: OnProgress | None = None,
) -> dict[str, str]:
    """Digests of the samples of files by SHA-256, '' where they cannot be taken; `files` maps one to the other.

    What was proven before is not read again; what is read now is kept for later.
    """
    known = store.read_proofs()
    missing = [sha256 for sha256 in files if sha256 not in known]
    if missing:
        with closing(engine()) as chosen:
            work = _Work(chosen, lambda row: files[missing[row]], max_pixels, on_progress or _ignore)
            for place, digest in work.reading("comparing what looks identical", "samples")(range(len(missing))):
                if work.still_holds(place, missing[place]):
                    known[missing[place]] = digest
        with suppress(DatasetError):  # on a full disk they are taken again
            store.write_proofs(known)
    return {sha256: known.get(sha256, "") for sha256 in files}


@dataclass(frozen=True)
class _Work:
    """What is done with the files of one scan, on an engine."""

    engine: Engine
    where: Callable[[int], Where]
    max_pixels: int
    report: OnProgress

    def run(self, task: str, rows: Sequence[int]) -> Iterator[tuple[int, Any]]:
        """Yield (row, result or `Failed`) in the order of completion."""
        images = [self.where(row) for row in rows]
        for place, result in self.engine.run(task, images, {"max_pixels": self.max_pixels}):
            yield rows[place], result

    def reading(self, stage: str, task: str) -> Callable[[Sequence[int]], Iterator[tuple[int, Any]]]:
        """`run` that tells of its progress, for files that were read well before: those that now fail give nothing."""

        def read(rows: Sequence[int]) -> Iterator[tuple[int, Any]]:
            if not rows:
                return
            clock = _Clock(stage, len(rows), self.report)
            for done, (row, result) in enumerate(self.run(task, rows), 1):
                clock.tick(done)
                if not isinstance(result, Failed):
                    yield row, result

        return read

    def still_holds(self, row: int, sha256: str) -> bool:
        """Whether the file of a row still has the bytes it was examined with: what it holds now says nothing of others,
        and what is kept by content is believed for ever. Size and time would not tell."""
        with suppress(OSError, UnreadableImage), at_hand(self.where(row)) as file:
            return sha256_of(file) == sha256
        return False


def _ignore(progress: Progress) -> None:
    """Nobody watches."""


def _stats(listing: Listing) -> pd.DataFrame:
    """path, raw (bytes of the path where it is shown otherwise, else None), bytes, mtime_ns, version: one row per
    listed file."""
    rows = [_stat(listing.root, file) for file in listing.files]
    return pd.DataFrame(rows, columns=["path", "raw", "bytes", "mtime_ns", "version"]).astype(
        {"bytes": "int64", "mtime_ns": "int64"}
    )


def _stat(root: str, file: SourceFile) -> tuple[str, bytes | None, int, int, str]:
    raw = None if file.path == file.relative else os.fsencode(file.relative)
    if file.entry is not None:
        return file.path, raw, file.entry.size, file.entry.mtime_ns, file.entry.version
    try:
        stat = os.stat(os.path.join(root, file.relative))
    except (OSError, ValueError):  # a list may name what no system can have
        return file.path, raw, -1, -1, ""  # matches nothing known, so it is examined and the reason found
    return file.path, raw, stat.st_size, stat.st_mtime_ns, ""


def _content_of(images: pd.DataFrame) -> pd.MultiIndex:
    """What tells that images have the same bytes, whatever they are called, where their version does."""
    return pd.MultiIndex.from_arrays([images["version"].str.extract(DIGEST, expand=False), images["bytes"]])


def _identity(images: pd.DataFrame) -> pd.DataFrame:
    """What tells whether images are the same as before, columns IDENTITY."""
    told = images[["bytes", "mtime_ns"]].where(images["version"] == "", 0)
    return images[IDENTITY].assign(**told).astype({"bytes": "int64", "mtime_ns": "int64"})


@dataclass(frozen=True)
class _Known:
    """Rows computed before: of the previous scan and of parts that a killed scan left."""

    images: pd.DataFrame
    parts: Sequence[Part]

    @classmethod
    def gather(cls, previous: Results | None, parts: list[Part]) -> _Known:
        earlier = [] if previous is None else [Part(previous.images, lambda: previous.signatures)]
        blocks = [*earlier, *parts]
        frames = [each.images[["path", *COLUMNS]] for each in blocks] or [pd.DataFrame(columns=["path", *COLUMNS])]
        return cls(frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True), blocks)

    @cached_property
    def signatures(self) -> np.ndarray:
        """Of the rows of `images`: read after the files that are new, since they say nothing about which those are."""
        blocks = [each.signatures for each in self.parts] or [np.zeros(0, SIGNATURE)]
        return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)

    def keep_away(self, store: Store, folders: Sequence[str]) -> None:
        """Keep what is known of images in folders that cannot be read now, for the scan that can."""
        within = tuple(f"{folder}/" for folder in folders)
        rows = [row for row, path in enumerate(self.images["path"]) if within and path.startswith(within)]
        if rows:
            store.write_part(self.images.iloc[rows], self.signatures[rows])

    def places(self, found: pd.DataFrame, max_pixels: int) -> np.ndarray:
        """For each found file the row here that still holds, -1 where it must be examined. int64 (n,)."""
        holds = ~self.images["transient"].astype(bool) & ~self._of_another_limit(max_pixels)
        holds &= ~self.images["version"].str.startswith(UNKNOWN)
        usable = _identity(self.images[holds]).reset_index(names="place").drop_duplicates(IDENTITY, keep="last")
        merged = _identity(found).merge(usable, on=IDENTITY, how="left")
        places = merged["place"].fillna(-1).to_numpy(np.int64)
        missing = np.flatnonzero((places < 0) & found["version"].str.match(DIGEST).to_numpy(bool))
        if len(missing):
            sound = self.images[holds & (self.images["error"] == "")]
            of_content = pd.Series(sound.index, _content_of(sound)).groupby(level=[0, 1]).first()
            places[missing] = of_content.reindex(_content_of(found.iloc[missing])).fillna(-1).to_numpy(np.int64)
        return places

    def _of_another_limit(self, max_pixels: int) -> np.ndarray:
        """Which rows would fail, or would not, for having too many pixels under this limit, bool (n,)."""
        refused = np.zeros(len(self.images), np.int64)
        failed = np.flatnonzero((self.images["error"] != "").to_numpy(bool))
        refused[failed] = [pixels_refused(error) for error in self.images["error"].iloc[failed].tolist()]
        area = self.images["width"].to_numpy(np.int64) * self.images["height"].to_numpy(np.int64)
        return np.asarray(np.where(refused > 0, refused <= max_pixels, area > max_pixels))


def _unchanged(places: np.ndarray, count: int) -> bool:
    """Whether every file of the previous scan, and no other, is still there as it was."""
    return len(places) == count and np.array_equal(places, np.arange(count))


def _examine_new(
    store: Store, work: _Work, listing: Listing, found: pd.DataFrame, new: np.ndarray
) -> dict[int, Examined]:
    """Examine the files at the places `new`, saving parts on the way."""
    part = _Part(store, found["path"])
    problems = {place: file.problem for place, file in enumerate(listing.files) if file.problem}
    told = list(zip(found["version"].tolist(), found["mtime_ns"].tolist(), strict=True))
    done = {place: unreadable(problems[place]) for place in new.tolist() if place in problems}
    clock = _Clock("reading images", len(new) - len(done), work.report)
    try:
        for place, result in work.run("examine", [place for place in new.tolist() if place not in problems]):
            if isinstance(result, Failed):
                result = _failure(work.where(place), result)
            version, mtime_ns = told[place]
            result.row.update({"version": version, "mtime_ns": mtime_ns} if version else {})
            done[place] = result
            part.add(place, result)
            clock.tick(len(done))
    except KeyboardInterrupt as error:
        raise Cancelled(
            f"Stopped after {len(done):,} of {plural(len(new), 'image')}; what was read is kept. Scan again to go on."
        ) from error
    finally:
        part.flush()
    clock.finish()
    return done


def _failure(image: Where, failed: Failed) -> Examined:
    """The row of an image that a worker gave nothing for. Its bytes, where they can be had at all, still tell whether
    another file has the same; those that lie elsewhere are not fetched again for what may pass."""
    if not (isinstance(image, Stored) and failed.transient):
        with suppress(UnreadableImage, OSError), at_hand(image) as file:
            return failure(file, failed.reason, transient=failed.transient)
    size, mtime_ns = (max(0, image.entry.size), image.entry.mtime_ns) if isinstance(image, Stored) else (0, 0)
    return unreadable(failed.reason, size=size, mtime_ns=mtime_ns, transient=failed.transient)


def _with_contents(store: Store, work: _Work, images: pd.DataFrame, signatures: np.ndarray) -> pd.DataFrame:
    """`images` with the column `content`; what had to be proven for it is kept."""
    known = store.read_proofs()
    before = len(known)
    read = work.reading("comparing what looks identical", "samples")

    def prove(rows: Sequence[int]) -> Iterator[tuple[int, str]]:
        for row, digest in read(rows):
            if work.still_holds(row, str(images["sha256"].iat[row])):
                yield row, digest

    content = proofs.contents(images, signatures, known, prove)
    if len(known) > before:
        store.write_proofs(known)
    return images.assign(content=content)


class _Clock:
    """Reports progress of one stage, not more often than a person can see."""

    def __init__(self, stage: str, total: int, report: OnProgress) -> None:
        self._stage, self._total, self._report = stage, total, report
        self._start = self._last = time.monotonic()
        self.tick(0, force=True)

    def tick(self, done: int, *, force: bool = False) -> None:
        now = time.monotonic()
        if self._total and (force or now - self._last >= PROGRESS_SECONDS):
            self._last = now
            self._report(Progress(self._stage, done, self._total, now - self._start))

    def finish(self) -> None:
        self.tick(self._total, force=True)


class _Part:
    """Rows finished since the last save."""

    def __init__(self, store: Store, paths: pd.Series) -> None:
        self._store, self._paths = store, paths
        self._rows: list[tuple[int, Examined]] = []
        self._saved = time.monotonic()
        self._written: list[Path] = []

    def add(self, place: int, examined: Examined) -> None:
        self._rows.append((place, examined))
        if len(self._rows) >= PART_FILES or time.monotonic() - self._saved > PART_SECONDS:
            self.flush()

    def flush(self) -> None:
        if self._rows:
            images = _rows_frame(examined.row for _, examined in self._rows)
            images.insert(0, "path", [self._paths.iloc[place] for place, _ in self._rows])
            signatures = _signatures([examined for _, examined in self._rows])
            self._written.append(self._store.write_part(images, signatures))
        if len(self._written) >= PARTS_JOINED:
            self._store.join_parts(self._written)
            self._written = []
        self._rows = []
        self._saved = time.monotonic()


def _rows_frame(rows: Iterable[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame.from_records(list(rows), columns=list(COLUMNS)).astype(COLUMNS)


def _signatures(examined: Sequence[Examined]) -> np.ndarray:
    empty = bytes(SIGNATURE.itemsize)
    return np.frombuffer(b"".join(each.signature or empty for each in examined), SIGNATURE)


def _assemble(
    found: pd.DataFrame, known: _Known, places: np.ndarray, examined: dict[int, Examined]
) -> tuple[pd.DataFrame, np.ndarray]:
    """Images and signatures in listing order, from what was known and what was just examined."""
    new = sorted(examined)
    fresh = _rows_frame(examined[place].row for place in new)
    old = np.flatnonzero(places >= 0)
    images = pd.concat([known.images.iloc[places[old]][list(COLUMNS)], fresh], ignore_index=True)
    order = np.argsort(np.concatenate([old, np.array(new, np.int64)]), kind="stable")
    images = images.iloc[order].reset_index(drop=True).astype(COLUMNS)
    signatures = np.zeros(len(found), SIGNATURE)
    signatures[old] = known.signatures[places[old]]
    if new:
        signatures[new] = _signatures([examined[place] for place in new])
    stored = found["version"] != ""
    told = ["version", "mtime_ns"]
    images[told] = images[told].where(~stored, found[told])  # what has moved was called otherwise
    images.insert(0, "path", found["path"])
    images.insert(1, "raw", found["raw"].astype(object))
    images["random"] = [random(path) for path in images["path"]]
    return images, signatures
