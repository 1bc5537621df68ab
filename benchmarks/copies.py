"""A folder to measure on: your photographs, and one edited copy of some of them, with the truth beside.

    python -m benchmarks.copies PHOTOS OUT [--seed 0] [--copies 620]

OUT/images holds all pictures under shuffled numbers, OUT/truth.csv (copy, base, edit) which are copies of which. The
edits are those of `dedup.sample.edits`, in turn; every photograph is the base of one copy at most. PHOTOS should hold
no duplicates of its own.
"""

from __future__ import annotations

import argparse
import csv
import shutil
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from dedup.sample.edits import EDITS

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}


def make(photos: Path, out: Path, *, seed: int, copies: int) -> int:
    """Write the folder; returns how many copies it holds."""
    rng = np.random.default_rng(seed)
    files = sorted(path for path in photos.rglob("*") if path.suffix.lower() in SUFFIXES)
    bases = rng.permutation(len(files))[:copies]
    numbers = iter(rng.permutation(len(files) + len(bases)).tolist())
    (out / "images").mkdir(parents=True)
    names = []
    for path in files:
        names.append(f"{next(numbers):06}{path.suffix.lower()}")
        shutil.copy(path, out / "images" / names[-1])
    with (out / "truth.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["copy", "base", "edit"])
        for place, base in enumerate(bases.tolist()):
            edit = EDITS[place % len(EDITS)]
            name = f"{next(numbers):06}{edit.suffix}"
            with Image.open(files[base]) as opened:
                picture = ImageOps.exif_transpose(opened).convert("RGB")
            edit.change(picture, rng).save(out / "images" / name, quality=edit.quality)
            writer.writerow([name, names[base], edit.relation])
    return len(bases)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--copies", type=int, default=20 * len(EDITS))
    chosen = parser.parse_args()
    print(f"{make(chosen.photos, chosen.out, seed=chosen.seed, copies=chosen.copies):,} copies in {chosen.out}")
