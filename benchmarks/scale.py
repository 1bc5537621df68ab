"""What each stage costs as datasets grow: time, CPU, memory, and by which power of the number of images.

    python -m benchmarks.scale [--files 1000 10000] [--rows 10000 100000 1000000]

`--files`: folders of that many small JPEG files made by code, a hundredth of them exact and two hundredths near copies,
listed, scanned, scanned again unchanged and with a hundredth more, by the command line as users run it; of the scan the
search for pairs (match) and groups, scores and reasons (score) once more by themselves. `--rows`: datasets of that many
images made from one scan (see `benchmarks.ui`), opened, looked at, tagged and exported. Every size runs in a process of
its own, whose peak memory is told after each stage.

The growth of a stage is the power p of n^p between two sizes, by its CPU; below a tenth of a second nothing is told.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageEnhance

if TYPE_CHECKING:
    from dedup.model import Progress

ROOT = Path(__file__).parent.parent
SIZE = (160, 120)
CARDS = 60
"""On a page, as the app has them unless told."""
LEAST_SECONDS = 0.1
"""A stage that takes less says nothing of its growth."""


@dataclass(frozen=True)
class Cost:
    """What a stage took: wall and CPU seconds (of this process and those it started), and the peak memory so far."""

    stage: str
    wall: float
    cpu: float
    memory: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, nargs="*", default=[1_000, 10_000])
    parser.add_argument("--rows", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--one", choices=["files", "rows"], help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        stages = of_files(chosen.files[0]) if chosen.one == "files" else of_rows(chosen.rows[0])
        print(json.dumps([asdict(each) for each in stages]))
        return
    for what in ("files", "rows"):
        tell(what, {size: measured(what, size) for size in getattr(chosen, what)})


def measured(what: str, size: int) -> list[Cost]:
    """The stages of one size, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.scale", "--one", what, f"--{what}", str(size)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return [Cost(**each) for each in json.loads(done.stdout.splitlines()[-1])]


def tell(what: str, found: dict[int, list[Cost]]) -> None:
    """A table of the stages, a column for each size."""
    sizes = list(found)
    if not sizes:
        return
    print(f"\n{what}: wall s / CPU s / GB" + "".join(f"{size:>24,}" for size in sizes) + "   growth")
    for stages in zip(*found.values(), strict=True):
        cells = "".join(f"{each.wall:10.2f} {each.cpu:7.2f} {each.memory / 1e9:5.2f}" for each in stages)
        powers = [
            math.log(after.cpu / before.cpu) / math.log(large / small)
            for small, large, before, after in zip(sizes, sizes[1:], stages, stages[1:], strict=False)
            if before.cpu > LEAST_SECONDS
        ]
        print(f"{stages[0].stage:<30}{cells}   " + " ".join(f"n^{power:.2f}" for power in powers))


