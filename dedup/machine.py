"""What this machine has to offer."""

from __future__ import annotations

import os
import platform
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

Answer = TypeVar("Answer")

WORKER_BYTES = 1 << 30
"""Memory that one worker may need for the largest picture."""

_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def default_workers() -> int:
    """One for each processor this process may use, and no more than have room for a large picture each."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = memory_bytes()
    return processors if memory is None else max(1, min(processors, memory // WORKER_BYTES))


def processor() -> str:
    """What tells one kind of processor from another, as far as the system says it."""
    with suppress(OSError):  # not Linux
        lines = set(Path("/proc/cpuinfo").read_text().splitlines())
        return "\n".join(sorted(line for line in lines if line.startswith(("model name", "flags", "Features"))))
    return platform.processor()


def memory_bytes() -> int | None:
    """Memory of this machine, or of the container this process runs in; None where the system does not say."""
    limits = [limit for path in _CGROUP_LIMITS if (limit := _number(path)) is not None]
    with suppress(AttributeError, ValueError, OSError):  # Windows has no sysconf
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return min(limits, default=None)


def somewhere_to_compile(code: Path) -> None:
    """Give numba a folder for what it compiles where neither that of `code`, nor the user's, nor a chosen one can be
    written, as in a read-only container: it would refuse to work. Must come before numba is loaded."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    places = [code / "__pycache__", Path.home() / ".cache" / "numba", *([Path(chosen)] if chosen else [])]
    if not any(map(_writable, places)):
        import atexit  # which hardly anybody needs
        import shutil
        import tempfile

        folder = tempfile.mkdtemp(prefix="dedup-compiled-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        os.environ["NUMBA_CACHE_DIR"] = folder


def _writable(folder: Path) -> bool:
    """Whether a folder can be written, or made."""
    there = next((each for each in (folder, *folder.parents) if each.exists()), folder)
    return os.access(there, os.W_OK | os.X_OK)


def within(seconds: float, ask: Callable[[], Answer]) -> Answer:
    """What `ask` returns, asked in a thread of its own. Raises `TimeoutError` when that takes longer, as where a
    network disk hangs (the thread is left to it), and whatever `ask` raises."""
    told: list[Answer] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            told.append(ask())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not told:
        raise TimeoutError(f"no answer within {seconds:g} seconds")
    return told[0]


def _number(path: str) -> int | None:
    try:
        return int(Path(path).read_text())
    except (OSError, ValueError):  # no such control group, or "max"
        return None
