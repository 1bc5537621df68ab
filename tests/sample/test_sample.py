"""The sample: every relation planted, originals unlike each other, the same every time."""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

import dedup
from dedup import sample
from dedup.errors import Cancelled, SourceError
from dedup.matching.relations import NAMES
from dedup.sample.edits import EDITS


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample") / "pictures"
    start = time.process_time()
    seen = []
    assert sample.make(folder, on_progress=seen.append) == folder
    return folder, sample.read_truth(folder), time.process_time() - start, seen


def upright(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        return ImageOps.exif_transpose(picture).convert("RGB")


def test_the_truth_names_every_file_and_lies_outside(made):
    folder, truth, _, _ = made
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert files == {row.path for row in truth} and len(files) == len(truth)
    assert 250 <= len(files) <= 350
    assert sample.truth_path(folder).parent == folder.parent
    assert {row.path.split("/")[0] for row in truth} == {"train", "val", "test"}


def test_it_is_quick_and_says_how_far_it_is(made):
    _, truth, seconds, seen = made
    assert seconds < 12
    assert [progress.done for progress in seen] == list(range(1, len(truth) + 1))
    assert seen[-1].total == len(truth)


def test_every_relation_is_planted(made):
    _, truth, _, _ = made
    counts = Counter(row.relation for row in truth)
    assert all(counts[edit.relation] == sample.COPIES_AN_EDIT for edit in EDITS)
    planted = {name for relation in counts for name in relation.replace(" with a caption", "").split(", ")}
    unplanted = {"next to identical", "other depth", "flattened", "other frames"}  # all are pictures of 8 bits
    unplanted |= {
        "part of the other",
        "contains the other",
        "negative",
        "otherwise changed",
        "solarised",
        "hue turned",
        "channels exchanged",
    }  # its scan is not a thorough one
    assert set(NAMES) - unplanted <= planted
    assert counts["burst"] == 8


def test_leaks_between_splits_are_planted(made):
    _, truth, _, _ = made
    assert sum(row.original.split("/")[0] not in ("", row.path.split("/")[0]) for row in truth) >= 10


def test_exact_copies_have_the_same_pixels_and_often_other_bytes(made):
    folder, truth, _, _ = made
    exact = [row for row in truth if row.kind == "exact"]
    assert len(exact) >= 12
    for row in exact:
        same_bytes = (folder / row.path).read_bytes() == (folder / row.original).read_bytes()
        assert same_bytes == (row.relation == "identical file")
        assert np.array_equal(upright(folder / row.path), upright(folder / row.original))


def test_originals_are_unlike_each_other(made):
    folder, truth, _, _ = made
    hashes = [sample._hashes(upright(folder / row.path))[0] for row in truth if row.kind == "unique"]
    packed = np.array(hashes)
    distances = np.bitwise_count(packed[:, None] ^ packed[None]).sum(axis=2, dtype=int)
    np.fill_diagonal(distances, 256)
    assert distances.min() >= sample.LEAST_BITS - 8  # JPEG costs a few bits


def test_some_have_capture_times_and_cameras(made):
    folder, truth, _, _ = made
    with_camera = 0
    for row in truth[:60]:
        with Image.open(folder / row.path) as picture:
            with_camera += 271 in picture.getexif()
    assert 20 < with_camera < 60


def test_broken_files_cannot_be_read(made):
    folder, truth, _, _ = made
    broken = [row.path for row in truth if row.kind == "failed"]
    assert len(broken) == 3
    for path in broken:
        with pytest.raises(OSError):
            upright(folder / path)


def test_the_same_every_time_and_a_finished_one_is_kept(made, tmp_path):
    folder, truth, _, _ = made
    (tmp_path / "again").mkdir()
    again = sample.make(tmp_path / "again")
    for row in truth:
        first, second = (hashlib.sha256((place / row.path).read_bytes()).digest() for place in (folder, again))
        assert first == second
    before = again.stat().st_mtime_ns
    assert sample.make(again) == again and again.stat().st_mtime_ns == before


def test_nothing_of_a_person_is_overwritten(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.txt").write_text("x")
    with pytest.raises(SourceError, match="is not empty"):
        sample.make(tmp_path / "mine")


def test_cancelling_leaves_nothing(tmp_path):
    def cancel(progress):
        raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        sample.make(tmp_path / "new", on_progress=cancel)
    assert list(tmp_path.iterdir()) == []


def test_boxes_lie_beside_the_folder_and_around_what_is_there(made):
    folder, truth, _, _ = made
    [path] = sample.annotation_files(folder)
    document = json.loads(path.read_text())
    pixels = {image["id"]: (image["file_name"], image["width"], image["height"]) for image in document["images"]}
    assert len(document["annotations"]) > 30
    assert {name for name, _, _ in pixels.values()} <= {row.path for row in truth}
    for each in document["annotations"]:
        name, width, height = pixels[each["image_id"]]
        x, y, wide, high = each["bbox"]
        assert 0 <= x < x + wide <= width and 0 <= y < y + high <= height
        assert upright(folder / name).size == (width, height)
    assert sample.annotation_files(folder.with_name("an earlier sample")) == []


def test_two_labels_clash_so_that_every_page_has_something_to_show(made, tmp_path):
    folder, _, _, _ = made
    scanned = dedup.scan(folder, home=tmp_path, workers=1, annotations=sample.annotation_files(folder))
    assert [case.clash.sentence() for case in scanned.clashes] == [
        "fruit on the left, flowers on the right",
        "flowers in another place",
    ]
    assert scanned.annotation_errors == []
