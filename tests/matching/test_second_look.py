"""The measures of a second look: what they are on pictures of which it is known, and against slow references."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter

from dedup.images.detail import Detail
from dedup.matching import geometry, laying, leftover, notes, second_look
from dedup.matching.alignment import AS_IT_IS
from dedup.matching.columns import AFFINE, SIZES
from dedup.matching.laying import look
from dedup.matching.leftover import measure
from dedup.matching.parameters import value
from dedup.matching.second_look import difference
from tests.pictures import detailed, font

SIDE = 256


def gray(seed: int, side: int = SIDE) -> np.ndarray:
    return np.asarray(detailed(seed, (side, side)).convert("L"))


def noisy(picture: np.ndarray, seed: int, levels: float = 5.0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, levels, picture.shape)
    return np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)


def flat_scene() -> np.ndarray:
    """Things on a wall."""
    picture = Image.new("L", (SIDE, SIDE), 140)
    draw = ImageDraw.Draw(picture)
    for place in range(12):
        x, y = 20 + 60 * (place % 4), 20 + 80 * (place // 4)
        draw.rectangle((x, y, x + 25 + place, y + 40 - place), fill=40 + 15 * place)
    return np.asarray(picture)


def test_a_picture_agrees_with_itself():
    found = look(Detail(gray(1)), Detail(gray(1)), AS_IT_IS)
    assert found.unexplained < 1e-4 and found.disagreeing == found.differing == 0 and found.windows > 1500
    assert found.exposure > 0.999


def test_two_pictures_do_not():
    found = look(Detail(gray(1)), Detail(gray(2)), AS_IT_IS, refined=False)
    assert found.unexplained > 0.5 and found.disagreeing > 0.5


@pytest.mark.parametrize("shift", [(0.01, -0.01), (-0.015, 0.005)])
def test_the_map_is_refined_from_next_to_right(shift):
    x, y = shift
    start = AS_IT_IS + np.array([0.01, 0, x, 0, -0.01, y])
    assert look(Detail(gray(1)), Detail(gray(1)), start).unexplained < 0.01
    assert look(Detail(gray(1)), Detail(gray(1)), start, refined=False).unexplained > 0.05


@pytest.mark.parametrize("part", [0.5, 0.8])
def test_neither_side_is_preferred(part):
    """A crop and its whole, either way round."""
    whole = detailed(4, (512, 512)).convert("L")
    side = round(512 * part)
    crop = whole.crop((60, 40, 60 + side, 40 + side))
    one, other = (Detail(np.asarray(each.resize((SIDE, SIDE), Image.Resampling.BOX))) for each in (whole, crop))
    affine = np.array([1 / part, 0, -60 / side, 0, 1 / part, -40 / side])
    there = look(one, other, affine)
    back = look(other, one, geometry.invert_affine(affine[None])[0])
    assert there.unexplained < 0.02 and abs(there.unexplained - back.unexplained) < 1e-3
    assert there.windows == back.windows


def test_grain_tells_exposures_apart():
    scene = flat_scene()
    shared = look(Detail(noisy(scene, 1)), Detail(noisy(noisy(scene, 1), 2, 1.0)), AS_IT_IS)
    own = look(Detail(noisy(scene, 1)), Detail(noisy(scene, 2)), AS_IT_IS)
    assert shared.exposure > 0.9 and abs(own.exposure) < 0.1
    for found, free in ((shared, False), (own, False)):
        assert found.grain > 2 and found.grain_ratio < 1.5, free
    assert difference(own, free=False, turned=False, stands=True, colourful=False) == notes.ANOTHER_MOMENT
    assert difference(shared, free=False, turned=False, stands=True, colourful=False) == ""


def test_an_overlay_is_on_one_side_and_of_one_tone():
    picture = gray(5)
    barred = picture.copy()
    barred[200:, :] = 255
    found = look(Detail(picture), Detail(barred), AS_IT_IS)
    assert 0.1 < found.differing < 0.3 and found.opaque > 0.5
    assert difference(found, free=False, turned=False, stands=False, colourful=False) == ""


def written(picture: np.ndarray, words: str, tone: int, strength: float, rows: range) -> np.ndarray:
    """Words across a picture in one ink, as strong as that."""
    out = Image.fromarray(picture)
    mask = Image.new("L", out.size)
    for y in rows:
        ImageDraw.Draw(mask).text((4, y), words, fill=int(255 * strength), font=font(22))
    out.paste(tone, (0, 0), mask)
    return np.asarray(out)


def told_of(one: np.ndarray, other: np.ndarray) -> str:
    found = look(Detail(one), Detail(other), AS_IT_IS)
    assert found.exposure > 0.6 and 0.005 < found.differing < 0.1
    return difference(found, free=False, turned=False, stands=True, colourful=False)


def test_words_in_one_ink_over_an_exposure_are_put_there_and_other_words_are_not():
    scene = noisy(gray(5), 1)
    marked = written(scene, "sample  sample", 255, 0.5, range(10, 250, 48))
    assert look(Detail(scene), Detail(marked), AS_IT_IS).one_way > 0.97
    assert told_of(scene, marked) == told_of(marked, scene) == ""
    one, other = (written(scene, words, 20, 1.0, range(104, 106)) for words in ("FOR SALE NOW", "SOLD AT 7 PM"))
    assert told_of(one, other) == told_of(other, one) != ""


def test_a_thing_that_lies_elsewhere_in_one_exposure_is_no_overlay():
    scene = noisy(gray(5), 1)
    one, other = scene.copy(), scene.copy()
    one[90:130, 20:70], other[90:130, 150:200] = gray(9)[:40, :50], gray(9)[:40, :50]
    assert told_of(one, other) == told_of(other, one) != ""


@pytest.mark.parametrize("place", [(60, 70), (0, 70), (60, 120)])
def test_what_differs_in_one_frame_on_both_is_no_overlay(place):
    """Two posters on one wall, the second with less in it, so that the first seems to be put over it; also where the
    frame ends with the picture."""
    y, x = place
    scene = noisy(np.asarray(Image.fromarray(gray(5)).filter(ImageFilter.GaussianBlur(4))), 1)
    walls = [scene.copy(), scene.copy()]
    for wall, seed, contrast in zip(walls, (30, 31), (1.4, 0.3), strict=True):
        poster = gray(seed)[:112, :112].astype(float)
        wall[y : y + 124, x : x + 124] = 20
        wall[y + 6 : y + 118, x + 6 : x + 118] = np.clip((poster - poster.mean()) * contrast + 150, 0, 255)
    found = look(Detail(walls[0]), Detail(walls[1]), AS_IT_IS)
    assert found.differing > 0.1 and found.framed > 5
    told = [
        difference(each, free=False, turned=False, stands=True, colourful=False)
        for each in (found, replace(found, framed=0.7))
    ]
    assert told == [notes.SAME_TEMPLATE, ""]
    assert look(Detail(scene), Detail(walls[0]), AS_IT_IS).framed < 2, "the scene goes on below a poster"


def test_where_a_busy_scene_hides_the_frame_what_was_put_there_is_nearly_of_one_tone():
    """Tones step as far all over a busy scene as at the edge of a poster: a label is plain, a product on white less."""
    scene = gray(5)
    shelf, one, label = scene.copy(), scene.copy(), scene.copy()
    place = slice(60, 172), slice(70, 182)
    shelf[place], one[place], label[place] = gray(30)[:112, :112], gray(31)[:112, :112], 235
    one[60:110, 70:182] = 250
    looks = [look(Detail(each), Detail(other), AS_IT_IS) for each, other in ((shelf, one), (scene, label))]
    assert all(each.set_in and each.framed < 2.9 for each in looks)
    told = [difference(each, free=False, turned=False, stands=True, colourful=False) for each in looks]
    assert told == [notes.SAME_TEMPLATE, ""]
    assert not look(Detail(scene[60:]), Detail(label[60:]), AS_IT_IS).set_in, "a bar begins at the edge"


def test_without_structure_only_what_stands_is_a_copy():
    ramp = np.tile(np.linspace(60, 90, SIDE).astype(np.uint8), (SIDE, 1))
    found = look(Detail(ramp), Detail(ramp), AS_IT_IS)
    assert found.windows == 0
    assert difference(found, free=False, turned=False, stands=True, colourful=False) == ""
    assert difference(found, free=True, turned=False, stands=False, colourful=False) == notes.TOO_PLAIN


def test_a_smooth_displacement_is_made_good():
    picture = detailed(6, (SIDE, SIDE)).convert("L")
    y, x = np.mgrid[:SIDE, :SIDE]
    rows = np.clip(np.rint(y + 2.0 * np.sin(x / 40)), 0, SIDE - 1).astype(int)
    moved = np.asarray(picture)[rows, x]
    laid = laying.lay(Detail(np.asarray(picture)), Detail(moved), AS_IT_IS)
    assert laid.bent().measured().unexplained < 0.6 * laid.measured().unexplained


def drawn_as_a_quadrilateral(picture: np.ndarray, by: float) -> np.ndarray:
    """As programs draw perspective: every side divided evenly, which no map of a plane does."""
    side, far = len(picture), by * len(picture)
    corners = (far, 0.4 * far, 0, side - 0.7 * far, side - 0.3 * far, side, side - far, 0)
    whole = Image.fromarray(picture)
    return np.asarray(whole.transform(whole.size, Image.Transform.QUAD, corners, Image.Resampling.BICUBIC))


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("by", [0.05, 0.1])
def test_a_quadrilateral_is_made_good_and_grain_tells_then(by, turned):
    scene = noisy(np.asarray(Image.fromarray(gray(6)).filter(ImageFilter.GaussianBlur(1.5))), 2)
    pair = [Detail(scene), Detail(drawn_as_a_quadrilateral(scene, by))]
    laid = laying.lay(*(pair[::-1] if turned else pair), AS_IT_IS)
    as_one = laid.as_a_quadrilateral()
    assert as_one.measured().unexplained < 0.5 * laid.measured().unexplained
    both = as_one.bent().measured()
    assert both.unexplained < 0.02 and both.exposure > value("certain_exposure")


def test_no_quadrilateral_makes_one_exposure_of_two():
    quiet = np.asarray(Image.fromarray(gray(6)).filter(ImageFilter.GaussianBlur(1.5)))
    one, other = noisy(quiet, 2), drawn_as_a_quadrilateral(noisy(quiet, 3), 0.05)
    found = laying.lay(Detail(one), Detail(other), AS_IT_IS).as_a_quadrilateral().bent().measured()
    assert found.exposure < 0.6 * value("certain_exposure")


@pytest.mark.parametrize("k", [-0.1, -0.05, 0.05, 0.1])
@pytest.mark.parametrize("turned", [False, True])
def test_a_lens_is_found(k, turned):
    picture = gray(7)
    seen = np.clip(np.rint(laying._lensed(picture.astype(np.float32), k)), 0, 255).astype(np.uint8)
    pair = (Detail(seen), Detail(picture)) if turned else (Detail(picture), Detail(seen))
    lensed = laying.through_a_lens(*pair, AS_IT_IS)
    assert lensed
    assert look(*pair, AS_IT_IS).unexplained > 0.05
    assert laying.lay(*lensed, AS_IT_IS).bent().measured().unexplained < value("unexplained")


def test_no_lens_is_found_where_there_is_none():
    assert laying.through_a_lens(Detail(gray(7)), Detail(noisy(gray(7), 1)), AS_IT_IS) is None
    assert laying.through_a_lens(Detail(gray(7)), Detail(gray(8)), AS_IT_IS) is None


def vignetted(picture: np.ndarray, strength: float) -> np.ndarray:
    y, x = (np.mgrid[: len(picture), : len(picture)] + 0.5) / len(picture) * 2 - 1
    return np.rint(picture * (1 - strength * (x * x + y * y) / 2)).astype(np.uint8)


def test_uneven_light_does_not_pull_the_map_off():
    start = AS_IT_IS + np.array([0.03, 0, -0.02, 0, 0.03, -0.01])
    left, right = Detail(gray(9)), Detail(vignetted(gray(9), 0.8))
    evened = laying.lay(left, right, start, evened=True)
    assert np.abs(evened.affine() - AS_IT_IS).max() < 0.004
    assert evened.measured().exposure > 0.9


@pytest.mark.parametrize("turned", [False, True])
def test_the_map_and_the_tones_that_were_found_lead_from_left_to_right(turned):
    whole = detailed(4, (512, 512)).convert("L")
    crop = whole.crop((60, 40, 444, 424)).point(lambda value: round(20 + 0.6 * value))
    details = [Detail(np.asarray(each.resize((SIDE, SIDE), Image.Resampling.BOX))) for each in (whole, crop)]
    there = np.array([512 / 384, 0, -60 / 384, 0, 512 / 384, -40 / 384])
    start = geometry.invert_affine(there[None])[0] if turned else there
    laid = laying.lay(*(details[::-1] if turned else details), start)
    assert np.abs(laid.affine() - start).max() < 2e-3
    gain, bias = laid.tones()
    assert math.isclose(gain, 1 / 0.6 if turned else 0.6, rel_tol=0.03)
    assert math.isclose(bias, -20 / 0.6 if turned else 20, abs_tol=4)


def test_what_a_rotation_filled_shows_nothing_more_and_a_pan_does():
    scene = detailed(5, (300, 300)).convert("L")
    turned = scene.rotate(2, Image.Resampling.BICUBIC, fillcolor=0)
    one, two = (Detail(np.asarray(each.resize((SIDE, SIDE), Image.Resampling.BOX))) for each in (scene, turned))
    turn = np.radians(2)
    c, s = np.cos(turn), np.sin(turn)
    affine = np.array([c, s, 0.5 - 0.5 * (c + s), -s, c, 0.5 - 0.5 * (c - s)])
    laid = laying.lay(one, two, affine)
    assert laid.measured().unexplained < 0.02 and not second_look._show_more(laid, laid.measured())
    left, right = (Detail(np.asarray(scene.crop((x, 0, x + SIDE, SIDE)))) for x in (0, 8))
    laid = laying.lay(left, right, AS_IT_IS - np.array([0, 0, 8 / SIDE, 0, 0, 0]))
    assert laid.measured().unexplained < 0.02 and second_look._show_more(laid, laid.measured())


def test_nothing_in_common_is_nothing():
    blank = np.zeros((SIDE, SIDE), np.float32)
    assert measure(blank, blank, np.zeros((SIDE, SIDE), bool)) == leftover.NOTHING


# --- slow references --------------------------------------------------------------------------------------------------


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(3, 5))
def test_windows_are_what_loops_make_them(seed, cell):
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(0, 255, (2, 33, 33)).astype(np.float32)
    weight = (rng.random((33, 33)) < 0.9).astype(np.float32)
    va, vb, covariance, seen = leftover._windows(a, b, weight, cell)
    for row in range(len(va)):
        for column in range(len(va)):
            part = np.s_[row * cell : (row + 2) * cell, column * cell : (column + 2) * cell]
            inside = weight[part] > 0
            x, y = (each[part][inside].astype(float) for each in (a, b))
            assert seen[row, column] == (inside.sum() >= leftover.SEEN * 4 * cell**2)
            assert math.isclose(va[row, column], x.var(), rel_tol=1e-6, abs_tol=1e-4)
            assert math.isclose(vb[row, column], y.var(), rel_tol=1e-6, abs_tol=1e-4)
            expected = ((x - x.mean()) * (y - y.mean())).mean()
            assert math.isclose(covariance[row, column], expected, rel_tol=1e-6, abs_tol=1e-3)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_sums_around_pixels_are_what_loops_make_them(seed, reach):
    values = np.random.default_rng(seed).uniform(-5, 5, (17, 17))
    found = leftover.box_sums(values, reach)
    for y in range(17):
        for x in range(17):
            around = values[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1]
            assert math.isclose(found[y, x], around.sum(), abs_tol=1e-9)


@pytest.mark.parametrize(
    ("correlation", "distance"),
    [(0.5, 0.55), (0.99, 0.55)],  # told apart by the first look alone, and by a glance
)
def test_a_thing_in_other_colours_is_told_so_however_soon_it_is_told_apart(correlation, distance):
    side = 32 if correlation < 0.9 else 256
    pair = dict.fromkeys(second_look.FIRST_LOOK, 1.0) | dict(zip(AFFINE, AS_IT_IS, strict=True))
    pair |= dict.fromkeys(SIZES, side) | {"rotation": 0.0, "perspective": 0.0}
    pair |= {"note": notes.OTHER_COLOURS_THROUGHOUT, "correlation": correlation, "distance": distance}
    left, right = Detail(gray(1, side)), Detail(gray(2, side))
    assert second_look.judge(left, right, pair, colourful=True).difference == notes.OTHER_COLOURS
    assert second_look.judge(left, right, pair | {"note": ""}, colourful=True).difference not in (
        "",
        notes.OTHER_COLOURS,
    )


def keys(t: float) -> list[float]:
    """Weights of a cubic convolution at -1, 0, 1, 2 as its paper gives them, by the distance."""
    near, far = (lambda d: 1.5 * d**3 - 2.5 * d**2 + 1), (lambda d: -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2)
    return [far(1 + t), near(t), near(1 - t), far(2 - t)]


@settings(max_examples=25)
@given(st.integers(0, 1000), st.sampled_from([8, 16]), st.sampled_from([8, 16]))
def test_laying_over_is_what_loops_make_it(seed, side, own):
    random = np.random.default_rng(seed)
    source = random.uniform(0, 255, (own, own)).astype(np.float32)
    p = np.concatenate([AS_IT_IS, [0, 0]]) + random.normal(0, 0.1, 8)
    over, inside = np.empty((side, side), np.float32), np.empty((side, side), bool)
    laying.lay_over(source, p, over, inside)
    for row in range(side):
        for column in range(side):
            x, y = (column + 0.5) / side, (row + 0.5) / side
            depth = 1 + p[6] * (x - 0.5) + p[7] * (y - 0.5)
            u, v = (p[0] * x + p[1] * y + p[2]) / depth, (p[3] * x + p[4] * y + p[5]) / depth
            sx, sy = (min(max(each * own - 0.5, 0), own - 1.001) for each in (u, v))
            rows, columns = (np.clip(int(each) + np.arange(-1, 3), 0, own - 1) for each in (sy, sx))
            expected = keys(sy - int(sy)) @ source[np.ix_(rows, columns)].astype(float) @ keys(sx - int(sx))
            assert over[row, column] == pytest.approx(expected, abs=0.01)
            margin = laying.MARGIN / own
            both = all(margin < each < 1 - margin for each in (u, v)) and laying.MARGIN < row + 0.5 < side - 1.5
            assert inside[row, column] == (both and laying.MARGIN < column + 0.5 < side - 1.5)


@pytest.mark.parametrize(("shared", "tried"), [(0, False), (SIDE // 16, True)])
def test_no_lens_is_tried_where_no_grain_is_shared(shared, tried, monkeypatch):
    """Freedom costs time and fits a lot: it is tried where an exposure may turn out to be the same, here in a strip."""
    lenses = []
    monkeypatch.setattr(second_look, "through_a_lens", lambda *given: lenses.append(given))
    blurred = np.asarray(Image.fromarray(flat_scene()).filter(ImageFilter.GaussianBlur(2)))  # something is left over
    one, other = noisy(flat_scene(), 1), noisy(blurred, 2)
    other[:, :shared] = one[:, :shared]
    pair = dict.fromkeys(second_look.FIRST_LOOK, 0.0) | dict(zip(AFFINE, AS_IT_IS, strict=True))
    pair |= dict.fromkeys(SIZES, SIDE) | {"note": "", "distance": 0.1, "correlation": 0.99, "gain": 1.0}
    pair |= {"orientation": 1, "stretch": 1.0}
    verdict = second_look.judge(Detail(one), Detail(other), pair, colourful=False)
    assert verdict.difference == notes.ANOTHER_MOMENT
    assert bool(lenses) == tried


def edge(place: float, slope: float) -> np.ndarray:
    """A wall above a darker one, and where they meet."""
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    return np.clip(128 + 4000 * (place + slope * x - y), 70, 190).astype(np.uint8)


def pair_of(affine: np.ndarray, **geometry: float) -> dict[str, object]:
    """What the first look said of two pictures that lie on each other under a map."""
    pair: dict[str, object] = dict.fromkeys(second_look.FIRST_LOOK, 0.0) | dict(zip(AFFINE, affine, strict=True))
    pair |= dict.fromkeys(SIZES, SIDE) | {"note": "", "distance": 0.1, "correlation": 0.99, "gain": 1.0}
    return pair | {"orientation": 1, "stretch": 1.0} | geometry


def test_one_edge_goes_on_another_under_a_map_with_freedom_and_proves_nothing():
    one, other = edge(0.4, 0.1), edge(0.55, 0.0)
    sheared = np.array([1.0, 0, 0, -0.1, 1, 0.15])
    there = pair_of(sheared, rotation=4.0)
    left, right = (Detail(noisy(each, seed, 0.3)) for seed, each in enumerate((one, other)))
    assert second_look.judge(left, right, there, colourful=True).difference == notes.TOO_PLAIN
    as_it_is = second_look.judge(left, left, pair_of(AS_IT_IS), colourful=True)
    assert as_it_is.difference == ""  # nothing was free


def test_structure_in_all_directions_or_one_exposure_proves_more():
    turned = np.array([0.9986, 0.0523, -0.0255, -0.0523, 0.9986, 0.0269])  # by 3 degrees
    whole = Image.fromarray(gray(3))
    back = np.asarray(whole.rotate(3, Image.Resampling.BICUBIC, fillcolor=128))
    told = second_look.judge(Detail(gray(3)), Detail(back), pair_of(turned, rotation=3.0), colourful=True)
    assert told.difference == ""


@pytest.mark.parametrize("degrees", [0, 20, 45, 90])
def test_the_directions_of_an_edge_are_one_whichever_way_it_lies(degrees):
    plain = Image.fromarray(edge(0.5, 0.0)).resize((2 * SIDE, 2 * SIDE)).rotate(degrees, Image.Resampling.BICUBIC)
    inner = np.asarray(plain.crop((150, 150, 150 + 212, 150 + 212)).resize((128, 128)), np.float32)
    seen = np.ones_like(inner)
    assert leftover._directions(inner, seen) < 0.02
    assert leftover._directions(leftover.halved(gray(1).astype(np.float32)), seen) > 0.2
