"""A dataset's directory: on full and read-only disks, for its owner alone."""

from __future__ import annotations

import os

import pytest

import dedup
from dedup import removal
from dedup.errors import DatasetError
from tests.disks import fill, read_only, small_disk
from tests.pictures import folder_of_photos, photo, save


def test_a_full_disk_lets_read_and_restore(tmp_path, monkeypatch):
    folder_of_photos(tmp_path / "in", 3)
    (tmp_path / "in/copy.jpg").write_bytes((tmp_path / "in/0000.jpg").read_bytes())
    with small_disk(tmp_path / "disk") as disk:
        monkeypatch.setenv("DEDUP_HOME", str(disk / "home"))
        dataset = dedup.scan(tmp_path / "in")
        dataset.tag([0], "good")
        assert len(removal.apply(dataset, removal.plan(dataset)).done) == 1
        fill(disk)
        opened = dedup.open("in")
        assert opened.frame["tag:good"].sum() == 1 and len(opened.decisions.history()) == 1
        with pytest.raises(DatasetError, match="free some space"):
            opened.tag([1], "more")
        assert removal.verify(opened).problems == ()
        assert len(removal.restore(opened).done) == 1
        assert len(list((tmp_path / "in").iterdir())) == 4


def test_many_removed_images_come_back_on_a_full_disk(tmp_path, monkeypatch):
    for number in range(400):
        (tmp_path / "in").mkdir(exist_ok=True)
        save(photo(1), tmp_path / "in" / f"{number:03}.jpg") if not number else os.link(
            tmp_path / "in/000.jpg", tmp_path / "in" / f"{number:03}.jpg"
        )
    with small_disk(tmp_path / "disk", "24m") as disk:
        monkeypatch.setenv("DEDUP_HOME", str(disk / "home"))
        dataset = dedup.scan(tmp_path / "in")
        assert len(removal.apply(dataset, removal.plan(dataset)).done) == 399
        fill(disk)
        assert len(removal.restore(dedup.open("in")).done) == 399


def test_a_read_only_home_is_read(tmp_path, monkeypatch):
    folder_of_photos(tmp_path / "in", 3)
    with small_disk(tmp_path / "disk") as disk:
        monkeypatch.setenv("DEDUP_HOME", str(disk / "home"))
        dedup.scan(tmp_path / "in").tag([0], "good")
        read_only(disk)
        opened = dedup.open("in")
        assert opened.frame["tag:good"].sum() == 1
        for act in (lambda: opened.tag([1], "more"), lambda: dedup.scan(tmp_path / "in"), lambda: dedup.forget("in")):
            with pytest.raises(DatasetError, match=r"(?i)read-?only"):
                act()


def test_what_is_ours_is_for_its_owner_alone(tmp_path, home):
    folder_of_photos(tmp_path / "in", 2)
    (tmp_path / "in/copy.jpg").write_bytes((tmp_path / "in/0000.jpg").read_bytes())
    previous = os.umask(0o022)
    try:
        dataset = dedup.scan(tmp_path / "in")
        dataset.tag([0], "good")
        removal.apply(dataset, removal.plan(dataset))
    finally:
        os.umask(previous)
    quarantine = dataset.directory / "quarantine"
    ours = [home, *(path for path in home.rglob("*") if quarantine not in path.parents)]
    assert [path.name for path in ours if path.stat().st_mode & 0o077] == []
