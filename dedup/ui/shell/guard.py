"""The middleware at the door: lets requests in or tells why not, and guards the answers.

The policy on every answer keeps the browser from asking any other server, whatever a name from outside should ever make
of a page, and nobody may frame one.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from urllib.parse import urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dedup.ui.shell.door import Door, Refusal, query_of

POLICY = (
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; frame-src 'self' blob:; "
    "connect-src 'self' {sockets} data: blob:; object-src 'none'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'none'"
)
"""Scripts and styles are Streamlit's own and stay as they are; nothing of a page may lead elsewhere."""
GUARDS = {"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
"""On every answer."""
REFUSING = GUARDS | {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "frame-ancestors 'none'",
}
"""On those that let nobody in yet."""
VIOLATION = 1008
"""The code with which a WebSocket is closed that was not let in (RFC 6455, 7.4.1)."""

PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>dedup</title><style>
:root {{ color-scheme: light dark }}
body {{ font: 1rem/1.5 system-ui, sans-serif; margin: 18vh auto 0; max-width: 36rem; padding: 0 1.25rem }}
h1 {{ font-size: 1.3rem }} p {{ overflow-wrap: anywhere }}
input, button {{ font: inherit; padding: .45rem .7rem; border-radius: .5rem; border: 1px solid #8a99a3 }}
input {{ width: min(100%, 22rem); box-sizing: border-box; margin: 0 .4rem .4rem 0 }}
button {{ background: #0b6e99; border-color: #0b6e99; color: #fff; cursor: pointer }}
</style></head><body><h1>dedup</h1><p>{sentence}</p>{form}</body></html>"""
FORM = (
    '<form method="get">{kept}<input name="token" type="password" aria-label="Token" required autofocus '
    'autocomplete="off"><button>Open</button></form>'
)
PAGE_AFTER = "dedup-page"
"""The parameter that carries the page to open past the root, where the cookie is set."""


class Guard:
    """ASGI middleware: asks the door, and puts the policy on every answer."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app, self._door = app, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request or WebSocket."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = self._door.refusal(scope)
        if (refusal is None or refusal.token_would_do) and self._door.token_given(scope):
            await self._token_taken(scope)(scope, receive, send)
        elif refusal is None:
            await self._app(scope, receive, _guarded(scope, send))
        elif scope["type"] == "websocket":
            await _refuse_socket(scope, send, refusal)
        else:
            await _refuse(scope, refusal)(scope, receive, send)

    def _token_taken(self, scope: Scope) -> Response:
        """Leads to the same page without the token, which then stands in no history.

        Addresses are relative, and the cookie is for what lies below the app's root as browsers see it: a proxy may
        show the app below a path that it does not tell, and other people's programs beside it. So elsewhere than at the
        root, the root comes first.
        """
        below = scope["path"].removeprefix(self._door.base)
        if below == "/":
            return self._let_in(scope)
        up = "../" * (below.count("/") - 1) or "./"
        root = up if below else f"{self._door.base.rsplit('/', 1)[-1]}/"
        page = below.strip("/")
        return _see_other(root, query_of(scope) + ([(PAGE_AFTER, page)] if _is_page(page) else []))

    def _let_in(self, scope: Scope) -> Response:
        """Sets the cookie and leads on to the page that was asked for."""
        query = query_of(scope)
        page = next((value for name, value in query if name == PAGE_AFTER and _is_page(value)), "")
        rest = [(name, value) for name, value in query if name not in ("token", PAGE_AFTER)]
        response = _see_other(f"./{page}", rest)
        response.set_cookie(
            self._door.cookie_name,
            self._door.cookie_value,
            path=None,
            secure="https" in (scope.get("scheme"), Headers(scope=scope).get("x-forwarded-proto")),
            httponly=True,
            samesite="lax",
        )
        return response


def _is_page(name: str) -> bool:
    """Whether this can be the name of a page of ours, and leads nowhere else."""
    return name.isalnum() and name.isascii()


def _see_other(to: str, query: Sequence[tuple[str, str]]) -> Response:
    parameters = urlencode(query)
    return RedirectResponse(f"{to}?{parameters}" if parameters else to, 303, headers=REFUSING)


def _refuse(scope: Scope, refusal: Refusal) -> Response:
    if "text/html" not in Headers(scope=scope).get("accept", ""):
        return PlainTextResponse(refusal.sentence, refusal.status, headers=REFUSING)
    return told(refusal.sentence, refusal.status, _form(scope) if refusal.token_would_do else "")


def told(sentence: str, status: int, form: str = "") -> Response:
    """A page with a sentence, and what is to be filled in (HTML)."""
    return HTMLResponse(PAGE.format(sentence=html.escape(sentence), form=form), status, headers=REFUSING)


def _form(scope: Scope) -> str:
    """Asks for the token, and keeps the other parameters of the address."""
    hidden = '<input type="hidden" name="{}" value="{}">'
    kept = [hidden.format(*map(html.escape, each)) for each in query_of(scope) if each[0] != "token"]
    return FORM.format(kept="".join(kept))


async def _refuse_socket(scope: Scope, send: Send, refusal: Refusal) -> None:
    """Says why in the body of the answer, where the server can (an extension of ASGI), else when it closes."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": VIOLATION, "reason": refusal.sentence[:120]})
        return
    headers = {"Content-Type": "text/plain; charset=utf-8", **REFUSING}
    sent = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "websocket.http.response.start", "status": refusal.status, "headers": sent})
    await send({"type": "websocket.http.response.body", "body": refusal.sentence.encode()})


def _guarded(scope: Scope, send: Send) -> Send:
    if scope["type"] == "websocket":
        return send
    policy = POLICY.format(sockets=" ".join(_sockets(Headers(scope=scope).get("host", ""))))

    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.setdefault("Content-Security-Policy", policy)
            for name, value in GUARDS.items():
                headers.setdefault(name, value)
        await send(message)

    return guarded


def _sockets(host: str) -> Iterable[str]:
    """The app's own WebSockets, which older browsers do not take for 'self'."""
    return (f"ws://{host}", f"wss://{host}") if host and not set(host) & set("; ,'\"") else ()
