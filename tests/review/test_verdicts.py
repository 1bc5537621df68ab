"""Verdicts are kept by content, travel as a file, and hold until a new member joins."""

from __future__ import annotations

import hashlib
import json

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup.errors import ExportError, UsageError
from dedup.model import Kind, Role
from dedup.review import verdicts
from dedup.review.verdicts import Verdicts
from dedup.store.decisions import Decisions
from tests.building import make_images, picture

A, B, C, D = (hashlib.sha256(name.encode()).hexdigest() for name in "abcd")


def test_what_is_decided_is_found_again_whatever_the_order(tmp_path):
    decisions = Decisions(tmp_path / "decisions.db")
    assert verdicts.of(decisions) == Verdicts()
    decisions.decide([verdicts.change(B, A), verdicts.review([B, A, A])], "keep both")
    assert verdicts.of(decisions) == Verdicts(frozenset({frozenset({A, B})}), frozenset({tuple(sorted([A, A, B]))}))
    decisions.decide([verdicts.change(A, B, remove=True), verdicts.review([A, B, A], remove=True)], "take back")
    assert verdicts.of(decisions) == Verdicts()
    decisions.undo()
    assert len(verdicts.of(decisions)) == 2


def test_the_same_bytes_cannot_be_told_apart():
    with pytest.raises(UsageError, match="identical"):
        verdicts.change(A, A)


def grouped(*groups: list[tuple[str, str]]) -> pd.DataFrame:
    """A frame of groups given as (path, hash), the keeper first."""
    return pd.DataFrame(
        [
            (path, sha256, number, Role.DUPLICATE if place else Role.KEEPER, Kind.EXACT, 0.0)
            for number, members in enumerate(groups)
            for place, (path, sha256) in enumerate(members)
        ],
        columns=["path", "sha256", "group", "role", "kind", "distance"],
    )


NOTHING = grouped()


def fated(decisions: Decisions) -> dict[str, tuple[str, str]]:
    """Path to (fate, keeper's hash)."""
    return {path: (kind, keeper) for kind in ("drop", "keep") for (path, _), keeper in decisions.values(kind).items()}


def test_fates_are_found_by_content_and_hold_for_the_same_images_elsewhere(tmp_path):
    mine = Decisions(tmp_path / "mine.db")
    mine.decide([("drop", "b.jpg", B, A), ("keep", "c.jpg", C, A), ("drop", "gone.jpg", D, A)], "review")
    verdicts.write(verdicts.of(mine), tmp_path / "verdicts.json")
    found = verdicts.read(tmp_path / "verdicts.json")
    assert found == verdicts.of(mine) and len(found) == 3
    theirs = Decisions(tmp_path / "theirs.db")
    frame = grouped([("x/a", A), ("x/b", B), ("x/b too", B), ("x/c", C)], [("other", D), ("b elsewhere", B)])
    assert verdicts.merge(theirs, frame, found) == 2  # nothing here is D
    assert fated(theirs) == {"x/b": ("drop", A), "x/b too": ("drop", A), "x/c": ("keep", A)}
    assert theirs.values("keeper") == {}
    theirs.undo()
    assert fated(theirs) == {}


def test_a_fate_chooses_its_keeper_where_another_image_of_the_group_is_it(tmp_path):
    found = Verdicts(fates=frozenset({("drop", A, B), ("drop", C, B)}))
    frame = grouped([("a", A), ("b", B), ("c", C)])
    theirs = Decisions(tmp_path / "theirs.db")
    assert verdicts.merge(theirs, frame, found) == 2  # to choose the keeper is no verdict of the file
    assert fated(theirs) == {"a": ("drop", B), "c": ("drop", B)} and theirs.values("keeper") == {("b", ""): "1"}
    chosen = Decisions(tmp_path / "chosen.db")
    chosen.decide([("keeper", "c", "", "1")], "keep c")
    verdicts.merge(chosen, frame, found)
    assert chosen.values("keeper") == {("c", ""): "1"}


def test_what_was_decided_here_stands_and_doubt_keeps(tmp_path):
    decisions = Decisions(tmp_path / "decisions.db")
    decisions.decide([("keep", "here", B, A)], "keep both")
    found = Verdicts(fates=frozenset({("drop", B, A), ("drop", A, A), ("keep", A, A)}))
    verdicts.merge(decisions, grouped([("a", A), ("here", B), ("there", B), ("a copy", A)]), found)
    assert fated(decisions) == {"here": ("keep", A), "there": ("drop", A), "a copy": ("keep", A)}


