"""Where files go and come back: folders swapped for links, quarantines out of reach, datasets renamed meanwhile."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

import dedup
from dedup import removal
from dedup.errors import DatasetError, RemovalError, UnknownDataset
from dedup.removal import applying, journal, restoring
from dedup.removal.refusal import RefusalError
from dedup.removal.tree import Tree
from tests.building import Images, frame_of, make_images, picture


@pytest.fixture
def images(tmp_path: Path) -> Images:
    for name in ("a.png", "copy/a.png", "copy/deep/a.png"):
        picture(tmp_path / "photos" / name, 1)
    return make_images(tmp_path, {"a.png": ["copy/a.png", "copy/deep/a.png"]})


def swap_for_link(folder: Path, elsewhere: Path) -> None:
    elsewhere.mkdir(exist_ok=True)
    folder.rename(folder.with_name("aside")) if folder.exists() else None
    folder.symlink_to(elsewhere)


# --- links on the way -------------------------------------------------------------------------------------------------


def test_nothing_comes_back_through_a_folder_that_became_a_link(images, tmp_path):
    removal.apply(images, removal.plan(images))
    shutil.rmtree(images.root / "copy")
    swap_for_link(images.root / "copy", tmp_path / "elsewhere")
    report = removal.restore(images)
    assert report.done == () and all("link to another folder" in each.reason for each in report.refused)
    assert not list((tmp_path / "elsewhere").rglob("*"))
    assert removal.verify(images).problems == ()  # they lie in the quarantine, whole
    (images.root / "copy").unlink()
    assert len(removal.restore(images).done) == 2


def test_a_folder_swapped_between_the_check_and_the_act_loses_too(images, tmp_path, monkeypatch):
    """The moment before the copy is made and the moment before the original goes, out and back."""
    elsewhere, copy = tmp_path / "elsewhere", images.root / "copy"
    planted = picture(elsewhere / "a.png", 7).read_bytes()

    def swapping(step):
        def swapped(*args, **kwargs):
            if not copy.is_symlink():
                swap_for_link(copy, elsewhere)
            return step(*args, **kwargs)

        return swapped

    def put_back():
        assert (elsewhere / "a.png").read_bytes() == planted
        copy.unlink()
        (images.root / "aside").rename(copy)

    for name in ("duplicate", "withdraw"):
        with monkeypatch.context() as context:
            context.setattr(applying, name, swapping(getattr(applying, name)))
            removal.apply(images, removal.plan(images, [1]))
        put_back()
        removal.restore(images)
        assert (copy / "a.png").is_file()
    removal.apply(images, removal.plan(images, [1]))
    with monkeypatch.context() as context:
        context.setattr(restoring, "duplicate", swapping(restoring.duplicate))
        removal.restore(images)
    put_back()
    assert (copy / "a.png").is_file()


def test_a_quarantine_swapped_for_a_link_while_copies_leave_takes_none_of_them(images, tmp_path, monkeypatch):
    quarantine, duplicate = images.directory / "quarantine", applying.duplicate

    def swapping(*args, **kwargs):
        done = duplicate(*args, **kwargs)
        if not quarantine.is_symlink():
            swap_for_link(quarantine, tmp_path / "elsewhere")
        return done

    monkeypatch.setattr(applying, "duplicate", swapping)
    report = removal.apply(images, removal.plan(images))
    assert len(report.done) == 1 and "is another folder now" in report.refused[0].reason
    assert not list((tmp_path / "elsewhere").rglob("*")) and (images.root / report.refused[0].path).is_file()
    quarantine.unlink()
    (images.directory / "aside").rename(quarantine)
    monkeypatch.undo()
    assert len(removal.restore(images).done) == 1 and removal.verify(images).problems == ()


def test_a_way_that_leads_up_or_through_a_link_is_refused(images, tmp_path):
    tree = Tree(images.root)
    for file in ("../outside.png", "/etc/passwd"):
        with pytest.raises(RefusalError), tree.spot(file):
            pass
    (images.root / "link").symlink_to(tmp_path)
    with pytest.raises(RefusalError, match="link to another folder"), tree.spot("link/x.png", make=True):
        pass


def test_a_pipe_in_the_place_of_a_file_does_not_stop_anything(images):
    plan = removal.plan(images)
    (images.root / "copy/a.png").unlink()
    os.mkfifo(images.root / "copy/a.png")
    report = removal.apply(images, plan)
    assert [each.path for each in report.refused] == ["copy/a.png"]


# --- a quarantine that cannot be reached ------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["file", "dangling link"])
def test_a_quarantine_that_is_no_folder_is_one_sentence(images, tmp_path, what):
    quarantine = images.directory / "quarantine"
    if what == "file":
        quarantine.write_text("mine")
    else:
        quarantine.symlink_to(tmp_path / "unplugged")
    for act in (lambda: removal.apply(images, removal.plan(images)), lambda: removal.restore(images)):
        with pytest.raises(RemovalError, match=r"quarantine (is no folder|leads to)"):
            act()
    assert len(list(images.root.rglob("*.png"))) == 3


def test_a_quarantine_on_another_disk_is_used_and_its_absence_told(images, tmp_path):
    (tmp_path / "disk").mkdir()
    (images.directory / "quarantine").symlink_to(tmp_path / "disk")
    assert len(removal.apply(images, removal.plan(images)).done) == 2
    (tmp_path / "disk").rename(tmp_path / "unplugged")
    assert "Connect that disk" in removal.verify(images).problems[0]
    (tmp_path / "unplugged").rename(tmp_path / "disk")
    assert len(removal.restore(images).done) == 2


@pytest.mark.parametrize("what", ["empty", "none"])
def test_what_a_killed_removal_moved_is_not_forgotten_while_its_quarantine_is_away(images, tmp_path, monkeypatch, what):
    """Killed between the move and its record; the next act looks while another disk, or none, is in its place."""
    monkeypatch.setattr(journal.Journal, "mark", lambda *_: os._exit(0))
    if not (child := os.fork()):
        removal.apply(images, removal.plan(images))
    os.waitpid(child, 0)
    monkeypatch.undo()
    quarantine = images.directory / "quarantine"
    quarantine.rename(tmp_path / "unplugged")
    if what == "empty":
        quarantine.mkdir()
    assert "missing from the quarantine" in removal.restore(images).refused[0].reason
    assert "missing from the quarantine" in removal.verify(images).problems[0]
    if what == "empty":
        quarantine.rmdir()
    (tmp_path / "unplugged").rename(quarantine)
    assert [each.path for each in removal.restore(images).done] == ["copy/a.png"]
    assert (images.root / "copy/a.png").exists() and removal.verify(images).problems == ()


def test_nothing_counts_on_or_takes_from_a_quarantine_that_a_link_put_among_the_images(images):
    (images.root / "removed").mkdir()
    (images.directory / "quarantine").symlink_to(images.root / "removed")
    removal.apply(images, removal.plan(images))
    kept, stored = "a.png", "removed/copy/a.png"
    for keeper, leaving in ((kept, stored), (stored, kept)):
        made = replace(images, frame=frame_of(images.root, {keeper: [leaving]}))
        reasons = [each.reason for each in removal.apply(made, removal.plan(made)).refused]
        assert any("in a quarantine" in reason for reason in reasons), reasons
    assert (images.root / kept).exists() and (images.root / stored).exists()


def test_a_lost_datasets_quarantine_comes_back_through_the_folders_dataset(images):
    removal.apply(images, removal.plan(images))
    images.directory.rename(images.directory.with_name("old"))
    images.directory.mkdir()
    found = removal.verify(images)
    assert found.checked == 2 and "of a dataset that is no more" in found.problems[0]
    assert len(removal.restore(images).done) == 2
    assert removal.verify(images).problems == ()


def test_the_quarantine_of_another_folder_is_none_of_its_business(images, tmp_path):
    picture(tmp_path / "b/photos/x.png", 5)
    other = replace(make_images(tmp_path / "b"), directory=images.directory.with_name("other"))
    other.directory.mkdir()
    removal.apply(images, removal.plan(images))
    assert removal.restore(other).outcomes == ()


# --- renamed and forgotten meanwhile ----------------------------------------------------------------------------------


@pytest.fixture
def scanned(tmp_path, home) -> dedup.Dataset:
    for number in range(12):
        picture(tmp_path / "photos" / f"{number}.png", 1)
    return dedup.scan(tmp_path / "photos", name="old")


def test_a_dataset_is_not_renamed_nor_forgotten_while_a_removal_runs(scanned, home, monkeypatch):
    monkeypatch.setattr(journal, "LOCK_SECONDS", 0.05)
    reached, go_on = threading.Event(), threading.Event()

    def pause(progress):
        if progress.done == 3:
            reached.set()
            assert go_on.wait(30)

    worker = threading.Thread(target=lambda: removal.apply(scanned, removal.plan(scanned), on_progress=pause))
    worker.start()
    assert reached.wait(30)
    for act in (lambda: dedup.rename("old", "new"), lambda: dedup.forget("old")):
        with pytest.raises(DatasetError, match="Another removal or restore is running"):
            act()
    go_on.set()
    worker.join()
    dedup.rename("old", "new")
    assert len(removal.restore(dedup.open("new")).done) == 11
    assert not (scanned.directory).exists()


def test_a_removal_never_makes_a_renamed_dataset_anew(scanned, home):
    plan = removal.plan(scanned)
    dedup.rename("old", "new")
    with pytest.raises(RemovalError, match="renamed or forgotten meanwhile"):
        removal.apply(scanned, plan)
    with pytest.raises(RemovalError, match="renamed or forgotten meanwhile"):
        removal.restore(scanned)
    with pytest.raises(UnknownDataset):
        dedup.rescan(scanned)
    assert not scanned.directory.exists()


RENAME = """
import sys, dedup
while True:
    for name, other in (("old", "new"), ("new", "old")):
        try:
            dedup.rename(name, other)
        except dedup.DedupError:
            pass
