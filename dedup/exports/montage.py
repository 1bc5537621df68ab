"""One picture per group: its copies side by side, keeper first, each with name, hash and relation."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from dedup.errors import ExportError, UnreadableImage
from dedup.files import atomic_write, require_here
from dedup.groups.members import members
from dedup.images.decode import open_picture
from dedup.model import Kind, OnProgress, Progress, Role
from dedup.words import plural

TILE = 240
LINE = 17
LINES = 4
MARGIN = 10
COLUMNS = 6
MOST = 24
"""Copies drawn of one group; of more, the last line says how many."""

PAPER, INK, QUIET = "#ffffff", "#1a1a1a", "#5f5f5f"
COLOURS = {Role.KEEPER: "#009e73", Kind.EXACT: "#d55e00", Kind.NEAR: "#e69f00"}
"""Frames of the keeper, exact and near copies: Okabe and Ito's colour-blind safe palette."""


class Images(Protocol):
    """What a montage reads of a dataset."""

    @property
    def root(self) -> Path:
        """The scanned folder."""

    @property
    def frame(self) -> pd.DataFrame:
        """One row per image."""

    def at_hand(self, row: int, /) -> AbstractContextManager[Path]:
        """A file with an image, wherever it lies. Raises `UnreadableImage`."""


def write(
    images: Images, folder: Path, groups: Sequence[Sequence[int]] | None = None, on_progress: OnProgress | None = None
) -> list[Path]:
    """Write a PNG per group into `folder` and return their paths; `groups` are rows, the keeper first (all groups by
    default).

    Each is named by its number and the keeper's hash, so that a second run writes the same files again. Raises
    `ExportError` when the folder lies inside the dataset (the next scan would take the montages for images), on another
    machine, or cannot be made, and `DatasetError` when the disk refuses.
    """
    require_here(folder)
    if folder.resolve().is_relative_to(images.root.resolve()):
        raise ExportError(f"{folder} is inside the dataset; choose a folder for the montages outside of it.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise ExportError(f"{folder} is a file. Give a folder to write the montages into.") from error
    except OSError as error:
        raise ExportError(f"Cannot make the folder {folder}: {error.strerror}; choose another.") from error
    if groups is None:
        groups = list(members(images.frame).values())
    written = []
    for number, rows in enumerate(groups):
        path = folder / f"group-{number + 1:05d}-{str(images.frame['sha256'].iat[rows[0]])[:12]}.png"
        with atomic_write(path) as stream:
            draw(images, rows).save(stream, "PNG")
        written.append(path)
        if on_progress is not None:
            on_progress(Progress("montage", len(written), len(groups)))
    return written


def draw(images: Images, rows: Sequence[int]) -> Image.Image:
    """The montage, RGB, of the images in `rows`, in that order; of more than `MOST` a last line tells how many."""
    shown = rows[:MOST]
    columns = min(COLUMNS, len(shown))
    lines = -(-len(shown) // columns)
    width, height = TILE + MARGIN, TILE + LINES * LINE + MARGIN
    rest = LINE + MARGIN if len(rows) > len(shown) else 0
    sheet = Image.new("RGB", (columns * width + MARGIN, lines * height + MARGIN + rest), PAPER)
    for place, row in enumerate(shown):
        corner = (MARGIN + place % columns * width, MARGIN + place // columns * height)
        _tile(sheet, corner, images, row)
    if rest:
        text = f"and {plural(len(rows) - len(shown), 'more copy')}"
        ImageDraw.Draw(sheet).text((MARGIN, lines * height + MARGIN), text, fill=INK, font=_font())
    return sheet


def captions(frame: pd.DataFrame, row: int) -> list[str]:
    """The lines under a copy: name, size and hash, what it is, and why the keeper stays."""
    one = frame.iloc[row]
    facts = f"{one['width']}x{one['height']}  {one['bytes']:,} B  {one['sha256'][:12]}"
    if one["role"] == Role.KEEPER:
        return [one["path"], facts, "KEEPER", one["keeper_reason"]]
    return [one["path"], facts, one["relation"] or str(one["kind"])]


def _tile(sheet: Image.Image, corner: tuple[int, int], images: Images, row: int) -> None:
    left, top = corner
    pen, one = ImageDraw.Draw(sheet), images.frame.iloc[row]
    try:
        with images.at_hand(row) as file:
            picture = open_picture(file, reduce_to=2 * TILE)
        picture.thumbnail((TILE - 8, TILE - 8), Image.Resampling.LANCZOS)
        sheet.paste(picture, (left + (TILE - picture.width) // 2, top + (TILE - picture.height) // 2))
    except UnreadableImage as error:
        pen.text((left + 8, top + TILE // 2), _fit(f"cannot be shown: {error}", TILE - 16), fill=INK, font=_font())
    colour = COLOURS.get(one["role"]) or COLOURS.get(one["kind"], QUIET)
    pen.rectangle((left, top, left + TILE - 1, top + TILE - 1), outline=colour, width=3)
    for number, text in enumerate(captions(images.frame, row)):
        place = (left, top + TILE + 2 + number * LINE)
        pen.text(place, _fit(text, TILE), fill=INK if number in (0, 2) else QUIET, font=_font())


def _fit(text: str, width: int) -> str:
    """`text` without its middle where it is wider than `width` pixels: both ends of a path matter."""
    text = text.encode("utf-8", "replace").decode().replace("\n", " ")
    keep = len(text)
    shown = text
    while keep > 2 and _font().getlength(shown) > width:
        keep -= 1
        shown = f"{text[: keep // 2]}…{text[len(text) - (keep - keep // 2) :]}"
    return shown


def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(13)
