"""`python -m dedup`, and the command `dedup`."""

from __future__ import annotations

import signal
import sys

from dedup.cli import main


def run() -> None:
    """Run the command line as a program."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # asked to end, we keep what is finished, as on Ctrl-C
    sys.exit(main())


if __name__ == "__main__":
    run()