class Meter:
    """Collects the costs of stages."""

    def __init__(self, *of: int) -> None:
        self.of = of or (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        self.costs: list[Cost] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        wall, cpu = time.perf_counter(), _cpu()
        yield
        peak = max(resource.getrusage(who).ru_maxrss for who in self.of)
        self.costs.append(Cost(name, time.perf_counter() - wall, _cpu() - cpu, peak * 1024))


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


# --- real files -------------------------------------------------------------------------------------------------------


def of_files(count: int) -> list[Cost]:
    """A folder of files, from listing to a scan of what was added."""
    import dedup
    from dedup.machine import default_workers
    from dedup.scanning import rematch
    from dedup.sources import list_source
    from dedup.store.directory import Store

    meter = Meter()
    with tempfile.TemporaryDirectory(prefix="dedup-scale-") as scratch:
        folder, home = Path(scratch) / "in", Path(scratch) / "home"
        write_files(folder, range(count))
        with meter.stage("list"):
            assert len(list_source(folder).files) == count
        command = [sys.executable, "-m", "dedup", "scan", str(folder), "--home", str(home), "--progress-json"]
        for stage in ("scan", "scan again, unchanged", "scan again, 1 % more"):
            if "more" in stage:
                write_files(folder, range(count, count + count // 100))
            with meter.stage(stage):
                subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
        with meter.stage("score"):
            dataset = dedup.open("in", home=home)
            assert dataset.frame["singularity"].notna().any()
        store = Store(dataset.directory)
        images, signatures = store.read_images(store.read_info()), dataset.signatures
        with ThreadPoolExecutor(default_workers()) as threads:
            rematch.match(images[:300], signatures[:300], None, threads, _untold)  # what is compiled is loaded
            with meter.stage("match"):
                rematch.match(images, signatures, None, threads, _untold)
    return meter.costs


def _untold(_: Progress) -> None:
    """Whoever measures asks for no progress."""


def write_files(folder: Path, numbers: range) -> None:
    """Small photographs of blotches; every hundredth is an exact copy, two of a hundred are near ones."""
    for number in numbers:
        original = number - number % 100
        near = number % 100 in (2, 3)
        file = folder / f"{number // 1000:04d}" / f"{number:07d}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        picture = _picture(original if number % 100 in (1, 2, 3) else number)
        if near:
            picture = ImageEnhance.Brightness(picture).enhance(1.1 if number % 100 == 2 else 0.9)
        picture.save(file, quality=85)


def _picture(seed: int) -> Image.Image:
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    fine = random.normal(0, 9, (SIZE[1], SIZE[0], 1))
    grown = np.asarray(Image.fromarray(coarse).resize(SIZE, Image.Resampling.BICUBIC), np.float32)
    return Image.fromarray(np.clip(grown + fine, 0, 255).astype(np.uint8))


# --- rows of a dataset ------------------------------------------------------------------------------------------------


def of_rows(count: int) -> list[Cost]:
    """A dataset of so many images, made from the sample, in the library and in the app's own pages."""
    with tempfile.TemporaryDirectory(prefix="dedup-scale-") as scratch:
        os.environ["DEDUP_HOME"] = str(Path(scratch) / "home")
        made = [sys.executable, "-c", f"from benchmarks.scale import made; made({scratch!r}, {count})"]
        subprocess.run(made, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)  # what making it takes is not of interest
        return _rows(Path(scratch))


def made(scratch: str, count: int) -> None:
    """Make the dataset `large` below a folder."""
    from benchmarks import ui
    from dedup import sample

    ui.make(sample.make(Path(scratch) / "sample"), count, Path(scratch))


def _rows(scratch: Path) -> list[Cost]:
    import dedup
    from dedup.query.ordering import arrange
    from dedup.removal import planning
    from dedup.ui.parts import grid
    from dedup.ui.parts.metric import BY_NAME
    from dedup.ui.shell.library import Opened
    from dedup.ui.shell.view import View

    meter = Meter(resource.RUSAGE_SELF)  # who made the dataset was a child
    with meter.stage("open first"):
        assert len(dedup.open("large").frame)
    with meter.stage("open"):
        dataset = dedup.open("large")
        frame = dataset.frame
    with meter.stage("histogram"):
        np.histogram(frame["sharpness"].dropna().to_numpy(), 100)
    with meter.stage("filter"):
        mask = dataset.select("singularity > 0 and sharpness > 0.02")
    with meter.stage("sort"):
        arrange(frame, mask, "brightness")
    opened, view = Opened(dataset), View(metric="brightness", size=CARDS)
    starts, order = opened.starts(view), opened.order(view)
    with meter.stage("page flip"):
        assert len(grid.items(dataset, order[starts[1] : starts[2]], BY_NAME["brightness"])) == CARDS
    with meter.stage("tag all"):
        dataset.tag(np.ones(len(frame), bool), "all")
        assert dataset.frame["tag:all"].all()
    with meter.stage("tag an image"):
        dataset.tag([0], "all", remove=True)
        assert dataset.frame["tag:all"].sum() == len(frame) - 1
    with meter.stage("undo"):
        dataset.decisions.undo()
        dataset.decisions.undo()
        assert "tag:all" not in dataset.frame
    with meter.stage("removal plan"):
        planning.plan(dataset)
    with meter.stage("export CSV"):
        dataset.export("csv", scratch / "all.csv")
    with meter.stage("export COCO"):
        dataset.export("coco", scratch / "all.json")
    return meter.costs


if __name__ == "__main__":
    main()
