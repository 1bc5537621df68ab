"""Archives and tables are read where they lie, and what is in them is what the same files in a folder are."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import sys
import tarfile
import time
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import dedup
from dedup.checks import gate
from dedup.errors import ExportError, RemovalError, SourceError, UnreadableImage, UsageError
from dedup.files import sha256_of
from dedup.removal import applying, planning
from dedup.sources import archives, at_hand, list_source
from tests.packed import batched, files_of, mapped, records, sharded, tabled, tarred, zipped
from tests.pictures import folder_of_photos, photo, save


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """Twelve files: ten different ones, an exact copy and a smaller one, in two folders."""
    folder = tmp_path_factory.mktemp("made") / "photos"
    folder_of_photos(folder / "a", 10)
    shutil.copy(folder / "a/0003.jpg", folder / "copy.jpg")
    save(photo(4).resize((64, 48)), folder / "b/small.png")
    return folder


PLACES: dict[str, Callable[[Path, Path], str]] = {
    "zip": lambda photos, place: str(zipped(photos, place / "photos.zip")),
    "tar": lambda photos, place: str(tarred(photos, place / "photos.tar")),
    "braces": lambda photos, place: f"{sharded(photos, place / 'shards')}/part-{{000..002}}.tar",
    "stars": lambda photos, place: f"{sharded(photos, place / 'shards')}/part-*.tar",
    "parquet": lambda photos, place: str(tabled(photos, place / "photos.parquet")),
    "lmdb": lambda photos, place: str(mapped(photos, place / "photos_lmdb")),
    "lmdb file": lambda photos, place: str(mapped(photos, place / "photos_lmdb") / "data.mdb"),
    "lmdb://": lambda photos, place: f"lmdb://{mapped(photos, place / 'photos_lmdb')}",
    "zip://": lambda photos, place: f"zip://{zipped(photos, place / 'photos.zip')}",
}


def count_of(name: str, dataset: dedup.Dataset) -> int:
    """What the gate counts."""
    found = gate.check(dataset, gate.Limits(leaks=0)).findings
    return next(each.count for each in found if each.name == name)


def by_content(dataset: dedup.Dataset, dropped: tuple[str, ...] = ()) -> list[tuple]:
    """What a scan found, whatever the images are called."""
    columns = ["sha256", "content", "bytes", "width", "height", "format", "singularity", "sharpness", "distance"]
    frame = dataset.frame.assign(kind=dataset.frame["kind"].astype(str))
    rows = frame[[each for each in columns if each not in dropped]].fillna(-1).itertuples(index=False, name=None)
    return sorted(rows)


@pytest.mark.parametrize("place", PLACES)
def test_what_is_in_an_archive_is_what_it_is_in_a_folder(photos, place, tmp_path, home, asked):
    source = PLACES[place](photos, tmp_path)
    dataset, plain = dedup.scan(source, name="packed"), dedup.scan(photos, name="plain")
    assert by_content(dataset) == by_content(plain) and len(dataset.frame) == 12
    names = {Path(path).name.split("-")[-1] for path in dataset.frame["path"]}
    assert names == {file.name for file in files_of(photos)}
    for row in range(len(dataset.frame)):
        with dataset.at_hand(row) as file:
            assert sha256_of(file) == dataset.frame["sha256"].iat[row]
        assert not file.exists()
    asked.clear()
    assert dedup.scan(source, name="packed").scan_id == dataset.scan_id and asked["examine"] == []


def test_shown_paths_are_those_within_the_archive(photos, tmp_path, home):
    inside = [file.relative_to(photos).as_posix() for file in files_of(photos)]
    for source in (zipped(photos, tmp_path / "one.zip"), tarred(photos, tmp_path / "two.tar")):
        assert [file.path for file in list_source(source).files] == sorted(inside)
    shards = sharded(photos, tmp_path / "shards")
    listed = [file.path for file in list_source(f"{shards}/part-*.tar").files]
    assert listed[0].startswith("part-000.tar/a/") and len(listed) == 12
    assert dedup.scan(f"{shards}/part-*.tar").name == "shards" and dedup.scan(tmp_path / "one.zip").name == "one"


def test_of_an_archive_that_is_written_anew_only_what_changed_is_read(photos, tmp_path, home, asked):
    folder = shutil.copytree(photos, tmp_path / "photos")
    archive = zipped(folder, tmp_path / "photos.zip")
    dedup.scan(archive)
    save(photo(77), folder / "a/0001.jpg")
    save(photo(78), folder / "new.jpg")
    zipped(folder, archive)
    asked.clear()
    dataset = dedup.scan(archive)
    assert sorted(asked["examine"]) == ["0001.jpg", "new.jpg"] and len(dataset.frame) == 13


def test_of_a_table_that_is_written_anew_only_what_changed_is_read(photos, tmp_path, home, asked):
    folder = shutil.copytree(photos, tmp_path / "photos")
    table = tabled(folder, tmp_path / "photos.parquet")
    dedup.scan(table)
    save(photo(77), folder / "a/0001.jpg")
    tabled(folder, table, rows_of_a_group=3)
    asked.clear()
    dedup.scan(table)
    assert asked["examine"] == ["00000001-0001.jpg"]


@pytest.mark.parametrize("place", ["parquet", "lmdb"])
def test_what_has_moved_within_a_table_is_known_by_its_bytes(photos, place, tmp_path, home, asked):
    make, folder = {"parquet": tabled, "lmdb": mapped}[place], shutil.copytree(photos, tmp_path / "photos")
    (folder / "broken.jpg").write_bytes(b"no picture")
    source = make(folder, tmp_path / f"photos.{place}")
    dedup.scan(source, name="packed")
    shutil.move(folder / "a/0003.jpg", folder / "0000 first.jpg")
    save(photo(79), folder / "b/another.png")
    make(folder, source)
    asked.clear()
    dataset = dedup.scan(source, name="packed")
    read = {name.split("-")[-1] for name in asked["examine"]}
    assert "another.png" in read and read <= {"another.png", "broken.jpg"}
    assert [each for each in by_content(dedup.scan(folder, name="plain")) if each[3]] == [
        each for each in by_content(dataset) if each[3]
    ]
    for row in np.flatnonzero(dataset.frame["status"] == "ok"):
        with dataset.at_hand(int(row)) as file:
            assert sha256_of(file) == dataset.frame["sha256"].iat[row]
    asked.clear()
    assert dedup.scan(source, name="packed").scan_id == dataset.scan_id and asked["examine"] == []


def test_names_that_lead_elsewhere_stay_names(photos, tmp_path, home):
    picture = files_of(photos)[0].read_bytes()
    with zipfile.ZipFile(tmp_path / "odd.zip", "w") as archive:
        for name in ("../../escaped.jpg", "/etc/absolute.jpg", "a\\b.jpg", "plain.jpg", "x\ny.jpg", "$(touch x).jpg"):
            archive.writestr(name, picture)
    before = set(tmp_path.rglob("*"))
    dataset = dedup.scan(tmp_path / "odd.zip")
    assert dataset.frame["status"].eq("ok").all() and len(dataset.frame) == 6
    assert "etc/absolute.jpg" in dataset.frame["path"].tolist()
    with pytest.raises(ExportError, match=r"\.\./\.\./escaped.jpg would be written outside"):
        dataset.export("folder", tmp_path / "out")
    inside = (~dataset.frame["path"].str.startswith("..")).to_numpy()
    dataset.export("folder", tmp_path / "out", inside)
    assert (tmp_path / "out/etc/absolute.jpg").read_bytes() == picture
    new = {path for path in set(tmp_path.rglob("*")) - before if not path.is_relative_to(home)}
    assert all(path.is_relative_to(tmp_path / "out") for path in new)


def test_what_is_no_picture_is_counted_or_left_out_as_in_folders(photos, tmp_path):
    picture = files_of(photos)[0].read_bytes()
    with tarfile.open(tmp_path / "mixed.tar", "w") as archive:
        for name, data in {
            "a.jpg": picture, "a.json": b"{}", "b.txt": b"x", ".hidden/c.jpg": picture, "__MACOSX/._a.jpg": b"x",
            "no suffix": picture, "README": b"words", "raw.cr2": b"II*\0raw", "inner.zip": b"PK",
        }.items():  # fmt: skip
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        link = tarfile.TarInfo("link.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    listing = list_source(tmp_path / "mixed.tar")
    assert [file.path for file in listing.files] == ["a.jpg", "no suffix", "raw.cr2"]
    assert listing.passed_over == {".json": 1, ".txt": 1, "": 1, ".zip": 1, "link or device": 1}


def test_a_shard_that_was_cut_short_costs_its_end_only(photos, tmp_path, home, asked):
    shards = sharded(photos, tmp_path / "shards")
    source = f"{shards}/part-*.tar"
    whole = dedup.scan(source)
    before = by_content(whole)
    damaged = shards / "part-001.tar"
    content = damaged.read_bytes()
    damaged.write_bytes(content[: len(content) // 2])
    asked.clear()
    cut = dedup.scan(source)
    failed = cut.frame[cut.frame["status"] == "failed"]
    assert "part-001.tar" in failed["path"].tolist() and failed["error"].str.contains("to its end").any()
    others = ~whole.frame["path"].str.startswith("part-001")
    assert set(whole.frame["path"][others]) <= set(cut.frame["path"][cut.frame["status"] == "ok"])
    assert all(cut.frame["path"].str.startswith("part-001") | cut.frame["path"].isin(whole.frame["path"]))
    damaged.write_bytes(content)
    assert by_content(dedup.scan(source)) == before
    with open(damaged, "r+b") as stream:  # what follows the second member is no header any more
        with tarfile.open(damaged) as archive:
            stream.seek(archive.getmembers()[1].offset)
        stream.write(b"\xff" * 512)
    assert "part-001.tar" in dedup.scan(source).frame["path"].tolist()


def test_a_damaged_or_encrypted_member_is_one_failure(photos, tmp_path, home, asked):
    archive = zipped(photos, tmp_path / "photos.zip")
    content = bytearray(archive.read_bytes())
    with zipfile.ZipFile(archive) as opened:
        damaged, locked = (opened.getinfo(f"a/{number:04d}.jpg").header_offset for number in (2, 5))
    content[damaged + 200] ^= 0xFF
    central = content.find(b"a/0005.jpg", content.find(b"PK\x01\x02")) - 46
    content[locked + 6] |= 1  # the flag of encryption, in both headers (APPNOTE.TXT 4.4.4)
    content[central + 8] |= 1
    archive.write_bytes(content)
    frame = dedup.scan(archive).frame.set_index("path")
    assert frame["error"]["a/0002.jpg"].startswith("damaged in its archive: ")
    assert frame["error"]["a/0005.jpg"] == "it is encrypted in its archive"
    assert frame["status"].eq("ok").sum() == 10
    asked.clear()
    dedup.scan(archive)
    assert asked["examine"] == []  # they are as damaged as before


def test_what_is_too_large_is_not_read_into_memory(photos, tmp_path, home, monkeypatch):
    monkeypatch.setattr("dedup.sources.reading.LARGEST_BYTES", 3000)
    listing = list_source(zipped(photos, tmp_path / "photos.zip"))
    large = next(listing.where(row) for row, file in enumerate(listing.files) if file.entry.size > 3000)
    with pytest.raises(UnreadableImage, match="too large to be read where it is"), at_hand(large):
        pass


@pytest.mark.parametrize("place", ["zip", "tar", "parquet", "lmdb file"])
def test_an_archive_that_changed_since_the_scan_gives_nothing_else_for_it(photos, place, tmp_path, home):
    source = PLACES[place](photos, tmp_path)
    dataset = dedup.scan(source)
    other = folder_of_photos(tmp_path / "other", 12, start=100)[0].parent
    time.sleep(0.02)  # for another time of change
    if place == "lmdb file":
        mapped(other, Path(source).parent)
    else:
        {"zip": zipped, "tar": tarred, "parquet": tabled}[place](other, Path(source))
    with pytest.raises(UnreadableImage, match="changed since the scan"), dataset.at_hand(0):
        pass
    report = dataset.export("folder", tmp_path / "out")
    assert len(report.notes) >= 12 and not list((tmp_path / "out").rglob("*.jpg"))
    Path(source).unlink()
    with pytest.raises(UnreadableImage, match="No such file"), dataset.at_hand(0):
        pass


def test_images_in_archives_are_exported_whole_and_never_removed(photos, tmp_path, home):
    dataset = dedup.scan(zipped(photos, tmp_path / "photos.zip"))
    before = sha256_of(tmp_path / "photos.zip")
    stays = (dataset.frame["role"] != "duplicate").to_numpy()
    dataset.export("folder", tmp_path / "clean", stays)
    written = {hashlib.sha256(file.read_bytes()).hexdigest() for file in files_of(tmp_path / "clean")}
    assert written == set(dataset.frame["sha256"][stays])
    with pytest.raises(ExportError, match="no file can be a link to"):
        dataset.export("folder", tmp_path / "linked", mode="hardlink")
    plan = planning.plan(dataset)
    assert len(plan.entries) == 1 and plan.bytes == plan.entries[0].bytes > 0
    with pytest.raises(RemovalError, match=r"photos.zip, which is only read. Export those that stay"):
        applying.apply(dataset, plan)
    with pytest.raises(UsageError, match=r"is no file of its own: it lies in .*photos.zip"):
        dataset.file(0)
    assert sha256_of(tmp_path / "photos.zip") == before


def test_plain_bytes_and_rows_without_any(tmp_path, home):
    pictures = [save(photo(number), tmp_path / f"{number}.png").read_bytes() for number in range(3)]
    pq.write_table(pa.table({"id": [1, 2, 3, 4], "image": [*pictures, None]}), tmp_path / "plain.parquet")
    frame = dedup.scan(tmp_path / "plain.parquet").frame
    assert frame["path"].tolist() == ["00000000.png", "00000001.png", "00000002.png", "00000003"]
    assert frame["error"].iat[3] == "empty file" and frame["status"].eq("ok").sum() == 3
    pq.write_table(pa.table({"id": [1], "words": ["x"]}), tmp_path / "none.parquet")
    with pytest.raises(SourceError, match="has no column of images"):
        dedup.scan(tmp_path / "none.parquet")


@pytest.mark.parametrize("kind", [pa.ipc.new_stream, pa.ipc.new_file])
def test_a_table_that_hugging_face_saved_is_what_its_parquet_is(kind, photos, tmp_path, home, asked):
    """Batches of rows in an Arrow file, from where labels are read as well; changed, only what changed is read."""
    file = batched(photos, tmp_path / "data-00000-of-00001.arrow", kind)
    tabled(photos, tmp_path / "photos.parquet")
    dataset = dedup.scan(file, name="arrow", use_found=True)
    assert by_content(dataset) == by_content(dedup.scan(tmp_path / "photos.parquet", name="parquet"))
    assert dataset.frame["classes"].tolist() == [(str(row % 2),) for row in range(12)]
    with dataset.at_hand(7) as held:
        assert held.read_bytes() == files_of(photos)[7].read_bytes()
    asked.clear()
    batched(photos / "a", tmp_path / "made", kind).replace(file)
    assert len(dedup.scan(file, name="arrow").frame) == 10 and not asked["examine"]


def test_an_arrow_file_that_was_cut_costs_its_end_and_one_elsewhere_is_one_sentence(photos, tmp_path, home):
    whole, cut = batched(photos, tmp_path / "whole.arrow"), tmp_path / "cut.arrow"
    cut.write_bytes(whole.read_bytes()[:-3000])
    frame = dedup.scan(cut).frame
    assert frame["status"].tolist().count("ok") == 10 and "cannot be read to its end" in frame["error"].iat[-1]
    with fsspec.open("memory://set/whole.arrow", "wb") as file:
        file.write(whole.read_bytes())
    with pytest.raises(SourceError, match="on a disk of this machine only"):
        dedup.scan("memory://set/whole.arrow")
    ends = np.cumsum([0, *(file.stat().st_size for file in files_of(photos)[:5])], dtype=np.int32)
    offsets = whole.read_bytes().index(ends.tobytes())
    wild = bytearray(whole.read_bytes())
    wild[offsets + 8 : offsets + 12] = b"\xff\xff\xff\x7f"
    (tmp_path / "wild.arrow").write_bytes(wild)
    with pytest.raises(SourceError, match="Cannot read"):
        dedup.scan(tmp_path / "wild.arrow")
    (tmp_path / "none.arrow").write_bytes(b"no Arrow at all")
    with pytest.raises(SourceError, match="Cannot read"):
        dedup.scan(tmp_path / "none.arrow")


def test_records_of_an_lmdb_are_called_by_their_keys_and_what_is_no_image_is_counted(photos, tmp_path, home, asked):
    picture, other = (file.read_bytes() for file in files_of(photos)[:2])
    keys = {b"a/1.JPG": picture, b"a/1": picture, b"\xff\x00": other, b"..": other, b"num-samples": b"4", b"none": b""}
    dataset = dedup.scan(records(tmp_path / "train_lmdb", keys))
    assert dataset.name == "train_lmdb" and dataset.root.name == "data.mdb"
    assert dataset.frame["path"].tolist() == ["2e2e.jpg", "a/1.JPG", "a/1.jpg", "ff00.jpg"]
    assert dataset.frame["status"].eq("ok").all() and (dataset.frame["role"] == "duplicate").sum() == 2
    assert list_source(tmp_path / "train_lmdb/data.mdb").passed_over == {"record that is no image": 2}
    records(tmp_path / "train_lmdb", {**keys, b"a/1": other, b"new": files_of(photos)[2].read_bytes()})
    asked.clear()
    dataset = dedup.scan(tmp_path / "train_lmdb")
    assert asked["examine"] == ["new.jpg"]  # digests tell what else is as it was, whatever it is called
    assert (dataset.frame["role"] == "duplicate").sum() == 2


def test_an_lmdb_that_ends_too_early_or_lies_elsewhere_is_one_sentence(photos, tmp_path, home, monkeypatch):
    whole = (mapped(photos, tmp_path / "photos_lmdb") / "data.mdb").read_bytes()
    (tmp_path / "cut.lmdb").write_bytes(whole[: len(whole) // 2])  # to read beyond its end would end the process
    with pytest.raises(SourceError, match="ends before its last page"):
        dedup.scan(tmp_path / "cut.lmdb")
    monkeypatch.setitem(sys.modules, "lmdb", None)
    (tmp_path / "whole.lmdb").write_bytes(whole)
    with pytest.raises(SourceError, match=r"dedup-images\[lmdb\]"):
        dedup.scan(tmp_path / "whole.lmdb")
    fsspec.filesystem("memory").pipe("/far/photos.lmdb", whole)
    with pytest.raises(SourceError, match="copy it here"):
        dedup.scan("memory://far/photos.lmdb")


@pytest.mark.parametrize("name", ["photos.tar.gz", "photos.tgz", "photos.7z"])
def test_archives_that_are_compressed_as_a_whole_are_told_so(name, tmp_path):
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(SourceError, match=r"compressed as a whole\. Unpack it"):
        list_source(tmp_path / name)


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz"])
def test_a_tar_that_is_compressed_though_called_plain_is_told_so(mode, photos, tmp_path):
    with tarfile.open(tmp_path / "photos.tar", mode) as archive:
        archive.add(photos, ".")
    with pytest.raises(SourceError, match="compressed as a whole, whatever it is called"):
        list_source(tmp_path / "photos.tar")


@pytest.mark.parametrize("suffix", [".zip", ".tar", ".parquet", ".lmdb"])
def test_what_is_no_archive_is_one_sentence(suffix, tmp_path):
    (tmp_path / f"broken{suffix}").write_bytes(b"nothing of the sort" * 100)
    with pytest.raises(SourceError, match=r"Cannot read .*broken"):
        list_source(tmp_path / f"broken{suffix}")
    with pytest.raises(SourceError, match="There is no file like"):
        list_source(f"{tmp_path}/missing-*{suffix}")
    with pytest.raises(SourceError, match="there is no such file"):
        list_source(f"{tmp_path}/m-{{0..1}}{suffix}")


def test_a_dataset_kept_before_there_were_other_places_is_read_and_not_decoded_again(photos, tmp_path, home, asked):
    dataset = dedup.scan(photos, name="old")
    file = dataset.directory / "images.parquet"
    table = pq.read_table(file)
    pq.write_table(table.drop_columns(["version"]), file)
    old = dedup.open("old")
    assert old.file(0).exists() and old.in_files
    asked.clear()
    assert dedup.scan(photos, name="old").scan_id == dataset.scan_id and asked["examine"] == []


def test_names_of_archives_say_the_split_or_the_class(photos, tmp_path, home):
    """Hugging Face's tables of a dataset, and an archive for each class."""
    folder = tmp_path / "data"
    folder.mkdir()
    tabled(photos / "a", folder / "train-00000-of-00001.parquet")
    tabled(photos, folder / "test-00000-of-00001.parquet")
    frame = dedup.scan(f"{folder}/*.parquet").frame
    assert frame["split"].value_counts().to_dict() == {"test": 12, "train": 10}
    assert not any(frame["classes"]) and count_of("leaks", dedup.open("data")) == 10
    folder_of_photos(tmp_path / "others", 10, start=50)
    zipped(photos / "a", tmp_path / "cats.zip")
    zipped(tmp_path / "others", tmp_path / "dogs.zip")
    classes = Counter(dedup.scan(f"{tmp_path}/*.zip", name="classes").frame["classes"].tolist())
    assert classes == {("cats",): 10, ("dogs",): 10}


