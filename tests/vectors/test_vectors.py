"""Who is near whom, the map and the most different ones: against slow references, and what must hold."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup.images.metrics import Sample
from dedup.images.signature import SIGNATURE, extract
from dedup.store import vectors as kept
from dedup.vectors import clusters, drawing, layout, nearest, of_dataset
from dedup.vectors.diverse import by_difference, most_different
from dedup.vectors.signatures import of_signatures, unit
from tests.pictures import photo


def some(count: int, width: int = 8, seed: int = 0) -> np.ndarray:
    return unit(np.random.default_rng(seed).standard_normal((count, width)))


def slowly(vectors: np.ndarray, k: int) -> list[list[int]]:
    """The k nearest others of each, one by one; equal ones by number."""
    found = []
    for one in range(len(vectors)):
        others = [other for other in range(len(vectors)) if other != one]
        others.sort(key=lambda other: (-float(vectors[one] @ vectors[other]), other))
        found.append(others[:k])
    return found


@given(st.integers(2, 40), st.integers(1, 20), st.integers(0, 99))
def test_neighbours_are_those_of_a_slow_search(count, k, seed):
    vectors = some(count, seed=seed)
    found = nearest.nearest(vectors, k)
    assert found.rows.tolist() == slowly(vectors, k)
    assert found.recall == 1 and (np.diff(found.similarity, axis=1) <= 0).all()


def test_blocks_change_nothing(monkeypatch):
    vectors = some(70)
    whole = nearest.nearest(vectors, 5)
    monkeypatch.setattr(nearest, "BLOCK_BYTES", 1)
    told = []
    assert (nearest.nearest(vectors, 5, told.append).rows == whole.rows).all()
    assert (told[-1].done, told[-1].total) == (70, 70)


def test_one_vector_has_no_neighbour():
    assert nearest.nearest(some(1), 5).rows.shape == (1, 0)


def test_an_index_finds_nearly_all_and_says_how_many(monkeypatch):
    vectors = some(600, 12)
    truth = nearest.nearest(vectors, 10)
    monkeypatch.setattr(nearest, "EXACT", 100)
    found = nearest.nearest(vectors, 10)
    alike = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(truth.rows.tolist(), found.rows.tolist(), strict=True)])
    assert 0.9 < found.recall <= 1 and abs(found.recall - alike) < 0.03
    assert (found.rows != np.arange(600)[:, None]).all(), "nobody is a neighbour of its own"
    assert (nearest.nearest(vectors, 10).rows == found.rows).all(), "the same again"


@given(st.integers(1, 30), st.integers(1, 40), st.integers(0, 99))
def test_each_most_different_one_is_furthest_from_those_before(count, wanted, seed):
    vectors = some(count, 3, seed)
    taken = most_different(vectors, wanted)
    assert len(taken) == min(wanted, count) == len(set(taken.tolist()))
    for place in range(1, len(taken)):
        apart = (vectors @ vectors[taken[:place]].T).max(axis=1)
        assert apart[taken[place]] <= apart.min() + 1e-6


def test_equal_ones_are_taken_once():
    vectors = np.repeat(some(4), 5, axis=0)
    assert len(most_different(vectors, 20)) == 4


@given(st.integers(0, 30), st.integers(1, 40), st.integers(0, 3))
def test_after_the_most_different_ones_comes_what_is_least_like_them(count, wanted, seed):
    vectors = some(count, 3, seed) if count else np.zeros((0, 3), np.float32)
    order = by_difference(vectors, wanted)
    taken = most_different(vectors, wanted)
    assert sorted(order.tolist()) == list(range(count))
    assert order[: len(taken)].tolist() == taken.tolist()
    if len(taken) < count:
        like = (vectors[order[len(taken) :]] @ vectors[taken].T).max(axis=1)
        assert (np.diff(like) >= -1e-6).all()


def test_signatures_of_a_picture_and_its_smaller_copy_point_the_same_way():
    pictures = [photo(number) for number in range(6)]
    pictures.append(pictures[0].resize((48, 36)))
    records = np.array([extract(Sample.of(each)) for each in pictures], SIGNATURE)
    found = of_signatures(records)
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    cosine = found @ found[0]
    assert cosine[6] > 0.99 and cosine[1:6].max() < 0.9


def test_colour_alone_tells_apart():
    records = np.zeros(2, SIGNATURE)
    records["tiny"] = np.random.default_rng(0).integers(0, 256, (48, 48))
    records["chroma"] = 128
    records["chroma"][1, ..., 0] = 60
    one, other = of_signatures(records)
    assert one @ other < 0.97


# --- the map ----------------------------------------------------------------------------------------------------------


def frame_of(count: int, copies: dict[int, int] | None = None, failed: tuple[int, ...] = ()) -> pd.DataFrame:
    """A frame in which `copies` maps rows to the rows they are copies of."""
    keeper = np.full(count, -1)
    role = np.full(count, "", object)
    for copy, stays in (copies or {}).items():
        keeper[[copy, stays]] = stays
        role[copy], role[stays] = "duplicate", "keeper"
    status = np.where(np.isin(np.arange(count), failed), "failed", "ok")
    rolled = np.random.default_rng(1).random(count)
    return pd.DataFrame({"status": status, "role": role, "keeper": keeper, "random": rolled})


def drawn(vectors: np.ndarray, frame: pd.DataFrame, pairs: list[tuple[int, int, str]] = (), known=None) -> pd.DataFrame:
    table = pd.DataFrame(list(pairs), columns=["left", "right", "kind"])
    usable = np.ones(len(frame), bool) if known is None else known
    return drawing.draw(frame, table, lambda rows: vectors[rows], usable).set_index("row").sort_index()


def islands(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Vectors of four kinds, twenty each, and which kind each is of."""
    kinds = np.repeat(np.arange(4), 20)
    centres = np.random.default_rng(seed).standard_normal((4, 16)) * 4
    return unit(centres[kinds] + np.random.default_rng(seed + 1).standard_normal((80, 16))), kinds


