"""What a second look reads of a file."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from dedup.errors import UnreadableImage
from dedup.images import detail
from tests.pictures import detailed, save


@pytest.mark.parametrize(
    ("size", "side"), [((4000, 3000), 256), ((256, 256), 256), ((150, 100), 128), ((28, 28), 32), ((1, 9), 16)]
)
def test_no_more_detail_is_kept_than_the_pixels_fill(size, side, tmp_path):
    assert detail.side_of(*size) == side
    save(Image.new("L", size, 90), tmp_path / "a.png")
    gray = detail.take(tmp_path / "a.png").gray
    assert gray.shape == (side, side) and gray.dtype == np.uint8 and (gray == 90).all()


def test_a_jpeg_may_be_decoded_at_a_fraction_and_shows_the_same(tmp_path):
    picture = detailed(3, (2048, 2048)).convert("L")
    save(picture, tmp_path / "a.png")
    save(picture, tmp_path / "a.jpg", quality=95)
    one, other = (detail.take(tmp_path / name).gray.astype(int) for name in ("a.png", "a.jpg"))
    assert np.abs(one - other).mean() < 2


def test_it_stands_upright(tmp_path):
    picture = Image.new("L", (200, 100), 255)
    ImageDraw.Draw(picture).rectangle((0, 0, 60, 30), fill=0)
    exif = Image.Exif()
    exif[274] = 3
    save(picture.rotate(180), tmp_path / "turned.jpg", exif=exif, quality=95)
    gray = detail.take(tmp_path / "turned.jpg").gray
    assert gray[5, 5] < 30 and gray[-5, -5] > 220


def test_a_transparent_picture_is_read_on_both_tones(tmp_path):
    picture = Image.new("RGBA", (64, 64), (40, 40, 40, 0))
    ImageDraw.Draw(picture).rectangle((16, 16, 47, 47), fill=(90, 90, 90, 255))
    save(picture, tmp_path / "a.png")
    found = detail.take(tmp_path / "a.png")
    assert found.otherwise is not None
    assert (found.gray[2, 2], found.otherwise[2, 2]) == (255, 0)
    assert found.gray[32, 32] == found.otherwise[32, 32] == 90
    save(picture.convert("RGB"), tmp_path / "b.png")
    assert detail.take(tmp_path / "b.png").otherwise is None


def test_what_cannot_be_read_says_so(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"nothing")
    with pytest.raises(UnreadableImage):
        detail.take(tmp_path / "a.jpg")