def test_a_folder_of_nothing_but_archives_says_how_they_are_read(photos, tmp_path, home):
    """As datasets come from Hugging Face: tables in a folder of the one that is given."""
    (tmp_path / "set/data").mkdir(parents=True)
    tabled(photos, tmp_path / "set/data/train-00000-of-00001.parquet")
    with pytest.raises(SourceError, match=r"but 1 \.parquet\. Archives are read where they are named") as told:
        dedup.scan(tmp_path / "set")
    assert len(dedup.scan(str(told.value).split('"')[1]).frame) == 12
    (tmp_path / "none").mkdir()
    with pytest.raises(SourceError, match="Choose a place with pictures in it"):
        dedup.scan(tmp_path / "none")


def test_many_archives_do_not_stay_open(photos, tmp_path, home):
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(3 * archives.MOST_OPEN):
        with zipfile.ZipFile(folder / f"{number:02d}.zip", "w") as archive:
            archive.write(files_of(photos)[number % 12], "a.jpg")
    assert len(list_source(f"{folder}/*.zip").files) == 3 * archives.MOST_OPEN
    opened = [os.readlink(f"/proc/self/fd/{each}") for each in os.listdir("/proc/self/fd") if os.path.islink(f"/proc/self/fd/{each}")] if os.path.isdir("/proc/self/fd") else []  # fmt: skip  # noqa: E501
    assert sum(each.startswith(str(folder)) for each in opened) <= archives.MOST_OPEN + 1


