"""Takes pictures of every page and state of the app on the sample: `python -m docs.screenshots FOLDER`.

Each is taken at every width in light and dark, to be looked at before a release. Two of them are the pictures of README
and docs; with `--docs` they are put in their place.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import sync_playwright

import dedup
from dedup import sample
from tests.browser.conftest import CHROMIUM_FLAGS, ROOT, Server
from tests.browser.states import STATES, State
from tests.chromium import find_chromium

SIZES = {1400: 900, 1024: 768, 900: 700, 390: 844}
"""Widths and heights of windows: a laptop, a small one, a half screen, a telephone."""
SETTLED_MS = 1200
"""After the last thing a page waits for: charts and thumbnails are painted by then."""

SHOWN = {"explorer-near": "explorer.png", "review-doubtful": "duplicates.png"}
"""What stands in README and docs, at 1400 pixels in light."""


def take(url: str, folder: Path, states: Sequence[State], sizes: Sequence[int], themes: Sequence[str]) -> list[Path]:
    """Pictures of `states` at `sizes` in `themes`; returns where they lie."""
    taken = []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_FLAGS)
        for theme in themes:
            page = chromium.new_context(color_scheme="dark" if theme == "dark" else "light").new_page()
            for width in sizes:
                page.set_viewport_size({"width": width, "height": SIZES[width]})
                for state in states:
                    page.goto(url + state.path)
                    page.locator(state.wait).first.wait_for()
                    page.wait_for_timeout(SETTLED_MS)
                    state.act(page)
                    page.wait_for_timeout(SETTLED_MS)
                    taken.append(folder / f"{state.name}-{width}-{theme}.png")
                    page.screenshot(path=taken[-1])
        chromium.close()
    return taken


def main() -> None:
    """Read the command line, serve the sample, take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="*", help="names of states")
    parser.add_argument("--width", nargs="*", type=int, default=list(SIZES), choices=list(SIZES))
    parser.add_argument("--theme", nargs="*", default=["light", "dark"], choices=["light", "dark"])
    parser.add_argument("--home", type=Path, help="a home that has a dataset, in place of the sample")
    parser.add_argument("--docs", action="store_true", help="put the pictures of README and docs in their place")
    told = parser.parse_args()
    told.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        home = told.home or Path(scratch)
        if told.home is None:
            make_sample(home)
        server = Server(ROOT / "app.py", Path(scratch) / "server.log", {"DEDUP_HOME": str(home)})
        try:
            states = [state for state in STATES if not told.only or state.name in told.only]
            taken = take(server.url, told.folder, states, told.width, told.theme)
        finally:
            server.stop()
    print(f"{len(taken)} pictures in {told.folder}")
    for name, target in SHOWN.items() if told.docs else ():
        shutil.copy(told.folder / f"{name}-1400-light.png", ROOT / "docs" / target)


def make_sample(home: Path) -> None:
    """The sample, scanned and with its map, so that every state of `STATES` has something to show."""
    images = sample.make(home / sample.FOLDER_NAME)
    files = sample.annotation_files(images)
    dedup.scan(images, name=sample.DATASET_NAME, home=home, annotations=files).draw_map()


if __name__ == "__main__":
    main()
