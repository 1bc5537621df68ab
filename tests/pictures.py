"""Pictures made by code, for tests that need real files."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageFont

pillow_heif.register_heif_opener()  # so that tests can save HEIC


def photo(seed: int, size: tuple[int, int] = (96, 72)) -> Image.Image:
    """A picture with structure at all scales, different for every seed, far from every other by perceptual hash."""
    rng = np.random.default_rng(seed)
    width, height = size
    total = np.zeros((height, width, 3))
    for side in (3, 6, 12, 24):
        noise = Image.fromarray(rng.integers(0, 256, (side, side, 3), np.uint8))
        total += np.asarray(noise.resize(size, Image.Resampling.BICUBIC), np.float64) / side
    low, high = total.min(), total.max()
    return Image.fromarray(((total - low) / (high - low) * 255).astype(np.uint8))


def save(picture: Image.Image, path: Path, **options) -> Path:
    """Write a picture, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, **options)
    return path


def folder_of_photos(folder: Path, count: int, *, start: int = 0) -> list[Path]:
    """`count` different JPEG files."""
    return [save(photo(seed), folder / f"{seed:04d}.jpg", quality=92) for seed in range(start, start + count)]


def detailed(seed: int, size: tuple[int, int]) -> Image.Image:
    """A picture with detail down to single pixels, whose power falls with frequency as in sharp photographs."""
    rng = np.random.default_rng(seed)
    width, height = size
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None])
    frequency[0, 0] = np.inf
    waves = np.fft.fft2(rng.normal(size=(3, height, width))) / frequency
    tones = np.fft.ifft2(waves).real
    spread = 40 / tones.std(axis=(1, 2), keepdims=True)
    return Image.fromarray(np.clip(128 + spread * tones, 1, 254).astype(np.uint8).transpose(1, 2, 0))


def shut_off(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a folder refuse to be listed, as one without permission does (root is refused nothing)."""
    scandir = os.scandir

    def refuse(path: object = "."):
        if path == folder or path == os.fspath(folder):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