def test_alike_ones_lie_together_and_copies_beside_the_one_that_stays():
    vectors, kinds = islands()
    frame = frame_of(80, {5: 60, 6: 60})  # copies, whatever their vectors say
    found = drawn(vectors, frame)
    assert found.index.tolist() == list(range(80))
    assert found[["x", "y"]].abs().to_numpy().max() <= 1.01
    places = found[["x", "y"]].to_numpy()
    apart = np.linalg.norm(places[:, None] - places[None], axis=2)
    own = np.ones(80, bool)
    own[[5, 6]] = False
    np.fill_diagonal(apart, np.inf)
    assert (kinds[apart.argmin(axis=1)][own] == kinds[own]).mean() > 0.95
    for copy in (5, 6):
        assert 0 < apart[copy, 60] < 0.02
    assert found.loc[5, "cluster"] == found.loc[60, "cluster"]
    again = drawn(vectors, frame)
    assert found.equals(again), "the same vectors give the same map"


def test_what_the_matching_found_similar_lies_together_whatever_the_vectors_say():
    vectors, _ = islands()
    places = drawn(vectors, frame_of(80), [(0, 79, "similar"), (0, 30, "unjudged")])[["x", "y"]].to_numpy()
    apart = np.linalg.norm(places - places[0], axis=1)
    assert apart[79] < 0.05 < apart[30:50].min()


@pytest.mark.parametrize("count", [1, 2, 3, 12])
def test_a_few_have_a_map_too(count):
    found = drawn(some(count), frame_of(count))
    assert len(found) == count and np.isfinite(found[["x", "y"]].to_numpy()).all()


def test_who_has_no_vector_has_no_place_but_as_a_copy():
    vectors = some(8)
    known = np.array([True] * 5 + [False] * 3)
    found = drawn(vectors, frame_of(8, {5: 0, 1: 6}, failed=(4,)), known=known)
    assert found.index.tolist() == [0, 1, 2, 3, 5]  # 1 stands for itself, for the one that stays has none


def test_of_too_many_a_fair_sample_is_drawn(monkeypatch):
    monkeypatch.setattr(drawing, "MOST", 10)
    frame = frame_of(25)
    found = drawn(some(25), frame)
    assert set(found.index) == set(frame["random"].nsmallest(10).index)


def test_what_a_sample_leaves_out_is_counted_and_what_has_no_vector_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(drawing, "MOST", 10)
    frame = frame_of(25, {3: 1}).assign(sha256=[f"{row:064x}" for row in range(25)])
    known = np.arange(25) >= 5
    none = pd.DataFrame({"left": [], "right": [], "kind": []})
    held = of_dataset.Vectors("a model", known, lambda rows: some(25)[rows])
    assert of_dataset.draw(tmp_path, frame, none, held) == 10
    told, places = kept.read_map(tmp_path)
    assert (told.source, told.left_out, len(places)) == ("a model", 10, 10)


def test_copies_of_one_lie_at_places_of_their_own():
    around = layout.beside(np.zeros((1, 2), np.float32), np.zeros(300, np.int64))
    assert len(np.unique(around, axis=0)) == 300


def test_clusters_are_numbered_from_the_largest():
    vectors, kinds = islands()
    found = clusters.clusters(vectors)
    assert found.min() == 1 and (np.diff(np.bincount(found)[1:]) <= 0).all()
    for number in np.unique(found):
        assert len(np.unique(kinds[found == number])) == 1


def test_clusters_on_the_map_are_numbered_from_the_largest_with_the_copies_in_them():
    vectors, _ = islands()
    last = np.bincount(clusters.clusters(vectors))[1:].argmin() + 1
    stays = int(np.flatnonzero(clusters.clusters(vectors) == last)[0])
    copies = dict.fromkeys(range(80, 140), stays)
    found = drawn(np.concatenate([vectors, np.tile(vectors[stays], (60, 1))]), frame_of(140, copies))
    assert (np.diff(np.bincount(found["cluster"])[1:]) <= 0).all()
    assert found.loc[stays, "cluster"] == found.loc[139, "cluster"] == 1


def test_blank_pictures_are_taken_once():
    vectors = np.concatenate([np.zeros((5, 3), np.float32), some(6, 3)])
    taken = most_different(vectors, 11).tolist()
    assert len(taken) == len(set(taken)) == 7 and sum(row < 5 for row in taken) == 1
    assert most_different(np.zeros((4, 3), np.float32), 4).tolist() == [0]


@pytest.mark.parametrize("scale", [1e-300, 1e-20, 1, 1e20, 1e300])
def test_vectors_of_any_length_point_where_they_point(scale):
    vectors = np.random.default_rng(0).standard_normal((5, 4))
    assert np.allclose(unit(vectors * scale), unit(vectors), atol=1e-6)


@pytest.mark.parametrize("width", [2, 176, 1024])
@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_vectors_of_length_one_stay_bit_for_bit(width, kind):
    made = unit((np.random.default_rng(0).standard_normal((500, width)) * 3).astype(kind))
    assert np.abs(np.linalg.norm(made.astype(np.float64), axis=1) - 1).max() < 1e-6
    assert np.array_equal(unit(made), made), "else what a model gave before and gives again has another map"
