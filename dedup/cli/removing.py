"""remove, restore, verify: copies out of a folder and back, without losing anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

import dedup
from dedup.cli.common import Home, Json, Name, TagOption, complain, opened, progress, say, say_json
from dedup.errors import DedupError, UsageError
from dedup.model import Kind, Role
from dedup.words import command_line, displayable, plural, size

if TYPE_CHECKING:
    from dedup import removal
    from dedup.dataset import Dataset
    from dedup.removal import Entry, Plan
    from dedup.review.handover import Heritage

UniteTags = Annotated[
    bool, typer.Option("--unite-tags/--no-unite-tags", help="Whether copies that stay get the tags of what goes.")
]
UniteAnnotations = Annotated[
    bool, typer.Option("--unite-annotations", help="Give copies that stay the annotations that only what goes has.")
]
Exact = Annotated[
    bool, typer.Option("--exact", help="The redundant exact copies, whether or not anybody decided about them.")
]
With = Annotated[
    bool,
    typer.Option("--companions/--no-companions", help="Whether films, captions, labels of the same name go along."),
]
DONE = {"quarantine": "Removed", "hardlink": "Linked", "delete": "Deleted"}


class Basis(StrEnum):
    """What a removal is made of: once people decided anything, only what they decided goes unasked."""

    TAG = "tag"
    DECIDED = "decisions"
    EXACT = "exact copies"
    UNDECIDED = "exact copies, nothing decided"


WORDS = {
    Basis.TAG: "The images of the tag go.",
    Basis.DECIDED: "Only what people decided goes; --exact takes the redundant exact copies instead.",
    Basis.EXACT: "The redundant exact copies go, decided or not.",
    Basis.UNDECIDED: "Nothing was decided, so the redundant exact copies go.",
}


def remove(
    name: Name,
    apply: Annotated[bool, typer.Option("--apply", help="Do it; without this it is only a preview.")] = False,
    tag: TagOption = None,
    exact: Exact = False,
    unite_tags: UniteTags = True,
    unite_annotations: UniteAnnotations = False,
    companions: With = True,
    home: Home = None,
    as_json: Json = False,
) -> int:
    """Move images into the dataset's quarantine; `restore` undoes it.

    The images of --tag go; else those that people decided to let go; where nothing was decided, redundant exact copies.
    """
    from dedup.review.handover import heritage, what_is_lost

    dataset = opened(name, home)
    plan, basis = removal_plan(dataset, tag, exact=exact, companions=companions)
    if not apply:
        left = heritage(dataset, plan, tags=unite_tags, annotations=unite_annotations)
        _preview(dataset, plan, basis, left, "" if unite_annotations else what_is_lost(dataset, plan), as_json)
        return 0
    if not as_json:
        say(WORDS[basis])
    return carry_out(dataset, plan, as_json, tags=unite_tags, annotations=unite_annotations)


def restore(name: Name, home: Home = None, as_json: Json = False) -> int:
    """Bring every removed image back to its place, byte for byte; never over an existing file."""
    from dedup import removal
    from dedup.removal import State

    dataset = opened(name, home)
    with progress() as on_progress:
        report = removal.restore(dataset, on_progress=on_progress)
    _bring_up_to_date(dataset)
    deleted = [each.path for each in removal.standing(dataset.directory) if each.state == State.DELETED]
    if as_json:
        done = [{"path": each.path, "bytes": each.bytes} for each in report.done]
        say_json({"done": done, "refused": _refused(report), "deleted": deleted})
    else:
        _tell_report(report, "Restored")
        if deleted:
            say(f"{plural(len(deleted), 'image')} deleted before cannot be brought back.")
    return 1 if report.refused else 0


def verify(name: Name, home: Home = None, as_json: Json = False) -> int:
    """Check that every removed image is intact in the quarantine and its keeper has the right bytes."""
    from dedup import removal

    checked = removal.verify(opened(name, home))
    if as_json:
        say_json({"checked": checked.checked, "problems": checked.problems})
    else:
        say(f"Checked {plural(checked.checked, 'removed image')}: {plural(len(checked.problems), 'problem')}.")
        for problem in checked.problems:
            complain(problem)
    return 1 if checked.problems else 0


def removal_plan(
    dataset: Dataset, tag: str | None, *, exact: bool = False, companions: bool = True
) -> tuple[Plan, Basis]:
    """The removal of the tag's images, with `exact` of the redundant exact copies, else of what people decided, and
    where they never decided anything of the exact copies.

    Protected folders never go; what a person chose to stay and groups whose labels clash only when a person named
    their images by a tag. Raises `UsageError` for a tag and `exact`.
    """
    from dedup import removal
    from dedup.review import acts

    if tag is not None and exact:
        raise UsageError("Choose the images by --tag or by --exact, not by both.")
    now = acts.state(dataset, acts.clashing(dataset))
    if tag is not None:
        return removal.plan(dataset, tag, hold=now.protected, companions=companions), Basis.TAG
    if exact:
        return removal.plan(dataset, hold=now.kept | now.hold, companions=companions), Basis.EXACT
    basis = Basis.DECIDED if acts.ever_decided(dataset) else Basis.UNDECIDED
    return acts.due(dataset, now, companions=companions), basis


def redundant_plan(dataset: Dataset, *, near: bool) -> Plan:
    """The removal of all copies but the keepers, near ones only when asked for. What people decided to keep, protected
    folders and groups whose labels clash stay."""
    from dedup import removal
    from dedup.review import acts

    if not near:
        return removal_plan(dataset, None, exact=True)[0]
    now = acts.state(dataset, acts.clashing(dataset))
    frame = dataset.frame
    chosen = ((frame["role"] == Role.DUPLICATE) | (frame["kind"] == Kind.EXACT)).to_numpy()
    return removal.plan(dataset, chosen, hold=now.kept | now.hold)


def _preview(dataset: Dataset, plan: Plan, basis: Basis, left: Heritage, lost: str, as_json: bool) -> None:
    if as_json:
        say_json({"basis": basis, "remove": [_described(entry) for entry in plan.entries], "stay": _staying(plan),
                  "tags": {tag: len(rows) for tag, rows in left.tags.items()},
                  "labels": left.given, "lost": lost})  # fmt: skip
        return
    say(WORDS[basis])
    for entry in plan.entries:
        say(f"{entry.path}  goes; {entry.keeper_path or 'nothing'} stays for it ({entry.reason})")
        for file in entry.companions:
            say(f"{displayable(file)}  goes with it")
    for stay in plan.stays:
        say(f"{stay.path}  stays: {stay.reason}")
    tell_switch(dataset, [stay.reason for stay in plan.stays])
    _tell(left, "would be given", lost)
    for told in plan.told:
        say(told)
    goes = f"{plural(len(plan.entries), 'image')} ({size(plan.bytes)})"
    from dedup import removal

    if removal.can_leave(dataset):
        where = "the quarantine" if dataset.in_files else removal.quarantine_of(dataset)
        say(f"{goes} would go to {where}; nothing was touched. Add --apply.")
    else:
        say(f"{goes} would go; nothing was touched. {removal.only_read(dataset, plan.entries)}")


def _tell(left: Heritage, verb: str, lost: str) -> None:
    if told := left.sentence():
        say(f"{told} {verb} to copies that stay.")
    if lost:
        say(f"{lost} leave with their images; --unite-annotations gives them to copies that stay.")
    for note in left.notes:
        complain(note)


def tell_stays(dataset: Dataset, plan: Plan) -> None:
    """What was asked for and stays, a line for each reason; with the switch where the names of folders are it."""
    by_reason: dict[str, list[str]] = {}
    for stay in plan.stays:
        by_reason.setdefault(stay.reason, []).append(stay.path)
    for reason, paths in by_reason.items():
        who = f"{paths[0]} stays" if len(paths) == 1 else f"{len(paths):,} images stay ({paths[0]}, ...)"
        say(f"{who}: {reason}.")
    tell_switch(dataset, [stay.reason for stay in plan.stays])


def tell_switch(dataset: Dataset, reasons: Iterable[str]) -> None:
    """How to say that the names of folders are no labels, where copies are held back for them."""
    from dedup.review.acts import LABELS_CLASH

    if dataset.folder_layout.named and any(reason.startswith(LABELS_CLASH) for reason in reasons):
        say(f"If the names of folders are no labels here: {command_line('folders', dataset.name, '--no-classes')}")


def carry_out(
    dataset: Dataset,
    plan: Plan,
    as_json: bool,
    *,
    how: str = "quarantine",
    before: Mapping[str, Any] | None = None,
    **options: bool,
) -> int:
    """Apply a plan, report and bring the dataset up to date; the exit code. `before` is told first in JSON, `options`
    are those of `handover.leave`."""
    from dedup.review.handover import leave

    with progress() as on_progress:
        done = leave(dataset, plan, how=how, on_progress=on_progress, **options)
    report = done.report
    if as_json:
        entries = {entry.path: _described(entry) for entry in plan.entries}
        say_json({**(before or {}), "done": [entries[each.path] for each in report.done], "already": _already(report),
                  "stay": _staying(plan), "refused": _refused(report), "lost": done.lost})  # fmt: skip
    else:
        _tell(done.left, "given", done.lost)
        _tell_report(report, DONE[how])
        if how == "delete" and report.done:
            say("`restore` cannot bring back what was deleted.")
        tell_stays(dataset, plan)
    _bring_up_to_date(dataset)  # last, for what `dataset` has not read by then is gone after it
    return 1 if report.refused else 0


def _bring_up_to_date(dataset: Dataset) -> None:
    """Let the frame know which files are there now; a folder that is empty or away has nothing to scan."""
    try:
        dedup.rescan(dataset)
    except DedupError as error:
        complain(f"The dataset was not brought up to date: {error}")


def _tell_report(report: removal.Report, verb: str) -> None:
    along = f" and {plural(len(report.companions), 'file')} that belong to them" if report.companions else ""
    say(f"{verb} {plural(len(report.done), 'image')} ({size(report.bytes)}){along}.")
    if already := _already(report):
        say(f"{plural(len(already), 'image')} left before; there was nothing to do.")
    for refusal in report.refusals():
        complain(refusal)


def _already(report: removal.Report) -> list[str]:
    return [each.path for each in report.outcomes if each.result == "already"]


def _refused(report: removal.Report) -> list[dict[str, str]]:
    return _reasons(report.refused)


def _staying(plan: Plan) -> list[dict[str, str]]:
    return _reasons(plan.stays)


def _reasons(those: Iterable[removal.Outcome | removal.Stay]) -> list[dict[str, str]]:
    return [{"path": each.path, "reason": each.reason} for each in those]


def _described(entry: Entry) -> dict[str, Any]:
    """An image that goes, for machines."""
    return {"path": entry.path, "bytes": entry.bytes, "keeper": entry.keeper_path, "reason": entry.reason,
            "companions": [displayable(file) for file in entry.companions]}  # fmt: skip
