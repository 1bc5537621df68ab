"""Every page for everybody: no violation for axe-core, all of it on a telephone, pictures on the first screen."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import dedup
from dedup import sample
from dedup.vectors import layout
from docs import screenshots
from tests.browser.states import STATES, State

pytestmark = pytest.mark.browser
SIZES = [(1400, 900), (1024, 768), (900, 700), (390, 844)]
RULES = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
OF_COLOUR = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
"""Those that another theme can break: it changes colours alone."""
RUN = """async rules => {
  const found = await axe.run(document, { runOnly: rules, resultTypes: ["violations"], selectors: false });
  return found.violations.flatMap(each => each.nodes.map(node =>
    `${each.id}: ${node.html.slice(0, 120)} | ${(node.any[0] ?? node.all[0] ?? node.none[0])?.message}`));
}"""
NOT_OURS = 'data-testid="stFileUploaderDropzone"'
"""Streamlit's field for files, whose role is not one it may have there."""
SETTLED_MS = 350
SHOWN = 60
"""Pixels of a picture that must be seen to know that there are pictures."""


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A home with the sample, as pictures are taken of it."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(layout, "FEWEST", sys.maxsize)  # how a map looks, not how good it is
        screenshots.make_sample(folder)
    return folder


@pytest.fixture(scope="module")
def axe() -> str:
    """The code of axe-core."""
    package = pytest.importorskip("axe_playwright_python")
    return (Path(package.__file__).parent / "axe.min.js").read_text("utf-8")


def enter(page, app, state: State) -> None:
    page.goto(app.url + state.path)
    page.locator(state.wait).first.wait_for()
    page.wait_for_timeout(SETTLED_MS)
    state.act(page)
    page.wait_for_timeout(SETTLED_MS)


def test_pictures_are_taken_of_states_that_ask_for_more_than_a_scan(app, tmp_path):
    states = [state for state in STATES if state.name in ("map", "card-menu")]
    taken = screenshots.take(app.url, tmp_path, states, [900], ["dark"])
    assert [path.name for path in taken] == [f"{state.name}-900-dark.png" for state in states]
    assert all(path.stat().st_size for path in taken)


DIFFERENT = [state for state in STATES if state.name not in ("explorer-exact", "explorer-near", "explorer-bytes")]
"""Not those that show other images in the same way."""


@pytest.mark.parametrize("state", DIFFERENT, ids=[state.name for state in DIFFERENT])
def test_nothing_is_out_of_reach_or_hard_to_read_in_light_and_dark(app, page, axe, state):
    enter(page, app, state)
    page.evaluate(axe)
    for theme, rules in (("light", RULES), ("dark", OF_COLOUR)):
        page.emulate_media(color_scheme=theme)
        page.wait_for_timeout(SETTLED_MS)
        assert [each for each in page.evaluate(RUN, rules) if NOT_OURS not in each] == []
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_timeout(SETTLED_MS)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_pictures_are_on_the_first_screen_at_every_size(app, page, width, height):
    page.set_viewport_size({"width": width, "height": height})
    for path, picture in (("/explorer", ".cell img"), ("/duplicates", ".copy img")):
        page.goto(app.url + path)
        page.locator(picture).first.wait_for()
        page.wait_for_timeout(SETTLED_MS)
        assert page.locator(picture).first.bounding_box()["y"] < height - SHOWN


@pytest.mark.parametrize(("width", "height"), SIZES[:3])
def test_filters_and_bulk_tagging_lie_beside_the_pictures(app, page, width, height):
    page.set_viewport_size({"width": width, "height": height})
    page.goto(f"{app.url}/explorer")
    page.locator(".cell img").first.wait_for()
    for name in ("Filters", "Bulk tagging"):
        page.locator(".st-key-beside").get_by_text(name).click()
        panel, card = page.locator(".st-key-side-panel"), page.locator(".cell").first
        panel.wait_for()
        page.wait_for_timeout(SETTLED_MS)
        assert card.bounding_box()["y"] < height - SHOWN
        assert panel.bounding_box()["x"] > card.bounding_box()["x"] + card.bounding_box()["width"]
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_bar_stays_in_sight_folds_and_leaves_nothing_hidden(app, page):
    page.goto(f"{app.url}/explorer")
    page.locator(".cell").first.wait_for()
    page.wait_for_timeout(SETTLED_MS)
    page.locator(".cell").nth(40).scroll_into_view_if_needed()
    bar = page.locator(".st-key-bar")
    assert 0 <= bar.bounding_box()["y"] < 20
    beneath, own = (page.evaluate(COLOUR_OF, each) for each in (".stApp", ":has(> .st-key-bar)"))
    assert own == beneath, "the pictures that scroll under the bar are not seen through it"
    page.locator(".cell").nth(20).click()
    page.keyboard.press("Home")
    page.wait_for_timeout(SETTLED_MS)
    box = bar.bounding_box()
    assert page.locator(".cell").first.bounding_box()["y"] >= box["y"] + box["height"] - 1
    page.locator(".st-key-fold").get_by_role("button").click()
    page.locator(".js-plotly-plot").wait_for(state="detached")
    assert bar.bounding_box()["height"] < 120
    page.locator(".st-key-fold").get_by_role("button").click()
    page.locator(".js-plotly-plot").wait_for()


