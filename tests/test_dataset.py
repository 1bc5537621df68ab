"""The Python API: what a script sees of a dataset."""

from __future__ import annotations

import json
import os

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import dedup
from dedup.dataset import PAGES
from dedup.errors import ExportError, UnknownDataset, UnknownTag, UsageError
from dedup.groups.frame import COLUMNS, describe
from dedup.launch import front
from tests.packed import zipped
from tests.pictures import folder_of_photos, photo, save


@pytest.fixture
def dataset(tmp_path, home) -> dedup.Dataset:
    """Six photographs, an exact copy, a mirrored and a small one, and a broken file."""
    folder_of_photos(tmp_path / "in", 6)
    save(photo(0), tmp_path / "in/zz-copy.jpg", quality=92)
    save(photo(1).transpose(Image.Transpose.FLIP_LEFT_RIGHT), tmp_path / "in/mirror.jpg", quality=90)
    save(photo(2).resize((64, 48)), tmp_path / "in/small.jpg", quality=90)
    (tmp_path / "in/broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
    return dedup.scan(tmp_path / "in")


def test_the_frame_has_its_documented_columns(dataset):
    frame = dataset.frame
    assert list(frame.columns) == [*COLUMNS, "decided"] and len(frame) == 10 and frame["path"].is_monotonic_increasing
    assert frame["kind"].value_counts().to_dict() == {"near": 4, "unique": 4, "exact": 1, "failed": 1}


def test_a_mask_of_a_part_of_the_frame_means_its_own_images(dataset):
    readable = dataset.frame[dataset.frame["kind"] != "failed"].sort_values("sharpness")
    dataset.tag(readable["singularity"] == 0, "redundant")
    assert dataset.frame.loc[dataset.frame["tag:redundant"], "kind"].tolist() == ["exact"]
    copies = dataset.to_pandas(np.flatnonzero(dataset.frame["group"] >= 0))
    dataset.tag(copies["singularity"] == 0, "again")
    assert dataset.frame["tag:again"].tolist() == dataset.frame["tag:redundant"].tolist()
    with pytest.raises(UsageError, match="select"):
        dataset.tag("singularity == 0", "wrong")
    with pytest.raises(UsageError, match="one yes or no for each of 10 images"):
        dataset.export("csv", "never.csv", np.ones(3, bool))


def test_the_app_has_pages_and_no_others(dataset):
    with pytest.raises(UsageError, match=r"is no page\. Choose one of: summary"):
        dataset.show("nopage")
    assert set(PAGES) == {each.stem for each in (front() / "pages").glob("*.py")} - {"datasets"}


def test_rows_ids_and_files_belong_together(dataset):
    for row, image_id in enumerate(dataset.frame["id"]):
        assert dataset.row(image_id) == row and dataset.file(row).name == dataset.frame["name"][row]
    with pytest.raises(KeyError):
        dataset.row("0" * 16)


def test_pairs_and_groups_tell_who_stays(dataset):
    frame, pairs, groups = dataset.frame, dataset.pairs, dataset.groups.table
    assert sorted(pairs["kind"]) == ["exact", "near", "near"]
    assert groups["images"].tolist() == [2, 2, 2] and groups[["exact", "near"]].to_numpy().sum() == 3
    assert set(groups["keeper"]) == set(frame.index[frame["role"] == "keeper"])
    assert groups["bytes_saved"].is_monotonic_decreasing and (groups["reason"] != "").all()


def test_descriptions_name_the_other_image_and_the_edit(dataset):
    told = dict(zip(dataset.frame["path"], describe(dataset.frame, range(10)), strict=True))
    assert told["zz-copy.jpg"] == "Duplicate of 0000.jpg: identical file"
    assert told["mirror.jpg"].startswith("Near duplicate of 0001.jpg: mirrored")
    assert told["broken.jpg"].startswith("truncated") and told["0005.jpg"] == ""


def test_tagging_by_rows_and_by_mask(dataset):
    assert dataset.tag([0, 1], "a") == 2
    assert dataset.tag(dataset.frame["singularity"] == 0, "b") == 1
    assert dataset.would_tag(np.ones(10, bool), "a") == 8
    assert {name: tag.count for name, tag in dataset.tags.items()} == {"a": 2, "b": 1}
    with pytest.raises(UnknownTag):
        dataset.tag([0], "c", remove=True)


def test_tags_are_those_of_a_dataset_that_was_just_opened_whatever_was_done(dataset, monkeypatch):
    """Only what changed is read again; where it is not known what did, all of it."""
    other = dedup.open(dataset.name)
    path = dataset.frame["path"].iat[0]
    for act in (
        lambda: other.tag([0, 1, 2], "x"),
        lambda: other.tag([2, 3], "x"),
        lambda: other.decisions.tag([path, "gone.jpg"], "x", remove=True),
        lambda: other.decisions.tag_all([path], ["x", "y"]),
        lambda: other.tag([4], "y") and other.tag([4], "y", remove=True),
        lambda: other.decisions.undo(),
        lambda: other.decisions.decide([("keep", path, "", "")], "kept") and other.tag([5], "y"),
        lambda: other.decisions.rename_tag("x", "z"),
        lambda: other.decisions.undo(),
        lambda: other.decisions.merge_tags(["y"], "x"),
        lambda: other.decisions.undo(),
        lambda: other.decisions.redo(),
    ):
        act()
        pd.testing.assert_frame_equal(dataset.frame, dedup.open(dataset.name).frame)
    other.tag([7], "x")
    retagged = dataset.decisions.retagged

    def renamed_meanwhile(before, now):
        other.decisions.rename_tag("x", "new name")
        return retagged(before, now)

    monkeypatch.setattr(dataset.decisions, "retagged", renamed_meanwhile)
    assert dataset.frame["tag:new name"].iat[7]


def test_selecting_and_exporting(dataset, tmp_path):
    kept = dataset.select("singularity > 0")
    assert kept.sum() == 8
    assert dataset.export("csv", tmp_path / "clean.csv", kept).rows == 8
    assert dataset.export("pairs", tmp_path / "pairs.csv").rows == 3
    assert dataset.export("folder", tmp_path / "clean", [0, 1], mode="symlink").rows == 2
    with pytest.raises(UsageError, match="csv, parquet, pairs, coco, folder"):
        dataset.export("pdf", tmp_path / "clean.pdf")


@pytest.mark.parametrize("name", ["photos.zip", "photos.csv"])
def test_no_export_is_written_over_what_the_images_are_read_from(tmp_path, home, name):
    folder_of_photos(tmp_path / "photos", 2)
    source = tmp_path / name
    if name.endswith(".zip"):
        zipped(tmp_path / "photos", source)
    else:
        source.write_text("path\n" + "\n".join(map(str, sorted((tmp_path / "photos").iterdir()))) + "\n")
    before = source.read_bytes()
    dataset = dedup.scan(source, home=home, name="packed")
    with pytest.raises(ExportError, match="images are read from"):
        dataset.export("csv", source, overwrite=True)
    assert source.read_bytes() == before


@pytest.mark.parametrize("to", ["coco", "csv"])
def test_no_export_is_written_over_the_labels_of_the_dataset(tmp_path, home, to):
    """A part of the images would take the labels of all others with it."""
    folder_of_photos(tmp_path / "photos", 2)
    labels = tmp_path / "photos/labels.json"
    names = sorted(file.name for file in (tmp_path / "photos").iterdir())
    images = [{"id": number, "file_name": name} for number, name in enumerate(names)]
    boxes = [{"id": each["id"], "image_id": each["id"], "category_id": 1, "bbox": [1, 2, 3, 4]} for each in images]
    labels.write_text(json.dumps({"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "cat"}]}))
    before = labels.read_bytes()
    dataset = dedup.scan(tmp_path / "photos", home=home, annotations=[labels])
    with pytest.raises(ExportError, match="labels are read from, which nothing is written over"):
        dataset.export(to, labels, [0], overwrite=True)
    assert labels.read_bytes() == before
    assert dataset.export(to, tmp_path / f"other.{to}", [0]).rows == 1


def test_a_folder_may_be_called_as_no_home_is(tmp_path, home, monkeypatch):
    """~old is a name like any other where there is no user old."""
    monkeypatch.chdir(tmp_path)
    folder_of_photos(tmp_path / "~old", 1)
    dataset = dedup.scan("~old", home=home)
    assert dataset.root == tmp_path / "~old"
    assert dataset.export("csv", "~old.csv").path == tmp_path / "~old.csv"


def test_a_scan_by_less_than_one_worker_is_refused(tmp_path, home):
    """-1 is "all" to others; here it waited for ever."""
    folder_of_photos(tmp_path / "photos", 1)
    with pytest.raises(UsageError, match="-1 workers"):
        dedup.scan(tmp_path / "photos", home=home, workers=-1)


def test_what_python_cannot_give_is_a_sentence(dataset, tmp_path):
    count = len(dataset.frame)
    for row in (-1, count):
        for ask in (dataset.file, dataset.at_hand, dataset.imagehash, dataset.where):
            with pytest.raises(UsageError, match=f"no row {row}"):
                ask(row)
    for vectors in (np.zeros((count - 1, 4)), np.zeros(count), [[1.0], [1.0, 2.0]], [["a"]] * count, "no"):
        with pytest.raises(UsageError, match=r"row of numbers for each|no array of numbers"):
            dataset.give_vectors(vectors, "mine")
    for vector in (np.full(4, np.nan), np.zeros((1, 4))):
        with pytest.raises(UsageError, match=r"finite numbers|the shape"):
            dataset.search(vector, 3)
    with pytest.raises(UsageError, match="how many"):
        dataset.search(np.zeros(4), -1)
    with pytest.raises(UsageError, match="The export csv has no option foo"):
        dataset.export("csv", tmp_path / "x.csv", foo=1)
    table = dataset.to_pandas()
    assert all(type(each) is list for name in ("classes", "tags") if name in table for each in table[name])


def test_another_process_sees_the_decision_at_once(dataset):
    other = dedup.open(dataset.name)
    before = other.revision
    dataset.tag([3], "seen")
    assert other.revision > before and other.frame["tag:seen"].sum() == 1


def test_moving_the_threshold_changes_counts_without_a_scan(dataset):
    scan_id = dataset.scan_id
    dataset.near_threshold = 1e-6
    assert (dataset.frame["kind"] == "near").sum() == 0 and set(dataset.pairs["kind"]) == {"exact", "similar"}
    dataset.decisions.undo()
    assert (dataset.frame["kind"] == "near").sum() == 4 and dataset.scan_id == scan_id
    with pytest.raises(UsageError):
        dataset.near_threshold = 0


def test_a_chosen_keeper_stays_and_says_so(dataset):
    frame = dataset.frame
    dataset.decisions.decide([("keeper", "zz-copy.jpg", "", "1")], "Kept the copy")
    after = dataset.frame.set_index("path")
    assert after["role"]["zz-copy.jpg"] == "keeper" and after["kind"]["0000.jpg"] == "exact"
    assert after["keeper_reason"]["zz-copy.jpg"] == "chosen by a person"
    assert (frame["singularity"] == 0).sum() == (after["singularity"] == 0).sum() == 1


def test_a_verdict_takes_a_near_pair_apart(dataset):
    frame = dataset.frame.set_index("path")
    shas = sorted([frame["sha256"]["mirror.jpg"], frame["sha256"]["0001.jpg"]])
    dataset.decisions.decide([("verdict", shas[0], shas[1], "different")], "Not a duplicate")
    assert dataset.frame.set_index("path")["kind"]["mirror.jpg"] == "unique"


def test_a_protected_folder_keeps_its_images(tmp_path, home):
    save(photo(1), tmp_path / "in/curated/deep/name.png")
    save(photo(1), tmp_path / "in/a.png")
    dataset = dedup.scan(tmp_path / "in")
    assert dataset.frame.set_index("path")["role"]["a.png"] == "keeper"
    dataset.decisions.decide([("folder", "curated", "", "protected")], "Protected curated")
    frame = dataset.frame.set_index("path")
    assert frame["role"]["curated/deep/name.png"] == "keeper"
    assert frame["keeper_reason"]["curated/deep/name.png"] == "is in a protected folder"


def test_names_that_are_not_utf8_open(tmp_path, home):
    (tmp_path / "in").mkdir()
    with open(os.fsencode(tmp_path / "in") + b"/caf\xe9.png", "wb") as stream:
        photo(1).save(stream, "PNG")
    dataset = dedup.scan(tmp_path / "in")
    assert dataset.frame["path"][0] == "caf\\xe9.png" and dataset.file(0).exists()
    dataset.tag([0], "odd")
    assert dedup.scan(tmp_path / "in").frame["tag:odd"].sum() == 1


def test_unknown_datasets_are_said_with_what_there_is(dataset):
    with pytest.raises(UnknownDataset, match="Datasets: in"):
        dedup.open("nothing")
    with pytest.raises(UnknownDataset):
        dedup.open("../in")


def test_damaged_datasets_are_left_out_of_the_list(dataset):
    (dataset.directory / "dataset.json").write_text("{not json")
    assert dedup.datasets() == []


@pytest.mark.shared
def test_coco_annotations_give_classes_and_counts(shared_data, home):
    folder = shared_data / "C-tinycoco" / "tinycoco"
    dataset = dedup.scan(folder / "images", annotations=folder / "annotations" / "instances_val2017.json")
    assert dataset.coco is not None and dataset.frame["annotations"].sum() == 136
    assert all(dataset.frame["classes"].map(len) > 0)
