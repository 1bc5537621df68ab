"""Plan, apply, verify, restore: every rule and every route, on real files, through real crashes."""

from __future__ import annotations

import errno
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
from filelock import FileLock
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup import removal
from dedup.errors import Cancelled, ExportError, RemovalError, UnknownTag, UsageError
from dedup.removal import State, applying, checking, journal, moves, planning, tree
from dedup.removal.tree import Spot
from dedup.store.directory import Store
from dedup.store.home import Info
from tests.building import Images, frame_of, make_images, picture

NAMES = ["a.png", "copy/a.png", "copy/a2.png", "near.png", "other.png"]


@pytest.fixture
def images(tmp_path: Path) -> Images:
    """a.png twice copied, near.png near it, other.png alone; all files a day old."""
    root = tmp_path / "photos"
    for name in NAMES[:3]:
        picture(root / name, 1)
    picture(root / "near.png", 1, (30, 24))
    picture(root / "other.png", 2)
    for name in NAMES:
        os.utime(root / name, ns=(1_600_000_000_123_456_789, 1_600_000_000_123_456_789))
    return make_images(tmp_path, {"a.png": ["copy/a.png", "copy/a2.png", "near.png"]}, tag_all=[True] * 5)


def content(images: Images) -> dict[str, tuple[bytes, int]]:
    """Every file below the root with its bytes and time."""
    files = [path for path in sorted(images.root.rglob("*")) if path.is_file()]
    return {str(path.relative_to(images.root)): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def alike(folder: Path, count: int) -> Images:
    """That many equal pictures in a folder: the first three are one group, the next two another."""
    for number in range(count):
        picture(folder / "photos" / f"{number}.png", 3, (8, 8))
    return make_images(folder, {"0.png": ["1.png", "2.png"], "3.png": ["4.png"]})


def rows(images: Images, *paths: str) -> list[int]:
    return [images.frame.index[images.frame["path"] == path][0] for path in paths]


# --- plan -------------------------------------------------------------------------------------------------------------


def test_the_default_plan_is_the_redundant_exact_copies(images):
    plan = removal.plan(images)
    assert [entry.path for entry in plan.entries] == ["copy/a.png", "copy/a2.png"]
    assert {entry.keeper_path for entry in plan.entries} == {"a.png"}
    assert {entry.identical for entry in plan.entries} == {"file"}
    assert plan.entries[0].reason == "Duplicate of a.png: identical file"
    assert plan.bytes == 2 * (images.root / "a.png").stat().st_size
    assert plan.stays == ()


def test_a_tag_on_a_whole_group_leaves_the_best_copy_and_says_so(images):
    plan = removal.plan(images, "all")
    assert [entry.path for entry in plan.entries] == ["copy/a.png", "copy/a2.png", "near.png", "other.png"]
    assert [(stay.path, stay.reason) for stay in plan.stays] == [("a.png", "the last readable copy of its group")]
    assert plan.entries[2].reason == "Near duplicate of a.png: resized"
    assert plan.entries[3] == replace(plan.entries[3], keeper_path="", identical="", reason="Tagged 'all'; in no group")


def test_a_keeper_that_goes_is_stood_in_for_by_an_identical_copy(images):
    plan = removal.plan(images, rows(images, "a.png", "copy/a.png"))
    assert {entry.keeper_path for entry in plan.entries} == {"copy/a2.png"}
    assert {entry.identical for entry in plan.entries} == {"file"}


def test_unreadable_copies_do_not_count_as_copies(images):
    images.frame.loc[rows(images, "copy/a.png", "copy/a2.png", "near.png"), "status"] = "failed"
    plan = removal.plan(images, rows(images, "a.png"))
    assert plan.entries == ()
    assert plan.stays[0].reason == "the last readable copy of its group"


def test_held_rows_stay_with_their_reason(images):
    plan = removal.plan(images, hold={rows(images, "copy/a.png")[0]: "its folder is protected"})
    assert [entry.path for entry in plan.entries] == ["copy/a2.png"]
    assert [(stay.path, stay.reason) for stay in plan.stays] == [("copy/a.png", "its folder is protected")]


def test_a_file_without_a_hash_stays(images):
    images.frame.loc[4, ["sha256", "status"]] = ["", "failed"]
    plan = removal.plan(images, [4])
    assert plan.entries == ()
    assert "could not be verified" in plan.stays[0].reason


def test_masks_and_rows_mean_the_same(images):
    mask = images.frame["kind"].to_numpy() == "exact"
    chosen = removal.plan(images, rows(images, "copy/a.png", "copy/a2.png"))
    assert removal.plan(images, mask).entries == chosen.entries == removal.plan(images).entries


def test_wrong_questions_are_refused(images):
    with pytest.raises(UnknownTag, match="nope"):
        removal.plan(images, "nope")
    with pytest.raises(UsageError, match="0 to 4"):
        removal.plan(images, [7])


@settings(max_examples=60)
@given(st.data())
def test_no_choice_of_rows_empties_a_group(data):
    with tempfile.TemporaryDirectory() as folder:
        made = alike(Path(folder), 6)
        made.frame["status"] = data.draw(st.lists(st.sampled_from(["ok", "failed"]), min_size=6, max_size=6))
        chosen = data.draw(st.lists(st.integers(0, 5), max_size=6))
        plan = removal.plan(made, chosen)
        going = {entry.path for entry in plan.entries}
        for group in ({"0.png", "1.png", "2.png"}, {"3.png", "4.png"}):
            readable = {p for p in group if made.frame.set_index("path")["status"][p] == "ok"}
            assert not readable or readable - going
        assert all(entry.keeper_path not in going for entry in plan.entries)
        assert going | {stay.path for stay in plan.stays} == {f"{row}.png" for row in chosen}


# --- the plan file ----------------------------------------------------------------------------------------------------


def test_the_plan_file_reads_back_equal(images, tmp_path):
    plan = removal.plan(images, "all")
    removal.write(plan, tmp_path / "plan.json")
    assert removal.read(tmp_path / "plan.json") == plan
    assert (tmp_path / "plan.json").read_bytes() == removal.to_bytes(plan)
    with pytest.raises(ExportError, match="exists already"):
        removal.write(plan, tmp_path / "plan.json")
    removal.write(plan, tmp_path / "plan.json", overwrite=True)
    assert json.loads((tmp_path / "plan.json").read_text())["entries"][0]["sha256"] == plan.entries[0].sha256


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda document: document.update(format="x"), "not a removal plan"),
        (lambda document: document.update(version=99), "version 99"),
        (lambda document: document.pop("root"), "damaged"),
        (lambda document: document["entries"][0].update(bytes="many"), "damaged"),
        (lambda document: document["entries"][0].update(bytes=-5), "contradicts"),
        (lambda document: document.update(entries=["a"]), "damaged"),
        (lambda document: document.update(entries={}), "damaged"),
        (lambda document: document.update(entries=None), "damaged"),
        (lambda document: document.update(stays=[1]), "damaged"),
        (lambda document: document.update(tag=1), "damaged"),
        (lambda document: document["entries"][0].update(extra=""), "damaged"),
        (lambda document: document["entries"][0].update(sha256="12"), "contradicts"),
        (lambda document: document["entries"][0].update(keeper_path=""), "contradicts"),
        (lambda document: document["entries"][0].update(keeper_sha256="0" * 64), "contradicts"),
        (lambda document: document["entries"].append(document["entries"][0]), "twice"),
        (lambda document: document["entries"][0].update(keeper_path="copy/a2.png"), "also keeps"),
    ],
)
def test_a_changed_plan_file_is_refused(images, tmp_path, change, message):
    removal.write(removal.plan(images), tmp_path / "plan.json")
    document = json.loads((tmp_path / "plan.json").read_text())
    change(document)
    (tmp_path / "plan.json").write_text(json.dumps(document))
    with pytest.raises(RemovalError, match=message):
        removal.read(tmp_path / "plan.json")