def test_files_of_version_1_are_still_read():
    text = json.dumps({"format": "dedup verdicts", "version": 1, "different": [[A, B]], "reviewed": [[A, C]]})
    assert verdicts.from_bytes(text.encode()) == Verdicts(
        frozenset({frozenset({A, B})}), frozenset({tuple(sorted([A, C]))})
    )


def test_a_file_carries_verdicts_to_another_dataset(tmp_path):
    mine = Verdicts(frozenset({frozenset({A, B}), frozenset({C, D})}), frozenset({tuple(sorted([A, C, C]))}))
    verdicts.write(mine, tmp_path / "verdicts.json")
    with pytest.raises(ExportError, match="exists already"):
        verdicts.write(Verdicts(), tmp_path / "verdicts.json")
    assert verdicts.from_bytes(verdicts.to_bytes(mine)) == mine
    theirs = Decisions(tmp_path / "theirs.db")
    theirs.decide([verdicts.change(A, B)], "known already")
    assert verdicts.merge(theirs, NOTHING, verdicts.read(tmp_path / "verdicts.json")) == 2
    assert verdicts.of(theirs) == mine
    theirs.undo()
    assert len(verdicts.of(theirs)) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hello", "not a readable file of verdicts"),
        ("[]", "not a file of verdicts"),
        ('{"format": "dedup verdicts", "version": 9}', "version 9"),
        ('{"format": "dedup verdicts", "version": 1, "different": []}', "damaged"),
        ('{"format": "dedup verdicts", "version": 1, "different": [["x", "y"]], "reviewed": []}', "damaged"),
        (json.dumps({"format": "dedup verdicts", "version": 1, "different": [[A, A]], "reviewed": []}), "damaged"),
        (json.dumps({"format": "dedup verdicts", "version": 1, "different": [A], "reviewed": [7]}), "damaged"),
        (json.dumps({"format": "dedup verdicts", "version": 2, "different": [], "reviewed": []}), "damaged"),
        (
            json.dumps(
                {
                    "format": "dedup verdicts",
                    "version": 2,
                    "different": [],
                    "reviewed": [],
                    "drop": [[A, B, C]],
                    "keep": [],
                }
            ),
            "damaged",
        ),
    ],
)
def test_other_files_are_refused_in_one_sentence(tmp_path, text, message):
    (tmp_path / "file.json").write_text(text)
    with pytest.raises(UsageError, match=message):
        verdicts.read(tmp_path / "file.json")
    with pytest.raises(UsageError, match=f"The file is .*{message}"):
        verdicts.from_bytes(text.encode())


def test_a_group_is_settled_until_a_member_joins():
    reviewed = Verdicts(reviewed=frozenset({tuple(sorted([A, A, B]))}))
    assert verdicts.settled({1: (A, A, B)}, {}, reviewed) == {1}
    assert verdicts.settled({1: (A, B)}, {}, reviewed) == {1}
    assert verdicts.settled({1: tuple(sorted([A, B, C]))}, {}, reviewed) == set()
    assert verdicts.settled({1: (A, A, A)}, {}, reviewed) == set()


def test_a_group_whose_copies_were_all_told_apart_from_the_keeper_is_settled():
    apart = Verdicts(different=frozenset({frozenset({A, B}), frozenset({A, C})}))
    groups = {1: tuple(sorted([A, B, C])), 2: tuple(sorted([A, B, D])), 3: (A, A)}
    assert verdicts.settled(groups, {1: A, 2: A, 3: A}, apart) == {1}


def test_memberships_and_keepers_of_a_frame(tmp_path):
    for name in ("a.png", "b.png"):
        picture(tmp_path / "photos" / name, 1)
    picture(tmp_path / "photos" / "c.png", 2)
    frame = make_images(tmp_path, {"a.png": ["b.png"]}).frame
    assert verdicts.memberships(frame) == {0: (frame["sha256"][0],) * 2}
    assert verdicts.keepers(frame) == {0: frame["sha256"][0]}


hashes = st.lists(st.sampled_from([A, B, C, D]), min_size=1, max_size=5).map(lambda members: tuple(sorted(members)))


@given(hashes, hashes)
def test_settled_means_that_nothing_is_new(now, then):
    expected = all(now.count(sha256) <= then.count(sha256) for sha256 in now)
    assert (verdicts.settled({1: now}, {}, Verdicts(reviewed=frozenset({then}))) == {1}) == expected
