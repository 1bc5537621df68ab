"""Every page, run without a browser: an empty home, a dataset, failures, and what a click changes."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import imagehash
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

import dedup
from dedup.errors import Cancelled, DedupError
from dedup.images.metrics import said
from dedup.model import Progress
from dedup.query.selection import Selection
from dedup.review import acts
from dedup.ui.browser.about import answer
from dedup.ui.browser.similar import candidates, orders
from dedup.ui.datasets import cards, opening
from dedup.ui.export.downloads import OFFERS, made
from dedup.ui.parts.tagging import SCOPES, changes, explain
from dedup.ui.shell import current, jobs, navigation
from dedup.ui.shell.library import LIBRARY
from dedup.ui.shell.view import View
from tests.building import picture
from tests.packed import zipped
from tests.pictures import detailed, photo, save
from tests.ui.apptest import (
    MAIN,
    SECONDS,
    button,
    healthy,
    mounted,
    page,
    plain,
    run_page,
    send,
    start,
    texts,
    wait_for,
)

PAGES = ("datasets", "explorer", "export")


@pytest.fixture(scope="module")
def scanned(tmp_path_factory) -> dedup.Dataset:
    """Twelve images, one of them three times, and one that cannot be read."""
    root = tmp_path_factory.mktemp("scanned") / "images"
    for seed in range(12):
        picture(root / ("even" if seed % 2 == 0 else "odd") / f"{seed:02}.png", seed, (160, 120))
    for copy in ("a", "b"):
        (root / f"copy {copy}.png").write_bytes((root / "even" / "00.png").read_bytes())
    (root / "empty.jpg").write_bytes(b"")
    return dedup.scan(root, name="test", home=root.parent / "home", workers=1)


@pytest.fixture(autouse=True)
def no_jobs(monkeypatch):
    """Jobs of other tests are not seen."""
    monkeypatch.setattr(jobs, "REGISTRY", jobs.Registry())


@pytest.mark.parametrize("name", PAGES)
def test_every_page_greets_an_empty_home(home, name):
    at = run_page(name)
    assert ("See every duplicate" if name == "datasets" else "There is no dataset yet") in texts(at)


@pytest.mark.parametrize("name", PAGES)
def test_every_page_shows_a_dataset(dataset, name):
    at = run_page(name)
    assert "test" in texts(at) or "selection holds" in texts(at) or "Filter & Export" in texts(at)


@pytest.mark.parametrize("name", PAGES)
def test_every_page_survives_a_link_to_a_dataset_that_is_gone(dataset, name):
    at = run_page(name, {"dataset": "0123456789ab"})
    assert name == "datasets" or "no longer in the list" in texts(at)


def test_the_whole_app_runs_through_its_entry_script(dataset):
    at = healthy(start(MAIN).run())
    for path in ("explorer", "export", "datasets"):
        healthy(at.switch_page(str(navigation.PAGES / f"{path}.py")).run())
    at.switch_page(str(navigation.PAGES / "explorer.py")).run()
    assert any("Tags" in each.value for each in at.sidebar.markdown)


def test_a_damaged_dataset_is_one_sentence_and_the_others_stay(dataset):
    (dataset.directory / "images.parquet").write_bytes(b"no parquet")
    at = start(MAIN).run()
    assert [each.value for each in at.exception] == []
    assert any("damaged" in each.value for each in at.error)
    assert "Or try the sample" in texts(at)
    assert button(at, "Explore")  # and beside it the menu to scan it again


def test_the_range_is_set_by_its_exact_ends_and_by_presets(dataset):
    at = run_page("explorer")
    assert len(at.get("plotly_chart")) == 1
    assert "selection holds **15** of **15**" in texts(at)
    healthy(at.number_input(key="high").set_value(0.0).run())
    assert "selection holds **2** of **15**" in texts(at)
    assert at.button_group(key="preset").value == "Exact duplicates"
    healthy(at.button_group(key="preset").set_value("Unique").run())
    assert "selection holds **12** of **15**" in texts(at)
    assert at.number_input(key="low").value == pytest.approx(0.05001)
    healthy(at.button_group(key="preset").set_value("All").run())
    assert "selection holds **15** of **15**" in texts(at)


def test_one_click_selects_one_of_each_and_what_is_not_to_be_removed(dataset):
    query = {"dataset": dataset.info.key, "range": "brightness:0:"}
    at = run_page("export", query)
    assert at.button_group(key="preset").options == ["All (14)", "One per group (12)"]
    healthy(at.button_group(key="preset").set_value("One per group").run())
    assert chips(at) == ["Brightness at least 0", "part: Keeper, Without a copy"]
    assert at.metric[0].value == "12"
    dataset.decisions.decide(*accepted(dataset))
    at = run_page("export", query)
    assert at.button_group(key="preset").options[2] == "Without what I decided to remove (12)"
    healthy(at.button_group(key="preset").set_value("Without what I decided to remove").run())
    assert at.metric[0].value == "12"  # nobody knows how bright the broken one is
    assert at.button_group(key="preset").value == "Without what I decided to remove"


def accepted(dataset):
    """The changes of accepting the only group, and their label."""
    now = acts.state(dataset)
    [rows] = now.members.values()
    step = acts.accept(now, rows[0])
    return step.changes, step.label


def test_files_that_could_not_be_read_are_one_click_away(dataset):
    at = run_page("explorer")
    healthy(at.button_group(key="preset").set_value("Failed").run())
    assert "selection holds **1** of **15**" in texts(at)


def test_a_range_of_whole_numbers_has_no_decimals_and_sizes_have_units(dataset):
    at = run_page("explorer", {"dataset": dataset.info.key, "metric": "bytes"})
    assert at.number_input(key="low").proto.format == "%.0f"
    assert {label.split()[-1] for label in at.select_slider(key="range").options} <= {"B", "kB"}
    assert all(item["value"].endswith(("B", "kB")) for item in mounted(at)[0]["items"])


def test_a_link_opens_the_view_it_tells(dataset):
    query = {"dataset": dataset.info.key, "metric": "brightness", "order": "descending", "size": "12"}
    at = run_page("explorer", query | Selection().with_range("brightness", 0.1, 0.9).to_query())
    assert at.selectbox(key="metric").value == "brightness"
    assert at.number_input(key="low").value == 0.1
    assert mounted(at)[0]["paging"]["size"] == 12


def test_filters_narrow_the_selection_and_chips_take_them_away(dataset):
    at = run_page("explorer", beside="filters")
    healthy(at.text_input(key="filter text").set_value("copy").run())
    assert "selection holds **2** of **15**" in texts(at)
    healthy(at.button_group(key="filter kinds").set_value(["unique"]).run())
    assert "selection holds **0** of **15**" in texts(at)
    assert "No image is in this selection" in texts(at)
    assert "Nothing is left. Take away:" in texts(at)
    assert chips(at) == ["kind: Unique → 2 images", "path contains: copy → 12 images"]
    healthy(button(at, "path contains: copy").click().run())
    assert "selection holds **12** of **15**" in texts(at)
    assert chips(at) == ["kind: Unique"]


def test_a_malformed_expression_is_told_and_changes_nothing(dataset):
    at = run_page("explorer", beside="filters")
    for text in ("brightnes < 40", "brightness <", "width == 160)"):
        at.text_input(key="filter where").set_value(text).run()
        assert [each.value for each in at.exception] == []
        assert len(at.error) == 1
        assert "selection holds **15** of **15**" in texts(at)
        assert at.text_input(key="filter where").value == text
    at.text_input(key="filter where").set_value("width == 160").run()
    healthy(at)
    assert "selection holds **14** of **15**" in texts(at)


def test_bulk_tagging_tells_its_changes_and_makes_exactly_those(dataset):
    dataset.decisions.create_tag("keep", "#0072b2")
    at = run_page("explorer", beside="tagging")
    healthy(at.multiselect(key="bulk tags").set_value(["keep"]).run())
    assert "**14** images will gain **keep**" in texts(at)
    assert plain(at.button(key="bulk submit").label) == "Add keep to 14 images"
    assert "1 that cannot be read" in texts(at)
    healthy(at.button(key="bulk submit").click().run())
    assert dataset.tags["keep"].count == 14
    at.button_group(key="bulk action").set_value("Remove")
    healthy(at.radio(key="bulk scope").set_value("duplicates").run())
    assert "**2** images will lose **keep**" in texts(at)
    assert plain(at.button(key="bulk submit").label) == "Remove keep from 2 images"
    healthy(at.button(key="bulk submit").click().run())
    assert dataset.tags["keep"].count == 12
    assert signatures(dataset)[:2] == [at.session_state[current.WHO]] * 2
    dataset.decisions.undo()
    assert dataset.tags["keep"].count == 14


def test_the_cards_of_a_page_are_sent_and_their_events_applied(dataset):
    dataset.decisions.create_tag("keep", "#0072b2")
    at = run_page("explorer", {"dataset": dataset.info.key})
    ids = list(dataset.frame["id"][:2])
    clicks = {"type": "select", "ids": ids}, {"type": "tag", "ids": ids, "tag": "keep"}
    send(at, f"grid {dataset.info.key}", *clicks)
    assert dataset.tags["keep"].count == 2
    assert at.session_state["chosen"] == ids
    assert signatures(dataset)[0] == at.session_state[current.WHO]


def test_a_card_tells_how_it_lies_on_what_it_is_like(home, tmp_path):
    picture = detailed(1, (480, 360))
    save(picture, tmp_path / "set/a.png")
    save(picture.crop((24, 12, 480, 360)), tmp_path / "set/b.png")
    save(detailed(2, (200, 150)), tmp_path / "set/c.png")
    at = run_page("explorer", {"dataset": dedup.scan(tmp_path / "set", workers=1).info.key})
    cards = next(each["items"] for each in mounted(at) if "items" in each)
    maps = {card["name"]: card["affine"] for card in cards}
    assert np.array(maps["a.png"]) == pytest.approx(np.array([[1, 0, -24], [0, 1, -12]]), abs=0.5)
    assert np.array(maps["b.png"]) == pytest.approx(np.array([[1, 0, 24], [0, 1, 12]]), abs=0.5)
    assert maps["c.png"] is None


def test_the_threshold_moves_near_duplicates_at_once(dataset):
    at = run_page("explorer")
    healthy(at.slider(key="threshold").set_value(0.9).run())
    assert dataset.near_threshold == 0.9
    assert signatures(dataset) == [at.session_state[current.WHO]]


def signatures(dataset):
    """Who made the operations of the history, the latest first."""
    return [operation.session for operation in dataset.decisions.history()]


def test_an_export_holds_exactly_the_selection(dataset):
    opened = LIBRARY.open(dataset.info.key)
    mask = opened.mask(Selection(kinds=("unique",)))
    table, coco, pairs = (made(opened, mask, offer.export) for offer in OFFERS)
    assert table.count(b"\n") >= 13
    assert coco.startswith(b"{")
    assert b"left" in pairs.splitlines()[0]


def test_labels_that_a_later_scan_names_or_that_changed_are_seen_without_a_restart(dataset, tmp_path):
    def seen() -> list[tuple[str, ...]]:
        attached = LIBRARY.open(dataset.info.key).dataset.attachments
        return [names for met in attached.values() for names in met.classes.values()]

    assert seen() == []
    opened = LIBRARY.open(dataset.info.key)
    assert LIBRARY.open(dataset.info.key) is opened
    named = {"id": 1, "file_name": dataset.frame["path"][0]}
    box = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 5, 5]}
    for name in ("cat", "a dog"):
        document = {"images": [named], "annotations": [box], "categories": [{"id": 1, "name": name}]}
        (tmp_path / "labels.json").write_text(json.dumps(document))
        dedup.scan(dataset.root, name=dataset.name, annotations=tmp_path / "labels.json", workers=1)
        assert seen() == [(name,)]


@pytest.mark.parametrize("count", [1, 2])
def test_the_export_page_says_where_captions_go(dataset, tmp_path, count):
    named = {"id": 1, "file_name": dataset.frame["path"][0]}
    box = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 5, 5]}
    captions = {"images": [named], "annotations": [{"id": 1, "image_id": 1, "caption": "one"}]}
    boxes = {"images": [named], "annotations": [box], "categories": [{"id": 1, "name": "cat"}]}
    files = [tmp_path / "captions.json", tmp_path / "boxes.json"][:count]
    for file, document in zip(files, (captions, boxes), strict=False):
        file.write_text(json.dumps(document))
    dedup.scan(dataset.root, name=dataset.name, annotations=files, workers=1)
    page = run_page("export", {"dataset": dataset.info.key})
    told = "What has no classes (captions) is a file of its own: a folder of files has both."
    assert (told in [each.value for each in page.caption]) == (count == 2)


def test_the_export_page_counts_what_is_left(dataset):
    at = run_page("export", {"dataset": dataset.info.key, "kind": "unique"})
    assert [(each.value, each.delta) for each in at.metric] == [
        ("12", "3 left out"),
        ("0", "2 left out"),
        ("0", ""),
        ("0", "1 left out"),
    ]


def test_the_preview_of_an_export_offers_tags_and_shows_similar_images(dataset):
    dataset.decisions.create_tag("keep")
    at = run_page("export", {"dataset": dataset.info.key})
    [preview] = mounted(at)
    assert [tag["name"] for tag in preview["tags"]] == ["keep"]
    ids = [dataset.frame["id"][0]]
    send(at, f"grid {dataset.info.key}", {"type": "tag", "ids": ids, "tag": "keep"}, {"type": "similar", "ids": ids})
    assert dataset.tags["keep"].count == 1
    assert [data["left"]["id"] for data in mounted(at) if "left" in data] == ids


def test_similar_images_say_how_alike_they_are_and_which_are_no_duplicates(dataset):
    row = dataset.frame["path"].tolist().index("copy a.png")
    keeper, other, *_, last = candidates(LIBRARY.open(dataset.info.key), row)
    assert (keeper["role"], keeper["note"], keeper["heading"]) == ("keeper", "exact copy", "its group")
    assert (other["name"], other["note"], other["heading"]) == ("copy b.png", "exact copy", "its group")
    assert re.fullmatch(r"\d+ of 256 bits", last["note"])
    assert last["heading"] == "not duplicates, merely most alike"


def test_similar_images_come_in_the_order_of_a_hash_that_was_made(dataset):
    opened, row = LIBRARY.open(dataset.info.key), dataset.frame["path"].tolist().index("copy a.png")
    assert list(orders(opened)) == [""]
    opened.dataset.compute_hashes(["phash"])
    assert orders(opened) == {"": "by relation", "phash": "by phash"}
    found = candidates(opened, row, "phash")
    texts = opened.dataset.frame.set_index("path")["hash:phash"]
    apart = [imagehash.hex_to_hash(texts["copy a.png"]) - imagehash.hex_to_hash(texts[side["path"]]) for side in found]
    assert apart == sorted(apart) and [side["note"] for side in found] == [f"{bits} by phash" for bits in apart]
    assert len(found) == int((dataset.frame["status"] == "ok").sum()) - 1


def test_copies_are_shown_with_the_one_that_stays_which_nothing_acts_on(dataset):
    at = run_page("explorer", {"dataset": dataset.info.key, "range": "singularity::0"}, beside="tagging")
    [data] = mounted(at)
    assert [(item["role"], item["company"]) for item in data["items"]] == [
        ("keeper", True),
        ("duplicate", False),
        ("duplicate", False),
    ]
    assert data["brackets"]
    assert (data["paging"]["total"], data["paging"]["company"]) == (2, 1)
    assert "selection holds **2** of **15**" in texts(at)
    assert at.radio(key="bulk scope").options[:2] == ["Whole selection (2)", "This page (2)"]
    healthy(at.toggle(key="company").set_value(False).run())
    assert [item["role"] for item in mounted(at)[0]["items"]] == ["duplicate", "duplicate"]
    healthy(at.button_group(key="preset").set_value("All").run())
    assert not [each for each in at.toggle if each.key == "company"]


def test_pages_sizes_and_columns_are_chosen_in_the_gallery_and_stand_in_the_address(dataset):
    at = run_page("explorer", {"dataset": dataset.info.key, "size": "12"})
    assert (mounted(at)[0]["paging"]["number"], mounted(at)[0]["paging"]["of"]) == (1, 2)
    assert len(mounted(at)[0]["preload"]) == 3
    send(at, f"grid {dataset.info.key}", {"type": "view", "action": "page", "tag": "2"})
    assert len(mounted(at)[0]["items"]) == 3
    send(at, f"grid {dataset.info.key}", {"type": "view", "action": "columns", "tag": "9"})
    assert (mounted(at)[0]["columns"], mounted(at)[0]["paging"]["number"]) == (9, 2)
    send(at, f"grid {dataset.info.key}", {"type": "view", "action": "dataset", "tag": "9"})  # nothing of the view's
    send(at, f"grid {dataset.info.key}", {"type": "view", "action": "page", "tag": "-1"})
    assert mounted(at)[0]["paging"]["number"] == 2


def test_all_that_is_known_of_an_image_is_told(dataset):
    dataset.decisions.create_tag("keep")
    row = dataset.frame["path"].tolist().index("copy a.png")
    dataset.decisions.tag(["copy a.png"], "keep")
    told = answer(dataset.info.key, dataset.frame["id"][row])
    assert told["path"] == str(dataset.file(row))
    assert told["tags"] == ["keep"]
    assert dict(told["facts"])["Picture"] == "160 × 120 px"
    assert [each["side"]["name"] for each in told["group"]] == ["00.png", "copy b.png"]
    assert [(each["words"], each["fate"]) for each in told["group"]] == [
        ("identical file", "stays"),
        ("identical file", ""),
    ]
    assert [each["title"] for each in told["metrics"]] == [metric.title for metric in said(dataset.frame)]
    singularity = told["metrics"][0]
    assert (singularity["value"], singularity["below"], singularity["place"]) == ("0", 0, 0)
    assert dict(told["hashes"])["SHA-256 of the file"] == dataset.frame["sha256"][row]
    json.dumps(told, allow_nan=False)
    failed = answer(dataset.info.key, dataset.frame["id"][dataset.frame["path"].tolist().index("empty.jpg")])
    assert dict(failed["facts"])["Error"]
    assert failed["metrics"][-2]["value"] == "unknown"
    json.dumps(failed, allow_nan=False)
    assert answer(dataset.info.key, "0" * 16) is None
    assert answer("0123456789ab", dataset.frame["id"][row]) is None


def test_the_annotations_of_an_image_are_told_each_with_its_box(home, tmp_path):
    for name in ("a.png", "b.png"):
        picture(tmp_path / "set" / "train" / name, len(name), (160, 120))
    save_coco(tmp_path / "labels.json", "train/b.png")
    made = dedup.scan(tmp_path / "set", workers=1, annotations=tmp_path / "labels.json")
    of = dict(zip(made.frame["path"], made.frame["id"], strict=True))
    assert answer(made.info.key, of["train/a.png"])["annotations"] == []
    [annotation] = answer(made.info.key, of["train/b.png"])["annotations"]
    assert annotation["category"] == "cat"
    assert annotation["box"] == [1 / 160, 2 / 120, 3 / 160, 4 / 120]


def test_the_export_starts_from_the_tag_that_was_just_given(dataset):
    dataset.decisions.create_tag("keep")
    at = run_page("explorer", {"dataset": dataset.info.key, "range": "singularity::0"}, beside="tagging")
    at.multiselect(key="bulk tags").set_value(["keep"])
    healthy(at.radio(key="bulk scope").set_value("page").run())
    healthy(at.button(key="bulk submit").click().run())
    state = {name: at.session_state[name] for name in ("view", "fresh tag")}
    at = run_page("export", **state)
    assert chips(at) == ["any tag: keep"]
    assert "Starting from the tag you used last, **keep**." in texts(at)
    healthy(button(at, "Back to the selection before (2 images)").click().run())
    assert chips(at) == ["Image singularity at most 0"]
    assert chips(healthy(at.run())) == ["Image singularity at most 0"]
    state["view"] = replace(state["view"], dataset="0123456789ab")
    state["fresh tag"] = ("another dataset", "keep")
    at = run_page("export", {"dataset": dataset.info.key, "kind": "unique"}, **{"fresh tag": state["fresh tag"]})
    assert chips(at) == ["kind: Unique"]


def test_the_export_does_not_start_from_a_tag_that_no_image_carries_any_more(dataset):
    dataset.tag([0], "keep")
    dataset.decisions.tag([dataset.frame["path"][0]], "keep", remove=True)
    query = {"dataset": dataset.info.key, "kind": "unique"}
    at = run_page("export", query, **{"fresh tag": (dataset.info.key, "keep")})
    assert chips(at) == ["kind: Unique"]
    assert "Nothing is left" not in texts(at)


def test_the_plan_leads_to_what_remains_also_after_tagging(dataset):
    dataset.tag([0], "keep")
    dataset.decisions.decide(*accepted(dataset))
    at = start(page("duplicates"), {"dataset": dataset.info.key, "panel": "plan"})
    at.session_state["fresh tag"] = (dataset.info.key, "keep")
    healthy(at.run())
    button(at, "Export without them").click().run()
    assert "fresh tag" not in at.session_state


def test_a_path_is_copied_as_it_is_and_shown_so_that_it_can_be_read(home, tmp_path):
    name = "Screenshot 1.00.00\u202fPM.png"
    picture(tmp_path / "set" / name, 1)
    made = dedup.scan(tmp_path / "set", workers=1)
    told = answer(made.info.key, made.frame["id"][0])
    assert told["copied"] == str(tmp_path / "set" / name)
    assert told["path"].endswith("\\u202fPM.png")


def test_a_tag_is_created_in_the_sidebar_and_its_form_goes(dataset):
    at = healthy(start(MAIN, {"dataset": dataset.info.key}).run())
    at.session_state["new tag"] = True
    at.text_input(key="new tag name").set_value(" later ")
    healthy(button(at, "Create").click().run())
    assert list(dataset.tags) == ["later"]
    assert at.session_state["new tag"] is False


@pytest.mark.parametrize("deed", ["rename", "delete"])
def test_what_cannot_be_done_to_a_tag_is_said_in_its_dialog(dataset, deed):
    def dialog():
        import streamlit as st

        from dedup.ui.shell import sidebar

        {"rename": sidebar._edit, "delete": sidebar._delete}[st.session_state["deed"]](
            st.session_state["mine"], st.session_state["tag"]
        )

    for name in ("keep", "later"):
        dataset.decisions.create_tag(name)
    at = AppTest.from_function(dialog, default_timeout=SECONDS)
    for name, value in {"deed": deed, "mine": dataset.decisions, "tag": dataset.tags["keep"]}.items():
        at.session_state[name] = value
    healthy(at.run())
    if deed == "rename":
        at.text_input[0].set_value("later").run()
        at.color_picker[0].set_value("#123456").run()
        button(at, "Save").click().run()
        told = "There is a tag 'later' already. Choose another name."
        assert dataset.tags["keep"].colour != "#123456"
    else:
        dataset.decisions.delete_tag("keep")  # by another tab
        button(at, "Delete the tag").click().run()
        told = "keep"
    assert not at.exception
    assert told in plain(at.error[0].value)


def test_a_renamed_tag_stays_what_is_selected_and_given(dataset):
    def rename():
        from dedup.ui.shell import session

        session.view()
        session.renamed("keep", "later")

    dataset.tag([0], "keep")
    at = AppTest.from_function(rename, default_timeout=SECONDS)
    at.session_state["view"] = View(dataset.info.key, selection=Selection(tags_any=("keep",), tags_none=("other",)))
    at.session_state["fresh tag"] = (dataset.info.key, "keep")
    at.session_state["bulk tags"] = ["other", "keep"]
    healthy(at.run())
    assert at.session_state["view"].selection == Selection(tags_any=("later",), tags_none=("other",))
    assert at.session_state["fresh tag"] == (dataset.info.key, "later")
    assert at.session_state["bulk tags"] == ["other", "later"]


def test_a_deleted_tag_is_chosen_no_longer_where_tags_are_given(dataset):
    for name in ("keep", "later"):
        dataset.decisions.create_tag(name)
    at = run_page("explorer", {"dataset": dataset.info.key}, beside="tagging")
    healthy(at.multiselect(key="bulk tags").set_value(["keep", "later", "typed"]).run())
    dataset.decisions.delete_tag("keep")
    healthy(at.run())
    assert at.multiselect(key="bulk tags").value == ["later", "typed"]


def test_undo_and_redo_name_what_they_do_and_rest_where_there_is_nothing(dataset):
    at = healthy(start(MAIN, {"dataset": dataset.info.key}).run())
    assert (button(at, "Undo").disabled, button(at, "Redo").disabled) == (True, True)
    dataset.tag([0], "later")
    healthy(at.run())
    assert button(at, "Undo").help == "Undo: Added tag later"
    healthy(button(at, "Undo").click().run())
    assert (button(at, "Undo").disabled, button(at, "Redo").disabled) == (True, False)
    assert dataset.tags == {}


def test_bulk_tagging_creates_the_tag_it_is_asked_for(dataset):
    at = run_page("explorer", beside="tagging")
    healthy(at.multiselect(key="bulk tags").set_value(["later"]).run())
    assert "**14** images will gain **later**" in texts(at)
    healthy(at.button(key="bulk submit").click().run())
    assert dataset.tags["later"].count == 14


def test_runs_are_thinned_by_a_tag(home, tmp_path):
    for number in range(9):
        exif = photo(0).getexif()
        exif.get_ifd(0x8769)[36867] = f"2024:05:01 10:00:{number:02}"
        save(photo(number), tmp_path / f"film/shot{number}.jpg", exif=exif)
    made = dedup.scan(tmp_path / "film", workers=1)
    at = run_page("explorer", {"dataset": made.info.key}, beside="tagging")
    healthy(at.multiselect(key="bulk tags").set_value(["thin"]).run())
    healthy(at.radio(key="bulk scope").set_value("every").run())
    assert "**7** images will gain **thin**" in texts(at)
    healthy(at.number_input(key="bulk step").set_value(2).run())
    assert "**4** images will gain **thin**" in texts(at)
    healthy(at.button(key="bulk submit").click().run())
    assert made.frame.loc[made.frame["tag:thin"], "name"].tolist() == [f"shot{number}.jpg" for number in (1, 3, 5, 7)]
    made.decisions.undo()
    assert not any(tag.count for tag in made.tags.values())


def test_writing_a_folder_makes_a_new_dataset(dataset, tmp_path):
    at = run_page("export", {"dataset": dataset.info.key, "kind": "unique"})
    at.text_input(key=f"target {dataset.root}").set_value(str(tmp_path / "clean"))
    healthy(at.run())
    healthy(button(at, "Write 12 files").click().run())
    [job] = jobs.REGISTRY.jobs()
    wait_for(lambda: not job.running, SECONDS)
    assert (job.state, job.error) == (jobs.State.DONE, "")
    assert len(dedup.open("clean").frame) == 12
    assert "**clean**: 12 images" in texts(at.run())
    assert "Writing clean: done." in texts(run_page("datasets"))
    button(at, "Open clean").click().run()
    assert at.session_state["view"].dataset == dedup.open("clean").info.key
    assert jobs.REGISTRY.jobs() == []


def page_of_two_splits(tmp_path):
    """A dataset of two images, one of them labelled, and the page Filter & Export of it."""
    for number, path in enumerate(("train/a.png", "val/b.png")):
        picture(tmp_path / "set" / path, number)
    save_coco(tmp_path / "labels.json", "train/a.png")
    dataset = dedup.scan(tmp_path / "set", workers=1, annotations=tmp_path / "labels.json")
    return dataset, run_page("export", {"dataset": dataset.info.key})


def test_an_archive_becomes_a_dataset_with_its_labels(home, tmp_path):
    dataset, at = page_of_two_splits(tmp_path)
    at.text_input(key=f"target {dataset.root}").set_value(str(tmp_path / "clean.zip"))
    healthy(button(at.run(), "Write 2 files").click().run())
    [job] = jobs.REGISTRY.jobs()
    wait_for(lambda: not job.running, SECONDS)
    assert (job.state, job.error) == (jobs.State.DONE, "")
    again = dedup.open("clean")
    assert again.frame["annotations"].tolist() == dataset.frame["annotations"].tolist() == [1, 0]
    assert again.address == str(tmp_path / "clean.zip")


def test_a_folder_is_written_with_a_file_of_annotations_for_each_split(home, tmp_path):
    dataset, at = page_of_two_splits(tmp_path)
    at.text_input(key=f"target {dataset.root}").set_value(str(tmp_path / "new"))
    healthy(at.checkbox(key="one file of annotations for each split").check().run())
    healthy(button(at, "Write 2 files").click().run())
    [job] = jobs.REGISTRY.jobs()
    wait_for(lambda: not job.running, SECONDS)
    assert sorted(p.name for p in (tmp_path / "new").glob("*.json")) == [
        "annotations.train.json",
        "annotations.val.json",
    ]


def test_the_folder_field_is_checked_and_starts_a_scan(home, tmp_path):
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "a.png")
    at = run_page("datasets")
    healthy(at.text_input(key="open path").set_value(str(tmp_path / "none")).run())
    assert "no such folder" in texts(at)
    healthy(at.text_input(key="open path").set_value(str(tmp_path)).run())
    assert "1 image" in texts(at)
    healthy(button(at, "Scan").click().run())
    assert len(jobs.REGISTRY.jobs()) == 1
    jobs.REGISTRY.jobs()[0].cancel()


def test_the_annotation_files_found_are_read_and_the_card_says_what_was_in_them(home, tmp_path):
    picture(tmp_path / "set" / "train" / "a.png", 1)
    picture(tmp_path / "set" / "val" / "b.png", 2)
    for split, name in (("train", "a.png"), ("val", "b.png")):
        save_coco(tmp_path / "set" / "annotations" / f"instances_{split}.json", f"{split}/{name}")
        save_coco(tmp_path / "set" / "annotations" / f"captions_{split}.json", f"{split}/{name}")
    at = run_page("datasets")
    healthy(at.text_input(key="open path").set_value(str(tmp_path / "set")).run())
    assert "COCO of 1 image in annotations/captions_val.json" in at.multiselect[0].options
    files = at.multiselect[0].value
    assert [Path(file).name for file in files] == ["instances_train.json", "instances_val.json"]
    healthy(button(at, "Scan").click().run())
    [job] = jobs.REGISTRY.jobs()
    wait_for(lambda: not job.running, SECONDS)
    assert dedup.open("set").info.annotations == tuple(files)
    assert "2 annotations in 2 images" in texts(run_page("datasets"))


def test_a_scan_from_the_menu_keeps_the_labels(home, tmp_path):
    picture(tmp_path / "set" / "a.png", 1)
    save_coco(tmp_path / "elsewhere.json", "a.png")
    dedup.scan(tmp_path / "set", workers=1, annotations=tmp_path / "elsewhere.json")
    picture(tmp_path / "set" / "b.png", 2)
    job = opening.start_scan(str(tmp_path / "set"), "set")  # what the menu of a card does
    wait_for(lambda: not job.running, SECONDS)
    made = dedup.open("set")
    assert (len(made.frame), made.frame["annotations"].tolist()) == (2, [1, 0])


def test_labels_beside_the_images_of_an_archive_are_read_and_stay_chosen(home, tmp_path):
    picture(tmp_path / "set" / "a.png", 1)
    save_coco(tmp_path / "set" / "labels" / "coco.json", "a.png")
    archive = zipped(tmp_path / "set", tmp_path / "set.zip")
    for expected in ([], ["labels/labels/coco.json, found beside the images"]):
        at = run_page("datasets")
        healthy(at.text_input(key="open path").set_value(str(archive)).run())
        assert list(at.multiselect[0].options) == expected
        healthy(button(at, "Scan again" if expected else "Scan").click().run())
        [job] = jobs.REGISTRY.jobs()
        wait_for(lambda job=job: not job.running, SECONDS)
        jobs.REGISTRY.dismiss(job)
        assert dedup.open("set").frame["annotations"].tolist() == [1]


def save_coco(path, file_name):
    """Write a COCO file with one box in one image."""
    path.parent.mkdir(exist_ok=True)
    box = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "area": 12, "iscrowd": 0}
    images, categories = [{"id": 1, "file_name": file_name}], [{"id": 1, "name": "cat"}]
    path.write_text(json.dumps({"images": images, "annotations": [box], "categories": categories}))


def test_a_card_leads_to_the_failures_and_tells_what_was_passed_over(dataset):
    (dataset.root / "notes.txt").write_text("no image")
    picture(dataset.root / "new.png", 20)
    dedup.rescan(dataset, workers=1)
    at = run_page("datasets")
    assert "passed over 1 other file: .txt 1" in texts(at)
    assert "no annotation files" in texts(at)
    healthy(button(at, "1 failed").click().run())
    assert at.dataframe[0].value["Path"].tolist() == ["empty.jpg"]


def test_running_failed_and_cancelled_jobs_are_shown(home):
    def work(job):
        job.report(Progress("reading images", 250, 1000, 2.0))
        job.stop.wait(SECONDS)

    def ending(error):
        def work(job):
            raise error

        return work

    running = jobs.REGISTRY.start("running", "Job running", work)
    ended = [
        jobs.REGISTRY.start(name, f"Job {name}", ending(error))
        for name, error in (("failed", DedupError("The disk is full.")), ("cancelled", Cancelled("Stopped.")))
    ]
    wait_for(lambda: running.progress and not any(job.running for job in ended), SECONDS)
    at = start(page("datasets")).run()
    assert at.exception == []
    assert "The disk is full." in plain(at.error[0].value)
    assert "stopped" in texts(at)
    button(at, "Cancel").click().run()
    wait_for(lambda: not running.running, SECONDS)


def test_changes_count_images_once_however_many_tags(dataset):
    dataset.tag([0, 1], "one")
    dataset.tag([1, 2], "two")
    everything = np.ones(15, bool)
    assert changes(dataset.frame, everything, ["one", "two"], remove=False).sum() == 14
    assert changes(dataset.frame, everything, ["one", "two"], remove=True).sum() == 3
    assert explain(3, 15, ["one", "two"], remove=True).startswith("**3** images will lose **one**, **two**.")
    whole = {"range", "page", "cards", "duplicates", "largest", "newest", "oldest", "folder", "every", "unchanged"}
    assert whole == set(SCOPES)


def test_new_tags_get_colours_that_differ(dataset):
    for name in "abcdefgh":
        dataset.decisions.create_tag(name)
    assert len({tag.colour for tag in dataset.tags.values()}) == 8


GARBAGE = {
    "range": [
        *("gone:0:1", "nearest_bits:0:5", "status:1:2", "sharpness::", "entropy:2:1", "width:-inf:inf", "::"),
        *("singularity:-7:1e300", "height:x:1", "height:nan:1", ""),
    ],
    "kind": ["none"],
    "relation": ["gone"],
    "tag": ["gone"],
    "metric": "gone",
    "order": "sideways",
    "page": "-1",
    "sheet": "x",
    "columns": "99",
    "size": "7",
    "panel": "gone",
    "groups": "gone",
}


@pytest.mark.parametrize("name", ["explorer", "duplicates", "export"])
def test_an_old_link_still_opens_and_its_filters_can_be_taken_away(dataset, name):
    at = run_page(name, GARBAGE)
    ranges = ["gone 0 to 1", "nearest_bits 0 to 5", "status 1 to 2", "Sharpness known", "Entropy 2 to 1"]
    ranges += ["Width -inf px to inf px", " known"]
    ranges += ["Image singularity -7 to 1e+300"]
    shown = [f"{name} → 0 images" for name in [*ranges, "any tag: gone", "relation: gone"]]
    assert chips(at) == shown and "There is no tag gone any more." in texts(at)
    while found := chips(at):
        at = healthy(button(at, found[0]).click().run())


def chips(at):
    """The filters that can be taken away."""
    return [plain(each.label) for each in at.button if (each.key or "").startswith("chip ")]


@pytest.mark.parametrize("name", ["explorer", "duplicates", "export"])
def test_a_link_with_a_malformed_expression_opens_and_says_so(dataset, name):
    at = start(page(name), {"where": "nonsense <"}).run()
    assert [each.value for each in at.exception] == []
    assert len(at.error) == 1
    assert name != "explorer" or "selection holds **15** of **15**" in texts(at)


def test_failures_are_counted_by_reason(dataset):
    table = pd.DataFrame({"reason": ["truncated (12 bytes left)", "empty file", "truncated (7 bytes left)"]})
    assert plain(cards.by_reason(table)) == "- **2** × truncated\n- **1** × empty file"
    at = run_page("datasets")
    healthy(button(at, "1 failed").click().run())
    assert "**1** × empty file" in texts(at)


def test_counts_say_how_many_of_the_near_duplicates_stay(home, tmp_path):
    first = picture(tmp_path / "set" / "a.png", 1, (160, 120))
    Image.open(first or tmp_path / "set" / "a.png").resize((140, 105)).save(tmp_path / "set" / "b.png")
    dedup.scan(tmp_path / "set", workers=1)
    assert "2 near duplicates (1 stay)" in texts(run_page("datasets"))


def test_all_but_one_of_each_group_is_tagged_or_selected(dataset):
    at = run_page("explorer", {"dataset": dataset.info.key}, beside="tagging")
    assert "All but the oldest (2)" in at.radio(key="bulk scope").options
    healthy(at.radio(key="bulk scope").set_value("oldest").run())
    healthy(at.button(key="bulk select").click().run())
    assert len(at.session_state["chosen"]) == 2
    assert "Selected cards (2)" in at.radio(key="bulk scope").options


def test_a_card_lets_its_copy_go_and_one_without_a_copy_stays(dataset):
    paths = dataset.frame["path"].tolist()
    copy, alone = (dataset.frame["id"][paths.index(path)] for path in ("copy a.png", "odd/01.png"))
    at = run_page("explorer", {"dataset": dataset.info.key})
    send(at, f"grid {dataset.info.key}", {"type": "decide", "action": "drop", "ids": [alone]})
    assert acts.state(dataset).dropped == []
    send(at, f"grid {dataset.info.key}", {"type": "decide", "action": "drop", "ids": [copy]})
    assert [paths[row] for row in acts.state(dataset).dropped] == ["copy a.png"]
    assert [item["decided"] for item in mounted(at)[0]["items"] if item["id"] == copy] == ["goes"]
    send(at, f"grid {dataset.info.key}", {"type": "decide", "action": "keep", "ids": [copy]})
    assert len(acts.state(dataset).dropped) == 2
    assert signatures(dataset)[0] == at.session_state[current.WHO]


def test_pairs_of_another_version_are_shown_with_what_to_do(dataset):
    file = dataset.directory / "pairs.parquet"
    table = pq.read_table(file)
    pq.write_table(table.replace_schema_metadata({**table.schema.metadata, b"matching": b"1"}), file)
    at = healthy(start(MAIN).run())
    explorer = str(navigation.PAGES / "explorer.py")
    at = healthy(at.switch_page(explorer).run())
    told = "The pairs of test were found by another version of dedup"
    assert any(plain(each.value).startswith(told) for each in at.sidebar.warning)
    button(at, "Scan again").click().run()
    (job,) = jobs.REGISTRY.jobs()
    wait_for(lambda: not job.running, SECONDS)
    at = healthy(start(MAIN).run().switch_page(explorer).run())
    assert not any(told in plain(each.value) for each in at.sidebar.warning)
