"""What speaks against a removal: the rules, the places of the files, and what can be told before any file is read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import cache, partial
from pathlib import Path

from dedup.model import TAG_PREFIX
from dedup.removal.images import Columns, Images, at, ground_of, is_there, place_of, require_current, require_leaving
from dedup.removal.journal import REMOVED, Removal, State, in_quarantine, read
from dedup.removal.keeping import Keeping
from dedup.removal.moves import A_LINK, Hasher, is_one_entry, is_same_file, outside
from dedup.removal.objects import Object, Place
from dedup.removal.planfile import Entry, Plan
from dedup.removal.refusal import UNREADABLE_NOW, RefusalError, attempt


class Checks:
    """Checks the entries of one plan. Every check raises `RefusalError`, with the reason, for what must stay."""

    def __init__(
        self, images: Images, removals: Iterable[Removal], how: str, hold: Mapping[int, str] | None = None
    ) -> None:
        removals = list(removals)
        self.images, self.how, self.hold = images, how, hold or {}
        self.columns = Columns(images.frame)
        self.rows = self.columns.row
        self.earlier = {(r.path, r.sha256): r for r in removals if r.state in REMOVED}
        self.keeping = Keeping(images, removals)
        self._in_quarantine = cache(partial(in_quarantine, directory=images.directory))
        self._against_folder = cache(self._against)
        self._sha256 = Hasher()

    def already(self, entry: Entry) -> bool:
        """Whether an earlier run did with this image what is asked now."""
        earlier = self.earlier.get((entry.path, entry.sha256))
        if earlier is None:
            return False
        if earlier.state == State.LINKED:
            ground = ground_of(self.images)
            return self.how == "hardlink" and is_same_file(at(ground, earlier.file), at(ground, earlier.keeper_file))
        row = self.rows.get(entry.path, -1)
        return row < 0 or not is_there(place_of(self.images, row))

    def rule(self, entry: Entry) -> None:
        """The last readable copy of a group stays, whatever the plan says, and so does what people hold back now."""
        row = self.rows.get(entry.path, -1)
        if row < 0:
            raise RefusalError("it is not in the dataset any more; make a new plan")
        if row in self.hold:
            raise RefusalError(self.hold[row])
        group = self.columns.group
        keeper = self.rows.get(entry.keeper_path, -1) if entry.keeper_path else -1
        same = self.columns.identity(row, keeper)
        if self.columns.sha256[row] != entry.sha256:
            raise RefusalError("it changed since the plan was made; make a new plan")
        if entry.keeper_path and keeper < 0:
            raise RefusalError(f"its keeper {entry.keeper_path} is not in the dataset any more; make a new plan")
        if keeper >= 0 and not same and (group[row] < 0 or group[row] != group[keeper]):
            raise RefusalError(f"it and {entry.keeper_path} are no longer in one group; make a new plan")
        if keeper < 0 and group[row] >= 0:
            raise RefusalError("it is in a group, and the plan names no keeper for it; make a new plan")
        if self.keeping.concerns(entry.path, entry.sha256):
            bound = self.keeping.bound(entry.path, entry.sha256, place_of(self.images, row), keeper >= 0, same)
            if bound:
                raise RefusalError(bound)
        if self.how != "quarantine" and keeper < 0:
            raise RefusalError("without a keeper an image can only go to the quarantine")
        if self.how == "hardlink" and not self.images.in_files:
            raise RefusalError("objects of a bucket cannot be links to each other")
        if self.how == "hardlink" and entry.sha256 != entry.keeper_sha256:
            raise RefusalError("only a copy with the very bytes of its keeper can become a link to it")
        if self.how == "delete" and not (same or entry.decided):
            raise RefusalError("only identical copies and images that a person decided can be deleted")

    def place(self, source: Place) -> None:
        """A file that goes is one, and lies in the folder itself where it can be changed."""
        if isinstance(source, str):
            if not is_there(source):
                raise RefusalError("the object is gone from its bucket; scan again")
            return
        if source.is_symlink():
            raise RefusalError(A_LINK)
        if not source.is_file():
            raise RefusalError("the file is gone from its folder; scan again")
        if reason := self._against_folder(source.parent):
            raise RefusalError(reason)

    def _against(self, folder: Path) -> str:
        if self._in_quarantine(folder):
            return "it lies in a quarantine; scan a folder without it"
        if not os.access(folder, os.W_OK | os.X_OK):
            return f"the folder {folder} is read-only"
        return outside(folder, self.images.root)

    def keeper_place(self, entry: Entry, source: Place, keeper: Place) -> None:
        """A file that stays is another than the one that goes, and lies in no quarantine."""
        if is_one_entry(source, keeper):
            raise RefusalError(f"it and its keeper {entry.keeper_path} are one and the same file by two ways")
        if isinstance(keeper, Path) and self._in_quarantine(keeper.parent):
            raise RefusalError(f"its keeper {entry.keeper_path} lies in a quarantine; scan a folder without it")

    def at_a_glance(self, entry: Entry) -> None:
        """All of these checks; the bytes are taken to be those of the scan as long as size and time are."""
        self.rule(entry)
        source = place_of(self.images, self.rows[entry.path])
        self.place(source)
        self._unchanged(entry.path, source, entry.sha256)
        if entry.keeper_path:
            keeper = place_of(self.images, self.rows[entry.keeper_path])
            self._unchanged(entry.keeper_path, keeper, entry.keeper_sha256)
            if is_same_file(source, keeper):
                self.keeper_place(entry, source, keeper)

    def _unchanged(self, path: str, file: Place, sha256: str) -> None:
        row, stat = self.rows[path], Object(file).stat() if isinstance(file, str) else file.stat()
        if stat.st_size == self.columns.bytes[row]:
            as_scanned = stat.st_mtime_ns == self.columns.mtime_ns[row] and self.columns.sha256[row] == sha256
            digest = sha256 if as_scanned else self._sha256(file)
            if digest == sha256:
                return
            if not digest:
                raise RefusalError(f"{path}: {UNREADABLE_NOW}")
        raise RefusalError(f"{path} changed since the scan; scan again")


def likely(
    images: Images, plan: Plan, how: str = "quarantine", *, hold: Mapping[int, str] | None = None
) -> tuple[Entry, ...]:
    """The entries of `plan` that will leave as far as can be told before their bytes are read: no rule speaks against
    it, image and keeper are there as they were scanned, and no earlier run did it. A file of another time is read.

    Raises `RemovalError` where images cannot leave, and where another version of dedup found the pairs."""
    require_leaving(images, plan.entries)
    require_current(images)
    checks = Checks(images, read(images.directory).values(), how, hold)
    return tuple(
        entry for entry in plan.entries if not checks.already(entry) and not attempt(partial(checks.at_a_glance, entry))
    )


def keeper_tags(images: Images, plan: Plan) -> dict[str, list[int]]:
    """Tags that a keeper lacks and an image leaving for it carries, as tag name to keeper rows: give them before
    applying, so that no tag is lost with the copy. The tag that chose what leaves is none of them."""
    rows = {path: row for row, path in enumerate(images.frame["path"])}
    couples = [(rows.get(entry.path, -1), rows.get(entry.keeper_path, -1)) for entry in plan.entries]
    wanted: dict[str, list[int]] = {}
    for column in images.frame.columns:
        if column.startswith(TAG_PREFIX) and column != TAG_PREFIX + plan.tag:
            tagged = images.frame[column].to_numpy(dtype=bool)
            gaining = {keeper for row, keeper in couples if row >= 0 <= keeper and tagged[row] and not tagged[keeper]}
            if gaining:
                wanted[column.removeprefix(TAG_PREFIX)] = sorted(gaining)
    return wanted
