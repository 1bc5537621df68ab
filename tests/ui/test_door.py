"""Who may talk to the app, and what its pages may reach."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import Any

import anyio
import pytest
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Router
from starlette.types import ASGIApp, Scope
from streamlit import config, net_util

from dedup.errors import UsageError
from dedup.launch import Launch, token_of
from dedup.ui.shell import door as shell_door
from dedup.ui.shell import entrance
from dedup.ui.shell.door import Door, host_name, is_loopback
from dedup.ui.shell.guard import Guard

HOST = "localhost:8501"
FOREIGN = ["http://localhost:9999", "http://127.0.0.1:8501", "https://a.example", "null", f"http://{HOST}.evil", ""]
TOKEN, GIVEN = "twelve or more", "token=twelve+or+more"


async def app(scope, receive, send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
    elif scope["path"] == "/image":
        await PlainTextResponse("", headers={"Content-Security-Policy": "sandbox"})(scope, receive, send)
    else:
        await PlainTextResponse("page")(scope, receive, send)


class Answer:
    """Everything that was sent back to one request."""

    def __init__(self, said: list[dict[str, Any]]) -> None:
        self.kind = said[0]["type"]
        self.status = said[0].get("status", 0)
        self.headers = {name.decode().lower(): value.decode() for name, value in said[0].get("headers", [])}
        self.text = b"".join(each.get("body", b"") for each in said).decode() + said[0].get("reason", "")


def ask(
    kind: str, path: str = "/", method: str = "GET", door: Door | None = None, query: str = "",
    extensions: dict[str, Any] | None = None, **headers: str,
) -> Answer:  # fmt: skip
    sent = [(name.replace("_", "-").encode(), value.encode()) for name, value in {"host": HOST, **headers}.items()]
    scope = {"type": kind, "path": path, "method": method, "headers": sent, "query_string": query.encode()}
    return answered(Guard(app, door or Door()), {**scope, "extensions": extensions or {}})


def answered(asked: ASGIApp, scope: Scope) -> Answer:
    """What an ASGI application answers to one request."""
    said: list[dict[str, Any]] = []

    async def run() -> None:
        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message) -> None:
            said.append(message)

        await asked(scope, receive, send)

    anyio.run(run)
    return Answer(said)


@pytest.mark.parametrize("origin", FOREIGN)
def test_pages_of_other_origins_are_refused(origin):
    assert ask("websocket", origin=origin).kind == "websocket.close"
    refused = ask("http", method="POST", origin=origin)
    assert refused.status == 403 and "--allow-origin" in refused.text


def test_a_refused_websocket_says_why_where_the_server_can():
    told = ask("websocket", extensions={"websocket.http.response": {}}, origin="https://a.example")
    assert told.kind == "websocket.http.response.start" and told.status == 403
    assert "proxy_set_header Host" in told.text
    assert ask("websocket", origin="https://a.example").text


@pytest.mark.parametrize("headers", [{"origin": f"http://{HOST}"}, {}])
def test_its_own_pages_and_programs_are_let_in(headers):
    assert ask("websocket", **headers).kind == "websocket.accept"
    assert ask("http", method="POST", **headers).status == 200


def test_a_page_behind_a_proxy_that_changes_the_name_is_let_in_by_its_whole_origin():
    door = Door(origins=frozenset({"https://photos.example.org"}))
    assert ask("websocket", door=door, origin="https://photos.example.org").kind == "websocket.accept"
    for origin in ("http://photos.example.org", "https://photos.example.org:444", "https://example.org"):
        assert ask("websocket", door=door, origin=origin).kind == "websocket.close"


def test_every_answer_says_what_pages_may_reach_and_that_nobody_frames_them():
    told = ask("http").headers
    for part in ("frame-ancestors 'none'", "img-src 'self' data: blob:;", f"connect-src 'self' ws://{HOST}"):
        assert part in told["content-security-policy"]
    assert told["x-frame-options"] == "DENY" and told["x-content-type-options"] == "nosniff"
    assert ask("http", "/image").headers["content-security-policy"] == "sandbox"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8501", "LOCALHOST:9", "[::1]:8501", "localhost."])
def test_the_names_of_this_machine_are_always_answered(host):
    assert ask("http", host=host).status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "", "a b", "localhost@evil", "192.0.2.7", "localhost:x", "[::1"]
)
def test_other_names_are_told_the_option(host):
    page = ask("http", accept="text/html", host=host)
    assert page.status == 403 and "dedup app --allow-host" in page.text and "<h1>" in page.text
    assert ask("http", host=host).headers["content-type"].startswith("text/plain")
    assert ask("websocket", host=host).kind == "websocket.close"


@pytest.mark.parametrize("host", ["", "a b", "x;reboot", "localhost:x"])
def test_what_is_no_name_is_not_put_into_a_command(host):
    told = ask("http", host=host).text
    assert "--allow-host NAME (" in told and "reboot" not in told


def test_the_link_can_be_clicked_whatever_the_path():
    assert Door(base="/my tools/ä").link(8501) == "http://localhost:8501/my%20tools/%C3%A4/"


def test_what_a_refused_request_says_of_itself_is_text():
    page = ask("http", accept="text/html", host="<script>alert(1)</script>")
    assert "<script" not in page.text and "script-src" not in page.headers["content-security-policy"]
    assert len(ask("http", host="a" * 5000).text) < 1000


def test_allowed_names_and_their_patterns():
    door = Door(hosts=("photos.example.org", "*.lab.example"))
    for host in ("photos.example.org:80", "PHOTOS.example.org", "a.lab.example", "a.b.lab.example"):
        assert ask("http", door=door, host=host).status == 200
    for host in ("example.org", "lab.example", "xlab.example", "photos.example.org.evil"):
        assert ask("http", door=door, host=host).status == 403
    assert ask("http", door=Door(hosts=("*",)), host="anything").status == 200


def test_beyond_this_machine_any_number_is_answered():
    door = Door(addresses=True)
    assert ask("http", door=door, host="192.0.2.7:8501").status == 200
    assert ask("http", door=door, host="[2001:db8::1]").status == 200
    assert ask("http", door=door, host="1.example").status == 403


def test_without_the_token_nothing_but_health_is_answered():
    door = Door(token=TOKEN)
    for path in ("/", "/thumb/a/b/c.jpg", "/_stcore/host-config", "/_stcore/health/x"):
        assert ask("http", path, door=door).status == 401
    assert ask("websocket", door=door).kind == "websocket.close"
    assert ask("http", "/_stcore/health", door=door, host="192.0.2.7").status == 200
    assert ask("http", "/data/_stcore/health", door=Door(token=TOKEN, base="/data")).status == 200


def test_the_token_is_taken_once_and_a_cookie_opens_from_then_on():
    door = Door(token=TOKEN, base="/data")
    query = "dataset=a%20b&token=twelve+or+more&x="
    first = ask("http", "/data/explorer", door=door, query=query)
    assert first.status == 303 and "set-cookie" not in first.headers, "the cookie is for all, so it is set at the root"
    assert first.headers["location"] == f"./?{query.replace('%20', '+')}&dedup-page=explorer"
    answer = ask("http", "/data/", door=door, query=first.headers["location"].partition("?")[2])
    assert answer.status == 303 and answer.headers["location"] == "./explorer?dataset=a+b&x="
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "samesite=lax" in cookie.lower()
    assert "path" not in cookie.lower(), "where the browser sees the page, not where the app does"
    assert TOKEN not in cookie and "secure" not in cookie.lower()
    opened = cookie.split(";")[0]
    assert ask("http", door=door, cookie=f"other=1; {opened}").status == 200
    assert ask("websocket", door=door, cookie=opened).kind == "websocket.accept"
    assert ask("http", door=Door(token="another token"), cookie=opened).status == 401
    https = ask("http", "/", door=door, query="token=twelve+or+more", x_forwarded_proto="https")
    assert "secure" in https.headers["set-cookie"].lower() and https.headers["location"] == "./"


@pytest.mark.parametrize(
    ("base", "path", "to"),
    [("", "/explorer/", f"../?{GIVEN}&dedup-page=explorer"), ("", "/image/a/b", f"../../?{GIVEN}"),
     ("/a/b", "/a/b", f"b/?{GIVEN}"), ("/a/b", "/a/b/", "./"), ("", "//evil.example", f"../?{GIVEN}")],
)  # fmt: skip
def test_wherever_the_token_is_given_it_leads_to_the_root(base, path, to):
    answer = ask("http", path, door=Door(token=TOKEN, base=base), query=GIVEN)
    assert answer.status == 303 and answer.headers["location"] == to


def test_it_leads_on_to_a_page_of_its_own_alone():
    for page in ("//evil.example", "https:evil", "..%2fx", "a/b"):
        answer = ask("http", door=Door(token=TOKEN), query=f"token=twelve+or+more&dedup-page={page}")
        assert answer.headers["location"] == "./"


def test_with_its_cookie_set_a_link_leaves_the_token_in_no_history_either():
    door = Door(token=TOKEN)
    opened = ask("http", door=door, query="token=twelve+or+more").headers["set-cookie"].split(";")[0]
    again = ask("http", door=door, query="dataset=a&token=twelve+or+more", cookie=opened)
    assert again.status == 303 and again.headers["location"] == "./?dataset=a"


@pytest.mark.parametrize("odd", ['user={"id": 1}', "x=a b", "version=2", "path=/x", "a[b]=1", "flag", 'q="un', "k@v=1"])
def test_cookies_of_other_programs_lock_nobody_out(odd):
    door = Door(token=TOKEN)
    opened = ask("http", door=door, query="token=twelve+or+more").headers["set-cookie"].split(";")[0]
    assert ask("http", door=door, cookie=f"{odd}; {opened}").status == 200


def test_the_form_keeps_what_else_the_address_says():
    page = ask("http", door=Door(token=TOKEN), query="dataset=k&x=%22%3E%3Cscript%3E", accept="text/html")
    assert '<input type="hidden" name="dataset" value="k">' in page.text and "<script" not in page.text


def test_an_origin_that_is_no_address_is_foreign():
    assert ask("websocket", origin="http://[x").kind == "websocket.close"


@pytest.mark.parametrize("query", ["token=", "token=wrong", "token=twelve+or+mor", "token=\u00e4", ""])
def test_a_wrong_token_opens_nothing(query):
    page = ask("http", door=Door(token=TOKEN), query=query, accept="text/html")
    assert page.status == 401 and 'name="token"' in page.text and "set-cookie" not in page.headers


def test_a_token_is_taken_from_a_person_only():
    door = Door(token=TOKEN)
    assert ask("http", method="POST", door=door, query="token=twelve+or+more").status == 401
    assert ask("websocket", door=door, query="token=twelve+or+more").kind == "websocket.close"


@pytest.mark.parametrize(
    ("environment", "needed", "expected"),
    [({}, False, ""), ({"DEDUP_TOKEN": TOKEN}, False, TOKEN), ({"DEDUP_TOKEN": TOKEN}, True, TOKEN),
     ({"DEDUP_TOKEN": TOKEN, "DEDUP_NO_TOKEN": "0"}, True, TOKEN),
     ({"DEDUP_TOKEN": TOKEN, "DEDUP_NO_TOKEN": "no"}, True, TOKEN),
     ({"DEDUP_NO_TOKEN": "1"}, True, ""), ({"DEDUP_NO_TOKEN": "1", "DEDUP_TOKEN": TOKEN}, True, "")],
)  # fmt: skip
def test_where_the_token_comes_from(environment, needed, expected):
    assert token_of(environment, needed=needed) == expected


def test_an_address_of_another_machine_is_one_sentence():
    for address in ("192.0.2.200", "nowhere.invalid", "[::1]", "*"):
        with pytest.raises(UsageError, match="has no address"):
            Launch(host=address).command()
    assert "--server.address=127.0.0.1" in Launch(host="127.0.0.1").command()


def test_a_port_that_is_taken_and_a_path_that_no_browser_asks_for_are_refused_in_a_sentence():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        port = held.getsockname()[1]
        with pytest.raises(UsageError, match=f"^Port {port} is taken. Give another one to --port.$"):
            Launch(port=port).command()
    assert f"--server.port={port}" in Launch(port=port).command()
    for path in ("../x", "a/../b", "./x"):
        with pytest.raises(UsageError, match="no path below a host"):
            Launch(base_path=path).command()


def test_a_setting_that_cannot_be_is_one_sentence_and_no_traceback():
    environment = os.environ | {"DEDUP_TOKEN": "short"}
    started = [sys.executable, "-m", "dedup", "app", "--no-browser", "--port", "0"]
    told = subprocess.run(started, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode and "DEDUP_TOKEN" in told.stderr and "Traceback" not in told.stdout + told.stderr


def test_a_token_is_made_where_one_is_needed_and_a_short_one_is_refused():
    made = {token_of({}, needed=True) for _ in range(20)}
    assert len(made) == 20 and min(map(len, made)) >= 32
    with pytest.raises(UsageError, match="DEDUP_TOKEN"):
        token_of({"DEDUP_TOKEN": "secret"}, needed=False)


@pytest.mark.parametrize(
    ("address", "beyond"),
    [("127.0.0.1", False), ("localhost", False), ("::1", False), ("127.8.8.8", False), ("0.0.0.0", True), ("::", True),
     (None, True), ("", True), ("192.0.2.7", True), ("box.example", True)],
)  # fmt: skip
def test_a_token_is_needed_beyond_this_machine(address, beyond, monkeypatch):
    given = {"server.address": address, "server.allowedHosts": [], "server.corsAllowedOrigins": []}
    monkeypatch.setattr(config, "get_option", lambda name: given.get(name, ""))
    monkeypatch.setattr(config, "set_option", lambda *_: None)
    monkeypatch.setattr(config, "on_config_parsed", lambda *_, **__: None)
    for variable in ("DEDUP_TOKEN", "DEDUP_NO_TOKEN"):
        monkeypatch.delenv(variable, raising=False)
    door = shell_door.from_settings()
    assert bool(door.token) is door.addresses is beyond
    assert is_loopback(address or "") is not beyond
    if address and address not in ("0.0.0.0", "::"):
        assert (
            ask("http", door=Door(hosts=door.hosts), host=address if ":" not in address else f"[{address}]").status
            == 200
        )
    link = door.link(8501)
    named = address if address in ("192.0.2.7", "box.example", "127.8.8.8") else None
    assert door.link(8501, secure=True).startswith("https://")
    assert door.link(8501, address="192.0.2.7").startswith("http://192.0.2.7:8501/")
    assert Door(addresses=True).everywhere and not Door(addresses=True, address="192.0.2.7").everywhere
    assert not Door().everywhere
    assert (f"http://{named}:8501/" if named else "8501/") in link and ("token=" in link) is beyond


def test_names_stay_let_in_when_settings_are_read_again(monkeypatch):
    connected: list = []
    monkeypatch.setattr(config, "on_config_parsed", lambda func, force_connect: connected.append((func, force_connect)))
    shell_door.from_settings()
    ((again, forced),) = connected
    try:
        config.get_config_options(force_reparse=True)
        again()
        assert forced and config.get_option("server.allowedHosts") == ["*"]
    finally:
        config.get_config_options(force_reparse=True)


@pytest.mark.parametrize("host", [None, "", "a/b", "a?b", "x y", "a:b:c", "[1", "a\nb", "a,b"])
def test_malformed_hosts_have_no_name(host):
    assert host_name(host) is None


@pytest.mark.parametrize(
    ("given", "host"),
    [("name:8443", "name"), ("[fd00::1]", "[fd00::1]:80"), ("fd00:0::1", "[fd00::1]"), ("A.b.", "a.b")],
)
def test_allowed_names_are_told_apart_as_requests_are(given, host, monkeypatch):
    options = {"server.address": "127.0.0.1", "server.allowedHosts": [given], "server.corsAllowedOrigins": []}
    monkeypatch.setattr(config, "get_option", lambda name: options.get(name, ""))
    monkeypatch.setattr(config, "set_option", lambda *_: None)
    monkeypatch.setattr(config, "on_config_parsed", lambda *_, **__: None)
    assert ask("http", door=shell_door.from_settings(), host=host).status == 200
    options["server.allowedHosts"] = ["a b"]
    with pytest.raises(UsageError, match="allow-host"):
        shell_door.from_settings()


def test_what_is_given_to_the_command_becomes_settings_and_the_token_stays_out_of_the_list_of_processes(monkeypatch):
    for variable in ("DEDUP_TOKEN", "DEDUP_NO_TOKEN", "DEDUP_OPEN_BROWSER"):
        monkeypatch.delenv(variable, raising=False)
    launch = Launch(
        host="0.0.0.0", port=80, base_path="a/b", allow_hosts=["x", "y"], allow_origins=["https://z"], token=True
    )
    command, environment = launch.command(), launch.environment()
    assert command[-6:] == ["--server.address=0.0.0.0", "--server.port=80", "--server.baseUrlPath=a/b",
                            "--server.allowedHosts=x", "--server.allowedHosts=y",
                            "--server.corsAllowedOrigins=https://z"]  # fmt: skip
    token = environment["DEDUP_TOKEN"]
    assert len(token) >= 32 and not [part for part in command if token in part]
    assert len(Launch().command()) == 5 and "DEDUP_TOKEN" not in Launch().environment()
    assert Launch(token=False).environment()["DEDUP_NO_TOKEN"] == "1"
    monkeypatch.setenv("DEDUP_TOKEN", TOKEN)
    monkeypatch.setenv("DEDUP_NO_TOKEN", "1")
    assert "DEDUP_NO_TOKEN" not in Launch(token=True).environment()
    assert Launch(token=True).environment()["DEDUP_TOKEN"] == TOKEN
    monkeypatch.setenv("DEDUP_TOKEN", " ")
    assert len(Launch(token=True).environment()["DEDUP_TOKEN"]) >= 32


def test_nobody_outside_is_asked_for_an_address(monkeypatch):
    monkeypatch.setattr(net_util, "_make_blocking_http_get", lambda *_, **__: pytest.fail("asked outside"))
    entrance.ask_nobody_outside()
    assert not net_util.get_external_ip()


def test_streamlits_document_has_our_script_and_title():
    document = entrance._document()
    assert entrance.TITLE in document and document.index("./door.js") < document.index("./static/js/")


@pytest.mark.parametrize(
    ("base", "path", "said"),
    [
        ("", "/explorr", "--base-path explorr ("),
        ("", "/tools/dedup/explorer", "--base-path tools/dedup ("),
        ("", '/a"<b>', "&lt;b&gt;"),
        ("/tools", "/", "without --base-path"),
        ("/tools", "/toolshed", "without --base-path"),
        ("/tools", "/tools/dedup", "--base-path tools/dedup ("),
    ],
)
def test_an_address_without_a_page_says_how_it_comes_about(base, path, said):
    page = opened(base, path, "text/html,*/*")
    assert page.status == 404 and said in page.text and "<b>" not in page.text


@pytest.mark.parametrize("path", ["/tools/static/js/index.js", "/tools/_stcore/health", "/tools/media/a.csv"])
def test_what_streamlit_answers_is_left_to_it(path):
    assert opened("/tools", path, "text/html").text == opened("/tools", "/tools/any", "*/*").text == "Streamlit's"


def opened(base: str, path: str, accept: str) -> Answer:
    """What is answered at an address that is none of our own routes."""
    router = Router([entrance.astray(Door(base=base)), Mount("/", PlainTextResponse("Streamlit's"))])
    headers = [(b"accept", accept.encode())]
    return answered(router, {"type": "http", "path": path, "method": "GET", "headers": headers, "query_string": b""})
