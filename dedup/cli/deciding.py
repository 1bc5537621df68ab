"""plan, apply, clashes, verdicts: decisions carried out, looked at and shared."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dedup.cli.common import (
    STANDARD_OUTPUT,
    Home,
    Json,
    Name,
    Output,
    Overwrite,
    TagOption,
    complain,
    file_for,
    named,
    one_of,
    opened,
    say,
    say_json,
    teller,
)
from dedup.cli.removing import (
    WORDS,
    Exact,
    UniteAnnotations,
    UniteTags,
    With,
    carry_out,
    removal_plan,
    tell_stays,
    tell_switch,
)
from dedup.words import command_line, plural, size


def plan(
    name: Name,
    output: Output,
    tag: TagOption = None,
    exact: Exact = False,
    companions: With = True,
    overwrite: Overwrite = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Write a removal plan: what goes, what stays for it and why, keyed by content hash. Nothing is touched.

    The images of --tag go; else those that people decided to let go; where nothing was decided, redundant exact copies.
    """
    from dedup import removal

    dataset = opened(name, home)
    made, basis = removal_plan(dataset, tag, exact=exact, companions=companions)
    with file_for(output) as path:
        removal.write(made, path, overwrite=overwrite)
    if output == STANDARD_OUTPUT:
        complain(WORDS[basis])
        return
    if as_json:
        say_json({"basis": basis, "remove": len(made.entries), "stay": len(made.stays), "path": output})
        return
    say(WORDS[basis])
    say(f"Wrote a plan to remove {plural(len(made.entries), 'image')} ({size(made.bytes)}) to {output}.")
    for told in made.told:
        say(told)
    tell_stays(dataset, made)
    carried_out = f"Carry it out with: {command_line('apply', name, output)}"
    say(carried_out if removal.can_leave(dataset) else removal.only_read(dataset, made.entries))


def apply(
    name: Name,
    plan_file: Annotated[Path, typer.Argument(metavar="PLAN", help="A plan written by `plan`.")],
    how: Annotated[str, typer.Option("--how", help="One of: quarantine, hardlink, delete.")] = "quarantine",
    allow_delete: Annotated[bool, typer.Option("--allow-delete", help="Needed for --how delete.")] = False,
    unite_tags: UniteTags = True,
    unite_annotations: UniteAnnotations = False,
    home: Home = None,
    as_json: Json = False,
) -> int:
    """Carry a plan out: by default into the quarantine, from where `restore` brings everything back.

    What was protected or chosen to stay after the plan was made stays.
    """
    from dedup import removal

    chosen = one_of(how, tuple(removal.HOW), "way for copies to leave")
    dataset, planned = opened(name, home), removal.read(plan_file)
    return carry_out(
        dataset,
        planned,
        as_json,
        how=chosen,
        allow_delete=allow_delete,
        tags=unite_tags,
        annotations=unite_annotations,
    )


def show_clashes(name: Name, home: Home = None, as_json: Json = False) -> int:
    """Copies whose labels or boxes differ, and what was decided about them; exits with 1 while some are open."""
    from dedup.review.acts import LABELS_CLASH
    from dedup.store.decisions import CLASH

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
        if any(each.what == "class" for each, _ in found):
            tell_switch(dataset, [LABELS_CLASH])
    return 1 if open_ones else 0


def folders(
    name: Name,
    classes: Annotated[
        bool | None, typer.Option("--classes/--no-classes", help="Say whether the names of folders are labels.")
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Whether the names of folders are taken for labels, and why; copies under two labels clash and are held back."""
    from dedup.review import acts

    dataset = opened(name, home)
    if classes is not None:
        step = acts.folder_classes_step(classes)
        dataset.decisions.decide(step.changes, step.label)
    seen, taken = dataset.folder_layout, dataset.folders_are_classes
    if as_json:
        say_json({"classes": taken, "asked": dataset.asks_about_folders, "named": seen.named, "across": seen.across})
        return
    if not seen.named:
        say("The folders name no classes, or annotation files say what the images show.")
        return
    say(f"The names of folders are {'taken' if taken else 'not taken'} for labels.")
    say(f"{seen.across:,} of {plural(seen.named, 'image')} in them have a copy in a folder of another name.")
    if dataset.asks_about_folders:
        say(f"Say which: {command_line('folders', name)} --classes, or --no-classes.")


def export_verdicts(name: Name, output: Output, overwrite: Overwrite = False, home: Home = None) -> None:
    """Write the verdicts ("not a duplicate", what goes for what, reviewed groups) to a file for another machine or a
    colleague."""
    from dedup.review import verdicts

    found = verdicts.of(opened(name, home).decisions)
    with file_for(output) as path:
        verdicts.write(found, path, overwrite=overwrite)
    teller(output)(f"Wrote {plural(len(found), 'verdict')} to {named(output)}.")


def import_verdicts(
    name: Name, file: Annotated[Path, typer.Argument(help="A file written by `verdicts export`.")], home: Home = None
) -> None:
    """Add the verdicts of a file to a dataset, as one undoable step."""
    from dedup.review import verdicts

    dataset = opened(name, home)
    added = verdicts.merge(dataset.decisions, dataset.frame, verdicts.read(file))
    say(f"Added {plural(added, 'verdict')}.")
