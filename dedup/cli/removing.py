"""remove, restore, verify: copies out of a folder and back, without losing anything."""

from __future__ import annotations

from typing import Annotated

import typer

from dedup import removal, review
from dedup.cli.common import Home, Json, Name, TagOption, complain, opened, progress, say, say_json
from dedup.dataset import Dataset
from dedup.errors import DedupError
from dedup.uniting import Heritage, heritage, unite
from dedup.words import plural, size

UniteTags = Annotated[
    bool, typer.Option("--unite-tags/--no-unite-tags", help="Whether copies that stay get the tags of what goes.")
]
UniteAnnotations = Annotated[
    bool, typer.Option("--unite-annotations", help="Give copies that stay the annotations that only what goes has.")
]


def remove(
    name: Name,
    apply: Annotated[bool, typer.Option("--apply", help="Do it; without this it is only a preview.")] = False,
    tag: TagOption = None,
    unite_tags: UniteTags = True,
    unite_annotations: UniteAnnotations = False,
    home: Home = None,
    as_json: Json = False,
) -> int:
    """Move redundant exact copies (or the images of --tag) into the dataset's quarantine; `restore` undoes it."""
    dataset = opened(name, home)
    plan = removal_plan(dataset, tag)
    left = heritage(dataset, plan, tags=unite_tags, annotations=unite_annotations)
    if not apply:
        _preview(plan, left, as_json)
        return 0
    return carry_out(dataset, plan, left, as_json)


def restore(name: Name, home: Home = None, as_json: Json = False) -> int:
    """Bring every removed image back to its place, byte for byte; never over an existing file."""
    dataset = opened(name, home)
    with progress() as on_progress:
        report = removal.restore(dataset, on_progress=on_progress)
    _bring_up_to_date(dataset)
    return _report(report, "Restored", as_json)


def verify(name: Name, home: Home = None, as_json: Json = False) -> int:
    """Check that every removed image is intact in the quarantine and its keeper has the right bytes."""
    checked = removal.verify(opened(name, home))
    if as_json:
        say_json({"checked": checked.checked, "problems": checked.problems})
    else:
        say(f"Checked {plural(checked.checked, 'removed image')}: {plural(len(checked.problems), 'problem')}.")
        for problem in checked.problems:
            complain(problem)
    return 1 if checked.problems else 0


def removal_plan(dataset: Dataset, tag: str | None, *, decided: bool = False) -> removal.Plan:
    """The removal of the tag's images, else with `decided` of those that people decided on, else of exact copies.

    Protected folders never go; groups whose labels clash only when a person named their images by a tag.
    """
    now = review.state(dataset, review.clashing(dataset))
    if tag is not None:
        return removal.plan(dataset, tag, hold=now.protected)
    return review.plan(dataset, now) if decided and now.dropped else removal.plan(dataset, hold=now.hold)


def _preview(plan: removal.Plan, left: Heritage, as_json: bool) -> None:
    if as_json:
        say_json({"remove": [entry.path for entry in plan.entries], "stay": [stay.path for stay in plan.stays],
                  "tags": {tag: len(rows) for tag, rows in left.tags.items()},
                  "annotations": sum(map(len, left.annotations.values()))})  # fmt: skip
        return
    for entry in plan.entries:
        say(f"{entry.path}  goes; {entry.keeper_path or 'nothing'} stays for it ({entry.reason})")
    for stay in plan.stays:
        say(f"{stay.path}  stays: {stay.reason}")
    _tell(left, "would be given")
    goes = f"{plural(len(plan.entries), 'image')} ({size(plan.bytes)})"
    say(f"{goes} would go to the quarantine; nothing was touched. Add --apply.")


def _tell(left: Heritage, verb: str) -> None:
    if told := left.sentence():
        say(f"{told} {verb} to copies that stay.")
    for note in left.notes:
        complain(note)


def carry_out(
    dataset: Dataset,
    plan: removal.Plan,
    left: Heritage,
    as_json: bool,
    *,
    how: str = "quarantine",
    allow_delete: bool = False,
) -> int:
    """Hand on what is `left` to keepers, apply a plan, bring the dataset up to date and report; the exit code."""
    removal.require_way(how, allow_delete=allow_delete)
    unite(dataset, left)
    if not as_json:
        _tell(left, "given")
    with progress() as on_progress:
        report = removal.apply(dataset, plan, how=how, allow_delete=allow_delete, on_progress=on_progress)
    _bring_up_to_date(dataset)
    return _report(report, "Removed", as_json)


def _bring_up_to_date(dataset: Dataset) -> None:
    """Let the frame know which files are there now; a folder that is empty or away has nothing to scan."""
    try:
        dataset.rescan()
    except DedupError as error:
        complain(f"The dataset was not brought up to date: {error}")


def _report(report: removal.Report, verb: str, as_json: bool) -> int:
    if as_json:
        say_json({"done": [each.path for each in report.done], "refused": report.refusals()})
    else:
        say(f"{verb} {plural(len(report.done), 'image')} ({size(report.bytes)}).")
        for refusal in report.refusals():
            complain(refusal)
    return 1 if report.refused else 0
