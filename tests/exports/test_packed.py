"""Files into archives and buckets: whole or absent, verified, never over anything, and what a scan reads back."""

from __future__ import annotations

import errno
import json
import os
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

import dedup
from dedup.errors import Cancelled, ExportError
from dedup.exports import folder, packed
from dedup.exports.items import MARKER
from dedup.sources import blobs
from tests.exports.test_folder import make
from tests.frames import PATHS
from tests.labels.test_beside_stored import boxes, picture, sample_shards, scanned, yolo
from tests.packed import files_of, sharded, tarred, zipped
from tests.pictures import folder_of_photos, photo, save

fsspec = pytest.importorskip("fsspec")
ARCHIVES = ("out.zip", "out.tar")


@pytest.fixture
def data(tmp_path):
    return make(tmp_path / "root")


@pytest.fixture
def bucket():
    """An empty bucket in the memory of this process."""
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    memory.pseudo_dirs[:] = [""]
    return memory


def contents(archive: Path) -> dict[str, bytes]:
    """What is in an archive, in its order."""
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as opened:
            return {name: opened.read(name) for name in opened.namelist()}
    with tarfile.open(archive) as opened:
        return {member.name: opened.extractfile(member).read() for member in opened}


def objects(bucket) -> dict[str, bytes]:
    """What is in the bucket."""
    return {path: bucket.cat_file(path) for path in bucket.find("/")}


@pytest.mark.parametrize("name", ARCHIVES)
def test_the_selected_files_are_in_the_archive_at_their_paths(data, tmp_path, name):
    mask, seen = data.everything(), []
    mask[0] = False
    report = folder.write(data, mask, tmp_path / "new" / name, seen.append)
    chosen = data.frame["path"][mask]
    assert {path: held.decode() for path, held in contents(tmp_path / "new" / name).items()} == {p: p for p in chosen}
    assert (report.rows, report.notes, report.path) == (len(chosen), (), tmp_path / "new" / name)
    assert seen[-1].done == seen[-1].total == len(chosen)
    assert os.listdir(tmp_path / "new") == [name]


def test_times_of_change_are_those_of_the_files(tmp_path):
    paths = ("a.jpg", "b.jpg", "c.jpg")
    data = make(tmp_path / "root", paths)
    for path, seconds in zip(paths, (-1, 1_000_000_000, 5_000_000_000), strict=True):
        os.utime(data.root / path, (seconds, seconds))
    for name in ARCHIVES:
        folder.write(data, data.everything(), tmp_path / name)
    with tarfile.open(tmp_path / "out.tar") as opened:
        assert [member.mtime for member in opened] == [-1, 1_000_000_000, 5_000_000_000]
    with zipfile.ZipFile(tmp_path / "out.zip") as opened:
        years = [info.date_time[0] for info in opened.infolist()]
    assert years == [1980, 2001, 2107]


@pytest.mark.parametrize("name", ARCHIVES)
def test_what_is_said_of_the_images_is_within(data, tmp_path, name):
    folder.write(data, data.everything(), tmp_path / name, with_csv=True, labels="coco")
    held = contents(tmp_path / name)
    assert len(json.loads(held["annotations.json"])["images"]) == len(PATHS)
    assert held["images.csv"].count(b"\n") == len(PATHS) + 1
    assert set(held) == {*PATHS, "annotations.json", "images.csv"}


@pytest.mark.parametrize("name", ARCHIVES)
def test_nothing_that_is_there_is_overwritten_and_no_dataset_written_into(data, tmp_path, name):
    (tmp_path / name).write_bytes(b"mine")
    with pytest.raises(ExportError, match="is there already"):
        folder.write(data, data.everything(), tmp_path / name, overwrite=True)
    assert (tmp_path / name).read_bytes() == b"mine"
    with pytest.raises(ExportError, match="own folder"):
        folder.write(data, data.everything(), data.root / name)
    with pytest.raises(ExportError, match="links"):
        folder.write(data, data.everything(), tmp_path / "new.zip", mode="hardlink")


def test_a_folder_that_is_called_like_an_archive_is_a_folder(data, tmp_path):
    (tmp_path / "out.zip").mkdir()
    folder.write(data, data.everything(), tmp_path / "out.zip")
    assert len(files_of(tmp_path / "out.zip")) == len(PATHS)


@pytest.mark.parametrize("name", ARCHIVES)
def test_changed_and_vanished_files_are_left_out_and_listed(data, tmp_path, name):
    first, second = data.frame["path"][:2]
    (data.root / first).write_text("changed")
    (data.root / second).unlink()
    data.frame.loc[2, "sha256"] = ""
    report = folder.write(data, data.everything(), tmp_path / name)
    assert report.rows == len(PATHS) - 3
    assert report.notes == (
        f"Left out {first}: the file has changed since the scan.",
        f"Left out {second}: the file has vanished.",
        f"Left out {PATHS[2]}: the file cannot be read.",
    )
    assert set(contents(tmp_path / name)) == set(PATHS[3:])


