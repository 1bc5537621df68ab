"""Fixtures shared by all tests."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

import dedup
from dedup.scanning.engines import local

ROOT = Path(__file__).parent.parent
JS = ROOT / "tests" / "js"
SHARED_DATA = Path(os.environ.get("DEDUP_TEST_DATA", ROOT.parent / "shared" / "data"))
NEEDED = ("optional test-data folder", "no Chromium", "no nginx", "no Node.js", "no installed wheel")
"""What the reasons of skips say that the gate does not accept."""

ABOUT_WORKERS = {"test_engines.py", "test_warmup.py", "test_saving.py"}
"""Files whose tests start worker processes of their own."""

SLOWEST = 25
"""Files that are listed with the time their tests took."""

# How long an example takes says nothing on a busy machine.
settings.register_profile("dedup", deadline=None)
settings.load_profile("dedup")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The optional folder of real test images; tests that need it skip where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the optional test-data folder ../shared/data (or DEDUP_TEST_DATA) is absent")
    return SHARED_DATA


@pytest.fixture(scope="session")
def dogs(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dedup.Dataset:
    """The 1,000 dogs of which 7 are redundant, scanned once for all tests, which copy what they change."""
    folder = tmp_path_factory.getbasetemp()
    folder = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder  # that of all workers
    with FileLock(folder / "dogs.lock"):
        return dedup.scan(shared_data / "B-dogs-7dups" / "dataset", name="dogs", home=folder / "home of dogs")


@pytest.fixture(scope="session")
def parked() -> Iterator[dict[object, list[local._Worker]]]:
    """Worker processes that wait for another scan, by the environment they were started in."""
    waiting: dict[object, list[local._Worker]] = defaultdict(list)
    yield waiting
    for worker in (each for workers in waiting.values() for each in workers):
        worker.kill()


@pytest.fixture(scope="session")
def home_of_nobody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where datasets of a test would land that names no home: never among those of the person who runs the tests."""
    path = tmp_path_factory.getbasetemp() / "home of nobody"
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("DEDUP_HOME", str(path))
        yield path


@pytest.fixture(autouse=True)
def homes_are_named(home_of_nobody: Path) -> Iterator[None]:
    """A test that names no home fails: what it leaves behind would be found by the tests after it."""
    yield
    if home_of_nobody.exists():
        shutil.rmtree(home_of_nobody)
        pytest.fail("this test names no home for its datasets; ask for the fixture `home`")


@pytest.fixture(autouse=True)
def warm_workers(request: pytest.FixtureRequest, parked: dict[object, list[local._Worker]], monkeypatch) -> None:
    """Scans take over the worker processes of the tests before, whose start costs most of scanning a few pictures.

    Not in the tests that are about workers.
    """
    if request.path.name in ABOUT_WORKERS:
        return
    start, close = local._started, local.Local.close

    def started() -> local._Worker:
        workers = parked[_environment()]
        return workers.pop() if workers else start()

    def park(engine: local.Local) -> None:
        alive = [worker for worker in engine._idle if worker.process.poll() is None]
        parked[_environment()] += alive
        engine._idle = [worker for worker in engine._idle if worker not in alive]
        close(engine)

    monkeypatch.setattr(local, "_started", started)
    monkeypatch.setattr(local.Local, "close", park)


def _environment() -> object:
    """What runs as a worker, and what of this process's environment it can know but for what differs from test to
    test."""
    known = frozenset(pair for pair in os.environ.items() if pair[0] not in ("DEDUP_HOME", "PYTEST_CURRENT_TEST"))
    return local.WORKER_MODULE, known


@pytest.fixture(scope="session")
def packages() -> Path:
    """The folder with the Node.js packages that tests/js/package.json names, installed once for all tests."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("there is no Node.js")
    with FileLock(JS / ".installing"):
        installed = JS / "node_modules" / ".package-lock.json"
        if not installed.is_file() or installed.stat().st_mtime < (JS / "package-lock.json").stat().st_mtime:
            subprocess.run([npm, "ci", "--silent", "--no-audit", "--no-fund"], cwd=JS, check=True)
    return JS


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home for datasets, also for code that reads DEDUP_HOME."""
    path = tmp_path / "home"
    monkeypatch.setenv("DEDUP_HOME", str(path))
    return path


@pytest.fixture
def deep_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder 1,200 folders below `tmp_path / "deep"`; taken away with a tool that has no limit of its own."""
    handle = os.open(tmp_path, os.O_RDONLY)
    for name in ("deep", *["d"] * 1200):
        os.mkdir(name, dir_fd=handle)
        handle, outer = os.open(name, os.O_RDONLY, dir_fd=handle), handle
        os.close(outer)
    os.close(handle)
    yield tmp_path / "deep" / "/".join(["d"] * 1200)
    subprocess.run(["rm", "-rf", tmp_path / "deep"], check=True)


class BrowserTestsTogether(LoadFileScheduling):
    """File by file to whoever is free, but all browser tests to one worker: two browsers at once starve each other on
    two cores."""

    def _split_scope(self, nodeid: str) -> str:
        return "browser" if nodeid.startswith("tests/browser/") else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadFileScheduling:
    """Which worker gets which tests."""
    return BrowserTestsTogether(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests take longest and so go first. On a busy machine they may run out of time: each gets two more
    tries, shown as reruns."""
    items.sort(key=lambda item: "browser" not in item.path.parts)
    for item in items:
        if "browser" in item.path.parts:
            item.add_marker(pytest.mark.flaky(reruns=2))


def pytest_terminal_summary(terminalreporter) -> None:
    """Where the time went, by file, and which tests needed another try."""
    seconds: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if hasattr(report, "duration") and hasattr(report, "nodeid"):
                seconds[report.nodeid.partition("::")[0]] += report.duration
    if len(seconds) > 1:
        terminalreporter.section("slowest files")
        for file, spent in seconds.most_common(SLOWEST):
            terminalreporter.write_line(f"{spent:7.1f} s  {file}")
    again = terminalreporter.stats.get("rerun", [])
    terminalreporter.write_line(f"{len(again)} reruns" + "".join(f"\n  {report.nodeid}" for report in again))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """With DEDUP_REQUIRE_ALL set, tests that skip for want of a browser or of the data folder fail the run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not os.environ.get("DEDUP_REQUIRE_ALL"):
        return
    missed = [each for each in reporter.stats.get("skipped", []) if any(word in str(each.longrepr) for word in NEEDED)]
    if missed:
        reporter.write_line(f"{len(missed)} tests were skipped that DEDUP_REQUIRE_ALL requires.", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
