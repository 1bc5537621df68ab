"""show, duplicates, tag, runs, undo, redo, history: looking at a dataset and deciding."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dedup.cli.common import Home, Json, Name, PutTag, Where, opened, progress, say, say_json, selected
from dedup.cli.overview import overview
from dedup.cli.scanning import near_in_words, summary
from dedup.errors import UsageError
from dedup.images.hashes import COLUMN
from dedup.model import Status
from dedup.words import difference, plural, size

if TYPE_CHECKING:
    from dedup.dataset import Dataset

Montages = Annotated[
    Path | None, typer.Option("--montage", help="A folder to write one montage picture per group into.")
]


def show(name: Name, home: Home = None, as_json: Json = False) -> None:
    """Counts, the biggest groups and the failures of a dataset."""
    if as_json:
        dataset = opened(name, home)
        tags = {tag.name: tag.count for tag in dataset.tags.values()}
        groups, failures = dataset.groups.table.to_dict("records"), _failures(dataset)
        say_json(summary(dataset) | {"tags": tags, "groups": groups, "failures": failures})
        return
    told = overview(name, home)
    say(f"{told['name']}  {told['root']}")
    if told["outdated"]:
        say(f"  {told['outdated']}")
    if told["thorough"] or told["containing"]:
        contain = "contains" if told["containing"] == 1 else "contain"
        how = "scanned thoroughly: " if told["thorough"] else ""
        say(f"  {how}{plural(told['containing'], 'image')} {contain} others")
    for counted, count in told["counts"].items():
        say(f"  {counted:8s}{count:>10,}")
    for tag, count in told["tags"].items():
        say(f"  tag {tag}: {plural(count, 'image')}")
    if told["groups"]:
        say(f"Biggest of {plural(told['groups'], 'group')} ({size(told['bytes_saved'])} to save):")
    for path, exact, near, saved in told["biggest"]:
        say(f"  {path}: {exact:,} exact and {near:,} near, {size(saved)}")
    if told["failed"]:
        say(f"{plural(told['failed'], 'file')} could not be read:")
    for path, error in told["failures"]:
        say(f"  {path}: {error}")
    if told["failed"] > len(told["failures"]):
        say(f"  ... and {told['failed'] - len(told['failures']):,} more; see export --to csv")


def duplicates(
    name: Name,
    montages: Montages = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """The groups of duplicates, with hashes, the one to keep and how each differs."""
    dataset = opened(name, home)
    groups = [described(dataset, rows) for rows in groups_of(dataset)]
    if as_json:
        say_json(groups)
    else:
        for place, group in enumerate(groups, start=1):
            tell_group(place, group)
        if not groups:
            say("There are no duplicates.")
    if montages is not None:
        written = write_montages(dataset, montages)
        if not as_json:
            say(f"Wrote {plural(written, 'montage')} to {montages}.")


def tag(
    name: Name,
    tag_name: Annotated[str, typer.Argument(metavar="TAG", help="The tag; a new one is created.")],
    where: Where = "",
    remove: Annotated[bool, typer.Option("--remove", help="Take the tag off instead.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Put a tag on the images that --where selects (all without it), or take it off."""
    dataset = opened(name, home)
    mask = selected(dataset, where, None)
    changed = dataset.tag(mask, tag_name, remove=remove) if remove or mask.any() else 0
    if as_json:
        say_json({"tag": tag_name, "selected": int(mask.sum()), "changed": changed})
        return
    if not mask.any():
        say("No image matches; nothing was done.")
        return
    verb = "Removed" if remove else "Added"
    say(f"{verb} tag {tag_name}: {plural(changed, 'image')} of {int(mask.sum()):,} selected changed.")


