"""Run tasks over processes of this machine. A file that crashes or hangs its worker costs that file only, and a worker
that was killed for something else, such as too little memory, costs nothing: its file is tried once more."""

from __future__ import annotations

import os
import pickle
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any

from dedup.errors import DedupError
from dedup.machine import default_workers
from dedup.scanning.engines.base import Failed
from dedup.sources.reading import Image, portable

WORKER_MODULE = "dedup.scanning.engines.worker"
BATCH = 16
TIMEOUT_SECONDS = 60.0
WATCH_SECONDS = 0.25

# One thread a process, and freed memory kept for the next picture instead of being handed back page by page.
WORKER_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": str(64 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(256 << 20),
}


class Local:
    """The engine of one machine: as many worker processes as asked for, started when there is work and kept for more.

    `timeout` is the seconds one file may take.
    """

    def __init__(self, workers: int | None = None, *, timeout: float = TIMEOUT_SECONDS) -> None:
        self._count = workers or default_workers()
        self._timeout = timeout
        self._idle: list[_Worker] = []

    @cached_property
    def executor(self) -> Executor:
        """Threads for work on arrays."""
        return ThreadPoolExecutor(self._count)

    def require(self, folder: str) -> None:
        """This machine lists the images: it sees them."""

    def run(self, task: str, images: Sequence[Image], options: Mapping[str, Any]) -> Iterator[tuple[int, Any]]:
        """Yield (place in `images`, result or `Failed`) in the order of completion. Closing the iterator stops it."""
        pool = _Pool(task, images, options, self._timeout, self._idle)
        try:
            pool.start(min(self._count, -(-len(images) // BATCH)))
            for _ in range(len(images)):
                yield pool.next_result()
        finally:
            self._idle = pool.stop()

    def close(self) -> None:
        """End all workers; what threads still do is left to end by itself."""
        for worker in self._idle:
            worker.kill()
        self._idle = []
        if "executor" in self.__dict__:
            self.executor.shutdown(wait=False, cancel_futures=True)


class _Worker:
    """One worker process and when its present file must be done."""

    def __init__(self) -> None:
        self.deadline = float("inf")
        self.timed_out = False
        self.process = subprocess.Popen(
            [sys.executable, "-m", WORKER_MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": _import_path(), **WORKER_ENVIRONMENT},
        )
        self._await_start()

    def _await_start(self) -> None:
        """A worker that cannot even start says nothing about any file. Raises `DedupError`."""
        assert self.process.stdout is not None
        try:
            pickle.load(self.process.stdout)
        except (EOFError, pickle.UnpicklingError) as error:
            self.kill()
            raise DedupError(
                f"The worker processes cannot start. Run `python -m {WORKER_MODULE}` to see why; "
                "installing the requirements again often helps."
            ) from error

    def send(self, task: str, images: list[Image], options: Mapping[str, Any]) -> None:
        assert self.process.stdin is not None
        pickle.dump((task, images, options), self.process.stdin, pickle.HIGHEST_PROTOCOL)
        self.process.stdin.flush()

    def receive(self, timeout: float) -> Any:
        """The next answer. Raises EOFError when the worker died or was killed for its deadline."""
        assert self.process.stdout is not None
        self.deadline = time.monotonic() + timeout
        try:
            return pickle.load(self.process.stdout)
        except pickle.UnpicklingError as error:
            raise EOFError from error
        finally:
            self.deadline = float("inf")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    continue  # what was buffered for a dead worker cannot be flushed


def _started() -> _Worker:
    """A new worker. One that ends before it is ready may have been killed, a second one says that none can start."""
    try:
        return _Worker()
    except DedupError:
        return _Worker()


class _Pool:
    """One run: threads that each drive a worker, a queue of results, and a watch over deadlines."""

    def __init__(
        self, task: str, images: Sequence[Image], options: Mapping[str, Any], timeout: float, idle: list[_Worker]
    ) -> None:
        self._task, self._images, self._options, self._timeout = task, images, options, timeout
        self._batches = deque(range(start, min(start + BATCH, len(images))) for start in range(0, len(images), BATCH))
        self._results: queue.Queue[tuple[int, Any] | BaseException] = queue.Queue()
        self._workers: dict[int, _Worker] = dict(enumerate(idle))
        self._threads: list[threading.Thread] = []
        self._stopped = threading.Event()
        self._taken = 0
        self._crashed: set[int] = set()

    def start(self, count: int) -> None:
        self._threads = [threading.Thread(target=self._drive, args=(number,), daemon=True) for number in range(count)]
        for thread in self._threads:
            thread.start()
        if count:
            threading.Thread(target=self._watch, daemon=True).start()

    def next_result(self) -> tuple[int, Any]:
        result = self._results.get()
        if isinstance(result, BaseException):
            raise result
        self._taken += 1
        return result

    def stop(self) -> list[_Worker]:
        """End the run; returns the workers that have nothing to do, those in the middle of something are killed."""
        busy = self._taken < len(self._images)
        self._stopped.set()
        if busy:
            for worker in list(self._workers.values()):
                worker.process.kill()
        for thread in self._threads:
            thread.join()
        workers = list(self._workers.values())
        if not busy:
            return workers
        for worker in workers:
            worker.kill()
        return []

    def _drive(self, number: int) -> None:
        try:
            if number not in self._workers or self._workers[number].process.poll() is not None:
                self._workers[number] = _started()
            while self._batches and not self._stopped.is_set():
                try:
                    batch = self._batches.popleft()
                except IndexError:
                    break
                self._work_off(number, deque(batch))
        except Exception as error:
            self._results.put(error)  # raised in the consumer

    def _work_off(self, number: int, pending: deque[int]) -> None:
        while pending and not self._stopped.is_set():
            worker = self._workers[number]
            try:
                worker.send(self._task, [portable(self._images[place]) for place in pending], self._options)
                while pending:
                    result = worker.receive(self._timeout)
                    self._results.put((pending.popleft(), result))
            except (EOFError, OSError):
                if self._stopped.is_set():
                    return
                if worker.timed_out or pending[0] in self._crashed:
                    self._results.put((pending.popleft(), Failed(self._reason(worker), transient=True)))
                else:
                    self._crashed.add(pending[0])
                worker.kill()
                self._workers[number] = _started()

    def _reason(self, worker: _Worker) -> str:
        if worker.timed_out:
            return f"took longer than {self._timeout:g} seconds to decode"
        return "crashed the decoder"

    def _watch(self) -> None:
        while not self._stopped.wait(WATCH_SECONDS):
            now = time.monotonic()
            for worker in list(self._workers.values()):
                if now > worker.deadline:
                    worker.timed_out = True
                    worker.process.kill()


def _import_path() -> str:
    """The worker must find this very package, installed or run from a checkout."""
    package_parent = os.fspath(Path(__file__).resolve().parents[3])
    return os.pathsep.join(part for part in (package_parent, os.environ.get("PYTHONPATH", "")) if part)
