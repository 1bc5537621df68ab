"""plan, apply, check, fingerprint, leaks, clashes, verdicts: decisions carried out, shared and enforced."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import dedup
from dedup import fingerprint, gate, leaks, removal, verdicts
from dedup.cli.common import Home, Json, Name, Overwrite, TagOption, complain, one_of, opened, progress, say, say_json
from dedup.cli.removing import UniteAnnotations, UniteTags, carry_out, removal_plan
from dedup.dataset import Dataset
from dedup.decisions import CLASH
from dedup.errors import UnknownDataset
from dedup.model import Status
from dedup.uniting import heritage
from dedup.words import plural, size

Output = Annotated[Path, typer.Option("--output", help="The file to write.")]
Limit = Annotated[int | None, typer.Option(min=0, help="The most there may be (default: not checked).")]


def plan(
    name: Name,
    output: Output,
    tag: TagOption = None,
    overwrite: Overwrite = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Write a removal plan: what goes, what stays for it and why, keyed by content hash. Nothing is touched.

    The images of --tag go; else those that people decided to let go; where nothing was decided, redundant exact copies.
    """
    made = removal_plan(opened(name, home), tag, decided=True)
    removal.write(made, output, overwrite=overwrite)
    if as_json:
        say_json({"remove": len(made.entries), "stay": len(made.stays), "path": output})
        return
    say(f"Wrote a plan to remove {plural(len(made.entries), 'image')} ({size(made.bytes)}) to {output}.")
    say(f"Carry it out with: dedup apply {name} {output}")


def apply(
    name: Name,
    plan_file: Annotated[Path, typer.Argument(metavar="PLAN", help="A plan written by `plan`.")],
    how: Annotated[str, typer.Option("--how", help=f"One of: {', '.join(removal.HOW)}.")] = "quarantine",
    allow_delete: Annotated[bool, typer.Option("--allow-delete", help="Needed for --how delete.")] = False,
    unite_tags: UniteTags = True,
    unite_annotations: UniteAnnotations = False,
    home: Home = None,
    as_json: Json = False,
) -> int:
    """Carry a plan out: by default into the quarantine, from where `restore` brings everything back."""
    chosen = one_of(how, tuple(removal.HOW), "way for copies to leave")
    dataset, planned = opened(name, home), removal.read(plan_file)
    left = heritage(dataset, planned, tags=unite_tags, annotations=unite_annotations)
    return carry_out(dataset, planned, left, as_json, how=chosen, allow_delete=allow_delete)


