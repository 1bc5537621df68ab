"""The directory of a dataset: which files it holds, and how they are written so that a crash cannot mix two scans.

<home>/<name>/
  dataset.json         Info: root, settings, which scan the tables belong to; naming a new one commits a scan
  images.parquet       one row per image file, in path order
  signatures.parquet   the same rows
  pairs.parquet        related rows
  saving/              the three of a new scan until dataset.json names it; then they take the places of the old ones
  proofs.parquet       what was read once more to tell exact copies, by content; taken again when it is gone
  keypoints/           keypoints of pictures whose parts are looked for, by content; taken again when they are gone
  windows/             what the matching keeps of many pictures, by content; made again when it is gone
  parts.parquet        pairs of pictures that were looked at for parts, by content
  hashes.parquet       hashes of imagehash that were asked for, by content
  vectors.parquet      vectors that were given, map.parquet the places of the map (see `dedup.store.vectors`)
  labels/              files of labels from beside images that lie in no folder (see `dedup.sources.beside`)
  joined.parquet       of many images, with joined-pairs.parquet: groups and scores as they were opened last (see
                       `dedup.groups.joined_before`); made anew when they are gone
  decisions.db         what people decided (see `dedup.store.decisions`)
  scan.lock, parts/    while a scan runs
"""

from __future__ import annotations

import json
import math
import os
import shutil
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import filelock
import numpy as np
import pandas as pd
import pyarrow as pa

from dedup.errors import DatasetError, ScanRunning, UsageError
from dedup.files import PRIVATE, clear_unfinished, write_text
from dedup.images.metrics import MEASURED
from dedup.images.signature import SIGNATURE
from dedup.matching.columns import NEUTRAL, PAIR_COLUMNS
from dedup.model import MATCHING_VERSION, SOFTWARE_VERSION
from dedup.store import tables
from dedup.store.by_content import ByContent
from dedup.store.home import INFO_FILE, Info, as_written, directories, name_after, now, read_info
from dedup.store.windows import KeptWindows

if TYPE_CHECKING:
    from dedup.images.keypoints import Keypoints

PROOFS, HASHES, LOOKED = "proofs.parquet", "hashes.parquet", "parts.parquet"


@dataclass(frozen=True)
class Part:
    """Rows of files that were examined. Their signatures, a thousandfold of what tells which files they are of, are
    read when they are asked for."""

    images: pd.DataFrame
    read: Callable[[], np.ndarray]

    @cached_property
    def signatures(self) -> np.ndarray:
        """(n,) records of dtype `SIGNATURE`. Raises `DatasetError` where they are damaged."""
        return self.read()


def _versions() -> dict[str, str]:
    from dedup.images.examine import VERSIONS  # with all that decodes: who only reads tables needs none of it

    return VERSIONS


def _proof_version() -> dict[str, str]:
    from dedup.images import samples

    return {"samples": str(samples.VERSION)}


LOOKED_VERSION = "2"
"""Grows when pairs that were looked at are named in another way."""


def _looked_version() -> dict[str, str]:
    from dedup.images import keypoints

    return {"looked": LOOKED_VERSION, "matching": str(MATCHING_VERSION), "keypoints": str(keypoints.VERSION)}


@dataclass(frozen=True)
class Results:
    """What one scan computed. Rows of `images` and `signatures` (dtype `SIGNATURE`) are the same files; `pairs` names
    them by row number. `matching` is the `model.MATCHING_VERSION` that found them."""

    images: pd.DataFrame
    signatures: np.ndarray
    pairs: pd.DataFrame
    matching: str = str(MATCHING_VERSION)


