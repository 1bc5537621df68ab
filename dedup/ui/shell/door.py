"""Who is let in: under which host names the app answers, from which pages, and with which token.

Any page that a browser shows could reach an app on this machine by a host name of its own (DNS rebinding), so the app
answers to names it was told only. Streamlit lets WebSockets from any port of this machine in, for it compares names
alone, so a page must come from the very address it calls. Beyond this machine a token is asked for: it comes once in a
link, and stays in a cookie that no script can read.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import os
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.types import Scope
from streamlit import config

from dedup.errors import UsageError
from dedup.launch import token_of

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "::1")
EVERYWHERE = ("", "0.0.0.0", "::")
"""Addresses that stand for all of a machine's."""
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
OPEN_PATH = "/_stcore/health"
"""Answers whoever asks whether the app lives, and tells nothing else."""
LONGEST_SHOWN = 200
"""Characters of what a request names that are repeated to it."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not let in: one sentence for people, the status of HTTP, and whether a token would do."""

    sentence: str
    status: int = 403
    token_would_do: bool = False


@dataclass(frozen=True, slots=True)
class Door:
    """Decides on requests. `hosts` are names it answers to beside this machine's own, with `*` and `*.name` as
    patterns; `addresses` whether it answers to any numeric address; `origins` what pages behind a proxy that changes
    names are called; `base` the path below which all lies, "" or "/path"; `address` what a browser here calls it."""

    hosts: tuple[str, ...] = ()
    origins: frozenset[str] = frozenset()
    addresses: bool = False
    token: str = field(default="", repr=False)
    base: str = ""
    address: str = "localhost"

    def refusal(self, scope: Scope) -> Refusal | None:
        """Why this request or WebSocket (an ASGI scope) is not let in; None when it is."""
        headers = Headers(scope=scope)
        if scope["path"] == self.base + OPEN_PATH and scope["type"] == "http":
            return None
        return self._of_host(headers.get("host")) or self._of_token(scope, headers) or self._of_origin(scope, headers)

    def _of_host(self, host: str | None) -> Refusal | None:
        name = host_name(host)
        if name is not None and (name in LOOPBACK_NAMES or self._allows(name)):
            return None
        if name is None:
            return Refusal(
                "This app answers by its name alone, and the request has none that could be one. Names to answer to "
                "are given by: dedup app --allow-host NAME (or by STREAMLIT_SERVER_ALLOWED_HOSTS in its environment)."
            )
        shown = name[:LONGEST_SHOWN]
        return Refusal(
            f"This app does not answer to the name {shown}. If it should, start it with: "
            f"dedup app --allow-host {shown} (or with STREAMLIT_SERVER_ALLOWED_HOSTS={shown} in its environment)."
        )

    def _allows(self, name: str) -> bool:
        if self.addresses and _is_address(name):
            return True
        return any(
            pattern in ("*", name) or (pattern.startswith("*.") and name.endswith(pattern[1:]))
            for pattern in self.hosts
        )

    def _of_token(self, scope: Scope, headers: Headers) -> Refusal | None:
        if not self.token or hmac.compare_digest(self._cookie(headers).encode(), self.cookie_value.encode()):
            return None
        wrong = "That is not its token. " if _token_in(scope) else ""
        sentence = (
            f"{wrong}This app asks for its token: open the link that it printed when it was started, or give it here."
        )
        return Refusal(sentence, 401, token_would_do=True)

    def _cookie(self, headers: Headers) -> str:
        """Other programs of this machine set cookies, too, and browsers send all: an odd one spoils none of ours."""
        found = (cookie_parser(sent).get(self.cookie_name) for sent in headers.getlist("cookie"))
        return next((each for each in found if each), "")

    def _of_origin(self, scope: Scope, headers: Headers) -> Refusal | None:
        origin, host = headers.get("origin"), headers.get("host")
        changes = scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS
        if not changes or is_same_origin(origin, host) or origin in self.origins:
            return None
        shown = (origin or "")[:LONGEST_SHOWN]
        return Refusal(
            f"A page of {shown} asks for {host}, which is another address. Where a proxy stands between, let it pass "
            "the host name on (nginx: proxy_set_header Host $http_host;), or start the app with: "
            f"dedup app --allow-origin {shown}"
        )

    @property
    def cookie_name(self) -> str:
        """Another one for every token: cookies do not tell ports apart, and several apps may run on one machine."""
        return f"dedup-{_digest('name', self.token)[:8]}"

    @property
    def cookie_value(self) -> str:
        """What the cookie holds: not the token itself, which opens the door elsewhere too."""
        return _digest("value", self.token)

    def token_given(self, scope: Scope) -> bool:
        """Whether the request's address has the right token in it, and the app answers to that address."""
        if not self.token or scope["type"] != "http" or scope["method"] != "GET":
            return False
        return hmac.compare_digest(_token_in(scope).encode(), self.token.encode())

    @property
    def everywhere(self) -> bool:
        """Whether it listens on every address of this machine."""
        return self.addresses and self.address == "localhost"

    def link(self, port: int, *, secure: bool = False, address: str = "") -> str:
        """The address to open here, or at another of this machine's, the token in it; `secure` where the app itself
        speaks HTTPS."""
        query = f"?{urlencode({'token': self.token})}" if self.token else ""
        address = address or self.address
        host = f"[{address}]" if ":" in address else address
        return f"http{'s' if secure else ''}://{host}:{port}{quote(self.base)}/{query}"


