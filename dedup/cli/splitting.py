"""splits, leaks: which image is in which split, and the copies across them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dedup.cli.common import Home, Json, Name, Overwrite, complain, opened, say, say_json
from dedup.errors import UsageError
from dedup.words import plural

if TYPE_CHECKING:
    from dedup.dataset import Dataset
    from dedup.splits import leaks
    from dedup.splits.given import Splits


def splits(
    name: Name,
    csv: Annotated[Path | None, typer.Option("--csv", help="A CSV with the columns path and split.")] = None,
    from_annotations: Annotated[
        bool, typer.Option("--from-annotations", help="Go by the names of the dataset's COCO files (train.json).")
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


def show_leaks(
    name: Name,
    csv: Annotated[Path | None, typer.Option("--csv", help="Write the proposed moves here.")] = None,
    coco: Annotated[Path | None, typer.Option("--coco", help="A folder for one repaired COCO file per split.")] = None,
    overwrite: Overwrite = False,
    home: Home = None,
    as_json: Json = False,
) -> int:
    """Groups of duplicates across train, val, test and other splits, and the fewest moves that repair them.

    Images to evaluate with (val, test, dev, eval, holdout) stay where they are as far as possible: their training
    copies move to them. Images that people decided to let go are in no proposal and in no repaired file.
    """
    from dedup.splits import leaks

    dataset = opened(name, home)
    repair = leaks.repair(leaks.staying(dataset.frame))
    crossing = leaks.crossing_groups(dataset.frame)
    written = [] if csv is None else [_write_moves(repair, csv, overwrite)]
    made, notes = ([], ()) if coco is None else _write_coco(dataset, repair, coco, overwrite)
    if as_json:
        moves = [{"path": move.path, "before": move.before, "after": move.after} for move in repair.moves]
        say_json({"crossing": len(crossing), "before": repair.before.to_dict(), "moves": moves,
                  "written": [*written, *made], "notes": list(notes)})  # fmt: skip
    else:
        _tell_leaks(len(crossing), repair, leaks.out_of_sight(dataset.frame))
        for path in written:
            say(f"Wrote {plural(len(repair.moves), 'move')} to {path}.")
        if made:
            say(f"Wrote {plural(len(made), 'COCO file')} to {coco}: {', '.join(path.name for path in made)}.")
        for note in notes:
            say(f"  {note}")
    if coco is not None and not made:
        complain("No COCO file was written: no annotation of this dataset is of an image with a split. "
                 "Scan it with --annotations first.")  # fmt: skip
        return 1
    return 1 if crossing else 0


def _found(dataset: Dataset, csv: Path | None) -> Splits:
    """What a CSV, or the names of the dataset's own COCO files, say. Raises `UsageError` where that is nothing."""
    from dedup.splits import given as said

    if csv is not None:
        found = said.from_csv(csv, dataset.frame["path"].tolist())
        if not found.of:
            raise UsageError(f"{csv} puts no image of {dataset.name} into a split. Give paths as in the dataset.")
        return found
    found = said.from_coco(dataset.sources)
    if not found.of:
        raise UsageError("The names of this dataset's COCO files say no split, as train.json does. Use --csv.")
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
    if found.ambiguous:
        told = plural(len(found.ambiguous), "image")
        complain(f"{told} in several splits, such as {found.ambiguous[0]}; left alone.")


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


def _tell_leaks(crossing: int, repair: leaks.Repair, remark: str) -> None:
    say(f"{plural(crossing, 'group')} across splits.")
    if len(repair.before):
        say(repair.before.to_string())
    if remark:
        say(f"{remark[0].upper()}{remark[1:]}.")
    for move in repair.moves:
        say(f"  {move.path}: {move.before} to {move.after}")
