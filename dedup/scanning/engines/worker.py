"""A worker process: reads batches of images, wherever they are, on stdin, answers one pickled result a file on stdout.

    python -m dedup.scanning.engines.worker

It never imports the caller's program, so a script without a main guard or a Streamlit page can start it. When the
parent dies, stdin ends and so does the worker.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import sys
import warnings
from typing import BinaryIO

from dedup.images.decode import own_process
from dedup.scanning.engines.base import perform
from dedup.sources.reading import fetched

MEMORY_LIMIT = 8 << 30
"""Address space of one worker in bytes, where the system can limit it: a hostile file fails instead of swapping."""


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer batches `(task, images, options)` until `requests` ends."""
    while True:
        try:
            task, images, options = pickle.load(requests)
        except EOFError:
            return
        own_process(options["max_pixels"])
        for image in fetched(images):
            pickle.dump(perform(task, image, options), answers, pickle.HIGHEST_PROTOCOL)
            answers.flush()


def _keep_quiet() -> BinaryIO:
    """Send everything that decoders print to nowhere; the answers go out on a copy of the real stdout."""
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    warnings.simplefilter("ignore")
    return answers


def _limit_memory() -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):  # not on Windows, or a lower limit is in force
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))


def main() -> None:
    """Serve this process's standard streams."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends us by closing stdin
    _limit_memory()
    answers = _keep_quiet()
    pickle.dump(os.getpid(), answers)  # the first answer says that the start went well
    answers.flush()
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
