"""A thorough scan: parts of pictures are found through a whole scan, shown, counted, exported, and never removed."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

import dedup
from dedup.checks import gate
from dedup.errors import WhereError
from dedup.exports.csv import read as read_csv
from dedup.groups.frame import describe
from dedup.images import keypoints
from dedup.matching import parts as matching
from dedup.matching import points
from dedup.model import NEAR_DISTANCE
from dedup.scanning import origins, parts, scan
from dedup.splits import leaks, making
from dedup.store.by_content import SMALL_JOINED
from dedup.store.directory import Store
from tests.pictures import detailed, font, save

SIZE = (480, 360)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Eight pictures; a collage of two of them, a crop, one turned, one set into another; others that are in none."""
    folder = tmp_path_factory.mktemp("thorough") / "pictures"
    pictures = [detailed(seed, SIZE) for seed in range(8)]
    for number, each in enumerate(pictures):
        save(each, folder / "test" / f"{number}.png")
    collage = Image.new("RGB", (960, 360))
    collage.paste(pictures[0], (0, 0))
    collage.paste(pictures[1], (480, 0))
    save(collage, folder / "train" / "collage.jpg", quality=85)
    save(pictures[2].crop((100, 60, 340, 240)), folder / "train" / "crop.jpg", quality=85)
    turned = pictures[3].rotate(33, Image.Resampling.BICUBIC, expand=True, fillcolor=(128, 128, 128))
    save(turned, folder / "train" / "turned.jpg", quality=85)
    page = detailed(50, (800, 600))
    page.paste(pictures[4].resize((320, 240), Image.Resampling.LANCZOS), (440, 330))
    save(page, folder / "train" / "page.jpg", quality=85)
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def dataset(folder, home):
    return dedup.scan(folder, home=home, name="thorough", thorough=True)


def named(dataset, kind: str | None = None) -> dict[frozenset[str], str]:
    paths = dataset.frame["path"]
    pairs = dataset.pairs if kind is None else dataset.pairs[dataset.pairs["kind"] == kind]
    return {
        frozenset({paths.iat[left], paths.iat[right]}): each
        for left, right, each in zip(pairs["left"], pairs["right"], pairs["kind"], strict=True)
    }


PARTS = [
    ("test/0.png", "train/collage.jpg"),
    ("test/1.png", "train/collage.jpg"),
    ("test/2.png", "train/crop.jpg"),
    ("test/4.png", "train/page.jpg"),
]


def test_a_scan_finds_none_of_it_unless_it_is_thorough(folder, tmp_path):
    plain = dedup.scan(folder, home=tmp_path)
    assert not plain.info.thorough
    assert named(plain, "contains") == {} and not {frozenset(pair) for pair in PARTS} & set(named(plain))


def test_a_crop_below_a_half_is_a_part_whoever_found_it(tmp_path):
    """A look at the whole finds it, too, in every scan."""
    for seed in range(4):
        save(detailed(seed, SIZE), tmp_path / "in" / f"{seed}.png")
    save(detailed(1, SIZE).crop((80, 60, 402, 300)), tmp_path / "in" / "crop.jpg", quality=90)
    save(detailed(2, SIZE).crop((40, 30, 440, 330)), tmp_path / "in" / "large.jpg", quality=90)
    small, large = frozenset({"1.png", "crop.jpg"}), frozenset({"2.png", "large.jpg"})
    plain = dedup.scan(tmp_path / "in", home=tmp_path / "home")
    assert named(plain) == {small: "contains", large: "near"}
    thorough = dedup.scan(tmp_path / "in", home=tmp_path / "home", thorough=True)
    assert named(thorough) == {small: "contains", large: "near"}
    (row,) = np.flatnonzero(thorough.frame["path"] == "crop.jpg")
    assert thorough.frame["kind"].iat[row] == "unique" and thorough.frame["part_of"].iat[row] == 1
    pair = thorough.pair(int(np.flatnonzero(thorough.pairs["kind"] == "contains")[0]))
    assert "part of the other" in pair.relation or "contains the other" in pair.relation
    assert dedup.scan(tmp_path / "in", home=tmp_path / "home").scan_id == thorough.scan_id
    assert named(dedup.scan(tmp_path / "in", home=tmp_path / "home", thorough=False)) == named(plain)


