"""The inbox of label clashes, run without a browser, on photographs with planted clashes."""

from __future__ import annotations

import shutil

import pytest
from streamlit.testing.v1 import AppTest

import dedup
from dedup.labels.resolve import Choice
from dedup.review import handover
from dedup.store.decisions import Decisions
from dedup.ui.clashes import inbox as page
from dedup.ui.shell import navigation, notices
from tests.building import picture
from tests.labelled import clashing
from tests.ui.apptest import MAIN, healthy, mounted, run_page, send, start, texts


@pytest.fixture(scope="module")
def scanned(shared_data, tmp_path_factory):
    """The scanned photographs; tests take copies of its home."""
    root = tmp_path_factory.mktemp("clashing")
    return clashing(shared_data, root, name="voc", home=root / "home")


@pytest.fixture
def dataset(scanned, home):
    shutil.copytree(scanned.directory.parent, home)
    return dedup.open("voc")


def run(**state) -> AppTest:
    return run_page("clashes", **state)


def shown(at: AppTest) -> list[dict]:
    """The clashes that are sent to the browser."""
    return [item for each in mounted(at) for item in each["items"]]


def decide(at: AppTest, dataset, *actions: tuple[str, list[str]]) -> AppTest:
    """What the browser sends when a person decides."""
    events = [{"type": "action", "action": action, "ids": ids} for action, ids in actions]
    return send(at, f"clashes {dataset.info.key}", *events)


def test_every_clash_is_shown_with_the_boxes_of_both(dataset):
    items = {item["sentence"]: item for item in shown(run())}
    assert len(items) == 3
    relabelled = next(item for words, item in items.items() if "cat" in words and "dog" in words)
    assert "on the left" in relabelled["sentence"]
    differing = [box for box in relabelled["boxes"] if box["difference"] >= 0]
    assert sorted((box["category"], box["difference"]) for box in differing) == [("cat", 0), ("dog", 0)]
    assert [choice["key"] for choice in relabelled["choices"]] == ["1", "2", "m", "d", "l"]
    assert all(box["difference"] == -1 for box in relabelled["boxes"] if box["category"] in ("chair", "person"))


def test_boxes_are_carried_into_the_mirrored_picture(dataset):
    item = next(item for item in shown(run()) if "mirrored" in item["relation"])
    for box in item["boxes"]:
        own, other = box[box["side"]], box["left" if box["side"] == "right" else "right"]
        assert other[0] == pytest.approx(1 - own[0] - own[2], abs=0.02)
        assert other[1:] == pytest.approx(own[1:], abs=0.02)
        for side, (left, _, width, _) in ((box["side"], own), ("left" if box["side"] == "right" else "right", other)):
            (outline,) = box["outlines"][side]
            assert min(outline[::2]) == pytest.approx(left, abs=0.02)
            assert max(outline[::2]) == pytest.approx(left + width, abs=0.02)


def test_outlines_are_those_of_labels_that_were_kept_when_a_copy_left(dataset):
    """The kept labels stand behind all others in their document, so places differ from those of the file."""
    names = dataset.frame["path"].tolist()
    rows = [names.index(name) for name in ("0.jpg", "0 agrees.jpg")]
    documents = {row: {"annotations": []} for row in rows}
    handover.unite(dataset, handover.Heritage({}, documents))
    assert all(dataset.frame["annotations"][row] == 0 for row in rows)
    for item in shown(run()):
        for box in item["boxes"]:
            (outline,), (left, _, width, _) = box["outlines"][box["side"]], box[box["side"]]
            assert min(outline[::2]) == pytest.approx(left, abs=0.001)
            assert max(outline[::2]) == pytest.approx(left + width, abs=0.001)


def test_decisions_are_stored_leave_the_open_list_and_are_undone(dataset):
    at = run()
    first, second, _ = shown(at)
    at = decide(at, dataset, ("merge", first["ids"]), ("drop", second["ids"]))
    assert len(shown(at)) == 1
    chosen = [case.choice(dataset.decisions.values("clash")) for case in dataset.clashes]
    assert chosen == [Choice.MERGE, Choice.DROP, None]
    decided = shown(run(**{page.SHOWN: "decided"}))
    assert [item["choice"] for item in decided] == ["merge", "drop"]
    mine = Decisions(dataset.decisions.path, "another tab")
    mine.decide([("keeper", "a.jpg", "", "1")], "Something of one's own")
    dataset.tag([0], "night")
    page.apply(dataset, mine, "undo", [], None)  # the latest is another's: it stays
    assert dataset.tags["night"].count == 1
    dataset.decisions.undo()
    dataset.decisions.undo()
    page.apply(dataset, dataset.decisions, "undo", [], None)
    assert dataset.clashes[1].choice(dataset.decisions.values("clash")) is None
    assert dataset.decisions.history()[0].state == "undone"


