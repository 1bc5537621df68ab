"""The Python half of the gallery: events are taken once and in order, whatever the browser and the reruns do."""

from __future__ import annotations

import json
import math
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

import dedup
from dedup.model import TAG_COLOURS, Kind, Role
from dedup.ui.browser import palette
from dedup.ui.browser.gallery import ACKNOWLEDGED, gallery, take
from dedup.ui.browser.sides import sides
from tests.pictures import photo, save

UI = Path(__file__).parents[2] / "dedup" / "ui" / "browser"


def queue(*numbers: int, session: str = "tab") -> dict[str, object]:
    return {"session": session, "pending": [{"seq": n, "type": "tag", "ids": ["0a"], "tag": f"t{n}"} for n in numbers]}


def taken(state: object, acknowledged: dict[str, object]) -> list[int]:
    return [event["seq"] for event in take(state, acknowledged)]


def test_each_event_is_taken_once():
    acknowledged: dict[str, object] = {}
    assert taken(queue(1, 2), acknowledged) == [1, 2]
    assert taken(queue(1, 2), acknowledged) == []
    assert taken(queue(2, 3), acknowledged) == [3]


def test_another_tab_or_a_reloaded_one_starts_anew_and_replays_nothing():
    acknowledged: dict[str, object] = {}
    assert taken(queue(1, 2, 3), acknowledged) == [1, 2, 3]
    assert taken(queue(1, session="reloaded"), acknowledged) == [1]
    assert taken(queue(3, 4), acknowledged) == [4]
    assert acknowledged[""] == "tab"  # the browser is answered for the session that spoke last


def test_an_event_that_fails_is_not_repeated_and_takes_none_with_it():
    acknowledged: dict[str, object] = {}
    with pytest.raises(RuntimeError):
        for event in take(queue(1, 2, 3), acknowledged):
            if event["seq"] == 2:
                raise RuntimeError
    assert taken(queue(1, 2, 3), acknowledged) == [3]


@pytest.mark.parametrize("state", [None, {}, "junk", [], {"session": "tab"}, {"session": "tab", "pending": None}])
def test_no_queue_has_no_events(state):
    assert taken(state, {}) == []


def test_every_event_has_every_field():
    (event,) = take({"session": "s", "pending": [{"seq": 1, "type": "select", "ids": []}]}, {})
    empty = {"id": "", "ids": [], "tag": "", "remove": False, "action": "", "was": None}
    assert event == {"seq": 1, "type": "select", **empty}


class Browser:
    """queue.js in a few lines: numbers, keeps until confirmed, sends everything that is kept."""

    def __init__(self) -> None:
        self.sequence, self.pending, self.state = 0, [], None

    def act(self) -> None:
        self.sequence += 1
        self.pending.append(self.sequence)

    def send(self) -> None:
        self.state = queue(*self.pending)

    def hear(self, acknowledged: int) -> None:
        self.pending = [number for number in self.pending if number > acknowledged]


@given(st.lists(st.sampled_from(["act", "send", "run", "broken run", "hear", "late answer"]), max_size=60))
def test_nothing_is_lost_repeated_or_reordered(steps):
    browser, acknowledged, applied, answers = Browser(), {}, [], [0]
    for step in [*steps, "send", "run"]:
        if step == "act":
            browser.act()
        elif step == "send":
            browser.send()
        elif step == "run":
            applied += taken(browser.state, acknowledged)
            answers.append(acknowledged.get("tab", 0))
        elif step == "broken run":  # interrupted by the next one after its first event
            applied += [event["seq"] for event in islice(take(browser.state, acknowledged), 1)]
        else:
            browser.hear(answers[-1] if step == "hear" else answers[-2:][0])
    assert applied == list(range(1, browser.sequence + 1))


def script() -> None:
    import streamlit as st

    from dedup.model import Tag
    from dedup.ui.browser.gallery import events, gallery

    state = st.session_state
    state.setdefault("got", [])
    state.got += [event["tag"] for event in events("grid")]
    item = {"id": "0a", "name": "<b>a</b>.jpg", "path": "x/a.jpg", "full": "/image/d/0a/1",
            "thumb": "/thumb/d/0a/1.jpg",
            "width": 4, "height": 3, "group": -1, "tags": ["keep"], "value": "0.1", "kind": "unique", "role": "",
            "distance": float("nan"), "match": {"id": "0b", "distance": float("nan")}}  # fmt: skip
    if "late" in state:  # what a person did meanwhile
        state["grid"] = {"events": state.pop("late")}
    gallery([item], key="grid", columns=40, selected=["0a"], tags=[Tag("keep", "#00ff00", 1)])


