"""What the map costs, and how much of the vectors it keeps.

    python -m benchmarks.map [--folder IMAGES] [--images 100000]

The images of a folder (the sample without one) are scanned and placed; with `--images` a dataset of that many is made
of them, see `benchmarks.ui`. Trustworthiness (Venna & Kaski 2001) is 1 where whoever is near on the map is near by the
vectors too; it is taken of at most `JUDGED` images.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.manifold import trustworthiness

import dedup
from benchmarks import ui
from dedup import sample
from dedup.vectors.layout import NEIGHBOURS

JUDGED = 5_000
"""All pairs of these are compared."""


def main() -> None:
    """Draw a map and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--images", type=int)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dedup-bench-") as scratch:
        os.environ["DEDUP_HOME"] = str(Path(scratch) / "home")
        folder = chosen.folder or sample.make(Path(scratch) / "sample")
        if chosen.images:
            ui.make(folder, chosen.images, Path(scratch))
            dataset = dedup.open("large")
        else:
            dataset = dedup.scan(folder)
        cpu, wall = time.process_time(), time.perf_counter()
        placed = dataset.draw_map()
        print(f"{placed:,} images placed in {time.process_time() - cpu:.1f} s CPU, {time.perf_counter() - wall:.1f} s")
        print(f"trustworthiness of {NEIGHBOURS} neighbours: {_trust(dataset):.3f}")


def _trust(dataset: dedup.Dataset) -> float:
    frame = dataset.frame
    own = np.flatnonzero((frame["map_x"].notna() & (frame["role"] != "duplicate")).to_numpy())
    own = np.sort(np.random.default_rng(0).permutation(own)[:JUDGED])
    places = frame[["map_x", "map_y"]].to_numpy(np.float64)[own]
    return float(trustworthiness(dataset.vectors.of(own), places, n_neighbors=NEIGHBOURS, metric="cosine"))


if __name__ == "__main__":
    main()
