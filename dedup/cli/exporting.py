"""export: a selection out of a dataset."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import dedup
from dedup.cli.common import (
    STANDARD_OUTPUT,
    Home,
    Json,
    Name,
    Overwrite,
    TagOption,
    Where,
    file_for,
    lasting,
    named,
    one_of,
    opened,
    progress,
    say_json,
    selected,
    teller,
)
from dedup.errors import Cancelled, UsageError
from dedup.sources import blobs
from dedup.words import command_line, plural

if TYPE_CHECKING:
    from dedup.dataset import Dataset

NO_LABELS = "none"
LABELS_HELP = "coco, yolo, voc, imagefolder, csv, parquet or none (default: as they were read)."


def labels_asked_for(dataset: Dataset, labels: str | None) -> str:
    """The format to write labels in, as it was asked for, else as they were read; '' for none. Raises `UsageError` for
    a wrong name, so that it is told before anything is written."""
    from dedup.exports.items import label_format
    from dedup.exports.labels import as_read

    if labels == NO_LABELS:
        return ""
    return label_format(labels).name if labels else as_read(dataset.attachments)


def export(
    name: Name,
    to: Annotated[str, typer.Option("--to", help="One of: csv, parquet, pairs, coco, folder, or a plug-in.")],
    output: Annotated[
        str,
        typer.Option(
            "--output",
            help="What to write: a file (- is standard output); for `folder` a new folder, an archive (clean.zip, "
            "clean.tar, clean.parquet of rows; clean/*.tar for one of each archive), or a place in a bucket (s3://…).",
        ),
    ],
    where: Where = "",
    tag: TagOption = None,
    overwrite: Overwrite = False,
    mode: Annotated[str, typer.Option("--mode", help="For `folder`, one of: copy, symlink, hardlink.")] = "copy",
    labels: Annotated[str | None, typer.Option("--labels", help=f"For `folder`: {LABELS_HELP}")] = None,
    annotations: Annotated[
        bool | None, typer.Option("--annotations/--no-annotations", help="For `folder`: with labels, or without any.")
    ] = None,
    per_split: Annotated[
        bool, typer.Option("--per-split", help="For `folder`: one file of annotations for each split.")
    ] = False,
    companions: Annotated[
        bool,
        typer.Option(
            "--companions/--no-companions", help="For `folder`: films, captions, labels of the same names too."
        ),
    ] = True,
    similar: Annotated[bool, typer.Option("--similar", help="For `pairs`: also pairs that are only similar.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> int:
    """Write the selected images as CSV, Parquet, pairs, COCO or a folder of files (which becomes a dataset too)."""
    from dedup.exports import FOLDER, PAIRS, packed
    from dedup.exports.folder import MODES, labels_written, unsaid
    from dedup.exports.items import LEFT_OUT
    from dedup.exports.labels import LABEL_FORMATS

    output = lasting(output)
    dataset, place = opened(name, home), output if blobs.is_address(output) else Path(output)
    if annotations is False:
        written = ""
    elif labels is None and annotations is None:
        written = unsaid(dataset, place) if to == FOLDER.name else ""
    else:
        written = labels_asked_for(dataset, labels)
    if annotations and not written and labels != NO_LABELS:
        written = LABEL_FORMATS[0].name
    options: dict[str, dict[str, Any]] = {
        FOLDER.name: {
            "mode": one_of(mode, MODES, "way to write files"),
            "labels": written,
            "per_split": per_split,
            "companions": companions,
        },
        PAIRS.name: {"similar": similar},
    }
    if place == STANDARD_OUTPUT and (to == FOLDER.name or as_json):
        other = "leave out --json" if as_json else "choose another export"
        raise UsageError(f"Standard output takes one file: give a path with --output, or {other}.")
    with progress() as on_progress, nullcontext(place) if isinstance(place, str) else file_for(place) as path:
        report = dataset.export(
            to,
            path,
            selected(dataset, where, tag),
            overwrite=overwrite,
            on_progress=on_progress,
            **options.get(to, {}),
        )
        if to == FOLDER.name and report.rows:
            read_back = labels_written(place, written) or None
            found = packed.is_packed(place) and read_back is None
            try:
                dedup.scan(place, home=home, annotations=read_back, use_found=found, on_progress=on_progress)
            except (Cancelled, KeyboardInterrupt) as error:
                to_go_on = command_line("scan", place)
                raise Cancelled(
                    f"Stopped; all is written, but {place} is no dataset yet. To make it one: {to_go_on}"
                ) from error
    code = int(any(note.startswith(LEFT_OUT) for note in report.notes))
    if as_json:
        say_json({"rows": report.rows, "path": report.path, "notes": report.notes})
        return code
    noun = {PAIRS.name: "pair", FOLDER.name: "file"}.get(to, "image")
    tell = teller(Path(output))
    where_to = named(STANDARD_OUTPUT) if place == STANDARD_OUTPUT else report.path
    tell(f"Wrote {plural(report.rows, noun)} to {where_to}.")
    for note in report.notes:
        tell(f"  {note}")
    return code
