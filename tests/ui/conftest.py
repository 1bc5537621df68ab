"""Datasets for tests of pages."""

from __future__ import annotations

import pytest

import dedup
from dedup.ui.shell import jobs
from tests.building import copied


@pytest.fixture(autouse=True)
def no_jobs_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test sees the jobs that it started alone."""
    monkeypatch.setattr(jobs, "REGISTRY", jobs.Registry())


@pytest.fixture
def dataset(scanned, home, tmp_path) -> dedup.Dataset:
    """What the file's own fixture `scanned` is, for a test of its own."""
    copied(scanned, tmp_path / scanned.root.name, home)
    return dedup.open(scanned.name)
