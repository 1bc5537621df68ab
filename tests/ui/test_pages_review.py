"""The Duplicates page without a browser: every panel, and what its clicks and keys decide."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

import dedup
from dedup import removal
from dedup.groups import keepers
from dedup.review import acts, verdicts
from dedup.ui.duplicates import history
from dedup.ui.duplicates import plan as plan_panel
from dedup.ui.duplicates.bulk import below_root, moved
from dedup.ui.shell import current, jobs, notices
from dedup.ui.shell.library import LIBRARY
from tests.building import picture
from tests.ui.apptest import MAIN, button, healthy, mounted, page, run_page, send, start, texts


@pytest.fixture(scope="module")
def scanned(tmp_path_factory) -> dedup.Dataset:
    """Three groups of identical files, one of three; copies lie in another folder."""
    root = tmp_path_factory.mktemp("scanned") / "images"
    for seed in range(6):
        picture(root / "old" / f"{seed} copy.png", seed, (160, 120))
    for seed, name in ((0, "0.png"), (1, "1.png"), (1, "1 again.png"), (2, "2.png")):
        (root / "new").mkdir(exist_ok=True)
        (root / "new" / name).write_bytes((root / "old" / f"{seed} copy.png").read_bytes())
    return dedup.scan(root, name="test", home=root.parent / "home", workers=1)


@pytest.fixture(autouse=True)
def no_jobs(monkeypatch):
    """Jobs of other tests are not seen."""
    monkeypatch.setattr(jobs, "REGISTRY", jobs.Registry())


def run(**query: str) -> AppTest:
    return run_page("duplicates", query)


def shown(at: AppTest) -> dict:
    """What the browser gets."""
    return mounted(at)[0]


def press(at: AppTest, dataset, *taken: tuple[str, list[str]]) -> AppTest:
    """Events of the component, as its queue would send them."""
    return send(
        at, f"review {dataset.info.key}", *({"type": "action", "action": act, "ids": ids} for act, ids in taken)
    )


def test_an_empty_home_is_greeted(home):
    assert "There is no dataset yet" in texts(run())


def test_strips_hold_what_a_person_needs_to_decide(dataset):
    data = shown(run(dataset=dataset.info.key, groups="size"))
    assert data["sheet"] == {"number": 1, "of": 1, "before": 0, "total": 3}
    strip = data["strips"][0]
    assert [member["fate"] for member in strip["members"]] == ["keeper", "open", "open"]
    assert strip["keeper"] == strip["members"][0]["id"] and strip["reason"] and strip["saved"] > 0
    assert strip["members"][1]["relation"] == "identical file" and strip["members"][1]["classes"] == []
    assert strip["members"][1]["full"].startswith(f"image/{dataset.info.key}/")


def test_acts_are_carried_out_in_order_and_signed_by_the_tab(dataset):
    at = run(dataset=dataset.info.key)
    first, second, third = shown(at)["strips"]
    press(at, dataset, ("accept", [first["keeper"]]), ("keep", [second["members"][1]["id"]]), ("undo", []),
          ("apart", [third["members"][1]["id"]]), ("accept", ["0" * 16]))  # fmt: skip
    now = acts.state(dataset)
    assert [operation.state for operation in dataset.decisions.history()] == ["done", "dropped", "done"]
    assert [operation.session for operation in dataset.decisions.history()][:3] == [at.session_state[current.WHO]] * 3
    strips = shown(at)["strips"]
    assert [strip["open"] for strip in strips] == [False, True, False] and len(now.open) == 1
    told = shown(at)["told"]
    assert [each["number"] for each in told] == [1, 2]
    assert told[0]["words"].startswith("Undo: Keep") and not told[0]["refused"]
    assert told[1]["words"] == acts.CHANGED and told[1]["refused"] == ["0" * 16]


def test_undo_by_key_leaves_the_latest_decision_of_another_tab_alone(dataset):
    one, other = run(dataset=dataset.info.key), run(dataset=dataset.info.key)
    first, second, _ = shown(one)["strips"]
    press(one, dataset, ("accept", [first["keeper"]]))
    press(other, dataset, ("accept", [second["keeper"]]))
    press(one, dataset, ("undo", []))
    assert "The latest decision is by tab" in shown(one)["told"][-1]["words"]
    assert len(acts.state(dataset).open) == 1


def test_groups_decided_stay_in_place_until_the_list_is_made_anew(dataset):
    at = run(dataset=dataset.info.key)
    press(at, dataset, ("accept", [shown(at)["strips"][0]["keeper"]]))
    assert len(shown(at)["strips"]) == 3 and "**2** open" in texts(at)
    button(at, "Refresh").click()
    assert len(shown(healthy(at.run()))["strips"]) == 2


def test_after_a_scan_groups_keep_their_place_and_new_ones_follow(dataset):
    at = run(dataset=dataset.info.key)
    before = [strip["members"][0]["path"] for strip in shown(at)["strips"]]
    for number, path in enumerate([before[-1]] * 9 + ["old/3 copy.png"] * 30):  # more to save than in the others
        shutil.copy(dataset.root / path, dataset.root / "old" / f"z {number}.png")
    dedup.scan(dataset.root, name="test", workers=1)
    strips = shown(healthy(at.run()))["strips"]
    assert [strip["members"][0]["path"] for strip in strips] == [*before, "old/z 9.png"]


def test_tags_given_meanwhile_are_shown_and_filtered(dataset):
    every = run(dataset=dataset.info.key)
    checked = run(dataset=dataset.info.key, tag="check", decided="shown")
    assert "No group is in this selection" in texts(checked)
    dataset.tag(dataset.frame["path"] == "new/2.png", "check")
    assert {
        tuple(member["tags"]) for strip in shown(healthy(every.run()))["strips"] for member in strip["members"]
    } == {
        (),
        ("check",),
    }
    (strip,) = shown(healthy(checked.run()))["strips"]
    assert [member["path"] for member in strip["members"] if member["tags"]] == ["new/2.png"]


def test_all_decided_leads_to_the_plan(dataset):
    now = acts.state(dataset)
    step = acts.by_rule(now, acts.previews(now)[0])
    dataset.decisions.decide(step.changes, step.label)
    at = run(dataset=dataset.info.key)
    assert "Every group is decided" in texts(at)
    button(at, "Removal plan").click()
    healthy(at.run())
    assert "**4 files** would move" in texts(at)
    assert list(at.dataframe[0].value) == ["picture", "goes", "size", "keeper", "stays", "why"]  # the widest last


def test_the_plan_leads_to_an_export_without_what_goes(dataset):
    now = acts.state(dataset)
    step = acts.by_rule(now, acts.previews(now)[0])
    dataset.decisions.decide(step.changes, step.label)
    at = healthy(start(MAIN, {"dataset": dataset.info.key, "panel": "plan"}).run())
    at = healthy(at.switch_page(str(page("duplicates"))).run())
    healthy(button(at, "Export without them").click().run())
    assert (at.title[0].value, at.metric[0].value) == ("Filter & Export", str(len(dataset.frame) - 4))


def test_every_column_of_the_plan_has_a_name_and_shows_how_its_paths_end(dataset):
    now = acts.state(dataset)
    step = acts.by_rule(now, acts.previews(now)[0])
    dataset.decisions.decide(step.changes, step.label)
    at = run(dataset=dataset.info.key, panel="plan")
    assert all(
        column["label"] for name, column in json.loads(at.dataframe[0].proto.columns).items() if name != "_index"
    )
    opened = LIBRARY.open(dataset.info.key)
    plan = acts.plan(dataset, acts.state(dataset))
    long = [
        replace(entry, keeper_path=f"{'folder/' * 9}of many copies {n}.png") for n, entry in enumerate(plan.entries)
    ]
    shown = plan_panel.table(opened, replace(plan, entries=long))["stays"]
    assert shown.str.len().max() <= 28 and [text[-5] for text in shown] == list("0123"), "as wide as the column"


def test_bulk_rules_decide_what_they_count(dataset):
    at = run(dataset=dataset.info.key, panel="rules")
    assert "4 images would go" in texts(at)
    button(at, "Let 4 go").click()
    healthy(at.run())
    assert "**0** open" in texts(at) and len(acts.state(dataset).dropped) == 4
    assert dataset.decisions.undo() and len(acts.state(dataset).open) == 3


def test_copies_in_differently_named_folders_clash_when_the_names_are_labels(dataset):
    at = run(dataset=dataset.info.key, panel="rules")
    next(each for each in at.toggle if "class labels" in each.label).set_value(True)
    healthy(at.run())
    at = run(dataset=dataset.info.key)
    said = {f"new in new/{number}.png, old in old/{number} copy.png" for number in range(3)}
    assert {strip["clash"] for strip in shown(at)["strips"]} == said
    at = run(dataset=dataset.info.key, panel="rules")
    assert "held back" in texts(at) and "images would go" not in texts(at)
    next(each for each in at.toggle if "class labels" in each.label).set_value(False)
    assert "4 images would go" in texts(healthy(at.run()))


def test_a_plan_whose_images_are_all_held_back_says_so(dataset):
    now = acts.state(dataset)
    rows = [row for members in now.members.values() for row in members[1:]]
    dataset.decisions.decide(acts.let_go(now, rows).changes, "All go")
    for folder in set(dataset.frame["folder"]):
        dataset.decisions.decide(acts.folder_step(folder, "protected").changes, "Protect")
    told = texts(run(dataset=dataset.info.key, panel="plan"))
    assert "All that is decided to go is held back" in told and "Nothing is decided" not in told


def test_keeper_rules_are_switched_and_ordered(dataset):
    at = run(dataset=dataset.info.key, panel="rules")
    next(each for each in at.toggle if "Higher resolution" in each.label).set_value(False)
    healthy(at.run())
    assert "resolution" not in dataset.keeper_rules
    next(each for each in at.button if each.key == "Earlier name").click()
    healthy(at.run())
    assert list(dataset.keeper_rules)[-3:] == ["name", "capture", ""]


def test_folders_are_protected_and_incoming(dataset):
    at = run(dataset=dataset.info.key, panel="rules")
    next(each for each in at.multiselect if each.label == "Incoming folders").set_value(["old"])
    healthy(at.run())
    assert dataset.folders("incoming") == ("old",)
    keeper = dataset.frame[dataset.frame["role"] == "keeper"]
    assert set(keeper["folder"]) == {"new"}


def test_the_plan_is_applied_and_restored_as_jobs(dataset):
    now = acts.state(dataset)
    step = acts.by_rule(now, acts.previews(now)[0])
    dataset.decisions.decide(step.changes, step.label)
    dataset.tag([acts.state(dataset).dropped[0]], "mine")
    opened = LIBRARY.open(dataset.info.key)
    plan = acts.plan(dataset, acts.state(dataset))
    assert json.loads(removal.to_bytes(plan))["entries"][0]["path"] == "new/1 again.png"
    job = plan_panel.start_apply(opened, plan)
    finished(job)
    assert job.result["outcome"].startswith("4 files")
    assert job.result["notes"] == ["1 tag given to copies that stay."]
    after = LIBRARY.open(dataset.info.key)
    assert len(after.dataset.frame) == 6 and after.dataset.tags["mine"].count == 1
    at = run(dataset=dataset.info.key, panel="plan")
    assert "**4 files** in the quarantine" in texts(at)
    button(at, "Verify").click()
    assert "4 files checked" in texts(healthy(at.run()))
    finished(plan_panel.start_restore(after))
    back = LIBRARY.open(dataset.info.key).dataset
    assert len(back.frame) == 10 and not removal.removed(dataset.directory)
    assert len(acts.state(back).dropped) == 4


def test_a_restore_takes_back_the_decisions_when_asked(dataset):
    now = acts.state(dataset)
    step = acts.accept(now, now.members[0][0])
    dataset.decisions.decide(step.changes, step.label)
    opened = LIBRARY.open(dataset.info.key)
    finished(plan_panel.start_apply(opened, acts.plan(dataset, acts.state(dataset))))
    at = run(dataset=dataset.info.key, panel="plan")
    assert len(acts.state(dedup.open("test")).open) == 2
    at.checkbox(key=plan_panel.REOPEN).check()
    button(at, "Restore").click()
    at.run()
    finished(jobs.REGISTRY.get(plan_panel.job_key(opened)))
    now = acts.state(dedup.open("test"))
    assert len(now.frame) == 10 and not now.dropped and len(now.open) == 3
    assert dedup.open("test").decisions.history()[0].session == at.session_state[current.WHO]


@pytest.mark.parametrize(
    ("how", "told"), [("hardlink", "links to the copies that stay"), ("delete", "deleted for good")]
)
def test_copies_leave_by_other_ways_when_asked(dataset, how, told):
    now = acts.state(dataset)
    step = acts.by_rule(now, acts.previews(now)[0])
    dataset.decisions.decide(step.changes, step.label)
    opened = LIBRARY.open(dataset.info.key)
    finished(job := plan_panel.start_apply(opened, acts.plan(dataset, acts.state(dataset)), how=how))
    assert job.result["outcome"].startswith("4 files")
    assert len(LIBRARY.open(dataset.info.key).dataset.frame) == (10 if how == "hardlink" else 6)
    at = run(dataset=dataset.info.key, panel="plan")
    assert told in texts(at)
    restore = next(each for each in at.button if each.label.startswith("Restore"))
    assert restore.disabled == (how == "delete")


def finished(job: jobs.Job) -> None:
    """Wait for a job's end."""
    end = time.monotonic() + 120
    while job.running and time.monotonic() < end:
        time.sleep(0.1)
    assert job.state is jobs.State.DONE, job.error