def test_no_plan_file_is_one_sentence(tmp_path):
    (tmp_path / "text").write_text("hello")
    (tmp_path / "bytes").write_bytes(b'{"a": "\xff"}')
    told = {
        "text": r"it is no JSON \(line 1, column 1\)",
        "bytes": "it is no UTF-8 text",
        "absent": "No such file or directory",
    }
    for name, reason in told.items():
        with pytest.raises(RemovalError, match=rf"not a readable removal plan: {reason}\.$"):
            removal.read(tmp_path / name)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda entry: entry.pop("sha256"), "an entry has no 'sha256'"),
        (lambda entry: entry.update(more="x"), "'more' in it means nothing"),
        (lambda entry: entry.update(bytes="x"), "'x' is not a whole number"),
    ],
)
def test_what_is_wrong_with_a_plan_is_told_in_words(images, tmp_path, change, reason):
    removal.write(removal.plan(images), tmp_path / "plan.json")
    document = json.loads((tmp_path / "plan.json").read_text())
    change(document["entries"][0])
    (tmp_path / "plan.json").write_text(json.dumps(document))
    with pytest.raises(RemovalError, match=rf"a damaged removal plan \({reason}\)"):
        removal.read(tmp_path / "plan.json")


def test_a_plan_file_without_a_tag_is_read(images, tmp_path):
    plan = removal.plan(images)
    removal.write(plan, tmp_path / "plan.json")
    document = json.loads((tmp_path / "plan.json").read_text())
    del document["tag"]
    (tmp_path / "plan.json").write_text(json.dumps(document))
    assert removal.read(tmp_path / "plan.json") == plan


def test_a_plan_for_another_folder_says_so(images, tmp_path):
    plan = removal.plan(images)
    picture(tmp_path / "b" / "photos" / "x.png", 5)
    other = make_images(tmp_path / "b")
    with pytest.raises(RemovalError, match=f"This plan is for {images.root} .dataset made."):
        removal.apply(other, plan)
    assert removal.likely(other, plan) == ()
    moved = replace(images, root=images.root.rename(tmp_path / "moved"))
    assert len(removal.apply(moved, plan).done) == 2
    moved.frame = frame_of(moved.root)
    assert [outcome.result for outcome in removal.apply(moved, plan).outcomes] == ["already", "already"]


# --- what keepers are given -------------------------------------------------------------------------------------------


def test_tags_of_a_leaving_copy_are_offered_to_its_keeper(images):
    images.frame["tag:night"] = images.frame["path"].isin(["copy/a.png", "other.png"])
    assert removal.keeper_tags(images, removal.plan(images)) == {"night": rows(images, "a.png")}


def test_the_tag_that_chose_what_leaves_is_not_handed_on(images, tmp_path):
    copies = images.frame["path"].isin(["copy/a.png", "copy/a2.png"])
    images.frame = images.frame.assign(**{"tag:all": False, "tag:go": copies, "tag:night": copies})
    plan = removal.plan(images, "go")
    assert plan.tag == "go"
    removal.write(plan, tmp_path / "plan.json")
    for each in (plan, removal.read(tmp_path / "plan.json")):
        assert removal.keeper_tags(images, each) == {"night": rows(images, "a.png")}
    assert removal.plan(images).tag == ""


def likely(images: Images, plan: removal.Plan, how: str = "quarantine", **hold) -> list[str]:
    return [entry.path for entry in removal.likely(images, plan, how, **hold)]


def test_likely_leaves_out_what_would_be_refused(images):
    plan = removal.plan(images, "all")
    whole = ["copy/a.png", "copy/a2.png", "near.png", "other.png"]
    assert likely(images, plan) == whole
    assert likely(images, plan, "hardlink") == likely(images, plan, "delete") == whole[:2]
    assert likely(images, plan, hold={rows(images, "near.png")[0]: "protected"}) == [*whole[:2], "other.png"]
    picture(images.root / "copy/a.png", 9)
    (images.root / "near.png").unlink()
    (images.root / "other.png").rename(images.root / "o.png")
    (images.root / "other.png").symlink_to("o.png")
    assert likely(images, plan) == ["copy/a2.png"]
    assert [each.path for each in removal.apply(images, plan).done] == ["copy/a2.png"]
    assert likely(images, plan) == []


def test_likely_reads_files_of_another_time(images):
    os.utime(images.root / "copy/a.png")
    (images.root / "copy/a2.png").write_bytes((images.root / "copy/a2.png").read_bytes()[:-1] + b"x")
    assert likely(images, removal.plan(images)) == ["copy/a.png"]


def test_likely_is_nothing_without_the_keeper_or_its_group(images):
    plan = removal.plan(images, rows(images, "copy/a.png", "near.png"))
    assert likely(replace(images, frame=images.frame.assign(group=-1)), plan) == ["copy/a.png"]
    picture(images.root / "a.png", 9)
    assert likely(images, plan) == []
    (images.root / "a.png").unlink()
    (images.root / "a.png").symlink_to("copy/a.png")
    assert likely(images, plan) == ["near.png"]


@settings(max_examples=40)
@given(st.data())
def test_likely_and_apply_agree_whatever_happened_since_the_scan(data):
    with tempfile.TemporaryDirectory() as folder:
        made = alike(Path(folder), 5)
        plan = removal.plan(made, data.draw(st.lists(st.integers(0, 4), max_size=5)))
        for name in made.frame["path"]:
            harm = data.draw(st.sampled_from(["none", "gone", "other", "touched", "held"]))
            if harm == "gone":
                (made.root / name).unlink()
            elif harm == "other":
                picture(made.root / name, 4, (8, 8))
            elif harm == "touched":
                os.utime(made.root / name)
        hold = dict.fromkeys(data.draw(st.sets(st.integers(0, 4), max_size=2)), "held")
        how = data.draw(st.sampled_from(removal.HOW))
        expected = likely(made, plan, how, hold=hold)
        report = removal.apply(made, plan, how=how, allow_delete=True, hold=hold)
        assert [outcome.path for outcome in report.done] == expected


# --- apply and restore ------------------------------------------------------------------------------------------------


