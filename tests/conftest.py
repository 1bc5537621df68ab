"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SHARED_DATA = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The optional folder of real test images; tests that need it skip where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the optional test-data folder ../shared/data is absent")
    return SHARED_DATA


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home for datasets, also for code that reads DEDUP_HOME."""
    path = tmp_path / "home"
    monkeypatch.setenv("DEDUP_HOME", str(path))
    return path


def pytest_sessionfinish(session: pytest.Session) -> None:
    """With DEDUP_REQUIRE_ALL set, a skipped test fails the run: a missing browser or data folder must not go unseen."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("DEDUP_REQUIRE_ALL") and reporter is not None and reporter.stats.get("skipped"):
        reporter.write_line("Tests were skipped, and DEDUP_REQUIRE_ALL is set: this run fails.", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
