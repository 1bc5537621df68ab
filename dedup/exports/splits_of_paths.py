"""Folders that name a split, for images that are of another one now: they are written where their split says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from dedup.sources.split_names import split_name


def in_their_splits(paths: Mapping[int, PurePosixPath], splits: Mapping[int, str]) -> dict[int, PurePosixPath]:
    """Paths by row; where the innermost folder that names a split names another than the image's own (by row, "" for
    none), that folder is called after it: as another folder beside it that names that split, where there is one. What
    would be called as another image is, but for the suffix, keeps the name of the folder it came from in its own
    (`a (train).jpg`): captions and labels belong to images by their names."""
    beside: dict[tuple[PurePosixPath, str], str] = {}
    for path in paths.values():
        if (at := _naming(path)) is not None:
            beside.setdefault((PurePosixPath(*path.parts[:at]), split_name(path.parts[at])), path.parts[at])
    taken = {_stem(path) for path in paths.values()}
    called: dict[tuple[str, str], str] = {}  # what share a name where they come from share one where they go
    found: dict[int, PurePosixPath] = {}
    for row, path in paths.items():
        at = _naming(path)
        if at is None or not splits[row] or split_name(path.parts[at]) == (split_name(splits[row]) or splits[row]):
            found[row] = path
            continue
        above = PurePosixPath(*path.parts[:at])
        folder = beside.get((above, split_name(splits[row])), splits[row]) if split_name(splits[row]) else splits[row]
        moved = PurePosixPath(above, folder, *path.parts[at + 1 :])
        source = _stem(path), folder
        if source not in called:
            free = moved
            while _stem(free) in taken:
                free = free.with_stem(f"{free.stem} ({path.parts[at]})")
            taken.add(_stem(free))
            called[source] = free.stem
        found[row] = moved.with_stem(called[source])
    return found


def _stem(path: PurePosixPath) -> str:
    return str(path.with_suffix("")).casefold()


def _naming(path: PurePosixPath) -> int | None:
    """Which part of a path is the innermost folder that names a split."""
    return next((at for at in range(len(path.parts) - 2, -1, -1) if split_name(path.parts[at])), None)
