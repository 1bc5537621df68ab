from __future__ import annotations

import itertools
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps
from scipy import ndimage

from dedup.images import signature
from dedup.matching import candidates, engine, relations, verdict
from dedup.matching.alignment import AS_IT_IS
from dedup.matching.candidates import MOST, Plan
from dedup.matching.columns import AFFINE, PAIR_COLUMNS
from dedup.matching.engine import Related, relate
from dedup.matching.window_keys import WindowKeys
from tests.scenes import facts_of, scene, signatures_of


def jpeg(picture: Image.Image, quality: int) -> Image.Image:
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return Image.open(BytesIO(buffer.getvalue())).convert("RGB")


def stamped(picture: Image.Image) -> Image.Image:
    out = picture.copy()
    ImageDraw.Draw(out).ellipse((230, 170, 300, 225), fill=(220, 30, 30))
    return out


def shifted(picture: Image.Image) -> Image.Image:
    canvas = Image.new("RGB", picture.size)
    canvas.paste(picture, (20, 15))
    return canvas


def rotated(picture: Image.Image) -> Image.Image:
    return picture.rotate(5, Image.Resampling.BICUBIC).crop((25, 20, 295, 220))


GOLDEN = {
    "mirrored": ImageOps.mirror,
    "flipped": ImageOps.flip,
    "turned 180": lambda p: p.rotate(180),
    "turned 90": lambda p: p.transpose(Image.Transpose.ROTATE_90),
    "turned 270": lambda p: p.transpose(Image.Transpose.ROTATE_270),
    "resized": lambda p: p.resize((160, 120), Image.Resampling.BICUBIC),
    "stretched": lambda p: p.resize((260, 240), Image.Resampling.BICUBIC),
    "brighter": lambda p: ImageEnhance.Brightness(p).enhance(1.2),
    "darker": lambda p: ImageEnhance.Brightness(p).enhance(0.75),
    "less contrast": lambda p: ImageEnhance.Contrast(p).enhance(0.6),
    "gray": lambda p: p.convert("L").convert("RGB"),
    "colour changed": lambda p: ImageEnhance.Color(p).enhance(1.7),
    "blurred": lambda p: p.filter(ImageFilter.GaussianBlur(2)),
    "cropped": lambda p: p.crop((16, 12, 304, 228)),
    "rotated": rotated,
    "shifted": shifted,
    "bordered": lambda p: ImageOps.expand(p, 20, (255, 255, 255)),
    "overlaid": stamped,
    "recompressed": lambda p: jpeg(p, 40),
}


def pair(left: Image.Image, right: Image.Image, qualities: tuple[float, float] = (95.0, 90.0)) -> pd.DataFrame:
    """What is found between two pictures, as left to right."""
    both = [left, right]
    return relate(facts_of(both, [*qualities]), signatures_of(both)).pairs


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_pairs(name: str) -> None:
    picture = scene(11)
    found = pair(picture, GOLDEN[name](picture))
    assert found["kind"].tolist() == ["near"]
    assert name in found["relations"][0].split("|")
    assert 0 < found["distance"][0] <= 0.5


def test_parameters_of_golden_pairs() -> None:
    picture = scene(12)
    crop = pair(picture, GOLDEN["cropped"](picture)).iloc[0]
    assert crop["seen_left"] == pytest.approx(0.81, abs=0.02)
    assert (crop["cropped"], crop["derived"]) == (1, 1)
    assert pair(picture, rotated(picture))["rotation"][0] == pytest.approx(5, abs=0.5)
    small = pair(picture, GOLDEN["resized"](picture)).iloc[0]
    assert small["scale"] == pytest.approx(0.5, abs=0.01)
    assert small["derived"] == 1
    gray = pair(GOLDEN["gray"](picture), picture).iloc[0]
    assert (gray["gray"], gray["derived"]) == (-1, -1)


