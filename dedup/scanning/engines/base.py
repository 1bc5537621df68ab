"""What an engine is, and the tasks that all of them can do."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, Protocol

from dedup.errors import UnreadableImage
from dedup.sources.reading import Image, at_hand

TASKS = {
    "examine": "dedup.images.examine:examine",
    "samples": "dedup.images.samples:digest",
    "detail": "dedup.images.detail:take",
    "keypoints": "dedup.images.keypoints:take",
    "whole": "dedup.images.detail:whole",
    "pixels": "dedup.images.detail:pixels",
    "frames": "dedup.images.detail:further",
    "traces": "dedup.images.traces:look",
    "hashes": "dedup.images.hashes:take",
    "model input": "dedup.images.model_input:prepare",
}
"""Name to the function of one file that a task is: called with the path and options, in whatever process; what it
returns can be pickled. Loaded where it is needed only."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A task that gave nothing for a file, and why; `transient` when another try may succeed."""

    reason: str
    transient: bool = False


class Engine(Protocol):
    """Runs tasks on many files, and work on arrays."""

    @property
    def executor(self) -> Executor:
        """For work on arrays: threads of this process, for compiled code does not hold the interpreter, or more."""

    def require(self, folder: str) -> None:
        """Raises `EngineError` where part of it cannot work on the images in a folder, "" for any other place."""

    def run(self, task: str, images: Sequence[Image], options: Mapping[str, Any]) -> Iterator[tuple[int, Any]]:
        """Yield (place in `images`, result or `Failed`) in the order of completion; closing the iterator stops it."""

    def close(self) -> None:
        """End all workers."""


def perform(task: str, image: Image, options: Mapping[str, Any]) -> Any:
    """What a worker does for one file. Never raises: whatever happens inside costs this file only."""
    try:
        with at_hand(image) as file:
            return _function(task)(file, **options)
    except UnreadableImage as error:
        return Failed(str(error), error.transient)
    except Exception as error:
        return Failed(f"internal error: {type(error).__name__}: {error}"[:200])


def _function(task: str) -> Callable[..., Any]:
    module, _, name = TASKS[task].partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found