def test_apply_moves_to_quarantine_and_restore_brings_back_the_same_bytes_and_times(images):
    before = content(images)
    seen = []
    report = removal.apply(images, removal.plan(images), on_progress=seen.append)
    assert [outcome.path for outcome in report.done] == ["copy/a.png", "copy/a2.png"]
    assert report.rows == rows(images, "copy/a.png", "copy/a2.png")
    assert [(progress.done, progress.total) for progress in seen] == [(1, 2), (2, 2)]
    assert sorted(content(images)) == ["a.png", "near.png", "other.png"]
    assert (images.directory / "quarantine/copy/a.png").read_bytes() == before["copy/a.png"][0]
    assert removal.removed(images.directory) == {"copy/a.png", "copy/a2.png"}
    assert removal.verify(images) == removal.Verification(2, ())
    assert len(removal.restore(images).done) == 2
    assert content(images) == before
    assert removal.removed(images.directory) == set()
    assert not (images.directory / "quarantine").exists()


def test_apply_again_changes_nothing_and_says_so(images):
    plan = removal.plan(images)
    removal.apply(images, plan)
    before = content(images)
    report = removal.apply(images, plan)
    assert [outcome.result for outcome in report.outcomes] == ["already", "already"]
    assert report.rows == rows(images, "copy/a.png", "copy/a2.png")
    assert content(images) == before
    assert removal.plan(images).entries == ()


def test_restore_of_some_paths(images):
    removal.apply(images, removal.plan(images))
    report = removal.restore(images, ["copy/a.png", "unknown.png"])
    assert [(outcome.path, outcome.result) for outcome in report.outcomes] == [
        ("copy/a.png", "done"),
        ("unknown.png", "refused"),
    ]
    assert removal.removed(images.directory) == {"copy/a2.png"}


def test_restore_makes_the_folder_anew(images):
    removal.apply(images, removal.plan(images))
    (images.root / "copy").rmdir()
    assert len(removal.restore(images).done) == 2


def test_restore_waits_for_the_folder_itself(images, tmp_path):
    removal.apply(images, removal.plan(images))
    images.root.rename(tmp_path / "away")
    with pytest.raises(RemovalError, match="Bring it back first"):
        removal.restore(images)
    assert not images.root.exists()
    (tmp_path / "away").rename(images.root)
    assert len(removal.restore(images).done) == 2


def test_what_was_decided_after_the_plan_stays(images):
    plan = removal.plan(images)
    report = removal.apply(images, plan, hold={rows(images, "copy/a.png")[0]: "its folder is protected"})
    assert [outcome.path for outcome in report.done] == ["copy/a2.png"]
    assert report.refusals() == ["copy/a.png stays: its folder is protected."]
    assert (images.root / "copy/a.png").exists()


def test_a_file_behind_a_link_to_a_folder_outside_stays(images, tmp_path):
    picture(tmp_path / "outside" / "a.png", 1)
    (images.root / "z").symlink_to(tmp_path / "outside")
    made = rescanned(images, {"a.png": ["copy/a.png", "copy/a2.png"]})
    line = made.frame[made.frame["path"] == "copy/a.png"].assign(path="z/a.png", folder="z")
    made.frame = pd.concat([made.frame, line], ignore_index=True)
    plan = removal.plan(made)
    assert [entry.path for entry in plan.entries] == ["copy/a.png", "copy/a2.png"]
    assert [(stay.path, "outside" in stay.reason) for stay in plan.stays] == [("z/a.png", True)]
    forced = replace(plan, entries=(replace(plan.entries[0], path="z/a.png"),), stays=())
    assert removal.likely(made, forced) == ()
    assert "outside" in removal.apply(made, forced).refused[0].reason
    assert (tmp_path / "outside" / "a.png").exists()


def test_a_folder_reached_by_a_link_is_its_own(images, tmp_path):
    (tmp_path / "link").symlink_to(images.root)
    made = replace(images, root=tmp_path / "link")
    assert len(removal.apply(made, removal.plan(made)).done) == 2
    assert len(removal.restore(made).done) == 2


def test_restore_never_overwrites(images):
    removal.apply(images, removal.plan(images))
    (images.root / "copy/a.png").write_bytes(b"newer")
    report = removal.restore(images)
    assert [outcome.path for outcome in report.refused] == ["copy/a.png"]
    assert report.refusals() == ["copy/a.png stays: another file lies in its place; move that one first."]
    assert (images.root / "copy/a.png").read_bytes() == b"newer"
    assert (images.directory / "quarantine/copy/a.png").exists()


def test_damaged_quarantine_is_found_and_not_restored(images):
    removal.apply(images, removal.plan(images))
    (images.directory / "quarantine/copy/a.png").write_bytes(b"damaged")
    assert removal.verify(images).problems == ("copy/a.png is missing from the quarantine or its bytes changed.",)
    assert "changed" in removal.restore(images).refused[0].reason
    (images.directory / "quarantine/copy/a.png").unlink()
    assert "missing" in removal.restore(images).refused[0].reason


def test_a_file_changed_since_the_scan_is_refused(images):
    plan = removal.plan(images)
    picture(images.root / "copy/a.png", 9)
    report = removal.apply(images, plan)
    assert [(o.path, o.reason) for o in report.refused] == [("copy/a.png", "it changed since the scan; scan again")]
    assert [outcome.path for outcome in report.done] == ["copy/a2.png"]
    assert (images.root / "copy/a.png").exists()


def test_a_file_that_cannot_be_read_any_more_is_not_said_to_have_changed(images, monkeypatch):
    plan, read = removal.plan(images), Spot.sha256
    monkeypatch.setattr(Spot, "sha256", lambda spot: "" if spot.path.name == "a.png" else read(spot))
    report = removal.apply(images, plan)
    assert [each.path for each in report.refused] == ["copy/a.png"]
    assert report.refused[0].reason.startswith("it cannot be read now; check its permissions")
    assert (images.root / "copy/a.png").exists()


@pytest.mark.parametrize("harm", [lambda path: path.unlink(), lambda path: path.write_bytes(b"other")])
def test_nothing_goes_without_its_keeper(images, harm):
    plan = removal.plan(images)
    harm(images.root / "a.png")
    report = removal.apply(images, plan)
    assert report.done == ()
    assert report.refusals() == [
        "2 files stay (copy/a.png, ...): its keeper a.png is gone or changed since the scan; scan again."
    ]


def test_a_keeper_that_changes_during_the_run_is_noticed(images):
    def spoil(progress):
        if progress.done == 1:
            picture(images.root / "a.png", 9)

    report = removal.apply(images, removal.plan(images), on_progress=spoil)
    assert [outcome.result for outcome in report.outcomes] == ["done", "refused"]


def test_a_vanished_file_is_reported(images):
    plan = removal.plan(images)
    (images.root / "copy/a.png").unlink()
    assert "gone from its folder" in removal.apply(images, plan).refused[0].reason


def test_cancelling_keeps_what_was_finished(images):
    def cancel(_progress):
        raise Cancelled("stop")

    plan = removal.plan(images)
    with pytest.raises(Cancelled):
        removal.apply(images, plan, on_progress=cancel)
    assert removal.removed(images.directory) == {"copy/a.png"}
    assert [o.result for o in removal.apply(images, plan).outcomes] == ["already", "done"]


