"""Shards: any of them on its own, killed, lost and run again; merged they are one scan, bit for bit."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pyarrow.parquet as pq
import pytest

import dedup
from dedup.cli import main
from dedup.errors import Cancelled, UsageError
from dedup.scanning import shards
from dedup.sources import list_source
from tests.pictures import folder_of_photos, photo, save, shut_off

COUNT = 3


@pytest.fixture
def folder(tmp_path):
    """Copies of all sorts, whose pairs lie in different shards, and what is no picture."""
    where = tmp_path / "in"
    paths = folder_of_photos(where, 8)
    shutil.copy(paths[0], where / "copy of 0.jpg")
    save(photo(1).resize((48, 36)), where / "deep/small of 1.jpg")
    save(photo(2).transpose(0), where / "deep/mirror of 2.png")
    (where / "broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    return where


def read_all(folder, parts, of=COUNT):
    return [dedup.scan_shard(folder, f"{number}/{of}", parts, workers=1) for number in range(1, of + 1)]


def tables(dataset):
    """Everything a scan keeps, as it lies on the disk."""
    names = ("images.parquet", "signatures.parquet", "pairs.parquet")
    return [pq.read_table(dataset.directory / name).replace_schema_metadata(None) for name in names]


@pytest.mark.parametrize("of", [1, 3, 20])
def test_merged_shards_are_one_scan_bit_for_bit(folder, home, tmp_path, asked, of):
    done = read_all(folder, tmp_path / "parts", of)
    assert sum(shard.images for shard in done) == 12 and sum(shard.failed for shard in done) == 1
    assert sorted(asked["examine"]) == sorted(file.relative.split("/")[-1] for file in list_source(folder).files)
    asked.clear()
    merged = dedup.merge(tmp_path / "parts", workers=1)
    assert asked["examine"] == []
    whole = dedup.scan(folder, name="whole", workers=1)
    assert all(one.equals(other) for one, other in zip(tables(merged), tables(whole), strict=True))
    assert merged.frame["kind"].value_counts().to_dict() == {"unique": 6, "near": 4, "exact": 1, "failed": 1}


def test_a_shard_that_was_killed_goes_on_and_is_not_merged_before(folder, home, tmp_path, asked):
    command = [sys.executable, "-m", "dedup", "scan", str(folder), "--shard", "1/1", "--parts", str(tmp_path / "parts")]
    for number in range(10, 60):
        save(photo(number), folder / f"{number}.png")
    part = tmp_path / "parts/shard-1-of-1/parts"
    running = subprocess.Popen(command, start_new_session=True)
    while not list(part.glob("*.parquet")) and running.poll() is None:
        time.sleep(0.01)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    with pytest.raises(UsageError, match="There is no finished shard"):
        dedup.merge(tmp_path / "parts")
    assert list(part.glob("*.parquet"))
    done = dedup.scan_shard(folder, "1/1", tmp_path / "parts", workers=1)
    assert done.images == 62 and len(asked["examine"]) < 62
    assert len(list(part.glob("*.parquet"))) == 1
    assert len(dedup.merge(tmp_path / "parts").frame) == 62


def test_a_stopped_shard_keeps_what_it_read(folder, tmp_path, asked, monkeypatch):
    monkeypatch.setattr("dedup.scanning.scan.PROGRESS_SECONDS", 0)

    def stop(progress):
        if progress.done == 3:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        dedup.scan_shard(folder, "1/1", tmp_path / "parts", workers=1, on_progress=stop)
    asked.clear()
    assert dedup.scan_shard(folder, "1/1", tmp_path / "parts", workers=1).images == 12
    assert len(asked["examine"]) == 9


def shard_file(parts, number):
    return parts / f"shard-{number}-of-3" / shards.SHARD_FILE


def table(parts, number):
    return next((parts / f"shard-{number}-of-3/parts").iterdir())


def test_a_folder_of_parts_is_of_one_source_and_outside_of_it(folder, tmp_path):
    dedup.scan_shard(folder, "1/1", tmp_path / "parts", workers=1)
    shutil.copytree(folder, tmp_path / "other")
    with pytest.raises(UsageError, match=r"holds shards of .*in\. Choose another folder for those of .*other"):
        dedup.scan_shard(tmp_path / "other", "1/1", tmp_path / "parts")
    with pytest.raises(UsageError, match="lies within"):
        dedup.scan_shard(folder, "1/1", folder / "parts")
    assert not (folder / "parts").exists()


def test_machines_that_see_the_folder_elsewhere_are_merged_when_it_is_named(folder, home, tmp_path):
    (tmp_path / "mount").symlink_to(folder)
    dedup.scan_shard(folder, "1/2", tmp_path / "parts", workers=1)
    dedup.scan_shard(tmp_path / "mount", "2/2", tmp_path / "parts", workers=1)
    with pytest.raises(UsageError, match=r"different sources: .* or name the one folder they all are with --source"):
        dedup.merge(tmp_path / "parts")
    assert len(dedup.merge(tmp_path / "parts", source=folder).frame) == 12


def changed(**values):
    def harm(parts):
        file = shard_file(parts, 2)
        file.write_text(json.dumps(json.loads(file.read_text()) | values))

    return harm


HARM = {
    "Shard 2 of 3 is not finished. Run it again: dedup scan SOURCE --shard 2/3": lambda parts: shutil.rmtree(
        parts / "shard-2-of-3"
    ),
    r"2 of 3 shards \(1, 3\) are not finished": lambda parts: [shard_file(parts, each).unlink() for each in (1, 3)],
    "Shard 2 of 3 is not finished": lambda parts: shard_file(parts, 2).write_text("{"),
    "Shard 1 of 3 is not finished. Run it again: dedup scan SOURCE --shard 1/3": lambda parts: shard_file(
        parts, 1
    ).write_text(shard_file(parts, 1).read_text().replace('"number": 1', '"number": "one"')),
    "Shard 3 of 3 is damaged": lambda parts: table(parts, 3).write_bytes(b"no table"),
    "Shard 1 of 3 is damaged": lambda parts: table(parts, 1).unlink(),
    "Shard 2 of 3 is of another version": changed(versions={"decoding": "older"}),
    "of different numbers of shards: 3, 4": changed(of=4),
    "of different sources: ": changed(source="/elsewhere"),
    "of different limits of pixels": changed(max_pixels=7),
    "There is no finished shard in ": shutil.rmtree,
}


@pytest.mark.parametrize("said", HARM)
def test_what_is_not_whole_is_told_and_run_again(folder, home, tmp_path, said):
    parts = tmp_path / "parts"
    read_all(folder, parts)
    HARM[said](parts)
    with pytest.raises(UsageError, match=said):
        dedup.merge(parts)
    if "sources" in said:  # what is of another one is not written over
        shutil.rmtree(parts / "shard-2-of-3")
    read_all(folder, parts)
    assert len(dedup.merge(parts).frame) == 12


def test_shards_of_several_folders_and_of_another_place_are_merged(folder, home, tmp_path, asked):
    for number in range(1, COUNT + 1):
        dedup.scan_shard(folder, f"{number}/{COUNT}", tmp_path / f"node{number}", workers=1)
    shutil.move(folder, tmp_path / "moved")
    (tmp_path / "moved/late.png").write_bytes((tmp_path / "moved/deep/mirror of 2.png").read_bytes())
    asked.clear()
    nodes = [tmp_path / f"node{number}" for number in range(1, COUNT)]
    with pytest.raises(UsageError, match="Shard 3 of 3 is not finished"):
        dedup.merge(nodes, source=tmp_path / "moved")
    merged = dedup.merge([*nodes, tmp_path / "node3/shard-3-of-3"], source=tmp_path / "moved", workers=1)
    assert asked["examine"] == ["late.png"] and len(merged.frame) == 13
    assert merged.root == tmp_path / "moved"


def test_shards_of_two_sources_with_the_same_numbers_are_refused(folder, home, tmp_path):
    read_all(folder, tmp_path / "parts")
    folder_of_photos(tmp_path / "other", 3)
    read_all(tmp_path / "other", tmp_path / "of the other", 3)
    with pytest.raises(UsageError, match="of different sources: "):  # or those of one would be left out in silence
        dedup.merge([tmp_path / "parts", tmp_path / "of the other"])
    read_all(folder, tmp_path / "two", 2)
    with pytest.raises(UsageError, match="of different numbers of shards: 2, 3"):
        dedup.merge([tmp_path / "parts", tmp_path / "two"])


@pytest.mark.parametrize("harm", [lambda parts: table(parts, 2).write_bytes(b"no table"), changed(versions={})])
def test_a_shard_that_was_run_again_elsewhere_stands_for_the_damaged_one(folder, home, tmp_path, harm):
    read_all(folder, tmp_path / "parts")
    harm(tmp_path / "parts")
    dedup.scan_shard(folder, f"2/{COUNT}", tmp_path / "again", workers=1)
    for order in (["parts", "again"], ["again", "parts"]):
        assert len(dedup.merge([tmp_path / each for each in order], workers=1).frame) == 12


def test_a_folder_that_one_machine_cannot_read_is_told_and_read_by_another(folder, home, tmp_path, capsys, monkeypatch):
    with monkeypatch.context() as patched:
        shut_off(folder / "deep", patched)
        assert main(["scan", str(folder), "--shard", "1/2", "--parts", str(tmp_path / "parts")]) == 1
        assert "the folder deep cannot be read here" in capsys.readouterr().out
    dedup.scan_shard(folder, "2/2", tmp_path / "parts", workers=1)
    merged = dedup.merge(tmp_path / "parts", workers=1)
    assert len(merged.frame) == 12 and (merged.frame["status"] == "failed").sum() == 1


@pytest.mark.parametrize("wrong", ["", "3", "0/4", "5/4", "1/0", "-1/4", "1/4/2", "1 / four"])
def test_what_is_no_shard_is_refused(wrong):
    with pytest.raises(UsageError, match="is no shard"):
        shards.parse(wrong)


def test_from_the_command_line(folder, home, tmp_path, capsys):
    parts = str(tmp_path / "parts of all")
    codes = [main(["scan", str(folder), "--shard", f"{number}/2", "--parts", parts]) for number in (1, 2)]
    told = capsys.readouterr().out
    assert sorted(codes) == [0, 1] and "1 failed." in told and f"dedup merge '{parts}'" in told
    assert main(["merge", parts, "--name", "all of it", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["images"] == 12
    assert main(["scan", str(folder), "--shard", "1/2"]) == 2
    assert main(["scan", str(folder), "--shard", "1/2", "--parts", parts, "--name", "x"]) == 2
    assert "give --name, --labels, --thorough and --json to `merge`" in capsys.readouterr().err