def test_deep_pictures_keep_their_depth(tmp_path, home):
    deep = (np.arange(96 * 72, dtype=np.uint16).reshape(72, 96) * 9).astype(np.uint16)
    (tmp_path / "in").mkdir()
    Image.fromarray(deep).save(tmp_path / "in/deep.png")
    Image.fromarray(deep).save(tmp_path / "in/deep.tif")
    frame = dedup.scan(zipped(tmp_path / "in", tmp_path / "deep.zip")).frame
    assert frame["bits"].tolist() == [16, 16] and frame["content"].nunique() == 1


def test_whatever_a_member_does_to_its_reader_is_one_failure(photos, tmp_path, home):
    """Damaged LZMA, names that are not what the directory says, impossible sizes, names that no file can have."""
    with zipfile.ZipFile(tmp_path / "odd.zip", "w", zipfile.ZIP_LZMA) as archive:
        for number, file in enumerate(files_of(photos)[:6]):
            archive.write(file, f"{number}.jpg")
        archive.writestr("ü.jpg", files_of(photos)[7].read_bytes())
    content = bytearray((tmp_path / "odd.zip").read_bytes())
    with zipfile.ZipFile(tmp_path / "odd.zip") as archive:
        damaged, named = (archive.getinfo(name).header_offset for name in ("2.jpg", "ü.jpg"))
    content[damaged + 60 : damaged + 90] = b"\xa5" * 30
    content[named + 30 : named + 32] = b"\xff\xff"  # the name beside the bytes; the directory has the right one
    (tmp_path / "odd.zip").write_bytes(content)
    frame = dedup.scan(tmp_path / "odd.zip").frame.set_index("path")
    assert frame["status"].eq("ok").sum() == 5 and "damaged in its archive" in frame["error"]["2.jpg"]
    with tarfile.open(tmp_path / "odd.tar", "w", format=tarfile.PAX_FORMAT) as archive:
        for number, size in enumerate((None, "-5", str(10**30))):
            member = tarfile.TarInfo(f"{number}.jpg")
            data = files_of(photos)[number].read_bytes()
            member.size, member.pax_headers = len(data), {} if size is None else {"size": size}
            archive.addfile(member, io.BytesIO(data))
    frame = dedup.scan(tmp_path / "odd.tar").frame
    assert frame["status"].eq("ok").sum() == 1 and frame["status"].eq("failed").sum() >= 1
    rows = [{"bytes": file.read_bytes(), "path": path} for file, path in zip(files_of(photos)[:2], ("a.\0x", "b.jpg"), strict=True)]  # fmt: skip  # noqa: E501
    pq.write_table(pa.table({"image": rows}), tmp_path / "odd.parquet")
    assert dedup.scan(tmp_path / "odd.parquet").frame["status"].eq("ok").all()


