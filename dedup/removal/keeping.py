"""Which images must stay for others that were removed, whichever dataset of the home took them out of the folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dedup.removal.images import Images, at, ground_of, place_of
from dedup.removal.journal import BACK, JOURNAL, Removal, State, read
from dedup.removal.moves import Hasher, is_one_entry
from dedup.removal.objects import Place
from dedup.sources import blobs
from dedup.store.directory import stores


@dataclass(frozen=True, slots=True)
class Absent:
    """An image that left what it lay below, `root`; `dataset` names the other dataset that it left through, "" for this
    one."""

    removal: Removal
    root: Place
    dataset: str = ""

    @property
    def keeper(self) -> Place:
        """Where the file lies, or lay, that was proven to stay for it."""
        return at(self.root, self.removal.keeper_file)

    @property
    def story(self) -> str:
        """What became of it, and what frees the one that stays for it."""
        through = f" through the dataset {self.dataset}" if self.dataset else ""
        if self.removal.state == State.DELETED:
            return f"which was deleted{through}"
        return f"which was removed{through}; restore that one first"


def absent(images: Images, removals: Iterable[Removal]) -> list[Absent]:
    """Those of `removals`, of this dataset, that hold or are under way, and those of the other datasets of its home
    whose folder is the same, inside or around."""
    own = [Absent(each, ground_of(images)) for each in removals]
    return [each for each in (*own, *_neighbours(images)) if each.removal.state not in BACK]


def _neighbours(images: Images) -> Iterator[Absent]:
    here = ground_of(images)
    for store in stores(images.directory.parent):
        if store.directory.name == images.directory.name or not (store.directory / JOURNAL).exists():
            continue
        info = store.known_info()
        there = info and (info.root if blobs.is_address(info.root) else Path(info.root))
        if there and _meet(here, there):
            for removal in read(store.directory).values():
                yield Absent(removal, there, store.directory.name)


def _meet(one: Place, other: Place) -> bool:
    """Whether one is the other, inside or around."""
    if isinstance(one, str) or isinstance(other, str):
        both = isinstance(one, str) and isinstance(other, str)
        return both and (str(one).startswith(str(other)) or str(other).startswith(str(one)))
    one, other = one.resolve(), other.resolve()
    return one.is_relative_to(other) or other.is_relative_to(one)


class Keeping:
    """The removed images that each image stands for: those it was named the keeper of, by its path here, and those
    whose keeper had its very bytes, so that a new name or another dataset frees no last copy. An image that left with
    no keeper had none that was known; of its bytes, too, what is still there or came back is then the last copy."""

    def __init__(self, images: Images, removals: Iterable[Removal]) -> None:
        self._by_path: dict[str, list[Absent]] = {}
        self._by_content: dict[str, list[Absent]] = {}
        self._root, self._sha256 = ground_of(images), Hasher()
        for each in absent(images, removals):
            self._add(each)

    def add(self, removal: Removal) -> None:
        """An image of this dataset left."""
        self._add(Absent(removal, self._root))

    def _add(self, each: Absent) -> None:
        if not each.removal.keeper_path:
            self._by_content.setdefault(each.removal.sha256, []).append(each)
            return
        self._by_content.setdefault(each.removal.keeper_sha256, []).append(each)
        if not each.dataset:
            self._by_path.setdefault(each.removal.keeper_path, []).append(each)

    def concerns(self, path: str, sha256: str) -> bool:
        """Whether an image could stand for any."""
        return path in self._by_path or sha256 in self._by_content

    def bound(self, path: str, sha256: str, file: Place, has_keeper: bool, identical: str) -> str:
        """Why an image must stay for removed ones, "" when it may leave.

        It may leave for a keeper with identical pixels; for a near one when all it stands for are identical to it; and
        when the very file that was kept for them is another one and still there. So a chain of keepers never strays
        further than one near pair from any image that left.
        """
        if has_keeper and identical:
            return ""
        for each, same in self._stands_for(path, sha256, file):
            if not has_keeper or not same:
                return f"it stays for {each.removal.path}, {each.story}"
        return ""

    def _stands_for(self, path: str, sha256: str, file: Place) -> Iterator[tuple[Absent, bool]]:
        """The removed images that an image stands for, also through others that left for it, each with whether it is
        identical to the image."""
        pending, seen = [(each, True) for each in self._of(path, sha256)], set()
        while pending:
            each, same = pending.pop()
            if each in seen or self._kept_elsewhere(each, file):
                continue
            seen.add(each)
            same = same and bool(each.removal.identical or not each.removal.keeper_path)
            yield each, same
            own = "" if each.dataset else each.removal.path
            pending += [(earlier, same) for earlier in self._of(own, each.removal.sha256)]

    def _of(self, path: str, sha256: str) -> list[Absent]:
        return [*self._by_path.get(path, ()), *self._by_content.get(sha256, ())]

    def _kept_elsewhere(self, each: Absent, file: Place) -> bool:
        """Whether the file kept for it is there, and not `file`. That one is bound in turn by its own path."""
        if not each.removal.keeper_path or self._sha256(each.keeper) != each.removal.keeper_sha256:
            return False
        return not is_one_entry(file, each.keeper)


class Contents:
    """Finds files by their bytes, wherever the dataset knows them now."""

    def __init__(self, images: Images) -> None:
        self._images, self._sha256 = images, Hasher()
        self._rows = images.frame["sha256"].reset_index(drop=True).groupby(images.frame["sha256"].to_numpy()).indices

    def find(self, first: Place, sha256: str) -> Place | None:
        """`first` when it has these bytes, else another file of the dataset that does, else None."""
        if self._sha256(first) == sha256:
            return first
        files = (place_of(self._images, int(row)) for row in self._rows.get(sha256, ()))
        return next((file for file in files if self._sha256(file) == sha256), None)