class Store:
    """One dataset's directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @property
    def parts(self) -> Path:
        """Where a running scan puts finished parts."""
        return self.directory / "parts"

    @property
    def saving(self) -> Path:
        """Where a scan that saves puts its tables."""
        return self.directory / "saving"

    @property
    def labels(self) -> Path:
        """Where files of labels are that lie beside images in a place that is no folder."""
        return self.directory / "labels"

    @property
    def decisions(self) -> Path:
        """The SQLite file of what people decided."""
        return self.directory / "decisions.db"

    def read_info(self) -> Info:
        """Raises `DatasetError` when dataset.json is missing or damaged."""
        return read_info(self.directory)

    def known_info(self) -> Info | None:
        """`read_info`, or None where that is missing or damaged."""
        try:
            return self.read_info()
        except DatasetError:
            return None

    def write_info(self, info: Info) -> None:
        """Raises `DatasetError`."""
        tables.make_folder(self.directory)
        written = asdict(as_written(info, self.directory))
        write_text(self.directory / INFO_FILE, json.dumps(written, indent=2, ensure_ascii=True) + "\n", PRIVATE)

    def read_images(self, info: Info) -> pd.DataFrame:
        """The images of the scan that `info` names. Raises `DatasetError`."""
        images = _with_versions(tables.frame_of(self._table("images.parquet", info)))
        # a package that was installed since may bring metrics: they are unknown until the next scan
        return images.assign(**{each.name: math.nan for each in MEASURED if each.name not in images})

    def read_pairs(self, info: Info, columns: list[str] | None = None) -> pd.DataFrame:
        """The pairs of the scan that `info` names, or some of their columns, by whichever version they were matched
        (see `matched_by`): what that did not tell yet is neutral. Raises `DatasetError`.
        """
        if self.matched_by(info) == str(MATCHING_VERSION):
            return tables.frame_of(self._table("pairs.parquet", info, columns))
        stored = tables.frame_of(self._table("pairs.parquet", info))
        told = {name: stored[name] if name in stored else NEUTRAL[name] for name in columns or PAIR_COLUMNS}
        kinds = {name: PAIR_COLUMNS[name] for name in told}
        return pd.DataFrame(told, index=stored.index).astype(kinds)

    def matched_by(self, info: Info) -> str:
        """The version of the matching that the pairs of the scan that `info` names were found by. Raises
        `DatasetError`."""
        return tables.metadata(self._table("pairs.parquet", info, [])).get("matching", "")

    def read_signatures(self, info: Info) -> np.ndarray:
        """Structured array of dtype `SIGNATURE`, one per image; zeros where the file failed. Raises `DatasetError`."""
        return tables.records_from_table(self._table("signatures.parquet", info), SIGNATURE)

    def read_hashes(self, info: Info) -> np.ndarray:
        """The 256-bit hashes alone, uint8 (n, 32), without the rest of the signatures. Raises `DatasetError`."""
        column = self._table("signatures.parquet", info, ["hash"]).column("hash").to_pylist()
        return np.frombuffer(b"".join(column), np.uint8).reshape(len(column), -1)

    def _table(self, name: str, info: Info, columns: list[str] | None = None) -> pa.Table:
        """The table of the scan that `info` names: in its place, or on the way there when saving was interrupted."""
        places = (self.directory / name, self.saving / name, self.directory / name)  # it may move while we look
        for place in places:
            with suppress(DatasetError):
                table = tables.read_table(place, columns)
                if tables.metadata(table).get("scan_id") == info.scan_id:
                    return table
        tables.read_table(self.directory / name, columns)  # says what is wrong with it, if anything is
        if self.read_info().scan_id != info.scan_id:
            raise DatasetError(f"{info.name} was scanned again since it was opened. Open it again.")
        raise DatasetError(f"A scan of {info.name} stopped while saving. Scan the folder again; nothing is lost.")

    def previous(self, info: Info) -> Results | None:
        """The last scan's results when there are any that this version can use."""
        try:
            images = self._table("images.parquet", info)
            if any(tables.metadata(images).get(name) != version for name, version in _versions().items()):
                return None
            pairs = self._table("pairs.parquet", info)
            matching = tables.metadata(pairs).get("matching", "")
            rows = _with_versions(tables.frame_of(images))
            return Results(rows, self.read_signatures(info), tables.frame_of(pairs), matching)
        except DatasetError:
            return None

    def write_results(self, info: Info, results: Results) -> Info:
        """Commit a scan: the tables are written beside those of the last one, dataset.json names them, and they move.

        Killed before it names them, the last scan and the finished parts are as they were; killed later, the new one
        is whole.
        """
        info = replace(
            info,
            scan_id=uuid.uuid4().hex,
            scanned_at=now(),
            software=SOFTWARE_VERSION,
            images=len(results.images),
            failed=int((results.images["status"] == "failed").sum()),
        )
        metadata = _versions() | {"scan_id": info.scan_id, "matching": str(MATCHING_VERSION)}
        written = {
            "signatures.parquet": pa.table(tables.records_to_columns(results.signatures)),
            "pairs.parquet": tables.table_of(results.pairs),
            "images.parquet": tables.table_of(results.images),
        }
        tables.make_folder(self.saving)
        for name, table in written.items():
            tables.write_table(self.saving / name, table, metadata)
        self.write_info(info)
        self._settle(info)
        shutil.rmtree(self.parts, ignore_errors=True)
        return info

    def _settle(self, info: Info | None) -> None:
        """Let tables that were saved take their places, if their scan was committed; those of another go. What killed
        writers left goes, too."""
        for folder in (self.directory, self.parts):
            clear_unfinished(folder)
        if not self.saving.is_dir():
            return
        for place in sorted(self.saving.glob("*.parquet")):
            with suppress(DatasetError):
                if info is not None and tables.scan_of(place) == info.scan_id:
                    place.replace(self.directory / place.name)
        shutil.rmtree(self.saving, ignore_errors=True)

    def read_imagehashes(self) -> dict[str, dict[str, str]]:
        """Hashes of imagehash by content and kind; those of another of its versions, or damaged ones, are none."""
        try:
            table = tables.read_table(self.directory / HASHES)
        except DatasetError:
            return {}
        if tables.metadata(table).get("imagehash") != metadata.version("imagehash"):
            return {}
        kinds = [name for name in table.column_names if name != "sha256"]
        return {
            row["sha256"]: {kind: row[kind] for kind in kinds if row[kind] is not None} for row in table.to_pylist()
        }

    def write_imagehashes(self, hashes: Mapping[str, Mapping[str, str]]) -> None:
        """Keep hashes for later. Raises `DatasetError`."""
        kinds = sorted({kind for each in hashes.values() for kind in each})
        columns = {kind: pa.array([each.get(kind) for each in hashes.values()], pa.string()) for kind in kinds}
        table = pa.table({"sha256": list(hashes), **columns})
        tables.write_table(self.directory / HASHES, table, {"imagehash": metadata.version("imagehash")})

    def read_proofs(self) -> dict[str, str]:
        """SHA-256 of files to the digests of their samples that were ever taken, '' where none can be."""
        try:
            table = tables.read_table(self.directory / PROOFS)
            if tables.metadata(table) != _proof_version():
                return {}
            return dict(zip(table["sha256"].to_pylist(), table["samples"].to_pylist(), strict=True))
        except (DatasetError, KeyError):
            return {}  # they are taken again

    def write_proofs(self, proofs: Mapping[str, str]) -> None:
        """Keep digests for the next scan. Raises `DatasetError`."""
        table = pa.table({"sha256": list(proofs), "samples": list(proofs.values())})
        tables.write_table(self.directory / PROOFS, table, _proof_version())

    def read_keypoints(self) -> dict[str, Keypoints]:
        """SHA-256 of files to their keypoints, as far as they were taken; damaged ones are taken again."""
        from dedup.images import keypoints

        found: dict[str, Keypoints] = {}
        for table in self._keypoints.tables():
            with suppress(KeyError):
                columns = (table[name].to_pylist() for name in ("sha256", "width", "height", "points"))
                for sha256, width, height, points in zip(*columns, strict=True):
                    found[sha256] = keypoints.Keypoints(width, height, np.frombuffer(points, keypoints.POINT))
        return found

    def write_keypoints(self, found: Mapping[str, Keypoints]) -> None:
        """Keep some more. Raises `DatasetError`."""
        table = pa.table(
            {
                "sha256": list(found),
                "width": pa.array([each.width for each in found.values()], pa.int32()),
                "height": pa.array([each.height for each in found.values()], pa.int32()),
                "points": pa.array([each.points.tobytes() for each in found.values()], pa.large_binary()),
            }
        )
        self._keypoints.add(table)

    def join_keypoints(self, wanted: Collection[str]) -> None:
        """Make one file of many small ones that later scans have left, of the files `wanted` (SHA-256) alone."""
        self._keypoints.join(wanted)

    @property
    def _keypoints(self) -> ByContent:
        from dedup.images import keypoints

        return ByContent(self.directory / "keypoints", {"keypoints": str(keypoints.VERSION)})

    @property
    def windows(self) -> KeptWindows:
        """Keys of the windows of pictures that were matched."""
        version = _versions() | {"matching": str(MATCHING_VERSION)}
        return KeptWindows(ByContent(self.directory / "windows", version, noise=True))

    def read_looked(self) -> pd.DataFrame | None:
        """Pairs that were looked at for parts, as `write_looked` was given them; None where there are none of this
        version."""
        try:
            table = tables.read_table(self.directory / LOOKED)
            same = _looked_version().items() <= tables.metadata(table).items()
            return tables.frame_of(table) if same else None
        except DatasetError:
            return None

    def write_looked(self, pairs: pd.DataFrame) -> None:
        """Keep pairs that were looked at. Raises `DatasetError`."""
        tables.write_table(self.directory / LOOKED, tables.table_of(pairs), _looked_version())

    def write_part(self, images: pd.DataFrame, signatures: np.ndarray) -> Path:
        """Keep finished rows so that a killed scan need not compute them again. Raises `DatasetError`."""
        table = tables.table_of(images)
        for name, column in tables.records_to_columns(signatures).items():
            table = table.append_column(f"signature_{name}", column)
        return self._new_part(table)

    def _new_part(self, table: pa.Table) -> Path:
        tables.make_folder(self.parts)
        path = self.parts / f"{uuid.uuid4().hex}.parquet"
        tables.write_table(path, table, _versions())
        return path

    def join_parts(self, paths: Sequence[Path]) -> None:
        """Make one part of several that this process wrote: a scan that goes on reads few files faster than many."""
        with suppress(DatasetError):  # as they are, they are kept, too
            self._new_part(pa.concat_tables([tables.read_table(path) for path in paths]))
            for path in paths:
                path.unlink()

    def replace_parts(self, images: pd.DataFrame, signatures: np.ndarray) -> None:
        """Keep these rows as the only part. Raises `DatasetError`."""
        others = list(self.parts.glob("*.parquet"))
        self.write_part(images, signatures)
        for each in others:
            each.unlink()

    def read_parts(self) -> list[Part]:
        """Finished parts of a scan that did not end; damaged ones and those of other versions are left out."""
        return [part for path in sorted(self.parts.glob("*.parquet")) if (part := self._read_part(path)) is not None]

    def _read_part(self, path: Path) -> Part | None:
        names = {f"signature_{name}": name for name in SIGNATURE.names or ()}

        def signatures() -> np.ndarray:
            try:
                table = tables.read_table(path, list(names))
                return tables.records_from_table(table.rename_columns(list(names.values())), SIGNATURE)
            except DatasetError as error:
                path.unlink(missing_ok=True)  # the next scan reads these files again
                raise DatasetError(f"{path} is damaged and was left out. Scan the folder again.") from error

        try:
            columns = tables.columns_of(path)
            table = tables.read_table(path, [name for name in columns if name not in names])
        except DatasetError:
            return None
        told = tables.metadata(table)
        if not names.keys() <= set(columns) or any(told.get(name) != each for name, each in _versions().items()):
            return None
        return Part(_with_versions(tables.frame_of(table)), signatures)

    @contextmanager
    def scanning(self, known: Info | None) -> Iterator[None]:
        """Hold the dataset's scan lock; it frees itself when the process dies.

        `known` is what dataset.json said when it was decided to work on this dataset, None for a new one. Raises
        `ScanRunning`, or `DatasetError` when it is another dataset by now, or none: it is not made anew.
        """
        if known is None:
            tables.make_folder(self.directory)
        try:
            lock = self._lock.acquire(timeout=0)
        except filelock.Timeout as error:
            raise ScanRunning(f"{self.directory.name} is being scanned already. Wait for it or cancel it.") from error
        except OSError as error:
            self._require(known)
            raise DatasetError(f"Cannot write in {self.directory}: {error.strerror}. Choose another --home.") from error
        with lock:
            self._require(known)
            self._settle(known)
            yield

    def _require(self, known: Info | None) -> None:
        now = self.known_info()
        if known is not None and (now is None or now.key != known.key):
            raise DatasetError(f"{known.name} was renamed or forgotten meanwhile. Look it up in the list of datasets.")
        if known is None and now is not None:
            raise DatasetError(f"{now.name} was scanned by somebody else meanwhile. Scan again to see what changed.")

    @cached_property
    def _lock(self) -> filelock.FileLock:
        return filelock.FileLock(self.directory / "scan.lock", mode=PRIVATE, thread_local=False)


