"""In a browser: labels found beside images are offered, one of two formats is taken, and labels go out with images;
splits are made from their page; hashes of imagehash are made and order similar images."""

from __future__ import annotations

import io
import json
import shutil

import pytest
from PIL import Image

import dedup
from dedup.store.directory import Store
from tests.browser.conftest import until
from tests.browser.test_walkthrough import SCAN_MS
from tests.pictures import folder_of_photos, photo, save


def labelled(folder):
    """Pictures with YOLO labels in two splits, a clash among them, and the same labels of train as COCO."""
    for number, name in enumerate(("train/a", "train/b", "val/c")):
        save(photo(number).resize((160, 120)), folder / "images" / f"{name}.png")
    save(photo(0).resize((160, 120)), folder / "images/val/copy.png")
    rows = {
        "train/a": "0 0.5 0.5 0.4 0.4",
        "train/b": "0 0.5 0.5 0.4 0.4",
        "val/c": "",
        "val/copy": "1 0.5 0.5 0.4 0.4",
    }
    for name, row in rows.items():
        (folder / "labels" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "labels" / f"{name}.txt").write_text(row)
    (folder / "data.yaml").write_text("train: images/train\nval: images/val\nnames: [cat, dog]\n")
    coco = {"images": [{"id": 1, "file_name": "train/a.png"}], "annotations": [], "categories": []}
    (folder / "old.json").write_text(json.dumps(coco))
    return folder


def test_labels_found_are_offered_and_read(app, home, page, tmp_path):
    folder = labelled(tmp_path / tmp_path.name)  # another dataset when it is tried again
    page.goto(app.url)
    page.get_by_role("textbox", name="Folder", exact=True).fill(str(folder))
    page.get_by_text("YOLO of 4 images in data.yaml").wait_for()  # chosen beforehand, for it tells of more images
    page.get_by_role("button", name="Scan", exact=True).click()
    until(lambda: folder.name in [each.name for each in dedup.datasets(home)], SCAN_MS / 1000)
    page.get_by_text("3 annotations in 3 images").first.wait_for()
    assert [path.rpartition("/")[2] for path in dedup.open(folder.name, home=home).info.annotations] == ["data.yaml"]


def test_splits_are_made_from_their_page(app, home, page, tmp_path):
    folder_of_photos(tmp_path / "divide", 20)
    dataset = dedup.scan(tmp_path / "divide", home=home, workers=1)
    page.goto(f"{app.url}/splits?dataset={dataset.info.key}")
    page.get_by_text("20 in none").wait_for()
    page.get_by_role("button", name="Set the split of 20 images").click()
    page.get_by_text("16 train").first.wait_for()
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("20 in none").wait_for()
    page.get_by_text("Folds", exact=True).click()
    page.get_by_role("button", name="Set the tag of 20 images").click()
    page.get_by_text("fold 5").first.wait_for()
    assert {tag.count for tag in dataset.tags.values()} == {4}


def test_images_go_into_a_folder_with_labels_in_the_format_that_was_read(app, home, page, tmp_path):
    folder = labelled(tmp_path / "to export")
    out = tmp_path / f"out of {tmp_path.name}"  # another dataset when it is tried again
    key = dedup.scan(folder, home=home, annotations=folder / "data.yaml", workers=1).info.key
    page.goto(f"{app.url}/export?dataset={key}")
    labels = page.get_by_role("combobox", name="Labels")
    labels.wait_for()
    assert labels.input_value().startswith("YOLO")
    page.get_by_role("textbox", name="Folder", exact=True).fill(str(out))
    page.get_by_role("textbox", name="Folder", exact=True).press("Enter")
    page.get_by_role("button", name="Write 4 files").click()
    page.get_by_role("button", name=f"Open {out.name}", exact=True).wait_for(timeout=SCAN_MS)
    assert (out / "data.yaml").is_file() and (out / "labels/val/copy.txt").read_text().startswith("1 0.5")
    assert sum(1 for _ in out.glob("images/*/*.png")) == 4


