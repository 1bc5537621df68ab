"""Rows of Parquet tables: what is written is what was there, all columns, but for what was not selected."""

from __future__ import annotations

import errno
import os

import pyarrow.parquet as pq
import pytest

import dedup
from dedup.errors import ExportError
from dedup.exports import packed, rows
from dedup.store.decisions import SPLIT
from tests.labels.test_beside_stored import CLASSES, boxes, hugging, scanned, yolo

FEATURES = {"image": {"_type": "Image"}, "label": CLASSES}


def table(place, count=7, **more):
    """Rows with a label, a text of its own and columns that nobody knows."""
    made = [{"label": number % 2, "text": f"row {number}", "vector": [number, 1.5]} for number in range(count)]
    return hugging(made, place, FEATURES, **more)


@pytest.fixture
def dataset(tmp_path):
    """Two tables, as Hugging Face names the files of splits."""
    (tmp_path / "data").mkdir()
    for split, count in (("train", 7), ("test", 3)):
        table(tmp_path / f"data/{split}-00000-of-00001.parquet", count)
    return scanned(tmp_path / "data/*.parquet", tmp_path / "home")


def test_every_table_keeps_its_columns_and_what_is_said_of_them(dataset, tmp_path):
    stays = ~dataset.frame["path"].str.contains("0000000[25]").to_numpy()
    assert packed.carries_labels(dataset.attachments, dataset.address, tmp_path / "clean/*.parquet")
    report = dataset.export("folder", tmp_path / "clean/*.parquet", stays)
    assert (report.rows, report.notes) == (7, ())
    for split, kept in (("train", [0, 1, 3, 4, 6]), ("test", [0, 1])):
        name = f"{split}-00000-of-00001.parquet"
        before, after = (pq.read_table(tmp_path / place / name) for place in ("data", "clean"))
        assert after.equals(before.take(kept)) and after.schema.equals(before.schema, check_metadata=True)
    again = dedup.scan(tmp_path / "clean/*.parquet", home=tmp_path / "home", name="again", use_found=True)
    assert [said[1:] for said in boxes(again)] == [
        said[1:] for said, stay in zip(boxes(dataset), stays, strict=True) if stay
    ]
    assert again.frame["split"].tolist() == dataset.frame["split"][stays].tolist()


def test_tables_of_the_same_columns_become_one(dataset, tmp_path):
    dataset.export("folder", tmp_path / "one.parquet")
    assert pq.read_table(tmp_path / "one.parquet")["text"].to_pylist() == [
        *(f"row {number}" for number in range(3)),
        *(f"row {number}" for number in range(7)),
    ]


def test_tables_of_other_columns_do_not(tmp_path):
    table(tmp_path / "a.parquet", 2)
    hugging([{"label": 1}], tmp_path / "b.parquet", FEATURES)
    dataset = scanned(tmp_path / "{a,b}.parquet", tmp_path / "home")
    with pytest.raises(ExportError, match="differ in columns"):
        dataset.export("folder", tmp_path / "one.parquet")
    assert not (tmp_path / "one.parquet").exists()
    assert dataset.export("folder", tmp_path / "clean/*.parquet").rows == 3


def test_what_is_compressed_stays_so(tmp_path):
    source = table(tmp_path / "a.parquet")
    for codec in ("zstd", "none", "snappy"):
        pq.write_table(pq.read_table(source), source, compression=codec)
        dataset = scanned(source, tmp_path / "home")
        dataset.export("folder", tmp_path / f"{codec}.parquet")
        codecs = [pq.ParquetFile(each).metadata.row_group(0).column(0).compression
                  for each in (source, tmp_path / f"{codec}.parquet")]  # fmt: skip
        assert codecs[0] == codecs[1]


def test_rows_that_changed_or_are_gone_or_damaged_are_left_out_and_listed(tmp_path):
    source = table(tmp_path / "a.parquet", 6)
    dataset = scanned(source, tmp_path / "home")
    held = pq.read_table(source)
    changed = held.take([0, 1, 2, 5, 4])
    pq.write_table(changed, source, row_group_size=2)
    report = dataset.export("folder", tmp_path / "clean.parquet")
    assert pq.read_table(tmp_path / "clean.parquet")["text"].to_pylist() == ["row 0", "row 1", "row 2", "row 4"]
    assert report.rows == 4
    assert [note.split(": ")[1] for note in report.notes] == ["the file has changed since the scan."] * 2
    content = bytearray(source.read_bytes())
    content[4:40] = b"\xff" * 36
    source.write_bytes(content)
    report = dataset.export("folder", tmp_path / "rest.parquet")
    assert report.rows == 2 and sum(rows.DAMAGED in note for note in report.notes) == 2


def test_what_no_table_can_be_is_told_before_anything_is_written(dataset, tmp_path):
    with pytest.raises(ExportError, match="Choose no labels"):
        dataset.export("folder", tmp_path / "a/*.parquet", labels="coco")
    plain = scanned(yolo(tmp_path / "folder"), tmp_path / "other")
    with pytest.raises(ExportError, match="is no row of a table"):
        plain.export("folder", tmp_path / "a/x.parquet", labels="")
    path = dataset.frame["path"][0]
    dataset.decisions.decide([(SPLIT, path, "", "train")], "Move one")
    with pytest.raises(ExportError, match="another split"):
        dataset.export("folder", tmp_path / "a/*.parquet")
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("fault", ["a full disk", "a disk that gives other bytes back"])
def test_none_is_there_where_one_cannot_be_written(dataset, tmp_path, monkeypatch, fault):
    real = rows._Rows.__call__
    written: list[int] = []

    def full(self, held, images, like):
        written.append(len(images))
        if sum(written) > 4:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(self, held, images, like)

    def spoil(self, held, images, like):
        real(self, held, [*images[:-1], b"other"], like)

    monkeypatch.setattr(rows._Rows, "__call__", full if fault == "a full disk" else spoil)
    with pytest.raises(ExportError, match=r"No space left|does not read back"):
        dataset.export("folder", tmp_path / "clean/*.parquet")
    assert os.listdir(tmp_path / "clean") == []
