"""Who may talk to the app, and what its pages may reach."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from starlette.responses import PlainTextResponse

from dedup.ui.shell.guard import SameOrigin

HOST = "localhost:8501"
FOREIGN = ["http://localhost:9999", "http://127.0.0.1:8501", "https://a.example", "null", f"http://{HOST}.evil", ""]


async def app(scope, receive, send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
    elif scope["path"] == "/image":
        await PlainTextResponse("", headers={"Content-Security-Policy": "sandbox"})(scope, receive, send)
    else:
        await PlainTextResponse("page")(scope, receive, send)


def ask(kind: str, path: str = "/", method: str = "GET", **headers: str) -> dict[str, Any]:
    """The first message of the answer."""
    said: list[dict[str, Any]] = []

    async def run() -> None:
        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message) -> None:
            said.append(message)

        sent = [(name.encode(), value.encode()) for name, value in {"host": HOST, **headers}.items()]
        await SameOrigin(app)({"type": kind, "path": path, "method": method, "headers": sent}, receive, send)

    anyio.run(run)
    return said[0]


@pytest.mark.parametrize("origin", FOREIGN)
def test_pages_of_other_origins_are_refused(origin):
    assert ask("websocket", origin=origin)["type"] == "websocket.close"
    assert ask("http", method="POST", origin=origin)["status"] == 403


@pytest.mark.parametrize("headers", [{"origin": f"http://{HOST}"}, {}])
def test_its_own_pages_and_programs_are_let_in(headers):
    assert ask("websocket", **headers)["type"] == "websocket.accept"
    assert ask("http", method="POST", **headers)["status"] == 200


def test_every_answer_says_what_pages_may_reach_and_that_nobody_frames_them():
    told = {name.decode(): value.decode() for name, value in ask("http")["headers"]}
    for part in ("frame-ancestors 'none'", "img-src 'self' data: blob:;", f"connect-src 'self' ws://{HOST}"):
        assert part in told["content-security-policy"]
    assert told["x-frame-options"] == "DENY" and told["x-content-type-options"] == "nosniff"
    own = dict(ask("http", "/image")["headers"])
    assert own[b"content-security-policy"] == b"sandbox"