def from_settings() -> Door:
    """The door that Streamlit's settings and the environment ask for. Raises `UsageError` for a token too short."""
    address = (config.get_option("server.address") or "").strip().lower()
    beyond = not is_loopback(address)
    hosts = [_allowed(each) for each in config.get_option("server.allowedHosts")]
    if address not in EVERYWHERE:
        hosts.append(_allowed(address))
    base = (config.get_option("server.baseUrlPath") or "").strip("/")
    _leave_hosts_to_the_door()
    # files of settings are read again on a change
    config.on_config_parsed(_leave_hosts_to_the_door, force_connect=True)
    return Door(
        hosts=tuple(name for name in hosts if name and name not in LOOPBACK_NAMES),
        origins=frozenset(each.rstrip("/") for each in config.get_option("server.corsAllowedOrigins")),
        addresses=beyond,
        token=token_of(os.environ, needed=beyond),
        base=f"/{base}" if base else "",
        address="localhost" if address in EVERYWHERE else address,
    )


def _leave_hosts_to_the_door() -> None:
    """Streamlit's own check of WebSockets knows fewer names than are let in here."""
    if config.get_option("server.allowedHosts") != ["*"]:
        config.set_option("server.allowedHosts", ["*"])


def is_loopback(address: str) -> bool:
    """Whether only this machine reaches what listens there."""
    return address == "localhost" or (_is_address(address) and ipaddress.ip_address(address).is_loopback)


def is_same_origin(origin: str | None, host: str | None) -> bool:
    """Whether a request comes from a page of the address it is sent to; what sends no origin is no page."""
    try:
        return origin is None or (bool(host) and urlsplit(origin).netloc == host)
    except ValueError:  # no address at all
        return False


def host_name(host: str | None) -> str | None:
    """The name in a Host header, without port and brackets, in lower case; None where it is malformed."""
    if not host or not host.isprintable() or set(host) & set("/@?#\\ <>\"'`;,"):
        return None
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port  # raises for what is no number of a port
        return (parts.hostname or "").rstrip(".") or None
    except ValueError:
        return None


def _allowed(given: str) -> str:
    """A name or pattern that was allowed, as `host_name` tells names. Raises `UsageError`."""
    name = given.strip().lower().rstrip(".")
    if name == "*" or name.startswith("*."):
        return name
    if _is_address(name):
        return ipaddress.ip_address(name).compressed
    found = host_name(name)
    if found is None:
        raise UsageError(f"{given!r} is no name of a host; give one such as photos.example.org to --allow-host.")
    return found


def _token_in(scope: Scope) -> str:
    """The token in a request's address, "" without one."""
    return dict(query_of(scope)).get("token", "").strip()


def query_of(scope: Scope) -> list[tuple[str, str]]:
    """The parameters of a request's address."""
    return parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _digest(purpose: str, token: str) -> str:
    return hmac.new(token.encode(), f"dedup {purpose}".encode(), hashlib.sha256).hexdigest()
