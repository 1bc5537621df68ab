"""Files by address: on this machine by their path, anywhere else by what fsspec calls them (`s3://bucket/key`).

Credentials come from where the storage's own tools look for them (environment, configuration, the machine's role);
they are never kept, and an address that carries some is refused.
"""

from __future__ import annotations

import io
import os
import random
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast
from urllib.parse import unquote, urlsplit

from dedup.errors import SourceError, UnreadableImage
from dedup.files import open_regular
from dedup.sources.listing import Entry, nanoseconds

ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
EXTRAS = {
    **dict.fromkeys(("s3", "s3a"), "s3"),
    **dict.fromkeys(("gs", "gcs"), "gcs"),
    **dict.fromkeys(("az", "abfs", "abfss"), "azure"),
    **dict.fromkeys(("http", "https"), "http"),
}
"""The protocols that are read, beside memory, to the extra of this package that brings what reads them."""
FRESH = {"use_listings_cache": False}
"""What is listed again is asked for again."""
OPTIONS: dict[str, Any] = {
    "s3": {
        "config_kwargs": {"connect_timeout": 10, "read_timeout": 20, "retries": {"max_attempts": 1}},
        "max_concurrency": 1,  # else every image is asked for its size first
    }
}
"""What file systems are made with: seconds and tries that end before the minute that a worker has for a file."""
SECRETS = re.compile(
    r"(?i)(?:^|[^a-z])(?:sig|pass|pwd|creds?|key|auth|jwt|hmac|code|access|session)(?:$|[^a-z])"
    r"|signature|token|secret|passw|credential|accesskey|apikey|authoriz|sessionid"
)
"""What the names of parameters hold that let whoever has the address in: some as a word of their own, for a design, an
author, a postcode and a keyword let nobody in."""
CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
"""Where the next word of a name begins that is written like thisOne."""
NAMED = re.compile(r"[^:/]+://(?:[^/?#]*@|[^/?#@:]*:(?!\d*(?:/|$))[^@]*@)")
"""An address with a name or password of somebody, whose slashes hide the sign that ends them."""
ATTEMPTS, FIRST_PAUSE, PATIENCE = 4, 0.3, 25.0
"""Tries to read something, and the seconds before the second; each pause is twice that before, give or take a half. No
other try is made so many seconds after the first began: a worker has a minute for a file."""
QUERY = re.compile(r"(?<=[\w/])\?[^\s'\")>]+")
"""What follows the path of an address in what a library says: where one was led on, it may be a signature."""
WHOLE_ONLY = ("range requests", "block_size=0")
"""What fsspec says of web servers that give whole files only."""
SILENCE = {"sock_connect": 10, "sock_read": 20}
"""Seconds without an answer of a web server."""
READ_AHEAD = 1 << 20
"""Bytes of one request where an archive lies elsewhere: members are a few hundred kilobytes."""

MOST_ARCHIVES, MOST_BRACES = 100_000, 12
"""Files that one pattern may mean, and choices in it; a slip of the keyboard means billions."""

Answer = TypeVar("Answer")


def is_address(text: str) -> bool:
    """Whether a text is an address rather than a path."""
    return ADDRESS.match(text) is not None


def check(address: str) -> str:
    """The address. Raises `SourceError` where it carries credentials, which would be kept and shown."""
    problem = problem_of(address)
    if problem:
        raise SourceError(f"This address {problem}.")
    return address


def problem_of(address: str) -> str:
    """What is wrong with an address before anybody is asked, "" for nothing."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "cannot be understood"
    if NAMED.match(address) and parts.scheme not in ("abfs", "abfss"):
        return "holds a name or password; leave it out, it belongs where the storage looks for it"
    given = (unquote(each.partition("=")[0]) for each in re.split("[&;]", parts.query) if "=" in each)
    if any(SECRETS.search(CAPITAL.sub("-", name)) for name in given):
        return "holds a signature or key, which would be kept; give one without"
    return "holds a signature or key, which would be kept; give one without" if "=" in parts.fragment else ""


@cache
def _filesystem(protocol: str) -> Any:
    """fsspec's file system of a protocol. Raises `SourceError` with the package that is missing."""
    if protocol not in (*EXTRAS, "memory"):
        raise SourceError(f"There is no way to read {protocol}:// addresses; {', '.join(EXTRAS)} and memory are read.")
    try:
        import fsspec  # type: ignore[import-untyped]

        options = _web() if EXTRAS.get(protocol) == "http" else OPTIONS.get(protocol, {})
        made = fsspec.filesystem(protocol, **FRESH, **options)
        made.retries = 1  # of s3fs: `patiently` is what tries again, and says for how long
        return made
    except ImportError as error:
        extra = EXTRAS.get(protocol, "http")
        raise SourceError(f"{protocol}:// needs another package: pip install 'dedup-images[{extra}]'.") from error


