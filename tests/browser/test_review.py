"""The Duplicates page in a real Chromium: groups reviewed by keyboard alone, the plan applied, the files looked at."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter, ImageOps

import dedup
from dedup.dataset import Dataset
from dedup.review import acts
from dedup.store.decisions import KEEPER
from tests.browser.conftest import CLICKS, ROOT, until
from tests.building import copied

pytestmark = pytest.mark.browser
GROUPS = 34
JOB_MS = 120_000
TOLD = re.compile("mean difference|not one pixel differs")


@pytest.fixture(scope="module")
def clouds(tmp_path_factory) -> Path:
    """34 pairs: noise clouds with an identical copy; five blurred and five mirrored copies instead."""
    folder, random = tmp_path_factory.mktemp("clouds"), np.random.default_rng(5)
    (folder / "again").mkdir()
    for number in range(GROUPS):
        small = Image.fromarray(random.integers(0, 256, (9, 12, 3), dtype=np.uint8))
        cloud = small.resize((320, 240), Image.Resampling.BICUBIC)
        cloud.save(folder / f"{number:02}.png")
        copy = folder / "again" / f"{number:02}.png"
        if number < 5:
            cloud.filter(ImageFilter.GaussianBlur(1.5)).save(copy)
        elif number < 10:
            ImageOps.mirror(cloud).save(copy)
        else:
            shutil.copy(folder / f"{number:02}.png", copy)
    return folder


@pytest.fixture
def dataset(clouds, tmp_path, home) -> Dataset:
    """A copy of the clouds, scanned."""
    shutil.copytree(clouds, tmp_path / "clouds")
    return dedup.scan(tmp_path / "clouds", name=tmp_path.name, home=home)  # another one when it is tried again


def opened(page, app, dataset: Dataset, query: str = ""):
    page.goto(f"{app.url}/duplicates?dataset={dataset.info.key}{query}")
    page.locator(".strip-row").first.wait_for()
    page.wait_for_timeout(300)
    return page


def contents(folder: Path) -> dict[str, str]:
    """Path to sha256 of every file."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def open_in(tab) -> int:
    """How many groups a tab says are open."""
    return int(re.search(r"(\d+) open", tab.locator("[data-testid=stMarkdown]", has_text="groups ·").inner_text())[1])


def test_ten_groups_by_keyboard_alone_then_the_plan_is_applied_and_restored(app, page, dataset):
    before = contents(dataset.root)
    opened(page, app, dataset, "&groups=kind")
    names = page.locator(".strip-row").evaluate_all("rows => rows.map(row => row.querySelector('.name').textContent)")
    for _ in range(4):  # the first four go as suggested
        page.keyboard.press("Enter")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("k")  # the fifth the other way round
    page.keyboard.press("r")  # the sixth: the copy goes
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("r")  # the seventh: the keeper goes, so the copy stays
    page.keyboard.press("n")  # the eighth: both stay
    page.keyboard.press("s")  # one skipped
    page.keyboard.press("Enter")
    page.keyboard.press("u")  # accepted and taken back
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    until(lambda: len(acts.state(dataset).open) == GROUPS - 10)
    now = acts.state(dataset)
    gone = {now.path(row) for row in now.dropped}
    number = [Path(name).stem for name in names]
    assert {Path(path).stem for path in gone} == {number[place] for place in (0, 1, 2, 3, 4, 5, 6, 9, 10)}
    swapped = {path for path in gone if "/" not in path}
    assert swapped == {f"{number[4]}.png", f"{number[6]}.png"}

    page.get_by_text("Removal plan").click()
    page.get_by_text("9 files would move").wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the plan").click()
    plan = json.loads(Path(download.value.path()).read_text())
    assert {entry["path"] for entry in plan["entries"]} == gone
    page.get_by_role("button", name="Move 9 files to the quarantine").click()
    page.locator(".st-key-take-out-now button").click()
    page.get_by_text("moved to the quarantine").wait_for(timeout=JOB_MS)
    assert contents(dataset.root) == {path: digest for path, digest in before.items() if path not in gone}
    page.get_by_role("button", name="Verify").click()
    page.get_by_text("9 files checked").wait_for()
    page.get_by_role("button", name="Restore 9 files").click()
    page.get_by_text("brought back").wait_for(timeout=JOB_MS)
    assert contents(dataset.root) == before