def sent(app: AppTest) -> dict[str, object]:
    return json.loads(app.get("bidi_component")[0].proto.json)


def test_what_comes_while_the_page_is_drawn_is_left_for_the_next_run():
    """The run that draws has carried out what there was: what it took now would be done by nobody."""
    app = AppTest.from_function(script).run()
    app.session_state["late"] = queue(1, 2)
    app.run()
    assert app.session_state["got"] == []
    app.session_state["grid"] = {"events": queue(1, 2)}  # as the browser sends it again until it is answered
    app.run()
    assert app.session_state["got"] == ["t1", "t2"]


def test_the_page_takes_what_came_before_it_mounts_and_answers_in_the_same_run():
    app = AppTest.from_function(script).run()
    assert not app.exception
    assert sent(app)["ack"] == {"session": "", "seq": 0}
    app.session_state["grid"] = {"events": queue(1, 2)}
    app.run()
    assert app.session_state["got"] == ["t1", "t2"]
    assert sent(app)["ack"] == {"session": "tab", "seq": 2}
    assert app.session_state[ACKNOWLEDGED.format(key="grid")]["tab"] == 2
    app.session_state["grid"] = {"events": queue(2, 3)}
    app.run()
    assert app.session_state["got"] == ["t1", "t2", "t3"]


def test_what_goes_to_the_browser_is_plain_json_within_bounds():
    data = sent(AppTest.from_function(script).run())
    assert data["columns"] == 10
    assert data["tags"] == [{"name": "keep", "colour": "#00ff00"}]
    assert data["items"][0]["distance"] is None and data["items"][0]["match"]["distance"] is None
    assert data["items"][0]["name"] == "<b>a</b>.jpg"
    assert set(data["palette"]) == {*Kind, Role.KEEPER, "severe", "moderate", "one", "other"}


def test_without_an_app_around_it_the_gallery_shows_nothing_and_raises_nothing():
    gallery([], key="bare")


@pytest.mark.parametrize("path", sorted(UI.glob("*.js")), ids=lambda path: path.name)
def test_scripts_never_turn_data_into_html(path):
    code = path.read_text(encoding="utf-8")
    for forbidden in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert forbidden not in code


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two `#rrggbb` colours, 1 to 21 (WCAG 2.2, definition of contrast ratio)."""
    brighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    red, green, blue = (linear(int(colour[start : start + 2], 16) / 255) for start in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def is_readable(colour: str) -> bool:
    """Whether black or white words on the colour have the contrast that WCAG asks for."""
    return max(contrast(colour, ink) for ink in ("#000000", "#ffffff")) >= 4.5


@pytest.mark.parametrize("meaning", palette.COLOURS)
def test_colours_stand_out_from_the_page_and_carry_readable_words(meaning):
    light, dark = palette.colour(meaning), palette.colour(meaning, dark=True)
    assert contrast(light, "#ffffff") >= 3
    assert contrast(dark, "#0e1117") >= 3
    assert is_readable(light) and is_readable(dark)


@pytest.mark.parametrize("dark", [False, True])
def test_the_kinds_that_stand_side_by_side_differ_for_colour_blind_eyes(dark):
    shown = [palette.colour(each, dark=dark) for each in (Kind.EXACT, Kind.NEAR, Kind.UNIQUE, Role.KEEPER)]
    # Machado et al. (2009), severity 1: protanopia, deuteranopia, tritanopia.
    simulations = [
        ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
        ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
        ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
    ]
    for matrix in simulations:
        seen = [
            [sum(m * int(c[i : i + 2], 16) / 255 for m, i in zip(row, (1, 3, 5), strict=True)) for row in matrix]
            for c in shown
        ]
        for one in range(len(seen)):
            for other in range(one):
                assert math.dist(seen[one], seen[other]) > 0.12, (shown[one], shown[other])


def test_new_tags_get_different_readable_colours():
    assert len(set(TAG_COLOURS)) == len(TAG_COLOURS)
    assert all(is_readable(colour) for colour in TAG_COLOURS)


def test_a_line_break_in_a_name_is_shown_and_breaks_no_card(tmp_path):
    save(photo(1), tmp_path / "set/line\nbreak.png")
    dataset = dedup.scan(tmp_path / "set", home=tmp_path / "home", workers=1)
    (side,) = sides(dataset, [0])
    assert side["name"] == "line\\nbreak.png" and side["path"].endswith(side["name"])
