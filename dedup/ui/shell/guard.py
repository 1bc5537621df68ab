"""Who may talk to the app: pages of its own address, framed by nobody, calling nowhere else.

Streamlit lets WebSockets from any port of this machine in, for it compares names alone; any other program's page on
localhost could then drive the app. The policy on every answer keeps the browser from asking any other server, whatever
a name from outside should ever make of a page.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
POLICY = (
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; frame-src 'self' blob:; "
    "connect-src 'self' {sockets} data: blob:; object-src 'none'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'none'"
)
"""Scripts and styles are Streamlit's own and stay as they are; nothing of a page may lead elsewhere."""


class SameOrigin:
    """ASGI middleware that refuses what comes from pages of another origin, and guards the answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request or WebSocket."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        changes = scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS
        if changes and not is_same_origin(headers.get("origin"), headers.get("host")):
            await _refuse(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._app(scope, receive, send)
        else:
            await self._app(scope, receive, _guarded(send, headers.get("host", "")))


def is_same_origin(origin: str | None, host: str | None) -> bool:
    """Whether a request comes from a page of the address it is sent to; what sends no origin is no page."""
    return origin is None or (bool(host) and urlsplit(origin).netloc == host)


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": "another origin"})
    else:
        await PlainTextResponse("Asked by a page of another origin.", 403)(scope, receive, send)


def _guarded(send: Send, host: str) -> Send:
    policy = POLICY.format(sockets=" ".join(_sockets(host)))

    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.setdefault("Content-Security-Policy", policy)
            headers.setdefault("X-Frame-Options", "DENY")
            headers.setdefault("X-Content-Type-Options", "nosniff")
            headers.setdefault("Referrer-Policy", "no-referrer")
        await send(message)

    return guarded


def _sockets(host: str) -> Iterable[str]:
    """The app's own WebSockets, which older browsers do not take for 'self'."""
    return (f"ws://{host}", f"wss://{host}") if host and not set(host) & set("; ,'\"") else ()
