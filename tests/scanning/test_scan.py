"""Scanning again: nothing is decoded twice, nothing decided is lost, a killed scan goes on."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import dedup
import dedup.dataset as api
from dedup.checks import gate
from dedup.errors import Cancelled, DatasetError, RemovalError, ScanRunning, SourceError, UsageError
from dedup.matching import candidates, engine
from dedup.removal import planning
from dedup.scanning import scan
from dedup.scanning.engines.local import Local
from dedup.store import directory
from dedup.store.home import check_name
from tests.pictures import folder_of_photos, photo, save, shut_off


@pytest.fixture
def counted(asked) -> list[str]:
    """Names of the files that were really examined."""
    return asked["examine"]


def test_unchanged_files_are_never_decoded_again(tmp_path, home, counted):
    folder_of_photos(tmp_path / "in", 5)
    first = dedup.scan(tmp_path / "in")
    counted.clear()
    second = dedup.scan(tmp_path / "in")
    assert counted == [] and second.scan_id == first.scan_id
    assert second.frame.equals(first.frame)


def test_only_what_changed_is_examined_and_the_result_is_that_of_a_fresh_scan(tmp_path, home, counted):
    paths = folder_of_photos(tmp_path / "in", 8)
    dedup.scan(tmp_path / "in", name="kept")
    paths[0].unlink()
    save(photo(50), paths[1])
    save(photo(2).resize((48, 36)), tmp_path / "in/small.jpg")
    shutil.copy(paths[3], tmp_path / "in/copy.jpg")
    counted.clear()
    again = dedup.scan(tmp_path / "in", name="kept").frame
    assert sorted(counted) == ["0001.jpg", "copy.jpg", "small.jpg"]
    fresh = dedup.scan(tmp_path / "in", home=tmp_path / "other").frame
    assert again.drop(columns="relations").equals(fresh.drop(columns="relations"))


def test_another_limit_of_pixels_reads_what_it_changes_only(tmp_path, home, counted):
    for name, size in (("small.png", (60, 40)), ("middle.png", (120, 80)), ("large.png", (240, 160))):
        save(photo(len(name)).resize(size), tmp_path / "in" / name)

    def readable(**options) -> list[str]:
        counted.clear()
        frame = dedup.scan(tmp_path / "in", workers=1, **options).frame
        return frame["name"][frame["status"] == "ok"].tolist()

    assert readable(max_pixels=10_000) == ["middle.png", "small.png"] and len(counted) == 3
    assert readable() == ["middle.png", "small.png"] and counted == []
    assert readable(max_pixels=100_000) == ["large.png", "middle.png", "small.png"] and counted == ["large.png"]
    assert readable(max_pixels=5_000) == ["small.png"] and sorted(counted) == ["large.png", "middle.png"]
    assert readable() == ["small.png"] and counted == []


def test_renamed_files_keep_their_tags_and_deleted_ones_get_theirs_back(tmp_path, home):
    paths = folder_of_photos(tmp_path / "in", 4)
    dataset = dedup.scan(tmp_path / "in")
    dataset.tag([0, 1], "good")
    paths[0].rename(tmp_path / "in/renamed.jpg")
    paths[1].rename(tmp_path / "away.jpg")
    frame = dedup.scan(tmp_path / "in").frame
    assert list(frame["path"][frame["tag:good"]]) == ["renamed.jpg"]
    (tmp_path / "away.jpg").rename(paths[1])
    frame = dedup.scan(tmp_path / "in").frame
    assert list(frame["path"][frame["tag:good"]]) == ["0001.jpg", "renamed.jpg"]


def test_what_is_no_picture_takes_its_tags_along_and_a_newcomer_gets_none(tmp_path, home):
    paths = folder_of_photos(tmp_path / "in", 3)
    (tmp_path / "in/broken.jpg").write_bytes(b"\xff\xd8\xff no")
    dataset = dedup.scan(tmp_path / "in")
    dataset.tag((dataset.frame["status"] == "failed").to_numpy(), "broken")
    dataset.tag([0], "reject")
    (tmp_path / "in/broken.jpg").rename(tmp_path / "in/worse.jpg")
    paths[0].rename(tmp_path / "away.jpg")
    frame = dedup.scan(tmp_path / "in").frame
    assert frame["path"][frame["tag:broken"]].tolist() == ["worse.jpg"]
    save(photo(9), paths[0])
    frame = dedup.scan(tmp_path / "in").frame
    assert paths[0].name in frame["path"].tolist() and not frame["tag:reject"].any()
    (tmp_path / "away.jpg").rename(paths[0])
    frame = dedup.scan(tmp_path / "in").frame
    assert frame["path"][frame["tag:reject"]].tolist() == [paths[0].name]


def test_broken_files_are_rows_and_transient_failures_are_tried_again(tmp_path, home, counted):
    folder_of_photos(tmp_path / "in", 2)
    (tmp_path / "in/empty.jpg").touch()
    (tmp_path / "in/gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    frame = dedup.scan(tmp_path / "in").frame.set_index("path")
    assert frame["error"]["empty.jpg"] == "empty file" and frame["error"]["gone.jpg"] == "there is no such file"
    assert frame["singularity"].isna().sum() == 2 and (frame["kind"] == "failed").sum() == 2
    counted.clear()
    save(photo(9), tmp_path / "nowhere.jpg")
    frame = dedup.scan(tmp_path / "in").frame.set_index("path")
    assert counted == ["gone.jpg"] and frame["status"]["gone.jpg"] == "ok"


def test_ctrl_c_keeps_finished_parts(tmp_path, home, monkeypatch, counted):
    folder_of_photos(tmp_path / "in", 12)
    run = Local.run

    def interrupted(self, task, paths, options):
        for done, result in enumerate(run(self, task, paths, options)):
            if done == 7:
                raise KeyboardInterrupt
            yield result

    with monkeypatch.context() as patch:
        patch.setattr(Local, "run", interrupted)
        with pytest.raises(Cancelled, match="7 of 12"):
            dedup.scan(tmp_path / "in", workers=1)
    counted.clear()
    assert len(dedup.scan(tmp_path / "in").frame) == 12 and len(counted) == 5


def test_kill_nine_and_scan_again_resumes(tmp_path, home, counted):
    folder_of_photos(tmp_path / "in", 60)
    code = (
        "import dedup, dedup.scanning.scan as s, time; from dedup.scanning.engines.local import Local as l\n"
        "def slow(*a):\n    for r in run(*a):\n        time.sleep(0.05); yield r\n"
        f"s.PART_FILES = 5; run = l.run; l.run = slow; dedup.scan({str(tmp_path / 'in')!r}, workers=1)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], env=os.environ, cwd=os.getcwd())
    parts = home / "in" / "parts"
    deadline = time.monotonic() + 60
    while len(list(parts.glob("*.parquet"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    # A slow start writes an early part of fewer rows: parts are due by time as well.
    saved = sum(pq.read_metadata(part).num_rows for part in parts.glob("*.parquet"))
    assert 3 <= saved < 60
    frame = dedup.scan(tmp_path / "in").frame
    assert len(frame) == 60 and len(counted) == 60 - saved and not parts.exists()


def test_a_newer_matching_matches_again_without_decoding(tmp_path, home, counted, monkeypatch):
    folder_of_photos(tmp_path / "in", 3)
    before = dedup.scan(tmp_path / "in")
    assert not before.outdated
    counted.clear()
    for module in (scan, directory, api):
        monkeypatch.setattr(module, "MATCHING_VERSION", 999)
    stored = dedup.open("in")
    assert stored.outdated
    pd.testing.assert_frame_equal(stored.frame, before.frame)
    pd.testing.assert_frame_equal(stored.pairs, before.pairs)
    with pytest.raises(RemovalError, match="found by another version"):
        planning.plan(stored)
    after = dedup.scan(tmp_path / "in")
    assert after.scan_id != before.scan_id and counted == [] and not after.outdated


def test_a_later_scan_computes_windows_of_what_is_new_alone(tmp_path, home, monkeypatch):
    monkeypatch.setattr(engine, "WORTH_KEEPING", 0)
    folder_of_photos(tmp_path / "in", 12)
    dataset = dedup.scan(tmp_path / "in")
    save(photo(0).crop((0, 0, 300, 220)), tmp_path / "in" / "part.jpg", quality=90)
    computed = []
    search = candidates.Index.search
    monkeypatch.setattr(candidates.Index, "search", lambda *given: (computed.append(len(given[1])), search(*given))[1])
    again = dedup.scan(tmp_path / "in")
    assert sum(computed) < 6
    fresh = dedup.scan(tmp_path / "in", name="fresh")
    pd.testing.assert_frame_equal(again.pairs, fresh.pairs)
    for damaged in (dataset.directory / "windows").iterdir():
        damaged.write_bytes(b"none")
    save(photo(50), tmp_path / "in" / "another.jpg", quality=90)
    assert len(dedup.scan(tmp_path / "in", name="in").frame) == 14 and sum(computed) > 20


def test_a_folder_that_shrinks_is_looked_through_as_hard_as_one_of_its_size(tmp_path, home, monkeypatch):
    def plan_for(count: int) -> candidates.Plan:
        return dataclasses.replace(sure_of_all, first=-1 if count > 9 else sure_of_all.first)

    sure_of_all = candidates.plan_for(9)
    monkeypatch.setattr(candidates, "plan_for", plan_for)
    monkeypatch.setattr(engine, "plan_for", plan_for)
    folder_of_photos(tmp_path / "in", 9)
    save(photo(0).resize((200, 150)), tmp_path / "in" / "small.jpg", quality=90)
    assert not len(dedup.scan(tmp_path / "in").pairs)
    next(file for file in sorted((tmp_path / "in").iterdir(), reverse=True) if file.name != "small.jpg").unlink()
    again = dedup.scan(tmp_path / "in")
    assert len(again.pairs) == 1
    pd.testing.assert_frame_equal(again.pairs, dedup.scan(tmp_path / "in", name="fresh").pairs)


def test_pairs_of_another_version_have_the_columns_of_this_one(tmp_path, home, monkeypatch):
    picture = photo(1)
    save(picture, tmp_path / "in" / "a.png")
    save(picture, tmp_path / "in" / "b.jpg", quality=80)
    dataset = dedup.scan(tmp_path / "in")
    file = dataset.directory / "pairs.parquet"
    table = pq.read_table(file).drop_columns(["details", "unexplained"])
    metadata = {**table.schema.metadata, b"matching": b"1"}
    pq.write_table(table.append_column("of_old", pa.array([1] * len(table))).replace_schema_metadata(metadata), file)
    stored = dedup.open("in")
    assert stored.outdated and list(stored.pairs) == list(dataset.pairs) and len(stored.pairs) == 1
    assert stored.frame["kind"].tolist() == ["near", "near"] and stored.pair(0).relation == dataset.pair(0).relation


def test_two_scans_at_once_are_refused(tmp_path, home):
    folder_of_photos(tmp_path / "in", 2)
    dataset = dedup.scan(tmp_path / "in")
    with (
        directory.Store(dataset.directory).scanning(dataset.info),
        pytest.raises(ScanRunning, match="being scanned already"),
    ):
        dedup.scan(tmp_path / "in")


@pytest.mark.parametrize("table", ["images.parquet", "signatures.parquet", "pairs.parquet"])
@pytest.mark.parametrize("damage", ["gone", "garbage"])
def test_damaged_tables_are_said_and_a_scan_repairs_them(table, damage, tmp_path, home):
    folder_of_photos(tmp_path / "in", 3)
    dataset = dedup.scan(tmp_path / "in")
    dataset.tag([0], "kept")
    path = dataset.directory / table
    path.unlink() if damage == "gone" else path.write_bytes(b"PAR1 no table")
    with pytest.raises(DatasetError, match="Scan the folder again"):
        broken = dedup.open("in")
        _ = broken.pairs, broken.signatures
    assert dedup.scan(tmp_path / "in").frame["tag:kept"].sum() == 1


def test_a_scan_that_died_between_tables_is_noticed(tmp_path, home):
    folder_of_photos(tmp_path / "in", 3)
    before = dedup.scan(tmp_path / "in").directory
    old = (before / "pairs.parquet").read_bytes()
    folder_of_photos(tmp_path / "in", 5)
    dedup.scan(tmp_path / "in")
    (before / "pairs.parquet").write_bytes(old)
    with pytest.raises(DatasetError, match="stopped while saving"):
        _ = dedup.open("in").frame


def test_a_dataset_that_was_scanned_again_since_it_was_opened_says_so(tmp_path, home):
    folder_of_photos(tmp_path / "in", 3)
    dedup.scan(tmp_path / "in")
    before = dedup.open("in")
    save(photo(70), tmp_path / "in/new.jpg")
    dedup.scan(tmp_path / "in")
    with pytest.raises(DatasetError, match=r"^in was scanned again since it was opened\. Open it again\.$"):
        before.signatures  # noqa: B018


def test_a_full_disk_loses_nothing(tmp_path, home, monkeypatch):
    folder_of_photos(tmp_path / "in", 3)
    dedup.scan(tmp_path / "in").tag([0], "kept")
    folder_of_photos(tmp_path / "in", 5)

    def full(*_args):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(DatasetError, match="No space left"):
            dedup.scan(tmp_path / "in")
    assert len(dedup.open("in").frame) == 3
    frame = dedup.scan(tmp_path / "in").frame
    assert len(frame) == 5 and frame["tag:kept"].sum() == 1


def test_a_moved_root_is_adopted_with_its_tags(tmp_path, home, counted):
    folder_of_photos(tmp_path / "old", 3)
    dedup.scan(tmp_path / "old", name="set").tag([1], "kept")
    (tmp_path / "old").rename(tmp_path / "new")
    assert len(dedup.open("set").frame) == 3
    counted.clear()
    moved = dedup.scan(tmp_path / "new", name="set")
    assert moved.root == tmp_path / "new" and moved.frame["tag:kept"].sum() == 1 and counted == []


def test_names_are_kept_apart(tmp_path, home):
    folder_of_photos(tmp_path / "a/same", 1)
    folder_of_photos(tmp_path / "b/same", 1)
    assert dedup.scan(tmp_path / "a/same").name == "same"
    assert dedup.scan(tmp_path / "b/same").name == "same-2"
    assert dedup.scan(tmp_path / "a/same").name == "same"
    dedup.rename("same-2", "other")
    assert dedup.scan(tmp_path / "b/same").name == "other"
    with pytest.raises(UsageError, match="is the dataset of"):
        dedup.scan(tmp_path / "b/same", name="same")
    for bad in ("", "a/b", "..", "nul\0", " padded ", "-x", "--"):
        with pytest.raises(UsageError):
            check_name(bad)


def test_folders_without_images_are_said(tmp_path, home):
    (tmp_path / "empty").mkdir()
    (tmp_path / "words").mkdir()
    (tmp_path / "words/a.txt").write_text("no picture")
    for name in ("empty", "words"):
        with pytest.raises(SourceError, match="no images"):
            dedup.scan(tmp_path / name)
    assert dedup.datasets() == []


def test_forgetting_and_renaming_never_touch_images(tmp_path, home):
    paths = folder_of_photos(tmp_path / "in", 2)
    before = [path.read_bytes() for path in paths]
    dedup.scan(tmp_path / "in").tag([0], "kept")
    dedup.rename("in", "other")
    assert dedup.open("other").frame["tag:kept"].sum() == 1
    dedup.forget("other")
    assert dedup.datasets() == [] and [path.read_bytes() for path in paths] == before


@pytest.mark.parametrize("workers", [1, 2])
def test_the_number_of_workers_changes_nothing(workers, tmp_path, home):
    folder_of_photos(tmp_path / "in", 20)
    reference = dedup.scan(tmp_path / "in", home=tmp_path / "reference", workers=1).frame
    assert dedup.scan(tmp_path / "in", workers=workers).frame.equals(reference)


def test_what_is_in_a_folder_that_cannot_be_read_is_not_gone(tmp_path, home, counted, monkeypatch):
    for name, seed in (("a.jpg", 1), ("shut/b.jpg", 2), ("shut/c.jpg", 3)):
        save(photo(seed), tmp_path / "in" / name)
    dedup.scan(tmp_path / "in").tag([1], "good")
    (tmp_path / "in/copy.jpg").write_bytes((tmp_path / "in/shut/b.jpg").read_bytes())
    with monkeypatch.context() as patch:
        shut_off(tmp_path / "in/shut", patch)
        for _ in range(2):
            frame = dedup.scan(tmp_path / "in").frame.set_index("path")
            assert list(frame.index) == ["a.jpg", "copy.jpg", "shut"]
            assert frame["error"]["shut"] == "folder cannot be read: Permission denied"
            assert not frame["tag:good"]["copy.jpg"]  # it is a copy of what is only out of reach
        report = gate.check(dedup.open("in"), gate.Limits(exact=0))
        assert not report.passed
    counted.clear()
    frame = dedup.scan(tmp_path / "in").frame.set_index("path")
    assert frame["tag:good"]["shut/b.jpg"] and not frame["tag:good"]["copy.jpg"] and counted == []


@pytest.mark.parametrize("way", ["up", "link", "link above", "list"])
def test_one_folder_is_one_dataset_whatever_way_it_is_named(tmp_path, home, way, monkeypatch):
    folder_of_photos(tmp_path / "above/in", 2)
    source = tmp_path / "above/in"
    if way == "list":
        source = source / "list.txt"
        source.write_text("0000.jpg\n")
    first = dedup.scan(source)
    first.tag([0], "good")
    monkeypatch.chdir(tmp_path / "above")
    if way == "link above":
        (tmp_path / "link").symlink_to(tmp_path / "above")
        again = tmp_path / "link" / source.relative_to(tmp_path / "above")
    elif way == "link":
        (tmp_path / "link").symlink_to(source)
        again = tmp_path / "link"
    else:
        again = Path("..") / "above" / "in" / ".." / source.relative_to(tmp_path / "above")
    second = dedup.scan(again)
    assert second.info.key == first.info.key and second.frame["tag:good"].sum() == 1
    assert [info.name for info in dedup.datasets()] == [first.name]


def test_a_thousand_folders_deep_are_scanned(tmp_path, home, deep_folder):
    save(photo(1), deep_folder / "a.jpg")
    dataset = dedup.scan(tmp_path / "deep", use_found=True)  # looks for labels everywhere, too
    assert dataset.frame["status"].tolist() == ["ok"]
    assert dataset.export("folder", tmp_path / "out").rows == 1
    subprocess.run(["rm", "-rf", tmp_path / "out"], check=True)


def test_a_list_that_grows_beyond_its_folder_or_shrinks_keeps_its_images(tmp_path, home):
    for name in ("train/cat/a", "train/dog/b", "test/cat/c"):
        save(photo(len(name) + ord(name[-1])), tmp_path / f"set/{name}.jpg")
    files = sorted((tmp_path / "set").rglob("*.jpg"))
    (tmp_path / "g.txt").write_text(str(tmp_path / "set/train/cat/a.jpg"))
    dataset = dedup.scan(tmp_path / "g.txt")
    dataset.tag([True], "seen")
    (tmp_path / "g.txt").write_text("\n".join(map(str, files)))
    dataset = dedup.scan(tmp_path / "g.txt")
    assert [dataset.where(row) for row in range(3)] == files
    assert dataset.frame.set_index("path")["tag:seen"].to_dict() == {
        "test/cat/c.jpg": False, "train/cat/a.jpg": True, "train/dog/b.jpg": False
    }  # fmt: skip
    dataset.export("folder", tmp_path / "out")
    assert len(list((tmp_path / "out").rglob("*.jpg"))) == 3
    (tmp_path / "g.txt").write_text("\n".join(map(str, files[1:2])))
    dataset = dedup.scan(tmp_path / "g.txt")
    assert dataset.frame["path"].tolist() == ["train/cat/a.jpg"] and dataset.where(0) == files[1]
    assert dataset.frame["tag:seen"].all()
