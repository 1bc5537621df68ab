"""The threshold by example: which pairs are asked about, what follows from the answers, and where they are kept."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

import dedup
from dedup.review import examples
from dedup.store.decisions import DIFFERENT, EXAMPLE, VERDICT
from tests.pictures import photo, save


def table_of(distances, kind="near", note="") -> pd.DataFrame:
    count = len(distances)
    return pd.DataFrame({"left": range(0, 2 * count, 2), "right": range(1, 2 * count, 2), "kind": kind, "note": note,
                         "distance": distances})  # fmt: skip


def test_pairs_that_something_else_decides_are_not_asked_about():
    parts = [table_of([0.2]), table_of([0.3], "similar"), table_of([0.4], "similar", "other colours"),
             table_of([0.0], "exact"), table_of([np.nan], "unjudged"), table_of([1.4], "similar")]  # fmt: skip
    assert examples.judged(pd.concat(parts, ignore_index=True))["distance"].tolist() == [0.2, 0.3]


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=600), st.floats(0.02, 1))
def test_questions_lie_around_the_threshold(distances, threshold):
    table = examples.judged(table_of(distances))
    places = examples.questions(table, threshold)
    assert len(places) == len(set(places)) == min(examples.MOST, len(places)) > 0
    held = table["distance"].to_numpy()
    apart = np.abs(held[places] - threshold)
    assert (np.diff(apart) >= 0).all(), "the nearest first"
    below, above = (held <= threshold).sum(), (held > threshold).sum()
    if min(below, above) >= examples.AROUND:
        assert abs(sum(held[place] <= threshold for place in places) - examples.MOST / 2) <= 1


def suggested(distances, said, threshold=0.5):
    return examples.suggest(examples.judged(table_of(sorted(distances))), said, threshold)


def test_the_threshold_comes_to_lie_where_the_answers_change():
    distances = np.linspace(0.05, 0.95, 91)
    said = [each <= 0.3 if place % 3 == 0 else None for place, each in enumerate(distances)]
    found = suggested(distances, said)
    assert 0.27 < found.best.threshold < 0.33
    assert found.best.wrong < 1 < found.now.wrong and found.answers == 31
    wider = suggested(distances, [each <= 0.7 if place % 3 == 0 else None for place, each in enumerate(distances)])
    assert 0.66 < wider.best.threshold < 0.73 and wider.now.missed > 15


def test_a_wrong_copy_weighs_more_than_a_missed_one():
    """Half of the pairs between 0.4 and 0.6 are copies: the threshold stays below them."""
    distances = np.linspace(0.1, 0.9, 81)
    said = [each < 0.4 or (each <= 0.6 and place % 2 == 0) for place, each in enumerate(distances)]
    assert suggested(distances, said).best.threshold < 0.42


def test_too_few_answers_or_all_alike_suggest_nothing():
    distances = np.linspace(0.1, 0.9, 30)
    assert suggested(distances, [None] * 30) is None
    assert suggested(distances, [True] * 30) is None
    assert suggested(distances, [True] * 3 + [False] * 4 + [None] * 23) is None


def test_the_threshold_of_now_stays_where_nothing_is_better():
    distances = [*np.linspace(0.1, 0.3, 20), *np.linspace(0.7, 0.9, 20)]
    found = suggested(distances, [each < 0.5 for each in distances])
    assert found.best == found.now and found.now.cost == 0


@given(st.lists(st.tuples(st.floats(0.01, 0.99), st.booleans()), min_size=1, max_size=40))
def test_no_farther_pair_is_likelier_a_copy(told):
    distance, copies = (np.array(each) for each in zip(*told, strict=True))
    found = examples.likelihood(distance, copies, np.linspace(0, 1, 50))
    assert (np.diff(found) <= 1e-9).all() and found.min() >= 0 and found.max() <= 1


def test_answers_are_decisions_by_content(home, tmp_path):
    for number in range(2):
        save(photo(number), tmp_path / f"in/{number}.png")
    dataset = dedup.scan(tmp_path / "in", workers=1)
    (pair,) = examples.contents(dataset.frame, pd.DataFrame({"left": [0], "right": [1]}))
    dataset.decisions.decide([examples.change(pair, copy=True)], "0.png and 1.png: a copy")
    values = {kind: dataset.decisions.values(kind) for kind in (VERDICT, EXAMPLE)}
    assert examples.answers(values) == {pair: True}
    dataset.decisions.decide([examples.change(pair, copy=False)], "not a copy")
    assert dataset.decisions.values(EXAMPLE) == {tuple(sorted(pair)): DIFFERENT}
    dataset.decisions.undo()
    dataset.decisions.undo()
    assert dataset.decisions.values(EXAMPLE) == {}
    one, other = sorted(pair)
    dataset.decisions.decide([(VERDICT, one, other, DIFFERENT)], "told apart")
    values = {kind: dataset.decisions.values(kind) for kind in (VERDICT, EXAMPLE)}
    assert examples.answers(values) == {pair: False}, "what was told apart is an answer"


def test_an_image_beside_itself_is_a_pair_too():
    assert examples.change(frozenset(["ab"]), copy=True) == (EXAMPLE, "ab", "ab", examples.COPY)


def test_nothing_is_suggested_beyond_what_was_asked_about():
    distances = np.linspace(0.05, 0.95, 91)
    said = [place % 2 == 0 if 0.4 < each < 0.6 else None for place, each in enumerate(distances)]
    assert 0.38 < suggested(distances, said).best.threshold < 0.62
