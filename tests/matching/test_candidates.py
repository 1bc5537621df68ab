from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageOps

from dedup.images.signature import TINY
from dedup.matching import candidates
from dedup.matching.banded_index import Banded
from dedup.matching.candidates import Brute, Index, Plan, plan_for
from tests.scenes import scene, signatures_of

WHOLE = np.float32([[0, 0, 1, 1]])


def views_of(pictures: list[Image.Image]) -> np.ndarray:
    tiny = np.stack([np.asarray(p.convert("L").resize((TINY, TINY), Image.Resampling.BOX)) for p in pictures])
    return candidates.views(tiny, np.arange(len(tiny)), np.repeat(WHOLE, len(tiny), axis=0))


def carried(frequencies: np.ndarray) -> np.ndarray:
    """Frequencies (..., 128) of pictures carried through EXIF's eight orientations: (..., 8, 128)."""
    return frequencies[..., candidates.SOURCE] * candidates.SIGN


def test_keys_are_the_signs_of_the_frequencies_of_the_carried_picture() -> None:
    frequencies = np.random.default_rng(0).integers(-3, 4, (5, 7, 128)).astype(np.float32)
    expected = np.packbits(carried(frequencies) > 0, axis=-1).view(np.uint64)
    assert (candidates.oriented_keys(frequencies, candidates.SOURCE, candidates.SIGN) == expected).all()
    assert (candidates.pack(frequencies) == expected[..., 0, :]).all()


