"""In a browser: images are searched by words and ordered by difference, and the address brings both back."""

from __future__ import annotations

import re

import dedup
from dedup.vectors.model import Model
from tests.browser.test_reach import SETTLED_MS, SHOWN
from tests.vectors.models import colour_model, plain_pictures, text_model

COLOURS = {"rose": (250, 40, 40), "poppy": (220, 40, 40), "leaf": (40, 250, 40), "sky": (40, 40, 250)}


def names(page) -> list[str]:
    shown = page.locator(".cell .cut")
    return [shown.nth(place).get_attribute("data-full") for place in range(shown.count())]


def test_images_are_searched_by_words_and_ordered_by_difference(app, page, home, tmp_path):
    plain_pictures(tmp_path / "set", COLOURS)
    dataset = dedup.scan(tmp_path / "set", home=home, workers=1)
    text_model(tmp_path)
    dataset.embed(Model(colour_model(tmp_path / "vision_model.onnx")))
    page.goto(f"{app.url}/explorer?dataset={dataset.info.key}")
    page.locator(".cell").nth(3).wait_for()
    page.get_by_placeholder("Search by words").fill("a blue thing")
    page.keyboard.press("Enter")
    page.get_by_text("Best match first").wait_for()
    page.wait_for_url(re.compile("order=words&words=a"))
    page.reload()
    page.get_by_text("Best match first").wait_for()
    page.locator(".cell").nth(3).wait_for()
    assert names(page)[0] == "sky.png" and page.get_by_placeholder("Search by words").input_value() == "a blue thing"
    page.set_viewport_size({"width": 900, "height": 700})
    page.wait_for_timeout(SETTLED_MS)
    assert page.locator(".cell img").first.bounding_box()["y"] < 700 - SHOWN
    page.set_viewport_size({"width": 1400, "height": 900})
    page.get_by_text("Diverse", exact=True).click()
    page.get_by_text("Each as far as can be from all before it").wait_for()
    page.wait_for_url(re.compile("order=different"))
    page.reload()
    page.locator(".cell").nth(3).wait_for()
    first = [str(dataset.frame["name"][row]) for row in dataset.most_different(3)]
    assert names(page)[:3] == first
