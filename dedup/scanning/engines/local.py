"""Examine files over processes of this machine. A file that crashes or hangs its worker costs that file only."""

from __future__ import annotations

import os
import pickle
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

from dedup.errors import DedupError
from dedup.images.decode import MAX_PIXELS
from dedup.images.examine import Examined, failure
from dedup.machine import default_workers

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


def examine_all(
    paths: Sequence[Path],
    *,
    workers: int | None = None,
    max_pixels: int = MAX_PIXELS,
    timeout: float = TIMEOUT_SECONDS,
) -> Iterator[tuple[int, Examined]]:
    """Yield (place in `paths`, result) in the order of completion.

    `timeout` is the seconds one file may take. Closing the iterator ends the workers.
    """
    pool = _Pool(paths, max_pixels, timeout)
    count = min(workers or default_workers(), max(1, -(-len(paths) // BATCH)))
    try:
        pool.start(count)
        for _ in range(len(paths)):
            yield pool.next_result()
    finally:
        pool.stop()


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
                "The worker processes cannot start. Run `python -m dedup.scanning.engines.worker` to see why; "
                "installing the requirements again often helps."
            ) from error

    def send(self, paths: list[str], max_pixels: int) -> None:
        assert self.process.stdin is not None
        pickle.dump((paths, max_pixels), self.process.stdin, pickle.HIGHEST_PROTOCOL)
        self.process.stdin.flush()

    def receive(self, timeout: float) -> Examined:
        """The next answer. Raises EOFError when the worker died or was killed for its deadline."""
        assert self.process.stdout is not None
        self.deadline = time.monotonic() + timeout
        try:
            answer: Examined = pickle.load(self.process.stdout)
        except pickle.UnpicklingError as error:
            raise EOFError from error
        finally:
            self.deadline = float("inf")
        return answer

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    continue  # what was buffered for a dead worker cannot be flushed


class _Pool:
    """Threads that each drive one worker, a queue of results, and a watch over deadlines."""

    def __init__(self, paths: Sequence[Path], max_pixels: int, timeout: float) -> None:
        self._paths = paths
        self._max_pixels = max_pixels
        self._timeout = timeout
        self._batches = deque(range(start, min(start + BATCH, len(paths))) for start in range(0, len(paths), BATCH))
        self._results: queue.Queue[tuple[int, Examined] | BaseException] = queue.Queue()
        self._workers: dict[int, _Worker] = {}
        self._stopped = threading.Event()

    def start(self, count: int) -> None:
        for number in range(count):
            threading.Thread(target=self._drive, args=(number,), daemon=True).start()
        threading.Thread(target=self._watch, daemon=True).start()

    def next_result(self) -> tuple[int, Examined]:
        result = self._results.get()
        if isinstance(result, BaseException):
            raise result
        return result

    def stop(self) -> None:
        self._stopped.set()
        for worker in list(self._workers.values()):
            worker.process.kill()

    def _drive(self, number: int) -> None:
        try:
            self._workers[number] = _Worker()
            while self._batches and not self._stopped.is_set():
                try:
                    batch = self._batches.popleft()
                except IndexError:
                    break
                self._work_off(number, deque(batch))
        except Exception as error:
            self._results.put(error)  # raised in the consumer
        finally:
            if number in self._workers:
                self._workers[number].kill()

    def _work_off(self, number: int, pending: deque[int]) -> None:
        while pending and not self._stopped.is_set():
            worker = self._workers[number]
            try:
                worker.send([os.fspath(self._paths[place]) for place in pending], self._max_pixels)
                while pending:
                    result = worker.receive(self._timeout)
                    self._results.put((pending.popleft(), result))
            except (EOFError, OSError):
                if self._stopped.is_set():
                    return
                place = pending.popleft()
                self._results.put((place, failure(self._paths[place], self._reason(worker), transient=True)))
                worker.kill()
                self._workers[number] = _Worker()

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
