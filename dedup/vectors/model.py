"""Vectors by a model in ONNX format, run by onnxruntime: nothing is ever downloaded.

What a model takes: one input of pictures, (n, 3, h, w) or (n, h, w, 3), float32, float16 or uint8. Floats are RGB
divided by 255, minus `mean`, divided by `std`. Size, mean and std are those of a `preprocessor_config.json` beside the
model or a folder above (as Hugging Face models have it), unless told; without any, the input's own size or 224, and the
mean and std of ImageNet. What it gives: the output that is asked for, else the first of `OUTPUTS` that it has, else the
first of two dimensions; of a sequence of tokens the first token, of a grid of features their mean.
"""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dedup.errors import UsageError
from dedup.images.formats import MAX_PIXELS
from dedup.images.model_input import Shape
from dedup.model import OnProgress, Progress
from dedup.scanning.engines import engine
from dedup.scanning.engines.base import Failed

CONFIG = "preprocessor_config.json"
OUTPUTS = ("image_embeds", "image_embeddings", "pooler_output", "embeddings", "embedding", "features")
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Mean and standard deviation of its pictures, red, green, blue in 0..1 (He et al. 2015, and most models since)."""
USUAL_SIZE = 224
LARGEST_SIZE = 4_096
BATCH = 32
TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(uint8)": np.uint8}

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Preparation:
    """What is done with pictures before a model sees them."""

    shape: Shape
    mean: Triple
    std: Triple


class Model:
    """An ONNX model that gives vectors of pictures."""

    def __init__(
        self,
        file: Path,
        *,
        output: str = "",
        size: int | None = None,
        mean: Triple | None = None,
        std: Triple | None = None,
        providers: Sequence[str] = (),
    ) -> None:
        """Raises `UsageError` where onnxruntime is not installed, or where it is no such model."""
        self.name = file.name
        """For people."""
        self._session = session(file, providers)
        inputs = self._session.get_inputs()
        pictures = [each for each in inputs if len(each.shape) == 4 and each.type in TYPES]
        if len(inputs) != 1 or not pictures:
            told = ", ".join(f"{each.name} {each.type} {each.shape}" for each in inputs)
            raise UsageError(
                f"{file.name} takes {told}; one input of pictures is needed, (n, 3, h, w) or (n, h, w, 3)."
            )
        self._input = pictures[0]
        self._last = self._input.shape[3] == 3 and self._input.shape[1] != 3
        self.output = output_of(self._session.get_outputs(), output, file.name)
        self.preparation = _preparation(file, self._own_size(), size, mean, std)
        self.source = self._identified(file)
        """Its name and what tells it, with its preparation, from another one of that name."""
        self._batch = self._input.shape[0] if isinstance(self._input.shape[0], int) else BATCH

    def _own_size(self) -> tuple[int, int] | None:
        """Height and width that the input asks for."""
        height, width = self._input.shape[1:3] if self._last else self._input.shape[2:4]
        return (height, width) if isinstance(height, int) and isinstance(width, int) else None

    def _identified(self, file: Path) -> str:
        with file.open("rb") as stream:
            weights = hashlib.file_digest(stream, "sha256").hexdigest()
        told = f"{weights} {self.output} {self.preparation}"
        return f"{self.name} ({hashlib.sha256(told.encode()).hexdigest()[:8]})"

    def vectors(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Of pictures (n, h, w, 3), vectors (n, d)."""
        parts = [self._run(pictures[start : start + self._batch]) for start in range(0, len(pictures), self._batch)]
        return np.concatenate(parts) if parts else np.zeros((0, 0), np.float32)

    def _run(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        count = len(pictures)
        if isinstance(self._input.shape[0], int):  # it takes so many, never fewer
            pictures = np.concatenate([pictures, np.repeat(pictures[-1:], self._batch - count, axis=0)])
        kind = TYPES[self._input.type]
        given: NDArray[Any] = pictures
        if kind is not np.uint8:
            mean, std = (np.array(each, np.float32) for each in (self.preparation.mean, self.preparation.std))
            given = ((pictures / np.float32(255) - mean) / std).astype(kind)
        if not self._last:
            given = given.transpose(0, 3, 1, 2)
        try:
            (found,) = self._session.run([self.output], {self._input.name: np.ascontiguousarray(given)})
        except Exception as error:  # whatever onnxruntime raises of a model's own making
            raise UsageError(f"{self.name} cannot be run on pictures of {given.shape}: {error}"[:400]) from error
        return flat(np.asarray(found, np.float32))[:count]

    def embed(
        self,
        files: Mapping[str, Path],
        *,
        max_pixels: int = MAX_PIXELS,
        on_progress: OnProgress | None = None,
    ) -> Iterator[tuple[str, NDArray[np.float32] | Failed]]:
        """A vector (d,) for each of `files`, by its key, or why there is none. Files are decoded in processes of their
        own."""
        keys, shape = list(files), self.preparation.shape
        options = {"shape": shape, "max_pixels": max_pixels}
        waiting: list[tuple[str, bytes]] = []
        told = on_progress or (lambda progress: None)
        with closing(engine()) as chosen:
            for done, (place, made) in enumerate(chosen.run("model input", [files[key] for key in keys], options), 1):
                if isinstance(made, Failed):
                    yield keys[place], made
                else:
                    waiting.append((keys[place], made))
                if len(waiting) >= self._batch or done == len(keys):
                    yield from self._of(waiting, shape)
                    waiting = []
                told(Progress("embedding", done, len(keys), 0.0))

    def _of(self, waiting: Sequence[tuple[str, bytes]], shape: Shape) -> Iterator[tuple[str, NDArray[np.float32]]]:
        flat = [np.frombuffer(pixels, np.uint8).reshape(shape.height, shape.width, 3) for _, pixels in waiting]
        if flat:
            yield from zip([key for key, _ in waiting], self.vectors(np.stack(flat)), strict=True)


def session(file: Path, providers: Sequence[str]) -> Any:
    """A model that can be run; on the first provider there is unless told. Raises `UsageError`."""
    try:
        onnxruntime = importlib.import_module("onnxruntime")
    except ImportError as error:
        raise UsageError('This needs onnxruntime: pip install "dedup-images[embed]", or onnxruntime-gpu.') from error
    known = onnxruntime.get_available_providers()
    if unknown := [each for each in providers if each not in known]:
        raise UsageError(f"onnxruntime has no {unknown[0]} here. It has: {', '.join(known)}.")
    try:
        return onnxruntime.InferenceSession(str(file), providers=list(providers) or known)
    except Exception as error:  # it has a class of its own for each way in which a file is none
        raise UsageError(f"{file} cannot be opened as an ONNX model: {error}"[:400]) from error


def output_of(outputs: Sequence[Any], wanted: str, model: str, first: Sequence[str] = OUTPUTS) -> str:
    """The name of the output to take: the one that is `wanted`, or the likeliest. Raises `UsageError`."""
    names = [each.name for each in outputs]
    if wanted:
        if wanted not in names:
            raise UsageError(f"{model} has no output {wanted}. It has: {', '.join(names)}.")
        return wanted
    known = next((name for name in (*first, *OUTPUTS) if name in names), None)
    square = next((each.name for each in outputs if len(each.shape or ()) == 2), None)
    return str(known or square or names[0])


def flat(found: NDArray[np.float32]) -> NDArray[np.float32]:
    """An output as vectors (n, d): of tokens (n, t, d) the first, of features (n, d, h, w) the mean."""
    if found.ndim == 3:
        return found[:, 0]
    if found.ndim == 4:
        return np.asarray(found.mean(axis=(2, 3)))
    return found.reshape(len(found), -1)


def _preparation(
    file: Path, own: tuple[int, int] | None, size: int | None, mean: Triple | None, std: Triple | None
) -> Preparation:
    config = _config(file)
    height, width = own or (size, size)
    told = _size(config.get("crop_size")) or _size(config.get("size"))
    if height is None or width is None:
        height, width = told or (USUAL_SIZE, USUAL_SIZE)
    if not (0 < height <= LARGEST_SIZE and 0 < width <= LARGEST_SIZE):
        raise UsageError(f"{file.name} takes pictures of {width} x {height}; up to {LARGEST_SIZE} a side can be made.")
    edge = config.get("size")
    shorter = edge.get("shortest_edge") if isinstance(edge, dict) else None
    if shorter is None and config and not config.get("do_center_crop"):
        shorter = 0  # what it was trained on was squeezed
    shape = Shape(width, height, int(max(height, width) if shorter is None else shorter), _resample(config))
    plain = config.get("do_normalize") is False
    usual = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)) if plain else IMAGENET
    means = mean or _triple(config.get("image_mean")) or usual[0]
    deviations = std or _triple(config.get("image_std")) or usual[1]
    if not all(deviations):
        raise UsageError("A standard deviation of 0 cannot be divided by; give three numbers above 0.")
    return Preparation(shape, means, deviations)


def _config(file: Path) -> dict[str, Any]:
    for folder in (file.parent, file.parent.parent):
        try:
            held = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        except OSError:
            continue
        except ValueError as error:
            raise UsageError(f"{folder / CONFIG} is no JSON: {error}.") from error
        return held if isinstance(held, dict) else {}
    return {}


def _size(told: Any) -> tuple[int, int] | None:
    """Height and width that a config tells."""
    if isinstance(told, dict):
        edges = told.get("height") or told.get("shortest_edge"), told.get("width") or told.get("shortest_edge")
    else:
        edges = told, told
    height, width = edges
    return (height, width) if isinstance(height, int) and isinstance(width, int) else None


def _triple(told: Any) -> Triple | None:
    if isinstance(told, list) and len(told) == 3 and all(isinstance(each, int | float) for each in told):
        return float(told[0]), float(told[1]), float(told[2])
    return None


def _resample(config: Mapping[str, Any]) -> int:
    told = config.get("resample")
    return told if told in {int(each) for each in Image.Resampling} else int(Image.Resampling.BICUBIC)