def test_similar_images_come_in_the_order_of_a_hash_of_imagehash(app, home, page, tmp_path):
    folder_of_photos(tmp_path / "to hash", 6)
    dataset = dedup.scan(tmp_path / "to hash", home=home, workers=1)
    page.goto(app.url)
    page.get_by_role("button", name=f"What to do with {dataset.info.name}", exact=True).click()
    page.get_by_text("Hashes of imagehash").click()
    page.get_by_role("dialog").get_by_text("phash", exact=True).click()
    page.get_by_role("button", name="Make them").click()
    page.get_by_role("dialog").wait_for(state="hidden")
    until(lambda: Store(dataset.directory).read_imagehashes())
    page.goto(f"{app.url}/explorer?dataset={dataset.info.key}")
    page.get_by_role("gridcell").first.click(button="right")
    page.get_by_role("menuitem", name="Show similar images").click()
    order = page.get_by_role("combobox", name="Order of the images")
    order.wait_for()
    order.select_option("phash")
    page.get_by_text("nearest by phash").wait_for()
    assert page.get_by_role("combobox", name="Order of the images").input_value() == "phash"
    page.keyboard.press("Escape")
    order.wait_for(state="hidden")


def test_annotations_are_drawn_where_they_are_and_hidden_by_key_and_class(app, home, page, tmp_path):
    folder = labelled(tmp_path / "to draw")
    dataset = dedup.scan(folder, home=home, annotations=folder / "data.yaml", workers=1)
    page.goto(f"{app.url}/explorer?dataset={dataset.info.key}&text=train/a")
    page.locator(".cell").first.click()
    page.keyboard.press("Enter")
    view = page.locator("dialog.compare[open]")
    drawn = view.locator(".pane.one .shapes path:not(.halo)")
    drawn.wait_for()
    image, box = view.locator(".pane.one img").bounding_box(), drawn.bounding_box()
    parts = [(box["x"] - image["x"]) / image["width"], (box["y"] - image["y"]) / image["height"],
             box["width"] / image["width"], box["height"] / image["height"]]  # fmt: skip
    assert (
        max(abs(part - told) for part, told in zip(parts, (0.3, 0.3, 0.4, 0.4), strict=True)) < 0.02
    )  # with half its line
    assert view.locator(".shapes text").text_content() == "cat"
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    stroke = drawn.evaluate("path => getComputedStyle(path).stroke")
    hue = tuple(map(int, stroke.removeprefix("rgb(").removesuffix(")").split(",")))
    edge = [shot.getpixel((round(box["x"]) + step, round(box["y"] + box["height"] / 2))) for step in range(-2, 4)]
    assert min(sum(abs(a - b) for a, b in zip(pixel, hue, strict=True)) for pixel in edge) < 30
    page.keyboard.press("l")
    drawn.wait_for(state="detached")
    page.keyboard.press("l")
    drawn.wait_for()
    view.locator(".labels-menu summary").click()
    view.get_by_label("cat").uncheck()
    drawn.wait_for(state="detached")
    view.get_by_label("cat").check()
    drawn.wait_for()


def test_annotations_are_drawn_on_cards_where_they_are(app, home, page, tmp_path):
    folder = labelled(tmp_path / "on cards")
    dataset = dedup.scan(folder, home=home, annotations=folder / "data.yaml", workers=1)
    page.goto(f"{app.url}/explorer?dataset={dataset.info.key}&text=train/a")
    page.locator(".cell img").first.wait_for()
    assert not page.locator(".cell .shapes").count()
    page.locator(".st-key-boxes-row").get_by_text("Annotations").click()
    drawn = page.locator(".cell .shapes path:not(.halo)")
    drawn.wait_for()
    tile, box = page.locator(".cell .tile").first.bounding_box(), drawn.bounding_box()
    scale = min(tile["width"] / 160, tile["height"] / 120)
    left, top = (tile["x"] + (tile["width"] - 160 * scale) / 2, tile["y"] + (tile["height"] - 120 * scale) / 2)
    found = [(box["x"] - left) / scale, (box["y"] - top) / scale, box["width"] / scale, box["height"] / scale]
    across, down, wide, high = found  # of the line's outer edge
    assert (across + wide / 2, down + high / 2) == pytest.approx((80, 60), abs=0.3)
    assert 0 < wide - 64 < 8 and wide - 64 == pytest.approx(high - 48, abs=0.3)
    word = page.locator(".cell .shapes text")
    assert word.text_content() == "cat" and not word.is_visible(), "a small card has no room for words"
    page.get_by_label("Size of the thumbnails").fill("9")
    word.wait_for()
    tile, told = page.locator(".cell .tile").first.bounding_box(), word.bounding_box()
    assert 10 < told["height"] < 30
    scale = min(tile["width"] / 160, tile["height"] / 120)
    assert told["x"] == pytest.approx(tile["x"] + 48 * scale, abs=12), "at its box"


