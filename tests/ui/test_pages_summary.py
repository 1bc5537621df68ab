"""The page Summary, run without a browser: its numbers, its ways to images, its charts."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.stats import ks_2samp

import dedup
from dedup.cli import main
from dedup.images.metrics.geometry import AREA, ASPECT_RATIO
from dedup.images.metrics.light import BRIGHTNESS
from dedup.query.issues import ISSUES
from dedup.query.outliers import outliers
from dedup.query.region import MOST_CORNERS
from dedup.query.selection import Selection
from dedup.ui.parts.scale import scale_of
from dedup.ui.shell import library, navigation, views
from dedup.ui.shell.library import LIBRARY
from dedup.ui.shell.view import DESCENDING
from dedup.ui.summary import comparing, counts, distributions, scatter, tiles
from tests.frames import make_frame
from tests.pictures import detailed, photo, save
from tests.ui.apptest import MAIN, button, healthy, run_page, start, texts


@pytest.fixture(scope="module")
def scanned(tmp_path_factory) -> dedup.Dataset:
    """Twelve photographs, a copy of one across splits, a black one, a long strip, and no picture."""
    root = tmp_path_factory.mktemp("scanned") / "set"
    for number in range(12):
        save(photo(number), root / f"train/{number:02}.png")
    save(photo(0), root / "test/copy.png")
    save(Image.new("RGB", (200, 150)), root / "train/black.png")
    save(photo(20).resize((600, 100)), root / "train/strip.png")
    (root / "train/broken.jpg").write_bytes(b"no picture")
    return dedup.scan(root, home=root.parent / "home", workers=1)


def test_tiles_count_what_they_lead_to(dataset):
    at = run_page("summary", {"dataset": dataset.info.key})
    said = texts(at)
    assert "**16**" in said and "**1 group** of copies in more than one split" in said
    assert "**1 exact copy**, 6.2% of all" in said and "**1 file** that cannot be read." in said
    assert "**1 image** is dark: nearly black (brightness below 0.1)." in said
    assert "**1 image** is odd aspect: a strip (aspect ratio below 0.3333 or above 3)." in said


@pytest.mark.parametrize(("key", "paths"), [
    ("tile Exact copies", ["train/00.png"]),
    ("tile Unreadable", ["train/broken.jpg"]),
    ("tile Images", None),
    ("tile Groups across splits", ["test/copy.png", "train/00.png"]),
])  # fmt: skip
def test_a_tile_leads_to_its_images(dataset, key, paths):
    at = healthy(start(MAIN, {"dataset": dataset.info.key}).run())
    at.switch_page(str(navigation.PAGES / "summary.py")).run()
    at.button(key=key).click().run()
    healthy(at)
    selection = at.session_state["view"].selection
    mask = selection.mask(dataset.frame)
    assert at.title[0].value == "Explorer"
    assert mask.all() if paths is None else dataset.frame["path"][mask].tolist() == paths


def test_what_a_page_decides_about_leads_there_as_well(dataset, monkeypatch):
    """To that page alone where the images are too many to be named."""
    opened = LIBRARY.open(dataset.info.key)
    told = {each.name: each for each in tiles._tiles(opened)}
    assert told["Groups across splits"].way.page == "explorer" and told["Groups across splits"].further.page == "leaks"
    assert told["Label clashes"].way is None
    monkeypatch.setattr(library, "MAX_LENGTH", 10)
    told = {each.name: each for each in tiles._tiles(opened)}
    assert told["Groups across splits"].way.page == "leaks" and told["Groups across splits"].further is None


def test_findings_come_in_the_order_of_how_grave_they_are(dataset):
    found = sorted(tiles._findings(LIBRARY.open(dataset.info.key)), key=lambda each: (each.grave, -each.count))
    assert [each.way.page for each in found][:2] == ["leaks", "explorer"] or found[0].way.page == "leaks"
    for each in found:
        if each.way.page == "explorer":
            assert each.way.selection.mask(dataset.frame).sum() == each.count


def test_a_dataset_in_order_says_so(home, tmp_path):
    for number in range(3):
        noise = np.random.default_rng(number).integers(0, 256, (90, 120, 3), np.uint8)
        save(Image.fromarray(noise), tmp_path / "in" / f"{number}.png")
    made = dedup.scan(tmp_path / "in", workers=1)
    at = run_page("summary", {"dataset": made.info.key})
    assert "Nothing stands out" in texts(at)


def test_small_distributions_mark_outliers_where_they_lie():
    values = np.concatenate([np.linspace(0.4, 0.6, 200), [0.99, 0.01]])
    frame = make_frame([f"{place}.jpg" for place in range(202)]).assign(status="ok", brightness=values)
    (found,) = outliers(frame, [BRIGHTNESS])
    drawn = distributions.draw(values, BRIGHTNESS, found)
    assert drawn.outlying[0] == drawn.outlying[-1] == 2 and not drawn.outlying[len(drawn.outlying) // 2]
    assert drawn.heights.max() == 1 and (drawn.low, drawn.high) == ("0.0100", "0.9900")
    shown = distributions.bars(drawn, "<b>", dark=False)
    assert shown.count("<i ") == distributions.BARS and "<b>" not in shown


def test_what_nearly_all_have_is_drawn_as_no_outlier():
    values = np.array([4 / 3] * 42 + [1.0, 1.0, 6.0, 1 / 9])
    frame = make_frame([f"{place}.jpg" for place in range(46)]).assign(status="ok", aspect_ratio=values)
    (found,) = outliers(frame, [ASPECT_RATIO])
    drawn = distributions.draw(values, ASPECT_RATIO, found)
    assert drawn.outlying[drawn.heights.argmax()] == 0 and (found.severe, found.moderate) == (4, 0)
    assert sorted(drawn.outlying[drawn.heights > 0]) == [0, 2, 2, 2]


def test_a_lasso_means_the_values_that_its_points_stand_for():
    values = np.array([10.0, 100.0, 1000.0])
    across, up = scale_of(AREA, values), scale_of(BRIGHTNESS, np.array([0.0, 1.0]))
    assert across.logarithmic
    region = scatter.drawn({"box": [{"x": [1.5, 2.5], "y": [0.2, 1.4]}]}, "area", "brightness", (across, up))
    frame = pd.DataFrame({"area": values, "brightness": [0.5, 0.5, 0.5], "status": "ok"})
    assert region is not None and region.mask(frame).tolist() == [False, True, False]
    lasso = {"lasso": [{"x": [0.9, 1.1, 1.0], "y": [0.0, 0.0, 2.0]}]}
    region = scatter.drawn(lasso, "area", "brightness", (across, up))
    assert region is not None and region.mask(frame).tolist() == [True, False, False]
    assert scatter.drawn({}, "area", "brightness", (across, up)) is None
    assert scatter.drawn({"lasso": [{"x": [1.0], "y": [0.0]}]}, "area", "brightness", (across, up)) is None


def test_a_lasso_on_a_logarithmic_axis_holds_what_was_drawn_around():
    area = 10 ** np.random.default_rng(0).uniform(0, 6, 2000)
    brightness = np.random.default_rng(1).uniform(0, 1, 2000)
    scales = scale_of(AREA, area), scale_of(BRIGHTNESS, brightness)
    region = scatter.drawn({"lasso": [{"x": [0.0, 6.0, 6.0], "y": [0.0, 0.0, 1.0]}]}, "area", "brightness", scales)
    assert region is not None and len(region.corners) <= MOST_CORNERS
    frame = pd.DataFrame({"area": area, "brightness": brightness, "status": "ok"})
    drawn = brightness < np.log10(area) / 6
    assert (region.mask(frame) != drawn).sum() <= 4, "but for those next to a side"


def test_points_are_gathered_and_none_is_lost():
    x, y = np.random.default_rng(0).normal(size=(2, 50_000))
    across, up, held = scatter.cells(x, y)
    assert held.sum() == 50_000 and len(held) <= scatter.CELLS**2
    assert np.average(across, weights=held) == pytest.approx(x.mean()) and np.average(
        up, weights=held
    ) == pytest.approx(y.mean())
    assert [len(each) for each in scatter.cells(x[:0], y[:0])] == [0, 0, 0]
    assert scatter.cells(np.ones(5), np.ones(5))[2].tolist() == [5]


def test_tables_count_classes_by_split_and_times_by_month():
    frame = make_frame([f"{place}.jpg" for place in range(4)]).assign(
        classes=[("cat",), ("cat", "dog"), (), ("dog",)], split=["train", "test", "train", ""], status="ok",
        captured_at=["2020-01-05T10:00:00", "2020-01-06T10:00:00", "", "2023-07-01T00:00:00"],
    )  # fmt: skip
    table = counts.classes_by_split(frame.assign(split=["train", "test", "train", "val"])).set_index("class")
    assert table["val"].tolist() == [0, 1] or table["val"].tolist() == [1, 0]
    empty = counts.classes_by_split(frame.assign(split=["train", "train", "val", "train"])).set_index("class")
    assert empty["val"].tolist() == [0, 0], "a split without any class is what one looks for"
    table = counts.classes_by_split(frame).set_index("class")
    assert table.loc["cat"].to_dict() == {"all": 2, "train": 1, "test": 1, "none": 0}
    assert table["all"].tolist() == [2, 2] and counts.classes_by_split(frame.assign(classes=[()] * 4)).empty
    assert counts.by_time(frame["captured_at"]).to_dict() == {"2020-01-05": 1, "2020-01-06": 1, "2023-07-01": 1}
    months = pd.Series([f"20{year}-0{month}-01T00:00:00" for year in (10, 11) for month in (1, 2, 3)] * 2)
    assert set(counts.by_time(months)) == {2} and len(counts.by_time(months)) == 6


def test_modes_and_depths_are_told_in_words(tmp_path, home):
    noisy = detailed(3, (64, 48))
    modes = {"gray.png": "L", "veiled.png": "LA", "colour.png": "RGB", "clear.png": "RGBA", "print.jpg": "CMYK",
             "print.tif": "CMYK", "few.png": "P", "ink.png": "1", "deep.png": "I;16"}  # fmt: skip
    for name, mode in modes.items():
        picture = noisy.convert("L").convert("I").convert(mode) if mode == "I;16" else noisy.convert(mode)
        save(picture, tmp_path / "in" / name)
    frame = dedup.scan(tmp_path / "in").frame
    assert counts.tabulate(frame[:0])["Depth"].empty
    table = counts.tabulate(frame)["Depth"]
    assert table["images"].tolist() == [1] * len(modes)
    assert sorted(table["depth"]) == sorted([
        "8 bits, gray", "8 bits, gray, transparent", "8 bits, colour", "8 bits, colour, transparent", "8 bits, CMYK",
        "8 bits, colour, transparent or CMYK", "8 bits, colours of a palette", "1 bit, gray", "16 bits, gray",
    ])  # fmt: skip


def test_what_cannot_be_read_is_no_image_of_no_width_in_the_quartiles_of_its_class():
    frame = make_frame([f"{place}.jpg" for place in range(4)]).assign(
        classes=[("cat",)] * 3 + [("dog",)], status=["ok", "failed", "failed", "failed"], width=[400, 0, 0, 0]
    )
    told = counts.metric_by_class(frame, "width").set_index("class")
    assert told.index.tolist() == ["cat"] and told.loc["cat", "median"] == 400


def test_the_scatter_changes_with_its_axes(dataset):
    at = run_page("summary", {"dataset": dataset.info.key})
    at.selectbox(key=scatter.X).select("brightness").run()
    healthy(at)
    assert "Draw a box or" in texts(at) and button(at, "Look")


def test_a_view_is_saved_under_a_name_and_brought_back(dataset):
    at = healthy(start(MAIN, {"dataset": dataset.info.key}).run())
    at.switch_page(str(navigation.PAGES / "explorer.py")).run()
    at.session_state["view"] = replace(
        at.session_state["view"], selection=Selection(where="brightness < 0.1"), metric="brightness", order=DESCENDING
    )
    at.session_state["touched"] = True
    at.run()
    at.text_input(key=views.NAME).input(" dark <b>\n ones ")
    button(at, "Save").click().run()
    healthy(at)
    saved = at.session_state["view"]
    assert [name for name, _ in dataset.decisions.values("view")] == ["dark <b> ones"]
    at.switch_page(str(navigation.PAGES / "summary.py")).run()
    at.button(key="tile Unreadable").click().run()
    assert at.session_state["view"].selection != saved.selection
    at.button(key="view dark <b> ones").click().run()
    healthy(at)
    assert at.title[0].value == "Explorer" and at.session_state["view"] == saved
    at.button(key="forget view dark <b> ones").click().run()
    assert not dataset.decisions.values("view") and dataset.decisions.undo() == "Forget the view dark <b> ones"


def test_a_dataset_opens_with_the_view_that_was_chosen_for_it(dataset):
    told = {"page": "Explorer", "query": {"metric": "blur", "kind": ["near"]}}
    dataset.decisions.decide([("view", "blurred", "", json.dumps(told))], "view")
    at = healthy(start(MAIN, {"dataset": dataset.info.key}).run())
    at.button(key="start with view blurred").click().run()
    healthy(at)
    assert dataset.decisions.values("setting") == {("start view", ""): "blurred"}
    for wanted, kinds in (("blur", ("near",)), ("singularity", ())):
        at.switch_page(str(navigation.PAGES / "datasets.py")).run()
        at.button(key=f"explore {dataset.info.key}").click().run()
        healthy(at)
        view = at.session_state["view"]
        assert (view.metric, view.selection.kinds, view.dataset) == (wanted, kinds, dataset.info.key)
        at.session_state["view"] = replace(view, metric="singularity")
        at.button(key="forget view blurred").click().run() if wanted == "blur" else None


def test_tiles_lead_where_they_count_with_what_they_say_beside(dataset):
    at = run_page("summary", {"dataset": dataset.info.key})
    assert "with near ones" in at.button(key="more Exact copies").label
    unreadable = int((dataset.frame["status"] == "failed").sum())
    tile = next(each for each in tiles._tiles(LIBRARY.open(dataset.info.key)) if each.name == "Unreadable")
    assert tile.number == str(unreadable) and tile.way is not None
    assert LIBRARY.open(dataset.info.key).mask(tile.way.selection).sum() == unreadable


def test_what_is_no_view_any_more_leads_to_the_explorer(dataset):
    dataset.decisions.decide([("view", "old", "", '{"page": "Gone", "query": {"metric": "nothing", "x": "y"}}')], "old")
    at = healthy(start(MAIN, {"dataset": dataset.info.key}).run())
    at.button(key="view old").click().run()
    healthy(at)
    assert at.title[0].value == "Explorer" and at.session_state["view"].metric == "singularity"


def test_classes_are_told_with_their_objects_and_a_metric(tmp_path, home):
    for number, name in enumerate(("a", "b", "c")):
        save(photo(number).resize((100, 80)), tmp_path / f"set/{name}.png")
    document = {
        "images": [{"id": number, "file_name": f"{name}.png"} for number, name in enumerate("abc")],
        "annotations": [
            {"id": 1, "image_id": 0, "category_id": 1, "bbox": [0, 0, 10, 10]},
            {"id": 2, "image_id": 0, "category_id": 2, "bbox": [0, 0, 50, 50]},
            {"id": 3, "image_id": 1, "category_id": 1, "bbox": [0, 0, 100, 80]},
            {"id": 4, "image_id": 1, "category_id": 1, "bbox": [0, 0, 100, 80]},
        ],
        "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
    }
    (tmp_path / "l.json").write_text(json.dumps(document))
    made = dedup.scan(tmp_path / "set", annotations=tmp_path / "l.json", workers=1)
    table = counts.by_class(made.frame, made.objects)
    assert table.to_dict("list") == {
        "class": ["cat", "dog"], "images": [2, 1], "objects": [3, 1],
        "small": [1, 0], "medium": [2, 1], "large": [0, 0],
    }  # fmt: skip
    spread = counts.metric_by_class(made.frame, "brightness").set_index("class")
    assert spread.loc["dog", "median"] == made.frame["brightness"][0]
    assert spread.loc["cat", "median"] == pytest.approx(made.frame["brightness"][:2].mean())
    at = run_page("summary", {"dataset": made.info.key})
    assert "## Classes" in texts(at) and "Small: boxes below" in texts(at)
    healthy(at.selectbox(key="class metric").set_value("width").run())


def test_thresholds_of_issues_are_moved_counted_and_undone(dataset, capsys):
    at = run_page("summary", {"dataset": dataset.info.key})
    assert at.button(key="issue dark").label == "1 image"
    healthy(at.number_input(key="threshold dark").set_value(0.99).run())
    assert at.button(key="issue dark").label == "15 images"
    assert "are dark (brightness below 0.99)." in texts(at)
    dark = next(each for each in dataset.issues if each.kind == "dark")
    assert dark.name == "dark@0.99" and dataset.decisions.history()[0].label == "Set the threshold of dark to 0.99"
    assert main(["issues", dataset.name]) == 0
    assert "dark@0.99: 15 images (brightness below 0.99)" in capsys.readouterr().out
    at.switch_page(str(navigation.PAGES / "summary.py"))
    healthy(at.number_input(key="threshold dark").set_value(0.1).run())
    assert [each.name for each in dataset.issues] == [each.name for each in ISSUES], "the usual one is none of its own"
    dataset.decisions.undo()
    assert next(each for each in dataset.issues if each.kind == "dark").name == "dark@0.99"


@pytest.mark.parametrize(("key", "value"), [("odd size", 1.0), ("dark", 0.0)])
def test_what_is_no_threshold_is_told_and_changes_nothing(dataset, key, value):
    at = run_page("summary", {"dataset": dataset.info.key})
    at.number_input(key=f"threshold {key}").set_value(value).run()
    assert dataset.issues == ISSUES and not at.exception


def test_two_selections_are_compared_by_every_metric(dataset):
    large = dataset.frame["path"].str.startswith("train/0").to_numpy()
    dataset.tag(large, "mine")
    at = run_page("summary", {"dataset": dataset.info.key})
    healthy(at.selectbox(key="compared one").set_value("Tagged mine").run())
    healthy(at.selectbox(key="compared other").set_value("Split test").run())
    assert "Choose two selections of five images or more" in texts(at)
    healthy(at.selectbox(key="compared other").set_value(comparing.ALL).run())
    opened = LIBRARY.open(dataset.info.key)
    found = comparing.compared(opened, large, np.ones(len(large), bool))
    assert [each.apart for each in found] == sorted((each.apart for each in found), reverse=True)
    width = next(each for each in found if each.metric.name == "width")
    frame = dataset.frame
    assert width.medians == (frame["width"][large].median(), frame.loc[frame["status"] == "ok", "width"].median())
    assert "apart · median" in texts(at)


def test_apart_is_what_scipy_says():
    rng = np.random.default_rng(0)
    for _ in range(20):
        one, other = rng.normal(0, 1, 50).round(1), rng.normal(rng.random(), 1, 80).round(1)
        assert comparing.apart(one, other) == pytest.approx(ks_2samp(one, other).statistic)
    assert comparing.apart(np.zeros(5), np.ones(5)) == 1
