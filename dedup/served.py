"""The app as a process beside this one, for notebooks and scripts, and the way to open it in a browser."""

from __future__ import annotations

import atexit
import html
import os
import socket
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request
import webbrowser
from dataclasses import dataclass, field, replace
from pathlib import Path

from dedup.errors import DedupError
from dedup.launch import PARENT_VARIABLE, TOKEN_VARIABLE, Launch, front

_START_SECONDS, _END_SECONDS = 90.0, 10.0
"""Patience with a start on a busy machine, and with an end."""


@dataclass
class Served:
    """The app in a process of its own, which ends with this one. `url` opens it, its token included."""

    url: str
    _process: subprocess.Popen[bytes] = field(repr=False)

    def _repr_html_(self) -> str:
        return f'<a href="{self.url}" target="_blank" rel="noreferrer">Open in dedup</a>'

    @property
    def running(self) -> bool:
        """Whether it still answers."""
        return self._process.poll() is None

    def opened(self, where: str) -> Served:
        """The same app at the page and query `where`, opened in a browser where there is one."""
        address, _, token = self.url.partition("?")
        served = replace(self, url=f"{urllib.parse.urljoin(address, where)}&{token}")
        open_in_browser(served.url)
        return served

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()


_SERVED: dict[Path, Served] = {}
"""By home: one app shows all datasets of it."""


def serve(home: Path) -> Served:
    """The app on this home in the background, on a port of this machine that is free; the one that already runs.

    It asks for a token, for a notebook's machine may have many users. Raises `UsageError` where there is no app, and
    `DedupError` with what it said when it does not start.
    """
    if (known := _SERVED.get(home)) is not None and known.running:
        return known
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    launch = Launch(host="127.0.0.1", port=port, base_path="", token=True, home=home)
    ours = {name: value for name, value in launch.environment().items() if not name.startswith("STREAMLIT_SERVER_")}
    environment = ours | {PARENT_VARIABLE: "1", "STREAMLIT_SERVER_HEADLESS": "true"}
    query = urllib.parse.urlencode({"token": environment[TOKEN_VARIABLE]})
    with tempfile.TemporaryFile(prefix="dedup-") as log:
        process = subprocess.Popen(
            launch.command(),
            cwd=front(),
            env=environment,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        served = Served(f"http://127.0.0.1:{port}/?{query}", process)
        atexit.register(served.stop)  # the pipe alone would not do: forked children of this process hold it, too
        end = time.monotonic() + _START_SECONDS
        try:
            while not _lives(port) or not served.running:
                if not served.running or time.monotonic() > end:
                    log.seek(0)
                    said = log.read().decode(errors="replace").strip().splitlines()
                    raise DedupError(f"The app did not start: {said[-1] if said else 'it said nothing'}")
                time.sleep(0.1)
        except BaseException:  # a person may interrupt the wait
            served.stop()
            raise
    _SERVED[home] = served
    return served


def _lives(port: int) -> bool:
    try:
        here = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy knows this machine
        with here.open(f"http://127.0.0.1:{port}/_stcore/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def open_in_browser(url: str) -> None:
    """Open an address that may hold a token: by a file for this user's eyes alone, because other users of a machine see
    what commands are given."""
    handle, path = tempfile.mkstemp(prefix="dedup-", suffix=".html")
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(
            f'<meta http-equiv="refresh" content="0; url={html.escape(url)}"><a href="{html.escape(url)}">dedup</a>'
        )
    atexit.register(Path(path).unlink, missing_ok=True)
    webbrowser.open(Path(path).as_uri())
