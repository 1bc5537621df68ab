"""Masks of a segmentation dataset are labels: none of them is an image that may be a copy of another."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from dedup.sources import list_source
from tests.pictures import photo, save

LAYOUTS = {
    "voc": ("JPEGImages/{}.jpg", "SegmentationClass/{}.png"),
    "cityscapes": ("leftImg8bit/train/aachen/{}_leftImg8bit.png", "gtFine/train/aachen/{}_gtFine_labelIds.png"),
    "kaggle": ("train/{}.png", "train_masks/{}_mask.gif"),
    "own": ("images/{}.jpg", "masks/{}.png"),
    "camvid": ("train/{}.png", "annotations/train/{}_L.png"),
}


def mask(size=(64, 48), box=(10, 10, 40, 30), mode="L") -> Image.Image:
    drawn = Image.new(mode, size)
    ImageDraw.Draw(drawn).rectangle(box, fill=(128, 64, 0) if mode == "RGB" else 1)
    return drawn


@pytest.mark.parametrize("layout", LAYOUTS)
def test_masks_beside_their_images_are_left_out_and_counted(layout, tmp_path):
    image, beside = LAYOUTS[layout]
    for number in range(8):
        save(photo(number), tmp_path / image.format(f"p{number}"))
        save(mask(mode="RGB" if layout == "camvid" else "L"), tmp_path / beside.format(f"p{number}"))
    listing = list_source(tmp_path)
    assert [file.path for file in listing.files] == [image.format(f"p{number}") for number in range(8)]
    assert listing.passed_over == {"mask of an image beside": 8}


def test_what_only_has_the_name_of_masks_is_an_image(tmp_path):
    for number in range(3):
        save(photo(number), tmp_path / f"no_mask/{number}.png")
        save(photo(10 + number), tmp_path / f"mask/{number}.png")  # people who wear one
        save(photo(20 + number).convert("L"), tmp_path / f"ground_truth/{number}.png")  # what is to be restored
        save(mask(box=(number, 3, 30, 30)), tmp_path / f"segmentation/other{number}.png")  # of no image here
        save(photo(30 + number), tmp_path / f"labels/{number}.jpg")
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks/0.png").write_bytes(b"no picture")
    assert len(list_source(tmp_path).files) == 16
    assert len(list_source(tmp_path / "mask").files) == 3


def test_soft_masks_and_those_of_sixteen_bits_are_masks_too(tmp_path):
    for number in range(3):
        save(photo(number), tmp_path / f"images/{number}.png")
        soft = mask((640, 480), (100, 100, 400, 300)).point(lambda value: 255 * value).resize((300, 225))
        save(soft, tmp_path / f"masks/{number}.png")
        deep = Image.fromarray(np.repeat(np.arange(8, dtype=np.uint16) * 256, 512).reshape(64, 64))
        save(deep, tmp_path / f"SegmentationObject/{number}.png")
    assert [file.path for file in list_source(tmp_path).files] == [f"images/{number}.png" for number in range(3)]