def check(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="A folder of images, or the name of a dataset.")],
    max_exact: Limit = None,
    max_near: Limit = None,
    max_leaks: Limit = None,
    max_clashes: Limit = None,
    against: Annotated[str | None, typer.Option("--against", help="A dataset or fingerprint to compare with.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> int:
    """A gate for data pipelines: exits with 1 when there is more of something than allowed."""
    dataset = _scanned(folder, home)
    if against is not None:
        return _check_against(dataset, against, home, as_json)
    report = gate.check(dataset, gate.Limits(max_exact, max_near, max_leaks, max_clashes))
    if as_json:
        found = {each.name: {"count": each.count, "limit": each.limit} for each in report.findings}
        say_json({"passed": report.passed, "findings": found})
        return 0 if report.passed else 1
    for finding in report.findings:
        say(finding.sentence())
        for example in finding.examples if finding.exceeded else ():
            say(f"  {example}")
    if not report.findings:
        say("Nothing was checked. Give a limit, e.g. --max-exact 0 --max-leaks 0.")
    return 0 if report.passed else 1


def export_fingerprint(
    name: Name,
    output: Output,
    hash_only: Annotated[bool, typer.Option("--hash-only", help="Only hashes, no tiny pictures.")] = False,
    names: Annotated[bool, typer.Option("--names", help="Include the paths of images.")] = False,
    overwrite: Overwrite = False,
    home: Home = None,
) -> None:
    """Write what others need to compare their images with yours, without your pictures."""
    made = fingerprint.of(opened(name, home), hash_only=hash_only, names=names)
    fingerprint.write(made, output, overwrite=overwrite)
    say(f"Wrote the fingerprint of {plural(len(made), 'image')} to {output}.")


def show_leaks(
    name: Name,
    csv: Annotated[Path | None, typer.Option("--csv", help="Write the proposed moves here.")] = None,
    coco: Annotated[Path | None, typer.Option("--coco", help="A folder for one repaired COCO file per split.")] = None,
    overwrite: Overwrite = False,
    home: Home = None,
    as_json: Json = False,
) -> int:
    """Groups of duplicates across train, val and test, and the fewest moves that repair them."""
    dataset = opened(name, home)
    repair = leaks.repair(dataset.frame)
    crossing = leaks.crossing_groups(dataset.frame)
    if as_json:
        moves = [{"path": move.path, "before": move.before, "after": move.after} for move in repair.moves]
        say_json({"crossing": len(crossing), "before": repair.before.to_dict(), "moves": moves})
    else:
        say(f"{plural(len(crossing), 'group')} across splits.")
        say(repair.before.to_string() if len(repair.before) else "No image has a split: name folders train, val, test.")
        for move in repair.moves:
            say(f"  {move.path}: {move.before} to {move.after}")
    if csv is not None:
        leaks.write_csv(repair, csv, overwrite=overwrite)
    if coco is not None:
        splits = leaks.splits_after(dataset.frame, repair, dataset.labels.dropped)
        made = leaks.documents(dataset.resolved_sources, splits)
        leaks.write_coco(made, coco, overwrite=overwrite)
    return 1 if crossing else 0


def show_clashes(name: Name, home: Home = None, as_json: Json = False) -> int:
    """Copies whose labels or boxes differ, and what was decided about them; exits with 1 while some are open."""
    dataset = opened(name, home)
    decided = dataset.decisions.values(CLASH)
    found = [(case.clash, case.choice(decided)) for case in dataset.clashes]
    open_ones = sum(choice is None for _, choice in found)
    paths = dataset.frame["path"].to_numpy(object)
    if as_json:
        say_json([{"left": paths[each.left], "right": paths[each.right], "what": each.sentence(), "choice": choice}
                  for each, choice in found])  # fmt: skip
    else:
        for each, choice in found:
            told = f" (decided: {choice})" if choice else ""
            say(f"{paths[each.left]} and {paths[each.right]}: {each.sentence()}{told}")
        words = plural(len(found), "label clash")
        say(f"{words}, {len(found) - open_ones:,} decided." if open_ones < len(found) else f"{words}.")
    return 1 if open_ones else 0


def export_verdicts(name: Name, output: Output, overwrite: Overwrite = False, home: Home = None) -> None:
    """Write the verdicts ("not a duplicate", reviewed groups) to a file for another machine or a colleague."""
    found = verdicts.of(opened(name, home).decisions)
    verdicts.write(found, output, overwrite=overwrite)
    say(f"Wrote {plural(len(found), 'verdict')} to {output}.")


def import_verdicts(
    name: Name, file: Annotated[Path, typer.Argument(help="A file written by `verdicts export`.")], home: Home = None
) -> None:
    """Add the verdicts of a file to a dataset, as one undoable step."""
    added = verdicts.merge(opened(name, home).decisions, verdicts.read(file))
    say(f"Added {plural(added, 'verdict')}.")


def _scanned(folder: str, home: Path | None) -> Dataset:
    """The dataset of that name, or that of the folder, scanned now."""
    try:
        return opened(folder, home)
    except UnknownDataset:
        with progress() as on_progress:
            return dedup.scan(folder, home=home, on_progress=on_progress)


def _check_against(dataset: Dataset, against: str, home: Path | None, as_json: bool) -> int:
    known = fingerprint.read(Path(against)) if Path(against).is_file() else opened(against, home)
    with progress() as on_progress:
        matches = gate.check_against(dataset, known, threshold=dataset.near_threshold, on_progress=on_progress)
    if as_json:
        say_json([{"path": each.path, "known": each.known, "relation": each.relation} for each in matches])
        return 1 if matches else 0
    for each in matches:
        say(f"{each.path} is known as {each.known}" + (f": {each.relation}" if each.relation else ""))
    say(f"{plural(len(matches), 'image')} of {len(dataset.frame):,} known already.")
    if not dataset.frame["status"].eq(Status.OK).all():
        complain("Files that could not be read were not compared.")
    return 1 if matches else 0
