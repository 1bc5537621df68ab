"""Where the browser of the browser tests is."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium() -> str | None:
    """The path of a Chromium: CHROMIUM in the environment, one on the PATH, or Playwright's own; None without any."""
    if chosen := os.environ.get("CHROMIUM"):
        return chosen
    installed = next((found for name in NAMES if (found := shutil.which(name))), None)
    if installed is not None:
        return installed
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None
