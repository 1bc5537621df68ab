"""What a scan costs, in ratios to a bare full decode of the same run, and to peers where they are installed.

    python -m benchmarks.scan FOLDER [--runs 3] [--camera 24] [--whole] [--compile]

CPU time is user plus system time of the process and its children. Start-up is measured on a folder of two images and
taken off. `--camera N` does the same on N photographs of 4032 x 3024 pixels, enlarged from those of the folder, with
grain, as JPEG at quality 92. `--whole` runs whole commands, start-up included, beside the peers that are on the PATH
(data-doctor, imgcheck). `--compile` measures what the compiler costs on a fresh machine.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).parent.parent
BARE = """
import sys
from pathlib import Path
from PIL import Image
for path in sorted(p for p in Path(sys.argv[1]).rglob('*') if p.is_file()):
    with Image.open(path) as image:
        image.convert('RGB').load()
"""
SCAN = "import sys, dedup; dedup.scan(sys.argv[1], home=sys.argv[2], workers=int(sys.argv[3]))"
CAMERA = 4032, 3024

Cost = tuple[float, float]
"""CPU seconds, wall seconds."""


def cost(command: Sequence[object], environment: Mapping[str, str] | None = None) -> Cost:
    """What a process and its children cost."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(  # who finds duplicates may say so by an exit code
        [str(word) for word in command],
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
    )
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - start
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def python(code: str, *arguments: object) -> list[object]:
    """The command that runs `code`."""
    return [sys.executable, "-c", code, *arguments]


def less(whole: Cost, start: Cost) -> Cost:
    """A cost without that of starting."""
    return whole[0] - start[0], whole[1] - start[1]


def scans(folder: Path, two: Path, workers: int) -> dict[str, Cost]:
    """Net costs of a bare decode, of a first and of a second, unchanged scan."""
    with tempfile.TemporaryDirectory() as home:
        runs = [
            less(cost(python(SCAN, folder, f"{home}/all", workers)), cost(python(SCAN, two, f"{home}/two", workers)))
            for _ in range(2)
        ]
    bare = less(cost(python(BARE, folder)), cost(python(BARE, two)))
    return {"bare full decode": bare, "first scan": runs[0], "second scan": runs[1]}


def wholes(folder: Path) -> dict[str, Cost]:
    """Costs of whole commands, start-up and all."""
    with tempfile.TemporaryDirectory() as home:
        found = {"dedup scan": cost([sys.executable, "-m", "dedup", "scan", folder, "--home", home])}
        found["dedup scan, again"] = cost([sys.executable, "-m", "dedup", "scan", folder, "--home", home])
        found["dedup list"] = cost([sys.executable, "-m", "dedup", "list", "--home", home])
    if shutil.which("data-doctor"):
        found["data-doctor scan"] = cost(["data-doctor", "scan", folder])
    if shutil.which("imgcheck"):
        with tempfile.TemporaryDirectory() as out:
            words = ("clean", "--dataset", folder, "--output", f"{out}/clean", "--report", f"{out}/report.xlsx")
            found["imgcheck clean"] = cost(["imgcheck", *words])
    return found


def compilation() -> dict[str, Cost]:
    """Costs of making the matching ready with nothing compiled yet, and with everything."""
    warm = [sys.executable, "-m", "dedup.scanning.warmup"]
    with tempfile.TemporaryDirectory() as cache:
        return {name: cost(warm, {"NUMBA_CACHE_DIR": cache}) for name in ("nothing compiled", "all compiled")}


def camera_photographs(source: Path, target: Path, count: int) -> None:
    """So many photographs as large as a camera's, with detail and grain at every scale."""
    target.mkdir()
    generator = np.random.default_rng(0)
    for place, path in enumerate(files(source)[:count]):
        with Image.open(path) as opened:
            large = np.asarray(opened.convert("RGB").resize(CAMERA, Image.Resampling.BICUBIC), np.int16)
        grain = generator.normal(0, 4, large.shape[:2]).astype(np.int16)[..., None]
        Image.fromarray(np.clip(large + grain, 0, 255).astype(np.uint8)).save(target / f"{place:04d}.jpg", quality=92)


def files(folder: Path) -> list[Path]:
    """All files below a folder, in order."""
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]


def table(title: str, runs: Sequence[Mapping[str, Cost]]) -> None:
    """Print medians, and ratios to the first row of the same run."""
    print(f"\n{title:30s}{'CPU s':>8s}{'wall s':>8s}{'x first row':>13s}   (medians of {len(runs)})")
    first = next(iter(runs[0]))
    for name in runs[0]:
        columns = [(run[name][0], run[name][1], run[name][0] / run[first][0]) for run in runs]
        cpu, wall, ratio = (statistics.median(column) for column in zip(*columns, strict=True))
        print(f"{name:30s}{cpu:8.2f}{wall:8.2f}{ratio:13.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--camera", type=int, default=0)
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--compile", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folders = {f"{args.folder.name}": args.folder}
        if args.camera:
            folders["camera photographs"] = Path(scratch) / "camera"
            camera_photographs(args.folder, folders["camera photographs"], args.camera)
        for number, (title, folder) in enumerate(folders.items()):
            two = Path(scratch) / f"two {number}"
            two.mkdir()
            for path in files(folder)[:2]:
                shutil.copy(path, two)
            table(f"{title}, start-up taken off", [scans(folder, two, args.workers) for _ in range(args.runs)])
        if args.whole:
            table("whole commands", [wholes(args.folder) for _ in range(args.runs)])
        if args.compile:
            table("compiling the matching", [compilation()])


if __name__ == "__main__":
    main()
