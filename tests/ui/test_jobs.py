"""Jobs: one at a time for each key, progress that can be polled, cancelling, and failures in one sentence."""

from __future__ import annotations

import sys
import threading
import time

import pytest

from dedup.errors import DedupError
from dedup.model import Progress
from dedup.ui.shell import jobs
from dedup.ui.shell.jobs import Job, Registry, State
from tests.ui.apptest import wait_for


def test_a_job_reports_and_ends_with_its_result():
    gate = threading.Event()

    def work(job: Job) -> str:
        job.report(Progress("files", 1, 2, 0.5))
        gate.wait(5)
        return "result"

    registry = Registry()
    job = registry.start("a", "A", work)
    wait_for(lambda: job.progress is not None)
    assert job.running
    assert registry.get("a") is job
    gate.set()
    wait_for(lambda: not job.running)
    assert (job.state, job.result) == (State.DONE, "result")


def test_one_job_of_a_key_runs_at_a_time_and_a_second_tab_gets_the_same():
    gate = threading.Event()
    registry = Registry()
    first = registry.start("a", "A", lambda job: gate.wait(5))
    assert registry.start("a", "A", lambda job: gate.wait(5)) is first
    assert registry.start("b", "B", lambda job: None) is not first
    gate.set()
    wait_for(lambda: not first.running)
    assert registry.start("a", "A", lambda job: None) is not first


def test_a_cancelled_job_stops_at_its_next_report():
    def work(job: Job) -> None:
        for step in range(1_000):
            job.report(Progress("files", step, 1_000))
            time.sleep(0.01)

    job = Registry().start("a", "A", work)
    job.cancel()
    wait_for(lambda: not job.running)
    assert job.state is State.CANCELLED


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (DedupError("The disk is full; free some space."), "The disk is full; free some space."),
        (ValueError("x"), jobs.UNEXPECTED),
    ],
)
def test_a_failure_is_one_sentence(error, told):
    def work(job: Job) -> None:
        raise error

    job = Registry().start("a", "A", work)
    wait_for(lambda: not job.running)
    assert (job.state, job.error) == (State.FAILED, told)


def test_only_an_ended_job_is_dismissed():
    gate = threading.Event()
    registry = Registry()
    job = registry.start("a", "A", lambda job: gate.wait(5))
    registry.dismiss(job)
    assert registry.jobs() == [job]
    gate.set()
    wait_for(lambda: not job.running)
    registry.dismiss(job)
    assert registry.jobs() == []


def python(code: str) -> list[str]:
    return [sys.executable, "-u", "-c", code]


def test_a_process_tells_its_progress_by_lines_and_its_result_at_the_end():
    line = '{"stage": "files", "done": 3, "total": 9, "seconds": 1.5}'
    result = '{\n  "name": "a",\n  "failed": 1\n}'
    job = Job("a", "A")
    told = jobs.run_process(python(f"print({line!r}); print({result!r}); raise SystemExit(1)"), job)
    assert job.progress == Progress("files", 3, 9, 1.5)
    assert told == {"name": "a", "failed": 1}


def test_a_failing_process_raises_its_last_words():
    with pytest.raises(DedupError, match="There is no folder"):
        jobs.run_process(
            python("import sys; print('There is no folder.', file=sys.stderr); sys.exit(2)"), Job("a", "A")
        )


def test_a_process_that_dies_without_a_word_is_told_of():
    with pytest.raises(DedupError, match="unexpectedly"):
        jobs.run_process(python("import os; os._exit(9)"), Job("a", "A"))


def test_cancelling_interrupts_the_process():
    code = 'import time; print(\'{"stage": "files", "done": 0, "total": 9}\'); time.sleep(60)'
    job = Registry().start("a", "A", lambda job: jobs.run_process(python(code), job))
    wait_for(lambda: job.progress is not None)
    start = time.monotonic()
    job.cancel()
    wait_for(lambda: not job.running)
    assert job.state is State.CANCELLED
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("line", ["", "hello", "[]", "{}", '{"stage": "files", "done": "x", "total": 1}', "null"])
def test_other_lines_are_no_progress(line):
    assert jobs.parse_progress(line) is None
