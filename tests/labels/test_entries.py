"""Annotations kept as text behave as the list of objects they stand for, and take no more than their text."""

from __future__ import annotations

import json
import tracemalloc

import msgspec
from hypothesis import example, given
from hypothesis import strategies as some

from dedup.labels import coco_sound
from dedup.labels.entries import Entries, chunks, packed

IDS = some.integers(-(2**70), 2**70) | some.text(some.characters())  # half characters as well: JSON may have them
VALUES = some.recursive(
    some.none() | some.booleans() | IDS | some.floats(allow_nan=False, allow_infinity=False), some.lists, max_leaves=5
)
LISTS = some.lists(
    some.dictionaries(some.text(max_size=3), VALUES, max_size=3)
    | some.fixed_dictionaries({"id": IDS, "image_id": IDS}, optional={"category_id": IDS, "bbox": VALUES})
)


@given(LISTS, LISTS)
def test_they_are_what_the_lists_are(first, second):
    entries = Entries.of(first)
    assert entries == first and list(entries) == first and len(entries) == len(first)
    assert entries.with_more(second) == first + second and entries[1:3] == first[1:3]
    for key in ("id", "image_id", "category_id"):
        assert entries.column(key) == [entry.get(key) for entry in first]
    chosen = [place % 2 == 1 for place in range(len(first))]
    assert entries.where(chosen) == first[1::2]
    changed = entries.changed({place: lambda entry: entry | {"new": 1} for place in range(0, len(first), 2)})
    assert changed == [e if place % 2 else e | {"new": 1} for place, e in enumerate(first)] and entries == first


@given(LISTS)
def test_their_text_reads_as_they_do(entries):
    document = {"info": {"a": 1}, "annotations": entries, "images": []}
    assert json.loads(b"".join(chunks(document | {"annotations": Entries.of(entries)}))) == document


def test_what_is_given_out_may_be_changed():
    for entry in ({"id": 1}, {"id": "\ud800"}):
        entries = Entries.of([entry])
        entries[0]["id"] = 2
        assert entries == [entry]


def test_sound_entries_leave_as_the_text_they_came(tmp_path):
    odd = b'{ "id":1,\n "image_id" : 1, "bbox":[1.50, 2e0,3,4], "text": "\\u00e9" }'
    (tmp_path / "coco.json").write_bytes(
        b'{"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [%s, {"image_id": 1.0, "id": 2}]}' % odd
    )
    document, unsound = coco_sound.read(tmp_path / "coco.json")
    assert not unsound and list(document["annotations"].texts()) == [odd, b'{"image_id":1,"id":2}']


NUMBERS = some.floats(allow_nan=False, allow_infinity=False) | some.integers(-(2**70), 2**70)
ODD = VALUES | some.lists(NUMBERS, min_size=4, max_size=4) | some.lists(some.lists(NUMBERS, max_size=6), max_size=2)


@given(
    some.fixed_dictionaries(
        {},
        optional={
            "id": ODD,
            "image_id": some.just(1) | ODD,
            "category_id": some.just(7) | ODD,
            "bbox": ODD,
            "segmentation": ODD,
            "keypoints": ODD,
        },
    )
)
@example({"image_id": 1, "bbox": None})
@example({"image_id": 1, "segmentation": [1, [2]]})
@example({"image_id": 1, "category_id": 7, "bbox": [1, 2, 3, 4], "segmentation": [[1.5, 2]], "keypoints": []})
def test_what_looks_ordinary_at_once_is_sound_when_looked_at_closely(entry):
    for contested, classes in ((set(), None), (set(), {7}), ({1}, {7})):
        found = coco_sound._sound_annotation(entry, contested=contested, classes=classes)
        held = packed(entry)
        if isinstance(held, msgspec.Raw) and coco_sound._is_ordinary(held, contested, classes):
            assert found == (entry, "", "") and found[0] is entry


def test_a_plain_annotation_looks_ordinary():
    """The property above would hold if nothing did."""
    plain = {"image_id": 1, "id": 1, "category_id": 7, "bbox": [1, 2, 3.5, 4], "segmentation": [[1.5, 2]]}
    for entry in (plain, plain | {"segmentation": {"counts": "x", "size": [1, 2]}}, plain | {"keypoints": [1, 2, 2]}):
        assert coco_sound._is_ordinary(packed(entry), set(), {7})


def test_a_file_takes_little_more_memory_than_it_is_long(tmp_path):
    outline = [round(0.37 * number, 2) for number in range(60)]
    annotations = [{"id": n, "image_id": 1, "bbox": outline[:4], "segmentation": [outline]} for n in range(20_000)]
    content = msgspec.json.encode({"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": annotations})
    (tmp_path / "coco.json").write_bytes(content)
    del annotations
    tracemalloc.start()
    try:
        document, _ = coco_sound.read(tmp_path / "coco.json")
        document["annotations"].column("image_id")
        assert tracemalloc.get_traced_memory()[1] < 2 * len(content)  # as objects: 6 times
    finally:
        tracemalloc.stop()
