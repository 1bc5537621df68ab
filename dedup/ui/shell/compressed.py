"""Streamlit's own code, compressed once and kept: it sends five megabytes for a chart as they are.

Its addresses hold a digest of the content, so that what was compressed stays right as long as the server runs.
"""

from __future__ import annotations

import gzip
import threading
from typing import Any

import anyio.to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SUFFIXES = (".js", ".css", ".svg", ".ttf")
LEAST = 4096
"""Bytes from which compressing saves a packet."""
MOST = 32 << 20
"""Bytes that are kept; all of Streamlit's code takes 8 MB."""
LEVEL = 6
"""Of gzip: 4.7 MB of the chart's code become 1.4 in 0.15 s; level 9 takes twice as long for one hundredth less."""


class Compressed:
    """ASGI middleware for what lies below `/static/`; everything else passes as it is."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._kept: dict[str, bytes] = {}
        self._lock = threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or not _wanted(scope):
            await self._app(scope, receive, send)
            return
        await self._app(scope, receive, _Sending(self, scope["path"], send))

    async def compress(self, path: str, body: bytes) -> bytes:
        """The compressed body of a path, made once."""
        known = self._kept.get(path)
        if known is not None:
            return known
        made = await anyio.to_thread.run_sync(gzip.compress, body, LEVEL)
        with self._lock:
            if sum(map(len, self._kept.values())) + len(made) <= MOST:
                self._kept.setdefault(path, made)
        return made


def _wanted(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    return (
        scope["method"] == "GET"
        and "/static/" in scope["path"]
        and scope["path"].endswith(SUFFIXES)
        and "range" not in headers
        and _takes_gzip(headers.get("accept-encoding", ""))
    )


def _takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding header names gzip, and not with a weight of nothing (RFC 9110, 12.5.3)."""
    for part in accepted.lower().split(","):
        name, *parameters = (each.strip().replace(" ", "") for each in part.split(";"))
        if name == "gzip":
            return not any(each in ("q=0", "q=0.0", "q=0.00", "q=0.000") for each in parameters)
    return False


class _Sending:
    """Gathers an answer, and sends it compressed where it is a whole file."""

    def __init__(self, owner: Compressed, path: str, send: Send) -> None:
        self._owner, self._path, self._send = owner, path, send
        self._start: dict[str, Any] | None = None
        self._body: list[bytes] = []

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 200:
            self._start = dict(message)
            return
        if self._start is None or message["type"] != "http.response.body":
            await self._send(message)
            return
        self._body.append(message.get("body", b""))
        if message.get("more_body"):
            return
        body = b"".join(self._body)
        headers = MutableHeaders(raw=list(self._start["headers"]))
        # Streamlit's answer to what it does not have is a page.
        code = not headers.get("content-type", "").startswith("text/html")
        if code and len(body) >= LEAST and "content-encoding" not in headers:
            body = await self._owner.compress(self._path, body)
            headers["content-encoding"] = "gzip"
            headers["content-length"] = str(len(body))
            headers.add_vary_header("Accept-Encoding")
            if "accept-ranges" in headers:
                del headers["accept-ranges"]
        await self._send({**self._start, "headers": headers.raw})
        await self._send({"type": "http.response.body", "body": body})
