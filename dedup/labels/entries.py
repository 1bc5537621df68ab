"""The annotations of a document, kept as the text they were read from and decoded when they are asked for; and
documents as text again.

A file of 300 MB holds 600,000 annotations: as objects they fill 3 GB, as text what the file is long. What most work
asks of all of them is only whose they are (`column`), and those of a few images are decoded.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeGuard, TypeVar, overload

import msgspec

Entry = dict[str, Any]
Held = msgspec.Raw | Entry


class Ids(msgspec.Struct, gc=False):
    """What of an annotation says whose it is."""

    id: Any = None
    image_id: Any = None
    category_id: Any = None


class Sized(msgspec.Struct, gc=False):
    """What of an annotation says how large it is, and whether it stands for many."""

    bbox: Any = None
    iscrowd: Any = None


class Entries(Sequence[Entry]):
    """A list of annotations that never changes and takes little memory. Entries are decoded anew each time they are
    asked for: to change one that was given out changes nothing here."""

    def __init__(self, held: Iterable[Held] = ()) -> None:
        self._held = list(held)
        self._columns: dict[str, list[Any]] = {}

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Entries:
        """Those of `entries`, kept small."""
        return entries if isinstance(entries, Entries) else cls(map(packed, entries))

    def __len__(self) -> int:
        return len(self._held)

    @overload
    def __getitem__(self, place: int) -> Entry: ...
    @overload
    def __getitem__(self, place: slice) -> Entries: ...
    def __getitem__(self, place: int | slice) -> Entry | Entries:
        return Entries(self._held[place]) if isinstance(place, slice) else unpacked(self._held[place])

    def __iter__(self) -> Iterator[Entry]:
        return map(unpacked, self._held)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(one == another for one, another in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def column(self, key: str) -> list[Any]:
        """One of the fields of `Ids` of every entry, None where it has none."""
        if not self._columns:
            columns: dict[str, list[Any]] = {name: [] for name in Ids.__struct_fields__}
            images: dict[Any, Any] = {}
            for ids in (_part(held, _IDS) for held in self._held):
                columns["id"].append(ids.id)
                columns["image_id"].append(images.setdefault(ids.image_id, ids.image_id))  # one object, not thousands
                columns["category_id"].append(ids.category_id)
            self._columns = columns
        return self._columns[key]

    def sized(self) -> Iterator[Sized]:
        """The box of every entry, and whether it is a crowd, None where it does not say."""
        return (_part(held, _SIZED) for held in self._held)

    def where(self, chosen: Iterable[bool]) -> Entries:
        """The entries at which `chosen` is true."""
        return Entries(held for held, wanted in zip(self._held, chosen, strict=True) if wanted)

    def changed(self, changes: Mapping[int, Callable[[Entry], Entry]]) -> Entries:
        """The same with what `changes` makes of the entries at its places."""
        held = list(self._held)
        for place, change in changes.items():
            held[place] = packed(change(unpacked(held[place])))
        return Entries(held)

    def with_fields(self, fields: Mapping[int, Entry]) -> Entries:
        """The same with `fields` in the entries at its places, instead of what they said there."""
        return self.changed({place: partial(_with_fields, fields=new) for place, new in fields.items()})

    def with_more(self, entries: Iterable[Entry]) -> Entries:
        """The same with further ones at the end."""
        more = entries._held if isinstance(entries, Entries) else map(packed, entries)
        return Entries([*self._held, *more])

    def texts(self) -> Iterator[bytes]:
        """Each entry as JSON, as it was read where it is as it was."""
        return (
            bytes(held) if isinstance(held, msgspec.Raw) else json.dumps(held, allow_nan=False).encode()
            for held in self._held
        )


def _with_fields(entry: Entry, fields: Entry) -> Entry:
    return entry | fields


def packed(entry: Entry) -> Held:
    """An entry as text; as it is where the text would not read the same (a number beyond 64 bits, half a character)."""
    try:
        return msgspec.Raw(msgspec.json.encode(entry))
    except (UnicodeEncodeError, OverflowError, RecursionError):
        return entry


_decode = msgspec.json.Decoder().decode
_IDS, _SIZED = msgspec.json.Decoder(Ids), msgspec.json.Decoder(Sized)
Part = TypeVar("Part", Ids, Sized)


def unpacked(held: Held) -> Entry:
    """The entry that is held, a copy."""
    return _decode(held) if isinstance(held, msgspec.Raw) else dict(held)


def _part(held: Held, decoder: msgspec.json.Decoder[Part]) -> Part:
    """The fields of a struct, of the entry that is held."""
    if isinstance(held, msgspec.Raw):
        return decoder.decode(held)
    return decoder.type(*(held.get(name) for name in decoder.type.__struct_fields__))


# --- documents as text ------------------------------------------------------------------------------------------------

ENTRIES_A_CHUNK = 2_000


def is_list(value: Any) -> TypeGuard[Sequence[Any]]:
    """Whether a value of a document is a list of entries."""
    return isinstance(value, list | Entries)


def chunks(document: Mapping[str, Any], on_written: Callable[[int], object] = lambda count: None) -> Iterator[bytes]:
    """A document as JSON, a few thousand entries at a time, whose number is told once they are taken. Raises ValueError
    for numbers that JSON has no word for."""
    yield b"{"
    for place, (key, value) in enumerate(document.items()):
        yield (", " if place else "").encode() + json.dumps(key).encode() + b": "
        if not is_list(value):
            yield json.dumps(value, allow_nan=False).encode()
            continue
        yield b"["
        for start in range(0, len(value), ENTRIES_A_CHUNK):
            part = value[start : start + ENTRIES_A_CHUNK]
            yield (b", " if start else b"") + b", ".join(_texts(part))
            on_written(len(part))
        yield b"]"
    yield b"}\n"


def _texts(part: Sequence[Any]) -> Iterable[bytes]:
    if isinstance(part, Entries):
        return part.texts()
    return [json.dumps(part, allow_nan=False)[1:-1].encode()]