def show_runs(
    name: Name,
    every: Annotated[
        int | None, typer.Option("--every", min=2, help="Name all but the first of a run and each such one after it.")
    ] = None,
    unchanged: Annotated[bool, typer.Option("--unchanged", help="Name those in which nothing changes.")] = False,
    put: PutTag = "",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Frames and bursts that follow each other; with --every or --unchanged the images that leave when they are
    thinned."""
    if (every and unchanged) or (put and not (every or unchanged)):
        raise UsageError("Give --every N or --unchanged; --put-tag needs one of them.")
    dataset = opened(name, home)
    paths = dataset.frame["path"]
    if every is None and not unchanged:
        found = [paths.iloc[run].tolist() for run in dataset.runs]
        if as_json:
            say_json({"runs": found})
            return
        for run in found:
            say(f"{plural(len(run), 'image')}", run[0], run[-1])
        if not found:
            say("No images follow each other.")
        return
    from dedup.groups import runs  # with all that makes the frame, which who only shows counts needs not

    if every:
        mask = runs.every(dataset.runs, every, len(paths))
    else:
        mask = runs.unchanged(dataset.runs, dataset.frame, dataset.pairs)
    changed = dataset.tag(mask, put) if put and mask.any() else 0
    if as_json:
        say_json({"images": paths[mask].tolist(), "changed": changed})
        return
    for path in paths[mask]:
        say(path)
    if put:
        say(f"Added tag {put}: {plural(changed, 'image')} of {int(mask.sum()):,} changed.")


def undo(name: Name, home: Home = None) -> None:
    """Take back the latest decision."""
    label = opened(name, home).decisions.undo()
    say(f"Undone: {label}." if label else "There is nothing to undo.")


def redo(name: Name, home: Home = None) -> None:
    """Do again what was undone last."""
    label = opened(name, home).decisions.redo()
    say(f"Done again: {label}." if label else "There is nothing to redo.")


def history(name: Name, home: Home = None, as_json: Json = False) -> None:
    """The latest decisions: when, who, what."""
    operations = opened(name, home).decisions.history()
    if as_json:
        say_json([asdict(each) for each in operations])
        return
    for each in operations:
        state = "" if each.state == "done" else f" ({each.state})"
        say(f"{each.at}  {each.session}: {each.label}, {plural(each.changes, 'change')}{state}")


def threshold(
    name: Name,
    distance: Annotated[float | None, typer.Argument(help="Up to this it is a near duplicate: above 0, to 1.")] = None,
    home: Home = None,
) -> None:
    """Show or move the near-duplicate threshold; nothing is scanned again."""
    dataset = opened(name, home)
    if distance is not None:
        dataset.near_threshold = distance
    say(f"The near-duplicate threshold is {dataset.near_threshold:g}: {near_in_words(dataset)}.")


def _failures(dataset: Dataset) -> list[dict[str, Any]]:
    failed = dataset.frame[dataset.frame["status"] == Status.FAILED]
    return [{"path": path, "error": error} for path, error in zip(failed["path"], failed["error"], strict=True)]


def groups_of(dataset: Dataset) -> list[list[int]]:
    """Rows of the groups, the keeper first; most bytes to save first."""
    return [list(group.rows) for group in dataset.groups]


def write_montages(dataset: Dataset, folder: Path, groups: list[list[int]] | None = None) -> int:
    """A picture of each of the groups (of all by default); returns how many there are."""
    from dedup.exports import montage
    from dedup.images.decode import own_process

    own_process()
    with progress() as on_progress:
        return len(montage.write(dataset, folder, groups, on_progress=on_progress))


def described(dataset: Dataset, rows: list[int]) -> dict[str, Any]:
    """Copies of one image, for machines; the first of `rows` is the one that stays."""
    kinds = [name for name in dataset.frame if str(name).startswith(COLUMN)]
    columns = ["path", "sha256", "kind", "role", "distance", "relation", *kinds]
    images = dataset.frame.iloc[rows][columns].to_dict("records")
    hashes = [bits.tobytes().hex() for bits in dataset.signatures["hash"][rows]]
    return {
        "keeper": images[0]["path"],
        "reason": dataset.frame["keeper_reason"].iat[rows[0]],
        "images": [image | {"hash": hashed} for image, hashed in zip(images, hashes, strict=True)],
    }


def _hashes(image: dict[str, Any]) -> str:
    """The hashes of imagehash that were computed."""
    return "".join(
        f"  {name.removeprefix(COLUMN)} {value}" for name, value in image.items() if name.startswith(COLUMN) and value
    )


def tell_group(place: int, group: dict[str, Any]) -> None:
    """The same for people: a line a copy, with its hash."""
    keeper, *copies = group["images"]
    say(f"Group {place}: keep {keeper['path']}  hash {keeper['hash']}{_hashes(keeper)}")
    if group["reason"]:
        say(f"  because {group['reason']}")
    for image in copies:
        how = difference(image["kind"], image["relation"], image["distance"])
        say(f"  {image['kind']} {image['path']}  hash {image['hash']}{_hashes(image)}{how}")
