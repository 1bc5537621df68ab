"""Warming up runs all of the compiled matching, so that a first scan need not compile it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from dedup import machine
from dedup.scanning import warmup


def test_where_nothing_can_be_written_there_is_a_folder_to_compile_in(monkeypatch, tmp_path):
    monkeypatch.setattr(machine.os, "access", lambda *_: False)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "read-only"))
    machine.somewhere_to_compile(tmp_path)
    made = Path(os.environ["NUMBA_CACHE_DIR"])
    assert made.is_dir() and made != tmp_path / "read-only"
    made.rmdir()
    monkeypatch.undo()
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    machine.somewhere_to_compile(tmp_path)
    assert "NUMBA_CACHE_DIR" not in os.environ


def test_a_scan_after_warming_up_compiles_nothing(tmp_path):
    """Nor does a thorough one, once it was told that it would."""
    cache = tmp_path / "cache"
    own = {"NUMBA_CACHE_DIR": cache, "DEDUP_HOME": tmp_path / "home", "XDG_CACHE_HOME": tmp_path / "user"}
    environment = os.environ | {name: str(place) for name, place in own.items()}
    root = Path(__file__).parents[2]
    both = "from dedup.scanning import warmup; warmup.warm_up(); warmup.prepare_parts(print)"
    told = subprocess.run(
        [sys.executable, "-c", both], check=True, env=environment, cwd=root, capture_output=True, text=True
    )
    assert warmup.COMPILING_PARTS in told.stdout
    compiled = sorted(path.name for path in cache.rglob("*.nbc"))
    twice = {name.split("-")[0] for name in compiled if name.endswith(".2.nbc")}  # for two kinds of arguments
    assert {name for name in twice if "points." not in name} == {"alignment.cubic"}
    code = (
        "from pathlib import Path; import dedup; from tests.pictures import *; told = [];"
        f"folder = Path({str(tmp_path)!r}) / 'in'; folder_of_photos(folder, 5);"
        "save(photo(0).transpose(0), folder / 'mirror.jpg'); large = detailed(9, (400, 300));"
        "save(large, folder / 'large.jpg'); save(large.rotate(20).crop((90, 60, 330, 240)), folder / 'cut.jpg');"
        "made = dedup.scan(folder, workers=1, thorough=True, on_progress=lambda each: told.append(each.stage));"
        "assert made.frame['part_of'].sum() + made.frame['contains'].sum() > 0;"
        "assert not any('compiling' in each for each in told)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, cwd=root)
    assert compiled and sorted(path.name for path in cache.rglob("*.nbc")) == compiled


def test_the_process_that_compiles_tells_the_same_as_those_that_load_the_code(tmp_path):
    program = """
import hashlib, numpy as np
from dedup.images.detail import Detail
from dedup.matching import alignment, laying

random = np.random.default_rng(0)
coarse = random.integers(0, 256, (40, 6, 6)).astype(np.uint8)
pictures = coarse.repeat(8, axis=1).repeat(8, axis=2)
one, other = random.integers(0, 40, (2, 400))
start = np.tile(alignment.AS_IT_IS, (400, 1)) + random.normal(0, 0.05, (400, 6))
told = alignment.align(pictures, one, other, start, np.tile(np.float32([0, 0, 1, 1]), (40, 1)), 0.1)
details = [Detail(each.repeat(4, axis=0).repeat(4, axis=1)) for each in pictures[:6]]
looks = [laying.look(details[k], details[k // 2], start[k]) for k in range(6)]
print(hashlib.sha256(b"".join(each.tobytes() for each in told) + repr(looks).encode()).hexdigest())
"""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    told = [
        subprocess.run([sys.executable, "-c", program], check=True, env=environment, capture_output=True, text=True)
        for _ in range(2)
    ]
    assert told[0].stdout == told[1].stdout


def test_what_is_compiled_is_not_compiled_again_unless_something_changed(monkeypatch, tmp_path):
    started = []
    monkeypatch.setattr(warmup.subprocess, "Popen", lambda command, **_: started.append(command) or command)
    monkeypatch.setattr(warmup.platformdirs, "user_cache_dir", lambda *_, **__: str(tmp_path / "cache"))
    monkeypatch.setattr(warmup, "COMPILED", tmp_path)
    monkeypatch.setattr(warmup, "warm_up", lambda: None)
    (tmp_path / "code.py").write_text("1")

    def elsewhere() -> object:
        warmup.warm_up_elsewhere.cache_clear()
        return warmup.warm_up_elsewhere()

    assert elsewhere() and elsewhere()
    beside = warmup.warm_up_beside()
    assert beside is not None
    beside.join()
    assert elsewhere() is None and warmup.warm_up_beside() is None  # a scan loads what it needs by itself
    os.utime(tmp_path / "code.py", (1, 1))
    assert elsewhere()
    warmup.main()
    assert elsewhere() is None
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert elsewhere()
    (tmp_path / "cache").rename(tmp_path / "gone")
    (tmp_path / "cache").write_text("no folder can be made here")
    warmup.main()
    assert elsewhere() and len(started) == 5
    warmup.warm_up_elsewhere.cache_clear()


def test_a_program_that_ends_while_it_warms_up_ends_quietly():
    """The pool of the matching takes no work once the main thread has ended."""
    program = """
import atexit, threading, time
from pathlib import Path
from concurrent.futures import ThreadPoolExecutor
from dedup.scanning import warmup

def late():
    while threading.main_thread().is_alive():
        time.sleep(0.01)
    time.sleep(0.2)
    ThreadPoolExecutor().submit(print)

warmup.warm_up = late
warmup._done = lambda: Path("nothing compiled yet")
atexit.register(time.sleep, 1)
assert warmup.warm_up_beside() is not None
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_to_begin_a_scan_loads_no_compiled_code():
    """An unchanged rescan needs none, and it takes longer to load than such a rescan does."""
    program = "import sys, dedup.catalogue; print(sorted({'numba', 'scipy'} & set(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
