"""Compile the matching before it is first needed: on a new installation that takes seconds which a scan need not wait.

    python -m dedup.scanning.warmup

The compiled code is kept in numba's cache, so later processes only load it.
"""

from __future__ import annotations

import math
import subprocess
import sys
import threading
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from dedup.images import signature
from dedup.images.detail import Detail
from dedup.images.metrics import Sample

SIZE = (96, 72)


def warm_up() -> None:
    """Relate a few made-up pictures, two of them copies, so that every compiled function has run once."""
    from dedup.matching import engine, laying, second_look  # importing it begins the work that is to be done ahead

    noise = np.random.default_rng(0).integers(0, 256, (2, 9, 12, 3), np.uint8)
    one, other = (Image.fromarray(each).resize(SIZE, Image.Resampling.BICUBIC) for each in noise)
    pictures = [one, one.resize((64, 48)).resize(SIZE), other]
    records = np.array([signature.extract(Sample.of(each)) for each in pictures], signature.SIGNATURE)
    facts = pd.DataFrame(
        {
            "sha256": ["0", "1", "2"],
            "width": SIZE[0],
            "height": SIZE[1],
            "format": "PNG",
            "jpeg_quality": math.nan,
            "bits": 8,
            "frames": 1,
            "alpha": False,
            "shown_on": "",
            "values": "",
        }
    )
    engine.relate(facts, records, workers=1)
    details = [Detail(np.asarray(each.convert("L").resize((64, 64)))) for each in pictures]
    for each in details[1:]:  # one that is alike and one that differs, for different things are measured of them
        laying.look(details[0], each, second_look.AS_IT_IS)


def warm_up_beside() -> threading.Thread:
    """`warm_up` on a thread of its own; whoever needs the compiled code meanwhile waits for it by itself."""
    thread = threading.Thread(target=_while_needed, name="warm-up", daemon=True)
    thread.start()
    return thread


def _while_needed() -> None:
    try:
        warm_up()
    except RuntimeError:  # threads cannot be had any more once a short scan has ended the program
        if threading.main_thread().is_alive():
            raise


@cache
def warm_up_elsewhere() -> subprocess.Popen[bytes]:
    """`warm_up` in a process of its own, once: fills the cache for the scans that a person will soon start."""
    return subprocess.Popen(
        [sys.executable, "-m", "dedup.scanning.warmup"],
        cwd=Path(__file__).resolve().parents[2],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


if __name__ == "__main__":
    warm_up()
