"""The local engine: every file gets its result, whatever happens to the workers, and no worker outlives its engine."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from contextlib import closing
from itertools import islice

import pytest

from dedup.cli import main
from dedup.errors import DedupError, UsageError
from dedup.images import samples
from dedup.images.examine import examine
from dedup.images.formats import MAX_PIXELS
from dedup.scanning.engines import Choice, Failed, base, engine, local
from dedup.scanning.engines.local import Local
from tests.pictures import folder_of_photos, photo, save

LIMIT = {"max_pixels": MAX_PIXELS}


@pytest.fixture
def started(monkeypatch) -> list[subprocess.Popen]:
    """The worker processes that were started."""
    processes: list[subprocess.Popen] = []
    popen = subprocess.Popen

    def noted(*arguments, **options):
        processes.append(popen(*arguments, **options))
        return processes[-1]

    monkeypatch.setattr(local.subprocess, "Popen", noted)
    return processes


def ended(process: subprocess.Popen) -> bool:
    """Whether a worker is gone, and was waited for: no zombie is left either."""
    try:
        os.kill(process.pid, 0)
    except ProcessLookupError:
        return process.poll() is not None
    return False


def results_of(paths, *, workers=2, task="examine", **options):
    """Every result by place, of an engine of its own."""
    with closing(Local(workers, **options)) as chosen:
        found = list(chosen.run(task, paths, LIMIT))
    assert len(found) == len(dict(found))
    return dict(found)


def test_results_equal_those_of_one_process(tmp_path):
    paths = folder_of_photos(tmp_path, 40)
    found = results_of(paths)
    assert sorted(found) == list(range(40))
    for place, path in enumerate(paths):
        alone = examine(path)
        assert found[place].signature == alone.signature
        assert {k: v for k, v in found[place].row.items() if v == v} == {k: v for k, v in alone.row.items() if v == v}


def test_a_crash_or_a_hang_costs_its_file_only(tmp_path, monkeypatch, started):
    monkeypatch.setattr(local, "WORKER_MODULE", "tests.scanning.hostile_worker")
    paths = folder_of_photos(tmp_path, 20)
    paths[3:3] = [save(photo(90), tmp_path / "crash.jpg"), save(photo(91), tmp_path / "hang.jpg")]
    found = {paths[place].name: result for place, result in results_of(paths, timeout=3).items()}
    assert found.pop("crash.jpg") == Failed("crashed the decoder", transient=True)
    assert found.pop("hang.jpg") == Failed("took longer than 3 seconds to decode", transient=True)
    assert {result.row["status"] for result in found.values()} == {"ok"} and len(found) == 20
    assert all(map(ended, started))


def test_a_folder_of_nothing_but_crashes_comes_to_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr(local, "WORKER_MODULE", "tests.scanning.hostile_worker")
    paths = [tmp_path / f"crash-{number}.jpg" for number in range(3)]
    assert set(results_of(paths).values()) == {Failed("crashed the decoder", transient=True)}


def test_stopping_early_ends_the_workers(tmp_path, started):
    results = Local(2).run("examine", folder_of_photos(tmp_path, 1) * 1000, LIMIT)
    next(results)
    assert len(started) >= 1 and not any(map(ended, started))
    results.close()
    assert all(map(ended, started))


def test_stopping_while_a_file_hangs_ends_the_workers_at_once(tmp_path, monkeypatch, started):
    monkeypatch.setattr(local, "WORKER_MODULE", "tests.scanning.hostile_worker")
    results = Local(1, timeout=3600).run("examine", [*folder_of_photos(tmp_path, 1), tmp_path / "hang.jpg"], LIMIT)
    next(results)
    results.close()
    assert len(started) == 1 and ended(started[0])


def test_stopping_between_two_files_ends_the_workers_too(tmp_path, monkeypatch, started):
    monkeypatch.setattr(local, "WORKER_MODULE", "tests.scanning.hostile_worker")
    receive = local._Worker.receive

    def late(self, timeout):
        time.sleep(0.5)  # the thread that drives the worker is not at once given the processor again
        return receive(self, timeout)

    monkeypatch.setattr(local._Worker, "receive", late)
    results = Local(1, timeout=3600).run("examine", [*folder_of_photos(tmp_path, 1), tmp_path / "hang.jpg"], LIMIT)
    next(results)
    stopping = threading.Thread(target=results.close, daemon=True)
    stopping.start()
    stopping.join(timeout=10)
    stopped = not stopping.is_alive() and ended(started[0])
    started[0].kill()
    assert stopped


def test_workers_are_used_again_until_the_engine_is_closed(tmp_path, started):
    paths = folder_of_photos(tmp_path, 20)
    chosen = Local(2)
    for task in ("examine", "samples", "traces", "samples"):
        assert len(list(chosen.run(task, paths, LIMIT))) == 20
    assert len(started) == 2 and not any(map(ended, started))
    chosen.close()
    assert all(map(ended, started))


def test_after_a_run_that_was_stopped_the_engine_goes_on_with_new_workers(tmp_path, started):
    paths = folder_of_photos(tmp_path, 1) * 100
    with closing(Local(1)) as chosen:
        results = chosen.run("examine", paths, LIMIT)
        next(results)
        results.close()
        assert len(dict(chosen.run("samples", paths, LIMIT))) == 100
    assert len(started) == 2 and all(map(ended, started))


def test_a_worker_that_died_between_two_runs_costs_no_file(tmp_path, started):
    paths = folder_of_photos(tmp_path, 3)
    with closing(Local(1)) as chosen:
        assert len(list(chosen.run("examine", paths, LIMIT))) == 3
        started[0].kill()
        started[0].wait()
        digests = dict(chosen.run("samples", paths, LIMIT))
    assert digests == {place: samples.digest(path) for place, path in enumerate(paths)}


@pytest.mark.parametrize("kills", [1, 5])
def test_workers_killed_in_the_middle_of_their_work_cost_no_file(tmp_path, started, kills):
    paths = folder_of_photos(tmp_path, 2) * 50
    with closing(Local(1)) as chosen:
        results = chosen.run("examine", paths, LIMIT)
        found = dict(islice(results, 1))
        for _ in range(kills):
            started[-1].kill()
            found |= dict(islice(results, 17))  # more than a batch: what was on its way is through
        found |= dict(results)
    assert {result.row["status"] for result in found.values()} == {"ok"} and len(found) == 100


def test_a_worker_killed_while_it_starts_is_started_again(tmp_path, monkeypatch, started):
    module = iter(["tests.no_such_module"])
    popen = local.subprocess.Popen
    monkeypatch.setattr(
        local.subprocess,
        "Popen",
        lambda command, **options: popen([*command[:-1], next(module, command[-1])], **options),
    )
    assert results_of(folder_of_photos(tmp_path, 1), workers=1)[0].row["status"] == "ok"


def test_a_worker_ends_when_what_started_it_has_died(tmp_path, started):
    chosen = Local(1)
    list(chosen.run("examine", folder_of_photos(tmp_path, 1), LIMIT))
    (process,) = started
    process.stdin.close()  # as the system does for a parent that was killed
    assert process.wait(timeout=60) == 0
    chosen.close()


def test_whatever_a_task_raises_is_the_reason_of_its_file(tmp_path, monkeypatch):
    (tmp_path / "empty.jpg").touch()
    assert base.perform("traces", tmp_path / "gone.jpg", LIMIT) == Failed("there is no such file", transient=True)
    damaged = base.perform("samples", tmp_path / "empty.jpg", LIMIT)
    assert isinstance(damaged, Failed) and damaged.reason and not damaged.transient
    monkeypatch.setitem(base.TASKS, "defect", "operator:truediv")
    told = base.perform("defect", tmp_path, {})
    assert isinstance(told, Failed) and told.reason.startswith("internal error: TypeError: ")


def test_a_worker_that_cannot_start_is_an_error_not_a_hang(tmp_path, monkeypatch):
    monkeypatch.setattr(local.sys, "executable", "/nonexistent/python")
    with pytest.raises(OSError):
        results_of(folder_of_photos(tmp_path, 2), workers=1)


def test_workers_that_end_at_once_are_an_error_not_a_thousand_failures(tmp_path, monkeypatch, started):
    monkeypatch.setattr(local, "WORKER_MODULE", "tests.no_such_module")
    with pytest.raises(DedupError, match="cannot start"):
        results_of(folder_of_photos(tmp_path, 2), workers=1)
    assert started and all(map(ended, started))


def test_nothing_to_do_starts_nothing(started):
    assert results_of([]) == {} and started == []


def test_an_engine_that_there_is_not_is_said():
    with pytest.raises(UsageError, match="no engine 'cloud'"):
        engine(Choice("cloud"))


def test_a_cluster_that_is_named_is_never_passed_over(tmp_path, home, capsys):
    save(photo(1), tmp_path / "in/a.jpg")
    assert main(["scan", str(tmp_path / "in"), "--ray-address", "head:6379"]) == 2
    assert capsys.readouterr().err == "head:6379 is a cluster. Choose the engine for it: --engine ray.\n"


@pytest.mark.shared
def test_hostile_files_say_nothing_on_the_terminal(shared_data, capfd):
    paths = sorted(path for path in (shared_data / "D-nasty").rglob("*") if path.is_file())
    rows = [result.row for result in results_of(paths).values()]
    assert len(rows) == len(results_of(paths, task="samples")) == len(paths)
    assert all(row["status"] == "ok" or row["error"] for row in rows)
    captured = capfd.readouterr()
    assert captured.out == "" and captured.err == ""
