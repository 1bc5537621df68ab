"""Which copy is the original, where only the files' own pixels tell: what is kept, why, and what a rescan costs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import dedup
from dedup.errors import Cancelled
from dedup.scanning.engines.local import Local
from tests.pictures import detailed, folder_of_photos, save


@pytest.fixture
def original(tmp_path) -> Path:
    return save(detailed(1, (320, 240)), tmp_path / "in" / "original, the one with the long name.jpg", quality=75)


def keeper(folder: Path) -> tuple[str, str]:
    """The name of the file that stays, and why."""
    frame = dedup.scan(folder).frame
    row = frame[frame["role"] == "keeper"].iloc[0]
    return row["name"], row["keeper_reason"]


@pytest.mark.parametrize(
    ("name", "options", "way"),
    [
        ("a.jpg", {"quality": 98}, None),
        ("a.png", {}, Image.Transpose.FLIP_LEFT_RIGHT),
        ("a.png", {}, Image.Transpose.ROTATE_90),
        ("a.webp", {"lossless": True}, Image.Transpose.ROTATE_180),
    ],
)
def test_a_finer_copy_does_not_beat_the_file_it_was_saved_from(original, home, name, options, way):
    picture = Image.open(original)
    save(picture if way is None else picture.transpose(way), original.parent / name, **options)
    kept, why = keeper(original.parent)
    assert kept == original.name and "was saved from a JPEG of quality about 7" in why


def test_an_edit_that_hides_an_earlier_compression_does_not_beat_what_it_was_made_from(original, home):
    decoded = Image.open(original).convert("RGB")
    save(decoded, original.parent / "picture.png")
    save(decoded.point(lambda level: level * 0.8), original.parent / "picture, edited (copy).png")
    original.unlink()
    assert keeper(original.parent) == ("picture.png", "picture, edited (copy).png is named like a copy")


def test_exact_copies_alone_have_a_keeper(original, home):
    (original.parent / "b (copy), with a name that is longer still than that of the original.jpg").write_bytes(
        original.read_bytes()
    )
    assert keeper(original.parent)[0] == original.name


def test_an_enlarged_copy_does_not_beat_the_file_it_was_made_from(original, home):
    save(Image.open(original).resize((640, 480), Image.Resampling.BICUBIC), original.parent / "a.jpg", quality=95)
    kept, why = keeper(original.parent)
    assert kept == original.name and why == "the other was enlarged to 640x480, without more detail"


def test_a_picture_with_more_detail_beats_its_reduced_copy(original, home):
    save(Image.open(original).resize((160, 120), Image.Resampling.BICUBIC), original.parent / "a.jpg", quality=95)
    assert keeper(original.parent) == (original.name, "320x240 beats 160x120")


@pytest.fixture
def read(asked) -> list[str]:
    """Names of the files that were read once more."""
    return asked["traces"]


def test_only_near_duplicates_are_read_again_and_only_once(original, home, read):
    folder = original.parent
    folder_of_photos(folder, 3)
    save(Image.open(original), folder / "a.jpg", quality=95)
    before = len(dedup.scan(folder).pairs)
    assert sorted(read) == ["a.jpg", original.name]
    read.clear()
    save(Image.open(original).transpose(Image.Transpose.FLIP_LEFT_RIGHT), folder / "b.png")
    after = dedup.scan(folder)
    assert "b.png" in read and len(after.pairs) > before
    fresh = dedup.scan(folder, name="fresh")
    assert after.pairs.equals(fresh.pairs)
    read.clear()
    folder_of_photos(folder, 1, start=9)
    assert len(dedup.scan(folder, name="fresh").frame) == len(after.frame) + 1 and read == []


def test_a_file_that_vanished_since_tells_nothing(original, home, monkeypatch):
    save(Image.open(original), original.parent / "a.jpg", quality=98)
    run = Local.run

    def gone(self, task, paths, options):
        return run(self, task, [path.parent / "gone" for path in paths] if task == "traces" else paths, options)

    monkeypatch.setattr(Local, "run", gone)
    assert keeper(original.parent)[1] == "JPEG quality 98 beats 75"


def test_reading_again_can_be_stopped(original, home):
    save(Image.open(original), original.parent / "a.jpg", quality=98)

    def stop(progress):
        if progress.stage == "reading near duplicates":
            raise Cancelled("enough")

    with pytest.raises(Cancelled, match="enough"):
        dedup.scan(original.parent, on_progress=stop)
    assert len(dedup.scan(original.parent).frame) == 2


def test_frames_before_a_fine_texture_are_two_moments_and_a_compressed_frame_is_a_copy(tmp_path, home):
    """What moves in them is small, sharp and on one side, as an overlay is."""
    texture = np.asarray(detailed(41, (480, 360)).convert("L"), float) + np.random.default_rng(5).normal(
        0, 7, (360, 480)
    )

    def frame(seed: int, box: tuple[int, int, int, int] | None) -> Image.Image:
        noise = np.random.default_rng(seed).normal(0, 4, texture.shape)
        picture = Image.fromarray(np.clip(np.rint(texture * 0.6 + 50 + noise), 1, 254).astype(np.uint8))
        if box:
            picture.paste(245, box)
        return picture.convert("RGB")

    save(frame(1, None), tmp_path / "in" / "a.jpg", quality=92)
    save(frame(1, None), tmp_path / "in" / "a copy.jpg", quality=80)
    save(frame(2, (300, 200, 326, 240)), tmp_path / "in" / "b.jpg", quality=92)
    dataset = dedup.scan(tmp_path / "in")
    paths = dataset.frame["path"].to_numpy()
    told = {frozenset((paths[row.left], paths[row.right])): (row.kind, row.note) for row in dataset.pairs.itertuples()}
    assert told[frozenset({"a.jpg", "a copy.jpg"})] == ("near", "")
    assert told[frozenset({"a.jpg", "b.jpg"})] == ("similar", "same scene, another moment")