def test_what_a_picture_was_set_into_is_no_copy_of_it_whoever_found_it(tmp_path):
    """A look at the whole takes screens and bars for more of the scene, and the filled corners of a turned picture for
    a part of it that the other lacks."""
    portrait, wide, turned, *others = (detailed(seed, size) for seed, size in enumerate([(320, 480), *3 * [SIZE]]))
    for number, each in enumerate([portrait, wide, turned, *others]):
        save(each, tmp_path / "in" / f"{number}.png")
    screen = Image.new("RGB", (600, 1300), (252, 252, 252))
    screen.paste(ImageOps.fit(portrait, (600, 800), Image.Resampling.LANCZOS), (0, 150))
    meme = Image.new("RGB", (SIZE[0], SIZE[1] * 3 // 2), "white")
    meme.paste(wide, (0, SIZE[1] // 4))
    for picture, lines in ((screen, range(965, 1280, 40)), (meme, (20, 480))):
        for y in lines:
            ImageDraw.Draw(picture).text((24, y), "nobody reads what is written below", fill="black", font=font(26))
    save(screen, tmp_path / "in" / "screen.jpg", quality=92)
    save(meme, tmp_path / "in" / "meme.jpg", quality=92)
    filled = turned.rotate(12, Image.Resampling.BICUBIC, expand=True)
    save(filled, tmp_path / "in" / "filled.jpg", quality=92)
    dataset = dedup.scan(tmp_path / "in", home=tmp_path / "home", thorough=True)
    assert named(dataset) == {
        frozenset({"0.png", "screen.jpg"}): "contains",
        frozenset({"1.png", "meme.jpg"}): "contains",
        frozenset({"2.png", "filled.jpg"}): "near",
    }
    (near,) = dataset.pairs[dataset.pairs["kind"] == "near"]["relations"]
    assert near.split("|") == ["rotated", "bordered", "other format"]


def test_what_contains_what_is_told(dataset):
    assert set(named(dataset, "contains")) == {frozenset(pair) for pair in PARTS}
    frame = dataset.frame.set_index("path")
    assert frame.loc["train/collage.jpg", "contains"] == 2 and frame.loc["train/collage.jpg", "part_of"] == 0
    assert frame.loc["test/2.png", "contains"] == 1 and frame.loc["train/crop.jpg", "part_of"] == 1
    assert frame["contains"].sum() == frame["part_of"].sum() == 4


def test_a_picture_turned_by_any_angle_is_a_copy(dataset):
    assert named(dataset, "near") == {frozenset({"test/3.png", "train/turned.jpg"}): "near"}
    pair = dataset.pairs[dataset.pairs["kind"] == "near"].iloc[0]
    assert abs(abs(pair["rotation"]) - 33) < 0.5 and "rotated" in pair["relations"]


def test_it_is_said_where_and_how_much(dataset):
    told = {frozenset({pair.left, pair.right}): pair.relation for pair in map(dataset.pair, range(len(dataset.pairs)))}
    paths = dataset.frame["path"].tolist()
    collage = told[frozenset({paths.index("test/1.png"), paths.index("train/collage.jpg")})]
    assert (
        "50 %" in collage and "right" in collage and ("contains the other" in collage or "part of the other" in collage)
    )
    crop = told[frozenset({paths.index("test/2.png"), paths.index("train/crop.jpg")})]
    assert "25 %" in crop or "26 %" in crop


def test_parts_are_no_copies_at_any_threshold(dataset, folder, home):
    """Nothing that is a part is grouped, suggested or planned to go."""
    dataset.near_threshold = 1.0
    groups = {frozenset(dataset.frame["path"].iloc[list(group.rows)]) for group in dataset.groups}
    assert groups == {frozenset({"test/3.png", "train/turned.jpg"})}
    kinds = dataset.frame.set_index("path")["kind"]
    dataset.near_threshold = NEAR_DISTANCE
    assert (kinds.loc[["train/collage.jpg", "train/crop.jpg", "train/page.jpg", "test/0.png"]] == "unique").all()


def test_a_collage_in_train_that_holds_a_test_image_is_a_leak(dataset):
    paths = dataset.frame["path"].tolist()
    across = {(paths[whole], paths[part]) for whole, part in leaks.parts_across(dataset.frame, dataset.pairs)}
    assert across == {
        ("train/collage.jpg", "test/0.png"),
        ("train/collage.jpg", "test/1.png"),
        ("test/2.png", "train/crop.jpg"),
        ("train/page.jpg", "test/4.png"),
    }
    (finding,) = [each for each in gate.check(dataset, gate.Limits(leaks=0)).findings if each.name == "leaks"]
    assert finding.count == 5, "these, and the group of the turned one"
    assert any("train/collage.jpg (train) contains test/1.png (test)" in each.sentence for each in finding.details)


def test_a_split_keeps_a_collage_and_its_pictures_together(dataset):
    asked = making.Asked({"train": 0.5, "test": 0.5}, together="near")
    unit = dict(zip(dataset.frame["path"], making.units(dataset.frame, dataset.pairs, asked).tolist(), strict=True))
    assert unit["train/collage.jpg"] == unit["test/0.png"] == unit["test/1.png"] != unit["test/5.png"]


def test_pairs_are_exported_with_them(dataset, tmp_path):
    dataset.export("pairs", tmp_path / "pairs.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "pairs.csv").read_text(encoding="utf-8-sig"))))
    assert sorted(row["kind"] for row in rows) == ["contains"] * 4 + ["near"]


def test_exports_of_images_tell_of_it(dataset, tmp_path):
    dataset.export("csv", tmp_path / "a.csv")
    told = read_csv(tmp_path / "a.csv").set_index("path")
    assert told.loc["train/collage.jpg", "contains"] == 2 and told.loc["train/crop.jpg", "part_of"] == 1
    assert dataset.to_pandas().set_index("path").loc["train/page.jpg", "contains"] == 1
    dataset.export("coco", tmp_path / "a.json")
    images = {each["file_name"]: each["dedup"] for each in json.loads((tmp_path / "a.json").read_text())["images"]}
    assert (images["train/collage.jpg"]["contains"], images["test/0.png"]["part_of"]) == (2, 1)


def test_a_kind_that_no_image_has_is_told_with_what_is_meant(dataset):
    for wrong in ("kind == 'contains'", "kind in ('near', 'contains')", "'contains' != kind"):
        with pytest.raises(WhereError, match='images that contain others have "contains > 0"'):
            dataset.select(wrong)
    for wrong in ("kind == 'dupe'", "role == 'single'", "decided == 'open?'", "status != 'bad'"):
        with pytest.raises(WhereError, match="is one of"):
            dataset.select(wrong)
    assert dataset.select("'ea' in kind and role != '' or kind == 'unique'").any()


def test_images_can_be_filtered_by_it(dataset):
    found = dataset.select(where="contains > 0")
    assert sorted(dataset.frame["path"][found]) == ["test/2.png", "train/collage.jpg", "train/page.jpg"]


def counted(monkeypatch) -> list[str]:
    """The names of what is read or judged from now on."""
    done: list[str] = []
    judge = matching.judge
    monkeypatch.setattr(matching, "judge", lambda *given, **more: (done.append("judged"), judge(*given, **more))[1])
    keep = parts.Store.write_keypoints
    monkeypatch.setattr(
        parts.Store,
        "write_keypoints",
        lambda self, found: (done.extend(["keypoints"] * len(found)), keep(self, found))[1],
    )
    return done


def test_shards_become_a_thorough_dataset_when_they_are_merged(folder, dataset, tmp_path):
    for number in (1, 2):
        dedup.scan_shard(folder, f"{number}/2", tmp_path / "parts", workers=1)
    merged = dedup.merge(tmp_path / "parts", home=tmp_path / "home", thorough=True)
    assert merged.info.thorough and merged.pairs.equals(dataset.pairs) and merged.frame.equals(dataset.frame)


def test_a_later_scan_looks_at_what_is_new_and_finds_what_a_fresh_one_finds(folder, tmp_path, monkeypatch):
    here = tmp_path / "pictures"
    shutil.copytree(folder, here)
    held = tmp_path / "held.jpg"
    (here / "train" / "page.jpg").rename(held)
    first = dedup.scan(here, home=tmp_path / "home", thorough=True)
    assert set(named(first, "contains")) == {frozenset(pair) for pair in PARTS[:3]}
    shutil.copyfile(held, here / "train" / "page.jpg")
    done = counted(monkeypatch)
    later = dedup.scan(here, home=tmp_path / "home")
    assert later.info.thorough, "a dataset keeps what it was told"
    assert done.count("keypoints") == 1 and done.count("judged") <= 2
    fresh = dedup.scan(here, home=tmp_path / "fresh", thorough=True)
    assert named(later) == named(fresh)
    done.clear()
    dedup.scan(here, home=tmp_path / "home")
    assert done == [], "nothing changed"


def test_what_a_look_at_the_whole_knew_is_the_same_in_a_later_scan(tmp_path):
    """Small crops that it calls near and that are parts, with keypoints and without any."""
    here, (y, x) = tmp_path / "pictures", np.mgrid[:300, :400]
    waves = np.random.default_rng(0).uniform(-0.05, 0.05, (4, 2))
    smooth = 128 + 27 * sum(np.sin(x * across + y * down) for across, down in waves.tolist())
    smooth_picture = Image.fromarray(np.uint8(smooth.clip(0, 255)))
    for name, picture in (("smooth", smooth_picture), ("fine", detailed(1, (400, 300)))):
        save(picture, here / f"{name}.png")
        save(picture.crop((56, 42, 344, 258)), here / f"{name}-crop.png")
    first = dedup.scan(here, home=tmp_path / "home", thorough=True)
    crops = {frozenset({f"{name}.png", f"{name}-crop.png"}): "contains" for name in ("smooth", "fine")}
    assert named(first) == crops
    save(detailed(2, SIZE), here / "other.png")
    for _ in range(2):
        later, fresh = (dedup.scan(here, home=tmp_path / home, thorough=True) for home in ("home", "fresh"))
        assert named(later) == crops and later.pairs.equals(fresh.pairs) and later.frame.equals(fresh.frame)
        shutil.rmtree(tmp_path / "fresh")
        (here / "other.png").unlink(missing_ok=True)


def test_a_negative_is_near_and_named_whatever_its_grain(tmp_path):
    """Where two lie on each other as they stand, their grain is compared: that of a negative is turned around."""
    noise = np.random.default_rng(1).normal(0, 5, (SIZE[1], SIZE[0], 3))
    grainy = Image.fromarray((np.asarray(detailed(1, SIZE)) + noise).clip(0, 255).astype(np.uint8))
    save(grainy, tmp_path / "in" / "picture.png")
    save(ImageOps.invert(grainy), tmp_path / "in" / "negative.png")
    save(detailed(2, SIZE), tmp_path / "in" / "other.png")
    dataset = dedup.scan(tmp_path / "in", home=tmp_path / "home", thorough=True)
    assert named(dataset) == {frozenset({"picture.png", "negative.png"}): "near"}
    assert dataset.pairs["relations"].tolist() == ["negative"]
    assert "negative" in dataset.frame.set_index("path")["relation"]["picture.png"] + describe(dataset.frame, [0])[0]


def test_a_solarised_picture_is_near_and_named_though_its_grain_is_turned_around_in_places(tmp_path, monkeypatch):
    monkeypatch.setattr(origins, "_another_exposure", lambda *_: True)  # whatever the grain that is there says
    dark = [detailed(seed, SIZE).point([max(0, tone - 30) for tone in range(256)] * 3) for seed in range(3)]
    for number, picture in enumerate(dark):
        save(picture, tmp_path / "in" / f"{number}.png")
    save(ImageOps.solarize(dark[1], 128), tmp_path / "in" / "solarised.png")
    dataset = dedup.scan(tmp_path / "in", home=tmp_path / "home", thorough=True)
    assert named(dataset) == {frozenset({"1.png", "solarised.png"}): "near"}
    assert dataset.pairs["relations"].tolist() == ["solarised"]


def test_it_can_be_asked_for_later_and_dropped_again(folder, tmp_path):
    plain = named(dedup.scan(folder, home=tmp_path))
    thorough = dedup.scan(folder, home=tmp_path, thorough=True)
    assert set(named(thorough, "contains")) == {frozenset(pair) for pair in PARTS}
    assert named(dedup.scan(folder, home=tmp_path, thorough=False)) == plain


def test_a_pair_that_fails_costs_itself_only(folder, tmp_path, monkeypatch):
    judge = matching.judge

    def fault(left, right, *given, **more):
        if (300, 800) in (left.shape[:2], right.shape[:2]):  # the collage, reduced
            raise ZeroDivisionError("planted")
        return judge(left, right, *given, **more)

    monkeypatch.setattr(matching, "judge", fault)
    dataset = dedup.scan(folder, home=tmp_path, thorough=True)
    found = named(dataset)
    assert found[frozenset({"test/3.png", "train/turned.jpg"})] == "near"
    failed = {pair for pair, kind in found.items() if kind == "unjudged"}
    assert failed == {frozenset(pair) for pair in PARTS[:2]}
    notes = dataset.pairs.loc[dataset.pairs["kind"] == "unjudged", "note"]
    assert (notes == "ZeroDivisionError: planted").all()


def scanned_with_one_more(folder: Path, home: Path) -> dedup.Dataset:
    """The dataset after a scan that finds something new."""
    save(detailed(70, SIZE), folder / "test" / "more.png")
    try:
        return dedup.scan(folder, home=home)
    finally:
        (folder / "test" / "more.png").unlink()


def test_what_fails_is_looked_at_again(folder, tmp_path, monkeypatch):
    def fault(*given, **more):
        raise ZeroDivisionError("planted")

    with monkeypatch.context() as patch:
        patch.setattr(matching, "judge", fault)
        dataset = dedup.scan(folder, home=tmp_path, thorough=True)
    assert "unjudged" in set(named(dataset).values())
    again = scanned_with_one_more(folder, tmp_path)
    assert set(named(again, "contains")) == {frozenset(pair) for pair in PARTS}


def test_a_file_that_changes_while_it_is_scanned_says_nothing_of_its_old_content(folder, tmp_path, monkeypatch):
    """What was read of it is of other bytes than it is kept by: its parts are not known, and its pairs not judged."""
    monkeypatch.setattr(scan._Work, "still_holds", lambda self, row, sha256: False)
    dataset = dedup.scan(folder, home=tmp_path, thorough=True)
    assert named(dataset, "contains") == {}
    assert not list((dataset.directory / "keypoints").glob("*.parquet"))


def test_who_is_stopped_keeps_what_is_done(folder, tmp_path, monkeypatch):
    judge, done = matching.judge, []

    def stopping(*given, **more):
        done.append(1)
        if len(done) > 3:
            raise KeyboardInterrupt
        return judge(*given, **more)

    with monkeypatch.context() as patch:
        patch.setattr(matching, "judge", stopping)
        with pytest.raises(KeyboardInterrupt):
            dedup.scan(folder, home=tmp_path, thorough=True)
    again = counted(monkeypatch)
    dataset = dedup.scan(folder, home=tmp_path, thorough=True)
    assert "keypoints" not in again, "they were kept"
    assert set(named(dataset, "contains")) == {frozenset(pair) for pair in PARTS}


def test_damaged_keypoints_are_taken_again(folder, tmp_path):
    dataset = dedup.scan(folder, home=tmp_path, thorough=True)
    for path in (dataset.directory / "keypoints").glob("*.parquet"):
        path.write_bytes(b"damaged")
    (dataset.directory / "parts.parquet").write_bytes(b"damaged")
    again = scanned_with_one_more(folder, tmp_path)
    assert set(named(again, "contains")) == {frozenset(pair) for pair in PARTS}


def test_labels_and_films_are_not_looked_at_for_parts(tmp_path):
    """Masks of few values hold other data whatever they share; films and documents are told by their frames."""
    rng = np.random.default_rng(0)
    mask = Image.fromarray(rng.integers(0, 5, (36, 48), np.uint8)).resize(SIZE, Image.Resampling.NEAREST)
    save(mask, tmp_path / "in" / "a.png")
    save(mask.crop((0, 0, 240, 180)), tmp_path / "in" / "b.png")
    save(detailed(1, SIZE), tmp_path / "in" / "c.png")
    dataset = dedup.scan(tmp_path / "in", home=tmp_path / "home", thorough=True)
    rows = parts._candidates(dataset.frame)
    assert dataset.frame["path"].iloc[rows].tolist() == ["c.png"]


def test_cards_say_what_contains_what(dataset):
    paths = dataset.frame["path"].tolist()
    rows = [paths.index(path) for path in ("train/collage.jpg", "train/crop.jpg", "test/5.png")]
    assert describe(dataset.frame, rows) == ["Contains 2 other images", "Part of 1 other image", ""]


def test_many_small_files_of_keypoints_become_one_of_what_is_still_there(tmp_path):
    store = Store(tmp_path)
    taken = {str(seed): keypoints.of_picture(detailed(seed, (120, 90))) for seed in range(SMALL_JOINED)}
    for name, each in taken.items():
        store.write_keypoints({name: each})
        store.join_keypoints(list(taken)[1:])
    assert len(list((tmp_path / "keypoints").iterdir())) == 1
    found = store.read_keypoints()
    assert set(found) == set(list(taken)[1:])
    assert all((found[name].points == taken[name].points).all() for name in found)


def test_what_was_looked_at_is_kept_as_long_as_its_pictures(folder, tmp_path):
    here = tmp_path / "pictures"
    shutil.copytree(folder, here)
    looked = Store(dedup.scan(here, home=tmp_path / "home", thorough=True).directory).read_looked
    gone = hashlib.sha256((here / "train" / "page.jpg").read_bytes()).hexdigest()
    assert gone in looked()["one"].tolist() + looked()["other"].tolist()
    (here / "train" / "page.jpg").unlink()
    save(detailed(2, SIZE).crop((40, 40, 300, 300)), here / "train" / "another.png")
    dedup.scan(here, home=tmp_path / "home")
    assert gone not in looked()["one"].tolist() + looked()["other"].tolist()


def test_vectors_name_candidates_and_decide_nothing(folder, tmp_path, monkeypatch):
    """With tables that overlook everything, that is found which vectors name and the judge takes, not all they name."""
    monkeypatch.setattr(points, "TABLES", 0)
    scanned = partial(dedup.scan, folder, home=tmp_path, name="named", thorough=True)
    dataset = scanned()
    assert not dataset.pairs["details"].any()
    names = dataset.frame["name"].tolist()
    vectors = np.eye(len(names))
    for one, other in (("collage.jpg", "0.png"), ("page.jpg", "4.png"), ("6.png", "7.png")):
        vectors[names.index(one)] = vectors[names.index(other)]
    dataset.give_vectors(vectors, "mine")
    dataset = scanned()
    found = dataset.pairs[dataset.pairs["details"] == 1]
    pairs = [{names[left], names[right]} for left, right in zip(found["left"], found["right"], strict=True)]
    assert {"collage.jpg", "0.png"} in pairs and {"page.jpg", "4.png"} in pairs and {"6.png", "7.png"} not in pairs

    scan_id = dataset.info.scan_id
    assert scanned().info.scan_id == scan_id  # nothing has changed
    shuffled = np.random.default_rng(0).permutation(len(names))
    dataset.give_vectors(np.eye(len(names))[shuffled], "other")
    assert scanned().info.scan_id != scan_id
