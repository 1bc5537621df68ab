"""The app where people put it: below a path, behind proxies, under other names, through a tunnel, behind a token."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

import dedup
from tests.browser.conftest import ROOT, answers, free_port
from tests.pictures import folder_of_photos

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
pytestmark = pytest.mark.browser
DECODED = "image => image.decode().then(() => image.naturalWidth)"
NAME = "photos.localhost"
"""Browsers take every name below localhost for this machine."""
DEPLOY = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
TOKEN = "a-token-of-the-tests"


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> tuple[str, str]:
    """The home of a dataset of four photographs, and its key."""
    folder = tmp_path_factory.mktemp("door")
    folder_of_photos(folder / "photos", 3)
    shutil.copy(folder / "photos/0000.jpg", folder / "photos/copy.jpg")
    made = dedup.scan(folder / "photos", home=folder / "home", workers=1)
    return str(folder / "home"), made.info.key


@pytest.fixture
def nginx(tmp_path) -> Iterator:
    """`nginx(location)` starts one with this `location` block in its server; returns its port."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        pytest.skip("there is no nginx")
    started: list[subprocess.Popen] = []

    def start(location: str) -> int:
        port, folder = free_port(), tmp_path / f"nginx{len(started)}"
        folder.mkdir()
        places = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi"))
        places += "".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("uwsgi", "scgi"))
        (folder / "nginx.conf").write_text(
            f"daemon off; pid {folder}/pid; error_log {folder}/error.log; events {{}}\n"
            f"http {{ access_log off; {places}\n"
            f"server {{ listen 127.0.0.1:{port};\n{location}\n}} }}"
        )
        command = [program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "start.log")]
        started.append(subprocess.Popen(command))
        _listens(port)
        return port

    yield start
    for process in started:
        process.terminate()
        process.wait(10)


def _listens(port: int) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"nothing listens on {port}")


