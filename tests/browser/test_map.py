"""In a browser: a line drawn around points of the map leads to their images, and is in the address; a point shows its
picture and opens it."""

from __future__ import annotations

import re

import numpy as np
import pytest

import dedup
from tests.pictures import folder_of_photos

IN_VIEW = 560 / (2 * 1.06)
"""Pixels of a unit of the map as it is first shown, where its height is the shorter side."""


@pytest.fixture
def mapped(home, tmp_path):
    """A dataset of 20 images whose map is drawn."""
    folder_of_photos(tmp_path / "to map", 20)
    dataset = dedup.scan(tmp_path / "to map", home=home, workers=1)
    dataset.draw_map()
    return dataset


def shown_at(page, dataset) -> np.ndarray:
    """Where the points are on the screen, (n, 2), once the map is drawn."""
    page.locator(".dedup[data-drawn]").wait_for()
    page.locator(".cell").first.wait_for()  # nothing moves any more
    box = page.locator("canvas.over").bounding_box()
    places = dataset.frame[["map_x", "map_y"]].to_numpy(np.float64)
    scale = min(box["width"], box["height"]) / (2 * 1.06)
    middle = np.array([box["x"] + box["width"] / 2, box["y"] + box["height"] / 2])
    return middle + places * scale * (1, -1)


def test_a_line_around_points_selects_their_images(app, page, mapped):
    page.goto(f"{app.url}/map?dataset={mapped.info.key}")
    points = shown_at(page, mapped)
    left = points[:, 0] < np.median(points[:, 0])
    inner, outer = points[left].min(axis=0) - 15, points[left].max(axis=0)
    edge = (points[left][:, 0].max() + points[~left][:, 0].min()) / 2
    corners = [(inner[0], inner[1]), (edge, inner[1]), (edge, outer[1] + 15), (inner[0], outer[1] + 15)]
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in [*corners[1:], corners[0]]:
        page.mouse.move(*corner, steps=8)
    page.mouse.up()
    page.get_by_role("button", name="drawn on the map").wait_for()
    page.locator(".cell").nth(int(left.sum()) - 1).wait_for()
    wanted = set(mapped.frame["name"][left])
    names = page.locator(".cell .cut")
    assert {names.nth(place).get_attribute("data-full") for place in range(names.count())} == wanted
    page.wait_for_url(re.compile("region=map_x"))
    page.reload()
    page.get_by_text(f"selection holds {left.sum()} of 20").wait_for()
    page.get_by_role("button", name="Clear", exact=True).click()
    page.get_by_text("selection holds 20 of 20").wait_for()


def test_a_point_shows_its_picture_and_opens_it(app, page, mapped):
    page.goto(f"{app.url}/map?dataset={mapped.info.key}")
    points = shown_at(page, mapped)
    apart = np.linalg.norm(points[:, None] - points[None], axis=2) + 1e9 * np.eye(len(points))
    alone = int(apart.min(axis=1).argmax())
    page.mouse.move(*points[alone])
    page.locator("figure.tip img").wait_for()
    name = str(mapped.frame["name"][alone])
    assert page.locator("figure.tip .cut").get_attribute("data-full") == name
    page.mouse.down()
    page.mouse.up()
    page.locator("dialog.compare[open]").wait_for()
    assert page.locator("dialog.compare .cut").first.get_attribute("data-full") == name


def test_keys_move_the_map_and_select_what_is_in_view(app, page, mapped):
    page.goto(f"{app.url}/map?dataset={mapped.info.key}")
    shown_at(page, mapped)
    page.locator(".plane").focus()
    for key in ("+", "+", "+", "v"):
        page.keyboard.press(key)
    page.get_by_role("button", name="drawn on the map").wait_for()
    box = page.locator("canvas.over").bounding_box()
    scale = IN_VIEW * 1.5**3
    places = mapped.frame[["map_x", "map_y"]].abs().to_numpy()
    inside = int(((places[:, 0] < box["width"] / 2 / scale) & (places[:, 1] < box["height"] / 2 / scale)).sum())
    page.get_by_text(f"selection holds {inside} of 20").wait_for()
    page.locator(".plane").focus()
    page.keyboard.press("Escape")
    page.get_by_text("selection holds 20 of 20").wait_for()
