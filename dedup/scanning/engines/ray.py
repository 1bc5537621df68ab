"""Run tasks over a Ray cluster. Each node reads with the worker processes of `dedup.scanning.engines.local`, so that a
file which crashes or hangs a decoder costs that file only, there as here, and the results are the same.

Ray starts a batch again whose worker or node is lost; nothing is lost with it, for a batch is kept when all of it is
there. Needs the extra `ray`.
"""

from __future__ import annotations

import atexit
import os
import socket
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from dedup.errors import EngineError
from dedup.scanning.engines.base import Failed
from dedup.scanning.engines.local import BATCH, Local
from dedup.scanning.engines.spread import Spread
from dedup.sources.reading import Image, portable

AHEAD = 2
"""Batches under way for each processor of the cluster: one being read and one that waits there for it."""
TRIES = 3
"""How often Ray starts a batch again whose worker or node was lost, before its files are tried one by one."""
KNOCK_SECONDS, LOOK_SECONDS = 5.0, 60.0
"""Patience with the door of a cluster, which Ray itself would stand at for minutes, and with its nodes' first answer:
they start a process for it."""


class Ray:
    """The engine of a cluster at `address` (`host:port`, `ray://…`, "auto" for the one of this machine; without one
    that of the variable RAY_ADDRESS, else one that is started for the scan).

    Raises `EngineError` where it cannot be reached.
    """

    def __init__(self, workers: int | None = None, address: str = "") -> None:
        try:
            import ray
        except ImportError as error:
            raise EngineError("This needs Ray: pip install 'dedup-images[ray]'.") from error
        self._ray: Any = ray
        self._own = not ray.is_initialized()
        if self._own:
            _reach(ray, address or os.environ.get("RAY_ADDRESS", ""), workers)

    @cached_property
    def executor(self) -> Executor:
        """The nodes, for work on arrays that is worth it, and else threads of this machine."""
        return Spread(self._ray, self._processors, TRIES)

    def require(self, folder: str) -> None:
        """Raises `EngineError` where a node has another version of the package or none, or does not see the folder."""
        from dedup.images.examine import VERSIONS

        answered = 0
        for node in self._nodes():
            affinity = self._ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            look = self._ray.remote(_look).options(num_cpus=0, max_retries=0, scheduling_strategy=affinity)
            name = node["NodeManagerHostname"] or node["NodeManagerAddress"]
            try:
                versions, there = self._ray.get(look.remote(folder), timeout=LOOK_SECONDS)
                answered += 1
            except (self._ray.exceptions.NodeDiedError, self._ray.exceptions.TaskUnschedulableError):
                continue  # it was lost since it was listed, and Ray lists it for some seconds yet
            except Exception as error:
                if node["NodeID"] not in {each["NodeID"] for each in self._nodes()}:
                    continue  # it was lost since it was listed
                raise EngineError(
                    f"The node {name} cannot work: install dedup-images there ({_said(error)})"
                ) from error
            if versions != VERSIONS:
                raise EngineError(f"The node {name} has another version of dedup-images. Install this one there.")
            if not there:
                raise EngineError(f"The node {name} does not see {folder}. Share it, or put the images into a bucket.")
        if not answered:
            raise EngineError("The nodes of the Ray cluster were lost while they were asked. Start it again.")

    def _nodes(self) -> list[dict[str, Any]]:
        alive = [node for node in self._ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0) >= 1]
        if not alive:
            raise EngineError("The Ray cluster has no node with a free processor. Add one: ray start --address ADDRESS")
        return alive

    def _processors(self) -> int:
        return max(1, int(sum(node["Resources"]["CPU"] for node in self._nodes())))

    def run(self, task: str, images: Sequence[Image], options: Mapping[str, Any]) -> Iterator[tuple[int, Any]]:
        """Yield (place in `images`, result or `Failed`) in the order of completion. Closing the iterator stops it."""
        ray = self._ray
        read = ray.remote(_read).options(num_cpus=1, max_retries=TRIES)
        waiting = deque([*range(start, min(start + BATCH, len(images)))] for start in range(0, len(images), BATCH))
        under_way: dict[Any, list[int]] = {}
        try:
            while waiting or under_way:
                room = AHEAD * self._processors()
                while waiting and len(under_way) < room:
                    places = waiting.popleft()
                    under_way[read.remote(task, [portable(images[place]) for place in places], options)] = places
                done, _ = ray.wait(list(under_way), num_returns=1, timeout=1.0)
                for each in done:
                    places = under_way.pop(each)
                    try:
                        yield from zip(places, ray.get(each), strict=True)
                    except ray.exceptions.RayError as error:
                        if len(places) == 1:
                            yield places[0], Failed(f"lost on the cluster: {_said(error)}", transient=True)
                        waiting.extendleft([place] for place in places if len(places) > 1)
        finally:
            for each in under_way if ray.is_initialized() else ():  # else it was left, and asking would start another
                ray.cancel(each, force=True)

    def close(self) -> None:
        """Leave the cluster; one that was started for this ends."""
        if "executor" in self.__dict__:
            self.executor.shutdown(wait=False, cancel_futures=True)
        if self._own:
            self._ray.shutdown()


def _reach(ray: Any, address: str, workers: int | None) -> None:
    """Raises `EngineError`."""
    # Ray would put a function of its own in the place of print for the whole program, with which numba cannot compile
    os.environ.setdefault("RAY_TQDM_PATCH_PRINT", "0")
    _knock(address)
    quiet = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": False}
    try:
        if address:
            ray.init(address=address, **quiet)
        else:
            ray.init(num_cpus=workers, include_dashboard=False, **quiet)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise EngineError(
            f"There is no Ray cluster at {address or 'this machine'} ({_said(error)}). "
            "Start one with `ray start --head`, or name it with --ray-address."
        ) from error


def _knock(address: str) -> None:
    """Raises `EngineError` where nobody listens."""
    parts = urlsplit(address if "://" in address else f"ray://{address}")
    try:
        if parts.hostname and parts.port:
            socket.create_connection((parts.hostname, parts.port), KNOCK_SECONDS).close()
    except (OSError, ValueError) as error:
        raise EngineError(f"Nothing answers at {address}. Is the cluster up, and may this machine reach it?") from error


def _said(error: BaseException) -> str:
    """The last line of what Ray says, which is the reason; before it come traces."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:160]


# --- what runs on the nodes -------------------------------------------------------------------------------------------


def _look(folder: str) -> tuple[dict[str, str], bool]:
    """What code a node has, and whether it sees a folder; "" is seen everywhere."""
    from dedup.images.examine import VERSIONS

    return VERSIONS, not folder or os.path.exists(folder)


_local: Local | None = None
"""The reader of this process of Ray, kept for the next batch."""


def _read(task: str, images: Sequence[Image], options: Mapping[str, Any]) -> list[Any]:
    """The results of a batch, in its order."""
    global _local
    if _local is None:
        _local = Local(1)
        atexit.register(_local.close)
    return [result for _, result in sorted(_local.run(task, images, options), key=lambda each: each[0])]
