"""report: what is in a dataset and what is wrong with it, as one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dedup.cli.common import (
    Home,
    Json,
    Name,
    Overwrite,
    file_for,
    json_text,
    named,
    opened,
    progress,
    say,
    say_json,
    teller,
)
from dedup.errors import UsageError
from dedup.files import write_chunks


def report(
    name: Name,
    output: Annotated[
        Path | None, typer.Option("--output", help="The page to write, such as report.html (- is standard output).")
    ] = None,
    overwrite: Overwrite = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """One page of HTML with everything on it, to keep, send and print: pictures within, nothing fetched."""
    from dedup.report import facts, page

    if output is None and not as_json:
        raise UsageError("Give the page to write with --output report.html, or --json for the same facts as JSON.")
    found = facts.gather(opened(name, home))
    if output is not None and as_json and output.suffix == ".json":
        write_chunks(output, [json_text(found.to_dict()).encode()], overwrite)
        say(f"Wrote the facts to {output}.")
        return
    if output is not None:
        with progress() as on_progress, file_for(output) as path:
            page.write(found, path, overwrite=overwrite, on_progress=on_progress)
        teller(output)(f"Wrote the report to {named(output)}.")
    if as_json:
        say_json(found.to_dict())
