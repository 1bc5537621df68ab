"""What `show` tells of a dataset, kept beside it: asked again before anything changed, no table need be read."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dedup.errors import DatasetError
from dedup.files import PRIVATE, write_text
from dedup.model import MATCHING_VERSION, SOFTWARE_VERSION
from dedup.store.decisions import Decisions
from dedup.store.home import find_directory, home_directory, read_info

if TYPE_CHECKING:
    from dedup.dataset import Dataset

FILE = "overview.json"
SHOWN = 10
"""Groups and failures that are listed."""


def overview(name: str, home: Path | None) -> dict[str, Any]:
    """`of` the dataset of that name, as it is now. Raises `UnknownDataset` and `DatasetError`."""
    directory = find_directory(home_directory(home), name)
    kept = _kept(directory, _key(directory))
    if kept is not None:
        return kept
    import dedup

    return remember(dedup.open(name, home=home, session="command line"))


def remember(dataset: Dataset) -> dict[str, Any]:
    """`of` a dataset, kept for the next time."""
    key = _key(dataset.directory)
    told = of(dataset)
    with suppress(DatasetError):  # a full or read-only disk costs only the time to tell it again
        write_text(dataset.directory / FILE, json.dumps({"key": key, "told": told}), PRIVATE)
    return told


def of(dataset: Dataset) -> dict[str, Any]:
    """name, root, outdated (what to do, or ""), thorough, containing (images), counts (by what is counted), tags (name
    to count), groups (how many), bytes_saved, biggest (path, exact, near, bytes_saved of each), failed (how many),
    failures (path and error of each)."""
    from dedup.model import Status
    from dedup.query.selection import KINDS

    frame, groups = dataset.frame, dataset.groups.table
    kinds = frame["kind"].value_counts()
    failed = frame[frame["status"] == Status.FAILED]
    biggest = groups.head(SHOWN)[["path", "exact", "near", "bytes_saved"]]
    return {
        "name": dataset.name,
        "root": dataset.address,
        "outdated": dataset.outdated,
        "thorough": dataset.info.thorough,
        "containing": int((frame["contains"] > 0).sum()),
        "counts": {"images": len(frame)} | {kind: int(kinds.get(kind, 0)) for kind in KINDS},
        "tags": {tag.name: tag.count for tag in dataset.tags.values()},
        "groups": len(groups),
        "bytes_saved": int(groups["bytes_saved"].sum()),
        "biggest": [[path, int(a), int(b), int(saved)] for path, a, b, saved in biggest.itertuples(index=False)],
        "failed": len(failed),
        "failures": failed[["path", "error"]].head(SHOWN).to_numpy().tolist(),
    }


def _key(directory: Path) -> list[object]:
    """Changes with whatever the overview tells of."""
    revisions = Decisions(directory / "decisions.db", "command line").revisions()
    return [SOFTWARE_VERSION, MATCHING_VERSION, directory.name, read_info(directory).scan_id, *revisions]


def _kept(directory: Path, key: list[object]) -> dict[str, Any] | None:
    try:
        stored = json.loads((directory / FILE).read_text(encoding="utf-8"))
        told: dict[str, Any] | None = stored["told"] if stored["key"] == key else None
        return told
    except (OSError, ValueError, KeyError, TypeError):
        return None