def test_the_history_tells_who_did_what_and_verdicts_travel(dataset):
    at = run(dataset=dataset.info.key)
    press(at, dataset, ("accept", [shown(at)["strips"][0]["keeper"]]))
    at = run(dataset=dataset.info.key, panel="history")
    table = at.dataframe[0].value
    assert table["What"][0].startswith("Accept ") and table["Who"][0].startswith("tab ")
    content = verdicts.to_bytes(verdicts.of(dataset.decisions))
    dataset.decisions.undo()
    assert not verdicts.of(dataset.decisions).reviewed
    at.file_uploader(key=history.UPLOAD).upload("verdicts.json", content, "application/json")
    healthy(at.run())
    assert len(verdicts.of(dataset.decisions).reviewed) == 1
    at.file_uploader(key=history.UPLOAD).upload("other.json", b"{}", "application/json")
    healthy(at.run())
    assert "other.json" in at.session_state[notices.KEY][-1][0]


def test_a_rule_moves_among_those_in_force():
    assert moved(["a", "b", "c"], "b", 1) == ["a", "c", "b"]
    assert moved(["a", "b", "c"], "b", -1) == ["b", "a", "c"]
    assert moved(["a"], "z", 1) == ["a"]
    assert keepers.RULE_NAMES[0] == "chosen"


def test_every_folder_above_is_offered_but_not_the_root():
    assert below_root(["", "a/b/c", "d"]) == ["a", "a/b", "a/b/c", "d"]


def test_where_folders_alone_do_not_tell_it_is_asked_once(home, tmp_path):
    for seed, name in ((1, "Anna/1.png"), (1, "beach/1.png"), (2, "Anna/2.png"), (3, "beach/3.png")):
        picture(tmp_path / "images" / name, seed, (160, 120))
    dataset = dedup.scan(tmp_path / "images", name="test", workers=1)
    at = run(dataset=dataset.info.key)
    assert "Do the names of the folders say what the images show?" in texts(at) and shown(at)["strips"][0]["clash"]
    button(at, "Just folders").click()
    healthy(at.run())
    at = run(dataset=dataset.info.key)
    assert "Do the names" not in texts(at) and not shown(at)["strips"][0]["clash"]
    dataset.decisions.undo()
    assert dedup.open("test").asks_about_folders
