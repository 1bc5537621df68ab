"""The document behind every page, with a script of ours in it, and the way to open it.

A browser shows Streamlit's document before its WebSocket is let in, and an empty frame when it never is. The script
asks for the reason and shows it.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Match, Route, WebSocketRoute
from starlette.types import Scope
from starlette.websockets import WebSocket
from streamlit import config, net_util
from streamlit.file_util import get_static_dir

from dedup.served import open_in_browser
from dedup.ui.shell.door import LONGEST_SHOWN, Door
from dedup.ui.shell.guard import told
from dedup.ui.shell.navigation import PAGES
from dedup.words import command_line

SCRIPTS = {name: Path(__file__).with_name(name) for name in ("door.js", "aids.js")}
"""Run in every page before Streamlit's own."""
TITLE = "<title>dedup</title>"
STREAMLITS = ("_stcore", "component", "media", "static")
"""What Streamlit answers below: the first part of a path."""


def routes(door: Door) -> list[BaseRoute]:
    """The document under the address of every page, and what its script asks for."""
    base = door.base
    document = _document()

    async def page(_: Request) -> Response:
        return HTMLResponse(document, headers={"Cache-Control": "no-cache"})

    async def without_slash(request: Request) -> Response:
        return _relative(f"../{request.url.path.rstrip('/').rsplit('/', 1)[-1]}", request)

    async def with_slash(request: Request) -> Response:
        return _relative(f"{request.url.path.rsplit('/', 1)[-1]}/", request)

    async def script(request: Request) -> Response:
        text = SCRIPTS[request.url.path.rsplit("/", 1)[-1]].read_text("utf-8")
        return Response(text, media_type="text/javascript", headers={"Cache-Control": "no-cache"})

    async def let_in(_: Request) -> Response:
        return PlainTextResponse("let in", headers={"Cache-Control": "no-store"})

    async def sockets_pass(socket: WebSocket) -> None:
        await socket.accept()
        await socket.close()

    names = sorted(path.stem for path in PAGES.glob("*.py"))
    return [
        Route(f"{base}/", page),
        *([Route(base, with_slash)] if base else []),
        *[Route(f"{base}/{name}", page) for name in names],
        *[Route(f"{base}/{name}/", without_slash) for name in names],
        *[Route(f"{base}/{name}", script) for name in SCRIPTS],
        Route(f"{base}/door", let_in, methods=["POST"]),
        WebSocketRoute(f"{base}/door", sockets_pass),
    ]


class _Astray(Route):
    """Every address that a person opens and where nothing is. Streamlit has its document there, too, which finds
    nothing of what it needs where a proxy shows only a part of the addresses, and stays white."""

    def __init__(self, door: Door) -> None:
        super().__init__("/{path:path}", self._tell)
        self._base = door.base

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """What scripts and styles ask for is no page."""
        if scope["type"] != "http" or "text/html" not in Headers(scope=scope).get("accept", ""):
            return Match.NONE, {}
        below = scope["path"].removeprefix(self._base).strip("/")
        return (Match.NONE, {}) if below.split("/")[0] in STREAMLITS else super().matches(scope)

    async def _tell(self, request: Request) -> Response:
        path = request.scope["path"].strip("/")[:LONGEST_SHOWN]
        if f"/{path}/".startswith(f"{self._base}/"):
            return told(
                f"There is no page /{path} here. Where a proxy shows the app below that path, start it with: "
                f"{command_line('app', '--base-path', _above(path))} (or with STREAMLIT_SERVER_BASE_URL_PATH).",
                404,
            )
        return told(
            f"This app lies below {self._base}/, as --base-path says. Where a proxy takes that path away before it "
            "asks, start the app without --base-path (and without STREAMLIT_SERVER_BASE_URL_PATH).",
            404,
        )


def astray(door: Door) -> BaseRoute:
    """The route after all others of ours: says how an address without a page comes about."""
    return _Astray(door)


def _above(path: str) -> str:
    """The path below which a proxy shows the app, where it passes on the address of one of our pages."""
    above, _, name = path.rpartition("/")
    return above if above and (PAGES / f"{name}.py").is_file() else path


def _document() -> str:
    """Streamlit's document with our title, and our scripts before its own."""
    document = (Path(get_static_dir()) / "index.html").read_text("utf-8")
    ours = "".join(f'<script src="./{name}"></script>\n    ' for name in SCRIPTS)
    head = f'{ours}<script type="module"'
    return document.replace("<title>Streamlit</title>", TITLE).replace('<script type="module"', head, 1)


def _relative(to: str, request: Request) -> Response:
    """Leads on by a relative address, for a proxy may show the app below a path that it does not tell."""
    return RedirectResponse(f"{to}?{request.url.query}" if request.url.query else to, 307)


def announced(door: Door, *, open_browser: bool) -> Any:
    """The app's lifespan: tells where it is, once it listens, and opens it there when that is asked for."""

    @asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        secure = bool(config.get_option("server.sslCertFile"))
        port = int(config.get_option("server.port"))
        link, own = door.link(port, secure=secure), _own_address() if door.everywhere else ""
        from_there = f"  From another machine: {door.link(port, secure=secure, address=own)}\n" if own else ""
        print(f"\n  dedup is at {link}\n{from_there}  Stop it with Ctrl-C.\n", file=sys.stderr, flush=True)  # noqa: T201
        if open_browser and not config.get_option("server.headless"):  # which it is where there is no screen
            open_in_browser(link)
        yield

    return lifespan


def _own_address() -> str:
    """The address by which this machine would talk to others, "" where it has none. Nothing is sent: a datagram's
    socket is only told where to, an address that is nobody's (RFC 5737)."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])
    return ""


def ask_nobody_outside() -> None:
    """Streamlit would ask a server on the internet for this machine's address, to print it and to judge origins."""
    net_util._external_ip = ""  # what it takes for the answer it already has
