"""The folders opened last, offered again."""

from __future__ import annotations

import json
from pathlib import Path

from dedup.errors import DatasetError
from dedup.files import PRIVATE, make_private, write_text
from dedup.sources import is_there
from dedup.store.home import home_directory

MOST = 6


def folders() -> list[str]:
    """Folders opened last that are still there, the latest first."""
    try:
        told = json.loads(_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [path for path in told if isinstance(path, str) and is_there(path)] if isinstance(told, list) else []


def remember(folder: str) -> None:
    """Put a folder first; that it cannot be written down hinders nobody."""
    known = [folder, *(path for path in folders() if path != folder)][:MOST]
    try:
        make_private(_file().parent)
        write_text(_file(), json.dumps(known), PRIVATE)
    except (OSError, DatasetError):
        return


def _file() -> Path:
    return home_directory() / "recent.json"
