"""Sources that are no folders: an archive, several, a prefix of a bucket, listed addresses."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from dedup.errors import SourceError
from dedup.images.formats import HEAD_BYTES, sniff
from dedup.sources import archives, blobs
from dedup.sources.listing import Entry, Listing, images_among, labels_among, source_files, tells_nothing

AT_ONCE = 16
"""Requests under way while a listing asks about single files: most of the time of one is waiting."""
ASKED = 100
"""So many files of a suffix that nobody knows, none of which is an image, speak for all others."""


def list_archives(place: str) -> Listing:
    """The images in an archive or table, or in all that a pattern means. Raises `SourceError`."""
    pattern = blobs.is_pattern(place)
    try:
        files = blobs.expanded(place) if pattern else [place]
    except OSError as error:
        raise SourceError(f"Cannot look up {place}: {blobs.reason(error)}.") from error
    if not files:
        raise SourceError(f"There is no file like {place}. Check the pattern and try again.")
    entries: dict[str, Entry] = {}
    problems: dict[str, str] = {}
    others = Counter[str]()
    beside: dict[str, Entry] = {}
    for file in files:
        name = os.path.basename(file)
        ahead = f"{name}/" if pattern else ""
        held, problem, left_out = entries_of(file)
        if problem:
            problems[name] = f"cannot be read to its end: {problem}" if held else f"cannot be read: {problem}"
        images, passed_over = _images_in(file, held)
        others += passed_over + left_out
        entries |= {ahead + each: held[each] for each in images}
        beside |= {ahead + each: entry for each, entry in labels_among(held, images).items()}
    if problems and not entries:
        name, problem = next(iter(problems.items()))
        raise SourceError(f"Cannot read {os.path.join(os.path.dirname(place), name)}: {problem}.")
    return Listing(place, source_files(entries, problems, entries), others, beside)


def entries_of(file: str) -> tuple[dict[str, Entry], str, Counter[str]]:
    """What an archive holds, why that may not be all ("" when it is), and how many things in it are no files."""
    entries: dict[str, Entry] = {}
    left_out = Counter[str]()
    try:
        with archives.opened(file, anew=True) as container:
            for each in container.entries():  # what came before damage is kept
                left_out["older file of the same name"] += each[0] in entries
                entries.update([each])
            left_out += container.left_out
    except FileNotFoundError:
        unanswered = ", or its server does not answer" if blobs.is_address(file) else ""
        return entries, f"there is no such file{unanswered}", +left_out
    except Exception as error:  # each library has errors of its own for what is damaged
        return entries, blobs.reason(error), +left_out
    return entries, "", +left_out


def _images_in(file: str, held: dict[str, Entry]) -> tuple[list[str], Counter[str]]:
    def announces(name: str) -> bool:
        try:
            with archives.opened(file) as container:
                return sniff(container.starts(name, held[name])) is not None
        except Exception:
            return True  # whatever is wrong with it, its row will say

    if archives.CONTAINERS[archives.suffix_of(file)].images_only:
        return list(held), Counter()
    if not blobs.is_address(file):
        return images_among(held, announces)
    found = _announcing(held, lambda some: {name for name in some if announces(name)})
    return images_among(held, found.__contains__)


def list_prefix(place: str) -> Listing:
    """The images below a prefix that ends with `/`. Raises `SourceError`."""
    try:
        found = blobs.find(place)
    except FileNotFoundError as error:
        raise SourceError(f"There is nothing at {place}. Check the address and try again.") from error
    except PermissionError as error:
        raise SourceError(f"{place} may not be read with the credentials there are: {blobs.reason(error)}.") from error
    except OSError as error:
        raise SourceError(f"Cannot list {place}: {blobs.reason(error)}.") from error
    with ThreadPoolExecutor(AT_ONCE) as threads:

        def ask(some: list[str]) -> set[str]:
            told = threads.map(lambda name: _announces(place + name), some)
            return {name for name, is_image in zip(some, told, strict=True) if is_image}

        images, others = images_among(found, _announcing(found, ask).__contains__)
    entries = {name: found[name] for name in images}
    return Listing(place, source_files(images, None, entries), others, labels_among(found, images))


def _announcing(names: Iterable[str], ask: Callable[[list[str]], set[str]]) -> set[str]:
    """Of the files elsewhere whose names tell nothing those that begin as images do, whom `ask` tells. Of each suffix
    some are asked about first, and all others only where one of these is an image."""
    suffixes = defaultdict(list)
    for name in names:
        if tells_nothing(name):
            suffixes[os.path.splitext(name)[1].lower()].append(name)
    found: set[str] = set()
    for suffix, some in suffixes.items():
        first = ask(some if not suffix else some[:ASKED])
        found |= first
        if suffix and first:
            found |= ask(some[ASKED:])
    return found


def _announces(address: str) -> bool:
    try:
        return sniff(blobs.read(address, 0, HEAD_BYTES)) is not None
    except OSError:
        return True  # whatever is wrong with it, its row will say


def list_addresses(addresses: Iterable[str]) -> Listing:
    """The images at these addresses, all of one protocol. Raises `SourceError`.

    Each is asked for what its server says of it, so that the next scan reads only what changed. One that cannot be had
    is listed with the reason, and so is one that holds a signature or key, which would be kept.
    """
    given = sorted(set(addresses))
    protocols = {address.partition("://")[0].lower() for address in given}
    if len(protocols) > 1:
        raise SourceError(f"The list has addresses of {' and '.join(sorted(protocols))}. Make one list of each.")
    wrong = {each: problem for each in given if (problem := _problem(each))}
    usable = [each for each in given if each not in wrong]
    root = _common(usable or ["//".join([*protocols, ""])])
    with ThreadPoolExecutor(AT_ONCE) as threads:
        told = dict(zip(usable, threads.map(_told, usable), strict=True))
    entries = {address.removeprefix(root): entry for address, entry in told.items()}
    problems: dict[str, str] = {}
    alike = Counter[str]()
    for each, problem in wrong.items():  # what tells them apart may be what must not be shown
        shown = f"{_bare(each).removeprefix(root)}?…"
        alike[shown] += 1
        problems[shown if alike[shown] == 1 else f"{shown}~{alike[shown]}"] = f"its address {problem}"
    return Listing(root, source_files(entries, problems, entries))


def _told(address: str) -> Entry:
    try:
        return blobs.stat(address, attempts=1)
    except (OSError, SourceError):  # servers need not answer such questions; what is wrong its row will say
        return Entry(-1, 0, blobs.UNKNOWN)


def _problem(address: str) -> str:
    return blobs.problem_of(address) or ("names no file" if re.search(r"/\.{0,2}$", address) else "")


def _bare(address: str) -> str:
    """An address without what may let somebody in."""
    protocol, _, rest = re.split(r"[?#]", address)[0].partition("://")
    return f"{protocol}://{rest.rpartition('@')[2]}"


def _common(addresses: list[str]) -> str:
    """What all begin with, up to a slash; at least the protocol."""
    common = os.path.commonprefix([_bare(each) for each in addresses])  # noqa: RUF071 - addresses are no paths
    protocol, _, rest = common.partition("://")
    return f"{protocol}://{rest[: rest.rfind('/') + 1]}"
