"""A scanned folder for every test of the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

import dedup
from dedup.dataset import Dataset
from tests.building import copied


@pytest.fixture(scope="module")
def scanned(request, tmp_path_factory) -> Dataset:
    """The dataset `set` of what the file's own `fill` puts into a folder, scanned once."""
    folder = tmp_path_factory.mktemp("scanned") / "in"
    request.module.fill(folder)
    return dedup.scan(folder, name="set", home=folder.parent / "home", workers=1)


@pytest.fixture
def folder(scanned, tmp_path, home) -> Path:
    """The scanned folder, and a home with the dataset `set`, for a test of its own."""
    return copied(scanned, tmp_path / "in", home)