def test_hard_links_are_images_and_other_links_are_counted(photos, tmp_path, home):
    folder = tmp_path / "in"
    folder.mkdir()
    shutil.copy(files_of(photos)[0], folder / "a.jpg")
    os.link(folder / "a.jpg", folder / "b.jpg")
    (folder / "c.jpg").symlink_to("a.jpg")
    listing = list_source(tarred(folder, tmp_path / "links.tar"))
    assert [file.path for file in listing.files] == ["a.jpg", "b.jpg"]
    assert listing.passed_over == {"link or device": 1}
    frame = dedup.scan(tmp_path / "links.tar").frame
    assert frame["sha256"].nunique() == 1 and frame["status"].eq("ok").all()


def test_older_files_of_a_name_and_files_without_one_are_counted(photos, tmp_path):
    first, second = (file.read_bytes() for file in files_of(photos)[:2])
    with tarfile.open(tmp_path / "twice.tar", "w") as archive:
        for name, data in (("a.jpg", first), ("a.jpg", second), ("..", second)):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    listing = list_source(tmp_path / "twice.tar")
    assert [file.path for file in listing.files] == ["a.jpg"] and listing.files[0].entry.size == len(second)
    assert listing.passed_over == {"older file of the same name": 1, "without a name": 1}


def test_a_tar_behind_another_is_not_passed_over_in_silence(photos, tmp_path, home):
    first = tarred(photos, tmp_path / "first.tar")
    (tmp_path / "both.tar").write_bytes(first.read_bytes() + first.read_bytes())
    frame = dedup.scan(tmp_path / "both.tar").frame
    assert "what follows is no member" in " ".join(frame["error"])


