"""`python -m dedup`, and the command `dedup`."""

from __future__ import annotations

import gc
import signal
import sys

from dedup.cli import main


def run() -> None:
    """Run the command line as a program."""
    gc.set_threshold(50_000, 20, 100)  # to load a library makes objects that stay: nothing to search every 700 of them
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # asked to end, we keep what is finished, as on Ctrl-C
    sys.exit(main())


if __name__ == "__main__":
    run()
