"""Every page with hostile names in a real Chromium: shown as they are, and no request but to the app itself."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import dedup
from tests.browser.conftest import ROOT
from tests.pictures import photo, save

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.browser
PAGES = ("", "summary", "explorer", "map", "duplicates", "duplicates?panel=rules", "duplicates?panel=plan",
         "duplicates?panel=history", "leaks", "clashes", "splits", "export")  # fmt: skip


@pytest.fixture
def listener():
    """A server that must hear nothing; what it heard."""
    heard: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_args) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", heard
    server.shutdown()
    server.server_close()


@pytest.fixture
def hostile(tmp_path, listener) -> tuple[str, str]:
    """The home of a dataset of which every name would call out if it were Markdown or HTML, and its key."""
    address, _ = listener
    image, html = f"![i]({address}/md.png)", f"<img src={address}/html.png>"
    root = tmp_path / "in $a$ :smile: `b` **c**"
    folder = f"![i](http:{'_'}) :material_home: $x$ <b>d</b> -- e"
    for seed, name in ((1, f"train/{folder}/a.png"), (1, f"test/{folder}/b.png"), (2, f"{folder}/:+1: c.png")):
        save(photo(seed), root / name)
    (root / "broken *x*.jpg").write_bytes(b"no picture")
    names = [f"train/{folder}/a.png", f"test/{folder}/b.png", f"{image} {html}"]
    document = {
        "images": [{"id": n, "file_name": name, "width": 96, "height": 72} for n, name in enumerate(names, 1)],
        "annotations": [{"id": n, "image_id": n, "category_id": n, "bbox": [1, 1, 50, 50]} for n in (1, 2)],
        "categories": [{"id": 1, "name": f"{image} one"}, {"id": 2, "name": f"{html} two"}],
    }
    (root / "labels.json").write_text(json.dumps(document))
    made = dedup.scan(root, annotations=root / "labels.json", home=tmp_path / "home", workers=1)
    for name in (image, html, ":smile: $a$"):
        made.tag([0, 1], name[:60])
    paths = made.frame["path"].tolist()
    made.decisions.decide([("split", paths[-1], "", "$x$ **y**")], f"Set {image} {html}")
    return str(tmp_path / "home"), made.info.key


def test_every_page_is_walked():
    addresses = {"" if file.stem == "datasets" else file.stem for file in (ROOT / "pages").glob("*.py")}
    assert {name.partition("?")[0] for name in PAGES} == addresses


def test_no_page_calls_out_and_names_are_shown_as_they_are(serve, new_page, hostile, listener):
    home, key = hostile
    address, heard = listener
    app = serve(ROOT / "app.py", DEDUP_HOME=home)
    asked: list[str] = []
    page = new_page()
    page.on("request", lambda request: asked.append(request.url))
    shown = ""
    for name in PAGES:
        page.goto(f"{app.url}/{name}{'&' if '?' in name else '?'}dataset={key}")
        page.locator("h1").first.wait_for()
        page.wait_for_timeout(1500)
        shown += page.locator("body").inner_text()
        assert page.locator("[data-testid=stMarkdownContainer] img").count() == 0
        assert page.locator("[data-testid=stMarkdownContainer] .katex").count() == 0
    assert heard == []
    ours = (app.url, app.url.replace("http", "ws"), "data:", "blob:")
    assert [url for url in asked if not url.startswith(ours)] == []
    for name in (f"![i]({address}/md.png)"[:30], "in $a$ :smile: `b` **c**", "$x$ **y**"):
        assert name in shown.replace("\u2060", "")


def test_the_app_is_framed_by_nobody_and_driven_by_no_other_page(serve, new_page, hostile):
    app = serve(ROOT / "app.py", DEDUP_HOME=hostile[0])
    page = new_page()
    answer = page.goto(app.url)
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    other = new_page()
    other.goto(app.url.replace("127.0.0.1", "localhost"))
    told = other.evaluate(
        """url => new Promise(done => {
            const socket = new WebSocket(url);
            socket.onopen = () => done("open");
            socket.onerror = () => done("refused");
        })""",
        app.url.replace("http", "ws") + "/_stcore/stream",
    )
    assert told == "refused"


def test_a_clash_of_long_names_stays_in_its_card(serve, new_page, tmp_path):
    for split in ("train", "test"):
        save(photo(1), tmp_path / "set" / split / (split + "x" * 110) / "a.png")
    made = dedup.scan(tmp_path / "set", home=tmp_path / "home", workers=1)
    page = new_page()
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{serve(ROOT / 'app.py', DEDUP_HOME=str(tmp_path / 'home')).url}/duplicates?dataset={made.info.key}")
    page.locator(".why.clash").wait_for()
    assert page.get_by_test_id("stMain").evaluate("main => main.scrollWidth - main.clientWidth") <= 0
