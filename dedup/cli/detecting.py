"""detect: a folder's copies in one command, as scripts of old did it; nothing needs to be scanned before."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import dedup
from dedup.cli.common import Home, Json, opened, progress, say, say_json
from dedup.cli.looking import Montages, described, groups_of, tell_group, write_montages
from dedup.cli.overview import remember
from dedup.cli.scanning import HASH_HELP, SOURCE_HELP, NewName
from dedup.images.hashes import check as check_hash
from dedup.model import Kind, Role, Status
from dedup.words import command_line, plural

if TYPE_CHECKING:
    from dedup.dataset import Dataset


def detect(
    folder: Annotated[str, typer.Argument(help=SOURCE_HELP)],
    near: Annotated[bool, typer.Option("--near", help="Near duplicates, too: edited copies of one picture.")] = False,
    montages: Montages = None,
    remove: Annotated[bool, typer.Option("--remove", help="Move all but one of each to the quarantine.")] = False,
    kinds: Annotated[list[str] | None, typer.Option("--hash", help=HASH_HELP)] = None,
    name: NewName = None,
    home: Home = None,
    as_json: Json = False,
) -> int:
    """Find the copies in a folder, show them with their hashes, and take them out of it when asked to.

    What is removed comes back, byte for byte, by `restore`; the last copy of anything stays.
    """
    for kind in kinds or ():
        check_hash(kind)  # so that a wrong name is told before anything is read
    with progress() as on_progress:
        dataset = dedup.scan(folder, name=name, home=home, on_progress=on_progress)
        if kinds:
            dataset.compute_hashes(kinds, on_progress)
    remember(dataset)
    groups = groups_of(dataset) if near else exact_copies(dataset)
    if montages is not None:
        write_montages(dataset, montages, groups)
    found = _found(dataset, groups)
    if as_json and not remove:
        say_json(found)
    if not as_json:
        _tell(dataset, found, near, montages)
    if remove:
        return _take_out(dataset, near, home, found if as_json else None) or (1 if found["failed"] else 0)
    if not as_json and groups:
        again = command_line("detect", folder, "--remove", *(["--near"] if near else []), *_where(name, home))
        say(f"Nothing was touched. Take the copies out with: {again}")
    return 1 if found["failed"] else 0


def exact_copies(dataset: Dataset) -> list[list[int]]:
    """Rows of the sets of exact copies, the one that stays first."""
    frame = dataset.frame
    redundant = frame["kind"] == Kind.EXACT
    copies = frame[frame["content"].isin(frame.loc[redundant, "content"])]
    order = copies.assign(goes=redundant, other=copies["role"] != Role.KEEPER)
    order = order.sort_values(["group", "content", "goes", "other", "path"])
    return [rows.index.tolist() for _, rows in order.groupby("content", sort=False)]


def _where(name: str | None, home: Path | None) -> list[str]:
    """The options with which the next command means the same dataset."""
    named = ["--name", name] if name else []
    return [*named, "--home", str(home)] if home else named


def _found(dataset: Dataset, groups: list[list[int]]) -> dict[str, Any]:
    frame = dataset.frame
    return {
        "name": dataset.name,
        "images": len(frame),
        "copies": sum(len(rows) - 1 for rows in groups),
        "failed": int((frame["status"] == Status.FAILED).sum()),
        "groups": [described(dataset, rows) for rows in groups],
    }


def _tell(dataset: Dataset, found: dict[str, Any], near: bool, montages: Path | None) -> None:
    groups = found["groups"]
    for place, group in enumerate(groups, start=1):
        tell_group(place, group)
    kinds = "copies" if near else "exact copies"
    many = f"{plural(found['copies'], 'copy')} more than needed in {plural(len(groups), 'group')} of {kinds}"
    say(f"{plural(found['images'], 'image')} in {dataset.address}: {many if groups else f'no {kinds}'}.")
    if found["failed"]:
        say(f"{plural(found['failed'], 'file')} could not be read; see: {command_line('show', dataset.name)}")
    if montages is not None:
        say(f"Wrote {plural(len(groups), 'montage')} to {montages}.")


def _take_out(dataset: Dataset, near: bool, home: Path | None, found: dict[str, Any] | None) -> int:
    """Move the copies away; what was `found` is told with the outcome where that is for machines."""
    from dedup.cli.removing import carry_out, redundant_plan

    plan, as_json = redundant_plan(dataset, near=near), found is not None
    code = carry_out(dataset, plan, as_json, before=found, tags=True, annotations=False)
    if not as_json:
        after = len(opened(dataset.name, home).frame)
        say(f"{plural(len(dataset.frame), 'image')} before, {after:,} after.")
        if after < len(dataset.frame):
            back = command_line("restore", dataset.name, *_where(None, home))
            say(f"They come back, byte for byte, with: {back}")
    return code
