"""Objects that several sources tell of one image in the same words are taken once."""

from __future__ import annotations

import json

import pytest

import dedup
from dedup.checks.gate import Limits, check
from tests.pictures import photo, save

BOX = '<box label="{}" occluded="0" xtl="{}" ytl="10" xbr="90" ybr="80"></box>'


def job(**boxes: str) -> str:
    images = (f'<image name="{name}.jpg" width="160" height="120">{held}</image>' for name, held in boxes.items())
    return f"<annotations>{''.join(images)}</annotations>"


@pytest.fixture
def task(tmp_path, home):
    """Two jobs of one task that overlap in b, in which the second says more; d is a copy of b."""
    for name, seed in {"a": 1, "b": 2, "c": 3, "d": 2, "e": 5}.items():
        save(photo(seed, (160, 120)), tmp_path / "in" / f"{name}.jpg")
    cat, dog = BOX.format("cat", 10), BOX.format("dog", 20)
    (tmp_path / "in" / "job_1.xml").write_text(job(a=cat, b=cat, e=cat))
    (tmp_path / "in" / "job_2.xml").write_text(job(b=cat + dog, c=cat, d=cat + dog))
    return tmp_path / "in"


def test_what_a_later_source_repeats_is_taken_once_and_said(task, tmp_path):
    dataset = dedup.scan(task, use_found=True, workers=1)
    counts = [met.counts for met in dataset.attachments.values()]
    assert [each.get("b.jpg", 0) for each in counts] == [1, 1]
    notes = [note for met in dataset.attachments.values() for note in met.notes]
    assert "1 object of job_2.xml told by other labels already; taken once." in notes
    dataset.export("folder", tmp_path / "out", labels="yolo")
    assert len((tmp_path / "out" / "labels" / "b.txt").read_text().splitlines()) == 2
    assert check(dataset, Limits(exact=None, clashes=0)).passed  # the copy has as many boxes


def test_what_is_kept_of_a_source_holds_for_those_before_it(task):
    dedup.scan(task, use_found=True, workers=1)
    alone = dedup.scan(task, annotations=task / "job_2.xml", workers=1)
    assert [met.counts["b.jpg"] for met in dedup.open(alone.name).attachments.values()] == [2]
    both = dedup.scan(task, annotations=[task / "job_1.xml", task / "job_2.xml"], workers=1)
    assert [met.counts["b.jpg"] for met in dedup.open(both.name).attachments.values()] == [1, 1]


def test_what_says_more_or_stands_twice_in_one_file_stays(tmp_path, home):
    save(photo(1, (160, 120)), tmp_path / "in" / "a.jpg")
    entry = {"image_id": 1, "category_id": 1, "bbox": [1, 2, 30, 40]}
    for name, entries in {
        "instances.json": [entry, entry],
        "keypoints.json": [entry | {"keypoints": [5, 5, 2], "num_keypoints": 1}],
    }.items():
        document = {
            "images": [{"id": 1, "file_name": "a.jpg"}],
            "categories": [{"id": 1, "name": "person"}],
            "annotations": [each | {"id": place} for place, each in enumerate(entries, start=1)],
        }
        (tmp_path / name).write_text(json.dumps(document))
    both = [tmp_path / "instances.json", tmp_path / "keypoints.json"]
    dataset = dedup.scan(tmp_path / "in", annotations=both, workers=1)
    assert [met.counts["a.jpg"] for met in dataset.attachments.values()] == [2, 1]
