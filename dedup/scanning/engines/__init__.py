"""Where the work on many files runs. An engine is a function `examine_all(paths, ...) -> iterator of results`."""

from __future__ import annotations

from dedup.scanning.engines.local import examine_all

__all__ = ["examine_all"]
