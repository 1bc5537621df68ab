"""Labels beside images that lie in no folder: in archives, tables and buckets, read as if all was unpacked."""

from __future__ import annotations

import io
import json
import os
import shutil
import tarfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import dedup
from dedup.labels import formats
from dedup.sources import archives, beside, list_source
from tests.labels.test_formats import SOURCES
from tests.packed import files_of, sharded, tarred, zipped
from tests.pictures import photo, save

fsspec = pytest.importorskip("fsspec")


def in_memory(folder: Path, place: Path) -> str:
    """The folder's files in a bucket of this process."""
    bucket = fsspec.filesystem("memory")
    root = f"/{place.name}"
    for file in files_of(folder):
        bucket.pipe(f"{root}/{file.relative_to(folder).as_posix()}", file.read_bytes())
    return f"memory:/{root}/"


PLACES = {
    "zip": lambda folder, place: str(zipped(folder, place / "a.zip")),
    "tar": lambda folder, place: str(tarred(folder, place / "a.tar")),
    "shards": lambda folder, place: f"{sharded(folder, place / 'shards', count=1)}/part-{{000..000}}.tar",
    "bucket": in_memory,
}


def scanned(address: str | Path, home: Path, **more) -> dedup.Dataset:
    """What `dedup scan` makes of it."""
    return dedup.scan(address, home=home, name="set", use_found=True, workers=1, **more)


def boxes(dataset: dedup.Dataset) -> list[tuple[str, tuple[str, ...], int]]:
    """What is said of each image."""
    columns = ("path", "classes", "annotations")
    return list(zip(*(dataset.frame[name].tolist() for name in columns), strict=True))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("form", SOURCES)
def test_every_format_is_read_wherever_it_lies_beside_the_images(tmp_path, form, place):
    _, files, image = SOURCES[form]
    folder = tmp_path / "folder"
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    save(photo(0).resize((200, 100)), folder / image)
    there = scanned(PLACES[place](folder, tmp_path), tmp_path / "home")
    path = image if place != "shards" else f"part-000.tar/{image}"
    assert boxes(there) == [(path, ("dog",), 1)]
    assert [found.format.name for found in there.labels_found] == [form]
    assert next(iter(there.labels.documents[0].annotations))["bbox"] == [40, 20, 80, 50]


def sample_shards(folder: Path, samples: Mapping[str, Mapping[str, bytes]], count: int = 1) -> Path:
    """WebDataset's shards: files of one key after the other."""
    folder.mkdir(exist_ok=True)
    for number in range(count):
        with tarfile.open(folder / f"train-{number:03d}.tar", "w") as archive:
            for key, files in list(samples.items())[number::count]:
                for suffix, content in files.items():
                    member = tarfile.TarInfo(f"{key}.{suffix}")
                    member.size = len(content)
                    archive.addfile(member, io.BytesIO(content))
    return folder


def picture(seed: int) -> bytes:
    """One of many that differ."""
    made = io.BytesIO()
    photo(seed).save(made, "JPEG")
    return made.getvalue()


def test_samples_of_webdataset_are_labelled_by_the_files_of_their_key(tmp_path):
    clash = picture(1)
    samples = {
        "000": {"jpg": clash, "cls": b"3", "txt": b"A caption, no label"},
        "001": {"jpg": clash, "cls": b" 4\n"},
        "n01440764_1.deep": {"png": picture(2), "json": b'{"label": 0, "class_name": "tench", "url": "http://x"}'},
        "003": {"jpg": picture(3), "json": b'{"caption": "a dog", "key": "003"}'},
        "004": {"jpg": picture(4), "json": b'{"objects": [{"bbox": [1, 2, 30, 40], "category": "cat"}]}'},
        "005": {"left.jpg": picture(5), "right.jpg": picture(6), "cls": b"7"},
    }
    folder = sample_shards(tmp_path / "shards", samples, count=2)
    dataset = scanned(f"{folder}/train-{{000..001}}.tar", tmp_path / "home")
    said = {path.partition("/")[2]: (classes, count) for path, classes, count in boxes(dataset)}
    assert said == {
        "000.jpg": (("3",), 1), "001.jpg": (("4",), 1), "n01440764_1.deep.png": (("tench",), 1),
        "003.jpg": ((), 0), "004.jpg": (("cat",), 1), "005.left.jpg": (("7",), 1), "005.right.jpg": (("7",), 1),
    }  # fmt: skip
    assert len(dataset.clashes) == 1  # one picture under two classes
    assert set(dataset.frame["split"]) == {"train"}
    assert not dataset.annotation_errors


