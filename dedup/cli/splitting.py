"""splits, split, leaks: which image is in which split, splits that cannot leak, and the copies across them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dedup.cli.common import Home, Json, Name, Overwrite, complain, one_of, opened, say, say_json, say_text
from dedup.cli.exporting import LABELS_HELP, labels_asked_for
from dedup.errors import UsageError
from dedup.files import expanded, require_here
from dedup.model import REACHES, Reach
from dedup.words import plural

if TYPE_CHECKING:
    from dedup.dataset import Dataset
    from dedup.exports import Report
    from dedup.splits import leaks, making
    from dedup.splits.given import Splits


def splits(
    name: Name,
    csv: Annotated[Path | None, typer.Option("--csv", help="A CSV with the columns path and split.")] = None,
    from_annotations: Annotated[
        bool,
        typer.Option(
            "--from-annotations", help="Go by the dataset's own labels: train.json, a data.yaml, ImageSets, a column."
        ),
    ] = False,
    clear: Annotated[bool, typer.Option("--clear", help="Forget the splits that were set, and go by folders.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Show how many images are in each split, or set their splits in one undoable step.

    Where none is set, the folders that images lie in (train, val, test) tell it.
    """
    from dedup.splits import given as said
    from dedup.splits.given import Splits

    dataset = opened(name, home)
    if (csv is not None) + from_annotations + clear > 1:
        raise UsageError("Splits come from one source at a time: --csv, --from-annotations or --clear.")
    before, found = _counts(dataset), Splits({})
    if clear:
        said.forget(dataset.decisions)
    elif csv is not None or from_annotations:
        found = _found(dataset, csv)
        source = csv.name if csv else "the annotation files of this dataset"
        said.follow(dataset.decisions, found.new(dataset.frame), source)
    _tell_splits(before, _counts(dataset), found, as_json)


