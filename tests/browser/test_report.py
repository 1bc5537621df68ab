"""The report in a browser: offline, silent, as wide as the window, names and all."""

from __future__ import annotations

import shutil

import dedup
from dedup.report import facts, page
from tests.pictures import folder_of_photos

HOSTILE = "<img src=x onerror=document.title='ran'><script>document.title='ran'<\u2215script> $x$ `y`.jpg"


def test_it_opens_offline_shows_its_pictures_and_runs_nothing(new_page, tmp_path):
    folder_of_photos(tmp_path / "in", 3)
    shutil.copy(tmp_path / "in/0000.jpg", tmp_path / "in" / HOSTILE)
    dataset = dedup.scan(tmp_path / "in", home=tmp_path / "home", workers=1)
    page.write(facts.gather(dataset), tmp_path / "report.html")
    for width, dark in ((1400, False), (390, True)):
        tab = new_page(width=width, dark=dark)
        asked: list[str] = []
        tab.on("request", lambda request, asked=asked: asked.append(request.url))
        tab.context.set_offline(True)
        tab.goto((tmp_path / "report.html").as_uri())
        tab.wait_for_function("[...document.images].every(image => image.complete && image.naturalWidth)")
        assert tab.locator("article img").count() == 2 and tab.title() == "in · dedup"
        assert HOSTILE in tab.locator("article").first.inner_text()
        assert all(url.startswith(("file:", "data:")) for url in asked)
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
