"""The score's promises, on real files: exact zeros, near band, keepers, and no dependence on order or names."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import dedup
from dedup import removal
from dedup.groups import singularity
from dedup.groups.frame import describe
from dedup.model import NEAR_SINGULARITY
from tests.pictures import folder_of_photos, photo, save


def scores(folder, home) -> dict[str, float]:
    frame = dedup.scan(folder, home=home, workers=1).frame
    return dict(zip(frame["path"], frame["singularity"], strict=True))


@pytest.mark.parametrize("count", [2, 30, 1000])
def test_of_n_identical_files_one_is_not_zero_and_the_rest_link_to_it(count, tmp_path, home):
    folder_of_photos(tmp_path / "in", 3)
    for number in range(count):
        shutil.copy(tmp_path / "in/0000.jpg", tmp_path / f"in/copy-{number:04d}.jpg")
    frame = dedup.scan(tmp_path / "in", home=home).frame
    exact = frame[frame["kind"] == "exact"]
    keeper = frame.index[frame["role"] == "keeper"]
    assert len(exact) == count and (exact["singularity"] == 0).all()
    assert list(frame["path"][keeper]) == ["0000.jpg"] and (exact["nearest"] == keeper[0]).all()
    assert frame["singularity"][keeper[0]] > NEAR_SINGULARITY
    assert (exact["relation"] == "identical file").all() and frame["group"].nunique() == 2


def test_one_image_alone_is_unique(tmp_path, home):
    folder_of_photos(tmp_path / "in", 1)
    assert scores(tmp_path / "in", home) == {"0000.jpg": 1.0}


def test_when_all_are_identical_one_stays(tmp_path, home):
    for number in range(5):
        save(photo(1), tmp_path / f"in/{number}.png")
    assert sorted(scores(tmp_path / "in", home).values()) == [0, 0, 0, 0, 1]


def test_identical_pixels_in_two_formats_are_exact_and_the_lossy_source_stays(tmp_path, home):
    jpeg = save(photo(1), tmp_path / "in/longer-name.jpg")
    with Image.open(jpeg) as opened:
        save(opened.convert("RGB"), tmp_path / "in/b.png")
    save(photo(2), tmp_path / "in/other.png")
    frame = dedup.scan(tmp_path / "in", home=home).frame.set_index("path")
    assert frame["kind"]["b.png"] == "exact" and frame["relation"]["b.png"] == "identical pixels"
    assert frame["role"]["longer-name.jpg"] == "keeper" and "though PNG" in frame["keeper_reason"]["longer-name.jpg"]


def test_an_exact_copy_of_another_member_is_not_said_to_be_identical_to_the_keeper(tmp_path, home):
    save(photo(1, (640, 480)), tmp_path / "in/original.png")
    small = save(photo(1, (640, 480)).resize((320, 240)), tmp_path / "in/small.png")
    shutil.copy(small, tmp_path / "in/smaller.png")
    dataset = dedup.scan(tmp_path / "in", home=home)
    relation = dict(zip(dataset.frame["path"], dataset.frame["relation"], strict=True))
    resized = "resized from 640x480 to 320x240"
    assert relation["small.png"] == resized
    assert relation["smaller.png"] == f"identical file as small.png, which is: {resized}"
    assert describe(dataset.frame, [2]) == ["Duplicate of small.png: identical file"]
    plan = removal.plan(dataset, [1, 2])
    assert [entry.reason for entry in plan.entries] == [
        f"Near duplicate of original.png: {resized}",
        f"Near duplicate of original.png: identical file as small.png, which is: {resized}",
    ]


def test_exif_turned_copies_are_exact(tmp_path, home):
    exif = Image.Exif()
    exif[0x0112] = 6
    save(photo(1), tmp_path / "in/upright.png")
    save(photo(1).transpose(Image.Transpose.ROTATE_90), tmp_path / "in/turned-in-exif.png", exif=exif)
    assert sorted(scores(tmp_path / "in", home).values())[0] == 0


def test_near_duplicates_lie_in_their_band_and_say_how(tmp_path, home):
    folder_of_photos(tmp_path / "in", 6)
    save(photo(0).transpose(Image.Transpose.FLIP_LEFT_RIGHT), tmp_path / "in/mirror.jpg", quality=90)
    save(photo(1, (192, 144)).resize((64, 48)), tmp_path / "in/unrelated.jpg")
    frame = dedup.scan(tmp_path / "in", home=home).frame.set_index("path")
    assert 0 < frame["singularity"]["mirror.jpg"] <= NEAR_SINGULARITY
    assert "mirrored" in frame["relations"]["mirror.jpg"]
    assert (frame["singularity"] > 0).all()


def test_scores_do_not_depend_on_names_or_order(tmp_path, home):
    pictures = [photo(seed) for seed in range(8)] + [photo(0), photo(1).resize((48, 36))]
    generator = np.random.default_rng(5)
    outcomes = []
    for turn in range(3):
        order = generator.permutation(len(pictures))
        for place, number in enumerate(order):
            save(pictures[number], tmp_path / f"{turn}/{place:02d}.png")
        found = scores(tmp_path / str(turn), home)
        outcomes.append(sorted(round(score, 9) for score in found.values()))
    assert outcomes[0] == outcomes[1] == outcomes[2]


def test_who_has_no_copy_need_not_be_ranked(tmp_path, home, monkeypatch):
    """The rules are asked of images with copies only; asked of all they give the same."""
    for number in range(8):
        save(photo(number), tmp_path / f"in/{('train', 'test')[number % 2]}/{number}.png")
    for number in range(3):
        save(photo(number).resize((48, 36)), tmp_path / f"in/train/small {number}.jpg", quality=60 + 10 * number)
        save(photo(number).transpose(Image.Transpose.FLIP_LEFT_RIGHT), tmp_path / f"in/test/mirror {number}.png")
    for number, name in ((0, "0 copy.png"), (4, "train/4 (1).png"), (4, "a.png")):
        shutil.copy(tmp_path / f"in/test/{number}.png" if number % 2 else tmp_path / f"in/train/{number}.png",
                    tmp_path / "in" / name)  # fmt: skip
    (tmp_path / "in/broken.jpg").write_bytes(b"no picture")
    (tmp_path / "in/broken too.jpg").write_bytes(b"no picture")
    made = dedup.scan(tmp_path / "in", workers=1)
    assert made.frame["group"].nunique() > 4 and (made.frame["group"] < 0).any()
    monkeypatch.setattr("dedup.groups.stars.copied", lambda classes, left, right: classes >= 0)
    every = dedup.open(made.name)
    assert every.frame.equals(made.frame) and every.pairs.equals(made.pairs)
    assert every.keeper_rules == made.keeper_rules


@pytest.mark.shared
def test_the_thousand_dogs_hold_exactly_seven_redundant_copies(dogs):
    frame = dogs.frame
    assert (frame["singularity"] == 0).sum() == 7 and (frame["singularity"] > 0).sum() == 993


@given(bits=st.lists(st.integers(1, 256), min_size=2, max_size=20))
def test_unique_scores_grow_with_hash_distance_above_the_near_band(bits):
    ordered = np.sort(np.array(bits, np.int16))
    found = singularity.unique(ordered)
    assert (np.diff(found) >= 0).all() and (found > NEAR_SINGULARITY).all() and (found <= 1).all()


@given(distance=st.floats(0, 1), threshold=st.floats(0.01, 1))
def test_near_scores_stay_in_their_band(distance, threshold):
    if distance <= threshold:
        score = singularity.near(np.array([distance]), threshold)[0]
        assert 0 < score <= NEAR_SINGULARITY + 1e-12


def test_no_other_image_scores_one():
    assert singularity.unique(np.array([-1], np.int16))[0] == 1


def test_the_curve_is_the_one_that_is_documented():
    told = singularity.unique(np.array([20, 56, 85, 256, -1]))
    assert told == pytest.approx([0.164, 0.6505, 0.905, 1.0, 1.0], abs=1e-3)
