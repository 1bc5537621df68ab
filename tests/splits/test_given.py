"""Splits are read from a CSV or from COCO files, and what does not fit is said."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from dedup.errors import UsageError
from dedup.exports.csv import encode, guarded
from dedup.labels.coco import Coco
from dedup.splits import given, leaks
from dedup.store.decisions import Decisions
from tests.frames import make_frame

PATHS = ["a.jpg", "b/c.jpg", "d.jpg"]


def test_a_csv_names_splits(tmp_path):
    (tmp_path / "s.csv").write_text("File_Name,Subset\n./a.jpg,Training\nb\\c.jpg,test\nd.jpg,\nx.jpg,val\nx.jpg,val\n")
    found = given.from_csv(tmp_path / "s.csv", PATHS)
    assert found == given.Splits({"a.jpg": "train", "b/c.jpg": "test"}, ("x.jpg",), ())


@pytest.mark.parametrize("separator", [";", "\t"])
def test_other_separators_are_seen_in_the_first_line(tmp_path, separator):
    lines = [["path", "split"], ["a.jpg", "train"], ["b/c.jpg", "fold 1, 2"]]
    (tmp_path / "s.csv").write_text("\n".join(separator.join(line) for line in lines))
    assert given.from_csv(tmp_path / "s.csv", PATHS).of == {"a.jpg": "train", "b/c.jpg": "fold 1, 2"}


def test_our_own_files_are_read_whatever_the_paths(tmp_path):
    """Exports of images, and the moves of a repair."""
    paths = ["=a.jpg", "b/c.jpg", "back\\slash.jpg", "spaced .jpg "]
    frame = make_frame(paths).assign(split=["train", "test", "train", "test"], group=[0, 0, 1, 1])
    leaks.write_csv(
        leaks.repair(frame, pd.DataFrame({name: [] for name in ("left", "right", "kind", "cropped")})),
        tmp_path / "moves.csv",
    )
    moved = given.from_csv(tmp_path / "moves.csv", paths)
    assert moved == given.Splits({"=a.jpg": "test", "back\\slash.jpg": "test"})
    table = guarded(pd.DataFrame({"path": paths, "split": "val"}), ("path",))
    (tmp_path / "all.csv").write_bytes(encode(table, header=True))
    assert given.from_csv(tmp_path / "all.csv", paths) == given.Splits(dict.fromkeys(paths, "val"))


def test_names_as_others_write_them(tmp_path):
    paths = ["images/a.jpg", "images/b.png", "x/c.jpg", "y/c.jpg", "d d.jpg"]
    rows = [
        "image_id,split",
        "a,train",
        f"{tmp_path}/images/b.png,val",
        "c.jpg,test",
        "y/c,val",
        "z/d d.jpg,val",
        "e,val",
    ]
    (tmp_path / "s.csv").write_text("\n".join(rows))
    found = given.from_csv(tmp_path / "s.csv", paths)
    assert found.of == {"images/a.jpg": "train", "images/b.png": "val", "y/c.jpg": "val", "d d.jpg": "val"}
    assert (found.missing, found.ambiguous, found.unclear) == (("e",), ("c.jpg",), ("c.jpg",))


@pytest.mark.parametrize("name", ["a\u2028b.jpg", "a\x0cb.jpg", " a.jpg", "a.jpg ", "a\nb.jpg", "-a.jpg"])
def test_odd_names_in_our_own_csv_come_back(tmp_path, name):
    table = guarded(pd.DataFrame({"path": [name], "split": "val", "note": "x" * 200_000}), ("path",))
    (tmp_path / "all.csv").write_bytes(encode(table, header=True))
    assert given.from_csv(tmp_path / "all.csv", [name, "b.jpg"]).of == {name: "val"}


def test_an_image_in_two_splits_is_in_none_and_said(tmp_path):
    (tmp_path / "s.csv").write_text("path,split\na.jpg,train\na.jpg,test\nd.jpg,holdout\n")
    found = given.from_csv(tmp_path / "s.csv", PATHS)
    assert (found.of, found.ambiguous, found.unclear) == ({"d.jpg": "holdout"}, ("a.jpg",), ())


@pytest.mark.parametrize(
    ("text", "message"), [("path,other\n", "called split"), ("split\n", "called path"), ("", "path")]
)
def test_a_csv_without_the_columns_is_refused(tmp_path, text, message):
    (tmp_path / "s.csv").write_text(text)
    with pytest.raises(UsageError, match=message):
        given.from_csv(tmp_path / "s.csv", PATHS)
    with pytest.raises(UsageError, match="Cannot read"):
        given.from_csv(tmp_path / "absent.csv", PATHS)


def test_coco_files_speak_by_their_names(tmp_path):
    sources = {}
    for name, images in (("instances_train2017", ["a.jpg", "d.jpg"]), ("test", ["b/c.jpg", "d.jpg"]), ("all", PATHS)):
        document = {"images": [{"id": n, "file_name": image} for n, image in enumerate(images)]}
        (tmp_path / f"{name}.json").write_text(json.dumps(document))
        coco = Coco.read(tmp_path / f"{name}.json")
        sources[coco.path] = coco.attach(PATHS)
    several = {"d.jpg": ("test", "train")}
    assert given.from_labels(sources) == given.Splits({"a.jpg": "train", "b/c.jpg": "test"}, (), ("d.jpg",), several)


def test_only_images_that_change_their_split_are_new():
    frame = make_frame(PATHS).assign(split=["train", "", "val"])
    assert given.Splits({"a.jpg": "train", "b/c.jpg": "test", "d.jpg": "test"}).new(frame) == {
        "b/c.jpg": "test",
        "d.jpg": "test",
    }


@pytest.mark.parametrize("name", ["../evil", "fold/2", "C:\\data", "..", "a\nb", "x" * 300])
def test_a_split_that_cannot_name_a_file_is_refused(name):
    with pytest.raises(UsageError, match="cannot name a split"):
        given.changes({"a.jpg": "train", "d.jpg": name})


def test_any_plain_text_names_a_split():
    names = ["fold 2", "entrai\u0302nement", "entra\u00eenement", "日本", ""]
    assert [value or "" for *_, value in given.changes(dict(zip("abcde", names, strict=True)))] == names


def test_splits_become_decisions_that_can_be_undone(tmp_path):
    decisions = Decisions(tmp_path / "decisions.db")
    decisions.decide(given.changes({"a.jpg": "test", "d.jpg": "val"}), "Set splits")
    decisions.decide(given.changes({"a.jpg": ""}), "Clear one")
    assert decisions.values("split") == {("d.jpg", ""): "val"}
    decisions.undo()
    assert decisions.values("split") == {("a.jpg", ""): "test", ("d.jpg", ""): "val"}
