"""Whatever happens inside one pair costs that pair only: with planted faults, all others come out as without them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageOps

import dedup
from dedup.matching import alignment, candidates, relations, verdict
from dedup.matching.candidates import Candidates
from dedup.matching.engine import EARLY, Related, relate, sparing
from tests.pictures import save
from tests.scenes import facts_of, scene, signatures_of

FAULT = "ZeroDivisionError: planted"
NAMES = ["original", "mirrored", "cropped", "brighter", "other", "other mirrored", "third"]


def pictures() -> list[Image.Image]:
    """A picture with three copies, another with one, and one alone, in the order of `NAMES`."""
    first, second = scene(1, 160, 120), scene(2, 160, 120)
    copies = [ImageOps.mirror(first), first.crop((6, 4, 154, 116)), ImageEnhance.Brightness(first).enhance(1.2)]
    return [first, *copies, second, ImageOps.mirror(second), scene(3, 160, 120)]


@pytest.fixture(scope="module")
def facts() -> pd.DataFrame:
    return facts_of(pictures())


@pytest.fixture(scope="module")
def signatures() -> np.ndarray:
    return signatures_of(pictures())


@pytest.fixture(scope="module")
def sound(facts, signatures) -> Related:
    """What is found without a fault."""
    return relate(facts, signatures, workers=1)


def plant(patch: pytest.MonkeyPatch, where: str, one: np.void, other: np.void) -> list[int]:
    """Make the alignment or the judgement of the pair of two signatures fail; returns how many pairs each call had."""
    asked: list[int] = []
    bad = {one["tiny"].tobytes(), other["tiny"].tobytes()}
    align, judge = alignment.align, verdict.judge

    def check(tiny, source, template):
        asked.append(len(source))
        pairs = zip(source.tolist(), template.tolist(), strict=True)
        if any({tiny[left].tobytes(), tiny[right].tobytes()} == bad for left, right in pairs):
            raise ZeroDivisionError("planted")

    def failing_align(tiny, source, template, *rest):
        check(tiny, source, template)
        return align(tiny, source, template, *rest)

    def failing_judge(facts, signatures, pairs, maps, measures):
        check(signatures["tiny"], pairs.source, pairs.template)
        return judge(facts, signatures, pairs, maps, measures)

    if where == "align":
        patch.setattr(alignment, "align", failing_align)
    else:
        patch.setattr(verdict, "judge", failing_judge)
    return asked


def halves(table: pd.DataFrame, left: int, right: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of a pair, and all others."""
    of_pair = (table["left"] == left) & (table["right"] == right)
    return table[of_pair], table[~of_pair].reset_index(drop=True)


# --- the work ---------------------------------------------------------------------------------------------------------


@given(bad=st.sets(st.integers(0, 40)), count=st.integers(1, 40))
def test_sparing_gives_every_row_once_and_fails_for_those_only_that_fail(bad, count):
    def work(rows):
        if bad.intersection(rows.tolist()):
            raise ValueError(f"{sorted(bad.intersection(rows.tolist()))}")
        return rows * 2

    found = sparing(work, np.arange(count))
    assert np.concatenate([rows for rows, _ in found]).tolist() == list(range(count))
    for rows, outcome in found:
        if isinstance(outcome, Exception):
            assert len(rows) == 1 and rows[0] in bad and str(outcome) == f"[{rows[0]}]"
        else:
            assert not bad.intersection(rows.tolist()) and outcome.tolist() == (rows * 2).tolist()


def test_sparing_asks_once_where_nothing_fails_and_a_few_times_for_one_that_does():
    calls = []

    def work(rows):
        calls.append(len(rows))
        if 77 in rows:
            raise ValueError

    assert len(sparing(work, np.arange(77))) == len(calls) == 1
    calls.clear()
    sparing(work, np.arange(256))
    assert len(calls) <= 2 * 8 + 1


def test_a_person_who_stops_is_no_fault_of_a_pair():
    def work(rows):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sparing(work, np.arange(8))


# --- faults -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["align", "judge"])
@pytest.mark.parametrize("pair", [(0, 1), (1, 3), (4, 5)], ids=str)
@pytest.mark.parametrize("workers", [1, 2])
def test_a_pair_that_fails_is_listed_with_its_reason_and_all_others_are_as_without_it(
    where, pair, workers, facts, signatures, sound, monkeypatch
):
    asked = plant(monkeypatch, where, signatures[pair[0]], signatures[pair[1]])
    found = relate(facts, signatures, workers=workers)
    before, others = halves(sound.pairs, *pair)
    bad, rest = halves(found.pairs, *pair)
    assert before["kind"].tolist() == ["near"] and max(asked) > 1
    pd.testing.assert_frame_equal(rest, others, check_exact=True)
    assert bad["kind"].tolist() == ["unjudged"] and bad["note"].tolist() == [FAULT]
    assert bad["distance"].isna().all() and bad.dtypes.equals(before.dtypes)
    assert relations.describe(bad) == [f"could not be judged ({FAULT})"]
    for name in ("nearest", "nearest_bits", "alike"):
        assert (getattr(found, name) == getattr(sound, name)).all()


@pytest.mark.parametrize("where", ["align", "judge"])
def test_when_every_pair_fails_every_pair_is_listed(where, facts, signatures, sound, monkeypatch):
    def fail(*arguments):
        if len(arguments[0]):  # that there are no pairs is asked as well
            raise ZeroDivisionError("planted")
        return judge(*arguments)

    judge = verdict.judge
    monkeypatch.setattr(alignment if where == "align" else verdict, where, fail)
    found = relate(facts, signatures, workers=1).pairs
    assert (found["kind"] == "unjudged").all() and (found["note"] == FAULT).all()
    assert set(zip(sound.pairs["left"], sound.pairs["right"], strict=True)) <= set(
        zip(found["left"], found["right"], strict=True)
    )
    assert not found[["left", "right"]].duplicated().any()


