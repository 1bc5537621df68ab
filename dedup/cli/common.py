"""What every command shares: options, output, progress, and errors as one sentence with an exit code."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

import dedup
from dedup.errors import UsageError
from dedup.model import OnProgress, Progress
from dedup.progress import watched
from dedup.words import visible

if TYPE_CHECKING:
    from dedup.dataset import Dataset
    from dedup.query.where import Mask

Choice = TypeVar("Choice", bound=str)
Home = Annotated[
    Path | None, typer.Option("--home", help="Where datasets live (default: DEDUP_HOME, or your user data).")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


def names_that_begin(context: typer.Context, incomplete: str) -> list[str]:
    """Names of datasets, for a shell that completes one; of the home that was said before it."""
    return [info.name for info in dedup.datasets(context.params.get("home")) if info.name.startswith(incomplete)]


Name = Annotated[
    str, typer.Argument(metavar="NAME", help="Name of a dataset, see `list`.", autocompletion=names_that_begin)
]
Where = Annotated[
    str, typer.Option("--where", help="""Only images that satisfy this, e.g. 'singularity == 0 and "keep" in tags'.""")
]
Output = Annotated[Path, typer.Option("--output", help="The file to write; - is standard output.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")]
PutTag = Annotated[str, typer.Option("--put-tag", help="Tag what is named, undoably.")]
ProgressJson = Annotated[bool, typer.Option("--progress-json", hidden=True)]
"""Progress as JSON lines, for the app."""
TagOption = Annotated[str | None, typer.Option("--tag", help="Only images with this tag.")]


def opened(name: str, home: Path | None) -> Dataset:
    """The dataset of that name, with the CLI as the author of decisions."""
    return dedup.open(name, home=home, session="command line")


def selected(dataset: Dataset, where: str, tag: str | None) -> Mask:
    """The images that --where and --tag leave. Raises `WhereError` and `UnknownTag`."""
    from dedup.query.selection import Selection

    return Selection(where=where, tags_all=(tag,) if tag else ()).mask(dataset.frame, strict=True)


STANDARD_OUTPUT = Path("-")


@contextmanager
def file_for(output: Path) -> Iterator[Path]:
    """The path to write to: `output` itself, or for standard output a file that goes there when it is complete."""
    if output != STANDARD_OUTPUT:
        yield output
        return
    import shutil
    import tempfile

    with tempfile.TemporaryDirectory(prefix="dedup-") as folder:
        path = Path(folder) / "output"
        yield path
        if beside := [each.name for each in Path(folder).iterdir() if each != path]:
            raise UsageError(f"More than one file was to be written ({', '.join(beside)}); give a path with --output.")
        with path.open("rb") as stream:
            shutil.copyfileobj(stream, sys.stdout.buffer)
    sys.stdout.flush()


def lasting(place: str) -> str:
    """`place`, given for what is written. Raises `UsageError` for memory, which only a program of one's own keeps."""
    if place.lower().startswith("memory://"):
        raise UsageError(f"{place} would be gone when this command ends. Give a file, a folder or a place in a bucket.")
    return place


def named(output: Path) -> str:
    """What a sentence calls it."""
    return "standard output" if output == STANDARD_OUTPUT else str(output)


def teller(output: Path) -> Callable[[str], None]:
    """How to tell what was done beside writing `output`: on standard error where that is standard output."""
    return complain if output == STANDARD_OUTPUT else say


def say(*columns: str) -> None:
    """One line on standard output, columns with tabs between; what a terminal would obey is shown instead."""
    typer.echo("\t".join(map(visible, columns)))


def say_text(text: str) -> None:
    """A text of several lines on standard output; what a terminal would obey is shown instead."""
    typer.echo("\n".join(map(visible, text.removesuffix("\n").split("\n"))))


def say_json(value: Any) -> None:
    """A value as JSON on standard output; see `json_text`."""
    typer.echo(json_text(value))


def json_text(value: Any) -> str:
    """A value as JSON; NaN and infinities become null."""
    text = json.dumps(_plain(value), indent=2, ensure_ascii=False)
    return "\n".join(map(_escaped, text.split("\n")))  # JSON itself has no line break within a text


def _escaped(line: str) -> str:
    """A line of JSON with escapes for what a terminal would obey."""
    return line if line.isprintable() else "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in line)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if hasattr(value, "item"):  # a number of numpy's
        return _plain(value.item())
    return os.fspath(value) if isinstance(value, Path) else value


def complain(text: str) -> None:
    """One line on standard error; what a terminal would obey is shown instead."""
    typer.echo(visible(text), err=True)


@contextmanager
def progress(*, as_json: bool = False) -> Iterator[OnProgress | None]:
    """A bar with rate and time left on a terminal, JSON lines for the app, nothing elsewhere."""
    if as_json:
        yield _json_line
        return
    with watched() as on_progress:
        yield on_progress


def _json_line(progress: Progress) -> None:
    told = {"stage": progress.stage, "done": progress.done, "total": progress.total, "seconds": progress.seconds}
    print(json.dumps(told), flush=True)


def one_of(given: str, choices: Iterable[Choice], what: str) -> Choice:
    """The one of the choices that is given. Raises `UsageError`."""
    found = next((each for each in choices if each == given), None)
    if found is None:
        raise UsageError(f"{given!r} is no {what}. Choose one of: {', '.join(choices)}.")
    return found
