"""Kinds of issues on real files that other tools have taken for what they are not."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import dedup
from dedup.query.issues import ISSUES
from tests.pictures import detailed, save

NORMAL = (160, 120)
CASES = {
    "flat black.png": (lambda: Image.new("RGB", NORMAL), {"dark", "low information", "grayscale"}),
    "flat white.png": (lambda: Image.new("RGB", NORMAL, "white"), {"light", "low information", "grayscale"}),
    "flat red.png": (lambda: Image.new("RGB", NORMAL, (200, 30, 30)), {"low information"}),
    "flat gray.png": (lambda: Image.new("RGB", NORMAL, (128,) * 3), {"low information", "grayscale"}),
    "gray.png": (lambda: detailed(31, NORMAL).convert("L"), {"grayscale"}),
    "gray in three bands.png": (lambda: detailed(32, NORMAL).convert("L").convert("RGB"), {"grayscale"}),
    "gray of 16 bits.png": (lambda: _deep(33, 257), {"grayscale"}),
    "12 of 16 bits.png": (lambda: _deep(34, 16), {"grayscale"}),
    "in a hole.png": (lambda: _in_a_hole(35), set()),
    "flat clear.png": (lambda: Image.new("RGBA", NORMAL), {"low information", "grayscale"}),
    "flat clear white.png": (lambda: Image.new("LA", NORMAL, (255, 0)), {"low information", "grayscale"}),
    "tiny.png": (lambda: detailed(36, NORMAL).resize((12, 9)), {"odd size"}),
    "huge.jpg": (lambda: detailed(37, NORMAL).resize((1280, 960)), {"odd size"}),
    "strip.png": (lambda: detailed(38, NORMAL).resize((320, 60)), {"odd aspect"}),
}


def _deep(seed: int, step: int) -> Image.Image:
    return Image.fromarray(np.asarray(detailed(seed, NORMAL).convert("L"), np.uint16) * np.uint16(step))


def _in_a_hole(seed: int) -> Image.Image:
    """A picture in the middle of transparency, black below, which is not dark."""
    whole = Image.new("RGBA", NORMAL)
    whole.paste(detailed(seed, (100, 80)), (30, 20))
    return whole


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    folder = tmp_path_factory.mktemp("issues")
    for number in range(15):
        save(detailed(number, NORMAL), folder / f"in/usual {number:02}.png")
    for name, (made, _) in CASES.items():
        save(made(), folder / "in" / name)
    (folder / "in/broken.jpg").write_bytes(b"\xff\xd8\xff\xe0no picture")
    frame = dedup.scan(folder / "in", home=folder / "home", workers=1).frame
    masks = {kind.name: kind.mask(frame) for kind in ISSUES}
    return {name: {kind for kind, mask in masks.items() if mask[row]} for row, name in enumerate(frame["name"])}


@pytest.mark.parametrize("name", CASES)
def test_what_others_take_for_something_else_is_what_it_is(told, name):
    flat = {"blurry"} if name.startswith("flat") else set()  # of which nobody can say it
    assert told[name] - flat - {"near duplicate"} == CASES[name][1]


def test_what_is_usual_has_none_and_what_cannot_be_read_that_alone(told):
    assert all(not told[name] for name in told if name.startswith("usual")) and told["broken.jpg"] == {"unreadable"}
