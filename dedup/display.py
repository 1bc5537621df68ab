"""Groups and pairs as objects that show themselves: with pictures in a notebook, as text elsewhere."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol, overload

import pandas as pd

from dedup.errors import DedupError
from dedup.groups.members import members
from dedup.model import Role
from dedup.words import difference, plural, size, visible

MOST = 12
"""Pictures shown of one group; a cell's output stays a few hundred kilobytes."""
BIGGEST = 3
"""Groups shown of a dataset."""
SIDE = 180
"""Longer side of a picture in pixels."""

_CARD = (
    '<figure style="margin:0 .75rem .75rem 0;display:inline-block;vertical-align:top;max-width:{side}px">{picture}'
    '<figcaption style="font-size:.8rem;overflow-wrap:anywhere">{lines}</figcaption></figure>'
)


class Images(Protocol):
    """What is read of a dataset."""

    @property
    def directory(self) -> Path:
        """Where its results live."""

    @property
    def frame(self) -> pd.DataFrame:
        """One row per image."""

    def at_hand(self, row: int, /) -> AbstractContextManager[Path]:
        """A file with an image, wherever it lies. Raises `UnreadableImage`."""


@dataclass(frozen=True)
class Group:
    """Copies of one image, as they stood when they were asked for: `rows` in the dataset's frame, the keeper first, and
    `frame`, these rows of it."""

    number: int
    rows: tuple[int, ...]
    frame: pd.DataFrame = field(repr=False, compare=False)
    _images: Images = field(repr=False, compare=False)

    @property
    def keeper(self) -> str:
        """Path of the image to keep, relative to the dataset's root."""
        return str(self.frame["path"].iat[0])

    @property
    def copies(self) -> tuple[str, ...]:
        """Paths of the others."""
        return tuple(self.frame["path"].iloc[1:])

    @property
    def reason(self) -> str:
        """Why the keeper stays."""
        return str(self.frame["keeper_reason"].iat[0])

    def __repr__(self) -> str:
        told = [f"Group {self.number}: keep {visible(self.keeper)}, because {visible(self.reason)}"]
        for path, line in zip(self.copies, self._lines()[1:], strict=True):
            told.append(f"  {visible(path)}: {visible(line)}")
        return "\n".join(told)

    def _repr_html_(self) -> str:
        cards = [
            card(self._images, row, line) for row, line in zip(self.rows[:MOST], self._lines()[:MOST], strict=True)
        ]
        more = f"<p>and {plural(len(self.rows) - MOST, 'more copy')}</p>" if len(self.rows) > MOST else ""
        return f"<div><p><b>Group {self.number}</b></p>{''.join(cards)}{more}</div>"

    def _lines(self) -> list[str]:
        """What is to be said of each image."""
        said = []
        for one in self.frame[["role", "kind", "relation", "distance"]].to_dict("records"):
            if one["role"] == Role.KEEPER:
                said.append(f"keep: {self.reason}")
            else:
                said.append(described(str(one["kind"]), str(one["relation"]), float(one["distance"])))
        return said


class Groups(Sequence[Group]):
    """The groups of a dataset as it stood when they were asked for, most bytes to save first. `table` has one row per
    group: group (its number), keeper (row), path, reason, images, exact, near (counts) and bytes_saved."""

    def __init__(self, images: Images, table: pd.DataFrame) -> None:
        self.table = table
        self._images, self._frame = images, images.frame

    def __len__(self) -> int:
        return len(self.table)

    @overload
    def __getitem__(self, place: int) -> Group: ...
    @overload
    def __getitem__(self, place: slice) -> list[Group]: ...
    def __getitem__(self, place: int | slice) -> Group | list[Group]:
        numbers = self.table["group"].tolist()[place]
        return [self._group(each) for each in numbers] if isinstance(numbers, list) else self._group(numbers)

    def __iter__(self) -> Iterator[Group]:
        return map(self._group, self.table["group"].tolist())

    def _group(self, number: int) -> Group:
        rows = self._members[number]
        return Group(number, tuple(rows), self._frame.iloc[rows], self._images)

    @cached_property
    def _members(self) -> dict[int, list[int]]:
        return members(self._frame)

    def __repr__(self) -> str:
        told = plural(len(self), "group")
        return f"{told}, {size(int(self.table['bytes_saved'].sum()))} to save"

    def _repr_html_(self) -> str:
        shown = "".join(group._repr_html_() for group in self[:BIGGEST])
        more = f"<p>and {plural(len(self) - BIGGEST, 'more group')}</p>" if len(self) > BIGGEST else ""
        return f"<div><p>{html.escape(repr(self))}</p>{shown}{more}</div>"


@dataclass(frozen=True)
class Pair:
    """Two related images, rows of the dataset's frame, and what was done to the left one to make the right one."""

    left: int
    right: int
    kind: str
    distance: float
    relation: str
    _images: Images = field(repr=False, compare=False)

    @property
    def paths(self) -> tuple[str, str]:
        """Their paths, relative to the dataset's root."""
        column = self._images.frame["path"]
        return str(column.iat[self.left]), str(column.iat[self.right])

    def __repr__(self) -> str:
        left, right = map(visible, self.paths)
        return f"{left} and {right}: {visible(described(self.kind, self.relation, self.distance))}"

    def _repr_html_(self) -> str:
        told = html.escape(described(self.kind, self.relation, self.distance))
        return f"<div>{card(self._images, self.left)}{card(self._images, self.right)}<p>{told}</p></div>"


def described(kind: str, relation: str, distance: float) -> str:
    """Kind, relation and distance in a line: 'near: mirrored, distance 0.02'."""
    return kind + difference(kind, relation, distance)


def card(images: Images, row: int, line: str = "") -> str:
    """HTML of one image: its picture, its path and a line; names are text, whatever is in them."""
    path = str(images.frame["path"].iat[row])
    lines = "<br>".join(html.escape(visible(each)) for each in (path, line) if each)
    return _CARD.format(side=SIDE, picture=_picture(images, row), lines=lines)


def _picture(images: Images, row: int) -> str:
    """The thumbnail within the HTML, so that a saved notebook shows it anywhere."""
    from dedup.images import thumbnails  # most programs show none

    record = images.frame[["sha256", "mtime_ns"]].iloc[row]
    name = thumbnails.version(str(record["sha256"]), int(record["mtime_ns"]))
    try:
        file = thumbnails.thumbnail(images.at_hand(row), images.directory / "thumbnails", name)
        data = base64.b64encode(file.read_bytes()).decode("ascii")
    except (DedupError, OSError) as error:
        return f'<p style="width:{SIDE}px">cannot be shown: {html.escape(visible(str(error)))}</p>'
    style = f"max-width:{SIDE}px;max-height:{SIDE}px"
    return f'<img alt="" style="{style}" src="data:image/jpeg;base64,{data}">'


def overview(name: str, address: str, counts: Mapping[str, int], saved: int, groups: Sequence[Group]) -> str:
    """HTML of a dataset: counts by kind, bytes to save, the first groups."""
    cells = "".join(f"<td>{html.escape(kind)}</td><td><b>{count:,}</b></td>" for kind, count in counts.items())
    shown = "".join(group._repr_html_() for group in groups)
    heading = f"<b>{html.escape(visible(name))}</b> {html.escape(visible(address))}"
    return f"<div><p>{heading}</p><table><tr>{cells}</tr></table><p>{size(saved)} to save</p>{shown}</div>"