def test_the_same_path_can_be_removed_twice(images):
    before = content(images)["copy/a.png"]
    removal.apply(images, removal.plan(images))
    picture(images.root / "copy/a.png", 1)
    report = removal.apply(images, removal.plan(images, rows(images, "copy/a.png")))
    assert len(report.done) == 1
    assert removal.verify(images).problems == ()
    stored = {each.stored for each in journal.read(images.directory).values()}
    assert stored == {"copy/a.png", "copy/a2.png", "~3/copy/a.png"}
    assert len(removal.restore(images).refused) == 1
    assert content(images)["copy/a.png"][0] == before[0]


def test_a_file_in_the_quarantine_where_a_folder_is_needed(images):
    assert moves.free_place(images.root, "a.png/x.png", 7) == "~7/a.png/x.png"


# --- the last copy, by every route ------------------------------------------------------------------------------------


def rescanned(images: Images, groups: dict[str, list[str]] | None = None) -> Images:
    return make_images(images.root.parent, groups)


def test_route_one_after_the_other(images):
    """Remove the copies, scan again (now the keeper is in no group), then ask for the keeper."""
    removal.apply(images, removal.plan(images, rows(images, "copy/a.png", "copy/a2.png", "near.png")))
    again = rescanned(images)
    plan = removal.plan(again, rows(again, "a.png"))
    assert plan.entries == ()
    assert plan.stays[0].reason.startswith("it stays for ")
    removal.restore(again)
    alone = rescanned(images)
    assert len(removal.plan(alone, rows(alone, "a.png")).entries) == 1


def test_route_old_frame(images):
    """Without a new scan, a copy that left does not count as one that stays."""
    removal.apply(images, removal.plan(images, rows(images, "copy/a.png", "copy/a2.png", "near.png")))
    plan = removal.plan(images, rows(images, "a.png", "near.png"))
    assert plan.entries == ()


def test_route_edited_plan_without_keeper(images):
    plan = removal.plan(images)
    entry = replace(plan.entries[0], path="a.png", keeper_path="", keeper_sha256="", identical="")
    report = removal.apply(images, replace(plan, entries=(entry,)))
    assert "names no keeper" in report.refused[0].reason


def test_route_edited_plan_with_a_foreign_keeper(images):
    plan = removal.plan(images)
    other = images.frame.iloc[rows(images, "other.png")[0]]
    entry = replace(plan.entries[0], keeper_path=other.path, keeper_sha256=other.sha256, identical="")
    report = removal.apply(images, replace(plan, entries=(entry,)))
    assert "no longer in one group" in report.refused[0].reason


def test_route_two_plans_that_keep_for_each_other(images):
    first = removal.plan(images, rows(images, "copy/a.png", "copy/a2.png", "near.png"))
    second = removal.plan(images, rows(images, "a.png", "copy/a.png", "near.png"))
    removal.apply(images, first)
    report = removal.apply(images, second)
    assert report.done == ()
    assert (images.root / "a.png").exists()


def test_route_keeper_is_a_link_to_the_copy(images, tmp_path):
    (images.root / "a.png").unlink()
    (images.root / "a.png").symlink_to("copy/a.png")
    report = removal.apply(images, removal.plan(images))
    assert "one and the same file" in report.refused[0].reason
    assert [outcome.path for outcome in report.done] == ["copy/a2.png"]
    assert (images.root / "a.png").read_bytes()


def seen_twice(images: Images) -> Images:
    """A dataset that holds copy/a.png twice: also as again/a.png through a link to the folder."""
    (images.root / "again").symlink_to("copy")
    made = rescanned(images, {"copy/a.png": ["a.png"]})
    made.frame.loc[made.frame["path"] == "a.png", "path"] = "again/a.png"
    made.frame = made.frame[made.frame["path"] != "copy/a2.png"].sort_values("path").reset_index(drop=True)
    made.frame["keeper"] = 1
    return made


def test_route_same_folder_by_two_ways(images):
    made = seen_twice(images)
    plan = removal.plan(made)
    assert plan.entries == ()
    assert "again is a link to another folder" in plan.stays[0].reason


def test_route_a_folder_mounted_twice(images, monkeypatch):
    """One file of one name seen in two places, which no path and no link tells; and the net below that."""
    made = seen_twice(images)
    monkeypatch.setattr(planning, "outside", lambda folder, root: "")
    monkeypatch.setattr(checking, "outside", lambda folder, root: "")
    monkeypatch.setattr(tree, "NO_LINK", 0)
    monkeypatch.setattr(moves, "same_entry", lambda path, other: False)
    report = removal.apply(made, removal.plan(made))
    assert "one and the same file" in report.refused[0].reason
    monkeypatch.setattr(checking, "is_one_entry", lambda path, other: False)
    report = removal.apply(made, removal.plan(made))
    assert "vanished at the same moment" in report.refused[0].reason
    assert (images.root / "copy/a.png").read_bytes() == (images.root / "a.png").read_bytes()
    assert removal.removed(images.directory) == set()


def test_a_plan_from_before_the_file_changed(images):
    plan = removal.plan(images)
    picture(images.root / "copy/a.png", 9)
    again = rescanned(images, {"a.png": ["copy/a2.png", "copy/a.png"]})
    assert "since the plan was made" in removal.apply(again, plan).refused[0].reason


def test_nothing_counts_on_or_takes_from_a_quarantine(images, tmp_path):
    removal.apply(images, removal.plan(images))
    whole = Images(images.directory, tmp_path, frame_of(tmp_path))
    stored, kept = (rows(whole, path)[0] for path in ("home/made/quarantine/copy/a.png", "photos/a.png"))
    for keeper, row in ((kept, stored), (stored, kept)):
        frame = whole.frame.assign(group=-1, keeper=-1, role="")
        frame.loc[[keeper, row], "group"], frame.loc[[keeper, row], "keeper"] = 0, keeper
        frame.loc[keeper, "role"] = "keeper"
        made = replace(whole, frame=frame)
        assert "in a quarantine" in removal.apply(made, removal.plan(made, [row])).refused[0].reason


def test_recovery_counts_no_link_as_the_file(images):
    """A restore was cut off, and someone put a link to the quarantined file in the original's place."""
    removal.apply(images, removal.plan(images, rows(images, "copy/a.png")))
    stored = images.directory / "quarantine/copy/a.png"
    with journal.locked(images.directory, images.key) as held:
        held.mark(held.removals[1], State.RESTORING)
    (images.root / "copy/a.png").symlink_to(stored)
    assert "another file" in removal.restore(images).refused[0].reason
    assert stored.is_file()


def test_a_link_is_not_moved(images):
    before = removal.plan(images)
    (images.root / "copy/a.png").unlink()
    (images.root / "copy/a.png").symlink_to(images.root / "a.png")
    plan = removal.plan(images)
    assert [(stay.path, stay.reason) for stay in plan.stays] == [("copy/a.png", moves.A_LINK)]
    assert "link" in removal.apply(images, before).refused[0].reason
    assert (images.root / "copy/a.png").is_symlink()


