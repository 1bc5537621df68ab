"""Which pictures may share a part, and how they lie on each other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, ImageOps

from dedup.images import keypoints
from dedup.images.keypoints import POINT, Keypoints
from dedup.matching import geometry, points
from dedup.matching.points import ALIKE, LIKELIEST, Shared, shared
from tests.pictures import detailed

SIZE = (480, 360)


@pytest.fixture(scope="module")
def pool():
    with ThreadPoolExecutor(2) as executor:
        yield executor


@pytest.fixture(scope="module")
def others() -> list[Keypoints]:
    return [keypoints.of_picture(detailed(seed, SIZE)) for seed in range(20, 32)]


def found(pictures: list[Keypoints], pool) -> dict[tuple[int, int], np.ndarray]:
    told = shared(pictures, pool)
    return dict(zip(zip(told.left.tolist(), told.right.tolist(), strict=True), told.affine, strict=True))


def test_nobody_shares_anything_with_nobody(pool):
    nothing = Keypoints(0, 0, np.empty(0, POINT))
    for pictures in ([], [nothing], [nothing, nothing], [keypoints.of_picture(detailed(1, SIZE)), nothing]):
        assert found(pictures, pool) == {}


def test_different_pictures_share_nothing(others, pool):
    assert found(others, pool) == {}


def turned(picture: Image.Image) -> Image.Image:
    return picture.rotate(35, Image.Resampling.BICUBIC, expand=True, fillcolor=(10, 10, 10))


def set_in(picture: Image.Image) -> Image.Image:
    whole = detailed(99, (640, 480))
    whole.paste(picture.resize((256, 192), Image.Resampling.LANCZOS), (300, 200))
    return whole


@pytest.mark.parametrize(("edit", "corners"), [
    (lambda p: p, [(0, 0), (1, 0), (1, 1)]),
    (lambda p: p.crop((120, 90, 360, 270)), [(-0.5, -0.5), (1.5, -0.5), (1.5, 1.5)]),
    (ImageOps.mirror, [(1, 0), (0, 0), (0, 1)]),
    (ImageOps.flip, [(0, 1), (1, 1), (1, 0)]),
    (lambda p: p.transpose(Image.Transpose.ROTATE_90), [(0, 1), (0, 0), (1, 0)]),
    (set_in, [(300 / 640, 200 / 480), (556 / 640, 200 / 480), (556 / 640, 392 / 480)]),
    (lambda p: p.resize((300, 360), Image.Resampling.LANCZOS), [(0, 0), (1, 0), (1, 1)]),
])  # fmt: skip
def test_a_picture_is_found_where_it_lies(edit, corners, others, pool):
    picture = detailed(7, SIZE)
    pictures = [*others, *(keypoints.of_picture(each) for each in (picture, edit(picture)))]
    maps = found(pictures, pool)
    pair = (len(pictures) - 2, len(pictures) - 1)
    assert set(maps) == {pair}
    carried = geometry.carried([(0, 0), (1, 0), (1, 1)], maps[pair])
    assert np.abs(np.array(carried) - corners).max() < 0.03  # of a crop twice as far out as its keypoints


def test_a_negative_is_found_and_said_to_be_one(others, pool):
    picture = detailed(7, SIZE)
    small = ImageOps.invert(picture).crop((120, 90, 360, 270))
    told = shared([*others, keypoints.of_picture(picture), keypoints.of_picture(small)], pool)
    assert list(zip(told.left, told.right, told.negative, strict=True)) == [(len(others), len(others) + 1, True)]
    carried = geometry.carried([(0.25, 0.25), (0.75, 0.75)], told.affine[0])
    assert np.abs(np.array(carried) - [(0, 0), (1, 1)]).max() < 0.03
    told = shared([*others, keypoints.of_picture(picture), keypoints.of_picture(picture)], pool)
    assert told.negative.tolist() == [False]


def test_keypoints_on_one_line_tell_no_map():
    """They are brought together in a point by any fit that is squeezed to nothing."""
    a = np.array([[10.0 * k, 50, 1, 0] for k in range(8)], np.float32)
    b = np.array([[60.0, 50, 1, 0] for _ in range(8)], np.float32)
    bits, found = np.zeros((8, 4), np.uint64), np.empty((8, 4))
    squeezed = np.array([0.0, 0, 60, 0, 0, 50])
    assert points._refine(a, bits, b, bits, squeezed, np.array(points.CLOSER), found) == 0


def test_a_turned_picture_is_found_by_the_angle(others, pool):
    picture = detailed(7, SIZE)
    pictures = [keypoints.of_picture(picture), keypoints.of_picture(turned(picture)), *others]
    affine = found(pictures, pool)[0, 1]
    read = geometry.read_off(affine[None], np.array([[*picture.size, *turned(picture).size]]))
    assert read["rotation"][0] == pytest.approx(35, abs=0.5) and read["scale"][0] == pytest.approx(1, abs=0.02)


def test_the_order_and_the_threads_change_nothing(others):
    pictures = [*others, *(keypoints.of_picture(each) for each in (detailed(7, SIZE), turned(detailed(7, SIZE))))]
    order = np.random.default_rng(0).permutation(len(pictures))
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(4) as four:
        told, same = shared(pictures, one), shared(pictures, four)
        assert all((getattr(told, name) == getattr(same, name)).all() for name in Shared.__slots__)
        mixed = found([pictures[place] for place in order], four)
    names = {frozenset(order[list(pair)].tolist()) for pair in mixed}
    assert names == {frozenset(pair) for pair in zip(told.left.tolist(), told.right.tolist(), strict=True)}


def test_the_likeliest_are_the_likeliest(pool):
    """Of keypoints that share a place in some table, those that differ least, as a search through all of them has."""
    random = np.random.default_rng(4)
    bits = random.integers(0, 2**64, (300, 4), np.uint64)
    for i in range(200, 300):  # copies of the first with some bits changed
        for bit in random.integers(0, 256, 6):
            bits[i, bit >> 6] = bits[i - 200, bit >> 6] ^ (np.uint64(1) << np.uint64(bit & 63))
    owner = np.arange(300)
    some, others = points._alike(bits, owner, pool)
    both = np.concatenate([bits, keypoints.mirrored(bits)])
    apart = np.bitwise_count(bits[:, None] ^ both[None]).sum(axis=2)
    apart[owner, owner] = apart[owner, owner + 300] = 999
    nearest = np.where(apart.min(axis=1) <= ALIKE, apart.argmin(axis=1), -1)
    first = np.full(300, -1)
    first[some[::-1]] = others[::-1]
    assert (first == nearest).mean() > 0.95
    assert np.bincount(some).max() <= LIKELIEST
    assert (apart[some, others] <= ALIKE).all()


def blurred(picture: Keypoints, some: int, bits: int) -> Keypoints:
    """Some of the keypoints of a picture, so many bits of each changed."""
    random = np.random.default_rng(5)
    kept = picture.points[random.choice(len(picture.points), some, replace=False)].copy()
    for point in kept:
        for bit in random.choice(256, bits, replace=False):
            point["bits"][bit >> 6] ^= np.uint64(1) << np.uint64(bit & 63)
    return Keypoints(picture.width, picture.height, kept)


def test_pairs_that_somebody_names_are_compared_keypoint_by_keypoint(pool):
    """Among 100,000 other keypoints too few of twelve worn ones share a place in a table."""
    one = keypoints.of_picture(detailed(3, SIZE))
    other = blurred(one, 12, 58)
    random = np.random.default_rng(6)
    crowd = []
    for _ in range(250):
        points_of = random.choice(one.points, 400)
        points_of["bits"] = random.integers(0, 2**64, (400, 4), np.uint64)
        crowd.append(Keypoints(*SIZE, points_of))
    every = [one, other, *crowd]
    without = shared(every, pool)
    assert (0, 1) not in set(zip(without.left.tolist(), without.right.tolist(), strict=True))
    named = shared(every, pool, np.array([[0, 1], [0, 2], [1, 3]]))
    assert (named.left.tolist(), named.right.tolist(), named.agreeing.tolist()) == ([0], [1], [12])
    assert named.affine[0] == pytest.approx([1, 0, 0, 0, 1, 0], abs=0.01)


def test_naming_a_pair_that_is_found_anyway_takes_nothing_away(others, pool):
    every = [keypoints.of_picture(each) for each in (detailed(7, SIZE), turned(detailed(7, SIZE)))] + others
    told, named = shared(every, pool), shared(every, pool, np.array([[0, 1], [2, 3]]))
    assert (named.left.tolist(), named.right.tolist()) == (told.left.tolist(), told.right.tolist()) == ([0], [1])
    assert named.agreeing[0] >= told.agreeing[0]


def test_a_crowd_is_compared_with_its_likeliest_only(pool):
    """Sixty copies of one picture are not eighteen hundred pairs."""
    picture = keypoints.of_picture(detailed(7, SIZE))
    crowd = [picture] * 60
    told = shared(crowd, pool)
    assert len(told.left) <= 60 * 2 * points.PICTURES
    assert set(told.left.tolist()) | set(told.right.tolist()) == set(range(60))


def test_the_most_are_chosen_on_either_side():
    pairs = np.array([[0, 1], [0, 2], [0, 3], [2, 3]])
    chosen = points._among_the_most(pairs, np.array([9, 8, 7, 5]), 1)
    assert chosen.tolist() == [True, True, True, True]  # 1, 2 and 3 have no better one before them
    chosen = points._among_the_most(np.array([[0, 3], [1, 3], [0, 4], [1, 4]]), np.array([9, 8, 8, 7]), 1)
    assert chosen.tolist() == [True, True, True, False]
