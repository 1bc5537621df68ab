"""A dataset's fingerprint: one Parquet file to check new images against, without the images.

What it holds, honestly: with `hash_only`, 88 bytes an image, from which no picture can be made: the SHA-256 of the
file, a digest of its samples, the 256-bit perceptual hash, width and height. Otherwise also what is needed to verify
crops, turns and other edits, and that includes a gray thumbnail of 48 x 48 and a colour one of 16 x 16 pixels: a person
can recognise scenes and faces in these. Share the full form only with people who may see the images. File names are
left out unless asked for. A SHA-256 or perceptual hash still tells whoever has an image that the dataset has it too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from dedup.errors import DatasetError, UsageError
from dedup.files import require_free
from dedup.images.samples import VERSION as SAMPLES_VERSION
from dedup.images.signature import SIGNATURE
from dedup.images.signature import VERSION as SIGNATURE_VERSION
from dedup.model import SCORE_VERSION, OnProgress, Status
from dedup.store import tables

FORMAT = "dedup fingerprint"
VERSION = "2"
HASHES = {"sha256": 32, "samples": 16}
"""Digests in hex, with their bytes in the file."""
SIZE = ("width", "height")
FACTS = (*("format", "jpeg_quality", "lossless", "bits", "frames", "alpha", "shown_on", "values", "singularity"),)
"""Beside these, what the matching asks of a picture."""
SUFFIX = ".parquet"


class Images(Protocol):
    """What a fingerprint is made of: the part of `dedup.dataset.Dataset` it reads."""

    @property
    def frame(self) -> pd.DataFrame:
        """One row per image."""

    @property
    def signatures(self) -> NDArray[np.void]:
        """Structured array of dtype `SIGNATURE`, one per row."""

    def samples(self, rows: Sequence[int], on_progress: OnProgress | None = None, /) -> list[str]:
        """Digests of the samples of images, '' where they cannot be taken."""


@dataclass(frozen=True)
class Fingerprint:
    """The readable images of a dataset, one row each.

    `facts` has sha256, width and height, path ('' when names were left out) and, unless `hash_only`, the columns
    `FACTS`. `hashes` (n, 32) uint8 are the perceptual hashes; `signatures` (n,) of dtype `SIGNATURE`, None when
    `hash_only`. `samples` gives the digests of the samples of places, which of an open dataset may take time.
    """

    facts: pd.DataFrame
    hashes: NDArray[np.uint8]
    signatures: NDArray[np.void] | None
    samples: Callable[[Sequence[int]], list[str]]

    def __len__(self) -> int:
        return len(self.facts)

    @property
    def hash_only(self) -> bool:
        """Whether it holds hashes alone."""
        return self.signatures is None


def of(
    images: Images, *, hash_only: bool = False, names: bool = False, on_progress: OnProgress | None = None
) -> Fingerprint:
    """The fingerprint of a dataset's readable images; `names` includes their paths."""
    readable = np.flatnonzero((images.frame["status"] == Status.OK).to_numpy())
    chosen = images.frame.iloc[readable]
    facts = chosen[["sha256", *SIZE] if hash_only else ["sha256", *SIZE, *FACTS]].reset_index(drop=True)
    facts = facts.assign(path=chosen["path"].to_numpy() if names else "")
    signatures = images.signatures[readable]

    def samples(places: Sequence[int]) -> list[str]:
        return images.samples(readable[list(places)].tolist(), on_progress)

    return Fingerprint(facts, np.ascontiguousarray(signatures["hash"]), None if hash_only else signatures, samples)


def write(fingerprint: Fingerprint, path: Path, *, overwrite: bool = False) -> None:
    """Write the file. Raises `ExportError` when it exists (unless `overwrite`), `DatasetError` when it cannot be."""
    require_free(path, overwrite)
    digests = {"sha256": fingerprint.facts["sha256"].tolist(), "samples": fingerprint.samples(range(len(fingerprint)))}
    columns = {name: _binary(digests[name], width) for name, width in HASHES.items()}
    columns |= {name: pa.array(fingerprint.facts[name], pa.int32()) for name in SIZE}
    if fingerprint.signatures is None:
        records = np.zeros(len(fingerprint), [("hash", "u1", (32,))])
        records["hash"] = fingerprint.hashes
        columns |= tables.records_to_columns(records)
    else:
        columns |= tables.records_to_columns(fingerprint.signatures)
        columns |= {name: pa.array(fingerprint.facts[name]) for name in FACTS}
    if (fingerprint.facts["path"] != "").any():
        columns["path"] = pa.array(fingerprint.facts["path"])
    tables.write_table(path, pa.table(columns), _versions())


def read(path: Path) -> Fingerprint:
    """The fingerprint in a file. Raises `UsageError` when it is none, of another version, or damaged."""
    try:
        table = tables.read_table(path)
    except DatasetError as error:
        raise UsageError(f"{path} is not a readable fingerprint; export one first.") from error
    found = tables.metadata(table)
    if found.get("format") != FORMAT:
        raise UsageError(f"{path} is not a fingerprint; make one with `fingerprint export`.")
    if any(found.get(name) != version for name, version in _versions().items() if name != "score_version"):
        raise UsageError(f"{path} was made by another version of dedup; export the fingerprint again.")
    try:
        return _read(table)
    except (DatasetError, KeyError, ValueError, AttributeError) as error:
        raise UsageError(f"{path} is damaged; export the fingerprint again.") from error


def _read(table: pa.Table) -> Fingerprint:
    hash_only = "tiny" not in table.column_names
    digests = {name: [value.hex() if value else "" for value in table.column(name).to_pylist()] for name in HASHES}
    facts = tables.frame_of(table.select([*SIZE] if hash_only else [*SIZE, *FACTS])).assign(sha256=digests["sha256"])
    facts["path"] = table.column("path").to_pylist() if "path" in table.column_names else ""
    dtype = np.dtype([("hash", "u1", (32,))]) if hash_only else SIGNATURE
    signatures = tables.records_from_table(table, dtype)
    hashes = np.ascontiguousarray(signatures["hash"])
    told = digests["samples"]
    return Fingerprint(facts, hashes, None if hash_only else signatures, lambda places: [told[each] for each in places])


def _binary(hexadecimal: Sequence[str], width: int) -> pa.Array:
    return pa.array([bytes.fromhex(text) if text else None for text in hexadecimal], pa.binary(width))


def _versions() -> dict[str, str]:
    return {
        "format": FORMAT,
        "version": VERSION,
        "signature_version": str(SIGNATURE_VERSION),
        "score_version": str(SCORE_VERSION),
        "samples_version": str(SAMPLES_VERSION),
    }
