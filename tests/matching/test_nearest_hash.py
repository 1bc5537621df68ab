from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from dedup.matching import nearest_hash as module
from dedup.matching.nearest_hash import bits_between, nearest, nearest_with_known, oriented_hashes
from tests.scenes import scene, signatures_of


@pytest.fixture
def pool():
    with ThreadPoolExecutor(2) as executor:
        yield executor


def hashes(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 32), np.uint8)


def slow(rows: np.ndarray) -> tuple[list[int], list[int]]:
    words = rows.view(np.uint64)
    apart = np.bitwise_count(oriented_hashes(rows)[:, None] ^ words[None, :, None]).sum(axis=3).min(axis=2).astype(int)
    np.fill_diagonal(apart, 999)
    return apart.argmin(axis=1).tolist(), apart.min(axis=1).tolist()


def test_brute_force_equals_numpy(pool) -> None:
    rows = hashes(300)
    found, bits = nearest(rows, pool)
    assert (found.tolist(), bits.tolist()) == slow(rows)


def test_none_and_one(pool) -> None:
    for count in (0, 1):
        found, bits = nearest(hashes(count), pool)
        assert found.tolist() == bits.tolist() == [-1] * count


def test_hash_distance_is_symmetric() -> None:
    rows = hashes(40)
    one, other = np.arange(20), np.arange(20, 40)
    assert (bits_between(rows, one, other) == bits_between(rows, other, one)).all()


def test_a_mirrored_picture_is_near() -> None:
    from PIL import ImageOps

    picture = scene(1)
    records = signatures_of([picture, ImageOps.mirror(picture), picture.rotate(90, expand=True)])
    assert bits_between(records["hash"], np.array([0, 0]), np.array([1, 2])).max() < 20


def test_known_answers_are_brought_up_to_date(pool) -> None:
    rows = hashes(200)
    fresh = np.zeros(200, bool)
    fresh[[3, 77, 150]] = True
    old = np.flatnonzero(~fresh)
    found, bits = nearest(rows[old], pool)
    known = np.full(200, -1, np.int32), np.full(200, -1, np.int16)
    known[0][old], known[1][old] = old[found], bits
    known[0][5] = known[1][5] = -1  # its nearest has vanished
    updated = nearest_with_known(rows, known, fresh, pool)
    assert all((a == b).all() for a, b in zip(updated, nearest(rows, pool), strict=True))


def test_the_forest_finds_what_is_near(pool, monkeypatch) -> None:
    generator = np.random.default_rng(1)
    rows = np.concatenate([hashes(500), hashes(500)])
    flips = np.packbits(generator.random((500, 256)) < 0.05, axis=1)
    rows[500:] ^= flips
    exact = nearest(rows, pool)
    monkeypatch.setattr(module, "BRUTE", 10)
    found = nearest(rows, pool)
    assert (found[0] == exact[0]).mean() > 0.98
    assert (found[1] >= exact[1]).all()