def stores(home: Path) -> list[Store]:
    """The datasets of a home, by name; other folders there are ignored."""
    return [Store(directory) for directory in directories(home)]


def _with_versions(images: pd.DataFrame) -> pd.DataFrame:
    """Rows of files in folders have none, and were kept without the column before there were other places."""
    return images if "version" in images else images.assign(version="")


def name_for(home: Path, source: str, name: str) -> str:
    """The dataset that already belongs to this source (an address), whatever its name, or a fresh one made from `name`.

    Raises `UsageError` where several belong to it: their splits, labels and decisions differ.
    """
    base = name_after(name)
    own = [store.directory.name for store in stores(home) if _is_of(store, source)]
    if len(own) > 1:
        raise UsageError(f"{source} belongs to the datasets {', '.join(own)}. Say which with --name, e.g. {own[0]}.")
    if own:
        return own[0]
    for number in range(1, 10_000):
        name = base if number == 1 else f"{base}-{number}"
        if not (home / name / INFO_FILE).exists():
            return name
    raise UsageError(f"There are too many datasets called {base}. Choose a name with --name.")


def _is_of(store: Store, source: str) -> bool:
    info = store.known_info()
    return info is not None and same_source(info.source, source)


def same_source(known: str, source: str) -> bool:
    """Whether a dataset of `known` is one of `source`: the same folder or list, whatever way it is named."""
    if known == source:
        return True
    try:
        return os.path.samefile(known, source)
    except OSError:  # one of them is away, or no file
        return False
