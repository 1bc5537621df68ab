from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from dedup.images.signature import TINY
from dedup.matching import alignment
from tests.scenes import scene

IDENTITY = np.array([[1.0, 0, 0, 0, 1, 0]])
FRAME = np.tile(np.float32([0, 0, 1, 1]), (8, 1))


def tiny(*pictures: Image.Image) -> np.ndarray:
    size = (TINY, TINY)
    return np.stack([np.asarray(p.convert("L").resize(size, Image.Resampling.HAMMING)) for p in pictures])


def align(pictures: np.ndarray, start: np.ndarray = IDENTITY, early: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Lay picture 0 (source) over picture 1 (template)."""
    maps, measures = alignment.align(pictures, np.int32([0]), np.int32([1]), start.copy(), FRAME, early)
    return maps[0], measures[0]


def slow_align(source: np.ndarray, template: np.ndarray, steps: int = 60) -> np.ndarray:
    """Plain Gauss-Newton over affine map, gain and bias by numpy's least squares, without weights."""
    y, x = (np.mgrid[:TINY, :TINY] + 0.5) / TINY
    p, tone = np.array([1.0, 0, 0, 0, 1, 0]), np.array([1.0, 0.0])
    for _ in range(steps):
        u = (p[0] * x + p[1] * y + p[2]) * TINY - 0.5
        v = (p[3] * x + p[4] * y + p[5]) * TINY - 0.5
        inside = (u > 1) & (u < TINY - 2) & (v > 1) & (v < TINY - 2)
        i, j = np.floor(v[inside]).astype(int), np.floor(u[inside]).astype(int)
        fy, fx = v[inside] - i, u[inside] - j
        at = {(a, b): source[i + a, j + b].astype(float) for a in (0, 1) for b in (0, 1)}
        value = (at[0, 0] * (1 - fx) + at[0, 1] * fx) * (1 - fy) + (at[1, 0] * (1 - fx) + at[1, 1] * fx) * fy
        gx = ((at[0, 1] - at[0, 0]) * (1 - fy) + (at[1, 1] - at[1, 0]) * fy) * TINY * tone[0]
        gy = ((at[1, 0] - at[0, 0]) * (1 - fx) + (at[1, 1] - at[0, 1]) * fx) * TINY * tone[0]
        px, py, one = x[inside], y[inside], np.ones(inside.sum())
        rows = np.stack([gx * px, gx * py, gx, gy * px, gy * py, gy, value, one], axis=1)
        rest = template[inside] - tone[0] * value - tone[1]
        step = np.linalg.lstsq(rows, rest, rcond=None)[0]
        p, tone = p + step[:6], tone + step[6:]
    return p


def corners(p: np.ndarray) -> np.ndarray:
    return np.array([[p[0] * x + p[1] * y + p[2], p[3] * x + p[4] * y + p[5]] for x in (0, 1) for y in (0, 1)])


@pytest.mark.parametrize("seed", range(6))
def test_equals_the_plain_reference(seed: int) -> None:
    picture = scene(seed, 480, 480)
    crop = picture.crop((15, 10, 470, 462))
    pictures = tiny(picture, crop)
    found, _ = align(pictures)
    assert np.abs(corners(found) - corners(slow_align(*pictures))).max() < 0.006
    truth = [455 / 480, 0, 15 / 480, 0, 452 / 480, 10 / 480]
    assert np.abs(corners(found) - corners(np.array(truth))).max() < 0.008


def test_the_same_picture_agrees_fully() -> None:
    picture = scene(1)
    map_, measures = align(tiny(picture, picture))
    assert map_ == pytest.approx(IDENTITY[0], abs=1e-4)
    assert measures[alignment.CORRELATION] > 0.9999
    assert measures[alignment.RESIDUAL] < 0.01
    assert measures[alignment.DISAGREEING] == 0
    assert np.isnan(measures[alignment.LEFT])


def test_what_lies_as_well_as_it_is_stays_there() -> None:
    """Along a stripe any place is as good as another."""
    stripes = Image.fromarray(np.repeat(np.uint8([40, 180, 90, 220]), 60)[:, None].repeat(320, axis=1))
    again = stripes.resize((192, 144), Image.Resampling.BICUBIC)
    for begun in (IDENTITY, np.array([[0.9, 0, 0.05, 0, 1, 0]]), np.array([[-1.0, 0, 1, 0, 1, 0]])):
        map_, measures = align(tiny(stripes, again), begun)
        assert (map_ == IDENTITY[0]).all()
        assert measures[alignment.PERSPECTIVE] == 0
    map_, _ = align(tiny(scene(1, 480, 480), scene(1, 480, 480).crop((4, 0, 480, 480))))
    assert map_[0] == pytest.approx(476 / 480, abs=0.002)  # a crop by less than a hundredth is seen


def test_gain_and_bias_are_measured() -> None:
    picture = scene(2)
    dimmed = picture.point([round(0.7 * value + 20) for value in range(256)] * 3)
    _, measures = align(tiny(picture, dimmed))
    assert measures[alignment.GAIN] == pytest.approx(0.7, abs=0.01)
    assert measures[alignment.BIAS] == pytest.approx(20, abs=1.5)


def test_an_overlay_is_found_where_it_is_and_does_not_pull_the_rest() -> None:
    picture = scene(3)
    stamped = picture.copy()
    ImageDraw.Draw(stamped).rectangle((220, 170, 310, 230), fill=(255, 255, 255))
    map_, measures = align(tiny(picture, stamped))
    assert map_ == pytest.approx(IDENTITY[0], abs=0.003)
    box = measures[alignment.LEFT :]
    assert box[0] > 0.45
    assert box[1] > 0.45
    assert box[2] > 0.8
    assert box[3] > 0.8
    assert measures[alignment.CORE] < 1


def test_different_pictures_do_not_agree() -> None:
    for seed in range(10):
        _, measures = align(tiny(scene(seed), scene(seed + 100)), early=-1)
        assert measures[alignment.DISAGREEING] > 0.42 or measures[alignment.AGREEMENT] < 0.8


def test_exchanging_the_pictures_inverts_the_map() -> None:
    picture = scene(4, 400, 400)
    pictures = tiny(picture, picture.crop((20, 30, 390, 380)))
    there, _ = align(pictures)
    back, _ = align(pictures[::-1].copy())
    matrix = np.vstack([there.reshape(2, 3), [0, 0, 1]]) @ np.vstack([back.reshape(2, 3), [0, 0, 1]])
    assert matrix == pytest.approx(np.eye(3), abs=0.01)


def test_a_pair_is_worked_on_alone() -> None:
    pictures = tiny(*(scene(seed) for seed in range(8)))
    sources, templates = np.int32([0, 1, 2, 3]), np.int32([4, 5, 6, 7])
    start = np.repeat(IDENTITY, 4, axis=0)
    maps, measures = alignment.align(pictures, sources, templates, start, FRAME, -1.0)
    for k in range(4):
        alone = alignment.align(pictures, sources[k : k + 1], templates[k : k + 1], start[:1], FRAME, -1.0)
        assert (alone[0][0] == maps[k]).all()
        assert np.array_equal(alone[1][0], measures[k], equal_nan=True)
