"""Saving a scan, killed at every step: the last scan or the new one, and nothing is decoded again."""

from __future__ import annotations

import os
import signal
from functools import partial

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import dedup
from dedup.errors import Cancelled, DatasetError
from dedup.model import Progress
from dedup.scanning import scan
from dedup.store.directory import Store
from tests.pictures import folder_of_photos, photo, save


def killed(work, step: int) -> bool:
    """Run `work` in a process that kills itself at its `step`-th rename or write of a table; False when it ended."""
    child = os.fork()
    if child:
        return os.WIFSIGNALED(os.waitpid(child, 0)[1])
    left = step

    def deadly(function):
        def call(*args, **kwargs):
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **kwargs)

        return call

    for name in ("replace", "rename", "fsync", "unlink", "rmdir"):
        setattr(os, name, deadly(getattr(os, name)))
    try:
        work()
    finally:
        os._exit(0)


def test_killed_at_every_step_of_saving_nothing_is_decoded_again(tmp_path, home, asked):
    paths = folder_of_photos(tmp_path / "in", 4)
    dataset = dedup.scan(tmp_path / "in", workers=1)
    store, info = Store(dataset.directory), dataset.info
    step, ended = 0, False
    while not ended:
        step += 1
        save(photo(100 + step), paths[0])
        asked["examine"].clear()
        results = store.previous(store.read_info())
        assert results is not None
        with store.scanning(store.read_info()):
            store.write_part(results.images.iloc[:0], results.signatures[:0])
        ended = not killed(partial(store.write_results, store.read_info(), results), step)
        assert len(dedup.open("in").frame) == 4  # the last scan or the new one, never neither
        frame = dedup.scan(tmp_path / "in", workers=1).frame
        assert len(frame) == 4 and asked["examine"] == ["0000.jpg"]
        litter = [each.name for each in dataset.directory.rglob("*") if each.name.startswith(".dedup-")]
        assert litter == [] and not store.saving.exists() and not store.parts.exists()
    assert step > 8 and info.key == dedup.open("in").info.key


def stopped(folder, after: int) -> None:
    """A scan that a person stops once so many files are read."""

    def listen(progress: Progress) -> None:
        if progress.stage == "reading images" and progress.done >= after:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        dedup.scan(folder, workers=1, on_progress=listen)


def test_parts_are_joined_on_the_way_and_nothing_of_them_is_lost(tmp_path, home, asked, monkeypatch):
    for name, value in (("PART_FILES", 2), ("PARTS_JOINED", 3), ("PROGRESS_SECONDS", 0.0)):
        monkeypatch.setattr(scan, name, value)
    folder_of_photos(tmp_path / "in", 40)
    stopped(tmp_path / "in", 30)
    parts = Store(home / "in").read_parts()
    assert len(parts) <= 8 and sum(len(part.images) for part in parts) >= 30
    done = {path for part in parts for path in part.images["path"]}
    asked["examine"].clear()
    frame = dedup.scan(tmp_path / "in", workers=1).frame
    assert set(asked["examine"]) == {f"{number:04d}.jpg" for number in range(40)} - done
    fresh = dedup.scan(tmp_path / "in", home=tmp_path / "fresh", workers=1)
    assert frame.equals(fresh.frame) and (dedup.open("in").signatures == fresh.signatures).all()


def test_a_join_that_is_killed_at_any_step_loses_no_part(tmp_path, home):
    dataset = dedup.scan(folder_of_photos(tmp_path / "in", 6)[0].parent, workers=1)
    results = Store(dataset.directory).previous(dataset.info)
    assert results is not None
    step, ended = 0, False
    while not ended:
        step += 1
        store = Store(tmp_path / f"parts-{step}")
        rows = (slice(row, row + 1) for row in range(6))
        paths = [store.write_part(results.images.iloc[each], results.signatures[each]) for each in rows]
        ended = not killed(partial(store.join_parts, paths), step)
        kept = {path for part in store.read_parts() for path in part.images["path"]}
        assert kept == set(results.images["path"])
    assert len(store.read_parts()) == 1 and step > 6


def test_signatures_that_are_damaged_are_read_again_by_the_next_scan(tmp_path, home, asked, monkeypatch):
    monkeypatch.setattr(scan, "PART_FILES", 2)
    monkeypatch.setattr(scan, "PROGRESS_SECONDS", 0.0)
    folder_of_photos(tmp_path / "in", 12)
    stopped(tmp_path / "in", 8)
    damaged = next((home / "in/parts").glob("*.parquet"))
    table = pq.read_table(damaged)
    column = table.column_names.index("signature_hash")
    pq.write_table(table.set_column(column, "signature_hash", pa.array([b"x"] * len(table), pa.binary(1))), damaged)
    with pytest.raises(DatasetError, match=r"is damaged and was left out\. Scan the folder again"):
        dedup.scan(tmp_path / "in", workers=1)
    asked["examine"].clear()
    assert dedup.scan(tmp_path / "in", workers=1).frame["status"].eq("ok").all()
    assert set(table["path"].to_pylist()) <= set(asked["examine"])
