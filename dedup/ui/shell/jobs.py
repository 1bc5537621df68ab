"""Long work of the app, outside its pages: it survives a page switch, a reload and a second tab, and can be stopped.

A scan is a process of its own (`python -m dedup scan`), so that it takes no time from the pages; an export is a thread.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from dedup.errors import Cancelled, DedupError
from dedup.model import Progress

LOG = logging.getLogger(__name__)
UNEXPECTED = "Something went wrong that should not have; the server's log has the details."


class State(StrEnum):
    """Where a job is in its life."""

    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass
class Job:
    """One piece of long work. `key` tells what it works on; at most one job of a key runs at a time."""

    key: str
    title: str
    state: State = State.RUNNING
    progress: Progress | None = None
    error: str = ""
    result: Any = None
    started: float = field(default_factory=time.time)
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def running(self) -> bool:
        """Whether it still works."""
        return self.state is State.RUNNING

    def report(self, progress: Progress) -> None:
        """Take note of the progress; raises `Cancelled` inside the work when a person asked to stop."""
        self.progress = progress
        if self.stop.is_set():
            raise Cancelled("Stopped; what was finished is kept.")

    def cancel(self) -> None:
        """Ask the work to stop at its next step."""
        self.stop.set()


Work = Callable[[Job], Any]


class Registry:
    """All jobs of this server process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}

    def start(self, key: str, title: str, work: Work) -> Job:
        """Run `work` on a thread; the job that already runs under `key` when there is one."""
        with self._lock:
            job = self._jobs.get(key)
            if job is not None and job.running:
                return job
            job = self._jobs[key] = Job(key, title)
        threading.Thread(target=_run, args=(job, work), name=f"job {title}", daemon=True).start()
        return job

    def jobs(self) -> list[Job]:
        """Every job not yet dismissed, newest first."""
        with self._lock:
            return sorted(self._jobs.values(), key=lambda job: -job.started)

    def get(self, key: str) -> Job | None:
        """The job of that key."""
        with self._lock:
            return self._jobs.get(key)

    def dismiss(self, job: Job) -> None:
        """Forget a job that has ended."""
        with self._lock:
            if not job.running and self._jobs.get(job.key) is job:
                del self._jobs[job.key]


REGISTRY = Registry()
"""One per process: sessions come and go, jobs stay."""


def _run(job: Job, work: Work) -> None:
    try:
        job.result = work(job)
        job.state = State.DONE
    except Cancelled:
        job.state = State.CANCELLED
    except DedupError as error:
        job.error, job.state = str(error), State.FAILED
    except Exception:
        LOG.exception("job %s failed", job.title)
        job.error, job.state = UNEXPECTED, State.FAILED


def command(verb: str, *arguments: str, home: Path | None = None, options: Sequence[str] = ()) -> list[str]:
    """The command line of a verb that tells its progress as JSON lines on standard output, and its result as JSON."""
    told = [*options, *(["--home", str(home)] if home else []), "--progress-json", "--json"]
    return [sys.executable, "-m", "dedup", verb, *told, "--", *arguments]


def scan_command(
    folder: str,
    *,
    name: str,
    home: Path | None = None,
    annotations: Sequence[str] | None = None,
    thorough: bool | None = None,
) -> list[str]:
    """The command line of a scan, with these files of labels and no others, None those of before or that are found;
    `thorough` None as before."""
    chosen = None if annotations is None else [part for path in annotations for part in ("--labels", path)]
    labels = [] if chosen is None else chosen or ["--no-labels"]
    reach = [] if thorough is None else ["--thorough" if thorough else "--not-thorough"]
    return command("scan", folder, home=home, options=["--name", name, *labels, *reach])


def start_scan(folder: str, name: str, annotations: Sequence[str] | None = None, thorough: bool | None = None) -> Job:
    """Scan a folder, or another source, as dataset `name` in a process of its own; see `scan_command`."""
    started = scan_command(folder, name=name, annotations=annotations, thorough=thorough)
    return REGISTRY.start(name, f"Scanning {name}", lambda job: run_process(started, job))


def run_process(command: list[str], job: Job) -> dict[str, Any]:
    """Run a command until it ends or `job` is stopped; returns what it told last.

    Its standard output is one JSON `Progress` a line, then one JSON object. Raises `Cancelled` when it was stopped,
    `DedupError` with the last line of its standard error when it ended without that object.
    """
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=os.name == "posix",
    )
    complaints: list[str] = []
    reader = threading.Thread(target=_collect, args=(process.stderr, complaints), daemon=True)
    reader.start()
    threading.Thread(target=_interrupt_on_stop, args=(process, job.stop), daemon=True).start()
    told = _follow(process.stdout or (), job)
    code = process.wait()
    reader.join(timeout=5)
    if job.stop.is_set():
        raise Cancelled("Stopped; what was finished is kept.")
    try:
        result: dict[str, Any] = json.loads(told)
    except ValueError:
        unknown = f"The work ended unexpectedly (exit code {code}); start it again."
        raise DedupError(complaints[-1] if complaints else unknown) from None
    return result


def _follow(lines: Iterable[str], job: Job) -> str:
    """Take progress from the lines as they come; returns all the others."""
    others = []
    for line in lines:
        progress = parse_progress(line)
        if progress is None:
            others.append(line)
        else:
            job.progress = progress
    return "".join(others)


def parse_progress(line: str) -> Progress | None:
    """The progress told by one line; None when the line tells none."""
    try:
        told = json.loads(line)
        return Progress(str(told["stage"]), int(told["done"]), int(told["total"]), float(told.get("seconds", 0.0)))
    except (ValueError, TypeError, KeyError):
        return None


def _collect(stream: Any, lines: list[str]) -> None:
    lines.extend(text for line in stream if (text := line.strip()))


def _interrupt_on_stop(process: subprocess.Popen[str], stop: threading.Event, patience: float = 15.0) -> None:
    """Ask first (the command line takes it like Ctrl-C and keeps finished parts); kill only when that is not heard."""
    while process.poll() is None and not stop.wait(0.1):
        pass
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
