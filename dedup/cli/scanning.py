"""scan, sample, list, rename, forget: the datasets."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

import dedup
from dedup.cli.common import Home, Json, Name, ProgressJson, lasting, progress, say, say_json
from dedup.cli.overview import remember
from dedup.errors import UsageError
from dedup.images.hashes import check as check_hash
from dedup.model import Kind, Role
from dedup.store.home import find_directory, home_directory
from dedup.words import command_line, other_files, plural

if TYPE_CHECKING:
    from dedup.dataset import Dataset
    from dedup.scanning.shards import Shard

LABELS_HELP = "A file or folder of labels; repeatable (default: those found beside the images)."
HASH_HELP = "Also hash as imagehash does, such as phash; repeatable."
SOURCE_HELP = "A folder of images, a .zip, .tar, .parquet or .lmdb with them, a .txt or .csv list, s3://…"
THOROUGH_HELP = "Also find parts: small crops, any rotation, collages, screenshots. A dataset keeps what it was told."
NAME_HELP = "Name of the dataset (default: the folder's); needed where a folder has several."

NewName = Annotated[str | None, typer.Option("--name", help=NAME_HELP)]
LabelFiles = Annotated[list[Path] | None, typer.Option("--labels", "--annotations", help=LABELS_HELP)]
Thorough = Annotated[bool | None, typer.Option("--thorough/--not-thorough", help=THOROUGH_HELP)]
NoLabels = Annotated[bool, typer.Option("--no-labels", help="Read no labels.")]
Workers = Annotated[int | None, typer.Option("--workers", min=1, help="Processes (default: all).")]
EngineName = Annotated[str, typer.Option("--engine", help="What reads the files: local, or ray, a cluster.")]
RayAddress = Annotated[str, typer.Option("--ray-address", help="Of the cluster, host:port (default: this machine's).")]


def scan(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help=SOURCE_HELP)],
    name: NewName = None,
    labels: LabelFiles = None,
    hashes: Annotated[list[str] | None, typer.Option("--hash", help=HASH_HELP)] = None,
    no_labels: NoLabels = False,
    workers: Workers = None,
    engine: EngineName = "local",
    ray_address: RayAddress = "",
    max_pixels: Annotated[int | None, typer.Option("--max-pixels", min=1, help="Largest picture to decode.")] = None,
    thorough: Thorough = None,
    shard: Annotated[str, typer.Option("--shard", help="Read only this share of the files, such as 3/64.")] = "",
    parts: Annotated[str | None, typer.Option("--parts", help="Where shards put what they read, for `merge`.")] = None,
    home: Home = None,
    as_json: Json = False,
    progress_json: ProgressJson = False,
) -> int:
    """Read a folder of images and find its duplicates; run it again to bring it up to date."""
    annotations = _chosen_labels(labels, no_labels)
    if shard or parts:
        if not shard or not parts:
            raise UsageError("--shard and --parts belong together: --shard 3/64 --parts DIR.")
        if name or labels or hashes or as_json or thorough:
            raise UsageError("A shard only reads images: give --name, --labels, --thorough and --json to `merge`.")
        with progress(as_json=progress_json) as on_progress:
            done = dedup.scan_shard(
                source,
                shard,
                lasting(parts),
                workers=workers,
                max_pixels=max_pixels,
                engine=engine,
                ray_address=ray_address,
                on_progress=on_progress,
            )
        return _tell_shard(done, parts)
    for kind in hashes or ():
        check_hash(kind)  # so that a wrong name is told before anything is read
    with progress(as_json=progress_json) as on_progress:
        dataset = dedup.scan(
            source,
            name=name,
            home=home,
            annotations=annotations,
            use_found=True,
            workers=workers,
            engine=engine,
            ray_address=ray_address,
            max_pixels=max_pixels,
            thorough=thorough,
            on_progress=on_progress,
        )
        if hashes:
            dataset.compute_hashes(hashes, on_progress)
    return _told(dataset, as_json=as_json, quiet=progress_json)


def merge(
    parts: Annotated[list[str], typer.Argument(metavar="DIR", help="Folders that `scan --shard` wrote, or s3://…")],
    source: Annotated[str | None, typer.Option("--source", help="Where the images lie here, if elsewhere.")] = None,
    name: NewName = None,
    labels: LabelFiles = None,
    no_labels: NoLabels = False,
    workers: Workers = None,
    engine: EngineName = "local",
    ray_address: RayAddress = "",
    thorough: Thorough = None,
    home: Home = None,
    as_json: Json = False,
    progress_json: ProgressJson = False,
) -> int:
    """Make one dataset of all shards of a source: that of one scan of it."""
    with progress(as_json=progress_json) as on_progress:
        dataset = dedup.merge(
            parts,
            source=source,
            name=name,
            home=home,
            annotations=_chosen_labels(labels, no_labels),
            use_found=True,
            workers=workers,
            engine=engine,
            ray_address=ray_address,
            thorough=thorough,
            on_progress=on_progress,
        )
    return _told(dataset, as_json=as_json, quiet=progress_json)


def _chosen_labels(labels: list[Path] | None, no_labels: bool) -> list[Path] | None:
    """The labels that --labels and --no-labels mean, None for those that are found. Raises `UsageError`."""
    if labels and no_labels:
        raise UsageError("--labels and --no-labels contradict each other. Give one of them.")
    return [] if no_labels else labels or None


def _told(dataset: Dataset, *, as_json: bool, quiet: bool) -> int:
    """Say what a scan found; the exit code."""
    counts = summary(dataset) | {"labels": _labels(dataset), "notes": _notes(dataset)}
    remember(dataset)
    if as_json:
        say_json(counts)
    elif not quiet:
        _tell(counts, near_in_words(dataset))
    return 1 if counts["failed"] or dataset.annotation_errors else 0


def _tell_shard(shard: Shard, parts: str) -> int:
    failed = f", {shard.failed:,} failed" if shard.failed else ""
    say(f"Shard {shard.number:,} of {shard.of:,}: {plural(shard.images, 'image')} read{failed}.")
    for folder in shard.away:
        say(f"  the folder {folder} cannot be read here")
    when = "Next" if shard.of == 1 else f"When all {shard.of:,} are done"
    say(f"{when}: {command_line('merge', parts)}")
    return 1 if shard.failed or shard.away else 0


def _labels(dataset: Dataset) -> list[dict[str, object]]:
    """The labels that are used, and those that were found and are not."""
    used = [Path(path) for path in dataset.info.annotations]
    folder, found = dataset.labels_root, {each.path: each for each in dataset.labels_found}
    told: list[dict[str, object]] = []
    for path in dict.fromkeys([*used, *found]):
        words = found[path].sentence(folder) if path in found else str(path)
        told.append({"path": path, "what": words, "used": path in used})
    return told


def _notes(dataset: Dataset) -> list[str]:
    """What is to be known of a scan beside its counts."""
    from dedup.catalogue import moved_from

    former = moved_from(dataset)
    if former is None:
        return []
    go_on = command_line("scan", dataset.info.source, "--name", former.name)
    clear_up = command_line("forget", dataset.name)
    here = f"Most images of {former.name}, whose folder {former.root} is gone, are here"
    return [f"{here}: `{go_on}` goes on with its tags and decisions, then `{clear_up}` clears up."]


def make_sample(
    folder: Annotated[Path, typer.Argument(help="A new folder to write the sample images into.")],
) -> None:
    """Write a few hundred sample images with planted duplicates of every sort."""
    from dedup import sample  # the drawing code is of no use to the other verbs

    with progress() as on_progress:
        sample.make(folder, on_progress=on_progress)
    say(f"Wrote the sample images to {folder}. Next: {command_line('scan', folder)}")


def list_datasets(home: Home = None, as_json: Json = False) -> None:
    """List the datasets."""
    infos = dedup.datasets(home)
    if as_json:
        say_json([asdict(info) for info in infos])
        return
    for info in infos:
        say(info.name, plural(info.images, "image"), info.root)
    if not infos:
        say("No datasets yet. Begin with: dedup scan FOLDER")


def rename(name: Name, new_name: Annotated[str, typer.Argument(help="The new name.")], home: Home = None) -> None:
    """Give a dataset another name."""
    dedup.rename(name, new_name, home=home)
    say(f"{name} is now called {new_name}.")


def forget(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
    home: Home = None,
) -> None:
    """Take a dataset off the list with its tags and decisions; its images are not touched."""
    if not yes:
        find_directory(home_directory(home), name)  # before anything is asked about it
        typer.confirm(f"Forget {name} with its tags and decisions? The images stay where they are.", abort=True)
    dedup.forget(name, home=home)
    say(f"Forgot {name}. Its images are untouched.")


def near_in_words(dataset: Dataset) -> str:
    """How many images are near duplicates, and how many of them are not the ones to keep, as `check` counts them."""
    near = dataset.frame[dataset.frame["kind"] == Kind.NEAR]
    return f"{plural(len(near), 'near duplicate')} ({near['role'].eq(Role.DUPLICATE).sum():,} except keepers)"


def summary(dataset: Dataset) -> dict[str, object]:
    """Counts of a dataset, for people and machines."""
    from dedup.labels.coco import notes_of
    from dedup.query.selection import KINDS

    kinds = dataset.frame["kind"].value_counts()
    return {
        "name": dataset.name,
        "root": dataset.address,
        "outdated": dataset.outdated,
        "images": len(dataset.frame),
        **{kind: int(kinds.get(kind, 0)) for kind in KINDS},
        "groups": len(dataset.groups),
        "thorough": dataset.info.thorough,
        "containing": int((dataset.frame["contains"] > 0).sum()),
        "parts": int((dataset.frame["part_of"] > 0).sum()),
        "annotations": int(dataset.frame["annotations"].sum()),
        "annotated": int((dataset.frame["annotations"] > 0).sum()),
        "near_threshold": dataset.near_threshold,
        "passed_over": dict(dataset.info.passed_over),
        "asks_about_folders": dataset.asks_about_folders,
        "annotation_notes": [
            *notes_of(dataset.attachments),
            *dataset.annotation_errors,
            *dataset.labels_unread,
            *dataset.labels_strange,
        ],
        "splits_told": dict(Counter(dataset.splits_told.values())),
        "splits_several": dict(dataset.splits_several),
    }


def _tell(counts: dict[str, object], near: str) -> None:
    name = str(counts["name"])
    say(
        f"{name}: {plural(cast('int', counts['images']), 'image')}, "
        f"{plural(cast('int', counts['exact']), 'exact duplicate')}, {near}, "
        f"{counts['unique']:,} unique, {counts['failed']:,} failed"
    )
    if counts["thorough"] or counts["containing"]:
        say(f"  {plural(cast('int', counts['containing']), 'image')} contain others, and {counts['parts']:,} are parts")
    if passed_over := cast("dict[str, int]", counts["passed_over"]):
        say(f"  passed over {other_files(passed_over)}")
    if counts["asks_about_folders"]:
        say(f"  copies lie in folders of other names; say if these are labels: {command_line('folders', name)}")
    labels = cast("list[dict[str, object]]", counts["labels"])
    for used, words in ((True, "labels"), (False, "found, not used")):
        if those := [str(each["what"]) for each in labels if each["used"] == used]:
            say(f"  {words}: {'; '.join(those)}" + ("" if used else " (--labels chooses, --no-labels reads none)"))
    if splits := cast("dict[str, int]", counts["splits_told"]):
        told = ", ".join(f"{name} {count:,}" for name, count in sorted(splits.items()))
        say(f"  splits told by the labels: {told} ({command_line('splits', name, '--clear')} takes them back)")
    if several := cast("dict[str, tuple[str, ...]]", counts["splits_several"]):
        path, names = next(iter(several.items()))
        say(f"  {plural(len(several), 'image')} in several splits by the labels, such as {path} ({', '.join(names)})")
    for note in (*counts["annotation_notes"], *counts["notes"]):  # type: ignore[misc]
        say(f"  {note}")
    say(f"Look at it: dedup app, or: {command_line('show', name)}")
