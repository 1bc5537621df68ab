"""Which files belong to which images of a dataset by their names, and which images share one."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cached_property, lru_cache
from pathlib import Path, PurePosixPath

from dedup.images.companions import HEAD, Companions, is_document
from dedup.removal.images import Images, ground_of, is_there, place_of
from dedup.sources import Namesakes, Stored, blobs

UNLISTED = -1
"""Stands for an image that is in no row of the frame."""


class Company:
    """Looks into each folder once, and at all images that are called alike, wherever they lie: they may share what they
    have (`images/1.jpg` and `img/1.jpg` their `labels/1.txt`)."""

    def __init__(self, images: Images) -> None:
        self._images, self._finder = images, Companions()

    def shared_by(self, rows: Sequence[int]) -> dict[str, list[int]]:
        """The files of images, as they are called below the ground, to the rows of all that each belongs to."""
        paths: list[str] = self._images.frame["path"].tolist()
        having = [row for row in rows if any(True for _ in self._of(row))]
        alike = sorted({other for row in having for other in self._called(paths[row])})
        row_of = {place_of(self._images, row): row for row in alike}
        owners: dict[str, set[int]] = {}
        for row in alike:
            for file, others in self._of(row):
                owners.setdefault(file, set()).update([row, *(row_of.get(other, UNLISTED) for other in others)])
        going = set(rows)
        return {file: sorted(those) for file, those in owners.items() if those & going}

    def still_with(self, file: str, path: str) -> str:
        """The path of another image than `path` that a file belongs to and that is there, "" for none."""
        for row in self._called(path):
            other = str(self._images.frame["path"].iat[row])
            mine = other != path and any(file == each for each, _ in self._of(row))
            if mine and is_there(place_of(self._images, row)):
                return other
        return ""

    def is_document(self, file: str) -> bool:
        """Whether an object tells of a whole dataset; of files `Companions` knows."""
        return not self._images.in_files and _is_document(self._images.address, file)

    def _of(self, row: int) -> Iterator[tuple[str, tuple[Path, ...]]]:
        """Files of one image, each with the other images of its folder that share it."""
        if not self._images.in_files:
            image = self._images.where(row)
            found = _namesakes(self._images.address, self._images.scan_id)
            yield from ((each.key, ()) for each in (found.of(image) if isinstance(image, Stored) else ()))
            return
        file, ground = self._images.file(row), ground_of(self._images)
        if isinstance(ground, Path) and file.is_relative_to(ground):
            for each in self._finder.of(file):
                if each.file.is_relative_to(ground):
                    yield each.file.relative_to(ground).as_posix(), tuple(map(file.with_name, each.shared))

    def _called(self, path: str) -> list[int]:
        """All rows that are called like a path, but for their folders, endings and capitals."""
        return self._by_name.get(_name(path), [])

    @cached_property
    def _by_name(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for row, path in enumerate(self._images.frame["path"]):
            found.setdefault(_name(path), []).append(row)
        return found


def _name(path: str) -> str:
    return os.path.splitext(path.rpartition("/")[2])[0].casefold()


@lru_cache(maxsize=4)
def _namesakes(address: str, scan_id: str) -> Namesakes:
    """What belongs to images by name: a listing of the whole prefix, which a plan on a page is not made without."""
    return Namesakes()


@lru_cache(maxsize=10_000)
def _is_document(address: str, key: str) -> bool:
    def head() -> bytes:
        with suppress(OSError):  # nor can it be moved then
            return blobs.read(address + key, 0, HEAD)
        return b""

    return is_document(PurePosixPath(key), head)
