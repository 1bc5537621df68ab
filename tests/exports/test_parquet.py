"""Parquet: the rows of the CSV with their types, and what Python gets of them."""

from __future__ import annotations

import sys

import datasets
import pandas as pd
import pytest

import dedup
from dedup.errors import ExportError, UsageError
from dedup.exports import parquet
from tests.frames import FakeDataset, make_frame
from tests.pictures import folder_of_photos


def test_types_lists_and_unknown_values_survive(tmp_path):
    data = FakeDataset(make_frame())
    report = parquet.write(data, data.everything(), tmp_path / "out.parquet")
    back = pd.read_parquet(tmp_path / "out.parquet")
    frame = data.frame
    assert report.rows == len(back) == len(frame) and back["path"].tolist() == frame["path"].tolist()
    assert [tuple(each) for each in back["classes"]] == frame["classes"].tolist()
    tags = [name.removeprefix("tag:") for name in frame if name.startswith("tag:")]
    assert [set(each) for each in back["tags"]] == [{t for t in tags if row[f"tag:{t}"]} for _, row in frame.iterrows()]
    assert back["width"].isna().tolist() == (frame["status"] == "failed").tolist()
    with pytest.raises(ExportError):
        parquet.write(data, data.everything(), tmp_path / "out.parquet")
    parquet.write(data, data.everything(), tmp_path / "out.parquet", overwrite=True)


def test_python_gets_the_same(home, tmp_path, monkeypatch):
    folder_of_photos(tmp_path / "in", 3)
    dataset = dedup.scan(tmp_path / "in", workers=1)
    dataset.tag([1], "good")
    table = dataset.to_pandas([1, 2])
    assert table["path"].tolist() == ["0001.jpg", "0002.jpg"]
    assert [list(each) for each in table["tags"]] == [["good"], []]
    assert len(pd.read_parquet(dataset.to_parquet(tmp_path / "x.parquet"))) == 3
    made = dataset.to_datasets([1, 2])
    assert isinstance(made, datasets.Dataset) and made["path"][:] == ["0001.jpg", "0002.jpg"]
    assert made[0]["image"].size == (table["width"].iloc[0], table["height"].iloc[0]) and made[0]["tags"] == ["good"]
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(UsageError, match="pip install datasets"):
        dataset.to_datasets()
