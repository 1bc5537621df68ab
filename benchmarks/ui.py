"""What the app costs with many images: the server per click, and a real Chromium until it is painted.

    python -m benchmarks.ui [--images 100000] [--folder IMAGES] [--no-browser]

A dataset of that many images is made from one scan of a small folder (the sample without --folder): its rows are
repeated under other paths (folders that link to it), with other hashes and slightly other metrics, so that nothing is
cheaper than in a real one. Server time is the CPU time of one script run in the app's own test harness, the page drawn
whole, after it was drawn once. Browser times are wall time in headless Chromium over the app as users start it.
"""

from __future__ import annotations

import argparse
import logging
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from streamlit.testing.v1 import AppTest

import dedup
from dedup import sample
from dedup.files import make_private
from dedup.store.directory import Results, Store

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Response, WebSocket

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
REPEATS = 7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--no-browser", action="store_true")
    chosen = parser.parse_args()
    logging.getLogger("streamlit").setLevel(logging.ERROR)  # it warns of every look at the session outside a page
    with tempfile.TemporaryDirectory(prefix="dedup-bench-") as scratch:
        home = Path(scratch) / "home"
        os.environ["DEDUP_HOME"] = str(home)
        key = make(chosen.folder or sample.make(Path(scratch) / "sample"), chosen.images, Path(scratch))
        server(key)
        if not chosen.no_browser:
            browser(key, home)


def make(folder: Path, images: int, scratch: Path) -> str:
    """A dataset of about `images` rows; returns its key."""
    small = dedup.scan(folder, name="small")
    store, target = Store(small.directory), Store(small.directory.with_name("large"))
    info = store.read_info()
    rows, pairs, signatures = store.read_images(info), store.read_pairs(info), store.read_signatures(info)
    tiles = max(1, images // len(rows))
    root = scratch / "many"
    root.mkdir()
    for tile in range(tiles):
        (root / f"{tile:05}").symlink_to(folder, target_is_directory=True)
    large = replace(info, name="large", key="0100000000", root=str(root), source=str(root))
    make_private(target.directory)
    results = Results(
        pd.concat([_tile(rows, tile) for tile in range(tiles)], ignore_index=True),
        np.tile(signatures, tiles),
        pd.concat([_shifted(pairs, tile * len(rows)) for tile in range(tiles)], ignore_index=True),
    )
    target.write_results(large, results)
    print(f"{tiles * len(rows):,} images, {len(results.pairs):,} pairs")
    return large.key


def _tile(rows: pd.DataFrame, tile: int) -> pd.DataFrame:
    mark = f"{tile:08x}"
    random = np.random.default_rng(tile)
    changed = {
        column: [f"{mark}{value[8:]}" if value else "" for value in rows[column]] for column in ("sha256", "content")
    }
    changed["path"] = [f"{tile:05}/{path}" for path in rows["path"]]
    changed["nearest"] = np.where(rows["nearest"] >= 0, rows["nearest"] + tile * len(rows), -1).astype(np.int32)
    for metric in ("brightness", "contrast", "sharpness", "entropy"):
        changed[metric] = rows[metric] * random.uniform(0.9, 1.1, len(rows))
    changed["random"] = random.random(len(rows))
    return rows.assign(**changed)


def _shifted(pairs: pd.DataFrame, by: int) -> pd.DataFrame:
    return pairs.assign(left=(pairs["left"] + by).astype(np.int32), right=(pairs["right"] + by).astype(np.int32))


def server(key: str) -> None:
    """CPU time of script runs."""
    from dedup.ui.shell.library import LIBRARY

    start = time.process_time()
    opened = LIBRARY.open(key)
    assert len(opened.dataset.frame)
    print(f"opening the dataset, once per server    {time.process_time() - start:6.2f} s CPU")
    opened.dataset.decisions.create_tag("keep", "#0072b2")
    at = AppTest.from_file(str(ROOT / "pages" / "explorer.py"), default_timeout=120)
    at.query_params["dataset"] = key
    start = time.process_time()
    at.run()
    print(f"first view of a session                 {time.process_time() - start:6.2f} s CPU")
    ids = opened.dataset.frame["id"].tolist()
    number = iter(range(1, 10_000))

    def flip() -> None:
        next_page = next(number) + 1
        at.session_state["view"] = replace(at.session_state["view"], page=next_page)

    def tag() -> None:
        seq = next(number)
        event = {"seq": seq, "type": "tag", "ids": [ids[seq]], "tag": "keep", "remove": False}
        at.session_state[f"grid {key}"] = {"events": {"session": "bench", "pending": [event]}}

    def move() -> None:
        view = at.session_state["view"]
        selection = view.selection.with_range("singularity", None, 0.9 - next(number) / 1000)
        at.session_state["view"] = replace(view, selection=selection, page=1)

    for name, change in (("page flip", flip), ("tag of a card", tag), ("another range", move)):
        print(f"{name:<40}{_median(at, change):6.3f} s CPU (median of {REPEATS})")


def _median(at: AppTest, change: Callable[[], None]) -> float:
    spent = []
    for _ in range(REPEATS):
        change()
        start = time.process_time()
        at.run()
        spent.append(time.process_time() - start)
        assert not at.exception, at.exception
    return statistics.median(spent)


def browser(key: str, home: Path) -> None:
    """Wall time until a person sees what a click did, and what travels for it."""
    from playwright.sync_api import sync_playwright

    from tests.browser.conftest import CHROMIUM_FLAGS, Server
    from tests.chromium import find_chromium

    app = Server(ROOT / "app.py", home / "server.log", {"DEDUP_HOME": str(home)})
    address = f"{app.url}/explorer?dataset={key}"
    try:
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_FLAGS)
            _first(chromium, address)  # opens the dataset, once per server
            tell("first pictures of a session, fresh browser", [_first(chromium, address) for _ in range(REPEATS)])
            page = chromium.new_page(viewport={"width": 1400, "height": 900})
            traffic = Traffic(page)
            page.goto(address)
            page.locator(".js-plotly-plot").wait_for(timeout=180_000)
            page.wait_for_timeout(5_000)
            for name, act in (
                ("page flip, pictures in sight painted", _flip),
                ("selection echoed by Python", _echo),
                ("compare opened, both pictures painted", _compare),
                ("another range, pictures in sight painted", _range),
                ("a preset, pictures in sight painted", _preset),
            ):
                traffic.forget()
                spent = [act(page, number) for number in range(REPEATS)]
                tell(name, spent, traffic.told(REPEATS))
            chromium.close()
    finally:
        app.stop()


