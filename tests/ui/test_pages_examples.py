"""The threshold by example, run without a browser: asked, answered, suggested, set and undone."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

import dedup
from dedup.review import examples
from dedup.store.decisions import EXAMPLE
from dedup.ui.duplicates import by_example
from dedup.ui.shell.library import LIBRARY
from tests.pictures import photo, save
from tests.ui.apptest import button, healthy, mounted, run_page, send, texts


@pytest.fixture
def dataset(home, tmp_path):
    """Twelve pictures, each with a copy that is ever more blurred and darkened."""
    for number in range(12):
        picture = photo(number, (256, 192))
        save(picture, tmp_path / f"set/{number:02}.png")
        faded = Image.fromarray((np.asarray(picture) * (1 - number / 30)).astype(np.uint8))
        save(faded.filter(ImageFilter.GaussianBlur(number / 4)), tmp_path / f"set/{number:02} copy.png")
    return dedup.scan(tmp_path / "set", workers=1)


def comparing(at):
    return next((each for each in mounted(at) if "left" in each), None)


def test_pairs_are_asked_and_a_threshold_follows(dataset):
    opened = LIBRARY.open(dataset.info.key)
    table, contents = by_example._judged(opened)
    assert len(table) >= examples.FEWEST
    at = run_page("duplicates", {"dataset": dataset.info.key, "panel": "examples"})
    assert "What is a copy for you?" in texts(at) and comparing(at) is None
    button(at, "Start").click().run()
    limit = 0.21  # between the more and the less blurred
    answered = 0
    while (shown := comparing(healthy(at))) is not None and answered < 40:
        ids = [shown["left"]["id"], shown["candidates"][0]["id"]]
        pair = frozenset(dataset.frame["sha256"].iloc[[dataset.row(each) for each in ids]])
        near = float(table["distance"].iloc[contents.index(pair)]) <= limit
        action = "skip" if answered == 1 else "copy" if near else "different"
        send(at, by_example.key_of(opened), {"type": "action", "action": action, "ids": ids})
        answered += 1
    assert len(dataset.decisions.values(EXAMPLE)) == answered - 1 == len(table) - 1
    assert "of all pairs in this dataset" in texts(at)
    set_ = button(at, "Set the threshold to")
    if not set_.disabled:
        before = dataset.near_threshold
        healthy(set_.click().run())
        assert dataset.near_threshold != before
        dataset.decisions.undo()
        assert dataset.near_threshold == before


def test_closing_ends_the_questions_and_keeps_the_answers(dataset):
    opened = LIBRARY.open(dataset.info.key)
    at = run_page("duplicates", {"dataset": dataset.info.key, "panel": "examples"})
    button(at, "Start").click().run()
    shown = comparing(at)
    ids = [shown["left"]["id"], shown["candidates"][0]["id"]]
    send(at, by_example.key_of(opened), {"type": "action", "action": "copy", "ids": ids})
    assert comparing(at)["left"]["id"] != ids[0]
    send(at, by_example.key_of(opened), {"type": "close", "ids": ids[:1]})
    assert comparing(at) is None and len(dataset.decisions.values(EXAMPLE)) == 1
    assert button(at, "Go on") and "more answer" in texts(at)


def test_without_pairs_there_is_nothing_to_ask(home, tmp_path):
    save(photo(1), tmp_path / "one/a.png")
    made = dedup.scan(tmp_path / "one", workers=1)
    at = run_page("duplicates", {"dataset": made.info.key, "panel": "examples"})
    assert "too few pairs" in texts(at)