@pytest.fixture
def tunnel() -> Iterator:
    """`tunnel(port)` passes a port of its own on to that one, byte by byte, as `ssh -L` does; returns the port."""
    listeners: list[socket.socket] = []

    def pump(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(1 << 16):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            sink.close()

    def serve(listener: socket.socket, port: int) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", port))
            for ends in ((near, far), (far, near)):
                threading.Thread(target=pump, args=ends, daemon=True).start()

    def start(port: int) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        threading.Thread(target=serve, args=(listener, port), daemon=True).start()
        return int(listener.getsockname()[1])

    yield start
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def documented(name: str, port: int) -> str:
    """The location block that docs/deploy.md gives under this name, for the app on this port."""
    (block,) = re.findall(rf"<!-- {name} -->\n```nginx\n(.+?)```", DEPLOY, re.DOTALL)
    return block.replace("127.0.0.1:8501", f"127.0.0.1:{port}")


def shows_pictures(page, address: str, key: str) -> None:
    """The Explorer by its own address paints its pictures, and opens one at full size."""
    failed: list[str] = []
    page.on("response", lambda answer: failed.append(answer.url) if answer.status >= 400 else None)
    page.goto(f"{address}/explorer?dataset={key}")
    _painted(page)
    page.locator(".card img").first.click()
    page.keyboard.press("Enter")
    large = page.locator("dialog.compare[open] img").first
    large.wait_for()
    assert "/image/" in large.evaluate("image => image.src")
    assert large.evaluate(DECODED) > 0
    assert [url for url in failed if "/_stcore/" not in url] == []  # Streamlit tries several paths for its own
    assert page.locator("#dedup-door").count() == 0


def _painted(page) -> None:
    expect(page.locator(".card img")).to_have_count(4)
    for image in page.locator(".card img").all():
        image.scroll_into_view_if_needed()
        assert image.evaluate(DECODED) > 0


def test_below_a_path_that_the_proxy_passes_on(serve, page, nginx, home):
    app = serve(ROOT / "app.py", {"server.baseUrlPath": "tools/dedup"}, DEDUP_HOME=home[0])
    port = nginx(documented("below a path", app.port))
    shows_pictures(page, f"http://127.0.0.1:{port}/tools/dedup", home[1])
    page.goto(f"http://127.0.0.1:{port}/tools/dedup")
    page.get_by_role("button", name="Explore", exact=True).first.click()
    _painted(page)


def test_below_a_path_that_the_proxy_strips(serve, page, nginx, home):
    """With a token asked for, as on a machine of many users: its cookie is for this path alone."""
    app = serve(ROOT / "app.py", DEDUP_HOME=home[0], DEDUP_TOKEN=TOKEN)
    port = nginx(documented("a path that is stripped", app.port))
    below = f"http://127.0.0.1:{port}/user/ada/proxy/8501"
    page.goto(f"{below}/?token={TOKEN}")
    page.get_by_role("button", name="Explore", exact=True).first.click()
    _painted(page)
    (cookie,) = [each for each in page.context.cookies() if each["name"].startswith("dedup-")]
    assert cookie["path"].startswith("/user/ada/proxy/8501")
    shows_pictures(page, below, home[1])
    page.goto(f"{below}/explorer/?dataset={home[1]}")
    assert page.url.startswith(f"{below}/explorer?")


def test_behind_a_proxy_at_the_root_under_another_name(serve, page, nginx, home):
    app = serve(ROOT / "app.py", {"server.allowedHosts": NAME}, DEDUP_HOME=home[0])
    port = nginx(documented("at the root", app.port))
    shows_pictures(page, f"http://{NAME}:{port}", home[1])


def test_through_a_tunnel_and_by_the_name_of_this_machine(serve, page, tunnel, home):
    app = serve(ROOT / "app.py", DEDUP_HOME=home[0])
    shows_pictures(page, f"http://localhost:{tunnel(app.port)}", home[1])


def test_a_name_that_is_not_allowed_is_told_what_to_do(serve, page, home):
    app = serve(ROOT / "app.py", DEDUP_HOME=home[0])
    answer = page.goto(f"http://{NAME}:{app.port}/explorer")
    assert answer.status == 403
    shown = page.locator("body").inner_text()
    assert f"dedup app --allow-host {NAME}" in shown and NAME in shown
    assert page.locator("iframe, .stApp").count() == 0


def test_a_proxy_that_changes_the_name_is_told_and_can_be_allowed(serve, new_page, nginx, home):
    plain = serve(ROOT / "app.py", DEDUP_HOME=home[0])
    location = "location / {{ proxy_pass http://127.0.0.1:{}; proxy_http_version 1.1; {} }}"
    sockets = "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;"
    port = nginx(location.format(plain.port, sockets))
    page = new_page()
    page.goto(f"http://{NAME}:{port}/")
    told = page.locator("#dedup-door").inner_text()
    assert f"dedup app --allow-origin http://{NAME}:{port}" in told and "proxy_set_header Host" in told
    expect(page.locator("#root")).to_be_hidden()

    second = free_port()
    app = serve(ROOT / "app.py", {"server.corsAllowedOrigins": f"http://{NAME}:{second}"}, DEDUP_HOME=home[0])
    nginx(location.format(app.port, sockets).replace("location /", f"listen 127.0.0.1:{second}; location /"))
    shows_pictures(new_page(), f"http://{NAME}:{second}", home[1])


def test_a_proxy_that_passes_no_websockets_is_told(serve, page, nginx, home):
    app = serve(ROOT / "app.py", DEDUP_HOME=home[0])
    port = nginx(f"location / {{ proxy_pass http://127.0.0.1:{app.port}; proxy_set_header Host $http_host; }}")
    page.goto(f"http://127.0.0.1:{port}/")
    assert "WebSocket" in page.locator("#dedup-door").inner_text()


def test_a_path_that_the_app_was_not_told_of_is_told(serve, page, nginx, home):
    app = serve(ROOT / "app.py", DEDUP_HOME=home[0])
    port = nginx(documented("below a path", app.port))
    for page_below in ("", "/", "/explorer"):
        answer = page.goto(f"http://127.0.0.1:{port}/tools/dedup{page_below}")
        assert answer.status == 404
        assert "dedup app --base-path tools/dedup (" in page.locator("body").inner_text()


def test_a_path_that_the_app_waits_for_in_vain_is_told(serve, page, nginx, home):
    app = serve(ROOT / "app.py", {"server.baseUrlPath": "tools/dedup"}, DEDUP_HOME=home[0])
    port = nginx(documented("a path that is stripped", app.port))
    assert page.goto(f"http://127.0.0.1:{port}/user/ada/proxy/8501/").status == 404
    assert "below /tools/dedup/" in page.locator("body").inner_text()
    assert "without --base-path" in page.locator("body").inner_text()


@pytest.fixture
def locked(serve, home):
    """The app as every machine around could reach it."""
    return serve(ROOT / "app.py", {"server.address": "0.0.0.0"}, DEDUP_HOME=home[0], DEDUP_TOKEN=TOKEN)


def test_beyond_this_machine_nothing_opens_without_the_token(locked, page, home):
    page.goto(f"{locked.url}/explorer?dataset={home[1]}")
    assert "asks for its token" in page.locator("body").inner_text()
    for path in ("/", "/door.js", "/thumb/0/0/0.jpg", "/_stcore/host-config", "/_stcore/stream"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{locked.url}{path}")
        assert refused.value.code == 401
    assert answers(f"{locked.url}/_stcore/health")
    page.get_by_label("Token").fill("a wrong one")
    page.get_by_role("button", name="Open").click()
    assert "That is not its token" in page.locator("body").inner_text()


def test_the_token_opens_once_and_the_cookie_from_then_on(locked, page, tunnel, home):
    published = f"http://localhost:{tunnel(locked.port)}"  # as a container's port is
    link = next(word for word in locked.log.read_text().split() if "token=" in word)
    assert link == f"http://localhost:{locked.port}/?token={TOKEN}"
    page.goto(f"{published}/explorer?dataset={home[1]}&token={TOKEN}")
    assert "token" not in page.url and f"dataset={home[1]}" in page.url
    shows_pictures(page, published, home[1])
    (cookie,) = [each for each in page.context.cookies() if each["name"].startswith("dedup-")]
    assert cookie["httpOnly"] and cookie["sameSite"] == "Lax" and TOKEN not in cookie["value"]


def test_the_token_can_be_typed(locked, page, home):
    page.goto(f"{locked.url}/explorer")
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Open").click()
    page.locator("h1").first.wait_for()
    assert page.url.endswith("/explorer") or "token" not in page.url


def test_it_answers_to_numbers_but_to_no_unknown_name_beyond_this_machine(locked, page):
    assert page.goto(f"http://{NAME}:{locked.port}/").status == 403
    assert page.goto(f"{locked.url}/").status == 401


def test_without_a_token_only_in_so_many_words(serve, page, home):
    app = serve(ROOT / "app.py", {"server.address": "0.0.0.0"}, DEDUP_HOME=home[0], DEDUP_NO_TOKEN="1")
    assert page.goto(app.url).status == 200
    page.locator("h1").first.wait_for()
    assert "token" not in app.log.read_text()


def test_a_token_that_was_made_is_in_the_link(serve, home):
    app = serve(ROOT / "app.py", {"server.address": "0.0.0.0"}, DEDUP_HOME=home[0])
    link = next(word for word in app.log.read_text().split() if "token=" in word)
    with urllib.request.build_opener(urllib.request.HTTPCookieProcessor).open(f"{link}&x=1") as answer:
        assert answer.status == 200 and answer.url.endswith("/?x=1")


def test_nothing_outside_is_asked_for_an_address(locked):
    log = Path(locked.log).read_text()
    assert "External URL" not in log and "external IP" not in log