def test_what_can_be_told_of_a_pair_that_fails_is_told(facts, signatures, monkeypatch):
    deep = facts.assign(bits=[16, 8, 8, 8, 8, 8, 8], frames=[1, 4, 1, 1, 1, 1, 1])
    plant(monkeypatch, "align", signatures[0], signatures[1])
    bad, _ = halves(relate(deep, signatures, workers=1).pairs, 0, 1)
    told = bad.iloc[0]
    assert (told["left_bits"], told["right_bits"], told["left_frames"], told["right_frames"]) == (16, 8, 1, 4)


@pytest.mark.parametrize("where", ["align", "judge"])
def test_a_whole_scan_completes_and_calls_the_pair_that_fails_nothing(where, tmp_path, home, signatures, monkeypatch):
    for name, picture in zip(NAMES, pictures(), strict=True):
        save(picture, tmp_path / "in" / f"{name}.png")
    before = dedup.scan(tmp_path / "in", name="before", workers=1)
    plant(monkeypatch, where, signatures[4], signatures[5])
    after = dedup.scan(tmp_path / "in", name="after", workers=1)
    row = {name: number for number, name in enumerate(after.frame["path"].str.removesuffix(".png"))}
    left, right = sorted([row["other"], row["other mirrored"]])
    bad, rest = halves(after.pairs, left, right)
    usual, others = halves(before.pairs, left, right)
    assert usual["kind"].tolist() == ["near"] and bad["kind"].tolist() == ["unjudged"]
    assert bad["note"].tolist() == [FAULT]
    pd.testing.assert_frame_equal(rest, others, check_exact=True)
    frame = after.frame.iloc[[left, right]]
    assert frame["kind"].tolist() == ["unique", "unique"] and (frame["group"] == -1).all()
    assert (frame["singularity"] > 0.05).all() and frame["relation"].tolist() == ["", ""]
    columns = ["path", "kind", "role", "relation", "singularity", "distance", "nearest"]
    kept = [number for number in range(len(NAMES)) if number not in (left, right)]
    pd.testing.assert_frame_equal(after.frame.iloc[kept][columns], before.frame.iloc[kept][columns])
    monkeypatch.undo()
    monkeypatch.setenv("DEDUP_HOME", str(home))
    assert dedup.open("after").pairs["note"].tolist().count(FAULT) == 1


def test_a_small_thing_on_white_is_judged_without_dividing_by_nothing():
    def thing(scale):
        picture = Image.new("RGB", (round(400 * scale), round(300 * scale)), "white")
        picture.paste(scene(5, round(40 * scale), round(30 * scale)), (round(180 * scale), round(140 * scale)))
        return picture

    both = [thing(1), thing(0.5)]
    with np.errstate(all="raise", under="ignore"):
        found = relate(facts_of(both), signatures_of(both), workers=1).pairs
    assert found["kind"].tolist() == ["near"]


# --- neighbours -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pairs() -> Candidates:
    """Every picture with every other one, as it is and mirrored."""
    source, template = (np.tile(side, 2).astype(np.int32) for side in np.triu_indices(len(NAMES), 1))
    start = np.repeat(candidates.ORIENTATION_MAPS[:2], len(source) // 2, axis=0).astype(np.float64)
    return Candidates(source, template, start, np.zeros((len(source), 2), bool))


def outcome(facts: pd.DataFrame, signatures: np.ndarray, pairs: Candidates) -> tuple[bytes, bytes, list[pd.DataFrame]]:
    """The maps, the measures and the judgement of pairs; a list, empty where none of them is related."""
    tiny = np.ascontiguousarray(signatures["tiny"])
    margin = np.linspace(0, 0.02, len(tiny))
    boxes = np.column_stack([margin, margin / 2, 1 - margin / 2, 1 - margin]).astype(np.float32)
    maps, measures = alignment.align(tiny, pairs.source, pairs.template, pairs.start, boxes, EARLY)
    told = verdict.judge(facts, signatures, pairs, maps, measures)
    return maps.tobytes(), measures.tobytes(), [told] if len(told) else []


@pytest.fixture(scope="module")
def alone(facts, signatures, pairs) -> list[tuple[bytes, bytes, list[pd.DataFrame]]]:
    """The outcome of every pair by itself."""
    return [outcome(facts, signatures, pairs.part(np.array([row]))) for row in range(len(pairs))]


def same(facts: pd.DataFrame, signatures: np.ndarray, pairs: Candidates, rows: list[int], alone: list) -> bool:
    """Whether a block of pairs has, bit by bit, the outcomes of each of them alone."""
    maps, measures, told = outcome(facts, signatures, pairs.part(np.array(rows)))
    expected = [table for row in rows for table in alone[row][2]]
    assert len(expected) == sum(map(len, told))
    if told:
        pd.testing.assert_frame_equal(told[0], pd.concat(expected, ignore_index=True), check_exact=True)
    return maps == b"".join(alone[row][0] for row in rows) and measures == b"".join(alone[row][1] for row in rows)


def test_a_pair_alone_is_aligned_and_judged_bit_by_bit_as_in_a_block(facts, signatures, pairs, alone):
    assert sum(len(told) for _, _, told in alone) >= 6
    assert same(facts, signatures, pairs, list(range(len(pairs))), alone)


@settings(max_examples=30)
@given(st.data())
def test_neither_order_nor_neighbours_change_a_bit_of_a_pair(facts, signatures, pairs, alone, data):
    rows = data.draw(st.lists(st.integers(0, len(pairs) - 1), min_size=1))
    assert same(facts, signatures, pairs, rows, alone)
