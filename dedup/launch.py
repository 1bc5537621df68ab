"""Where the app's front is (`app.py`, the pages, `.streamlit`), and how it is started."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dedup.errors import UsageError

_HERE = Path(__file__).resolve().parent
FRONT = next((folder for folder in (_HERE / "front", _HERE.parent) if (folder / "app.py").is_file()), None)
"""The folder of `app.py`: within the package where it was installed, beside it in the project's own folder."""

TOKEN_VARIABLE = "DEDUP_TOKEN"
"""The environment variable with the token that opens the app."""
NO_TOKEN_VARIABLE = "DEDUP_NO_TOKEN"
"""Set to anything, it leaves the app open to whoever reaches it."""
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
        if FRONT is None:
            raise UsageError("The app is not beside this package. Install it anew, or run it in the project's folder.")
        given = {"server.address": self.host, "server.port": self.port, "server.baseUrlPath": self.base_path}
        options = [f"--{name}={value}" for name, value in given.items() if value is not None]
        options += [f"--server.allowedHosts={name}" for name in self.allow_hosts]
        options += [f"--server.corsAllowedOrigins={origin}" for origin in self.allow_origins]
        return [sys.executable, "-m", "streamlit", "run", str(FRONT / "app.py"), *options]

    def environment(self) -> dict[str, str]:
        """The environment to start it in: this process's own and what the app reads from it, the token among it, which
        other users of the machine must not see in a list of commands."""
        told = dict(os.environ)
        if self.token is not None:
            told.pop(NO_TOKEN_VARIABLE, None)
        if self.token:
            told.setdefault(TOKEN_VARIABLE, new_token())
        elif self.token is False:
            told[NO_TOKEN_VARIABLE] = "1"
        if self.open_browser:
            told[OPEN_VARIABLE] = "1"
        if self.home is not None:
            told["DEDUP_HOME"] = str(self.home.expanduser().absolute())
        return told

    def run(self) -> int:
        """Serve until it is stopped; returns the exit code."""
        return subprocess.call(self.command(), env=self.environment())


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