@pytest.mark.parametrize("seed", [11, 12, 15])
def test_what_brightening_clips_is_no_overlay(seed: int) -> None:
    picture = scene(seed)
    brightened = ImageEnhance.Brightness(picture).enhance(1.45)
    for both in ((picture, brightened), (brightened, picture)):
        assert pair(*both)["overlaid"][0] == 0
    assert pair(picture, stamped(brightened))["overlaid"][0] == 1


@pytest.mark.parametrize("kernel", [Image.Resampling.BICUBIC, Image.Resampling.LANCZOS, Image.Resampling.BOX])
def test_what_a_kernel_makes_of_noise_is_not_named(kernel: Image.Resampling) -> None:
    levels = np.asarray(scene(12), np.float64)
    noise = np.random.default_rng(3).normal(0, 8, levels.shape)
    noisy, noisier = (Image.fromarray(np.clip(levels + k * noise, 0, 255).astype(np.uint8)) for k in (1, 2))
    half = noisy.resize((160, 120), kernel)
    for both in ((noisy, half), (half, noisy)):
        assert "noisy" not in pair(*both)["relations"][0].split("|")
    assert "noisy" in pair(noisy, noisier)["relations"][0].split("|")


@pytest.mark.parametrize("seed", [11, 12, 15])
def test_a_gray_picture_with_a_trace_of_colour_has_not_changed_its_colours(seed: int) -> None:
    gray = scene(seed).convert("L").convert("RGB")
    levels = np.asarray(gray, np.float64)
    noise = np.random.default_rng(seed).normal(0, 12, levels.shape)
    for added in ((1, 0, 0), noise):
        other = Image.fromarray(np.clip(levels + added, 0, 255).astype(np.uint8))
        assert "colour changed" not in pair(gray, other)["relations"][0].split("|")


def test_exchanging_the_sides_inverts_the_relation() -> None:
    picture = scene(13)
    for edit in GOLDEN.values():
        there, back = pair(picture, edit(picture)), relations.invert(pair(edit(picture), picture, (90.0, 95.0)))
        assert there["distance"][0] == back["distance"][0]
        assert there[AFFINE].to_numpy() == pytest.approx(back[AFFINE].to_numpy(), abs=1e-3)
        assert set(there["relations"][0].split("|")) == set(back["relations"][0].split("|"))


def test_different_scenes_are_not_paired() -> None:
    pictures = [scene(seed) for seed in range(40)]
    found = relate(facts_of(pictures), signatures_of(pictures))
    assert found.pairs.empty
    assert list(found.pairs.columns) == list(PAIR_COLUMNS)
    assert (found.nearest >= 0).all()
    assert (found.nearest_bits > 40).all()


def test_flat_pictures_match_only_when_they_are_the_same() -> None:
    tones = [Image.new("RGB", (200, 150), (tone, tone, tone)) for tone in (0, 60, 128, 200, 255)]
    pages = []
    for number in range(4):
        page = Image.new("RGB", (200, 260), "white")
        draw = ImageDraw.Draw(page)
        for line in range(12):
            draw.text((20, 20 + 18 * line), f"{(number + 1) * 7919 * (line + 3) % 10**9} lines", fill="black")
        pages.append(page)
    pictures = tones + pages
    found = relate(facts_of(pictures), signatures_of(pictures)).pairs
    assert (found["kind"] != "near").all()


def cloth(seed: int) -> Image.Image:
    """A pale texture, too fine for the levels that are compared first."""
    grain = ndimage.gaussian_filter(np.random.default_rng(seed).normal(0, 1, (300, 400)), 1)
    return Image.fromarray(np.uint8(np.clip(190 + 5 * grain / grain.std(), 0, 255))).convert("RGB")


