"""The file manager opens a folder, and only on one's own desktop."""

from __future__ import annotations

import os
import sys

import pytest

import dedup
from dedup.errors import UsageError
from dedup.ui.shell import desktop
from tests.pictures import photo, save
from tests.ui.apptest import mounted, run_page, send

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="stands in for xdg-open")


@pytest.fixture
def opened(tmp_path, monkeypatch):
    """A desktop whose file manager writes down what it is asked to open."""
    told = tmp_path / "told"
    tool = tmp_path / "bin/xdg-open"
    tool.parent.mkdir()
    tool.write_text(f'#!/bin/sh\nprintf "%s\\n" "$#" "$1" >> "{told}"\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(desktop.config, "get_option", {"server.address": "127.0.0.1"}.get)
    return told


def test_a_folder_is_opened_whatever_it_is_called(opened, tmp_path):
    folder = tmp_path / "-e `touch x` $(id) ; & 'q' \"d\""
    save(photo(1), folder / "--help.png")
    desktop.show(folder / "--help.png")
    assert opened.read_text().splitlines() == ["1", str(folder)]


def test_what_cannot_be_opened_is_told(opened, tmp_path, monkeypatch):
    with pytest.raises(UsageError, match="is away"):
        desktop.show(tmp_path / "gone/a.png")
    (tmp_path / "bin/xdg-open").write_text("#!/bin/sh\nexit 3\n")
    with pytest.raises(UsageError, match="does not open here"):
        desktop.show(tmp_path / "a.png")


def test_it_is_offered_only_on_ones_own_desktop(opened, monkeypatch):
    assert desktop.is_here()
    for address in ("0.0.0.0", "", "192.168.1.5"):
        monkeypatch.setattr(desktop.config, "get_option", {"server.address": address}.get)
        assert not desktop.is_here(), "others reach it"
    behind = {"server.address": "127.0.0.1", "server.corsAllowedOrigins": ["https://a.example"]}
    monkeypatch.setattr(desktop.config, "get_option", behind.get)
    assert not desktop.is_here(), "a proxy hands it on"
    monkeypatch.setattr(desktop.config, "get_option", {"server.address": "localhost"}.get)
    monkeypatch.delenv("DISPLAY")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert not desktop.is_here(), "there is no desktop"


def test_a_card_shows_its_folder(home, tmp_path, monkeypatch):
    save(photo(1), tmp_path / "set/sub/a.png")
    made = dedup.scan(tmp_path / "set", workers=1)
    shown = []
    monkeypatch.setattr(desktop, "is_here", lambda: True)
    monkeypatch.setattr(desktop, "show", shown.append)
    at = run_page("explorer", {"dataset": made.info.key})
    cards = next(each for each in mounted(at) if "items" in each)
    assert cards["reveals"]
    send(at, f"grid {made.info.key}", {"type": "reveal", "ids": [cards["items"][0]["id"]]})
    assert shown == [tmp_path / "set/sub/a.png"]
    monkeypatch.setattr(desktop, "is_here", lambda: False)
    send(at, f"grid {made.info.key}", {"type": "reveal", "ids": [cards["items"][0]["id"]]})
    assert len(shown) == 1, "an event that nobody was offered does nothing"
