"""Deciding: each act, what stays decided through rescans, and the way to the plan, on real files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

import dedup
from dedup import removal
from dedup.dataset import Dataset
from dedup.errors import UsageError
from dedup.labels.resolve import Choice
from dedup.query.selection import Range, Selection
from dedup.review import acts, bulk_rules, verdicts
from dedup.review.acts import Fate, Order
from dedup.store.decisions import INCOMING, PROTECTED
from tests.building import copied
from tests.pictures import photo, save


@pytest.fixture(scope="module")
def scanned(tmp_path_factory) -> Dataset:
    """a, b, c and a twin of a; b mirrored; c small and c smaller; d in two folders; e alone."""
    folder, home = tmp_path_factory.mktemp("in"), tmp_path_factory.mktemp("home")
    for number, name in enumerate("abcde"):
        save(photo(number), folder / f"{name}.jpg", quality=92)
    shutil.copy(folder / "a.jpg", folder / "a copy.jpg")
    save(photo(1).transpose(Image.Transpose.FLIP_LEFT_RIGHT), folder / "b mirror.jpg", quality=90)
    save(photo(2).resize((64, 48)), folder / "c small.jpg", quality=90)
    save(photo(2).resize((80, 60)), folder / "c worse.jpg", quality=80)
    for name in ("new", "old"):
        (folder / name).mkdir()
        shutil.copy(folder / "d.jpg", folder / name / "d.jpg")
    (folder / "d.jpg").unlink()
    return dedup.scan(folder, name="made", home=home)


@pytest.fixture
def dataset(scanned, tmp_path) -> Dataset:
    """A dataset and a folder of its own for every test."""
    copied(scanned, tmp_path / "in", tmp_path / "home")
    return dedup.open("made", home=tmp_path / "home")


def row(dataset: Dataset, path: str) -> int:
    return int(dataset.frame.index[dataset.frame["path"] == path][0])


def do(dataset: Dataset, act, path: str, about=None) -> acts.State:
    step = act(acts.state(dataset, about), row(dataset, path))
    dataset.decisions.decide(step.changes, step.label)
    return acts.state(dataset, about)


def test_what_was_decided_is_a_column_that_exports_can_select_by(dataset):
    assert set(dataset.frame["decided"]) == {"open"}
    do(dataset, acts.drop, "a copy.jpg")
    do(dataset, acts.keep, "b mirror.jpg")
    decided = dataset.frame.set_index("path")["decided"]
    assert {path: told for path, told in decided.items() if told != "open"} == {
        "a copy.jpg": "goes",
        "a.jpg": "stays",
        "b.jpg": "goes",
        "b mirror.jpg": "stays",
    }
    assert (
        dataset.select('decided != "goes"').tolist()
        == Selection(decided=("stays", "open")).mask(dataset.frame).tolist()
    )
    dataset.decisions.undo()
    dataset.decisions.undo()
    assert set(dataset.frame["decided"]) == {"open"}


def fates(dataset: Dataset, *paths: str) -> list[Fate]:
    now = acts.state(dataset)
    rows = [row(dataset, path) for path in paths]
    return [now.fate(each, rows[0]) for each in rows]


def test_groups_have_their_keeper_first_and_are_open(dataset):
    now = acts.state(dataset)
    paths = {tuple(now.path(each) for each in rows) for rows in now.members.values()}
    assert {rows[0] for rows in paths} == {"a.jpg", "b.jpg", "c.jpg", "new/d.jpg"}
    assert len(now.open) == 4 and acts.tally(now) == {"groups": 4, "open": 4, "drop": 0}


def test_accepting_drops_the_copies_and_settles_the_group(dataset):
    now = do(dataset, acts.accept, "c.jpg")
    assert fates(dataset, "c.jpg", "c small.jpg", "c worse.jpg") == [Fate.KEEPER, Fate.DROP, Fate.DROP]
    assert len(now.open) == 3 and len(verdicts.of(dataset.decisions).reviewed) == 1
    assert dataset.decisions.history()[0].label == "Accept c.jpg: 2 images"


def test_decisions_about_what_goes_leave_the_tables_as_they_are(dataset):
    pairs = dataset.pairs
    do(dataset, acts.accept, "c.jpg")
    assert dataset.pairs is pairs


def test_keeping_another_copy_makes_it_the_keeper(dataset):
    do(dataset, acts.keep, "c worse.jpg")
    assert fates(dataset, "c worse.jpg", "c.jpg", "c small.jpg") == [Fate.KEEPER, Fate.DROP, Fate.DROP]
    assert dataset.frame["keeper_reason"][row(dataset, "c worse.jpg")] == "chosen by a person"
    assert not acts.state(dataset).open & {int(dataset.frame["group"][row(dataset, "c.jpg")])}


def test_dropping_a_copy_leaves_the_others_open(dataset):
    now = do(dataset, acts.drop, "c small.jpg")
    assert fates(dataset, "c.jpg", "c small.jpg", "c worse.jpg") == [Fate.KEEPER, Fate.DROP, Fate.OPEN]
    assert len(now.open) == 4


def test_dropping_the_keeper_makes_the_best_of_the_rest_the_keeper(dataset):
    do(dataset, acts.drop, "c small.jpg")
    do(dataset, acts.drop, "c.jpg")
    assert fates(dataset, "c worse.jpg", "c.jpg", "c small.jpg") == [Fate.KEEPER, Fate.DROP, Fate.DROP]


def test_told_apart_images_leave_the_group_for_good(dataset):
    now = do(dataset, acts.apart, "b mirror.jpg")
    assert len(now.members) == 3 and dataset.frame["group"][row(dataset, "b.jpg")] == -1
    assert fates(dataset, "b.jpg", "b mirror.jpg") == [Fate.OPEN, Fate.APART]
    with pytest.raises(UsageError, match="changed meanwhile"):
        do(dataset, acts.apart, "b mirror.jpg")


def test_identical_files_can_both_stay(dataset):
    now = do(dataset, acts.apart, "a copy.jpg")
    assert fates(dataset, "a.jpg", "a copy.jpg") == [Fate.KEEPER, Fate.KEEP] and len(now.open) == 3
    assert acts.plan(dataset, now).entries == ()


def test_telling_the_keeper_apart_means_every_open_copy(dataset):
    do(dataset, acts.drop, "c small.jpg")
    do(dataset, acts.apart, "c.jpg")
    assert fates(dataset, "c.jpg", "c small.jpg", "c worse.jpg") == [Fate.KEEPER, Fate.DROP, Fate.APART]


@pytest.mark.parametrize("act", [acts.accept, acts.keep, acts.apart])
def test_a_group_opens_again_and_every_act_is_undone_and_redone(dataset, act):
    paths = ("c.jpg", "c small.jpg", "c worse.jpg")
    before = fates(dataset, *paths)
    do(dataset, act, "c.jpg")
    after = fates(dataset, *paths)
    assert dataset.decisions.undo() and fates(dataset, *paths) == before
    again = dedup.open("made", home=dataset.directory.parent)
    assert again.decisions.redo() and fates(again, *paths) == after != before
    step = acts.reopen(acts.state(dataset), [row(dataset, path) for path in paths])
    dataset.decisions.decide(step.changes, step.label)
    assert fates(dataset, *paths) == before and len(acts.state(dataset).open) == 4


def test_an_act_on_what_another_tab_changed_is_refused(dataset):
    now = acts.state(dataset)
    do(dataset, acts.keep, "c worse.jpg")
    with pytest.raises(UsageError, match="changed meanwhile"):
        acts.accept(acts.state(dataset), row(dataset, "c.jpg"))
    assert acts.accept(now, row(dataset, "c.jpg")).changes


def test_clashing_groups_have_no_suggestion_until_a_person_chose(dataset):
    about = {row(dataset, "a copy.jpg"): "cat here, dog there"}
    with pytest.raises(UsageError, match="clash"):
        do(dataset, acts.accept, "a.jpg", about)
    assert acts.previews(acts.state(dataset, about))[0].held == 2 - 1
    now = do(dataset, acts.drop, "a copy.jpg", about)
    assert now.is_chosen(row(dataset, "a.jpg"))
    assert [entry.path for entry in acts.plan(dataset, now).entries] == ["a copy.jpg"]


def test_folders_clash_as_classes_when_a_person_says_so_until_it_is_resolved(dataset):
    assert dataset.clashes == [] and not dataset.asks_about_folders  # "old" and "new" are no classes
    step = acts.folder_classes_step(True)
    dataset.decisions.decide(step.changes, step.label)
    cases = dataset.clashes
    rows = {row(dataset, "new/d.jpg"), row(dataset, "old/d.jpg")}
    assert acts.clashing(dataset).keys() == rows
    dataset.decisions.decide([cases[0].change(Choice.LEFT)], "Picked")
    assert acts.clashing(dataset) == {}
    dataset.decisions.undo()
    for are_classes in (False, True):
        step = acts.folder_classes_step(are_classes)
        dataset.decisions.decide(step.changes, step.label)
        assert bool(acts.clashing(dataset)) == are_classes


def test_protected_folders_are_never_suggested_for_removal(dataset):
    for folder in ("old", "new"):
        step = acts.folder_step(folder, PROTECTED)
        dataset.decisions.decide(step.changes, step.label)
    now = acts.state(dataset)
    assert next(each.count for each in acts.previews(now)) == 1  # a copy.jpg alone
    with pytest.raises(UsageError, match="protected"):
        acts.drop(now, row(dataset, "old/d.jpg"))
    do(dataset, acts.accept, "new/d.jpg")
    assert fates(dataset, "new/d.jpg", "old/d.jpg") == [Fate.KEEPER, Fate.KEEP]


def test_incoming_folders_are_suggested_first(dataset):
    assert dataset.frame["role"][row(dataset, "new/d.jpg")] == "keeper"
    dataset.decisions.decide(*reversed(_parts(acts.folder_step("new", INCOMING))))
    assert dataset.frame["role"][row(dataset, "old/d.jpg")] == "keeper"
    assert dataset.frame["keeper_reason"][row(dataset, "old/d.jpg")] == "the other is in an incoming folder"


def _parts(step: acts.Step):
    return step.label, step.changes


def test_keeper_rules_are_ordered_switched_and_counted(dataset):
    counts = dataset.keeper_rules
    assert sum(counts.values()) == 4 and counts["name"] >= 1
    step = acts.rules_step(["chosen", "name"])
    dataset.decisions.decide(step.changes, step.label)
    assert list(dataset.keeper_rules) == ["chosen", "name", ""] and sum(dataset.keeper_rules.values()) == 4
    assert json.loads(dataset.decisions.setting("keeper_rules")) == ["chosen", "name"]


def test_bulk_rules_do_what_their_preview_counts_in_one_step(dataset):
    now = acts.state(dataset)
    exact, resized, mirrored, _turned = acts.previews(now)
    assert [each.count for each in (exact, resized, mirrored)] == [2, 2, 1]
    for preview in (exact, resized, mirrored):
        step = acts.by_rule(acts.state(dataset), preview)
        dataset.decisions.decide(step.changes, step.label)
    now = acts.state(dataset)
    assert not now.open and len(now.dropped) == 4
    assert [each.count for each in acts.previews(now)] == [0, 0, 0, 0]
    assert [operation.label for operation in dataset.decisions.history()] == [
        f"{bulk_rules.RULES[2].title}: 1 image",
        f"{bulk_rules.RULES[1].title}: 2 images",
        f"{bulk_rules.RULES[0].title}: 2 images",
    ]
    dataset.decisions.undo()
    assert len(acts.state(dataset).open) == 1


def test_decisions_survive_a_rescan_and_a_rename_and_a_new_member_reopens_the_group(dataset):
    do(dataset, acts.accept, "c.jpg")
    do(dataset, acts.keep, "a copy.jpg")
    (dataset.root / "c small.jpg").rename(dataset.root / "moved.jpg")
    (dataset.root / "a copy.jpg").rename(dataset.root / "a best.jpg")
    again = dedup.rescan(dataset, workers=1)
    assert fates(again, "c.jpg", "moved.jpg", "c worse.jpg") == [Fate.KEEPER, Fate.DROP, Fate.DROP]
    assert fates(again, "a best.jpg", "a.jpg") == [Fate.KEEPER, Fate.DROP]
    assert len(acts.state(again).open) == 2
    save(photo(2).resize((70, 52)), again.root / "c new.jpg", quality=90)
    again = dedup.rescan(again, workers=1)
    now = acts.state(again)
    assert fates(again, "c.jpg", "c new.jpg", "moved.jpg") == [Fate.KEEPER, Fate.OPEN, Fate.DROP]
    assert int(again.frame["group"][row(again, "c.jpg")]) in now.open and len(now.open) == 3


@pytest.mark.parametrize("order", list(Order))
def test_every_order_lists_every_group_once(dataset, order):
    now = acts.state(dataset)
    assert sorted(acts.listed(now, order)) == sorted(now.members)


def test_orders_and_filters(dataset):
    now = acts.state(dataset)

    def keepers(order=Order.SAVED, **selection) -> list[str]:
        return [now.path(now.members[number][0]) for number in acts.listed(now, order, Selection(**selection))]

    size = dataset.frame["bytes"].to_numpy()
    saved = [size[now.members[number][1:]].sum() for number in acts.listed(now, Order.SAVED)]
    assert saved == sorted(saved, reverse=True)
    assert keepers(Order.SIZE)[0] == "c.jpg"
    assert set(keepers(Order.KIND)[:2]) == set(keepers(Order.CLOSEST)[:2]) == {"a.jpg", "new/d.jpg"}
    assert keepers(folders=("old",)) == ["new/d.jpg"]
    assert keepers(relations=("mirrored",)) == ["b.jpg"]
    assert set(keepers(kinds=("exact",))) == {"a.jpg", "new/d.jpg"}
    assert keepers(kinds=("exact",), folders=("new",)) == ["new/d.jpg"]
    assert set(keepers(ranges=(Range("singularity", None, 0.0),))) == {"a.jpg", "new/d.jpg"}
    assert len(acts.listed(do(dataset, acts.accept, "c.jpg"), Order.SAVED, undecided=True)) == 3


def test_the_plan_takes_what_was_decided_and_comes_back_byte_for_byte(dataset):
    before = {path.relative_to(dataset.root): path.read_bytes() for path in dataset.root.rglob("*.jpg")}
    do(dataset, acts.accept, "c.jpg")
    do(dataset, acts.accept, "a.jpg")
    plan = acts.plan(dataset, acts.state(dataset))
    assert {entry.path: entry.keeper_path for entry in plan.entries} == {
        "a copy.jpg": "a.jpg",
        "c small.jpg": "c.jpg",
        "c worse.jpg": "c.jpg",
    }
    report = removal.apply(dataset, plan)
    assert len(report.done) == 3 and len(list(dataset.root.rglob("*.jpg"))) == len(before) - 3
    assert not removal.verify(dataset).problems
    again = dedup.rescan(dataset, workers=1)
    assert acts.plan(again, acts.state(again)).entries == ()
    removal.restore(again)
    assert {path.relative_to(Path(again.root)): path.read_bytes() for path in again.root.rglob("*.jpg")} == before


def test_a_new_file_with_the_bytes_of_a_removed_one_is_undecided_and_opens_its_group(dataset):
    dataset.tag([row(dataset, "a copy.jpg")], "special")
    removal.apply(dataset, acts.plan(dataset, do(dataset, acts.accept, "a.jpg")))
    (dataset.root / "a later.jpg").write_bytes((dataset.root / "a.jpg").read_bytes())
    again = dedup.rescan(dataset, workers=1)
    now = acts.state(again)
    assert fates(again, "a.jpg", "a later.jpg") == [Fate.KEEPER, Fate.OPEN] and not again.frame["tag:special"].any()
    assert int(again.frame["group"][row(again, "a.jpg")]) in now.open and not now.dropped
    removal.restore(again)
    again = dedup.rescan(again, workers=1)
    assert fates(again, "a.jpg", "a later.jpg", "a copy.jpg") == [Fate.KEEPER, Fate.OPEN, Fate.DROP]
    assert again.frame.index[again.frame["tag:special"]].tolist() == [row(again, "a copy.jpg")]


def test_near_copies_that_were_decided_can_be_deleted(dataset):
    do(dataset, acts.accept, "c.jpg")
    plan = acts.plan(dataset, acts.state(dataset))
    report = removal.apply(dataset, plan, how="delete", allow_delete=True)
    assert [outcome.path for outcome in report.done] == ["c small.jpg", "c worse.jpg"]
    assert not removal.verify(dataset).problems


def test_the_last_copy_cannot_be_dropped(dataset):
    do(dataset, acts.drop, "a copy.jpg")
    do(dataset, acts.drop, "a.jpg")  # now a copy.jpg stays
    now = acts.state(dataset)
    assert fates(dataset, "a copy.jpg", "a.jpg") == [Fate.KEEPER, Fate.DROP]
    assert [entry.path for entry in acts.plan(dataset, now).entries] == ["a.jpg"]
