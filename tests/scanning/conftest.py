"""What scans ask of their workers, for tests that say what must not be read again."""

from __future__ import annotations

from collections import defaultdict
from pathlib import PurePosixPath

import pytest

from dedup.scanning.engines.local import Local


@pytest.fixture
def asked(monkeypatch) -> dict[str, list[str]]:
    """Task to the names of the files that it was asked of, in any engine of this process."""
    names: dict[str, list[str]] = defaultdict(list)
    run = Local.run

    def noted(self, task, images, options):
        names[task] += [PurePosixPath(getattr(image, "key", image)).name for image in images]
        return run(self, task, images, options)

    monkeypatch.setattr(Local, "run", noted)
    return names
