"""The command line: `python -m dedup VERB ...`. Each verb is a function in a file of its family.

Exit codes: 0 fine; 1 a failed check or a partial result (some files failed); 2 usage.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

from dedup import plugins
from dedup.cli import (
    checking,
    comparing,
    deciding,
    detecting,
    exporting,
    hashing,
    looking,
    mapping,
    plugging,
    removing,
    reporting,
    scanning,
    serving,
    splitting,
)
from dedup.cli.common import complain
from dedup.errors import INTERRUPTED, DedupError, UsageError
from dedup.model import SOFTWARE_VERSION

VERBS: dict[str, Callable[..., Any]] = {
    "detect": detecting.detect,
    "scan": scanning.scan,
    "merge": scanning.merge,
    "list": scanning.list_datasets,
    "show": looking.show,
    "duplicates": looking.duplicates,
    "tag": looking.tag,
    "runs": looking.show_runs,
    "threshold": looking.threshold,
    "undo": looking.undo,
    "redo": looking.redo,
    "history": looking.history,
    "export": exporting.export,
    "report": reporting.report,
    "remove": removing.remove,
    "restore": removing.restore,
    "verify": removing.verify,
    "plan": deciding.plan,
    "apply": deciding.apply,
    "check": checking.check,
    "issues": checking.show_issues,
    "hash": hashing.compute,
    "map": mapping.draw,
    "embed": mapping.embed,
    "search": mapping.search,
    "diverse": mapping.most_different,
    "diff": comparing.diff,
    "splits": splitting.splits,
    "split": splitting.split,
    "leaks": splitting.show_leaks,
    "clashes": deciding.show_clashes,
    "folders": deciding.folders,
    "rename": scanning.rename,
    "forget": scanning.forget,
    "sample": scanning.make_sample,
    "plugins": plugging.show_plugins,
    "app": serving.app,
}
"""A new verb is one function and one line here."""

FAMILIES: dict[str, dict[str, Callable[..., Any]]] = {
    "fingerprint": {"export": checking.export_fingerprint},
    "verdicts": {"export": deciding.export_verdicts, "import": deciding.import_verdicts},
}
"""Verbs of two words."""
FAMILIES_HELP = {
    "fingerprint": "Write what a dataset looks like, without its images, for `check --against`.",
    "verdicts": "Carry decisions about pairs from one home or machine to another.",
}

HELP_OPTIONS = {"help_option_names": ["-h", "--help"]}


def _tell_version(asked: bool) -> None:
    if asked:
        typer.echo(f"dedup {SOFTWARE_VERSION}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_tell_version, help="Tell the version and end.")
    ] = False,
) -> None:
    """See, understand and remove duplicate images."""


def _program(first: str) -> typer.Typer:
    """All verbs; only one where it is the `first` argument, for to describe the options of all takes as long as some
    verb."""
    app = typer.Typer(name="dedup", pretty_exceptions_enable=False, context_settings=HELP_OPTIONS)
    app.callback()(_root)
    for verb in [first] if first in VERBS else VERBS:
        app.command(verb)(VERBS[verb])
    for family, verbs in FAMILIES.items():
        part = typer.Typer(help=FAMILIES_HELP[family], context_settings=HELP_OPTIONS)
        for verb, function in verbs.items():
            part.command(verb)(function)
        app.add_typer(part, name=family)
    return app


def _run(arguments: list[str]) -> object:
    app = _program(next(iter(arguments), ""))
    try:
        return app(arguments or ["--help"], prog_name="dedup", standalone_mode=False)
    finally:
        for problem in plugins.problems():
            complain(problem)


STOPPED = "Stopped. What was done stays done; the same command goes on from there."


def main(arguments: list[str] | None = None) -> int:
    """Run one command (the help without any) and return its exit code. Errors are one sentence on standard error."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if sys.stdout is None:  # it was closed before we began
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - it is used to the end
    try:
        code = _run(arguments)
        sys.stdout.flush()
        if code == INTERRUPTED:
            complain(STOPPED)
        return code if isinstance(code, int) else 0
    except DedupError as error:
        complain(str(error))
        return error.exit_code
    except (typer.Abort, KeyboardInterrupt):
        complain(STOPPED)
        return INTERRUPTED
    except TyperException as error:  # a usage error: unknown verb or option, missing argument
        context = getattr(error, "ctx", None)
        said = error.format_message().rstrip(".")
        complain(
            f"{said}{'' if said.endswith('?') else '.'} See: {context.command_path if context else 'dedup'} --help"
        )
        return UsageError.exit_code
    except (BrokenPipeError, SystemExit) as error:
        if isinstance(error, SystemExit) and not isinstance(error.__context__, BrokenPipeError):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the reader of our output went away, e.g. `| head`
        return 0
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            complain(f"No space is left{f' for {error.filename}' if error.filename else ''}. Free some and try again.")
            return 1
        if os.environ.get("DEDUP_DEBUG"):
            traceback.print_exc()
        complain(f"Something went wrong that should not have: {error!r}. Set DEDUP_DEBUG=1 for the details.")
        return 1