def test_route_two_datasets_over_one_folder(images, tmp_path):
    """Each keeps what the other removes; the second finds its keeper gone."""
    removal.apply(images, removal.plan(images, rows(images, "copy/a.png", "copy/a2.png", "near.png")))
    other = replace(images, directory=tmp_path / "home" / "second")
    other.directory.mkdir()
    plan = removal.plan(other, rows(images, "a.png", "copy/a2.png", "near.png"))
    assert removal.apply(other, plan).done == ()


def test_a_keeper_may_go_when_an_identical_copy_takes_over(images):
    removal.apply(images, removal.plan(images, rows(images, "copy/a.png")))
    again = rescanned(images, {"copy/a2.png": ["a.png"]})
    assert len(removal.apply(again, removal.plan(again)).done) == 1
    assert removal.verify(rescanned(images)).problems == ()
    (images.root / "copy/a2.png").unlink()
    problems = removal.verify(rescanned(images)).problems
    assert problems == (
        "a.png, kept for copy/a.png, is missing or its bytes changed; restore.",
        "copy/a2.png, kept for a.png, is missing or its bytes changed; restore.",
    )


def test_a_keeper_of_identical_copies_may_go_for_a_near_one_and_that_one_stays(images):
    removal.apply(images, removal.plan(images))
    again = rescanned(images, {"near.png": ["a.png"]})
    assert len(removal.apply(again, removal.plan(again, rows(again, "a.png"))).done) == 1
    assert removal.verify(again).problems == ()
    last = rescanned(images, {"other.png": ["near.png"]})
    assert removal.plan(last, rows(last, "near.png")).stays[0].reason.startswith("it stays for a.png")
    entry = removal.Entry(
        "near.png",
        *last.frame.loc[rows(last, "near.png")[0], ["sha256", "bytes"]],
        "other.png",
        last.frame.loc[rows(last, "other.png")[0], "sha256"],
        "",
        "edited by hand",
    )
    report = removal.apply(last, replace(removal.plan(last), entries=(entry,)))
    assert report.refused[0].reason.startswith("it stays for a.png")


def test_an_exact_copy_of_a_near_member_is_kept_for_by_its_twin(images):
    picture(images.root / "near2.png", 1, (30, 24))
    made = rescanned(images, {"a.png": ["near.png", "near2.png"]})
    made.frame.loc[made.frame["path"] == "near2.png", "kind"] = "exact"
    plan = removal.plan(made)
    assert [(entry.path, entry.keeper_path, entry.identical) for entry in plan.entries] == [
        ("near2.png", "near.png", "file")
    ]


def test_verify_follows_a_renamed_keeper(images):
    removal.apply(images, removal.plan(images))
    (images.root / "a.png").rename(images.root / "b.png")
    assert removal.verify(rescanned(images)).problems == ()


def test_route_a_renamed_keeper(images):
    """A new name for the keeper frees it as little as the old one."""
    removal.apply(images, removal.plan(images, rows(images, "copy/a.png", "copy/a2.png", "near.png")))
    (images.root / "a.png").rename(images.root / "b.png")
    again = rescanned(images)
    forced = replace(
        removal.plan(again, rows(again, "other.png")),
        entries=(removal.Entry("b.png", *again.frame.loc[0, ["sha256", "bytes"]], "", "", "", "edited by hand"),),
    )
    assert removal.plan(again, rows(again, "b.png")).stays[0].reason.startswith("it stays for ")
    assert removal.likely(again, forced) == ()
    assert removal.apply(again, forced).refused[0].reason.startswith("it stays for ")
    assert removal.verify(again).problems == ()


def test_a_copy_of_a_keeper_may_leave_for_it(images):
    """Content binds only the last file that has it."""
    removal.apply(images, removal.plan(images, rows(images, "copy/a.png")))
    again = rescanned(images, {"a.png": ["copy/a2.png"]})
    assert len(removal.apply(again, removal.plan(again)).done) == 1
    assert removal.verify(again).problems == ()


def second(images: Images, groups: dict[str, list[str]] | None = None, root: Path | None = None) -> Images:
    """Another dataset of the same home, on the same folder or another one."""
    directory, root = images.directory.parent / "second", root or images.root
    directory.mkdir(exist_ok=True)
    for each, place in ((directory, root), (images.directory, images.root)):
        Store(each).write_info(Info(name=each.name, root=str(place), source=str(place), key="made"))
    return Images(directory, root, frame_of(root, groups), "second")


@pytest.mark.parametrize("how", ["quarantine", "delete"])
def test_route_a_second_dataset_on_the_same_folder(images, how):
    plan = removal.plan(images, rows(images, "copy/a.png", "copy/a2.png"))
    removal.apply(images, plan, how=how, allow_delete=True)
    other = second(images)
    plan = removal.plan(other, rows(other, "a.png", "other.png"))
    assert [entry.path for entry in plan.entries] == ["other.png"]
    assert "through the dataset made" in plan.stays[0].reason
    assert len(removal.apply(other, plan).done) == 1
    assert removal.verify(images).problems == removal.verify(other).problems == ()


def test_route_a_second_dataset_on_a_folder_inside_or_around(images, tmp_path):
    inner = second(images, {"a.png": ["a2.png"]}, images.root / "copy")
    removal.apply(inner, removal.plan(inner))
    (images.root / "a.png").unlink()
    outer = rescanned(images)
    assert removal.plan(outer, rows(outer, "copy/a.png")).entries == ()
    whole = second(outer, root=tmp_path)
    assert removal.plan(whole, rows(whole, "photos/copy/a.png")).entries == ()


def test_a_second_dataset_takes_its_own_copy_while_the_keeper_stays(images, tmp_path):
    removal.apply(images, removal.plan(images, rows(images, "copy/a2.png")))
    inner = second(images, None, images.root / "copy")
    plan = removal.plan(inner, rows(inner, "a.png"))
    assert len(removal.apply(inner, plan).done) == 1
    assert removal.verify(images).problems == ()


def test_datasets_on_other_folders_bind_nothing(images, tmp_path):
    removal.apply(images, removal.plan(images))
    picture(tmp_path / "elsewhere" / "a.png", 1)
    other = second(images, root=tmp_path / "elsewhere")
    assert len(removal.apply(other, removal.plan(other, [0])).done) == 1


def test_a_chain_of_keepers_ends_one_near_pair_away(images):
    """near.png left for a.png, a.png for its copy: the copy stands for near.png as well."""
    removal.apply(images, removal.plan(images, rows(images, "near.png")))
    again = rescanned(images, {"copy/a.png": ["a.png"]})
    assert len(removal.apply(again, removal.plan(again)).done) == 1
    last = rescanned(images, {"other.png": ["copy/a.png"]})
    last.frame = last.frame[last.frame["path"] != "copy/a2.png"].reset_index(drop=True)
    last.frame.loc[last.frame["group"] == 0, "keeper"] = rows(last, "other.png")[0]
    plan = removal.plan(last, rows(last, "copy/a.png"))
    assert plan.stays[0].reason.startswith("it stays for ")


