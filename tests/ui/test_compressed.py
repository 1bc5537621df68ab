"""Streamlit's code comes compressed, and comes out as it was; nothing else is touched."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from dedup.ui.shell.compressed import LEAST, Compressed
from tests.ui.asgi import get

CODE = "let words = 'the same again';\n" * LEAST


@pytest.fixture
def client():
    async def code(request: Request) -> Response:
        body = CODE[:100] if "small" in request.url.path else CODE
        status = 404 if "gone" in request.url.path else 200
        return Response(body, status, media_type="text/javascript", headers={"Accept-Ranges": "bytes", "ETag": "x"})

    async def streamed(_: Request) -> Response:
        async def parts():
            for start in range(0, len(CODE), 1000):
                yield CODE[start : start + 1000].encode()

        return StreamingResponse(parts(), media_type="text/javascript")

    async def unknown(_: Request) -> Response:
        return HTMLResponse(CODE)  # as Streamlit answers for what it does not have

    async def page(_: Request) -> Response:
        return PlainTextResponse(CODE)

    routes = [
        Route("/static/js/streamed.js", streamed),
        Route("/static/js/unknown.js", unknown),
        Route("/static/{path:path}", code),
        Route("/base/static/{path:path}", code),
        Route("/thumb/a.js", page),
    ]
    app = Starlette(routes=routes, middleware=[Middleware(Compressed)])
    return lambda path, headers: get(app, path, {"Accept-Encoding": "gzip, br"} | headers)


@pytest.mark.parametrize("path", ["/static/js/chart.js", "/static/js/streamed.js", "/base/static/js/chart.js"])
def test_code_comes_compressed_and_comes_out_as_it_was(client, path):
    for _ in range(2):
        answer = client(path, {})
        assert answer.headers["content-encoding"] == "gzip"
        assert int(answer.headers["content-length"]) < len(CODE) / 10
        assert answer.text == CODE
        assert "Accept-Encoding" in answer.headers["vary"]
        assert "accept-ranges" not in answer.headers


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/static/js/chart.js", {"Accept-Encoding": "identity"}),
        ("/static/js/chart.js", {"Range": "bytes=0-9"}),
        ("/static/js/chart.js", {"Accept-Encoding": "br, gzip;q=0"}),
        ("/static/js/unknown.js", {}),
        ("/static/js/small.js", {}),
        ("/static/js/gone.js", {}),
        ("/static/media/font.woff2", {}),
        ("/thumb/a.js", {}),
    ],
)
def test_what_need_not_or_may_not_be_compressed_is_left_alone(client, path, headers):
    answer = client(path, headers)
    assert "content-encoding" not in answer.headers
    assert answer.text == (CODE[:100] if "small" in path else CODE)