def test_links_and_older_files_in_a_zip_are_counted_as_in_a_tar(photos, tmp_path):
    first, second = (file.read_bytes() for file in files_of(photos)[:2])
    link = zipfile.ZipInfo("link.jpg")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive.writestr("a.jpg", first)
        archive.writestr("a.jpg", second)
        archive.writestr(link, "a.jpg")
    listing = list_source(tmp_path / "a.zip")
    assert [file.path for file in listing.files] == ["a.jpg"] and listing.files[0].entry.size == len(second)
    assert listing.passed_over == {"older file of the same name": 1, "link or device": 1}


def test_folders_of_a_zip_from_windows_are_folders(photos, tmp_path, home):
    with zipfile.ZipFile(tmp_path / "win.zip", "w") as archive:
        for split, file in zip(("train", "test", "test"), files_of(photos), strict=False):
            member = zipfile.ZipInfo("x")
            member.filename = f"{split}\\cat\\{file.name}"
            archive.writestr(member, file.read_bytes())
    frame = dedup.scan(tmp_path / "win.zip").frame
    assert frame["status"].eq("ok").all() and sorted(frame["split"]) == ["test", "test", "train"]
    assert frame["path"].str.startswith(("train/cat/", "test/cat/")).all()


def test_a_zip_written_anew_at_another_time_is_not_read_again(photos, tmp_path, home, asked):
    dedup.scan(zipped(photos, tmp_path / "a.zip"))
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        for file in files_of(photos):
            member = zipfile.ZipInfo(file.relative_to(photos).as_posix(), (2001, 2, 3, 4, 5, 6))
            archive.writestr(member, file.read_bytes())
    os.replace(tmp_path / "b.zip", tmp_path / "a.zip")
    asked.clear()
    dedup.scan(tmp_path / "a.zip")
    assert not asked["examine"]


