"""What makes one file stay while the others go on."""

from __future__ import annotations

import errno
from collections.abc import Callable

from dedup.errors import RemovalError

UNREADABLE_NOW = "it cannot be read now; check its permissions, or that its disk is there"
DISK_FULL = {errno.ENOSPC, errno.EDQUOT}


class RefusalError(RemovalError):
    """One file stays where it is; `str(error)` says why. The others go on."""


def attempt(step: Callable[[], object]) -> str:
    """Run one file's step; "" when it went well, else the reason that the file stays.

    Raises `RemovalError` when no further file can go either: the disk is full.
    """
    try:
        step()
    except RefusalError as refusal:
        return str(refusal)
    except OSError as error:
        if error.errno in DISK_FULL:
            raise RemovalError(
                f"The disk is full ({error.filename or 'quarantine'}): free some space and run the same again, "
                "it goes on where it stopped."
            ) from error
        return f"{error.filename or 'it'} could not be changed: {error.strerror or error}"
    return ""
