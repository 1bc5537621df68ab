"""What happens elsewhere while a page is open: counts in labels, another program, a server that was away."""

from __future__ import annotations

import shutil

import pytest

import dedup
from dedup import sample
from tests.pictures import folder_of_photos

pytestmark = pytest.mark.browser


def test_what_is_meant_stays_chosen_when_its_count_changes(app, home, page):
    dedup.scan(sample.make(home / sample.FOLDER_NAME), name="sample", home=home)
    page.goto(app.url + "/explorer")
    page.locator(".cell").first.wait_for()
    page.get_by_text("Bulk tagging").click()
    scope = page.locator(".st-key-bulk-scope")
    scope.get_by_text("Duplicates, not keepers (").click()
    before = scope.locator("label:has(input:checked)").inner_text()
    page.get_by_role("radio", name="Near duplicates (").click()
    scope.get_by_text(before, exact=True).wait_for(state="detached")
    page.locator(".st-key-bulk-action").get_by_text("Remove", exact=True).click()
    page.locator(".stApp[data-test-script-state=notRunning]").wait_for()
    chosen = scope.locator("label:has(input:checked)").inner_text()
    assert chosen.startswith("Duplicates, not keepers (") and chosen != before


def test_another_program_scans_again_or_forgets_what_is_open(app, home, page, tmp_path):
    folder = tmp_path / "photos"
    folder_of_photos(folder, 6)
    dataset = dedup.scan(folder, home=home)
    page.goto(f"{app.url}/explorer?dataset={dataset.key}")
    page.locator(".cell").first.wait_for()
    shutil.copy(folder / "0000.jpg", folder / "another.jpg")
    dedup.scan(folder, home=home)
    page.locator(".cell").first.click()
    page.locator(".dedup-counts").get_by_text("7 images").wait_for()
    dedup.forget(dataset.name, home=home)
    page.locator(".cell").nth(1).click()
    page.get_by_text("This dataset is no longer in the list").wait_for()
    page.get_by_role("button", name="To the datasets").click()
    page.get_by_role("heading", name="Datasets").first.wait_for()
