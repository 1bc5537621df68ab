"""The montage shows every copy with its picture, whatever became of the files."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from dedup.errors import ExportError, UsageError
from dedup.exports import montage
from dedup.groups.members import members_of
from tests.building import Images, make_images, picture


@pytest.fixture
def images(tmp_path) -> Images:
    root = tmp_path / "photos"
    for name in ("b.png", "a.png", "copy/a.png"):
        picture(root / name, 1, (120, 90))
    picture(root / "near.png", 1, (60, 45))
    for name in ("x.png", "y.png"):
        picture(root / name, 2)
    return make_images(tmp_path, {"b.png": ["a.png", "copy/a.png", "near.png"], "x.png": ["y.png"]})


def test_one_readable_png_a_group_in_order(images, tmp_path):
    seen = []
    paths = montage.write(images, tmp_path / "out" / "deep", on_progress=seen.append)
    hashes = images.frame.set_index("path")["sha256"]
    names = [f"group-00001-{hashes['b.png'][:12]}.png", f"group-00002-{hashes['x.png'][:12]}.png"]
    assert [path.name for path in paths] == names
    assert [progress.done for progress in seen] == [1, 2]
    with Image.open(paths[0]) as sheet:
        assert sheet.width > 3.9 * montage.TILE
    (alone,) = montage.write(images, tmp_path / "alone", [members_of(images.frame, 1)])
    assert alone.read_bytes() == paths[1].read_bytes()


def test_keeper_first_then_exact_then_near(images):
    paths = images.frame["path"]
    assert [paths[row] for row in members_of(images.frame, 0)] == ["b.png", "a.png", "copy/a.png", "near.png"]
    with pytest.raises(UsageError, match="no group 7"):
        members_of(images.frame, 7)


def test_captions_name_hash_keeper_and_relation(images):
    frame = images.frame
    frame["keeper_reason"] = "higher resolution"
    keeper, copy, _, near = (montage.captions(frame, row) for row in members_of(frame, 0))
    assert keeper[0] == "b.png"
    assert frame["sha256"][1][:12] in keeper[1]
    assert keeper[2:] == ["KEEPER", "higher resolution"]
    assert copy[2] == "identical file"
    assert near[2] == "resized"


def test_the_pictures_themselves_are_in_the_tiles(images):
    sheet = np.asarray(montage.draw(images, members_of(images.frame, 0)))
    first = sheet[montage.MARGIN : montage.MARGIN + montage.TILE, montage.MARGIN : montage.MARGIN + montage.TILE]
    second = sheet[montage.MARGIN : montage.MARGIN + montage.TILE, 2 * montage.MARGIN + montage.TILE :][
        :, : montage.TILE
    ]
    assert (first[5:-5, 5:-5] == second[5:-5, 5:-5]).all()
    assert first[100:140, 100:140].std() > 5
    assert tuple(first[0, 0]) == (0x00, 0x9E, 0x73)


def test_a_vanished_file_still_has_its_tile(images):
    images.file(0).unlink()
    sheet = montage.draw(images, [0])
    assert sheet.size == (montage.TILE + 2 * montage.MARGIN, montage.TILE + montage.LINES * montage.LINE + 20)


def test_big_groups_are_cut_and_say_so(images):
    short = montage.draw(images, [0] * montage.MOST)
    assert montage.draw(images, [0] * 1000).height == short.height + montage.LINE + montage.MARGIN


def test_long_and_strange_names_fit(images):
    text = "é/😀\udcff" + "x" * 300 + "end.png"
    shown = montage._fit(text, 200)
    assert shown.startswith("é/")
    assert shown.endswith("end.png")
    assert montage._font().getlength(shown) <= 200


def test_never_inside_the_dataset(images):
    with pytest.raises(ExportError, match="inside the dataset"):
        montage.write(images, images.root / "montages")
