"""Splits that cannot leak: nothing that belongs together is divided, shares come out, and what is there stays."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import dedup
from dedup.errors import UsageError
from dedup.splits import making
from dedup.splits.making import Asked
from tests.labelled import VOC

SHARES = {"train": 0.8, "val": 0.1, "test": 0.1}
NO_PAIRS = pd.DataFrame({"left": [], "right": [], "kind": []})


def frame_of(count: int, seed: int = 0, *, grouped: float = 0.3, classes: int = 6) -> pd.DataFrame:
    """Images of several classes, a part of them in groups of three."""
    random = np.random.default_rng(seed)
    group = np.full(count, -1)
    triples = int(count * grouped / 3)
    group[: 3 * triples] = np.repeat(np.arange(triples), 3)
    weights = 1 / np.arange(1, classes + 1)
    first = random.choice(classes, count, p=weights / weights.sum())
    labels = [
        (f"c{c}",) if more else (f"c{c}", f"c{(c + 1) % classes}")
        for c, more in zip(first, random.random(count) < 0.7, strict=True)
    ]
    return pd.DataFrame(
        {
            "path": [f"{place:05}.jpg" for place in range(count)],
            "folder": [f"{place // 10}" for place in range(count)],
            "name": [f"{place}.jpg" for place in range(count)],
            "sha256": [f"{seed:04x}{place:012x}" for place in range(count)],
            "content": [f"{seed:04x}{place:012x}" for place in range(count)],
            "group": group,
            "split": "",
            "captured_at": "",
            "status": "ok",
            "decided": "open",
            "classes": pd.Series(labels, dtype=object),
        }
    )


def test_shares_and_classes_come_out_within_a_point():
    made = making.make(frame_of(3000), NO_PAIRS, Asked(SHARES))
    assert sum(made.counts.values()) == 3000 and made.deviation < 0.001
    assert made.worst_class[2] < 0.01
    table = made.table()
    assert table.loc["all images"].tolist() == [made.counts[name] for name in SHARES]
    assert table.loc["c0"].sum() == sum("c0" in each for each in frame_of(3000)["classes"])


@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(2, 120), seed=st.integers(0, 5), grouped=st.floats(0, 1), data=st.data(),
    together=st.sampled_from(["exact", "near", "scene"]), folders=st.booleans(),
)  # fmt: skip
def test_no_unit_is_ever_divided(count, seed, grouped, data, together, folders):
    frame = frame_of(count, seed, grouped=grouped)
    frame.loc[data.draw(st.lists(st.integers(0, count - 1), max_size=6)), "content"] = "one and the same"
    rows = st.integers(0, count - 1)
    links = data.draw(st.lists(st.tuples(rows, rows, st.sampled_from(["near", "similar", "unjudged"])), max_size=20))
    pairs = pd.DataFrame([each for each in links if each[0] != each[1]], columns=["left", "right", "kind"])
    asked = Asked({"a": 0.5, "b": 0.3, "c": 0.2}, seed, together, [making.by_folder(frame)] if folders else ())
    made = making.make(frame, pairs, asked)
    split = [made.of[path] for path in frame["path"]]
    assert not made.torn and set(split) <= {"a", "b", "c"} and len(split) == count
    for left, right, kind in pairs.itertuples(index=False):
        if together == "scene" or (together == "near" and kind == "near"):
            assert split[left] == split[right]
    held = ["content"] if together == "exact" else ["content", *(["group"] if together != "exact" else [])]
    for column in [*held, *(["folder"] if folders else [])]:
        for value, part in frame.assign(split=split).groupby(column):
            assert value in (-1, "") or part["split"].nunique() == 1


@settings(max_examples=40, deadline=None)
@given(count=st.integers(10, 80), more=st.integers(1, 40), seed=st.integers(0, 3))
def test_adding_images_moves_none(count, more, seed):
    frame = frame_of(count + more, seed)
    before = making.make(frame.iloc[:count], NO_PAIRS, Asked(SHARES, seed))
    there = frame.assign(split=[before.of.get(path, "") for path in frame["path"]])
    after = making.make(there, NO_PAIRS, Asked(SHARES, seed))
    assert before.of.items() <= after.of.items()
    assert set(after.new) == set(frame["path"][count:]) - set(after.torn)


def test_names_and_order_of_files_change_nothing_and_the_seed_does():
    frame = frame_of(400)
    made = making.make(frame, NO_PAIRS, Asked(SHARES))
    shuffled = frame.sample(frac=1, random_state=1).reset_index(drop=True)
    renamed = shuffled.assign(path=["x/" + path for path in shuffled["path"]])
    assert {path[2:]: name for path, name in making.make(renamed, NO_PAIRS, Asked(SHARES)).of.items()} == made.of
    assert making.make(frame, NO_PAIRS, Asked(SHARES, seed=1)).of != made.of


def test_who_joins_two_splits_stays_out_of_both_and_is_told():
    frame = frame_of(6, grouped=0).assign(split=["train", "test", "", "", "train", "test"])
    pairs = pd.DataFrame([(0, 2, "near"), (1, 2, "near"), (4, 3, "near")], columns=["left", "right", "kind"])
    made = making.make(frame, pairs, Asked(SHARES))
    assert made.torn == ("00002.jpg",) and "00002.jpg" not in made.of and made.of["00003.jpg"] == "train"
    assert "1 image would join images of two splits, such as 00002.jpg" in made.torn_told()
    anew = making.make(frame, pairs, Asked(SHARES, keep=False))
    assert not anew.torn and len({anew.of[f"0000{row}.jpg"] for row in (0, 1, 2)}) == 1


def test_bursts_of_one_folder_are_one_unit():
    times = ["2024-05-01T10:00:00", "2024-05-01T10:00:02", "2024-05-01T10:00:05", "", "no time"]
    frame = frame_of(5, grouped=0).assign(folder="a", captured_at=times)
    assert making.units(frame, NO_PAIRS, Asked(SHARES)).tolist() == [0, 0, 2, 3, 4]
    assert making.units(frame, NO_PAIRS, Asked(SHARES, together="near")).tolist() == [0, 1, 2, 3, 4]
    apart = frame.assign(folder=list("abcde"))
    assert making.units(apart, NO_PAIRS, Asked(SHARES)).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("shares", "says"),
    [
        ({"train": 0.8}, "add up to 1"),
        ({"train": 1.0}, "at least two parts"),
        ({"train": 1.2, "val": -0.2}, "add up to 1"),
        ({"train": 0.5, "a/b": 0.5}, "cannot name a split"),
    ],
)
def test_shares_that_cannot_be_are_told(shares, says):
    with pytest.raises(UsageError, match=says):
        Asked(shares)


def test_parts_without_an_image_are_told():
    frame = frame_of(12, grouped=0)
    tight = making.make(frame, NO_PAIRS, Asked({"train": 0.98, "val": 0.01, "test": 0.01}))
    assert tight.empty_told().startswith("No image is in val, test: give larger shares")
    assert (
        making.make(frame, NO_PAIRS, Asked(making.folds(20)))
        .empty_told()
        .startswith("No image is in fold 13, fold 14, fold 15, …:")
    )
    assert making.make(frame, NO_PAIRS, Asked({"train": 0.5, "val": 0.5, "test": 0.0})).empty_told() == ""
    assert making.make(frame.head(0), NO_PAIRS, Asked(SHARES)).empty_told() == ""


def test_a_split_without_a_share_is_told():
    frame = frame_of(4).assign(split=["holdout", "", "", ""])
    with pytest.raises(UsageError, match="Images are in 'holdout' already"):
        making.make(frame, NO_PAIRS, Asked(SHARES))


def test_failed_files_are_in_no_split_and_images_that_go_do_not_count():
    frame = frame_of(40, grouped=0)
    frame.loc[0, "status"] = "failed"
    frame.loc[range(1, 11), "decided"] = "goes"
    made = making.make(frame, NO_PAIRS, Asked({"a": 0.5, "b": 0.5}))
    assert made.passed_over == 1 and "00000.jpg" not in made.of and len(made.of) == 39
    staying = [made.of[path] for path in frame["path"][11:]]
    assert abs(staying.count("a") - staying.count("b")) <= 1


def test_splits_and_folds_are_set_in_one_step(home, shared_data):
    dataset = dedup.scan(shared_data / "A-clothing-small", workers=2)
    made = making.make(dataset.frame, dataset.pairs, Asked(SHARES, keep=False))
    making.follow(dataset.decisions, made)
    split = dict(zip(dataset.frame["path"], dataset.frame["split"], strict=True))
    assert split == made.of
    for pair in dataset.pairs.itertuples():
        assert dataset.frame["split"].iat[pair.left] == dataset.frame["split"].iat[pair.right], pair
    dataset.decisions.undo()
    shares = making.folds(5)
    five = making.make(making.split_by_tags(dataset.frame, shares), dataset.pairs, Asked(shares))
    making.follow(dataset.decisions, five, tags=True)
    assert {tag.name: tag.count for tag in dataset.tags.values()} == dict(five.counts)
    for count in (3, 4):  # fewer, and other ones after them: no image is in two
        now = making.folds(count)
        made = making.make(making.split_by_tags(dataset.frame, now), dataset.pairs, Asked(now))
        making.follow(dataset.decisions, made, tags=True)
        held = sum(dataset.frame[f"tag:fold {number}"].astype(int) for number in range(1, 6))
        assert (held == 1).all()
    made = making.make(making.split_by_tags(dataset.frame, shares), dataset.pairs, Asked(shares))
    making.follow(dataset.decisions, made, tags=True)
    again = making.make(making.split_by_tags(dataset.frame, shares), dataset.pairs, Asked(shares))
    assert not again.new and set(dataset.frame["split"]) == {"train", "val", "test"}


def test_the_dogs_are_divided_as_asked_and_nothing_crosses(dogs, home):
    shutil.copytree(dogs.directory, home / "dogs")
    dataset = dedup.open("dogs")
    making.follow(dataset.decisions, making.make(dataset.frame, dataset.pairs, Asked(SHARES)))
    frame, pairs = dataset.frame, dataset.pairs
    assert frame["split"].value_counts().to_dict() == {"train": 800, "val": 100, "test": 100}
    split = frame["split"].to_numpy()
    assert len(pairs) >= 7 and (split[pairs["left"]] == split[pairs["right"]]).all()


def test_photographs_of_several_classes_are_divided_to_an_image_and_no_copy_crosses(home, shared_data, tmp_path):
    """Twenty classes of three to 41 photographs, most with several; a fifth of them has a smaller copy elsewhere."""
    shutil.copytree(shared_data / VOC / "images", tmp_path / "in/images")
    files = sorted((tmp_path / "in/images").iterdir())
    (tmp_path / "in/more").mkdir()
    for file in files[::5]:
        with Image.open(file) as picture:
            picture.resize((picture.width * 2 // 3, picture.height * 2 // 3)).save(tmp_path / "in/more" / file.name)
    document = json.loads((shared_data / VOC / "gts/coco_format_v1/instances_default.json").read_text())
    for image in document["images"]:
        image["file_name"] = f"images/{image['file_name'].rpartition('/')[2]}"
    (tmp_path / "coco.json").write_text(json.dumps(document))
    dataset = dedup.scan(tmp_path / "in", annotations=tmp_path / "coco.json", workers=2)
    assert (dataset.frame["role"] == "keeper").sum() >= 19
    for seed in range(3):
        made = making.make(dataset.frame, dataset.pairs, Asked(SHARES, seed=seed))
        split = dataset.frame["path"].map(made.of).to_numpy()
        assert (split[dataset.pairs["left"]] == split[dataset.pairs["right"]]).all()
        assert made.deviation <= 0.01
        table = made.table()
        wanted = np.outer(table.sum(axis=1), [SHARES[name] for name in table])
        assert len(table) == 21 and np.abs(table - wanted).to_numpy().max() <= 1.5


def test_who_asks_for_other_shares_is_told_what_stands_in_the_way():
    """Five folds after four: those that are there stay as they are."""
    frame = frame_of(100, grouped=0)
    four = making.make(frame, NO_PAIRS, Asked(making.folds(4)))
    assert four.kept_told() == ""
    divided = frame.assign(split=frame["path"].map(four.of))
    five = making.make(divided, NO_PAIRS, Asked(making.folds(5)))
    assert five.counts["fold 5"] == 0 and five.kept_told().startswith(
        "100 images keep their split: make all splits anew"
    )
    assert five.empty_told() == "No image is in fold 5."
    assert making.make(divided, NO_PAIRS, Asked(making.folds(5), keep=False)).kept_told() == ""


def test_a_split_that_gets_no_image_and_values_that_overlap():
    frame = frame_of(4, grouped=0)
    assert "0 in test" in making.make(frame, NO_PAIRS, Asked(SHARES)).sentence()
    assert making.make(frame, NO_PAIRS, Asked({"train": 1.0 - 0.5, "val": 0.5, "test": 0.0})).worst_class[2] >= 0
    held = [("00000.jpg", "p1"), ("00001.jpg", "p1"), ("00001.jpg", "p2"), ("00002.jpg", "p2"), ("00003.jpg", "")]
    assert making.units(frame, NO_PAIRS, Asked(SHARES, by=[held])).tolist() == [0, 0, 0, 3]
