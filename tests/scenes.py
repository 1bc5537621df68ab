"""Pictures and signatures for the tests of the matching: smooth random scenes that no two seeds share."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
from PIL import Image

from dedup.images import signature
from dedup.images.decode import small_copy
from dedup.images.metrics import Sample


def scene(seed: int, width: int = 320, height: int = 240) -> Image.Image:
    """A picture with structure at every scale, like a photograph's."""
    generator = np.random.default_rng(seed)
    total = np.zeros((height, width, 3))
    for cells in (3, 6, 12, 24, 48):
        small = generator.normal(0, 1, (cells, cells, 3)) * 0.6 + generator.normal(0, 1, (cells, cells, 1))
        layer = Image.fromarray(np.uint8(np.clip(128 + 40 * small, 0, 255)))
        resized = layer.resize((width, height), Image.Resampling.BICUBIC)
        total += (np.asarray(resized, float) - 128) * (3 / cells) ** 0.5
    return Image.fromarray(np.uint8(np.clip(128 + total, 0, 255)))


def signatures_of(pictures: list[Image.Image]) -> np.ndarray:
    return np.array([signature.extract(Sample.of(small_copy(picture))) for picture in pictures], signature.SIGNATURE)


def facts_of(pictures: list[Image.Image], qualities: list[float] | None = None) -> pd.DataFrame:
    """The columns of the frame that the matching reads, for pictures saved as JPEG."""
    return pd.DataFrame(
        {
            "sha256": [
                hashlib.sha256(picture.tobytes() + repr(picture.size).encode()).hexdigest() for picture in pictures
            ],
            "width": [picture.width for picture in pictures],
            "height": [picture.height for picture in pictures],
            "format": "JPEG",
            "jpeg_quality": qualities or [90.0] * len(pictures),
            "bits": 8,
            "frames": 1,
            "alpha": False,
            "shown_on": "",
            "values": "",
        }
    )