def test_a_member_that_is_made_to_fill_the_memory_is_not_unpacked(photos, tmp_path, home, monkeypatch):
    monkeypatch.setattr(archives, "UNPACKED_BYTES", 1 << 20)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.bmp", bytes(8 << 20))
        archive.write(files_of(photos)[0], "a.jpg")
    listing = list_source(tmp_path / "bomb.zip")
    with pytest.raises(UnreadableImage, match="unpacks to 8,388,608 bytes from"), at_hand(listing.where(1)):
        pass


def test_a_damaged_group_of_a_table_costs_its_own_rows(photos, tmp_path, home):
    table = tabled(photos, tmp_path / "photos.parquet", rows_of_a_group=4)
    group = pq.ParquetFile(table).metadata.row_group(1)
    chunk = group.column(0)
    start = chunk.dictionary_page_offset or chunk.data_page_offset
    content = bytearray(table.read_bytes())
    content[start : start + 40] = b"\xff" * 40
    table.write_bytes(content)
    frame = dedup.scan(table).frame
    assert frame["status"].eq("ok").sum() == 8
    assert frame["error"].str.contains("cannot be read to its end: group 2").sum() == 1


def test_sound_is_no_column_of_images_and_other_images_are_counted(photos, tmp_path, home):
    data = [file.read_bytes() for file in files_of(photos)[:3]]
    images = [{"bytes": each, "path": "a.jpg"} for each in data]
    sound = [{"bytes": b"RIFF", "path": "a.wav"}] * 3
    told = {"info": {"features": {"audio": {"_type": "Audio"}, "picture": {"_type": "Image"}}}}
    table = pa.table({"audio": sound, "picture": images, "mask": data})
    for name, made in (
        ("said", table.replace_schema_metadata({"huggingface": json.dumps(told)})),
        ("named", pa.table({"audio": sound, "image": images, "mask": data})),
    ):
        pq.write_table(made, tmp_path / f"{name}.parquet")
        dataset = dedup.scan(tmp_path / f"{name}.parquet")
        assert dataset.frame["status"].eq("ok").all() and dataset.info.passed_over["image of the column mask"] == 3


