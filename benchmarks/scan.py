"""What a scan costs, in ratios to a bare decode loop of the same run, and to peers where they are installed.

    python -m benchmarks.scan FOLDER [--runs 3] [--peers]

CPU time is user plus system time of the process and its children. Start-up is measured on a folder of one image and
taken off. Peers (imagededup, cleanvision, fastdup, difPy) run in processes of their own, start-up taken off likewise.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BARE = """
import sys
from pathlib import Path
from PIL import Image
for path in sorted(p for p in Path(sys.argv[1]).rglob('*') if p.is_file()):
    with Image.open(path) as image:
        image.convert('RGB').load()
"""
SCAN = "import sys, dedup; dedup.scan(sys.argv[1], home=sys.argv[2], workers=int(sys.argv[3]))"
PEERS = {
    "imagededup": """
import sys
from imagededup.methods import PHash
PHash(verbose=False).find_duplicates(image_dir=sys.argv[1])
""",
    "cleanvision": """
import sys
from cleanvision import Imagelab
Imagelab(data_path=sys.argv[1]).find_issues(n_jobs=1)
""",
    "fastdup": """
import sys, tempfile, fastdup
fastdup.create(work_dir=tempfile.mkdtemp(), input_dir=sys.argv[1]).run(ccthreshold=0.9, overwrite=True)
""",
    "difPy": """
import sys, difPy
if __name__ == '__main__':
    difPy.search(difPy.build(sys.argv[1], processes=1), processes=1)
""",
}


def cost(code: str, *arguments: object) -> tuple[float, float]:
    """(CPU seconds, wall seconds) of a Python process that runs `code`."""
    with tempfile.NamedTemporaryFile("w", suffix=".py") as script:
        script.write(code)
        script.flush()
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(
            [sys.executable, script.name, *map(str, arguments)],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
        )
        after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - start
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def net(code: str, folder: Path, one: Path, *arguments: object) -> tuple[float, float]:
    """The cost on `folder` less that on a folder of one image."""
    (cpu, wall), (start_cpu, start_wall) = cost(code, folder, *arguments), cost(code, one, *arguments)
    return cpu - start_cpu, wall - start_wall


def scans(folder: Path, one: Path, workers: int) -> dict[str, tuple[float, float]]:
    """Net costs of a first and of a second, unchanged scan."""
    with tempfile.TemporaryDirectory() as home:
        first = cost(SCAN, folder, f"{home}/all", workers)
        second = cost(SCAN, folder, f"{home}/all", workers)
        start = cost(SCAN, one, f"{home}/one", workers)
        start_again = cost(SCAN, one, f"{home}/one", workers)
    return {
        "dedup, first scan": (first[0] - start[0], first[1] - start[1]),
        "dedup, second scan": (second[0] - start_again[0], second[1] - start_again[1]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--peers", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        one = Path(scratch) / "one"
        one.mkdir()
        shutil.copy(next(path for path in sorted(args.folder.rglob("*")) if path.is_file()), one)
        rows: dict[str, list[tuple[float, float, float]]] = {}
        for _ in range(args.runs):
            bare = net(BARE, args.folder, one)
            found = {"bare RGB decode": bare} | scans(args.folder, one, args.workers)
            for peer, code in PEERS.items() if args.peers else ():
                if importlib.util.find_spec(peer) or importlib.util.find_spec(peer.lower()):
                    found[peer] = net(code, args.folder, one)
            for name, (cpu, wall) in found.items():
                rows.setdefault(name, []).append((cpu, wall, cpu / bare[0]))
    print(f"{'':22s}{'CPU s':>8s}{'wall s':>8s}{'x bare decode':>15s}   (medians of {args.runs}, start-up taken off)")
    for name, runs in rows.items():
        cpu, wall, ratio = (statistics.median(column) for column in zip(*runs, strict=True))
        print(f"{name:22s}{cpu:8.2f}{wall:8.2f}{ratio:15.2f}")
    first, second = (statistics.median(run[0] for run in rows[f"dedup, {which} scan"]) for which in ("first", "second"))
    print(f"second scan / first scan: {second / first:.3f}")


if __name__ == "__main__":
    main()