def test_when_all_is_decided_the_page_says_so(dataset):
    dataset.decisions.decide([case.change(Choice.LEAVE) for case in dataset.clashes], "Leave all")
    at = run()
    assert shown(at) == []
    assert "Every clash is decided" in texts(at)
    assert {each.label for each in at.button} >= {"Filter & Export", "Review the copies in Duplicates"}


def test_a_clash_and_its_group_lead_to_each_other(dataset):
    at = healthy(start(MAIN, {"dataset": dataset.info.key}).run())
    healthy(at.switch_page(str(navigation.PAGES / "clashes.py")).run())
    clash = shown(at)[1]
    decide(at, dataset, ("group", clash["ids"]))
    ((strip,),) = (each["strips"] for each in mounted(at))
    assert strip["clash"] and {member["id"] for member in strip["members"]} == set(clash["ids"])
    healthy(
        at.switch_page(str(navigation.PAGES / "duplicates.py")).run()
    )  # the test has not noticed the change of pages
    send(at, f"review {dataset.info.key}", {"type": "action", "action": "clash", "ids": clash["ids"]})
    assert mounted(at)[0]["asked"] == [1, clash["id"]] and clash["id"] in {item["id"] for item in shown(at)}
    assert not dataset.decisions.values("clash")


def test_a_clash_that_was_left_is_found_among_all(dataset):
    dataset.decisions.decide([dataset.clashes[2].change(Choice.LEAVE)], "Leave one")
    at = healthy(start(MAIN, {"dataset": dataset.info.key}).run())
    healthy(at.switch_page(str(navigation.PAGES / "duplicates.py")).run())
    ids = page.ids_of(dataset, dataset.clashes[2])
    send(at, f"review {dataset.info.key}", {"type": "action", "action": "clash", "ids": ids})
    assert len(shown(at)) == 3 and mounted(at)[0]["asked"] == [1, " ".join(ids)]


def test_a_clash_that_is_gone_changes_nothing(dataset):
    page.apply(dataset, dataset.decisions, "left", ["0" * 16, "1" * 16], "")
    assert dataset.decisions.values("clash") == {}


def test_a_choice_that_another_tab_made_meanwhile_is_not_replaced(dataset):
    at = run()
    first, second, _ = shown(at)
    Decisions(dataset.decisions.path, "another tab").decide([dataset.clashes[0].change(Choice.DROP)], "Drop")
    done = (("left", first, ""), ("left", second, ""), ("merge", second, "left"))
    events = [{"type": "action", "action": action, "ids": item["ids"], "was": was} for action, item, was in done]
    at = send(at, f"clashes {dataset.info.key}", *events)
    ((told, _),) = at.session_state[notices.KEY]
    assert "another tab decided meanwhile" in told
    chosen = [case.choice(dataset.decisions.values("clash")) for case in dataset.clashes]
    assert chosen == [Choice.DROP, Choice.MERGE, None]


def test_classes_of_folders_offer_the_classes(home, tmp_path):
    for folder in ("cat", "dog"):
        picture(tmp_path / "images" / folder / "a.png", 1, (160, 120))
    picture(tmp_path / "images" / "dog" / "b.png", 2, (160, 120))
    dataset = dedup.scan(tmp_path / "images", name="folders", workers=1)
    at = run()
    (item,) = shown(at)
    assert item["sentence"] == "cat on the left, dog on the right"
    assert [choice["label"] for choice in item["choices"]][:3] == ["Both are cat", "Both are dog", "Both classes"]
    assert item["boxes"] == []
    assert "No file is touched or moved" in texts(at)
    decide(at, dataset, ("right", item["ids"]))
    assert set(dataset.labels.classes.values()) == {("dog",)}
    folders = next(each for each in at.toggle if "class labels" in each.label)
    healthy(folders.set_value(False).run())
    assert dataset.clashes == [] and not dataset.labels.classes
    assert "names of the folders are not taken for labels" in texts(run())


@pytest.mark.parametrize("labelled", [True, False], ids=["labels agree", "no labels"])
def test_without_clashes_the_page_says_why(home, tmp_path, labelled):
    for number, folder in enumerate(("cat", "dog")):
        picture(tmp_path / "images" / (folder if labelled else "") / f"{number}.png", number, (160, 120))
    dedup.scan(tmp_path / "images", name="none", workers=1)
    at = run()
    assert ("No labels clash" if labelled else "No image has a label yet") in texts(at)
