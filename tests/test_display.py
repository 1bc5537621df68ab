"""What notebooks and shells show of a dataset, its groups and its pairs."""

from __future__ import annotations

import html
import sys
import urllib.error
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from nbclient import NotebookClient
from PIL import Image

import dedup
from dedup import served as serving
from dedup.errors import UsageError
from dedup.model import Progress
from dedup.progress import watched
from tests.conftest import ROOT
from tests.pictures import folder_of_photos, photo, save

HOSTILE = "<img src=x onerror=alert(1)> & $a$.jpg"


@pytest.fixture
def photos(tmp_path, home):
    """Three photographs; a mirrored copy with a hostile name, and a file that is no picture."""
    folder_of_photos(tmp_path / "photos", 3)
    save(photo(1).transpose(Image.Transpose.FLIP_LEFT_RIGHT), tmp_path / "photos" / HOSTILE, quality=90)
    (tmp_path / "photos/broken.jpg").write_bytes(b"no picture")
    return dedup.scan(tmp_path / "photos", workers=1)


def test_a_group_tells_who_stays_and_how_each_differs(photos):
    group = photos.group(0)
    assert {group.keeper, *group.copies} == {"0001.jpg", HOSTILE} and len(group.frame) == 2
    assert f"keep {group.keeper}, because {group.reason}" in repr(group)
    assert "mirrored" in repr(group)
    with pytest.raises(UsageError, match="no group 9"):
        photos.group(9)


def test_groups_are_objects_in_order_of_what_they_save(photos):
    save(photo(2), photos.root / "zz.png")
    groups = dedup.scan(photos.root, workers=1).groups
    assert len(groups) == 2 and [each.number for each in groups] == groups.table["group"].tolist()
    assert groups[0] == next(iter(groups)) and groups[:5] == list(groups) and groups[-1] == groups[1]
    assert [len(each.rows) for each in groups] == groups.table["images"].tolist()
    assert [each.rows[0] for each in groups] == groups.table["keeper"].tolist()
    assert groups.table["bytes_saved"].is_monotonic_decreasing and repr(groups).startswith("2 groups, ")
    with pytest.raises(IndexError):
        groups[2]


def test_groups_tell_of_the_moment_they_were_asked_for(photos):
    groups, before = photos.groups, repr(photos.groups[0])
    photos.decisions.decide([("keeper", groups[0].copies[0], "", "1")], "choose another")
    assert repr(groups[0]) == before and repr(photos.groups[0]) != before


def test_a_pair_tells_how_the_right_one_differs(photos):
    pair = photos.pair(0)
    assert set(pair.paths) == {"0001.jpg", HOSTILE} and pair.kind == "near" and "mirrored" in repr(pair)
    with pytest.raises(UsageError):
        photos.pair(len(photos.pairs))


def test_notebooks_get_pictures_and_names_as_text(photos):
    for shown, pictures in ((photos, 2), (photos.groups, 2), (photos.group(0), 2), (photos.pair(0), 2)):
        page = shown._repr_html_()
        assert page.count("data:image/jpeg;base64,") == pictures
        assert "<img src=x" not in page and "&lt;img src=x" in page
    assert "<b>5</b>" in photos._repr_html_() and "3 failed" not in photos._repr_html_()


def test_a_picture_that_cannot_be_shown_says_why(photos):
    (photos.root / HOSTILE).unlink()
    page = photos.group(0)._repr_html_()
    assert page.count("data:image/jpeg") == 1 and "cannot be shown" in page


def test_progress_is_quiet_where_nobody_watches_and_a_line_in_a_notebook(monkeypatch, capsys):
    with watched() as told:
        assert told is None
    shown: list[str] = []
    handle = SimpleNamespace(update=shown.append)
    display = SimpleNamespace(HTML=str, display=lambda what, display_id: handle)
    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell, display=display))
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    with watched() as told:
        for done in range(500):
            told(Progress("examine", done, 500, 0.5))
        told(Progress("examine", 500, 500, 1.0))
    assert 2 <= len(shown) < 20 and "examine: 500 of 500 500/s" in shown[-2] and shown[-1] == ""
    assert capsys.readouterr() == ("", "")


def test_on_a_terminal_there_is_a_bar(monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with watched() as told:
        told(Progress("examine", 1, 2, 0.5))
        told(Progress("match", 1, 1, 0.5))


def test_the_app_is_opened_on_the_dataset_once_for_all_of_a_home(photos, monkeypatch):
    opened: list[str] = []
    monkeypatch.setattr(serving.webbrowser, "open", opened.append)
    served = photos.show()
    try:
        again = photos.show("duplicates")
        files = [Path(url.removeprefix("file://")) for url in opened]  # commands are seen by all users, files are not
        assert again._process is served._process and [file.stat().st_mode & 0o777 for file in files] == [0o600] * 2
        assert [html.escape(each.url) in file.read_text() for each, file in zip((served, again), files, strict=True)]
        assert f"/duplicates?dataset={photos.info.key}&token=" in again.url
        assert again.url in again._repr_html_() and "token" not in repr(served._process)
        with urllib.request.build_opener(urllib.request.HTTPCookieProcessor).open(served.url) as answer:
            assert answer.status == 200
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(served.url.partition("?")[0])
        served._process.stdin.close()  # as when this process ends, however it ends
        served._process.wait(20)
    finally:
        served.stop()
    assert not served.running


def test_an_app_that_does_not_start_says_what_it_said(photos, monkeypatch):
    monkeypatch.setenv("DEDUP_TOKEN", "short")
    with pytest.raises(dedup.DedupError, match="did not start"):
        photos.show()


def test_the_notebook_of_the_docs_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("DEDUP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.read(ROOT / "docs" / "tour.ipynb", as_version=4)
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": tmp_path}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    shown = "".join(output.get("data", {}).get("text/html", "") for output in outputs)
    assert shown.count("data:image/jpeg;base64,") >= 6
    assert [output for output in outputs if output.output_type == "error"] == []
    assert list(Path(tmp_path).glob("clean.csv"))