def _web() -> dict[str, Any]:
    from aiohttp import ClientTimeout

    return {"client_kwargs": {"timeout": ClientTimeout(total=None, **SILENCE)}}


def filesystem(address: str) -> Any:
    """fsspec's file system of an address. Raises `SourceError`."""
    found = ADDRESS.match(address)
    assert found is not None, address
    return _filesystem(found[1].lower())


def path_in(address: str) -> str:
    """How its file system calls what an address means."""
    protocol, _, path = address.partition("://")
    return address if protocol.lower() in ("http", "https") else path


def stat(address: str, attempts: int | None = None) -> Entry:
    """What is known of one file, asked for so often as `patiently` does it. Raises OSError."""
    if not is_address(address):
        told = os.stat(address)
        return Entry(told.st_size, told.st_mtime_ns, f"{told.st_mtime_ns:x}-{told.st_size:x}")
    return described(patiently(lambda: filesystem(address).info(path_in(address)), attempts))


def described(info: Mapping[str, Any]) -> Entry:
    """What a file system tells of a file, whose words differ from one to the next."""
    size = info.get("size")
    moments = (info.get(name) for name in MOMENTS)
    mtime_ns = next((_nanoseconds(moment) for moment in moments if moment is not None), 0)
    tag = next((str(info[name]) for name in TAGS if info.get(name)), "")
    said = tag.strip('"') or (f"{mtime_ns:x}" if mtime_ns else "")
    return Entry(-1 if size is None else int(size), mtime_ns, f"{said or UNKNOWN}-{size}")


MOMENTS = ("LastModified", "last_modified", "Last-Modified", "updated", "mtime", "created")
TAGS = ("ETag", "etag", "md5Hash", "Content-MD5", "crc32c")
"""What file systems call the last change of a file and the word for its content, the surest first."""
UNKNOWN = "?"
"""How the version of a file begins of which nobody tells whether it changed: it is read in every scan."""


def _nanoseconds(moment: Any) -> int:
    if isinstance(moment, str):
        of_web = moment.endswith("GMT")  # RFC 9110, 5.6.7
        try:
            moment = parsedate_to_datetime(moment) if of_web else datetime.fromisoformat(moment)
        except ValueError:
            return 0
    seconds = moment.timestamp() if isinstance(moment, datetime) else moment
    return nanoseconds(seconds) if isinstance(seconds, int | float) else 0


def find(prefix: str) -> dict[str, Entry]:
    """All files below a prefix that ends with `/`, by their names from there. Raises OSError."""
    start = path_in(prefix)
    found = patiently(lambda: filesystem(prefix).find(start, detail=True))
    files = ((path, info) for path, info in found.items() if info.get("type") != "directory")
    named = ((path if path.startswith(start) else path.removeprefix("/"), info) for path, info in files)
    within = ((path, info) for path, info in named if path.startswith(start) and not path.endswith("/"))
    return {path.removeprefix(start): described(info) for path, info in within}


def read(address: str, start: int = 0, end: int | None = None) -> bytes:
    """The bytes of a file, or those from `start` up to `end`. Raises OSError."""
    if not is_address(address):
        with open_regular(Path(address)) as stream:
            stream.seek(start)
            return stream.read() if end is None else stream.read(end - start)
    whole = start == 0 and end is None
    more = {} if whole else {"start": start, "end": end}
    return cast(bytes, patiently(lambda: filesystem(address).cat_file(path_in(address), **more)))