def test_a_plan_that_another_tab_overtook_moves_nothing(app, page, dataset):
    before = contents(dataset.root)
    now = acts.state(dataset)
    step = acts.by_rule(now, acts.preview(now, "exact"))
    dataset.decisions.decide(step.changes, step.label)
    page.goto(f"{app.url}/duplicates?dataset={dataset.info.key}&panel=plan")
    page.get_by_role("button", name="to the quarantine").click()
    page.locator(".st-key-take-out-now button").wait_for()
    dataset.decisions.undo()
    page.locator(".st-key-take-out-now button").click()
    page.get_by_text("another one now").wait_for()
    assert contents(dataset.root) == before


def test_thirty_groups_follow_each_other_and_none_is_lost(app, page, dataset):
    opened(page, app, dataset)
    for turn in range(30):
        page.keyboard.press("Enter")
        page.wait_for_timeout(60)
        if turn == 19:
            page.get_by_text("Group 21 of 34").wait_for()  # the second page follows by itself
    until(lambda: len(acts.state(dataset).open) == GROUPS - 30)
    operations = dataset.decisions.history()
    assert len(operations) == 30 and len({operation.session for operation in operations}) == 1


def test_two_tabs_decide_at_once_and_see_each_other(app, page, new_page, dataset):
    other = new_page()
    opened(page, app, dataset, "&groups=kind")
    opened(other, app, dataset, "&groups=kind&decided=shown&sheet=2")
    for _ in range(6):
        page.keyboard.press("Enter")
        other.keyboard.press("n")
    for tab in (page, other):
        until(lambda tab=tab: open_in(tab) == GROUPS - 12)
    by_tab = Counter(operation.session for operation in dataset.decisions.history())
    assert list(by_tab.values()) == [6, 6] and len(acts.state(dataset).open) == GROUPS - 12
    other.reload()
    other.locator(".strip-row.decided").first.wait_for()


def test_the_compare_view_decides_and_goes_on_to_the_next_group(app, page, dataset):
    opened(page, app, dataset, "&groups=farthest")
    page.keyboard.press("c")
    page.locator("dialog.compare[open] .pane img").first.wait_for()
    page.keyboard.press("d")
    page.get_by_text(TOLD).wait_for()
    first = page.locator("dialog.compare .caption .name").first.inner_text()
    page.keyboard.press("Enter")
    until(lambda: len(acts.state(dataset).dropped) == 1)
    until(lambda: page.locator("dialog.compare .caption .name").first.inner_text() != first)
    assert page.locator("dialog.compare").get_attribute("data-mode") == "difference"
    page.keyboard.press("n")
    until(lambda: len(acts.state(dataset).members) == GROUPS - 1)
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    page.get_by_text("Keys of the review").wait_for()


def test_a_mirrored_copy_lies_on_its_keeper(app, page, dataset):
    opened(page, app, dataset, "&relation=mirrored")
    page.keyboard.press("c")
    page.keyboard.press("d")
    page.get_by_text(TOLD).wait_for()
    told = page.locator("dialog.compare").get_by_text(TOLD).inner_text()
    assert told.startswith("not one") or float(told.split()[2]) < 3


