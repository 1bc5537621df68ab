"""Where the app's front is (`app.py`, the pages, `.streamlit`), and how it is started."""

from __future__ import annotations

import atexit
import html
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import webbrowser
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from dedup.errors import DedupError, UsageError

_HERE = Path(__file__).resolve().parent
FRONT = next((folder for folder in (_HERE / "front", _HERE.parent) if (folder / "app.py").is_file()), None)
"""The folder of `app.py`: within the package where it was installed, beside it in the project's own folder."""

TOKEN_VARIABLE = "DEDUP_TOKEN"
"""The environment variable with the token that opens the app."""
NO_TOKEN_VARIABLE = "DEDUP_NO_TOKEN"
"""Set to anything, it leaves the app open to whoever reaches it."""
PARENT_VARIABLE = "DEDUP_END_WITH_PARENT"
"""Set to anything, the app ends when its standard input does."""
OPEN_VARIABLE = "DEDUP_OPEN_BROWSER"
"""Set to anything, the app opens itself in a browser once it is ready."""


@dataclass(frozen=True, slots=True)
class Launch:
    """How to serve the app; None and nothing leave a setting to Streamlit's own (files and environment variables).

    `host` is the address to listen on, `base_path` the path below which a proxy shows the app, `allow_hosts` are names
    that it answers to beside this machine's own, `allow_origins` whole origins (`https://name`) of pages behind a proxy
    that changes the name. `token` asks for one (True), switches it off (False) or leaves it to the address (None).
    """

    host: str | None = None
    port: int | None = None
    base_path: str | None = None
    allow_hosts: Sequence[str] = ()
    allow_origins: Sequence[str] = ()
    token: bool | None = None
    open_browser: bool = False
    home: Path | None = None

    def command(self) -> list[str]:
        """The command line. Raises `UsageError` where there is no front to start."""
        front = command_folder()
        given = {"server.address": self.host, "server.port": self.port, "server.baseUrlPath": self.base_path}
        options = [f"--{name}={value}" for name, value in given.items() if value is not None]
        options += [f"--server.allowedHosts={name}" for name in self.allow_hosts]
        options += [f"--server.corsAllowedOrigins={origin}" for origin in self.allow_origins]
        return [sys.executable, "-m", "streamlit", "run", str(front / "app.py"), *options]

    def environment(self) -> dict[str, str]:
        """The environment to start it in: this process's own and what the app reads from it, the token among it, which
        other users of the machine must not see in a list of commands."""
        told = dict(os.environ)
        if self.token is not None:
            told.pop(NO_TOKEN_VARIABLE, None)
        if self.token and not told.get(TOKEN_VARIABLE, "").strip():
            told[TOKEN_VARIABLE] = new_token()
        elif self.token is False:
            told[NO_TOKEN_VARIABLE] = "1"
        if self.open_browser:
            told[OPEN_VARIABLE] = "1"
        if home := self.home or told.get("DEDUP_HOME"):
            told["DEDUP_HOME"] = str(Path(home).expanduser().absolute())
        return told

    def run(self) -> int:
        """Serve until it is stopped; returns the exit code, where this process does not become the app itself."""
        command, environment = self.command(), self.environment()
        if os.name != "posix":
            return subprocess.call(command, cwd=command_folder(), env=environment)
        sys.stdout.flush()
        os.chdir(command_folder())
        return os.execve(command[0], command, environment)  # asked to end, it is the app that is asked


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
_START_SECONDS, _END_SECONDS = 90.0, 10.0
"""Patience with a start on a busy machine, and with an end."""


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
            cwd=command_folder(),
            env=environment,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        served = Served(f"http://127.0.0.1:{port}/?{query}", process)
        atexit.register(served.stop)
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
    except (OSError, urllib.error.URLError):
        return False


def command_folder() -> Path:
    """Where the app is started: in its own folder, so that nothing in a folder of images is taken for its settings or
    its code. Raises `UsageError` where there is no front."""
    if FRONT is None:
        raise UsageError("The app is not beside this package. Install it anew, or run it in the project's folder.")
    return FRONT


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


def end_with_parent() -> None:
    """End this process when the one that started it has gone, however it went: its end of the pipe is closed then."""

    def wait() -> None:
        sys.stdin.buffer.read()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="end with parent", daemon=True).start()


def new_token() -> str:
    """A token that nobody guesses: 192 random bits."""
    return secrets.token_urlsafe(24)


def token_of(environment: Mapping[str, str], *, needed: bool) -> str:
    """The token that these environment variables ask for; `needed` says whether one is made where they say nothing.

    Empty where the app stands open. Raises `UsageError` for one that is too short.
    """
    if environment.get(NO_TOKEN_VARIABLE):
        return ""
    token = environment.get(TOKEN_VARIABLE, "").strip()
    if token and len(token) < _SHORTEST_TOKEN:
        raise UsageError(f"{TOKEN_VARIABLE} has fewer than {_SHORTEST_TOKEN} characters and could be guessed.")
    return token or (new_token() if needed else "")


_SHORTEST_TOKEN = 12
"""Twelve characters of a to z and digits are 62 bits: more than a network lets anyone try."""