def test_route_both_copies_as_the_only_one_in_frames_that_do_not_know_of_the_other(images):
    """One leaves, the folder is scanned, the one comes back unseen and the other leaves: then the one is the last."""
    removal.apply(images, removal.plan(images, rows(images, "copy/a.png", "copy/a2.png")))
    again = rescanned(images)
    removal.restore(images)
    plan = removal.plan(again, rows(again, "a.png"))
    assert [entry.keeper_path for entry in plan.entries] == [""] and len(removal.apply(again, plan).done) == 1
    (images.root / "copy" / "a2.png").unlink()
    last = rescanned(images)
    plan = removal.plan(last, rows(last, "copy/a.png"))
    assert plan.entries == () and "it stays for a.png" in plan.stays[0].reason
    removal.restore(last)
    (images.root / "a.png").rename(images.root / "b.png")
    both = rescanned(images, {"b.png": ["copy/a.png"]})
    assert len(removal.apply(both, removal.plan(both, rows(both, "copy/a.png"))).done) == 1


def grouped_by_content(root: Path, directory: Path) -> Images:
    """What a scan of the folder would find: equal files are exact copies in one group."""
    alike: dict[bytes, list[str]] = {}
    for path in sorted(root.rglob("*.png")):
        alike.setdefault(path.read_bytes(), []).append(str(path.relative_to(root)))
    groups = {paths[0]: paths[1:] for paths in alike.values() if len(paths) > 1}
    return Images(directory, root, frame_of(root, groups), directory.name)


