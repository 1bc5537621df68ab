"""Atomic writing: the old version or the new one, never half of either."""

from __future__ import annotations

import os

import pytest

from dedup.errors import DatasetError
from dedup.files import atomic_write, write_text


def test_the_file_appears_whole_with_ordinary_permissions(tmp_path):
    path = tmp_path / ("n" * 250 + ".csv")
    write_text(path, "é")
    plain = tmp_path / "plain"
    plain.touch()
    assert path.read_bytes() == "é".encode() and path.stat().st_mode == plain.stat().st_mode
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted([path.name, "plain"])


def test_a_failure_leaves_the_old_version_and_no_litter(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DatasetError, match="No space left"):
        write_text(path, "new")
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_an_error_in_the_writer_passes_through(tmp_path):
    with pytest.raises(ValueError, match="mine"), atomic_write(tmp_path / "a.txt") as stream:
        stream.write(b"half")
        raise ValueError("mine")
    assert list(tmp_path.iterdir()) == []
