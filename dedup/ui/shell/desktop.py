"""The file manager of the person's own desktop, where the app runs on it.

Offered only where nobody else reaches the app: on a server it would open a window that nobody sees. A folder is opened,
never a file: opening one could run it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from streamlit import config

from dedup.errors import UsageError
from dedup.ui.shell.door import is_loopback

DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")
"""Of these variables one is set where a Linux has a desktop."""
SECONDS = 10.0
"""File managers are started by a command that ends at once."""


def is_here() -> bool:
    """Whether the app runs on the desktop of whoever looks at it, and its file manager can be opened."""
    alone = is_loopback((config.get_option("server.address") or "").strip().lower())
    return alone and not config.get_option("server.corsAllowedOrigins") and bool(_command(Path("/")))


def show(file: Path) -> None:
    """Open the folder of a file, with the file chosen where the system can. Raises `UsageError`."""
    if not file.parent.is_dir():
        raise UsageError("The folder of this image is away.")
    try:
        done = subprocess.run(
            _command(file), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            timeout=SECONDS, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError("The file manager does not open here.") from error
    if done.returncode and sys.platform != "win32":  # whose file manager says 1 when all is well
        raise UsageError("The file manager does not open here.")


def _command(file: Path) -> Sequence[str]:
    """What opens the file manager, as arguments that no shell sees; empty where there is none."""
    if sys.platform == "darwin":
        return ["open", "-R", str(file)]
    if sys.platform == "win32":
        return ["explorer", str(file.parent)]
    opener = shutil.which("xdg-open")
    if opener and any(os.environ.get(name) for name in DISPLAYS):
        return [opener, str(file.parent)]
    return []
