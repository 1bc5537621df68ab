"""A worker that dies on files called crash and hangs on files called hang, as a hostile file may make a real one."""

from __future__ import annotations

import os
import time

from dedup.images.examine import Examined, examine
from dedup.scanning.engines import worker


def _hostile(path, **options) -> Examined:
    if "crash" in path.name:
        os._exit(139)
    if "hang" in path.name:
        time.sleep(600)
    return examine(path, **options)


if __name__ == "__main__":
    worker.examine = _hostile
    worker.main()
