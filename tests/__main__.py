"""`python -m tests [pytest arguments]`: find or fetch what the browser tests need, then run everything."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from tests.chromium import find_chromium


def _fetch_browser() -> None:
    """Debian's packages when we may install them, else Playwright's own Chromium; what needs neither skips."""
    if shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
        subprocess.call(["apt-get", "update", "-qq"])
        subprocess.call(["apt-get", "install", "-y", "-qq", "chromium", "nginx-light"])
    else:
        subprocess.call([sys.executable, "-m", "playwright", "install", "chromium"])


if __name__ == "__main__":
    if find_chromium() is None:
        _fetch_browser()
    # one more than cores: tests that wait for a browser leave theirs to others
    at_once = ("-n", "3", "--dist", "loadfile", "--no-loadscope-reorder")
    sys.exit(subprocess.call([sys.executable, "-m", "pytest", *at_once, *sys.argv[1:]]))