def write(address: str, content: bytes) -> None:
    """Make a file elsewhere hold these bytes; whoever reads it sees all of them or what was there. Raises OSError, and
    `SourceError` where nothing can be written."""
    patiently(lambda: writable(address).pipe_file(path_in(address), content))


def put(address: str, file: Path) -> None:
    """The same with the bytes of a file."""
    patiently(lambda: writable(address).put_file(os.fspath(file), path_in(address)))


def copy(source: str, target: str, version: str) -> None:
    """Let `target`, where nothing is, hold what `source` holds, with all that the storage says of it, and nothing of it
    passes this machine. S3 does so only while the source has that `version`, as `stat` tells it, and the target is
    free. Raises OSError."""
    only = {"CopySourceIfMatch": _tag_of(version), "IfNoneMatch": "*"} if _is_s3(source) else {}
    patiently(lambda: writable(target).cp_file(path_in(source), path_in(target), **only))


def remove(address: str, version: str = "") -> None:
    """Take away a file; of S3 only while it has that `version`, if one is given. Raises OSError."""
    files = writable(address)
    if version and _is_s3(address):
        bucket, key, _ = files.split_path(path_in(address))
        patiently(lambda: files.call_s3("delete_object", Bucket=bucket, Key=key, IfMatch=_tag_of(version)))
    else:
        patiently(lambda: files.rm_file(path_in(address)))


def _is_s3(address: str) -> bool:
    return EXTRAS.get(address.partition("://")[0].lower()) == "s3"


def _tag_of(version: str) -> str:
    """The ETag that `described` made a version of."""
    return f'"{version.rpartition("-")[0]}"'


def can_change(address: str) -> bool:
    """Whether an address is that of a prefix whose files can be copied and taken away."""
    return can_list(address) and address.partition("://")[2] != ""


def can_list(address: str) -> bool:
    """Whether an address is that of a prefix of which somebody tells what lies there: web servers have pages, which may
    lead anywhere."""
    protocol = address.partition("://")[0].lower()
    return is_address(address) and address.endswith("/") and EXTRAS.get(protocol) != "http"


def writable(address: str) -> Any:
    """fsspec's file system of an address that files can be written to. Raises `SourceError`."""
    if EXTRAS.get(address.partition("://")[0].lower()) == "http":
        raise SourceError(f"{address} is on a web server, which is only read. Give a folder, an archive or a bucket.")
    return filesystem(address)


def open_at(address: str) -> BinaryIO:
    """A file to read here and there. Raises OSError."""
    if not is_address(address):
        return cast(BinaryIO, open_regular(Path(address)))
    opened = patiently(lambda: filesystem(address).open(path_in(address), block_size=READ_AHEAD))
    if getattr(opened, "size", None) is None:  # what tells no length is read from its beginning to its end, once
        opened.close()
        raise OSError(WHOLE_ONLY[0])
    return cast(BinaryIO, Patient(opened))


class Patient(io.RawIOBase):
    """A file elsewhere, read here and there, each part as `patiently` as whole files are. `problem` is why one could
    not be had, "" where all could: some libraries take an error of reading for damage."""

    def __init__(self, opened: Any) -> None:
        self._opened = opened
        self._place = 0
        self.problem = ""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: int(self._opened.size or 0)}[whence]
        if start + offset < 0:
            raise ValueError("before the beginning of the file")
        self._place = start + offset
        return self._place

    def read(self, size: int | None = -1, /) -> bytes:
        """The next bytes, all of the rest for a negative number. Raises OSError."""
        place, count = self._place, -1 if size is None else size

        def once() -> bytes:
            self._opened.seek(place)
            return cast(bytes, self._opened.read(count))

        try:
            found = patiently(once)
        except OSError as error:
            self.problem = reason(error)
            raise
        self._place += len(found)
        return found

    def readinto(self, buffer: Any, /) -> int:
        found = self.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)

    def close(self) -> None:
        if not self.closed:
            self._opened.close()
        super().close()