@settings(max_examples=60)
@given(st.data())
def test_no_content_that_had_copies_is_lost_by_any_sequence(data):
    """Two datasets on one folder, files renamed in between, frames old or new, every way to leave."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "photos"
        for number in range(4):
            picture(root / f"{number}.png", number // 2, (8, 8))
        contents = {path.read_bytes() for path in root.iterdir()}
        first = make_images(Path(folder))
        made = {each.name: grouped_by_content(root, each.directory) for each in (first, second(first))}
        for new in range(4, 4 + data.draw(st.integers(1, 6))):
            if data.draw(st.booleans()):
                data.draw(st.sampled_from(sorted(root.glob("*.png")))).rename(root / f"{new}.png")
            name = data.draw(st.sampled_from(sorted(made)))
            if data.draw(st.booleans()):
                made[name] = grouped_by_content(root, made[name].directory)
            if data.draw(st.integers(0, 4)) == 0:
                removal.restore(made[name])
            how, chosen = data.draw(st.sampled_from(removal.HOW)), data.draw(st.sets(st.integers(0, 3), min_size=1))
            plan = removal.plan(made[name], [row for row in sorted(chosen) if row < len(made[name].frame)])
            removal.apply(made[name], plan, how=how, allow_delete=True)
            assert {path.read_bytes() for path in root.glob("*.png")} == contents
        for each in made.values():
            problems = removal.verify(grouped_by_content(root, each.directory)).problems
            assert all("from its place" in problem for problem in problems)  # links that were renamed themselves


# --- alternatives -----------------------------------------------------------------------------------------------------


def test_hardlink_and_back(images):
    before = content(images)
    plan = removal.plan(images, rows(images, "copy/a.png", "near.png"))
    report = removal.apply(images, plan, how="hardlink")
    assert [outcome.path for outcome in report.done] == ["copy/a.png"]
    assert "very bytes" in report.refused[0].reason
    assert (images.root / "copy/a.png").samefile(images.root / "a.png")
    assert removal.removed(images.directory) == set()
    assert removal.verify(images).problems == ()
    again = removal.apply(images, plan, how="hardlink")
    assert [outcome.result for outcome in again.outcomes] == ["already", "refused"]
    assert len(removal.restore(images).done) == 1
    assert not (images.root / "copy/a.png").samefile(images.root / "a.png")
    assert content(images) == before


def linked(images: Images) -> removal.Plan:
    plan = removal.plan(images, rows(images, "copy/a.png"))
    assert len(removal.apply(images, plan, how="hardlink").done) == 1
    return plan


@pytest.mark.parametrize("keeper", ["a.png", "renamed.png"])
def test_a_link_that_was_deleted_comes_back_from_its_keeper(images, keeper):
    os.utime(images.root / "copy/a.png", ns=(1_500_000_000_000_000_000,) * 2)
    before = content(images)
    linked(images)
    (images.root / "copy/a.png").unlink()
    (images.root / "a.png").rename(images.root / keeper)
    again = rescanned(images)
    assert removal.verify(again).problems == ("copy/a.png is missing from its place or its bytes changed.",)
    assert removal.restore(again).refused == ()
    (images.root / keeper).rename(images.root / "a.png")
    assert content(images) == before
    assert removal.verify(again) == removal.Verification(0, ())


def test_a_link_without_a_keeper_cannot_come_back(images):
    linked(images)
    for name in NAMES[:3]:
        (images.root / name).unlink()
    assert "and so is a.png" in removal.restore(images).refused[0].reason
    picture(images.root / "a.png", 1)
    assert removal.restore(images).refused == ()


@pytest.mark.parametrize("how", ["file", "link"])
def test_a_foreign_file_in_the_place_of_a_link_stays(images, how):
    linked(images)
    place = images.root / "copy/a.png"
    place.unlink()
    place.symlink_to("../a.png") if how == "link" else place.write_bytes(b"foreign")
    report = removal.restore(images)
    if how == "file":
        assert report.refusals() == ["copy/a.png stays: another file lies in its place; move that one first."]
        assert place.read_bytes() == b"foreign"
        assert len(removal.verify(images).problems) == 1
    assert len(report.refused) == 1
    place.unlink()
    assert removal.restore(images).refused == ()


def test_a_link_written_through_is_left_as_it_is(images):
    linked(images)
    (images.root / "a.png").write_bytes(b"edited")
    assert "changed since it became a link" in removal.restore(images).refused[0].reason
    assert len(journal.standing(images.directory)) == 1


def test_a_link_can_leave_afterwards_and_all_comes_back(images):
    os.utime(images.root / "copy/a.png", ns=(1_500_000_000_000_000_000,) * 2)
    (images.root / "copy/a.png").chmod(0o640)
    before = content(images)
    plan = linked(images)
    assert removal.likely(images, plan, "hardlink") == ()
    report = removal.apply(images, plan)
    assert [outcome.result for outcome in report.outcomes] == ["done"]
    assert not (images.root / "copy/a.png").exists()
    assert removal.verify(images) == removal.Verification(1, ())
    assert [each.state for each in journal.standing(images.directory)] == [State.QUARANTINED]
    assert [outcome.path for outcome in removal.restore(images).done] == ["copy/a.png"]
    assert content(images) == before
    assert (images.root / "copy/a.png").stat().st_mode & 0o777 == 0o640
    assert not (images.root / "copy/a.png").samefile(images.root / "a.png")
    assert removal.verify(images) == removal.Verification(0, ())


def test_a_link_that_was_deleted_by_plan_does_not_come_back(images):
    plan = linked(images)
    assert len(removal.apply(images, plan, how="delete", allow_delete=True).done) == 1
    assert removal.verify(images) == removal.Verification(1, ())
    assert removal.restore(images).outcomes == ()
    assert not (images.root / "copy/a.png").exists()


def test_delete_is_asked_for_twice_and_only_for_identical_or_decided(images):
    plan = removal.plan(images, "all")
    with pytest.raises(RemovalError, match="--allow-delete"):
        removal.apply(images, plan, how="delete")
    report = removal.apply(images, plan, how="delete", allow_delete=True)
    assert [outcome.path for outcome in report.done] == ["copy/a.png", "copy/a2.png"]
    assert {outcome.path for outcome in report.refused} == {"near.png", "other.png"}
    decided = removal.plan(images, rows(images, "near.png", "other.png"), decided=True)
    report = removal.apply(images, decided, how="delete", allow_delete=True)
    assert [outcome.path for outcome in report.done] == ["near.png"]
    assert removal.removed(images.directory) == {"copy/a.png", "copy/a2.png", "near.png"}
    assert sorted(content(images)) == ["a.png", "other.png"]
    assert removal.verify(images).problems == ()


def test_an_unknown_way_is_refused(images):
    with pytest.raises(RemovalError, match="quarantine, hardlink, delete"):
        removal.apply(images, removal.plan(images), how="burn")


# --- disks that refuse ------------------------------------------------------------------------------------------------


def test_read_only_folder(images, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "copy")
    before = content(images)
    report = removal.apply(images, removal.plan(images))
    assert len(report.refusals()) == 1
    assert "is read-only" in report.refusals()[0]
    assert content(images) == before


def test_read_only_folder_by_permission_bits(images):
    if os.geteuid() == 0:
        pytest.skip("permission bits do not bind root")
    (images.root / "copy").chmod(0o555)
    report = removal.apply(images, removal.plan(images))
    (images.root / "copy").chmod(0o755)
    assert len(report.refused) == 2


def test_a_file_that_cannot_be_unlinked_leaves_nothing_half_done(images, monkeypatch):
    before, unlink = content(images), os.unlink

    def refuse(path, *args, **kwargs):
        folder = Path(f"/proc/self/fd/{kwargs['dir_fd']}").resolve() if kwargs.get("dir_fd") is not None else Path()
        if (folder / path).is_relative_to(images.root):
            raise PermissionError(errno.EPERM, "Operation not permitted", str(path))
        unlink(path, *args, **kwargs)

    monkeypatch.setattr(os, "unlink", refuse)
    report = removal.apply(images, removal.plan(images))
    assert report.done == ()
    assert "Operation not permitted" in report.refused[0].reason
    assert content(images) == before
    assert not list((images.directory / "quarantine").rglob("*.png"))
    assert removal.removed(images.directory) == set()


@pytest.mark.skipif(shutil.which("chattr") is None, reason="needs chattr")
def test_immutable_file(images):
    path = images.root / "copy/a.png"
    if subprocess.run(["chattr", "+i", path], capture_output=True, check=False).returncode:
        pytest.skip("this disk knows no immutable files")
    try:
        report = removal.apply(images, removal.plan(images))
    finally:
        subprocess.run(["chattr", "-i", path], check=True)
    assert [outcome.path for outcome in report.refused] == ["copy/a.png"]
    assert not (images.directory / "quarantine/copy/a.png").exists()
    assert path.exists()


def without_links(monkeypatch, code: int = errno.EXDEV) -> None:
    def link(source, target, **_options):
        raise OSError(code, os.strerror(code), str(source), None, str(target))

    monkeypatch.setattr(os, "link", link)


@pytest.mark.parametrize("code", [errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP])
def test_disks_without_links_are_copied_and_proven(images, monkeypatch, code):
    before = content(images)
    without_links(monkeypatch, code)
    assert len(removal.apply(images, removal.plan(images)).done) == 2
    assert removal.verify(images).problems == ()
    assert len(removal.restore(images).done) == 2
    assert content(images) == before
    assert not list(images.root.rglob(".dedup*"))


def test_another_disk(images):
    if not Path("/dev/shm").is_dir() or os.stat("/dev/shm").st_dev == images.root.stat().st_dev:
        pytest.skip("needs a second disk")
    before = content(images)
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        far = replace(images, directory=Path(folder) / "home" / "far")
        far.directory.mkdir(parents=True)
        assert len(removal.apply(far, removal.plan(far)).done) == 2
        assert removal.verify(far).problems == ()
        assert len(removal.restore(far).done) == 2
    assert content(images) == before


def test_a_damaged_copy_is_noticed_before_the_original_goes(images, monkeypatch):
    without_links(monkeypatch)

    def flawed(reader, writer, *_args):
        writer.write(reader.read()[:-1] + b"x")

    monkeypatch.setattr(shutil, "copyfileobj", flawed)
    before = content(images)
    assert removal.apply(images, removal.plan(images)).done == ()
    assert content(images) == before


def test_a_full_disk_stops_with_one_sentence_and_can_go_on(images, monkeypatch):
    before = content(images)
    without_links(monkeypatch)

    def full(_reader, writer, *_args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), writer.name)

    with monkeypatch.context() as context:
        context.setattr(shutil, "copyfileobj", full)
        with pytest.raises(RemovalError, match="disk is full"):
            removal.apply(images, removal.plan(images))
    assert content(images) == before
    assert len(removal.apply(images, removal.plan(images)).done) == 2


def test_a_file_with_other_links_is_copied(images):
    os.link(images.root / "copy/a.png", images.root.parent / "elsewhere.png")
    removal.apply(images, removal.plan(images))
    with (images.root.parent / "elsewhere.png").open("r+b") as stream:
        stream.write(b"scribble")
    assert removal.verify(images).problems == ()


def test_a_file_written_while_it_moves_stays(images, monkeypatch):
    duplicate = moves.duplicate

    def interfere(source, target, part, sha256):
        duplicate(source, target, part, sha256)
        source.path.unlink()
        source.path.write_bytes(b"written meanwhile")

    monkeypatch.setattr("dedup.removal.applying.duplicate", interfere)
    removal.apply(images, removal.plan(images, rows(images, "copy/a.png")))
    assert (images.root / "copy/a.png").read_bytes() == b"written meanwhile"
    assert removal.verify(images).problems == ()


# --- crashes and company ----------------------------------------------------------------------------------------------

STEPS = ("link", "unlink", "rename", "replace", "mkdir", "fsync", "utime", "fchmod", "truncate")


def run_and_die(work, step: int, before: bool) -> bool:
    """Run `work` in a process of its own that kills itself (SIGKILL) at its `step`-th change of the disk.

    True when it was killed, False when it finished first.
    """
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
        return os.WIFSIGNALED(status)
    left = step

    def deadly(function):
        def call(*args, **kwargs):
            nonlocal left
            left -= 1
            if left == 0 and before:
                os.kill(os.getpid(), signal.SIGKILL)
            mine = left == 0
            try:
                return function(*args, **kwargs)
            finally:
                if mine:
                    os.kill(os.getpid(), signal.SIGKILL)

        return call

    for name in STEPS:
        setattr(os, name, deadly(getattr(os, name)))
    try:
        work()
    except BaseException:
        os._exit(1)
    os._exit(0)


def fresh(folder: Path) -> Images:
    root = folder / "photos"
    for name in ("a.png", "copy/a.png", "copy/a2.png"):
        picture(root / name, 1)
    return make_images(folder, {"a.png": ["copy/a.png", "copy/a2.png"]})


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize(
    ("how", "links"), [("quarantine", True), ("quarantine", False), ("hardlink", True), ("delete", True)]
)
def test_killed_at_every_step_and_run_again_it_finishes(tmp_path, monkeypatch, how, links, before):
    """After each kill nothing is lost; the next run finishes; restore, killed at every step too, gives all back."""
    if not links:
        without_links(monkeypatch)
    step = killed = 0
    while killed == step:
        step += 1
        images = fresh(tmp_path / str(step))
        original = content(images)
        plan = removal.plan(images)
        killed += run_and_die(partial(removal.apply, images, plan, how=how, allow_delete=True), step, before)
        survivors = [path.read_bytes() for path in tmp_path.joinpath(str(step)).rglob("*.png")]
        assert original["a.png"][0] in survivors
        assert how == "delete" or survivors.count(original["a.png"][0]) >= 3
        report = removal.apply(images, plan, how=how, allow_delete=True)
        assert report.refused == ()
        assert removal.verify(images).problems == ()
        assert not list(tmp_path.joinpath(str(step)).rglob("*.part"))
        if how != "delete":
            run_and_die(partial(removal.restore, images), step, before)
            assert removal.restore(images).refused == ()
            assert content(images) == original
            assert not list(tmp_path.joinpath(str(step)).rglob("*.part"))
    assert step > 6


WORKER = """
import sys, pickle
from pathlib import Path
from dedup import removal
images = pickle.loads(Path(sys.argv[1]).read_bytes())
print("ready", flush=True)
while True:
    assert not removal.apply(images, removal.plan(images)).refused
    assert not removal.restore(images).refused
