"""Asking an ASGI app without a server."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from typing import Any

import anyio


class Answer:
    """Status, headers and body of one request."""

    def __init__(self) -> None:
        self.status, self.headers, self.body = 0, {}, b""

    async def receive(self) -> None:
        await anyio.sleep_forever()  # the client neither sends more nor hangs up

    async def send(self, message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode().lower(): value.decode() for name, value in message["headers"]}
        else:
            self.body += message.get("body", b"")

    @property
    def text(self) -> str:
        """The body as a browser understands it."""
        return (gzip.decompress(self.body) if self.headers.get("content-encoding") == "gzip" else self.body).decode()


def scope_of(path: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The request of a page at the root."""
    path = f"/{path.lstrip('/')}"
    told = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
    return {"type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"",
            "headers": told, "root_path": "", "scheme": "http", "server": ("localhost", 80)}  # fmt: skip


def get(app, path: str, headers: Mapping[str, str] | None = None) -> Answer:
    """The app's answer to one request."""
    answer = Answer()
    anyio.run(lambda: app(scope_of(path, headers), answer.receive, answer.send))
    return answer