def test_of_pale_pictures_each_is_compared_with_the_one_that_is_most_like_it() -> None:
    """Whatever else there is: not with the first of its tone alone."""
    pictures = [each for seed in range(4) for each in (cloth(seed), jpeg(cloth(seed), 85))]
    found = relate(facts_of(pictures), signatures_of(pictures)).pairs
    near = found[found["kind"] == "near"]
    assert list(zip(near["left"], near["right"], strict=True)) == [(0, 1), (2, 3), (4, 5), (6, 7)]


def test_copies_of_a_pale_picture_hang_together() -> None:
    """Though each is nearest to one other of them only."""
    pictures = [each for seed in range(4) for each in (cloth(seed), *(jpeg(cloth(seed), q) for q in (95, 90, 85, 75)))]
    found = relate(facts_of(pictures), signatures_of(pictures)).pairs
    near = set(found.loc[found["kind"] == "near", ["left", "right"]].itertuples(index=False, name=None))
    assert near == {(a, b) for a, b in itertools.combinations(range(len(pictures)), 2) if a // 5 == b // 5}


def test_a_recoloured_product_is_only_similar() -> None:
    def product(colour: tuple[int, int, int]) -> Image.Image:
        picture = Image.new("RGB", (300, 300), "white")
        shape = Image.new("L", (300, 300))
        ImageDraw.Draw(shape).polygon([(60, 60), (240, 60), (260, 250), (40, 250)], fill=255)
        shade = np.asarray(scene(14, 300, 300).convert("L"), float)[..., None] / 160
        cloth = Image.fromarray(np.uint8(np.clip(shade * colour, 0, 255)))
        picture.paste(cloth, mask=shape)
        return picture

    assert "near" not in pair(product((200, 40, 40)), product((40, 60, 200)))["kind"].tolist()


def test_the_next_shot_of_a_burst_is_only_similar() -> None:
    # the camera moved on by a few pixels: both show something the other does not
    wide = scene(15, 400, 300)
    found = pair(wide.crop((0, 0, 360, 270)), wide.crop((14, 10, 374, 280)))
    assert "near" not in found["kind"].tolist()


def collection() -> list[Image.Image]:
    edits = list(GOLDEN.values())
    originals = [scene(seed) for seed in range(30)]
    return originals + [edits[k % len(edits)](picture) for k, picture in enumerate(originals)]


def named(found: Related, facts: pd.DataFrame) -> dict:
    """The result by content, whatever the order of the rows: smaller hash first."""
    pairs = found.pairs
    turned = facts["sha256"].to_numpy()[pairs["left"]] > facts["sha256"].to_numpy()[pairs["right"]]
    pairs = pd.concat([pairs[~turned], relations.invert(pairs[turned])])
    keys = zip(facts["sha256"].to_numpy()[pairs["left"]], facts["sha256"].to_numpy()[pairs["right"]], strict=True)
    values = zip(pairs["kind"], pairs["distance"], pairs["relations"], pairs["bits"], strict=True)
    return dict(zip(keys, values, strict=True))


def test_order_and_workers_change_nothing() -> None:
    pictures = collection()
    facts, records = facts_of(pictures), signatures_of(pictures)
    expected = named(relate(facts, records, workers=1), facts)
    assert len(expected) >= 28
    for seed, workers in ((0, 2), (1, 3)):
        order = np.random.default_rng(seed).permutation(len(pictures))
        shuffled = facts.iloc[order].reset_index(drop=True)
        found = relate(shuffled, records[order], workers=workers)
        assert named(found, shuffled) == expected


def test_left_is_below_right_and_rows_are_in_order() -> None:
    pictures = collection()
    pairs = relate(facts_of(pictures), signatures_of(pictures)).pairs
    assert (pairs["left"] < pairs["right"]).all()
    assert pairs[["left", "right"]].equals(pairs[["left", "right"]].sort_values(["left", "right"]))
    assert (
        pairs.dtypes.astype(str).to_dict() == relate(facts_of([]), signatures_of([])).pairs.dtypes.astype(str).to_dict()
    )


@pytest.mark.parametrize("count", [0, 1, 7, 60])
def test_incremental_equals_from_scratch(count: int) -> None:
    pictures = collection()
    facts, records = facts_of(pictures), signatures_of(pictures)
    fresh = np.zeros(len(pictures), bool)
    fresh[np.random.default_rng(count).choice(len(pictures), count, replace=False)] = True
    old = np.flatnonzero(~fresh)
    known = relate(facts.iloc[old].reset_index(drop=True), records[old])
    nearest, bits = np.full(len(fresh), -1, np.int32), np.full(len(fresh), -1, np.int16)
    nearest[old] = np.where(known.nearest >= 0, old[known.nearest] if len(old) else -1, -1)
    bits[old] = known.nearest_bits
    remapped = known.pairs.assign(left=old[known.pairs["left"]], right=old[known.pairs["right"]])
    alike = np.zeros(len(fresh), np.int32)
    alike[old] = known.alike
    found = relate(facts, records, known=Related(remapped, nearest, bits, alike), fresh=fresh)
    expected = relate(facts, records)
    pd.testing.assert_frame_equal(found.pairs, expected.pairs)
    assert (found.nearest == expected.nearest).all()
    assert (found.nearest_bits == expected.nearest_bits).all()
    assert (found.alike == expected.alike).all()


class InMemory(list):
    """What a scan keeps of windows, and for how many pictures they were computed."""

    def add(self, found: WindowKeys) -> None:
        self.append(found)


@pytest.mark.parametrize("band", [0, 8])
@pytest.mark.parametrize("count", [3, 20])
def test_incremental_with_what_was_kept_equals_from_scratch(monkeypatch, band: int, count: int) -> None:
    monkeypatch.setattr(engine, "WORTH_KEEPING", 0)
    monkeypatch.setattr(engine, "plan_for", lambda count: Plan(48, 60, 0.7, 16, 2, band))
    clear = scene(40).convert("RGBA")
    clear.paste((0, 0, 0, 0), (0, 0, 120, 240))
    pictures = [*collection(), *crowd(30)[:60], clear, ImageEnhance.Brightness(clear).enhance(1.2)]
    pictures += [Image.new("RGBA", clear.size, "black"), scene(3, 48, 36)]
    pictures[-2].alpha_composite(clear)
    facts, records = facts_of(pictures), signatures_of(pictures)
    fresh = np.zeros(len(pictures), bool)
    fresh[np.random.default_rng(count).choice(len(pictures), count, replace=False)] = True
    old = np.flatnonzero(~fresh)
    windows = InMemory()
    known = relate(facts.iloc[old].reset_index(drop=True), records[old], windows=windows)
    before = sum(len(each.kind) for each in windows)
    nearest, bits, alike = (np.full(len(fresh), -1, kind) for kind in (np.int32, np.int16, np.int32))
    nearest[old], bits[old], alike[old] = old[known.nearest], known.nearest_bits, known.alike
    remapped = known.pairs.assign(left=old[known.pairs["left"]], right=old[known.pairs["right"]])
    searched = []
    search = candidates.Index.search
    monkeypatch.setattr(candidates.Index, "search", lambda *given: (searched.extend(given[1]), search(*given))[1])
    found = relate(facts, records, known=Related(remapped, nearest, bits, alike), fresh=fresh, windows=windows)
    assert len(set(searched)) < 0.8 * len(pictures)
    assert before < sum(len(each.kind) for each in windows) <= before + 3 * count
    expected = relate(facts, records, windows=windows)
    pd.testing.assert_frame_equal(found.pairs, expected.pairs)
    assert (found.alike == expected.alike).all()
    assert len(windows) == 1  # begun anew


def crowd(count: int) -> list[Image.Image]:
    """So many versions of one picture, some blank pages that differ a little, and a few others."""
    base = scene(5, 160, 120)
    versions = [ImageEnhance.Brightness(base).enhance(0.7 + 0.02 * step) for step in range(count)]
    blanks = [Image.new("RGB", (90 + step, 120), (250 - step % 3,) * 3) for step in range(count)]
    return versions + blanks + [scene(seed) for seed in range(20, 24)]


@pytest.mark.parametrize("late", [1, 3, 20])
def test_incremental_equals_from_scratch_among_many_look_alikes(late: int) -> None:
    pictures = crowd(30)
    facts, records = facts_of(pictures), signatures_of(pictures)
    fresh = np.zeros(len(pictures), bool)
    fresh[np.random.default_rng(late).choice(len(pictures), late, replace=False)] = True
    old = np.flatnonzero(~fresh)
    known = relate(facts.iloc[old].reset_index(drop=True), records[old])
    nearest, bits, alike = (np.full(len(fresh), -1, kind) for kind in (np.int32, np.int16, np.int32))
    nearest[old], bits[old], alike[old] = old[known.nearest], known.nearest_bits, known.alike
    remapped = known.pairs.assign(left=old[known.pairs["left"]], right=old[known.pairs["right"]])
    found = relate(facts, records, known=Related(remapped, nearest, bits, alike), fresh=fresh)
    expected = relate(facts, records)
    pd.testing.assert_frame_equal(found.pairs, expected.pairs)
    assert (found.alike == expected.alike).all()


def test_look_alikes_cost_a_multiple_of_their_number_and_all_meet_the_likeliest_keeper() -> None:
    pictures = crowd(60)
    found = relate(facts_of(pictures), signatures_of(pictures))
    assert len(found.pairs) <= 2 * sum(MOST) * len(pictures)
    versions = found.pairs[(found.pairs["right"] < 60) & (found.pairs["kind"] == "near")]
    degrees = np.bincount(versions[["left", "right"]].to_numpy().ravel(), minlength=60)
    assert degrees.max() >= 55
    assert (found.alike[60:120] == -1).all() and found.alike[:60].min() > sum(MOST)


def test_progress_is_told_and_may_cancel() -> None:
    pictures = collection()
    told = []
    relate(facts_of(pictures), signatures_of(pictures), on_progress=told.append)
    assert {progress.stage for progress in told} == {"candidates", "pairs"}
    assert told[-1].done == told[-1].total

    def stop(progress: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        relate(facts_of(pictures), signatures_of(pictures), on_progress=stop)


def test_hard_negatives_are_never_near(shared_data) -> None:
    listed = pd.read_csv(shared_data / "hard_negatives.csv")
    files = sorted({*listed["a"], *listed["b"]})
    pictures = []
    for file in files:
        with Image.open(shared_data / file) as opened:
            pictures.append(ImageOps.exif_transpose(opened).convert("RGB"))
    pairs = relate(facts_of(pictures), signatures_of(pictures)).pairs
    near = pairs[pairs["kind"] == "near"]
    found = {frozenset((files[left], files[right])) for left, right in zip(near["left"], near["right"], strict=True)}
    assert not found & {frozenset(pair) for pair in zip(listed["a"], listed["b"], strict=True)}


def test_a_bar_over_bright_places_is_not_taken_for_clipped_shadows():
    """Then the picture without it was told to be made from the one with it, and left in its place."""
    scene = np.tile(np.linspace(60, 240, 48), (48, 1))
    barred, brighter = scene.copy(), np.minimum(1.5 * scene, 255)
    barred[:16] = 0
    signatures = np.zeros(3, signature.SIGNATURE)
    signatures["tiny"] = np.stack([barred, scene, brighter])
    columns = {"left": np.array([0, 1]), "right": np.array([1, 2]), "gain": np.array([1.0, 1.5]), "bias": np.zeros(2)}
    columns |= {name: np.full(2, number) for name, number in zip(AFFINE, AS_IT_IS, strict=True)}
    assert verdict._is_clipped(signatures, columns).tolist() == [False, True]
