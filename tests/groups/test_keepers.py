"""Each keeper rule decides when those above it tie, and says why."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter, ImageOps

import dedup
from dedup.groups import keepers
from dedup.review import acts
from tests.pictures import save
from tests.scenes import scene

BASE = {
    "path": "a.jpg",
    "name": "a.jpg",
    "sha256": "00",
    "content": "",
    "split": "",
    "captured_at": "",
    "format": "JPEG",
    "chosen": False,
    "protected": False,
    "incoming": False,
    "lossless": False,
    "camera": False,
    "annotations": 0,
    "classes": (),
    "edits": "",
    "enlarged": False,
    "softer": False,
    "earlier_quality": np.nan,
    "area": 100.0,
    "bytes": 100,
    "frames": 1,
    "bits": 8,
    "bands": 3,
    "saturation": 0.3,
    "alpha": False,
    "extras": False,
    "described": 0,
    "width": 10,
    "height": 10,
    "jpeg_quality": 90.0,
}

CASES = [
    ({"chosen": True}, {"protected": True}, "chosen by a person"),
    ({"protected": True}, {"split": "test"}, "is in a protected folder"),
    ({}, {"incoming": True, "split": "test"}, "the other is in an incoming folder"),
    ({"split": "test"}, {"split": "train", "annotations": 9}, "is in the test split"),
    ({"annotations": 7}, {"area": 1e6}, "has 7 annotations, the other 0"),
    ({"annotations": 1}, {"area": 1e6}, "has 1 annotation, the other 0"),
    ({"classes": ("cat",)}, {"area": 1e6}, "has a class, the other none"),
    ({}, {"edits": "is cropped, is gray", "area": 1e6}, "the other is cropped, is gray"),
    ({}, {"softer": True, "lossless": True}, "the other is softer"),
    ({"camera": True, "softer": True, "jpeg_quality": 50.0}, {"lossless": True}, "has camera metadata, the other has"),
    (
        {"area": 1.92e6},
        {"enlarged": True, "area": 12e6, "width": 4000, "height": 3000, "camera": True},
        "the other was enlarged to 4000x3000, without more detail",
    ),
    (
        {"area": 12e6, "width": 4000, "height": 3000},
        {"area": 1.92e6, "width": 1600, "height": 1200, "lossless": True},
        "4000x3000 beats 1600x1200",
    ),
    ({"lossless": True, "format": "PNG"}, {"jpeg_quality": 100.0}, "lossless PNG beats JPEG"),
    ({"jpeg_quality": 95.0}, {"jpeg_quality": 60.0}, "JPEG quality 95 beats 60"),
    (
        {"jpeg_quality": 70.0},
        {"jpeg_quality": 98.0, "earlier_quality": 70.0},
        "the other, though JPEG quality 98, was saved",
    ),
    ({}, {"lossless": True, "format": "PNG", "earlier_quality": 91.0}, "the other, though PNG, was saved from a JPEG"),
    ({"lossless": True, "format": "PNG", "earlier_quality": 95.0}, {}, "lossless PNG beats JPEG"),
    (
        {"jpeg_quality": 60.0},
        {"format": "WEBP", "jpeg_quality": np.nan},
        "JPEG beats WEBP, which pictures are converted",
    ),
    ({"format": "WEBP", "jpeg_quality": np.nan}, {"jpeg_quality": 30.0}, "WEBP beats JPEG quality 30"),
    (
        {"format": "WEBP", "jpeg_quality": np.nan, "path": "much/longer.webp"},
        {"format": "WEBP", "jpeg_quality": np.nan, "bytes": 50},
        "has more bits a pixel than the other WEBP",
    ),
    ({"format": "WEBP", "jpeg_quality": np.nan, "lossless": True}, {"jpeg_quality": 100.0}, "lossless WEBP beats JPEG"),
    ({}, {"format": "HEIF", "jpeg_quality": np.nan, "bytes": 5}, "JPEG beats HEIF with few bits a pixel"),
    (
        {},
        {"format": "JPEG2000", "jpeg_quality": np.nan},
        "JPEG quality 90 beats JPEG2000 of unknown quality (taken for 75)",
    ),
    ({"format": "JPEG2000", "jpeg_quality": np.nan}, {"jpeg_quality": 60.0}, "(taken for 75) beats JPEG quality 60"),
    ({"format": "HEIF", "jpeg_quality": np.nan}, {}, "HEIF, which cameras write, beats JPEG"),
    ({"lossless": True, "format": "PNG"}, {"format": "HEIF", "jpeg_quality": np.nan}, "lossless PNG beats HEIF"),
    (
        {"content": "77", "jpeg_quality": 60.0},
        {"content": "77", "lossless": True, "format": "PNG", "jpeg_quality": np.nan},
        "the other, though PNG, has just the pixels of a lossy file",
    ),
    (
        {"content": "77", "lossless": True, "format": "PNG", "jpeg_quality": np.nan},
        {"content": "77", "format": "JPEG2000", "jpeg_quality": np.nan, "path": "a"},
        "lossless PNG beats JPEG2000",
    ),
    ({"format": "TIFF", "bands": 4}, {"path": "a", "bands": 3}, "has 4 bands, the other 3"),
    ({"format": "TIFF", "bands": 4, "alpha": True}, {"format": "TIFF", "path": "a"}, "keeps its transparency"),
    ({"bands": 3}, {"bands": 1, "path": "a"}, "has all colours, the other those of a palette"),
    ({"bands": 3}, {"bands": 1, "saturation": 0.0, "path": "a"}, "is in colour, the other gray"),
    ({"bands": 3}, {"bands": 3, "saturation": 0.0, "path": "a"}, "is in colour, the other gray"),
    ({"bands": 3}, {"bits": 16, "bands": 1, "saturation": 0.0, "path": "a"}, "is in colour, the other gray"),
    ({"content": "77", "bands": 1, "described": 1}, {"content": "77", "path": "a"}, "tells more of place and subject"),
    ({"captured_at": "2001-01-01T00:00:00"}, {}, "says when it was captured"),
    (
        {"camera": True, "captured_at": "2001-01-01T00:00:00"},
        {"camera": True, "captured_at": "2002-01-01T00:00:00"},
        "was captured earlier",
    ),
    ({"name": "cat.jpg", "path": "far/away/cat.jpg"}, {"name": "cat (1).jpg", "path": "cat (1).jpg"}, "cat (1).jpg is"),
    ({"name": "IMG_1.jpg", "path": "far/IMG_1.jpg"}, {"name": "IMG_1~2.jpg", "path": "IMG_1~2.jpg"}, "IMG_1~2.jpg is"),
    (
        {"name": "1.jpg", "path": "far/away/1.jpg"},
        {"name": "1 - 副本.jpg", "path": "1 - 副本.jpg"},
        "named like a copy",
    ),
    ({"name": "copyright.jpg", "path": "b.jpg"}, {"path": "longer/a.jpg"}, "has the shorter path"),
    ({"path": "a.jpg"}, {"path": "much/longer/a.jpg"}, "has the shorter path"),
    ({"sha256": "00"}, {"sha256": "01"}, keepers.EQUAL),
]


@pytest.mark.parametrize(("better", "worse", "words"), CASES, ids=lambda value: str(value)[:30])
@pytest.mark.parametrize("turned", [False, True])
def test_rules_decide_in_order_with_a_reason(better, worse, words, turned):
    rows = [BASE | better, BASE | worse]
    frame = pd.DataFrame(rows[::-1] if turned else rows)
    scores = keepers.score(frame)
    best = int(np.argmin(keepers.rank(frame, scores)))
    assert best == int(turned)
    order = [best, 1 - best]
    (rule,), (rival,) = keepers.deciding(scores[order], np.array([0]))
    images = [frame.iloc[row].to_dict() for row in order]
    assert words in keepers.reason(images[0], images[1] if rival == 1 else None, rule)


def plainly_deciding(scores) -> tuple[int, int]:
    """The slow and obvious way, for one group."""
    rivals = list(range(1, len(scores)))
    for rule in range(scores.shape[1]):
        best = min(rivals, key=lambda row: scores[row, rule])
        if scores[0, rule] < scores[best, rule]:
            return rule, best
        rivals = [row for row in rivals if scores[row, rule] == scores[0, rule]]
    return -1, -1


@given(st.lists(st.lists(st.tuples(*[st.integers(0, 2)] * 4), min_size=2, max_size=5), min_size=1, max_size=6))
def test_all_groups_at_once_are_decided_like_one_by_one(groups):
    groups = [np.array(sorted(group), float) for group in groups]
    starts = np.cumsum([0, *map(len, groups[:-1])])
    rule, rival = keepers.deciding(np.concatenate(groups), starts)
    plain = [plainly_deciding(group) for group in groups]
    assert rule.tolist() == [rule for rule, _ in plain]
    assert rival.tolist() == [start + row if row >= 0 else -1 for start, (_, row) in zip(starts, plain, strict=True)]


def test_ranks_are_a_permutation_whatever_the_order():
    rows = [BASE | {"path": f"{n}.jpg", "sha256": f"{n % 3}"} for n in range(9)]
    frame = pd.DataFrame(rows)
    shuffled = frame.sample(frac=1, random_state=1)
    ranks = dict(zip(frame["path"], keepers.rank(frame, keepers.score(frame)), strict=True))
    again = dict(zip(shuffled["path"], keepers.rank(shuffled, keepers.score(shuffled)), strict=True))
    assert ranks == again and sorted(ranks.values()) == list(range(9))


# --- with files -------------------------------------------------------------------------------------------------------

SIZE = (480, 360)
EXIF = Image.Exif()
EXIF[271] = "Canon"


def lettered(picture: Image.Image) -> Image.Image:
    out = picture.copy()
    ImageDraw.Draw(out, "RGBA").text((60, 160), "WATERMARK", fill=(255, 255, 255, 170), font_size=60)
    return out


def captioned(picture: Image.Image) -> Image.Image:
    out = picture.copy()
    draw = ImageDraw.Draw(out)
    draw.rectangle((0, 310, *SIZE), fill="black")
    draw.text((20, 315), "a caption of some words", fill="white", font_size=32)
    return out


def badged(picture: Image.Image) -> Image.Image:
    out = picture.copy()
    draw = ImageDraw.Draw(out)
    draw.ellipse((370, 250, 460, 340), fill=(220, 30, 40))
    draw.text((390, 280), "LOGO", fill="white", font_size=20)
    return out


def shown_in_a_gallery(picture: Image.Image) -> Image.Image:
    canvas = Image.new("RGB", (picture.width + 80, picture.height + 160), (245, 245, 245))
    canvas.paste(picture, (40, 100))
    draw = ImageDraw.Draw(canvas)
    draw.rectangle((0, 0, canvas.width, 40), fill=(30, 30, 40))
    draw.text((10, 10), "12:45  Gallery", fill="white")
    return canvas


def laid_on(picture: Image.Image) -> Image.Image:
    desk = scene(99, 720, 540)
    desk.paste(picture, (130, 90))
    return desk


def lower(picture: Image.Image) -> Image.Image:
    return picture.resize((240, 180), Image.Resampling.LANCZOS)


EDITS = {
    "lettered": (lettered, "png", {}, "the other carries an overlay"),
    "captioned": (captioned, "jpg", {"quality": 97}, "the other carries an overlay"),
    "badged": (badged, "jpg", {"quality": 97}, "the other carries an overlay"),
    "lettered, upscaled": (lambda p: lettered(p).resize((720, 540)), "jpg", {}, "the other carries an overlay"),
    "cropped": (lambda p: p.crop((40, 30, 450, 340)), "png", {}, "the other is cropped"),
    "cropped, upscaled": (lambda p: p.crop((40, 30, 450, 340)).resize((820, 620)), "png", {}, "the other is cropped"),
    "bordered": (lambda p: ImageOps.expand(p, 20, "black"), "png", {}, "the other has a border"),
    "gray": (lambda p: p.convert("L"), "png", {}, "the other is gray"),
    "blurred": (lambda p: p.filter(ImageFilter.GaussianBlur(3)), "png", {}, "the other is softer"),
    "smaller": (lower, "png", {}, "480x360 beats 240x180"),
    "recompressed": (lambda p: p, "jpg", {"quality": 50}, "JPEG quality 75 beats 50"),
    "converted": (lambda p: p, "png", {}, "the other, though PNG, has just the pixels of a lossy file"),
    "in a web format": (lambda p: p, "webp", {"quality": 80}, "JPEG beats WEBP, which pictures are converted to"),
}


def kept(root: Path, home: Path) -> dict[str, tuple[bool, str]]:
    """Folder to whether its original stays, and why; each folder has an original and a copy of a scene of its own."""
    frame = dedup.scan(root, home=home).frame
    keepers_ = frame[frame["role"] == "keeper"]
    return {
        folder: (name.startswith("original"), reason)
        for folder, name, reason in keepers_[["folder", "name", "keeper_reason"]].itertuples(index=False)
    }


def test_originals_stay_and_the_reasons_are_true(tmp_path):
    for seed, (name, (edit, suffix, options, _)) in enumerate(EDITS.items()):
        folder = tmp_path / "photos" / name
        original = save(scene(seed, *SIZE), folder / "original.jpg", quality=75)
        save(edit(Image.open(original).convert("RGB")), folder / f"a.{suffix}", **options)
    found = kept(tmp_path / "photos", tmp_path / "home")
    wrong = {name: found.get(name) for name, (*_, reason) in EDITS.items() if not told(found, name, reason)}
    assert not wrong


def test_what_shows_an_original_amid_something_else_is_no_copy_of_it(tmp_path):
    edits = (shown_in_a_gallery, lambda picture: shown_in_a_gallery(lower(picture)), laid_on)
    for seed, edit in enumerate(edits, 4):
        folder = tmp_path / "photos" / str(seed)
        original = save(scene(seed, *SIZE), folder / "original.jpg", quality=75)
        save(edit(Image.open(original).convert("RGB")), folder / "a.png")
    dataset = dedup.scan(tmp_path / "photos", home=tmp_path / "home")
    assert dataset.pairs["kind"].tolist() == ["contains"] * len(edits) and not len(dataset.groups)


def told(found: dict[str, tuple[bool, str]], name: str, reason: str) -> bool:
    stays, why = found.get(name, (False, ""))
    return stays and reason in why


def test_camera_metadata_decides_between_equal_sizes(tmp_path):
    edits = {
        "recompressed": (lambda p: p, "jpg", {"quality": 50}),
        "saved again at a higher quality": (lambda p: p, "jpg", {"quality": 98}),
        "converted": (lambda p: p, "png", {}),
        "in a web format": (lambda p: p, "webp", {"quality": 20}),
        "sharpened": (lambda p: p.filter(ImageFilter.UnsharpMask(2, 150)), "jpg", {"quality": 98}),
        "mirrored": (ImageOps.mirror, "png", {}),
    }
    for seed, (name, (edit, suffix, options)) in enumerate(edits.items()):
        folder = tmp_path / "photos" / name
        original = save(scene(seed, *SIZE), folder / "original.jpg", quality=75, exif=EXIF)
        save(edit(Image.open(original).convert("RGB")), folder / f"a.{suffix}", exif=b"", **options)
    found = kept(tmp_path / "photos", tmp_path / "home")
    assert found == dict.fromkeys(edits, (True, "has camera metadata, the other has none"))


def test_a_camera_s_heif_stays_before_what_was_converted_from_it(tmp_path):
    for name, exif in (("with metadata", EXIF), ("without", Image.Exif())):
        original = tmp_path / "photos" / name / "original.heic"
        save(scene(len(name), *SIZE), original, quality=80, exif=exif.tobytes())
        with Image.open(original) as opened:
            save(opened.convert("RGB"), original.with_name("a.jpg"), quality=92, exif=exif)
    found = kept(tmp_path / "photos", tmp_path / "home")
    assert found == dict.fromkeys(("with metadata", "without"), (True, "HEIF, which cameras write, beats JPEG"))


def test_what_was_done_to_an_image_was_done_to_its_exact_copies(tmp_path):
    original = save(scene(3, *SIZE), tmp_path / "photos" / "all" / "original.jpg", quality=75)
    for name in ("a.png", "b.bmp", "c.png"):
        save(lettered(Image.open(original)), original.with_name(name))
    assert kept(original.parents[1], tmp_path / "home") == {"all": (True, "the other carries an overlay")}


def test_pictures_on_their_side_are_not_softer(tmp_path):
    stripes = np.asarray(scene(5, *SIZE)) // 2 + (np.arange(SIZE[0]) % 12 < 6)[None, :, None] * np.uint8(90)
    original = save(Image.fromarray(stripes), tmp_path / "photos" / "all" / "original.png")
    save(Image.open(original).transpose(Image.Transpose.ROTATE_90), original.with_name("turned_by_90.jpg"), quality=95)
    assert kept(original.parents[1], tmp_path / "home") == {"all": (True, "lossless PNG beats JPEG")}


def test_an_order_that_was_stored_before_a_rule_existed_stays_as_it_is(tmp_path):
    original = save(scene(1, *SIZE), tmp_path / "photos" / "original.jpg", quality=75, exif=EXIF)
    save(Image.open(original), original.with_name("a.jpg"), quality=95, exif=b"")
    dataset = dedup.scan(original.parent, home=tmp_path / "home")
    assert dataset.frame["keeper_reason"].max() == "has camera metadata, the other has none"
    names = [name for name in keepers.RULE_NAMES if name != "camera"] + ["of another version"]
    step = acts.rules_step(names)
    dataset.decisions.decide(step.changes, step.label)
    assert dataset.frame["keeper_reason"].max().startswith("the other, though JPEG quality 95, was saved from a JPEG")
    assert list(dataset.keeper_rules) == [*names[:-1], ""]


def test_what_a_rule_of_another_package_does_not_know_comes_last_and_says_why():
    rule = keepers.Rule("stars", "Stars", lambda frame: [np.nan, 1.0], lambda keeper, other: "has more stars")
    scores = keepers.score(pd.DataFrame({"path": ["a.jpg", "b.jpg"]}), [keepers.guarded(rule)])
    assert np.isfinite(scores).all() and scores[0, 0] > scores[1, 0]