def hugging(rows: Iterable[Mapping[str, object]], output: Path, features: Mapping[str, object] | None, group=2) -> Path:
    """A table with images as Hugging Face writes it, and what it says of its columns."""
    table = pa.Table.from_pylist(
        [{"image": {"bytes": picture(number), "path": None}, **row} for number, row in enumerate(rows)]
    )
    if features:
        told = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
        table = table.replace_schema_metadata(told)
    pq.write_table(table, output, row_group_size=group)
    return output


CLASSES = {"names": ["cat", "dog"], "_type": "ClassLabel"}


def test_columns_of_a_table_are_labels_and_numbers_have_the_names_of_their_classes(tmp_path):
    rows = [{"label": 1}, {"label": 0}, {"label": -1}]
    table = hugging(rows, tmp_path / "t.parquet", {"image": {"_type": "Image"}, "label": CLASSES})
    assert [said[1:] for said in boxes(scanned(table, tmp_path / "home"))] == [(("dog",), 1), (("cat",), 1), ((), 0)]


@pytest.mark.parametrize(
    ("features", "rows", "expected"),
    [
        (None, [{"label": 3}, {"label": None}], [("3",), ()]),
        (None, [{"class": "tench"}, {"class": "crow"}], [("tench",), ("crow",)]),
        (None, [{"label": 1, "label_text": "crow"}, {"label": 0, "label_text": "tench"}], [("crow",), ("tench",)]),
        ({"label": CLASSES}, [{"label": 1, "class": "x"}, {"label": 0, "class": "y"}], [("dog",), ("cat",)]),
        ({"kind": CLASSES}, [{"kind": 1}, {"kind": 0}], [("dog",), ("cat",)]),
        ({"labels": [CLASSES]}, [{"labels": [0, 1]}, {"labels": []}], [("cat", "dog"), ()]),
        (None, [{"label": [1, 0, 0]}, {"label": [0, 0, 1]}], [(), ()]),
        (None, [{"year": 1999}, {"year": 2001}], [(), ()]),
    ],
    ids=[
        "numbers",
        "texts",
        "numbers and texts",
        "names and texts",
        "another name",
        "several",
        "numbers that may be anything",
        "no labels",
    ],
)
def test_columns_that_are_labels_are_told_from_others(tmp_path, features, rows, expected):
    dataset = scanned(hugging(rows, tmp_path / "t.parquet", features), tmp_path / "home")
    assert [tuple(sorted(classes)) for _, classes, _ in boxes(dataset)] == expected


@pytest.mark.parametrize("as_list", [True, False])
def test_objects_of_a_table_are_boxes(tmp_path, as_list):
    told = {"bbox": [[1.0, 2.0, 30.0, 40.0], [0.0, 0.0, 9.0, 9.0]], "category": [1, 0]}
    objects = [dict(zip(told, each, strict=True)) for each in zip(*told.values(), strict=True)] if as_list else told
    features = {"objects": {"feature": {"category": CLASSES, "bbox": {}}, "_type": "Sequence"}}
    dataset = scanned(hugging([{"objects": objects}], tmp_path / "t.parquet", features), tmp_path / "home")
    assert boxes(dataset)[0][1:] == (("cat", "dog"), 2)
    assert [each["bbox"] for each in dataset.labels.documents[0].annotations] == [[1, 2, 30, 40], [0, 0, 9, 9]]


def test_a_table_of_many_shards_has_the_labels_of_each(tmp_path):
    for number, name in enumerate(("train", "test")):
        hugging([{"label": number}], tmp_path / f"{name}-00000-of-00001.parquet", {"label": CLASSES})
    dataset = scanned(tmp_path / "{train,test}-00000-of-00001.parquet", tmp_path / "home")
    assert [(classes, split) for classes, split in dataset.frame[["classes", "split"]].to_numpy().tolist()] == [
        (("dog",), "test"),
        (("cat",), "train"),
    ]