def patiently(work: Callable[[], Answer], attempts: int | None = None) -> Answer:
    """What `work` returns; what may be a moment's trouble is tried again, with longer and longer pauses, as long as
    that takes no more than `PATIENCE`.

    Raises OSError, whatever the file system raised.
    """
    began, most = time.monotonic(), attempts or ATTEMPTS
    for attempt in range(most):
        try:
            return work()
        except (FileNotFoundError, PermissionError, SourceError) as error:
            if is_address(str(error)) or QUERY.search(str(error)):  # which would be shown, and all that is in it
                raise type(error)(reason(error)) from error
            raise
        except Exception as error:
            late = time.monotonic() - began > PATIENCE
            if attempt == most - 1 or late or not _may_pass(error):
                raise OSError(reason(error)) from error
        time.sleep(FIRST_PAUSE * 2**attempt * random.uniform(0.5, 1.5))
    raise AssertionError("unreachable")


def _may_pass(error: Exception) -> bool:
    """Whether another try may succeed: not where credentials are missing, or what was asked makes no sense."""
    senseless = isinstance(error, ValueError | TypeError | NotImplementedError)
    return not senseless and "credential" not in str(error).lower()


def reason(error: BaseException) -> str:
    """Why something cannot be read, in a line with no full stop: the first that the error says, without what a library
    adds."""
    status, words = getattr(error, "status", None), getattr(error, "message", None)
    if isinstance(error, OSError) and error.strerror:
        told = error.strerror
    elif isinstance(error, TimeoutError):
        told = "its server does not answer"
    elif isinstance(status, int) and isinstance(words, str):  # aiohttp's, which adds the address
        told = f"{status} {words}".strip() if status else "it leads on and on"
    else:
        told = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
    if any(each in told for each in WHOLE_ONLY):
        return "its server gives no parts of a file; fetch it, and scan it where it is then"
    if isinstance(error, FileNotFoundError) and is_address(told):
        return "there is no such file"
    return QUERY.sub("?…", told)[:200].removesuffix(".")


def unreadable(error: OSError | SourceError) -> UnreadableImage:
    """The failure of an image whose bytes could not be had: another scan tries again."""
    return UnreadableImage(f"cannot be read: {reason(error)}", transient=True)


def expanded(pattern: str) -> list[str]:
    """The files that a pattern means: of the name at its end `{000..012}` and `{a,b}` are written out, `*` and `?`
    looked up. Raises OSError, and `SourceError` where it means too many.
    """
    *folder, name = re.split(r"(?<=[/\\])(?=[^/\\]*$)", pattern)
    if name.count("{") > MOST_BRACES:
        raise SourceError(f"{pattern[:80]}… has more than {MOST_BRACES} choices in its name. Give a closer pattern.")
    names = list(islice(_braces(name), MOST_ARCHIVES + 1))
    if len(names) > MOST_ARCHIVES:
        raise SourceError(f"{pattern} means more than {MOST_ARCHIVES:,} files. Give a closer pattern.")
    written = ["".join([*folder, each]) for each in names]
    return [each for one in written for each in (_looked_up(one) if re.search(r"[*?]", one) else [one])]


def is_pattern(place: str) -> bool:
    """Whether the name at the end of a path or address means several files."""
    name = re.split(r"[/\\]", place)[-1]
    return re.search(r"[*?]|\{[^{}]*(?:\.\.|,)[^{}]*\}", name) is not None and not os.path.exists(place)


def _braces(pattern: str) -> Iterator[str]:
    found = re.search(r"\{([^{}]*(?:\.\.|,)[^{}]*)\}", pattern)
    if found is None:
        yield pattern
        return
    numbers = re.fullmatch(r"(\d{1,18})\.\.(\d{1,18})", found[1])
    if numbers:
        first, last = numbers.groups()
        choices: Iterable[str] = (f"{each:0{len(first)}d}" for each in range(int(first), int(last) + 1))
    else:
        choices = found[1].split(",")
    for choice in choices:
        yield from _braces(pattern[: found.start()] + choice + pattern[found.end() :])


def _looked_up(pattern: str) -> list[str]:
    if not is_address(pattern):
        folder = Path(pattern).parent
        try:
            return sorted(os.fspath(each) for each in folder.glob(Path(pattern).name))
        except ValueError as error:
            raise SourceError(f"{pattern} is no pattern: {error}.") from error
    protocol = pattern.partition("://")[0]
    found = patiently(lambda: filesystem(pattern).glob(path_in(pattern)))
    return sorted(each if is_address(each) else f"{protocol}://{each}" for each in found)