def test_the_slider_stands_below_the_axis(app, page):
    page.goto(f"{app.url}/explorer")
    page.locator(".js-plotly-plot .bars").first.wait_for()
    page.wait_for_timeout(SETTLED_MS)
    thumbs = page.locator(".st-key-slider [role=slider], .st-key-slider input[type=range]")
    track = page.locator(".st-key-slider").bounding_box()
    assert thumbs.count() == 2
    ticks = {tick.text_content(): tick.bounding_box() for tick in page.locator(".xtick text").all()}
    middles = {text: box["x"] + box["width"] / 2 for text, box in ticks.items()}
    shares = page.evaluate(THUMBS)
    assert shares[0] == pytest.approx(middles["0"], abs=4)
    assert shares[1] == pytest.approx(middles["1"], abs=4)
    assert track["y"] > ticks["0"]["y"]


COLOUR_OF = "selector => getComputedStyle(document.querySelector(selector)).backgroundColor"
THUMBS = """() => {
  const bar = document.querySelector(".st-key-slider");
  const seen = [...bar.querySelectorAll("*")].filter(node => {
    const { width, height } = node.getBoundingClientRect();
    return Math.abs(width - height) < 1 && width >= 8 && width <= 20 && getComputedStyle(node).borderRadius !== "0px";
  });
  const middles = seen.map(node => node.getBoundingClientRect()).map(({ x, width }) => x + width / 2);
  return [Math.min(...middles), Math.max(...middles)];
}"""


def test_the_grid_is_one_tab_and_enter_away(app, page):
    page.goto(f"{app.url}/explorer")
    page.locator(".cell").first.wait_for()
    page.wait_for_timeout(SETTLED_MS)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the images"
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    page.get_by_text("1 selected").first.wait_for()


def test_the_name_of_a_new_tag_can_be_typed_at_once(app, page):
    page.goto(f"{app.url}/explorer")
    page.locator(".cell").first.wait_for()
    page.get_by_role("button", name="New").click()
    page.get_by_role("textbox", name="Name", exact=True).wait_for()
    page.wait_for_timeout(SETTLED_MS)
    page.keyboard.type("blurry")
    page.keyboard.press("Enter")
    page.locator(".dedup-tag", has_text="blurry").wait_for()


def test_the_name_of_a_view_can_be_typed_at_once(app, page):
    page.goto(f"{app.url}/explorer")
    page.locator(".cell").first.wait_for()
    page.get_by_role("button", name="Save").click()
    page.get_by_role("textbox", name="Name of what is on the screen").wait_for()
    page.wait_for_timeout(SETTLED_MS)
    page.keyboard.type("all of it")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="all of it").wait_for()


def test_where_the_keyboard_is_among_the_pages_is_seen(app, page):
    page.goto(f"{app.url}/splits")
    page.get_by_role("heading", name="Splits").wait_for()
    page.wait_for_timeout(SETTLED_MS)
    for link in page.get_by_test_id("stSidebarNavLink").all():
        while not link.evaluate("node => node === document.activeElement"):
            page.keyboard.press("Tab")
        assert link.evaluate("node => getComputedStyle(node).outlineStyle") == "solid"


@pytest.fixture
def tags(home):
    """More tags than the list of them has room for below its field."""
    names = [f"tag {number}" for number in range(8)]
    store = dedup.open(sample.DATASET_NAME, home=home).decisions
    for name in names:
        store.create_tag(name)
    yield names
    for name in names:
        store.delete_tag(name)


def test_an_open_list_of_tags_leaves_the_count_in_sight(app, page, tags):
    width, height = SIZES[0]
    page.set_viewport_size({"width": width, "height": height})
    page.goto(f"{app.url}/explorer")
    page.locator(".cell").first.wait_for()
    page.get_by_text("Bulk tagging").click()
    submit = page.locator(".st-key-bulk-submit")
    page.locator(".st-key-bulk-tags input").click()
    page.get_by_role("option", name=tags[0], exact=True).click()
    submit.get_by_text(f"Add {tags[0]} to 303 images").wait_for()
    page.wait_for_timeout(SETTLED_MS)
    covered = page.locator("[role=listbox]:visible").first.bounding_box()
    tell = [place.bounding_box() for place in (page.locator(".st-key-bulk-told"), submit)]
    assert any(box["y"] >= 0 and box["y"] + box["height"] <= height and apart(box, covered) for box in tell)


def apart(one, other) -> bool:
    """Whether one of two boxes ends above the other."""
    return one["y"] + one["height"] <= other["y"] or other["y"] + other["height"] <= one["y"]


def test_the_menu_of_a_card_lets_a_copy_go_and_undo_brings_it_back(app, page):
    page.goto(f"{app.url}/explorer?range=singularity::0")
    page.locator(".cell").first.wait_for()
    copy = page.locator(".cell[data-kind=exact]").first
    copy.click(button="right")
    page.get_by_text("Let this copy go").click()
    copy.locator(".chip.goes").wait_for()
    page.get_by_role("button", name="Undo").click()
    copy.locator(".chip.goes").wait_for(state="detached")


def test_the_list_of_failures_leads_to_them(app, page):
    page.goto(app.url)
    page.get_by_role("button", name="3 failed").click()
    page.get_by_role("button", name="Look at them in the Explorer").click()
    page.get_by_text("selection holds 3 of").wait_for()
    page.locator(".cell .broken").nth(2).wait_for()
