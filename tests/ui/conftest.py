"""Datasets for tests of pages."""

from __future__ import annotations

import pytest

import dedup
from tests.building import copied


@pytest.fixture
def dataset(scanned, home, tmp_path) -> dedup.Dataset:
    """What the file's own fixture `scanned` is, for a test of its own."""
    copied(scanned, tmp_path / scanned.root.name, home)
    return dedup.open(scanned.name)
