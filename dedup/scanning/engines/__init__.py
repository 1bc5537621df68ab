"""Where the work on many files runs. A new engine is one file, and its name in ENGINES."""

from __future__ import annotations

from dedup.errors import UsageError
from dedup.scanning.engines.base import Engine, Failed
from dedup.scanning.engines.local import Local
from dedup.words import did_you_mean

ENGINES = {"local": Local}
"""Name to engine; each is made with the number of workers asked for, None for what the machine can take."""


def engine(name: str = "local", workers: int | None = None) -> Engine:
    """The engine of that name. Raises `UsageError`."""
    if name not in ENGINES:
        raise UsageError(f"There is no engine {name!r}{did_you_mean(name, ENGINES) or '.'}")
    return ENGINES[name](workers)


__all__ = ["ENGINES", "Engine", "Failed", "engine"]
