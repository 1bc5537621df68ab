"""Settling removals that were interrupted: whatever the moment of the crash, each file ends in one of two places."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

from dedup.errors import RemovalError
from dedup.removal.images import at
from dedup.removal.journal import UNDER_WAY, Journal, Removal, State
from dedup.removal.moves import part_name
from dedup.removal.objects import AnySpot, AnyTree, Place
from dedup.removal.refusal import attempt
from dedup.removal.tree import Spot


def recover(journal: Journal, tree: AnyTree) -> None:
    """Settle every removal and restore that a crash left under way. Raises `RemovalError` when the disk refuses."""
    for removal in list(journal.removals.values()):
        if removal.state in UNDER_WAY:
            reason = attempt(partial(settle, journal, tree, removal))
            if reason:
                raise RemovalError(f"The interrupted removal of {removal.path} cannot be settled: {reason}.")


def settle(journal: Journal, tree: AnyTree, removal: Removal) -> Removal:
    """Bring one removal that is under way to its end or back to its start, by what lies on the disk."""
    with reach(tree, removal.file) as file, reach(journal.tree_of(removal), removal.stored) as stored:
        for spot in (file, stored):
            if spot is not None and spot.beside(part_name(removal.id)).exists():  # a read-only disk refuses to unlink
                spot.beside(part_name(removal.id)).unlink()  # even nothing
        return journal.mark(removal, SETTLERS[removal.state](removal, file, stored, at(tree.top, removal.keeper_file)))


@contextmanager
def reach(tree: AnyTree, file: str) -> Iterator[AnySpot | None]:
    """`spot` of a tree, None where there is no such folder (or no `file` is named), so that no file can be there."""
    with ExitStack() as stack:
        spot: AnySpot | None = None
        if file:
            opened: AbstractContextManager[AnySpot] = tree.spot(file)
            with suppress(FileNotFoundError, NotADirectoryError):
                spot = stack.enter_context(opened)
        yield spot


def is_link_to(file: AnySpot | None, keeper: Place) -> bool:
    """Whether a name and the file that was kept are one file (hard links)."""
    with suppress(OSError):
        return isinstance(file, Spot) and isinstance(keeper, Path) and os.path.samestat(file.stat(), keeper.stat())
    return False


def _holds(spot: AnySpot | None, removal: Removal) -> bool:
    return spot is not None and spot.sha256() == removal.sha256


def _drop(spot: AnySpot | None) -> None:
    if spot is not None and spot.exists():
        spot.unlink()


def _is_there(spot: AnySpot | None) -> bool:
    return spot is not None and spot.exists()


def _moving(removal: Removal, file: AnySpot | None, stored: AnySpot | None, _keeper: Place) -> State:
    if _holds(file, removal):
        _drop(stored)
        return State.ABORTED
    # In neither place, it left for a quarantine that is away now: forgotten, it would not come back with that one.
    return State.QUARANTINED if _holds(stored, removal) or not _is_there(file) else State.ABORTED


def _linking(_removal: Removal, file: AnySpot | None, _stored: AnySpot | None, keeper: Place) -> State:
    return State.LINKED if is_link_to(file, keeper) else State.ABORTED


def _deleting(_removal: Removal, file: AnySpot | None, _stored: AnySpot | None, _keeper: Place) -> State:
    return State.ABORTED if _is_there(file) else State.DELETED


def _restoring(removal: Removal, file: AnySpot | None, stored: AnySpot | None, _keeper: Place) -> State:
    if not _holds(file, removal):
        return State.QUARANTINED
    _drop(stored)
    return State.RESTORED


def _unlinking(removal: Removal, file: AnySpot | None, _stored: AnySpot | None, keeper: Place) -> State:
    return State.RESTORED if _holds(file, removal) and not is_link_to(file, keeper) else State.LINKED


SETTLERS: dict[State, Callable[[Removal, AnySpot | None, AnySpot | None, Place], State]] = {
    State.MOVING: _moving,
    State.LINKING: _linking,
    State.DELETING: _deleting,
    State.RESTORING: _restoring,
    State.UNLINKING: _unlinking,
}
