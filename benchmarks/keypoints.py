#!/usr/bin/env python3
"""Choose the pairs of places that keypoints compare (`keypoints.PAIRS_OF_PLACES`), on photographs of yours.

    python -m benchmarks.keypoints FOLDER ...

Of random pairs those are taken one after the other that are next to even over many patches (either place is lighter as
often), and hardly tell what those before tell already, in all four forms: as it is, mirrored, turned, both (ORB, Rublee
et al. 2011, chooses its tests by the same two measures). Prints them, and by how many bits keypoints at random differ.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dedup.images import keypoints
from dedup.images.keypoints import ANGLES, AREA, DISC, RADIUS, SPREAD

PLACES, PAIRS, CHOSEN = 90, 6_000, 64
A_SIZE, PATCHES = 60, 30_000
LEAST_APART = 4.0
"""Places of a pair are so many pixels apart: nearer ones tell noise."""
FORMS = np.array([(1, 1), (1, -1), (-1, -1), (-1, 1)])

Floats = NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--files", type=int, default=250)
    args = parser.parse_args()
    random = np.random.default_rng(2)
    files = sorted(file for folder in args.folders for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES)
    files = [files[place] for place in random.permutation(len(files))[: args.files]]
    quarter = random.uniform(0, RADIUS - 0.8, (4 * PLACES, 2))
    quarter = quarter[np.hypot(*quarter.T) <= RADIUS - 0.8][:PLACES]
    places = np.concatenate([quarter * form for form in FORMS])
    tones = np.concatenate([_patches(file, places) for file in files])
    tones = tones[random.permutation(len(tones))[:PATCHES]]
    pairs = random.integers(len(places), size=(4 * PAIRS, 2))
    pairs = pairs[np.hypot(*(places[pairs[:, 0]] - places[pairs[:, 1]]).T) > LEAST_APART][:PAIRS]
    chosen = _chosen(tones[: len(tones) // 3], pairs, len(quarter))
    for one, other in places[pairs[chosen]]:
        print("{:.1f} {:.1f} {:.1f} {:.1f};".format(*one, *other))
    bits = _bits(tones[len(tones) // 3 :], pairs[chosen], len(quarter)).reshape(-1, 4 * CHOSEN)
    apart = (bits[: len(bits) // 2] != bits[len(bits) // 2 : 2 * (len(bits) // 2)]).sum(axis=1)
    print(f"patches at random differ in {apart.mean():.0f} bits, standard deviation {apart.std():.0f}")


SUFFIXES = {".jpg", ".jpeg", ".png"}


def _patches(file: Path, places: NDArray[np.float64]) -> Floats:
    """How light each place of the patches of a picture is, their slope taken out, (n, places)."""
    gray = np.ascontiguousarray(np.asarray(Image.open(file).convert("L")))
    if min(gray.shape) < 4 * RADIUS:
        return np.empty((0, len(places)), np.float32)
    found, _ = keypoints._corners(gray, keypoints.LEAST_CONTRAST)
    some = keypoints._spread(found, keypoints._strengths(gray, found), gray.shape, A_SIZE)
    x, y = found[some].T.astype(int)
    blurred = keypoints._blurred(gray) / AREA
    down, across = np.mgrid[-RADIUS : RADIUS + 1, -RADIUS : RADIUS + 1]
    disc = np.abs(across) <= DISC[np.abs(down)]
    patches = gray[y[:, None, None] + down, x[:, None, None] + across].astype(np.float64) * disc
    moment = np.stack([(patches * across).sum(axis=(1, 2)), (patches * down).sum(axis=(1, 2))])
    turn = np.rint(np.arctan2(moment[1], moment[0]) * ANGLES / (2 * np.pi)) * (2 * np.pi / ANGLES)
    c, s = np.cos(turn)[:, None], np.sin(turn)[:, None]
    u, v = np.rint(c * places[:, 0] - s * places[:, 1]), np.rint(s * places[:, 0] + c * places[:, 1])
    tones = blurred[y[:, None] + v.astype(int), x[:, None] + u.astype(int)]
    return (tones - np.hypot(*moment)[:, None] / SPREAD * places[:, 0]).astype(np.float32)


def _bits(tones: Floats, pairs: NDArray[np.int64], quarter: int) -> NDArray[np.bool_]:
    """Whether the first place of each pair is darker, in all four forms, (n, 4, pairs)."""
    form, place = np.divmod(pairs, quarter)
    forms = [(form ^ each) * quarter + place for each in range(4)]  # how forms follow each other makes that so
    return np.stack([tones[:, each[:, 0]] < tones[:, each[:, 1]] for each in forms], axis=1)


def _chosen(tones: Floats, pairs: NDArray[np.int64], quarter: int) -> list[int]:
    """Which pairs, the most even ones first, of which none tells much of what the others tell."""
    bits = _bits(tones, pairs, quarter)
    mean = bits.mean(axis=0)
    told = ((bits - mean) / np.sqrt(mean * (1 - mean) + 1e-9)).astype(np.float32)
    order = np.argsort(np.abs(mean - 0.5).max(axis=0), kind="stable").tolist()
    for most in np.arange(0.15, 1, 0.03):
        chosen: list[int] = []
        before = np.empty((len(told), 0), np.float32)
        for pair in order:
            own = np.abs(told[:, :, pair].T @ told[:, :, pair] / len(told) - np.eye(4)).max()
            if own <= most + 0.15 and np.abs(told[:, 0, pair] @ before / len(told)).max(initial=0) <= most:
                chosen.append(pair)
                before = np.concatenate([before, told[:, :, pair]], axis=1)
            if len(chosen) == CHOSEN:
                return chosen
    raise SystemExit("There are too few patches. Give more photographs.")


if __name__ == "__main__":
    main()
