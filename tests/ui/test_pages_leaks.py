"""The leak page, run without a browser, on photographs with planted leaks."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

import dedup
from dedup.errors import UsageError
from dedup.review import acts
from dedup.splits import given, leaks
from dedup.ui.leaks import repairing, splitting
from dedup.ui.partition import making
from dedup.ui.shell import navigation
from tests.building import picture
from tests.labelled import leaking
from tests.pictures import folder_of_photos
from tests.ui.apptest import MAIN, button, healthy, mounted, plain, run_page, start, texts


@pytest.fixture(scope="module")
def scanned(shared_data, tmp_path_factory):
    """The scanned photographs; tests take copies of its home."""
    root = tmp_path_factory.mktemp("leaking")
    return leaking(shared_data, root, name="voc", home=root / "home")


@pytest.fixture
def dataset(scanned, home):
    shutil.copytree(scanned.directory.parent, home)
    return dedup.open("voc")


@pytest.fixture
def unsplit(home, tmp_path):
    """Four images in no split, two of them the same."""
    for name, seed in (("a", 1), ("b", 2), ("c", 3), ("d", 3)):
        picture(tmp_path / "images" / name / f"{name}.png", seed, (160, 120))
    return dedup.scan(tmp_path / "images", name="unsplit", workers=1)


def run() -> AppTest:
    return run_page("leaks")


def shown(at: AppTest) -> list[dict]:
    """The cards of the gallery; none where there is no gallery."""
    return [item for each in mounted(at) for item in each["items"]]


def test_the_matrix_is_that_of_the_planted_leaks(dataset):
    at = run()
    assert "6 groups lie" in texts(at)
    cells = {key: at.button(key=f"cell {key}").label for key in ("0 0", "0 1", "0 2", "1 1", "1 2", "2 2")}
    assert cells == {"0 0": "1", "0 1": "2", "0 2": "3", "1 1": "0", "1 2": "1", "2 2": "0"}
    assert at.button(key="cell 1 1").disabled


def test_a_cell_shows_its_groups_with_the_badges_of_their_splits(dataset):
    at = healthy(run().button(key="cell 0 2").click().run())
    assert "In train and in test" in texts(at)
    assert sorted((item["path"], item["tags"]) for item in shown(at)) == [
        ("test/2 copy.png", ["test"]),
        ("test/3 copy.jpg", ["test"]),
        ("test/4 copy.png", ["test"]),
        ("train/2.jpg", ["train"]),
        ("train/3.jpg", ["train"]),
        ("train/4.jpg", ["train"]),
    ]
    groups = [item["group"] for item in shown(at)]
    assert groups == sorted(groups)
    assert shown(healthy(at.button(key="cell 0 2").click().run())) == []


def test_a_repair_is_accepted_as_one_step_and_undone(dataset):
    at = run()
    assert "no group crosses" in texts(at)
    healthy(button(at, "Accept").click().run())
    assert leaks.crossing_groups(dataset.frame) == []
    assert "No group of copies lies in more than one split" in texts(at)
    values = dataset.decisions.values("split")
    assert set(values.values()) <= {"val", "test"}
    assert len(values) == 6
    assert all(path.startswith("train/") for path, _ in values if not path.startswith(("val/14", "test/14")))
    dataset.decisions.undo()
    assert len(leaks.crossing_groups(dataset.frame)) == 6


def test_a_repair_that_another_tab_overtook_is_not_made(dataset):
    at = run()
    by_other = {"test/2 copy.png": "train", "test/3 copy.jpg": "train"}
    dataset.decisions.decide(given.changes(by_other), "by another tab")
    healthy(button(at, "Accept").click().run())
    assert "another one now" in at.session_state["notices"][-1][0]
    assert dataset.decisions.history()[0].label == "by another tab"
    healthy(button(at, "Accept").click().run())  # what is shown by now
    assert leaks.crossing_groups(dataset.frame) == []


def drop(dataset, *paths: str) -> None:
    """Decide that these copies go."""
    for path in paths:
        step = acts.drop(acts.state(dataset), dataset.frame["path"].tolist().index(path))
        dataset.decisions.decide(step.changes, step.label)


def test_a_repair_leaves_alone_what_is_decided_to_go_and_what_it_goes_for(dataset):
    drop(dataset, "train/0.jpg", "train/2.jpg")
    before = acts.plan(dataset, acts.state(dataset))
    at = run()
    assert "Once the images decided to go have left, 4 groups will" in texts(at)
    healthy(button(at, "Accept: move 4 images").click().run())
    assert "Once the images decided to go have left, no group will" in texts(at)
    after = acts.plan(dataset, acts.state(dataset))
    assert [(entry.path, entry.keeper_path) for entry in after.entries] == [
        (entry.path, entry.keeper_path) for entry in before.entries
    ]


def test_decided_keepers_stay_when_open_copies_of_them_move(home, tmp_path):
    for path, size in (("val/a.png", 160), ("train/b.png", 200), ("train/c.png", 240), ("train/d.png", 280)):
        picture(tmp_path / "images" / path, 1, (size, size * 3 // 4))
    picture(tmp_path / "images" / "train" / "e.png", 2, (160, 120))
    dataset = dedup.scan(tmp_path / "images", name="one", workers=1)
    drop(dataset, "train/b.png", "train/c.png")
    at = run()
    assert "What is decided in these groups (2 decisions) holds" in texts(at)
    healthy(button(at, "Accept: move 1 image").click().run())
    now = acts.state(dataset)
    assert [now.path(row) for row in now.dropped] == ["train/b.png", "train/c.png"]
    assert dataset.frame["split"].tolist() == ["train", "train", "val", "train", "val"]


def test_decisions_that_may_change_are_counted_before_a_repair(home, tmp_path):
    for path, size in (("val/a.png", 160), ("train/b.png", 200), ("train/c.png", 240)):
        picture(tmp_path / "images" / path, 1, (size, size * 3 // 4))
    dataset = dedup.scan(tmp_path / "images", name="one", workers=1)
    drop(dataset, "train/b.png")
    now, found = acts.state(dataset), leaks.repair(leaks.staying(dataset.frame), dataset.pairs)
    assert "What is decided in these groups (1 decision) holds" in repairing.decided_words(now, found)
    clashing = replace(now, clashing={found.moves[0].row: "cat here, dog there"})
    assert repairing.decided_words(clashing, found).startswith("1 decision may change")
    assert not acts.fixed(clashing, [found.moves[0].row])


def test_copies_outside_evaluation_data_go_instead(dataset):
    at = run()
    assert "imbalance" not in texts(at)
    assert "1 group would still cross" in texts(at)  # one lies in val and in test
    healthy(button(at, "Or let 5 copies go").click().run())
    now = acts.state(dataset)
    assert sorted(now.path(row) for row in now.dropped) == [f"train/{number}.jpg" for number in range(5)]
    assert not dataset.decisions.values("split")
    assert "Once the images decided to go have left, 1 group will" in texts(at)
    assert dataset.decisions.undo() and not acts.state(dataset).dropped


def test_the_review_shows_the_groups_across_evaluation_data(dataset):
    chosen = repairing.across(dataset.frame)
    numbers = acts.listed(acts.state(dataset), acts.Order.SAVED, chosen)
    assert set(numbers) == {
        number for split in ("val", "test") for number in leaks.groups_across(dataset.frame, "train", split)
    }
    at = healthy(start(MAIN, {"dataset": dataset.info.key}).run())
    healthy(at.switch_page(str(navigation.PAGES / "leaks.py")).run())
    healthy(button(at, "See these groups").click().run())
    assert mounted(at)[0]["sheet"]["total"] == len(numbers) == 5


def test_the_proposal_as_files(dataset):
    found = leaks.repair(leaks.staying(dataset.frame), dataset.pairs)
    moves = pd.read_csv(io.BytesIO(leaks.moves_csv(found)))
    assert len(moves) == len(found.moves) == 6
    with zipfile.ZipFile(io.BytesIO(repairing.coco_zip(dataset, found))) as archive:
        made = {name: json.loads(archive.read(name)) for name in archive.namelist()}
    assert set(made) == {"train.json", "val.json", "test.json"}
    assert sum(len(document["images"]) for document in made.values()) == len(dataset.frame)
    assert sum(len(document["annotations"]) for document in made.values()) == len(dataset.coco.annotations)
    split_of = {image["file_name"]: name for name, document in made.items() for image in document["images"]}
    assert {path: split_of[path] for path in found.splits()} == {
        path: f"{split}.json" for path, split in found.splits().items()
    }


def test_the_class_balance_tells_before_and_after(dataset):
    found = leaks.repair(dataset.frame, dataset.pairs)
    table = repairing.balance(dataset.frame, found)
    assert list(table) == ["train", "val", "test"]
    assert "→" in table.iloc[0]["train"]
    labelled = dataset.frame[dataset.frame["split"] == "train"]["classes"].explode()
    told = table["train"].str.split(" → ").str[0].astype(int)
    assert told.to_dict() == labelled.value_counts().reindex(told.index, fill_value=0).to_dict()


def test_without_splits_the_page_says_how_to_get_them(unsplit):
    at = run()
    assert "No image has a split yet" in texts(at)
    assert not [each for each in at.button if each.key and each.key.startswith("cell")]


def test_a_folder_is_put_into_a_split_by_hand(unsplit):
    at = run()
    at.selectbox(key="split folder").set_value("c").run()
    at.selectbox(key="split name").set_value("train").run()
    healthy(at.button(key="set by hand").click().run())
    at.selectbox(key="split folder").set_value("d").run()
    at.selectbox(key="split name").set_value("test").run()
    healthy(at.button(key="set by hand").click().run())
    assert unsplit.frame["split"].tolist() == ["", "", "train", "test"]
    assert "1 group lies" in texts(at)
    healthy(button(at, "Forget").click().run())
    assert set(unsplit.frame["split"]) == {""}


def test_a_typed_split_is_known_by_its_other_names_and_refused_when_it_cannot_name_a_file(unsplit):
    splitting.set_by_hand(unsplit, unsplit.decisions, np.array([2]), " Held-out")
    with pytest.raises(UsageError, match="cannot name a split"):
        splitting.set_by_hand(unsplit, unsplit.decisions, np.array([2]), "../evil")
    assert unsplit.frame["split"].tolist() == ["", "", "holdout", ""]


def test_splits_come_from_a_csv_or_coco_files(unsplit):
    csv = b"path,split\na/a.png,training\nb/b.png,val\nnowhere.png,test\n"
    found = splitting.read_splits({"splits.csv": csv}, unsplit)
    assert dict(found.of) == {"a/a.png": "train", "b/b.png": "val"}
    assert found.missing == ("nowhere.png",)
    coco = {name: json.dumps({"images": [{"id": 1, "file_name": f"{name}.png"}]}).encode() for name in "cd"}
    found = splitting.read_splits({"train.json": coco["c"], "instances_val2017.json": coco["d"]}, unsplit)
    assert dict(found.of) == {"c/c.png": "train", "d/d.png": "val"}
    with pytest.raises(UsageError, match="no image of this dataset"):
        splitting.read_splits({"labels.json": coco["c"]}, unsplit)


def test_an_uploaded_csv_is_followed_by_a_click(unsplit):
    at = run()
    at.file_uploader(key="split files").upload("splits.csv", b"path,split\nc/c.png,train\nd/d.png,test\n", "text/csv")
    healthy(at.run())
    assert "1 in train" in texts(at)
    healthy(button(at, "Set the split of 2 images").click().run())
    assert unsplit.frame["split"].tolist() == ["", "", "train", "test"]
    assert unsplit.decisions.history()[0].label == "Set splits by splits.csv"


def test_a_file_that_says_no_split_is_one_sentence_and_the_page_stays(unsplit):
    at = run()
    at.file_uploader(key="split files").upload("notes.csv", b"path,colour\nc/c.png,red\n", "text/csv")
    at.run()
    assert [plain(each.value) for each in at.error] == ["notes.csv has no column called split; name one so."]
    assert at.button(key="set by hand").label == "Set the split of 1 image"


def test_splits_are_made_and_set_from_their_page(home, tmp_path):
    folder_of_photos(tmp_path / "in", 20)
    dataset = dedup.scan(tmp_path / "in", workers=1)
    at = run_page("splits", {"dataset": dataset.info.key})
    assert "20 in none" in texts(at).replace("*", "")
    healthy(at.number_input(key="share train").set_value(70).run())
    assert "add up to 90" in texts(at)
    healthy(at.number_input(key="share val").set_value(20).run())
    dataset.decisions.decide(given.changes({dataset.frame["path"][0]: "test"}), "by another tab")
    healthy(button(at, "Set the split of 20 images").click().run())
    assert "another one now" in at.session_state["notices"][-1][0]
    assert dataset.frame["split"].value_counts().to_dict() == {"": 19, "test": 1}
    dataset.decisions.undo()
    healthy(at.run())
    healthy(button(at, "Set the split of 20 images").click().run())
    assert dedup.open("in").frame["split"].value_counts().to_dict() == {"train": 14, "val": 4, "test": 2}
    assert button(at, "Set the split of 0 images").disabled
    at.segmented_control(key="parts").set_value("Folds")
    healthy(at.run())
    healthy(button(at, "Set the tag of 20 images").click().run())
    assert {tag.count for tag in dedup.open("in").tags.values()} == {4}


def test_many_images_are_divided_once_a_person_asks(home, tmp_path, monkeypatch):
    monkeypatch.setattr(making, "AT_ONCE", 5)
    folder_of_photos(tmp_path / "in", 20)
    dataset = dedup.scan(tmp_path / "in", workers=1)
    at = run_page("splits", {"dataset": dataset.info.key})
    assert not at.dataframe and not at.metric
    healthy(button(at, "Divide 20 images").click().run())
    assert at.metric and button(at, "Set the split of 20 images")
    healthy(at.number_input(key="seed").set_value(3).run())
    assert not at.metric  # another division, that nobody asked for yet
    healthy(button(at, "Divide 20 images").click().run())
    healthy(button(at, "Set the split of 20 images").click().run())
    assert dedup.open("in").frame["split"].value_counts().to_dict() == {"train": 16, "val": 2, "test": 2}
