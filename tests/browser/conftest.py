"""A real server on a free port and a real Chromium; every test fails on an error in the page."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import pytest

from tests.chromium import find_chromium

ROOT = Path(__file__).parent.parent.parent
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
START_SECONDS = 60
WAIT_MS = 60_000
CLICKS = """addEventListener("click", event => {
  if (event.isTrusted) sessionStorage.clicks = Number(sessionStorage.clicks || 0) + 1;
}, true)"""
"""Run in a page before its own code: counts a person's clicks in `sessionStorage.clicks`."""
QUIET = {"reduced_motion": "reduce"}
"""What moves costs a tenth of the browser's time, and says nothing."""
HARMLESS = re.compile(r"WebSocket|ResizeObserver loop")
"""Page errors that Streamlit itself raises when a server goes away or a window is resized."""


class Server:
    """`streamlit run SCRIPT` on a free loopback port, until `stop`; `options` are Streamlit's own."""

    def __init__(
        self, script: Path, log: Path, environment: Mapping[str, str], options: Mapping[str, str] | None = None
    ) -> None:
        self.log = log
        self.port = free_port()
        base = (options or {}).get("server.baseUrlPath", "")
        self.url = f"http://127.0.0.1:{self.port}" + (f"/{base}" if base else "")
        with log.open("wb") as stream:
            self._process = _start(script, self.port, stream, environment, options or {})
        self._wait()

    def _wait(self) -> None:
        end = time.monotonic() + START_SECONDS
        while not answers(f"{self.url}/_stcore/health"):
            if self._process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise RuntimeError(f"the app did not start:\n{self.log.read_text(errors='replace')}")
            time.sleep(0.1)

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._process.pid

    def stop(self) -> None:
        """End the server and the processes it started."""
        if self._process.poll() is not None:
            return
        os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _start(
    script: Path, port: int, log: IO[bytes], environment: Mapping[str, str], more: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    options = {
        "server.port": port,
        "server.address": "127.0.0.1",
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
        **more,
    }
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "streamlit",
            "run",
            str(script),
            *(f"--{name}={value}" for name, value in options.items()),
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def until(check: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Wait until `check` gives something true, and return it."""
    end = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.1)
    return found


def answers(url: str) -> bool:
    """Whether something there answers as it should."""
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """`serve(script, options=None, **environment)` starts an app, or returns the one already started so."""
    folder = tmp_path_factory.mktemp("servers")
    running: dict[object, Server] = {}

    def start(script: Path, options: Mapping[str, str] | None = None, **environment: str) -> Server:
        wanted = (script, *sorted((options or {}).items()), *sorted(environment.items()))
        if wanted not in running:
            running[wanted] = Server(script, folder / f"{len(running)}.log", environment, options)
        return running[wanted]

    yield start
    for server in running.values():
        server.stop()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the datasets of a file's tests live."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def app(serve: Callable[..., Server], home: Path) -> Server:
    """One server on that home for all tests of a file."""
    return serve(ROOT / "app.py", DEDUP_HOME=str(home))


@pytest.fixture(scope="module")
def browser():
    """One headless Chromium for the file's tests; skips where there is none.

    Not for the session: Playwright occupies the thread's event loop, which tests of other files need.
    """
    sync_api = pytest.importorskip("playwright.sync_api")
    chromium_path = find_chromium()
    if chromium_path is None:
        pytest.skip("there is no Chromium; name one in the environment variable CHROMIUM")
    sync_api.expect.set_options(timeout=WAIT_MS)
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path, args=CHROMIUM_FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def new_page(browser):
    """`new_page(width=1400, height=900, dark=False)` opens a page of its own; errors in any of them fail the test."""
    contexts, errors = [], []

    def open_page(*, width: int = 1400, height: int = 900, dark: bool = False):
        context = browser.new_context(
            **QUIET,
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            accept_downloads=True,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.on("pageerror", lambda error: errors.append(str(error)))
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [error for error in errors if not HARMLESS.search(error)] == []


@pytest.fixture(scope="module")
def tab(browser):
    """One tab for a file's tests: a tab that has loaded the app once loads it again in a third of the time."""
    context = browser.new_context(**QUIET, accept_downloads=True)
    yield context.new_page()
    context.close()


@pytest.fixture
def page(tab):
    """The tab at 1400 x 900 pixels, light and without cookies; errors in it fail the test."""
    errors: list[str] = []

    def note(error: object) -> None:
        errors.append(str(error))

    tab.context.clear_cookies()
    tab.set_default_timeout(WAIT_MS)
    tab.set_viewport_size({"width": 1400, "height": 900})
    tab.emulate_media(color_scheme="light")
    tab.on("pageerror", note)
    yield tab
    tab.remove_listener("pageerror", note)
    tab.unroute_all()
    assert [error for error in errors if not HARMLESS.search(error)] == []
