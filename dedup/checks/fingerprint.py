"""A dataset's fingerprint: one Parquet file to check new images against, without the images.

What it holds, honestly: with `hash_only`, 80 bytes an image, from which no picture can be made: the SHA-256 of the
file, a hash of the pixels and the 256-bit perceptual hash. Otherwise also what is needed to verify crops, turns and
other edits, and that includes a gray thumbnail of 48 x 48 and a colour one of 16 x 16 pixels: a person can recognise
scenes and faces in these. Share the full form only with people who may see the images. File names are left out unless
asked for. A SHA-256 or perceptual hash still tells whoever has an image that the dataset has it too.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from dedup.errors import DatasetError, UsageError
from dedup.files import require_free
from dedup.images.signature import SIGNATURE
from dedup.images.signature import VERSION as SIGNATURE_VERSION
from dedup.model import SCORE_VERSION, Status
from dedup.store import tables

FORMAT = "dedup fingerprint"
VERSION = "1"
HASHES = ("sha256", "pixels")
FACTS = ("width", "height", "format", "jpeg_quality", "lossless", "singularity")
SUFFIX = ".parquet"


class Images(Protocol):
    """What a fingerprint is made of: the part of `dedup.dataset.Dataset` it reads."""

    @property
    def frame(self) -> pd.DataFrame:
        """One row per image."""

    @property
    def signatures(self) -> NDArray[np.void]:
        """Structured array of dtype `SIGNATURE`, one per row."""


@dataclass(frozen=True)
class Fingerprint:
    """The readable images of a dataset, one row each.

    `facts` has sha256 and pixels (hex), path ('' when names were left out) and, unless `hash_only`, the columns
    `FACTS`. `hashes` (n, 32) uint8 are the perceptual hashes; `signatures` (n,) of dtype `SIGNATURE`, None when
    `hash_only`.
    """

    facts: pd.DataFrame
    hashes: NDArray[np.uint8]
    signatures: NDArray[np.void] | None

    def __len__(self) -> int:
        return len(self.facts)

    @property
    def hash_only(self) -> bool:
        """Whether it holds hashes alone."""
        return self.signatures is None


def of(images: Images, *, hash_only: bool = False, names: bool = False) -> Fingerprint:
    """The fingerprint of a dataset's readable images; `names` includes their paths."""
    readable = np.flatnonzero((images.frame["status"] == Status.OK).to_numpy())
    chosen = images.frame.iloc[readable]
    facts = chosen[[*HASHES] if hash_only else [*HASHES, *FACTS]].reset_index(drop=True)
    facts = facts.assign(path=chosen["path"].to_numpy() if names else "")
    signatures = images.signatures[readable]
    return Fingerprint(facts, np.ascontiguousarray(signatures["hash"]), None if hash_only else signatures)


def write(fingerprint: Fingerprint, path: Path, *, overwrite: bool = False) -> None:
    """Write the file. Raises `ExportError` when it exists (unless `overwrite`), `DatasetError` when it cannot be."""
    require_free(path, overwrite)
    columns = {name: _binary(fingerprint.facts[name]) for name in HASHES}
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
    facts = pd.DataFrame({name: [value.hex() for value in table.column(name).to_pylist()] for name in HASHES})
    if not hash_only:
        facts = facts.join(tables.frame_of(table.select(list(FACTS))))
    facts["path"] = table.column("path").to_pylist() if "path" in table.column_names else ""
    dtype = np.dtype([("hash", "u1", (32,))]) if hash_only else SIGNATURE
    signatures = tables.records_from_table(table, dtype)
    return Fingerprint(facts, np.ascontiguousarray(signatures["hash"]), None if hash_only else signatures)


def _binary(hexadecimal: pd.Series[str]) -> pa.Array:
    values = [bytes.fromhex(text) for text in hexadecimal]
    return pa.array(values, pa.binary(len(values[0]) if values else 1))


def _versions() -> dict[str, str]:
    return {
        "format": FORMAT,
        "version": VERSION,
        "signature_version": str(SIGNATURE_VERSION),
        "score_version": str(SCORE_VERSION),
    }
