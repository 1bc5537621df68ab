"""Where the app's front is (`app.py`, the pages, `.streamlit`), and how it is started."""

from __future__ import annotations

import errno
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dedup.errors import UsageError
from dedup.files import expanded

TOKEN_VARIABLE = "DEDUP_TOKEN"
"""The environment variable with the token that opens the app."""
NO_TOKEN_VARIABLE = "DEDUP_NO_TOKEN"
"""Set to 1 (or true, yes, on), it leaves the app open to whoever reaches it."""
PARENT_VARIABLE = "DEDUP_END_WITH_PARENT"
"""Set to anything, the app ends when its standard input does."""
OPEN_VARIABLE = "DEDUP_OPEN_BROWSER"
"""Set to anything, the app opens itself in a browser once it is ready."""
_SHORTEST_TOKEN = 12
"""Twelve characters of a to z and digits are 62 bits: more than a network lets anyone try."""


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
        """The command line. Raises `UsageError` where there is no front to start, for another machine's address, a port
        that is taken, and a base path that no browser asks for."""
        address = self.host or os.environ.get("STREAMLIT_SERVER_ADDRESS", "")
        check_address(address)
        if self.port is not None:
            check_port(address, self.port)
        if {"..", "."} & {*(self.base_path or "").split("/")}:
            raise UsageError(f"--base-path {self.base_path} is no path below a host: browsers take its dots away.")
        given = {"server.address": self.host, "server.port": self.port, "server.baseUrlPath": self.base_path}
        options = [f"--{name}={value}" for name, value in given.items() if value is not None]
        options += [f"--server.allowedHosts={name}" for name in self.allow_hosts]
        options += [f"--server.corsAllowedOrigins={origin}" for origin in self.allow_origins]
        return [sys.executable, "-m", "streamlit", "run", str(front() / "app.py"), *options]

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
            told["DEDUP_HOME"] = str(expanded(home).absolute())
        return told

    def run(self) -> int:
        """Serve until it is stopped; returns the exit code, where this process does not become the app itself."""
        command, environment = self.command(), self.environment()
        if os.name != "posix":
            return subprocess.call(command, cwd=front(), env=environment)
        sys.stdout.flush()
        os.chdir(front())
        return os.execve(command[0], command, environment)  # asked to end, it is the app that is asked


def check_port(address: str, port: int) -> None:
    """Raises `UsageError` where something else listens on a port already."""
    if address.startswith("unix://"):
        return
    try:
        _probe(address or "127.0.0.1", port)
    except OSError as error:
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            taken = "is taken" if error.errno == errno.EADDRINUSE else "may not be used by you"
            raise UsageError(f"Port {port} {taken}. Give another one to --port.") from error


def _probe(address: str, port: int) -> None:
    """Raises `OSError` where nothing can listen there."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        if os.name == "posix":  # there it lets go of what was just left, and of nothing that is in use
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((address, port))


def check_address(address: str) -> None:
    """Raises `UsageError` where nothing can listen on it: Streamlit would say so in its own code's lines."""
    if not address or address.startswith("unix://"):
        return
    try:
        _probe(address, 0)
    except OSError as error:
        raise UsageError(
            f"This machine has no address {address} to listen on. Give one of its own to --host, or 0.0.0.0 for all."
        ) from error


def front() -> Path:
    """The folder of `app.py`: within the package where it was installed, beside it in the project's own folder. The app
    is started in it, so that nothing in a folder of images is taken for its settings or its code.

    Raises `UsageError` where there is none.
    """
    here = Path(__file__).resolve().parent
    found = next((folder for folder in (here / "front", here.parent) if (folder / "app.py").is_file()), None)
    if found is None:
        raise UsageError("The app is not beside this package. Install it anew, or run it in the project's folder.")
    return found


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
    if environment.get(NO_TOKEN_VARIABLE, "").strip().lower() in ("1", "true", "yes", "on"):
        return ""
    token = environment.get(TOKEN_VARIABLE, "").strip()
    if token and len(token) < _SHORTEST_TOKEN:
        raise UsageError(f"{TOKEN_VARIABLE} has fewer than {_SHORTEST_TOKEN} characters and could be guessed.")
    return token or (new_token() if needed else "")
