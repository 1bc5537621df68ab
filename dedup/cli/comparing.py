"""diff: what a new version of a dataset changes against an older one."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dedup.cli.common import Home, Json, names_that_begin, opened, progress, say, say_json
from dedup.words import plural

if TYPE_CHECKING:
    from dedup.checks.fingerprint import Fingerprint
    from dedup.dataset import Dataset

SHOWN = 10
"""Lines of each kind; all are in --json."""


def diff(
    old: Annotated[str, typer.Argument(help="The older version: a dataset or a fingerprint.")],
    new: Annotated[str, typer.Argument(help="The newer version, likewise.", autocompletion=names_that_begin)],
    home: Home = None,
    as_json: Json = False,
) -> int:
    """What NEW adds, loses, repeats, moves and labels otherwise against OLD. Exits with 1 where they differ."""
    from dedup.checks import versions

    then, now = _version(old, home), _version(new, home)
    with progress() as on_progress:
        found = versions.diff(then, now, on_progress)
    if as_json:
        near = [{"path": each.path, "known": each.known, "relation": each.relation} for each in found.near]
        say_json({**asdict(found), "near": near})
        return 0 if found.empty else 1
    told = {
        "added": found.added,
        "near duplicates of old images": [f"{each.path}: {each.known}, {each.relation}" for each in found.near],
        "lost": found.lost,
        "moved": [f"{before} to {after}" for before, after in found.moved],
        "more often than before": [f"{path}: {before} to {after}" for path, before, after in found.repeated],
        "less often than before": [f"{path}: {before} to {after}" for path, before, after in found.fewer],
        "labelled otherwise": [
            f"{path}: {', '.join(before) or 'nothing'} to {', '.join(after) or 'nothing'}"
            for path, before, after in found.relabelled
        ],
        "with other boxes": found.redrawn,
    }
    if found.unlabelled:
        del told["labelled otherwise"], told["with other boxes"]
        say("labels: not known, for a fingerprint tells none")
    for title, lines in told.items():
        say(f"{title}: {len(lines):,}")
        for line in lines[:SHOWN]:
            say(f"  {line}")
        if len(lines) > SHOWN:
            say(f"  and {len(lines) - SHOWN:,} more")
    say(f"{plural(found.kept, 'image')} as before.")
    return 0 if found.empty else 1


def _version(told: str, home: Path | None) -> Dataset | Fingerprint:
    """The fingerprint in that file, or the dataset of that name."""
    from dedup.checks import fingerprint

    return fingerprint.read(Path(told)) if Path(told).is_file() else opened(told, home)