"""


def test_kill_in_a_loop(tmp_path):
    images = fresh(tmp_path)
    original = content(images)
    (tmp_path / "images.pickle").write_bytes(pickle.dumps(images))
    for attempt in range(4):
        worker = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(tmp_path / "images.pickle")],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        assert worker.stdout is not None and worker.stdout.readline() == b"ready\n"
        time.sleep(0.05 + 0.037 * attempt)
        worker.kill()
        worker.wait()
        worker.stdout.close()
        assert removal.restore(images).refused == ()
        assert content(images) == original


def test_two_appliers_at_once_share_the_work(tmp_path):
    images = fresh(tmp_path)
    plan = removal.plan(images)
    children = [os.fork() for _ in range(1)]
    report = removal.apply(images, plan)
    if 0 in children:
        os._exit(0 if not report.refused else 1)
    _, status = os.waitpid(children[0], 0)
    assert os.WEXITSTATUS(status) == 0
    assert report.refused == ()
    assert removal.verify(images) == removal.Verification(2, ())
    assert len(journal.read(images.directory)) == 2


def test_a_second_applier_that_waits_too_long_says_so(images, monkeypatch):
    monkeypatch.setattr(journal, "LOCK_SECONDS", 0.05)
    with FileLock(images.directory.parent / journal.LOCK), pytest.raises(RemovalError, match="Another removal"):
        removal.apply(images, removal.plan(images))


def test_a_torn_last_line_of_the_journal_is_a_step_that_never_began(images):
    removal.apply(images, removal.plan(images, rows(images, "copy/a.png")))
    with (images.directory / journal.JOURNAL).open("ab") as stream:
        stream.write(b'{"id": 2, "sta')
    assert removal.removed(images.directory) == {"copy/a.png"}
    assert len(removal.restore(images).done) == 1
    assert removal.removed(images.directory) == set()


@pytest.mark.parametrize("left", [b"", b"\0" * 4096], ids=["empty", "zeros"])
def test_images_in_the_quarantine_that_the_journal_has_lost_are_told(images, left):
    """As a disk may leave a file that was written last when the power goes."""
    removal.apply(images, removal.plan(images))
    (images.directory / "quarantine.jsonl").write_bytes(left)
    problem = removal.verify(images).problems[0]
    assert problem.startswith("2 images in ") and "no removal tells of, such as copy/a.png" in problem
    assert removal.restore(images).outcomes == ()
    assert (images.directory / "quarantine/copy/a.png").exists() and removal.verify(images).problems


def test_a_damaged_journal_is_one_sentence(images):
    removal.apply(images, removal.plan(images))
    path = images.directory / journal.JOURNAL
    path.write_bytes(b"nonsense\n" + path.read_bytes())
    with pytest.raises(RemovalError, match="line 1"):
        removal.verify(images)


def test_names_that_are_no_text(tmp_path):
    """A file name of undecodable bytes is journalled and restored."""
    images = fresh(tmp_path)
    strange = os.fsdecode(b"copy/\xff.png")
    try:
        (images.root / "copy/a.png").rename(images.root / strange)
    except OSError:
        pytest.skip("this disk stores only text as names")
    files = {"copy/a.png": strange}
    images.file = lambda row: images.root / files.get(images.frame["path"].iat[row], images.frame["path"].iat[row])
    assert removal.apply(images, removal.plan(images)).refused == ()
    assert not (images.root / strange).exists()
    assert removal.restore(images).refused == ()
    assert (images.root / strange).exists()


@pytest.mark.parametrize("how", ["delete", "quarantine"])
def test_two_homes_at_once_leave_one_of_each(how, tmp_path, monkeypatch):
    for name in ("a.png", "b.png"):
        picture(tmp_path / "photos" / name, 1)
    here = make_images(tmp_path, {"a.png": ["b.png"]})
    (tmp_path / "other").mkdir()
    there = replace(here, directory=tmp_path / "other", frame=frame_of(here.root, {"b.png": ["a.png"]}))
    carry = partial(removal.apply, there, removal.plan(there), how=how, allow_delete=True)
    withdraw, meanwhile = applying.withdraw, list[removal.Report]()

    def slowly(*args):
        if not meanwhile:
            meanwhile.append(removal.Report(()))
            meanwhile.append(carry())
        withdraw(*args)

    monkeypatch.setattr(applying, "withdraw", slowly)
    report = removal.apply(here, removal.plan(here), how=how, allow_delete=True)
    assert [each.path for each in report.done] == ["b.png"]
    assert "another removal works on" in meanwhile[1].refused[0].reason
    assert (here.root / "a.png").exists()


def test_a_plan_of_before_an_update_waits_for_a_scan(images):
    plan, before = removal.plan(images), content(images)
    images.outdated = "Scan the folder again."
    for work in (removal.apply, removal.likely, lambda images, plan: removal.plan(images)):
        with pytest.raises(RemovalError, match="Scan the folder again"):
            work(images, plan)
    assert content(images) == before
