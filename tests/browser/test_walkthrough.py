"""The whole path in a real Chromium: a folder in, looked at, tagged, a cleaned dataset out."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFilter

import dedup
from dedup.exports.csv import read
from dedup.ui.shell.session import SETTLING_SECONDS
from dedup.words import plural
from tests.browser.conftest import CLICKS, ROOT

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
pytestmark = pytest.mark.browser
SCAN_MS = 180_000


@pytest.fixture
def photos(tmp_path):
    """Twenty noise clouds, one of them twice, three of them with a slightly blurred neighbour."""
    folder = tmp_path / "photos"
    folder.mkdir()
    random = np.random.default_rng(7)
    for number in range(20):
        small = Image.fromarray(random.integers(0, 256, (9, 12, 3), dtype=np.uint8))
        cloud = small.resize((320, 240), Image.Resampling.BICUBIC)
        cloud.save(folder / f"cloud {number:02}.png")
        if number < 3:
            cloud.filter(ImageFilter.GaussianBlur(1.5)).save(folder / f"cloud {number:02} soft.png")
    shutil.copy(folder / "cloud 09.png", folder / "cloud 09 copy.png")
    (folder / "broken.jpg").write_bytes(b"")
    return folder


@pytest.fixture
def empty_app(serve, tmp_path):
    """The app with an empty home of its own."""
    return serve(ROOT / "app.py", DEDUP_HOME=str(tmp_path / "empty"))


def explore(page, app, home: Path, folder: Path) -> None:
    """Scan a folder, and open the Explorer on it."""
    open_explorer(page, app, dedup.scan(folder, name=folder.parent.name, home=home))  # another when tried again


def open_explorer(page, app, made: dedup.Dataset) -> None:
    """Open the Explorer on a dataset."""
    page.goto(f"{app.url}/explorer?dataset={made.info.key}")
    page.get_by_text("selection holds").wait_for()


def new_tag(page, name: str) -> None:
    page.get_by_role("button", name="New").click()
    page.get_by_role("textbox", name="Name", exact=True).fill(name)
    page.get_by_role("button", name="Create").click()
    expect_tag(page, name, 0)


def expect_tag(page, name: str, count: int) -> None:
    """The sidebar says how many images carry the tag."""
    page.locator(".dedup-tag", has_text=name).get_by_text(f"{count:,}", exact=True).wait_for()


def bulk(page, *, action: str, tag: str, scope: str, changing: int) -> None:
    """Give or take a tag in bulk; the number of changes must be told before."""
    panel = page.locator(".st-key-side-panel")
    if not panel.locator(".st-key-bulk-submit").is_visible():
        page.get_by_role("radio", name="Bulk tagging").or_(page.get_by_role("button", name="Bulk tagging")).click()
        panel.locator(".st-key-bulk-submit").wait_for()
    if not panel.get_by_text(tag, exact=True).first.is_visible():
        pick(page, "bulk-tags", tag)
    panel.get_by_text(action, exact=True).click()
    panel.locator(".st-key-bulk-scope").get_by_text(scope).click()
    told = f"{action} {tag} {'to' if action == 'Add' else 'from'} {plural(changing, 'image')}"
    panel.locator(".st-key-bulk-submit").get_by_role("button", name=told).click()


def end(page, label: str):
    """The exact number of one end of the range."""
    return page.locator(".st-key-low input" if label == "From" else ".st-key-high input")


def set_end(page, label: str, value: str) -> None:
    field = end(page, label)
    field.fill(value)
    field.press("Enter")


def settle(page) -> None:
    """Wait until nothing runs any more, and until the app no longer takes a new address for one that it overwrote."""
    page.wait_for_timeout(SETTLING_SECONDS * 1000 + 500)
    page.locator(".stApp[data-test-script-state=notRunning]").wait_for()


def go_to_export(page) -> None:
    page.get_by_role("link", name="Filter & Export").click()
    page.get_by_text("Take them with you").wait_for()
    expect(page.get_by_text("Bulk tagging")).to_have_count(0)


def pick(page, key: str, option: str) -> None:
    """Choose an option of a list; a list that was drawn anew while it opened is opened again."""
    wanted = page.get_by_role("option", name=option, exact=True)
    for _ in range(5):
        page.locator(f".st-key-{key} input").click()
        try:
            wanted.click(timeout=3_000)
        except playwright.TimeoutError:
            page.keyboard.press("Escape")
        else:
            break
    page.keyboard.press("Escape")


def download(page, title: str, folder: Path) -> Path:
    with page.expect_download() as caught:
        page.get_by_role("button", name=f"Download {title}").click()
    path = folder / caught.value.suggested_filename
    caught.value.save_as(path)
    return path


def test_the_cleaned_csv_is_fourteen_clicks_away(empty_app, new_page, shared_data, tmp_path):
    page = new_page()
    page.add_init_script(CLICKS)
    page.goto(empty_app.url)
    field = page.get_by_role("textbox", name="Folder", exact=True)
    field.click()
    field.fill(str(shared_data / "B-dogs-7dups" / "dataset"))
    page.get_by_role("button", name="Scan", exact=True).click()
    page.get_by_role("button", name="Explore", exact=True).click(timeout=SCAN_MS)
    page.get_by_text("Bulk tagging").click()
    page.locator(".st-key-bulk-tags input").click()
    page.keyboard.type("keep")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Add keep to 1,000 images").click()
    expect_tag(page, "keep", 1000)
    page.get_by_text("Exact duplicates (7)").click()
    page.get_by_text("7 images and 3 of their groups").wait_for()
    page.locator(".st-key-bulk-action").get_by_text("Remove", exact=True).click()
    page.get_by_role("button", name="Remove keep from 7 images").click()
    expect_tag(page, "keep", 993)
    page.get_by_role("link", name="Filter & Export").click()
    page.get_by_test_id("stMetricValue").get_by_text("993", exact=True).wait_for()
    assert len(read(download(page, "CSV", tmp_path))) == 993
    assert page.evaluate("Number(sessionStorage.clicks)") <= 14


def test_from_exact_duplicates_to_a_cleaned_csv_and_coco(empty_app, page, dogs, tmp_path):
    shutil.copytree(dogs.directory, tmp_path / "empty" / "dogs", dirs_exist_ok=True)
    open_explorer(page, empty_app, dogs)

    pick(page, "metric", "Image singularity")
    page.locator(".js-plotly-plot").get_by_text("7 exact").wait_for()

    new_tag(page, "keep")
    bulk(page, action="Add", tag="keep", scope="Whole selection", changing=1000)
    expect_tag(page, "keep", 1000)

    set_end(page, "To", "0")
    page.get_by_text("selection holds 7 of 1,000").wait_for()
    bulk(page, action="Remove", tag="keep", scope="Whole selection", changing=7)
    expect_tag(page, "keep", 993)

    go_to_export(page)
    page.get_by_text("Starting from the tag you used last, keep.").wait_for()
    page.get_by_test_id("stMetricValue").get_by_text("993", exact=True).wait_for()

    table = read(download(page, "CSV", tmp_path))
    assert len(table) == 993
    assert table["tag:keep"].all()
    assert table["sha256"].is_unique
    assert (table["kind"] != "exact").all()
    assert len(pd.read_csv(tmp_path / "dogs.csv")) == 993

    coco = download(page, "COCO", tmp_path)
    pycocotools = pytest.importorskip("pycocotools.coco")
    assert len(pycocotools.COCO(str(coco)).getImgIds()) == 993
    assert {image["file_name"] for image in json.loads(coco.read_text())["images"]} == set(table["path"])

    settle(page)
    page.go_back()
    page.get_by_text("selection holds 7 of 1,000").wait_for()
    expect(page.get_by_role("heading", level=1)).to_have_text("Filter & Export")
    settle(page)
    page.go_back()
    page.locator(".st-key-bar").get_by_text("selection holds 7 of 1,000").wait_for()


def test_from_near_duplicates_side_by_side_to_one_of_each(app, home, page, photos, tmp_path):
    explore(page, app, home, photos)
    new_tag(page, "keep")
    bulk(page, action="Add", tag="keep", scope="Whole selection", changing=24)
    expect_tag(page, "keep", 24)

    set_end(page, "To", "0.05")
    set_end(page, "From", "0.00001")
    page.get_by_text("selection holds 6 of 25").wait_for()
    cells = page.locator(".cell")
    expect(cells).to_have_count(6)
    names = [cells.nth(place).get_attribute("aria-label") for place in range(6)]
    for keeper, duplicate in zip(names[::2], names[1::2], strict=True):
        assert "keeper" in keeper
        assert keeper[:8] == duplicate[:8]
    first, second = cells.nth(0).bounding_box(), cells.nth(1).bounding_box()
    assert first["y"] == second["y"]
    assert first["x"] < second["x"]

    cells.nth(1).click()
    page.get_by_text("1 selected").first.wait_for()
    bulk(page, action="Remove", tag="keep", scope="Selected cards", changing=1)
    expect_tag(page, "keep", 23)
    bulk(page, action="Remove", tag="keep", scope="Duplicates, not keepers", changing=2)
    expect_tag(page, "keep", 21)

    page.get_by_role("button", name="Undo").click()
    expect_tag(page, "keep", 23)
    page.get_by_role("button", name="Redo").click()
    expect_tag(page, "keep", 21)

    page.get_by_role("link", name="Filter & Export").click()
    page.get_by_text("Take them with you").wait_for()
    page.get_by_test_id("stMetricValue").get_by_text("21", exact=True).wait_for()
    table = read(download(page, "CSV", tmp_path))
    kept = table[table["kind"] == "near"]
    assert len(table) == 21
    assert kept["group"].is_unique
    assert len(kept) == 3
    assert set(read(download(page, "Pairs", tmp_path)).columns) >= {"left", "right", "kind", "distance", "relation"}


def test_a_link_reopens_the_view_and_back_goes_back(app, home, page, new_page, photos):
    explore(page, app, home, photos)
    set_end(page, "To", "0.05")
    page.get_by_text("selection holds 7 of 25").wait_for()
    page.wait_for_url("**range=**")

    other = new_page()
    other.goto(page.url)
    other.get_by_text("selection holds 7 of 25").wait_for()
    expect(end(other, "To")).to_have_value("0.05000")

    dataset = re.search(r"dataset=\w+", page.url)[0]
    other.goto(f"{app.url}/explorer?{dataset}&size=12")
    other.locator(".toolbar .pager").get_by_text("of 3").wait_for()

    settle(page)
    page.go_back()
    page.get_by_text("selection holds 25 of 25").wait_for()
    settle(page)
    page.go_forward()
    page.get_by_text("selection holds 7 of 25").wait_for()


def test_similar_images_that_were_left_by_back_do_not_lie_over_another_page(app, home, page, photos):
    explore(page, app, home, photos)
    page.get_by_role("link", name="Summary").click()
    page.get_by_text("Look at these first").wait_for()
    page.get_by_role("link", name="Explorer").click()
    page.get_by_text("selection holds").wait_for()
    settle(page)
    page.locator(".cell").nth(1).hover()
    page.locator(".cell").nth(1).get_by_role("button", name="Show similar images").click()
    page.get_by_role("button", name="Side by side").wait_for()
    settle(page)
    page.go_back()
    page.get_by_text("Look at these first").wait_for()
    page.get_by_role("link", name="Explorer").click()
    page.get_by_text("selection holds").wait_for()
    settle(page)
    expect(page.get_by_role("button", name="Side by side")).to_have_count(0)


def test_two_tabs_lose_nothing(app, home, page, new_page, photos):
    explore(page, app, home, photos)
    new_tag(page, "one")
    other = new_page()
    other.goto(page.url)
    other.get_by_text("selection holds").wait_for()
    new_tag(other, "two")
    bulk(other, action="Add", tag="two", scope="Whole selection", changing=24)
    bulk(page, action="Add", tag="one", scope="Whole selection", changing=24)
    for tab in (page, other):
        tab.reload()
        expect_tag(tab, "one", 24)
        expect_tag(tab, "two", 24)


def test_a_scan_survives_a_page_switch_a_reload_and_a_second_tab_and_can_be_cancelled(app, page, new_page, tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    random = np.random.default_rng(0)
    for number in range(60):
        first = folder / f"{number}.png"
        Image.fromarray(random.integers(0, 256, (900, 1200, 3), dtype=np.uint8)).save(first, compress_level=0)
        for again in range(50):  # enough work that the scan cannot end before the test has looked at it
            (folder / f"{number}-{again}.png").hardlink_to(first)
    page.goto(app.url)
    page.get_by_role("textbox", name="Folder", exact=True).fill(str(folder))
    page.get_by_role("button", name="Scan", exact=True).click()
    page.get_by_role("button", name="Cancel").wait_for()
    page.get_by_role("link", name="Explorer").click()
    page.get_by_text("Scanning many").first.wait_for()
    page.get_by_role("link", name="Datasets").click()
    page.get_by_text("Or try the sample").wait_for()
    page.reload()
    page.get_by_role("button", name="Cancel").wait_for()
    other = new_page()
    other.goto(app.url)
    other.get_by_role("button", name="Cancel").click()
    for tab in (page, other):
        tab.get_by_text("stopped. What was finished is kept").wait_for()


def test_a_bad_path_is_told_at_once(app, page):
    page.goto(app.url)
    page.get_by_role("textbox", name="Folder", exact=True).fill("/no/such/folder")
    page.get_by_text("There is no such folder.").wait_for()