@pytest.mark.parametrize("name", ARCHIVES)
@pytest.mark.parametrize("error", [Cancelled("Stopped."), OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))])
def test_an_archive_that_was_not_finished_is_not_there(data, tmp_path, monkeypatch, name, error):
    def stop(_writer, member, _content, _seconds):
        if member == PATHS[3]:
            raise error

    writer = packed._WRITERS[Path(name).suffix]
    with monkeypatch.context() as planted:
        planted.setattr(writer, "add", stop)
        with pytest.raises((Cancelled, ExportError), match=r"Stopped|No space left"):
            folder.write(data, data.everything(), tmp_path / "new" / name)
    assert os.listdir(tmp_path / "new") == []
    assert folder.write(data, data.everything(), tmp_path / "new" / name).rows == len(PATHS)


@pytest.mark.parametrize("name", ARCHIVES)
def test_an_archive_that_does_not_read_back_is_no_export(data, tmp_path, monkeypatch, name):
    writer = packed._WRITERS[Path(name).suffix]
    real = writer.add

    def spoil(self, member, content, seconds):
        real(self, member, content[:-1] + b"X" if member == PATHS[1] else content, seconds)

    monkeypatch.setattr(writer, "add", spoil)
    with pytest.raises(ExportError, match="does not read back"):
        folder.write(data, data.everything(), tmp_path / "new" / name)
    assert os.listdir(tmp_path / "new") == []


def test_too_little_space_is_said_before_the_first_copy(data, tmp_path):
    data.frame["bytes"] = np.int64(10**15)
    with pytest.raises(ExportError, match="GB free, but the copies need"):
        folder.write(data, data.everything(), tmp_path / "out.zip")


def test_names_that_are_no_unicode_keep_their_bytes_or_are_told(tmp_path):
    data = make(tmp_path / "root", ["a.jpg"])
    name = os.fsdecode(b"b\xe9.jpg")
    (data.root / "a.jpg").rename(data.root / name)
    data.file = lambda row: data.root / name
    folder.write(data, data.everything(), tmp_path / "out.tar")
    assert list(contents(tmp_path / "out.tar")) == [name]
    report = folder.write(data, data.everything(), tmp_path / "out.zip")
    assert report.rows == 0 and "its name is no text" in report.notes[0]


@pytest.mark.parametrize("name", ARCHIVES)
def test_what_was_written_is_scanned_as_what_it_was_written_from(tmp_path, name):
    home = tmp_path / "home"
    source = scanned(yolo(tmp_path / "folder"), home)
    report = source.export("folder", tmp_path / name, labels="yolo")
    again = dedup.scan(report.path, home=home, name="again", use_found=True)
    assert boxes(again) == boxes(source)
    assert again.frame["sha256"].tolist() == source.frame["sha256"].tolist()
    assert not again.annotation_errors


SAMPLES = {
    "000": {"jpg": picture(0), "cls": b"3", "txt": b"A caption"},
    "001": {"jpg": picture(1), "cls": b"4", "json": b'{"url": "x"}'},
    "002": {"left.jpg": picture(2), "right.jpg": picture(3), "cls": b"5"},
    "003": {"jpg": picture(0), "cls": b"3", "txt": b"The same"},
}


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("/x/photos", "/x/photos cleaned"),
        ("/x/photos.zip", "/x/photos cleaned.zip"),
        ("/x/v1.2", "/x/v1.2 cleaned"),
        ("/x/shards/a-{000..127}.tar", "/x/shards cleaned/*.tar"),
        ("s3://bucket/photos/", "s3://bucket/photos cleaned"),
        ("s3://bucket/data/train-*.parquet", "s3://bucket/data cleaned/*.parquet"),
    ],
)
def test_what_is_cleaned_lies_beside(address, place):
    assert packed.beside(address) == place


def test_samples_of_webdataset_stay_together_and_shards_stay_shards(tmp_path):
    shards = sample_shards(tmp_path / "shards", SAMPLES, count=2)
    dataset = scanned(f"{shards}/train-*.tar", tmp_path / "home")
    stays = (dataset.frame["role"] != "duplicate").to_numpy()
    assert packed.carries_labels(dataset.attachments, dataset.address, tmp_path / "x.tar")
    report = dataset.export("folder", tmp_path / "clean/*.tar", stays)
    before = [contents(shards / f"train-00{number}.tar") for number in (0, 1)]
    gone = {name.partition(".")[0] for name in before[1]} - {"001"}
    before[1] = {name: held for name, held in before[1].items() if name.partition(".")[0] not in gone}
    assert gone == {"003"}
    after = [contents(tmp_path / f"clean/train-00{number}.tar") for number in (0, 1)]
    assert after == before
    for held in after:  # samples are files of one key after each other
        keys = [name.partition(".")[0] for name in held]
        assert keys == sorted(keys)
    assert report.rows == 4 and os.listdir(tmp_path / "clean") != []
    again = dedup.scan(tmp_path / "clean/*.tar", home=tmp_path / "home", name="again", use_found=True)
    assert boxes(again) == [each for each, stay in zip(boxes(dataset), stays, strict=True) if stay]


