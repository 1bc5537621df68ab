"""Many browsers at once on one server: does its memory stay flat, is every page painted, is every tag kept.

    python -m benchmarks.sessions [--sessions 20] [--flips 300] [--folder IMAGES]

Every session is a browser profile of its own with the Explorer of one dataset (the sample without --folder). In each
round all turn a page at the same time and wait until every thumbnail is painted, and one of them creates a tag. Memory
is what the server holds once every session is open and has turned one page, and after every fifth round. Exits with 1
where a page was not painted, a tag was lost, or memory grew by more than a tenth after the first half of the rounds.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import dedup
from benchmarks.ui import PAINTED, ROOT
from dedup import sample

FLAT = 1.1
"""Memory of the last round beside that of the middle: what caches hold is there by then."""
WAIT_MS = 120_000


def main() -> int:
    """Run the sessions and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--flips", type=int, default=300)
    parser.add_argument("--folder", type=Path)
    chosen = parser.parse_args()
    logging.getLogger("streamlit").setLevel(logging.ERROR)  # it warns of every look at the session outside a page
    with tempfile.TemporaryDirectory(prefix="dedup-bench-") as scratch:
        home = Path(scratch) / "home"
        os.environ["DEDUP_HOME"] = str(home)
        dataset = dedup.scan(chosen.folder or sample.make(Path(scratch) / "sample"), name="many")
        return run(dataset, home, chosen.sessions, -(-chosen.flips // chosen.sessions))


def run(dataset: dedup.Dataset, home: Path, sessions: int, rounds: int) -> int:
    """Open the sessions, turn the pages; returns how the process exits."""
    from playwright.sync_api import Error, sync_playwright

    from tests.browser.conftest import CHROMIUM_FLAGS, Server
    from tests.chromium import find_chromium

    app = Server(ROOT / "app.py", home / "server.log", {"DEDUP_HOME": str(home)})
    unpainted = 0
    memory = []
    tags = []
    start = time.monotonic()
    try:
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_FLAGS)
            pages = [opened(chromium, f"{app.url}/explorer?dataset={dataset.info.key}") for _ in range(sessions)]
            for number in range(rounds):
                try:
                    turn(pages, "Next" if number % 2 == 0 else "Previous")
                except Error as error:
                    unpainted += 1
                    print(f"round {number}: {str(error).splitlines()[0]}", flush=True)
                tags.append(f"session {number % sessions} round {number}")
                create_tag(pages[number % sessions], tags[-1])
                if number % 5 == 0:
                    memory.append(held(app.pid))
                    print(f"after {(number + 1) * sessions:,} flips: {memory[-1]:,.0f} MB", flush=True)
            memory.append(held(app.pid))
            chromium.close()
    finally:
        app.stop()
    kept = set(dataset.decisions.tags())
    lost = [tag for tag in tags if tag not in kept]
    grown = memory[-1] / memory[len(memory) // 2]
    print(f"{sessions:,} sessions, {sessions * rounds:,} flips in {time.monotonic() - start:,.0f} s")
    print(f"memory {memory[0]:,.0f} MB at first, {memory[-1]:,.0f} MB at last, {grown:.3f} of what it was half-way")
    print(f"rounds with a page that was not painted: {unpainted}; tags lost: {len(lost)} of {len(tags)}")
    return 1 if unpainted or lost or grown > FLAT else 0


def opened(chromium: Any, url: str) -> Any:
    """A page in a profile of its own, painted."""
    page = chromium.new_context(viewport={"width": 1400, "height": 5200}).new_page()  # all thumbnails in view
    page.set_default_timeout(WAIT_MS)
    page.goto(url)
    page.wait_for_function(PAINTED, arg=[""], polling=200)
    return page


def turn(pages: list[Any], name: str) -> None:
    """Turn a page in every session at once and wait for all of them."""
    before = [page.locator(".cell").first.get_attribute("data-id") for page in pages]
    for page in pages:
        page.get_by_role("button", name=name).first.click()
    for page, old in zip(pages, before, strict=True):
        page.wait_for_function(PAINTED, arg=[old], polling=200)


def create_tag(page: Any, name: str) -> None:
    """A tag of that name, once the sidebar shows it."""
    page.get_by_role("button", name="New").click()
    page.get_by_role("textbox", name="Name", exact=True).fill(name)
    page.get_by_role("button", name="Create").click()
    page.locator(".dedup-tag", has_text=name).first.wait_for()


def held(pid: int) -> float:
    """Resident memory of a process, MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


if __name__ == "__main__":
    sys.exit(main())
