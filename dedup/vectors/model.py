"""Vectors by a model in ONNX format, run by onnxruntime: nothing is ever downloaded.

What a model takes: one input of pictures, (n, 3, h, w) or (n, h, w, 3), float32, float16 or uint8. Floats are RGB
divided by 255, minus `mean`, divided by `std`. Size, mean and std are those of a `preprocessor_config.json` beside the
model or a folder above (as Hugging Face models have it; its rescale_factor, too), unless told; without any, the input's
own size or 224, and the mean and std of ImageNet. What it gives: the output that is asked for, else the first of
`OUTPUTS` that it has, else the first of two dimensions; of a sequence of tokens the first token, of a grid of features
their mean.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dedup.errors import UsageError
from dedup.files import open_regular
from dedup.images.formats import MAX_PIXELS
from dedup.images.model_input import Shape
from dedup.model import OnProgress, Progress
from dedup.scanning.engines import engine
from dedup.scanning.engines.base import Failed
from dedup.sources import Where

CONFIG = "preprocessor_config.json"
OUTPUTS = ("image_embeds", "image_embeddings", "pooler_output", "embeddings", "embedding", "features")
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Mean and standard deviation of its pictures, red, green, blue in 0..1 (He et al. 2015, and most models since)."""
USUAL_SIZE = 224
LARGEST_SIZE = 4_096
BATCH = 32
LEVEL = 1 / 255
"""Levels are taken for 0..1 unless a config says otherwise."""
TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(uint8)": np.uint8}

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Preparation:
    """What is done with pictures before a model sees them."""

    shape: Shape
    mean: Triple
    std: Triple
    scale: float


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
        self.text_side = side_of(file)
        """The file of its text side, where that lies beside it; "" else."""
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
        if self._batch < 1:
            raise UsageError(f"{file.name} takes {self._batch} pictures at a time; it can never be run.")

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
            given = ((pictures * np.float32(self.preparation.scale) - mean) / std).astype(kind)
        if not self._last:
            given = given.transpose(0, 3, 1, 2)
        try:
            (found,) = self._session.run([self.output], {self._input.name: np.ascontiguousarray(given)})
        except Exception as error:  # whatever onnxruntime raises of a model's own making
            raise UsageError(f"{self.name} cannot be run on pictures of {given.shape}: {error}"[:400]) from error
        vectors = flat(found, self.output, self.name, last=self._last)
        if len(vectors) != len(given):
            raise UsageError(f"{self.name} gives {len(vectors):,} vectors as {self.output} of {len(given):,} pictures.")
        return vectors[:count]

    def embed(
        self,
        files: Mapping[str, Where],
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
        with open_regular(file):  # a pipe would be waited for
            pass
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


def flat(found: Any, output: str, model: str, *, last: bool = False) -> NDArray[np.float32]:
    """An output as vectors (n, d): of tokens (n, t, d) the first, of features (n, d, h, w), or (n, h, w, d) where
    channels come `last`, the mean. Raises `UsageError`."""
    held = np.asarray(found) if isinstance(found, np.ndarray) else np.zeros(())
    if held.dtype.kind not in "fiu" or not 2 <= held.ndim <= 4 or not held.size:
        told = f"{held.dtype} of shape {held.shape}" if isinstance(found, np.ndarray) else type(found).__name__
        raise UsageError(f"{model} gives {told} as {output}, not numbers for each picture. Name another --output.")
    numbers = held.astype(np.float32)
    if held.ndim == 3:
        numbers = numbers[:, 0]
    elif held.ndim == 4:
        numbers = np.asarray(numbers.mean(axis=(1, 2) if last else (2, 3)))
    if numbers.shape[1] < 2:
        raise UsageError(f"{model} gives one number as {output} for each picture, no vector. Name another --output.")
    return numbers


def side_of(model: Path) -> str:
    """The text side of a model of pictures, as exports have it: beside `vision_model.onnx` a `text_model.onnx`; ""
    where there is none."""
    side = model.with_name(model.name.replace("vision", "text"))
    return str(side.absolute()) if side != model and side.is_file() else ""


def _preparation(
    file: Path, own: tuple[int, int] | None, size: int | None, mean: Triple | None, std: Triple | None
) -> Preparation:
    config = _Config.beside(file)
    told = config.sides("crop_size") or config.sides("size")
    height, width = own or (size, size)
    if height is None or width is None:
        height, width = told or (USUAL_SIZE, USUAL_SIZE)
    if not (0 < height <= LARGEST_SIZE and 0 < width <= LARGEST_SIZE):
        raise UsageError(f"{file.name} takes pictures of {width} x {height}; up to {LARGEST_SIZE} a side can be made.")
    plain = config.told.get("do_normalize") is False
    means = mean or config.triple("image_mean") or ((0.0, 0.0, 0.0) if plain else IMAGENET[0])
    deviations = std or config.triple("image_std") or ((1.0, 1.0, 1.0) if plain else IMAGENET[1])
    if not all(math.isfinite(each) for each in means) or not all(0 < each < math.inf for each in deviations):
        raise UsageError("Means are finite numbers, and standard deviations above 0: they are divided by.")
    shape = Shape(width, height, config.shorter((height, width)), config.resample())
    return Preparation(shape, means, deviations, config.scale())


@dataclass(frozen=True)
class _Config:
    """What a preprocessor_config.json tells; what it tells in a way of its own is refused, not passed over."""

    file: Path | None = None
    told: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def beside(cls, model: Path) -> _Config:
        """The one in the folder of a model or above, an empty one where there is none. Raises `UsageError`."""
        for folder in (model.parent, model.parent.parent):
            file = folder / CONFIG
            try:
                held = json.loads(file.read_text(encoding="utf-8"))
            except OSError:
                continue
            except (ValueError, RecursionError) as error:
                raise UsageError(f"{file} is no JSON: {str(error)[:200]}.") from error
            if not isinstance(held, dict):
                raise UsageError(f"{file} holds no settings.")
            return cls(file, held)
        return cls()

    def _refuse(self, key: str, wanted: str) -> UsageError:
        told = repr(self.told.get(key))[:80]
        return UsageError(f"{self.file}: {key} is {told}, not {wanted}. Take the file away to say it by options.")

    def sides(self, key: str) -> tuple[int, int] | None:
        """Height and width. Raises `UsageError`."""
        told = self.told.get(key)
        if told is None:
            return None
        if isinstance(told, dict):
            edges = [told.get(name, told.get("shortest_edge")) for name in ("height", "width")]
        else:
            edges = [told, told] if not isinstance(told, list) else told
        known = [each for each in edges if type(each) is int and 0 < each <= LARGEST_SIZE]
        if len(edges) != 2 or len(known) != 2:
            raise self._refuse(key, "a number, height and width, or a shortest edge, in pixels")
        return known[0], known[1]

    def shorter(self, wanted: tuple[int, int]) -> int:
        """What the shorter side becomes before a middle of height and width `wanted` is cut out, as much of the picture
        as the config tells to cut out; 0 where the whole picture is squeezed."""
        largest = max(wanted)
        if not self.told:
            return largest
        size = self.told.get("size")
        edge = isinstance(size, dict) and "shortest_edge" in size
        if edge or (self.told.get("do_center_crop") and size is not None):
            shortest = min(self.sides("size") or wanted)
            cut = self.sides("crop_size")
            return max(round(shortest * largest / max(cut)) if cut else shortest, largest)
        return largest if self.told.get("do_center_crop") else 0  # what it was trained on was squeezed

    def triple(self, key: str) -> Triple | None:
        """Red, green and blue. Raises `UsageError`."""
        told = self.told.get(key)
        if told is None:
            return None
        values = told if isinstance(told, list) else [told] * 3
        try:
            one, two, three = (float(each) for each in values if not isinstance(each, bool | str))
        except (TypeError, ValueError, OverflowError) as error:
            raise self._refuse(key, "three numbers") from error
        return one, two, three

    def scale(self) -> float:
        """What levels of 0..255 are multiplied by. Raises `UsageError`."""
        if self.told.get("do_rescale") is False:
            return 1.0
        told = self.told.get("rescale_factor", LEVEL)
        if isinstance(told, bool) or not isinstance(told, int | float) or not 0 < told < math.inf:
            raise self._refuse("rescale_factor", "a number above 0")
        return float(told)

    def resample(self) -> int:
        """How Pillow calls the way of shrinking. Raises `UsageError`."""
        told = self.told.get("resample", int(Image.Resampling.BICUBIC))
        if type(told) is not int or told not in {int(each) for each in Image.Resampling}:
            raise self._refuse("resample", "a number of Pillow's, 0 to 5")
        return told
