"""How every sentence counts, measures, quotes and suggests; imports nothing of ours but errors and records."""

from __future__ import annotations

import difflib
import math
import shlex
from collections.abc import Iterable, Mapping

from dedup.errors import UnknownTag
from dedup.model import Kind


def command_line(*words: object) -> str:
    """A command of ours as a shell takes it, whatever the names in it."""
    return shlex.join(["dedup", *map(str, words)])


def plural(count: int, noun: str) -> str:
    """'1 image', '2,000 images', '2 copies', '3 clashes'."""
    return f"{count:,} {noun_of(count, noun)}"


def noun_of(count: int, noun: str) -> str:
    """The noun as so many take it, where the number stands elsewhere."""
    if count == 1:
        return noun
    if noun.endswith("y"):
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "sh", "ch", "x")) else f"{noun}s"


def size(count: float) -> str:
    """A number of bytes for people: '999 B', '1.5 kB', '20.0 MB', '3.1 GB'; a kB is 1,000 B."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{count / scale:,.1f} {unit}"
    return f"{count:.0f} B"


def middle(text: str, most: int) -> str:
    """`text`, cut in its middle where it has more than `most` letters: copies differ at the end of their names."""
    if len(text) <= most:
        return text
    tail = most * 2 // 3
    return f"{text[: most - tail - 1]}…{text[-tail:]}"


def difference(kind: str, relation: str, distance: float) -> str:
    """What is told after the name of a copy: ': mirrored, distance 0.02'; of exact ones, of parts, and where it is
    not known (NaN), no distance."""
    how = f": {relation}" if relation else ""
    return how if kind in (Kind.EXACT, Kind.CONTAINS) or math.isnan(distance) else f"{how}, distance {distance:.2f}"


_JOINERS = "\u200c\u200d"
"""Without them Persian words and joined emoji would not be themselves."""


def visible(text: str) -> str:
    """`text` with escapes for control characters, line breaks and bytes that are no text: `\\n`, `\\x1b`, `\\u202e`.

    A terminal obeys some of them, and others turn the order of letters around or hide them.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each in _JOINERS else _escaped(each) for each in text)


def displayable(relative: str) -> str:
    """A path as text that any file or database can hold: bytes that are not UTF-8 are shown as `\\xNN`."""
    return relative.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def encodable(text: str) -> str:
    """`text` as UTF-8 can carry it: bytes of a name that are no text become escapes such as `\\xff`."""
    return "".join(_escaped(each) if "\ud800" <= each <= "\udfff" else each for each in text)


def _escaped(letter: str) -> str:
    if "\udc80" <= letter <= "\udcff":  # a byte that is no text, as the file system gives it
        return f"\\x{ord(letter) - 0xDC00:02x}"
    return letter.encode("unicode_escape").decode("ascii")


def other_files(counts: Mapping[str, int]) -> str:
    """Files that are no images, given by suffix: '10 other files: .bin 9, .spider 1'."""
    told = ", ".join(f"{suffix or 'no suffix'} {count:,}" for suffix, count in sorted(counts.items()))
    return f"{plural(sum(counts.values()), 'other file')}: {told}"


def quote(text: str) -> str:
    """`text` in double quotes; also how `dedup.query.where` writes a text."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean "x"?` for the known name closest to `word`, or an empty text."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {quote(close[0])}?" if close else ""


def unknown_tag(name: str, known: Iterable[str]) -> UnknownTag:
    """The error for a tag that is none of the known ones, with the closest of them."""
    return UnknownTag(f"There is no tag {quote(name)}{did_you_mean(name, known) or '.'}")
