"""Orders of the Explorer that are no metric's, run without a browser: the most different images first, and those that
are most what words say."""

from __future__ import annotations

import numpy as np
import pytest

import dedup
from dedup.errors import UsageError
from dedup.ui.export.downloads import PREVIEWED
from dedup.ui.shell.library import LIBRARY
from dedup.ui.shell.literal import literal
from dedup.ui.shell.view import DIFFERENT, MATCHING, View
from dedup.vectors import of_dataset
from dedup.vectors.model import Model
from tests.ui.apptest import healthy, mounted, page, run_page, start, texts
from tests.vectors.models import colour_model, plain_pictures, text_model

COLOURS = {"rose": (250, 40, 40), "poppy": (220, 40, 40), "leaf": (40, 250, 40), "sky": (40, 40, 250)}


@pytest.fixture(scope="module")
def scanned(tmp_path_factory) -> dedup.Dataset:
    """A picture of each colour, two of them red."""
    root = tmp_path_factory.mktemp("scanned") / "set"
    plain_pictures(root, COLOURS)
    return dedup.scan(root, home=root.parent / "home", workers=1)


@pytest.fixture
def models(tmp_path):
    """The folder of a model of pictures with its text side."""
    text_model(tmp_path)
    colour_model(tmp_path / "vision_model.onnx")
    return tmp_path


@pytest.fixture
def embedded(dataset, models) -> dedup.Dataset:
    """The images with vectors of a model that has a text side."""
    dataset.embed(Model(models / "vision_model.onnx"))
    return dataset


def names(at) -> list[str]:
    (cards,) = (each["items"] for each in mounted(at) if "items" in each)
    return [each["name"] for each in cards]


def values(at) -> list[str]:
    (cards,) = (each["items"] for each in mounted(at) if "items" in each)
    return [each["value"] for each in cards]


def explorer(dataset, **query):
    return run_page("explorer", {"dataset": dataset.info.key, **query})


def order_of(at):
    (order,) = (each for each in at.get("button_group") if each.key == "order")
    return order


def fields(at) -> list[str]:
    return [each.label for each in at.text_input]


def test_words_put_the_images_that_they_say_first(embedded):
    at = explorer(embedded)
    at.text_input(key="words").input(" a blue thing ").run()
    healthy(at)
    assert names(at)[0] == "sky.png" and len(names(at)) == 4, "nothing is left out"
    assert "Best match first, by vision_model.onnx" in texts(at)
    cosine = embedded.search(np.array([0, 0, 1, 0]), 1)[0][1]
    assert values(at)[0] == f"{cosine:.3f}"
    assert at.session_state["view"] == View(embedded.info.key, order=MATCHING, words="a blue thing")
    at.text_input(key="words").input("").run()
    assert healthy(at).session_state["view"] == View(embedded.info.key)


def test_a_link_with_words_opens_what_was_found(embedded):
    at = explorer(embedded, order="words", words="green")
    assert names(at)[0] == "leaf.png"
    assert at.session_state["view"].words == "green"


def test_another_order_keeps_the_words(embedded):
    at = explorer(embedded, order="words", words="green")
    order = order_of(at)
    assert len(order.options) == 4
    order.set_value(DIFFERENT).run()
    assert at.session_state["view"].words == "green" and "as far as can be" in texts(healthy(at))


def test_without_a_text_side_there_is_no_field_and_a_link_says_why(dataset):
    at = start(page("explorer"), {"dataset": dataset.info.key, "order": "words", "words": "green"}).run()
    assert "Search by words" not in fields(at) and len(names(at)) == 4
    assert at.session_state["view"].order == "ascending"
    assert "order" not in at.query_params, "who copies the address would be told once more"
    assert "cannot be searched by words" in at.run().error[0].value, "also when the page is drawn again"
    order_of(at).set_value("descending").run()
    healthy(at)


def test_a_text_side_that_is_gone_is_told(embedded, models):
    (models / "text_model.onnx").unlink()
    at = explorer(embedded)
    at.text_input(key="words").input("green").run()
    assert len(names(at)) == 4 and "text_model.onnx cannot be opened" in texts(at)
    text_model(models)
    order_of(at).set_value(MATCHING).run()
    assert names(healthy(at))[0] == "leaf.png"


def test_the_most_different_come_first_and_the_least_last(embedded):
    at = explorer(embedded, order="different")
    assert names(at)[:3] == [embedded.frame["name"][row] for row in embedded.most_different(3)]
    assert {*names(at)[:3]} >= {"leaf.png", "sky.png"} and names(at)[3] in ("rose.png", "poppy.png")
    assert "Each as far as can be from all before it, by vision_model.onnx" in texts(at)


def test_without_a_model_signatures_tell_what_differs(dataset):
    at = explorer(dataset, order="different")
    assert sorted(names(at)) == sorted(f"{name}.png" for name in COLOURS)
    assert "in tones and colours (no model was given)" in texts(at)


def test_the_preview_of_an_export_follows_the_order(embedded):
    at = run_page("export", {"dataset": embedded.info.key, "order": "words", "words": "green"})
    assert names(at)[0] == "leaf.png"


def test_the_preview_of_an_export_tells_words_as_they_were_typed(embedded):
    colours = embedded.root.parent / "more"
    plain_pictures(colours, {f"red {place}": (250, 40, 2 * place) for place in range(PREVIEWED + 1)})
    many = dedup.scan(colours, home=embedded.info.directory.parent, workers=1)
    many.give_vectors(np.eye(len(many.frame), 4) + 1, "mine", text_model=embedded.vectors.text_side)
    words = "*red* [x](y) $a$"
    at = run_page("export", {"dataset": many.info.key, "order": "words", "words": words})
    assert any(literal(f'the best match for "{words}" first') in caption.value for caption in at.caption)


def test_differences_are_of_the_selection_and_kept(embedded, monkeypatch):
    opened = LIBRARY.open(embedded.info.key)
    asked = []
    compute = of_dataset.ranks_by_difference
    monkeypatch.setattr(of_dataset, "ranks_by_difference", lambda *told: asked.append(1) or compute(*told))
    view = View(embedded.info.key, order=DIFFERENT)
    first = opened.order(view).tolist()
    embedded.near_threshold = 0.4
    assert opened.order(view).tolist() == first and len(asked) == 1, "no decision changes it"


def test_images_without_a_vector_come_last(dataset, models):
    vectors = np.full((4, 4), np.nan)
    vectors[1], vectors[2] = (1, 0, 0, 0), (0, 1, 0, 0)
    dataset.give_vectors(vectors, "mine", text_model=models / "text_model.onnx")
    opened = LIBRARY.open(dataset.info.key)
    assert opened.order(View(order=MATCHING, words="green")).tolist() == [2, 1, 0, 3]
    assert set(opened.order(View(order=DIFFERENT))[:2].tolist()) == {1, 2}
    assert "before it, by mine; last 2 images without a vector" in texts(explorer(dataset, order="different"))


def test_what_cannot_be_read_is_said_to_come_last(home, tmp_path):
    plain_pictures(tmp_path / "set", COLOURS)
    (tmp_path / "set" / "broken.jpg").write_bytes(b"")
    made = dedup.scan(tmp_path / "set", home=home, workers=1)
    told = texts(explorer(made, order="different"))
    assert "before it, in tones and colours (no model was given); last 1 image that cannot be read." in told


def test_words_without_a_text_side_raise(dataset):
    with pytest.raises(UsageError, match="cannot be searched by words"):
        LIBRARY.open(dataset.info.key).order(View(order=MATCHING, words="green"))
