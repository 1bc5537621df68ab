"""Small disks to fill up."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, size: str = "8m") -> Iterator[Path]:
    """A disk of its own at `folder`, in memory; skips where this process may not mount one."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("may not mount a disk to fill up")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path) -> Path:
    """Take the last byte of a disk; returns the file that has them."""
    ballast = disk / "ballast"
    handle = os.open(ballast, os.O_CREAT | os.O_WRONLY)
    try:
        for block in (1 << 20, 1 << 12, 1):
            try:
                while os.write(handle, b"x" * block):
                    pass
            except OSError:
                continue
    finally:
        os.close(handle)
    return ballast


def read_only(disk: Path) -> None:
    """Let nothing on a disk of `small_disk` be written any more."""
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