"""


def test_renamed_all_the_time_nothing_removed_is_lost(scanned, home):
    """What a removal says is done lies where restore finds it, whatever the dataset is called by then."""
    worker = subprocess.Popen([sys.executable, "-c", RENAME], cwd=Path(__file__).parents[2])
    try:
        for _ in range(8):
            dataset = opened()
            with suppress(dedup.DedupError, OSError):
                removal.apply(dataset, removal.plan(dataset))
    finally:
        worker.kill()
        worker.wait()
    dataset = opened()
    assert removal.verify(dataset).problems == ()
    removal.restore(dataset)
    assert len(list(dataset.root.glob("*.png"))) == 12
    assert [each.name for each in home.iterdir() if each.is_dir() and not each.name.startswith(".")] == [dataset.name]


def opened() -> dedup.Dataset:
    while True:
        for name in ("old", "new"):
            with suppress(dedup.DedupError, OSError):
                return dedup.open(name)


@pytest.mark.parametrize("what", ["link", "waiting file"])
def test_a_dataset_with_removed_images_is_not_forgotten(scanned, home, tmp_path, what):
    quarantine = scanned.directory / "quarantine"
    if what == "link":
        quarantine.symlink_to(tmp_path / "unplugged")
    else:
        removal.apply(scanned, removal.plan(scanned))
    with pytest.raises(DatasetError, match="holds removed images"):
        dedup.forget("old")
    assert scanned.directory.exists()


@pytest.mark.parametrize("act", [lambda: dedup.rename("old", "new"), lambda: dedup.forget("old")])
def test_a_home_that_lets_nothing_be_renamed_is_one_sentence(scanned, monkeypatch, act):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "rename", refuse)
    with pytest.raises(DatasetError, match=r"Cannot rename .* Permission denied; nothing was changed"):
        act()
    assert dedup.open("old").info.name == "old"


def test_a_name_is_that_of_the_directory(scanned, home):
    """As after a kill between two steps of renaming, or a directory that was moved by hand."""
    scanned.directory.rename(home / "moved")
    assert [info.name for info in dedup.datasets()] == ["moved"] and dedup.open("moved").info.name == "moved"


def test_a_lost_quarantine_of_images_without_a_keeper_comes_back(tmp_path):
    for number in range(3):
        picture(tmp_path / "photos" / f"{number}.png", number)
    first = dedup.scan(tmp_path / "photos", name="first", home=tmp_path / "home", workers=1)
    removal.apply(first, removal.plan(first, [0, 1]))
    (first.directory / "dataset.json").unlink()
    again = dedup.scan(tmp_path / "photos", name="again", home=tmp_path / "home", workers=1)
    assert removal.verify(again).checked == 2
    assert len(removal.restore(again).done) == 2
    assert len(list((tmp_path / "photos").iterdir())) == 3


def test_a_removal_does_not_go_into_another_dataset_that_has_the_name_by_now(tmp_path):
    for folder in ("one", "two"):
        for name in ("a.png", "b.png"):
            picture(tmp_path / folder / name, 1)
    one, _ = (dedup.scan(tmp_path / each, name=each, home=tmp_path / "home", workers=1) for each in ("one", "two"))
    plan = removal.plan(one)
    dedup.rename("one", "other", home=tmp_path / "home")
    dedup.rename("two", "one", home=tmp_path / "home")
    with pytest.raises(RemovalError, match="renamed or forgotten"):
        removal.apply(one, plan)
    assert len(list((tmp_path / "one").iterdir())) == 2


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_a_journal_that_is_no_file_is_one_sentence(make, images):
    make(images.directory / "quarantine.jsonl")
    with pytest.raises(RemovalError, match=r"quarantine\.jsonl cannot be read"):
        removal.apply(images, removal.plan(images))


def test_a_name_that_moves_onto_another_of_its_file_goes_and_what_takes_it_meanwhile_stays(tmp_path, monkeypatch):
    tree = Tree(tmp_path)
    (tmp_path / "one").write_bytes(b"of both")
    os.link(tmp_path / "one", tmp_path / "other")
    with tree.spot("one") as one, tree.spot("other") as other:
        one.rename(other)
    assert not (tmp_path / "one").exists() and (tmp_path / "other").read_bytes() == b"of both"

    replace = os.replace

    def meanwhile(*given, **more):
        replace(*given, **more)
        (tmp_path / "other").write_bytes(b"somebody else's")

    monkeypatch.setattr(os, "replace", meanwhile)
    with tree.spot("other") as other, tree.spot("third") as third:
        other.rename(third)
    assert (tmp_path / "other").read_bytes() == b"somebody else's" and (tmp_path / "third").read_bytes() == b"of both"
