"""The page Map, run without a browser: what it sends, and what comes of what is drawn on it."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
import pandas as pd
import pytest

import dedup
from dedup.images.metrics import said
from dedup.ui.browser import palette
from dedup.ui.map import atlas, colours, making
from dedup.ui.shell import jobs
from dedup.ui.shell.library import LIBRARY
from tests.pictures import folder_of_photos, photo, save
from tests.ui.apptest import button, healthy, mounted, run_page, send, texts, wait_for
from tests.vectors.models import text_model


@pytest.fixture(scope="module")
def scanned(tmp_path_factory) -> dedup.Dataset:
    """Twelve photographs in two splits, and a copy of one."""
    root = tmp_path_factory.mktemp("scanned") / "set"
    folder_of_photos(root / "train", 8)
    folder_of_photos(root / "test", 4, start=8)
    save(photo(3).resize((80, 60)), root / "test/small.png")
    return dedup.scan(root, home=root.parent / "home", workers=1)


def the_map(at) -> dict:
    return next(each for each in mounted(at) if "points" in each)


def bytes_of(data) -> np.ndarray:
    return np.frombuffer(zlib.decompress(base64.b64decode(data["inked"])), np.uint8)


def ended(dataset) -> jobs.Job:
    """The job that draws the map, once it has ended."""
    job = jobs.REGISTRY.get(f"{dataset.info.key} map")
    wait_for(lambda: not job.running, 60)
    return job


def embedded(dataset, file):
    """The page, once vectors of a file were given to the images and the map was drawn."""
    at = run_page("map", {"dataset": dataset.info.key})
    at.text_input(key="vectors file").input(str(file)).run()
    button(at, "Embed and draw").click().run()
    ended(dataset)
    return at


def test_without_a_map_the_page_says_what_it_is_and_draws_it(dataset):
    at = run_page("map", {"dataset": dataset.info.key})
    assert "places every image" in texts(at) and not mounted(at)
    button(at, "Draw the map").click().run()
    job = ended(dataset)
    assert job.state is jobs.State.DONE, job.error
    at = run_page("map", {"dataset": dataset.info.key})
    assert the_map(at)["count"] == 13
    assert "tones and colours" in texts(at) and jobs.REGISTRY.get(job.key) is None


def test_what_is_drawn_around_is_the_selection(dataset):
    dataset.draw_map()
    at = run_page("map", {"dataset": dataset.info.key})
    data = the_map(at)
    assert (bytes_of(data) < atlas.UNCHOSEN).all() and data["region"] == []
    frame = dedup.open("set").frame
    middle = float(frame["map_x"].median())
    corners = ["-2,-2", f"{middle},-2", f"{middle},2", "-2,2"]
    send(at, data["key"], {"type": "action", "action": "region", "ids": corners})
    selection = at.session_state["view"].selection
    left = (frame["map_x"] < middle).to_numpy()
    assert 0 < left.sum() < 13 and (selection.mask(frame) == left).all()
    data = the_map(at)
    assert ((bytes_of(data) < atlas.UNCHOSEN) == left).all() and len(data["region"]) == 4
    assert [each.label for each in at.button if each.label == "drawn on the map"]
    shown = next(each for each in mounted(at) if "items" in each)
    assert {item["path"] for item in shown["items"]} == set(frame["path"][left])
    send(at, data["key"], {"type": "action", "action": "region", "ids": ["0,0", "1,1"]})  # a line is no part
    assert at.session_state["view"].selection == selection
    send(at, data["key"], {"type": "action", "action": "region", "ids": []})
    assert not at.session_state["view"].selection.regions


def test_a_click_on_a_point_compares_its_image(dataset):
    dataset.draw_map()
    at = run_page("map", {"dataset": dataset.info.key})
    side = atlas.pointed(dataset.info.key, "5")
    send(at, the_map(at)["key"], {"type": "similar", "ids": [side["id"]]})
    compared = next(each for each in mounted(at) if "left" in each)
    assert compared["left"]["path"] == dataset.frame["path"][5]


def test_the_points_are_where_the_frame_says(dataset):
    dataset.draw_map()
    frame, key = dedup.open("set").frame, dataset.info.key
    told = atlas.points(key, "")
    (count,) = struct.unpack_from("<I", told)
    rows = np.frombuffer(told, "<u4", count, 4)
    places = np.frombuffer(told, "<u2", 2 * count, 4 + 4 * count).reshape(count, 2) / 65535 * 2.2 - 1.1
    assert rows.tolist() == list(range(13))
    assert np.allclose(places, frame[["map_x", "map_y"]], atol=1e-4)
    assert atlas.points("0" * 12, "") is None and atlas.pointed("0" * 12, "1") is None
    assert atlas.pointed(key, "13") is None and atlas.pointed(key, "ab") is None


def test_images_that_came_since_are_counted(dataset, tmp_path):
    dataset.draw_map()
    save(photo(77), tmp_path / "set/new.png")
    dedup.scan(tmp_path / "set", workers=1)
    at = run_page("map", {"dataset": dataset.info.key})
    assert "**1 image** without a place: come since, or without a vector" in texts(at)


def test_a_model_is_given_on_the_page(dataset, tmp_path):
    np.savez(tmp_path / "v.npz", paths=dataset.frame["path"].tolist()[:12], vectors=np.eye(12))
    embedded(dataset, tmp_path / "v.npz")
    opened = LIBRARY.open(dataset.info.key)
    assert opened.dataset.vectors.source == "v.npz" and making.exists(opened)
    at = run_page("map", {"dataset": dataset.info.key})
    assert "Alike by v.npz" in texts(at)


def test_what_cannot_be_embedded_is_told(dataset, tmp_path):
    at = embedded(dataset, tmp_path / "gone.npz")
    at.run()
    assert "cannot be read as vectors" in at.error[0].value
    button(at, "Dismiss").click().run()
    healthy(at)


@pytest.mark.parametrize("by", ["cluster", "kind", "split", "singularity", "width", "tag:keep"])
def test_points_are_coloured_by_what_is_chosen(dataset, by):
    dataset.draw_map()
    dataset.tag([0, 1], "keep")
    frame = dedup.open("set").frame
    assert by in colours.offered(frame, said(frame))
    found = colours.coloured(frame, by, dedup.open("set").tags, frame["classes"])
    assert len(found.ink) == 13 and found.ink.max() < len(found.inks) < atlas.UNCHOSEN
    if by in ("kind", "split", "tag:keep"):
        assert sum(each.count for each in found.legend) == 13
    if by == "split":
        assert [(each.label, each.count) for each in found.legend] == [("train", 8), ("test", 5)]
        assert found.inks[1:] == [(palette.SPLITS["train"],) * 2, (palette.SPLITS["test"],) * 2]
    if by == "tag:keep":
        assert [(each.label, each.count) for each in found.legend] == [("tagged", 2), ("not tagged", 11)]
        assert found.inks[1] == (dataset.tags["keep"].colour,) * 2, "as it is beside the pictures"


def test_a_number_is_told_by_lightness(dataset):
    dataset.draw_map()
    frame = dedup.open("set").frame.assign(width=np.arange(1, 14) * 100.0)
    found = colours.coloured(frame, "width", {}, frame["classes"])
    assert found.ink.tolist() == sorted(found.ink.tolist()) and found.ink[0] == 1 and found.ink[-1] == colours.STEPS
    assert found.ends == ("100 px", "1,300 px")


def test_many_classes_share_gray():
    names = [f"class {number % 30}" for number in range(300)] + [""]
    found = colours._by_word("Class", names, "no class", {})
    assert len(found.inks) == 8 and found.legend[-1].label == "others and no class"
    assert sum(each.count for each in found.legend) == 301


def test_a_class_has_the_colour_on_the_map_that_it_has_on_pictures():
    """Of two classes whose hue would be the same the rarer is gray here; what has several has a colour of its own."""
    names = "abcdefgh"
    classes = [(name,) for place, name in enumerate(names) for _ in range(20 - place)] + [("a", "b"), ()]
    frame = pd.DataFrame({"classes": classes})
    inks = palette.of_classes(frame["classes"])
    found = colours.coloured(frame, colours.CLASS, {}, frame["classes"])
    shown = {each.label: found.inks[each.ink][0] for each in found.legend}
    assert [shown[name] for name in "abcdef"] == [inks[name] for name in "abcdef"]
    assert len(set(shown.values())) == len(shown) and shown["several"] == palette.SEVERAL
    assert found.legend[-1].label == "others and no class" and found.legend[-1].count == 14 + 13 + 1
    assert inks["g"] == inks["a"]
    some = colours.coloured(frame.iloc[100:], colours.CLASS, {}, frame["classes"])
    assert {each.label: some.inks[each.ink][0] for each in some.legend[:-1]}.items() <= shown.items()


def test_a_text_side_is_named_where_vectors_are_given(dataset, tmp_path):
    rows = dataset.frame["path"].tolist()
    np.savez(tmp_path / "v.npz", paths=np.array(rows), vectors=np.random.default_rng(0).standard_normal((13, 4)))
    at = run_page("map", {"dataset": dataset.info.key})
    at.text_input(key="vectors file").input(str(tmp_path / "v.npz"))
    at.text_input(key="text model file").input(str(text_model(tmp_path))).run()
    button(at, "Embed and draw").click().run()
    job = ended(dataset)
    assert job.state is jobs.State.DONE, job.error
    assert dataset.vectors.text_side == str(tmp_path / "text_model.onnx")
