"""A worker that dies on files called crash and hangs on files called hang, as a hostile file may make a real one."""

from __future__ import annotations

import os
import time

from dedup.scanning.engines import base, worker


def _hostile(task, path, options):
    if "crash" in path.name and ("on" not in path.name or f"on {task}" in path.name):
        os._exit(139)
    if "hang" in path.name:
        time.sleep(600)
    return base.perform(task, path, options)


if __name__ == "__main__":
    worker.perform = _hostile
    worker.main()
