"""Quarantines of datasets that are no more: what lies there still belongs to a folder, and comes back through it."""

from __future__ import annotations

from pathlib import Path

from dedup.removal.images import Images
from dedup.removal.journal import JOURNAL, REMOVED, read
from dedup.store.home import INFO_FILE


def orphans(images: Images) -> list[Path]:
    """Directories of the dataset's home that hold a journal of removals but no dataset, and of these the ones whose
    removed images left this folder, or, where older journals do not say so, for images of this dataset. Raises
    `RemovalError` for a damaged journal."""
    found = sorted(images.directory.parent.glob(f"*/{JOURNAL}"))
    lost = [file.parent for file in found if file.parent != images.directory and not (file.parent / INFO_FILE).exists()]
    if not lost:
        return []
    here = set(zip(images.frame["path"], images.frame["sha256"], strict=True))
    return [directory for directory in lost if _left(directory, images.address, here)]


def _left(directory: Path, root: str, here: set[tuple[str, str]]) -> bool:
    standing = (removal for removal in read(directory).values() if removal.state in REMOVED)
    return any(each.root == root or (each.keeper_path, each.keeper_sha256) in here for each in standing)
