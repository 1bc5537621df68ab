"""What measurements stand on."""

from __future__ import annotations

import dedup
from benchmarks import ui
from tests.pictures import folder_of_photos


def test_a_dataset_of_many_images_is_made_of_few(tmp_path, home):
    folder_of_photos(tmp_path / "in", 3)
    assert ui.make(tmp_path / "in", 6, tmp_path) == dedup.open("large").info.key
    assert len(dedup.open("large").frame) == 6
