#!/usr/bin/env python3
"""Time and memory of the matching over many signatures, made by perturbing real ones, with planted near duplicates.

    python -m benchmarks.matching FOLDER [--counts 100000] [--planted 1000] [--later 0.01] [--workers 2] [--engine ray]

FOLDER holds pictures (searched for .jpg, .jpeg and .png). Every artificial signature is a blend of cuts of three real
ones, each turned one of eight ways, so that it is like no other and still has the spectrum of a photograph. The
planted copies are photometric (gain, bias, gamma, noise) and turned one of eight ways. Prints, for each count, the
wall and processor seconds, peak memory, and the fraction of planted pairs found; and the growth exponent. With
--later, also what it costs when that part of them comes later, and whether the same is found. With the
engine ray the work is done by a cluster of RAY_ADDRESS, or one that is started; its processor time and memory are not
counted.
"""

from __future__ import annotations

import argparse
import math
import resource
import tempfile
import time
from concurrent.futures import Executor
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from dedup.images import signature
from dedup.matching.columns import PAIR_COLUMNS
from dedup.matching.engine import Related, relate
from dedup.scanning.engines import ENGINES, Choice, engine
from dedup.store.by_content import ByContent
from dedup.store.windows import KeptWindows

SIDE = signature.TINY


def pictures(folder: Path) -> np.ndarray:
    """Tiny gray pictures (n, 96, 96) of the files in a folder."""
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in {".jpg", ".jpeg", ".png"})
    rows = []
    for file in files[:3000]:
        with Image.open(file) as picture:
            picture.draft("L", (192, 192))
            rows.append(np.asarray(picture.convert("L").resize((2 * SIDE, 2 * SIDE), Image.Resampling.BOX)))
    return np.stack(rows)


def turned(picture: np.ndarray, way: int) -> np.ndarray:
    """A square picture in one of its eight orientations."""
    picture = np.rot90(picture, way % 4)
    return picture[:, ::-1] if way >= 4 else picture


def blend(real: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """A picture (64, 64) that looks like a photograph to a hash and is like no other."""
    total = np.zeros((64, 64))
    for weight in (0.6, 0.3, 0.25):
        picture = real[generator.integers(len(real))]
        y, x = generator.integers(0, 2 * SIDE - 64 + 1, 2)
        total += weight * turned(picture[y : y + 64, x : x + 64], generator.integers(8))
    return np.clip(total, 0, 255)


def photometric(picture: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """An edited copy, turned one of eight ways."""
    edited = 255 * (picture / 255) ** generator.uniform(0.75, 1.3)
    edited = edited * generator.uniform(0.8, 1.2) + generator.uniform(-15, 15) + generator.normal(0, 3, picture.shape)
    return turned(np.clip(edited, 0, 255), generator.integers(8))


def fill(record: np.ndarray, picture: np.ndarray) -> None:
    """Write the signature of a gray picture (64, 64)."""
    image = Image.fromarray(picture.astype(np.uint8))
    record["hash"] = signature.phash(np.asarray(image))
    record["tiny"] = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.HAMMING))
    record["chroma"] = 128
    record["trim"] = (0, 0, 1, 1)


def make(real: np.ndarray, count: int, planted: int) -> tuple[np.ndarray, pd.DataFrame]:
    """Signatures and facts; the last `planted` rows are copies of the first ones."""
    generator = np.random.default_rng(count)
    records = np.zeros(count, signature.SIGNATURE)
    for row in range(count - planted):
        picture = blend(real, generator)
        fill(records[row], picture)
        if row < planted:
            fill(records[count - planted + row], photometric(picture, generator))
    shas = [f"{number:016x}" for number in generator.permutation(count)]
    jpeg = {"width": 500, "height": 500, "format": "JPEG", "jpeg_quality": 90.0, "bits": 8, "frames": 1}
    facts = pd.DataFrame({"sha256": shas, **jpeg, "alpha": False, "shown_on": "", "values": ""})
    return records, facts


def later(records: np.ndarray, facts: pd.DataFrame, part: float, executor: Executor) -> tuple[float, Related]:
    """Processor seconds, and what is found, when a part of the pictures comes after the others were matched."""
    fresh = np.zeros(len(facts), bool)
    fresh[np.random.default_rng(0).choice(len(facts), int(part * len(facts)), replace=False)] = True
    old = np.flatnonzero(~fresh)
    with tempfile.TemporaryDirectory() as folder:
        kept = KeptWindows(ByContent(Path(folder), {}, noise=True))
        known = relate(facts.iloc[old].reset_index(drop=True), records[old], windows=kept, executor=executor)
        kept.finish([])
        nearest, bits, alike = (np.full(len(fresh), -1, kind) for kind in (np.int32, np.int16, np.int32))
        nearest[old], bits[old] = np.where(known.nearest >= 0, old[known.nearest], -1), known.nearest_bits
        alike[old] = known.alike
        pairs = known.pairs.assign(left=old[known.pairs["left"]], right=old[known.pairs["right"]])
        processor = time.process_time()
        before = Related(pairs.astype(PAIR_COLUMNS), nearest, bits, alike)
        found = relate(facts, records, known=before, fresh=fresh | (nearest < 0), windows=kept, executor=executor)
        return time.process_time() - processor, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--counts", type=int, nargs="+", default=[100_000])
    parser.add_argument("--planted", type=int, default=1000)
    parser.add_argument("--later", type=float, default=0.0, help="part of them that comes later, such as 0.01")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--engine", choices=[*ENGINES], default="local")
    args = parser.parse_args()
    real = pictures(args.folder)
    executor = engine(Choice(args.engine, args.workers)).executor
    warm, facts = make(real, 3000, 10)
    relate(facts, warm, executor=executor)
    before = None
    for count in args.counts:
        records, facts = make(real, count, args.planted)
        wall, processor = time.monotonic(), time.process_time()
        related = relate(facts, records, executor=executor)
        wall, processor = time.monotonic() - wall, time.process_time() - processor
        near = related.pairs[related.pairs["kind"] == "near"]
        found = set(zip(near["left"], near["right"], strict=True))
        hits = sum((row, count - args.planted + row) in found for row in range(args.planted))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(
            f"{count:9,d} signatures: {wall:7.1f} s wall, {processor:7.1f} s processor, peak {peak:.2f} GiB, "
            f"planted found {hits / args.planted:.4f}, near pairs {len(near)}",
            flush=True,
        )
        if args.later:
            seconds, again = later(records, facts, args.later, executor)
            same = "the same" if again.pairs.equals(related.pairs) else "OTHER PAIRS"
            print(f"  {args.later:.1%} of them later: {seconds:.1f} s processor, {same}", flush=True)
        if before:
            print(f"growth exponent {math.log(wall / before[1]) / math.log(count / before[0]):.2f}", flush=True)
        before = count, wall


if __name__ == "__main__":
    main()
