"""What goes along with an image, and files that have several names."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

import dedup
from dedup import removal
from tests.building import Images, make_images, picture


@pytest.fixture
def images(tmp_path: Path) -> Images:
    """a.png with two copies; companions of every sort beside them."""
    root = tmp_path / "photos"
    for name in ("a.png", "copy/a.png", "copy/b.png"):
        picture(root / name, 1)
    make = make_images(tmp_path, {"a.png": ["copy/a.png", "copy/b.png"]})
    for name in ("copy/a.MOV", "copy/a.png.json", "copy/b.txt", "copy/c.txt", "copy/a.bin", "a.xmp"):
        (root / name).write_text(name)
    return make


def listed(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.suffix not in {".png", ""}
    }


def test_companions_go_with_their_image_and_come_back(images):
    before = listed(images.root)
    plan = removal.plan(images)
    assert [entry.companions for entry in plan.entries] == [("copy/a.MOV", "copy/a.png.json"), ("copy/b.txt",)]
    assert any("3 files of the same names" in told for told in plan.told)
    report = removal.apply(images, plan)
    assert [outcome.path for outcome in report.companions] == ["copy/a.MOV", "copy/a.png.json", "copy/b.txt"]
    assert sorted(listed(images.root)) == ["a.xmp", "copy/a.bin", "copy/c.txt"]
    assert removal.verify(images) == removal.Verification(2, ())
    assert removal.removed(images.directory) == {"copy/a.png", "copy/b.png"}
    assert len(removal.restore(images).done) == 2
    assert listed(images.root) == before


def test_the_companions_of_one_image_come_back_with_it_alone(images):
    removal.apply(images, removal.plan(images))
    report = removal.restore(images, ["copy/b.png"])
    assert [outcome.path for outcome in report.companions] == ["copy/b.txt"]
    assert (images.root / "copy/b.txt").exists() and not (images.root / "copy/a.MOV").exists()


def test_companions_can_stay(images):
    plan = removal.plan(images, companions=False)
    before = listed(images.root)
    removal.apply(images, plan)
    assert listed(images.root) == before


def test_a_plan_file_keeps_companions_and_older_ones_have_none(images, tmp_path):
    plan = removal.plan(images)
    removal.write(plan, tmp_path / "plan.json")
    assert removal.read(tmp_path / "plan.json") == plan
    older = (tmp_path / "plan.json").read_text().replace('"version": 2', '"version": 1')
    (tmp_path / "older.json").write_text(older)
    assert removal.read(tmp_path / "older.json") == plan


def test_a_name_that_two_images_share_goes_when_both_go(tmp_path):
    root = tmp_path / "photos"
    for name in ("a.png", "x.png", "x.bmp"):
        picture(root / name, 1)
    (root / "x.txt").write_text("both")
    made = make_images(tmp_path)
    rows = {path: row for row, path in enumerate(made.frame["path"])}
    assert removal.plan(made, [rows["x.png"]]).companions == 0
    assert removal.plan(made, [rows["x.png"], rows["x.bmp"]]).companions == 1


def test_a_companion_that_cannot_go_is_told_and_its_image_is_gone(images):
    plan = removal.plan(images)
    (images.root / "copy/a.MOV").unlink()
    (images.root / "copy/a.MOV").symlink_to("c.txt")
    report = removal.apply(images, plan)
    assert [(each.path, each.of) for each in report.refused] == [("copy/a.MOV", "copy/a.png")]
    assert len(report.done) == 2


def test_an_interrupted_removal_takes_the_companions_when_it_is_run_again(images):
    plan = removal.plan(images)
    removal.apply(images, removal.plan(images, companions=False))
    report = removal.apply(images, plan)
    assert report.done == () and len(report.companions) == 3


# --- hard links -------------------------------------------------------------------------------------------------------


@pytest.fixture
def linked(tmp_path: Path) -> Images:
    """One file under three names, and one real copy."""
    root = tmp_path / "photos"
    picture(root / "a.png", 1)
    for name in ("b.png", "c.png"):
        os.link(root / "a.png", root / name)
    shutil.copy2(root / "a.png", root / "d.png")
    return make_images(tmp_path, {"a.png": ["b.png", "c.png", "d.png"]})


def inodes(images: Images) -> list[int]:
    return [(images.root / f"{name}.png").stat().st_ino for name in "abcd"]


def test_other_names_of_a_file_free_nothing_and_say_so(linked):
    plan = removal.plan(linked)
    assert [entry.bytes for entry in plan.entries] == [0, 0, (linked.root / "d.png").stat().st_size]
    assert plan.entries[0].reason == "One file under 3 names, a.png is another"
    assert plan.entries[2].reason == "Duplicate of a.png: identical file"
    assert any("hard links" in told for told in plan.told)


def test_the_last_name_frees_the_space(linked):
    picture(linked.root / "near.png", 1, (30, 24))
    made = make_images(linked.root.parent, {"near.png": ["a.png", "b.png", "c.png"]})
    rows = [row for row, path in enumerate(made.frame["path"]) if path in ("a.png", "b.png", "c.png")]
    assert removal.plan(made, rows).bytes == (linked.root / "a.png").stat().st_size


def test_links_come_back_as_links(linked):
    before = inodes(linked)
    went = removal.apply(linked, removal.plan(linked))
    assert len(went.done) == 3
    assert removal.verify(linked).problems == ()
    came = removal.restore(linked)
    assert len(came.done) == 3 and came.bytes == went.bytes
    after = inodes(linked)
    assert after[0] == after[1] == after[2] == before[0] != after[3]
    assert not list((linked.directory / "quarantine").rglob("*.png"))


def test_links_come_back_as_links_when_every_name_left(linked):
    picture(linked.root / "near.png", 1, (30, 24))
    made = make_images(linked.root.parent, {"near.png": ["a.png", "b.png", "c.png"]})
    rows = [row for row, path in enumerate(made.frame["path"]) if path in ("a.png", "b.png", "c.png")]
    assert len(removal.apply(made, removal.plan(made, rows)).done) == 3
    assert len(removal.restore(made).done) == 3
    after = inodes(linked)
    assert after[0] == after[1] == after[2] != after[3]


def test_a_name_whose_file_changed_meanwhile_gets_a_file_of_its_own(linked):
    original = (linked.root / "a.png").read_bytes()
    removal.apply(linked, removal.plan(linked))
    (linked.root / "a.png").write_bytes(b"edited in place")
    assert len(removal.restore(linked).done) == 3
    assert (linked.root / "b.png").read_bytes() == (linked.root / "c.png").read_bytes() == original


def test_to_link_what_is_linked_frees_nothing(linked):
    report = removal.apply(linked, removal.plan(linked), how="hardlink")
    assert report.bytes == (linked.root / "d.png").stat().st_size


def test_groups_of_hard_links_save_nothing(linked, home):
    (linked.root / "d.png").unlink()
    dataset = dedup.scan(linked.root)
    assert dataset.groups.table["bytes_saved"].tolist() == [0]
    shutil.copy2(linked.root / "a.png", linked.root / "d.png")
    dataset = dedup.scan(linked.root)
    assert dataset.groups.table["bytes_saved"].tolist() == [(linked.root / "d.png").stat().st_size]


def test_labels_of_a_whole_dataset_go_with_no_image(images):
    """A document that tells of many images stays, be it called like one of them."""
    root = images.root
    (root / "copy/a.json").write_text('{"info": {}, "images": [{"id": 1, "file_name": "a.png"}], "annotations": []}')
    (root / "copy/b.xml").write_text("<?xml version='1.0'?><annotations><image name='a.png'/></annotations>")
    (root / "copy/b.json").write_text('{"shapes": [], "imagePath": "b.png"}')
    plan = removal.plan(images)
    assert [entry.companions for entry in plan.entries] == [
        ("copy/a.MOV", "copy/a.png.json"), ("copy/b.json", "copy/b.txt"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("image", "labels"), [("images/a.png", "ann/a.xml"), ("img/a.png", "ann/a.png.json"), ("images/a.png", "xml/a.xml")]
)
def test_labels_in_a_folder_of_another_name_go_along(image, labels, tmp_path):
    root = tmp_path / "photos"
    for name in ("kept.png", image):
        picture(root / name, 1)
    (root / labels).parent.mkdir()
    (root / labels).write_text("<annotation/>")
    made = dedup.scan(root, home=tmp_path / "home", workers=1)
    (entry,) = removal.plan(made, [made.frame["path"].tolist().index(image)]).entries
    assert entry.companions == (labels,)


def test_names_of_one_file_are_not_linked_again_and_come_back_as_they_were(tmp_path):
    root = tmp_path / "photos"
    picture(root / "a.png", 1)
    for name in ("b.png", "c.png"):
        os.link(root / "a.png", root / name)
    shutil.copy2(root / "a.png", root / "d.png")
    os.link(root / "d.png", root / "e.png")
    images = make_images(tmp_path, {"a.png": ["b.png", "c.png", "d.png", "e.png"]})

    def files() -> list[set[str]]:
        names: dict[int, set[str]] = {}
        for path in root.iterdir():
            names.setdefault(path.stat().st_ino, set()).add(path.name)
        return sorted(names.values(), key=sorted)

    report = removal.apply(images, removal.plan(images), how="hardlink")
    assert sorted(each.path for each in report.done) == ["d.png", "e.png"]
    assert "another name of its keeper's file" in report.refused[0].reason and len(files()) == 1
    assert len(removal.restore(images).done) == 2
    assert files() == [{"a.png", "b.png", "c.png"}, {"d.png", "e.png"}]


def test_links_to_files_save_nothing(tmp_path):
    for number, name in enumerate(("one", "two")):
        picture(tmp_path / "photos/pool" / f"{name}.png", number)
    for name, target in (("train/a.png", "one.png"), ("train/b.png", "two.png"), ("test/a.png", "one.png")):
        (tmp_path / "photos" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "photos" / name).symlink_to(f"../pool/{target}")
    dataset = dedup.scan(tmp_path / "photos", home=tmp_path / "home", workers=1)
    assert dataset.frame["kind"].value_counts()["exact"] == 1 and dataset.groups.table["bytes_saved"].tolist() == [0]
    assert removal.plan(dataset).entries == () and removal.plan(dataset).stays


def test_capitals_count_only_where_they_tell_images_apart(tmp_path):
    root = tmp_path / "photos"
    for name in ("a.png", "copy/IMG_1.png", "both/B.png", "both/b.png"):
        picture(root / name, 1)
    make = make_images(tmp_path, {"a.png": ["copy/IMG_1.png", "both/B.png", "both/b.png"]})
    for name in ("copy/img_1.xmp", "copy/IMG_1.PNG.json", "both/b.xmp", "both/B.TXT"):
        (root / name).write_text(name)
    told = {entry.path: entry.companions for entry in removal.plan(make).entries}
    assert told == {
        "copy/IMG_1.png": ("copy/IMG_1.PNG.json", "copy/img_1.xmp"),
        "both/B.png": ("both/B.TXT",),
        "both/b.png": ("both/b.xmp",),
    }


@pytest.mark.parametrize(
    ("other", "file"), [("img/a.png", "labels/a.txt"), ("images/a.bin", "images/a.txt"), ("images/a", "images/a.txt")]
)
def test_what_another_image_shares_stays_with_it(other, file, tmp_path):
    root = tmp_path / "photos"
    for name in ("kept.png", "images/a.png"):
        picture(root / name, 1)
    (root / other).parent.mkdir(exist_ok=True)
    picture(root / "made.png", 2).rename(root / other)
    (root / file).parent.mkdir(exist_ok=True)
    (root / file).write_text("0 .5 .5 .2 .2")
    made = dedup.scan(root, home=tmp_path / "home", workers=1)
    rows = {path: row for row, path in enumerate(made.frame["path"])}
    (entry,) = removal.plan(made, [rows["images/a.png"]]).entries
    assert entry.companions == ()
    both = removal.plan(made, [rows["images/a.png"], rows[other]]).entries
    assert [each.companions for each in both].count((file,)) == 1


def test_what_is_shared_stays_with_an_image_that_cannot_go(tmp_path):
    root = tmp_path / "photos"
    for name, seed in (("a/x.jpg", 1), ("a/x.png", 2), ("kept.jpg", 1), ("kept.png", 2)):
        picture(root / name, seed)
    images = make_images(tmp_path, {"kept.jpg": ["a/x.jpg"], "kept.png": ["a/x.png"]})
    (root / "a/x.txt").write_text("a caption")
    plan = removal.plan(images)
    assert [entry.companions for entry in plan.entries] == [(), ("a/x.txt",)]
    picture(root / "a/x.jpg", 3)
    report = removal.apply(images, plan)
    assert [each.path for each in report.done] == ["a/x.png"]
    assert [each.reason for each in report.refused if each.of] == ["it belongs to a/x.jpg, too, which is there"]
    assert (root / "a/x.txt").exists()


def test_what_was_linked_again_comes_back_as_the_files_it_was_however_often(tmp_path):
    """Names that came back before are links to the keeper now: to link to them would leave all of them one file."""
    root = tmp_path / "photos"
    picture(root / "a.png", 1)
    for name in ("b.png", "d.png"):
        shutil.copy2(root / "a.png", root / name)
    os.link(root / "b.png", root / "c.png")
    made = make_images(tmp_path, {"a.png": ["b.png", "c.png", "d.png"]})
    for how in ("hardlink", "quarantine", "hardlink", "quarantine", "hardlink"):
        removal.apply(made, removal.plan(made), how=how)
        assert removal.restore(made).refused == ()
        a, b, c, d = inodes(made)
        assert b == c and len({a, b, d}) == 3
        assert sorted(os.listdir(root)) == ["a.png", "b.png", "c.png", "d.png"]