@pytest.mark.parametrize("columns", ["misleading", "literal", "dictionary"])
def test_the_column_of_images_is_found_by_what_it_holds(columns, photos, tmp_path, home):
    data = [file.read_bytes() for file in files_of(photos)[:3]]
    image = pa.array([{"bytes": each, "path": "a.jpg"} for each in data])
    made = {
        "misleading": lambda: {"stats": pa.array([{"bytes": 1, "path": "x"}] * 3), "image": image},
        "literal": lambda: {"image.bytes": pa.array(["x", "y", "z"]), "image": image},
        "dictionary": lambda: {"image": pa.array(data).dictionary_encode()},
    }[columns]()
    pq.write_table(pa.table(made), tmp_path / "table.parquet")
    frame = dedup.scan(tmp_path / "table.parquet").frame
    assert frame["status"].eq("ok").sum() == 3


@pytest.mark.parametrize(
    "name", ["**.zip", "x" * 300 + ".zip", "{" + ",".join("abcdefgh" * 2 for _ in range(30)) + "}.zip"]
)
def test_names_that_no_system_can_have_are_one_sentence(name, tmp_path):
    with pytest.raises(SourceError):
        list_source(f"{tmp_path}/{name}")


def test_a_list_may_name_what_no_file_can_be_called(photos, tmp_path, home):
    (tmp_path / "list.txt").write_bytes(b"a\0.png\n" + str(files_of(photos)[0]).encode() + b"\nfile://" + str(files_of(photos)[1]).encode())  # fmt: skip  # noqa: E501
    assert dedup.scan(tmp_path / "list.txt").frame["status"].tolist().count("ok") == 2