def test_a_view_of_the_whole_is_the_mean_of_four_pixels_each_as_of_a_box_that_is_nearly_the_whole() -> None:
    tiny = np.random.default_rng(1).integers(0, 256, (3, TINY, TINY)).astype(np.uint8)
    nearly = np.repeat(np.nextafter(WHOLE, np.float32(0.5)), 3, axis=0)
    means = tiny.reshape(3, TINY // 2, 2, TINY // 2, 2).mean(axis=(2, 4))
    views = candidates.views(tiny, np.arange(3), np.repeat(WHOLE, 3, axis=0))
    assert (views[:, :-1, :-1] == np.floor(means + 0.5)[:, :-1, :-1]).all()
    assert np.abs(views.astype(int) - candidates.views(tiny, np.arange(3), nearly)).max() <= 1


def test_matrix_keeps_every_product_exact() -> None:
    # the largest sum that any picture can give stays below 2^24, so float32 adds whole numbers without rounding
    assert np.abs(candidates.basis()).sum(axis=0).max() * 255 < 2**24
    assert (candidates.basis() == np.round(candidates.basis())).all()


def test_spectra_do_not_depend_on_the_batch() -> None:
    views = views_of([scene(seed) for seed in range(9)])
    together = candidates.spectra(views, 5)
    alone = np.concatenate([candidates.spectra(view[None], 5) for view in views])
    assert (together == alone).all()


@pytest.mark.parametrize("orientation", range(8))
def test_orienting_frequencies_is_orienting_pictures(orientation: int) -> None:
    picture = scene(3, 256, 256)
    methods = [None, *(Image.Transpose(m) for m in (0, 3, 1, 5, 4, 6, 2))]
    method = methods[orientation]
    transposed = picture if method is None else picture.transpose(method)
    ours = carried(candidates.spectra(views_of([picture]), 1)[:, 0])[0, orientation]
    theirs = candidates.spectra(views_of([transposed]), 1)[0, 0]
    agreeing = (np.sign(ours) == np.sign(theirs)) | (np.abs(theirs) < 200)
    assert agreeing.mean() > 0.97


def test_windows_see_what_a_crop_sees() -> None:
    picture = scene(4, 480, 480)
    for number in (0, 5, 20, 40, 60, 64):
        map_ = candidates.WINDOWS[number]
        matrix = (map_[0] * 480, map_[1] * 480, map_[2] * 480, map_[3] * 480, map_[4] * 480, map_[5] * 480)
        per_pixel = tuple(value / 480 if place % 3 < 2 else value for place, value in enumerate(matrix))
        window = picture.transform((480, 480), Image.Transform.AFFINE, per_pixel, Image.Resampling.BILINEAR)
        ours = candidates.spectra(views_of([picture]), len(candidates.WINDOWS))[0, number]
        theirs = candidates.spectra(views_of([window]), 1)[0, 0]
        assert np.corrcoef(ours[:64], theirs[:64])[0, 1] > 0.98


def slow_scan(keys, windows, frequencies, plan: Plan) -> dict[int, tuple]:
    """Every window against every oriented view, one by one."""
    best: dict[int, tuple] = {}
    for w in range(len(keys)):
        for row, upright in enumerate(frequencies):
            for o in range(8 if w == 0 else plan.orientations):
                oriented = carried(upright)[o]
                apart = np.bitwise_count(keys[w] ^ candidates.pack(oriented))
                bits = 2 * int(apart[0]) + int(apart[1])
                a, b = windows[w, :64].astype(float), oriented[:64].astype(float)
                c = float(a @ b / np.sqrt((a @ a) * (b @ b) + 1))
                if apart[0] > plan.first or bits > plan.likely or (bits > plan.sure and c < plan.correlation):
                    continue
                if row not in best or (bits, -c) < (best[row][0], -best[row][3] - 1e-6):
                    best[row] = (bits, w, o, c)
    return best


@pytest.mark.parametrize("plan", [Plan(48, 60, 0.7, 22, 8), Plan(48, 60, 0.7, 22, 2)])
def test_scan_equals_the_slow_reference(plan: Plan) -> None:
    pictures = [scene(seed) for seed in range(12)] + [
        scene(0).crop((30, 20, 300, 220)),
        scene(1).rotate(90, expand=True),
    ]
    views = views_of(pictures)
    frequencies = candidates.whole_spectra(views)
    brute = Brute(frequencies, np.arange(len(views)), plan)
    for query in (0, 1, 12, 13):
        windows = candidates.spectra(views[query : query + 1], len(candidates.WINDOWS))[0]
        keys = candidates.pack(windows)
        found = {int(row[0]): tuple(row[1:]) for row in brute.search(keys, windows)}
        slow = slow_scan(keys, windows, frequencies, plan)
        assert found.keys() == slow.keys()
        assert all(found[row][0] == slow[row][0] for row in found)


def test_tables_find_only_what_brute_force_finds_and_nearly_all_of_what_is_near() -> None:
    generator = np.random.default_rng(0)
    originals = [np.asarray(scene(seed, 96, 96), float) for seed in range(150)]
    copies = [np.clip(o * generator.uniform(0.8, 1.2) + generator.normal(0, 6, o.shape), 0, 255) for o in originals]
    pictures = [Image.fromarray(np.uint8(p)) for p in originals + copies]
    views = views_of(pictures)
    frequencies = candidates.whole_spectra(views)
    plan = Plan(sure=24, likely=44, correlation=0.9, first=12, orientations=2, band=10)
    brute, banded = Brute(frequencies, np.arange(300), plan), Banded(frequencies, np.arange(300), plan)
    hits = 0
    for query in range(150):
        windows = candidates.spectra(views[query : query + 1], len(candidates.WINDOWS))[0]
        keys = candidates.pack(windows)
        all_pairs = {int(row[0]): row[1] for row in brute.search(keys, windows)}
        few = {int(row[0]): row[1] for row in banded.search(keys, windows)}
        assert few.keys() <= all_pairs.keys()
        assert query in few  # itself
        hits += query + 150 in few
    assert hits >= 0.99 * 150


def test_index_finds_a_copy_inside_a_border() -> None:
    inner = scene(5)
    framed = Image.new("RGB", (420, 340), "white")
    framed.paste(inner, (50, 50))
    records = signatures_of([inner, framed, scene(6), scene(7)])
    plan = plan_for(4)
    index = Index(records["tiny"], records["trim"], np.arange(4), np.full((4, 2), 320), plan, Brute)
    found = index.candidates(index.search(np.arange(len(index))).rows)
    assert (0, 1) in {tuple(sorted(pair)) for pair in zip(found.source.tolist(), found.template.tolist(), strict=True)}


@pytest.mark.parametrize("target", [Brute, Banded])
def test_what_is_not_searched_for_the_keys_of_its_windows_would_find_nothing(target) -> None:
    pictures = [scene(seed) for seed in range(40)]
    pictures += [picture.crop((20, 12, 300, 220)) for picture in pictures[:8]]
    pictures += [ImageOps.mirror(picture) for picture in pictures[8:12]]
    pictures += [ImageOps.expand(picture, 40, "white") for picture in pictures[12:16]]
    records = signatures_of(pictures)
    fresh = np.arange(len(pictures)) >= 40
    plan = Plan(48, 60, 0.5, 16, 2, band=6 if target is Banded else 0)
    sizes = np.full((len(pictures), 2), 320)
    index = Index(records["tiny"], records["trim"], np.arange(len(pictures)), sizes, plan, target, fresh)
    found = index.search(np.arange(len(index)))
    may = index.may_match(found.keyed, found.keys)
    hits = np.isin(found.keyed, found.rows[:, 0].astype(int))
    assert may[hits].all() and may[index.owner[found.keyed] >= 40].all()
    old = index.owner[found.keyed] < 40
    assert hits[old].sum() >= 12 and not may[old].all()  # nor is everything searched
    assert (index.views_of(index.owner[found.keyed], index.kind[found.keyed]) == found.keyed).all()