def test_shards_go_to_a_bucket_as_shards(bucket, tmp_path):
    shards = sample_shards(tmp_path / "shards", SAMPLES, count=2)
    dataset = scanned(f"{shards}/train-*.tar", tmp_path / "home")
    report = dataset.export("folder", "memory://out/clean/*.tar")
    assert (report.rows, report.path) == (5, "memory://out/clean/*.tar")
    assert list(objects(bucket)) == ["/out/clean/train-000.tar", "/out/clean/train-001.tar"]
    again = dedup.scan("memory://out/clean/*.tar", home=tmp_path / "home", name="again", use_found=True)
    assert boxes(again) == boxes(dataset)
    bucket.rm_file("/out/clean/train-000.tar")
    with pytest.raises(ExportError, match=r"train-001\.tar is there already"):
        dataset.export("folder", "memory://out/clean/*.tar")
    assert list(objects(bucket)) == ["/out/clean/train-001.tar"]


def test_labels_lie_beside_archives_of_their_own(tmp_path):
    home = tmp_path / "home"
    shards = sharded(yolo(tmp_path / "folder"), tmp_path / "shards", count=2)
    dataset = scanned(f"{shards}/part-*.tar", home)
    with pytest.raises(ExportError, match="an order of folders"):
        dataset.export("folder", tmp_path / "a/*.tar", labels="yolo")
    with pytest.raises(ExportError, match="from none of several archives"):
        scanned(tmp_path / "folder", tmp_path / "other").export("folder", tmp_path / "a/*.tar", labels="")
    assert not (tmp_path / "a").exists()
    (tmp_path / "c").mkdir()
    (tmp_path / "c/annotations.json").write_text("mine")
    with pytest.raises(ExportError, match=r"annotations\.json is there already"):
        dataset.export("folder", tmp_path / "c/*.zip", labels="coco")
    assert [file.read_text() for file in files_of(tmp_path / "c")] == ["mine"]
    dataset.export("folder", tmp_path / "b/*.zip", labels="coco")
    assert sorted(os.listdir(tmp_path / "b")) == ["annotations.json", "part-000.zip", "part-001.zip"]
    files = folder.labels_written(tmp_path / "b/*.zip", "coco")
    again = dedup.scan(tmp_path / "b/*.zip", home=home, name="again", annotations=files)
    assert [(count, names) for _, names, count in boxes(again)] == [
        (count, names) for _, names, count in boxes(dataset)
    ]


def test_of_several_archives_none_is_left_where_one_cannot_be_written(tmp_path, monkeypatch):
    shards = sample_shards(tmp_path / "shards", SAMPLES, count=2)
    dataset = scanned(f"{shards}/train-*.tar", tmp_path / "home")
    real = packed._Tar.add

    def stop(self, name, content, seconds):
        if name == "003.jpg":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(self, name, content, seconds)

    monkeypatch.setattr(packed._Tar, "add", stop)
    with pytest.raises(ExportError, match="No space left"):
        dataset.export("folder", tmp_path / "clean/*.tar")
    assert os.listdir(tmp_path / "clean") == []


@pytest.mark.parametrize("pack", [zipped, tarred], ids=["zip", "tar"])
def test_what_belongs_to_images_in_archives_goes_with_them_into_folders_too(tmp_path, pack):
    photos = tmp_path / "photos"
    folder_of_photos(photos / "a", 2)
    for name in ("a/0000.txt", "a/0001.jpg.json" if pack is zipped else "a/0001.json", "a/unrelated.txt"):
        (photos / name).write_text("said of it")
    dataset = scanned(pack(photos, tmp_path / f"p.{pack.__name__[:3]}"), tmp_path / "home", annotations=[])
    report = dataset.export("folder", tmp_path / "out")
    written = {file.relative_to(tmp_path / "out").as_posix() for file in files_of(tmp_path / "out")}
    there = {file.relative_to(photos).as_posix() for file in files_of(photos)}
    assert written == there - {"a/unrelated.txt"}
    assert any("2 files of the same names" in note for note in report.notes)


