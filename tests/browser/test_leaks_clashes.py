"""Leaks repaired and label clashes decided in a real Chromium, and the files that come out."""

from __future__ import annotations

import json
import zipfile

import pytest

import dedup
from dedup.labels.resolve import Choice
from dedup.splits import leaks
from tests.browser.conftest import until
from tests.labelled import clashing, leaking

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def home(shared_data, tmp_path_factory):
    """A home with a dataset of leaks and one of clashes."""
    root = tmp_path_factory.mktemp("labelled")
    for make, name in ((leaking, "leaking"), (clashing, "clashing")):
        (root / name).mkdir()
        make(shared_data, root / name, name=name, home=root / "home")
    return root / "home"


@pytest.fixture(autouse=True)
def nothing_decided(home):
    """Whatever a test decides is taken back, for the next one and for another try."""
    yield
    for name in ("leaking", "clashing"):
        decisions = dedup.open(name, home=home).decisions
        while decisions.undo():
            pass


def go(page, app, path: str, dataset) -> None:
    page.goto(f"{app.url}/{path}?dataset={dataset.info.key}")


def choices(dataset) -> list[Choice | None]:
    decided = dataset.decisions.values("clash")
    return [case.choice(decided) for case in dataset.clashes]


def test_leaks_are_seen_repaired_and_taken_out(page, app, home, tmp_path):
    dataset = dedup.open("leaking", home=home)
    go(page, app, "leaks", dataset)
    cell = page.get_by_test_id("stButton").and_(page.locator(".st-key-cell-0-2 *")).get_by_role("button")
    expect(cell).to_have_text("3")
    cell.click()
    expect(page.locator(".gallery .cell")).to_have_count(6)
    expect(page.locator(".gallery .tag", has_text="test")).to_have_count(3)
    page.get_by_role("button", name="Accept: move 6 images").click()
    page.get_by_text("No group of copies lies in more than one split").wait_for()
    assert leaks.crossing_groups(dataset.frame) == []
    with page.expect_download() as download:
        page.get_by_role("button", name="Download one COCO file per split (ZIP)").first.click()
    download.value.save_as(tmp_path / "splits.zip")
    with zipfile.ZipFile(tmp_path / "splits.zip") as archive:
        held = {name: {i["file_name"] for i in json.loads(archive.read(name))["images"]} for name in archive.namelist()}
    frame = dataset.frame
    assert held == {f"{split}.json": set(frame["path"][frame["split"] == split]) for split in ("train", "val", "test")}
    page.get_by_role("button", name="Undo", exact=True).click()
    page.get_by_text("6 groups lie in more than one split").wait_for()
    assert len(leaks.crossing_groups(dataset.frame)) == 6


def test_clashes_are_decided_by_keyboard_and_undone(page, app, home):
    dataset = dedup.open("clashing", home=home)
    go(page, app, "clashes", dataset)
    expect(page.locator(".inbox .position")).to_have_text("1 of 3")
    expect(page.locator(".copy.left .box.left.own").first).to_be_visible()
    drawn = [image.evaluate("image => image.decode().then(() => image.naturalWidth)")
             for image in page.locator(".frame img").all()]  # fmt: skip
    assert len(drawn) == 2
    assert all(drawn)
    page.locator(".inbox").focus()
    first = page.locator(".inbox .sentence").text_content()
    for key in "1md":
        page.keyboard.press(key)
    until(lambda: choices(dataset) == [Choice.LEFT, Choice.MERGE, Choice.DROP])
    page.get_by_text("Every clash is decided").wait_for()
    expect(page.locator(".inbox")).to_be_hidden()
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(page.locator(".inbox")).to_be_visible()
    expect(page.locator(".inbox .position")).to_have_text("1 of 1")
    page.get_by_text("All 3", exact=True).click()
    expect(page.locator(".inbox .position")).to_have_text("3 of 3")
    page.locator(".inbox").focus()
    page.keyboard.press("Home")
    expect(page.locator(".inbox .position")).to_have_text("1 of 3")
    expect(page.locator(".inbox .sentence")).to_have_text(first)
    expect(page.locator(".inbox [data-choice=left]")).to_have_attribute("aria-pressed", "true")
    assert choices(dataset) == [Choice.LEFT, Choice.MERGE, None]
    page.keyboard.press("End")
    expect(page.locator(".inbox .position")).to_have_text("3 of 3")
    page.keyboard.press("l")
    until(lambda: choices(dataset)[2] is Choice.LEAVE)
    page.keyboard.press("u")
    until(lambda: choices(dataset)[2] is None)


def test_a_clash_and_its_group_lead_to_each_other(page, app, home):
    dataset = dedup.open("clashing", home=home)
    go(page, app, "clashes", dataset)
    page.get_by_text("All 3", exact=True).click()
    page.locator(".inbox .strip button").nth(2).click()
    expect(page.locator(".inbox .position")).to_have_text("3 of 3")
    words = page.locator(".inbox .sentence").text_content()
    page.get_by_role("button", name="In Duplicates").click()
    expect(page.locator(".strip-row")).to_have_count(1)
    page.locator(".strip-row.clashing.current").wait_for()
    page.keyboard.press("l")
    expect(page.locator(".inbox .sentence")).to_have_text(words)


def test_a_hovered_difference_lights_both_boxes(page, app, home):
    dataset = dedup.open("clashing", home=home)
    page.set_viewport_size({"width": 850, "height": 900})
    go(page, app, "clashes", dataset)
    every = page.get_by_text("All 3", exact=True)
    right_edges = [box["x"] + box["width"] for box in (every.bounding_box(), page.locator(".inbox").bounding_box())]
    assert right_edges[0] < right_edges[1]
    every.click()
    page.get_by_role("button", name="Next").wait_for()
    page.locator(".inbox .strip button[title*=dog]").click()
    expect(page.locator(".inbox .sentence")).to_contain_text("dog")
    page.locator(".differences li").first.hover()
    expect(page.locator(".box.lit")).to_have_count(4)
    page.locator(".inbox").focus()
    page.keyboard.press("o")
    expect(page.locator(".box.carried")).to_have_count(0)
    page.keyboard.press("a")
    expect(page.locator(".box.agrees")).to_have_count(0)


def test_the_page_stays_at_its_top_on_a_telephone_while_the_strip_follows(page, app, home):
    dataset = dedup.open("clashing", home=home)
    page.set_viewport_size({"width": 390, "height": 844})
    go(page, app, "clashes", dataset)
    expect(page.locator(".inbox .position")).to_have_text("1 of 3")
    expect(page.locator(".inbox .strip button[aria-current=true]")).to_have_count(1)
    page.wait_for_timeout(1500)
    assert page.get_by_test_id("stMain").evaluate("main => main.scrollTop") == 0
    page.set_viewport_size({"width": 200, "height": 844})  # so narrow that the strip does not hold all three
    strip = page.locator(".inbox .strip")
    for _ in range(2):
        page.locator(".inbox").press("ArrowRight")
    expect(page.locator(".inbox .position")).to_have_text("3 of 3")
    until(lambda: strip.evaluate("s => s.scrollWidth - s.clientWidth - s.scrollLeft < 4"))
