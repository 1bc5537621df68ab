"""How far long work has come, shown where a person is watching: a terminal or a notebook. Quiet everywhere else."""

from __future__ import annotations

import html
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dedup.model import OnProgress, Progress

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

REDRAW_SECONDS = 0.2
"""Between two pictures of a notebook's progress: what an eye follows, and no load for the connection."""


@contextmanager
def watched(listener: OnProgress | None = None) -> Iterator[OnProgress | None]:
    """What to report progress to: the caller's own `listener`, else where a person looks, None where nobody does."""
    if listener is not None:
        yield listener
    elif (line := _notebook_line()) is not None:
        yield line
        line.finish()
    elif sys.stderr is not None and sys.stderr.isatty():
        with _bar() as bar:
            yield _Bars(bar)
    else:
        yield None


def _bar() -> Bar:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    return Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )


class _Bars:
    """One bar per stage."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._tasks: dict[str, Any] = {}

    def __call__(self, progress: Progress) -> None:
        if progress.stage not in self._tasks:
            self._tasks[progress.stage] = self._bar.add_task(progress.stage, total=progress.total, rate="")
        self._bar.update(
            self._tasks[progress.stage], completed=progress.done, total=progress.total, rate=_rate(progress)
        )


class _NotebookLine:
    """One line of a cell's output, drawn anew as work goes on; needs no widgets."""

    def __init__(self, display: Any, as_html: Any) -> None:
        self._handle = display(as_html(""), display_id=True)
        self._html, self._drawn = as_html, 0.0

    def __call__(self, progress: Progress) -> None:
        if time.monotonic() - self._drawn < REDRAW_SECONDS and progress.done < progress.total:
            return
        self._drawn = time.monotonic()
        told = f"{progress.stage}: {progress.done:,} of {progress.total:,} {_rate(progress)}"
        bar = f'<progress value="{progress.done}" max="{max(progress.total, 1)}"></progress>'
        self._handle.update(self._html(f"<div>{bar} {html.escape(told)}</div>"))

    def finish(self) -> None:
        """Leave nothing behind: what was computed is what the cell shows."""
        self._handle.update(self._html(""))


def _rate(progress: Progress) -> str:
    return f"{progress.rate:,.0f}/s" if progress.seconds else ""


def _notebook_line() -> _NotebookLine | None:
    """A line of output where this runs in a notebook's kernel; IPython is there then, and not loaded otherwise."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None or getattr(shell, "kernel", None) is None:
        return None
    from IPython.display import HTML, display

    return _NotebookLine(display, HTML)