def test_a_bucket_holds_the_files_below_the_prefix(data, bucket):
    report = folder.write(data, data.everything(), "memory://there/clean/", with_csv=True, labels="coco")
    held = objects(bucket)
    assert {f"/there/clean/{path}" for path in PATHS} < set(held)
    assert set(held) - {f"/there/clean/{path}" for path in PATHS} == {
        "/there/clean/images.csv",
        "/there/clean/annotations.json",
    }
    assert all(held[f"/there/clean/{path}"].decode() == path for path in PATHS)
    assert (report.rows, report.path) == (len(PATHS), "memory://there/clean/")


def test_a_place_that_is_not_empty_is_left_as_it_is(data, bucket):
    bucket.pipe("/there/clean/other.jpg", b"mine")
    with pytest.raises(ExportError, match="not empty"):
        folder.write(data, data.everything(), "memory://there/clean")
    assert objects(bucket) == {"/there/clean/other.jpg": b"mine"}
    folder.write(data, data.everything(), "memory://there/clean-too")


def test_an_export_to_a_bucket_that_was_cut_off_goes_on(data, bucket, monkeypatch):
    def cancel(progress):
        if progress.done == 3:
            raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        folder.write(data, data.everything(), "memory://there/clean", cancel)
    assert f"/there/clean/{MARKER}" in objects(bucket)
    written = []
    real = blobs.write
    monkeypatch.setattr(blobs, "write", lambda address, held: written.append(address) or real(address, held))
    other = data.everything()
    other[0] = False
    with pytest.raises(ExportError, match="another selection"):
        folder.write(data, other, "memory://there/clean")
    assert written == []
    assert folder.write(data, data.everything(), "memory://there/clean").rows == len(PATHS)
    assert set(objects(bucket)) == {f"/there/clean/{path}" for path in PATHS}
    assert len(written) <= len(PATHS) - 3 + 1, "what was there is not written again, but for the marker"


def test_what_a_server_refuses_is_one_sentence(data, bucket, monkeypatch):
    def refuse(_address, _content):
        raise PermissionError(errno.EACCES, "Access Denied")

    monkeypatch.setattr(blobs, "write", refuse)
    with pytest.raises(ExportError, match="Cannot write to memory://there: Access Denied"):
        folder.write(data, data.everything(), "memory://there")


@pytest.mark.parametrize("address", ["https://example.org/clean/", "nowhere://x/", "s3://me:secret@bucket/clean"])
def test_places_that_nothing_can_be_written_to_are_told(data, address):
    with pytest.raises(ExportError, match=r"only read|no way to read|name or password") as told:
        folder.write(data, data.everything(), address)
    assert "secret" not in str(told.value)
    with pytest.raises(ExportError, match=r"only read|no way to read|name or password") as told:
        folder.write(data, data.everything(), f"{address}images.zip")
    assert "secret" not in str(told.value)


def test_a_dataset_is_not_written_into_its_own_bucket(bucket, tmp_path):
    for number in range(2):
        bucket.pipe(f"/set/{number}.jpg", picture(number))
    dataset = scanned("memory://set", tmp_path / "home")
    with pytest.raises(ExportError, match="own place"):
        dataset.export("folder", "memory://set/clean")
    assert dataset.export("folder", "memory://settled").rows == 2


def test_any_export_goes_to_an_address_and_over_nothing(bucket, tmp_path):
    dataset = scanned(yolo(tmp_path / "folder"), tmp_path / "home")
    for to, name in (("csv", "images.csv"), ("coco", "coco.json"), ("folder", "clean.zip"), ("parquet", "t.parquet")):
        address = f"memory://out/{name}"
        report = dataset.export(to, address)
        assert (report.rows, report.path) == (4, address)
        with pytest.raises(ExportError, match="is there already"):
            dataset.export(to, address)
        if to != "folder":
            dataset.export(to, address, overwrite=True)
    held = objects(bucket)
    assert held["/out/images.csv"].count(b"\n") == 5 and len(json.loads(held["/out/coco.json"])["images"]) == 4
    again = scanned("memory://out/clean.zip", tmp_path / "home2")
    assert again.frame["sha256"].tolist() == dataset.frame["sha256"].tolist()


def test_an_image_of_many_suffixes_is_renamed_with_what_belongs_to_it(tmp_path):
    """Into folders by class, where two would have one name otherwise."""
    save(photo(0), tmp_path / "folder/a/x.jpg")
    save(photo(1), tmp_path / "folder/b/x.png")
    for name in ("a", "b"):
        (tmp_path / f"folder/{name}/x.txt").write_text(f"caption of {name}")
    dataset = scanned(tarred(tmp_path / "folder", tmp_path / "a.tar"), tmp_path / "home", annotations=[])
    dataset.export("folder", tmp_path / "out", labels="voc")
    texts = {file.read_text() for file in files_of(tmp_path / "out") if file.suffix == ".txt"}
    assert {text for text in texts if text.startswith("caption")} == {"caption of a", "caption of b"}
