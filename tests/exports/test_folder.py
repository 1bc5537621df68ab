"""A folder of files: whole or absent, verified, never over anything."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest

from dedup.errors import Cancelled, ExportError
from dedup.exports import EXPORTS, folder
from dedup.labels.coco import Coco
from tests.frames import PATHS, FakeDataset, make_frame, write_files


@pytest.fixture
def data(tmp_path):
    return make(tmp_path / "root")


def make(root, paths=PATHS):
    root.mkdir(exist_ok=True)
    frame = make_frame(paths)
    frame["split"] = ""
    frame["bytes"] = [len(path.encode()) for path in frame["path"]]
    write_files(root, frame)
    return FakeDataset(frame, root=root)


def listing(root):
    return {file.relative_to(root).as_posix(): file.read_bytes().decode() for file in root.rglob("*") if file.is_file()}


@pytest.mark.parametrize("mode", folder.MODES)
def test_writes_the_selected_files_at_their_paths(data, tmp_path, mode):
    mask = data.everything()
    mask[0] = False
    seen = []
    report = folder.write(data, mask, tmp_path / "out", seen.append, mode=mode)
    chosen = data.frame["path"][mask]
    assert listing(tmp_path / "out") == {path: path for path in chosen}
    assert report.rows == len(chosen) and not report.notes
    assert seen[-1].done == seen[-1].total == len(chosen)
    one = tmp_path / "out" / chosen.iloc[0]
    assert one.is_symlink() == (mode == "symlink")
    assert (one.stat().st_nlink == 2) == (mode == "hardlink")
    if mode == "copy":
        source = data.root / chosen.iloc[0]
        assert one.stat().st_mtime_ns == source.stat().st_mtime_ns and one.stat().st_mode == source.stat().st_mode


def test_csv_and_coco_beside(data, tmp_path):
    folder.write(data, data.everything(), tmp_path / "out", with_csv=True, labels="coco")
    assert len(json.loads((tmp_path / "out" / "annotations.json").read_text())["images"]) == len(PATHS)
    assert (tmp_path / "out" / "images.csv").read_text().count("\n") == len(PATHS) + 1


def test_refuses_targets_that_are_not_empty_or_in_the_dataset(data, tmp_path):
    full = tmp_path / "full"
    full.mkdir()
    (full / "x").touch()
    for target, says in [
        (full, "not empty"),
        (full / "x", "is a file"),
        (data.root, "own folder"),
        (data.root / "new", "own folder"),
        (tmp_path, "not empty"),
        (tmp_path / "x.tar.gz", "compressed as a whole"),
    ]:
        with pytest.raises(ExportError, match=says):
            folder.write(data, data.everything(), target, overwrite=True)
    link = tmp_path / "link"
    link.symlink_to(data.root)
    with pytest.raises(ExportError, match="own folder"):
        folder.write(data, data.everything(), link / "new")
    assert listing(data.root) == {path: path for path in PATHS}
    with pytest.raises(ExportError, match="no mode"):
        folder.write(data, data.everything(), tmp_path / "o", mode="move")


def test_an_empty_folder_is_fine(data, tmp_path):
    (tmp_path / "out").mkdir()
    folder.write(data, data.everything(), tmp_path / "out")
    assert listing(tmp_path / "out") == {path: path for path in PATHS}


@pytest.mark.parametrize(
    ("paths", "says"),
    [
        (["a/B.jpg", "a/b.JPG"], "one file on some systems"),
        (["u\u0308.jpg", "ü.jpg"], "one file on some systems"),
        (["images.csv", "b.jpg"], "the export itself uses"),
        (["../a.jpg"], "outside the target"),
        (["a/../../b.jpg"], "outside the target"),
        (["/etc/a.jpg"], "outside the target"),
    ],
)
def test_refuses_names_that_collide_or_leave_the_target(tmp_path, paths, says):
    dataset = FakeDataset(make_frame(paths), root=tmp_path / "root")
    with pytest.raises(ExportError, match=says):
        folder.write(dataset, dataset.everything(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_changed_and_vanished_files_are_left_out_and_listed(data, tmp_path):
    first, second = data.frame["path"][:2]
    (data.root / first).write_text("changed")
    (data.root / second).unlink()
    report = folder.write(data, data.everything(), tmp_path / "out")
    assert report.rows == len(PATHS) - 2
    assert report.notes == (
        f"Left out {first}: the file has changed since the scan.",
        f"Left out {second}: the file has vanished.",
    )
    assert set(listing(tmp_path / "out")) == set(data.frame["path"][2:])
    for mode in ("hardlink", "symlink"):
        assert len(folder.write(data, data.everything(), tmp_path / mode, mode=mode).notes) == 2


def test_what_is_no_file_is_not_said_to_have_vanished(data, tmp_path):
    first = data.frame["path"][0]
    (data.root / first).unlink()
    (data.root / first).mkdir()
    assert folder.write(data, data.everything(), tmp_path / "out").notes == (f"Left out {first}: it is no file.",)


@pytest.mark.parametrize("mode", folder.MODES)
def test_files_that_may_not_be_read_are_left_out(data, tmp_path, monkeypatch, mode):
    first = data.frame["path"][0]
    real = Path.open

    def refuse(self, *arguments, **options):
        if self == data.root / first:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(self, *arguments, **options)

    monkeypatch.setattr(Path, "open", refuse)
    report = folder.write(data, data.everything(), tmp_path / "out", mode=mode)
    assert report.notes == (f"Left out {first}: the file cannot be read (Permission denied).",)


def test_a_cancelled_export_goes_on_where_it_stopped(data, tmp_path):
    def cancel(progress):
        if progress.done == 3:
            raise Cancelled("Stopped.")

    target = tmp_path / "out"
    with pytest.raises(Cancelled):
        folder.write(data, data.everything(), target, cancel)
    partial = listing(target)
    assert set(partial) == {*data.frame["path"][:3], folder.MARKER}
    (target / "cat" / ".dedup-123.part").write_text("killed while copying")
    before = (target / data.frame["path"][0]).stat().st_ino
    other = data.everything()
    other[0] = False
    with pytest.raises(ExportError, match="another selection"):
        folder.write(data, other, target)
    assert folder.write(data, data.everything(), target).rows == len(PATHS)
    assert listing(target) == {path: path for path in PATHS}
    assert (target / data.frame["path"][0]).stat().st_ino == before


def test_other_content_in_an_unfinished_export_stops_it(data, tmp_path):
    def cancel(progress):
        raise Cancelled("Stopped.")

    target = tmp_path / "out"
    with pytest.raises(Cancelled):
        folder.write(data, data.everything(), target, cancel)
    (target / data.frame["path"][0]).write_text("mine")
    with pytest.raises(ExportError, match="other content"):
        folder.write(data, data.everything(), target)
    assert (target / data.frame["path"][0]).read_text() == "mine"


def test_a_full_disk_is_a_clear_sentence_and_no_half_file(data, tmp_path, monkeypatch):
    def full(source, target):
        Path(target).write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(folder.shutil, "copystat", full)
    with pytest.raises(ExportError, match="the disk is full"):
        folder.write(data, data.everything(), tmp_path / "out")
    assert set(listing(tmp_path / "out")) == {folder.MARKER}


def test_too_little_space_is_said_before_the_first_copy(tmp_path, data):
    data.frame["bytes"] = np.int64(10**15)
    with pytest.raises(ExportError, match="GB free, but the copies need"):
        folder.write(data, data.everything(), tmp_path / "out")


def test_links_across_disks_are_a_clear_sentence(data, tmp_path, monkeypatch):
    def refuse(source, target):
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(folder.os, "link", refuse)
    with pytest.raises(ExportError, match="choose copy"):
        folder.write(data, data.everything(), tmp_path / "out", mode="hardlink")


def test_very_long_names_are_copied(tmp_path):
    data = make(tmp_path / "root", ["x" * 245 + ".jpg"])
    assert folder.write(data, data.everything(), tmp_path / "out").rows == 1


def test_names_that_are_no_unicode_keep_their_bytes(tmp_path):
    data = make(tmp_path / "root", ["a.jpg"])
    name = os.fsdecode(b"b\xe9.jpg")
    (data.root / "a.jpg").rename(data.root / name)
    data.file = lambda row: data.root / name
    folder.write(data, data.everything(), tmp_path / "out")
    assert os.listdir(os.fsencode(tmp_path / "out")) == [b"b\xe9.jpg"]


def test_every_export_is_one_line():
    assert [export.name for export in EXPORTS] == ["csv", "parquet", "pairs", "coco", "folder"]


def test_a_copy_that_does_not_read_back_is_no_export(data, tmp_path, monkeypatch):
    """A disk that takes the bytes and gives others back."""
    whole = folder.shutil.copystat

    def spoil(source, target):
        whole(source, target)
        with Path(target).open("r+b") as stream:
            stream.write(b"X")

    monkeypatch.setattr(folder.shutil, "copystat", spoil)
    with pytest.raises(ExportError, match="does not read back"):
        folder.write(data, np.ones(len(data.frame), bool), tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*.jpg"))


def test_annotations_name_the_files_that_are_there(tmp_path):
    """Whatever the source calls them, and none that was left out."""
    data = make(tmp_path / "root", ("images/a.jpg", "images/b.jpg"))
    images = [{"id": 1, "file_name": "..\\up\\images\\a.jpg"}, {"id": 2, "file_name": "b.jpg"}]
    (tmp_path / "labels.json").write_text(json.dumps({"images": images, "annotations": [], "categories": []}))
    data.coco = Coco.read(tmp_path / "labels.json")
    (data.root / "images" / "b.jpg").unlink()
    folder.write(data, data.everything(), tmp_path / "out", labels="coco")
    written = json.loads((tmp_path / "out" / "annotations.json").read_text())
    assert [image["file_name"] for image in written["images"]] == ["images/a.jpg"]


def test_each_split_has_its_own_annotations(tmp_path):
    paths = ("annotations.train.jpg", "test/c.jpg", "train/a.jpg", "val/b.jpg")
    data = make(tmp_path / "root", paths)
    data.frame["split"] = ["", "test", "train", "val"]
    images = [{"id": number, "file_name": path} for number, path in enumerate(paths)]
    boxes = [{"id": 10 + n, "image_id": n, "category_id": 1, "bbox": [1, 2, 3, 4]} for n in range(len(paths))]
    document = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "cat"}]}
    (tmp_path / "labels.json").write_text(json.dumps(document))
    data.coco = Coco.read(tmp_path / "labels.json")
    mask = data.everything()
    mask[1] = False
    (data.root / "annotations.train.json").write_text("beside an image, under a name that is taken")
    folder.write(data, mask, tmp_path / "out", labels="coco", per_split=True)
    files = [tmp_path / "out" / f"annotations{name}.json" for name in ("", ".train", ".val")]
    assert sorted(folder.label_sources(tmp_path / "out", "coco")) == sorted(files)
    held = [json.loads(file.read_text()) for file in files]
    assert [[each["file_name"] for each in one["images"]] for one in held] == [[paths[0]], [paths[2]], [paths[3]]]
    assert [[each["id"] for each in one["annotations"]] for one in held] == [[10], [12], [13]]


def test_splits_that_one_file_of_coco_cannot_hold_are_counted(tmp_path):
    data = make(tmp_path / "root", ("a.jpg", "b.jpg", "c.jpg", "train/d.jpg"))
    data.frame["split"] = ["train", "val", "", "train"]
    lost = "One file of COCO cannot hold the splits of 2 images; one file for each split can."
    assert lost in folder.write(data, data.everything(), tmp_path / "one", labels="coco").notes
    assert lost not in folder.write(data, data.everything(), tmp_path / "each", labels="coco", per_split=True).notes
    assert lost not in folder.write(data, data.everything(), tmp_path / "csv", labels="csv").notes


def test_splits_that_differ_in_capital_letters_only_are_not_written_over_each_other(data, tmp_path):
    data.frame["split"] = ["train", "Train", *data.frame["split"][2:]]
    with pytest.raises(ExportError, match="capital letters"):
        folder.write(data, data.everything(), tmp_path / "out", labels="coco", per_split=True)
    assert not (tmp_path / "out").exists()


def test_labels_of_other_formats_that_stay_behind_are_told(tmp_path):
    data = make(tmp_path / "root", ("images/a.jpg", "images/b.jpg"))
    (data.root / "labels").mkdir()
    (data.root / "labels" / "a.txt").write_text("0 0.5 0.5 1 1")
    (data.root / "images" / "b.xml").write_text("<annotation/>")
    notes = folder.write(data, data.everything(), tmp_path / "out", companions=False).notes
    assert len(notes) == 2 and ".txt" in notes[0] and ".xml" in notes[1]
    (along,) = folder.write(data, data.everything(), tmp_path / "with").notes
    assert "2 files of the same names" in along and (tmp_path / "with/labels/a.txt").exists()


def test_companions_are_written_beside_their_images(data, tmp_path):
    first = data.root / data.frame["path"].iloc[0]
    first.with_suffix(".txt").write_text("a caption")
    (first.parent / f"{first.name}.json").write_text("taken out")
    (first.parent / "unrelated.txt").write_text("not asked for")
    report = folder.write(data, data.everything(), tmp_path / "out")
    copied = (tmp_path / "out" / first.relative_to(data.root)).parent
    assert (copied / first.with_suffix(".txt").name).read_text() == "a caption"
    assert (copied / f"{first.name}.json").exists() and not (copied / "unrelated.txt").exists()
    assert report.rows == len(PATHS) and any("2 files of the same names" in note for note in report.notes)
    folder.write(data, data.everything(), tmp_path / "bare", companions=False)
    assert sorted(listing(tmp_path / "bare")) == sorted(PATHS)


def test_an_export_killed_in_its_first_moments_goes_on(data, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/.dedup-0123456789abcdef.tmp").write_text("half a marker")
    assert folder.write(data, data.everything(), tmp_path / "out").rows == len(PATHS)
    assert sorted(listing(tmp_path / "out")) == sorted(PATHS)
