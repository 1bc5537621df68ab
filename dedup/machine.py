"""What this machine has to offer."""

from __future__ import annotations

import os


def default_workers() -> int:
    """One for each processor this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
