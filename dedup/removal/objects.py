"""Objects of a bucket, as removals meet them: what `dedup.removal.tree` is for files.

What leaves is copied within its storage, so that nothing travels and all that the storage says of an object stays
with it, proven whole, and only then taken away. S3 is asked to do either only while the object is the one that was
proven, and never over another; in a bucket with versions what is taken away leaves a delete marker.
"""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from dedup.errors import SourceError
from dedup.removal.tree import Spot, Tree
from dedup.sources import blobs
from dedup.sources.listing import REMOVED

Place = Path | str
"""Where a file is: its path, or the address of an object."""
PART_BYTES = 64 << 20
"""What is read of an object at a time: all of any picture, and no film fills the memory."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a storage says of an object, in the words of `os.stat_result`; `st_ino` stands for its version."""

    st_size: int
    st_mtime_ns: int
    st_ino: int
    version: str
    st_dev: int = 0
    st_nlink: int = 1
    st_mode: int = 0


@dataclass(frozen=True, slots=True)
class Object:
    """One address, whether or not anything is there. All raise OSError, with the address in it."""

    path: str

    def beside(self, name: str) -> Object:
        """Another name in the same folder."""
        return Object(f"{self.path.rpartition('/')[0]}/{name}")

    def stat(self) -> Seen:
        """FileNotFoundError when nothing is there."""
        with self._named():
            entry = blobs.stat(self.path)
        version = hashlib.blake2b(f"{self.path} {entry.version}".encode(), digest_size=8).digest()
        return Seen(max(entry.size, 0), entry.mtime_ns, int.from_bytes(version), entry.version)

    def exists(self) -> bool:
        """Whether anything is there."""
        try:
            self.stat()
        except FileNotFoundError:
            return False
        return True

    def is_file(self) -> bool:
        """The same: all that is there are objects."""
        return self.exists()

    def sha256(self) -> str:
        """Hex SHA-256 of the object; "" when there is none that can be read."""
        digest = hashlib.sha256()
        try:
            size = self.stat().st_size
            for start in range(0, size, PART_BYTES):
                digest.update(blobs.read(self.path, start, min(start + PART_BYTES, size)))
        except OSError:
            return ""
        return digest.hexdigest()

    def copy_to(self, target: Object) -> None:
        """Let `target` be the same, with all that is said of it. FileExistsError when something is there."""
        with self._named():
            if target.exists():
                raise FileExistsError(errno.EEXIST, "something is there already")
            blobs.copy(self.path, target.path, self.stat().version)

    def unlink(self, seen: Seen | None = None) -> None:
        """Take the object away; only if it is the one that was `seen`, where the storage can tell."""
        with self._named():
            blobs.remove(self.path, seen.version if seen else "")

    def sync(self) -> None:
        """A storage has written what it says that it has."""

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Let errors name the address, and be OSErrors whatever they were."""
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as error:
            raise type(error)(error.errno or errno.EIO, blobs.reason(error), self.path) from error
        except SourceError as error:
            raise OSError(errno.EIO, str(error), self.path) from error


AnySpot = Spot | Object
"""A name that a file may have, here or in a bucket."""


class Prefix:
    """What is below an address that ends with `/`; of an empty one, whatever has an address."""

    def __init__(self, top: str) -> None:
        self.top = top

    @contextmanager
    def spot(self, file: str, *, make: bool = False) -> Iterator[Object]:
        """The place of `file`, relative to the top: keys are names, and none of them leads anywhere."""
        yield Object(self.top + file)

    def sha256(self, file: str) -> str:
        """Hex SHA-256 of an object below, "" when there is none that can be read."""
        return Object(self.top + file).sha256()


AnyTree = Tree | Prefix


def tree_at(ground: Place) -> AnyTree:
    """What is below a folder, or the address of a prefix."""
    return Prefix(ground) if isinstance(ground, str) else Tree(ground)


def quarantine_of(address: str, key: str) -> str:
    """Where what leaves a prefix goes, of the dataset with that key: beside it, so that who reads the prefix meets none
    of it; at the top of a bucket, where there is no beside, under a hidden name."""
    protocol, _, path = address.partition("://")
    *above, name = PurePosixPath(path.rstrip("/") or ".").parts
    if protocol == "memory" or not above:
        return f"{address}.{REMOVED}/{key}/"
    return f"{protocol}://{'/'.join(above)}/{name}.{REMOVED}/{key}/"


def free_address(quarantine: str, file: str, number: int) -> str:
    """The address for `file` below a quarantine, or for `~number/file` (more `~` if need be) where that is taken."""
    ahead = ""
    while Object(f"{quarantine}{ahead}{file}").exists():
        ahead = f"~{ahead}" if ahead else f"~{number}/"
    return f"{quarantine}{ahead}{file}"