def tell(name: str, spent: list[float], more: str = "") -> None:
    """One line of results."""
    print(f"{name:<48}{statistics.median(spent):6.2f} s (median of {len(spent)}, least {min(spent):.2f}){more}")


class Traffic:
    """What a page sends and gets, pictures apart."""

    def __init__(self, page: Page) -> None:
        self.forget()
        page.on("websocket", self._watch)
        page.on("response", self._answered)

    def _watch(self, socket: WebSocket) -> None:
        socket.on("framereceived", lambda frame: self._add("down", len(frame)))
        socket.on("framesent", lambda frame: self._add("up", len(frame)))

    def _answered(self, response: Response) -> None:
        if "/thumb/" in response.url or "/image/" in response.url:
            self._add("pictures", int(response.headers.get("content-length", 0)))

    def _add(self, what: str, count: int) -> None:
        self.bytes[what] += count

    def forget(self) -> None:
        """Begin anew."""
        self.bytes: dict[str, int] = dict.fromkeys(("up", "down", "pictures"), 0)

    def told(self, times: int) -> str:
        """Bytes a click."""
        return "; a click: " + ", ".join(f"{count / times / 1e3:.1f} kB {what}" for what, count in self.bytes.items())


PAINTED = """([old]) => {
  const shadows = [...document.querySelectorAll('*')].map(element => element.shadowRoot).filter(Boolean);
  const cells = shadows.flatMap(shadow => [...shadow.querySelectorAll('.cell')]);
  const seen = cells.map(cell => cell.querySelector('img')).filter(Boolean).filter(image => {
    const box = image.getBoundingClientRect();
    return box.top < innerHeight && box.bottom > 0;
  });
  return cells.length && cells[0].dataset.id !== old && seen.length && seen.every(i => i.complete && i.naturalWidth);
}"""
REST_MS = 1_800
"""Between two measurements: what follows a click (thumbnails of the next page) is done by then."""


def _first(chromium: Browser, address: str) -> float:
    context = chromium.new_context(viewport={"width": 1400, "height": 900})
    page = context.new_page()
    start = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.wait_for_function(PAINTED, arg=[""], polling=20, timeout=180_000)
    spent = time.perf_counter() - start
    page.wait_for_timeout(3_000)  # the chart's code is read by then, which would take the processor from the next one
    context.close()
    return spent


def _until_painted(page: Page, act: Callable[[], object]) -> float:
    old = page.locator(".cell").first.get_attribute("data-id")
    start = time.perf_counter()
    act()
    page.wait_for_function(PAINTED, arg=[old], polling=20, timeout=60_000)
    spent = time.perf_counter() - start
    page.wait_for_timeout(REST_MS)
    return spent


def _flip(page: Page, number: int) -> float:
    return _until_painted(page, page.locator(".toolbar .pager").get_by_role("button", name="Next page").click)


def _echo(page: Page, number: int) -> float:
    start = time.perf_counter()
    page.locator(".cell").nth(number).click(modifiers=["Control"])
    page.locator(".dedup-counts").get_by_text(f"{number + 1}", exact=True).wait_for(timeout=30_000)
    spent = time.perf_counter() - start
    page.wait_for_timeout(REST_MS)
    return spent


def _range(page: Page, number: int) -> float:
    if number == 0:  # of a metric whose values differ in every tile, so that each range begins with another picture
        page.goto(f"{page.url.split('&')[0]}&metric=brightness")
        page.locator(".js-plotly-plot").wait_for(timeout=60_000)
        page.wait_for_timeout(REST_MS)

    def move() -> None:
        page.locator(".st-key-low input").fill(f"{0.3 + number / 50:.2f}")
        page.keyboard.press("Enter")

    return _until_painted(page, move)


def _preset(page: Page, number: int) -> float:
    name = ("Near duplicates", "Unique")[number % 2]
    return _until_painted(page, page.locator(".st-key-preset").get_by_text(name).click)


def _compare(page: Page, number: int) -> float:
    page.locator(".cell").nth(1 + 2 * number).click()
    page.wait_for_timeout(REST_MS)
    start = time.perf_counter()
    page.keyboard.press(
        "Enter" if page.locator(".cell").nth(1 + 2 * number).get_attribute("data-kind") == "unique" else "c"
    )
    page.wait_for_function(OPENED, polling=20, timeout=30_000)
    spent = time.perf_counter() - start
    page.keyboard.press("Escape")
    page.wait_for_timeout(300)
    return spent


OPENED = """() => {
  const shadows = [...document.querySelectorAll('*')].map(element => element.shadowRoot).filter(Boolean);
  const view = shadows.map(shadow => shadow.querySelector('dialog.compare[open]')).find(Boolean);
  const images = view ? [...view.querySelectorAll('.pane img')] : [];
  return images.length > 0 && images.every(image => image.complete && image.naturalWidth);
}"""


if __name__ == "__main__":
    main()
