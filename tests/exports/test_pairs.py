"""CSV of pairs."""

from __future__ import annotations

import io

import pandas as pd
import pytest

from dedup.errors import ExportError
from dedup.exports import csv, pairs
from tests.frames import FakeDataset, make_frame, make_pairs, written

FRAME = make_frame(["a.jpg", "b.jpg", "c.jpg", "=d.jpg"]).assign(role=["", "", "keeper", ""])  # =d, a, b, c
D, A, B, C = range(4)


def dataset(*rows):
    return FakeDataset(FRAME.assign(role=["", "duplicate", "", "keeper"]), pairs=make_pairs(rows))


def test_the_keeper_or_the_likelier_original_stands_left_and_the_relation_turns_with_it():
    data = dataset(
        {"left": A, "right": C, "relations": "turned 90|brighter", "orientation": 8, "gain": 2.0},
        {"left": A, "right": B, "relations": "blurred", "derived": -1, "blur": -2.0},
        {"left": D, "right": A, "relations": "identical file", "kind": "exact", "distance": 0},
    )
    rows = pairs.table(data, data.everything())
    assert list(rows)[:5] == ["left", "right", "kind", "distance", "relation"]
    assert list(zip(rows["left"], rows["right"], strict=True)) == [
        ("c.jpg", "a.jpg"),
        ("b.jpg", "a.jpg"),
        ("=d.jpg", "a.jpg"),
    ]
    assert rows["relations"].tolist() == ["turned 270|darker", "sharpened", "identical file"]
    assert rows["gain"].tolist() == [0.5, 1, 1] and rows["blur"].tolist() == [0, 2, 0]
    assert rows["relation"].tolist()[2] == "identical file" and "turned 270" in rows["relation"][0]


def test_similar_pairs_only_when_asked_and_both_sides_selected():
    data = dataset({"left": A, "right": B, "kind": "similar", "distance": 0.7}, {"left": A, "right": C})
    assert len(pairs.table(data, data.everything())) == 1
    assert len(pairs.table(data, data.everything(), similar=True)) == 2
    mask = data.everything()
    mask[C] = False
    assert pairs.table(data, mask, similar=True)["right"].tolist() == ["b.jpg"]


def test_written_and_read_back(tmp_path):
    data = dataset({"left": D, "right": A, "relations": "mirrored", "orientation": 2})
    output = tmp_path / "pairs.csv"
    assert pairs.write(data, data.everything(), output).rows == 1
    plain, ours = pd.read_csv(output), csv.read(output)
    assert plain["left"].tolist() == ["./=d.jpg"] and ours["left"].tolist() == ["=d.jpg"]
    assert plain["orientation"].tolist() == ours["orientation"].tolist() == [2]
    assert ours["relation"].tolist() == ["mirrored"]
    with pytest.raises(ExportError):
        pairs.write(data, data.everything(), output)


def test_no_pairs_at_all():
    data = dataset()
    rows = csv.read(io.BytesIO(written(pairs.write, data)))
    assert len(rows) == 0 and list(rows)[:2] == ["left", "right"]
