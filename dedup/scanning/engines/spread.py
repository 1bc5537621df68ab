"""Work on arrays that a cluster takes over. What all calls of a function have in common is carried to every node once,
lies there in the memory that its workers share, and is not copied from it.

Work is split by what is asked, not by where is looked: each call looks in all there is. So no crowd of alike pictures,
however large, keeps one node busy while others wait, and what a call answers hangs on no other.
"""

from __future__ import annotations

import ctypes
import pickle
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from dedup.errors import EngineError
from dedup.machine import default_workers

Answer = TypeVar("Answer")
Call = tuple[Any, ...]
Bytes = NDArray[np.uint8]

WORTH = 8
"""Fewer calls are done by threads of this machine before the nodes have what they need."""
SHARES, LARGEST = 8, 64
"""Calls go in so many batches for each processor, so that the last one keeps nobody waiting, and so many in one at
most."""
AHEAD = 2
"""Batches under way for each processor: one at work and one that waits there."""


class Spread(ThreadPoolExecutor):
    """Threads of this machine, and the nodes of a cluster for what `map` is given in plenty.

    `processors` tells how many the cluster has just now, `tries` how often Ray starts again what was lost with a node.
    """

    def __init__(self, ray: Any, processors: Callable[[], int], tries: int) -> None:
        super().__init__(default_workers())
        self._ray, self._processors, self._tries = ray, processors, tries

    def map(self, fn: Callable[..., Answer], *iterables: Iterable[Any], **options: Any) -> Iterator[Answer]:
        """Answers in the order of what is asked, as of any executor. Raises what `fn` raises, and `EngineError` where
        nodes were lost too often."""
        calls = list(zip(*iterables, strict=False))
        if len(calls) < WORTH:
            return super().map(lambda call: fn(*call), calls, **options)
        return self._on_nodes(fn, calls)

    def _on_nodes(self, function: Callable[..., Answer], calls: Sequence[Call]) -> Iterator[Answer]:
        ray, processors = self._ray, self._processors()
        answers = ray.remote(_answers).options(num_cpus=1, max_retries=self._tries)
        size = min(LARGEST, -(-len(calls) // (SHARES * processors)))
        waiting = deque(calls[start : start + size] for start in range(0, len(calls), size))
        under_way: deque[Any] = deque()
        try:
            shared = ray.put(packed(function))
            while waiting or under_way:
                while waiting and len(under_way) < AHEAD * processors:
                    under_way.append(answers.remote(shared.hex(), shared, waiting.popleft()))
                yield from ray.get(under_way[0])
                under_way.popleft()
        except ray.exceptions.RayTaskError:  # what the function itself raised
            raise
        except ray.exceptions.RayError as error:
            raise EngineError(f"The cluster lost what it worked on ({type(error).__name__}). Scan again.") from error
        finally:
            for each in under_way if ray.is_initialized() else ():  # else it was left, and asking would start another
                ray.cancel(each, force=True)


def packed(function: Callable[..., object]) -> list[Bytes]:
    """A function with all that it holds: its arrays as they are, after what tells how it is put together."""
    from ray import cloudpickle

    dump: Any = cloudpickle.dumps
    held: list[pickle.PickleBuffer] = []
    told = dump(function, protocol=5, buffer_callback=held.append)
    return [np.frombuffer(each, np.uint8) for each in (told, *(each.raw() for each in held))]


def unpacked(parts: Sequence[Bytes]) -> Callable[..., Any]:
    """The function that was packed; its arrays lie where the parts do."""
    told, *held = parts
    function: Callable[..., Any] = pickle.loads(told.data, buffers=[_as_it_was(each) for each in held])
    return function


def _as_it_was(part: Bytes) -> Any:
    """The same memory, for arrays that can be written to, as they could before they were carried: for others code would
    be compiled anew, and might add up otherwise. Nothing writes to it; shared memory would refuse."""
    memory = (ctypes.c_char * part.nbytes).from_address(part.ctypes.data)
    memory.part = part  # type: ignore[attr-defined] # it stays as long as what lies in it
    return memory


# --- what runs on the nodes -------------------------------------------------------------------------------------------

_kept: tuple[str, Callable[..., Any]] = ("", packed)
"""The function that this process was asked for last, and its name."""


def _answers(name: str, shared: Sequence[Bytes], calls: Sequence[Call]) -> list[Any]:
    global _kept
    if _kept[0] != name:
        _kept = name, unpacked(shared)
    return [_kept[1](*call) for call in calls]
