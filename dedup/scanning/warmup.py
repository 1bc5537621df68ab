"""Compile the matching before it is first needed: on a new installation that takes seconds which a scan need not wait.

    python -m dedup.scanning.warmup

The compiled code is kept in numba's cache, so later processes only load it; a file says that it is there, for to load
it only to see that costs two seconds of a processor.
"""

from __future__ import annotations

import gc
import hashlib
import math
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import platformdirs
from PIL import Image

from dedup.images import signature
from dedup.images.detail import Detail
from dedup.images.metrics import Sample
from dedup.machine import processor
from dedup.model import OnProgress, Progress

SIZE = (96, 72)
WITH_KEYPOINTS = (320, 240)
"""A picture so large has keypoints in several sizes."""
COMPILED = Path(__file__).resolve().parents[1] / "matching"
"""The code that is compiled ..."""
OF_PARTS = COMPILED.with_name("images") / "keypoints.py"
"""... and what only looking for parts of pictures needs beside it."""
COMPILING_PARTS = "compiling the search for parts, once on this machine"


@contextmanager
def _all_of_it_stays() -> Iterator[None]:
    """No search for garbage meanwhile: of the millions of objects that compiling makes it would find next to none, for
    a second and a half of a processor."""
    searched = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if searched:
            gc.enable()


@_all_of_it_stays()
def warm_up() -> None:
    """Relate a few made-up pictures, two of them copies, so that every compiled function has run once."""
    from dedup.matching import alignment, engine, laying  # importing it begins the work that is to be done ahead

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
    details = [Detail(np.asarray(each.convert("L").resize((128, 128)))) for each in pictures]
    for each in details[1:]:  # one that is alike and one that differs, for different things are measured of them
        laying.look(details[0], each, alignment.AS_IT_IS)


@_all_of_it_stays()
def warm_up_parts() -> None:
    """Find the keypoints of a made-up picture and of the same one turned, and what they share."""
    from dedup.images import keypoints
    from dedup.matching import points

    noise = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
    picture = Image.fromarray(noise).resize(WITH_KEYPOINTS, Image.Resampling.BICUBIC)
    with ThreadPoolExecutor(1) as pool:
        points.shared([keypoints.of_picture(each) for each in (picture, picture.rotate(10))], pool)


def prepare_parts(report: OnProgress) -> None:
    """`warm_up_parts` where that was not done before, and told: workers that all compile the same would take longer."""
    done = _done("-parts")
    if not done.exists():
        report(Progress(COMPILING_PARTS, 0, 1))
        warm_up_parts()
        _leave_word(done)


def warm_up_beside() -> threading.Thread | None:
    """`warm_up` on a thread of its own; whoever needs the compiled code meanwhile waits for it by itself. None where
    that was done before: a scan loads what it needs, which is little where nothing is alike."""
    if _done().exists():
        return None
    thread = threading.Thread(target=_while_needed, name="warm-up", daemon=True)
    thread.start()
    return thread


def _while_needed() -> None:
    try:
        main()
    except RuntimeError:  # threads cannot be had any more once a short scan has ended the program
        if threading.main_thread().is_alive():
            raise


@cache
def warm_up_elsewhere() -> subprocess.Popen[bytes] | None:
    """`warm_up` in a process of its own, once: fills the cache for the scans that a person will soon start. None where
    that was done before."""
    if _done().exists():
        return None
    return subprocess.Popen(
        [sys.executable, "-m", "dedup.scanning.warmup"],
        cwd=Path(__file__).resolve().parents[2],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _done(what: str = "") -> Path:
    """The file that stands once this very code was compiled here: all that has numba compile again gives another."""
    files = [f"{file} {file.stat().st_mtime_ns}" for file in sorted([*COMPILED.rglob("*.py"), OF_PARTS])]
    place = [sys.version, version("numba"), processor(), os.environ.get("NUMBA_CACHE_DIR", "")]
    digest = hashlib.sha256("\n".join(files + place).encode("utf-8", "surrogateescape"))
    return Path(platformdirs.user_cache_dir("dedup", appauthor=False)) / f"compiled{what}-{digest.hexdigest()[:16]}"


def _leave_word(done: Path) -> None:
    with suppress(OSError):  # without it the next process looks once more
        done.parent.mkdir(parents=True, exist_ok=True)
        done.touch()


def main() -> None:
    """Warm up, and leave word that it was done, of the code as it was then."""
    done = _done()
    warm_up()
    _leave_word(done)


if __name__ == "__main__":
    main()
