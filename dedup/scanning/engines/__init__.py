"""Where the work on many files runs. A new engine is one file, and its name in ENGINES."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dedup.errors import UsageError
from dedup.scanning.engines.base import Engine, Failed
from dedup.scanning.engines.local import Local
from dedup.scanning.engines.ray import Ray
from dedup.words import did_you_mean

ENGINES: dict[str, Callable[[int | None, str], Engine]] = {"local": lambda workers, _: Local(workers), "ray": Ray}
"""Name to engine; each is made with the number of workers asked for, None for what there is, and its address."""


@dataclass(frozen=True, slots=True)
class Choice:
    """An engine that was asked for: its name, how many workers (None: what there is), and where it is, if elsewhere."""

    name: str = "local"
    workers: int | None = None
    address: str = ""


HERE = Choice()
"""This machine, with all it has."""


def engine(choice: Choice = HERE) -> Engine:
    """The engine that was chosen. Raises `UsageError`, and `EngineError` where it is not there."""
    if choice.name not in ENGINES:
        raise UsageError(f"There is no engine {choice.name!r}{did_you_mean(choice.name, ENGINES) or '.'}")
    if choice.workers is not None and choice.workers < 1:
        raise UsageError(f"{choice.workers} workers read nothing. Give 1 or more, or none for all processors.")
    if choice.address and choice.name == HERE.name:  # reading all of it here instead would take days unnoticed
        raise UsageError(f"{choice.address} is a cluster. Choose the engine for it: --engine ray.")
    return ENGINES[choice.name](choice.workers, choice.address)


__all__ = ["ENGINES", "HERE", "Choice", "Engine", "Failed", "engine"]
