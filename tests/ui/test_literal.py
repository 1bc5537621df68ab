"""Names from outside are shown, never interpreted: on every page, in every message."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from streamlit.testing.v1 import AppTest

import dedup
from dedup.review import acts
from dedup.ui.datasets import cards
from dedup.ui.shell import jobs, notices
from dedup.ui.shell.literal import JOINER, literal
from dedup.words import visible
from tests.pictures import photo, save
from tests.ui.apptest import run_page

HOSTILE = "![x](http://127.0.0.1:9/x.png) $a$ `b` :material/home: **c** <b>d</b> [e](http://f)"
EVIL = "hostile"
PAGES = ("datasets", "summary", "explorer", "map", "duplicates", "clashes", "leaks", "export")


@given(st.text(min_size=1, max_size=40).filter(lambda text: text.isprintable() and text == text.strip()))
def test_markdown_shows_a_literal_letter_by_letter(text):
    """By the standard; what Streamlit adds to it is looked at in the browser."""
    tokens = MarkdownIt("commonmark").parse(literal(text))
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    children = tokens[1].children or []
    assert {child.type for child in children} <= {"text", "text_special"}
    shown = "".join(child.content for child in children)
    assert shown.replace(JOINER, "").replace("\N{NO-BREAK SPACE}", " ") == text


@pytest.mark.parametrize("text", [":smile:", ":+1:", ":material_home:", ":streamlit:", "a -- b", "a -> b", "<-", ">="])
def test_what_plugins_look_for_in_plain_text_is_broken_up(text):
    assert JOINER in literal(text)


@pytest.mark.parametrize("text", ["https://a.b", "HTTP://a", "www.a.b", "me@a.b"])
def test_addresses_become_no_links(text):
    assert JOINER in literal(text)


def test_control_characters_are_shown_and_joined_letters_kept():
    assert visible("a\nb\x1b[31m\u202e\udcff\x85") == "a\\nb\\x1b[31m\\u202e\\xff\\x85"
    assert visible("\N{FAMILY}\u200d می\u200cخواهم") == "\N{FAMILY}\u200d می\u200cخواهم"
    assert "\n" not in literal("a\nb")


@pytest.fixture
def dataset(home, tmp_path, monkeypatch):
    """Every name that comes from outside is hostile: folders, files, classes, splits, tags, file names in labels."""
    monkeypatch.setattr(jobs, "REGISTRY", jobs.Registry())
    root = tmp_path / f"{EVIL} $a$ `b` **c** :smile:"
    folder = f"{EVIL} ![x](data:,y) $a$ _b_"
    for seed, name in ((1, f"train/{folder}/`a`.png"), (1, f"test/{folder}/b*.png"), (2, f"{folder}/c.png")):
        save(photo(seed), root / name)
    (root / f"{folder}/{EVIL}$.jpg").write_bytes(b"no picture")
    document = {
        "images": [
            {"id": 1, "file_name": f"train/{folder}/`a`.png", "width": 96, "height": 72},
            {"id": 2, "file_name": f"test/{folder}/b*.png", "width": 96, "height": 72},
            {"id": 3, "file_name": f"{EVIL} {HOSTILE}", "width": 1, "height": 1},
        ],
        "annotations": [
            {"id": n, "image_id": n, "category_id": n, "bbox": [1, 1, 50, 50], "iscrowd": 0, "area": 2500}
            for n in (1, 2)
        ],
        "categories": [{"id": n, "name": f"{EVIL} {n} {HOSTILE}"} for n in (1, 2)],
    }
    (root / "labels.json").write_text(json.dumps(document))
    made = dedup.scan(root, annotations=root / "labels.json", workers=1)
    made.tag([0, 1], f"{EVIL} {HOSTILE[:40]}")
    made.decisions.decide([("split", made.frame["path"].iat[0], "", f"{EVIL} $x$ **y**")], f"{EVIL} {HOSTILE}")
    return made


def interpreted(at) -> list[str]:
    """What of the hostile names Streamlit would read as Markdown: labels, help and values of every element."""
    found = []
    for element in at._tree:
        proto = getattr(element, "proto", None)
        if proto is None or type(proto).__name__ in ("BidiComponent", "ArrowDataFrame", "Dataframe", "Arrow"):
            continue
        for field, value in proto.ListFields() if hasattr(proto, "ListFields") else ():
            if field.name in ("body", "label", "help", "text", "caption", "value") and isinstance(value, str):
                raw = re.search(rf"{EVIL}[^\\]*[$`*:_\[]", value)
                is_plain = field.name == "value" or type(proto).__name__ in ("TextInput", "Html")
                if raw and not is_plain:
                    found.append(f"{type(proto).__name__}.{field.name}: {value}")
    return found


@pytest.mark.parametrize("name", PAGES)
def test_no_page_interprets_names(name, dataset):
    for panel in ("review", "rules", "plan", "history") if name == "duplicates" else ("",):
        query = {"dataset": dataset.info.key} | ({"panel": panel} if panel else {})
        assert interpreted(run_page(name, query)) == []


def test_messages_do_not_interpret_names(dataset):
    step = acts.folder_step(f"{EVIL} {HOSTILE}", "protected")
    dataset.decisions.decide(step.changes, step.label)

    def app():
        from dedup.errors import DedupError
        from dedup.ui.shell import notices

        notices.say("hostile $a$ **b**")
        notices.complain("hostile $a$ **b**")
        notices.show()
        with notices.errors_shown():
            raise DedupError("hostile $a$ **b**")

    at = AppTest.from_function(app).run()
    assert len(at.error) == 2 and len(at.toast) == 1 and interpreted(at) == []
    assert notices.literal("hostile $") == r"hostile \$"


def test_the_check_sees_what_is_interpreted(dataset, monkeypatch):
    """The fault that it is there to find, planted."""
    monkeypatch.setattr(cards, "literal", str)
    assert interpreted(run_page("datasets"))