def test_what_differs_is_seen_without_opening_anything(app, page, dataset):
    opened(page, app, dataset, "&relation=mirrored")
    strip = page.locator(".strip-row").first
    told = strip.locator(".difference .told")
    until(lambda: "of 255" in told.inner_text())
    words = told.inner_text()
    assert "below" in words or float(re.search(r"mean ([\d.]+)", words)[1]) < 3  # the mirrored copy lies on its keeper
    tile = strip.locator(".copy .tile").nth(1)
    box = tile.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 3)
    wipe = tile.locator(".wipe")
    wipe.wait_for()
    assert wipe.evaluate("node => node.style.getPropertyValue('--at')") == "50%"
    assert wipe.locator("img").evaluate("image => new DOMMatrix(getComputedStyle(image).transform).a") < 0
    page.mouse.move(5, 5)
    wipe.wait_for(state="detached")
    first, second = (strip.locator(".copy").nth(place).bounding_box() for place in (0, 1))
    assert first["width"] + second["width"] > 600  # cards fill the width


def test_identical_copies_fill_the_width_for_nothing_differs(app, page, dataset):
    opened(page, app, dataset, "&groups=kind")
    strip = page.locator(".strip-row").first
    assert strip.locator(".difference").count() == 0
    first, second = (strip.locator(".copy").nth(place).bounding_box() for place in (0, 1))
    assert first["width"] + second["width"] > 0.9 * strip.bounding_box()["width"]


def test_a_link_reopens_the_view(app, page, dataset):
    opened(page, app, dataset, "&groups=size&decided=shown&sheet=2")
    page.get_by_text("Group 21 of 34").wait_for()
    page.get_by_text("Decide by rule").click()
    page.get_by_text("Accept all suggestions for exact duplicates").wait_for()
    page.wait_for_url("**panel=rules**")
    page.reload()
    page.get_by_text("Accept all suggestions for exact duplicates").wait_for()


def test_no_group_is_decided_unseen(app, page, dataset):
    opened(page, app, dataset, "&groups=kind")
    first = page.locator(".strip-row").first
    copy = first.locator(".path").inner_text() + "/" + first.locator(".name").last.text_content()
    dataset.decisions.decide([(KEEPER, copy, "", "1")], "Another keeper than the page shows")
    page.keyboard.press("Enter")
    page.get_by_text(acts.CHANGED).wait_for()
    until(lambda: "current" in (first.get_attribute("class") or ""))
    page.locator(".strip-row").nth(12).scroll_into_view_if_needed()
    page.keyboard.press("Enter")
    page.get_by_text("This group was out of sight").wait_for()
    assert not acts.state(dataset).dropped
    page.keyboard.press("Enter")
    until(lambda: len(acts.state(dataset).dropped) == 1)
    (row,) = acts.state(dataset).dropped
    assert dataset.frame["name"].iat[row] == Path(copy).name and dataset.frame["path"].iat[row] != copy


def test_the_dogs_end_at_993_in_five_clicks_and_come_back(serve, new_page, dogs, tmp_path):
    home = tmp_path / "home"
    folder = copied(dogs, tmp_path / "dogs", home)
    before = contents(folder)
    app, dogs = serve(ROOT / "app.py", DEDUP_HOME=str(home)), dedup.open("dogs", home=home)
    page = new_page()
    page.add_init_script(CLICKS)
    page.goto(f"{app.url}/explorer?dataset={dogs.info.key}")
    page.get_by_text("selection holds").wait_for()
    page.get_by_role("link", name="Duplicates").click()
    page.get_by_role("button", name="Let 7 exact copies go").click()
    page.get_by_text("0 open").wait_for()
    page.locator(".st-key-panel").get_by_text("Removal plan").click()
    page.get_by_role("button", name="Move 7 files to the quarantine").click()
    page.locator(".st-key-take-out-now button").click()
    page.get_by_text("moved to the quarantine").wait_for(timeout=JOB_MS)
    assert page.evaluate("Number(sessionStorage.clicks)") <= 5
    assert len(dogs.decisions.history()) == 1
    left = contents(folder)
    assert len(before) == 1000 and len(left) == 993 and set(left.values()) == set(before.values())
    page.get_by_role("button", name="Restore 7 files").click()
    page.get_by_text("brought back").wait_for(timeout=JOB_MS)
    assert contents(folder) == before
