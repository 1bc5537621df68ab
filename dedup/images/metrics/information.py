"""Information: how unpredictable a picture's tones are, and a sampling order that knows nothing of the picture."""

from __future__ import annotations

import hashlib

import numpy as np

from dedup.images.metrics.sample import Metric, Sample

RANDOM_SEED = b"dedup random 1"


def entropy(sample: Sample) -> float:
    """Shannon entropy of the luma histogram in bits: 0 flat, 8 all tones equally often."""
    shares = sample.luma_histogram[sample.luma_histogram > 0]
    return max(0.0, -float(shares @ np.log2(shares)))


def random(path: str) -> float:
    """A number in [0, 1) drawn from the image's path and a fixed seed: the same in every scan."""
    digest = hashlib.blake2b(path.encode("utf-8", "surrogateescape"), digest_size=8, key=RANDOM_SEED).digest()
    return int.from_bytes(digest, "big") / 2**64


ENTROPY = Metric(
    "entropy",
    "Entropy",
    "Shannon entropy of the luma histogram in bits: 0 flat, 8 all tones equally often.",
    entropy,
)
RANDOM = Metric(
    "random",
    "Random",
    "A seeded random number in [0, 1) per path: sort by it to look at a fair sample.",
)
SEMANTIC = Metric(
    "semantic_singularity",
    "Semantic singularity",
    "1 − cosine to the nearest other image by the vectors that were given: 0 the same to the model, near 1 unlike all. "
    "It says what pictures show, not what is a copy.",
    optional=True,
)
SINGULARITY = Metric(
    "singularity",
    "Image singularity",
    "Uniqueness: 0 a redundant exact copy, up to 0.05 a near duplicate, near 1 unlike every other image.",
)