def split(
    name: Name,
    train: Annotated[float | None, typer.Option("--train", min=0, max=1, help="Share of train, such as 0.8.")] = None,
    val: Annotated[float | None, typer.Option("--val", min=0, max=1, help="Share of val.")] = None,
    test: Annotated[float | None, typer.Option("--test", min=0, max=1, help="Share of test.")] = None,
    share: Annotated[list[str] | None, typer.Option("--share", help="Another: NAME=SHARE; repeatable.")] = None,
    folds: Annotated[int | None, typer.Option("--folds", min=2, help="So many folds instead, as tags.")] = None,
    together: Annotated[str, typer.Option("--together", help=f"One of: {', '.join(REACHES)}.")] = "scene",
    by: Annotated[list[str] | None, typer.Option("--by", help="Also: folder, or FILE.csv:COLUMN; repeatable.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="Another one gives other splits.")] = 0,
    anew: Annotated[bool, typer.Option("--anew", help="Move images that have a split already, too.")] = False,
    stratify: Annotated[bool, typer.Option("--stratify/--no-stratify", help="Classes in equal shares.")] = True,
    tags: Annotated[bool, typer.Option("--tags", help="As tags, and leave splits as they are.")] = False,
    csv: Annotated[Path | None, typer.Option("--csv", help="Also write path and split here.")] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Only tell what would be.")] = False,
    overwrite: Overwrite = False,
    home: Home = None,
    as_json: Json = False,
) -> int:
    """Make splits that cannot leak: copies, similar scenes and bursts on one side, classes in equal shares.

    Set in one undoable step; images that have a split keep it. Exits with 1 where images would join two splits.
    """
    from dedup.splits import making

    if folds and (share or (train, val, test) != (None, None, None)):
        raise UsageError("Folds are of equal size. Give --folds, or shares.")
    dataset = opened(name, home)
    shares = making.folds(folds) if folds else _shares(train, val, test, share or [])
    held = [_holding(dataset, each) for each in by or []]
    reach: Reach = one_of(together, tuple(REACHES), "reach")
    asked = making.Asked(shares, seed, reach, held, keep=not anew, stratify=stratify)
    as_tags = tags or bool(folds)
    made = making.make(making.split_by_tags(dataset.frame, shares) if as_tags else dataset.frame, dataset.pairs, asked)
    if csv is not None:
        making.write_csv(made, csv, overwrite=overwrite)
    if not preview:
        making.follow(dataset.decisions, made, tags=as_tags)
    if as_json:
        counts = {**dict.fromkeys(shares, 0), **made.counts}
        say_json({"counts": counts, "changed": len(made.new), "units": made.units, "largest": made.largest,
                  "deviation": made.deviation, "class": made.worst_class, "torn": made.torn, "divided": made.divided,
                  "passed_over": made.passed_over, "written": not preview})  # fmt: skip
    else:
        _tell_made(made, asked, preview=preview)
    return 1 if made.torn or made.divided else 0


def _shares(train: float | None, val: float | None, test: float | None, more: list[str]) -> dict[str, float]:
    """Shares by split. Raises `UsageError`."""
    told = {name: share for name, share in (("train", train), ("val", val), ("test", test)) if share is not None}
    for each in more:
        name, _, number = each.rpartition("=")
        try:
            told[name.strip()] = float(number)
        except ValueError as error:
            raise UsageError(f"--share {each!r} is no NAME=SHARE, such as holdout=0.1.") from error
    return told or {"train": 0.8, "val": 0.1, "test": 0.1}


def _holding(dataset: Dataset, by: str) -> list[tuple[str, str]]:
    """What else holds images together: their folder, or a column of a CSV. Raises `UsageError`."""
    from dedup.splits import given as said
    from dedup.splits import making

    if by == "folder":
        return making.by_folder(dataset.frame)
    file, _, column = by.rpartition(":")
    if not file:
        raise UsageError(f"--by {by!r} is neither folder nor FILE.csv:COLUMN.")
    held, missing = said.column_of(Path(file), column, dataset.frame["path"].tolist())
    if missing:
        complain(f"{plural(len(missing), 'name')} in {file} of no image of this dataset, such as {missing[0]}.")
    told = {path for path, value in held if value}
    if without := [path for path in dataset.frame["path"] if path not in told]:
        complain(
            f"{plural(len(without), 'image')} without a value in {file}, such as {without[0]}: held by nothing there."
        )
    return held


def _tell_made(made: making.Made, asked: making.Asked, *, preview: bool) -> None:
    say(f"{made.sentence()}.")
    for line in made.table().to_string().splitlines():
        say(line)
    say(f"{made.units_told()}" + ("." if made.divided else "; none is divided."))
    if made.passed_over:
        say(f"In no split, for they cannot be read: {plural(made.passed_over, 'file')}.")
    for told in filter(None, (made.empty_told(), made.kept_told(), made.divided_told(), made.torn_told())):
        complain(told)
    changed = plural(len(made.new), "image")
    say(f"{changed} would change. Leave out --preview to set them." if preview else f"{changed} changed; dedup undo.")


def show_leaks(
    name: Name,
    csv: Annotated[Path | None, typer.Option("--csv", help="Write the proposed moves here.")] = None,
    coco: Annotated[Path | None, typer.Option("--coco", help="A folder for one repaired COCO file per split.")] = None,
    folder: Annotated[
        Path | None, typer.Option("--folder", help="A new folder for the repaired dataset: images with their labels.")
    ] = None,
    labels: Annotated[str | None, typer.Option("--labels", help=f"For --folder: {LABELS_HELP}")] = None,
    overwrite: Overwrite = False,
    home: Home = None,
    as_json: Json = False,
) -> int:
    """Groups of duplicates across train, val, test and other splits, after a thorough scan also images that contain one
    of another split, and the fewest moves that repair them.

    Images to evaluate with (val, test, dev, eval, holdout) stay where they are as far as possible: their training
    copies move to them. Images that people decided to let go are in no proposal and in no repaired file.
    """
    from dedup.splits import leaks

    if labels is not None and folder is None:
        raise UsageError("--labels says how labels are written into a folder; give one with --folder.")
    dataset = opened(name, home)
    repair = leaks.repair(leaks.staying(dataset.frame), dataset.pairs)
    containing = leaks.holders(leaks.parts_across(dataset.frame, dataset.pairs))
    crossing = leaks.crossing_groups(dataset.frame)
    written = [] if csv is None else [_write_moves(repair, csv, overwrite)]
    made, notes = ([], ()) if coco is None else _write_coco(dataset, repair, coco, overwrite)
    report = None if folder is None else _write_folder(dataset, repair, folder, labels)
    if report is not None:
        written.append(Path(report.path))
        notes = (*notes, *report.notes)
    if as_json:
        moves = [{"path": move.path, "before": move.before, "after": move.after} for move in repair.moves]
        say_json({"crossing": len(crossing), "containing": containing, "before": repair.before.to_dict(),
                  "moves": moves, "written": [*written, *made], "notes": list(notes)})  # fmt: skip
    else:
        _tell_leaks(len(crossing), containing, repair, leaks.out_of_sight(dataset.frame))
        if csv is not None:
            say(f"Wrote {plural(len(repair.moves), 'move')} to {csv}.")
        if report is not None:
            say(f"Wrote {plural(report.rows, 'file')} to {report.path}.")
        if made:
            say(f"Wrote {plural(len(made), 'COCO file')} to {coco}: {', '.join(path.name for path in made)}.")
        for note in notes:
            say(f"  {note}")
    if coco is not None and not made:
        complain("No COCO file was written: no annotation of this dataset is of an image with a split. "
                 "Scan it with --annotations first.")  # fmt: skip
        return 1
    return 1 if crossing or containing else 0


def _found(dataset: Dataset, csv: Path | None) -> Splits:
    """What a CSV, or the dataset's own labels, say. Raises `UsageError` where that is nothing."""
    from dedup.splits import given as said

    if csv is not None:
        found = said.from_csv(csv, dataset.frame["path"].tolist())
        if not found.of:
            raise UsageError(f"{csv} puts no image of {dataset.name} into a split. Give paths as in the dataset.")
        return found
    found = said.from_labels(dataset.attachments, dataset.pictures)
    if not found.of:
        raise UsageError(
            "The labels of this dataset say no split, as train.json, a data.yaml, ImageSets or a column do. Use --csv."
        )
    return found


def _counts(dataset: Dataset) -> dict[str, int]:
    """Images by split, those without one under ""."""
    from dedup.splits import leaks

    counts = Counter(dataset.frame["split"].tolist())
    return {split: counts[split] for split in [*leaks.splits_of(dataset.frame), ""] if counts[split]}


def _tell_splits(before: dict[str, int], after: dict[str, int], found: Splits, as_json: bool) -> None:
    if as_json:
        say_json({"before": before, "after": after, "missing": found.missing, "ambiguous": found.ambiguous})
        return
    for split in dict.fromkeys([*after, *before]):
        now, then = after.get(split, 0), before.get(split, 0)
        say(f"{split or 'no split'}: {plural(now, 'image')}" + (f", before {then:,}" if after != before else ""))
    if found.missing:
        complain(f"{plural(len(found.missing), 'name')} of no image of this dataset, such as {found.missing[0]}.")
    if found.unclear:
        told = plural(len(found.unclear), "name")
        complain(f"{told} that several images may have, such as {found.unclear[0]}; left alone.")
    if found.several:
        told = plural(len(found.several), "image")
        complain(f"{told} in several splits, such as {next(iter(found.several))}; left alone.")


def _write_moves(repair: leaks.Repair, output: Path, overwrite: bool) -> Path:
    from dedup.splits import leaks

    leaks.write_csv(repair, output, overwrite=overwrite)
    return output


def _write_coco(
    dataset: Dataset, repair: leaks.Repair, folder: Path, overwrite: bool
) -> tuple[list[Path], tuple[str, ...]]:
    from dedup.splits import leaks

    splits_after = leaks.splits_after(leaks.staying(dataset.frame), repair, dataset.labels.dropped)
    made, notes = leaks.documents(dataset.resolved_sources, splits_after)
    return leaks.write_coco(made, folder, overwrite=overwrite), notes


def _write_folder(dataset: Dataset, repair: leaks.Repair, output: Path, labels: str | None) -> Report:
    """The repaired dataset as a folder, its labels as they were read or as asked for."""
    from dedup.exports import folder
    from dedup.splits import leaks

    after = leaks.Repaired(dataset, leaks.splits_after(leaks.staying(dataset.frame), repair, dataset.labels.dropped))
    written = labels_asked_for(dataset, labels)
    require_here(output)
    target = expanded(output).absolute()
    report = folder.write(after, after.mask, target, labels=written, per_split=bool(written))
    unread = int(((after.frame["split"] != "") & ~after.mask).sum())
    told = (f"Left out {plural(unread, 'file')} that cannot be read.",) if unread else ()
    return replace(report, notes=(*report.notes, *told))


def _tell_leaks(crossing: int, containing: int, repair: leaks.Repair, remark: str) -> None:
    from dedup.splits import leaks

    say(f"{plural(crossing, 'group')} across splits.")
    if containing:
        say(f"{leaks.containing(containing)}.")
    if len(repair.before):
        say_text(repair.before.to_string())
    if remark:
        say(f"{remark[0].upper()}{remark[1:]}.")
    for move in repair.moves:
        say(f"  {move.path}: {move.before} to {move.after}")