def test_a_part_that_is_drawn_on_a_chart_leads_to_its_images(app, home, page, tmp_path):
    """Six small pictures and two large ones: a box around the large ones, then a lasso around nothing but them."""
    folder_of_photos(tmp_path / "to draw on", 6)
    for number in (7, 8):
        save(photo(number).resize((800, 600)), tmp_path / "to draw on" / f"large {number}.png")
    dataset = dedup.scan(tmp_path / "to draw on", home=home, workers=1)
    page.goto(f"{app.url}/summary?dataset={dataset.info.key}")
    chart = page.locator(".js-plotly-plot").first
    chart.locator(".plotly .nsewdrag").first.wait_for()
    chart.scroll_into_view_if_needed()
    area = chart.locator(".nsewdrag").first.bounding_box()

    def at(across: float, up: float) -> tuple[float, float]:
        return area["x"] + across * area["width"], area["y"] + (1 - up) * area["height"]

    page.mouse.move(*at(0.7, 0.7))
    page.mouse.down()
    page.mouse.move(*at(0.99, 0.99), steps=5)
    page.mouse.up()
    page.get_by_text("2 images in the part you drew.").wait_for()
    chart.locator("[data-val=lasso]").click()
    page.mouse.move(*at(0.8, 0.8))
    page.mouse.down()
    for place in ((0.99, 0.8), (0.99, 0.99), (0.8, 0.99), (0.8, 0.8)):
        page.mouse.move(*at(*place), steps=4)
    page.mouse.up()
    page.get_by_text("2 images in the part you drew.").wait_for()
    page.get_by_role("button", name="Look at them").click()
    page.locator(".cell").nth(1).wait_for()
    assert "region=width" in page.url
    assert {name.strip() for name in page.locator(".cell .name").all_text_contents()} == {"large 7.png", "large 8.png"}


def test_a_tile_leads_to_its_images_and_a_saved_view_is_reopened(app, home, page, tmp_path):
    """Two black pictures and six others, of one of which there is a copy."""
    folder = tmp_path / "to look at"
    kept, *_ = folder_of_photos(folder, 6)
    shutil.copy(kept, folder / "again.jpg")
    for side in (60, 70):
        save(Image.new("RGB", (side, 40)), folder / f"black {side}.png")
    dataset = dedup.scan(folder, home=home, workers=1)
    page.goto(f"{app.url}/summary?dataset={dataset.info.key}")
    page.locator(".st-key-tile-Exact-copies").get_by_role("button", name="Look").first.click()
    page.get_by_text("selection holds 1 of 9").wait_for()
    page.locator(".cell").nth(1).wait_for()  # with what stays beside it
    assert {name.strip() for name in page.locator(".cell .name").all_text_contents()} == {"0000.jpg", "again.jpg"}

    page.goto(f"{app.url}/explorer?dataset={dataset.info.key}&where=brightness+%3C+0.1")
    page.get_by_text("selection holds 2 of 9").wait_for()
    page.get_by_role("button", name="Save").click()
    page.get_by_label("Name of what is on the screen").fill("black ones")
    page.get_by_test_id("stPopoverBody").get_by_role("button", name="Save").click()
    page.get_by_role("button", name="black ones").first.wait_for()
    page.goto(f"{app.url}/summary?dataset={dataset.info.key}")
    page.get_by_role("button", name="black ones").first.click()
    page.get_by_text("selection holds 2 of 9").wait_for()
    page.locator(".cell").nth(1).wait_for()
    assert sorted(each.strip() for each in page.locator(".cell .name").all_text_contents()) == [
        "black 60.png", "black 70.png",
    ]  # fmt: skip
