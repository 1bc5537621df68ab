"""Joined tables kept beside a large dataset: what is read is what would be joined, or nothing."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import dedup
from dedup.groups import joined_before
from dedup.store.decisions import KEEPER, VERDICT
from tests.pictures import folder_of_photos, photo, save


@pytest.fixture
def opened(tmp_path, home, monkeypatch):
    """Opens a dataset with copies, parts of whose tables are tuples, as a large one; tells whether it was joined."""
    folder_of_photos(tmp_path / "in" / "train" / "dog", 4)
    save(photo(0).convert("L"), tmp_path / "in" / "test" / "cat" / "gray.png")
    save(photo(1), tmp_path / "in" / "train" / "cat" / "again.png")
    save(photo(1), tmp_path / "in" / "train" / "cat" / "again too.png")
    dedup.scan(tmp_path / "in", name="set")
    monkeypatch.setattr(joined_before, "MANY", 1)
    joins = []
    join = dedup.dataset.join
    monkeypatch.setattr("dedup.dataset.join", lambda *arguments: joins.append(1) or join(*arguments))

    def again() -> tuple[dedup.Dataset, bool]:
        joins.clear()
        dataset = dedup.open("set")
        assert len(dataset.frame) == 7
        return dataset, bool(joins)

    return again


def test_what_is_read_is_what_was_joined(opened):
    first, joined = opened()
    second, again = opened()
    assert joined and not again
    pd.testing.assert_frame_equal(first.frame, second.frame)
    pd.testing.assert_frame_equal(first.pairs, second.pairs)
    assert first.keeper_rules == second.keeper_rules and (first.pairs["kind"] == "near").any()
    assert {type(each) for name in joined_before.OF_TUPLES for each in second.frame[name]} == {tuple}
    assert second.row(second.frame["id"].iat[3]) == 3


def test_decisions_that_shape_no_group_leave_it_and_others_do_not(opened):
    first, _ = opened()
    first.tag([0, 1], "seen")
    near = first.pairs.iloc[0]
    sha256 = first.frame["sha256"]
    first.decisions.decide([("drop", first.frame["path"].iat[0], sha256.iat[0], sha256.iat[1])], "dropped")
    second, joined = opened()
    assert not joined and second.frame["tag:seen"].sum() == 2
    pair = sorted((sha256.iat[near["left"]], sha256.iat[near["right"]]))
    for change in (
        (VERDICT, *pair, "different"),
        (KEEPER, "train/cat/again.png", "", "1"),
        ("split", "train/cat/again.png", "", "val"),
        ("folder", "train", "", "protected"),
        ("setting", "near_threshold", "", "0.3"),
        ("setting", "folder_classes", "", "0"),
    ):
        second.decisions.decide([change], "decided")
        there = second.frame
        third, joined = opened()
        assert joined, change
        pd.testing.assert_frame_equal(there, third.frame)
        assert not opened()[1]


def test_it_is_joined_anew_after_a_scan_with_vectors_labels_and_other_code(opened, tmp_path, monkeypatch):
    opened()
    save(photo(9), tmp_path / "in" / "train" / "dog" / "0003.jpg")
    dedup.scan(tmp_path / "in", name="set")
    dataset, joined = opened()
    assert joined and not opened()[1]
    dataset.give_vectors(np.random.default_rng(0).normal(size=(7, 4)), "made up")
    dataset, joined = opened()
    assert joined and dataset.frame["semantic_singularity"].notna().any()
    images = [{"id": 1, "file_name": "train/dog/0000.jpg", "width": 1, "height": 1}]
    labels = {"images": images, "annotations": [], "categories": [{"id": 1, "name": "bird"}]}
    (tmp_path / "coco.json").write_text(json.dumps(labels))
    dedup.scan(tmp_path / "in", name="set", annotations=[tmp_path / "coco.json"])
    opened()
    assert not opened()[1]
    labels["annotations"] = [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1]}]
    (tmp_path / "coco.json").write_text(json.dumps(labels))
    dataset, joined = opened()
    assert joined and ("bird",) in dataset.frame["classes"].tolist()
    (tmp_path / "coco.json").unlink()
    for _ in range(2):
        dataset, joined = opened()
        assert joined and dataset.annotation_errors, "what cannot be read is never kept"
    monkeypatch.setattr(joined_before, "_code", lambda: b"another version")
    assert opened()[1]


@pytest.mark.parametrize("name", [joined_before.FRAME, joined_before.PAIRS])
def test_what_is_damaged_gone_or_cannot_be_written_is_joined_anew(opened, name, monkeypatch):
    dataset, _ = opened()
    place = dataset.directory / name
    place.write_bytes(place.read_bytes()[:100])
    assert opened()[1] and not opened()[1]
    place.unlink()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(joined_before.tables, "write_table", full)
    assert opened()[1] and opened()[1]


def test_of_few_images_nothing_is_kept(opened, monkeypatch):
    monkeypatch.setattr(joined_before, "MANY", 100)
    dataset, _ = opened()
    assert opened()[1] and not (dataset.directory / joined_before.FRAME).exists()
