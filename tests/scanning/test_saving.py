"""Saving a scan, killed at every step: the last scan or the new one, and nothing is decoded again."""

from __future__ import annotations

import os
import signal
from functools import partial

import dedup
from dedup.store.directory import Store
from tests.pictures import folder_of_photos, photo, save


def killed(work, step: int) -> bool:
    """Run `work` in a process that kills itself at its `step`-th rename or write of a table; False when it ended."""
    child = os.fork()
    if child:
        return os.WIFSIGNALED(os.waitpid(child, 0)[1])
    left = step

    def deadly(function):
        def call(*args, **kwargs):
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **kwargs)

        return call

    for name in ("replace", "rename", "fsync", "unlink", "rmdir"):
        setattr(os, name, deadly(getattr(os, name)))
    try:
        work()
    finally:
        os._exit(0)


def test_killed_at_every_step_of_saving_nothing_is_decoded_again(tmp_path, home, asked):
    paths = folder_of_photos(tmp_path / "in", 4)
    dataset = dedup.scan(tmp_path / "in", workers=1)
    store, info = Store(dataset.directory), dataset.info
    step, ended = 0, False
    while not ended:
        step += 1
        save(photo(100 + step), paths[0])
        asked["examine"].clear()
        results = store.previous(store.read_info())
        assert results is not None
        with store.scanning(store.read_info()):
            store.write_part(results.images.iloc[:0], results.signatures[:0])
        ended = not killed(partial(store.write_results, store.read_info(), results), step)
        assert len(dedup.open("in").frame) == 4  # the last scan or the new one, never neither
        frame = dedup.scan(tmp_path / "in", workers=1).frame
        assert len(frame) == 4 and asked["examine"] == ["0000.jpg"]
        litter = [each.name for each in dataset.directory.rglob("*") if each.name.startswith(".dedup-")]
        assert litter == [] and not store.saving.exists() and not store.parts.exists()
    assert step > 8 and info.key == dedup.open("in").info.key
