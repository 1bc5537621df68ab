"""hash: the hashes of the library imagehash, as columns."""

from __future__ import annotations

from typing import Annotated

import typer

from dedup.cli.common import Home, Json, Name, opened, progress, say, say_json
from dedup.images.hashes import COLUMN, KINDS, check
from dedup.words import plural

KIND_HELP = f"One of: {', '.join(KINDS)}; repeatable."


def compute(
    name: Name,
    kind: Annotated[list[str] | None, typer.Option("--kind", help=f"{KIND_HELP} Default: phash.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Hash every image as the library imagehash does, bit for bit: columns hash:KIND of exports, and of --where."""
    dataset = opened(name, home)
    kinds = [check(each) for each in kind or ["phash"]]
    with progress() as on_progress:
        dataset.compute_hashes(kinds, on_progress)
    held = {each: int((dataset.frame[COLUMN + each] != "").sum()) for each in kinds}
    if as_json:
        say_json({"hashed": held})
        return
    for each, count in held.items():
        say(f"{COLUMN}{each}: {plural(count, 'image')}")
