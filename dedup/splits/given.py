"""Splits from outside the folder names: a CSV that lists them, or one COCO file per split."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from dedup.errors import UsageError
from dedup.files import content_of
from dedup.labels import formats
from dedup.labels.coco import Attachment, match_names
from dedup.labels.formats.tables import SPLIT as SPLIT_OF_TABLES
from dedup.model import Change
from dedup.sources.lists import PATH_COLUMNS, separator_of
from dedup.sources.split_names import split_name, splits_in
from dedup.store.decisions import SPLIT, Decisions
from dedup.store.home import clean_name

NAME_COLUMNS = (*PATH_COLUMNS, "image_id", "image_name", "name", "id")
SPLIT_COLUMNS = (*SPLIT_OF_TABLES, "fold", "after")
"""The last one is that of the moves that `dedup.splits.leaks` proposes."""


@dataclass(frozen=True)
class Splits:
    """What a source says: path to split; names it has that the dataset has not; names that could
    mean several images, and paths it puts in several splits; of these `several` says which."""

    of: Mapping[str, str]
    missing: tuple[str, ...] = ()
    ambiguous: tuple[str, ...] = ()
    several: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def unclear(self) -> tuple[str, ...]:
        """The names that could mean several images."""
        return tuple(name for name in self.ambiguous if name not in self.several)

    def new(self, frame: pd.DataFrame) -> dict[str, str]:
        """Path to split of the images that would change theirs."""
        held = dict(zip(frame["path"].tolist(), frame["split"].tolist(), strict=True)) if self.of else {}
        return {path: split for path, split in self.of.items() if held.get(path) != split}


def from_csv(file: Path, paths: Sequence[str]) -> Splits:
    """Read a CSV with a column of paths (path, file_name, image_id, ...) and one of splits (split, subset, ...).

    `paths` are the dataset's. Names without their folders, without a suffix and absolute ones are understood where one
    image alone can be meant. Raises `UsageError` when the file or one of the columns is missing.
    """
    said, missing, ambiguous = _said(file, paths, SPLIT_COLUMNS)
    found = _gathered(said, missing)
    return replace(found, ambiguous=(*ambiguous, *found.ambiguous))


def column_of(file: Path, column: str, paths: Sequence[str]) -> tuple[list[tuple[str, str]], tuple[str, ...]]:
    """A column of a CSV by path, for what images have in common (patient, camera), and names of no image. Raises
    `UsageError`, also for names that several images may have: what belongs together would be guessed."""
    said, missing, ambiguous = _said(file, paths, [column.strip().lower()])
    if ambiguous:
        raise UsageError(f"{file} names {ambiguous[0]!r}, which several images may be. Give paths as in the dataset.")
    if not said:
        raise UsageError(f"{file} names no image of this dataset. Give paths as in the dataset.")
    return said, missing


def _said(
    file: Path, paths: Sequence[str], wanted: Sequence[str]
) -> tuple[list[tuple[str, str]], tuple[str, ...], tuple[str, ...]]:
    """(path, value) of every row that means one image; names that mean none, and names that may mean several."""
    try:
        text = content_of(file).decode("utf-8-sig")
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator_of(text.split("\n", 1)[0]))
        columns = {name.strip().lower(): name for name in reader.fieldnames or () if name}
        path, split = _column(file, columns, NAME_COLUMNS), _column(file, columns, wanted)
        rows = [(row[path] or "", (row[split] or "").strip()) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"Cannot read {file}: {error}.") from error
    known = set(paths)
    named = [(_dataset_path(text, known), split) for text, split in rows]
    unknown = list(dict.fromkeys(name for name, _ in named if name not in known))
    meant = dict(zip(unknown, match_names(unknown, paths), strict=True))
    missing = tuple(name for name, path in meant.items() if path is None)
    ambiguous = tuple(name for name, path in meant.items() if path == "")
    said = [(meant.get(name, name) or "", split) for name, split in named]
    return [(path, value) for path, value in said if path], missing, ambiguous


def from_labels(sources: Mapping[Path, Attachment], pictures: formats.Pictures | None = None) -> Splits:
    """The splits that sources of labels tell: `ImageSets` of Pascal VOC, the folders and lists of a data.yaml, a column
    of splits, CVAT's subsets (for all of which `pictures` are needed), else the words of a file's name
    (`instances_train2017.json`), for the images that it labels. One that tells of none or of several is passed over.
    Raises `AnnotationError` for a list that cannot be read."""
    said = []
    for source, attachment in sources.items():
        told: list[tuple[str, str]] = []
        if pictures is not None:
            told = formats.splits_of(source, pictures)
        named = splits_in(source.stem) if not told else set()
        if len(named) == 1:
            (split,) = named
            told = [(split, path) for path in attachment.image_ids]
        said += [(path, split) for split, path in told]
    return _gathered(said, ())


def changes(splits: Mapping[str, str]) -> list[Change]:
    """Decisions that set the split of images (path to split; "" takes one set before away).

    Raises `UsageError` for a split that cannot name a file: a repair is written as one file per split.
    """
    for split in set(splits.values()) - {""}:
        check_name(split)
    return [(SPLIT, path, "", split or None) for path, split in splits.items()]


def check_name(split: str) -> None:
    """Raises `UsageError` when no file can be called like the split."""
    if clean_name(split) != unicodedata.normalize("NFC", split):
        raise UsageError(
            f"{split!r} cannot name a split. Use letters, digits, spaces and dashes, e.g. {clean_name(split)!r}."
        )


def follow(decisions: Decisions, new: Mapping[str, str], source: str) -> int:
    """Set the splits (path to split) that a source says, in one undoable step; returns how many images changed."""
    return decisions.decide(changes(new), f"Set splits by {source}")


def forget(decisions: Decisions) -> None:
    """Take back every split that was set, in one undoable step: folders tell them again."""
    paths = [path for path, _ in decisions.values(SPLIT)]
    decisions.decide(changes(dict.fromkeys(paths, "")), "Forget the splits set here")


def _gathered(said: Iterable[tuple[str, str]], missing: tuple[str, ...]) -> Splits:
    every: dict[str, set[str]] = {}
    for path, split in said:
        if split:
            every.setdefault(path, set()).add(split_name(split) or split)
    of = {path: next(iter(splits)) for path, splits in every.items() if len(splits) == 1}
    several = {path: tuple(sorted(every[path])) for path in sorted(every.keys() - of.keys())}
    return Splits(of, missing, tuple(several), several)


def _dataset_path(text: str, known: Collection[str]) -> str:
    """The path that a CSV means: as our exports write it, else as other programs may."""
    exact = text.removeprefix("./")
    return exact if exact in known else text.strip().replace("\\", "/").removeprefix("./")


def _column(file: Path, columns: Mapping[str, str], wanted: Sequence[str]) -> str:
    found = next((columns[name] for name in wanted if name in columns), None)
    if found is None:
        raise UsageError(f"{file} has no column called {wanted[0]}; name one so.")
    return found