def yolo(folder: Path, count: int = 4) -> Path:
    """A folder that Ultralytics reads."""
    for number in range(count):
        save(photo(number), folder / f"images/train/{number}.jpg")
        (folder / "labels/train").mkdir(parents=True, exist_ok=True)
        (folder / f"labels/train/{number}.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    (folder / "data.yaml").write_text("train: images/train\nnames: [cat]\n")
    return folder


def test_nothing_is_read_again_until_it_changes(tmp_path, monkeypatch):
    folder, home = yolo(tmp_path / "folder"), tmp_path / "home"
    archive = zipped(folder, tmp_path / "a.zip")
    first = scanned(archive, home)
    read: list[str] = []
    monkeypatch.setattr(beside, "read", lambda stored: read.append(stored.key) or archives.read(stored))
    assert boxes(scanned(archive, home)) == boxes(first)
    assert read == []
    (folder / "labels/train/2.txt").write_text("0 0.5 0.5 0.2 0.2\n0 0.1 0.1 0.1 0.1\n")
    (folder / "labels/train/3.txt").unlink()
    zipped(folder, archive)
    assert [count for _, _, count in boxes(scanned(archive, home))] == [1, 1, 2, 0]
    assert len(read) == 4


def test_whoever_wants_no_labels_or_others_has_those(tmp_path):
    home, archive = tmp_path / "home", zipped(yolo(tmp_path / "folder"), tmp_path / "a.zip")
    none = scanned(archive, home, annotations=[])
    assert not none.info.annotations
    assert not (none.directory / "labels").exists()
    assert not scanned(archive, home).info.annotations, "as a person said before"


def test_a_dataset_that_is_renamed_keeps_its_labels_and_one_that_is_forgotten_leaves_none(tmp_path):
    home, archive = tmp_path / "home", zipped(yolo(tmp_path / "folder"), tmp_path / "a.zip")
    before = boxes(scanned(archive, home))
    dedup.rename("set", "another", home=home)
    assert boxes(dedup.open("another", home=home)) == before
    again = dedup.scan(archive, home=home, name="another", use_found=True)
    assert boxes(again) == before
    assert all(Path(path).is_relative_to(home / "another") for path in again.info.annotations)
    dedup.forget("another", home=home)
    assert [name for name in os.listdir(home) if not name.startswith(".")] == []


def test_names_from_an_archive_never_lead_out_of_the_dataset_and_are_told(tmp_path):
    archive = zipped(yolo(tmp_path / "folder"), tmp_path / "a.zip")
    with zipfile.ZipFile(archive, "a") as made:
        made.writestr("../../out.txt", "0 0.5 0.5 0.2 0.2\n")
        made.writestr("labels/train/0.txt/under.txt", "0 0.5 0.5 0.2 0.2\n")
    dataset = scanned(archive, tmp_path / "home")
    assert sorted(name.name for name in tmp_path.rglob("out.txt")) == []
    (attachment,) = dataset.attachments.values()
    assert "../../out.txt: its name leads out of the archive" in " ".join(attachment.notes + attachment.unread_told)
    assert [count for _, _, count in boxes(dataset)] == [1] * 4


def test_a_label_that_cannot_be_read_is_told_and_the_others_are_read(tmp_path):
    archive = zipped(yolo(tmp_path / "folder"), tmp_path / "a.zip")
    with zipfile.ZipFile(archive) as opened:
        info = opened.getinfo("labels/train/1.txt")
    content = bytearray(archive.read_bytes())
    content[info.header_offset + 30 + len(info.filename)] ^= 0xFF
    archive.write_bytes(content)
    dataset = scanned(archive, tmp_path / "home")
    assert sorted(count for _, _, count in boxes(dataset)) == [0, 1, 1, 1]
    told = " ".join(note for each in dataset.attachments.values() for note in (*each.notes, *each.unread_told))
    assert "labels/train/1.txt" in told


def test_a_damaged_group_of_a_table_costs_its_own_labels(tmp_path):
    table = hugging([{"label": 0}] * 6, tmp_path / "t.parquet", {"label": CLASSES})
    column = pq.ParquetFile(table).metadata.row_group(1).column(2)  # after image.bytes and image.path
    assert column.path_in_schema == "label"
    start = column.dictionary_page_offset or column.data_page_offset
    content = bytearray(table.read_bytes())
    content[start : start + column.total_compressed_size] = b"\xff" * column.total_compressed_size
    table.write_bytes(content)
    dataset = scanned(table, tmp_path / "home")
    assert [count for _, _, count in boxes(dataset)] == [1, 1, 0, 0, 1, 1]
    (attachment,) = dataset.attachments.values()
    assert "t.parquet: group 2" in " ".join((*attachment.notes, *attachment.unread_told))


def test_labels_of_an_archive_go_out_as_those_of_its_folder(tmp_path):
    folder, home = yolo(tmp_path / "folder"), tmp_path / "home"
    stored = scanned(zipped(folder, tmp_path / "a.zip"), home)
    plain = dedup.scan(folder, home=home, name="plain", use_found=True)
    for name, dataset in (("stored", stored), ("plain", plain)):
        dataset.export("folder", tmp_path / name, labels="yolo")
        dataset.export("coco", tmp_path / f"{name}.json")
    assert {f.relative_to(tmp_path / "stored"): f.read_bytes() for f in files_of(tmp_path / "stored")} == {
        f.relative_to(tmp_path / "plain"): f.read_bytes() for f in files_of(tmp_path / "plain")
    }
    documents = [json.loads((tmp_path / f"{name}.json").read_text()) for name in ("stored", "plain")]
    assert documents[0]["annotations"] == documents[1]["annotations"]


def test_a_disk_that_is_full_ends_the_scan_with_one_sentence_and_leaves_what_was(tmp_path, monkeypatch):
    home, archive = tmp_path / "home", zipped(yolo(tmp_path / "folder"), tmp_path / "a.zip")
    before = boxes(scanned(archive, home))
    zipped(yolo(tmp_path / "folder", 5), archive)

    def full(*_given: object, **_more: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as planted:
        planted.setattr(beside._Brought, "finish", full)
        with pytest.raises(dedup.DedupError, match="No space left"):
            scanned(archive, home)
    assert boxes(dedup.open("set", home=home)) == before
    assert [each for each in os.listdir(home / "set") if each.startswith(".labels")] == []
    assert len(boxes(scanned(archive, home))) == 5


def test_what_is_brought_is_what_readers_look_for(tmp_path):
    folder = yolo(tmp_path / "folder")
    for name in (".hidden/x.txt", "notes.md", "__MACOSX/labels/0.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("0 0.5 0.5 0.2 0.2\n")
    listing = list_source(str(zipped(folder, tmp_path / "a.zip")))
    beside.bring(listing, tmp_path / "labels")
    brought = {file.relative_to(tmp_path / "labels").as_posix() for file in files_of(tmp_path / "labels")}
    assert brought == {beside.STATE, "data.yaml", *(f"labels/train/{number}.txt" for number in range(4))}
    shutil.rmtree(tmp_path / "labels")
    assert formats.see_of(formats.Pictures(tmp_path / "labels", [], {})).found == []


@pytest.mark.parametrize("column", ["path", "url"])
@pytest.mark.parametrize("place", ["folder", "bucket"])
def test_other_columns_of_a_list_are_labels_of_its_images(tmp_path, place, column):
    folder = tmp_path / "pictures"
    for number in range(4):
        save(photo(number), folder / f"{number}.jpg")
    ahead = in_memory(folder, tmp_path) if place == "bucket" else "pictures/"
    rows = [
        f"{ahead}{number}.jpg;{'cat' if number % 2 else 'dog'};{'train' if number else 'test'}" for number in range(4)
    ]
    (tmp_path / "list.csv").write_text("\n".join([f"{column};label;split", *rows]))
    dataset = scanned(tmp_path / "list.csv", tmp_path / "home")
    assert dataset.frame["classes"].tolist() == [("dog",), ("cat",), ("dog",), ("cat",)]
    assert dataset.frame["split"].tolist() == ["test", "train", "train", "train"]
    (tmp_path / "plain.csv").write_text("\n".join([column, *(row.partition(";")[0] for row in rows)]))
    plain = dedup.scan(tmp_path / "plain.csv", home=tmp_path / "home", use_found=True)
    assert plain.info.annotations == () and plain.frame["classes"].tolist() == [()] * 4
    untold = dedup.scan(tmp_path / "list.csv", home=tmp_path / "home", name="untold", annotations=[])
    assert untold.info.annotations == ()
